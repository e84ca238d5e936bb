#include "query/query.h"

#include "lib/refs.h"
#include "lib/table.h"

/* Rows of `o` as text, compared with `expected`. */
static void expect_rows(struct t *t, struct t_table *tt, const struct query_options *o,
                        const char *expected)
{
    struct arr_stream *stream = NULL;
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, query_scan(tt->table, o, &t->mem, &stream, &t->err));
    assert_ok(t, t_stream_text(t, stream, &text));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    assert_string_equal((const char *)text.ptr, expected);
    buf_fini(&text);
}

static void expect_count(struct t *t, struct t_table *tt, const struct query_options *o,
                         int64_t expected)
{
    int64_t count = -1;
    assert_ok(t, query_count(tt->table, o, &t->mem, &count, &t->err));
    assert_int_equal(count, expected);
}

static struct key_range range_of(struct t *t, struct t_table *tt, const char *lo, const char *hi,
                                 struct buf *lo_key, struct buf *hi_key)
{
    const struct key_spec *spec = state_table_key_spec(tt->table);
    const struct schema *schema = state_table_schema(tt->table);
    buf_init(lo_key, &t->mem, KEY_MAX_BYTES);
    buf_init(hi_key, &t->mem, KEY_MAX_BYTES);
    assert_ok(t, key_parse(spec, schema, slice_str(lo), 1, lo_key, &t->err));
    assert_ok(t, key_parse(spec, schema, slice_str(hi), 1, hi_key, &t->err));
    return (struct key_range){.lo = buf_slice(lo_key), .hi = buf_slice(hi_key), .has_hi = true};
}

static void rows_of_all_files_come_in_key_order(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nc,3\ne,5\n");
    t_table_add(t, &tt, "b,2\nc,30\nf,6\n");
    t_table_add(t, &tt, "a,10\n");
    struct query_options all = {0};
    expect_rows(t, &tt, &all, "a,1\na,10\nb,2\nc,3\nc,30\ne,5\nf,6\n");
    expect_count(t, &tt, &all, 7);
    t_table_close(&tt);
}

static void an_empty_table_has_no_rows(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    struct query_options all = {0};
    expect_rows(t, &tt, &all, "");
    expect_count(t, &tt, &all, 0);
    t_table_close(&tt);
}

static void leaves_and_wide_files_give_each_row_once(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    static const char *const points[] = {"c", "e"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 2);
    t_table_add(t, &tt, "a,1\nc,3\nd,4\ne,5\n");
    t_table_add_as(t, &tt, "b,2\nc,30\nf,6\n", true);
    struct query_options all = {0};
    expect_rows(t, &tt, &all, "a,1\nb,2\nc,3\nc,30\nd,4\ne,5\nf,6\n");
    expect_count(t, &tt, &all, 7);
    t_table_close(&tt);
}

static void a_range_is_half_open(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf lo;
    struct buf hi;
    static const char *const points[] = {"c"};
    t_table_open(t, &tt, T_SCHEMA_KV, points, 1);
    t_table_add(t, &tt, "a,1\nb,2\nc,3\nd,4\n");
    struct key_range r = range_of(t, &tt, "b", "d", &lo, &hi);
    struct query_options o = {.ranges = &r, .range_count = 1};
    expect_rows(t, &tt, &o, "b,2\nc,3\n");
    expect_count(t, &tt, &o, 2);
    buf_fini(&lo);
    buf_fini(&hi);
    t_table_close(&tt);
}

static void a_predicate_keeps_rows_for_which_it_is_true(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,\nc,3\n");
    t_table_add(t, &tt, "b,7\nd,-1\n");
    struct query_options o = {.where = slice_str("v > 0")};
    expect_rows(t, &tt, &o, "a,1\nb,7\nc,3\n");
    expect_count(t, &tt, &o, 3);
    o.where = slice_str("not (v > 0)");
    expect_rows(t, &tt, &o, "d,-1\n");
    o.where = slice_str("k = 'b'");
    expect_rows(t, &tt, &o, "b,\nb,7\n");
    expect_count(t, &tt, &o, 2);
    t_table_close(&tt);
}

static void columns_come_as_asked_for_beside_a_predicate_on_others(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\n");
    t_table_add(t, &tt, "a,3\n");
    struct slice v = slice_str("v");
    struct slice both[] = {slice_str("v"), slice_str("k")};
    struct query_options o = {.columns = &v, .column_count = 1, .where = slice_str("k = 'a'")};
    expect_rows(t, &tt, &o, "1\n3\n");
    o = (struct query_options){.columns = both, .column_count = 2};
    expect_rows(t, &tt, &o, "1,a\n3,a\n2,b\n");
    t_table_close(&tt);
}

static void wrong_columns_are_named_with_the_nearest(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct arr_stream *stream = NULL;
    static const char schema[] =
        "{\"rowKeyFields\":[{\"name\":\"origin\",\"type\":\"StringType\"}],"
        "\"sortKeyFields\":[],\"valueFields\":[]}";
    t_table_open(t, &tt, schema, NULL, 0);
    struct slice wrong = slice_str("orgin");
    struct slice twice[] = {slice_str("origin"), slice_str("origin")};
    struct query_options o = {.columns = &wrong, .column_count = 1};
    assert_rc(t, query_scan(tt.table, &o, &t->mem, &stream, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "did you mean \"origin\"?");
    o = (struct query_options){.columns = twice, .column_count = 2};
    assert_rc(t, query_scan(tt.table, &o, &t->mem, &stream, &t->err), SLP_INVALID);
    t_table_close(&tt);
}

static void limits_are_kept(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    struct arr_stream *stream = NULL;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\nc,3\n");
    struct query_options o = {.limit = 2};
    expect_rows(t, &tt, &o, "a,1\nb,2\n");
    o.limit = -1;
    expect_rows(t, &tt, &o, "");
    o = (struct query_options){.max_rows = 2};
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, query_scan(tt.table, &o, &t->mem, &stream, &t->err));
    assert_rc(t, t_stream_text(t, stream, &text), SLP_LIMIT);
    assert_err_has(t, "--max-rows");
    buf_fini(&text);
    t_table_close(&tt);
}

static void a_missing_object_is_corrupt_and_named(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    struct arr_stream *stream = NULL;
    struct state_name object;
    struct query_options all = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\n");
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt.table), 0);
    assert_ok(t, state_table_object(tt.table, t_refs(leaf)[0].file->name, &object, &t->err));
    assert_ok(t, store_delete(tt.store, state_name_slice(&object), &t->err));
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, query_scan(tt.table, &all, &t->mem, &stream, &t->err));
    assert_rc(t, t_stream_text(t, stream, &text), SLP_CORRUPT);
    assert_err_has(t, "is not there");
    buf_fini(&text);
    t_table_close(&tt);
}

/* The key index knows how many rows lie between two keys, but for a key page at each. */
static void counting_a_range_reads_a_key_page_at_each_end(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf text;
    struct buf lo;
    struct buf hi;
    struct query_counts few = {0};
    struct query_counts all = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    buf_init(&text, &t->mem, 1 << 20);
    for (int i = 0; i < 40000; i++)
        assert_ok(t, buf_printf(&text, &t->err, "k%05d,%d\n", i, i));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, &tt, (const char *)text.ptr);
    struct key_range r = range_of(t, &tt, "k00777", "k39333", &lo, &hi);
    struct query_options o = {.ranges = &r, .range_count = 1, .counts = &few};
    expect_count(t, &tt, &o, 39333 - 777);
    struct arr_stream *stream = NULL;
    o.counts = &all;
    assert_ok(t, query_scan(tt.table, &o, &t->mem, &stream, &t->err));
    buf_clear(&text);
    assert_ok(t, t_stream_text(t, stream, &text));
    assert_int_equal(few.files_read, 1);
    assert_true(few.data_bytes > 0 && few.data_bytes * 4 < all.data_bytes);
    buf_fini(&text);
    buf_fini(&lo);
    buf_fini(&hi);
    t_table_close(&tt);
}

static void a_lookup_reads_one_round_a_file(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct buf lo;
    struct buf hi;
    struct query_counts counts = {0};
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\nc,3\n");
    t_table_add(t, &tt, "x,1\ny,2\n");
    struct key_range r = range_of(t, &tt, "b", "c", &lo, &hi);
    struct query_options o = {.ranges = &r, .range_count = 1, .is_lookup = true, .counts = &counts};
    uint64_t before = store_counts_read(tt.store).rounds;
    expect_rows(t, &tt, &o, "b,2\n");
    /* The key index of a small file in one round, its pages in another; the other file not once. */
    assert_int_equal(store_counts_read(tt.store).rounds - before, 2);
    assert_int_equal(counts.files_considered, 1);
    assert_int_equal(counts.files_read, 1);
    assert_true(counts.data_bytes > 0 && counts.index_bytes > 0);
    buf_fini(&lo);
    buf_fini(&hi);
    t_table_close(&tt);
}

#define SCHEMA_WIDE                                                                                \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\"},"                                  \
    "{\"id\":2,\"name\":\"v\",\"type\":\"int64\"},"                                                \
    "{\"id\":3,\"name\":\"w\",\"type\":\"string\"}],\"rowKey\":[\"k\"]}"

/* What a scan of some columns costs. */
static struct query_counts cost_of(struct t *t, struct t_table *tt, const char *iterators,
                                   const char *where, const char *column, const char *expected)
{
    struct query_counts counts = {0};
    struct slice text = slice_str(iterators);
    struct slice wanted = slice_str(column);
    struct query_options o = {.iterators = &text,
                              .iterator_count = 1,
                              .where = slice_str(where),
                              .columns = &wanted,
                              .column_count = *column ? 1 : 0,
                              .counts = &counts};
    if (!*column)
        o.columns = NULL;
    expect_rows(t, tt, &o, expected);
    return counts;
}

static void open_wide(struct t *t, struct t_table *tt)
{
    static const char *const points[] = {"c", "e"};
    t_table_open(t, tt, SCHEMA_WIDE, points, 2);
    t_table_add(t, tt, "a,1,longer than all others\nb,-2,so is this one\n");
    t_table_add(t, tt, "c,3,and this is the longest of them\nd,4,here\n");
    t_table_add(t, tt, "e,5,the last\n");
}

static void iterators_read_the_columns_that_somebody_needs(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    open_wide(t, &tt);
    uint64_t key = cost_of(t, &tt, "", "", "k", "a\nb\nc\nd\ne\n").data_bytes;
    uint64_t two = cost_of(t, &tt, "", "v < 9", "k", "a\nb\nc\nd\ne\n").data_bytes;
    uint64_t all = cost_of(t, &tt, "", "k = 'a' or w > ''", "v", "1\n-2\n3\n4\n5\n").data_bytes;
    assert_true(key < two && two < all);
    const struct {
        const char *iterators;
        const char *column;
        uint64_t bytes;
    } cases[] = {
        {"sample(1)", "k", key},
        {"project(w, k)", "k", key},
        {"filter(v < 9)", "k", two},
        {"filter(v < 9); project(k, v, w)", "k", two},
        {"map(n = v + 1); project(k)", "k", two},
        {"map(n = w)", "k", all - (two - key)},
        {"top(9)", "k", all},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            cost_of(t, &tt, cases[i].iterators, "", cases[i].column, "a\nb\nc\nd\ne\n").data_bytes,
            cases[i].bytes);
    assert_int_equal(cost_of(t, &tt, "map(n = v + 1)", "", "n", "2\n-1\n4\n5\n6\n").data_bytes,
                     two);
    t_table_close(&tt);
}

/* In each of three leaves stands a file. */
static void conditions_on_keys_narrow_through_iterators(void **state)
{
    static const struct {
        const char *iterators;
        const char *where;
        const char *column;
        uint64_t files;
        const char *rows;
    } cases[] = {
        {"filter(v > 0)", "k = 'a'", "k", 1, "a\n"},
        {"top(1); dedupe; sample(1); redact(w, x)", "k >= 'e'", "v", 1, ""},
        {"filter(k < 'c'); map(n = v)", "", "n", 1, "1\n-2\n"},
        {"project(v, k); map(n = k)", "k > 'd' AND v > 0", "v", 1, "5\n"},
        {"filter(k > 'b'); filter(k < 'e')", "v > 3", "k", 1, "d\n"},
        /* No longer the key: */
        {"map(k = w)", "k = 'here'", "k", 3, "here\n"},
        {"map(n = k)", "n = 'a'", "n", 3, "a\n"},
        {"map(k = w); filter(k = 'here')", "", "v", 3, "4\n"},
        {"filter(k = 'd'); map(k = w)", "k = 'here'", "v", 1, "4\n"},
        {"project(v)", "v = 4", "v", 3, "4\n"},
    };
    struct t *t = *state;
    struct t_table tt;
    open_wide(t, &tt);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            cost_of(t, &tt, cases[i].iterators, cases[i].where, cases[i].column, cases[i].rows)
                .files_read,
            cases[i].files);
    t_table_close(&tt);
}

static void scan_under_faults(struct t *t, struct t_table *tt, const struct query_options *o)
{
    T_FAULT_LOOP(t) {
        struct arr_stream *stream = NULL;
        struct buf text;
        buf_init(&text, &t->mem, 1 << 20);
        slp_rc rc = query_scan(tt->table, o, &t->mem, &stream, &t->err);
        if (rc == SLP_OK)
            rc = t_stream_text(t, stream, &text);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        buf_fini(&text);
    }
}

static void iterators_over_some_columns_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct slice iterators = slice_str("filter(v > 0); map(n = v + 1); project(k, n)");
    struct slice column = slice_str("n");
    open_wide(t, &tt);
    struct query_options o = {.iterators = &iterators,
                              .iterator_count = 1,
                              .where = slice_str("k < 'd'"),
                              .columns = &column,
                              .column_count = 1};
    scan_under_faults(t, &tt, &o);
    t_table_close(&tt);
}

static void scans_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    t_table_add(t, &tt, "a,1\nb,2\n");
    t_table_add(t, &tt, "a,3\n");
    struct query_options o = {.where = slice_str("v < 3")};
    scan_under_faults(t, &tt, &o);
    t_table_close(&tt);
}

T_MAIN(T_TEST(rows_of_all_files_come_in_key_order), T_TEST(an_empty_table_has_no_rows),
       T_TEST(leaves_and_wide_files_give_each_row_once), T_TEST(a_range_is_half_open),
       T_TEST(a_predicate_keeps_rows_for_which_it_is_true),
       T_TEST(columns_come_as_asked_for_beside_a_predicate_on_others),
       T_TEST(wrong_columns_are_named_with_the_nearest), T_TEST(limits_are_kept),
       T_TEST(a_missing_object_is_corrupt_and_named),
       T_TEST(counting_a_range_reads_a_key_page_at_each_end),
       T_TEST(a_lookup_reads_one_round_a_file),
       T_TEST(iterators_read_the_columns_that_somebody_needs),
       T_TEST(conditions_on_keys_narrow_through_iterators),
       T_TEST(iterators_over_some_columns_survive_every_fault), T_TEST(scans_survive_every_fault))
