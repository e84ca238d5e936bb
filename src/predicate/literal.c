#include <math.h>
#include <stdio.h>

#include "arrow/text.h"
#include "predicate/tree.h"

#define SHOWN_BYTES 40u

static const char beyond_double[] = "the number is beyond the range of a double";

/* What a literal meets, passed along while it is placed. */
struct meeting {
    struct slice text; /* of the predicate, for the caret */
    const struct pred_syntax *node;
    const struct pred_literal *literal;
    const struct arr_field *field;
    struct arena *arena;
    struct pred_place *out;
    struct slp_err *err;
};

void pred_literal_describe(const struct pred_literal *literal, char *out, size_t out_bytes)
{
    static const char *const words[] = {
        [PRED_LIT_INTEGER] = "number ",
        [PRED_LIT_DECIMAL] = "number ",
        [PRED_LIT_FLOAT] = "number ",
        [PRED_LIT_STRING] = "text ",
        [PRED_LIT_DATE] = "DATE ",
        [PRED_LIT_TIMESTAMP] = "TIMESTAMP ",
        [PRED_LIT_TIMESTAMPTZ] = "TIMESTAMPTZ ",
    };
    struct slice shown = literal->text;
    const char *cut = "";
    if (shown.len > SHOWN_BYTES) {
        shown.len = SHOWN_BYTES;
        while (shown.len > 0 && (shown.ptr[shown.len] & 0xc0) == 0x80)
            shown.len--;
        cut = "...";
    }
    switch (literal->kind) {
    case PRED_LIT_NULL:
        (void)snprintf(out, out_bytes, "NULL");
        return;
    case PRED_LIT_BOOL:
        (void)snprintf(out, out_bytes, "%s", literal->truth ? "TRUE" : "FALSE");
        return;
    case PRED_LIT_BYTES:
        (void)snprintf(out, out_bytes, "binary of %zu bytes", literal->text.len);
        return;
    case PRED_LIT_INTEGER:
    case PRED_LIT_DECIMAL:
    case PRED_LIT_FLOAT:
        (void)snprintf(out, out_bytes, "%s%s%.*s%s", words[literal->kind],
                       literal->is_negative ? "-" : "", SLICE_ARG(shown), cut);
        return;
    default:
        (void)snprintf(out, out_bytes, "%s'%.*s%s'", words[literal->kind], SLICE_ARG(shown), cut);
        return;
    }
}

static slp_rc fail_meeting(const struct meeting *m, const char *hint)
{
    char literal[SHOWN_BYTES + 64];
    char type[64];
    pred_literal_describe(m->literal, literal, sizeof literal);
    arr_type_format(m->field->type, type, sizeof type);
    return pred_fail(m->err, SLP_INVALID, m->text, m->node->at,
                     "cannot compare \"%s\" (%s) with %s%s%s", m->field->name, type, literal,
                     *hint ? "; " : "", hint);
}

static bool is_number(const struct pred_literal *literal)
{
    return literal->kind == PRED_LIT_INTEGER || literal->kind == PRED_LIT_DECIMAL ||
           literal->kind == PRED_LIT_FLOAT;
}

/* The literal's value if it is an exact number, given as one or as text. */
static bool exact_value(const struct pred_literal *literal, struct pred_number *out)
{
    if (literal->kind == PRED_LIT_FLOAT || !pred_number_parse(literal->text, out))
        return false;
    if (literal->is_negative)
        out->mantissa = -out->mantissa;
    return true;
}

static bool float_value(const struct pred_literal *literal, double *out)
{
    if (!arr_text_f64(literal->text, out))
        return false;
    if (literal->is_negative)
        *out = -*out;
    return true;
}

/*
 * The text as the column itself would read it, into a column of one row. Column types differ in
 * what they accept, and there is one place that knows.
 */
static slp_rc parse_as_column(const struct meeting *m, struct slice text, struct arr_col *c)
{
    struct slp_err local = {0};
    slp_rc rc = arr_text_parse(c, text, &local);
    if (rc == SLP_INVALID)
        return fail_meeting(m, local.text);
    if (rc != SLP_OK && m->err)
        *m->err = local;
    return rc;
}

static slp_rc place_bool(const struct meeting *m)
{
    m->out->side = PRED_AT;
    if (m->literal->kind == PRED_LIT_BOOL) {
        m->out->value.num = m->literal->truth;
        return SLP_OK;
    }
    if (m->literal->kind != PRED_LIT_STRING)
        return fail_meeting(m, "write TRUE or FALSE");
    slp_rc rc = SLP_OK;
    struct arr_col c;
    arr_col_init(&c, m->arena->mem, m->field->type);
    TRY_OUT(parse_as_column(m, m->literal->text, &c));
    m->out->value.num = arr_col_i64(&c, 0);
out:
    arr_col_fini(&c);
    return rc;
}

/* The least and greatest value an integer-like kind can hold. */
static void limits_of(enum arr_kind kind, i128 *low, i128 *high)
{
    switch (kind) {
    case ARR_INT8:
        *low = INT8_MIN;
        *high = INT8_MAX;
        return;
    case ARR_INT16:
        *low = INT16_MIN;
        *high = INT16_MAX;
        return;
    case ARR_INT32:
    case ARR_DATE32:
        *low = INT32_MIN;
        *high = INT32_MAX;
        return;
    case ARR_UINT8:
        *low = 0;
        *high = UINT8_MAX;
        return;
    case ARR_UINT16:
        *low = 0;
        *high = UINT16_MAX;
        return;
    case ARR_UINT32:
        *low = 0;
        *high = UINT32_MAX;
        return;
    case ARR_UINT64:
        *low = 0;
        *high = UINT64_MAX;
        return;
    case ARR_DECIMAL128:
        *high = (i128)(~(u128)0 >> 1);
        *low = -*high;
        return;
    default:
        *low = INT64_MIN;
        *high = INT64_MAX;
        return;
    }
}

/* A place among all integers becomes one among those the column can hold. */
static void clamp_place(const struct meeting *m, i128 floor)
{
    i128 low = 0;
    i128 high = 0;
    limits_of(m->field->type.kind, &low, &high);
    if (m->out->side == PRED_BELOW || m->out->side == PRED_ABOVE)
        return;
    if (floor < low)
        m->out->side = PRED_BELOW;
    else if (floor > high)
        m->out->side = PRED_ABOVE;
    else
        m->out->value.num = floor;
}

static slp_rc place_exact(const struct meeting *m)
{
    int scale = m->field->type.kind == ARR_DECIMAL128 ? m->field->type.scale : 0;
    bool is_text = m->literal->kind == PRED_LIT_STRING;
    struct pred_number exact = {0};
    double real = 0;
    i128 floor = 0;
    if (!is_text && !is_number(m->literal))
        return fail_meeting(m, "");
    if (exact_value(m->literal, &exact))
        m->out->side = pred_number_place(exact, scale, &floor);
    else if (is_text)
        return fail_meeting(m, scale ? "the text is not a decimal number"
                                     : "the text is not an integer");
    else if (m->literal->kind == PRED_LIT_INTEGER) /* too many digits for any column */
        m->out->side = m->literal->is_negative ? PRED_BELOW : PRED_ABOVE;
    else if (m->literal->kind == PRED_LIT_DECIMAL)
        return fail_meeting(m, "expected a decimal number of at most 38 digits");
    else if (float_value(m->literal, &real))
        m->out->side = pred_double_place(real, scale, &floor);
    else
        return fail_meeting(m, beyond_double);
    clamp_place(m, floor);
    return SLP_OK;
}

static slp_rc parse_real(const struct meeting *m, struct slice text)
{
    slp_rc rc = SLP_OK;
    struct arr_col c;
    arr_col_init(&c, m->arena->mem, m->field->type);
    TRY_OUT(parse_as_column(m, text, &c));
    m->out->value.real = arr_col_f64(&c, 0);
out:
    arr_col_fini(&c);
    return rc;
}

/*
 * Whole numbers and doubles meet a float column exactly. A decimal such as 0.1 has no exact double,
 * so `price = 0.1` would never be TRUE: it takes the column's type, as text does.
 */
static slp_rc place_real(const struct meeting *m)
{
    struct pred_number exact = {0};
    m->out->side = PRED_AT;
    if (m->literal->kind == PRED_LIT_STRING)
        return parse_real(m, m->literal->text);
    if (!is_number(m->literal))
        return fail_meeting(m, "");
    if (m->literal->kind == PRED_LIT_INTEGER && exact_value(m->literal, &exact)) {
        m->out->side = pred_integer_place(exact.mantissa, &m->out->value.real);
        return SLP_OK;
    }
    if (m->literal->kind == PRED_LIT_FLOAT)
        return float_value(m->literal, &m->out->value.real) ? SLP_OK
                                                            : fail_meeting(m, beyond_double);
    TRY(parse_real(m, m->literal->text));
    if (m->literal->is_negative)
        m->out->value.real = -m->out->value.real;
    return SLP_OK;
}

static i128 units_per_second(enum arr_unit unit)
{
    return pred_pow10(3 * (int)unit);
}

/* A moment counted in `from` becomes a place among those counted in the column's unit. */
static void place_moment(const struct meeting *m, i128 value, i128 per_second)
{
    bool is_date = m->field->type.kind == ARR_DATE32;
    i128 wanted = is_date ? 1 : units_per_second(m->field->type.unit);
    i128 divisor = per_second * (is_date ? 86400 : 1);
    i128 scaled = value * wanted;
    i128 floor = scaled / divisor - (scaled % divisor < 0);
    m->out->side = floor * divisor == scaled ? PRED_AT : PRED_AFTER;
    clamp_place(m, floor);
}

/*
 * The column's unit first, then finer and coarser ones: a fraction finer than the unit stands
 * between two values, and a year beyond the unit's range is below or above all.
 */
static bool parse_moment(struct slice text, enum arr_unit first, bool utc, int64_t *value,
                         enum arr_unit *unit)
{
    for (unsigned i = 0; i < 4; i++) {
        *unit = (enum arr_unit)(((unsigned)first + i) % 4);
        if (arr_text_timestamp(text, *unit, utc, value))
            return true;
    }
    return false;
}

static slp_rc place_timestamp_text(const struct meeting *m, bool utc, const char *hint)
{
    int64_t value = 0;
    enum arr_unit unit = ARR_MICRO;
    enum arr_unit first = m->field->type.kind == ARR_TIMESTAMP ? m->field->type.unit : ARR_MICRO;
    if (!parse_moment(m->literal->text, first, utc, &value, &unit))
        return fail_meeting(m, hint);
    place_moment(m, value, units_per_second(unit));
    return SLP_OK;
}

/* The text of TIMESTAMP '..' has no offset: dropping one in silence would move the moment. */
static const char *zoneless_hint(const struct meeting *m)
{
    int64_t value = 0;
    enum arr_unit unit = ARR_MICRO;
    if (parse_moment(m->literal->text, ARR_MICRO, true, &value, &unit))
        return "the text has an offset; use TIMESTAMPTZ with a column that is UTC";
    return "the text is not a timestamp such as 2001-01-31 06:00:00";
}

static slp_rc place_date(const struct meeting *m)
{
    int32_t days = 0;
    switch (m->literal->kind) {
    case PRED_LIT_STRING:
    case PRED_LIT_DATE:
        if (!arr_text_date(m->literal->text, &days))
            return fail_meeting(m, "the text is not a date such as 2001-01-31");
        m->out->side = PRED_AT;
        m->out->value.num = days;
        return SLP_OK;
    case PRED_LIT_TIMESTAMP:
        return place_timestamp_text(m, false, zoneless_hint(m));
    case PRED_LIT_INTEGER:
        return fail_meeting(m, "write a date: DATE '2001-01-31'");
    default:
        return fail_meeting(m, "");
    }
}

static slp_rc place_timestamp(const struct meeting *m)
{
    int32_t days = 0;
    bool utc = m->field->type.utc;
    switch (m->literal->kind) {
    case PRED_LIT_STRING:
        return place_timestamp_text(m, utc,
                                    utc ? "the text is not a timestamp such as 2001-01-31T06:00:00Z"
                                        : zoneless_hint(m));
    case PRED_LIT_TIMESTAMPTZ:
        if (!utc)
            return fail_meeting(m, "the column has no time zone; use TIMESTAMP");
        return place_timestamp_text(m, true,
                                    "the text is not a timestamp such as "
                                    "2001-01-31 06:00:00+02:00");
    case PRED_LIT_TIMESTAMP:
        if (utc)
            return fail_meeting(m, "the column is UTC; use TIMESTAMPTZ");
        return place_timestamp_text(m, false, zoneless_hint(m));
    case PRED_LIT_DATE:
        if (utc)
            return fail_meeting(m, "the column is UTC; use TIMESTAMPTZ");
        if (!arr_text_date(m->literal->text, &days))
            return fail_meeting(m, "the text is not a date such as 2001-01-31");
        place_moment(m, (i128)days * 86400, 1);
        return SLP_OK;
    case PRED_LIT_INTEGER:
        return fail_meeting(m, "write a timestamp: TIMESTAMP '2001-01-31 06:00:00'");
    default:
        return fail_meeting(m, "");
    }
}

static slp_rc place_text(const struct meeting *m)
{
    if (m->literal->kind != PRED_LIT_STRING)
        return fail_meeting(m,
                            is_number(m->literal) ? "write the number as text, in 'quotes'" : "");
    m->out->side = PRED_AT;
    m->out->value.bytes = m->literal->text;
    return SLP_OK;
}

/* A parameter has no other form than text, so for binary it is base64, as everywhere in text. */
static slp_rc place_binary(const struct meeting *m)
{
    slp_rc rc = SLP_OK;
    m->out->side = PRED_AT;
    if (m->literal->kind == PRED_LIT_BYTES) {
        m->out->value.bytes = m->literal->text;
        return SLP_OK;
    }
    if (m->literal->kind != PRED_LIT_STRING)
        return fail_meeting(m, "");
    if (!m->literal->is_param)
        return fail_meeting(m, "write binary as X'0AFF'");
    struct arr_col c;
    arr_col_init(&c, m->arena->mem, (struct arr_type){.kind = ARR_BINARY});
    TRY_OUT(parse_as_column(m, m->literal->text, &c));
    TRY_OUT(arena_copy(m->arena, arr_col_bytes(&c, 0), &m->out->value.bytes, m->err));
out:
    arr_col_fini(&c);
    return rc;
}

slp_rc pred_literal_place(struct slice text, const struct pred_syntax *literal,
                          const struct arr_field *field, struct arena *arena,
                          struct pred_place *out, struct slp_err *err)
{
    struct meeting m = {
        .text = text,
        .node = literal,
        .literal = &literal->literal,
        .field = field,
        .arena = arena,
        .out = out,
        .err = err,
    };
    switch (field->type.kind) {
    case ARR_BOOL:
        return place_bool(&m);
    case ARR_FLOAT:
    case ARR_DOUBLE:
        return place_real(&m);
    case ARR_DATE32:
        return place_date(&m);
    case ARR_TIMESTAMP:
        return place_timestamp(&m);
    case ARR_UTF8:
        return place_text(&m);
    case ARR_BINARY:
    case ARR_FIXED_BINARY:
        return place_binary(&m);
    default:
        return place_exact(&m);
    }
}

static bool compare_number_literals(const struct pred_literal *a, const struct pred_literal *b,
                                    int *order)
{
    struct pred_number exact_a;
    struct pred_number exact_b;
    double real_a = 0;
    double real_b = 0;
    bool is_exact_a = exact_value(a, &exact_a);
    bool is_exact_b = exact_value(b, &exact_b);
    if ((!is_exact_a && !float_value(a, &real_a)) || (!is_exact_b && !float_value(b, &real_b)))
        return false;
    if (is_exact_a && is_exact_b)
        *order = pred_compare_numbers(exact_a, exact_b);
    else if (is_exact_a)
        *order = pred_compare_mixed(exact_a, real_b);
    else if (is_exact_b)
        *order = -pred_compare_mixed(exact_b, real_a);
    else
        *order = pred_compare_doubles(real_a, real_b);
    return true;
}

static bool compare_moment_literals(const struct pred_literal *a, const struct pred_literal *b,
                                    int *order)
{
    bool utc = a->kind == PRED_LIT_TIMESTAMPTZ;
    int64_t moments[2];
    enum arr_unit units[2];
    if (!parse_moment(a->text, ARR_NANO, utc, &moments[0], &units[0]) ||
        !parse_moment(b->text, ARR_NANO, utc, &moments[1], &units[1]))
        return false;
    struct pred_number left = {.mantissa = moments[0], .scale = 3 * (int)units[0]};
    struct pred_number right = {.mantissa = moments[1], .scale = 3 * (int)units[1]};
    *order = pred_compare_numbers(left, right);
    return true;
}

slp_rc pred_literal_compare(struct slice text, const struct pred_syntax *a,
                            const struct pred_syntax *b, int *order, struct slp_err *err)
{
    const struct pred_literal *x = &a->literal;
    const struct pred_literal *y = &b->literal;
    bool comparable = x->kind == y->kind;
    bool is_date = x->kind == PRED_LIT_DATE || x->kind == PRED_LIT_TIMESTAMP;
    if (is_number(x) && is_number(y))
        comparable = compare_number_literals(x, y, order);
    else if (is_date || (comparable && x->kind == PRED_LIT_TIMESTAMPTZ))
        comparable = (comparable || y->kind == PRED_LIT_DATE || y->kind == PRED_LIT_TIMESTAMP) &&
                     compare_moment_literals(x, y, order);
    else if (comparable && x->kind == PRED_LIT_BOOL)
        *order = x->truth - y->truth;
    else if (comparable)
        *order = slice_compare(x->text, y->text);
    if (comparable)
        return SLP_OK;
    char left[SHOWN_BYTES + 64];
    char right[SHOWN_BYTES + 64];
    pred_literal_describe(x, left, sizeof left);
    pred_literal_describe(y, right, sizeof right);
    return pred_fail(err, SLP_INVALID, text, pred_span_join(a->at, b->at),
                     "cannot compare %s with %s", left, right);
}
