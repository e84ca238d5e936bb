/*
 * Key ranges: which intervals of keys can hold a row for which the predicate is TRUE.
 *
 * A box has a set of intervals a key field; a row lies in it if every field's value lies in its
 * set. A predicate is a list of boxes:
 *
 *   leaf on a key field      one box, restricted in that field
 *   leaf on anything else    one box without restriction
 *   AND                      every pair of boxes, intersected field by field
 *   OR                       all boxes; those restricted in one and the same field become one
 *
 * A box becomes intervals of whole keys by walking the fields in key order: points of the leading
 * fields are prefixes that the next field's set narrows; the first field that is not restricted, or
 * an interval that is no point, ends the walk. Every step may keep too much and never too little,
 * so where a bound is reached a step is left out.
 */
#include "predicate/interval.h"
#include "predicate/tree.h"

/* Boxes of one predicate: enough for conditions people write, few enough to multiply. */
#define BOXES_MAX 64u

/* Intervals that the walk through the fields of one box may make. */
#define WALK_MAX (4 * (size_t)PRED_RANGES_MAX)

/* Longer literals are left to evaluation: a key that long is refused when it is written. */
#define VALUE_MAX_BYTES (KEY_MAX_BYTES / 4)

#define SCRATCH_MAX_BYTES ((size_t)1 << 30)

struct box {
    struct pred_intervals fields[SCHEMA_KEY_FIELDS_MAX];
};

struct boxes {
    size_t count;
    struct box **items; /* room for BOXES_MAX */
};

struct deriver {
    const struct key_spec *spec;
    struct arena *scratch;
    struct slp_err *err;
};

static slp_rc derive(struct deriver *d, const struct pred_node *n, struct boxes *out);

static slp_rc new_boxes(struct deriver *d, struct boxes *out)
{
    void *room = NULL;
    TRY(arena_array(d->scratch, BOXES_MAX, sizeof *out->items, &room, d->err));
    *out = (struct boxes){.items = room};
    return SLP_OK;
}

/* A list of one box without restriction. */
static slp_rc everything(struct deriver *d, struct boxes *out)
{
    TRY(new_boxes(d, out));
    TRY(arena_new(d->scratch, &out->items[0], d->err));
    for (size_t i = 0; i < d->spec->field_count; i++)
        out->items[0]->fields[i].is_all = true;
    out->count = 1;
    return SLP_OK;
}

static bool key_field_of(const struct key_spec *spec, size_t column, size_t *field)
{
    for (size_t i = 0; i < spec->field_count; i++) {
        if (spec->columns[i] == column) {
            *field = i;
            return true;
        }
    }
    return false;
}

/*
 * Encode a value of a key field. Floats go in as double and fixed binaries as binary, which encode
 * alike, because a literal need not be a float or as wide as the column.
 */
static slp_rc encode_value(struct deriver *d, struct arr_type type, const struct pred_value *v,
                           struct slice *out)
{
    slp_rc rc = SLP_OK;
    struct arr_col c;
    struct buf bytes;
    if (type.kind == ARR_FLOAT)
        type.kind = ARR_DOUBLE;
    if (type.kind == ARR_FIXED_BINARY)
        type = (struct arr_type){.kind = ARR_BINARY};
    struct key_spec spec = {.field_count = 1, .row_key_count = 1, .types = {type}};
    arr_col_init(&c, d->scratch->mem, type);
    buf_init(&bytes, d->scratch->mem, KEY_MAX_BYTES);
    if (pred_class_of(type) == PRED_CLASS_BYTES)
        TRY_OUT(arr_col_append(&c, v->bytes, d->err));
    else if (type.kind == ARR_DOUBLE)
        TRY_OUT(arr_col_append_f64(&c, v->real, d->err));
    else if (type.kind == ARR_DECIMAL128)
        TRY_OUT(arr_col_append(&c, slice_of(&v->num, sizeof v->num), d->err));
    else if (type.kind == ARR_BOOL)
        TRY_OUT(arr_col_append_bool(&c, v->num != 0, d->err));
    else
        TRY_OUT(arr_col_append_i64(&c, (int64_t)v->num, d->err));
    TRY_OUT(key_encode_prefix(&spec, &c, 1, &bytes, d->err));
    TRY_OUT(arena_copy(d->scratch, buf_slice(&bytes), out, d->err));
out:
    buf_fini(&bytes);
    arr_col_fini(&c);
    return rc;
}

/* The one value as an interval. */
static slp_rc point_of(struct deriver *d, struct arr_type type, const struct pred_value *v,
                       struct pred_interval *out)
{
    struct pred_interval point = {.is_point = true};
    TRY(encode_value(d, type, v, &point.range.lo));
    TRY(pred_successor(point.range.lo, d->scratch, &point.range.hi, &point.range.has_hi, d->err));
    *out = point;
    return SLP_OK;
}

static slp_rc new_intervals(struct deriver *d, size_t count, struct pred_intervals *out)
{
    void *room = NULL;
    TRY(arena_array(d->scratch, count, sizeof *out->items, &room, d->err));
    *out = (struct pred_intervals){.items = room, .count = count};
    return SLP_OK;
}

static slp_rc set_of_compare(struct deriver *d, struct arr_type type, const struct pred_node *n,
                             struct pred_intervals *out)
{
    struct pred_interval point;
    struct pred_intervals set;
    TRY(point_of(d, type, &n->value, &point));
    TRY(new_intervals(d, 1, &set));
    set.items[0] = point;
    struct key_range *r = &set.items[0].range;
    switch (n->op) {
    case PRED_EQ:
        break;
    case PRED_NE:
        return pred_intervals_complement(&set, d->scratch, out, d->err);
    case PRED_LT:
        *r = (struct key_range){.hi = r->lo, .has_hi = true};
        break;
    case PRED_LE:
        r->lo = slice_of(NULL, 0);
        break;
    case PRED_GT:
        set.count = r->has_hi;
        *r = (struct key_range){.lo = r->hi};
        break;
    case PRED_GE:
        r->has_hi = false;
        break;
    }
    set.items[0].is_point = n->op == PRED_EQ;
    *out = set;
    return SLP_OK;
}

static slp_rc set_of_in(struct deriver *d, struct arr_type type, const struct pred_node *n,
                        struct pred_intervals *out)
{
    struct pred_intervals set;
    TRY(new_intervals(d, n->set->count, &set));
    /* A NULL in the list makes every other value UNKNOWN: NOT IN is never TRUE then. */
    if (n->is_negated && n->set->has_null) {
        set.count = 0;
        *out = set;
        return SLP_OK;
    }
    for (size_t i = 0; i < n->set->count; i++)
        TRY(point_of(d, type, &n->set->values[i], &set.items[i]));
    pred_intervals_normalise(&set);
    if (n->is_negated)
        return pred_intervals_complement(&set, d->scratch, out, d->err);
    *out = set;
    return SLP_OK;
}

/* LIKE 'abc%' is [abc, abd): all texts that begin with the head. */
static slp_rc set_of_like(struct deriver *d, struct arr_type type, const struct pred_node *n,
                          struct pred_intervals *out)
{
    struct pred_value head = {.bytes = pred_like_head(n->like)};
    struct pred_value end = {0};
    struct pred_intervals set;
    if (head.bytes.len == 0 || (n->is_negated && !n->like->is_head)) {
        *out = (struct pred_intervals){.is_all = true};
        return SLP_OK;
    }
    TRY(new_intervals(d, 1, &set));
    struct key_range *r = &set.items[0].range;
    TRY(encode_value(d, type, &head, &r->lo));
    TRY(pred_successor(head.bytes, d->scratch, &end.bytes, &r->has_hi, d->err));
    if (r->has_hi)
        TRY(encode_value(d, type, &end, &r->hi));
    if (n->is_negated)
        return pred_intervals_complement(&set, d->scratch, out, d->err);
    *out = set;
    return SLP_OK;
}

/* A key field is never null, so a fold is its truth for values. */
static bool is_never_true(const struct pred_node *n, bool is_key)
{
    if (n->kind == PRED_CONST)
        return n->truth != PRED_TRUE;
    return n->kind == PRED_FOLD && n->truth != PRED_TRUE && (is_key || n->null_truth != PRED_TRUE);
}

static bool is_too_long(const struct pred_node *n)
{
    if (n->value.bytes.len > VALUE_MAX_BYTES)
        return true;
    if (n->kind == PRED_LIKE)
        return n->like->head > VALUE_MAX_BYTES;
    for (size_t i = 0; n->kind == PRED_IN && n->set->of == PRED_CLASS_BYTES && i < n->set->count;
         i++) {
        if (n->set->values[i].bytes.len > VALUE_MAX_BYTES)
            return true;
    }
    return false;
}

static slp_rc derive_leaf(struct deriver *d, const struct pred_node *n, struct boxes *out)
{
    size_t field = 0;
    bool has_column = n->kind != PRED_CONST && n->count == 0;
    bool is_key = has_column && key_field_of(d->spec, n->column, &field);
    if (is_never_true(n, is_key))
        return new_boxes(d, out);
    TRY(everything(d, out));
    if (!is_key || is_too_long(n))
        return SLP_OK;
    struct arr_type type = d->spec->types[field];
    struct pred_intervals *set = &out->items[0]->fields[field];
    switch (n->kind) {
    case PRED_CMP:
        return set_of_compare(d, type, n, set);
    case PRED_IN:
        return set_of_in(d, type, n, set);
    case PRED_LIKE:
        return set_of_like(d, type, n, set);
    default:
        return SLP_OK;
    }
}

static slp_rc intersect_boxes(struct deriver *d, const struct box *a, const struct box *b,
                              struct box **out)
{
    TRY(arena_new(d->scratch, out, d->err));
    for (size_t i = 0; i < d->spec->field_count; i++)
        TRY(pred_intervals_intersect(&a->fields[i], &b->fields[i], d->scratch, &(*out)->fields[i],
                                     d->err));
    return SLP_OK;
}

static bool is_empty_box(const struct deriver *d, const struct box *b)
{
    for (size_t i = 0; i < d->spec->field_count; i++) {
        if (!b->fields[i].is_all && b->fields[i].count == 0)
            return true;
    }
    return false;
}

static slp_rc multiply(struct deriver *d, const struct boxes *a, const struct boxes *b,
                       struct boxes *out)
{
    /* Too many pairs: either side alone holds every row of both. */
    if (a->count * b->count > BOXES_MAX) {
        *out = a->count <= b->count ? *a : *b;
        return SLP_OK;
    }
    struct boxes product;
    TRY(new_boxes(d, &product));
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            struct box *both = NULL;
            TRY(intersect_boxes(d, a->items[i], b->items[k], &both));
            if (!is_empty_box(d, both))
                product.items[product.count++] = both;
        }
    }
    *out = product;
    return SLP_OK;
}

/* By halves, so that a long list costs n log n and its depth is the logarithm of its length. */
static slp_rc derive_and(struct deriver *d, struct pred_node *const *kids, size_t count,
                         struct boxes *out)
{
    if (count == 1)
        return derive(d, kids[0], out);
    struct boxes left;
    struct boxes right;
    TRY(derive_and(d, kids, count / 2, &left));
    TRY(derive_and(d, kids + count / 2, count - count / 2, &right));
    return multiply(d, &left, &right, out);
}

/* The only field in which a box is restricted, or field_count if there are none or several. */
static size_t only_field(const struct deriver *d, const struct box *b)
{
    size_t found = d->spec->field_count;
    for (size_t i = 0; i < d->spec->field_count; i++) {
        if (b->fields[i].is_all)
            continue;
        if (found != d->spec->field_count)
            return d->spec->field_count;
        found = i;
    }
    return found;
}

static slp_rc unite_intervals(struct deriver *d, const struct pred_intervals *a,
                              const struct pred_intervals *b, struct pred_intervals *out)
{
    struct pred_intervals both;
    TRY(new_intervals(d, a->count + b->count, &both));
    if (a->count > 0)
        memcpy(both.items, a->items, a->count * sizeof *a->items);
    if (b->count > 0)
        memcpy(both.items + a->count, b->items, b->count * sizeof *b->items);
    pred_intervals_normalise(&both);
    *out = both;
    return SLP_OK;
}

/* Add a box to a sum: into the one restricted in the same single field, or as another. */
static slp_rc add_box(struct deriver *d, struct boxes *sum, struct box *b)
{
    size_t field = only_field(d, b);
    for (size_t i = 0; i < sum->count && field < d->spec->field_count; i++) {
        struct box *other = sum->items[i];
        if (only_field(d, other) != field)
            continue;
        struct box *united = NULL;
        TRY(arena_new(d->scratch, &united, d->err));
        *united = *b;
        TRY(unite_intervals(d, &other->fields[field], &b->fields[field], &united->fields[field]));
        sum->items[i] = united;
        return SLP_OK;
    }
    if (sum->count == BOXES_MAX)
        return everything(d, sum);
    sum->items[sum->count++] = b;
    return SLP_OK;
}

static slp_rc derive_or(struct deriver *d, struct pred_node *const *kids, size_t count,
                        struct boxes *out)
{
    if (count == 1)
        return derive(d, kids[0], out);
    struct boxes left;
    struct boxes right;
    struct boxes sum;
    TRY(derive_or(d, kids, count / 2, &left));
    TRY(derive_or(d, kids + count / 2, count - count / 2, &right));
    TRY(new_boxes(d, &sum));
    for (size_t i = 0; i < left.count; i++)
        TRY(add_box(d, &sum, left.items[i]));
    for (size_t i = 0; i < right.count; i++)
        TRY(add_box(d, &sum, right.items[i]));
    *out = sum;
    return SLP_OK;
}

static slp_rc derive_is(struct deriver *d, const struct pred_node *n, struct boxes *out)
{
    if (n->test == PRED_IS_TRUE && !n->is_negated)
        return derive(d, n->kids[0], out);
    return everything(d, out);
}

static slp_rc derive(struct deriver *d, const struct pred_node *n, struct boxes *out)
{
    switch (n->kind) {
    case PRED_AND:
        return derive_and(d, n->kids, n->count, out);
    case PRED_OR:
        return derive_or(d, n->kids, n->count, out);
    case PRED_IS:
        return derive_is(d, n, out);
    default:
        return derive_leaf(d, n, out);
    }
}

/* The walk through the fields of one box. */
struct walk {
    struct deriver *d;
    const struct box *box;
    size_t fields; /* how many take part */
    struct pred_intervals *out;
};

/* How many leading fields are restricted and do not multiply beyond the bound. */
static size_t walked_fields(const struct deriver *d, const struct box *b, size_t *count)
{
    size_t fields = 0;
    size_t product = 1;
    while (fields < d->spec->field_count && !b->fields[fields].is_all) {
        size_t next = b->fields[fields].count;
        if (fields > 0 && next > WALK_MAX / product)
            break;
        product *= next;
        fields++;
    }
    *count = product;
    return fields;
}

static slp_rc join_bytes(struct deriver *d, struct slice a, struct slice b, struct slice *out)
{
    void *room = NULL;
    TRY(arena_alloc(d->scratch, a.len + b.len, &room, d->err));
    uint8_t *bytes = room;
    if (a.len)
        memcpy(bytes, a.ptr, a.len);
    if (b.len)
        memcpy(bytes + a.len, b.ptr, b.len);
    *out = slice_of(bytes, a.len + b.len);
    return SLP_OK;
}

static slp_rc walk_field(const struct walk *w, struct slice prefix, size_t field)
{
    const struct pred_intervals *set = &w->box->fields[field];
    for (size_t i = 0; i < set->count; i++) {
        struct key_range from = set->items[i].range;
        struct slice lo;
        TRY(join_bytes(w->d, prefix, from.lo, &lo));
        if (set->items[i].is_point && field + 1 < w->fields) {
            TRY(walk_field(w, lo, field + 1));
            continue;
        }
        struct pred_interval *to = &w->out->items[w->out->count++];
        to->range = (struct key_range){.lo = lo, .has_hi = from.has_hi};
        if (from.has_hi)
            TRY(join_bytes(w->d, prefix, from.hi, &to->range.hi));
        else if (prefix.len > 0)
            TRY(pred_successor(prefix, w->d->scratch, &to->range.hi, &to->range.has_hi, w->d->err));
    }
    return SLP_OK;
}

/* Intervals of whole keys for one box, appended to `out`. */
static slp_rc walk_box(struct deriver *d, const struct box *b, struct pred_intervals *out)
{
    struct pred_intervals own;
    size_t count = 0;
    if (is_empty_box(d, b))
        return SLP_OK;
    size_t fields = walked_fields(d, b, &count);
    if (fields == 0) {
        TRY(new_intervals(d, 1, &own));
        return unite_intervals(d, out, &own, out);
    }
    TRY(new_intervals(d, count, &own));
    own.count = 0;
    struct walk w = {.d = d, .box = b, .fields = fields, .out = &own};
    TRY(walk_field(&w, slice_of(NULL, 0), 0));
    return unite_intervals(d, out, &own, out);
}

static slp_rc copy_out(const struct pred_intervals *set, struct arena *arena,
                       struct key_range **out, size_t *count, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, set->count, sizeof(struct key_range), &room, err));
    struct key_range *ranges = room;
    for (size_t i = 0; i < set->count; i++) {
        ranges[i].has_hi = set->items[i].range.has_hi;
        TRY(arena_copy(arena, set->items[i].range.lo, &ranges[i].lo, err));
        if (ranges[i].has_hi)
            TRY(arena_copy(arena, set->items[i].range.hi, &ranges[i].hi, err));
    }
    *out = ranges;
    *count = set->count;
    return SLP_OK;
}

slp_rc pred_key_ranges(const struct pred *p, const struct key_spec *spec, struct arena *arena,
                       struct key_range **out, size_t *count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena scratch;
    struct boxes boxes;
    struct pred_intervals keys = {0};
    arena_init(&scratch, arena->mem, SCRATCH_MAX_BYTES);
    struct deriver d = {.spec = spec, .scratch = &scratch, .err = err};
    TRY_OUT(derive(&d, p->root, &boxes));
    for (size_t i = 0; i < boxes.count; i++)
        TRY_OUT(walk_box(&d, boxes.items[i], &keys));
    pred_intervals_bound(&keys, PRED_RANGES_MAX);
    TRY_OUT(copy_out(&keys, arena, out, count, err));
out:
    arena_fini(&scratch);
    return rc;
}
