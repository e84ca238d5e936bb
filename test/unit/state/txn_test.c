#include "state/txn.h"

#include <stdio.h>

#include "state/txn_priv.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

/* ---- One transaction of each kind ---- */

static struct state_new_file files[2];
static struct state_id ids[2];
static struct slice keys[2];
static struct state_split_cut cuts[2];
static struct state_assign_item assign_items[2];
static struct state_replace_item replace_items[1];
static struct state_fail_item fail_items[1];
static struct state_split_item split_items[1];
static struct state_cut_item cut_items[1];

static struct state_txn sample(enum state_kind kind)
{
    struct state_txn txn = {.kind = kind,
                            .rule_version = 1,
                            .base = 300,
                            .time_us = 1700000000000000,
                            .has_token = kind == STATE_ADD};
    for (uint8_t i = 0; i < 16; i++)
        txn.txid.bytes[i] = (uint8_t)(0xa0 + i);
    files[0] = file_of("data/00/a.parquet", "b", "k", 10);
    files[1] = file_of("data/00/b.parquet", "k", "w", 200);
    files[1].is_unfiled = true;
    files[1].extra = slice_of("\x40\x02hi", 4);
    ids[0] = id_of(12, 0, 3);
    ids[1] = id_of(400, 2, 0);
    keys[0] = slice_str("g");
    keys[1] = slice_str("p");
    cuts[0] = (struct state_split_cut){.file = ids[0], .key = 0, .row = 5};
    cuts[1] = (struct state_split_cut){.file = ids[1], .key = 1, .row = 300};
    assign_items[0] = (struct state_assign_item){
        .leaf = range_of("", "g"), .inputs = ids, .input_count = 2, .deadline_us = 1000};
    assign_items[1] =
        (struct state_assign_item){.leaf = range_of("p", NULL), .inputs = ids, .input_count = 1};
    replace_items[0] = (struct state_replace_item){.job = ids[1],
                                                   .attempt = 1,
                                                   .range = range_of("", "p"),
                                                   .outputs = files,
                                                   .output_count = 1};
    fail_items[0] = (struct state_fail_item){
        .job = ids[0], .attempt = 2, .range = range_of("g", NULL), .why = slice_str("late")};
    split_items[0] = (struct state_split_item){
        .leaf = range_of("", NULL), .keys = keys, .key_count = 2, .cuts = cuts, .cut_count = 2};
    cut_items[0] = (struct state_cut_item){
        .leaf = range_of("g", "p"), .file = ids[0], .row_lo = 3, .row_hi = 10};
    switch (kind) {
    case STATE_CREATE:
        txn.create = (struct state_create){.name = slice_str("t"),
                                           .table = txn.txid,
                                           .schema_json = slice_str("{}"),
                                           .key_version = 1,
                                           .split_points = keys,
                                           .split_point_count = 2};
        break;
    case STATE_ADD:
        txn.add = (struct state_add){.files = files, .count = 2};
        break;
    case STATE_ASSIGN:
        txn.assign = (struct state_assign){.items = assign_items, .count = 2};
        break;
    case STATE_REPLACE:
        txn.replace = (struct state_replace){.items = replace_items, .count = 1};
        break;
    case STATE_FAIL:
        txn.fail = (struct state_fail){.items = fail_items, .count = 1};
        break;
    case STATE_SPLIT:
        txn.split = (struct state_split){.items = split_items, .count = 1};
        break;
    case STATE_CUT:
        txn.cut = (struct state_cut){.items = cut_items, .count = 1};
        break;
    case STATE_FILE_DOWN:
        txn.file_down = (struct state_file_down){.files = ids, .count = 2};
        break;
    case STATE_VERIFIED:
        txn.verified = (struct state_verify){
            .root = slice_str("snap/b"), .number = 9, .parent = slice_str("snap/a"), .minted = 8};
        break;
    case STATE_CREATE_TABLE:
        txn.create_table =
            (struct state_create_table){.name = slice_str("flights"), .table = txn.txid};
        break;
    }
    return txn;
}

static const struct {
    enum state_kind kind;
    const char *hex;
} golden[] = {
    {STATE_CREATE, "40010100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000110a0a1a2"
                   "a3a4a5a6a7a8a9aaabacadaeaf03027b7d050101070167070170020174"},
    {STATE_ADD, "9f01020100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c4820301013a0111"
                "646174612f30302f612e7061727175657403016405010a07016209016b0b02ac020d0107"
                "0f02c8011102900313010915048486880817010101430111646174612f30302f622e7061"
                "72717565740302d00f0502c80107016b0901770b02ac020d01070f02c801110290031301"
                "0915048486880817010119010140026869"},
    {STATE_ASSIGN, "3c030100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000112030167"
                   "05030c00030504900302000702e807010801017005030c0003"},
    {STATE_REPLACE, "68040100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000148010490"
                    "030200030101070170093a0111646174612f30302f612e7061727175657403016405010a"
                    "07016209016b0b02ac020d01070f02c80111029003130109150484868808170101"},
    {STATE_FAIL, "31050100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c4820300011101030c"
                 "000303010205016702046c617465"},
    {STATE_SPLIT, "36060100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000116050167"
                  "05017007050c0003000507079003020001ac02"},
    {STATE_CUT, "31070100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000111010167"
                "03017005030c000307010309010a"},
    {STATE_FILE_DOWN, "29080100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c482030001030c0003"
                      "010490030200"},
    {STATE_VERIFIED, "34090100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c482030001"
                     "06736e61702f620301090506736e61702f61070108"},
    {STATE_CREATE_TABLE, "39400100a0a1a2a3a4a5a6a7a8a9aaabacadaeafac028080f9c0c1c48203000110a0a1a2"
                         "a3a4a5a6a7a8a9aaabacadaeaf0307666c6967687473"},
};
#define KINDS (sizeof golden / sizeof *golden)

static void encode(struct t *t, const struct state_txn *txn, struct buf *out)
{
    buf_init(out, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_txn_encode(txn, out, &t->err));
}

static void each_kind_has_the_bytes_of_format_1(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf bytes;
        struct buf hex;
        struct state_txn txn = sample(golden[i].kind);
        encode(t, &txn, &bytes);
        buf_init(&hex, &t->mem, 1 << 20);
        assert_ok(t, state_hex(buf_slice(&bytes), &hex, &t->err));
        if (!slice_is(buf_slice(&hex), golden[i].hex))
            print_error("%s: %.*s\n", state_kind_text(golden[i].kind), SLICE_ARG(buf_slice(&hex)));
        assert_true(slice_is(buf_slice(&hex), golden[i].hex));
        buf_fini(&hex);
        buf_fini(&bytes);
    }
}

static void print(struct t *t, const struct state_txn *txn, struct buf *out)
{
    buf_init(out, &t->mem, 1 << 20);
    assert_ok(t, state_txn_print(txn, out, &t->err));
}

static void decoding_gives_back_what_was_encoded(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf bytes;
        struct buf again;
        struct buf before;
        struct buf after;
        struct arena a;
        struct state_txn out;
        size_t used = 0;
        struct state_txn txn = sample(golden[i].kind);
        encode(t, &txn, &bytes);
        size_t len = bytes.len;
        assert_ok(t, buf_append(&bytes, "behind", 6, &t->err));
        arena_init(&a, &t->mem, 1 << 20);
        assert_ok(t, state_txn_decode(buf_slice(&bytes), 0, &a, &out, &used, &t->err));
        assert_int_equal(used, len);
        encode(t, &out, &again);
        assert_true(slice_equal(buf_slice(&again), slice_first(buf_slice(&bytes), len)));
        print(t, &txn, &before);
        print(t, &out, &after);
        assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
        buf_fini(&before);
        buf_fini(&after);
        buf_fini(&again);
        buf_fini(&bytes);
        arena_fini(&a);
    }
}

static slp_rc decode(struct t *t, const void *bytes, size_t len)
{
    struct arena a;
    struct state_txn out;
    size_t used = 0;
    arena_init(&a, &t->mem, 1 << 24);
    slp_rc rc = state_txn_decode(slice_of(bytes, len), 0, &a, &out, &used, &t->err);
    arena_fini(&a);
    return rc;
}

static void a_transaction_cut_anywhere_is_corrupt(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf bytes;
        struct state_txn txn = sample(golden[i].kind);
        encode(t, &txn, &bytes);
        for (size_t n = 0; n < bytes.len; n++) {
            assert_rc(t, decode(t, bytes.ptr, n), SLP_CORRUPT);
            assert_err_has(t, "offset");
        }
        buf_fini(&bytes);
    }
}

/* Whatever a bit turns into, it is told or it is another transaction; sanitizers watch. */
static void flipped_bits_never_do_worse_than_an_error(void **state)
{
    struct t *t = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct buf bytes;
        struct state_txn txn = sample(golden[i].kind);
        encode(t, &txn, &bytes);
        for (size_t bit = 0; bit < bytes.len * 8; bit++) {
            bytes.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            slp_rc rc = decode(t, bytes.ptr, bytes.len);
            assert_true(rc == SLP_OK || rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED);
            bytes.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
        buf_fini(&bytes);
    }
}

/* An envelope of this kind, rule and features around a payload; at most 127 bytes. */
static size_t by_hand(uint8_t out[160], uint8_t kind, uint8_t rule, uint8_t flags,
                      const void *payload, size_t len)
{
    size_t n = 1;
    out[n++] = kind;
    out[n++] = rule;
    out[n++] = 0;
    memset(out + n, 7, 16);
    n += 16;
    out[n++] = 1;
    out[n++] = 2;
    out[n++] = flags;
    memcpy(out + n, payload, len);
    n += len;
    out[0] = (uint8_t)(n - 1);
    return n;
}

static void what_is_newer_is_unsupported_by_name(void **state)
{
    static const struct {
        uint8_t kind;
        uint8_t rule;
        uint8_t flags;
        const char *payload;
        size_t len;
        slp_rc rc;
        const char *says;
    } cases[] = {
        {2, 1, 0, "", 0, SLP_OK, NULL},
        {63, 1, 0, "", 0, SLP_UNSUPPORTED, "kind 63"},
        {2, 2, 0, "", 0, SLP_UNSUPPORTED, "rule version 2"},
        {2, 0, 0, "", 0, SLP_UNSUPPORTED, "rule version 0"},
        {2, 1, 2, "", 0, SLP_UNSUPPORTED, "flags 02"},
        {2, 1, 0, "\x03\x00", 2, SLP_UNSUPPORTED, "an add: field 3"},
        {2, 1, 0, "\x02\x00", 2, SLP_OK, NULL},
        {2, 1, 0, "\x01\x02\x1b\x00", 4, SLP_UNSUPPORTED, "a file: field 27"},
        {2, 1, 0, "\x01\x02\x1c\x00", 4, SLP_OK, NULL},
        {2, 1, 0, "\x02\x00\x01\x00", 4, SLP_CORRUPT, "out of order"},
        {2, 1, 0, "\x04\x00\x02\x00", 4, SLP_CORRUPT, "out of order"},
        {2, 1, 0, "\x00\x00", 2, SLP_CORRUPT, "out of order"},
        {2, 1, 0, "\x01\x06\x05\x01\x01\x05\x01\x01", 8, SLP_CORRUPT, "twice"},
        {2, 1, 0, "\x01\x02\x05\x01", 4, SLP_CORRUPT, "longer than"},
        {2, 1, 0, "\x01\x04\x05\x02\x81\x00", 6, SLP_CORRUPT, "shortest form"},
        {2, 1, 0, "\x01\x05\x05\x03\x81\x01\x01", 7, SLP_CORRUPT, "longer than its numbers"},
        {2, 1, 0, "\x01\x08\x0d\x06\x80\x80\x80\x80\x80\x01", 10, SLP_CORRUPT, "too large"},
        {2, 1, 0, "\x01\x03\x19\x01\x02", 5, SLP_CORRUPT, "too large"},
        {64, 1, 0, "\x01\x01\x00", 3, SLP_CORRUPT, "expected 16"},
        {1, 1, 0, "\x03\x00\x03\x00", 4, SLP_CORRUPT, "twice"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[160];
        size_t n = by_hand(bytes, cases[i].kind, cases[i].rule, cases[i].flags, cases[i].payload,
                           cases[i].len);
        assert_rc(t, decode(t, bytes, n), cases[i].rc);
        if (cases[i].says)
            assert_err_has(t, cases[i].says);
    }
}

static void unknown_even_fields_of_a_file_are_kept_as_bytes(void **state)
{
    struct t *t = *state;
    uint8_t bytes[160];
    static const char payload[] = "\x01\x0a\x01\x01x\x1c\x01y\x28\x01z";
    struct arena a;
    struct state_txn txn;
    size_t used = 0;
    size_t n = by_hand(bytes, 2, 1, 0, payload, sizeof payload - 1);
    bytes[1 + 3 + 16 + 3 + 1] = 9; /* the file's length: three fields of three bytes */
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_txn_decode(slice_of(bytes, n), 0, &a, &txn, &used, &t->err));
    assert_int_equal(txn.add.count, 1);
    assert_true(slice_is(txn.add.files[0].extra, "\x1c\x01y\x28\x01z"));
    struct buf again;
    encode(t, &txn, &again);
    assert_true(slice_equal(buf_slice(&again), slice_of(bytes, n)));
    buf_fini(&again);
    arena_fini(&a);
}

static void ids_have_a_text_that_reads_back(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1",
                                      "1.2",
                                      "1.2.",
                                      "1.2.3.4",
                                      "1.2.x",
                                      ".1.2",
                                      "01.2.3",
                                      "1.2.-3",
                                      "1.2.4294967296",
                                      "18446744073709551616.0.0",
                                      "1..2"};
    char text[STATE_ID_TEXT_BYTES];
    struct state_id out;
    struct state_id id = id_of(UINT64_MAX, UINT32_MAX, 0);
    state_id_format(id, text);
    assert_string_equal(text, "18446744073709551615.4294967295.0");
    assert_true(state_id_parse(slice_str(text), &out));
    assert_true(state_id_equal(id, out));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(state_id_parse(slice_str(bad[i]), &out));
}

static void kinds_and_reasons_have_names(void **state)
{
    (void)state;
    assert_string_equal(state_kind_text(STATE_FILE_DOWN), "file down");
    assert_string_equal(state_kind_text((enum state_kind)99), "unknown");
    assert_string_equal(state_reason_name(STATE_REASON_NO_LEAF), "NO_LEAF");
    assert_string_equal(state_reason_text(STATE_REASON_NO_LEAF), "no leaf with these bounds");
    assert_string_equal(state_reason_name((enum state_reason)99), "UNKNOWN_REASON");
}

static void summaries_say_what_was_done(void **state)
{
    static const struct {
        enum state_kind kind;
        const char *text;
    } cases[] = {
        {STATE_CREATE, "create t with 3 leaves"},
        {STATE_ADD, "add 2 files (1 unfiled), 210 rows, 2100 bytes"},
        {STATE_ASSIGN, "assign 2 jobs over 3 references"},
        {STATE_REPLACE, "replace 1 job by 1 file, 10 rows, 100 bytes"},
        {STATE_FAIL, "fail 1 job: late"},
        {STATE_SPLIT, "split 1 leaf into 3"},
        {STATE_CUT, "cut 1 reference"},
        {STATE_FILE_DOWN, "file down 2 files"},
        {STATE_CREATE_TABLE, "create table flights"},
    };
    struct t *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        struct state_txn txn = sample(cases[i].kind);
        buf_init(&out, &t->mem, 1000);
        assert_ok(t, state_txn_summary(&txn, &out, &t->err));
        assert_int_equal(out.len, strlen(cases[i].text));
        assert_memory_equal(out.ptr, cases[i].text, out.len);
        buf_fini(&out);
    }
}

static void faults_of_memory_are_told(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct buf bytes;
        struct state_txn txn = sample(STATE_ASSIGN);
        buf_init(&bytes, &t->mem, STATE_TXN_MAX_BYTES);
        slp_rc rc = state_txn_encode(&txn, &bytes, &t->err);
        if (rc == SLP_OK)
            rc = decode(t, bytes.ptr, bytes.len);
        buf_fini(&bytes);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
    }
}

T_MAIN(T_TEST(each_kind_has_the_bytes_of_format_1), T_TEST(decoding_gives_back_what_was_encoded),
       T_TEST(a_transaction_cut_anywhere_is_corrupt),
       T_TEST(flipped_bits_never_do_worse_than_an_error),
       T_TEST(what_is_newer_is_unsupported_by_name),
       T_TEST(unknown_even_fields_of_a_file_are_kept_as_bytes),
       T_TEST(ids_have_a_text_that_reads_back), T_TEST(kinds_and_reasons_have_names),
       T_TEST(summaries_say_what_was_done), T_TEST(faults_of_memory_are_told))
