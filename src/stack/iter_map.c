#include "stack/iterate_priv.h"

/*
 * Runs whose blocks are other columns over the same rows: columns that stay are borrowed, those that
 * are computed are made for each block.
 */
struct mapped {
    struct run run;
    const struct iter *it;
    struct alloc *mem;
    struct run *in;
    struct arr_batch made; /* of the schema that goes out: computed columns */
    struct arr_col *shown;
    struct arr_batch view;
};

static slp_rc show_project(struct mapped *m, const struct arr_batch *in, struct slp_err *err)
{
    (void)err;
    for (size_t i = 0; i < m->it->count; i++)
        m->shown[i] = in->cols[m->it->columns[i]];
    return SLP_OK;
}

static slp_rc show_map(struct mapped *m, const struct arr_batch *in, struct slp_err *err)
{
    for (size_t i = 0; i < m->it->in->count; i++)
        m->shown[i] = in->cols[i];
    for (size_t i = 0; i < m->it->count; i++) {
        size_t to = m->it->targets[i];
        struct arr_col *made = &m->made.cols[to];
        arr_col_clear(made);
        slp_rc rc = stack_expression_eval(m->it->expressions[i], in, m->mem, made, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "map of \"%s\"", m->it->out->fields[to].name);
        m->shown[to] = *made;
    }
    return SLP_OK;
}

static slp_rc mapped_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct mapped *m = (struct mapped *)(void *)run;
    struct run_block block = {0};
    slp_rc rc = run_next(m->in, &block, err);
    if (rc != SLP_OK)
        return rc;
    if (m->it->expressions)
        TRY(show_map(m, block.batch, err));
    else
        TRY(show_project(m, block.batch, err));
    m->view = (struct arr_batch){
        .schema = m->it->out, .rows = block.batch->rows, .cols = m->shown, .mem = m->mem};
    *out = (struct run_block){.batch = &m->view, .keys = block.keys};
    return SLP_OK;
}

static void mapped_close(struct run *run)
{
    struct mapped *m = (struct mapped *)(void *)run;
    run_close(m->in);
    arr_batch_fini(&m->made);
    alloc_free(m->mem, m->shown, m->it->out->count * sizeof *m->shown);
    alloc_delete(m->mem, m);
}

static slp_rc mapped_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = mapped_next, .close = mapped_close};
    struct mapped *m = NULL;
    void *room = NULL;
    slp_rc rc = alloc_new(mem, &m, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    m->run.ops = &ops;
    m->it = it;
    m->mem = mem;
    m->in = input;
    TRY_OUT(alloc_array(mem, it->out->count, sizeof *m->shown, &room, err));
    m->shown = room;
    TRY_OUT(arr_batch_init(&m->made, mem, it->out, err));
    *out = &m->run;
    m = NULL;
out:
    if (m)
        mapped_close(&m->run);
    return rc;
}

static slp_rc new_schema(struct iter *it, size_t most, struct arr_schema **out, struct slp_err *err)
{
    void *room = NULL;
    struct arr_schema *schema = NULL;
    TRY(arena_new(it->arena, &schema, err));
    TRY(arena_array(it->arena, most, sizeof *schema->fields, &room, err));
    schema->fields = room;
    *out = schema;
    return SLP_OK;
}

static slp_rc project_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct arr_schema *schema = NULL;
    TRY(stack_scan_expect(s, '(', err));
    TRY(stack_iter_columns(it, s, err));
    TRY(stack_scan_expect(s, ')', err));
    TRY(stack_scan_end(s, err));
    TRY(new_schema(it, it->count, &schema, err));
    for (size_t i = 0; i < it->count; i++) {
        schema->fields[i] = it->in->fields[it->columns[i]];
        it->uses[it->columns[i]] = false; /* only those that are wanted behind it */
    }
    schema->count = it->count;
    it->from = it->columns;
    it->out = schema;
    return SLP_OK;
}

/* "name = expression" */
static slp_rc bind_expression(struct iter *it, struct slice text, struct arr_schema *schema,
                              struct slp_err *err)
{
    struct scan s;
    struct scan_token name;
    struct stack_expression *e = NULL;
    TRY(stack_scan_begin(&s, text, it->arena, err));
    TRY(stack_scan_name(&s, "the name of a field", &name, err));
    if (!stack_scan_is(&s, '='))
        return stack_scan_fail(&s, err, "\"=\" and an expression");
    TRY(stack_expression_new(slice_after(text, s.next.at.start + 1u), it->in, it->arena, &e, err));
    stack_expression_columns(e, it->uses);
    int64_t at = arr_schema_find(schema, name.body);
    size_t to = at < 0 ? schema->count++ : (size_t)at;
    for (size_t i = 0; i < it->count; i++)
        if (it->targets[i] == to)
            return pred_fail(err, SLP_INVALID, text, name.at, "field \"%.*s\" twice",
                             SLICE_ARG(name.body));
    int32_t id = at < 0 ? 0 : schema->fields[to].id;
    schema->fields[to] = *stack_expression_field(e);
    schema->fields[to].id = id;
    TRY(arena_text(it->arena, name.body, &schema->fields[to].name, err));
    it->expressions[it->count] = e;
    it->targets[it->count++] = to;
    return SLP_OK;
}

/* The text between the outer brackets. */
static slp_rc inside(struct scan *s, struct slice *out, struct slp_err *err)
{
    struct slice t = s->text;
    if (!stack_scan_is(s, '('))
        return stack_scan_fail(s, err, "\"(\"");
    size_t start = s->next.at.start + 1u;
    size_t end = t.len;
    while (end > start && t.ptr[end - 1] <= ' ')
        end--;
    if (end <= start || t.ptr[end - 1] != ')')
        return pred_fail(err, SLP_INVALID, t, s->next.at, "a bracket without its end");
    *out = slice_sub(t, start, end - 1 - start);
    return SLP_OK;
}

static slp_rc map_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct arr_schema *schema = NULL;
    struct slice text;
    struct slice piece;
    size_t at = 0;
    size_t pieces = 0;
    void *room = NULL;
    TRY(inside(s, &text, err));
    while (stack_scan_piece(text, ',', &at, &piece))
        pieces++;
    TRY(arena_array(it->arena, pieces, sizeof *it->expressions, &room, err));
    it->expressions = room;
    TRY(arena_array(it->arena, pieces, sizeof *it->targets, &room, err));
    it->targets = room;
    TRY(new_schema(it, it->in->count + pieces, &schema, err));
    memcpy(schema->fields, it->in->fields, it->in->count * sizeof *schema->fields);
    schema->count = it->in->count;
    at = 0;
    while (stack_scan_piece(text, ',', &at, &piece))
        TRY(bind_expression(it, piece, schema, err));
    it->out = schema;
    TRY(arena_array(it->arena, schema->count, sizeof *it->from, &room, err));
    it->from = room;
    for (size_t i = 0; i < schema->count; i++)
        it->from[i] = i < it->in->count ? i : SIZE_MAX;
    for (size_t i = 0; i < it->count; i++)
        it->from[it->targets[i]] = SIZE_MAX;
    return SLP_OK;
}

const struct iter_class stack_iter_project = {
    .name = "project", .bind = project_bind, .open = mapped_open};
const struct iter_class stack_iter_map = {.name = "map", .bind = map_bind, .open = mapped_open};
