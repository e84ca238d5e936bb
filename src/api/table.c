#include "api/engine.h"
#include "api/instance.h"
#include "api/list.h"
#include "api/points.h"
#include "api/properties.h"
#include "rows/rows.h"

#define REQUEST_MAX_BYTES ((size_t)256 << 20)
#define KEY_NAMES_MAX     SCHEMA_KEY_FIELDS_MAX

struct creation {
    struct arena arena;
    struct alloc *mem;
    struct schema schema;
    struct key_spec spec;
};

static slp_rc schema_from_file(struct creation *c, const struct slp_table_options *o,
                               struct slp_err *err)
{
    struct arr_schema columns = {0};
    struct slice names[2 * KEY_NAMES_MAX];
    size_t row_count = api_count_texts(o->row_key);
    size_t sort_count = api_count_texts(o->sort_key);
    if (row_count > KEY_NAMES_MAX || sort_count > KEY_NAMES_MAX)
        FAIL(err, INVALID, "more than %u key fields", KEY_NAMES_MAX);
    for (size_t i = 0; i < row_count; i++)
        names[i] = slice_str(o->row_key[i]);
    for (size_t i = 0; i < sort_count; i++)
        names[row_count + i] = slice_str(o->sort_key[i]);
    TRY(rows_file_schema(c->mem, o->like_file, ROWS_AUTO, &c->arena, &columns, err));
    slp_rc rc = schema_like(&columns, names, row_count, names + row_count, sort_count, &c->arena,
                            &c->schema, err);
    return err_wrap(err, rc, "\"%s\"", o->like_file);
}

static slp_rc parse_points(struct creation *c, const struct slp_table_options *o,
                           struct state_table_options *out, struct slp_err *err)
{
    struct slice *points = NULL;
    struct points_options p = {.schema = &c->schema,
                               .spec = &c->spec,
                               .text = o->split_points,
                               .is_base64 = o->split_points_base64};
    if (!o->split_points)
        return SLP_OK;
    TRY(api_points_parse(&p, &c->arena, &points, &out->split_point_count, err));
    out->split_points = points;
    return SLP_OK;
}

slp_rc slp_table_create(struct slp_instance *instance, const struct slp_table_options *options,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct creation c = {.mem = instance->mem};
    struct state_table_options o = {0};
    struct state_property *settings = NULL;
    struct api_engine engine = {0};
    struct buf json;
    arena_init(&c.arena, instance->mem, REQUEST_MAX_BYTES);
    buf_init(&json, instance->mem, SCHEMA_JSON_MAX_BYTES);
    if (!options->name)
        FAIL_OUT(err, INVALID, "a table needs a name");
    if (options->schema_json)
        TRY_OUT(schema_parse(slice_str(options->schema_json), &c.arena, &c.schema, err));
    else if (options->like_file)
        TRY_OUT(schema_from_file(&c, options, err));
    else
        FAIL_OUT(err, INVALID, "a table needs a schema, or a file to be like");
    key_spec_init(&c.spec, &c.schema);
    TRY_OUT(schema_format(&c.schema, &json, err));
    o.name = slice_str(options->name);
    o.schema_json = buf_slice(&json);
    TRY_OUT(parse_points(&c, options, &o, err));
    TRY_OUT(api_engine_of(options, &c.schema, &c.arena, &engine, err));
    TRY_OUT(
        api_check_settings(engine.settings, engine.setting_count, false, &c.arena, &settings, err));
    o.properties = settings;
    o.property_count = engine.setting_count;
    o.engine = engine.engine.engine;
    o.is_ordered = engine.engine.is_ordered;
    o.order_by = engine.engine.order_by;
    o.engine_text = engine.engine.text;
    rc = state_table_create(instance->state, &o, err);
out:
    buf_fini(&json);
    arena_fini(&c.arena);
    return rc;
}

slp_rc slp_table_list(struct slp_instance *instance, struct slp_rows **out, struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"name", ARR_UTF8}, {"id", ARR_UTF8}, {"created", ARR_TIMESTAMP}, {"offline", ARR_BOOL}};
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct list *list = NULL;
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    arena_init(&arena, instance->mem, REQUEST_MAX_BYTES);
    TRY_OUT(state_table_list(instance->state, &arena, &tables, &count, err));
    TRY_OUT(api_list_new(instance->mem, columns, 4, &list, err));
    for (size_t i = 0; i < count; i++) {
        char id[33];
        hash_format(tables[i].id, id);
        struct list_value row[] = {list_text(tables[i].name), list_text(slice_str(id)),
                                   list_number(tables[i].created_us),
                                   list_number(tables[i].is_offline)};
        TRY_OUT(api_list_add(list, row, err));
    }
    arena_fini(&arena);
    return api_list_rows(list, out, err);
out:
    api_list_free(list);
    arena_fini(&arena);
    return rc;
}

static const char *field_role(const struct schema *schema, size_t column)
{
    for (size_t i = 0; i < schema->key_count; i++)
        if (schema->key_columns[i] == column)
            return i < schema->row_key_count ? "row key" : "sort key";
    return "value";
}

static int64_t key_place(const struct schema *schema, size_t column)
{
    for (size_t i = 0; i < schema->key_count; i++)
        if (schema->key_columns[i] == column)
            return (int64_t)i + 1;
    return 0;
}

static slp_rc add_field(struct list *list, const struct schema *schema, size_t i,
                        struct slp_err *err)
{
    char type[512];
    const struct arr_field *f = &schema->columns.fields[i];
    int64_t place = key_place(schema, i);
    arr_field_type_format(f, type, sizeof type);
    struct list_value row[] = {list_text(slice_str(f->name)),
                               list_text(slice_str(type)),
                               list_number(f->nullable),
                               list_text(slice_str(field_role(schema, i))),
                               place ? list_number(place) : list_null(),
                               list_number(f->id)};
    return api_list_add(list, row, err);
}

slp_rc slp_table_describe(struct slp_instance *instance, const char *table, struct slp_rows **out,
                          struct slp_err *err)
{
    static const struct list_column columns[] = {{"name", ARR_UTF8},       {"type", ARR_UTF8},
                                                 {"nullable", ARR_BOOL},   {"role", ARR_UTF8},
                                                 {"key_place", ARR_INT64}, {"field_id", ARR_INT64}};
    struct state_table *t = NULL;
    struct list *list = NULL;
    TRY(api_instance_table(instance, table, &t, err));
    const struct schema *schema = state_table_schema(t);
    TRY(api_list_new(instance->mem, columns, 6, &list, err));
    for (size_t i = 0; i < schema->columns.count; i++) {
        slp_rc rc = add_field(list, schema, i, err);
        if (rc != SLP_OK) {
            api_list_free(list);
            return rc;
        }
    }
    return api_list_rows(list, out, err);
}
