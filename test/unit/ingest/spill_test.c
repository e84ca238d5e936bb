#include "ingest/spill.h"

#include "base/num.h"
#include "ingest/sorted.h"
#include "lib/place.h"
#include "merge/merge.h"

/* One column of each kind that a table may have. */
#define COLUMNS (ARR_KEY_KIND_COUNT)

static struct arr_field fields[COLUMNS];
static const struct arr_schema schema = {.fields = fields, .count = COLUMNS};

/* Rows' numbers are their keys, and their ordinals too. */
#define KEY_COLUMN ARR_INT64
static const struct key_spec spec = {
    .field_count = 1, .row_key_count = 1, .columns = {KEY_COLUMN}, .types = {{.kind = ARR_INT64}}};

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

static uint64_t number_of(const struct key_vec *keys, int64_t row)
{
    struct slice key = key_at(keys, row);
    assert_int_equal(key.len, 9 + INGEST_ORDINAL_BYTES);
    return num_load_u64be(key.ptr + 9);
}

/* Rows first, first + step, ... */
static void fill_rows(struct t *t, struct arr_batch *out, int64_t rows, uint64_t first,
                      uint64_t step)
{
    make_schema();
    assert_ok(t, arr_batch_init(out, &t->mem, &schema, &t->err));
    for (int64_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < COLUMNS; c++)
            if (c != KEY_COLUMN)
                fill_column(t, &out->cols[c]);
        int64_t number = (int64_t)(first + step * (uint64_t)i);
        assert_ok(t, arr_col_append_i64(&out->cols[KEY_COLUMN], number, &t->err));
    }
    out->rows = rows;
}

static void block_init(struct t *t, struct block_run *b, int64_t rows, uint64_t first,
                       uint64_t step)
{
    static const struct run_ops ops = {.next = block_next, .close = block_close};
    *b = (struct block_run){.base = {.ops = &ops}};
    key_vec_init(&b->keys, &t->mem, 1 << 24);
    fill_rows(t, &b->rows, rows, first, step);
    struct key_rows all = {.count = rows, .gap = INGEST_ORDINAL_BYTES};
    assert_ok(t, key_encode_spaced(&spec, &b->rows, all, &b->keys, &t->err));
    const uint64_t *ends = (const uint64_t *)(const void *)b->keys.offsets.ptr + 1;
    for (int64_t i = 0; i < rows; i++)
        num_store_u64be(b->keys.bytes.ptr + ends[i] - 8, first + step * (uint64_t)i);
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
        TRY(key_columns_encode(block.columns, 0, block.batch->rows, keys, &t->err));
        ++*blocks;
    }
    return rc == SLP_DONE ? SLP_OK : rc;
}

static struct ingest_spill_options options_in(const char *folder)
{
    return (struct ingest_spill_options){
        .folder = folder, .schema = &schema, .spec = &spec, .block_bytes = 8 << 10};
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
        assert_int_equal(number_of(&keys, i), i);
    run_close(run);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    block_fini(&even);
    block_fini(&odd);
    place_drop(&p);
}

/* A chunk sorted, held and then spilled by itself comes back as it was held. */
static void a_held_run_is_spilled_as_it_is(void **state)
{
    struct t *t = *state;
    struct place p;
    struct ingest_chunk c = {0};
    struct arr_batch in = {0};
    struct arr_batch rows = {0};
    struct run *held = NULL;
    struct run *run = NULL;
    struct key_vec keys;
    size_t blocks = 0;
    place_make(&p);
    fill_rows(t, &in, 3000, 0, 1);
    assert_ok(t, arr_batch_init(&rows, &t->mem, &schema, &t->err));
    key_vec_init(&keys, &t->mem, 1 << 24);
    assert_ok(t, ingest_chunk_init(&c, &t->mem, &schema, &t->err));
    assert_ok(t, arr_batch_append_run(&rows, &in, 1000, 2000, &t->err));
    assert_ok(t, arr_batch_append_run(&rows, &in, 0, 1000, &t->err));
    assert_ok(t, ingest_chunk_add(&c, &spec, &rows, 1000, &t->err));
    assert_ok(t, ingest_chunk_sort(&c, &t->err));
    assert_ok(t, ingest_chunk_take(&c, &spec, &t->mem, &held, &t->err));
    struct ingest_spill_options o = options_in(p.path);
    assert_ok(t, ingest_spill_sorted(&t->mem, &o, held, &run, &t->err));
    arr_batch_clear(&rows);
    assert_ok(t, drain(t, run, &rows, &keys, &blocks));
    assert_true(blocks > 10);
    expect_same_rows(&rows, &in);
    for (int64_t i = 0; i < 3000; i++)
        assert_int_equal(number_of(&keys, i), i < 1000 ? 3000 + i : i);
    run_close(run);
    ingest_chunk_fini(&c);
    arr_batch_fini(&in);
    arr_batch_fini(&rows);
    key_vec_fini(&keys);
    place_drop(&p);
}

static void ordinals_take_four_bytes_where_they_lie_near(void **state)
{
    struct t *t = *state;
    struct ingest_ordinals o = {.is_wide = false};
    const uint64_t near[] = {7, 5, 6};
    const uint64_t far[] = {5, (uint64_t)1 << 40};
    const uint32_t order[] = {2, 0, 1};
    buf_init(&o.numbers, &t->mem, 1 << 10);
    assert_ok(t, ingest_ordinals_pick(&o, near, order, 3, &t->err));
    assert_int_equal(o.numbers.len, 12);
    assert_int_equal(ingest_ordinal_at(&o, 0), 6);
    assert_int_equal(ingest_ordinal_at(&o, 1), 7);
    assert_ok(t, ingest_ordinals_pick(&o, far, NULL, 2, &t->err));
    assert_int_equal(o.numbers.len, 16);
    assert_int_equal(ingest_ordinal_at(&o, 1), (uint64_t)1 << 40);
    buf_fini(&o.numbers);
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
       T_TEST(runs_are_merged_while_they_are_spilled), T_TEST(a_held_run_is_spilled_as_it_is),
       T_TEST(ordinals_take_four_bytes_where_they_lie_near), T_TEST(nothing_is_seen_in_the_folder),
       T_TEST(failing_closes_the_runs), T_TEST(spilling_survives_every_fault))
