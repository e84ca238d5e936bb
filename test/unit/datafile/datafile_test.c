#include "datafile/datafile.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/num.h"
#include "lib/file.h"

static const char flights[] =
    "{\"fields\":[{\"name\":\"origin\",\"type\":\"string\"},{\"name\":\"date\",\"type\":"
    "\"timestamp[s]\"},{\"name\":\"delay\",\"type\":\"int64\",\"nullable\":true},"
    "{\"name\":\"note\",\"type\":\"string\",\"nullable\":true}],"
    "\"rowKey\":[\"origin\"],\"sortKey\":[\"date\"]}";

/* `count` rows, `same` of each origin, dates ascending, every seventh delay null, notes wide
 * apart. */
static void flights_init(struct t *t, struct t_file *f, int64_t count, int64_t same)
{
    char text[64];
    t_file_init(t, f, flights);
    for (int64_t i = 0; i < count; i++) {
        int n = snprintf(text, sizeof text, "A%05lld", (long long)(i / same));
        assert_ok(t, arr_col_append(&f->rows.cols[0], slice_of(text, (size_t)n), &t->err));
        assert_ok(t, arr_col_append_i64(&f->rows.cols[1], i % same / 2, &t->err));
        if (i % 7 == 3)
            assert_ok(t, arr_col_append_null(&f->rows.cols[2], &t->err));
        else
            assert_ok(t, arr_col_append_i64(&f->rows.cols[2], i * 1000003 % 977, &t->err));
        n = snprintf(text, sizeof text, "note %llx", (unsigned long long)t_random(t));
        assert_ok(t, arr_col_append(&f->rows.cols[3], slice_of(text, (size_t)n), &t->err));
    }
    f->rows.rows = count;
    t_file_keys(t, f);
}

/* Small blocks, so that small files have many: 64 rows each. */
static struct datafile_write_options small_blocks(void)
{
    struct datafile_write_options o;
    datafile_write_options_init(&o);
    o.block_bytes = 1;
    o.lineage = slice_str("{\"table\":\"t\"}");
    return o;
}

static void flights_write(struct t *t, struct t_file *f, int64_t count, int64_t same,
                          int64_t group_rows)
{
    struct datafile_write_options o = small_blocks();
    flights_init(t, f, count, same);
    assert_ok(t, t_file_write(t, f, &o, group_rows));
}

static bool is_empty(const struct key_vec *keys, int64_t row, struct key_range range)
{
    return !key_range_holds(range, key_at(keys, row));
}

/* What is kept as a dictionary is decoded first. */
static void assert_same_rows(struct t *t, const struct arr_col *got, const struct arr_col *want)
{
    struct arr_col plain;
    if (!got->dictionary) {
        assert_true(t_same_column(got, want));
        return;
    }
    arr_col_init(&plain, &t->mem, got->type);
    assert_ok(t, arr_col_append_run(&plain, got, 0, got->rows, &t->err));
    assert_true(t_same_column(&plain, want));
    arr_col_fini(&plain);
}

/* Read a range and compare with the rows of it; returns how many batches came. */
static int64_t assert_range(struct t *t, const struct t_file *f, struct datafile *file,
                            const struct datafile_read_options *o)
{
    int64_t row = 0;
    int64_t batches = 0;
    struct run *run = NULL;
    struct run_block block;
    const struct arr_schema *schema = NULL;
    assert_ok(t, datafile_read(file, o, &run, &schema, &t->err));
    while (row < f->rows.rows && is_empty(&f->keys, row, o->range))
        row++;
    slp_rc rc = SLP_OK;
    while ((rc = run_next(run, &block, &t->err)) == SLP_OK) {
        struct arr_batch want;
        batches++;
        assert_true(block.batch->rows > 0 && block.keys->count == block.batch->rows);
        assert_ptr_equal(block.batch->schema, schema);
        assert_ok(t, arr_batch_init(&want, &t->mem, &f->schema.columns, &t->err));
        assert_ok(t, arr_batch_append_run(&want, &f->rows, row, block.batch->rows, &t->err));
        for (size_t c = 0; c < schema->count; c++) {
            size_t column = o->columns ? o->columns[c] : c;
            assert_string_equal(schema->fields[c].name, f->schema.columns.fields[column].name);
            assert_same_rows(t, &block.batch->cols[c], &want.cols[column]);
        }
        for (int64_t i = 0; i < block.keys->count; i++, row++)
            assert_true(slice_equal(key_at(block.keys, i), key_at(&f->keys, row)));
        arr_batch_fini(&want);
    }
    assert_rc(t, rc, SLP_DONE);
    while (row < f->rows.rows && is_empty(&f->keys, row, o->range))
        row++;
    assert_int_equal(row, f->rows.rows);
    run_close(run);
    return batches;
}

static void all_rows_are_read_back(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 10000, 50, 3000);
    assert_int_equal(f.info.rows, 10000);
    assert_int_equal(f.info.file_bytes, f.bytes.len);
    assert_ok(t, t_file_open(t, &f, &file));
    assert_int_equal(datafile_block_count(file), 157); /* 3 * 47 + 16 */
    struct datafile_read_options o = {0};
    assert_int_equal(assert_range(t, &f, file, &o), 157);
    o.prefetch_bytes = 5000;
    assert_int_equal(assert_range(t, &f, file, &o), 157);
    o.prefetch_bytes = 1 << 20;
    o.batch_rows = 1000;
    assert_int_equal(assert_range(t, &f, file, &o), 11);
    const size_t columns[] = {3, 1};
    o.columns = columns;
    o.column_count = 2;
    assert_range(t, &f, file, &o);
    o.column_count = 0;
    assert_range(t, &f, file, &o);
    assert_ok(t, datafile_verify(file, &t->err));
    datafile_close(file);
    t_file_fini(&f);
}

/* The same with notes of few values, nulls among them. */
static void few_notes_write(struct t *t, struct t_file *f, int64_t count, int64_t same,
                            int64_t group_rows)
{
    struct datafile_write_options o = small_blocks();
    flights_init(t, f, count, same);
    struct arr_col *notes = &f->rows.cols[3];
    arr_col_clear(notes);
    for (int64_t i = 0; i < f->rows.rows; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "note %d", (int)t_below(t, 20));
        if (t_below(t, 9) == 0)
            assert_ok(t, arr_col_append_null(notes, &t->err));
        else
            assert_ok(t, arr_col_append(notes, slice_of(text, (size_t)n), &t->err));
    }
    assert_ok(t, t_file_write(t, f, &o, group_rows));
}

static void columns_kept_as_dictionaries_have_the_same_rows(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block;
    struct datafile_read_options o = {.keeps_dictionaries = true, .prefetch_bytes = 4096};
    few_notes_write(t, &f, 3000, 30, 1000);
    assert_ok(t, t_file_open(t, &f, &file));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    while (run_next(run, &block, &t->err) == SLP_OK) {
        assert_non_null(block.batch->cols[3].dictionary);
        assert_null(block.batch->cols[0].dictionary); /* of the key */
    }
    run_close(run);
    for (int round = 0; round < 50; round++) {
        int64_t first = (int64_t)t_below(t, 3000);
        int64_t end = (int64_t)t_below(t, 3000);
        o.range = (struct key_range){
            .lo = key_at(&f.keys, first), .hi = key_at(&f.keys, end), .has_hi = true};
        assert_range(t, &f, file, &o);
    }
    datafile_close(file);
    t_file_fini(&f);
}

static void ranges_are_clipped_to_the_row(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 3000, 300, 1000);
    assert_ok(t, t_file_open(t, &f, &file));
    for (int round = 0; round < 200; round++) {
        int64_t a = (int64_t)t_below(t, 3000);
        int64_t b = (int64_t)t_below(t, 3000);
        struct datafile_read_options o = {.range = {.lo = key_at(&f.keys, a),
                                                    .hi = key_at(&f.keys, b),
                                                    .has_hi = t_below(t, 4) > 0},
                                          .prefetch_bytes = t_below(t, 2) * 4096,
                                          .batch_rows = t_below(t, 1000)};
        assert_range(t, &f, file, &o);
    }
    datafile_close(file);
    t_file_fini(&f);
}

/* The key and the least key above it. */
static struct key_range exactly(struct t *t, struct slice key, struct buf *hi)
{
    bool has_hi = false;
    assert_ok(t, key_successor(key, hi, &has_hi, &t->err));
    return (struct key_range){.lo = key, .hi = buf_slice(hi), .has_hi = has_hi};
}

static void a_lookup_is_one_round_with_a_range_a_column(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    struct buf hi;
    buf_init(&hi, &t->mem, 1000);
    flights_write(t, &f, 6400, 2, 6400);
    assert_ok(t, t_file_open(t, &f, &file));
    assert_int_equal(t->source.base.rounds, 1);
    assert_int_equal(t->source.base.reads, 1);
    struct datafile_read_options o = {.range = exactly(t, key_at(&f.keys, 1000), &hi)};
    uint64_t before = t->source.base.read_bytes;
    assert_int_equal(assert_range(t, &f, file, &o), 1);
    assert_int_equal(t->source.base.rounds, 2);
    assert_in_range(t->source.base.reads, 1 + 4, 1 + 8); /* perhaps with dictionaries */
    assert_in_range(t->source.base.read_bytes - before, 64, 16384);
    /* The first key of a block that no row before it has: still one block. */
    o.range = exactly(t, key_at(&f.keys, 640), &hi);
    assert_int_equal(assert_range(t, &f, file, &o), 1);
    assert_int_equal(t->source.base.rounds, 3);
    /* Behind the last key: nothing is read. */
    o.range = (struct key_range){.lo = slice_str("\xff")};
    assert_int_equal(assert_range(t, &f, file, &o), 0);
    assert_int_equal(t->source.base.rounds, 3);
    uint64_t index_bytes = 0;
    uint64_t all_bytes = 0;
    uint64_t reads = 0;
    datafile_counts(file, &index_bytes, &all_bytes, &reads);
    assert_int_equal(index_bytes, before);
    assert_int_equal(all_bytes, t->source.base.read_bytes);
    assert_int_equal(reads, t->source.base.reads);
    datafile_close(file);
    buf_fini(&hi);
    t_file_fini(&f);
}

static void a_large_index_is_read_slice_by_slice_and_kept(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    struct buf hi;
    buf_init(&hi, &t->mem, 1000);
    flights_write(t, &f, 150000, 2, 50000);
    assert_ok(t, t_file_open(t, &f, &file));
    assert_int_equal(t->source.base.read_bytes, f.info.top_bytes);
    struct datafile_read_options o = {.range = exactly(t, key_at(&f.keys, 100000), &hi)};
    assert_range(t, &f, file, &o);
    assert_int_equal(t->source.base.rounds, 3); /* top, slice, pages */
    assert_range(t, &f, file, &o);
    assert_int_equal(t->source.base.rounds, 4); /* pages */
    o = (struct datafile_read_options){.prefetch_bytes = 1 << 20, .batch_rows = 65536};
    assert_range(t, &f, file, &o);
    assert_in_range(t->source.base.rounds, 5, 60);
    assert_ok(t, datafile_verify(file, &t->err));
    datafile_close(file);
    buf_fini(&hi);
    t_file_fini(&f);
}

static void blocks_say_their_first_key_and_row(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 1000, 10, 100); /* blocks of 64 and 36 rows by turns */
    assert_ok(t, t_file_open(t, &f, &file));
    assert_int_equal(datafile_block_count(file), 20);
    for (int64_t b = 0; b < 20; b++) {
        struct slice key;
        int64_t row = -1;
        assert_ok(t, datafile_block(file, b, &key, &row, &t->err));
        assert_int_equal(row, b / 2 * 100 + b % 2 * 64);
        assert_true(slice_equal(key, key_at(&f.keys, row)));
    }
    datafile_close(file);
    t_file_fini(&f);
}

static void blocks_found_are_all_that_may_hold_the_range_and_no_more(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    struct buf hi;
    buf_init(&hi, &t->mem, 1000);
    flights_write(t, &f, 9000, 200, 9000); /* 141 blocks; a key has two rows */
    assert_ok(t, t_file_open(t, &f, &file));
    for (int64_t row = 0; row < 9000; row += 1) {
        int64_t first = 0;
        int64_t end = 0;
        struct key_range range = exactly(t, key_at(&f.keys, row), &hi);
        assert_ok(t, datafile_find(file, range, &first, &end, &t->err));
        assert_int_equal(first, row / 64);
        assert_int_equal(end, row / 64 + 1);
    }
    datafile_close(file);
    buf_fini(&hi);
    t_file_fini(&f);
}

static void a_key_that_fills_blocks_is_found_in_all_of_them(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    struct buf hi;
    struct datafile_write_options o = small_blocks();
    buf_init(&hi, &t->mem, 1000);
    t_file_init(t, &f,
                "{\"fields\":[{\"name\":\"k\",\"type\":\"int32\"},{\"name\":\"v\",\"type\":"
                "\"int32\"}],\"rowKey\":[\"k\"]}");
    for (int64_t i = 0; i < 20000; i++) {
        /* 100 rows of 0, 12000 rows of 1 that begin inside a block, then 64 rows a key. */
        int64_t key = i < 100 ? 0 : i < 12100 ? 1 : i / 64;
        assert_ok(t, arr_col_append_i64(&f.rows.cols[0], key, &t->err));
        assert_ok(t, arr_col_append_i64(&f.rows.cols[1], i, &t->err));
    }
    f.rows.rows = 20000;
    t_file_keys(t, &f);
    assert_ok(t, t_file_write(t, &f, &o, 20000));
    assert_ok(t, t_file_open(t, &f, &file));
    for (int64_t row = 0; row < 20000; row += 170) {
        struct datafile_read_options read = {.range = exactly(t, key_at(&f.keys, row), &hi)};
        assert_range(t, &f, file, &read);
    }
    assert_ok(t, datafile_verify(file, &t->err));
    datafile_close(file);
    buf_fini(&hi);
    t_file_fini(&f);
}

static void the_row_of_a_key_is_found(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 5000, 100, 2000);
    assert_ok(t, t_file_open(t, &f, &file));
    for (int64_t row = 0; row < 5000; row += 7) {
        int64_t got = 0;
        assert_ok(t, datafile_lower_bound(file, key_at(&f.keys, row), &got, &t->err));
        assert_int_equal(got, key_lower_bound(&f.keys, key_at(&f.keys, row)));
    }
    int64_t got = 0;
    assert_ok(t, datafile_lower_bound(file, slice_str("\xff"), &got, &t->err));
    assert_int_equal(got, 5000);
    assert_ok(t, datafile_lower_bound(file, slice_of(NULL, 0), &got, &t->err));
    assert_int_equal(got, 0);
    datafile_close(file);
    t_file_fini(&f);
}

static void threads_write_the_same_bytes(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct buf bytes;
    struct datafile_write_options o = small_blocks();
    flights_write(t, &f, 5000, 50, 600);
    uint32_t crc = f.info.crc32c;
    buf_take(&bytes, &f.bytes);
    f.mem = alloc_system();
    o.threads = 3;
    assert_ok(t, t_file_write(t, &f, &o, 600));
    assert_true(t_same_bytes(&f.bytes, &bytes));
    assert_int_equal(f.info.crc32c, crc);
    buf_fini(&bytes);
    t_file_fini(&f);
}

static void falling_keys_are_refused(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct buf_sink sink;
    struct datafile_writer *w = NULL;
    struct datafile_write_options o = small_blocks();
    flights_init(t, &f, 1000, 10);
    sink_buf_init(&sink, "f.parquet", &f.bytes);
    assert_ok(t, datafile_writer_new(&t->mem, &sink.base, &f.schema, &f.spec, &o, &w, &t->err));
    assert_ok(t, t_file_take(t, &f, w, 500, 600));
    assert_rc(t, t_file_take(t, &f, w, 400, 700), SLP_INVALID);
    assert_err_has(t, "data file \"f.parquet\": row 100 has a key below that of the row before it");
    err_clear(&t->err);
    assert_rc(t, datafile_writer_finish(w, &f.arena, &f.info, &t->err), SLP_INVALID);
    assert_err_has(t, "row 100");
    datafile_writer_free(w);
    t_file_fini(&f);
}

static void a_file_without_rows_is_refused(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile_write_options o = small_blocks();
    flights_init(t, &f, 0, 1);
    assert_rc(t, t_file_write(t, &f, &o, 1), SLP_INVALID);
    t_file_fini(&f);
}

static slp_rc full_disk(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    (void)bytes;
    if (sink->offset + n > 20000)
        FAIL(err, IO, "no space left on device");
    return SLP_OK;
}

static void what_the_sink_says_is_said_again(void **state)
{
    static const struct sink_ops ops = {.write = full_disk};
    struct t *t = *state;
    struct t_file f;
    struct sink sink = {.ops = &ops, .name = "full"};
    struct datafile_writer *w = NULL;
    struct datafile_write_options o = small_blocks();
    flights_init(t, &f, 5000, 10);
    f.mem = alloc_system();
    o.threads = 2;
    assert_ok(t, datafile_writer_new(f.mem, &sink, &f.schema, &f.spec, &o, &w, &t->err));
    slp_rc rc = SLP_OK;
    for (int64_t at = 0; at < 5000 && rc == SLP_OK; at += 500)
        rc = t_file_take(t, &f, w, at, at + 500);
    if (rc == SLP_OK)
        rc = datafile_writer_finish(w, &f.arena, &f.info, &t->err);
    assert_int_equal(rc, SLP_IO);
    assert_rc(t, datafile_writer_finish(w, &f.arena, &f.info, &t->err), SLP_IO);
    assert_err_has(t, "data file \"full\": no space left on device");
    datafile_writer_free(w);
    t_file_fini(&f);
}

static void log_entries_of_other_files_are_refused(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 1000, 10, 1000);
    struct datafile_info info = f.info;
    f.info.rows++;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    assert_err_has(t, "data file \"test\": its key index says 1000 rows, its log entry 1001");
    f.info = info;
    f.info.file_bytes++;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    f.info = info;
    f.info.top_offset = UINT64_MAX - 3;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    f.info = info;
    f.info.last_key = f.info.first_key;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    f.info = info;
    f.info.top_bytes--;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    f.info = info;
    f.info.index_offset--;
    assert_rc(t, t_file_open(t, &f, &file), SLP_CORRUPT);
    assert_null(file);
    t_file_fini(&f);
}

/* The file is written with `flights`, then opened with another schema. */
static slp_rc open_as(struct t *t, struct t_file *f, const char *text, struct schema *schema,
                      struct key_spec *spec, struct datafile **out)
{
    flights_write(t, f, 100, 10, 100);
    assert_ok(t, schema_parse(slice_str(text), &f->arena, schema, &t->err));
    key_spec_init(spec, schema);
    return datafile_open(&t->mem, t_source(t, f->bytes.ptr, f->bytes.len), &f->info, schema, spec,
                         out, &t->err);
}

static void columns_are_matched_by_id_and_new_ones_are_null(void **state)
{
    static const char text[] =
        "{\"fields\":[{\"id\":9,\"name\":\"new\",\"type\":\"double\",\"nullable\":true},"
        "{\"id\":2,\"name\":\"day\",\"type\":\"timestamp[s]\"},"
        "{\"id\":1,\"name\":\"origin\",\"type\":\"string\"}],"
        "\"rowKey\":[\"origin\"],\"sortKey\":[\"day\"]}";
    struct t *t = *state;
    struct t_file f;
    struct schema schema;
    struct key_spec spec;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block;
    struct datafile_read_options o = {.batch_rows = 1000};
    assert_ok(t, open_as(t, &f, text, &schema, &spec, &file));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    assert_ok(t, run_next(run, &block, &t->err));
    assert_int_equal(block.batch->rows, 100);
    assert_int_equal(block.batch->cols[0].null_count, 100);
    assert_int_equal(arr_col_i64(&block.batch->cols[1], 19), 4);
    assert_true(slice_is(arr_col_bytes(&block.batch->cols[2], 19), "A00001"));
    run_close(run);
    datafile_close(file);
    t_file_fini(&f);
}

static void columns_that_do_not_fit_are_refused_by_name(void **state)
{
    static const char binary[] =
        "{\"fields\":[{\"id\":1,\"name\":\"origin\",\"type\":\"binary\"}],\"rowKey\":[\"origin\"]}";
    static const char other[] =
        "{\"fields\":[{\"id\":7,\"name\":\"other\",\"type\":\"string\"}],\"rowKey\":[\"other\"]}";
    struct t *t = *state;
    struct t_file f;
    struct schema schema;
    struct key_spec spec;
    struct datafile *file = NULL;
    assert_rc(t, open_as(t, &f, binary, &schema, &spec, &file), SLP_UNSUPPORTED);
    assert_err_has(t, "column \"origin\" is string in it and binary in the table");
    t_file_fini(&f);
    assert_rc(t, open_as(t, &f, other, &schema, &spec, &file), SLP_CORRUPT);
    assert_err_has(t, "it has no column \"other\" (field id 7)");
    t_file_fini(&f);
}

/* Read everything into `out` (one batch a block, rows behind one another). */
static slp_rc read_all(struct t *t, const struct t_file *f, bool keeps_dictionaries,
                       struct arr_batch *out)
{
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block;
    struct datafile_read_options o = {.prefetch_bytes = 1 << 16,
                                      .keeps_dictionaries = keeps_dictionaries};
    slp_rc rc = t_file_open(t, f, &file);
    if (rc == SLP_OK)
        rc = datafile_read(file, &o, &run, NULL, &t->err);
    while (rc == SLP_OK) {
        rc = run_next(run, &block, &t->err);
        if (rc == SLP_OK && out)
            rc = arr_batch_append_run(out, block.batch, 0, block.batch->rows, &t->err);
    }
    run_close(run);
    datafile_close(file);
    return rc == SLP_DONE ? SLP_OK : rc;
}

/* A file with one damaged byte: the same rows, or an error that names it. */
static void assert_damage_is_named(struct t *t, const struct t_file *f, size_t at)
{
    struct arr_batch got;
    struct datafile *file = NULL;
    err_clear(&t->err);
    assert_ok(t, arr_batch_init(&got, &t->mem, &f->schema.columns, &t->err));
    slp_rc rc = read_all(t, f, at % 2 == 0, &got);
    if (rc == SLP_OK) {
        for (size_t c = 0; c < 4; c++)
            assert_true(t_same_column(&got.cols[c], &f->rows.cols[c]));
    } else {
        if (rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED)
            fail_msg("byte %zu: %s", at, t->err.text);
        assert_err_has(t, "data file \"test\": ");
    }
    arr_batch_fini(&got);
    if (t_file_open(t, f, &file) == SLP_OK) {
        assert_rc(t, datafile_verify(file, &t->err), SLP_CORRUPT);
        datafile_close(file);
    }
}

static void every_damaged_byte_is_found_or_does_not_matter(void **state)
{
    struct t *t = *state;
    struct t_file f;
    few_notes_write(t, &f, 150, 10, 100);
    for (size_t i = 0; i < f.bytes.len; i++) {
        uint8_t bit = (uint8_t)(1u << t_below(t, 8));
        f.bytes.ptr[i] ^= bit;
        assert_damage_is_named(t, &f, i);
        f.bytes.ptr[i] ^= bit;
    }
    t_file_fini(&f);
}

/* Damage behind right checksums: a slice or the top says something else than the pages. */
static void an_index_that_lies_never_crashes_a_read(void **state)
{
    struct t *t = *state;
    struct t_file f;
    flights_write(t, &f, 300, 10, 200);
    uint8_t *slice = f.bytes.ptr + f.info.index_offset;
    size_t slice_bytes = (size_t)(f.info.top_offset - f.info.index_offset);
    uint32_t crc = num_load_u32le(slice + slice_bytes - 4);
    for (int round = 0; round < 3000; round++) {
        size_t at = t_below(t, slice_bytes - 4);
        uint8_t old = slice[at];
        slice[at] = (uint8_t)t_random(t);
        num_store_u32le(slice + slice_bytes - 4, hash_crc32c(0, slice_of(slice, slice_bytes - 4)));
        slp_rc rc = read_all(t, &f, round % 2 == 0, NULL);
        if (rc != SLP_OK && rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED)
            fail_msg("byte %zu: %s (SEED=%llu)", at, t->err.text, (unsigned long long)t->seed);
        slice[at] = old;
    }
    num_store_u32le(slice + slice_bytes - 4, crc);
    assert_ok(t, read_all(t, &f, true, NULL));
    t_file_fini(&f);
}

/* The writer believes the keys it is given; the reader encodes them from the rows. */
static void rows_that_are_not_in_the_order_of_their_keys_are_refused(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct arr_batch swapped;
    uint32_t order[200];
    struct datafile_write_options o = small_blocks();
    flights_init(t, &f, 200, 1);
    for (uint32_t i = 0; i < 200; i++)
        order[i] = i == 70 ? 90 : i == 90 ? 70 : i;
    assert_ok(t, arr_batch_init(&swapped, &t->mem, &f.schema.columns, &t->err));
    assert_ok(t, arr_batch_append_picked(&swapped, &f.rows, order, 200, &t->err));
    arr_batch_fini(&f.rows);
    f.rows = swapped;
    assert_ok(t, t_file_write(t, &f, &o, 200));
    assert_rc(t, read_all(t, &f, true, NULL), SLP_CORRUPT);
    assert_err_has(t, "data file \"test\": row 7 of block 1 has a key below the row before it");
    t_file_fini(&f);
}

static void verification_says_what_is_wrong_behind_the_checksum(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    flights_write(t, &f, 1000, 10, 300);
    f.info.footer_bytes++;
    assert_ok(t, t_file_open(t, &f, &file));
    assert_rc(t, datafile_verify(file, &t->err), SLP_CORRUPT);
    assert_err_has(t, "the footer has");
    datafile_close(file);
    f.info.footer_bytes--;
    f.info.crc32c ^= 1;
    assert_ok(t, t_file_open(t, &f, &file));
    assert_rc(t, datafile_verify(file, &t->err), SLP_CORRUPT);
    assert_err_has(t, "CRC32C of the file is");
    datafile_close(file);
    t_file_fini(&f);
}

static void writing_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile_write_options o = small_blocks();
    flights_init(t, &f, 300, 10);
    T_FAULT_LOOP(t) {
        struct arena a;
        struct arena outer = f.arena;
        struct buf bytes = f.bytes;
        arena_init(&a, &t->mem, 1 << 20);
        f.arena = a;
        buf_init(&f.bytes, &t->mem, 1 << 20);
        slp_rc rc = t_file_write(t, &f, &o, 100);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&f.bytes);
        arena_fini(&f.arena);
        f.arena = outer;
        f.bytes = bytes;
    }
    t_file_fini(&f);
}

static void reading_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_file f;
    few_notes_write(t, &f, 300, 10, 200);
    T_FAULT_LOOP(t) {
        struct datafile *file = NULL;
        slp_rc rc = read_all(t, &f, true, NULL);
        if (rc == SLP_OK)
            rc = t_file_open(t, &f, &file);
        if (rc == SLP_OK)
            rc = datafile_verify(file, &t->err);
        datafile_close(file);
        if (t->fault_hit)
            assert_true(rc == SLP_NO_MEMORY || rc == SLP_UNAVAILABLE);
        else
            assert_int_equal(rc, SLP_OK);
    }
    t_file_fini(&f);
}

/* Two rows that are blocks by themselves, and one that joins none of them. */
static void large_rows_write(struct t *t, struct t_file *f)
{
    static const char schema[] =
        "{\"fields\":[{\"id\":1,\"name\":\"v\",\"type\":\"string\"},"
        "{\"id\":2,\"name\":\"k\",\"type\":\"string\"}],\"rowKey\":[\"k\"]}";
    static const size_t sizes[] = {700 << 10, 900 << 10, 10};
    struct datafile_write_options o;
    struct buf value;
    datafile_write_options_init(&o);
    t_file_init(t, f, schema);
    buf_init(&value, &t->mem, 1 << 20);
    for (size_t i = 0; i < 3; i++) {
        const char *keys[] = {"a", "b", "c"};
        assert_ok(t, buf_resize(&value, sizes[i], &t->err));
        for (size_t b = 0; b < value.len; b++)
            value.ptr[b] = (uint8_t)('0' + t_below(t, 64));
        assert_ok(t, arr_col_append(&f->rows.cols[0], buf_slice(&value), &t->err));
        assert_ok(t, arr_col_append(&f->rows.cols[1], slice_str(keys[i]), &t->err));
    }
    f->rows.rows = 3;
    buf_fini(&value);
    t_file_keys(t, f);
    assert_ok(t, t_file_write(t, f, &o, 1));
}

/* Read all of it, whole blocks and those whose values are asked for, which `*partial` counts. */
static slp_rc read_large_rows(struct t *t, const struct t_file *f, struct datafile *file,
                              int *partial)
{
    struct datafile_read_options o = {.prefetch_bytes = 4 << 20, .may_be_partial = true};
    struct run *run = NULL;
    struct run_block block = {0};
    int64_t row = 0;
    slp_rc rc = datafile_read(file, &o, &run, NULL, &t->err);
    *partial = 0;
    while (rc == SLP_OK && (rc = run_next(run, &block, &t->err)) == SLP_OK) {
        assert_true(slice_equal(arr_col_bytes(&block.batch->cols[1], 0),
                                arr_col_bytes(&f->rows.cols[1], row)));
        if (block.is_partial) {
            assert_int_equal(block.batch->cols[0].rows, 0);
            rc = run_complete(run, &t->err);
            ++*partial;
        }
        if (rc == SLP_OK)
            assert_true(slice_equal(arr_col_bytes(&block.batch->cols[0], 0),
                                    arr_col_bytes(&f->rows.cols[0], row)));
        row++;
    }
    run_close(run);
    if (rc == SLP_DONE)
        assert_int_equal(row, 3);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static void values_of_large_rows_come_when_they_are_asked_for(void **state)
{
    struct t *t = *state;
    struct t_file f;
    struct datafile *file = NULL;
    int partial = 0;
    large_rows_write(t, &f);
    assert_ok(t, t_file_open(t, &f, &file));
    assert_ok(t, read_large_rows(t, &f, file, &partial));
    assert_int_equal(partial, 2);
    datafile_close(file);
    T_FAULT_LOOP(t) {
        file = NULL;
        slp_rc rc = t_file_open(t, &f, &file);
        if (rc == SLP_OK)
            rc = read_large_rows(t, &f, file, &partial);
        assert_int_equal(rc == SLP_OK, !t->fault_hit);
        datafile_close(file);
    }
    t_file_fini(&f);
}

T_MAIN(T_TEST(values_of_large_rows_come_when_they_are_asked_for), T_TEST(all_rows_are_read_back),
       T_TEST(columns_kept_as_dictionaries_have_the_same_rows),
       T_TEST(ranges_are_clipped_to_the_row), T_TEST(a_lookup_is_one_round_with_a_range_a_column),
       T_TEST(a_large_index_is_read_slice_by_slice_and_kept),
       T_TEST(blocks_say_their_first_key_and_row),
       T_TEST(blocks_found_are_all_that_may_hold_the_range_and_no_more),
       T_TEST(a_key_that_fills_blocks_is_found_in_all_of_them), T_TEST(the_row_of_a_key_is_found),
       T_TEST(threads_write_the_same_bytes), T_TEST(falling_keys_are_refused),
       T_TEST(a_file_without_rows_is_refused), T_TEST(what_the_sink_says_is_said_again),
       T_TEST(log_entries_of_other_files_are_refused),
       T_TEST(columns_are_matched_by_id_and_new_ones_are_null),
       T_TEST(columns_that_do_not_fit_are_refused_by_name),
       T_TEST(every_damaged_byte_is_found_or_does_not_matter),
       T_TEST(an_index_that_lies_never_crashes_a_read),
       T_TEST(rows_that_are_not_in_the_order_of_their_keys_are_refused),
       T_TEST(verification_says_what_is_wrong_behind_the_checksum),
       T_TEST(writing_survives_every_fault), T_TEST(reading_survives_every_fault))
