/*
 * The second half of keeping a log short: a snapshot is reproduced before it is trusted, the floor
 * is raised before a frame goes (rules F2, S2, S3).
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/bug.h"
#include "state/global.h"
#include "state/keep.h"

/* Names of frames of one page of a listing. */
#define PAGE_ARENA_MAX ((size_t)4 << 20)

/* How often a floor that somebody else raises is read again. */
#define RAISES_MAX 8

/* ------------------------------------------------------------------ the second replay */

slp_rc state_keep_replay(struct state_replica *r, uint64_t number, bool *is_there,
                         struct slp_err *err)
{
    *is_there = false;
    while (r->number < number) {
        size_t got = 0;
        uint64_t before = r->number;
        TRY(state_replica_fetch(r, num_min_size((size_t)(number - r->number), STATE_READ_AHEAD),
                                &got, err));
        if (r->number != before)
            return SLP_OK;
        if (got == 0)
            FAIL(err, UNAVAILABLE, "frame %" PRIu64 " is not seen any more", r->number + 1);
        for (size_t i = 0; i < got; i++)
            TRY(state_replica_take(r, buf_slice(&r->frames[i]), err));
    }
    *is_there = r->number == number;
    return SLP_OK;
}

slp_rc state_keep_reproduce(struct state_replica *r, struct slice parent, const char *root,
                            uint64_t number, bool *is_same, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica second = {0};
    struct hash128 table = r->machine.table->table;
    char again[STATE_ROOT_NAME_BYTES];
    uint64_t minted = 0;
    bool is_there = false;
    *is_same = false;
    TRY_OUT(state_replica_init(&second, r->instance, &table, err));
    if (parent.len) {
        rc = state_snapshot_load(&second, parent, err);
        if (rc == SLP_NOT_FOUND) {
            err_clear(err);
            rc = SLP_OK;
            goto out;
        }
        TRY_OUT(rc);
    }
    TRY_OUT(state_keep_replay(&second, number, &is_there, err));
    if (!is_there)
        goto out;
    TRY_OUT(state_snapshot_make(&second, STATE_KEEP_COMPARE, parent, again, &minted, err));
    if (strcmp(again, root) != 0)
        FAIL_OUT(err, CORRUPT, "a second replay comes to \"%s\", the first to \"%s\"", again, root);
    *is_same = true;
out:
    state_replica_fini(&second);
    return rc;
}

/* ------------------------------------------------------------------ trimming */

/* Raise the floor; whoever is faster may have raised it further. */
static slp_rc raise_floor(struct state_replica *r, const struct state_floor *to, bool *is_raised,
                          struct slp_err *err)
{
    *is_raised = false;
    for (int i = 0; i < RAISES_MAX; i++) {
        TRY(state_floor_read(r->store, r->mem, r->place, &r->floor, err));
        if (r->floor.number >= to->number && !STATE_BUG(LOWER_FLOOR))
            return SLP_OK;
        slp_rc rc = state_floor_raise(r->store, r->mem, r->place, to, &r->floor, err);
        *is_raised = rc == SLP_OK;
        if (rc != SLP_CONFLICT)
            return rc;
        err_clear(err);
    }
    FAIL(err, UNAVAILABLE, "the floor is raised by others all the time");
}

/* The number in ".../log/<20 digits>"; false for what is named otherwise. */
static bool frame_number(struct slice name, uint64_t *out)
{
    return name.len >= 20 && state_digits_parse(name.ptr + name.len - 20, out);
}

/* Delete the frames of one page of the listing that lie below the floor. */
static slp_rc delete_page(struct state_replica *r, const struct store_item *items, size_t count,
                          struct arena *arena, size_t *deleted, struct slp_err *err)
{
    void *room = NULL;
    size_t n = 0;
    TRY(arena_array(arena, count + 1, sizeof(struct store_request), &room, err));
    struct store_request *requests = room;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        if (frame_number(items[i].name, &number) && number < r->floor.number)
            requests[n++] = (struct store_request){.verb = STORE_DELETE, .name = items[i].name};
    }
    *deleted = n;
    if (n == 0)
        return SLP_OK;
    TRY(store_submit(r->store, requests, n, err));
    TRY(store_wait(r->store, requests, n, NULL, err));
    for (size_t i = 0; i < n; i++)
        if (requests[i].rc != SLP_OK)
            return err_set(err, requests[i].rc, "%s", requests[i].err.text);
    return SLP_OK;
}

/* One page from the beginning of the log; `*deleted` 0 says that nothing is left to do. */
static slp_rc delete_some(struct state_replica *r, size_t *deleted, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char prefix[80];
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    (void)snprintf(prefix, sizeof prefix, "%slog/", r->place);
    arena_init(&arena, r->mem, PAGE_ARENA_MAX);
    TRY_OUT(store_list(r->store, slice_str(prefix), slice_of(NULL, 0), STORE_LIST_MAX, &arena,
                       &items, &count, err));
    TRY_OUT(delete_page(r, items, count, &arena, deleted, err));
out:
    arena_fini(&arena);
    return rc;
}

/* Frames that cannot be deleted now are deleted when the floor is raised next. */
static slp_rc delete_frames(struct state_replica *r, uint64_t *deleted, struct slp_err *err)
{
    for (size_t n = 1; n > 0; *deleted += n)
        TRY(delete_some(r, &n, err));
    return SLP_OK;
}

slp_rc state_keep_trim(struct state_replica *r, struct state_kept *out, struct slp_err *err)
{
    const struct table_state *s = r->machine.table;
    bool is_raised = false;
    size_t n = s->verified_count;
    out->verified = n ? s->verified[n - 1].number : 0;
    if (n >= 2) {
        struct state_floor to = {.number = s->verified[n - 2].number + 1};
        memcpy(to.root, s->verified[n - 1].root, sizeof to.root);
        if (STATE_BUG(FLOOR_PAST_TIP))
            to.number = r->number + 2;
        if (STATE_BUG(STALE_ROOT) && r->floor.number > 1)
            memcpy(to.root, r->floor.root, sizeof to.root);
        TRY(raise_floor(r, &to, &is_raised, err));
    }
    out->floor = r->floor.number;
    return is_raised ? delete_frames(r, &out->deleted, err) : SLP_OK;
}

/* ------------------------------------------------------------------ going back */

/* A snapshot that the state knows. */
struct known {
    uint64_t number;
    char root[STATE_ROOT_NAME_BYTES]; /* empty: frame 1 is there, and nothing is needed */
};

static void offer(struct known *best, uint64_t most, uint64_t number, struct slice root)
{
    if (number > most || number < best->number || root.len >= sizeof best->root)
        return;
    *best = (struct known){.number = number};
    memcpy(best->root, root.ptr, root.len);
}

/* The newest one at or below `number`. */
static struct known newest_known(const struct state_replica *r, uint64_t number)
{
    const struct table_state *s = r->machine.table;
    struct known best = {.number = 0};
    for (size_t i = 0; i < s->verified_count; i++)
        offer(&best, number, s->verified[i].number, slice_str(s->verified[i].root));
    for (size_t i = 0; i < state_pin_count(s); i++)
        offer(&best, number, state_pin_at(s, i)->number, state_pin_at(s, i)->root);
    return best;
}

slp_rc state_keep_go_back(struct state_replica *r, uint64_t number, struct slp_err *err)
{
    bool is_there = false;
    uint64_t tip = r->number;
    if (number == 0 || number > tip)
        FAIL(err, NOT_FOUND, "there is no frame %" PRIu64 "; the newest one is %" PRIu64, number,
             tip);
    if (number == tip)
        return SLP_OK;
    struct known best = newest_known(r, number);
    if (best.number < number && r->floor.number > best.number + 1)
        FAIL(err, NOT_FOUND,
             "the state behind frame %" PRIu64 " is not kept: the frames below %" PRIu64
             " are gone, and no snapshot stands there; pin what is to be kept",
             number, r->floor.number);
    if (best.number == 0)
        state_replica_restart(r);
    else
        TRY(state_snapshot_load(r, slice_str(best.root), err));
    TRY(state_keep_replay(r, number, &is_there, err));
    if (!is_there)
        FAIL(err, NOT_FOUND, "the frames up to %" PRIu64 " were deleted meanwhile", number);
    return SLP_OK;
}

/* ------------------------------------------------------------------ cadence */

bool state_keep_is_due(const struct state_replica *r, uint64_t every)
{
    const struct table_state *s = r->machine.table;
    uint64_t refs = 0;
    uint64_t since = s->verified_count ? s->verified[s->verified_count - 1].number : 0;
    uint64_t bytes = state_since_bytes(&r->since, since);
    if (!s->is_created || state_is_partial(s) ||
        (s->number < since + every && bytes < STATE_KEEP_BYTES))
        return false;
    for (size_t i = 0; i < s->leaf_count; i++)
        refs += s->leaves[i]->ref_count;
    /* What a snapshot takes grows with the state, so that of a large one is made less often. */
    uint64_t most_bytes = refs * 4 > STATE_KEEP_BYTES ? refs * 4 : STATE_KEEP_BYTES;
    every = refs / STATE_KEEP_FRAMES > every ? refs / STATE_KEEP_FRAMES : every;
    return s->number >= since + num_min_u64(every, STATE_KEEP_FRAMES_MOST) ||
           bytes >= num_min_u64(most_bytes, STATE_KEEP_BYTES_MOST);
}
