/* rooms: parquet */
/*
 * Other readers read what we write: files of every flat type, pattern of values and nulls, size and
 * codec are written with their values as text beside them, and parquet_write_judge.py asks pyarrow,
 * DuckDB and Polars for the same values. A judge that is not installed is skipped by name.
 */
#include "parquet/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/judge.h"
#include "lib/place.h"
#include "prop/parquet_rows.h"

#define BLOCK_ROWS     200
#define FIELD_ID_OF(i) (int32_t)((i) % 5 == 4 ? 0 : 100 + (i))

struct plan {
    int64_t rows; /* in each of two groups */
    enum rows_values values;
    enum rows_nulls nulls;
    enum cx_kind codec;
    bool nullable;
    enum pq_write_encoding encoding; /* of the columns that can have it */
    bool page_v2;
    bool is_rare; /* of the types that not every reader has */
};

static void write_hex(FILE *f, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        (void)fprintf(f, "%02x", s.ptr[i]);
}

/* One column as a line: name, type, nullable, field id, then its values in hexadecimal, - for
 * null. */
static void write_expected(FILE *f, const struct arr_field *field, const struct arr_col *col,
                           const struct arr_col *second)
{
    char type[64];
    const struct arr_col *parts[] = {col, second};
    arr_type_format(field->type, type, sizeof type);
    (void)fprintf(f, "%s\t%s\t%d\t%d\t", field->name, type, field->nullable, field->id);
    for (size_t p = 0; p < 2; p++)
        for (int64_t row = 0; row < parts[p]->rows; row++) {
            if (arr_col_is_null(parts[p], row))
                (void)fputs("-", f);
            else if (field->type.kind == ARR_BOOL)
                (void)fprintf(f, "%02x", (unsigned)arr_col_i64(parts[p], row));
            else
                write_hex(f, arr_col_bytes(parts[p], row));
            (void)fputc(',', f);
        }
    (void)fputc('\n', f);
}

static void save(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static void fill(struct t *t, struct arr_batch *b, const struct plan *p, uint64_t seed)
{
    for (size_t i = 0; i < b->schema->count; i++)
        rows_fill(t, &b->cols[i], p->rows, seed + i, p->values, p->nulls);
    b->rows = p->rows;
}

/* The plan's encoding where Parquet has it for the type. Fixed bytes are not split into streams,
 * and not written as deltas: not every judge reads that. */
static void choose_encodings(struct t *t, const struct plan *p, struct arr_field *fields,
                             size_t count, struct pq_column_options *out)
{
    for (size_t i = 0; i < count; i++) {
        struct pq_group *g = NULL;
        struct arr_schema one = {.fields = &fields[i], .count = 1};
        struct pq_write_options only = {.columns = &out[i]};
        enum arr_kind kind = fields[i].type.kind;
        out[i].bloom = p->encoding == PQ_WRITE_BEST;
        bool is_fixed = kind == ARR_FIXED_BINARY || kind == ARR_DECIMAL128;
        if (is_fixed && p->encoding > PQ_WRITE_DICTIONARY)
            continue;
        out[i].encoding = p->encoding;
        if (pq_group_new(&t->mem, &one, &only, &g, &t->err) != SLP_OK)
            out[i].encoding = PQ_WRITE_BEST;
        pq_group_free(g);
    }
}

static void write_file(struct t *t, const char *dir, const char *name, const struct plan *p)
{
    struct arr_field fields[ROWS_TYPE_COUNT];
    char names[ROWS_TYPE_COUNT][16];
    size_t first = p->is_rare ? ROWS_TYPE_COUNT : 0;
    size_t count = p->is_rare ? ROWS_FLAT_COUNT - ROWS_TYPE_COUNT : ROWS_TYPE_COUNT - !p->nullable;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "column %zu", i);
        fields[i] = (struct arr_field){.name = names[i],
                                       .type = rows_type(first + i),
                                       .nullable = p->nullable,
                                       .id = FIELD_ID_OF(i)};
    }
    struct arr_schema schema = {.fields = fields, .count = count};
    struct pq_column_options columns[ROWS_TYPE_COUNT] = {{0}};
    choose_encodings(t, p, fields, count, columns);
    const size_t sorting[] = {3, 16};
    const struct pq_key_value pair = {slice_str("sleeper.test"), slice_str("a value")};
    struct pq_write_options options;
    pq_write_options_init(&options);
    options.codec = p->codec;
    options.page_v2 = p->page_v2;
    options.columns = columns;
    options.page_bytes = 3000;
    options.sorting_columns = sorting;
    options.sorting_count = p->is_rare ? 0 : 2;
    options.key_values = &pair;
    options.key_value_count = 1;
    struct buf file;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    buf_init(&file, &t->mem, 1 << 28);
    sink_buf_init(&sink, name, &file);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &options, &w, &t->err));
    struct arr_batch batches[2] = {{0}, {0}};
    uint64_t offset = 0;
    for (size_t i = 0; i < 2; i++) {
        struct pq_group *g = NULL;
        assert_ok(t, arr_batch_init(&batches[i], &t->mem, &schema, &t->err));
        fill(t, &batches[i], p, 1000 + i);
        assert_ok(t, pq_group_new(&t->mem, &schema, &options, &g, &t->err));
        assert_ok(t, pq_group_encode(g, &batches[i], BLOCK_ROWS, &t->err));
        assert_ok(t, pq_writer_group(w, g, &offset, &t->err));
        pq_group_free(g);
    }
    assert_ok(t, pq_writer_raw(w, slice_str("bytes of our own"), &offset, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_writer_free(w);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.parquet", dir, name);
    save(path, buf_slice(&file));
    (void)snprintf(path, sizeof path, "%s/%s.txt", dir, name);
    FILE *expected = fopen(path, "w");
    assert_non_null(expected);
    for (size_t i = 0; i < count; i++)
        write_expected(expected, &fields[i], &batches[0].cols[i], &batches[1].cols[i]);
    assert_int_equal(fclose(expected), 0);
    arr_batch_fini(&batches[0]);
    arr_batch_fini(&batches[1]);
    buf_fini(&file);
}

static void write_all(struct t *t, const char *dir)
{
    static const int64_t sizes[] = {0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1};
    static const enum cx_kind codecs[] = {CX_NONE, CX_SNAPPY, CX_GZIP, CX_LZ4_RAW, CX_BROTLI};
    char name[64];
    for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++)
        for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++) {
            struct plan p = {451,   (enum rows_values)v, (enum rows_nulls)n, CX_ZSTD,
                             n > 0, PQ_WRITE_BEST,       v % 2 == n % 2,     false};
            (void)snprintf(name, sizeof name, "pattern-%u-%u", v, n);
            write_file(t, dir, name, &p);
        }
    for (unsigned n = 0; n < 2; n++) {
        struct plan p = {451,   ROWS_RANDOM, (enum rows_nulls)n, CX_ZSTD, n > 0, PQ_WRITE_BEST,
                         n > 0, true};
        (void)snprintf(name, sizeof name, "rare-%u", n);
        write_file(t, dir, name, &p);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct plan p = {sizes[i], ROWS_FEW,      ROWS_SOME_NULL, CX_ZSTD,
                         true,     PQ_WRITE_BEST, true,           false};
        (void)snprintf(name, sizeof name, "rows-%" PRId64, sizes[i]);
        write_file(t, dir, name, &p);
    }
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        struct plan p = {401,  ROWS_SORTED,   ROWS_NULL_RUNS, codecs[i],
                         true, PQ_WRITE_BEST, i % 2 == 0,     false};
        (void)snprintf(name, sizeof name, "codec-%s", cx_kind_name((int)codecs[i]));
        write_file(t, dir, name, &p);
    }
    for (unsigned e = PQ_WRITE_PLAIN; e < PQ_WRITE_ENCODING_COUNT; e++)
        for (unsigned n = 0; n < 3; n++) {
            struct plan p = {451,
                             (enum rows_values)n,
                             (enum rows_nulls)n,
                             CX_ZSTD,
                             n > 0,
                             (enum pq_write_encoding)e,
                             n == 1,
                             false};
            (void)snprintf(name, sizeof name, "encoding-%u-%u", e, n);
            write_file(t, dir, name, &p);
        }
}

static void ask(struct t *t, const char *judge)
{
    struct place place;
    char arguments[300];
    place_make(&place);
    write_all(t, place.path);
    (void)snprintf(arguments, sizeof arguments, "%s %s", judge, place.path);
    int code = judge_run("test/interop/parquet_write_judge.py", arguments);
    place_drop(&place);
    judge_expect(code, judge);
}

static void page_indexes_and_checksums_are_right_by_themselves(void **state)
{
    ask(*state, "index");
}

static void pyarrow_reads_what_we_write(void **state)
{
    ask(*state, "pyarrow");
}

static void duckdb_reads_what_we_write(void **state)
{
    ask(*state, "duckdb");
}

static void polars_reads_what_we_write(void **state)
{
    ask(*state, "polars");
}

T_MAIN(T_TEST(page_indexes_and_checksums_are_right_by_themselves),
       T_TEST(pyarrow_reads_what_we_write), T_TEST(duckdb_reads_what_we_write),
       T_TEST(polars_reads_what_we_write))
