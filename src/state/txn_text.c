#include <inttypes.h>
#include <time.h>

#include "state/txn_priv.h"

static slp_rc count_of(struct buf *out, size_t n, const char *one, struct slp_err *err)
{
    return buf_printf(out, err, "%zu %s%s", n, one, n == 1 ? "" : "s");
}

static slp_rc describe_files(const struct state_new_file *files, size_t count, const char *what,
                             struct buf *out, struct slp_err *err)
{
    uint64_t rows = 0;
    uint64_t bytes = 0;
    size_t unfiled = 0;
    for (size_t i = 0; i < count; i++) {
        rows += (uint64_t)files[i].info.rows;
        bytes += files[i].info.file_bytes;
        unfiled += files[i].is_unfiled;
    }
    TRY(count_of(out, count, what, err));
    if (unfiled)
        TRY(buf_printf(out, err, " (%zu unfiled)", unfiled));
    return buf_printf(out, err, ", %" PRIu64 " rows, %" PRIu64 " bytes", rows, bytes);
}

static slp_rc describe_assign(const struct state_assign *a, struct buf *out, struct slp_err *err)
{
    size_t inputs = 0;
    for (size_t i = 0; i < a->count; i++)
        inputs += a->items[i].input_count;
    TRY(count_of(out, a->count, "job", err));
    TRY(buf_printf(out, err, " over "));
    return count_of(out, inputs, "reference", err);
}

static slp_rc describe_replace(const struct state_replace *r, struct buf *out, struct slp_err *err)
{
    TRY(count_of(out, r->count, "job", err));
    for (size_t i = 0; i < r->count; i++) {
        TRY(buf_printf(out, err, i ? "; " : " by "));
        TRY(describe_files(r->items[i].outputs, r->items[i].output_count, "file", out, err));
    }
    return SLP_OK;
}

static slp_rc describe_fail(const struct state_fail *f, struct buf *out, struct slp_err *err)
{
    TRY(count_of(out, f->count, "job", err));
    if (f->count && f->items[0].why.len)
        TRY(buf_printf(out, err, ": %.*s", SLICE_ARG(f->items[0].why)));
    return SLP_OK;
}

static slp_rc describe_split(const struct state_split *s, struct buf *out, struct slp_err *err)
{
    size_t keys = 0;
    for (size_t i = 0; i < s->count; i++)
        keys += s->items[i].key_count;
    TRY(buf_printf(out, err, "%zu %s into %zu", s->count, s->count == 1 ? "leaf" : "leaves",
                   s->count + keys));
    return SLP_OK;
}

slp_rc state_txn_summary(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, "%s ", state_kind_text(txn->kind)));
    switch (txn->kind) {
    case STATE_CREATE:
        TRY(buf_printf(out, err, "%.*s with ", SLICE_ARG(txn->create.name)));
        TRY(buf_printf(out, err, "%zu %s", txn->create.split_point_count + 1,
                       txn->create.split_point_count ? "leaves" : "leaf"));
        return SLP_OK;
    case STATE_ADD:
        return describe_files(txn->add.files, txn->add.count, "file", out, err);
    case STATE_ASSIGN:
        return describe_assign(&txn->assign, out, err);
    case STATE_REPLACE:
        return describe_replace(&txn->replace, out, err);
    case STATE_FAIL:
        return describe_fail(&txn->fail, out, err);
    case STATE_SPLIT:
        return describe_split(&txn->split, out, err);
    case STATE_CUT:
        return count_of(out, txn->cut.count, "reference", err);
    case STATE_FILE_DOWN:
        return count_of(out, txn->file_down.count, "file", err);
    case STATE_VERIFIED:
        return buf_printf(out, err, "%.*s", SLICE_ARG(txn->verified.root));
    case STATE_CREATE_TABLE:
        return buf_append_slice(out, txn->create_table.name, err);
    }
    return SLP_OK;
}

/* "2026-01-31T12:00:00.000000Z" */
static slp_rc print_time(int64_t time_us, struct buf *out, struct slp_err *err)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char text[32];
    if (!gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return buf_printf(out, err, "%" PRId64 " us", time_us);
    return buf_printf(out, err, "%s.%06dZ", text, (int)(time_us % 1000000));
}

slp_rc state_txn_print(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    char txid[33];
    hash_format(txn->txid, txid);
    TRY(buf_printf(out, err, "%s txid %s%s base %" PRIu64 " time ", state_kind_text(txn->kind),
                   txid, txn->has_token ? " (token)" : "", txn->base));
    TRY(print_time(txn->time_us, out, err));
    TRY(buf_append_u8(out, '\n', err));
    return state_wire_print(state_kind_shape((uint64_t)txn->kind), state_txn_payload_view(txn), 2,
                            out, err);
}
