#include "compact/stretch.h"

#include <stdio.h>

#include "lib/file.h"

#define FILES 4u
#define ROWS  1500

static const char kv[] = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"}],"
                         "\"rowKey\":[\"k\"],\"sortKey\":[]}";

/* Files of 64 rows a block, opened. */
struct some_files {
    struct t_file made[FILES];
    struct datafile *open[FILES];
    struct key_range ranges[FILES];
    struct arena arena;
    struct compact_stretches out;
};

/* Keys of a file: each of the numbers from `first` on in steps, `of_each` times. */
struct numbers {
    int64_t first;
    int64_t step;
    int64_t of_each;
};

static void files_open(struct t *t, struct some_files *s, const struct numbers *numbers)
{
    *s = (struct some_files){0};
    arena_init(&s->arena, &t->mem, 1 << 24);
    for (size_t i = 0; i < FILES; i++) {
        struct t_file *f = &s->made[i];
        struct datafile_write_options o;
        datafile_write_options_init(&o);
        o.block_bytes = 1;
        t_file_init(t, f, kv);
        for (int64_t r = 0; r < ROWS; r++) {
            char text[32];
            int64_t number = numbers[i].first + r / numbers[i].of_each * numbers[i].step;
            int n = snprintf(text, sizeof text, "key%08lld", (long long)number);
            assert_ok(t, arr_col_append(&f->rows.cols[0], slice_of(text, (size_t)n), &t->err));
        }
        f->rows.rows = ROWS;
        t_file_keys(t, f);
        assert_ok(t, t_file_write(t, f, &o, 640));
        assert_ok(t, t_file_open(t, f, &s->open[i]));
    }
}

static void files_close(struct some_files *s)
{
    arena_fini(&s->arena);
    for (size_t i = 0; i < FILES; i++) {
        datafile_close(s->open[i]);
        t_file_fini(&s->made[i]);
    }
}

static struct compact_plan_input input_of(const struct some_files *s, int64_t rows)
{
    return (struct compact_plan_input){.files = s->open,
                                       .ranges = s->ranges,
                                       .count = FILES,
                                       .rows = rows,
                                       .codec = CX_ZSTD,
                                       .least_copy_bytes = 1,
                                       .most_copy_bytes = 1 << 20,
                                       .most_footer_bytes = 1 << 20};
}

static void plan(struct t *t, struct some_files *s, int64_t rows)
{
    struct compact_plan_input in = input_of(s, rows);
    assert_ok(t, compact_plan(&in, &t->mem, &s->arena, &s->out, &t->err));
}

/* Rows of an input, inside its range, that are in the range of a stretch. */
static int64_t rows_in(const struct some_files *s, size_t input, struct key_range range)
{
    int64_t rows = 0;
    for (int64_t r = 0; r < ROWS; r++) {
        struct slice key = key_at(&s->made[input].keys, r);
        rows += key_range_holds(s->ranges[input], key) && key_range_holds(range, key);
    }
    return rows;
}

static int64_t rows_of_blocks(struct t *t, struct datafile *f, struct datafile_blocks blocks)
{
    int64_t rows = 0;
    for (int64_t i = blocks.first; i < blocks.end; i++) {
        struct datafile_block_info b;
        assert_ok(t, datafile_block_info(f, i, CX_ZSTD, &b, &t->err));
        rows += b.rows;
    }
    return rows;
}

/* Stretches follow each other without a gap; what is copied is all of its range, and nothing of
 * others is in it. Returns the rows that are copied. */
static int64_t expect_sound(struct t *t, const struct some_files *s)
{
    int64_t copied = 0;
    int64_t all = 0;
    struct slice from = slice_of(NULL, 0);
    assert_true(s->out.count > 0);
    for (size_t i = 0; i < s->out.count; i++) {
        const struct compact_stretch *x = &s->out.items[i];
        assert_true(slice_equal(x->range.lo, from));
        assert_true(x->range.has_hi || i + 1 == s->out.count);
        from = x->range.hi;
        for (size_t f = 0; f < FILES; f++) {
            int64_t rows = rows_in(s, f, x->range);
            all += rows;
            if (x->input == COMPACT_MERGED)
                continue;
            assert_int_equal(rows, f == x->input ? rows_of_blocks(t, s->open[f], x->blocks) : 0);
            copied += rows;
        }
    }
    assert_false(s->out.items[s->out.count - 1].range.has_hi);
    int64_t expected = 0;
    for (size_t f = 0; f < FILES; f++)
        expected += rows_in(s, f, (struct key_range){0});
    assert_int_equal(all, expected);
    return copied;
}

static void what_files_have_for_themselves_is_copied_whole(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers apart[FILES] = {{30000, 1, 1}, {0, 1, 1}, {20000, 1, 1}, {10000, 1, 1}};
    files_open(t, &s, apart);
    plan(t, &s, 0);
    assert_int_equal(expect_sound(t, &s), ROWS * (int64_t)FILES);
    files_close(&s);
}

static void what_is_interleaved_is_merged(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers mixed[FILES] = {{0, 4, 1}, {1, 4, 1}, {2, 4, 1}, {3, 4, 1}};
    files_open(t, &s, mixed);
    plan(t, &s, 0);
    assert_int_equal(expect_sound(t, &s), 0);
    assert_int_equal(s.out.count, 1);
    plan(t, &s, 500);
    assert_int_equal(expect_sound(t, &s), 0);
    assert_true(s.out.count > 5);
    files_close(&s);
}

static void ranges_that_overlap_a_little_are_copied_but_for_that(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers little[FILES] = {{0, 1, 1}, {1400, 1, 1}, {2800, 1, 1}, {4200, 1, 1}};
    files_open(t, &s, little);
    plan(t, &s, 0);
    int64_t copied = expect_sound(t, &s);
    assert_true(copied >= ROWS * (int64_t)FILES - 3 * (2 * 100 + 4 * 64));
    files_close(&s);
}

static void a_key_that_two_blocks_share_is_not_cut(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers shared[FILES] = {
        {0, 1, 100}, {1000, 1, 700}, {2000, 1, 64}, {3000, 1, ROWS}};
    files_open(t, &s, shared);
    plan(t, &s, 0);
    assert_true(expect_sound(t, &s) > 0);
    files_close(&s);
}

static bool never(void *context, size_t input, struct key_range range)
{
    (void)range;
    ++*(int *)context;
    return input != 1;
}

static void who_processes_rows_has_a_say(void **state)
{
    struct t *t = *state;
    struct some_files s;
    int asked = 0;
    const struct numbers apart[FILES] = {{30000, 1, 1}, {0, 1, 1}, {20000, 1, 1}, {10000, 1, 1}};
    files_open(t, &s, apart);
    struct compact_plan_input in = input_of(&s, 0);
    in.may_copy = never;
    in.context = &asked;
    assert_ok(t, compact_plan(&in, &t->mem, &s.arena, &s.out, &t->err));
    assert_int_equal(expect_sound(t, &s), ROWS * ((int64_t)FILES - 1));
    assert_true(asked >= (int)FILES);
    in.may_copy = NULL;
    in.most_copy_bytes = 0;
    assert_ok(t, compact_plan(&in, &t->mem, &s.arena, &s.out, &t->err));
    assert_int_equal(expect_sound(t, &s), 0);
    files_close(&s);
}

static void large_runs_are_cut_and_small_ones_left_out(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers apart[FILES] = {{30000, 1, 1}, {0, 1, 1}, {20000, 1, 1}, {10000, 1, 1}};
    struct datafile_block_info b;
    files_open(t, &s, apart);
    assert_ok(t, datafile_block_info(s.open[0], 0, CX_ZSTD, &b, &t->err));
    struct compact_plan_input in = input_of(&s, 0);
    in.most_copy_bytes = 3 * b.bytes;
    assert_ok(t, compact_plan(&in, &t->mem, &s.arena, &s.out, &t->err));
    assert_true(expect_sound(t, &s) > 0);
    for (size_t i = 0; i < s.out.count; i++)
        assert_true(s.out.items[i].blocks.end - s.out.items[i].blocks.first <= 6);
    in.most_copy_bytes = 1 << 20;
    in.least_copy_bytes = 6 * b.bytes; /* the last group of a file has five blocks */
    assert_ok(t, compact_plan(&in, &t->mem, &s.arena, &s.out, &t->err));
    assert_int_equal(expect_sound(t, &s), 2 * 640 * (int64_t)FILES);
    files_close(&s);
}

/* Random files, clipped at random. */
static void any_plan_is_sound(void **state)
{
    struct t *t = *state;
    for (int round = 0; round < 40; round++) {
        struct some_files s;
        struct numbers numbers[FILES];
        for (size_t i = 0; i < FILES; i++)
            numbers[i] =
                (struct numbers){.first = (int64_t)t_below(t, 4000),
                                 .step = 1 + (int64_t)t_below(t, 3),
                                 .of_each = 1 + (int64_t)t_below(t, 2) * (int64_t)t_below(t, 200)};
        files_open(t, &s, numbers);
        for (size_t i = 0; i < FILES && t_below(t, 2); i++) {
            s.ranges[i].lo = key_at(&s.made[i].keys, (int64_t)t_below(t, ROWS / 2));
            s.ranges[i].hi = key_at(&s.made[i].keys, ROWS / 2 + (int64_t)t_below(t, ROWS / 2));
            s.ranges[i].has_hi = true;
        }
        plan(t, &s, t_below(t, 2) ? 700 : 0);
        (void)expect_sound(t, &s);
        files_close(&s);
    }
}

static void planning_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct some_files s;
    const struct numbers little[FILES] = {{0, 1, 1}, {1400, 1, 1}, {2800, 1, 1}, {4200, 1, 1}};
    files_open(t, &s, little);
    T_FAULT_LOOP(t) {
        struct arena arena;
        struct compact_stretches out = {.count = 77};
        struct compact_plan_input in = input_of(&s, 200);
        arena_init(&arena, &t->mem, 1 << 24);
        slp_rc rc = compact_plan(&in, &t->mem, &arena, &out, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK && out.count == 77 : rc == SLP_OK);
        arena_fini(&arena);
    }
    files_close(&s);
}

T_MAIN(T_TEST(what_files_have_for_themselves_is_copied_whole),
       T_TEST(what_is_interleaved_is_merged),
       T_TEST(ranges_that_overlap_a_little_are_copied_but_for_that),
       T_TEST(a_key_that_two_blocks_share_is_not_cut), T_TEST(who_processes_rows_has_a_say),
       T_TEST(large_runs_are_cut_and_small_ones_left_out), T_TEST(any_plan_is_sound),
       T_TEST(planning_survives_every_fault))
