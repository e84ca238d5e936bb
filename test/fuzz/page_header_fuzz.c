/* rooms: parquet */
#include "fuzz/pages.h"

/*
 * A column, a codec, then a chunk as it stands in a file: headers and bodies of pages, a dictionary
 * among them. A header that ends too early asks for more bytes and for nothing else: with them, it
 * says the same.
 */

#define HEAD_BYTES 3u
#define PAGES_MAX  16
#define ROWS_MAX   100000

/* A header cut anywhere before its end is short and not wrong. */
static void check_cuts(struct slice in, size_t header_bytes)
{
    for (size_t cut = header_bytes < 40 ? 0 : header_bytes - 40; cut < header_bytes; cut++) {
        struct pq_page_header h = {0};
        size_t bytes = 0;
        if (pq_page_header_parse(slice_first(in, cut), &h, &bytes, NULL) != SLP_LIMIT)
            abort();
    }
}

static slp_rc next_page(struct slice *in, const struct pq_column *column, enum cx_kind codec,
                        struct pq_scratch *scratch, struct pq_dictionary *dict)
{
    struct pq_page_header h = {0};
    size_t header_bytes = 0;
    slp_rc rc = pq_page_header_parse(*in, &h, &header_bytes, NULL);
    if (rc != SLP_OK)
        return rc;
    if (header_bytes > in->len || header_bytes == 0)
        abort();
    check_cuts(*in, header_bytes);
    *in = slice_after(*in, header_bytes);
    if (h.compressed_bytes > in->len)
        return SLP_CORRUPT;
    struct slice body = slice_first(*in, h.compressed_bytes);
    *in = slice_after(*in, h.compressed_bytes);
    if (h.kind == PQ_PAGE_DICTIONARY && !dict->loaded)
        return pq_dictionary_decode(column, codec, &h, body, scratch, dict, NULL);
    if ((h.kind == PQ_PAGE_DATA || h.kind == PQ_PAGE_DATA_V2) && h.value_count < ROWS_MAX)
        pages_compare(column, codec, &h, body, dict->loaded ? dict : NULL, scratch, 100);
    return SLP_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pq_scratch scratch;
    struct pq_dictionary dict = {0};
    if (n < HEAD_BYTES)
        return 0;
    struct slice in = slice_after(slice_of(data, n), HEAD_BYTES);
    struct pq_column column = pages_column(data[0]);
    column.optional = data[1] & 1;
    column.definition_max = data[1] & 1;
    if (pq_scratch_init(&scratch, alloc_system(), data[1] & 2, NULL) != SLP_OK)
        return 0;
    for (int i = 0; i < PAGES_MAX && in.len; i++)
        if (next_page(&in, &column, (enum cx_kind)(data[2] & 7), &scratch, &dict) != SLP_OK)
            break;
    if (dict.loaded)
        arr_col_fini(&dict.values);
    pq_scratch_fini(&scratch);
    return 0;
}
