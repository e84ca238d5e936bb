/*
 * The global part from inside. Texts live in the state's arena `keys`. Private to src/state.
 */
#ifndef SLP_STATE_GLOBAL_PRIV_H
#define SLP_STATE_GLOBAL_PRIV_H

#include "base/arena.h"
#include "state/global.h"
#include "state/wire.h"

struct state_global {
    uint32_t engine;
    bool is_ordered;
    uint32_t order_by;
    struct slice engine_text;
    bool has_deleted;
    struct state_property *properties; /* ascending by name */
    size_t property_count;
    size_t property_room;
    struct state_schema *schemas; /* ascending by version */
    size_t schema_count;
    size_t schema_room;
    uint32_t schema_highest; /* that there ever was: a restore does not lower it */
    struct state_purge *purges;
    size_t purge_count;
    size_t purge_room;
    struct state_pin *pins; /* ascending by name */
    size_t pin_count;
    size_t pin_room;
    struct state_position *adds; /* see state_add_at */
    size_t add_count;
    size_t add_room;
    struct state_submitted *submitted; /* ascending by id; their texts are theirs */
    size_t submitted_count;
    size_t submitted_room;
    size_t submitted_bytes; /* of their paths */
    uint64_t minted;
    uint64_t horizon;
    bool is_paused;
    struct state_position paused_at;
    bool is_dropped;
    struct state_position restored_at; /* the newest restore */
};

/* As a snapshot's root holds it (docs/format/snapshot.md): the struct itself. */
extern const struct state_shape state_global_shape;

/* The i-th submitted file goes, with its texts; a text of one is replaced by a copy. */
void state_submitted_drop(struct alloc *mem, struct state_global *g, size_t i);
SLP_NODISCARD slp_rc state_submitted_text(struct alloc *mem, struct slice *text, struct slice by,
                                          struct slp_err *err);

/* A submitted file behind all others: a copy. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_submitted_append(struct alloc *mem, struct state_global *g,
                                            const struct state_submitted *from,
                                            struct slp_err *err);

void state_global_fini(struct alloc *mem, struct state_global *g);

/* Copy what `from` says, blank in `to`, its texts into `arena`. Errors: CORRUPT where lists are out
 * of order, NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_global_copy(struct alloc *mem, struct arena *arena,
                                       const struct state_global *from, struct state_global *to,
                                       struct slp_err *err);

/* As text, for state_print. */
SLP_NODISCARD slp_rc state_global_print(const struct state_global *g, struct buf *out,
                                        struct slp_err *err);

#endif
