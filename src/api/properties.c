/*
 * Properties of tables, and defaults of an instance.
 */
#include "schema/properties.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/engine.h"
#include "api/listing.h"
#include "api/properties.h"
#include "arrow/text.h"
#include "state/global.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)

/* Both places in which a property may stand; a table's own are none where the instance is meant. */
struct setup {
    struct arena arena;
    const struct state_table *table; /* NULL: the instance */
    struct state_property *defaults;
    size_t default_count;
};

static slp_rc setup_open(struct setup *s, struct slp_instance *instance, const char *table,
                         struct slp_err *err)
{
    struct state_table *t = NULL;
    if (table)
        TRY(api_instance_table(instance, table, &t, err));
    s->table = t;
    return state_defaults_list(instance->state, &s->arena, &s->defaults, &s->default_count, err);
}

static bool find_default(const struct setup *s, struct slice name, struct slice *value)
{
    for (size_t i = 0; i < s->default_count; i++) {
        if (slice_equal(s->defaults[i].name, name)) {
            *value = s->defaults[i].value;
            return true;
        }
    }
    return false;
}

static bool find_own(const struct setup *s, struct slice name, struct slice *value)
{
    return s->table && state_property_find(state_table_view(s->table), name, value);
}

static bool find_either(const void *context, struct slice name, struct slice *value)
{
    const struct setup *s = context;
    return find_own(s, name, value) || find_default(s, name, value);
}

/* The value that counts, and where it is from. */
static struct slice value_of(const struct setup *s, enum schema_property_id id, const char **source)
{
    struct schema_properties p = {.context = s, .find = find_either};
    struct slice name = slice_str(schema_property_at(id)->name);
    struct slice ignored;
    *source = find_own(s, name, &ignored)       ? "table"
              : find_default(s, name, &ignored) ? "instance"
                                                : "default";
    return schema_property_text(&p, id);
}

/* ---- The list ---- */

/* What becomes of rows with equal keys stands among the properties, though nobody can set it. */
static slp_rc add_engine(struct listing *l, const struct state_table *table, struct slp_err *err)
{
    struct slice text = state_engine_text(state_table_view(table));
    struct list_value row[] = {list_text(slice_str("engine")),
                               list_text(text.len ? text : slice_str("bag")),
                               list_text(slice_str("bag")),
                               list_text(slice_str("table")),
                               list_text(slice_str("text")),
                               list_text(slice_str("what becomes of rows with equal keys; "
                                                   "fixed when the table was made"))};
    return api_list_add(l->list, row, err);
}

static slp_rc fill_properties(struct listing *l, struct slp_err *err)
{
    const struct setup *s = l->context;
    if (s->table)
        TRY(add_engine(l, s->table, err));
    for (size_t i = 0; i < SCHEMA_PROPERTY_COUNT; i++) {
        const struct schema_property *p = schema_property_at((enum schema_property_id)i);
        const char *source = NULL;
        struct slice value = value_of(s, (enum schema_property_id)i, &source);
        struct list_value row[] = {list_text(slice_str(p->name)),
                                   list_text(value),
                                   list_text(slice_str(p->fallback)),
                                   list_text(slice_str(source)),
                                   list_text(slice_str(schema_property_kind_name(p->kind))),
                                   list_text(slice_str(p->help))};
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

slp_rc slp_properties(struct slp_instance *instance, const char *table, struct slp_rows **out,
                      struct slp_err *err)
{
    static const struct list_column columns[] = {{"name", ARR_UTF8},    {"value", ARR_UTF8},
                                                 {"default", ARR_UTF8}, {"source", ARR_UTF8},
                                                 {"type", ARR_UTF8},    {"help", ARR_UTF8}};
    static const struct list_kind kind = {columns, 6, fill_properties};
    slp_rc rc = SLP_OK;
    struct setup s = {.table = NULL};
    struct listing l = {.instance = instance, .context = &s};
    arena_init(&s.arena, instance->mem, ARENA_MAX_BYTES);
    TRY_OUT(setup_open(&s, instance, table, err));
    rc = api_fill_list(&l, &kind, out, err);
out:
    arena_fini(&s.arena);
    return rc;
}

/* ---- Setting ---- */

static int compare_names(const void *a, const void *b)
{
    const struct state_property *x = a;
    const struct state_property *y = b;
    return slice_compare(x->name, y->name);
}

static slp_rc check_setting(const struct slp_setting *in, bool is_instance, struct arena *arena,
                            struct state_property *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    enum schema_property_id id = SCHEMA_PROPERTY_PARQUET_PROFILE;
    bool is_default = false;
    if (strcmp(in->name, "engine") == 0)
        FAIL(err, INVALID,
             "the engine is given when a table is made ('table create --engine') and fixed from "
             "then on");
    TRY(schema_property_find(slice_str(in->name), &id, &is_default, err));
    const char *name = schema_property_at(id)->name;
    if (is_default && !is_instance)
        FAIL(err, INVALID, "\"%s\" names a default of the instance; set it with 'instance set'",
             in->name);
    *out = (struct state_property){.name = slice_str(name), .is_unset = !in->value};
    if (!in->value)
        return SLP_OK;
    buf_init(&text, alloc_system(), SCHEMA_PROPERTY_MAX_BYTES);
    TRY_OUT(schema_property_check(id, slice_str(in->value), &text, err));
    rc = arena_copy(arena, buf_slice(&text), &out->value, err);
out:
    buf_fini(&text);
    return rc;
}

slp_rc api_check_settings(const struct slp_setting *settings, size_t count, bool is_instance,
                          struct arena *arena, struct state_property **out, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, count, sizeof **out, &room, err));
    struct state_property *items = room;
    for (size_t i = 0; i < count; i++)
        TRY(check_setting(&settings[i], is_instance, arena, &items[i], err));
    if (count)
        qsort(items, count, sizeof *items, compare_names);
    for (size_t i = 1; i < count; i++)
        if (slice_equal(items[i - 1].name, items[i].name))
            FAIL(err, INVALID, "property \"%.*s\" is given twice", SLICE_ARG(items[i].name));
    *out = items;
    return SLP_OK;
}

/* Filters and iterators fit the table. */
static slp_rc check_fit(const struct state_table *table, const struct slp_setting *settings,
                        size_t count, struct slp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        enum schema_property_id id = SCHEMA_PROPERTY_PARQUET_PROFILE;
        TRY(schema_property_find(slice_str(settings[i].name), &id, NULL, err));
        if (id == SCHEMA_PROPERTY_FILTERS)
            TRY(api_engine_check(table, settings[i].value, NULL, err));
        else if (id == SCHEMA_PROPERTY_ITERATORS)
            TRY(api_engine_check(table, NULL, settings[i].value, err));
    }
    return SLP_OK;
}

/* What is to be changed, without what is so already. */
struct change {
    struct setup *setup;
    struct state_property *items;
    size_t count;
};

/* What counts once the property is unset. */
static struct slice next_in_line(const struct setup *s, enum schema_property_id id)
{
    struct setup without = {.defaults = s->defaults,
                            .default_count = s->table ? s->default_count : 0};
    const char *source = NULL;
    return value_of(&without, id, &source);
}

/* What a property is once the change is made. */
static struct slice value_then(const struct change *c, enum schema_property_id id)
{
    const char *source = NULL;
    for (size_t i = 0; i < c->count; i++) {
        enum schema_property_id one = SCHEMA_PROPERTY_PARQUET_PROFILE;
        if (schema_property_find(c->items[i].name, &one, NULL, NULL) == SLP_OK && one == id)
            return c->items[i].is_unset ? next_in_line(c->setup, id) : c->items[i].value;
    }
    return value_of(c->setup, id, &source);
}

/* Ingests are delayed before they are refused. */
static slp_rc check_pairs(const struct change *c, struct slp_err *err)
{
    int64_t soft = 0;
    int64_t hard = 0;
    struct slice soft_text = value_then(c, SCHEMA_PROPERTY_DEPTH_SOFT);
    struct slice hard_text = value_then(c, SCHEMA_PROPERTY_DEPTH_HARD);
    if (!arr_text_i64(soft_text, &soft) || !arr_text_i64(hard_text, &hard) || soft <= hard)
        return SLP_OK;
    FAIL(err, INVALID,
         "property \"backpressure.depth.soft\" (%" PRId64
         ") would be above \"backpressure.depth.hard\" (%" PRId64
         "): ingests are delayed before they are refused; set both at once",
         soft, hard);
}

static bool is_so_already(const struct setup *s, const struct state_property *item)
{
    struct slice value;
    bool is_there =
        s->table ? find_own(s, item->name, &value) : find_default(s, item->name, &value);
    return item->is_unset ? !is_there : is_there && slice_equal(value, item->value);
}

static void drop_idle(struct change *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++)
        if (!is_so_already(c->setup, &c->items[i]))
            c->items[kept++] = c->items[i];
    c->count = kept;
}

static slp_rc fill_changes(struct listing *l, struct slp_err *err)
{
    const struct change *c = l->context;
    for (size_t i = 0; i < c->count; i++) {
        enum schema_property_id id = SCHEMA_PROPERTY_PARQUET_PROFILE;
        const char *source = NULL;
        TRY(schema_property_find(c->items[i].name, &id, NULL, err));
        struct slice new = c->items[i].is_unset ? next_in_line(c->setup, id) : c->items[i].value;
        struct list_value row[] = {list_text(c->items[i].name),
                                   list_text(value_of(c->setup, id, &source)), list_text(new)};
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

static slp_rc commit_change(struct slp_instance *instance, const struct change *c,
                            struct state_table *table, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_PROPERTIES,
                            .properties = {.items = c->items, .count = c->count}};
    if (!table)
        return state_defaults_set(instance->state, c->items, c->count, err);
    TRY(state_table_commit(table, &txn, NULL, &result, err));
    return state_result_check(&result, err);
}

slp_rc slp_properties_set(struct slp_instance *instance, const char *table,
                          const struct slp_setting *settings, size_t count, bool dry_run,
                          struct slp_rows **changes, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"property", ARR_UTF8}, {"old", ARR_UTF8}, {"new", ARR_UTF8}};
    static const struct list_kind kind = {columns, 3, fill_changes};
    slp_rc rc = SLP_OK;
    struct setup s = {.table = NULL};
    struct change c = {.setup = &s, .count = count};
    struct listing l = {.instance = instance, .context = &c};
    struct state_table *t = NULL;
    struct slp_rows *rows = NULL;
    if (count == 0)
        FAIL(err, INVALID, "no properties are given");
    arena_init(&s.arena, instance->mem, ARENA_MAX_BYTES);
    TRY_OUT(api_check_settings(settings, count, !table, &s.arena, &c.items, err));
    TRY_OUT(setup_open(&s, instance, table, err));
    if (table)
        TRY_OUT(check_fit(s.table, settings, count, err));
    TRY_OUT(check_pairs(&c, err));
    drop_idle(&c);
    TRY_OUT(api_fill_list(&l, &kind, &rows, err));
    if (table)
        TRY_OUT(api_instance_table(instance, table, &t, err));
    if (!dry_run && c.count)
        TRY_OUT(commit_change(instance, &c, t, err));
    if (changes) {
        *changes = rows;
        rows = NULL;
    }
out:
    slp_rows_close(rows);
    arena_fini(&s.arena);
    return rc;
}
