/*
 * The leaves of a schema that is written: what each becomes in the file, and the elements of the
 * schema around them. Lists and maps have the layout of the format's own words:
 *
 *   optional group l (LIST) { repeated group list { optional int32 element } }
 *   optional group m (MAP) { repeated group key_value { required binary key; optional int32 value } }
 *
 * whatever their items were called before. A key is required, though its field may be nullable.
 */
#ifndef SLP_PARQUET_LEAVES_H
#define SLP_PARQUET_LEAVES_H

#include "parquet/leaf.h"

struct pq_leaf_field {
    const struct arr_field *field;
    size_t column; /* of the schema, that the leaf is in */
    bool is_nested;
    uint8_t definition_max;
    uint8_t repetition_max;
    const char *const *path; /* path_in_schema */
    size_t path_count;
    struct pq_leaf leaf;
};

struct pq_leaves {
    struct pq_leaf_field *items; /* depth first; of flat columns one each */
    size_t count;
};

/* Errors: UNSUPPORTED for what Parquet has no type for, a struct without members too, by column;
 * LIMIT when nested too deep; NO_MEMORY. */
SLP_NODISCARD slp_rc pq_leaves_of(const struct arr_schema *schema, struct arena *a,
                                  struct pq_leaves *out, struct slp_err *err);

/* Put the schema of FileMetaData, the list with all its elements. */
void pq_leaves_put_schema(struct cx_put *w, const struct arr_schema *schema,
                          const struct pq_leaves *leaves);

/* Does the format let a field of this parent hold nulls? Keys of maps do not. */
static inline bool pq_is_optional(const struct arr_field *parent, const struct arr_field *field)
{
    bool is_key = parent && parent->type.kind == ARR_MAP && field == parent->children[0].children;
    return field->nullable && !is_key;
}

#endif
