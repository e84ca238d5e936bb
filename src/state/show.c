/*
 * Objects of a log, described for people and programs.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/floor.h"
#include "state/head.h"
#include "state/inbox.h"
#include "state/snapshot.h"
#include "state/state.h"
#include "state/txn_priv.h"

#define MAGIC_BYTES     8u
#define BODY_HEAD_BYTES 12u

static void show_hash(struct show *s, const char *name, struct hash128 hash)
{
    char digits[33];
    hash_format(hash, digits);
    show_text(s, name, slice_str(digits));
}

static void show_txn(const struct state_txn *txn, struct show *s)
{
    show_text(s, "kind", slice_str(state_kind_text(txn->kind)));
    show_hash(s, "txid", txn->txid);
    show_bool(s, "has_token", txn->has_token);
    show_uint(s, "base", txn->base);
    show_int(s, "time_us", txn->time_us);
    if (txn->body.name.len) {
        show_open(s, "body", SHOW_OBJECT, true);
        state_wire_show(&state_body_shape, &txn->body, s);
        show_close(s);
    }
    if (txn->body.is_missing)
        return;
    show_open(s, "payload", SHOW_OBJECT, true);
    state_wire_show(state_kind_shape((uint64_t)txn->kind), state_txn_payload_view(txn), s);
    show_close(s);
}

/* Where embedded files stand; `place` is the offset of the section in its object. */
static slp_rc show_bodies(struct slice bodies, uint64_t place, struct show *s, struct slp_err *err)
{
    size_t at = 0;
    slp_rc rc;
    show_open(s, "embedded", SHOW_LIST, true);
    for (;;) {
        uint32_t txn = 0;
        struct slice body;
        rc = state_bodies_next(bodies, place, &at, &txn, &body, err);
        if (rc != SLP_OK)
            break;
        show_open(s, NULL, SHOW_OBJECT, true);
        show_uint(s, "transaction", txn);
        show_uint(s, "offset", place + (uint64_t)(body.ptr - bodies.ptr));
        show_uint(s, "bytes", body.len);
        show_close(s);
    }
    show_close(s);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static slp_rc show_frame(struct slice bytes, struct arena *arena, struct show *s,
                         struct slp_err *err)
{
    struct state_frame frame;
    TRY(state_frame_decode(bytes, arena, &frame, err));
    show_uint(s, "number", frame.number);
    show_hash(s, "previous", frame.previous);
    show_uint(s, "waiting", frame.waiting);
    show_open(s, "transactions", SHOW_LIST, true);
    for (uint32_t i = 0; i < frame.txn_count; i++) {
        char position[48];
        (void)snprintf(position, sizeof position, "%" PRIu64 ".%" PRIu32, frame.number, i);
        show_open(s, NULL, SHOW_OBJECT, true);
        show_text(s, "position", slice_str(position));
        show_txn(&frame.txns[i], s);
        show_close(s);
    }
    show_close(s);
    return show_bodies(frame.bodies, bytes.len - frame.bodies.len, s, err);
}

static slp_rc show_inbox(struct slice bytes, struct arena *arena, struct show *s,
                         struct slp_err *err)
{
    struct slice rest;
    struct state_txn txn;
    size_t used = 0;
    TRY(state_inbox_decode(bytes, &rest, err));
    TRY(state_txn_decode(rest, STATE_INBOX_HEAD_BYTES, arena, &txn, &used, err));
    show_open(s, "transaction", SHOW_OBJECT, true);
    show_txn(&txn, s);
    show_close(s);
    return show_bodies(slice_after(rest, used), STATE_INBOX_HEAD_BYTES + used, s, err);
}

/* A payload out of line. Its kind stands in the frame that names it, so fields are shown by id. */
static slp_rc show_body(struct slice bytes, struct arena *arena, struct show *s,
                        struct slp_err *err)
{
    (void)arena;
    size_t at = BODY_HEAD_BYTES;
    if (bytes.len < BODY_HEAD_BYTES)
        FAIL(err, CORRUPT, "%zu bytes at offset 0, a body has at least %u", bytes.len,
             BODY_HEAD_BYTES);
    show_open(s, "fields", SHOW_LIST, true);
    while (at < bytes.len) {
        uint64_t id = 0;
        uint64_t len = 0;
        TRY(state_wire_varint(bytes, 0, &at, &id, err));
        TRY(state_wire_varint(bytes, 0, &at, &len, err));
        if (len > bytes.len - at)
            FAIL(err, CORRUPT, "a field of %" PRIu64 " bytes at offset %zu in a body of %zu", len,
                 at, bytes.len);
        show_open(s, NULL, SHOW_OBJECT, true);
        show_uint(s, "id", id);
        show_uint(s, "offset", at);
        show_uint(s, "bytes", len);
        show_close(s);
        at += (size_t)len;
    }
    show_close(s);
    return SLP_OK;
}

static slp_rc show_floor(struct slice bytes, struct arena *arena, struct show *s,
                         struct slp_err *err)
{
    (void)arena;
    struct state_floor floor = {0};
    TRY(state_floor_decode(bytes, &floor, err));
    show_bool(s, "is_dropped", floor.number == STATE_FLOOR_DROPPED);
    show_uint(s, "number", floor.number);
    show_text(s, "root", slice_str(floor.root));
    return SLP_OK;
}

static slp_rc show_list(struct slice bytes, struct arena *arena, struct show *s,
                        struct slp_err *err)
{
    (void)arena;
    return state_list_show(bytes, s, err);
}

static slp_rc show_head(struct slice bytes, struct arena *arena, struct show *s,
                        struct slp_err *err);

typedef slp_rc (*show_fn)(struct slice bytes, struct arena *arena, struct show *s,
                          struct slp_err *err);

static const struct {
    char magic[MAGIC_BYTES + 1];
    const char *name;
    show_fn show;
} kinds[] = {
    {"SLEEPLOG", "frame", show_frame},       {"SLEEPINB", "inbox", show_inbox},
    {"SLEEPBDY", "body", show_body},         {"SLEEPFLR", "floor", show_floor},
    {"SLEEPHED", "head", show_head},         {"SLEEPROT", "root", state_root_show},
    {"SLEEPSHD", "shard", state_shard_show}, {"SLEEPLST", "list", show_list},
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

/* KIND_COUNT: it is none of them. */
static size_t kind_of(struct slice bytes)
{
    size_t k = 0;
    while (k < KIND_COUNT &&
           (bytes.len < MAGIC_BYTES || memcmp(bytes.ptr, kinds[k].magic, MAGIC_BYTES) != 0))
        k++;
    return k;
}

static slp_rc show_any(struct slice bytes, struct arena *arena, struct show *s, struct slp_err *err)
{
    size_t kind = kind_of(bytes);
    if (kind == KIND_COUNT)
        FAIL(err, CORRUPT, "no object of a log: its magic is not known, at offset 0");
    show_text(s, "kind", slice_str(kinds[kind].name));
    show_uint(s, "size", bytes.len);
    show_hash(s, "hash", hash_xxh128(bytes));
    return kinds[kind].show(bytes, arena, s, err);
}

/* What stands in a head verbatim is an object of its own. Heads are not in heads. */
static slp_rc show_inner(struct slice name, struct slice bytes, struct arena *arena, struct show *s,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t kind = kind_of(bytes);
    show_open(s, NULL, SHOW_OBJECT, true);
    if (name.len)
        show_text(s, "name", name);
    if (kind == KIND_COUNT || kinds[kind].show == show_head)
        rc = err_set(err, SLP_CORRUPT, "a head holds what is neither a frame nor of a snapshot");
    else
        rc = show_any(bytes, arena, s, err);
    show_close(s);
    return rc;
}

static slp_rc show_objects(const struct state_head *head, struct arena *arena, struct show *s,
                           struct slp_err *err)
{
    struct slice rest = head->objects;
    show_open(s, "objects", SHOW_LIST, true);
    for (uint32_t i = 0; i < head->object_count; i++) {
        size_t name = num_load_u32le(rest.ptr);
        size_t bytes = num_load_u32le(rest.ptr + 4);
        rest = slice_after(rest, 8);
        TRY(show_inner(slice_first(rest, name), slice_sub(rest, name, bytes), arena, s, err));
        rest = slice_after(rest, name + bytes);
    }
    show_close(s);
    return SLP_OK;
}

static slp_rc show_head(struct slice bytes, struct arena *arena, struct show *s,
                        struct slp_err *err)
{
    struct state_head head;
    struct slice frame;
    size_t at = 0;
    TRY(state_head_decode(bytes, &head, err));
    show_int(s, "time_us", head.time_us);
    show_uint(s, "from", head.from);
    show_uint(s, "to", head.to);
    show_text(s, "root", head.root);
    TRY(show_objects(&head, arena, s, err));
    show_open(s, "frames", SHOW_LIST, true);
    while (state_head_frame(head.frames, &at, &frame))
        TRY(show_inner((struct slice){0}, frame, arena, s, err));
    show_close(s);
    return SLP_OK;
}

bool state_object_is(struct slice bytes)
{
    return kind_of(bytes) < KIND_COUNT;
}

slp_rc state_object_show(struct slice bytes, struct alloc *mem, struct show *s, struct slp_err *err)
{
    struct arena arena;
    arena_init(&arena, mem, STATE_SNAPSHOT_ARENA_MAX);
    slp_rc rc = show_any(bytes, &arena, s, err);
    arena_fini(&arena);
    return rc;
}
