#include "arrow/text.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/t.h"

#define I8                                                                                         \
    {                                                                                              \
        .kind = ARR_INT8                                                                           \
    }
#define I32                                                                                        \
    {                                                                                              \
        .kind = ARR_INT32                                                                          \
    }
#define I64                                                                                        \
    {                                                                                              \
        .kind = ARR_INT64                                                                          \
    }
#define U8                                                                                         \
    {                                                                                              \
        .kind = ARR_UINT8                                                                          \
    }
#define U64                                                                                        \
    {                                                                                              \
        .kind = ARR_UINT64                                                                         \
    }
#define F32                                                                                        \
    {                                                                                              \
        .kind = ARR_FLOAT                                                                          \
    }
#define F64                                                                                        \
    {                                                                                              \
        .kind = ARR_DOUBLE                                                                         \
    }
#define BIT                                                                                        \
    {                                                                                              \
        .kind = ARR_BOOL                                                                           \
    }
#define DAY                                                                                        \
    {                                                                                              \
        .kind = ARR_DATE32                                                                         \
    }
#define STR                                                                                        \
    {                                                                                              \
        .kind = ARR_UTF8                                                                           \
    }
#define BIN                                                                                        \
    {                                                                                              \
        .kind = ARR_BINARY                                                                         \
    }
#define FIX                                                                                        \
    {                                                                                              \
        .kind = ARR_FIXED_BINARY, .width = 3                                                       \
    }
#define DEC                                                                                        \
    {                                                                                              \
        .kind = ARR_DECIMAL128, .precision = 5, .scale = 2                                         \
    }
#define D38                                                                                        \
    {                                                                                              \
        .kind = ARR_DECIMAL128, .precision = 38, .scale = 0                                        \
    }
#define T_S                                                                                        \
    {                                                                                              \
        .kind = ARR_TIMESTAMP, .unit = ARR_SECOND                                                  \
    }
#define TMS                                                                                        \
    {                                                                                              \
        .kind = ARR_TIMESTAMP, .unit = ARR_MILLI                                                   \
    }
#define TUS                                                                                        \
    {                                                                                              \
        .kind = ARR_TIMESTAMP, .unit = ARR_MICRO                                                   \
    }
#define TNS                                                                                        \
    {                                                                                              \
        .kind = ARR_TIMESTAMP, .unit = ARR_NANO                                                    \
    }
#define UTC                                                                                        \
    {                                                                                              \
        .kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true                                      \
    }

#define HLF                                                                                        \
    {                                                                                              \
        .kind = ARR_FLOAT16                                                                        \
    }
#define TOS                                                                                        \
    {                                                                                              \
        .kind = ARR_TIME32, .unit = ARR_SECOND                                                     \
    }
#define TOM                                                                                        \
    {                                                                                              \
        .kind = ARR_TIME32, .unit = ARR_MILLI                                                      \
    }
#define TON                                                                                        \
    {                                                                                              \
        .kind = ARR_TIME64, .unit = ARR_NANO                                                       \
    }
#define DUS                                                                                        \
    {                                                                                              \
        .kind = ARR_DURATION, .unit = ARR_SECOND                                                   \
    }
#define DUN                                                                                        \
    {                                                                                              \
        .kind = ARR_DURATION, .unit = ARR_NANO                                                     \
    }
#define MDN                                                                                        \
    {                                                                                              \
        .kind = ARR_INTERVAL                                                                       \
    }
#define WID                                                                                        \
    {                                                                                              \
        .kind = ARR_DECIMAL256, .precision = 76, .scale = 38                                       \
    }
#define W40                                                                                        \
    {                                                                                              \
        .kind = ARR_DECIMAL256, .precision = 40                                                    \
    }

/* What is read, and how it is written then; NULL means the same text. */
static const struct {
    struct arr_type type;
    const char *text;
    const char *written;
} accepted[] = {
    {BIT, "true", NULL},
    {BIT, "FALSE", "false"},
    {I8, "-128", NULL},
    {I8, "+127", "127"},
    {I32, "007", "7"},
    {I32, "-2147483648", NULL},
    {I64, "-9223372036854775808", NULL},
    {I64, "9223372036854775807", NULL},
    {I64, "-0", "0"},
    {U8, "255", NULL},
    {U64, "18446744073709551615", NULL},
    {F64, "0", NULL},
    {F64, "-0", NULL},
    {F64, "-0.0", "-0"},
    {F64, "1", NULL},
    {F64, "0.1", NULL},
    {F64, "12.34", NULL},
    {F64, "-1234567.125", NULL},
    {F64, "0.30000000000000004", NULL},
    {F64, "1e5", "100000"},
    {F64, "1e22", NULL},
    {F64, "1.E+0300", "1e300"},
    {F64, ".5", "0.5"},
    {F64, "5e-324", NULL},
    {F64, "1.5e-322", NULL},
    {F64, "1.7976931348623157e308", NULL},
    {F64, "2.2250738585072014e-308", NULL},
    {F64, "9007199254740993", "9007199254740992"},
    {F64, "123456789012345678901234567890", "1.2345678901234568e29"},
    {F64, "0e999999", "0"},
    {F64, "inf", "Infinity"},
    {F64, "-INFINITY", "-Infinity"},
    {F64, "nan", "NaN"},
    {F32, "0.1", NULL},
    {F32, "16777216", NULL},
    {F32, "3.4028235e38", NULL},
    {F32, "1e-45", NULL},
    {F32, "-7", NULL},
    {F32, "1.00000017881393421514957253748434595763683319091796875001", "1.0000001"},
    {F32, "NaN", NULL},
    {DAY, "1970-01-01", NULL},
    {DAY, "2000-02-29", NULL},
    {DAY, "0000-12-31", NULL},
    {DAY, "-0001-01-01", NULL},
    {DAY, "+12345-06-07", NULL},
    {DAY, "+5881580-07-11", NULL},
    {DAY, "-5877641-06-23", NULL},
    {DAY, "+2001-01-31", "2001-01-31"},
    {TUS, "2001-01-31T06:00:00", NULL},
    {TUS, "2001-01-31 06:00:00.5", "2001-01-31T06:00:00.500"},
    {TUS, "2001-01-31", "2001-01-31T00:00:00"},
    {TUS, "2001-01-31T06:07", "2001-01-31T06:07:00"},
    {TUS, "1969-12-31T23:59:59.999999", NULL},
    {TUS, "2001-01-31T06:00:00.123456000", "2001-01-31T06:00:00.123456"},
    {T_S, "2001-01-31T06:00:00.000", "2001-01-31T06:00:00"},
    {T_S, "+292277026596-12-04T15:30:07", NULL},
    {TMS, "2001-01-31T06:00:00.001", NULL},
    {TNS, "1677-09-21T00:12:43.145224192", NULL},
    {TNS, "2262-04-11T23:47:16.854775807", NULL},
    {TNS, "2001-01-31T06:00:00.000001", NULL},
    {UTC, "2001-01-31T06:00:00Z", NULL},
    {UTC, "2001-01-31T06:00:00", "2001-01-31T06:00:00Z"},
    {UTC, "2001-01-31T01:00:00+02:00", "2001-01-30T23:00:00Z"},
    {UTC, "2001-01-31T06:00-0130", "2001-01-31T07:30:00Z"},
    {UTC, "2001-01-31T06:00:00.25+01", "2001-01-31T05:00:00.250Z"},
    {DEC, "-12.30", NULL},
    {DEC, "0", "0.00"},
    {DEC, "-0.01", NULL},
    {DEC, "999.99", NULL},
    {DEC, "1.5000", "1.50"},
    {DEC, ".5", "0.50"},
    {D38, "-99999999999999999999999999999999999999", NULL},
    {STR, "as, it \"is\"\n", NULL},
    {STR, "", NULL},
    {BIN, "", NULL},
    {BIN, "AA==", NULL},
    {BIN, "//79", NULL},
    {BIN, "Zm9vYmE=", NULL},
    {FIX, "Zm9v", NULL},
    {HLF, "0.1", NULL},
    {HLF, "-1.5", NULL},
    {HLF, "65504", NULL},
    {HLF, "65519", "65504"},
    {HLF, "6e-8", NULL},
    {HLF, "6.1e-5", NULL},
    {HLF, "0.3333", NULL},
    {HLF, "2049", "2048"},
    {HLF, "2051", "2052"},
    {HLF, "-0", NULL},
    {HLF, "NaN", NULL},
    {HLF, "-inf", "-Infinity"},
    {TOS, "06:00:00", NULL},
    {TOS, "06:07", "06:07:00"},
    {TOM, "06:00:00.123", NULL},
    {TOM, "23:59:59.999", NULL},
    {TON, "00:00:00.000000001", NULL},
    {TON, "12:00:00.5", "12:00:00.500"},
    {DUS, "PT90S", NULL},
    {DUS, "PT1M30S", "PT90S"},
    {DUS, "P1DT1H", "PT90000S"},
    {DUS, "-P1W", "PT-604800S"},
    {DUS, "PT-9223372036854775808S", NULL},
    {DUN, "PT3.5S", NULL},
    {DUN, "PT-0.000000001S", NULL},
    {DUN, "PT0S", NULL},
    {DUN, "PT-9223372036.854775808S", NULL},
    {MDN, "P1M2DT3.5S", NULL},
    {MDN, "P-1M2DT-3.5S", NULL},
    {MDN, "PT0S", NULL},
    {MDN, "P1Y2M1W1DT1H1M1.5S", "P14M8DT3661.5S"},
    {MDN, "-P1M2D", "P-1M-2D"},
    {MDN, "P2147483647M-2147483648DT-9223372036.854775808S", NULL},
    {WID, "-12.30", "-12.30000000000000000000000000000000000000"},
    {WID, "99999999999999999999999999999999999999.99999999999999999999999999999999999999", NULL},
    {WID, "-99999999999999999999999999999999999999.99999999999999999999999999999999999999", NULL},
    {WID, "0.00000000000000000000000000000000000001", NULL},
    {W40, "340282366920938463463374607431768211456", NULL},
    {W40, "-18446744073709551616.000", "-18446744073709551616"},
    {W40, "000000000000000000000000000000000000000000000007", "7"},
};

static void what_is_printed_is_read_back(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1 << 16);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct arr_col c;
        arr_col_init(&c, &t->mem, accepted[i].type);
        assert_ok(t, arr_text_parse(&c, slice_str(accepted[i].text), &t->err));
        buf_clear(&out);
        assert_ok(t, arr_text_format(&c, 0, &out, &t->err));
        const char *want = accepted[i].written ? accepted[i].written : accepted[i].text;
        assert_ok(t, buf_append_u8(&out, 0, &t->err));
        assert_string_equal((const char *)out.ptr, want);
        out.len--;
        assert_ok(t, arr_text_parse(&c, buf_slice(&out), &t->err));
        if (c.type.kind == ARR_BOOL)
            assert_int_equal(arr_col_i64(&c, 0), arr_col_i64(&c, 1));
        else
            assert_true(slice_equal(arr_col_bytes(&c, 0), arr_col_bytes(&c, 1)));
        arr_col_fini(&c);
    }
    buf_fini(&out);
}

static const struct {
    struct arr_type type;
    const char *text;
    const char *says;
} refused[] = {
    {BIT, "yes", "\"yes\" is no bool; expected true or false"},
    {BIT, "", "true or false"},
    {I8, "128", "\"128\" is no int8; expected a whole number from -128 to 127"},
    {I8, "-129", "int8"},
    {U8, "-1", "from 0 to 255"},
    {U8, "256", "uint8"},
    {I32, "2147483648", "int32"},
    {I64, "9223372036854775808", "int64"},
    {I64, "-9223372036854775809", "int64"},
    {I64, "1.0", "whole number"},
    {I64, "1 ", "whole number"},
    {I64, "", "\"\" is no int64"},
    {I64, "-", "int64"},
    {I64, "--1", "int64"},
    {I64, "0x10", "int64"},
    {U64, "18446744073709551616", "uint64"},
    {F64, "1e309", "range of a double"},
    {F64, "1e-400", "range of a double"},
    {F64, "1,5", "such as"},
    {F64, "", "double"},
    {F64, ".", "double"},
    {F64, "1e", "double"},
    {F64, "1e+", "double"},
    {F64, "0x1p3", "double"},
    {F64, "1.2.3", "double"},
    {F64, "nan(7)", "double"},
    {F32, "3.5e38", "range of a float"},
    {DAY, "2001-02-29", "\"2001-02-29\" is no date; expected a date such as 2001-01-31"},
    {DAY, "1900-02-29", "date"},
    {DAY, "2001-1-31", "date"},
    {DAY, "12001-01-31", "date"},
    {DAY, "2001-13-01", "date"},
    {DAY, "2001-00-01", "date"},
    {DAY, "2001-01-00", "date"},
    {DAY, "+5881580-07-12", "date"},
    {DAY, "2001-01-31T00:00:00", "date"},
    {TUS, "2001-01-31T24:00:00", "timestamp[us]"},
    {TUS, "2001-01-31T06:00:60", "timestamp[us]"},
    {TUS, "2001-01-31T06:00:00Z", "without zone"},
    {TUS, "2001-01-31T06:00:00.", "timestamp"},
    {TUS, "2001-01-31T06:00:00.1234567", "at most 6 digits of a fraction"},
    {TUS, "2001-01-31T", "timestamp"},
    {T_S, "2001-01-31T06:00:00.5", "no fraction"},
    {TNS, "1677-09-21T00:12:43.145224191", "timestamp[ns]"},
    {TNS, "2262-04-11T23:47:16.854775808", "timestamp[ns]"},
    {UTC, "2001-01-31T06:00:00+24:00", "timestamp[us, UTC]"},
    {UTC, "2001-01-31T06:00:00 Z", "timestamp[us, UTC]"},
    {DEC, "1000.00", "at most 5 digits, 2 of them behind the point"},
    {DEC, "1.005", "behind the point"},
    {DEC, "1e2", "decimal(5, 2)"},
    {DEC, "", "decimal"},
    {DEC, "-", "decimal"},
    {D38, "100000000000000000000000000000000000000", "38 digits"},
    {D38, "345000000000000000000000000000000000000", "38 digits"},
    {STR, "\xff", "\"?\" is no string; expected UTF-8"},
    {BIN, "AA=", "base64 with padding"},
    {BIN, "AB==", "base64"},
    {BIN, "A===", "base64"},
    {BIN, "=AAA", "base64"},
    {BIN, "A=AA", "base64"},
    {BIN, "A A=", "base64"},
    {FIX, "Zm8=", "base64 with padding of 3 bytes"},
    {{.kind = ARR_NULL}, "x", "no value"},
    {HLF, "65520", "range of a half float"},
    {HLF, "1e-9", "half float"},
    {HLF, "x", "\"x\" is no float16"},
    {TOS, "24:00:00", "a time of day such as 06:00:00, with no fraction"},
    {TOS, "06:00:00.5", "no fraction"},
    {TOM, "06:00:00Z", "time32[ms]"},
    {TOM, "-06:00:00", "time32[ms]"},
    {DUS, "PT1.5S", "a duration such as PT90S, with no fraction"},
    {DUS, "P1M", "duration[s]"},
    {DUS, "PT9223372036854775808S", "duration[s]"},
    {DUN, "PT9223372036.854775808S", "duration[ns]"},
    {DUN, "PT1.0000000001S", "duration[ns]"},
    {MDN, "P", "an interval such as P1M2DT3.5S"},
    {MDN, "PT", "interval"},
    {MDN, "1M", "interval"},
    {MDN, "P1", "interval"},
    {MDN, "P1D1M", "interval"},
    {MDN, "P1H", "interval"},
    {MDN, "P1DT", "interval"},
    {MDN, "P1DT1D", "interval"},
    {MDN, "P1.5M", "interval"},
    {MDN, "PT1.S", "interval"},
    {MDN, "PT1S1S", "interval"},
    {MDN, "P2147483648M", "interval"},
    {MDN, "P99999999999999999999M", "interval"},
    {WID, "100000000000000000000000000000000000000", "at most 76 digits, 38 of them"},
    {WID, "0.000000000000000000000000000000000000001", "behind the point"},
    {W40, "10000000000000000000000000000000000000000", "40 digits"},
    {W40, "", "decimal256(40, 0)"},
    {W40, "-", "decimal256(40, 0)"},
};

static void what_loses_something_is_refused(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct arr_col c;
        arr_col_init(&c, &t->mem, refused[i].type);
        assert_rc(t, arr_text_parse(&c, slice_str(refused[i].text), &t->err), SLP_INVALID);
        assert_err_has(t, refused[i].says);
        assert_int_equal(c.rows, 0);
        arr_col_fini(&c);
    }
}

/* m: map<string, list<item: float>>, s: struct<d: decimal, "b\"": bytes, n: map<int32, bool>>. */
static struct arr_field item = {.name = "item", .type = {.kind = ARR_FLOAT}, .nullable = true};
static struct arr_field pair[] = {
    {.name = "key", .type = {.kind = ARR_UTF8}},
    {.name = "value", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1}};
static struct arr_field entries = {
    .name = "entries", .type = {.kind = ARR_STRUCT}, .children = pair, .child_count = 2};
static struct arr_field numbered_pair[] = {{.name = "key", .type = {.kind = ARR_INT32}},
                                           {.name = "value", .type = {.kind = ARR_BOOL}}};
static struct arr_field numbered = {
    .name = "entries", .type = {.kind = ARR_STRUCT}, .children = numbered_pair, .child_count = 2};
static struct arr_field members[] = {
    {.name = "d", .type = DEC},
    {.name = "b\"", .type = BIN},
    {.name = "n", .type = {.kind = ARR_MAP}, .children = &numbered, .child_count = 1}};
static struct arr_field nested[] = {
    {.name = "m", .type = {.kind = ARR_MAP}, .children = &entries, .child_count = 1},
    {.name = "s", .type = {.kind = ARR_STRUCT}, .children = members, .child_count = 3}};
static const struct arr_schema nested_schema = {.fields = nested, .count = 2};

static slp_rc fill_map(struct arr_col *m, struct slp_err *err)
{
    struct arr_col *pairs = &m->children[0];
    struct arr_col *list = &pairs->children[1];
    TRY(arr_col_append(&pairs->children[0], slice_str("a\n"), err));
    TRY(arr_col_append_f64(&list->children[0], 1.5, err));
    TRY(arr_col_append_null(&list->children[0], err));
    TRY(arr_col_append_f64(&list->children[0], (double)NAN, err));
    TRY(arr_col_append_lists(list, (int32_t[]){3}, 1, NULL, 0, err));
    TRY(arr_col_append(&pairs->children[0], slice_str("b"), err));
    TRY(arr_col_append_lists(list, (int32_t[]){0}, 1, NULL, 0, err));
    TRY(arr_col_append_structs(pairs, 2, NULL, 0, err));
    TRY(arr_col_append_lists(m, (int32_t[]){2}, 1, NULL, 0, err));
    return arr_col_append_null(m, err);
}

static slp_rc fill_struct(struct arr_col *s, struct slp_err *err)
{
    struct arr_col *map = &s->children[2];
    TRY(arr_text_parse(&s->children[0], slice_str("-1.50"), err));
    TRY(arr_text_parse(&s->children[1], slice_str("AA=="), err));
    TRY(arr_col_append_i64(&map->children[0].children[0], -7, err));
    TRY(arr_col_append_bool(&map->children[0].children[1], true, err));
    TRY(arr_col_append_structs(&map->children[0], 1, NULL, 0, err));
    TRY(arr_col_append_lists(map, (int32_t[]){1}, 1, NULL, 0, err));
    TRY(arr_col_append_structs(s, 1, NULL, 0, err));
    return arr_col_append_null(s, err);
}

static void nested_values_are_json(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arr_batch b = {0};
        struct buf out;
        buf_init(&out, &t->mem, 1 << 16);
        slp_rc rc = arr_batch_init(&b, &t->mem, &nested_schema, &t->err);
        rc = rc == SLP_OK ? fill_map(&b.cols[0], &t->err) : rc;
        rc = rc == SLP_OK ? fill_struct(&b.cols[1], &t->err) : rc;
        rc = rc == SLP_OK ? arr_text_format(&b.cols[0], 0, &out, &t->err) : rc;
        rc = rc == SLP_OK ? arr_text_json(&b.cols[0], 1, &out, &t->err) : rc;
        rc = rc == SLP_OK ? arr_text_format(&b.cols[1], 0, &out, &t->err) : rc;
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc == SLP_OK)
            assert_true(slice_is(buf_slice(&out), "{\"a\\n\":[1.5,null,\"NaN\"],\"b\":[]}null"
                                                  "{\"d\":-1.50,\"b\\\"\":\"AA==\","
                                                  "\"n\":[{\"key\":-7,\"value\":true}]}"));
        buf_fini(&out);
        arr_batch_fini(&b);
    }
    struct arr_col c;
    assert_ok(t, arr_col_init_field(&c, &t->mem, &nested[1], &t->err));
    assert_rc(t, arr_text_parse(&c, slice_str("{}"), &t->err), SLP_INVALID);
    assert_err_has(t, "\"{}\" is no struct; expected no text");
    arr_col_fini(&c);
}

static void messages_cut_long_texts_at_a_character(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    arr_col_init(&c, &t->mem, (struct arr_type){.kind = ARR_INT64});
    static const char text[] = "012345678901234567890123456789012345678\xc3\xa9 and more\n";
    assert_rc(t, arr_text_parse(&c, slice_str(text), &t->err), SLP_INVALID);
    assert_err_has(t, "\"012345678901234567890123456789012345678...\" is no int64");
    assert_rc(t, arr_text_parse(&c, slice_str("a\nb\xc3\xa9"), &t->err), SLP_INVALID);
    assert_err_has(t, "\"a?b\xc3\xa9\" is no int64");
    arr_col_fini(&c);
}

static void civil_dates_are_those_of_a_walk_through_the_days(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = -801;
    unsigned month = 1;
    unsigned day = 1;
    int64_t first = arr_days_from_civil(year, month, day);
    for (int64_t days = first; days < first + 146097 * 8; days++) {
        int64_t y = 0;
        unsigned m = 0;
        unsigned d = 0;
        arr_civil_from_days(days, &y, &m, &d);
        assert_true(y == year && m == month && d == day);
        assert_true(arr_days_from_civil(year, month, day) == days);
        bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (++day > lengths[month - 1] + (month == 2 && is_leap)) {
            day = 1;
            year += month == 12;
            month = month % 12 + 1;
        }
    }
    assert_int_equal(arr_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(arr_days_from_civil(2001, 1, 31), 11353);
}

/* Values of every type by random bits, and floats near decimals, come back bit by bit. */
static void random_values_come_back(void **state)
{
    struct t *t = *state;
    static const struct arr_type types[] = {I8,  I32, I64, U8,  U64, F32, F64, DAY,
                                            T_S, TMS, TUS, TNS, UTC, BIN, FIX};
    struct buf out;
    buf_init(&out, &t->mem, 1 << 16);
    for (int round = 0; round < 30000; round++) {
        struct arr_type type = types[t_below(t, sizeof types / sizeof *types)];
        uint64_t bits = t_random(t) >> t_below(t, 64);
        double real = (double)(int64_t)t_below(t, 1000000000) / pow(10, (double)t_below(t, 12));
        if (type.kind == ARR_DOUBLE && round % 2)
            memcpy(&bits, &real, sizeof bits);
        struct arr_col c;
        arr_col_init(&c, &t->mem, type);
        size_t bytes = type.kind == ARR_BINARY ? (size_t)t_below(t, 9) : arr_type_width(type);
        assert_ok(t, arr_col_append(&c, slice_of(&bits, bytes), &t->err));
        buf_clear(&out);
        assert_ok(t, arr_text_format(&c, 0, &out, &t->err));
        assert_ok(t, arr_text_parse(&c, buf_slice(&out), &t->err));
        bool is_float = type.kind == ARR_FLOAT || type.kind == ARR_DOUBLE;
        if (is_float && isnan(arr_col_f64(&c, 0)))
            assert_true(isnan(arr_col_f64(&c, 1)));
        else
            assert_true(slice_equal(arr_col_bytes(&c, 0), arr_col_bytes(&c, 1)));
        arr_col_fini(&c);
    }
    buf_fini(&out);
}

static void floats_are_as_short_as_can_be(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1 << 16);
    for (int round = 0; round < 5000; round++) {
        uint64_t bits = t_random(t);
        double value = 0;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        struct arr_col c;
        arr_col_init(&c, &t->mem, (struct arr_type)F64);
        assert_ok(t, arr_col_append_f64(&c, value, &t->err));
        buf_clear(&out);
        assert_ok(t, arr_text_format(&c, 0, &out, &t->err));
        size_t digits = 0;
        for (size_t i = 0; i < out.len && out.ptr[i] != 'e'; i++)
            digits += out.ptr[i] >= (digits ? '0' : '1') && out.ptr[i] <= '9';
        /* With a digit less the number is another one. */
        char shorter[64];
        (void)snprintf(shorter, sizeof shorter, "%.*g", (int)digits - 1, value);
        assert_true(digits <= 15 || strtod(shorter, NULL) != value);
        arr_col_fini(&c);
    }
    buf_fini(&out);
}

/* A process that embeds us may have set a locale with a decimal comma. */
static void numbers_do_not_follow_the_locale(void **state)
{
    struct t *t = *state;
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF"};
    bool is_set = false;
    for (size_t i = 0; i < sizeof locales / sizeof *locales && !is_set; i++)
        is_set = setlocale(LC_ALL, locales[i]) != NULL;
    if (!is_set)
        skip();
    struct arr_col c;
    struct buf out;
    buf_init(&out, &t->mem, 100);
    arr_col_init(&c, &t->mem, (struct arr_type)F64);
    assert_ok(t, arr_text_parse(&c, slice_str("0.30000000000000004"), &t->err));
    assert_ok(t, arr_text_format(&c, 0, &out, &t->err));
    (void)setlocale(LC_ALL, "C");
    assert_true(slice_is(buf_slice(&out), "0.30000000000000004"));
    arr_col_fini(&c);
    buf_fini(&out);
}

static void every_fault_appends_nothing(void **state)
{
    struct t *t = *state;
    static char large[4000];
    memset(large, 'A', sizeof large);
    T_FAULT_LOOP(t) {
        struct arr_col c;
        struct buf out;
        arr_col_init(&c, &t->mem, (struct arr_type)BIN);
        buf_init(&out, &t->mem, 1 << 16);
        slp_rc rc = arr_text_parse(&c, slice_of(large, sizeof large), &t->err);
        assert_int_equal(c.rows, rc == SLP_OK);
        if (rc == SLP_OK)
            rc = arr_text_format(&c, 0, &out, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(out.len, rc == SLP_OK ? sizeof large : 0);
        arr_col_fini(&c);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(nested_values_are_json), T_TEST(what_is_printed_is_read_back),
       T_TEST(what_loses_something_is_refused), T_TEST(messages_cut_long_texts_at_a_character),
       T_TEST(civil_dates_are_those_of_a_walk_through_the_days), T_TEST(random_values_come_back),
       T_TEST(floats_are_as_short_as_can_be), T_TEST(numbers_do_not_follow_the_locale),
       T_TEST(every_fault_appends_nothing))
