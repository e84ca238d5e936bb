/* Whatever changes what a snapshot says of a leaf marks it, and no other. */
#include "lib/t.h"
#include "state/snapshot.h"
#include "state/view_priv.h"
#include "unit/state/helpers.h"

struct pair {
    struct t *t;
    struct table_state *s; /* leaves below "m" and from it on */
    struct slice bytes[2]; /* of each as a shard */
    struct arena arena;
};

static struct slice encoded(struct pair *p, size_t leaf)
{
    struct arena a;
    struct buf out;
    struct slice copy;
    arena_init(&a, &p->t->mem, 1 << 24);
    buf_init(&out, &p->t->mem, 1 << 24);
    assert_ok(p->t, state_shard_encode(p->s, leaf, leaf + 1, &a, &out, &p->t->err));
    assert_ok(p->t, arena_copy(&p->arena, buf_slice(&out), &copy, &p->t->err));
    buf_fini(&out);
    arena_fini(&a);
    return copy;
}

static void pair_open(struct t *t, struct pair *p)
{
    static const char *const points[] = {"m"};
    *p = (struct pair){.t = t, .s = state_of(t, NULL, points, 1)};
    arena_init(&p->arena, &t->mem, 1 << 24);
    for (size_t i = 0; i < 2; i++)
        p->bytes[i] = encoded(p, i);
}

static void pair_close(struct pair *p)
{
    arena_fini(&p->arena);
    state_free(p->s);
}

/* The last transaction was applied; it changed these leaves, and so their bytes. */
static void expect_changed(struct pair *p, bool low, bool high)
{
    bool is_wanted[2] = {low, high};
    for (size_t i = 0; i < 2; i++) {
        struct slice now = encoded(p, i);
        assert_int_equal(!slice_equal(now, p->bytes[i]), is_wanted[i]);
        assert_int_equal(p->s->leaves[i]->changed == state_number(p->s), is_wanted[i]);
        p->bytes[i] = now;
    }
}

static void files_and_cuts_mark_their_leaf(void **state)
{
    struct pair p;
    pair_open(*state, &p);
    struct state_new_file files[2] = {file_of("one", "a", "c", 10), file_of("two", "b", "x", 10)};
    add_files(p.t, p.s, files, 1);
    expect_changed(&p, true, false);
    add_files(p.t, p.s, files + 1, 1);
    expect_changed(&p, true, true);
    struct state_cut_item cut = {
        .leaf = range_of("m", NULL), .file = id_of(3, 0, 0), .row_lo = 4, .row_hi = 10};
    struct state_txn txn = txn_of(STATE_CUT, state_number(p.s) + 1);
    txn.cut = (struct state_cut){.items = &cut, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    expect_changed(&p, false, true);
    files[0].is_unfiled = true;
    add_files(p.t, p.s, files, 1);
    expect_changed(&p, false, false);
    struct state_id wide = id_of(5, 0, 0);
    txn = txn_of(STATE_FILE_DOWN, state_number(p.s) + 1);
    txn.file_down = (struct state_file_down){.files = &wide, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    pair_close(&p);
}

static void jobs_mark_their_leaf(void **state)
{
    struct pair p;
    pair_open(*state, &p);
    struct key_range low = range_of("", "m");
    struct state_new_file file = file_of("one", "a", "c", 10);
    struct state_id input = id_of(2, 0, 0);
    struct state_id job = id_of(3, 0, 0);
    add_files(p.t, p.s, &file, 1);
    expect_changed(&p, true, false);
    assert_int_equal(assign(p.t, p.s, low, &input, 1).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    struct state_extend_item longer = {.job = job, .attempt = 1, .range = low, .deadline_us = 9000};
    struct state_txn txn = txn_of(STATE_EXTEND, state_number(p.s) + 1);
    txn.extend = (struct state_extend){.items = &longer, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    struct state_reassign_item again = {
        .job = job, .attempt = 1, .range = low, .extension = 1, .deadline_us = 9000};
    txn = txn_of(STATE_REASSIGN, state_number(p.s) + 1);
    txn.reassign = (struct state_reassign){.items = &again, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    struct state_fail_item failed = {.job = job, .attempt = 2, .range = low};
    txn = txn_of(STATE_FAIL, state_number(p.s) + 1);
    txn.fail = (struct state_fail){.items = &failed, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    job = id_of(7, 0, 0);
    assert_int_equal(assign(p.t, p.s, low, &input, 1).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    struct state_new_file output = file_of("two", "a", "c", 10);
    assert_int_equal(replace(p.t, p.s, job, 1, low, &output, 1).reason, STATE_REASON_APPLIED);
    expect_changed(&p, true, false);
    pair_close(&p);
}

static void new_leaves_are_marked(void **state)
{
    struct pair p;
    pair_open(*state, &p);
    assert_int_equal(split(p.t, p.s, range_of("", "m"), "f").reason, STATE_REASON_APPLIED);
    assert_int_equal(p.s->leaves[0]->changed, 2);
    assert_int_equal(p.s->leaves[1]->changed, 2);
    assert_int_equal(p.s->leaves[2]->changed, 1);
    struct state_merge_item both = {.range = range_of("", "m"), .at = slice_str("f")};
    struct state_txn txn = txn_of(STATE_MERGE, 3);
    txn.merge = (struct state_merge){.items = &both, .count = 1};
    assert_int_equal(apply_next(p.t, p.s, &txn).reason, STATE_REASON_APPLIED);
    assert_int_equal(p.s->leaves[0]->changed, 3);
    assert_int_equal(p.s->leaves[1]->changed, 1);
    pair_close(&p);
}

T_MAIN(T_TEST(files_and_cuts_mark_their_leaf), T_TEST(jobs_mark_their_leaf),
       T_TEST(new_leaves_are_marked))
