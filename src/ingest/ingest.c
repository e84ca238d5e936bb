#include "ingest/ingest.h"

#include <inttypes.h>

#include "ingest/budget.h"
#include "ingest/emit.h"
#include "ingest/intake.h"
#include "ingest/meter.h"
#include "os/folder.h"
#include "state/pressure.h"

#define LINEAGE_MAX_BYTES ((size_t)4096)
#define KINDS_MAX_BYTES   ((size_t)16 << 20)

struct ingest {
    struct state_table *table;
    const struct ingest_options *o;
    struct ingest_meter meter;
    struct alloc *mem; /* the meter */
    struct ingest_budget budget;
    struct ingest_rejects rejects;
    struct process *process; /* NULL: rows are written as they are */
    struct arena arena;      /* of `kinds` */
    struct ingest_kinds kinds;
    unsigned form; /* of the rows that come in */
    struct ingest_result result;
};

static slp_rc write_lineage(const struct ingest *g, struct buf *out, struct slp_err *err)
{
    char table[33];
    char id[33];
    hash_format(state_table_id(g->table), table);
    hash_format(state_random_id(state_table_instance(g->table)), id);
    return buf_printf(out, err, "{\"table\":\"%s\",\"base\":%" PRIu64 ",\"ingest\":\"%s\"}", table,
                      state_number(state_table_view(g->table)), id);
}

/* One transaction, with the end of the job that this is. */
static slp_rc commit_files(struct ingest *g, const struct state_add *add, struct output *out,
                           struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_ADD, .add = *add};
    struct state_commit_options o = {.token = g->o->token, .cancel = g->o->cancel};
    txn.add.job = g->o->job;
    txn.add.attempt = g->o->attempt;
    txn.add.ends_job = !state_id_is_none(g->o->job);
    if (out)
        o.bodies = output_bodies(out, &o.body_count);
    TRY(state_table_commit(g->table, &txn, &o, &result, err));
    TRY(state_result_check(&result, err));
    g->result.at = result.outcome.at;
    g->result.is_duplicate = result.outcome.is_duplicate;
    return SLP_OK;
}

/* A job that brought no rows is over all the same. */
static slp_rc end_empty(struct ingest *g, struct slp_err *err)
{
    struct state_add none = {.count = 0};
    return state_id_is_none(g->o->job) ? SLP_OK : commit_files(g, &none, NULL, err);
}

/* Commit the files. Where that fails, or was done before by the same token, they are removed;
 * unless the outcome is not known: the log may name them. */
static slp_rc commit(struct ingest *g, struct output *out, bool is_wide, struct slp_err *err)
{
    struct state_new_file *files = NULL;
    size_t count = 0;
    TRY(output_finish(out, &files, &count, err));
    if (count == 0) /* filters refused all rows */
        return end_empty(g, err);
    for (size_t i = 0; i < count; i++)
        files[i].is_unfiled = is_wide;
    struct key_range range = {
        .lo = files[0].info.first_key, .hi = files[count - 1].info.last_key, .has_hi = true};
    TRY(state_pressure_admit(g->table, range, is_wide, g->o->cancel, err));
    struct state_add add = {.files = files, .count = count};
    TRY(commit_files(g, &add, out, err));
    if (g->result.is_duplicate) {
        ingest_rejects_withdraw(&g->rejects);
        output_discard(out);
        return SLP_OK;
    }
    g->result.files = count;
    g->result.bytes = output_bytes(out);
    return SLP_OK;
}

static enum ingest_layout layout_of(const struct ingest *g)
{
    static const enum ingest_layout layouts[] = {INGEST_LAYOUT_AUTO, INGEST_LAYOUT_LEAF,
                                                 INGEST_LAYOUT_WIDE};
    if (g->o->layout != INGEST_LAYOUT_PROPERTY)
        return g->o->layout;
    struct schema_properties p = state_table_properties(g->table);
    return layouts[schema_property_choice(&p, SCHEMA_PROPERTY_INGEST_STRATEGY)];
}

static size_t embed_bytes(const struct ingest *g)
{
    struct schema_properties p = state_table_properties(g->table);
    return (size_t)schema_property_number(&p, SCHEMA_PROPERTY_INGEST_EMBED);
}

/* A table of one leaf has no wide files: its one file is filed under that leaf. */
static bool is_wide_by(enum ingest_layout layout, const struct ingest_rows *rows)
{
    if (layout == INGEST_LAYOUT_AUTO)
        return ingest_is_wide(rows);
    return layout == INGEST_LAYOUT_WIDE && rows->leaves > 1;
}

static slp_rc write_files(struct ingest *g, struct ingest_rows *rows, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct output *out = NULL;
    struct buf lineage;
    bool is_wide = is_wide_by(layout_of(g), rows);
    buf_init(&lineage, g->mem, LINEAGE_MAX_BYTES);
    TRY_OUT(write_lineage(g, &lineage, err));
    struct output_options o = {.threads = g->budget.output_threads,
                               .memory = g->budget.output_bytes,
                               .embed_bytes = embed_bytes(g),
                               .lineage = buf_slice(&lineage)};
    TRY_OUT(output_new(g->table, &o, g->mem, &out, err));
    struct ingest_emit_options emit = {.table = g->table,
                                       .is_wide = is_wide,
                                       .cancel = g->o->cancel,
                                       .budget = &g->budget,
                                       .process = g->process,
                                       .form = g->form};
    TRY_OUT(ingest_emit(g->mem, &emit, rows, out, err));
    TRY_OUT(ingest_rejects_finish(&g->rejects, err));
    TRY_OUT(commit(g, out, is_wide, err));
out:
    if (rc != SLP_OK && rc != SLP_UNKNOWN) {
        ingest_rejects_withdraw(&g->rejects);
        if (out)
            output_discard(out);
    }
    output_free(out);
    buf_fini(&lineage);
    return rc;
}

/* Tell whoever wants to know which input it was; without memory nobody hears it. */
static slp_rc blame(const struct ingest *g, const char *path, slp_rc rc)
{
    if (g->o->blamed && path)
        (void)!buf_assign(g->o->blamed, slice_str(path), NULL);
    return rc;
}

static slp_rc take_in(struct ingest *g, struct ingest_rows *rows, struct slp_err *err)
{
    const char *folder = g->o->temp_folder;
    const struct rows_check check = {.row = ingest_kinds_check, .context = &g->kinds};
    struct ingest_feed feed;
    const char *blamed = NULL;
    struct ingest_feed_options f = {
        .missing = &blamed,
        .inputs = g->o->inputs,
        .input_count = g->o->input_count,
        .queue = g->o->queue,
        .rows = {.format = g->o->format,
                 .want =
                     g->o->row_kinds.len ? &g->kinds.want : &state_table_schema(g->table)->columns,
                 .demand = g->o->row_kinds.len ? ingest_kinds_column(&g->kinds) : NULL,
                 .batch_rows = OUTPUT_GROUP_ROWS,
                 .batch_bytes = g->budget.batch_bytes,
                 .rejects = ingest_rejects_rows(&g->rejects),
                 .check = g->o->row_kinds.len ? &check : NULL},
    };
    slp_rc rc = ingest_feed_init(&feed, g->mem, &f, err);
    if (rc != SLP_OK)
        return blame(g, blamed, rc);
    g->result.inputs = feed.path_count;
    struct ingest_intake_options o = {.table = g->table,
                                      .feed = &feed,
                                      .budget = &g->budget,
                                      .meter = &g->meter,
                                      .temp_folder = folder ? folder : os_folder_temporary(),
                                      .cancel = g->o->cancel,
                                      .dry_run = g->o->dry_run,
                                      .may_pile = !g->process,
                                      .kinds = g->o->row_kinds.len ? &g->kinds : NULL};
    rc = ingest_intake(g->mem, &o, rows, err);
    if (rc != SLP_OK)
        rc = blame(g, feed.blamed, rc);
    ingest_feed_fini(&feed);
    return rc;
}

/* Was this committed before? Then nothing is to be done. */
static slp_rc look_for_token(struct ingest *g, struct slp_err *err)
{
    struct state_outcome first = {.at = {.frame = 0}};
    bool is_found = false;
    if (g->o->token.len == 0)
        return SLP_OK;
    TRY(state_table_find_token(g->table, g->o->token, &first, &is_found, err));
    if (is_found) {
        g->result.at = first.at;
        g->result.is_duplicate = true;
    }
    return SLP_OK;
}

/* Keys to be deleted are rows that are there already. */
static slp_rc take_deletes(struct ingest *g, struct ingest_rows *rows, struct slp_err *err)
{
    struct run *run = NULL;
    TRY(ingest_deletes(g->mem, g->table, g->process, g->o->deletes, g->o->delete_count, &run, err));
    *rows = (struct ingest_rows){.mem = g->mem, .rows = (int64_t)g->o->delete_count, .leaves = 1};
    buf_init(&rows->runs, g->mem, sizeof run);
    slp_rc rc = buf_append(&rows->runs, &run, sizeof(struct run *), err);
    if (rc != SLP_OK)
        run_close(run);
    return rc;
}

/* What rows go through before they are written. */
static slp_rc open_process(struct ingest *g, struct slp_err *err)
{
    bool has_kinds = g->o->row_kinds.len > 0 || g->o->deletes;
    if (!has_kinds)
        return process_open(g->table, g->mem, &g->process, err);
    TRY(process_open_always(g->table, g->mem, &g->process, err));
    g->form = STACK_KINDS;
    if (g->o->row_kinds.len == 0)
        return SLP_OK;
    return ingest_kinds_init(&g->kinds, g->table, g->process, g->o->row_kinds, &g->arena, err);
}

static slp_rc take_and_write(struct ingest *g, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ingest_rows rows = {0};
    TRY_OUT(open_process(g, err));
    TRY_OUT(g->o->deletes ? take_deletes(g, &rows, err) : take_in(g, &rows, err));
    g->result.rows = rows.rows;
    g->result.rejected = g->rejects.count;
    g->result.spilled_runs = rows.spilled_runs;
    if (g->o->dry_run)
        goto out;
    if (rows.rows > 0) {
        TRY_OUT(write_files(g, &rows, err));
    } else {
        TRY_OUT(ingest_rejects_finish(&g->rejects, err));
        rc = end_empty(g, err);
    }
out:
    ingest_rows_fini(&rows);
    return rc;
}

slp_rc ingest_run(struct state_table *table, const struct ingest_options *options,
                  struct alloc *mem, struct ingest_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ingest g = {.table = table,
                       .o = options,
                       .budget = ingest_budget_of(options->memory, options->threads,
                                                  state_table_schema(table)->columns.count)};
    ingest_meter_init(&g.meter, mem);
    g.mem = &g.meter.base;
    arena_init(&g.arena, mem, KINDS_MAX_BYTES);
    g.result.at.frame = state_number(state_table_view(table));
    const struct ingest_reject_options rejects = {.policy = options->on_error,
                                                  .most = options->max_errors ? options->max_errors
                                                                              : -1,
                                                  .quarantine = options->quarantine,
                                                  .dry_run = options->dry_run};
    TRY_OUT(look_for_token(&g, err));
    if (!g.result.is_duplicate) {
        TRY_OUT(ingest_rejects_init(&g.rejects, mem, &rejects, err));
        TRY_OUT(take_and_write(&g, err));
    }
    *out = g.result;
out:
    ingest_rejects_fini(&g.rejects);
    process_close(g.process);
    arena_fini(&g.arena);
    return rc;
}
