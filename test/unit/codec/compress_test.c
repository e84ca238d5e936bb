#include "codec/compress.h"

#include "lib/t.h"

static const enum cx_kind written[] = {CX_NONE, CX_SNAPPY, CX_GZIP, CX_ZSTD, CX_LZ4_RAW, CX_BROTLI};

static void fill(struct t *t, uint8_t *bytes, size_t n, uint64_t values)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)t_below(t, values);
}

static void what_is_compressed_comes_back(void **state)
{
    struct t *t = *state;
    static const size_t sizes[] = {0, 1, 2, 100, 65536, 100001};
    static uint8_t bytes[100001];
    static uint8_t back[100001];
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    for (size_t k = 0; k < sizeof written / sizeof *written; k++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            fill(t, bytes, sizes[s], s % 2 ? 4 : 256);
            buf_clear(&out);
            assert_ok(t, buf_append(&out, "xy", 2, &t->err));
            struct slice in = slice_of(sizes[s] ? bytes : NULL, sizes[s]);
            assert_ok(t, cx_compress(c, written[k], 0, in, &out, &t->err));
            assert_memory_equal(out.ptr, "xy", 2);
            struct slice packed = slice_after(buf_slice(&out), 2);
            assert_ok(t, cx_decompress(c, written[k], packed, back, sizes[s], &t->err));
            if (sizes[s])
                assert_memory_equal(back, bytes, sizes[s]);
        }
    }
    buf_fini(&out);
    cx_codec_free(c);
}

/* Letters that no search finds anything in are packed as well without one; and where much repeats,
 * there is none indeed. */
static void what_is_said_not_to_repeat_is_not_searched(void **state)
{
    struct t *t = *state;
    static uint8_t bytes[20000];
    struct cx_codec *c = NULL;
    struct buf out;
    size_t lens[2][2];
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    buf_init(&out, &t->mem, 1 << 20);
    for (int repeats = 0; repeats < 2; repeats++) {
        fill(t, bytes, sizeof bytes, 26);
        for (size_t i = 20; repeats && i < sizeof bytes; i++)
            bytes[i] = bytes[i - 20];
        for (int i = 0; i < 2; i++) {
            buf_clear(&out);
            assert_ok(t, cx_compress_content(c, CX_ZSTD, 1,
                                             i ? CX_CONTENT_UNREPEATED : CX_CONTENT_TEXT,
                                             slice_of(bytes, sizeof bytes), &out, &t->err));
            lens[repeats][i] = out.len;
        }
    }
    assert_in_range(lens[0][1], sizeof bytes / 2, lens[0][0] + lens[0][0] / 1000);
    assert_true(lens[1][1] > 10 * lens[1][0]);
    assert_true(cx_minds_content(CX_ZSTD, 1));
    assert_false(cx_minds_content(CX_ZSTD, 3));
    assert_false(cx_minds_content(CX_GZIP, 1));
    buf_fini(&out);
    cx_codec_free(c);
}

/* Lengths on both sides of where a search changes, and levels that have none of ours. */
static void content_changes_the_search_and_nothing_else(void **state)
{
    struct t *t = *state;
    static const size_t sizes[] = {0, 9, 16384, 16385, 300000};
    static uint8_t bytes[300000];
    static uint8_t back[300000];
    struct cx_codec *c = NULL;
    struct buf out;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    buf_init(&out, &t->mem, 1 << 20);
    fill(t, bytes, sizeof bytes, 3);
    for (size_t k = 0; k < 60; k++) {
        size_t n = sizes[t_below(t, sizeof sizes / sizeof *sizes)];
        enum cx_content content = (enum cx_content)t_below(t, 4);
        int level = (int)t_below(t, 3);
        buf_clear(&out);
        assert_ok(
            t, cx_compress_content(c, CX_ZSTD, level, content, slice_of(bytes, n), &out, &t->err));
        assert_true(n < 100 || out.len < n / 2);
        assert_ok(t, cx_decompress(c, CX_ZSTD, buf_slice(&out), back, n, &t->err));
        if (n)
            assert_memory_equal(back, bytes, n);
    }
    buf_fini(&out);
    cx_codec_free(c);
}

static void another_length_is_corrupt_both_ways(void **state)
{
    struct t *t = *state;
    uint8_t bytes[1000] = {0};
    uint8_t back[1001];
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    for (size_t k = 0; k < sizeof written / sizeof *written; k++) {
        buf_clear(&out);
        assert_ok(t, cx_compress(c, written[k], 0, slice_of(bytes, 1000), &out, &t->err));
        struct slice packed = buf_slice(&out);
        assert_rc(t, cx_decompress(c, written[k], packed, back, 999, &t->err), SLP_CORRUPT);
        assert_rc(t, cx_decompress(c, written[k], packed, back, 1001, &t->err), SLP_CORRUPT);
    }
    buf_fini(&out);
    cx_codec_free(c);
}

static void cut_bytes_are_corrupt(void **state)
{
    struct t *t = *state;
    uint8_t bytes[300];
    uint8_t back[300];
    fill(t, bytes, sizeof bytes, 256);
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    for (size_t k = 0; k < sizeof written / sizeof *written; k++) {
        buf_clear(&out);
        assert_ok(t, cx_compress(c, written[k], 0, slice_of(bytes, sizeof bytes), &out, &t->err));
        for (size_t n = 0; n < out.len; n++)
            assert_rc(
                t, cx_decompress(c, written[k], slice_of(out.ptr, n), back, sizeof back, &t->err),
                SLP_CORRUPT);
    }
    buf_fini(&out);
    cx_codec_free(c);
}

static void several_gzip_members_are_one_text(void **state)
{
    struct t *t = *state;
    uint8_t back[6];
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    struct buf out;
    buf_init(&out, &t->mem, 1 << 20);
    assert_ok(t, cx_compress(c, CX_GZIP, 1, slice_str("abc"), &out, &t->err));
    assert_ok(t, cx_compress(c, CX_GZIP, 9, slice_str("def"), &out, &t->err));
    assert_ok(t, cx_decompress(c, CX_GZIP, buf_slice(&out), back, 6, &t->err));
    assert_memory_equal(back, "abcdef", 6);
    assert_rc(t, cx_compress(c, CX_GZIP, 13, slice_str("abc"), &out, &t->err), SLP_INVALID);
    buf_fini(&out);
    cx_codec_free(c);
}

static void lz4_is_read_bare_and_framed(void **state)
{
    struct t *t = *state;
    uint8_t back[8];
    /* A block of literals only: the token holds their count. */
    static const uint8_t bare[] = "\x40"
                                  "abcd";
    static const uint8_t framed[] = "\0\0\0\4\0\0\0\5\x40"
                                    "abcd\0\0\0\4\0\0\0\5\x40"
                                    "efgh";
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    assert_ok(t, cx_decompress(c, CX_LZ4, slice_of(bare, 5), back, 4, &t->err));
    assert_memory_equal(back, "abcd", 4);
    assert_ok(t, cx_decompress(c, CX_LZ4, slice_of(framed, 26), back, 8, &t->err));
    assert_memory_equal(back, "abcdefgh", 8);
    assert_rc(t, cx_decompress(c, CX_LZ4_RAW, slice_of(framed, 26), back, 8, &t->err), SLP_CORRUPT);
    assert_rc(t, cx_decompress(c, CX_LZ4, slice_of(framed, 25), back, 8, &t->err), SLP_CORRUPT);
    cx_codec_free(c);
}

static void brotli_has_eleven_levels(void **state)
{
    struct t *t = *state;
    uint8_t back[5];
    static const uint8_t hello[] = {0x0b, 0x02, 0x80, 'h', 'e', 'l', 'l', 'o', 0x03};
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    assert_ok(t, cx_decompress(c, CX_BROTLI, slice_of(hello, sizeof hello), back, 5, &t->err));
    assert_memory_equal(back, "hello", 5);
    assert_rc(t, cx_decompress(c, CX_BROTLI, slice_of(hello, 4), back, 5, &t->err), SLP_CORRUPT);
    struct buf out;
    buf_init(&out, &t->mem, 4096);
    assert_ok(t, cx_compress(c, CX_BROTLI, 11, slice_str("hello"), &out, &t->err));
    assert_ok(t, cx_decompress(c, CX_BROTLI, buf_slice(&out), back, 5, &t->err));
    assert_memory_equal(back, "hello", 5);
    assert_rc(t, cx_compress(c, CX_BROTLI, 12, slice_str("a"), &out, &t->err), SLP_INVALID);
    assert_rc(t, cx_compress(c, CX_LZO, 0, slice_str("a"), &out, &t->err), SLP_UNSUPPORTED);
    buf_fini(&out);
    cx_codec_free(c);
}

static void unknown_codecs_are_named(void **state)
{
    struct t *t = *state;
    uint8_t back[5];
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    assert_rc(t, cx_decompress(c, CX_LZO, slice_str("a"), back, 5, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "lzo");
    assert_string_equal(cx_kind_name(8), "unknown");
    assert_string_equal(cx_kind_name(-1), "unknown");
    assert_string_equal(cx_kind_name(CX_ZSTD), "zstd");
    cx_codec_free(c);
}

static void compression_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct cx_codec *c = NULL;
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = cx_codec_new(&t->mem, &c, &t->err);
        if (rc == SLP_OK)
            rc = cx_compress(c, CX_ZSTD, 1, slice_str("abc"), &out, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc != SLP_OK)
            assert_int_equal(out.len, 0);
        buf_fini(&out);
        cx_codec_free(c);
    }
}

static void a_full_buffer_answers_limit(void **state)
{
    struct t *t = *state;
    struct cx_codec *c = NULL;
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    struct buf out;
    buf_init(&out, &t->mem, 4);
    for (size_t k = 0; k < sizeof written / sizeof *written; k++)
        assert_rc(t, cx_compress(c, written[k], 0, slice_str("abcdef"), &out, &t->err), SLP_LIMIT);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    cx_codec_free(c);
}

static void a_frame_of_lz4_is_read_to_its_end(void **state)
{
    struct t *t = *state;
    /* Magic, independent blocks of at most 64 KiB; a stored block, a packed one, the end. */
    static const uint8_t frame[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 3,    0,   0, 0x80,
                                    'a',  'b',  'c',  11,   0,    0,    0,    0x1f, 'x', 1, 0,
                                    5,    0x50, 'v',  'w',  'x',  'y',  'z',  0,    0,   0, 0};
    struct cx_codec *c = NULL;
    uint8_t out[64];
    struct slice whole = slice_of(frame, sizeof frame);
    assert_ok(t, cx_codec_new(&t->mem, &c, &t->err));
    assert_ok(t, cx_lz4_frame_decompress(c, whole, out, 33, &t->err));
    assert_memory_equal(out, "abcxxxxxxxxxxxxxxxxxxxxxxxxxvwxyz", 33);
    for (size_t n = 0; n < sizeof frame; n++)
        assert_rc(t, cx_lz4_frame_decompress(c, slice_first(whole, n), out, 33, &t->err),
                  SLP_CORRUPT);
    assert_rc(t, cx_lz4_frame_decompress(c, whole, out, 32, &t->err), SLP_CORRUPT);
    assert_rc(t, cx_lz4_frame_decompress(c, whole, out, 34, &t->err), SLP_CORRUPT);
    assert_err_has(t, "not of 34 bytes");
    cx_codec_free(c);
}

T_MAIN(T_TEST(a_frame_of_lz4_is_read_to_its_end), T_TEST(what_is_compressed_comes_back),
       T_TEST(content_changes_the_search_and_nothing_else),
       T_TEST(what_is_said_not_to_repeat_is_not_searched),
       T_TEST(another_length_is_corrupt_both_ways), T_TEST(cut_bytes_are_corrupt),
       T_TEST(several_gzip_members_are_one_text), T_TEST(lz4_is_read_bare_and_framed),
       T_TEST(brotli_has_eleven_levels), T_TEST(unknown_codecs_are_named),
       T_TEST(compression_survives_every_fault), T_TEST(a_full_buffer_answers_limit))
