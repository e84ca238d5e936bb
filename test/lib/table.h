/*
 * A table of a test's own, in a memory store: schema, rows from text, transactions. For tests of
 * the rooms above state; include it in a test that stands on `output`.
 *
 *     struct t_table tt;
 *     t_table_open(t, &tt, "{\"rowKeyFields\":[...]...}", NULL, 0);
 *     t_table_add(t, &tt, "a,1\nb,2\n");     one file, one ADD
 *     ...
 *     t_table_close(&tt);
 */
#ifndef SLP_TEST_TABLE_H
#define SLP_TEST_TABLE_H

#include "arrow/text.h"
#include "lib/t.h"
#include "merge/merge.h"
#include "output/output.h"

/* Key k: string, value v: nullable int64. */
#define T_SCHEMA_KV                                                                                \
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"               \
    "{\"id\":2,\"name\":\"v\",\"type\":\"int64\",\"nullable\":true}],\"rowKey\":[\"k\"],"          \
    "\"sortKey\":[]}"

struct t_table {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
};

/* In a store of the caller's, which is closed with the table. */
static inline void t_table_open_in(struct t *t, struct t_table *tt, struct store *store,
                                   const char *schema_json, const char *const *points,
                                   size_t point_count)
{
    struct arena arena;
    struct schema schema;
    struct key_spec spec;
    struct buf json;
    struct slice keys[16];
    assert_true(point_count <= 16);
    arena_init(&arena, &t->mem, 1 << 24);
    buf_init(&json, &t->mem, 1 << 22);
    tt->store = store;
    assert_ok(t, state_instance_create(tt->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, tt->store, NULL, &tt->instance, &t->err));
    assert_ok(t, schema_parse(slice_str(schema_json), &arena, &schema, &t->err));
    assert_ok(t, schema_format(&schema, &json, &t->err));
    key_spec_init(&spec, &schema);
    for (size_t i = 0; i < point_count; i++) {
        struct buf key;
        buf_init(&key, &t->mem, KEY_MAX_BYTES);
        assert_ok(t, key_parse(&spec, &schema, slice_str(points[i]), 1, &key, &t->err));
        assert_ok(t, arena_copy(&arena, buf_slice(&key), &keys[i], &t->err));
        buf_fini(&key);
    }
    struct state_table_options o = {.name = slice_str("test"),
                                    .schema_json = buf_slice(&json),
                                    .split_points = keys,
                                    .split_point_count = point_count};
    assert_ok(t, state_table_create(tt->instance, &o, &t->err));
    assert_ok(t, state_table_open(tt->instance, slice_str("test"), &tt->table, &t->err));
    buf_fini(&json);
    arena_fini(&arena);
}

static inline void t_table_open(struct t *t, struct t_table *tt, const char *schema_json,
                                const char *const *points, size_t point_count)
{
    struct store *store = NULL;
    assert_ok(t, store_memory_new(&t->mem, &store, &t->err));
    t_table_open_in(t, tt, store, schema_json, points, point_count);
}

static inline void t_table_close(struct t_table *tt)
{
    state_table_close(tt->table);
    state_instance_close(tt->instance);
    store_close(tt->store);
}

/* Rows from lines of comma-separated text, an empty field for null; sorted by key. */
static inline void t_table_rows(struct t *t, struct t_table *tt, const char *text,
                                struct arr_batch *rows, struct key_vec *keys)
{
    const struct schema *schema = state_table_schema(tt->table);
    struct arr_batch read = {0};
    struct key_vec read_keys;
    assert_ok(t, arr_batch_init(&read, &t->mem, &schema->columns, &t->err));
    assert_ok(t, arr_batch_init(rows, &t->mem, &schema->columns, &t->err));
    key_vec_init(&read_keys, &t->mem, 1 << 26);
    key_vec_init(keys, &t->mem, 1 << 26);
    for (; *text; text += *text == '\n') {
        for (size_t c = 0; c < schema->columns.count; c++) {
            size_t len = strcspn(text, ",\n");
            if (len == 0)
                assert_ok(t, arr_col_append_null(&read.cols[c], &t->err));
            else
                assert_ok(t, arr_text_parse(&read.cols[c], slice_of(text, len), &t->err));
            text += len + (text[len] == ',' && c + 1 < schema->columns.count);
        }
        read.rows++;
    }
    assert_ok(t, key_encode_rows(state_table_key_spec(tt->table), &read, 0, read.rows, &read_keys,
                                 &t->err));
    uint32_t *order = NULL;
    assert_ok(t, alloc_array(&t->mem, (size_t)read.rows, sizeof *order, (void **)&order, &t->err));
    assert_ok(t, merge_sort(&t->mem, &read_keys, order, &t->err));
    for (size_t c = 0; c < schema->columns.count; c++)
        assert_ok(t,
                  arr_col_append_picked(&rows->cols[c], &read.cols[c], order, read.rows, &t->err));
    for (int64_t i = 0; i < read.rows; i++)
        assert_ok(t, key_vec_append(keys, key_at(&read_keys, order[i]), &t->err));
    rows->rows = read.rows;
    alloc_free(&t->mem, order, (size_t)read.rows * sizeof *order);
    arr_batch_fini(&read);
    key_vec_fini(&read_keys);
}

/* Write the rows as one file and commit it, filed or unfiled. */
static inline void t_table_add_as(struct t *t, struct t_table *tt, const char *text,
                                  bool is_unfiled)
{
    struct arr_batch rows;
    struct key_vec keys;
    struct output *out = NULL;
    struct output_options o = {.threads = 1};
    struct state_new_file *files = NULL;
    struct state_result result = {0};
    size_t count = 0;
    t_table_rows(t, tt, text, &rows, &keys);
    assert_ok(t, output_new(tt->table, &o, &t->mem, &out, &t->err));
    assert_ok(t, output_take(out, &rows, &keys, &t->err));
    assert_ok(t, output_finish(out, &files, &count, &t->err));
    files[0].is_unfiled = is_unfiled;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = count}};
    assert_ok(t, state_table_commit(tt->table, &txn, NULL, &result, &t->err));
    assert_ok(t, state_result_check(&result, &t->err));
    output_free(out);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
}

static inline void t_table_add(struct t *t, struct t_table *tt, const char *text)
{
    t_table_add_as(t, tt, text, false);
}

/* All rows of a stream as text: fields by ',', rows by '\n'. Closes the stream. */
static inline slp_rc t_stream_text(struct t *t, struct arr_stream *stream, struct buf *out)
{
    slp_rc rc = SLP_OK;
    struct arr_batch batch = {0};
    while ((rc = arr_stream_next(stream, &batch, &t->err)) == SLP_OK) {
        for (int64_t r = 0; r < batch.rows && rc == SLP_OK; r++) {
            for (size_t c = 0; c < stream->schema->count && rc == SLP_OK; c++) {
                rc = c ? buf_append_u8(out, ',', &t->err) : SLP_OK;
                if (rc == SLP_OK && !arr_col_is_null(&batch.cols[c], r))
                    rc = arr_text_format(&batch.cols[c], r, out, &t->err);
            }
            if (rc == SLP_OK)
                rc = buf_append_u8(out, '\n', &t->err);
        }
        if (rc != SLP_OK)
            break;
    }
    arr_batch_fini(&batch);
    arr_stream_close(stream);
    return rc == SLP_DONE ? SLP_OK : rc;
}

#endif
