#include "datafile/group_priv.h"

#include <stdio.h>

#include "lib/file.h"

static const char kv[] = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"},"
                         "{\"name\":\"v\",\"type\":\"int64\",\"nullable\":true}],"
                         "\"rowKey\":[\"k\"],\"sortKey\":[]}";

/* Rows of ascending keys, three of each. */
static void rows_init(struct t *t, struct t_file *f, int64_t count)
{
    char text[32];
    t_file_init(t, f, kv);
    for (int64_t i = 0; i < count; i++) {
        int n = snprintf(text, sizeof text, "key%06lld", (long long)(i / 3));
        assert_ok(t, arr_col_append(&f->rows.cols[0], slice_of(text, (size_t)n), &t->err));
        assert_ok(t, arr_col_append_i64(&f->rows.cols[1], i * 7919 % 1009, &t->err));
    }
    f->rows.rows = count;
    t_file_keys(t, f);
}

static struct datafile_write_options small_blocks(void)
{
    struct datafile_write_options o;
    datafile_write_options_init(&o);
    o.block_bytes = 1; /* 64 rows */
    return o;
}

/* Encode rows [first, end) apart. */
static slp_rc encode(struct t *t, const struct t_file *f, struct datafile_group *g, int64_t first,
                     int64_t end)
{
    struct arr_batch rows = {0};
    struct key_vec keys;
    key_vec_init(&keys, &t->mem, 1 << 28);
    slp_rc rc = arr_batch_init(&rows, &t->mem, &f->schema.columns, &t->err);
    if (rc == SLP_OK)
        rc = arr_batch_append_run(&rows, &f->rows, first, end - first, &t->err);
    if (rc == SLP_OK)
        rc = key_vec_append_run(&keys, &f->keys, first, end - first, &t->err);
    if (rc == SLP_OK)
        rc = datafile_group_encode(g, &rows, &keys, &t->err);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    return rc;
}

/* All rows through one group that is used again and again; replaces bytes and info. */
static slp_rc write_apart(struct t *t, struct t_file *f, const struct datafile_write_options *o,
                          int64_t group_rows, struct arena *arena)
{
    slp_rc rc = SLP_OK;
    struct buf_sink sink;
    struct datafile_group *g = NULL;
    struct datafile_writer *w = NULL;
    buf_clear(&f->bytes);
    sink_buf_init(&sink, "test", &f->bytes);
    TRY_OUT(datafile_group_new(&t->mem, &f->schema, o, &g, &t->err));
    TRY_OUT(datafile_writer_new(&t->mem, &sink.base, &f->schema, &f->spec, o, &w, &t->err));
    for (int64_t at = 0; at < f->rows.rows; at += group_rows) {
        int64_t end = at + group_rows < f->rows.rows ? at + group_rows : f->rows.rows;
        TRY_OUT(encode(t, f, g, at, end));
        TRY_OUT(datafile_writer_group(w, g, &t->err));
    }
    rc = datafile_writer_finish(w, arena, &f->info, &t->err);
out:
    datafile_writer_free(w);
    datafile_group_free(g);
    return rc;
}

static void rows_that_were_merged_need_no_keys(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile_group *with = NULL;
    struct datafile_group *without = NULL;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 1000);
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &with, &t->err));
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &without, &t->err));
    assert_ok(t, datafile_group_encode(with, &f.rows, &f.keys, &t->err));
    assert_ok(t, datafile_group_encode(without, &f.rows, NULL, &t->err));
    assert_int_equal(with->ends.count, without->ends.count);
    assert_true(slice_equal(buf_slice(&with->ends.bytes), buf_slice(&without->ends.bytes)));
    assert_int_equal(datafile_group_bytes(with), datafile_group_bytes(without));
    memcpy(f.rows.cols[0].data.ptr + 9 * 640, "kez", 3); /* the block that begins there is wrong */
    assert_rc(t, datafile_group_encode(without, &f.rows, NULL, &t->err), SLP_INVALID);
    assert_err_has(t, "fall");
    assert_int_equal(datafile_group_rows(without), 0);
    err_clear(&t->err);
    datafile_group_free(with);
    datafile_group_free(without);
    t_file_fini(&f);
}

static void groups_made_apart_give_the_bytes_of_groups_handed_over(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct buf bytes;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 1000);
    assert_ok(t, t_file_write(t, &f, &o, 300));
    uint32_t crc = f.info.crc32c;
    buf_take(&bytes, &f.bytes);
    buf_init(&f.bytes, &t->mem, 1 << 28);
    assert_ok(t, write_apart(t, &f, &o, 300, &f.arena));
    assert_true(t_same_bytes(&f.bytes, &bytes));
    assert_int_equal(f.info.crc32c, crc);
    buf_fini(&bytes);
    t_file_fini(&f);
}

static void a_group_says_its_rows_and_bytes_and_none_before_it_is_encoded(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile_group *g = NULL;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 100);
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &g, &t->err));
    assert_int_equal(datafile_group_rows(g), 0);
    assert_int_equal(datafile_group_bytes(g), 0);
    assert_ok(t, encode(t, &f, g, 0, 100));
    assert_int_equal(datafile_group_rows(g), 100);
    assert_true(datafile_group_bytes(g) > 100);
    datafile_group_free(g);
    t_file_fini(&f);
}

static void a_group_below_the_last_one_is_refused_and_one_of_equal_keys_is_not(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct buf_sink sink;
    struct datafile_group *g = NULL;
    struct datafile_writer *w = NULL;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 1000);
    sink_buf_init(&sink, "f.parquet", &f.bytes);
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &g, &t->err));
    assert_ok(t, datafile_writer_new(&t->mem, &sink.base, &f.schema, &f.spec, &o, &w, &t->err));
    assert_ok(t, encode(t, &f, g, 300, 601)); /* ends with the first of three equal keys */
    assert_ok(t, datafile_writer_group(w, g, &t->err));
    assert_ok(t, encode(t, &f, g, 601, 700));
    assert_ok(t, datafile_writer_group(w, g, &t->err));
    assert_ok(t, encode(t, &f, g, 0, 90));
    assert_rc(t, datafile_writer_group(w, g, &t->err), SLP_INVALID);
    assert_err_has(t, "data file \"f.parquet\": row 400 has a key below that of the row before it");
    datafile_writer_free(w);
    datafile_group_free(g);
    t_file_fini(&f);
}

static void keys_that_fall_inside_a_group_are_refused(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct key_vec keys;
    struct datafile_group *g = NULL;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 9);
    key_vec_init(&keys, &t->mem, 1 << 20);
    assert_ok(t, key_vec_append_run(&keys, &f.keys, 3, 6, &t->err));
    assert_ok(t, key_vec_append_run(&keys, &f.keys, 0, 3, &t->err));
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &g, &t->err));
    assert_rc(t, datafile_group_encode(g, &f.rows, &keys, &t->err), SLP_INVALID);
    assert_err_has(t, "row 6 has a key below that of the row before it");
    assert_int_equal(datafile_group_rows(g), 0);
    key_vec_fini(&keys);
    datafile_group_free(g);
    t_file_fini(&f);
}

/* So many blocks have `count` rows of which each has a text of `bytes` beside its key. */
static int64_t blocks_of(struct t *t, int64_t count, size_t bytes)
{
    static const char texts[] =
        "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"int64\"},"
        "{\"id\":2,\"name\":\"v\",\"type\":\"string\"}],\"rowKey\":[\"k\"]}";
    struct t_file f;
    struct buf text;
    struct datafile_group *g = NULL;
    struct datafile_write_options o;
    datafile_write_options_init(&o);
    t_file_init(t, &f, texts);
    buf_init(&text, &t->mem, bytes);
    assert_ok(t, buf_resize(&text, bytes, &t->err));
    for (int64_t i = 0; i < count; i++) {
        assert_ok(t, arr_col_append_i64(&f.rows.cols[0], i, &t->err));
        assert_ok(t, arr_col_append(&f.rows.cols[1], buf_slice(&text), &t->err));
    }
    f.rows.rows = count;
    assert_ok(t, datafile_group_new(&t->mem, &f.schema, &o, &g, &t->err));
    assert_ok(t, datafile_group_encode(g, &f.rows, NULL, &t->err));
    int64_t blocks = g->ends.count / 2;
    datafile_group_free(g);
    buf_fini(&text);
    t_file_fini(&f);
    return blocks;
}

/* Of the median column a block would have 4,096 rows. */
static void a_block_has_a_mebibyte_of_its_widest_column_at_most_and_a_row_at_least(void **state)
{
    struct t *t = *state;
    assert_int_equal(blocks_of(t, 4097, 100), 2);
    assert_int_equal(blocks_of(t, 4097, 1020), 5); /* with their lengths, 1,024 rows */
    assert_int_equal(blocks_of(t, 33, (128 << 10) - 4), 5);
    assert_int_equal(blocks_of(t, 3, 2 << 20), 3);
}

static void groups_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile_write_options o = small_blocks();
    rows_init(t, &f, 200);
    T_FAULT_LOOP(t) {
        struct arena arena;
        arena_init(&arena, &t->mem, 1 << 20);
        slp_rc rc = write_apart(t, &f, &o, 90, &arena);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&f.bytes);
        buf_init(&f.bytes, &t->mem, 1 << 20);
        arena_fini(&arena);
    }
    t_file_fini(&f);
}

T_MAIN(T_TEST(rows_that_were_merged_need_no_keys),
       T_TEST(groups_made_apart_give_the_bytes_of_groups_handed_over),
       T_TEST(a_group_says_its_rows_and_bytes_and_none_before_it_is_encoded),
       T_TEST(a_group_below_the_last_one_is_refused_and_one_of_equal_keys_is_not),
       T_TEST(keys_that_fall_inside_a_group_are_refused),
       T_TEST(a_block_has_a_mebibyte_of_its_widest_column_at_most_and_a_row_at_least),
       T_TEST(groups_survive_every_fault))
