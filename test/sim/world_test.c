/* rooms: store */
/*
 * Seeds of the world (sim/world.h): what each of them must come to is there. SEED=n runs the seeds
 * from n on, SIM_COUNT=m as many.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/world.h"

#include "lib/t.h"

/* Two programs of the suite share 2,000: test/CMakeLists.txt. */
#define SEEDS 1000

static struct world w;

static void print_tally(const struct world_tally *t, size_t count)
{
    print_message(
        "%zu seeds: %zu frames, %zu acknowledged, %zu repeats, %zu packed, %zu shared, %zu "
        "snapshots, %zu trimmed, %zu jobs, %zu reassigned, %zu folds, %zu imports, %zu "
        "splits, %zu merges\n",
        count, t->frames, t->acknowledged, t->repeats, t->packed, t->shared, t->snapshots,
        t->trimmed, t->jobs, t->reassigned, t->folds, t->imports, t->splits, t->merges);
    print_message(
        "%zu collects, %zu deleted, %zu pins, %zu restores, %zu purges, %zu retired, %zu "
        "reads, %zu of shards, %zu of a later version, %zu even fields, %zu bodies, %zu embedded, "
        "%zu lies, %zu frames of parts, %zu batches, %zu withdrawn, %zu overdue\n",
        t->collects, t->deleted, t->pins, t->restores, t->purges, t->retired, t->reads,
        t->partial_reads, t->later, t->even, t->bodies, t->embedded, t->lies, t->parts, t->batches,
        t->withdrawn, t->ended);
}

static void add_tally(struct world_tally *sum, const struct world_tally *one)
{
    size_t *to = (size_t *)sum;
    const size_t *from = (const size_t *)one;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

/* Every kind of thing has happened, and often. */
static void check_worth(const struct world_tally *sum, size_t count)
{
    const size_t *each = (const size_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *each; i++)
        if (each[i] < count / 50)
            print_error("tally %zu is %zu in %zu seeds\n", i, each[i], count);
    assert_true(sum->acknowledged > count * 8 && sum->jobs > count / 2 && sum->snapshots > count &&
                sum->trimmed > count * 3 && sum->deleted > count && sum->restores > count / 50 &&
                sum->retired > count / 100 && sum->partial_reads > count &&
                sum->parts > count * 4 && sum->batches > count / 20 &&
                sum->withdrawn > count / 100 && sum->ended > count / 20);
}

static void whatever_happens_every_addition_counts_once_and_all_views_agree(void **state)
{
    struct t *t = *state;
    struct world_tally sum = {0};
    size_t failed = 0;
    const char *text = getenv("SIM_COUNT");
    size_t count = text ? (size_t)strtoul(text, NULL, 10) : SEEDS;
    for (size_t i = 0; i < count; i++) {
        world_run(&w, t->seed + i);
        failed += sim_has_failed(&w.sim);
        if (sim_has_failed(&w.sim))
            print_error("SEED=%llu SIM_COUNT=1: %s\n", (unsigned long long)(t->seed + i),
                        w.sim.failure);
        add_tally(&sum, &w.tally);
        world_end(&w);
        if (text && (i + 1) % 1000 == 0)
            print_tally(&sum, i + 1);
    }
    print_tally(&sum, count);
    assert_int_equal(failed, 0);
    if (count >= SEEDS)
        check_worth(&sum, count);
}

T_MAIN(T_TEST(whatever_happens_every_addition_counts_once_and_all_views_agree))
