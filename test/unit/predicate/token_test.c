#include "predicate/token.h"

#include <string.h>

#include "lib/t.h"

static void tokens_are_told_apart_by_their_form(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        enum pred_token_kind kind;
        const char *body;
    } cases[] = {
        {"origin", PRED_TOK_WORD, "origin"},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         PRED_TOK_WORD,
         "gr\xc3\xb6\xc3\x9f"
         "e"},
        {"\"a \"\"b\"", PRED_TOK_QUOTED, "a \"\"b"},
        {"`a b`", PRED_TOK_QUOTED, "a b"},
        {"'it''s'", PRED_TOK_STRING, "it''s"},
        {"''", PRED_TOK_STRING, ""},
        {"x'0AFF'", PRED_TOK_HEX, "0AFF"},
        {"12", PRED_TOK_INTEGER, "12"},
        {"1.5", PRED_TOK_DECIMAL, "1.5"},
        {".5", PRED_TOK_DECIMAL, ".5"},
        {"1e3", PRED_TOK_FLOAT, "1e3"},
        {"1.5E-3", PRED_TOK_FLOAT, "1.5E-3"},
        {"?", PRED_TOK_PARAM, ""},
        {"$x1", PRED_TOK_PARAM, "x1"},
        {":name", PRED_TOK_PARAM, "name"},
        {"$2", PRED_TOK_PARAM, "2"},
        {"=", PRED_TOK_EQ, "="},
        {"==", PRED_TOK_EQ, "=="},
        {"<>", PRED_TOK_NE, "<>"},
        {"!=", PRED_TOK_NE, "!="},
        {"<", PRED_TOK_LT, "<"},
        {"<=", PRED_TOK_LE, "<="},
        {">", PRED_TOK_GT, ">"},
        {">=", PRED_TOK_GE, ">="},
        {"<=>", PRED_TOK_SAME, "<=>"},
        {"::", PRED_TOK_OPERATOR, "::"},
        {"||", PRED_TOK_OPERATOR, "||"},
        {" -- all\n 7", PRED_TOK_INTEGER, "7"},
        {"/* a\n*/7", PRED_TOK_INTEGER, "7"},
        {"", PRED_TOK_END, ""},
        {" \t\r\n", PRED_TOK_END, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pred_lexer lexer = {.text = slice_str(cases[i].text)};
        struct pred_token token;
        assert_ok(t, pred_token_next(&lexer, &token, &t->err));
        if (token.kind != cases[i].kind || !slice_is(token.body, cases[i].body))
            fail_msg("token of %s: kind %d, body %.*s", cases[i].text, (int)token.kind,
                     SLICE_ARG(token.body));
        assert_ok(t, pred_token_next(&lexer, &token, &t->err));
        assert_int_equal(token.kind, PRED_TOK_END);
    }
}

static void spans_name_the_bytes_of_a_token(void **state)
{
    struct t *t = *state;
    struct pred_lexer lexer = {.text = slice_str("a  >= 'x'")};
    struct pred_token token;
    assert_ok(t, pred_token_next(&lexer, &token, &t->err));
    assert_ok(t, pred_token_next(&lexer, &token, &t->err));
    assert_int_equal(token.at.start, 3);
    assert_int_equal(token.at.len, 2);
    assert_ok(t, pred_token_next(&lexer, &token, &t->err));
    assert_int_equal(token.at.start, 6);
    assert_int_equal(token.at.len, 3);
}

static void words_compare_without_case(void **state)
{
    (void)state;
    struct pred_token token = {.kind = PRED_TOK_WORD, .body = slice_str("BetWeen")};
    assert_true(pred_token_is(&token, "BETWEEN"));
    assert_false(pred_token_is(&token, "BETWEE"));
    token.kind = PRED_TOK_QUOTED;
    assert_false(pred_token_is(&token, "BETWEEN"));
}

T_MAIN(T_TEST(tokens_are_told_apart_by_their_form), T_TEST(spans_name_the_bytes_of_a_token),
       T_TEST(words_compare_without_case))
