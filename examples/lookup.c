/*
 * lookup INSTANCE DATA: the library from end to end. Makes an instance and a table like a file,
 * ingests the file, reads everything as Arrow batches, and looks one key up.
 *
 *     cc lookup.c $(pkg-config --cflags --libs sleeper) -o lookup
 *     ./lookup /tmp/flights test/data
 *
 * It may be run again: what is there already is used, and the token keeps the second ingest from
 * adding the rows twice.
 */
#include <inttypes.h>
#include <stdio.h>

#include <sleeper/sleeper.h>

#define TABLE "flights"

static int write_stdout(void *context, const void *bytes, size_t n)
{
    (void)context;
    return fwrite(bytes, 1, n, stdout) != n;
}

/* An instance at `folder`, made when there is none. */
static slp_rc open_instance(const char *folder, struct slp_instance **out, struct slp_err *err)
{
    slp_rc rc = slp_instance_create(folder, err);
    if (rc != SLP_OK && rc != SLP_EXISTS)
        return rc;
    return slp_instance_open(folder, NULL, out, err);
}

static slp_rc load(struct slp_instance *instance, const char *file, struct slp_err *err)
{
    const char *const row_key[] = {"origin", NULL};
    const char *const sort_key[] = {"date", "destination", NULL};
    const char *const inputs[] = {file, NULL};
    struct slp_ingest_result result = {0};
    struct slp_table_options table = {
        .name = TABLE, .like_file = file, .row_key = row_key, .sort_key = sort_key};
    slp_rc rc = slp_table_create(instance, &table, err);
    if (rc != SLP_OK && rc != SLP_EXISTS)
        return rc;
    struct slp_ingest_options ingest = {.table = TABLE, .inputs = inputs, .token = "first load"};
    rc = slp_ingest(instance, &ingest, &result, err);
    if (rc == SLP_OK && result.was_duplicate)
        printf("loaded before, at sequence %" PRIu64 "\n", result.sequence);
    else if (rc == SLP_OK)
        printf("loaded %" PRId64 " rows into %zu file(s), sequence %" PRIu64 "\n", result.rows,
               result.files_written, result.sequence);
    return rc;
}

/* Everything, as any Arrow library would take it: an ArrowArrayStream of batches. */
static slp_rc read_all(struct slp_instance *instance, struct slp_err *err)
{
    struct slp_scan_options scan = {.table = TABLE};
    struct slp_rows *rows = NULL;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    int64_t row_count = 0;
    int64_t batch_count = 0;
    slp_rc rc = slp_scan(instance, &scan, &rows, err);
    if (rc == SLP_OK)
        rc = slp_rows_stream(rows, &stream, err);
    if (rc != SLP_OK) {
        slp_rows_close(rows);
        return rc;
    }
    for (;;) {
        if (stream.get_next(&stream, &batch) != 0) {
            const char *text = stream.get_last_error(&stream);
            rc = err->code = SLP_IO;
            snprintf(err->text, sizeof err->text, "scan: %s", text ? text : "no more is known");
            break;
        }
        if (!batch.release)
            break; /* the end */
        row_count += batch.length;
        batch_count++;
        batch.release(&batch);
    }
    stream.release(&stream);
    if (rc == SLP_OK)
        printf("scanned %" PRId64 " rows in %" PRId64 " batches\n", row_count, batch_count);
    return rc;
}

/* All rows whose key begins with the one given: the row key, then as much of the sort key. */
static slp_rc look_up(struct slp_instance *instance, const char *key, struct slp_err *err)
{
    const char *const keys[] = {key, NULL};
    struct slp_get_options get = {.table = TABLE, .keys = keys};
    struct slp_output_options output = {.format = "csv"};
    struct slp_rows *rows = NULL;
    int64_t count = 0;
    slp_rc rc = slp_get(instance, &get, &rows, err);
    if (rc == SLP_OK)
        rc = slp_rows_write(rows, &output, write_stdout, NULL, &count, err);
    slp_rows_close(rows);
    if (rc == SLP_OK)
        printf("%" PRId64 " rows of %s\n", count, key);
    return rc;
}

int main(int argc, char **argv)
{
    struct slp_instance *instance = NULL;
    struct slp_err err = {0};
    char file[4096];
    if (argc != 3) {
        fprintf(stderr, "usage: lookup INSTANCE DATA\n");
        return 2;
    }
    snprintf(file, sizeof file, "%s/flights-slice.parquet", argv[2]);
    slp_rc rc = open_instance(argv[1], &instance, &err);
    if (rc == SLP_OK)
        rc = load(instance, file, &err);
    if (rc == SLP_OK)
        rc = read_all(instance, &err);
    if (rc == SLP_OK)
        rc = look_up(instance, "ATL,2001-01-01T11:56,DCA", &err);
    if (rc != SLP_OK)
        fprintf(stderr, "lookup: %s: %s\n", slp_rc_name(rc), err.text);
    slp_instance_close(instance);
    return slp_rc_exit_code(rc);
}
