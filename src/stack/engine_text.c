#include "stack/engine_text.h"

#include "stack/scan.h"

/* An engine while it is parsed. */
struct parse {
    struct scan scan;
    struct stack *s;
    bool *is_set; /* by column */
    bool has_rest;
    enum fold_op rest; /* of "*" */
};

static const char *const engines[] = {"bag", "last", "first", "partial", "aggregate"};

static slp_rc find_value(struct parse *p, const struct scan_token *name, size_t *out,
                         struct slp_err *err)
{
    const struct arr_schema *columns = &p->s->schemas[0].columns;
    int64_t at = arr_schema_find(columns, name->body);
    if (at < 0) {
        const char *near = arr_schema_nearest(columns, name->body);
        return pred_fail(err, SLP_INVALID, p->scan.text, name->at, "unknown field \"%.*s\"%s%s%s",
                         SLICE_ARG(name->body), near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
    }
    *out = (size_t)at;
    return SLP_OK;
}

static slp_rc set_op(struct parse *p, size_t column, enum fold_op op, struct pred_span at,
                     struct slp_err *err)
{
    const struct arr_field *field = &p->s->schemas[0].columns.fields[column];
    if (p->s->columns[column].is_key)
        return pred_fail(err, SLP_INVALID, p->scan.text, at,
                         "\"%s\" is a key field: rows of one key are aggregated", field->name);
    if (p->is_set[column])
        return pred_fail(err, SLP_INVALID, p->scan.text, at, "field \"%s\" has two operations",
                         field->name);
    if (!stack_fold_allows(op, field)) {
        char type[64];
        arr_field_type_format(field, type, sizeof type);
        return pred_fail(err, SLP_INVALID, p->scan.text, at, "%s does not go with %s",
                         stack_fold_name(op), type);
    }
    p->is_set[column] = true;
    p->s->columns[column].op = op;
    return SLP_OK;
}

/* One field of an operation, or "*". */
static slp_rc parse_field(struct parse *p, enum fold_op op, struct slp_err *err)
{
    struct scan_token name;
    size_t column = 0;
    if (stack_scan_is(&p->scan, '*')) {
        if (p->has_rest)
            return stack_scan_fail(&p->scan, err, "a field: there is one \"*\" already");
        p->has_rest = true;
        p->rest = op;
        return stack_scan_take(&p->scan, &name, err);
    }
    TRY(stack_scan_name(&p->scan, "the name of a field, or \"*\"", &name, err));
    TRY(find_value(p, &name, &column, err));
    return set_op(p, column, op, name.at, err);
}

static slp_rc parse_fields(struct parse *p, enum fold_op op, struct slp_err *err)
{
    struct scan_token comma;
    TRY(parse_field(p, op, err));
    while (stack_scan_is(&p->scan, ',')) {
        TRY(stack_scan_take(&p->scan, &comma, err));
        TRY(parse_field(p, op, err));
    }
    return SLP_OK;
}

static slp_rc parse_operation(struct parse *p, struct slp_err *err)
{
    struct scan_token name;
    enum fold_op op = FOLD_SUM;
    TRY(stack_scan_name(&p->scan, "an operation, as sum or max", &name, err));
    if (!stack_fold_parse(name.body, &op))
        return pred_fail(err, SLP_INVALID, p->scan.text, name.at,
                         "unknown operation \"%.*s\": there are sum, count, min, max, bool_and, "
                         "bool_or, bit_and, bit_or, map_sum, map_min, map_max, set_union, "
                         "list_union, first, last, any, first_value, last_value",
                         SLICE_ARG(name.body));
    if (stack_scan_is(&p->scan, ':')) {
        TRY(stack_scan_expect(&p->scan, ':', err));
        return parse_fields(p, op, err);
    }
    TRY(stack_scan_expect(&p->scan, '(', err));
    TRY(parse_fields(p, op, err));
    return stack_scan_expect(&p->scan, ')', err);
}

/* What was not named is for "*"; without one everything must be named. */
static slp_rc finish_operations(struct parse *p, struct slp_err *err)
{
    const struct arr_schema *columns = &p->s->schemas[0].columns;
    struct pred_span whole = {.start = 0, .len = (uint32_t)p->scan.text.len};
    for (size_t i = 0; i < columns->count; i++) {
        if (p->is_set[i] || p->s->columns[i].is_key)
            continue;
        if (!p->has_rest)
            return pred_fail(err, SLP_INVALID, p->scan.text, whole,
                             "value field \"%s\" has no operation", columns->fields[i].name);
        if (!stack_fold_allows(p->rest, &columns->fields[i]))
            return pred_fail(err, SLP_INVALID, p->scan.text, whole,
                             "\"*\" means field \"%s\" too, whose type does not go with %s",
                             columns->fields[i].name, stack_fold_name(p->rest));
        p->s->columns[i].op = p->rest;
    }
    return SLP_OK;
}

static slp_rc parse_operations(struct parse *p, struct slp_err *err)
{
    struct scan_token taken;
    TRY(parse_operation(p, err));
    while (stack_scan_is(&p->scan, ',') || stack_scan_is(&p->scan, ';')) {
        TRY(stack_scan_take(&p->scan, &taken, err));
        TRY(parse_operation(p, err));
    }
    return SLP_OK;
}

static slp_rc parse_order(struct parse *p, struct slp_err *err)
{
    struct scan_token name;
    if (!stack_scan_is(&p->scan, '('))
        return SLP_OK;
    TRY(stack_scan_expect(&p->scan, '(', err));
    if (!stack_scan_is_word(&p->scan.next, "order-by") &&
        !stack_scan_is_word(&p->scan.next, "order_by"))
        return stack_scan_fail(&p->scan, err, "order-by: and a field");
    TRY(stack_scan_take(&p->scan, &name, err));
    TRY(stack_scan_expect(&p->scan, ':', err));
    TRY(stack_scan_name(&p->scan, "the name of a field", &name, err));
    TRY(find_value(p, &name, &p->s->order_column, err));
    p->s->has_order = true;
    const struct arr_field *field = &p->s->schemas[0].columns.fields[p->s->order_column];
    if (!stack_value_is_ordered(field->type))
        return pred_fail(err, SLP_INVALID, p->scan.text, name.at,
                         "values of field \"%s\" have no order", field->name);
    return stack_scan_expect(&p->scan, ')', err);
}

static slp_rc parse_named(struct parse *p, struct slp_err *err)
{
    struct scan_token name;
    switch (p->s->engine) {
    case STACK_AGGREGATE:
        TRY(stack_scan_take(&p->scan, &name, err));
        TRY(stack_scan_expect(&p->scan, '(', err));
        TRY(parse_operations(p, err));
        TRY(finish_operations(p, err));
        return stack_scan_expect(&p->scan, ')', err);
    case STACK_LAST:
    case STACK_FIRST:
        TRY(stack_scan_take(&p->scan, &name, err));
        return parse_order(p, err);
    default:
        return stack_scan_take(&p->scan, &name, err);
    }
}

static slp_rc parse_engine(struct parse *p, struct slp_err *err)
{
    enum fold_op op = FOLD_SUM;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        if (!stack_scan_is_word(&p->scan.next, engines[i]))
            continue;
        p->s->engine = (enum stack_engine)i;
        TRY(parse_named(p, err));
        return stack_scan_end(&p->scan, err);
    }
    if (p->scan.next.kind != SCAN_WORD || !stack_fold_parse(p->scan.next.body, &op))
        return stack_scan_fail(&p->scan, err,
                               "an engine: bag, last, first, partial or aggregate(...)");
    p->s->engine = STACK_AGGREGATE;
    TRY(parse_operations(p, err));
    TRY(finish_operations(p, err));
    return stack_scan_end(&p->scan, err);
}

static void set_defaults(struct stack *s)
{
    for (size_t i = 0; i < s->column_count; i++)
        if (s->columns[i].is_key || s->engine != STACK_AGGREGATE)
            s->columns[i].op =
                s->engine == STACK_PARTIAL && !s->columns[i].is_key ? FOLD_LAST_VALUE : FOLD_LAST;
}

slp_rc stack_engine_parse(struct stack *s, struct slice text, struct slp_err *err)
{
    struct parse p = {.s = s};
    void *room = NULL;
    if (text.len > STACK_TEXT_MAX_BYTES)
        FAIL(err, LIMIT, "an engine of %zu bytes; at most %u", text.len, STACK_TEXT_MAX_BYTES);
    TRY(arena_array(&s->arena, s->column_count, sizeof *p.is_set, &room, err));
    p.is_set = room;
    TRY(stack_scan_begin(&p.scan, text, &s->arena, err));
    if (p.scan.next.kind == SCAN_END)
        s->engine = STACK_BAG;
    else
        TRY(parse_engine(&p, err));
    set_defaults(s);
    return SLP_OK;
}

static slp_rc put_name(struct buf *out, const char *name, struct slp_err *err)
{
    TRY(buf_append_u8(out, '"', err));
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            TRY(buf_append_u8(out, '"', err));
        TRY(buf_append_u8(out, (uint8_t)*c, err));
    }
    return buf_append_u8(out, '"', err);
}

slp_rc stack_format(const struct stack *s, struct buf *out, struct slp_err *err)
{
    const struct arr_schema *columns = &s->schemas[0].columns;
    TRY(buf_printf(out, err, "%s", engines[s->engine]));
    if (s->has_order) {
        TRY(buf_printf(out, err, "(order-by: "));
        TRY(put_name(out, columns->fields[s->order_column].name, err));
        return buf_append_u8(out, ')', err);
    }
    if (s->engine != STACK_AGGREGATE)
        return SLP_OK;
    const char *between = "(";
    for (size_t i = 0; i < s->column_count; i++) {
        if (s->columns[i].is_key)
            continue;
        TRY(buf_printf(out, err, "%s%s: ", between, stack_fold_name(s->columns[i].op)));
        TRY(put_name(out, columns->fields[i].name, err));
        between = "; ";
    }
    return buf_append_u8(out, ')', err);
}
