/*
 * Rules of the protocol that say which run is older, and what a purge takes: each test breaks without
 * the rule that its name ends in.
 */
#include "unit/state/rules.h"

/* ---- Order ---- */

static void an_order_by_goes_with_last_and_first_only_O2(void **state)
{
    struct t *t = *state;
    static const enum state_reason want[] = {STATE_REASON_ENGINE, STATE_REASON_ENGINE,
                                             STATE_REASON_APPLIED, STATE_REASON_APPLIED,
                                             STATE_REASON_ENGINE};
    for (uint32_t engine = STATE_ENGINE_BAG; engine <= STATE_ENGINE_PARTIAL; engine++) {
        struct state_rules rules = state_rules_default();
        struct table_state *s = NULL;
        struct state_txn txn = txn_of(STATE_CREATE, 1);
        assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
        txn.create = (struct state_create){.engine = engine, .order_by = 2};
        assert_int_equal(do_it(t, s, &txn), want[engine]);
        state_free(s);
    }
}

static void a_run_that_stays_out_must_not_stand_between_O3(void **state)
{
    struct t *t = *state;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct table_state *s = table_of(t, ordered ? STATE_ENGINE_LAST : STATE_ENGINE_BAG);
        struct state_id runs[3];
        for (size_t i = 0; i < 3; i++)
            runs[i] = add(t, s, "b", "k", false);
        struct state_id ends[2] = {runs[2], runs[0]};
        assert_int_equal(assign(t, s, all_keys, ends, 2).reason,
                         ordered ? STATE_REASON_NOT_ADJACENT : STATE_REASON_APPLIED);
        if (ordered)
            assert_int_equal(assign(t, s, all_keys, runs + 1, 2).reason, STATE_REASON_APPLIED);
        state_free(s);
    }
}

static void the_first_delete_makes_a_table_order_sensitive_for_ever_O3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_AGGREGATE);
    struct state_id runs[3] = {add(t, s, "b", "k", false)};
    struct state_new_file f = file_of("d", "b", "k", 10);
    assert_false(state_is_order_sensitive(s));
    f.deletes = 1;
    runs[1].at = add_files(t, s, &f, 1).at;
    runs[2] = add(t, s, "b", "k", false);
    assert_true(state_is_order_sensitive(s));
    struct state_id ends[2] = {runs[0], runs[2]};
    assert_int_equal(assign(t, s, all_keys, ends, 2).reason, STATE_REASON_NOT_ADJACENT);
    assert_int_equal(assign(t, s, all_keys, runs, 3).reason, STATE_REASON_APPLIED);
    struct state_new_file out = file_of("o", "b", "k", 9);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, &out, 1).reason,
                     STATE_REASON_APPLIED);
    assert_true(state_is_order_sensitive(s)); /* though no file has a delete any more */
    state_free(s);
}

static void an_unfiled_file_counts_as_a_run_of_the_leaves_that_it_meets_O3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_LAST);
    struct state_id low[2];
    struct state_id high[2];
    assert_int_equal(split(t, s, all_keys, "k").reason, STATE_REASON_APPLIED);
    low[0] = add(t, s, "a", "b", false);
    high[0] = add(t, s, "l", "m", false);
    (void)add(t, s, "a", "c", true);
    low[1] = add(t, s, "a", "b", false);
    high[1] = add(t, s, "l", "m", false);
    assert_int_equal(assign(t, s, range_of("", "k"), low, 2).reason, STATE_REASON_NOT_ADJACENT);
    assert_int_equal(assign(t, s, range_of("k", NULL), high, 2).reason, STATE_REASON_APPLIED);
    state_free(s);
}

/* Files of one commit may share a key, so one of them alone must not join a newer run. */
static void a_run_is_taken_whole_O3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_FIRST);
    struct state_new_file files[2] = {file_of("a", "b", "k", 10), file_of("b", "k", "z", 10)};
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_APPLIED);
    struct state_id newer = add(t, s, "a", "z", false);
    struct state_id both[3] = {id_of(2, 0, 0), newer, id_of(2, 0, 1)};
    assert_int_equal(assign(t, s, all_keys, both, 2).reason, STATE_REASON_NOT_ADJACENT);
    assert_int_equal(assign(t, s, all_keys, both, 3).reason, STATE_REASON_APPLIED);
    state_free(s);
}

/* An output keeps its inputs' positions; one that begins with a run stands behind that run. */
static void outputs_stand_where_their_inputs_stood_O1(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file files[2] = {file_of("a", "b", "k", 10), file_of("b", "l", "z", 10)};
    struct state_new_file out = file_of("o", "a", "z", 20);
    struct state_new_file again = file_of("p", "l", "z", 10);
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_APPLIED);
    struct state_id newer = add(t, s, "a", "z", false);
    struct state_id some[2] = {id_of(2, 0, 0), newer};
    struct state_id rest = id_of(2, 0, 1);
    assert_int_equal(assign(t, s, all_keys, some, 2).reason, STATE_REASON_APPLIED);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, &out, 1).reason,
                     STATE_REASON_APPLIED);
    assert_int_equal(assign(t, s, all_keys, &rest, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(replace(t, s, state_job_at(s, 0)->id, 1, all_keys, &again, 1).reason,
                     STATE_REASON_APPLIED);
    struct state_brief first = state_leaf_brief(state_leaf_at(s, 0), 0);
    struct state_brief second = state_leaf_brief(state_leaf_at(s, 0), 1);
    assert_int_equal(first.high.frame, 2);
    assert_int_equal(second.low.frame, 2);
    assert_int_equal(second.high.frame, 3);
    assert_true(state_id_compare(first.id, second.id) > 0);
    state_free(s);
}

static void a_fold_takes_no_files_with_another_add_between_O4(void **state)
{
    struct t *t = *state;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct table_state *s = table_of(t, ordered ? STATE_ENGINE_LAST : STATE_ENGINE_BAG);
        struct state_id wide[3];
        (void)add(t, s, "a", "b", false); /* older than all of them */
        wide[0] = add(t, s, "b", "k", true);
        wide[1] = add(t, s, "c", "z", true);
        (void)add(t, s, "x", "y", false); /* it meets nobody's keys, but who knows that later */
        wide[2] = add(t, s, "b", "k", true);
        assert_int_equal(state_add_count(s), 1); /* of those that leaves have, since the oldest */
        assert_int_equal(fold(t, s, wide + 1, 2),
                         ordered ? STATE_REASON_NOT_ADJACENT : STATE_REASON_APPLIED);
        struct state_id ends[2] = {wide[0], wide[2]};
        assert_int_equal(fold(t, s, ends, 2),
                         ordered ? STATE_REASON_NOT_ADJACENT : STATE_REASON_BUSY);
        if (ordered)
            assert_int_equal(fold(t, s, wide, 2), STATE_REASON_APPLIED);
        state_free(s);
    }
}

static struct state_id fold_done(struct t *t, struct table_state *s, const struct state_id *ids)
{
    struct state_new_file out = file_of("o", "c", "d", 20);
    out.is_unfiled = true;
    assert_int_equal(fold(t, s, ids, 2), STATE_REASON_APPLIED);
    struct state_id job = state_job_at(s, 0)->id;
    assert_int_equal(replace(t, s, job, 1, state_job_at(s, 0)->range, &out, 1).reason,
                     STATE_REASON_APPLIED);
    return (struct state_id){.at = {.frame = state_number(s)}};
}

static enum state_reason file_down(struct t *t, struct table_state *s, struct state_id id)
{
    struct state_txn txn = next_of(s, STATE_FILE_DOWN);
    txn.file_down = (struct state_file_down){.files = &id, .count = 1};
    return do_it(t, s, &txn);
}

/* While order does not count, a fold reaches over adds that it does not hold. Behind the first delete
 * nothing may be folded over these, or what was deleted would be newer than the delete. */
static void a_fold_from_before_order_counted_has_holes_O4(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_id ends[2];
    ends[0] = add(t, s, "b", "k", true);
    (void)add(t, s, "c", "d", false); /* in the hole */
    ends[1] = add(t, s, "b", "z", true);
    struct state_id holed = fold_done(t, s, ends);
    struct state_new_file f = file_of("f", "c", "d", 1);
    f.deletes = 1;
    f.is_unfiled = true;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    assert_true(state_is_order_sensitive(s));
    struct state_id both[2] = {holed, {.at = {.frame = state_number(s)}}};
    assert_int_equal(fold(t, s, both, 2), STATE_REASON_NOT_ADJACENT);
    struct state_id next[2] = {both[1], add(t, s, "b", "k", true)};
    (void)fold_done(t, s, next);                                   /* these are neighbours */
    assert_int_equal(fold(t, s, &holed, 1), STATE_REASON_APPLIED); /* it stays where it is */
    state_free(s);
}

static void what_was_filed_down_stands_between_others_O4(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_LAST);
    struct state_id wide[3];
    for (int i = 0; i < 3; i++)
        wide[i] = add(t, s, "b", "k", true);
    assert_int_equal(state_add_count(s), 0);
    assert_int_equal(file_down(t, s, wide[1]), STATE_REASON_APPLIED);
    assert_int_equal(state_add_count(s), 1);
    struct state_id ends[2] = {wide[0], wide[2]};
    assert_int_equal(fold(t, s, ends, 2), STATE_REASON_NOT_ADJACENT);
    assert_int_equal(file_down(t, s, wide[0]), STATE_REASON_APPLIED);
    assert_int_equal(state_add_count(s), 0); /* no fold reaches down there any more */
    state_free(s);
}

/* One part of a run is under leaves: the other must not go to where it would be older than that. */
static void a_run_that_is_filed_in_part_is_not_folded_O4(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_LAST);
    struct state_id first = add(t, s, "b", "k", true);
    struct state_new_file f[2] = {file_of("one", "a", "d", 10), file_of("two", "e", "z", 10)};
    f[1].is_unfiled = true;
    assert_int_equal(add_files(t, s, f, 2).reason, STATE_REASON_APPLIED);
    struct state_id both[2] = {first, id_of(state_number(s), 0, 1)};
    assert_int_equal(fold(t, s, both, 2), STATE_REASON_NOT_ADJACENT);
    state_free(s);
}

static void a_fold_holds_unfiled_files_and_its_outputs_are_unfiled_P4(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_LAST);
    struct state_id wide[2] = {add(t, s, "b", "k", true), add(t, s, "c", "z", true)};
    struct state_id filed = add(t, s, "b", "k", false);
    struct state_new_file out = file_of("o", "b", "z", 20);
    assert_int_equal(fold(t, s, &filed, 1), STATE_REASON_NOT_UNFILED);
    assert_int_equal(fold(t, s, wide, 0), STATE_REASON_EMPTY);
    struct state_assign_item item = {
        .inputs = wide, .input_count = 2, .kind = STATE_JOB_FOLD, .drops_deletes = true};
    assert_int_equal(assign_kind(t, s, &item), STATE_REASON_NOT_OLDEST);
    assert_int_equal(fold(t, s, wide, 2), STATE_REASON_APPLIED);
    const struct state_job *job = state_job_at(s, 0);
    struct key_range range = job->range;
    struct state_txn txn = next_of(s, STATE_FILE_DOWN);
    txn.file_down = (struct state_file_down){.files = wide, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_BUSY);
    assert_int_equal(fail_job(t, s, job), STATE_REASON_APPLIED);
    assert_int_equal(fold(t, s, wide, 2), STATE_REASON_APPLIED);
    job = state_job_at(s, 0);
    range = job->range;
    assert_int_equal(replace(t, s, job->id, 1, range, &out, 1).reason, STATE_REASON_OUTSIDE);
    out.is_unfiled = true;
    assert_int_equal(replace(t, s, job->id, 1, range, &out, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(state_unfiled_count(s), 1);
    assert_int_equal(state_unfiled_at(s, 0)->file->low.frame, 2);
    assert_int_equal(state_unfiled_at(s, 0)->file->high.frame, 3);
    assert_int_equal(state_dead_count(s), 2);
    assert_int_equal(state_add_count(s), 1);
    struct state_id folded = state_unfiled_at(s, 0)->file->id;
    txn = next_of(s, STATE_FILE_DOWN);
    txn.file_down = (struct state_file_down){.files = &folded, .count = 1};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(state_add_count(s), 0);
    /* By lowest position it stands in front of the one that was added behind its inputs. */
    assert_true(state_id_equal(state_leaf_brief(state_leaf_at(s, 0), 0).id, folded));
    state_free(s);
}

static enum state_reason assign_dropping(struct t *t, struct table_state *s,
                                         const struct state_id *ids, size_t count)
{
    struct state_assign_item item = {
        .leaf = all_keys, .inputs = ids, .input_count = count, .drops_deletes = true};
    return assign_kind(t, s, &item);
}

static void deletes_go_only_where_nothing_older_is_O6(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_LAST);
    struct state_id runs[4];
    runs[0] = add(t, s, "b", "k", false);
    runs[1] = add(t, s, "c", "d", false);
    runs[2] = add(t, s, "x", "z", false);
    (void)add(t, s, "a", "z", true);
    runs[3] = add(t, s, "y", "z", false);
    assert_int_equal(assign_dropping(t, s, runs + 1, 1), STATE_REASON_NOT_OLDEST);
    assert_int_equal(assign_dropping(t, s, runs + 3, 1), STATE_REASON_NOT_OLDEST); /* unfiled */
    /* Other keys: what is older there has none of its rows. */
    assert_int_equal(assign_dropping(t, s, runs + 2, 1), STATE_REASON_APPLIED);
    assert_true(state_job_at(s, 0)->drops_deletes);
    assert_int_equal(assign(t, s, all_keys, runs, 1).reason, STATE_REASON_APPLIED);
    assert_false(state_job_at(s, 1)->drops_deletes);
    assert_int_equal(assign_dropping(t, s, runs + 1, 1), STATE_REASON_NOT_OLDEST); /* a job's */
    state_free(s);
}

/* ---- Purges ---- */

static void a_files_mark_is_its_own_position_or_its_jobs_V3(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("f", "a", "b", 1);
    f.purged_through.frame = 1;
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_MARK);
    struct state_id id = add(t, s, "a", "b", false);
    assert_int_equal(file_named(t, s, id).purged_through.frame, id.at.frame);
    assert_int_equal(assign(t, s, all_keys, &id, 1).reason, STATE_REASON_APPLIED);
    struct state_id job = state_job_at(s, 0)->id;
    f.purged_through = id.at;
    assert_int_equal(replace(t, s, job, 1, all_keys, &f, 1).reason, STATE_REASON_MARK);
    f.purged_through = (struct state_position){.frame = state_number(s) + 1};
    assert_int_equal(replace(t, s, job, 1, all_keys, &f, 1).reason, STATE_REASON_MARK);
    struct state_position assigned = job.at;
    f.purged_through = assigned;
    struct state_outcome o = replace(t, s, job, 1, all_keys, &f, 1);
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    id = (struct state_id){.at = o.at};
    assert_int_equal(file_named(t, s, id).purged_through.frame, assigned.frame);
    state_free(s);
}

static void a_purge_names_keys_only_where_the_engine_reduces_V3(void **state)
{
    struct t *t = *state;
    for (uint32_t engine = STATE_ENGINE_BAG; engine <= STATE_ENGINE_PARTIAL; engine++) {
        struct table_state *s = table_of(t, (enum state_engine)engine);
        assert_int_equal(purge(t, s, true), STATE_REASON_APPLIED);
        assert_int_equal(purge(t, s, false),
                         engine == STATE_ENGINE_BAG ? STATE_REASON_APPLIED : STATE_REASON_VALUES);
        assert_true(slice_is(state_purge_at(s, 0)->predicate, "k = 1"));
        assert_int_equal(state_purge_at(s, 0)->at.frame, 2);
        state_free(s);
    }
}

static void range_deletes_are_kept_as_purges_of_keys_V4(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    struct state_new_file f = file_of("f", "c", "d", 1);
    (void)add(t, s, "a", "z", false);
    assert_int_equal(delete_range(t, s, "b", "b"), STATE_REASON_EMPTY);
    assert_int_equal(delete_range(t, s, "b", "k"), STATE_REASON_APPLIED);
    assert_false(state_is_order_sensitive(s)); /* no flag */
    struct state_txn txn = next_of(s, STATE_OVERWRITE);
    txn.overwrite =
        (struct state_overwrite){.range = range_of("d", "x"), .add = {.files = &f, .count = 1}};
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_OUTSIDE);
    txn = next_of(s, STATE_OVERWRITE);
    txn.overwrite =
        (struct state_overwrite){.range = range_of("c", "x"), .add = {.files = &f, .count = 1}};
    struct state_outcome o = apply_next(t, s, &txn);
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    assert_int_equal(state_purge_count(s), 2);
    const struct state_purge *p = state_purge_at(s, 1);
    assert_true(p->is_range && slice_is(p->range.lo, "c") && slice_is(p->range.hi, "x"));
    struct state_file made = file_named(t, s, (struct state_id){.at = o.at});
    assert_int_equal(state_position_compare(made.purged_through, p->at), 0); /* not below it */
    state_free(s);
}

static void a_purge_stays_while_a_state_before_it_may_come_back_V5_P5(void **state)
{
    struct t *t = *state;
    struct table_state *s = table_of(t, STATE_ENGINE_BAG);
    (void)add(t, s, "a", "z", false); /* live and below: for the proposer to know (P5) */
    assert_int_equal(verify(t, s, "snap/a", 2, ""), STATE_REASON_APPLIED);
    assert_int_equal(pin(t, s, "p", "snap/a", 2), STATE_REASON_APPLIED);
    assert_int_equal(purge(t, s, true), STATE_REASON_APPLIED);
    struct state_position at = state_purge_at(s, 0)->at;
    assert_int_equal(delete_range(t, s, "b", "c"), STATE_REASON_APPLIED);
    struct state_position deleted = state_purge_at(s, 1)->at;
    assert_int_equal(retire(t, s, deleted), STATE_REASON_APPLIED);
    assert_int_equal(retire(t, s, deleted), STATE_REASON_NO_PURGE);
    assert_int_equal(retire(t, s, at), STATE_REASON_RESTORABLE); /* H is at or below it */
    assert_int_equal(collect(t, s, 0, at.frame + 1, 0), STATE_REASON_APPLIED);
    assert_int_equal(retire(t, s, at), STATE_REASON_RESTORABLE); /* a pin is below it */
    struct state_txn txn = next_of(s, STATE_UNPIN);
    txn.unpin.name = slice_str("p");
    assert_int_equal(do_it(t, s, &txn), STATE_REASON_APPLIED);
    assert_int_equal(retire(t, s, at), STATE_REASON_APPLIED);
    assert_int_equal(state_purge_count(s), 0);
    state_free(s);
}

T_MAIN(T_TEST(an_order_by_goes_with_last_and_first_only_O2),
       T_TEST(a_run_that_stays_out_must_not_stand_between_O3),
       T_TEST(the_first_delete_makes_a_table_order_sensitive_for_ever_O3),
       T_TEST(an_unfiled_file_counts_as_a_run_of_the_leaves_that_it_meets_O3),
       T_TEST(a_run_is_taken_whole_O3), T_TEST(outputs_stand_where_their_inputs_stood_O1),
       T_TEST(a_fold_takes_no_files_with_another_add_between_O4),
       T_TEST(a_fold_from_before_order_counted_has_holes_O4),
       T_TEST(what_was_filed_down_stands_between_others_O4),
       T_TEST(a_run_that_is_filed_in_part_is_not_folded_O4),
       T_TEST(a_fold_holds_unfiled_files_and_its_outputs_are_unfiled_P4),
       T_TEST(deletes_go_only_where_nothing_older_is_O6),
       T_TEST(a_files_mark_is_its_own_position_or_its_jobs_V3),
       T_TEST(a_purge_names_keys_only_where_the_engine_reduces_V3),
       T_TEST(range_deletes_are_kept_as_purges_of_keys_V4),
       T_TEST(a_purge_stays_while_a_state_before_it_may_come_back_V5_P5))
