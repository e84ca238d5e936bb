/* rooms: rows */
/*
 * What is printed is read back to the same rows: batches of every flat type, with every pattern of
 * values and nulls, through csv, tsv and ndjson, and through Parquet.
 */
#include <stdio.h>

#include "prop/parquet_rows.h"
#include "rows/rows_priv.h"

#define ROWS 300

struct table {
    struct arr_field fields[ROWS_TYPE_COUNT];
    char names[ROWS_TYPE_COUNT][32];
    struct arr_schema schema;
};

static void make_table(struct table *tb)
{
    for (size_t i = 0; i < ROWS_TYPE_COUNT; i++) {
        (void)snprintf(tb->names[i], sizeof tb->names[i], "%zu, \"x\"\t\n\xc3\xa9", i);
        tb->fields[i] =
            (struct arr_field){.name = tb->names[i], .type = rows_type(i), .nullable = true};
    }
    tb->schema = (struct arr_schema){.fields = tb->fields, .count = ROWS_TYPE_COUNT};
}

static void print(struct t *t, enum rows_format format, const struct arr_batch *b, struct buf *out)
{
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = format};
    sink_buf_init(&sink, "memory", out);
    assert_ok(t, rows_output_new(&t->mem, &sink.base, b->schema, &options, &o, &t->err));
    assert_ok(t, rows_output_batch(o, b, &t->err));
    assert_ok(t, rows_output_finish(o, &t->err));
    rows_output_free(o);
}

/* Floats: every NaN is printed as NaN, so bits are compared of those that are none. */
static void normalise(struct arr_col *c)
{
    for (int64_t i = 0; i < c->rows; i++) {
        if (arr_col_is_null(c, i) || arr_col_f64(c, i) == arr_col_f64(c, i))
            continue;
        if (c->type.kind == ARR_DOUBLE)
            memcpy(c->data.ptr + (size_t)i * 8, &(double){(double)NAN}, 8);
        else
            memcpy(c->data.ptr + (size_t)i * 4, &(float){NAN}, 4);
    }
}

static void assert_same_buf(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len)
        assert_memory_equal(a->ptr, b->ptr, a->len);
}

static void assert_same(struct arr_batch *a, struct arr_batch *b)
{
    assert_int_equal(a->rows, b->rows);
    for (size_t i = 0; i < a->schema->count; i++) {
        enum arr_kind kind = a->cols[i].type.kind;
        if (kind == ARR_FLOAT || kind == ARR_DOUBLE) {
            normalise(&a->cols[i]);
            normalise(&b->cols[i]);
        }
        assert_int_equal(a->cols[i].null_count, b->cols[i].null_count);
        assert_same_buf(&a->cols[i].validity, &b->cols[i].validity);
        assert_same_buf(&a->cols[i].data, &b->cols[i].data);
        assert_same_buf(&a->cols[i].offsets, &b->cols[i].offsets);
    }
}

static void read_back(struct t *t, enum rows_format format, struct slice text, size_t chunk,
                      struct arr_batch *out)
{
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct rows_limits limits = {.rows = INT64_MAX, .bytes = SIZE_MAX};
    rows_text_in_memory(&in, &t->mem, "memory", text, chunk);
    if (format == ROWS_NDJSON)
        assert_ok(t, rows_ndjson_open(&t->mem, &in, out->schema, &r, &t->err));
    else
        assert_ok(t, rows_csv_open(&t->mem, &in, format == ROWS_TSV ? '\t' : ',', out->schema, &r,
                                   &t->err));
    assert_ok(t, r->ops->fill(r, out, limits, &t->err));
    r->ops->close(r);
    rows_text_in_close(&in);
}

static void round_trip(struct t *t, enum rows_format format)
{
    static struct table tb;
    make_table(&tb);
    for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++) {
        for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++) {
            struct arr_batch b = {0};
            struct arr_batch again = {0};
            struct buf text;
            buf_init(&text, &t->mem, 1 << 28);
            assert_ok(t, arr_batch_init(&b, &t->mem, &tb.schema, &t->err));
            assert_ok(t, arr_batch_init(&again, &t->mem, &tb.schema, &t->err));
            for (size_t i = 0; i < tb.schema.count; i++)
                rows_fill(t, &b.cols[i], ROWS, t_random(t), (enum rows_values)v,
                          (enum rows_nulls)n);
            b.rows = ROWS;
            print(t, format, &b, &text);
            read_back(t, format, buf_slice(&text), 1 + (size_t)t_below(t, 5000), &again);
            assert_same(&b, &again);
            arr_batch_fini(&b);
            arr_batch_fini(&again);
            buf_fini(&text);
        }
    }
}

static void csv_is_read_back_to_the_same_rows(void **state)
{
    round_trip(*state, ROWS_CSV);
}

static void tsv_is_read_back_to_the_same_rows(void **state)
{
    round_trip(*state, ROWS_TSV);
}

static void ndjson_is_read_back_to_the_same_rows(void **state)
{
    round_trip(*state, ROWS_NDJSON);
}

/* Texts made of what CSV and JSON treat specially, one column and two. */
static void nasty_texts_are_read_back(void **state)
{
    static const char pieces[] = "\"\"\n\r,\t\\ax \0{}[]|:\xef\xbb\xbf";
    static const enum rows_format formats[] = {ROWS_CSV, ROWS_TSV, ROWS_NDJSON};
    struct t *t = *state;
    struct arr_field fields[] = {{.name = "\xef\xbb\xbf"
                                          "a",
                                  .type = {.kind = ARR_UTF8},
                                  .nullable = true},
                                 {.name = "b\"", .type = {.kind = ARR_UTF8}, .nullable = true}};
    for (size_t round = 0; round < 600; round++) {
        struct arr_schema schema = {.fields = fields, .count = 1 + round % 2};
        struct arr_batch b = {0};
        struct arr_batch again = {0};
        struct buf text;
        buf_init(&text, &t->mem, 1 << 20);
        assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
        assert_ok(t, arr_batch_init(&again, &t->mem, &schema, &t->err));
        b.rows = (int64_t)t_below(t, 6);
        for (size_t i = 0; i < schema.count; i++) {
            for (int64_t row = 0; row < b.rows; row++) {
                char value[12];
                size_t len = (size_t)t_below(t, 5);
                for (size_t k = 0; k < len; k++)
                    value[k] = pieces[t_below(t, sizeof pieces - 4)];
                if (t_below(t, 6) == 0) {
                    memcpy(value, "\xef\xbb\xbf", 3);
                    len = 3;
                }
                if (t_below(t, 4) == 0)
                    assert_ok(t, arr_col_append_null(&b.cols[i], &t->err));
                else
                    assert_ok(t, arr_col_append(&b.cols[i], slice_of(value, len), &t->err));
            }
        }
        enum rows_format format = formats[round % 3];
        print(t, format, &b, &text);
        read_back(t, format, buf_slice(&text), 1 + (size_t)t_below(t, 40), &again);
        assert_same(&b, &again);
        arr_batch_fini(&b);
        arr_batch_fini(&again);
        buf_fini(&text);
    }
}

T_MAIN(T_TEST(csv_is_read_back_to_the_same_rows), T_TEST(tsv_is_read_back_to_the_same_rows),
       T_TEST(ndjson_is_read_back_to_the_same_rows), T_TEST(nasty_texts_are_read_back))
