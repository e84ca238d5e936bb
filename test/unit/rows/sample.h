/*
 * Schemas and rows as text, for tests of rows: "a int64; b utf8!" is two columns of which the
 * second may not be null; rows are printed with | between values and ~ for null.
 */
#ifndef SLP_TEST_ROWS_SAMPLE_H
#define SLP_TEST_ROWS_SAMPLE_H

#include <stdio.h>

#include "arrow/text.h"
#include "lib/t.h"
#include "rows/rows_priv.h"

#define SAMPLE_COLUMNS_MAX 64

struct sample {
    struct arr_field fields[SAMPLE_COLUMNS_MAX];
    char names[SAMPLE_COLUMNS_MAX][64];
    struct arr_schema schema;
};

static inline const struct arr_schema *sample_schema(struct sample *s, const char *text)
{
    *s = (struct sample){0};
    s->schema.fields = s->fields;
    while (*text) {
        size_t i = s->schema.count++;
        size_t len = strcspn(text, ";");
        size_t name = strcspn(text, " ");
        size_t type = len - name - 1;
        assert_true(i < SAMPLE_COLUMNS_MAX && name < len && name < sizeof s->names[i]);
        s->fields[i].nullable = text[len - 1] != '!';
        type -= !s->fields[i].nullable;
        memcpy(s->names[i], text, name);
        s->fields[i].name = s->names[i];
        assert_int_equal(arr_type_parse(slice_of(text + name + 1, type), &s->fields[i].type, NULL),
                         SLP_OK);
        text += len;
        text += strspn(text, "; ");
    }
    return &s->schema;
}

/* Append the rows of a batch to `out`. */
static inline void sample_print(const struct arr_batch *b, struct buf *out)
{
    for (int64_t row = 0; row < b->rows; row++) {
        for (size_t i = 0; i < b->schema->count; i++) {
            assert_int_equal(b->cols[i].rows, b->rows);
            if (i)
                assert_int_equal(buf_append_u8(out, '|', NULL), SLP_OK);
            if (arr_col_is_null(&b->cols[i], row))
                assert_int_equal(buf_append_u8(out, '~', NULL), SLP_OK);
            else
                assert_int_equal(arr_text_format(&b->cols[i], row, out, NULL), SLP_OK);
        }
        assert_int_equal(buf_append_u8(out, '\n', NULL), SLP_OK);
    }
}

static inline slp_rc sample_open_text(struct t *t, enum rows_format format, struct rows_text_in *in,
                                      const struct arr_schema *want, struct rows_text_reader **out)
{
    if (format == ROWS_NDJSON)
        return rows_ndjson_open(&t->mem, in, want, out, &t->err);
    return rows_csv_open(&t->mem, in, format == ROWS_TSV ? '\t' : ',', want, out, &t->err);
}

/* Read `text` in batches of `batch_rows` through a window of `chunk` bytes; rows go to `out`. */
static inline slp_rc sample_read(struct t *t, enum rows_format format, struct slice text,
                                 const struct arr_schema *want, size_t chunk, int64_t batch_rows,
                                 struct buf *out)
{
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct arr_batch b = {0};
    struct rows_limits limits = {.rows = batch_rows, .bytes = SIZE_MAX};
    rows_text_in_memory(&in, &t->mem, "test", text, chunk);
    slp_rc rc = sample_open_text(t, format, &in, want, &r);
    if (rc == SLP_OK)
        rc = arr_batch_init(&b, &t->mem, want, &t->err);
    while (rc == SLP_OK) {
        arr_batch_clear(&b);
        rc = r->ops->fill(r, &b, limits, &t->err);
        if (rc != SLP_OK || b.rows == 0)
            break;
        sample_print(&b, out);
    }
    arr_batch_fini(&b);
    if (r)
        r->ops->close(r);
    rows_text_in_close(&in);
    return rc;
}

/* `text` gives just these rows, through windows of many sizes. */
static inline void sample_expect(struct t *t, enum rows_format format, const char *schema,
                                 struct slice text, const char *rows)
{
    static const size_t chunks[] = {1, 2, 3, 7, 16, 4096};
    struct sample s;
    const struct arr_schema *want = sample_schema(&s, schema);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 20);
        assert_ok(t, sample_read(t, format, text, want, chunks[i], 1 + (int64_t)i, &out));
        assert_int_equal(buf_append_u8(&out, 0, NULL), SLP_OK);
        assert_string_equal((const char *)out.ptr, rows);
        buf_fini(&out);
    }
}

/* `text` is refused with `rc` and a message that contains `part`. */
static inline void sample_refuse(struct t *t, enum rows_format format, const char *schema,
                                 struct slice text, slp_rc rc, const char *part)
{
    static const size_t chunks[] = {1, 5, 4096};
    struct sample s;
    const struct arr_schema *want = sample_schema(&s, schema);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 20);
        assert_rc(t, sample_read(t, format, text, want, chunks[i], 100, &out), rc);
        assert_err_has(t, part);
        buf_fini(&out);
    }
}

#endif
