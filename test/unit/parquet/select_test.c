#include "arrow/cdata.h"
#include "arrow/dictionary.h"
#include "codec/rle_encode.h"
#include "codec/thrift_write.h"
#include "lib/t.h"
#include "parquet/chunk.h"
#include "parquet/reader.h"
#include "parquet/writer.h"

#define ROWS       2000
#define BLOCK_ROWS 100
#define FILE_BYTES ((size_t)1 << 22)

static struct arr_field item = {.name = "item", .type = {.kind = ARR_INT64}};
static struct arr_field fields[] = {
    {.name = "id", .type = {.kind = ARR_INT64}},
    {.name = "word", .type = {.kind = ARR_UTF8}},
    {.name = "list", .type = {.kind = ARR_LIST}, .children = &item, .child_count = 1},
};
static const struct arr_schema schema = {.fields = fields, .count = 3};

/* id is the row, word one of 7, the list has the row twice. */
static void write_file(struct t *t, struct buf *out)
{
    struct buf_sink sink;
    struct pq_write_options o;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    struct arr_batch b;
    uint64_t offset = 0;
    int32_t two = 2;
    buf_init(out, &t->mem, FILE_BYTES);
    sink_buf_init(&sink, "test", out);
    pq_write_options_init(&o);
    o.page_bytes = 400;
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    for (int64_t row = 0; row < ROWS; row++) {
        char word[] = "a word of seven: 0";
        word[17] = (char)('0' + row % 7);
        assert_ok(t, arr_col_append_i64(&b.cols[0], row, &t->err));
        assert_ok(t, arr_col_append(&b.cols[1], slice_str(word), &t->err));
        assert_ok(t, arr_col_append_i64(&b.cols[2].children[0], row, &t->err));
        assert_ok(t, arr_col_append_i64(&b.cols[2].children[0], row, &t->err));
        assert_ok(t, arr_col_append_lists(&b.cols[2], &two, 1, NULL, 0, &t->err));
    }
    b.rows = ROWS;
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &schema, &o, &group, &t->err));
    assert_ok(t, pq_group_encode(group, &b, BLOCK_ROWS, &t->err));
    assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(group);
    pq_writer_free(w);
    arr_batch_fini(&b);
}

struct opened {
    struct buf bytes;
    struct source *src;
    struct pq_file *file;
};

static void open_sample(struct t *t, struct opened *o)
{
    write_file(t, &o->bytes);
    o->src = t_source(t, o->bytes.ptr, o->bytes.len);
    assert_ok(t, pq_file_open(o->src, &t->mem, &o->file, &t->err));
}

static void close_sample(struct opened *o)
{
    pq_file_free(o->file);
    buf_fini(&o->bytes);
}

/* The rows of a stream, each of which is checked; their ids go into `ids`. */
static slp_rc drain(struct t *t, struct arr_stream *s, int64_t *ids, size_t *count)
{
    struct arr_batch b = {0};
    slp_rc rc = SLP_OK;
    *count = 0;
    while ((rc = arr_stream_next(s, &b, &t->err)) == SLP_OK) {
        for (int64_t i = 0; i < b.rows; i++) {
            int64_t id = arr_col_i64(&b.cols[0], i);
            int64_t from = 0;
            assert_int_equal(arr_col_bytes(&b.cols[1], i).ptr[17], '0' + id % 7);
            assert_int_equal(arr_col_items(&b.cols[2], i, &from) - from, 2);
            assert_int_equal(arr_col_i64(&b.cols[2].children[0], from + 1), id);
            ids[(*count)++] = id;
        }
    }
    arr_batch_fini(&b);
    return rc;
}

static void pages_outside_are_not_read(void **state)
{
    struct t *t = *state;
    static const struct pq_row_range ranges[] = {{120, 130}, {1100, 1101}};
    struct opened o;
    struct arr_stream *s = NULL;
    struct pq_read_counts counts = {0};
    int64_t ids[ROWS];
    size_t count = 0;
    open_sample(t, &o);
    const struct pq_read_options options = {.ranges = ranges, .range_count = 2, .counts = &counts};
    assert_ok(t, pq_read(o.file, o.src, &options, &t->mem, &s, &t->err));
    uint64_t before = o.src->read_bytes;
    assert_int_equal(drain(t, s, ids, &count), SLP_DONE);
    assert_int_equal(count, 11);
    assert_int_equal(ids[0], 120);
    assert_int_equal(ids[10], 1100);
    /* Of each column the pages of two blocks; of twenty blocks there are as many pages at least. */
    assert_true(counts.pages_read >= 6 && counts.pages_read <= 12);
    assert_true(o.src->read_bytes - before < o.bytes.len / 4);
    arr_stream_close(s);
    close_sample(&o);
}

static slp_rc choose_two(void *context, const struct arr_batch *b, const uint32_t **picked,
                         int64_t *count, struct slp_err *err)
{
    static uint32_t rows[2];
    (void)context;
    (void)err;
    *count = 0;
    assert_int_equal(b->cols[1].rows, 0);
    for (int64_t i = 0; i < b->rows; i++) {
        int64_t id = arr_col_i64(&b->cols[0], i);
        if (id == 55 || id == 1999)
            rows[(*count)++] = (uint32_t)i;
    }
    *picked = rows;
    return SLP_OK;
}

static void of_other_columns_only_survivors_are_read(void **state)
{
    struct t *t = *state;
    static const size_t column = 0;
    struct opened o;
    struct arr_stream *s = NULL;
    struct pq_read_counts counts = {0};
    int64_t ids[ROWS];
    size_t count = 0;
    open_sample(t, &o);
    const struct pq_filter filter = {&column, 1, choose_two, NULL};
    const struct pq_read_options options = {.batch_rows = 500, .counts = &counts};
    assert_ok(t, pq_read_select(o.file, o.src, &options, &filter, &t->mem, &s, &t->err));
    assert_int_equal(drain(t, s, ids, &count), SLP_DONE);
    assert_int_equal(count, 2);
    assert_int_equal(ids[0], 55);
    assert_int_equal(ids[1], 1999);
    struct pq_read_counts all = {0};
    arr_stream_close(s);
    assert_ok(
        t, pq_read(o.file, o.src, &(struct pq_read_options){.counts = &all}, &t->mem, &s, &t->err));
    assert_int_equal(drain(t, s, ids, &count), SLP_DONE);
    assert_int_equal(count, ROWS);
    assert_true(counts.pages_read < all.pages_read / 2);
    arr_stream_close(s);
    close_sample(&o);
}

static void options_that_cannot_be_are_invalid(void **state)
{
    struct t *t = *state;
    static const struct pq_row_range wrong[][2] = {
        {{5, 4}, {6, 7}}, {{0, 6}, {5, 7}}, {{0, 1}, {2, ROWS + 1}}, {{-1, 1}, {2, 3}}};
    static const size_t column = 3;
    struct opened o;
    struct arr_stream *s = NULL;
    open_sample(t, &o);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct pq_read_options options = {.ranges = wrong[i], .range_count = 2};
        assert_rc(t, pq_read(o.file, o.src, &options, &t->mem, &s, &t->err), SLP_INVALID);
    }
    struct pq_filter filter = {&column, 1, choose_two, NULL};
    const struct pq_read_options options = {0};
    assert_rc(t, pq_read_select(o.file, o.src, &options, &filter, &t->mem, &s, &t->err),
              SLP_INVALID);
    filter.column_count = 0;
    assert_rc(t, pq_read_select(o.file, o.src, &options, &filter, &t->mem, &s, &t->err),
              SLP_INVALID);
    close_sample(&o);
}

static void selective_reading_survives_every_fault(void **state)
{
    struct t *t = *state;
    static const struct pq_row_range range = {40, 1150};
    static const size_t column = 0;
    struct buf bytes;
    write_file(t, &bytes);
    const struct pq_filter filter = {&column, 1, choose_two, NULL};
    const struct pq_read_options options = {
        .ranges = &range, .range_count = 1, .keep_dictionaries = true};
    T_FAULT_LOOP(t) {
        struct pq_file *f = NULL;
        struct arr_stream *s = NULL;
        int64_t ids[ROWS];
        size_t count = 0;
        struct source *src = t_source(t, bytes.ptr, bytes.len);
        slp_rc rc = pq_file_open(src, &t->mem, &f, &t->err);
        if (rc == SLP_OK)
            rc = pq_read_select(f, src, &options, &filter, &t->mem, &s, &t->err);
        if (rc == SLP_OK)
            rc = drain(t, s, ids, &count);
        assert_true(t->fault_hit ? rc != SLP_OK && rc != SLP_DONE : rc == SLP_DONE && count == 1);
        arr_stream_close(s);
        pq_file_free(f);
    }
    buf_fini(&bytes);
}

/* ---- Dictionaries ---- */

static void texts_that_stay_dictionaries_are_exported_without_a_copy(void **state)
{
    struct t *t = *state;
    static const size_t column = 1;
    struct opened o;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    struct ArrowArray array = {0};
    open_sample(t, &o);
    const struct pq_read_options options = {
        .columns = &column, .column_count = 1, .keep_dictionaries = true};
    assert_ok(t, pq_read(o.file, o.src, &options, &t->mem, &s, &t->err));
    assert_true(s->schema->fields[0].is_dictionary);
    assert_ok(t, arr_stream_next(s, &b, &t->err));
    assert_non_null(b.cols[0].dictionary);
    assert_int_equal(b.cols[0].dictionary->values.rows, 7);
    assert_true(slice_is(arr_col_bytes(&b.cols[0], 9), "a word of seven: 2"));
    const void *indices = b.cols[0].data.ptr;
    const void *words = b.cols[0].dictionary->values.data.ptr;
    assert_ok(t, arr_export_batch(&b, &array, &t->err));
    arr_batch_fini(&b);
    arr_stream_close(s);
    pq_file_free(o.file);
    assert_ptr_equal(array.children[0]->buffers[1], indices);
    assert_ptr_equal(array.children[0]->dictionary->buffers[2], words);
    array.release(&array);
    buf_fini(&o.bytes);
}

#define WORDS      40u
#define WORD_BYTES 200u

static void put_header(struct t *t, enum pq_page_kind kind, enum pq_encoding encoding,
                       size_t values, size_t bytes, struct buf *out)
{
    struct cx_put w;
    cx_put_init(&w, out, &t->err);
    cx_put_i32(&w, 1, (int32_t)kind);
    cx_put_i32(&w, 2, (int32_t)bytes);
    cx_put_i32(&w, 3, (int32_t)bytes);
    cx_put_struct(&w, kind == PQ_PAGE_DICTIONARY ? 7 : 5);
    cx_put_i32(&w, 1, (int32_t)values);
    cx_put_i32(&w, 2, (int32_t)encoding);
    cx_put_end(&w);
    assert_ok(t, cx_put_finish(&w));
}

/* Word i, PLAIN. */
static void put_word(struct t *t, size_t i, struct buf *out)
{
    uint8_t word[WORD_BYTES];
    memset(word, (int)i + 1, sizeof word);
    assert_ok(t, buf_append_u32le(out, WORD_BYTES, &t->err));
    assert_ok(t, buf_append(out, word, sizeof word, &t->err));
}

/* A page of all words, as indices or PLAIN; a dictionary of them. */
static void put_words(struct t *t, enum pq_page_kind kind, enum pq_encoding encoding,
                      struct buf *out)
{
    struct buf body;
    uint32_t indices[WORDS];
    uint8_t width = 6;
    buf_init(&body, &t->mem, 1 << 16);
    for (uint32_t i = 0; i < WORDS; i++) {
        indices[i] = i;
        if (encoding == PQ_PLAIN)
            put_word(t, i, &body);
    }
    if (encoding != PQ_PLAIN) {
        assert_ok(t, buf_append(&body, &width, 1, &t->err));
        assert_ok(t, cx_rle_encode(indices, WORDS, width, &body, &t->err));
    }
    put_header(t, kind, encoding, WORDS, body.len, out);
    assert_ok(t, buf_append_slice(out, buf_slice(&body), &t->err));
    buf_fini(&body);
}

/* Pages of indices, of values, of indices: a large dictionary is given back and read once more. */
static void a_chunk_may_leave_its_dictionary_and_come_back(void **state)
{
    struct t *t = *state;
    static const struct pq_column column = {
        .physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_UTF8}, .path = "w"};
    struct buf bytes;
    struct cx_codec *codec = NULL;
    buf_init(&bytes, &t->mem, 1 << 16);
    put_words(t, PQ_PAGE_DICTIONARY, PQ_PLAIN, &bytes);
    put_words(t, PQ_PAGE_DATA, PQ_RLE_DICTIONARY, &bytes);
    put_words(t, PQ_PAGE_DATA, PQ_PLAIN, &bytes);
    put_words(t, PQ_PAGE_DATA, PQ_RLE_DICTIONARY, &bytes);
    struct source *src = t_source(t, bytes.ptr, bytes.len);
    assert_ok(t, cx_codec_new(&t->mem, &codec, &t->err));
    for (int keeps = 0; keeps < 2; keeps++) {
        const struct pq_chunk chunk = {.value_count = 3 * WORDS, .compressed_bytes = bytes.len};
        const struct pq_chunk_start start = {.chunk = &chunk, .window_bytes = 512};
        struct pq_chunk_reader r;
        struct arr_col words;
        struct io_range range;
        arr_col_init(&words, &t->mem, column.type);
        pq_chunk_reader_init(&r, &t->mem, &column, src, codec, true);
        r.keeps_dictionary = keeps;
        assert_ok(t, pq_chunk_begin(&r, &start, &range, &t->err));
        assert_ok(t, source_read(src, &range, 1, &t->err));
        assert_ok(t, pq_chunk_rows(&r, WORDS, &words, &t->err));
        assert_true(r.dict.loaded && (words.dictionary != NULL) == keeps);
        assert_ok(t, pq_chunk_rows(&r, 10, &words, &t->err));
        assert_true(!r.dict.loaded && r.has_forgotten && !words.dictionary);
        assert_ok(t, pq_chunk_rows(&r, 2 * WORDS - 10, &words, &t->err));
        assert_true(r.dict.loaded && !words.dictionary);
        for (int64_t i = 0; i < words.rows; i++) {
            assert_int_equal(arr_col_bytes(&words, i).len, WORD_BYTES);
            assert_int_equal(arr_col_bytes(&words, i).ptr[7], i % WORDS + 1);
        }
        arr_col_fini(&words);
        pq_chunk_reader_fini(&r);
    }
    cx_codec_free(codec);
    buf_fini(&bytes);
}

/* ---- Checksums ---- */

static void pages_without_a_checksum_are_refused_where_all_must_have_one(void **state)
{
    struct t *t = *state;
    static const struct pq_column column = {
        .physical = PQ_BYTE_ARRAY, .type = {.kind = ARR_UTF8}, .path = "w"};
    struct buf bytes;
    struct pq_page_header header;
    struct pq_scratch scratch;
    struct arr_col out;
    size_t header_bytes = 0;
    buf_init(&bytes, &t->mem, 1 << 16);
    arr_col_init(&out, &t->mem, column.type);
    assert_ok(t, pq_scratch_init(&scratch, &t->mem, true, &t->err));
    put_words(t, PQ_PAGE_DATA, PQ_PLAIN, &bytes);
    assert_ok(t, pq_page_header_parse(buf_slice(&bytes), &header, &header_bytes, &t->err));
    struct slice body = slice_after(buf_slice(&bytes), header_bytes);
    assert_ok(t, pq_page_decode(&column, CX_NONE, &header, body, NULL, &scratch, &out, &t->err));
    scratch.demand_crc = true;
    assert_rc(t, pq_page_decode(&column, CX_NONE, &header, body, NULL, &scratch, &out, &t->err),
              SLP_CORRUPT);
    arr_col_fini(&out);
    pq_scratch_fini(&scratch);
    buf_fini(&bytes);
}

T_MAIN(T_TEST(pages_outside_are_not_read), T_TEST(of_other_columns_only_survivors_are_read),
       T_TEST(options_that_cannot_be_are_invalid), T_TEST(selective_reading_survives_every_fault),
       T_TEST(texts_that_stay_dictionaries_are_exported_without_a_copy),
       T_TEST(a_chunk_may_leave_its_dictionary_and_come_back),
       T_TEST(pages_without_a_checksum_are_refused_where_all_must_have_one))
