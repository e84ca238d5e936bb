#include "state/salvage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/global.h"
#include "state/keep.h"
#include "state/reach.h"

#define NAMES_MAX_BYTES ((size_t)1 << 30)
#define PAGE_OBJECTS    1000u
#define TEXT_BYTES      512
#define ROOT_BYTES      58u /* of the name of an object of a snapshot */

/* Numbers that writers with the old log in mind may still create are below the new floor. */
#define GAP 1024u

/* What somebody put there is not followed: numbers are gone through one by one, and the log goes on
 * above the highest. */
#define FRAMES_MISSING_MAX ((uint64_t)1 << 20)
#define NUMBER_MAX         ((uint64_t)1 << 62)

struct found_root {
    char name[STATE_ROOT_NAME_BYTES];
    uint64_t number;
    bool is_verified;
};

struct state_salvage {
    struct alloc *mem;
    struct state_instance *instance;
    struct state_replica r;
    state_salvage_fn told;
    void *context;
    struct arena arena;
    struct found_root *roots;
    size_t root_count;
    size_t root_room;
    uint64_t first_frame; /* that is listed, and the last */
    uint64_t last_frame;
    uint64_t highest; /* number in any name */
    bool is_floor_readable;
    bool is_damaged;
};

static slp_rc tell(struct state_salvage *s, const char *object, const char *verdict,
                   const char *text, struct slp_err *err)
{
    return s->told ? s->told(s->context, slice_str(object), verdict, slice_str(text), err) : SLP_OK;
}

static slp_rc tell_lost(struct state_salvage *s, const char *object, const char *text,
                        struct slp_err *err)
{
    s->is_damaged = true;
    return tell(s, object, "lost", text, err);
}

static bool is_damage(slp_rc rc)
{
    return rc == SLP_CORRUPT || rc == SLP_NOT_FOUND;
}

/* ------------------------------------------------------------------ what there is */

static slp_rc add_root(struct state_salvage *s, struct slice name, struct slp_err *err)
{
    if (s->root_count == s->root_room) {
        size_t more = s->root_room ? s->root_room * 2 : 64;
        void *room = NULL;
        TRY(arena_array(&s->arena, more, sizeof *s->roots, &room, err));
        if (s->root_count)
            memcpy(room, s->roots, s->root_count * sizeof *s->roots);
        s->roots = room;
        s->root_room = more;
    }
    struct found_root *root = &s->roots[s->root_count++];
    *root = (struct found_root){.number = state_mint_base(name)};
    memcpy(root->name, name.ptr, name.len);
    return SLP_OK;
}

static slp_rc note_object(struct state_salvage *s, const struct store_item *item,
                          struct slp_err *err)
{
    struct slice name = slice_after(item->name, strlen(s->r.place));
    uint64_t number = 0;
    bool is_log = name.len > 4 && memcmp(name.ptr, "log/", 4) == 0;
    if (is_log && state_frame_number(name, &number)) {
        if (s->last_frame && number > s->last_frame && number - s->last_frame > FRAMES_MISSING_MAX)
            FAIL(err, CORRUPT,
                 "%.*s: %" PRIu64 " frames before it are not there: it, or log/%020" PRIu64
                 ", is not of this log; move that away and repair again",
                 SLICE_ARG(item->name), number - s->last_frame - 1, s->last_frame);
        s->first_frame = s->first_frame ? num_min_u64(s->first_frame, number) : number;
        s->last_frame = number > s->last_frame ? number : s->last_frame;
    } else {
        number = state_mint_base(name);
    }
    if (number > NUMBER_MAX)
        FAIL(err, CORRUPT,
             "%.*s: no log comes to the number in this name; move it away and repair again",
             SLICE_ARG(item->name));
    s->highest = number > s->highest ? number : s->highest;
    if (name.len == ROOT_BYTES && memcmp(name.ptr, "snap/", 5) == 0)
        return add_root(s, name, err);
    return SLP_OK;
}

static slp_rc list_objects(struct state_salvage *s, struct slp_err *err)
{
    struct state_name after = {.len = 0};
    for (size_t count = PAGE_OBJECTS; count == PAGE_OBJECTS;) {
        slp_rc rc = SLP_OK;
        struct arena page;
        struct store_item *items = NULL;
        arena_init(&page, s->mem, NAMES_MAX_BYTES);
        rc = store_list(s->r.store, slice_str(s->r.place), state_name_slice(&after), PAGE_OBJECTS,
                        &page, &items, &count, err);
        for (size_t i = 0; rc == SLP_OK && i < count; i++)
            rc = note_object(s, &items[i], err);
        if (rc == SLP_OK && count > 0) {
            after.len = num_min_size(items[count - 1].name.len, STORE_NAME_MAX);
            memcpy(after.text, items[count - 1].name.ptr, after.len);
        }
        arena_fini(&page);
        TRY(rc);
    }
    return SLP_OK;
}

static slp_rc read_floor(struct state_salvage *s, struct slp_err *err)
{
    struct slp_err found = {.code = SLP_OK};
    slp_rc rc = state_floor_read(s->r.store, s->mem, s->r.place, &s->r.floor, &found);
    s->is_floor_readable = rc == SLP_OK;
    if (rc == SLP_CORRUPT)
        return tell_lost(s, "floor", found.text, err);
    if (rc != SLP_OK && err)
        *err = found;
    TRY(rc);
    if (s->r.floor.number == STATE_FLOOR_DROPPED)
        FAIL(err, NOT_FOUND, "the table was dropped");
    return SLP_OK;
}

/* ------------------------------------------------------------------ frames */

/* Read a frame, by itself. Damage is told in `found`. */
static slp_rc read_frame(struct state_salvage *s, uint64_t number, struct buf *bytes,
                         struct arena *arena, struct state_frame *out, struct slp_err *found)
{
    struct state_name name;
    state_replica_name(&s->r, number, &name);
    TRY(store_get(s->r.store, state_name_slice(&name), bytes, found));
    TRY(state_frame_decode(buf_slice(bytes), arena, out, found));
    if (out->number != number)
        FAIL(found, CORRUPT, "it says that its number is %" PRIu64 ", at offset 16", out->number);
    return SLP_OK;
}

static void mark_verified(struct state_salvage *s, struct slice name)
{
    for (size_t i = 0; i < s->root_count; i++)
        if (slice_equal(slice_str(s->roots[i].name), name))
            s->roots[i].is_verified = true;
}

/* What frames that can be read call verified. */
static slp_rc find_verified(struct state_salvage *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    buf_init(&bytes, s->mem, STATE_FRAME_MAX_BYTES);
    mark_verified(s, slice_str(s->r.floor.root));
    for (uint64_t n = s->first_frame; n > 0 && n <= s->last_frame && rc == SLP_OK; n++) {
        struct arena arena;
        struct state_frame frame = {0};
        struct slp_err found = {.code = SLP_OK};
        arena_init(&arena, s->mem, STATE_FRAME_ARENA_MAX);
        slp_rc read = read_frame(s, n, &bytes, &arena, &frame, &found);
        if (read != SLP_OK && !is_damage(read)) {
            if (err)
                *err = found;
            rc = read;
        }
        for (uint32_t i = 0; read == SLP_OK && i < frame.txn_count; i++)
            if (frame.txns[i].kind == STATE_VERIFIED)
                mark_verified(s, frame.txns[i].verified.root);
        arena_fini(&arena);
    }
    buf_fini(&bytes);
    return rc;
}

/* Transactions of a frame, each by itself: one whose body is gone does not keep the others back. */
static slp_rc apply_frame(struct state_salvage *s, const struct state_frame *frame,
                          const char *name, struct slp_err *err)
{
    char text[TEXT_BYTES + 64];
    for (uint32_t i = 0; i < frame->txn_count; i++) {
        struct state_outcome outcome;
        struct slp_err found = {.code = SLP_OK};
        slp_rc rc = state_replica_apply(&s->r, frame, i, &outcome, &found);
        if (is_damage(rc)) {
            (void)snprintf(text, sizeof text, "transaction %" PRIu32 ": %s", i, found.text);
            TRY(tell_lost(s, name, text, err));
            continue;
        }
        if (rc != SLP_OK && err)
            *err = found;
        TRY(rc);
    }
    return SLP_OK;
}

static slp_rc take_frame(struct state_salvage *s, uint64_t number, bool *is_chained,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char name[40];
    struct buf bytes;
    struct arena arena;
    struct state_frame frame = {0};
    struct slp_err found = {.code = SLP_OK};
    (void)snprintf(name, sizeof name, "log/%020" PRIu64, number);
    buf_init(&bytes, s->mem, STATE_FRAME_MAX_BYTES);
    arena_init(&arena, s->mem, STATE_FRAME_ARENA_MAX);
    rc = read_frame(s, number, &bytes, &arena, &frame, &found);
    if (rc == SLP_OK && *is_chained && !hash_equal(frame.previous, s->r.previous))
        rc = err_set(&found, SLP_CORRUPT, "it does not follow the frame before it, at offset 24");
    *is_chained = rc == SLP_OK;
    if (is_damage(rc)) {
        rc = tell_lost(s, name, rc == SLP_NOT_FOUND ? "it is not there" : found.text, err);
    } else if (rc != SLP_OK) {
        if (err)
            *err = found;
    } else {
        rc = apply_frame(s, &frame, name, err);
        s->r.number = number;
        s->r.previous = hash_xxh128(buf_slice(&bytes));
        s->r.is_broken = false;
    }
    arena_fini(&arena);
    buf_fini(&bytes);
    return rc;
}

/* ------------------------------------------------------------------ where to begin */

static int compare_roots(const void *a, const void *b)
{
    const struct found_root *x = a;
    const struct found_root *y = b;
    if (x->is_verified != y->is_verified)
        return x->is_verified ? -1 : 1;
    return (y->number > x->number) - (y->number < x->number);
}

/* Is this object a root at all? Shards and lists have names of the same form. */
static bool is_root(const struct slp_err *found)
{
    return strstr(found->text, "its magic is missing") == NULL;
}

/* Are all objects of a snapshot what their names say? Loading one reads no list. */
static slp_rc read_objects(struct state_salvage *s, struct slice root, struct slp_err *found)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct buf object;
    struct arena arena;
    struct state_snapshot self = {.number = 0};
    buf_init(&bytes, s->mem, STATE_SNAPSHOT_MAX_BYTES);
    buf_init(&object, s->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, s->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_snapshot_read(&s->r, root, &bytes, found));
    TRY_OUT(state_root_decode(buf_slice(&bytes), &arena, &self, found));
    for (size_t i = 0; i < self.shard_count; i++)
        TRY_OUT(state_snapshot_read(&s->r, self.shards[i].name, &object, found));
    for (size_t i = 0; i < self.list_count; i++)
        TRY_OUT(state_snapshot_read(&s->r, self.lists[i].name, &object, found));
out:
    buf_fini(&bytes);
    buf_fini(&object);
    arena_fini(&arena);
    return rc;
}

/* Of a repair that did not end: frames that others created since are in the log alone. */
static bool is_abandoned(const struct state_salvage *s, const struct found_root *root)
{
    return !root->is_verified && root->number > s->last_frame && s->first_frame == 1;
}

/* Load the best of those that are whole, or of those that can be loaded at all. */
static slp_rc try_roots(struct state_salvage *s, bool must_be_whole, bool *is_loaded,
                        struct slp_err *err)
{
    for (size_t i = 0; i < s->root_count; i++) {
        const struct found_root *root = &s->roots[i];
        struct slp_err found = {.code = SLP_OK};
        slp_rc rc = SLP_OK;
        if (is_abandoned(s, root))
            continue;
        if (must_be_whole)
            rc = read_objects(s, slice_str(root->name), &found);
        if (rc == SLP_OK)
            rc = state_snapshot_load(&s->r, slice_str(root->name), &found);
        if (rc == SLP_OK) {
            *is_loaded = true;
            return tell(s, root->name, "kept",
                        root->is_verified ? "the newest snapshot that can be read"
                                          : "a snapshot that nothing calls verified",
                        err);
        }
        if (!is_damage(rc)) {
            if (err)
                *err = found;
            return rc;
        }
        if (must_be_whole && root->is_verified && is_root(&found))
            TRY(tell_lost(s, root->name, found.text, err));
    }
    return SLP_OK;
}

static slp_rc begin(struct state_salvage *s, struct slp_err *err)
{
    bool is_loaded = false;
    if (s->root_count)
        qsort(s->roots, s->root_count, sizeof *s->roots, compare_roots);
    TRY(try_roots(s, true, &is_loaded, err));
    if (!is_loaded)
        TRY(try_roots(s, false, &is_loaded, err));
    if (!is_loaded && s->first_frame != 1)
        FAIL(err, CORRUPT,
             "no snapshot of the table can be read, and its frame 1 is not there: take it from a "
             "copy");
    return SLP_OK;
}

/* Frames between the floor and the snapshot take nothing along, but who opens the table may need them. */
static slp_rc look_below(struct state_salvage *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char name[40];
    struct buf bytes;
    uint64_t floor = s->r.floor.number;
    uint64_t first = floor > s->first_frame ? floor : s->first_frame;
    if (!s->is_floor_readable)
        return SLP_OK;
    if (floor < first && floor <= s->r.number)
        TRY(tell_lost(s, "log",
                      "frames from the floor on are not there; a snapshot has all of them", err));
    buf_init(&bytes, s->mem, STATE_FRAME_MAX_BYTES);
    for (uint64_t n = first; n <= s->r.number && n <= s->last_frame && rc == SLP_OK; n++) {
        struct arena arena;
        struct state_frame frame = {0};
        struct slp_err found = {.code = SLP_OK};
        (void)snprintf(name, sizeof name, "log/%020" PRIu64, n);
        arena_init(&arena, s->mem, STATE_FRAME_ARENA_MAX);
        rc = read_frame(s, n, &bytes, &arena, &frame, &found);
        if (is_damage(rc))
            rc = tell_lost(s, name, "it cannot be read; a snapshot has all that stood in it", err);
        else if (rc != SLP_OK && err)
            *err = found;
        arena_fini(&arena);
    }
    buf_fini(&bytes);
    return rc;
}

static slp_rc replay(struct state_salvage *s, struct slp_err *err)
{
    bool is_chained = true;
    uint64_t from = s->r.number + 1;
    TRY(look_below(s, err));
    if (s->is_floor_readable && s->r.floor.number > from)
        TRY(tell_lost(s, "log", "frames behind the snapshot were deleted already", err));
    if (from > s->last_frame + 1)
        TRY(tell_lost(s, "log", "it ends before the snapshot: a repair did not end", err));
    for (uint64_t n = from; n <= s->last_frame; n++)
        TRY(take_frame(s, n, &is_chained, err));
    if (s->is_floor_readable && s->r.floor.number > s->r.number)
        TRY(tell_lost(s, "floor", "it is above the newest frame: a repair did not end", err));
    if (!state_is_created(s->r.machine.table))
        FAIL(err, CORRUPT, "the frame that created the table cannot be read: take it from a copy");
    if (state_is_dropped(s->r.machine.table))
        FAIL(err, NOT_FOUND, "the table was dropped");
    return SLP_OK;
}

/* Snapshots that must be kept beside the one that it began with (rule S3). One that is newer and there was
 * tried already. */
static slp_rc look_at_snapshot(struct state_salvage *s, const char *root, struct slp_err *err)
{
    struct slp_err found = {.code = SLP_OK};
    bool is_newer = state_mint_base(slice_str(root)) > state_mint_base(slice_str(s->r.base.root));
    bool is_there = false;
    for (size_t i = 0; i < s->root_count; i++)
        is_there = is_there || strcmp(s->roots[i].name, root) == 0;
    if (!is_there)
        return tell_lost(s, root, "it is not there", err);
    if (is_newer || strcmp(s->r.base.root, root) == 0)
        return SLP_OK;
    slp_rc rc = read_objects(s, slice_str(root), &found);
    if (is_damage(rc))
        rc = tell_lost(s, root, found.text, err);
    else if (rc != SLP_OK && err)
        *err = found;
    return rc;
}

static slp_rc look_at_snapshots(struct state_salvage *s, struct slp_err *err)
{
    const struct table_state *view = s->r.machine.table;
    size_t count = state_verified_count(view);
    const char *floor_root = s->is_floor_readable ? s->r.floor.root : "";
    uint64_t from = *floor_root ? state_mint_base(slice_str(floor_root)) : UINT64_MAX;
    if (*floor_root)
        TRY(look_at_snapshot(s, floor_root, err));
    for (size_t i = 0; i < count; i++) {
        const struct state_verified *v = state_verified_at(view, i);
        bool is_kept = i + 2 >= count || v->number >= from || v->number >= state_horizon(view);
        if (is_kept && strcmp(v->root, floor_root) != 0)
            TRY(look_at_snapshot(s, v->root, err));
    }
    return SLP_OK;
}

/* A head that lies is no loss, but it is replaced. */
static slp_rc look_at_head(struct state_salvage *s, struct slp_err *err)
{
    struct state_name name;
    struct state_head head;
    struct buf bytes;
    struct slp_err found = {.code = SLP_OK};
    state_snapshot_object(&s->r, slice_str("head"), &name);
    buf_init(&bytes, s->mem, STATE_HEAD_MAX_BYTES);
    slp_rc rc = store_get(s->r.store, state_name_slice(&name), &bytes, &found);
    if (rc == SLP_OK)
        rc = state_head_decode(buf_slice(&bytes), &head, &found);
    buf_fini(&bytes);
    if (rc == SLP_CORRUPT)
        return tell_lost(s, "head", found.text, err);
    if (rc != SLP_OK && rc != SLP_NOT_FOUND) {
        if (err)
            *err = found;
        return rc;
    }
    return SLP_OK;
}

slp_rc state_salvage_open(struct state_instance *i, struct hash128 table, state_salvage_fn told,
                          void *context, struct state_salvage **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_salvage *s = NULL;
    struct alloc *mem = state_instance_mem(i);
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    s->instance = i;
    s->told = told;
    s->context = context;
    arena_init(&s->arena, mem, NAMES_MAX_BYTES);
    TRY_OUT(state_replica_init(&s->r, i, &table, err));
    TRY_OUT(list_objects(s, err));
    if (s->highest == 0)
        FAIL_OUT(err, NOT_FOUND, "there is no log of this table");
    TRY_OUT(read_floor(s, err));
    TRY_OUT(find_verified(s, err));
    TRY_OUT(begin(s, err));
    TRY_OUT(replay(s, err));
    TRY_OUT(look_at_snapshots(s, err));
    TRY_OUT(look_at_head(s, err));
    *out = s;
out:
    if (rc != SLP_OK)
        state_salvage_close(s);
    return rc;
}

const struct table_state *state_salvage_view(const struct state_salvage *s)
{
    return s->r.machine.table;
}

bool state_salvage_is_damaged(const struct state_salvage *s)
{
    return s->is_damaged;
}

void state_salvage_close(struct state_salvage *s)
{
    if (!s)
        return;
    if (s->r.mem)
        state_replica_fini(&s->r);
    arena_fini(&s->arena);
    alloc_delete(s->mem, s);
}

/* ------------------------------------------------------------------ beginning anew */

/* Copy one object below broken-<time>/; one that is not there is passed over. */
static slp_rc copy_object(struct state_salvage *s, const char *broken, const char *object,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char to[STATE_ROOT_NAME_BYTES * 2];
    struct state_name from_name;
    struct state_name to_name;
    struct buf bytes;
    (void)snprintf(to, sizeof to, "%s%s", broken, object);
    state_snapshot_object(&s->r, slice_str(object), &from_name);
    state_snapshot_object(&s->r, slice_str(to), &to_name);
    buf_init(&bytes, s->mem, STATE_SNAPSHOT_MAX_BYTES);
    rc = store_get(s->r.store, state_name_slice(&from_name), &bytes, err);
    if (rc == SLP_OK)
        rc = store_put_if_absent(s->r.store, state_name_slice(&to_name), buf_slice(&bytes), err);
    buf_fini(&bytes);
    if (rc == SLP_NOT_FOUND || rc == SLP_CONFLICT) {
        err_clear(err);
        rc = SLP_OK;
    }
    return rc;
}

static slp_rc copy_log(struct state_salvage *s, const char *broken, struct slp_err *err)
{
    char name[40];
    for (uint64_t n = s->first_frame; n > 0 && n <= s->last_frame; n++) {
        (void)snprintf(name, sizeof name, "log/%020" PRIu64, n);
        TRY(copy_object(s, broken, name, err));
    }
    TRY(copy_object(s, broken, "floor", err));
    return copy_object(s, broken, "head", err);
}

/* The new floor takes the place of whatever is there, readable or not. */
static slp_rc put_floor(struct state_salvage *s, const char *root, uint64_t number,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_name name;
    struct buf bytes;
    struct buf old;
    struct store_tag tag;
    struct state_floor floor = {.number = number};
    memcpy(floor.root, root, strlen(root) + 1);
    state_snapshot_object(&s->r, slice_str("floor"), &name);
    buf_init(&bytes, s->mem, STATE_FLOOR_MAX_BYTES);
    buf_init(&old, s->mem, STATE_SNAPSHOT_MAX_BYTES);
    struct store_request get = {
        .verb = STORE_GET, .name = state_name_slice(&name), .len = UINT64_MAX, .out = &old};
    TRY_OUT(state_floor_encode(&floor, &bytes, err));
    TRY_OUT(store_submit(s->r.store, &get, 1, err));
    TRY_OUT(store_wait(s->r.store, &get, 1, NULL, err));
    if (get.rc != SLP_OK && get.rc != SLP_NOT_FOUND) {
        rc = err_set(err, get.rc, "%s", get.err.text);
        goto out;
    }
    if (get.rc == SLP_NOT_FOUND)
        memset(&get.tag, 0, sizeof get.tag);
    rc = store_put_if_match(s->r.store, state_name_slice(&name), buf_slice(&bytes), get.tag, &tag,
                            err);
out:
    buf_fini(&bytes);
    buf_fini(&old);
    return rc;
}

/* The snapshot that the log begins with is recorded as any other, so that the next one can follow. */
static slp_rc record(struct state_salvage *s, const char *root, uint64_t number,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_result result = {0};
    struct state_replica r = {0};
    struct hash128 id = s->r.machine.table->table;
    struct state_txn txn = {
        .kind = STATE_VERIFIED,
        .verified = {.root = slice_str(root), .number = number, .minted = number}};
    TRY_OUT(state_replica_init(&r, s->instance, &id, err));
    TRY_OUT(state_replica_refresh(&r, err));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    rc = state_result_check(&result, err);
out:
    state_replica_fini(&r);
    return rc;
}

slp_rc state_salvage_write(struct state_salvage *s, char *broken, struct slp_err *err)
{
    char root[STATE_ROOT_NAME_BYTES];
    char parent[STATE_ROOT_NAME_BYTES];
    struct state_name head;
    uint64_t minted = 0;
    uint64_t number = (s->highest > s->r.number ? s->highest : s->r.number) + GAP;
    int64_t now_s = store_now_us(s->r.store) / 1000000;
    (void)snprintf(broken, STATE_ROOT_NAME_BYTES, "broken-%" PRId64 "/", now_s);
    TRY(copy_log(s, broken, err));
    memcpy(parent, s->r.base.root, sizeof parent);
    s->r.number = number;
    s->r.machine.table->number = number;
    s->r.machine.table->verified_count = 0;
    TRY(state_snapshot_make(&s->r, STATE_KEEP_SALVAGE, slice_str(parent), root, &minted, err));
    state_snapshot_object(&s->r, slice_str("head"), &head);
    TRY(store_delete(s->r.store, state_name_slice(&head), err));
    TRY(put_floor(s, root, number + 1, err));
    return record(s, root, number, err);
}
