/*
 * A history of format 1, as bytes and as the state that it comes to: every later version must read the
 * one and find the other. The bytes are read from the file, not made here.
 */
#include <stdio.h>

#include "base/num.h"
#include "state/frame.h"
#include "state/global.h"

#include "lib/t.h"
#include "unit/state/golden.h"
#include "unit/state/helpers.h"

#define FRAMES "test/golden/state/history.txt"
#define STATE  "test/golden/state/history_state.txt"

struct writer {
    struct t *t;
    struct buf text; /* one frame a line, in hexadecimal */
    struct hash128 previous;
    uint64_t number;
};

static struct state_txn next(struct writer *w, enum state_kind kind)
{
    return txn_of(kind, w->number + 1);
}

/* One transaction, with the body of its embedded file if it has one. */
static void put(struct writer *w, const struct state_txn *txn, const char *body)
{
    struct t *t = w->t;
    struct buf one;
    struct buf bodies;
    struct buf frame;
    buf_init(&one, &t->mem, STATE_TXN_MAX_BYTES);
    buf_init(&bodies, &t->mem, 1000);
    buf_init(&frame, &t->mem, STATE_FRAME_MAX_BYTES);
    assert_ok(t, state_txn_encode(txn, &one, &t->err));
    if (body)
        assert_ok(t, state_bodies_append(&bodies, 0, slice_str(body), &t->err));
    struct state_frame_parts parts = {.number = ++w->number,
                                      .previous = w->previous,
                                      .transactions = buf_slice(&one),
                                      .txn_count = 1,
                                      .bodies = buf_slice(&bodies),
                                      .waiting = (uint32_t)w->number % 3};
    assert_ok(t, state_frame_encode_parts(&parts, &frame, &t->err));
    w->previous = hash_xxh128(buf_slice(&frame));
    for (size_t i = 0; i < frame.len; i++)
        assert_ok(t, buf_printf(&w->text, &t->err, "%02x", frame.ptr[i]));
    assert_ok(t, buf_append_u8(&w->text, '\n', &t->err));
    buf_fini(&one);
    buf_fini(&bodies);
    buf_fini(&frame);
}

static void put_files(struct writer *w)
{
    struct state_new_file files[3] = {
        file_of("data/3f/00000000000000000001-3f000000000000000000000000000001.parquet", "b", "k",
                10),
        file_of("data/40/00000000000000000001-40000000000000000000000000000002.parquet", "c", "z",
                20),
        file_of("", "d", "e", 5)};
    struct state_txn txn = next(w, STATE_ADD);
    txn.has_token = true;
    files[0].deletes = 2;
    files[0].resets = 1;
    files[1].is_unfiled = true;
    files[1].stack = 3;
    files[1].extra = slice_of("\x40\x02hi", 4);
    txn.add = (struct state_add){.files = files, .count = 2};
    put(w, &txn, NULL);
    files[2].body = 1;
    files[2].info.file_bytes = 5;
    txn = next(w, STATE_ADD);
    txn.add = (struct state_add){.files = files + 2, .count = 1};
    put(w, &txn, "bytes");
}

static void put_jobs(struct writer *w)
{
    struct slice key = slice_str("g");
    struct state_id inputs[2] = {id_of(2, 0, 0), id_of(3, 0, 0)};
    struct state_split_item cut = {.leaf = range_of("", "p"), .keys = &key, .key_count = 1};
    struct state_assign_item job = {
        .leaf = range_of("", "p"), .inputs = inputs + 1, .input_count = 1, .deadline_us = 5000};
    struct state_assign_item fold = {
        .inputs = inputs, .input_count = 1, .kind = STATE_JOB_FOLD, .deadline_us = 6000};
    struct state_assign_item import = {.kind = STATE_JOB_IMPORT, .deadline_us = 7000};
    struct state_assign_item both[2] = {fold, import};
    struct state_extend_item later = {
        .job = id_of(4, 0, 0), .attempt = 1, .range = range_of("", "p"), .deadline_us = 9000};
    struct state_txn txn = next(w, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = &job, .count = 1};
    put(w, &txn, NULL);
    txn = next(w, STATE_SPLIT);
    txn.split = (struct state_split){.items = &cut, .count = 1};
    put(w, &txn, NULL);
    txn = next(w, STATE_EXTEND);
    txn.extend = (struct state_extend){.items = &later, .count = 1};
    put(w, &txn, NULL);
    inputs[0] = id_of(2, 0, 1);
    txn = next(w, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = both, .count = 2};
    put(w, &txn, NULL);
}

static void put_settings(struct writer *w)
{
    struct state_property p = {.name = slice_str("a.b"), .value = slice_str("7")};
    struct state_txn txn = next(w, STATE_PROPERTIES);
    txn.properties = (struct state_set_properties){.items = &p, .count = 1};
    put(w, &txn, NULL);
    txn = next(w, STATE_ALTER);
    txn.alter = (struct state_alter){.version = 2, .schema_json = slice_str("{\"v\":2}")};
    put(w, &txn, NULL);
    txn = next(w, STATE_RANGE_DELETE);
    txn.range_delete.range = range_of("c", "d");
    put(w, &txn, NULL);
    txn = next(w, STATE_PURGE);
    txn.purge = (struct state_purge_rows){
        .predicate = slice_str("k = 'x'"), .is_on_keys = true, .schema_version = 2};
    put(w, &txn, NULL);
    txn = next(w, STATE_VERIFIED);
    txn.verified = (struct state_verify){.root = slice_str("snap/a"), .number = 6, .minted = 6};
    put(w, &txn, NULL);
    txn = next(w, STATE_PIN);
    txn.pin = (struct state_pin_snapshot){
        .name = slice_str("monday"), .root = slice_str("snap/a"), .number = 6, .expires_us = 11};
    put(w, &txn, NULL);
    txn = next(w, STATE_COLLECT);
    txn.collect = (struct state_collect){.minted = 5, .horizon = 6};
    put(w, &txn, NULL);
    txn = next(w, STATE_PAUSE);
    put(w, &txn, NULL);
    txn = next(w, STATE_ADD); /* a no-op: it is paused */
    put(w, &txn, NULL);
}

/* Submitted files: one that failed, one that a batch holds, one that went with its batch. */
static void put_submitted(struct writer *w)
{
    struct state_submit_file files[3] = {{.path = slice_str("/in/a.csv"), .bytes = 7},
                                         {.path = slice_str("/in/b.csv"), .bytes = 8},
                                         {.path = slice_str("/in/c.csv"), .bytes = 9}};
    struct state_txn txn = next(w, STATE_RESUME);
    put(w, &txn, NULL);
    txn = next(w, STATE_SUBMIT);
    uint64_t number = txn.base + 1;
    struct state_id ids[3] = {id_of(number, 0, 0), id_of(number, 0, 1), id_of(number, 0, 2)};
    struct state_assign_item items[3];
    struct state_fail_item fail = {.job = id_of(number + 1, 0, 0),
                                   .attempt = 1,
                                   .range = range_of("", NULL),
                                   .why = slice_str("no such file"),
                                   .faulty = ids,
                                   .faulty_count = 1};
    for (size_t i = 0; i < 3; i++)
        items[i] = (struct state_assign_item){
            .inputs = ids + i, .input_count = 1, .kind = STATE_JOB_BATCH, .deadline_us = 8000};
    txn.submit = (struct state_submit){.files = files, .count = 3};
    put(w, &txn, NULL);
    txn = next(w, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = items, .count = 3};
    put(w, &txn, NULL);
    txn = next(w, STATE_FAIL);
    txn.fail = (struct state_fail){.items = &fail, .count = 1};
    put(w, &txn, NULL);
    txn = next(w, STATE_ADD);
    txn.add = (struct state_add){.job = id_of(number + 1, 0, 2), .attempt = 1, .ends_job = true};
    put(w, &txn, NULL);
    txn = next(w, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = files + 2, .count = 1};
    put(w, &txn, NULL);
    ids[0] = id_of(number + 4, 0, 0);
    txn = next(w, STATE_WITHDRAW);
    txn.withdraw = (struct state_withdraw){.files = ids, .count = 1};
    put(w, &txn, NULL);
}

static void write_history(struct t *t, struct buf *out)
{
    struct writer w = {.t = t};
    struct slice point = slice_str("p");
    struct state_txn txn = next(&w, STATE_CREATE);
    buf_init(&w.text, &t->mem, 1 << 20);
    txn.create = (struct state_create){.name = slice_str("t"),
                                       .schema_json = slice_str("{}"),
                                       .key_version = 1,
                                       .split_points = &point,
                                       .split_point_count = 1,
                                       .engine = STATE_ENGINE_LAST,
                                       .order_by = 2};
    put(&w, &txn, NULL);
    put_files(&w);
    put_jobs(&w);
    put_settings(&w);
    put_submitted(&w);
    *out = w.text;
}

static uint8_t digit(int c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Replay the frames of the file; checks number and chain as a reader does. */
static struct table_state *replay_file(struct t *t)
{
    struct state_rules rules = state_rules_default();
    struct table_state *s = NULL;
    struct hash128 previous = {{0}};
    struct buf frame;
    FILE *f = fopen(FRAMES, "rb");
    assert_non_null(f);
    assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
    buf_init(&frame, &t->mem, STATE_FRAME_MAX_BYTES);
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) {
        if (c != '\n') {
            int low = fgetc(f);
            assert_ok(t, buf_append_u8(&frame, (uint8_t)(digit(c) << 4 | digit(low)), &t->err));
            continue;
        }
        struct arena a;
        struct state_frame decoded;
        struct state_outcome o;
        arena_init(&a, &t->mem, 1 << 24);
        assert_ok(t, state_frame_decode(buf_slice(&frame), &a, &decoded, &t->err));
        assert_true(hash_equal(decoded.previous, previous));
        for (uint32_t i = 0; i < decoded.txn_count; i++) {
            struct state_position at = {.frame = decoded.number, .index = i};
            assert_ok(t, state_apply(s, &decoded.txns[i], at, &o, &t->err));
        }
        previous = hash_xxh128(buf_slice(&frame));
        arena_fini(&a);
        buf_clear(&frame);
    }
    assert_int_equal(fclose(f), 0);
    buf_fini(&frame);
    return s;
}

static void a_history_of_format_1_is_written_as_ever(void **state)
{
    struct t *t = *state;
    struct buf text;
    write_history(t, &text);
    golden_expect(t, FRAMES, buf_slice(&text));
    buf_fini(&text);
}

static void a_history_of_format_1_comes_to_the_same_state_as_ever(void **state)
{
    struct t *t = *state;
    struct buf text;
    struct table_state *s = replay_file(t);
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, state_print(s, &text, &t->err));
    golden_expect(t, STATE, buf_slice(&text));
    buf_fini(&text);
    state_free(s);
}

T_MAIN(T_TEST(a_history_of_format_1_is_written_as_ever),
       T_TEST(a_history_of_format_1_comes_to_the_same_state_as_ever))
