/*
 * Batches of others, handed over through the C Data Interface, as rows of wanted columns: what
 * reading a file of the same columns gives.
 */
#include "arrow/cdata.h"
#include "rows/rows_priv.h"

/* Take what was imported as the wanted columns; `taken` may borrow from it afterwards. */
static slp_rc take_columns(struct arr_batch *staged, const size_t *places, struct arr_batch *taken,
                           struct slp_err *err)
{
    const struct arr_schema *want = taken->schema;
    int64_t count = staged->rows;
    for (size_t i = 0; i < want->count; i++) {
        const struct arr_field *field = &want->fields[i];
        slp_rc rc = SLP_OK;
        if (places[i] == SIZE_MAX)
            rc = arr_col_append_nulls(&taken->cols[i], count, err);
        else
            rc = rows_take_column(&staged->cols[places[i]], field, 0, &taken->cols[i], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\"", field->name);
    }
    taken->rows = count;
    return SLP_OK;
}

slp_rc rows_import(struct alloc *mem, const struct ArrowArray *in, const struct ArrowSchema *format,
                   struct arr_batch *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct arr_schema have = {0};
    struct arr_batch staged = {0};
    struct arr_batch taken = {0};
    void *places = NULL;
    arena_init(&arena, mem, ROWS_ARENA_MAX_BYTES);
    TRY_OUT(arr_import_schema(format, &arena, &have, err));
    TRY_OUT(arena_array(&arena, out->schema->count + 1, sizeof(size_t), &places, err));
    TRY_OUT(rows_match(&have, out->schema, true, places, err));
    TRY_OUT(arr_batch_init(&staged, mem, &have, err));
    TRY_OUT(arr_import_batch(in, format, &staged, err));
    TRY_OUT(arr_batch_init(&taken, mem, out->schema, err));
    TRY_OUT(take_columns(&staged, places, &taken, err));
    /* Copied: nested columns borrow the schema that ends here. */
    rc = arr_batch_append_run(out, &taken, 0, taken.rows, err);
out:
    arr_batch_fini(&taken);
    arr_batch_fini(&staged);
    arena_fini(&arena);
    return rc;
}
