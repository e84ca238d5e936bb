#include "schema/schema.h"

#include <stdio.h>

#include "lib/t.h"

/* A schema, the arena it lives in, and room to write it. */
struct bench {
    struct arena arena;
    struct buf text;
    struct schema schema;
};

static void bench_init(struct t *t, struct bench *b)
{
    *b = (struct bench){0};
    arena_init(&b->arena, &t->mem, 64 << 20);
    buf_init(&b->text, &t->mem, 64 << 20);
}

static void bench_fini(struct bench *b)
{
    arena_fini(&b->arena);
    buf_fini(&b->text);
}

static const char flights[] =
    "{\"fields\":[{\"id\":4,\"name\":\"date\",\"type\":\"timestamp[us]\",\"nullable\":false},"
    "{\"id\":2,\"name\":\"origin\",\"type\":\"string\",\"nullable\":false},"
    "{\"id\":3,\"name\":\"del \\\"ay\",\"type\":\"decimal(10, 2)\",\"nullable\":true}],"
    "\"rowKey\":[\"origin\"],\"sortKey\":[\"date\"]}";

static void our_form_is_written_as_it_was_read(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(flights), &b.arena, &b.schema, &t->err));
    assert_int_equal(b.schema.columns.count, 3);
    assert_int_equal(b.schema.row_key_count, 1);
    assert_int_equal(b.schema.key_count, 2);
    assert_int_equal(b.schema.key_columns[0], 1);
    assert_int_equal(b.schema.key_columns[1], 0);
    assert_int_equal(b.schema.next_field_id, 5);
    assert_int_equal(b.schema.columns.fields[2].type.precision, 10);
    assert_ok(t, schema_format(&b.schema, &b.text, &t->err));
    assert_true(slice_is(buf_slice(&b.text), flights));
    bench_fini(&b);
}

static void upstreams_form_is_accepted_unchanged(void **state)
{
    struct t *t = *state;
    static const char theirs[] =
        "{\"rowKeyFields\":[{\"name\":\"k\",\"type\":\"StringType\"}],\n"
        " \"sortKeyFields\":[{\"name\":\"t\",\"type\":\"LongType\"}],\n"
        " \"valueFields\":[{\"name\":\"i\",\"type\":\"IntType\",\"nullable\":true},\n"
        "                  {\"name\":\"b\",\"type\":\"ByteArrayType\"},\n"
        "  {\"name\":\"l\",\"type\":{\"ListType\":{\"elementType\":\"LongType\"}}},\n"
        "  {\"name\":\"m\",\"type\":{\"MapType\":{\"keyType\":\"StringType\",\n"
        "    \"valueType\":{\"ListType\":{\"elementType\":\"IntType\"}}}}}]}";
    static const char ours[] =
        "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"string\",\"nullable\":false},"
        "{\"id\":2,\"name\":\"t\",\"type\":\"int64\",\"nullable\":false},"
        "{\"id\":3,\"name\":\"i\",\"type\":\"int32\",\"nullable\":true},"
        "{\"id\":4,\"name\":\"b\",\"type\":\"binary\",\"nullable\":false},"
        "{\"id\":5,\"name\":\"l\",\"type\":\"list\",\"nullable\":false,"
        "\"element\":{\"id\":7,\"type\":\"int64\",\"nullable\":true}},"
        "{\"id\":6,\"name\":\"m\",\"type\":\"map\",\"nullable\":false,"
        "\"key\":{\"id\":8,\"type\":\"string\",\"nullable\":false},"
        "\"value\":{\"id\":9,\"type\":\"list\",\"nullable\":true,"
        "\"element\":{\"id\":10,\"type\":\"int32\",\"nullable\":true}}}],"
        "\"rowKey\":[\"k\"],\"sortKey\":[\"t\"]}";
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(theirs), &b.arena, &b.schema, &t->err));
    assert_ok(t, schema_format(&b.schema, &b.text, &t->err));
    assert_true(slice_is(buf_slice(&b.text), ours));
    bench_fini(&b);
}

static void missing_ids_are_numbered_above_those_given(void **state)
{
    struct t *t = *state;
    static const char text[] = "{\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
                               "{\"id\":7,\"name\":\"b\",\"type\":\"int\"},"
                               "{\"name\":\"c\",\"type\":\"int\"}],\"rowKey\":[\"a\"]}";
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(text), &b.arena, &b.schema, &t->err));
    assert_int_equal(b.schema.columns.fields[0].id, 8);
    assert_int_equal(b.schema.columns.fields[1].id, 7);
    assert_int_equal(b.schema.columns.fields[2].id, 9);
    assert_int_equal(b.schema.next_field_id, 10);
    assert_false(b.schema.columns.fields[1].nullable);
    bench_fini(&b);
}

static void ids_of_dropped_fields_are_remembered(void **state)
{
    struct t *t = *state;
    struct bench b;
    struct schema again = {0};
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(flights), &b.arena, &b.schema, &t->err));
    b.schema.next_field_id = 9;
    assert_ok(t, schema_format(&b.schema, &b.text, &t->err));
    assert_ok(t, schema_parse(buf_slice(&b.text), &b.arena, &again, &t->err));
    assert_int_equal(again.next_field_id, 9);
    assert_true(schema_equal(&b.schema, &again));
    bench_fini(&b);
}

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"

static void what_is_wrong_is_named(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *text;
        slp_rc rc;
        const char *says;
    } cases[] = {
        {"{\"fields\":[\n oops", SLP_INVALID, "schema: no valid JSON: line 2"},
        {"[]", SLP_INVALID, "the document is an array, expected an object"},
        {"{}", SLP_INVALID, "neither \"fields\" nor \"rowKeyFields\""},
        {"{\"fields\":[" FIELD("a", "int") "],\"rowkey\":[\"a\"]}", SLP_INVALID,
         "unknown member \"rowkey\"; did you mean \"rowKey\"?"},
        {"{\"fields\":[" FIELD("a", "int") "]}", SLP_INVALID, "member \"rowKey\" is missing"},
        {"{\"fields\":[" FIELD("a", "int") "],\"rowKey\":[]}", SLP_INVALID, "no row key field"},
        {"{\"fields\":[" FIELD("a", "int") "],\"rowKey\":[7]}", SLP_INVALID,
         "rowKey: name 1 is an integer"},
        {"{\"fields\":[" FIELD("a", "strnig") "],\"rowKey\":[\"a\"]}", SLP_INVALID,
         "fields: field 1 \"a\": unknown type \"strnig\"; did you mean \"string\"?"},
        {"{\"fields\":[" FIELD("a", "null") "],\"rowKey\":[\"a\"]}", SLP_INVALID, "type null"},
        {"{\"fields\":[" FIELD("", "int") "],\"rowKey\":[\"\"]}", SLP_INVALID, "without name"},
        {"{\"fields\":[" FIELD("a", "int") "," FIELD("a", "long") "],\"rowKey\":[\"a\"]}",
         SLP_INVALID, "field \"a\" stands twice (fields 1 and 2)"},
        {"{\"fields\":[" FIELD("origin", "int") "],\"rowKey\":[\"orign\"]}", SLP_INVALID,
         "row key field \"orign\" is not a field of the schema; did you mean \"origin\"?"},
        {"{\"fields\":[" FIELD("a", "int") "],\"rowKey\":[\"a\"],\"sortKey\":[\"a\"]}", SLP_INVALID,
         "sort key field \"a\" stands twice"},
        {"{\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"nullable\":true}],\"rowKey\":[\"a\"]}",
         SLP_INVALID, "row key field \"a\" is nullable"},
        {"{\"fields\":[{\"id\":3,\"name\":\"a\",\"type\":\"int\"},"
         "{\"id\":3,\"name\":\"b\",\"type\":\"int\"}],\"rowKey\":[\"a\"]}",
         SLP_INVALID, "field \"b\": id 3 is taken"},
        {"{\"fields\":[{\"id\":0,\"name\":\"a\",\"type\":\"int\"}],\"rowKey\":[\"a\"]}",
         SLP_INVALID, "\"id\" is 0, expected 1 to"},
        {"{\"fields\":[{\"name\":\"a\"}],\"rowKey\":[\"a\"]}", SLP_INVALID,
         "member \"type\" is missing"},
        {"{\"rowKeyFields\":[" FIELD("a", "FloatType") "]}", SLP_INVALID,
         "rowKeyFields: field 1 \"a\": unknown type \"FloatType\"; expected IntType"},
        {"{\"rowKeyFields\":[" FIELD("a", "IntType") "],\"valueFields\":[{\"name\":\"m\","
                                                     "\"type\":{\"MapType\":{\"keyType\":"
                                                     "\"IntType\"}}}]}",
         SLP_INVALID, "field 1 \"m\": member \"valueType\" is missing"},
        {"{\"rowKeyFields\":[{\"name\":\"l\",\"type\":{\"ListType\":{\"elementType\":"
         "\"IntType\"}}}]}",
         SLP_UNSUPPORTED, "row key field \"l\" has type list<element: int32>, which keys do not"},
        {"{\"rowKeyFields\":[" FIELD("a",
                                     "IntType") "],\"valueFields\":[{\"name\":\"l\",\"type\":{}}]}",
         SLP_INVALID, "neither ListType nor MapType alone"},
        {"{\"fields\":[{\"name\":\"s\",\"type\":\"struct\",\"fields\":[{\"name\":\"a\","
         "\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}],\"rowKey\":[\"s\"]}",
         SLP_INVALID, "field \"s\": field \"a\" stands twice"},
        {"{\"fields\":[{\"name\":\"l\",\"type\":\"list\"}],\"rowKey\":[\"l\"]}", SLP_INVALID,
         "field 1 \"l\": member \"element\" is missing"},
        {"{\"rowKeyFields\":[{\"name\":\"a\",\"type\":\"IntType\",\"nullable\":true}]}",
         SLP_INVALID, "is nullable"},
    };
    struct bench b;
    bench_init(t, &b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        b.schema.key_count = 77;
        assert_rc(t, schema_parse(slice_str(cases[i].text), &b.arena, &b.schema, &t->err),
                  cases[i].rc);
        assert_err_has(t, cases[i].says);
        assert_int_equal(b.schema.key_count, 77);
    }
    bench_fini(&b);
}

/* `count` int64 columns named c0, c1, ... of which the first `keys` are the row key. */
static slp_rc parse_wide(struct t *t, struct bench *b, unsigned count, unsigned keys)
{
    buf_clear(&b->text);
    assert_ok(t, buf_printf(&b->text, &t->err, "{\"fields\":["));
    for (unsigned i = 0; i < count; i++)
        assert_ok(t, buf_printf(&b->text, &t->err, "%s{\"name\":\"c%u\",\"type\":\"long\"}",
                                i ? "," : "", i));
    assert_ok(t, buf_printf(&b->text, &t->err, "],\"rowKey\":["));
    for (unsigned i = 0; i < keys; i++)
        assert_ok(t, buf_printf(&b->text, &t->err, "%s\"c%u\"", i ? "," : "", i));
    assert_ok(t, buf_printf(&b->text, &t->err, "]}"));
    return schema_parse(buf_slice(&b->text), &b->arena, &b->schema, &t->err);
}

static void counts_and_sizes_have_limits(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, parse_wide(t, &b, ARR_COLUMNS_MAX, SCHEMA_KEY_FIELDS_MAX));
    assert_rc(t, parse_wide(t, &b, ARR_COLUMNS_MAX + 1, 1), SLP_LIMIT);
    assert_err_has(t, "20001 fields; expected at most 20000");
    assert_rc(t, parse_wide(t, &b, 40, SCHEMA_KEY_FIELDS_MAX + 1), SLP_LIMIT);
    assert_err_has(t, "key fields");
    buf_clear(&b.text);
    assert_ok(t, buf_resize(&b.text, SCHEMA_JSON_MAX_BYTES + 1, &t->err));
    assert_rc(t, schema_parse(buf_slice(&b.text), &b.arena, &b.schema, &t->err), SLP_LIMIT);
    char text[400];
    (void)snprintf(text, sizeof text,
                   "{\"fields\":[{\"name\":\"%0256d\",\"type\":\"int\"}],\"rowKey\":[\"a\"]}", 0);
    assert_rc(t, schema_parse(slice_str(text), &b.arena, &b.schema, &t->err), SLP_INVALID);
    assert_err_has(t, "a name of 256 bytes; expected at most 255");
    bench_fini(&b);
}

static struct arr_field columns_of_a_file[] = {
    {.name = "a", .type = {.kind = ARR_INT64}, .nullable = true, .id = 12},
    {.name = "b", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "c", .type = {.kind = ARR_DOUBLE}, .nullable = true, .id = 12},
};
static const struct arr_schema file = {.fields = columns_of_a_file, .count = 3};

static void types_that_tables_do_not_take_are_refused_by_name(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    struct arr_field item = {.name = "item", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_SECOND}};
    static const struct arr_type refused[] = {
        {.kind = ARR_DURATION}, {.kind = ARR_INTERVAL}, {.kind = ARR_DECIMAL256, .precision = 50},
        {.kind = ARR_TIME32},   {.kind = ARR_STRUCT},
    };
    struct arr_field fields[] = {{.name = "a", .type = {.kind = ARR_INT64}}, {.name = "x"}};
    struct arr_schema odd = {.fields = fields, .count = 2};
    struct slice row_key = slice_str("a");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        fields[1].type = refused[i];
        assert_rc(t, schema_like(&odd, &row_key, 1, NULL, 0, &b.arena, &b.schema, &t->err),
                  SLP_UNSUPPORTED);
        assert_err_has(t, "field \"x\" has type ");
        assert_err_has(t, "which tables do not take");
    }
    fields[1] = (struct arr_field){
        .name = "x", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1};
    assert_rc(t, schema_like(&odd, &row_key, 1, NULL, 0, &b.arena, &b.schema, &t->err),
              SLP_UNSUPPORTED);
    assert_err_has(t, "field \"x\": field \"element\" has type timestamp[s], which tables");
    row_key = slice_str("x");
    item.type = (struct arr_type){.kind = ARR_INT64};
    assert_rc(t, schema_like(&odd, &row_key, 1, NULL, 0, &b.arena, &b.schema, &t->err),
              SLP_UNSUPPORTED);
    assert_err_has(t, "row key field \"x\" has type list<element: int64>, which keys do not take");
    static const char json[] = "{\"fields\":[{\"id\":1,\"name\":\"a\",\"type\":\"time64[us]\","
                               "\"nullable\":false}],\"rowKey\":[\"a\"],\"sortKey\":[]}";
    assert_rc(t, schema_parse(slice_str(json), &b.arena, &b.schema, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "row key field \"a\" has type time64[us], which keys do not take");
    bench_fini(&b);
}

/* Our form and what it is as bytes: a list of structs with a map inside. */
static const char nested[] =
    "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"int64\",\"nullable\":false},"
    "{\"id\":2,\"name\":\"l\",\"type\":\"list\",\"nullable\":true,"
    "\"element\":{\"id\":4,\"type\":\"struct\",\"nullable\":true,\"fields\":["
    "{\"id\":5,\"name\":\"m\",\"type\":\"map\",\"nullable\":false,"
    "\"key\":{\"id\":7,\"type\":\"string\",\"nullable\":false},"
    "\"value\":{\"id\":8,\"type\":\"int32\",\"nullable\":true}},"
    "{\"id\":6,\"name\":\"t\",\"type\":\"time64[us]\",\"nullable\":true}]}},"
    "{\"id\":3,\"name\":\"h\",\"type\":\"float16\",\"nullable\":false}],"
    "\"rowKey\":[\"k\"],\"sortKey\":[]}";

static const uint8_t nested_bytes[] = "\x01\x03"
                                      "\x01\x01k\x05\x00"
                                      "\x02\x01l\x18\x01"
                                      "\x04\x19\x01\x02"
                                      "\x05\x01m\x1a\x00"
                                      "\x07\x0e\x00"
                                      "\x08\x04\x01"
                                      "\x06\x01t\x14\x01\x02"
                                      "\x03\x01h\x12\x00"
                                      "\x01\x01\x00\x09";

static void nested_fields_have_ids_and_every_form(void **state)
{
    struct t *t = *state;
    struct schema again = {0};
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(nested), &b.arena, &b.schema, &t->err));
    assert_ok(t, schema_encode(&b.schema, &b.text, &t->err));
    assert_true(slice_equal(buf_slice(&b.text), slice_of(nested_bytes, sizeof nested_bytes - 1)));
    assert_ok(t, schema_decode(buf_slice(&b.text), &b.arena, &again, &t->err));
    assert_true(schema_equal(&b.schema, &again));
    again.columns.fields[1].children[0].children[1].nullable = false;
    assert_false(schema_equal(&b.schema, &again));
    buf_clear(&b.text);
    assert_ok(t, schema_format(&b.schema, &b.text, &t->err));
    assert_true(slice_equal(buf_slice(&b.text), slice_str(nested)));
    /* Without ids the columns are numbered first, then what is inside them. */
    struct slice row_key = slice_str("k");
    assert_ok(t, schema_like(&b.schema.columns, &row_key, 1, NULL, 0, &b.arena, &again, &t->err));
    assert_true(schema_equal(&b.schema, &again));
    bench_fini(&b);
}

static void nested_bytes_that_none_writes_are_refused(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    uint8_t bytes[sizeof nested_bytes - 1];
    memcpy(bytes, nested_bytes, sizeof bytes);
    uint8_t *key = memchr(bytes, 0x07, sizeof bytes);
    assert_non_null(key);
    key[2] = 1;
    assert_rc(t, schema_decode(slice_of(bytes, sizeof bytes), &b.arena, &b.schema, &t->err),
              SLP_CORRUPT);
    assert_err_has(t, "a map whose keys may be null");
    /* Lists of lists, deeper than fields may be. */
    assert_ok(t, buf_append(&b.text, "\x01\x02\x01\x01k\x05\x00\x02\x01l\x18\x00", 12, &t->err));
    for (unsigned i = 0; i < 100; i++)
        assert_ok(t, buf_append(&b.text, "\x03\x18\x00", 3, &t->err));
    assert_rc(t, schema_decode(buf_slice(&b.text), &b.arena, &b.schema, &t->err), SLP_LIMIT);
    assert_err_has(t, "nested deeper than 64");
    bench_fini(&b);
}

static void stored_types_beyond_those_of_tables_need_a_newer_version(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    static const char json[] = "{\"fields\":[{\"id\":1,\"name\":\"a\",\"type\":\"int64\","
                               "\"nullable\":false}],\"rowKey\":[\"a\"],\"sortKey\":[]}";
    assert_ok(t, schema_parse(slice_str(json), &b.arena, &b.schema, &t->err));
    assert_ok(t, schema_encode(&b.schema, &b.text, &t->err));
    uint8_t *name = memchr(b.text.ptr, 'a', b.text.len);
    assert_non_null(name);
    assert_int_equal(name[1], ARR_INT64);
    name[1] = ARR_KIND_COUNT;
    assert_rc(t, schema_decode(buf_slice(&b.text), &b.arena, &b.schema, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "type number 27: it needs a newer version");
    bench_fini(&b);
}

static void a_schema_like_a_file_has_new_ids_and_required_keys(void **state)
{
    struct t *t = *state;
    struct bench b;
    bench_init(t, &b);
    struct slice row_key = slice_str("b");
    struct slice sort_key = slice_str("a");
    assert_ok(t, schema_like(&file, &row_key, 1, &sort_key, 1, &b.arena, &b.schema, &t->err));
    assert_ok(t, schema_format(&b.schema, &b.text, &t->err));
    assert_true(slice_is(buf_slice(&b.text),
                         "{\"fields\":[{\"id\":1,\"name\":\"a\",\"type\":\"int64\",\"nullable\":"
                         "false},{\"id\":2,\"name\":\"b\",\"type\":\"string\",\"nullable\":false},"
                         "{\"id\":3,\"name\":\"c\",\"type\":\"double\",\"nullable\":true}],"
                         "\"rowKey\":[\"b\"],\"sortKey\":[\"a\"]}"));
    sort_key = slice_str("x");
    assert_rc(t, schema_like(&file, &row_key, 1, &sort_key, 1, &b.arena, &b.schema, &t->err),
              SLP_INVALID);
    assert_err_has(t, "sort key field \"x\" is not a field of the schema");
    assert_rc(t, schema_like(&file, NULL, 0, &row_key, 1, &b.arena, &b.schema, &t->err),
              SLP_INVALID);
    assert_err_has(t, "no row key field");
    bench_fini(&b);
}

static void the_test_vector_holds(void **state)
{
    struct t *t = *state;
    static const uint8_t bytes[] = "\x01\x02\x01\x06origin\x0e\x00\x02\x05"
                                   "delay\x05\x01\x01\x01\x00\x03";
    struct bench b;
    bench_init(t, &b);
    assert_ok(t, schema_decode(slice_of(bytes, sizeof bytes - 1), &b.arena, &b.schema, &t->err));
    assert_string_equal(b.schema.columns.fields[1].name, "delay");
    assert_true(b.schema.columns.fields[1].nullable);
    assert_ok(t, schema_encode(&b.schema, &b.text, &t->err));
    assert_true(slice_equal(buf_slice(&b.text), slice_of(bytes, sizeof bytes - 1)));
    bench_fini(&b);
}

static const char every_type[] =
    "{\"fields\":[{\"name\":\"k\",\"type\":\"timestamp[ns, UTC]\"},{\"name\":\"d\",\"type\":"
    "\"decimal(38, 7)\"},{\"name\":\"f\",\"type\":\"fixed_binary(65535)\",\"nullable\":true},"
    "{\"name\":\"u\",\"type\":\"uint64\"}],\"rowKey\":[\"k\",\"d\"],\"sortKey\":[\"u\"]}";

static void stored_bytes_give_the_same_schema_and_no_others_do(void **state)
{
    struct t *t = *state;
    struct bench b;
    struct schema again = {0};
    bench_init(t, &b);
    assert_ok(t, schema_parse(slice_str(every_type), &b.arena, &b.schema, &t->err));
    assert_ok(t, schema_encode(&b.schema, &b.text, &t->err));
    assert_ok(t, schema_decode(buf_slice(&b.text), &b.arena, &again, &t->err));
    assert_true(schema_equal(&b.schema, &again));
    struct buf second;
    buf_init(&second, &t->mem, 1 << 20);
    for (size_t at = 0; at < b.text.len; at++) {
        struct slice cut = slice_first(buf_slice(&b.text), at);
        assert_rc(t, schema_decode(cut, &b.arena, &again, &t->err), SLP_CORRUPT);
        for (unsigned bit = 0; bit < 8; bit++) {
            b.text.ptr[at] = (uint8_t)(b.text.ptr[at] ^ 1u << bit);
            slp_rc rc = schema_decode(buf_slice(&b.text), &b.arena, &again, &t->err);
            if (rc == SLP_OK) {
                assert_false(schema_equal(&b.schema, &again));
                buf_clear(&second);
                assert_ok(t, schema_encode(&again, &second, &t->err));
                assert_true(slice_equal(buf_slice(&second), buf_slice(&b.text)));
            } else {
                assert_true(rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED);
                assert_err_has(t, "stored schema: ");
            }
            b.text.ptr[at] = (uint8_t)(b.text.ptr[at] ^ 1u << bit);
        }
    }
    assert_ok(t, buf_append_u8(&b.text, 0, &t->err));
    assert_rc(t, schema_decode(buf_slice(&b.text), &b.arena, &again, &t->err), SLP_CORRUPT);
    b.text.ptr[0] = 2;
    assert_rc(t, schema_decode(buf_slice(&b.text), &b.arena, &again, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "version 2");
    buf_fini(&second);
    bench_fini(&b);
}

static void every_fault_leaves_the_outputs_alone(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct bench b;
        struct schema copy = {.key_count = 77};
        bench_init(t, &b);
        slp_rc rc = schema_parse(slice_str(every_type), &b.arena, &b.schema, &t->err);
        if (rc == SLP_OK)
            rc = schema_format(&b.schema, &b.text, &t->err);
        if (rc != SLP_OK)
            assert_int_equal(b.text.len, 0);
        buf_clear(&b.text);
        if (rc == SLP_OK)
            rc = schema_encode(&b.schema, &b.text, &t->err);
        struct arena other;
        arena_init(&other, &t->mem, 1 << 20);
        if (rc == SLP_OK)
            rc = schema_decode(buf_slice(&b.text), &other, &copy, &t->err);
        if (rc == SLP_OK)
            rc = schema_copy(&other, &b.schema, &copy, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_true(rc == SLP_OK ? schema_equal(&copy, &b.schema) : true);
        arena_fini(&other);
        bench_fini(&b);
    }
}

T_MAIN(T_TEST(our_form_is_written_as_it_was_read), T_TEST(upstreams_form_is_accepted_unchanged),
       T_TEST(missing_ids_are_numbered_above_those_given),
       T_TEST(ids_of_dropped_fields_are_remembered), T_TEST(what_is_wrong_is_named),
       T_TEST(counts_and_sizes_have_limits),
       T_TEST(types_that_tables_do_not_take_are_refused_by_name),
       T_TEST(stored_types_beyond_those_of_tables_need_a_newer_version),
       T_TEST(a_schema_like_a_file_has_new_ids_and_required_keys),
       T_TEST(nested_fields_have_ids_and_every_form),
       T_TEST(nested_bytes_that_none_writes_are_refused), T_TEST(the_test_vector_holds),
       T_TEST(stored_bytes_give_the_same_schema_and_no_others_do),
       T_TEST(every_fault_leaves_the_outputs_alone))
