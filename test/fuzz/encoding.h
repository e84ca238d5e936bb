/*
 * One encoding as a fuzz target. Whoever includes this defines ENCODING, and may define
 * ENCODING_MODEL(body, rows, portion): a plainer decoder that the same bytes are given to.
 *
 *   column, index of the table in pages.h | 1: optional; 2: v2; 4: old packed levels; 8: strings go
 *   on from the page before | portion | level bytes of v2 | rows, u16 | dictionary bytes, u16 |
 *   dictionary page, PLAIN | body of the page, not compressed
 */
#ifndef SLP_TEST_FUZZ_ENCODING_H
#define SLP_TEST_FUZZ_ENCODING_H

#include "fuzz/pages.h"

#define HEAD_BYTES 8u

/* A page whose strings go on from itself. */
static void decode_twice(const struct pq_column *column, const struct pq_page_header *h,
                         struct slice body, struct pq_scratch *scratch)
{
    struct arr_col out;
    arr_col_init(&out, scratch->mem, column->type);
    slp_rc rc = SLP_OK;
    for (int i = 0; i < 2 && rc == SLP_OK; i++)
        rc = pq_page_decode(column, CX_NONE, h, body, NULL, scratch, &out, NULL);
    if (rc == SLP_OK)
        pages_check_column(&out);
    arr_col_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < HEAD_BYTES)
        return 0;
    struct slice body = slice_after(slice_of(data, n), HEAD_BYTES);
    struct pq_column column = pages_column(data[0]);
    column.optional = data[1] & 1;
    column.definition_max = data[1] & 1;
    int64_t portion = 1 + data[2];
    size_t dict_bytes = num_min_size(num_load_u16le(data + 6), body.len);
    struct slice dict_body = slice_first(body, dict_bytes);
    body = slice_after(body, dict_bytes);
    struct pq_page_header h = {
        .kind = data[1] & 2 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA,
        .compressed_bytes = (uint32_t)body.len,
        .uncompressed_bytes = (uint32_t)body.len,
        .value_count = num_load_u16le(data + 4),
        .encoding = ENCODING,
        .definition_encoding = data[1] & 4 ? PQ_BIT_PACKED : PQ_RLE,
        .repetition_encoding = PQ_RLE,
        .definition_bytes = column.optional ? data[3] : 0,
        .is_compressed = false,
    };
    struct pq_scratch scratch;
    struct pq_dictionary dict = {0};
    if (pq_scratch_init(&scratch, alloc_system(), true, NULL) != SLP_OK)
        return 0;
    scratch.carries_strings = data[1] & 8;
    pages_load_dictionary(&column, dict_body, &scratch, &dict);
    if (scratch.carries_strings)
        decode_twice(&column, &h, body, &scratch);
    else
        pages_compare(&column, CX_NONE, &h, body, dict.loaded ? &dict : NULL, &scratch, portion);
    if (dict.loaded)
        arr_col_fini(&dict.values);
    pq_scratch_fini(&scratch);
#ifdef ENCODING_MODEL
    ENCODING_MODEL(body, h.value_count, (size_t)portion);
#endif
    return 0;
}

#endif
