#include "parquet/bloom.h"

#include <stdio.h>

#include "base/num.h"
#include "lib/t.h"

#define BITS_MAX ((size_t)1 << 22)

static struct slice number(uint64_t *room, uint64_t v)
{
    num_store_u64le((uint8_t *)room, v);
    return slice_of((const uint8_t *)room, sizeof *room);
}

/* From the xxhash specification and reference implementation. */
static void the_hash_is_xxh64(void **state)
{
    (void)state;
    assert_int_equal(pq_bloom_hash(slice_str("")), 0xef46db3751d8e999u);
    assert_int_equal(pq_bloom_hash(slice_str("a")), 0xd24ec4f1a98c6e5bu);
    assert_int_equal(pq_bloom_hash(slice_str("abc")), 0x44bc2cf5ad770999u);
}

static void make(struct t *t, struct buf *room, size_t bytes, struct pq_bloom *out)
{
    buf_init(room, &t->mem, BITS_MAX);
    assert_ok(t, buf_resize(room, bytes, &t->err));
    *out = (struct pq_bloom){.bits = room->ptr, .bytes = bytes};
}

static void fill(struct pq_bloom *b, uint64_t count)
{
    uint64_t room = 0;
    for (uint64_t i = 0; i < count; i++)
        pq_bloom_add(b, pq_bloom_hash(number(&room, i)));
}

/* How many of values that are not there are taken for it. */
static double rate_of(const struct pq_bloom *b)
{
    uint64_t room = 0;
    unsigned wrong = 0;
    for (uint64_t i = 0; i < 20000; i++)
        wrong += pq_bloom_may_contain(b, pq_bloom_hash(number(&room, 1000000 + i)));
    return wrong / 20000.0;
}

static void what_was_added_is_found_at_every_size(void **state)
{
    struct t *t = *state;
    struct buf room;
    struct pq_bloom b;
    uint64_t value = 0;
    make(t, &room, pq_bloom_bytes_for(5000, 0.001), &b);
    fill(&b, 5000);
    for (size_t bytes = b.bytes; bytes >= PQ_BLOOM_MIN_BYTES; bytes /= 2) {
        pq_bloom_fold(&b, bytes);
        assert_int_equal(b.bytes, bytes);
        for (uint64_t i = 0; i < 5000; i++)
            assert_true(pq_bloom_may_contain(&b, pq_bloom_hash(number(&value, i))));
    }
    buf_fini(&room);
}

static void the_rate_asked_for_is_kept(void **state)
{
    struct t *t = *state;
    static const double rates[] = {0.1, 0.01, 0.001};
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        struct buf room;
        struct pq_bloom b;
        make(t, &room, pq_bloom_bytes_for(3000, rates[k]), &b);
        fill(&b, 3000);
        assert_true(rate_of(&b) <= rates[k] * 1.3);
        double folded = pq_bloom_rate(&b, true);
        assert_true(pq_bloom_rate(&b, false) < folded);
        pq_bloom_fold(&b, b.bytes / 2);
        assert_true(folded == pq_bloom_rate(&b, false));
        buf_fini(&room);
    }
}

static struct pq_values values_of(const int64_t *data, size_t count)
{
    return (struct pq_values){.physical = PQ_INT64,
                              .order = PQ_ORDER_INT64,
                              .width = sizeof *data,
                              .data = (const uint8_t *)data,
                              .count = count};
}

static void columns_that_repeat_have_small_filters(void **state)
{
    struct t *t = *state;
    static int64_t data[20000 + 2];
    struct buf out;
    struct buf scratch;
    struct memory_source source;
    struct pq_bloom b;
    struct buf room;
    for (size_t i = 0; i < 20000; i++)
        data[i] = (int64_t)(i % 100);
    const struct pq_values v = values_of(data, 20000);
    buf_init(&out, &t->mem, BITS_MAX);
    buf_init(&scratch, &t->mem, BITS_MAX);
    buf_init(&room, &t->mem, BITS_MAX);
    assert_ok(t, buf_append(&out, "before", 6, &t->err));
    assert_ok(t, pq_bloom_of(&v, v.count, 0.01, &scratch, &out, &t->err));
    source_memory_init(&source, "test", buf_slice(&out));
    for (unsigned known = 0; known < 2; known++) {
        uint32_t bytes = known ? (uint32_t)out.len - 6 : 0;
        source.base.rounds = 0;
        assert_ok(t, pq_bloom_read(&source.base, 6, bytes, &room, &b, &t->err));
        assert_true(b.bytes >= 128 && b.bytes <= 512);
        assert_true(source.base.rounds == 1 || !known);
        for (size_t i = 0; i < 100; i++)
            assert_true(pq_bloom_may_contain(
                &b, pq_bloom_hash(slice_of((const uint8_t *)&data[i], sizeof *data))));
        assert_true(rate_of(&b) <= 0.02);
    }
    buf_fini(&room);
    buf_fini(&scratch);
    buf_fini(&out);
}

/* Every prefix and every flipped bit of a filter's header is refused or gives a filter inside. */
static void damaged_headers_are_refused(void **state)
{
    struct t *t = *state;
    uint8_t bits[32] = {1};
    struct buf out;
    struct buf room;
    struct memory_source source;
    struct pq_bloom b = {.bits = bits, .bytes = sizeof bits};
    buf_init(&out, &t->mem, BITS_MAX);
    buf_init(&room, &t->mem, BITS_MAX);
    assert_ok(t, pq_bloom_write(&b, &out, &t->err));
    source_memory_init(&source, "test", buf_slice(&out));
    assert_ok(t, pq_bloom_read(&source.base, 0, 0, &room, &b, &t->err));
    assert_rc(t, pq_bloom_read(&source.base, out.len, 0, &room, &b, &t->err), SLP_CORRUPT);
    assert_rc(t, pq_bloom_read(&source.base, 1, (uint32_t)out.len, &room, &b, &t->err),
              SLP_CORRUPT);
    for (size_t bit = 0; bit < (out.len - sizeof bits) * 8; bit++) {
        out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
        slp_rc rc = pq_bloom_read(&source.base, 0, (uint32_t)out.len, &room, &b, &t->err);
        assert_true(rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED ||
                    (rc == SLP_OK && b.bits + b.bytes <= room.ptr + room.len));
        out.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 1; len < out.len; len++) {
        source_memory_init(&source, "test", slice_of(out.ptr, len));
        assert_rc(t, pq_bloom_read(&source.base, 0, 0, &room, &b, &t->err), SLP_CORRUPT);
    }
    buf_fini(&room);
    buf_fini(&out);
}

/* Files of parquet-java, with and without the length of the filter in the footer. */
static void filters_of_others_are_read(void **state)
{
    struct t *t = *state;
    static const struct {
        const char *name;
        uint64_t offset;
        uint32_t bytes;
    } files[] = {{"data_index_bloom_encoding_stats", 192, 0},
                 {"data_index_bloom_encoding_with_length", 253, 2064}};
    static const char *const there[] = {"Hello", "This is", "a", "test", "the quick", "dog"};
    const char *dir = t_data_dir();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        static char bytes[10000];
        struct memory_source source;
        struct pq_bloom b;
        struct buf room;
        buf_init(&room, &t->mem, BITS_MAX);
        (void)snprintf(path, sizeof path, "%s/parquet-testing/data/%s.parquet", dir, files[i].name);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t len = fread(bytes, 1, sizeof bytes, f);
        assert_int_equal(fclose(f), 0);
        source_memory_init(&source, path, slice_of((const uint8_t *)bytes, len));
        assert_ok(t,
                  pq_bloom_read(&source.base, files[i].offset, files[i].bytes, &room, &b, &t->err));
        for (size_t k = 0; k < sizeof there / sizeof *there; k++)
            assert_true(pq_bloom_may_contain(&b, pq_bloom_hash(slice_str(there[k]))));
        assert_false(pq_bloom_may_contain(&b, pq_bloom_hash(slice_str("not there"))));
        buf_fini(&room);
    }
}

static void making_survives_every_fault(void **state)
{
    struct t *t = *state;
    static int64_t data[500 + 2];
    for (size_t i = 0; i < 500; i++)
        data[i] = (int64_t)i;
    const struct pq_values v = values_of(data, 500);
    T_FAULT_LOOP(t) {
        struct buf out;
        struct buf scratch;
        buf_init(&out, &t->mem, BITS_MAX);
        buf_init(&scratch, &t->mem, BITS_MAX);
        slp_rc rc = pq_bloom_of(&v, v.count, 0.01, &scratch, &out, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        buf_fini(&scratch);
        buf_fini(&out);
    }
}

T_MAIN(T_TEST(the_hash_is_xxh64), T_TEST(what_was_added_is_found_at_every_size),
       T_TEST(the_rate_asked_for_is_kept), T_TEST(columns_that_repeat_have_small_filters),
       T_TEST(damaged_headers_are_refused), T_TEST(filters_of_others_are_read),
       T_TEST(making_survives_every_fault))
