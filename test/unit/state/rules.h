/*
 * What the tests of the rules of apply share: each commits one transaction and tells its verdict.
 */
#ifndef SLP_TEST_STATE_RULES_H
#define SLP_TEST_STATE_RULES_H

#include "state/global.h"
#include "state/view_priv.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

static const struct key_range all_keys = {.has_hi = false};

static inline struct state_txn next_of(const struct table_state *s, enum state_kind kind)
{
    return txn_of(kind, state_number(s) + 1);
}

static inline enum state_reason do_it(struct t *t, struct table_state *s, struct state_txn *txn)
{
    return apply_next(t, s, txn).reason;
}

/* A table of one engine with no leaf but the first. */
static inline struct table_state *table_of(struct t *t, enum state_engine engine)
{
    struct state_rules rules = state_rules_default();
    struct table_state *s = NULL;
    assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
    struct state_txn txn = txn_of(STATE_CREATE, 1);
    txn.create = (struct state_create){
        .schema_json = slice_str("{}"), .key_version = 1, .engine = (uint32_t)engine};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    return s;
}

/* Add a file; its id. */
static inline struct state_id add(struct t *t, struct table_state *s, const char *first,
                                  const char *last, bool is_unfiled)
{
    struct state_new_file f = file_of("f", first, last, 10);
    f.is_unfiled = is_unfiled;
    struct state_outcome o = add_files(t, s, &f, 1);
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    return (struct state_id){.at = o.at};
}

static inline enum state_reason assign_kind(struct t *t, struct table_state *s,
                                            const struct state_assign_item *item)
{
    struct state_txn txn = next_of(s, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = item, .count = 1};
    return do_it(t, s, &txn);
}

static inline enum state_reason fold(struct t *t, struct table_state *s, const struct state_id *ids,
                                     size_t count)
{
    struct state_assign_item item = {.inputs = ids, .input_count = count, .kind = STATE_JOB_FOLD};
    return assign_kind(t, s, &item);
}

static inline enum state_reason fail_job(struct t *t, struct table_state *s,
                                         const struct state_job *job)
{
    struct state_fail_item item = {.job = job->id, .attempt = job->attempt, .range = job->range};
    struct state_txn txn = next_of(s, STATE_FAIL);
    txn.fail = (struct state_fail){.items = &item, .count = 1};
    return do_it(t, s, &txn);
}

static inline enum state_reason merge_leaves(struct t *t, struct table_state *s,
                                             struct key_range range, const char *at)
{
    struct state_merge_item item = {.range = range, .at = slice_str(at)};
    struct state_txn txn = next_of(s, STATE_MERGE);
    txn.merge = (struct state_merge){.items = &item, .count = 1};
    return do_it(t, s, &txn);
}

static inline enum state_reason collect(struct t *t, struct table_state *s, uint64_t minted,
                                        uint64_t horizon, uint64_t forget)
{
    struct state_txn txn = next_of(s, STATE_COLLECT);
    txn.collect = (struct state_collect){.minted = minted, .horizon = horizon, .forget = forget};
    return do_it(t, s, &txn);
}

static inline enum state_reason verify(struct t *t, struct table_state *s, const char *root,
                                       uint64_t number, const char *parent)
{
    struct state_txn txn = next_of(s, STATE_VERIFIED);
    txn.verified = (struct state_verify){
        .root = slice_str(root), .number = number, .parent = slice_str(parent), .minted = number};
    return do_it(t, s, &txn);
}

static inline enum state_reason pin(struct t *t, struct table_state *s, const char *name,
                                    const char *root, uint64_t number)
{
    struct state_txn txn = next_of(s, STATE_PIN);
    txn.pin = (struct state_pin_snapshot){
        .name = slice_str(name), .root = slice_str(root), .number = number};
    return do_it(t, s, &txn);
}

static inline enum state_reason note(struct t *t, struct table_state *s, enum state_kind kind)
{
    struct state_txn txn = next_of(s, kind);
    return do_it(t, s, &txn);
}

static inline enum state_reason purge(struct t *t, struct table_state *s, bool is_on_keys)
{
    struct state_txn txn = next_of(s, STATE_PURGE);
    txn.purge = (struct state_purge_rows){.predicate = slice_str("k = 1"),
                                          .is_on_keys = is_on_keys,
                                          .schema_version = state_schema_version(s)};
    return do_it(t, s, &txn);
}

static inline enum state_reason retire(struct t *t, struct table_state *s, struct state_position at)
{
    struct state_txn txn = next_of(s, STATE_RETIRE_PURGE);
    txn.retire = (struct state_retire_purge){.purges = &at, .count = 1, .seen = state_number(s)};
    return do_it(t, s, &txn);
}

static inline enum state_reason delete_range(struct t *t, struct table_state *s, const char *lo,
                                             const char *hi)
{
    struct state_txn txn = next_of(s, STATE_RANGE_DELETE);
    txn.range_delete.range = range_of(lo, hi);
    return do_it(t, s, &txn);
}

static inline struct state_file file_named(struct t *t, const struct table_state *s,
                                           struct state_id id)
{
    struct arena a;
    const struct state_file **files = NULL;
    struct state_file found = {0};
    size_t count = 0;
    arena_init(&a, &t->mem, 1 << 20);
    assert_ok(t, state_files(s, &a, &files, &count, &t->err));
    for (size_t i = 0; i < count; i++)
        if (state_id_equal(files[i]->id, id))
            found = *files[i];
    arena_fini(&a);
    found.name = (struct slice){0}; /* it was in the arena */
    return found;
}

#endif
