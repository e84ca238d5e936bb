/* rooms: rows */
#include <stdlib.h>

#include "rows/rows_priv.h"

/*
 * Arrow IPC, the stream or the file, handed over a few bytes at a time. What is read keeps what a
 * column promises. Memory is capped: what a small file may claim must not need more.
 */

#define BATCH_ROWS  1000
#define BATCHES_MAX 64
#define CHUNK_BYTES 61u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Offsets do not fall, and end where their items do; members have the rows of their struct. */
static void check_col(const struct arr_col *c, int64_t rows)
{
    bool is_list = arr_type_is_list(c->type);
    if (c->rows != rows)
        abort();
    for (int64_t row = 0; (is_list || arr_type_is_variable(c->type)) && row < c->rows; row++)
        if (arr_col_offsets(c)[row] > arr_col_offsets(c)[row + 1])
            abort();
    if (is_list)
        rows = c->rows ? arr_col_offsets(c)[c->rows] : 0;
    for (size_t i = 0; i < c->child_count; i++)
        check_col(&c->children[i], rows);
}

static slp_rc read_batches(struct rows_arrow *a)
{
    struct rows_limits limits = {.rows = BATCH_ROWS, .bytes = (size_t)1 << 20};
    slp_rc rc = SLP_OK;
    bool is_end = false;
    for (int i = 0; rc == SLP_OK && !is_end && i < BATCHES_MAX; i++) {
        struct arr_batch b = {0};
        rc = arr_batch_init(&b, alloc_system(), rows_arrow_schema(a), NULL);
        if (rc == SLP_OK)
            rc = rows_arrow_reader(a)->ops->fill(rows_arrow_reader(a), &b, limits, NULL);
        for (size_t c = 0; rc == SLP_OK && c < b.schema->count; c++)
            check_col(&b.cols[c], b.rows);
        is_end = b.rows == 0;
        arr_batch_fini(&b);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct rows_text_in in;
    struct rows_arrow *a = NULL;
    rows_text_in_memory(&in, alloc_system(), "fuzz", slice_of(data, n), CHUNK_BYTES);
    slp_rc rc = rows_arrow_open(alloc_system(), &in, &a, NULL);
    if (rc == SLP_OK)
        rc = rows_arrow_want(a, NULL, NULL);
    if (rc == SLP_OK)
        rc = read_batches(a);
    (void)rc;
    if (a)
        rows_arrow_reader(a)->ops->close(rows_arrow_reader(a));
    rows_text_in_close(&in);
    return 0;
}
