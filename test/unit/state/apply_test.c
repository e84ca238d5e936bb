#include "state/view.h"

#include <stdio.h>

#include "state/view_priv.h"

#include "lib/refs.h"
#include "lib/t.h"
#include "unit/state/helpers.h"

static const char *const cut_at_g_and_p[] = {"g", "p"};

/* What the leaf that begins at `lo` refers to, as "file[lo,hi)" in order, for comparing. */
static void expect_leaf(struct table_state *s, const char *lo, const char *want)
{
    char text[512] = "";
    size_t n = 0;
    const struct state_leaf *leaf = state_leaf_at(s, state_leaf_holding(s, slice_str(lo)));
    assert_true(slice_is(leaf->range.lo, lo));
    for (size_t i = 0; i < leaf->ref_count; i++) {
        const struct state_reference *r = &t_refs(leaf)[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s[%.*s,%.*s)%s", i ? " " : "",
                              SLICE_ARG(r->file->name), SLICE_ARG(r->range.lo),
                              SLICE_ARG(r->range.hi), r->job ? "*" : "");
    }
    assert_string_equal(text, want);
}

/* Rule P2. */
static void files_get_a_reference_below_every_leaf_they_meet(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    struct state_new_file files[3] = {file_of("a", "b", "k", 10), file_of("b", "k", "z", 20),
                                      file_of("c", "g", "g", 1)};
    struct state_outcome o = add_files(t, s, files, 3);
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    assert_int_equal(state_leaf_at(s, 1)->ref_count, 3);
    assert_int_equal(state_leaf_at(s, 2)->ref_count, 1);
    const struct state_reference *r = &t_refs(state_leaf_at(s, 0))[0];
    assert_true(slice_is(r->range.lo, "b") && slice_is(r->range.hi, "g"));
    assert_int_equal(r->row_lo, 0);
    assert_int_equal(r->row_hi, -1);
    r = &t_refs(state_leaf_at(s, 1))[0];
    assert_true(slice_is(r->range.lo, "g"));
    assert_true(slice_equal(r->range.hi, slice_of("k", 2))); /* just above "k" */
    assert_int_equal(r->row_lo, -1);
    assert_int_equal(r->row_hi, 10);
    assert_int_equal(r->file->refs, 2);
    state_free(s);
}

/* Filing goes on where the file before was filed: files in order, against it, below several leaves,
 * behind a leaf, and after the tree has changed. */
static void files_are_filed_alike_in_any_order_of_keys(void **state)
{
    struct t *t = *state;
    static const char *const cuts[] = {"d", "g", "k", "p"};
    struct table_state *s = state_of(t, NULL, cuts, 4);
    struct state_new_file files[8] = {file_of("a", "b", "c", 1), file_of("b", "d", "f", 1),
                                      file_of("c", "g", "j", 1), file_of("d", "q", "z", 1),
                                      file_of("e", "k", "o", 1), file_of("f", "a", "g", 1),
                                      file_of("h", "g", "j", 1), file_of("i", "p", "p", 1)};
    assert_int_equal(add_files(t, s, files, 8).reason, STATE_REASON_APPLIED);
    expect_leaf(s, "", "a[b,c) f[a,d)");
    expect_leaf(s, "d", "b[d,f) f[d,g)");
    expect_leaf(s, "g", "c[g,j) f[g,g) h[g,j)");
    expect_leaf(s, "k", "e[k,o)");
    expect_leaf(s, "p", "d[q,z) i[p,p)");
    struct state_merge_item merge = {.range = range_of("", "g"), .at = slice_str("d")};
    struct state_txn txn = txn_of(STATE_MERGE, state_number(s) + 1);
    txn.merge = (struct state_merge){.items = &merge, .count = 1};
    assert_int_equal(apply_next(t, s, &txn).reason, STATE_REASON_APPLIED);
    files[0] = file_of("k", "z", "z", 1); /* where the hint stands is no leaf any more */
    assert_int_equal(add_files(t, s, files, 1).reason, STATE_REASON_APPLIED);
    expect_leaf(s, "p", "d[q,z) i[p,p) k[z,z)");
    state_free(s);
}

static void transactions_before_create_and_a_second_create_do_nothing(void **state)
{
    struct t *t = *state;
    struct state_rules rules = state_rules_default();
    struct table_state *s = NULL;
    struct state_new_file f = file_of("a", "b", "k", 10);
    assert_ok(t, state_new(&t->mem, &rules, &s, &t->err));
    assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_NO_TABLE);
    struct slice points[2] = {slice_str("p"), slice_str("g")};
    struct state_txn txn = txn_of(STATE_CREATE, 2);
    txn.create =
        (struct state_create){.key_version = 1, .split_points = points, .split_point_count = 2};
    assert_int_equal(apply_next(t, s, &txn).reason, STATE_REASON_BAD_SPLIT);
    txn = txn_of(STATE_CREATE, 3);
    assert_int_equal(apply_next(t, s, &txn).reason, STATE_REASON_APPLIED);
    txn = txn_of(STATE_CREATE, 4);
    assert_int_equal(apply_next(t, s, &txn).reason, STATE_REASON_CREATED);
    assert_int_equal(state_leaf_count(s), 1);
    state_free(s);
}

static void bad_files_are_refused_all_or_none(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file files[2] = {file_of("a", "b", "k", 10), file_of("b", "c", "b", 10)};
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_BAD_FILE);
    files[1] = file_of("b", "c", "c", 0);
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_BAD_FILE);
    files[1] = file_of("b", "c", "d", 1);
    files[1].schema_version = 2;
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_SCHEMA);
    assert_int_equal(add_files(t, s, files, 0).reason, STATE_REASON_EMPTY);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 0);
    state_free(s);
}

static void unfiled_files_are_capped_and_can_be_filed_down(void **state)
{
    struct t *t = *state;
    struct state_rules rules = {.ring_max = 100, .unfiled_max = 2, .leaf_max = 100};
    struct table_state *s = state_of(t, &rules, cut_at_g_and_p, 2);
    struct state_new_file files[3] = {file_of("a", "b", "z", 10), file_of("b", "c", "h", 10),
                                      file_of("c", "c", "h", 10)};
    for (size_t i = 0; i < 3; i++)
        files[i].is_unfiled = true;
    assert_int_equal(add_files(t, s, files, 3).reason, STATE_REASON_UNFILED);
    assert_int_equal(add_files(t, s, files, 2).reason, STATE_REASON_APPLIED);
    assert_int_equal(add_files(t, s, files + 2, 1).reason, STATE_REASON_UNFILED);
    files[2].is_unfiled = false;
    assert_int_equal(add_files(t, s, files + 2, 1).reason, STATE_REASON_APPLIED);
    assert_int_equal(state_unfiled_count(s), 2);
    assert_int_equal(depth_of(t, s), 2);
    struct state_id ids[2] = {id_of(3, 0, 0), id_of(9, 9, 9)};
    struct state_txn txn = txn_of(STATE_FILE_DOWN, state_number(s) + 1);
    txn.file_down = (struct state_file_down){.files = ids, .count = 2};
    struct state_outcome o = apply_next(t, s, &txn);
    assert_int_equal(o.items[0], STATE_REASON_APPLIED);
    assert_int_equal(o.items[1], STATE_REASON_NOT_UNFILED);
    assert_int_equal(state_unfiled_count(s), 1);
    expect_leaf(s, "", "a[b,g) c[c,g)"); /* in order of position, not of filing */
    state_free(s);
}

static void a_job_holds_its_inputs_and_its_outputs_take_their_positions(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    const char *names[4] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        struct state_new_file f = file_of(names[i], "b", "k", 10);
        assert_int_equal(add_files(t, s, &f, 1).reason, STATE_REASON_APPLIED);
    }
    struct state_id inputs[3] = {id_of(4, 0, 0), id_of(3, 0, 0), id_of(3, 0, 0)};
    struct state_outcome o = assign(t, s, range_of("", "g"), inputs, 3);
    assert_int_equal(o.items[0], STATE_REASON_APPLIED);
    expect_leaf(s, "", "a[b,g) b[b,g)* c[b,g)* d[b,g)");
    struct state_id job = {.at = o.at};
    assert_int_equal(state_job_find(s, job)->low.frame, 3);
    assert_int_equal(state_job_find(s, job)->high.frame, 4);
    assert_int_equal(state_job_find(s, job)->inputs, 2);
    assert_int_equal(assign(t, s, range_of("", "g"), inputs, 1).reason, STATE_REASON_BUSY);
    struct state_new_file out = file_of("o", "b", "f", 15);
    o = replace(t, s, job, 1, range_of("", "g"), &out, 1);
    assert_int_equal(o.items[0], STATE_REASON_APPLIED);
    expect_leaf(s, "", "a[b,g) o[b,f) d[b,g)");
    assert_int_equal(state_job_count(s), 0);
    assert_int_equal(state_dead_count(s), 0); /* "b" and "c" still count in the next leaf */
    assert_int_equal(replace(t, s, job, 1, range_of("", "g"), &out, 1).reason, STATE_REASON_NO_JOB);
    const struct state_file *f = t_refs(state_leaf_at(s, 0))[1].file;
    assert_int_equal(f->low.frame, 3);
    assert_int_equal(f->high.frame, 4);
    state_free(s);
}

static void files_that_nobody_refers_to_any_more_are_remembered(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file f = file_of("a", "b", "k", 10);
    struct state_id input = {.at = add_files(t, s, &f, 1).at};
    struct state_id job = {.at = assign(t, s, range_of("", NULL), &input, 1).at};
    assert_int_equal(replace(t, s, job, 1, range_of("", NULL), NULL, 0).reason,
                     STATE_REASON_APPLIED);
    assert_int_equal(state_dead_count(s), 1);
    assert_true(slice_is(state_dead_at(s, 0)->name, "a"));
    assert_int_equal(state_dead_at(s, 0)->since.frame, 4);
    assert_int_equal(state_dead_at(s, 0)->since_us, 4000);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 0);
    state_free(s);
}

static void a_failed_job_frees_its_inputs(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file f = file_of("a", "b", "k", 10);
    struct state_id input = {.at = add_files(t, s, &f, 1).at};
    struct state_id job = {.at = assign(t, s, range_of("", NULL), &input, 1).at};
    struct state_fail_item items[3] = {
        {.job = job, .attempt = 2, .range = range_of("", NULL)},
        {.job = job, .attempt = 1, .range = range_of("", "x")},
        {.job = job, .attempt = 1, .range = range_of("", NULL), .why = slice_str("late")}};
    struct state_txn txn = txn_of(STATE_FAIL, state_number(s) + 1);
    txn.fail = (struct state_fail){.items = items, .count = 3};
    struct state_outcome o = apply_next(t, s, &txn);
    assert_int_equal(o.items[0], STATE_REASON_ATTEMPT);
    assert_int_equal(o.items[1], STATE_REASON_NO_JOB);
    assert_int_equal(o.items[2], STATE_REASON_APPLIED);
    assert_int_equal(o.reason, STATE_REASON_APPLIED);
    expect_leaf(s, "", "a[b,k)");
    assert_int_equal(assign(t, s, range_of("", NULL), &input, 1).reason, STATE_REASON_APPLIED);
    state_free(s);
}

/* Rule P4: what a job holds stays its own in both halves, and its output counts in both. */
static void a_leaf_split_under_a_job_keeps_the_job_in_both_halves(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file files[2] = {file_of("a", "b", "y", 10), file_of("b", "c", "d", 10)};
    struct state_id inputs[2] = {{.at = add_files(t, s, files, 2).at}};
    inputs[1] = inputs[0];
    inputs[1].item = 1;
    struct state_id job = {.at = assign(t, s, range_of("", NULL), inputs, 1).at};
    assert_int_equal(split(t, s, range_of("", NULL), "m").reason, STATE_REASON_APPLIED);
    expect_leaf(s, "", "a[b,m)* b[c,d)");
    expect_leaf(s, "m", "a[m,y)*");
    struct state_new_file late = file_of("c", "l", "n", 5);
    assert_int_equal(add_files(t, s, &late, 1).reason, STATE_REASON_APPLIED);
    struct arena arena;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    assert_ok(t, state_job_references(s, state_job_find(s, job), &arena, &refs, &count, &t->err));
    assert_int_equal(count, 2);
    arena_fini(&arena);
    struct state_new_file out = file_of("o", "b", "x", 9);
    assert_int_equal(replace(t, s, job, 1, range_of("", NULL), &out, 1).reason,
                     STATE_REASON_APPLIED);
    expect_leaf(s, "", "b[c,d) o[b,m) c[l,m)");
    expect_leaf(s, "m", "o[m,x) c[m,n)");
    assert_int_equal(state_dead_count(s), 1);
    state_free(s);
}

static void items_are_judged_one_by_one(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    struct state_new_file f = file_of("a", "b", "z", 10);
    struct state_id input = {.at = add_files(t, s, &f, 1).at};
    struct state_assign_item items[5] = {
        {.leaf = range_of("", "h"), .inputs = &input, .input_count = 1},
        {.leaf = range_of("g", "p"), .inputs = &input, .input_count = 1},
        {.leaf = range_of("p", NULL), .inputs = &input, .input_count = 0},
        {.leaf = range_of("p", NULL), .inputs = &input, .input_count = 1},
        {.leaf = range_of("p", NULL), .inputs = &input, .input_count = 1}};
    struct state_txn txn = txn_of(STATE_ASSIGN, state_number(s) + 1);
    txn.assign = (struct state_assign){.items = items, .count = 5};
    struct state_outcome o = apply_next(t, s, &txn);
    static const enum state_reason want[5] = {STATE_REASON_NO_LEAF, STATE_REASON_APPLIED,
                                              STATE_REASON_EMPTY, STATE_REASON_APPLIED,
                                              STATE_REASON_BUSY};
    assert_memory_equal(o.items, want, sizeof want);
    assert_int_equal(state_job_count(s), 2);
    /* Outputs are counted through all items: the second job's is number 1. */
    struct state_new_file out = file_of("o", "h", "i", 9);
    out.purged_through.frame = 3;
    struct state_replace_item done[2] = {{.job = id_of(3, 0, 0),
                                          .attempt = 1,
                                          .range = range_of("g", "p"),
                                          .outputs = &out,
                                          .output_count = 1},
                                         {.job = id_of(3, 0, 1),
                                          .attempt = 1,
                                          .range = range_of("g", "p"),
                                          .outputs = &out,
                                          .output_count = 1}};
    txn = txn_of(STATE_REPLACE, state_number(s) + 1);
    txn.replace = (struct state_replace){.items = done, .count = 2};
    o = apply_next(t, s, &txn);
    assert_int_equal(o.items[0], STATE_REASON_NO_JOB);
    assert_int_equal(o.items[1], STATE_REASON_APPLIED);
    assert_int_equal(t_refs(state_leaf_at(s, 1))[0].file->id.item, 1);
    state_free(s);
}

static void outputs_outside_their_job_are_refused(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, cut_at_g_and_p, 2);
    struct state_new_file f = file_of("a", "b", "z", 10);
    struct state_id input = {.at = add_files(t, s, &f, 1).at};
    struct state_id job = {.at = assign(t, s, range_of("g", "p"), &input, 1).at};
    static const struct {
        const char *first;
        const char *last;
        bool unfiled;
    } cases[] = {{"f", "h", false}, {"g", "p", false}, {"g", "h", true}};
    for (size_t i = 0; i < 3; i++) {
        struct state_new_file out = file_of("o", cases[i].first, cases[i].last, 9);
        out.is_unfiled = cases[i].unfiled;
        assert_int_equal(replace(t, s, job, 1, range_of("g", "p"), &out, 1).reason,
                         STATE_REASON_OUTSIDE);
    }
    struct state_new_file out = file_of("o", "g", "ozzz", 9);
    assert_int_equal(replace(t, s, job, 2, range_of("g", "p"), &out, 1).reason,
                     STATE_REASON_ATTEMPT);
    assert_int_equal(replace(t, s, job, 1, range_of("g", "p"), &out, 1).reason,
                     STATE_REASON_APPLIED);
    state_free(s);
}

static void splits_need_the_leaf_and_keys_that_ascend_inside_it(void **state)
{
    struct t *t = *state;
    struct state_rules rules = {.ring_max = 100, .unfiled_max = 2, .leaf_max = 5};
    struct table_state *s = state_of(t, &rules, cut_at_g_and_p, 2);
    static const struct {
        const char *lo;
        const char *hi;
        const char *key;
        enum state_reason want;
    } cases[] = {
        {"", "p", "b", STATE_REASON_NO_LEAF},      {"g", "p", "g", STATE_REASON_BAD_SPLIT},
        {"g", "p", "p", STATE_REASON_BAD_SPLIT},   {"g", "p", "", STATE_REASON_BAD_SPLIT},
        {"", "g", "", STATE_REASON_BAD_SPLIT},     {"g", "p", "h", STATE_REASON_APPLIED},
        {"g", "p", "h", STATE_REASON_NO_LEAF},     {"p", NULL, "zz", STATE_REASON_APPLIED},
        {"zz", NULL, "zzz", STATE_REASON_APPLIED}, /* rule P1: leaves are not counted */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(split(t, s, range_of(cases[i].lo, cases[i].hi), cases[i].key).reason,
                         cases[i].want);
    assert_int_equal(state_leaf_count(s), 6);
    state_free(s);
}

static void cuts_name_rows_and_may_come_with_a_split(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file f = file_of("a", "b", "y", 100);
    struct state_id file = {.at = add_files(t, s, &f, 1).at};
    struct slice keys[2] = {slice_str("g"), slice_str("p")};
    struct state_split_cut cuts[4] = {{.file = file, .key = 0, .row = 30},
                                      {.file = id_of(8, 8, 8), .key = 1, .row = 2},
                                      {.file = file, .key = 9, .row = 2},
                                      {.file = file, .key = 1, .row = 101}};
    struct state_split_item item = {
        .leaf = range_of("", NULL), .keys = keys, .key_count = 2, .cuts = cuts, .cut_count = 4};
    struct state_txn txn = txn_of(STATE_SPLIT, state_number(s) + 1);
    txn.split = (struct state_split){.items = &item, .count = 1};
    assert_int_equal(apply_next(t, s, &txn).reason, STATE_REASON_APPLIED);
    bool exact = false;
    assert_int_equal(state_leaf_rows(state_leaf_at(s, 0), &exact), 30);
    assert_true(exact);
    assert_int_equal(t_refs(state_leaf_at(s, 1))[0].row_lo, 30);
    assert_int_equal(t_refs(state_leaf_at(s, 1))[0].row_hi, -1);
    assert_int_equal(t_refs(state_leaf_at(s, 2))[0].row_lo, -1);
    assert_int_equal(t_refs(state_leaf_at(s, 2))[0].row_hi, 100);
    assert_int_equal(state_leaf_rows(state_leaf_at(s, 1), &exact), 33);
    assert_false(exact);
    struct state_cut_item known[4] = {
        {.leaf = range_of("g", "p"), .file = file, .row_lo = 30, .row_hi = 80},
        {.leaf = range_of("g", "q"), .file = file, .row_lo = 30, .row_hi = 80},
        {.leaf = range_of("g", "p"), .file = id_of(8, 8, 8), .row_lo = 30, .row_hi = 80},
        {.leaf = range_of("g", "p"), .file = file, .row_lo = 30, .row_hi = 101}};
    txn = txn_of(STATE_CUT, state_number(s) + 1);
    txn.cut = (struct state_cut){.items = known, .count = 4};
    struct state_outcome o = apply_next(t, s, &txn);
    static const enum state_reason want[4] = {STATE_REASON_APPLIED, STATE_REASON_NO_LEAF,
                                              STATE_REASON_NO_INPUT, STATE_REASON_BAD_ROWS};
    assert_memory_equal(o.items, want, sizeof want);
    assert_int_equal(state_leaf_rows(state_leaf_at(s, 1), &exact), 50);
    assert_true(exact);
    assert_int_equal(state_leaf_bytes(state_leaf_at(s, 1)), 500);
    state_free(s);
}

/* ------------------------------------------------------------------ rule 0 (I2, I3) */

static struct state_outcome add_with(struct t *t, struct table_state *s, uint8_t txid,
                                     uint64_t base)
{
    struct state_new_file f = file_of("a", "b", "k", 10);
    struct state_txn txn = txn_of(STATE_ADD, 1);
    memset(txn.txid.bytes, txid, 16);
    txn.base = base;
    txn.add = (struct state_add){.files = &f, .count = 1};
    return apply_next(t, s, &txn);
}

static void a_txid_counts_once_and_repeats_get_the_first_result(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_outcome first = add_with(t, s, 7, 1);
    assert_int_equal(first.at.frame, 2);
    struct state_outcome again = add_with(t, s, 7, 1);
    assert_true(again.is_duplicate);
    assert_int_equal(again.at.frame, 2);
    assert_int_equal(again.reason, STATE_REASON_APPLIED);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 1);
    state_free(s);
}

static void a_base_at_or_above_its_own_frame_is_refused_for_ever(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    assert_int_equal(add_with(t, s, 7, 2).reason, STATE_REASON_BASE);
    struct state_outcome again = add_with(t, s, 7, 1);
    assert_true(again.is_duplicate);
    assert_int_equal(again.reason, STATE_REASON_BASE);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 0);
    state_free(s);
}

static void bases_older_than_the_ring_expire_and_do_not_enter_it(void **state)
{
    struct t *t = *state;
    struct state_rules rules = {.ring_max = 3, .unfiled_max = 2, .leaf_max = 5};
    struct table_state *s = state_of(t, &rules, NULL, 0); /* frame 1 is in the ring */
    assert_int_equal(add_with(t, s, 2, 0).reason, STATE_REASON_APPLIED);
    assert_int_equal(add_with(t, s, 3, 0).reason, STATE_REASON_APPLIED);
    /* Nothing was evicted yet: base 0 is as good as any. Frame 4 evicts frame 1. */
    assert_int_equal(add_with(t, s, 4, 0).reason, STATE_REASON_APPLIED);
    /* The first entry stands in frame 2 now. */
    assert_int_equal(add_with(t, s, 5, 1).reason, STATE_REASON_EXPIRED);
    assert_int_equal(s->ring.count, 3);
    assert_int_equal(state_ring_oldest_frame(&s->ring), 2);
    assert_null(state_ring_find(&s->ring, (struct hash128){{5, 5, 5, 5, 5, 5, 5, 5, 5, 5}}));
    assert_int_equal(add_with(t, s, 5, 2).reason, STATE_REASON_APPLIED);
    /* A repeat of an evicted txid with its old base cannot count again. */
    assert_int_equal(add_with(t, s, 2, 0).reason, STATE_REASON_EXPIRED);
    /* Expiry comes before the look into the ring. */
    struct state_outcome o = add_with(t, s, 4, 1);
    assert_int_equal(o.reason, STATE_REASON_EXPIRED);
    assert_false(o.is_duplicate);
    assert_int_equal(state_leaf_at(s, 0)->ref_count, 4);
    state_free(s);
}

static void table_time_never_goes_back(void **state)
{
    struct t *t = *state;
    struct table_state *s = state_of(t, NULL, NULL, 0);
    struct state_new_file f = file_of("a", "b", "k", 10);
    struct state_txn txn = txn_of(STATE_ADD, 2);
    txn.time_us = 99000;
    txn.add = (struct state_add){.files = &f, .count = 1};
    (void)apply_next(t, s, &txn);
    assert_int_equal(state_time_us(s), 99000);
    (void)add_files(t, s, &f, 1);
    assert_int_equal(state_time_us(s), 99000);
    state_free(s);
}

/* ------------------------------------------------------------------ out of memory */

static slp_rc history(struct t *t)
{
    struct state_rules rules = {.ring_max = 4, .unfiled_max = 2, .leaf_max = 50};
    struct table_state *s = NULL;
    struct state_outcome o;
    struct slice point = slice_str("m");
    struct state_new_file files[2] = {file_of("a", "b", "y", 10), file_of("b", "c", "d", 10)};
    struct state_id input = id_of(2, 0, 0);
    struct state_id down = id_of(2, 0, 1);
    struct state_assign_item item = {.leaf = range_of("", "m"), .inputs = &input, .input_count = 1};
    struct slice key = slice_str("g");
    struct state_split_item cut = {.leaf = range_of("", "m"), .keys = &key, .key_count = 1};
    struct state_replace_item done = {.job = id_of(3, 0, 0),
                                      .attempt = 1,
                                      .range = range_of("", "m"),
                                      .outputs = files + 1,
                                      .output_count = 1};
    struct state_txn txns[7];
    for (uint64_t i = 0; i < 7; i++)
        txns[i] = txn_of(STATE_CREATE, i + 1);
    txns[0].create = (struct state_create){
        .schema_json = slice_str("{}"), .split_points = &point, .split_point_count = 1};
    files[1].is_unfiled = true;
    txns[1].kind = STATE_ADD;
    txns[1].add = (struct state_add){.files = files, .count = 2};
    txns[2].kind = STATE_ASSIGN;
    txns[2].assign = (struct state_assign){.items = &item, .count = 1};
    txns[3].kind = STATE_FILE_DOWN;
    txns[3].has_token = true;
    txns[3].file_down = (struct state_file_down){.files = &down, .count = 1};
    txns[4].kind = STATE_SPLIT;
    txns[4].split = (struct state_split){.items = &cut, .count = 1};
    txns[5].kind = STATE_REPLACE;
    txns[5].replace = (struct state_replace){.items = &done, .count = 1};
    slp_rc rc = state_new(&t->mem, &rules, &s, &t->err);
    for (uint32_t i = 0; i < 6 && rc == SLP_OK; i++) {
        files[1].is_unfiled = i < 5;
        files[1].purged_through.frame = i < 5 ? 0 : 3;
        rc = state_apply(s, &txns[i], (struct state_position){.frame = i + 1}, &o, &t->err);
        if (rc == SLP_OK)
            assert_int_equal(o.reason, STATE_REASON_APPLIED);
    }
    struct arena arena;
    struct buf text;
    const struct state_file **all = NULL;
    size_t count = 0;
    arena_init(&arena, &t->mem, 1 << 20);
    buf_init(&text, &t->mem, 1 << 20);
    if (rc == SLP_OK)
        rc = state_files(s, &arena, &all, &count, &t->err);
    if (rc == SLP_OK)
        rc = state_print(s, &text, &t->err);
    arena_fini(&arena);
    buf_fini(&text);
    state_free(s);
    return rc;
}

static void out_of_memory_anywhere_leaks_nothing(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        slp_rc rc = history(t);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
    }
}

T_MAIN(T_TEST(files_get_a_reference_below_every_leaf_they_meet),
       T_TEST(files_are_filed_alike_in_any_order_of_keys),
       T_TEST(transactions_before_create_and_a_second_create_do_nothing),
       T_TEST(bad_files_are_refused_all_or_none),
       T_TEST(unfiled_files_are_capped_and_can_be_filed_down),
       T_TEST(a_job_holds_its_inputs_and_its_outputs_take_their_positions),
       T_TEST(files_that_nobody_refers_to_any_more_are_remembered),
       T_TEST(a_failed_job_frees_its_inputs),
       T_TEST(a_leaf_split_under_a_job_keeps_the_job_in_both_halves),
       T_TEST(items_are_judged_one_by_one), T_TEST(outputs_outside_their_job_are_refused),
       T_TEST(splits_need_the_leaf_and_keys_that_ascend_inside_it),
       T_TEST(cuts_name_rows_and_may_come_with_a_split),
       T_TEST(a_txid_counts_once_and_repeats_get_the_first_result),
       T_TEST(a_base_at_or_above_its_own_frame_is_refused_for_ever),
       T_TEST(bases_older_than_the_ring_expire_and_do_not_enter_it),
       T_TEST(table_time_never_goes_back), T_TEST(out_of_memory_anywhere_leaks_nothing))
