/* rooms: store */
/*
 * Has the simulator teeth? Each bug of state/bug.def is switched on, one at a time, in a copy of the
 * state that is built for this, and the seed of sim/world.h that teeth.def names for it must fail,
 * or the scene of its name (sim/README.md). SIM_TEETH=n looks for seeds up to n and prints teeth.def anew
 * with what each was found by; SIM_BUG=NAME for this bug alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/world.h"

#include "lib/t.h"

#define NONE 0u

struct tooth {
    const char *name;
    uint64_t seed; /* NONE: not found by seeds, but by the scene of this name, if any */
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

/* The scene that a bug has; else the number of them. */
static size_t scene_of(const char *name)
{
    size_t i = 0;
    while (world_scene_name(i) && strcmp(world_scene_name(i), name) != 0)
        i++;
    return i;
}

static bool is_found(int bug, uint64_t seed)
{
    state_bug_now = bug;
    if (seed != NONE)
        world_run(&w, seed);
    else
        world_scene(&w, scene_of(names[bug - 1]));
    state_bug_now = STATE_BUG_NONE;
    bool is_cramped = strstr(w.sim.failure, "too small") != NULL; /* which says nothing of a bug */
    bool found = sim_has_failed(&w.sim) && !(bug && is_cramped);
    world_end(&w);
    return found;
}

/* What finds each: its scene, the seed that did, or the first. */
static void print_teeth(uint64_t most, const char *only)
{
    for (size_t i = 0; i < TEETH_COUNT; i++) {
        bool has_scene = world_scene_name(scene_of(names[i])) != NULL;
        uint64_t seed = has_scene ? NONE : teeth[i].seed;
        if (only && strcmp(only, names[i]) != 0)
            continue;
        bool is_known = (has_scene || seed != NONE) && is_found((int)i + 1, seed);
        for (uint64_t n = 1; !is_known && n <= most; n++) {
            is_known = is_found((int)i + 1, n);
            seed = n;
        }
        print_message("    {\"%s\", %llu}, /* %s */\n", names[i],
                      (unsigned long long)(is_known ? seed : NONE), w.sim.failure);
    }
}

static void each_planted_bug_is_found(void **state)
{
    const char *how = getenv("SIM_TEETH");
    (void)state;
    if (how && strtoul(how, NULL, 10)) {
        print_teeth(strtoul(how, NULL, 10), getenv("SIM_BUG"));
        return;
    }
    assert_int_equal(TEETH_COUNT, STATE_BUG_COUNT - 1);
    for (size_t i = 0; i < TEETH_COUNT; i++) {
        assert_string_equal(teeth[i].name, names[i]);
        if (teeth[i].seed == NONE && !world_scene_name(scene_of(names[i])))
            continue;
        if (!is_found((int)i + 1, teeth[i].seed)) {
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

static void without_a_bug_the_scenes_are_good(void **state)
{
    (void)state;
    for (size_t i = 0; world_scene_name(i); i++) {
        world_scene(&w, i);
        assert_string_equal(w.sim.failure, "");
        world_end(&w);
    }
}

T_MAIN(T_TEST(each_planted_bug_is_found), T_TEST(without_a_bug_the_scenes_are_good),
       T_TEST(without_a_bug_these_seeds_are_good))
