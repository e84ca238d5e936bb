/*
 * Columns and batches: Arrow's layout in buffers of ours.
 *
 *   struct arr_col   validity  1 bit a row, least significant first, 1 = present; EMPTY (len 0)
 *                              when no row is null
 *                    data      elements (see type.h); BOOL is a bitmap; UTF8, BINARY: the bytes
 *                    offsets   UTF8 and BINARY: rows + 1 int32_t, the first is 0; empty when the
 *                              column has no rows and nothing was appended yet
 *
 *   nested           children  columns of their own, one a field
 *                    LIST, MAP: offsets as above, into the rows of children[0]
 *                    STRUCT: each child has as many rows as the struct
 *
 *       list<item: int32>  [[1, 2], null, [], [3]]      struct<a: int32>  [{1}, null, {null}]
 *         validity   1 0 1 1                              validity  1 0 1
 *         offsets    0 2 2 2 3                            a         1 - -
 *         item       1 2 3                                  validity  1 0 0
 *
 * A column appends: values, runs of another column, picked rows. Slots of null rows hold zero bytes
 * (fixed width) or nothing (variable, lists), and the children of a null struct are null, so equal
 * columns have equal bytes. `arr_col_clear` keeps memory for the next batch.
 *
 * A column of a flat type may be kept as a dictionary (dictionary.h): `data` holds int32_t indices
 * then. Only readers that were asked for it make such columns; the accessors here see through them.
 *
 * Trees are at most ARR_DEPTH_MAX deep, which arr_col_init_field holds: what works on a tree
 * recurses.
 *
 * A batch is a schema and as many columns of equal length. It moves to a consumer through the Arrow
 * C Data Interface without a copy (cdata.h).
 */
#ifndef SLP_ARROW_BATCH_H
#define SLP_ARROW_BATCH_H

#include "arrow/type.h"

/* Bytes of strings in one column of one batch; offsets are 31 bits. */
#define ARR_BYTES_MAX ((size_t)INT32_MAX)

/* Items of all lists in one column of one batch. */
#define ARR_ITEMS_MAX ((int64_t)INT32_MAX)

struct arr_dictionary;

struct arr_col {
    struct arr_type type;
    int64_t rows;
    int64_t null_count;
    struct buf validity;
    struct buf data;
    struct buf offsets;
    struct arr_col *children; /* nested types: child_count of them, owned */
    size_t child_count;
    const struct arr_field *fields;    /* of the children; borrowed like a schema */
    struct arr_dictionary *dictionary; /* counted; NULL: `data` holds the values themselves */
};

struct arr_batch {
    const struct arr_schema *schema; /* borrowed; outlives the batch */
    int64_t rows;
    struct arr_col *cols; /* schema->count of them, owned */
    struct alloc *mem;
};

/* A blank column of a flat type. */
void arr_col_init(struct arr_col *c, struct alloc *mem, struct arr_type type);

/* A blank column of any type, with its children; `field` outlives it. Errors: LIMIT when nested
 * deeper than ARR_DEPTH_MAX; NO_MEMORY. Nothing needs releasing on failure. */
SLP_NODISCARD slp_rc arr_col_init_field(struct arr_col *c, struct alloc *mem,
                                        const struct arr_field *field, struct slp_err *err);

/* Release everything. A column of a flat type may be filled again; a nested one has lost its
 * children. */
void arr_col_fini(struct arr_col *c);

/* No rows, and no dictionary. */
void arr_col_clear(struct arr_col *c);

static inline bool arr_bit(const uint8_t *bits, int64_t i)
{
    return (bits[i >> 3] >> (i & 7)) & 1;
}

static inline bool arr_col_is_null(const struct arr_col *c, int64_t row)
{
    return c->type.kind == ARR_NULL || (c->validity.len != 0 && !arr_bit(c->validity.ptr, row));
}

/* Offsets of a variable-length column or a list, rows + 1 of them; only when it has rows. */
static inline const int32_t *arr_col_offsets(const struct arr_col *c)
{
    return (const int32_t *)(const void *)c->offsets.ptr;
}

/* The items of a list: rows [*from, return value) of children[0]. No items if it is null. */
int64_t arr_col_items(const struct arr_col *c, int64_t row, int64_t *from);

/* The bytes of one value: variable-length or fixed-width kinds except BOOL. Empty for a null. */
struct slice arr_col_bytes(const struct arr_col *c, int64_t row);

/* The value of BOOL, integers, DATE32, TIMESTAMP, TIME32, TIME64, DURATION as int64 (UINT64 by its
 * bits). */
int64_t arr_col_i64(const struct arr_col *c, int64_t row);
/* FLOAT, DOUBLE or FLOAT16. */
double arr_col_f64(const struct arr_col *c, int64_t row);

/* Append one null; one value by its bytes (element or string); one BOOL. A failed append leaves the
 * column as it was. Errors: LIMIT, NO_MEMORY. Values go into plain columns of flat types. */
SLP_NODISCARD slp_rc arr_col_append_null(struct arr_col *c, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append(struct arr_col *c, struct slice value, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append_bool(struct arr_col *c, bool value, struct slp_err *err);

/* Append integers and times by value (checked by the caller to fit), floats by value. */
SLP_NODISCARD slp_rc arr_col_append_i64(struct arr_col *c, int64_t value, struct slp_err *err);
SLP_NODISCARD slp_rc arr_col_append_f64(struct arr_col *c, double value, struct slp_err *err);

/*
 * Append lists, or maps, whose items stand in children[0] already: `count` rows, of which the i-th
 * takes the next lengths[i] of the items behind those of the last list. Items are appended first:
 *
 *     arr_col_append_i64(&c->children[0], 1, err), arr_col_append_i64(&c->children[0], 2, err)
 *     arr_col_append_lists(c, (int32_t[]){2}, 1, NULL, 0, err)                        [1, 2]
 *
 * validity   from bit `first_bit` on; NULL: none is null. The length of a null is 0
 * Errors     LIMIT    more than ARR_ITEMS_MAX items; NO_MEMORY
 */
SLP_NODISCARD slp_rc arr_col_append_lists(struct arr_col *c, const int32_t *lengths, int64_t count,
                                          const uint8_t *validity, int64_t first_bit,
                                          struct slp_err *err);

/* Append structs whose members stand in the children already, each `count` rows more than the
 * struct; those of a null are null. `validity` as above. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc arr_col_append_structs(struct arr_col *c, int64_t count,
                                            const uint8_t *validity, int64_t first_bit,
                                            struct slp_err *err);

/* Append rows [first, first + count) of a column of the same type. Cost: memcpy where nothing is
 * null. Columns that share a dictionary copy indices; else what is appended is decoded, and `c`
 * before it if it had another dictionary. */
SLP_NODISCARD slp_rc arr_col_append_run(struct arr_col *c, const struct arr_col *from,
                                        int64_t first, int64_t count, struct slp_err *err);

/* Append the picked rows, in that order. */
SLP_NODISCARD slp_rc arr_col_append_picked(struct arr_col *c, const struct arr_col *from,
                                           const uint32_t *rows, int64_t count,
                                           struct slp_err *err);

/* Append `count` nulls. */
SLP_NODISCARD slp_rc arr_col_append_nulls(struct arr_col *c, int64_t count, struct slp_err *err);

/* Cut to the first `rows` rows. Children that hold more than these rows need, because an append
 * was given up halfway, are cut too. */
void arr_col_truncate(struct arr_col *c, int64_t rows);

/* Bytes the rows take, all buffers, children and the dictionary, room to grow not counted: what a
 * memory budget counts. */
size_t arr_col_memory(const struct arr_col *c);

/* A blank batch of `schema` with no rows. Errors: NO_MEMORY; LIMIT as arr_col_init_field, with the
 * column. */
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
