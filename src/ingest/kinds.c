#include "ingest/kinds.h"

#include "base/num.h"
#include "stack/fold.h"

static bool is_key(const struct schema *table, size_t column)
{
    for (size_t i = 0; i < table->key_count; i++)
        if (table->key_columns[i] == column)
            return true;
    return false;
}

slp_rc ingest_kinds_init(struct ingest_kinds *k, const struct state_table *table,
                         const struct process *p, struct slice name, struct arena *arena,
                         struct slp_err *err)
{
    const struct schema *schema = state_table_schema(table);
    const struct arr_schema *columns = &schema->columns;
    struct arr_field *fields = NULL;
    for (size_t i = 0; i < columns->count; i++)
        if (slice_equal(slice_str(columns->fields[i].name), name))
            FAIL(err, INVALID, "\"%.*s\" is a field of the table and cannot hold the rows' kinds",
                 SLICE_ARG(name));
    TRY(arena_array(arena, columns->count + 1, sizeof *fields, (void **)&fields, err));
    for (size_t i = 0; i < columns->count; i++) {
        fields[i] = columns->fields[i];
        fields[i].nullable = fields[i].nullable || !is_key(schema, i);
    }
    struct arr_field *kind = &fields[columns->count];
    *kind = (struct arr_field){.type = {.kind = ARR_UTF8}, .nullable = true};
    TRY(arena_text(arena, name, &kind->name, err));
    *k = (struct ingest_kinds){.table = schema,
                               .rows = &stack_schema(process_stack(p), STACK_KINDS)->columns,
                               .want = {.fields = fields, .count = columns->count + 1}};
    return SLP_OK;
}

static slp_rc parse_kind(const struct arr_col *texts, int64_t row, enum stack_kind *out,
                         struct slp_err *err)
{
    struct slice text = {0};
    *out = STACK_PUT;
    if (!arr_col_is_null(texts, row))
        text = arr_col_bytes(texts, row);
    if (text.len > 0 && !stack_kind_parse(text, out))
        FAIL(err, BAD_INPUT, "\"%.*s\" is no kind of row; expected put, delete or reset",
             SLICE_ARG(slice_first(text, num_min_size(text.len, 80))));
    return SLP_OK;
}

slp_rc ingest_kinds_check(const void *kinds, const struct arr_batch *batch, int64_t row,
                          const char **column, struct slp_err *err)
{
    const struct ingest_kinds *k = kinds;
    size_t count = k->table->columns.count;
    enum stack_kind kind = STACK_PUT;
    *column = ingest_kinds_column(k);
    TRY(parse_kind(&batch->cols[count], row, &kind, err));
    for (size_t i = 0; kind != STACK_DELETE && i < count; i++) {
        const struct arr_field *field = &k->table->columns.fields[i];
        *column = field->name;
        if (!field->nullable && arr_col_is_null(&batch->cols[i], row))
            FAIL(err, BAD_INPUT, "null, and the column may not be");
    }
    *column = NULL;
    return SLP_OK;
}

static slp_rc parse_kinds(const struct arr_col *texts, struct arr_col *out, bool *has_deletes,
                          struct slp_err *err)
{
    for (int64_t r = 0; r < texts->rows; r++) {
        enum stack_kind kind = STACK_PUT;
        TRY(parse_kind(texts, r, &kind, err));
        *has_deletes = *has_deletes || kind == STACK_DELETE;
        TRY(arr_col_append_i64(out, kind, err));
    }
    return SLP_OK;
}

/* Blank the values of deletes. */
static slp_rc blank(const struct arr_field *field, const uint8_t *kinds, struct arr_col *col,
                    struct alloc *mem, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_col to;
    int64_t rows = col->rows;
    TRY(arr_col_init_field(&to, mem, field, err));
    for (int64_t r = 0; r < rows; r++) {
        if (kinds[r] == STACK_DELETE)
            TRY_OUT(stack_append_blank(&to, field, err));
        else
            TRY_OUT(arr_col_append_run(&to, col, r, 1, err));
    }
    struct arr_col old = *col;
    *col = to;
    to = old;
out:
    arr_col_fini(&to);
    return rc;
}

slp_rc ingest_kinds_apply(const struct ingest_kinds *k, struct arr_batch *batch,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t count = k->table->columns.count;
    bool has_deletes = false;
    struct arr_col kinds;
    arr_col_init(&kinds, batch->mem, (struct arr_type){.kind = ARR_INT8});
    TRY_OUT(parse_kinds(&batch->cols[count], &kinds, &has_deletes, err));
    for (size_t i = 0; i < count; i++) {
        const struct arr_field *field = &k->table->columns.fields[i];
        if (has_deletes && !is_key(k->table, i))
            TRY_OUT(blank(field, kinds.data.ptr, &batch->cols[i], batch->mem, err));
    }
    struct arr_col texts = batch->cols[count];
    batch->cols[count] = kinds;
    kinds = texts;
    batch->schema = k->rows;
out:
    arr_col_fini(&kinds);
    return rc;
}

/* Rows of the keys' fields, all else blank. */
static slp_rc fill_deletes(const struct schema *table, const struct key_spec *spec,
                           const struct slice *keys, size_t count, struct arr_batch *rows,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_col values[SCHEMA_KEY_FIELDS_MAX];
    for (size_t f = 0; f < spec->field_count; f++)
        arr_col_init(&values[f], rows->mem, spec->types[f]);
    for (size_t i = 0; i < count; i++) {
        size_t fields = 0;
        TRY_OUT(key_decode(spec, keys[i], values, &fields, err));
        if (fields < spec->field_count)
            FAIL_OUT(err, INVALID, "key %zu has %zu of %zu fields", i + 1, fields,
                     spec->field_count);
        for (size_t c = 0; c < table->columns.count; c++)
            if (!is_key(table, c))
                TRY_OUT(stack_append_blank(&rows->cols[c], &table->columns.fields[c], err));
        TRY_OUT(arr_col_append_i64(&rows->cols[table->columns.count], STACK_DELETE, err));
    }
    for (size_t f = 0; f < spec->field_count; f++)
        TRY_OUT(
            arr_col_append_run(&rows->cols[spec->columns[f]], &values[f], 0, (int64_t)count, err));
    rows->rows = (int64_t)count;
out:
    for (size_t f = 0; f < spec->field_count; f++)
        arr_col_fini(&values[f]);
    return rc;
}

slp_rc ingest_deletes(struct alloc *mem, const struct state_table *table, const struct process *p,
                      const struct slice *keys, size_t count, struct run **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ingest_chunk chunk = {0};
    struct arr_batch rows = {0};
    const struct arr_schema *columns = &stack_schema(process_stack(p), STACK_KINDS)->columns;
    TRY_OUT(ingest_chunk_init(&chunk, mem, columns, err));
    TRY_OUT(arr_batch_init(&rows, mem, columns, err));
    TRY_OUT(fill_deletes(state_table_schema(table), state_table_key_spec(table), keys, count, &rows,
                         err));
    TRY_OUT(ingest_chunk_add(&chunk, state_table_key_spec(table), &rows, 0, err));
    TRY_OUT(ingest_chunk_sort(&chunk, err));
    rc = ingest_chunk_take(&chunk, state_table_key_spec(table), mem, out, err);
out:
    arr_batch_fini(&rows);
    ingest_chunk_fini(&chunk);
    return rc;
}
