/*
 * Sleeper: a key-value store over sorted Parquet files. The public C API.
 *
 *     struct slp_instance *instance = NULL;
 *     struct slp_rows *rows = NULL;
 *     struct slp_err err = {0};
 *
 *     if (slp_instance_open("/var/lib/flights", NULL, &instance, &err) != SLP_OK) ...
 *     struct slp_scan_options scan = {.table = "flights", .from = "ATL", .limit = 10};
 *     if (slp_scan(instance, &scan, &rows, &err) != SLP_OK) ...
 *     struct ArrowArrayStream stream;
 *     if (slp_rows_stream(rows, &stream, &err) != SLP_OK) ...   batches as Arrow arrays
 *     ...
 *     stream.release(&stream);
 *     slp_instance_close(instance);
 *
 * Conventions
 * - What can fail returns `slp_rc` and fills `err` (may be NULL). Outputs are untouched on failure.
 * - Option structs are zeroed for the defaults; every member says what zero means. Text is UTF-8
 *   and terminated; lists of text end with NULL. What options point to is borrowed for the call.
 * - Whatever yields rows, tables and lists alike, is a `struct slp_rows`, which the caller closes:
 *   filter it, write it in any format, or take it as an ArrowArrayStream. It reads as it goes, so
 *   the instance it came from outlives it; it keeps to the state of the table when it was made.
 * - An instance may be used by one thread at a time, but for its writers: each may be opened, pushed
 *   to and committed by a thread of its own, and those that commit at the same time share what is
 *   written to the log. Several instances of one folder, in one or many processes, are fine.
 * - Nothing is running when no call is: all state is in the object store.
 *
 * Any call may return NO_MEMORY, LIMIT (a bound of docs/guide/operations.md, or a full device), IO
 * and DENIED; and of those that read a table CORRUPT, with the object's name, UNSUPPORTED for what
 * a newer program wrote, and CANCELLED. Errors below are what a call adds.
 */
#ifndef SLEEPER_SLEEPER_H
#define SLEEPER_SLEEPER_H

#include <stdbool.h>

#include "sleeper/admin.h"
#include "sleeper/arrow.h"
#include "sleeper/batch.h"
#include "sleeper/processing.h"
#include "sleeper/types.h"
#include "sleeper/upkeep.h"
#include "sleeper/work.h"
#include "sleeper/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SLP_VERSION "0.1.0"

/* The version of the library that is running, "0.1.0". */
SLP_PUBLIC const char *slp_version(void);

/* The name of a status code, "NOT_FOUND", and the exit code of the command line for it; 1 for a
 * number that is no code. */
SLP_PUBLIC const char *slp_rc_name(slp_rc rc);
SLP_PUBLIC int slp_rc_exit_code(slp_rc rc);

/* ---- Rows ---- */

struct slp_rows;

/* Release; NULL is accepted. */
SLP_PUBLIC void slp_rows_close(struct slp_rows *rows);

/* Move into an Arrow stream, whose release closes everything; `rows` is gone afterwards, unless
 * this fails. The instance must outlive the stream. Its get_next answers ENOMEM, EINVAL or EIO;
 * get_last_error has the text. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_rows_stream(struct slp_rows *rows, struct ArrowArrayStream *out,
                                                struct slp_err *err);

/* Keep the rows for which `where` is TRUE. On success `*rows` is the filtered stream. Errors:
 * INVALID with a caret. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_rows_where(struct slp_rows **rows, const char *where,
                                               struct slp_err *err);

/* Keep these columns, in this order (NULL: all), and at most `limit` rows (0: all; -1: none). On
 * success `*rows` is the narrower stream. Errors: NOT_FOUND with the nearest name, INVALID. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_rows_select(struct slp_rows **rows, const char *const *columns,
                                                int64_t limit, struct slp_err *err);

/* Bytes to wherever they go; non-zero ends the writing with IO. */
typedef int (*slp_write_fn)(void *context, const void *bytes, size_t n);

/* How a Parquet file is written; all zero: as we choose. */
struct slp_parquet_options {
    const char *profile; /* default; compat: for readers of any age */
    const char *codec;   /* none snappy gzip brotli zstd lz4_raw; "zstd:3" with a level */
    const struct slp_param *encodings; /* of columns, as parquet.thrift names them */
    size_t encoding_count;
    const char *const *bloom; /* columns with a bloom filter, ends with NULL; NULL: none */
    int64_t row_group_rows;   /* 0: 1,000,000; a group of 64 MiB in memory is closed before */
    int64_t page_rows;        /* 0: 16,384 */
    uint64_t page_bytes;      /* before compression; 0: 1 MiB */
    int page_version;         /* 1 or 2; 0: 1 */
};

struct slp_output_options {
    const char *format; /* table csv tsv json ndjson markdown arrow parquet; NULL: csv */
    bool no_header;     /* csv, tsv */
    size_t width;       /* table: columns of the terminal; 0: lines are never cut */
    bool human;         /* table: a footer with the number of rows */
    const struct slp_parquet_options *parquet; /* NULL: as we choose; INVALID with other formats */
};

/*
 * Write all rows. `*row_count` (may be NULL) says how many. Consumes but does not close `rows`;
 * what was written before an error stays written.
 *
 * Errors   IO           `write` gave up
 *          INVALID      no such format; options of Parquet that do not fit, or are for other formats
 *          NOT_FOUND    a column that options of Parquet name
 *          UNSUPPORTED  a type that the format does not hold
 *          and whatever reading the rows returns
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_rows_write(struct slp_rows *rows,
                                               const struct slp_output_options *options,
                                               slp_write_fn write, void *context,
                                               int64_t *row_count, struct slp_err *err);

/* ---- Files ---- */

struct slp_files_options {
    const char *const *inputs;  /* files, folders, globs, "-" for standard input (CSV, NDJSON) */
    const char *format;         /* parquet csv tsv ndjson; NULL: by content, then name */
    const char *where;          /* predicate; NULL: all rows */
    const char *const *columns; /* in this order; NULL: all */
    int64_t limit;              /* rows; 0: all; -1: none */
    const char *crc;            /* checksums of Parquet pages: present (NULL), always, never */
    struct slp_read_counts *counts; /* what reading took, added to; outlives the rows; NULL */
    /* Flat columns of texts and bytes become dictionary arrays of int32 indices in slp_rows_stream,
     * if the first file is of Parquet. Pages of indices are handed on as they are; rows of a batch
     * that meets other pages, or of another format, get an entry each. slp_rows_write decodes them,
     * but arrow, which is UNSUPPORTED then. */
    bool keep_dictionaries;
};

/* What a predicate spared, and what was read all the same. */
struct slp_read_counts {
    uint64_t groups;        /* row groups of Parquet files looked at */
    uint64_t groups_pruned; /* of which statistics, bloom filters or page indexes left nothing */
    uint64_t pages;         /* that page indexes of the predicate's columns speak of */
    uint64_t pages_read;    /* pages that were decompressed, of all columns */
    int64_t rows;           /* that were left to be filtered one by one */
    uint64_t bytes;         /* read, footers left out */
};

/* Rows of files as they stand, one file after the other. Columns and types are those of the first
 * one; others are matched by name. Needs no instance. Errors: NOT_FOUND, BAD_INPUT, CORRUPT,
 * UNSUPPORTED, INVALID. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_files_rows(const struct slp_files_options *options,
                                               struct slp_rows **out, struct slp_err *err);

/* ---- Instances ---- */

struct slp_instance;

struct slp_instance_options {
    size_t threads; /* 0: the cores available */
    /* Bytes for sorting and merging, at least 16 MiB; 0: half of what is available, at most 4
     * GiB. */
    uint64_t memory;
    /* Set non-zero, by a signal handler or another thread, to make running calls return CANCELLED;
     * may be NULL. Outlives the instance. */
    const volatile int *cancel;
    bool no_sync; /* skip fsync: for measurements only, what a crash leaves is undefined */
    /* Told a line about each request to the store, from any of the instance's threads; may be
     * NULL. */
    void (*trace)(void *context, const char *line);
    void *trace_context;
};

/*
 * Make an instance at a folder (made when absent, with those above it) or file:// URI.
 *
 * Errors   EXISTS       there is an instance
 *          INVALID      a file stands there
 *          UNSUPPORTED  another scheme, or a file system without links that do not replace
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_instance_create(const char *uri, struct slp_err *err);

/*
 * Open the instance at a folder or file:// URI; `options` may be NULL. Cost: one small read.
 *
 * Errors   NOT_FOUND    no instance is there
 *          UNSUPPORTED  a newer layout, or another scheme
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_instance_open(const char *uri,
                                                  const struct slp_instance_options *options,
                                                  struct slp_instance **out, struct slp_err *err);

/* Close; rows and streams that came from it are closed before. NULL is accepted. */
SLP_PUBLIC void slp_instance_close(struct slp_instance *instance);

/* What calls on this instance have cost so far; files and their bytes count when rows are
 * closed. */
struct slp_counts {
    uint64_t gets, puts, lists, deletes; /* requests to the store */
    uint64_t rounds;                     /* batches of requests, one waiting each */
    uint64_t bytes_read, bytes_written;
    uint64_t index_bytes; /* of bytes_read: key indexes */
    uint64_t data_bytes;  /* of bytes_read: pages of data files */
    uint64_t log_bytes;   /* of bytes_read: log frames */
    uint64_t files_considered, files_read;
};

SLP_PUBLIC void slp_instance_counts(const struct slp_instance *instance, struct slp_counts *out);

/* ---- Tables ---- */

struct slp_table_options {
    const char *name;
    const char *schema_json;     /* upstream's or our form; or: */
    const char *like_file;       /* columns of this file, with: */
    const char *const *row_key;  /* names */
    const char *const *sort_key; /* names; may be NULL */
    const char *split_points;    /* one a line, ascending, each a row key as CSV; NULL: none */
    bool split_points_base64;    /* lines are base64 (upstream's form for strings) */
    const struct slp_setting *settings; /* properties it begins with; see admin.h */
    size_t setting_count;
    const char
        *engine; /* what becomes of rows with equal keys: docs/guide/processing.md; NULL: bag */
    const char *order_by; /* last, first: by this field; NULL: by position */
};

/*
 * Make a table. Nothing is left behind by a failure but perhaps a folder without a name.
 *
 * Errors   EXISTS     a table of this name
 *          INVALID    the name, the schema or a split point, with its line
 *          NOT_FOUND  like_file
 *          BAD_INPUT  like_file cannot be read as rows
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_create(struct slp_instance *instance,
                                                 const struct slp_table_options *options,
                                                 struct slp_err *err);

/* Lists, as rows: all tables, by name; one table's fields. Errors: NOT_FOUND, the table. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_list(struct slp_instance *instance, struct slp_rows **out,
                                               struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_describe(struct slp_instance *instance, const char *table,
                                                   struct slp_rows **out, struct slp_err *err);

/* ---- Writing ---- */

struct slp_ingest_options {
    const char *table;
    const char *const *inputs; /* files, folders, globs, "-" for standard input */
    const char *format;        /* parquet csv tsv ndjson; NULL: by content, then name */
    const char *token;         /* a repeat with the same token changes nothing; may be NULL */
    bool dry_run;              /* read and check everything, write nothing */
    const char *on_error;      /* a bad row: fail (NULL), skip or quarantine */
    const char *quarantine;    /* file for bad rows, which must not be there */
    int64_t max_errors; /* skip, quarantine: more bad rows than this are an error; 0: any number */
    const char
        *file_strategy; /* auto one_file_per_leaf one_reference_per_leaf; NULL: the table's */
    const char
        *row_kinds; /* a column of the inputs with put, delete or reset; NULL: all are puts */
};

struct slp_ingest_result {
    int64_t rows;
    size_t files_read;
    size_t files_written;
    uint64_t bytes_written;
    uint64_t sequence;     /* the frame that holds the commit */
    bool was_duplicate;    /* the token was known: `sequence` is that of the first commit */
    int64_t rows_rejected; /* bad rows that were left out */
};

/*
 * One atomic commit of all inputs: everybody sees all of the rows from then on, or, after an error,
 * nobody any. No rows: nothing is committed, and `sequence` is the table's last.
 *
 * Errors   INVALID      no inputs, an unknown format
 *          NOT_FOUND    the table or an input
 *          BAD_INPUT    rows that do not fit the table: file, line or row, column; more of them than
 *                       max_errors
 *          EXISTS       the quarantine file
 *          CORRUPT      an input, by name; so is UNSUPPORTED
 *          CONFLICT     the table has too many unfiled files: compact it
 *          UNAVAILABLE  others were faster for ten minutes
 *          UNKNOWN      it may have been committed: repeat it with the same token
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_ingest(struct slp_instance *instance,
                                           const struct slp_ingest_options *options,
                                           struct slp_ingest_result *out, struct slp_err *err);

/* ---- Reading ---- */

struct slp_param {
    const char *name;  /* of `$name` in the predicate */
    const char *value; /* text */
};

struct slp_scan_options {
    const char *table;
    const char *from;  /* key or key prefix as CSV, inclusive; NULL: the beginning */
    const char *to;    /* exclusive; NULL: the end */
    const char *where; /* predicate; NULL: all */
    const struct slp_param *params;
    size_t param_count;
    const char *const *columns; /* in this order; NULL: all */
    int64_t limit;              /* rows; 0: all; -1: none, as LIMIT 0 of SQL */
    bool in_key_order;  /* rows come in key order over the whole table (they do, for now, always) */
    uint64_t max_rows;  /* LIMIT when the answer is longer; 0: any */
    uint64_t max_bytes; /* LIMIT when more bytes would be read; 0: any */
    const char *at;     /* the table as it was: at a sequence, a pin, or a time such as
                           2026-11-22T14:00:00Z; NULL: as it is */
    uint64_t min_sequence; /* of a receipt: wait up to ten seconds until the table has come to it */
    const char *const
        *iterators; /* run behind the table's: docs/guide/processing.md; may be NULL */
};

/*
 * The rows of a table as its log stands now, in key order.
 *
 * Errors   NOT_FOUND  the table; a column, with the nearest name; an earlier state that is not kept
 *          UNAVAILABLE  the table does not reach min_sequence
 *          INVALID    a key that does not parse, a column twice, a predicate, with caret
 *          LIMIT      from the rows: max_rows, max_bytes
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_scan(struct slp_instance *instance,
                                         const struct slp_scan_options *options,
                                         struct slp_rows **out, struct slp_err *err);

/* The number of rows a scan would give. Counts from metadata where nothing needs reading; else
 * reads the key columns and those of the predicate. Errors: those of slp_scan and of its rows. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_count(struct slp_instance *instance,
                                          const struct slp_scan_options *options, int64_t *out,
                                          struct slp_err *err);

/* The same as rows: one row, one column "count". */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_count_rows(struct slp_instance *instance,
                                               const struct slp_scan_options *options,
                                               struct slp_rows **out, struct slp_err *err);

struct slp_get_options {
    const char *table;
    const char *const *keys; /* each the row key whole, then any sort key fields, as CSV */
    const struct slp_param *key_fields; /* or one key by field names, in any order */
    size_t key_field_count;
    const char *const *columns; /* in this order; NULL: all */
    const char *at;             /* as for scans */
    uint64_t min_sequence;
    const char *const *iterators; /* as for a scan; may be NULL */
};

/*
 * Rows whose key begins with one of the keys, in key order, each once. No keys: no rows.
 *
 * Errors   NOT_FOUND  the table; a column, with the nearest name
 *          INVALID    a key that does not parse; names that are not the first fields of the key
 * Cost     one round of reads a file that may hold the key, beyond its key index
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_get(struct slp_instance *instance,
                                        const struct slp_get_options *options,
                                        struct slp_rows **out, struct slp_err *err);

/* ---- Upkeep ---- */

struct slp_split_options {
    const char *table;
    int64_t threshold_rows; /* split leaves with more rows; 0: as the table's property
                               partition.splitting.threshold says */
    bool dry_run;
};

/*
 * Split partitions over the threshold at row keys; moves no data. `*split_count` is how many were
 * split, or would be.
 *
 * Errors   NOT_FOUND  the table
 *          INVALID    a negative threshold
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_split(struct slp_instance *instance,
                                          const struct slp_split_options *options,
                                          size_t *split_count, struct slp_err *err);

/* Lists of a table, as rows; for slp_status `table` may be NULL: all tables. Bytes, rows and times
 * (UTC) are raw. docs/guide/operations.md has their columns. No data is read but what tells where a
 * reference is cut. Errors: NOT_FOUND, the table. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_partition_list(struct slp_instance *instance, const char *table,
                                                   struct slp_rows **out, struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_file_list(struct slp_instance *instance, const char *table,
                                              struct slp_rows **out, struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_job_list(struct slp_instance *instance, const char *table,
                                             struct slp_rows **out, struct slp_err *err);
/* The same, and before them the jobs that ended, as far back as the log goes. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_job_history(struct slp_instance *instance, const char *table,
                                                struct slp_rows **out, struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_log_list(struct slp_instance *instance, const char *table,
                                             struct slp_rows **out, struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_status(struct slp_instance *instance, const char *table,
                                           struct slp_rows **out, struct slp_err *err);

/*
 * Show any stored thing: any Parquet file (schema, row groups, columns, pages, indexes, filters),
 * a data file with its key index, a log frame, sleeper.json. `path` is a local file; `format` is
 * "text" (NULL) or "json".
 *
 * Errors   NOT_FOUND    the path
 *          INVALID      the format
 *          UNSUPPORTED  it is none of these
 *          IO           `write` gave up
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_inspect(const char *path, const char *format,
                                            slp_write_fn write, void *context, struct slp_err *err);

/*
 * The split points of a table's partitions as text, one a line, as slp_table_create takes them.
 *
 * Errors   NOT_FOUND  the table
 *          INVALID    `base64`, and the first key field is neither text nor binary
 *          IO         `write` gave up
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_partition_split_points(struct slp_instance *instance,
                                                           const char *table, bool base64,
                                                           slp_write_fn write, void *context,
                                                           struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
