#include "predicate/predicate.h"

#include "unit/predicate/sample_rows.h"

/* Rows of sample.h: 0 ordinary, 1 least and NaN, 2 greatest, 3 nulls, 4 zeros. */
static const struct {
    const char *text;
    const char *truth;
} cases[] = {
    /* Constants. */
    {"TRUE", "TTTTT"},
    {"false", "FFFFF"},
    {"NULL", "UUUUU"},
    {"1 = 1.0", "TTTTT"},
    {"1 < 1e0", "FFFFF"},
    {"0.1 = 1e-1", "FFFFF"},
    {"'a' < 'b' AND X'00' < X'0001'", "TTTTT"},
    {"DATE '2001-01-01' < TIMESTAMP '2001-01-01 00:00:00.5'", "TTTTT"},
    {"NULL IS NOT DISTINCT FROM NULL", "TTTTT"},
    {"1 <=> NULL", "FFFFF"},
    /* Integers, decided exactly. */
    {"id = 1", "TFFUF"},
    {"1 = id", "TFFUF"},
    {"id == 1 -- a comment", "TFFUF"},
    {"id <> 1", "FTTUT"},
    {"id != 1", "FTTUT"},
    {"id < 1", "FTFUT"},
    {"1 > id", "FTFUT"},
    {"id <= 1", "TTFUT"},
    {"id > 0", "TFTUF"},
    {"id >= 0", "TFTUT"},
    {"id = -2147483648", "FTFUF"},
    {"id = - + 2147483648", "FTFUF"},
    {"id < 3000000000", "TTTUT"},
    {"id = 3000000000", "FFFUF"},
    {"id > 99999999999999999999999999999999999999", "FFFUF"},
    {"id > -99999999999999999999999999999999999999", "TTTUT"},
    {"id <> 3000000000", "TTTUT"},
    {"id > 0.5", "TFTUF"},
    {"id < 0.5", "FTFUT"},
    {"id = 0.5", "FFFUF"},
    {"id <> 0.5", "TTTUT"},
    {"id = 1.000", "TFFUF"},
    {"id = 1e0", "TFFUF"},
    {"id <= -0.5", "FTFUF"},
    {"id < 1e300", "TTTUT"},
    {"id = '1'", "TFFUF"},
    {"id > '0.5'", "TFTUF"},
    {"big = 9007199254740993", "TFFUF"},
    {"big = 9007199254740992e0", "FFFUF"},
    {"big > 9007199254740992e0", "TFTUF"},
    {"big = 9223372036854775807", "FFTUF"},
    {"big < 9223372036854775808", "TTTUT"},
    {"u = 18446744073709551615", "TFFUF"},
    {"u > 9223372036854775807", "TFTUF"},
    {"u < 0", "FFFUF"},
    {"u >= -1", "TTTUT"},
    {"t8 > 126.5", "TFFUF"},
    {"u8 = 255 OR u8 = 256", "TFFUF"},
    {"\"select me\" < 0", "FTFUF"},
    {"`select me` < 0", "FTFUF"},
    {"n.x = 4294967295", "TFFUF"},
    /* Floats: NaN is the greatest and equals itself, zeros are equal. */
    {"d = 'NaN'", "FTFUF"},
    {"d < 'NaN'", "TFTUT"},
    {"d <= 'NaN'", "TTTUT"},
    {"d >= 'NaN'", "FTFUF"},
    {"d > 'NaN'", "FFFUF"},
    {"d <> 'NaN'", "TFTUT"},
    {"d > 1e308", "FTFUF"},
    {"d < 0", "FFFUT"},
    {"d IS NAN", "FTFFF"},
    {"d IS NOT NAN", "TFTTT"},
    {"f = 0", "FFFUT"},
    {"f = -0e0", "FFFUT"},
    {"d = 9007199254740993", "FFFUF"},
    {"d < 9007199254740993", "TFTUT"},
    {"d >= 9007199254740992", "TTFUF"},
    {"d = 0.1", "FFTUF"},
    {"d = '0.1'", "FFTUF"},
    {"f = 0.1", "FFTUF"},
    {"f = 1e-1", "FFFUF"},
    {"f > 1e-1 AND f < 0.5", "FFTUF"},
    {"d = '-inf'", "FFFUT"},
    /* Decimals. */
    {"m = 1.5", "TFFUF"},
    {"m = 1.500", "TFFUF"},
    {"m < 1.501 AND m > 1.499", "TFFUF"},
    {"m = -5e-2", "FFFUF"},
    {"m > -5e-2", "TTTUT"}, /* the double -0.05 is a little below the decimal */
    {"m = DECIMAL '-0.05'", "FTFUF"},
    {"m < 100000000", "TTTUT"},
    {"m = 99999999.99", "FFTUF"},
    {"m = 0", "FFFUT"},
    {"m < 123456789012345678901234567890123456789012345", "TTTUT"},
    {"id = -123456789012345678901234567890123456789012345", "FFFUF"},
    {"m < 99999999999999999999999999999999999999", "TTTUT"},
    /* Text. */
    {"s = 'apple'", "TFFUF"},
    {"s >= ''", "TTTUT"},
    {"s = 'it''s 100%'", "FFFUT"},
    {"s > 'b'", "FFTUT"},
    {"s LIKE 'a%'", "TFFUF"},
    {"s LIKE '%p_e'", "TFFUF"},
    {"s LIKE 'gr___'", "FFTUF"},
    {"s NOT LIKE 'a%'", "FTTUT"},
    {"s LIKE '%100!%' ESCAPE '!'", "FFFUT"},
    {"s LIKE 'apple'", "TFFUF"},
    {"s NOT LIKE 'apple'", "FTTUT"},
    {"'abc' LIKE 'a%'", "TTTTT"},
    {"Name = 'x'", "TFTUF"},
    {"\"NAME\" = 'y'", "TFUUF"},
    {"ID = 1", "TFFUF"},
    /* Booleans. */
    {"b", "TFFUT"},
    {"NOT b", "FTTUF"},
    {"b = TRUE", "TFFUT"},
    {"b <> 'true'", "FTTUF"},
    {"b < TRUE", "FTTUF"},
    {"b IS TRUE", "TFFFT"},
    {"b IS NOT TRUE", "FTTTF"},
    {"b IS FALSE", "FTTFF"},
    {"b IS NOT FALSE", "TFFTT"},
    {"b IS UNKNOWN", "FFFTF"},
    {"b IS NOT UNKNOWN", "TTTFT"},
    {"(id > 0) IS NULL", "FFFTF"},
    {"(id > 0 AND b) IS FALSE", "FTTFT"},
    {"b IN (TRUE)", "TFFUT"},
    /* Moments. */
    {"day = '2001-01-31'", "TFFUT"},
    {"day >= DATE '2001-01-31'", "TFTUT"},
    {"day < TIMESTAMP '2001-01-31 00:00:00.1'", "TTFUT"},
    {"day = TIMESTAMP '2001-01-31 00:00:00.1'", "FFFUF"},
    {"day BETWEEN '1969-12-31' AND '2001-01-31'", "TTFUT"},
    {"ts = '2001-01-31'", "TFFUF"},
    {"ts = DATE '2001-01-31'", "TFFUF"},
    {"ts > '2001-01-31 00:00:00.0000005'", "FFTUT"},
    {"ts <= '2001-01-31 00:00:00.0000005'", "TTFUF"},
    {"ts < TIMESTAMP '1970-01-01'", "FTFUF"},
    {"at = '2001-01-31T06:00:00Z'", "TFFUF"},
    {"at = TIMESTAMPTZ '2001-01-31 08:00:00+02:00'", "TFFUF"},
    {"at = TIMESTAMPTZ '2001-01-31 06:00:00'", "TFFUF"},
    /* Binary. */
    {"bin = X'0AFF'", "TFFUF"},
    {"bin = x'0aff'", "TFFUF"},
    {"bin > X'0A'", "TFFUT"},
    {"bin = X''", "FTFUF"},
    {"fx = X'6162'", "TFFUF"},
    {"fx > X'61'", "TFTUT"},
    {"fx IN (X'6162', X'616263', X'FFFF')", "TFTUF"},
    /* Null. */
    {"id IS NULL", "FFFTF"},
    {"id IS NOT NULL", "TTTFT"},
    {"NOT id IS NULL", "TTTFT"},
    {"nothing IS NULL", "TTTTT"},
    {"nothing = 5", "UUUUU"},
    {"nothing IN (1, 2)", "UUUUU"},
    {"nothing = id", "UUUUU"},
    {"id IS DISTINCT FROM 1", "FTTTT"},
    {"id IS NOT DISTINCT FROM 1", "TFFFF"},
    {"id <=> 1", "TFFFF"},
    {"NOT id <=> 1", "FTTTT"},
    {"id IS DISTINCT FROM NULL", "TTTFT"},
    {"id <=> NULL", "FFFTF"},
    {"id IS DISTINCT FROM 3000000000", "TTTTT"},
    {"Name IS NOT DISTINCT FROM \"NAME\"", "FTFTT"},
    {"Name <> \"NAME\"", "TFUUF"},
    /* Lists. */
    {"id IN (1, 2, 3)", "TFFUF"},
    {"id NOT IN (1, 2, 3)", "FTTUT"},
    {"id IN (1, NULL)", "TUUUU"},
    {"id NOT IN (1, NULL)", "FUUUU"},
    {"id IN (NULL)", "UUUUU"},
    {"id IN ()", "FFFUF"},
    {"id NOT IN ()", "TTTUT"},
    {"1 IN ()", "FFFFF"},
    {"id IN (1.5, 3000000000)", "FFFUF"},
    {"id NOT IN (1.5, 3000000000)", "TTTUT"},
    {"id IN (3, 1, 2147483647, 1, -2147483648)", "TTTUF"},
    {"u IN (18446744073709551615, 0)", "TTFUF"},
    {"d IN ('NaN', 0.1)", "FTTUF"},
    {"f IN (0)", "FFFUT"},
    {"m IN (1.5, 0, 1.505)", "TFFUT"},
    {"s IN ('apple', '', 'pear')", "TTFUF"},
    {"day IN ('2001-01-31', '2024-02-29')", "TFTUT"},
    {"1 IN (id, u8)", "TFTUF"},
    {"id IN (u8, 1)", "TFFUF"},
    {"NULL IN (id)", "UUUUU"},
    /* Ranges. */
    {"id BETWEEN 0 AND 1", "TFFUT"},
    {"id NOT BETWEEN 0 AND 1", "FTTUF"},
    {"id BETWEEN 1 AND 0", "FFFUF"},
    {"id BETWEEN SYMMETRIC 1 AND 0", "TFFUT"},
    {"id NOT BETWEEN SYMMETRIC 1 AND 0", "FTTUF"},
    {"0 BETWEEN id AND u8", "FTFUT"},
    /* AND, OR, NOT. */
    {"id = 1 AND b", "TFFUF"},
    {"id = 1 OR b", "TFFUT"},
    {"id = 1 OR TRUE", "TTTTT"},
    {"id = 1 AND FALSE", "FFFFF"},
    {"id = 1 AND NULL", "UFFUF"},
    {"id = 1 OR NULL", "TUUUU"},
    {"NOT (id = 1 AND b)", "FTTUT"},
    {"NOT NOT (id = 1)", "TFFUF"},
    {"id = 1 OR id = 0 AND b", "TFFUT"},
    {"(id = 1 OR id = 0) AND NOT b", "FFFUF"},
    /* Columns of two types. */
    {"big > d", "TFTUT"},
    {"big = u", "FFFUF"},
    {"id < big", "TFTUF"},
    {"m > f", "TFTUF"},
    {"d = f", "FTFUF"},
    {"u > u8", "TFTUF"},
    {"day = ts", "TFFUF"},
    {"ts >= day", "TTTUT"},
    {"bin <= fx", "TTTUT"},
    {"id = id", "TTTUT"},
    {"d <> d", "FFFUF"},
    {"id <=> id", "TTTTT"},
    {"m = id", "FFFUT"},
};

static void conditions_have_the_truth_of_sql(void **state)
{
    struct t *t = *state;
    struct arr_batch batch;
    sample_batch(t, &batch);
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        const struct pred *p = NULL;
        char truth[SAMPLE_ROWS + 1];
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t,
                  pred_compile(slice_str(cases[i].text), &sample_schema, NULL, 0, &a, &p, &t->err));
        sample_truth(t, p, &batch, truth);
        if (strcmp(truth, cases[i].truth) != 0) {
            print_error("%s: %s, expected %s\n", cases[i].text, truth, cases[i].truth);
            wrong++;
        }
        arena_fini(&a);
    }
    arr_batch_fini(&batch);
    assert_int_equal(wrong, 0);
}

static void formatted_conditions_mean_the_same(void **state)
{
    struct t *t = *state;
    struct arr_batch batch;
    sample_batch(t, &batch);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        const struct pred *p = NULL;
        const struct pred *again = NULL;
        struct buf text;
        struct buf twice;
        char truth[SAMPLE_ROWS + 1];
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&text, &t->mem, 1 << 16);
        buf_init(&twice, &t->mem, 1 << 16);
        assert_ok(t,
                  pred_compile(slice_str(cases[i].text), &sample_schema, NULL, 0, &a, &p, &t->err));
        assert_ok(t, pred_format(p, &text, &t->err));
        assert_ok(t, pred_compile(buf_slice(&text), &sample_schema, NULL, 0, &a, &again, &t->err));
        sample_truth(t, again, &batch, truth);
        if (strcmp(truth, cases[i].truth) != 0)
            fail_msg("%s became %.*s: %s, expected %s", cases[i].text, SLICE_ARG(buf_slice(&text)),
                     truth, cases[i].truth);
        assert_ok(t, pred_format(again, &twice, &t->err));
        assert_true(slice_equal(buf_slice(&text), buf_slice(&twice)));
        buf_fini(&text);
        buf_fini(&twice);
        arena_fini(&a);
    }
    arr_batch_fini(&batch);
}

static void format_writes_the_bound_condition(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        const char *bound;
    } texts[] = {
        {"ID = 1 and not (s like 'a%' or b)",
         "\"id\" = 1 AND \"s\" NOT LIKE 'a%' AND \"b\" = FALSE"},
        {"id > 2.5", "\"id\" > 2"},
        {"id < 3000000000", "\"id\" = \"id\""},
        {"id IN (3, 1, 2, 1, NULL, 2.5)", "\"id\" IN (1, 2, 3, NULL)"},
        {"day = '2001-01-31' OR m = 1.5", "\"day\" = '2001-01-31' OR \"m\" = 1.50"},
        {"d = 0.5 OR bin = x'0aff'", "\"d\" = 0.5e0 OR \"bin\" = X'0AFF'"},
        {"(id = 1 OR b) AND s = 'it''s'", "(\"id\" = 1 OR \"b\" = TRUE) AND \"s\" = 'it''s'"},
        {"id IS NOT NULL", "\"id\" IS NOT NULL"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena a;
        const struct pred *p = NULL;
        struct buf out;
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&out, &t->mem, 1 << 16);
        assert_ok(t,
                  pred_compile(slice_str(texts[i].text), &sample_schema, NULL, 0, &a, &p, &t->err));
        assert_ok(t, pred_format(p, &out, &t->err));
        assert_ok(t, buf_append_u8(&out, 0, &t->err));
        assert_string_equal((const char *)out.ptr, texts[i].bound);
        buf_fini(&out);
        arena_fini(&a);
    }
}

static void parameters_take_the_type_they_meet(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    struct arr_batch batch;
    char truth[SAMPLE_ROWS + 1];
    const struct pred_param params[] = {
        {.name = slice_str("n"), .text = slice_str("1")},
        {.name = slice_str(""), .text = slice_str("apple")},
        {.name = slice_str(""), .text = slice_str("a'b")},
        {.name = slice_str("blob"), .text = slice_str("Cv8=")},
    };
    sample_batch(t, &batch);
    arena_init(&a, &t->mem, 1 << 20);
    static const struct {
        const char *text;
        const char *truth;
    } uses[] = {
        {"id = $n", "TFFUF"},     {"id = :n", "TFFUF"},
        {"s IN (?, ?)", "TFFUF"}, {"s = $1", "TFFUF"},
        {"s = $2", "FFFUF"},      {"bin = $blob", "TFFUF"},
        {"m >= $n", "TFTUF"},     {"s LIKE ? AND id < 5", "TFFUF"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        assert_ok(
            t, pred_compile(slice_str(uses[i].text), &sample_schema, params, 4, &a, &p, &t->err));
        sample_truth(t, p, &batch, truth);
        assert_string_equal(truth, uses[i].truth);
    }
    arena_fini(&a);
    arr_batch_fini(&batch);
}

static void columns_of_types_beyond_those_of_tables_are_refused(void **state)
{
    struct t *t = *state;
    struct arr_field item = {.name = "item", .type = {.kind = ARR_INT64}};
    struct arr_field fields[] = {
        {.name = "l", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1},
        {.name = "h", .type = {.kind = ARR_FLOAT16}},
        {.name = "i", .type = {.kind = ARR_INT64}}};
    struct arr_schema schema_of_file = {.fields = fields, .count = 3};
    static const char *const texts[] = {"l = 1", "h > 0.5",     "l = l",
                                        "i = h", "h IN (1, 2)", "l = 'x'"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena a;
        const struct pred *p = NULL;
        arena_init(&a, &t->mem, 1 << 20);
        assert_rc(t, pred_compile(slice_str(texts[i]), &schema_of_file, NULL, 0, &a, &p, &t->err),
                  SLP_UNSUPPORTED);
        assert_err_has(t, "of which conditions take IS NULL alone");
        arena_fini(&a);
    }
}

static void columns_that_are_read_are_named(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    bool used[SAMPLE_COLUMNS] = {false};
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, pred_compile(slice_str("id = 1 AND (big > d OR s IN ('a')) AND TRUE"),
                              &sample_schema, NULL, 0, &a, &p, &t->err));
    pred_columns(p, used);
    for (size_t i = 0; i < SAMPLE_COLUMNS; i++)
        assert_int_equal(used[i], i == 0 || i == 1 || i == 4 || i == 5);
    arena_fini(&a);
}

static void empty_batches_have_no_truth(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    struct arr_batch batch;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, arr_batch_init(&batch, &t->mem, &sample_schema, &t->err));
    assert_ok(t, pred_compile(slice_str("s = 'a' AND id IN (1) OR b"), &sample_schema, NULL, 0, &a,
                              &p, &t->err));
    assert_ok(t, pred_eval(p, &batch, &t->mem, NULL, &t->err));
    arr_batch_fini(&batch);
    arena_fini(&a);
}

/* More rows than are evaluated together, with nulls. */
static void long_batches_are_evaluated_row_by_row(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    struct arr_batch batch;
    enum { ROWS = 10000 };
    static uint8_t truth[ROWS];
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, arr_batch_init(&batch, &t->mem, &sample_schema, &t->err));
    for (int64_t i = 0; i < ROWS; i++) {
        if (i % 7 == 0)
            assert_ok(t, arr_col_append_null(&batch.cols[0], &t->err));
        else
            assert_ok(t, arr_col_append_i64(&batch.cols[0], i, &t->err));
    }
    batch.rows = ROWS;
    assert_ok(t, pred_compile(slice_str("(id < 3000 OR id > 9000) AND NOT id BETWEEN 100 AND 200"),
                              &sample_schema, NULL, 0, &a, &p, &t->err));
    assert_ok(t, pred_eval(p, &batch, &t->mem, truth, &t->err));
    for (int64_t i = 0; i < ROWS; i++) {
        bool is_true = (i < 3000 || i > 9000) && !(i >= 100 && i <= 200);
        assert_int_equal(truth[i], i % 7 == 0 ? PRED_UNKNOWN : is_true);
    }
    arr_batch_fini(&batch);
    arena_fini(&a);
}

static void compiling_and_evaluating_survive_every_fault(void **state)
{
    struct t *t = *state;
    static const char text[] = "id IN (1, 2) AND (s LIKE 'a!%%' ESCAPE '!' OR day = '2001-01-31') "
                               "AND f > 0.25 AND bin <> $b AND (b IS TRUE OR big < d)";
    const struct pred_param param = {.name = slice_str("b"), .text = slice_str("Cv8=")};
    struct arr_batch batch;
    sample_batch(t, &batch);
    T_FAULT_LOOP(t) {
        struct arena a;
        struct buf out;
        const struct pred *p = NULL;
        uint8_t truth[SAMPLE_ROWS];
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&out, &t->mem, 1 << 16);
        slp_rc rc = pred_compile(slice_str(text), &sample_schema, &param, 1, &a, &p, &t->err);
        if (rc != SLP_OK)
            assert_null(p);
        if (rc == SLP_OK)
            rc = pred_eval(p, &batch, &t->mem, truth, &t->err);
        if (rc == SLP_OK)
            rc = pred_format(p, &out, &t->err);
        if (rc != SLP_OK)
            assert_int_equal(out.len, 0);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&out);
        arena_fini(&a);
    }
    arr_batch_fini(&batch);
}

T_MAIN(T_TEST(conditions_have_the_truth_of_sql), T_TEST(formatted_conditions_mean_the_same),
       T_TEST(format_writes_the_bound_condition), T_TEST(parameters_take_the_type_they_meet),
       T_TEST(columns_of_types_beyond_those_of_tables_are_refused),
       T_TEST(columns_that_are_read_are_named), T_TEST(empty_batches_have_no_truth),
       T_TEST(long_batches_are_evaluated_row_by_row),
       T_TEST(compiling_and_evaluating_survive_every_fault))
