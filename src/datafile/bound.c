#include "datafile/file_priv.h"

/* Rows of the last batch of `run`: batches are single blocks, so they lie in the last block met. */
static slp_rc last_batch_rows(struct run *run, int64_t *rows, struct slp_err *err)
{
    for (;;) {
        struct run_block block = {0};
        slp_rc rc = run_next(run, &block, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        *rows = block.batch->rows;
    }
}

slp_rc datafile_lower_bound(struct datafile *f, struct slice key, int64_t *row, struct slp_err *err)
{
    int64_t first = 0;
    int64_t end = 0;
    int64_t first_row = 0;
    int64_t below = 0;
    struct slice block_key;
    struct run *run = NULL;
    struct key_range from_key = {.lo = key};
    TRY(datafile_find(f, from_key, &first, &end, err));
    if (first == end) {
        *row = f->info.rows;
        return SLP_OK;
    }
    TRY(datafile_block(f, first, &block_key, &first_row, err));
    if (slice_compare(block_key, key) < 0) {
        size_t column = f->spec->columns[0];
        struct datafile_read_options o = {.range = {.lo = block_key, .hi = key, .has_hi = true},
                                          .columns = &column,
                                          .column_count = 1};
        TRY(datafile_read(f, &o, &run, NULL, err));
        slp_rc rc = last_batch_rows(run, &below, err);
        run_close(run);
        TRY(rc);
    }
    *row = first_row + below;
    return SLP_OK;
}
