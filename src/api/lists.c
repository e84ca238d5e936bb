#include "api/fn_sink.h"
#include "api/listing.h"
#include "arrow/text.h"

#define LIST_MAX_BYTES ((size_t)1 << 30)

/* ---- Partitions ---- */

/* References that a job holds. */
static size_t busy_references(const struct state_leaf *leaf)
{
    size_t n = 0;
    for (size_t i = 0; i < leaf->ref_count; i++)
        n += state_leaf_brief(leaf, i).job != NULL;
    return n;
}

static slp_rc fill_partitions(struct listing *l, struct slp_err *err)
{
    for (size_t i = 0; i < state_leaf_count(l->view); i++) {
        const struct state_leaf *leaf = state_leaf_at(l->view, i);
        bool exact = false;
        int64_t rows = state_leaf_rows(leaf, &exact);
        size_t depth = 0;
        TRY(state_leaf_depth(l->view, leaf, &depth, err));
        struct list_value row[] = {list_number((int64_t)i),
                                   list_null(),
                                   list_null(),
                                   list_number((int64_t)leaf->ref_count),
                                   list_number((int64_t)depth),
                                   list_number(rows),
                                   list_number(exact),
                                   list_number((int64_t)state_leaf_bytes(leaf)),
                                   list_number((int64_t)busy_references(leaf))};
        TRY(api_range_text(l, leaf->range, &row[1], &row[2], err));
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

slp_rc slp_partition_list(struct slp_instance *instance, const char *table, struct slp_rows **out,
                          struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"partition", ARR_INT64}, {"from", ARR_UTF8},   {"to", ARR_UTF8},
        {"files", ARR_INT64},     {"depth", ARR_INT64}, {"rows", ARR_INT64},
        {"rows_exact", ARR_BOOL}, {"bytes", ARR_INT64}, {"busy", ARR_INT64}};
    static const struct list_kind kind = {columns, 9, fill_partitions};
    return api_make_list(instance, table, &kind, NULL, out, err);
}

static slp_rc write_point(struct listing *l, struct slice key, bool base64, struct buf *out,
                          struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct key_spec *spec = state_table_key_spec(l->table);
    struct arr_col bytes;
    struct arr_col values[SCHEMA_KEY_FIELDS_MAX];
    size_t fields = 0;
    if (!base64)
        return key_format(spec, key, out, err);
    arr_col_init(&bytes, l->instance->mem, (struct arr_type){.kind = ARR_BINARY});
    for (size_t i = 0; i < spec->field_count; i++)
        arr_col_init(&values[i], l->instance->mem, spec->types[i]);
    TRY_OUT(key_decode(spec, key, values, &fields, err));
    if (fields != 1 || !arr_type_is_variable(spec->types[0]))
        FAIL_OUT(err, INVALID, "base64 is for split points of one text or binary field");
    TRY_OUT(arr_col_append(&bytes, arr_col_bytes(&values[0], 0), err));
    rc = arr_text_format(&bytes, 0, out, err);
out:
    arr_col_fini(&bytes);
    for (size_t i = 0; i < spec->field_count; i++)
        arr_col_fini(&values[i]);
    return rc;
}

slp_rc slp_partition_split_points(struct slp_instance *instance, const char *table, bool base64,
                                  slp_write_fn write, void *context, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct listing l = {.instance = instance};
    struct fn_sink sink;
    struct buf text;
    api_fn_sink_init(&sink, write, context);
    TRY(api_instance_table(instance, table, &l.table, err));
    l.view = state_table_view(l.table);
    buf_init(&text, instance->mem, LIST_MAX_BYTES);
    for (size_t i = 1; i < state_leaf_count(l.view); i++) {
        TRY_OUT(write_point(&l, state_leaf_at(l.view, i)->range.lo, base64, &text, err));
        TRY_OUT(buf_append_u8(&text, '\n', err));
    }
    rc = sink_write(&sink.base, text.ptr, text.len, err);
out:
    buf_fini(&text);
    return rc;
}

/* ---- Files ---- */

static slp_rc fill_files(struct listing *l, struct slp_err *err)
{
    const struct state_file **files = NULL;
    size_t count = 0;
    size_t unfiled = state_unfiled_count(l->view);
    TRY(state_files(l->view, &l->arena, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        const struct state_file *f = files[i];
        bool is_unfiled = false;
        for (size_t j = 0; j < unfiled; j++)
            is_unfiled =
                is_unfiled || state_id_equal(state_unfiled_at(l->view, j)->file->id, f->id);
        struct list_value row[] = {list_text(f->name),
                                   list_number(f->info.rows),
                                   list_number((int64_t)f->info.file_bytes),
                                   list_text(f->info.first_key),
                                   list_text(f->info.last_key),
                                   list_number((int64_t)f->low.frame),
                                   list_number((int64_t)f->high.frame),
                                   list_number((int64_t)f->refs),
                                   list_number(is_unfiled),
                                   list_number(f->time_us),
                                   list_number((int64_t)f->deletes),
                                   list_number((int64_t)f->resets),
                                   list_number((int64_t)f->schema_version)};
        TRY(api_key_text(l, f->info.first_key, &row[3].text, err));
        TRY(api_key_text(l, f->info.last_key, &row[4].text, err));
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

slp_rc slp_file_list(struct slp_instance *instance, const char *table, struct slp_rows **out,
                     struct slp_err *err)
{
    static const struct list_column columns[] = {
        {"name", ARR_UTF8},           {"rows", ARR_INT64},       {"bytes", ARR_INT64},
        {"first_key", ARR_UTF8},      {"last_key", ARR_UTF8},    {"from_sequence", ARR_INT64},
        {"to_sequence", ARR_INT64},   {"partitions", ARR_INT64}, {"unfiled", ARR_BOOL},
        {"made", ARR_TIMESTAMP},      {"deletes", ARR_INT64},    {"resets", ARR_INT64},
        {"schema_version", ARR_INT64}};
    static const struct list_kind kind = {columns, 13, fill_files};
    return api_make_list(instance, table, &kind, NULL, out, err);
}

/* ---- Log ---- */

static slp_rc fill_log(struct listing *l, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_history *history = NULL;
    TRY(state_history_open(l->instance->state, l->table, &history, err));
    for (;;) {
        struct state_history_entry e = {0};
        char txid[33];
        rc = state_history_next(history, &e, err);
        if (rc != SLP_OK)
            break;
        hash_format(e.txn->txid, txid);
        enum state_reason reason =
            e.outcome.is_duplicate ? STATE_REASON_DUPLICATE : e.outcome.reason;
        struct list_value row[] = {list_number((int64_t)e.at.frame),
                                   list_number((int64_t)e.at.index),
                                   list_number(e.txn->time_us),
                                   list_text(slice_str(state_kind_text(e.txn->kind))),
                                   list_text(slice_str(state_reason_text(reason))),
                                   list_text(e.summary),
                                   list_number((int64_t)e.txn->base),
                                   list_text(slice_str(txid))};
        rc = api_list_add(l->list, row, err);
        if (rc != SLP_OK)
            break;
    }
    state_history_close(history);
    return rc == SLP_DONE ? SLP_OK : rc;
}

slp_rc slp_log_list(struct slp_instance *instance, const char *table, struct slp_rows **out,
                    struct slp_err *err)
{
    static const struct list_column columns[] = {{"sequence", ARR_INT64}, {"index", ARR_INT64},
                                                 {"time", ARR_TIMESTAMP}, {"kind", ARR_UTF8},
                                                 {"verdict", ARR_UTF8},   {"summary", ARR_UTF8},
                                                 {"base", ARR_INT64},     {"txid", ARR_UTF8}};
    static const struct list_kind kind = {columns, 8, fill_log};
    return api_make_list(instance, table, &kind, NULL, out, err);
}
