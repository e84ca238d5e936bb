#include "state/global.h"
#include "state/bug.h"

#include "base/num.h"
#include "state/shape.h"
#include "state/txn_priv.h"
#include "state/view_priv.h"

/* ------------------------------------------------------------------ questions */

enum state_engine state_engine(const struct table_state *s)
{
    return (enum state_engine)s->global.engine;
}

uint32_t state_order_by(const struct table_state *s)
{
    return s->global.order_by;
}

struct slice state_engine_text(const struct table_state *s)
{
    return s->global.engine_text;
}

bool state_has_deleted(const struct table_state *s)
{
    return s->global.has_deleted;
}

/* Rule O3. */
bool state_is_order_sensitive(const struct table_state *s)
{
    const struct state_global *g = &s->global;
    bool commutes = g->engine == STATE_ENGINE_BAG || g->engine == STATE_ENGINE_AGGREGATE;
    return !commutes || g->is_ordered || g->has_deleted;
}

size_t state_property_count(const struct table_state *s)
{
    return s->global.property_count;
}

const struct state_property *state_property_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.property_count);
    return &s->global.properties[i];
}

bool state_property_find(const struct table_state *s, struct slice name, struct slice *value)
{
    for (size_t i = 0; i < s->global.property_count; i++) {
        if (!slice_equal(s->global.properties[i].name, name))
            continue;
        *value = s->global.properties[i].value;
        return true;
    }
    return false;
}

size_t state_schema_count(const struct table_state *s)
{
    return s->global.schema_count;
}

const struct state_schema *state_schema_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.schema_count);
    return &s->global.schemas[i];
}

const struct state_schema *state_schema_find(const struct table_state *s, uint32_t version)
{
    for (size_t i = 0; i < s->global.schema_count; i++)
        if (s->global.schemas[i].version == version)
            return &s->global.schemas[i];
    return NULL;
}

uint32_t state_schema_next(const struct table_state *s)
{
    return s->global.schema_highest + 1;
}

size_t state_purge_count(const struct table_state *s)
{
    return s->global.purge_count;
}

const struct state_purge *state_purge_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.purge_count);
    return &s->global.purges[i];
}

/* Rule V5. A restore brings range deletes back with the state that they belong to. */
bool state_purge_is_restorable(const struct table_state *s, const struct state_purge *purge)
{
    if (purge->is_range || STATE_BUG(RETIRE_RESTORE))
        return false;
    if (s->global.horizon <= purge->at.frame)
        return true;
    for (size_t i = 0; i < s->global.pin_count; i++)
        if (s->global.pins[i].number < purge->at.frame)
            return true;
    return false;
}

size_t state_pin_count(const struct table_state *s)
{
    return s->global.pin_count;
}

const struct state_pin *state_pin_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.pin_count);
    return &s->global.pins[i];
}

const struct state_pin *state_pin_find(const struct table_state *s, struct slice name)
{
    for (size_t i = 0; i < s->global.pin_count; i++)
        if (slice_equal(s->global.pins[i].name, name))
            return &s->global.pins[i];
    return NULL;
}

uint64_t state_minted(const struct table_state *s)
{
    return s->global.minted;
}

uint64_t state_horizon(const struct table_state *s)
{
    return s->global.horizon;
}

bool state_is_paused(const struct table_state *s)
{
    return s->global.is_paused;
}

struct state_position state_paused_at(const struct table_state *s)
{
    return s->global.paused_at;
}

bool state_is_dropped(const struct table_state *s)
{
    return s->global.is_dropped;
}

size_t state_add_count(const struct table_state *s)
{
    return s->global.add_count;
}

struct state_position state_add_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.add_count);
    return s->global.adds[i];
}

size_t state_job_count_of(const struct table_state *s, enum state_job_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->job_count; i++)
        n += s->jobs[i]->kind == (uint32_t)kind;
    return n;
}

size_t state_submitted_count(const struct table_state *s)
{
    return s->global.submitted_count;
}

const struct state_submitted *state_submitted_at(const struct table_state *s, size_t i)
{
    assert(i < s->global.submitted_count);
    return &s->global.submitted[i];
}

const struct state_submitted *state_submitted_find(const struct table_state *s, struct state_id id)
{
    size_t lo = 0;
    size_t hi = s->global.submitted_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (state_id_compare(s->global.submitted[middle].id, id) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    bool is_found =
        lo < s->global.submitted_count && state_id_equal(s->global.submitted[lo].id, id);
    return is_found ? &s->global.submitted[lo] : NULL;
}

/* ------------------------------------------------------------------ bytes */

static const struct state_wire_field schema_fields[] = {
    ONE(1, U32, "version", struct state_schema, version),
    ONE(3, TEXT, "schema", struct state_schema, json),
    ONE(5, POSITION, "at", struct state_schema, at),
};
static const struct state_shape schema_shape =
    SHAPE("a schema version", struct state_schema, schema_fields);

static const struct state_wire_field purge_fields[] = {
    ONE(1, POSITION, "at", struct state_purge, at),
    ONE(3, BOOL, "range", struct state_purge, is_range),
    ONE(5, RANGE_LO, "lo", struct state_purge, range),
    ONE(7, RANGE_HI, "hi", struct state_purge, range),
    ONE(9, TEXT, "predicate", struct state_purge, predicate),
    ONE(11, BYTES, "bound", struct state_purge, bound),
    ONE(13, BOOL, "on_keys", struct state_purge, is_on_keys),
    ONE(15, U32, "schema_version", struct state_purge, schema_version),
    ONE(17, I64, "time_us", struct state_purge, time_us),
};
static const struct state_shape purge_shape = SHAPE("a purge", struct state_purge, purge_fields);

static const struct state_wire_field pin_fields[] = {
    ONE(1, TEXT, "name", struct state_pin, name),
    ONE(3, TEXT, "root", struct state_pin, root),
    ONE(5, U64, "number", struct state_pin, number),
    ONE(7, I64, "expires_us", struct state_pin, expires_us),
    ONE(9, POSITION, "at", struct state_pin, at),
};
static const struct state_shape pin_shape = SHAPE("a pin", struct state_pin, pin_fields);

static const struct state_wire_field submitted_fields[] = {
    ONE(1, ID, "id", struct state_submitted, id),
    ONE(3, TEXT, "path", struct state_submitted, path),
    ONE(5, U64, "bytes", struct state_submitted, bytes),
    ONE(7, I64, "time_us", struct state_submitted, time_us),
    ONE(9, U32, "failures", struct state_submitted, failures),
    ONE(11, I64, "failed_us", struct state_submitted, failed_us),
    ONE(13, TEXT, "why", struct state_submitted, why),
    ONE(15, ID, "job", struct state_submitted, job),
    ONE(17, TEXT, "kinds", struct state_submitted, reading.kinds),
    ONE(2, TEXT, "format", struct state_submitted, reading.format),
    ONE(4, BOOL, "skips", struct state_submitted, reading.skips),
    ONE(6, U64, "most", struct state_submitted, reading.most),
};
static const struct state_shape submitted_shape =
    SHAPE("a submitted file", struct state_submitted, submitted_fields);

static const struct state_wire_field global_fields[] = {
    ONE(1, U32, "engine", struct state_global, engine),
    ONE(3, BOOL, "ordered", struct state_global, is_ordered),
    ONE(5, U32, "order_by", struct state_global, order_by),
    ONE(7, TEXT, "engine_text", struct state_global, engine_text),
    ONE(9, BOOL, "has_deleted", struct state_global, has_deleted),
    LIST(11, SHAPE, "property", struct state_global, properties, property_count,
         &state_property_shape),
    LIST(13, SHAPE, "schema", struct state_global, schemas, schema_count, &schema_shape),
    ONE(15, U32, "schema_highest", struct state_global, schema_highest),
    LIST(17, SHAPE, "purge", struct state_global, purges, purge_count, &purge_shape),
    LIST(19, SHAPE, "pin", struct state_global, pins, pin_count, &pin_shape),
    LIST(21, POSITION, "add", struct state_global, adds, add_count, NULL),
    ONE(23, U64, "minted", struct state_global, minted),
    ONE(25, U64, "horizon", struct state_global, horizon),
    ONE(27, BOOL, "paused", struct state_global, is_paused),
    ONE(29, POSITION, "paused_at", struct state_global, paused_at),
    ONE(31, BOOL, "dropped", struct state_global, is_dropped),
    LIST(33, SHAPE, "submitted", struct state_global, submitted, submitted_count, &submitted_shape),
    ONE(35, POSITION, "restored_at", struct state_global, restored_at),
};
const struct state_shape state_global_shape =
    SHAPE("a global part", struct state_global, global_fields);

slp_rc state_global_print(const struct state_global *g, struct buf *out, struct slp_err *err)
{
    return state_wire_print(&state_global_shape, g, 0, out, err);
}

/* ------------------------------------------------------------------ copies */

void state_global_fini(struct alloc *mem, struct state_global *g)
{
    while (g->submitted_count > 0)
        state_submitted_drop(mem, g, g->submitted_count - 1);
    alloc_free(mem, g->submitted, g->submitted_room * sizeof *g->submitted);
    alloc_free(mem, g->properties, g->property_room * sizeof *g->properties);
    alloc_free(mem, g->schemas, g->schema_room * sizeof *g->schemas);
    alloc_free(mem, g->purges, g->purge_room * sizeof *g->purges);
    alloc_free(mem, g->pins, g->pin_room * sizeof *g->pins);
    alloc_free(mem, g->adds, g->add_room * sizeof *g->adds);
    *g = (struct state_global){0};
}

static slp_rc copy_properties(struct alloc *mem, struct arena *arena,
                              const struct state_global *from, struct state_global *to,
                              struct slp_err *err)
{
    TRY(state_grow(mem, &to->properties, &to->property_room, from->property_count,
                   sizeof *to->properties, err));
    for (size_t i = 0; i < from->property_count; i++) {
        const struct state_property *p = &from->properties[i];
        struct state_property *copy = &to->properties[i];
        if (i && slice_compare(from->properties[i - 1].name, p->name) >= 0)
            FAIL(err, CORRUPT, "property %zu of a snapshot stands out of order", i);
        *copy = (struct state_property){0};
        TRY(arena_copy(arena, p->name, &copy->name, err));
        TRY(arena_copy(arena, p->value, &copy->value, err));
        to->property_count++;
    }
    return SLP_OK;
}

static slp_rc copy_schemas(struct alloc *mem, struct arena *arena, const struct state_global *from,
                           struct state_global *to, struct slp_err *err)
{
    TRY(state_grow(mem, &to->schemas, &to->schema_room, from->schema_count, sizeof *to->schemas,
                   err));
    for (size_t i = 0; i < from->schema_count; i++) {
        if (i && from->schemas[i - 1].version >= from->schemas[i].version)
            FAIL(err, CORRUPT, "schema version %zu of a snapshot stands out of order", i);
        to->schemas[i] = from->schemas[i];
        TRY(arena_copy(arena, from->schemas[i].json, &to->schemas[i].json, err));
        to->schema_count++;
    }
    return SLP_OK;
}

static slp_rc copy_purges(struct alloc *mem, struct arena *arena, const struct state_global *from,
                          struct state_global *to, struct slp_err *err)
{
    TRY(state_grow(mem, &to->purges, &to->purge_room, from->purge_count, sizeof *to->purges, err));
    for (size_t i = 0; i < from->purge_count; i++) {
        const struct state_purge *p = &from->purges[i];
        struct state_purge *copy = &to->purges[i];
        if (i && state_position_compare(from->purges[i - 1].at, p->at) >= 0)
            FAIL(err, CORRUPT, "purge %zu of a snapshot stands out of order", i);
        *copy = *p;
        TRY(key_range_copy(arena, p->range, &copy->range, err));
        TRY(arena_copy(arena, p->predicate, &copy->predicate, err));
        TRY(arena_copy(arena, p->bound, &copy->bound, err));
        to->purge_count++;
    }
    return SLP_OK;
}

static slp_rc copy_pins(struct alloc *mem, struct arena *arena, const struct state_global *from,
                        struct state_global *to, struct slp_err *err)
{
    TRY(state_grow(mem, &to->pins, &to->pin_room, from->pin_count, sizeof *to->pins, err));
    for (size_t i = 0; i < from->pin_count; i++) {
        if (i && slice_compare(from->pins[i - 1].name, from->pins[i].name) >= 0)
            FAIL(err, CORRUPT, "pin %zu of a snapshot stands out of order", i);
        to->pins[i] = from->pins[i];
        TRY(arena_copy(arena, from->pins[i].name, &to->pins[i].name, err));
        TRY(arena_copy(arena, from->pins[i].root, &to->pins[i].root, err));
        to->pin_count++;
    }
    return SLP_OK;
}

static slp_rc copy_adds(struct alloc *mem, const struct state_global *from, struct state_global *to,
                        struct slp_err *err)
{
    TRY(state_grow(mem, &to->adds, &to->add_room, from->add_count, sizeof *to->adds, err));
    for (size_t i = 0; i < from->add_count; i++) {
        if (i && state_position_compare(from->adds[i - 1], from->adds[i]) >= 0)
            FAIL(err, CORRUPT, "the position of add %zu of a snapshot stands out of order", i);
        to->adds[to->add_count++] = from->adds[i];
    }
    return SLP_OK;
}

/* The bounds are those of apply. Batches that hold them are among the jobs, which a root's reader
 * judges. */
static slp_rc copy_submitted(struct alloc *mem, const struct state_global *from,
                             struct state_global *to, struct slp_err *err)
{
    if (from->submitted_count > STATE_SUBMITTED_MAX)
        FAIL(err, CORRUPT, "%zu submitted files in a snapshot, at most %u", from->submitted_count,
             STATE_SUBMITTED_MAX);
    for (size_t i = 0; i < from->submitted_count; i++) {
        const struct state_submitted *f = &from->submitted[i];
        if (i && state_id_compare(from->submitted[i - 1].id, f->id) >= 0)
            FAIL(err, CORRUPT, "submitted file %zu of a snapshot stands out of order", i);
        if (f->path.len == 0 || f->path.len > STATE_PATH_MAX || f->why.len > STATE_FAILURE_MAX ||
            f->reading.format.len > STATE_READING_FORMAT_MAX ||
            f->reading.kinds.len > STATE_READING_KINDS_MAX)
            FAIL(err, CORRUPT, "submitted file %zu of a snapshot has no path, or too long a text",
                 i);
        TRY(state_submitted_append(mem, to, f, err));
    }
    return SLP_OK;
}

slp_rc state_global_copy(struct alloc *mem, struct arena *arena, const struct state_global *from,
                         struct state_global *to, struct slp_err *err)
{
    *to = (struct state_global){.engine = from->engine,
                                .is_ordered = from->is_ordered,
                                .order_by = from->order_by,
                                .has_deleted = from->has_deleted,
                                .schema_highest = from->schema_highest,
                                .minted = from->minted,
                                .horizon = from->horizon,
                                .is_paused = from->is_paused,
                                .paused_at = from->paused_at,
                                .is_dropped = from->is_dropped,
                                .restored_at = from->restored_at};
    if (from->engine > STATE_ENGINE_PARTIAL)
        FAIL(err, UNSUPPORTED, "merge engine %u; this program does not know it, use a newer one",
             from->engine);
    TRY(arena_copy(arena, from->engine_text, &to->engine_text, err));
    TRY(copy_properties(mem, arena, from, to, err));
    TRY(copy_schemas(mem, arena, from, to, err));
    TRY(copy_purges(mem, arena, from, to, err));
    TRY(copy_pins(mem, arena, from, to, err));
    TRY(copy_submitted(mem, from, to, err));
    return copy_adds(mem, from, to, err);
}
