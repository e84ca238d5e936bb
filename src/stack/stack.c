#include "stack/stack.h"

#include <stdio.h>

#include "stack/engine_text.h"
#include "stack/stack_priv.h"

#define ARENA_BYTES ((size_t)64 << 20)

static slp_rc check_fields(const struct schema *schema, struct slp_err *err)
{
    for (size_t i = 0; i < schema->columns.count; i++) {
        const struct arr_field *f = &schema->columns.fields[i];
        if (slice_starts_with(slice_str(f->name), slice_str(STACK_PREFIX)))
            FAIL(err, INVALID,
                 "field \"%s\": names that begin with %s are kept for columns of "
                 "storage; name it differently",
                 f->name, STACK_PREFIX);
        if (f->id >= STACK_KIND_ID - STACK_CARRY_ID)
            FAIL(err, LIMIT, "field \"%s\" has id %d, beyond those that have storage columns",
                 f->name, f->id);
    }
    return SLP_OK;
}

static slp_rc look_at_columns(struct stack *s, struct slp_err *err)
{
    const struct schema *schema = &s->schemas[0];
    void *room = NULL;
    s->column_count = schema->columns.count;
    TRY(arena_array(&s->arena, s->column_count, sizeof *s->columns, &room, err));
    s->columns = room;
    for (size_t i = 0; i < s->column_count; i++)
        s->columns[i].carry = STACK_NO_CARRY;
    for (size_t k = 0; k < schema->key_count; k++)
        s->columns[schema->key_columns[k]].is_key = true;
    return SLP_OK;
}

static slp_rc carry_field(struct stack *s, size_t column, struct arr_field *out,
                          struct slp_err *err)
{
    const struct arr_field *field = &s->schemas[0].columns.fields[column];
    char name[64];
    (void)snprintf(name, sizeof name, STACK_PREFIX "carry_%d", field->id);
    *out = (struct arr_field){.id = STACK_CARRY_ID + field->id};
    (void)stack_fold_carry(s->columns[column].op, field, &out->type);
    return arena_text(&s->arena, slice_str(name), &out->name, err);
}

/* The fields of storage stand behind a copy of the table's; each form shows some of them. */
static slp_rc make_form(struct stack *s, unsigned form, const struct arr_field *carries,
                        struct slp_err *err)
{
    const struct schema *plain = &s->schemas[0];
    struct schema *to = &s->schemas[form];
    size_t n = s->column_count;
    void *room = NULL;
    *to = *plain;
    TRY(arena_array(&s->arena, n + s->carry_count + 1, sizeof(struct arr_field), &room, err));
    to->columns.fields = room;
    memcpy(to->columns.fields, plain->columns.fields, n * sizeof(struct arr_field));
    if (form & STACK_CARRIES && s->carry_count > 0) {
        memcpy(&to->columns.fields[n], carries, s->carry_count * sizeof *carries);
        n += s->carry_count;
    }
    if (form & STACK_KINDS)
        to->columns.fields[n++] = (struct arr_field){
            .name = STACK_KIND_NAME, .type = {.kind = ARR_INT8}, .id = STACK_KIND_ID};
    to->columns.count = n;
    return SLP_OK;
}

static slp_rc make_forms(struct stack *s, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(&s->arena, s->column_count, sizeof(struct arr_field), &room, err));
    struct arr_field *carries = room;
    for (size_t i = 0; i < s->column_count; i++) {
        struct arr_type type;
        const struct arr_field *field = &s->schemas[0].columns.fields[i];
        if (s->engine != STACK_AGGREGATE || s->columns[i].is_key ||
            !stack_fold_carry(s->columns[i].op, field, &type))
            continue;
        TRY(carry_field(s, i, &carries[s->carry_count], err));
        s->columns[i].carry = s->carry_count++;
    }
    for (unsigned form = 1; form < STACK_FORMS; form++)
        TRY(make_form(s, form, carries, err));
    return SLP_OK;
}

static slp_rc parse_filters(struct stack *s, const struct stack_texts *texts, struct slp_err *err)
{
    for (size_t i = 0; i < texts->filter_count; i++) {
        slp_rc rc =
            stack_filter_parse(texts->filters[i], &s->schemas[0], &s->arena, &s->filters, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "filter %zu", i + 1);
    }
    return SLP_OK;
}

slp_rc stack_new(struct alloc *mem, const struct schema *schema, const struct stack_texts *texts,
                 struct stack **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct stack *s = NULL;
    TRY(check_fields(schema, err));
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    arena_init(&s->arena, mem, ARENA_BYTES);
    TRY_OUT(schema_copy(&s->arena, schema, &s->schemas[0], err));
    TRY_OUT(look_at_columns(s, err));
    rc = stack_engine_parse(s, texts->engine, err);
    if (rc != SLP_OK) {
        err_wrap(err, rc, "engine");
        goto out;
    }
    TRY_OUT(make_forms(s, err));
    TRY_OUT(parse_filters(s, texts, err));
    *out = s;
    s = NULL;
out:
    stack_free(s);
    return rc;
}

void stack_free(struct stack *s)
{
    if (!s)
        return;
    arena_fini(&s->arena);
    alloc_delete(s->mem, s);
}

enum stack_engine stack_engine(const struct stack *s)
{
    return s->engine;
}

bool stack_order_by(const struct stack *s, size_t *column)
{
    *column = s->order_column;
    return s->has_order;
}

bool stack_is_order_sensitive(const struct stack *s, bool has_deletes)
{
    if (has_deletes || (s->engine != STACK_BAG && s->engine != STACK_AGGREGATE))
        return true;
    for (size_t i = 0; s->engine == STACK_AGGREGATE && i < s->column_count; i++)
        if (!s->columns[i].is_key && !stack_fold_commutes(s->columns[i].op))
            return true;
    return false;
}

const struct schema *stack_schema(const struct stack *s, unsigned form)
{
    return &s->schemas[form];
}

static bool is_form(const struct arr_schema *form, const struct arr_schema *columns, size_t from)
{
    if (form->count - from != columns->count - from)
        return false;
    for (size_t i = from; i < columns->count; i++)
        if (form->fields[i].id != columns->fields[i].id)
            return false;
    return true;
}

slp_rc stack_form_of(const struct stack *s, const struct arr_schema *columns, unsigned *out,
                     struct slp_err *err)
{
    for (unsigned form = 0; form < STACK_FORMS; form++) {
        const struct arr_schema *have = &s->schemas[form].columns;
        if (columns->count == have->count && is_form(have, columns, s->column_count)) {
            *out = form;
            return SLP_OK;
        }
    }
    FAIL(err, CORRUPT, "%zu columns that are not those of the table and its storage columns",
         columns->count);
}

/* The stages of a stack, one on another, and what they handed out. */
struct stacked {
    struct run base;
    struct alloc *mem;
    const struct stack *s;
    struct stack_options o;
    unsigned form;
    const unsigned *form_of_top;
    struct run *top;
    struct arr_batch view;
    int64_t counts[STACK_KIND_COUNT];
};

static slp_rc stacked_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct stacked *t = (struct stacked *)(void *)run;
    struct run_block block = {0};
    const uint8_t *kinds = NULL;
    slp_rc rc = run_next(t->top, &block, err);
    if (rc != SLP_OK)
        return rc;
    TRY(stack_kinds_of(t->s, block.batch, *t->form_of_top, &kinds, err));
    for (int64_t r = 0; kinds && r < block.batch->rows; r++)
        t->counts[kinds[r]]++;
    if (!kinds)
        t->counts[STACK_PUT] += block.batch->rows;
    t->view = *block.batch;
    t->view.schema = &t->s->schemas[*t->form_of_top].columns;
    *out = (struct run_block){.batch = &t->view, .keys = block.keys};
    return SLP_OK;
}

static void stacked_close(struct run *run)
{
    struct stacked *t = (struct stacked *)(void *)run;
    run_close(t->top);
    alloc_delete(t->mem, t);
}

void stack_counts(const struct run *stacked, int64_t out[STACK_KIND_COUNT])
{
    const struct stacked *t = (const struct stacked *)(const void *)stacked;
    memcpy(out, t->counts, sizeof t->counts);
}

static bool reduces(const struct stack *s, const struct stack_options *o)
{
    return s->engine != STACK_BAG || (o->form & STACK_KINDS) != 0;
}

bool stack_sifts(const struct stack *s, const struct stack_options *o)
{
    return stack_sift_applies(s, o, true) || stack_sift_applies(s, o, false);
}

bool stack_is_identity(const struct stack *s, const struct stack_options *o)
{
    return !reduces(s, o) && !stack_sifts(s, o);
}

enum stage { STAGE_BEFORE, STAGE_REDUCE, STAGE_BEHIND, STAGE_COUNT };

static bool has_stage(const struct stacked *t, enum stage which)
{
    if (which == STAGE_REDUCE)
        return reduces(t->s, &t->o);
    return stack_sift_applies(t->s, &t->o, which == STAGE_BEFORE);
}

/* Put one stage on top. What was the top is the stage's, or closed. */
static slp_rc add_stage(struct stacked *t, enum stage which, struct slp_err *err)
{
    struct stack_stage stage = {
        .s = t->s, .mem = t->mem, .o = &t->o, .in = t->top, .form = t->form_of_top};
    struct stack_run *made = NULL;
    t->top = NULL;
    if (which != STAGE_REDUCE)
        TRY(stack_sift_open(&stage, which == STAGE_BEFORE, &made, err));
    else if (t->s->engine == STACK_BAG)
        TRY(stack_bag_open(&stage, &made, err));
    else
        TRY(stack_reduce_open(&stage, &made, err));
    t->top = &made->base;
    t->form_of_top = &made->form;
    return SLP_OK;
}

slp_rc stack_open(const struct stack *s, struct alloc *mem, const struct stack_options *o,
                  struct run *input, struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = stacked_next, .close = stacked_close};
    struct stacked *t = NULL;
    slp_rc rc = alloc_new(mem, &t, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    t->base.ops = &ops;
    t->mem = mem;
    t->s = s;
    t->o = *o;
    t->form = o->form;
    t->form_of_top = &t->form;
    t->top = input;
    for (enum stage which = STAGE_BEFORE; which < STAGE_COUNT && rc == SLP_OK; which++)
        if (has_stage(t, which))
            rc = add_stage(t, which, err);
    if (rc == SLP_OK)
        *out = &t->base;
    else
        stacked_close(&t->base);
    return rc;
}
