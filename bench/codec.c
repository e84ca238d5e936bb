/*
 * One measurement of the Parquet codec, for bench/codec.py, which takes turns with the peers.
 *
 *   bench_codec read FILE [COLUMN]        all columns, or one, into Arrow batches
 *   bench_codec write FILE OUT [OPTION..] the rows of FILE as a new file, in groups of a million
 *   bench_codec open FILE TIMES           the footer, so many times
 *   bench_codec floor FILE                the pages of FILE through zstd alone, both ways
 *   bench_codec explain FILE              bytes and encoding of each column
 *
 * Each prints one line: seconds of CPU time, then of the clock (floor: both ways instead), then what else there is
 * to say. Reading is from the file, its pages
 * in the page cache; writing is into memory, saved afterwards, not measured. OPTION is ENCODING=C,
 * for every column that can have it, v2, compat, none (no codec).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#include "os/reader.h"
#include "parquet/encode.h"
#include "parquet/group_priv.h"
#include "parquet/page.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

#define GROUP_ROWS ((int64_t)1 << 20)
#define BLOCK_ROWS 32768
#define FILE_BYTES ((size_t)4 << 30)

static struct slp_err err;

static double read_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static double wall(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void check(slp_rc rc)
{
    if (rc == SLP_OK)
        return;
    (void)fprintf(stderr, "bench_codec: %s\n", err.text);
    exit(1);
}

static struct source *open_source(const char *path)
{
    struct source *src = NULL;
    check(os_source_open(alloc_system(), path, &src, &err));
    return src;
}

static void run_read(const char *path, const char *column)
{
    struct pq_file *f = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch batch = {0};
    int64_t rows = 0;
    size_t index = column ? (size_t)strtoul(column, NULL, 10) : 0;
    struct pq_read_options o = {.columns = column ? &index : NULL, .column_count = column != NULL};
    double clock_start = wall();
    double start = now();
    struct source *src = open_source(path);
    check(pq_file_open(src, alloc_system(), &f, &err));
    check(pq_read(f, src, &o, alloc_system(), &stream, &err));
    slp_rc rc = SLP_OK;
    while ((rc = arr_stream_next(stream, &batch, &err)) == SLP_OK)
        rows += batch.rows;
    if (rc != SLP_DONE)
        check(rc);
    arr_batch_fini(&batch);
    arr_stream_close(stream);
    double seconds = now() - start;
    (void)printf("%.6f %.6f %lld\n", seconds, wall() - clock_start, (long long)rows);
    pq_file_free(f);
    source_close(src);
}

/* Every row of a file, in batches of a group. */
struct table {
    struct source *src;
    struct pq_file *file;
    struct arr_batch *groups;
    size_t count;
    int64_t rows;
};

static void load(const char *path, struct table *t)
{
    struct arr_stream *stream = NULL;
    struct arr_batch batch = {0};
    const struct pq_read_options o = {0};
    t->src = open_source(path);
    check(pq_file_open(t->src, alloc_system(), &t->file, &err));
    const struct pq_meta *m = pq_file_meta(t->file);
    t->rows = m->rows;
    t->count = (size_t)((m->rows + GROUP_ROWS - 1) / GROUP_ROWS);
    check(alloc_array(alloc_system(), t->count, sizeof *t->groups, (void **)&t->groups, &err));
    for (size_t i = 0; i < t->count; i++)
        check(arr_batch_init(&t->groups[i], alloc_system(), &m->schema, &err));
    check(pq_read(t->file, t->src, &o, alloc_system(), &stream, &err));
    int64_t done = 0;
    while (arr_stream_next(stream, &batch, &err) == SLP_OK)
        for (int64_t at = 0; at < batch.rows;) {
            int64_t room = GROUP_ROWS - done % GROUP_ROWS;
            int64_t step = batch.rows - at < room ? batch.rows - at : room;
            check(arr_batch_append_run(&t->groups[done / GROUP_ROWS], &batch, at, step, &err));
            at += step;
            done += step;
        }
    arr_batch_fini(&batch);
    arr_stream_close(stream);
}

/* Name an encoding for the columns that can have it. */
static void name_encoding(const struct arr_schema *schema, enum pq_write_encoding encoding,
                          struct pq_column_options *columns)
{
    for (size_t i = 0; i < schema->count; i++) {
        struct arr_schema one = {.fields = &schema->fields[i], .count = 1};
        struct pq_write_options o = {.columns = &columns[i]};
        struct pq_group *g = NULL;
        enum pq_write_encoding before = columns[i].encoding;
        columns[i].encoding = encoding;
        if (pq_group_new(alloc_system(), &one, &o, &g, &err) != SLP_OK)
            columns[i].encoding = before;
        pq_group_free(g);
    }
}

static void read_options(int argc, char **argv, const struct arr_schema *schema,
                         struct pq_write_options *o)
{
    struct pq_column_options *columns = NULL;
    check(alloc_array(alloc_system(), schema->count, sizeof *columns, (void **)&columns, &err));
    pq_write_options_init(o);
    for (int i = 0; i < argc; i++) {
        enum pq_write_encoding encoding = PQ_WRITE_BEST;
        if (strcmp(argv[i], "v2") == 0)
            o->page_v2 = true;
        else if (strcmp(argv[i], "compat") == 0)
            o->profile = PQ_PROFILE_COMPAT;
        else if (strcmp(argv[i], "none") == 0)
            o->codec = CX_NONE;
        else if (pq_write_encoding_parse(slice_str(argv[i]), &encoding))
            name_encoding(schema, encoding, columns);
    }
    o->columns = columns;
}

static void save(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes.ptr, 1, bytes.len, f) != bytes.len || fclose(f) != 0)
        exit(1);
}

static void run_write(const char *path, const char *to, int argc, char **argv)
{
    struct table t = {0};
    struct pq_write_options o;
    struct buf out;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    load(path, &t);
    const struct arr_schema *schema = &pq_file_meta(t.file)->schema;
    read_options(argc, argv, schema, &o);
    buf_init(&out, alloc_system(), FILE_BYTES);
    double clock_start = wall();
    double start = now();
    sink_buf_init(&sink, to, &out);
    check(pq_writer_new(alloc_system(), &sink.base, schema, &o, &w, &err));
    check(pq_group_new(alloc_system(), schema, &o, &g, &err));
    for (size_t i = 0; i < t.count; i++)
        check(pq_writer_rows(w, g, &t.groups[i], BLOCK_ROWS, &err));
    check(pq_writer_finish(w, NULL, NULL, &err));
    double seconds = now() - start;
    (void)printf("%.6f %.6f %zu %.1f\n", seconds, wall() - clock_start, out.len,
                 seconds / (double)t.rows * 1e9);
    save(to, buf_slice(&out));
}

static void run_open(const char *path, int times)
{
    double best = 1e9;
    for (int i = 0; i < times; i++) {
        struct pq_file *f = NULL;
        double start = now();
        struct source *src = open_source(path);
        check(pq_file_open(src, alloc_system(), &f, &err));
        pq_file_free(f);
        source_close(src);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    (void)printf("%.9f\n", best);
}

/* Contexts of zstd as our codec sets them up, and what they took. */
struct floor {
    ZSTD_DCtx *d;
    ZSTD_CCtx *c;
    uint8_t *raw;
    uint8_t *packed;
    double decompress;
    double compress;
};

static void floor_page(struct floor *f, int codec, const struct pq_page_header *h, const uint8_t *p)
{
    size_t n = h->uncompressed_bytes;
    double start = now();
    if (codec == CX_ZSTD) {
        if (ZSTD_isError(ZSTD_decompressDCtx(f->d, f->raw, n, p, h->compressed_bytes)))
            exit(1);
    } else {
        memcpy(f->raw, p, n);
    }
    double middle = now();
    if (codec == CX_ZSTD)
        (void)ZSTD_compressCCtx(f->c, f->packed, PQ_PAGE_MAX_BYTES, f->raw, n, 1);
    else
        memcpy(f->packed, f->raw, n);
    f->decompress += middle - start;
    f->compress += now() - middle;
}

static void floor_chunk(struct floor *f, struct source *src, const struct pq_chunk *chunk)
{
    struct buf bytes;
    uint64_t at =
        chunk->dictionary_page_offset ? chunk->dictionary_page_offset : chunk->data_page_offset;
    buf_init(&bytes, alloc_system(), FILE_BYTES);
    check(source_read_buf(src, at, (size_t)chunk->compressed_bytes, &bytes, &err));
    for (size_t i = 0; i < bytes.len;) {
        struct pq_page_header h;
        size_t header_bytes = 0;
        struct slice rest = slice_after(buf_slice(&bytes), i);
        check(pq_page_header_parse(rest, &h, &header_bytes, &err));
        floor_page(f, chunk->codec, &h, rest.ptr + header_bytes);
        i += header_bytes + h.compressed_bytes;
    }
    buf_fini(&bytes);
}

static void run_floor(const char *path)
{
    struct pq_file *f = NULL;
    struct floor sums = {.d = ZSTD_createDCtx(), .c = ZSTD_createCCtx()};
    struct source *src = open_source(path);
    check(alloc_array(alloc_system(), PQ_PAGE_MAX_BYTES, 1, (void **)&sums.raw, &err));
    check(alloc_array(alloc_system(), PQ_PAGE_MAX_BYTES, 1, (void **)&sums.packed, &err));
    check(pq_file_open(src, alloc_system(), &f, &err));
    const struct pq_meta *m = pq_file_meta(f);
    for (size_t g = 0; g < m->group_count; g++)
        for (size_t i = 0; i < m->column_count; i++)
            floor_chunk(&sums, src, &m->groups[g].chunks[i]);
    (void)printf("%.6f %.6f\n", sums.decompress, sums.compress);
}

/* The first data page says what its chunk is. */
static int encoding_of(struct source *src, const struct pq_chunk *chunk)
{
    struct pq_page_header h;
    struct buf bytes;
    size_t header_bytes = 0;
    buf_init(&bytes, alloc_system(), FILE_BYTES);
    size_t len = (size_t)(src->size - chunk->data_page_offset);
    check(source_read_buf(src, chunk->data_page_offset, len < 200 ? len : 200, &bytes, &err));
    check(pq_page_header_parse(buf_slice(&bytes), &h, &header_bytes, &err));
    buf_fini(&bytes);
    return h.encoding;
}

static void run_explain(const char *path)
{
    struct pq_file *f = NULL;
    struct source *src = open_source(path);
    check(pq_file_open(src, alloc_system(), &f, &err));
    const struct pq_meta *m = pq_file_meta(f);
    for (size_t i = 0; i < m->column_count; i++) {
        uint64_t bytes = 0;
        for (size_t g = 0; g < m->group_count; g++)
            bytes += m->groups[g].chunks[i].compressed_bytes;
        (void)printf("%s: %.2f bytes a row, encoding %d, codec %s\n", m->columns[i].path,
                     (double)bytes / (double)m->rows, encoding_of(src, &m->groups[0].chunks[i]),
                     cx_kind_name(m->groups[0].chunks[i].codec));
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    alloc_pool_large(); /* as the program does */
    if (strcmp(what, "read") == 0)
        run_read(argv[2], argc > 3 ? argv[3] : NULL);
    else if (strcmp(what, "write") == 0 && argc > 3)
        run_write(argv[2], argv[3], argc - 4, argv + 4);
    else if (strcmp(what, "open") == 0 && argc > 3)
        run_open(argv[2], atoi(argv[3]));
    else if (strcmp(what, "floor") == 0)
        run_floor(argv[2]);
    else if (strcmp(what, "explain") == 0)
        run_explain(argv[2]);
    else
        return 2;
    return 0;
}
