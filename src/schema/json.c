#include <stdio.h>

#include "base/json.h"
#include "base/num.h"
#include "schema/schema_priv.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef slp_rc parse_field_fn(const struct json *value, struct arena *a, unsigned depth,
                              struct arr_field *out, struct slp_err *err);

/* Room for the fields inside `out`. */
static slp_rc make_children(struct arr_field *out, size_t count, struct arena *a,
                            struct slp_err *err)
{
    TRY(arena_array(a, count, sizeof *out->children, (void **)&out->children, err));
    out->child_count = count;
    return SLP_OK;
}

/* Key and value of a map stand in a struct that no form names. */
static slp_rc make_map(struct arr_field *out, struct arena *a, struct slp_err *err)
{
    out->type = (struct arr_type){.kind = ARR_MAP};
    TRY(make_children(out, 1, a, err));
    out->children[0] =
        (struct arr_field){.name = "entries", .type = (struct arr_type){.kind = ARR_STRUCT}};
    TRY(make_children(&out->children[0], 2, a, err));
    out->children[0].children[0].name = "key";
    out->children[0].children[1].name = "value";
    return SLP_OK;
}

static slp_rc check_depth(unsigned depth, struct slp_err *err)
{
    if (depth > ARR_DEPTH_MAX)
        FAIL(err, LIMIT, "nested deeper than %u", ARR_DEPTH_MAX);
    return SLP_OK;
}

static slp_rc parse_upstream_type(const struct json *value, struct arena *a, unsigned depth,
                                  struct arr_field *out, struct slp_err *err);

/* Upstream does not say whether items may be null; other writers of its files have them so. */
static slp_rc parse_upstream_inner(const struct json *object, const char *name, struct arena *a,
                                   unsigned depth, struct arr_field *out, struct slp_err *err)
{
    const struct json *type = json_member(object, name);
    if (!type)
        FAIL(err, INVALID, "member \"%s\" is missing", name);
    out->nullable = true;
    slp_rc rc = parse_upstream_type(type, a, depth + 1, out, err);
    return err_wrap(err, rc, "member \"%s\"", name);
}

/* {"ListType":{"elementType":"IntType"}} or {"MapType":{"keyType":...,"valueType":...}} */
static slp_rc parse_upstream_nested(const struct json *value, struct arena *a, unsigned depth,
                                    struct arr_field *out, struct slp_err *err)
{
    static const char *const kinds[] = {"ListType", "MapType"};
    static const char *const of_list[] = {"elementType"};
    static const char *const of_map[] = {"keyType", "valueType"};
    const struct json *list = NULL;
    const struct json *map = NULL;
    TRY(check_depth(depth, err));
    TRY(json_only(value, kinds, COUNT(kinds), err));
    TRY(json_may(value, "ListType", JSON_IS_OBJECT, &list, err));
    TRY(json_may(value, "MapType", JSON_IS_OBJECT, &map, err));
    if (!list == !map)
        FAIL(err, INVALID, "a type that is neither ListType nor MapType alone");
    if (list) {
        TRY(json_only(list, of_list, COUNT(of_list), err));
        out->type = (struct arr_type){.kind = ARR_LIST};
        TRY(make_children(out, 1, a, err));
        out->children[0].name = "element";
        return parse_upstream_inner(list, "elementType", a, depth, &out->children[0], err);
    }
    TRY(json_only(map, of_map, COUNT(of_map), err));
    TRY(make_map(out, a, err));
    struct arr_field *pair = out->children[0].children;
    TRY(parse_upstream_inner(map, "keyType", a, depth + 1, &pair[0], err));
    return parse_upstream_inner(map, "valueType", a, depth + 1, &pair[1], err);
}

/* "IntType" and so on, or {"ListType": ...}. */
static slp_rc parse_upstream_type(const struct json *value, struct arena *a, unsigned depth,
                                  struct arr_field *out, struct slp_err *err)
{
    static const struct {
        const char *name;
        enum arr_kind kind;
    } types[] = {
        {"IntType", ARR_INT32},
        {"LongType", ARR_INT64},
        {"StringType", ARR_UTF8},
        {"ByteArrayType", ARR_BINARY},
    };
    if (value->kind == JSON_IS_OBJECT)
        return parse_upstream_nested(value, a, depth, out, err);
    TRY(json_expect(value, JSON_IS_TEXT, "member \"type\"", err));
    for (size_t i = 0; i < COUNT(types); i++) {
        if (slice_is(value->text, types[i].name)) {
            out->type = (struct arr_type){.kind = types[i].kind};
            return SLP_OK;
        }
    }
    FAIL(err, INVALID,
         "unknown type \"%.*s\"; expected IntType, LongType, StringType, ByteArrayType, ListType "
         "or MapType, or the form with \"fields\"",
         SLICE_ARG(slice_first(value->text, num_min_size(value->text.len, 40))));
}

static slp_rc take_text(const struct json *object, const char *name, struct slice *out,
                        struct slp_err *err)
{
    const struct json *value = NULL;
    TRY(json_need(object, name, JSON_IS_TEXT, &value, err));
    *out = value->text;
    return SLP_OK;
}

static slp_rc take_nullable(const struct json *object, bool *out, struct slp_err *err)
{
    const struct json *value = NULL;
    TRY(json_may(object, "nullable", JSON_IS_BOOL, &value, err));
    *out = value && value->is_true;
    return SLP_OK;
}

/* What both forms say of a field: name and nullable. Texts of a document are terminated. */
static slp_rc take_common(const struct json *value, struct arr_field *out, struct slp_err *err)
{
    struct slice name = {0};
    TRY(take_text(value, "name", &name, err));
    TRY(schema_check_name(name, err));
    out->name = (const char *)name.ptr;
    return take_nullable(value, &out->nullable, err);
}

static slp_rc parse_upstream_field(const struct json *value, struct arena *a, unsigned depth,
                                   struct arr_field *out, struct slp_err *err)
{
    static const char *const members[] = {"name", "type", "nullable"};
    TRY(json_expect(value, JSON_IS_OBJECT, "it", err));
    TRY(json_only(value, members, COUNT(members), err));
    TRY(take_common(value, out, err));
    const struct json *type = json_member(value, "type");
    if (!type)
        FAIL(err, INVALID, "member \"type\" is missing");
    return parse_upstream_type(type, a, depth, out, err);
}

static slp_rc parse_id(const struct json *object, const char *name, int32_t max, int32_t *out,
                       struct slp_err *err)
{
    const struct json *value = NULL;
    TRY(json_may(object, name, JSON_IS_INTEGER, &value, err));
    if (value && (value->integer < 1 || value->integer > max))
        FAIL(err, INVALID, "member \"%s\" is %lld, expected 1 to %d", name,
             (long long)value->integer, max);
    *out = value ? (int32_t)value->integer : 0;
    return SLP_OK;
}

static slp_rc parse_our_field(const struct json *value, struct arena *a, unsigned depth,
                              struct arr_field *out, struct slp_err *err);

/* What is inside a list or map is a field without name. */
static slp_rc parse_inner(const struct json *object, const char *name, struct arena *a,
                          unsigned depth, struct arr_field *out, struct slp_err *err);

/* The fields of a struct. */
static slp_rc parse_members(const struct json *object, struct arena *a, unsigned depth,
                            struct arr_field *out, struct slp_err *err)
{
    const struct json *list = NULL;
    TRY(json_need(object, "fields", JSON_IS_ARRAY, &list, err));
    if (list->count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%zu fields; expected at most %u", list->count, ARR_COLUMNS_MAX);
    TRY(make_children(out, list->count, a, err));
    for (size_t i = 0; i < list->count; i++) {
        slp_rc rc = parse_our_field(&list->items[i], a, depth + 1, &out->children[i], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "fields: field %zu", i + 1);
    }
    return SLP_OK;
}

/* {"type":"list","element":{...}}, {"type":"map","key":{...},"value":{...}} and
 * {"type":"struct","fields":[...]}; else a flat type. */
static slp_rc parse_our_type(const struct json *object, struct arena *a, unsigned depth,
                             struct arr_field *out, struct slp_err *err)
{
    struct slice type = {0};
    TRY(take_text(object, "type", &type, err));
    TRY(check_depth(depth, err));
    if (slice_is(type, "list")) {
        out->type = (struct arr_type){.kind = ARR_LIST};
        TRY(make_children(out, 1, a, err));
        out->children[0].name = "element";
        return parse_inner(object, "element", a, depth + 1, &out->children[0], err);
    }
    if (slice_is(type, "map")) {
        TRY(make_map(out, a, err));
        struct arr_field *pair = out->children[0].children;
        TRY(parse_inner(object, "key", a, depth + 2, &pair[0], err));
        return parse_inner(object, "value", a, depth + 2, &pair[1], err);
    }
    if (slice_is(type, "struct")) {
        out->type = (struct arr_type){.kind = ARR_STRUCT};
        return parse_members(object, a, depth, out, err);
    }
    return arr_type_parse(type, &out->type, err);
}

static slp_rc parse_inner(const struct json *object, const char *name, struct arena *a,
                          unsigned depth, struct arr_field *out, struct slp_err *err)
{
    static const char *const members[] = {"id",  "type",  "nullable", "element",
                                          "key", "value", "fields"};
    const struct json *value = NULL;
    TRY(json_need(object, name, JSON_IS_OBJECT, &value, err));
    slp_rc rc = json_only(value, members, COUNT(members), err);
    if (rc == SLP_OK)
        rc = take_nullable(value, &out->nullable, err);
    if (rc == SLP_OK)
        rc = parse_id(value, "id", SCHEMA_FIELD_ID_MAX, &out->id, err);
    if (rc == SLP_OK)
        rc = parse_our_type(value, a, depth, out, err);
    return err_wrap(err, rc, "member \"%s\"", name);
}

static slp_rc parse_our_field(const struct json *value, struct arena *a, unsigned depth,
                              struct arr_field *out, struct slp_err *err)
{
    static const char *const members[] = {"id",      "name", "type",  "nullable",
                                          "element", "key",  "value", "fields"};
    TRY(json_expect(value, JSON_IS_OBJECT, "it", err));
    TRY(json_only(value, members, COUNT(members), err));
    TRY(take_common(value, out, err));
    TRY(parse_id(value, "id", SCHEMA_FIELD_ID_MAX, &out->id, err));
    return parse_our_type(value, a, depth, out, err);
}

/* Parse one list of fields behind those that are there. */
static slp_rc parse_fields(const struct json *list, const char *list_name, parse_field_fn *parse,
                           struct arena *a, struct schema_draft *d, struct slp_err *err)
{
    for (size_t i = 0; list && i < list->count; i++) {
        struct arr_field field = {0};
        slp_rc rc = parse(&list->items[i], a, 1, &field, err);
        if (rc != SLP_OK && field.name)
            return err_wrap(err, rc, "%s: field %zu \"%s\"", list_name, i + 1, field.name);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "%s: field %zu", list_name, i + 1);
        d->fields[d->count++] = field;
    }
    return SLP_OK;
}

static slp_rc make_room(size_t count, struct arena *a, struct schema_draft *d, struct slp_err *err)
{
    if (count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%zu fields; expected at most %u", count, ARR_COLUMNS_MAX);
    void *room = NULL;
    TRY(arena_array(a, count, sizeof *d->fields, &room, err));
    d->fields = room;
    return SLP_OK;
}

/* The fields of a list of upstream's are key fields by standing in it. */
static slp_rc name_keys(struct schema_draft *d, size_t first, struct slp_err *err)
{
    for (size_t i = first; i < d->count; i++) {
        if (d->key_count == SCHEMA_KEY_FIELDS_MAX)
            FAIL(err, LIMIT, "more than %u key fields", SCHEMA_KEY_FIELDS_MAX);
        d->keys[d->key_count++] = slice_str(d->fields[i].name);
    }
    return SLP_OK;
}

static slp_rc parse_upstream(const struct json *doc, struct arena *a, struct schema_draft *d,
                             struct slp_err *err)
{
    static const char *const members[] = {"rowKeyFields", "sortKeyFields", "valueFields"};
    const struct json *lists[COUNT(members)] = {0};
    size_t count = 0;
    TRY(json_only(doc, members, COUNT(members), err));
    TRY(json_need(doc, members[0], JSON_IS_ARRAY, &lists[0], err));
    TRY(json_may(doc, members[1], JSON_IS_ARRAY, &lists[1], err));
    TRY(json_may(doc, members[2], JSON_IS_ARRAY, &lists[2], err));
    for (size_t i = 0; i < COUNT(members); i++)
        count += lists[i] ? lists[i]->count : 0;
    TRY(make_room(count, a, d, err));
    TRY(parse_fields(lists[0], members[0], parse_upstream_field, a, d, err));
    d->row_key_count = d->count;
    TRY(name_keys(d, 0, err));
    TRY(parse_fields(lists[1], members[1], parse_upstream_field, a, d, err));
    TRY(name_keys(d, d->row_key_count, err));
    return parse_fields(lists[2], members[2], parse_upstream_field, a, d, err);
}

static slp_rc parse_key_names(const struct json *list, const char *list_name,
                              struct schema_draft *d, struct slp_err *err)
{
    for (size_t i = 0; list && i < list->count; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, "%s: name %zu", list_name, i + 1);
        TRY(json_expect(&list->items[i], JSON_IS_TEXT, what, err));
        if (d->key_count == SCHEMA_KEY_FIELDS_MAX)
            FAIL(err, LIMIT, "more than %u key fields", SCHEMA_KEY_FIELDS_MAX);
        d->keys[d->key_count++] = list->items[i].text;
    }
    return SLP_OK;
}

static slp_rc parse_ours(const struct json *doc, struct arena *a, struct schema_draft *d,
                         struct slp_err *err)
{
    static const char *const members[] = {"fields", "rowKey", "sortKey", "nextFieldId"};
    const struct json *fields = NULL;
    const struct json *row_key = NULL;
    const struct json *sort_key = NULL;
    TRY(json_only(doc, members, COUNT(members), err));
    TRY(json_need(doc, "fields", JSON_IS_ARRAY, &fields, err));
    TRY(json_need(doc, "rowKey", JSON_IS_ARRAY, &row_key, err));
    TRY(json_may(doc, "sortKey", JSON_IS_ARRAY, &sort_key, err));
    TRY(parse_id(doc, "nextFieldId", SCHEMA_FIELD_ID_MAX + 1, &d->next_field_id, err));
    TRY(make_room(fields->count, a, d, err));
    TRY(parse_fields(fields, "fields", parse_our_field, a, d, err));
    TRY(parse_key_names(row_key, "rowKey", d, err));
    d->row_key_count = d->key_count;
    return parse_key_names(sort_key, "sortKey", d, err);
}

slp_rc schema_parse(struct slice json, struct arena *a, struct schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct schema_draft d = {0};
    struct json doc = {0};
    if (json.len > SCHEMA_JSON_MAX_BYTES)
        FAIL_OUT(err, LIMIT, "JSON of %zu bytes; expected at most %u", json.len,
                 SCHEMA_JSON_MAX_BYTES);
    TRY_OUT(json_parse(json, a, &doc, err));
    TRY_OUT(json_expect(&doc, JSON_IS_OBJECT, "the document", err));
    if (json_member(&doc, "fields"))
        TRY_OUT(parse_ours(&doc, a, &d, err));
    else if (json_member(&doc, "rowKeyFields"))
        TRY_OUT(parse_upstream(&doc, a, &d, err));
    else
        FAIL_OUT(err, INVALID,
                 "neither \"fields\" nor \"rowKeyFields\"; expected an object with one of them");
    TRY_OUT(schema_finish(&d, a, out, err));
out:
    return err_wrap(err, rc, "schema");
}

static slp_rc write_field(const struct arr_field *f, bool has_name, struct buf *out,
                          struct slp_err *err);

/* What a nested type has beside its name. */
static slp_rc write_inner(const struct arr_field *f, struct buf *out, struct slp_err *err)
{
    bool is_list = f->type.kind == ARR_LIST;
    bool is_map = f->type.kind == ARR_MAP;
    const struct arr_field *group = is_map ? f->children : f;
    static const char *const of_map[] = {",\"key\":", ",\"value\":"};
    bool is_struct = !is_list && !is_map && f->child_count;
    if (is_struct)
        TRY(buf_append_slice(out, slice_str(",\"fields\":["), err));
    for (size_t i = 0; i < group->child_count; i++) {
        if (is_map)
            TRY(buf_append_slice(out, slice_str(of_map[i]), err));
        else
            TRY(buf_append_slice(out, slice_str(is_list ? ",\"element\":" : i ? "," : ""), err));
        TRY(write_field(&group->children[i], is_struct, out, err));
    }
    return is_struct ? buf_append_u8(out, ']', err) : SLP_OK;
}

static slp_rc write_field(const struct arr_field *f, bool has_name, struct buf *out,
                          struct slp_err *err)
{
    char type[64];
    arr_type_format(f->type, type, sizeof type);
    TRY(buf_printf(out, err, "{\"id\":%d", f->id));
    if (has_name) {
        TRY(buf_append_slice(out, slice_str(",\"name\":"), err));
        TRY(json_write_text(out, slice_str(f->name), err));
    }
    TRY(buf_printf(out, err, ",\"type\":\"%s\",\"nullable\":%s", type,
                   f->nullable ? "true" : "false"));
    TRY(write_inner(f, out, err));
    return buf_append_u8(out, '}', err);
}

static slp_rc write_keys(const struct schema *s, size_t from, size_t to, struct buf *out,
                         struct slp_err *err)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            TRY(buf_append_u8(out, ',', err));
        TRY(json_write_text(out, slice_str(s->columns.fields[s->key_columns[i]].name), err));
    }
    return SLP_OK;
}

/* The greatest id of fields and those inside them. */
static int32_t greatest_id(const struct arr_field *fields, size_t count)
{
    int32_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t inner = greatest_id(fields[i].children, fields[i].child_count);
        int32_t id = inner > fields[i].id ? inner : fields[i].id;
        greatest = id > greatest ? id : greatest;
    }
    return greatest;
}

/* Only where fields were dropped, so that their ids are not given again. */
static slp_rc write_next_id(const struct schema *s, struct buf *out, struct slp_err *err)
{
    if (s->next_field_id <= greatest_id(s->columns.fields, s->columns.count) + 1)
        return SLP_OK;
    return buf_printf(out, err, ",\"nextFieldId\":%d", s->next_field_id);
}

static slp_rc write_schema(const struct schema *s, struct buf *out, struct slp_err *err)
{
    TRY(buf_append_slice(out, slice_str("{\"fields\":["), err));
    for (size_t i = 0; i < s->columns.count; i++) {
        if (i)
            TRY(buf_append_u8(out, ',', err));
        TRY(write_field(&s->columns.fields[i], true, out, err));
    }
    TRY(buf_append_slice(out, slice_str("],\"rowKey\":["), err));
    TRY(write_keys(s, 0, s->row_key_count, out, err));
    TRY(buf_append_slice(out, slice_str("],\"sortKey\":["), err));
    TRY(write_keys(s, s->row_key_count, s->key_count, out, err));
    TRY(buf_append_u8(out, ']', err));
    TRY(write_next_id(s, out, err));
    return buf_append_u8(out, '}', err);
}

slp_rc schema_format(const struct schema *s, struct buf *out, struct slp_err *err)
{
    size_t before = out->len;
    slp_rc rc = write_schema(s, out, err);
    if (rc != SLP_OK)
        out->len = before;
    return err_wrap(err, rc, "schema");
}
