/*
 * Submitted files and the batches that take them.
 */
#include "state/global.h"
#include "state/snapshot.h"
#include "state/view_priv.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

static struct state_txn next_of(const struct table_state *s, enum state_kind kind)
{
    return txn_of(kind, state_number(s) + 1);
}

static enum state_reason do_it(struct t *t, struct table_state *s, struct state_txn *txn)
{
    return apply_next(t, s, txn).reason;
}

static enum state_reason submit(struct t *t, struct table_state *s, const char *path,
                                uint64_t bytes)
{
    struct state_submit_file f = {.path = slice_str(path), .bytes = bytes};
    struct state_txn txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = &f, .count = 1};
    return do_it(t, s, &txn);
}

/* A batch over the first `count` files. */
static enum state_reason take(struct t *t, struct table_state *s, size_t count,
                              struct state_id *job)
{
    struct state_id ids[8];
    struct state_assign_item item = {
        .inputs = ids, .input_count = count, .kind = STATE_JOB_BATCH, .deadline_us = 7};
    for (size_t i = 0; i < count; i++)
        ids[i] = state_submitted_at(s, i)->id;
    struct state_txn txn = next_of(s, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = &item, .count = 1};
    enum state_reason reason = do_it(t, s, &txn);
    *job = (struct state_id){.at = {.frame = state_number(s)}};
    return reason;
}

static enum state_reason end(struct t *t, struct table_state *s, struct state_id job,
                             uint32_t attempt, const struct state_new_file *file)
{
    struct state_txn txn = next_of(s, STATE_ADD);
    txn.add = (struct state_add){
        .files = file, .count = file ? 1 : 0, .job = job, .attempt = attempt, .ends_job = true};
    return do_it(t, s, &txn);
}

static enum state_reason fail_batch(struct t *t, struct table_state *s, struct state_id job,
                                    const struct state_id *faulty)
{
    struct state_fail_item item = {.job = job,
                                   .attempt = 1,
                                   .why = slice_str("no such file"),
                                   .faulty = faulty,
                                   .faulty_count = faulty ? 1 : 0};
    struct state_txn txn = next_of(s, STATE_FAIL);
    txn.fail = (struct state_fail){.items = &item, .count = 1};
    return do_it(t, s, &txn);
}

static enum state_reason reassign(struct t *t, struct table_state *s, struct state_id job,
                                  uint32_t attempt)
{
    struct state_reassign_item item = {.job = job, .attempt = attempt, .deadline_us = 9};
    struct state_txn txn = next_of(s, STATE_REASSIGN);
    txn.reassign = (struct state_reassign){.items = &item, .count = 1};
    return do_it(t, s, &txn);
}

static enum state_reason withdraw(struct t *t, struct table_state *s, struct state_id file)
{
    struct state_txn txn = next_of(s, STATE_WITHDRAW);
    txn.withdraw = (struct state_withdraw){.files = &file, .count = 1};
    return do_it(t, s, &txn);
}

static void a_file_named_twice_before_it_is_taken_waits_once(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(submit(t, s, "/in/a.csv", 3), STATE_REASON_APPLIED);
    int64_t since_us = state_submitted_at(s, 0)->time_us;
    assert_int_equal(submit(t, s, "/in/a.csv", 5), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 1);
    assert_int_equal(state_submitted_at(s, 0)->bytes, 5);
    assert_int_equal(state_submitted_at(s, 0)->time_us, since_us);
    assert_int_equal(take(t, s, 1, &job), STATE_REASON_APPLIED);
    assert_int_equal(submit(t, s, "/in/a.csv", 6), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 2);
    assert_int_equal(end(t, s, job, 1, NULL), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 1);
    assert_int_equal(state_submitted_at(s, 0)->bytes, 6);
    state_free(s);
}

/* How it is read is said by whoever names it last before it is taken. */
static void a_file_is_read_as_it_was_submitted(void **state)
{
    struct t *t = *state;
    static char long_name[STATE_READING_KINDS_MAX + 2];
    struct table_state *s = state_of(t, NULL, NULL, 0);
    const struct state_reading csv = {
        .format = slice_str("csv"), .kinds = slice_str("op"), .skips = true, .most = 3};
    struct state_submit_file f = {.path = slice_str("/in/a"), .bytes = 3, .reading = csv};
    struct state_txn txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = &f, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_true(state_reading_equal(&state_submitted_at(s, 0)->reading, &csv));
    assert_int_equal(submit(t, s, "/in/a", 3), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 1);
    assert_false(state_reading_equal(&state_submitted_at(s, 0)->reading, &csv));
    assert_int_equal(state_submitted_at(s, 0)->reading.kinds.len, 0);
    memset(long_name, 'a', sizeof long_name - 1);
    f.reading.kinds = slice_str(long_name);
    txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = &f, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_SUBMITTED);
    f.reading = (struct state_reading){.format = slice_str(long_name)};
    txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = &f, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_SUBMITTED);
    state_free(s);
}

static void what_may_wait_is_bounded(void **state)
{
    struct t *t = *state;
    static char path[STATE_PATH_MAX + 2];
    static struct state_submit_file files[STATE_SUBMITTED_MAX + 1];
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_txn txn = next_of(s, STATE_SUBMIT);
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_EMPTY);
    assert_int_equal(submit(t, s, "", 1), STATE_REASON_SUBMITTED);
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(submit(t, s, path, 1), STATE_REASON_SUBMITTED);
    path[STATE_PATH_MAX] = 0;
    assert_int_equal(submit(t, s, path, 1), STATE_REASON_APPLIED);
    for (size_t i = 0; i <= STATE_SUBMITTED_MAX; i++)
        files[i].path = slice_str("/a");
    txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = files, .count = STATE_SUBMITTED_MAX};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_SUBMITTED);
    for (size_t i = 0; i < 1024; i++)
        files[i].path = slice_str(path); /* 4 MiB, and one is there */
    txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = files, .count = 1024};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_SUBMITTED);
    assert_int_equal(state_submitted_count(s), 1);
    state_free(s);
}

static void a_batch_demands_files_that_are_free_P4(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_id none = {.at = {.frame = 77}};
    assert_int_equal(submit(t, s, "/a", 1), STATE_REASON_APPLIED);
    assert_int_equal(submit(t, s, "/b", 1), STATE_REASON_APPLIED);
    struct state_id a = state_submitted_at(s, 0)->id;
    struct state_assign_item items[4] = {
        {.kind = STATE_JOB_BATCH},
        {.kind = STATE_JOB_BATCH, .inputs = &none, .input_count = 1},
        {.kind = STATE_JOB_BATCH, .inputs = &a, .input_count = 1, .leaf = range_of("a", NULL)},
        {.kind = STATE_JOB_BATCH, .inputs = &a, .input_count = 1, .drops_deletes = true}};
    struct state_txn txn = next_of(s, STATE_ASSIGN);
    txn.assign = (struct state_assign){.items = items, .count = 4};
    struct state_outcome o = apply_next(t, s, &txn);
    assert_int_equal(o.items[0], STATE_REASON_EMPTY);
    assert_int_equal(o.items[1], STATE_REASON_NOT_SUBMITTED);
    assert_int_equal(o.items[2], STATE_REASON_NO_LEAF);
    assert_int_equal(o.items[3], STATE_REASON_NOT_OLDEST);
    assert_int_equal(take(t, s, 1, &job), STATE_REASON_APPLIED);
    assert_true(state_id_equal(state_submitted_at(s, 0)->job, job));
    assert_int_equal(state_job_find(s, job)->inputs, 1);
    assert_int_equal(withdraw(t, s, a), STATE_REASON_BUSY);
    assert_int_equal(take(t, s, 2, &job), STATE_REASON_BUSY);
    assert_int_equal(withdraw(t, s, none), STATE_REASON_NOT_SUBMITTED);
    assert_int_equal(withdraw(t, s, state_submitted_at(s, 1)->id), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 1);
    state_free(s);
}

/* Rule T1: only the attempt that is current ends it, and only once. */
static void a_batch_is_ingested_once_whoever_comes_late_T1(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file f = file_of("data/00/00000000000000000001-00.parquet", "a", "b", 1);
    assert_int_equal(submit(t, s, "/a", 1), STATE_REASON_APPLIED);
    assert_int_equal(take(t, s, 1, &job), STATE_REASON_APPLIED);
    assert_int_equal(reassign(t, s, job, 1), STATE_REASON_APPLIED);
    assert_int_equal(end(t, s, job, 1, &f), STATE_REASON_ATTEMPT);
    assert_int_equal(state_submitted_count(s), 1);
    assert_int_equal(end(t, s, job, 2, &f), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_count(s), 0);
    assert_int_equal(state_job_count(s), 0);
    assert_int_equal(end(t, s, job, 2, &f), STATE_REASON_NO_JOB);
    assert_int_equal(end(t, s, job, 1, &f), STATE_REASON_NO_JOB);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    state_free(s);
}

static void a_failure_is_that_of_the_files_it_names(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(submit(t, s, "/a", 1), STATE_REASON_APPLIED);
    assert_int_equal(submit(t, s, "/b", 1), STATE_REASON_APPLIED);
    assert_int_equal(take(t, s, 2, &job), STATE_REASON_APPLIED);
    struct state_id b = state_submitted_at(s, 1)->id;
    assert_int_equal(fail_batch(t, s, job, &b), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_at(s, 0)->failures, 0);
    assert_int_equal(state_submitted_at(s, 1)->failures, 1);
    assert_true(slice_is(state_submitted_at(s, 1)->why, "no such file"));
    assert_true(state_submitted_at(s, 1)->failed_us > 0);
    assert_true(state_id_is_none(state_submitted_at(s, 1)->job));
    assert_int_equal(submit(t, s, "/b", 2), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_at(s, 1)->failures, 0);
    assert_int_equal(state_submitted_at(s, 1)->why.len, 0);
    assert_int_equal(take(t, s, 2, &job), STATE_REASON_APPLIED);
    assert_int_equal(fail_batch(t, s, job, NULL), STATE_REASON_APPLIED);
    assert_int_equal(state_submitted_at(s, 0)->failures, 0);
    state_free(s);
}

/* Rule G5: what was submitted waits on, with no job. */
static void a_restore_ends_batches_and_keeps_what_waits_G5(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct table_state *from = state_of(t, NULL, NULL, 0);
    assert_int_equal(submit(t, s, "/a", 1), STATE_REASON_APPLIED);
    assert_int_equal(take(t, s, 1, &job), STATE_REASON_APPLIED);
    struct state_txn txn = next_of(s, STATE_VERIFIED);
    txn.verified = (struct state_verify){.root = slice_str("snap/a"), .number = 1, .minted = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    txn = next_of(s, STATE_PAUSE);
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    txn = next_of(s, STATE_RESTORE);
    txn.restore = (struct state_restore){.root = slice_str("snap/a"), .number = 1, .from = from};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(state_job_count(s), 0);
    assert_int_equal(state_submitted_count(s), 1);
    assert_true(state_id_is_none(state_submitted_at(s, 0)->job));
    assert_int_equal(end(t, s, job, 1, NULL), STATE_REASON_PAUSED);
    txn = next_of(s, STATE_RESUME);
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(end(t, s, job, 1, NULL), STATE_REASON_NO_JOB);
    state_free(from);
    state_free(s);
}

/* As a snapshot's root has them; a batch that is none is damage. */
static void a_snapshot_keeps_what_waits(void **state)
{
    struct t *t = *state;
    struct state_id job;
    struct arena a;
    struct buf root;
    struct state_shard_entry entry = {.name = slice_str("snap/x")};
    struct state_snapshot self = {.number = 4, .shards = &entry, .shard_count = 1};
    struct state_rules rules = state_rules_default();
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(submit(t, s, "/a", 1), STATE_REASON_APPLIED);
    struct state_submit_file read = {
        .path = slice_str("/b"),
        .bytes = 2,
        .reading = {
            .format = slice_str("csv"), .kinds = slice_str("op"), .skips = true, .most = 3}};
    struct state_txn txn = next_of(s, STATE_SUBMIT);
    txn.submit = (struct state_submit){.files = &read, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(take(t, s, 1, &job), STATE_REASON_APPLIED);
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&root, &t->mem, 1 << 20);
    assert_ok(t, state_root_encode(s, &self, &a, &root, &t->err));
    T_FAULT_LOOP(t) {
        struct state_loader l = {0};
        slp_rc rc = state_new(&t->mem, &rules, &l.state, &t->err);
        if (rc == SLP_OK)
            rc = state_load_root(&l, buf_slice(&root), &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        if (rc == SLP_OK) {
            assert_int_equal(state_submitted_count(l.state), 2);
            assert_true(slice_is(state_submitted_at(l.state, 1)->path, "/b"));
            assert_true(
                state_reading_equal(&state_submitted_at(l.state, 1)->reading, &read.reading));
            assert_true(state_id_equal(state_submitted_at(l.state, 0)->job, job));
        }
        state_free(l.state);
    }
    s->global.submitted[0].job.item = 9;
    buf_clear(&root);
    assert_ok(t, state_root_encode(s, &self, &a, &root, &t->err));
    struct state_loader l = {0};
    assert_ok(t, state_new(&t->mem, &rules, &l.state, &t->err));
    assert_rc(t, state_load_root(&l, buf_slice(&root), &t->err), SLP_CORRUPT);
    state_free(l.state);
    buf_fini(&root);
    arena_fini(&a);
    state_free(s);
}

static void submitting_survives_every_fault(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct state_rules rules = state_rules_default();
        struct table_state *s = NULL;
        struct state_outcome o;
        struct state_submit_file f = {
            .path = slice_str("/a"),
            .bytes = 1,
            .reading = {.format = slice_str("csv"), .kinds = slice_str("op")}};
        struct state_txn create = txn_of(STATE_CREATE, 1);
        struct state_txn txn = txn_of(STATE_SUBMIT, 2);
        create.create = (struct state_create){.schema_json = slice_str("{}"), .key_version = 1};
        txn.submit = (struct state_submit){.files = &f, .count = 1};
        slp_rc rc = state_new(&t->mem, &rules, &s, &t->err);
        if (rc == SLP_OK)
            rc = state_apply(s, &create, (struct state_position){.frame = 1}, &o, &t->err);
        if (rc == SLP_OK)
            rc = state_apply(s, &txn, (struct state_position){.frame = 2}, &o, &t->err);
        assert_true(t->fault_hit ? rc != SLP_OK : rc == SLP_OK);
        state_free(s);
    }
}

T_MAIN(T_TEST(a_file_named_twice_before_it_is_taken_waits_once),
       T_TEST(a_file_is_read_as_it_was_submitted), T_TEST(what_may_wait_is_bounded),
       T_TEST(a_batch_demands_files_that_are_free_P4),
       T_TEST(a_batch_is_ingested_once_whoever_comes_late_T1),
       T_TEST(a_failure_is_that_of_the_files_it_names),
       T_TEST(a_restore_ends_batches_and_keeps_what_waits_G5), T_TEST(a_snapshot_keeps_what_waits),
       T_TEST(submitting_survives_every_fault))
