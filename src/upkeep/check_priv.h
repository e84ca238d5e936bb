/*
 * What the parts of check share. Private to src/upkeep.
 */
#ifndef SLP_UPKEEP_CHECK_PRIV_H
#define SLP_UPKEEP_CHECK_PRIV_H

#include "base/arena.h"
#include "upkeep/upkeep.h"

#define CHECK_WORK_MAX_BYTES  ((size_t)4 << 30)
#define CHECK_PRINT_MAX_BYTES ((size_t)1 << 30)

struct checking {
    struct state_table *table;
    const volatile int *cancel;
    upkeep_finding_fn found;
    void *context;
    struct alloc *mem;
    struct arena arena;
    bool is_log_damaged; /* told: what only says so again is not */
};

SLP_NODISCARD slp_rc upkeep_check_tell(struct checking *c, enum upkeep_severity severity,
                                       struct slice object, const char *text, struct slp_err *err);

/* Frames from the floor on, their stamps, the bodies that they name; floor and head. */
SLP_NODISCARD slp_rc upkeep_check_log(struct checking *c, struct slp_err *err);

/* Objects of the snapshots that must be kept, and a replay from the older of the newest two. */
SLP_NODISCARD slp_rc upkeep_check_snapshots(struct checking *c, struct slp_err *err);

/* What lies below the table and nothing knows; and what only pins know. */
SLP_NODISCARD slp_rc upkeep_check_strangers(struct checking *c, struct slp_err *err);

#endif
