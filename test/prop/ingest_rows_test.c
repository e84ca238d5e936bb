/* rooms: ingest */
/*
 * Random rows in random files, with random split points, threads and shares of memory so small that
 * runs are spilled and spilled runs merged again: what the table then holds is what a stable sort
 * of the input says, whatever the threads did.
 */
#include "base/num.h"
#include "ingest/emit.h"
#include "unit/ingest/support.h"

#define ROUNDS     40
#define FILES_MAX  6
#define POINTS_MAX 16

static const char schema_json[] =
    "{\"fields\":[{\"id\":1,\"name\":\"v\",\"type\":\"int64\",\"nullable\":true},"
    "{\"id\":2,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"
    "{\"id\":3,\"name\":\"s\",\"type\":\"int32\",\"nullable\":false}],"
    "\"rowKey\":[\"k\"],\"sortKey\":[\"s\"]}";

struct row {
    char text[48]; /* as CSV: v,k,s */
    char key[24];
    int sort;
    int at; /* in the input */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = (x->sort > y->sort) - (x->sort < y->sort);
    return order ? order : x->at - y->at;
}

static void make_row(struct t *t, struct row *r, int at)
{
    size_t len = (size_t)t_below(t, 4) + 1;
    for (size_t i = 0; i < len; i++)
        r->key[i] = (char)('a' + t_below(t, 3));
    r->key[len] = 0;
    r->sort = (int)t_below(t, 3) - 1;
    r->at = at;
    if (t_below(t, 8) == 0)
        (void)snprintf(r->text, sizeof r->text, ",%s,%d\n", r->key, r->sort);
    else
        (void)snprintf(r->text, sizeof r->text, "%d,%s,%d\n", at, r->key, r->sort);
}

/* Spread the rows over files, in order; some files may be empty. */
static void write_files(struct t *t, struct place *p, const struct row *rows, int count)
{
    int at = 0;
    int files = (int)t_below(t, FILES_MAX) + 1;
    for (int f = 0; f < files; f++) {
        char name[16];
        int end = f + 1 == files ? count : at + (int)t_below(t, (uint64_t)(count - at) + 1);
        (void)snprintf(name, sizeof name, "%d.csv", f);
        FILE *file = fopen(place_path(p, name), "wb");
        assert_non_null(file);
        (void)fputs("v,k,s\n", file);
        for (; at < end; at++)
            (void)fputs(rows[at].text, file);
        assert_int_equal(fclose(file), 0);
    }
}

static size_t make_points(struct t *t, const char *points[POINTS_MAX])
{
    static const char *const all[] = {"aa", "aaa", "aab", "ab", "aba", "ac", "b",   "ba",
                                      "bb", "bba", "bc",  "c",  "ca",  "cb", "cba", "cc"};
    size_t count = 0;
    uint64_t share = t_below(t, 4);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (share == 3 || t_below(t, 4) < share)
            points[count++] = all[i];
    return count;
}

struct trial {
    struct ingest_budget budget;
    size_t files_max;
    bool is_wide;
    size_t spilled;
};

static slp_rc ingest_files(struct t *t, struct t_table *tt, const char *folder, struct trial *trial,
                           struct alloc *mem)
{
    slp_rc rc = SLP_OK;
    const char *inputs[] = {folder};
    struct ingest_feed feed = {0};
    struct ingest_rows rows = {0};
    struct output *out = NULL;
    struct state_new_file *files = NULL;
    size_t count = 0;
    struct state_result result = {0};
    struct ingest_feed_options f = {
        .inputs = inputs,
        .input_count = 1,
        .rows = {.want = &state_table_schema(tt->table)->columns, .batch_rows = 37},
    };
    struct ingest_intake_options o = {
        .table = tt->table, .feed = &feed, .budget = &trial->budget, .temp_folder = folder};
    struct output_options oo = {.threads = 1};
    TRY(ingest_feed_init(&feed, mem, &f, &t->err));
    TRY_OUT(ingest_intake(mem, &o, &rows, &t->err));
    trial->spilled = rows.spilled_runs;
    trial->is_wide = ingest_is_wide(&rows);
    struct ingest_emit_options e = {
        .table = tt->table, .is_wide = trial->is_wide, .files_max = trial->files_max};
    TRY_OUT(output_new(tt->table, &oo, mem, &out, &t->err));
    TRY_OUT(ingest_emit(mem, &e, &rows, out, &t->err));
    TRY_OUT(output_finish(out, &files, &count, &t->err));
    assert_true(count <= (trial->files_max ? trial->files_max : POINTS_MAX + 1));
    for (size_t i = 0; i < count; i++)
        files[i].is_unfiled = trial->is_wide;
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = count}};
    TRY_OUT(state_table_commit(tt->table, &txn, NULL, &result, &t->err));
    TRY_OUT(state_result_check(&result, &t->err));
out:
    output_free(out);
    ingest_rows_fini(&rows);
    ingest_feed_fini(&feed);
    return rc;
}

static struct ingest_budget random_budget(struct t *t)
{
    struct ingest_budget b = ingest_budget_of(16 << 20, 1, 1);
    b.workers = (size_t)t_below(t, 4) + 1;
    b.fan_in = (size_t)t_below(t, 5) + 2;
    b.chunk_bytes = (size_t)t_below(t, 20000) + 1;
    b.chunk_max = b.chunk_bytes;
    b.batch_bytes = b.chunk_bytes / 2;
    b.block_bytes = (size_t)t_below(t, 3000) + 1;
    b.held_bytes = t_below(t, 3) ? (size_t)t_below(t, 40000) + 1 : (size_t)1 << 30;
    return b;
}

static void expect_rows(struct t *t, struct t_table *tt, struct row *rows, int count)
{
    struct buf text;
    size_t at = 0;
    buf_init(&text, &t->mem, 1 << 28);
    print_table(t, tt, &text);
    qsort(rows, (size_t)count, sizeof *rows, compare_rows);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(rows[i].text);
        if (strncmp((const char *)text.ptr + at, rows[i].text, len) != 0)
            fail_msg("row %d is %.40s, expected %s (SEED=%llu)", i, (const char *)text.ptr + at,
                     rows[i].text, (unsigned long long)t->seed);
        at += len;
    }
    assert_int_equal(text.len, at + 1);
    buf_fini(&text);
}

static void ingest_is_a_stable_sort(void **state)
{
    struct t *t = *state;
    size_t spilled = 0;
    size_t wide = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct place p;
        struct t_table tt;
        const char *points[POINTS_MAX];
        struct trial trial = {.budget = random_budget(t), .files_max = (size_t)t_below(t, 7)};
        int count = (int)t_below(t, round % 4 ? 600 : 6000) + 1;
        struct row *rows = calloc((size_t)count, sizeof *rows);
        assert_non_null(rows);
        for (int i = 0; i < count; i++)
            make_row(t, &rows[i], i);
        place_make(&p);
        write_files(t, &p, rows, count);
        t_table_open(t, &tt, schema_json, points, make_points(t, points));
        assert_ok(t, ingest_files(t, &tt, p.path, &trial, alloc_system()));
        expect_rows(t, &tt, rows, count);
        spilled += trial.spilled;
        wide += trial.is_wide;
        t_table_close(&tt);
        place_drop(&p);
        free(rows);
    }
    assert_true(spilled > 0 && wide > 0);
}

/* Faults of memory while runs are spilled and merged again. */
static void spilling_ingests_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    struct t_table tt;
    struct row rows[120];
    place_make(&p);
    for (int i = 0; i < 120; i++)
        make_row(t, &rows[i], i);
    write_files(t, &p, rows, 120);
    t_table_open(t, &tt, schema_json, NULL, 0);
    T_FAULT_LOOP(t) {
        struct trial trial = {.budget = ingest_budget_of(16 << 20, 1, 1)};
        const char *inputs[] = {p.path};
        struct ingest_feed feed = {0};
        struct ingest_rows in = {0};
        struct ingest_feed_options f = {
            .inputs = inputs,
            .input_count = 1,
            .rows = {.want = &state_table_schema(tt.table)->columns, .batch_rows = 7},
        };
        trial.budget.held_bytes = trial.budget.chunk_bytes = trial.budget.chunk_max = 500;
        trial.budget.fan_in = 3;
        struct ingest_intake_options o = {
            .table = tt.table, .feed = &feed, .budget = &trial.budget, .temp_folder = p.path};
        slp_rc rc = ingest_feed_init(&feed, &t->mem, &f, &t->err);
        if (rc == SLP_OK)
            rc = ingest_intake(&t->mem, &o, &in, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_true(rc != SLP_OK || in.spilled_runs > 4);
        ingest_rows_fini(&in);
        ingest_feed_fini(&feed);
    }
    t_table_close(&tt);
    place_drop(&p);
}

T_MAIN(T_TEST(ingest_is_a_stable_sort), T_TEST(spilling_ingests_survive_every_fault))
