/*
 * Rows in and out: Parquet, CSV, TSV, NDJSON and JSON, Arrow IPC, tables and Markdown.
 *
 * Input. A file (or standard input) is opened against the columns that are wanted, found by name;
 * what comes out are batches of just that schema. Columns that nobody wants are passed over; a
 * wanted one that the file lacks is null in every row if it may be null. Types are equal or widen
 * without loss:
 *
 *     int8 -> int16 -> int32 -> int64          half -> float -> double
 *     uint8 -> uint16 -> uint32 -> uint64      timestamp -> the same with a finer unit, if it fits
 *     an unsigned one -> a larger signed one   decimal(p, s) -> decimal(more, s)
 *
 *     times of day and durations as timestamps utf8, fixed_binary -> binary
 *
 * Items of lists, keys and values of maps and members of structs widen likewise. Members of structs
 * are as columns are: found by name, passed over where nobody wants them, null where they are missing
 * and may be null. But a struct that has members, and none that is wanted, is taken for another one
 * and refused. CSV, TSV and NDJSON take their types from the wanted schema (arrow/text.h,
 * rows/json_value.h). A file's own rule of null does not
 * count: null is refused, by row, where it arrives, within lists, structs and maps by the rows of the
 * batch.
 *
 *   CSV     RFC 4180 in UTF-8, with or without byte order mark, lines end with LF or CR LF. The
 *           first line names the columns, in any order. An empty field is null, "" the empty text.
 *           Lines with nothing in them are passed over where there are several columns.
 *   NDJSON  an object a line; a member that is missing is null. Numbers are read as they are
 *           written, so a uint64 loses nothing; a number may stand in quotes (NaN must). Wanted
 *           members stand there once; lists are arrays, structs and maps are objects.
 *
 *   Arrow   IPC, stream or file, buffers compressed with zstd or LZ4 or not; dictionaries are
 *           decoded. Read from its start to its end, as text is.
 *
 * What arrives on a pipe is read like a file. Parquet is read from its end: it is first kept in a
 * temporary file that has no name.
 *
 * An input falls into parts (Parquet: row groups; others: one) that threads may read at the same
 * time. Memory: Parquet, about a batch and a page a column; text, about a batch and a record; Arrow,
 * a batch and twice a record batch of the file.
 *
 * Output. A writer takes batches and writes one of the formats to a sink. What is printed as csv,
 * tsv or ndjson is read back to the same rows (arrow/text.h). CSV is RFC 4180: NULL is an empty
 * field, the empty string is "". In JSON a row is an object by column name, numbers are numbers,
 * and NaN and infinities texts. Nested values are JSON: as they are within JSON, as text elsewhere.
 * Rows in messages count from 1.
 *
 * Bad rows. A row that does not fit ends reading with BAD_INPUT, or goes to `rejects`. A record of CSV
 * whose quotes are wrong ends, as far as that goes, with its first line: the lines behind it are
 * records again. Damage (CORRUPT) is no bad row.
 */
#ifndef SLP_ROWS_ROWS_H
#define SLP_ROWS_ROWS_H

#include "arrow/batch.h"
#include "base/io.h"
#include "parquet/reader.h"
#include "predicate/predicate.h"

enum rows_format {
    ROWS_AUTO = 0, /* input: by the file's first bytes, then by its name */
    ROWS_PARQUET,
    ROWS_CSV,
    ROWS_TSV,
    ROWS_NDJSON,
    ROWS_JSON,
    ROWS_ARROW, /* IPC: stream; input: file too */
    ROWS_TABLE,
    ROWS_MARKDOWN
};

/* The format of a name as users type it; INVALID with the nearest one. */
SLP_NODISCARD slp_rc rows_format_parse(struct slice name, enum rows_format *out,
                                       struct slp_err *err);
const char *rows_format_name(enum rows_format f);

/* Longest CSV record or NDJSON line, in bytes. */
#define ROWS_LINE_MAX_BYTES ((size_t)64 << 20)

struct rows_input;

/* A row that does not fit what is wanted. Everything is borrowed for the call. */
struct rows_reject {
    const char *file;
    uint64_t line;      /* of text, from 1; else 0 */
    int64_t row;        /* of Parquet and Arrow, from 1; else 0 */
    const char *column; /* NULL: none in particular */
    const char *reason;
    struct slice
        text; /* the row as it stood: the record without its end; Parquet, Arrow: as JSON */
};

/*
 * Who takes such rows, so that reading goes on without them.
 *
 * Errors   whatever it returns ends reading
 * Threads  `take` may be called by those who read parts of one input, at the same time
 */
struct rows_rejects {
    slp_rc (*take)(void *context, const struct rows_reject *row, struct slp_err *err);
    void *context;
};

/*
 * What a row must keep to besides its columns' types. One that does not is a bad row like any other.
 *
 * row      of `batch`, of the wanted columns; rows before it were asked for already, or are not there
 *          any more. `*column` is the one at fault, NULL at first
 * Errors   BAD_INPUT  the reason, without place; others end reading
 * Threads  as rows_rejects
 */
struct rows_check {
    slp_rc (*row)(const void *context, const struct arr_batch *batch, int64_t row,
                  const char **column, struct slp_err *err);
    const void *context;
};

struct rows_input_options {
    enum rows_format format;
    const struct arr_schema *want; /* NULL: the file's own columns */
    const char *demand; /* a column that must be there although it may be null; NULL: none. Lines of
                           NDJSON are not asked for it */
    bool infer;         /* without `want`: text gets the types that rows_file_schema tells */
    const char *temp_folder; /* for Parquet that comes on a pipe; NULL: $TMPDIR or /tmp */
    int64_t batch_rows;      /* 0: 65,536 */
    size_t batch_bytes;      /* a batch is closed at about this many; 0: 16 MiB */
    const struct rows_rejects
        *rejects;                   /* NULL: a row that does not fit is BAD_INPUT; outlives it */
    const struct rows_check *check; /* NULL: types alone count; outlives it */
};

/*
 * Open `path`, or standard input for "-". `want` and its names outlive the input.
 *
 * Errors   NOT_FOUND, DENIED  the file
 *          BAD_INPUT          a wanted column is missing (nearest name), there twice, or of another
 *                             type; the demanded one is missing
 *          INVALID            text without `want` or `infer`
 *          CORRUPT            as the Parquet reader says
 *          UNSUPPORTED        the same; a file that is none of the formats, or of one that is only
 *                             written
 *          LIMIT              the device of temporary files is full
 *          CANCELLED          interrupted while a pipe had nothing to give
 * Cost     Parquet: the footer, on a pipe all of it; text: the first 256 KiB, and the rows that
 *          types are inferred from; Arrow: the schema
 */
SLP_NODISCARD slp_rc rows_input_open(struct alloc *mem, const char *path,
                                     const struct rows_input_options *options,
                                     struct rows_input **out, struct slp_err *err);
void rows_input_close(struct rows_input *in);

/*
 * Want these columns, of an input that was opened without: once, before a part is asked for. So the
 * columns of what goes by once are known before they are chosen. `want` outlives the input.
 *
 * Errors   BAD_INPUT, NO_MEMORY as rows_input_open; only close it then
 */
SLP_NODISCARD slp_rc rows_input_want(struct rows_input *in, const struct arr_schema *want,
                                     struct slp_err *err);

/* What reading with a filter took, Parquet alone. */
struct rows_counts {
    uint64_t groups;        /* row groups looked at */
    uint64_t groups_pruned; /* of which no row was read */
    uint64_t pages;         /* that page indexes of predicate columns speak of */
    uint64_t pages_read;    /* pages of data that were decompressed, of all columns */
    int64_t rows;           /* that statistics, filters and indexes left */
    uint64_t bytes;         /* read from the files, footers left out */
};

/*
 * Leave out rows for which `pred`, over the wanted columns, is not TRUE: once, behind
 * rows_input_want and before a part is asked for. Parquet reads less then; a text, or a file whose
 * predicate columns have to widen, still yields rows that the caller filters. Both arguments outlive
 * the input, whose parts are then read by one thread.
 */
void rows_input_filter(struct rows_input *in, const struct pred *pred, struct rows_counts *counts);

/* When checksums of Parquet pages are looked at; before a part is asked for. */
void rows_input_crc(struct rows_input *in, enum pq_crc crc);

/*
 * Leave flat columns of texts and bytes of a Parquet file as dictionaries (arrow/dictionary.h) where
 * its pages have indices; the fields of its own schema then say `is_dictionary`, those that are
 * wanted say what the caller made them say. A column that has to widen is decoded. Other formats
 * have none. Before a part is asked for.
 */
void rows_input_keep_dictionaries(struct rows_input *in);

const struct arr_schema *rows_input_schema(
    const struct rows_input *in); /* as wanted, or the file's own */
size_t rows_input_parts(const struct rows_input *in);
int64_t rows_input_rows(const struct rows_input *in); /* -1: not known before reading */

/*
 * A stream over one part; threads may read different parts of one input. The input outlives it. The
 * part of a text can be opened once.
 *
 * Errors of next   BAD_INPUT  file, line and column: a wrong number of fields, a value that does
 *                             not parse, null where it must not be
 *                  LIMIT      a record longer than ROWS_LINE_MAX_BYTES
 *                  CORRUPT, NO_MEMORY
 */
SLP_NODISCARD slp_rc rows_input_part(struct rows_input *in, size_t part, struct alloc *mem,
                                     struct arr_stream **out, struct slp_err *err);

/*
 * The columns of a file, in its order, types included.
 *
 * CSV and NDJSON have no types: each column gets the first of bool, int64, double, date,
 * timestamp[us], timestamp[us, UTC] and utf8 that all its values among the first 10,000 rows
 * parse as, utf8 if all are null. Digits behind a leading zero are text, as are whole numbers
 * beyond int64: neither would be printed as it was. In NDJSON arrays are lists and objects structs,
 * or maps where they are always empty or have more than 200 different members of one type. All
 * columns of text may be null.
 *
 * Errors as rows_input_open, and those of reading the rows; INVALID for standard input, which goes
 * by once: rows_input_open with `infer` tells its columns and reads them.
 */
SLP_NODISCARD slp_rc rows_file_schema(struct alloc *mem, const char *path, enum rows_format format,
                                      struct arena *arena, struct arr_schema *out,
                                      struct slp_err *err);

struct ArrowArray;
struct ArrowSchema;

/*
 * Append the rows of a batch that somebody else has to `out`, whose columns are wanted: found by name
 * and widened as those of a file. Nothing is appended on failure.
 *
 * Errors   BAD_INPUT  as rows_input_open and the parts of a file, by column and row of the batch
 *          INVALID, UNSUPPORTED   as arr_import_schema and arr_import_batch
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc rows_import(struct alloc *mem, const struct ArrowArray *in,
                                 const struct ArrowSchema *format, struct arr_batch *out,
                                 struct slp_err *err);

struct rows_output;
struct pq_write_options; /* of parquet/writer.h */

struct rows_output_options {
    enum rows_format format;
    bool no_header;                         /* csv, tsv */
    size_t width;                           /* table: cut lines to this many columns; 0: never */
    int64_t table_rows;                     /* table: rows shown before "..."; 0: all */
    bool human;                             /* table: a footer line with the number of rows */
    const struct pq_write_options *parquet; /* NULL: as pq_write_options_init says */
    int64_t group_rows;                     /* parquet: 0: 1,000,000 */
    int64_t block_rows;                     /* parquet: every column begins a page; 0: 16,384 */
};

/* `schema` and `sink` outlive the output. */
SLP_NODISCARD slp_rc rows_output_new(struct alloc *mem, struct sink *sink,
                                     const struct arr_schema *schema,
                                     const struct rows_output_options *options,
                                     struct rows_output **out, struct slp_err *err);
void rows_output_free(struct rows_output *o);
SLP_NODISCARD slp_rc rows_output_batch(struct rows_output *o, const struct arr_batch *batch,
                                       struct slp_err *err);
/* Write what ends the document. A document without rows is valid too. */
SLP_NODISCARD slp_rc rows_output_finish(struct rows_output *o, struct slp_err *err);

#endif
