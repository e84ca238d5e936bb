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

#define PQ_BATCH_ROWS_DEFAULT 32768

struct pq_file;

/* Open the file behind `src` (borrowed by this call only). Errors as pq_footer_read and
 * pq_meta_parse. */
SLP_NODISCARD slp_rc pq_file_open(struct source *src, struct alloc *mem, struct pq_file **out,
                                  struct slp_err *err);

/* The same with INT96 as timestamps of a unit, ARR_MILLI at most. Otherwise they are of nanoseconds,
 * which end in 2262: a value beyond is UNSUPPORTED when it is read. */
SLP_NODISCARD slp_rc pq_file_open_as(struct source *src, enum arr_unit int96_unit,
                                     struct alloc *mem, struct pq_file **out, struct slp_err *err);

void pq_file_free(struct pq_file *f);
const struct pq_meta *pq_file_meta(const struct pq_file *f);

/* Rows [lo, hi). */
struct pq_row_range {
    int64_t lo;
    int64_t hi;
};

/* When checksums of pages are looked at. */
enum pq_crc {
    PQ_CRC_PRESENT = 0, /* where there is one */
    PQ_CRC_ALWAYS,      /* and a page without one is CORRUPT */
    PQ_CRC_NEVER
};

/* What reading took; streams add to it. */
struct pq_read_counts {
    uint64_t pages_read; /* pages of data that were decompressed */
};

struct pq_read_options {
    const size_t *columns; /* indexes into the file's schema, in the order wanted; NULL: all */
    size_t column_count;
    size_t first_group;
    size_t group_count; /* 0: to the last */
    int64_t batch_rows; /* 0: PQ_BATCH_ROWS_DEFAULT; batches may be shorter, never longer */
    enum pq_crc crc;
    /* Only these rows of the file, ascending and apart; NULL: all. Pages outside are not read where
     * the chunk has an offset index, and not decompressed where it has none and is flat. */
    const struct pq_row_range *ranges;
    size_t range_count;
    size_t memory_bytes; /* what windows and a batch together aim at; 0: 128 MiB */
    /* Flat columns of texts and bytes come as dictionaries (arrow/dictionary.h), their fields with
     * `is_dictionary`, as far as pages have indices: rows of other pages come plain, and a batch
     * that has both is plain. */
    bool keep_dictionaries;
    struct pq_read_counts *counts; /* outlives the stream; NULL: nobody counts */
};

/*
 * A stream over row groups of `f`, which outlives it, reading from `src` (borrowed, used by this
 * stream alone). Its schema is that of the chosen columns. `next` errors as pq_page_decode, wrapped
 * with column, row group and offset.
 *
 * Errors   INVALID  a column, row group or range that is not there, ranges out of order; NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_read(const struct pq_file *f, struct source *src,
                             const struct pq_read_options *options, struct alloc *mem,
                             struct arr_stream **out, struct slp_err *err);

/*
 * Choose rows of a batch of predicate columns: `*picked` are their indexes in the batch, ascending,
 * borrowed until the next call.
 */
typedef slp_rc (*pq_choose_fn)(void *context, const struct arr_batch *batch,
                               const uint32_t **picked, int64_t *count, struct slp_err *err);

struct pq_filter {
    const size_t *columns; /* predicate columns: indexes into the chosen ones, ascending */
    size_t column_count;   /* at least 1 */
    pq_choose_fn choose;   /* its batches have all chosen columns, the others without rows */
    void *context;
};

/*
 * The same of the rows that `filter` chooses. Predicate columns are read first; of the others only
 * what survives, whole pages passed over where nothing does. Batches may have fewer rows than there
 * is room for, and are never empty.
 */
SLP_NODISCARD slp_rc pq_read_select(const struct pq_file *f, struct source *src,
                                    const struct pq_read_options *options,
                                    const struct pq_filter *filter, struct alloc *mem,
                                    struct arr_stream **out, struct slp_err *err);

#endif
