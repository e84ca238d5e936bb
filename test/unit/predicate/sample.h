/*
 * A schema with a column of every type.
 */
#ifndef SLP_TEST_PREDICATE_SAMPLE_H
#define SLP_TEST_PREDICATE_SAMPLE_H

#include "lib/t.h"
#include "predicate/predicate.h"

static struct arr_field sample_fields[] = {
    {.name = "id", .type = {.kind = ARR_INT32}, .nullable = true},
    {.name = "big", .type = {.kind = ARR_INT64}, .nullable = true},
    {.name = "u", .type = {.kind = ARR_UINT64}, .nullable = true},
    {.name = "f", .type = {.kind = ARR_FLOAT}, .nullable = true},
    {.name = "d", .type = {.kind = ARR_DOUBLE}, .nullable = true},
    {.name = "s", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "b", .type = {.kind = ARR_BOOL}, .nullable = true},
    {.name = "day", .type = {.kind = ARR_DATE32}, .nullable = true},
    {.name = "ts", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .nullable = true},
    {.name = "at",
     .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MILLI, .utc = true},
     .nullable = true},
    {.name = "m", .type = {.kind = ARR_DECIMAL128, .precision = 10, .scale = 2}, .nullable = true},
    {.name = "bin", .type = {.kind = ARR_BINARY}, .nullable = true},
    {.name = "fx", .type = {.kind = ARR_FIXED_BINARY, .width = 2}, .nullable = true},
    {.name = "t8", .type = {.kind = ARR_INT8}, .nullable = true},
    {.name = "Name", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "NAME", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "nothing", .type = {.kind = ARR_NULL}, .nullable = true},
    {.name = "select me", .type = {.kind = ARR_INT16}, .nullable = true},
    {.name = "u8", .type = {.kind = ARR_UINT8}, .nullable = true},
    {.name = "n.x", .type = {.kind = ARR_UINT32}, .nullable = true},
};

#define SAMPLE_COLUMNS (sizeof sample_fields / sizeof *sample_fields)

static const struct arr_schema sample_schema = {.fields = sample_fields, .count = SAMPLE_COLUMNS};

#endif
