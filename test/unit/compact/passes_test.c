#include "compact/passes.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/table.h"

/*
 * Jobs over inputs that no log knows: files of a memory store, made through output. What comes out
 * is read back and held against the number of rows, their order, and a sum of hashes of (key, row),
 * which does not know order.
 */

#define INPUTS_MOST 1000u

struct job {
    struct t_table tt;
    struct output *outputs[INPUTS_MOST];
    struct compact_input inputs[INPUTS_MOST];
    struct state_name names[INPUTS_MOST];
    struct compact_job job;
    struct compact_options options;
    uint64_t sum; /* of hashes of rows */
    int64_t rows;
};

static struct job *job_new(struct t *t, const char *schema)
{
    struct job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    t_table_open(t, &j->tt, schema, NULL, 0);
    j->job.inputs = j->inputs;
    j->options = (struct compact_options){.memory = 64 << 20, .threads = 1};
    return j;
}

static void job_free(struct job *j)
{
    for (size_t i = 0; i < j->job.input_count; i++)
        output_free(j->outputs[i]);
    t_table_close(&j->tt);
    free(j);
}

/* FNV-1a over the bytes of a row as text, a stand-in that has nothing of ours. */
static uint64_t hash_row(const struct arr_batch *b, int64_t row, struct t *t)
{
    struct buf text;
    uint64_t hash = 0xcbf29ce484222325u;
    buf_init(&text, &t->mem, (size_t)1 << 30);
    for (size_t c = 0; c < b->schema->count; c++) {
        assert_ok(t, buf_append_u8(&text, arr_col_is_null(&b->cols[c], row), &t->err));
        if (!arr_col_is_null(&b->cols[c], row))
            assert_ok(t, arr_text_format(&b->cols[c], row, &text, &t->err));
    }
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ text.ptr[i]) * 0x100000001b3u;
    buf_fini(&text);
    return hash;
}

/* The next input: rows from text as t_table_rows takes it. */
static void add_input(struct t *t, struct job *j, const char *text)
{
    struct arr_batch rows;
    struct key_vec keys;
    struct output_options o = {.threads = 1};
    struct state_new_file *files = NULL;
    size_t i = j->job.input_count;
    size_t count = 0;
    t_table_rows(t, &j->tt, text, &rows, &keys);
    for (int64_t r = 0; r < rows.rows; r++)
        j->sum += hash_row(&rows, r, t);
    j->rows += rows.rows;
    assert_ok(t, output_new(j->tt.table, &o, &t->mem, &j->outputs[i], &t->err));
    assert_ok(t, output_take(j->outputs[i], &rows, &keys, &t->err));
    assert_ok(t, output_finish(j->outputs[i], &files, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(t, state_table_object(j->tt.table, files[0].name, &j->names[i], &t->err));
    j->inputs[i] = (struct compact_input){.object = state_name_slice(&j->names[i]),
                                          .info = files[0].info,
                                          .expected_rows = files[0].info.rows};
    j->job.input_count++;
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
}

static size_t data_files(struct t *t, struct job *j)
{
    struct arena arena;
    struct slice after = slice_of(NULL, 0);
    size_t count = 1;
    size_t data = 0;
    arena_init(&arena, &t->mem, 1 << 24);
    while (count) {
        struct store_item *items = NULL;
        assert_ok(
            t, store_list(j->tt.store, slice_str("t/"), after, 0, &arena, &items, &count, &t->err));
        for (size_t i = 0; i < count; i++)
            data += slice_equal(slice_last(items[i].name, 8), slice_str(".parquet"));
        after = count ? items[count - 1].name : after;
    }
    arena_fini(&arena);
    return data;
}

/* Read the only file of `out`: rows ascend, and they are those of the inputs. */
static void expect_all(struct t *t, struct job *j, struct output *out)
{
    struct state_new_file *files = NULL;
    size_t count = 0;
    struct state_name object;
    struct source *src = NULL;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block = {0};
    struct buf last;
    struct datafile_read_options o = {.prefetch_bytes = 1 << 20};
    uint64_t sum = 0;
    int64_t rows = 0;
    assert_ok(t, output_finish(out, &files, &count, &t->err));
    assert_int_equal(count, 1);
    assert_ok(t, state_table_object(j->tt.table, files[0].name, &object, &t->err));
    assert_ok(t, store_open(j->tt.store, state_name_slice(&object), &t->mem, &src, &t->err));
    assert_ok(t, datafile_open(&t->mem, src, &files[0].info, state_table_schema(j->tt.table),
                               state_table_key_spec(j->tt.table), &file, &t->err));
    assert_ok(t, datafile_verify(file, &t->err));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    buf_init(&last, &t->mem, KEY_MAX_BYTES);
    while (run_next(run, &block, &t->err) == SLP_OK)
        for (int64_t r = 0; r < block.batch->rows; r++) {
            assert_true(slice_compare(buf_slice(&last), key_at(block.keys, r)) <= 0);
            assert_ok(t, buf_assign(&last, key_at(block.keys, r), &t->err));
            sum += hash_row(block.batch, r, t);
            rows++;
        }
    assert_int_equal(rows, j->rows);
    assert_true(sum == j->sum);
    buf_fini(&last);
    run_close(run);
    datafile_close(file);
}

static void expect_merged(struct t *t, struct job *j)
{
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    assert_ok(t, output_new(j->tt.table, &o, &t->mem, &out, &t->err));
    assert_ok(t, compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err));
    assert_int_equal(output_rows(out), j->rows);
    expect_all(t, j, out);
    assert_int_equal(data_files(t, j), j->job.input_count + 1);
    output_discard(out);
    output_free(out);
}

static void add_random(struct t *t, struct job *j, unsigned rows, uint64_t keys)
{
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (unsigned i = 0; i < rows; i++)
        assert_ok(t, buf_printf(&text, &t->err, "k%06u,%u\n", (unsigned)t_below(t, keys),
                                (unsigned)t_below(t, 1000)));
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    add_input(t, j, (const char *)text.ptr);
    buf_fini(&text);
}

static void a_thousand_inputs_take_passes_and_leave_one_file(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    for (size_t i = 0; i < INPUTS_MOST; i++)
        add_random(t, j, 3, 500000);
    assert_true(compact_fan_in(&state_table_schema(j->tt.table)->columns, 0, j->options.memory) <
                INPUTS_MOST / 3);
    expect_merged(t, j);
    job_free(j);
}

static void memory_is_kept_to_however_many_the_inputs(void **state)
{
    struct t *t = *state;
    static const size_t counts[] = {10, 45, 100};
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        struct job *j = job_new(t, T_SCHEMA_KV);
        struct output *out = NULL;
        struct output_options o = {.threads = 1};
        j->options.memory = 16 << 20;
        for (size_t i = 0; i < counts[n]; i++)
            add_random(t, j, 3000, 500000);
        size_t live = t->live_bytes; /* the store's objects among it */
        assert_ok(t, output_new(j->tt.table, &o, &t->mem, &out, &t->err));
        t->peak_bytes = t->live_bytes;
        assert_ok(t, compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err));
        assert_true(t->peak_bytes - live <= j->options.memory);
        output_discard(out);
        output_free(out);
        job_free(j);
    }
}

#define SCHEMA_TEXT                                                                                \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"               \
    "{\"id\":2,\"name\":\"v\",\"type\":\"string\",\"nullable\":true}],\"rowKey\":[\"k\"],"         \
    "\"sortKey\":[]}"

/* Buffers have powers of two, which count whole: a little less, for what stands beside a value. */
#define VALUE_BYTES  (((size_t)2 << 20) - 4096)
#define PERIOD_BYTES ((size_t)128 << 10)

/* Two rows of large values, which take a part of that in a file. */
static void add_large(struct t *t, struct job *j, unsigned first, unsigned second)
{
    struct buf text;
    unsigned numbers[] = {first, second};
    buf_init(&text, &t->mem, 3 * VALUE_BYTES);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(t, buf_printf(&text, &t->err, "k%06u,", numbers[i]));
        size_t at = text.len;
        assert_ok(t, buf_resize(&text, at + VALUE_BYTES, &t->err));
        for (size_t b = 0; b < PERIOD_BYTES; b++)
            text.ptr[at + b] = (uint8_t)('0' + t_below(t, 64));
        for (size_t b = PERIOD_BYTES; b < VALUE_BYTES; b++)
            text.ptr[at + b] = text.ptr[at + b - PERIOD_BYTES];
        assert_ok(t, buf_append_u8(&text, '\n', &t->err));
    }
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    add_input(t, j, (const char *)text.ptr);
    buf_fini(&text);
}

/* Of inputs whose rows alternate, and which are larger than the memory. */
static void of_rows_beyond_the_memory_one_is_there_at_a_time(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, SCHEMA_TEXT);
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    j->options.memory = 4 << 20;
    j->options.threads = 4;
    for (unsigned i = 0; i < 8; i++)
        add_large(t, j, i, i + 8);
    size_t live = t->live_bytes;
    assert_ok(t, output_new(j->tt.table, &o, &t->mem, &out, &t->err));
    t->peak_bytes = t->live_bytes;
    assert_ok(t, compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err));
    /* Three copies, and room that buffers have and nobody touched. */
    assert_true(t->peak_bytes - live <= j->options.memory + 7 * VALUE_BYTES);
    expect_all(t, j, out);
    output_discard(out);
    output_free(out);
    job_free(j);
}

static void little_memory_merges_two_at_a_time(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    j->options.memory = 1;
    for (size_t i = 0; i < 11; i++)
        add_random(t, j, 200, 40);
    expect_merged(t, j);
    job_free(j);
}

struct nay {
    int left;
    volatile int cancel;
};

/* Asked while a job is planned: cancels it when it was asked often enough. */
static bool cancel_later(void *context, size_t input, struct key_range range)
{
    struct nay *n = context;
    (void)input;
    (void)range;
    if (n->left-- == 0)
        n->cancel = 1;
    return true;
}

static void a_job_that_is_cancelled_in_a_pass_leaves_nothing_behind(void **state)
{
    struct t *t = *state;
    for (int asked = 0; asked < 8; asked++) {
        struct job *j = job_new(t, T_SCHEMA_KV);
        struct output *out = NULL;
        struct output_options o = {.threads = 1};
        struct nay nay = {.left = asked};
        char text[64];
        j->options.memory = 700 << 10; /* two inputs at a time */
        j->options.copy_bytes = 1;
        j->options.cancel = &nay.cancel;
        j->job.may_copy = cancel_later;
        j->job.may_copy_context = &nay;
        for (int i = 0; i < 8; i++) {
            (void)snprintf(text, sizeof text, "k%d,1\nk%da,2\n", i, i);
            add_input(t, j, text);
        }
        assert_ok(t, output_new(j->tt.table, &o, &t->mem, &out, &t->err));
        assert_rc(t, compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err),
                  SLP_CANCELLED);
        output_discard(out);
        output_free(out);
        assert_int_equal(data_files(t, j), 8);
        err_clear(&t->err);
        job_free(j);
    }
}

static void passes_survive_every_fault_and_leave_nothing_behind(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    j->options.memory = 1;
    for (size_t i = 0; i < 5; i++)
        add_random(t, j, 5, 10);
    T_FAULT_LOOP(t) {
        struct output *out = NULL;
        struct output_options o = {.threads = 1};
        slp_rc rc = output_new(j->tt.table, &o, &t->mem, &out, &t->err);
        if (rc == SLP_OK)
            rc = compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        if (out)
            output_discard(out);
        output_free(out);
    }
    assert_int_equal(data_files(t, j), 5);
    job_free(j);
}

static void empty_inputs_and_one_row(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    add_input(t, j, "b,1\n");
    expect_merged(t, j);
    add_input(t, j, "x,1\ny,2\n");
    add_input(t, j, "z,\n");
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    struct state_new_file *files = NULL;
    size_t count = 1;
    for (size_t i = 0; i < 3; i++) {
        j->inputs[i].range = (struct key_range){.lo = slice_of("\2zz", 3)};
        j->inputs[i].expected_rows = -1;
    }
    for (j->options.memory = 1; j->options.memory < 1 << 27; j->options.memory <<= 26) {
        assert_ok(t, output_new(j->tt.table, &o, &t->mem, &out, &t->err));
        assert_ok(t, compact_merge(j->tt.table, &j->job, &j->options, out, &t->mem, &t->err));
        assert_ok(t, output_finish(out, &files, &count, &t->err));
        assert_int_equal(count, 0);
        output_free(out);
    }
    job_free(j);
}

static void keys_that_share_a_long_prefix(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    char prefix[4097];
    struct buf text;
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[4096] = 0;
    buf_init(&text, &t->mem, 1 << 24);
    for (unsigned i = 0; i < 4; i++) {
        buf_clear(&text);
        for (unsigned r = 0; r < 300; r++)
            assert_ok(t, buf_printf(&text, &t->err, "%s%05u,%u\n", prefix,
                                    (unsigned)t_below(t, 2000), r));
        assert_ok(t, buf_append_u8(&text, 0, &t->err));
        add_input(t, j, (const char *)text.ptr);
    }
    expect_merged(t, j);
    buf_fini(&text);
    job_free(j);
}

static void keys_that_are_all_equal(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, T_SCHEMA_KV);
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (unsigned i = 0; i < 5; i++) {
        buf_clear(&text);
        for (unsigned r = 0; r < 400; r++)
            assert_ok(t, buf_printf(&text, &t->err, "same,%u\n", 1000 * i + r));
        assert_ok(t, buf_append_u8(&text, 0, &t->err));
        add_input(t, j, (const char *)text.ptr);
    }
    expect_merged(t, j);
    buf_fini(&text);
    job_free(j);
}

static void three_thousand_columns(void **state)
{
    struct t *t = *state;
    struct buf schema;
    struct buf text;
    buf_init(&schema, &t->mem, 1 << 24);
    buf_init(&text, &t->mem, 1 << 24);
    assert_ok(t,
              buf_printf(&schema, &t->err,
                         "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":"
                         "false}"));
    for (unsigned c = 2; c <= 3000; c++)
        assert_ok(t,
                  buf_printf(&schema, &t->err,
                             ",{\"id\":%u,\"name\":\"c%u\",\"type\":\"int32\",\"nullable\":true}",
                             c, c));
    assert_ok(t, buf_printf(&schema, &t->err, "],\"rowKey\":[\"k\"],\"sortKey\":[]}"));
    assert_ok(t, buf_append_u8(&schema, 0, &t->err));
    struct job *j = job_new(t, (const char *)schema.ptr);
    for (unsigned i = 0; i < 3; i++) {
        buf_clear(&text);
        for (unsigned r = 0; r < 4; r++) {
            assert_ok(t, buf_printf(&text, &t->err, "k%u", (unsigned)t_below(t, 100)));
            for (unsigned c = 2; c <= 3000; c++)
                assert_ok(t, buf_printf(&text, &t->err, c % 7 ? ",%u" : ",", i * r + c));
            assert_ok(t, buf_append_u8(&text, '\n', &t->err));
        }
        assert_ok(t, buf_append_u8(&text, 0, &t->err));
        add_input(t, j, (const char *)text.ptr);
    }
    expect_merged(t, j);
    job_free(j);
    buf_fini(&schema);
    buf_fini(&text);
}

static void a_row_larger_than_the_memory(void **state)
{
    struct t *t = *state;
    struct job *j = job_new(t, SCHEMA_TEXT);
    size_t bytes = (size_t)12 << 20;
    char *text = malloc(bytes + 32);
    assert_non_null(text);
    j->options.memory = 4 << 20;
    add_input(t, j, "a,1\nm,2\nz,3\n");
    memcpy(text, "m,", 2);
    for (size_t i = 2; i < bytes; i++)
        text[i] = (char)('a' + i * i % 23);
    memcpy(text + bytes, "\nn,5\n", 6);
    add_input(t, j, text);
    expect_merged(t, j);
    free(text);
    job_free(j);
}

T_MAIN(T_TEST(a_thousand_inputs_take_passes_and_leave_one_file),
       T_TEST(memory_is_kept_to_however_many_the_inputs),
       T_TEST(of_rows_beyond_the_memory_one_is_there_at_a_time),
       T_TEST(little_memory_merges_two_at_a_time),
       T_TEST(a_job_that_is_cancelled_in_a_pass_leaves_nothing_behind),
       T_TEST(passes_survive_every_fault_and_leave_nothing_behind),
       T_TEST(empty_inputs_and_one_row), T_TEST(keys_that_share_a_long_prefix),
       T_TEST(keys_that_are_all_equal), T_TEST(three_thousand_columns),
       T_TEST(a_row_larger_than_the_memory))
