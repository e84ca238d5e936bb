/*
 * Rules of the protocol, one by one, but for those of order and of purges (rules_order_test.c): each test breaks without the rule that its name ends in.
 */
#include "unit/state/rules.h"

static const char *const cut_at_g_and_p[] = {"g", "p"};

/* ---- Identity ---- */

static void a_base_below_that_of_what_it_adds_is_refused_I2(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("data/00/00000000000000000001-00.parquet", "a", "b", 1);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    f.name = slice_str("data/00/00000000000000000003-00.parquet");
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_BASE);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    state_free(s);
}

/* ---- Scopes ---- */

static void what_is_not_loaded_is_not_judged_P1(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    struct state_assign_item item = {.leaf = range_of("p", NULL)};
    s->seen = range_of("", "p");
    assert_int_equal(split(t, s, range_of("p", NULL), "q").reason, STATE_REASON_UNSEEN);
    assert_int_equal(merge_leaves(t, s, range_of("p", NULL), "q"), STATE_REASON_UNSEEN);
    assert_int_equal(assign_kind(t, s, &item), STATE_REASON_UNSEEN);
    assert_int_equal(replace(t, s, id_of(9, 0, 0), 1, range_of("p", NULL), NULL, 0).reason,
                     STATE_REASON_UNSEEN);
    assert_int_equal(split(t, s, range_of("g", NULL), "q").reason, STATE_REASON_NO_LEAF);
    assert_int_equal(split(t, s, range_of("", "g"), "b").reason, STATE_REASON_APPLIED);
    s->seen = all_keys;
    state_free(s);
}

static void an_unfiled_file_is_what_its_author_says_P2(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    (void)add(t, s, "a", "z", false);
    (void)add(t, s, "a", "b", true);
    assert_int_equal(state_unfiled_count(s), 1);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_int_equal(state_leaf_at(s, 2)->ref_count, 1);
    state_free(s);
}

static void merged_neighbours_are_one_leaf_and_references_continue_P3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id id = add(t, s, "b", "y", false);
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    assert_int_equal(merge_leaves(t, s, range_of("", "k"), "c"), STATE_REASON_NO_LEAF);
    assert_int_equal(merge_leaves(t, s, range_of("", "z"), "k"), STATE_REASON_NO_LEAF);
    assert_int_equal(merge_leaves(t, s, all_keys, "j"), STATE_REASON_NO_LEAF);
    assert_int_equal(merge_leaves(t, s, all_keys, "k"), STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_count(s), 1);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_null(state_leaf_at(s, 0)->held[0].part);
    assert_int_equal(file_named(t, s, id).refs, 1);
    state_free(s);
}

/* One half is compacted, then the halves are one leaf: what was replaced stays replaced. */
static void what_one_half_replaced_does_not_come_back_with_the_other_P3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id id = add(t, s, "b", "y", false);
    struct state_new_file out = file_of("o", "b", "j", 5);
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    assert_int_equal(assign(t, s, range_of("", "k"), &id, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, range_of("", "k"), &out, 1).reason,
                     STATE_REASON_APPLIED);
    assert_int_equal(merge_leaves(t, s, all_keys, "k"), STATE_REASON_APPLIED);
    const struct state_leaf *leaf = state_leaf_at(s, 0);
    assert_int_equal(leaf->ref_count, 2);
    struct state_brief old = state_leaf_brief(leaf, 0);
    assert_true(state_id_equal(old.id, id));
    assert_true(slice_is(old.range.lo, "k"));
    /* And a split above it leaves it where it is. */
    assert_int_equal(split(t, s, all_keys, "d").reason, STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_int_equal(split(t, s, range_of("d", NULL), "s").reason, STATE_REASON_APPLIED);
    old = state_leaf_brief(state_leaf_at(s, 1), 0);
    assert_true(slice_is(old.range.lo, "k") && slice_is(old.range.hi, "s"));
    old = state_leaf_brief(state_leaf_at(s, 2), 0);
    assert_true(slice_is(old.range.lo, "s"));
    state_free(s);
}

/* Parts of one file that different jobs hold are two references of the merged leaf. */
static void halves_that_jobs_hold_stay_theirs_in_a_merged_leaf_P3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id id = add(t, s, "b", "y", false);
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    assert_int_equal(assign(t, s, range_of("", "k"), &id, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(merge_leaves(t, s, all_keys, "k"), STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 2);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_BUSY);
    struct state_cut_item cut = {.leaf = all_keys, .file = id, .row_lo = 1, .row_hi = 2};
    struct state_txn txn = next_of(s, STATE_CUT);
    txn.cut = (struct state_cut){.items = &cut, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_NO_INPUT);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, range_of("", "k"), NULL, 0).reason,
                     STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
    state_free(s);
}

static void a_merge_at_a_bound_of_what_is_loaded_wants_the_neighbour_P3(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    struct state_merge_item item = {.range = range_of("g", NULL), .at = slice_str("p")};
    struct state_txn txn = next_of(s, STATE_MERGE);
    struct state_position at = {.frame = 2};
    txn.merge = (struct state_merge){.items = &item, .count = 1};
    assert_int_equal(state_wants(s, &txn, at).kind, STATE_WANT_NOTHING);
    s->seen = range_of("", "p");
    assert_int_equal(state_wants(s, &txn, at).kind, STATE_WANT_LEAF);
    assert_true(slice_is(state_wants(s, &txn, at).range.lo, "g"));
    s->seen = range_of("p", NULL);
    assert_int_equal(state_wants(s, &txn, at).kind, STATE_WANT_LEAF);
    s->seen = range_of("", "g");
    assert_int_equal(state_wants(s, &txn, at).kind, STATE_WANT_NOTHING);
    s->seen = all_keys;
    state_free(s);
}

static void an_import_is_of_no_leaf_and_its_files_may_be_old_P4_G1(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_assign_item item = {.kind = STATE_JOB_IMPORT, .deadline_us = 7};
    struct state_new_file f = file_of("data/00/00000000000000000001-00.parquet", "a", "b", 1);
    assert_int_equal(assign_kind(t, s, &item), STATE_REASON_APPLIED);
    struct state_id job = state_job_at(s, 0)->id;
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    assert_int_equal(collect(t, s, 3, 0, 0), STATE_REASON_APPLIED);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_TOO_OLD);
    struct state_txn txn = next_of(s, STATE_ADD);
    txn.add = (struct state_add){.files = &f, .count = 1, .job = job, .attempt = 2};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_ATTEMPT);
    txn = next_of(s, STATE_ADD);
    txn.add = (struct state_add){.files = &f, .count = 1, .job = job, .attempt = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(state_job_count_of(s, STATE_JOB_IMPORT), 1);
    assert_int_equal(replace(t, s, job, 1, all_keys, NULL, 0).reason, STATE_REASON_NO_JOB);
    txn = next_of(s, STATE_ADD);
    txn.add =
        (struct state_add){.files = &f, .count = 1, .job = job, .attempt = 1, .ends_job = true};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(state_job_count(s), 0);
    txn = next_of(s, STATE_ADD);
    txn.add = (struct state_add){.files = &f, .count = 1, .job = job, .attempt = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_NO_JOB);
    state_free(s);
}

/* ---- Snapshots, collection, restore ---- */

static void a_snapshot_is_verified_on_top_of_what_is_kept_S2(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    for (int i = 0; i < 8; i++)
        (void)add(t, s, "a", "b", false);
    assert_int_equal(verify(t, s, "snap/a", 2, ""), STATE_REASON_APPLIED);
    assert_int_equal(collect(t, s, 4, 0, 0), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/b", 3, "snap/a"), STATE_REASON_TOO_OLD);
    assert_int_equal(verify(t, s, "snap/b", 5, "snap/x"), STATE_REASON_PARENT);
    assert_int_equal(verify(t, s, "snap/b", 5, "snap/a"), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/c", 4, "snap/b"), STATE_REASON_BACKWARDS);
    state_free(s);
}

static void a_pin_names_a_verified_snapshot_at_just_its_position_S4_G1(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    for (int i = 0; i < 6; i++)
        (void)add(t, s, "a", "b", false);
    assert_int_equal(verify(t, s, "snap/a", 3, ""), STATE_REASON_APPLIED);
    assert_int_equal(verify(t, s, "snap/b", 5, "snap/a"), STATE_REASON_APPLIED);
    assert_int_equal(pin(t, s, "p", "snap/a", 4), STATE_REASON_NO_SNAPSHOT);
    assert_int_equal(pin(t, s, "p", "snap/x", 3), STATE_REASON_NO_SNAPSHOT);
    assert_int_equal(pin(t, s, "", "snap/a", 3), STATE_REASON_BAD_NAME);
    assert_int_equal(pin(t, s, "p", "snap/a", 3), STATE_REASON_APPLIED);
    assert_int_equal(pin(t, s, "p", "snap/b", 5), STATE_REASON_NAME_TAKEN);
    assert_int_equal(collect(t, s, 0, 5, 0), STATE_REASON_APPLIED);
    assert_int_equal(pin(t, s, "a", "snap/a", 3), STATE_REASON_TOO_OLD);
    assert_int_equal(pin(t, s, "a", "snap/b", 5), STATE_REASON_APPLIED);
    assert_true(slice_is(state_pin_at(s, 0)->name, "a"));
    assert_true(slice_is(state_pin_at(s, 1)->name, "p"));
    struct state_txn txn = next_of(s, STATE_UNPIN);
    txn.unpin.name = slice_str("q");
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_NO_PIN);
    state_free(s);
}

static void marks_only_rise_and_refuse_what_was_made_before_G1(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("data/00/00000000000000000002-00.parquet", "a", "b", 1);
    (void)add(t, s, "a", "b", false);
    (void)add(t, s, "a", "b", false);
    assert_int_equal(collect(t, s, 9, 0, 0), STATE_REASON_BAD_MARK);
    assert_int_equal(collect(t, s, 0, 9, 0), STATE_REASON_BAD_MARK);
    assert_int_equal(collect(t, s, 2, 3, 4), STATE_REASON_BAD_MARK);
    assert_int_equal(collect(t, s, 2, 3, 0), STATE_REASON_APPLIED);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(collect(t, s, 3, 1, 0), STATE_REASON_APPLIED);
    assert_int_equal(state_minted(s), 3);
    assert_int_equal(state_horizon(s), 3);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_TOO_OLD);
    /* An open job's output is excepted. */
    struct state_id id = id_of(2, 0, 0);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, &f, 1).reason,
                     STATE_REASON_APPLIED);
    state_free(s);
}

static void files_that_were_collected_are_forgotten_but_not_a_pins_G2(void **state)
{
    struct t *t = *state;
    for (int pinned = 0; pinned < 2; pinned++) {
        struct table_state *s = table_of(t, STATE_ENGINE_BAG);
        struct state_id id = add(t, s, "a", "b", false);
        assert_int_equal(verify(t, s, "snap/a", 2, ""), STATE_REASON_APPLIED);
        if (pinned)
            assert_int_equal(pin(t, s, "p", "snap/a", 2), STATE_REASON_APPLIED);
        assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
        assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, NULL, 0).reason,
                         STATE_REASON_APPLIED);
        uint64_t died = state_number(s);
        assert_int_equal(collect(t, s, 0, died, died), STATE_REASON_APPLIED);
        assert_int_equal(state_dead_count(s), 1);
        (void)add(t, s, "a", "b", false);
        assert_int_equal(collect(t, s, 0, died + 1, died + 1), STATE_REASON_APPLIED);
        assert_int_equal(state_dead_count(s), (size_t)pinned);
        state_free(s);
    }
}

/* A state as it is at this frame, by replay of the same transactions. */
static struct table_state *history(struct t *t, uint64_t frames)
{
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f[2] = {file_of("one", "a", "k", 10), file_of("two", "b", "z", 10)};
    f[1].is_unfiled = true;
    if (frames >= 2)
        assert_int_equal(add_files(t, s, f, 2).reason, STATE_REASON_APPLIED);
    if (frames >= 3)
        assert_int_equal(delete_range(t, s, "c", "d"), STATE_REASON_APPLIED);
    if (frames >= 4)
        assert_int_equal(purge(t, s, true), STATE_REASON_APPLIED);
    return s;
}

static enum state_reason restore(struct t *t, struct table_state *s, const char *root,
                                 uint64_t number, const struct table_state *from)
{
    struct state_txn txn = next_of(s, STATE_RESTORE);
    txn.restore = (struct state_restore){.root = slice_str(root), .number = number, .from = from};
    return do_it(t, s, &txn);
}

/* Its author has seen a state without the files that the restore brings back. */
static void a_purge_is_not_retired_by_who_has_not_seen_a_restore_P5(void **state)
{
    struct t *t = *state;
    struct table_state *then = history(t, 3);
    struct table_state *s = history(t, 3);
    struct state_position at = state_purge_at(s, 0)->at;
    assert_int_equal(verify(t, s, "snap/a", 3, ""), STATE_REASON_APPLIED);
    assert_int_equal(note(t, s, STATE_PAUSE), STATE_REASON_APPLIED);
    uint64_t seen = state_number(s);
    assert_int_equal(restore(t, s, "snap/a", 3, then), STATE_REASON_APPLIED);
    struct state_txn late = next_of(s, STATE_RETIRE_PURGE);
    late.retire = (struct state_retire_purge){.purges = &at, .count = 1, .seen = seen};
    assert_int_equal(do_it(t, s, &late), STATE_REASON_RESTORED);
    assert_int_equal(state_purge_count(s), 1);
    assert_int_equal(retire(t, s, at), STATE_REASON_APPLIED);
    state_free(s);
    state_free(then);
}

static void set_property(struct t *t, struct table_state *s, const char *name, const char *value)
{
    struct state_property p = {.name = slice_str(name), .value = slice_str(value)};
    struct state_txn txn = next_of(s, STATE_PROPERTIES);
    txn.properties = (struct state_set_properties){.items = &p, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
}

static void a_restore_brings_back_files_and_keeps_marks_purges_and_pins_G5(void **state)
{
    struct t *t = *state;
    struct table_state *then = history(t, 4);
    struct table_state *s = history(t, 4);
    struct slice value;
    assert_int_equal(verify(t, s, "snap/a", 4, ""), STATE_REASON_APPLIED);
    /* One file dies, one comes; a range delete, a purge, a property, a job, a delete. */
    struct state_id one = id_of(2, 0, 0);
    assert_int_equal(assign(t, s, all_keys, &one, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, NULL, 0).reason,
                     STATE_REASON_APPLIED);
    struct state_new_file f = file_of("three", "a", "c", 10);
    f.deletes = 2;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    struct state_id three = {.at = {.frame = state_number(s)}};
    assert_int_equal(assign(t, s, all_keys, &three, 1).reason, STATE_REASON_APPLIED);
    struct state_id job = state_job_at(s, 0)->id;
    assert_int_equal(delete_range(t, s, "x", "z"), STATE_REASON_APPLIED);
    assert_int_equal(purge(t, s, true), STATE_REASON_APPLIED);
    set_property(t, s, "p", "1");
    assert_int_equal(pin(t, s, "monday", "snap/a", 4), STATE_REASON_APPLIED);
    assert_int_equal(collect(t, s, 5, 6, 0), STATE_REASON_APPLIED); /* pinned, though below H */
    assert_int_equal(restore(t, s, "snap/a", 4, then), STATE_REASON_NOT_PAUSED);
    assert_int_equal(note(t, s, STATE_PAUSE), STATE_REASON_APPLIED);
    struct state_txn early = next_of(s, STATE_RESTORE);
    early.base = state_paused_at(s).frame - 1; /* its author has not seen the pause */
    early.restore = (struct state_restore){.root = slice_str("snap/a"), .number = 4, .from = then};
    assert_int_equal(do_it(t, s, &early), STATE_REASON_NOT_PAUSED);
    assert_int_equal(restore(t, s, "snap/b", 5, then), STATE_REASON_TOO_OLD);
    assert_int_equal(restore(t, s, "snap/b", 7, then), STATE_REASON_NO_SNAPSHOT);
    assert_int_equal(restore(t, s, "snap/a", 4, then), STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_true(state_id_equal(state_leaf_brief(state_leaf_at(s, 0), 0).id, one));
    assert_int_equal(state_unfiled_count(s), 1);
    assert_int_equal(state_job_count(s), 0);
    assert_int_equal(state_dead_count(s), 1); /* "three"; "one" lives again */
    assert_true(slice_is(state_dead_at(s, 0)->name, "three"));
    assert_int_equal(state_purge_count(s), 3); /* its range delete, both purges */
    assert_true(state_purge_at(s, 0)->is_range && slice_is(state_purge_at(s, 0)->range.lo, "c"));
    assert_false(state_property_find(s, slice_str("p"), &value));
    assert_true(state_has_deleted(s));
    assert_int_equal(state_minted(s), 5);
    assert_int_equal(state_pin_count(s), 1);
    assert_true(state_is_paused(s));
    /* The job's worker comes late. */
    assert_int_equal(replace(t, s, job, 1, all_keys, NULL, 0).reason, STATE_REASON_NO_JOB);
    state_free(s);
    state_free(then);
}

static void a_restore_wants_its_snapshot_only_when_it_counts_G5(void **state)
{
    struct t *t = *state;
    struct table_state *s = history(t, 4);
    assert_int_equal(verify(t, s, "snap/a", 4, ""), STATE_REASON_APPLIED);
    struct state_txn txn = txn_of(STATE_RESTORE, state_number(s) + 2);
    txn.restore = (struct state_restore){.root = slice_str("snap/a"), .number = 4};
    struct state_position at = {.frame = state_number(s) + 2};
    assert_int_equal(state_wants(s, &txn, at).kind, STATE_WANT_NOTHING);
    assert_int_equal(note(t, s, STATE_PAUSE), STATE_REASON_APPLIED);
    txn.base = state_number(s);
    struct state_want want = state_wants(s, &txn, at);
    assert_int_equal(want.kind, STATE_WANT_ROOT);
    assert_true(slice_is(want.name, "snap/a"));
    assert_int_equal(want.number, 4);
    struct state_outcome o;
    assert_rc(t, state_apply(s, &txn, at, &o, &t->err), SLP_CORRUPT);
    assert_err_has(t, "snap/a");
    state_free(s);
}

/* What a body adds stands in the frame: where that is too old nobody needs the body. */
static void a_body_is_wanted_unless_what_stands_in_the_frame_says_no_G1_G3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct arena a;
    struct buf body;
    struct state_apart apart = {.base = 3, .object = &body};
    struct buf bytes;
    struct state_txn in;
    struct state_outcome o;
    size_t used = 0;
    struct state_new_file f = file_of("data/00/00000000000000000001-00.parquet", "a", "b", 1);
    (void)add(t, s, "a", "b", false);
    (void)add(t, s, "a", "b", false);
    struct state_position at = {.frame = state_number(s) + 1};
    struct state_txn txn = next_of(s, STATE_ADD);
    txn.add = (struct state_add){.files = &f, .count = 1};
    arena_init(&a, &t->mem, 1 << 20);
    buf_init(&body, &t->mem, 1 << 20);
    buf_init(&bytes, &t->mem, 1 << 20);
    assert_ok(t, state_txn_encode_apart(&txn, &apart, &a, &bytes, &t->err));
    assert_ok(t, state_txn_decode(buf_slice(&bytes), 0, &a, &in, &used, &t->err));
    struct state_want want = state_wants(s, &in, at);
    assert_int_equal(want.kind, STATE_WANT_BODY);
    assert_true(slice_is(want.name, apart.name));
    assert_rc(t, state_apply(s, &in, at, &o, &t->err), SLP_CORRUPT);
    assert_err_has(t, "was not read");
    assert_int_equal(collect(t, s, 2, 0, 0), STATE_REASON_APPLIED);
    at.frame++;
    assert_int_equal(state_wants(s, &in, at).kind, STATE_WANT_NOTHING);
    assert_ok(t, state_apply(s, &in, at, &o, &t->err));
    assert_int_equal(o.reason, STATE_REASON_TOO_OLD);
    buf_fini(&body);
    buf_fini(&bytes);
    arena_fini(&a);
    state_free(s);
}

/* ---- Time ---- */

static void a_reassignment_loses_to_an_extension_and_fences_the_old_attempt_T1(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id id = add(t, s, "a", "b", false);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
    struct state_id job = state_job_at(s, 0)->id;
    struct state_extend_item later = {
        .job = job, .attempt = 1, .range = all_keys, .deadline_us = 99};
    struct state_reassign_item other = {
        .job = job, .attempt = 1, .range = all_keys, .extension = 0, .deadline_us = 200};
    struct state_txn txn = next_of(s, STATE_EXTEND);
    txn.extend = (struct state_extend){.items = &later, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(state_job_at(s, 0)->deadline_us, 99);
    txn = next_of(s, STATE_REASSIGN);
    txn.reassign = (struct state_reassign){.items = &other, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_EXTENDED);
    other.extension = 1;
    txn = next_of(s, STATE_REASSIGN);
    txn.reassign = (struct state_reassign){.items = &other, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    const struct state_job *now = state_job_at(s, 0);
    assert_int_equal(now->attempt, 2);
    assert_int_equal(now->deadline_us, 200);
    assert_int_equal(now->assigned.frame, state_number(s)); /* the new mark (rule V3) */
    txn = next_of(s, STATE_EXTEND);
    txn.extend = (struct state_extend){.items = &later, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_ATTEMPT);
    assert_int_equal(replace(t, s, job, 1, all_keys, NULL, 0).reason, STATE_REASON_ATTEMPT);
    assert_int_equal(replace(t, s, job, 2, all_keys, NULL, 0).reason, STATE_REASON_APPLIED);
    state_free(s);
}

/* ---- What is not a rule of the protocol ---- */

static void a_paused_table_takes_no_rows_and_no_jobs(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id id = add(t, s, "a", "b", false);
    struct state_new_file f = file_of("f", "a", "b", 1);
    assert_int_equal(note(t, s, STATE_RESUME), STATE_REASON_NOT_PAUSED);
    assert_int_equal(note(t, s, STATE_PAUSE), STATE_REASON_APPLIED);
    assert_int_equal(note(t, s, STATE_PAUSE), STATE_REASON_ALREADY);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_PAUSED);
    assert_int_equal(purge(t, s, true), STATE_REASON_PAUSED);
    assert_int_equal(delete_range(t, s, "a", "b"), STATE_REASON_PAUSED);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_PAUSED);
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    assert_int_equal(note(t, s, STATE_RESUME), STATE_REASON_APPLIED);
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    state_free(s);
}

static void behind_a_drop_nothing_is_applied(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("f", "a", "b", 1);
    assert_int_equal(note(t, s, STATE_DROP), STATE_REASON_APPLIED);
    assert_true(state_is_dropped(s));
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_DROPPED);
    assert_int_equal(note(t, s, STATE_CREATE), STATE_REASON_DROPPED);
    assert_int_equal(note(t, s, STATE_DROP), STATE_REASON_DROPPED);
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_DROPPED);
    state_free(s);
}

static enum state_reason alter(struct t *t, struct table_state *s, uint32_t version)
{
    struct state_txn txn = next_of(s, STATE_ALTER);
    txn.alter = (struct state_alter){.version = version, .schema_json = slice_str("{2}")};
    return do_it(t, s, &txn);
}

static void versions_of_the_schema_follow_one_another(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("f", "a", "b", 1);
    struct state_id id = add(t, s, "a", "b", false);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(alter(t, s, 3), STATE_REASON_SCHEMA);
    assert_int_equal(alter(t, s, 2), STATE_REASON_APPLIED);
    assert_int_equal(state_schema_version(s), 2);
    assert_true(slice_is(state_schema_json(s), "{2}"));
    assert_true(slice_is(state_schema_find(s, 1)->json, "{}"));
    assert_null(state_schema_find(s, 3));
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_SCHEMA);
    /* A job that began before may end: old files stay readable. */
    struct state_id job = state_job_at(s, 0)->id;
    f.schema_version = 3;
    assert_int_equal(replace(t, s, job, 1, all_keys, &f, 1).reason, STATE_REASON_SCHEMA);
    f.schema_version = 1;
    assert_int_equal(replace(t, s, job, 1, all_keys, &f, 1).reason, STATE_REASON_APPLIED);
    f.schema_version = 2;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    state_free(s);
}

static void properties_are_set_and_taken_away_all_or_none(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct slice value;
    struct state_property p[2] = {{.name = slice_str("b"), .value = slice_str("1")},
                                  {.name = slice_str("a"), .value = slice_str("2")}};
    struct state_txn txn = next_of(s, STATE_PROPERTIES);
    txn.properties = (struct state_set_properties){.items = p, .count = 2};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_PROPERTY);
    assert_int_equal(state_property_count(s), 0);
    set_property(t, s, "b", "1");
    set_property(t, s, "a", "2");
    set_property(t, s, "b", "3");
    assert_true(slice_is(state_property_at(s, 0)->name, "a"));
    assert_true(state_property_find(s, slice_str("b"), &value) && slice_is(value, "3"));
    p[1] = (struct state_property){.name = slice_str("a"), .is_unset = true};
    txn = next_of(s, STATE_PROPERTIES);
    txn.properties = (struct state_set_properties){.items = p + 1, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_false(state_property_find(s, slice_str("a"), &value));
    txn = next_of(s, STATE_PROPERTIES);
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_EMPTY);
    state_free(s);
}

static void rows_of_more_kinds_than_there_are_make_a_bad_file(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("f", "a", "b", 5);
    f.deletes = 3;
    f.resets = 3;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_BAD_FILE);
    f.resets = 2;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    f.name = (struct slice){0};
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_BAD_FILE);
    state_free(s);
}

static void a_restore_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct table_state *then = history(t, 4);
    T_FAULT_LOOP(t) {
        struct state_rules rules = state_rules_default();
        struct table_state *s = NULL;
        struct state_new_file f = file_of("x", "a", "k", 10);
        struct state_txn txns[4] = {txn_of(STATE_CREATE, 1), txn_of(STATE_ADD, 2),
                                    txn_of(STATE_VERIFIED, 5), txn_of(STATE_PAUSE, 6)};
        struct state_txn back = txn_of(STATE_RESTORE, 7);
        struct state_outcome o;
        txns[0].create.schema_json = slice_str("{}");
        txns[1].add = (struct state_add){.files = &f, .count = 1};
        txns[2].verified = (struct state_verify){.root = slice_str("snap/a"), .number = 4};
        back.restore =
            (struct state_restore){.root = slice_str("snap/a"), .number = 4, .from = then};
        slp_rc rc = state_new(&t->mem, &rules, &s, &t->err);
        for (size_t i = 0; i < 4 && rc == SLP_OK; i++)
            rc = state_apply(s, &txns[i], (struct state_position){.frame = txns[i].base + 1}, &o,
                             &t->err);
        if (rc == SLP_OK)
            rc = state_apply(s, &back, (struct state_position){.frame = 7}, &o, &t->err);
        if (rc == SLP_OK)
            assert_int_equal(o.reason, STATE_REASON_APPLIED);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        state_free(s);
    }
    state_free(then);
}

T_MAIN(T_TEST(a_base_below_that_of_what_it_adds_is_refused_I2),
       T_TEST(what_is_not_loaded_is_not_judged_P1),
       T_TEST(an_unfiled_file_is_what_its_author_says_P2),
       T_TEST(merged_neighbours_are_one_leaf_and_references_continue_P3),
       T_TEST(what_one_half_replaced_does_not_come_back_with_the_other_P3),
       T_TEST(halves_that_jobs_hold_stay_theirs_in_a_merged_leaf_P3),
       T_TEST(a_merge_at_a_bound_of_what_is_loaded_wants_the_neighbour_P3),
       T_TEST(an_import_is_of_no_leaf_and_its_files_may_be_old_P4_G1),
       T_TEST(a_purge_is_not_retired_by_who_has_not_seen_a_restore_P5),
       T_TEST(a_snapshot_is_verified_on_top_of_what_is_kept_S2),
       T_TEST(a_pin_names_a_verified_snapshot_at_just_its_position_S4_G1),
       T_TEST(marks_only_rise_and_refuse_what_was_made_before_G1),
       T_TEST(files_that_were_collected_are_forgotten_but_not_a_pins_G2),
       T_TEST(a_restore_brings_back_files_and_keeps_marks_purges_and_pins_G5),
       T_TEST(a_restore_wants_its_snapshot_only_when_it_counts_G5),
       T_TEST(a_body_is_wanted_unless_what_stands_in_the_frame_says_no_G1_G3),
       T_TEST(a_reassignment_loses_to_an_extension_and_fences_the_old_attempt_T1),
       T_TEST(a_paused_table_takes_no_rows_and_no_jobs), T_TEST(behind_a_drop_nothing_is_applied),
       T_TEST(versions_of_the_schema_follow_one_another),
       T_TEST(properties_are_set_and_taken_away_all_or_none),
       T_TEST(rows_of_more_kinds_than_there_are_make_a_bad_file),
       T_TEST(a_restore_survives_every_fault))
