/* Key ranges over a key of three fields: how many intervals, and just which keys they hold. */
#include <stdio.h>
#include <string.h>

#include "arrow/text.h"
#include "lib/t.h"
#include "predicate/predicate.h"

static struct arr_field fields[] = {
    {.name = "delay", .type = {.kind = ARR_INT32}, .nullable = true},
    {.name = "origin", .type = {.kind = ARR_UTF8}},
    {.name = "day", .type = {.kind = ARR_DATE32}},
    {.name = "gate", .type = {.kind = ARR_INT16}},
};

static const struct arr_schema schema = {.fields = fields, .count = 4};

static const struct key_spec spec = {
    .field_count = 3,
    .row_key_count = 1,
    .columns = {1, 2, 3},
    .types = {{.kind = ARR_UTF8}, {.kind = ARR_DATE32}, {.kind = ARR_INT16}},
};

/* Every key of the grid, in order. */
static const char *const origins[] = {"", "ABE", "ATL", "ATLX", "BOS", "SFO"};
static const char *const days[] = {"2001-01-01", "2001-01-02", "2001-02-01"};
static const char *const gates[] = {"-32768", "0", "1", "2", "32767"};

#define KEYS (6 * 3 * 5)

static void grid(struct t *t, struct arr_batch *batch, struct key_vec *keys)
{
    assert_ok(t, arr_batch_init(batch, &t->mem, &schema, &t->err));
    for (size_t i = 0; i < KEYS; i++) {
        assert_ok(t, arr_col_append_i64(&batch->cols[0], (int64_t)i, &t->err));
        assert_ok(t, arr_text_parse(&batch->cols[1], slice_str(origins[i / 15]), &t->err));
        assert_ok(t, arr_text_parse(&batch->cols[2], slice_str(days[i / 5 % 3]), &t->err));
        assert_ok(t, arr_text_parse(&batch->cols[3], slice_str(gates[i % 5]), &t->err));
    }
    batch->rows = KEYS;
    key_vec_init(keys, &t->mem, 1 << 20);
    assert_ok(t, key_encode_rows(&spec, batch, 0, KEYS, keys, &t->err));
}

static bool holds(const struct key_range *ranges, size_t count, struct slice key)
{
    for (size_t i = 0; i < count; i++) {
        if (key_range_holds(ranges[i], key))
            return true;
    }
    return false;
}

/* `extra`: keys of the grid in the ranges for which the condition is not TRUE. */
static const struct {
    const char *text;
    size_t ranges;
    int extra;
} cases[] = {
    /* One field. */
    {"origin = 'ATL'", 1, 0},
    {"'ATL' = origin", 1, 0},
    {"origin <> 'ATL'", 2, 0},
    {"NOT origin <> 'ATL'", 1, 0},
    {"NOT (origin < 'ATL')", 1, 0},
    {"origin >= 'ATL' AND origin < 'B'", 1, 0},
    {"origin BETWEEN 'ATL' AND 'BOS'", 1, 0},
    {"origin NOT BETWEEN 'ATL' AND 'BOS'", 2, 0},
    {"origin IN ('SFO', 'ATL', 'ATL')", 2, 0},
    {"origin NOT IN ('SFO', 'ATL')", 3, 0},
    {"origin LIKE 'AT%'", 1, 0},
    {"origin NOT LIKE 'AT%'", 2, 0},
    {"origin LIKE 'AT_'", 1, 15}, /* ATLX begins alike */
    {"origin LIKE '%X'", 1, 75},
    {"origin LIKE 'ATL'", 1, 0},
    {"origin = 'ATL' OR origin = 'SFO'", 2, 0},
    {"origin = 'ATL' OR origin < 'B'", 1, 0},
    {"origin <= 'ATL' OR origin > 'ATL'", 1, 0},
    {"origin < 'ATL' AND origin > 'ATL'", 0, 0},
    {"origin IS NULL", 0, 0},
    {"origin IS NOT NULL", 1, 0},
    {"origin = ''", 1, 0},
    {"origin > ''", 1, 0},
    {"(origin = 'ATL') IS TRUE", 1, 0},
    {"origin <=> 'ATL'", 1, 0},
    {"origin IS DISTINCT FROM 'ATL'", 2, 0},
    /* Points of leading fields lead on. */
    {"origin = 'ATL' AND day = '2001-01-02'", 1, 0},
    {"day = '2001-01-02' AND origin = 'ATL' AND gate = 1", 1, 0},
    {"origin = 'ATL' AND day > '2001-01-01'", 1, 0},
    {"origin = 'ATL' AND day < '2001-02-01'", 1, 0},
    {"origin = 'ATL' AND day = '2001-01-01' AND gate >= 1", 1, 0},
    {"origin = 'ATL' AND day = '2001-01-01' AND gate > 32767", 1, 0},
    {"origin = 'ATL' AND day = '2001-01-01' AND gate <= 32767", 1, 0},
    {"origin IN ('ATL', 'SFO') AND day IN ('2001-01-01', '2001-02-01')", 4, 0},
    {"origin IN ('ATL', 'SFO') AND day = '2001-01-01' AND gate IN (0, 2)", 4, 0},
    {"origin = 'ATL' AND gate = 1", 1, 12}, /* day is not restricted */
    {"origin > 'ATL' AND day = '2001-01-01'", 1, 30},
    {"origin = 'ATL' AND day > '2001-01-01' AND gate = 1", 1, 8},
    {"origin IN ('ATL', 'ATLX') AND gate < 0", 2, 24},
    /* Neighbours on the line are joined. */
    {"origin = 'ATL' AND day = '2001-01-01' AND gate IN (0, 1, 2)", 1, 0},
    /* OR over several fields. */
    {"origin = 'ATL' AND gate = 1 OR origin = 'SFO' AND day = '2001-01-01'", 2, 12},
    {"origin = 'ATL' OR day = '2001-01-01'", 1, 50},
    {"(origin = 'ATL' OR origin = 'SFO') AND (day = '2001-01-01' OR gate = 1)", 2, 16},
    /* Fields that are no keys say nothing, unless they are never TRUE. */
    {"delay = 5", 1, 89},
    {"delay = 5 AND origin = 'ABE'", 1, 15},
    {"delay = 3000000000", 0, 0},
    {"delay <> 3000000000", 1, 0},
    {"TRUE", 1, 0},
    {"FALSE", 0, 0},
    {"NULL", 0, 0},
    {"origin = 'ATL' AND NULL", 0, 0},
    {"origin = 'ATL' OR NULL", 1, 0},
    {"origin NOT IN ('ATL', NULL)", 0, 0},
    {"gate = 3000000000", 0, 0},
    {"gate < 3000000000", 1, 0},
    {"delay = gate", 1, 90},
};

static void conditions_become_these_ranges(void **state)
{
    struct t *t = *state;
    struct arr_batch batch;
    struct key_vec keys;
    size_t wrong = 0;
    grid(t, &batch, &keys);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        const struct pred *p = NULL;
        struct key_range *ranges = NULL;
        size_t count = 0;
        uint8_t truth[KEYS];
        int extra = 0;
        int lost = 0;
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, pred_compile(slice_str(cases[i].text), &schema, NULL, 0, &a, &p, &t->err));
        assert_ok(t, pred_key_ranges(p, &spec, &a, &ranges, &count, &t->err));
        assert_ok(t, pred_eval(p, &batch, &t->mem, truth, &t->err));
        for (int64_t k = 0; k < KEYS; k++) {
            bool is_held = holds(ranges, count, key_at(&keys, k));
            extra += is_held && truth[k] != PRED_TRUE;
            lost += !is_held && truth[k] == PRED_TRUE;
        }
        if (lost || extra != cases[i].extra || count != cases[i].ranges) {
            print_error("%s: %zu ranges, %d keys lost, %d too many\n", cases[i].text, count, lost,
                        extra);
            wrong++;
        }
        arena_fini(&a);
    }
    key_vec_fini(&keys);
    arr_batch_fini(&batch);
    assert_int_equal(wrong, 0);
}

static void unrestricted_keys_are_the_whole_line(void **state)
{
    struct t *t = *state;
    struct arena a;
    const struct pred *p = NULL;
    struct key_range *ranges = NULL;
    size_t count = 0;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t,
              pred_compile(slice_str("gate = 1 AND delay > 5"), &schema, NULL, 0, &a, &p, &t->err));
    assert_ok(t, pred_key_ranges(p, &spec, &a, &ranges, &count, &t->err));
    assert_int_equal(count, 1);
    assert_int_equal(ranges[0].lo.len, 0);
    assert_false(ranges[0].has_hi);
    arena_fini(&a);
}

/* Ranges of a condition made by repeating a piece with a number in it. */
static size_t count_ranges(struct t *t, const char *head, const char *piece, const char *join,
                           const char *tail, int times)
{
    struct arena a;
    struct buf text;
    const struct pred *p = NULL;
    struct key_range *ranges = NULL;
    size_t count = 0;
    arena_init(&a, &t->mem, 1 << 26);
    buf_init(&text, &t->mem, PRED_TEXT_MAX_BYTES);
    assert_ok(t, buf_append_slice(&text, slice_str(head), &t->err));
    for (int i = 0; i < times; i++)
        assert_ok(t, buf_printf(&text, &t->err, "%s%s%d'", i ? join : "", piece, 100000 + 2 * i));
    assert_ok(t, buf_append_slice(&text, slice_str(tail), &t->err));
    assert_ok(t, pred_compile(buf_slice(&text), &schema, NULL, 0, &a, &p, &t->err));
    assert_ok(t, pred_key_ranges(p, &spec, &a, &ranges, &count, &t->err));
    for (size_t i = 0; i + 1 < count; i++) {
        assert_true(ranges[i].has_hi);
        assert_true(slice_compare(ranges[i].hi, ranges[i + 1].lo) < 0);
    }
    buf_fini(&text);
    arena_fini(&a);
    return count;
}

static void ranges_are_bounded(void **state)
{
    struct t *t = *state;
    assert_int_equal(count_ranges(t, "origin IN (", "'", ",", ")", 1000), 1000);
    size_t many = count_ranges(t, "origin IN (", "'", ",", ")", 20000);
    assert_in_range(many, PRED_RANGES_MAX / 2, PRED_RANGES_MAX);
    many = count_ranges(t, "", "origin = '", " OR ", "", 8000);
    assert_in_range(many, PRED_RANGES_MAX / 2, PRED_RANGES_MAX);
    many = count_ranges(t, "", "origin <> '", " AND ", "", 8000);
    assert_in_range(many, PRED_RANGES_MAX / 2, PRED_RANGES_MAX);
    /* Boxes that differ in several fields: beyond the bound nothing is restricted. */
    assert_int_equal(count_ranges(t, "", "origin > '' AND gate = 1 AND origin = '", " OR ", "", 20),
                     20);
    assert_int_equal(
        count_ranges(t, "", "origin > '' AND gate = 1 AND origin = '", " OR ", "", 200), 1);
    /* Leading points times those of the next field: the next field is left out in time. */
    assert_int_equal(
        count_ranges(t, "day IN ('2001-01-01', '2001-01-03') AND origin IN (", "'", ",", ")", 1000),
        1000);
}

static void long_texts_are_left_to_evaluation(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct buf text;
    const struct pred *p = NULL;
    struct key_range *ranges = NULL;
    size_t count = 0;
    arena_init(&a, &t->mem, 1 << 22);
    buf_init(&text, &t->mem, PRED_TEXT_MAX_BYTES);
    assert_ok(
        t, buf_printf(&text, &t->err, "origin = '%0100000d' OR origin LIKE '%0100000d%%'", 1, 2));
    assert_ok(t, pred_compile(buf_slice(&text), &schema, NULL, 0, &a, &p, &t->err));
    assert_ok(t, pred_key_ranges(p, &spec, &a, &ranges, &count, &t->err));
    assert_int_equal(count, 1);
    buf_fini(&text);
    arena_fini(&a);
}

static void ranges_survive_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arena a;
        const struct pred *p = NULL;
        struct key_range *ranges = NULL;
        size_t count = 77;
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pred_compile(
            slice_str(
                "origin IN ('a', 'b') AND day > '2001-01-01' OR origin LIKE 'AT%' AND gate <> 1"),
            &schema, NULL, 0, &a, &p, &t->err);
        if (rc == SLP_OK)
            rc = pred_key_ranges(p, &spec, &a, &ranges, &count, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(count, t->fault_hit ? 77 : 3);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(conditions_become_these_ranges), T_TEST(unrestricted_keys_are_the_whole_line),
       T_TEST(ranges_are_bounded), T_TEST(long_texts_are_left_to_evaluation),
       T_TEST(ranges_survive_every_fault))
