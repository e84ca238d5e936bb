/* rooms: datafile */
/*
 * A data file is plain Parquet for everybody: pyarrow, DuckDB and Polars read one and give the rows
 * that were put in, in key order. A judge that is not installed is skipped by name.
 */
#include "datafile/datafile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "lib/file.h"
#include "lib/judge.h"
#include "lib/place.h"

#define ROWS 5000

static const char schema[] =
    "{\"fields\":[{\"name\":\"n\",\"type\":\"int64\"},{\"name\":\"date\",\"type\":\"timestamp[s]\"}"
    ","
    "{\"name\":\"text\",\"type\":\"string\",\"nullable\":true},{\"name\":\"x\",\"type\":\"double\"}"
    ","
    "{\"name\":\"price\",\"type\":\"decimal(20, 2)\"}],\"rowKey\":[\"date\"],\"sortKey\":[\"n\"]}";

/* What datafile_judge.py computes for each row too. */
static void fill(struct t *t, struct t_file *f)
{
    char text[32];
    for (int64_t i = 0; i < ROWS; i++) {
        i128 price = (i128)i * i - 1000000;
        struct arr_col *c = f->rows.cols;
        int n = snprintf(text, sizeof text, "row %lld", (long long)(i / 3));
        assert_ok(t, arr_col_append_i64(&c[0], i % 7, &t->err));
        assert_ok(t, arr_col_append_i64(&c[1], i / 7 * 60 - 100000, &t->err));
        if (i % 5 == 0)
            assert_ok(t, arr_col_append_null(&c[2], &t->err));
        else
            assert_ok(t, arr_col_append(&c[2], slice_of(text, (size_t)n), &t->err));
        assert_ok(t, arr_col_append_f64(&c[3], (double)i / 8, &t->err));
        assert_ok(t, arr_col_append(&c[4], slice_of(&price, sizeof price), &t->err));
    }
    f->rows.rows = ROWS;
    t_file_keys(t, f);
}

static void ask(struct t *t, const char *judge)
{
    struct place place;
    struct t_file f;
    struct datafile_write_options o;
    char arguments[1200];
    t_file_init(t, &f, schema);
    fill(t, &f);
    datafile_write_options_init(&o);
    o.block_bytes = 1000;
    o.lineage = slice_str("{\"table\":\"t\"}");
    assert_ok(t, t_file_write(t, &f, &o, 1999));
    place_make(&place);
    FILE *file = fopen(place_path(&place, "data.parquet"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(f.bytes.ptr, 1, f.bytes.len, file), f.bytes.len);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(arguments, sizeof arguments, "%s %s %d", judge,
                   place_path(&place, "data.parquet"), ROWS);
    int code = judge_run("test/interop/datafile_judge.py", arguments);
    place_drop(&place);
    t_file_fini(&f);
    judge_expect(code, judge);
}

static void pyarrow_reads_data_files(void **state)
{
    ask(*state, "pyarrow");
}

static void duckdb_reads_data_files(void **state)
{
    ask(*state, "duckdb");
}

static void polars_reads_data_files(void **state)
{
    ask(*state, "polars");
}

T_MAIN(T_TEST(pyarrow_reads_data_files), T_TEST(duckdb_reads_data_files),
       T_TEST(polars_reads_data_files))
