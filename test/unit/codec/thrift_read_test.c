#include "codec/thrift_read.h"

#include "lib/t.h"

static void begin(struct cx_thrift *t, const char *bytes, size_t n)
{
    cx_thrift_init(t, slice_of(bytes, n));
}

#define BEGIN(t, bytes) begin(&(t), bytes, sizeof(bytes) - 1)

static void fields_come_with_id_and_type(void **state)
{
    (void)state;
    struct cx_thrift t;
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    /* 1: i32 = -3; 16, in the long form: true; 17: binary "ab"; 20: double, skipped; stop */
    BEGIN(t, "\x15\x05\x01\x20\x18\x02"
             "ab\x37\1\2\3\4\5\6\7\x8\x00");
    assert_true(cx_thrift_field(&t, &id, &type));
    assert_int_equal(id, 1);
    assert_int_equal(cx_thrift_int(&t, type), -3);
    assert_true(cx_thrift_field(&t, &id, &type));
    assert_int_equal(id, 16);
    assert_true(cx_thrift_bool(&t, type));
    assert_true(cx_thrift_field(&t, &id, &type));
    assert_int_equal(id, 17);
    assert_true(slice_is(cx_thrift_binary(&t, type), "ab"));
    assert_true(cx_thrift_field(&t, &id, &type));
    assert_int_equal(id, 20);
    assert_int_equal(cx_thrift_int(&t, type), 0);
    assert_false(cx_thrift_field(&t, &id, &type));
    assert_null(t.wrong);
    assert_int_equal(cx_thrift_offset(&t), 18);
}

static void integers_of_every_width_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum cx_thrift_type type;
        int64_t value;
    } cases[] = {
        {"\x80", 1, CX_THRIFT_I8, -128},
        {"\x01", 1, CX_THRIFT_I16, -1},
        {"\xfe\xff\xff\xff\x0f", 5, CX_THRIFT_I32, INT32_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, CX_THRIFT_I64, INT64_MIN},
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, CX_THRIFT_I64, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cx_thrift t;
        begin(&t, cases[i].bytes, cases[i].n);
        assert_int_equal(cx_thrift_int(&t, cases[i].type), cases[i].value);
        assert_null(t.wrong);
    }
}

static void lists_say_how_many_follow(void **state)
{
    (void)state;
    struct cx_thrift t;
    BEGIN(t, "\x25\x02\x04");
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_LIST, CX_THRIFT_I32), 2);
    assert_int_equal(cx_thrift_int(&t, CX_THRIFT_I32), 1);
    assert_int_equal(cx_thrift_int(&t, CX_THRIFT_I32), 2);
    BEGIN(t, "\xf1\x0f"
             "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_LIST, CX_THRIFT_TRUE), 15);
    /* Both numbers name lists of booleans. */
    BEGIN(t, "\x12\x00");
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_SET, CX_THRIFT_TRUE), 1);
}

static void other_elements_are_skipped_whole(void **state)
{
    (void)state;
    struct cx_thrift t;
    BEGIN(t, "\x28\x01"
             "a\x02"
             "bc!");
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_LIST, CX_THRIFT_STRUCT), 0);
    assert_null(t.wrong);
    assert_int_equal(*t.at, '!');
}

static void everything_unknown_is_skipped_by_type(void **state)
{
    (void)state;
    static const struct {
        enum cx_thrift_type type;
        const char *bytes;
        size_t n;
    } cases[] = {
        {CX_THRIFT_TRUE, "", 0},
        {CX_THRIFT_I8, "x", 1},
        {CX_THRIFT_I64, "\xff\x01", 2},
        {CX_THRIFT_DOUBLE, "12345678", 8},
        {CX_THRIFT_UUID, "1234567812345678", 16},
        {CX_THRIFT_BINARY, "\3abc", 4},
        {CX_THRIFT_LIST, "\x21\1\2", 3},           /* two booleans, a byte each */
        {CX_THRIFT_MAP, "\0", 1},                  /* empty: no types follow */
        {CX_THRIFT_MAP, "\2\x85\1a\2\1b\4", 8},    /* two of binary and i32 */
        {CX_THRIFT_STRUCT, "\x11\x1c\x11\0\0", 5}, /* with a struct inside */
        {CX_THRIFT_LIST, "\x2c\x11\0\x11\0", 5},   /* of structs */
        {CX_THRIFT_LIST, "\x19\x15\2", 3},         /* of a list */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[32] = {0};
        memcpy(bytes, cases[i].bytes, cases[i].n);
        bytes[cases[i].n] = '!';
        struct cx_thrift t;
        begin(&t, bytes, sizeof bytes);
        cx_thrift_skip(&t, cases[i].type);
        assert_null(t.wrong);
        assert_int_equal(*t.at, '!');
        /* Cut anywhere it is too short, and says so. */
        for (size_t n = 0; n < cases[i].n; n++) {
            begin(&t, bytes, n);
            cx_thrift_skip(&t, cases[i].type);
            assert_non_null(t.wrong);
            assert_true(t.is_short);
        }
    }
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    struct cx_thrift t;
    BEGIN(t, "\xf5\xff\xff\xff\x7f\0\0");
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_LIST, CX_THRIFT_I32), 0);
    assert_non_null(t.wrong);
    BEGIN(t, "\xff\xff\xff\x7f\0\0");
    assert_null(cx_thrift_binary(&t, CX_THRIFT_BINARY).ptr);
    assert_non_null(t.wrong);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[200];
    for (size_t depth = CX_THRIFT_DEPTH_MAX - 2; depth < CX_THRIFT_DEPTH_MAX + 3; depth++) {
        memset(bytes, 0, sizeof bytes);
        memset(bytes, 0x1c, depth);
        struct cx_thrift t;
        cx_thrift_init(&t, slice_of(bytes, sizeof bytes));
        cx_thrift_skip(&t, CX_THRIFT_STRUCT);
        assert_int_equal(t.wrong != NULL, depth >= CX_THRIFT_DEPTH_MAX);
        assert_false(t.is_short);
    }
}

static void nothing_is_read_after_a_failure(void **state)
{
    (void)state;
    struct cx_thrift t;
    int32_t id = 0;
    enum cx_thrift_type type;
    BEGIN(t, "\x1e\x15\x02"); /* a type that is none */
    assert_false(cx_thrift_field(&t, &id, &type));
    assert_non_null(t.wrong);
    assert_false(t.is_short);
    size_t at = cx_thrift_offset(&t);
    assert_false(cx_thrift_field(&t, &id, &type));
    assert_int_equal(cx_thrift_int(&t, CX_THRIFT_I32), 0);
    assert_false(cx_thrift_bool(&t, CX_THRIFT_TRUE));
    assert_int_equal(cx_thrift_list(&t, CX_THRIFT_LIST, CX_THRIFT_I32), 0);
    assert_false(cx_thrift_struct(&t, CX_THRIFT_STRUCT));
    assert_null(cx_thrift_binary(&t, CX_THRIFT_BINARY).ptr);
    assert_int_equal(cx_thrift_offset(&t), at);
    BEGIN(t, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"); /* a varint without end */
    assert_int_equal(cx_thrift_int(&t, CX_THRIFT_I64), 0);
    assert_non_null(t.wrong);
}

static void random_bytes_end(void **state)
{
    struct t *t = *state;
    uint8_t bytes[64];
    for (size_t round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)t_random(t);
        struct cx_thrift in;
        cx_thrift_init(&in, slice_of(bytes, t_below(t, sizeof bytes + 1)));
        cx_thrift_skip(&in, (enum cx_thrift_type)t_below(t, 15));
        assert_true(in.at <= in.end);
    }
}

T_MAIN(T_TEST(fields_come_with_id_and_type), T_TEST(integers_of_every_width_are_read),
       T_TEST(lists_say_how_many_follow), T_TEST(other_elements_are_skipped_whole),
       T_TEST(everything_unknown_is_skipped_by_type), T_TEST(counts_beyond_the_bytes_are_refused),
       T_TEST(deep_nesting_is_refused), T_TEST(nothing_is_read_after_a_failure),
       T_TEST(random_bytes_end))
