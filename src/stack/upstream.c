#include "stack/upstream.h"

#include "base/text.h"
#include "stack/scan.h"

static bool class_is(struct slice given, const char *name)
{
    struct slice last = given;
    for (size_t i = 0; i < given.len; i++)
        if (given.ptr[i] == '.')
            last = slice_after(given, i + 1);
    return slice_is(last, name);
}

static slp_rc keep(struct arena *arena, struct buf *text, struct slice *out, struct slp_err *err)
{
    TRY(arena_copy(arena, buf_slice(text), out, err));
    buf_clear(text);
    return SLP_OK;
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && s.ptr[0] <= ' ')
        s = slice_after(s, 1);
    while (s.len > 0 && s.ptr[s.len - 1] <= ' ')
        s = slice_first(s, s.len - 1);
    return s;
}

/* "field,rest": both parts. */
static slp_rc split_config(const struct stack_upstream *in, struct slice *field, struct slice *rest,
                           struct slp_err *err)
{
    size_t at = 0;
    struct slice first;
    (void)stack_scan_piece(in->iterator_config, ',', &at, &first);
    *field = trim(first);
    *rest = at <= in->iterator_config.len ? trim(slice_after(in->iterator_config, at))
                                          : slice_of(NULL, 0);
    if (field->len == 0 || rest->len == 0)
        FAIL(err, INVALID, "%.*s: its configuration is a field, a comma and more, not \"%.*s\"",
             SLICE_ARG(in->iterator_class), SLICE_ARG(in->iterator_config));
    return SLP_OK;
}

static slp_rc security(struct slice field, struct slice labels, struct buf *text,
                       struct slp_err *err)
{
    size_t at = 0;
    struct slice label;
    TRY(buf_printf(text, err, "redact("));
    TRY(text_append_quoted(text, field, err));
    while (stack_scan_piece(labels, ',', &at, &label)) {
        TRY(buf_printf(text, err, ", "));
        TRY(text_append_quoted(text, trim(label), err));
    }
    return buf_append_u8(text, ')', err);
}

static slp_rc age_off(struct slice field, struct slice ms, struct buf *text, struct slp_err *err)
{
    TRY(buf_printf(text, err, "ageOff("));
    TRY(text_append_quoted(text, field, err));
    return buf_printf(text, err, ", %.*s)", SLICE_ARG(ms));
}

static slp_rc fixed_age_off(struct slice field, struct slice least, struct buf *text,
                            struct slp_err *err)
{
    TRY(text_append_quoted(text, field, err));
    return buf_printf(text, err, " >= %.*s", SLICE_ARG(least));
}

static slp_rc of_class(const struct stack_upstream *in, struct arena *arena, struct buf *text,
                       struct stack_translated *out, struct slp_err *err)
{
    struct slice field;
    struct slice rest;
    if (class_is(in->iterator_class, "AdditionIterator")) {
        if (in->aggregations.len > 0)
            FAIL(err, INVALID, "aggregations and AdditionIterator: a table has one merge engine");
        out->engine = slice_str("aggregate(sum: *)");
        return SLP_OK;
    }
    bool is_fixed = class_is(in->iterator_class, "FixedAgeOffIterator");
    bool is_age = class_is(in->iterator_class, "AgeOffIterator");
    if (!is_fixed && !is_age && !class_is(in->iterator_class, "SecurityFilteringIterator"))
        FAIL(err, UNSUPPORTED,
             "iterator class %.*s: classes are Java; write it as a plug-in "
             "(include/sleeper/plugin.h)",
             SLICE_ARG(in->iterator_class));
    TRY(split_config(in, &field, &rest, err));
    if (!is_fixed && !is_age) {
        TRY(security(field, rest, text, err));
        return keep(arena, text, &out->iterator, err);
    }
    TRY(is_age ? age_off(field, rest, text, err) : fixed_age_off(field, rest, text, err));
    return keep(arena, text, &out->second_filter, err);
}

slp_rc stack_upstream(const struct stack_upstream *in, struct arena *arena,
                      struct stack_translated *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct stack_translated made = {0};
    struct buf text;
    buf_init(&text, arena->mem, 1 << 20);
    struct slice aggregations = trim(in->aggregations);
    if (aggregations.len > 0) {
        TRY_OUT(buf_printf(&text, err, "aggregate(%.*s)", SLICE_ARG(aggregations)));
        TRY_OUT(keep(arena, &text, &made.engine, err));
    }
    made.filter = trim(in->filters);
    if (trim(in->iterator_class).len > 0)
        TRY_OUT(of_class(in, arena, &text, &made, err));
    *out = made;
out:
    buf_fini(&text);
    return rc;
}
