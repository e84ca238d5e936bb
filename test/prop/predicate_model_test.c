/* rooms: predicate */
/*
 * Random conditions over random rows against a plain model.
 *
 * The model knows no arithmetic. Every column has a list of literals in ascending order of value;
 * some of them are values a row can hold. A row is the index of its literal, and to compare is to
 * compare indexes: what the evaluator decides by types, scales and rounding, the model reads off.
 */
#include <stdio.h>
#include <string.h>

#include "arrow/text.h"
#include "lib/t.h"
#include "predicate/predicate.h"

#define ROWS        24
#define LADDER_MAX  12
#define NODES_MAX   64
#define TEXT_BYTES  (1 << 16)
#define ARENA_BYTES (1 << 24)

/* One step of a column's ladder: as a literal, and as a value if the column can hold it. */
struct step {
    const char *literal;
    const char *value;
};

static struct arr_field fields[] = {
    {.name = "i8", .type = {.kind = ARR_INT8}},
    {.name = "i32", .type = {.kind = ARR_INT32}},
    {.name = "i64", .type = {.kind = ARR_INT64}},
    {.name = "u64", .type = {.kind = ARR_UINT64}},
    {.name = "flt", .type = {.kind = ARR_FLOAT}},
    {.name = "dbl", .type = {.kind = ARR_DOUBLE}},
    {.name = "str", .type = {.kind = ARR_UTF8}},
    {.name = "flag", .type = {.kind = ARR_BOOL}},
    {.name = "day", .type = {.kind = ARR_DATE32}},
    {.name = "ms", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MILLI}},
    {.name = "ns", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO, .utc = true}},
    {.name = "dec", .type = {.kind = ARR_DECIMAL128, .precision = 10, .scale = 2}},
    {.name = "bin", .type = {.kind = ARR_BINARY}},
    {.name = "fix", .type = {.kind = ARR_FIXED_BINARY, .width = 2}},
};

#define COLUMNS (sizeof fields / sizeof *fields)

enum { STR = 6, FLAG = 7 };

static const struct arr_schema schema = {.fields = fields, .count = COLUMNS};

/* The same fields as members: o of the first few and of the struct q, which has the others. */
#define OUTER 8

static struct arr_schema nested_schema(struct arr_field *outer, struct arr_field *members)
{
    memcpy(members, fields, OUTER * sizeof *members);
    members[OUTER] = (struct arr_field){.name = "q",
                                        .type = {.kind = ARR_STRUCT},
                                        .nullable = true,
                                        .children = &fields[OUTER],
                                        .child_count = COLUMNS - OUTER};
    *outer = (struct arr_field){.name = "o",
                                .type = {.kind = ARR_STRUCT},
                                .nullable = true,
                                .children = members,
                                .child_count = OUTER + 1};
    return (struct arr_schema){.fields = outer, .count = 1};
}

static const struct step ladders[COLUMNS][LADDER_MAX] = {
    {{"-129", NULL},
     {"-128", "-128"},
     {"-1e0", "-1"},
     {"-0.5", NULL},
     {"0", "0"},
     {"'5'", "5"},
     {"127", "127"},
     {"127.5", NULL},
     {"128", NULL},
     {"1e300", NULL}},
    {{"-3000000000", NULL},
     {"-2147483648", "-2147483648"},
     {"-4.5", NULL},
     {"-1", "-1"},
     {"0.0", "0"},
     {"1e-1", NULL},
     {"1", "1"},
     {"1.000001", NULL},
     {"'7'", "7"},
     {"2147483647", "2147483647"},
     {"2147483648", NULL}},
    {{"-9223372036854775809", NULL},
     {"-9223372036854775808", "-9223372036854775808"},
     {"0", "0"},
     {"9007199254740992e0", "9007199254740992"},
     {"9007199254740993", "9007199254740993"},
     {"9007199254740994e0", "9007199254740994"},
     {"9223372036854775807", "9223372036854775807"},
     {"9223372036854775808e0", NULL}},
    {{"-1", NULL},
     {"0", "0"},
     {"0.5", NULL},
     {"9223372036854775807", "9223372036854775807"},
     {"9223372036854775808e0", "9223372036854775808"},
     {"18446744073709551615", "18446744073709551615"},
     {"18446744073709551616e0", NULL}},
    {{"'-Infinity'", "-Infinity"},
     {"-1.5", "-1.5"},
     {"0", "0"},
     {"1e-1", NULL}, /* the float nearest to 0.1 is above the double */
     {"0.1", "0.1"},
     {"16777216", "16777216"},
     {"16777217", NULL},
     {"16777218", "16777218"},
     {"1e300", NULL},
     {"'inf'", "Infinity"},
     {"'NaN'", "NaN"}},
    {{"'-inf'", "-Infinity"},
     {"-1e300", "-1e300"},
     {"-5e-324", "-5e-324"},
     {"-0e0", "-0"},
     {"0.1", "0.1"},
     {"9007199254740992", "9007199254740992"},
     {"9007199254740993", NULL},
     {"9007199254740994", "9007199254740994"},
     {"99999999999999999999999999999999999999", NULL},
     {"1e300", "1e300"},
     {"'Infinity'", "Infinity"},
     {"'nan'", "NaN"}},
    {{"''", ""},
     {"'a'", "a"},
     {"'ab'", "ab"},
     {"'abc'", "abc"},
     {"'b'", NULL},
     {"'it''s'", "it's"},
     {"'z'", "z"},
     {"'\xc3\xb6'", "\xc3\xb6"}},
    {{"FALSE", "false"}, {"TRUE", "true"}},
    {{"'0001-01-01'", "0001-01-01"},
     {"DATE '1969-12-31'", "1969-12-31"},
     {"TIMESTAMP '1969-12-31 12:00:00'", NULL},
     {"'1970-01-01'", "1970-01-01"},
     {"TIMESTAMP '2001-01-31 00:00:00'", "2001-01-31"},
     {"TIMESTAMP '2001-01-31 00:00:00.000001'", NULL}},
    {{"'1600-01-01'", "1600-01-01"},
     {"'1969-12-31 23:59:59.999'", "1969-12-31 23:59:59.999"},
     {"TIMESTAMP '1969-12-31 23:59:59.9995'", NULL},
     {"DATE '1970-01-01'", "1970-01-01"},
     {"'2001-01-31 06:00'", "2001-01-31 06:00:00"},
     {"'2001-01-31 06:00:00.0009'", NULL}},
    {{"'0001-01-01'", NULL},
     {"'1970-01-01T00:00:00Z'", "1970-01-01"},
     {"TIMESTAMPTZ '1970-01-01 02:00:00.000000001+02:00'", "1970-01-01T00:00:00.000000001Z"},
     {"TIMESTAMPTZ '2001-01-31'", "2001-01-31"},
     {"'9000-01-01'", NULL}},
    {{"-1e40", NULL},
     {"-1.5", "-1.50"},
     {"-1.495", NULL},
     {"0", "0.00"},
     {"DECIMAL '0.05'", "0.05"},
     {"5e-2", NULL}, /* the double is a little above the decimal */
     {"100", "100.00"},
     {"'99999999.99'", "99999999.99"},
     {"100000000", NULL}},
    {{"X''", ""},
     {"X'00'", "AA=="},
     {"X'0000'", "AAA="},
     {"X'01'", NULL},
     {"X'FF'", "/w=="},
     {"X'FF00'", "/wA="}},
    {{"X''", NULL},
     {"X'0000'", "AAA="},
     {"X'61'", NULL},
     {"X'6162'", "YWI="},
     {"X'616200'", NULL},
     {"X'FFFF'", "//8="}},
};

static const char *const patterns[] = {"a%", "ab%", "%b", "%b%", "_", "_b%", "abc", "%", "a_"};

#define PATTERNS (sizeof patterns / sizeof *patterns)

enum model_kind {
    CMP,
    MIRROR,
    BETWEEN,
    IN,
    NULLNESS,
    DISTINCT,
    LIKE,
    BOOL,
    CONST,
    AND,
    OR,
    NOT,
    IS
};

struct model {
    enum model_kind kind;
    size_t column;
    int op; /* = <> < <= > >= */
    bool negated;
    bool has_null; /* IN */
    size_t a;      /* step, pattern, IS test, constant; kids are a and b */
    size_t b;
    uint32_t members; /* IN: a bit a step */
};

/* The rows: -1 for null, else a step of the column's ladder. */
struct world {
    struct t *t;
    int cells[ROWS][COLUMNS];
    bool is_key[COLUMNS];
    struct model nodes[NODES_MAX];
    size_t node_count;
    size_t only_column; /* COLUMNS: all of them */
    bool only_exact;    /* nothing that ranges of one field cannot say */
    bool is_nested;     /* columns are members */
    const struct arr_schema *schema;
};

static size_t ladder_length(size_t column)
{
    size_t n = 0;
    while (n < LADDER_MAX && ladders[column][n].literal)
        n++;
    return n;
}

static size_t add_node(struct world *w, struct model m)
{
    w->nodes[w->node_count] = m;
    return w->node_count++;
}

static struct model random_leaf(struct world *w)
{
    struct t *t = w->t;
    struct model m = {.column = w->only_column};
    if (m.column == COLUMNS)
        m.column = t_below(t, COLUMNS);
    size_t steps = ladder_length(m.column);
    m.op = (int)t_below(t, 6);
    m.a = t_below(t, steps);
    m.b = t_below(t, steps);
    m.negated = t_below(t, 2);
    m.members = (uint32_t)t_below(t, 1u << steps);
    m.has_null = t_below(t, 4) == 0;
    m.kind = (enum model_kind)t_below(t, CONST + 1);
    bool fits = m.kind == LIKE   ? m.column == STR && !w->only_exact
                : m.kind == BOOL ? m.column == FLAG
                                 : true;
    if (!fits)
        m.kind = CMP;
    if (m.kind == LIKE)
        m.a = t_below(t, PATTERNS);
    if (m.kind == CONST)
        m.a = t_below(t, 3);
    return m;
}

static size_t random_tree(struct world *w, unsigned depth)
{
    struct t *t = w->t;
    uint64_t choice = t_below(t, 6);
    if (depth == 0 || choice == 0 || w->node_count + 8 > NODES_MAX)
        return add_node(w, random_leaf(w));
    struct model m = {.kind = choice < 3 ? AND : choice < 5 ? OR : NOT};
    if (choice == 5 && !w->only_exact && t_below(t, 2))
        m = (struct model){.kind = IS, .op = (int)t_below(t, 3), .negated = t_below(t, 2)};
    m.a = random_tree(w, depth - 1);
    if (m.kind == AND || m.kind == OR)
        m.b = random_tree(w, depth - 1);
    return add_node(w, m);
}

static bool model_like(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (*p == '%')
        return model_like(p + 1, s) || (*s && model_like(p, s + 1));
    if (*p != '_')
        return *s == *p && model_like(p + 1, s + 1);
    if (!*s)
        return false;
    for (s++; ((unsigned char)*s & 0xc0) == 0x80;)
        s++;
    return model_like(p + 1, s);
}

static bool order_fits(int op, int order)
{
    switch (op) {
    case 0:
        return order == 0;
    case 1:
        return order != 0;
    case 2:
        return order < 0;
    case 3:
        return order <= 0;
    case 4:
        return order > 0;
    default:
        return order >= 0;
    }
}

static int negate(int truth, bool negated)
{
    return truth == PRED_UNKNOWN || !negated ? truth : !truth;
}

static int model_leaf(const struct model *m, int cell)
{
    int order = cell - (int)m->a;
    switch (m->kind) {
    case CONST:
        return (int)m->a;
    case NULLNESS:
        return (cell < 0) != m->negated;
    case DISTINCT:
        return cell < 0 ? !m->negated : (order != 0) != m->negated;
    case IN:
        if (cell >= 0 && (m->members >> cell & 1))
            return !m->negated;
        return cell < 0 || m->has_null ? PRED_UNKNOWN : m->negated;
    default:
        break;
    }
    if (cell < 0)
        return PRED_UNKNOWN;
    if (m->kind == BETWEEN)
        return (cell >= (int)m->a && cell <= (int)m->b) != m->negated;
    if (m->kind == LIKE)
        return model_like(patterns[m->a], ladders[STR][cell].value) != m->negated;
    if (m->kind == BOOL)
        return cell == 1;
    return order_fits(m->op, order);
}

static int model_truth(const struct world *w, size_t node, const int *cells)
{
    const struct model *m = &w->nodes[node];
    if (m->kind < AND)
        return model_leaf(m, cells[m->column]);
    int a = model_truth(w, m->a, cells);
    if (m->kind == NOT)
        return negate(a, true);
    if (m->kind == IS)
        return (a == m->op) != m->negated;
    int b = model_truth(w, m->b, cells);
    int decided = m->kind == AND ? PRED_FALSE : PRED_TRUE;
    if (a == decided || b == decided)
        return decided;
    return a == PRED_UNKNOWN || b == PRED_UNKNOWN ? PRED_UNKNOWN : !decided;
}

static void say(struct world *w, struct buf *out, const char *text)
{
    assert_ok(w->t, buf_append_slice(out, slice_str(text), &w->t->err));
}

static void say_leaf(struct world *w, const struct model *m, struct buf *out)
{
    static const char *const ops[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
    static const char *const truths[] = {"FALSE", "TRUE", "NULL"};
    static const int mirrors[] = {0, 1, 4, 5, 2, 3};
    const struct step *ladder = ladders[m->column];
    char name[40];
    (void)snprintf(name, sizeof name, "%s%s",
                   !w->is_nested       ? ""
                   : m->column < OUTER ? "o."
                                       : "o.\"q\".",
                   fields[m->column].name);
    const char *no = m->negated ? " NOT" : "";
    struct slp_err *err = &w->t->err;
    switch (m->kind) {
    case CONST:
        say(w, out, truths[m->a]);
        return;
    case NULLNESS:
        assert_ok(w->t, buf_printf(out, err, "%s IS%s NULL", name, no));
        return;
    case DISTINCT:
        assert_ok(w->t,
                  buf_printf(out, err, "%s IS%s DISTINCT FROM %s", name, no, ladder[m->a].literal));
        return;
    case LIKE:
        assert_ok(w->t, buf_printf(out, err, "%s%s LIKE '%s'", name, no, patterns[m->a]));
        return;
    case BOOL:
        say(w, out, name);
        return;
    case BETWEEN:
        assert_ok(w->t, buf_printf(out, err, "%s%s BETWEEN %s AND %s", name, no,
                                   ladder[m->a].literal, ladder[m->b].literal));
        return;
    case MIRROR:
        assert_ok(w->t,
                  buf_printf(out, err, "%s%s%s", ladder[m->a].literal, ops[mirrors[m->op]], name));
        return;
    case IN:
        break;
    default:
        assert_ok(w->t, buf_printf(out, err, "%s%s%s", name, ops[m->op], ladder[m->a].literal));
        return;
    }
    assert_ok(w->t, buf_printf(out, err, "%s%s IN (", name, no));
    const char *comma = "";
    for (size_t i = 0; i < ladder_length(m->column); i++) {
        if (!(m->members >> i & 1))
            continue;
        assert_ok(w->t, buf_printf(out, err, "%s%s", comma, ladder[i].literal));
        comma = ", ";
    }
    assert_ok(w->t,
              buf_printf(out, err, "%s%s)", m->has_null ? comma : "", m->has_null ? "NULL" : ""));
}

static void say_tree(struct world *w, size_t node, struct buf *out)
{
    static const char *const tests[] = {"FALSE", "TRUE", "UNKNOWN"};
    const struct model *m = &w->nodes[node];
    if (m->kind < AND) {
        say_leaf(w, m, out);
        return;
    }
    say(w, out, m->kind == NOT ? "NOT (" : "(");
    say_tree(w, m->a, out);
    if (m->kind == AND || m->kind == OR) {
        say(w, out, m->kind == AND ? " AND " : " OR ");
        say_tree(w, m->b, out);
    }
    say(w, out, ")");
    if (m->kind == IS)
        assert_ok(w->t,
                  buf_printf(out, &w->t->err, " IS%s %s", m->negated ? " NOT" : "", tests[m->op]));
}

static void random_rows(struct world *w, struct arr_batch *batch)
{
    struct t *t = w->t;
    assert_ok(t, arr_batch_init(batch, &t->mem, &schema, &t->err));
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            bool is_null = !w->is_key[i] && t_below(t, 6) == 0;
            int cell = -1;
            while (!is_null && (cell < 0 || !ladders[i][cell].value))
                cell = (int)t_below(t, ladder_length(i));
            w->cells[row][i] = cell;
            if (is_null)
                assert_ok(t, arr_col_append_null(&batch->cols[i], &t->err));
            else
                assert_ok(
                    t, arr_text_parse(&batch->cols[i], slice_str(ladders[i][cell].value), &t->err));
        }
    }
    batch->rows = ROWS;
}

/* A null struct has members that are none: what stands there counts for nothing. */
static void set_null(struct world *w, size_t row, size_t from)
{
    for (size_t i = from; i < COLUMNS; i++)
        w->cells[row][i] = -1;
}

/* Move flat rows into members; some of the structs are null, or none. */
static void nest_rows(struct world *w, struct arr_batch *flat, struct arr_batch *out)
{
    struct t *t = w->t;
    uint8_t has_outer[(ROWS + 7) / 8];
    uint8_t has_inner[(ROWS + 7) / 8];
    bool some = t_below(t, 2);
    memset(has_outer, 0xff, sizeof has_outer);
    memset(has_inner, 0xff, sizeof has_inner);
    assert_ok(t, arr_batch_init(out, &t->mem, w->schema, &t->err));
    struct arr_col *outer = &out->cols[0];
    struct arr_col *inner = &outer->children[OUTER];
    for (size_t row = 0; row < ROWS; row++) {
        if (some && t_below(t, 4) == 0) {
            has_outer[row / 8] &= (uint8_t) ~(1u << row % 8);
            set_null(w, row, 0);
        }
        if (t_below(t, 4) == 0) {
            has_inner[row / 8] &= (uint8_t) ~(1u << row % 8);
            set_null(w, row, OUTER);
        }
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        struct arr_col *to = i < OUTER ? &outer->children[i] : &inner->children[i - OUTER];
        struct arr_col blank = *to;
        *to = flat->cols[i];
        flat->cols[i] = blank;
    }
    assert_ok(t, arr_col_append_structs(inner, ROWS, has_inner, 0, &t->err));
    assert_ok(t, arr_col_append_structs(outer, ROWS, has_outer, 0, &t->err));
    out->rows = ROWS;
}

static void check_truth(struct world *w, struct slice text, size_t root,
                        const struct arr_batch *batch, struct arena *a, const struct pred **out)
{
    struct t *t = w->t;
    uint8_t truth[ROWS];
    assert_ok(t, pred_compile(text, w->schema, NULL, 0, a, out, &t->err));
    assert_ok(t, pred_eval(*out, batch, &t->mem, truth, &t->err));
    for (size_t row = 0; row < ROWS; row++) {
        int want = model_truth(w, root, w->cells[row]);
        if (truth[row] != want)
            fail_msg("row %zu of %.*s: %c, expected %c (SEED=%llu)", row, SLICE_ARG(text),
                     "FTU"[truth[row]], "FTU"[want], (unsigned long long)t -> seed);
    }
}

static void start(struct world *w, struct t *t, size_t only_column, bool only_exact)
{
    *w = (struct world){
        .t = t, .only_column = only_column, .only_exact = only_exact, .schema = &schema};
}

static void conditions_agree_with_the_model(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 3000; round++) {
        struct world w;
        struct arr_batch batch;
        struct arena a;
        struct buf text;
        struct buf again;
        const struct pred *p = NULL;
        start(&w, t, COLUMNS, false);
        arena_init(&a, &t->mem, ARENA_BYTES);
        buf_init(&text, &t->mem, TEXT_BYTES);
        buf_init(&again, &t->mem, TEXT_BYTES);
        random_rows(&w, &batch);
        size_t root = random_tree(&w, 5);
        say_tree(&w, root, &text);
        check_truth(&w, buf_slice(&text), root, &batch, &a, &p);
        /* What is written means the same. */
        assert_ok(t, pred_format(p, &again, &t->err));
        check_truth(&w, buf_slice(&again), root, &batch, &a, &p);
        buf_fini(&text);
        buf_fini(&again);
        arena_fini(&a);
        arr_batch_fini(&batch);
    }
}

static void conditions_on_members_agree_with_the_model(void **state)
{
    struct t *t = *state;
    struct arr_field outer;
    struct arr_field members[OUTER + 1];
    const struct arr_schema nested = nested_schema(&outer, members);
    for (int round = 0; round < 1000; round++) {
        struct world w;
        struct arr_batch flat;
        struct arr_batch batch;
        struct arena a;
        struct buf text;
        struct buf again;
        const struct pred *p = NULL;
        bool used = false;
        start(&w, t, COLUMNS, false);
        w.is_nested = true;
        w.schema = &nested;
        arena_init(&a, &t->mem, ARENA_BYTES);
        buf_init(&text, &t->mem, TEXT_BYTES);
        buf_init(&again, &t->mem, TEXT_BYTES);
        random_rows(&w, &flat);
        nest_rows(&w, &flat, &batch);
        size_t root = random_tree(&w, 5);
        say_tree(&w, root, &text);
        check_truth(&w, buf_slice(&text), root, &batch, &a, &p);
        assert_ok(t, pred_format(p, &again, &t->err));
        pred_columns(p, &used);
        assert_true(used == (memchr(again.ptr, 'o', again.len) != NULL));
        check_truth(&w, buf_slice(&again), root, &batch, &a, &p);
        buf_fini(&text);
        buf_fini(&again);
        arena_fini(&a);
        arr_batch_fini(&batch);
        arr_batch_fini(&flat);
    }
}

static void eval_text(struct t *t, const char *before, struct slice p, const char *after,
                      const struct arr_batch *batch, uint8_t *truth)
{
    struct arena a;
    struct buf text;
    const struct pred *compiled = NULL;
    arena_init(&a, &t->mem, ARENA_BYTES);
    buf_init(&text, &t->mem, TEXT_BYTES);
    assert_ok(t, buf_printf(&text, &t->err, "%s(%.*s)%s", before, SLICE_ARG(p), after));
    assert_ok(t, pred_compile(buf_slice(&text), &schema, NULL, 0, &a, &compiled, &t->err));
    assert_ok(t, pred_eval(compiled, batch, &t->mem, truth, &t->err));
    buf_fini(&text);
    arena_fini(&a);
}

static void a_condition_its_not_and_its_unknown_part_the_rows(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 500; round++) {
        struct world w;
        struct arr_batch batch;
        struct buf text;
        uint8_t is[ROWS];
        uint8_t is_not[ROWS];
        uint8_t is_unknown[ROWS];
        start(&w, t, COLUMNS, false);
        buf_init(&text, &t->mem, TEXT_BYTES);
        random_rows(&w, &batch);
        say_tree(&w, random_tree(&w, 4), &text);
        eval_text(t, "", buf_slice(&text), "", &batch, is);
        eval_text(t, "NOT ", buf_slice(&text), "", &batch, is_not);
        eval_text(t, "", buf_slice(&text), " IS UNKNOWN", &batch, is_unknown);
        for (size_t i = 0; i < ROWS; i++)
            assert_int_equal(
                (is[i] == PRED_TRUE) + (is_not[i] == PRED_TRUE) + (is_unknown[i] == PRED_TRUE), 1);
        buf_fini(&text);
        arr_batch_fini(&batch);
    }
}

static void random_key(struct world *w, size_t count, struct key_spec *spec)
{
    *spec = (struct key_spec){.field_count = count, .row_key_count = 1};
    for (size_t i = 0; i < count; i++) {
        do
            spec->columns[i] = t_below(w->t, COLUMNS);
        while (w->is_key[spec->columns[i]]);
        w->is_key[spec->columns[i]] = true;
        spec->types[i] = fields[spec->columns[i]].type;
    }
}

static void check_ranges_ascend(const struct key_range *ranges, size_t count)
{
    assert_true(count <= PRED_RANGES_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_false(key_range_is_empty(ranges[i]));
        if (i + 1 < count) {
            assert_true(ranges[i].has_hi);
            assert_true(slice_compare(ranges[i].hi, ranges[i + 1].lo) < 0);
        }
    }
}

static bool ranges_hold(const struct key_range *ranges, size_t count, struct slice key)
{
    for (size_t i = 0; i < count; i++) {
        if (key_range_holds(ranges[i], key))
            return true;
    }
    return false;
}

/* Every TRUE row's key lies in the ranges; and only those, where one field says it all. */
static void check_ranges(struct world *w, const struct key_spec *spec, unsigned depth,
                         struct buf *text)
{
    struct t *t = w->t;
    struct arr_batch batch;
    struct arena a;
    struct key_vec keys;
    struct key_range *ranges = NULL;
    size_t count = 0;
    const struct pred *p = NULL;
    random_rows(w, &batch);
    arena_init(&a, &t->mem, ARENA_BYTES);
    key_vec_init(&keys, &t->mem, 1 << 20);
    size_t root = random_tree(w, depth);
    say_tree(w, root, text);
    check_truth(w, buf_slice(text), root, &batch, &a, &p);
    assert_ok(t, pred_key_ranges(p, spec, &a, &ranges, &count, &t->err));
    check_ranges_ascend(ranges, count);
    assert_ok(t, key_encode_rows(spec, &batch, 0, ROWS, &keys, &t->err));
    for (int64_t row = 0; row < ROWS; row++) {
        bool is_true = model_truth(w, root, w->cells[row]) == PRED_TRUE;
        bool is_held = ranges_hold(ranges, count, key_at(&keys, row));
        if ((is_true && !is_held) || (is_held && !is_true && w->only_exact))
            fail_msg("row %d is %s %zu ranges of %.*s (SEED=%llu)", (int)row,
                     is_held ? "in" : "not in", count, SLICE_ARG(buf_slice(text)),
                     (unsigned long long)t->seed);
    }
    key_vec_fini(&keys);
    arena_fini(&a);
    arr_batch_fini(&batch);
}

static void ranges_hold_every_true_row(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 3000; round++) {
        struct world w;
        struct key_spec spec;
        struct buf text;
        start(&w, t, COLUMNS, false);
        buf_init(&text, &t->mem, TEXT_BYTES);
        random_key(&w, 1 + t_below(t, 4), &spec);
        /* Half of the time all leaves are on the leading field. */
        if (t_below(t, 2))
            w.only_column = spec.columns[0];
        check_ranges(&w, &spec, (unsigned)t_below(t, 5), &text);
        buf_fini(&text);
    }
}

static void ranges_of_one_field_hold_no_other_row(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 2000; round++) {
        struct world w;
        struct key_spec spec;
        struct buf text;
        start(&w, t, COLUMNS, true);
        buf_init(&text, &t->mem, TEXT_BYTES);
        random_key(&w, 1 + t_below(t, 2), &spec);
        w.only_column = spec.columns[0];
        check_ranges(&w, &spec, 3, &text);
        buf_fini(&text);
    }
}

T_MAIN(T_TEST(conditions_agree_with_the_model), T_TEST(conditions_on_members_agree_with_the_model),
       T_TEST(a_condition_its_not_and_its_unknown_part_the_rows),
       T_TEST(ranges_hold_every_true_row), T_TEST(ranges_of_one_field_hold_no_other_row))
