/* rooms: predicate */
/*
 * Random conditions over random rows, with DuckDB as the judge. What the two do not agree on is
 * listed in `differences`, with both answers, so that the list stays true; the random conditions
 * keep clear of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrow/text.h"
#include "lib/judge.h"
#include "lib/place.h"
#include "predicate/predicate.h"

#define ROWS       40
#define CONDITIONS 1500
#define VALUES_MAX 10

static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT32}},
    {.name = "big", .type = {.kind = ARR_INT64}},
    {.name = "u", .type = {.kind = ARR_UINT64}},
    {.name = "f", .type = {.kind = ARR_FLOAT}},
    {.name = "d", .type = {.kind = ARR_DOUBLE}},
    {.name = "s", .type = {.kind = ARR_UTF8}},
    {.name = "b", .type = {.kind = ARR_BOOL}},
    {.name = "day", .type = {.kind = ARR_DATE32}},
    {.name = "ts", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}},
    {.name = "m", .type = {.kind = ARR_DECIMAL128, .precision = 10, .scale = 2}},
};

#define COLUMNS (sizeof fields / sizeof *fields)

enum { TEXT = 5 };

static const struct arr_schema schema = {.fields = fields, .count = COLUMNS};

static const char *const sql_types[COLUMNS] = {"INTEGER",   "BIGINT",        "UBIGINT", "FLOAT",
                                               "DOUBLE",    "VARCHAR",       "BOOLEAN", "DATE",
                                               "TIMESTAMP", "DECIMAL(10, 2)"};

static const char *const values[COLUMNS][VALUES_MAX] = {
    {"0", "1", "-1", "2147483647", "-2147483648", "7"},
    {"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9007199254740993"},
    {"0", "1", "18446744073709551615", "9223372036854775808"},
    {"0.5", "-0.5", "0", "NaN", "Infinity", "-Infinity", "0.1"},
    {"0.5", "-0.5", "0", "NaN", "Infinity", "-Infinity", "0.1", "1e300"},
    {"", "a", "ab", "abc", "b", "it's", "100%", "a_b",
     "gr\xc3\xb6\xc3\x9f"
     "e"},
    {"true", "false"},
    {"2001-01-31", "1969-12-31", "0001-01-01", "2024-02-29"},
    {"2001-01-31 00:00:00", "1969-12-31 23:59:59.999999", "2001-01-31 06:00:00.5"},
    {"0.00", "1.50", "-0.05", "99999999.99"},
};

static const char *const literals[COLUMNS][VALUES_MAX] = {
    {"0", "1", "-1", "2147483647", "2147483648", "-3000000000", "0.5", "-1.5", "7.0", "'1'"},
    {"0", "1", "9223372036854775807", "-9223372036854775808", "9007199254740992", "0.5"},
    {"0", "1", "18446744073709551615", "-1", "9223372036854775807"},
    {"0.5", "0", "0.1", "'0.1'", "'NaN'", "'Infinity'", "-1"},
    {"0.5", "0", "'NaN'", "'-Infinity'", "1e-1", "0.1", "1", "-1e300"},
    {"''", "'a'", "'ab'", "'b'", "'it''s'", "'gr\xc3\xb6'", "'A'"},
    {"TRUE", "FALSE", "'true'"},
    {"'2001-01-31'", "DATE '1969-12-31'", "'2001-02-01'", "TIMESTAMP '2001-01-31 00:00:00'",
     "TIMESTAMP '2001-01-31 12:00:00'"},
    {"'2001-01-31'", "DATE '2001-01-31'", "TIMESTAMP '2001-01-31 06:00:00.5'",
     "'1969-12-31 23:59:59.999999'"},
    {"0", "1.5", "1.499", "-0.05", "100000000", "'1.5'"},
};

static const char *const patterns[] = {"a%", "%b", "%b%", "_", "a_", "gr__e", "%", "", "100%"};

/* Pairs of columns whose comparison needs no rounding. */
static const size_t pairs[][2] = {{0, 1}, {1, 0}, {0, 9}, {3, 4}, {7, 8}, {5, 5}, {2, 0}};

static const struct {
    const char *text;
    char ours;   /* of every row, or 'E' for an error */
    char theirs; /* the same, or '*': another truth for some row */
} differences[] = {
    /* Numbers are compared exactly, never rounded to double. */
    {"9007199254740993 = 9007199254740992e0", 'F', 'T'},
    {"0.1 = 1e-1", 'F', 'T'},
    /* Text is never taken for a number, nor a number for text. */
    {"s < 5", 'E', 'E'},
    {"'10' < 9", 'E', 'F'},
    /* Each value of a list takes the type of the column for itself; theirs share one type. */
    {"f IS NULL OR f <> 0.1 OR f IN (0.1, 5e-1)", 'T', '*'},
    /* A comparison with NULL is a mistake. */
    {"id = NULL", 'E', 'U'},
    /* X'..' is binary, and that is no text. */
    {"X'61' = 'a'", 'E', 'T'},
    /* An offset is not dropped. */
    {"TIMESTAMP '2001-01-31 00:00:00+02' = TIMESTAMP '2001-01-31 00:00:00'", 'E', 'T'},
    /* Ours alone. */
    {"d IS NAN OR TRUE", 'T', 'E'},
    {"(1 <=> NULL) OR TRUE", 'T', 'E'},
};

struct rows {
    const char *cells[ROWS][COLUMNS];
};

static size_t length_of(const char *const *list, size_t max)
{
    size_t n = 0;
    while (n < max && list[n])
        n++;
    return n;
}

static const char *pick(struct t *t, const char *const list[VALUES_MAX])
{
    return list[t_below(t, length_of(list, VALUES_MAX))];
}

static void random_leaf(struct t *t, struct buf *out)
{
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "!=", "=="};
    size_t column = t_below(t, COLUMNS);
    const char *name = fields[column].name;
    const char *no = t_below(t, 2) ? " NOT" : "";
    const char *a = pick(t, literals[column]);
    const char *b = pick(t, literals[column]);
    const char *op = ops[t_below(t, 8)];
    const size_t *pair = pairs[t_below(t, sizeof pairs / sizeof *pairs)];
    slp_rc rc = SLP_OK;
    switch (t_below(t, 9)) {
    case 0:
        rc = buf_printf(out, &t->err, "%s%s BETWEEN %s AND %s", name, no, a, b);
        break;
    case 1:
        rc = buf_printf(out, &t->err, "%s%s IN (%s, %s%s)", name, no, a, b,
                        t_below(t, 3) ? "" : ", NULL");
        break;
    case 2:
        rc = buf_printf(out, &t->err, "%s IS%s NULL", name, no);
        break;
    case 3:
        rc = buf_printf(out, &t->err, "%s IS%s DISTINCT FROM %s", name, no, a);
        break;
    case 4:
        rc = buf_printf(out, &t->err, "s%s LIKE '%s'%s", no,
                        patterns[t_below(t, sizeof patterns / sizeof *patterns)],
                        t_below(t, 2) ? " ESCAPE '!'" : "");
        break;
    case 5:
        rc = buf_printf(out, &t->err, "%s %s %s", fields[pair[0]].name, op, fields[pair[1]].name);
        break;
    case 6:
        rc = buf_printf(out, &t->err, "%s %s %s", a, op, name);
        break;
    default:
        rc = buf_printf(out, &t->err, "%s %s %s", name, op, a);
        break;
    }
    assert_ok(t, rc);
}

static void random_tree(struct t *t, unsigned depth, struct buf *out)
{
    static const char *const tests[] = {") IS TRUE", ") IS NOT FALSE", ") IS NULL"};
    uint64_t choice = t_below(t, 6);
    if (depth == 0 || choice == 0) {
        random_leaf(t, out);
        return;
    }
    assert_ok(t, buf_printf(out, &t->err, choice == 1 ? "NOT (" : "("));
    random_tree(t, depth - 1, out);
    if (choice > 2) {
        assert_ok(t, buf_printf(out, &t->err, choice > 4 ? " AND " : " OR "));
        random_tree(t, depth - 1, out);
    }
    assert_ok(t, buf_printf(out, &t->err, "%s", choice == 2 ? tests[t_below(t, 3)] : ")"));
}

static void random_rows(struct t *t, struct arr_batch *batch, struct rows *rows)
{
    assert_ok(t, arr_batch_init(batch, &t->mem, &schema, &t->err));
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        struct arr_col *c = &batch->cols[i % COLUMNS];
        const char *const *choice = values[i % COLUMNS];
        const char *cell = t_below(t, 6) ? pick(t, choice) : NULL;
        /* The first row has the last value of each column, 0.1 among them. */
        if (i < COLUMNS)
            cell = choice[length_of(choice, VALUES_MAX) - 1];
        rows->cells[i / COLUMNS][i % COLUMNS] = cell;
        if (cell)
            assert_ok(t, arr_text_parse(c, slice_str(cell), &t->err));
        else
            assert_ok(t, arr_col_append_null(c, &t->err));
    }
    batch->rows = ROWS;
}

/* The truth of each row as a letter; 'E' alone when it does not compile. */
static void our_answer(struct t *t, struct slice text, const struct arr_batch *batch,
                       char out[ROWS + 1])
{
    struct arena a;
    const struct pred *p = NULL;
    uint8_t truth[ROWS];
    arena_init(&a, &t->mem, 1 << 22);
    slp_rc rc = pred_compile(text, &schema, NULL, 0, &a, &p, &t->err);
    memcpy(out, "E", 2);
    if (rc == SLP_OK) {
        assert_ok(t, pred_eval(p, batch, &t->mem, truth, &t->err));
        for (size_t i = 0; i < ROWS; i++)
            out[i] = "FTU"[truth[i]];
        out[ROWS] = '\0';
    }
    arena_fini(&a);
}

static void write_table(FILE *f, const struct rows *rows)
{
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf(f, "%s%s %s", i ? ", " : "", fields[i].name, sql_types[i]);
    fputc('\n', f);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < COLUMNS; k++) {
            const char *cell = rows->cells[i][k];
            fprintf(f, "%s%s", k ? "\t" : "", cell ? cell : "\\N");
        }
        fputc('\n', f);
    }
}

/* Types and rows, a blank line, then a line each: our answer, theirs or - if it is the same,
 * text. */
static void write_questions(struct t *t, FILE *f)
{
    struct arr_batch batch;
    struct rows rows;
    char answer[ROWS + 1];
    random_rows(t, &batch, &rows);
    write_table(f, &rows);
    fputc('\n', f);
    for (size_t i = 0; i < CONDITIONS; i++) {
        struct buf text;
        buf_init(&text, &t->mem, 1 << 16);
        random_tree(t, 4, &text);
        our_answer(t, buf_slice(&text), &batch, answer);
        if (*answer == 'E')
            fail_msg("%.*s: %s", SLICE_ARG(buf_slice(&text)), t->err.text);
        fprintf(f, "%s\t-\t%.*s\n", answer, SLICE_ARG(buf_slice(&text)));
        buf_fini(&text);
    }
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        our_answer(t, slice_str(differences[i].text), &batch, answer);
        if (*answer != differences[i].ours)
            fail_msg("%s: %s", differences[i].text, answer);
        fprintf(f, "%s\t%c\t%s\n", answer, differences[i].theirs, differences[i].text);
    }
    arr_batch_fini(&batch);
}

static void duckdb_gives_the_same_truth(void **state)
{
    struct t *t = *state;
    struct place place;
    place_make(&place);
    FILE *f = fopen(place_path(&place, "questions"), "w");
    assert_non_null(f);
    write_questions(t, f);
    assert_int_equal(fclose(f), 0);
    int code = judge_run("test/interop/predicate_duckdb.py", place_path(&place, "questions"));
    place_drop(&place);
    judge_expect(code, "duckdb");
}

T_MAIN(T_TEST(duckdb_gives_the_same_truth))
