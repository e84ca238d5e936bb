/*
 * What the fuzz targets of the text readers share: a text is read alike whatever the window, and what
 * was read prints as a text that prints the same once it is read again. Whoever includes this defines
 * ROWS_FUZZ_FORMAT before it, and rows_fuzz_open and rows_fuzz_schema.
 */
#ifndef SLP_TEST_FUZZ_ROWS_TEXT_H
#define SLP_TEST_FUZZ_ROWS_TEXT_H

#include "rows/rows_priv.h"
#include <stdlib.h>

static slp_rc rows_fuzz_open(struct rows_text_in *in, const struct arr_schema *want,
                             struct rows_text_reader **out, struct slp_err *err);
static slp_rc rows_fuzz_schema(struct rows_text_in *in, struct arena *arena,
                               struct arr_schema *out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Columns that an input may name by one letter. */
static struct arr_field fields[] = {
    {.name = "a", .type = {.kind = ARR_INT64}, .nullable = true},
    {.name = "b", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "c", .type = {.kind = ARR_DOUBLE}, .nullable = true},
    {.name = "d", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .nullable = true},
    {.name = "e", .type = {.kind = ARR_BINARY}, .nullable = true},
    {.name = "f", .type = {.kind = ARR_BOOL}, .nullable = true},
    {.name = "g", .type = {.kind = ARR_DECIMAL128, .precision = 20, .scale = 3}, .nullable = true},
};

static const struct arr_schema schema = {.fields = fields,
                                         .count = sizeof fields / sizeof fields[0]};

/* All rows of a text, read `chunk` bytes at a time. */
static slp_rc read_all(struct slice text, size_t chunk, struct arr_batch *out, struct slp_err *err)
{
    struct rows_text_in in;
    struct rows_text_reader *r = NULL;
    struct rows_limits limits = {.rows = INT64_MAX, .bytes = SIZE_MAX};
    rows_text_in_memory(&in, alloc_system(), "fuzz", text, chunk);
    slp_rc rc = rows_fuzz_open(&in, &schema, &r, err);
    if (rc == SLP_OK)
        rc = arr_batch_init(out, alloc_system(), &schema, err);
    if (rc == SLP_OK)
        rc = r->ops->fill(r, out, limits, err);
    if (r)
        r->ops->close(r);
    rows_text_in_close(&in);
    return rc;
}

static void print(const struct arr_batch *b, struct buf *out)
{
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = ROWS_FUZZ_FORMAT};
    sink_buf_init(&sink, "fuzz", out);
    if (rows_output_new(alloc_system(), &sink.base, &schema, &options, &o, NULL) != SLP_OK ||
        rows_output_batch(o, b, NULL) != SLP_OK || rows_output_finish(o, NULL) != SLP_OK)
        abort();
    rows_output_free(o);
}

/* What was read prints as a text that prints the same once it is read again. */
static void check_again(const struct arr_batch *b)
{
    struct buf first;
    struct buf second;
    struct arr_batch again = {0};
    struct slp_err err = {0};
    buf_init(&first, alloc_system(), 1 << 26);
    buf_init(&second, alloc_system(), 1 << 26);
    print(b, &first);
    if (read_all(buf_slice(&first), 100, &again, &err) != SLP_OK)
        abort();
    print(&again, &second);
    if (!slice_equal(buf_slice(&first), buf_slice(&second)))
        abort();
    arr_batch_fini(&again);
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice text = slice_of(data, n);
    struct arr_batch whole = {0};
    struct arr_batch pieces = {0};
    struct slp_err a = {0};
    struct slp_err b = {0};
    slp_rc rc = read_all(text, 1 << 16, &whole, &a);
    /* The size of the window shows nowhere. */
    if (read_all(text, 1 + n % 13, &pieces, &b) != rc || strcmp(a.text, b.text) != 0)
        abort();
    if (rc == SLP_OK)
        check_again(&whole);
    arr_batch_fini(&whole);
    arr_batch_fini(&pieces);

    struct rows_text_in in;
    struct arena arena;
    struct arr_schema inferred = {0};
    arena_init(&arena, alloc_system(), 1 << 26);
    rows_text_in_memory(&in, alloc_system(), "fuzz", text, 100);
    if (rows_fuzz_schema(&in, &arena, &inferred) == SLP_OK && inferred.count == 0)
        abort();
    rows_text_in_close(&in);
    arena_fini(&arena);
    return 0;
}

#endif
