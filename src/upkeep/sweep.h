/*
 * What collectors share: going through listings, remembering what may go, and deleting that in
 * batches. Private to src/upkeep.
 */
#ifndef SLP_UPKEEP_SWEEP_H
#define SLP_UPKEEP_SWEEP_H

#include "base/arena.h"
#include "upkeep/upkeep.h"

#define SWEEP_SECOND_US ((int64_t)1000 * 1000)

/* An object that may go. */
struct sweep_item {
    struct slice object; /* in the store */
    uint64_t bytes;
    int64_t modified_us;
    const char *why; /* NULL: it is spared after all */
};

struct sweep {
    struct store *store;
    struct alloc *mem;
    const struct upkeep_gc_options *options;
    struct arena arena; /* names */
    struct sweep_item *items;
    size_t count;
    size_t room;
    size_t most;    /* items; those beyond are left for the next time */
    bool is_capped; /* there were some */
    size_t batch;   /* objects that are deleted at once */
    int64_t now_us; /* the store's clock */
    struct upkeep_gc_result *result;
};

void upkeep_sweep_init(struct sweep *w, struct store *store,
                       const struct upkeep_gc_options *options, struct alloc *mem,
                       struct upkeep_gc_result *result);
void upkeep_sweep_fini(struct sweep *w);

/* Told each object of a listing; what it lends lasts as long as the call. */
typedef slp_rc (*sweep_fn)(void *context, const struct store_item *item, struct slp_err *err);

/* All objects below a prefix, ascending. Cost: a listing of 1,000 names a page. Errors: CANCELLED. */
SLP_NODISCARD slp_rc upkeep_sweep_each(struct sweep *w, struct slice prefix, sweep_fn fn,
                                       void *context, struct slp_err *err);

/* Remember an object. */
SLP_NODISCARD slp_rc upkeep_sweep_add(struct sweep *w, const struct store_item *item,
                                      const char *why, struct slp_err *err);

/* Delete what was remembered and is not spared, or in a dry run tell it. Errors: CANCELLED between
 * batches; what was deleted stays deleted. */
SLP_NODISCARD slp_rc upkeep_sweep_run(struct sweep *w, struct slp_err *err);

#endif
