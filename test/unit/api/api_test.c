#include "sleeper/sleeper.h"

#include <stdio.h>
#include <string.h>

#include "lib/place.h"
#include "lib/t.h"

/* An instance in a folder of the test's own, with what a test needs to talk to it. */
struct api {
    struct t *t;
    struct place place;
    char uri[512];
    char file[512];
    struct slp_instance *instance;
};

static const char *const people = "name,born,height\n"
                                  "ada,1815,1.65\n"
                                  "alan,1912,\n"
                                  "ada,1985,1.7\n"
                                  "grace,1906,1.58\n";

static const char *const schema = "{\"fields\":[{\"name\":\"name\",\"type\":\"string\"},"
                                  "{\"name\":\"born\",\"type\":\"int32\"},"
                                  "{\"name\":\"height\",\"type\":\"double\",\"nullable\":true}],"
                                  "\"rowKey\":[\"name\"],\"sortKey\":[\"born\"]}";

static void api_open(struct api *a, struct t *t)
{
    *a = (struct api){.t = t};
    place_make(&a->place);
    (void)snprintf(a->uri, sizeof a->uri, "%s", place_path(&a->place, "instance"));
    (void)snprintf(a->file, sizeof a->file, "%s", place_path(&a->place, "people.csv"));
    place_write(&a->place, "people.csv", people);
    assert_ok(t, slp_instance_create(a->uri, &t->err));
    assert_ok(t, slp_instance_open(a->uri, NULL, &a->instance, &t->err));
}

static void api_close(struct api *a)
{
    slp_instance_close(a->instance);
    place_drop(&a->place);
}

static void make_table(struct api *a, const char *points)
{
    struct slp_table_options o = {.name = "people", .schema_json = schema, .split_points = points};
    assert_ok(a->t, slp_table_create(a->instance, &o, &a->t->err));
}

static struct slp_ingest_result load(struct api *a, const char *token)
{
    const char *const inputs[] = {a->file, NULL};
    struct slp_ingest_options o = {.table = "people", .inputs = inputs, .token = token};
    struct slp_ingest_result result = {0};
    assert_ok(a->t, slp_ingest(a->instance, &o, &result, &a->t->err));
    return result;
}

/* What was written, terminated. */
struct text {
    char bytes[4096];
    size_t len;
};

static int take(void *context, const void *bytes, size_t n)
{
    struct text *text = context;
    if (n >= sizeof text->bytes - text->len)
        return 1;
    memcpy(text->bytes + text->len, bytes, n);
    text->len += n;
    text->bytes[text->len] = '\0';
    return 0;
}

static int refuse(void *context, const void *bytes, size_t n)
{
    (void)context;
    (void)bytes;
    (void)n;
    return 1;
}

/* All rows as CSV without header; closes them. */
static void assert_rows(struct api *a, struct slp_rows *rows, const char *want)
{
    struct slp_output_options o = {.format = "csv", .no_header = true};
    struct text text = {.len = 0};
    assert_ok(a->t, slp_rows_write(rows, &o, take, &text, NULL, &a->t->err));
    assert_string_equal(text.bytes, want);
    slp_rows_close(rows);
}

static void assert_scan(struct api *a, const struct slp_scan_options *o, const char *want)
{
    struct slp_rows *rows = NULL;
    int64_t count = -1;
    int64_t lines = 0;
    for (const char *c = want; *c; c++)
        lines += *c == '\n';
    assert_ok(a->t, slp_scan(a->instance, o, &rows, &a->t->err));
    assert_rows(a, rows, want);
    if (o->limit == 0 && !o->columns) {
        assert_ok(a->t, slp_count(a->instance, o, &count, &a->t->err));
        assert_int_equal(count, lines);
    }
}

/* ---- Instances ---- */

static void an_instance_is_made_once_and_opened_by_path_or_uri(void **state)
{
    struct t *t = *state;
    struct api a;
    char uri[600];
    struct slp_instance *other = NULL;
    api_open(&a, t);
    assert_rc(t, slp_instance_create(a.uri, &t->err), SLP_EXISTS);
    assert_err_has(t, a.uri);
    (void)snprintf(uri, sizeof uri, "file://%s", a.uri);
    assert_ok(t, slp_instance_open(uri, NULL, &other, &t->err));
    slp_instance_close(other);
    api_close(&a);
}

static void an_instance_that_is_not_there_says_how_to_make_one(void **state)
{
    struct t *t = *state;
    struct place place;
    struct slp_instance *instance = NULL;
    place_make(&place);
    assert_rc(t, slp_instance_open(place.path, NULL, &instance, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, place.path);
    assert_err_has(t, "'sleeper init'");
    assert_rc(t, slp_instance_open(place_path(&place, "nowhere"), NULL, &instance, &t->err),
              SLP_NOT_FOUND);
    assert_err_has(t, "'sleeper init'");
    assert_rc(t, slp_instance_open("s3://bucket", NULL, &instance, &t->err), SLP_UNSUPPORTED);
    assert_rc(t, slp_instance_open(place.path, NULL, &instance, NULL), SLP_NOT_FOUND);
    assert_null(instance);
    slp_instance_close(NULL);
    place_drop(&place);
}

static void codes_have_names_and_exit_codes(void **state)
{
    (void)state;
    assert_string_equal(slp_rc_name(SLP_NOT_FOUND), "NOT_FOUND");
    assert_int_equal(slp_rc_exit_code(SLP_OK), 0);
    assert_int_equal(slp_rc_exit_code(SLP_INVALID), 2);
    assert_int_equal(slp_rc_exit_code(SLP_CORRUPT), 8);
    assert_int_equal(slp_rc_exit_code(SLP_CANCELLED), 130);
    assert_string_equal(slp_version(), SLP_VERSION);
}

/* ---- Tables ---- */

static void a_table_is_made_from_a_schema_or_like_a_file(void **state)
{
    struct t *t = *state;
    struct api a;
    const char *const key[] = {"name", NULL};
    const char *const sort[] = {"born", NULL};
    struct slp_rows *rows = NULL;
    api_open(&a, t);
    make_table(&a, NULL);
    struct slp_table_options like = {
        .name = "like", .like_file = a.file, .row_key = key, .sort_key = sort};
    assert_ok(t, slp_table_create(a.instance, &like, &t->err));
    assert_ok(t, slp_table_describe(a.instance, "like", &rows, &t->err));
    assert_rows(&a, rows,
                "name,string,false,row key,1,1\nborn,int64,false,sort key,2,2\n"
                "height,double,true,value,,3\n");
    api_close(&a);
}

static void mistakes_in_tables_are_told_and_make_none(void **state)
{
    struct t *t = *state;
    struct api a;
    const char *const wrong[] = {"nmae", NULL};
    struct slp_rows *rows = NULL;
    api_open(&a, t);
    make_table(&a, NULL);
    struct slp_table_options o = {.name = "people", .schema_json = schema};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_EXISTS);
    assert_err_has(t, "\"people\"");
    o = (struct slp_table_options){.name = "other"};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_INVALID);
    o = (struct slp_table_options){.schema_json = schema};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_INVALID);
    o = (struct slp_table_options){.name = "other", .like_file = a.file, .row_key = wrong};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_INVALID);
    assert_err_has(t, "\"name\"");
    o = (struct slp_table_options){.name = "other", .like_file = "/nowhere.csv", .row_key = wrong};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_NOT_FOUND);
    o = (struct slp_table_options){
        .name = "other", .schema_json = schema, .split_points = "b\na\n"};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_INVALID);
    o = (struct slp_table_options){
        .name = "other", .schema_json = schema, .split_points = "a\nb,1815\n"};
    assert_rc(t, slp_table_create(a.instance, &o, &t->err), SLP_INVALID);
    assert_err_has(t, "line 2");
    assert_ok(t, slp_table_list(a.instance, &rows, &t->err));
    assert_ok(t, slp_rows_where(&rows, "name <> 'people'", &t->err));
    assert_rows(&a, rows, "");
    api_close(&a);
}

static void a_table_that_is_not_there_is_told_by_every_call(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    int64_t count = 7;
    size_t n = 7;
    const char *const inputs[] = {"x", NULL};
    struct slp_ingest_result ingested = {.rows = 7};
    struct slp_compact_result compacted = {.jobs = 7};
    struct slp_gc_result collected = {.objects = 7};
    api_open(&a, t);
    make_table(&a, NULL);
    struct slp_scan_options scan = {.table = "poeple"};
    struct slp_get_options get = {.table = "poeple", .keys = inputs};
    struct slp_ingest_options ingest = {.table = "poeple", .inputs = inputs};
    struct slp_compact_options compact = {.table = "poeple"};
    struct slp_split_options split = {.table = "poeple"};
    struct slp_gc_options gc = {.table = "poeple"};
    assert_rc(t, slp_scan(a.instance, &scan, &rows, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "\"people\"");
    assert_rc(t, slp_count(a.instance, &scan, &count, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_get(a.instance, &get, &rows, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_ingest(a.instance, &ingest, &ingested, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_compact(a.instance, &compact, &compacted, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_split(a.instance, &split, &n, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_gc(a.instance, &gc, &collected, NULL, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_check(a.instance, "poeple", &rows, &n, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_file_list(a.instance, "poeple", &rows, &t->err), SLP_NOT_FOUND);
    assert_rc(t, slp_status(a.instance, "poeple", &rows, NULL), SLP_NOT_FOUND);
    scan.table = NULL;
    assert_rc(t, slp_scan(a.instance, &scan, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "no table is named");
    assert_null(rows);
    assert_int_equal(count + (int64_t)n + ingested.rows, 21);
    assert_int_equal(compacted.jobs + collected.objects, 14);
    api_close(&a);
}

/* ---- Writing ---- */

static void an_ingest_tells_what_it_did_and_a_token_repeats_nothing(void **state)
{
    struct t *t = *state;
    struct api a;
    api_open(&a, t);
    make_table(&a, NULL);
    struct slp_ingest_result first = load(&a, "monday");
    assert_int_equal(first.rows, 4);
    assert_int_equal(first.files_read, 1);
    assert_int_equal(first.files_written, 1);
    assert_true(first.bytes_written > 0);
    assert_false(first.was_duplicate);
    struct slp_ingest_result second = load(&a, "monday");
    assert_true(second.was_duplicate);
    assert_int_equal(second.sequence, first.sequence);
    assert_scan(&a, &(struct slp_scan_options){.table = "people"},
                "ada,1815,1.65\nada,1985,1.7\nalan,1912,\ngrace,1906,1.58\n");
    api_close(&a);
}

static void bad_input_is_named_and_adds_nothing(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_ingest_result result = {.rows = 7};
    api_open(&a, t);
    make_table(&a, NULL);
    place_write(&a.place, "bad.csv", "name,born,height\nada,1815,1\nalan,soon,1\n");
    const char *const inputs[] = {a.file, place_path(&a.place, "bad.csv"), NULL};
    struct slp_ingest_options o = {.table = "people", .inputs = inputs};
    assert_rc(t, slp_ingest(a.instance, &o, &result, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "bad.csv");
    assert_err_has(t, "line 3");
    assert_err_has(t, "\"born\"");
    const char *const none[] = {NULL};
    o.inputs = none;
    assert_rc(t, slp_ingest(a.instance, &o, &result, &t->err), SLP_INVALID);
    o.inputs = inputs;
    o.format = "cvs";
    assert_rc(t, slp_ingest(a.instance, &o, &result, &t->err), SLP_INVALID);
    assert_err_has(t, "expected parquet, csv, tsv, ndjson or arrow");
    assert_int_equal(result.rows, 7);
    assert_scan(&a, &(struct slp_scan_options){.table = "people"}, "");
    api_close(&a);
}

static void another_handle_sees_what_was_committed(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_instance *other = NULL;
    int64_t count = -1;
    struct slp_scan_options all = {.table = "people"};
    api_open(&a, t);
    make_table(&a, NULL);
    assert_ok(t, slp_instance_open(a.uri, NULL, &other, &t->err));
    assert_ok(t, slp_count(other, &all, &count, &t->err));
    assert_int_equal(count, 0);
    (void)load(&a, NULL);
    assert_ok(t, slp_count(other, &all, &count, &t->err));
    assert_int_equal(count, 4);
    slp_instance_close(other);
    api_close(&a);
}

/* ---- Reading ---- */

static void scans_take_ranges_predicates_columns_and_limits(void **state)
{
    struct t *t = *state;
    struct api a;
    const char *const columns[] = {"born", "name", NULL};
    const struct slp_param params[] = {{.name = "year", .value = "1900"}};
    api_open(&a, t);
    make_table(&a, "alan\nb\n");
    (void)load(&a, NULL);
    struct slp_scan_options o = {.table = "people", .from = "ada,1900", .to = "b"};
    assert_scan(&a, &o, "ada,1985,1.7\nalan,1912,\n");
    o = (struct slp_scan_options){
        .table = "people", .where = "born > $year", .params = params, .param_count = 1};
    assert_scan(&a, &o, "ada,1985,1.7\nalan,1912,\ngrace,1906,1.58\n");
    o = (struct slp_scan_options){.table = "people", .where = "height IS NULL", .columns = columns};
    assert_scan(&a, &o, "1912,alan\n");
    o = (struct slp_scan_options){.table = "people", .limit = 1};
    assert_scan(&a, &o, "ada,1815,1.65\n");
    int64_t count = 9;
    assert_ok(t, slp_count(a.instance, &o, &count, &t->err));
    assert_int_equal(count, 1);
    o.limit = -1;
    assert_scan(&a, &o, "");
    assert_ok(t, slp_count(a.instance, &o, &count, &t->err));
    assert_int_equal(count, 0);
    o = (struct slp_scan_options){.table = "people", .from = "b", .to = "a"};
    assert_scan(&a, &o, "");
    api_close(&a);
}

static void mistakes_in_scans_are_told(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    const char *const unknown[] = {"naem", NULL};
    int64_t count = 0;
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    struct slp_scan_options o = {.table = "people", .where = "born > 'soon'"};
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "^");
    o = (struct slp_scan_options){.table = "people", .where = ""};
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_rc(t, slp_count(a.instance, &o, &count, &t->err), SLP_INVALID);
    assert_err_has(t, "the predicate is empty");
    o = (struct slp_scan_options){.table = "people", .columns = unknown};
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "did you mean \"name\"?");
    o = (struct slp_scan_options){.table = "people", .from = "ada,soon"};
    assert_rc(t, slp_scan(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "\"born\"");
    o = (struct slp_scan_options){.table = "people", .max_rows = 3};
    assert_rc(t, slp_count(a.instance, &o, &count, &t->err), SLP_LIMIT);
    assert_null(rows);
    assert_ok(t, slp_scan(a.instance, &o, &rows, &t->err));
    struct text text = {.len = 0};
    assert_rc(t, slp_rows_write(rows, NULL, take, &text, NULL, &t->err), SLP_LIMIT);
    slp_rows_close(rows);
    api_close(&a);
}

static void gets_find_rows_by_prefix_by_key_and_by_field_names(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    const char *const keys[] = {"grace", "ada", "ada,1985", NULL};
    struct slp_get_options o = {.table = "people", .keys = keys};
    assert_ok(t, slp_get(a.instance, &o, &rows, &t->err));
    assert_rows(&a, rows, "ada,1815,1.65\nada,1985,1.7\ngrace,1906,1.58\n");
    const struct slp_param named[] = {{.name = "born", .value = "1985"},
                                      {.name = "name", .value = "ada"}};
    o = (struct slp_get_options){.table = "people", .key_fields = named, .key_field_count = 2};
    assert_ok(t, slp_get(a.instance, &o, &rows, &t->err));
    assert_rows(&a, rows, "ada,1985,1.7\n");
    o.key_field_count = 1;
    rows = NULL;
    assert_rc(t, slp_get(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "\"name\"");
    const struct slp_param unknown[] = {{.name = "name", .value = "ada"},
                                        {.name = "height", .value = "1"}};
    o = (struct slp_get_options){.table = "people", .key_fields = unknown, .key_field_count = 2};
    assert_rc(t, slp_get(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "no key field \"height\"");
    const struct slp_param twice[] = {{.name = "name", .value = "ada"},
                                      {.name = "name", .value = "bob"}};
    o = (struct slp_get_options){.table = "people", .key_fields = twice, .key_field_count = 2};
    assert_rc(t, slp_get(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "\"name\" is given twice");
    const char *const wrong[] = {"ada,soon", NULL};
    o = (struct slp_get_options){.table = "people", .keys = wrong};
    assert_rc(t, slp_get(a.instance, &o, &rows, &t->err), SLP_INVALID);
    assert_err_has(t, "ada,soon");
    assert_null(rows);
    const char *const absent[] = {"zoe", NULL};
    o.keys = absent;
    assert_ok(t, slp_get(a.instance, &o, &rows, &t->err));
    assert_rows(&a, rows, "");
    api_close(&a);
}

static void lists_are_filtered_like_rows(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    api_open(&a, t);
    make_table(&a, "b\n");
    (void)load(&a, NULL);
    assert_ok(t, slp_partition_list(a.instance, "people", &rows, &t->err));
    assert_ok(t, slp_rows_where(&rows, "\"from\" IS NULL AND rows = 3", &t->err));
    assert_ok(t, slp_rows_where(&rows, "partition = 0", &t->err));
    struct slp_rows *kept = rows;
    assert_rc(t, slp_rows_where(&rows, "nothing = 0", &t->err), SLP_INVALID);
    assert_ptr_equal(rows, kept);
    struct text text = {.len = 0};
    int64_t count = 0;
    assert_ok(t, slp_rows_write(rows, NULL, take, &text, &count, &t->err));
    assert_int_equal(count, 1);
    slp_rows_close(rows);
    slp_rows_close(NULL);
    text.len = 0;
    assert_ok(t, slp_partition_split_points(a.instance, "people", false, take, &text, &t->err));
    assert_string_equal(text.bytes, "b\n");
    text.len = 0;
    assert_ok(t, slp_partition_split_points(a.instance, "people", true, take, &text, &t->err));
    assert_string_equal(text.bytes, "Yg==\n");
    api_close(&a);
}

static void a_writer_that_gives_up_is_an_error_of_the_output(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    struct slp_output_options o = {.format = "ndjosn"};
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    assert_ok(t, slp_status(a.instance, NULL, &rows, &t->err));
    assert_rc(t, slp_rows_write(rows, &o, refuse, NULL, NULL, &t->err), SLP_INVALID);
    assert_err_has(t, "ndjson");
    assert_rc(t, slp_rows_write(rows, NULL, refuse, NULL, NULL, &t->err), SLP_IO);
    slp_rows_close(rows);
    api_close(&a);
}

/* ---- Arrow ---- */

static void rows_become_an_arrow_stream(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema fields = {0};
    int64_t sum = 0;
    api_open(&a, t);
    make_table(&a, "b\n");
    (void)load(&a, NULL);
    assert_ok(t,
              slp_scan(a.instance, &(struct slp_scan_options){.table = "people"}, &rows, &t->err));
    assert_ok(t, slp_rows_stream(rows, &stream, &t->err));
    assert_int_equal(stream.get_schema(&stream, &fields), 0);
    assert_string_equal(fields.format, "+s");
    assert_int_equal(fields.n_children, 3);
    assert_string_equal(fields.children[1]->name, "born");
    assert_string_equal(fields.children[1]->format, "i");
    assert_int_equal(fields.children[1]->flags & ARROW_FLAG_NULLABLE, 0);
    assert_int_equal(fields.children[2]->flags & ARROW_FLAG_NULLABLE, ARROW_FLAG_NULLABLE);
    fields.release(&fields);
    for (;;) {
        struct ArrowArray batch = {0};
        assert_int_equal(stream.get_next(&stream, &batch), 0);
        if (!batch.release)
            break;
        const int32_t *born = batch.children[1]->buffers[1];
        for (int64_t i = 0; i < batch.length; i++)
            sum += born[i + batch.children[1]->offset];
        batch.release(&batch);
    }
    assert_int_equal(sum, 1815 + 1985 + 1912 + 1906);
    stream.release(&stream);
    assert_null(stream.release);
    api_close(&a);
}

static void errors_of_a_stream_have_a_text(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_rows *rows = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    struct slp_scan_options o = {.table = "people", .max_rows = 1};
    assert_ok(t, slp_scan(a.instance, &o, &rows, &t->err));
    assert_ok(t, slp_rows_stream(rows, &stream, &t->err));
    assert_int_not_equal(stream.get_next(&stream, &batch), 0);
    assert_null(batch.release);
    assert_non_null(strstr(stream.get_last_error(&stream), "more than the 1 rows"));
    stream.release(&stream);
    api_close(&a);
}

/* ---- Upkeep ---- */

static void note_line(void *context, const char *line)
{
    (void)take(context, line, strlen(line));
}

static void compaction_and_collection_keep_the_answers(void **state)
{
    struct t *t = *state;
    struct api a;
    struct text lines = {.len = 0};
    struct slp_rows *rows = NULL;
    size_t problems = 7;
    struct slp_compact_result compacted = {0};
    struct slp_gc_result collected = {0};
    const char *const want =
        "ada,1815,1.65\nada,1815,1.65\nada,1985,1.7\nada,1985,1.7\nalan,1912,\n"
        "alan,1912,\ngrace,1906,1.58\ngrace,1906,1.58\n";
    struct slp_scan_options all = {.table = "people"};
    struct slp_compact_options o = {
        .table = "people", .all = true, .dry_run = true, .on_job = note_line, .context = &lines};
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    (void)load(&a, NULL);
    assert_scan(&a, &all, want);
    assert_ok(t, slp_compact(a.instance, &o, &compacted, &t->err));
    assert_int_equal(compacted.jobs, 1);
    assert_int_equal(compacted.files_after, 2);
    o.dry_run = false;
    assert_ok(t, slp_compact(a.instance, &o, &compacted, &t->err));
    assert_int_equal(compacted.jobs, 1);
    assert_int_equal(compacted.rows, 8);
    assert_int_equal(compacted.files_before, 2);
    assert_int_equal(compacted.files_after, 1);
    assert_non_null(strstr(lines.bytes, "2 files"));
    assert_scan(&a, &all, want);
    struct slp_gc_options gc = {.min_age_s = -1};
    assert_ok(t, slp_gc(a.instance, &gc, &collected, NULL, &t->err));
    assert_int_equal(collected.objects, 0);
    gc.min_age_s = INT64_MAX;
    assert_ok(t, slp_gc(a.instance, &gc, &collected, NULL, &t->err));
    assert_int_equal(collected.objects, 0);
    gc.min_age_s = 0;
    assert_ok(t, slp_gc(a.instance, &gc, &collected, NULL, &t->err));
    assert_int_equal(collected.objects, 2);
    assert_true(collected.bytes > 0);
    assert_scan(&a, &all, want);
    assert_ok(t, slp_check(a.instance, NULL, &rows, &problems, &t->err));
    assert_int_equal(problems, 0);
    slp_rows_close(rows);
    api_close(&a);
}

static void cancelled_calls_return_and_change_nothing(void **state)
{
    struct t *t = *state;
    struct api a;
    volatile int cancel = 0;
    struct slp_instance_options options = {.cancel = &cancel};
    struct slp_instance *instance = NULL;
    struct slp_rows *rows = NULL;
    struct slp_ingest_result ingested = {0};
    struct slp_compact_result compacted = {0};
    struct text text = {.len = 0};
    struct slp_scan_options all = {.table = "people"};
    struct slp_compact_options compact = {.table = "people", .all = true};
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    (void)load(&a, NULL);
    assert_ok(t, slp_instance_open(a.uri, &options, &instance, &t->err));
    assert_ok(t, slp_scan(instance, &all, &rows, &t->err));
    cancel = 1;
    assert_rc(t, slp_rows_write(rows, NULL, take, &text, NULL, &t->err), SLP_CANCELLED);
    slp_rows_close(rows);
    const char *const inputs[] = {a.file, NULL};
    struct slp_ingest_options ingest = {.table = "people", .inputs = inputs};
    assert_rc(t, slp_ingest(instance, &ingest, &ingested, &t->err), SLP_CANCELLED);
    assert_rc(t, slp_compact(instance, &compact, &compacted, &t->err), SLP_CANCELLED);
    cancel = 0;
    int64_t count = 0;
    assert_ok(t, slp_count(instance, &all, &count, &t->err));
    assert_int_equal(count, 8);
    assert_ok(t, slp_compact(instance, &compact, &compacted, &t->err));
    assert_int_equal(compacted.files_after, 1);
    slp_instance_close(instance);
    api_close(&a);
}

static void counts_tell_what_calls_have_cost(void **state)
{
    struct t *t = *state;
    struct api a;
    struct slp_counts before;
    struct slp_counts after;
    struct slp_rows *rows = NULL;
    const char *const keys[] = {"ada", NULL};
    api_open(&a, t);
    make_table(&a, NULL);
    (void)load(&a, NULL);
    slp_instance_counts(a.instance, &before);
    assert_true(before.puts > 0);
    assert_true(before.bytes_written > 0);
    struct slp_get_options o = {.table = "people", .keys = keys};
    assert_ok(t, slp_get(a.instance, &o, &rows, &t->err));
    assert_rows(&a, rows, "ada,1815,1.65\nada,1985,1.7\n");
    slp_instance_counts(a.instance, &after);
    assert_int_equal(after.puts, before.puts);
    assert_int_equal(after.files_read - before.files_read, 1);
    assert_int_equal(after.files_considered - before.files_considered, 1);
    assert_true(after.data_bytes > before.data_bytes);
    assert_true(after.index_bytes > before.index_bytes);
    api_close(&a);
}

static void stored_things_are_shown_as_text(void **state)
{
    struct t *t = *state;
    struct api a;
    struct text text = {.len = 0};
    char path[600];
    api_open(&a, t);
    (void)snprintf(path, sizeof path, "%s/sleeper.json", a.uri);
    assert_ok(t, slp_inspect(path, NULL, take, &text, &t->err));
    assert_non_null(strstr(text.bytes, "layout"));
    assert_rc(t, slp_inspect(path, "json", refuse, NULL, &t->err), SLP_IO);
    assert_rc(t, slp_inspect("/nowhere", "text", take, &text, &t->err), SLP_NOT_FOUND);
    api_close(&a);
}

T_MAIN(T_TEST(an_instance_is_made_once_and_opened_by_path_or_uri),
       T_TEST(an_instance_that_is_not_there_says_how_to_make_one),
       T_TEST(codes_have_names_and_exit_codes),
       T_TEST(a_table_is_made_from_a_schema_or_like_a_file),
       T_TEST(mistakes_in_tables_are_told_and_make_none),
       T_TEST(a_table_that_is_not_there_is_told_by_every_call),
       T_TEST(an_ingest_tells_what_it_did_and_a_token_repeats_nothing),
       T_TEST(bad_input_is_named_and_adds_nothing), T_TEST(another_handle_sees_what_was_committed),
       T_TEST(scans_take_ranges_predicates_columns_and_limits), T_TEST(mistakes_in_scans_are_told),
       T_TEST(gets_find_rows_by_prefix_by_key_and_by_field_names),
       T_TEST(lists_are_filtered_like_rows),
       T_TEST(a_writer_that_gives_up_is_an_error_of_the_output),
       T_TEST(rows_become_an_arrow_stream), T_TEST(errors_of_a_stream_have_a_text),
       T_TEST(compaction_and_collection_keep_the_answers),
       T_TEST(cancelled_calls_return_and_change_nothing), T_TEST(counts_tell_what_calls_have_cost),
       T_TEST(stored_things_are_shown_as_text))
