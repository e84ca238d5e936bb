/*
 * Processing as a table's state asks for it: its engine, filters, iterators and purges, bound once
 * and used by whoever reads or writes its rows.
 *
 *   state: engine text, properties, purges  --process_open-->  stack, iterators, purges
 *   file:  form, mark                       --process_input--> run with purges applied, widened
 *
 * Most tables need none of it: a `bag` that has no filter, no iterator and no purge, and in which
 * nothing was ever deleted. Then process_open gives NULL, and rows go by as they are.
 *
 * All is copied from the state, so a `struct process` outlives the view it was made from. It is
 * immutable: threads may share it.
 */
#ifndef SLP_PROCESS_PROCESS_H
#define SLP_PROCESS_PROCESS_H

#include "stack/input.h"
#include "stack/iterate.h"
#include "stack/spread.h"
#include "state/state.h"

struct process;

/*
 * Bind what the view of `table` says. `*out` is NULL where rows go by as they are.
 *
 * Errors   INVALID, UNSUPPORTED  a property that does not fit the table, with its name
 *          CORRUPT               an engine or a purge that the state should not have
 *          NOT_FOUND             a plug-in; NO_MEMORY, LIMIT
 * Cost     nothing for a table that needs none
 */
SLP_NODISCARD slp_rc process_open(const struct state_table *table, struct alloc *mem,
                                  struct process **out, struct slp_err *err);

/* The same, and never NULL: for who is about to write deletes. */
SLP_NODISCARD slp_rc process_open_always(const struct state_table *table, struct alloc *mem,
                                         struct process **out, struct slp_err *err);
void process_close(struct process *p); /* NULL is accepted */

const struct stack *process_stack(const struct process *p);

/* Table time: what filters compare with. */
int64_t process_now_ms(const struct process *p);

/* Parse iterators, texts apart by semicolons: those of the table, then `more` (of a query). `*out` is
 * NULL where there are none. Errors: those of stack_iters_new. */
SLP_NODISCARD slp_rc process_iters(const struct state_table *table, const struct slice *more,
                                   size_t more_count, struct alloc *mem, struct stack_iters **out,
                                   struct slp_err *err);

/* The storage columns of a file: `stack` of its entry. Without a process there are none. */
static inline unsigned process_form(uint32_t stack)
{
    return stack & (STACK_KINDS | STACK_CARRIES);
}

/*
 * The purges that a file with this mark is due: those above it and up to `until`. `*out` borrows from
 * `p`.
 */
SLP_NODISCARD slp_rc process_purges(const struct process *p, struct state_position mark,
                                    struct state_position until, struct arena *arena,
                                    const struct stack_purge **out, size_t *count,
                                    struct slp_err *err);

/* Is there a purge above this mark? */
bool process_has_purges(const struct process *p, struct state_position mark);

/* The schema of a file's columns by its form, to open it with (state/open.h); lives as long as `table`
 * and `p`. Errors: CORRUPT for storage columns where `p` is NULL: this table has none. */
SLP_NODISCARD slp_rc process_schema(const struct state_table *table, const struct process *p,
                                    unsigned form, const struct schema **out, struct slp_err *err);

/* Add to `need`, as stack_needs, what the stack and all purges look at. */
void process_needs(const struct process *p, unsigned form, bool *need);

/* What a new table's engine comes to: what its first transaction says of it. */
struct process_engine {
    enum state_engine engine;
    bool is_ordered;   /* an aggregate that does not commute */
    uint32_t order_by; /* a field's id, and one; 0: by position */
    struct slice text; /* empty: bag */
};

/* Check an engine and filters, apart by semicolons, against a schema. Errors: those of stack_new. */
SLP_NODISCARD slp_rc process_check(const struct schema *schema, struct slice engine,
                                   struct slice filters, struct slice iterators,
                                   struct arena *arena, struct process_engine *out,
                                   struct slp_err *err);

#endif
