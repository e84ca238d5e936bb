#include "stack/iterate.h"

#include "stack/iterate_priv.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define TEXT_BYTES  ((size_t)64 * 1024)

struct stack_iters {
    struct alloc *mem;
    struct arena arena;
    const struct arr_schema *schema; /* of the table */
    struct iter iters[STACK_ITERATORS_MAX];
    size_t count;
};

static const struct iter_class *const classes[] = {
    &stack_iter_filter, &stack_iter_project, &stack_iter_map,    &stack_iter_top,
    &stack_iter_dedupe, &stack_iter_sample,  &stack_iter_redact, &stack_iter_plugin,
};

static slp_rc find_class(const struct scan *s, const struct scan_token *name,
                         const struct iter_class **out, struct slp_err *err)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (stack_scan_is_word(name, classes[i]->name)) {
            *out = classes[i];
            return SLP_OK;
        }
    }
    return pred_fail(err, SLP_INVALID, s->text, name->at,
                     "unknown iterator \"%.*s\": there are filter, project, map, top, dedupe, "
                     "sample, redact and plugin",
                     SLICE_ARG(name->body));
}

static slp_rc bind_one(struct stack_iters *all, struct slice text, struct slp_err *err)
{
    struct scan s;
    struct scan_token name;
    void *room = NULL;
    if (all->count == STACK_ITERATORS_MAX)
        FAIL(err, LIMIT, "at most %u iterators", STACK_ITERATORS_MAX);
    if (text.len > TEXT_BYTES)
        FAIL(err, LIMIT, "an iterator of %zu bytes; at most %zu", text.len, TEXT_BYTES);
    TRY(stack_scan_begin(&s, text, &all->arena, err));
    if (s.next.kind == SCAN_END)
        return SLP_OK;
    struct iter *it = &all->iters[all->count];
    *it = (struct iter){.arena = &all->arena, .mem = all->mem, .text = text};
    it->in = all->count ? all->iters[all->count - 1].out : all->schema;
    it->out = it->in;
    TRY(arena_array(&all->arena, it->in->count, sizeof *it->uses, &room, err));
    it->uses = room;
    TRY(stack_scan_name(&s, "an iterator", &name, err));
    TRY(find_class(&s, &name, &it->class, err));
    it->holds_keys = it->class->needs_keys;
    all->count++;
    return it->class->bind(it, &s, err);
}

static slp_rc bind_text(struct stack_iters *all, struct slice text, struct slp_err *err)
{
    size_t at = 0;
    struct slice piece;
    TRY(arena_copy(&all->arena, text, &text, err));
    while (stack_scan_piece(text, ';', &at, &piece)) {
        slp_rc rc = bind_one(all, piece, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "iterator %zu", all->count ? all->count : 1);
    }
    return SLP_OK;
}

slp_rc stack_iters_new(struct alloc *mem, const struct schema *schema, const struct slice *texts,
                       size_t count, struct stack_iters **out, struct slp_err *err)
{
    struct stack_iters *all = NULL;
    slp_rc rc = SLP_OK;
    TRY(alloc_new(mem, &all, err));
    all->mem = mem;
    all->schema = &schema->columns;
    arena_init(&all->arena, mem, ARENA_BYTES);
    for (size_t i = 0; i < count; i++)
        TRY_OUT(bind_text(all, texts[i], err));
    *out = all;
    all = NULL;
out:
    stack_iters_free(all);
    return rc;
}

void stack_iters_free(struct stack_iters *it)
{
    if (!it)
        return;
    for (size_t i = 0; i < it->count; i++)
        os_library_close(&it->iters[i].library);
    arena_fini(&it->arena);
    alloc_delete(it->mem, it);
}

size_t stack_iters_count(const struct stack_iters *it)
{
    return it->count;
}

const struct arr_schema *stack_iters_schema(const struct stack_iters *it)
{
    return it->count ? it->iters[it->count - 1].out : it->schema;
}

/* The column of `in` that column `c` of `out` is, or SIZE_MAX. */
static size_t source_of(const struct iter *it, size_t c)
{
    return it->from ? it->from[c] : c;
}

slp_rc stack_iters_needs(const struct stack_iters *it, const bool *wanted, struct arena *arena,
                         bool *used, struct slp_err *err)
{
    const bool *behind = wanted;
    for (size_t i = it->count; i-- > 0;) {
        const struct iter *one = &it->iters[i];
        bool *before = NULL;
        TRY(arena_array(arena, one->in->count, sizeof *before, (void **)&before, err));
        memcpy(before, one->uses, one->in->count * sizeof *before);
        for (size_t c = 0; c < one->out->count; c++)
            if (behind[c] && source_of(one, c) != SIZE_MAX)
                before[source_of(one, c)] = true;
        behind = before;
    }
    for (size_t c = 0; c < it->schema->count; c++)
        used[c] |= behind[c];
    return SLP_OK;
}

/* The column behind an iterator that is column `c` before it, or SIZE_MAX. */
static size_t place_behind(const struct iter *it, size_t c)
{
    if (it->class->is_foreign)
        return SIZE_MAX;
    for (size_t i = 0; i < it->out->count; i++)
        if (source_of(it, i) == c)
            return i;
    return SIZE_MAX;
}

void stack_iters_keys(const struct stack_iters *it, size_t at, const struct key_spec *spec,
                      struct key_spec *out)
{
    *out = *spec;
    for (size_t f = 0; f < spec->field_count; f++)
        for (size_t i = 0; i < at && out->columns[f] != SIZE_MAX; i++)
            out->columns[f] = place_behind(&it->iters[i], out->columns[f]);
}

const struct pred *stack_iters_where(const struct stack_iters *it, size_t at)
{
    return it->iters[at].where;
}

slp_rc stack_iters_open(const struct stack_iters *it, struct alloc *mem, struct run *input,
                        struct run **out, struct slp_err *err)
{
    struct run *top = input;
    for (size_t i = 0; i < it->count; i++) {
        const struct iter *one = &it->iters[i];
        if (one->holds_keys)
            TRY(stack_iter_whole_keys(one->in, mem, top, &top, err));
        TRY(one->class->open(one, mem, top, &top, err));
    }
    *out = top;
    return SLP_OK;
}

slp_rc stack_iter_column(struct iter *it, const struct scan *s, const struct scan_token *name,
                         size_t *out, struct slp_err *err)
{
    int64_t at = arr_schema_find(it->in, name->body);
    if (at < 0) {
        const char *near = arr_schema_nearest(it->in, name->body);
        return pred_fail(err, SLP_INVALID, s->text, name->at, "unknown field \"%.*s\"%s%s%s",
                         SLICE_ARG(name->body), near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
    }
    it->uses[at] = true;
    *out = (size_t)at;
    return SLP_OK;
}

slp_rc stack_iter_columns(struct iter *it, struct scan *s, struct slp_err *err)
{
    void *room = NULL;
    struct scan_token name;
    TRY(arena_array(it->arena, it->in->count, sizeof *it->columns, &room, err));
    it->columns = room;
    for (;;) {
        if (it->count == it->in->count)
            return stack_scan_fail(s, err, "no more fields than there are");
        TRY(stack_scan_name(s, "the name of a field", &name, err));
        TRY(stack_iter_column(it, s, &name, &it->columns[it->count], err));
        for (size_t i = 0; i < it->count; i++)
            if (it->columns[i] == it->columns[it->count])
                return pred_fail(err, SLP_INVALID, s->text, name.at, "field \"%.*s\" twice",
                                 SLICE_ARG(name.body));
        it->count++;
        if (!stack_scan_is(s, ','))
            return SLP_OK;
        TRY(stack_scan_take(s, &name, err));
    }
}

int64_t stack_iter_end_of_key(const struct key_vec *keys, int64_t first)
{
    int64_t end = first + 1;
    while (end < keys->count && slice_equal(key_at(keys, first), key_at(keys, end)))
        end++;
    return end;
}

struct streamed {
    struct arr_stream base;
    struct alloc *mem;
    struct run *run;
};

static slp_rc streamed_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct streamed *s = (struct streamed *)(void *)stream;
    struct run_block block = {0};
    slp_rc rc = run_next(s->run, &block, err);
    if (rc != SLP_OK)
        return rc;
    if (!out->cols)
        TRY(arr_batch_init(out, s->mem, s->base.schema, err));
    arr_batch_clear(out);
    return arr_batch_append_run(out, block.batch, 0, block.batch->rows, err);
}

static void streamed_close(struct arr_stream *stream)
{
    struct streamed *s = (struct streamed *)(void *)stream;
    run_close(s->run);
    alloc_delete(s->mem, s);
}

slp_rc stack_stream(struct alloc *mem, const struct arr_schema *schema, struct run *run,
                    struct arr_stream **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = streamed_next, .close = streamed_close};
    struct streamed *s = NULL;
    slp_rc rc = alloc_new(mem, &s, err);
    if (rc != SLP_OK) {
        run_close(run);
        return rc;
    }
    s->base.ops = &ops;
    s->base.schema = schema;
    s->mem = mem;
    s->run = run;
    *out = &s->base;
    return SLP_OK;
}
