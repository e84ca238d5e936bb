#include "ingest/sorted.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "lib/t.h"
#include "merge/merge.h"

/* Key k: string, value v: nullable int64, as columns of a batch. */
static struct arr_field fields[] = {
    {.name = "k", .type = {.kind = ARR_UTF8}},
    {.name = "v", .type = {.kind = ARR_INT64}, .nullable = true},
};
static const struct arr_schema schema = {.fields = fields, .count = 2};
static const struct key_spec spec = {
    .field_count = 1, .row_key_count = 1, .columns = {0}, .types = {{.kind = ARR_UTF8}}};

/* Rows "k" with v = 0, 1, 2... */
static slp_rc make_rows(struct t *t, const char *const *keys, size_t count, struct arr_batch *out)
{
    TRY(arr_batch_init(out, &t->mem, &schema, &t->err));
    for (size_t i = 0; i < count; i++) {
        TRY(arr_col_append(&out->cols[0], slice_str(keys[i]), &t->err));
        TRY(arr_col_append_i64(&out->cols[1], (int64_t)i, &t->err));
        out->rows++;
    }
    return SLP_OK;
}

/* Add rows to a chunk, and make a run of them. */
static slp_rc sort_rows(struct t *t, struct ingest_chunk *c, const char *const *keys, size_t count,
                        uint64_t ordinal, struct run **out)
{
    struct arr_batch rows = {0};
    slp_rc rc = make_rows(t, keys, count, &rows);
    if (rc == SLP_OK)
        rc = ingest_chunk_add(c, &spec, &rows, ordinal, &t->err);
    arr_batch_fini(&rows);
    if (rc == SLP_OK && out)
        rc = ingest_chunk_sort(c, &t->err);
    return rc == SLP_OK && out ? ingest_chunk_take(c, &spec, &t->mem, out, &t->err) : rc;
}

/* Values of the rows of all runs, merged, with their keys. */
static void expect_merged(struct t *t, struct run **runs, size_t count, const char *expected)
{
    struct merge *m = NULL;
    struct arr_batch rows = {0};
    struct key_vec keys;
    char text[256] = "";
    assert_ok(t, arr_batch_init(&rows, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 20);
    assert_ok(t, merge_new(&t->mem, &schema, runs, count, &m, &t->err));
    assert_ok(t, merge_next(m, 1000, 1 << 20, &rows, &keys, &t->err));
    ingest_strip(&keys);
    for (int64_t i = 0; i < rows.rows; i++) {
        struct slice key = key_at(&keys, i);
        assert_int_equal(key.len, arr_col_bytes(&rows.cols[0], i).len + 3);
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%.*s%d ", (int)key.len - 3, key.ptr + 1,
                       (int)arr_col_i64(&rows.cols[1], i));
    }
    assert_string_equal(text, expected);
    merge_free(m);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
}

static void equal_keys_keep_the_order_of_the_input(void **state)
{
    struct t *t = *state;
    const char *rows[] = {"b", "a", "b", "", "a"};
    struct ingest_chunk c;
    struct run *runs[2] = {0};
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    /* Rows 1000 to 1004 and 2000 to 2002, then those that stood before them. */
    assert_ok(t, sort_rows(t, &c, rows, 5, 1000, NULL));
    assert_ok(t, sort_rows(t, &c, rows, 3, 2000, &runs[0]));
    assert_int_equal(c.rows.rows, 0);
    assert_ok(t, sort_rows(t, &c, rows, 3, 10, &runs[1]));
    expect_merged(t, runs, 2, "3 a1 a1 a4 a1 b0 b2 b0 b2 b0 b2 ");
    ingest_chunk_fini(&c);
}

static void sorted_rows_are_kept_as_they_are(void **state)
{
    struct t *t = *state;
    const char *rows[] = {"a", "a", "long key that goes on beyond one wide copy", "x"};
    struct ingest_chunk c;
    struct run *run = NULL;
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    assert_ok(t, sort_rows(t, &c, rows, 4, 7, &run));
    struct run_block block;
    struct key_vec keys;
    key_vec_init(&keys, &t->mem, 1 << 20);
    assert_ok(t, run_next(run, &block, &t->err));
    assert_int_equal(block.batch->rows, 4);
    assert_true(block.is_ascending);
    assert_ok(t, key_columns_encode(block.columns, 0, 4, &keys, &t->err));
    assert_true(ingest_sorted_bytes(run) > 0);
    for (int64_t i = 0; i < 4; i++) {
        struct slice key = key_at(&keys, i);
        assert_int_equal(num_load_u64be(key.ptr + key.len - INGEST_ORDINAL_BYTES), 7 + i);
        assert_int_equal(arr_col_i64(&block.batch->cols[1], i), i);
    }
    key_vec_fini(&keys);
    /* The chunk is ready for the next rows. */
    assert_ok(t, sort_rows(t, &c, rows + 1, 1, 0, NULL));
    assert_int_equal(c.rows.rows, 1);
    run_close(run);
    ingest_chunk_fini(&c);
}

/* Keys with a zero byte are encoded, and stand behind those without as they should. */
static void keys_that_columns_do_not_show_are_made(void **state)
{
    struct t *t = *state;
    const char *rows[] = {"b", "a"};
    struct arr_batch zero = {0};
    struct ingest_chunk c;
    struct run *runs[2] = {0};
    struct merge *m = NULL;
    struct arr_batch out = {0};
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    assert_ok(t, sort_rows(t, &c, rows, 2, 10, &runs[0]));
    assert_ok(t, arr_batch_init(&zero, &t->mem, &schema, &t->err));
    assert_ok(t, arr_col_append(&zero.cols[0], slice_of("a", 1), &t->err));
    assert_ok(t, arr_col_append(&zero.cols[0], slice_of("a\0", 2), &t->err));
    assert_ok(t, arr_col_append_i64(&zero.cols[1], 7, &t->err));
    assert_ok(t, arr_col_append_i64(&zero.cols[1], 8, &t->err));
    zero.rows = 2;
    assert_ok(t, ingest_chunk_add(&c, &spec, &zero, 0, &t->err));
    assert_ok(t, ingest_chunk_sort(&c, &t->err));
    assert_ok(t, ingest_chunk_take(&c, &spec, &t->mem, &runs[1], &t->err));
    assert_ok(t, merge_new(&t->mem, &schema, runs, 2, &m, &t->err));
    assert_ok(t, arr_batch_init(&out, &t->mem, &schema, &t->err));
    assert_ok(t, merge_next(m, 100, 1 << 20, &out, NULL, &t->err));
    const int64_t expected[] = {7, 1, 8, 0};
    assert_int_equal(out.rows, 4);
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(arr_col_i64(&out.cols[1], i), expected[i]);
    merge_free(m);
    arr_batch_fini(&out);
    arr_batch_fini(&zero);
    ingest_chunk_fini(&c);
}

static void windows_of_long_keys_have_fewer_rows(void **state)
{
    struct t *t = *state;
    char text[20000];
    const char *rows[] = {"a", text, text, text};
    struct ingest_chunk c;
    struct run *run = NULL;
    struct run_block block;
    int64_t count = 0;
    size_t windows = 0;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    assert_ok(t, sort_rows(t, &c, rows, 4, 0, &run));
    for (; run_next(run, &block, &t->err) == SLP_OK; windows++)
        for (int64_t i = 0; i < block.batch->rows; i++, count++) {
            assert_int_equal(arr_col_i64(&block.batch->cols[1], i), count);
            assert_true(slice_is(arr_col_bytes(&block.batch->cols[0], i), rows[count]));
        }
    assert_int_equal(count, 4);
    assert_int_equal(windows, 3);
    run_close(run);
    ingest_chunk_fini(&c);
}

static void bytes_of_a_chunk_grow_with_its_rows(void **state)
{
    struct t *t = *state;
    const char *rows[] = {"a", "b", "c"};
    struct ingest_chunk c;
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    assert_int_equal(ingest_chunk_bytes(&c), 0);
    assert_ok(t, sort_rows(t, &c, rows, 3, 0, NULL));
    size_t three = ingest_chunk_bytes(&c);
    assert_true(three >= 3 * (1 + 8 + 4 + 8 + 28));
    assert_ok(t, sort_rows(t, &c, rows, 3, 3, NULL));
    assert_true(ingest_chunk_bytes(&c) > three);
    ingest_chunk_fini(&c);
}

static void sorting_survives_every_fault(void **state)
{
    struct t *t = *state;
    const char *rows[] = {"b", "a", "c"};
    T_FAULT_LOOP(t) {
        struct ingest_chunk c = {0};
        struct run *run = NULL;
        slp_rc rc = ingest_chunk_init(&c, &t->mem, &schema, &t->err);
        if (rc == SLP_OK)
            rc = sort_rows(t, &c, rows, 3, 0, &run);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY && !run : rc == SLP_OK && run);
        run_close(run);
        ingest_chunk_fini(&c);
    }
}

T_MAIN(T_TEST(equal_keys_keep_the_order_of_the_input), T_TEST(sorted_rows_are_kept_as_they_are),
       T_TEST(keys_that_columns_do_not_show_are_made), T_TEST(windows_of_long_keys_have_fewer_rows),
       T_TEST(bytes_of_a_chunk_grow_with_its_rows), T_TEST(sorting_survives_every_fault))
