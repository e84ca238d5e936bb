/*
 * FLOAT16: halves as IEEE 754 has them, 1 bit of sign, 5 of exponent, 10 of fraction, to doubles
 * and back. Every half is a double; a double becomes the nearest half, ties to even, and infinity
 * from 65520 on.
 */
#ifndef SLP_ARROW_HALF_H
#define SLP_ARROW_HALF_H

#include <stdint.h>

double arr_half_to_f64(uint16_t half);
uint16_t arr_half_of_f64(double value);

#endif
