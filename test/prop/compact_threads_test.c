/* rooms: compact output */
#include <stdlib.h>

#include "compact/compact.h"
#include "lib/refs.h"
#include "lib/table.h"

/*
 * Random tables, compacted by one thread and by many, against a plain model: the rows in the order
 * they were added, sorted by key. Rows carry the number of their file and place, so that rows lost,
 * doubled or swapped among equal keys are seen.
 */

#define INPUTS_MAX 7u

struct model_row {
    uint32_t key;
    uint32_t number; /* in the order of adding: equal keys keep it */
    bool is_null;
};

struct model {
    struct model_row *rows;
    size_t count;
};

static int compare_rows(const void *a, const void *b)
{
    const struct model_row *x = a;
    const struct model_row *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static void put_row(struct t *t, const struct model_row *row, struct buf *text)
{
    assert_ok(t, buf_printf(text, &t->err, "k%08u,", row->key));
    if (!row->is_null)
        assert_ok(t, buf_printf(text, &t->err, "%u", row->number));
    assert_ok(t, buf_append_u8(text, '\n', &t->err));
}

/* Add one file of random rows, with keys from a place up to `spread` on, to the table and to the
 * model. */
static void add_file(struct t *t, struct t_table *tt, struct model *m, size_t rows, uint64_t keys,
                     uint64_t spread)
{
    struct buf text;
    uint32_t lowest = (uint32_t)t_below(t, spread);
    buf_init(&text, &t->mem, 1 << 26);
    for (size_t i = 0; i < rows; i++) {
        uint32_t key = t_below(t, 8) == 0 ? lowest : lowest + (uint32_t)t_below(t, keys);
        m->rows[m->count] = (struct model_row){
            .key = key, .number = (uint32_t)m->count, .is_null = t_below(t, 5) == 0};
        put_row(t, &m->rows[m->count], &text);
        m->count++;
    }
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    t_table_add(t, tt, (const char *)text.ptr);
    buf_fini(&text);
}

/* Append the rows of all files of the table's leaves, leaf by leaf, as text. */
static void read_leaves(struct t *t, struct t_table *tt, struct buf *out)
{
    const struct table_state *s = state_table_view(tt->table);
    for (size_t i = 0; i < state_leaf_count(s); i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        struct state_name object;
        struct source *src = NULL;
        struct datafile *file = NULL;
        struct run *run = NULL;
        struct run_block block = {0};
        if (leaf->ref_count == 0)
            continue;
        assert_int_equal(leaf->ref_count, 1);
        const struct state_file *f = t_refs(leaf)[0].file;
        struct datafile_read_options o = {.range = t_refs(leaf)[0].range, .batch_rows = 1000};
        assert_ok(t, state_table_object(tt->table, f->name, &object, &t->err));
        assert_ok(t, store_open(tt->store, state_name_slice(&object), &t->mem, &src, &t->err));
        assert_ok(t, datafile_open(&t->mem, src, &f->info, state_table_schema(tt->table),
                                   state_table_key_spec(tt->table), &file, &t->err));
        assert_ok(t, datafile_verify(file, &t->err));
        assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
        while (run_next(run, &block, &t->err) == SLP_OK)
            for (int64_t r = 0; r < block.batch->rows; r++) {
                assert_ok(t, arr_text_format(&block.batch->cols[0], r, out, &t->err));
                assert_ok(t, buf_append_u8(out, ',', &t->err));
                if (!arr_col_is_null(&block.batch->cols[1], r))
                    assert_ok(t, arr_text_format(&block.batch->cols[1], r, out, &t->err));
                assert_ok(t, buf_append_u8(out, '\n', &t->err));
            }
        run_close(run);
        datafile_close(file);
    }
}

static void expect_model(struct t *t, struct t_table *tt, struct model *m)
{
    struct buf expected;
    struct buf found;
    buf_init(&expected, &t->mem, 1 << 26);
    buf_init(&found, &t->mem, 1 << 26);
    qsort(m->rows, m->count, sizeof *m->rows, compare_rows);
    for (size_t i = 0; i < m->count; i++)
        put_row(t, &m->rows[i], &expected);
    read_leaves(t, tt, &found);
    assert_int_equal(found.len, expected.len);
    assert_memory_equal(found.ptr, expected.ptr, expected.len);
    buf_fini(&expected);
    buf_fini(&found);
}

/* The writer is given blocks of some 2,700 rows: shapes that have many of them, few, and one. */
struct shape {
    const char *name;
    size_t rows;
    uint64_t keys;
    int64_t stretch_rows;
    uint64_t spread; /* of the files over the keys: beyond `keys` they lie apart, and are copied */
};

static const struct shape shapes[] = {
    {"many keys, many stretches", 12000, 1000000, 3000, 1000000},
    {"few keys, long runs of equal ones", 12000, 5, 2000, 5},
    {"one key", 9000, 1, 1000, 1},
    {"one block a file", 300, 1000, 100, 1000},
    {"one stretch", 3000, 100000, 0, 100000},
    {"files that meet at their ends", 12000, 100000, 3000, 400000},
    {"files apart, some keys in many blocks", 12000, 9, 3000, 60},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static void compact_shape(struct t *t, const struct shape *shape, size_t threads)
{
    static const char *const points[] = {"k00300000"};
    struct t_table tt;
    struct store *store = NULL;
    struct model m = {0};
    struct compact_result result = {0};
    struct compact_options o = {
        .all = true, .memory = 64 << 20, .threads = threads, .stretch_rows = shape->stretch_rows};
    o.copy_bytes = shape->spread > shape->keys ? 1 : 0;
    size_t files = 2 + t_below(t, INPUTS_MAX - 1);
    m.rows = calloc(files * shape->rows, sizeof *m.rows);
    assert_non_null(m.rows);
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    t_table_open_in(t, &tt, store, T_SCHEMA_KV, points, t_below(t, 2));
    for (size_t i = 0; i < files; i++)
        add_file(t, &tt, &m, 1 + t_below(t, shape->rows), shape->keys, shape->spread);
    assert_ok(t, compact_run(tt.table, &o, alloc_system(), &result, &t->err));
    assert_true(result.rows <= (int64_t)m.count);
    expect_model(t, &tt, &m);
    t_table_close(&tt);
    free(m.rows);
}

static void any_number_of_threads_gives_what_a_stable_sort_gives(void **state)
{
    struct t *t = *state;
    static const size_t threads[] = {1, 2, 3, 8, 2, 8};
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++)
            compact_shape(t, &shapes[s], threads[i]);
}

/* Damage a page of one input: the job must fail for all threads, end, and leave nothing held. */
static void a_damaged_page_stops_all_threads_and_the_job_is_ended(void **state)
{
    struct t *t = *state;
    struct t_table tt;
    struct store *store = NULL;
    struct model m = {0};
    struct compact_result result = {0};
    struct state_name object;
    struct buf bytes;
    struct compact_options o = {
        .all = true, .memory = 64 << 20, .threads = 3, .stretch_rows = 2000};
    m.rows = calloc(3 * 12000, sizeof *m.rows);
    assert_non_null(m.rows);
    assert_ok(t, store_memory_new(alloc_system(), &store, &t->err));
    t_table_open_in(t, &tt, store, T_SCHEMA_KV, NULL, 0);
    for (size_t i = 0; i < 3; i++)
        add_file(t, &tt, &m, 12000, 1000000, 1000000);
    const struct state_leaf *leaf = state_leaf_at(state_table_view(tt.table), 0);
    const struct state_file *file = t_refs(leaf)[t_below(t, 3)].file;
    assert_ok(t, state_table_object(tt.table, file->name, &object, &t->err));
    buf_init(&bytes, &t->mem, 1 << 26);
    assert_ok(t, store_get(store, state_name_slice(&object), &bytes, &t->err));
    bytes.ptr[100 + t_below(t, file->info.index_offset - 100)] ^= 0x55;
    assert_ok(t, store_delete(store, state_name_slice(&object), &t->err));
    assert_ok(t, store_put_if_absent(store, state_name_slice(&object), buf_slice(&bytes), &t->err));
    assert_rc(t, compact_run(tt.table, &o, alloc_system(), &result, &t->err), SLP_CORRUPT);
    assert_err_has(t, object.text);
    assert_int_equal(state_job_count(state_table_view(tt.table)), 0);
    assert_int_equal(state_leaf_at(state_table_view(tt.table), 0)->ref_count, 3);
    err_clear(&t->err);
    buf_fini(&bytes);
    t_table_close(&tt);
    free(m.rows);
}

T_MAIN(T_TEST(any_number_of_threads_gives_what_a_stable_sort_gives),
       T_TEST(a_damaged_page_stops_all_threads_and_the_job_is_ended))
