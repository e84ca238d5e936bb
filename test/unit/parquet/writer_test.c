#include "parquet/writer.h"

#include "base/num.h"
#include "lib/t.h"

#define ROWS 50

static struct arr_field two_fields[] = {
    {.name = "k", .type = {.kind = ARR_INT64}, .id = 1},
    {.name = "v", .type = {.kind = ARR_UTF8}, .nullable = true, .id = 2}};
static const struct arr_schema two = {.fields = two_fields, .count = 2};

static slp_rc fill(struct arr_batch *b, struct slp_err *err)
{
    for (int64_t i = 0; i < ROWS; i++) {
        TRY(arr_col_append_i64(&b->cols[0], i, err));
        TRY(arr_col_append(&b->cols[1], slice_str(i % 2 ? "odd" : "even"), err));
    }
    b->rows = ROWS;
    return SLP_OK;
}

/* A whole file: one group, raw bytes, key values. `raw_at` says where the raw bytes stand. */
static slp_rc write_file(struct alloc *mem, const struct arr_batch *batch, struct sink *sink,
                         uint64_t *raw_at, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const size_t sorting[] = {0};
    const struct pq_key_value pair = {slice_str("first"), slice_str("1")};
    struct pq_write_options o;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    uint64_t offset = 0;
    uint32_t footer_bytes = 0;
    pq_write_options_init(&o);
    o.sorting_columns = sorting;
    o.sorting_count = 1;
    o.key_values = &pair;
    o.key_value_count = 1;
    TRY_OUT(pq_writer_new(mem, sink, &two, &o, &w, err));
    TRY_OUT(pq_group_new(mem, &two, &o, &g, err));
    TRY_OUT(pq_group_encode(g, batch, 20, err));
    TRY_OUT(pq_writer_group(w, g, &offset, err));
    assert_int_equal(offset, 4);
    TRY_OUT(pq_writer_raw(w, slice_str("raw bytes"), raw_at, err));
    TRY_OUT(pq_writer_key_value(w, slice_str("second"), slice_str("2"), err));
    TRY_OUT(pq_writer_finish(w, &offset, &footer_bytes, err));
    assert_int_equal(offset + footer_bytes + 8, sink->offset);
out:
    pq_group_free(g);
    pq_writer_free(w);
    return rc;
}

static void parse(struct t *t, struct slice file, struct arena *a, struct pq_meta *m)
{
    size_t footer = num_load_u32le(file.ptr + file.len - 8);
    assert_ok(
        t, pq_meta_parse(slice_sub(file, file.len - 8 - footer, footer), file.len, a, m, &t->err));
}

static void a_file_has_its_parts_in_order(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct buf file;
    struct buf_sink sink;
    struct arena a;
    struct pq_meta m;
    uint64_t raw_at = 0;
    buf_init(&file, &t->mem, 1 << 20);
    arena_init(&a, &t->mem, 1 << 20);
    sink_buf_init(&sink, "test", &file);
    assert_ok(t, arr_batch_init(&b, &t->mem, &two, &t->err));
    assert_ok(t, fill(&b, &t->err));
    assert_ok(t, write_file(&t->mem, &b, &sink.base, &raw_at, &t->err));
    assert_memory_equal(file.ptr, "PAR1", 4);
    assert_memory_equal(file.ptr + file.len - 4, "PAR1", 4);
    assert_memory_equal(file.ptr + raw_at, "raw bytes", 9);
    parse(t, buf_slice(&file), &a, &m);
    assert_int_equal(m.rows, ROWS);
    assert_int_equal(m.group_count, 1);
    assert_true(slice_starts_with(m.created_by, slice_str("sleeper version 0.1.0 (build ")));
    assert_int_equal(m.key_value_count, 2);
    assert_true(slice_is(m.key_values[0].key, "first"));
    assert_true(slice_is(m.key_values[1].value, "2"));
    const struct pq_chunk *k = &m.groups[0].chunks[0];
    const struct pq_chunk *v = &m.groups[0].chunks[1];
    assert_int_equal(k->data_page_offset, 4);
    assert_int_equal(k->dictionary_page_offset, 0);
    assert_int_equal(v->dictionary_page_offset, 4 + k->compressed_bytes);
    assert_int_equal(4 + k->compressed_bytes + v->compressed_bytes, raw_at);
    assert_true(slice_equal(k->min_value, slice_of("\0\0\0\0\0\0\0\0", 8)));
    assert_true(slice_equal(k->max_value, slice_of("\x31\0\0\0\0\0\0\0", 8)));
    assert_true(slice_is(v->min_value, "even"));
    assert_true(slice_is(v->max_value, "odd"));
    assert_int_equal(v->null_count, 0);
    /* Raw bytes, column indexes, offset indexes, footer: each begins where the one before ends. */
    assert_int_equal(k->column_index_offset, raw_at + 9);
    assert_int_equal(v->column_index_offset, k->column_index_offset + k->column_index_bytes);
    assert_int_equal(k->offset_index_offset, v->column_index_offset + v->column_index_bytes);
    assert_int_equal(v->offset_index_offset, k->offset_index_offset + k->offset_index_bytes);
    arr_batch_fini(&b);
    arena_fini(&a);
    buf_fini(&file);
}

static void index_bytes_stand_as_the_format_says(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct buf file;
    struct buf_sink sink;
    struct arena a;
    struct pq_meta m;
    uint64_t raw_at = 0;
    buf_init(&file, &t->mem, 1 << 20);
    arena_init(&a, &t->mem, 1 << 20);
    sink_buf_init(&sink, "test", &file);
    assert_ok(t, arr_batch_init(&b, &t->mem, &two, &t->err));
    assert_ok(t, fill(&b, &t->err));
    assert_ok(t, write_file(&t->mem, &b, &sink.base, &raw_at, &t->err));
    parse(t, buf_slice(&file), &a, &m);
    const struct pq_chunk *k = &m.groups[0].chunks[0];
    /* Three pages: no null page, minima 0 20 40, maxima 19 39 49, ascending, no nulls. */
    static const char column_index[] =
        "\x19\x31\2\2\2"
        "\x19\x38\10\0\0\0\0\0\0\0\0\10\24\0\0\0\0\0\0\0\10\50\0\0\0\0"
        "\0\0\0\x19\x38\10\23\0\0\0\0\0\0\0\10\47\0\0\0\0\0\0\0\10\61"
        "\0\0\0\0\0\0\0\x15\2\x19\x36\0\0\0";
    assert_int_equal(k->column_index_bytes, sizeof column_index);
    assert_memory_equal(file.ptr + k->column_index_offset, column_index, sizeof column_index);
    /* The first of three page locations: offset 4, then its size and row 0. */
    assert_memory_equal(file.ptr + k->offset_index_offset, "\x19\x3c\x16\x08\x15", 5);
    arr_batch_fini(&b);
    arena_fini(&a);
    buf_fini(&file);
}

static void no_rows_make_a_file_without_groups(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct buf file;
    struct buf_sink sink;
    struct arena a;
    struct pq_meta m;
    uint64_t raw_at = 0;
    buf_init(&file, &t->mem, 1 << 20);
    arena_init(&a, &t->mem, 1 << 20);
    sink_buf_init(&sink, "test", &file);
    assert_ok(t, arr_batch_init(&b, &t->mem, &two, &t->err));
    assert_ok(t, write_file(&t->mem, &b, &sink.base, &raw_at, &t->err));
    assert_int_equal(raw_at, 4);
    parse(t, buf_slice(&file), &a, &m);
    assert_int_equal(m.rows, 0);
    assert_int_equal(m.group_count, 0);
    assert_int_equal(m.schema.count, 2);
    arr_batch_fini(&b);
    arena_fini(&a);
    buf_fini(&file);
}

static void a_column_parquet_cannot_hold_is_refused_before_a_byte(void **state)
{
    struct t *t = *state;
    struct arr_field field = {.name = "odd", .type = {.kind = ARR_FIXED_BINARY}, .nullable = true};
    const struct arr_schema schema = {.fields = &field, .count = 1};
    struct pq_write_options o;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    struct buf file;
    struct buf_sink sink;
    pq_write_options_init(&o);
    buf_init(&file, &t->mem, 1 << 20);
    sink_buf_init(&sink, "test", &file);
    assert_rc(t, pq_writer_new(&t->mem, &sink.base, &schema, &o, &w, &t->err), SLP_UNSUPPORTED);
    assert_rc(t, pq_group_new(&t->mem, &schema, &o, &g, &t->err), SLP_UNSUPPORTED);
    assert_null(w);
    assert_null(g);
    assert_int_equal(file.len, 0);
    buf_fini(&file);
}

/* A sink that takes part in fault loops. */
struct failing_sink {
    struct sink base;
    struct t *t;
};

static slp_rc fail_or_forget(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct failing_sink *s = (struct failing_sink *)sink;
    (void)bytes;
    (void)n;
    if (t_fault_due(s->t))
        FAIL(err, UNAVAILABLE, "the sink failed");
    return SLP_OK;
}

static void every_fault_of_memory_and_sink_is_passed_on(void **state)
{
    struct t *t = *state;
    static const struct sink_ops ops = {.write = fail_or_forget};
    struct arr_batch b = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &two, &t->err));
    assert_ok(t, fill(&b, &t->err));
    T_FAULT_LOOP(t) {
        struct failing_sink sink = {.base = {.ops = &ops, .name = "failing"}, .t = t};
        uint64_t raw_at = 0;
        slp_rc rc = write_file(&t->mem, &b, &sink.base, &raw_at, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY || rc == SLP_UNAVAILABLE : rc == SLP_OK);
    }
    arr_batch_fini(&b);
}

/* Two groups and filters, by the group or a chunk at a time. */
static slp_rc write_groups(struct alloc *mem, const struct arr_batch *batch, bool at_once,
                           struct buf *file, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct pq_column_options columns[] = {{.bloom = true}, {.bloom = true}};
    struct pq_write_options o;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *g = NULL;
    uint64_t offset = 0;
    pq_write_options_init(&o);
    o.columns = columns;
    sink_buf_init(&sink, "test", file);
    TRY_OUT(pq_writer_new(mem, &sink.base, &two, &o, &w, err));
    TRY_OUT(pq_group_new(mem, &two, &o, &g, err));
    for (int i = 0; i < 2; i++) {
        if (at_once) {
            TRY_OUT(pq_writer_rows(w, g, batch, 20, err));
            continue;
        }
        TRY_OUT(pq_group_encode(g, batch, 20, err));
        TRY_OUT(pq_writer_group(w, g, &offset, err));
    }
    TRY_OUT(pq_writer_finish(w, NULL, NULL, err));
out:
    pq_group_free(g);
    pq_writer_free(w);
    return rc;
}

static void rows_written_chunk_by_chunk_are_the_same_file(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct buf apart;
    struct buf at_once;
    buf_init(&apart, &t->mem, 1 << 20);
    assert_ok(t, arr_batch_init(&b, &t->mem, &two, &t->err));
    assert_ok(t, fill(&b, &t->err));
    assert_ok(t, write_groups(&t->mem, &b, false, &apart, &t->err));
    T_FAULT_LOOP(t) {
        buf_init(&at_once, &t->mem, 1 << 20);
        slp_rc rc = write_groups(&t->mem, &b, true, &at_once, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc == SLP_OK)
            assert_true(slice_equal(buf_slice(&at_once), buf_slice(&apart)));
        buf_fini(&at_once);
    }
    buf_fini(&apart);
    arr_batch_fini(&b);
}

T_MAIN(T_TEST(rows_written_chunk_by_chunk_are_the_same_file), T_TEST(a_file_has_its_parts_in_order),
       T_TEST(index_bytes_stand_as_the_format_says), T_TEST(no_rows_make_a_file_without_groups),
       T_TEST(a_column_parquet_cannot_hold_is_refused_before_a_byte),
       T_TEST(every_fault_of_memory_and_sink_is_passed_on))
