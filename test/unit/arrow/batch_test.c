#include "arrow/batch.h"

#include "arrow/bits.h"
#include "lib/t.h"

static const struct arr_type all_types[] = {
    {.kind = ARR_NULL},
    {.kind = ARR_BOOL},
    {.kind = ARR_INT8},
    {.kind = ARR_UINT16},
    {.kind = ARR_INT32},
    {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO},
    {.kind = ARR_UTF8},
    {.kind = ARR_BINARY},
    {.kind = ARR_FIXED_BINARY, .width = 5},
    {.kind = ARR_DECIMAL128, .precision = 38},
};

#define TYPE_COUNT (sizeof all_types / sizeof *all_types)

/* One value of the plain model: null, or a few bytes. */
struct cell {
    bool is_null;
    uint8_t len;
    uint8_t bytes[40];
};

static struct cell random_cell(struct t *t, struct arr_type type, unsigned null_percent)
{
    struct cell c = {.is_null = type.kind == ARR_NULL || t_below(t, 100) < null_percent};
    c.len = (uint8_t)arr_type_width(type);
    if (arr_type_is_variable(type))
        c.len = (uint8_t)t_below(t, sizeof c.bytes);
    if (type.kind == ARR_BOOL)
        c.len = 1;
    for (size_t i = 0; i < c.len; i++)
        c.bytes[i] = (uint8_t)t_random(t);
    if (type.kind == ARR_BOOL)
        c.bytes[0] &= 1;
    return c;
}

static slp_rc append_cell(struct arr_col *col, const struct cell *c, struct slp_err *err)
{
    if (c->is_null)
        return arr_col_append_null(col, err);
    if (col->type.kind == ARR_BOOL)
        return arr_col_append_bool(col, c->bytes[0] != 0, err);
    return arr_col_append(col, slice_of(c->bytes, c->len), err);
}

static void assert_cell(const struct arr_col *col, int64_t row, const struct cell *c)
{
    assert_int_equal(arr_col_is_null(col, row), c->is_null);
    if (col->type.kind == ARR_BOOL) {
        assert_int_equal(arr_col_i64(col, row), c->is_null ? 0 : c->bytes[0]);
        return;
    }
    struct slice got = arr_col_bytes(col, row);
    assert_int_equal(got.len, c->is_null ? 0 : c->len);
    if (got.len)
        assert_memory_equal(got.ptr, c->bytes, got.len);
}

/* Invariants that every column keeps, whatever was done to it. */
static void assert_sound(const struct arr_col *c)
{
    if (c->type.kind == ARR_NULL) {
        assert_int_equal(c->null_count, c->rows);
        return;
    }
    assert_int_equal(c->validity.len != 0, c->null_count != 0);
    if (c->null_count) {
        assert_int_equal(c->validity.len, arr_bits_bytes(c->rows));
        assert_int_equal(arr_bits_count(c->validity.ptr, 0, c->rows), c->rows - c->null_count);
        assert_int_equal(arr_bits_count(c->validity.ptr, 0, (int64_t)c->validity.len * 8),
                         c->rows - c->null_count);
    }
    if (arr_type_is_variable(c->type) && c->offsets.len) {
        assert_int_equal(c->offsets.len, (c->rows + 1) * 4);
        assert_int_equal(arr_col_offsets(c)[0], 0);
        assert_int_equal(arr_col_offsets(c)[c->rows], c->data.len);
    }
}

static void assert_same_bytes(struct buf a, struct buf b)
{
    assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
}

#define MODEL_ROWS 700

/* Random appends of every form to a column, each repeated on the plain model. */
static void try_random_appends(struct t *t, struct arr_type type, unsigned null_percent)
{
    static struct cell source_cells[MODEL_ROWS];
    static struct cell model[MODEL_ROWS * 4];
    struct arr_col source;
    struct arr_col col;
    arr_col_init(&source, &t->mem, type);
    arr_col_init(&col, &t->mem, type);
    for (int64_t i = 0; i < MODEL_ROWS; i++) {
        /* Nulls in bursts, so that some runs and picks meet none. */
        unsigned percent = i / 100 % 2 ? null_percent : 0;
        source_cells[i] = random_cell(t, type, percent);
        assert_ok(t, append_cell(&source, &source_cells[i], &t->err));
    }
    assert_sound(&source);
    int64_t rows = 0;
    while (rows < MODEL_ROWS * 3) {
        int64_t count = (int64_t)t_below(t, 200);
        int64_t first = (int64_t)t_below(t, (uint64_t)(MODEL_ROWS - count));
        uint32_t picks[200];
        switch (t_below(t, 4)) {
        case 0:
            assert_ok(t, arr_col_append_run(&col, &source, first, count, &t->err));
            for (int64_t i = 0; i < count; i++)
                model[rows++] = source_cells[first + i];
            break;
        case 1:
            for (int64_t i = 0; i < count; i++) {
                picks[i] = (uint32_t)t_below(t, MODEL_ROWS);
                model[rows++] = source_cells[picks[i]];
            }
            assert_ok(t, arr_col_append_picked(&col, &source, picks, count, &t->err));
            break;
        case 2:
            count = count % 10 * (null_percent > 0 || type.kind == ARR_NULL);
            assert_ok(t, arr_col_append_nulls(&col, count, &t->err));
            for (int64_t i = 0; i < count; i++)
                model[rows++] = (struct cell){.is_null = true};
            break;
        default:
            rows = (int64_t)t_below(t, 20) ? rows : rows / 2;
            arr_col_truncate(&col, rows);
            model[rows] = random_cell(t, type, null_percent);
            assert_ok(t, append_cell(&col, &model[rows++], &t->err));
        }
        assert_sound(&col);
    }
    assert_int_equal(col.rows, rows);
    struct arr_col again;
    arr_col_init(&again, &t->mem, type);
    for (int64_t i = 0; i < rows; i++) {
        assert_cell(&col, i, &model[i]);
        assert_ok(t, append_cell(&again, &model[i], &t->err));
    }
    assert_same_bytes(col.data, again.data);
    assert_same_bytes(col.validity, again.validity);
    assert_same_bytes(col.offsets, again.offsets);
    arr_col_fini(&again);
    arr_col_fini(&col);
    arr_col_fini(&source);
}

static void appends_of_every_form_equal_the_plain_model(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        try_random_appends(t, all_types[i], 0);
        try_random_appends(t, all_types[i], 30);
        try_random_appends(t, all_types[i], 100);
    }
}

static void bitmaps_are_copied_at_every_alignment(void **state)
{
    struct t *t = *state;
    uint8_t src[40];
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)t_random(t);
    for (int64_t dst_bit = 0; dst_bit < 10; dst_bit++) {
        for (int64_t src_bit = 0; src_bit < 10; src_bit++) {
            for (int64_t count = 0; count < 200; count += 1 + count / 20) {
                uint8_t dst[40] = {0};
                arr_bits_copy(dst, dst_bit, src, src_bit, count);
                int64_t set = 0;
                for (int64_t i = 0; i < (int64_t)sizeof dst * 8; i++) {
                    bool inside = i >= dst_bit && i < dst_bit + count;
                    bool want = inside && arr_bit(src, i - dst_bit + src_bit);
                    assert_int_equal(arr_bit(dst, i), want);
                    set += want;
                }
                assert_int_equal(arr_bits_count(src, src_bit, count), set);
            }
        }
    }
}

static void integers_and_floats_come_back_by_value(void **state)
{
    struct t *t = *state;
    static const struct {
        enum arr_kind kind;
        int64_t value;
    } cases[] = {
        {ARR_BOOL, 1},
        {ARR_INT8, INT8_MIN},
        {ARR_UINT8, UINT8_MAX},
        {ARR_INT16, INT16_MIN},
        {ARR_UINT16, 65535},
        {ARR_INT32, INT32_MIN},
        {ARR_UINT32, UINT32_MAX},
        {ARR_INT64, INT64_MIN},
        {ARR_UINT64, -1},
        {ARR_DATE32, -719162},
        {ARR_TIMESTAMP, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arr_col c;
        arr_col_init(&c, &t->mem, (struct arr_type){.kind = cases[i].kind});
        assert_ok(t, arr_col_append_i64(&c, cases[i].value, &t->err));
        assert_true(arr_col_i64(&c, 0) == cases[i].value);
        arr_col_fini(&c);
    }
    for (int kind = ARR_FLOAT; kind <= ARR_DOUBLE; kind++) {
        struct arr_col c;
        arr_col_init(&c, &t->mem, (struct arr_type){.kind = (enum arr_kind)kind});
        assert_ok(t, arr_col_append_f64(&c, -0.375, &t->err));
        assert_true(arr_col_f64(&c, 0) == -0.375);
        arr_col_fini(&c);
    }
}

static void strings_beyond_the_offsets_are_refused(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    arr_col_init(&c, &t->mem, (struct arr_type){.kind = ARR_UTF8});
    assert_ok(t, arr_col_append(&c, slice_str("abc"), &t->err));
    uint8_t byte = 0;
    assert_rc(t, arr_col_append(&c, slice_of(&byte, ARR_BYTES_MAX - 2), &t->err), SLP_LIMIT);
    assert_err_has(t, "use smaller batches");
    assert_int_equal(c.rows, 1);
    assert_int_equal(c.data.len, 3);
    arr_col_fini(&c);
}

static void rows_picked_between_nulls_have_no_bitmap(void **state)
{
    struct t *t = *state;
    struct arr_col from;
    struct arr_col c;
    static const uint32_t picks[] = {2, 0, 2};
    arr_col_init(&from, &t->mem, (struct arr_type){.kind = ARR_INT32});
    arr_col_init(&c, &t->mem, (struct arr_type){.kind = ARR_INT32});
    for (int i = 0; i < 3; i++)
        assert_ok(t, i == 1 ? arr_col_append_null(&from, &t->err)
                            : arr_col_append_i64(&from, i, &t->err));
    assert_ok(t, arr_col_append_picked(&c, &from, picks, 3, &t->err));
    assert_ok(t, arr_col_append_run(&c, &from, 2, 1, &t->err));
    assert_sound(&c);
    assert_int_equal(c.validity.len, 0);
    assert_int_equal(arr_col_i64(&c, 2), 2);
    arr_col_fini(&c);
    arr_col_fini(&from);
}

static struct arr_field two_fields[] = {
    {.name = "n", .type = {.kind = ARR_INT64}},
    {.name = "s", .type = {.kind = ARR_UTF8}, .nullable = true},
};
static const struct arr_schema two_columns = {.fields = two_fields, .count = 2};

static slp_rc fill(struct arr_batch *b, int64_t rows, struct slp_err *err)
{
    for (int64_t i = 0; i < rows; i++) {
        TRY(arr_col_append_i64(&b->cols[0], i, err));
        if (i % 3)
            TRY(arr_col_append(&b->cols[1], slice_str("value"), err));
        else
            TRY(arr_col_append_null(&b->cols[1], err));
        b->rows++;
    }
    return SLP_OK;
}

static void a_cleared_batch_takes_no_memory_of_a_budget(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &two_columns, &t->err));
    assert_ok(t, fill(&b, 8, &t->err));
    assert_int_equal(arr_batch_memory(&b), 8 * 8 + 1 + 9 * 4 + 5 * 5);
    arr_batch_clear(&b);
    assert_int_equal(b.rows, 0);
    assert_int_equal(arr_batch_memory(&b), 0);
    arr_batch_fini(&b);
    arr_batch_fini(&b);
}

static void every_fault_leaves_whole_rows(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arr_batch from = {0};
        struct arr_batch b = {0};
        uint32_t picks[] = {5, 1, 3};
        slp_rc rc = arr_batch_init(&from, &t->mem, &two_columns, &t->err);
        if (rc == SLP_OK)
            rc = fill(&from, 100, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_init(&b, &t->mem, &two_columns, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_append_run(&b, &from, 1, 90, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_append_picked(&b, &from, picks, 3, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        for (size_t i = 0; b.cols && i < 2; i++) {
            assert_int_equal(b.cols[i].rows, b.rows);
            assert_sound(&b.cols[i]);
        }
        arr_batch_fini(&b);
        arr_batch_fini(&from);
    }
}

T_MAIN(T_TEST(appends_of_every_form_equal_the_plain_model),
       T_TEST(bitmaps_are_copied_at_every_alignment),
       T_TEST(integers_and_floats_come_back_by_value),
       T_TEST(strings_beyond_the_offsets_are_refused),
       T_TEST(rows_picked_between_nulls_have_no_bitmap),
       T_TEST(a_cleared_batch_takes_no_memory_of_a_budget), T_TEST(every_fault_leaves_whole_rows))
