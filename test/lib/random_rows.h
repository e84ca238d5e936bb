/*
 * Random schemas and rows of every type, nested ones too, for tests of whatever moves Arrow
 * columns.
 *
 *     struct t_shape shape = {.depth = 4, .children = 3, .null_percent = 20, .list_items = 5};
 *     t_random_schema(t, &arena, &shape, columns, &schema);
 *     t_random_batch(t, &schema, &shape, rows, &batch);
 *     ...
 *     t_assert_batch_equal(&batch, &other);      prints both rows where they differ
 *
 * All comes from t_random: SEED=n makes it again. The batch is built value by value through the
 * plainest functions (append, append_lists, append_structs), so that it may judge the others.
 */
#ifndef SLP_TEST_RANDOM_ROWS_H
#define SLP_TEST_RANDOM_ROWS_H

#include "arrow/batch.h"
#include "lib/t.h"

struct t_shape {
    unsigned depth;        /* fields within fields: 1 makes flat columns only */
    unsigned children;     /* members of a struct, at most; at least one is made */
    unsigned null_percent; /* of the slots of nullable fields */
    unsigned list_items;   /* of a list, at most */
    unsigned text_bytes;   /* of a string, at most; 0: 12 */
    bool few_values;       /* each value is one of about eight: repeats, for dictionaries */
    bool without_null;     /* no fields of type null */
    bool only_parquet;     /* only types that a Parquet file keeps by itself */
    uint64_t kinds;        /* bit 1 << kind: these kinds alone; 0: all */
};

/* One random field named `name`; children come from the arena. */
void t_random_field(struct t *t, struct arena *a, const struct t_shape *shape, const char *name,
                    struct arr_field *out);

/* Fields f0, f1, ... */
void t_random_schema(struct t *t, struct arena *a, const struct t_shape *shape, size_t columns,
                     struct arr_schema *out);

/* Append one random value, or null, that fits the field. */
void t_random_value(struct t *t, struct arr_col *c, const struct arr_field *field,
                    const struct t_shape *shape);

/* A batch, initialised here and finished by the caller. */
void t_random_batch(struct t *t, const struct arr_schema *schema, const struct t_shape *shape,
                    int64_t rows, struct arr_batch *out);

/* Deep equality of one value: NaN is equal to NaN of the same bits, and dictionaries count by their
 * values. */
bool t_value_equal(const struct arr_col *a, int64_t row_a, const struct arr_col *b, int64_t row_b);

/* Print one value as "{a: 1, b: [null, "x"]}", bytes in hexadecimal, to stderr. */
void t_value_dump(const struct arr_col *c, int64_t row);
void t_batch_dump(const struct arr_batch *b, int64_t from, int64_t to);

/* Does the column keep what batch.h says: lengths of buffers and children, null slots empty, nulls
 * counted? Fails the test where not. */
void t_assert_col_sound(const struct arr_col *c);

/* Every row equal, else the test fails with the first that differs. */
void t_assert_col_equal(const struct arr_col *a, const struct arr_col *b);
void t_assert_batch_equal(const struct arr_batch *a, const struct arr_batch *b);

#endif
