/*
 * What is done to tables as a whole, through the catalogue.
 */
#include "base/text.h"
#include "state/global.h"
#include "state/replica.h"

/* Replay the catalogue; the replica is finished by the caller, on failure too. */
static slp_rc open_catalogue(struct state_instance *i, struct state_replica *r, struct slp_err *err)
{
    TRY(state_replica_init(r, i, NULL, err));
    return err_wrap(err, state_replica_refresh(r, err), "catalogue");
}

static slp_rc find_table(const struct state_replica *r, struct slice name, struct hash128 *id,
                         struct slp_err *err)
{
    const struct state_table_entry *entry = state_catalogue_find(&r->machine.catalogue, name);
    if (!entry)
        FAIL(err, NOT_FOUND, "no table \"%.*s\"; 'sleeper table list' shows those there are",
             SLICE_ARG(name));
    *id = entry->id;
    return SLP_OK;
}

/* ------------------------------------------------------------------ rename, online, offline */

slp_rc state_table_rename(struct state_instance *i, struct slice name, struct slice to,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_RENAME_TABLE};
    TRY(state_table_name_check(to, err));
    TRY_OUT(open_catalogue(i, &r, err));
    TRY_OUT(find_table(&r, name, &txn.name_table.table, err));
    txn.name_table.name = to;
    if (state_catalogue_find(&r.machine.catalogue, to))
        FAIL_OUT(err, EXISTS, "there is a table \"%.*s\" already", SLICE_ARG(to));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    if (result.outcome.reason == STATE_REASON_NAME_TAKEN)
        FAIL_OUT(err, EXISTS, "there is a table \"%.*s\" already", SLICE_ARG(to));
    rc = state_result_check(&result, err);
out:
    state_replica_fini(&r);
    return err_wrap(err, rc, "rename table");
}

slp_rc state_table_set_offline(struct state_instance *i, struct slice name, bool is_offline,
                               bool *was_changed, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    struct state_txn txn = {.kind = is_offline ? STATE_OFFLINE : STATE_ONLINE};
    bool is_other = false;
    TRY_OUT(open_catalogue(i, &r, err));
    TRY_OUT(find_table(&r, name, &txn.name_table.table, err));
    is_other = state_catalogue_find(&r.machine.catalogue, name)->is_offline != is_offline;
    if (is_other) {
        TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
        is_other = result.outcome.reason == STATE_REASON_APPLIED;
        if (result.outcome.reason != STATE_REASON_ALREADY)
            TRY_OUT(state_result_check(&result, err));
    }
    *was_changed = is_other;
out:
    state_replica_fini(&r);
    return err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(name));
}

/* ------------------------------------------------------------------ drop */

/* The end of the table's own log: nothing behind it is applied, whoever commits it and when. */
static slp_rc end_log(struct state_replica *r, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_DROP};
    TRY(state_replica_refresh(r, err));
    if (state_is_dropped(r->machine.table))
        return SLP_OK;
    TRY(state_replica_commit(r, &txn, NULL, &result, err));
    return state_result_check(&result, err);
}

/*
 * A log that is dropped already, by somebody who did not come to the end, or so damaged that it
 * cannot be read, takes no transaction any more. What cannot be read can be dropped.
 */
static slp_rc drop_log(struct state_instance *i, struct hash128 id, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    TRY_OUT(state_replica_init(&r, i, &id, err));
    rc = end_log(&r, err);
    if (rc == SLP_NOT_FOUND || rc == SLP_CORRUPT) {
        err_clear(err);
        rc = SLP_OK;
    }
    TRY_OUT(rc);
    /* Rule F2: the floor of a dropped table is at the maximum, so that its frames may go and none that
     * is created late counts. */
    rc = state_floor_close(r.store, r.mem, r.place, err);
out:
    state_replica_fini(&r);
    return rc;
}

slp_rc state_table_drop(struct state_instance *i, struct slice name, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_DROP_TABLE};
    TRY_OUT(open_catalogue(i, &r, err));
    TRY_OUT(find_table(&r, name, &txn.name_table.table, err));
    TRY_OUT(drop_log(i, txn.name_table.table, err));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    if (result.outcome.reason != STATE_REASON_DROPPED) /* by somebody else meanwhile */
        rc = state_result_check(&result, err);
out:
    state_replica_fini(&r);
    return err_wrap(err, rc, "drop table \"%.*s\"", SLICE_ARG(name));
}

slp_rc state_dropped_list(struct state_instance *i, struct arena *arena,
                          struct state_dropped_table **out, size_t *count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    void *room = NULL;
    TRY_OUT(open_catalogue(i, &r, err));
    const struct state_catalogue *c = &r.machine.catalogue;
    TRY_OUT(arena_array(arena, c->dropped_count, sizeof **out, &room, err));
    if (c->dropped_count)
        memcpy(room, c->dropped, c->dropped_count * sizeof **out);
    *out = room;
    *count = c->dropped_count;
out:
    state_replica_fini(&r);
    return rc;
}

/* ------------------------------------------------------------------ defaults of properties */

static slp_rc copy_defaults(const struct state_catalogue *c, struct arena *arena,
                            struct state_property **out, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, c->default_count, sizeof **out, &room, err));
    struct state_property *list = room;
    for (size_t k = 0; k < c->default_count; k++) {
        list[k] = (struct state_property){0};
        TRY(arena_copy(arena, c->defaults[k].name, &list[k].name, err));
        TRY(arena_copy(arena, c->defaults[k].value, &list[k].value, err));
    }
    *out = list;
    return SLP_OK;
}

static slp_rc copy_entries(const struct state_catalogue *c, struct arena *arena,
                           struct state_table_entry **out, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, c->count, sizeof **out, &room, err));
    struct state_table_entry *entries = room;
    for (size_t k = 0; k < c->count; k++) {
        entries[k] = c->entries[k];
        TRY(arena_copy(arena, c->entries[k].name, &entries[k].name, err));
    }
    *out = entries;
    return SLP_OK;
}

slp_rc state_contents_list(struct state_instance *i, struct arena *arena,
                           struct state_contents *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_contents found = {.table_count = 0};
    TRY_OUT(open_catalogue(i, &r, err));
    const struct state_catalogue *c = &r.machine.catalogue;
    TRY_OUT(copy_entries(c, arena, &found.tables, err));
    TRY_OUT(copy_defaults(c, arena, &found.defaults, err));
    found.table_count = c->count;
    found.default_count = c->default_count;
    *out = found;
out:
    state_replica_fini(&r);
    return rc;
}

slp_rc state_table_list(struct state_instance *i, struct arena *arena,
                        struct state_table_entry **out, size_t *count, struct slp_err *err)
{
    struct state_contents found;
    TRY(state_contents_list(i, arena, &found, err));
    *out = found.tables;
    *count = found.table_count;
    return SLP_OK;
}

slp_rc state_defaults_list(struct state_instance *i, struct arena *arena,
                           struct state_property **out, size_t *count, struct slp_err *err)
{
    struct state_contents found;
    TRY(state_contents_list(i, arena, &found, err));
    *out = found.defaults;
    *count = found.default_count;
    return SLP_OK;
}

slp_rc state_defaults_set(struct state_instance *i, const struct state_property *items,
                          size_t count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_replica r = {0};
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_DEFAULTS, .properties = {.items = items, .count = count}};
    TRY_OUT(open_catalogue(i, &r, err));
    TRY_OUT(state_replica_commit(&r, &txn, NULL, &result, err));
    rc = state_result_check(&result, err);
out:
    state_replica_fini(&r);
    return err_wrap(err, rc, "defaults of properties");
}
