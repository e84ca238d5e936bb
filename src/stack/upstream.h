/*
 * Upstream's processing properties in our words.
 *
 *   sleeper.table.aggregations         sum(count),max(x)              aggregate(sum: count; max: x)
 *   sleeper.table.filters              ageOff(ts,604800000)           the same: a filter of ours
 *   sleeper.table.iterator.class.name  ...AgeOffIterator      f,ms    filter ageOff(f, ms)
 *                                      FixedAgeOffIterator    f,min   filter "f" >= min
 *                                      SecurityFilteringIterator f,a,b  iterator redact(f, a, b)
 *                                      AdditionIterator               aggregate(sum: *)
 */
#ifndef SLP_STACK_UPSTREAM_H
#define SLP_STACK_UPSTREAM_H

#include "base/arena.h"

struct stack_upstream {
    struct slice aggregations;
    struct slice filters;
    struct slice iterator_class; /* with or without its package */
    struct slice iterator_config;
};

/* What they come to: texts in an arena; empty: none. */
struct stack_translated {
    struct slice engine;
    struct slice filter;
    struct slice second_filter; /* of the iterator class, beside that of `filters` */
    struct slice iterator;
};

/* Errors: INVALID: aggregations together with AdditionIterator, a configuration of the wrong form;
 * UNSUPPORTED: a class of users, by name, with what to do instead; NO_MEMORY. */
SLP_NODISCARD slp_rc stack_upstream(const struct stack_upstream *in, struct arena *arena,
                                    struct stack_translated *out, struct slp_err *err);

#endif
