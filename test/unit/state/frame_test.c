#include "state/frame.h"

#include "base/num.h"
#include "state/wire.h"

#include "lib/t.h"
#include "unit/state/golden.h"
#include "unit/state/helpers.h"

/* A frame 2 that says "file down 7.0.0" and "file down 7.0.1". */
static void sample(struct t *t, struct buf *out)
{
    struct buf txns;
    struct hash128 previous = hash_xxh128(slice_str("frame 1"));
    struct state_id ids[2] = {id_of(7, 0, 0), id_of(7, 0, 1)};
    buf_init(&txns, &t->mem, STATE_TXN_MAX_BYTES);
    for (size_t i = 0; i < 2; i++) {
        struct state_txn txn = txn_of(STATE_FILE_DOWN, 2);
        txn.file_down = (struct state_file_down){.files = &ids[i], .count = 1};
        assert_ok(t, state_txn_encode(&txn, &txns, &t->err));
    }
    buf_init(out, &t->mem, STATE_FRAME_MAX_BYTES);
    assert_ok(t, state_frame_encode(2, previous, buf_slice(&txns), 2, out, &t->err));
    buf_fini(&txns);
}

static slp_rc decode(struct t *t, struct slice bytes, struct state_frame *out)
{
    struct arena a;
    arena_init(&a, &t->mem, 1 << 24);
    slp_rc rc = state_frame_decode(bytes, &a, out, &t->err);
    arena_fini(&a);
    return rc;
}

static const char golden[] =
    "534c4545504c4f4701000000417372d50200000000000000008e4af557bb8dba628036fc"
    "9cfad9d602000000000000003a000000000000001c0801002af894fe72f36e3c02000000"
    "0000000001d00f0001030700001c0801002af894fe72f36e3c020000000000000001d00f"
    "000103070001";

static void a_frame_has_the_bytes_of_format_1(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct buf hex;
    struct state_frame frame;
    sample(t, &bytes);
    buf_init(&hex, &t->mem, 1 << 20);
    assert_ok(t, state_hex(buf_slice(&bytes), &hex, &t->err));
    if (!slice_is(buf_slice(&hex), golden))
        print_error("%.*s\n", SLICE_ARG(buf_slice(&hex)));
    assert_true(slice_is(buf_slice(&hex), golden));
    assert_ok(t, decode(t, buf_slice(&bytes), &frame));
    assert_int_equal(frame.number, 2);
    assert_int_equal(frame.txn_count, 2);
    assert_int_equal(frame.bodies.len, 0);
    assert_true(hash_equal(frame.previous, hash_xxh128(slice_str("frame 1"))));
    buf_fini(&hex);
    buf_fini(&bytes);
}

static void every_flipped_bit_is_corrupt_with_an_offset(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct state_frame frame;
    sample(t, &bytes);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
        assert_err_has(t, "offset");
        bytes.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    buf_fini(&bytes);
}

static void every_truncated_or_longer_frame_is_corrupt(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct state_frame frame;
    sample(t, &bytes);
    for (size_t n = 0; n < bytes.len; n++)
        assert_rc(t, decode(t, slice_first(buf_slice(&bytes), n), &frame), SLP_CORRUPT);
    assert_ok(t, buf_append_u8(&bytes, 0, &t->err));
    assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
    buf_fini(&bytes);
}

/* Make the checksum fit again after a change. */
static void seal(struct buf *bytes)
{
    uint32_t crc = hash_crc32c(0, slice_first(buf_slice(bytes), 12));
    crc = hash_crc32c(crc, slice_after(buf_slice(bytes), 16));
    num_store_u32le(bytes->ptr + 12, crc);
}

static void headers_that_lie_under_a_good_checksum_are_refused(void **state)
{
    static const struct {
        size_t at;
        uint32_t value;
        slp_rc rc;
        const char *says;
    } cases[] = {
        {8, 2, SLP_UNSUPPORTED, "format 2"},     {16, 0, SLP_CORRUPT, "frame 0"},
        {40, 0, SLP_CORRUPT, "0 transactions"},  {40, 10001, SLP_CORRUPT, "10001 transactions"},
        {40, 1, SLP_CORRUPT, "behind the last"}, {40, 3, SLP_CORRUPT, "transaction 2"},
        {44, 1, SLP_CORRUPT, "lengths"},         {48, 0xffffffff, SLP_CORRUPT, "lengths"},
        {52, 7, SLP_CORRUPT, "lengths"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf bytes;
        struct state_frame frame;
        sample(t, &bytes);
        num_store_u32le(bytes.ptr + cases[i].at, cases[i].value);
        seal(&bytes);
        assert_rc(t, decode(t, buf_slice(&bytes), &frame), cases[i].rc);
        assert_err_has(t, cases[i].says);
        buf_fini(&bytes);
    }
}

/* Frame fields: an odd one stops the reader, an even one does not; bodies may be there. */
static void fields_and_bodies_of_later_versions_are_told_apart(void **state)
{
    struct t *t = *state;
    for (uint8_t id = 1; id <= 4; id += 3) {
        struct buf bytes;
        struct buf more;
        struct state_frame frame;
        sample(t, &bytes);
        buf_init(&more, &t->mem, 1 << 20);
        assert_ok(t, buf_append(&more, bytes.ptr, STATE_FRAME_HEAD_BYTES, &t->err));
        assert_ok(t, buf_append_u8(&more, id, &t->err));
        assert_ok(t, buf_append_u8(&more, 0, &t->err));
        assert_ok(t, buf_append_slice(&more, slice_after(buf_slice(&bytes), STATE_FRAME_HEAD_BYTES),
                                      &t->err));
        assert_ok(t, buf_append(&more, "\0\4body", 6, &t->err));
        num_store_u32le(more.ptr + 44, 2);
        num_store_u32le(more.ptr + 52, 6);
        seal(&more);
        assert_rc(t, decode(t, buf_slice(&more), &frame), id == 1 ? SLP_UNSUPPORTED : SLP_OK);
        if (id == 1)
            assert_err_has(t, "the frame: field 1");
        else
            assert_true(slice_is(slice_after(frame.bodies, 2), "body"));
        buf_fini(&more);
        buf_fini(&bytes);
    }
}

/* Two adds of embedded files, the second of two; what waits in the inbox is noted. */
static void sample_embedded(struct t *t, uint64_t bytes_of_last, const char *bodies_end,
                            struct buf *out)
{
    struct buf txns;
    struct buf bodies;
    struct state_new_file files[3] = {file_of("", "a", "b", 1), file_of("", "c", "d", 2),
                                      file_of("", "e", "f", 3)};
    files[0].info.file_bytes = 5;
    files[1].info.file_bytes = bytes_of_last;
    files[2].info.file_bytes = 3;
    files[0].body = 1;
    files[1].body = 2;
    files[2].body = 1;
    buf_init(&txns, &t->mem, STATE_TXN_MAX_BYTES);
    buf_init(&bodies, &t->mem, STATE_FRAME_BODIES_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct state_txn txn = txn_of(STATE_ADD, 2 + i);
        txn.base = 1;
        txn.add = (struct state_add){.files = files + i, .count = 1 + i};
        assert_ok(t, state_txn_encode(&txn, &txns, &t->err));
    }
    assert_ok(t, state_bodies_append(&bodies, 0, slice_str("hello"), &t->err));
    assert_ok(t, state_bodies_append(&bodies, 1, slice_str("abc"), &t->err));
    assert_ok(t, state_bodies_append(&bodies, 1, slice_str(bodies_end), &t->err));
    struct state_frame_parts parts = {.number = 2,
                                      .previous = hash_xxh128(slice_str("frame 1")),
                                      .transactions = buf_slice(&txns),
                                      .txn_count = 2,
                                      .bodies = buf_slice(&bodies),
                                      .waiting = 300};
    buf_init(out, &t->mem, STATE_FRAME_MAX_BYTES);
    assert_ok(t, state_frame_encode_parts(&parts, out, &t->err));
    buf_fini(&bodies);
    buf_fini(&txns);
}

static void embedded_files_know_where_their_bytes_are_G4(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct buf hex;
    struct arena a;
    struct state_frame frame;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_outcome o;
    sample_embedded(t, 4, "last", &bytes);
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&hex, &t->mem, 1 << 20);
    assert_ok(t, state_hex(buf_slice(&bytes), &hex, &t->err));
    assert_ok(t, buf_append_u8(&hex, '\n', &t->err));
    golden_expect(t, "test/golden/state/frame_embedded.txt", buf_slice(&hex));
    assert_ok(t, state_frame_decode(buf_slice(&bytes), &a, &frame, &t->err));
    assert_int_equal(frame.waiting, 300);
    const struct state_new_file *files = frame.txns[1].add.files;
    assert_true(slice_is(slice_sub(buf_slice(&bytes), (size_t)files[0].body_offset, 4), "last"));
    assert_true(slice_is(slice_sub(buf_slice(&bytes), (size_t)files[1].body_offset, 3), "abc"));
    assert_ok(t, state_apply(s, &frame.txns[1], (struct state_position){.frame = 2, .index = 1}, &o,
                             &t->err));
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    const struct state_file **made = NULL;
    size_t count = 0;
    assert_ok(t, state_files(s, &a, &made, &count, &t->err));
    assert_int_equal(count, 2);
    char want[80];
    (void)snprintf(want, sizeof want, "data/02/%020d-log-%d.parquet", 2, (int)files[0].body_offset);
    assert_true(slice_is(made[0]->name, want)); /* its name once it is copied out */
    assert_int_equal(made[0]->log_offset, files[0].body_offset);
    state_free(s);
    buf_fini(&hex);
    buf_fini(&bytes);
    arena_fini(&a);
}

/* Rule G3: never a no-op. */
static void an_embedded_file_without_its_bytes_is_corrupt_G3(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct state_frame frame;
    sample_embedded(t, 4, "short", &bytes);
    assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
    assert_err_has(t, "its body at offset");
    buf_fini(&bytes);
    sample_embedded(t, 4, "last", &bytes);
    size_t cut = bytes.len - 6; /* without the last body */
    num_store_u32le(bytes.ptr + 52, num_load_u32le(bytes.ptr + 52) - 6);
    bytes.len = cut;
    seal(&bytes);
    assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
    assert_err_has(t, "body 2 of file 0 is missing");
    bytes.ptr[cut - 5] = 2;
    seal(&bytes);
    assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
    assert_err_has(t, "out of order");
    bytes.ptr[cut - 4] = 100;
    seal(&bytes);
    assert_rc(t, decode(t, buf_slice(&bytes), &frame), SLP_CORRUPT);
    assert_err_has(t, "longer than what it stands in");
    buf_fini(&bytes);
}

static void a_frame_prints_as_text(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    struct buf out;
    sample(t, &bytes);
    buf_init(&out, &t->mem, 1 << 20);
    assert_ok(t, state_frame_print(buf_slice(&bytes), &t->mem, &out, &t->err));
    assert_ok(t, buf_append_u8(&out, 0, &t->err));
    const char *text = (const char *)out.ptr;
    assert_non_null(strstr(text, "frame 2\n"));
    assert_non_null(strstr(text, "  2.0 file down txid "));
    assert_non_null(strstr(text, "base 1 time 1970-01-01T00:00:00.002000Z\n    file 7.0.0\n"));
    bytes.ptr[60] ^= 1;
    size_t len = out.len;
    assert_rc(t, state_frame_print(buf_slice(&bytes), &t->mem, &out, &t->err), SLP_CORRUPT);
    assert_int_equal(out.len, len);
    buf_fini(&out);
    buf_fini(&bytes);
}

static void faults_of_memory_are_told(void **state)
{
    struct t *t = *state;
    struct buf bytes;
    sample(t, &bytes);
    T_FAULT_LOOP(t) {
        struct buf out;
        buf_init(&out, &t->mem, 1 << 20);
        slp_rc rc = state_frame_print(buf_slice(&bytes), &t->mem, &out, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        buf_fini(&out);
    }
    buf_fini(&bytes);
}

T_MAIN(T_TEST(a_frame_has_the_bytes_of_format_1),
       T_TEST(every_flipped_bit_is_corrupt_with_an_offset),
       T_TEST(every_truncated_or_longer_frame_is_corrupt),
       T_TEST(headers_that_lie_under_a_good_checksum_are_refused),
       T_TEST(fields_and_bodies_of_later_versions_are_told_apart), T_TEST(a_frame_prints_as_text),
       T_TEST(embedded_files_know_where_their_bytes_are_G4),
       T_TEST(an_embedded_file_without_its_bytes_is_corrupt_G3), T_TEST(faults_of_memory_are_told))
