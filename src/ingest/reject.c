#include "ingest/reject.h"

#include <inttypes.h>
#include <stdio.h>

#include "arrow/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "os/file.h"

#define LINE_MAX_BYTES ((size_t)1 << 30)

/* The place of a row in its file, and what is wrong with it. */
static void describe(const struct rows_reject *row, char *out, size_t n)
{
    bool is_text = row->line > 0;
    uint64_t at = is_text ? row->line : (uint64_t)row->row;
    (void)snprintf(out, n, "\"%s\", %s %" PRIu64 "%s%s%s: %s", row->file, is_text ? "line" : "row",
                   at, row->column ? ", column \"" : "", row->column ? row->column : "",
                   row->column ? "\"" : "", row->reason);
}

static slp_rc put_member(struct buf *line, const char *name, struct slice text, struct slp_err *err)
{
    TRY(buf_printf(line, err, ",\"%s\":", name));
    return json_write_text(line, text, err);
}

static slp_rc put_base64(struct buf *line, struct slice raw, struct slp_err *err)
{
    size_t n = arr_base64_bytes(raw.len);
    TRY(buf_printf(line, err, ",\"base64\":\""));
    TRY(buf_reserve(line, n, err));
    arr_base64_write(raw, (char *)line->ptr + line->len);
    line->len += n;
    return buf_append_u8(line, '"', err);
}

/* Names of files may be no UTF-8, and messages may quote what is none. */
static slp_rc put_name(struct buf *line, const char *name, const char *text, struct slp_err *err)
{
    struct slice s = slice_str(text);
    if (text_is_utf8(s))
        return put_member(line, name, s, err);
    char plain[512];
    size_t n = 0;
    for (; n + 1 < sizeof plain && text[n]; n++)
        plain[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    return put_member(line, name, slice_of(plain, n), err);
}

static slp_rc write_line(struct ingest_rejects *r, const struct rows_reject *row,
                         struct slp_err *err)
{
    struct buf *line = &r->line;
    buf_clear(line);
    TRY(put_name(line, "file", row->file, err));
    line->ptr[0] = '{'; /* for the comma that every member begins with */
    TRY(buf_printf(line, err, ",\"%s\":%" PRIu64, row->line ? "line" : "row",
                   row->line ? row->line : (uint64_t)row->row));
    if (row->column)
        TRY(put_name(line, "column", row->column, err));
    TRY(put_name(line, "reason", row->reason, err));
    if (text_is_utf8(row->text))
        TRY(put_member(line, "text", row->text, err));
    else
        TRY(put_base64(line, row->text, err));
    TRY(buf_append(line, "}\n", 2, err));
    return sink_write(os_output_sink(r->file), line->ptr, line->len, err);
}

static slp_rc take(void *context, const struct rows_reject *row, struct slp_err *err)
{
    struct ingest_rejects *r = context;
    slp_rc rc = SLP_OK;
    os_mutex_lock(&r->lock);
    if (r->count++ == 0)
        describe(row, r->first, sizeof r->first);
    if (r->most >= 0 && r->count > r->most)
        rc = err_set(err, SLP_BAD_INPUT,
                     "more than %" PRId64 " bad row%s; the first that was met: %s", r->most,
                     r->most == 1 ? "" : "s", r->first);
    if (rc == SLP_OK && r->file)
        rc = write_line(r, row, err);
    os_mutex_unlock(&r->lock);
    return rc;
}

static slp_rc open_file(struct ingest_rejects *r, struct alloc *mem,
                        const struct ingest_reject_options *o, struct slp_err *err)
{
    if (!o->quarantine || strcmp(o->quarantine, "-") == 0)
        FAIL(err, INVALID, "a quarantine needs the name of a file");
    if (os_file_exists(o->quarantine))
        FAIL(
            err, EXISTS,
            "quarantine file \"%s\" is there already; name another one, or remove it once its rows "
            "are mended",
            o->quarantine);
    if (o->dry_run)
        return SLP_OK;
    return os_output_open(mem, o->quarantine, &r->file, err);
}

slp_rc ingest_rejects_init(struct ingest_rejects *r, struct alloc *mem,
                           const struct ingest_reject_options *options, struct slp_err *err)
{
    *r = (struct ingest_rejects){
        .rows = {.take = take, .context = r}, .policy = options->policy, .most = options->most};
    r->path = options->quarantine;
    os_mutex_init(&r->lock);
    buf_init(&r->line, mem, LINE_MAX_BYTES);
    slp_rc rc = SLP_OK;
    if (options->policy == INGEST_QUARANTINE)
        rc = open_file(r, mem, options, err);
    if (rc != SLP_OK)
        ingest_rejects_fini(r);
    return rc;
}

void ingest_rejects_fini(struct ingest_rejects *r)
{
    if (!r->rows.take)
        return;
    os_output_abort(r->file);
    buf_fini(&r->line);
    os_mutex_fini(&r->lock);
    *r = (struct ingest_rejects){0};
}

const struct rows_rejects *ingest_rejects_rows(const struct ingest_rejects *r)
{
    return r->policy == INGEST_FAIL ? NULL : &r->rows;
}

slp_rc ingest_rejects_finish(struct ingest_rejects *r, struct slp_err *err)
{
    struct os_output *file = r->file;
    if (!file || r->count == 0)
        return SLP_OK;
    r->file = NULL;
    TRY(os_output_commit(file, err));
    r->shown = r->path;
    return SLP_OK;
}

void ingest_rejects_withdraw(struct ingest_rejects *r)
{
    if (r->shown)
        os_file_drop(r->shown);
    r->shown = NULL;
}
