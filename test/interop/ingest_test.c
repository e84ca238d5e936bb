/* rooms: ingest */
/*
 * Other readers find in our data files just the rows that were put in, types included: a file of
 * every flat type that pyarrow wrote is ingested into a folder, and ingest_judge.py asks pyarrow,
 * DuckDB and Polars. A judge that is not installed is skipped by name.
 */
#include "lib/judge.h"
#include "unit/ingest/support.h"

#define ROWS 5000

/* Run the script; skips the test where a library is missing. */
static void run_script(const char *what, const char *arguments)
{
    char all[4000];
    (void)snprintf(all, sizeof all, "%s %s", what, arguments);
    judge_expect(judge_run("test/interop/ingest_judge.py", all),
                 strcmp(what, "make") == 0 ? "pyarrow" : what);
}

/* The schema of the input with its keys. */
static void describe(struct t *t, const char *input, struct buf *json)
{
    struct arena arena;
    struct arr_schema columns;
    struct schema schema;
    const struct slice row_key = slice_str("name");
    const struct slice sort_key = slice_str("moment");
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, rows_file_schema(&t->mem, input, ROWS_AUTO, &arena, &columns, &t->err));
    assert_ok(t, schema_like(&columns, &row_key, 1, &sort_key, 1, &arena, &schema, &t->err));
    assert_ok(t, schema_format(&schema, json, &t->err));
    assert_ok(t, buf_append_u8(json, 0, &t->err));
    arena_fini(&arena);
}

/* The paths of the table's data files, leaf by leaf. */
static void list_files(struct t *t, struct t_table *tt, const char *folder, char *out, size_t room)
{
    const struct table_state *view = state_table_view(tt->table);
    for (size_t i = 0; i < state_leaf_count(view); i++) {
        struct state_name object;
        const struct state_leaf *leaf = state_leaf_at(view, i);
        assert_int_equal(leaf->ref_count, 1);
        assert_ok(t, state_table_object(tt->table, t_refs(leaf)[0].file->name, &object, &t->err));
        size_t len = strlen(out);
        (void)snprintf(out + len, room - len, " %s/%s", folder, object.text);
    }
}

static void ask(struct t *t, const char *judge)
{
    const char *const points[] = {"ab"};
    struct place p;
    struct t_table tt;
    struct store *store = NULL;
    struct buf json;
    struct ingest_result r = {0};
    char input[256];
    char folder[256];
    char arguments[2048];
    place_make(&p);
    (void)snprintf(input, sizeof input, "%s/input.parquet", p.path);
    (void)snprintf(folder, sizeof folder, "%s/store", p.path);
    run_script("make", input);
    buf_init(&json, &t->mem, 1 << 20);
    describe(t, input, &json);
    assert_ok(t, store_folder_open(&t->mem, folder, true, &store, &t->err));
    t_table_open_in(t, &tt, store, (const char *)json.ptr, points, 1);
    assert_ok(t, ingest_one(t, &tt, input, &r));
    assert_int_equal(r.rows, ROWS);
    assert_int_equal(r.files, 2);
    (void)snprintf(arguments, sizeof arguments, "%s", input);
    list_files(t, &tt, folder, arguments, sizeof arguments);
    t_table_close(&tt);
    buf_fini(&json);
    run_script(judge, arguments);
    place_drop(&p);
}

static void pyarrow_finds_the_rows_that_were_put_in(void **state)
{
    ask(*state, "pyarrow");
}

static void duckdb_finds_the_rows_that_were_put_in(void **state)
{
    ask(*state, "duckdb");
}

static void polars_finds_the_rows_that_were_put_in(void **state)
{
    ask(*state, "polars");
}

T_MAIN(T_TEST(pyarrow_finds_the_rows_that_were_put_in),
       T_TEST(duckdb_finds_the_rows_that_were_put_in),
       T_TEST(polars_finds_the_rows_that_were_put_in))
