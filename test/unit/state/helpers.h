/*
 * Small builders for tests of the state: files over letters, ranges of letters, a table made by
 * hand.
 */
#ifndef SLP_TEST_STATE_HELPERS_H
#define SLP_TEST_STATE_HELPERS_H

#include "state/state.h"

#include "lib/t.h"

static inline struct key_range range_of(const char *lo, const char *hi)
{
    struct key_range r = {.lo = slice_str(lo)};
    if (hi) {
        r.hi = slice_str(hi);
        r.has_hi = true;
    }
    return r;
}

static inline struct state_new_file file_of(const char *name, const char *first, const char *last,
                                            int64_t rows)
{
    struct state_new_file f = {.name = slice_str(name), .schema_version = 1};
    f.info.file_bytes = (uint64_t)rows * 10;
    f.info.rows = rows;
    f.info.first_key = slice_str(first);
    f.info.last_key = slice_str(last);
    f.info.top_offset = 300;
    f.info.top_bytes = 7;
    f.info.index_offset = 200;
    f.info.footer_offset = 400;
    f.info.footer_bytes = 9;
    f.info.crc32c = 0x01020304;
    return f;
}

static inline struct state_id id_of(uint64_t frame, uint32_t index, uint32_t item)
{
    return (struct state_id){.at = {.frame = frame, .index = index}, .item = item};
}

/* A transaction of this kind with a txid of its own and a base of frame - 1. */
static inline struct state_txn txn_of(enum state_kind kind, uint64_t frame)
{
    struct state_txn txn = {.kind = kind, .rule_version = STATE_RULE_VERSION};
    txn.base = frame - 1;
    txn.time_us = (int64_t)frame * 1000;
    for (size_t i = 0; i < 8; i++)
        txn.txid.bytes[i] = (uint8_t)((frame * 0x9e3779b97f4a7c15u) >> (8 * i));
    txn.txid.bytes[8] = (uint8_t)frame;
    txn.txid.bytes[9] = (uint8_t)(frame >> 8);
    txn.txid.bytes[10] = (uint8_t)(frame >> 16);
    return txn;
}

/* A state with a table of leaves cut at `points`, as frame 1 leaves it. */
static inline struct table_state *state_of(struct t *t, const struct state_rules *rules,
                                           const char *const *points, size_t count)
{
    struct state_rules plain = state_rules_default();
    struct table_state *s = NULL;
    struct slice keys[32];
    struct state_outcome o;
    assert_ok(t, state_new(&t->mem, rules ? rules : &plain, &s, &t->err));
    for (size_t i = 0; i < count; i++)
        keys[i] = slice_str(points[i]);
    struct state_txn txn = txn_of(STATE_CREATE, 1);
    txn.create = (struct state_create){.name = slice_str("t"),
                                       .schema_json = slice_str("{}"),
                                       .key_version = 1,
                                       .split_points = keys,
                                       .split_point_count = count};
    assert_ok(t, state_apply(s, &txn, (struct state_position){.frame = 1}, &o, &t->err));
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    return s;
}

/* Apply in the frame behind the last. */
static inline size_t depth_of(struct t *t, const struct table_state *s)
{
    size_t depth = 0;
    assert_ok(t, state_leaf_depth(s, state_leaf_at(s, 0), &depth, &t->err));
    return depth;
}

static inline struct state_outcome apply_next(struct t *t, struct table_state *s,
                                              struct state_txn *txn)
{
    struct state_outcome o = {0};
    struct state_position at = {.frame = state_number(s) + 1};
    assert_ok(t, state_apply(s, txn, at, &o, &t->err));
    return o;
}

static inline struct state_outcome add_files(struct t *t, struct table_state *s,
                                             const struct state_new_file *files, size_t count)
{
    struct state_txn txn = txn_of(STATE_ADD, state_number(s) + 1);
    txn.add = (struct state_add){.files = files, .count = count};
    return apply_next(t, s, &txn);
}

static inline struct state_outcome assign(struct t *t, struct table_state *s, struct key_range leaf,
                                          const struct state_id *inputs, size_t count)
{
    struct state_assign_item item = {
        .leaf = leaf, .inputs = inputs, .input_count = count, .deadline_us = 5000};
    struct state_txn txn = txn_of(STATE_ASSIGN, state_number(s) + 1);
    txn.assign = (struct state_assign){.items = &item, .count = 1};
    return apply_next(t, s, &txn);
}

/* Outputs get the mark that they must have (rule V3), where the job is open. */
static inline struct state_outcome replace(struct t *t, struct table_state *s, struct state_id job,
                                           uint32_t attempt, struct key_range range,
                                           const struct state_new_file *outputs, size_t count)
{
    struct state_new_file marked[8];
    const struct state_job *open = state_job_find(s, job);
    for (size_t i = 0; i < count; i++) {
        marked[i] = outputs[i];
        if (open && marked[i].purged_through.frame == 0)
            marked[i].purged_through = open->assigned;
    }
    struct state_replace_item item = {
        .job = job, .attempt = attempt, .range = range, .outputs = marked, .output_count = count};
    struct state_txn txn = txn_of(STATE_REPLACE, state_number(s) + 1);
    txn.replace = (struct state_replace){.items = &item, .count = 1};
    return apply_next(t, s, &txn);
}

static inline struct state_outcome split(struct t *t, struct table_state *s, struct key_range leaf,
                                         const char *key)
{
    struct slice keys[1] = {slice_str(key)};
    struct state_split_item item = {.leaf = leaf, .keys = keys, .key_count = 1};
    struct state_txn txn = txn_of(STATE_SPLIT, state_number(s) + 1);
    txn.split = (struct state_split){.items = &item, .count = 1};
    return apply_next(t, s, &txn);
}

#endif
