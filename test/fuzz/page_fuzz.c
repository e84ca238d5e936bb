/* rooms: parquet */
#include "fuzz/pages.h"

/*
 * A column, a dictionary page and a data page:
 *
 *   column, index of the table below | 1: optional; 2: nested, 3 bits of greatest definition and 2 of
 *   repetition level above | encoding | codec | rows, u16 | dictionary bytes,
 *   u16 | 1: v2 | level bytes | dictionary page, PLAIN, not compressed | data page
 *
 * encoding.h has each encoding by itself; here they meet codecs and nested levels.
 */

#define HEAD_BYTES 10u
#define PORTION    100

/* Levels of a nested column in portions, and the slots that belong to them. */
static void decode_nested(const struct pq_column *column, enum cx_kind codec,
                          const struct pq_page_header *h, struct slice body,
                          const struct pq_dictionary *dict, struct pq_scratch *scratch)
{
    struct arr_col out;
    struct pq_cursor c;
    int64_t slots = 0;
    uint8_t definitions[PORTION];
    uint8_t repetitions[PORTION];
    arr_col_init(&out, scratch->mem, column->type);
    slp_rc rc = pq_cursor_open(&c, column, codec, h, body, dict, scratch, NULL);
    while (rc == SLP_OK && c.rows_left) {
        size_t n = (size_t)num_min_i64(PORTION, c.rows_left);
        rc = pq_cursor_levels(&c, n, definitions, repetitions, NULL);
        for (size_t i = 0; rc == SLP_OK && i < n; i++) {
            slots += definitions[i] >= column->item_definitions[column->repetition_max];
            if (definitions[i] > column->definition_max || repetitions[i] > column->repetition_max)
                abort();
        }
        if (rc == SLP_OK)
            rc = pq_cursor_slots(&c, definitions, n, &out, NULL);
        if (rc == SLP_OK && out.rows != slots)
            abort();
    }
    arr_col_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < HEAD_BYTES)
        return 0;
    struct slice body = slice_after(slice_of(data, n), HEAD_BYTES);
    struct pq_column column = pages_column(data[0]);
    static const uint8_t items[] = {0, 1, 2, 3};
    column.optional = data[1] & 1;
    if (data[1] & 2) {
        column.is_nested = true;
        column.definition_max = data[1] >> 2 & 7;
        column.repetition_max = (uint8_t)num_min_size(data[1] >> 5 & 3, column.definition_max);
        column.item_definitions = items;
    }
    size_t dict_bytes = num_min_size(num_load_u16le(data + 6), body.len);
    struct slice dict_body = slice_first(body, dict_bytes);
    body = slice_after(body, dict_bytes);
    enum cx_kind codec = (enum cx_kind)(data[3] & 7);
    struct pq_page_header h = {
        .kind = data[8] & 1 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA,
        .compressed_bytes = (uint32_t)body.len,
        .uncompressed_bytes = codec == CX_NONE ? (uint32_t)body.len : 4 * num_load_u16le(data + 4),
        .value_count = num_load_u16le(data + 4),
        .encoding = data[2] & 15,
        .definition_encoding = data[8] & 2 ? PQ_BIT_PACKED : PQ_RLE,
        .repetition_encoding = data[8] & 8 ? PQ_BIT_PACKED : PQ_RLE,
        .definition_bytes = data[9] & 63u,
        .repetition_bytes = data[9] >> 6,
        .is_compressed = !(data[8] & 4),
    };
    struct pq_scratch scratch;
    struct pq_dictionary dict = {0};
    if (pq_scratch_init(&scratch, alloc_system(), true, NULL) != SLP_OK)
        return 0;
    pages_load_dictionary(&column, dict_body, &scratch, &dict);
    if (column.is_nested)
        decode_nested(&column, codec, &h, body, dict.loaded ? &dict : NULL, &scratch);
    else
        pages_compare(&column, codec, &h, body, dict.loaded ? &dict : NULL, &scratch, PORTION);
    if (dict.loaded)
        arr_col_fini(&dict.values);
    pq_scratch_fini(&scratch);
    return 0;
}
