/*
 * Bins: the rows of piles by stretches of keys, each sorted at once.
 *
 *   ingest_sieve_init -> ingest_block_arrange, each block -> ingest_bin_sort -> ingest_bin_gather
 *
 * A sieve has a cut between each two stretches (ingest/stretch.h). Where a row belongs is found by eight
 * bytes of its key, behind those that all cuts begin with; only where a cut has the same eight bytes
 * are keys compared.
 */
#ifndef SLP_INGEST_BINS_H
#define SLP_INGEST_BINS_H

#include "base/num.h"
#include "ingest/pile.h"

#define INGEST_CUTS_MAX 2047u

struct ingest_sieve {
    const struct ingest_stretch *stretches;
    size_t cuts;      /* one less than stretches */
    size_t depth;     /* bytes that all cuts begin with; at least 1 */
    struct buf words; /* uint64_t a cut: its bytes from `depth` on */
    struct buf table; /* uint16_t: the first cut at or behind each of equal parts of the way */
    unsigned shift;
};

/* `stretches` outlive the sieve; at most INGEST_CUTS_MAX + 1 of them. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_sieve_init(struct ingest_sieve *s, struct alloc *mem,
                                       const struct ingest_stretch *stretches, size_t count,
                                       struct slp_err *err);
void ingest_sieve_fini(struct ingest_sieve *s);

/* How many rows of so many, which take `bytes`, one bin should have: a part of them, where they are few
 * because memory is. */
static inline int64_t ingest_bin_target(int64_t rows, size_t bytes)
{
    int64_t row_bytes = (int64_t)bytes / num_max_i64(rows, 1) + 1;
    int64_t part = num_max_i64((int64_t)bytes / 16, INGEST_BIN_BYTES_MIN);
    int64_t target = num_min_i64(part, INGEST_BIN_BYTES) / row_bytes;
    return num_max_i64(target, 2 * rows / INGEST_CUTS_MAX) + 1;
}

/* What arranging needs, kept from block to block. */
struct ingest_bench {
    struct alloc *mem;
    struct ingest_view view;
    struct ingest_even *even; /* a column */
    struct buf bins;          /* uint16_t a row */
    struct buf order;         /* uint32_t a row */
    struct buf starts;        /* uint32_t a bin */
    struct arr_batch picked;  /* rows in their order */
    struct key_vec key;
};

SLP_NODISCARD slp_rc ingest_bench_init(struct ingest_bench *b, struct alloc *mem,
                                       const struct ingest_pile *p, struct slp_err *err);
void ingest_bench_fini(struct ingest_bench *b); /* a zeroed one is accepted */

/* Put the rows of a block that was not arranged into the order of their bins; what stood first stays
 * first. Errors: NO_MEMORY, LIMIT; the block is then as it was. */
SLP_NODISCARD slp_rc ingest_block_arrange(struct ingest_bench *b, struct ingest_block *block,
                                          const struct ingest_sieve *s, struct slp_err *err);

struct ingest_arrange_options {
    struct ingest_pile *const *piles;
    size_t count; /* at least 1 */
    const struct ingest_sieve *sieve;
    size_t threads;
    const volatile int *cancel; /* may be NULL */
};

/* Arrange all blocks of all piles. Errors: CANCELLED, NO_MEMORY, LIMIT. Cost: two passes over the rows,
 * and a copy of a block a thread meanwhile. */
SLP_NODISCARD slp_rc ingest_piles_arrange(struct alloc *mem,
                                          const struct ingest_arrange_options *options,
                                          struct slp_err *err);

/* The rows of one bin, of several piles whose blocks are all arranged by one sieve. */
struct ingest_bin {
    struct alloc *mem;
    struct ingest_pile *const *piles;
    size_t pile_count;
    struct ingest_block **all; /* blocks of all piles, by where they came from; `room` of them */
    size_t room;
    bool has_numbers; /* rows are looked at with ordinals */
    struct ingest_view *views;
    struct run_block *blocks;
    struct merge_part *parts;
    struct merge_source *sources;
    size_t count; /* blocks that have rows in the bin */
    struct ingest_even *even;
    struct merge_order order;
};

/* Bins [first, end) of piles. */
struct ingest_bins {
    struct ingest_pile *const *piles;
    size_t pile_count; /* at least 1 */
    size_t first;
    size_t end;
    bool has_ordinals; /* which are wanted of the rows */
};

/* The piles of `bins` outlive the bin. Where no ordinals are wanted, and each block came from one place,
 * rows with equal keys stand in the right order without. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_bin_init(struct ingest_bin *b, struct alloc *mem,
                                     const struct ingest_bins *bins, struct slp_err *err);
void ingest_bin_fini(struct ingest_bin *b); /* a zeroed one is accepted */

/* Rows of a bin. */
int64_t ingest_bin_rows(const struct ingest_bin *b, size_t bin);

/* Sort a bin. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_bin_sort(struct ingest_bin *b, size_t bin, struct slp_err *err);

/* Append the rows of the bin that was sorted last, and replace `ordinals` by theirs (NULL: not
 * wanted). Errors: NO_MEMORY, LIMIT; `out` is then to be dropped. */
SLP_NODISCARD slp_rc ingest_bin_gather(struct ingest_bin *b, struct arr_batch *out,
                                       struct ingest_ordinals *ordinals, struct slp_err *err);

/* Some bins as a run, with ordinals whatever `bins` says; the piles outlive it. Errors: as ingest_bin_init. */
SLP_NODISCARD slp_rc ingest_bins_open(const struct ingest_bins *bins, struct alloc *mem,
                                      struct run **out, struct slp_err *err);

#endif
