#include "base/show.h"

#include "lib/t.h"

/* A document with everything. */
static void describe(struct show *s)
{
    show_open(s, NULL, SHOW_OBJECT, true);
    show_text(s, "kind", slice_str("parquet"));
    show_int(s, "rows", -3);
    show_open(s, "schema", SHOW_LIST, true);
    for (unsigned i = 0; i < 2; i++) {
        show_open(s, NULL, SHOW_OBJECT, true);
        show_text(s, "name", slice_str(i ? "b" : ""));
        show_open(s, "type", SHOW_OBJECT, false);
        show_uint(s, "bits", 8 + i);
        show_bool(s, "signed", i == 0);
        show_close(s);
        show_open(s, "codecs", SHOW_LIST, false);
        show_text(s, NULL, slice_str("ZSTD"));
        show_text(s, NULL, slice_str("NONE"));
        show_close(s);
        show_close(s);
    }
    show_close(s);
    show_hex(s, "key", slice_of("\x00\xff", 2));
    show_text(s, "bytes", slice_of("\xff\x01", 2));
    show_text(s, "two lines", slice_str("a\nb"));
    show_open(s, "none", SHOW_LIST, true);
    show_close(s);
    show_close(s);
}

static void assert_shows(struct t *t, enum show_form form, const char *expected)
{
    struct buf out;
    struct show s;
    buf_init(&out, &t->mem, 4096);
    show_init(&s, form, &out, &t->err);
    describe(&s);
    assert_ok(t, show_finish(&s));
    assert_ok(t, buf_append_u8(&out, 0, &t->err));
    assert_string_equal((char *)out.ptr, expected);
    buf_fini(&out);
}

static void text_has_a_line_for_what_is_one(void **state)
{
    assert_shows(*state, SHOW_AS_TEXT,
                 "kind parquet  rows -3\n"
                 "schema\n"
                 "  0  name \"\"  type {bits 8  signed true}  codecs [ZSTD NONE]\n"
                 "  1  name b  type {bits 9  signed false}  codecs [ZSTD NONE]\n"
                 "key 0x00ff  bytes 0xff01  two lines \"a\\nb\"\n"
                 "none\n");
}

static void json_is_one_document(void **state)
{
    assert_shows(*state, SHOW_AS_JSON,
                 "{\"kind\":\"parquet\",\"rows\":-3,\n"
                 "\"schema\":[\n{\"name\":\"\",\"type\":{\"bits\":8,\"signed\":true},"
                 "\"codecs\":[\"ZSTD\",\"NONE\"]},\n"
                 "{\"name\":\"b\",\"type\":{\"bits\":9,\"signed\":false},"
                 "\"codecs\":[\"ZSTD\",\"NONE\"]}],\"key\":\"0x00ff\",\"bytes\":\"0xff01\","
                 "\"two lines\":\"a\\nb\",\n\"none\":[]}\n");
}

static void long_values_are_cut_in_text_alone(void **state)
{
    struct t *t = *state;
    char value[400];
    memset(value, 'x', sizeof value);
    memcpy(value + SHOW_TEXT_BYTES - 1, "\xc3\xa9", 2); /* not cut inside a character */
    for (int form = SHOW_AS_TEXT; form <= SHOW_AS_JSON; form++) {
        struct buf out;
        struct show s;
        buf_init(&out, &t->mem, 4096);
        show_init(&s, (enum show_form)form, &out, &t->err);
        show_open(&s, NULL, SHOW_OBJECT, true);
        show_text(&s, "v", slice_of(value, sizeof value));
        show_close(&s);
        assert_ok(t, show_finish(&s));
        bool is_cut = out.len < sizeof value;
        assert_int_equal(is_cut, form == SHOW_AS_TEXT);
        if (is_cut)
            assert_memory_equal(out.ptr + 2 + SHOW_TEXT_BYTES - 1, "... (400 bytes)\n", 16);
        buf_fini(&out);
    }
}

static void the_first_failure_stays(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf out;
        struct show s;
        buf_init(&out, &t->mem, 4096);
        show_init(&s, SHOW_AS_JSON, &out, &t->err);
        describe(&s);
        slp_rc rc = show_finish(&s);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&out);
    }
    struct buf small;
    struct show s;
    buf_init(&small, &t->mem, 20);
    show_init(&s, SHOW_AS_JSON, &small, &t->err);
    describe(&s);
    assert_rc(t, show_finish(&s), SLP_LIMIT);
    buf_fini(&small);
}

T_MAIN(T_TEST(text_has_a_line_for_what_is_one), T_TEST(json_is_one_document),
       T_TEST(long_values_are_cut_in_text_alone), T_TEST(the_first_failure_stays))
