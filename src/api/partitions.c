/*
 * Partitions made and unmade by the user's word.
 */
#include "api/instance.h"
#include "api/points.h"
#include "upkeep/upkeep.h"

#define POINTS_MAX_BYTES ((size_t)1 << 30)

static slp_rc split_at(struct slp_instance *instance,
                       const struct slp_partition_split_options *options, struct state_table *t,
                       uint64_t *made, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct slice *keys = NULL;
    size_t count = 0;
    struct points_options p = {.schema = state_table_schema(t),
                               .spec = state_table_key_spec(t),
                               .text = options->points,
                               .is_base64 = options->base64};
    arena_init(&arena, instance->mem, POINTS_MAX_BYTES);
    TRY_OUT(api_points_parse(&p, &arena, &keys, &count, err));
    rc = upkeep_split_at(t, keys, count, options->dry_run, instance->mem, made, err);
out:
    arena_fini(&arena);
    return rc;
}

slp_rc slp_partition_split(struct slp_instance *instance,
                           const struct slp_partition_split_options *options, uint64_t *split_count,
                           struct slp_err *err)
{
    struct state_table *t = NULL;
    uint64_t made = 0;
    if (!options->points == !options->leaves)
        FAIL(err, INVALID, "give either split points or how many partitions there are to be");
    TRY(api_instance_table(instance, options->table, &t, err));
    if (options->points)
        TRY(split_at(instance, options, t, &made, err));
    else
        TRY(upkeep_split_evenly(t, options->leaves, options->dry_run, instance->mem, &made, err));
    if (!options->dry_run)
        state_table_keep_due(t);
    *split_count = made;
    return SLP_OK;
}

slp_rc slp_partition_merge(struct slp_instance *instance, const char *table, int64_t below_rows,
                           bool dry_run, uint64_t *merge_count, struct slp_err *err)
{
    struct state_table *t = NULL;
    uint64_t merged = 0;
    if (below_rows < 0)
        FAIL(err, INVALID, "neighbours are merged below at least one row");
    TRY(api_instance_table(instance, table, &t, err));
    struct schema_properties p = state_table_properties(t);
    int64_t rows =
        below_rows ? below_rows : schema_property_number(&p, SCHEMA_PROPERTY_MERGE_THRESHOLD);
    if (rows > 0)
        TRY(upkeep_merge_leaves(t, rows, dry_run, instance->mem, &merged, err));
    if (rows > 0 && !dry_run)
        state_table_keep_due(t);
    *merge_count = merged;
    return SLP_OK;
}
