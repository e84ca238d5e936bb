/*
 * Tokens of the predicate language. Words are keywords or names by place, not by spelling, so the
 * lexer tells only words, quoted names, texts, numbers, parameters and marks apart.
 *
 *   WORD     origin, AND, größe        body: as written
 *   QUOTED   "a ""b""" or `a b`        body: between the quotes, doubled quotes still doubled
 *   STRING   'it''s'                   body: between the quotes, doubled quotes still doubled
 *   HEX      X'0AFF'                   body: the digits
 *   INTEGER 12   DECIMAL 1.5 .5   FLOAT 1e3        body: as written, never with a sign
 *   PARAM    ? $1 $name :name          body: the name or number, empty for ?
 *
 * Blanks and comments (two hyphens to the end of the line, or as in C, not nested) stand between
 * tokens.
 */
#ifndef SLP_PREDICATE_TOKEN_H
#define SLP_PREDICATE_TOKEN_H

#include "predicate/mark.h"

enum pred_token_kind {
    PRED_TOK_END,
    PRED_TOK_WORD,
    PRED_TOK_QUOTED,
    PRED_TOK_STRING,
    PRED_TOK_HEX,
    PRED_TOK_INTEGER,
    PRED_TOK_DECIMAL,
    PRED_TOK_FLOAT,
    PRED_TOK_PARAM,
    PRED_TOK_EQ,
    PRED_TOK_NE,
    PRED_TOK_LT,
    PRED_TOK_LE,
    PRED_TOK_GT,
    PRED_TOK_GE,
    PRED_TOK_SAME, /* <=> */
    PRED_TOK_OPEN,
    PRED_TOK_CLOSE,
    PRED_TOK_COMMA,
    PRED_TOK_DOT,
    PRED_TOK_MINUS,
    PRED_TOK_PLUS,
    PRED_TOK_OPERATOR /* of the whole language and not supported yet: * / % || :: [ ] ~ */
};

struct pred_token {
    enum pred_token_kind kind;
    struct pred_span at;
    struct slice body;
};

struct pred_lexer {
    struct slice text;
    size_t at; /* bytes taken so far */
};

/* The next token; END again and again at the end. Errors: INVALID with caret. */
SLP_NODISCARD slp_rc pred_token_next(struct pred_lexer *lexer, struct pred_token *out,
                                     struct slp_err *err);

/* Is the token this word, ASCII letters compared without case? `word` is in upper case. */
bool pred_token_is(const struct pred_token *token, const char *word);

#endif
