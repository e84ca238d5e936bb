/*
 * Who deletes. It keeps to rules G1, G2 and S3 with marks as high as they may be, so that what is
 * worked on at the same moment is on the edge.
 */
#include <stdio.h>

#include "sim/world.h"
#include "state/global.h"
#include "state/snapshot.h"

#define PAGE_BYTES ((size_t)16 << 20)

/* Names that must stay, relative to the table. */
struct kept {
    struct arena arena;
    struct slice names[512];
    size_t count;
    bool is_whole;
};

static void keep(struct kept *k, struct slice name)
{
    if (k->count == sizeof k->names / sizeof *k->names ||
        arena_copy(&k->arena, name, &k->names[k->count], NULL) != SLP_OK)
        k->is_whole = false;
    else
        k->count++;
}

static bool is_kept(const struct kept *k, struct slice name)
{
    for (size_t i = 0; i < k->count; i++)
        if (slice_equal(k->names[i], name))
            return true;
    return false;
}

static bool object_name(struct world_seat *seat, struct slice name, struct state_name *out)
{
    return state_table_object(seat->table, name, out, NULL) == SLP_OK;
}

static void keep_root(struct world_seat *seat, struct kept *k, struct slice root)
{
    struct buf bytes;
    struct state_name whole;
    struct state_snapshot self;
    if (is_kept(k, root) || root.len == 0)
        return;
    buf_init(&bytes, &seat->w->sim.mem, STATE_SNAPSHOT_MAX_BYTES);
    keep(k, root);
    if (object_name(seat, root, &whole) &&
        store_get(&seat->w->sim.base, state_name_slice(&whole), &bytes, NULL) == SLP_OK &&
        state_root_decode(buf_slice(&bytes), &k->arena, &self, NULL) == SLP_OK) {
        for (size_t i = 0; i < self.shard_count; i++)
            keep(k, self.shards[i].name);
        for (size_t i = 0; i < self.list_count; i++)
            keep(k, self.lists[i].name);
    } else {
        k->is_whole = false; /* then nothing may go */
    }
    buf_fini(&bytes);
}

/* Rule S3. */
static void keep_snapshots(struct world_seat *seat, struct kept *k)
{
    const struct table_state *s = state_table_view(seat->table);
    struct state_floor floor = {0};
    struct state_name place;
    if (!object_name(seat, slice_of(NULL, 0), &place) ||
        state_floor_read(&seat->w->sim.base, &seat->w->sim.mem, place.text, &floor, NULL) !=
            SLP_OK) {
        k->is_whole = false;
        return;
    }
    keep_root(seat, k, slice_str(floor.root));
    for (size_t i = 0; i < s->verified_count && !STATE_BUG(KEEP_NONE); i++) {
        const struct state_verified *v = &s->verified[i];
        if (i + 2 >= s->verified_count || v->number + 1 >= floor.number ||
            v->number >= state_horizon(s))
            keep_root(seat, k, slice_str(v->root));
    }
    for (size_t i = 0; i < seat->w->restore_count && !STATE_BUG(RESTORE_ROOT); i++)
        if (seat->w->restores[i].frame >= floor.number)
            keep_root(seat, k, slice_str(seat->w->restores[i].root));
    for (size_t i = 0; i < state_pin_count(s); i++)
        keep_root(seat, k, state_pin_at(s, i)->root);
}

static bool is_pinned(const struct table_state *s, uint64_t since)
{
    for (size_t i = 0; i < state_pin_count(s); i++)
        if (state_pin_at(s, i)->number < since)
            return true;
    return false;
}

/* Data that may go: dead since before H, or never known and made before M (rule G2). */
static bool is_garbage(const struct table_state *s, const struct kept *live, struct slice name,
                       uint64_t jobs_from, uint64_t minted, uint64_t horizon)
{
    if (is_kept(live, name))
        return false;
    for (size_t i = 0; i < s->dead_count; i++)
        if (slice_equal(s->dead[i].name, name))
            return s->dead[i].since.frame < horizon && !is_pinned(s, s->dead[i].since.frame);
    uint64_t base = state_mint_base(name);
    return base < minted && (base < jobs_from || STATE_BUG(NO_JOB_EXEMPT));
}

struct victims {
    struct state_name names[256];
    size_t count;
};

static void take_page(struct world_seat *seat, const char *prefix, const struct kept *live,
                      const struct kept *snaps, uint64_t minted, uint64_t horizon,
                      struct victims *out)
{
    const struct table_state *s = state_table_view(seat->table);
    struct arena a;
    struct store_item *items = NULL;
    size_t count = 0;
    struct state_name whole;
    uint64_t jobs_from = UINT64_MAX;
    for (size_t i = 0; i < state_job_count(s); i++)
        if (state_job_at(s, i)->id.at.frame < jobs_from)
            jobs_from = state_job_at(s, i)->id.at.frame;
    arena_init(&a, &seat->w->sim.mem, PAGE_BYTES);
    if (object_name(seat, slice_str(prefix), &whole) &&
        store_list(&seat->w->sim.base, state_name_slice(&whole), (struct slice){0}, 0, &a, &items,
                   &count, NULL) == SLP_OK)
        for (size_t i = 0; i < count && out->count < 256; i++) {
            struct slice name = slice_after(items[i].name, 35);
            bool goes = prefix[0] == 'd' ? is_garbage(s, live, name, jobs_from, minted, horizon)
                                         : snaps->is_whole && !is_kept(snaps, name) &&
                                               state_mint_base(name) < minted;
            if (goes) {
                struct state_name *to = &out->names[out->count++];
                memcpy(to->text, items[i].name.ptr, items[i].name.len);
                to->len = items[i].name.len;
            }
        }
    arena_fini(&a);
}

static void keep_live(struct world_seat *seat, struct kept *k)
{
    const struct state_file **files = NULL;
    size_t count = 0;
    if (state_files(state_table_view(seat->table), &k->arena, &files, &count, NULL) != SLP_OK)
        k->is_whole = false;
    for (size_t i = 0; i < count; i++)
        keep(k, files[i]->name);
}

static void work_out(struct world_seat *seat, uint64_t minted, uint64_t horizon,
                     struct victims *out)
{
    static struct kept none;
    struct alloc *mem = &seat->w->sim.mem;
    struct kept *live = NULL;
    struct kept *snaps = NULL;
    out->count = 0;
    if (alloc_new(mem, &live, NULL) != SLP_OK || alloc_new(mem, &snaps, NULL) != SLP_OK)
        return;
    *live = none;
    *snaps = none;
    live->is_whole = snaps->is_whole = true;
    arena_init(&live->arena, mem, PAGE_BYTES);
    arena_init(&snaps->arena, mem, PAGE_BYTES);
    keep_live(seat, live);
    keep_snapshots(seat, snaps);
    if (live->is_whole)
        take_page(seat, "data/", live, snaps, minted, horizon, out);
    take_page(seat, "snap/", live, snaps, minted, horizon, out);
    arena_fini(&live->arena);
    arena_fini(&snaps->arena);
    alloc_delete(mem, live);
    alloc_delete(mem, snaps);
}

static void collect(struct world_seat *seat, struct victims *v)
{
    struct world *w = seat->w;
    struct state_result r;
    uint64_t n = state_number(state_table_view(seat->table));
    uint64_t lag = sim_below(&w->sim, 8);
    uint64_t minted = n > lag ? n - lag : 0;
    lag = sim_below(&w->sim, 16);
    uint64_t horizon = n > lag ? n - lag : 0;
    struct state_txn txn = {.kind = STATE_COLLECT,
                            .collect = {.minted = minted, .horizon = horizon}};
    if (STATE_BUG(STALE_LIST))
        work_out(seat, minted, horizon, v);
    if (!world_commit(seat, &txn, (struct slice){0}, &r) || !world_refresh(seat))
        return;
    w->tally.collects++;
    const struct table_state *s = state_table_view(seat->table);
    if (!STATE_BUG(STALE_LIST))
        work_out(seat, state_minted(s), state_horizon(s), v);
    world_pause(seat, 100000);
    for (size_t i = 0; i < v->count && !sim_has_failed(&w->sim); i++)
        w->tally.deleted +=
            store_delete(&w->sim.base, state_name_slice(&v->names[i]), NULL) == SLP_OK;
}

void world_collector(struct sim *sim, void *arg)
{
    struct world *w = arg;
    struct world_seat seat;
    struct victims *v = NULL;
    if (!world_sit(w, (struct key_range){0}, &seat) || alloc_new(&sim->mem, &v, NULL) != SLP_OK)
        return;
    for (int i = 0; i < 4 && world_refresh(&seat); i++) {
        collect(&seat, v);
        world_pause(&seat, 150000);
    }
    alloc_delete(&sim->mem, v);
    world_leave(&seat);
}
