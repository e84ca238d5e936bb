/*
 * Deletes and purges.
 */
#include "sleeper/processing.h"

#include "api/instance.h"
#include "ingest/ingest.h"
#include "process/process.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

struct call {
    struct slp_instance *instance;
    struct arena arena;
    struct state_table *table;
};

static slp_rc encode(struct call *c, const char *text, size_t min_fields, struct slice *out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf key;
    buf_init(&key, alloc_system(), KEY_MAX_BYTES);
    TRY_OUT(key_parse(state_table_key_spec(c->table), state_table_schema(c->table), slice_str(text),
                      min_fields, &key, err));
    TRY_OUT(arena_copy(&c->arena, buf_slice(&key), out, err));
out:
    buf_fini(&key);
    return err_wrap(err, rc, "key \"%s\"", text);
}

/* Rows that a range has, in a query's words. */
static slp_rc count_rows(struct call *c, const struct query_options *o, int64_t *out,
                         struct slp_err *err)
{
    struct query_options options = *o;
    options.cancel = c->instance->cancel;
    options.memory = (size_t)(api_instance_memory(c->instance) / 4);
    return query_count(c->table, &options, c->instance->mem, out, err);
}

static slp_rc delete_range(struct call *c, const struct slp_delete_options *o,
                           struct slp_delete_result *out, struct slp_err *err)
{
    struct state_txn txn = {.kind = STATE_RANGE_DELETE};
    struct state_result result = {0};
    struct key_range *range = &txn.range_delete.range;
    if (o->from)
        TRY(encode(c, o->from, 1, &range->lo, err));
    if (o->to)
        TRY(encode(c, o->to, 1, &range->hi, err));
    range->has_hi = o->to != NULL;
    if (key_range_is_empty(*range))
        FAIL(err, INVALID, "the range is empty: --from is not below --to");
    struct query_options q = {.ranges = range, .range_count = 1};
    if (o->dry_run)
        return count_rows(c, &q, &out->rows, err);
    struct state_commit_options commit = {.cancel = c->instance->cancel};
    if (o->token)
        commit.token = slice_str(o->token);
    TRY(state_table_commit(c->table, &txn, &commit, &result, err));
    TRY(state_result_check(&result, err));
    out->sequence = result.outcome.at.frame;
    out->was_duplicate = result.outcome.is_duplicate;
    return SLP_OK;
}

static slp_rc delete_keys(struct call *c, const struct slp_delete_options *o,
                          struct slp_delete_result *out, struct slp_err *err)
{
    const struct schema *schema = state_table_schema(c->table);
    size_t count = api_count_texts(o->keys);
    struct slice *keys = NULL;
    struct ingest_result result = {0};
    TRY(arena_array(&c->arena, count, sizeof *keys, (void **)&keys, err));
    for (size_t i = 0; i < count; i++)
        TRY(encode(c, o->keys[i], schema->key_count, &keys[i], err));
    struct ingest_options in = {.deletes = keys,
                                .delete_count = count,
                                .dry_run = o->dry_run,
                                .memory = (size_t)api_instance_memory(c->instance),
                                .threads = api_instance_threads(c->instance),
                                .cancel = c->instance->cancel};
    if (o->token)
        in.token = slice_str(o->token);
    TRY(ingest_run(c->table, &in, c->instance->mem, &result, err));
    out->keys = count;
    out->sequence = result.at.frame;
    out->was_duplicate = result.is_duplicate;
    return SLP_OK;
}

slp_rc slp_delete(struct slp_instance *instance, const struct slp_delete_options *options,
                  struct slp_delete_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct call c = {.instance = instance};
    struct slp_delete_result result = {0};
    bool has_keys = api_count_texts(options->keys) > 0;
    bool has_range = options->from || options->to;
    if (!has_keys && !has_range)
        FAIL(err, INVALID, "delete what? give keys, or a range by --from and --to");
    if (has_keys && has_range)
        FAIL(err, INVALID, "keys and a range (--from, --to) do not go together");
    arena_init(&c.arena, instance->mem, ARENA_MAX_BYTES);
    TRY_OUT(api_instance_table(instance, options->table, &c.table, err));
    rc = has_range ? delete_range(&c, options, &result, err)
                   : delete_keys(&c, options, &result, err);
    if (rc == SLP_OK) {
        if (!options->dry_run)
            state_table_keep_due(c.table);
        *out = result;
    }
out:
    arena_fini(&c.arena);
    return rc;
}

static bool is_on_keys(const struct schema *schema, const struct pred *where, bool *used)
{
    pred_columns(where, used);
    for (size_t i = 0; i < schema->key_count; i++)
        used[schema->key_columns[i]] = false;
    for (size_t i = 0; i < schema->columns.count; i++)
        if (used[i])
            return false;
    return true;
}

static slp_rc check_purge(struct call *c, const struct pred *where, struct slp_err *err)
{
    struct process *p = NULL;
    TRY(process_open_always(c->table, c->instance->mem, &p, err));
    slp_rc rc = stack_purge_check(process_stack(p), where, err);
    process_close(p);
    return rc;
}

static slp_rc purge(struct call *c, const struct slp_purge_options *o,
                    struct slp_delete_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct schema *schema = state_table_schema(c->table);
    const struct pred *where = NULL;
    bool *used = NULL;
    struct buf text;
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_PURGE};
    buf_init(&text, c->instance->mem, PRED_TEXT_MAX_BYTES);
    TRY_OUT(pred_compile(slice_str(o->where), &schema->columns, NULL, 0, &c->arena, &where, err));
    TRY_OUT(check_purge(c, where, err));
    TRY_OUT(arena_array(&c->arena, schema->columns.count, sizeof *used, (void **)&used, err));
    if (o->dry_run) {
        struct query_options q = {.where = slice_str(o->where)};
        rc = count_rows(c, &q, &out->rows, err);
        goto out;
    }
    TRY_OUT(pred_format(where, &text, err));
    txn.purge = (struct state_purge_rows){.predicate = buf_slice(&text),
                                          .is_on_keys = is_on_keys(schema, where, used),
                                          .schema_version =
                                              state_schema_version(state_table_view(c->table)),
                                          .why = o->why ? slice_str(o->why) : slice_of(NULL, 0)};
    TRY_OUT(state_table_commit(c->table, &txn, NULL, &result, err));
    TRY_OUT(state_result_check(&result, err));
    out->sequence = result.outcome.at.frame;
out:
    buf_fini(&text);
    return rc;
}

slp_rc slp_purge(struct slp_instance *instance, const struct slp_purge_options *options,
                 struct slp_delete_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct call c = {.instance = instance};
    struct slp_delete_result result = {0};
    if (!options->where || !*options->where)
        FAIL(err, INVALID, "purge what? give a predicate by --where");
    arena_init(&c.arena, instance->mem, ARENA_MAX_BYTES);
    TRY_OUT(api_instance_table(instance, options->table, &c.table, err));
    TRY_OUT(purge(&c, options, &result, err));
    if (!options->dry_run)
        state_table_keep_due(c.table);
    *out = result;
out:
    arena_fini(&c.arena);
    return rc;
}
