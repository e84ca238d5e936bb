#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/num.h"
#include "os/random.h"
#include "state/replica.h"

#define INSTANCE_FILE      "sleeper.json"
#define INSTANCE_MAX_BYTES 65536u

/* Random ids are hashes of a seed and a counter, so that only the seed comes from outside. */
struct id_source {
    struct hash128 seed;
    uint64_t drawn; /* atomic */
};

struct state_instance {
    struct alloc *mem;
    struct store *store;
    struct state_rules rules;
    struct hash128 id;
    struct id_source ids;
    struct state_queues queues;
    struct buf head; /* the catalogue's, as it was when this was opened; until somebody takes it */
    struct store_tag head_tag;
    slp_rc head_rc;
    bool has_head; /* atomic */
};

static slp_rc id_source_init(struct id_source *ids, const struct state_options *options,
                             struct slp_err *err)
{
    ids->drawn = 0;
    if (options && options->seed) {
        ids->seed = *options->seed;
        return SLP_OK;
    }
    return os_random(ids->seed.bytes, sizeof ids->seed.bytes, err);
}

static struct hash128 id_source_draw(struct id_source *ids)
{
    uint8_t bytes[24];
    uint64_t n = __atomic_fetch_add(&ids->drawn, 1, __ATOMIC_RELAXED);
    memcpy(bytes, ids->seed.bytes, sizeof ids->seed.bytes);
    num_store_u64le(bytes + sizeof ids->seed.bytes, n);
    return hash_xxh128(slice_of(bytes, sizeof bytes));
}

slp_rc state_instance_create(struct store *store, const struct state_options *options,
                             struct slp_err *err)
{
    struct id_source ids;
    char hex[33];
    char text[128];
    TRY(id_source_init(&ids, options, err));
    hash_format(id_source_draw(&ids), hex);
    int n = snprintf(text, sizeof text, "{\"layout\":%d,\"instance\":\"%s\"}\n",
                     STATE_LAYOUT_VERSION, hex);
    slp_rc rc =
        store_put_if_absent(store, slice_str(INSTANCE_FILE), slice_of(text, (size_t)n), err);
    if (rc == SLP_CONFLICT)
        FAIL(err, EXISTS, "there is an instance at this place already");
    return err_wrap(err, rc, "instance");
}

static slp_rc parse_instance(struct slice text, struct alloc *mem, struct hash128 *id,
                             struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct json root;
    const struct json *layout = NULL;
    const struct json *instance = NULL;
    arena_init(&arena, mem, INSTANCE_MAX_BYTES * 16);
    TRY_OUT(json_parse(text, &arena, &root, err));
    TRY_OUT(json_expect(&root, JSON_IS_OBJECT, "the file", err));
    TRY_OUT(json_need(&root, "layout", JSON_IS_INTEGER, &layout, err));
    if (layout->integer > STATE_LAYOUT_VERSION)
        FAIL_OUT(err, UNSUPPORTED,
                 "layout %" PRId64 ", this program knows up to %d; use a newer one",
                 layout->integer, STATE_LAYOUT_VERSION);
    TRY_OUT(json_need(&root, "instance", JSON_IS_TEXT, &instance, err));
    if (layout->integer < 1 || !hash_parse(instance->text, id))
        FAIL_OUT(err, CORRUPT, "no layout or instance id in it");
out:
    arena_fini(&arena);
    if (rc == SLP_INVALID && err)
        err->code = SLP_CORRUPT;
    return rc == SLP_INVALID ? SLP_CORRUPT : rc;
}

/* sleeper.json and the catalogue's head, which nobody needs when it cannot be read. */
static slp_rc read_first(struct state_instance *i, struct buf *text, struct slp_err *err)
{
    struct store_request requests[] = {
        {.verb = STORE_GET, .name = slice_str(INSTANCE_FILE), .len = UINT64_MAX, .out = text},
        {.verb = STORE_GET, .name = slice_str("head"), .len = UINT64_MAX, .out = &i->head}};
    TRY(store_submit(i->store, requests, 2, err));
    TRY(store_wait(i->store, requests, 2, NULL, err));
    i->head_tag = requests[1].tag;
    i->head_rc = requests[1].rc;
    i->has_head = i->head_rc == SLP_OK || i->head_rc == SLP_NOT_FOUND;
    if (requests[0].rc == SLP_NOT_FOUND)
        FAIL(err, NOT_FOUND,
             "no instance at this place (it has no " INSTANCE_FILE "); make one with "
             "'sleeper init'");
    if (requests[0].rc != SLP_OK)
        return err_set(err, requests[0].rc, "%s", requests[0].err.text);
    if (i->head_rc == SLP_NO_MEMORY)
        return err_set(err, i->head_rc, "%s", requests[1].err.text);
    return SLP_OK;
}

slp_rc state_instance_open(struct alloc *mem, struct store *store,
                           const struct state_options *options, struct state_instance **out,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_instance *i = NULL;
    struct buf text;
    buf_init(&text, mem, INSTANCE_MAX_BYTES);
    TRY_OUT(alloc_new(mem, &i, err));
    i->mem = mem;
    i->store = store;
    i->rules = options && options->rules.ring_max ? options->rules : state_rules_default();
    buf_init(&i->head, mem, STATE_HEAD_MAX_BYTES);
    TRY_OUT(id_source_init(&i->ids, options, err));
    TRY_OUT(read_first(i, &text, err));
    TRY_OUT(err_wrap(err, parse_instance(buf_slice(&text), mem, &i->id, err), INSTANCE_FILE));
    state_queues_init(&i->queues);
    *out = i;
out:
    buf_fini(&text);
    if (rc != SLP_OK && i) {
        buf_fini(&i->head);
        alloc_delete(mem, i);
    }
    return rc;
}

bool state_instance_take_head(struct state_instance *i, struct buf *out, struct store_tag *tag,
                              slp_rc *rc)
{
    if (!__atomic_exchange_n(&i->has_head, false, __ATOMIC_ACQ_REL))
        return false;
    buf_fini(out);
    *out = i->head;
    buf_init(&i->head, i->mem, 0);
    *tag = i->head_tag;
    *rc = i->head_rc;
    return true;
}

void state_instance_close(struct state_instance *i)
{
    if (!i)
        return;
    state_queues_fini(&i->queues);
    buf_fini(&i->head);
    alloc_delete(i->mem, i);
}

struct store *state_instance_store(struct state_instance *i)
{
    return i->store;
}

struct hash128 state_instance_id(const struct state_instance *i)
{
    return i->id;
}

struct alloc *state_instance_mem(struct state_instance *i)
{
    return i->mem;
}

struct state_rules state_instance_rules(const struct state_instance *i)
{
    return i->rules;
}

struct state_queues *state_instance_queues(struct state_instance *i)
{
    return &i->queues;
}

struct hash128 state_random_id(struct state_instance *i)
{
    return id_source_draw(&i->ids);
}
