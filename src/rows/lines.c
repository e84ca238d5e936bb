#include "rows/lines.h"

void rows_lines_init(struct rows_lines *l, struct rows_text_in *in)
{
    *l = (struct rows_lines){.in = in};
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    }
    return true;
}

/* Any line, blank or not. */
static slp_rc next_line(struct rows_lines *l, struct slice *out, struct slp_err *err)
{
    struct rows_text_in *in = l->in;
    size_t searched = 0;
    l->line++;
    for (;;) {
        struct slice rest = rows_text_in_rest(in);
        struct slice fresh = slice_after(rest, searched);
        const uint8_t *end = fresh.len ? memchr(fresh.ptr, '\n', fresh.len) : NULL;
        if (end || (in->is_end && rest.len)) {
            *out = slice_first(rest, end ? (size_t)(end - rest.ptr) : rest.len);
            in->at += out->len + (end != NULL);
            return SLP_OK;
        }
        if (in->is_end)
            return SLP_DONE;
        searched = rest.len;
        slp_rc rc = rows_text_in_more(in, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "line %llu", (unsigned long long)l->line);
    }
}

slp_rc rows_lines_next(struct rows_lines *l, struct slice *out, struct slp_err *err)
{
    struct slice line = {0};
    do
        TRY(next_line(l, &line, err));
    while (is_blank(line));
    *out = line;
    return SLP_OK;
}

slp_rc rows_wrap_line(struct slp_err *err, slp_rc rc, uint64_t line, const char *column)
{
    if (column)
        return err_wrap(err, rc, "line %llu, column \"%s\"", (unsigned long long)line, column);
    return err_wrap(err, rc, "line %llu", (unsigned long long)line);
}
