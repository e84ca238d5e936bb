/*
 * Reading Parquet files: open once, then read row groups as streams of batches.
 *
 * An open file is immutable and may be shared by threads; each stream has its own source, scratch
 * and position. A stream reads each wanted column chunk sequentially by windows, so memory stays
 * near batch rows plus one page and one dictionary a column.
 */
#ifndef SLP_PARQUET_READER_H
#define SLP_PARQUET_READER_H

#include "arrow/batch.h"
#include "parquet/meta.h"

#define PQ_BATCH_ROWS_DEFAULT 65536

struct pq_file;

/* Open the file behind `src` (borrowed by this call only). Errors as pq_footer_read and
 * pq_meta_parse. */
SLP_NODISCARD slp_rc pq_file_open(struct source *src, struct alloc *mem, struct pq_file **out,
                                  struct slp_err *err);
void pq_file_free(struct pq_file *f);
const struct pq_meta *pq_file_meta(const struct pq_file *f);

struct pq_read_options {
    const size_t *columns; /* indexes into the file's schema, in the order wanted; NULL: all */
    size_t column_count;
    size_t first_group;
    size_t group_count; /* 0: to the last */
    int64_t batch_rows; /* 0: PQ_BATCH_ROWS_DEFAULT; batches may be shorter, never longer */
    bool skip_crc;
};

/*
 * A stream over row groups of `f`, which outlives it, reading from `src` (borrowed, used by this
 * stream alone). Its schema is that of the chosen columns. `next` errors as pq_page_decode, wrapped
 * with column, row group and offset.
 */
SLP_NODISCARD slp_rc pq_read(const struct pq_file *f, struct source *src,
                             const struct pq_read_options *options, struct alloc *mem,
                             struct arr_stream **out, struct slp_err *err);

#endif
