#include "parquet/index_read.h"

#include "base/num.h"
#include "codec/thrift_write.h"
#include "lib/t.h"

#define BYTES_MAX ((size_t)1 << 20)
#define PAGES     3

/* Three pages of an index; what is said of each can be spoilt. */
struct pages {
    int64_t offsets[PAGES];
    int32_t bytes[PAGES];
    int64_t first_rows[PAGES];
    size_t min_count;
};

static const struct pages good = {{4, 104, 204}, {100, 100, 50}, {0, 10, 30}, PAGES};

static void put_offsets(struct t *t, const struct pages *p, struct buf *out)
{
    struct cx_put w;
    buf_clear(out);
    cx_put_init(&w, out, &t->err);
    cx_put_list(&w, 1, CX_WIRE_STRUCT, PAGES);
    for (size_t i = 0; i < PAGES; i++) {
        cx_put_element_struct(&w);
        cx_put_i64(&w, 1, p->offsets[i]);
        cx_put_i32(&w, 2, p->bytes[i]);
        cx_put_i64(&w, 3, p->first_rows[i]);
        cx_put_end(&w);
    }
    cx_put_list(&w, 2, CX_WIRE_I64, PAGES);
    for (size_t i = 0; i < PAGES; i++)
        cx_put_element_i64(&w, (int64_t)i * 7);
    assert_ok(t, cx_put_finish(&w));
}

static void put_bounds(struct t *t, const struct pages *p, struct buf *out)
{
    static const char *const mins[] = {"\3\0\0\0", "\021\0\0\0", ""};
    static const char *const maxs[] = {"\021\0\0\0", "\050\0\0\0", ""};
    struct cx_put w;
    buf_clear(out);
    cx_put_init(&w, out, &t->err);
    cx_put_list(&w, 1, CX_WIRE_TRUE, PAGES);
    for (size_t i = 0; i < PAGES; i++)
        cx_put_element_bool(&w, i == 2);
    for (int16_t field = 2; field <= 3; field++) {
        cx_put_list(&w, field, CX_WIRE_BINARY, field == 2 ? p->min_count : PAGES);
        for (size_t i = 0; i < (field == 2 ? p->min_count : PAGES); i++)
            cx_put_element_binary(&w, slice_of(field == 2 ? mins[i] : maxs[i], i == 2 ? 0 : 4));
    }
    cx_put_i32(&w, 4, 1);
    cx_put_list(&w, 5, CX_WIRE_I64, PAGES);
    for (size_t i = 0; i < PAGES; i++)
        cx_put_element_i64(&w, i == 2 ? 20 : 0);
    assert_ok(t, cx_put_finish(&w));
}

static void an_index_says_where_pages_are_and_what_is_in_them(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct arena a;
    struct pq_offset_index o = {0};
    struct pq_column_index c = {0};
    buf_init(&bytes, &t->mem, BYTES_MAX);
    arena_init(&a, &t->mem, BYTES_MAX);
    put_offsets(t, &good, &bytes);
    assert_ok(t, pq_offset_index_parse(buf_slice(&bytes), 254, 50, &a, &o, &t->err));
    assert_int_equal(o.count, PAGES);
    assert_int_equal(o.pages[1].offset, 104);
    assert_int_equal(o.pages[1].rows, 20);
    assert_int_equal(o.pages[2].rows, 20);
    assert_int_equal(o.unencoded_bytes[2], 14);
    put_bounds(t, &good, &bytes);
    assert_ok(t, pq_column_index_parse(buf_slice(&bytes), &a, &c, &t->err));
    assert_int_equal(c.count, PAGES);
    assert_int_equal(c.boundary_order, 1);
    assert_true(c.pages[2].is_null_page);
    assert_int_equal(c.pages[2].null_count, 20);
    assert_int_equal(c.pages[0].nan_count, -1);
    static const bool expected[][PAGES] = {{true, false, false}, {true, true, false}};
    static const uint8_t from[][4] = {{5}, {17}};
    static const uint8_t to[][4] = {{16}, {17}};
    struct pq_column column = {.physical = PQ_INT32, .type = {.kind = ARR_INT32}, .optional = true};
    struct pq_value_range range = {0};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < PAGES; i++) {
            range = (struct pq_value_range){slice_of(from[k], 4), slice_of(to[k], 4)};
            assert_int_equal(pq_page_may_hold(&column, &c, i, &range), expected[k][i]);
        }
    /* A page of nulls in a column without nulls, or of nobody knows how many, is a mistake. */
    column.optional = false;
    assert_true(pq_page_may_hold(&column, &c, 2, &range));
    column.optional = true;
    c.pages[2].null_count = -1;
    assert_true(pq_page_may_hold(&column, &c, 2, &range));
    arena_fini(&a);
    buf_fini(&bytes);
}

static void an_index_that_contradicts_itself_is_corrupt(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct arena a;
    struct pq_offset_index o = {0};
    struct pq_column_index c = {0};
    struct pages bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].first_rows[0] = 1;
    bad[1].first_rows[2] = 10;
    bad[2].first_rows[2] = 50;
    bad[3].offsets[2] = 205;
    bad[4].offsets[1] = -1;
    bad[5].bytes[1] = 0;
    bad[6].offsets[1] = INT64_MAX;
    bad[7].first_rows[1] = -5;
    buf_init(&bytes, &t->mem, BYTES_MAX);
    arena_init(&a, &t->mem, BYTES_MAX);
    for (size_t i = 0; i < 8; i++) {
        put_offsets(t, &bad[i], &bytes);
        assert_rc(t, pq_offset_index_parse(buf_slice(&bytes), 254, 50, &a, &o, &t->err),
                  SLP_CORRUPT);
    }
    bad[0].min_count = 2;
    put_bounds(t, &bad[0], &bytes);
    assert_rc(t, pq_column_index_parse(buf_slice(&bytes), &a, &c, &t->err), SLP_CORRUPT);
    assert_int_equal(o.count + c.count, 0);
    arena_fini(&a);
    buf_fini(&bytes);
}

/* Whatever the bytes are: an error, or pages inside the file. */
static void damaged_bytes_are_an_error_or_harmless(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    buf_init(&bytes, &t->mem, BYTES_MAX);
    for (unsigned kind = 0; kind < 2; kind++) {
        (kind ? put_bounds : put_offsets)(t, &good, &bytes);
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            struct arena a;
            struct pq_offset_index o = {0};
            struct pq_column_index c = {0};
            arena_init(&a, &t->mem, BYTES_MAX);
            bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct slice in = bit % 2 ? slice_first(buf_slice(&bytes), bit / 8) : buf_slice(&bytes);
            slp_rc rc = kind ? pq_column_index_parse(in, &a, &c, &t->err)
                             : pq_offset_index_parse(in, 254, 50, &a, &o, &t->err);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT);
            for (size_t i = 0; i < o.count; i++)
                assert_true(o.pages[i].offset + o.pages[i].bytes <= 254);
            bytes.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
            arena_fini(&a);
        }
    }
    buf_fini(&bytes);
}

static void bounds_that_cannot_be_are_none(void **state)
{
    (void)state;
    const struct pq_column ints = {.physical = PQ_INT32, .type = {.kind = ARR_INT32}};
    const struct pq_column doubles = {.physical = PQ_DOUBLE, .type = {.kind = ARR_DOUBLE}};
    const double nan = (double)__builtin_nanf("");
    const double one = 1;
    struct slice small = slice_of("\1\0\0\0", 4);
    struct slice large = slice_of("\11\0\0\0", 4);
    struct pq_value_range range = {slice_of("\40\0\0\0", 4), slice_of("\41\0\0\0", 4)};
    assert_false(pq_bounds_may_hold(&ints, small, large, &range));
    assert_true(pq_bounds_may_hold(&ints, large, small, &range));
    assert_true(pq_bounds_may_hold(&ints, slice_first(small, 3), large, &range));
    assert_true(pq_bounds_may_hold(&ints, slice_of(NULL, 0), large, &range));
    range = (struct pq_value_range){slice_of("\0\0\0\0\0\0\0\100", 8), slice_of(NULL, 0)};
    struct slice d1 = slice_of((const uint8_t *)&one, sizeof one);
    assert_false(pq_bounds_may_hold(&doubles, d1, d1, &range));
    assert_true(
        pq_bounds_may_hold(&doubles, d1, slice_of((const uint8_t *)&nan, sizeof nan), &range));
}

static void both_indexes_are_read_in_one_round(void **state)
{
    struct t *t = *state;
    struct buf file;
    struct buf bytes;
    struct pq_chunk chunk = {.offset_index_offset = 300};
    buf_init(&file, &t->mem, BYTES_MAX);
    buf_init(&bytes, &t->mem, BYTES_MAX);
    assert_ok(t, buf_resize(&file, 300, &t->err));
    put_offsets(t, &good, &bytes);
    chunk.offset_index_bytes = (uint32_t)bytes.len;
    assert_ok(t, buf_append_slice(&file, buf_slice(&bytes), &t->err));
    chunk.column_index_offset = file.len;
    put_bounds(t, &good, &bytes);
    chunk.column_index_bytes = (uint32_t)bytes.len;
    assert_ok(t, buf_append_slice(&file, buf_slice(&bytes), &t->err));
    T_FAULT_LOOP(t) {
        struct arena a;
        struct memory_source source;
        struct pq_page_index x = {0};
        arena_init(&a, &t->mem, BYTES_MAX);
        source_memory_init(&source, "test", buf_slice(&file));
        slp_rc rc = pq_page_index_read(&source.base, &chunk, 50, &a, &x, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK && x.offsets.count == 0 : rc == SLP_OK);
        if (rc == SLP_OK)
            assert_int_equal(x.bounds.count, PAGES);
        assert_true(source.base.rounds <= 1);
        arena_fini(&a);
    }
    buf_fini(&bytes);
    buf_fini(&file);
}

static void a_chunk_without_index_is_not_found(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct memory_source source;
    struct pq_page_index x;
    const struct pq_chunk chunk = {0};
    arena_init(&a, &t->mem, BYTES_MAX);
    source_memory_init(&source, "test", slice_str("0123456789"));
    assert_rc(t, pq_page_index_read(&source.base, &chunk, 50, &a, &x, &t->err), SLP_NOT_FOUND);
    assert_int_equal(source.base.rounds, 0);
    arena_fini(&a);
}

T_MAIN(T_TEST(an_index_says_where_pages_are_and_what_is_in_them),
       T_TEST(an_index_that_contradicts_itself_is_corrupt),
       T_TEST(damaged_bytes_are_an_error_or_harmless), T_TEST(bounds_that_cannot_be_are_none),
       T_TEST(both_indexes_are_read_in_one_round), T_TEST(a_chunk_without_index_is_not_found))
