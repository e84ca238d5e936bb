#include <math.h>

#include "arrow/text.h"
#include "predicate/tree.h"

/* `quote` around, doubled inside. */
static slp_rc put_quoted(struct buf *out, struct slice text, uint8_t quote, struct slp_err *err)
{
    TRY(buf_append_u8(out, quote, err));
    for (size_t i = 0; i < text.len; i++) {
        TRY(buf_append_u8(out, text.ptr[i], err));
        if (text.ptr[i] == quote)
            TRY(buf_append_u8(out, quote, err));
    }
    return buf_append_u8(out, quote, err);
}

static slp_rc put(struct buf *out, const char *text, struct slp_err *err)
{
    return buf_append_slice(out, slice_str(text), err);
}

static slp_rc put_column(const struct pred *p, size_t column, struct buf *out, struct slp_err *err)
{
    if (column < p->schema->count)
        return put_quoted(out, slice_str(p->schema->fields[column].name), '"', err);
    const struct pred_member *m = &p->members[column - p->schema->count];
    const struct arr_field *field = &p->schema->fields[m->column];
    TRY(put_quoted(out, slice_str(field->name), '"', err));
    for (size_t i = 0; i < m->depth; i++) {
        field = &field->children[m->path[i]];
        TRY(buf_append_u8(out, '.', err));
        TRY(put_quoted(out, slice_str(field->name), '"', err));
    }
    return SLP_OK;
}

static slp_rc put_binary(struct buf *out, struct slice bytes, struct slp_err *err)
{
    static const char digits[] = "0123456789ABCDEF";
    TRY(put(out, "X'", err));
    for (size_t i = 0; i < bytes.len; i++) {
        TRY(buf_append_u8(out, (uint8_t)digits[bytes.ptr[i] >> 4], err));
        TRY(buf_append_u8(out, (uint8_t)digits[bytes.ptr[i] & 15], err));
    }
    return buf_append_u8(out, '\'', err);
}

/* Text of a value by way of a column of one row: there is one place that knows every type. */
static slp_rc put_by_column(struct arr_type type, const struct pred_value *v, struct buf *out,
                            struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_col c;
    arr_col_init(&c, out->mem, type);
    if (type.kind == ARR_DECIMAL128)
        TRY_OUT(arr_col_append(&c, slice_of(&v->num, sizeof v->num), err));
    else if (type.kind == ARR_DOUBLE)
        TRY_OUT(arr_col_append_f64(&c, v->real, err));
    else
        TRY_OUT(arr_col_append_i64(&c, (int64_t)v->num, err));
    TRY_OUT(arr_text_format(&c, 0, out, err));
out:
    arr_col_fini(&c);
    return rc;
}

/* A double literal has an exponent; without one 0.5 would be read as a decimal. */
static slp_rc put_real(const struct pred_value *v, struct buf *out, struct slp_err *err)
{
    struct arr_type type = {.kind = ARR_DOUBLE};
    if (!isfinite(v->real))
        return put(out, isnan(v->real) ? "'NaN'" : v->real > 0 ? "'Infinity'" : "'-Infinity'", err);
    size_t at = out->len;
    TRY(put_by_column(type, v, out, err));
    for (size_t i = at; i < out->len; i++) {
        if (out->ptr[i] == 'e' || out->ptr[i] == 'E')
            return SLP_OK;
    }
    return put(out, "e0", err);
}

static slp_rc put_value(struct arr_type type, const struct pred_value *v, struct buf *out,
                        struct slp_err *err)
{
    switch (type.kind) {
    case ARR_BOOL:
        return put(out, v->num ? "TRUE" : "FALSE", err);
    case ARR_FLOAT:
    case ARR_DOUBLE:
        return put_real(v, out, err);
    case ARR_UTF8:
        return put_quoted(out, v->bytes, '\'', err);
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return put_binary(out, v->bytes, err);
    case ARR_DATE32:
    case ARR_TIMESTAMP:
        TRY(buf_append_u8(out, '\'', err));
        TRY(put_by_column(type, v, out, err));
        return buf_append_u8(out, '\'', err);
    default:
        return put_by_column(type, v, out, err);
    }
}

static const char *safe_text(enum pred_op op)
{
    return op == PRED_EQ ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM";
}

static slp_rc put_compare(const struct pred *p, const struct pred_node *n, struct buf *out,
                          struct slp_err *err)
{
    bool is_safe = n->null_truth != PRED_UNKNOWN;
    TRY(put_column(p, n->column, out, err));
    TRY(buf_printf(out, err, " %s ", is_safe ? safe_text(n->op) : pred_op_text(n->op)));
    return put_value(pred_field(p, n->column)->type, &n->value, out, err);
}

static slp_rc put_pair(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err)
{
    TRY(put_column(p, n->column, out, err));
    TRY(buf_printf(out, err, " %s ", n->is_safe ? safe_text(n->op) : pred_op_text(n->op)));
    return put_column(p, n->other, out, err);
}

/* A comparison that its literal decided: c = c is TRUE unless null, c <> c FALSE unless null. */
static slp_rc put_fold(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err)
{
    TRY(put_column(p, n->column, out, err));
    if (n->null_truth != PRED_UNKNOWN)
        return put(out, n->truth == PRED_TRUE ? " IS NOT NULL" : " IS NULL", err);
    TRY(put(out, n->truth == PRED_TRUE ? " = " : " <> ", err));
    return put_column(p, n->column, out, err);
}

static slp_rc put_in(const struct pred *p, const struct pred_node *n, struct buf *out,
                     struct slp_err *err)
{
    TRY(put_column(p, n->column, out, err));
    TRY(put(out, n->is_negated ? " NOT IN (" : " IN (", err));
    for (size_t i = 0; i < n->set->count; i++) {
        TRY(put(out, i ? ", " : "", err));
        TRY(put_value(pred_field(p, n->column)->type, &n->set->values[i], out, err));
    }
    return put(out, n->set->has_null ? ", NULL)" : ")", err);
}

static slp_rc put_like(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err)
{
    TRY(put_column(p, n->column, out, err));
    TRY(put(out, n->is_negated ? " NOT LIKE " : " LIKE ", err));
    TRY(put_quoted(out, n->like->pattern, '\'', err));
    if (n->like->escape.len == 0)
        return SLP_OK;
    TRY(put(out, " ESCAPE ", err));
    return put_quoted(out, n->like->escape, '\'', err);
}

static slp_rc put_node(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err);

/* OR binds weaker than AND, so only an OR inside an AND needs brackets. */
static slp_rc put_list(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err)
{
    for (size_t i = 0; i < n->count; i++) {
        bool in_brackets = n->kind == PRED_AND && n->kids[i]->kind == PRED_OR;
        if (i > 0)
            TRY(put(out, n->kind == PRED_AND ? " AND " : " OR ", err));
        TRY(put(out, in_brackets ? "(" : "", err));
        TRY(put_node(p, n->kids[i], out, err));
        TRY(put(out, in_brackets ? ")" : "", err));
    }
    return SLP_OK;
}

static slp_rc put_is(const struct pred *p, const struct pred_node *n, struct buf *out,
                     struct slp_err *err)
{
    TRY(put(out, "(", err));
    TRY(put_node(p, n->kids[0], out, err));
    return buf_printf(out, err, ") IS %s%s", n->is_negated ? "NOT " : "",
                      n->test == PRED_IS_TRUE ? "TRUE" : "UNKNOWN");
}

static slp_rc put_node(const struct pred *p, const struct pred_node *n, struct buf *out,
                       struct slp_err *err)
{
    static const char *const truths[] = {
        [PRED_FALSE] = "FALSE", [PRED_TRUE] = "TRUE", [PRED_UNKNOWN] = "NULL"};
    switch (n->kind) {
    case PRED_CONST:
        return put(out, truths[n->truth], err);
    case PRED_FOLD:
        return put_fold(p, n, out, err);
    case PRED_CMP:
        return put_compare(p, n, out, err);
    case PRED_PAIR:
        return put_pair(p, n, out, err);
    case PRED_IN:
        return put_in(p, n, out, err);
    case PRED_LIKE:
        return put_like(p, n, out, err);
    case PRED_IS:
        return put_is(p, n, out, err);
    case PRED_AND:
    case PRED_OR:
        break;
    }
    return put_list(p, n, out, err);
}

slp_rc pred_format(const struct pred *p, struct buf *out, struct slp_err *err)
{
    size_t before = out->len;
    slp_rc rc = put_node(p, p->root, out, err);
    if (rc != SLP_OK)
        out->len = before;
    return rc;
}
