/*
 * Exact sums of doubles: a fixed-point number wide enough for every double, so that addition is that
 * of integers and its order does not matter.
 *
 *   bit 0 is 2^-1074, the least double; 2098 bits reach the greatest; 78 more are room for carries
 *   and the sign: 34 words of 64 bits, two's complement.
 *
 * Stored form: 1 byte (number of the first word that is not 0, and 128 if negative), then the words
 * of the magnitude from there to the last that is not 0, little-endian. Infinities and NaN do not
 * come here.
 */
#ifndef SLP_STACK_EXACT_H
#define SLP_STACK_EXACT_H

#include "base/slice.h"

#define EXACT_WORDS     34
#define EXACT_MAX_BYTES (1 + 8 * EXACT_WORDS)

struct stack_exact {
    uint64_t words[EXACT_WORDS];
};

void stack_exact_clear(struct stack_exact *x);

/* Add a finite double. */
void stack_exact_add(struct stack_exact *x, double value);

/* Add a stored form. false when it is none. */
bool stack_exact_add_stored(struct stack_exact *x, struct slice stored);

/* Write the stored form of a sum that is not 0; returns its bytes, at most EXACT_MAX_BYTES. */
size_t stack_exact_store(const struct stack_exact *x, uint8_t *out);

/* The nearest double, or float as a double; ties to even; infinite beyond. `*is_exact`: nothing was
 * lost. */
double stack_exact_round(const struct stack_exact *x, bool to_float, bool *is_exact);

#endif
