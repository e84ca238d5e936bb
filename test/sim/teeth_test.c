/* rooms: store */
/*
 * Has the simulator teeth? Each bug of state/bug.def is switched on, one at a time, in a copy of the
 * state that is built for this, and a seed of sim/world.h must fail. Seeds from 1 on are tried; a few
 * bugs are so rare that their seeds are named (sim/README.md has them all). SIM_TEETH=all looks for
 * the rare ones too, SIM_TEETH=list prints a table.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/world.h"

#include "lib/t.h"

#define NONE 0u

struct tooth {
    const char *name;
    uint64_t seed; /* NONE: not found by seeds */
};

static const struct tooth teeth[] = {
#include "sim/teeth.def"
};

#define TEETH_COUNT (sizeof teeth / sizeof *teeth)

static const char *const names[] = {
#define STATE_BUG_DEF(name, text) #name,
#include "state/bug.def"
#undef STATE_BUG_DEF
};

static struct world w;

static bool is_found(int bug, uint64_t seed)
{
    state_bug_now = bug;
    world_run(&w, seed);
    state_bug_now = STATE_BUG_NONE;
    bool found = sim_has_failed(&w.sim);
    world_end(&w);
    return found;
}

/* The first seed that finds each. */
static void print_teeth(uint64_t most)
{
    for (size_t i = 0; i < TEETH_COUNT; i++) {
        uint64_t seed = teeth[i].seed != NONE ? teeth[i].seed : 1;
        while (seed <= most && !is_found((int)i + 1, seed))
            seed++;
        print_message("    {\"%s\", %llu}, /* %s */\n", names[i],
                      (unsigned long long)(seed <= most ? seed : NONE), w.sim.failure);
    }
}

static void each_planted_bug_is_found(void **state)
{
    const char *how = getenv("SIM_TEETH");
    (void)state;
    if (how && strtoul(how, NULL, 10)) {
        print_teeth(strtoul(how, NULL, 10));
        return;
    }
    assert_int_equal(TEETH_COUNT, STATE_BUG_COUNT - 1);
    for (size_t i = 0; i < TEETH_COUNT; i++) {
        assert_string_equal(teeth[i].name, names[i]);
        if (teeth[i].seed != NONE && !is_found((int)i + 1, teeth[i].seed)) {
            print_error("%s is not found by seed %llu any more: SIM_TEETH=4000 looks for others\n",
                        teeth[i].name, (unsigned long long)teeth[i].seed);
            fail();
        }
    }
}

static void without_a_bug_these_seeds_are_good(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_false(is_found(STATE_BUG_NONE, seed));
}

T_MAIN(T_TEST(each_planted_bug_is_found), T_TEST(without_a_bug_these_seeds_are_good))
