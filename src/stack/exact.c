#include "stack/exact.h"

#include <math.h>

#include "base/num.h"

#define WORD 64
/* Exponent of bit 0. */
#define LEAST_EXPONENT (-1074)

void stack_exact_clear(struct stack_exact *x)
{
    memset(x->words, 0, sizeof x->words);
}

/* Add or subtract a word at `at`, and what it carries upwards. */
static void add_word(struct stack_exact *x, size_t at, uint64_t word)
{
    for (; word != 0 && at < EXACT_WORDS; at++) {
        uint64_t sum = 0;
        word = num_add_u64(x->words[at], word, &sum) ? 0 : 1;
        x->words[at] = sum;
    }
}

static void sub_word(struct stack_exact *x, size_t at, uint64_t word)
{
    for (; word != 0 && at < EXACT_WORDS; at++) {
        uint64_t have = x->words[at];
        x->words[at] = have - word;
        word = have < word ? 1 : 0;
    }
}

void stack_exact_add(struct stack_exact *x, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    assert(exponent != 0x7ff);
    unsigned place = exponent ? exponent - 1 : 0;
    if (exponent)
        mantissa |= (uint64_t)1 << 52;
    u128 wide = (u128)mantissa << (place % WORD);
    size_t at = place / WORD;
    if (bits >> 63) {
        sub_word(x, at, (uint64_t)wide);
        sub_word(x, at + 1, (uint64_t)(wide >> WORD));
    } else {
        add_word(x, at, (uint64_t)wide);
        add_word(x, at + 1, (uint64_t)(wide >> WORD));
    }
}

static bool is_negative(const struct stack_exact *x)
{
    return x->words[EXACT_WORDS - 1] >> 63;
}

/* The magnitude, and whether the sum is negative. */
static bool magnitude_of(const struct stack_exact *x, struct stack_exact *out)
{
    *out = *x;
    if (!is_negative(x))
        return false;
    for (size_t i = 0; i < EXACT_WORDS; i++)
        out->words[i] = ~x->words[i];
    add_word(out, 0, 1);
    return true;
}

bool stack_exact_add_stored(struct stack_exact *x, struct slice stored)
{
    if (stored.len < 9 || (stored.len - 1) % 8 != 0)
        return false;
    size_t first = stored.ptr[0] & 0x7f;
    size_t count = (stored.len - 1) / 8;
    if (first + count > EXACT_WORDS)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = num_load_u64le(stored.ptr + 1 + 8 * i);
        if (stored.ptr[0] & 0x80)
            sub_word(x, first + i, word);
        else
            add_word(x, first + i, word);
    }
    return true;
}

size_t stack_exact_store(const struct stack_exact *x, uint8_t *out)
{
    struct stack_exact m;
    bool negative = magnitude_of(x, &m);
    size_t first = 0;
    while (first < EXACT_WORDS - 1 && m.words[first] == 0)
        first++;
    size_t last = EXACT_WORDS - 1;
    while (last > first && m.words[last] == 0)
        last--;
    out[0] = (uint8_t)(first | (negative ? 0x80u : 0));
    for (size_t i = first; i <= last; i++)
        num_store_u64le(out + 1 + 8 * (i - first), m.words[i]);
    return 1 + 8 * (last - first + 1);
}

static bool bit_at(const struct stack_exact *m, int bit)
{
    return (m->words[bit / WORD] >> (bit % WORD)) & 1;
}

static bool any_below(const struct stack_exact *m, int bit)
{
    int whole = bit / WORD;
    for (int i = 0; i < whole; i++)
        if (m->words[i])
            return true;
    uint64_t mask = ((uint64_t)1 << (bit % WORD)) - 1;
    return (m->words[whole] & mask) != 0;
}

/* 64 bits from `bit` on. */
static uint64_t bits_from(const struct stack_exact *m, int bit)
{
    int at = bit / WORD;
    int shift = bit % WORD;
    uint64_t low = m->words[at] >> shift;
    if (shift && at + 1 < EXACT_WORDS)
        low |= m->words[at + 1] << (WORD - shift);
    return low;
}

double stack_exact_round(const struct stack_exact *x, bool to_float, bool *is_exact)
{
    struct stack_exact m;
    bool negative = magnitude_of(x, &m);
    int top = EXACT_WORDS * WORD - 1;
    while (top >= 0 && !bit_at(&m, top))
        top--;
    *is_exact = true;
    if (top < 0)
        return 0.0;
    int digits = to_float ? 24 : 53;
    int least = to_float ? -149 - LEAST_EXPONENT : 0;
    int low = top - digits + 1 > least ? top - digits + 1 : least;
    /* Below the least float everything is rounded away, or up to it. */
    uint64_t mantissa = low <= top ? bits_from(&m, low) : 0;
    if (low > 0 && any_below(&m, low)) {
        *is_exact = false;
        bool half = bit_at(&m, low - 1);
        if (half && (any_below(&m, low - 1) || (mantissa & 1)))
            mantissa++;
    }
    double value = ldexp((double)mantissa, low + LEAST_EXPONENT);
    if (to_float && value > 3.4028234663852886e38)
        value = (double)INFINITY;
    if (isinf(value))
        *is_exact = false;
    return negative ? -value : value;
}
