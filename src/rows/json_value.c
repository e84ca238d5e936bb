#include "rows/json_value.h"

#include "arrow/text.h"
#include "base/num.h"
#include "rows/rows_priv.h"

static slp_rc put_any(struct rows_json_pull *p, struct rows_json_token t,
                      const struct arr_field *field, struct arr_col *c, struct slp_err *err);

static slp_rc refuse_kind(enum rows_json_kind kind, const struct arr_field *field,
                          struct slp_err *err)
{
    char name[80];
    arr_field_type_format(field, name, sizeof name);
    FAIL(err, BAD_INPUT, "%s, expected a value of %s", rows_json_name(kind), name);
}

static slp_rc put_flat(struct rows_json_token t, const struct arr_field *field, struct arr_col *c,
                       struct slp_err *err)
{
    bool is_bool = field->type.kind == ARR_BOOL;
    if (t.kind == ROWS_JSON_TEXT || (t.kind == ROWS_JSON_NUMBER && rows_is_number(field->type)))
        return rows_bad_value(arr_text_parse(c, t.text, err));
    if (is_bool && (t.kind == ROWS_JSON_TRUE || t.kind == ROWS_JSON_FALSE))
        return arr_col_append_bool(c, t.kind == ROWS_JSON_TRUE, err);
    return refuse_kind(t.kind, field, err);
}

static slp_rc put_next(struct rows_json_pull *p, const struct arr_field *field, struct arr_col *c,
                       struct slp_err *err)
{
    struct rows_json_token t;
    TRY(rows_json_next(p, &t, err));
    return put_any(p, t, field, c, err);
}

/* Close a list of the items from row `before` of its child on. */
static slp_rc close_list(struct arr_col *c, int64_t before, struct slp_err *err)
{
    int64_t items = c->children[0].rows - before;
    if (items > INT32_MAX)
        FAIL(err, LIMIT, "%lld items, at most %d are read", (long long)items, INT32_MAX);
    int32_t length = (int32_t)items;
    return arr_col_append_lists(c, &length, 1, NULL, 0, err);
}

static slp_rc put_list(struct rows_json_pull *p, const struct arr_field *field, struct arr_col *c,
                       struct slp_err *err)
{
    struct rows_json_token t;
    int64_t before = c->children[0].rows;
    TRY(rows_json_next(p, &t, err));
    while (t.kind != ROWS_JSON_ARRAY_END) {
        slp_rc rc = put_any(p, t, field->children, c->children, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "[%lld]", (long long)(c->children[0].rows - before));
        TRY(rows_json_next(p, &t, err));
        if (t.kind == ROWS_JSON_COMMA) {
            TRY(rows_json_next(p, &t, err));
            if (t.kind != ROWS_JSON_ARRAY_END)
                continue;
        } else if (t.kind == ROWS_JSON_ARRAY_END) {
            break;
        }
        FAIL(err, BAD_INPUT, "%s, expected a comma and a value, or the end of the array",
             rows_json_name(t.kind));
    }
    return close_list(c, before, err);
}

/* A pair of a map: key and value stand in a struct. */
static slp_rc put_pair(struct rows_json_pull *p, struct slice key, const struct arr_field *entries,
                       struct arr_col *pairs, struct slp_err *err)
{
    TRY(rows_bad_value(arr_text_parse(&pairs->children[0], key, err)));
    TRY(put_next(p, &entries->children[1], &pairs->children[1], err));
    return arr_col_append_structs(pairs, 1, NULL, 0, err);
}

static slp_rc put_map(struct rows_json_pull *p, const struct arr_field *field, struct arr_col *c,
                      struct slp_err *err)
{
    struct arr_col *pairs = &c->children[0];
    int64_t before = pairs->rows;
    for (bool is_first = true;; is_first = false) {
        struct rows_json_token name;
        slp_rc rc = rows_json_member(p, is_first, &name, err);
        if (rc == SLP_DONE)
            return close_list(c, before, err);
        TRY(rc);
        rc = put_pair(p, name.text, field->children, pairs, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "entry %lld", (long long)(pairs->rows - before));
    }
}

/* The member of that name, which has no value for this row yet; SIZE_MAX: there is none. */
static slp_rc find_member(const struct arr_field *field, const struct arr_col *c, struct slice name,
                          size_t *out, struct slp_err *err)
{
    struct arr_schema members = {.fields = field->children, .count = field->child_count};
    struct slice shown = slice_first(name, num_min_size(name.len, 80));
    int64_t at = arr_schema_find(&members, name);
    *out = SIZE_MAX;
    if (at < 0)
        return SLP_OK;
    if (c->children[at].rows > c->rows)
        FAIL(err, BAD_INPUT, "\"%.*s\" is there twice", SLICE_ARG(shown));
    *out = (size_t)at;
    return SLP_OK;
}

/* The value of a member; `*known` counts those that are wanted. */
static slp_rc put_member(struct rows_json_pull *p, struct slice name, const struct arr_field *field,
                         struct arr_col *c, size_t *known, struct slp_err *err)
{
    size_t at = 0;
    TRY(find_member(field, c, name, &at, err));
    if (at == SIZE_MAX) {
        struct rows_json_token t;
        TRY(rows_json_next(p, &t, err));
        return rows_json_skip(p, t, err);
    }
    ++*known;
    slp_rc rc = put_next(p, &field->children[at], &c->children[at], err);
    return err_wrap(err, rc, "%s", field->children[at].name);
}

/* Members may all be missing, but those that are there are not all unknown: that is a name mistyped, or
 * another struct. */
static slp_rc refuse_unknown(const struct arr_field *field, struct slp_err *err)
{
    FAIL(err, BAD_INPUT, "none of its members is known; expected \"%s\"%s", field->children[0].name,
         field->child_count > 1 ? " or others of its type" : "");
}

static slp_rc put_struct(struct rows_json_pull *p, const struct arr_field *field, struct arr_col *c,
                         struct slp_err *err)
{
    size_t known = 0;
    size_t members = 0;
    for (;; members++) {
        struct rows_json_token name;
        slp_rc rc = rows_json_member(p, members == 0, &name, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        TRY(put_member(p, name.text, field, c, &known, err));
    }
    if (members > 0 && known == 0)
        return refuse_unknown(field, err);
    for (size_t i = 0; i < field->child_count; i++) {
        if (c->children[i].rows > c->rows)
            continue;
        if (!field->children[i].nullable)
            FAIL(err, BAD_INPUT, "%s is missing, and may not be null", field->children[i].name);
        TRY(arr_col_append_null(&c->children[i], err));
    }
    return arr_col_append_structs(c, 1, NULL, 0, err);
}

static slp_rc put_any(struct rows_json_pull *p, struct rows_json_token t,
                      const struct arr_field *field, struct arr_col *c, struct slp_err *err)
{
    if (t.kind == ROWS_JSON_NULL && field->nullable)
        return arr_col_append_null(c, err);
    if (t.kind == ROWS_JSON_NULL)
        FAIL(err, BAD_INPUT, "null, and the column may not be");
    switch (field->type.kind) {
    case ARR_LIST:
        return t.kind == ROWS_JSON_ARRAY ? put_list(p, field, c, err)
                                         : refuse_kind(t.kind, field, err);
    case ARR_STRUCT:
        return t.kind == ROWS_JSON_OBJECT ? put_struct(p, field, c, err)
                                          : refuse_kind(t.kind, field, err);
    case ARR_MAP:
        if (t.kind == ROWS_JSON_ARRAY)
            return put_list(p, field, c, err);
        return t.kind == ROWS_JSON_OBJECT ? put_map(p, field, c, err)
                                          : refuse_kind(t.kind, field, err);
    default:
        return put_flat(t, field, c, err);
    }
}

slp_rc rows_json_cell(struct rows_json_pull *p, struct slice text, const struct arr_field *field,
                      struct arr_col *c, struct slp_err *err)
{
    struct rows_json_token end;
    rows_json_begin(p, text);
    TRY(put_next(p, field, c, err));
    return rows_json_need(p, ROWS_JSON_END, &end, err);
}

slp_rc rows_json_value(struct rows_json_pull *p, const struct arr_field *field, struct arr_col *c,
                       struct slp_err *err)
{
    return put_next(p, field, c, err);
}
