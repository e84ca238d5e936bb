/*
 * Which state a table had at a time: the last frame whose table time is not above it (rule T1).
 */
#include <inttypes.h>

#include "state/global.h"
#include "state/keep.h"

/* Snapshots that one state can know. */
#define KNOWN_MAX (STATE_VERIFIED_MAX + STATE_PINS_MAX + 1)

/* A snapshot to begin from; no root: frame 1 is there, and nothing is needed. */
struct start {
    uint64_t number;
    char root[STATE_ROOT_NAME_BYTES];
};

struct starts {
    struct start *items; /* ascending by number */
    size_t count;
};

static void offer(struct starts *s, uint64_t number, struct slice root)
{
    size_t at = s->count;
    if (root.len >= STATE_ROOT_NAME_BYTES)
        return;
    for (; at > 0 && s->items[at - 1].number > number; at--)
        s->items[at] = s->items[at - 1];
    s->items[at] = (struct start){.number = number};
    if (root.len)
        memcpy(s->items[at].root, root.ptr, root.len);
    s->count++;
}

static slp_rc list_starts(const struct state_replica *r, struct arena *arena, struct starts *out,
                          struct slp_err *err)
{
    const struct table_state *s = r->machine.table;
    void *room = NULL;
    TRY(arena_array(arena, KNOWN_MAX, sizeof *out->items, &room, err));
    out->items = room;
    if (r->floor.number <= 1)
        offer(out, 0, (struct slice){0});
    for (size_t i = 0; i < s->verified_count; i++)
        offer(out, s->verified[i].number, slice_str(s->verified[i].root));
    for (size_t i = 0; i < state_pin_count(s); i++)
        offer(out, state_pin_at(s, i)->number, state_pin_at(s, i)->root);
    return SLP_OK;
}

/* Begin at a snapshot; false where it has gone meanwhile. */
static slp_rc begin_at(struct state_replica *r, const struct start *start, bool *is_there,
                       struct slp_err *err)
{
    *is_there = true;
    if (!start->root[0]) {
        state_replica_restart(r);
        return SLP_OK;
    }
    slp_rc rc = state_snapshot_load(r, slice_str(start->root), err);
    *is_there = rc == SLP_OK;
    if (rc == SLP_NOT_FOUND) {
        err_clear(err);
        rc = SLP_OK;
    }
    return rc;
}

/* Replay while table time is not above `time_us`, to `tip` at most, and as far as there are frames. */
static slp_rc walk(struct state_replica *r, int64_t time_us, uint64_t tip, uint64_t *number,
                   struct slp_err *err)
{
    *number = r->number;
    while (r->number < tip) {
        size_t got = 0;
        TRY(state_replica_fetch(r, STATE_READ_AHEAD, &got, err));
        if (r->number != *number || got == 0)
            return SLP_OK; /* the frames behind it are gone */
        for (size_t i = 0; i < got; i++) {
            TRY(state_replica_take(r, buf_slice(&r->frames[i]), err));
            if (state_time_us(r->machine.table) > time_us)
                return SLP_OK;
            *number = r->number;
        }
    }
    return SLP_OK;
}

static slp_rc find(struct state_replica *r, int64_t time_us, struct arena *arena, uint64_t *out,
                   struct slp_err *err)
{
    struct starts starts = {.count = 0};
    uint64_t tip = r->number;
    *out = tip;
    if (state_time_us(r->machine.table) <= time_us)
        return SLP_OK;
    TRY(list_starts(r, arena, &starts, err));
    for (size_t i = starts.count; i-- > 0;) {
        bool is_there = false;
        TRY(begin_at(r, &starts.items[i], &is_there, err));
        if (!is_there || state_time_us(r->machine.table) > time_us)
            continue;
        TRY(walk(r, time_us, tip, out, err));
        if (*out > 0)
            return SLP_OK;
    }
    FAIL(err, NOT_FOUND,
         "no state is kept that is as old as this; 'sleeper log' and 'sleeper pin list' "
         "show what there is");
}

slp_rc state_table_find_time(struct state_table *t, int64_t time_us, uint64_t *number,
                             struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_instance *i = state_table_instance(t);
    struct hash128 id = state_table_id(t);
    struct state_replica r = {0};
    struct arena arena;
    uint64_t found = 0;
    arena_init(&arena, state_instance_mem(i), STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_replica_init(&r, i, &id, err));
    TRY_OUT(state_replica_refresh(&r, err));
    TRY_OUT(find(&r, time_us, &arena, &found, err));
    *number = found;
out:
    if (r.mem)
        state_replica_fini(&r);
    arena_fini(&arena);
    return err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(state_table_name(t)));
}
