#include "rows/rows_priv.h"

#include "lib/t.h"

static void names_are_parsed_as_they_are_printed(void **state)
{
    struct t *t = *state;
    for (int f = ROWS_AUTO; f <= ROWS_MARKDOWN; f++) {
        enum rows_format got = ROWS_AUTO;
        const char *name = rows_format_name((enum rows_format)f);
        assert_ok(t, rows_format_parse(slice_str(name), &got, &t->err));
        assert_int_equal(got, f);
    }
}

static void unknown_names_get_the_nearest(void **state)
{
    struct t *t = *state;
    enum rows_format got = ROWS_ARROW;
    assert_rc(t, rows_format_parse(slice_str("parqet"), &got, &t->err), SLP_INVALID);
    assert_err_has(t, "unknown format \"parqet\"; did you mean \"parquet\"?");
    assert_rc(t, rows_format_parse(slice_str("spreadsheet"), &got, &t->err), SLP_INVALID);
    assert_err_has(t, "expected parquet, csv, tsv");
    assert_int_equal(got, ROWS_ARROW);
}

static void files_are_known_by_bytes_then_by_name(void **state)
{
    static const struct {
        const char *path;
        const char *head;
        enum rows_format format;
    } cases[] = {
        {"x.csv", "PAR1....", ROWS_PARQUET},
        {"x", "PAR1....", ROWS_PARQUET},
        {"x.parquet", "a,b\n", ROWS_PARQUET},
        {"x.CSV", "{\"a\":1}", ROWS_CSV},
        {"x.tsv", "a\tb\n", ROWS_TSV},
        {"x.jsonl", "", ROWS_NDJSON},
        {"x.ndjson", "[", ROWS_NDJSON},
        {"x.json", "{\"a\":1}", ROWS_NDJSON},
        {"x.json", " [{}]", ROWS_JSON},
        {"x", "\n {\"a\":1}", ROWS_NDJSON},
        {"x", "[", ROWS_JSON},
        {"x", "a,b\n1,2\n", ROWS_CSV},
        {"x.arrows", "..", ROWS_ARROW},
        {"x", "\xff\xff\xff\xff....", ROWS_ARROW},
        {"x", "ARROW1..", ROWS_ARROW},
        {"standard input", "a\n", ROWS_CSV},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum rows_format got = ROWS_AUTO;
        assert_ok(t, rows_detect(cases[i].path, slice_str(cases[i].head), &got, &t->err));
        assert_int_equal(got, cases[i].format);
    }
}

static void what_is_not_read_is_refused_by_what_it_is(void **state)
{
    static const struct {
        const char *path;
        struct slice head;
        slp_rc rc;
        const char *part;
    } cases[] = {
        {"x.csv.gz", {(const uint8_t *)"\x1f\x8b\x08", 3}, SLP_UNSUPPORTED, "gzip; unpack it"},
        {"x.csv", {(const uint8_t *)"\x28\xb5\x2f\xfd", 4}, SLP_UNSUPPORTED, "zstd"},
        {"x.csv",
         {(const uint8_t *)"\xff\xfe"
                           "a\0",
          4},
         SLP_UNSUPPORTED,
         "UTF-16"},
        {"x.orc", {(const uint8_t *)"ORC", 3}, SLP_UNSUPPORTED, "an ORC file"},
        {"x", {(const uint8_t *)"a\0b", 3}, SLP_UNSUPPORTED, "file \"x\": neither Parquet nor CSV"},
        {"x", {NULL, 0}, SLP_BAD_INPUT, "file \"x\": empty"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum rows_format got = ROWS_AUTO;
        assert_rc(t, rows_detect(cases[i].path, cases[i].head, &got, &t->err), cases[i].rc);
        assert_err_has(t, cases[i].part);
        assert_int_equal(got, ROWS_AUTO);
    }
}

T_MAIN(T_TEST(names_are_parsed_as_they_are_printed), T_TEST(unknown_names_get_the_nearest),
       T_TEST(files_are_known_by_bytes_then_by_name),
       T_TEST(what_is_not_read_is_refused_by_what_it_is))
