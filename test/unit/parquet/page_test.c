#include "parquet/page.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "codec/rle_encode.h"
#include "codec/thrift_write.h"
#include "lib/t.h"
#include "parquet/cursor.h"

static const struct pq_column i32 = {.physical = PQ_INT32, .type = {.kind = ARR_INT32}};
static const struct pq_column i32_or_null = {
    .physical = PQ_INT32, .optional = true, .type = {.kind = ARR_INT32}};
static const struct pq_column text = {.physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_UTF8}};
static const struct pq_column text_or_null = {
    .physical = PQ_BYTE_ARRAY, .optional = true, .type = {.kind = ARR_UTF8}};
static const struct pq_column flag = {.physical = PQ_BOOLEAN, .type = {.kind = ARR_BOOL}};
static const struct pq_column nothing = {
    .physical = PQ_INT32, .optional = true, .type = {.kind = ARR_NULL}};
static const struct pq_column fixed = {.physical = PQ_FIXED_LEN_BYTE_ARRAY,
                                       .type_length = 3,
                                       .type = {.kind = ARR_FIXED_BINARY, .width = 3}};
static const struct pq_column decimal_bytes = {
    .physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_DECIMAL128, .precision = 5, .scale = 2}};
static const struct pq_column i96 = {.physical = PQ_INT96,
                                     .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO}};

/* A v1 page of `rows` rows whose body is not compressed. */
static struct pq_page_header header_of(size_t bytes, int32_t rows, int encoding)
{
    return (struct pq_page_header){.kind = PQ_PAGE_DATA,
                                   .compressed_bytes = (uint32_t)bytes,
                                   .uncompressed_bytes = (uint32_t)bytes,
                                   .value_count = rows,
                                   .encoding = encoding,
                                   .definition_encoding = PQ_RLE,
                                   .is_compressed = true};
}

/* Decode a body that lies in an allocation of its own size, so that a read beyond it is seen. */
static slp_rc decode_with(struct t *t, const struct pq_column *column, struct pq_page_header h,
                          const void *body, const struct pq_dictionary *dict, struct arr_col *out)
{
    struct pq_scratch scratch;
    slp_rc rc = pq_scratch_init(&scratch, &t->mem, true, &t->err);
    arr_col_init(out, &t->mem, column->type);
    if (rc != SLP_OK)
        return rc;
    uint8_t *copy = malloc(h.compressed_bytes ? h.compressed_bytes : 1);
    assert_non_null(copy);
    memcpy(copy, body, h.compressed_bytes);
    rc = pq_page_decode(column, CX_NONE, &h, slice_of(copy, h.compressed_bytes), dict, &scratch,
                        out, &t->err);
    free(copy);
    pq_scratch_fini(&scratch);
    return rc;
}

#define DECODE(column, rows, encoding, body, out)                                                  \
    decode_with(t, &(column), header_of(sizeof(body) - 1, rows, encoding), body, NULL, out)

static void assert_text(const struct arr_col *c, int64_t row, const char *want)
{
    assert_true(slice_is(arr_col_bytes(c, row), want));
}

static void headers_of_each_kind_are_read(void **state)
{
    struct t *t = *state;
    struct buf b;
    struct cx_put w;
    struct pq_page_header h;
    size_t n = 0;
    buf_init(&b, &t->mem, 1000);
    cx_put_init(&w, &b, &t->err);
    cx_put_i32(&w, 1, 0);
    cx_put_i32(&w, 2, 500);
    cx_put_i32(&w, 3, 400);
    cx_put_i32(&w, 4, -2);
    cx_put_struct(&w, 5);
    cx_put_i32(&w, 1, 77);
    cx_put_i32(&w, 2, 8);
    cx_put_i32(&w, 3, 3);
    cx_put_i32(&w, 4, 3);
    cx_put_end(&w);
    assert_ok(t, cx_put_finish(&w));
    size_t len = b.len;
    assert_ok(t, buf_append(&b, "body", 4, &t->err));
    assert_ok(t, pq_page_header_parse(buf_slice(&b), &h, &n, &t->err));
    assert_int_equal(n, len);
    assert_int_equal(h.kind, PQ_PAGE_DATA);
    assert_int_equal(h.uncompressed_bytes, 500);
    assert_int_equal(h.compressed_bytes, 400);
    assert_true(h.has_crc && h.crc == 0xfffffffe);
    assert_int_equal(h.value_count, 77);
    assert_int_equal(h.encoding, 8);
    assert_int_equal(h.definition_encoding, 3);
    for (size_t cut = 0; cut < len; cut++)
        assert_rc(t, pq_page_header_parse(slice_of(b.ptr, cut), &h, &n, &t->err), SLP_LIMIT);

    buf_clear(&b);
    cx_put_init(&w, &b, &t->err);
    cx_put_i32(&w, 1, 3);
    cx_put_i32(&w, 2, 9);
    cx_put_i32(&w, 3, 9);
    cx_put_struct(&w, 8);
    cx_put_i32(&w, 1, 5);
    cx_put_i32(&w, 2, 1);
    cx_put_i32(&w, 3, 5);
    cx_put_i32(&w, 4, 0);
    cx_put_i32(&w, 5, 2);
    cx_put_i32(&w, 6, 1);
    cx_put_end(&w);
    assert_ok(t, cx_put_finish(&w));
    assert_ok(t, pq_page_header_parse(buf_slice(&b), &h, &n, &t->err));
    assert_int_equal(h.kind, PQ_PAGE_DATA_V2);
    assert_int_equal(h.definition_bytes, 2);
    assert_int_equal(h.repetition_bytes, 1);
    assert_true(h.is_compressed && !h.has_crc);
    buf_fini(&b);
}

static void impossible_headers_are_corrupt(void **state)
{
    struct t *t = *state;
    static const struct {
        int32_t kind;
        int32_t raw;
        int32_t stored;
        int16_t body;
        int32_t values;
        slp_rc rc;
    } cases[] = {
        {0, 1, 1, 5, 1, SLP_OK},       {0, -1, 1, 5, 1, SLP_CORRUPT}, {0, 1, -1, 5, 1, SLP_CORRUPT},
        {0, 1, 1, 5, -1, SLP_CORRUPT}, {0, 1, 1, 8, 1, SLP_CORRUPT},  {3, 1, 1, 5, 1, SLP_CORRUPT},
        {2, 1, 1, 5, 1, SLP_CORRUPT},  {2, 1, 1, 7, 1, SLP_OK},       {2, 1, 1, 7, -1, SLP_CORRUPT},
        {-1, 1, 1, 5, 1, SLP_CORRUPT}, {1, 1, 1, 6, 1, SLP_OK},       {9, 1, 1, 20, 1, SLP_OK},
    };
    struct buf b;
    buf_init(&b, &t->mem, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cx_put w;
        struct pq_page_header h;
        size_t n = 0;
        buf_clear(&b);
        cx_put_init(&w, &b, &t->err);
        cx_put_i32(&w, 1, cases[i].kind);
        cx_put_i32(&w, 2, cases[i].raw);
        cx_put_i32(&w, 3, cases[i].stored);
        cx_put_struct(&w, cases[i].body);
        cx_put_i32(&w, 1, cases[i].values);
        cx_put_end(&w);
        assert_ok(t, cx_put_finish(&w));
        assert_rc(t, pq_page_header_parse(buf_slice(&b), &h, &n, &t->err), cases[i].rc);
    }
    struct pq_page_header h;
    size_t n = 0;
    assert_rc(t, pq_page_header_parse(slice_of("\0", 1), &h, &n, &t->err), SLP_CORRUPT);
    buf_fini(&b);
}

static void a_header_without_end_is_corrupt(void **state)
{
    struct t *t = *state;
    static uint8_t long_one[PQ_PAGE_HEADER_MAX_BYTES + 10];
    struct pq_page_header h;
    size_t n = 0;
    memset(long_one, 0x11, sizeof long_one); /* booleans, one a byte, without a stop */
    assert_rc(t, pq_page_header_parse(slice_of(long_one, 1000), &h, &n, &t->err), SLP_LIMIT);
    assert_rc(t, pq_page_header_parse(slice_of(long_one, sizeof long_one), &h, &n, &t->err),
              SLP_CORRUPT);
}

static void required_values_stand_as_they_are(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    assert_ok(t, DECODE(i32, 3, PQ_PLAIN, "\1\0\0\0\2\0\0\0\xff\xff\xff\xff", &c));
    assert_int_equal(c.rows, 3);
    assert_int_equal(c.validity.len, 0);
    assert_int_equal(arr_col_i64(&c, 1), 2);
    assert_int_equal(arr_col_i64(&c, 2), -1);
    arr_col_fini(&c);
    assert_ok(t, DECODE(text, 3, PQ_PLAIN, "\2\0\0\0ab\0\0\0\0\1\0\0\0c", &c));
    assert_text(&c, 0, "ab");
    assert_text(&c, 1, "");
    assert_text(&c, 2, "c");
    arr_col_fini(&c);
    assert_ok(t, DECODE(fixed, 2, PQ_PLAIN, "abcdef", &c));
    assert_text(&c, 1, "def");
    arr_col_fini(&c);
}

static void levels_say_which_rows_are_null(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    /* levels: 4 bytes of length, one packed group 1 0 1 1 */
    assert_ok(t, DECODE(i32_or_null, 4, PQ_PLAIN, "\2\0\0\0\3\x0d\1\0\0\0\2\0\0\0\3\0\0\0", &c));
    assert_int_equal(c.null_count, 1);
    assert_int_equal(arr_col_i64(&c, 0), 1);
    assert_true(arr_col_is_null(&c, 1));
    assert_int_equal(num_load_u32le(c.data.ptr + 4), 0);
    assert_int_equal(arr_col_i64(&c, 3), 3);
    assert_int_equal(c.validity.len, 1);
    assert_int_equal(c.validity.ptr[0], 0x0d);
    arr_col_fini(&c);
    /* a run of three nulls and one string */
    assert_ok(t, DECODE(text_or_null, 4, PQ_PLAIN, "\4\0\0\0\6\0\2\1\1\0\0\0x", &c));
    assert_int_equal(c.null_count, 3);
    assert_text(&c, 2, "");
    assert_text(&c, 3, "x");
    arr_col_fini(&c);
    /* one run of all: no bitmap */
    assert_ok(t, DECODE(i32_or_null, 2, PQ_PLAIN, "\2\0\0\0\4\1\1\0\0\0\2\0\0\0", &c));
    assert_int_equal(c.validity.len, 0);
    arr_col_fini(&c);
    /* all null: no values */
    assert_ok(t, DECODE(i32_or_null, 5, PQ_RLE_DICTIONARY, "\2\0\0\0\x0a\0", &c));
    assert_int_equal(c.null_count, 5);
    arr_col_fini(&c);
    assert_ok(t, DECODE(nothing, 5, PQ_PLAIN, "\2\0\0\0\x0a\0", &c));
    assert_int_equal(c.null_count, 5);
    arr_col_fini(&c);
}

static void old_packed_levels_begin_at_the_high_bit(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    static const char body[] = "\xb0\1\0\0\0\2\0\0\0\3\0\0\0";
    struct pq_page_header h = header_of(sizeof body - 1, 4, PQ_PLAIN);
    h.definition_encoding = PQ_BIT_PACKED;
    assert_ok(t, decode_with(t, &i32_or_null, h, body, NULL, &c));
    assert_int_equal(c.null_count, 1);
    assert_true(arr_col_is_null(&c, 1));
    assert_int_equal(arr_col_i64(&c, 3), 3);
    arr_col_fini(&c);
    h.value_count = 9000;
    assert_rc(t, decode_with(t, &i32_or_null, h, body, NULL, &c), SLP_CORRUPT);
    arr_col_fini(&c);
}

static void v2_levels_are_never_compressed(void **state)
{
    struct t *t = *state;
    struct pq_scratch s;
    struct arr_col c;
    struct buf body;
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    for (int compressed = 0; compressed < 2; compressed++) {
        buf_init(&body, &t->mem, 1000);
        assert_ok(t, buf_append(&body, "\3\x0d", 2, &t->err));
        assert_ok(t, cx_compress(s.codec, compressed ? CX_SNAPPY : CX_NONE, 0,
                                 slice_of("\1\0\0\0\2\0\0\0\3\0\0\0", 12), &body, &t->err));
        struct pq_page_header h = header_of(body.len, 4, PQ_PLAIN);
        h.kind = PQ_PAGE_DATA_V2;
        h.uncompressed_bytes = 14;
        h.definition_bytes = 2;
        h.is_compressed = compressed;
        h.has_crc = true;
        h.crc = hash_crc32(0, buf_slice(&body));
        arr_col_init(&c, &t->mem, i32_or_null.type);
        assert_ok(t, pq_page_decode(&i32_or_null, CX_SNAPPY, &h, buf_slice(&body), NULL, &s, &c,
                                    &t->err));
        assert_int_equal(c.null_count, 1);
        assert_int_equal(arr_col_i64(&c, 3), 3);
        arr_col_clear(&c);
        h.crc ^= 1;
        assert_rc(
            t, pq_page_decode(&i32_or_null, CX_SNAPPY, &h, buf_slice(&body), NULL, &s, &c, &t->err),
            SLP_CORRUPT);
        assert_err_has(t, "checksum");
        s.verify_crc = false;
        assert_ok(t, pq_page_decode(&i32_or_null, CX_SNAPPY, &h, buf_slice(&body), NULL, &s, &c,
                                    &t->err));
        s.verify_crc = true;
        h.crc ^= 1;
        h.definition_bytes = 100;
        assert_rc(
            t, pq_page_decode(&i32_or_null, CX_SNAPPY, &h, buf_slice(&body), NULL, &s, &c, &t->err),
            SLP_CORRUPT);
        arr_col_fini(&c);
        buf_fini(&body);
    }
    pq_scratch_fini(&s);
}

static void v2_values_may_be_missing_where_all_are_null(void **state)
{
    struct t *t = *state;
    struct pq_scratch s;
    struct arr_col c;
    struct pq_page_header h = header_of(2, 5, PQ_PLAIN);
    h.kind = PQ_PAGE_DATA_V2;
    h.definition_bytes = 2;
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    arr_col_init(&c, &t->mem, i32_or_null.type);
    assert_ok(t, pq_page_decode(&i32_or_null, CX_SNAPPY, &h, slice_of("\x0a\0", 2), NULL, &s, &c,
                                &t->err));
    assert_int_equal(c.null_count, 5);
    arr_col_fini(&c);
    pq_scratch_fini(&s);
}

/* A dictionary of "a", "", "long string of 24 bytes!". */
static void make_dictionary(struct t *t, struct pq_scratch *s, struct pq_dictionary *dict)
{
    static const char body[] = "\1\0\0\0a\0\0\0\0\x18\0\0\0long string of 24 bytes!";
    struct pq_page_header h = header_of(sizeof body - 1, 3, PQ_PLAIN_DICTIONARY);
    h.kind = PQ_PAGE_DICTIONARY;
    assert_ok(t, pq_dictionary_decode(&text_or_null, CX_NONE, &h, slice_of(body, sizeof body - 1),
                                      s, dict, &t->err));
    assert_true(dict->loaded);
}

static void indices_stand_for_values_of_the_dictionary(void **state)
{
    struct t *t = *state;
    struct pq_scratch s;
    struct pq_dictionary dict = {0};
    struct arr_col c;
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    make_dictionary(t, &s, &dict);
    /* two bits: a run of two times 2, then 0 1 2 packed */
    static const char body[] = "\2\4\2\3\x24\0";
    struct pq_page_header h = header_of(sizeof body - 1, 5, PQ_RLE_DICTIONARY);
    assert_ok(t, decode_with(t, &text, h, body, &dict, &c));
    assert_text(&c, 0, "long string of 24 bytes!");
    assert_text(&c, 1, "long string of 24 bytes!");
    assert_text(&c, 2, "a");
    assert_text(&c, 3, "");
    assert_text(&c, 4, "long string of 24 bytes!");
    arr_col_fini(&c);
    /* with nulls between: levels 1 0 0 1 */
    static const char holed[] = "\2\0\0\0\3\x09\2\4\0";
    h = header_of(sizeof holed - 1, 4, PQ_PLAIN_DICTIONARY);
    assert_ok(t, decode_with(t, &text_or_null, h, holed, &dict, &c));
    assert_int_equal(c.null_count, 2);
    assert_text(&c, 0, "a");
    assert_text(&c, 3, "a");
    arr_col_fini(&c);
    /* no bits at all: the first value, however often */
    h = header_of(1, 3, PQ_RLE_DICTIONARY);
    assert_ok(t, decode_with(t, &text, h, "\0", &dict, &c));
    assert_text(&c, 2, "a");
    arr_col_fini(&c);
    arr_col_fini(&dict.values);
    pq_scratch_fini(&s);
}

static void indices_outside_the_dictionary_are_corrupt(void **state)
{
    struct t *t = *state;
    struct pq_scratch s;
    struct pq_dictionary dict = {0};
    struct arr_col c;
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    make_dictionary(t, &s, &dict);
    static const struct {
        const char *body;
        size_t n;
        const char *text;
    } cases[] = {
        {"\2\4\3", 3, "index 3 of a dictionary of 3 values"},
        {"\x21\4\2\0\0\0\0", 7, "33 bits"},
        {"\xfe\4\2", 3, "254 bits"},
        {"\2\2\2", 3, "fewer values"},
        {"\2", 1, "fewer values"},
        {"", 0, "fewer values"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pq_page_header h = header_of(cases[i].n, 2, PQ_RLE_DICTIONARY);
        assert_rc(t, decode_with(t, &text, h, cases[i].body, &dict, &c), SLP_CORRUPT);
        assert_err_has(t, cases[i].text);
        arr_col_fini(&c);
    }
    assert_rc(t, DECODE(text, 2, PQ_RLE_DICTIONARY, "\2\4\2", &c), SLP_CORRUPT);
    assert_err_has(t, "no dictionary");
    arr_col_fini(&c);
    arr_col_fini(&dict.values);
    pq_scratch_fini(&s);
}

static void dictionaries_are_checked(void **state)
{
    struct t *t = *state;
    struct pq_scratch s;
    struct pq_dictionary dict = {0};
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    struct pq_page_header h = header_of(4, 2, PQ_PLAIN);
    struct slice body = slice_of("\1\0\0\0", 4);
    assert_rc(t, pq_dictionary_decode(&i32, CX_NONE, &h, body, &s, &dict, &t->err), SLP_CORRUPT);
    h.kind = PQ_PAGE_DICTIONARY;
    assert_rc(t, pq_dictionary_decode(&i32, CX_NONE, &h, body, &s, &dict, &t->err), SLP_CORRUPT);
    assert_err_has(t, "fewer values");
    h.encoding = PQ_RLE;
    assert_rc(t, pq_dictionary_decode(&i32, CX_NONE, &h, body, &s, &dict, &t->err),
              SLP_UNSUPPORTED);
    assert_false(dict.loaded);
    /* One without values is fine while nothing points into it. */
    h = header_of(0, 0, PQ_PLAIN);
    h.kind = PQ_PAGE_DICTIONARY;
    assert_ok(t, pq_dictionary_decode(&text, CX_NONE, &h, slice_of(NULL, 0), &s, &dict, &t->err));
    struct arr_col c;
    struct pq_page_header page = header_of(3, 2, PQ_RLE_DICTIONARY);
    assert_rc(t, decode_with(t, &text, page, "\1\4\0", &dict, &c), SLP_CORRUPT);
    arr_col_fini(&c);
    arr_col_fini(&dict.values);
    pq_scratch_fini(&s);
}

static void booleans_are_bits_or_runs(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    assert_ok(t, DECODE(flag, 10, PQ_PLAIN, "\x05\x02", &c));
    assert_int_equal(c.data.len, 2);
    assert_memory_equal(c.data.ptr, "\x05\x02", 2);
    arr_col_fini(&c);
    assert_ok(t, DECODE(flag, 10, PQ_RLE, "\4\0\0\0\x12\1\2\0", &c));
    assert_memory_equal(c.data.ptr, "\xff\x01", 2);
    arr_col_fini(&c);
    assert_rc(t, DECODE(flag, 17, PQ_PLAIN, "\x05\x02", &c), SLP_CORRUPT);
    arr_col_fini(&c);
    assert_rc(t, DECODE(flag, 11, PQ_RLE, "\4\0\0\0\x12\1\2\0", &c), SLP_CORRUPT);
    arr_col_fini(&c);
    assert_rc(t, DECODE(flag, 1, PQ_RLE, "\5\0\0\0\x12\1\2\0", &c), SLP_CORRUPT);
    arr_col_fini(&c);
    assert_rc(t, DECODE(flag, 1, PQ_RLE, "\1\0", &c), SLP_CORRUPT);
    arr_col_fini(&c);
}

static void deltas_and_split_streams_are_joined(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    /* 128 a block, 4 miniblocks, 3 values from 7 on, each 2 more than the last */
    assert_ok(t, DECODE(i32, 3, PQ_DELTA_BINARY_PACKED, "\x80\1\4\3\x0e\4\0\0\0\0", &c));
    assert_int_equal(arr_col_i64(&c, 0), 7);
    assert_int_equal(arr_col_i64(&c, 2), 11);
    arr_col_fini(&c);
    /* lengths 2, 3; the strings behind */
    assert_ok(t, DECODE(text, 2, PQ_DELTA_LENGTH_BYTE_ARRAY, "\x80\1\4\2\4\2\0\0\0\0abcde", &c));
    assert_text(&c, 0, "ab");
    assert_text(&c, 1, "cde");
    arr_col_fini(&c);
    /* prefixes 0, 2; suffixes of 3, 1 bytes: "abc", "abd" */
    assert_ok(t, DECODE(text, 2, PQ_DELTA_BYTE_ARRAY,
                        "\x80\1\4\2\0\4\0\0\0\0\x80\1\4\2\6\3\0\0\0\0"
                        "abcd",
                        &c));
    assert_text(&c, 0, "abc");
    assert_text(&c, 1, "abd");
    arr_col_fini(&c);
    assert_ok(t, DECODE(fixed, 2, PQ_DELTA_BYTE_ARRAY,
                        "\x80\1\4\2\0\4\0\0\0\0\x80\1\4\2\6\3\0\0\0\0"
                        "abcd",
                        &c));
    assert_text(&c, 1, "abd");
    arr_col_fini(&c);
    assert_ok(t, DECODE(fixed, 2, PQ_BYTE_STREAM_SPLIT, "adbecf", &c));
    assert_text(&c, 0, "abc");
    assert_text(&c, 1, "def");
    arr_col_fini(&c);
}

static void damaged_deltas_are_corrupt(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    static const struct {
        const struct pq_column *column;
        int encoding;
        const char *body;
        size_t n;
    } cases[] = {
        {&i32, PQ_DELTA_BINARY_PACKED, "\x80\1\4\2\x0e\4\0\0\0\0", 10}, /* 2 values of 3 */
        {&i32, PQ_DELTA_BINARY_PACKED, "\x80\1\0\3\x0e", 5},
        /* a length below 0, one beyond the bytes, no bytes */
        {&text, PQ_DELTA_LENGTH_BYTE_ARRAY, "\x80\1\4\3\1\0\0\0\0\0abc", 13},
        {&text, PQ_DELTA_LENGTH_BYTE_ARRAY, "\x80\1\4\3\4\0\0\0\0\0abcde", 15},
        {&text, PQ_DELTA_LENGTH_BYTE_ARRAY, "\x80\1\4\3\4\0\0\0\0\0", 10},
        /* a prefix of the string before the first */
        {&text, PQ_DELTA_BYTE_ARRAY, "\x80\1\4\3\2\0\0\0\0\0\x80\1\4\3\6\0\0\0\0\0abcdefghi", 29},
        {&fixed, PQ_DELTA_BYTE_ARRAY, "\x80\1\4\3\0\0\0\0\0\0\x80\1\4\3\4\0\0\0\0\0abcdefghi", 29},
        {&fixed, PQ_BYTE_STREAM_SPLIT, "abcdefgh", 8},
        {&fixed, PQ_BYTE_STREAM_SPLIT, "abcdef", 6},
        {&text, PQ_PLAIN, "\1\0\0\0a\1\0\0\0b\2\0\0\0c", 15},
        {&text, PQ_PLAIN, "\xff\xff\xff\xff", 4},
        {&i32, PQ_PLAIN, "12345678901", 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pq_page_header h = header_of(cases[i].n, 3, cases[i].encoding);
        assert_rc(t, decode_with(t, cases[i].column, h, cases[i].body, NULL, &c), SLP_CORRUPT);
        arr_col_fini(&c);
    }
}

static void decimals_and_old_timestamps_are_converted(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    i128 v = 0;
    assert_ok(t, DECODE(decimal_bytes, 2, PQ_PLAIN, "\1\0\0\0\xfe\2\0\0\0\1\0", &c));
    memcpy(&v, c.data.ptr, 16);
    assert_true(v == -2);
    memcpy(&v, c.data.ptr + 16, 16);
    assert_true(v == 256);
    arr_col_fini(&c);
    assert_ok(t, DECODE(decimal_bytes, 2, PQ_DELTA_LENGTH_BYTE_ARRAY,
                        "\x80\1\4\2\2\2\0\0\0\0\xfe\1\0", &c));
    memcpy(&v, c.data.ptr + 16, 16);
    assert_true(v == 256);
    arr_col_fini(&c);
    assert_rc(
        t, DECODE(decimal_bytes, 1, PQ_PLAIN, "\x11\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &c),
        SLP_CORRUPT);
    arr_col_fini(&c);
    assert_ok(t, DECODE(i96, 1, PQ_PLAIN, "\5\0\0\0\0\0\0\0\x8d\x3d\x25\0", &c));
    assert_true(arr_col_i64(&c, 0) == INT64_C(86400000000005));
    arr_col_fini(&c);
    assert_rc(t, DECODE(i96, 1, PQ_PLAIN, "\5\0\0\0\0\0\0\0\xff\xff\xff\x7f", &c), SLP_UNSUPPORTED);
    assert_err_has(t, "INT96");
    arr_col_fini(&c);
}

static void wrong_levels_are_corrupt(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    assert_rc(t, DECODE(i32_or_null, 2, PQ_PLAIN, "\2\0\0\0\4\2\1\0\0\0\2\0\0\0", &c), SLP_CORRUPT);
    arr_col_fini(&c); /* a level of 2 */
    assert_rc(t, DECODE(i32_or_null, 3, PQ_PLAIN, "\2\0\0\0\4\1\1\0\0\0\2\0\0\0", &c), SLP_CORRUPT);
    arr_col_fini(&c); /* levels of 2 rows */
    assert_rc(t, DECODE(i32_or_null, 2, PQ_PLAIN, "\x22\0\0\0\4\1\1\0\0\0\2\0\0\0", &c),
              SLP_CORRUPT);
    arr_col_fini(&c); /* levels beyond the page */
    assert_rc(t, DECODE(i32_or_null, 2, PQ_PLAIN, "\2\0\0", &c), SLP_CORRUPT);
    arr_col_fini(&c);
    assert_rc(t, DECODE(nothing, 1, PQ_PLAIN, "\2\0\0\0\2\1\1\0\0\0", &c), SLP_CORRUPT);
    arr_col_fini(&c); /* a value where nothing can be */
    struct pq_page_header h = header_of(10, 2, PQ_PLAIN);
    h.definition_encoding = PQ_DELTA_BINARY_PACKED;
    assert_rc(t, decode_with(t, &i32_or_null, h, "\2\0\0\0\4\1\1\0\0\0", NULL, &c),
              SLP_UNSUPPORTED);
    arr_col_fini(&c);
}

static void encodings_that_a_type_cannot_have_are_named(void **state)
{
    struct t *t = *state;
    struct arr_col c;
    assert_rc(t, DECODE(i32, 1, PQ_RLE, "\1\0\0\0", &c), SLP_UNSUPPORTED);
    assert_err_has(t, "encoding RLE (3) of INT32");
    arr_col_fini(&c);
    assert_rc(t, DECODE(flag, 1, PQ_RLE_DICTIONARY, "\1\0\0\0", &c), SLP_UNSUPPORTED);
    arr_col_fini(&c);
    assert_rc(t, DECODE(text, 1, PQ_BYTE_STREAM_SPLIT, "\1\0\0\0", &c), SLP_UNSUPPORTED);
    arr_col_fini(&c);
    assert_rc(t, DECODE(text, 1, 10, "\1\0\0\0", &c), SLP_UNSUPPORTED);
    assert_err_has(t, "ALP");
    arr_col_fini(&c);
    assert_rc(t, DECODE(text, 1, 55, "\1\0\0\0", &c), SLP_UNSUPPORTED);
    assert_err_has(t, "unknown (55)");
    arr_col_fini(&c);
    struct pq_page_header h = header_of(4, 1, PQ_PLAIN);
    h.kind = PQ_PAGE_INDEX;
    assert_rc(t, decode_with(t, &i32, h, "\1\0\0\0", NULL, &c), SLP_CORRUPT);
    arr_col_fini(&c);
}

static void sizes_no_codec_can_reach_cost_no_memory(void **state)
{
    struct t *t = *state;
    static const struct {
        enum cx_kind codec;
        uint32_t raw;
        slp_rc rc;
    } cases[] = {
        {CX_SNAPPY, PQ_PAGE_MAX_BYTES, SLP_CORRUPT},
        {CX_GZIP, PQ_PAGE_MAX_BYTES, SLP_CORRUPT},
        {CX_ZSTD, PQ_PAGE_MAX_BYTES, SLP_CORRUPT},
        {CX_LZ4_RAW, PQ_PAGE_MAX_BYTES, SLP_CORRUPT},
        {CX_NONE, PQ_PAGE_MAX_BYTES, SLP_CORRUPT},
        {CX_BROTLI, PQ_PAGE_MAX_BYTES + 1, SLP_LIMIT},
        {CX_LZO, 100, SLP_UNSUPPORTED},
        {CX_SNAPPY, 100, SLP_CORRUPT},
        {CX_NONE, 11, SLP_CORRUPT},
    };
    struct pq_scratch s;
    assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arr_col c;
        struct pq_page_header h = header_of(10, 1, PQ_PLAIN);
        h.uncompressed_bytes = cases[i].raw;
        arr_col_init(&c, &t->mem, i32.type);
        assert_rc(t,
                  pq_page_decode(&i32, cases[i].codec, &h, slice_of("0123456789", 10), NULL, &s, &c,
                                 &t->err),
                  cases[i].rc);
        assert_true(t->peak_bytes < 1 << 20);
        arr_col_fini(&c);
    }
    pq_scratch_fini(&s);
}

/* Enough rows for several steps, with nulls in runs and single ones; the same page decoded whole
 * and in portions. */
static void portions_add_up_to_the_page(void **state)
{
    struct t *t = *state;
    enum { ROWS = 5000 };
    static uint32_t levels[ROWS];
    struct buf body;
    buf_init(&body, &t->mem, 1 << 20);
    assert_ok(t, buf_append_u32le(&body, 0, &t->err));
    for (size_t i = 0; i < ROWS;) {
        size_t run = t_below(t, 4) ? 1 : t_below(t, 1500);
        uint32_t v = (uint32_t)t_below(t, 2);
        for (; run && i < ROWS; run--)
            levels[i++] = v;
    }
    assert_ok(t, cx_rle_encode(levels, ROWS, 1, &body, &t->err));
    num_store_u32le(body.ptr, (uint32_t)body.len - 4);
    size_t level_bytes = body.len;
    for (int strings = 0; strings < 2; strings++) {
        const struct pq_column *column = strings ? &text_or_null : &i32_or_null;
        body.len = level_bytes;
        for (uint32_t i = 0; i < ROWS; i++) {
            if (!levels[i])
                continue;
            size_t len = strings ? t_below(t, 30) : 0;
            assert_ok(t, buf_append_u32le(&body, strings ? (uint32_t)len : i, &t->err));
            assert_ok(t, buf_append(&body, "abcdefghijklmnopqrstuvwxyz1234", len, &t->err));
        }
        struct pq_page_header h = header_of(body.len, ROWS, PQ_PLAIN);
        struct arr_col whole;
        assert_ok(t, decode_with(t, column, h, body.ptr, NULL, &whole));
        assert_int_equal(whole.rows, ROWS);
        for (size_t i = 0; i < ROWS; i++) {
            assert_int_equal(arr_col_is_null(&whole, (int64_t)i), !levels[i]);
            if (!strings && levels[i])
                assert_int_equal(arr_col_i64(&whole, (int64_t)i), i);
        }
        struct pq_scratch s;
        struct pq_cursor c;
        struct arr_col parts;
        assert_ok(t, pq_scratch_init(&s, &t->mem, true, &t->err));
        arr_col_init(&parts, &t->mem, column->type);
        assert_ok(t, pq_cursor_open(&c, column, CX_NONE, &h, buf_slice(&body), NULL, &s, &t->err));
        while (c.rows_left) {
            int64_t take = 1 + (int64_t)t_below(t, 1500);
            take = take < c.rows_left ? take : c.rows_left;
            assert_ok(t, pq_cursor_decode(&c, take, &parts, &t->err));
        }
        assert_int_equal(parts.null_count, whole.null_count);
        assert_true(slice_equal(buf_slice(&parts.data), buf_slice(&whole.data)));
        assert_true(slice_equal(buf_slice(&parts.offsets), buf_slice(&whole.offsets)));
        assert_true(slice_equal(buf_slice(&parts.validity), buf_slice(&whole.validity)));
        arr_col_fini(&parts);
        arr_col_fini(&whole);
        pq_scratch_fini(&s);
    }
    buf_fini(&body);
}

static void pages_survive_every_fault(void **state)
{
    struct t *t = *state;
    static const char dict_body[] = "\1\0\0\0a\2\0\0\0bc";
    static const char holed[] = "\2\0\0\0\3\x0b\1\3\2";
    T_FAULT_LOOP(t) {
        struct pq_scratch s = {0};
        struct pq_dictionary dict = {0};
        struct arr_col c;
        arr_col_init(&c, &t->mem, text_or_null.type);
        slp_rc rc = pq_scratch_init(&s, &t->mem, true, &t->err);
        struct pq_page_header h = header_of(sizeof dict_body - 1, 2, PQ_PLAIN);
        h.kind = PQ_PAGE_DICTIONARY;
        if (rc == SLP_OK)
            rc =
                pq_dictionary_decode(&text_or_null, CX_NONE, &h,
                                     slice_of(dict_body, sizeof dict_body - 1), &s, &dict, &t->err);
        assert_true(rc == SLP_OK || !dict.loaded);
        h = header_of(sizeof holed - 1, 4, PQ_RLE_DICTIONARY);
        if (rc == SLP_OK)
            rc = pq_page_decode(&text_or_null, CX_NONE, &h, slice_of(holed, sizeof holed - 1),
                                &dict, &s, &c, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc == SLP_OK)
            assert_text(&c, 1, "bc");
        if (dict.loaded)
            arr_col_fini(&dict.values);
        arr_col_fini(&c);
        pq_scratch_fini(&s);
    }
}

T_MAIN(T_TEST(headers_of_each_kind_are_read), T_TEST(impossible_headers_are_corrupt),
       T_TEST(a_header_without_end_is_corrupt), T_TEST(required_values_stand_as_they_are),
       T_TEST(levels_say_which_rows_are_null), T_TEST(old_packed_levels_begin_at_the_high_bit),
       T_TEST(v2_levels_are_never_compressed), T_TEST(v2_values_may_be_missing_where_all_are_null),
       T_TEST(indices_stand_for_values_of_the_dictionary),
       T_TEST(indices_outside_the_dictionary_are_corrupt), T_TEST(dictionaries_are_checked),
       T_TEST(booleans_are_bits_or_runs), T_TEST(deltas_and_split_streams_are_joined),
       T_TEST(damaged_deltas_are_corrupt), T_TEST(decimals_and_old_timestamps_are_converted),
       T_TEST(wrong_levels_are_corrupt), T_TEST(encodings_that_a_type_cannot_have_are_named),
       T_TEST(sizes_no_codec_can_reach_cost_no_memory), T_TEST(portions_add_up_to_the_page),
       T_TEST(pages_survive_every_fault))
