#include "base/text.h"
#include "predicate/syntax.h"
#include "predicate/token.h"

struct parser {
    struct pred_lexer lexer;
    struct pred_token token;   /* the one to be taken next */
    struct pred_span previous; /* the one taken last */
    struct arena *arena;
    const struct pred_param *params;
    size_t param_count;
    size_t nameless; /* `?` seen so far */
    unsigned depth;
    struct slp_err *err;
};

static slp_rc parse_or(struct parser *p, struct pred_syntax **out);

enum pred_op pred_op_inverse(enum pred_op op)
{
    static const enum pred_op inverse[] = {
        [PRED_EQ] = PRED_NE, [PRED_NE] = PRED_EQ, [PRED_LT] = PRED_GE,
        [PRED_LE] = PRED_GT, [PRED_GT] = PRED_LE, [PRED_GE] = PRED_LT,
    };
    return inverse[op];
}

enum pred_op pred_op_mirror(enum pred_op op)
{
    static const enum pred_op mirror[] = {
        [PRED_EQ] = PRED_EQ, [PRED_NE] = PRED_NE, [PRED_LT] = PRED_GT,
        [PRED_LE] = PRED_GE, [PRED_GT] = PRED_LT, [PRED_GE] = PRED_LE,
    };
    return mirror[op];
}

const char *pred_op_text(enum pred_op op)
{
    static const char *const texts[] = {
        [PRED_EQ] = "=",  [PRED_NE] = "<>", [PRED_LT] = "<",
        [PRED_LE] = "<=", [PRED_GT] = ">",  [PRED_GE] = ">=",
    };
    return texts[op];
}

#define PARSE_FAIL(p, code, at, ...)                                                               \
    return pred_fail((p)->err, SLP_##code, (p)->lexer.text, (at), __VA_ARGS__)

static slp_rc advance(struct parser *p)
{
    p->previous = p->token.at;
    return pred_token_next(&p->lexer, &p->token, p->err);
}

/* Take the token if it is this word. */
static slp_rc accept_word(struct parser *p, const char *word, bool *taken)
{
    *taken = pred_token_is(&p->token, word);
    return *taken ? advance(p) : SLP_OK;
}

static slp_rc fail_expected(struct parser *p, const char *expected)
{
    if (p->token.kind == PRED_TOK_END)
        PARSE_FAIL(p, INVALID, p->token.at, "expected %s, but the text ends here", expected);
    PARSE_FAIL(p, INVALID, p->token.at, "expected %s", expected);
}

static slp_rc expect_word(struct parser *p, const char *word)
{
    return pred_token_is(&p->token, word) ? advance(p) : fail_expected(p, word);
}

static slp_rc expect(struct parser *p, enum pred_token_kind kind, const char *expected)
{
    return p->token.kind == kind ? advance(p) : fail_expected(p, expected);
}

static slp_rc new_node(struct parser *p, enum pred_syntax_kind kind, struct pred_span at,
                       struct pred_syntax **out)
{
    TRY(arena_new(p->arena, out, p->err));
    (*out)->kind = kind;
    (*out)->at = at;
    return SLP_OK;
}

static void add_child(struct pred_syntax *parent, struct pred_syntax *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
    parent->at = pred_span_join(parent->count == 1 ? child->at : parent->at, child->at);
}

/* Is there room for one level more below this one? */
static slp_rc check_depth(struct parser *p, unsigned more)
{
    if (p->depth + more <= PRED_DEPTH_MAX)
        return SLP_OK;
    PARSE_FAIL(p, LIMIT, p->token.at, "conditions nested deeper than %u", PRED_DEPTH_MAX);
}

/* Words that end an operand; the others may be names. */
static bool is_reserved(const struct pred_token *token)
{
    static const char *const words[] = {"AND",   "OR",    "NOT",   "IN",      "IS",
                                        "LIKE",  "ILIKE", "NULL",  "BETWEEN", "TRUE",
                                        "FALSE", "CASE",  "REGEXP"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (pred_token_is(token, words[i]))
            return true;
    }
    return false;
}

/* Halve doubled quotes; most texts have none and are borrowed. */
static slp_rc unquote(struct parser *p, struct slice body, uint8_t quote, struct slice *out)
{
    if (body.len == 0 || !memchr(body.ptr, quote, body.len)) {
        *out = body;
        return SLP_OK;
    }
    void *room = NULL;
    TRY(arena_alloc(p->arena, body.len, &room, p->err));
    uint8_t *bytes = room;
    size_t n = 0;
    for (size_t i = 0; i < body.len; i++) {
        bytes[n++] = body.ptr[i];
        i += body.ptr[i] == quote;
    }
    *out = slice_of(bytes, n);
    return SLP_OK;
}

static slp_rc decode_hex(struct parser *p, struct slice digits, struct slice *out)
{
    void *room = NULL;
    if (digits.len % 2 != 0)
        PARSE_FAIL(p, INVALID, p->token.at, "X'..' takes two hexadecimal digits a byte");
    TRY(arena_alloc(p->arena, digits.len / 2, &room, p->err));
    uint8_t *bytes = room;
    for (size_t i = 0; i < digits.len; i += 2) {
        int high = text_hex_digit(digits.ptr[i]);
        int low = text_hex_digit(digits.ptr[i + 1]);
        if (high < 0 || low < 0)
            PARSE_FAIL(p, INVALID, p->token.at, "X'..' takes hexadecimal digits only");
        bytes[i / 2] = (uint8_t)(high * 16 + low);
    }
    *out = slice_of(bytes, digits.len / 2);
    return SLP_OK;
}

static slp_rc fail_param(struct parser *p, struct slice name)
{
    const struct pred_param *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < p->param_count; i++) {
        size_t distance = text_distance(name, p->params[i].name);
        if (distance < best_distance && text_is_near(name, p->params[i].name, distance)) {
            best = &p->params[i];
            best_distance = distance;
        }
    }
    if (best && best->name.len > 0)
        PARSE_FAIL(p, INVALID, p->token.at,
                   "no value given for parameter \"%.*s\"; did you mean \"%.*s\"?", SLICE_ARG(name),
                   SLICE_ARG(best->name));
    PARSE_FAIL(p, INVALID, p->token.at, "no value given for parameter \"%.*s\"",
               SLICE_ARG(slice_first(name, name.len < 64 ? name.len : 64)));
}

/* The n-th parameter without a name, n counted from 1. */
static const struct pred_param *nameless_param(const struct parser *p, size_t n)
{
    for (size_t i = 0; i < p->param_count; i++) {
        if (p->params[i].name.len == 0 && --n == 0)
            return &p->params[i];
    }
    return NULL;
}

static size_t small_number(struct slice digits)
{
    size_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || n > 100000)
            return 0;
        n = n * 10 + (size_t)(digits.ptr[i] - '0');
    }
    return n;
}

static slp_rc find_param(struct parser *p, struct slice name, const struct pred_param **out)
{
    if (name.len == 0) {
        *out = nameless_param(p, ++p->nameless);
        if (!*out)
            PARSE_FAIL(p, INVALID, p->token.at, "no value given for \"?\" number %zu", p->nameless);
        return SLP_OK;
    }
    for (size_t i = 0; i < p->param_count; i++) {
        if (slice_equal(p->params[i].name, name)) {
            *out = &p->params[i];
            return SLP_OK;
        }
    }
    size_t n = small_number(name);
    *out = n > 0 ? nameless_param(p, n) : NULL;
    return *out ? SLP_OK : fail_param(p, name);
}

/* NULL, TRUE, FALSE and the typed texts. `found` says whether the words are a literal. */
static slp_rc parse_word_literal(struct parser *p, struct pred_literal *out, bool *found)
{
    static const struct {
        const char *word;
        enum pred_literal_kind kind;
        bool is_supported;
    } typed[] = {
        {"DATE", PRED_LIT_DATE, true},
        {"TIMESTAMP", PRED_LIT_TIMESTAMP, true},
        {"TIMESTAMPTZ", PRED_LIT_TIMESTAMPTZ, true},
        {"DECIMAL", PRED_LIT_DECIMAL, true},
        {"TIME", PRED_LIT_STRING, false},
        {"INTERVAL", PRED_LIT_STRING, false},
        {"UUID", PRED_LIT_STRING, false},
    };
    struct pred_token word = p->token;
    *found = true;
    if (pred_token_is(&word, "NULL")) {
        *out = (struct pred_literal){.kind = PRED_LIT_NULL};
        return advance(p);
    }
    if (pred_token_is(&word, "TRUE") || pred_token_is(&word, "FALSE")) {
        *out = (struct pred_literal){.kind = PRED_LIT_BOOL, .truth = pred_token_is(&word, "TRUE")};
        return advance(p);
    }
    struct pred_lexer ahead = p->lexer;
    struct pred_token text;
    TRY(pred_token_next(&ahead, &text, p->err));
    for (size_t i = 0; i < sizeof typed / sizeof *typed && text.kind == PRED_TOK_STRING; i++) {
        if (!pred_token_is(&word, typed[i].word))
            continue;
        if (!typed[i].is_supported)
            PARSE_FAIL(p, UNSUPPORTED, pred_span_join(word.at, text.at),
                       "literals of type %s are not supported yet", typed[i].word);
        *out = (struct pred_literal){.kind = typed[i].kind};
        TRY(unquote(p, text.body, '\'', &out->text));
        TRY(advance(p));
        return advance(p);
    }
    *found = false;
    return SLP_OK;
}

/* A literal that is one token. */
static slp_rc parse_plain_literal(struct parser *p, struct pred_literal *out, bool *found)
{
    const struct pred_param *param = NULL;
    *out = (struct pred_literal){.text = p->token.body};
    *found = true;
    switch (p->token.kind) {
    case PRED_TOK_INTEGER:
        out->kind = PRED_LIT_INTEGER;
        return advance(p);
    case PRED_TOK_DECIMAL:
        out->kind = PRED_LIT_DECIMAL;
        return advance(p);
    case PRED_TOK_FLOAT:
        out->kind = PRED_LIT_FLOAT;
        return advance(p);
    case PRED_TOK_STRING:
        out->kind = PRED_LIT_STRING;
        TRY(unquote(p, p->token.body, '\'', &out->text));
        return advance(p);
    case PRED_TOK_HEX:
        out->kind = PRED_LIT_BYTES;
        TRY(decode_hex(p, p->token.body, &out->text));
        return advance(p);
    case PRED_TOK_PARAM:
        out->kind = PRED_LIT_STRING;
        out->is_param = true;
        TRY(find_param(p, p->token.body, &param));
        TRY(arena_copy(p->arena, param->text, &out->text, p->err));
        return advance(p);
    default:
        *found = false;
        return SLP_OK;
    }
}

static const char *const function_names[] = {
#define PRED_FUNCTION(name) #name,
#include "predicate/functions.def"
#undef PRED_FUNCTION
};

static slp_rc fail_function(struct parser *p, const struct pred_token *word)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < sizeof function_names / sizeof *function_names; i++) {
        size_t distance = text_distance(word->body, slice_str(function_names[i]));
        if (distance < best_distance) {
            best = function_names[i];
            best_distance = distance;
        }
    }
    struct slice shown = slice_first(word->body, word->body.len < 64 ? word->body.len : 64);
    if (best_distance == 0)
        PARSE_FAIL(p, UNSUPPORTED, word->at, "function %s is not supported yet", best);
    if (best && text_is_near(word->body, slice_str(best), best_distance))
        PARSE_FAIL(p, INVALID, word->at, "unknown function \"%.*s\"; did you mean \"%s\"?",
                   SLICE_ARG(shown), best);
    PARSE_FAIL(p, INVALID, word->at, "unknown function \"%.*s\"", SLICE_ARG(shown));
}

/* One part of a column name. */
static slp_rc take_name(struct parser *p, struct slice *out)
{
    if (p->token.kind == PRED_TOK_QUOTED)
        TRY(unquote(p, p->token.body, p->lexer.text.ptr[p->token.at.start], out));
    else if (p->token.kind == PRED_TOK_WORD)
        *out = p->token.body;
    else
        return fail_expected(p, "a name behind the point");
    return advance(p);
}

static slp_rc join_names(struct parser *p, struct slice tail, struct slice *name)
{
    void *room = NULL;
    TRY(arena_alloc(p->arena, name->len + 1 + tail.len, &room, p->err));
    uint8_t *bytes = room;
    if (name->len)
        memcpy(bytes, name->ptr, name->len);
    bytes[name->len] = '.';
    if (tail.len)
        memcpy(bytes + name->len + 1, tail.ptr, tail.len);
    *name = slice_of(bytes, name->len + 1 + tail.len);
    return SLP_OK;
}

static slp_rc add_part(struct parser *p, struct slice name, size_t end, struct pred_part ***last)
{
    struct pred_part *part = NULL;
    TRY(arena_new(p->arena, &part, p->err));
    *part = (struct pred_part){.name = name, .end = end};
    **last = part;
    *last = &part->next;
    return SLP_OK;
}

/* a, "a b", a.b: a member of a struct, or a column that has a point in its name. */
static slp_rc parse_column(struct parser *p, struct pred_syntax **out)
{
    struct pred_token word = p->token;
    struct slice name;
    struct pred_part *parts = NULL;
    struct pred_part **last = &parts;
    unsigned count = 1;
    TRY(take_name(p, &name));
    TRY(add_part(p, name, name.len, &last));
    if (word.kind == PRED_TOK_WORD && p->token.kind == PRED_TOK_OPEN)
        return fail_function(p, &word);
    while (p->token.kind == PRED_TOK_DOT) {
        struct slice tail = {0};
        if (++count > PRED_PARTS_MAX)
            PARSE_FAIL(p, LIMIT, p->token.at, "a name of more than %u parts", PRED_PARTS_MAX);
        TRY(advance(p));
        TRY(take_name(p, &tail));
        TRY(join_names(p, tail, &name));
        TRY(add_part(p, tail, name.len, &last));
    }
    struct pred_syntax *node;
    TRY(new_node(p, PRED_SYN_COLUMN, pred_span_join(word.at, p->previous), &node));
    node->name = name;
    node->parts = parts;
    node->is_quoted = word.kind == PRED_TOK_QUOTED;
    *out = node;
    return SLP_OK;
}

static slp_rc parse_brackets(struct parser *p, struct pred_syntax **out)
{
    struct pred_span open = p->token.at;
    TRY(advance(p));
    p->depth++;
    TRY(check_depth(p, 0));
    TRY(parse_or(p, out));
    p->depth--;
    if (p->token.kind == PRED_TOK_COMMA)
        PARSE_FAIL(p, UNSUPPORTED, pred_span_join(open, p->token.at),
                   "comparisons of rows are not supported yet");
    TRY(expect(p, PRED_TOK_CLOSE, "\")\""));
    (*out)->at = pred_span_join(open, p->previous);
    return SLP_OK;
}

static slp_rc parse_primary(struct parser *p, struct pred_syntax **out)
{
    struct pred_span start = p->token.at;
    struct pred_literal literal = {0};
    bool found = false;
    if (p->token.kind == PRED_TOK_OPEN)
        return parse_brackets(p, out);
    TRY(parse_plain_literal(p, &literal, &found));
    if (!found && p->token.kind == PRED_TOK_WORD)
        TRY(parse_word_literal(p, &literal, &found));
    if (found) {
        TRY(new_node(p, PRED_SYN_LITERAL, pred_span_join(start, p->previous), out));
        (*out)->literal = literal;
        return SLP_OK;
    }
    if (pred_token_is(&p->token, "CASE"))
        PARSE_FAIL(p, UNSUPPORTED, p->token.at, "CASE is not supported yet");
    bool is_name = p->token.kind == PRED_TOK_WORD && !is_reserved(&p->token);
    if (is_name || p->token.kind == PRED_TOK_QUOTED)
        return parse_column(p, out);
    if (p->token.kind == PRED_TOK_WORD)
        PARSE_FAIL(p, INVALID, p->token.at,
                   "expected a column or a value, found the keyword %.*s; write a column of that "
                   "name in \"double quotes\"",
                   SLICE_ARG(p->token.body));
    return fail_expected(p, "a column or a value");
}

static bool is_number(const struct pred_syntax *node)
{
    return node->kind == PRED_SYN_LITERAL &&
           (node->literal.kind == PRED_LIT_INTEGER || node->literal.kind == PRED_LIT_DECIMAL ||
            node->literal.kind == PRED_LIT_FLOAT);
}

/* An operand: a column or a value, perhaps signed, and nothing that computes. */
static slp_rc parse_operand(struct parser *p, struct pred_syntax **out)
{
    struct pred_span start = p->token.at;
    bool is_signed = false;
    bool is_negative = false;
    while (p->token.kind == PRED_TOK_MINUS || p->token.kind == PRED_TOK_PLUS) {
        is_signed = true;
        is_negative ^= p->token.kind == PRED_TOK_MINUS;
        TRY(advance(p));
    }
    TRY(parse_primary(p, out));
    if (is_signed) {
        if (!is_number(*out))
            PARSE_FAIL(p, UNSUPPORTED, pred_span_join(start, p->previous),
                       "arithmetic is not supported yet: a sign may stand before a number only");
        (*out)->literal.is_negative ^= is_negative;
        (*out)->at = pred_span_join(start, p->previous);
    }
    if (p->token.kind == PRED_TOK_MINUS || p->token.kind == PRED_TOK_PLUS ||
        p->token.kind == PRED_TOK_OPERATOR)
        PARSE_FAIL(p, UNSUPPORTED, p->token.at, "%s%.*s is not supported yet",
                   slice_is(p->token.body, "[") ? "taking items of lists and maps by "
                                                : "operator ",
                   SLICE_ARG(p->token.body));
    return SLP_OK;
}

/* The right side of a test: what stands there must be a column or a value. */
static slp_rc parse_value(struct parser *p, struct pred_syntax *parent)
{
    struct pred_syntax *value = NULL;
    TRY(parse_operand(p, &value));
    if (value->kind != PRED_SYN_COLUMN && value->kind != PRED_SYN_LITERAL)
        PARSE_FAIL(p, UNSUPPORTED, value->at,
                   "a condition cannot be compared yet; use AND, OR, NOT or IS TRUE");
    add_child(parent, value);
    return SLP_OK;
}

static slp_rc parse_between(struct parser *p, struct pred_syntax *test)
{
    test->kind = PRED_SYN_BETWEEN;
    TRY(check_depth(p, 1));
    TRY(accept_word(p, "SYMMETRIC", &test->is_symmetric));
    TRY(parse_value(p, test));
    TRY(expect_word(p, "AND"));
    return parse_value(p, test);
}

static slp_rc parse_in(struct parser *p, struct pred_syntax *test)
{
    test->kind = PRED_SYN_IN;
    TRY(expect(p, PRED_TOK_OPEN, "\"(\""));
    for (bool more = p->token.kind != PRED_TOK_CLOSE; more;) {
        TRY(parse_value(p, test));
        if (test->count > PRED_IN_MAX + 1)
            PARSE_FAIL(p, LIMIT, p->token.at, "an IN list of more than %u values", PRED_IN_MAX);
        more = p->token.kind == PRED_TOK_COMMA;
        if (more)
            TRY(advance(p));
    }
    TRY(expect(p, PRED_TOK_CLOSE, "\",\" or \")\""));
    test->at = pred_span_join(test->at, p->previous);
    return SLP_OK;
}

static slp_rc parse_like(struct parser *p, struct pred_syntax *test)
{
    bool has_escape = false;
    test->kind = PRED_SYN_LIKE;
    TRY(parse_value(p, test));
    TRY(accept_word(p, "ESCAPE", &has_escape));
    return has_escape ? parse_value(p, test) : SLP_OK;
}

static slp_rc parse_is(struct parser *p, struct pred_syntax *test)
{
    static const struct {
        const char *word;
        enum pred_test test;
    } tests[] = {
        {"NULL", PRED_IS_NULL},       {"TRUE", PRED_IS_TRUE}, {"FALSE", PRED_IS_FALSE},
        {"UNKNOWN", PRED_IS_UNKNOWN}, {"NAN", PRED_IS_NAN},
    };
    bool is_distinct = false;
    test->kind = PRED_SYN_IS;
    TRY(check_depth(p, 1));
    TRY(accept_word(p, "NOT", &test->is_negated));
    TRY(accept_word(p, "DISTINCT", &is_distinct));
    if (is_distinct) {
        test->kind = PRED_SYN_DISTINCT;
        TRY(expect_word(p, "FROM"));
        return parse_value(p, test);
    }
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (!pred_token_is(&p->token, tests[i].word))
            continue;
        test->test = tests[i].test;
        TRY(advance(p));
        test->at = pred_span_join(test->at, p->previous);
        return SLP_OK;
    }
    return fail_expected(p, "NULL, TRUE, FALSE, UNKNOWN, NAN or DISTINCT FROM");
}

static bool comparison_of(enum pred_token_kind kind, enum pred_op *op)
{
    switch (kind) {
    case PRED_TOK_EQ:
        *op = PRED_EQ;
        return true;
    case PRED_TOK_NE:
        *op = PRED_NE;
        return true;
    case PRED_TOK_LT:
        *op = PRED_LT;
        return true;
    case PRED_TOK_LE:
        *op = PRED_LE;
        return true;
    case PRED_TOK_GT:
        *op = PRED_GT;
        return true;
    case PRED_TOK_GE:
        *op = PRED_GE;
        return true;
    default:
        return false;
    }
}

/* What may follow an operand. `test` has the operand as its first child; `found` is false if
 * nothing follows. */
static slp_rc parse_suffix(struct parser *p, struct pred_syntax *test, bool *found)
{
    struct pred_token start = p->token;
    *found = true;
    if (comparison_of(p->token.kind, &test->op)) {
        test->kind = PRED_SYN_COMPARE;
        TRY(advance(p));
        return parse_value(p, test);
    }
    if (p->token.kind == PRED_TOK_SAME) {
        test->kind = PRED_SYN_DISTINCT;
        test->is_negated = true;
        TRY(advance(p));
        return parse_value(p, test);
    }
    bool taken = false;
    TRY(accept_word(p, "IS", &taken));
    if (taken)
        return parse_is(p, test);
    TRY(accept_word(p, "NOT", &test->is_negated));
    if (pred_token_is(&p->token, "ILIKE") || pred_token_is(&p->token, "REGEXP"))
        PARSE_FAIL(p, UNSUPPORTED, p->token.at, "%.*s is not supported yet",
                   SLICE_ARG(p->token.body));
    TRY(accept_word(p, "LIKE", &taken));
    if (taken)
        return parse_like(p, test);
    TRY(accept_word(p, "BETWEEN", &taken));
    if (taken)
        return parse_between(p, test);
    TRY(accept_word(p, "IN", &taken));
    if (taken)
        return parse_in(p, test);
    *found = false;
    if (test->is_negated)
        PARSE_FAIL(p, INVALID, start.at, "expected LIKE, BETWEEN or IN behind NOT here");
    return SLP_OK;
}

static slp_rc parse_test(struct parser *p, struct pred_syntax **out)
{
    struct pred_syntax *operand = NULL;
    struct pred_syntax *test = NULL;
    bool found = false;
    TRY(parse_operand(p, &operand));
    TRY(new_node(p, PRED_SYN_COMPARE, operand->at, &test));
    add_child(test, operand);
    TRY(parse_suffix(p, test, &found));
    if (!found) {
        *out = operand;
        return SLP_OK;
    }
    bool is_condition = operand->kind != PRED_SYN_COLUMN && operand->kind != PRED_SYN_LITERAL;
    if (is_condition && test->kind != PRED_SYN_IS)
        PARSE_FAIL(p, UNSUPPORTED, operand->at,
                   "a condition cannot be compared yet; use AND, OR, NOT or IS TRUE");
    enum pred_op op;
    if (comparison_of(p->token.kind, &op))
        PARSE_FAIL(p, INVALID, p->token.at,
                   "comparisons do not chain; write two of them with AND, or BETWEEN");
    *out = test;
    return SLP_OK;
}

static slp_rc parse_not(struct parser *p, struct pred_syntax **out)
{
    struct pred_span start = p->token.at;
    bool is_negated = false;
    bool taken = false;
    TRY(accept_word(p, "NOT", &taken));
    while (taken) {
        is_negated = !is_negated;
        TRY(accept_word(p, "NOT", &taken));
    }
    struct pred_syntax *test = NULL;
    TRY(parse_test(p, &test));
    *out = test;
    if (!is_negated)
        return SLP_OK;
    TRY(new_node(p, PRED_SYN_NOT, start, out));
    add_child(*out, test);
    (*out)->at = pred_span_join(start, p->previous);
    return SLP_OK;
}

typedef slp_rc parse_fn(struct parser *p, struct pred_syntax **out);

/* item {word item}: one node for the whole list, or the item alone. */
static slp_rc parse_list(struct parser *p, const char *word, enum pred_syntax_kind kind,
                         parse_fn *item, struct pred_syntax **out)
{
    struct pred_syntax *list = NULL;
    struct pred_syntax *one = NULL;
    bool more = false;
    TRY(item(p, &one));
    TRY(accept_word(p, word, &more));
    if (!more) {
        *out = one;
        return SLP_OK;
    }
    TRY(new_node(p, kind, one->at, &list));
    add_child(list, one);
    while (more) {
        TRY(item(p, &one));
        add_child(list, one);
        TRY(accept_word(p, word, &more));
    }
    *out = list;
    return SLP_OK;
}

static slp_rc parse_and(struct parser *p, struct pred_syntax **out)
{
    return parse_list(p, "AND", PRED_SYN_AND, parse_not, out);
}

static slp_rc parse_or(struct parser *p, struct pred_syntax **out)
{
    return parse_list(p, "OR", PRED_SYN_OR, parse_and, out);
}

/* Something stands behind a whole predicate; often it is a text with a quote in it. */
static slp_rc fail_rest(struct parser *p)
{
    bool touches = p->previous.start + p->previous.len == p->token.at.start;
    bool is_text = p->previous.len > 0 && p->lexer.text.ptr[p->token.at.start - 1] == '\'';
    if (touches && is_text && p->token.kind == PRED_TOK_WORD)
        PARSE_FAIL(p, INVALID, p->token.at,
                   "expected AND, OR or the end; a quote inside text is written twice: 'it''s'");
    return fail_expected(p, "AND, OR or the end");
}

slp_rc pred_parse(struct slice text, const struct pred_param *params, size_t param_count,
                  struct arena *arena, struct pred_syntax **out, struct slp_err *err)
{
    if (text.len > PRED_TEXT_MAX_BYTES)
        FAIL(err, LIMIT, "predicate of %zu bytes, expected at most %u", text.len,
             PRED_TEXT_MAX_BYTES);
    struct parser p = {
        .lexer = {.text = text},
        .arena = arena,
        .params = params,
        .param_count = param_count,
        .err = err,
    };
    struct pred_syntax *root = NULL;
    TRY(advance(&p));
    if (p.token.kind == PRED_TOK_END)
        FAIL(err, INVALID, "the predicate is empty; expected a condition such as name = 'x'");
    TRY(parse_or(&p, &root));
    if (p.token.kind != PRED_TOK_END)
        return fail_rest(&p);
    *out = root;
    return SLP_OK;
}
