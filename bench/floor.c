/*
 * The floor under a compaction: what reading, decompressing, decoding, encoding, compressing and
 * writing the same pages costs when nothing is merged and no key is encoded or compared.
 *
 *     bench.floor OUT FILE...
 *
 * FILEs are data files of a table, or any Parquet files of one schema. Each row group is decoded,
 * encoded again and written, on one thread, one file after another; OUT takes its place only at
 * commit, which does not come, so nothing is left. Prints rows and seconds of the processor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "os/reader.h"
#include "os/writer.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

#define GROUP_ROWS 262144
#define BLOCK_ROWS 2304

static void must(slp_rc rc, const struct slp_err *err)
{
    if (rc != SLP_OK) {
        (void)fprintf(stderr, "bench.floor: %s\n", err->text);
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct floor {
    struct alloc *mem;
    struct os_output *output;
    struct pq_writer *writer;
    struct pq_group *group;
    struct pq_write_options options;
    double write_s;
    int64_t rows;
};

/* Writer and group are made for the columns of the first file. */
static void begin(struct floor *f, const struct arr_schema *schema)
{
    struct slp_err err = {.code = SLP_OK};
    pq_write_options_init(&f->options);
    must(pq_writer_new(f->mem, os_output_sink(f->output), schema, &f->options, &f->writer, &err),
         &err);
    must(pq_group_new(f->mem, schema, &f->options, &f->group, &err), &err);
}

static void put(struct floor *f, const struct arr_batch *batch)
{
    struct slp_err err = {.code = SLP_OK};
    uint64_t offset = 0;
    must(pq_group_encode(f->group, batch, BLOCK_ROWS, &err), &err);
    double start = now_s();
    must(pq_writer_group(f->writer, f->group, &offset, &err), &err);
    f->write_s += now_s() - start;
    f->rows += batch->rows;
}

/* The schema of the first file stays with it: it is closed last, by the end of the process. */
static void pass(struct floor *f, const char *path)
{
    struct slp_err err = {.code = SLP_OK};
    struct source *src = NULL;
    struct pq_file *file = NULL;
    struct arr_stream *stream = NULL;
    struct arr_batch batch = {0};
    struct pq_read_options o = {.batch_rows = GROUP_ROWS};
    slp_rc rc = SLP_OK;
    must(os_source_open(f->mem, path, &src, &err), &err);
    must(pq_file_open(src, f->mem, &file, &err), &err);
    must(pq_read(file, src, &o, f->mem, &stream, &err), &err);
    if (!f->writer)
        begin(f, stream->schema);
    while ((rc = arr_stream_next(stream, &batch, &err)) == SLP_OK)
        put(f, &batch);
    if (rc != SLP_DONE)
        must(rc, &err);
    arr_batch_fini(&batch);
}

int main(int argc, char **argv)
{
    struct floor f = {.mem = alloc_system()};
    struct slp_err err = {.code = SLP_OK};
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench.floor OUT FILE...\n");
        return 2;
    }
    must(os_output_open(f.mem, argv[1], &f.output, &err), &err);
    double start = now_s();
    for (int i = 2; i < argc; i++)
        pass(&f, argv[i]);
    must(pq_writer_finish(f.writer, NULL, NULL, &err), &err);
    double spent = now_s() - start;
    os_output_abort(f.output);
    (void)printf("%" PRId64 " rows %.3f s, of these %.3f s writing\n", f.rows, spent, f.write_s);
    return 0;
}
