#include "ingest/meter.h"

#include "lib/t.h"

static void what_is_freed_is_taken_off(void **state)
{
    struct t *t = *state;
    struct ingest_meter m;
    void *a = NULL;
    void *b = NULL;
    ingest_meter_init(&m, &t->mem);
    assert_ok(t, alloc_zeroed(&m.base, 100, &a, &t->err));
    assert_ok(t, alloc_room(&m.base, 1000, &b, &t->err));
    assert_int_equal(ingest_meter_bytes(&m), 1100);
    void *less = m.base.resize(&m.base, b, 1000, 10);
    assert_non_null(less);
    assert_int_equal(ingest_meter_bytes(&m), 110);
    alloc_free(&m.base, a, 100);
    alloc_free(&m.base, less, 10);
    assert_int_equal(ingest_meter_bytes(&m), 0);
    assert_int_equal(t->live_bytes, 0);
}

static void memory_that_was_refused_is_not_counted(void **state)
{
    struct t *t = *state;
    T_FAULT_LOOP(t) {
        struct ingest_meter m;
        void *a = NULL;
        ingest_meter_init(&m, &t->mem);
        slp_rc rc = alloc_room(&m.base, 100, &a, &t->err);
        assert_int_equal(ingest_meter_bytes(&m), rc == SLP_OK ? 100 : 0);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        alloc_free(&m.base, a, 100);
    }
}

T_MAIN(T_TEST(what_is_freed_is_taken_off), T_TEST(memory_that_was_refused_is_not_counted))
