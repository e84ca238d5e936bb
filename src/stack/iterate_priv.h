/*
 * How iterators are made of runs. Each is bound once, to the schema of what comes in, and opened for
 * each run.
 */
#ifndef SLP_STACK_ITERATE_PRIV_H
#define SLP_STACK_ITERATE_PRIV_H

#include "os/library.h"
#include "predicate/predicate.h"
#include "sleeper/plugin.h"
#include "stack/expression.h"
#include "stack/iterate.h"
#include "stack/scan.h"

struct iter;

struct iter_class {
    const char *name;
    bool needs_keys; /* whole keys: blocks hold all rows of a key */
    bool is_foreign; /* it may do anything to columns that it hands on */
    /* Parse what stands in the brackets and set `it->out`, `it->uses`, `it->from`. */
    slp_rc (*bind)(struct iter *it, struct scan *s, struct slp_err *err);
    /* Takes `input`, on failure too. */
    slp_rc (*open)(const struct iter *it, struct alloc *mem, struct run *input, struct run **out,
                   struct slp_err *err);
};

extern const struct iter_class stack_iter_filter;
extern const struct iter_class stack_iter_project;
extern const struct iter_class stack_iter_map;
extern const struct iter_class stack_iter_top;
extern const struct iter_class stack_iter_dedupe;
extern const struct iter_class stack_iter_sample;
extern const struct iter_class stack_iter_redact;
extern const struct iter_class stack_iter_plugin;

struct iter {
    const struct iter_class *class;
    bool holds_keys; /* as its class, or as its plug-in says */
    struct arena *arena;
    struct alloc *mem;
    struct slice text; /* as given, for messages */
    const struct arr_schema *in;
    const struct arr_schema *out;
    bool *uses;   /* by column of `in`: it reads it, whatever is wanted of it */
    size_t *from; /* by column of `out`: that of `in` which it is, SIZE_MAX: none; NULL: the same */
    size_t *columns; /* project: which; top, dedupe: compared first */
    size_t count;    /* of columns, expressions or labels */
    bool is_descending;
    int64_t most;       /* top */
    uint64_t threshold; /* sample: hashes below it stay */
    const struct pred *where;
    struct slice *labels;
    struct stack_expression **expressions; /* map */
    size_t *targets;                       /* map: column of `out` */
    struct os_library library;             /* plugin */
    const struct sleeper_plugin *plugin;
    struct slice config;
    const char *path;
};

/* Mark a column as used; find it by a token. Errors: INVALID with a caret. */
SLP_NODISCARD slp_rc stack_iter_column(struct iter *it, const struct scan *s,
                                       const struct scan_token *name, size_t *out,
                                       struct slp_err *err);

/* Names separated by commas, up to the closing bracket, which stays. */
SLP_NODISCARD slp_rc stack_iter_columns(struct iter *it, struct scan *s, struct slp_err *err);

/* A run that hands out blocks of whole keys. Takes `input`, on failure too. */
SLP_NODISCARD slp_rc stack_iter_whole_keys(const struct arr_schema *schema, struct alloc *mem,
                                           struct run *input, struct run **out,
                                           struct slp_err *err);

/* The row behind the last one that has the key of row `first`. */
int64_t stack_iter_end_of_key(const struct key_vec *keys, int64_t first);

/*
 * A run that keeps rows: what a `judge` picks of each block, in the order it wants. It fills `picks`
 * (room for a number a row) and says how many. `state` is freed with the run.
 */
struct iter_kept;
typedef slp_rc (*iter_judge_fn)(const struct iter *it, const struct run_block *block,
                                struct buf *scratch, uint32_t *picks, int64_t *count,
                                struct slp_err *err);
SLP_NODISCARD slp_rc stack_iter_keep(const struct iter *it, iter_judge_fn judge, struct alloc *mem,
                                     struct run *input, struct run **out, struct slp_err *err);

/* Is the visibility satisfied by the labels? "a&(b|c)"; empty: yes; no visibility at all: no. */
bool stack_iter_is_visible(struct slice visibility, const struct slice *labels, size_t count);

#endif
