#include "process/process.h"

#include "stack/scan.h"
#include "state/global.h"

#define ARENA_MAX_BYTES ((size_t)256 << 20)

struct process {
    struct alloc *mem;
    struct arena arena; /* predicates and ranges of purges */
    struct stack *stack;
    struct stack_purge *purges; /* ascending by position */
    size_t purge_count;
    int64_t now_ms;
};

static struct slice text_of(const struct state_table *table, enum schema_property_id id)
{
    struct schema_properties p = state_table_properties(table);
    return schema_property_text(&p, id);
}

/* Texts apart by semicolons; empty ones are left out. */
static slp_rc cut(struct slice text, struct arena *arena, struct slice **out, size_t *count,
                  struct slp_err *err)
{
    size_t room = 1;
    size_t at = 0;
    struct slice piece = {0};
    for (size_t i = 0; i < text.len; i++)
        room += text.ptr[i] == ';';
    TRY(arena_array(arena, room, sizeof **out, (void **)out, err));
    *count = 0;
    while (stack_scan_piece(text, ';', &at, &piece))
        if (piece.len > 0 && *count < room)
            (*out)[(*count)++] = piece;
    return SLP_OK;
}

static slp_rc make_stack(struct alloc *mem, const struct schema *schema, struct slice engine,
                         struct slice filters, struct stack **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct slice *texts = NULL;
    struct stack_texts in = {.engine = engine};
    arena_init(&arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(cut(filters, &arena, &texts, &in.filter_count, err));
    in.filters = texts;
    rc = stack_new(mem, schema, &in, out, err);
out:
    arena_fini(&arena);
    return rc;
}

static struct stack_position at_of(struct state_position p)
{
    return (struct stack_position){.frame = p.frame, .index = p.index};
}

static slp_rc bind_purge(struct process *p, const struct state_purge *from, struct stack_purge *to,
                         struct slp_err *err)
{
    struct slice text;
    to->at = at_of(from->at);
    if (from->is_range)
        return key_range_copy(&p->arena, from->range, &to->range, err);
    TRY(arena_copy(&p->arena, from->predicate, &text, err));
    slp_rc rc = pred_compile(text, &stack_schema(p->stack, 0)->columns, NULL, 0, &p->arena,
                             &to->where, err);
    return err_wrap(err, rc, "purge at sequence %llu", (unsigned long long)from->at.frame);
}

static slp_rc bind_purges(struct process *p, const struct table_state *view, struct slp_err *err)
{
    size_t count = state_purge_count(view);
    TRY(arena_array(&p->arena, count, sizeof *p->purges, (void **)&p->purges, err));
    for (size_t i = 0; i < count; i++) {
        p->purges[i] = (struct stack_purge){.where = NULL};
        TRY(bind_purge(p, state_purge_at(view, i), &p->purges[i], err));
        p->purge_count++;
    }
    return SLP_OK;
}

slp_rc process_open_always(const struct state_table *table, struct alloc *mem, struct process **out,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct table_state *view = state_table_view(table);
    struct process *p = NULL;
    TRY(alloc_new(mem, &p, err));
    p->mem = mem;
    p->now_ms = state_time_us(view) / 1000;
    arena_init(&p->arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(make_stack(mem, state_table_schema(table), state_engine_text(view),
                       text_of(table, SCHEMA_PROPERTY_FILTERS), &p->stack, err));
    TRY_OUT(bind_purges(p, view, err));
    *out = p;
    p = NULL;
out:
    process_close(p);
    return err_wrap(err, rc, "processing of table \"%.*s\"", SLICE_ARG(state_table_name(table)));
}

/* Do rows go by as they are? Storage columns are in files only where engine or deletes need them. */
static bool is_plain(const struct state_table *table)
{
    const struct table_state *view = state_table_view(table);
    return state_engine(view) == STATE_ENGINE_BAG && !state_has_deleted(view) &&
           state_purge_count(view) == 0 && text_of(table, SCHEMA_PROPERTY_FILTERS).len == 0;
}

slp_rc process_open(const struct state_table *table, struct alloc *mem, struct process **out,
                    struct slp_err *err)
{
    *out = NULL;
    return is_plain(table) ? SLP_OK : process_open_always(table, mem, out, err);
}

void process_close(struct process *p)
{
    if (!p)
        return;
    stack_free(p->stack);
    arena_fini(&p->arena);
    alloc_delete(p->mem, p);
}

const struct stack *process_stack(const struct process *p)
{
    return p->stack;
}

int64_t process_now_ms(const struct process *p)
{
    return p->now_ms;
}

slp_rc process_iters(const struct state_table *table, const struct slice *more, size_t more_count,
                     struct alloc *mem, struct stack_iters **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct slice *texts = NULL;
    struct slice own = text_of(table, SCHEMA_PROPERTY_ITERATORS);
    *out = NULL;
    if (own.len == 0 && more_count == 0)
        return SLP_OK;
    arena_init(&arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(arena_array(&arena, more_count + 1, sizeof *texts, (void **)&texts, err));
    texts[0] = own;
    for (size_t i = 0; i < more_count; i++)
        texts[i + 1] = more[i];
    rc = stack_iters_new(mem, state_table_schema(table), texts, more_count + 1, out, err);
    if (rc == SLP_OK && stack_iters_count(*out) == 0) {
        stack_iters_free(*out);
        *out = NULL;
    }
out:
    arena_fini(&arena);
    return err_wrap(err, rc, "iterators");
}

bool process_has_purges(const struct process *p, struct state_position mark)
{
    return p->purge_count > 0 &&
           stack_position_compare(p->purges[p->purge_count - 1].at, at_of(mark)) > 0;
}

slp_rc process_purges(const struct process *p, struct state_position mark,
                      struct state_position until, struct arena *arena,
                      const struct stack_purge **out, size_t *count, struct slp_err *err)
{
    struct stack_purge *list = NULL;
    *count = 0;
    *out = NULL;
    if (!process_has_purges(p, mark))
        return SLP_OK;
    TRY(arena_array(arena, p->purge_count, sizeof *list, (void **)&list, err));
    memcpy(list, p->purges, p->purge_count * sizeof *list);
    *count = stack_purges_between(list, p->purge_count, at_of(mark), at_of(until));
    *out = list;
    return SLP_OK;
}

void process_needs(const struct process *p, unsigned form, bool *need)
{
    for (size_t i = 0; i < p->purge_count; i++)
        if (p->purges[i].where)
            pred_columns(p->purges[i].where, need);
    stack_needs(p->stack, form, need);
}

slp_rc process_schema(const struct state_table *table, const struct process *p, unsigned form,
                      const struct schema **out, struct slp_err *err)
{
    if (!p && form)
        FAIL(err, CORRUPT, "a data file has storage columns, and the table has no use for any");
    *out = p ? stack_schema(p->stack, form) : state_table_schema(table);
    return SLP_OK;
}

slp_rc process_check(const struct schema *schema, struct slice engine, struct slice filters,
                     struct slice iterators, struct arena *arena, struct process_engine *out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct stack *s = NULL;
    struct stack_iters *iters = NULL;
    struct buf text;
    size_t column = 0;
    buf_init(&text, arena->mem, STACK_TEXT_MAX_BYTES);
    TRY_OUT(make_stack(arena->mem, schema, engine, filters, &s, err));
    TRY_OUT(stack_iters_new(arena->mem, schema, &iterators, 1, &iters, err));
    /* The numbers of both lists of engines are those of the log. */
    static const enum state_engine engines[] = {
        [STACK_BAG] = STATE_ENGINE_BAG,
        [STACK_LAST] = STATE_ENGINE_LAST,
        [STACK_FIRST] = STATE_ENGINE_FIRST,
        [STACK_PARTIAL] = STATE_ENGINE_PARTIAL,
        [STACK_AGGREGATE] = STATE_ENGINE_AGGREGATE,
    };
    struct process_engine e = {.engine = engines[stack_engine(s)]};
    e.is_ordered = e.engine == STATE_ENGINE_AGGREGATE && stack_is_order_sensitive(s, false);
    if (stack_order_by(s, &column))
        e.order_by = (uint32_t)schema->columns.fields[column].id + 1;
    if (e.engine != STATE_ENGINE_BAG)
        TRY_OUT(stack_format(s, &text, err));
    TRY_OUT(arena_copy(arena, buf_slice(&text), &e.text, err));
    *out = e;
out:
    buf_fini(&text);
    stack_iters_free(iters);
    stack_free(s);
    return rc;
}
