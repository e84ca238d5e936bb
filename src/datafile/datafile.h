/*
 * A data file: one sorted file of a table. Plain Parquet for all, with a key index inside for us.
 *
 *   | PAR1 | row groups | slice 0 | slice 1 | ... | top | page index | footer | N | PAR1 |
 *            in blocks    `-------- key index ----------'
 *
 * Block: a run of rows at whose start every column begins a page; at most DATAFILE_BLOCK_ROWS_MAX
 * rows, never across a row group. Slice: the entries of 64 blocks: first key of each,
 * prefix-compressed; row number; per column the pages' offsets and lengths, dictionary positions,
 * codecs. Top: one key a slice, and where the slices are. Top and slices carry their own CRC32C.
 * docs/format/datafile.md specifies them.
 *
 * A lookup reads top and slice (small, kept by the open file), then the pages of one block: one
 * range a column, one round. The footer is never read. The position of the top stands in the file's
 * log entry (struct datafile_info).
 */
#ifndef SLP_DATAFILE_DATAFILE_H
#define SLP_DATAFILE_DATAFILE_H

#include "arrow/batch.h"
#include "base/io.h"
#include "base/show.h"
#include "codec/compress.h"
#include "key/key.h"
#include "key/run.h"
#include "parquet/meta.h"
#include "parquet/writer.h"
#include "schema/schema.h"

#define DATAFILE_BLOCK_ROWS_MAX 16384
#define DATAFILE_SLICE_BLOCKS   64

/* A buffer of more bytes than this is given back with the block that needed it. */
#define DATAFILE_LARGE_BYTES ((size_t)1 << 20)

/* One row whose pages have more bytes than this may come in parts: its keys, then the others. */
#define DATAFILE_PART_BYTES ((size_t)64 << 10)

/* What the log keeps of a file besides its name. */
struct datafile_info {
    uint64_t file_bytes;
    int64_t rows;
    struct slice first_key; /* encoded; in the arena given to datafile_writer_finish */
    struct slice last_key;
    uint64_t top_offset; /* of the key index's top */
    uint32_t top_bytes;
    uint64_t index_offset;  /* of slice 0: where the key index begins */
    uint64_t footer_offset; /* of the Parquet metadata */
    uint32_t footer_bytes;
    uint32_t crc32c; /* of the whole file */
};

struct datafile_write_options {
    enum cx_kind codec;      /* CX_ZSTD */
    int level;               /* 1 */
    size_t block_bytes;      /* a block's rows: the median column reaches so many bytes; 32 KiB;
                                the widest one 1 MiB at most, if that is more than a row */
    size_t threads;          /* row groups encoded at once; 1 */
    struct slice lineage;    /* JSON: table, base, txid or job and attempt, parents */
    enum pq_profile profile; /* which readers the file is for */
    size_t page_bytes;       /* of a page inside a block; 0: 1 MiB */
    bool page_v2;            /* data pages of version 2 */
    uint32_t bound_bytes;    /* bounds of strings are cut to this many; 0: as pq has it */
    const struct pq_column_options *columns; /* one a column of the schema; may be NULL */
    const struct schema
        *told; /* the table's, which the footer tells; NULL: the writer's. Another one
                                  where the file has columns of storage; outlives the writer */
};

void datafile_write_options_init(struct datafile_write_options *o);

struct datafile_writer;

/* `sink`, `schema`, `spec` outlive the writer. */
SLP_NODISCARD slp_rc datafile_writer_new(struct alloc *mem, struct sink *sink,
                                         const struct schema *schema, const struct key_spec *spec,
                                         const struct datafile_write_options *options,
                                         struct datafile_writer **out, struct slp_err *err);
void datafile_writer_free(struct datafile_writer *w);

/*
 * Write rows with their keys as one row group; takes the contents of both, on failure too: they are
 * blank afterwards (initialise them again for the next). With threads > 1 encoding goes on behind
 * the call, at most `threads` groups at once; the writer's allocator must then be safe for threads.
 * The keys are believed to be those of the rows. `keys` may be NULL for rows that were merged, as
 * datafile_group_encode has it.
 *
 * Errors   INVALID  keys that fall, inside the group or from the one before
 *          LIMIT, NO_MEMORY, and whatever the sink returns, perhaps for an earlier group; every
 *          call after a failed one returns its error again
 */
SLP_NODISCARD slp_rc datafile_writer_take(struct datafile_writer *w, struct arr_batch *rows,
                                          struct key_vec *keys, struct slp_err *err);

/*
 * A row group that is made apart from its file: one thread merges and encodes rows while another
 * writes what came before them. It holds finished pages and what the key index will say of them.
 */
struct datafile_group;

/* `schema` outlives the group; of `options` codec, level and block_bytes count. Errors:
 * NO_MEMORY. */
SLP_NODISCARD slp_rc datafile_group_new(struct alloc *mem, const struct schema *schema,
                                        const struct datafile_write_options *options,
                                        struct datafile_group **out, struct slp_err *err);
void datafile_group_free(struct datafile_group *g);

/*
 * Encode at least one row with its key as the whole group; what it held before is forgotten, its
 * memory used again. Pure; the keys are believed to be those of the rows. `keys` may be NULL for
 * rows that were merged, whose order the merge has checked: then those at which blocks begin and
 * end are encoded and compared.
 *
 * Errors   INVALID  keys that fall
 *          and those of pq_group_encode
 */
SLP_NODISCARD slp_rc datafile_group_encode(struct datafile_group *g, const struct arr_batch *rows,
                                           const struct key_vec *keys, struct slp_err *err);

int64_t datafile_group_rows(const struct datafile_group *g);
uint64_t datafile_group_bytes(const struct datafile_group *g); /* as it will stand in the file */

/* Write a group, made with the writer's schema and options, behind the last one; it may be used for
 * other rows afterwards. One without rows is left out. Errors: as datafile_writer_take. */
SLP_NODISCARD slp_rc datafile_writer_group(struct datafile_writer *w,
                                           const struct datafile_group *g, struct slp_err *err);

/* Write key index and footer; at least one row was written. Keys of `out` are copied into
 * `arena`. */
SLP_NODISCARD slp_rc datafile_writer_finish(struct datafile_writer *w, struct arena *arena,
                                            struct datafile_info *out, struct slp_err *err);

struct datafile;

/*
 * Open a file by its log entry; reads the top of its key index, in one round. Takes `src`, closes
 * it on failure too. `schema` and `spec` outlive the file.
 *
 * Errors   CORRUPT      top damaged, or not of this file
 *          UNSUPPORTED  a newer version of the key index
 */
SLP_NODISCARD slp_rc datafile_open(struct alloc *mem, struct source *src,
                                   const struct datafile_info *info, const struct schema *schema,
                                   const struct key_spec *spec, struct datafile **out,
                                   struct slp_err *err);
void datafile_close(struct datafile *f);

/* Blocks that may hold keys of `range`: [*first, *end). Reads at most two slices, which are
 * kept. */
SLP_NODISCARD slp_rc datafile_find(struct datafile *f, struct key_range range, int64_t *first,
                                   int64_t *end, struct slp_err *err);

int64_t datafile_block_count(const struct datafile *f); /* at least 1 */
int64_t datafile_row_count(const struct datafile *f);
uint64_t datafile_page_bytes(const struct datafile *f); /* of all blocks, in all columns */

/* First key and first row of a block; `key` is valid until the file is closed. May read a slice. */
SLP_NODISCARD slp_rc datafile_block(struct datafile *f, int64_t block, struct slice *key,
                                    int64_t *first_row, struct slp_err *err);

/* The number of the first row whose key is not below `key`; the file's row count if there is none.
 * Reads at most two slices and the key pages of a block or two. Errors as datafile_read. */
SLP_NODISCARD slp_rc datafile_lower_bound(struct datafile *f, struct slice key, int64_t *row,
                                          struct slp_err *err);

/* How many bytes this open file has read of its key index so far, and in all. */
void datafile_counts(const struct datafile *f, uint64_t *index_bytes, uint64_t *all_bytes,
                     uint64_t *reads);

struct datafile_read_options {
    struct key_range range; /* rows outside are left out */
    const size_t *columns;  /* indexes into the table's schema; NULL: all */
    size_t column_count;
    size_t prefetch_bytes;   /* pages read in a round; 0: a block, for lookups; scans want 1 MiB */
    size_t batch_rows;       /* blocks are joined up to this many rows; 0: one block a batch */
    bool keeps_space;        /* the file keeps the memory of the run for its next one */
    bool may_leave_keys;     /* blocks may have columns in place of keys (key/columns.h); only with
                              batch_rows 0 */
    bool keeps_dictionaries; /* flat columns that are not of the key stay indices where the file has
                                them so (arrow/dictionary.h); only with batch_rows 0 */
    bool may_be_partial;     /* so may blocks come that are one row of more than DATAFILE_PART_BYTES
                              (key/run.h); only with batch_rows 0 */
};

/*
 * Rows of the file in `range`, in key order, as a run. Its batches have the chosen columns (and its
 * keys are encoded from the key columns, which are read whether chosen or not). Several runs of one
 * file may be open, one thread at a time. `out_schema` (may be NULL) is set to the schema of the
 * batches, which lives as long as the run.
 *
 * Errors          those of datafile_find
 * Errors of next  CORRUPT  a page that fails its CRC or does not fit the key index (file, column,
 *                          block, offset); keys that fall or are not as indexed. At the ends of
 *                          the range only the rows inside are looked at
 *                 UNSUPPORTED, LIMIT, NO_MEMORY, and whatever the source returns
 * Cost            one round of reads a window: a range a column, and one for each new dictionary
 */
SLP_NODISCARD slp_rc datafile_read(struct datafile *f, const struct datafile_read_options *options,
                                   struct run **out, const struct arr_schema **out_schema,
                                   struct slp_err *err);

/*
 * Verify the whole file: CRC32C, footer against log entry, every page, key order, key index against
 * keys, row counts.
 *
 * Errors  CORRUPT  with what is wrong
 * Cost    reads it twice
 */
SLP_NODISCARD slp_rc datafile_verify(struct datafile *f, struct slp_err *err);

/*
 * Show the key index of a Parquet file in the object that is open, a line a block; nothing when the
 * file has none. `meta` is its footer. For people: `sleeper inspect`.
 *
 * Errors  CORRUPT, UNSUPPORTED  as datafile_open; what was shown before stays
 */
SLP_NODISCARD slp_rc datafile_index_show(struct source *src, const struct pq_meta *meta,
                                         struct alloc *mem, struct show *s, struct slp_err *err);

#endif
