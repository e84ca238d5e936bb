/*
 * The catalogue: the state of the instance's own log. Names of tables and their ids,
 * which of them are offline, which ids were dropped, and defaults of properties. Pure. Private
 * to src/state.
 */
#ifndef SLP_STATE_CATALOGUE_H
#define SLP_STATE_CATALOGUE_H

#include "state/ring.h"
#include "state/state.h"

struct state_catalogue {
    struct alloc *mem;
    struct arena names;
    struct state_table_entry *entries; /* ascending by name */
    size_t count;
    size_t room;
    struct state_dropped_table *dropped; /* in order of dropping */
    size_t dropped_count;
    size_t dropped_room;
    struct state_property *defaults; /* of properties, ascending by name */
    size_t default_count;
    size_t default_room;
    struct state_ring ring;
    struct state_ring tokens;
};

void state_catalogue_init(struct state_catalogue *c, struct alloc *mem,
                          const struct state_rules *rules);
void state_catalogue_fini(struct state_catalogue *c);

/* The entry of a name; NULL if it is free. */
const struct state_table_entry *state_catalogue_find(const struct state_catalogue *c,
                                                     struct slice name);

/* The entry of an id; NULL if there is none, or no longer. */
const struct state_table_entry *state_catalogue_find_id(const struct state_catalogue *c,
                                                        struct hash128 id);

/* Replay one transaction. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_catalogue_apply(struct state_catalogue *c, const struct state_txn *txn,
                                           struct state_position at, struct state_outcome *out,
                                           struct slp_err *err);

#endif
