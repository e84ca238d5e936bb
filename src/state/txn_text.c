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

static slp_rc describe_items(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    switch (txn->kind) {
    case STATE_ASSIGN:
        return describe_assign(&txn->assign, out, err);
    case STATE_REPLACE:
        return describe_replace(&txn->replace, out, err);
    case STATE_FAIL:
        return describe_fail(&txn->fail, out, err);
    case STATE_EXTEND:
        return count_of(out, txn->extend.count, "job", err);
    case STATE_REASSIGN:
        return count_of(out, txn->reassign.count, "job", err);
    case STATE_SPLIT:
        return describe_split(&txn->split, out, err);
    case STATE_MERGE:
        return buf_printf(out, err, "%zu leaves into %zu", txn->merge.count * 2, txn->merge.count);
    case STATE_CUT:
        return count_of(out, txn->cut.count, "reference", err);
    case STATE_FILE_DOWN:
        return count_of(out, txn->file_down.count, "file", err);
    case STATE_RETIRE_PURGE:
        return count_of(out, txn->retire.count, "purge", err);
    case STATE_WITHDRAW:
        return count_of(out, txn->withdraw.count, "file", err);
    default:
        return SLP_OK;
    }
}

/* [6b, 70), ends in hexadecimal digits; without an end [6b, ). */
static slp_rc describe_range(struct key_range range, struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, "["));
    TRY(state_hex(range.lo, out, err));
    TRY(buf_printf(out, err, ", "));
    if (range.has_hi)
        TRY(state_hex(range.hi, out, err));
    return buf_printf(out, err, ")");
}

static slp_rc describe_overwrite(const struct state_overwrite *o, struct buf *out,
                                 struct slp_err *err)
{
    TRY(describe_range(o->range, out, err));
    TRY(buf_printf(out, err, " by "));
    return describe_files(o->add.files, o->add.count, "file", out, err);
}

static slp_rc describe_properties(const struct state_set_properties *p, struct buf *out,
                                  struct slp_err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        TRY(buf_printf(out, err, "%s%.*s", i ? ", " : "", SLICE_ARG(p->items[i].name)));
        TRY(p->items[i].is_unset ? buf_printf(out, err, " unset")
                                 : buf_printf(out, err, "=%.*s", SLICE_ARG(p->items[i].value)));
    }
    return SLP_OK;
}

static slp_rc describe_submit(const struct state_submit *s, struct buf *out, struct slp_err *err)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->count; i++)
        bytes += s->files[i].bytes;
    TRY(count_of(out, s->count, "file", err));
    return buf_printf(out, err, ", %" PRIu64 " bytes", bytes);
}

static slp_rc describe_id(const struct state_name_table *n, struct buf *out, struct slp_err *err)
{
    char id[33];
    hash_format(n->table, id);
    TRY(buf_printf(out, err, "%s", id));
    return n->name.len ? buf_printf(out, err, " to %.*s", SLICE_ARG(n->name)) : SLP_OK;
}

static slp_rc describe_marks(const struct state_collect *c, struct buf *out, struct slp_err *err)
{
    return buf_printf(out, err, "made before %" PRIu64 ", dead before %" PRIu64, c->minted,
                      c->horizon);
}

static slp_rc describe(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    switch (txn->kind) {
    case STATE_CREATE:
        TRY(buf_printf(out, err, "%.*s with ", SLICE_ARG(txn->create.name)));
        return buf_printf(out, err, "%zu %s", txn->create.split_point_count + 1,
                          txn->create.split_point_count ? "leaves" : "leaf");
    case STATE_ADD:
        return describe_files(txn->add.files, txn->add.count, "file", out, err);
    case STATE_SUBMIT:
        return describe_submit(&txn->submit, out, err);
    case STATE_OVERWRITE:
        return describe_overwrite(&txn->overwrite, out, err);
    case STATE_RANGE_DELETE:
        return describe_range(txn->range_delete.range, out, err);
    case STATE_PURGE:
        return buf_append_slice(out, txn->purge.predicate, err);
    case STATE_ALTER:
        return buf_printf(out, err, "to version %u", txn->alter.version);
    case STATE_PROPERTIES:
    case STATE_DEFAULTS:
        return describe_properties(&txn->properties, out, err);
    case STATE_VERIFIED:
        return buf_append_slice(out, txn->verified.root, err);
    case STATE_PIN:
        return buf_printf(out, err, "%.*s at %" PRIu64, SLICE_ARG(txn->pin.name), txn->pin.number);
    case STATE_UNPIN:
        return buf_append_slice(out, txn->unpin.name, err);
    case STATE_COLLECT:
        return describe_marks(&txn->collect, out, err);
    case STATE_PAUSE:
    case STATE_RESUME:
    case STATE_DROP:
        return buf_append_slice(out, txn->note.why, err);
    case STATE_RESTORE:
        return buf_printf(out, err, "to %" PRIu64, txn->restore.number);
    case STATE_CREATE_TABLE:
        return buf_append_slice(out, txn->create_table.name, err);
    case STATE_RENAME_TABLE:
    case STATE_DROP_TABLE:
    case STATE_ONLINE:
    case STATE_OFFLINE:
        return describe_id(&txn->name_table, out, err);
    default:
        return describe_items(txn, out, err);
    }
}

slp_rc state_txn_summary(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    TRY(buf_printf(out, err, "%s ", state_kind_text(txn->kind)));
    if (txn->body.is_missing)
        return buf_printf(out, err, "%zu files, out of line", txn->body.object_count);
    return describe(txn, out, err);
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
    if (txn->body.name.len)
        TRY(state_wire_print(&state_body_shape, &txn->body, 2, out, err));
    if (txn->body.is_missing)
        return SLP_OK;
    return state_wire_print(state_kind_shape((uint64_t)txn->kind), state_txn_payload_view(txn), 2,
                            out, err);
}
