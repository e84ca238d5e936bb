#include "base/num.h"
#include "schema/schema_priv.h"

#define FLAG_NULLABLE 1u
#define FLAG_UTC      2u

static slp_rc encode_field(const struct arr_field *f, bool has_name, struct buf *out,
                           struct slp_err *err);

static slp_rc encode_inner(const struct arr_field *f, struct buf *out, struct slp_err *err)
{
    const struct arr_field *group = f->type.kind == ARR_MAP ? f->children : f;
    bool is_struct = f->type.kind == ARR_STRUCT;
    if (is_struct)
        TRY(buf_append_varint(out, f->child_count, err));
    for (size_t i = 0; i < group->child_count; i++)
        TRY(encode_field(&group->children[i], is_struct, out, err));
    return SLP_OK;
}

static slp_rc encode_field(const struct arr_field *f, bool has_name, struct buf *out,
                           struct slp_err *err)
{
    struct slice name = slice_str(f->name);
    unsigned flags = (f->nullable ? FLAG_NULLABLE : 0) |
                     (arr_type_has_zone(f->type) && f->type.utc ? FLAG_UTC : 0);
    TRY(buf_append_varint(out, (uint64_t)f->id, err));
    if (has_name) {
        TRY(buf_append_varint(out, name.len, err));
        TRY(buf_append_slice(out, name, err));
    }
    TRY(buf_append_u8(out, (uint8_t)f->type.kind, err));
    TRY(buf_append_u8(out, (uint8_t)flags, err));
    switch (f->type.kind) {
    case ARR_TIMESTAMP:
    case ARR_TIME32:
    case ARR_TIME64:
        return buf_append_u8(out, (uint8_t)f->type.unit, err);
    case ARR_FIXED_BINARY:
        return buf_append_varint(out, (uint64_t)f->type.width, err);
    case ARR_DECIMAL128:
        TRY(buf_append_u8(out, (uint8_t)f->type.precision, err));
        return buf_append_u8(out, (uint8_t)f->type.scale, err);
    default:
        return encode_inner(f, out, err);
    }
}

static slp_rc encode(const struct schema *s, struct buf *out, struct slp_err *err)
{
    TRY(buf_append_u8(out, SCHEMA_VERSION, err));
    TRY(buf_append_varint(out, s->columns.count, err));
    for (size_t i = 0; i < s->columns.count; i++)
        TRY(encode_field(&s->columns.fields[i], true, out, err));
    TRY(buf_append_varint(out, s->row_key_count, err));
    TRY(buf_append_varint(out, s->key_count, err));
    for (size_t i = 0; i < s->key_count; i++)
        TRY(buf_append_varint(out, s->key_columns[i], err));
    return buf_append_varint(out, (uint64_t)s->next_field_id, err);
}

slp_rc schema_encode(const struct schema *s, struct buf *out, struct slp_err *err)
{
    size_t before = out->len;
    slp_rc rc = encode(s, out, err);
    if (rc != SLP_OK)
        out->len = before;
    return err_wrap(err, rc, "schema");
}

/* A place in the bytes; `offset` is where the next one is taken. */
struct reader {
    struct slice bytes;
    size_t offset;
    struct slp_err *err;
};

static slp_rc take_u8(struct reader *r, uint8_t max, const char *what, uint8_t *out)
{
    if (r->offset == r->bytes.len)
        FAIL(r->err, CORRUPT, "ends at offset %zu where %s is expected", r->offset, what);
    uint8_t value = r->bytes.ptr[r->offset];
    if (value > max)
        FAIL(r->err, CORRUPT, "%s is %u at offset %zu, expected at most %u", what, value, r->offset,
             max);
    r->offset++;
    *out = value;
    return SLP_OK;
}

/* A number at most `max`, in its shortest form, so that equal schemas have equal bytes. */
static slp_rc take_varint(struct reader *r, uint64_t max, const char *what, uint64_t *out)
{
    uint64_t value = 0;
    size_t from = r->offset;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; byte & 0x80; shift += 7) {
        TRY(take_u8(r, UINT8_MAX, what, &byte));
        if (shift > 28 || (byte == 0 && shift))
            FAIL(r->err, CORRUPT, "%s at offset %zu is no number in shortest form", what, from);
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (value > max)
        FAIL(r->err, CORRUPT, "%s is %llu at offset %zu, expected at most %llu", what,
             (unsigned long long)value, from, (unsigned long long)max);
    *out = value;
    return SLP_OK;
}

static slp_rc take_type(struct reader *r, uint8_t kind, uint8_t flags, struct arr_type *out)
{
    struct arr_type t = {.kind = (enum arr_kind)kind, .utc = (flags & FLAG_UTC) != 0};
    uint8_t small = 0;
    uint64_t number = 0;
    if (t.utc && !arr_type_has_zone(t))
        FAIL(r->err, CORRUPT, "flag utc of no time before offset %zu", r->offset);
    switch (t.kind) {
    case ARR_TIMESTAMP:
    case ARR_TIME32:
    case ARR_TIME64:
        TRY(take_u8(r, ARR_NANO, "unit", &small));
        t.unit = (enum arr_unit)small;
        break;
    case ARR_FIXED_BINARY:
        TRY(take_varint(r, ARR_FIXED_MAX_BYTES, "width", &number));
        t.width = (int32_t)number;
        break;
    case ARR_DECIMAL128:
        TRY(take_u8(r, 38, "precision", &small));
        t.precision = small;
        TRY(take_u8(r, small, "scale", &small));
        t.scale = small;
        break;
    default:
        break;
    }
    if ((kind == ARR_FIXED_BINARY && t.width == 0) || (kind == ARR_DECIMAL128 && t.precision == 0))
        FAIL(r->err, CORRUPT, "type without size before offset %zu", r->offset);
    *out = t;
    return SLP_OK;
}

static slp_rc take_name(struct reader *r, struct arena *a, const char **out)
{
    uint64_t bytes = 0;
    TRY(take_varint(r, SCHEMA_NAME_MAX_BYTES, "length of a name", &bytes));
    if (bytes > r->bytes.len - r->offset)
        FAIL(r->err, CORRUPT, "a name of %llu bytes before offset %zu", (unsigned long long)bytes,
             r->offset);
    struct slice name = slice_sub(r->bytes, r->offset, (size_t)bytes);
    TRY(arena_text(a, name, out, r->err));
    if (strlen(*out) != name.len)
        FAIL(r->err, CORRUPT, "name with a NUL at offset %zu", r->offset);
    r->offset += name.len;
    return SLP_OK;
}

static slp_rc take_field(struct reader *r, struct arena *a, unsigned depth, const char *name,
                         struct arr_field *out);

/* `count` fields inside `out`: those of a list or map have names of their own. */
static slp_rc take_children(struct reader *r, struct arena *a, unsigned depth,
                            const char *const *names, size_t count, struct arr_field *out)
{
    if (depth > ARR_DEPTH_MAX)
        FAIL(r->err, LIMIT, "fields nested deeper than %u at offset %zu", ARR_DEPTH_MAX, r->offset);
    TRY(arena_array(a, count, sizeof *out->children, (void **)&out->children, r->err));
    out->child_count = count;
    for (size_t i = 0; i < count; i++)
        TRY(take_field(r, a, depth, names ? names[i] : NULL, &out->children[i]));
    return SLP_OK;
}

static slp_rc take_inner(struct reader *r, struct arena *a, unsigned depth, struct arr_field *out)
{
    static const char *const of_list[] = {"element"};
    static const char *const of_map[] = {"key", "value"};
    uint64_t count = 0;
    if (out->type.kind == ARR_LIST)
        return take_children(r, a, depth + 1, of_list, 1, out);
    if (out->type.kind == ARR_MAP) {
        TRY(arena_array(a, 1, sizeof *out->children, (void **)&out->children, r->err));
        out->child_count = 1;
        out->children[0] =
            (struct arr_field){.name = "entries", .type = (struct arr_type){.kind = ARR_STRUCT}};
        TRY(take_children(r, a, depth + 2, of_map, 2, &out->children[0]));
        if (out->children[0].children[0].nullable)
            FAIL(r->err, CORRUPT, "a map whose keys may be null before offset %zu", r->offset);
        return SLP_OK;
    }
    TRY(take_varint(r, ARR_COLUMNS_MAX, "number of members", &count));
    if (count > (r->bytes.len - r->offset) / 4)
        FAIL(r->err, CORRUPT, "%llu members at offset %zu of %zu bytes", (unsigned long long)count,
             r->offset, r->bytes.len);
    return take_children(r, a, depth + 1, NULL, (size_t)count, out);
}

/* `name` is that of a field whose name is not in the bytes. */
static slp_rc take_field(struct reader *r, struct arena *a, unsigned depth, const char *name,
                         struct arr_field *out)
{
    uint64_t id = 0;
    uint8_t kind = 0;
    uint8_t flags = 0;
    TRY(take_varint(r, SCHEMA_FIELD_ID_MAX, "field id", &id));
    if (id == 0)
        FAIL(r->err, CORRUPT, "field id 0 before offset %zu", r->offset);
    out->name = name;
    if (!name)
        TRY(take_name(r, a, &out->name));
    TRY(take_u8(r, UINT8_MAX, "type", &kind));
    if (kind >= ARR_KIND_COUNT)
        FAIL(r->err, UNSUPPORTED, "field \"%s\" has type number %u: it needs a newer version",
             out->name, kind);
    TRY(take_u8(r, FLAG_NULLABLE | FLAG_UTC, "flags", &flags));
    out->id = (int32_t)id;
    out->nullable = flags & FLAG_NULLABLE;
    TRY(take_type(r, kind, flags, &out->type));
    return arr_type_is_nested(out->type) ? take_inner(r, a, depth, out) : SLP_OK;
}

static slp_rc take_keys(struct reader *r, struct schema_draft *d)
{
    uint64_t number = 0;
    TRY(take_varint(r, SCHEMA_KEY_FIELDS_MAX, "number of row key fields", &number));
    d->row_key_count = (size_t)number;
    TRY(take_varint(r, SCHEMA_KEY_FIELDS_MAX, "number of key fields", &number));
    d->key_count = (size_t)number;
    if (d->row_key_count > d->key_count || d->count == 0)
        FAIL(r->err, CORRUPT, "%zu row key fields of %zu key fields before offset %zu",
             d->row_key_count, d->key_count, r->offset);
    for (size_t i = 0; i < d->key_count; i++) {
        TRY(take_varint(r, d->count - 1, "number of a key field", &number));
        d->keys[i] = slice_str(d->fields[number].name);
    }
    TRY(take_varint(r, SCHEMA_FIELD_ID_MAX + 1, "next field id", &number));
    d->next_field_id = (int32_t)number;
    return SLP_OK;
}

static slp_rc take_schema(struct reader *r, struct arena *a, struct schema_draft *d)
{
    uint8_t version = 0;
    uint64_t count = 0;
    TRY(take_u8(r, UINT8_MAX, "version", &version));
    if (version > SCHEMA_VERSION)
        FAIL(r->err, UNSUPPORTED, "version %u; this program reads up to %u: use a newer one",
             version, SCHEMA_VERSION);
    if (version == 0)
        FAIL(r->err, CORRUPT, "version 0 at offset 0");
    TRY(take_varint(r, ARR_COLUMNS_MAX, "number of fields", &count));
    /* A field takes at least four bytes: a hostile count does not become an allocation. */
    if (count > (r->bytes.len - r->offset) / 4)
        FAIL(r->err, CORRUPT, "%llu fields in %zu bytes", (unsigned long long)count, r->bytes.len);
    void *room = NULL;
    TRY(arena_array(a, (size_t)count, sizeof *d->fields, &room, r->err));
    d->fields = room;
    for (size_t i = 0; i < count; i++)
        TRY(take_field(r, a, 1, NULL, &d->fields[i]));
    d->count = (size_t)count;
    TRY(take_keys(r, d));
    if (r->offset != r->bytes.len)
        FAIL(r->err, CORRUPT, "ends at offset %zu, but %zu bytes are there", r->offset,
             r->bytes.len);
    return SLP_OK;
}

slp_rc schema_decode(struct slice bytes, struct arena *a, struct schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct schema_draft d = {0};
    struct schema s = {0};
    struct reader r = {.bytes = bytes, .err = err};
    TRY_OUT(take_schema(&r, a, &d));
    int32_t next_field_id = d.next_field_id;
    rc = schema_finish(&d, a, &s, err);
    if (rc == SLP_INVALID && err)
        err->code = SLP_CORRUPT;
    if (rc == SLP_INVALID)
        rc = SLP_CORRUPT;
    if (rc != SLP_OK)
        goto out;
    if (s.next_field_id != next_field_id)
        FAIL_OUT(err, CORRUPT, "next field id %d is not above all ids", next_field_id);
    *out = s;
out:
    return err_wrap(err, rc, "stored schema");
}

static bool fields_equal(const struct arr_field *a, const struct arr_field *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct arr_field *x = &a[i];
        const struct arr_field *y = &b[i];
        if (x->id != y->id || x->nullable != y->nullable || strcmp(x->name, y->name) != 0 ||
            !arr_type_equal(x->type, y->type) || x->child_count != y->child_count ||
            !fields_equal(x->children, y->children, x->child_count))
            return false;
    }
    return true;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
    if (a->columns.count != b->columns.count || a->row_key_count != b->row_key_count ||
        a->key_count != b->key_count || a->next_field_id != b->next_field_id)
        return false;
    for (size_t i = 0; i < a->key_count; i++) {
        if (a->key_columns[i] != b->key_columns[i])
            return false;
    }
    return fields_equal(a->columns.fields, b->columns.fields, a->columns.count);
}
