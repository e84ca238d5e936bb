#include "lib/random_rows.h"

#include <stdio.h>

#include "arrow/bits.h"
#include "arrow/dictionary.h"
#include "base/num.h"

#define NAME_BYTES 16u

static const char *make_name(struct t *t, struct arena *a, const char *text)
{
    const char *out = NULL;
    assert_ok(t, arena_text(a, slice_str(text), &out, &t->err));
    return out;
}

static bool kind_allowed(const struct t_shape *shape, unsigned depth, enum arr_kind kind)
{
    if (shape->kinds && !(shape->kinds >> kind & 1))
        return false;
    if (kind >= ARR_FLAT_KIND_COUNT)
        return depth > 1 && (kind != ARR_MAP || depth > 2);
    if (kind == ARR_NULL)
        return !shape->without_null;
    return !shape->only_parquet || (kind != ARR_DURATION && kind != ARR_INTERVAL);
}

/* Nested every other time where depth is left. */
static enum arr_kind random_kind(struct t *t, const struct t_shape *shape, unsigned depth)
{
    for (int tries = 0; tries < 1000; tries++) {
        enum arr_kind kind = (enum arr_kind)t_below(t, ARR_FLAT_KIND_COUNT);
        if (t_below(t, 2) && depth > 1)
            kind = (enum arr_kind)(ARR_FLAT_KIND_COUNT +
                                   t_below(t, ARR_KIND_COUNT - ARR_FLAT_KIND_COUNT));
        if (kind_allowed(shape, depth, kind))
            return kind;
    }
    return ARR_INT32;
}

static struct arr_type random_type(struct t *t, const struct t_shape *shape, enum arr_kind kind)
{
    struct arr_type type = {.kind = kind};
    unsigned coarse = shape->only_parquet ? 1 : 0; /* Parquet counts no seconds */
    switch (kind) {
    case ARR_TIMESTAMP:
        type.utc = t_below(t, 2) == 1;
        type.unit = (enum arr_unit)(coarse + t_below(t, 4 - coarse));
        break;
    case ARR_DURATION:
        type.unit = (enum arr_unit)t_below(t, 4);
        break;
    case ARR_TIME32:
        type.unit = (enum arr_unit)(coarse + t_below(t, 2 - coarse));
        break;
    case ARR_TIME64:
        type.unit = (enum arr_unit)(2 + t_below(t, 2));
        break;
    case ARR_FIXED_BINARY:
        type.width = 1 + (int32_t)t_below(t, 20);
        break;
    case ARR_DECIMAL128:
        type.precision = 1 + (int32_t)t_below(t, 38);
        type.scale = (int32_t)t_below(t, (uint64_t)type.precision + 1);
        break;
    case ARR_DECIMAL256:
        type.precision = 39 + (int32_t)t_below(t, 38);
        type.scale = (int32_t)t_below(t, (uint64_t)type.precision + 1);
        break;
    default:
        break;
    }
    return type;
}

static void random_field(struct t *t, struct arena *a, const struct t_shape *shape, unsigned depth,
                         const char *name, struct arr_field *out);

static void random_entries(struct t *t, struct arena *a, const struct t_shape *shape,
                           unsigned depth, struct arr_field *out)
{
    static const enum arr_kind keys[] = {ARR_UTF8, ARR_INT32, ARR_INT64};
    void *room = NULL;
    assert_ok(t, arena_array(a, 2, sizeof *out, &room, &t->err));
    struct arr_field *pair = room;
    pair[0] = (struct arr_field){.name = "key", .type = {.kind = keys[t_below(t, 3)]}};
    random_field(t, a, shape, depth - 1, "value", &pair[1]);
    *out = (struct arr_field){
        .name = "entries", .type = {.kind = ARR_STRUCT}, .children = pair, .child_count = 2};
}

static void random_field(struct t *t, struct arena *a, const struct t_shape *shape, unsigned depth,
                         const char *name, struct arr_field *out)
{
    void *room = NULL;
    enum arr_kind kind = random_kind(t, shape, depth);
    *out = (struct arr_field){.name = make_name(t, a, name),
                              .type = random_type(t, shape, kind),
                              .nullable = kind == ARR_NULL || t_below(t, 4) != 0};
    if (kind < ARR_FLAT_KIND_COUNT)
        return;
    unsigned most = shape->children ? shape->children : 3;
    out->child_count = kind == ARR_STRUCT ? 1 + (size_t)t_below(t, most) : 1;
    assert_ok(t, arena_array(a, out->child_count, sizeof *out, &room, &t->err));
    out->children = room;
    if (kind == ARR_MAP) {
        random_entries(t, a, shape, depth - 1, out->children);
        return;
    }
    for (size_t i = 0; i < out->child_count; i++) {
        char child[NAME_BYTES];
        (void)snprintf(child, sizeof child, t_below(t, 8) ? "m%zu" : "\xc3\xb6 \"%zu\"", i);
        random_field(t, a, shape, depth - 1, kind == ARR_LIST ? "element" : child,
                     &out->children[i]);
    }
}

void t_random_field(struct t *t, struct arena *a, const struct t_shape *shape, const char *name,
                    struct arr_field *out)
{
    random_field(t, a, shape, shape->depth, name, out);
}

void t_random_schema(struct t *t, struct arena *a, const struct t_shape *shape, size_t columns,
                     struct arr_schema *out)
{
    void *room = NULL;
    assert_ok(t, arena_array(a, columns, sizeof *out->fields, &room, &t->err));
    *out = (struct arr_schema){.fields = room, .count = columns};
    for (size_t i = 0; i < columns; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "f%zu", i);
        t_random_field(t, a, shape, name, &out->fields[i]);
    }
}

/* Values come from one number each, so that equal numbers make equal values. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t mix_between(uint64_t *state, int64_t from, int64_t to)
{
    return from + (int64_t)(mix(state) % (uint64_t)(to - from));
}

/* Characters of one to four bytes. */
static size_t random_text(uint64_t *state, size_t most, uint8_t *out)
{
    static const char *const characters[] = {"a", "b",        "\"",           "\\",
                                             " ", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x90\xa6"};
    size_t want = (size_t)(mix(state) % (most + 1));
    size_t n = 0;
    for (;;) {
        struct slice c = slice_str(characters[mix(state) % 8]);
        if (n + c.len > want)
            return n;
        memcpy(out + n, c.ptr, c.len);
        n += c.len;
    }
}

/* Below 10^precision in magnitude, little-endian two's complement. */
static void random_decimal(uint64_t *state, int32_t precision, size_t width, uint8_t *out)
{
    unsigned digits = (unsigned)(mix(state) % (uint64_t)(precision + 1));
    memset(out, 0, width);
    for (unsigned d = 0; d < digits; d++) {
        unsigned carry = (unsigned)(mix(state) % 10);
        for (size_t i = 0; i < width; i++) {
            carry += out[i] * 10u;
            out[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    unsigned carry = 1;
    bool is_negative = mix(state) & 1;
    for (size_t i = 0; is_negative && i < width; i++) {
        carry += (uint8_t)~out[i];
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static int64_t random_moment(uint64_t *state, struct arr_type type)
{
    static const int64_t second[] = {1, 1000, 1000000, 1000000000};
    if (type.kind == ARR_TIME32 || type.kind == ARR_TIME64)
        return mix_between(state, 0, 86400 * second[type.unit]);
    if (type.kind == ARR_DATE32)
        return mix_between(state, -700000, 2900000); /* years 53 to 9909 */
    if (type.unit == ARR_NANO)
        return (int64_t)mix(state);
    return mix_between(state, -60000000000, 250000000000) * second[type.unit] +
           mix_between(state, 0, second[type.unit]);
}

static double random_double(uint64_t *state)
{
    static const double special[] = {0, -0.0, 1, 0.1, 65504, 1e-7, 6.1e-5, 3.4e38};
    uint64_t bits = mix(state);
    double value = 0;
    if (bits % 3 == 0)
        return special[bits / 3 % 8];
    if (bits % 3 == 1)
        return (double)mix_between(state, -1000000, 1000000) / 8;
    memcpy(&value, &bits, sizeof value);
    return value == value ? value : 0;
}

static void random_flat(struct t *t, struct arr_col *c, const struct t_shape *shape)
{
    uint8_t bytes[4096];
    size_t most = num_min_size(shape->text_bytes ? shape->text_bytes : 12, sizeof bytes - 8);
    uint64_t seed = shape->few_values ? t_below(t, 8) : t_random(t);
    uint64_t *state = &seed;
    size_t len = arr_type_width(c->type);
    struct arr_interval interval = {0};
    switch (c->type.kind) {
    case ARR_BOOL:
        assert_ok(t, arr_col_append_bool(c, mix(state) & 1, &t->err));
        return;
    case ARR_FLOAT16:
    case ARR_FLOAT:
    case ARR_DOUBLE:
        assert_ok(t, arr_col_append_f64(c, random_double(state), &t->err));
        return;
    case ARR_DATE32:
    case ARR_TIMESTAMP:
    case ARR_TIME32:
    case ARR_TIME64:
    case ARR_DURATION:
        assert_ok(t, arr_col_append_i64(c, random_moment(state, c->type), &t->err));
        return;
    case ARR_UTF8:
        len = random_text(state, most, bytes);
        break;
    case ARR_BINARY:
        len = (size_t)(mix(state) % (most + 1));
        break;
    case ARR_DECIMAL128:
    case ARR_DECIMAL256:
        random_decimal(state, c->type.precision, len, bytes);
        break;
    case ARR_INTERVAL:
        interval = (struct arr_interval){(int32_t)mix_between(state, -5000, 5000),
                                         (int32_t)mix_between(state, -50000, 50000),
                                         mix_between(state, -1000000000000000, 1000000000000000)};
        memcpy(bytes, &interval, sizeof interval);
        break;
    default:
        break;
    }
    bool is_raw = c->type.kind <= ARR_UINT64 || c->type.kind == ARR_BINARY ||
                  c->type.kind == ARR_FIXED_BINARY;
    for (size_t i = 0; is_raw && i < len; i++)
        bytes[i] = (uint8_t)mix(state);
    assert_ok(t, arr_col_append(c, slice_of(bytes, len), &t->err));
}

/* Keys of one map differ. */
static void random_key(struct t *t, struct arr_col *c, int64_t number)
{
    char text[32];
    if (c->type.kind != ARR_UTF8) {
        assert_ok(t, arr_col_append_i64(c, number, &t->err));
        return;
    }
    int n = snprintf(text, sizeof text, "k\"%lld", (long long)number);
    assert_ok(t, arr_col_append(c, slice_of(text, (size_t)n), &t->err));
}

void t_random_value(struct t *t, struct arr_col *c, const struct arr_field *field,
                    const struct t_shape *shape)
{
    bool is_null = field->nullable && t_below(t, 100) < shape->null_percent;
    if (is_null || c->type.kind == ARR_NULL) {
        assert_ok(t, arr_col_append_null(c, &t->err));
        return;
    }
    if (c->type.kind == ARR_STRUCT) {
        for (size_t i = 0; i < c->child_count; i++)
            t_random_value(t, &c->children[i], &field->children[i], shape);
        assert_ok(t, arr_col_append_structs(c, 1, NULL, 0, &t->err));
        return;
    }
    if (!arr_type_is_list(c->type)) {
        random_flat(t, c, shape);
        return;
    }
    int32_t items = (int32_t)t_below(t, shape->list_items + 1u);
    int64_t first_key = (int64_t)t_below(t, 1000);
    struct arr_col *child = &c->children[0];
    for (int32_t i = 0; i < items; i++) {
        if (c->type.kind == ARR_LIST) {
            t_random_value(t, child, &field->children[0], shape);
            continue;
        }
        random_key(t, &child->children[0], first_key + i);
        t_random_value(t, &child->children[1], &field->children[0].children[1], shape);
        assert_ok(t, arr_col_append_structs(child, 1, NULL, 0, &t->err));
    }
    assert_ok(t, arr_col_append_lists(c, &items, 1, NULL, 0, &t->err));
}

void t_random_batch(struct t *t, const struct arr_schema *schema, const struct t_shape *shape,
                    int64_t rows, struct arr_batch *out)
{
    assert_ok(t, arr_batch_init(out, &t->mem, schema, &t->err));
    for (size_t i = 0; i < schema->count; i++) {
        for (int64_t row = 0; row < rows; row++)
            t_random_value(t, &out->cols[i], &schema->fields[i], shape);
    }
    out->rows = rows;
}

bool t_value_equal(const struct arr_col *a, int64_t row_a, const struct arr_col *b, int64_t row_b)
{
    if (!arr_type_equal(a->type, b->type) || a->child_count != b->child_count)
        return false;
    bool is_null = arr_col_is_null(a, row_a);
    if (is_null || arr_col_is_null(b, row_b))
        return is_null && arr_col_is_null(b, row_b);
    if (a->type.kind == ARR_BOOL)
        return arr_col_i64(a, row_a) == arr_col_i64(b, row_b);
    if (a->type.kind == ARR_STRUCT) {
        for (size_t i = 0; i < a->child_count; i++) {
            if (!t_value_equal(&a->children[i], row_a, &b->children[i], row_b))
                return false;
        }
        return true;
    }
    if (!arr_type_is_list(a->type))
        return slice_equal(arr_col_bytes(a, row_a), arr_col_bytes(b, row_b));
    int64_t at_a = 0;
    int64_t at_b = 0;
    int64_t end_a = arr_col_items(a, row_a, &at_a);
    int64_t end_b = arr_col_items(b, row_b, &at_b);
    if (end_a - at_a != end_b - at_b)
        return false;
    for (; at_a < end_a; at_a++, at_b++) {
        if (!t_value_equal(&a->children[0], at_a, &b->children[0], at_b))
            return false;
    }
    return true;
}

static void dump_flat(const struct arr_col *c, int64_t row)
{
    enum arr_kind kind = c->type.kind;
    if (kind == ARR_UTF8) {
        print_error("\"%.*s\"", SLICE_ARG(arr_col_bytes(c, row)));
    } else if (kind == ARR_FLOAT || kind == ARR_DOUBLE || kind == ARR_FLOAT16) {
        print_error("%.17g", arr_col_f64(c, row));
    } else if (kind <= ARR_TIMESTAMP || (kind >= ARR_TIME32 && kind <= ARR_DURATION)) {
        print_error("%lld", (long long)arr_col_i64(c, row));
    } else {
        struct slice bytes = arr_col_bytes(c, row);
        print_error("0x");
        for (size_t i = 0; i < bytes.len; i++)
            print_error("%02x", bytes.ptr[i]);
    }
}

void t_value_dump(const struct arr_col *c, int64_t row)
{
    bool is_struct = c->type.kind == ARR_STRUCT;
    if (arr_col_is_null(c, row)) {
        print_error("null");
        return;
    }
    if (!arr_type_is_nested(c->type)) {
        dump_flat(c, row);
        return;
    }
    int64_t from = 0;
    int64_t to = is_struct ? (int64_t)c->child_count : arr_col_items(c, row, &from);
    print_error(is_struct ? "{" : "[");
    for (int64_t i = from; i < to; i++) {
        print_error(i > from ? ", " : "");
        if (is_struct)
            print_error("%s: ", c->fields[i].name);
        t_value_dump(&c->children[is_struct ? i : 0], is_struct ? row : i);
    }
    print_error(is_struct ? "}" : "]");
}

void t_batch_dump(const struct arr_batch *b, int64_t from, int64_t to)
{
    for (int64_t row = from; row < to && row < b->rows; row++) {
        print_error("%lld:", (long long)row);
        for (size_t i = 0; i < b->schema->count; i++) {
            print_error(" %s=", b->schema->fields[i].name);
            t_value_dump(&b->cols[i], row);
        }
        print_error("\n");
    }
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

static void assert_nulls_empty(const struct arr_col *c)
{
    size_t width = c->dictionary ? sizeof(int32_t) : arr_type_width(c->type);
    for (int64_t row = 0; c->validity.len && row < c->rows; row++) {
        if (!arr_col_is_null(c, row))
            continue;
        if (c->offsets.len)
            assert_int_equal(arr_col_offsets(c)[row], arr_col_offsets(c)[row + 1]);
        else if (c->type.kind == ARR_BOOL && !c->dictionary)
            assert_false(arr_bit(c->data.ptr, row));
        else if (width)
            assert_true(is_zero(c->data.ptr + (size_t)row * width, width));
        for (size_t i = 0; c->type.kind == ARR_STRUCT && i < c->child_count; i++)
            assert_true(arr_col_is_null(&c->children[i], row));
    }
}

static void assert_offsets_sound(const struct arr_col *c, int64_t end)
{
    if (c->offsets.len == 0) {
        assert_int_equal(c->rows, 0);
        assert_int_equal(end, 0);
        return;
    }
    const int32_t *offsets = arr_col_offsets(c);
    assert_int_equal(c->offsets.len, ((size_t)c->rows + 1) * sizeof(int32_t));
    assert_int_equal(offsets[0], 0);
    for (int64_t row = 0; row < c->rows; row++)
        assert_true(offsets[row] <= offsets[row + 1]);
    assert_int_equal(offsets[c->rows], end);
}

void t_assert_col_sound(const struct arr_col *c)
{
    size_t width = c->dictionary ? sizeof(int32_t) : arr_type_width(c->type);
    if (c->type.kind == ARR_NULL) {
        assert_int_equal(c->null_count, c->rows);
    } else if (c->validity.len) {
        assert_int_equal(c->validity.len, arr_bits_bytes(c->rows));
        assert_int_equal(c->null_count, c->rows - arr_bits_count(c->validity.ptr, 0, c->rows));
    } else {
        assert_int_equal(c->null_count, 0);
    }
    if (arr_type_is_list(c->type))
        assert_offsets_sound(c, c->children[0].rows);
    else if (arr_type_is_variable(c->type) && !c->dictionary)
        assert_offsets_sound(c, (int64_t)c->data.len);
    else if (c->type.kind == ARR_BOOL && !c->dictionary)
        assert_int_equal(c->data.len, arr_bits_bytes(c->rows));
    else
        assert_int_equal(c->data.len, (size_t)c->rows * width);
    assert_nulls_empty(c);
    for (size_t i = 0; i < c->child_count; i++) {
        if (c->type.kind == ARR_STRUCT)
            assert_int_equal(c->children[i].rows, c->rows);
        t_assert_col_sound(&c->children[i]);
    }
}

void t_assert_col_equal(const struct arr_col *a, const struct arr_col *b)
{
    assert_int_equal(a->rows, b->rows);
    for (int64_t row = 0; row < a->rows; row++) {
        if (t_value_equal(a, row, b, row))
            continue;
        print_error("row %lld: ", (long long)row);
        t_value_dump(a, row);
        print_error(" and ");
        t_value_dump(b, row);
        print_error("\n");
        fail_msg("row %lld differs", (long long)row);
    }
}

void t_assert_batch_equal(const struct arr_batch *a, const struct arr_batch *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->schema->count, b->schema->count);
    for (size_t i = 0; i < a->schema->count; i++) {
        if (a->cols[i].rows != b->cols[i].rows)
            print_error("column \"%s\":\n", a->schema->fields[i].name);
        t_assert_col_equal(&a->cols[i], &b->cols[i]);
    }
}
