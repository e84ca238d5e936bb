/*
 * Sorting a chunk of rows into a run that is held in memory.
 *
 *   key of a sorted row   | encoded key | ordinal, 8 bytes, big-endian |
 *
 * No encoded key begins another one, so keys with ordinals order as keys do, and equal keys by
 * where their rows stood in the input. Any two runs may then be merged, in any order and grouping,
 * and the result is the same; ordinals are cut off when rows are written (ingest_strip).
 */
#ifndef SLP_INGEST_SORTED_H
#define SLP_INGEST_SORTED_H

#include "key/key.h"
#include "key/run.h"

#define INGEST_ORDINAL_BYTES 8u

/* Rows being gathered for sorting. */
struct ingest_chunk {
    struct arr_batch rows;
    struct key_vec keys;
    struct buf ordinals; /* uint64_t a row */
};

SLP_NODISCARD slp_rc ingest_chunk_init(struct ingest_chunk *c, struct alloc *mem,
                                       const struct arr_schema *schema, struct slp_err *err);
void ingest_chunk_fini(struct ingest_chunk *c); /* a zeroed one is accepted */
void ingest_chunk_clear(struct ingest_chunk *c);

/* Bytes it takes, with what sorting it will take beside the sorted rows. */
size_t ingest_chunk_bytes(const struct ingest_chunk *c);

/*
 * Append all rows of a batch of the same columns, whose first row has the given ordinal, above
 * those of all rows before it. An empty chunk takes the contents of `batch` instead of copying
 * them; it is blank afterwards.
 *
 * Errors  BAD_INPUT, LIMIT  of keys; NO_MEMORY. The chunk may then hold a part
 */
SLP_NODISCARD slp_rc ingest_chunk_add(struct ingest_chunk *c, const struct key_spec *spec,
                                      struct arr_batch *batch, uint64_t ordinal,
                                      struct slp_err *err);

/* A run of the sorted rows; the chunk is empty afterwards, on failure too. The run yields one
 * block. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_sort(struct ingest_chunk *c, struct alloc *mem, struct run **out,
                                 struct slp_err *err);

/* The block of a run that ingest_sort made, and the bytes it takes. */
struct run_block ingest_sorted_block(const struct run *r);
size_t ingest_sorted_bytes(const struct run *r);

/* The key of a sorted row without its ordinal. */
static inline struct slice ingest_key_at(const struct key_vec *keys, int64_t row)
{
    struct slice key = key_at(keys, row);
    return slice_first(key, key.len - INGEST_ORDINAL_BYTES);
}

/* Cut the ordinals off all keys, in place. */
void ingest_strip(struct key_vec *keys);

#endif
