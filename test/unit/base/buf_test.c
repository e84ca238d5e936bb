#include "base/buf.h"

#include "lib/t.h"

static void appended_bytes_stand_in_order(void **state)
{
    struct t *t = *state;
    struct buf b;
    buf_init(&b, &t->mem, 1 << 20);
    for (uint32_t i = 0; i < 10000; i++)
        assert_ok(t, buf_append_u32le(&b, i, &t->err));
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.ptr + 4 * 513, "\x01\x02\x00\x00", 4);
    buf_fini(&b);
}

static void growth_beyond_the_maximum_is_refused(void **state)
{
    struct t *t = *state;
    struct buf b;
    buf_init(&b, &t->mem, 1000);
    assert_ok(t, buf_resize(&b, 1000, &t->err));
    assert_rc(t, buf_append_u8(&b, 1, &t->err), SLP_LIMIT);
    assert_rc(t, buf_reserve(&b, SIZE_MAX, &t->err), SLP_LIMIT);
    assert_int_equal(b.len, 1000);
    assert_err_has(t, "limit of 1000 bytes");
    buf_fini(&b);
}

static void varints_take_seven_bits_a_byte(void **state)
{
    struct t *t = *state;
    struct buf b;
    buf_init(&b, &t->mem, 100);
    assert_ok(t, buf_append_varint(&b, 0, &t->err));
    assert_ok(t, buf_append_varint(&b, 300, &t->err));
    assert_ok(t, buf_append_varint(&b, UINT64_MAX, &t->err));
    assert_int_equal(b.len, 13);
    assert_memory_equal(b.ptr, "\x00\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
    buf_fini(&b);
}

static void formatted_text_has_no_terminator(void **state)
{
    struct t *t = *state;
    struct buf b;
    buf_init(&b, &t->mem, 100);
    assert_ok(t, buf_printf(&b, &t->err, "%d-%s", 7, "x"));
    assert_true(slice_is(buf_slice(&b), "7-x"));
    buf_fini(&b);
}

static void every_fault_leaves_the_buffer_as_it_was(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf b;
        buf_init(&b, &t->mem, 1 << 16);
        slp_rc rc = buf_append(&b, "abc", 3, &t->err);
        size_t len = b.len;
        if (rc == SLP_OK)
            rc = buf_resize(&b, 5000, &t->err);
        if (t->fault_hit) {
            assert_int_equal(rc, SLP_NO_MEMORY);
            assert_int_equal(b.len, len);
        } else {
            assert_int_equal(rc, SLP_OK);
        }
        buf_fini(&b);
    }
}

T_MAIN(T_TEST(appended_bytes_stand_in_order), T_TEST(growth_beyond_the_maximum_is_refused),
       T_TEST(varints_take_seven_bits_a_byte), T_TEST(formatted_text_has_no_terminator),
       T_TEST(every_fault_leaves_the_buffer_as_it_was))
