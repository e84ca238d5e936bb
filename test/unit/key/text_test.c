#include "key/key.h"

#include "lib/t.h"

static const char flights[] =
    "{\"fields\":[{\"name\":\"delay\",\"type\":\"long\"},{\"name\":\"date\",\"type\":"
    "\"timestamp[us]\"},{\"name\":\"origin\",\"type\":\"string\"},{\"name\":\"code\",\"type\":"
    "\"binary\"}],\"rowKey\":[\"origin\"],\"sortKey\":[\"date\",\"code\"]}";

struct bench {
    struct arena arena;
    struct schema schema;
    struct key_spec spec;
    struct buf key;
    struct buf text;
};

static void bench_init(struct t *t, struct bench *b)
{
    *b = (struct bench){0};
    arena_init(&b->arena, &t->mem, 1 << 20);
    assert_ok(t, schema_parse(slice_str(flights), &b->arena, &b->schema, &t->err));
    key_spec_init(&b->spec, &b->schema);
    buf_init(&b->key, &t->mem, 1 << 20);
    buf_init(&b->text, &t->mem, 1 << 20);
}

static void bench_fini(struct bench *b)
{
    buf_fini(&b->key);
    buf_fini(&b->text);
    arena_fini(&b->arena);
}

static void the_spec_has_the_key_columns_in_key_order(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    assert_int_equal(b.spec.field_count, 3);
    assert_int_equal(b.spec.row_key_count, 1);
    assert_int_equal(b.spec.columns[0], 2);
    assert_int_equal(b.spec.columns[1], 1);
    assert_int_equal(b.spec.types[1].kind, ARR_TIMESTAMP);
    bench_fini(&b);
}

static void keys_are_printed_as_they_are_read(void **state)
{
    struct t *t = *state;
    static const char *const cases[][2] = {
        {"JFK,2001-01-31T06:00:00,AAE=", NULL},
        {"JFK,2001-01-31 06:00", "JFK,2001-01-31T06:00:00"},
        {"JFK", NULL},
        {"\"JFK\"", "JFK"},
        {"\"a,b\",2001-01-31T06:00:00.001", NULL},
        {"\"say \"\"hi\"\"\n\"", NULL},
        {"", "\"\""},
        {"\"\",1969-12-31T00:00:00,", "\"\",1969-12-31T00:00:00,\"\""},
        {" spaced ", NULL},
    };
    struct bench b;
    bench_init(t, &b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&b.key);
        buf_clear(&b.text);
        assert_ok(t, key_parse(&b.spec, &b.schema, slice_str(cases[i][0]), 1, &b.key, &t->err));
        assert_ok(t, key_format(&b.spec, buf_slice(&b.key), &b.text, &t->err));
        assert_true(slice_is(buf_slice(&b.text), cases[i][1] ? cases[i][1] : cases[i][0]));
    }
    bench_fini(&b);
}

static void no_text_is_the_empty_prefix_where_no_field_is_wanted(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, key_parse(&b.spec, &b.schema, slice_str(""), 0, &b.key, &t->err));
    assert_int_equal(b.key.len, 0);
    assert_ok(t, key_format(&b.spec, buf_slice(&b.key), &b.text, &t->err));
    assert_int_equal(b.text.len, 0);
    bench_fini(&b);
}

static void wrong_keys_are_refused_by_field(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        size_t min_fields;
        const char *says;
    } cases[] = {
        {"JFK,yesterday", 1, "key: field \"date\": \"yesterday\" is no timestamp[us]"},
        {"JFK,", 1, "field \"date\": \"\" is no timestamp[us]"},
        {"JFK", 3, "key: 1 field; expected at least 3 of origin,date,code"},
        {"JFK,2001-01-31,AA==,x", 1, "key: more than 3 fields; expected origin,date,code"},
        {"\"JFK", 1, "field \"origin\": a quoted field without closing quote"},
        {"\"JFK\"x", 1, "text behind the closing quote"},
        {"J\"FK", 1, "a quote inside a field"},
        {"\xff", 1, "field \"origin\": \"?\" is no string"},
    };
    struct bench b;
    bench_init(t, &b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_rc(t,
                  key_parse(&b.spec, &b.schema, slice_str(cases[i].text), cases[i].min_fields,
                            &b.key, &t->err),
                  SLP_INVALID);
        assert_err_has(t, cases[i].says);
        assert_int_equal(b.key.len, 0);
    }
    bench_fini(&b);
}

static void a_shortened_key_has_no_text(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    assert_rc(t, key_format(&b.spec, slice_str("\x02JF"), &b.text, &t->err), SLP_CORRUPT);
    assert_err_has(t, "key: the text at offset 1 has no end in 3 bytes");
    assert_rc(t, key_format(&b.spec, slice_of("\x02J\0\0\x01", 5), &b.text, &t->err), SLP_CORRUPT);
    assert_err_has(t, "marker 01 at offset 4");
    assert_int_equal(b.text.len, 0);
    bench_fini(&b);
}

static void every_fault_leaves_the_outputs_alone(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    T_FAULT_LOOP(t) {
        struct buf key;
        struct buf text;
        buf_init(&key, &t->mem, 1 << 20);
        buf_init(&text, &t->mem, 1 << 20);
        slp_rc rc = key_parse(&b.spec, &b.schema, slice_str("\"a,\"\"b\",2001-01-31,AAEC"), 1, &key,
                              &t->err);
        if (rc != SLP_OK)
            assert_int_equal(key.len, 0);
        else
            rc = key_format(&b.spec, buf_slice(&key), &text, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(text.len > 0, rc == SLP_OK);
        buf_fini(&key);
        buf_fini(&text);
    }
    bench_fini(&b);
}

T_MAIN(T_TEST(the_spec_has_the_key_columns_in_key_order), T_TEST(keys_are_printed_as_they_are_read),
       T_TEST(no_text_is_the_empty_prefix_where_no_field_is_wanted),
       T_TEST(wrong_keys_are_refused_by_field), T_TEST(a_shortened_key_has_no_text),
       T_TEST(every_fault_leaves_the_outputs_alone))
