#include "ingest/emit.h"

#include <inttypes.h>

#include "base/num.h"
#include "ingest/crew.h"
#include "ingest/ingest.h"
#include "ingest/sorted.h"
#include "key/order.h"
#include "merge/merge.h"
#include "output/team.h"

struct emitter {
    struct alloc *mem;
    const struct ingest_emit_options *o;
    const struct arr_schema *columns;
    const struct table_state *view;
    struct output *out;
    int64_t cut_rows;  /* a file is ended at a leaf's bound when it has so many */
    int64_t file_rows; /* of the file being written */
    struct key_range leaf;
    bool has_leaf;
    struct key_vec key; /* of the row looked at */
    unsigned form;      /* of what is written now, where rows are processed */
};

bool ingest_is_wide(const struct ingest_rows *rows)
{
    return rows->leaves > INGEST_LEAF_FILES_MAX && rows->bytes <= INGEST_WIDE_BYTES_MAX &&
           rows->bytes / rows->leaves < INGEST_LEAF_FILE_BYTES;
}

static slp_rc write_rows(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                         struct slp_err *err)
{
    int64_t kinds[STACK_KIND_COUNT];
    struct output_form next = {.stack = e->form};
    if (!e->o->process)
        return output_take(e->out, rows, keys, err);
    stack_count_kinds(rows, e->form, kinds);
    next.schema = stack_schema(process_stack(e->o->process), e->form);
    next.deletes = kinds[STACK_DELETE];
    next.resets = kinds[STACK_RESET];
    TRY(output_next(e->out, &next, err));
    return output_take(e->out, rows, keys, err);
}

/* Rows [first, end) of a group, as a group of their own; `keys` as output_take has them. */
static slp_rc emit_part(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                        int64_t first, int64_t end, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_batch part = {0};
    struct key_vec part_keys;
    if (first == end)
        return SLP_OK;
    if (first == 0 && end == rows->rows)
        return write_rows(e, rows, keys, err);
    key_vec_init(&part_keys, e->mem, SIZE_MAX / 4);
    TRY_OUT(arr_batch_init(&part, e->mem, rows->schema, err));
    TRY_OUT(arr_batch_append_run(&part, rows, first, end - first, err));
    if (keys)
        TRY_OUT(key_vec_append_run(&part_keys, keys, first, end - first, err));
    rc = write_rows(e, &part, keys ? &part_keys : NULL, err);
out:
    arr_batch_fini(&part);
    key_vec_fini(&part_keys);
    return rc;
}

/* The key of a row, until the next call. */
static slp_rc key_of(struct emitter *e, const struct arr_batch *rows, int64_t row,
                     struct slice *out, struct slp_err *err)
{
    key_vec_clear(&e->key);
    TRY(key_encode_rows(state_table_key_spec(e->o->table), rows, row, 1, &e->key, err));
    *out = key_at(&e->key, 0);
    return SLP_OK;
}

/* The first row at or behind `from` whose key is not below `key`. Keys are made of the rows that are
 * looked at: a group has few leaves' bounds, and many rows. */
static slp_rc lower_bound(struct emitter *e, const struct arr_batch *rows, int64_t from,
                          struct slice key, int64_t *out, struct slp_err *err)
{
    int64_t low = from;
    int64_t high = rows->rows;
    while (low < high) {
        struct slice found;
        int64_t middle = low + (high - low) / 2;
        TRY(key_of(e, rows, middle, &found, err));
        if (slice_compare(found, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return SLP_OK;
}

static slp_rc enter_leaf(struct emitter *e, const struct arr_batch *rows, int64_t row,
                         struct slp_err *err)
{
    struct slice key;
    TRY(key_of(e, rows, row, &key, err));
    e->leaf = state_leaf_at(e->view, state_leaf_holding(e->view, key))->range;
    e->has_leaf = true;
    return SLP_OK;
}

/* Write a group, ending the file where a leaf ends inside it, or before it. */
static slp_rc emit_leaves(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                          struct slp_err *err)
{
    int64_t first = 0;
    int64_t at = 0;
    int64_t count = rows->rows;
    if (!e->has_leaf)
        TRY(enter_leaf(e, rows, 0, err));
    while (e->leaf.has_hi) {
        int64_t end = 0;
        TRY(lower_bound(e, rows, at, e->leaf.hi, &end, err));
        e->file_rows += end - at;
        at = end;
        if (end == count)
            break;
        if (e->file_rows >= e->cut_rows) {
            TRY(emit_part(e, rows, keys, first, end, err));
            TRY(output_cut(e->out, err));
            first = end;
            e->file_rows = 0;
        }
        TRY(enter_leaf(e, rows, end, err));
    }
    e->file_rows += count - at;
    return emit_part(e, rows, keys, first, count, err);
}

static slp_rc emit_group(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                         struct slp_err *err)
{
    if (e->o->is_wide || state_leaf_count(e->view) == 1)
        return write_rows(e, rows, keys, err);
    return emit_leaves(e, rows, keys, err);
}

static slp_rc emit_all(struct emitter *e, struct merge *merge, struct slp_err *err)
{
    for (;;) {
        struct arr_batch rows = {0};
        if (e->o->cancel && *e->o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(arr_batch_init(&rows, e->mem, e->columns, err));
        slp_rc rc = merge_next(merge, output_group_rows(e->out), output_group_bytes(e->out), &rows,
                               NULL, err);
        bool is_done = rc == SLP_DONE;
        if (rc == SLP_OK)
            rc = emit_group(e, &rows, NULL, err);
        arr_batch_fini(&rows);
        if (is_done)
            return SLP_OK;
        TRY(rc);
    }
}

/* ---- Rows that are processed ---- */

#define BARE_ROWS  16384
#define BARE_BYTES ((size_t)4 << 20)

/* Merged rows without their ordinals, as a run. */
struct bare_run {
    struct run base;
    struct alloc *mem;
    struct merge *merge;
    struct arr_batch rows;
    struct key_vec keys;
};

static slp_rc bare_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct bare_run *b = (struct bare_run *)(void *)run;
    arr_batch_clear(&b->rows);
    key_vec_clear(&b->keys);
    slp_rc rc = merge_next(b->merge, BARE_ROWS, BARE_BYTES, &b->rows, &b->keys, err);
    if (rc != SLP_OK)
        return rc;
    ingest_strip(&b->keys);
    *out = (struct run_block){.batch = &b->rows, .keys = &b->keys};
    return SLP_OK;
}

static void bare_close(struct run *run)
{
    struct bare_run *b = (struct bare_run *)(void *)run;
    merge_free(b->merge);
    arr_batch_fini(&b->rows);
    key_vec_fini(&b->keys);
    alloc_delete(b->mem, b);
}

/* Takes the merge. */
static slp_rc bare_open(struct emitter *e, struct merge *merge, struct run **out,
                        struct slp_err *err)
{
    static const struct run_ops ops = {.next = bare_next, .close = bare_close};
    struct bare_run *b = NULL;
    slp_rc rc = alloc_new(e->mem, &b, err);
    if (rc != SLP_OK) {
        merge_free(merge);
        return rc;
    }
    b->base.ops = &ops;
    b->mem = e->mem;
    b->merge = merge;
    key_vec_init(&b->keys, e->mem, SIZE_MAX / 4);
    rc = arr_batch_init(&b->rows, e->mem, e->columns, err);
    if (rc != SLP_OK)
        bare_close(&b->base);
    else
        *out = &b->base;
    return rc;
}

/* A group being gathered from blocks, whose form may grow. */
struct gather {
    const struct stack *s;
    struct run *run;
    struct run_block block;
    int64_t at;
    unsigned form; /* of the block */
    bool is_done;
};

static unsigned form_of(const struct stack *s, const struct arr_schema *columns)
{
    unsigned form = 0;
    while (form + 1 < STACK_FORMS && columns != &stack_schema(s, form)->columns)
        form++;
    return form;
}

static slp_rc next_block(struct gather *g, struct slp_err *err)
{
    if (g->is_done || (g->block.batch && g->at < g->block.batch->rows))
        return SLP_OK;
    g->at = 0;
    slp_rc rc = run_next(g->run, &g->block, err);
    g->is_done = rc == SLP_DONE;
    if (rc == SLP_OK)
        g->form = form_of(g->s, g->block.batch->schema);
    return g->is_done ? SLP_OK : rc;
}

/* Fill a blank group of the form `e->form`, which grows where its first row asks for more. */
static slp_rc gather_group(struct emitter *e, struct gather *g, struct arr_batch *rows,
                           struct key_vec *keys, struct slp_err *err)
{
    TRY(next_block(g, err));
    if (g->is_done)
        return SLP_OK;
    e->form |= g->form;
    TRY(arr_batch_init(rows, e->mem, &stack_schema(g->s, e->form)->columns, err));
    int64_t most = output_group_rows(e->out);
    while (!g->is_done && !(g->form & ~e->form) && rows->rows < most &&
           arr_batch_memory(rows) < output_group_bytes(e->out)) {
        int64_t count = num_min_i64(most - rows->rows, g->block.batch->rows - g->at);
        struct stack_rows take = {
            .from = g->block.batch, .from_form = g->form, .first = g->at, .count = count};
        TRY(stack_append(g->s, &take, e->form, rows, err));
        TRY(key_vec_append_run(keys, g->block.keys, g->at, count, err));
        g->at += count;
        TRY(next_block(g, err));
    }
    return SLP_OK;
}

static slp_rc emit_blocks(struct emitter *e, struct gather *g, struct slp_err *err)
{
    while (!g->is_done) {
        struct arr_batch rows = {0};
        struct key_vec keys;
        if (e->o->cancel && *e->o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        key_vec_init(&keys, e->mem, SIZE_MAX / 4);
        slp_rc rc = gather_group(e, g, &rows, &keys, err);
        if (rc == SLP_OK && rows.rows > 0)
            rc = emit_group(e, &rows, &keys, err);
        arr_batch_fini(&rows);
        key_vec_fini(&keys);
        TRY(rc);
    }
    return SLP_OK;
}

/* Takes the merge. */
static slp_rc emit_processed(struct emitter *e, struct merge *merge, struct slp_err *err)
{
    struct gather g = {.s = process_stack(e->o->process)};
    struct stack_options o = {
        .mode = STACK_INGEST, .form = e->o->form, .now_ms = process_now_ms(e->o->process)};
    TRY(bare_open(e, merge, &g.run, err));
    TRY(stack_open(g.s, e->mem, &o, g.run, &g.run, err));
    slp_rc rc = emit_blocks(e, &g, err);
    run_close(g.run);
    return rc;
}

/* Rows of one leaf, or for one wide file, that nothing is done to may be merged by several threads.
 * True when they were, or it failed. */
static bool emit_by_crew(struct emitter *e, struct ingest_rows *rows, slp_rc *rc,
                         struct slp_err *err)
{
    bool is_cut = !e->o->is_wide && state_leaf_count(e->view) > 1;
    if (!e->o->budget || e->o->process || is_cut)
        return false;
    struct ingest_crew_options o = {.crew = ingest_crew_of(e->o->budget, rows, e->out),
                                    .table = e->o->table,
                                    .cancel = e->o->cancel};
    if (rows->pile_count > 0 && o.crew.threads == 0) {
        o.crew.threads = 1;
        o.crew.group_bytes = output_group_bytes(e->out);
    }
    if (rows->pile_count == 0 &&
        (o.crew.threads < 2 || rows->rows <= OUTPUT_TEAM_GROUPS * o.crew.group_rows))
        return false;
    *rc = ingest_crew_run(&o, rows, e->out, e->mem, err);
    return true;
}

static slp_rc emit(struct emitter *e, struct ingest_rows *rows, struct slp_err *err)
{
    struct merge *merge = NULL;
    slp_rc rc = SLP_OK;
    if (emit_by_crew(e, rows, &rc, err))
        return rc;
    size_t count = rows->runs.len / sizeof(struct run *);
    rows->runs.len = 0;
    TRY(merge_new(e->mem, e->columns, (struct run **)(void *)rows->runs.ptr, count, &merge, err));
    if (e->o->process)
        return emit_processed(e, merge, err);
    rc = emit_all(e, merge, err);
    merge_free(merge);
    return rc;
}

slp_rc ingest_emit(struct alloc *mem, const struct ingest_emit_options *options,
                   struct ingest_rows *rows, struct output *out, struct slp_err *err)
{
    struct emitter e = {.mem = mem,
                        .o = options,
                        .columns = &state_table_schema(options->table)->columns,
                        .view = state_table_view(options->table),
                        .out = out};
    size_t files_max = options->files_max ? options->files_max : INGEST_FILES_MAX;
    key_vec_init(&e.key, mem, SIZE_MAX / 4);
    if (options->process)
        e.columns = &stack_schema(process_stack(options->process), options->form)->columns;
    if (state_leaf_count(e.view) > files_max)
        e.cut_rows = rows->rows / (int64_t)files_max + 1;
    slp_rc rc = emit(&e, rows, err);
    key_vec_fini(&e.key);
    TRY(rc);
    if (options->process ? output_rows(out) > rows->rows : output_rows(out) != rows->rows)
        FAIL(err, CORRUPT, "%" PRId64 " rows were read and %" PRId64 " written", rows->rows,
             output_rows(out));
    return SLP_OK;
}
