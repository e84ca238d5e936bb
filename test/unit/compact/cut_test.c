#include "compact/cut.h"

#include <stdio.h>

#include "lib/file.h"

#define FILES 3u

static const char kv[] = "{\"fields\":[{\"name\":\"k\",\"type\":\"string\"}],"
                         "\"rowKey\":[\"k\"],\"sortKey\":[]}";

/* Files of 64 rows a block, opened. */
struct some_files {
    struct t_file made[FILES];
    struct datafile *open[FILES];
    struct key_range ranges[FILES];
};

/* File i has the keys i, i + step, i + 2 * step, ...; of step 0 all are the same. */
static void files_open(struct t *t, struct some_files *s, int64_t rows, int64_t step)
{
    *s = (struct some_files){0};
    for (size_t i = 0; i < FILES; i++) {
        struct t_file *f = &s->made[i];
        struct datafile_write_options o;
        datafile_write_options_init(&o);
        o.block_bytes = 1;
        t_file_init(t, f, kv);
        for (int64_t r = 0; r < rows; r++) {
            char text[32];
            int n = snprintf(text, sizeof text, "key%08lld",
                             (long long)(step ? (int64_t)i + r * step : 0));
            assert_ok(t, arr_col_append(&f->rows.cols[0], slice_of(text, (size_t)n), &t->err));
        }
        f->rows.rows = rows;
        t_file_keys(t, f);
        assert_ok(t, t_file_write(t, f, &o, 1000));
        assert_ok(t, t_file_open(t, f, &s->open[i]));
    }
}

static void files_close(struct some_files *s)
{
    for (size_t i = 0; i < FILES; i++) {
        datafile_close(s->open[i]);
        t_file_fini(&s->made[i]);
    }
}

static slp_rc cut(struct t *t, const struct some_files *s, int64_t rows, struct arena *arena,
                  struct compact_cuts *out)
{
    struct compact_cut_input in = {
        .files = s->open, .ranges = s->ranges, .count = FILES, .rows = rows};
    return compact_cut(&in, &t->mem, arena, out, &t->err);
}

/* How many rows of all files, inside their ranges, are in [from, to). */
static int64_t rows_between(const struct some_files *s, struct slice from, const struct slice *to)
{
    int64_t rows = 0;
    for (size_t i = 0; i < FILES; i++)
        for (int64_t r = 0; r < s->made[i].rows.rows; r++) {
            struct slice key = key_at(&s->made[i].keys, r);
            rows += key_range_holds(s->ranges[i], key) && slice_compare(key, from) >= 0 &&
                    (!to || slice_compare(key, *to) < 0);
        }
    return rows;
}

static void stretches_are_as_even_as_blocks_are_and_hold_every_row(void **state)
{
    struct t *t = *state;
    struct some_files s;
    struct arena arena;
    struct compact_cuts cuts = {0};
    int64_t sum = 0;
    files_open(t, &s, 2000, 3);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, cut(t, &s, 1000, &arena, &cuts));
    assert_true(cuts.count >= 4 && cuts.count <= 6);
    for (size_t i = 0; i <= cuts.count; i++) {
        struct slice from = i ? cuts.keys[i - 1] : slice_of(NULL, 0);
        int64_t rows = rows_between(&s, from, i < cuts.count ? &cuts.keys[i] : NULL);
        assert_true(rows <= 1000 + 64 * (int64_t)FILES);
        assert_true(i == cuts.count || rows >= 1000 - 64 * (int64_t)FILES);
        sum += rows;
    }
    assert_int_equal(sum, 2000 * FILES);
    arena_fini(&arena);
    files_close(&s);
}

static void equal_keys_are_never_cut_apart(void **state)
{
    struct t *t = *state;
    struct some_files s;
    struct arena arena;
    struct compact_cuts cuts = {.count = 7};
    files_open(t, &s, 1000, 0);
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, cut(t, &s, 100, &arena, &cuts));
    assert_int_equal(cuts.count, 0);
    arena_fini(&arena);
    files_close(&s);
}

static void what_lies_outside_the_ranges_does_not_count(void **state)
{
    struct t *t = *state;
    struct some_files s;
    struct arena arena;
    struct compact_cuts cuts = {0};
    files_open(t, &s, 2000, 3);
    for (size_t i = 0; i < FILES; i++)
        s.ranges[i] = (struct key_range){
            .lo = key_at(&s.made[0].keys, 300), .hi = key_at(&s.made[0].keys, 600), .has_hi = true};
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, cut(t, &s, 300, &arena, &cuts));
    assert_true(cuts.count >= 2 && cuts.count <= 4);
    for (size_t i = 0; i < cuts.count; i++)
        assert_true(key_range_holds(s.ranges[0], cuts.keys[i]));
    arena_fini(&arena);
    files_close(&s);
}

static void cutting_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct some_files s;
    files_open(t, &s, 500, 3);
    T_FAULT_LOOP(t) {
        struct arena arena;
        struct compact_cuts cuts = {.count = 7};
        arena_init(&arena, &t->mem, 1 << 20);
        slp_rc rc = cut(t, &s, 200, &arena, &cuts);
        assert_true(t->fault_hit ? rc != SLP_OK && cuts.count == 7 : rc == SLP_OK);
        arena_fini(&arena);
    }
    files_close(&s);
}

T_MAIN(T_TEST(stretches_are_as_even_as_blocks_are_and_hold_every_row),
       T_TEST(equal_keys_are_never_cut_apart), T_TEST(what_lies_outside_the_ranges_does_not_count),
       T_TEST(cutting_survives_every_fault))
