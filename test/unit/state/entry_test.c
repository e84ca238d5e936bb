#include "state/entry.h"

#include <string.h>

#include "lib/t.h"

static struct state_file made(const char *name, const char *first, const char *last)
{
    struct state_file f = {.id = {.at = {.frame = 7, .index = 3}, .item = 2},
                           .name = slice_str(name),
                           .schema_version = 1,
                           .low = {.frame = 7, .index = 3},
                           .high = {.frame = 7, .index = 3},
                           .time_us = 1700000000000000,
                           .extra = slice_str("\x02\x01x")};
    f.info = (struct datafile_info){.file_bytes = 1u << 30,
                                    .rows = 1000000,
                                    .first_key = slice_str(first),
                                    .last_key = slice_str(last),
                                    .top_offset = (1u << 30) - 900,
                                    .top_bytes = 500,
                                    .index_offset = (1u << 30) - 70000,
                                    .footer_offset = (1u << 30) - 400,
                                    .footer_bytes = 392,
                                    .crc32c = 0xdeadbeef};
    return f;
}

static void assert_same(const struct state_file *a, const struct state_file *b)
{
    assert_true(state_id_equal(a->id, b->id));
    assert_true(slice_equal(a->name, b->name));
    assert_true(slice_equal(a->extra, b->extra));
    assert_true(slice_equal(a->info.first_key, b->info.first_key));
    assert_true(slice_equal(a->info.last_key, b->info.last_key));
    assert_int_equal(state_position_compare(a->low, b->low), 0);
    assert_int_equal(state_position_compare(a->high, b->high), 0);
    assert_int_equal(a->info.file_bytes, b->info.file_bytes);
    assert_int_equal(a->info.rows, b->info.rows);
    assert_int_equal(a->info.top_offset, b->info.top_offset);
    assert_int_equal(a->info.top_bytes, b->info.top_bytes);
    assert_int_equal(a->info.index_offset, b->info.index_offset);
    assert_int_equal(a->info.footer_offset, b->info.footer_offset);
    assert_int_equal(a->info.footer_bytes, b->info.footer_bytes);
    assert_int_equal(a->info.crc32c, b->info.crc32c);
    assert_int_equal(a->schema_version, b->schema_version);
    assert_int_equal(a->time_us, b->time_us);
}

/* Packs and unpacks; returns the bytes it took. */
static size_t round_trip(struct t *t, const struct state_file *f)
{
    struct state_entry *e = NULL;
    struct state_file again;
    struct arena arena;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, state_entry_new(&t->mem, f, &e, &t->err));
    assert_ok(t, state_entry_view(e, &arena, &again, &t->err));
    assert_same(f, &again);
    size_t bytes = sizeof *e + e->bytes;
    arena_fini(&arena);
    state_entry_free(&t->mem, e);
    return bytes;
}

#define PLAIN "data/3f/00000000000000000012-3f0123456789abcdef0123456789abcd"

static void what_is_packed_comes_back(void **state)
{
    static const char *const names[] = {
        PLAIN ".parquet",
        PLAIN "-12.0.3-1.parquet",
        "data/3f/18446744073709551615-3f0123456789abcdef0123456789abcd.parquet",
        /* Not as state_data_name makes them: kept as they stand. */
        "data/3e/00000000000000000012-3f0123456789abcdef0123456789abcd.parquet",
        "data/3f/00000000000000000012-3F0123456789abcdef0123456789abcd.parquet",
        "data/3f/18446744073709551616-3f0123456789abcdef0123456789abcd.parquet",
        "data/3f/0000000000000000001x-3f0123456789abcdef0123456789abcd.parquet",
        PLAIN ".parque",
        PLAIN,
        "f1",
        "",
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct state_file f = made(names[i], "apple", "pear");
        (void)round_trip(t, &f);
        f.low.frame = 1;
        f.high = (struct state_position){.frame = UINT64_MAX, .index = UINT32_MAX};
        (void)round_trip(t, &f);
    }
}

static void numbers_at_their_ends_come_back(void **state)
{
    struct t *t = *state;
    struct state_file f = made("f", "", "");
    f.info = (struct datafile_info){.first_key = slice_str(""), .last_key = slice_str("")};
    f.extra = slice_of(NULL, 0);
    (void)round_trip(t, &f);
    f.info.file_bytes = UINT64_MAX;
    f.info.rows = INT64_MAX;
    f.info.top_offset = 0;
    f.info.index_offset = UINT64_MAX;
    f.info.footer_offset = (uint64_t)1 << 63;
    f.info.top_bytes = UINT32_MAX;
    f.info.footer_bytes = UINT32_MAX;
    f.time_us = INT64_MAX;
    f.schema_version = UINT32_MAX;
    f.id.at.frame = UINT64_MAX;
    (void)round_trip(t, &f);
}

static void an_ordinary_file_takes_at_most_130_bytes(void **state)
{
    struct t *t = *state;
    struct state_file f = made(PLAIN ".parquet", "0123456789abcdef", "0123456789abcdeg");
    f.extra = slice_of(NULL, 0);
    assert_in_range(round_trip(t, &f), 1, 130);
}

static void intervals_and_order_need_no_unpacking(void **state)
{
    struct t *t = *state;
    struct state_file f = made("f", "apple", "pear");
    struct state_file g = made("g", "apple", "pear");
    struct state_entry *a = NULL;
    struct state_entry *b = NULL;
    int64_t rows = 0;
    uint64_t file_bytes = 0;
    g.low.frame = 6; /* a compaction's: older rows than its id */
    g.id.at.frame = 9;
    g.high.frame = 8;
    assert_ok(t, state_entry_new(&t->mem, &f, &a, &t->err));
    assert_ok(t, state_entry_new(&t->mem, &g, &b, &t->err));
    struct key_range range = state_entry_range(a);
    assert_true(slice_is(range.lo, "apple"));
    assert_true(range.has_hi && slice_equal(range.hi, slice_of("pear\0", 5)));
    state_entry_size(b, &rows, &file_bytes);
    assert_int_equal(rows, 1000000);
    assert_int_equal(file_bytes, 1u << 30);
    assert_true(state_entry_order(a, b) > 0);
    assert_true(state_entry_order(b, a) < 0);
    assert_int_equal(state_entry_order(a, a), 0);
    state_entry_free(&t->mem, a);
    state_entry_free(&t->mem, b);
    state_entry_free(&t->mem, NULL);
}

static void packing_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct state_file f = made(PLAIN ".parquet", "apple", "pear");
    T_FAULT_LOOP(t) {
        struct state_entry *e = NULL;
        struct state_file again = {.refs = 77};
        struct arena arena;
        arena_init(&arena, &t->mem, 1 << 20);
        slp_rc rc = state_entry_new(&t->mem, &f, &e, &t->err);
        if (rc == SLP_OK)
            rc = state_entry_view(e, &arena, &again, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY && again.refs == 77 : rc == SLP_OK);
        arena_fini(&arena);
        state_entry_free(&t->mem, e);
    }
}

T_MAIN(T_TEST(what_is_packed_comes_back), T_TEST(numbers_at_their_ends_come_back),
       T_TEST(an_ordinary_file_takes_at_most_130_bytes),
       T_TEST(intervals_and_order_need_no_unpacking), T_TEST(packing_survives_every_fault))
