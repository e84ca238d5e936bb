/*
 * Sorted runs, held and spilled, cut into stretches; and several threads that merge them: what they
 * write is what one would.
 */
#include "ingest/crew.h"

#include "base/num.h"
#include "ingest/sorted.h"
#include "ingest/spill.h"
#include "ingest/stretch.h"
#include "unit/ingest/support.h"

#define RUNS     5
#define RUN_ROWS 700
#define KEYS     900 /* so that many are equal */

/* Runs of random keys with their ordinals as values; every other one is spilled. */
static slp_rc make_runs(struct t *t, struct t_table *tt, const char *folder, struct alloc *mem,
                        struct ingest_rows *out)
{
    const struct arr_schema *columns = &state_table_schema(tt->table)->columns;
    const struct key_spec *spec = state_table_key_spec(tt->table);
    struct ingest_spill_options o = {
        .folder = folder, .schema = columns, .spec = spec, .block_bytes = 2000};
    struct ingest_chunk chunk = {0};
    struct arr_batch rows = {0};
    slp_rc rc = SLP_OK;
    TRY_OUT(ingest_chunk_init(&chunk, mem, columns, &t->err));
    for (int64_t r = 0; r < RUNS; r++) {
        struct run *run = NULL;
        TRY_OUT(arr_batch_init(&rows, mem, columns, &t->err));
        for (int64_t i = 0; i < RUN_ROWS; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "%03d", (int)t_below(t, KEYS));
            TRY_OUT(arr_col_append(&rows.cols[0], slice_str(key), &t->err));
            TRY_OUT(arr_col_append_i64(&rows.cols[1], r * RUN_ROWS + i, &t->err));
            rows.rows++;
        }
        TRY_OUT(ingest_chunk_add(&chunk, spec, &rows, (uint64_t)(r * RUN_ROWS), &t->err));
        arr_batch_fini(&rows);
        rows = (struct arr_batch){0};
        TRY_OUT(ingest_chunk_sort(&chunk, &t->err));
        TRY_OUT(ingest_chunk_take(&chunk, spec, mem, &run, &t->err));
        if (r % 2)
            TRY_OUT(ingest_spill_sorted(mem, &o, run, &run, &t->err));
        rc = buf_append(&out->runs, &run, sizeof(struct run *), &t->err);
        if (rc != SLP_OK)
            run_close(run);
        TRY_OUT(rc);
        out->rows += RUN_ROWS;
        out->bytes += RUN_ROWS * (size_t)15;
    }
out:
    arr_batch_fini(&rows);
    ingest_chunk_fini(&chunk);
    return rc;
}

static struct ingest_cuttable all_runs(const struct t_table *tt, const struct ingest_rows *rows)
{
    return (struct ingest_cuttable){.spec = state_table_key_spec(tt->table),
                                    .runs = (struct run *const *)(const void *)rows->runs.ptr,
                                    .run_count = RUNS};
}

/* Rows of a stretch, which must follow those before it: by key, then by ordinal. */
static slp_rc read_stretch(struct t *t, struct t_table *tt, const struct ingest_rows *rows,
                           const struct ingest_stretch *stretch, struct alloc *mem,
                           struct arr_batch *out)
{
    struct run *parts[RUNS] = {0};
    struct merge *merge = NULL;
    slp_rc rc = SLP_OK;
    size_t opened = 0;
    for (; opened < RUNS && rc == SLP_OK; opened++)
        rc = ingest_part_open(((struct run **)(void *)rows->runs.ptr)[opened], stretch, mem,
                              &parts[opened], &t->err);
    if (rc == SLP_OK) {
        TRY(merge_new(mem, &state_table_schema(tt->table)->columns, parts, RUNS, &merge, &t->err));
        while (rc == SLP_OK)
            rc = merge_next(merge, 1000, 1 << 20, out, NULL, &t->err);
        merge_free(merge);
        return rc == SLP_DONE ? SLP_OK : rc;
    }
    for (size_t i = 0; i < opened; i++)
        run_close(parts[i]);
    return rc;
}

static void expect_all_in_order(const struct arr_batch *rows)
{
    assert_int_equal(rows->rows, RUNS * RUN_ROWS);
    for (int64_t i = 1; i < rows->rows; i++) {
        int order =
            slice_compare(arr_col_bytes(&rows->cols[0], i - 1), arr_col_bytes(&rows->cols[0], i));
        assert_true(order <= 0);
        if (order == 0)
            assert_true(arr_col_i64(&rows->cols[1], i - 1) < arr_col_i64(&rows->cols[1], i));
    }
}

static void stretches_have_all_rows_once_and_are_even(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    place_make(&p);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    for (int64_t want = 400; want <= 6400; want *= 4) {
        struct ingest_rows rows = {.mem = &t->mem};
        struct ingest_stretches cut = {0};
        struct arr_batch all = {0};
        struct arena arena;
        arena_init(&arena, &t->mem, 1 << 20);
        buf_init(&rows.runs, &t->mem, 1 << 10);
        assert_ok(t,
                  arr_batch_init(&all, &t->mem, &state_table_schema(tt.table)->columns, &t->err));
        assert_ok(t, make_runs(t, &tt, p.path, &t->mem, &rows));
        struct ingest_cuttable from = all_runs(&tt, &rows);
        assert_ok(t, ingest_cut(&from, want, &t->mem, &arena, &cut, &t->err));
        for (size_t i = 0; i < cut.count; i++) {
            int64_t before = all.rows;
            assert_ok(t, read_stretch(t, &tt, &rows, &cut.items[i], &t->mem, &all));
            if (i + 1 < cut.count)
                assert_in_range(all.rows - before, want / 4, 4 * want);
        }
        assert_true(cut.count >= (size_t)(RUNS * RUN_ROWS / want / 2));
        expect_all_in_order(&all);
        arr_batch_fini(&all);
        ingest_rows_fini(&rows);
        arena_fini(&arena);
    }
    t_table_close(&tt);
    place_drop(&p);
}

static void cutting_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    struct ingest_rows rows = {.mem = &t->mem};
    place_make(&p);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    buf_init(&rows.runs, &t->mem, 1 << 10);
    assert_ok(t, make_runs(t, &tt, p.path, &t->mem, &rows));
    T_FAULT_LOOP(t) {
        struct ingest_stretches cut = {0};
        struct arr_batch all = {0};
        struct arena arena;
        arena_init(&arena, &t->mem, 1 << 20);
        slp_rc rc = arr_batch_init(&all, &t->mem, &state_table_schema(tt.table)->columns, &t->err);
        struct ingest_cuttable from = all_runs(&tt, &rows);
        if (rc == SLP_OK)
            rc = ingest_cut(&from, 2000, &t->mem, &arena, &cut, &t->err);
        for (size_t i = 0; i < cut.count && rc == SLP_OK; i++)
            rc = read_stretch(t, &tt, &rows, &cut.items[i], &t->mem, &all);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        if (rc == SLP_OK)
            expect_all_in_order(&all);
        arr_batch_fini(&all);
        arena_fini(&arena);
    }
    ingest_rows_fini(&rows);
    t_table_close(&tt);
    place_drop(&p);
}

/* Fails at the third group. */
static slp_rc refuse_later(void *context, int64_t rows, struct slp_err *err)
{
    int *groups = context;
    (void)rows;
    if (++*groups == 3)
        FAIL(err, LIMIT, "three groups are too many");
    return SLP_OK;
}

/* What a crew of `threads` came to; `groups` counts, and refuses when it is given. */
static slp_rc run_crew(struct t *t, struct t_table *tt, const char *folder, size_t threads,
                       int *groups, const int *cancel)
{
    struct alloc *mem = alloc_system(); /* that of a test is for one thread */
    struct ingest_rows rows = {.mem = mem};
    struct output *out = NULL;
    struct state_new_file *files = NULL;
    struct state_result result = {0};
    size_t count = 0;
    struct output_options o = {
        .threads = 1, .on_group = groups ? refuse_later : NULL, .on_group_context = groups};
    struct ingest_crew_options crew = {
        .crew = {.threads = threads, .group_rows = 200, .group_bytes = 1 << 20},
        .table = tt->table,
        .cancel = cancel};
    buf_init(&rows.runs, mem, 1 << 10);
    assert_ok(t, make_runs(t, tt, folder, mem, &rows));
    assert_ok(t, output_new(tt->table, &o, mem, &out, &t->err));
    slp_rc rc = ingest_crew_run(&crew, &rows, out, mem, &t->err);
    if (rc == SLP_OK) {
        assert_int_equal(output_rows(out), RUNS * RUN_ROWS);
        assert_ok(t, output_finish(out, &files, &count, &t->err));
        assert_int_equal(count, 1);
        struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = count}};
        assert_ok(t, state_table_commit(tt->table, &txn, NULL, &result, &t->err));
        assert_ok(t, state_result_check(&result, &t->err));
    }
    output_free(out);
    ingest_rows_fini(&rows);
    return rc;
}

static void a_crew_writes_all_rows_in_order(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    for (size_t threads = 2; threads <= 5; threads++) {
        struct t_table tt;
        struct buf text;
        char key[16] = "";
        long last = -1;
        int64_t rows = 0;
        t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
        assert_ok(t, run_crew(t, &tt, p.path, threads, NULL, NULL));
        buf_init(&text, &t->mem, 1 << 20);
        print_table(t, &tt, &text);
        for (const char *line = (const char *)text.ptr; *line; line = strchr(line, '\n') + 1) {
            long number = strtol(line + 4, NULL, 10);
            int order = strncmp(key, line, 3);
            assert_true(order < 0 || (order == 0 && last < number));
            (void)snprintf(key, sizeof key, "%.3s", line);
            last = number;
            rows++;
        }
        assert_int_equal(rows, RUNS * RUN_ROWS);
        buf_fini(&text);
        t_table_close(&tt);
    }
    place_drop(&p);
}

static void what_one_meets_ends_all(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct place p;
    int groups = 0;
    int cancel = 1;
    place_make(&p);
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_rc(t, run_crew(t, &tt, p.path, 3, &groups, NULL), SLP_LIMIT);
    assert_err_has(t, "three groups");
    assert_rc(t, run_crew(t, &tt, p.path, 3, NULL, &cancel), SLP_CANCELLED);
    assert_int_equal(count_objects(t, &tt, "/data/"), 0);
    t_table_close(&tt);
    place_drop(&p);
}

static void threads_are_as_many_as_memory_has_room_for(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct output *out = NULL;
    struct output_options o = {.threads = 8};
    size_t least = 8;
    t_table_open(t, &tt, T_SCHEMA_KV, NULL, 0);
    assert_ok(t, output_new(tt.table, &o, &t->mem, &out, &t->err));
    for (size_t memory = (size_t)4 << 30; memory >= (size_t)16 << 20; memory /= 2) {
        struct ingest_budget b = ingest_budget_of(memory, 8, 1);
        struct ingest_rows rows = {.mem = &t->mem,
                                   .rows = 1000000,
                                   .bytes = 100000000,
                                   .held_bytes = b.workers * b.held_bytes};
        struct ingest_crew crew = ingest_crew_of(&b, &rows, out);
        assert_true(crew.threads <= least && crew.threads <= b.output_threads);
        least = crew.threads;
        if (crew.threads > 0)
            assert_true((crew.threads + 1) * crew.group_bytes + rows.held_bytes < memory);
    }
    assert_int_equal(least, 0);
    output_free(out);
    t_table_close(&tt);
}

T_MAIN(T_TEST(stretches_have_all_rows_once_and_are_even), T_TEST(cutting_survives_every_fault),
       T_TEST(a_crew_writes_all_rows_in_order), T_TEST(what_one_meets_ends_all),
       T_TEST(threads_are_as_many_as_memory_has_room_for))
