/*
 * Reading a stretch of a job whose table processes its rows: inputs with their purges applied, merged,
 * run through the table's stack, and gathered for row groups.
 *
 *   inputs -> purges, widened -> merge -> stack -> blocks -> rows of one form, a group at a time
 *
 * Rows have storage columns (stack/kind.h), and which of them grows as rows come: then a group ends,
 * and the next one has more. It begins with those that the inputs have, so that is rare.
 */
#ifndef SLP_COMPACT_READER_H
#define SLP_COMPACT_READER_H

#include "compact/inputs.h"

struct compact_reader {
    const struct stack *stack;
    struct run *run;        /* NULL: no rows */
    struct run_block block; /* what is left of it: rows from `at` on */
    unsigned block_form;
    int64_t at;
    unsigned form; /* of the group */
};

/* The form that outputs of a job begin with, by those of its inputs. */
unsigned compact_least_form(const struct compact_job *job);

/* Open what the inputs hold in `range`. Errors: those of datafile_read, stack_input, stack_open. */
SLP_NODISCARD slp_rc compact_reader_open(struct compact_inputs *in, struct key_range range,
                                         struct compact_reader *out, struct slp_err *err);
void compact_reader_close(struct compact_reader *r); /* a zeroed one is accepted */

/*
 * Append at least one row and at most `max_rows`, unless there is none or they are of another form
 * than those in `rows`: then nothing is appended. `rows` becomes one of the reader's form while it
 * is empty. Errors: those of the run.
 */
SLP_NODISCARD slp_rc compact_reader_next(struct compact_reader *r, int64_t max_rows,
                                         struct arr_batch *rows, struct slp_err *err);

/* Does processing leave rows of an input in this range as they are? */
bool compact_is_untouched(const struct compact_job *job, size_t input);

#endif
