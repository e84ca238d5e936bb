/* rooms: rows */
/*
 * A predicate leaves out nothing that it is TRUE of: files of every flat type, with statistics, page
 * indexes and bloom filters, read with a filter, against all their rows and the same predicate.
 */
#include <stdio.h>

#include "arrow/text.h"
#include "lib/place.h"
#include "os/writer.h"
#include "parquet/writer.h"
#include "predicate/pick.h"
#include "predicate/prune.h"
#include "prop/parquet_rows.h"
#include "rows/rows.h"

#define ROUNDS     40
#define PREDICATES 12
#define COLUMNS    4
#define ROWS       700
#define TEXT_BYTES ((size_t)1 << 16)

struct sample {
    struct arena arena;
    struct arr_field fields[COLUMNS];
    char names[COLUMNS][8];
    struct arr_schema schema;
    struct arr_batch all;
    const char *path;
};

static struct arr_type random_type(struct t *t)
{
    for (;;) {
        struct arr_type type = rows_type(t_below(t, ROWS_TYPE_COUNT));
        if (type.kind != ARR_NULL)
            return type;
    }
}

static void write_groups(struct t *t, struct sample *s, struct pq_writer *w,
                         const struct pq_write_options *o)
{
    for (int64_t at = 0; at < s->all.rows;) {
        struct pq_group *group = NULL;
        struct arr_batch part;
        uint64_t offset = 0;
        int64_t count = num_min_i64(s->all.rows - at, 100 + (int64_t)t_below(t, 400));
        assert_ok(t, arr_batch_init(&part, &t->mem, &s->schema, &t->err));
        assert_ok(t, arr_batch_append_run(&part, &s->all, at, count, &t->err));
        assert_ok(t, pq_group_new(&t->mem, &s->schema, o, &group, &t->err));
        assert_ok(t, pq_group_encode(group, &part, 1 + (int64_t)t_below(t, 200), &t->err));
        assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
        pq_group_free(group);
        arr_batch_fini(&part);
        at += count;
    }
}

static void write_file(struct t *t, struct sample *s)
{
    struct pq_column_options columns[COLUMNS] = {0};
    struct pq_write_options o;
    struct pq_writer *w = NULL;
    struct buf bytes;
    struct buf_sink sink;
    buf_init(&bytes, &t->mem, (size_t)1 << 26);
    sink_buf_init(&sink, "test", &bytes);
    pq_write_options_init(&o);
    o.columns = columns;
    o.page_bytes = 200 + t_below(t, 2000);
    o.bound_bytes = (uint32_t)(1 + t_below(t, 30));
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i].bloom = t_below(t, 2);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &s->schema, &o, &w, &t->err));
    write_groups(t, s, w, &o);
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_writer_free(w);
    FILE *f = fopen(s->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    buf_fini(&bytes);
}

static void make(struct t *t, struct sample *s)
{
    memset(s, 0, sizeof *s);
    arena_init(&s->arena, &t->mem, 1 << 24);
    s->schema = (struct arr_schema){.fields = s->fields, .count = COLUMNS};
    for (size_t i = 0; i < COLUMNS; i++) {
        (void)snprintf(s->names[i], sizeof s->names[i], "c%zu", i);
        s->fields[i] = (struct arr_field){
            .name = s->names[i], .type = random_type(t), .nullable = t_below(t, 3) > 0};
    }
    assert_ok(t, arr_batch_init(&s->all, &t->mem, &s->schema, &t->err));
    for (size_t i = 0; i < COLUMNS; i++)
        rows_fill(t, &s->all.cols[i], ROWS, t_random(t),
                  (enum rows_values)t_below(t, ROWS_VALUE_PATTERNS),
                  s->fields[i].nullable ? (enum rows_nulls)t_below(t, ROWS_NULL_PATTERNS)
                                        : ROWS_NO_NULLS);
    s->all.rows = ROWS;
}

/* ---- Predicates ---- */

static void put(struct t *t, struct buf *out, const char *text)
{
    assert_ok(t, buf_append_slice(out, slice_str(text), &t->err));
}

/* The value of some row, as a literal in quotes; false if there is none of use. */
static bool put_literal(struct t *t, const struct sample *s, size_t column, struct buf *out)
{
    const struct arr_col *c = &s->all.cols[column];
    struct buf text;
    bool is_good = false;
    int64_t row = (int64_t)t_below(t, ROWS);
    if (arr_col_is_null(c, row))
        return false;
    buf_init(&text, &t->mem, TEXT_BYTES);
    assert_ok(t, arr_text_format(c, row, &text, &t->err));
    put(t, out, "'");
    for (size_t i = 0; i < text.len; i++)
        assert_ok(t, buf_append(out, text.ptr[i] == '\'' ? "''" : (char *)text.ptr + i,
                                1u + (text.ptr[i] == '\''), &t->err));
    put(t, out, "'");
    is_good = true;
    buf_fini(&text);
    return is_good;
}

static void put_leaf(struct t *t, const struct sample *s, struct buf *out)
{
    static const char *const ops[] = {" = ", " <> ", " < ", " <= ", " > ", " >= ", " = ", " = "};
    size_t column = t_below(t, COLUMNS);
    size_t before = out->len;
    put(t, out, s->names[column]);
    if (t_below(t, 8) == 0) {
        put(t, out, t_below(t, 2) ? " is null" : " is not null");
        return;
    }
    if (t_below(t, 5) == 0) {
        put(t, out, t_below(t, 4) ? " in (" : " not in (");
        if (put_literal(t, s, column, out)) {
            put(t, out, ", ");
            if (put_literal(t, s, column, out)) {
                put(t, out, ")");
                return;
            }
        }
    } else {
        put(t, out, ops[t_below(t, sizeof ops / sizeof *ops)]);
        if (put_literal(t, s, column, out))
            return;
    }
    out->len = before;
    put(t, out, s->names[column]);
    put(t, out, " is not null");
}

static void put_predicate(struct t *t, const struct sample *s, struct buf *out)
{
    size_t leaves = 1 + t_below(t, 3);
    for (size_t i = 0; i < leaves; i++) {
        if (i)
            put(t, out, t_below(t, 3) ? " and " : " or ");
        if (t_below(t, 6) == 0)
            put(t, out, "not ");
        put_leaf(t, s, out);
        if (t_below(t, 10) == 0)
            put(t, out, " is not true");
    }
}

/* ---- The claim ---- */

/* Are the picked rows of `got` those of all rows, in order? */
static void assert_picked(struct t *t, const struct sample *s, const struct pred *pred,
                          struct rows_input *in)
{
    struct pred_picker want;
    struct pred_picker picked;
    struct arr_stream *stream = NULL;
    struct arr_batch b = {0};
    int64_t at = 0;
    pred_picker_init(&want, &t->mem);
    pred_picker_init(&picked, &t->mem);
    assert_ok(t, pred_pick(&want, pred, &s->all, INT64_MAX, &t->err));
    for (size_t part = 0; part < rows_input_parts(in); part++) {
        slp_rc rc = SLP_OK;
        assert_ok(t, rows_input_part(in, part, &t->mem, &stream, &t->err));
        while ((rc = arr_stream_next(stream, &b, &t->err)) == SLP_OK) {
            assert_ok(t, pred_pick(&picked, pred, &b, INT64_MAX, &t->err));
            assert_true(picked.count <= want.count - at);
            for (int64_t i = 0; i < picked.count; i++, at++) {
                struct arr_col *c = b.cols;
                for (size_t k = 0; k < COLUMNS; k++, c++) {
                    int64_t row = want.rows[at];
                    bool is_null = arr_col_is_null(c, picked.rows[i]);
                    assert_int_equal(is_null, arr_col_is_null(&s->all.cols[k], row));
                    if (c->type.kind == ARR_BOOL)
                        assert_true(is_null || arr_col_i64(c, picked.rows[i]) ==
                                                   arr_col_i64(&s->all.cols[k], row));
                    else
                        assert_true(slice_equal(arr_col_bytes(c, picked.rows[i]),
                                                arr_col_bytes(&s->all.cols[k], row)));
                }
            }
        }
        assert_rc(t, rc, SLP_DONE);
        arr_stream_close(stream);
        arr_batch_fini(&b);
        b = (struct arr_batch){0};
    }
    assert_int_equal(at, want.count);
    pred_picker_fini(&want);
    pred_picker_fini(&picked);
}

static void filtered_reading_is_a_full_scan_and_a_filter(void **state)
{
    struct t *t = *state;
    struct place place;
    struct rows_counts all = {0};
    place_make(&place);
    for (int round = 0; round < ROUNDS; round++) {
        struct sample s;
        make(t, &s);
        s.path = place_path(&place, "x.parquet");
        write_file(t, &s);
        for (int i = 0; i < PREDICATES; i++) {
            const struct rows_input_options o = {.format = ROWS_PARQUET,
                                                 .batch_rows = 1 + (int64_t)t_below(t, 300)};
            const struct pred *pred = NULL;
            struct rows_input *in = NULL;
            struct rows_counts counts = {0};
            struct buf text;
            buf_init(&text, &t->mem, TEXT_BYTES);
            put_predicate(t, &s, &text);
            /* Text that is no literal of its type, such as bytes, is no predicate. */
            slp_rc rc =
                pred_compile(buf_slice(&text), &s.schema, NULL, 0, &s.arena, &pred, &t->err);
            assert_true(rc == SLP_OK || rc == SLP_INVALID);
            if (rc == SLP_OK) {
                assert_ok(t, rows_input_open(&t->mem, s.path, &o, &in, &t->err));
                rows_input_filter(in, pred, &counts);
                assert_picked(t, &s, pred, in);
                rows_input_close(in);
                all.groups += counts.groups;
                all.groups_pruned += counts.groups_pruned;
                all.rows += counts.rows;
            }
            buf_fini(&text);
        }
        arr_batch_fini(&s.all);
        arena_fini(&s.arena);
    }
    /* And it does leave out. */
    assert_true(all.groups > 500 && all.groups_pruned > all.groups / 20);
    assert_true(all.rows < ROUNDS * PREDICATES * ROWS * 9 / 10);
    place_drop(&place);
}

T_MAIN(T_TEST(filtered_reading_is_a_full_scan_and_a_filter))
