#include "parquet/geo.h"

#include "lib/t.h"
#include "parquet/meta_priv.h"

static void texts_are_put_and_read_back(void **state)
{
    struct t *t = *state;
    static const char *const texts[] = {
        "geometry",
        "geometry(EPSG:25832)",
        "geometry({\"a\": (1, 2)})",
        "geography",
        "geography(OGC:CRS84)",
        "geography(OGC:CRS84, karney)",
        "geography(, thomas)",
        "geometry(OGC:CRS84, karney)",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena a;
        struct buf bytes;
        struct cx_put w;
        struct cx_thrift r;
        struct pq_element e;
        const char *text = NULL;
        arena_init(&a, &t->mem, 1 << 16);
        buf_init(&bytes, &t->mem, 1 << 16);
        assert_true(pq_geo_is(texts[i]));
        cx_put_init(&w, &bytes, &t->err);
        cx_put_struct(&w, 10);
        pq_geo_put(&w, texts[i]);
        cx_put_end(&w);
        assert_ok(t, cx_put_finish(&w));
        cx_thrift_init(&r, buf_slice(&bytes));
        pq_element_parse(&r, &e);
        assert_null(r.wrong);
        assert_ok(t, pq_geo_format(e.logical == PQ_LOGICAL_GEOGRAPHY, e.crs, e.algorithm, &a, &text,
                                   &t->err));
        assert_string_equal(text, texts[i]);
        buf_fini(&bytes);
        arena_fini(&a);
    }
}

static void other_texts_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          "json",       "geometrical",
                                        "geometry(", "geometryx)", "Geometry"};
    assert_false(pq_geo_is(NULL));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(pq_geo_is(texts[i]));
}

static void edges_nobody_knows_are_left_out(void **state)
{
    struct t *t = *state;
    struct arena a;
    const char *text = NULL;
    arena_init(&a, &t->mem, 1 << 16);
    assert_ok(t, pq_geo_format(true, slice_str("x"), 77, &a, &text, &t->err));
    assert_string_equal(text, "geography(x)");
    arena_fini(&a);
}

T_MAIN(T_TEST(texts_are_put_and_read_back), T_TEST(other_texts_are_none),
       T_TEST(edges_nobody_knows_are_left_out))
