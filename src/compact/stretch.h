/*
 * Cutting a job into stretches of keys: those that are merged, and those that are copied because
 * one input has them for itself.
 *
 *   input 0   |----:----:----:----|                       ':' block starts, from the key indexes
 *   input 1                    |--:--:--:--:--:--|
 *              `-----copied----' `m' `---copied---'       m: merged, and cut again (cut.h)
 *
 * A block's keys lie between its first key and that of the next block, so a block is known to be
 * owned whole by its input without reading any of it. Blocks are copied by runs inside one row
 * group, which become a row group of the output: a run must have some size, else row groups would
 * become small. Its first block begins a key and so does the one behind it, so that the range of
 * the stretch holds just its rows.
 *
 * Who processes rows has a say: `may_copy` is asked about each run.
 */
#ifndef SLP_COMPACT_STRETCH_H
#define SLP_COMPACT_STRETCH_H

#include "datafile/copy.h"

/* The input of a stretch that is merged. */
#define COMPACT_MERGED SIZE_MAX

struct compact_stretch {
    struct key_range range;
    size_t input;                  /* whose blocks are copied; or COMPACT_MERGED */
    struct datafile_blocks blocks; /* all rows in the range, and no others */
};

struct compact_stretches {
    struct compact_stretch *items; /* ascending, without gaps between keys */
    size_t count;
};

/* May rows of input `input` in this range go over as they are? */
typedef bool (*compact_may_copy_fn)(void *context, size_t input, struct key_range range);

struct compact_plan_input {
    struct datafile *const *files;
    const struct key_range *ranges; /* where the rows of each file count, inside `range` */
    size_t count;
    struct key_range range;     /* of the job */
    int64_t rows;               /* of a merged stretch, about; 0: these are not cut */
    enum cx_kind codec;         /* of the output */
    uint64_t least_copy_bytes;  /* of a run of blocks */
    uint64_t most_copy_bytes;   /* longer ones are cut, to a block at least; 0: nothing is copied */
    uint64_t most_footer_bytes; /* of a file that is copied from */
    compact_may_copy_fn may_copy; /* NULL: yes */
    void *context;
};

/*
 * Find the stretches. Keys are those of `arena` and of the files' key indexes.
 *
 * Errors   those of datafile_block_info and compact_cut; LIMIT, NO_MEMORY
 * Cost     reads the key indexes inside the ranges, which merging needs anyway; log2 of the inputs
 *          comparisons a block
 */
SLP_NODISCARD slp_rc compact_plan(const struct compact_plan_input *in, struct alloc *mem,
                                  struct arena *arena, struct compact_stretches *out,
                                  struct slp_err *err);

#endif
