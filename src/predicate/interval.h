/*
 * Sets of byte strings as ascending, disjoint, half-open intervals: unions and intersections for
 * the ranges of keys. One set stands for the values of one key field, by their encoding; whole keys
 * use the same.
 *
 *   a >= 5            [enc(5), end)            a = 5    [enc(5), successor(enc(5)))
 *   a > 5             [successor(enc(5)), end)
 *
 * An interval that begins at the encoding of a value and ends at its successor holds that value
 * alone: a point, whose keys the next field can narrow. Neighbours that touch stay apart so that
 * points stay points.
 *
 * Sets are values in an arena. `is_all` is the whole line and has no intervals.
 */
#ifndef SLP_PREDICATE_INTERVAL_H
#define SLP_PREDICATE_INTERVAL_H

#include "base/arena.h"
#include "key/key.h"

struct pred_interval {
    struct key_range range;
    bool is_point;
};

struct pred_intervals {
    bool is_all;
    size_t count;
    struct pred_interval *items;
};

/* The successor of an encoded value in the arena; false when there is none. */
SLP_NODISCARD slp_rc pred_successor(struct slice bytes, struct arena *arena, struct slice *out,
                                    bool *has_end, struct slp_err *err);

/* Sort, drop empty ones, and join what overlaps. In place. */
void pred_intervals_normalise(struct pred_intervals *set);

/* Join neighbours that touch, and then, beyond `max`, equally many neighbours each. In place. */
void pred_intervals_bound(struct pred_intervals *set, size_t max);

SLP_NODISCARD slp_rc pred_intervals_intersect(const struct pred_intervals *a,
                                              const struct pred_intervals *b, struct arena *arena,
                                              struct pred_intervals *out, struct slp_err *err);

/* All that `set` does not hold. */
SLP_NODISCARD slp_rc pred_intervals_complement(const struct pred_intervals *set,
                                               struct arena *arena, struct pred_intervals *out,
                                               struct slp_err *err);

#endif
