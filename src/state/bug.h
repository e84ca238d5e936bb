/*
 * Planted bugs: each is a deliberate violation of a rule of the protocol, by which the simulator
 * shows that it would find such a one (test/sim/README.md). They exist only where SLEEPER_BUGS is
 * defined, in a copy of this directory that test/CMakeLists.txt builds for tests; in what is
 * delivered STATE_BUG is the constant 0 and nothing of it is left.
 *
 *     if (first && !STATE_BUG(NO_RING))
 *
 * bug.def lists them. Private to src/state, the collector and test/sim.
 */
#ifndef SLP_STATE_BUG_H
#define SLP_STATE_BUG_H

#ifdef SLEEPER_BUGS

enum state_bug {
    STATE_BUG_NONE,
#define STATE_BUG_DEF(name, text) STATE_BUG_##name,
#include "state/bug.def"
#undef STATE_BUG_DEF
    STATE_BUG_COUNT
};

/* The one that is switched on: the simulator's, one world at a time. */
extern int state_bug_now;

#define STATE_BUG(name) (state_bug_now == STATE_BUG_##name)

#else

#define STATE_BUG(name) 0

#endif
#endif
