#include "codec/thrift_write.h"

#include "lib/t.h"

static void assert_bytes(const struct buf *b, const char *bytes, size_t n)
{
    assert_int_equal(b->len, n);
    assert_memory_equal(b->ptr, bytes, n);
}

static void near_ids_take_one_byte_and_far_ones_more(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 1000);
    cx_put_init(&w, &b, &t->err);
    cx_put_i32(&w, 1, 0);
    cx_put_i32(&w, 16, -1);
    cx_put_i32(&w, 32, 1); /* 16 further: too far */
    cx_put_i64(&w, 3, 64); /* backwards */
    assert_ok(t, cx_put_finish(&w));
    assert_bytes(&b, "\x15\x00\xf5\x01\x05\x40\x02\x06\x06\x80\x01\x00", 12);
    buf_fini(&b);
}

static void integers_are_zigzag_to_their_extremes(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 1000);
    cx_put_init(&w, &b, &t->err);
    cx_put_i8(&w, 1, -2);
    cx_put_i16(&w, 2, INT16_MIN);
    cx_put_i32(&w, 3, INT32_MAX);
    cx_put_i64(&w, 4, INT64_MIN);
    assert_ok(t, cx_put_finish(&w));
    assert_bytes(&b,
                 "\x13\xfe\x14\xff\xff\x03\x15\xfe\xff\xff\xff\x0f"
                 "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
                 24);
    buf_fini(&b);
}

static void structs_nest_and_ids_start_anew_inside(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 1000);
    cx_put_init(&w, &b, &t->err);
    cx_put_bool(&w, 5, true);
    cx_put_struct(&w, 6);
    cx_put_bool(&w, 1, false);
    cx_put_end(&w);
    cx_put_binary(&w, 7, slice_str("ab"));
    assert_ok(t, cx_put_finish(&w));
    assert_bytes(&b,
                 "\x51\x1c\x12\x00\x18\x02"
                 "ab"
                 "\x00",
                 9);
    buf_fini(&b);
}

static void lists_of_fifteen_have_a_long_header(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 1000);
    cx_put_init(&w, &b, &t->err);
    cx_put_list(&w, 1, CX_WIRE_TRUE, 2);
    cx_put_element_bool(&w, true);
    cx_put_element_bool(&w, false);
    cx_put_list(&w, 2, CX_WIRE_I32, 15);
    for (int32_t i = 0; i < 15; i++)
        cx_put_element_i32(&w, i);
    cx_put_list(&w, 3, CX_WIRE_STRUCT, 1);
    cx_put_element_struct(&w);
    cx_put_end(&w);
    cx_put_list(&w, 4, CX_WIRE_I64, 0);
    assert_ok(t, cx_put_finish(&w));
    assert_bytes(&b,
                 "\x19\x21\x01\x02\x19\xf5\x0f\x00\x02\x04\x06\x08\x0a\x0c\x0e\x10\x12\x14\x16\x18"
                 "\x1a\x1c\x19\x1c\x00\x19\x06\x00",
                 28);
    buf_fini(&b);
}

static void the_first_error_sticks(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    buf_init(&b, &t->mem, 4);
    cx_put_init(&w, &b, &t->err);
    cx_put_binary(&w, 1, slice_str("too long for it"));
    cx_put_i32(&w, 2, 1);
    assert_rc(t, cx_put_finish(&w), SLP_LIMIT);
    buf_fini(&b);
}

static void every_fault_is_reported_at_the_end(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf b;
        struct cx_put w;
        buf_init(&b, &t->mem, 10000);
        cx_put_init(&w, &b, &t->err);
        for (int16_t i = 1; i < 40; i++)
            cx_put_binary(&w, i, slice_str("some text that makes the buffer grow"));
        slp_rc rc = cx_put_finish(&w);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&b);
    }
}

T_MAIN(T_TEST(near_ids_take_one_byte_and_far_ones_more),
       T_TEST(integers_are_zigzag_to_their_extremes),
       T_TEST(structs_nest_and_ids_start_anew_inside), T_TEST(lists_of_fifteen_have_a_long_header),
       T_TEST(the_first_error_sticks), T_TEST(every_fault_is_reported_at_the_end))
