#include "datafile/index.h"

#include "base/hash.h"
#include "base/num.h"
#include "datafile/datafile.h"
#include "lib/t.h"

#define KEY(text)                                                                                  \
    {                                                                                              \
        .bytes = {(const uint8_t *)(text), sizeof(text) - 1 }                                      \
    }

/* The example of docs/format/datafile.md. */
static struct index_key vector_keys[] = {KEY("\x02"
                                             "a\0\0"),
                                         KEY("\x02"
                                             "ab\0\0")};
static int64_t vector_rows[] = {0, 64, 100};
static struct index_part vector_parts[] = {{.first_block = 0, .block_count = 2}};
static struct index_chunk vector_chunks[] = {
    {.codec = 6, .dictionary_bytes = 20, .dictionary_offset = 4}, {.codec = 6}};
static uint64_t vector_offsets[] = {24, 85, 54, 125};
static uint32_t vector_bytes[] = {30, 40, 31, 41};
static const struct index_slice vector_slice = {.block_count = 2,
                                                .keys = vector_keys,
                                                .first_rows = vector_rows,
                                                .parts = vector_parts,
                                                .part_count = 1,
                                                .chunks = vector_chunks,
                                                .offsets = vector_offsets,
                                                .bytes = vector_bytes};
static const struct index_column vector_columns[] = {
    {.field_id = 1, .type = {.kind = ARR_UTF8}},
    {.field_id = 2, .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .nullable = true}};
#define SLICE_AT 166u

static struct index_top vector_top(struct index_slice_place *place, size_t slice_bytes)
{
    *place = (struct index_slice_place){
        .key = vector_keys[0], .rows = 100, .bytes = (uint32_t)slice_bytes};
    return (struct index_top){.key_version = KEY_VERSION,
                              .rows = 100,
                              .block_count = 2,
                              .group_count = 1,
                              .columns = vector_columns,
                              .column_count = 2,
                              .slices = place,
                              .slice_count = 1,
                              .last_key = slice_of("\x02z\0\0", 4)};
}

struct vector {
    struct buf slice;
    struct buf top;
};

static void vector_init(struct t *t, struct vector *v)
{
    struct index_slice_place place;
    buf_init(&v->slice, &t->mem, 1 << 16);
    buf_init(&v->top, &t->mem, 1 << 16);
    assert_ok(t, datafile_slice_encode(&vector_slice, 2, &v->slice, &t->err));
    struct index_top top = vector_top(&place, v->slice.len);
    assert_ok(t, datafile_top_encode(&top, &v->top, &t->err));
}

static void vector_fini(struct vector *v)
{
    buf_fini(&v->slice);
    buf_fini(&v->top);
}

static slp_rc decode(struct t *t, const struct vector *v, struct arena *a, struct index_top *top,
                     struct index_slice *slice)
{
    TRY(datafile_top_decode(buf_slice(&v->top), SLICE_AT + v->slice.len, SLICE_AT, a, top,
                            &t->err));
    return datafile_slice_decode(buf_slice(&v->slice), top, 0, a, slice, &t->err);
}

static void bytes_are_those_of_the_specification(void **state)
{
    static const uint8_t slice[] = {
        'S',  'L',  'K',  'S',  0x01, 0x00, 0x02,             /* version, first block, blocks */
        0x00, 0x04, 0x02, 0x61, 0x00, 0x00,                   /* key of block 0 */
        0x04, 0x03, 0x62, 0x00, 0x00,                         /* key of block 1: 2 bytes shared */
        0x40, 0x24, 0x00, 0x01, 0x02,                         /* rows, row group, parts, blocks */
        0x06, 0x14, 0x04, 0x18, 0x1e, 0x1f, 0x06, 0x00, 0x55, /* chunks */
        0x28, 0x29, 0x00};
    static const uint8_t top[] = {'S',  'L',  'K',  'T',  0x01, 0x01, 0x64, 0x02,
                                  0x01, /* versions, rows, blocks, groups */
                                  0x02, 0x01, 0x0e, 0x00, 0x02, 0x0d, 0x01, 0x02, /* columns */
                                  0x64, 0x27, 0x00, 0x04, 0x02, 0x61, 0x00, 0x00, /* slice 0 */
                                  0x04, 0x02, 0x7a, 0x00, 0x00, 0x00}; /* last key, end of fields */
    struct t *t = *state;
    struct vector v;
    vector_init(t, &v);
    assert_int_equal(v.slice.len, sizeof slice + 4);
    assert_memory_equal(v.slice.ptr, slice, sizeof slice);
    assert_int_equal(v.top.len, sizeof top + 4);
    assert_memory_equal(v.top.ptr, top, sizeof top);
    assert_int_equal(num_load_u32le(v.slice.ptr + sizeof slice), 0x330fd803);
    assert_int_equal(num_load_u32le(v.top.ptr + sizeof top), 0x043ccc74);
    vector_fini(&v);
}

static void what_was_encoded_is_decoded(void **state)
{
    struct t *t = *state;
    struct vector v;
    struct arena a;
    struct index_top top;
    struct index_slice s;
    vector_init(t, &v);
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, decode(t, &v, &a, &top, &s));
    assert_int_equal(top.rows, 100);
    assert_int_equal(top.column_count, 2);
    assert_true(arr_type_equal(top.columns[1].type, vector_columns[1].type));
    assert_true(top.columns[1].nullable && !top.columns[0].nullable);
    assert_true(slice_equal(top.last_key, slice_of("\x02z\0\0", 4)));
    assert_int_equal(s.block_count, 2);
    assert_true(slice_equal(s.keys[1].bytes, vector_keys[1].bytes));
    assert_memory_equal(s.first_rows, vector_rows, sizeof vector_rows);
    assert_memory_equal(s.offsets, vector_offsets, sizeof vector_offsets);
    assert_memory_equal(s.bytes, vector_bytes, sizeof vector_bytes);
    assert_int_equal(s.chunks[0].dictionary_offset, 4);
    assert_int_equal(s.chunks[1].dictionary_bytes, 0);
    arena_fini(&a);
    vector_fini(&v);
}

static void every_flipped_byte_is_found(void **state)
{
    struct t *t = *state;
    struct vector v;
    vector_init(t, &v);
    for (int which = 0; which < 2; which++) {
        struct buf *b = which ? &v.top : &v.slice;
        for (size_t i = 0; i < b->len; i++) {
            struct arena a;
            struct index_top top;
            struct index_slice s;
            arena_init(&a, &t->mem, 1 << 20);
            b->ptr[i] ^= 0x10;
            assert_rc(t, decode(t, &v, &a, &top, &s), SLP_CORRUPT);
            b->ptr[i] ^= 0x10;
            arena_fini(&a);
        }
    }
    vector_fini(&v);
}

/* Make the CRC right again, so that what lies behind it is looked at. */
static void seal(struct buf *b)
{
    uint32_t crc = hash_crc32c(0, slice_first(buf_slice(b), b->len - 4));
    num_store_u32le(b->ptr + b->len - 4, crc);
}

/* Whatever a byte is changed to behind a right CRC, decoding ends in an answer or an error. */
static void sealed_damage_never_crashes(void **state)
{
    struct t *t = *state;
    struct vector v;
    vector_init(t, &v);
    for (int round = 0; round < 20000; round++) {
        struct buf *b = t_below(t, 2) ? &v.top : &v.slice;
        struct arena a;
        struct index_top top;
        struct index_slice s;
        size_t at = t_below(t, b->len - 4);
        uint8_t old = b->ptr[at];
        b->ptr[at] = (uint8_t)t_random(t);
        seal(b);
        arena_init(&a, &t->mem, 1 << 24);
        slp_rc rc = decode(t, &v, &a, &top, &s);
        assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED);
        b->ptr[at] = old;
        seal(b);
        arena_fini(&a);
    }
    vector_fini(&v);
}

/* Replace the byte at `at` of the top and say what must come of it. */
static void assert_top_refused(struct t *t, size_t at, uint8_t byte, slp_rc want, const char *text)
{
    struct vector v;
    struct arena a;
    struct index_top top;
    struct index_slice s;
    vector_init(t, &v);
    arena_init(&a, &t->mem, 1 << 20);
    v.top.ptr[at] = byte;
    seal(&v.top);
    assert_rc(t, decode(t, &v, &a, &top, &s), want);
    assert_err_has(t, text);
    arena_fini(&a);
    vector_fini(&v);
}

static void newer_versions_and_types_are_refused_by_name(void **state)
{
    struct t *t = *state;
    assert_top_refused(t, 4, 2, SLP_UNSUPPORTED, "version 2 of the key index");
    assert_top_refused(t, 5, 2, SLP_UNSUPPORTED, "keys of version 2");
    assert_top_refused(t, 11, ARR_LIST, SLP_UNSUPPORTED, "type 24");
    assert_top_refused(t, 12, 8, SLP_CORRUPT, "flags 8 of a column");
}

static void nested_columns_have_levels_in_the_top(void **state)
{
    struct t *t = *state;
    static const uint8_t bytes[] = {0x03, 0x04, 0x05, 0x03, 0x01};
    static const struct index_column columns[] = {
        {.field_id = 1, .type = {.kind = ARR_TIME64, .unit = ARR_NANO, .utc = true}},
        {.field_id = 3,
         .type = {.kind = ARR_INT32},
         .nullable = true,
         .is_nested = true,
         .definition_max = 3,
         .repetition_max = 1}};
    struct index_slice_place place;
    struct index_top got = {0};
    struct arena a;
    struct buf out;
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&out, &t->mem, 1 << 16);
    struct index_top top = vector_top(&place, 50);
    top.columns = columns;
    assert_ok(t, datafile_top_encode(&top, &out, &t->err));
    assert_non_null(memmem(out.ptr, out.len, bytes, sizeof bytes));
    assert_ok(t, datafile_top_decode(buf_slice(&out), 250, 200, &a, &got, &t->err));
    for (size_t i = 0; i < 2; i++) {
        assert_true(arr_type_equal(got.columns[i].type, columns[i].type));
        assert_int_equal(got.columns[i].field_id, columns[i].field_id);
        assert_int_equal(got.columns[i].nullable, columns[i].nullable);
        assert_int_equal(got.columns[i].is_nested, columns[i].is_nested);
        assert_int_equal(got.columns[i].definition_max, columns[i].definition_max);
        assert_int_equal(got.columns[i].repetition_max, columns[i].repetition_max);
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void counts_that_do_not_add_up_are_refused(void **state)
{
    struct t *t = *state;
    assert_top_refused(t, 6, 0x63, SLP_CORRUPT, "expected at most");
    assert_top_refused(t, 7, 3, SLP_CORRUPT, "expected");
    assert_top_refused(t, 8, 0, SLP_CORRUPT, "expected at least 1");
    assert_top_refused(t, 18, 0x26, SLP_CORRUPT, "end at offset");
}

/* Put a field before the end of the fields of an encoded top. */
static slp_rc decode_with_field(struct t *t, uint8_t tag)
{
    struct vector v;
    struct arena a;
    struct index_top top;
    struct index_slice s;
    vector_init(t, &v);
    arena_init(&a, &t->mem, 1 << 20);
    v.top.len -= 5;
    assert_ok(t, buf_append_u8(&v.top, tag, &t->err));
    assert_ok(t, buf_append(&v.top, "\x02xy\0....", 8, &t->err));
    seal(&v.top);
    slp_rc rc = decode(t, &v, &a, &top, &s);
    arena_fini(&a);
    vector_fini(&v);
    return rc;
}

static void even_fields_are_ignored_and_odd_ones_refused(void **state)
{
    struct t *t = *state;
    assert_int_equal(decode_with_field(t, 6), SLP_OK);
    assert_int_equal(decode_with_field(t, 7), SLP_UNSUPPORTED);
    assert_err_has(t, "field 7 is not known");
}

static void cut_bytes_are_refused(void **state)
{
    struct t *t = *state;
    struct vector v;
    vector_init(t, &v);
    for (size_t len = 0; len < v.top.len; len++) {
        struct arena a;
        struct index_top top;
        arena_init(&a, &t->mem, 1 << 20);
        assert_rc(t,
                  datafile_top_decode(slice_first(buf_slice(&v.top), len), 1000, SLICE_AT, &a, &top,
                                      &t->err),
                  SLP_CORRUPT);
        arena_fini(&a);
    }
    vector_fini(&v);
}

static void coding_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct vector v;
    vector_init(t, &v);
    T_FAULT_LOOP(t) {
        struct arena a;
        struct buf out;
        struct index_top top = {.rows = 7};
        struct index_slice s;
        arena_init(&a, &t->mem, 1 << 20);
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = decode(t, &v, &a, &top, &s);
        if (rc == SLP_OK)
            rc = datafile_slice_encode(&s, top.column_count, &out, &t->err);
        if (rc == SLP_OK)
            rc = datafile_top_encode(&top, &out, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        if (rc == SLP_OK) {
            assert_int_equal(out.len, v.slice.len + v.top.len);
            assert_memory_equal(out.ptr, v.slice.ptr, v.slice.len);
            assert_memory_equal(out.ptr + v.slice.len, v.top.ptr, v.top.len);
        }
        buf_fini(&out);
        arena_fini(&a);
    }
    vector_fini(&v);
}

T_MAIN(T_TEST(bytes_are_those_of_the_specification), T_TEST(what_was_encoded_is_decoded),
       T_TEST(every_flipped_byte_is_found), T_TEST(sealed_damage_never_crashes),
       T_TEST(newer_versions_and_types_are_refused_by_name),
       T_TEST(nested_columns_have_levels_in_the_top), T_TEST(counts_that_do_not_add_up_are_refused),
       T_TEST(even_fields_are_ignored_and_odd_ones_refused), T_TEST(cut_bytes_are_refused),
       T_TEST(coding_survives_every_fault))
