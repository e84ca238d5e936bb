#include "ingest/emit.h"

#include <inttypes.h>

#include "ingest/ingest.h"
#include "ingest/sorted.h"
#include "key/order.h"
#include "merge/merge.h"

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
};

bool ingest_is_wide(const struct ingest_rows *rows)
{
    return rows->leaves > INGEST_LEAF_FILES_MAX && rows->bytes <= INGEST_WIDE_BYTES_MAX &&
           rows->bytes / rows->leaves < INGEST_LEAF_FILE_BYTES;
}

/* Rows [first, end) of a group, as a group of their own. */
static slp_rc emit_part(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                        int64_t first, int64_t end, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_batch part = {0};
    struct key_vec part_keys;
    if (first == end)
        return SLP_OK;
    if (first == 0 && end == rows->rows)
        return output_take(e->out, rows, keys, err);
    key_vec_init(&part_keys, e->mem, SIZE_MAX / 4);
    TRY_OUT(arr_batch_init(&part, e->mem, e->columns, err));
    TRY_OUT(arr_batch_append_run(&part, rows, first, end - first, err));
    TRY_OUT(key_vec_append_run(&part_keys, keys, first, end - first, err));
    rc = output_take(e->out, &part, &part_keys, err);
out:
    arr_batch_fini(&part);
    key_vec_fini(&part_keys);
    return rc;
}

static void enter_leaf(struct emitter *e, struct slice key)
{
    e->leaf = state_leaf_at(e->view, state_leaf_holding(e->view, key))->range;
    e->has_leaf = true;
}

/* Write a group, ending the file where a leaf ends inside it, or before it. */
static slp_rc emit_leaves(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                          struct slp_err *err)
{
    int64_t first = 0;
    int64_t at = 0;
    int64_t count = rows->rows;
    if (!e->has_leaf)
        enter_leaf(e, key_at(keys, 0));
    while (e->leaf.has_hi) {
        int64_t end = key_lower_bound(keys, e->leaf.hi);
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
        enter_leaf(e, key_at(keys, end));
    }
    e->file_rows += count - at;
    return emit_part(e, rows, keys, first, count, err);
}

static slp_rc emit_group(struct emitter *e, struct arr_batch *rows, struct key_vec *keys,
                         struct slp_err *err)
{
    ingest_strip(keys);
    if (e->o->is_wide || state_leaf_count(e->view) == 1)
        return output_take(e->out, rows, keys, err);
    return emit_leaves(e, rows, keys, err);
}

static slp_rc emit_all(struct emitter *e, struct merge *merge, struct slp_err *err)
{
    for (;;) {
        struct arr_batch rows = {0};
        struct key_vec keys;
        if (e->o->cancel && *e->o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(arr_batch_init(&rows, e->mem, e->columns, err));
        key_vec_init(&keys, e->mem, SIZE_MAX / 4);
        slp_rc rc = merge_next(merge, output_group_rows(e->out), output_group_bytes(e->out), &rows,
                               &keys, err);
        bool is_done = rc == SLP_DONE;
        if (rc == SLP_OK)
            rc = emit_group(e, &rows, &keys, err);
        arr_batch_fini(&rows);
        key_vec_fini(&keys);
        if (is_done)
            return SLP_OK;
        TRY(rc);
    }
}

slp_rc ingest_emit(struct alloc *mem, const struct ingest_emit_options *options,
                   struct ingest_rows *rows, struct output *out, struct slp_err *err)
{
    struct merge *merge = NULL;
    struct emitter e = {.mem = mem,
                        .o = options,
                        .columns = &state_table_schema(options->table)->columns,
                        .view = state_table_view(options->table),
                        .out = out};
    size_t files_max = options->files_max ? options->files_max : INGEST_FILES_MAX;
    if (state_leaf_count(e.view) > files_max)
        e.cut_rows = rows->rows / (int64_t)files_max + 1;
    size_t count = rows->runs.len / sizeof(struct run *);
    rows->runs.len = 0;
    TRY(merge_new(mem, e.columns, (struct run **)(void *)rows->runs.ptr, count, &merge, err));
    slp_rc rc = emit_all(&e, merge, err);
    merge_free(merge);
    TRY(rc);
    if (output_rows(out) != rows->rows)
        FAIL(err, CORRUPT, "%" PRId64 " rows were read and %" PRId64 " written", rows->rows,
             output_rows(out));
    return SLP_OK;
}
