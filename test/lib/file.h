/*
 * A data file in memory for tests: a schema from JSON, rows that the test gave, the file's bytes.
 */
#ifndef SLP_TEST_FILE_H
#define SLP_TEST_FILE_H

#include "base/arena.h"
#include "datafile/datafile.h"
#include "key/order.h"
#include "lib/t.h"

struct t_file {
    struct alloc *mem; /* of the writer: the test's, which is of one thread */
    struct arena arena;
    struct schema schema;
    struct key_spec spec;
    struct arr_batch rows; /* all of them, in key order */
    struct key_vec keys;
    struct buf bytes;
    struct datafile_info info;
};

/* A file of no rows yet: the test appends to `rows`. */
static inline void t_file_init(struct t *t, struct t_file *f, const char *schema)
{
    *f = (struct t_file){.mem = &t->mem};
    arena_init(&f->arena, &t->mem, 1 << 24);
    assert_ok(t, schema_parse(slice_str(schema), &f->arena, &f->schema, &t->err));
    key_spec_init(&f->spec, &f->schema);
    assert_ok(t, arr_batch_init(&f->rows, &t->mem, &f->schema.columns, &t->err));
    key_vec_init(&f->keys, &t->mem, 1 << 28);
    buf_init(&f->bytes, &t->mem, 1 << 28);
}

static inline void t_file_fini(struct t_file *f)
{
    arr_batch_fini(&f->rows);
    key_vec_fini(&f->keys);
    buf_fini(&f->bytes);
    arena_fini(&f->arena);
}

/* Hand rows [first, end) to a writer as one group. */
static inline slp_rc t_file_take(struct t *t, const struct t_file *f, struct datafile_writer *w,
                                 int64_t first, int64_t end)
{
    struct arr_batch rows = {0};
    struct key_vec keys;
    key_vec_init(&keys, f->mem, 1 << 28);
    slp_rc rc = arr_batch_init(&rows, f->mem, &f->schema.columns, &t->err);
    if (rc == SLP_OK)
        rc = arr_batch_append_run(&rows, &f->rows, first, end - first, &t->err);
    if (rc == SLP_OK)
        rc = key_vec_append_run(&keys, &f->keys, first, end - first, &t->err);
    if (rc == SLP_OK)
        return datafile_writer_take(w, &rows, &keys, &t->err);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    return rc;
}

/* Write all rows in groups of `group_rows`; replaces bytes and info. */
static inline slp_rc t_file_write(struct t *t, struct t_file *f,
                                  const struct datafile_write_options *o, int64_t group_rows)
{
    struct buf_sink sink;
    struct datafile_writer *w = NULL;
    buf_clear(&f->bytes);
    sink_buf_init(&sink, "test", &f->bytes);
    TRY(datafile_writer_new(f->mem, &sink.base, &f->schema, &f->spec, o, &w, &t->err));
    slp_rc rc = SLP_OK;
    for (int64_t at = 0; at < f->rows.rows && rc == SLP_OK; at += group_rows) {
        int64_t end = at + group_rows < f->rows.rows ? at + group_rows : f->rows.rows;
        rc = t_file_take(t, f, w, at, end);
    }
    if (rc == SLP_OK)
        rc = datafile_writer_finish(w, &f->arena, &f->info, &t->err);
    datafile_writer_free(w);
    return rc;
}

/* Encode the keys of the rows, which the test appended in key order. */
static inline void t_file_keys(struct t *t, struct t_file *f)
{
    key_vec_clear(&f->keys);
    assert_ok(t, key_encode_rows(&f->spec, &f->rows, 0, f->rows.rows, &f->keys, &t->err));
    assert_int_equal(key_first_fall(&f->keys, 0), f->rows.rows);
}

/* Open it through a source that counts and fails. */
static inline slp_rc t_file_open(struct t *t, const struct t_file *f, struct datafile **out)
{
    return datafile_open(&t->mem, t_source(t, f->bytes.ptr, f->bytes.len), &f->info, &f->schema,
                         &f->spec, out, &t->err);
}

static inline bool t_same_bytes(const struct buf *a, const struct buf *b)
{
    return slice_equal(buf_slice(a), buf_slice(b));
}

static inline bool t_same_column(const struct arr_col *a, const struct arr_col *b)
{
    return a->rows == b->rows && a->null_count == b->null_count &&
           t_same_bytes(&a->validity, &b->validity) && t_same_bytes(&a->data, &b->data) &&
           t_same_bytes(&a->offsets, &b->offsets);
}

#endif
