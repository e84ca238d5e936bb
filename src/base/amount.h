/*
 * Amounts as people write them: whole numbers, sizes in bytes, durations.
 *
 *   4096  128MB = 128,000,000  2GiB = 2,147,483,648     90  90s  30m  12h  7d = 604,800 seconds
 */
#ifndef SLP_BASE_AMOUNT_H
#define SLP_BASE_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* All of `text` as a whole number from 0 on. false if it is none, or more than INT64_MAX; here and
 * below `*out` is then left alone. */
bool text_parse_whole(struct slice text, int64_t *out);

/* A size in bytes: a whole number, with B, K, KB, M, MB, G, GB, T, TB by thousands, or KiB, MiB, GiB,
 * TiB by 1,024. */
bool text_parse_bytes(struct slice text, int64_t *out);

/* A duration in seconds: a whole number, with s, m, h or d. At most INT64_MAX microseconds. */
bool text_parse_seconds(struct slice text, int64_t *out);

#endif
