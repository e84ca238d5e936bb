#include "predicate/prune.h"

#include <math.h>

#include "base/num.h"
#include "predicate/tree.h"

/* Members of a list that are asked for one by one; more of them are taken to be there. */
#define ASK_MAX 4096u

/* Sets of truths: one bit an enum pred_truth. */
#define ANY_TRUTH 7u

static unsigned only(unsigned truth)
{
    return 1u << truth;
}

/* ---- Values ---- */

static struct pred_value value_at(const struct arr_col *c, int64_t row)
{
    struct pred_value v = {0};
    switch (pred_class_of(c->type)) {
    case PRED_CLASS_REAL:
        v.real = arr_col_f64(c, row);
        break;
    case PRED_CLASS_BYTES:
        v.bytes = arr_col_bytes(c, row);
        break;
    default:
        if (c->type.kind == ARR_DECIMAL128)
            memcpy(&v.num, arr_col_bytes(c, row).ptr, sizeof v.num);
        else if (c->type.kind == ARR_UINT64)
            v.num = (uint64_t)arr_col_i64(c, row);
        else
            v.num = arr_col_i64(c, row);
    }
    return v;
}

/* One end of a column's values. */
struct end {
    bool is_known;
    struct pred_value value;
};

/* A column, and what is known of it. */
struct subject {
    const struct pred_witness *witness;
    size_t column;
    bool is_member; /* of a struct */
    struct arr_type type;
    enum pred_class of;
    struct pred_facts facts;
    struct end low;
    struct end high;
};

static struct end end_at(const struct subject *s, int64_t row)
{
    struct end e = {0};
    if (!s->facts.bounds || s->of == PRED_CLASS_NONE || arr_col_is_null(s->facts.bounds, row))
        return e;
    e.value = value_at(s->facts.bounds, row);
    e.is_known = s->of != PRED_CLASS_REAL || !isnan(e.value.real);
    return e;
}

static struct subject subject_of(const struct pred *p, const struct pred_witness *w, size_t column)
{
    struct subject s = {.witness = w, .column = column, .type = pred_field(p, column)->type};
    s.of = pred_class_of(s.type);
    if (column >= p->schema->count) { /* witnesses know nothing of members */
        s.is_member = true;
        s.facts = (struct pred_facts){
            .may_be_null = true, .may_have_value = true, .may_be_nan = s.of == PRED_CLASS_REAL};
        return s;
    }
    s.facts = w->facts(w->context, column);
    s.low = end_at(&s, 0);
    s.high = end_at(&s, 1);
    return s;
}

static bool is_below(const struct subject *s, const struct pred_value *v)
{
    return s->low.is_known && pred_value_compare(s->of, v, &s->low.value) < 0;
}

static bool is_above(const struct subject *s, const struct pred_value *v)
{
    return s->high.is_known && pred_value_compare(s->of, v, &s->high.value) > 0;
}

static bool ask(const struct subject *s, const struct pred_value *v)
{
    float narrow = 0;
    struct slice element = slice_of(&v->num, arr_type_width(s->type));
    if (!s->witness->may_hold || s->is_member || s->type.kind == ARR_BOOL)
        return true;
    if (s->of == PRED_CLASS_BYTES)
        element = v->bytes;
    if (s->of == PRED_CLASS_REAL) {
        if (isnan(v->real) || v->real == 0)
            return true;
        narrow = (float)v->real;
        element = slice_of(&v->real, sizeof v->real);
        if (s->type.kind == ARR_FLOAT) {
            if ((double)narrow != v->real)
                return true;
            element = slice_of(&narrow, sizeof narrow);
        }
    }
    return s->witness->may_hold(s->witness->context, s->column, element);
}

/* May a value of the column be this one? NaN is greater than all that have bounds. */
static bool may_equal(const struct subject *s, const struct pred_value *v)
{
    if (s->of == PRED_CLASS_REAL && isnan(v->real))
        return s->facts.may_be_nan;
    return !is_below(s, v) && !is_above(s, v) && ask(s, v);
}

/* ---- Leaves ---- */

static bool fits(enum pred_op op, int order)
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

/* What values may be to the literal: less, equal, greater. */
static unsigned truths_of_compare(const struct subject *s, const struct pred_node *n)
{
    const struct pred_value *v = &n->value;
    bool is_nan = s->of == PRED_CLASS_REAL && isnan(v->real);
    bool may_be_less =
        is_nan || !s->low.is_known || pred_value_compare(s->of, &s->low.value, v) < 0;
    bool may_be_greater = !is_nan && (s->facts.may_be_nan || !s->high.is_known ||
                                      pred_value_compare(s->of, &s->high.value, v) > 0);
    unsigned out = 0;
    if (may_be_less)
        out |= only(fits(n->op, -1));
    if (may_equal(s, v))
        out |= only(fits(n->op, 0));
    if (may_be_greater)
        out |= only(fits(n->op, 1));
    return out;
}

static bool may_be_in(const struct subject *s, const struct pred_set *set)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_below(s, &set->values[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < set->count && !is_above(s, &set->values[i]); i++) {
        if (i - low == ASK_MAX || may_equal(s, &set->values[i]))
            return true;
    }
    return set->count && may_equal(s, &set->values[set->count - 1]);
}

static unsigned truths_of_in(const struct subject *s, const struct pred_node *n)
{
    unsigned missed = n->set->has_null ? PRED_UNKNOWN : n->is_negated ? PRED_TRUE : PRED_FALSE;
    unsigned found = n->is_negated ? PRED_FALSE : PRED_TRUE;
    return only(missed) | (may_be_in(s, n->set) ? only(found) : 0);
}

/* Matches begin with the head: they lie between it and all that begins with it. */
static unsigned truths_of_like(const struct subject *s, const struct pred_node *n)
{
    struct slice head = pred_like_head(n->like);
    bool may_match = true;
    if (s->high.is_known && slice_compare(s->high.value.bytes, head) < 0)
        may_match = false;
    if (s->low.is_known) {
        struct slice low = s->low.value.bytes;
        size_t len = num_min_size(low.len, head.len);
        may_match = may_match && slice_compare(slice_first(low, len), head) <= 0;
    }
    return only(n->is_negated) | (may_match ? only(!n->is_negated) : 0);
}

static unsigned truths_of_leaf(const struct pred *p, const struct pred_node *n,
                               const struct pred_witness *w)
{
    struct subject s = subject_of(p, w, n->column);
    unsigned null_truth =
        n->kind == PRED_FOLD || n->kind == PRED_CMP ? n->null_truth : PRED_UNKNOWN;
    unsigned out = s.facts.may_be_null ? only(null_truth) : 0;
    if (!s.facts.may_have_value)
        return out;
    switch (n->kind) {
    case PRED_FOLD:
        return out | only(n->truth);
    case PRED_CMP:
        return out | truths_of_compare(&s, n);
    case PRED_IN:
        return out | truths_of_in(&s, n);
    default:
        assert(n->kind == PRED_LIKE);
        return out | truths_of_like(&s, n);
    }
}

/* ---- The tree ---- */

static unsigned both(unsigned a, unsigned b)
{
    if (a == PRED_FALSE || b == PRED_FALSE)
        return PRED_FALSE;
    return a == PRED_TRUE && b == PRED_TRUE ? PRED_TRUE : PRED_UNKNOWN;
}

static unsigned either(unsigned a, unsigned b)
{
    if (a == PRED_TRUE || b == PRED_TRUE)
        return PRED_TRUE;
    return a == PRED_FALSE && b == PRED_FALSE ? PRED_FALSE : PRED_UNKNOWN;
}

/* Whatever one of the one set and one of the other make. */
static unsigned combine(enum pred_kind kind, unsigned a, unsigned b)
{
    unsigned out = 0;
    for (unsigned i = 0; i <= PRED_UNKNOWN; i++) {
        for (unsigned k = 0; k <= PRED_UNKNOWN; k++) {
            if ((a & only(i)) && (b & only(k)))
                out |= only(kind == PRED_AND ? both(i, k) : either(i, k));
        }
    }
    return out;
}

static unsigned truths_of(const struct pred *p, const struct pred_node *n,
                          const struct pred_witness *w);

static unsigned truths_of_list(const struct pred *p, const struct pred_node *n,
                               const struct pred_witness *w)
{
    unsigned out = truths_of(p, n->kids[0], w);
    for (size_t i = 1; i < n->count; i++)
        out = combine(n->kind, out, truths_of(p, n->kids[i], w));
    return out;
}

static unsigned truths_of_is(const struct pred *p, const struct pred_node *n,
                             const struct pred_witness *w)
{
    unsigned wanted = only(n->test == PRED_IS_TRUE ? PRED_TRUE : PRED_UNKNOWN);
    unsigned kid = truths_of(p, n->kids[0], w);
    return (kid & wanted ? only(!n->is_negated) : 0) | (kid & ~wanted ? only(n->is_negated) : 0);
}

static unsigned truths_of(const struct pred *p, const struct pred_node *n,
                          const struct pred_witness *w)
{
    switch (n->kind) {
    case PRED_CONST:
        return only(n->truth);
    case PRED_PAIR:
        return ANY_TRUTH;
    case PRED_IS:
        return truths_of_is(p, n, w);
    case PRED_AND:
    case PRED_OR:
        return truths_of_list(p, n, w);
    default:
        return truths_of_leaf(p, n, w);
    }
}

bool pred_may_be_true(const struct pred *p, const struct pred_witness *w)
{
    return truths_of(p, p->root, w) & only(PRED_TRUE);
}
