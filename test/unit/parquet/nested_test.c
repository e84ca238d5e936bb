#include "parquet/nested.h"

#include "codec/rle_encode.h"
#include "codec/thrift_write.h"
#include "lib/random_rows.h"
#include "lib/t.h"

#define MAX_ENTRIES 64

/* Entries of one leaf as a test writes them down; a value follows from its place. */
struct page {
    const char *repetitions; /* a digit an entry */
    const char *definitions;
    bool is_v2;
    bool is_bit_packed; /* v1 */
};

/* optional list l of optional struct { optional int32 a; required int32 b } */
static const uint8_t item_definitions[] = {0, 2};
static struct pq_column leaves[] = {
    {.physical = PQ_INT32,
     .type = {.kind = ARR_INT32},
     .optional = true,
     .path = "l.list.element.a",
     .is_nested = true,
     .definition_max = 4,
     .repetition_max = 1,
     .item_definitions = item_definitions},
    {.physical = PQ_INT32,
     .type = {.kind = ARR_INT32},
     .optional = true,
     .path = "l.list.element.b",
     .is_nested = true,
     .definition_max = 3,
     .repetition_max = 1,
     .item_definitions = item_definitions,
     .shared_definition = 3,
     .shared_repetition = 1},
};
static struct arr_field members[] = {
    {.name = "a", .type = {.kind = ARR_INT32}, .nullable = true},
    {.name = "b", .type = {.kind = ARR_INT32}},
};
static struct arr_field element = {.name = "element",
                                   .type = {.kind = ARR_STRUCT},
                                   .nullable = true,
                                   .children = members,
                                   .child_count = 2};
static const struct arr_field list = {.name = "l",
                                      .type = {.kind = ARR_LIST},
                                      .nullable = true,
                                      .children = &element,
                                      .child_count = 1};
static struct pq_node member_nodes[] = {
    {.field = &members[0], .definition = 4, .repetition = 1, .first_leaf = 5, .leaf_count = 1},
    {.field = &members[1], .definition = 3, .repetition = 1, .first_leaf = 6, .leaf_count = 1},
};
static struct pq_node element_node = {.field = &element,
                                      .definition = 3,
                                      .repetition = 1,
                                      .first_leaf = 5,
                                      .leaf_count = 2,
                                      .children = member_nodes};
static const struct pq_node node = {
    .field = &list, .definition = 1, .first_leaf = 5, .leaf_count = 2, .children = &element_node};

static void put_levels(struct t *t, const char *digits, unsigned width, const struct page *p,
                       struct buf *out)
{
    uint32_t values[MAX_ENTRIES];
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++)
        values[i] = (uint32_t)(digits[i] - '0');
    if (p->is_bit_packed) {
        uint8_t bits[MAX_ENTRIES] = {0};
        for (size_t i = 0; i < n * width; i++)
            bits[i / 8] |=
                (uint8_t)((values[i / width] >> (width - 1 - i % width) & 1) << (7 - i % 8));
        assert_ok(t, buf_append(out, bits, (n * width + 7) / 8, &t->err));
        return;
    }
    size_t at = out->len;
    if (!p->is_v2)
        assert_ok(t, buf_append_u32le(out, 0, &t->err));
    assert_ok(t, cx_rle_encode(values, n, width, out, &t->err));
    if (!p->is_v2)
        out->ptr[at] = (uint8_t)(out->len - at - 4);
}

/* Values count up from `*value`. */
static void put_page(struct t *t, const struct page *p, uint8_t max, uint32_t *value,
                     struct buf *out)
{
    struct buf body;
    struct cx_put w;
    buf_init(&body, &t->mem, 1 << 16);
    size_t n = strlen(p->definitions);
    put_levels(t, p->repetitions, 1, p, &body);
    size_t repetition_bytes = body.len;
    put_levels(t, p->definitions, max == 4 ? 3 : 2, p, &body);
    size_t level_bytes = body.len;
    for (size_t i = 0; i < n; i++) {
        if (p->definitions[i] - '0' == max)
            assert_ok(t, buf_append_u32le(&body, (*value)++, &t->err));
    }
    cx_put_init(&w, out, &t->err);
    cx_put_i32(&w, 1, p->is_v2 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA);
    cx_put_i32(&w, 2, (int32_t)body.len);
    cx_put_i32(&w, 3, (int32_t)body.len);
    cx_put_struct(&w, p->is_v2 ? 8 : 5);
    cx_put_i32(&w, 1, (int32_t)n);
    if (p->is_v2) {
        cx_put_i32(&w, 4, PQ_PLAIN);
        cx_put_i32(&w, 5, (int32_t)(level_bytes - repetition_bytes));
        cx_put_i32(&w, 6, (int32_t)repetition_bytes);
    } else {
        cx_put_i32(&w, 2, PQ_PLAIN);
        cx_put_i32(&w, 3, p->is_bit_packed ? PQ_BIT_PACKED : PQ_RLE);
        cx_put_i32(&w, 4, p->is_bit_packed ? PQ_BIT_PACKED : PQ_RLE);
    }
    cx_put_end(&w);
    assert_ok(t, cx_put_finish(&w));
    assert_ok(t, buf_append_slice(out, buf_slice(&body), &t->err));
    buf_fini(&body);
}

struct file {
    struct buf bytes;
    struct pq_chunk chunks[2];
};

/* A file that is two column chunks and nothing else. */
static void make_file(struct t *t, const struct page *a, size_t a_count, const struct page *b,
                      size_t b_count, struct file *f)
{
    buf_init(&f->bytes, &t->mem, 1 << 16);
    for (size_t leaf = 0; leaf < 2; leaf++) {
        const struct page *pages = leaf ? b : a;
        size_t start = f->bytes.len;
        uint32_t value = leaf ? 100 : 1;
        f->chunks[leaf] = (struct pq_chunk){.data_page_offset = start};
        for (size_t i = 0; i < (leaf ? b_count : a_count); i++) {
            put_page(t, &pages[i], leaves[leaf].definition_max, &value, &f->bytes);
            f->chunks[leaf].value_count += (int64_t)strlen(pages[i].definitions);
        }
        f->chunks[leaf].compressed_bytes = f->bytes.len - start;
    }
}

/* Read all rows in batches. */
static slp_rc read_file(struct t *t, const struct file *f, int64_t rows, int64_t batch_rows,
                        struct arr_col *out)
{
    slp_rc rc = SLP_OK;
    struct pq_chunk_reader chunks[2];
    struct pq_nested nested = {0};
    struct cx_codec *codec = NULL;
    struct source *src = t_source(t, f->bytes.ptr, f->bytes.len);
    for (size_t i = 0; i < 2; i++)
        pq_chunk_reader_init(&chunks[i], &t->mem, &leaves[i], src, NULL, true);
    TRY_OUT(cx_codec_new(&t->mem, &codec, &t->err));
    TRY_OUT(pq_nested_init(&nested, &t->mem, &node, leaves, &t->err));
    for (size_t i = 0; i < 2; i++) {
        struct io_range range;
        chunks[i].scratch.codec = codec;
        const struct pq_chunk_start start = {.chunk = &f->chunks[i], .window_bytes = 1 << 16};
        TRY_OUT(pq_chunk_begin(&chunks[i], &start, &range, &t->err));
        if (range.len)
            TRY_OUT(source_read(src, &range, 1, &t->err));
    }
    while (rows) {
        int64_t take = rows < batch_rows ? rows : batch_rows;
        TRY_OUT(pq_nested_rows(&nested, chunks, take, take == rows, out, &t->err));
        rows -= take;
    }
out:
    if (nested.node)
        pq_nested_fini(&nested);
    for (size_t i = 0; i < 2; i++)
        pq_chunk_reader_fini(&chunks[i]);
    cx_codec_free(codec);
    return rc;
}

/* [{1, 100}, null, {null, 101}], null, [], [{2, 102}] */
static void expect_rows(struct t *t, const struct arr_col *c)
{
    (void)t;
    static const int32_t offsets[] = {0, 3, 3, 3, 4};
    t_assert_col_sound(c);
    assert_int_equal(c->rows, 4);
    assert_memory_equal(arr_col_offsets(c), offsets, sizeof offsets);
    assert_int_equal(c->null_count, 1);
    assert_true(arr_col_is_null(c, 1));
    const struct arr_col *s = &c->children[0];
    assert_int_equal(s->rows, 4);
    assert_int_equal(s->null_count, 1);
    assert_true(arr_col_is_null(s, 1));
    assert_int_equal(arr_col_i64(&s->children[0], 0), 1);
    assert_true(arr_col_is_null(&s->children[0], 2));
    assert_int_equal(arr_col_i64(&s->children[0], 3), 2);
    assert_int_equal(arr_col_i64(&s->children[1], 2), 101);
    assert_int_equal(arr_col_i64(&s->children[1], 3), 102);
}

static const struct page whole[] = {{"011000", "423014", false, false},
                                    {"011000", "323013", false, false}};

static void lists_of_structs_come_in_every_page_layout(void **state)
{
    struct t *t = *state;
    for (unsigned kind = 0; kind < 3; kind++) {
        for (int64_t batch_rows = 1; batch_rows < 6; batch_rows++) {
            struct page pages[2] = {whole[0], whole[1]};
            struct file f;
            struct arr_col c;
            for (size_t i = 0; i < 2; i++) {
                pages[i].is_v2 = kind == 1;
                pages[i].is_bit_packed = kind == 2;
            }
            make_file(t, &pages[0], 1, &pages[1], 1, &f);
            assert_ok(t, arr_col_init_field(&c, &t->mem, &list, &t->err));
            assert_ok(t, read_file(t, &f, 4, batch_rows, &c));
            expect_rows(t, &c);
            arr_col_fini(&c);
            buf_fini(&f.bytes);
        }
    }
}

static void a_row_may_span_pages(void **state)
{
    struct t *t = *state;
    static const struct page a[] = {{"01", "42", 0, 0}, {"", "", 0, 0}, {"1000", "3014", 0, 0}};
    static const struct page b[] = {
        {"0", "3", 0, 0}, {"1", "2", 0, 0}, {"1", "3", 0, 0}, {"000", "013", 1, 0}};
    for (int64_t batch_rows = 1; batch_rows < 6; batch_rows++) {
        struct file f;
        struct arr_col c;
        make_file(t, a, 3, b, 4, &f);
        assert_ok(t, arr_col_init_field(&c, &t->mem, &list, &t->err));
        assert_ok(t, read_file(t, &f, 4, batch_rows, &c));
        expect_rows(t, &c);
        arr_col_fini(&c);
        buf_fini(&f.bytes);
    }
}

static void levels_that_cannot_be_are_corrupt(void **state)
{
    struct t *t = *state;
    static const struct {
        struct page a;
        struct page b;
        const char *has;
    } cases[] = {
        {{"111000", "423014", 0, 0}, {"011000", "323013", 0, 0}, "go on with no list"},
        {{"011010", "423014", 0, 0}, {"011000", "323013", 0, 0}, "go on with no list"},
        {{"011001", "423014", 0, 0}, {"011000", "323013", 0, 0}, "go on with no list"},
        {{"011000", "523014", 0, 0}, {"011000", "323013", 0, 0}, "damaged definition"},
        {{"011100", "423344", 0, 0}, {"011000", "323013", 0, 0}, "fewer rows"},
        {{"0110000", "4230144", 0, 0}, {"011000", "323013", 0, 0}, "more rows"},
        {{"011000", "423014", 0, 0}, {"010000", "323013", 0, 0}, "more rows"},
        {{"011000", "423014", 0, 0}, {"011000", "322013", 0, 0}, "other levels"},
        {{"011000", "423014", 0, 0}, {"011000", "323113", 0, 0}, "other levels"},
        {{"011000", "423014", 0, 0}, {"01000", "32013", 0, 0}, "other levels"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f;
        struct arr_col c;
        make_file(t, &cases[i].a, 1, &cases[i].b, 1, &f);
        assert_ok(t, arr_col_init_field(&c, &t->mem, &list, &t->err));
        assert_rc(t, read_file(t, &f, 4, 4, &c), SLP_CORRUPT);
        assert_err_has(t, cases[i].has);
        arr_col_fini(&c);
        buf_fini(&f.bytes);
    }
}

static void cut_levels_are_corrupt(void **state)
{
    struct t *t = *state;
    struct file f;
    make_file(t, &whole[0], 1, &whole[1], 1, &f);
    for (size_t at = 0; at < f.bytes.len; at++) {
        struct arr_col c;
        uint8_t old = f.bytes.ptr[at];
        for (unsigned change = 1; change < 256; change = change * 2 + 1) {
            f.bytes.ptr[at] = (uint8_t)(old ^ change);
            assert_ok(t, arr_col_init_field(&c, &t->mem, &list, &t->err));
            slp_rc rc = read_file(t, &f, 4, 3, &c);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED ||
                        rc == SLP_LIMIT);
            if (rc == SLP_OK)
                t_assert_col_sound(&c);
            err_clear(&t->err);
            arr_col_fini(&c);
        }
        f.bytes.ptr[at] = old;
    }
    buf_fini(&f.bytes);
}

static void nested_columns_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct file f;
    make_file(t, &whole[0], 1, &whole[1], 1, &f);
    T_FAULT_LOOP(t) {
        struct arr_col c;
        slp_rc rc = arr_col_init_field(&c, &t->mem, &list, &t->err);
        if (rc == SLP_OK) {
            rc = read_file(t, &f, 4, 3, &c);
            arr_col_fini(&c);
        }
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
    }
    buf_fini(&f.bytes);
}

T_MAIN(T_TEST(lists_of_structs_come_in_every_page_layout), T_TEST(a_row_may_span_pages),
       T_TEST(levels_that_cannot_be_are_corrupt), T_TEST(cut_levels_are_corrupt),
       T_TEST(nested_columns_survive_every_fault))
