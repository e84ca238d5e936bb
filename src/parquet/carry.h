/*
 * Carrying pages over from a file into a group as they are: no value is decoded.
 *
 *   row group of a file   | column 0: [dict] p0 p1 p2 p3 | column 1: [dict] q0 q1 q2 q3 |
 *                                            `-----'                        `-----'
 *   group                 | [dict] p1 p2 | [dict] q1 q2 |        rows of two blocks
 *
 * That is possible where pages begin at the first row and behind the last one in all columns, and
 * where the group might have been encoded so: the same columns, the codec that is wanted or none
 * (levels are not told apart), encodings of the profile, pages of its version. A dictionary comes
 * along whole, unless it is large, and larger than the pages it is for. Each page is held against its CRC;
 * bounds and counts come from the page indexes of the file. Exactness of the bounds of strings is
 * not stored there: they count as cut.
 *
 * Nested columns, columns with bloom filters and such without statistics are not carried.
 */
#ifndef SLP_PARQUET_CARRY_H
#define SLP_PARQUET_CARRY_H

#include "parquet/writer.h"

/* Rows [first, first + count) of row group `group`. `meta` is the footer of the file behind
 * `src`. */
struct pq_carry {
    const struct pq_meta *meta;
    struct source *src;
    size_t group;
    int64_t first;
    int64_t count;
};

/*
 * Make these rows the whole of `g`. `*done` is false when they cannot be carried; then, and after
 * an error, `g` has no rows.
 *
 * Errors   CORRUPT  a page that fails its CRC, or does not fit the page index (column, offset)
 *          LIMIT, NO_MEMORY, and whatever the source returns
 * Cost     a round of reads a column for its page index, one for all pages; one pass over them
 */
SLP_NODISCARD slp_rc pq_group_carry(struct pq_group *g, const struct pq_carry *what, bool *done,
                                    struct slp_err *err);

#endif
