/*
 * The parts of check that are about the log and what it stands on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "state/global.h"
#include "state/reach.h"
#include "upkeep/check_priv.h"
#include "upkeep/sweep.h"

#define TEXT_BYTES 512

/* A stamp may be so far ahead of the store's clock (rule T1). */
#define AHEAD_MAX_US ((int64_t)3600 * 1000 * 1000)

/* An error that says what is damaged is a finding; others keep check from looking. */
static slp_rc tell_damage(struct checking *c, enum upkeep_severity severity, struct slice object,
                          slp_rc rc, const struct slp_err *found, struct slp_err *err)
{
    if (rc == SLP_OK)
        return SLP_OK;
    if (rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED)
        return upkeep_check_tell(c, severity, object, found->text, err);
    if (err)
        *err = *found;
    return rc;
}

/* ------------------------------------------------------------------ log */

struct looking {
    struct checking *c;
    int64_t most_us; /* stamps above it are ahead */
};

static slp_rc look_at_frame(void *context, const struct state_frame_look *look, struct slp_err *err)
{
    struct looking *l = context;
    char text[TEXT_BYTES];
    if (l->c->cancel && *l->c->cancel)
        FAIL(err, CANCELLED, "cancelled");
    for (uint32_t i = 0; i < look->txn_count; i++) {
        int64_t ahead_us = look->txns[i].time_us - l->most_us;
        if (ahead_us <= 0)
            continue;
        (void)snprintf(text, sizeof text,
                       "the stamp of transaction %" PRIu32 " is %" PRId64
                       " s ahead of the store's clock",
                       i, (ahead_us + AHEAD_MAX_US) / 1000000);
        return upkeep_check_tell(l->c, UPKEEP_WARNING, look->name, text, err);
    }
    return SLP_OK;
}

/* Rule G3. */
static slp_rc check_bodies(struct checking *c, uint64_t floor, struct slp_err *err)
{
    struct state_names bodies = {0};
    TRY(state_bodies_named(c->table, floor, &c->arena, &bodies, err));
    for (size_t i = 0; i < bodies.count; i++) {
        struct slp_err found = {.code = SLP_OK};
        slp_rc rc = state_hashed_check(c->table, bodies.names[i], &found);
        c->is_log_damaged = c->is_log_damaged || rc == SLP_CORRUPT;
        TRY(tell_damage(c, UPKEEP_ERROR, bodies.names[i], rc, &found, err));
    }
    return SLP_OK;
}

/* Rule F2: a floor is at most the tip. */
static slp_rc check_floor(struct checking *c, uint64_t floor, struct slp_err *err)
{
    char text[TEXT_BYTES];
    uint64_t number = state_number(state_table_view(c->table));
    if (floor >= 1 && floor <= number)
        return SLP_OK;
    (void)snprintf(text, sizeof text, "it is %" PRIu64 ", and the newest frame %" PRIu64, floor,
                   number);
    return upkeep_check_tell(c, UPKEEP_ERROR, slice_str("floor"), text, err);
}

slp_rc upkeep_check_log(struct checking *c, struct slp_err *err)
{
    struct slp_err found = {.code = SLP_OK};
    uint64_t floor = 0;
    uint64_t number = state_number(state_table_view(c->table));
    struct store *store = state_instance_store(state_table_instance(c->table));
    struct looking l = {.c = c, .most_us = store_now_us(store) + AHEAD_MAX_US};
    slp_rc rc = state_table_floor_read(c->table, &floor, NULL, &found);
    if (rc != SLP_OK)
        return tell_damage(c, UPKEEP_ERROR, slice_str("floor"), rc, &found, err);
    TRY(check_floor(c, floor, err));
    rc = state_frames_look(c->table, floor, number, look_at_frame, &l, &found);
    c->is_log_damaged = rc == SLP_CORRUPT;
    if (c->is_log_damaged)
        (void)err_append(&found, rc, "; what is behind it cannot be read: see 'sleeper repair'");
    TRY(tell_damage(c, UPKEEP_ERROR, slice_str("log"), rc, &found, err));
    if (rc == SLP_OK)
        TRY(check_bodies(c, floor, err));
    rc = state_head_check(c->table, &found);
    return tell_damage(c, UPKEEP_WARNING, slice_str("head"), rc, &found, err);
}

/* ------------------------------------------------------------------ snapshots */

/* The older of the two newest: frames behind it must still lead to the same state. */
static slp_rc check_older(struct checking *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct table_state *view = state_table_view(c->table);
    struct slp_err found = {.code = SLP_OK};
    struct buf first;
    struct buf second;
    size_t count = state_verified_count(view);
    if (count < 2 || c->is_log_damaged)
        return SLP_OK;
    buf_init(&first, c->mem, CHECK_PRINT_MAX_BYTES);
    buf_init(&second, c->mem, CHECK_PRINT_MAX_BYTES);
    const char *root = state_verified_at(view, count - 2)->root;
    rc = state_print_from(c->table, root, &second, &found);
    TRY_OUT(tell_damage(c, UPKEEP_ERROR, slice_str(root), rc, &found, err));
    TRY_OUT(state_print(view, &first, err));
    if (second.len && !slice_equal(buf_slice(&first), buf_slice(&second)))
        rc = upkeep_check_tell(c, UPKEEP_ERROR, slice_str(root),
                               "replaying the log from it gives another state", err);
out:
    buf_fini(&first);
    buf_fini(&second);
    return rc;
}

slp_rc upkeep_check_snapshots(struct checking *c, struct slp_err *err)
{
    struct state_names names = {0};
    struct slp_err found = {.code = SLP_OK};
    uint64_t horizon = state_horizon(state_table_view(c->table));
    slp_rc rc = state_snapshot_reachable(c->table, horizon, &c->arena, &names, &found);
    if (rc == SLP_CORRUPT && c->is_log_damaged)
        return SLP_OK;
    if (rc != SLP_OK)
        return tell_damage(c, UPKEEP_ERROR, slice_str("snap"), rc, &found, err);
    bool is_sound = true;
    for (size_t i = 0; i < names.count; i++) {
        rc = state_hashed_check(c->table, names.names[i], &found);
        is_sound = is_sound && rc == SLP_OK;
        TRY(tell_damage(c, UPKEEP_ERROR, names.names[i], rc, &found, err));
    }
    return is_sound ? check_older(c, err) : SLP_OK;
}

/* ------------------------------------------------------------------ strangers */

/* A name in data/ that the state knows. */
struct known {
    struct slice name;
    bool is_needed; /* dead, and a pinned state has it */
    bool is_seen;
};

struct seeking {
    struct checking *c;
    struct sweep sweep;
    size_t prefix_bytes;
    struct known *known;
    size_t count;
};

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;
    return slice_compare(x->name, y->name);
}

static bool is_pinned(const struct table_state *s, const struct state_dead_file *dead)
{
    for (size_t i = 0; i < state_pin_count(s); i++)
        if (state_pin_at(s, i)->number < dead->since.frame)
            return true;
    return false;
}

static slp_rc know(struct seeking *k, struct slp_err *err)
{
    struct checking *c = k->c;
    const struct table_state *view = state_table_view(c->table);
    const struct state_file **live = NULL;
    size_t live_count = 0;
    size_t dead_count = state_dead_count(view);
    void *room = NULL;
    TRY(state_files(view, &c->arena, &live, &live_count, err));
    TRY(arena_array(&c->arena, live_count + dead_count, sizeof *k->known, &room, err));
    k->known = room;
    for (size_t i = 0; i < live_count; i++)
        k->known[k->count++] = (struct known){.name = live[i]->name};
    for (size_t i = 0; i < dead_count; i++) {
        const struct state_dead_file *dead = state_dead_at(view, i);
        k->known[k->count++] =
            (struct known){.name = dead->name, .is_needed = is_pinned(view, dead)};
    }
    if (k->count)
        qsort(k->known, k->count, sizeof *k->known, compare_known);
    return SLP_OK;
}

static slp_rc look_for(void *context, const struct store_item *item, struct slp_err *err)
{
    struct seeking *k = context;
    struct known wanted = {.name = slice_after(item->name, k->prefix_bytes)};
    struct known *known =
        k->count ? bsearch(&wanted, k->known, k->count, sizeof wanted, compare_known) : NULL;
    if (known) {
        known->is_seen = true;
        return SLP_OK;
    }
    return upkeep_check_tell(
        k->c, UPKEEP_INFO, wanted.name,
        "no state has named it: somebody is about to, or gc deletes it when it is old "
        "enough",
        err);
}

slp_rc upkeep_check_strangers(struct checking *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct seeking k = {.c = c};
    struct state_name folder;
    struct upkeep_gc_options options = {.cancel = c->cancel};
    struct upkeep_gc_result unused = {0};
    upkeep_sweep_init(&k.sweep, state_instance_store(state_table_instance(c->table)), &options,
                      c->mem, &unused);
    TRY_OUT(know(&k, err));
    TRY_OUT(state_table_object(c->table, slice_str("data/"), &folder, err));
    k.prefix_bytes = folder.len - strlen("data/");
    TRY_OUT(upkeep_sweep_each(&k.sweep, state_name_slice(&folder), look_for, &k, err));
    for (size_t i = 0; i < k.count; i++)
        if (k.known[i].is_needed && !k.known[i].is_seen)
            TRY_OUT(upkeep_check_tell(c, UPKEEP_ERROR, k.known[i].name,
                                      "it is not there, and a pinned state may have it", err));
out:
    upkeep_sweep_fini(&k.sweep);
    return rc;
}
