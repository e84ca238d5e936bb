/*
 * A few rows of the sample schema, given as text.
 */
#ifndef SLP_TEST_PREDICATE_SAMPLE_ROWS_H
#define SLP_TEST_PREDICATE_SAMPLE_ROWS_H

#include <string.h>

#include "arrow/text.h"
#include "unit/predicate/sample.h"

#define SAMPLE_ROWS 5

/* NULL is a null. */
static const char *const sample_text[SAMPLE_ROWS][SAMPLE_COLUMNS] = {
    {"1",
     "9007199254740993",
     "18446744073709551615",
     "0.5",
     "9007199254740992",
     "apple",
     "true",
     "2001-01-31",
     "2001-01-31T00:00:00",
     "2001-01-31T06:00:00Z",
     "1.50",
     "Cv8=",
     "YWI=",
     "127",
     "x",
     "y",
     NULL,
     "7",
     "255",
     "4294967295"},
    {"-2147483648",
     "-9223372036854775808",
     "0",
     "NaN",
     "NaN",
     "",
     "false",
     "1969-12-31",
     "1969-12-31T23:59:59.999999",
     "1969-12-31T23:59:59.999Z",
     "-0.05",
     "",
     "AAA=",
     "-128",
     "a",
     "a",
     NULL,
     "-7",
     "0",
     "0"},
    {"2147483647",
     "9223372036854775807",
     "9223372036854775808",
     "0.1",
     "0.1",
     "gr\xc3\xb6\xc3\x9f"
     "e",
     "false",
     "2024-02-29",
     "2024-02-29T12:00:00",
     "2024-02-29T12:00:00Z",
     "99999999.99",
     "Cg==",
     "//8=",
     "0",
     "x",
     NULL,
     NULL,
     "0",
     "1",
     "9"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
    {"0",
     "0",
     "1",
     "-0",
     "-Infinity",
     "it's 100%",
     "true",
     "2001-01-31",
     "2001-01-31T00:00:00.000001",
     "2001-01-31T06:00:00.001Z",
     "0.00",
     "Cv8B",
     "YWM=",
     "1",
     "b",
     "b",
     NULL,
     "1",
     "9",
     "1"},
};

static void sample_batch(struct t *t, struct arr_batch *out)
{
    assert_ok(t, arr_batch_init(out, &t->mem, &sample_schema, &t->err));
    for (size_t row = 0; row < SAMPLE_ROWS; row++) {
        for (size_t i = 0; i < SAMPLE_COLUMNS; i++) {
            const char *text = sample_text[row][i];
            if (text)
                assert_ok(t, arr_text_parse(&out->cols[i], slice_str(text), &t->err));
            else
                assert_ok(t, arr_col_append_null(&out->cols[i], &t->err));
        }
    }
    out->rows = SAMPLE_ROWS;
}

/* One letter a row: T, F or U. */
static void sample_truth(struct t *t, const struct pred *p, const struct arr_batch *batch,
                         char out[SAMPLE_ROWS + 1])
{
    uint8_t truth[SAMPLE_ROWS];
    assert_ok(t, pred_eval(p, batch, &t->mem, truth, &t->err));
    for (size_t i = 0; i < SAMPLE_ROWS; i++)
        out[i] = "FTU"[truth[i]];
    out[SAMPLE_ROWS] = '\0';
}

#endif
