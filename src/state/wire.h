/*
 * Lists of tagged fields: how structs become bytes and back, driven by tables.
 *
 * A `struct state_shape` describes a struct: for each field its id, its name for people, its type
 * and where it stands. One table serves writing, reading and printing, and docs/format/log.md is
 * its text. Rules of the list: odd ids ascending, then even ids ascending; an odd one that is not
 * known is UNSUPPORTED, an even one is skipped, and kept as bytes where the shape has room for it.
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_WIRE_H
#define SLP_STATE_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/show.h"

enum state_wire_type {
    STATE_WIRE_U64,
    STATE_WIRE_U32,
    STATE_WIRE_I64, /* not negative */
    STATE_WIRE_BOOL,
    STATE_WIRE_BYTES,     /* struct slice; borrowed when read */
    STATE_WIRE_TEXT,      /* the same, printed as text */
    STATE_WIRE_HASH,      /* struct hash128 */
    STATE_WIRE_ID,        /* struct state_id: three varints */
    STATE_WIRE_POSITION,  /* struct state_position: two varints */
    STATE_WIRE_SPLIT_CUT, /* struct state_split_cut: five varints */
    STATE_WIRE_RANGE_LO,  /* struct key_range: its lower bound */
    STATE_WIRE_RANGE_HI,  /* struct key_range: its upper bound and has_hi; left out without one */
    STATE_WIRE_SHAPE      /* a struct of the shape `of` */
};

struct state_shape;

struct state_wire_field {
    uint32_t id;
    enum state_wire_type type;
    const char *name;
    size_t offset; /* of the value; of the pointer to the first one when it is a list */
    bool is_list;
    size_t count_offset; /* of the list's size_t */
    const struct state_shape *of;
};

struct state_shape {
    const char *name; /* "a file" */
    size_t bytes;
    const struct state_wire_field *fields; /* in the order in which they are written */
    size_t count;
    bool keeps_extra; /* no even field is known, and unknown ones go to extra_offset, a slice */
    size_t extra_offset;
};

/* Nested deeper than any shape is: a bound on recursion. */
#define STATE_WIRE_DEPTH_MAX 4

/* Append the fields of `value`, a struct of this shape. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc state_wire_write(const struct state_shape *shape, const void *value,
                                      struct buf *out, struct slp_err *err);

/*
 * Fill `value`, zeroed, from a list of fields. `place` is the offset of the bytes in their object.
 * Errors   CORRUPT with the offset; UNSUPPORTED with field and shape; NO_MEMORY, LIMIT
 */
SLP_NODISCARD slp_rc state_wire_read(const struct state_shape *shape, struct slice bytes,
                                     uint64_t place, struct arena *arena, void *value,
                                     struct slp_err *err);

/* Append "name value" lines, indented by `depth` twos. Keys and hashes in hexadecimal. */
SLP_NODISCARD slp_rc state_wire_print(const struct state_shape *shape, const void *value, int depth,
                                      struct buf *out, struct slp_err *err);

/* The same for people and programs, into the object that is open, lists as lists. Ids, positions, bytes and texts that say
 * nothing are left out; as text, zeros and empty lists too. */
void state_wire_show(const struct state_shape *shape, const void *value, struct show *s);

/* One varint at *at; *at moves behind it. CORRUPT when cut off, too long or not the shortest. */
SLP_NODISCARD slp_rc state_wire_varint(struct slice bytes, uint64_t place, size_t *at,
                                       uint64_t *out, struct slp_err *err);

/* Insert the length of what stands at and behind `from` in front of it, as a varint. */
SLP_NODISCARD slp_rc state_wire_close(struct buf *out, size_t from, struct slp_err *err);

SLP_NODISCARD slp_rc state_hex(struct slice bytes, struct buf *out, struct slp_err *err);

#endif
