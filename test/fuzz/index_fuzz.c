/* rooms: parquet */
#include "parquet/index_read.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/num.h"
#include "fuzz/pages.h"

/*
 * Page indexes of a chunk, and what they prune by.
 *
 *   column, index of the table in pages.h | rows, u16 | bytes of the column index, u16 | column
 *   index | offset index
 */

#define HEAD_BYTES  5u
#define ARENA_BYTES ((size_t)16 << 20)
#define FILE_BYTES  100000u

static void check_offsets(const struct pq_offset_index *x, int64_t rows)
{
    int64_t next = 0;
    for (size_t i = 0; i < x->count; i++) {
        const struct pq_page_location *p = &x->pages[i];
        if (p->first_row != next || p->rows < 0 || p->offset > FILE_BYTES ||
            p->bytes > FILE_BYTES - p->offset)
            abort();
        next += p->rows;
    }
    if (x->count && next != rows)
        abort();
}

/* A page of a known number of nulls and nothing else holds no value; any other may hold some. */
static void check_bounds(const struct pq_column *column, const struct pq_column_index *x)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct pq_page_bounds *p = &x->pages[i];
        const struct pq_value_range all = {{0}, {0}};
        const struct pq_value_range own = {p->min, p->max};
        bool is_empty = p->is_null_page && column->optional && p->null_count >= 0;
        if (pq_page_may_hold(column, x, i, &all) == is_empty)
            abort();
        (void)pq_page_may_hold(column, x, i, &own);
        (void)pq_bounds_may_hold(column, p->min, p->max, &own);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct pq_offset_index offsets = {0};
    struct pq_column_index bounds = {0};
    if (n < HEAD_BYTES)
        return 0;
    struct slice rest = slice_after(slice_of(data, n), HEAD_BYTES);
    struct pq_column column = pages_column(data[0]);
    column.optional = data[0] & 128;
    int64_t rows = num_load_u16le(data + 1);
    size_t bytes = num_min_size(num_load_u16le(data + 3), rest.len);
    arena_init(&a, alloc_system(), ARENA_BYTES);
    if (pq_column_index_parse(slice_first(rest, bytes), &a, &bounds, NULL) == SLP_OK)
        check_bounds(&column, &bounds);
    if (pq_offset_index_parse(slice_after(rest, bytes), FILE_BYTES, rows, &a, &offsets, NULL) ==
        SLP_OK)
        check_offsets(&offsets, rows);
    arena_fini(&a);
    return 0;
}
