#include "parquet/encode.h"

#include <stdio.h>

#include "arrow/dictionary.h"
#include "lib/t.h"
#include "parquet/group_priv.h"

#define ROWS 4000

struct one {
    struct arr_field field;
    struct arr_schema schema;
    struct pq_column_options column;
    struct pq_write_options options;
    struct arr_batch batch;
};

static void begin(struct t *t, struct one *o, enum arr_kind kind)
{
    memset(o, 0, sizeof *o);
    o->field = (struct arr_field){.name = "x", .type = {.kind = kind}};
    o->schema = (struct arr_schema){.fields = &o->field, .count = 1};
    pq_write_options_init(&o->options);
    o->options.columns = &o->column;
    assert_ok(t, arr_batch_init(&o->batch, &t->mem, &o->schema, &t->err));
}

static void append_text(struct t *t, struct one *o, const char *text)
{
    assert_ok(t, arr_col_append(&o->batch.cols[0], slice_str(text), &t->err));
    o->batch.rows++;
}

static void append(struct t *t, struct one *o, int64_t v)
{
    assert_ok(t, arr_col_append_i64(&o->batch.cols[0], v, &t->err));
    o->batch.rows++;
}

static struct pq_chunk_facts encode(struct t *t, struct one *o)
{
    struct pq_group *g = NULL;
    assert_ok(t, pq_group_new(&t->mem, &o->schema, &o->options, &g, &t->err));
    assert_ok(t, pq_group_encode(g, &o->batch, ROWS, &t->err));
    struct pq_chunk_facts facts = *pq_group_chunk(g, 0);
    pq_group_free(g);
    return facts;
}

static void sorted_numbers_become_deltas(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_INT64);
    for (int64_t i = 0; i < ROWS; i++)
        append(t, &o, 1700000000000 + i * 1000 + (int64_t)t_below(t, 1000));
    assert_int_equal(encode(t, &o).encoding, PQ_DELTA_BINARY_PACKED);
    o.options.profile = PQ_PROFILE_COMPAT;
    assert_int_equal(encode(t, &o).encoding, PQ_PLAIN);
    arr_batch_fini(&o.batch);
}

/* Each number stands five times: a dictionary would do, and deltas are smaller still. */
static void sorted_numbers_that_repeat_become_deltas(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_INT32);
    for (int64_t i = 0; i < ROWS; i++)
        append(t, &o, i / 5);
    assert_int_equal(encode(t, &o).encoding, PQ_DELTA_BINARY_PACKED);
    o.column.encoding = PQ_WRITE_DICTIONARY;
    assert_int_equal(encode(t, &o).encoding, PQ_RLE_DICTIONARY);
    arr_batch_fini(&o.batch);
}

static void numbers_without_a_pattern_stay_plain(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_INT64);
    for (int64_t i = 0; i < ROWS; i++)
        append(t, &o, (int64_t)t_random(t));
    assert_int_equal(encode(t, &o).encoding, PQ_PLAIN);
    arr_batch_fini(&o.batch);
}

static void sorted_keys_share_their_beginnings(void **state)
{
    struct t *t = *state;
    struct one o;
    char text[64];
    begin(t, &o, ARR_UTF8);
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(text, sizeof text, "user-%08d-%06d", i * 37, (int)t_below(t, 1000000));
        append_text(t, &o, text);
    }
    assert_int_equal(encode(t, &o).encoding, PQ_DELTA_BYTE_ARRAY);
    o.column.encoding = PQ_WRITE_DELTA_LENGTH_BYTE_ARRAY;
    assert_int_equal(encode(t, &o).encoding, PQ_DELTA_LENGTH_BYTE_ARRAY);
    arr_batch_fini(&o.batch);
}

/* Keys of ten letters as a merge of hundreds of millions has them: six of them are those of the one
 * before. As whole strings, the codec finds most of that, and not all. */
static void dense_sorted_keys_share_their_beginnings(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_UTF8);
    uint64_t key = 26;
    for (int i = 0; i < 8 * ROWS; i++) {
        char text[11] = {0};
        key += 1 + t_below(t, 417600);
        uint64_t rest = key;
        for (int k = 9; k >= 0; k--, rest /= 26)
            text[k] = (char)('a' + rest % 26);
        append_text(t, &o, text);
    }
    assert_int_equal(encode(t, &o).encoding, PQ_DELTA_BYTE_ARRAY);
    arr_batch_fini(&o.batch);
}

static void few_values_have_a_dictionary(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_UTF8);
    for (int i = 0; i < ROWS; i++)
        append_text(t, &o, t_below(t, 2) ? "yes" : "no");
    assert_int_equal(encode(t, &o).encoding, PQ_RLE_DICTIONARY);
    o.column.no_dictionary = true;
    assert_int_not_equal(encode(t, &o).encoding, PQ_RLE_DICTIONARY);
    arr_batch_fini(&o.batch);
}

static void an_encoding_the_type_cannot_have_is_refused_by_name(void **state)
{
    struct t *t = *state;
    struct one o;
    struct pq_group *g = NULL;
    begin(t, &o, ARR_UTF8);
    o.column.encoding = PQ_WRITE_BYTE_STREAM_SPLIT;
    assert_rc(t, pq_group_new(&t->mem, &o.schema, &o.options, &g, &t->err), SLP_INVALID);
    assert_non_null(strstr(t->err.text, "column \"x\": parquet has no encoding BYTE_STREAM_SPLIT"));
    assert_null(g);
    arr_batch_fini(&o.batch);
}

static void a_column_may_have_its_own_codec_and_no_statistics(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_UTF8);
    for (int i = 0; i < ROWS; i++)
        append_text(t, &o, "the same all the time");
    o.column = (struct pq_column_options){
        .encoding = PQ_WRITE_PLAIN, .has_codec = true, .codec = CX_GZIP, .no_statistics = true};
    struct pq_chunk_facts facts = encode(t, &o);
    assert_int_equal(facts.codec, CX_GZIP);
    assert_int_equal(facts.bounds.state, PQ_BOUNDS_UNKNOWN);
    assert_false(facts.has_column_index);
    arr_batch_fini(&o.batch);
}

static void pages_end_after_so_many_rows(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_INT64);
    for (int64_t i = 0; i < ROWS; i++)
        append(t, &o, i * i);
    o.options.page_rows = 700;
    assert_int_equal(encode(t, &o).page_count, 6);
    arr_batch_fini(&o.batch);
}

static void columns_that_come_as_dictionaries_are_written_as_their_values(void **state)
{
    struct t *t = *state;
    struct one plain;
    struct one kept;
    struct pq_group *groups[2] = {NULL, NULL};
    struct arr_dictionary *d = NULL;
    begin(t, &plain, ARR_UTF8);
    begin(t, &kept, ARR_UTF8);
    assert_ok(t, arr_dictionary_new(&t->mem, kept.field.type, &d, &t->err));
    assert_ok(t, arr_col_append(&d->values, slice_str("red"), &t->err));
    assert_ok(t, arr_col_append(&d->values, slice_str("green"), &t->err));
    arr_col_set_dictionary(&kept.batch.cols[0], d);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t index = i * i % 7 > 2;
        append_text(t, &plain, index ? "green" : "red");
        assert_ok(t, arr_col_append_indices(&kept.batch.cols[0], &index, 1, &t->err));
    }
    kept.batch.rows = 500;
    struct one *both[] = {&plain, &kept};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(t,
                  pq_group_new(&t->mem, &both[i]->schema, &both[i]->options, &groups[i], &t->err));
        assert_ok(t, pq_group_encode(groups[i], &both[i]->batch, ROWS, &t->err));
    }
    assert_true(slice_equal(pq_group_all_bytes(groups[0]), pq_group_all_bytes(groups[1])));
    for (size_t i = 0; i < 2; i++) {
        pq_group_free(groups[i]);
        arr_batch_fini(&both[i]->batch);
    }
    arr_dictionary_unref(d);
}

static void choosing_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct one o;
    begin(t, &o, ARR_UTF8);
    for (int i = 0; i < 300; i++)
        append_text(t, &o, i % 2 ? "something" : "something else");
    o.column.no_dictionary = true;
    T_FAULT_LOOP(t) {
        struct pq_group *g = NULL;
        slp_rc rc = pq_group_new(&t->mem, &o.schema, &o.options, &g, &t->err);
        if (rc == SLP_OK)
            rc = pq_group_encode(g, &o.batch, 100, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        pq_group_free(g);
    }
    arr_batch_fini(&o.batch);
}

T_MAIN(T_TEST(sorted_numbers_become_deltas), T_TEST(sorted_numbers_that_repeat_become_deltas),
       T_TEST(numbers_without_a_pattern_stay_plain), T_TEST(sorted_keys_share_their_beginnings),
       T_TEST(dense_sorted_keys_share_their_beginnings), T_TEST(few_values_have_a_dictionary),
       T_TEST(an_encoding_the_type_cannot_have_is_refused_by_name),
       T_TEST(a_column_may_have_its_own_codec_and_no_statistics),
       T_TEST(pages_end_after_so_many_rows),
       T_TEST(columns_that_come_as_dictionaries_are_written_as_their_values),
       T_TEST(choosing_survives_every_fault))
