#include "state/entry.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

/* Flags. */
#define HAS_POSITIONS 1u /* they are not its id's */
#define HAS_NUMBERS   2u /* its name is made of base, random id and suffix */
#define HAS_KINDS     4u /* not all of its rows are puts, it has a stack, or it is embedded */
#define HAS_MARK      8u /* it is purged through another position than its id's */

/* "data/3f/00000000000000000012-3f<30 digits>" suffix ".parquet" */
#define NAME_HEAD   "data/"
#define NAME_TAIL   ".parquet"
#define BASE_AT     8u
#define BASE_DIGITS 20u
#define HEX_AT      (BASE_AT + BASE_DIGITS + 1u)
#define SUFFIX_AT   (HEX_AT + 32u)
#define SUFFIX_MAX  255u

/* All numbers of an entry, each a varint of at most ten bytes. */
#define NUMBERS_MAX_BYTES 256u

/* ------------------------------------------------------------------ numbers */

struct packer {
    uint8_t bytes[NUMBERS_MAX_BYTES];
    size_t len;
};

static size_t varint_bytes(uint64_t n)
{
    size_t bytes = 1;
    for (; n >= 128; n >>= 7)
        bytes++;
    return bytes;
}

static uint8_t *put_varint(uint8_t *at, uint64_t n)
{
    for (; n >= 128; n >>= 7)
        *at++ = (uint8_t)(n | 128);
    *at++ = (uint8_t)n;
    return at;
}

static void put_number(struct packer *p, uint64_t n)
{
    uint8_t *end = put_varint(p->bytes + p->len, n);
    p->len = (size_t)(end - p->bytes);
}

static uint64_t take_number(const uint8_t **at)
{
    uint64_t n = 0;
    unsigned shift = 0;
    while (**at >= 128) {
        n |= (uint64_t)(*(*at)++ & 127) << shift;
        shift += 7;
    }
    return n | (uint64_t) * (*at)++ << shift;
}

/* Distances are small where offsets lie near the end; modulo 2^64 they are exact anywhere. */
static uint64_t distance(uint64_t from, uint64_t to)
{
    uint64_t d = to - from;
    return d >> 63 ? ~(d << 1) : d << 1;
}

static uint64_t move(uint64_t from, uint64_t distance)
{
    return from + (distance & 1 ? ~(distance >> 1) : distance >> 1);
}

/* ------------------------------------------------------------------ names */

struct numbered {
    uint64_t base;
    struct hash128 id;
    struct slice suffix;
};

/* The value of a lower-case hexadecimal digit; 16 for anything else. */
static unsigned hex_value(uint8_t c)
{
    unsigned digit = c - (unsigned)'0';
    unsigned letter = c - (unsigned)'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static bool parse_id(const uint8_t *hex, struct hash128 *out)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof out->bytes; i++) {
        unsigned high = hex_value(hex[2 * i]);
        unsigned low = hex_value(hex[2 * i + 1]);
        wrong |= (high | low) & 16;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return wrong == 0;
}

/* Would printing these numbers give the name again, byte for byte? */
static bool parse_name(struct slice name, struct numbered *out)
{
    const size_t tail = sizeof NAME_TAIL - 1;
    if (name.len < SUFFIX_AT + tail || name.len > SUFFIX_AT + tail + SUFFIX_MAX)
        return false;
    if (!slice_starts_with(name, slice_str(NAME_HEAD)) ||
        !slice_is(slice_last(name, tail), NAME_TAIL) || name.ptr[7] != '/' ||
        name.ptr[HEX_AT - 1] != '-' || memcmp(name.ptr + 5, name.ptr + HEX_AT, 2) != 0)
        return false;
    out->suffix = slice_sub(name, SUFFIX_AT, name.len - SUFFIX_AT - tail);
    return state_digits_parse(name.ptr + BASE_AT, &out->base) &&
           parse_id(name.ptr + HEX_AT, &out->id);
}

static slp_rc print_name(const struct numbered *n, struct arena *arena, struct slice *out,
                         struct slp_err *err)
{
    char text[SUFFIX_AT + SUFFIX_MAX + sizeof NAME_TAIL];
    char hex[33];
    hash_format(n->id, hex);
    int len = snprintf(text, sizeof text, NAME_HEAD "%.2s/%020" PRIu64 "-%s%.*s" NAME_TAIL, hex,
                       n->base, hex, SLICE_ARG(n->suffix));
    return arena_copy(arena, slice_of(text, (size_t)len), out, err);
}

/* ------------------------------------------------------------------ packing */

static void pack_numbers(struct packer *p, const struct state_file *f, unsigned flags)
{
    const struct datafile_info *i = &f->info;
    put_number(p, flags);
    if (flags & HAS_POSITIONS) {
        put_number(p, f->low.frame);
        put_number(p, f->low.index);
        put_number(p, f->high.frame);
        put_number(p, f->high.index);
    }
    put_number(p, (uint64_t)i->rows);
    put_number(p, i->file_bytes);
    if (flags & HAS_KINDS) {
        put_number(p, f->deletes);
        put_number(p, f->resets);
        put_number(p, f->stack);
        put_number(p, f->log_offset);
    }
    if (flags & HAS_MARK) {
        put_number(p, f->purged_through.frame);
        put_number(p, f->purged_through.index);
    }
    put_number(p, (uint64_t)f->time_us);
    put_number(p, f->schema_version);
    put_number(p, distance(i->file_bytes, i->top_offset));
    put_number(p, i->top_bytes);
    put_number(p, distance(i->file_bytes, i->index_offset));
    put_number(p, distance(i->file_bytes, i->footer_offset));
    put_number(p, i->footer_bytes);
    num_store_u32le(p->bytes + p->len, i->crc32c);
    p->len += 4;
}

static uint8_t *put_bytes(uint8_t *at, struct slice s)
{
    at = put_varint(at, s.len);
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static uint8_t *put_name(uint8_t *at, const struct state_file *f, const struct numbered *n,
                         bool has_numbers)
{
    if (!has_numbers)
        return put_bytes(at, f->name);
    at = put_varint(at, n->base);
    memcpy(at, n->id.bytes, sizeof n->id.bytes);
    return put_bytes(at + sizeof n->id.bytes, n->suffix);
}

static size_t name_bytes(const struct state_file *f, const struct numbered *n, bool has_numbers)
{
    size_t len = has_numbers ? n->suffix.len : f->name.len;
    size_t bytes = varint_bytes(len) + len;
    return has_numbers ? bytes + varint_bytes(n->base) + sizeof n->id.bytes : bytes;
}

static unsigned flags_of(const struct state_file *f, bool has_numbers)
{
    bool has_positions = state_position_compare(f->low, f->id.at) != 0 ||
                         state_position_compare(f->high, f->id.at) != 0;
    bool has_kinds = f->deletes || f->resets || f->stack || f->log_offset;
    bool has_mark = state_position_compare(f->purged_through, f->id.at) != 0;
    return (has_positions ? HAS_POSITIONS : 0) | (has_numbers ? HAS_NUMBERS : 0) |
           (has_kinds ? HAS_KINDS : 0) | (has_mark ? HAS_MARK : 0);
}

slp_rc state_entry_new(struct alloc *mem, const struct state_file *f, struct state_entry **out,
                       struct slp_err *err)
{
    struct numbered n = {0};
    struct packer p;
    p.len = 0;
    bool has_numbers = parse_name(f->name, &n);
    pack_numbers(&p, f, flags_of(f, has_numbers));
    struct slice first = f->info.first_key;
    struct slice last = f->info.last_key;
    size_t bytes = varint_bytes(first.len) + first.len + varint_bytes(last.len) + last.len + 1 +
                   p.len + name_bytes(f, &n, has_numbers) + varint_bytes(f->extra.len) +
                   f->extra.len;
    if (bytes > UINT32_MAX)
        FAIL(err, LIMIT, "a file's entry of %zu bytes", bytes);
    void *room = NULL;
    TRY(alloc_room(mem, sizeof(struct state_entry) + bytes, &room, err));
    struct state_entry *e = room;
    *e = (struct state_entry){.bytes = (uint32_t)bytes,
                              .frame = f->id.at.frame,
                              .index = f->id.at.index,
                              .item = f->id.item};
    uint8_t *at = put_bytes(e->data, first);
    at = put_bytes(at, last);
    *at++ = 0;
    memcpy(at, p.bytes, p.len);
    at = put_name(at + p.len, f, &n, has_numbers);
    at = put_bytes(at, f->extra);
    assert(at == e->data + bytes);
    *out = e;
    return SLP_OK;
}

slp_rc state_entry_copy(struct alloc *mem, const struct state_entry *e, struct state_entry **out,
                        struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_room(mem, sizeof *e + e->bytes, &room, err));
    memcpy(room, e, sizeof *e + e->bytes);
    *out = room;
    (*out)->refs = 0;
    return SLP_OK;
}

void state_entry_free(struct alloc *mem, struct state_entry *e)
{
    if (e)
        alloc_free(mem, e, sizeof *e + e->bytes);
}

/* ------------------------------------------------------------------ unpacking */

static struct slice take_bytes(const uint8_t **at)
{
    size_t len = (size_t)take_number(at);
    struct slice s = slice_of(*at, len);
    *at += len;
    return s;
}

/* The last key with the zero byte behind it is the least key above it. */
static struct key_range take_range(const uint8_t **at)
{
    struct key_range range = {.has_hi = true};
    range.lo = take_bytes(at);
    range.hi = take_bytes(at);
    range.hi.len++;
    ++*at;
    return range;
}

struct key_range state_entry_range(const struct state_entry *e)
{
    const uint8_t *at = e->data;
    return take_range(&at);
}

static unsigned take_positions(const struct state_entry *e, const uint8_t **at,
                               struct state_position *low, struct state_position *high)
{
    unsigned flags = (unsigned)take_number(at);
    *low = (struct state_position){.frame = e->frame, .index = e->index};
    *high = *low;
    if (!(flags & HAS_POSITIONS))
        return flags;
    low->frame = take_number(at);
    low->index = (uint32_t)take_number(at);
    high->frame = take_number(at);
    high->index = (uint32_t)take_number(at);
    return flags;
}

void state_entry_positions(const struct state_entry *e, struct state_position *low,
                           struct state_position *high)
{
    const uint8_t *at = e->data;
    (void)take_range(&at);
    (void)take_positions(e, &at, low, high);
}

void state_entry_size(const struct state_entry *e, int64_t *rows, uint64_t *file_bytes)
{
    struct state_position low;
    struct state_position high;
    const uint8_t *at = e->data;
    (void)take_range(&at);
    (void)take_positions(e, &at, &low, &high);
    *rows = (int64_t)take_number(&at);
    *file_bytes = take_number(&at);
}

int state_entry_order(const struct state_entry *a, const struct state_entry *b)
{
    struct state_position low_a;
    struct state_position low_b;
    struct state_position high_a;
    struct state_position high_b;
    state_entry_positions(a, &low_a, &high_a);
    state_entry_positions(b, &low_b, &high_b);
    int order = state_position_compare(low_a, low_b);
    order = order ? order : state_position_compare(high_a, high_b);
    return order ? order : state_id_compare(state_entry_id(a), state_entry_id(b));
}

static void take_numbers(const uint8_t **at, unsigned flags, struct state_file *f)
{
    struct datafile_info *i = &f->info;
    i->rows = (int64_t)take_number(at);
    i->file_bytes = take_number(at);
    f->purged_through = f->id.at;
    if (flags & HAS_KINDS) {
        f->deletes = take_number(at);
        f->resets = take_number(at);
        f->stack = (uint32_t)take_number(at);
        f->log_offset = take_number(at);
    }
    if (flags & HAS_MARK) {
        f->purged_through.frame = take_number(at);
        f->purged_through.index = (uint32_t)take_number(at);
    }
    f->time_us = (int64_t)take_number(at);
    f->schema_version = (uint32_t)take_number(at);
    i->top_offset = move(i->file_bytes, take_number(at));
    i->top_bytes = (uint32_t)take_number(at);
    i->index_offset = move(i->file_bytes, take_number(at));
    i->footer_offset = move(i->file_bytes, take_number(at));
    i->footer_bytes = (uint32_t)take_number(at);
    i->crc32c = num_load_u32le(*at);
    *at += 4;
}

bool state_entry_is_embedded(const struct state_entry *e)
{
    struct state_file f = {.refs = 0};
    const uint8_t *at = e->data;
    (void)take_range(&at);
    unsigned flags = take_positions(e, &at, &f.low, &f.high);
    if (!(flags & HAS_KINDS))
        return false;
    take_numbers(&at, flags, &f);
    return f.log_offset > 0;
}

static slp_rc take_name(const uint8_t **at, bool has_numbers, struct arena *arena,
                        struct slice *out, struct slp_err *err)
{
    if (!has_numbers) {
        *out = take_bytes(at);
        return SLP_OK;
    }
    struct numbered n;
    n.base = take_number(at);
    memcpy(n.id.bytes, *at, sizeof n.id.bytes);
    *at += sizeof n.id.bytes;
    n.suffix = take_bytes(at);
    return print_name(&n, arena, out, err);
}

slp_rc state_entry_view(const struct state_entry *e, struct arena *arena, struct state_file *out,
                        struct slp_err *err)
{
    struct state_file f = {.id = state_entry_id(e), .refs = e->refs};
    const uint8_t *at = e->data;
    struct key_range range = take_range(&at);
    unsigned flags = take_positions(e, &at, &f.low, &f.high);
    f.info.first_key = range.lo;
    f.last_end = range.hi;
    f.info.last_key = slice_first(range.hi, range.hi.len - 1);
    take_numbers(&at, flags, &f);
    TRY(take_name(&at, flags & HAS_NUMBERS, arena, &f.name, err));
    f.extra = take_bytes(&at);
    *out = f;
    return SLP_OK;
}

/* ------------------------------------------------------------------ weight */

size_t state_entry_weight(const struct state_entry *e)
{
    struct state_file f = {.refs = 0};
    const uint8_t *at = e->data;
    struct key_range range = take_range(&at);
    unsigned flags = take_positions(e, &at, &f.low, &f.high);
    size_t name = 0;
    take_numbers(&at, flags, &f);
    if (flags & HAS_NUMBERS) {
        (void)take_number(&at);
        at += sizeof(struct hash128);
        name = SUFFIX_AT + sizeof NAME_TAIL - 1;
    }
    name += take_bytes(&at).len;
    return range.lo.len + range.hi.len - 1 + name + take_bytes(&at).len;
}
