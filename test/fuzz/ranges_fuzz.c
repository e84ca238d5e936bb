/* rooms: parquet */
#include <stdlib.h>

#include "base/num.h"
#include "parquet/reader.h"

/*
 * Some rows of a file, found through its page indexes where it has them, and rows that a filter
 * chooses. A damaged index may hide rows, and nothing worse: batches are sound, and no more rows come
 * than were asked for.
 *
 *   first row | rows | gap | rows | every how many are chosen; 0: no filter; 128: keep dictionaries |
 *   the file
 */

#define HEAD_BYTES  5u
#define BATCH_ROWS  100
#define BATCHES_MAX 64
#define ROWS_MAX    ((int64_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_col(const struct arr_col *c, int64_t rows)
{
    bool is_list = arr_type_is_list(c->type);
    if (c->rows != rows)
        abort();
    for (int64_t row = 0;
         (is_list || arr_type_is_variable(c->type)) && !c->dictionary && row < c->rows; row++)
        if (arr_col_offsets(c)[row] > arr_col_offsets(c)[row + 1])
            abort();
    if (is_list)
        rows = c->rows ? arr_col_offsets(c)[c->rows] : 0;
    for (size_t i = 0; i < c->child_count; i++)
        check_col(&c->children[i], rows);
}

struct chooser {
    unsigned every;
    uint32_t picked[BATCH_ROWS];
};

static slp_rc choose(void *context, const struct arr_batch *batch, const uint32_t **picked,
                     int64_t *count, struct slp_err *err)
{
    struct chooser *c = context;
    (void)err;
    if (batch->rows > BATCH_ROWS)
        abort();
    *count = 0;
    for (int64_t row = 0; row < batch->rows; row += c->every)
        c->picked[(*count)++] = (uint32_t)row;
    *picked = c->picked;
    return SLP_OK;
}

static void read_rows(struct arr_stream *s, int64_t most)
{
    struct arr_batch b = {0};
    int64_t rows = 0;
    for (int i = 0; i < BATCHES_MAX && arr_stream_next(s, &b, NULL) == SLP_OK; i++) {
        rows += b.rows;
        if (b.rows > BATCH_ROWS || rows > most)
            abort();
        for (size_t c = 0; c < b.schema->count; c++)
            check_col(&b.cols[c], b.rows);
    }
    arr_batch_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct memory_source src;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    if (n < HEAD_BYTES)
        return 0;
    source_memory_init(&src, "fuzz", slice_after(slice_of(data, n), HEAD_BYTES));
    if (pq_file_open(&src.base, alloc_system(), &f, NULL) != SLP_OK)
        return 0;
    int64_t rows = num_min_i64(pq_file_meta(f)->rows, ROWS_MAX);
    struct pq_row_range ranges[2];
    ranges[0].lo = num_min_i64(data[0], rows);
    ranges[0].hi = num_min_i64(ranges[0].lo + 1 + data[1], rows);
    ranges[1].lo = num_min_i64(ranges[0].hi + 1 + data[2], rows);
    ranges[1].hi = num_min_i64(ranges[1].lo + 1 + data[3], rows);
    size_t count = (size_t)(ranges[0].lo < ranges[0].hi) + (size_t)(ranges[1].lo < ranges[1].hi);
    int64_t most = ranges[0].hi - ranges[0].lo + ranges[1].hi - ranges[1].lo;
    static const size_t first = 0;
    struct chooser chooser = {.every = data[4] & 127u};
    const struct pq_filter filter = {
        .columns = &first, .column_count = 1, .choose = choose, .context = &chooser};
    const struct pq_read_options o = {.batch_rows = BATCH_ROWS,
                                      .crc = PQ_CRC_NEVER,
                                      .ranges = ranges,
                                      .range_count = count,
                                      .keep_dictionaries = data[4] & 128};
    slp_rc rc = SLP_INVALID;
    if (count && pq_file_meta(f)->schema.count)
        rc = chooser.every ? pq_read_select(f, &src.base, &o, &filter, alloc_system(), &s, NULL)
                           : pq_read(f, &src.base, &o, alloc_system(), &s, NULL);
    if (rc == SLP_OK)
        read_rows(s, most);
    arr_stream_close(s);
    pq_file_free(f);
    return 0;
}
