/* rooms: parquet */
#include "parquet/reader.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "lib/place.h"
#include "lib/random_rows.h"
#include "lib/t.h"
#include "parquet/writer.h"

/*
 * Every file that pyarrow reads is read to the same values, and written again with them; every other one is refused by name,
 * read whole, and never half. test/interop/parquet_read.py says what pyarrow reads, in lines
 * explained there.
 */

#define COLUMNS_MAX 256
#define TYPE_BYTES  4096
#define LINE_BYTES  8192

struct column {
    uint32_t crc;
    long long nulls;
    char type[TYPE_BYTES];
    char name[256];
};

struct expected {
    char path[1024];
    char kind[16]; /* good, unsupported, bad */
    bool is_read;  /* pyarrow read it */
    long long rows;
    size_t count;
    struct column columns[COLUMNS_MAX];
};

static uint32_t add_value(uint32_t crc, const struct arr_col *c, int64_t row);

static uint32_t add_items(uint32_t crc, const struct arr_col *c, int64_t row)
{
    uint8_t count[4];
    int64_t from = 0;
    int64_t to = arr_col_items(c, row, &from);
    num_store_u32le(count, (uint32_t)(to - from));
    crc = hash_crc32(crc, slice_of(count, sizeof count));
    for (int64_t i = from; i < to; i++) {
        /* Entries of maps are never null: their keys and values alone count. */
        const struct arr_col *items = &c->children[0];
        if (c->type.kind == ARR_LIST)
            crc = add_value(crc, items, i);
        for (size_t k = 0; c->type.kind == ARR_MAP && k < items->child_count; k++)
            crc = add_value(crc, &items->children[k], i);
    }
    return crc;
}

static uint32_t add_value(uint32_t crc, const struct arr_col *c, int64_t row)
{
    uint8_t head[5] = {0};
    if (arr_col_is_null(c, row))
        return hash_crc32(crc, slice_of(head, 1));
    head[0] = 1;
    if (c->type.kind == ARR_BOOL) {
        head[1] = arr_bit(c->data.ptr, row);
        return hash_crc32(crc, slice_of(head, 2));
    }
    if (arr_type_is_nested(c->type)) {
        crc = hash_crc32(crc, slice_of(head, 1));
        for (size_t i = 0; c->type.kind == ARR_STRUCT && i < c->child_count; i++)
            crc = add_value(crc, &c->children[i], row);
        return c->type.kind == ARR_STRUCT ? crc : add_items(crc, c, row);
    }
    struct slice v = arr_col_bytes(c, row);
    num_store_u32le(head + 1, (uint32_t)v.len);
    crc = hash_crc32(crc, slice_of(head, arr_type_is_variable(c->type) ? 5 : 1));
    return hash_crc32(crc, v);
}

/* Read all rows of a file in memory into `got`. */
static slp_rc read_file(struct t *t, struct slice bytes, const char *path, int64_t batch_rows,
                        struct expected *got)
{
    struct memory_source src;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    struct arr_batch batch = {0};
    struct pq_read_options options = {.batch_rows = batch_rows};
    source_memory_init(&src, path, bytes);
    slp_rc rc = pq_file_open(&src.base, &t->mem, &f, &t->err);
    if (rc == SLP_OK)
        rc = pq_read(f, &src.base, &options, &t->mem, &s, &t->err);
    got->rows = 0;
    got->count = rc == SLP_OK ? s->schema->count : 0;
    assert_true(got->count <= COLUMNS_MAX);
    memset(got->columns, 0, sizeof got->columns);
    for (size_t i = 0; i < got->count; i++) {
        arr_field_type_format(&s->schema->fields[i], got->columns[i].type,
                              sizeof got->columns[i].type);
        snprintf(got->columns[i].name, sizeof got->columns[i].name, "%s",
                 s->schema->fields[i].name);
    }
    while (rc == SLP_OK && (rc = arr_stream_next(s, &batch, &t->err)) == SLP_OK) {
        got->rows += batch.rows;
        for (size_t i = 0; i < got->count; i++) {
            assert_int_equal(batch.cols[i].rows, batch.rows);
            t_assert_col_sound(&batch.cols[i]);
            got->columns[i].nulls += batch.cols[i].null_count;
            for (int64_t row = 0; row < batch.rows; row++)
                got->columns[i].crc = add_value(got->columns[i].crc, &batch.cols[i], row);
        }
    }
    arr_batch_fini(&batch);
    arr_stream_close(s);
    pq_file_free(f);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static void load(const char *path, struct buf *out, struct t *t)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t got = 0;
    do {
        assert_ok(t, buf_reserve(out, 1 << 16, &t->err));
        got = fread(out->ptr + out->len, 1, 1 << 16, f);
        out->len += got;
    } while (got);
    fclose(f);
}

/* "timestamp[us, UTC]" and "timestamp[us,UTC]" are one; "-" is for a judge that has other names. */
static bool is_same_type(const char *a, const char *b)
{
    if (strcmp(a, "-") == 0)
        return true;
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

/* Returns whether what we read is what pyarrow read; says where it is not. */
static bool is_same(const struct expected *want, const struct expected *got)
{
    bool same = want->rows == got->rows && want->count == got->count;
    if (!same)
        print_error("%s: %lld rows and %zu columns, expected %lld and %zu\n", want->path, got->rows,
                    got->count, want->rows, want->count);
    for (size_t i = 0; same && i < want->count; i++) {
        const struct column *a = &want->columns[i];
        const struct column *b = &got->columns[i];
        if (a->crc == b->crc && a->nulls == b->nulls && is_same_type(a->type, b->type))
            continue;
        print_error("%s: column %s: %s with %lld nulls and sum %08x, expected %s, %lld, %08x\n",
                    want->path, b->name, b->type, b->nulls, b->crc, a->type, a->nulls, a->crc);
        same = false;
    }
    return same;
}

static bool is_refusal(slp_rc rc)
{
    return rc == SLP_UNSUPPORTED || rc == SLP_CORRUPT || rc == SLP_LIMIT;
}

/* The rows of a file as a new one of ours, a row group a batch. */
static slp_rc rewrite(struct t *t, struct slice bytes, const char *path, struct buf *out)
{
    slp_rc rc = SLP_OK;
    struct memory_source src;
    struct buf_sink sink;
    struct pq_file *f = NULL;
    struct arr_stream *s = NULL;
    struct arr_batch batch = {0};
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct pq_read_options read = {.batch_rows = 700};
    struct pq_write_options o;
    uint64_t offset = 0;
    source_memory_init(&src, path, bytes);
    sink_buf_init(&sink, path, out);
    pq_write_options_init(&o);
    TRY_OUT(pq_file_open(&src.base, &t->mem, &f, &t->err));
    TRY_OUT(pq_read(f, &src.base, &read, &t->mem, &s, &t->err));
    TRY_OUT(pq_writer_new(&t->mem, &sink.base, s->schema, &o, &w, &t->err));
    TRY_OUT(pq_group_new(&t->mem, s->schema, &o, &group, &t->err));
    while ((rc = arr_stream_next(s, &batch, &t->err)) == SLP_OK) {
        TRY_OUT(pq_group_encode(group, &batch, 300, &t->err));
        TRY_OUT(pq_writer_group(w, group, &offset, &t->err));
    }
    rc = rc == SLP_DONE ? pq_writer_finish(w, NULL, NULL, &t->err) : rc;
out:
    pq_group_free(group);
    pq_writer_free(w);
    arr_batch_fini(&batch);
    arr_stream_close(s);
    pq_file_free(f);
    return rc;
}

/* What pyarrow read is what we read of what we write of it; the items of lists have other names. */
static bool check_rewritten(struct t *t, const struct expected *want, struct slice bytes)
{
    static struct expected same;
    static struct expected got;
    struct buf out;
    same = *want;
    for (size_t i = 0; i < same.count; i++)
        snprintf(same.columns[i].type, sizeof same.columns[i].type, "-");
    buf_init(&out, &t->mem, 1u << 30);
    slp_rc rc = rewrite(t, bytes, want->path, &out);
    if (rc == SLP_OK)
        rc = read_file(t, buf_slice(&out), want->path, 0, &got);
    if (rc != SLP_OK)
        print_error("%s, written again: %s\n", want->path, t->err.text);
    bool good = rc == SLP_OK && is_same(&same, &got);
    buf_fini(&out);
    return good;
}

static bool check_file(struct t *t, const struct expected *want)
{
    static const int64_t batches[] = {0, 7, 1000};
    static struct expected got;
    struct buf bytes;
    bool good = true;
    buf_init(&bytes, &t->mem, 1u << 30);
    load(want->path, &bytes, t);
    for (size_t i = 0; good && i < sizeof batches / sizeof *batches; i++) {
        slp_rc rc = read_file(t, buf_slice(&bytes), want->path, batches[i], &got);
        bool is_good = strcmp(want->kind, "good") == 0;
        if (rc != SLP_OK && (is_good || !is_refusal(rc))) {
            print_error("%s: %s\n", want->path, t->err.text);
            good = false;
        } else if (rc == SLP_OK && strcmp(want->kind, "unsupported") == 0) {
            print_error("%s: read, though it cannot be\n", want->path);
            good = false;
        } else if (rc == SLP_OK && want->is_read) {
            good = is_same(want, &got);
        }
        err_clear(&t->err);
    }
    if (good && want->is_read && strcmp(want->kind, "good") == 0)
        good = check_rewritten(t, want, buf_slice(&bytes));
    buf_fini(&bytes);
    return good;
}

static void parse_line(const char *line, struct expected *e)
{
    struct column *c = &e->columns[e->count < COLUMNS_MAX ? e->count : 0];
    if (sscanf(line, "file %1023s %15s", e->path, e->kind) == 2) {
        e->is_read = false;
        e->count = 0;
    } else if (sscanf(line, "rows %lld", &e->rows) == 1) {
        e->is_read = true;
    } else if (sscanf(line, "column %x %lld %4095s %255[^\n]", &c->crc, &c->nulls, c->type,
                      c->name) >= 3) {
        e->count++;
        assert_true(e->count <= COLUMNS_MAX);
    }
}

/* What the lines of the script say is given to `check`, file by file. */
struct answers {
    size_t files;
    size_t failed;
};

static struct answers ask(struct t *t, const char *first, const char *second,
                          bool (*check)(struct t *t, const struct expected *want))
{
    static struct expected want;
    static char line[LINE_BYTES];
    char command[1024];
    const char *python = getenv("SLEEPER_PYTHON");
    struct answers out = {0};
    bool is_finished = false;
    bool is_skipped = false;
    snprintf(command, sizeof command, "%s test/interop/parquet_read.py '%s' '%s'",
             python && *python ? python : "python3", first, second);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe)) {
        is_finished = is_finished || strcmp(line, "finished\n") == 0;
        is_skipped = is_skipped || strncmp(line, "skip ", 5) == 0;
        if (strncmp(line, "skipped ", 8) == 0)
            print_message("%s", line);
        if (strcmp(line, "end\n") != 0) {
            parse_line(line, &want);
            continue;
        }
        out.files++;
        out.failed += !check(t, &want);
    }
    pclose(pipe);
    if (is_skipped) {
        print_message("skipped: no pyarrow for %s; set SLEEPER_PYTHON\n", command);
        skip();
    }
    print_message("%zu files compared\n", out.files);
    assert_true(is_finished);
    return out;
}

static void every_file_is_read_as_pyarrow_does(void **state)
{
    struct t *t = *state;
    struct place scratch;
    const char *data = t_data_dir();
    place_make(&scratch);
    struct answers a = ask(t, data, scratch.path, check_file);
    place_drop(&scratch);
    assert_true(a.files > 50);
    assert_int_equal(a.failed, 0);
}

static void write_random_file(struct t *t, const struct t_shape *shape, bool page_v2,
                              const char *path)
{
    struct arena a;
    struct arr_schema schema;
    struct arr_batch batch;
    struct buf bytes;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct pq_write_options o;
    uint64_t offset = 0;
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&bytes, &t->mem, 1 << 26);
    pq_write_options_init(&o);
    o.page_v2 = page_v2;
    o.page_bytes = t_below(t, 2) ? 300 : 0;
    t_random_schema(t, &a, shape, 3, &schema);
    t_random_batch(t, &schema, shape, (int64_t)t_below(t, 400), &batch);
    sink_buf_init(&sink, path, &bytes);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &schema, &o, &group, &t->err));
    assert_ok(t, pq_group_encode(group, &batch, 150, &t->err));
    assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    fclose(f);
    pq_group_free(group);
    pq_writer_free(w);
    arr_batch_fini(&batch);
    buf_fini(&bytes);
    arena_fini(&a);
}

#define KIND(k) (UINT64_C(1) << (k))

/* Random nested files of ours, read by us (test/prop/parquet_nested_test.c: what was written), by
 * pyarrow and, of the types that they keep as they are, by DuckDB and Polars. */
static void what_we_write_is_read_by_others(void **state)
{
    struct t *t = *state;
    struct place scratch;
    char path[300];
    place_make(&scratch);
    for (unsigned i = 0; i < 40; i++) {
        struct t_shape shape = {.depth = 1 + i % 5,
                                .children = 3,
                                .null_percent = i % 3 * 25,
                                .list_items = 4,
                                .few_values = i % 2,
                                .only_parquet = true};
        bool is_common = i >= 20;
        if (is_common)
            shape.kinds = KIND(ARR_BOOL) | KIND(ARR_INT16) | KIND(ARR_INT32) | KIND(ARR_INT64) |
                          KIND(ARR_UINT32) | KIND(ARR_DATE32) | KIND(ARR_UTF8) | KIND(ARR_BINARY) |
                          KIND(ARR_LIST) | KIND(ARR_STRUCT);
        if (i >= 30)
            shape.kinds |= KIND(ARR_MAP);
        snprintf(path, sizeof path, "%s/%s_%u", scratch.path,
                 !is_common ? "any" : (i < 30 ? "common" : "maps"), i);
        write_random_file(t, &shape, i / 2 % 2, path);
    }
    struct answers a = ask(t, "--ours", scratch.path, check_file);
    place_drop(&scratch);
    assert_true(a.files >= 40);
    assert_int_equal(a.failed, 0);
}

T_MAIN(T_TEST(every_file_is_read_as_pyarrow_does), T_TEST(what_we_write_is_read_by_others))
