/*
 * Some columns of rows, and at most so many of them.
 */
#include "api/instance.h"
#include "arrow/dictionary.h"
#include "base/num.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)

struct select {
    struct arr_stream base;
    struct alloc *mem;
    struct arena arena;
    struct arr_stream *below;
    struct arr_schema schema;
    size_t *places; /* of the columns below */
    int64_t left;
    struct arr_batch batch;
};

static void select_close(struct arr_stream *stream)
{
    struct select *s = (struct select *)(void *)stream;
    arr_batch_fini(&s->batch);
    arr_stream_close(s->below);
    arena_fini(&s->arena);
    alloc_delete(s->mem, s);
}

static slp_rc select_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct select *s = (struct select *)(void *)stream;
    if (s->left == 0)
        return SLP_DONE;
    slp_rc rc = arr_stream_next(s->below, &s->batch, err);
    if (rc != SLP_OK)
        return rc;
    if (!out->cols)
        TRY(arr_batch_init(out, s->mem, &s->schema, err));
    arr_batch_clear(out);
    int64_t count = num_min_i64(s->batch.rows, s->left);
    for (size_t i = 0; i < s->schema.count; i++) {
        const struct arr_col *from = &s->batch.cols[s->places[i]];
        arr_col_share_dictionary(&out->cols[i], from);
        TRY(arr_col_append_run(&out->cols[i], from, 0, count, err));
    }
    out->rows = count;
    s->left -= count;
    return SLP_OK;
}

static slp_rc choose(struct select *s, const char *const *columns, struct slp_err *err)
{
    const struct arr_schema *from = s->below->schema;
    size_t n = columns ? api_count_texts(columns) : from->count;
    if (n == 0)
        FAIL(err, INVALID, "no columns are asked for");
    TRY(arena_array(&s->arena, n, sizeof *s->places, (void **)&s->places, err));
    TRY(arena_array(&s->arena, n, sizeof *s->schema.fields, (void **)&s->schema.fields, err));
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        if (columns)
            TRY(arr_schema_require(from, slice_str(columns[i]), &at, err));
        for (size_t j = 0; j < i; j++)
            if (s->places[j] == at)
                FAIL(err, INVALID, "column \"%s\" is asked for twice", columns[i]);
        s->places[i] = at;
        s->schema.fields[i] = from->fields[at];
        s->schema.count++;
    }
    return SLP_OK;
}

slp_rc slp_rows_select(struct slp_rows **rows, const char *const *columns, int64_t limit,
                       struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = select_next, .close = select_close};
    struct alloc *mem = (*rows)->mem;
    struct select *s = NULL;
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    s->base = (struct arr_stream){.ops = &ops, .schema = &s->schema};
    s->left = limit == 0 ? INT64_MAX : num_max_i64(limit, 0);
    s->below = (*rows)->stream;
    arena_init(&s->arena, mem, ARENA_MAX_BYTES);
    slp_rc rc = choose(s, columns, err);
    if (rc != SLP_OK) {
        s->below = NULL; /* stays the caller's */
        select_close(&s->base);
        return rc;
    }
    (*rows)->stream = &s->base;
    return SLP_OK;
}
