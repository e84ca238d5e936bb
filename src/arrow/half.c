#include "arrow/half.h"

#include <string.h>

#define HALF_BIAS   15
#define DOUBLE_BIAS 1023

/* 2^exponent, of a normal double. */
static double power_of_2(int exponent)
{
    uint64_t bits = (uint64_t)(DOUBLE_BIAS + exponent) << 52;
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double arr_half_to_f64(uint16_t half)
{
    unsigned exponent = (half >> 10) & 31;
    unsigned fraction = half & 1023;
    uint64_t sign = (uint64_t)(half >> 15) << 63;
    uint64_t bits = 0;
    double value = 0;
    if (exponent == 31) {
        bits = 0x7ff0000000000000u | (uint64_t)fraction << 42;
    } else if (exponent) {
        bits = (uint64_t)(exponent - HALF_BIAS + DOUBLE_BIAS) << 52 | (uint64_t)fraction << 42;
    } else {
        value = (double)fraction * power_of_2(-24);
        memcpy(&bits, &value, sizeof bits);
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t arr_half_of_f64(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    unsigned sign = (unsigned)(bits >> 63) << 15;
    uint64_t positive = bits & 0x7fffffffffffffffu;
    memcpy(&value, &positive, sizeof value);
    if (positive > 0x7ff0000000000000u) {
        /* The payload's first bits, and a bit that keeps it from being infinity. */
        return (uint16_t)(sign | 0x7e00u | (unsigned)(positive >> 42 & 511));
    }
    if (value >= 65520.0)
        return (uint16_t)(sign | 0x7c00u);
    int exponent = (int)(positive >> 52) - DOUBLE_BIAS;
    if (exponent < -14)
        exponent = -14;
    /* In units of the last place; adding and taking away 2^52 rounds to even. */
    double units = value * power_of_2(10 - exponent);
    double magic = power_of_2(52);
    unsigned rounded = (unsigned)(units + magic - magic);
    /* 1024 units are the implied bit; 2048 carry into the exponent. */
    unsigned biased = (unsigned)(exponent + HALF_BIAS);
    if (rounded < 1024)
        return (uint16_t)(sign | rounded);
    return (uint16_t)(sign | ((biased << 10) + (rounded - 1024)));
}
