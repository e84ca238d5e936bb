#include "parquet/dict_write.h"

#include <stdio.h>

#include "lib/t.h"

#define COUNT 20000u
#define ROOM  64u

/* Strings with all that a dictionary needs beside them. */
struct strings {
    uint8_t data[COUNT * ROOM + PQ_VALUES_OVERREAD];
    int32_t offsets[COUNT + 1];
    struct pq_values values;
};

struct chooser {
    struct pq_chooser base;
    struct buf scratch;
    struct buf encoded;
    struct buf compressed;
};

static void begin(struct t *t, struct chooser *c)
{
    buf_init(&c->scratch, &t->mem, 1 << 24);
    buf_init(&c->encoded, &t->mem, 1 << 24);
    buf_init(&c->compressed, &t->mem, 1 << 24);
    c->base = (struct pq_chooser){.kind = CX_NONE,
                                  .may_delta = true,
                                  .scratch = &c->scratch,
                                  .encoded = &c->encoded,
                                  .compressed = &c->compressed};
}

static void end(struct chooser *c)
{
    buf_fini(&c->scratch);
    buf_fini(&c->encoded);
    buf_fini(&c->compressed);
}

static struct strings *strings_of(struct t *t, size_t count, uint64_t distinct)
{
    static struct strings s;
    static const char *const starts[] = {"", "a", "category-", "the same sixteen",
                                         "rather a long one, of forty bytes and"};
    s.offsets[0] = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t v = t_below(t, distinct);
        char *to = (char *)s.data + s.offsets[i];
        int len = snprintf(to, ROOM, "%s%d%s", starts[v % 5], (int)v, v % 3 ? "-and-its-end" : "");
        s.offsets[i + 1] = s.offsets[i] + len;
    }
    s.values = (struct pq_values){.physical = PQ_BYTE_ARRAY,
                                  .order = PQ_ORDER_UTF8,
                                  .data = s.data,
                                  .offsets = s.offsets,
                                  .count = count};
    return &s;
}

static struct pq_values integers_of(struct t *t, size_t count, uint64_t distinct)
{
    static uint64_t v[COUNT + 2];
    for (size_t i = 0; i < count; i++)
        v[i] = t_below(t, distinct) * 0x123456789u;
    return (struct pq_values){.physical = PQ_DOUBLE,
                              .order = PQ_ORDER_DOUBLE,
                              .width = 8,
                              .data = (const uint8_t *)v,
                              .count = count};
}

static void bounds_through_a_dictionary_are_those_of_the_values(void **state)
{
    struct t *t = *state;
    static const uint64_t distinct[] = {1, 2, 7, 300, 1500};
    struct chooser c;
    struct pq_dict d;
    begin(t, &c);
    pq_dict_init(&d, &t->mem);
    for (size_t k = 0; k < sizeof distinct / sizeof *distinct; k++) {
        struct strings *s = strings_of(t, COUNT, distinct[k]);
        assert_ok(t, pq_dict_build(&d, &c.base, &s->values, false, &t->err));
        assert_true(d.index_width > 0);
        for (size_t round = 0; round < 200; round++) {
            struct pq_bounds got = {0};
            struct pq_bounds want = {0};
            size_t from = t_below(t, COUNT);
            struct pq_span span = {from, t_below(t, COUNT - from) % 700};
            size_t cut = 1 + t_below(t, 40);
            pq_dict_bounds(&d, &s->values, span, cut, &got);
            pq_bounds_of_cut(&s->values, from, span.count, cut, &want);
            assert_memory_equal(&got, &want, sizeof got);
        }
    }
    pq_dict_fini(&d);
    end(&c);
}

static void many_values_that_repeat_late_have_one(void **state)
{
    struct t *t = *state;
    struct chooser c;
    struct pq_dict d;
    begin(t, &c);
    pq_dict_init(&d, &t->mem);
    struct pq_values v = integers_of(t, COUNT, 4000);
    assert_ok(t, pq_dict_build(&d, &c.base, &v, false, &t->err));
    assert_int_equal(d.index_width, 12);
    for (size_t i = 0; i < COUNT; i++)
        assert_memory_equal(cx_dictionary_values(d.values).ptr + 8 * (size_t)pq_dict_indices(&d)[i],
                            v.data + 8 * i, 8);
    v = integers_of(t, COUNT, UINT64_MAX);
    assert_ok(t, pq_dict_build(&d, &c.base, &v, false, &t->err));
    assert_int_equal(d.index_width, 0);
    pq_dict_fini(&d);
    end(&c);
}

static void integers_that_deltas_hold_in_less_have_none(void **state)
{
    struct t *t = *state;
    static int64_t v[COUNT + 2];
    struct chooser c;
    struct pq_dict d;
    begin(t, &c);
    pq_dict_init(&d, &t->mem);
    for (size_t i = 0; i < COUNT; i++)
        v[i] = (int64_t)(i / 5);
    const struct pq_values values = {.physical = PQ_INT64,
                                     .order = PQ_ORDER_INT64,
                                     .width = 8,
                                     .data = (const uint8_t *)v,
                                     .count = COUNT};
    assert_ok(t, pq_dict_build(&d, &c.base, &values, false, &t->err));
    assert_int_equal(d.index_width, 0);
    assert_ok(t, pq_dict_build(&d, &c.base, &values, true, &t->err));
    assert_int_equal(d.index_width, 12);
    pq_dict_fini(&d);
    end(&c);
}

static void building_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct strings *s = strings_of(t, 500, 20);
    T_FAULT_LOOP(t) {
        struct chooser c;
        struct pq_dict d;
        begin(t, &c);
        pq_dict_init(&d, &t->mem);
        slp_rc rc = pq_dict_build(&d, &c.base, &s->values, false, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY && d.index_width == 0 : rc == SLP_OK);
        pq_dict_fini(&d);
        end(&c);
    }
}

T_MAIN(T_TEST(bounds_through_a_dictionary_are_those_of_the_values),
       T_TEST(many_values_that_repeat_late_have_one),
       T_TEST(integers_that_deltas_hold_in_less_have_none), T_TEST(building_survives_every_fault))
