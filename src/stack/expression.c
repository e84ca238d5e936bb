#include "stack/expression.h"

#include <math.h>

#include "arrow/text.h"
#include "base/num.h"
#include "predicate/predicate.h"
#include "predicate/token.h"

/* Postfix: operands push, operators take two and push one. */
enum step_kind { STEP_COLUMN, STEP_INT, STEP_REAL, STEP_NEGATE, STEP_OPERATOR };

struct step {
    enum step_kind kind;
    char op; /* + - * / % */
    size_t column;
    int64_t integer;
    double real;
    struct step *next;
};

struct stack_expression {
    struct arr_field field;
    const struct pred *where; /* a predicate */
    bool is_column;           /* a column alone */
    bool is_text;             /* a text alone */
    struct slice text;
    size_t column;
    bool is_real;
    struct step *first;
    size_t depth;
    const struct arr_schema *schema;
};

struct parse {
    struct pred_lexer lexer;
    struct pred_token token;
    struct arena *arena;
    struct stack_expression *e;
    struct step **tail;
    size_t height; /* of the stack of values */
    unsigned depth;
    struct slp_err *err;
};

static slp_rc advance(struct parse *p)
{
    return pred_token_next(&p->lexer, &p->token, p->err);
}

static slp_rc add_step(struct parse *p, struct step step)
{
    struct step *made = NULL;
    TRY(arena_new(p->arena, &made, p->err));
    *made = step;
    *p->tail = made;
    p->tail = &made->next;
    if (step.kind == STEP_OPERATOR)
        p->height--;
    else if (step.kind != STEP_NEGATE)
        p->height++;
    p->e->depth = num_max_size(p->e->depth, p->height);
    return SLP_OK;
}

static bool is_number(struct arr_type t, bool *is_real)
{
    *is_real = t.kind == ARR_FLOAT || t.kind == ARR_DOUBLE || t.kind == ARR_FLOAT16 ||
               t.kind == ARR_DECIMAL128;
    return *is_real || (t.kind >= ARR_INT8 && t.kind <= ARR_UINT64);
}

static slp_rc unknown(struct parse *p, const char *expected)
{
    return pred_fail(p->err, SLP_INVALID, p->lexer.text, p->token.at, "expected %s", expected);
}

static slp_rc parse_column(struct parse *p)
{
    bool is_real = false;
    int64_t at = arr_schema_find(p->e->schema, p->token.body);
    if (at < 0) {
        const char *near = arr_schema_nearest(p->e->schema, p->token.body);
        return pred_fail(p->err, SLP_INVALID, p->lexer.text, p->token.at,
                         "unknown field \"%.*s\"%s%s%s", SLICE_ARG(p->token.body),
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (!is_number(p->e->schema->fields[at].type, &is_real))
        return unknown(p, "a field of numbers");
    p->e->is_real |= is_real;
    TRY(add_step(p, (struct step){.kind = STEP_COLUMN, .column = (size_t)at}));
    return advance(p);
}

static slp_rc parse_number(struct parse *p)
{
    struct step s = {.kind = STEP_INT};
    bool reads = p->token.kind == PRED_TOK_INTEGER && arr_text_i64(p->token.body, &s.integer);
    if (!reads) {
        s.kind = STEP_REAL;
        p->e->is_real = true;
        if (!arr_text_f64(p->token.body, &s.real))
            return unknown(p, "a number");
    }
    TRY(add_step(p, s));
    return advance(p);
}

static slp_rc parse_sum(struct parse *p);

static slp_rc parse_primary(struct parse *p)
{
    switch (p->token.kind) {
    case PRED_TOK_WORD:
    case PRED_TOK_QUOTED:
        return parse_column(p);
    case PRED_TOK_INTEGER:
    case PRED_TOK_DECIMAL:
    case PRED_TOK_FLOAT:
        return parse_number(p);
    case PRED_TOK_OPEN:
        if (++p->depth > STACK_EXPRESSION_DEPTH)
            FAIL(p->err, LIMIT, "an expression has at most %d levels of brackets",
                 STACK_EXPRESSION_DEPTH);
        TRY(advance(p));
        TRY(parse_sum(p));
        p->depth--;
        if (p->token.kind != PRED_TOK_CLOSE)
            return unknown(p, "\")\"");
        return advance(p);
    default:
        return unknown(p, "a field, a number or \"(\"");
    }
}

static slp_rc parse_unary(struct parse *p)
{
    bool negative = p->token.kind == PRED_TOK_MINUS;
    if (negative)
        TRY(advance(p));
    TRY(parse_primary(p));
    return negative ? add_step(p, (struct step){.kind = STEP_NEGATE}) : SLP_OK;
}

/* The operator at hand if it is one of `wanted`, else 0. */
static char operator_at(const struct parse *p, const char *wanted)
{
    char c = '\0';
    if (p->token.kind == PRED_TOK_PLUS)
        c = '+';
    else if (p->token.kind == PRED_TOK_MINUS)
        c = '-';
    else if (p->token.kind == PRED_TOK_OPERATOR && p->token.at.len == 1)
        c = (char)p->lexer.text.ptr[p->token.at.start];
    return c != '\0' && strchr(wanted, c) ? c : '\0';
}

static slp_rc parse_product(struct parse *p)
{
    TRY(parse_unary(p));
    for (char op = operator_at(p, "*/%"); op; op = operator_at(p, "*/%")) {
        p->e->is_real |= op == '/';
        TRY(advance(p));
        TRY(parse_unary(p));
        TRY(add_step(p, (struct step){.kind = STEP_OPERATOR, .op = op}));
    }
    return SLP_OK;
}

static slp_rc parse_sum(struct parse *p)
{
    TRY(parse_product(p));
    for (char op = operator_at(p, "+-"); op; op = operator_at(p, "+-")) {
        TRY(advance(p));
        TRY(parse_product(p));
        TRY(add_step(p, (struct step){.kind = STEP_OPERATOR, .op = op}));
    }
    return SLP_OK;
}

/* The body of a text, whose quotes still stand doubled. */
static slp_rc single_quotes(struct parse *p, struct slice body, struct slice *out)
{
    void *room = NULL;
    size_t n = 0;
    TRY(arena_alloc(p->arena, body.len, &room, p->err));
    uint8_t *to = room;
    for (size_t i = 0; i < body.len; i++) {
        to[n++] = body.ptr[i];
        i += body.ptr[i] == '\'';
    }
    *out = slice_of(to, n);
    return SLP_OK;
}

/* A field or a text alone. */
static slp_rc parse_alone(struct parse *p, bool *is_alone)
{
    struct pred_token first = p->token;
    struct pred_lexer behind = p->lexer;
    struct pred_token next = {0};
    *is_alone = false;
    if (first.kind != PRED_TOK_WORD && first.kind != PRED_TOK_QUOTED &&
        first.kind != PRED_TOK_STRING)
        return SLP_OK;
    TRY(pred_token_next(&behind, &next, p->err));
    if (next.kind != PRED_TOK_END)
        return SLP_OK;
    if (first.kind == PRED_TOK_STRING) {
        *is_alone = p->e->is_text = true;
        TRY(single_quotes(p, first.body, &p->e->text));
        p->e->field = (struct arr_field){.type = {.kind = ARR_UTF8}, .nullable = true};
        return SLP_OK;
    }
    int64_t at = arr_schema_find(p->e->schema, first.body);
    if (at < 0)
        return SLP_OK;
    *is_alone = p->e->is_column = true;
    p->e->column = (size_t)at;
    p->e->field = p->e->schema->fields[at];
    return SLP_OK;
}

static slp_rc parse_arithmetic(struct parse *p)
{
    bool is_alone = false;
    TRY(advance(p));
    TRY(parse_alone(p, &is_alone));
    if (is_alone)
        return SLP_OK;
    TRY(parse_sum(p));
    if (p->token.kind != PRED_TOK_END)
        return unknown(p, "the end");
    p->e->field = (struct arr_field){.type = {.kind = p->e->is_real ? ARR_DOUBLE : ARR_INT64},
                                     .nullable = true};
    return SLP_OK;
}

/* Would the predicate language read this? Then it is said what is wrong with it as such. */
static bool looks_like_predicate(struct slice text)
{
    struct pred_lexer l = {.text = text};
    struct pred_token t = {0};
    static const char *const words[] = {"AND",  "OR",      "NOT",  "IS",   "IN",
                                        "LIKE", "BETWEEN", "TRUE", "FALSE"};
    while (pred_token_next(&l, &t, NULL) == SLP_OK && t.kind != PRED_TOK_END) {
        if (t.kind >= PRED_TOK_EQ && t.kind <= PRED_TOK_SAME)
            return true;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (pred_token_is(&t, words[i]))
                return true;
    }
    return false;
}

slp_rc stack_expression_new(struct slice text, const struct arr_schema *schema, struct arena *arena,
                            struct stack_expression **out, struct slp_err *err)
{
    struct stack_expression *e = NULL;
    TRY(arena_new(arena, &e, err));
    e->schema = schema;
    if (looks_like_predicate(text)) {
        TRY(pred_compile(text, schema, NULL, 0, arena, &e->where, err));
        e->field = (struct arr_field){.type = {.kind = ARR_BOOL}, .nullable = true};
    } else {
        struct parse p = {.lexer = {.text = text}, .arena = arena, .e = e, .err = err};
        p.tail = &e->first;
        TRY(parse_arithmetic(&p));
    }
    *out = e;
    return SLP_OK;
}

const struct arr_field *stack_expression_field(const struct stack_expression *e)
{
    return &e->field;
}

void stack_expression_columns(const struct stack_expression *e, bool *used)
{
    if (e->where)
        pred_columns(e->where, used);
    if (e->is_column)
        used[e->column] = true;
    for (const struct step *s = e->first; s; s = s->next)
        if (s->kind == STEP_COLUMN)
            used[s->column] = true;
}

/* Values of one level of the stack: 8 bytes and a null flag a row. */
union number {
    int64_t integer;
    double real;
};

struct level {
    union number *values;
    uint8_t *is_null;
};

static double decimal_value(const struct arr_col *c, int64_t row)
{
    i128 value = 0;
    struct slice bytes = arr_col_bytes(c, row);
    memcpy(&value, bytes.ptr, bytes.len);
    return (double)value / pow(10, c->type.scale);
}

static double real_at(const struct arr_col *c, int64_t row)
{
    if (c->type.kind == ARR_DECIMAL128)
        return decimal_value(c, row);
    if (c->type.kind == ARR_UINT64)
        return (double)(uint64_t)arr_col_i64(c, row);
    bool is_float =
        c->type.kind == ARR_FLOAT || c->type.kind == ARR_DOUBLE || c->type.kind == ARR_FLOAT16;
    return is_float ? arr_col_f64(c, row) : (double)arr_col_i64(c, row);
}

static slp_rc push_column(const struct stack_expression *e, const struct arr_col *c,
                          struct level to, struct slp_err *err)
{
    for (int64_t r = 0; r < c->rows; r++) {
        to.is_null[r] = arr_col_is_null(c, r);
        to.values[r].integer = 0;
        if (to.is_null[r])
            continue;
        if (e->is_real) {
            to.values[r].real = real_at(c, r);
            continue;
        }
        to.values[r].integer = arr_col_i64(c, r);
        if (c->type.kind == ARR_UINT64 && to.values[r].integer < 0)
            FAIL(err, INVALID, "row %lld: %llu is beyond int64", (long long)r,
                 (unsigned long long)to.values[r].integer);
    }
    return SLP_OK;
}

static void push_constant(const struct stack_expression *e, const struct step *s, int64_t rows,
                          struct level to)
{
    union number v = {.integer = s->integer};
    if (e->is_real)
        v.real = s->kind == STEP_INT ? (double)s->integer : s->real;
    for (int64_t r = 0; r < rows; r++) {
        to.values[r] = v;
        to.is_null[r] = 0;
    }
}

static bool compute_int(char op, int64_t a, int64_t b, int64_t *out)
{
    switch (op) {
    case '+':
        return num_add_i64(a, b, out);
    case '-':
        return !__builtin_sub_overflow(a, b, out);
    case '*':
        return num_mul_i64(a, b, out);
    default:
        *out = b == 0 || b == -1 ? 0 : a % b;
        return b != 0;
    }
}

static bool compute_real(char op, double a, double b, double *out)
{
    switch (op) {
    case '+':
        *out = a + b;
        return true;
    case '-':
        *out = a - b;
        return true;
    case '*':
        *out = a * b;
        return true;
    default:
        *out = op == '/' ? a / b : fmod(a, b);
        return b < 0 || b > 0 || b != b;
    }
}

static slp_rc operate(const struct stack_expression *e, char op, int64_t rows, struct level a,
                      struct level b, struct slp_err *err)
{
    for (int64_t r = 0; r < rows; r++) {
        a.is_null[r] |= b.is_null[r];
        if (a.is_null[r])
            continue;
        bool fits =
            e->is_real
                ? compute_real(op, a.values[r].real, b.values[r].real, &a.values[r].real)
                : compute_int(op, a.values[r].integer, b.values[r].integer, &a.values[r].integer);
        if (!fits)
            FAIL(err, INVALID, "row %lld: %s", (long long)r,
                 op == '/' || op == '%' ? "division by zero" : "the result is beyond int64");
    }
    return SLP_OK;
}

static slp_rc negate(const struct stack_expression *e, int64_t rows, struct level a,
                     struct slp_err *err)
{
    for (int64_t r = 0; r < rows; r++) {
        if (e->is_real)
            a.values[r].real = -a.values[r].real;
        else if (!compute_int('-', 0, a.values[r].integer, &a.values[r].integer))
            FAIL(err, INVALID, "row %lld: the result is beyond int64", (long long)r);
    }
    return SLP_OK;
}

static slp_rc run_steps(const struct stack_expression *e, const struct arr_batch *batch,
                        struct level *levels, struct slp_err *err)
{
    size_t top = 0;
    for (const struct step *s = e->first; s; s = s->next) {
        switch (s->kind) {
        case STEP_COLUMN:
            TRY(push_column(e, &batch->cols[s->column], levels[top++], err));
            break;
        case STEP_INT:
        case STEP_REAL:
            push_constant(e, s, batch->rows, levels[top++]);
            break;
        case STEP_NEGATE:
            TRY(negate(e, batch->rows, levels[top - 1], err));
            break;
        case STEP_OPERATOR:
            top--;
            TRY(operate(e, s->op, batch->rows, levels[top - 1], levels[top], err));
            break;
        }
    }
    return SLP_OK;
}

static slp_rc append_numbers(struct arr_col *out, int64_t rows, struct level from,
                             struct slp_err *err)
{
    for (int64_t r = 0; r < rows; r++) {
        if (from.is_null[r])
            TRY(arr_col_append_null(out, err));
        else
            TRY(arr_col_append(out, slice_of(&from.values[r], sizeof from.values[r]), err));
    }
    return SLP_OK;
}

static slp_rc eval_numbers(const struct stack_expression *e, const struct arr_batch *batch,
                           struct alloc *mem, struct arr_col *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena room;
    void *at = NULL;
    size_t rows = (size_t)batch->rows;
    arena_init(&room, mem, SIZE_MAX / 4);
    TRY_OUT(arena_array(&room, e->depth, sizeof(struct level), &at, err));
    struct level *levels = at;
    for (size_t i = 0; i < e->depth; i++) {
        TRY_OUT(arena_array(&room, rows + 1, sizeof(union number), &at, err));
        levels[i].values = at;
        TRY_OUT(arena_array(&room, rows + 1, 1, &at, err));
        levels[i].is_null = at;
    }
    TRY_OUT(run_steps(e, batch, levels, err));
    TRY_OUT(append_numbers(out, batch->rows, levels[0], err));
out:
    arena_fini(&room);
    return rc;
}

static slp_rc eval_predicate(const struct stack_expression *e, const struct arr_batch *batch,
                             struct alloc *mem, struct arr_col *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf truth;
    buf_init(&truth, mem, SIZE_MAX / 2);
    TRY_OUT(buf_resize(&truth, (size_t)batch->rows, err));
    TRY_OUT(pred_eval(e->where, batch, mem, truth.ptr, err));
    for (int64_t r = 0; r < batch->rows; r++) {
        if (truth.ptr[r] == PRED_UNKNOWN)
            TRY_OUT(arr_col_append_null(out, err));
        else
            TRY_OUT(arr_col_append_bool(out, truth.ptr[r] == PRED_TRUE, err));
    }
out:
    buf_fini(&truth);
    return rc;
}

slp_rc stack_expression_eval(const struct stack_expression *e, const struct arr_batch *batch,
                             struct alloc *mem, struct arr_col *out, struct slp_err *err)
{
    if (e->is_column)
        return arr_col_append_run(out, &batch->cols[e->column], 0, batch->rows, err);
    if (e->where)
        return eval_predicate(e, batch, mem, out, err);
    for (int64_t r = 0; e->is_text && r < batch->rows; r++)
        TRY(arr_col_append(out, e->text, err));
    return e->is_text ? SLP_OK : eval_numbers(e, batch, mem, out, err);
}
