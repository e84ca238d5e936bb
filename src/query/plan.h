/*
 * Plans: which columns are read, and which files in which intervals, in key order.
 */
#ifndef SLP_QUERY_PLAN_H
#define SLP_QUERY_PLAN_H

#include "process/process.h"
#include "query/query.h"

/* A file that some piece needs. */
struct plan_file {
    struct state_id id;
    struct slice object; /* its name in the store */
    struct datafile_info info;
    unsigned form;                    /* its storage columns */
    const struct stack_purge *purges; /* those it is due (rule V3) */
    size_t purge_count;
};

/* Rows of one file that count in a piece: those with keys in `range`. */
struct plan_part {
    size_t file;            /* index into the plan's files */
    struct key_range range; /* clipped to piece and reference */
    int64_t known_rows;     /* rows in it where the state tells; else -1 */
};

/* An interval of keys and the parts in it, in merge order (rule O1). */
struct plan_piece {
    struct plan_part *parts;
    size_t part_count;
};

/* Columns of files of a form; the others are blank (stack/spread.h). */
struct plan_columns {
    size_t *columns; /* NULL: all are read */
    size_t count;
};

struct plan {
    struct arena arena;
    struct alloc *mem;
    struct plan_file *files;
    size_t file_count;
    struct plan_piece *pieces;
    size_t piece_count;
    struct process *process;   /* NULL: the table has no use for one */
    struct stack_iters *iters; /* NULL: none */
    bool is_processed;         /* rows change between file and caller */
    unsigned form;             /* storage columns of all files together */
    size_t
        *columns; /* read: indexes into the table's schema, those to give first; NULL if processed:
                        see `stored` */
    size_t column_count;
    struct plan_columns stored[STACK_FORMS]; /* if processed: read of files of each form */
    size_t *given; /* which of read_schema's columns are given to the caller */
    size_t given_count;
    struct arr_schema read_schema; /* of `columns`, or of what processing yields */
    struct arr_schema given_schema;
    const struct pred *pred; /* bound to read_schema; NULL: none */
    uint64_t considered;     /* parts */
};

/* Make a plan; `count_only` reads the predicate's columns alone. On failure nothing is left to
 * release. */
SLP_NODISCARD slp_rc query_plan_make(struct state_table *table, const struct query_options *options,
                                     bool count_only, struct alloc *mem, struct plan *out,
                                     struct slp_err *err);
void query_plan_fini(struct plan *p);

#endif
