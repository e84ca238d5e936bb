/*
 * What the files of the stack share: the bound configuration, blocks in construction, runs that know
 * their form.
 */
#ifndef SLP_STACK_STACK_PRIV_H
#define SLP_STACK_STACK_PRIV_H

#include "stack/filter.h"
#include "stack/fold.h"
#include "stack/stack.h"

#define STACK_NO_CARRY SIZE_MAX

struct stack_column {
    enum fold_op op;
    bool is_key;
    size_t carry; /* which of the carry columns; STACK_NO_CARRY: none */
};

struct stack {
    struct alloc *mem;
    struct arena arena;
    struct schema schemas[STACK_FORMS]; /* by form */
    enum stack_engine engine;
    bool has_order;
    size_t order_column;
    struct stack_column *columns; /* of the table */
    size_t column_count;
    size_t carry_count;
    struct stack_filters filters;
};

/* The column of a batch of `form`; NULL when the form has none. */
static inline const struct arr_col *stack_carry_col(const struct stack *s,
                                                    const struct arr_batch *b, unsigned form,
                                                    size_t column)
{
    size_t carry = s->columns[column].carry;
    if (!(form & STACK_CARRIES) || carry == STACK_NO_CARRY)
        return NULL;
    return &b->cols[s->column_count + carry];
}

/* The kinds of a batch's rows; NULL: all are puts. Errors: CORRUPT for a kind that is none. */
SLP_NODISCARD slp_rc stack_kinds_of(const struct stack *s, const struct arr_batch *b, unsigned form,
                                    const uint8_t **out, struct slp_err *err);

/* A run whose blocks have a form that may grow. */
struct stack_run {
    struct run base;
    unsigned form;
};

/*
 * A block in construction: the columns of all forms. Carries and kinds are filled lazily: rows that
 * are missing at their end are 0. A view of it shows the columns of a form.
 */
struct stack_draft {
    const struct stack *s;
    struct arr_batch batch; /* of form KINDS | CARRIES */
    struct key_vec keys;
    struct arr_col *shown; /* of the view; borrows the columns of `batch` */
    struct buf picks;      /* scratch of stack_sieve */
    struct arr_batch view;
};

SLP_NODISCARD slp_rc stack_draft_init(struct stack_draft *d, const struct stack *s,
                                      struct alloc *mem, struct slp_err *err);
void stack_draft_fini(struct stack_draft *d);
void stack_draft_clear(struct stack_draft *d);

static inline int64_t stack_draft_rows(const struct stack_draft *d)
{
    return d->keys.count;
}

/* The form that its rows need. */
unsigned stack_draft_form(const struct stack_draft *d);

/* The next row, whose key is appended later, has this kind; `rows` have theirs. */
SLP_NODISCARD slp_rc stack_draft_kind(struct stack_draft *d, int64_t row, enum stack_kind kind,
                                      struct slp_err *err);

/* Show it as a block of `form`, which has what its rows need. */
SLP_NODISCARD slp_rc stack_draft_show(struct stack_draft *d, unsigned form, struct run_block *out,
                                      struct slp_err *err);

/* Groups of a block: fill `out` with fold_groups, one a key, the rows older than its last delete or
 * reset left out. `kinds` NULL: all puts. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc stack_group(const struct key_vec *keys, const uint8_t *kinds, struct buf *out,
                                 struct slp_err *err);

/* Without deletes: those groups go, and resets are puts. Returns how many are left. */
size_t stack_groups_drop(struct fold_group *groups, size_t count);

/* Does a mode end deletes (O6)? */
static inline bool stack_drops(const struct stack_options *o)
{
    return o->mode == STACK_QUERY || (o->mode == STACK_COMPACT && o->is_oldest);
}

/* reduce.c: engines that make one row of a key. bag.c: bag with kinds. sift.c: filters, before the
 * merge (`is_before`) or behind it. Each takes `in`, on failure too; `form` is that of its blocks,
 * and may grow while it runs. */
struct stack_stage {
    const struct stack *s;
    struct alloc *mem;
    const struct stack_options *o;
    struct run *in;
    const unsigned *form;
};

SLP_NODISCARD slp_rc stack_reduce_open(const struct stack_stage *stage, struct stack_run **out,
                                       struct slp_err *err);
SLP_NODISCARD slp_rc stack_bag_open(const struct stack_stage *stage, struct stack_run **out,
                                    struct slp_err *err);
SLP_NODISCARD slp_rc stack_sift_open(const struct stack_stage *stage, bool is_before,
                                     struct stack_run **out, struct slp_err *err);

/* Does a stage of filters have anything to do? */
bool stack_sift_applies(const struct stack *s, const struct stack_options *o, bool is_before);

/*
 * What becomes of a block's rows: verdicts of one byte a row. Shared by purges and filters.
 */
enum { SIEVE_DROP = 0, SIEVE_KEEP = 1, SIEVE_DELETE = 2 };

/* Hand `in` on as it is if nothing changes, else rebuild it in `d`: dropped rows go, SIEVE_DELETE
 * makes deletes with blank values. forms[0] is that of `in`, forms[1] has what comes of it. An empty
 * result has batch NULL. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc stack_sieve(struct stack_draft *d, const struct run_block *in,
                                 const unsigned forms[2], const uint8_t *verdicts,
                                 struct run_block *out, struct slp_err *err);

#endif
