#include "ingest/spill.h"

#include "base/num.h"
#include "lib/place.h"
#include "merge/merge.h"

/* One column of each kind that a table may have. */
#define COLUMNS (ARR_TABLE_KIND_COUNT)

static struct arr_field fields[COLUMNS];
static const struct arr_schema schema = {.fields = fields, .count = COLUMNS};

static void make_schema(void)
{
    static char names[COLUMNS][8];
    for (int i = 0; i < COLUMNS; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        fields[i] = (struct arr_field){
            .name = names[i],
            .type = {.kind = (enum arr_kind)i, .unit = ARR_MICRO, .width = 7, .precision = 20},
            .nullable = true};
    }
}

/* A run of one block, which the test owns. */
struct block_run {
    struct run base;
    struct arr_batch rows;
    struct key_vec keys;
    bool is_given;
    bool is_closed;
};

static slp_rc block_next(struct run *r, struct run_block *out, struct slp_err *err)
{
    struct block_run *b = (struct block_run *)(void *)r;
    (void)err;
    if (b->is_given)
        return SLP_DONE;
    b->is_given = true;
    *out = (struct run_block){.batch = &b->rows, .keys = &b->keys};
    return SLP_OK;
}

static void block_close(struct run *r)
{
    ((struct block_run *)(void *)r)->is_closed = true;
}

static void fill_column(struct t *t, struct arr_col *c)
{
    uint8_t bytes[64];
    size_t len = arr_type_is_variable(c->type) ? (size_t)t_below(t, 40) : arr_type_width(c->type);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)('a' + t_below(t, 3));
    if (c->type.kind == ARR_NULL || t_below(t, 5) == 0)
        assert_ok(t, arr_col_append_null(c, &t->err));
    else if (c->type.kind == ARR_BOOL)
        assert_ok(t, arr_col_append_bool(c, t_below(t, 2) == 0, &t->err));
    else
        assert_ok(t, arr_col_append(c, slice_of(bytes, len), &t->err));
}

/* Rows first, first + step, ...: their numbers are their keys. */
static void block_init(struct t *t, struct block_run *b, int64_t rows, uint64_t first,
                       uint64_t step)
{
    static const struct run_ops ops = {.next = block_next, .close = block_close};
    make_schema();
    *b = (struct block_run){.base = {.ops = &ops}};
    key_vec_init(&b->keys, &t->mem, 1 << 24);
    assert_ok(t, arr_batch_init(&b->rows, &t->mem, &schema, &t->err));
    for (int64_t i = 0; i < rows; i++) {
        uint8_t key[8];
        num_store_u64be(key, first + step * (uint64_t)i);
        assert_ok(t, key_vec_append(&b->keys, slice_of(key, sizeof key), &t->err));
        for (size_t c = 0; c < COLUMNS; c++)
            fill_column(t, &b->rows.cols[c]);
    }
    b->rows.rows = rows;
}

static void block_fini(struct block_run *b)
{
    arr_batch_fini(&b->rows);
    key_vec_fini(&b->keys);
}

static void expect_equal(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len)
        assert_memory_equal(a->ptr, b->ptr, a->len);
}

static void expect_same_rows(const struct arr_batch *a, const struct arr_batch *b)
{
    assert_int_equal(a->rows, b->rows);
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_int_equal(a->cols[c].rows, b->cols[c].rows);
        assert_int_equal(a->cols[c].null_count, b->cols[c].null_count);
        expect_equal(&a->cols[c].validity, &b->cols[c].validity);
        expect_equal(&a->cols[c].data, &b->cols[c].data);
        expect_equal(&a->cols[c].offsets, &b->cols[c].offsets);
    }
}

/* All rows of a run, put together. */
static slp_rc drain(struct t *t, struct run *run, struct arr_batch *rows, struct key_vec *keys,
                    size_t *blocks)
{
    struct run_block block;
    slp_rc rc = SLP_OK;
    while ((rc = run_next(run, &block, &t->err)) == SLP_OK) {
        TRY(arr_batch_append_run(rows, block.batch, 0, block.batch->rows, &t->err));
        for (int64_t i = 0; i < block.keys->count; i++)
            TRY(key_vec_append(keys, key_at(block.keys, i), &t->err));
        ++*blocks;
    }
    return rc == SLP_DONE ? SLP_OK : rc;
}

static struct ingest_spill_options options_in(const char *folder)
{
    return (struct ingest_spill_options){
        .folder = folder, .schema = &schema, .block_bytes = 8 << 10};
}

static void spilled_rows_of_every_type_come_back_as_they_were(void **state)
{
    struct t *t = *state;
    struct place p;
    struct block_run b;
    struct run *in[] = {&b.base};
    struct run *run = NULL;
    struct arr_batch rows = {0};
    struct key_vec keys;
    size_t blocks = 0;
    place_make(&p);
    block_init(t, &b, 2000, 5, 1);
    struct ingest_spill_options o = options_in(p.path);
    assert_ok(t, ingest_spill(&t->mem, &o, in, 1, &run, &t->err));
    assert_true(b.is_closed);
    assert_ok(t, arr_batch_init(&rows, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 24);
    assert_ok(t, drain(t, run, &rows, &keys, &blocks));
    assert_true(blocks > 10);
    expect_same_rows(&rows, &b.rows);
    expect_equal(&keys.bytes, &b.keys.bytes);
    expect_equal(&keys.offsets, &b.keys.offsets);
    run_close(run);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    block_fini(&b);
    place_drop(&p);
}

static void runs_are_merged_while_they_are_spilled(void **state)
{
    struct t *t = *state;
    struct place p;
    struct block_run even;
    struct block_run odd;
    struct run *in[] = {&odd.base, &even.base};
    struct run *run = NULL;
    struct arr_batch rows = {0};
    struct key_vec keys;
    size_t blocks = 0;
    place_make(&p);
    block_init(t, &even, 300, 0, 2);
    block_init(t, &odd, 300, 1, 2);
    struct ingest_spill_options o = options_in(p.path);
    assert_ok(t, ingest_spill(&t->mem, &o, in, 2, &run, &t->err));
    assert_true(even.is_closed && odd.is_closed);
    assert_ok(t, arr_batch_init(&rows, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 24);
    assert_ok(t, drain(t, run, &rows, &keys, &blocks));
    assert_int_equal(keys.count, 600);
    for (int64_t i = 0; i < 600; i++)
        assert_int_equal(num_load_u64be(key_at(&keys, i).ptr), i);
    run_close(run);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    block_fini(&even);
    block_fini(&odd);
    place_drop(&p);
}

static void nothing_is_seen_in_the_folder(void **state)
{
    struct t *t = *state;
    struct place p;
    struct block_run b;
    struct run *in[] = {&b.base};
    struct run *run = NULL;
    place_make(&p);
    block_init(t, &b, 100, 0, 1);
    struct ingest_spill_options o = options_in(p.path);
    assert_ok(t, ingest_spill(&t->mem, &o, in, 1, &run, &t->err));
    assert_int_equal(rmdir(p.path), 0);
    run_close(run);
    block_fini(&b);
}

static void failing_closes_the_runs(void **state)
{
    struct t *t = *state;
    struct block_run b;
    struct run *in[] = {&b.base};
    struct run *run = NULL;
    int cancel = 1;
    block_init(t, &b, 100, 0, 1);
    struct ingest_spill_options o = options_in("/nowhere/at/all");
    assert_rc(t, ingest_spill(&t->mem, &o, in, 1, &run, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "/nowhere/at/all");
    assert_true(b.is_closed && !run);
    b.is_given = b.is_closed = false;
    o = options_in("/tmp");
    o.cancel = &cancel;
    assert_rc(t, ingest_spill(&t->mem, &o, in, 1, &run, &t->err), SLP_CANCELLED);
    assert_true(b.is_closed && !run);
    block_fini(&b);
}

static void spilling_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    struct block_run b;
    place_make(&p);
    block_init(t, &b, 40, 0, 1);
    T_FAULT_LOOP(t) {
        struct run *in[] = {&b.base};
        struct run *run = NULL;
        struct arr_batch rows = {0};
        struct key_vec keys;
        size_t blocks = 0;
        b.is_given = b.is_closed = false;
        key_vec_init(&keys, &t->mem, 1 << 24);
        struct ingest_spill_options o = options_in(p.path);
        slp_rc rc = ingest_spill(&t->mem, &o, in, 1, &run, &t->err);
        assert_true(b.is_closed && (rc == SLP_OK) == (run != NULL));
        if (rc == SLP_OK)
            rc = arr_batch_init(&rows, &t->mem, &schema, &t->err);
        if (rc == SLP_OK)
            rc = drain(t, run, &rows, &keys, &blocks);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        run_close(run);
        arr_batch_fini(&rows);
        key_vec_fini(&keys);
    }
    block_fini(&b);
    place_drop(&p);
}

T_MAIN(T_TEST(spilled_rows_of_every_type_come_back_as_they_were),
       T_TEST(runs_are_merged_while_they_are_spilled), T_TEST(nothing_is_seen_in_the_folder),
       T_TEST(failing_closes_the_runs), T_TEST(spilling_survives_every_fault))
