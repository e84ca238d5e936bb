#include "stack/filter.h"

#include "arrow/text.h"
#include "base/num.h"
#include "stack/scan.h"

enum stack_place stack_filter_place(enum stack_engine engine, bool by_position, bool is_key_only,
                                    enum stack_time time, enum stack_mode mode)
{
    if (mode == STACK_QUERY)
        return is_key_only ? STACK_BEFORE : STACK_ROW;
    if (time == STACK_VARIES)
        return STACK_NOWHERE;
    if (is_key_only)
        return STACK_BEFORE;
    if (engine == STACK_BAG)
        return STACK_ROW;
    return engine == STACK_LAST && by_position ? STACK_TO_DELETE : STACK_NOWHERE;
}

struct unit {
    const char *name;
    int64_t ms;
};

static const struct unit units[] = {
    {"ms", 1},          {"s", 1000},        {"second", 1000},    {"seconds", 1000},
    {"min", 60000},     {"minute", 60000},  {"minutes", 60000},  {"h", 3600000},
    {"hour", 3600000},  {"hours", 3600000}, {"d", 86400000},     {"day", 86400000},
    {"days", 86400000}, {"w", 604800000},   {"week", 604800000}, {"weeks", 604800000},
};

static bool unit_of(struct slice text, int64_t *ms)
{
    struct scan_token t = {.kind = SCAN_WORD, .body = text};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (stack_scan_is_word(&t, units[i].name)) {
            *ms = units[i].ms;
            return true;
        }
    }
    return false;
}

/* "604800000", "7 days", "7d". */
static slp_rc parse_age(struct scan *s, int64_t *out, struct slp_err *err)
{
    struct scan_token number;
    struct scan_token taken;
    int64_t ms = 1;
    const char *expected = "an age above 0: milliseconds, or a number and ms, s, min, h, d or w";
    TRY(stack_scan_name(s, expected, &number, err));
    size_t digits = 0;
    while (digits < number.body.len && number.body.ptr[digits] >= '0' &&
           number.body.ptr[digits] <= '9')
        digits++;
    bool is_age = digits > 0 && arr_text_i64(slice_first(number.body, digits), out) && *out > 0;
    if (is_age && digits < number.body.len) {
        is_age = unit_of(slice_after(number.body, digits), &ms);
    } else if (is_age && s->next.kind == SCAN_WORD) {
        is_age = unit_of(s->next.body, &ms);
        TRY(stack_scan_take(s, &taken, err));
    }
    if (!is_age || !num_mul_i64(*out, ms, out))
        return pred_fail(err, SLP_INVALID, s->text, number.at, "expected %s", expected);
    return SLP_OK;
}

static bool is_time(struct arr_type t)
{
    switch (t.kind) {
    case ARR_TIMESTAMP:
    case ARR_DATE32:
    case ARR_INT8:
    case ARR_INT16:
    case ARR_INT32:
    case ARR_INT64:
    case ARR_UINT8:
    case ARR_UINT16:
    case ARR_UINT32:
    case ARR_UINT64:
        return true;
    default:
        return false;
    }
}

static slp_rc find_field(const struct scan *s, const struct scan_token *name,
                         const struct arr_schema *columns, size_t *out, struct slp_err *err)
{
    int64_t at = arr_schema_find(columns, name->body);
    if (at >= 0) {
        *out = (size_t)at;
        return SLP_OK;
    }
    const char *near = arr_schema_nearest(columns, name->body);
    return pred_fail(err, SLP_INVALID, s->text, name->at, "unknown field \"%.*s\"%s%s%s",
                     SLICE_ARG(name->body), near ? "; did you mean \"" : "", near ? near : "",
                     near ? "\"?" : "");
}

static bool is_key(const struct schema *schema, size_t column)
{
    for (size_t k = 0; k < schema->key_count; k++)
        if (schema->key_columns[k] == column)
            return true;
    return false;
}

/* One call, whose name was seen. */
static slp_rc parse_age_off(struct scan *s, const struct schema *schema, struct stack_filter *out,
                            struct slp_err *err)
{
    struct scan_token name;
    struct stack_filter f = {.time = STACK_EXPIRES};
    TRY(stack_scan_take(s, &name, err));
    TRY(stack_scan_expect(s, '(', err));
    TRY(stack_scan_name(s, "the name of a field", &name, err));
    TRY(find_field(s, &name, &schema->columns, &f.column, err));
    const struct arr_field *field = &schema->columns.fields[f.column];
    if (!is_time(field->type))
        return pred_fail(err, SLP_INVALID, s->text, name.at,
                         "ageOff needs a timestamp, a date, or an integer of milliseconds");
    TRY(stack_scan_expect(s, ',', err));
    TRY(parse_age(s, &f.age_ms, err));
    TRY(stack_scan_expect(s, ')', err));
    f.is_key_only = is_key(schema, f.column);
    *out = f;
    return SLP_OK;
}

/* Does the text begin with a call of ageOff? */
static bool is_age_off(struct slice text, struct arena *arena)
{
    struct scan s;
    struct scan_token name;
    return stack_scan_begin(&s, text, arena, NULL) == SLP_OK &&
           stack_scan_is_word(&s.next, "ageoff") && stack_scan_take(&s, &name, NULL) == SLP_OK &&
           stack_scan_is(&s, '(');
}

static slp_rc add_filter(struct stack_filters *out, const struct stack_filter *f,
                         struct slp_err *err)
{
    if (out->count == STACK_FILTERS_MAX)
        FAIL(err, LIMIT, "a table has at most %u filters", STACK_FILTERS_MAX);
    out->at[out->count++] = *f;
    return SLP_OK;
}

static slp_rc parse_age_offs(struct slice text, const struct schema *schema, struct arena *arena,
                             struct stack_filters *out, struct slp_err *err)
{
    struct scan s;
    struct scan_token taken;
    TRY(stack_scan_begin(&s, text, arena, err));
    for (;;) {
        struct stack_filter f = {0};
        if (!stack_scan_is_word(&s.next, "ageoff"))
            return stack_scan_fail(&s, err, "ageOff(field, age)");
        TRY(parse_age_off(&s, schema, &f, err));
        TRY(add_filter(out, &f, err));
        if (!stack_scan_is(&s, ','))
            return stack_scan_end(&s, err);
        TRY(stack_scan_take(&s, &taken, err));
    }
}

slp_rc stack_filter_parse(struct slice text, const struct schema *schema, struct arena *arena,
                          struct stack_filters *out, struct slp_err *err)
{
    struct stack_filter f = {.time = STACK_TIMELESS, .is_key_only = true};
    void *room = NULL;
    if (text.len > STACK_TEXT_MAX_BYTES)
        FAIL(err, LIMIT, "a filter of %zu bytes; at most %u", text.len, STACK_TEXT_MAX_BYTES);
    if (is_age_off(text, arena))
        return parse_age_offs(text, schema, arena, out, err);
    TRY(pred_compile(text, &schema->columns, NULL, 0, arena, &f.where, err));
    TRY(arena_array(arena, schema->columns.count, sizeof(bool), &room, err));
    const bool *used = room;
    pred_columns(f.where, room);
    for (size_t i = 0; i < schema->columns.count; i++)
        f.is_key_only &= !used[i] || is_key(schema, i);
    return add_filter(out, &f, err);
}

/* The greatest value of the field that is too old: at time less age, in the field's unit, rounded
 * down. */
static i128 limit_of(struct arr_type type, int64_t now_ms, int64_t age_ms)
{
    i128 ms = (i128)now_ms - age_ms;
    if (type.kind == ARR_TIMESTAMP) {
        static const int64_t a_second[] = {1, 1000, 1000000, 1000000000};
        int64_t units_per_second = a_second[type.unit];
        if (units_per_second >= 1000)
            return ms * (units_per_second / 1000);
    }
    i128 divisor = type.kind == ARR_TIMESTAMP ? 1000 : type.kind == ARR_DATE32 ? 86400000 : 1;
    i128 floor = ms / divisor;
    return floor - (ms % divisor < 0);
}

static void eval_age(const struct stack_filter *f, const struct arr_col *c, int64_t now_ms,
                     uint8_t *keep)
{
    i128 limit = limit_of(c->type, now_ms, f->age_ms);
    if (c->type.kind == ARR_UINT64) {
        for (int64_t r = 0; r < c->rows; r++)
            keep[r] &= !arr_col_is_null(c, r) && (i128)(uint64_t)arr_col_i64(c, r) > limit;
        return;
    }
    for (int64_t r = 0; r < c->rows; r++)
        keep[r] &= !arr_col_is_null(c, r) && (i128)arr_col_i64(c, r) > limit;
}

slp_rc stack_filter_eval(const struct stack_filter *f, const struct arr_batch *batch,
                         int64_t now_ms, struct buf *truth, uint8_t *keep, struct slp_err *err)
{
    if (!f->where) {
        eval_age(f, &batch->cols[f->column], now_ms, keep);
        return SLP_OK;
    }
    TRY(buf_resize(truth, (size_t)batch->rows, err));
    TRY(pred_eval(f->where, batch, truth->mem, truth->ptr, err));
    for (int64_t r = 0; r < batch->rows; r++)
        keep[r] &= truth->ptr[r] == PRED_TRUE;
    return SLP_OK;
}
