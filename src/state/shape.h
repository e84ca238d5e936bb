/*
 * How shapes are written down: a field of a struct, a list of a struct, and a struct's shape. For
 * the files that hold the tables of docs/format/log.md and docs/format/snapshot.md. Private to
 * src/state.
 */
#ifndef SLP_STATE_SHAPE_H
#define SLP_STATE_SHAPE_H

#include "state/wire.h"

#define ONE(id_, type_, name_, of_, member_)                                                       \
    {                                                                                              \
        .id = (id_), .type = STATE_WIRE_##type_, .name = (name_), .offset = offsetof(of_, member_) \
    }
#define LIST(id_, type_, name_, of_, member_, count_, shape_)                                      \
    {                                                                                              \
        .id = (id_), .type = STATE_WIRE_##type_, .name = (name_),                                  \
        .offset = offsetof(of_, member_), .is_list = true, .count_offset = offsetof(of_, count_),  \
        .of = (shape_)                                                                             \
    }
#define SHAPE(name_, of_, fields_)                                                                 \
    {                                                                                              \
        .name = (name_), .bytes = sizeof(of_), .fields = (fields_),                                \
        .count = sizeof(fields_) / sizeof *(fields_)                                               \
    }

#endif
