/*
 * Fields of nested types from texts, for tests of rows: list<T>, map<T, T>, struct<a T, b T>, and
 * names of flat types; "!" behind a type says that its values may not be null.
 */
#ifndef SLP_TEST_ROWS_NESTED_H
#define SLP_TEST_ROWS_NESTED_H

#include "arrow/text.h"
#include "lib/t.h"
#include "rows/json_value.h"
#include "rows/rows_priv.h"

#define NESTED_MEMBERS_MAX 16

static inline struct arr_field nested_parse(struct arena *a, const char *name, const char **text);

/* Keep fields that were made on the stack. */
static inline void nested_keep(struct arena *a, struct arr_field *parent,
                               const struct arr_field *children, size_t count)
{
    void *room = NULL;
    assert_int_equal(arena_array(a, count, sizeof *children, &room, NULL), SLP_OK);
    memcpy(room, children, count * sizeof *children);
    parent->children = room;
    parent->child_count = count;
}

static inline void nested_members(struct arena *a, struct arr_field *f, const char **text)
{
    struct arr_field members[NESTED_MEMBERS_MAX];
    size_t count = 0;
    while (**text != '>') {
        const char *name = NULL;
        size_t len = strcspn(*text, " ");
        assert_true(count < NESTED_MEMBERS_MAX);
        assert_int_equal(arena_text(a, slice_of(*text, len), &name, NULL), SLP_OK);
        *text += len + 1;
        members[count++] = nested_parse(a, name, text);
        *text += strspn(*text, ", ");
    }
    f->type.kind = ARR_STRUCT;
    nested_keep(a, f, members, count);
}

static inline struct arr_field nested_parse(struct arena *a, const char *name, const char **text)
{
    struct arr_field f = {.name = name, .nullable = true};
    struct arr_field pair[2];
    struct arr_field inner;
    bool is_nested = true;
    if (strncmp(*text, "list<", 5) == 0) {
        *text += 5;
        f.type.kind = ARR_LIST;
        inner = nested_parse(a, "element", text);
        nested_keep(a, &f, &inner, 1);
    } else if (strncmp(*text, "map<", 4) == 0) {
        *text += 4;
        f.type.kind = ARR_MAP;
        pair[0] = nested_parse(a, "key", text);
        *text += strspn(*text, ", ");
        pair[1] = nested_parse(a, "value", text);
        pair[0].nullable = false;
        inner = (struct arr_field){.name = "entries", .type.kind = ARR_STRUCT};
        nested_keep(a, &inner, pair, 2);
        nested_keep(a, &f, &inner, 1);
    } else if (strncmp(*text, "struct<", 7) == 0) {
        *text += 7;
        nested_members(a, &f, text);
    } else {
        size_t len = strcspn(*text, "!,>(");
        len += (*text)[len] == '(' ? strcspn(*text + len, ")") + 1 : 0;
        assert_int_equal(arr_type_parse(slice_of(*text, len), &f.type, NULL), SLP_OK);
        *text += len;
        is_nested = false;
    }
    *text += is_nested;
    f.nullable = **text != '!';
    *text += !f.nullable;
    return f;
}

static inline struct arr_field nested_field(struct arena *a, const char *text)
{
    return nested_parse(a, "c", &text);
}

/* Append the value of a text of JSON to `c`. */
static inline slp_rc nested_put(struct t *t, const struct arr_field *field, const char *text,
                                struct arr_col *c)
{
    struct rows_json_pull p;
    struct buf padded;
    buf_init(&padded, &t->mem, 1 << 20);
    rows_json_init(&p, &t->mem, 1 << 20);
    slp_rc rc = buf_append(&padded, text, strlen(text), &t->err);
    if (rc == SLP_OK)
        rc = rows_json_cell(&p, buf_slice(&padded), field, c, &t->err);
    rows_json_fini(&p);
    buf_fini(&padded);
    return rc;
}

/* All rows of a column, a line each. */
static inline void nested_print(const struct arr_col *c, struct buf *out)
{
    for (int64_t row = 0; row < c->rows; row++) {
        if (arr_col_is_null(c, row))
            assert_int_equal(buf_append(out, "null", 4, NULL), SLP_OK);
        else
            assert_int_equal(arr_text_format(c, row, out, NULL), SLP_OK);
        assert_int_equal(buf_append_u8(out, '\n', NULL), SLP_OK);
    }
    assert_int_equal(buf_append_u8(out, 0, NULL), SLP_OK);
}

#endif
