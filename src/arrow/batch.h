/*
 * Columns and batches: Arrow's layout in buffers of ours.
 *
 *   struct arr_col   validity  1 bit a row, least significant first, 1 = present; EMPTY (len 0)
 *                              when no row is null
 *                    data      elements (see type.h); BOOL is a bitmap; UTF8, BINARY: the bytes
 *                    offsets   UTF8 and BINARY: rows + 1 int32_t, the first is 0; empty when the
 *                              column has no rows and nothing was appended yet
 *
 * A column appends: values, runs of another column, picked rows. Slots of null rows hold zero bytes
 * (fixed width) or nothing (variable), so equal columns have equal bytes. `arr_col_clear` keeps
 * memory for the next batch.
 *
 * A batch is a schema and as many columns of equal length. It moves to a consumer through the Arrow
 * C Data Interface without a copy (cdata.h).
 */
#ifndef SLP_ARROW_BATCH_H
#define SLP_ARROW_BATCH_H

#include "arrow/type.h"

/* Bytes of strings in one column of one batch; offsets are 31 bits. */
#define ARR_BYTES_MAX ((size_t)INT32_MAX)

struct arr_col {
    struct arr_type type;
    int64_t rows;
    int64_t null_count;
    struct buf validity;
    struct buf data;
    struct buf offsets;
};

struct arr_batch {
    const struct arr_schema *schema; /* borrowed; outlives the batch */
    int64_t rows;
    struct arr_col *cols; /* schema->count of them, owned */
    struct alloc *mem;
};

void arr_col_init(struct arr_col *c, struct alloc *mem, struct arr_type type);
void arr_col_fini(struct arr_col *c);
void arr_col_clear(struct arr_col *c);

static inline bool arr_bit(const uint8_t *bits, int64_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static inline bool arr_col_is_null(const struct arr_col *c, int64_t row)
{
    return c->type.kind == ARR_NULL || (c->validity.len != 0 && !arr_bit(c->validity.ptr, row));
}

/* Offsets of a variable-length column, rows + 1 of them; only when it has rows. */
static inline const int32_t *arr_col_offsets(const struct arr_col *c)
{
    return (const int32_t *)(const void *)c->offsets.ptr;
}

/* The bytes of one value: variable-length or fixed-width kinds except BOOL. Empty for a null. */
struct slice arr_col_bytes(const struct arr_col *c, int64_t row);

/* The value of BOOL, integers, DATE32, TIMESTAMP as int64 (UINT64 by its bits). */
int64_t arr_col_i64(const struct arr_col *c, int64_t row);
/* FLOAT or DOUBLE. */
double arr_col_f64(const struct arr_col *c, int64_t row);

/* Append one null; one value by its bytes (element or string); one BOOL. A failed append leaves the
 * column as it was. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_col_append_null(struct arr_col *c, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append(struct arr_col *c, struct slice value, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append_bool(struct arr_col *c, bool value, struct slp_err *err);

/* Append integers and times by value (checked by the caller to fit), floats by value. */
SLP_NODISCARD slp_rc arr_col_append_i64(struct arr_col *c, int64_t value, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append_f64(struct arr_col *c, double value, struct slp_err *err);

/* Append rows [first, first + count) of a column of the same type. Cost: memcpy where nothing is
 * null. */
SLP_NODISCARD slp_rc arr_col_append_run(struct arr_col *c, const struct arr_col *from,
                                        int64_t first, int64_t count, struct slp_err *err);

/* Append the picked rows, in that order. */
SLP_NODISCARD slp_rc arr_col_append_picked(struct arr_col *c, const struct arr_col *from,
                                           const uint32_t *rows, int64_t count,
                                           struct slp_err *err);

/* Append `count` nulls. */
SLP_NODISCARD slp_rc arr_col_append_nulls(struct arr_col *c, int64_t count, struct slp_err *err);

/* Cut to the first `rows` rows. */
void arr_col_truncate(struct arr_col *c, int64_t rows);

/* Bytes the rows take, all buffers, room to grow not counted: what a memory budget counts. */
size_t arr_col_memory(const struct arr_col *c);

/* A blank batch of `schema` with no rows. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc arr_batch_init(struct arr_batch *b, struct alloc *mem,
                                    const struct arr_schema *schema, struct slp_err *err);
void arr_batch_fini(struct arr_batch *b); /* a zeroed batch is accepted */
void arr_batch_clear(struct arr_batch *b);
size_t arr_batch_memory(const struct arr_batch *b);

/* Cut every column to the first `rows` rows. */
void arr_batch_truncate(struct arr_batch *b, int64_t rows);

/* Append rows of a batch with the same types, column by column: a run, or picked ones. A failed
 * append leaves the batch as it was. Errors: LIMIT, NO_MEMORY, with the column. */
SLP_NODISCARD slp_rc arr_batch_append_run(struct arr_batch *b, const struct arr_batch *from,
                                          int64_t first, int64_t count, struct slp_err *err);
SLP_NODISCARD slp_rc arr_batch_append_picked(struct arr_batch *b, const struct arr_batch *from,
                                             const uint32_t *rows, int64_t count,
                                             struct slp_err *err);

/*
 * A stream of batches: what scans, readers and lists yield. `next` replaces the contents of `out`
 * (initialised by the stream on the first call for a zeroed batch, reused later; finished by the
 * caller) and returns DONE at the end.
 */
struct arr_stream;

struct arr_stream_ops {
    slp_rc (*next)(struct arr_stream *s, struct arr_batch *out, struct slp_err *err);
    void (*close)(struct arr_stream *s);
};

struct arr_stream {
    const struct arr_stream_ops *ops;
    const struct arr_schema *schema; /* lives as long as the stream */
};

static inline slp_rc arr_stream_next(struct arr_stream *s, struct arr_batch *out,
                                     struct slp_err *err)
{
    return s->ops->next(s, out, err);
}

static inline void arr_stream_close(struct arr_stream *s)
{
    if (s)
        s->ops->close(s);
}

#endif
