/* rooms: parquet */
#include "parquet/reader.h"

#include <stdlib.h>

/*
 * The input is a whole file: opened and read in batches, without checksums so that edits reach the
 * decoders. Memory is capped, as a job's is: what a small file may claim must not need more.
 */

#define MEMORY_BYTES ((size_t)256 * 1024 * 1024)
#define BATCHES_MAX  64
#define BATCH_ROWS   1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct capped {
    struct alloc base; /* first: resize finds its struct behind it */
    size_t live_bytes;
};

static void *resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct capped *c = (struct capped *)self;
    if (new_bytes > old_bytes && new_bytes - old_bytes > MEMORY_BYTES - c->live_bytes)
        return NULL;
    void *out = alloc_system()->resize(alloc_system(), ptr, old_bytes, new_bytes);
    if (out || new_bytes == 0)
        c->live_bytes += new_bytes - old_bytes;
    return out;
}

/* Offsets do not fall, and end where their items do; members have the rows of their struct. */
static void check_col(const struct arr_col *c, int64_t rows)
{
    bool is_list = arr_type_is_list(c->type);
    if (c->rows != rows)
        abort();
    for (int64_t row = 0; (is_list || arr_type_is_variable(c->type)) && row < c->rows; row++) {
        if (arr_col_offsets(c)[row] > arr_col_offsets(c)[row + 1])
            abort();
        if (is_list && arr_col_is_null(c, row) &&
            arr_col_offsets(c)[row] != arr_col_offsets(c)[row + 1])
            abort();
    }
    if (is_list)
        rows = c->rows ? arr_col_offsets(c)[c->rows] : 0;
    for (size_t i = 0; i < c->child_count; i++)
        check_col(&c->children[i], rows);
}

static void check(const struct arr_batch *b)
{
    if (b->rows > BATCH_ROWS)
        abort();
    for (size_t i = 0; i < b->schema->count; i++)
        check_col(&b->cols[i], b->rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct capped mem = {.base = {.resize = resize}};
    struct memory_source src;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    struct pq_read_options options = {.batch_rows = BATCH_ROWS, .crc = PQ_CRC_NEVER};
    source_memory_init(&src, "fuzz", slice_of(data, n));
    slp_rc rc = pq_file_open(&src.base, &mem.base, &f, NULL);
    if (rc == SLP_OK)
        rc = pq_read(f, &src.base, &options, &mem.base, &s, NULL);
    for (int i = 0; rc == SLP_OK && i < BATCHES_MAX; i++) {
        rc = arr_stream_next(s, &b, NULL);
        if (rc == SLP_OK)
            check(&b);
    }
    arr_batch_fini(&b);
    arr_stream_close(s);
    pq_file_free(f);
    if (mem.live_bytes != 0)
        abort();
    return 0;
}
