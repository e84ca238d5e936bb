/*
 * Messages of the language, whole: code, text, line and caret. They are part of the contract, so
 * they stand in test/golden/predicate_messages.txt; UPDATE_GOLDEN=1 writes it anew.
 */
#include "predicate/mark.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/predicate/sample.h"

#define GOLDEN "test/golden/predicate_messages.txt"

/* Every one is refused. */
static const char *const texts[] = {
    "iid = 1",
    "cuontry = 'UK'",
    "s = \"abc\"",
    "s = \"appel pie\"",
    "id = 'abc'",
    "m = 'abc'",
    "s = 5",
    "s > 1.5",
    "id = NULL",
    "NULL <> id",
    "id BETWEEN NULL AND 5",
    "id = 1 AND s = 'abc",
    "s = 'it's'",
    "lenght(s) = 3",
    "length(s) = 3",
    "frobnicate(s)",
    "name = 'x'",
    "nmae = 'x'",
    "id = 5x",
    "id = 1 & b",
    "id = 1 | b",
    "!b",
    "id = 1;",
    "id = #",
    "\"id = 1",
    "id = 1 /* and",
    "id = $",
    "id = $limt",
    "id = ?",
    "id = $3",
    "",
    "  -- nothing",
    "id",
    "id =",
    "= 1",
    "id = 1 big = 2",
    "id = 1)",
    "(id = 1",
    "(id, big) > (1, 2)",
    "id IN (1, 2",
    "id IN 1",
    "id IN (1 2)",
    "id BETWEEN 1",
    "id BETWEEN 1 OR 2",
    "id NOT 5",
    "id IS 5",
    "id IS DISTINCT 5",
    "0 < id < 5",
    "AND id = 1",
    "id = AND",
    "NOT",
    "id LIKE",
    "(id = 1) = TRUE",
    "id = (b OR b)",
    "n.x.y = 1",
    "n. = 1",
    "id + 1 = 2",
    "-id = 2",
    "id * 2 = 4",
    "s || 'a' = 'b'",
    "id::int = 2",
    "s ~ 'a'",
    "s ILIKE 'a%'",
    "s NOT ILIKE 'a%'",
    "s REGEXP 'a'",
    "CASE WHEN b THEN 1 END = 1",
    "CAST(id AS string) = '1'",
    "ts > now()",
    "ts > TIMESTAMP '2001-01-01' - INTERVAL '14' DAY",
    "id = UUID 'x'",
    "s LIKE s",
    "b = 1",
    "id = TRUE",
    "id = X'00'",
    "id = DATE '2001-01-01'",
    "day = 5",
    "day = '2001-02-30'",
    "day = 'yesterday'",
    "day = TIMESTAMPTZ '2001-01-01'",
    "ts = 5",
    "ts = 'noon'",
    "ts = '2001-01-01 00:00:00+02:00'",
    "ts = TIMESTAMP '2001-01-01 00:00:00+02'",
    "ts = TIMESTAMPTZ '2001-01-01 00:00:00+02:00'",
    "at = TIMESTAMP '2001-01-01'",
    "at = DATE '2001-01-01'",
    "at = 'x'",
    "bin = 'abc'",
    "bin = X'0'",
    "bin = X'0G'",
    "bin = 5",
    "s = X'00'",
    "d = 'x'",
    "d = TRUE",
    "b = 'maybe'",
    "id = s",
    "b = id",
    "day = at",
    "s LIKE 5",
    "id LIKE 'a%'",
    "s LIKE 'a!' ESCAPE '!'",
    "s LIKE 'a' ESCAPE 'xy'",
    "id IS NAN",
    "5",
    "'abc'",
    "m = 1e1000",
    "m = 0.0123456789012345678901234567890123456789",
    "d = 1e1000",
    "m = DECIMAL 'x'",
    "'a' = 1",
    "s = bin",
    "iid = 1 AND bbig = 'x' OR nope = 3",
    "a1 = 1 AND a2 = 2 AND a3 = 3 AND a4 = 4 AND a5 = 5 AND a6 = 6 AND a7 = 7",
    "id = 1\n  AND iid = 2\nAND b",
    "s = '\xe6\xbc\xa2\xe5\xad\x97' AND iid = 1",
    "\ts = 'gr\xc3\xb6\xc3\x9f"
    "e' AND iid = 1",
    "id = 1 AND id = 2 AND id = 3 AND id = 4 AND id = 5 AND id = 6 AND id = 7 AND id = 8 AND iid = "
    "9 AND id = 10 AND id = 11 AND id = 12 AND id = 13 AND id = 14 AND id = 15",
};

static void write_transcript(struct t *t, struct buf *out)
{
    const struct pred_param param = {.name = slice_str("limit"), .text = slice_str("5")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena a;
        const struct pred *p = NULL;
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pred_compile(slice_str(texts[i]), &sample_schema, &param, 1, &a, &p, &t->err);
        if (rc == SLP_OK)
            fail_msg("%s compiles", texts[i]);
        assert_null(p);
        assert_ok(t, buf_printf(out, &t->err, "%s: %s\n\n", err_name(rc), t->err.text));
        arena_fini(&a);
    }
}

static void read_golden(struct t *t, struct buf *out)
{
    FILE *f = fopen(GOLDEN, "rb");
    if (!f)
        fail_msg("no %s; run with UPDATE_GOLDEN=1 in the repository's root", GOLDEN);
    assert_ok(t, buf_resize(out, 1 << 20, &t->err));
    out->len = fread(out->ptr, 1, out->len, f);
    (void)fclose(f);
}

static void update_golden(struct slice text)
{
    FILE *f = fopen(GOLDEN, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

/* Where two texts differ first, as a line of each. */
static void show_difference(struct slice got, struct slice want)
{
    size_t at = 0;
    while (at < got.len && at < want.len && got.ptr[at] == want.ptr[at])
        at++;
    size_t line = at;
    while (line > 0 && got.ptr[line - 1] != '\n')
        line--;
    print_error("got:\n%.*s\nexpected:\n%.*s\n", 300, (const char *)got.ptr + line, 300,
                (const char *)want.ptr + line);
}

static void errors_have_a_message_and_a_caret(void **state)
{
    struct t *t = *state;
    struct buf got;
    struct buf want;
    buf_init(&got, &t->mem, 1 << 20);
    buf_init(&want, &t->mem, 1 << 20);
    write_transcript(t, &got);
    if (getenv("UPDATE_GOLDEN"))
        update_golden(buf_slice(&got));
    read_golden(t, &want);
    bool is_same = slice_equal(buf_slice(&got), buf_slice(&want));
    if (!is_same)
        show_difference(buf_slice(&got), buf_slice(&want));
    buf_fini(&got);
    buf_fini(&want);
    assert_true(is_same);
}

/* `count` times `open`, then `middle`, then as often `close`. */
static slp_rc compile_nested(struct t *t, size_t count, const char *open, const char *middle,
                             const char *close)
{
    struct buf text;
    struct arena a;
    const struct pred *p = NULL;
    buf_init(&text, &t->mem, 1 << 20);
    arena_init(&a, &t->mem, 1 << 24);
    for (size_t i = 0; i < count; i++)
        assert_ok(t, buf_append_slice(&text, slice_str(open), &t->err));
    assert_ok(t, buf_append_slice(&text, slice_str(middle), &t->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(t, buf_append_slice(&text, slice_str(close), &t->err));
    slp_rc rc = pred_compile(buf_slice(&text), &sample_schema, NULL, 0, &a, &p, &t->err);
    buf_fini(&text);
    arena_fini(&a);
    return rc;
}

static void depth_is_bounded(void **state)
{
    struct t *t = *state;
    assert_ok(t, compile_nested(t, PRED_DEPTH_MAX, "(", "id = 1", ")"));
    assert_rc(t, compile_nested(t, PRED_DEPTH_MAX + 1, "(", "id = 1", ")"), SLP_LIMIT);
    assert_err_has(t, "nested deeper than 200");
    assert_ok(t, compile_nested(t, PRED_DEPTH_MAX, "NOT (", "b AND id = 1", " OR b)"));
    assert_rc(t, compile_nested(t, PRED_DEPTH_MAX, "(", "id BETWEEN 1 AND 2", ")"), SLP_LIMIT);
    assert_rc(t, compile_nested(t, 80000, "(", "id = 1", ")"), SLP_LIMIT);
    assert_rc(t, compile_nested(t, 100000, "(", "", ""), SLP_LIMIT);
    assert_ok(t, compile_nested(t, 20000, "NOT ", "b", ""));
    assert_ok(t, compile_nested(t, 10000, "id = 1 AND ", "b", ""));
}

static void length_is_bounded(void **state)
{
    struct t *t = *state;
    assert_ok(t, compile_nested(t, PRED_TEXT_MAX_BYTES / 8, "    ", "b", "   "));
    assert_rc(t, compile_nested(t, PRED_TEXT_MAX_BYTES, " ", "b", ""), SLP_LIMIT);
    assert_err_has(t, "expected at most 262144");
}

static void messages_need_no_error_record(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    arena_init(&a, &t->mem, 1 << 20);
    assert_int_equal(pred_compile(slice_str("x1 = 1 AND x2 = 2 OR id = 'a'"), &sample_schema, NULL,
                                  0, &a, &p, NULL),
                     SLP_INVALID);
    arena_fini(&a);
}

static void control_characters_are_not_shown(void **state)
{
    struct t *t = *state;
    static const char text[] = "id = \x1b[2J";
    (void)pred_fail(&t->err, SLP_INVALID, slice_str(text), (struct pred_span){5, 1}, "no");
    assert_string_equal(t->err.text, "no\n  id =  [2J\n       ^");
}

T_MAIN(T_TEST(errors_have_a_message_and_a_caret), T_TEST(depth_is_bounded),
       T_TEST(length_is_bounded), T_TEST(messages_need_no_error_record),
       T_TEST(control_characters_are_not_shown))
