#include "schema/properties.h"

#include <string.h>

#include "lib/t.h"

static enum schema_property_id id_of(struct t *t, const char *name)
{
    enum schema_property_id id = SCHEMA_PROPERTY_COUNT;
    assert_ok(t, schema_property_find(slice_str(name), &id, NULL, &t->err));
    return id;
}

static void every_default_is_a_value_and_names_are_unique(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1000);
    for (size_t i = 0; i < SCHEMA_PROPERTY_COUNT; i++) {
        const struct schema_property *p = schema_property_at((enum schema_property_id)i);
        assert_ok(t, schema_property_check((enum schema_property_id)i, slice_str(p->fallback), &out,
                                           &t->err));
        assert_int_equal(id_of(t, p->name), i);
        assert_true(strlen(p->help) > 0);
    }
    buf_fini(&out);
}

static void names_may_stand_in_full(void **state)
{
    struct t *t = *state;
    enum schema_property_id id = SCHEMA_PROPERTY_COUNT;
    bool is_default = true;
    assert_ok(t, schema_property_find(slice_str("sleeper.table.gc.delay.minutes"), &id, &is_default,
                                      &t->err));
    assert_int_equal(id, SCHEMA_PROPERTY_GC_DELAY);
    assert_false(is_default);
    assert_ok(t, schema_property_find(slice_str("sleeper.default.table.gc.delay.minutes"), &id,
                                      &is_default, &t->err));
    assert_int_equal(id, SCHEMA_PROPERTY_GC_DELAY);
    assert_true(is_default);
    assert_rc(t, schema_property_find(slice_str("gc.delay.minute"), &id, NULL, &t->err),
              SLP_NOT_FOUND);
    assert_err_has(t, "did you mean \"gc.delay.minutes\"?");
    assert_rc(t, schema_property_find(slice_str("colour"), &id, NULL, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "no property \"colour\"");
}

static void values_come_into_one_form(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *name;
        const char *value;
        const char *stored; /* NULL: refused */
    } cases[] = {
        {"gc.delay.minutes", "015", "15"},
        {"gc.delay.minutes", "-1", NULL},
        {"gc.delay.minutes", "1h", NULL},
        {"gc.history", "7d", "604800"},
        {"gc.history", "soon", NULL},
        {"parquet.page.size", "64KiB", "65536"},
        {"parquet.page.size", "1", NULL},
        {"parquet.compression.codec", "ZSTD", "zstd"},
        {"parquet.compression.codec", "none", "uncompressed"},
        {"parquet.compression.codec", "lzo", NULL},
        {"compaction.strategy.class",
         "sleeper.compaction.core.job.creation.strategy.impl.SizeRatioCompactionStrategy",
         "size-ratio"},
        {"compaction.strategy.class", "", NULL},
        {"filters", "ageOff(ts, 1000)", "ageOff(ts, 1000)"},
        {"filters", "\xff", NULL},
    };
    struct buf out;
    buf_init(&out, &t->mem, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum schema_property_id id = id_of(t, cases[i].name);
        slp_rc rc = schema_property_check(id, slice_str(cases[i].value), &out, &t->err);
        assert_int_equal(rc, cases[i].stored ? SLP_OK : SLP_INVALID);
        if (cases[i].stored)
            assert_true(slice_is(buf_slice(&out), cases[i].stored));
    }
    assert_rc(
        t, schema_property_check(SCHEMA_PROPERTY_PARQUET_PROFILE, slice_str("best"), &out, &t->err),
        SLP_INVALID);
    assert_err_has(t, "\"best\" is none of default, compat");
    assert_rc(t,
              schema_property_check(SCHEMA_PROPERTY_COMPACT_BATCH, slice_str("1"), &out, &t->err),
              SLP_INVALID);
    assert_err_has(t, "a whole number from 2 to 1000");
    buf_fini(&out);
}

struct pair {
    const char *name;
    const char *value;
};

static bool find_in_pair(const void *context, struct slice name, struct slice *value)
{
    const struct pair *pair = context;
    if (!slice_is(name, pair->name))
        return false;
    *value = slice_str(pair->value);
    return true;
}

static void what_was_set_counts_before_the_default(void **state)
{
    (void)state;
    struct pair pair = {"gc.delay.minutes", "5"};
    struct schema_properties p = {.context = &pair, .find = find_in_pair};
    assert_int_equal(schema_property_number(&p, SCHEMA_PROPERTY_GC_DELAY), 5);
    assert_int_equal(schema_property_number(&p, SCHEMA_PROPERTY_GC_LAG), 604800);
    assert_int_equal(schema_property_number(NULL, SCHEMA_PROPERTY_GC_DELAY), 60);
    pair.value = "a new form";
    assert_int_equal(schema_property_number(&p, SCHEMA_PROPERTY_GC_DELAY), 60);
    pair = (struct pair){"compaction.strategy.class", "time-window"};
    assert_int_equal(schema_property_choice(&p, SCHEMA_PROPERTY_COMPACT_STRATEGY), 3);
    assert_int_equal(schema_property_choice(NULL, SCHEMA_PROPERTY_COMPACT_STRATEGY), 0);
}

T_MAIN(T_TEST(every_default_is_a_value_and_names_are_unique), T_TEST(names_may_stand_in_full),
       T_TEST(values_come_into_one_form), T_TEST(what_was_set_counts_before_the_default))
