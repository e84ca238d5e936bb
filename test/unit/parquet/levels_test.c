#include "parquet/levels.h"

#include "lib/t.h"

static void rows_are_cut_where_the_next_begins(void **state)
{
    (void)state;
    static const uint8_t repetitions[] = {0, 1, 2, 0, 0, 1, 0, 2};
    static const struct {
        int64_t rows;
        size_t cut;
        int64_t begun;
    } cases[] = {{0, 0, 0}, {1, 3, 1}, {2, 4, 2}, {3, 6, 3}, {4, 8, 4}, {9, 8, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t begun = -1;
        assert_int_equal(pq_levels_cut(repetitions, 8, cases[i].rows, &begun), cases[i].cut);
        assert_int_equal(begun, cases[i].begun);
    }
    /* What goes on with a row that was begun before belongs to it. */
    int64_t begun = -1;
    assert_int_equal(pq_levels_cut(repetitions + 1, 7, 0, &begun), 2);
    assert_int_equal(begun, 0);
}

static void slots_are_counted_and_marked(void **state)
{
    (void)state;
    uint8_t definitions[PQ_STEP_ROWS];
    uint8_t bits[PQ_STEP_ROWS / 8];
    uint64_t random = 7;
    for (size_t n = 0; n <= PQ_STEP_ROWS; n = n * 2 + 1) {
        for (uint8_t slot = 0; slot < 3; slot++) {
            size_t slots = 0;
            size_t present = 0;
            for (size_t i = 0; i < n; i++) {
                random = random * 6364136223846793005u + 1442695040888963407u;
                definitions[i] = (uint8_t)(random >> 60 & 3);
            }
            size_t got = pq_levels_slots(definitions, n, slot, 3, bits, &present);
            size_t set = 0;
            for (size_t i = 0; i < n; i++) {
                if (definitions[i] < slot)
                    continue;
                if (got != present)
                    assert_int_equal(arr_bit(bits, (int64_t)slots), definitions[i] == 3);
                slots++;
                set += definitions[i] == 3;
            }
            assert_int_equal(got, slots);
            assert_int_equal(present, set);
        }
    }
}

/* [[1, 2], [], null], null, [] of lists of lists: an entry each. */
static void lists_within_lists_have_lengths(void **state)
{
    (void)state;
    static const uint8_t definitions[] = {5, 5, 3, 2, 0, 1};
    static const uint8_t repetitions[] = {0, 2, 1, 1, 0, 0};
    struct pq_level_rule outer = {.repetition = 0, .slot = 0, .present = 1, .item = 2};
    struct pq_level_rule inner = {.repetition = 1, .slot = 2, .present = 3, .item = 4};
    int32_t lengths[7] = {0};
    uint8_t bits[1] = {0};
    assert_int_equal(pq_levels_lists(definitions, repetitions, 6, outer, lengths, bits), 3);
    assert_int_equal(lengths[1], 3);
    assert_int_equal(lengths[2] + lengths[3] + lengths[0], 0);
    assert_int_equal(bits[0], 0x0a);
    memset(lengths, 0, sizeof lengths);
    bits[0] = 0;
    assert_int_equal(pq_levels_lists(definitions, repetitions, 6, inner, lengths, bits), 3);
    assert_int_equal(lengths[1], 2);
    assert_int_equal(lengths[2] + lengths[3] + lengths[0], 0);
    assert_int_equal(bits[0], 0x06);
}

static void leaves_agree_up_to_what_they_share(void **state)
{
    (void)state;
    static const uint8_t d[] = {3, 2, 1, 0};
    static const uint8_t r[] = {0, 1, 0, 0};
    static const uint8_t flat_d[] = {1, 1, 0};
    static const uint8_t flat_r[] = {0, 0, 0};
    struct slice ds = slice_of(d, 4);
    struct slice rs = slice_of(r, 4);
    assert_true(pq_levels_agree(ds, rs, slice_of(flat_d, 3), slice_of(flat_r, 3), 1, 0));
    assert_false(pq_levels_agree(ds, rs, slice_of(flat_d, 2), slice_of(flat_r, 2), 1, 0));
    assert_false(pq_levels_agree(ds, rs, slice_of(flat_d, 3), slice_of(flat_r, 3), 2, 0));
    assert_true(pq_levels_agree(ds, rs, ds, rs, 3, 1));
    assert_false(pq_levels_agree(ds, rs, ds, slice_of(flat_r, 3), 3, 1));
}

T_MAIN(T_TEST(rows_are_cut_where_the_next_begins), T_TEST(slots_are_counted_and_marked),
       T_TEST(lists_within_lists_have_lengths), T_TEST(leaves_agree_up_to_what_they_share))
