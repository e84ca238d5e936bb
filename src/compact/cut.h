/*
 * Cutting a job into stretches of keys that can be merged apart.
 *
 *   input 0   |----:----:----:----:----|          ':' block starts, known from the key indexes
 *   input 1        |--:--:--:--:--:--:--:--|
 *                       ^        ^              cuts: about `rows` rows of all inputs between two
 *
 * A cut is a whole key at which a block of some input begins: rows with that key and above belong
 * to the stretch behind it, so equal keys never part. Blocks are a few thousand rows, so stretches
 * are as even as that.
 */
#ifndef SLP_COMPACT_CUT_H
#define SLP_COMPACT_CUT_H

#include "datafile/datafile.h"

/* Keys of cuts looked at, and what they may take in memory; of more, every n-th is looked at. */
#define COMPACT_SAMPLES_MAX   65536
#define COMPACT_SAMPLES_BYTES ((size_t)8 << 20)

struct compact_cuts {
    struct slice *keys; /* ascending, all different */
    size_t count;       /* one less than stretches */
};

/* What is cut: what `files[i]` hold inside `ranges[i]`, into stretches of about `rows` rows. */
struct compact_cut_input {
    struct datafile *const *files;
    const struct key_range *ranges;
    size_t count;
    int64_t rows;
};

/*
 * Find the cuts. Keys are copied into `arena`.
 *
 * Errors   those of datafile_find; LIMIT, NO_MEMORY
 * Cost     reads the key indexes inside the ranges, which merging needs anyway
 */
SLP_NODISCARD slp_rc compact_cut(const struct compact_cut_input *in, struct alloc *mem,
                                 struct arena *arena, struct compact_cuts *out,
                                 struct slp_err *err);

#endif
