/*
 * The processing stack: what happens to rows of equal keys, and to rows that a table's filters
 * refuse. One engine, run at ingest, at compaction and by queries alike, so that an answer never
 * depends on when or whether compaction ran.
 *
 *   ingest      sorted rows --------------------------.
 *   compaction  inputs -> purges, widen -> merge ----. |
 *   query       inputs -> purges, widen -> merge --. | |
 *                          (stack_input)           v v v
 *                                   key filters -> reduce -> value filters     (stack_open)
 *                                                              |
 *                                                  queries only: iterators     (iterate.h)
 *
 * A stack takes a run (key/run.h) in which equal keys stand oldest first, as merges of inputs in
 * order of position yield them, and is a run itself.
 *
 * Engines, fixed when a table is made:
 *
 *   bag                  every row stays
 *   last, first          one row a key: the newest, the oldest; by `order-by` the row with the
 *                        greatest, the least value of a field, of equal ones the newest, the oldest
 *   partial              of each field the newest value that is not null
 *   aggregate            of each field what its operation makes of all values (fold.h)
 *
 * Reducing is associative: rows may be reduced in any tree that keeps their order, and a reduced run
 * is a run like any other. With kinds (kind.h), a delete or reset ends the line of what is older: of
 * a key's rows only those from the last one on count, and the result is a RESET, or a DELETE
 * when nothing followed. A delete or reset goes, or becomes a put, only where nothing older can be:
 * in queries, and in a job that holds the oldest data of its leaf (PROTOCOL.md O6).
 *
 * Modes:
 *
 *            input holds          deletes      value filters (V2)              sums
 *   INGEST   rows of users        stay         bag; `last` turns them into     lifted, carried
 *                                              deletes
 *   COMPACT  reduced rows         by O6        the same                        carried
 *   QUERY    reduced rows         vanish       all engines                     must fit their field
 *
 * A value filter that names the time stands in INGEST and COMPACT only if time can turn it from TRUE
 * to something else but never back (filter.h). Key filters stand before everything, in all modes.
 *
 * An ingest that reduces in steps, chunks and then what they merge to, lifts in the first: it is INGEST,
 * the next are COMPACT, which takes reduced rows.
 *
 * Sums never overflow while they are stored: what a field's type has no room for goes into the carry
 * column of the form (kind.h), and only a query refuses a sum that does not fit. So compaction never
 * fails on a value.
 *
 * Columns of input blocks may be dictionaries (arrow/dictionary.h), storage columns may not. A bag has
 * no row for a delete that rows of its own follow: the first of them is a RESET.
 *
 * Output blocks have the columns of the form that is needed so far: `block.batch->schema` is that of
 * stack_schema(form), and from one block to the next the form may gain columns, but never loses any.
 * Who writes files ends one there and goes on with the next.
 */
#ifndef SLP_STACK_STACK_H
#define SLP_STACK_STACK_H

#include "key/run.h"
#include "stack/kind.h"

/* Text of an engine or a filter. */
#define STACK_TEXT_MAX_BYTES (64u * 1024)

#define STACK_FILTERS_MAX 64u

enum stack_engine { STACK_BAG, STACK_LAST, STACK_FIRST, STACK_PARTIAL, STACK_AGGREGATE };

/* How a table is configured, as text. An empty engine is `bag`. */
struct stack_texts {
    struct slice engine;         /* "bag", "last(order-by: ts)", "aggregate(sum: n; max: ts)" */
    const struct slice *filters; /* each "ageOff(ts, 7 days)" or a predicate; a row is kept when all
                                    are TRUE */
    size_t filter_count;
};

/* A configuration bound to a schema: immutable, may be shared by threads. */
struct stack;

/*
 * Parse and bind. `schema` is copied.
 *
 * Errors   INVALID      with a caret: an unknown engine, operation or field, one that does not go
 *                       with the field's type, a value field with no operation or two, a filter
 *                       that does not parse; a field whose name begins with STACK_PREFIX
 *          UNSUPPORTED, LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc stack_new(struct alloc *mem, const struct schema *schema,
                               const struct stack_texts *texts, struct stack **out,
                               struct slp_err *err);
void stack_free(struct stack *s); /* NULL is accepted */

enum stack_engine stack_engine(const struct stack *s);

/* The engine as text that parses to the same: what a table's properties and file entries hold. */
SLP_NODISCARD slp_rc stack_format(const struct stack *s, struct buf *out, struct slp_err *err);

/* The column of `order-by`; false where there is none. */
bool stack_order_by(const struct stack *s, size_t *column);

/* Does the result depend on the order of a table's runs? So does every engine once a delete was
 * committed; `bag` and aggregates that commute do not before (rule O3). */
bool stack_is_order_sensitive(const struct stack *s, bool has_deletes);

/* The schema of files of a form, lives as long as the stack. Form 0 is the table's schema. The ids
 * of storage columns are beyond those of fields: such a schema is not for schema_encode. */
const struct schema *stack_schema(const struct stack *s, unsigned form);

/* Do sums of this table often not fit their fields, so that files have carries sooner or later: are
 * there sums of floats or maps? */
bool stack_wants_carries(const struct stack *s);

/* Append rows [first, first + count) of a block of form `from_form` to a batch of `to_form`, which has
 * all of its bits: what they lack is filled in. Errors: NO_MEMORY, LIMIT. */
struct stack_rows {
    const struct arr_batch *from;
    unsigned from_form;
    int64_t first;
    int64_t count;
};
SLP_NODISCARD slp_rc stack_append(const struct stack *s, const struct stack_rows *rows,
                                  unsigned to_form, struct arr_batch *to, struct slp_err *err);

/* How many rows of a batch of this form are deletes, and resets. */
void stack_count_kinds(const struct arr_batch *batch, unsigned form, int64_t out[STACK_KIND_COUNT]);

/* The form of a file by its columns, or of a block by its schema. Errors: CORRUPT when there are
 * storage columns that this table's files do not have. */
SLP_NODISCARD slp_rc stack_form_of(const struct stack *s, const struct arr_schema *columns,
                                   unsigned *out, struct slp_err *err);

enum stack_mode { STACK_INGEST, STACK_COMPACT, STACK_QUERY };

struct stack_options {
    enum stack_mode mode;
    bool is_oldest;     /* COMPACT: the job holds the oldest data of its leaf (O6) */
    bool is_fold;       /* COMPACT: rows between these may be elsewhere: no value filter (O4) */
    unsigned form;      /* of the input's blocks */
    int64_t now_ms;     /* table time, milliseconds since 1970: what filters compare with */
    int64_t block_rows; /* reduced rows are gathered until a block has so many; 0: 4096 */
};

/* Does every block pass as it is? `bag` with nothing that drops or changes a row: who copies whole
 * blocks still may. */
bool stack_is_identity(const struct stack *s, const struct stack_options *o);

/* Does a filter of this mode drop or change rows? */
bool stack_sifts(const struct stack *s, const struct stack_options *o);

/*
 * Run the stack over a merged run. Takes `input`, on failure too. Blocks are valid until the next
 * call. `s` outlives the run. In QUERY mode blocks are of form 0.
 *
 * Errors of next  LIMIT  in QUERY mode a sum that does not fit its field (field, value);
 *                        rows of one key that are too many to hold (bag with kinds), or too large
 *                 CORRUPT  a kind that is none, a carry that does not fit its value
 *                 and those of the input
 * Cost            keys are compared once with their neighbour; each column is one loop over groups.
 *                 Identity hands out the input's own blocks
 */
SLP_NODISCARD slp_rc stack_open(const struct stack *s, struct alloc *mem,
                                const struct stack_options *o, struct run *input, struct run **out,
                                struct slp_err *err);

/* How many rows of each kind a stack's run has handed out so far. */
void stack_counts(const struct run *stacked, int64_t out[STACK_KIND_COUNT]);

#endif
