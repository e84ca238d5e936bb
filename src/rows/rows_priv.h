/*
 * What the files of this directory share: readers behind `struct rows_input`, writers behind
 * `struct rows_output`, and how types widen.
 *
 *   input.c    opens, detects, dispatches     `- parquet_read.c  csv_read.c  ndjson_read.c
 *                                                arrow_read.c
 *   output.c   dispatches, buffers            `- text_write.c  table_write.c  parquet_write.c
 *                                                arrow_write.c
 */
#ifndef SLP_ROWS_ROWS_PRIV_H
#define SLP_ROWS_ROWS_PRIV_H

#include "base/arena.h"
#include "os/writer.h"
#include "rows/rows.h"
#include "rows/text_in.h"

#define ROWS_BATCH_ROWS_DEFAULT  65536
#define ROWS_BATCH_BYTES_DEFAULT ((size_t)16 << 20)

/* Memory of one input's or output's own names and tables. */
#define ROWS_ARENA_MAX_BYTES ((size_t)1 << 30)

/* Rows of CSV and NDJSON that types are inferred from. */
#define ROWS_INFER_ROWS 10000

/* ---- format.c ---- */

/* What a file is, by its first bytes, then by its name. Errors: UNSUPPORTED for what is known and
 * not read, BAD_INPUT for an empty file whose name says nothing. */
SLP_NODISCARD slp_rc rows_detect(const char *path, struct slice head, enum rows_format *out,
                                 struct slp_err *err);

/* ---- widen.c ---- */

/* May every value of `from` stand in a column of `to`? Types are flat. Times and decimals are still
 * checked by value. */
bool rows_widens(struct arr_type from, struct arr_type to);

/* The same of whole fields: items of lists, keys and values of maps widen, and members of structs by
 * name: those of `to` that are missing may be null, those of `from` that `to` lacks are left out, but
 * not all of them. */
bool rows_field_widens(const struct arr_field *from, const struct arr_field *to);

/*
 * Append all rows of `from`, widened to the type of `to`. On failure children of `to` may hold more
 * than its rows: arr_col_truncate takes them back.
 *
 * Errors   BAD_INPUT  a time that does not fit the finer unit, a decimal of more digits than its
 *                     type says; `*row` says which
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc rows_widen(const struct arr_col *from, struct arr_col *to, int64_t *row,
                                struct slp_err *err);

/* ---- take.c ---- */

/*
 * Give `out`, which has no rows, those of a column that was read: moved where types are equal, else
 * widened. `staged` holds anything afterwards. `first_row` of the file is its first, for messages.
 *
 * Errors   BAD_INPUT  null where `field` has none, text that is no UTF-8, as rows_widen: by row
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc rows_take_column(struct arr_col *staged, const struct arr_field *field,
                                      int64_t first_row, struct arr_col *out, struct slp_err *err);

/* ---- sift.c ---- */

/* Take all rows of `staged`, which may be used up, into `out`, which has none; `first_row` of the file
 * is their first. `*column` is the one that is refused. */
typedef slp_rc (*rows_take_fn)(void *context, struct arr_batch *staged, int64_t first_row,
                               struct arr_batch *out, const char **column, struct slp_err *err);

struct rows_sift {
    struct alloc *mem;
    const char *file;
    const struct rows_rejects *rejects; /* NULL: nothing is sifted */
    const struct rows_check *check;     /* of rows that were taken; may be NULL */
    rows_take_fn take;
    void *context;
};

/*
 * Take a batch; where that is refused, take its halves, and theirs, until the rows that are refused
 * stand alone: these go to the rejects. `out` has no rows and is filled in order.
 *
 * Errors   BAD_INPUT without rejects, by column; those of `take` and of the rejects
 * Cost     with rejects a copy of the batch; for each bad row, copies of a batch once more
 */
SLP_NODISCARD slp_rc rows_sift(const struct rows_sift *s, struct arr_batch *staged,
                               int64_t first_row, struct arr_batch *out, struct slp_err *err);

/* ---- input.c: what parquet_read.c implements and the text readers share ---- */

struct rows_limits {
    int64_t rows; /* of a batch, at least 1 */
    size_t bytes; /* about */
};

/* A reader of text, or of Arrow: one part, from its start to its end. */
struct rows_text_reader;

struct rows_text_reader_ops {
    /* Append rows to `out`, which has none, up to about `limits`; none at the end. */
    slp_rc (*fill)(struct rows_text_reader *r, struct arr_batch *out, struct rows_limits limits,
                   struct slp_err *err);
    void (*close)(struct rows_text_reader *r);
};

struct rows_text_reader {
    const struct rows_text_reader_ops *ops;
    const struct rows_rejects *rejects; /* set by who opened it; NULL: a bad row is an error */
    const struct rows_check *check;     /* the same; may be NULL */
    const struct arr_schema *header;    /* the names of a CSV file; NULL: others */
};

/* Ask what the caller asks of a row whose values stand in the columns of `out` and which `out` does not
 * count yet. Errors: as struct rows_check. */
static inline slp_rc rows_text_check(const struct rows_text_reader *r, const struct arr_batch *out,
                                     const char **column, struct slp_err *err)
{
    return r->check ? r->check->row(r->check->context, out, out->rows, column, err) : SLP_OK;
}

/* Open readers over `in`, which stays the caller's and outlives them, as does `want`. CSV reads its
 * header. */
SLP_NODISCARD slp_rc rows_csv_open(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                                   const struct arr_schema *want, struct rows_text_reader **out,
                                   struct slp_err *err);
SLP_NODISCARD slp_rc rows_ndjson_open(struct alloc *mem, struct rows_text_in *in,
                                      const struct arr_schema *want, struct rows_text_reader **out,
                                      struct slp_err *err);

/*
 * Arrow IPC, the stream or the file, which is a stream between marks; its schema is read. Then say
 * which columns are wanted, once (NULL: its own).
 *
 * Errors   CORRUPT      by the offset of the message
 *          UNSUPPORTED  types that arr_import_schema refuses, the layout before Arrow 0.15,
 *                       big-endian data
 *          BAD_INPUT    as rows_match
 *          LIMIT        metadata of more than 256 MiB
 */
struct rows_arrow;
SLP_NODISCARD slp_rc rows_arrow_open(struct alloc *mem, struct rows_text_in *in,
                                     struct rows_arrow **out, struct slp_err *err);
SLP_NODISCARD slp_rc rows_arrow_want(struct rows_arrow *a, const struct arr_schema *want,
                                     struct slp_err *err);
const struct arr_schema *rows_arrow_schema(const struct rows_arrow *a);
struct rows_text_reader *rows_arrow_reader(struct rows_arrow *a); /* whose close is all there is */

/* The columns of text, types inferred from its first rows; fields and names in `arena`. */
SLP_NODISCARD slp_rc rows_csv_schema(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                                     struct arena *arena, struct arr_schema *out,
                                     struct slp_err *err);
SLP_NODISCARD slp_rc rows_ndjson_schema(struct alloc *mem, struct rows_text_in *in,
                                        struct arena *arena, struct arr_schema *out,
                                        struct slp_err *err);

struct rows_parquet;

/* Open the file at `path`, or what stands in `spool` if that is not NULL; both are the caller's.
 * Its own columns are wanted until others are. */
SLP_NODISCARD slp_rc rows_parquet_open(struct alloc *mem, const char *path, struct os_temp *spool,
                                       struct rows_limits limits, struct rows_parquet **out,
                                       struct slp_err *err);
SLP_NODISCARD slp_rc rows_parquet_want(struct rows_parquet *p, const struct arr_schema *want,
                                       struct slp_err *err);
void rows_parquet_filter(struct rows_parquet *p, const struct pred *pred,
                         struct rows_counts *counts);
void rows_parquet_crc(struct rows_parquet *p, enum pq_crc crc);
void rows_parquet_keep_dictionaries(struct rows_parquet *p);
void rows_parquet_rejects(struct rows_parquet *p, const struct rows_rejects *rejects,
                          const struct rows_check *check);
void rows_parquet_close(struct rows_parquet *p);
const struct arr_schema *rows_parquet_schema(const struct rows_parquet *p);
size_t rows_parquet_parts(const struct rows_parquet *p);
int64_t rows_parquet_rows(const struct rows_parquet *p);
SLP_NODISCARD slp_rc rows_parquet_part(const struct rows_parquet *p, size_t part, struct alloc *mem,
                                       struct arr_stream **out, struct slp_err *err);

/*
 * Where the wanted columns stand among `have`: places[i] is an index or SIZE_MAX for a column that
 * is missing and will be null. `is_typed`: types of `have` count.
 *
 * Errors   BAD_INPUT  a column that is missing and may not be null, with the nearest name; one that
 *                     does not widen; one that is there twice
 */
SLP_NODISCARD slp_rc rows_match(const struct arr_schema *have, const struct arr_schema *want,
                                bool is_typed, size_t *places, struct slp_err *err);

/* Bytes a row takes in fixed-width buffers and offsets. */
size_t rows_fixed_bytes(const struct arr_schema *s);

/* The INVALID of a value that does not parse is BAD_INPUT here: what err_wrap then says. */
static inline slp_rc rows_bad_value(slp_rc rc)
{
    return rc == SLP_INVALID ? SLP_BAD_INPUT : rc;
}

/* ---- output.c: what the writers embed ---- */

struct rows_output_ops {
    slp_rc (*batch)(struct rows_output *o, const struct arr_batch *batch, struct slp_err *err);
    slp_rc (*finish)(struct rows_output *o, struct slp_err *err);
    void (*free)(struct rows_output *o);
};

struct rows_output {
    const struct rows_output_ops *ops;
    struct alloc *mem;
    struct sink *sink;
    const struct arr_schema *schema;
    struct rows_output_options options;
    struct buf out; /* text on its way to the sink */
};

/* Fill the base of a writer. */
void rows_output_init(struct rows_output *o, const struct rows_output_ops *ops,
                      const struct rows_output *from);

/* Give the sink what is buffered, once it is worth it; all of it. */
SLP_NODISCARD slp_rc rows_output_spill(struct rows_output *o, struct slp_err *err);
SLP_NODISCARD slp_rc rows_output_flush(struct rows_output *o, struct slp_err *err);

/* Writers, made from the base that rows_output_new filled. */
typedef slp_rc (*rows_writer_fn)(const struct rows_output *from, struct rows_output **out,
                                 struct slp_err *err);
SLP_NODISCARD slp_rc rows_text_writer(const struct rows_output *from, struct rows_output **out,
                                      struct slp_err *err);
SLP_NODISCARD slp_rc rows_table_writer(const struct rows_output *from, struct rows_output **out,
                                       struct slp_err *err);
SLP_NODISCARD slp_rc rows_parquet_writer(const struct rows_output *from, struct rows_output **out,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc rows_arrow_writer(const struct rows_output *from, struct rows_output **out,
                                       struct slp_err *err);

/* Say of an exported schema that keys of maps have no nulls, as Arrow's readers want it. */
struct ArrowSchema;
void rows_arrow_set_map_keys(struct ArrowSchema *s);

/* Is this a kind whose values are numbers: right-aligned, and numbers in JSON? */
static inline bool rows_is_number(struct arr_type t)
{
    return (t.kind >= ARR_INT8 && t.kind <= ARR_DOUBLE) || t.kind == ARR_DECIMAL128 ||
           t.kind == ARR_FLOAT16 || t.kind == ARR_DECIMAL256;
}

#endif
