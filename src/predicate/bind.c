#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrow/batch.h"
#include "predicate/resolve.h"
#include "predicate/tree.h"

/* Errors of binding that are reported together. */
#define ERRORS_MAX 5u

struct binder {
    struct slice text;
    struct pred_names names;
    struct arena *arena;
    struct slp_err *err;
};

static slp_rc bind_node(struct binder *b, const struct pred_syntax *s, bool negate,
                        struct pred_node **out);

static slp_rc new_node(struct binder *b, enum pred_kind kind, struct pred_node **out)
{
    TRY(arena_new(b->arena, out, b->err));
    (*out)->kind = kind;
    return SLP_OK;
}

static slp_rc new_const(struct binder *b, uint8_t truth, struct pred_node **out)
{
    TRY(new_node(b, PRED_CONST, out));
    (*out)->truth = truth;
    return SLP_OK;
}

static const struct arr_field *field_of(const struct binder *b, size_t column)
{
    return pred_names_field(&b->names, column);
}

static uint8_t truth_of(bool is_true)
{
    return is_true ? PRED_TRUE : PRED_FALSE;
}

/* A leaf that depends only on whether the column is null. */
static slp_rc new_fold(struct binder *b, size_t column, uint8_t truth, uint8_t null_truth,
                       struct pred_node **out)
{
    if (field_of(b, column)->type.kind == ARR_NULL)
        truth = null_truth;
    if (truth == null_truth)
        return new_const(b, truth, out);
    TRY(new_node(b, PRED_FOLD, out));
    (*out)->column = column;
    (*out)->truth = truth;
    (*out)->null_truth = null_truth;
    return SLP_OK;
}

/* A column, or a member of one, that has a flat type conditions know. */
static slp_rc find_column(struct binder *b, const struct pred_syntax *s, size_t *out)
{
    size_t column = 0;
    TRY(pred_resolve(&b->names, s, &column, b->err));
    const struct arr_field *f = field_of(b, column);
    char type[80];
    if (f->type.kind < ARR_KEY_KIND_COUNT) {
        *out = column;
        return SLP_OK;
    }
    arr_field_type_format(f, type, sizeof type);
    if (f->type.kind == ARR_STRUCT)
        return pred_fail(b->err, SLP_UNSUPPORTED, b->text, s->at,
                         "\"%.64s\" is a %s: conditions take IS NULL of it, and its members, as "
                         "%.64s.%.64s",
                         f->name, type, f->name, f->children[0].name);
    return pred_fail(b->err, SLP_UNSUPPORTED, b->text, s->at,
                     "\"%.64s\" has type %s, of which conditions take IS NULL alone", f->name,
                     type);
}

static slp_rc new_compare(struct binder *b, size_t column, enum pred_op op, struct pred_value value,
                          uint8_t null_truth, struct pred_node **out)
{
    TRY(new_node(b, PRED_CMP, out));
    (*out)->column = column;
    (*out)->op = op;
    (*out)->value = value;
    (*out)->null_truth = null_truth;
    return SLP_OK;
}

/* What a null gives: UNKNOWN, or for IS [NOT] DISTINCT FROM a value, that it differs. */
static uint8_t null_truth_of(enum pred_op op, bool is_safe)
{
    return is_safe ? truth_of(op == PRED_NE) : PRED_UNKNOWN;
}

static slp_rc fail_null(struct binder *b, const struct pred_syntax *s)
{
    return pred_fail(b->err, SLP_INVALID, b->text, s->at,
                     "a comparison with NULL is always unknown; write IS NULL or IS NOT NULL");
}

/* column op literal, by where the literal stands among the column's values. */
static slp_rc compare_literal(struct binder *b, size_t column, enum pred_op op, bool is_safe,
                              const struct pred_syntax *literal, struct pred_node **out)
{
    const struct arr_field *field = field_of(b, column);
    uint8_t null_truth = null_truth_of(op, is_safe);
    struct pred_place place = {0};
    if (literal->literal.kind == PRED_LIT_NULL && !is_safe)
        return fail_null(b, literal);
    if (literal->literal.kind == PRED_LIT_NULL)
        return new_fold(b, column, truth_of(op == PRED_NE), truth_of(op == PRED_EQ), out);
    if (field->type.kind == ARR_NULL)
        return new_const(b, null_truth, out);
    TRY(pred_literal_place(b->text, literal, field, b->arena, &place, b->err));
    bool wants_less = op == PRED_LT || op == PRED_LE;
    switch (place.side) {
    case PRED_AT:
        return new_compare(b, column, op, place.value, null_truth, out);
    case PRED_AFTER:
        if (op != PRED_EQ && op != PRED_NE)
            return new_compare(b, column, wants_less ? PRED_LE : PRED_GT, place.value, null_truth,
                               out);
        return new_fold(b, column, truth_of(op == PRED_NE), null_truth, out);
    case PRED_BELOW:
        return new_fold(b, column, truth_of(op != PRED_EQ && !wants_less), null_truth, out);
    case PRED_ABOVE:
        break;
    }
    return new_fold(b, column, truth_of(op == PRED_NE || wants_less), null_truth, out);
}

static bool order_fits(enum pred_op op, int order)
{
    switch (op) {
    case PRED_EQ:
        return order == 0;
    case PRED_NE:
        return order != 0;
    case PRED_LT:
        return order < 0;
    case PRED_LE:
        return order <= 0;
    case PRED_GT:
        return order > 0;
    case PRED_GE:
        break;
    }
    return order >= 0;
}

static slp_rc compare_literals(struct binder *b, const struct pred_syntax *left, enum pred_op op,
                               bool is_safe, const struct pred_syntax *right,
                               struct pred_node **out)
{
    int order = 0;
    bool is_left_null = left->literal.kind == PRED_LIT_NULL;
    bool is_right_null = right->literal.kind == PRED_LIT_NULL;
    if (is_left_null || is_right_null) {
        if (!is_safe)
            return fail_null(b, is_left_null ? left : right);
        return new_const(b, truth_of((is_left_null == is_right_null) == (op == PRED_EQ)), out);
    }
    TRY(pred_literal_compare(b->text, left, right, &order, b->err));
    return new_const(b, truth_of(order_fits(op, order)), out);
}

static slp_rc compare_columns(struct binder *b, const struct pred_syntax *left, enum pred_op op,
                              bool is_safe, const struct pred_syntax *right, struct pred_node **out)
{
    size_t column = 0;
    size_t other = 0;
    TRY(find_column(b, left, &column));
    TRY(find_column(b, right, &other));
    const struct arr_field *x = field_of(b, column);
    const struct arr_field *y = field_of(b, other);
    if (column == other) {
        bool is_true = order_fits(op, 0);
        return new_fold(b, column, truth_of(is_true), is_safe ? truth_of(is_true) : PRED_UNKNOWN,
                        out);
    }
    if (x->type.kind == ARR_NULL || y->type.kind == ARR_NULL) {
        size_t present = x->type.kind == ARR_NULL ? other : column;
        if (!is_safe)
            return new_const(b, PRED_UNKNOWN, out);
        return new_fold(b, present, truth_of(op == PRED_NE), truth_of(op == PRED_EQ), out);
    }
    if (pred_pairing_of(x->type, y->type) == PRED_PAIR_NOT_COMPARABLE) {
        char type[64];
        char other_type[64];
        arr_type_format(x->type, type, sizeof type);
        arr_type_format(y->type, other_type, sizeof other_type);
        return pred_fail(b->err, SLP_INVALID, b->text, pred_span_join(left->at, right->at),
                         "cannot compare \"%s\" (%s) with \"%s\" (%s)", x->name, type, y->name,
                         other_type);
    }
    TRY(new_node(b, PRED_PAIR, out));
    (*out)->column = column;
    (*out)->other = other;
    (*out)->op = op;
    (*out)->is_safe = is_safe;
    return SLP_OK;
}

static slp_rc compare_operands(struct binder *b, const struct pred_syntax *left, enum pred_op op,
                               bool is_safe, const struct pred_syntax *right,
                               struct pred_node **out)
{
    size_t column = 0;
    if (left->kind == PRED_SYN_COLUMN && right->kind == PRED_SYN_COLUMN)
        return compare_columns(b, left, op, is_safe, right, out);
    if (left->kind == PRED_SYN_LITERAL && right->kind == PRED_SYN_LITERAL)
        return compare_literals(b, left, op, is_safe, right, out);
    if (left->kind == PRED_SYN_LITERAL)
        return compare_operands(b, right, pred_op_mirror(op), is_safe, left, out);
    TRY(find_column(b, left, &column));
    return compare_literal(b, column, op, is_safe, right, out);
}

/* Does the constant decide the list (FALSE an AND, TRUE an OR)? */
static bool decides(enum pred_kind list, const struct pred_node *n)
{
    return n->kind == PRED_CONST && n->truth == (list == PRED_AND ? PRED_FALSE : PRED_TRUE);
}

/* Is the constant of no effect in the list (TRUE in an AND, FALSE in an OR)? */
static bool is_neutral(enum pred_kind list, const struct pred_node *n)
{
    return n->kind == PRED_CONST && n->truth == (list == PRED_AND ? PRED_TRUE : PRED_FALSE);
}

/* AND or OR over `kids`, which is used up; constants are folded. */
static slp_rc new_list(struct binder *b, enum pred_kind kind, struct pred_node **kids, size_t count,
                       struct pred_node **out)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (decides(kind, kids[i])) {
            *out = kids[i];
            return SLP_OK;
        }
        if (!is_neutral(kind, kids[i]))
            kids[kept++] = kids[i];
    }
    if (kept == 0)
        return new_const(b, truth_of(kind == PRED_AND), out);
    if (kept == 1) {
        *out = kids[0];
        return SLP_OK;
    }
    TRY(new_node(b, kind, out));
    (*out)->kids = kids;
    (*out)->count = kept;
    return SLP_OK;
}

static slp_rc new_kids(struct binder *b, size_t count, struct pred_node ***out)
{
    void *room = NULL;
    TRY(arena_array(b->arena, count, sizeof(struct pred_node *), &room, b->err));
    *out = room;
    return SLP_OK;
}

/*
 * AND and OR. An error of the text does not end the search for others: the first five are reported
 * in one go, each with its own caret.
 */
static slp_rc bind_list(struct binder *b, const struct pred_syntax *s, bool negate,
                        struct pred_node **out)
{
    enum pred_kind kind = (s->kind == PRED_SYN_AND) != negate ? PRED_AND : PRED_OR;
    struct pred_node **kids = NULL;
    size_t count = 0;
    size_t failed = 0;
    slp_rc first = SLP_OK;
    struct slp_err *all = b->err;
    struct slp_err one = {0};
    TRY(new_kids(b, s->count, &kids));
    for (const struct pred_syntax *kid = s->first; kid && failed < ERRORS_MAX; kid = kid->next) {
        b->err = failed ? &one : all;
        slp_rc rc = bind_node(b, kid, negate, &kids[count++]);
        b->err = all;
        if (rc == SLP_OK)
            continue;
        if (failed++ == 0)
            first = rc;
        else
            (void)err_append(all, rc, "\n%s", one.text);
        if (rc != SLP_INVALID && rc != SLP_UNSUPPORTED)
            return first;
    }
    TRY(first);
    return new_list(b, kind, kids, count, out);
}

static slp_rc bind_literal(struct binder *b, const struct pred_syntax *s, bool negate,
                           struct pred_node **out)
{
    char literal[128];
    if (s->literal.kind == PRED_LIT_NULL)
        return new_const(b, PRED_UNKNOWN, out);
    if (s->literal.kind == PRED_LIT_BOOL)
        return new_const(b, truth_of(s->literal.truth != negate), out);
    pred_literal_describe(&s->literal, literal, sizeof literal);
    return pred_fail(b->err, SLP_INVALID, b->text, s->at,
                     "expected a condition, found %s; compare it with a column", literal);
}

static slp_rc bind_column(struct binder *b, const struct pred_syntax *s, bool negate,
                          struct pred_node **out)
{
    size_t column = 0;
    TRY(find_column(b, s, &column));
    const struct arr_field *field = field_of(b, column);
    if (field->type.kind == ARR_NULL)
        return new_const(b, PRED_UNKNOWN, out);
    if (field->type.kind == ARR_BOOL)
        return new_compare(b, column, PRED_EQ, (struct pred_value){.num = !negate}, PRED_UNKNOWN,
                           out);
    char type[64];
    arr_type_format(field->type, type, sizeof type);
    return pred_fail(b->err, SLP_INVALID, b->text, s->at,
                     "expected a condition, found the column \"%s\" (%s); compare it with a value",
                     field->name, type);
}

/* BETWEEN is two comparisons; SYMMETRIC takes its bounds in either order. */
static slp_rc bind_between(struct binder *b, const struct pred_syntax *s, bool negate,
                           struct pred_node **out)
{
    const struct pred_syntax *value = s->first;
    const struct pred_syntax *bounds[2] = {value->next, s->last};
    bool inverse = s->is_negated != negate;
    size_t turns = s->is_symmetric ? 2 : 1;
    struct pred_node **either = NULL;
    TRY(new_kids(b, 2, &either));
    for (size_t i = 0; i < turns; i++) {
        struct pred_node **both = NULL;
        TRY(new_kids(b, 2, &both));
        TRY(compare_operands(b, value, inverse ? PRED_LT : PRED_GE, false, bounds[i], &both[0]));
        TRY(compare_operands(b, value, inverse ? PRED_GT : PRED_LE, false, bounds[1 - i],
                             &both[1]));
        TRY(new_list(b, inverse ? PRED_OR : PRED_AND, both, 2, &either[i]));
    }
    return new_list(b, inverse ? PRED_AND : PRED_OR, either, turns, out);
}

/* The general form: value = item OR value = item ..., for items that are columns. */
static slp_rc bind_in_as_list(struct binder *b, const struct pred_syntax *s, bool inverse,
                              struct pred_node **out)
{
    struct pred_node **kids = NULL;
    size_t count = 0;
    TRY(new_kids(b, s->count, &kids));
    bool is_value_null =
        s->first->kind == PRED_SYN_LITERAL && s->first->literal.kind == PRED_LIT_NULL;
    for (const struct pred_syntax *item = s->first->next; item; item = item->next) {
        bool is_null = item->kind == PRED_SYN_LITERAL && item->literal.kind == PRED_LIT_NULL;
        if (is_null || is_value_null)
            TRY(new_const(b, PRED_UNKNOWN, &kids[count++]));
        else
            TRY(compare_operands(b, s->first, inverse ? PRED_NE : PRED_EQ, false, item,
                                 &kids[count++]));
    }
    return new_list(b, inverse ? PRED_AND : PRED_OR, kids, count, out);
}

static int compare_nums(const void *a, const void *b)
{
    return pred_value_compare(PRED_CLASS_NUM, a, b);
}

static int compare_reals(const void *a, const void *b)
{
    return pred_value_compare(PRED_CLASS_REAL, a, b);
}

static int compare_bytes(const void *a, const void *b)
{
    return pred_value_compare(PRED_CLASS_BYTES, a, b);
}

static slp_rc finish_set(struct binder *b, struct arr_type type, struct pred_set *set)
{
    set->of = pred_class_of(type);
    if (set->count > 1)
        qsort(set->values, set->count, sizeof *set->values,
              set->of == PRED_CLASS_NUM    ? compare_nums
              : set->of == PRED_CLASS_REAL ? compare_reals
                                           : compare_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (kept == 0 || pred_value_compare(set->of, &set->values[kept - 1], &set->values[i]) != 0)
            set->values[kept++] = set->values[i];
    }
    set->count = kept;
    if (set->of == PRED_CLASS_BYTES || type.kind == ARR_DECIMAL128)
        return SLP_OK;
    void *room = NULL;
    TRY(arena_array(b->arena, kept, sizeof *set->ordinals, &room, b->err));
    set->ordinals = room;
    for (size_t i = 0; i < kept; i++)
        set->ordinals[i] = set->of == PRED_CLASS_REAL
                               ? pred_ordinal_real(set->values[i].real)
                               : pred_ordinal_num(type.kind, set->values[i].num);
    return SLP_OK;
}

/* column IN (literals): those that no value can equal are left out. */
static slp_rc bind_in_set(struct binder *b, const struct pred_syntax *s, size_t column,
                          bool inverse, struct pred_node **out)
{
    const struct arr_field *field = field_of(b, column);
    struct pred_set *set;
    void *room = NULL;
    if (field->type.kind == ARR_NULL)
        return new_const(b, PRED_UNKNOWN, out);
    TRY(arena_new(b->arena, &set, b->err));
    TRY(arena_array(b->arena, s->count, sizeof *set->values, &room, b->err));
    set->values = room;
    for (const struct pred_syntax *item = s->first->next; item; item = item->next) {
        struct pred_place place = {0};
        if (item->literal.kind == PRED_LIT_NULL) {
            set->has_null = true;
            continue;
        }
        TRY(pred_literal_place(b->text, item, field, b->arena, &place, b->err));
        if (place.side == PRED_AT)
            set->values[set->count++] = place.value;
    }
    if (set->count == 0 && set->has_null)
        return new_const(b, PRED_UNKNOWN, out);
    if (set->count == 0)
        return new_fold(b, column, truth_of(inverse), PRED_UNKNOWN, out);
    TRY(finish_set(b, field->type, set));
    TRY(new_node(b, PRED_IN, out));
    (*out)->column = column;
    (*out)->is_negated = inverse;
    (*out)->set = set;
    return SLP_OK;
}

static slp_rc bind_in(struct binder *b, const struct pred_syntax *s, bool negate,
                      struct pred_node **out)
{
    bool inverse = s->is_negated != negate;
    bool is_set = s->first->kind == PRED_SYN_COLUMN;
    size_t column = 0;
    for (const struct pred_syntax *item = s->first->next; item; item = item->next)
        is_set = is_set && item->kind == PRED_SYN_LITERAL;
    if (s->first->kind == PRED_SYN_COLUMN)
        TRY(find_column(b, s->first, &column));
    return is_set ? bind_in_set(b, s, column, inverse, out) : bind_in_as_list(b, s, inverse, out);
}

static slp_rc like_text(struct binder *b, const struct pred_syntax *s, const char *what,
                        struct slice *out)
{
    if (s->kind != PRED_SYN_LITERAL)
        return pred_fail(b->err, SLP_UNSUPPORTED, b->text, s->at,
                         "%s other than a text is not supported yet", what);
    if (s->literal.kind != PRED_LIT_STRING)
        return pred_fail(b->err, SLP_INVALID, b->text, s->at, "%s is a text in 'single quotes'",
                         what);
    *out = s->literal.text;
    return SLP_OK;
}

static bool is_one_character(struct slice s)
{
    if (s.len == 0 || s.len > 4)
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

static slp_rc bind_pattern(struct binder *b, const struct pred_syntax *s,
                           const struct pred_like **out)
{
    const struct pred_syntax *pattern = s->first->next;
    struct slp_err local = {0};
    struct slice text = {0};
    struct slice escape = {0};
    TRY(like_text(b, pattern, "a pattern", &text));
    if (pattern->next) {
        TRY(like_text(b, pattern->next, "an escape", &escape));
        if (!is_one_character(escape))
            return pred_fail(b->err, SLP_INVALID, b->text, pattern->next->at,
                             "an escape is one character");
    }
    slp_rc rc = pred_like_compile(text, escape, b->arena, out, &local);
    if (rc == SLP_INVALID)
        return pred_fail(b->err, rc, b->text, pattern->at, "%s", local.text);
    if (rc != SLP_OK && b->err)
        *b->err = local;
    return rc;
}

static slp_rc bind_like(struct binder *b, const struct pred_syntax *s, bool negate,
                        struct pred_node **out)
{
    bool inverse = s->is_negated != negate;
    const struct pred_like *like = NULL;
    struct slice text = {0};
    size_t column = 0;
    TRY(bind_pattern(b, s, &like));
    if (s->first->kind == PRED_SYN_LITERAL) {
        TRY(like_text(b, s->first, "what LIKE matches", &text));
        return new_const(b, truth_of(pred_like_match(like, text) != inverse), out);
    }
    TRY(find_column(b, s->first, &column));
    const struct arr_field *field = field_of(b, column);
    if (field->type.kind == ARR_NULL)
        return new_const(b, PRED_UNKNOWN, out);
    if (field->type.kind != ARR_UTF8) {
        char type[64];
        arr_type_format(field->type, type, sizeof type);
        return pred_fail(b->err, SLP_INVALID, b->text, s->first->at,
                         "LIKE takes a string column, \"%s\" is %s", field->name, type);
    }
    if (like->is_text)
        return new_compare(b, column, inverse ? PRED_NE : PRED_EQ,
                           (struct pred_value){.bytes = pred_like_head(like)}, PRED_UNKNOWN, out);
    TRY(new_node(b, PRED_LIKE, out));
    (*out)->column = column;
    (*out)->is_negated = inverse;
    (*out)->like = like;
    return SLP_OK;
}

static slp_rc bind_is_nan(struct binder *b, const struct pred_syntax *s, bool inverse,
                          struct pred_node **out)
{
    size_t column = 0;
    struct pred_value nan = {.real = NAN};
    if (s->first->kind != PRED_SYN_COLUMN)
        return pred_fail(b->err, SLP_INVALID, b->text, s->first->at,
                         "IS NAN takes a float or double column");
    TRY(find_column(b, s->first, &column));
    if (pred_class_of(field_of(b, column)->type) != PRED_CLASS_REAL)
        return pred_fail(b->err, SLP_INVALID, b->text, s->first->at,
                         "IS NAN takes a float or double column");
    return new_compare(b, column, inverse ? PRED_NE : PRED_EQ, nan, truth_of(inverse), out);
}

/* IS NULL of a column of any type or a value; of a condition it is IS UNKNOWN. */
static slp_rc bind_is_null(struct binder *b, const struct pred_syntax *s, bool inverse,
                           struct pred_node **out)
{
    size_t column = 0;
    if (s->first->kind == PRED_SYN_LITERAL)
        return new_const(b, truth_of((s->first->literal.kind == PRED_LIT_NULL) != inverse), out);
    TRY(pred_resolve(&b->names, s->first, &column, b->err));
    return new_fold(b, column, truth_of(inverse), truth_of(!inverse), out);
}

static slp_rc bind_is(struct binder *b, const struct pred_syntax *s, bool negate,
                      struct pred_node **out)
{
    bool inverse = s->is_negated != negate;
    bool is_operand = s->first->kind == PRED_SYN_COLUMN || s->first->kind == PRED_SYN_LITERAL;
    struct pred_node *kid = NULL;
    if (s->test == PRED_IS_NAN)
        return bind_is_nan(b, s, inverse, out);
    if (s->test == PRED_IS_NULL && is_operand)
        return bind_is_null(b, s, inverse, out);
    enum pred_test test =
        s->test == PRED_IS_NULL || s->test == PRED_IS_UNKNOWN ? PRED_IS_UNKNOWN : PRED_IS_TRUE;
    TRY(bind_node(b, s->first, s->test == PRED_IS_FALSE, &kid));
    if (kid->kind == PRED_CONST) {
        uint8_t wanted = test == PRED_IS_TRUE ? PRED_TRUE : PRED_UNKNOWN;
        return new_const(b, truth_of((kid->truth == wanted) != inverse), out);
    }
    TRY(new_node(b, PRED_IS, out));
    TRY(new_kids(b, 1, &(*out)->kids));
    (*out)->kids[0] = kid;
    (*out)->count = 1;
    (*out)->test = test;
    (*out)->is_negated = inverse;
    return SLP_OK;
}

/* Bind `s`, or with `negate` its NOT: De Morgan holds in three-valued logic. */
static slp_rc bind_node(struct binder *b, const struct pred_syntax *s, bool negate,
                        struct pred_node **out)
{
    enum pred_op op = s->op;
    switch (s->kind) {
    case PRED_SYN_LITERAL:
        return bind_literal(b, s, negate, out);
    case PRED_SYN_COLUMN:
        return bind_column(b, s, negate, out);
    case PRED_SYN_AND:
    case PRED_SYN_OR:
        return bind_list(b, s, negate, out);
    case PRED_SYN_NOT:
        return bind_node(b, s->first, !negate, out);
    case PRED_SYN_COMPARE:
        return compare_operands(b, s->first, negate ? pred_op_inverse(op) : op, false, s->last,
                                out);
    case PRED_SYN_DISTINCT:
        return compare_operands(b, s->first, s->is_negated != negate ? PRED_EQ : PRED_NE, true,
                                s->last, out);
    case PRED_SYN_BETWEEN:
        return bind_between(b, s, negate, out);
    case PRED_SYN_IN:
        return bind_in(b, s, negate, out);
    case PRED_SYN_LIKE:
        return bind_like(b, s, negate, out);
    case PRED_SYN_IS:
        break;
    }
    return bind_is(b, s, negate, out);
}

static size_t height_of(const struct pred_node *n)
{
    size_t height = 0;
    for (size_t i = 0; i < n->count; i++)
        height = num_max_size(height, height_of(n->kids[i]));
    return height + (n->kind == PRED_AND || n->kind == PRED_OR);
}

slp_rc pred_bind(struct slice text, const struct pred_syntax *tree, const struct arr_schema *schema,
                 struct arena *arena, struct pred **out, struct slp_err *err)
{
    struct binder b = {.text = text, .arena = arena, .err = err};
    b.names = (struct pred_names){.text = text, .schema = schema, .arena = arena};
    struct pred_node *root = NULL;
    struct pred *p;
    TRY(bind_node(&b, tree, false, &root));
    TRY(arena_new(arena, &p, err));
    p->schema = schema;
    p->members = b.names.members;
    p->member_count = b.names.count;
    p->root = root;
    p->height = height_of(root);
    *out = p;
    return SLP_OK;
}
