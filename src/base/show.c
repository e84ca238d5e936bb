#include "base/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

void show_init(struct show *s, enum show_form form, struct buf *out, struct slp_err *err)
{
    *s = (struct show){.form = form, .out = out, .err = err};
}

static void put(struct show *s, const char *text)
{
    if (s->rc == SLP_OK)
        s->rc = buf_append(s->out, text, strlen(text), s->err);
}

static void put_line_start(struct show *s)
{
    if (s->out->len)
        put(s, "\n");
    for (size_t i = 1; i < s->lines; i++)
        put(s, "  ");
}

static void put_quoted(struct show *s, struct slice text)
{
    if (s->rc == SLP_OK)
        s->rc = json_write_text(s->out, text, s->err);
}

static void begin_json(struct show *s, const char *name, const struct show_level *in, bool is_line)
{
    if (in && in->count)
        put(s, ",");
    if (in && is_line)
        put(s, "\n");
    if (name) {
        put_quoted(s, slice_str(name));
        put(s, ":");
    }
}

/* What stands before a value or an opened thing. `is_line`: it begins one. */
static void begin_text(struct show *s, const char *name, const struct show_level *in, bool is_line)
{
    char number[24];
    if (!in)
        return;
    if (is_line || (in->is_line && !s->is_in_line)) {
        put_line_start(s);
        s->is_in_line = true;
    } else if (in->is_line || in->count) {
        put(s, in->kind == SHOW_LIST ? " " : "  ");
    }
    if (name) {
        put(s, name);
        put(s, is_line ? "" : " ");
    } else if (is_line) {
        (void)snprintf(number, sizeof number, "%zu", in->count);
        put(s, number);
    }
}

static void begin(struct show *s, const char *name, bool is_line)
{
    struct show_level *in = s->depth ? &s->levels[s->depth - 1] : NULL;
    if (s->form == SHOW_AS_JSON)
        begin_json(s, name, in, is_line);
    else
        begin_text(s, name, in, is_line);
    if (in)
        in->count++;
}

void show_open(struct show *s, const char *name, enum show_kind kind, bool is_line)
{
    assert(s->depth < SHOW_DEPTH_MAX);
    begin(s, name, is_line);
    s->levels[s->depth++] = (struct show_level){.kind = kind, .is_line = is_line};
    s->lines += is_line;
    if (s->form == SHOW_AS_JSON || !is_line)
        put(s, kind == SHOW_LIST ? "[" : "{");
    /* The first members of an object stand on its own line; those of a list each on theirs. */
    s->is_in_line = s->depth > 1 && is_line ? kind == SHOW_OBJECT : s->is_in_line;
}

void show_close(struct show *s)
{
    assert(s->depth > 0);
    const struct show_level *level = &s->levels[--s->depth];
    s->lines -= level->is_line;
    if (s->form == SHOW_AS_JSON || !level->is_line)
        put(s, level->kind == SHOW_LIST ? "]" : "}");
    if (level->is_line)
        s->is_in_line = false;
}

void show_int(struct show *s, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    begin(s, name, false);
    put(s, text);
}

void show_uint(struct show *s, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    begin(s, name, false);
    put(s, text);
}

void show_real(struct show *s, const char *name, double value)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.17g", value);
    if (!isfinite(value)) {
        show_text(s, name, slice_str(text));
        return;
    }
    begin(s, name, false);
    put(s, text);
}

void show_bool(struct show *s, const char *name, bool value)
{
    begin(s, name, false);
    put(s, value ? "true" : "false");
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

/* The first bytes of a long value, and how long it is. */
static void put_cut(struct show *s, struct slice value)
{
    char end[48];
    size_t n = SHOW_TEXT_BYTES;
    while (n && (value.ptr[n] & 0xc0) == 0x80)
        n--;
    if (s->rc == SLP_OK)
        s->rc = buf_append_slice(s->out, slice_first(value, n), s->err);
    (void)snprintf(end, sizeof end, "... (%zu bytes)", value.len);
    put(s, end);
}

void show_text(struct show *s, const char *name, struct slice value)
{
    if (!text_is_utf8(value)) {
        show_hex(s, name, value);
        return;
    }
    begin(s, name, false);
    if (s->form == SHOW_AS_JSON || value.len == 0 || !is_printable(value))
        put_quoted(s, value);
    else if (value.len > SHOW_TEXT_BYTES)
        put_cut(s, value);
    else if (s->rc == SLP_OK)
        s->rc = buf_append_slice(s->out, value, s->err);
}

void show_hex(struct show *s, const char *name, struct slice value)
{
    static const char digits[] = "0123456789abcdef";
    bool is_json = s->form == SHOW_AS_JSON;
    size_t n = is_json || value.len <= SHOW_TEXT_BYTES / 2 ? value.len : SHOW_TEXT_BYTES / 2;
    begin(s, name, false);
    put(s, is_json ? "\"0x" : "0x");
    for (size_t i = 0; i < n; i++) {
        char pair[] = {digits[value.ptr[i] >> 4], digits[value.ptr[i] & 15], 0};
        put(s, pair);
    }
    if (is_json)
        put(s, "\"");
    else if (n < value.len)
        put(s, "...");
}

slp_rc show_finish(struct show *s)
{
    assert(s->rc != SLP_OK || s->depth == 0);
    put(s, "\n");
    return s->rc;
}
