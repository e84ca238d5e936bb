/*
 * Objects of tables that are none: dropped ones, and those that were begun and never entered into the
 * catalogue.
 */
#include <stdlib.h>

#include "base/num.h"
#include "state/reach.h"
#include "upkeep/sweep.h"

#define NAMES_MAX_BYTES ((size_t)1 << 30)

/* "t/<32 hexadecimal digits>/" */
#define TABLE_PREFIX "t/"
#define ID_DIGITS    32u

struct orphans {
    struct state_instance *instance;
    struct sweep sweep;
    struct arena arena;
    struct state_table_entry *tables; /* by id */
    size_t table_count;
    struct state_dropped_table *dropped; /* by id */
    size_t dropped_count;
    struct state_property *defaults;
    size_t default_count;
    int64_t delay_us;
    int64_t lag_us;
    /* The one at hand. */
    const char *why;
    int64_t youngest_us; /* the newest of its objects */
    size_t objects;      /* but for its floor */
};

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hash128));
}

static int compare_entries(const void *a, const void *b)
{
    const struct state_table_entry *x = a;
    const struct state_table_entry *y = b;
    return compare_ids(&x->id, &y->id);
}

static int compare_dropped(const void *a, const void *b)
{
    const struct state_dropped_table *x = a;
    const struct state_dropped_table *y = b;
    return compare_ids(&x->id, &y->id);
}

static const struct state_dropped_table *find_dropped(const struct orphans *o, struct hash128 id)
{
    struct state_dropped_table wanted = {.id = id};
    return o->dropped_count
               ? bsearch(&wanted, o->dropped, o->dropped_count, sizeof wanted, compare_dropped)
               : NULL;
}

static bool is_table(const struct orphans *o, struct hash128 id)
{
    struct state_table_entry wanted = {.id = id};
    return o->table_count &&
           bsearch(&wanted, o->tables, o->table_count, sizeof wanted, compare_entries);
}

static slp_rc read_catalogue(struct orphans *o, struct slp_err *err)
{
    TRY(state_table_list(o->instance, &o->arena, &o->tables, &o->table_count, err));
    TRY(state_dropped_list(o->instance, &o->arena, &o->dropped, &o->dropped_count, err));
    TRY(state_defaults_list(o->instance, &o->arena, &o->defaults, &o->default_count, err));
    if (o->table_count)
        qsort(o->tables, o->table_count, sizeof *o->tables, compare_entries);
    if (o->dropped_count)
        qsort(o->dropped, o->dropped_count, sizeof *o->dropped, compare_dropped);
    return SLP_OK;
}

/* ------------------------------------------------------------------ delays */

static bool find_default(const void *context, struct slice name, struct slice *value)
{
    const struct orphans *o = context;
    for (size_t i = 0; i < o->default_count; i++) {
        if (slice_equal(o->defaults[i].name, name)) {
            *value = o->defaults[i].value;
            return true;
        }
    }
    return false;
}

static void read_delays(struct orphans *o)
{
    struct schema_properties p = {.context = o, .find = find_default};
    int64_t given_s = o->sweep.options->min_age_s;
    int64_t delay_s =
        given_s >= 0 ? given_s : schema_property_number(&p, SCHEMA_PROPERTY_GC_DELAY) * 60;
    int64_t lag_s = given_s >= 0 ? given_s : schema_property_number(&p, SCHEMA_PROPERTY_GC_LAG);
    o->delay_us = delay_s * SWEEP_SECOND_US;
    o->lag_us = lag_s * SWEEP_SECOND_US;
    o->sweep.most = (size_t)schema_property_number(&p, SCHEMA_PROPERTY_GC_MOST);
    o->sweep.batch = (size_t)schema_property_number(&p, SCHEMA_PROPERTY_GC_BATCH);
}

/* ------------------------------------------------------------------ one table */

static bool is_floor(struct slice name)
{
    static const char floor[] = "/floor";
    return name.len == sizeof TABLE_PREFIX - 1 + ID_DIGITS + sizeof floor - 1 &&
           slice_equal(slice_last(name, sizeof floor - 1), slice_str(floor));
}

static slp_rc note_age(void *context, const struct store_item *item, struct slp_err *err)
{
    struct orphans *o = context;
    (void)err;
    o->youngest_us = num_max_i64(o->youngest_us, item->modified_us);
    o->objects += !is_floor(item->name);
    return SLP_OK;
}

static slp_rc note_orphan(void *context, const struct store_item *item, struct slp_err *err)
{
    struct orphans *o = context;
    return is_floor(item->name) ? SLP_OK : upkeep_sweep_add(&o->sweep, item, o->why, err);
}

/* When the floor of a dropped table was raised, by the store's own stamp (rule T1). */
static slp_rc note_floor(void *context, const struct store_item *item, struct slp_err *err)
{
    struct orphans *o = context;
    (void)err;
    if (is_floor(item->name))
        o->youngest_us = num_max_i64(o->youngest_us, item->modified_us);
    return SLP_OK;
}

static slp_rc judge_dropped(struct orphans *o, const struct state_dropped_table *dropped,
                            struct slice prefix, struct slp_err *err)
{
    o->why = "its table was dropped";
    o->youngest_us = dropped->dropped_us;
    TRY(upkeep_sweep_each(&o->sweep, prefix, note_floor, o, err));
    if (o->youngest_us > o->sweep.now_us - o->delay_us)
        return SLP_OK;
    return upkeep_sweep_each(&o->sweep, prefix, note_orphan, o, err);
}

/* A table that nobody goes on making. Its log is closed before anything of it goes (rule F2). */
static slp_rc judge_abandoned(struct orphans *o, struct hash128 id, struct slice prefix,
                              struct slp_err *err)
{
    o->why = "its table was never finished";
    o->youngest_us = 0;
    o->objects = 0;
    TRY(upkeep_sweep_each(&o->sweep, prefix, note_age, o, err));
    if (o->objects == 0 || o->youngest_us > o->sweep.now_us - o->lag_us)
        return SLP_OK;
    if (!o->sweep.options->dry_run)
        TRY(state_log_close(o->instance, id, err));
    return upkeep_sweep_each(&o->sweep, prefix, note_orphan, o, err);
}

static slp_rc judge_table(struct orphans *o, struct hash128 id, struct slice prefix,
                          struct slp_err *err)
{
    const struct state_dropped_table *dropped = find_dropped(o, id);
    if (is_table(o, id))
        return SLP_OK;
    return dropped ? judge_dropped(o, dropped, prefix, err) : judge_abandoned(o, id, prefix, err);
}

/* ------------------------------------------------------------------ all of them */

/* The next id below t/ behind `after`; `*is_found` false at the end. What is named otherwise is passed
 * over: it is none of ours. */
static slp_rc next_id(struct orphans *o, struct state_name *after, struct hash128 *id,
                      bool *is_found, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    static const size_t whole = sizeof TABLE_PREFIX - 1 + ID_DIGITS;
    struct arena page;
    struct store_item *items = NULL;
    size_t count = 1;
    arena_init(&page, o->sweep.mem, NAMES_MAX_BYTES);
    *is_found = false;
    while (!*is_found && count > 0) {
        TRY_OUT(store_list(o->sweep.store, slice_str(TABLE_PREFIX), state_name_slice(after), 1,
                           &page, &items, &count, err));
        if (count == 0)
            break;
        struct slice name = items[0].name;
        *is_found = name.len > whole && name.ptr[whole] == '/' &&
                    hash_parse(slice_of(name.ptr + whole - ID_DIGITS, ID_DIGITS), id);
        after->len = *is_found ? whole + 1 : num_min_size(name.len, STORE_NAME_MAX);
        memcpy(after->text, name.ptr, after->len);
    }
out:
    arena_fini(&page);
    return rc;
}

static slp_rc each_id(struct orphans *o, struct slp_err *err)
{
    struct state_name after = {.len = 0};
    struct hash128 id;
    bool is_found = false;
    for (;;) {
        TRY(next_id(o, &after, &id, &is_found, err));
        if (!is_found)
            return SLP_OK;
        struct slice prefix = state_name_slice(&after);
        TRY(judge_table(o, id, prefix, err));
        /* Behind all of its objects: '0' is the byte above '/'. */
        after.text[after.len - 1] = '0';
    }
}

slp_rc upkeep_collect_tables(struct state_instance *instance,
                             const struct upkeep_gc_options *options, struct alloc *mem,
                             struct upkeep_gc_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct upkeep_gc_result result = *out;
    struct orphans o = {.instance = instance};
    arena_init(&o.arena, mem, NAMES_MAX_BYTES);
    upkeep_sweep_init(&o.sweep, state_instance_store(instance), options, mem, &result);
    TRY_OUT(read_catalogue(&o, err));
    read_delays(&o);
    TRY_OUT(each_id(&o, err));
    TRY_OUT(upkeep_sweep_run(&o.sweep, err));
    result.is_capped |= o.sweep.is_capped;
    *out = result;
out:
    upkeep_sweep_fini(&o.sweep);
    arena_fini(&o.arena);
    return rc;
}
