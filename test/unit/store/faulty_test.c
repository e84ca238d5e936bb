#include "store/store.h"

#include "lib/t.h"

struct pair {
    struct store *below;
    struct store *s;
};

static struct slice text(const char *s)
{
    return slice_str(s);
}

static void pair_open(struct t *t, struct pair *p, enum store_fault kind, uint64_t at,
                      bool for_good)
{
    struct store_fault_plan plan = {.fault_at = at, .for_good = for_good, .kind = kind};
    assert_ok(t, store_memory_new(&t->mem, &p->below, &t->err));
    assert_ok(t, store_faulty_new(&t->mem, p->below, &plan, &p->s, &t->err));
}

static void pair_close(struct pair *p)
{
    store_close(p->s);
    store_close(p->below);
}

static bool is_there(struct t *t, struct store *s, const char *name)
{
    struct source *src = NULL;
    slp_rc rc = store_open(s, text(name), &t->mem, &src, &t->err);
    source_close(src);
    assert_true(rc == SLP_OK || rc == SLP_NOT_FOUND);
    return rc == SLP_OK;
}

static void before_does_nothing_and_says_so(void **state)
{
    struct t *t = *state;
    struct pair p;
    pair_open(t, &p, STORE_FAULT_BEFORE, 1, false);
    assert_ok(t, store_put_if_absent(p.s, text("a"), text("x"), &t->err));
    assert_rc(t, store_put_if_absent(p.s, text("b"), text("x"), &t->err), SLP_UNAVAILABLE);
    assert_false(is_there(t, p.below, "b"));
    assert_ok(t, store_put_if_absent(p.s, text("b"), text("x"), &t->err));
    assert_int_equal(store_faulty_hits(p.s), 1);
    pair_close(&p);
}

static void a_lost_answer_is_unknown_and_the_write_happened(void **state)
{
    struct t *t = *state;
    struct pair p;
    pair_open(t, &p, STORE_FAULT_LOST_ANSWER, 0, false);
    assert_rc(t, store_put_if_absent(p.s, text("a"), text("x"), &t->err), SLP_UNKNOWN);
    assert_true(is_there(t, p.below, "a"));
    assert_rc(t, store_put_if_absent(p.s, text("a"), text("x"), &t->err), SLP_CONFLICT);
    pair_close(&p);
}

static void after_ends_the_waiting_for_the_whole_batch(void **state)
{
    struct t *t = *state;
    struct pair p;
    struct store_request r[2];
    memset(r, 0, sizeof r);
    pair_open(t, &p, STORE_FAULT_AFTER, 1, true);
    r[0] = (struct store_request){.verb = STORE_PUT_IF_ABSENT, .name = text("a")};
    r[1] = (struct store_request){.verb = STORE_PUT_IF_ABSENT, .name = text("b")};
    assert_ok(t, store_submit(p.s, r, 2, &t->err));
    assert_rc(t, store_wait(p.s, r, 2, NULL, &t->err), SLP_UNAVAILABLE);
    assert_true(is_there(t, p.below, "a"));
    assert_true(is_there(t, p.below, "b"));
    assert_rc(t, store_delete(p.s, text("a"), &t->err), SLP_UNKNOWN);
    assert_err_has(t, "may have happened");
    assert_false(is_there(t, p.below, "a"));
    pair_close(&p);
}

static void reads_that_fail_are_unavailable(void **state)
{
    struct t *t = *state;
    struct pair p;
    struct buf out;
    struct source *src = NULL;
    uint8_t got[1];
    struct io_range range = {0, 1, got};
    buf_init(&out, &t->mem, 100);
    for (int kind = STORE_FAULT_BEFORE; kind <= STORE_FAULT_LOST_ANSWER; kind++) {
        pair_open(t, &p, (enum store_fault)kind, 2, true);
        assert_ok(t, store_put_if_absent(p.s, text("a"), text("x"), &t->err));
        assert_ok(t, store_open(p.s, text("a"), &t->mem, &src, &t->err));
        assert_rc(t, source_read(src, &range, 1, &t->err), SLP_UNAVAILABLE);
        assert_rc(t, store_get(p.s, text("a"), &out, &t->err), SLP_UNAVAILABLE);
        assert_rc(t, store_open(p.s, text("a"), &t->mem, NULL, &t->err), SLP_UNAVAILABLE);
        assert_int_equal(store_faulty_hits(p.s), 3);
        source_close(src);
        pair_close(&p);
    }
    buf_fini(&out);
}

static void commits_of_streamed_writes_are_requests(void **state)
{
    struct t *t = *state;
    for (int kind = STORE_FAULT_BEFORE; kind <= STORE_FAULT_LOST_ANSWER; kind++) {
        struct pair p;
        struct store_put *put = NULL;
        bool is_before = kind == STORE_FAULT_BEFORE;
        pair_open(t, &p, (enum store_fault)kind, 0, false);
        assert_ok(t, store_put_open(p.s, text("a"), &t->mem, &put, &t->err));
        assert_ok(t, sink_write(put->sink, "x", 1, &t->err));
        assert_rc(t, store_put_commit(put, &t->err), is_before ? SLP_UNAVAILABLE : SLP_UNKNOWN);
        assert_int_equal(is_there(t, p.below, "a"), !is_before);
        pair_close(&p);
    }
}

T_MAIN(T_TEST(before_does_nothing_and_says_so),
       T_TEST(a_lost_answer_is_unknown_and_the_write_happened),
       T_TEST(after_ends_the_waiting_for_the_whole_batch), T_TEST(reads_that_fail_are_unavailable),
       T_TEST(commits_of_streamed_writes_are_requests))
