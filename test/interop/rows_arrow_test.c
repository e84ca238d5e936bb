/* rooms: rows */
/*
 * pyarrow reads the Arrow streams that we write: every flat type, nulls of every pattern, several
 * batches, no rows at all. The values stand beside them as NDJSON, which is held against the same
 * rows elsewhere (prop/rows_text_test.c). The interpreter is $SLEEPER_PYTHON or python3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lib/place.h"
#include "prop/parquet_rows.h"
#include "rows/rows.h"

#define SKIP_STATUS 77

/* As pyarrow names them, in the order of rows_type. */
static const char *const type_names[ROWS_TYPE_COUNT] = {
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float",
    "double",
    "date32[day]",
    "timestamp[ms]",
    "timestamp[us]",
    "timestamp[ns]",
    "timestamp[us, tz=UTC]",
    "string",
    "binary",
    "fixed_size_binary[1]",
    "fixed_size_binary[3]",
    "fixed_size_binary[16]",
    "decimal128(5, 2)",
    "decimal128(9, 0)",
    "decimal128(18, 6)",
    "decimal128(19, 19)",
    "decimal128(38, 10)",
    "null",
};

struct table {
    struct arr_field fields[ROWS_TYPE_COUNT];
    char names[ROWS_TYPE_COUNT][16];
    struct arr_schema schema;
};

/* Columns in the years that Python's dates can say. */
static void make_table(struct table *tb, bool nullable)
{
    size_t count = nullable ? ROWS_TYPE_COUNT : ROWS_TYPE_COUNT - 1;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(tb->names[i], sizeof tb->names[i], "column %zu", i);
        tb->fields[i] =
            (struct arr_field){.name = tb->names[i], .type = rows_type(i), .nullable = nullable};
    }
    tb->schema = (struct arr_schema){.fields = tb->fields, .count = count};
}

static void save(struct place *p, const char *name, struct slice bytes)
{
    FILE *f = fopen(place_path(p, name), "wb");
    assert_non_null(f);
    if (bytes.len)
        assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static void write_rows(struct t *t, struct place *p, const char *name, enum rows_format format,
                       const struct arr_schema *schema, const struct arr_batch *batches,
                       size_t count)
{
    struct buf out;
    struct buf_sink sink;
    struct rows_output *o = NULL;
    struct rows_output_options options = {.format = format};
    buf_init(&out, &t->mem, 1 << 28);
    sink_buf_init(&sink, name, &out);
    assert_ok(t, rows_output_new(&t->mem, &sink.base, schema, &options, &o, &t->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(t, rows_output_batch(o, &batches[i], &t->err));
    assert_ok(t, rows_output_finish(o, &t->err));
    rows_output_free(o);
    save(p, name, buf_slice(&out));
    buf_fini(&out);
}

static void write_types(struct place *p, const char *name, const struct arr_schema *schema)
{
    FILE *f = fopen(place_path(p, name), "w");
    assert_non_null(f);
    for (size_t i = 0; i < schema->count; i++)
        (void)fprintf(f, "%s\t%s\t%d\n", schema->fields[i].name, type_names[i],
                      schema->fields[i].nullable);
    assert_int_equal(fclose(f), 0);
}

static void write_case(struct t *t, struct place *p, unsigned v, unsigned n, size_t batch_count)
{
    static struct table tb;
    struct arr_batch batches[2] = {{0}, {0}};
    char base[32];
    char name[64];
    make_table(&tb, n != ROWS_NO_NULLS);
    for (size_t k = 0; k < batch_count; k++) {
        assert_ok(t, arr_batch_init(&batches[k], &t->mem, &tb.schema, &t->err));
        for (size_t i = 0; i < tb.schema.count; i++)
            rows_fill(t, &batches[k].cols[i], 200, t_random(t), (enum rows_values)v,
                      (enum rows_nulls)n);
        batches[k].rows = 200;
    }
    (void)snprintf(base, sizeof base, "case-%u-%u-%zu", v, n, batch_count);
    (void)snprintf(name, sizeof name, "%s.arrows", base);
    write_rows(t, p, name, ROWS_ARROW, &tb.schema, batches, batch_count);
    (void)snprintf(name, sizeof name, "%s.ndjson", base);
    write_rows(t, p, name, ROWS_NDJSON, &tb.schema, batches, batch_count);
    (void)snprintf(name, sizeof name, "%s.types", base);
    write_types(p, name, &tb.schema);
    for (size_t k = 0; k < batch_count; k++)
        arr_batch_fini(&batches[k]);
}

static void pyarrow_reads_the_same_rows_and_types(void **state)
{
    struct t *t = *state;
    struct place p;
    char command[1024];
    const char *python = getenv("SLEEPER_PYTHON");
    place_make(&p);
    for (unsigned v = 0; v < ROWS_VALUE_PATTERNS; v++)
        for (unsigned n = 0; n < ROWS_NULL_PATTERNS; n++)
            write_case(t, &p, v, n, 1 + (v + n) % 2);
    write_case(t, &p, 0, ROWS_SOME_NULL, 0);
    (void)snprintf(command, sizeof command, "%s test/interop/rows_arrow_judge.py %s",
                   python && *python ? python : "python3", p.path);
    int status = system(command);
    place_drop(&p);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP_STATUS)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

T_MAIN(T_TEST(pyarrow_reads_the_same_rows_and_types))
