/* rooms: arrow */
/*
 * Columns of random types against a plain model: a list of rows of the source. Runs, picked rows,
 * nulls and cuts give columns equal to what was asked for, row by row. What goes out through the C
 * Data Interface comes in equal.
 */
#include "arrow/cdata.h"
#include "arrow/dictionary.h"
#include "arrow/text.h"
#include "lib/random_rows.h"

#define ROUNDS      150
#define MODEL_MAX   4096
#define SOURCE_ROWS 60

/* Row numbers of the source; -1 is a null that was appended. */
struct model {
    int64_t rows[MODEL_MAX];
    int64_t count;
};

static struct t_shape random_shape(struct t *t)
{
    static const unsigned nulls[] = {0, 5, 40, 100};
    return (struct t_shape){.depth = 1 + (unsigned)t_below(t, 5),
                            .children = 3,
                            .null_percent = nulls[t_below(t, 4)],
                            .list_items = 1 + (unsigned)t_below(t, 24)};
}

static void assert_model(const struct arr_col *c, const struct arr_col *source,
                         const struct model *m)
{
    t_assert_col_sound(c);
    assert_int_equal(c->rows, m->count);
    for (int64_t i = 0; i < m->count; i++) {
        if (m->rows[i] < 0)
            assert_true(arr_col_is_null(c, i));
        else
            assert_true(t_value_equal(c, i, source, m->rows[i]));
    }
}

static void append_run(struct t *t, struct arr_col *c, const struct arr_col *source,
                       struct model *m)
{
    int64_t first = (int64_t)t_below(t, (uint64_t)source->rows + 1);
    int64_t count = (int64_t)t_below(t, (uint64_t)(source->rows - first) + 1);
    assert_ok(t, arr_col_append_run(c, source, first, count, &t->err));
    for (int64_t i = 0; i < count; i++)
        m->rows[m->count++] = first + i;
}

static void append_picked(struct t *t, struct arr_col *c, const struct arr_col *source,
                          struct model *m)
{
    uint32_t rows[SOURCE_ROWS];
    int64_t count = source->rows ? (int64_t)t_below(t, SOURCE_ROWS) : 0;
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (uint32_t)t_below(t, (uint64_t)source->rows);
        m->rows[m->count++] = rows[i];
    }
    assert_ok(t, arr_col_append_picked(c, source, rows, count, &t->err));
}

static void append_nulls(struct t *t, struct arr_col *c, struct model *m)
{
    int64_t count = (int64_t)t_below(t, 20);
    assert_ok(t, arr_col_append_nulls(c, count, &t->err));
    for (int64_t i = 0; i < count; i++)
        m->rows[m->count++] = -1;
}

static void work_on(struct t *t, struct arr_col *c, const struct arr_col *source)
{
    struct model m = {.count = 0};
    for (int step = 0; step < 12; step++) {
        switch (t_below(t, 5)) {
        case 0:
            append_run(t, c, source, &m);
            break;
        case 1:
            append_picked(t, c, source, &m);
            break;
        case 2:
            append_nulls(t, c, &m);
            break;
        case 3:
            m.count = (int64_t)t_below(t, (uint64_t)m.count + 1);
            arr_col_truncate(c, m.count);
            break;
        default:
            if (t_below(t, 6) == 0) {
                arr_col_clear(c);
                m.count = 0;
            }
        }
        assert_model(c, source, &m);
    }
}

static void columns_of_any_type_do_what_a_list_of_rows_does(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_batch source;
        struct arr_col c;
        struct t_shape shape = random_shape(t);
        arena_init(&a, &t->mem, 1 << 20);
        t_random_schema(t, &a, &shape, 1, &schema);
        t_random_batch(t, &schema, &shape, (int64_t)t_below(t, SOURCE_ROWS), &source);
        t_assert_col_sound(&source.cols[0]);
        assert_ok(t, arr_col_init_field(&c, &t->mem, &schema.fields[0], &t->err));
        work_on(t, &c, &source.cols[0]);
        arr_col_fini(&c);
        arr_batch_fini(&source);
        arena_fini(&a);
    }
}

/* The same rows, as indices into a dictionary of all values there are. */
static void make_dictionary(struct t *t, const struct arr_col *plain, struct arr_dictionary *d,
                            struct arr_col *out)
{
    arr_col_init(out, &t->mem, plain->type);
    arr_col_set_dictionary(out, d);
    for (int64_t row = 0; row < plain->rows; row++) {
        uint32_t at = 0;
        if (arr_col_is_null(plain, row)) {
            assert_ok(t, arr_col_append_null(out, &t->err));
            continue;
        }
        while (at < d->values.rows && !t_value_equal(&d->values, at, plain, row))
            at++;
        if (at == d->values.rows)
            assert_ok(t, arr_col_append_run(&d->values, plain, row, 1, &t->err));
        assert_ok(t, arr_col_append_indices(out, &at, 1, &t->err));
    }
}

static void dictionary_columns_do_what_plain_ones_do(void **state)
{
    struct t *t = *state;
    struct t_shape shape = {.depth = 1, .few_values = true, .without_null = true};
    for (int round = 0; round < ROUNDS; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_batch plain;
        struct arr_dictionary *d = NULL;
        struct arr_col kept;
        struct arr_col to;
        shape.null_percent = (unsigned)t_below(t, 3) * 50;
        arena_init(&a, &t->mem, 1 << 20);
        t_random_schema(t, &a, &shape, 1, &schema);
        t_random_batch(t, &schema, &shape, (int64_t)t_below(t, SOURCE_ROWS), &plain);
        assert_ok(t, arr_dictionary_new(&t->mem, plain.cols[0].type, &d, &t->err));
        make_dictionary(t, &plain.cols[0], d, &kept);
        t_assert_col_sound(&kept);
        t_assert_col_equal(&kept, &plain.cols[0]);
        arr_col_init(&to, &t->mem, plain.cols[0].type);
        if (t_below(t, 2))
            arr_col_set_dictionary(&to, d);
        work_on(t, &to, &kept);
        work_on(t, (arr_col_clear(&to), &to), t_below(t, 2) ? &kept : &plain.cols[0]);
        assert_ok(t, arr_col_decode_dictionary(&kept, &t->err));
        assert_null(kept.dictionary);
        t_assert_col_sound(&kept);
        t_assert_col_equal(&kept, &plain.cols[0]);
        arr_dictionary_unref(d);
        arr_col_fini(&kept);
        arr_col_fini(&to);
        arr_batch_fini(&plain);
        arena_fini(&a);
    }
}

static void an_append_that_fails_changes_no_row(void **state)
{
    struct t *t = *state;
    struct t_shape shape = {.depth = 4, .children = 3, .null_percent = 20, .list_items = 5};
    for (int round = 0; round < 12; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_batch source;
        arena_init(&a, alloc_system(), 1 << 20);
        t_random_schema(t, &a, &shape, 2, &schema);
        t_random_batch(t, &schema, &shape, 20, &source);
        T_FAULT_LOOP(t) {
            struct arr_batch b = {0};
            static const uint32_t picks[] = {3, 3, 0, 19};
            slp_rc rc = arr_batch_init(&b, &t->mem, &schema, &t->err);
            int64_t done = 0;
            if (rc == SLP_OK)
                rc = arr_batch_append_run(&b, &source, 2, 10, &t->err);
            done = rc == SLP_OK ? 10 : 0;
            if (rc == SLP_OK)
                rc = arr_batch_append_picked(&b, &source, picks, 4, &t->err);
            done = rc == SLP_OK ? 14 : done;
            assert_int_equal(rc != SLP_OK, t->fault_hit);
            assert_int_equal(b.rows, done);
            for (size_t i = 0; b.cols && i < schema.count; i++) {
                t_assert_col_sound(&b.cols[i]);
                assert_int_equal(b.cols[i].rows, done);
                for (int64_t row = 0; row < done; row++)
                    assert_true(t_value_equal(&b.cols[i], row, &source.cols[i],
                                              row < 10 ? row + 2 : picks[row - 10]));
            }
            arr_batch_fini(&b);
        }
        arr_batch_fini(&source);
        arena_fini(&a);
    }
}

/* Out through the C Data Interface and in again, from any row on. */
static void what_goes_out_comes_in_equal(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < ROUNDS; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_schema read;
        struct arr_batch b;
        struct arr_batch same;
        struct arr_batch again;
        struct ArrowSchema s = {0};
        struct ArrowArray array = {0};
        struct t_shape shape = random_shape(t);
        arena_init(&a, &t->mem, 1 << 20);
        t_random_schema(t, &a, &shape, 3, &schema);
        for (size_t i = 0; i < 3; i++)
            schema.fields[i].is_dictionary = t_below(t, 4) == 0;
        t_random_batch(t, &schema, &shape, (int64_t)t_below(t, 2000), &b);
        assert_ok(t, arr_batch_init(&same, &t->mem, &schema, &t->err));
        assert_ok(t, arr_batch_append_run(&same, &b, 0, b.rows, &t->err));
        assert_ok(t, arr_export_schema(&schema, &t->mem, &s, &t->err));
        assert_ok(t, arr_export_batch(&b, &array, &t->err));
        for (size_t i = 0; i < 3; i++)
            t_assert_col_sound(&b.cols[i]);
        assert_ok(t, arr_import_schema(&s, &a, &read, &t->err));
        for (size_t i = 0; i < 3; i++)
            assert_true(arr_field_same_type(&read.fields[i], &schema.fields[i]));
        assert_ok(t, arr_batch_init(&again, &t->mem, &read, &t->err));
        array.offset = (int64_t)t_below(t, (uint64_t)array.length + 1);
        array.length -= array.offset;
        int64_t count = array.length;
        assert_ok(t, arr_import_batch(&array, &s, &again, &t->err));
        assert_ok(t, arr_import_batch(&array, &s, &again, &t->err));
        assert_ok(t, arr_batch_append_run(&b, &same, same.rows - count, count, &t->err));
        assert_ok(t, arr_batch_append_run(&b, &same, same.rows - count, count, &t->err));
        for (size_t i = 0; i < 3; i++)
            t_assert_col_sound(&again.cols[i]);
        t_assert_batch_equal(&again, &b);
        array.release(&array);
        s.release(&s);
        arr_batch_fini(&b);
        arr_batch_fini(&same);
        arr_batch_fini(&again);
        arena_fini(&a);
    }
}

static void every_fault_of_a_transfer_leaves_both_sides_whole(void **state)
{
    struct t *t = *state;
    struct t_shape shape = {.depth = 4, .children = 3, .null_percent = 20, .list_items = 5};
    for (int round = 0; round < 6; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_batch source;
        arena_init(&a, alloc_system(), 1 << 20);
        t_random_schema(t, &a, &shape, 2, &schema);
        schema.fields[0].is_dictionary = true;
        t_random_batch(t, &schema, &shape, 20, &source);
        T_FAULT_LOOP(t) {
            struct arr_batch from = {0};
            struct arr_batch to = {0};
            struct ArrowSchema s = {0};
            struct ArrowArray array = {0};
            slp_rc rc = arr_batch_init(&from, &t->mem, &schema, &t->err);
            if (rc == SLP_OK)
                rc = arr_batch_init(&to, &t->mem, &schema, &t->err);
            if (rc == SLP_OK)
                rc = arr_batch_append_run(&from, &source, 0, 20, &t->err);
            if (rc == SLP_OK)
                rc = arr_export_schema(&schema, &t->mem, &s, &t->err);
            bool is_filled = rc == SLP_OK;
            if (rc == SLP_OK)
                rc = arr_export_batch(&from, &array, &t->err);
            if (is_filled && rc != SLP_OK)
                t_assert_batch_equal(&from, &source);
            if (rc == SLP_OK)
                rc = arr_import_batch(&array, &s, &to, &t->err);
            assert_int_equal(rc != SLP_OK, t->fault_hit);
            assert_int_equal(to.rows, rc == SLP_OK ? 20 : 0);
            for (size_t i = 0; to.cols && i < schema.count; i++)
                t_assert_col_sound(&to.cols[i]);
            if (rc == SLP_OK)
                t_assert_batch_equal(&to, &source);
            if (array.release)
                array.release(&array);
            if (s.release)
                s.release(&s);
            arr_batch_fini(&from);
            arr_batch_fini(&to);
        }
        arr_batch_fini(&source);
        arena_fini(&a);
    }
}

/* All but texts themselves, floats that are NaN of other bits, and types that hold nothing. */
static void texts_of_every_flat_type_are_read_back(void **state)
{
    struct t *t = *state;
    struct t_shape shape = {.depth = 1, .without_null = true};
    for (int round = 0; round < 400; round++) {
        struct arena a;
        struct arr_schema schema;
        struct arr_batch b;
        struct arr_col again;
        struct buf text;
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&text, &t->mem, 1 << 20);
        t_random_schema(t, &a, &shape, 1, &schema);
        t_random_batch(t, &schema, &shape, 20, &b);
        assert_ok(t, arr_col_init_field(&again, &t->mem, &schema.fields[0], &t->err));
        for (int64_t row = 0; row < 20; row++) {
            buf_clear(&text);
            assert_ok(t, arr_text_format(&b.cols[0], row, &text, &t->err));
            assert_ok(t, arr_text_parse(&again, buf_slice(&text), &t->err));
        }
        t_assert_col_equal(&again, &b.cols[0]);
        arr_col_fini(&again);
        arr_batch_fini(&b);
        buf_fini(&text);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(texts_of_every_flat_type_are_read_back), T_TEST(what_goes_out_comes_in_equal),
       T_TEST(every_fault_of_a_transfer_leaves_both_sides_whole),
       T_TEST(columns_of_any_type_do_what_a_list_of_rows_does),
       T_TEST(dictionary_columns_do_what_plain_ones_do),
       T_TEST(an_append_that_fails_changes_no_row))
