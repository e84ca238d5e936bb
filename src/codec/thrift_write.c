#include "codec/thrift_write.h"

#define LIST_SHORT_MAX 14u

void cx_put_init(struct cx_put *w, struct buf *out, struct slp_err *err)
{
    *w = (struct cx_put){.out = out, .err = err, .rc = SLP_OK};
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static void byte(struct cx_put *w, uint8_t v)
{
    if (w->rc == SLP_OK)
        w->rc = buf_append_u8(w->out, v, w->err);
}

static void varint(struct cx_put *w, uint64_t v)
{
    if (w->rc == SLP_OK)
        w->rc = buf_append_varint(w->out, v, w->err);
}

static void field(struct cx_put *w, int16_t id, enum cx_wire type)
{
    int distance = id - w->last_id[w->depth];
    if (distance > 0 && distance < 16) {
        byte(w, (uint8_t)((unsigned)distance << 4 | (unsigned)type));
    } else {
        byte(w, (uint8_t)type);
        varint(w, zigzag(id));
    }
    w->last_id[w->depth] = id;
}

void cx_put_bool(struct cx_put *w, int16_t id, bool v)
{
    field(w, id, v ? CX_WIRE_TRUE : CX_WIRE_FALSE);
}

void cx_put_i8(struct cx_put *w, int16_t id, int8_t v)
{
    field(w, id, CX_WIRE_I8);
    byte(w, (uint8_t)v);
}

void cx_put_i16(struct cx_put *w, int16_t id, int16_t v)
{
    field(w, id, CX_WIRE_I16);
    varint(w, zigzag(v));
}

void cx_put_i32(struct cx_put *w, int16_t id, int32_t v)
{
    field(w, id, CX_WIRE_I32);
    varint(w, zigzag(v));
}

void cx_put_i64(struct cx_put *w, int16_t id, int64_t v)
{
    field(w, id, CX_WIRE_I64);
    varint(w, zigzag(v));
}

void cx_put_binary(struct cx_put *w, int16_t id, struct slice v)
{
    field(w, id, CX_WIRE_BINARY);
    cx_put_element_binary(w, v);
}

void cx_put_struct(struct cx_put *w, int16_t id)
{
    field(w, id, CX_WIRE_STRUCT);
    cx_put_element_struct(w);
}

void cx_put_end(struct cx_put *w)
{
    assert(w->depth > 0);
    byte(w, 0);
    w->depth--;
}

void cx_put_list(struct cx_put *w, int16_t id, enum cx_wire element, size_t count)
{
    field(w, id, CX_WIRE_LIST);
    if (count <= LIST_SHORT_MAX) {
        byte(w, (uint8_t)((unsigned)count << 4 | (unsigned)element));
    } else {
        byte(w, (uint8_t)(0xf0u | (unsigned)element));
        varint(w, count);
    }
}

void cx_put_element_bool(struct cx_put *w, bool v)
{
    byte(w, v ? CX_WIRE_TRUE : CX_WIRE_FALSE);
}

void cx_put_element_i32(struct cx_put *w, int32_t v)
{
    varint(w, zigzag(v));
}

void cx_put_element_i64(struct cx_put *w, int64_t v)
{
    varint(w, zigzag(v));
}

void cx_put_element_binary(struct cx_put *w, struct slice v)
{
    varint(w, v.len);
    if (w->rc == SLP_OK)
        w->rc = buf_append_slice(w->out, v, w->err);
}

void cx_put_element_struct(struct cx_put *w)
{
    assert(w->depth + 1 < CX_PUT_DEPTH);
    w->last_id[++w->depth] = 0;
}

slp_rc cx_put_finish(struct cx_put *w)
{
    assert(w->depth == 0);
    byte(w, 0);
    return w->rc;
}
