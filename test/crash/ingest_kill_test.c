/* rooms: ingest */
/*
 * An ingest killed at random moments: the table has all of its rows or none, every file that the
 * log names is whole, and what else is left is data that no log names.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "store/folder.h"
#include "unit/ingest/support.h"

#define KILLS 40
#define ROWS  20000

static void write_rows(struct t *t, struct place *p)
{
    FILE *file = fopen(place_path(p, "rows.csv"), "wb");
    assert_non_null(file);
    (void)fputs("k,v\n", file);
    for (int i = 0; i < ROWS; i++)
        (void)fprintf(file, "key%llu,%d\n", (unsigned long long)t_below(t, 100000), i);
    assert_int_equal(fclose(file), 0);
}

/* The child: open the folder, ingest again and again. */
static void ingest_for_ever(const char *folder, const char *input)
{
    struct store *store = NULL;
    struct state_instance *instance = NULL;
    struct state_table *table = NULL;
    struct alloc *mem = alloc_system();
    const char *inputs[] = {input};
    struct ingest_options o = {
        .inputs = inputs, .input_count = 1, .memory = 16 << 20, .threads = 2};
    if (store_folder_open(mem, folder, false, &store, NULL) != SLP_OK ||
        state_instance_open(mem, store, NULL, &instance, NULL) != SLP_OK ||
        state_table_open(instance, slice_str("test"), &table, NULL) != SLP_OK)
        _exit(1);
    for (;;) {
        struct ingest_result r;
        if (ingest_run(table, &o, mem, &r, NULL) != SLP_OK)
            _exit(1);
    }
}

static void kill_one(struct t *t, const char *folder, const char *input)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        ingest_for_ever(folder, input);
    struct timespec pause = {.tv_nsec = (long)t_below(t, 60000000) + 2000000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Verify the files that came since `seen` frames; every one has all rows. */
static void judge(struct t *t, struct t_table *tt, size_t *seen)
{
    assert_ok(t, state_table_refresh(tt->table, &t->err));
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt->table), 0);
    for (; *seen < leaf->ref_count; ++*seen) {
        struct state_name object;
        struct source *src = NULL;
        struct datafile *file = NULL;
        const struct state_file *f = t_refs(leaf)[*seen].file;
        assert_int_equal(f->info.rows, ROWS);
        assert_ok(t, state_table_object(tt->table, f->name, &object, &t->err));
        assert_ok(t, store_open(tt->store, state_name_slice(&object), &t->mem, &src, &t->err));
        assert_ok(t, datafile_open(&t->mem, src, &f->info, state_table_schema(tt->table),
                                   state_table_key_spec(tt->table), &file, &t->err));
        assert_ok(t, datafile_verify(file, &t->err));
        datafile_close(file);
    }
}

static void a_killed_ingest_leaves_all_or_nothing(void **state)
{
    struct t *t = *state;
    struct place p;
    struct t_table tt;
    struct store *store = NULL;
    char folder[256];
    size_t seen = 0;
    uint64_t swept = 0;
    place_make(&p);
    (void)snprintf(folder, sizeof folder, "%s/store", p.path);
    write_rows(t, &p);
    assert_ok(t, store_folder_open(&t->mem, folder, true, &store, &t->err));
    t_table_open_in(t, &tt, store, T_SCHEMA_KV, NULL, 0);
    for (int i = 0; i < KILLS; i++) {
        kill_one(t, folder, place_path(&p, "rows.csv"));
        judge(t, &tt, &seen);
    }
    assert_ok(t, store_folder_sweep(store, INT64_MAX, &swept, &t->err));
    /* All there is: frames, one data file each but for the first, and at most one stranger a
     * kill. */
    size_t frames = count_objects(t, &tt, "/log/");
    size_t files = count_objects(t, &tt, "/data/");
    assert_int_equal(frames, 1 + seen);
    assert_in_range(files, seen, seen + KILLS);
    /* The next one goes on. */
    struct ingest_result r = {0};
    assert_ok(t, ingest_one(t, &tt, place_path(&p, "rows.csv"), &r));
    assert_int_equal(r.rows, ROWS);
    t_table_close(&tt);
    place_drop(&p);
}

T_MAIN(T_TEST(a_killed_ingest_leaves_all_or_nothing))
