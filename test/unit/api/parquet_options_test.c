#include "api/parquet_options.h"

#include "lib/t.h"
#include "parquet/writer.h"

static struct arr_field fields[] = {{.name = "k", .type = {.kind = ARR_UTF8}},
                                    {.name = "v", .type = {.kind = ARR_INT64}}};
static const struct arr_schema schema = {.fields = fields, .count = 2};

static slp_rc resolve(struct t *t, const struct slp_parquet_options *in, struct arena *a,
                      struct rows_output_options *out)
{
    *out = (struct rows_output_options){.format = ROWS_PARQUET};
    return api_parquet_options(in, &schema, a, out, &t->err);
}

static void words_become_options_of_the_writer(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct rows_output_options out;
    const struct slp_param encodings[] = {{"v", "plain"}, {"k", "DELTA_BYTE_ARRAY"}};
    const char *const bloom[] = {"k", NULL};
    const struct slp_parquet_options in = {.codec = "ZSTD:7",
                                           .encodings = encodings,
                                           .encoding_count = 2,
                                           .bloom = bloom,
                                           .row_group_rows = 5,
                                           .page_rows = 3,
                                           .page_bytes = 4096,
                                           .page_version = 2};
    arena_init(&a, &t->mem, 1 << 16);
    assert_ok(t, resolve(t, &in, &a, &out));
    assert_int_equal(out.group_rows, 5);
    assert_int_equal(out.block_rows, 3);
    assert_int_equal(out.parquet->codec, CX_ZSTD);
    assert_int_equal(out.parquet->level, 7);
    assert_int_equal(out.parquet->page_bytes, 4096);
    assert_true(out.parquet->page_v2);
    assert_int_equal(out.parquet->columns[0].encoding, PQ_WRITE_DELTA_BYTE_ARRAY);
    assert_int_equal(out.parquet->columns[1].encoding, PQ_WRITE_PLAIN);
    assert_true(out.parquet->columns[0].bloom && !out.parquet->columns[1].bloom);
    assert_ok(t, resolve(t, &(struct slp_parquet_options){.profile = "compat"}, &a, &out));
    assert_int_equal(out.parquet->codec, CX_SNAPPY);
    assert_int_equal(out.parquet->profile, PQ_PROFILE_COMPAT);
    arena_fini(&a);
}

static void what_is_none_of_them_is_named(void **state)
{
    struct t *t = *state;
    const struct slp_param unknown = {"x", "PLAIN"};
    const struct {
        struct slp_parquet_options in;
        slp_rc rc;
        const char *text;
    } cases[] = {
        {{.profile = "new"}, SLP_INVALID, "profile \"new\""},
        {{.codec = "lzo"}, SLP_INVALID, "codec \"lzo\" is not written"},
        {{.codec = "zstd:"}, SLP_INVALID, "levels 1 to 19"},
        {{.codec = "gzip:13"}, SLP_INVALID, "levels 1 to 12"},
        {{.codec = "brotli:12"}, SLP_INVALID, "levels 1 to 11"},
        {{.encodings = &unknown, .encoding_count = 1}, SLP_NOT_FOUND, "\"x\""},
        {{.page_rows = -1}, SLP_INVALID, "rows"},
        {{.row_group_rows = (int64_t)1 << 40}, SLP_INVALID, "rows"},
        {{.page_bytes = 1}, SLP_INVALID, "pages of 1 bytes"},
        {{.page_version = 3}, SLP_INVALID, "page version 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct rows_output_options out;
        arena_init(&a, &t->mem, 1 << 16);
        assert_rc(t, resolve(t, &cases[i].in, &a, &out), cases[i].rc);
        assert_err_has(t, cases[i].text);
        arena_fini(&a);
    }
    struct rows_output_options csv = {.format = ROWS_CSV};
    assert_rc(t, api_parquet_options(&cases[0].in, &schema, NULL, &csv, &t->err), SLP_INVALID);
}

static void resolving_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct arena a;
        struct rows_output_options out;
        arena_init(&a, &t->mem, 1 << 16);
        slp_rc rc = resolve(t, &(struct slp_parquet_options){.codec = "gzip"}, &a, &out);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(words_become_options_of_the_writer), T_TEST(what_is_none_of_them_is_named),
       T_TEST(resolving_survives_every_fault))
