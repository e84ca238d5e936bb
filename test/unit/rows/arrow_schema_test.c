#include "rows/arrow_schema.h"

#include "arrow/base64.h"
#include "lib/t.h"

static struct arr_field fields[] = {{.name = "s", .type = {.kind = ARR_TIMESTAMP}},
                                    {.name = "d", .type = {.kind = ARR_DURATION, .unit = ARR_NANO}},
                                    {.name = "c", .type = {.kind = ARR_TIME32}},
                                    {.name = "t", .type = {.kind = ARR_UTF8}}};
static const struct arr_schema schema = {.fields = fields, .count = 4};

/* The columns as a Parquet file has them. */
static void store(struct arr_field *out)
{
    memcpy(out, fields, sizeof fields);
    out[0].type.unit = ARR_MILLI;
    out[1].type = (struct arr_type){.kind = ARR_INT64};
    out[2].type.unit = ARR_MILLI;
}

static void types_that_parquet_lacks_come_back(void **state)
{
    struct t *t = *state;
    struct arr_field stored[4];
    struct arr_schema have = {.fields = stored, .count = 4};
    struct buf text;
    buf_init(&text, &t->mem, 1 << 16);
    assert_ok(t, rows_arrow_schema_make(&schema, &t->mem, &text, &t->err));
    store(stored);
    assert_ok(t, rows_arrow_schema_apply(buf_slice(&text), &t->mem, &have, &t->err));
    for (size_t i = 0; i < 4; i++)
        assert_true(arr_type_equal(stored[i].type, fields[i].type));
    /* Of columns by other names, or more of them, it says nothing. */
    store(stored);
    stored[0].name = "other";
    have.count = 3;
    assert_ok(t, rows_arrow_schema_apply(buf_slice(&text), &t->mem, &have, &t->err));
    assert_int_equal(stored[1].type.kind, ARR_INT64);
    have.count = 4;
    assert_ok(t, rows_arrow_schema_apply(buf_slice(&text), &t->mem, &have, &t->err));
    assert_int_equal(stored[0].type.unit, ARR_MILLI);
    assert_int_equal(stored[1].type.kind, ARR_DURATION);
    buf_fini(&text);
}

static void damage_says_nothing_or_what_a_schema_can_say(void **state)
{
    struct t *t = *state;
    struct buf text;
    uint8_t message[4096];
    size_t bytes = 0;
    char damaged[6000];
    buf_init(&text, &t->mem, 1 << 16);
    assert_ok(t, rows_arrow_schema_make(&schema, &t->mem, &text, &t->err));
    assert_true(arr_base64_read(buf_slice(&text), message, &bytes));
    for (size_t round = 0; round < 2000; round++) {
        struct arr_field stored[4];
        struct arr_schema have = {.fields = stored, .count = 4};
        uint8_t copy[sizeof message];
        memcpy(copy, message, bytes);
        size_t n = round % 3 ? bytes : t_below(t, bytes + 1);
        for (size_t i = 0; i <= round % 4 && n; i++)
            copy[t_below(t, n)] = (uint8_t)t_random(t);
        arr_base64_write(slice_of(copy, n), damaged);
        store(stored);
        assert_ok(t, rows_arrow_schema_apply(slice_of(damaged, arr_base64_bytes(n)), &t->mem, &have,
                                             &t->err));
        assert_int_equal(stored[3].type.kind, ARR_UTF8);
    }
    buf_fini(&text);
}

static void making_and_reading_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct buf text;
    buf_init(&text, alloc_system(), 1 << 16);
    assert_ok(t, rows_arrow_schema_make(&schema, &t->mem, &text, &t->err));
    T_FAULT_LOOP(t) {
        struct arr_field stored[4];
        struct arr_schema have = {.fields = stored, .count = 4};
        struct buf out;
        buf_init(&out, &t->mem, 1 << 16);
        store(stored);
        slp_rc rc = rows_arrow_schema_make(&schema, &t->mem, &out, &t->err);
        if (rc == SLP_OK)
            rc = rows_arrow_schema_apply(buf_slice(&text), &t->mem, &have, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&out);
    }
    buf_fini(&text);
}

T_MAIN(T_TEST(types_that_parquet_lacks_come_back),
       T_TEST(damage_says_nothing_or_what_a_schema_can_say),
       T_TEST(making_and_reading_survive_every_fault))
