#include <inttypes.h>

#include "arrow/dictionary.h"
#include "base/text.h"
#include "rows/rows_priv.h"

/* The row that is null where none may be; rows of messages count from 1. */
static slp_rc refuse_null(const struct arr_col *c, int64_t first_row, struct slp_err *err)
{
    int64_t row = 0;
    while (row < c->rows && !arr_col_is_null(c, row))
        row++;
    FAIL(err, BAD_INPUT, "row %lld is null, and the column may not be",
         (long long)first_row + (long long)row + 1);
}

/* The first value of a plain column that is no UTF-8, or -1. */
static int64_t find_bad_value(const struct arr_col *c)
{
    if (text_is_ascii(buf_slice(&c->data)))
        return -1;
    for (int64_t row = 0; row < c->rows; row++) {
        if (!text_is_utf8(arr_col_bytes(c, row)))
            return row;
    }
    return -1;
}

/* The same of any column, by row. A dictionary may hold what no row of the batch has. */
static int64_t find_bad_text(const struct arr_col *c)
{
    if (!c->dictionary)
        return find_bad_value(c);
    if (find_bad_value(&c->dictionary->values) < 0)
        return -1;
    for (int64_t row = 0; row < c->rows; row++) {
        if (!arr_col_is_null(c, row) && !text_is_utf8(arr_col_bytes(c, row)))
            return row;
    }
    return -1;
}

/* Others may write any bytes as text; a table, and whoever reads it, relies on UTF-8. */
static slp_rc check_text(const struct arr_col *c, int64_t first_row, struct slp_err *err)
{
    if (c->type.kind != ARR_UTF8)
        return SLP_OK;
    int64_t row = find_bad_text(c);
    if (row >= 0)
        FAIL(err, BAD_INPUT, "row %lld is no UTF-8 text; expected text, or a column of binary",
             (long long)(first_row + row + 1));
    return SLP_OK;
}

/* The same of what lies within lists, structs and maps. */
static slp_rc check_texts_within(const struct arr_col *c, const struct arr_col *top,
                                 int64_t first_row, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count; i++) {
        const struct arr_col *child = &c->children[i];
        if (child->type.kind == ARR_UTF8 && find_bad_text(child) >= 0)
            FAIL(err, BAD_INPUT, "rows %lld to %lld hold what is no UTF-8 text in \"%s\"",
                 (long long)(first_row + 1), (long long)(first_row + top->rows), c->fields[i].name);
        TRY(check_texts_within(child, top, first_row, err));
    }
    return SLP_OK;
}

/* Nulls of a child that are not those of structs around it that are null themselves. */
static bool has_own_nulls(const struct arr_col *parent, const struct arr_col *child)
{
    if (child->null_count == 0 || parent->type.kind != ARR_STRUCT || parent->null_count == 0)
        return child->null_count > 0;
    for (int64_t row = 0; row < child->rows; row++) {
        if (arr_col_is_null(child, row) && !arr_col_is_null(parent, row))
            return true;
    }
    return false;
}

/* Inside lists, structs and maps too. */
static slp_rc check_nulls_within(const struct arr_col *c, const struct arr_field *field,
                                 int64_t first_row, int64_t rows, struct slp_err *err)
{
    for (size_t i = 0; i < c->child_count && i < field->child_count; i++) {
        const struct arr_field *child = &field->children[i];
        if (!child->nullable && has_own_nulls(c, &c->children[i]))
            FAIL(err, BAD_INPUT, "rows %lld to %lld hold a null in \"%s\", which may not be",
                 (long long)(first_row + 1), (long long)(first_row + rows), child->name);
        TRY(check_nulls_within(&c->children[i], child, first_row, rows, err));
    }
    return SLP_OK;
}

/* Is a column of just this type? Names of members count, other names do not. */
static bool has_type(const struct arr_col *c, const struct arr_field *field, bool is_pair)
{
    if (!arr_type_equal(c->type, field->type) || c->child_count != field->child_count)
        return false;
    for (size_t i = 0; i < c->child_count; i++) {
        const struct arr_field *child = &field->children[i];
        bool is_named = c->type.kind == ARR_STRUCT && !is_pair;
        if (is_named && strcmp(c->fields[i].name, child->name) != 0)
            return false;
        if (!has_type(&c->children[i], child, c->type.kind == ARR_MAP))
            return false;
    }
    return true;
}

/* Children speak of the wanted fields: those of the file end with it. */
static void adopt(struct arr_col *c, const struct arr_field *field)
{
    if (c->child_count)
        c->fields = field->children;
    for (size_t i = 0; i < c->child_count; i++)
        adopt(&c->children[i], &field->children[i]);
}

static slp_rc check_within(const struct arr_col *c, const struct arr_field *field,
                           int64_t first_row, struct slp_err *err)
{
    TRY(check_texts_within(c, c, first_row, err));
    return check_nulls_within(c, field, first_row, c->rows, err);
}

slp_rc rows_take_column(struct arr_col *staged, const struct arr_field *field, int64_t first_row,
                        struct arr_col *out, struct slp_err *err)
{
    int64_t row = 0;
    if (!field->nullable && (staged->null_count || staged->type.kind == ARR_NULL) && staged->rows)
        return refuse_null(staged, first_row, err);
    if (field->type.kind == ARR_UTF8)
        TRY(check_text(staged, first_row, err));
    if (has_type(staged, field, false)) {
        TRY(check_within(staged, field, first_row, err));
        struct arr_col moved = *staged;
        *staged = *out;
        *out = moved;
        adopt(out, field);
        return SLP_OK;
    }
    TRY(arr_col_decode_dictionary(staged, err));
    slp_rc rc = rows_widen(staged, out, &row, err);
    if (rc == SLP_BAD_INPUT)
        return err_wrap(err, rc, "row %" PRId64, first_row + row + 1);
    TRY(rc);
    return check_within(out, field, first_row, err);
}
