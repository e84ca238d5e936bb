/*
 * Definition and repetition levels of nested columns, one byte an entry.
 *
 *   list of optional int32, [[1, null], [], null, [3]]     definition_max 3, repetition_max 1
 *
 *     repetition   0  1  0  0  0       0: a row begins; 1: one more item of its list
 *     definition   3  2  1  0  3       3: a value; 2: a null item; 1: an empty list; 0: no list
 *     slots        1  -        3       an entry with definition 2 and more is an item
 *
 * The loops are leaf functions with plain arguments.
 */
#ifndef SLP_PARQUET_LEVELS_H
#define SLP_PARQUET_LEVELS_H

#include "parquet/cursor.h"

/* Levels of the rows of a batch, one byte an entry. */
struct pq_levels {
    struct buf definitions;
    struct buf repetitions;
};

/* More entries than this of one leaf in one batch are refused. */
#define PQ_LEVELS_MAX_BYTES ((size_t)1 << 28)

/* Find the levels at the start of a v1 body; `body` is what follows them. Errors: CORRUPT,
 * UNSUPPORTED, NO_MEMORY. */
SLP_NODISCARD slp_rc pq_levels_open_v1(struct pq_cursor *c, const struct pq_page_header *header,
                                       struct slice *body, struct pq_scratch *scratch,
                                       struct slp_err *err);

void pq_levels_open_v2(struct pq_cursor *c, struct slice repetitions, struct slice definitions);

/* How many levels are `least` or more. */
size_t pq_levels_count(const uint8_t *v, size_t n, uint8_t least);

/* How many of `count` entries come before row `rows` + 1 of those that begin in them; `*begun` is
 * how many begin before that. */
size_t pq_levels_cut(const uint8_t *repetitions, size_t count, int64_t rows, int64_t *begun);

/*
 * Can levels follow each other so? A repetition goes on with a list, which must have an item in the
 * entry and in the one before: `before` is that one's definition level.
 *
 * `item_definitions` as in struct pq_column; levels are not above its greatest.
 */
bool pq_levels_are_sound(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                         uint8_t before, const uint8_t *item_definitions, uint8_t repetition_max);

/* Slots among at most PQ_STEP_ROWS entries: those with a level of `slot` or more, present at
 * `present`. Their bitmap goes into `bits`; returns how many slots, and `*set` of them present. */
size_t pq_levels_slots(const uint8_t *definitions, size_t count, uint8_t slot, uint8_t present,
                       uint8_t *bits, size_t *set);

/* What one node of the tree takes from the levels of a leaf below it. */
struct pq_level_rule {
    uint8_t repetition; /* of the innermost list around the node */
    uint8_t slot;       /* definition level from which that list has an item */
    uint8_t present;    /* from which the node is not null */
    uint8_t item;       /* lists: from which it has an item */
};

/* Lists: lengths[1 + i] and bit 1 + i of `bits`, both zeroed, for slot i. Returns how many slots.
 * The levels are sound. */
size_t pq_levels_lists(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                       struct pq_level_rule rule, int32_t *lengths, uint8_t *bits);

/* Structs: bit i of `bits`, zeroed, for slot i. Returns how many slots. */
size_t pq_levels_structs(const uint8_t *definitions, const uint8_t *repetitions, size_t count,
                         struct pq_level_rule rule, uint8_t *bits);

/* Do two leaves agree on what they share: entries up to `repetition`, and definition levels up to
 * `definition` in them? */
bool pq_levels_agree(struct slice definitions, struct slice repetitions, struct slice definitions_b,
                     struct slice repetitions_b, uint8_t definition, uint8_t repetition);

#endif
