/*
 * Cutting sorted runs into stretches of keys that threads merge apart.
 *
 *   run 0, held      |    .    .    .    .   |       '.' samples: every so many rows of what is held,
 *   run 1, spilled   |  .   .   .  .   .   . |           the first of each block of what is spilled
 *                           ^        ^               cuts: about as many rows between two
 *
 * Keys have ordinals here, so no two are equal and rows with equal keys may be parted too.
 */
#ifndef SLP_INGEST_STRETCH_H
#define SLP_INGEST_STRETCH_H

#include "ingest/window.h"

/* Samples looked at; of more blocks every n-th is. */
#define INGEST_SAMPLES_MAX 65536

struct ingest_stretches {
    struct ingest_stretch *items; /* ascending, without gaps */
    size_t count;                 /* at least 1 */
};

/*
 * Cut `count` runs, each held or spilled, into stretches of about `rows` rows. Keys are copied into
 * `arena`.
 *
 * Errors   NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc ingest_cut(struct run *const *runs, size_t count, const struct key_spec *spec,
                                int64_t rows, struct alloc *mem, struct arena *arena,
                                struct ingest_stretches *out, struct slp_err *err);

/* The rows of a run that lie in a stretch. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc ingest_part_open(const struct run *run, const struct ingest_stretch *stretch,
                                      struct alloc *mem, struct run **out, struct slp_err *err);

#endif
