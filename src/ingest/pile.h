/*
 * A pile: rows that came in, held in memory in no order until all of them are sorted at once.
 *
 *   batches -> | block | block | block | ...        columns, up to 65,536 rows each
 *
 *   arranged   | 0 | 1 | 2 | 3 |   | 0 | 1 | 2 | 3 |   each block's rows by stretches of keys
 *                    `---------- sorted at once ----'  one bin: columns gathered from all blocks
 *
 * Rows move when their block is filled, when it is arranged, and when their bin is gathered. A bin's rows and what
 * sorts them fit the nearer caches, nothing is merged, and bins are independent of each other, so
 * threads take one each.
 *
 * A block takes little more than its values: texts that are all of one length have no offsets. Beside
 * them a row has two bytes, once its block is arranged: where in the block it stood. With where the
 * block's rows came from that is its ordinal (ingest/window.h).
 *
 * Threads   a pile is one worker's; arranged, it may be looked at by many
 */
#ifndef SLP_INGEST_PILE_H
#define SLP_INGEST_PILE_H

#include "ingest/window.h"
#include "merge/blocks.h"

#define INGEST_BLOCK_ROWS  65536
#define INGEST_BLOCK_BYTES ((size_t)2 << 20)

/* Every so many rows a key is kept, to cut stretches by. */
#define INGEST_SAMPLE_ROWS 128

/* Rows of one bin take about so many bytes; of few rows a sixteenth, but no less than that. */
#define INGEST_BIN_BYTES     (1536 << 10)
#define INGEST_BIN_BYTES_MIN (256 << 10)

struct ingest_block {
    struct arr_batch rows; /* texts of one length have no offsets */
    uint32_t *widths;      /* of each column: of its texts; 0: they have offsets, or it has none */
    struct buf places;     /* uint16_t a row: where it stood before; empty: where it stands */
    struct buf origins;    /* of struct ingest_origin, ascending by row */
    struct buf ends;       /* uint32_t a bin: behind its last row; empty: not arranged */
};

/* Rows from `row` on came from `ordinal` on. */
struct ingest_origin {
    uint64_t ordinal;
    int64_t row;
};

/* Slabs: large pieces of memory, of which blocks take theirs. Nothing is given back but all at once. */
struct ingest_slabs {
    struct alloc base; /* first: what is handed out */
    struct alloc *mem;
    struct buf list; /* of struct slab */
    uint8_t *at;
    size_t left;
    size_t taken; /* bytes handed out */
};

struct ingest_pile {
    struct alloc *mem;
    struct ingest_slabs *slabs; /* of columns that are not nested, and of places */
    const struct arr_schema *schema;
    const struct key_spec *spec;
    struct arr_batch waiting; /* rows of small batches, for a block */
    struct buf origins;       /* of these */
    struct buf blocks;        /* of struct ingest_block */
    struct key_vec samples;   /* keys with ordinals, in no order */
    int64_t rows;
    size_t bytes; /* of all of it, what arranging adds too */
};

/* `schema` and `spec` outlive the pile. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_pile_init(struct ingest_pile *p, struct alloc *mem,
                                      const struct arr_schema *schema, const struct key_spec *spec,
                                      struct slp_err *err);
void ingest_pile_fini(struct ingest_pile *p);  /* a zeroed one is accepted */
void ingest_pile_clear(struct ingest_pile *p); /* no rows */

/*
 * Add the rows of a batch, the first of which has the given ordinal.
 *
 * Errors   BAD_INPUT, LIMIT of keys, as key_encode_rows; NO_MEMORY
 */
SLP_NODISCARD slp_rc ingest_pile_add(struct ingest_pile *p, const struct arr_batch *batch,
                                     uint64_t ordinal, struct slp_err *err);

/* No rows come any more. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_pile_end(struct ingest_pile *p, struct slp_err *err);

size_t ingest_pile_blocks(const struct ingest_pile *p);
struct ingest_block *ingest_pile_block(const struct ingest_pile *p, size_t i);

/* Of the i-th row as the block stands. */
uint64_t ingest_block_ordinal(const struct ingest_block *b, int64_t row);

static inline int64_t ingest_bin_first(const struct ingest_block *b, size_t bin)
{
    return bin ? ((const uint32_t *)(const void *)b->ends.ptr)[bin - 1] : 0;
}

static inline int64_t ingest_bin_end(const struct ingest_block *b, size_t bin)
{
    return ((const uint32_t *)(const void *)b->ends.ptr)[bin];
}

/* A view of some rows of a block, with what texts of one length need. */
struct ingest_view {
    struct ingest_window window;
    struct ingest_ordinals ordinals;
    struct run_block block;
};

void ingest_view_init(struct ingest_view *v, struct alloc *mem, const struct arr_schema *schema,
                      const struct key_spec *spec);
void ingest_view_fini(struct ingest_view *v); /* a zeroed one is accepted */

/* Have the offsets serve views of so many rows. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_even_prepare(struct ingest_even *e, uint32_t width, int64_t rows,
                                         struct slp_err *err);

/*
 * Look at rows [first, end) of a block, at least one, whose keys are then in v->block; with
 * ordinals, and encoded, if that is asked for. `even` has a list a column, prepared where the block needs it, and
 * stays what it is while the view is used.
 *
 * Errors   NO_MEMORY, LIMIT
 */
struct ingest_look {
    const struct ingest_block *block;
    const struct ingest_even *even;
    int64_t first;
    int64_t end;
    bool has_numbers;
    bool encoded;
};
SLP_NODISCARD slp_rc ingest_view_open(struct ingest_view *v, const struct ingest_look *look,
                                      struct slp_err *err);

#endif
