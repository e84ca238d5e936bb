/*
 * A table in memory for tests of the stack: rows written as CSV, kinds before the key.
 *
 *     fixture_init(&f, t, SCHEMA);
 *     fixture_rows(&f, "a,1\n" "a,2\n" "-b,\n" "=c,3\n", ...)       - deletes, = resets
 */
#ifndef SLP_TEST_STACK_LIB_H
#define SLP_TEST_STACK_LIB_H

#include <stdlib.h>

#include "arrow/text.h"
#include "lib/run.h"
#include "stack/input.h"
#include "stack/iterate.h"

struct fixture {
    struct t *t;
    struct arena arena;
    struct schema schema;
    struct key_spec spec;
    struct stack *stack;
    struct arr_batch batch;
    struct key_vec keys;
    struct t_run run;
};

static inline void fixture_init(struct fixture *f, struct t *t, const char *json)
{
    *f = (struct fixture){.t = t};
    arena_init(&f->arena, &t->mem, 1 << 24);
    assert_ok(t, schema_parse(slice_str(json), &f->arena, &f->schema, &t->err));
    key_spec_init(&f->spec, &f->schema);
}

static inline void fixture_drop_rows(struct fixture *f)
{
    arr_batch_fini(&f->batch);
    key_vec_fini(&f->keys);
}

static inline void fixture_stack(struct fixture *f, const char *engine, const char *filter)
{
    struct slice one = slice_str(filter ? filter : "");
    struct stack_texts texts = {
        .engine = slice_str(engine), .filters = &one, .filter_count = filter != NULL};
    fixture_drop_rows(f);
    stack_free(f->stack);
    f->stack = NULL;
    assert_ok(f->t, stack_new(&f->t->mem, &f->schema, &texts, &f->stack, &f->t->err));
}

static inline void fixture_fini(struct fixture *f)
{
    fixture_drop_rows(f);
    stack_free(f->stack);
    arena_fini(&f->arena);
}

static inline void fixture_line(struct fixture *f, const char *line, size_t len, bool with_kind)
{
    struct t *t = f->t;
    enum stack_kind kind = *line == '-' ? STACK_DELETE : *line == '=' ? STACK_RESET : STACK_PUT;
    const char *end = line + len;
    const char *at = line + (kind != STACK_PUT);
    for (size_t i = 0; i < f->schema.columns.count; i++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t n = (size_t)((comma ? comma : end) - at);
        if (n == 0)
            assert_ok(t, arr_col_append_null(&f->batch.cols[i], &t->err));
        else
            assert_ok(t, arr_text_parse(&f->batch.cols[i], slice_of(at, n), &t->err));
        at += n + (comma != NULL);
    }
    if (with_kind)
        assert_ok(t, arr_col_append_i64(&f->batch.cols[f->schema.columns.count], kind, &t->err));
    f->batch.rows++;
}

/* Rows of a form with or without kinds, in key order, as a run of blocks of `block_rows`. */
static inline struct run *fixture_rows(struct fixture *f, const char *csv, bool with_kinds,
                                       int64_t block_rows)
{
    struct t *t = f->t;
    const struct arr_schema *columns =
        f->stack ? &stack_schema(f->stack, with_kinds ? STACK_KINDS : 0)->columns
                 : &f->schema.columns;
    fixture_drop_rows(f);
    assert_ok(t, arr_batch_init(&f->batch, &t->mem, columns, &t->err));
    key_vec_init(&f->keys, &t->mem, SIZE_MAX / 4);
    for (const char *at = csv; *at;) {
        const char *end = strchr(at, '\n');
        fixture_line(f, at, (size_t)(end - at), with_kinds);
        at = end + 1;
    }
    assert_ok(t, key_encode_rows(&f->spec, &f->batch, 0, f->batch.rows, &f->keys, &t->err));
    t_run_init(&f->run, &t->mem, &f->batch, &f->keys, 0, f->batch.rows, block_rows);
    return &f->run.base;
}

/* All that a run holds, as JSON rows, one a line: "a",1; returns what ended it. */
static inline slp_rc fixture_text(struct fixture *f, struct run *run, struct buf *out)
{
    struct t *t = f->t;
    struct run_block block = {0};
    slp_rc rc = SLP_OK;
    while ((rc = run_next(run, &block, &t->err)) == SLP_OK) {
        for (int64_t r = 0; r < block.batch->rows; r++) {
            for (size_t c = 0; c < block.batch->schema->count; c++) {
                TRY(buf_printf(out, &t->err, "%s", c ? "," : ""));
                TRY(arr_text_json(&block.batch->cols[c], r, out, &t->err));
            }
            TRY(buf_append_u8(out, '\n', &t->err));
        }
    }
    return rc;
}

static inline void fixture_is(struct fixture *f, struct run *run, const char *want)
{
    struct buf out;
    buf_init(&out, &f->t->mem, 1 << 24);
    assert_rc(f->t, fixture_text(f, run, &out), SLP_DONE);
    run_close(run);
    assert_ok(f->t, buf_append_u8(&out, 0, &f->t->err));
    assert_string_equal((const char *)out.ptr, want);
    buf_fini(&out);
}

#endif
