#include "key/key.h"

#include <math.h>
#include <stdlib.h>

#include "lib/t.h"

/* A spec, a schema and a batch over columns of the given types, all of them key fields. */
struct bench {
    struct key_spec spec;
    struct arr_field fields[SCHEMA_KEY_FIELDS_MAX];
    struct arr_schema columns;
    struct arr_batch batch;
    struct key_vec keys;
};

static void bench_init(struct t *t, struct bench *b, const struct arr_type *types, size_t count)
{
    static const char *const names[] = {"origin", "date", "destination", "d", "e", "f"};
    *b = (struct bench){0};
    b->spec.field_count = count;
    b->spec.row_key_count = 1;
    for (size_t i = 0; i < count; i++) {
        b->fields[i] = (struct arr_field){.name = names[i % 6], .type = types[i]};
        b->spec.types[i] = types[i];
        b->spec.columns[i] = i;
    }
    b->columns = (struct arr_schema){.fields = b->fields, .count = count};
    assert_ok(t, arr_batch_init(&b->batch, &t->mem, &b->columns, &t->err));
    key_vec_init(&b->keys, &t->mem, 1 << 24);
}

static void bench_fini(struct bench *b)
{
    arr_batch_fini(&b->batch);
    key_vec_fini(&b->keys);
}

static const struct arr_type flight[] = {
    {.kind = ARR_UTF8}, {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, {.kind = ARR_UTF8}};

static void add_flight(struct t *t, struct bench *b, const char *origin, int64_t date,
                       const char *destination)
{
    assert_ok(t, arr_col_append(&b->batch.cols[0], slice_str(origin), &t->err));
    assert_ok(t, arr_col_append_i64(&b->batch.cols[1], date, &t->err));
    assert_ok(t, arr_col_append(&b->batch.cols[2], slice_str(destination), &t->err));
    b->batch.rows++;
}

/* The element of a value, little-endian, or the bytes of a string; and what they encode to. */
static const struct {
    struct arr_type type;
    const char *value;
    size_t value_bytes;
    const char *encoded;
    size_t encoded_bytes;
} vector[] = {
#define ROW(value, encoded) value, sizeof value - 1, encoded, sizeof encoded - 1
    {{.kind = ARR_BOOL}, ROW("\1", "\x02\x01")},
    {{.kind = ARR_INT8}, ROW("\xff", "\x02\x7f\xff\xff\xff\xff\xff\xff\xff")},
    {{.kind = ARR_INT16}, ROW("\x02\x01", "\x02\x80\0\0\0\0\0\x01\x02")},
    {{.kind = ARR_INT32}, ROW("\0\0\0\x80", "\x02\x7f\xff\xff\xff\x80\0\0\0")},
    {{.kind = ARR_INT64},
     ROW("\xff\xff\xff\xff\xff\xff\xff\x7f", "\x02\xff\xff\xff\xff\xff\xff\xff\xff")},
    {{.kind = ARR_UINT8}, ROW("\xff", "\x02\0\0\0\0\0\0\0\xff")},
    {{.kind = ARR_UINT16}, ROW("\x02\x01", "\x02\0\0\0\0\0\0\x01\x02")},
    {{.kind = ARR_UINT32}, ROW("\xff\xff\xff\xff", "\x02\0\0\0\0\xff\xff\xff\xff")},
    {{.kind = ARR_UINT64},
     ROW("\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\xff\xff\xff\xff\xff\xff\xff\xff")},
    {{.kind = ARR_FLOAT}, ROW("\0\0\xc0\x3f", "\x02\xbf\xf8\0\0\0\0\0\0")},
    {{.kind = ARR_DOUBLE}, ROW("\0\0\0\0\0\0\0\xc0", "\x02\x3f\xff\xff\xff\xff\xff\xff\xff")},
    {{.kind = ARR_DOUBLE}, ROW("\0\0\0\0\0\0\0\x80", "\x02\x80\0\0\0\0\0\0\0")},
    {{.kind = ARR_DOUBLE}, ROW("\1\0\0\0\0\0\xf8\xff", "\x02\xff\xf8\0\0\0\0\0\0")},
    {{.kind = ARR_DATE32}, ROW("\xff\xff\xff\xff", "\x02\x7f\xff\xff\xff\xff\xff\xff\xff")},
    {{.kind = ARR_TIMESTAMP, .unit = ARR_MICRO},
     ROW("\x00\x38\xd6\x6b\x24\x7c\x03\0", "\x02\x80\x03\x7c\x24\x6b\xd6\x38\0")},
    {{.kind = ARR_UTF8}, ROW("JFK", "\x02JFK\0\0")},
    {{.kind = ARR_UTF8}, ROW("", "\x02\0\0")},
    {{.kind = ARR_BINARY}, ROW("a\0b", "\x02\x61\0\xff\x62\0\0")},
    {{.kind = ARR_FIXED_BINARY, .width = 2}, ROW("\0\xff", "\x02\0\xff\xff\0\0")},
    {{.kind = ARR_DECIMAL128, .precision = 10, .scale = 2},
     ROW("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\x02\x80")},
    {{.kind = ARR_DECIMAL128, .precision = 10, .scale = 2},
     ROW("\x2c\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\x02\x82\x01\x2c")},
    {{.kind = ARR_DECIMAL128, .precision = 10, .scale = 2},
     ROW("\xd4\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\x7e\xfe\xd3")},
#undef ROW
};

static void the_test_vector_holds(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) {
        struct bench b;
        bench_init(t, &b, &vector[i].type, 1);
        struct slice value = slice_of(vector[i].value, vector[i].value_bytes);
        struct arr_col *c = &b.batch.cols[0];
        if (vector[i].type.kind == ARR_BOOL)
            assert_ok(t, arr_col_append_bool(c, value.ptr[0], &t->err));
        else
            assert_ok(t, arr_col_append(c, value, &t->err));
        b.batch.rows = 1;
        assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err));
        struct slice want = slice_of(vector[i].encoded, vector[i].encoded_bytes);
        assert_true(slice_equal(key_at(&b.keys, 0), want));
        bench_fini(&b);
    }
}

static void the_key_of_a_flight_is_that_of_the_page(void **state)
{
    struct t *t = *state;
    static const char want[] = "\x02JFK\0\0\x02\x80\x03\x7c\x24\x6b\xd6\x38\0\x02LAX\0";
    struct bench b;
    bench_init(t, &b, flight, 3);
    add_flight(t, &b, "JFK", 980920800000000, "LAX");
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err));
    assert_true(slice_equal(key_at(&b.keys, 0), slice_of(want, sizeof want)));
    bench_fini(&b);
}

static void keys_are_appended_behind_those_that_are_there(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b, flight, 3);
    add_flight(t, &b, "JFK", 1, "a destination that is longer than one wide copy");
    add_flight(t, &b, "", 2, "");
    add_flight(t, &b, "SFO", 3, "LAX");
    assert_ok(t, key_vec_append(&b.keys, slice_str("first"), &t->err));
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 1, 2, &b.keys, &t->err));
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 3, 0, &b.keys, &t->err));
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err));
    assert_int_equal(b.keys.count, 4);
    assert_true(slice_is(key_at(&b.keys, 0), "first"));
    assert_int_equal(key_at(&b.keys, 1).len, 3 + 9 + 3);
    assert_int_equal(key_at(&b.keys, 2).len, 6 + 9 + 6);
    assert_memory_equal(key_at(&b.keys, 2).ptr, "\x02SFO\0\0", 6);
    assert_int_equal(key_at(&b.keys, 3).len, 6 + 9 + 3 + 47);
    key_vec_clear(&b.keys);
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 1, 2, &b.keys, &t->err));
    assert_int_equal(key_at(&b.keys, 0).len, 15);
    bench_fini(&b);
}

static void a_null_in_a_key_is_refused_by_column_and_row(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b, flight, 3);
    add_flight(t, &b, "JFK", 1, "LAX");
    assert_ok(t, arr_col_append(&b.batch.cols[0], slice_str("x"), &t->err));
    assert_ok(t, arr_col_append_null(&b.batch.cols[1], &t->err));
    assert_ok(t, arr_col_append(&b.batch.cols[2], slice_str("y"), &t->err));
    b.batch.rows++;
    assert_rc(t, key_encode_rows(&b.spec, &b.batch, 0, 2, &b.keys, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "column \"date\" is null in row 1");
    assert_int_equal(b.keys.count, 0);
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err));
    bench_fini(&b);
}

static void keys_have_a_longest_length(void **state)
{
    struct t *t = *state;
    struct bench b;
    static uint8_t text[KEY_MAX_BYTES];
    memset(text, 'x', sizeof text);
    bench_init(t, &b, flight, 1);
    struct arr_col *c = &b.batch.cols[0];
    assert_ok(t, arr_col_append(c, slice_of(text, KEY_MAX_BYTES - 3), &t->err));
    assert_ok(t, arr_col_append(c, slice_of(text, KEY_MAX_BYTES - 2), &t->err));
    b.batch.rows = 2;
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err));
    assert_int_equal(key_at(&b.keys, 0).len, KEY_MAX_BYTES);
    assert_rc(t, key_encode_rows(&b.spec, &b.batch, 0, 2, &b.keys, &t->err), SLP_LIMIT);
    assert_err_has(t, "the key of row 1 takes 65537 bytes; expected at most 65536");
    assert_int_equal(b.keys.count, 1);
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    struct arr_col one;
    arr_col_init(&one, &t->mem, flight[0]);
    assert_ok(t, arr_col_append_run(&one, c, 1, 1, &t->err));
    assert_rc(t, key_encode_prefix(&b.spec, &one, 1, &out, &t->err), SLP_LIMIT);
    arr_col_fini(&one);
    buf_fini(&out);
    bench_fini(&b);
}

static void a_full_vector_is_a_limit(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b, flight, 3);
    for (int i = 0; i < 10; i++)
        add_flight(t, &b, "JFK", i, "LAX");
    key_vec_fini(&b.keys);
    key_vec_init(&b.keys, &t->mem, 10 * 21);
    assert_ok(t, key_encode_rows(&b.spec, &b.batch, 0, 10, &b.keys, &t->err));
    assert_rc(t, key_encode_rows(&b.spec, &b.batch, 0, 1, &b.keys, &t->err), SLP_LIMIT);
    assert_int_equal(b.keys.count, 10);
    assert_int_equal(key_at(&b.keys, 9).len, 21);
    bench_fini(&b);
}

static void a_null_has_no_prefix(void **state)
{
    struct t *t = *state;
    struct bench b;
    struct buf out;
    bench_init(t, &b, flight, 1);
    buf_init(&out, &t->mem, 100);
    assert_ok(t, arr_col_append_null(&b.batch.cols[0], &t->err));
    assert_rc(t, key_encode_prefix(&b.spec, b.batch.cols, 1, &out, &t->err), SLP_INVALID);
    assert_err_has(t, "key field 1 is null");
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    bench_fini(&b);
}

static void every_type_of_tables_may_be_a_key(void **state)
{
    (void)state;
    assert_false(key_type_allowed((struct arr_type){.kind = ARR_NULL}));
    for (int kind = ARR_BOOL; kind < ARR_KIND_COUNT; kind++)
        assert_int_equal(key_type_allowed((struct arr_type){.kind = (enum arr_kind)kind}),
                         kind < ARR_KEY_KIND_COUNT);
}

static void every_fault_leaves_the_vector_as_it_was(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b, flight, 3);
    for (int i = 0; i < 100; i++)
        add_flight(t, &b, "JFK", i, "LAX");
    T_FAULT_LOOP(t) {
        struct key_vec keys;
        key_vec_init(&keys, &t->mem, 1 << 20);
        slp_rc rc = key_encode_rows(&b.spec, &b.batch, 0, 2, &keys, &t->err);
        int64_t count = keys.count;
        if (rc == SLP_OK) {
            rc = key_encode_rows(&b.spec, &b.batch, 0, 100, &keys, &t->err);
            count = rc == SLP_OK ? 102 : 2;
        }
        if (rc == SLP_OK) {
            rc = key_vec_append(&keys, slice_str("x"), &t->err);
            count = rc == SLP_OK ? 103 : 102;
        }
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(keys.count, count);
        if (count)
            assert_true(key_at(&keys, 0).len == 21);
        key_vec_fini(&keys);
    }
    bench_fini(&b);
}

T_MAIN(T_TEST(the_test_vector_holds), T_TEST(the_key_of_a_flight_is_that_of_the_page),
       T_TEST(keys_are_appended_behind_those_that_are_there),
       T_TEST(a_null_in_a_key_is_refused_by_column_and_row), T_TEST(keys_have_a_longest_length),
       T_TEST(a_full_vector_is_a_limit), T_TEST(a_null_has_no_prefix),
       T_TEST(every_type_of_tables_may_be_a_key), T_TEST(every_fault_leaves_the_vector_as_it_was))
