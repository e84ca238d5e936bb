/*
 * writer INSTANCE: rows that a program makes, as Arrow batches, in one atomic commit.
 *
 *     cc writer.c $(pkg-config --cflags --libs sleeper) -o writer
 *     ./writer /tmp/readings
 *
 * It may be run again: the token keeps the second run from adding the rows twice.
 */
#include <inttypes.h>
#include <stdio.h>

#include <sleeper/sleeper.h>

#define TABLE   "readings"
#define BATCHES 10
#define ROWS    1000

static const char schema_json[] = "{\"fields\":[{\"name\":\"sensor\",\"type\":\"int64\"},{\"name\":"
                                  "\"value\",\"type\":\"double\"}],"
                                  "\"rowKey\":[\"sensor\"],\"sortKey\":[]}";

static slp_rc open_table(const char *folder, struct slp_instance **out, struct slp_err *err)
{
    struct slp_table_options table = {.name = TABLE, .schema_json = schema_json};
    slp_rc rc = slp_instance_create(folder, err);
    if (rc != SLP_OK && rc != SLP_EXISTS)
        return rc;
    rc = slp_instance_open(folder, NULL, out, err);
    if (rc != SLP_OK)
        return rc;
    rc = slp_table_create(*out, &table, err);
    return rc == SLP_EXISTS ? SLP_OK : rc;
}

/* The structs borrow from buffers of ours: there is nothing to release. */
static void keep_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void keep_array(struct ArrowArray *array)
{
    array->release = NULL;
}

/* A batch of two columns over these buffers. */
static slp_rc push(struct slp_writer *writer, const int64_t *sensors, const double *values,
                   struct slp_err *err)
{
    struct ArrowSchema fields[] = {{.format = "l", .name = "sensor", .release = keep_schema},
                                   {.format = "g", .name = "value", .release = keep_schema}};
    struct ArrowSchema *field_list[] = {&fields[0], &fields[1]};
    struct ArrowSchema schema = {
        .format = "+s", .n_children = 2, .children = field_list, .release = keep_schema};
    const void *buffers[2][2] = {{NULL, sensors}, {NULL, values}};
    struct ArrowArray columns[] = {
        {.length = ROWS, .n_buffers = 2, .buffers = buffers[0], .release = keep_array},
        {.length = ROWS, .n_buffers = 2, .buffers = buffers[1], .release = keep_array}};
    struct ArrowArray *column_list[] = {&columns[0], &columns[1]};
    const void *none[] = {NULL};
    struct ArrowArray batch = {.length = ROWS,
                               .n_buffers = 1,
                               .buffers = none,
                               .n_children = 2,
                               .children = column_list,
                               .release = keep_array};
    return slp_writer_push(writer, &batch, &schema, err);
}

static slp_rc write_rows(struct slp_instance *instance, struct slp_err *err)
{
    static int64_t sensors[ROWS];
    static double values[ROWS];
    struct slp_writer *writer = NULL;
    struct slp_ingest_result result = {0};
    struct slp_writer_options options = {.token = "first readings"};
    slp_rc rc = slp_writer_open(instance, TABLE, &options, &writer, err);
    if (rc != SLP_OK)
        return rc;
    for (int b = 0; b < BATCHES && rc == SLP_OK; b++) {
        for (int i = 0; i < ROWS; i++) {
            sensors[i] = (i * 7919 + b) % 10007;
            values[i] = (double)i / 10;
        }
        rc = push(writer, sensors, values, err);
    }
    if (rc != SLP_OK) {
        slp_writer_abort(writer);
        return rc;
    }
    rc = slp_writer_commit(writer, &result, err);
    if (rc == SLP_OK && result.was_duplicate)
        printf("written before, at sequence %" PRIu64 "\n", result.sequence);
    else if (rc == SLP_OK)
        printf("wrote %" PRId64 " rows, sequence %" PRIu64 "\n", result.rows, result.sequence);
    return rc;
}

int main(int argc, char **argv)
{
    struct slp_err err = {0};
    struct slp_instance *instance = NULL;
    int64_t count = 0;
    struct slp_scan_options all = {.table = TABLE};
    if (argc < 2) {
        fprintf(stderr, "usage: writer INSTANCE\n");
        return 2;
    }
    slp_rc rc = open_table(argv[1], &instance, &err);
    if (rc == SLP_OK)
        rc = write_rows(instance, &err);
    if (rc == SLP_OK)
        rc = slp_count(instance, &all, &count, &err);
    if (rc == SLP_OK)
        printf("%" PRId64 " rows in the table\n", count);
    else
        fprintf(stderr, "writer: %s\n", err.text);
    slp_instance_close(instance);
    return rc == SLP_OK ? 0 : 1;
}
