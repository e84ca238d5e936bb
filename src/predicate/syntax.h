/*
 * The untyped tree: what the parser makes of a text, before columns have types.
 *
 *   text       a = 5 AND NOT (b IS NULL)
 *   tree       AND( COMPARE =( COLUMN a, LITERAL 5 ), NOT( IS NULL( COLUMN b ) ) )
 *
 * AND and OR take any number of children, so that a long list is flat. Depth is bounded by
 * PRED_DEPTH_MAX: brackets count, and so do BETWEEN and IS, which may become brackets when the
 * bound tree is written as text.
 */
#ifndef SLP_PREDICATE_SYNTAX_H
#define SLP_PREDICATE_SYNTAX_H

#include "base/arena.h"
#include "predicate/mark.h"
#include "predicate/predicate.h"

enum pred_op { PRED_EQ, PRED_NE, PRED_LT, PRED_LE, PRED_GT, PRED_GE };

/* The operator that is TRUE where `op` is FALSE. */
enum pred_op pred_op_inverse(enum pred_op op);
/* The operator with its sides exchanged. */
enum pred_op pred_op_mirror(enum pred_op op);
const char *pred_op_text(enum pred_op op);

enum pred_literal_kind {
    PRED_LIT_NULL,
    PRED_LIT_BOOL,
    PRED_LIT_INTEGER,
    PRED_LIT_DECIMAL,
    PRED_LIT_FLOAT,
    PRED_LIT_STRING,
    PRED_LIT_BYTES,
    PRED_LIT_DATE,
    PRED_LIT_TIMESTAMP,
    PRED_LIT_TIMESTAMPTZ
};

struct pred_literal {
    enum pred_literal_kind kind;
    bool truth;        /* BOOL */
    bool is_negative;  /* numbers; `text` has no sign then */
    bool is_param;     /* a STRING given as a parameter */
    struct slice text; /* digits; text without quotes; the bytes of X'..' */
};

enum pred_syntax_kind {
    PRED_SYN_LITERAL,
    PRED_SYN_COLUMN,
    PRED_SYN_AND,
    PRED_SYN_OR,
    PRED_SYN_NOT,
    PRED_SYN_COMPARE,  /* left, right */
    PRED_SYN_DISTINCT, /* left, right: IS [NOT] DISTINCT FROM, <=> */
    PRED_SYN_BETWEEN,  /* value, low, high */
    PRED_SYN_IN,       /* value, items */
    PRED_SYN_LIKE,     /* value, pattern[, escape] */
    PRED_SYN_IS        /* value */
};

enum pred_test { PRED_IS_NULL, PRED_IS_TRUE, PRED_IS_FALSE, PRED_IS_UNKNOWN, PRED_IS_NAN };

/* Parts of a name. */
#define PRED_PARTS_MAX 64u

/* A part of the name a.b.c, which is joined: it ends there. */
struct pred_part {
    struct slice name;
    size_t end;
    struct pred_part *next;
};

struct pred_syntax {
    enum pred_syntax_kind kind;
    struct pred_span at;
    enum pred_op op;               /* COMPARE */
    enum pred_test test;           /* IS */
    bool is_negated;               /* NOT LIKE, NOT IN, IS NOT ... */
    bool is_symmetric;             /* BETWEEN SYMMETRIC */
    bool is_quoted;                /* COLUMN */
    struct slice name;             /* COLUMN: parts joined by points */
    const struct pred_part *parts; /* the same; at least one */
    struct pred_literal literal;   /* LITERAL */
    struct pred_syntax *first;     /* children, through `next` */
    struct pred_syntax *last;
    struct pred_syntax *next;
    size_t count;
};

/* Parse `text`; parameters become text literals. Errors as pred_compile. */
SLP_NODISCARD slp_rc pred_parse(struct slice text, const struct pred_param *params,
                                size_t param_count, struct arena *arena, struct pred_syntax **out,
                                struct slp_err *err);

#endif
