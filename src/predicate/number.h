/*
 * Exact numbers: where a literal falls among the values a column can hold.
 *
 * A comparison with a literal is decided exactly, never by rounding. The values of an integer or
 * decimal column are i / 10^scale; a literal stands at one of them, between two, or beyond all:
 *
 *       ... -- i -- * -- i+1 -- ...        i = 2, literal 2.5:  x < 2.5  is  x <= 2
 *                   `-- AFTER i                                 x = 2.5  is  never
 */
#ifndef SLP_PREDICATE_NUMBER_H
#define SLP_PREDICATE_NUMBER_H

#include "base/num.h"
#include "base/slice.h"

#define PRED_SCALE_MAX 38

struct pred_number {
    i128 mantissa;
    int scale; /* value = mantissa / 10^scale; 0 to PRED_SCALE_MAX */
};

/* Where a literal stands: at a value, right behind it, below all values or above all. */
enum pred_side { PRED_AT, PRED_AFTER, PRED_BELOW, PRED_ABOVE };

/* 10^n, n at most PRED_SCALE_MAX. */
i128 pred_pow10(int n);

/* Parse [+-] digits [. digits]. false: another form, or it does not fit (about 38 digits). */
bool pred_number_parse(struct slice text, struct pred_number *out);

/* Place a number among multiples of 1 / 10^scale; `*floor` is set for AT and AFTER. */
enum pred_side pred_number_place(struct pred_number n, int scale, i128 *floor);

/* The same for a double. NaN is above all. */
enum pred_side pred_double_place(double d, int scale, i128 *floor);

/* Place an integer among the doubles; `*at` is set: always AT or AFTER. */
enum pred_side pred_integer_place(i128 n, double *at);

/* Compare by value: less than, equal to, greater than 0. NaN equals itself and is above all. */
int pred_compare_numbers(struct pred_number a, struct pred_number b);
int pred_compare_doubles(double a, double b);
int pred_compare_mixed(struct pred_number a, double b);

#endif
