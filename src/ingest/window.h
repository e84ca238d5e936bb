/*
 * Windows onto sorted rows: how a run hands out rows that it holds without keys.
 *
 *   rows of a run, columns alone | 1,024 rows | 1,024 rows | ...
 *                                  `-> a view of the columns; keys, or their columns with ordinals
 *
 * Encoding a key again costs less than holding it, or carrying it to a file and back: keys are more
 * than half of what short rows take. So at most the rows that a merge looks at just now have keys,
 * and where key/columns.h does without encoding them, not these either.
 *
 *   key of a sorted row   | encoded key | ordinal, 8 bytes, big-endian |
 *
 * No encoded key begins another one, so keys with ordinals order as keys do, and equal keys by
 * where their rows stood in the input. Any two runs may then be merged, in any order and grouping,
 * and the result is the same; ordinals are cut off when rows are written (ingest_strip).
 */
#ifndef SLP_INGEST_WINDOW_H
#define SLP_INGEST_WINDOW_H

#include "key/key.h"
#include "key/run.h"

#define INGEST_ORDINAL_BYTES KEY_NUMBER_BYTES

#define INGEST_WINDOW_ROWS 1024
/* A window has fewer rows where their keys take more. */
#define INGEST_WINDOW_KEY_BYTES ((size_t)32 << 10)
/* What a window takes beside that, about: ordinals and ends of keys, offsets of some columns. */
#define INGEST_WINDOW_BYTES (INGEST_WINDOW_KEY_BYTES + ((size_t)32 << 10))

/* Ordinals of rows: as four bytes above `base` each, or as eight where they lie further apart. */
struct ingest_ordinals {
    uint64_t base;
    struct buf numbers;
    bool is_wide;
};

static inline uint64_t ingest_ordinal_at(const struct ingest_ordinals *o, int64_t row)
{
    if (o->is_wide)
        return ((const uint64_t *)(const void *)o->numbers.ptr)[row];
    return o->base + ((const uint32_t *)(const void *)o->numbers.ptr)[row];
}

/* Replace what it holds by ordinals[order[i]], of `count` rows; order NULL: by ordinals[i]. Errors:
 * NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_ordinals_pick(struct ingest_ordinals *o, const uint64_t *ordinals,
                                          const uint32_t *order, int64_t count,
                                          struct slp_err *err);

/* Offsets of texts of one length, for all who look at such a column. */
struct ingest_even {
    struct buf offsets;
    uint32_t width;
};

struct ingest_window {
    struct alloc *mem;
    const struct arr_schema *schema;
    const struct key_spec *spec;
    struct arr_batch rows; /* bytes of its values are those of the rows looked at */
    struct key_vec keys;
    struct key_columns columns; /* in place of keys, where they can */
};

/* `schema` and `spec` outlive the window, which takes no memory until it is used. */
void ingest_window_init(struct ingest_window *w, struct alloc *mem, const struct arr_schema *schema,
                        const struct key_spec *spec);
void ingest_window_fini(struct ingest_window *w); /* a zeroed one is accepted */

/*
 * Look at rows from `*at` on, which is below `end`, but not at that, and move `*at` behind them. `out`
 * is good until the next call, while `rows` is.
 *
 * Errors   NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc ingest_window_next(struct ingest_window *w, const struct arr_batch *rows,
                                        const struct ingest_ordinals *ordinals, int64_t *at,
                                        int64_t end, struct run_block *out, struct slp_err *err);

/* Rows to look at. */
struct ingest_window_rows {
    const struct arr_batch *batch;
    const struct ingest_ordinals *ordinals; /* NULL: keys have none */
    int64_t first;
    int64_t count;
    int64_t ordinal; /* the first row's, among the ordinals */
    bool encoded;    /* keys, never their columns */
    const uint32_t
        *widths; /* of each column whose texts are of one length and have no offsets, else
                               0; NULL: there are none */
    const struct ingest_even *even; /* of each column, for those */
};

/* Look at just these rows. Errors: as above. */
SLP_NODISCARD slp_rc ingest_window_look(struct ingest_window *w,
                                        const struct ingest_window_rows *rows,
                                        struct run_block *out, struct slp_err *err);

/* Append the key of one row, with its ordinal. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_key_append(const struct key_spec *spec, const struct arr_batch *rows,
                                       const struct ingest_ordinals *ordinals, int64_t row,
                                       struct key_vec *out, struct slp_err *err);

/* The first of sorted rows whose key with its ordinal is not below `key`; rows->rows if there is
 * none. `scratch` holds a key. Errors: as above. */
SLP_NODISCARD slp_rc ingest_lower_bound(const struct key_spec *spec, const struct arr_batch *rows,
                                        const struct ingest_ordinals *ordinals, struct slice key,
                                        struct key_vec *scratch, int64_t *out, struct slp_err *err);

/* A stretch of keys with ordinals. Both bounds may be missing. */
struct ingest_stretch {
    struct slice lo;
    struct slice hi;
    bool has_lo;
    bool has_hi;
};

/* Cut the ordinals off all keys, in place. */
void ingest_strip(struct key_vec *keys);

#endif
