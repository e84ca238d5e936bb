#include "lib/t.h"
#include "upkeep/inspect_priv.h"

/* A column `a` of three int32 in one PLAIN page, without compression, with a bound that is cut. */
static const char magic[] = "PAR1";
static const char page[] = "\x15\x00\x15\x18\x15\x18\x2c\x15\x06\x15\x00\x15\x06\x15\x06\x00\x00"
                           "\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00";
static const char footer[] = "\x15\x02" /* 1 version: 1 */
                             "\x19\x2c" /* 2 schema: two elements */
                             "\x48\x06schema\x15\x02\x00"
                             "\x15\x02\x25\x00\x18\x01"
                             "a\x00"
                             "\x16\x06" /* 3 rows */
                             "\x19\x1c" /* 4 row groups */
                             "\x19\x1c" /* 1 columns */
                             "\x26\x08\x1c\x15\x02\x19\x15\x00\x19\x18\x01"
                             "a\x15\x00\x16\x06\x16\x3a\x16\x3a\x26\x08"
                             "\x3c\x36\x00\x28\x04\x03\x00\x00\x00\x18\x02\x01\x00\x00\x00\x00"
                             "\x16\x3a\x16\x06\x00\x00";

static slp_rc describe(struct t *t, const char *body, size_t body_bytes, enum show_form form,
                       struct buf *out)
{
    slp_rc rc = SLP_OK;
    struct buf file;
    struct show s;
    buf_init(&file, alloc_system(), 4096);
    TRY_OUT(buf_append(&file, magic, 4, &t->err));
    TRY_OUT(buf_append(&file, body, body_bytes, &t->err));
    TRY_OUT(buf_append(&file, footer, sizeof footer - 1, &t->err));
    TRY_OUT(buf_append_u32le(&file, sizeof footer - 1, &t->err));
    TRY_OUT(buf_append(&file, magic, 4, &t->err));
    show_init(&s, form, out, &t->err);
    show_open(&s, NULL, SHOW_OBJECT, true);
    TRY_OUT(upkeep_show_parquet(t_source(t, file.ptr, file.len), &t->mem, &s, &t->err));
    show_close(&s);
    rc = show_finish(&s);
out:
    buf_fini(&file);
    return rc;
}

static void assert_has(const struct buf *out, const char *text)
{
    bool is_there = false;
    size_t n = strlen(text);
    for (size_t i = 0; !is_there && i + n <= out->len; i++)
        is_there = memcmp(out->ptr + i, text, n) == 0;
    if (!is_there)
        fail_msg("expected \"%s\" in: %.*s", text, (int)out->len, (const char *)out->ptr);
}

static void footer_chunk_and_pages_are_shown(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1 << 16);
    assert_ok(t, describe(t, page, sizeof page - 1, SHOW_AS_TEXT, &out));
    assert_has(&out, "kind parquet  size ");
    assert_has(&out, "\n  1  name a  type INT32  repetition_type REQUIRED\n");
    assert_has(&out, "codec UNCOMPRESSED  num_values 3");
    assert_has(&out, "  0  offset 4  header_size 17  type DATA_PAGE  uncompressed_page_size 12");
    /* A whole bound is a number, one of the wrong width its bytes. */
    assert_has(&out, "statistics {null_count 0  max_value 3  min_value 0x0100}");
    buf_fini(&out);
}

static void a_damaged_page_is_a_problem_in_its_place(void **state)
{
    struct t *t = *state;
    struct buf out;
    char damaged[sizeof page];
    memcpy(damaged, page, sizeof page);
    damaged[0] = 0x1e;
    buf_init(&out, &t->mem, 1 << 16);
    assert_ok(t, describe(t, damaged, sizeof page - 1, SHOW_AS_JSON, &out));
    assert_has(&out, "\"problem_offset\":4,\"problem\":\"page header at byte");
    assert_has(&out, "\"num_rows\":3");
    buf_clear(&out);
    /* The chunk is longer than what is left of the file: the metadata is wrong, and shown. */
    assert_ok(t, describe(t, page, 0, SHOW_AS_JSON, &out));
    assert_has(&out, "\"problem\":\"");
    assert_has(&out, "\"num_values\":3");
    buf_fini(&out);
}

static void descriptions_survive_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, alloc_system(), 1 << 16);
        slp_rc rc = describe(t, page, sizeof page - 1, SHOW_AS_JSON, &out);
        assert_true(t->fault_hit || rc == SLP_OK);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(footer_chunk_and_pages_are_shown), T_TEST(a_damaged_page_is_a_problem_in_its_place),
       T_TEST(descriptions_survive_every_fault))
