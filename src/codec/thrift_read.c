#include "codec/thrift_read.h"

const char cx_thrift_short[] = "it ends too early";

void cx_thrift_init(struct cx_thrift *t, struct slice in)
{
    static const uint8_t nothing[1];
    const uint8_t *ptr = in.ptr ? in.ptr : nothing;
    *t = (struct cx_thrift){.start = ptr, .at = ptr, .end = ptr + in.len};
}

struct cx_thrift_varint cx_thrift_long_varint(const uint8_t *at, const uint8_t *end)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 7 * CX_THRIFT_VARINT_MAX_BYTES && at != end; shift += 7) {
        uint8_t byte = *at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return (struct cx_thrift_varint){v, at};
    }
    return (struct cx_thrift_varint){0, NULL};
}

/*
 * What is being skipped: a struct up to its stop, or so many elements of one or two types. It has
 * the size of two registers, because it is passed for every list and struct.
 */
struct parts {
    uint64_t left;
    uint64_t types; /* 0: a struct; else that of the next element, and of the one behind it << 8 */
};

#define TYPE_BITS 8

static inline void skip_bytes(struct cx_thrift *t, uint64_t n)
{
    if (n > (size_t)(t->end - t->at))
        cx_thrift_fail_short(t);
    else
        t->at += n;
}

static inline struct parts begin_list(struct cx_thrift *t)
{
    uint8_t head = cx_thrift_byte(t);
    uint64_t count = head >> 4 == 15 ? cx_thrift_varint(t) : head >> 4;
    uint64_t type = head & 15;
    if (count && type == CX_THRIFT_STOP)
        cx_thrift_fail(t, "a list has an unknown element type");
    return (struct parts){count, type | type << TYPE_BITS};
}

static inline struct parts begin_map(struct cx_thrift *t)
{
    uint64_t count = cx_thrift_varint(t);
    uint8_t types = count ? cx_thrift_byte(t) : 0;
    if (count > (size_t)(t->end - t->at))
        cx_thrift_fail_short(t);
    if (count && ((types & 15) == 0 || types >> 4 == 0))
        cx_thrift_fail(t, "a map has an unknown element type");
    return (struct parts){t->wrong ? 0 : 2 * count, (uint64_t)(types >> 4) | (uint64_t)(types & 15)
                                                                                 << TYPE_BITS};
}

/* Skip a value without parts. false: it has some, or its type is none. */
static inline bool skip_leaf(struct cx_thrift *t, enum cx_thrift_type type, bool in_list)
{
    switch (type) {
    case CX_THRIFT_TRUE:
    case CX_THRIFT_FALSE:
        skip_bytes(t, in_list ? 1 : 0);
        return true;
    case CX_THRIFT_I8:
        skip_bytes(t, 1);
        return true;
    case CX_THRIFT_I16:
    case CX_THRIFT_I32:
    case CX_THRIFT_I64:
        (void)cx_thrift_varint(t);
        return true;
    case CX_THRIFT_DOUBLE:
        skip_bytes(t, 8);
        return true;
    case CX_THRIFT_BINARY:
        skip_bytes(t, cx_thrift_varint(t));
        return true;
    case CX_THRIFT_UUID:
        skip_bytes(t, 16);
        return true;
    default:
        return false;
    }
}

/* What has parts: how many, and of which types. */
static inline struct parts begin_parts(struct cx_thrift *t, enum cx_thrift_type type)
{
    if (type == CX_THRIFT_STRUCT)
        return (struct parts){0, 0};
    if (type == CX_THRIFT_LIST || type == CX_THRIFT_SET)
        return begin_list(t);
    if (type == CX_THRIFT_MAP)
        return begin_map(t);
    cx_thrift_fail(t, "a value has an unknown type");
    return (struct parts){0, 0};
}

/* Skip parts up to one that has parts itself, whose type is returned; STOP: there are no more. Ids
 * do not matter here. */
static inline enum cx_thrift_type skip_fields(struct cx_thrift *t)
{
    for (;;) {
        uint8_t head = cx_thrift_byte(t);
        enum cx_thrift_type type = (enum cx_thrift_type)(head & 15);
        if (head && head < 16)
            (void)cx_thrift_varint(t);
        if (head && type == CX_THRIFT_STOP)
            cx_thrift_fail(t, "a field has an unknown type");
        if (head == 0 || t->wrong || !skip_leaf(t, type, false))
            return t->wrong ? CX_THRIFT_STOP : type;
    }
}

static inline enum cx_thrift_type skip_elements(struct cx_thrift *t, struct parts *p)
{
    while (p->left && !t->wrong) {
        enum cx_thrift_type type = (enum cx_thrift_type)(p->types & 255);
        p->left--;
        p->types = p->types >> TYPE_BITS | (uint64_t)type << TYPE_BITS;
        if (!skip_leaf(t, type, true))
            return type;
    }
    return CX_THRIFT_STOP;
}

static struct cx_thrift_stop skip_parts(const uint8_t *at, const uint8_t *end, struct parts now)
{
    struct cx_thrift t = {.start = at, .at = at, .end = end};
    struct parts outer[CX_THRIFT_DEPTH_MAX];
    size_t depth = 0;
    for (;;) {
        enum cx_thrift_type part = now.types == 0 ? skip_fields(&t) : skip_elements(&t, &now);
        if (t.wrong || (part == CX_THRIFT_STOP && depth == 0))
            return (struct cx_thrift_stop){t.at, t.wrong};
        if (part == CX_THRIFT_STOP) {
            now = outer[--depth];
            continue;
        }
        if (depth == CX_THRIFT_DEPTH_MAX - 1)
            return (struct cx_thrift_stop){t.at, "structs are nested too deeply"};
        outer[depth++] = now;
        now = begin_parts(&t, part);
        if (part != CX_THRIFT_STRUCT && now.left == 0)
            now = outer[--depth];
    }
}

struct cx_thrift_stop cx_thrift_skip_from(const uint8_t *at, const uint8_t *end,
                                          enum cx_thrift_type type)
{
    struct cx_thrift t = {.start = at, .at = at, .end = end};
    if (skip_leaf(&t, type, false))
        return (struct cx_thrift_stop){t.at, t.wrong};
    struct parts parts = begin_parts(&t, type);
    /* An empty map names no types, which would be a struct. */
    bool is_empty = type != CX_THRIFT_STRUCT && parts.left == 0;
    if (t.wrong || is_empty)
        return (struct cx_thrift_stop){t.at, t.wrong};
    return skip_parts(t.at, end, parts);
}

struct cx_thrift_stop cx_thrift_skip_elements(const uint8_t *at, const uint8_t *end,
                                              enum cx_thrift_type element, uint64_t count)
{
    uint64_t type = element;
    if (count && (type == CX_THRIFT_STOP || type > CX_THRIFT_UUID))
        return (struct cx_thrift_stop){at, "a list has an unknown element type"};
    if (count == 0)
        return (struct cx_thrift_stop){at, NULL};
    return skip_parts(at, end, (struct parts){count, type | type << TYPE_BITS});
}
