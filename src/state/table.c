#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "state/global.h"
#include "state/inbox.h"
#include "state/keep.h"
#include "state/view_priv.h"

struct state_table {
    struct alloc *mem;
    struct state_instance *instance;
    struct state_replica replica;
    struct hash128 id;
    struct arena arena; /* name and schema */
    struct slice name;
    struct schema schema;
    struct key_spec spec;
    struct arena defaults_arena; /* what the instance says of properties */
    struct state_property *defaults;
    size_t default_count;
    bool is_fixed; /* an earlier state: it stays */
    uint64_t at;   /* the one that was asked for; 0: the tip */
    struct slice schema_json;
    state_choose_fn choose; /* until it was asked */
    void *choose_context;
    uint32_t covers; /* how often other leaves were asked for */
};

/* From so many on, all leaves are loaded. */
#define COVERS_MAX 3u

/* Names and schema of one handle: a schema is at most SCHEMA_JSON_MAX_BYTES of text. */
#define TABLE_ARENA_MAX ((size_t)256 << 20)

/* ------------------------------------------------------------------ the catalogue */

/* Replay the catalogue. The replica is finished by the caller, on failure too. */
static slp_rc read_catalogue(struct state_instance *i, struct state_replica *r, struct slp_err *err)
{
    TRY(state_replica_init(r, i, NULL, err));
    return err_wrap(err, state_replica_refresh(r, err), "catalogue");
}

static slp_rc no_such_table(const struct state_catalogue *c, struct slice name, struct slp_err *err)
{
    size_t best = SIZE_MAX;
    struct slice nearest = {0};
    for (size_t i = 0; i < c->count; i++) {
        size_t d = text_distance(name, c->entries[i].name);
        if (d < best && text_is_near(name, c->entries[i].name, d)) {
            best = d;
            nearest = c->entries[i].name;
        }
    }
    if (nearest.len)
        FAIL(err, NOT_FOUND, "no table \"%.*s\"; did you mean \"%.*s\"?", SLICE_ARG(name),
             SLICE_ARG(nearest));
    FAIL(err, NOT_FOUND, "no table \"%.*s\" (there %s %zu; 'sleeper table list' shows them)",
         SLICE_ARG(name), c->count == 1 ? "is" : "are", c->count);
}

/* ------------------------------------------------------------------ making a table */

static slp_rc check_split_points(const struct state_table_options *o, struct slp_err *err)
{
    for (size_t i = 0; i < o->split_point_count; i++) {
        struct slice before = i ? o->split_points[i - 1] : (struct slice){0};
        if (o->split_points[i].len > KEY_MAX_BYTES ||
            slice_compare(before, o->split_points[i]) >= 0)
            FAIL(err, INVALID, "split point %zu is empty, too long, or not above the one before",
                 i + 1);
    }
    return SLP_OK;
}

/* The table's own log begins: frame 1 says everything that is known of it so far. */
static slp_rc begin_log(struct state_instance *i, const struct state_table_options *o,
                        struct hash128 id, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_CREATE};
    txn.create = (struct state_create){.name = o->name,
                                       .table = id,
                                       .schema_json = o->schema_json,
                                       .key_version = KEY_VERSION,
                                       .split_points = o->split_points,
                                       .split_point_count = o->split_point_count,
                                       .properties = o->properties,
                                       .property_count = o->property_count,
                                       .engine = o->engine,
                                       .is_ordered = o->is_ordered,
                                       .order_by = o->order_by,
                                       .engine_text = o->engine_text};
    TRY_OUT(state_replica_init(&r, i, &id, err));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    TRY_OUT(state_result_check(&result, err));
out:
    state_replica_fini(&r);
    return rc;
}

static slp_rc exists(struct slice name, struct slp_err *err)
{
    FAIL(err, EXISTS, "there is a table \"%.*s\" already", SLICE_ARG(name));
}

slp_rc state_table_create(struct state_instance *i, const struct state_table_options *o,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    TRY(state_table_name_check(o->name, err));
    TRY(check_split_points(o, err));
    TRY_OUT(read_catalogue(i, &r, err));
    if (state_catalogue_find(&r.machine.catalogue, o->name)) {
        rc = exists(o->name, err);
        goto out;
    }
    struct state_txn txn = {.kind = STATE_CREATE_TABLE};
    txn.create_table = (struct state_create_table){.name = o->name, .table = state_random_id(i)};
    TRY_OUT(begin_log(i, o, txn.create_table.table, err));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    if (result.outcome.reason == STATE_REASON_NAME_TAKEN)
        rc = exists(o->name, err);
    else
        rc = state_result_check(&result, err);
out:
    state_replica_fini(&r);
    return err_wrap(err, rc, "create table");
}

/* ------------------------------------------------------------------ handles */

static slp_rc learn_schema(struct state_table *t, const struct table_state *s, struct slp_err *err)
{
    if (!state_is_created(s))
        FAIL(err, CORRUPT, "its log does not begin with a create");
    if (state_is_dropped(s))
        FAIL(err, NOT_FOUND, "the table was dropped");
    if (state_key_version(s) != KEY_VERSION)
        FAIL(err, UNSUPPORTED,
             "keys are of version %" PRIu32 ", this program knows %u; use a newer one",
             state_key_version(s), KEY_VERSION);
    if (t->schema_json.len && slice_equal(t->schema_json, state_schema_json(s)))
        return SLP_OK;
    struct slice json;
    struct schema schema = {0};
    TRY(arena_copy(&t->arena, state_schema_json(s), &json, err)); /* the state may be replaced */
    TRY(schema_parse(json, &t->arena, &schema, err));
    t->schema = schema;
    t->schema_json = json;
    key_spec_init(&t->spec, &t->schema);
    return SLP_OK;
}

/* What has no keys, for the loading of a snapshot: its first shard. */
static struct key_range at_least(struct key_range range)
{
    static const uint8_t zero[1] = {0};
    struct key_range least = {.hi = slice_of(zero, 1), .has_hi = true};
    return key_range_is_empty(range) ? least : range;
}

/* The global part of a snapshot is there: what of its leaves is wanted? Whoever asks for too little
 * here asks again when the table is open. */
static slp_rc choose_scope(void *context, const struct table_state *s, struct slp_err *err)
{
    struct state_table *t = context;
    struct slp_err why = {.code = SLP_OK};
    struct key_range nothing = {.has_hi = true};
    struct key_range range = nothing;
    t->replica.choose = NULL; /* leaves that were merged may widen it later (rule P3) */
    TRY(learn_schema(t, s, err));
    slp_rc rc = t->choose(t->choose_context, t, &range, &why);
    if (rc == SLP_NO_MEMORY)
        return err_set(err, rc, "%s", why.text);
    return state_replica_set_scope(&t->replica, at_least(rc == SLP_OK ? range : nothing), err);
}

/* A handle that has read nothing yet. */
static slp_rc table_new(struct state_instance *i, struct hash128 id, struct slice name,
                        const struct state_open_options *o, struct state_table **out,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_table *t = NULL;
    struct alloc *mem = state_instance_mem(i);
    TRY(alloc_new(mem, &t, err));
    t->mem = mem;
    t->instance = i;
    t->id = id;
    arena_init(&t->arena, mem, TABLE_ARENA_MAX);
    arena_init(&t->defaults_arena, mem, TABLE_ARENA_MAX);
    TRY_OUT(arena_copy(&t->arena, name, &t->name, err));
    TRY_OUT(state_replica_init(&t->replica, i, &id, err));
    if (o && (o->range.lo.len > 0 || o->range.has_hi))
        TRY_OUT(state_replica_set_scope(&t->replica, at_least(o->range), err));
    if (o && o->choose) {
        t->choose = o->choose;
        t->choose_context = o->context;
        t->replica.choose = choose_scope;
        t->replica.choose_context = t;
    }
    t->at = o ? o->at : 0;
    t->replica.is_head_tried = o && o->is_without_head;
    *out = t;
out:
    if (rc != SLP_OK)
        state_table_close(t);
    return rc;
}

/* Replay, and learn the schema. */
static slp_rc table_begin(struct state_table *t, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    TRY_OUT(state_replica_refresh(&t->replica, err));
    if (t->at > 0) {
        TRY_OUT(state_keep_go_back(&t->replica, t->at, err));
        t->is_fixed = true;
    }
    TRY_OUT(learn_schema(t, t->replica.machine.table, err));
    t->replica.choose = NULL; /* its context is the caller's */
out:
    return err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(t->name));
}

slp_rc state_table_set_defaults(struct state_table *t, const struct state_property *items,
                                size_t count, struct slp_err *err)
{
    void *room = NULL;
    t->default_count = 0;
    arena_fini(&t->defaults_arena);
    arena_init(&t->defaults_arena, t->mem, TABLE_ARENA_MAX);
    TRY(arena_array(&t->defaults_arena, count, sizeof *t->defaults, &room, err));
    t->defaults = room;
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy(&t->defaults_arena, items[i].name, &t->defaults[i].name, err));
        TRY(arena_copy(&t->defaults_arena, items[i].value, &t->defaults[i].value, err));
    }
    t->default_count = count;
    return SLP_OK;
}

static slp_rc take_defaults(struct state_table *t, const struct state_catalogue *c,
                            struct slp_err *err)
{
    return state_table_set_defaults(t, c->defaults, c->default_count, err);
}

/* Where the catalogue's head has the name, the table's head is read together with the catalogue's
 * tail: a round less. `*out` stays NULL when it has not. */
static slp_rc begin_by_hint(struct state_instance *i, struct state_replica *catalogue,
                            struct slice name, const struct state_open_options *o,
                            struct state_table **out, struct slp_err *err)
{
    TRY(state_head_begin(catalogue, err));
    const struct state_table_entry *entry =
        state_catalogue_find(&catalogue->machine.catalogue, name);
    if (!entry || !catalogue->is_unproven)
        return SLP_OK;
    TRY(table_new(i, entry->id, name, o, out, err));
    TRY(state_probe_new(catalogue, catalogue->number, err));
    if ((*out)->replica.is_head_tried)
        return SLP_OK;
    (*out)->replica.beside = catalogue;
    return state_head_begin(&(*out)->replica, err);
}

slp_rc state_table_open_with(struct state_instance *i, struct slice name,
                             const struct state_open_options *options, struct state_table **out,
                             struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_table *t = NULL;
    TRY_OUT(state_replica_init(&r, i, NULL, err));
    TRY_OUT(begin_by_hint(i, &r, name, options, &t, err));
    TRY_OUT(err_wrap(err, state_replica_refresh(&r, err), "catalogue"));
    const struct state_table_entry *entry = state_catalogue_find(&r.machine.catalogue, name);
    if (!entry) {
        rc = no_such_table(&r.machine.catalogue, name, err);
        goto out;
    }
    if (t && !hash_equal(t->id, entry->id)) {
        state_table_close(t); /* the head had an older table of this name */
        t = NULL;
    }
    if (!t)
        TRY_OUT(table_new(i, entry->id, name, options, &t, err));
    TRY_OUT(table_begin(t, err));
    TRY_OUT(take_defaults(t, &r.machine.catalogue, err));
    *out = t;
    t = NULL;
out:
    state_table_close(t);
    state_replica_fini(&r);
    return rc;
}

slp_rc state_table_open(struct state_instance *i, struct slice name, struct state_table **out,
                        struct slp_err *err)
{
    return state_table_open_with(i, name, NULL, out, err);
}

slp_rc state_table_read_defaults(struct state_table *t, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    TRY_OUT(read_catalogue(t->instance, &r, err));
    rc = take_defaults(t, &r.machine.catalogue, err);
out:
    state_replica_fini(&r);
    return rc;
}

static bool find_default(const struct state_table *t, struct slice name, struct slice *value)
{
    for (size_t i = 0; i < t->default_count; i++) {
        if (slice_equal(t->defaults[i].name, name)) {
            *value = t->defaults[i].value;
            return true;
        }
    }
    return false;
}

static bool find_property(const void *context, struct slice name, struct slice *value)
{
    const struct state_table *t = context;
    return state_property_find(t->replica.machine.table, name, value) ||
           find_default(t, name, value);
}

struct schema_properties state_table_properties(const struct state_table *t)
{
    return (struct schema_properties){.context = t, .find = find_property};
}

static bool is_covered(const struct state_table *t, struct key_range range)
{
    struct key_range seen = t->replica.machine.table->seen;
    bool begins = slice_compare(seen.lo, range.lo) <= 0;
    bool ends = !seen.has_hi || (range.has_hi && slice_compare(range.hi, seen.hi) <= 0);
    return (begins && ends) || key_range_is_empty(range);
}

slp_rc state_table_cover(struct state_table *t, struct key_range range, struct slp_err *err)
{
    static const struct key_range all = {.has_hi = false};
    if (is_covered(t, range))
        return SLP_OK;
    t->covers++;
    TRY(state_replica_set_scope(&t->replica, t->covers < COVERS_MAX ? range : all, err));
    state_replica_restart(&t->replica);
    t->replica.is_head_tried = false;
    return table_begin(t, err);
}

slp_rc state_table_open_id_with(struct state_instance *i, struct hash128 id,
                                const struct state_open_options *options, struct state_table **out,
                                struct slp_err *err)
{
    char hex[33];
    struct state_table *t = NULL;
    hash_format(id, hex);
    TRY(table_new(i, id, slice_str(hex), options, &t, err));
    slp_rc rc = table_begin(t, err);
    if (rc != SLP_OK)
        state_table_close(t);
    else
        *out = t;
    return rc;
}

slp_rc state_table_open_id(struct state_instance *i, struct hash128 id, struct state_table **out,
                           struct slp_err *err)
{
    return state_table_open_id_with(i, id, NULL, out, err);
}

void state_table_close(struct state_table *t)
{
    if (!t)
        return;
    if (t->replica.mem)
        state_replica_fini(&t->replica);
    arena_fini(&t->defaults_arena);
    arena_fini(&t->arena);
    alloc_delete(t->mem, t);
}

slp_rc state_table_refresh_to(struct state_table *t, uint64_t number, struct slp_err *err)
{
    if (t->replica.number < number)
        TRY(state_table_refresh(t, err));
    if (t->replica.number < number)
        FAIL(err, UNAVAILABLE,
             "table \"%.*s\": frame %" PRIu64 " is not there yet, the newest is %" PRIu64,
             SLICE_ARG(t->name), number, t->replica.number);
    return SLP_OK;
}

slp_rc state_table_refresh(struct state_table *t, struct slp_err *err)
{
    if (t->is_fixed)
        return SLP_OK;
    return err_wrap(err, state_replica_refresh(&t->replica, err), "table \"%.*s\"",
                    SLICE_ARG(t->name));
}

slp_rc state_table_commit(struct state_table *t, struct state_txn *txn,
                          const struct state_commit_options *options, struct state_result *out,
                          struct slp_err *err)
{
    if (t->is_fixed)
        FAIL(err, INVALID, "table \"%.*s\" was opened at frame %" PRIu64 ", to be read only",
             SLICE_ARG(t->name), t->replica.number);
    return err_wrap(err, state_replica_commit(&t->replica, txn, options, out, err),
                    "table \"%.*s\"", SLICE_ARG(t->name));
}

slp_rc state_table_find_token(struct state_table *t, struct slice token, struct state_outcome *out,
                              bool *is_found, struct slp_err *err)
{
    return err_wrap(err, state_replica_find_token(&t->replica, token, out, is_found, err),
                    "table \"%.*s\"", SLICE_ARG(t->name));
}

slp_rc state_table_pack(struct state_table *t, uint32_t *packed, struct slp_err *err)
{
    uint32_t n = 0;
    TRY(state_table_refresh(t, err));
    slp_rc rc = state_inbox_pack(&t->replica, (struct slice){0}, &n, err);
    if (rc == SLP_CONFLICT || rc == SLP_UNKNOWN) {
        err_clear(err);
        rc = SLP_OK;
    }
    if (rc == SLP_OK)
        *packed = n;
    return err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(t->name));
}

/* Write a snapshot, and have a second replay come to the same. */
static slp_rc try_snapshot(struct state_table *t, struct slice parent, struct state_verify *out,
                           char root[STATE_ROOT_NAME_BYTES], bool *is_same, struct slp_err *err)
{
    struct state_replica *r = &t->replica;
    uint64_t number = r->number;
    uint64_t minted = 0;
    TRY(state_snapshot_make(r, STATE_KEEP_WRITE, parent, root, &minted, err));
    TRY(state_keep_reproduce(r, parent, root, number, is_same, err));
    *out = (struct state_verify){
        .root = slice_str(root), .number = number, .parent = parent, .minted = minted};
    return SLP_OK;
}

/*
 * An object of the snapshot at `number`, or of its parent, is gone. While it was made, M may have
 * passed it, or others have verified newer ones: then a collector may have taken it. It would be
 * refused now (rule S2), and nothing is wrong. Otherwise the error stays.
 */
static slp_rc judge_missing(struct state_table *t, struct slice parent, uint64_t number,
                            struct slp_err *err)
{
    struct slp_err missing = {0};
    const struct state_machine *m = &t->replica.machine;
    if (err)
        missing = *err;
    err_clear(err);
    TRY(state_table_refresh(t, err));
    size_t n = m->table->verified_count;
    bool is_overtaken = n && !slice_is(parent, m->table->verified[n - 1].root);
    if (is_overtaken || m->table->global.minted > number)
        return SLP_OK;
    if (err)
        *err = missing;
    return SLP_NOT_FOUND;
}

/* Make a snapshot, have a second replay come to the same, and record that. */
static slp_rc keep_snapshot(struct state_table *t, struct slice parent, struct state_kept *out,
                            struct slp_err *err)
{
    char root[STATE_ROOT_NAME_BYTES];
    bool is_same = false;
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_VERIFIED};
    uint64_t number = t->replica.number;
    slp_rc rc = try_snapshot(t, parent, &txn.verified, root, &is_same, err);
    if (rc == SLP_NOT_FOUND)
        return judge_missing(t, parent, number, err);
    TRY(rc);
    if (!is_same)
        return SLP_OK; /* somebody else has gone on meanwhile */
    TRY(state_table_commit(t, &txn, NULL, &result, err));
    out->is_made = result.outcome.reason == STATE_REASON_APPLIED;
    return SLP_OK;
}

/* Make and verify a snapshot if `every` frames have come since the newest one. */
static slp_rc keep_some(struct state_table *t, uint64_t every, struct state_kept *out,
                        struct slp_err *err)
{
    if (t->is_fixed || state_is_partial(t->replica.machine.table))
        FAIL(err, INVALID, "a handle of a part of a table, or of an earlier state, keeps nothing");
    char parent[STATE_ROOT_NAME_BYTES] = {0};
    TRY(state_table_refresh(t, err));
    const struct table_state *s = t->replica.machine.table;
    if (s->verified_count) {
        out->verified = s->verified[s->verified_count - 1].number;
        memcpy(parent, s->verified[s->verified_count - 1].root, sizeof parent);
    }
    if (t->replica.number - out->verified >= every)
        TRY(err_wrap(err, keep_snapshot(t, slice_str(parent), out, err), "table \"%.*s\"",
                     SLICE_ARG(t->name)));
    return SLP_OK;
}

slp_rc state_table_snapshot(struct state_table *t, struct state_kept *out, struct slp_err *err)
{
    struct state_kept kept = {0};
    TRY(keep_some(t, 1, &kept, err));
    *out = kept;
    return SLP_OK;
}

/* Frames from one snapshot to the next. */
static uint64_t frames_to_keep(const struct state_table *t)
{
    struct schema_properties p = state_table_properties(t);
    return (uint64_t)schema_property_number(&p, SCHEMA_PROPERTY_SNAPSHOT_FRAMES);
}

slp_rc state_table_keep(struct state_table *t, uint64_t every, struct state_kept *out,
                        struct slp_err *err)
{
    struct state_kept kept = {0};
    TRY(keep_some(t, every ? every : frames_to_keep(t), &kept, err));
    TRY(err_wrap(err, state_keep_trim(&t->replica, &kept, err), "table \"%.*s\"",
                 SLICE_ARG(t->name)));
    *out = kept;
    return SLP_OK;
}

void state_table_keep_due(struct state_table *t)
{
    struct state_kept kept;
    if (t->is_fixed || !state_keep_is_due(&t->replica, frames_to_keep(t)))
        return;
    /* The state may be due no more once it is refreshed. */
    if (state_table_refresh(t, NULL) == SLP_OK &&
        state_keep_is_due(&t->replica, frames_to_keep(t)) &&
        state_table_keep(t, 1, &kept, NULL) == SLP_OK)
        state_head_renew(&t->replica);
}

const struct table_state *state_table_view(const struct state_table *t)
{
    return t->replica.machine.table;
}

uint64_t state_table_lowest(const struct state_table *t)
{
    return t->replica.floor.number;
}

uint32_t state_table_waiting(const struct state_table *t)
{
    return t->replica.waiting;
}

struct hash128 state_table_id(const struct state_table *t)
{
    return t->id;
}

struct slice state_table_name(const struct state_table *t)
{
    return t->name;
}

struct state_instance *state_table_instance(const struct state_table *t)
{
    return t->instance;
}

const struct schema *state_table_schema(const struct state_table *t)
{
    return &t->schema;
}

const struct key_spec *state_table_key_spec(const struct state_table *t)
{
    return &t->spec;
}

/* ------------------------------------------------------------------ names of objects */

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            c != '.' && c != '-')
            return false;
    }
    return true;
}

slp_rc state_data_name(struct state_table *t, struct slice suffix, struct state_name *out,
                       struct slp_err *err)
{
    char hex[33];
    struct state_name name;
    if (!is_plain(suffix))
        FAIL(err, INVALID, "suffix \"%.*s\" of a data file: letters, digits, dots and dashes only",
             SLICE_ARG(suffix));
    hash_format(state_random_id(t->instance), hex);
    int n = snprintf(name.text, sizeof name.text, "data/%.2s/%020" PRIu64 "-%s%s%.*s.parquet", hex,
                     t->replica.number, hex, suffix.len ? "-" : "", SLICE_ARG(suffix));
    if (n < 0 || (size_t)n >= sizeof name.text - 64)
        FAIL(err, LIMIT, "the name of a data file is too long, with its suffix of %zu bytes",
             suffix.len);
    name.len = (size_t)n;
    *out = name;
    return SLP_OK;
}

slp_rc state_table_object(const struct state_table *t, struct slice name, struct state_name *out,
                          struct slp_err *err)
{
    char hex[33];
    struct state_name whole;
    hash_format(t->id, hex);
    int n = snprintf(whole.text, sizeof whole.text, "t/%s/%.*s", hex, SLICE_ARG(name));
    if (n < 0 || (size_t)n >= sizeof whole.text)
        FAIL(err, LIMIT, "the name of an object is longer than %u bytes", STORE_NAME_MAX);
    whole.len = (size_t)n;
    *out = whole;
    return SLP_OK;
}
