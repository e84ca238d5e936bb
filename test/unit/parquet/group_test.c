#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "lib/t.h"
#include "parquet/group_priv.h"
#include "parquet/page.h"

struct one {
    struct arr_field field;
    struct arr_schema schema;
    struct pq_write_options options;
    struct arr_batch batch;
    struct pq_group *group;
};

static void begin(struct t *t, struct one *o, struct arr_type type, bool nullable)
{
    memset(o, 0, sizeof *o);
    o->field = (struct arr_field){.name = "x", .type = type, .nullable = nullable};
    o->schema = (struct arr_schema){.fields = &o->field, .count = 1};
    pq_write_options_init(&o->options);
    assert_ok(t, arr_batch_init(&o->batch, &t->mem, &o->schema, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &o->schema, &o->options, &o->group, &t->err));
}

static void finish(struct one *o)
{
    pq_group_free(o->group);
    arr_batch_fini(&o->batch);
}

static struct arr_col *column(struct one *o)
{
    return &o->batch.cols[0];
}

static void append(struct t *t, struct one *o, int64_t v)
{
    assert_ok(t, arr_col_append_i64(column(o), v, &t->err));
    o->batch.rows++;
}

static void append_text(struct t *t, struct one *o, const char *text)
{
    assert_ok(t, arr_col_append(column(o), slice_str(text), &t->err));
    o->batch.rows++;
}

static void append_null(struct t *t, struct one *o)
{
    assert_ok(t, arr_col_append_null(column(o), &t->err));
    o->batch.rows++;
}

static void a_page_is_header_and_body_and_nothing_else(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_INT32}, false);
    append(t, &o, 1);
    append(t, &o, -1);
    assert_ok(t, pq_group_encode(o.group, &o.batch, 100, &t->err));
    struct slice bytes = pq_group_all_bytes(o.group);
    struct slice body = slice_of("\1\0\0\0\xff\xff\xff\xff", 8);
    assert_true(slice_equal(slice_last(bytes, 8), body));
    struct pq_page_header h;
    size_t header_bytes = 0;
    assert_ok(t, pq_page_header_parse(bytes, &h, &header_bytes, &t->err));
    assert_int_equal(header_bytes, bytes.len - 8);
    assert_int_equal(h.kind, PQ_PAGE_DATA);
    assert_int_equal(h.encoding, PQ_PLAIN);
    assert_int_equal(h.compressed_bytes, 8);
    assert_int_equal(h.uncompressed_bytes, 8);
    assert_true(h.has_crc);
    assert_int_equal(h.crc, hash_crc32(0, body));
    finish(&o);
}

static void an_optional_page_has_levels_with_their_length(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_INT32}, true);
    append(t, &o, 1);
    append_null(t, &o);
    append(t, &o, 2);
    assert_ok(t, pq_group_encode(o.group, &o.batch, 100, &t->err));
    assert_true(slice_equal(slice_last(pq_group_all_bytes(o.group), 14),
                            slice_of("\2\0\0\0\3\5\1\0\0\0\2\0\0\0", 14)));
    o.batch.cols[0].validity.ptr[0] = 0; /* three nulls: no values, one run of levels */
    o.batch.cols[0].null_count = 3;
    assert_ok(t, pq_group_encode(o.group, &o.batch, 100, &t->err));
    assert_true(
        slice_equal(slice_last(pq_group_all_bytes(o.group), 6), slice_of("\2\0\0\0\6\0", 6)));
    finish(&o);
}

static void every_block_begins_a_page_in_every_column(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    begin(t, &o, (struct arr_type){.kind = ARR_INT64}, false);
    o.options.no_dictionary = true;
    for (int64_t i = 0; i < 1000; i++)
        append(t, &o, i * i);
    assert_ok(t, pq_group_encode(o.group, &o.batch, 300, &t->err));
    pq_group_place(o.group, 0, &place);
    static const int64_t first[] = {0, 300, 600, 900};
    assert_int_equal(place.page_count, 4);
    assert_int_equal(place.dictionary_bytes, 0);
    assert_int_equal(place.codec, CX_ZSTD);
    uint64_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(place.pages[i].offset, at);
        assert_int_equal(place.pages[i].first_row, first[i]);
        assert_int_equal(place.pages[i].rows, i == 3 ? 100 : 300);
        at += place.pages[i].bytes;
    }
    assert_int_equal(at, pq_group_bytes(o.group));
    finish(&o);
}

static void a_wide_column_has_several_pages_in_a_block(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    char text[101];
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, true);
    o.options.page_bytes = 250;
    memset(text, 'x', 100);
    text[100] = '\0';
    for (int i = 0; i < 9; i++) {
        if (i % 3 == 1)
            append_null(t, &o);
        text[50] = (char)('a' + i);
        append_text(t, &o, text);
    }
    assert_ok(t, pq_group_encode(o.group, &o.batch, 7, &t->err));
    pq_group_place(o.group, 0, &place);
    /* v n v v v n v | v v n v v: two values of 104 bytes a page, and a block ends at row 7. */
    static const int64_t first[] = {0, 3, 5, 7, 9};
    assert_int_equal(place.page_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(place.pages[i].first_row, first[i]);
    finish(&o);
}

static void few_values_become_a_dictionary(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, false);
    for (int i = 0; i < 300; i++)
        append_text(t, &o, i % 2 ? "Atlanta" : "Boston");
    assert_ok(t, pq_group_encode(o.group, &o.batch, 1000, &t->err));
    pq_group_place(o.group, 0, &place);
    assert_int_equal(place.page_count, 1);
    assert_true(place.dictionary_bytes > 0);
    assert_int_equal(place.dictionary_offset, 0);
    assert_int_equal(place.pages[0].offset, place.dictionary_bytes);
    struct pq_page_header h;
    size_t header_bytes = 0;
    struct slice bytes = pq_group_all_bytes(o.group);
    assert_ok(t, pq_page_header_parse(bytes, &h, &header_bytes, &t->err));
    assert_int_equal(h.kind, PQ_PAGE_DICTIONARY);
    assert_int_equal(h.value_count, 2);
    assert_ok(t, pq_page_header_parse(slice_after(bytes, place.dictionary_bytes), &h, &header_bytes,
                                      &t->err));
    assert_int_equal(h.encoding, PQ_RLE_DICTIONARY);
    assert_int_equal(h.uncompressed_bytes, 1 + 1 + 300 / 8 + 1);
    o.options.no_dictionary = true;
    assert_ok(t, pq_group_encode(o.group, &o.batch, 1000, &t->err));
    pq_group_place(o.group, 0, &place);
    assert_int_equal(place.dictionary_bytes, 0);
    finish(&o);
}

static void many_values_stay_plain(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    begin(t, &o, (struct arr_type){.kind = ARR_INT64}, false);
    for (int64_t i = 0; i < 40000; i++) /* 10,000 values: over the 64 KiB of a dictionary */
        append(t, &o, (int64_t)(t_below(t, 10000)));
    assert_ok(t, pq_group_encode(o.group, &o.batch, 10000, &t->err));
    pq_group_place(o.group, 0, &place);
    assert_int_equal(place.dictionary_bytes, 0);
    assert_int_equal(place.page_count, 4);
    finish(&o);
}

static void what_does_not_shrink_is_stored(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    begin(t, &o, (struct arr_type){.kind = ARR_INT64}, false);
    for (int64_t i = 0; i < 20000; i++)
        append(t, &o, (int64_t)t_random(t));
    assert_ok(t, pq_group_encode(o.group, &o.batch, 1000, &t->err));
    pq_group_place(o.group, 0, &place);
    assert_int_equal(place.codec, CX_NONE);
    assert_int_equal(place.page_count, 20);
    const struct pq_chunk_facts *c = pq_group_chunk(o.group, 0);
    assert_int_equal(c->bytes, c->uncompressed_bytes);
    assert_int_equal(c->bytes, pq_group_bytes(o.group));
    assert_memory_equal(pq_group_all_bytes(o.group).ptr + pq_group_bytes(o.group) - 8000,
                        column(&o)->data.ptr + 19000 * 8, 8000);
    finish(&o);
}

/* Letters at random are packed by how often each occurs, unsearched after some pages; what repeats
 * behind them is found again. */
static void pages_are_searched_where_that_gains(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_chunk_place place;
    const struct pq_column_options column = {.encoding = PQ_WRITE_DELTA_LENGTH_BYTE_ARRAY};
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, false);
    o.options.columns = &column;
    for (int row = 0; row < 60000; row++) {
        char text[] = "31415926535897932384";
        for (size_t i = 0; i < sizeof text - 1 && row < 30000; i++)
            text[i] = (char)('a' + t_below(t, 26));
        append_text(t, &o, text);
    }
    assert_ok(t, pq_group_encode(o.group, &o.batch, 1000, &t->err));
    pq_group_place(o.group, 0, &place);
    assert_int_equal(place.page_count, 60);
    for (size_t i = 0; i < 60; i++) {
        uint32_t bytes = place.pages[i].bytes;
        if (i < 30)
            assert_in_range(bytes, 11000, 12400);
        else if (i > 31)
            assert_in_range(bytes, 1, 500);
    }
    finish(&o);
}

static void facts_add_up_over_pages(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, true);
    append_text(t, &o, "b");
    append_null(t, &o);
    append_null(t, &o);
    append_null(t, &o);
    append_text(t, &o, "cc");
    append_text(t, &o, "a");
    assert_ok(t, pq_group_encode(o.group, &o.batch, 2, &t->err));
    const struct pq_chunk_facts *c = pq_group_chunk(o.group, 0);
    assert_int_equal(c->page_count, 3);
    assert_int_equal(c->null_count, 3);
    assert_int_equal(c->unencoded_bytes, 4);
    assert_true(c->has_column_index);
    assert_true(slice_is(pq_group_min(o.group, &c->bounds), "a"));
    assert_true(slice_is(pq_group_max(o.group, &c->bounds), "cc"));
    assert_int_equal(c->boundary_order, PQ_BOUNDARY_UNORDERED);
    assert_true(pq_group_page_facts(o.group, c, 1)->is_null_page);
    const struct pq_page_facts *last = pq_group_page_facts(o.group, c, 2);
    assert_int_equal(last->unencoded_bytes, 3);
    assert_true(slice_is(pq_group_min(o.group, &last->bounds), "a"));
    finish(&o);
}

static void the_order_of_pages_is_found(void **state)
{
    struct t *t = *state;
    static const struct {
        int64_t first, step;
        enum pq_boundary_order order;
    } cases[] = {{0, 1, PQ_BOUNDARY_ASCENDING},
                 {0, -1, PQ_BOUNDARY_DESCENDING},
                 {5, 0, PQ_BOUNDARY_ASCENDING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one o;
        begin(t, &o, (struct arr_type){.kind = ARR_INT16}, true);
        for (int64_t row = 0; row < 20; row++)
            append(t, &o, cases[i].first + row * cases[i].step);
        append_null(t, &o);
        assert_ok(t, pq_group_encode(o.group, &o.batch, 5, &t->err));
        assert_int_equal(pq_group_chunk(o.group, 0)->boundary_order, cases[i].order);
        finish(&o);
    }
}

static void a_page_of_nan_leaves_no_column_index(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_DOUBLE}, false);
    for (int i = 0; i < 4; i++)
        assert_ok(t,
                  arr_col_append_f64(column(&o), i < 2 ? 1.0 : (double)__builtin_nan(""), &t->err));
    o.batch.rows = 4;
    assert_ok(t, pq_group_encode(o.group, &o.batch, 2, &t->err));
    const struct pq_chunk_facts *c = pq_group_chunk(o.group, 0);
    assert_false(c->has_column_index);
    assert_int_equal(c->bounds.state, PQ_BOUNDS_KNOWN);
    assert_int_equal(c->bounds.nan_count, 2);
    finish(&o);
}

static void a_null_where_none_may_be_is_named(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_INT64}, false);
    append(t, &o, 1);
    append_null(t, &o);
    assert_rc(t, pq_group_encode(o.group, &o.batch, 5, &t->err), SLP_BAD_INPUT);
    assert_err_has(t, "column \"x\": row 1 is null");
    assert_int_equal(pq_group_rows(o.group), 0);
    assert_int_equal(pq_group_bytes(o.group), 0);
    finish(&o);
}

/* The bytes of such a value are never looked at, so a few stand for all. */
static void a_value_beyond_the_largest_page_is_refused(void **state)
{
    struct t *t = *state;
    struct one o;
    uint8_t few[16] = {0};
    begin(t, &o, (struct arr_type){.kind = ARR_FIXED_BINARY, .width = PQ_PAGE_MAX_BYTES + 1},
          false);
    o.options.no_dictionary = true;
    struct buf owned = column(&o)->data;
    column(&o)->data.ptr = few;
    column(&o)->rows = 1;
    o.batch.rows = 1;
    assert_rc(t, pq_group_encode(o.group, &o.batch, 5, &t->err), SLP_LIMIT);
    assert_err_has(t, "column \"x\": a page of 1073741825 bytes");
    column(&o)->data = owned;
    finish(&o);
}

static void a_codec_we_do_not_write_is_refused_by_name(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_INT64}, false);
    o.options.codec = CX_LZO;
    append(t, &o, 1);
    assert_rc(t, pq_group_encode(o.group, &o.batch, 5, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "lzo");
    finish(&o);
}

static void a_group_may_be_used_again(void **state)
{
    struct t *t = *state;
    struct one o;
    struct buf first;
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, true);
    buf_init(&first, &t->mem, 1 << 20);
    append_text(t, &o, "once");
    assert_ok(t, pq_group_encode(o.group, &o.batch, 5, &t->err));
    assert_ok(t, buf_assign(&first, pq_group_all_bytes(o.group), &t->err));
    assert_ok(t, pq_group_encode(o.group, &o.batch, 5, &t->err));
    assert_true(slice_equal(buf_slice(&first), pq_group_all_bytes(o.group)));
    assert_int_equal(pq_group_chunk(o.group, 0)->page_count, 1);
    buf_fini(&first);
    finish(&o);
}

static void every_fault_leaves_an_empty_group(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, (struct arr_type){.kind = ARR_UTF8}, true);
    for (int i = 0; i < 600; i++) {
        append_text(t, &o, i % 3 ? "some text" : "and some more of it");
        append_null(t, &o);
    }
    T_FAULT_LOOP(t) {
        struct pq_group *g = NULL;
        slp_rc rc = pq_group_new(&t->mem, &o.schema, &o.options, &g, &t->err);
        if (rc == SLP_OK) {
            rc = pq_group_encode(g, &o.batch, 100, &t->err);
            assert_int_equal(pq_group_rows(g), rc == SLP_OK ? 1200 : 0);
        }
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        pq_group_free(g);
    }
    finish(&o);
}

T_MAIN(T_TEST(a_page_is_header_and_body_and_nothing_else),
       T_TEST(an_optional_page_has_levels_with_their_length),
       T_TEST(every_block_begins_a_page_in_every_column),
       T_TEST(a_wide_column_has_several_pages_in_a_block), T_TEST(few_values_become_a_dictionary),
       T_TEST(many_values_stay_plain), T_TEST(what_does_not_shrink_is_stored),
       T_TEST(pages_are_searched_where_that_gains), T_TEST(facts_add_up_over_pages),
       T_TEST(the_order_of_pages_is_found), T_TEST(a_page_of_nan_leaves_no_column_index),
       T_TEST(a_null_where_none_may_be_is_named),
       T_TEST(a_value_beyond_the_largest_page_is_refused),
       T_TEST(a_codec_we_do_not_write_is_refused_by_name), T_TEST(a_group_may_be_used_again),
       T_TEST(every_fault_leaves_an_empty_group))
