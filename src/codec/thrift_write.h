/*
 * Writing Thrift's compact protocol, as far as Parquet's metadata needs it.
 *
 * The first error sticks: later calls do nothing, and cx_put_finish says what happened. So code
 * that writes a struct reads like the struct:
 *
 *     cx_put_init(&w, out, err);
 *     cx_put_i32(&w, 1, 0);             field 1
 *     cx_put_struct(&w, 5);             field 5, a struct
 *     cx_put_i32(&w, 1, rows);
 *     cx_put_end(&w);
 *     return cx_put_finish(&w);         the stop byte of the outermost struct
 *
 * A field is one byte (distance from the previous id << 4 | type), or the type and a zigzag varint
 * when ids do not ascend by 1 to 15; integers are zigzag varints; binaries have their length before
 * them; a list is count << 4 | type, or 0xf0 | type and a varint from 15 elements on.
 */
#ifndef SLP_CODEC_THRIFT_WRITE_H
#define SLP_CODEC_THRIFT_WRITE_H

#include "base/buf.h"

/* Structs inside structs; Parquet's metadata needs 6. */
#define CX_PUT_DEPTH 12

enum cx_wire {
    CX_WIRE_TRUE = 1,
    CX_WIRE_FALSE = 2,
    CX_WIRE_I8 = 3,
    CX_WIRE_I16 = 4,
    CX_WIRE_I32 = 5,
    CX_WIRE_I64 = 6,
    CX_WIRE_BINARY = 8,
    CX_WIRE_LIST = 9,
    CX_WIRE_STRUCT = 12
};

struct cx_put {
    struct buf *out;
    struct slp_err *err;
    slp_rc rc;
    size_t depth;
    int16_t last_id[CX_PUT_DEPTH]; /* of the struct at each depth */
};

void cx_put_init(struct cx_put *w, struct buf *out, struct slp_err *err);

/* Fields. Ids are positive. */
void cx_put_bool(struct cx_put *w, int16_t id, bool v);
void cx_put_i8(struct cx_put *w, int16_t id, int8_t v);
void cx_put_i16(struct cx_put *w, int16_t id, int16_t v);
void cx_put_i32(struct cx_put *w, int16_t id, int32_t v);
void cx_put_i64(struct cx_put *w, int16_t id, int64_t v);
void cx_put_binary(struct cx_put *w, int16_t id, struct slice v);

/* Open a struct field; cx_put_end closes it. */
void cx_put_struct(struct cx_put *w, int16_t id);
void cx_put_end(struct cx_put *w);

/* A list field of `count` elements, which follow. */
void cx_put_list(struct cx_put *w, int16_t id, enum cx_wire element, size_t count);
void cx_put_element_bool(struct cx_put *w, bool v); /* of a list of CX_WIRE_TRUE */
void cx_put_element_i32(struct cx_put *w, int32_t v);
void cx_put_element_i64(struct cx_put *w, int64_t v);
void cx_put_element_binary(struct cx_put *w, struct slice v);
void cx_put_element_struct(struct cx_put *w); /* cx_put_end closes it */

/* Close the outermost struct. Errors: LIMIT, NO_MEMORY of any call since cx_put_init; `out` then
 * holds a part. */
SLP_NODISCARD slp_rc cx_put_finish(struct cx_put *w);

#endif
