#include "predicate/token.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of UTF-8 characters beyond ASCII are letters of names. */
static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The byte `ahead` of the lexer's place, 0 behind the end. */
static uint8_t peek(const struct pred_lexer *lexer, size_t ahead)
{
    size_t left = lexer->text.len - lexer->at;
    return ahead < left ? lexer->text.ptr[lexer->at + ahead] : 0;
}

static struct pred_span span_from(size_t start, size_t end)
{
    return (struct pred_span){.start = (uint32_t)start, .len = (uint32_t)(end - start)};
}

static slp_rc skip_comment(struct pred_lexer *lexer, struct slp_err *err)
{
    size_t start = lexer->at;
    for (lexer->at += 2; lexer->at < lexer->text.len; lexer->at++) {
        if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
            lexer->at += 2;
            return SLP_OK;
        }
    }
    return pred_fail(err, SLP_INVALID, lexer->text, span_from(start, start + 2),
                     "the comment starting here has no end; close it with */");
}

static slp_rc skip_space(struct pred_lexer *lexer, struct slp_err *err)
{
    while (lexer->at < lexer->text.len) {
        if (is_blank(peek(lexer, 0))) {
            lexer->at++;
        } else if (peek(lexer, 0) == '-' && peek(lexer, 1) == '-') {
            while (lexer->at < lexer->text.len && peek(lexer, 0) != '\n')
                lexer->at++;
        } else if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
            TRY(skip_comment(lexer, err));
        } else {
            break;
        }
    }
    return SLP_OK;
}

static struct slice body_of(const struct pred_lexer *lexer, size_t from, size_t to)
{
    return slice_sub(lexer->text, from, to - from);
}

/* From an opening quote to the closing one; a doubled quote stands for itself. */
static slp_rc take_quoted(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    size_t start = lexer->at;
    uint8_t quote = peek(lexer, 0);
    for (lexer->at++; lexer->at < lexer->text.len; lexer->at++) {
        if (peek(lexer, 0) != quote)
            continue;
        if (peek(lexer, 1) != quote) {
            out->body = body_of(lexer, start + 1, lexer->at);
            lexer->at++;
            return SLP_OK;
        }
        lexer->at++;
    }
    struct pred_span at = span_from(start, start + 1);
    if (quote == '\'')
        return pred_fail(err, SLP_INVALID, lexer->text, at,
                         "text starting here has no closing quote");
    return pred_fail(err, SLP_INVALID, lexer->text, at,
                     "the quoted name starting here has no closing %c", quote);
}

static void take_digits(struct pred_lexer *lexer)
{
    while (is_digit(peek(lexer, 0)))
        lexer->at++;
}

static slp_rc take_number(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    size_t start = lexer->at;
    out->kind = PRED_TOK_INTEGER;
    take_digits(lexer);
    if (peek(lexer, 0) == '.') {
        out->kind = PRED_TOK_DECIMAL;
        lexer->at++;
        take_digits(lexer);
    }
    if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') {
        size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
        if (is_digit(peek(lexer, 1 + sign))) {
            out->kind = PRED_TOK_FLOAT;
            lexer->at += 1 + sign;
            take_digits(lexer);
        }
    }
    size_t end = lexer->at;
    while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->at++;
    if (lexer->at != end)
        return pred_fail(err, SLP_INVALID, lexer->text, span_from(start, lexer->at),
                         "not a number; write text in 'single quotes' and a name that begins with "
                         "a digit in \"double quotes\"");
    out->body = body_of(lexer, start, end);
    return SLP_OK;
}

static void take_word(struct pred_lexer *lexer, struct pred_token *out)
{
    size_t start = lexer->at;
    while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->at++;
    out->kind = PRED_TOK_WORD;
    out->body = body_of(lexer, start, lexer->at);
}

static slp_rc take_param(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    size_t start = lexer->at++;
    out->kind = PRED_TOK_PARAM;
    out->body = slice_of(NULL, 0);
    if (lexer->text.ptr[start] == '?')
        return SLP_OK;
    size_t name = lexer->at;
    while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->at++;
    out->body = body_of(lexer, name, lexer->at);
    if (out->body.len == 0)
        return pred_fail(err, SLP_INVALID, lexer->text, span_from(start, start + 1),
                         "a parameter needs a name or a number: $name, $1");
    return SLP_OK;
}

/* Longest first, so that a mark is never taken for its beginning. */
static const struct {
    const char *text;
    enum pred_token_kind kind;
} marks[] = {
    {"<=>", PRED_TOK_SAME},    {"<=", PRED_TOK_LE},       {"<>", PRED_TOK_NE},
    {">=", PRED_TOK_GE},       {"==", PRED_TOK_EQ},       {"!=", PRED_TOK_NE},
    {"||", PRED_TOK_OPERATOR}, {"::", PRED_TOK_OPERATOR}, {"<", PRED_TOK_LT},
    {">", PRED_TOK_GT},        {"=", PRED_TOK_EQ},        {"(", PRED_TOK_OPEN},
    {")", PRED_TOK_CLOSE},     {",", PRED_TOK_COMMA},     {".", PRED_TOK_DOT},
    {"-", PRED_TOK_MINUS},     {"+", PRED_TOK_PLUS},      {"*", PRED_TOK_OPERATOR},
    {"/", PRED_TOK_OPERATOR},  {"%", PRED_TOK_OPERATOR},  {"[", PRED_TOK_OPERATOR},
    {"]", PRED_TOK_OPERATOR},  {"~", PRED_TOK_OPERATOR},
};

static slp_rc take_mark(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    struct slice rest = slice_after(lexer->text, lexer->at);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        struct slice mark = slice_str(marks[i].text);
        if (!slice_starts_with(rest, mark))
            continue;
        out->kind = marks[i].kind;
        out->body = slice_first(rest, mark.len);
        lexer->at += mark.len;
        return SLP_OK;
    }
    struct pred_span at = span_from(lexer->at, lexer->at + 1);
    switch (*rest.ptr) {
    case '&':
        return pred_fail(err, SLP_INVALID, lexer->text, at, "unexpected \"&\"; write AND");
    case '|':
        return pred_fail(err, SLP_INVALID, lexer->text, at, "unexpected \"|\"; write OR");
    case '!':
        return pred_fail(err, SLP_INVALID, lexer->text, at, "unexpected \"!\"; write NOT or <>");
    case ';':
        return pred_fail(err, SLP_INVALID, lexer->text, at,
                         "unexpected \";\"; a predicate is one condition");
    default:
        return pred_fail(err, SLP_INVALID, lexer->text, at, "unexpected character");
    }
}

static slp_rc take_token(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    uint8_t c = peek(lexer, 0);
    if (lexer->at == lexer->text.len) {
        *out = (struct pred_token){.kind = PRED_TOK_END};
        return SLP_OK;
    }
    if (c == '\'') {
        out->kind = PRED_TOK_STRING;
        return take_quoted(lexer, out, err);
    }
    if (c == '"' || c == '`') {
        out->kind = PRED_TOK_QUOTED;
        return take_quoted(lexer, out, err);
    }
    if ((c == 'x' || c == 'X') && peek(lexer, 1) == '\'') {
        lexer->at++;
        out->kind = PRED_TOK_HEX;
        return take_quoted(lexer, out, err);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
        return take_number(lexer, out, err);
    if (is_letter(c)) {
        take_word(lexer, out);
        return SLP_OK;
    }
    if (c == '?' || c == '$' || (c == ':' && peek(lexer, 1) != ':'))
        return take_param(lexer, out, err);
    return take_mark(lexer, out, err);
}

slp_rc pred_token_next(struct pred_lexer *lexer, struct pred_token *out, struct slp_err *err)
{
    TRY(skip_space(lexer, err));
    size_t start = lexer->at;
    TRY(take_token(lexer, out, err));
    out->at = span_from(start, lexer->at);
    return SLP_OK;
}

bool pred_token_is(const struct pred_token *token, const char *word)
{
    if (token->kind != PRED_TOK_WORD || token->body.len != strlen(word))
        return false;
    for (size_t i = 0; i < token->body.len; i++) {
        uint8_t c = token->body.ptr[i];
        if (c >= 'a' && c <= 'z')
            c = (uint8_t)(c - ('a' - 'A'));
        if (c != (uint8_t)word[i])
            return false;
    }
    return true;
}
