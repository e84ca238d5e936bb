#include "state/wire.h"
#include "state/bug.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/txn.h"

static const void *at_offset(const void *base, size_t offset)
{
    return (const uint8_t *)base + offset;
}

static void *in_offset(void *base, size_t offset)
{
    return (uint8_t *)base + offset;
}

static size_t element_bytes(const struct state_wire_field *f)
{
    switch (f->type) {
    case STATE_WIRE_ID:
        return sizeof(struct state_id);
    case STATE_WIRE_POSITION:
        return sizeof(struct state_position);
    case STATE_WIRE_SPLIT_CUT:
        return sizeof(struct state_split_cut);
    case STATE_WIRE_SHAPE:
        return f->of->bytes;
    default:
        assert(f->type == STATE_WIRE_BYTES || f->type == STATE_WIRE_TEXT);
        return sizeof(struct slice);
    }
}

slp_rc state_hex(struct slice bytes, struct buf *out, struct slp_err *err)
{
    static const char digits[] = "0123456789abcdef";
    TRY(buf_reserve(out, bytes.len * 2, err));
    for (size_t i = 0; i < bytes.len; i++) {
        out->ptr[out->len++] = (uint8_t)digits[bytes.ptr[i] >> 4];
        out->ptr[out->len++] = (uint8_t)digits[bytes.ptr[i] & 15];
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ writing */

slp_rc state_wire_close(struct buf *out, size_t from, struct slp_err *err)
{
    size_t len = out->len - from;
    TRY(buf_append_varint(out, len, err));
    size_t prefix = out->len - from - len;
    uint8_t bytes[10];
    memcpy(bytes, out->ptr + from + len, prefix);
    memmove(out->ptr + from + prefix, out->ptr + from, len);
    memcpy(out->ptr + from, bytes, prefix);
    return SLP_OK;
}

static slp_rc write_position(struct state_position at, struct buf *out, struct slp_err *err)
{
    TRY(buf_append_varint(out, at.frame, err));
    return buf_append_varint(out, at.index, err);
}

static slp_rc write_id(struct state_id id, struct buf *out, struct slp_err *err)
{
    TRY(write_position(id.at, out, err));
    return buf_append_varint(out, id.item, err);
}

static slp_rc write_split_cut(const struct state_split_cut *cut, struct buf *out,
                              struct slp_err *err)
{
    TRY(write_id(cut->file, out, err));
    TRY(buf_append_varint(out, cut->key, err));
    return buf_append_varint(out, (uint64_t)cut->row, err);
}

/* The value of a field that is a number; 0 for other types. */
static uint64_t number_of(const struct state_wire_field *f, const void *value)
{
    switch (f->type) {
    case STATE_WIRE_U64:
        return *(const uint64_t *)value;
    case STATE_WIRE_U32:
        return *(const uint32_t *)value;
    case STATE_WIRE_I64:
        assert(*(const int64_t *)value >= 0);
        return (uint64_t) * (const int64_t *)value;
    case STATE_WIRE_BOOL:
        return *(const bool *)value ? 1 : 0;
    default:
        return 0;
    }
}

static bool is_number(enum state_wire_type type)
{
    return type == STATE_WIRE_U64 || type == STATE_WIRE_U32 || type == STATE_WIRE_I64 ||
           type == STATE_WIRE_BOOL;
}

/* The bytes of a field that is a slice of some kind; `value` of a range is the whole range. */
static struct slice bytes_of(const struct state_wire_field *f, const void *value)
{
    switch (f->type) {
    case STATE_WIRE_RANGE_LO:
        return ((const struct key_range *)value)->lo;
    case STATE_WIRE_RANGE_HI:
        return ((const struct key_range *)value)->hi;
    case STATE_WIRE_HASH:
        return slice_of(((const struct hash128 *)value)->bytes, 16);
    default:
        return *(const struct slice *)value;
    }
}

static slp_rc write_value(const struct state_wire_field *f, const void *value, struct buf *out,
                          struct slp_err *err)
{
    TRY(buf_append_varint(out, f->id, err));
    size_t from = out->len;
    if (is_number(f->type))
        TRY(buf_append_varint(out, number_of(f, value), err));
    else if (f->type == STATE_WIRE_ID)
        TRY(write_id(*(const struct state_id *)value, out, err));
    else if (f->type == STATE_WIRE_POSITION)
        TRY(write_position(*(const struct state_position *)value, out, err));
    else if (f->type == STATE_WIRE_SPLIT_CUT)
        TRY(write_split_cut(value, out, err));
    else if (f->type == STATE_WIRE_SHAPE)
        TRY(state_wire_write(f->of, value, out, err));
    else
        TRY(buf_append_slice(out, bytes_of(f, value), err));
    return state_wire_close(out, from, err);
}

/* A single field that says nothing more than being left out does. */
static bool is_default(const struct state_wire_field *f, const void *value)
{
    if (is_number(f->type))
        return number_of(f, value) == 0;
    if (f->type == STATE_WIRE_ID)
        return state_id_is_none(*(const struct state_id *)value);
    if (f->type == STATE_WIRE_POSITION)
        return ((const struct state_position *)value)->frame == 0;
    if (f->type == STATE_WIRE_RANGE_HI)
        return !((const struct key_range *)value)->has_hi;
    if (f->type == STATE_WIRE_BYTES || f->type == STATE_WIRE_TEXT || f->type == STATE_WIRE_RANGE_LO)
        return bytes_of(f, value).len == 0;
    return false;
}

static slp_rc write_field(const struct state_wire_field *f, const void *value, struct buf *out,
                          struct slp_err *err)
{
    if (!f->is_list) {
        const void *single = at_offset(value, f->offset);
        return is_default(f, single) ? SLP_OK : write_value(f, single, out, err);
    }
    const uint8_t *first = NULL;
    memcpy(&first, at_offset(value, f->offset), sizeof first);
    size_t count = *(const size_t *)at_offset(value, f->count_offset);
    size_t step = element_bytes(f);
    for (size_t i = 0; i < count; i++)
        TRY(write_value(f, first + i * step, out, err));
    return SLP_OK;
}

slp_rc state_wire_write(const struct state_shape *shape, const void *value, struct buf *out,
                        struct slp_err *err)
{
    for (size_t i = 0; i < shape->count; i++)
        TRY(write_field(&shape->fields[i], value, out, err));
    if (shape->keeps_extra)
        TRY(buf_append_slice(out, *(const struct slice *)at_offset(value, shape->extra_offset),
                             err));
    return SLP_OK;
}

/* ------------------------------------------------------------------ reading */

slp_rc state_wire_varint(struct slice bytes, uint64_t place, size_t *at, uint64_t *out,
                         struct slp_err *err)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (*at + i >= bytes.len)
            FAIL(err, CORRUPT, "a number is cut off at offset %llu",
                 (unsigned long long)(place + bytes.len));
        uint8_t byte = bytes.ptr[*at + i];
        if ((i == 9 && byte > 1) || (i > 0 && byte == 0))
            break;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *at += i + 1;
            *out = v;
            return SLP_OK;
        }
    }
    FAIL(err, CORRUPT, "a number that is too long or not in its shortest form at offset %llu",
         (unsigned long long)(place + *at));
}

/* The same where most have one byte. */
static inline slp_rc take_varint(struct slice bytes, uint64_t place, size_t *at, uint64_t *out,
                                 struct slp_err *err)
{
    if (*at < bytes.len && bytes.ptr[*at] < 0x80) {
        *out = bytes.ptr[(*at)++];
        return SLP_OK;
    }
    return state_wire_varint(bytes, place, at, out, err);
}

struct raw_field {
    uint64_t id;
    struct slice value;
    size_t from;    /* where its id stands in the list */
    uint64_t place; /* of the value, in the object */
};

struct reader {
    const struct state_shape *shape;
    struct slice bytes;
    uint64_t place;
    size_t at;
    uint64_t last; /* id of the field before; 0 in front */
    size_t next;   /* in the shape, behind the field before */
};

/* Odd ids ascend, then even ones do. */
static bool comes_behind(uint64_t id, uint64_t last)
{
    if (last == 0 || (id & 1) == (last & 1))
        return id >= last;
    return (last & 1) == 1;
}

static inline slp_rc next_field(struct reader *r, struct raw_field *f, struct slp_err *err)
{
    if (r->at == r->bytes.len)
        return SLP_DONE;
    f->from = r->at;
    uint64_t len = 0;
    TRY(take_varint(r->bytes, r->place, &r->at, &f->id, err));
    TRY(take_varint(r->bytes, r->place, &r->at, &len, err));
    if (f->id == 0 || !comes_behind(f->id, r->last))
        FAIL(err, CORRUPT, "%s: field %llu stands out of order at offset %llu", r->shape->name,
             (unsigned long long)f->id, (unsigned long long)(r->place + f->from));
    if (len > r->bytes.len - r->at)
        FAIL(err, CORRUPT, "%s: field %llu at offset %llu is longer than what it stands in",
             r->shape->name, (unsigned long long)f->id, (unsigned long long)(r->place + f->from));
    f->value = slice_sub(r->bytes, r->at, (size_t)len);
    f->place = r->place + r->at;
    r->at += (size_t)len;
    return SLP_OK;
}

/* Fields come in the order of the shape, so the search begins behind the one before. */
static inline const struct state_wire_field *find_field(struct reader *r, uint64_t id)
{
    const struct state_shape *shape = r->shape;
    if (id == r->last && r->next > 0 && shape->fields[r->next - 1].id == id)
        return &shape->fields[r->next - 1];
    for (size_t i = r->next; i < shape->count; i++) {
        if (shape->fields[i].id != id)
            continue;
        r->next = i + 1;
        return &shape->fields[i];
    }
    return NULL;
}

/* `count` varints that fill a field. */
static slp_rc read_numbers(const struct raw_field *raw, uint64_t *out, size_t count,
                           struct slp_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        TRY(take_varint(raw->value, raw->place, &at, &out[i], err));
    if (at != raw->value.len)
        FAIL(err, CORRUPT, "field %llu at offset %llu is longer than its numbers",
             (unsigned long long)raw->id, (unsigned long long)raw->place);
    return SLP_OK;
}

/* One that fills a short field, as most do: its last byte alone ends it, and is not zero behind others. */
#define NUMBER_SHORT 5u

static inline slp_rc read_short(const struct raw_field *raw, uint64_t *out, struct slp_err *err)
{
    const uint8_t *at = raw->value.ptr;
    size_t last = raw->value.len - 1;
    uint64_t v = 0;
    unsigned ends = 0;
    for (size_t i = 0; i < last; i++) {
        v |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        ends += at[i] < 0x80;
    }
    if (ends > 0 || at[last] >= 0x80 || (last > 0 && at[last] == 0))
        return read_numbers(raw, out, 1, err); /* which says what is wrong */
    *out = v | (uint64_t)at[last] << (7 * last);
    return SLP_OK;
}

static slp_rc too_large(const struct raw_field *raw, struct slp_err *err)
{
    FAIL(err, CORRUPT, "a number in field %llu at offset %llu is too large",
         (unsigned long long)raw->id, (unsigned long long)raw->place);
}

static slp_rc read_id(const uint64_t n[3], const struct raw_field *raw, struct state_id *out,
                      struct slp_err *err)
{
    if (n[1] > UINT32_MAX || n[2] > UINT32_MAX)
        return too_large(raw, err);
    *out =
        (struct state_id){.at = {.frame = n[0], .index = (uint32_t)n[1]}, .item = (uint32_t)n[2]};
    return SLP_OK;
}

static slp_rc read_position(const uint64_t n[2], const struct raw_field *raw,
                            struct state_position *out, struct slp_err *err)
{
    if (n[1] > UINT32_MAX)
        return too_large(raw, err);
    *out = (struct state_position){.frame = n[0], .index = (uint32_t)n[1]};
    return SLP_OK;
}

static slp_rc read_number(const struct state_wire_field *f, const struct raw_field *raw, void *to,
                          struct slp_err *err)
{
    uint64_t n = 0;
    if (raw->value.len > 0 && raw->value.len <= NUMBER_SHORT)
        TRY(read_short(raw, &n, err));
    else
        TRY(read_numbers(raw, &n, 1, err));
    uint64_t most = f->type == STATE_WIRE_U64   ? UINT64_MAX
                    : f->type == STATE_WIRE_I64 ? (uint64_t)INT64_MAX
                    : f->type == STATE_WIRE_U32 ? UINT32_MAX
                                                : 1;
    if (n > most)
        return too_large(raw, err);
    if (f->type == STATE_WIRE_U64)
        *(uint64_t *)to = n;
    else if (f->type == STATE_WIRE_I64)
        *(int64_t *)to = (int64_t)n;
    else if (f->type == STATE_WIRE_U32)
        *(uint32_t *)to = (uint32_t)n;
    else
        *(bool *)to = n != 0;
    return SLP_OK;
}

static slp_rc read_split_cut(const struct raw_field *raw, struct state_split_cut *to,
                             struct slp_err *err)
{
    uint64_t n[5] = {0};
    TRY(read_numbers(raw, n, 5, err));
    if (n[3] > UINT32_MAX || n[4] > INT64_MAX)
        return too_large(raw, err);
    struct state_id file;
    TRY(read_id(n, raw, &file, err));
    *to = (struct state_split_cut){.file = file, .key = (uint32_t)n[3], .row = (int64_t)n[4]};
    return SLP_OK;
}

static slp_rc read_value(const struct state_wire_field *f, const struct raw_field *raw,
                         struct arena *arena, void *to, struct slp_err *err)
{
    uint64_t n[3] = {0};
    switch (f->type) {
    case STATE_WIRE_BYTES:
    case STATE_WIRE_TEXT:
        *(struct slice *)to = raw->value;
        return SLP_OK;
    case STATE_WIRE_RANGE_LO:
        ((struct key_range *)to)->lo = raw->value;
        return SLP_OK;
    case STATE_WIRE_RANGE_HI:
        ((struct key_range *)to)->hi = raw->value;
        ((struct key_range *)to)->has_hi = true;
        return SLP_OK;
    case STATE_WIRE_HASH:
        if (raw->value.len != sizeof(struct hash128))
            FAIL(err, CORRUPT, "field %llu at offset %llu has %zu bytes, expected 16",
                 (unsigned long long)raw->id, (unsigned long long)raw->place, raw->value.len);
        memcpy(to, raw->value.ptr, sizeof(struct hash128));
        return SLP_OK;
    case STATE_WIRE_ID:
        TRY(read_numbers(raw, n, 3, err));
        return read_id(n, raw, to, err);
    case STATE_WIRE_POSITION:
        TRY(read_numbers(raw, n, 2, err));
        return read_position(n, raw, to, err);
    case STATE_WIRE_SPLIT_CUT:
        return read_split_cut(raw, to, err);
    case STATE_WIRE_SHAPE:
        return state_wire_read(f->of, raw->value, raw->place, arena, to, err);
    default:
        return read_number(f, raw, to, err);
    }
}

/* Room for the lists, whose elements were counted. */
static slp_rc make_room(const struct state_shape *shape, struct arena *arena, void *value,
                        struct slp_err *err)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct state_wire_field *f = &shape->fields[i];
        if (!f->is_list)
            continue;
        size_t *count = in_offset(value, f->count_offset);
        void *room = NULL;
        if (*count)
            TRY(arena_array(arena, *count, element_bytes(f), &room, err));
        memcpy(in_offset(value, f->offset), &room, sizeof room);
    }
    return SLP_OK;
}

/* The first pass: every id is known or may be skipped; single values are read, elements of lists
 * counted. */
static slp_rc read_singles(const struct state_shape *shape, struct slice bytes, uint64_t place,
                           struct arena *arena, void *value, struct slp_err *err)
{
    struct reader r = {.shape = shape, .bytes = bytes, .place = place};
    struct raw_field raw = {0};
    size_t extra_from = SIZE_MAX;
    for (slp_rc rc; (rc = next_field(&r, &raw, err)) != SLP_DONE; r.last = raw.id) {
        TRY(rc);
        const struct state_wire_field *f = find_field(&r, raw.id);
        if (!f && (raw.id & 1) && !STATE_BUG(IGNORE_ODD))
            FAIL(err, UNSUPPORTED,
                 "%s: field %llu at offset %llu is not known to this version; use a newer one",
                 shape->name, (unsigned long long)raw.id, (unsigned long long)(place + raw.from));
        if (f && f->is_list) {
            ++*(size_t *)in_offset(value, f->count_offset);
        } else if (f && raw.id == r.last) {
            FAIL(err, CORRUPT, "%s: field %llu comes twice, again at offset %llu", shape->name,
                 (unsigned long long)raw.id, (unsigned long long)(place + raw.from));
        } else if (f) {
            TRY(read_value(f, &raw, arena, in_offset(value, f->offset), err));
        } else if (extra_from == SIZE_MAX) {
            extra_from = raw.from;
        }
    }
    if (shape->keeps_extra && extra_from != SIZE_MAX && !STATE_BUG(FORGET_EVEN))
        *(struct slice *)in_offset(value, shape->extra_offset) = slice_after(bytes, extra_from);
    return SLP_OK;
}

static slp_rc read_lists(const struct state_shape *shape, struct slice bytes, uint64_t place,
                         struct arena *arena, void *value, struct slp_err *err)
{
    struct reader r = {.shape = shape, .bytes = bytes, .place = place};
    struct raw_field raw = {0};
    size_t nth = 0;
    for (slp_rc rc; (rc = next_field(&r, &raw, err)) != SLP_DONE; r.last = raw.id) {
        TRY(rc);
        nth = raw.id == r.last ? nth + 1 : 0;
        const struct state_wire_field *f = find_field(&r, raw.id);
        if (!f || !f->is_list)
            continue;
        uint8_t *to = NULL;
        memcpy(&to, in_offset(value, f->offset), sizeof to);
        TRY(read_value(f, &raw, arena, to + nth * element_bytes(f), err));
    }
    return SLP_OK;
}

slp_rc state_wire_read(const struct state_shape *shape, struct slice bytes, uint64_t place,
                       struct arena *arena, void *value, struct slp_err *err)
{
    bool has_lists = false;
    TRY(read_singles(shape, bytes, place, arena, value, err));
    for (size_t i = 0; i < shape->count && !has_lists; i++)
        has_lists = shape->fields[i].is_list &&
                    *(const size_t *)at_offset(value, shape->fields[i].count_offset) > 0;
    TRY(make_room(shape, arena, value, err));
    return has_lists ? read_lists(shape, bytes, place, arena, value, err) : SLP_OK;
}

/* ------------------------------------------------------------------ printing */

static slp_rc print_value(const struct state_wire_field *f, const void *value, int depth,
                          struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, "%*s%s", depth * 2, "", f->name));
    if (f->type == STATE_WIRE_SHAPE) {
        TRY(buf_append_u8(out, '\n', err));
        return state_wire_print(f->of, value, depth + 1, out, err);
    }
    TRY(buf_append_u8(out, ' ', err));
    if (is_number(f->type)) {
        TRY(buf_printf(out, err, "%llu", (unsigned long long)number_of(f, value)));
    } else if (f->type == STATE_WIRE_ID) {
        char text[STATE_ID_TEXT_BYTES];
        state_id_format(*(const struct state_id *)value, text);
        TRY(buf_printf(out, err, "%s", text));
    } else if (f->type == STATE_WIRE_POSITION) {
        const struct state_position *at = value;
        TRY(buf_printf(out, err, "%llu.%u", (unsigned long long)at->frame, at->index));
    } else if (f->type == STATE_WIRE_SPLIT_CUT) {
        const struct state_split_cut *cut = value;
        char text[STATE_ID_TEXT_BYTES];
        state_id_format(cut->file, text);
        TRY(buf_printf(out, err, "%s key %u row %lld", text, cut->key, (long long)cut->row));
    } else if (f->type == STATE_WIRE_TEXT) {
        TRY(buf_append_slice(out, bytes_of(f, value), err));
    } else {
        TRY(state_hex(bytes_of(f, value), out, err));
    }
    return buf_append_u8(out, '\n', err);
}

slp_rc state_wire_print(const struct state_shape *shape, const void *value, int depth,
                        struct buf *out, struct slp_err *err)
{
    assert(depth <= STATE_WIRE_DEPTH_MAX);
    for (size_t i = 0; i < shape->count; i++) {
        const struct state_wire_field *f = &shape->fields[i];
        if (!f->is_list) {
            const void *single = at_offset(value, f->offset);
            if (!is_default(f, single))
                TRY(print_value(f, single, depth, out, err));
            continue;
        }
        const uint8_t *first = NULL;
        memcpy(&first, at_offset(value, f->offset), sizeof first);
        size_t count = *(const size_t *)at_offset(value, f->count_offset);
        for (size_t k = 0; k < count; k++)
            TRY(print_value(f, first + k * element_bytes(f), depth, out, err));
    }
    return SLP_OK;
}

static void show_value(const struct state_wire_field *f, const char *name, const void *value,
                       struct show *s)
{
    char text[STATE_ID_TEXT_BYTES + 64];
    if (f->type == STATE_WIRE_SHAPE) {
        show_open(s, name, SHOW_OBJECT, true);
        state_wire_show(f->of, value, s);
        show_close(s);
    } else if (f->type == STATE_WIRE_BOOL) {
        show_bool(s, name, number_of(f, value) != 0);
    } else if (is_number(f->type)) {
        show_uint(s, name, number_of(f, value));
    } else if (f->type == STATE_WIRE_ID) {
        state_id_format(*(const struct state_id *)value, text);
        show_text(s, name, slice_str(text));
    } else if (f->type == STATE_WIRE_POSITION) {
        const struct state_position *at = value;
        (void)snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu32, at->frame, at->index);
        show_text(s, name, slice_str(text));
    } else if (f->type == STATE_WIRE_SPLIT_CUT) {
        const struct state_split_cut *cut = value;
        state_id_format(cut->file, text);
        show_open(s, name, SHOW_OBJECT, false);
        show_text(s, "file", slice_str(text));
        show_uint(s, "key", cut->key);
        show_int(s, "row", cut->row);
        show_close(s);
    } else if (f->type == STATE_WIRE_TEXT) {
        show_text(s, name, bytes_of(f, value));
    } else if (f->type == STATE_WIRE_HASH) {
        hash_format(*(const struct hash128 *)value, text);
        show_text(s, name, slice_str(text));
    } else {
        show_hex(s, name, bytes_of(f, value));
    }
}

void state_wire_show(const struct state_shape *shape, const void *value, struct show *s)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct state_wire_field *f = &shape->fields[i];
        if (!f->is_list) {
            const void *single = at_offset(value, f->offset);
            bool says_zero = is_number(f->type) && s->form == SHOW_AS_JSON;
            if (says_zero || !is_default(f, single))
                show_value(f, f->name, single, s);
            continue;
        }
        const uint8_t *first = NULL;
        memcpy(&first, at_offset(value, f->offset), sizeof first);
        size_t count = *(const size_t *)at_offset(value, f->count_offset);
        if (count == 0 && s->form == SHOW_AS_TEXT)
            continue;
        show_open(s, f->name, SHOW_LIST, f->type == STATE_WIRE_SHAPE);
        for (size_t k = 0; k < count; k++)
            show_value(f, NULL, first + k * element_bytes(f), s);
        show_close(s);
    }
}
