#include "arrow/cdata.h"

#include "arrow/text.h"
#include "base/num.h"
#include "lib/random_rows.h"

static struct arr_field fields[] = {
    {.name = "nothing", .type = {.kind = ARR_NULL}, .nullable = true},
    {.name = "flag", .type = {.kind = ARR_BOOL}, .nullable = true},
    {.name = "small", .type = {.kind = ARR_INT8}},
    {.name = "date", .type = {.kind = ARR_DATE32}},
    {.name = "at", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_NANO, .utc = true}},
    {.name = "text", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "raw", .type = {.kind = ARR_BINARY}},
    {.name = "id", .type = {.kind = ARR_FIXED_BINARY, .width = 16}},
    {.name = "price", .type = {.kind = ARR_DECIMAL128, .precision = 10, .scale = 2}},
};
#define FIELDS (sizeof fields / sizeof *fields)
static const struct arr_schema schema = {.fields = fields, .count = FIELDS};

static slp_rc fill_column(struct arr_col *c, int64_t rows, struct slp_err *err)
{
    uint8_t bytes[16] = {0};
    for (int64_t i = 0; i < rows; i++) {
        bytes[0] = (uint8_t)('a' + i % 26);
        if (c->type.kind == ARR_NULL || (i % 5 == 3 && c->type.kind != ARR_INT8))
            TRY(arr_col_append_null(c, err));
        else if (c->type.kind == ARR_BOOL)
            TRY(arr_col_append_bool(c, i & 1, err));
        else if (arr_type_is_variable(c->type))
            TRY(arr_col_append(c, slice_of(bytes, (size_t)(i % 3)), err));
        else
            TRY(arr_col_append(c, slice_of(bytes, arr_type_width(c->type)), err));
    }
    return SLP_OK;
}

static slp_rc fill(struct arr_batch *b, int64_t rows, struct slp_err *err)
{
    for (size_t i = 0; i < b->schema->count; i++)
        TRY(fill_column(&b->cols[i], rows, err));
    b->rows += rows;
    return SLP_OK;
}

static void assert_equal_columns(const struct arr_col *a, const struct arr_col *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->null_count, b->null_count);
    assert_true(slice_equal(buf_slice(&a->validity), buf_slice(&b->validity)));
    assert_true(slice_equal(buf_slice(&a->data), buf_slice(&b->data)));
    assert_true(slice_equal(buf_slice(&a->offsets), buf_slice(&b->offsets)));
}

static void formats_are_those_of_the_interface(void **state)
{
    struct t *t = *state;
    static const char *const formats[FIELDS] = {"n", "b", "c",    "tdD",   "tsn:UTC",
                                                "u", "z", "w:16", "d:10,2"};
    struct ArrowSchema s = {0};
    assert_ok(t, arr_export_schema(&schema, &t->mem, &s, &t->err));
    assert_string_equal(s.format, "+s");
    assert_int_equal(s.n_children, FIELDS);
    for (size_t i = 0; i < FIELDS; i++) {
        assert_string_equal(s.children[i]->format, formats[i]);
        assert_string_equal(s.children[i]->name, fields[i].name);
        assert_int_equal(s.children[i]->flags, fields[i].nullable ? ARROW_FLAG_NULLABLE : 0);
    }
    struct arena a;
    struct arr_schema again = {0};
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, arr_import_schema(&s, &a, &again, &t->err));
    s.release(&s);
    assert_null(s.release);
    assert_int_equal(again.count, FIELDS);
    for (size_t i = 0; i < FIELDS; i++) {
        assert_string_equal(again.fields[i].name, fields[i].name);
        assert_true(arr_type_equal(again.fields[i].type, fields[i].type));
        assert_int_equal(again.fields[i].nullable, fields[i].nullable);
    }
    arena_fini(&a);
}

static void a_child_that_was_moved_out_outlives_its_parent(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct ArrowSchema s = {0};
    struct ArrowArray a = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    assert_ok(t, fill(&b, 10, &t->err));
    assert_ok(t, arr_export_schema(&schema, &t->mem, &s, &t->err));
    assert_ok(t, arr_export_batch(&b, &a, &t->err));
    struct ArrowSchema child_schema = *s.children[5];
    struct ArrowArray child = *a.children[5];
    s.children[5]->release = NULL;
    a.children[5]->release = NULL;
    s.release(&s);
    a.release(&a);
    arr_batch_fini(&b);
    assert_string_equal(child_schema.name, "text");
    assert_int_equal(((const int32_t *)child.buffers[1])[2], 1);
    assert_memory_equal(child.buffers[2], "b", 1);
    child_schema.release(&child_schema);
    child.release(&child);
}

static void an_exported_batch_moves_and_reads_back_the_same(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct arr_batch same = {0};
    struct arr_batch again = {0};
    struct ArrowSchema s = {0};
    struct ArrowArray a = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    assert_ok(t, arr_batch_init(&same, &t->mem, &schema, &t->err));
    assert_ok(t, arr_batch_init(&again, &t->mem, &schema, &t->err));
    assert_ok(t, fill(&b, 1000, &t->err));
    assert_ok(t, fill(&same, 1000, &t->err));
    const void *bytes = b.cols[4].data.ptr;
    assert_ok(t, arr_export_schema(&schema, &t->mem, &s, &t->err));
    assert_ok(t, arr_export_batch(&b, &a, &t->err));
    assert_int_equal(b.rows, 0);
    assert_int_equal(b.cols[4].rows, 0);
    assert_ptr_equal(a.children[4]->buffers[1], bytes);
    assert_null(a.children[2]->buffers[0]);
    assert_int_equal(a.children[0]->n_buffers, 0);
    assert_int_equal(a.length, 1000);
    assert_ok(t, arr_import_batch(&a, &s, &again, &t->err));
    a.release(&a);
    for (size_t i = 0; i < FIELDS; i++)
        assert_equal_columns(&again.cols[i], &same.cols[i]);
    /* The emptied batch is as good as new. */
    assert_ok(t, fill(&b, 3, &t->err));
    assert_int_equal(b.cols[5].offsets.len, 16);
    s.release(&s);
    arr_batch_fini(&b);
    arr_batch_fini(&same);
    arr_batch_fini(&again);
}

static void a_batch_without_rows_has_buffers_with_one_offset(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    struct ArrowArray a = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    assert_ok(t, arr_export_batch(&b, &a, &t->err));
    assert_int_equal(((const int32_t *)a.children[5]->buffers[1])[0], 0);
    assert_non_null(a.children[5]->buffers[2]);
    assert_non_null(a.children[2]->buffers[1]);
    a.release(&a);
    arr_batch_fini(&b);
}

/* Columns as others hand them over: sliced, with 64-bit offsets, nulls not counted. */
static void slices_and_large_strings_of_others_are_read(void **state)
{
    struct t *t = *state;
    static const int64_t offsets[] = {7, 7, 8, 10, 10, 13};
    static const uint8_t validity[] = {0x17};
    static const int16_t numbers[] = {0, 10, 20, 30, 40};
    struct arr_field mine[] = {{.name = "s", .type = {.kind = ARR_UTF8}, .nullable = true},
                               {.name = "n", .type = {.kind = ARR_INT16}}};
    struct arr_schema wanted = {.fields = mine, .count = 2};
    struct ArrowSchema kinds[] = {{.format = "U", .name = "s", .flags = ARROW_FLAG_NULLABLE},
                                  {.format = "s", .name = "n"}};
    struct ArrowSchema *kind_list[] = {&kinds[0], &kinds[1]};
    struct ArrowSchema format = {.format = "+s", .n_children = 2, .children = kind_list};
    const void *string_buffers[] = {validity, offsets, "???????abbccc"};
    const void *number_buffers[] = {NULL, numbers};
    struct ArrowArray arrays[] = {
        {.length = 4, .null_count = -1, .offset = 1, .n_buffers = 3, .buffers = string_buffers},
        {.length = 5, .n_buffers = 2, .buffers = number_buffers}};
    struct ArrowArray *array_list[] = {&arrays[0], &arrays[1]};
    struct ArrowArray in = {.length = 3, .offset = 1, .n_children = 2, .children = array_list};
    struct arr_batch out = {0};
    assert_ok(t, arr_batch_init(&out, &t->mem, &wanted, &t->err));
    assert_ok(t, arr_import_batch(&in, &format, &out, &t->err));
    assert_int_equal(out.rows, 3);
    assert_true(slice_is(arr_col_bytes(&out.cols[0], 0), "bb"));
    assert_true(arr_col_is_null(&out.cols[0], 1));
    assert_true(slice_is(arr_col_bytes(&out.cols[0], 2), "ccc"));
    assert_int_equal(arr_col_i64(&out.cols[1], 0), 10);
    assert_int_equal(arr_col_i64(&out.cols[1], 2), 30);
    /* A second column that is too short leaves none of the first behind. */
    arrays[1].length = 3;
    assert_rc(t, arr_import_batch(&in, &format, &out, &t->err), SLP_INVALID);
    assert_err_has(t, "Arrow batch: column \"n\": rows 1 to 4 of a column of 3 rows");
    assert_int_equal(out.rows, 3);
    assert_int_equal(out.cols[0].rows, 3);
    kinds[1].format = "i";
    assert_rc(t, arr_import_batch(&in, &format, &out, &t->err), SLP_INVALID);
    assert_err_has(t, "column \"n\": type int32, expected int16");
    string_buffers[2] = "???????\xff\xff\xff\xff\xff\xff";
    assert_rc(t, arr_import_batch(&in, &format, &out, &t->err), SLP_INVALID);
    assert_err_has(t, "text of row 0 is not UTF-8");
    arr_batch_fini(&out);
}

static void formats_that_are_not_known_are_refused_by_name(void **state)
{
    struct t *t = *state;
    static const char *const formats[] = {"+l",   "+m", "+vl",        "+ud:1", "tss:Europe/Berlin",
                                          "ts",   "w:", "d:77,2,256", "d:10",  "w:0",
                                          "tsx:", "",   "+r",         "+w:x",  "ttx"};
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct ArrowSchema child = {.format = formats[i], .name = "odd"};
        struct ArrowSchema *children[] = {&child};
        struct ArrowSchema s = {.format = "+s", .n_children = 1, .children = children};
        struct arr_schema out = {.count = 77};
        assert_rc(t, arr_import_schema(&s, &a, &out, &t->err), SLP_UNSUPPORTED);
        assert_err_has(t, "field \"odd\": Arrow format");
        assert_int_equal(out.count, 77);
        s.format = "u";
        assert_rc(t, arr_import_schema(&s, &a, &out, &t->err), SLP_UNSUPPORTED);
        assert_err_has(t, "expected a struct");
    }
    arena_fini(&a);
}

/* One column of others, read into one of ours of the type their schema says. */
struct foreign {
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct ArrowSchema *schemas[1];
    struct ArrowArray *arrays[1];
    struct ArrowSchema whole_schema;
    struct ArrowArray whole;
    struct arena arena;
    struct arr_schema read;
    struct arr_batch out;
};

static slp_rc take_foreign(struct t *t, struct foreign *f)
{
    f->schema.name = "c";
    f->schemas[0] = &f->schema;
    f->arrays[0] = &f->array;
    f->whole_schema = (struct ArrowSchema){.format = "+s", .n_children = 1, .children = f->schemas};
    f->whole =
        (struct ArrowArray){.length = f->array.length, .n_children = 1, .children = f->arrays};
    arena_init(&f->arena, &t->mem, 1 << 20);
    TRY(arr_import_schema(&f->whole_schema, &f->arena, &f->read, &t->err));
    TRY(arr_batch_init(&f->out, &t->mem, &f->read, &t->err));
    return arr_import_batch(&f->whole, &f->whole_schema, &f->out, &t->err);
}

/* Each value as text, with what stands between, is `want`. */
static void assert_foreign(struct t *t, struct foreign *f, const char *want)
{
    struct buf text;
    buf_init(&text, &t->mem, 1 << 16);
    assert_ok(t, take_foreign(t, f));
    t_assert_col_sound(&f->out.cols[0]);
    for (int64_t row = 0; row < f->out.rows; row++) {
        if (row)
            assert_ok(t, buf_append(&text, " ", 1, &t->err));
        if (arr_col_is_null(&f->out.cols[0], row))
            assert_ok(t, buf_append(&text, "-", 1, &t->err));
        else
            assert_ok(t, arr_text_format(&f->out.cols[0], row, &text, &t->err));
    }
    assert_ok(t, buf_append_u8(&text, 0, &t->err));
    assert_string_equal((const char *)text.ptr, want);
    buf_fini(&text);
    arr_batch_fini(&f->out);
    arena_fini(&f->arena);
}

static void assert_foreign_refused(struct t *t, struct foreign *f, const char *part)
{
    assert_rc(t, take_foreign(t, f), SLP_INVALID);
    assert_err_has(t, part);
    assert_int_equal(f->out.rows, 0);
    t_assert_col_sound(&f->out.cols[0]);
    arr_batch_fini(&f->out);
    arena_fini(&f->arena);
}

static const uint8_t middle_null[] = {0x05}; /* 1 0 1 */

static void nulls_of_others_lose_what_lies_under_them(void **state)
{
    struct t *t = *state;
    static const int32_t offsets[] = {0, 1, 3, 4};
    static const int32_t numbers[] = {7, 8, 9, 10};
    const void *text[] = {middle_null, offsets, "abcd"};
    const void *ints[] = {middle_null, numbers};
    const void *plain[] = {NULL, numbers};
    const void *lists[] = {middle_null, offsets};
    const void *only_nulls[] = {middle_null};
    struct foreign f = {.schema = {.format = "u"},
                        .array = {.length = 3, .null_count = 1, .n_buffers = 3, .buffers = text}};
    assert_foreign(t, &f, "a - d");
    f = (struct foreign){.schema = {.format = "i"},
                         .array = {.length = 3, .null_count = 1, .n_buffers = 2, .buffers = ints}};
    assert_foreign(t, &f, "7 - 9");
    struct ArrowSchema item = {.format = "i", .name = "item"};
    struct ArrowArray items = {.length = 4, .n_buffers = 2, .buffers = plain};
    struct ArrowSchema *item_list[] = {&item};
    struct ArrowArray *items_list[] = {&items};
    f = (struct foreign){.schema = {.format = "+l", .n_children = 1, .children = item_list},
                         .array = {.length = 3,
                                   .null_count = -1,
                                   .n_buffers = 2,
                                   .buffers = lists,
                                   .n_children = 1,
                                   .children = items_list}};
    assert_foreign(t, &f, "[7] - [10]");
    f = (struct foreign){.schema = {.format = "+s", .n_children = 1, .children = item_list},
                         .array = {.length = 3,
                                   .null_count = -1,
                                   .n_buffers = 1,
                                   .buffers = only_nulls,
                                   .n_children = 1,
                                   .children = items_list}};
    assert_foreign(t, &f, "{\"item\":7} - {\"item\":9}");
}

static void other_layouts_of_lists_are_read(void **state)
{
    struct t *t = *state;
    static const int64_t offsets[] = {1, 2, 3, 5};
    static const int32_t numbers[] = {7, 8, 9, 10, 11, 12, 13, 14};
    const void *plain[] = {NULL, numbers};
    const void *large[] = {NULL, offsets};
    const void *fixed[] = {middle_null};
    struct ArrowSchema item = {.format = "i", .name = "item"};
    struct ArrowArray items = {.length = 6, .offset = 1, .n_buffers = 2, .buffers = plain};
    struct ArrowSchema *item_list[] = {&item};
    struct ArrowArray *items_list[] = {&items};
    struct foreign f = {.schema = {.format = "+L", .n_children = 1, .children = item_list},
                        .array = {.length = 3,
                                  .n_buffers = 2,
                                  .buffers = large,
                                  .n_children = 1,
                                  .children = items_list}};
    assert_foreign(t, &f, "[9] [10] [11,12]");
    items.length = 4;
    assert_foreign_refused(t, &f, "rows 1 to 5 of a column of 4 rows");
    items.length = 6;
    f.schema.format = "+w:2";
    f.array.n_buffers = 1;
    f.array.buffers = fixed;
    f.array.null_count = 1;
    assert_foreign(t, &f, "[8,9] - [12,13]");
    items.length = 5;
    assert_foreign_refused(t, &f, "rows 4 to 6 of a column of 5 rows");
}

static void other_layouts_of_flat_values_are_read(void **state)
{
    struct t *t = *state;
    static const int64_t days[] = {0, 5, -86400000};
    static const int32_t months[] = {14, 0, -1};
    static const int32_t day_times[] = {3, 1500, 0, 0, 0, -1};
    const void *buffers[] = {middle_null, days};
    struct foreign f = {
        .schema = {.format = "tdm"},
        .array = {.length = 3, .null_count = 1, .n_buffers = 2, .buffers = buffers}};
    assert_foreign(t, &f, "1970-01-01 - 1969-12-31");
    f.array.null_count = 0;
    assert_foreign_refused(t, &f, "date of row 1 is 5 milliseconds");
    f.schema.format = "tiM";
    f.array.null_count = 1;
    buffers[1] = months;
    assert_foreign(t, &f, "P14M - P-1M");
    f.schema.format = "tiD";
    buffers[1] = day_times;
    assert_foreign(t, &f, "P3DT1.5S - PT-0.001S");
}

static void views_are_read_and_their_bounds_checked(void **state)
{
    struct t *t = *state;
    static const int64_t sizes[] = {20};
    uint8_t views[48] = {0};
    const void *buffers[] = {middle_null, views, "a text that is longer", sizes};
    num_store_u32le(views, 3);
    memcpy(views + 4, "abc", 3);
    memset(views + 16, 0xff, 16);
    num_store_u32le(views + 32, 18);
    num_store_u32le(views + 44, 2);
    struct foreign f = {
        .schema = {.format = "vu"},
        .array = {.length = 3, .null_count = 1, .n_buffers = 4, .buffers = buffers}};
    assert_foreign(t, &f, "abc - text that is longe");
    num_store_u32le(views + 44, 3);
    assert_foreign_refused(t, &f, "a view of 18 bytes at 3 of buffer 0 of 1 in row 2");
    num_store_u32le(views + 40, 1);
    assert_foreign_refused(t, &f, "of buffer 1 of 1 in row 2");
}

static void dictionaries_are_decoded_and_indices_checked(void **state)
{
    struct t *t = *state;
    static const int32_t offsets[] = {0, 3, 3, 8};
    uint8_t indices[] = {2, 99, 0};
    uint8_t valid[] = {0x05};
    const void *texts[] = {valid, offsets, "redgreen"};
    const void *buffers[] = {middle_null, indices};
    struct ArrowSchema values = {.format = "u"};
    struct ArrowArray value_array = {
        .length = 3, .null_count = 1, .n_buffers = 3, .buffers = texts};
    struct foreign f = {.schema = {.format = "C", .dictionary = &values},
                        .array = {.length = 3,
                                  .null_count = 1,
                                  .n_buffers = 2,
                                  .buffers = buffers,
                                  .dictionary = &value_array}};
    assert_foreign(t, &f, "green - red");
    indices[0] = 1;
    assert_foreign(t, &f, "- - red");
    indices[0] = 3;
    assert_foreign_refused(t, &f, "index 3 in row 0 of a dictionary of 3 values");
    f.schema.format = "c";
    indices[0] = 0xff;
    assert_foreign_refused(t, &f, "index -1 in row 0");
    f.schema.format = "f";
    assert_foreign_refused(t, &f, "expected integers");
}

static void offsets_that_fall_are_refused(void **state)
{
    struct t *t = *state;
    static const int32_t offsets[] = {0, 4, 2, 4};
    static const uint8_t half_characters[] = "\xc3\xbc\xc3\xbc";
    const void *texts[] = {NULL, offsets, "abcd"};
    struct foreign f = {.schema = {.format = "z"},
                        .array = {.length = 3, .n_buffers = 3, .buffers = texts}};
    assert_foreign_refused(t, &f, "offsets 4 and 2 in row 1");
    static const int32_t halves[] = {0, 1, 3, 4};
    texts[1] = halves;
    texts[2] = half_characters;
    f.schema.format = "u";
    assert_foreign_refused(t, &f, "text of row 0 is not UTF-8");
    f.schema.format = "z";
    assert_foreign(t, &f, "ww== vMM= vA==");
}

static void deep_and_misshapen_schemas_are_refused(void **state)
{
    struct t *t = *state;
    struct ArrowSchema deep[70];
    struct ArrowSchema *children[70];
    struct arena a;
    struct arr_schema out = {0};
    struct arr_batch b = {0};
    arena_init(&a, &t->mem, 1 << 20);
    for (size_t i = 0; i < 70; i++) {
        children[i] = &deep[i];
        deep[i] = (struct ArrowSchema){.format = "+l", .name = "item"};
        if (i < 69) {
            deep[i].n_children = 1;
            deep[i].children = &children[i + 1];
        }
    }
    struct ArrowSchema s = {.format = "+s", .n_children = 1, .children = children};
    assert_rc(t, arr_import_schema(&s, &a, &out, &t->err), SLP_LIMIT);
    assert_err_has(t, "nested deeper than 64");
    deep[63] = (struct ArrowSchema){.format = "i", .name = "last"};
    assert_ok(t, arr_import_schema(&s, &a, &out, &t->err));
    assert_ok(t, arr_batch_init(&b, &t->mem, &out, &t->err));
    assert_ok(t, arr_col_append_null(&b.cols[0], &t->err));
    arr_batch_fini(&b);
    deep[1] = (struct ArrowSchema){.format = "+m", .n_children = 1, .children = &children[2]};
    deep[2] = (struct ArrowSchema){.format = "+s", .n_children = 1, .children = &children[3]};
    assert_rc(t, arr_import_schema(&s, &a, &out, &t->err), SLP_UNSUPPORTED);
    assert_err_has(t, "expected a struct (+s) of key and value");
    arena_fini(&a);
}

static void extensions_are_told_and_understood(void **state)
{
    struct t *t = *state;
    struct arr_field said[] = {{.name = "j", .type = {.kind = ARR_UTF8}, .extension = "json"},
                               {.name = "v", .type = {.kind = ARR_BINARY}, .extension = "variant"}};
    struct arr_schema with = {.fields = said, .count = 2};
    struct arr_schema read = {0};
    struct ArrowSchema s = {0};
    struct arena a;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, arr_export_schema(&with, &t->mem, &s, &t->err));
    assert_null(s.children[1]->metadata);
    assert_ok(t, arr_import_schema(&s, &a, &read, &t->err));
    assert_string_equal(read.fields[0].extension, "json");
    assert_null(read.fields[1].extension);
    s.release(&s);
    arena_fini(&a);
}

/* A stream of three batches, then an error or the end. */
struct counter {
    struct arr_stream base;
    struct alloc *mem;
    int left;
    bool fails;
    bool is_closed;
};

static slp_rc counter_next(struct arr_stream *s, struct arr_batch *out, struct slp_err *err)
{
    struct counter *c = (struct counter *)(void *)s;
    if (c->left == 0 && c->fails)
        FAIL(err, CORRUPT, "the stream is damaged");
    if (c->left == 0)
        return SLP_DONE;
    c->left--;
    if (!out->cols)
        TRY(arr_batch_init(out, c->mem, s->schema, err));
    arr_batch_clear(out);
    return fill(out, 10 + c->left, err);
}

static void counter_close(struct arr_stream *s)
{
    ((struct counter *)(void *)s)->is_closed = true;
}

static const struct arr_stream_ops counter_ops = {.next = counter_next, .close = counter_close};

static void a_stream_ends_or_tells_its_error(void **state)
{
    struct t *t = *state;
    for (int fails = 0; fails < 2; fails++) {
        struct counter c = {.base = {.ops = &counter_ops, .schema = &schema},
                            .mem = &t->mem,
                            .left = 3,
                            .fails = fails};
        struct ArrowArrayStream s = {0};
        struct ArrowSchema described = {0};
        struct ArrowArray a = {0};
        assert_ok(t, arr_export_stream(&c.base, &t->mem, &s, &t->err));
        assert_int_equal(s.get_schema(&s, &described), 0);
        assert_int_equal(described.n_children, FIELDS);
        described.release(&described);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(s.get_next(&s, &a), 0);
            assert_int_equal(a.length, 12 - i);
            a.release(&a);
        }
        int code = s.get_next(&s, &a);
        if (fails) {
            assert_int_not_equal(code, 0);
            t_assert_text(s.get_last_error(&s), "the stream is damaged", __FILE__, __LINE__);
        } else {
            assert_int_equal(code, 0);
            assert_null(a.release);
        }
        assert_false(c.is_closed);
        s.release(&s);
        assert_null(s.release);
        assert_true(c.is_closed);
    }
}

static void every_fault_leaves_the_batch_where_it_was(void **state)
{
    struct t *t = *state;
    struct arr_batch b = {0};
    assert_ok(t, arr_batch_init(&b, &t->mem, &schema, &t->err));
    assert_ok(t, fill(&b, 20, &t->err));
    struct ArrowArray whole = {0};
    struct ArrowSchema described = {0};
    T_FAULT_LOOP(t) {
        struct arr_batch again = {0};
        struct arr_batch from = {0};
        struct ArrowSchema s = {0};
        struct ArrowArray a = {0};
        slp_rc rc = arr_export_schema(&schema, &t->mem, &s, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_init(&from, &t->mem, &schema, &t->err);
        if (rc == SLP_OK)
            rc = arr_batch_append_run(&from, &b, 0, 20, &t->err);
        int64_t rows = from.rows;
        if (rc == SLP_OK)
            rc = arr_export_batch(&from, &a, &t->err);
        if (rc != SLP_OK) {
            assert_int_equal(from.rows, rows);
            assert_null(a.release);
        }
        if (rc == SLP_OK)
            rc = arr_batch_init(&again, &t->mem, &schema, &t->err);
        if (rc == SLP_OK)
            rc = arr_import_batch(&a, &s, &again, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        assert_int_equal(again.rows, rc == SLP_OK ? 20 : 0);
        if (a.release)
            a.release(&a);
        if (s.release)
            s.release(&s);
        arr_batch_fini(&from);
        arr_batch_fini(&again);
    }
    assert_ok(t, arr_export_schema(&schema, &t->mem, &described, &t->err));
    assert_ok(t, arr_export_batch(&b, &whole, &t->err));
    whole.release(&whole);
    described.release(&described);
    arr_batch_fini(&b);
}

T_MAIN(T_TEST(formats_are_those_of_the_interface),
       T_TEST(a_child_that_was_moved_out_outlives_its_parent),
       T_TEST(an_exported_batch_moves_and_reads_back_the_same),
       T_TEST(a_batch_without_rows_has_buffers_with_one_offset),
       T_TEST(slices_and_large_strings_of_others_are_read),
       T_TEST(formats_that_are_not_known_are_refused_by_name),
       T_TEST(nulls_of_others_lose_what_lies_under_them), T_TEST(other_layouts_of_lists_are_read),
       T_TEST(other_layouts_of_flat_values_are_read),
       T_TEST(views_are_read_and_their_bounds_checked),
       T_TEST(dictionaries_are_decoded_and_indices_checked), T_TEST(offsets_that_fall_are_refused),
       T_TEST(deep_and_misshapen_schemas_are_refused), T_TEST(extensions_are_told_and_understood),
       T_TEST(a_stream_ends_or_tells_its_error), T_TEST(every_fault_leaves_the_batch_where_it_was))
