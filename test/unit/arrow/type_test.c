#include "arrow/type.h"

#include "lib/t.h"

static void every_type_is_read_from_its_own_name(void **state)
{
    struct t *t = *state;
    for (int kind = 0; kind < ARR_FLAT_KIND_COUNT; kind++) {
        for (int unit = 0; unit < 8; unit++) {
            struct arr_type type = {.kind = (enum arr_kind)kind, .precision = 10 + unit};
            type.unit = (enum arr_unit)(unit & 3);
            if (kind == ARR_TIME32)
                type.unit = (enum arr_unit)(unit & 1);
            if (kind == ARR_TIME64)
                type.unit = (enum arr_unit)(2 + (unit & 1));
            type.utc = unit & 4;
            type.scale = unit;
            type.width = 1 + unit;
            char name[64];
            arr_type_format(type, name, sizeof name);
            struct arr_type again = {0};
            assert_ok(t, arr_type_parse(slice_str(name), &again, &t->err));
            assert_true(arr_type_equal(type, again));
        }
    }
}

static void names_of_nested_types_tell_all_of_them(void **state)
{
    (void)state;
    struct arr_field item = {.name = "item", .type = {.kind = ARR_INT64}};
    struct arr_field pair[] = {
        {.name = "key", .type = {.kind = ARR_UTF8}},
        {.name = "value", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1}};
    struct arr_field entries = {
        .name = "entries", .type = {.kind = ARR_STRUCT}, .children = pair, .child_count = 2};
    struct arr_field map = {
        .name = "m", .type = {.kind = ARR_MAP}, .children = &entries, .child_count = 1};
    struct arr_field members[] = {{.name = "a", .type = {.kind = ARR_INT32}}, map};
    struct arr_field whole = {
        .name = "s", .type = {.kind = ARR_STRUCT}, .children = members, .child_count = 2};
    struct arr_field empty = {.name = "e", .type = {.kind = ARR_STRUCT}};
    char name[80];
    arr_field_type_format(&whole, name, sizeof name);
    assert_string_equal(name, "struct<a: int32, m: map<string, list<item: int64>>>");
    arr_field_type_format(&whole, name, 20);
    assert_string_equal(name, "struct<a: int32,...");
    arr_field_type_format(&empty, name, sizeof name);
    assert_string_equal(name, "struct<>");
    arr_field_type_format(&item, name, sizeof name);
    assert_string_equal(name, "int64");
}

static void same_types_differ_in_names_that_nobody_chose(void **state)
{
    (void)state;
    struct arr_field item = {.name = "item", .type = {.kind = ARR_INT64}};
    struct arr_field element = {.name = "element", .type = {.kind = ARR_INT64}, .nullable = true};
    struct arr_field a = {.type = {.kind = ARR_LIST}, .children = &item, .child_count = 1};
    struct arr_field b = {.type = {.kind = ARR_LIST}, .children = &element, .child_count = 1};
    assert_true(arr_field_same_type(&a, &b));
    a.type.kind = ARR_STRUCT;
    assert_false(arr_field_same_type(&a, &b));
    b.type.kind = ARR_STRUCT;
    assert_false(arr_field_same_type(&a, &b));
    element.name = "item";
    assert_true(arr_field_same_type(&a, &b));
    element.type.kind = ARR_INT32;
    assert_false(arr_field_same_type(&a, &b));
}

static void copies_of_nested_schemas_stand_alone(void **state)
{
    struct t *t = *state;
    struct arr_field fields[70];
    struct arr_schema schema = {.fields = fields, .count = 1};
    struct arr_schema copy = {0};
    struct arena a;
    for (size_t i = 0; i < 70; i++)
        fields[i] = (struct arr_field){.name = "f",
                                       .type = {.kind = ARR_LIST},
                                       .extension = "json",
                                       .children = &fields[i + 1],
                                       .child_count = 1};
    fields[64] = (struct arr_field){.name = "last", .type = {.kind = ARR_INT8}};
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, arr_schema_copy(&a, &schema, &copy, &t->err), SLP_LIMIT);
    assert_err_has(t, "column \"f\": nested deeper than 64");
    assert_null(copy.fields);
    fields[63] = fields[64];
    assert_ok(t, arr_schema_copy(&a, &schema, &copy, &t->err));
    memset(fields, 0, sizeof fields);
    const struct arr_field *f = copy.fields;
    for (; f->child_count; f = f->children)
        assert_string_equal(f->extension, "json");
    assert_string_equal(f->name, "last");
    arena_fini(&a);
}

static void other_names_and_spellings_are_understood(void **state)
{
    struct t *t = *state;
    static const char *const cases[][2] = {
        {"LONG", "int64"},
        {"Double  Precision", "double"},
        {"large_string", "string"},
        {"timestamp", "timestamp[us]"},
        {"timestamptz", "timestamp[us, UTC]"},
        {" timestamp[ ns , tz=UTC ] ", "timestamp[ns, UTC]"},
        {"DECIMAL(10,2)", "decimal(10, 2)"},
        {"decimal128(38)", "decimal(38, 0)"},
        {"fixed_size_binary[16]", "fixed_binary(16)"},
        {"date32[day]", "date"},
        {"bytes", "binary"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arr_type type = {0};
        char name[64];
        assert_ok(t, arr_type_parse(slice_str(cases[i][0]), &type, &t->err));
        arr_type_format(type, name, sizeof name);
        assert_string_equal(name, cases[i][1]);
    }
}

static void unknown_types_are_refused_with_what_was_meant(void **state)
{
    struct t *t = *state;
    static const char *const cases[][2] = {
        {"strnig", "did you mean \"string\""},
        {"in64", "did you mean \"int64\""},
        {"geometry_collection", "expected one such as int64"},
        {"", "expected one such as"},
        {"decimal(39, 2)", "precision 1 to 38"},
        {"decimal(10, 11)", "scale 0 to precision"},
        {"decimal(10", "unknown type"},
        {"decimal", "precision 1 to 38"},
        {"timestamp[h]", "timestamp[s], [ms], [us] or [ns]"},
        {"timestamp[us, Europe/Berlin]", "timestamp[s]"},
        {"fixed_binary(0)", "1 to 65535"},
        {"fixed_binary(99999999999)", "1 to 65535"},
        {"a type with a very long name that goes on and on and on beyond all there is", "a type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arr_type type = {.kind = ARR_BINARY, .width = 77};
        assert_rc(t, arr_type_parse(slice_str(cases[i][0]), &type, &t->err), SLP_INVALID);
        assert_err_has(t, cases[i][1]);
        assert_int_equal(type.width, 77);
    }
    struct arr_type type = {0};
    assert_rc(t, arr_type_parse(slice_of("int\0", 4), &type, &t->err), SLP_INVALID);
}

static struct arr_field fields[] = {
    {.name = "origin", .type = {.kind = ARR_UTF8}, .id = 1},
    {.name = "date", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .id = 2},
    {.name = "destination", .type = {.kind = ARR_UTF8}, .nullable = true, .id = 3},
};
static const struct arr_schema schema = {.fields = fields, .count = 3};

static void fields_are_found_by_exact_name(void **state)
{
    (void)state;
    assert_int_equal(arr_schema_find(&schema, slice_str("date")), 1);
    assert_int_equal(arr_schema_find(&schema, slice_str("Date")), -1);
    assert_int_equal(arr_schema_find(&schema, slice_of("dat", 3)), -1);
}

static void the_nearest_field_is_offered_only_when_near(void **state)
{
    struct t *t = *state;
    assert_string_equal(arr_schema_nearest(&schema, slice_str("DESTINATON")), "destination");
    assert_string_equal(arr_schema_nearest(&schema, slice_str("orgin")), "origin");
    assert_string_equal(arr_schema_nearest(&schema, slice_str("dtae")), "date");
    assert_null(arr_schema_nearest(&schema, slice_str("carrier")));
    size_t at = 9;
    assert_rc(t, arr_schema_require(&schema, slice_str("orgin"), &at, &t->err), SLP_NOT_FOUND);
    assert_string_equal(t->err.text, "no column \"orgin\"; did you mean \"origin\"?");
    assert_rc(t, arr_schema_require(&schema, slice_str("carrier"), &at, &t->err), SLP_NOT_FOUND);
    assert_string_equal(t->err.text, "no column \"carrier\"");
    assert_int_equal(at, 9);
    assert_ok(t, arr_schema_require(&schema, slice_str("origin"), &at, &t->err));
    assert_int_equal(at, arr_schema_find(&schema, slice_str("origin")));
    char longer[100] = {0};
    assert_null(arr_schema_nearest(&schema, slice_of(longer, sizeof longer)));
}

static void a_copy_of_a_schema_stands_alone_at_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arena a;
        arena_init(&a, &t->mem, 1 << 20);
        struct arr_schema copy = {0};
        slp_rc rc = arr_schema_copy(&a, &schema, &copy, &t->err);
        if (t->fault_hit) {
            assert_int_equal(rc, SLP_NO_MEMORY);
            assert_null(copy.fields);
        } else {
            assert_int_equal(rc, SLP_OK);
            assert_int_equal(copy.count, 3);
            assert_true(copy.fields[2].name != fields[2].name && copy.fields[2].nullable);
            assert_string_equal(copy.fields[2].name, "destination");
        }
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(names_of_nested_types_tell_all_of_them),
       T_TEST(same_types_differ_in_names_that_nobody_chose),
       T_TEST(copies_of_nested_schemas_stand_alone), T_TEST(every_type_is_read_from_its_own_name),
       T_TEST(other_names_and_spellings_are_understood),
       T_TEST(unknown_types_are_refused_with_what_was_meant),
       T_TEST(fields_are_found_by_exact_name), T_TEST(the_nearest_field_is_offered_only_when_near),
       T_TEST(a_copy_of_a_schema_stands_alone_at_every_fault))
