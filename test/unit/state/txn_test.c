#include "state/txn.h"

#include <stdio.h>

#include "state/txn_priv.h"

#include "lib/t.h"
#include "unit/state/golden.h"
#include "unit/state/helpers.h"

/* ---- One transaction of each kind ---- */

static struct state_new_file files[2];
static struct state_id ids[2];
static struct slice keys[2];
static struct state_split_cut cuts[2];
static struct state_assign_item assign_items[2];
static struct state_replace_item replace_items[1];
static struct state_fail_item fail_items[1];
static struct state_submit_file submit_files[2];
static struct state_split_item split_items[1];
static struct state_cut_item cut_items[1];
static struct state_extend_item extend_items[1];
static struct state_reassign_item reassign_items[1];
static struct state_merge_item merge_items[1];
static struct state_position purges[2];
static struct state_property properties[2];

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
    files[1].deletes = 3;
    files[1].resets = 2;
    files[1].stack = 4;
    files[1].purged_through = (struct state_position){.frame = 12, .index = 1};
    files[1].body = 1;
    ids[0] = id_of(12, 0, 3);
    ids[1] = id_of(400, 2, 0);
    keys[0] = slice_str("g");
    keys[1] = slice_str("p");
    cuts[0] = (struct state_split_cut){.file = ids[0], .key = 0, .row = 5};
    cuts[1] = (struct state_split_cut){.file = ids[1], .key = 1, .row = 300};
    assign_items[0] = (struct state_assign_item){
        .leaf = range_of("", "g"), .inputs = ids, .input_count = 2, .deadline_us = 1000};
    assign_items[1] = (struct state_assign_item){.leaf = range_of("p", NULL),
                                                 .inputs = ids,
                                                 .input_count = 1,
                                                 .kind = STATE_JOB_FOLD,
                                                 .drops_deletes = true};
    replace_items[0] = (struct state_replace_item){.job = ids[1],
                                                   .attempt = 1,
                                                   .range = range_of("", "p"),
                                                   .outputs = files,
                                                   .output_count = 1};
    fail_items[0] = (struct state_fail_item){.job = ids[0],
                                             .attempt = 2,
                                             .range = range_of("g", NULL),
                                             .why = slice_str("late"),
                                             .faulty = ids,
                                             .faulty_count = 1};
    submit_files[0] = (struct state_submit_file){.path = slice_str("/in/a.csv"), .bytes = 300};
    submit_files[1] = (struct state_submit_file){
        .path = slice_str("/in/b.csv"),
        .reading = {
            .format = slice_str("csv"), .kinds = slice_str("op"), .skips = true, .most = 9}};
    split_items[0] = (struct state_split_item){
        .leaf = range_of("", NULL), .keys = keys, .key_count = 2, .cuts = cuts, .cut_count = 2};
    cut_items[0] = (struct state_cut_item){
        .leaf = range_of("g", "p"), .file = ids[0], .row_lo = 3, .row_hi = 10};
    extend_items[0] = (struct state_extend_item){
        .job = ids[0], .attempt = 1, .range = range_of("g", "p"), .deadline_us = 77};
    reassign_items[0] = (struct state_reassign_item){.job = ids[1],
                                                     .attempt = 1,
                                                     .range = range_of("", NULL),
                                                     .extension = 2,
                                                     .deadline_us = 78};
    merge_items[0] = (struct state_merge_item){.range = range_of("g", NULL), .at = slice_str("p")};
    purges[0] = (struct state_position){.frame = 5, .index = 0};
    purges[1] = (struct state_position){.frame = 300, .index = 2};
    properties[0] = (struct state_property){.name = slice_str("a.b"), .value = slice_str("10")};
    properties[1] = (struct state_property){.name = slice_str("c"), .is_unset = true};
    switch (kind) {
    case STATE_CREATE:
        txn.create = (struct state_create){.name = slice_str("t"),
                                           .table = txn.txid,
                                           .schema_json = slice_str("{}"),
                                           .key_version = 1,
                                           .split_points = keys,
                                           .split_point_count = 2,
                                           .engine = STATE_ENGINE_LAST,
                                           .order_by = 3,
                                           .engine_text = slice_str("{\"x\":1}"),
                                           .is_ordered = true,
                                           .properties = properties,
                                           .property_count = 1};
        break;
    case STATE_ADD:
        txn.add = (struct state_add){
            .files = files, .count = 2, .job = ids[0], .attempt = 1, .ends_job = true};
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
    case STATE_EXTEND:
        txn.extend = (struct state_extend){.items = extend_items, .count = 1};
        break;
    case STATE_REASSIGN:
        txn.reassign = (struct state_reassign){.items = reassign_items, .count = 1};
        break;
    case STATE_SPLIT:
        txn.split = (struct state_split){.items = split_items, .count = 1};
        break;
    case STATE_MERGE:
        txn.merge = (struct state_merge){.items = merge_items, .count = 1};
        break;
    case STATE_CUT:
        txn.cut = (struct state_cut){.items = cut_items, .count = 1};
        break;
    case STATE_FILE_DOWN:
        txn.file_down = (struct state_file_down){.files = ids, .count = 2};
        break;
    case STATE_OVERWRITE:
        txn.overwrite = (struct state_overwrite){.range = range_of("b", "x"),
                                                 .add = {.files = files, .count = 1}};
        break;
    case STATE_RANGE_DELETE:
        txn.range_delete = (struct state_range_delete){.range = range_of("b", NULL)};
        break;
    case STATE_PURGE:
        txn.purge = (struct state_purge_rows){.predicate = slice_str("k = 'b'"),
                                              .bound = slice_str("\x01\x02"),
                                              .is_on_keys = true,
                                              .schema_version = 1,
                                              .why = slice_str("asked")};
        break;
    case STATE_SUBMIT:
        txn.submit = (struct state_submit){.files = submit_files, .count = 2};
        break;
    case STATE_WITHDRAW:
        txn.withdraw = (struct state_withdraw){.files = ids, .count = 2};
        break;
    case STATE_RETIRE_PURGE:
        txn.retire = (struct state_retire_purge){.purges = purges, .count = 2, .seen = 9};
        break;
    case STATE_ALTER:
        txn.alter = (struct state_alter){.version = 2, .schema_json = slice_str("{\"v\":2}")};
        break;
    case STATE_PROPERTIES:
    case STATE_DEFAULTS:
        txn.properties = (struct state_set_properties){.items = properties, .count = 2};
        break;
    case STATE_VERIFIED:
        txn.verified = (struct state_verify){
            .root = slice_str("snap/b"), .number = 9, .parent = slice_str("snap/a"), .minted = 8};
        break;
    case STATE_PIN:
        txn.pin = (struct state_pin_snapshot){.name = slice_str("monday"),
                                              .root = slice_str("snap/b"),
                                              .number = 9,
                                              .expires_us = 1800000000000000};
        break;
    case STATE_UNPIN:
        txn.unpin = (struct state_unpin){.name = slice_str("monday")};
        break;
    case STATE_COLLECT:
        txn.collect = (struct state_collect){.minted = 200, .horizon = 250, .forget = 190};
        break;
    case STATE_PAUSE:
    case STATE_RESUME:
    case STATE_DROP:
        txn.note = (struct state_note){.why = slice_str("by hand")};
        break;
    case STATE_RESTORE:
        txn.restore = (struct state_restore){.root = slice_str("snap/b"), .number = 9};
        break;
    case STATE_CREATE_TABLE:
        txn.create_table =
            (struct state_create_table){.name = slice_str("flights"), .table = txn.txid};
        break;
    case STATE_RENAME_TABLE:
        txn.name_table = (struct state_name_table){.name = slice_str("voyages"), .table = txn.txid};
        break;
    case STATE_DROP_TABLE:
    case STATE_ONLINE:
    case STATE_OFFLINE:
        txn.name_table = (struct state_name_table){.table = txn.txid};
        break;
    }
    return txn;
}

static const enum state_kind kinds[] = {
#define STATE_KIND(name, number, text, log) STATE_##name,
#include "state/kind.def"
#undef STATE_KIND
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void encode(struct t *t, const struct state_txn *txn, struct buf *out)
{
    buf_init(out, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_txn_encode(txn, out, &t->err));
}

static void write_vector(struct t *t, const char *name, const struct state_txn *txn,
                         struct buf *text)
{
    struct buf bytes;
    encode(t, txn, &bytes);
    assert_ok(t, buf_printf(text, &t->err, "%s: ", name));
    assert_ok(t, state_hex(buf_slice(&bytes), text, &t->err));
    assert_ok(t, buf_append_u8(text, '\n', &t->err));
    buf_fini(&bytes);
}

/* The vectors of docs/format/log.md: one line a kind, its name and its bytes; an unpin also with the
 * position of the pin. */
static void each_kind_has_the_bytes_of_format_1(void **state)
{
    struct t *t = *state;
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    for (size_t i = 0; i < KINDS; i++) {
        struct state_txn txn = sample(kinds[i]);
        write_vector(t, state_kind_text(kinds[i]), &txn, &text);
    }
    struct state_txn unpin = sample(STATE_UNPIN);
    unpin.unpin.at = (struct state_position){.frame = 200, .index = 3};
    write_vector(t, "unpin at a position", &unpin, &text);
    golden_expect(t, "test/golden/state/transactions.txt", buf_slice(&text));
    buf_fini(&text);
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
        struct state_txn txn = sample(kinds[i]);
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
        struct state_txn txn = sample(kinds[i]);
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
        struct state_txn txn = sample(kinds[i]);
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
        {2, 1, 4, "", 0, SLP_UNSUPPORTED, "flags 04"},
        {2, 1, 0, "\x09\x00", 2, SLP_UNSUPPORTED, "an add: field 9"},
        {2, 1, 0, "\x02\x00", 2, SLP_OK, NULL},
        {2, 1, 0, "\x01\x02\x3d\x00", 4, SLP_UNSUPPORTED, "a file: field 61"},
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

/* ---- Bodies ---- */

static void a_payload_out_of_line_comes_back_and_its_names_stay_in_the_frame(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct buf body;
    struct buf bytes;
    struct buf plain;
    struct state_apart apart = {.base = 299, .object = &body};
    size_t used = 0;
    struct state_txn out;
    struct state_txn txn = sample(STATE_ADD);
    encode(t, &txn, &plain);
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&body, &t->mem, STATE_BODY_MAX_BYTES);
    buf_init(&bytes, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &a, &bytes, &t->err));
    assert_int_equal(state_mint_base(slice_str(apart.name)), 299);
    assert_ok(t, state_txn_decode(buf_slice(&bytes), 0, &a, &out, &used, &t->err));
    assert_int_equal(used, bytes.len);
    assert_true(out.body.is_missing);
    assert_int_equal(out.body.object_count, 2);
    assert_true(slice_is(out.body.objects[0], "data/00/a.parquet"));
    assert_true(state_id_equal(out.body.job, ids[0]));
    assert_ok(t, state_txn_take_body(&out, buf_slice(&body), &a, &t->err));
    assert_false(out.body.is_missing);
    struct buf again;
    out.body = (struct state_body){0};
    encode(t, &out, &again);
    assert_true(slice_equal(buf_slice(&again), buf_slice(&plain)));
    buf_fini(&again);
    buf_fini(&plain);
    buf_fini(&body);
    buf_fini(&bytes);
    arena_fini(&a);
}

/* Rule G3: damage is CORRUPT for everyone, never a no-op. */
static void a_body_that_is_not_what_its_name_says_is_corrupt_G3(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct buf body;
    struct buf bytes;
    struct state_apart apart = {.base = 299, .object = &body};
    struct state_txn txn = sample(STATE_REPLACE);
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&body, &t->mem, STATE_BODY_MAX_BYTES);
    buf_init(&bytes, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &a, &bytes, &t->err));
    for (size_t i = 0; i < body.len; i++) {
        size_t used = 0;
        struct state_txn out;
        assert_ok(t, state_txn_decode(buf_slice(&bytes), 0, &a, &out, &used, &t->err));
        body.ptr[i] ^= 1;
        assert_rc(t, state_txn_take_body(&out, buf_slice(&body), &a, &t->err), SLP_CORRUPT);
        assert_err_has(t, "not the bytes that its name says");
        assert_true(out.body.is_missing);
        body.ptr[i] ^= 1;
    }
    buf_fini(&body);
    buf_fini(&bytes);
    arena_fini(&a);
}

/* Rule I1: what is added stands in the frame. */
static void a_body_that_adds_what_its_frame_does_not_name_is_corrupt_I1(void **state)
{
    struct t *t = *state;
    struct arena a;
    struct buf body;
    struct buf bytes;
    struct state_apart apart = {.base = 299, .object = &body};
    size_t used = 0;
    struct state_txn txn = sample(STATE_ADD);
    struct state_txn out;
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&body, &t->mem, STATE_BODY_MAX_BYTES);
    buf_init(&bytes, &t->mem, STATE_TXN_MAX_BYTES);
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &a, &bytes, &t->err));
    txn.body.object_count = 1;
    buf_clear(&bytes);
    assert_ok(t, state_txn_encode(&txn, &bytes, &t->err));
    assert_ok(t, state_txn_decode(buf_slice(&bytes), 0, &a, &out, &used, &t->err));
    assert_rc(t, state_txn_take_body(&out, buf_slice(&body), &a, &t->err), SLP_CORRUPT);
    assert_err_has(t, "adds other objects");
    txn.body.name = slice_str("data/00/a");
    buf_clear(&bytes);
    assert_ok(t, state_txn_encode(&txn, &bytes, &t->err));
    assert_rc(t, state_txn_decode(buf_slice(&bytes), 0, &a, &out, &used, &t->err), SLP_CORRUPT);
    assert_err_has(t, "without the name of a body");
    buf_fini(&body);
    buf_fini(&bytes);
    arena_fini(&a);
}

static void mint_bases_are_read_from_names_of_objects(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t base;
    } cases[] = {
        {"data/3f/00000000000000000042-3f.parquet", 42},
        {"snap/00000000000000000007-aa", 7},
        {"00000000000000000009-", 9},
        {"data/00/18446744073709551615-x", UINT64_MAX},
        {"data/00/18446744073709551616-x", 0},
        {"data/00/0000000000000000004-x", 0},
        {"data/00/0000000000000000004x-x", 0},
        {"data/00/0000000:000000000042-x", 0},
        {"data/00/00000000/00000000042-x", 0},
        {"data/00/12345678901234567890-x", 12345678901234567890u},
        {"data/00/00000000000000000042-x/", 0},
        {"data/00/00000000000000000042", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(state_mint_base(slice_str(cases[i].name)), cases[i].base);
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
        {STATE_EXTEND, "extend 1 job"},
        {STATE_REASSIGN, "reassign 1 job"},
        {STATE_MERGE, "merge 2 leaves into 1"},
        {STATE_OVERWRITE, "overwrite [62, 78) by 1 file, 10 rows, 100 bytes"},
        {STATE_RANGE_DELETE, "range delete [62, )"},
        {STATE_PURGE, "purge k = 'b'"},
        {STATE_RETIRE_PURGE, "retire purge 2 purges"},
        {STATE_SUBMIT, "submit 2 files, 300 bytes"},
        {STATE_WITHDRAW, "withdraw 2 files"},
        {STATE_ALTER, "alter to version 2"},
        {STATE_PROPERTIES, "properties a.b=10, c unset"},
        {STATE_VERIFIED, "verified snap/b"},
        {STATE_PIN, "pin monday at 9"},
        {STATE_UNPIN, "unpin monday"},
        {STATE_COLLECT, "collect made before 200, dead before 250"},
        {STATE_PAUSE, "pause by hand"},
        {STATE_RESTORE, "restore to 9"},
        {STATE_DROP, "drop by hand"},
        {STATE_CREATE_TABLE, "create table flights"},
        {STATE_RENAME_TABLE, "rename table a0a1a2a3a4a5a6a7a8a9aaabacadaeaf to voyages"},
        {STATE_OFFLINE, "offline a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
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
       T_TEST(a_payload_out_of_line_comes_back_and_its_names_stay_in_the_frame),
       T_TEST(a_body_that_is_not_what_its_name_says_is_corrupt_G3),
       T_TEST(a_body_that_adds_what_its_frame_does_not_name_is_corrupt_I1),
       T_TEST(mint_bases_are_read_from_names_of_objects), T_TEST(ids_have_a_text_that_reads_back),
       T_TEST(kinds_and_reasons_have_names), T_TEST(summaries_say_what_was_done),
       T_TEST(faults_of_memory_are_told))
