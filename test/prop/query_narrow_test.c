/* rooms: query output */
/*
 * What a query does not read changes nothing: random iterators, conditions and columns over a table of
 * every engine give what they give when all columns and all keys are read. A condition is kept from
 * narrowing by an OR with what is never TRUE and speaks of no key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/table.h"
#include "process/process.h"
#include "query/query.h"

#define SCHEMA                                                                                     \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\"},"                                  \
    "{\"id\":2,\"name\":\"s\",\"type\":\"int64\"},"                                                \
    "{\"id\":3,\"name\":\"a\",\"type\":\"int64\"},"                                                \
    "{\"id\":4,\"name\":\"b\",\"type\":\"int32\",\"nullable\":true},"                              \
    "{\"id\":5,\"name\":\"c\",\"type\":\"string\",\"nullable\":true},"                             \
    "{\"id\":6,\"name\":\"big\",\"type\":\"string\",\"nullable\":true}],"                          \
    "\"rowKey\":[\"k\"],\"sortKey\":[\"s\"]}"

#define ROUNDS     40
#define PARTS_MAX  3
#define TEXT_BYTES ((size_t)1 << 24)

static const char *const engines[] = {"", "last", "first(order-by: a)", "partial",
                                      "aggregate(sum: a, b; max: c; last: big)"};

static const char *const filters[] = {"", "", "a > 1 OR c = 'y'", "k > 'k1'"};

/* One that begins with ? is a predicate. */
static const char *const parts[] = {
    "?a > 2",
    "?k < 'k6'",
    "?k = 'k2' OR k > 'k5' AND b IS NULL",
    "?s BETWEEN 1 AND 2",
    "map(a = a + 1)",
    "map(k = c)",
    "map(c = k, b = b)",
    "top(1, a)",
    "top(2, b desc)",
    "dedupe(a)",
    "dedupe",
    "sample(0.5)",
    "redact(c, x, y)",
    "project(c, a, k, big, s, b)",
};

static const char *const wheres[] = {"a > 0",
                                     "k = 'k1'",
                                     "k > 'k4' AND a > 1",
                                     "s = 1 AND k IN ('k2', 'k3')",
                                     "c = 'x' OR k < 'k2'",
                                     "k = c",
                                     "b IS NULL AND k >= 'k3'"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

struct world {
    struct t *t;
    struct t_table tt;
    struct query_counts narrow;
    struct query_counts whole;
};

static void open_table(struct world *w, const char *engine, const char *filter)
{
    struct t *t = w->t;
    struct arena arena;
    struct schema schema;
    struct process_engine e;
    struct state_property properties[1] = {
        {.name = slice_str("filters"), .value = slice_str(filter)}};
    struct state_table_options o = {.name = slice_str("test"), .schema_json = slice_str(SCHEMA)};
    arena_init(&arena, &t->mem, 1 << 24);
    assert_ok(t, schema_parse(o.schema_json, &arena, &schema, &t->err));
    assert_ok(t, process_check(&schema, slice_str(engine), slice_str(filter), slice_str(""), &arena,
                               &e, &t->err));
    o.engine = e.engine;
    o.is_ordered = e.is_ordered;
    o.order_by = e.order_by;
    o.engine_text = e.text;
    o.properties = properties;
    o.property_count = *filter ? 1 : 0;
    assert_ok(t, store_memory_new(&t->mem, &w->tt.store, &t->err));
    assert_ok(t, state_instance_create(w->tt.store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->tt.store, NULL, &w->tt.instance, &t->err));
    assert_ok(t, state_table_create(w->tt.instance, &o, &t->err));
    assert_ok(t, state_table_open(w->tt.instance, o.name, &w->tt.table, &t->err));
    arena_fini(&arena);
}

static int compare_cells(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* A file of rows; of a table that reduces, each key once. */
static void add_rows(struct world *w, bool is_bag)
{
    static const char *const words[] = {"", "x", "y", "z", "x&y"};
    struct t *t = w->t;
    struct buf text;
    int cells[24];
    size_t n = 4 + t_below(t, 20);
    buf_init(&text, &t->mem, TEXT_BYTES);
    for (size_t i = 0; i < n; i++)
        cells[i] = (int)t_below(t, 32);
    qsort(cells, n, sizeof *cells, compare_cells);
    for (size_t i = 0; i < n; i++) {
        char b[8] = "";
        if (!is_bag && i > 0 && cells[i] == cells[i - 1])
            continue;
        if (t_below(t, 3))
            (void)snprintf(b, sizeof b, "%d", (int)t_below(t, 5));
        assert_ok(t, buf_printf(&text, &t->err, "k%d,%d,%d,%s,%s,", cells[i] / 4, cells[i] % 4,
                                (int)t_below(t, 6), b, words[t_below(t, COUNT(words))]));
        for (int letter = 0; letter < 160; letter++)
            assert_ok(t, buf_append_u8(&text, (uint8_t)('a' + t_below(t, 26)), &t->err));
        assert_ok(t, buf_append_u8(&text, '\n', &t->err));
    }
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, &w->tt, (const char *)text.ptr);
    buf_fini(&text);
}

/* A condition; one that is `whole` says the same and narrows nothing. */
static void put_condition(struct world *w, const char *text, bool whole, struct buf *out)
{
    assert_ok(w->t, buf_printf(out, &w->t->err, "(%s)%s", text,
                               whole ? " OR (a IS NULL AND a > b)" : ""));
}

static void put_parts(struct world *w, const size_t *chosen, size_t count, bool whole,
                      struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[chosen[i]];
        assert_ok(w->t, buf_printf(out, &w->t->err, "%s%s", i ? "; " : "",
                                   *part == '?' ? "filter(" : part));
        if (*part != '?')
            continue;
        put_condition(w, part + 1, whole, out);
        assert_ok(w->t, buf_append_u8(out, ')', &w->t->err));
    }
}

/* The wanted columns of all rows, a line each. */
static void print_rows(struct world *w, struct arr_stream *stream, const struct slice *columns,
                       size_t count, struct buf *out)
{
    struct t *t = w->t;
    struct arr_batch batch = {0};
    slp_rc rc = SLP_OK;
    while ((rc = arr_stream_next(stream, &batch, &t->err)) == SLP_OK) {
        for (int64_t row = 0; row < batch.rows; row++) {
            for (size_t i = 0; i < count; i++) {
                int64_t at = arr_schema_find(batch.schema, columns[i]);
                assert_true(at >= 0);
                if (!arr_col_is_null(&batch.cols[at], row))
                    assert_ok(t, arr_text_format(&batch.cols[at], row, out, &t->err));
                assert_ok(t, buf_append_u8(out, i + 1 < count ? ',' : '\n', &t->err));
            }
        }
    }
    assert_int_equal(rc, SLP_DONE);
    arr_batch_fini(&batch);
    arr_stream_close(stream);
    assert_ok(t, buf_append_u8(out, 0, &t->err));
}

struct question {
    size_t parts[PARTS_MAX];
    size_t part_count;
    const char *where; /* NULL: none */
    struct slice columns[6];
    size_t column_count;
};

/* Does nobody look at the long texts? `top` and `dedupe` order rows by all that they have. */
static bool is_light(const struct question *q)
{
    for (size_t i = 0; i < q->part_count; i++)
        if (parts[q->parts[i]][0] == 't' || parts[q->parts[i]][0] == 'd')
            return false;
    return !slice_is(q->columns[q->column_count - 1], "big");
}

static int64_t ask(struct world *w, const struct question *q, bool whole, struct buf *out)
{
    struct t *t = w->t;
    struct arr_stream *stream = NULL;
    struct buf iterators;
    struct buf where;
    int64_t count = 0;
    buf_init(&iterators, &t->mem, TEXT_BYTES);
    buf_init(&where, &t->mem, TEXT_BYTES);
    put_parts(w, q->parts, q->part_count, whole, &iterators);
    if (q->where)
        put_condition(w, q->where, whole, &where);
    struct slice text = buf_slice(&iterators);
    struct query_options o = {.iterators = &text,
                              .iterator_count = 1,
                              .where = buf_slice(&where),
                              .columns = whole ? NULL : q->columns,
                              .column_count = whole ? 0 : q->column_count,
                              .counts = !is_light(q) ? NULL
                                        : whole      ? &w->whole
                                                     : &w->narrow};
    assert_ok(t, query_scan(w->tt.table, &o, &t->mem, &stream, &t->err));
    print_rows(w, stream, q->columns, q->column_count, out);
    o.counts = NULL;
    assert_ok(t, query_count(w->tt.table, &o, &t->mem, &count, &t->err));
    buf_fini(&iterators);
    buf_fini(&where);
    return count;
}

static void random_question(struct t *t, struct question *q)
{
    static const char *const columns[] = {"k", "s", "a", "b", "c", "big"};
    *q = (struct question){.part_count = 1 + t_below(t, PARTS_MAX)};
    for (size_t i = 0; i < q->part_count; i++)
        q->parts[i] = t_below(t, COUNT(parts));
    q->where = t_below(t, 3) ? wheres[t_below(t, COUNT(wheres))] : NULL;
    while (q->column_count == 0)
        for (size_t i = 0; i < COUNT(columns); i++)
            if (t_below(t, i == 5 ? 6 : 2) == 0)
                q->columns[q->column_count++] = slice_str(columns[i]);
}

static void compare_answers(struct world *w)
{
    struct t *t = w->t;
    for (int i = 0; i < 15; i++) {
        struct question q;
        struct buf narrow;
        struct buf whole;
        buf_init(&narrow, &t->mem, TEXT_BYTES);
        buf_init(&whole, &t->mem, TEXT_BYTES);
        random_question(t, &q);
        int64_t rows = ask(w, &q, false, &narrow);
        int64_t all = ask(w, &q, true, &whole);
        if (rows != all || strcmp((const char *)narrow.ptr, (const char *)whole.ptr) != 0)
            fail_msg("%s, ... and %s: %s, expected %s (SEED=%llu)", parts[q.parts[0]],
                     q.where ? q.where : "", (const char *)narrow.ptr, (const char *)whole.ptr,
                     (unsigned long long)t->seed);
        buf_fini(&narrow);
        buf_fini(&whole);
    }
}

static void what_is_not_read_changes_no_answer(void **state)
{
    struct t *t = *state;
    struct world w = {.t = t};
    for (int round = 0; round < ROUNDS; round++) {
        size_t engine = (size_t)round % COUNT(engines);
        open_table(&w, engines[engine], filters[t_below(t, COUNT(filters))]);
        for (size_t i = 1 + t_below(t, 3); i > 0; i--)
            add_rows(&w, engine == 0);
        compare_answers(&w);
        t_table_close(&w.tt);
    }
    /* And less is read. */
    assert_true(w.narrow.data_bytes < w.whole.data_bytes / 2);
    assert_true(w.narrow.files_read < w.whole.files_read);
}

T_MAIN(T_TEST(what_is_not_read_changes_no_answer))
