#include "process/retire.h"

#include "state/global.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* The lowest mark of any live file, and of what open jobs will give theirs. */
static slp_rc lowest_mark(const struct table_state *s, struct arena *arena,
                          struct state_position *out, struct slp_err *err)
{
    const struct state_file **files = NULL;
    size_t count = 0;
    struct state_position low = {.frame = UINT64_MAX};
    TRY(state_files(s, arena, &files, &count, err));
    for (size_t i = 0; i < count; i++)
        if (state_position_compare(files[i]->purged_through, low) < 0)
            low = files[i]->purged_through;
    for (size_t i = 0; i < state_job_count(s); i++)
        if (state_position_compare(state_job_at(s, i)->assigned, low) < 0)
            low = state_job_at(s, i)->assigned;
    *out = low;
    return SLP_OK;
}

static slp_rc find_due(const struct table_state *s, struct arena *arena,
                       struct state_position **out, size_t *count, struct slp_err *err)
{
    struct state_position low;
    TRY(lowest_mark(s, arena, &low, err));
    TRY(arena_array(arena, state_purge_count(s), sizeof **out, (void **)out, err));
    *count = 0;
    for (size_t i = 0; i < state_purge_count(s); i++) {
        const struct state_purge *p = state_purge_at(s, i);
        if (state_position_compare(p->at, low) <= 0 && !state_purge_is_restorable(s, p))
            (*out)[(*count)++] = p->at;
    }
    return SLP_OK;
}

slp_rc process_retire(struct state_table *table, struct alloc *mem, size_t *count,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct state_position *due = NULL;
    struct state_result result = {0};
    size_t n = 0;
    if (count)
        *count = 0;
    if (state_purge_count(state_table_view(table)) == 0)
        return SLP_OK;
    arena_init(&arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(find_due(state_table_view(table), &arena, &due, &n, err));
    if (n == 0)
        goto out;
    struct state_txn txn = {
        .kind = STATE_RETIRE_PURGE,
        .retire = {.purges = due, .count = n, .seen = state_number(state_table_view(table))}};
    TRY_OUT(state_table_commit(table, &txn, NULL, &result, err));
    if (count && state_result_check(&result, NULL) == SLP_OK)
        *count = n;
out:
    arena_fini(&arena);
    return rc;
}
