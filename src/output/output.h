/*
 * Output: sorted rows into data files of a table. What ingest and compaction share.
 *
 *     output_new -> output_take, output_cut, ... -> output_finish -> files for a transaction
 *
 * Rows come in groups, each a row group of the file being written. A file is begun when rows come
 * and ended by output_cut (a leaf's bound) or when it has reached its size. Each ended file is
 * durable in the store under a fresh name before output_finish returns; no state knows it yet. If
 * the transaction that would name it is not committed, output_discard removes what was written; a
 * process that dies first leaves strangers, which are collected.
 */
#ifndef SLP_OUTPUT_OUTPUT_H
#define SLP_OUTPUT_OUTPUT_H

#include "state/state.h"

/* A file is ended at the first row group behind this many bytes. */
#define OUTPUT_FILE_BYTES ((uint64_t)1 << 30)

/* A row group holds at most so many rows unless the table says otherwise, and so many bytes before
 * encoding. */
#define OUTPUT_GROUP_ROWS      262144
#define OUTPUT_GROUP_BYTES_MAX ((size_t)32 << 20)
#define OUTPUT_GROUP_BYTES_MIN ((size_t)512 << 10)

struct output_options {
    size_t threads;       /* row groups encoded at once; 0: 1 */
    size_t memory;        /* for groups being encoded; 0: as much as they want */
    uint64_t file_bytes;  /* 0: OUTPUT_FILE_BYTES */
    struct slice suffix;  /* of names, for people: "12.0.0-1" */
    struct slice lineage; /* JSON for the files' metadata */
    size_t embed_bytes;   /* files of so many bytes together are for the frame; 0: none */
    /* Called before each row group by whoever gives it, with the rows so far: to tell how far the
       work is, to keep a job alive, or to end it with an error. May be NULL. */
    slp_rc (*on_group)(void *context, int64_t rows, struct slp_err *err);
    void *on_group_context;
};

struct output;

/* How files are written (codec, pages, profile, bloom filters) is what the table's properties
 * parquet.* say. The handle outlives the output. Text of `options` is copied. */
SLP_NODISCARD slp_rc output_new(struct state_table *table, const struct output_options *options,
                                struct alloc *mem, struct output **out, struct slp_err *err);

/* What the next groups are: files that a table's stack was run over may have columns of storage. */
struct output_form {
    const struct schema *schema; /* of the groups; outlives the output */
    uint32_t stack;              /* for the files' entries: the storage columns there are */
    int64_t deletes;             /* rows of the next group, and of no other, that are deletes */
    int64_t resets;
};

/* Say what the next groups are; one not called before writes rows of the table's schema, all puts. A
 * file that was begun with other columns is ended. Errors: as output_cut. */
SLP_NODISCARD slp_rc output_next(struct output *o, const struct output_form *form,
                                 struct slp_err *err);

/* How large a group the caller should make. */
int64_t output_group_rows(const struct output *o);
size_t output_group_bytes(const struct output *o);

/*
 * Write rows with their keys as one row group; takes the contents of both, which are blank
 * afterwards. No rows: nothing happens. `keys` may be NULL for rows that were merged, as
 * datafile_group_encode has it.
 *
 * Errors   INVALID  keys that fall
 *          LIMIT    device full; and whatever datafile_writer_take and the store return
 */
SLP_NODISCARD slp_rc output_take(struct output *o, struct arr_batch *rows, struct key_vec *keys,
                                 struct slp_err *err);

/* How groups for output_group are to be made; lives as long as `o`. */
const struct datafile_write_options *output_write_options(const struct output *o);

/* What groups for output_group have as columns, until output_next says otherwise. */
const struct schema *output_schema(const struct output *o);

/* Write a group that was made apart, with these options and the table's schema, as the next one; it
 * may be used again. Errors: as output_take. */
SLP_NODISCARD slp_rc output_group(struct output *o, const struct datafile_group *g,
                                  struct slp_err *err);

/* End the current file, if one was begun. Errors: as above; a write that was not answered is
 * UNAVAILABLE and not UNKNOWN: no log names the file, and output_discard removes it. */
SLP_NODISCARD slp_rc output_cut(struct output *o, struct slp_err *err);

/* End the last file and tell all of them; they live as long as `o`. */
SLP_NODISCARD slp_rc output_finish(struct output *o, struct state_new_file **files, size_t *count,
                                   struct slp_err *err);

/* Bytes of the files that have no object: their transaction brings them along (rule G4), and a file's
 * `body` counts in this list, from 1. They live as long as `o`. */
const struct slice *output_bodies(const struct output *o, size_t *count);

int64_t output_rows(const struct output *o);
uint64_t output_bytes(const struct output *o); /* of ended files */

/* Forget the file being written: nothing of it is left. Who gave output_next a schema that ends before
 * the output does calls this, or output_cut, before it does. */
void output_drop(struct output *o);

/* Remove the files that were written, as far as that can be done: they were not committed. */
void output_discard(struct output *o);

/* Release; an unfinished file is dropped. NULL is accepted. */
void output_free(struct output *o);

#endif
