#include "codec/thrift_read.h"

#define VARINT_MAX_BYTES 10

void cx_thrift_init(struct cx_thrift *t, struct slice in)
{
    static const uint8_t nothing[1];
    const uint8_t *ptr = in.ptr ? in.ptr : nothing;
    *t = (struct cx_thrift){.start = ptr, .at = ptr, .end = ptr + in.len};
}

void cx_thrift_fail(struct cx_thrift *t, const char *wrong)
{
    if (!t->wrong)
        t->wrong = wrong;
}

static size_t bytes_left(const struct cx_thrift *t)
{
    return (size_t)(t->end - t->at);
}

static void fail_short(struct cx_thrift *t)
{
    if (!t->wrong)
        t->is_short = true;
    cx_thrift_fail(t, "it ends too early");
}

static uint8_t read_byte(struct cx_thrift *t)
{
    if (t->wrong)
        return 0;
    if (t->at == t->end) {
        fail_short(t);
        return 0;
    }
    return *t->at++;
}

static uint64_t read_varint(struct cx_thrift *t)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES; i++) {
        uint8_t byte = read_byte(t);
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return t->wrong ? 0 : v;
    }
    cx_thrift_fail(t, "a varint is longer than 10 bytes");
    return 0;
}

static int64_t read_zigzag(struct cx_thrift *t)
{
    uint64_t v = read_varint(t);
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static void skip_bytes(struct cx_thrift *t, uint64_t n)
{
    if (t->wrong)
        return;
    if (n > bytes_left(t))
        fail_short(t);
    else
        t->at += n;
}

bool cx_thrift_field(struct cx_thrift *t, int32_t *id, enum cx_thrift_type *type)
{
    uint8_t head = read_byte(t);
    if (t->wrong || head == 0)
        return false;
    int64_t next = head >> 4 ? *id + (head >> 4) : read_zigzag(t);
    if ((head & 15) == 0 || (head & 15) > CX_THRIFT_UUID)
        cx_thrift_fail(t, "a field has an unknown type");
    if (next < INT16_MIN || next > INT16_MAX)
        cx_thrift_fail(t, "a field id is out of range");
    if (t->wrong)
        return false;
    *id = (int32_t)next;
    *type = (enum cx_thrift_type)(head & 15);
    return true;
}

int64_t cx_thrift_int(struct cx_thrift *t, enum cx_thrift_type type)
{
    switch (type) {
    case CX_THRIFT_I8:
        return (int8_t)read_byte(t);
    case CX_THRIFT_I16:
    case CX_THRIFT_I32:
    case CX_THRIFT_I64:
        return read_zigzag(t);
    default:
        cx_thrift_skip(t, type);
        return 0;
    }
}

bool cx_thrift_bool(struct cx_thrift *t, enum cx_thrift_type type)
{
    cx_thrift_skip(t, type);
    return !t->wrong && type == CX_THRIFT_TRUE;
}

struct slice cx_thrift_binary(struct cx_thrift *t, enum cx_thrift_type type)
{
    if (type != CX_THRIFT_BINARY) {
        cx_thrift_skip(t, type);
        return slice_of(NULL, 0);
    }
    uint64_t len = read_varint(t);
    const uint8_t *ptr = t->at;
    skip_bytes(t, len);
    return t->wrong ? slice_of(NULL, 0) : slice_of(ptr, (size_t)len);
}

static bool is_list(enum cx_thrift_type type)
{
    return type == CX_THRIFT_LIST || type == CX_THRIFT_SET;
}

/* An element takes a byte at least. */
static size_t read_count(struct cx_thrift *t, uint64_t count)
{
    if (!t->wrong && count > bytes_left(t))
        fail_short(t);
    return t->wrong ? 0 : (size_t)count;
}

static size_t read_list_head(struct cx_thrift *t, enum cx_thrift_type *element)
{
    uint8_t head = read_byte(t);
    uint64_t count = head >> 4 == 15 ? read_varint(t) : head >> 4;
    *element = (enum cx_thrift_type)(head & 15);
    if (*element == CX_THRIFT_FALSE)
        *element = CX_THRIFT_TRUE;
    if (count && (*element == CX_THRIFT_STOP || *element > CX_THRIFT_UUID))
        cx_thrift_fail(t, "a list has an unknown element type");
    return read_count(t, count);
}

/* What is being skipped: a struct up to its stop, or a number of elements of one or two types. */
struct skip_frame {
    bool is_struct;
    int32_t id;
    uint64_t left;
    enum cx_thrift_type types[2]; /* of the next element, and of the one behind it */
};

/* Skip a value without parts, or describe one with parts. false: nothing was described. */
static bool skip_value(struct cx_thrift *t, enum cx_thrift_type type, bool in_list,
                       struct skip_frame *frame)
{
    *frame = (struct skip_frame){.is_struct = type == CX_THRIFT_STRUCT};
    switch (type) {
    case CX_THRIFT_TRUE:
    case CX_THRIFT_FALSE:
        skip_bytes(t, in_list ? 1 : 0);
        return false;
    case CX_THRIFT_I8:
        skip_bytes(t, 1);
        return false;
    case CX_THRIFT_I16:
    case CX_THRIFT_I32:
    case CX_THRIFT_I64:
        (void)read_varint(t);
        return false;
    case CX_THRIFT_DOUBLE:
        skip_bytes(t, 8);
        return false;
    case CX_THRIFT_BINARY:
        skip_bytes(t, read_varint(t));
        return false;
    case CX_THRIFT_UUID:
        skip_bytes(t, 16);
        return false;
    case CX_THRIFT_STRUCT:
        return true;
    case CX_THRIFT_LIST:
    case CX_THRIFT_SET:
        frame->left = read_list_head(t, &frame->types[0]);
        frame->types[1] = frame->types[0];
        return true;
    case CX_THRIFT_MAP: {
        uint64_t count = read_count(t, read_varint(t));
        uint8_t types = count ? read_byte(t) : 0;
        frame->left = 2 * count;
        frame->types[0] = (enum cx_thrift_type)(types >> 4);
        frame->types[1] = (enum cx_thrift_type)(types & 15);
        return true;
    }
    case CX_THRIFT_STOP:
        break;
    }
    cx_thrift_fail(t, "a value has an unknown type");
    return false;
}

/* The type of the next part of a frame. false when it has no more. */
static bool next_part(struct cx_thrift *t, struct skip_frame *f, enum cx_thrift_type *type)
{
    if (f->is_struct)
        return cx_thrift_field(t, &f->id, type);
    if (f->left == 0 || t->wrong)
        return false;
    f->left--;
    *type = f->types[0];
    f->types[0] = f->types[1];
    f->types[1] = *type;
    return true;
}

static void skip_parts(struct cx_thrift *t, struct skip_frame first)
{
    struct skip_frame frames[CX_THRIFT_DEPTH_MAX];
    size_t depth = 1;
    frames[0] = first;
    while (depth && !t->wrong) {
        struct skip_frame *f = &frames[depth - 1];
        enum cx_thrift_type part = CX_THRIFT_STOP;
        if (!next_part(t, f, &part)) {
            depth--;
            continue;
        }
        struct skip_frame inner;
        if (!skip_value(t, part, !f->is_struct, &inner))
            continue;
        if (depth == CX_THRIFT_DEPTH_MAX)
            cx_thrift_fail(t, "structs are nested too deeply");
        else
            frames[depth++] = inner;
    }
}

void cx_thrift_skip(struct cx_thrift *t, enum cx_thrift_type type)
{
    struct skip_frame frame;
    if (skip_value(t, type, false, &frame))
        skip_parts(t, frame);
}

size_t cx_thrift_list(struct cx_thrift *t, enum cx_thrift_type type, enum cx_thrift_type element)
{
    if (!is_list(type)) {
        cx_thrift_skip(t, type);
        return 0;
    }
    struct skip_frame frame = {0};
    frame.left = read_list_head(t, &frame.types[0]);
    if (frame.types[0] == element)
        return (size_t)frame.left;
    frame.types[1] = frame.types[0];
    skip_parts(t, frame);
    return 0;
}

bool cx_thrift_struct(struct cx_thrift *t, enum cx_thrift_type type)
{
    if (type == CX_THRIFT_STRUCT)
        return !t->wrong;
    cx_thrift_skip(t, type);
    return false;
}
