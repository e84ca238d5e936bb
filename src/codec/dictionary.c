#include "codec/dictionary.h"

#include <assert.h>

#include "base/hash.h"
#include "base/num.h"

/* At most a quarter full: where values come at random, looking a second time is what costs. */
#define SLOTS_FIRST   1024u
#define SLOTS_EACH    4u
#define SLOTS_MAX     (SLOTS_EACH * CX_DICTIONARY_MAX_COUNT)
#define WORD_BYTES    8u
#define SHORT_BYTES   (2 * WORD_BYTES) /* values whose two words are all of them */
#define MIDDLE_BYTES  (4 * WORD_BYTES) /* values whose four words are all of them */
#define NO_INDEX      UINT32_MAX
#define LENGTH_PREFIX 4u

/* What is compared of a value before its other bytes: of a short one all there is. */
struct key {
    uint64_t first; /* 8 bytes, zero beyond the value's end */
    uint64_t last;  /* the last 8 of one beyond 8 bytes; beyond SHORT_BYTES a hash */
};

/* What is known of a value besides its first word. */
struct entry {
    uint64_t last;
    uint32_t len;
    uint32_t offset; /* of the value's bytes in `values` */
};

struct cx_dictionary {
    struct alloc *mem;
    uint32_t slot_count; /* a power of two */
    unsigned shift;      /* 64 less the bits of slot_count */
    uint32_t count;
    uint32_t bytes;
    uint16_t slots[SLOTS_MAX];
    uint64_t firsts[CX_DICTIONARY_MAX_COUNT]; /* apart: of numbers nothing else is looked at */
    struct entry entries[CX_DICTIONARY_MAX_COUNT];
    uint8_t values[CX_DICTIONARY_MAX_BYTES];
};

static_assert(CX_DICTIONARY_MAX_COUNT < UINT16_MAX, "a slot holds an index and one more");

slp_rc cx_dictionary_new(struct alloc *mem, struct cx_dictionary **out, struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_room(mem, sizeof(struct cx_dictionary), &room, err)); /* most of it is for few */
    struct cx_dictionary *d = room;
    d->mem = mem;
    cx_dictionary_clear(d);
    *out = d;
    return SLP_OK;
}

void cx_dictionary_free(struct cx_dictionary *d)
{
    if (d)
        alloc_delete(d->mem, d);
}

static void set_slots(struct cx_dictionary *d, uint32_t slot_count)
{
    d->slot_count = slot_count;
    d->shift = 64u - (unsigned)__builtin_ctz(slot_count);
    memset(d->slots, 0, slot_count * sizeof *d->slots);
}

void cx_dictionary_clear(struct cx_dictionary *d)
{
    set_slots(d, SLOTS_FIRST);
    d->count = 0;
    d->bytes = 0;
}

uint32_t cx_dictionary_count(const struct cx_dictionary *d)
{
    return d->count;
}

struct slice cx_dictionary_values(const struct cx_dictionary *d)
{
    return slice_of(d->values, d->bytes);
}

/* Both halves of a product of 128 bits: each bit of `a` and `b` reaches the high bits. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd constants of many bits; the high bits choose the slot. */
static inline uint32_t slot_of(const struct cx_dictionary *d, struct key key, uint32_t len)
{
    uint64_t mixed = fold(key.first ^ 0x9e3779b97f4a7c15u, (key.last + len) ^ 0xd6e8feb86659fd93u);
    return (uint32_t)(mixed >> d->shift);
}

static void grow(struct cx_dictionary *d)
{
    set_slots(d, d->slot_count * 2);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct key key = {d->firsts[i], d->entries[i].last};
        uint32_t at = slot_of(d, key, d->entries[i].len);
        while (d->slots[at])
            at = (at + 1) & (d->slot_count - 1);
        d->slots[at] = (uint16_t)(i + 1);
    }
}

/* A new value for the empty slot `at`; its index, or NO_INDEX when it does not fit. `prefix_bytes`
 * is LENGTH_PREFIX or 0. */
static uint32_t add_value(struct cx_dictionary *d, uint32_t at, struct key key, struct slice value,
                          uint32_t prefix_bytes)
{
    size_t left = sizeof d->values - d->bytes;
    if (d->count == CX_DICTIONARY_MAX_COUNT || value.len > left || prefix_bytes > left - value.len)
        return NO_INDEX;
    uint8_t *to = d->values + d->bytes;
    uint32_t len = (uint32_t)value.len;
    if (prefix_bytes)
        num_store_u32le(to, len);
    memcpy(to + prefix_bytes, value.ptr, value.len);
    uint32_t index = d->count++;
    d->firsts[index] = key.first;
    d->entries[index] =
        (struct entry){.last = key.last, .len = len, .offset = d->bytes + prefix_bytes};
    d->bytes += prefix_bytes + len;
    d->slots[at] = (uint16_t)(index + 1);
    if (d->count * SLOTS_EACH > d->slot_count && d->slot_count < SLOTS_MAX)
        grow(d);
    return index;
}

/* Values of one length and one key, beyond SHORT_BYTES: the bytes that the key does not show. */
static inline bool is_same_rest(const uint8_t *a, const uint8_t *b, size_t len)
{
    size_t last = len - WORD_BYTES;
    if (num_load_u64le(a + last) != num_load_u64le(b + last))
        return false;
    for (size_t i = WORD_BYTES; i < last; i += WORD_BYTES)
        if (num_load_u64le(a + i) != num_load_u64le(b + i))
            return false;
    return true;
}

static inline uint32_t find_or_add(struct cx_dictionary *d, struct key key, struct slice value,
                                   uint32_t prefix_bytes)
{
    uint32_t at = slot_of(d, key, (uint32_t)value.len);
    while (d->slots[at]) {
        uint32_t index = d->slots[at] - 1u;
        const struct entry *e = &d->entries[index];
        if (d->firsts[index] == key.first && e->last == key.last && e->len == value.len &&
            (value.len <= SHORT_BYTES || is_same_rest(d->values + e->offset, value.ptr, value.len)))
            return index;
        at = (at + 1) & (d->slot_count - 1);
    }
    return add_value(d, at, key, value, prefix_bytes);
}

/* The same of numbers: all values have one length, and the first word is the value. */
static inline uint32_t find_or_add_number(struct cx_dictionary *d, uint64_t number,
                                          struct slice value)
{
    const struct key key = {number, 0};
    uint32_t at = slot_of(d, key, (uint32_t)value.len);
    while (d->slots[at]) {
        uint32_t index = d->slots[at] - 1u;
        if (d->firsts[index] == number)
            return index;
        at = (at + 1) & (d->slot_count - 1);
    }
    return add_value(d, at, key, value, 0);
}

/* Reads CX_DICTIONARY_OVERREAD bytes. */
static inline struct key key_of(struct slice value)
{
    struct key key = {num_load_u64le(value.ptr), 0};
    if (value.len <= WORD_BYTES) {
        key.first = value.len ? key.first & (UINT64_MAX >> (64 - 8 * value.len)) : 0;
        return key;
    }
    const uint8_t *end = value.ptr + value.len;
    key.last = num_load_u64le(end - WORD_BYTES);
    if (value.len > MIDDLE_BYTES)
        key.last = hash_xxh64(value, 0);
    else if (value.len > SHORT_BYTES)
        key.last = fold(num_load_u64le(value.ptr + WORD_BYTES) ^ 0xe7037ed1a0b428dbu,
                        num_load_u64le(end - SHORT_BYTES) ^ 0x8ebc6af09c88c6e3u) ^
                   key.last * 0x589965cc75374cc3u;
    return key;
}

static size_t add_u32(struct cx_dictionary *d, const uint8_t *data, size_t count, uint32_t *indices)
{
    for (size_t i = 0; i < count; i++, data += 4) {
        uint32_t index = find_or_add_number(d, num_load_u32le(data), slice_of(data, 4));
        if (index == NO_INDEX)
            return i;
        indices[i] = index;
    }
    return count;
}

static size_t add_u64(struct cx_dictionary *d, const uint8_t *data, size_t count, uint32_t *indices)
{
    for (size_t i = 0; i < count; i++, data += 8) {
        uint32_t index = find_or_add_number(d, num_load_u64le(data), slice_of(data, 8));
        if (index == NO_INDEX)
            return i;
        indices[i] = index;
    }
    return count;
}

size_t cx_dictionary_add_fixed(struct cx_dictionary *d, const uint8_t *data, size_t width,
                               size_t count, uint32_t *indices)
{
    if (width == 4)
        return add_u32(d, data, count, indices);
    if (width == 8)
        return add_u64(d, data, count, indices);
    for (size_t i = 0; i < count; i++, data += width) {
        struct slice value = slice_of(data, width);
        uint32_t index = find_or_add(d, key_of(value), value, 0);
        if (index == NO_INDEX)
            return i;
        indices[i] = index;
    }
    return count;
}

/* Looking up takes a few cycles and no branch that data decides, so a value that repeats the one
 * before is not looked at by itself: where values change at random that would cost more. */
size_t cx_dictionary_add_variable(struct cx_dictionary *d, const uint8_t *data,
                                  const int32_t *offsets, size_t count, uint32_t *indices)
{
    for (size_t i = 0; i < count; i++) {
        struct slice value =
            slice_of(data + offsets[i], (size_t)offsets[i + 1] - (size_t)offsets[i]);
        uint32_t index = find_or_add(d, key_of(value), value, LENGTH_PREFIX);
        if (index == NO_INDEX)
            return i;
        indices[i] = index;
    }
    return count;
}
