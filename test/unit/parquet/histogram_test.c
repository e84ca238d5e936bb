#include "parquet/histogram.h"

#include "lib/t.h"

static const struct pq_leaf_field lists = {.repetition_max = 1, .definition_max = 3};
static const struct pq_leaf_field nullable = {.definition_max = 1};
static const struct pq_leaf_field required;

static const int64_t *counts_of(const struct buf *b)
{
    return (const int64_t *)(const void *)b->ptr;
}

/* [[1, null], null, []], and two rows of one null each. */
static void add_pages(struct t *t, struct buf *b)
{
    static const uint8_t repetitions[] = {0, 1, 0, 0, 0, 0};
    static const uint8_t definitions[] = {3, 2, 0, 1, 2, 2};
    assert_ok(t, pq_histogram_of_levels(&lists, repetitions, definitions, 4, b, &t->err));
    assert_ok(t, pq_histogram_of_levels(&lists, repetitions + 4, definitions + 4, 2, b, &t->err));
}

static void levels_are_counted_by_page_and_add_up(void **state)
{
    static const int64_t pages[] = {3, 1, 1, 1, 1, 1, 2, 0, 0, 0, 2, 0};
    static const int64_t chunk[] = {5, 1, 1, 1, 3, 1};
    struct t *t = *state;
    struct buf b;
    int64_t sum[6] = {0};
    buf_init(&b, &t->mem, 1 << 10);
    add_pages(t, &b);
    assert_int_equal(pq_histogram_width(&lists), 6);
    assert_int_equal(b.len, sizeof pages);
    assert_memory_equal(b.ptr, pages, sizeof pages);
    pq_histogram_sum(&lists, counts_of(&b), 2, sum);
    assert_memory_equal(sum, chunk, sizeof chunk);
    buf_fini(&b);
}

static void rows_of_a_flat_column_are_null_or_not(void **state)
{
    static const int64_t page[] = {3, 4};
    struct t *t = *state;
    struct buf b;
    buf_init(&b, &t->mem, 1 << 10);
    assert_ok(t, pq_histogram_of_rows(&required, 0, 7, &b, &t->err));
    assert_int_equal(b.len, 0);
    assert_int_equal(pq_histogram_width(&required), 0);
    assert_ok(t, pq_histogram_of_rows(&nullable, 3, 4, &b, &t->err));
    assert_int_equal(b.len, sizeof page);
    assert_memory_equal(b.ptr, page, sizeof page);
    buf_fini(&b);
}

static void the_deepest_levels_are_counted(void **state)
{
    static const struct pq_leaf_field deep = {.repetition_max = 255, .definition_max = 255};
    struct t *t = *state;
    struct buf b;
    uint8_t levels[512];
    buf_init(&b, &t->mem, 1 << 16);
    for (size_t i = 0; i < 512; i++)
        levels[i] = (uint8_t)i;
    assert_ok(t, pq_histogram_of_levels(&deep, levels, levels, 512, &b, &t->err));
    assert_int_equal(b.len, 512 * sizeof(int64_t));
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(counts_of(&b)[i], 2);
    buf_fini(&b);
}

/* Field 6 of an otherwise empty struct: a list of two pages' counts; behind it field 7. */
static void pages_are_put_one_behind_the_other(void **state)
{
    static const uint8_t want[] = {0x69, 0x46, 6, 2, 4, 0, 0x19, 0x86, 2, 2, 2, 2, 0, 0, 4, 0, 0};
    struct t *t = *state;
    struct buf b;
    struct buf out;
    struct cx_put w;
    buf_init(&b, &t->mem, 1 << 10);
    buf_init(&out, &t->mem, 1 << 10);
    add_pages(t, &b);
    cx_put_init(&w, &out, &t->err);
    pq_histogram_put(&w, 6, &lists, counts_of(&b), 2);
    assert_ok(t, cx_put_finish(&w));
    assert_int_equal(out.len, sizeof want);
    assert_memory_equal(out.ptr, want, sizeof want);
    buf_clear(&out);
    cx_put_init(&w, &out, &t->err);
    pq_histogram_put(&w, 6, &required, NULL, 2);
    assert_ok(t, cx_put_finish(&w));
    assert_int_equal(out.len, 1);
    buf_fini(&out);
    buf_fini(&b);
}

static void counting_survives_every_fault(void **state)
{
    static const uint8_t levels[] = {0, 1};
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf b;
        buf_init(&b, &t->mem, 1 << 10);
        slp_rc rc = pq_histogram_of_levels(&lists, levels, levels, 2, &b, &t->err);
        if (rc == SLP_OK)
            rc = pq_histogram_of_rows(&nullable, 1, 2, &b, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&b);
    }
}

T_MAIN(T_TEST(levels_are_counted_by_page_and_add_up), T_TEST(rows_of_a_flat_column_are_null_or_not),
       T_TEST(the_deepest_levels_are_counted), T_TEST(pages_are_put_one_behind_the_other),
       T_TEST(counting_survives_every_fault))
