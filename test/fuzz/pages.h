/*
 * What the fuzz targets of pages share: columns, dictionaries, and the claim that a page decoded
 * whole and in portions either fails or gives the same rows. (With two things wrong in a page, which
 * one is met first depends on the portion.)
 */
#ifndef SLP_TEST_FUZZ_PAGES_H
#define SLP_TEST_FUZZ_PAGES_H

#include <stdlib.h>

#include "base/num.h"
#include "parquet/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct pq_column pages_columns[] = {
    {.physical = PQ_INT32, .type = {.kind = ARR_INT32}},
    {.physical = PQ_INT32, .type = {.kind = ARR_INT8}},
    {.physical = PQ_INT64, .type = {.kind = ARR_INT64}},
    {.physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_UTF8}},
    {.physical = PQ_BOOLEAN, .type = {.kind = ARR_BOOL}},
    {.physical = PQ_DOUBLE, .type = {.kind = ARR_DOUBLE}},
    {.physical = PQ_INT96, .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO}},
    {.physical = PQ_FIXED_LEN_BYTE_ARRAY,
     .type_length = 3,
     .type = {.kind = ARR_FIXED_BINARY, .width = 3}},
    {.physical = PQ_FIXED_LEN_BYTE_ARRAY,
     .type_length = 5,
     .type = {.kind = ARR_DECIMAL128, .precision = 10}},
    {.physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_DECIMAL128, .precision = 38}},
    {.physical = PQ_INT32, .type = {.kind = ARR_NULL}},
    {.physical = PQ_FLOAT, .type = {.kind = ARR_FLOAT}},
    {.physical = PQ_INT64, .type = {.kind = ARR_DECIMAL128, .precision = 18}},
    {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 2, .type = {.kind = ARR_FLOAT16}},
    {.physical = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 12, .type = {.kind = ARR_INTERVAL}},
    {.physical = PQ_FIXED_LEN_BYTE_ARRAY,
     .type_length = 30,
     .type = {.kind = ARR_DECIMAL256, .precision = 70}},
    {.physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_DECIMAL256, .precision = 76}},
};

static inline struct pq_column pages_column(uint8_t which)
{
    return pages_columns[which % (sizeof pages_columns / sizeof *pages_columns)];
}

/* A dictionary page, PLAIN and not compressed, with as many values as it turns out to hold. */
static inline void pages_load_dictionary(const struct pq_column *column, struct slice body,
                                         struct pq_scratch *scratch, struct pq_dictionary *dict)
{
    struct pq_page_header h = {.kind = PQ_PAGE_DICTIONARY,
                               .compressed_bytes = (uint32_t)body.len,
                               .uncompressed_bytes = (uint32_t)body.len,
                               .is_compressed = true};
    slp_rc rc = SLP_CORRUPT;
    for (h.value_count = 64; h.value_count && rc != SLP_OK; h.value_count /= 2)
        rc = pq_dictionary_decode(column, CX_NONE, &h, body, scratch, dict, NULL);
}

/* Offsets do not fall and end where the bytes do: whoever reads a column follows them. */
static inline void pages_check_column(const struct arr_col *c)
{
    if (!arr_type_is_variable(c->type))
        return;
    for (int64_t row = 0; row < c->rows; row++)
        if (arr_col_offsets(c)[row] > arr_col_offsets(c)[row + 1])
            abort();
    if (c->rows && (size_t)arr_col_offsets(c)[c->rows] > c->data.len)
        abort();
}

/* Decode a page of a flat column whole, and `portion` rows at a time. */
static inline void pages_compare(const struct pq_column *column, enum cx_kind codec,
                                 const struct pq_page_header *h, struct slice body,
                                 const struct pq_dictionary *dict, struct pq_scratch *scratch,
                                 int64_t portion)
{
    struct arr_col whole;
    struct arr_col parts;
    struct pq_cursor c;
    arr_col_init(&whole, scratch->mem, column->type);
    arr_col_init(&parts, scratch->mem, column->type);
    slp_rc rc = pq_page_decode(column, codec, h, body, dict, scratch, &whole, NULL);
    slp_rc again = pq_cursor_open(&c, column, codec, h, body, dict, scratch, NULL);
    while (again == SLP_OK && c.rows_left)
        again = pq_cursor_decode(&c, num_min_i64(portion, c.rows_left), &parts, NULL);
    if ((rc == SLP_OK) != (again == SLP_OK))
        abort();
    if (rc == SLP_OK && (whole.rows != h->value_count || whole.rows != parts.rows ||
                         whole.null_count != parts.null_count ||
                         !slice_equal(buf_slice(&whole.data), buf_slice(&parts.data)) ||
                         !slice_equal(buf_slice(&whole.offsets), buf_slice(&parts.offsets)) ||
                         !slice_equal(buf_slice(&whole.validity), buf_slice(&parts.validity))))
        abort();
    if (rc == SLP_OK)
        pages_check_column(&whole);
    arr_col_fini(&whole);
    arr_col_fini(&parts);
}

#endif
