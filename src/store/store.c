#include "store/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "store/store_priv.h"

#define BATCH_MAX 1000u

/* A part of a name: not empty, not the store's own, nothing the kernel would stop at. */
static slp_rc check_part(struct slice name, struct slice part, struct slp_err *err)
{
    if (part.len == 0)
        FAIL(err, INVALID, "the object name \"%.*s\" has an empty part", SLICE_ARG(name));
    if (part.ptr[0] == '.')
        FAIL(err, INVALID,
             "the object name \"%.*s\" has a part that begins with '.'; those are the store's own",
             SLICE_ARG(name));
    if (part.len > STORE_NAME_PART_MAX)
        FAIL(err, INVALID, "the object name \"%.*s\" has a part of %zu bytes, at most %u are taken",
             SLICE_ARG(name), part.len, STORE_NAME_PART_MAX);
    return SLP_OK;
}

static slp_rc check_text(struct slice name, struct slp_err *err)
{
    if (name.len > STORE_NAME_MAX)
        FAIL(err, INVALID, "the object name \"%.*s...\" has %zu bytes, at most %u are taken",
             SLICE_ARG(slice_first(name, 64)), name.len, STORE_NAME_MAX);
    if (name.len && memchr(name.ptr, '\0', name.len))
        FAIL(err, INVALID, "an object name has a NUL byte, after \"%.*s\"", SLICE_ARG(name));
    return SLP_OK;
}

/* Check the parts before the last '/'. Returns where the last part begins. */
static slp_rc check_folders(struct slice name, size_t *last, struct slp_err *err)
{
    size_t from = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] != '/')
            continue;
        TRY(check_part(name, slice_sub(name, from, i - from), err));
        from = i + 1;
    }
    *last = from;
    return SLP_OK;
}

slp_rc store_name_check(struct slice name, struct slp_err *err)
{
    size_t last = 0;
    TRY(check_text(name, err));
    TRY(check_folders(name, &last, err));
    return check_part(name, slice_after(name, last), err);
}

/* A prefix is a name whose last part may be missing or begun. */
static slp_rc check_prefix(struct slice prefix, struct slp_err *err)
{
    size_t last = 0;
    TRY(check_text(prefix, err));
    TRY(check_folders(prefix, &last, err));
    if (last == prefix.len)
        return SLP_OK;
    return check_part(prefix, slice_after(prefix, last), err);
}

static void begin_request(struct store *s, struct store_request *r)
{
    r->items = NULL;
    r->item_count = 0;
    memset(&r->tag, 0, sizeof r->tag);
    r->store_time_us = 0;
    err_clear(&r->err);
    r->rc = r->verb == STORE_LIST_FROM ? check_prefix(r->name, &r->err)
                                       : store_name_check(r->name, &r->err);
    store_count(&s->counts.requests[r->verb], 1);
}

slp_rc store_submit(struct store *s, struct store_request *requests, size_t count,
                    struct slp_err *err)
{
    assert(count >= 1 && count <= BATCH_MAX);
    store_count(&s->counts.rounds, 1);
    for (size_t i = 0; i < count; i++) {
        assert(requests[i].verb < STORE_VERB_COUNT);
        begin_request(s, &requests[i]);
    }
    return s->ops->submit(s, requests, count, err);
}

/* ---- Tracing ---- */

#define TRACE_LINE_BYTES (STORE_NAME_MAX + 256u)

static const char *verb_name(enum store_verb verb)
{
    static const char *const names[STORE_VERB_COUNT] = {"get", "put", "replace", "list", "delete"};
    return names[verb];
}

static void trace_request(struct store *s, const struct store_request *r, slp_rc waited)
{
    char line[TRACE_LINE_BYTES];
    slp_rc rc = waited == SLP_OK ? r->rc : waited;
    size_t bytes = r->body.len;
    if (r->verb == STORE_GET)
        bytes = rc == SLP_OK ? r->out->len : 0;
    int n = snprintf(line, sizeof line, "%s %.*s: %s", verb_name(r->verb), SLICE_ARG(r->name),
                     err_name(rc));
    if (n > 0 && (size_t)n < sizeof line && r->verb == STORE_LIST_FROM)
        (void)snprintf(line + n, sizeof line - (size_t)n, ", %zu objects", r->item_count);
    else if (n > 0 && (size_t)n < sizeof line && r->verb != STORE_DELETE)
        (void)snprintf(line + n, sizeof line - (size_t)n, ", %zu bytes", bytes);
    s->trace(s->trace_context, line);
}

void store_trace_read(struct store *s, const char *name, const struct io_range *ranges,
                      size_t count, slp_rc rc)
{
    char line[TRACE_LINE_BYTES];
    uint64_t bytes = 0;
    if (!s->trace)
        return;
    for (size_t i = 0; i < count; i++)
        bytes += ranges[i].len;
    (void)snprintf(line, sizeof line, "read %s: %s, %zu ranges, %" PRIu64 " bytes", name,
                   err_name(rc), count, bytes);
    s->trace(s->trace_context, line);
}

void store_set_trace(struct store *s, store_trace_fn trace, void *context)
{
    s->trace = trace;
    s->trace_context = context;
}

slp_rc store_wait(struct store *s, struct store_request *requests, size_t count,
                  const struct store_wait_options *options, struct slp_err *err)
{
    static const struct store_wait_options for_ever;
    slp_rc rc = s->ops->wait(s, requests, count, options ? options : &for_ever, err);
    for (size_t i = 0; s->trace && i < count; i++)
        trace_request(s, &requests[i], rc);
    return rc;
}

slp_rc store_get_span(const struct store_request *r, uint64_t size, size_t *len,
                      struct slp_err *err)
{
    if (r->offset > size)
        FAIL(err, CORRUPT, "offset %" PRIu64 " lies beyond the object's %" PRIu64 " bytes",
             r->offset, size);
    uint64_t rest = size - r->offset;
    uint64_t want = r->len < rest ? r->len : rest;
    if (want > STORE_GET_MAX_BYTES)
        FAIL(err, LIMIT, "%" PRIu64 " bytes at once, at most %" PRIu64 " are read into memory",
             want, STORE_GET_MAX_BYTES);
    *len = (size_t)want;
    return SLP_OK;
}

/* Submit one request and wait for it. */
static slp_rc run_one(struct store *s, struct store_request *r, struct slp_err *err)
{
    TRY(store_submit(s, r, 1, err));
    slp_rc rc = store_wait(s, r, 1, NULL, err);
    if (rc != SLP_OK && store_is_write(r->verb)) {
        /* Nobody waits any more, and the write may still happen. */
        slp_rc unknown = SLP_UNKNOWN;
        return err_wrap(err, unknown, "object \"%.*s\": a write that may have happened",
                        SLICE_ARG(r->name));
    }
    if (rc == SLP_OK && r->rc != SLP_OK) {
        if (err)
            *err = r->err;
        rc = r->rc;
    }
    return rc;
}

slp_rc store_get(struct store *s, struct slice name, struct buf *out, struct slp_err *err)
{
    return store_get_range(s, name, 0, UINT64_MAX, out, err);
}

slp_rc store_get_range(struct store *s, struct slice name, uint64_t offset, uint64_t len,
                       struct buf *out, struct slp_err *err)
{
    struct store_request r = {
        .verb = STORE_GET, .name = name, .offset = offset, .len = len, .out = out};
    return run_one(s, &r, err);
}

slp_rc store_put_if_absent(struct store *s, struct slice name, struct slice body,
                           struct slp_err *err)
{
    struct store_request r = {.verb = STORE_PUT_IF_ABSENT, .name = name, .body = body};
    return run_one(s, &r, err);
}

slp_rc store_put_if_match(struct store *s, struct slice name, struct slice body,
                          struct store_tag match, struct store_tag *tag, struct slp_err *err)
{
    struct store_request r = {
        .verb = STORE_PUT_IF_MATCH, .name = name, .body = body, .match = match};
    TRY(run_one(s, &r, err));
    if (tag)
        *tag = r.tag;
    return SLP_OK;
}

slp_rc store_list(struct store *s, struct slice prefix, struct slice after, size_t limit,
                  struct arena *arena, struct store_item **items, size_t *count,
                  struct slp_err *err)
{
    struct store_request r = {
        .verb = STORE_LIST_FROM, .name = prefix, .after = after, .limit = limit, .arena = arena};
    TRY(run_one(s, &r, err));
    *items = r.items;
    *count = r.item_count;
    return SLP_OK;
}

slp_rc store_delete(struct store *s, struct slice name, struct slp_err *err)
{
    struct store_request r = {.verb = STORE_DELETE, .name = name};
    return run_one(s, &r, err);
}

slp_rc store_open(struct store *s, struct slice name, struct alloc *mem, struct source **out,
                  struct slp_err *err)
{
    TRY(store_name_check(name, err));
    return s->ops->open(s, name, mem, out, err);
}

slp_rc store_put_open(struct store *s, struct slice name, struct alloc *mem, struct store_put **out,
                      struct slp_err *err)
{
    TRY(store_name_check(name, err));
    return s->ops->put_open(s, name, mem, out, err);
}

slp_rc store_put_commit(struct store_put *put, struct slp_err *err)
{
    store_count(&put->store->counts.requests[STORE_PUT_IF_ABSENT], 1);
    store_count(&put->store->counts.rounds, 1);
    struct store *s = put->store;
    uint64_t bytes = put->sink->offset;
    slp_rc rc = s->ops->put_commit(put, err);
    if (s->trace) {
        char line[TRACE_LINE_BYTES];
        (void)snprintf(line, sizeof line, "put of a streamed object: %s, %" PRIu64 " bytes",
                       err_name(rc), bytes);
        s->trace(s->trace_context, line);
    }
    return rc;
}

void store_put_abort(struct store_put *put)
{
    if (put)
        put->store->ops->put_abort(put);
}

slp_rc store_settle(struct store *s, struct slice name, struct slp_err *err)
{
    if (!s->ops->settle)
        return SLP_OK;
    return err_wrap(err, s->ops->settle(s, name, err), "object \"%.*s\"", SLICE_ARG(name));
}

int64_t store_now_us(struct store *s)
{
    return s->ops->clock_us(s);
}

void store_sleep_us(struct store *s, int64_t us)
{
    s->ops->sleep_us(s, us);
}

struct store_counts store_counts_read(struct store *s)
{
    struct store_counts out;
    for (size_t i = 0; i < STORE_VERB_COUNT; i++)
        out.requests[i] = __atomic_load_n(&s->counts.requests[i], __ATOMIC_RELAXED);
    out.bytes_in = __atomic_load_n(&s->counts.bytes_in, __ATOMIC_RELAXED);
    out.bytes_out = __atomic_load_n(&s->counts.bytes_out, __ATOMIC_RELAXED);
    out.rounds = __atomic_load_n(&s->counts.rounds, __ATOMIC_RELAXED);
    out.syncs = __atomic_load_n(&s->counts.syncs, __ATOMIC_RELAXED);
    return out;
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}
