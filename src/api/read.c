#include <stdlib.h>

#include "api/at.h"
#include "api/list.h"
#include "base/text.h"

#define REQUEST_MAX_BYTES ((size_t)1 << 30)

/* A scan's options as the query room takes them; all in one arena. */
struct request {
    struct arena arena;
    struct state_table *table;
    struct state_table *owned; /* an earlier state's, until rows have it */
    struct query_options query;
    struct key_range range;              /* of --from and --to */
    const struct slp_scan_options *scan; /* one of the two is what was asked */
    const struct slp_get_options *get;
};

static void request_init(struct request *r, struct slp_instance *instance)
{
    *r = (struct request){.query = {.cancel = instance->cancel, .counts = &instance->counts}};
    arena_init(&r->arena, instance->mem, REQUEST_MAX_BYTES);
}

static void request_fini(struct request *r)
{
    state_table_close(r->owned);
    arena_fini(&r->arena);
}

static slp_rc copy_names(struct request *r, const char *const *names, const struct slice **out,
                         size_t *count, struct slp_err *err)
{
    size_t n = api_count_texts(names);
    struct slice *list = NULL;
    if (!names)
        return SLP_OK;
    TRY(arena_array(&r->arena, n, sizeof *list, (void **)&list, err));
    for (size_t i = 0; i < n; i++)
        list[i] = slice_str(names[i]);
    *out = list;
    *count = n;
    return SLP_OK;
}

/* Encode a key or prefix given as text. */
static slp_rc encode(struct request *r, const char *text, size_t min_fields, struct slice *out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf key;
    buf_init(&key, alloc_system(), KEY_MAX_BYTES);
    TRY_OUT(key_parse(state_table_key_spec(r->table), state_table_schema(r->table), slice_str(text),
                      min_fields, &key, err));
    TRY_OUT(arena_copy(&r->arena, buf_slice(&key), out, err));
out:
    buf_fini(&key);
    return err_wrap(err, rc, "key \"%s\"", text);
}

static slp_rc set_range(struct request *r, const struct slp_scan_options *o, struct slp_err *err)
{
    r->range = (struct key_range){.has_hi = false};
    if (!o->from && !o->to)
        return SLP_OK;
    if (o->from)
        TRY(encode(r, o->from, 1, &r->range.lo, err));
    if (o->to)
        TRY(encode(r, o->to, 1, &r->range.hi, err));
    r->range.has_hi = o->to != NULL;
    r->query.ranges = &r->range;
    r->query.range_count = key_range_is_empty(r->range) ? 0 : 1;
    return SLP_OK;
}

/* ---- Keys ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct key_range *x = a;
    const struct key_range *y = b;
    return slice_compare(x->lo, y->lo);
}

/* Sort, and drop keys that another one begins: ranges of prefixes are nested or apart. */
static size_t make_disjoint(struct key_range *ranges, size_t count)
{
    size_t kept = 0;
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !slice_starts_with(ranges[i].lo, ranges[kept - 1].lo))
            ranges[kept++] = ranges[i];
    return kept;
}

/* The interval of the keys that begin with `prefix`. */
static slp_rc prefix_range(struct request *r, struct slice prefix, struct key_range *out,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf end;
    buf_init(&end, alloc_system(), KEY_MAX_BYTES);
    TRY_OUT(key_successor(prefix, &end, &out->has_hi, err));
    TRY_OUT(arena_copy(&r->arena, buf_slice(&end), &out->hi, err));
    out->lo = prefix;
out:
    buf_fini(&end);
    return rc;
}

static const char *named_value(const struct slp_get_options *o, const char *name)
{
    for (size_t i = 0; i < o->key_field_count; i++)
        if (strcmp(o->key_fields[i].name, name) == 0)
            return o->key_fields[i].value;
    return NULL;
}

/* Every name is that of a key field, and stands once. */
static slp_rc check_names(const struct schema *schema, const struct slp_get_options *o,
                          struct slp_err *err)
{
    for (size_t i = 0; i < o->key_field_count; i++) {
        const char *name = o->key_fields[i].name;
        bool is_key = false;
        for (size_t k = 0; k < schema->key_count; k++)
            is_key =
                is_key || strcmp(schema->columns.fields[schema->key_columns[k]].name, name) == 0;
        if (!is_key)
            FAIL(err, INVALID, "no key field \"%s\"; 'sleeper table describe' shows the key", name);
        if (named_value(o, name) != o->key_fields[i].value)
            FAIL(err, INVALID, "the key field \"%s\" is given twice", name);
    }
    return SLP_OK;
}

/* A key given by names, as the CSV text of its fields: all fields are quoted. */
static slp_rc named_key(struct request *r, const struct slp_get_options *o, const char **out,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct schema *schema = state_table_schema(r->table);
    const char *missing = NULL;
    struct buf text;
    TRY(check_names(schema, o, err));
    buf_init(&text, alloc_system(), KEY_MAX_BYTES * 2);
    for (size_t i = 0; i < schema->key_count; i++) {
        const char *name = schema->columns.fields[schema->key_columns[i]].name;
        const char *value = named_value(o, name);
        if (!value && i < schema->row_key_count)
            FAIL_OUT(err, INVALID, "the row key field \"%s\" is not given", name);
        if (value && missing)
            FAIL_OUT(err, INVALID, "the key field \"%s\" needs \"%s\", which stands before it",
                     name, missing);
        if (!value) {
            missing = missing ? missing : name;
            continue;
        }
        if (i)
            TRY_OUT(buf_append_u8(&text, ',', err));
        TRY_OUT(text_append_quoted(&text, slice_str(value), err));
    }
    TRY_OUT(arena_text(&r->arena, buf_slice(&text), out, err));
out:
    buf_fini(&text);
    return rc;
}

static slp_rc set_keys(struct request *r, const struct slp_get_options *o, struct slp_err *err)
{
    const char *named[2] = {NULL, NULL};
    const char *const *keys = o->keys;
    struct key_range *ranges = NULL;
    if (o->key_field_count) {
        TRY(named_key(r, o, &named[0], err));
        keys = named;
    }
    size_t count = api_count_texts(keys);
    TRY(arena_array(&r->arena, count, sizeof *ranges, (void **)&ranges, err));
    for (size_t i = 0; i < count; i++) {
        struct slice prefix;
        TRY(encode(r, keys[i], state_table_schema(r->table)->row_key_count, &prefix, err));
        TRY(prefix_range(r, prefix, &ranges[i], err));
    }
    r->query.ranges = ranges;
    r->query.range_count = make_disjoint(ranges, count);
    return SLP_OK;
}

/* ---- Opening ---- */

/* The keys that are asked for, with the schema that `t` has now; `*hull` holds them all. */
static slp_rc choose(void *context, struct state_table *t, struct key_range *hull,
                     struct slp_err *err)
{
    struct request *r = context;
    r->table = t;
    TRY(r->get ? set_keys(r, r->get, err) : set_range(r, r->scan, err));
    return query_hull(t, &r->query, &r->arena, hull, err);
}

/* Only leaves that meet the keys are loaded, which may depend on what the log says of them at last. */
static slp_rc open_table(struct slp_instance *instance, struct request *r, struct reading *reading,
                         struct slp_err *err)
{
    struct key_range hull;
    reading->choose = choose;
    reading->context = r;
    TRY(api_table_for_reading(instance, reading, &r->table, &r->owned, err));
    TRY(choose(r, r->table, &hull, err));
    return state_table_cover(r->table, hull, err);
}

/* ---- Scans ---- */

static slp_rc set_params(struct request *r, const struct slp_scan_options *o, struct slp_err *err)
{
    struct pred_param *params = NULL;
    TRY(arena_array(&r->arena, o->param_count, sizeof *params, (void **)&params, err));
    for (size_t i = 0; i < o->param_count; i++)
        params[i] = (struct pred_param){.name = slice_str(o->params[i].name),
                                        .text = slice_str(o->params[i].value)};
    r->query.params = params;
    r->query.param_count = o->param_count;
    return SLP_OK;
}

static slp_rc set_scan(struct request *r, struct slp_instance *instance,
                       const struct slp_scan_options *o, struct slp_err *err)
{
    struct reading reading = {.table = o->table, .at = o->at, .min_sequence = o->min_sequence};
    r->scan = o;
    TRY(set_params(r, o, err));
    TRY(copy_names(r, o->columns, &r->query.columns, &r->query.column_count, err));
    TRY(copy_names(r, o->iterators, &r->query.iterators, &r->query.iterator_count, err));
    if (o->where && !*o->where)
        FAIL(err, INVALID, "the predicate is empty; leave it out to have all rows");
    if (o->where)
        r->query.where = slice_str(o->where);
    TRY(open_table(instance, r, &reading, err));
    r->query.memory = (size_t)(api_instance_memory(instance) / 4);
    r->query.limit = o->limit;
    r->query.max_rows = o->max_rows;
    r->query.max_bytes = o->max_bytes;
    return SLP_OK;
}

static slp_rc open_rows(struct slp_instance *instance, struct request *r, struct slp_rows **out,
                        struct slp_err *err)
{
    struct arr_stream *stream = NULL;
    struct slp_rows *rows = NULL;
    TRY(query_scan(r->table, &r->query, instance->mem, &stream, err));
    TRY(api_rows_wrap(instance->mem, stream, &rows, err));
    struct state_table *owned = r->owned;
    r->owned = NULL;
    TRY(api_rows_own(&rows, owned, err));
    *out = rows;
    return SLP_OK;
}

slp_rc slp_scan(struct slp_instance *instance, const struct slp_scan_options *options,
                struct slp_rows **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct request r;
    request_init(&r, instance);
    TRY_OUT(set_scan(&r, instance, options, err));
    rc = open_rows(instance, &r, out, err);
out:
    request_fini(&r);
    return rc;
}

slp_rc slp_count(struct slp_instance *instance, const struct slp_scan_options *options,
                 int64_t *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct request r;
    request_init(&r, instance);
    TRY_OUT(set_scan(&r, instance, options, err));
    rc = query_count(r.table, &r.query, instance->mem, out, err);
out:
    request_fini(&r);
    return rc;
}

slp_rc slp_count_rows(struct slp_instance *instance, const struct slp_scan_options *options,
                      struct slp_rows **out, struct slp_err *err)
{
    static const struct list_column columns[] = {{"count", ARR_INT64}};
    int64_t count = 0;
    struct list *list = NULL;
    TRY(slp_count(instance, options, &count, err));
    TRY(api_list_new(instance->mem, columns, 1, &list, err));
    struct list_value value = list_number(count);
    slp_rc rc = api_list_add(list, &value, err);
    if (rc != SLP_OK) {
        api_list_free(list);
        return rc;
    }
    return api_list_rows(list, out, err);
}

slp_rc slp_get(struct slp_instance *instance, const struct slp_get_options *options,
               struct slp_rows **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct request r;
    request_init(&r, instance);
    struct reading reading = {
        .table = options->table, .at = options->at, .min_sequence = options->min_sequence};
    r.get = options;
    TRY_OUT(open_table(instance, &r, &reading, err));
    TRY_OUT(copy_names(&r, options->columns, &r.query.columns, &r.query.column_count, err));
    TRY_OUT(copy_names(&r, options->iterators, &r.query.iterators, &r.query.iterator_count, err));
    r.query.is_lookup = true;
    rc = open_rows(instance, &r, out, err);
out:
    request_fini(&r);
    return rc;
}
