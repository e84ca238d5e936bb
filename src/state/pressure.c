#include "state/pressure.h"

#include "base/num.h"
#include "state/view_priv.h"

#define SLICE_US ((int64_t)100 * 1000)

/* Runs of a leaf: exact where they may be so many that somebody waits. That is worked out once for so
 * many files that come then. */
static slp_rc depth_of(const struct table_state *s, size_t at, size_t soft, size_t *out,
                       struct slp_err *err)
{
    struct state_leaf *leaf = s->leaves[at];
    *out = leaf->depth_most + s->unfiled_count;
    if (*out < soft)
        return SLP_OK;
    TRY(state_leaf_depth(s, leaf, out, err));
    leaf->depth_most = num_min_size(leaf->depth_most, *out);
    return SLP_OK;
}

slp_rc state_pressure_of(const struct state_table *t, struct key_range range,
                         struct state_pressure *out, struct slp_err *err)
{
    const struct table_state *s = state_table_view(t);
    struct state_pressure p = {.unfiled = state_unfiled_count(s),
                               .waiting = state_table_waiting(t)};
    struct schema_properties o = state_table_properties(t);
    size_t soft = (size_t)schema_property_number(&o, SCHEMA_PROPERTY_DEPTH_SOFT);
    size_t first = 0;
    size_t end = 0;
    state_leaves_meeting(s, range, &first, &end);
    if (first == end) { /* a range of one key has no inside */
        first = state_leaf_holding(s, range.lo);
        end = first + 1;
    }
    for (size_t i = first; i < end; i++) {
        size_t depth = 0;
        TRY(depth_of(s, i, soft, &depth, err));
        p.depth = num_max_size(p.depth, depth);
    }
    *out = p;
    return SLP_OK;
}

/* What part of the longest delay, by 1,000, a signal asks for. */
static int64_t share_of(uint64_t signal, int64_t soft, int64_t hard)
{
    uint64_t low = (uint64_t)num_max_i64(soft, 1);
    uint64_t high = (uint64_t)num_max_i64(hard, soft + 1);
    if (signal < low)
        return 0;
    return signal >= high ? 1000 : (int64_t)((signal - low + 1) * 1000 / (high - low + 1));
}

int64_t state_pressure_delay_us(const struct state_pressure *p, const struct schema_properties *o,
                                bool adds_unfiled)
{
    int64_t most_us = schema_property_number(o, SCHEMA_PROPERTY_DELAY_MOST) * 1000000;
    int64_t unfiled = schema_property_number(o, SCHEMA_PROPERTY_UNFILED_SOFT);
    int64_t waiting = schema_property_number(o, SCHEMA_PROPERTY_WAITING_SOFT);
    int64_t share = share_of(p->depth, schema_property_number(o, SCHEMA_PROPERTY_DEPTH_SOFT),
                             schema_property_number(o, SCHEMA_PROPERTY_DEPTH_HARD));
    share = num_max_i64(share, share_of(p->waiting, waiting, 2 * waiting));
    if (adds_unfiled)
        share = num_max_i64(share, share_of(p->unfiled, unfiled, 2 * unfiled));
    return most_us / 1000 * share;
}

slp_rc state_pressure_admit(struct state_table *t, struct key_range range, bool adds_unfiled,
                            const volatile int *cancel, struct slp_err *err)
{
    struct schema_properties o = state_table_properties(t);
    struct store *store = state_instance_store(state_table_instance(t));
    struct state_pressure p;
    int64_t hard = schema_property_number(&o, SCHEMA_PROPERTY_DEPTH_HARD);
    TRY(state_pressure_of(t, range, &p, err));
    if (p.depth >= (uint64_t)hard)
        FAIL(
            err, UNAVAILABLE,
            "table \"%.*s\" takes no more rows there: %zu runs lie over one partition, and "
            "backpressure.depth.hard is %lld; compact it ('sleeper compact %.*s', or a worker), or "
            "raise that property",
            SLICE_ARG(state_table_name(t)), p.depth, (long long)hard,
            SLICE_ARG(state_table_name(t)));
    int64_t left_us = state_pressure_delay_us(&p, &o, adds_unfiled);
    for (; left_us > 0; left_us -= SLICE_US) {
        if (cancel && *cancel)
            FAIL(err, CANCELLED, "cancelled");
        store_sleep_us(store, num_min_i64(left_us, SLICE_US));
    }
    return SLP_OK;
}
