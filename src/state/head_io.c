/*
 * The head of a log, read and written by a replica.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/keep.h"

static void head_name(const struct state_replica *r, struct state_name *out)
{
    out->len = (size_t)snprintf(out->text, sizeof out->text, "%shead", r->place);
}

/* ------------------------------------------------------------------ beginning */

/* What the instance read when it was opened. */
static bool learn_from_instance(struct state_replica *r, struct buf *bytes, slp_rc *rc,
                                struct slp_err *err)
{
    if (!r->machine.is_catalogue || !state_instance_take_head(r->instance, bytes, &r->head_tag, rc))
        return false;
    r->head_us = 0;
    r->is_head_known = *rc == SLP_OK || *rc == SLP_NOT_FOUND;
    if (*rc != SLP_OK)
        *rc = err_set(err, *rc, "the catalogue's head was not read");
    return true;
}

/* What is there now: its tag, and when it was written. */
static slp_rc learn_head(struct state_replica *r, struct buf *bytes, struct slp_err *err)
{
    struct state_name name;
    struct store_request requests[2 * STATE_READ_AHEAD + 5] = {0};
    struct store_request *q = &requests[0];
    struct state_replica *beside = r->beside;
    size_t count = 1;
    size_t first = 0;
    head_name(r, &name);
    *q = (struct store_request){
        .verb = STORE_GET, .name = state_name_slice(&name), .len = UINT64_MAX, .out = bytes};
    if (beside)
        count += state_probe_requests(beside, requests + count);
    if (r->probe) {
        first = count;
        count += state_probe_requests(r, requests + count);
    }
    r->beside = NULL;
    memset(&r->head_tag, 0, sizeof r->head_tag);
    r->head_us = 0;
    r->is_head_known = false;
    TRY(store_submit(r->store, requests, count, err));
    TRY(store_wait(r->store, requests, count, NULL, err));
    if (beside)
        state_probe_answer(beside, requests + 1);
    if (first)
        state_probe_answer(r, requests + first);
    r->is_head_known = q->rc == SLP_OK || q->rc == SLP_NOT_FOUND;
    if (q->rc != SLP_OK)
        return err_set(err, q->rc, "%s", q->err.text);
    r->head_tag = q->tag;
    return SLP_OK;
}

static slp_rc take_frames(struct state_replica *r, const struct state_head *head,
                          struct slp_err *err)
{
    size_t at = 0;
    struct slice frame;
    while (state_head_frame(head->frames, &at, &frame))
        TRY(state_replica_take(r, frame, err));
    return SLP_OK;
}

/* Does a frame behind the root say that it was verified? */
static bool is_root_told(const struct state_replica *r)
{
    const struct table_state *s = r->machine.table;
    for (size_t i = 0; i < s->verified_count; i++)
        if (strcmp(s->verified[i].root, r->base.root) == 0)
            return true;
    return false;
}

static slp_rc load_root(struct state_replica *r, const struct state_head *head, struct slp_err *err)
{
    struct slice bytes = {0};
    if (head->from == 0)
        return SLP_OK;
    TRY(state_probe_new(r, head->to, err));
    r->hint = head;
    slp_rc rc = state_head_object(head, head->root, &bytes)
                    ? state_snapshot_load_bytes(r, head->root, bytes, err)
                    : state_snapshot_load(r, head->root, err);
    r->hint = NULL;
    return rc;
}

static slp_rc begin_from(struct state_replica *r, const struct state_head *head,
                         struct slp_err *err)
{
    if (r->machine.is_catalogue && head->from > 0)
        FAIL(err, CORRUPT, "a snapshot in the head of a catalogue");
    TRY(load_root(r, head, err));
    if (r->number != head->from)
        FAIL(err, CORRUPT, "the root stands at frame %" PRIu64 ", not %" PRIu64, r->number,
             head->from);
    return take_frames(r, head, err);
}

/* Errors that say something of the hint, not of the machine or the store. */
static bool is_of_hint(slp_rc rc)
{
    return rc == SLP_CORRUPT || rc == SLP_NOT_FOUND || rc == SLP_UNSUPPORTED || rc == SLP_LIMIT;
}

slp_rc state_head_begin(struct state_replica *r, struct slp_err *err)
{
    struct buf bytes;
    struct state_name name;
    struct state_head head = {0};
    struct slp_err why = {0};
    slp_rc rc = SLP_OK;
    r->is_head_tried = true;
    head_name(r, &name);
    if (!r->machine.is_catalogue && r->store->is_ordered)
        TRY(state_probe_new_first(r, err));
    buf_init(&bytes, r->mem, STATE_HEAD_MAX_BYTES);
    if (!learn_from_instance(r, &bytes, &rc, &why))
        rc = learn_head(r, &bytes, &why);
    if (rc == SLP_OK)
        rc = state_head_decode(buf_slice(&bytes), &head, &why);
    if (rc == SLP_OK)
        r->head_us = head.time_us;
    bool is_whole = state_probe_is_whole(r);
    if (!is_whole)
        state_probe_free(r);
    if (rc == SLP_OK && !is_whole) {
        r->is_unproven = true;
        rc = begin_from(r, &head, &why);
    }
    buf_fini(&bytes);
    if (rc == SLP_OK || (is_whole && is_of_hint(rc)))
        return SLP_OK;
    if (is_of_hint(rc)) {
        state_replica_restart(r);
        return SLP_OK;
    }
    if (rc == SLP_CONFLICT && r->is_widened) {
        /* Leaves were merged over a bound of what was wanted: more is wanted now (rule P3). */
        r->is_widened = false;
        r->is_head_tried = false;
        state_replica_restart(r);
        return SLP_OK;
    }
    r->is_broken = true;
    if (err)
        *err = why;
    return err_wrap(err, rc, "head \"%s\"", name.text);
}

bool state_head_is_proven(const struct state_replica *r, struct slice bytes)
{
    struct slice since = buf_slice(&r->since.bytes);
    bool is_named = r->base.number > 0 && strcmp(r->floor.root, r->base.root) == 0;
    if (r->number == r->base.number)
        return is_named;
    if (r->since.to != r->number || since.len < r->since.last + STATE_FRAME_HEAD_BYTES)
        return false;
    return slice_equal(slice_sub(since, r->since.last, STATE_FRAME_HEAD_BYTES), bytes) &&
           (r->base.number == 0 || is_named || is_root_told(r));
}

/* ------------------------------------------------------------------ writing */

/* The root of the newest verified snapshot, and with it all objects if they are small. */
static slp_rc gather_objects(struct state_replica *r, struct slice root, struct buf *objects,
                             struct state_head *head, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct arena arena;
    struct state_snapshot self;
    uint64_t total = 0;
    buf_init(&bytes, r->mem, STATE_SNAPSHOT_MAX_BYTES);
    arena_init(&arena, r->mem, STATE_SNAPSHOT_ARENA_MAX);
    TRY_OUT(state_snapshot_read(r, root, &bytes, err));
    if (bytes.len > STATE_HEAD_ROOT_BYTES)
        goto out;
    TRY_OUT(state_head_append(objects, root, buf_slice(&bytes), err));
    head->object_count = 1;
    TRY_OUT(state_root_decode(buf_slice(&bytes), &arena, &self, err));
    for (size_t i = 0; i < self.list_count; i++)
        total += self.lists[i].kind == STATE_LIST_TOKENS ? 0 : self.lists[i].bytes;
    for (size_t i = 0; i < self.shard_count; i++)
        total += self.shards[i].bytes;
    if (total > STATE_HEAD_ROOT_BYTES)
        goto out;
    for (size_t i = 0; i < self.list_count + self.shard_count; i++) {
        bool is_list = i < self.list_count;
        struct slice name = is_list ? self.lists[i].name : self.shards[i - self.list_count].name;
        if (is_list && self.lists[i].kind == STATE_LIST_TOKENS)
            continue;
        struct buf object;
        buf_init(&object, r->mem, STATE_HEAD_ROOT_BYTES);
        slp_rc one = state_snapshot_read(r, name, &object, err);
        if (one == SLP_OK)
            one = state_head_append(objects, name, buf_slice(&object), err);
        buf_fini(&object);
        TRY_OUT(one);
        head->object_count++;
    }
out:
    arena_fini(&arena);
    buf_fini(&bytes);
    return rc;
}

static slp_rc put_head(struct state_replica *r, struct slice bytes, struct slp_err *err)
{
    struct state_name name;
    head_name(r, &name);
    struct store_request q = {.verb = STORE_PUT_IF_MATCH,
                              .name = state_name_slice(&name),
                              .body = bytes,
                              .match = r->head_tag,
                              .is_fleeting = true};
    TRY(store_submit(r->store, &q, 1, err));
    TRY(store_wait(r->store, &q, 1, NULL, err));
    if (q.rc == SLP_OK)
        r->head_tag = q.tag;
    return q.rc;
}

/* The objects of the base are gathered anew only when it is another one. */
static slp_rc gather_base(struct state_replica *r, const struct state_verified *newest,
                          struct state_head *head, struct slp_err *err)
{
    if (r->head_objects_at != newest->number) {
        struct state_head made = {0};
        buf_clear(&r->head_objects);
        r->head_objects_at = 0;
        TRY(gather_objects(r, slice_str(newest->root), &r->head_objects, &made, err));
        r->head_objects_at = newest->number;
        r->head_object_count = made.object_count;
    }
    head->objects = buf_slice(&r->head_objects);
    head->object_count = r->head_object_count;
    head->root = slice_str(newest->root);
    head->from = newest->number;
    return SLP_OK;
}

static slp_rc write_head(struct state_replica *r, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    struct state_head head = {.time_us = num_max_i64(store_now_us(r->store), 0)};
    const struct table_state *s = r->machine.table;
    buf_init(&bytes, r->mem, STATE_HEAD_MAX_BYTES);
    if (s && s->verified_count)
        TRY_OUT(gather_base(r, &s->verified[s->verified_count - 1], &head, err));
    state_since_begin(&r->since, head.from);
    if (head.from != r->since.from || r->since.to == 0)
        goto out; /* the frames between are not at hand */
    head.frames = buf_slice(&r->since.bytes);
    head.to = r->since.to;
    TRY_OUT(state_head_encode(&head, &bytes, err));
    TRY_OUT(put_head(r, buf_slice(&bytes), err));
out:
    buf_fini(&bytes);
    return rc;
}

void state_head_refresh(struct state_replica *r)
{
    int64_t now_us = store_now_us(r->store);
    int64_t least_us = r->is_head_known ? STATE_HEAD_EVERY_US : STATE_HEAD_RETRY_US;
    bool is_due = r->head_us == 0 || now_us < r->head_us || now_us - r->head_us >= least_us;
    if (!is_due || r->is_broken || r->is_unproven || r->number == 0)
        return;
    if (!r->is_head_known) {
        struct buf bytes;
        buf_init(&bytes, r->mem, STATE_HEAD_MAX_BYTES);
        (void)learn_head(r, &bytes, NULL);
        buf_fini(&bytes);
    }
    r->head_us = now_us;
    /* Where somebody else has written one, it is as good. */
    r->is_head_known = r->is_head_known && write_head(r, NULL) == SLP_OK;
}

void state_head_renew(struct state_replica *r)
{
    r->head_us = 0;
    r->is_head_known = false;
    state_head_refresh(r);
}
