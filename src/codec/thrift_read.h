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

struct cx_thrift {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    const char *wrong; /* NULL while all is well; a text for a message */
    bool is_short;     /* `wrong` because the bytes end */
};

void cx_thrift_init(struct cx_thrift *t, struct slice in);

/* Bytes read so far: where `wrong` happened. */
static inline size_t cx_thrift_offset(const struct cx_thrift *t)
{
    return (size_t)(t->at - t->start);
}

/* Note that the bytes are not what the caller's format allows; the first note stays. */
void cx_thrift_fail(struct cx_thrift *t, const char *wrong);

/* The next field of a struct; `*id` is 0 before the first one and kept between calls. false at the
 * end of the struct and after a failure. */
bool cx_thrift_field(struct cx_thrift *t, int32_t *id, enum cx_thrift_type *type);

/* The value of a field just met, of any integer type; another type is skipped and gives 0. */
int64_t cx_thrift_int(struct cx_thrift *t, enum cx_thrift_type type);
bool cx_thrift_bool(struct cx_thrift *t, enum cx_thrift_type type);

/* Bytes inside the input; .ptr is not NULL unless the type was another. */
struct slice cx_thrift_binary(struct cx_thrift *t, enum cx_thrift_type type);

/* The head of a list or set; the elements follow, `*count` of them. A list of other elements than
 * `element` is skipped and counts 0 (TRUE stands for both booleans). */
size_t cx_thrift_list(struct cx_thrift *t, enum cx_thrift_type type, enum cx_thrift_type element);

/* true if the field is a struct, whose fields follow; anything else is skipped. */
bool cx_thrift_struct(struct cx_thrift *t, enum cx_thrift_type type);

/* Skip the value of a field. Cost: no recursion. */
void cx_thrift_skip(struct cx_thrift *t, enum cx_thrift_type type);

#endif
