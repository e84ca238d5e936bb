/*
 * The simulator: actors on stacks of their own, one store, one virtual clock, one seed.
 *
 * Actors run the real code over a store whose every wait hands control to the scheduler. It lets
 * the actor run on whose time has come first. Between a request and its answer others run; the
 * request takes effect at some moment in between, or, when its answer is lost, perhaps long after
 * its author was told that nobody knows. Actors freeze for days and are killed at any wait: their
 * stack is left where it is and never entered again, and what they had allocated goes with the
 * world.
 *
 *     struct sim sim;
 *     sim_begin(&sim, seed, &faults);
 *     sim_spawn(&sim, "writer", writer, &plan);
 *     sim_run(&sim);                              until all have ended
 *     sim_end(&sim);
 *
 * Actors never assert: they call sim_fail, and the test looks at `sim.failure` afterwards. All of a
 * run follows from the seed.
 */
#ifndef SLP_TEST_SIM_H
#define SLP_TEST_SIM_H

#include <ucontext.h>

#include "os/clock.h"
#include "store/store.h"

#define SIM_ACTORS_MAX  32
#define SIM_DELAYED_MAX 64
#define SIM_STEPS_MAX   200000

/* Fleeting writes younger than this are lost with the power. */
#define SIM_FLEETING_MAX 32
#define SIM_VISIBLE_MAX  64
#define SIM_FLEETING_US  ((int64_t)2 * 1000 * 1000)

struct sim;

/* How likely what is, in 1,000 requests. */
struct sim_faults {
    unsigned refuse;      /* UNAVAILABLE, without effect */
    unsigned lose_before; /* UNKNOWN; the write happens later, or never */
    unsigned lose_after;  /* UNKNOWN; the write has happened */
    unsigned freeze;      /* the actor stops for a day or so */
    unsigned kill;        /* the actor ends here */
    unsigned throttle;    /* for a while the store refuses everything */
    unsigned stale;       /* a listing does not show what is new */
    unsigned cut;         /* a power cut takes fleeting writes that are young */
    int64_t skew_us;      /* actors' clocks are off by up to so much */
    unsigned power; /* of creations: all actors end before it is durable, and it goes with them */
};

typedef void (*sim_actor_fn)(struct sim *sim, void *arg);

struct sim_actor {
    const char *name;
    sim_actor_fn run;
    void *arg;
    ucontext_t context;
    void *stack;
    void *fiber; /* what the sanitizer keeps of a stack that is left */
    int64_t wake_us;
    int64_t skew_us; /* its clock */
    bool is_done;
    bool is_killed;
    bool is_steady;
};

/* A write that was given up and comes all the same. */
struct sim_delayed {
    int64_t at_us;
    char name[STORE_NAME_MAX + 1];
    struct buf body;
};

/* A fleeting write that a power cut would take. */
struct sim_fleeting {
    int64_t at_us;
    char name[STORE_NAME_MAX + 1];
};

/* With faults.power, an object that others see while its author still waits for the sync of the folder
 * that names it. Whatever is synced or settled in a folder makes durable all that was seen there. */
struct sim_visible {
    char name[STORE_NAME_MAX + 1];
};

/* Told of what has taken effect: a write or a deletion. It runs on the actor's stack. */
typedef void (*sim_effect_fn)(struct sim *sim, enum store_verb verb, struct slice name);

/* Called by the scheduler after each step. */
typedef void (*sim_settle_fn)(struct sim *sim);

struct sim {
    struct store base; /* what actors are given */
    struct alloc mem;  /* what actors allocate from: all of it goes with the world */
    void *blocks;
    struct store *below;   /* the truth */
    struct os_clock clock; /* what it stamps objects with */
    struct sim_faults faults;
    uint64_t random;
    int64_t now_us;
    struct sim_actor actors[SIM_ACTORS_MAX];
    size_t actor_count;
    size_t running;
    struct sim_delayed delayed[SIM_DELAYED_MAX];
    size_t delayed_count;
    struct sim_fleeting fleeting[SIM_FLEETING_MAX];
    size_t fleeting_count; /* ever; the last ones are kept */
    struct sim_visible visible[SIM_VISIBLE_MAX];
    size_t visible_count;
    int64_t throttled_until_us;
    sim_effect_fn on_effect; /* may be NULL, both */
    sim_settle_fn on_settle;
    ucontext_t scheduler;
    void *scheduler_fiber;
    const void *scheduler_stack;
    size_t scheduler_stack_bytes;
    size_t steps;
    size_t kills;
    size_t freezes;
    size_t throttles;
    size_t cuts;
    size_t settles;
    size_t lost;        /* objects that others saw and that went with the power */
    size_t late_writes; /* that came after they were given up, and took effect */
    char failure[512];  /* the first; empty when all is well */
};

void sim_begin(struct sim *sim, uint64_t seed, const struct sim_faults *faults);
void sim_spawn(struct sim *sim, const char *name, sim_actor_fn run, void *arg);
void sim_run(struct sim *sim);
void sim_end(struct sim *sim);

/* For actors. */
uint64_t sim_random(struct sim *sim);
uint64_t sim_below(struct sim *sim, uint64_t limit);
void sim_fail(struct sim *sim, const char *format, ...) SLP_PRINTF(2, 3);
bool sim_has_failed(const struct sim *sim);

/* The running actor is not frozen nor killed from now on. */
void sim_be_steady(struct sim *sim);

#endif
