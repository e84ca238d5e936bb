#include "base/num.h"
#include "lib/t.h"
#include "parquet/meta.h"

#define FILE_BYTES 200000u

static uint8_t file[FILE_BYTES];

/* A file of `bytes` bytes whose footer says that its metadata has `meta` of them. */
static struct source *make_file(struct t *t, size_t bytes, uint32_t meta, const char *magic)
{
    for (size_t i = 0; i < bytes; i++)
        file[i] = (uint8_t)(i * 7);
    num_store_u32le(file + bytes - 8, meta);
    memcpy(file + bytes - 4, magic, 4);
    return t_source(t, file, bytes);
}

static void the_metadata_stands_before_the_tail(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    assert_ok(t, pq_footer_read(make_file(t, 1000, 300, "PAR1"), &out, &t->err));
    assert_int_equal(out.len, 300);
    assert_memory_equal(out.ptr, file + 1000 - 8 - 300, 300);
    assert_int_equal(t->reads, 1);
    buf_fini(&out);
}

static void a_long_footer_costs_a_second_read(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    struct source *src = make_file(t, FILE_BYTES, 65528, "PAR1");
    assert_ok(t, pq_footer_read(src, &out, &t->err));
    assert_int_equal(src->reads, 1);
    assert_int_equal(src->read_bytes, 65536);
    src = make_file(t, FILE_BYTES, 65529, "PAR1");
    assert_ok(t, pq_footer_read(src, &out, &t->err));
    assert_int_equal(src->reads, 2);
    assert_int_equal(src->read_bytes, 65529 + 8);
    assert_int_equal(out.len, 65529);
    assert_memory_equal(out.ptr, file + FILE_BYTES - 8 - 65529, 65529);
    buf_fini(&out);
}

static void what_is_no_parquet_file_is_refused(void **state)
{
    struct t *t = *state;
    static const struct {
        size_t bytes;
        uint32_t meta;
        const char *magic;
        slp_rc rc;
        const char *text;
    } cases[] = {
        {8, 0, "PAR1", SLP_CORRUPT, "8 bytes are no Parquet file"},
        {11, 0, "PAR1", SLP_CORRUPT, "11 bytes are no Parquet file"},
        {100, 10, "PAR2", SLP_CORRUPT, "no magic at offset 96"},
        {100, 89, "PAR1", SLP_CORRUPT, "metadata of 89 bytes at offset 92"},
        {100, UINT32_MAX, "PAR1", SLP_CORRUPT, "metadata of 4294967295 bytes"},
        {100, 10, "PARE", SLP_UNSUPPORTED, "the footer is encrypted"},
    };
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct source *src = make_file(t, cases[i].bytes, cases[i].meta, cases[i].magic);
        assert_rc(t, pq_footer_read(src, &out, &t->err), cases[i].rc);
        assert_err_has(t, cases[i].text);
        assert_err_has(t, "parquet footer: ");
    }
    assert_ok(t, pq_footer_read(make_file(t, 100, 88, "PAR1"), &out, &t->err));
    buf_fini(&out);
}

static void the_buffers_limit_holds(void **state)
{
    struct t *t = *state;
    struct buf out;
    buf_init(&out, &t->mem, 299);
    assert_rc(t, pq_footer_read(make_file(t, 1000, 300, "PAR1"), &out, &t->err), SLP_LIMIT);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static void footers_survive_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        struct source *src = make_file(t, FILE_BYTES, 70000, "PAR1");
        slp_rc rc = pq_footer_read(src, &out, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK && out.ptr == NULL : rc == SLP_OK);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(the_metadata_stands_before_the_tail), T_TEST(a_long_footer_costs_a_second_read),
       T_TEST(what_is_no_parquet_file_is_refused), T_TEST(the_buffers_limit_holds),
       T_TEST(footers_survive_every_fault))
