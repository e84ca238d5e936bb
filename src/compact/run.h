/*
 * Running one job: its inputs merged into new files.
 *
 * A job is cut into stretches of keys (stretch.h): what one input has for itself is copied, the rest
 * merged. Several threads take stretches, each with the inputs open for itself, and make row groups
 * that are written in the order of their keys: so the job has one file whatever the number of
 * threads, and the next one where that has its size.
 */
#ifndef SLP_COMPACT_RUN_H
#define SLP_COMPACT_RUN_H

#include "compact/compact.h"
#include "compact/stretch.h"
#include "output/output.h"
#include "process/process.h"

/* One input as the job found it; everything is copied from the state. */
struct compact_input {
    struct slice object; /* its name in the store */
    struct datafile_info info;
    struct key_range range;           /* where its rows count */
    int64_t expected_rows;            /* where the state tells; else -1 */
    unsigned form;                    /* its storage columns: process_form of its entry */
    struct state_position mark;       /* purges up to it were applied (rule V3) */
    const struct stack_purge *purges; /* those it is due; compact_merge looks them up */
    size_t purge_count;
};

struct compact_job {
    struct state_id id;
    uint32_t attempt;
    struct state_position assigned; /* of the attempt: the mark of its outputs (rule V3) */
    struct key_range range;
    struct compact_input *inputs;
    size_t input_count;
    compact_may_copy_fn may_copy; /* NULL: what processing says */
    void *may_copy_context;
    uint32_t kind; /* enum state_job_kind: a fold keeps deletes, and rows as they are (rule O4) */
    bool drops_deletes; /* nothing older is in its leaf there (rule O6) */
    /* As output.h has it, of the output and of what passes write; may be NULL. */
    slp_rc (*on_group)(void *context, int64_t rows, struct slp_err *err);
    void *on_group_context;
    const struct process *process; /* NULL: rows go over as they are; set by compact_merge */
    unsigned least_form;           /* storage columns that outputs always have; likewise */
};

/* So many inputs are merged at once, at least 2: as many as half of the memory has room for, with
 * the smallest window and a block of each, which has pages of `block_bytes`, and handles. */
size_t compact_fan_in(const struct arr_schema *columns, uint64_t block_bytes, size_t memory);

/*
 * Merge the inputs of `job`, at most compact_fan_in of them, into `out`, which has been given no
 * rows before.
 *
 * Errors   CORRUPT    an input by name; an input with another number of rows than the state tells;
 *                     rows that are not conserved
 *          CANCELLED  and whatever reading and writing return
 * Memory   options->memory, of which a quarter is for windows of the inputs and half for groups,
 *          shared among threads + 1 (one thread: 1); a window is 64 to 512 KiB, a group's rows take
 *          512 KiB to 32 MiB. A block of each input, decoded, and what decodes it come on top: some
 *          128 KiB and 48 KiB a column, or five times its pages where these are more, once for each of
 *          them. compact_fan_in keeps these within half of the memory as long as that has room for two
 *          inputs. A row beyond the memory, which is a block by itself, is there once, whatever the
 *          number of inputs, and takes some three times its size while it is encoded, on top; one that
 *          its input has for itself is copied, and takes what its pages do
 * Threads  options->threads that merge and encode, at most 64; fewer where a window and a block of
 *          each input, once for each of them, or rows beyond the memory were more than half of it, or
 *          more than 768 files were open. The caller's thread writes. `mem` is safe for threads if there are
 *          several
 */
SLP_NODISCARD slp_rc compact_merge_once(struct state_table *table, const struct compact_job *job,
                                        const struct compact_options *options, struct output *out,
                                        struct alloc *mem, struct slp_err *err);

#endif
