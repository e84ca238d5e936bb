/* rooms: rows */
/*
 * Other readers read random columns of ours, nested ones too: files of any codec, page version, size
 * of pages and groups, filter, bound and profile are written with the same rows as Arrow beside them,
 * and parquet_random_judge.py asks each judge for those. A judge that is not installed is skipped by
 * name.
 *
 *   wide_N    every type that a file keeps by itself                pyarrow
 *   common_N  types that most readers have                          and DuckDB, Polars
 *   plain_N   without moments, keys of maps are texts               and chdb, parquet-java
 *
 * PARQUET_FOLDER=F PARQUET_FILES=N writes N files of each into F and asks nobody, for judges that
 * are scripts (parquet_random_heavy_test.py).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "lib/judge.h"
#include "lib/place.h"
#include "lib/random_rows.h"
#include "parquet/writer.h"
#include "rows/rows.h"

#define FILES_DEFAULT 12
#define GROUPS_MAX    3
#define BLOCK_ROWS    50
#define FILE_MAX      ((size_t)1 << 28)

#define KIND(k) (UINT64_C(1) << (k))
#define NESTED  (KIND(ARR_LIST) | KIND(ARR_STRUCT) | KIND(ARR_MAP))
#define PLAIN                                                                                      \
    (KIND(ARR_BOOL) | KIND(ARR_INT8) | KIND(ARR_INT16) | KIND(ARR_INT32) | KIND(ARR_INT64) |       \
     KIND(ARR_UINT8) | KIND(ARR_UINT16) | KIND(ARR_UINT32) | KIND(ARR_UINT64) | KIND(ARR_FLOAT) |  \
     KIND(ARR_DOUBLE) | KIND(ARR_UTF8) | KIND(ARR_BINARY) | KIND(ARR_DECIMAL128) | NESTED)
#define COMMON (PLAIN | KIND(ARR_DATE32) | KIND(ARR_TIMESTAMP))

struct class
{
    const char *name;
    uint64_t kinds; /* 0: all */
    bool has_plain_names;
};

static const struct class classes[] = {
    {"wide", 0, false}, {"common", COMMON, true}, {"plain", PLAIN, true}};

/* Names of letters, and keys of texts: Avro has no others. */
static void make_plain(struct arr_field *f, bool is_key)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    if (is_key)
        f->type = (struct arr_type){.kind = ARR_UTF8};
    for (size_t i = 0; i < f->child_count; i++) {
        if (f->type.kind == ARR_STRUCT && strcmp(f->name, "entries") != 0)
            f->children[i].name = names[i % 4];
        make_plain(&f->children[i], strcmp(f->name, "entries") == 0 && i == 0);
    }
}

static struct pq_write_options random_options(struct t *t)
{
    static const enum cx_kind codecs[] = {CX_ZSTD, CX_NONE,    CX_SNAPPY,
                                          CX_GZIP, CX_LZ4_RAW, CX_BROTLI};
    struct pq_write_options o;
    pq_write_options_init(&o);
    if (t_below(t, 3) == 0)
        pq_write_options_compat(&o);
    else
        o.codec = codecs[t_below(t, 6)];
    o.page_v2 = t_below(t, 2) && o.profile == PQ_PROFILE_DEFAULT;
    o.page_bytes = t_below(t, 2) ? 1 + t_below(t, 300) : 0;
    o.page_rows = t_below(t, 3) ? 0 : 1 + (int64_t)t_below(t, BLOCK_ROWS);
    o.no_dictionary = t_below(t, 4) == 0;
    o.bound_bytes = t_below(t, 2) ? 1 + (uint32_t)t_below(t, 20) : 0;
    return o;
}

/* None, one, a block and one more or less, or any number. */
static int64_t random_rows(struct t *t)
{
    static const int64_t edges[] = {0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1};
    return t_below(t, 2) ? edges[t_below(t, 5)] : (int64_t)t_below(t, 300);
}

static void save(const char *dir, const char *name, const char *ending, const struct buf *bytes)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.%s", dir, name, ending);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->ptr, 1, bytes->len, f), bytes->len);
    assert_int_equal(fclose(f), 0);
}

static void write_parquet(struct t *t, const struct arr_schema *schema, struct arr_batch *batches,
                          size_t groups, struct buf *out)
{
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    uint64_t offset = 0;
    struct pq_column_options columns[8] = {{0}};
    struct pq_write_options o = random_options(t);
    for (size_t i = 0; i < schema->count; i++) {
        enum arr_kind kind = schema->fields[i].type.kind;
        columns[i].bloom = kind != ARR_BOOL && kind != ARR_NULL && kind < ARR_FLAT_KIND_COUNT;
    }
    o.columns = columns;
    sink_buf_init(&sink, "test", out);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, schema, &o, &g, &t->err));
    for (size_t i = 0; i < groups; i++) {
        assert_ok(t, pq_group_encode(g, &batches[i], BLOCK_ROWS, &t->err));
        assert_ok(t, pq_writer_group(w, g, &offset, &t->err));
    }
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(g);
    pq_writer_free(w);
}

static void write_arrow(struct t *t, const struct arr_schema *schema, struct arr_batch *batches,
                        size_t groups, struct buf *out)
{
    struct buf_sink sink;
    struct rows_output *o = NULL;
    const struct rows_output_options options = {.format = ROWS_ARROW};
    sink_buf_init(&sink, "test", out);
    assert_ok(t, rows_output_new(&t->mem, &sink.base, schema, &options, &o, &t->err));
    for (size_t i = 0; i < groups; i++)
        if (batches[i].rows)
            assert_ok(t, rows_output_batch(o, &batches[i], &t->err));
    assert_ok(t, rows_output_finish(o, &t->err));
    rows_output_free(o);
}

static void write_one(struct t *t, const char *dir, const struct class *class, unsigned i)
{
    struct t_shape shape = {.depth = 1 + i % 5,
                            .children = 3,
                            .null_percent = 25 * (i % 3),
                            .list_items = 1 + i % 4,
                            .few_values = i % 2,
                            .without_null = true,
                            .only_parquet = true,
                            .kinds = class->kinds};
    struct arena a;
    struct arr_schema schema;
    struct arr_batch batches[GROUPS_MAX];
    struct buf parquet;
    struct buf arrow;
    char name[32];
    size_t groups = 1 + t_below(t, GROUPS_MAX);
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&parquet, &t->mem, FILE_MAX);
    buf_init(&arrow, &t->mem, FILE_MAX);
    t_random_schema(t, &a, &shape, 1 + t_below(t, 4), &schema);
    for (size_t k = 0; k < schema.count && class->has_plain_names; k++)
        make_plain(&schema.fields[k], false);
    for (size_t k = 0; k < groups; k++)
        t_random_batch(t, &schema, &shape, random_rows(t), &batches[k]);
    write_parquet(t, &schema, batches, groups, &parquet);
    write_arrow(t, &schema, batches, groups, &arrow);
    (void)snprintf(name, sizeof name, "%s_%u", class->name, i);
    save(dir, name, "parquet", &parquet);
    save(dir, name, "arrow", &arrow);
    for (size_t k = 0; k < groups; k++)
        arr_batch_fini(&batches[k]);
    buf_fini(&parquet);
    buf_fini(&arrow);
    arena_fini(&a);
}

static void write_all(struct t *t, const char *dir)
{
    const char *files = getenv("PARQUET_FILES");
    unsigned count = files ? (unsigned)strtoul(files, NULL, 0) : FILES_DEFAULT;
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++)
        for (unsigned i = 0; i < count; i++)
            write_one(t, dir, &classes[c], i);
}

static void ask(struct t *t, const char *judge)
{
    struct place place;
    char arguments[300];
    if (getenv("PARQUET_FOLDER"))
        skip();
    place_make(&place);
    write_all(t, place.path);
    (void)snprintf(arguments, sizeof arguments, "%s %s", judge, place.path);
    int code = judge_run("test/interop/parquet_random_judge.py", arguments);
    place_drop(&place);
    judge_expect(code, judge);
}

static void pyarrow_reads_random_columns(void **state)
{
    ask(*state, "pyarrow");
}

static void duckdb_reads_random_columns(void **state)
{
    ask(*state, "duckdb");
}

static void polars_reads_random_columns(void **state)
{
    ask(*state, "polars");
}

static void files_are_written_for_other_judges(void **state)
{
    const char *dir = getenv("PARQUET_FOLDER");
    if (dir)
        write_all(*state, dir);
}

T_MAIN(T_TEST(pyarrow_reads_random_columns), T_TEST(duckdb_reads_random_columns),
       T_TEST(polars_reads_random_columns), T_TEST(files_are_written_for_other_judges))
