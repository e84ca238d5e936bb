#include "parquet/meta.h"

#include "codec/thrift_write.h"
#include "lib/t.h"

#define FILE_BYTES 1000u
#define NONE       (-1)

/* A file's metadata with one column in one row group, and what can be wrong with it. */
struct sample {
    int physical;
    int type_length;
    int repetition;
    int converted; /* NONE: none */
    int logical;   /* 0: none */
    int unit;      /* of a logical time */
    int bits;      /* of a logical integer */
    bool flag;     /* is utc, is signed */
    int scale;
    int precision;
    int root_children;
    int children;
    const char *name;
    int field_id;
    int64_t file_rows;
    int64_t group_rows;
    int64_t values;
    int64_t data_offset;
    int64_t dictionary_offset;
    int64_t compressed;
    int64_t codec;
    int chunk_physical;
    const char *path;
    const char *file_path;
    bool no_schema;
    bool no_chunk_meta;
    bool no_orders;
    bool old_bounds;
    bool is_encrypted;
    int64_t index_offset;
};

static const struct sample plain = {.physical = PQ_INT64,
                                    .repetition = 1,
                                    .converted = NONE,
                                    .root_children = 1,
                                    .name = "x",
                                    .file_rows = 10,
                                    .group_rows = 10,
                                    .values = 10,
                                    .data_offset = 4,
                                    .compressed = 100,
                                    .chunk_physical = PQ_INT64,
                                    .path = "x"};

static void put_logical(struct cx_put *w, const struct sample *s)
{
    cx_put_struct(w, 10);
    cx_put_struct(w, (int16_t)s->logical);
    if (s->logical == 5) {
        cx_put_i32(w, 1, s->scale);
        cx_put_i32(w, 2, s->precision);
    } else if (s->logical == 7 || s->logical == 8) {
        cx_put_bool(w, 1, s->flag);
        cx_put_struct(w, 2);
        if (s->unit) {
            cx_put_struct(w, (int16_t)s->unit);
            cx_put_end(w);
        }
        cx_put_end(w);
    } else if (s->logical == 10) {
        cx_put_i8(w, 1, (int8_t)s->bits);
        cx_put_bool(w, 2, s->flag);
    }
    cx_put_end(w);
    cx_put_end(w);
}

static void put_schema(struct cx_put *w, const struct sample *s)
{
    cx_put_list(w, 2, CX_WIRE_STRUCT, 2);
    cx_put_element_struct(w);
    cx_put_binary(w, 4, slice_str("root"));
    cx_put_i32(w, 5, s->root_children);
    cx_put_end(w);
    cx_put_element_struct(w);
    if (s->physical != NONE)
        cx_put_i32(w, 1, s->physical);
    cx_put_i32(w, 2, s->type_length);
    cx_put_i32(w, 3, s->repetition);
    cx_put_binary(w, 4, slice_str(s->name));
    if (s->children)
        cx_put_i32(w, 5, s->children);
    if (s->converted != NONE)
        cx_put_i32(w, 6, s->converted);
    cx_put_i32(w, 7, s->scale);
    cx_put_i32(w, 8, s->precision);
    cx_put_i32(w, 9, s->field_id);
    if (s->logical)
        put_logical(w, s);
    cx_put_end(w);
}

static void put_chunk_meta(struct cx_put *w, const struct sample *s)
{
    cx_put_struct(w, 3);
    cx_put_i32(w, 1, s->chunk_physical);
    cx_put_list(w, 2, CX_WIRE_I32, 1);
    cx_put_element_i32(w, 0);
    cx_put_list(w, 3, CX_WIRE_BINARY, 1);
    cx_put_element_binary(w, slice_str(s->path));
    cx_put_i32(w, 4, (int32_t)s->codec);
    cx_put_i64(w, 5, s->values);
    cx_put_i64(w, 6, 500);
    cx_put_i64(w, 7, s->compressed);
    cx_put_i64(w, 9, s->data_offset);
    if (s->dictionary_offset)
        cx_put_i64(w, 11, s->dictionary_offset);
    cx_put_struct(w, 12);
    cx_put_binary(w, s->old_bounds ? 1 : 5, slice_str("max"));
    if (s->old_bounds)
        cx_put_binary(w, 2, slice_str("min"));
    cx_put_i64(w, 3, 4);
    if (!s->old_bounds)
        cx_put_binary(w, 6, slice_str("min"));
    cx_put_end(w);
    cx_put_end(w);
}

static void put_group(struct cx_put *w, const struct sample *s)
{
    cx_put_list(w, 4, CX_WIRE_STRUCT, 1);
    cx_put_element_struct(w);
    cx_put_list(w, 1, CX_WIRE_STRUCT, 1);
    cx_put_element_struct(w);
    if (s->file_path)
        cx_put_binary(w, 1, slice_str(s->file_path));
    if (!s->no_chunk_meta)
        put_chunk_meta(w, s);
    cx_put_i64(w, 4, s->index_offset);
    cx_put_i32(w, 5, 20);
    if (s->is_encrypted)
        cx_put_binary(w, 9, slice_str("secret"));
    cx_put_end(w);
    cx_put_i64(w, 3, s->group_rows);
    cx_put_end(w);
}

static void encode(struct t *t, const struct sample *s, struct buf *out)
{
    struct cx_put w;
    buf_clear(out);
    cx_put_init(&w, out, &t->err);
    cx_put_i32(&w, 1, 1);
    if (!s->no_schema)
        put_schema(&w, s);
    cx_put_i64(&w, 3, s->file_rows);
    if (!s->no_schema)
        put_group(&w, s);
    cx_put_list(&w, 5, CX_WIRE_STRUCT, 1);
    cx_put_element_struct(&w);
    cx_put_binary(&w, 1, slice_str("key"));
    cx_put_end(&w);
    cx_put_binary(&w, 6, slice_str("a test"));
    if (!s->no_orders) {
        cx_put_list(&w, 7, CX_WIRE_STRUCT, 1);
        cx_put_element_struct(&w);
        cx_put_struct(&w, 1);
        cx_put_end(&w);
        cx_put_end(&w);
    }
    assert_ok(t, cx_put_finish(&w));
}

static slp_rc parse(struct t *t, const struct sample *s, struct arena *a, struct pq_meta *out)
{
    struct buf bytes;
    struct slice kept = {0};
    buf_init(&bytes, &t->mem, 1 << 20);
    encode(t, s, &bytes);
    slp_rc rc = arena_copy(a, buf_slice(&bytes), &kept, &t->err);
    if (rc == SLP_OK)
        rc = pq_meta_parse(kept, FILE_BYTES, a, out, &t->err);
    buf_fini(&bytes);
    return rc;
}

static void metadata_is_what_the_footer_says(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct pq_meta m;
    struct sample s = plain;
    s.dictionary_offset = 4;
    s.data_offset = 40;
    s.codec = 6;
    s.field_id = 17;
    s.index_offset = 800;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, parse(t, &s, &a, &m));
    assert_int_equal(m.schema.count, 1);
    assert_string_equal(m.schema.fields[0].name, "x");
    assert_int_equal(m.schema.fields[0].id, 17);
    assert_true(m.schema.fields[0].nullable && m.columns[0].optional);
    assert_int_equal(m.rows, 10);
    assert_int_equal(m.group_count, 1);
    assert_true(slice_is(m.created_by, "a test"));
    assert_int_equal(m.key_value_count, 1);
    assert_true(slice_is(m.key_values[0].key, "key"));
    assert_null(m.key_values[0].value.ptr);
    const struct pq_chunk *c = &m.groups[0].chunks[0];
    assert_int_equal(c->codec, 6);
    assert_int_equal(c->value_count, 10);
    assert_int_equal(c->data_page_offset, 40);
    assert_int_equal(c->dictionary_page_offset, 4);
    assert_int_equal(c->compressed_bytes, 100);
    assert_int_equal(c->uncompressed_bytes, 500);
    assert_true(slice_is(c->min_value, "min") && slice_is(c->max_value, "max"));
    assert_int_equal(c->null_count, 4);
    assert_int_equal(c->offset_index_offset, 800);
    assert_int_equal(c->offset_index_bytes, 20);
    assert_int_equal(c->column_index_offset, 0);
    arena_fini(&a);
}

static void types_are_those_of_arrow(void **state)
{
    struct t *t = *state;
    static const struct {
        int physical;
        int length;
        int converted;
        int logical;
        int unit;
        int bits;
        bool flag;
        int precision;
        int scale;
        const char *type;
    } cases[] = {
        {PQ_BOOLEAN, 0, NONE, 0, 0, 0, 0, 0, 0, "bool"},
        {PQ_INT32, 0, NONE, 0, 0, 0, 0, 0, 0, "int32"},
        {PQ_INT64, 0, NONE, 0, 0, 0, 0, 0, 0, "int64"},
        {PQ_INT96, 0, NONE, 0, 0, 0, 0, 0, 0, "timestamp[ns]"},
        {PQ_FLOAT, 0, NONE, 0, 0, 0, 0, 0, 0, "float"},
        {PQ_DOUBLE, 0, NONE, 0, 0, 0, 0, 0, 0, "double"},
        {PQ_BYTE_ARRAY, 0, NONE, 0, 0, 0, 0, 0, 0, "binary"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 7, NONE, 0, 0, 0, 0, 0, 0, "fixed_binary(7)"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 16, NONE, 14, 0, 0, 0, 0, 0, "fixed_binary(16)"},
        {PQ_BYTE_ARRAY, 0, 0, 0, 0, 0, 0, 0, 0, "string"},
        {PQ_BYTE_ARRAY, 0, 4, 0, 0, 0, 0, 0, 0, "string"},
        {PQ_BYTE_ARRAY, 0, 19, 0, 0, 0, 0, 0, 0, "string"},
        {PQ_BYTE_ARRAY, 0, 20, 0, 0, 0, 0, 0, 0, "binary"},
        {PQ_BYTE_ARRAY, 0, NONE, 1, 0, 0, 0, 0, 0, "string"},
        {PQ_BYTE_ARRAY, 0, NONE, 12, 0, 0, 0, 0, 0, "string"},
        {PQ_BYTE_ARRAY, 0, NONE, 99, 0, 0, 0, 0, 0, "binary"},
        {PQ_INT32, 0, NONE, 1, 0, 0, 0, 0, 0, "int32"},
        {PQ_INT32, 0, 6, 0, 0, 0, 0, 0, 0, "date"},
        {PQ_INT32, 0, NONE, 6, 0, 0, 0, 0, 0, "date"},
        {PQ_INT64, 0, 9, 0, 0, 0, 0, 0, 0, "timestamp[ms, UTC]"},
        {PQ_INT64, 0, 10, 0, 0, 0, 0, 0, 0, "timestamp[us, UTC]"},
        {PQ_INT64, 0, 10, 8, 2, 0, false, 0, 0, "timestamp[us]"},
        {PQ_INT64, 0, NONE, 8, 1, 0, true, 0, 0, "timestamp[ms, UTC]"},
        {PQ_INT64, 0, NONE, 8, 3, 0, false, 0, 0, "timestamp[ns]"},
        {PQ_INT32, 0, 11, 0, 0, 0, 0, 0, 0, "uint8"},
        {PQ_INT32, 0, 12, 0, 0, 0, 0, 0, 0, "uint16"},
        {PQ_INT32, 0, 13, 0, 0, 0, 0, 0, 0, "uint32"},
        {PQ_INT64, 0, 14, 0, 0, 0, 0, 0, 0, "uint64"},
        {PQ_INT32, 0, 15, 0, 0, 0, 0, 0, 0, "int8"},
        {PQ_INT32, 0, 16, 0, 0, 0, 0, 0, 0, "int16"},
        {PQ_INT32, 0, 17, 0, 0, 0, 0, 0, 0, "int32"},
        {PQ_INT64, 0, 18, 0, 0, 0, 0, 0, 0, "int64"},
        {PQ_INT32, 0, NONE, 10, 0, 8, true, 0, 0, "int8"},
        {PQ_INT32, 0, NONE, 10, 0, 16, false, 0, 0, "uint16"},
        {PQ_INT64, 0, NONE, 10, 0, 64, false, 0, 0, "uint64"},
        {PQ_INT32, 0, NONE, 10, 0, 64, false, 0, 0, "int32"},
        {PQ_INT32, 0, 5, 0, 0, 0, 0, 9, 2, "decimal(9, 2)"},
        {PQ_INT64, 0, NONE, 5, 0, 0, 0, 18, 0, "decimal(18, 0)"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 16, NONE, 5, 0, 0, 0, 38, 38, "decimal(38, 38)"},
        {PQ_BYTE_ARRAY, 0, NONE, 5, 0, 0, 0, 4, 1, "decimal(4, 1)"},
        {PQ_DOUBLE, 0, NONE, 5, 0, 0, 0, 4, 1, "double"},
        {PQ_INT32, 0, NONE, 11, 0, 0, 0, 0, 0, "null"},
        {PQ_INT32, 0, 7, 0, 0, 0, 0, 0, 0, "time32[ms]"},
        {PQ_INT64, 0, 7, 0, 0, 0, 0, 0, 0, "int64"},
        {PQ_INT64, 0, 8, 0, 0, 0, 0, 0, 0, "time64[us]"},
        {PQ_INT32, 0, NONE, 7, 1, 0, 0, 0, 0, "time32[ms]"},
        {PQ_INT64, 0, NONE, 7, 3, 0, 0, 0, 0, "time64[ns]"},
        {PQ_INT32, 0, NONE, 7, 2, 0, 0, 0, 0, "int32"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 12, 21, 0, 0, 0, 0, 0, 0, "interval"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 11, 21, 0, 0, 0, 0, 0, 0, "fixed_binary(11)"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 2, NONE, 15, 0, 0, 0, 0, 0, "float16"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 3, NONE, 15, 0, 0, 0, 0, 0, "fixed_binary(3)"},
        {PQ_FIXED_LEN_BYTE_ARRAY, 32, NONE, 5, 0, 0, 0, 76, 5, "decimal256(76, 5)"},
        {PQ_BYTE_ARRAY, 0, NONE, 5, 0, 0, 0, 39, 0, "decimal256(39, 0)"},
        {PQ_BYTE_ARRAY, 0, NONE, 17, 0, 0, 0, 0, 0, "binary"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        struct pq_meta m;
        struct sample s = plain;
        char type[64];
        s.physical = s.chunk_physical = cases[i].physical;
        s.type_length = cases[i].length;
        s.converted = cases[i].converted;
        s.logical = cases[i].logical;
        s.unit = cases[i].unit;
        s.bits = cases[i].bits;
        s.flag = cases[i].flag;
        s.precision = cases[i].precision;
        s.scale = cases[i].scale;
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, parse(t, &s, &a, &m));
        arr_type_format(m.schema.fields[0].type, type, sizeof type);
        assert_string_equal(type, cases[i].type);
        assert_true(arr_type_equal(m.columns[0].type, m.schema.fields[0].type));
        arena_fini(&a);
    }
}

/* One change to the plain sample and what is answered; `has` NULL means it is read. */
static void answer(struct t *t, struct sample s, slp_rc rc, const char *has)
{
    struct arena a;
    struct pq_meta m = {.rows = -7};
    arena_init(&a, &t->mem, 1 << 20);
    assert_rc(t, parse(t, &s, &a, &m), rc);
    if (rc != SLP_OK) {
        assert_err_has(t, has);
        assert_int_equal(m.rows, -7);
    }
    arena_fini(&a);
}

#define ANSWER(rc, has, ...)                                                                       \
    do {                                                                                           \
        struct sample s = plain;                                                                   \
        __VA_ARGS__;                                                                               \
        answer(t, s, SLP_##rc, has);                                                               \
    } while (0)

static void what_is_not_read_is_refused_by_name(void **state)
{
    struct t *t = *state;
    ANSWER(UNSUPPORTED, "column \"x\": a group without members", s.physical = NONE);
    ANSWER(UNSUPPORTED, "column \"x\": the unit of its times of day", s.logical = 7);
    ANSWER(UNSUPPORTED, "unit of its timestamps", s.logical = 8);
    ANSWER(UNSUPPORTED, "decimals of 77 digits", s.logical = 5; s.precision = 77);
    ANSWER(UNSUPPORTED, "decimals of 65 bytes", s.logical = 5; s.precision = 38;
           s.physical = s.chunk_physical = PQ_FIXED_LEN_BYTE_ARRAY; s.type_length = 65);
    ANSWER(UNSUPPORTED, "row group 0: column \"x\": encrypted: ", s.is_encrypted = true);
    ANSWER(UNSUPPORTED, "column \"x\": columns in another file", s.file_path = "other");
    ANSWER(OK, NULL, s.file_path = "");
    ANSWER(OK, NULL, s.codec = 77);
}

static void impossible_numbers_are_corrupt(void **state)
{
    struct t *t = *state;
    ANSWER(CORRUPT, "without a schema", s.no_schema = true);
    ANSWER(CORRUPT, "1 children missing", s.root_children = 2);
    ANSWER(CORRUPT, "physical type -7", s.physical = -7);
    ANSWER(CORRUPT, "physical type 8", s.physical = 8);
    ANSWER(CORRUPT, "2 children", s.children = 2);
    ANSWER(CORRUPT, "39 digits stored as an integer", s.logical = 5; s.precision = 39);
    ANSWER(CORRUPT, "repetition 3", s.repetition = 3);
    ANSWER(CORRUPT, "fixed binary of 0 bytes", s.physical = PQ_FIXED_LEN_BYTE_ARRAY);
    ANSWER(CORRUPT, "fixed binary of -1 bytes", s.physical = PQ_FIXED_LEN_BYTE_ARRAY;
           s.type_length = -1);
    ANSWER(CORRUPT, "decimal(0, 0)", s.logical = 5);
    ANSWER(CORRUPT, "decimal(3, 4)", s.logical = 5; s.precision = 3; s.scale = 4);
    ANSWER(CORRUPT, "decimal(3, -1)", s.logical = 5; s.precision = 3; s.scale = -1);
    ANSWER(CORRUPT, "10 rows in the row groups, 11 in the file", s.file_rows = 11);
    ANSWER(CORRUPT, "9 values in a row group of 10", s.values = 9);
    ANSWER(CORRUPT, "without columns or rows", s.group_rows = -1);
    ANSWER(CORRUPT, "a chunk without metadata", s.no_chunk_meta = true);
    ANSWER(CORRUPT, "another column", s.path = "y");
    ANSWER(CORRUPT, "another column", s.chunk_physical = PQ_INT32);
    ANSWER(CORRUPT, "codec -1", s.codec = -1);
    ANSWER(CORRUPT, "at offset 3", s.data_offset = 3);
    ANSWER(CORRUPT, "at offset -1", s.data_offset = -1);
    ANSWER(CORRUPT, "at offset 901", s.data_offset = 901);
    ANSWER(CORRUPT, "-1 bytes", s.compressed = -1);
    ANSWER(CORRUPT, "bytes at offset 4", s.compressed = INT64_MAX);
    ANSWER(CORRUPT, "bytes at offset 4", s.dictionary_offset = 4; s.data_offset = 105);
    ANSWER(OK, NULL, s.data_offset = 900);
}

static void offsets_of_nothing_are_not_looked_at(void **state)
{
    struct t *t = *state;
    ANSWER(OK, NULL, s.file_rows = s.group_rows = s.values = 0; s.data_offset = -5);
}

static void a_dictionary_that_is_not_before_the_data_is_none(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct pq_meta m;
    struct sample s = plain;
    s.dictionary_offset = 50;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, parse(t, &s, &a, &m));
    assert_int_equal(m.groups[0].chunks[0].dictionary_page_offset, 0);
    assert_int_equal(m.groups[0].chunks[0].data_page_offset, 4);
    arena_fini(&a);
}

static void bounds_without_an_order_hold_for_signed_numbers_alone(void **state)
{
    struct t *t = *state;
    for (int i = 0; i < 8; i++) {
        struct arena a;
        struct pq_meta m;
        struct sample s = plain;
        bool is_signed = i & 1;
        s.physical = s.chunk_physical = is_signed ? PQ_INT64 : PQ_BYTE_ARRAY;
        s.no_orders = i & 2;
        s.old_bounds = i & 4;
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, parse(t, &s, &a, &m));
        bool has = m.groups[0].chunks[0].min_value.ptr != NULL;
        assert_int_equal(has, is_signed || (!s.no_orders && !s.old_bounds));
        arena_fini(&a);
    }
}

static void cut_metadata_is_corrupt_at_every_byte(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    buf_init(&bytes, &t->mem, 1 << 20);
    struct sample s = plain;
    s.logical = 8;
    s.unit = 2;
    encode(t, &s, &bytes);
    for (size_t n = 0; n < bytes.len; n++) {
        struct arena a;
        struct pq_meta m;
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pq_meta_parse(slice_of(bytes.ptr, n), FILE_BYTES, &a, &m, &t->err);
        assert_int_equal(rc, SLP_CORRUPT);
        arena_fini(&a);
    }
    buf_fini(&bytes);
}

/* Any byte may be any other: an answer comes, memory stays near the input's size. */
static void changed_metadata_is_read_or_refused(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    buf_init(&bytes, &t->mem, 1 << 20);
    encode(t, &plain, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t kept = bytes.ptr[i];
        for (unsigned v = 0; v < 256; v += 3) {
            struct arena a;
            struct pq_meta m;
            bytes.ptr[i] = (uint8_t)v;
            arena_init(&a, &t->mem, 1 << 18);
            slp_rc rc = pq_meta_parse(buf_slice(&bytes), FILE_BYTES, &a, &m, &t->err);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED);
            arena_fini(&a);
        }
        bytes.ptr[i] = kept;
    }
    buf_fini(&bytes);
}

static void metadata_survives_every_fault(void **state)
{
    struct t *t = *state;
    static uint8_t copy[2000];
    struct buf bytes;
    buf_init(&bytes, &t->mem, sizeof copy);
    encode(t, &plain, &bytes);
    size_t n = bytes.len;
    memcpy(copy, bytes.ptr, n);
    buf_fini(&bytes);
    T_FAULT_LOOP(t) {
        struct arena a;
        struct pq_meta m;
        arena_init(&a, &t->mem, 1 << 20);
        slp_rc rc = pq_meta_parse(slice_of(copy, n), FILE_BYTES, &a, &m, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        arena_fini(&a);
    }
}

T_MAIN(T_TEST(metadata_is_what_the_footer_says), T_TEST(types_are_those_of_arrow),
       T_TEST(what_is_not_read_is_refused_by_name), T_TEST(impossible_numbers_are_corrupt),
       T_TEST(offsets_of_nothing_are_not_looked_at),
       T_TEST(a_dictionary_that_is_not_before_the_data_is_none),
       T_TEST(bounds_without_an_order_hold_for_signed_numbers_alone),
       T_TEST(cut_metadata_is_corrupt_at_every_byte), T_TEST(changed_metadata_is_read_or_refused),
       T_TEST(metadata_survives_every_fault))
