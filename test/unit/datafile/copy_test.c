#include "datafile/copy.h"

#include <stdio.h>

#include "lib/file.h"

static const char kv[] = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"},"
                         "{\"name\":\"v\",\"type\":\"int64\",\"nullable\":true}],"
                         "\"rowKey\":[\"k\"],\"sortKey\":[]}";

#define ROWS       3000
#define GROUP_ROWS 1000

/* Rows of ascending keys, `of_each` of each; a null now and then. */
static void rows_init(struct t *t, struct t_file *f, int64_t of_each)
{
    char text[32];
    t_file_init(t, f, kv);
    for (int64_t i = 0; i < ROWS; i++) {
        int n = snprintf(text, sizeof text, "key%06lld", (long long)(i / of_each));
        assert_ok(t, arr_col_append(&f->rows.cols[0], slice_of(text, (size_t)n), &t->err));
        if (i % 11 == 0)
            assert_ok(t, arr_col_append_null(&f->rows.cols[1], &t->err));
        else
            assert_ok(t, arr_col_append_i64(&f->rows.cols[1], i * 7919 % 100003, &t->err));
    }
    f->rows.rows = ROWS;
    t_file_keys(t, f);
}

static struct datafile_write_options small_blocks(void)
{
    struct datafile_write_options o;
    datafile_write_options_init(&o);
    o.block_bytes = 1; /* 64 rows */
    return o;
}

static void write_file(struct t *t, struct t_file *f, int64_t of_each)
{
    struct datafile_write_options o = small_blocks();
    rows_init(t, f, of_each);
    assert_ok(t, t_file_write(t, f, &o, GROUP_ROWS));
}

static int64_t group_end(struct t *t, struct datafile *f, int64_t block)
{
    struct datafile_block_info a;
    struct datafile_block_info b;
    int64_t end = block;
    assert_ok(t, datafile_block_info(f, block, CX_ZSTD, &a, &t->err));
    do
        end++;
    while (end < datafile_block_count(f) &&
           datafile_block_info(f, end, CX_ZSTD, &b, &t->err) == SLP_OK && b.group == a.group);
    return end;
}

/* A new file of blocks [first, end) of `from`, in pieces of up to `step` blocks. */
static slp_rc copy_file(struct t *t, const struct t_file *from, int64_t first, int64_t end,
                        int64_t step, struct t_file *to)
{
    slp_rc rc = SLP_OK;
    struct buf_sink sink;
    struct datafile *f = NULL;
    struct datafile_group *g = NULL;
    struct datafile_writer *w = NULL;
    struct datafile_copier *c = NULL;
    struct datafile_write_options o = small_blocks();
    *to = (struct t_file){.mem = from->mem, .schema = from->schema, .spec = from->spec};
    arena_init(&to->arena, &t->mem, 1 << 24);
    buf_init(&to->bytes, &t->mem, 1 << 28);
    sink_buf_init(&sink, "copy", &to->bytes);
    TRY_OUT(t_file_open(t, from, &f));
    TRY_OUT(datafile_group_new(&t->mem, &from->schema, &o, &g, &t->err));
    TRY_OUT(datafile_writer_new(&t->mem, &sink.base, &from->schema, &from->spec, &o, &w, &t->err));
    TRY_OUT(datafile_copier_new(f, &c, &t->err));
    for (int64_t at = first; at < end;) {
        bool done = false;
        int64_t stop = group_end(t, f, at);
        struct datafile_blocks blocks = {at, at + step < stop ? at + step : stop};
        blocks.end = blocks.end < end ? blocks.end : end;
        TRY_OUT(datafile_group_copy(g, c, &blocks, &done, &t->err));
        assert_true(done);
        TRY_OUT(datafile_writer_group(w, g, &t->err));
        at = blocks.end;
    }
    rc = datafile_writer_finish(w, &to->arena, &to->info, &t->err);
out:
    datafile_copier_free(c);
    datafile_writer_free(w);
    datafile_group_free(g);
    datafile_close(f);
    return rc;
}

static void copy_fini(struct t_file *f)
{
    buf_fini(&f->bytes);
    arena_fini(&f->arena);
}

static void expect_rows(struct t *t, const struct t_file *from, const struct t_file *to,
                        int64_t first)
{
    struct datafile *f = NULL;
    struct run *run = NULL;
    struct run_block got;
    struct datafile_read_options all = {.batch_rows = ROWS};
    assert_ok(t, t_file_open(t, to, &f));
    assert_ok(t, datafile_verify(f, &t->err));
    assert_ok(t, datafile_read(f, &all, &run, NULL, &t->err));
    int64_t at = first;
    while (run_next(run, &got, &t->err) == SLP_OK) {
        for (int64_t i = 0; i < got.batch->rows; i++, at++) {
            assert_true(slice_equal(key_at(got.keys, i), key_at(&from->keys, at)));
            bool is_null = arr_col_is_null(&from->rows.cols[1], at);
            assert_int_equal(arr_col_is_null(&got.batch->cols[1], i), is_null);
            if (!is_null)
                assert_int_equal(arr_col_i64(&got.batch->cols[1], i),
                                 arr_col_i64(&from->rows.cols[1], at));
        }
    }
    assert_int_equal(at, first + to->info.rows);
    run_close(run);
    datafile_close(f);
}

static void a_file_of_copied_blocks_is_as_sound_as_a_written_one(void **state)
{
    struct t *t = *state;
    static const int64_t of_each[] = {1, 3, 100, 5000};
    for (size_t e = 0; e < sizeof of_each / sizeof of_each[0]; e++)
        for (int64_t step = 1; step < 30; step += 7) {
            struct t_file f;
            struct t_file copied;
            write_file(t, &f, of_each[e]);
            assert_ok(t, copy_file(t, &f, 0, 48, step, &copied));
            assert_int_equal(copied.info.rows, ROWS);
            expect_rows(t, &f, &copied, 0);
            copy_fini(&copied);
            assert_ok(t, copy_file(t, &f, 5, 40, step, &copied));
            expect_rows(t, &f, &copied, 5 * 64);
            copy_fini(&copied);
            t_file_fini(&f);
        }
}

static void the_copy_of_a_whole_file_has_its_pages(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct t_file copied;
    write_file(t, &f, 3);
    assert_ok(t, copy_file(t, &f, 0, 48, 100, &copied));
    assert_int_equal(copied.info.index_offset, f.info.index_offset);
    assert_memory_equal(copied.bytes.ptr, f.bytes.ptr,
                        f.info.footer_offset < copied.bytes.len ? (size_t)f.info.top_offset
                                                                : copied.bytes.len);
    assert_true(slice_equal(copied.info.last_key, f.info.last_key));
    copy_fini(&copied);
    t_file_fini(&f);
}

static void a_damaged_page_is_found_while_it_is_copied(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct t_file copied;
    write_file(t, &f, 3);
    f.bytes.ptr[f.info.index_offset - 5] ^= 1;
    assert_rc(t, copy_file(t, &f, 0, 48, 100, &copied), SLP_CORRUPT);
    assert_err_has(t, "checksum");
    err_clear(&t->err);
    copy_fini(&copied);
    t_file_fini(&f);
}

static void a_file_of_other_columns_may_not_be_copied(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct schema other;
    struct datafile *opened = NULL;
    static const char more[] = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"},"
                               "{\"name\":\"v\",\"type\":\"int64\",\"nullable\":true},"
                               "{\"name\":\"w\",\"type\":\"int64\",\"nullable\":true}],"
                               "\"rowKey\":[\"k\"],\"sortKey\":[]}";
    write_file(t, &f, 3);
    assert_ok(t, t_file_open(t, &f, &opened));
    assert_true(datafile_may_copy(opened));
    datafile_close(opened);
    assert_ok(t, schema_parse(slice_str(more), &f.arena, &other, &t->err));
    assert_ok(t, datafile_open(&t->mem, t_source(t, f.bytes.ptr, f.bytes.len), &f.info, &other,
                               &f.spec, &opened, &t->err));
    assert_false(datafile_may_copy(opened));
    datafile_close(opened);
    t_file_fini(&f);
}

static void copying_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_file f;
    write_file(t, &f, 3);
    T_FAULT_LOOP(t) {
        struct t_file copied = {0};
        slp_rc rc = copy_file(t, &f, 3, 20, 100, &copied);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        copy_fini(&copied);
    }
    t_file_fini(&f);
}

T_MAIN(T_TEST(a_file_of_copied_blocks_is_as_sound_as_a_written_one),
       T_TEST(the_copy_of_a_whole_file_has_its_pages),
       T_TEST(a_damaged_page_is_found_while_it_is_copied),
       T_TEST(a_file_of_other_columns_may_not_be_copied), T_TEST(copying_survives_every_fault))
