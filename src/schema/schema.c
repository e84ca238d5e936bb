#include "schema/schema.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/text.h"
#include "schema/schema_priv.h"

/* How much of a name messages show. */
#define SHOWN_BYTES 80u

static struct slice shown(struct slice name)
{
    return slice_first(name, num_min_size(name.len, SHOWN_BYTES));
}

slp_rc schema_check_name(struct slice name, struct slp_err *err)
{
    if (name.len == 0)
        FAIL(err, INVALID, "a field without name; expected 1 to %u bytes", SCHEMA_NAME_MAX_BYTES);
    if (name.len > SCHEMA_NAME_MAX_BYTES)
        FAIL(err, INVALID, "field \"%.*s...\": a name of %zu bytes; expected at most %u",
             SLICE_ARG(shown(name)), name.len, SCHEMA_NAME_MAX_BYTES);
    if (!text_is_utf8(name) || memchr(name.ptr, 0, name.len))
        FAIL(err, INVALID, "a field name that is not UTF-8 text without NUL");
    return SLP_OK;
}

/* A table of field numbers by the hash of their names, open addressing, at most half full. */
static slp_rc check_unique(const struct arr_field *fields, size_t count, struct arena *a,
                           struct slp_err *err)
{
    size_t slots = 16;
    while (slots < count * 2)
        slots *= 2;
    void *room = NULL;
    TRY(arena_array(a, slots, sizeof(uint32_t), &room, err));
    uint32_t *table = room; /* field number plus one; 0 is free */
    for (size_t i = 0; i < count; i++) {
        struct slice name = slice_str(fields[i].name);
        size_t at = (size_t)hash_xxh64(name, 0) & (slots - 1);
        for (; table[at]; at = (at + 1) & (slots - 1)) {
            if (slice_is(name, fields[table[at] - 1].name))
                FAIL(err, INVALID, "field \"%.*s\" stands twice (fields %u and %zu)",
                     SLICE_ARG(shown(name)), table[at], i + 1);
        }
        table[at] = (uint32_t)i + 1;
    }
    return SLP_OK;
}

bool schema_takes(const struct arr_field *field, bool is_inner)
{
    switch (field->type.kind) {
    case ARR_DURATION:
    case ARR_INTERVAL:
    case ARR_DECIMAL256:
    case ARR_NULL:
        return false;
    case ARR_TIME32:
        return field->type.unit == ARR_MILLI;
    case ARR_TIMESTAMP:
        return !is_inner || field->type.unit != ARR_SECOND;
    case ARR_STRUCT:
        return field->child_count > 0;
    default:
        return true;
    }
}

/* What is inside a list or a map has the names that Parquet and Arrow give it, whatever names the
 * fields came with; keys of maps are never null. */
static void name_inner_fields(struct arr_field *f)
{
    if (f->type.kind == ARR_LIST)
        f->children[0].name = "element";
    if (f->type.kind != ARR_MAP)
        return;
    struct arr_field *entries = f->children;
    entries->name = "entries";
    entries->nullable = false;
    entries->children[0].name = "key";
    entries->children[0].nullable = false;
    entries->children[1].name = "value";
}

/* Names, and each once. */
static slp_rc check_names(const struct arr_field *fields, size_t count, struct arena *a,
                          struct slp_err *err)
{
    for (size_t i = 0; i < count; i++)
        TRY(schema_check_name(slice_str(fields[i].name), err));
    return check_unique(fields, count, a, err);
}

static slp_rc check_members(const struct arr_field *f, struct arena *a, struct slp_err *err)
{
    slp_rc rc = check_names(f->children, f->child_count, a, err);
    return err_wrap(err, rc, "field \"%.*s\"", SLICE_ARG(shown(slice_str(f->name))));
}

/* A field of any depth, with those inside it; `count` counts them. */
static slp_rc check_field(struct arr_field *f, struct arena *a, unsigned depth, size_t *count,
                          struct slp_err *err)
{
    struct slice name = shown(slice_str(f->name));
    if (++*count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "more than %u fields, inner ones included", ARR_COLUMNS_MAX);
    if (depth > ARR_DEPTH_MAX)
        FAIL(err, LIMIT, "field \"%.*s\": nested deeper than %u", SLICE_ARG(name), ARR_DEPTH_MAX);
    if (f->type.kind == ARR_NULL)
        FAIL(err, INVALID,
             "field \"%.*s\" has type null, which holds no value; give it the type its "
             "values will have",
             SLICE_ARG(name));
    if (!schema_takes(f, depth > 1)) {
        char type[80];
        arr_field_type_format(f, type, sizeof type);
        FAIL(err, UNSUPPORTED,
             "field \"%.*s\" has type %s, which tables do not take; expected one such as int64, "
             "double, string, binary, date, timestamp[us], decimal(10, 2), or a list, struct or "
             "map of them",
             SLICE_ARG(name), type);
    }
    name_inner_fields(f);
    for (size_t i = 0; i < f->child_count; i++) {
        slp_rc rc = check_field(&f->children[i], a, depth + 1, count, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "field \"%.*s\"", SLICE_ARG(name));
    }
    return f->type.kind == ARR_STRUCT ? check_members(f, a, err) : SLP_OK;
}

static slp_rc check_fields(const struct schema_draft *d, struct arena *a, struct slp_err *err)
{
    size_t count = 0;
    TRY(check_names(d->fields, d->count, a, err));
    for (size_t i = 0; i < d->count; i++)
        TRY(check_field(&d->fields[i], a, 1, &count, err));
    return SLP_OK;
}

/* The fields that have ids, from the outside in: all but the pairs of a map, which are no field of
 * their own. */
static bool has_id(const struct arr_field *parent)
{
    return !parent || parent->type.kind != ARR_MAP;
}

struct numbering {
    int32_t next;
    size_t count; /* of fields */
    size_t slots;
    int32_t *table; /* ids so far; 0 is free */
    struct slp_err *err;
};

static void find_greatest(struct numbering *n, const struct arr_field *parent,
                          const struct arr_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        n->count++;
        if (has_id(parent) && fields[i].id >= n->next)
            n->next = fields[i].id + 1;
        find_greatest(n, &fields[i], fields[i].children, fields[i].child_count);
    }
}

/* Ids for the fields without one, those side by side first. */
static slp_rc give_ids(struct numbering *n, const struct arr_field *parent,
                       struct arr_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!has_id(parent))
            fields[i].id = 0;
        if (!has_id(parent) || fields[i].id)
            continue;
        if (n->next > SCHEMA_FIELD_ID_MAX)
            FAIL(n->err, LIMIT, "no field id is left below %d", SCHEMA_FIELD_ID_MAX);
        fields[i].id = n->next++;
    }
    for (size_t i = 0; i < count; i++)
        TRY(give_ids(n, &fields[i], fields[i].children, fields[i].child_count));
    return SLP_OK;
}

static slp_rc check_ids(struct numbering *n, const struct arr_field *parent,
                        const struct arr_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t id = fields[i].id;
        size_t at = (size_t)hash_xxh64(slice_of(&id, sizeof id), 0) & (n->slots - 1);
        for (; has_id(parent) && n->table[at]; at = (at + 1) & (n->slots - 1)) {
            if (n->table[at] == id)
                FAIL(n->err, INVALID, "field \"%s\": id %d is taken by a field before it",
                     fields[i].name, id);
        }
        if (has_id(parent))
            n->table[at] = id;
        TRY(check_ids(n, &fields[i], fields[i].children, fields[i].child_count));
    }
    return SLP_OK;
}

/* Fields without id get the next ones above all given; ids that were given differ. */
static slp_rc number_fields(struct schema_draft *d, struct arena *a, struct slp_err *err)
{
    struct numbering n = {
        .next = d->next_field_id < 1 ? 1 : d->next_field_id, .slots = 16, .err = err};
    find_greatest(&n, NULL, d->fields, d->count);
    TRY(give_ids(&n, NULL, d->fields, d->count));
    while (n.slots < n.count * 2)
        n.slots *= 2;
    void *room = NULL;
    TRY(arena_array(a, n.slots, sizeof(int32_t), &room, err));
    n.table = room;
    TRY(check_ids(&n, NULL, d->fields, d->count));
    d->next_field_id = n.next;
    return SLP_OK;
}

static slp_rc resolve_key(const struct schema_draft *d, size_t k, struct schema *s,
                          struct slp_err *err)
{
    const char *role = k < d->row_key_count ? "row key" : "sort key";
    struct slice name = d->keys[k];
    struct arr_schema columns = {.fields = d->fields, .count = d->count};
    int64_t at = arr_schema_find(&columns, name);
    if (at < 0) {
        const char *nearest = arr_schema_nearest(&columns, name);
        FAIL(err, INVALID, "%s field \"%.*s\" is not a field of the schema%s%s%s", role,
             SLICE_ARG(shown(name)), nearest ? "; did you mean \"" : "", nearest ? nearest : "",
             nearest ? "\"?" : "");
    }
    for (size_t i = 0; i < s->key_count; i++) {
        if (s->key_columns[i] == (size_t)at)
            FAIL(err, INVALID, "%s field \"%.*s\" stands twice among the key fields", role,
                 SLICE_ARG(shown(name)));
    }
    if (d->fields[at].type.kind >= ARR_KEY_KIND_COUNT) {
        char type[80];
        arr_field_type_format(&d->fields[at], type, sizeof type);
        FAIL(err, UNSUPPORTED, "%s field \"%.*s\" has type %s, which keys do not take", role,
             SLICE_ARG(shown(name)), type);
    }
    if (d->fields[at].nullable && !d->makes_keys_required)
        FAIL(err, INVALID, "%s field \"%.*s\" is nullable; key fields are not, for now", role,
             SLICE_ARG(shown(name)));
    d->fields[at].nullable = false;
    s->key_columns[s->key_count++] = (size_t)at;
    return SLP_OK;
}

slp_rc schema_finish(struct schema_draft *d, struct arena *a, struct schema *out,
                     struct slp_err *err)
{
    if (d->count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%zu fields; expected at most %u", d->count, ARR_COLUMNS_MAX);
    if (d->row_key_count == 0)
        FAIL(err, INVALID, "no row key field; expected at least one");
    if (d->key_count > SCHEMA_KEY_FIELDS_MAX)
        FAIL(err, LIMIT, "%zu key fields; expected at most %u", d->key_count,
             SCHEMA_KEY_FIELDS_MAX);
    TRY(check_fields(d, a, err));
    struct schema s = {.row_key_count = d->row_key_count};
    for (size_t k = 0; k < d->key_count; k++)
        TRY(resolve_key(d, k, &s, err));
    TRY(number_fields(d, a, err));
    s.columns = (struct arr_schema){.fields = d->fields, .count = d->count};
    s.next_field_id = d->next_field_id;
    *out = s;
    return SLP_OK;
}

static slp_rc copy_names(const struct slice *row_key, size_t row_key_count,
                         const struct slice *sort_key, size_t sort_key_count,
                         struct schema_draft *d, struct slp_err *err)
{
    if (row_key_count > SCHEMA_KEY_FIELDS_MAX ||
        sort_key_count > SCHEMA_KEY_FIELDS_MAX - row_key_count)
        FAIL(err, LIMIT, "%zu row key and %zu sort key fields; expected at most %u together",
             row_key_count, sort_key_count, SCHEMA_KEY_FIELDS_MAX);
    for (size_t i = 0; i < row_key_count; i++)
        d->keys[i] = row_key[i];
    for (size_t i = 0; i < sort_key_count; i++)
        d->keys[row_key_count + i] = sort_key[i];
    d->row_key_count = row_key_count;
    d->key_count = row_key_count + sort_key_count;
    return SLP_OK;
}

static void forget_ids(struct arr_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fields[i].id = 0;
        forget_ids(fields[i].children, fields[i].child_count);
    }
}

slp_rc schema_like(const struct arr_schema *columns, const struct slice *row_key,
                   size_t row_key_count, const struct slice *sort_key, size_t sort_key_count,
                   struct arena *a, struct schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct schema_draft d = {.makes_keys_required = true};
    struct arr_schema copy = {0};
    TRY_OUT(copy_names(row_key, row_key_count, sort_key, sort_key_count, &d, err));
    TRY_OUT(arr_schema_copy(a, columns, &copy, err));
    d.fields = copy.fields;
    d.count = copy.count;
    forget_ids(d.fields, d.count);
    TRY_OUT(schema_finish(&d, a, out, err));
out:
    return err_wrap(err, rc, "schema");
}

slp_rc schema_copy(struct arena *a, const struct schema *from, struct schema *to,
                   struct slp_err *err)
{
    struct schema s = *from;
    TRY(arr_schema_copy(a, &from->columns, &s.columns, err));
    *to = s;
    return SLP_OK;
}
