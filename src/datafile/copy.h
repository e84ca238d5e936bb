/*
 * Copying blocks of one data file into another without decoding them: their pages go over
 * compressed, and the key index of the new file is told what that of the old one says.
 *
 *   old file   | b0 b1 b2 b3 | b4 b5 ...        two row groups
 *   group      | b1 b2 b3 |                     blocks [1, 4), of one row group
 *
 * That needs the columns of the table in its order, as its schema has them now, and what
 * pq_group_carry asks for. Of the last block the keys are decoded, to know the last one.
 */
#ifndef SLP_DATAFILE_COPY_H
#define SLP_DATAFILE_COPY_H

#include "datafile/datafile.h"

/* Has the file exactly the columns of the table, in their places? */
bool datafile_may_copy(const struct datafile *f);

/* A block as the key index has it. The key is valid until the file is closed. */
struct datafile_block_info {
    struct slice key;  /* its first one */
    bool continues;    /* the block before ends with the same key */
    int64_t first_row; /* in the file */
    int64_t rows;
    uint64_t bytes; /* of its pages in all columns */
    int64_t group;  /* the row group it lies in */
    bool has_codec; /* all its chunks have this codec or none */
};

/* `codec` is what `has_codec` asks for. May read a slice. Errors as datafile_block. */
SLP_NODISCARD slp_rc datafile_block_info(struct datafile *f, int64_t block, enum cx_kind codec,
                                         struct datafile_block_info *out, struct slp_err *err);

/* The greatest key of the file; valid until it is closed. */
struct slice datafile_last_key(const struct datafile *f);

uint32_t datafile_footer_bytes(const struct datafile *f);

/* What copying from a file needs besides the file: its footer. */
struct datafile_copier;

/* `f` outlives the copier. Errors: CORRUPT; those of pq_footer_read and pq_meta_parse. Cost: one
 * read of the footer, which is kept. */
SLP_NODISCARD slp_rc datafile_copier_new(struct datafile *f, struct datafile_copier **out,
                                         struct slp_err *err);
void datafile_copier_free(struct datafile_copier *c);

/* Blocks [first, end) of one row group. */
struct datafile_blocks {
    int64_t first;
    int64_t end;
};

/*
 * Make these blocks the whole of `g`, which was made for the schema of the file's table. `*done` is
 * false when they cannot be copied; then, and after an error, `g` has no rows.
 *
 * Errors   CORRUPT  a page that fails its CRC; footer and key index that differ
 *          and whatever the source returns
 * Cost     as pq_group_carry, and a lookup in the last block
 */
SLP_NODISCARD slp_rc datafile_group_copy(struct datafile_group *g, struct datafile_copier *c,
                                         const struct datafile_blocks *blocks, bool *done,
                                         struct slp_err *err);

#endif
