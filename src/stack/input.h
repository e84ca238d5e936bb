/*
 * Inputs of a merge: one sorted file or buffer, made ready to be merged with others.
 *
 * Purges come before the merge (PROTOCOL.md V3, V4): a purge at position p concerns rows committed
 * before p, and a file says by its mark up to where purges were applied to it:
 *
 *     file's mark     p1        p2      at (a job's assignment; a query: the tip)
 *     ----|-----------|---------|-------|----
 *                     `--applied--'
 *
 * What is purged goes row by row. A purge by key takes rows of every kind. One by values (bag only,
 * where a row stands for itself) takes puts for which the predicate is TRUE, leaves deletes, and
 * makes a delete of a reset.
 *
 * Inputs of one merge have blocks of one form: what a file lacks is added.
 */
#ifndef SLP_STACK_INPUT_H
#define SLP_STACK_INPUT_H

#include "predicate/predicate.h"
#include "stack/stack.h"

/* Where a transaction stands: frame, and index in it. */
struct stack_position {
    uint64_t frame;
    uint32_t index;
};

static inline int stack_position_compare(struct stack_position a, struct stack_position b)
{
    if (a.frame != b.frame)
        return a.frame < b.frame ? -1 : 1;
    return (a.index > b.index) - (a.index < b.index);
}

/* A range delete (`where` NULL) or a purge by predicate (range ignored). Borrowed. */
struct stack_purge {
    struct stack_position at;
    struct key_range range;
    const struct pred *where;
};

/* A purge by predicate is allowed on this table: any on bag, else one over key fields alone.
 * Errors: INVALID, naming the field. */
SLP_NODISCARD slp_rc stack_purge_check(const struct stack *s, const struct pred *where,
                                       struct slp_err *err);

/* The purges that concern a file: those with mark < at <= until, moved to the front of `purges`,
 * order kept; returns how many. */
size_t stack_purges_between(struct stack_purge *purges, size_t count, struct stack_position mark,
                            struct stack_position until);

/* May this input be handed on as it is? */
static inline bool stack_input_is_identity(unsigned form, unsigned to_form, size_t purge_count)
{
    return form == to_form && purge_count == 0;
}

struct stack_input {
    unsigned form;    /* of the blocks of `run` */
    unsigned to_form; /* of the merge; has all bits of `form`. A purge by value of resets needs
                         KINDS, which they have */
    const struct stack_purge *purges; /* all are applied; outlive the run */
    size_t purge_count;
};

/* Takes `run`, on failure too. Errors of next: NO_MEMORY, LIMIT, and those of `run`. */
SLP_NODISCARD slp_rc stack_input(const struct stack *s, struct alloc *mem,
                                 const struct stack_input *in, struct run *run, struct run **out,
                                 struct slp_err *err);

/* Merge inputs, in order of position, into one run: merge/merge.h as a run. Takes the inputs, on
 * failure too. */
SLP_NODISCARD slp_rc stack_merge(struct alloc *mem, const struct arr_schema *schema,
                                 struct run **inputs, size_t count, struct run **out,
                                 struct slp_err *err);

#endif
