/*
 * Cutting sorted runs and piles into stretches of keys that threads sort and merge apart.
 *
 *   run 0, held      |    .    .    .    .   |       '.' samples: every so many rows of what is held,
 *   run 1, spilled   |  .   .   .  .   .   . |           the first of each block of what is spilled
 *   a pile           | . . .. . .. . .. . . |       its samples
 *                           ^        ^               cuts: about as many rows between two
 *
 * Keys have ordinals here, so no two are equal and rows with equal keys may be parted too.
 */
#ifndef SLP_INGEST_STRETCH_H
#define SLP_INGEST_STRETCH_H

#include "ingest/pile.h"

/* Samples looked at; of more blocks every n-th is. */
#define INGEST_SAMPLES_MAX 65536

struct ingest_stretches {
    struct ingest_stretch *items; /* ascending, without gaps */
    size_t count;                 /* at least 1 */
};

/* What is cut. */
struct ingest_cuttable {
    const struct key_spec *spec;
    struct run *const *runs; /* held or spilled */
    size_t run_count;
    struct ingest_pile *const *piles; /* by their samples */
    size_t pile_count;
};

/*
 * Cut all of it into stretches of about `rows` rows. Keys are copied into `arena`.
 *
 * Errors   NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc ingest_cut(const struct ingest_cuttable *from, int64_t rows, struct alloc *mem,
                                struct arena *arena, struct ingest_stretches *out,
                                struct slp_err *err);

/* The rows of a run that lie in a stretch. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_part_open(const struct run *run, const struct ingest_stretch *stretch,
                                      struct alloc *mem, struct run **out, struct slp_err *err);

#endif
