#include "ingest/budget.h"

#include "base/num.h"
#include "lib/t.h"
#include "output/output.h"

#define MIB ((size_t)1 << 20)

/* What is held at the same time, in either half of an ingest, beside the spare eighth. */
static void no_half_takes_more_than_the_memory(void **state)
{
    (void)state;
    for (size_t memory = 16 * MIB; memory < 300 * 1024 * MIB; memory += memory / 3)
        for (size_t threads = 1; threads <= 256; threads *= 2) {
            struct ingest_budget b = ingest_budget_of(memory, threads, 1);
            size_t held = b.workers * b.held_bytes;
            size_t chunk = num_max_size(b.chunk_bytes, b.chunk_max);
            assert_true(b.workers >= 1 && b.workers <= threads);
            assert_true(b.output_threads >= 1 && b.output_threads <= threads);
            assert_true(held + b.workers * (b.batch_bytes + 3 * chunk) <= memory - memory / 8);
            assert_true(held + b.output_bytes <= memory - memory / 8);
            assert_true(b.fan_in * ingest_spilled_bytes(&b) <=
                        num_max_size(b.held_bytes, 4 * ingest_spilled_bytes(&b)));
            assert_true(held / b.chunk_bytes > 0 && b.block_bytes > 0);
        }
}

static void groups_of_the_output_fit_its_share(void **state)
{
    (void)state;
    for (size_t memory = 16 * MIB; memory < 64 * 1024 * MIB; memory += memory / 3)
        for (size_t threads = 1; threads <= 64; threads++) {
            struct ingest_budget b = ingest_budget_of(memory, threads, 1);
            size_t share = b.output_bytes / (2 * (b.output_threads + 1));
            assert_true(b.output_threads == 1 || share >= OUTPUT_GROUP_BYTES_MIN / 2);
        }
}

static void nonsense_counts_as_the_least(void **state)
{
    (void)state;
    struct ingest_budget least = ingest_budget_of(INGEST_MEMORY_MIN, 1, 1);
    struct ingest_budget b = ingest_budget_of(0, 0, 0);
    assert_memory_equal(&b, &least, sizeof b);
}

/* Each worker reads all columns, each run that is merged describes them. */
static void many_columns_have_fewer_workers_and_runs(void **state)
{
    (void)state;
    for (size_t columns = 1; columns <= 10000; columns *= 10) {
        struct ingest_budget few = ingest_budget_of(256 * MIB, 4, columns);
        struct ingest_budget many = ingest_budget_of(256 * MIB, 4, 10 * columns);
        assert_true(many.workers <= few.workers);
        assert_true(many.block_bytes >= few.block_bytes);
        assert_true(many.columns_bytes > few.columns_bytes);
        assert_true(few.fan_in * (few.columns_bytes + few.block_bytes) <=
                    num_max_size(few.held_bytes, 4 * ingest_spilled_bytes(&few)));
    }
    assert_int_equal(ingest_budget_of(128 * MIB, 2, 10).workers, 2);
    assert_int_equal(ingest_budget_of(128 * MIB, 2, 3001).workers, 1);
}

/* A group for each of many threads would have next to nothing of each column. */
static void groups_of_many_columns_are_few_and_large(void **state)
{
    (void)state;
    assert_int_equal(ingest_budget_of(128 * MIB, 2, 3).output_threads, 2);
    assert_int_equal(ingest_budget_of(128 * MIB, 2, 3000).output_threads, 1);
    assert_int_equal(ingest_budget_of(1024 * MIB, 2, 3000).output_threads, 2);
}

T_MAIN(T_TEST(groups_of_many_columns_are_few_and_large),
       T_TEST(many_columns_have_fewer_workers_and_runs), T_TEST(no_half_takes_more_than_the_memory),
       T_TEST(groups_of_the_output_fit_its_share), T_TEST(nonsense_counts_as_the_least))
