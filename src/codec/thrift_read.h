/*
 * Reading Thrift's compact protocol, as much of it as Parquet uses.
 *
 *   field header   high nibble: id minus the last id, 1 to 15; low nibble: type; 0 in the high
 *                  nibble: the id follows as a zigzag varint; byte 0: the struct ends
 *   BOOL           the type is the value inside structs; one byte in lists
 *   I8             one byte;   I16, I32, I64: zigzag varint;   DOUBLE: 8 bytes, little-endian
 *   BINARY         varint length, bytes
 *   LIST, SET      high nibble count (15: a varint follows), low nibble element type
 *   MAP            varint count; if not 0, a byte with both types
 *
 * The cursor remembers the first thing that is wrong, and reads nothing from there on: every call
 * then gives zero, so that parsers stay straight and ask once, at the end. What ends too early is
 * told apart, because more bytes may help.
 *
 *     struct cx_thrift t;
 *     cx_thrift_init(&t, bytes);
 *     int32_t id = 0;
 *     enum cx_thrift_type type;
 *     while (cx_thrift_field(&t, &id, &type))
 *         if (id == 3)
 *             rows = cx_thrift_int(&t, type);
 *         else
 *             cx_thrift_skip(&t, type);
 *     if (t.wrong) ...
 *
 * A known field of an unexpected type is skipped and reads as zero. Counts of lists are at most the
 * bytes that are left, so what is allocated for them is bounded by the input.
 *
 * Footers have tens of thousands of fields, so what is common is inline here and touches nothing
 * but the cursor. What is rare lies in thrift_read.c and takes and gives positions by value: a
 * parser that works on a copy of the cursor, and puts it back at the end, has it in registers.
 */
#ifndef SLP_CODEC_THRIFT_READ_H
#define SLP_CODEC_THRIFT_READ_H

#include "base/slice.h"

enum cx_thrift_type {
    CX_THRIFT_STOP = 0,
    CX_THRIFT_TRUE = 1,
    CX_THRIFT_FALSE = 2,
    CX_THRIFT_I8 = 3,
    CX_THRIFT_I16 = 4,
    CX_THRIFT_I32 = 5,
    CX_THRIFT_I64 = 6,
    CX_THRIFT_DOUBLE = 7,
    CX_THRIFT_BINARY = 8,
    CX_THRIFT_LIST = 9,
    CX_THRIFT_SET = 10,
    CX_THRIFT_MAP = 11,
    CX_THRIFT_STRUCT = 12,
    CX_THRIFT_UUID = 13
};

/* Structs, lists and maps inside one another that a skipped field may have. */
#define CX_THRIFT_DEPTH_MAX 32

#define CX_THRIFT_VARINT_MAX_BYTES 10

struct cx_thrift {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end; /* `at`, once something is wrong */
    const char *wrong;  /* NULL while all is well; a text for a message */
    bool is_short;      /* `wrong` because the bytes end */
};

void cx_thrift_init(struct cx_thrift *t, struct slice in);

/* Bytes read so far: where `wrong` happened. */
static inline size_t cx_thrift_offset(const struct cx_thrift *t)
{
    return (size_t)(t->at - t->start);
}

/* Note that the bytes are not what the caller's format allows; the first note stays. */
static inline void cx_thrift_fail(struct cx_thrift *t, const char *wrong)
{
    if (!t->wrong)
        t->wrong = wrong;
    t->end = t->at;
}

/* ---- For the functions below ---- */

/* What is said of bytes that end too early: `wrong` is this very text then. */
extern const char cx_thrift_short[];

/* Where something ended, or where it went wrong. */
struct cx_thrift_stop {
    const uint8_t *at;
    const char *wrong;
};

struct cx_thrift_varint {
    uint64_t value;
    const uint8_t *at; /* NULL: the bytes end, or it is longer than 10 */
};

struct cx_thrift_varint cx_thrift_long_varint(const uint8_t *at, const uint8_t *end);
struct cx_thrift_stop cx_thrift_skip_from(const uint8_t *at, const uint8_t *end,
                                          enum cx_thrift_type type);
struct cx_thrift_stop cx_thrift_skip_elements(const uint8_t *at, const uint8_t *end,
                                              enum cx_thrift_type element, uint64_t count);

static inline __attribute__((always_inline)) void cx_thrift_fail_short(struct cx_thrift *t)
{
    t->is_short = t->is_short || !t->wrong;
    cx_thrift_fail(t, cx_thrift_short);
}

static inline __attribute__((always_inline)) void cx_thrift_go(struct cx_thrift *t,
                                                               struct cx_thrift_stop to)
{
    t->at = to.at;
    if (!to.wrong)
        return;
    if (to.wrong == cx_thrift_short)
        cx_thrift_fail_short(t);
    else
        cx_thrift_fail(t, to.wrong);
}

static inline __attribute__((always_inline)) uint8_t cx_thrift_byte(struct cx_thrift *t)
{
    if (t->at == t->end) {
        cx_thrift_fail_short(t);
        return 0;
    }
    return *t->at++;
}

static inline __attribute__((always_inline)) uint64_t cx_thrift_varint(struct cx_thrift *t)
{
    if (t->at != t->end && *t->at < 0x80)
        return *t->at++;
    struct cx_thrift_varint v = cx_thrift_long_varint(t->at, t->end);
    if (v.at) {
        t->at = v.at;
        return v.value;
    }
    if (t->end - t->at >= CX_THRIFT_VARINT_MAX_BYTES) {
        t->at += CX_THRIFT_VARINT_MAX_BYTES;
        cx_thrift_fail(t, "a varint is longer than 10 bytes");
    } else {
        t->at = t->end;
        cx_thrift_fail_short(t);
    }
    return 0;
}

static inline __attribute__((always_inline)) int64_t cx_thrift_zigzag(struct cx_thrift *t)
{
    uint64_t v = cx_thrift_varint(t);
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

/* ---- What parsers call ---- */

/* Skip the value of a field. Cost: no recursion. */
static inline __attribute__((always_inline)) void cx_thrift_skip(struct cx_thrift *t,
                                                                 enum cx_thrift_type type)
{
    if (type >= CX_THRIFT_I16 && type <= CX_THRIFT_I64)
        (void)cx_thrift_varint(t);
    else if (type != CX_THRIFT_TRUE && type != CX_THRIFT_FALSE)
        cx_thrift_go(t, cx_thrift_skip_from(t->at, t->end, type));
}

/* The next field of a struct; `*id` is 0 before the first one and kept between calls. false at the
 * end of the struct and after a failure. */
static inline __attribute__((always_inline)) bool cx_thrift_field(struct cx_thrift *t, int32_t *id,
                                                                  enum cx_thrift_type *type)
{
    uint8_t head = cx_thrift_byte(t);
    if (head == 0)
        return false;
    int64_t next = head >> 4 ? *id + (head >> 4) : cx_thrift_zigzag(t);
    if ((head & 15) == 0 || (head & 15) > CX_THRIFT_UUID)
        cx_thrift_fail(t, "a field has an unknown type");
    if (next < INT16_MIN || next > INT16_MAX)
        cx_thrift_fail(t, "a field id is out of range");
    *id = (int32_t)next;
    *type = (enum cx_thrift_type)(head & 15);
    return !t->wrong;
}

/* The value of a field just met, of any integer type; another type is skipped and gives 0. */
static inline __attribute__((always_inline)) int64_t cx_thrift_int(struct cx_thrift *t,
                                                                   enum cx_thrift_type type)
{
    if (type >= CX_THRIFT_I16 && type <= CX_THRIFT_I64)
        return cx_thrift_zigzag(t);
    if (type == CX_THRIFT_I8)
        return (int8_t)cx_thrift_byte(t);
    cx_thrift_skip(t, type);
    return 0;
}

static inline __attribute__((always_inline)) bool cx_thrift_bool(struct cx_thrift *t,
                                                                 enum cx_thrift_type type)
{
    cx_thrift_skip(t, type);
    return !t->wrong && type == CX_THRIFT_TRUE;
}

/* Bytes inside the input; .ptr is not NULL unless the type was another. */
static inline __attribute__((always_inline)) struct slice cx_thrift_binary(struct cx_thrift *t,
                                                                           enum cx_thrift_type type)
{
    if (type != CX_THRIFT_BINARY) {
        cx_thrift_skip(t, type);
        return slice_of(NULL, 0);
    }
    uint64_t len = cx_thrift_varint(t);
    const uint8_t *ptr = t->at;
    if (len > (size_t)(t->end - ptr))
        cx_thrift_fail_short(t);
    if (t->wrong)
        return slice_of(NULL, 0);
    t->at = ptr + len;
    return slice_of(ptr, (size_t)len);
}

/* The head of a list or set; the elements follow, `*count` of them. A list of other elements than
 * `element` is skipped and counts 0 (TRUE stands for both booleans). */
static inline __attribute__((always_inline)) size_t cx_thrift_list(struct cx_thrift *t,
                                                                   enum cx_thrift_type type,
                                                                   enum cx_thrift_type element)
{
    if (type != CX_THRIFT_LIST && type != CX_THRIFT_SET) {
        cx_thrift_skip(t, type);
        return 0;
    }
    uint8_t head = cx_thrift_byte(t);
    uint64_t count = head >> 4 == 15 ? cx_thrift_varint(t) : head >> 4;
    enum cx_thrift_type is = (enum cx_thrift_type)(head & 15);
    is = is == CX_THRIFT_FALSE ? CX_THRIFT_TRUE : is;
    if (count > (size_t)(t->end - t->at)) /* an element takes a byte at least */
        cx_thrift_fail_short(t);
    if (t->wrong)
        return 0;
    if (is == element)
        return (size_t)count;
    cx_thrift_go(t, cx_thrift_skip_elements(t->at, t->end, is, count));
    return 0;
}

/* true if the field is a struct, whose fields follow; anything else is skipped. */
static inline __attribute__((always_inline)) bool cx_thrift_struct(struct cx_thrift *t,
                                                                   enum cx_thrift_type type)
{
    if (type == CX_THRIFT_STRUCT)
        return !t->wrong;
    cx_thrift_skip(t, type);
    return false;
}

#endif
