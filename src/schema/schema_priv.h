/*
 * A schema that is being made: what the readers of the forms gather, and the checks they share.
 */
#ifndef SLP_SCHEMA_SCHEMA_PRIV_H
#define SLP_SCHEMA_SCHEMA_PRIV_H

#include "schema/schema.h"

struct schema_draft {
    struct arr_field *fields; /* in an arena; id 0 where none was given */
    size_t count;
    struct slice keys[SCHEMA_KEY_FIELDS_MAX]; /* names: row key first, then sort key */
    size_t row_key_count;
    size_t key_count;
    int32_t next_field_id;    /* at least this; 0 if the form has none */
    bool makes_keys_required; /* nullable key fields become not nullable instead of an error */
};

/* Errors: INVALID: empty, too long, not UTF-8, with a NUL. */
SLP_NODISCARD slp_rc schema_check_name(struct slice name, struct slp_err *err);

/* Check the draft, number its fields and make the schema. Errors as schema_parse. */
SLP_NODISCARD slp_rc schema_finish(struct schema_draft *d, struct arena *a, struct schema *out,
                                   struct slp_err *err);

#endif
