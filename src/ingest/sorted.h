/*
 * Sorting a chunk of rows into a run that is held in memory: sorted columns and ordinals, without
 * keys, which are made again when rows are merged (ingest/window.h).
 */
#ifndef SLP_INGEST_SORTED_H
#define SLP_INGEST_SORTED_H

#include "ingest/window.h"

/* Rows being gathered for sorting. */
struct ingest_chunk {
    struct arr_batch rows;
    struct key_vec keys;
    struct buf ordinals; /* uint64_t a row */
    struct buf order;    /* uint32_t a row: what sorting came to */
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
 * them, and `batch` its memory; it is blank afterwards.
 *
 * Errors  BAD_INPUT, LIMIT  of keys; NO_MEMORY. The chunk may then hold a part
 */
SLP_NODISCARD slp_rc ingest_chunk_add(struct ingest_chunk *c, const struct key_spec *spec,
                                      struct arr_batch *batch, uint64_t ordinal,
                                      struct slp_err *err);

/* Find the order of its rows. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_chunk_sort(struct ingest_chunk *c, struct slp_err *err);

/* The key of the i-th row in that order. */
static inline struct slice ingest_chunk_key(const struct ingest_chunk *c, int64_t i)
{
    return key_at(&c->keys, ((const uint32_t *)(const void *)c->order.ptr)[i]);
}

/*
 * A run of the rows of a chunk that was sorted; the chunk is empty afterwards, on failure too.
 * `schema` of the chunk and `spec` outlive the run. Errors: NO_MEMORY, LIMIT.
 */
SLP_NODISCARD slp_rc ingest_chunk_take(struct ingest_chunk *c, const struct key_spec *spec,
                                       struct alloc *mem, struct run **out, struct slp_err *err);

/* All rows of a run that ingest_chunk_take made, and the bytes they take, with what handing them out
 * takes a column. */
const struct arr_batch *ingest_sorted_rows(const struct run *r);
const struct ingest_ordinals *ingest_sorted_ordinals(const struct run *r);
size_t ingest_sorted_bytes(const struct run *r);

/* Was it made by ingest_chunk_take? */
bool ingest_is_sorted_run(const struct run *r);

/* The rows of such a run that lie in a stretch, as a run of their own; the run outlives it, and may
 * have several, each for a thread. `stretch` is looked at now only. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_sorted_part(const struct run *r, const struct ingest_stretch *stretch,
                                        struct alloc *mem, struct run **out, struct slp_err *err);

#endif
