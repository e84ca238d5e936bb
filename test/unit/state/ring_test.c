#include "state/ring.h"

#include "lib/t.h"

static struct hash128 txid(uint32_t n)
{
    struct hash128 h = {{0}};
    /* Few buckets, so that chains form. */
    h.bytes[0] = (uint8_t)(n % 7);
    memcpy(h.bytes + 8, &n, sizeof n);
    return h;
}

static void the_last_ids_are_found_and_older_ones_are_not(void **state)
{
    struct t *t = *state;
    struct state_ring r;
    state_ring_init(&r, &t->mem, 100);
    for (uint32_t n = 1; n <= 1000; n++) {
        struct state_position at = {.frame = n, .index = n % 3};
        assert_ok(t, state_ring_add(&r, txid(n), at, STATE_REASON_NO_LEAF, &t->err));
        uint32_t first = n > 100 ? n - 99 : 1;
        assert_int_equal(state_ring_oldest_frame(&r), n > 100 ? first : 0);
        assert_null(state_ring_find(&r, txid(first - 1)));
        for (uint32_t k = first; k <= n; k += 17) {
            const struct state_ring_entry *e = state_ring_find(&r, txid(k));
            assert_non_null(e);
            assert_int_equal(e->at.frame, k);
            assert_int_equal(e->at.index, k % 3);
            assert_int_equal(e->reason, STATE_REASON_NO_LEAF);
        }
    }
    state_ring_fini(&r);
}

static void a_ring_without_end_never_forgets(void **state)
{
    struct t *t = *state;
    struct state_ring r;
    state_ring_init(&r, &t->mem, UINT32_MAX);
    for (uint32_t n = 0; n < 1000; n++)
        assert_ok(t, state_ring_add(&r, txid(n), (struct state_position){.frame = n},
                                    STATE_REASON_APPLIED, &t->err));
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(state_ring_find(&r, txid(n))->at.frame, n);
    assert_int_equal(state_ring_oldest_frame(&r), 0);
    state_ring_fini(&r);
}

static void a_ring_that_cannot_grow_stays_as_it_was(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct state_ring r;
        slp_rc rc = SLP_OK;
        uint32_t n = 0;
        state_ring_init(&r, &t->mem, 1000);
        for (; n < 300 && rc == SLP_OK; n++)
            rc = state_ring_add(&r, txid(n), (struct state_position){.frame = n},
                                STATE_REASON_APPLIED, &t->err);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        for (uint32_t k = 0; k + 1 < n; k++)
            assert_non_null(state_ring_find(&r, txid(k)));
        state_ring_fini(&r);
    }
}

T_MAIN(T_TEST(the_last_ids_are_found_and_older_ones_are_not),
       T_TEST(a_ring_without_end_never_forgets), T_TEST(a_ring_that_cannot_grow_stays_as_it_was))
