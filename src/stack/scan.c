#include "stack/scan.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c >= 0x80;
}

static struct pred_span span(size_t start, size_t end)
{
    return (struct pred_span){.start = (uint32_t)start, .len = (uint32_t)(end - start)};
}

/* The inside of quotes, doubled ones made single. */
static slp_rc unquote(struct scan *s, struct slice inside, uint8_t quote, struct slice *out,
                      struct slp_err *err)
{
    void *room = NULL;
    size_t n = 0;
    if (inside.len == 0 || !memchr(inside.ptr, quote, inside.len)) {
        *out = inside;
        return SLP_OK;
    }
    TRY(arena_alloc(s->arena, inside.len, &room, err));
    uint8_t *to = room;
    for (size_t i = 0; i < inside.len; i++) {
        to[n++] = inside.ptr[i];
        i += inside.ptr[i] == quote;
    }
    *out = slice_of(to, n);
    return SLP_OK;
}

static slp_rc look_quoted(struct scan *s, struct slp_err *err)
{
    struct slice t = s->text;
    size_t start = s->at;
    uint8_t quote = t.ptr[start];
    size_t end = start + 1;
    while (end < t.len && (t.ptr[end] != quote || (end + 1 < t.len && t.ptr[end + 1] == quote)))
        end += t.ptr[end] == quote ? 2 : 1;
    if (end >= t.len)
        return pred_fail(err, SLP_INVALID, t, span(start, start + 1), "a quote without its end");
    s->next.kind = quote == '\'' ? SCAN_STRING : SCAN_QUOTED;
    s->next.at = span(start, end + 1);
    s->at = end + 1;
    return unquote(s, slice_sub(t, start + 1, end - start - 1), quote, &s->next.body, err);
}

static slp_rc look(struct scan *s, struct slp_err *err)
{
    struct slice t = s->text;
    while (s->at < t.len && is_blank(t.ptr[s->at]))
        s->at++;
    size_t start = s->at;
    if (start == t.len) {
        s->next = (struct scan_token){.kind = SCAN_END, .at = span(start, start)};
        return SLP_OK;
    }
    uint8_t c = t.ptr[start];
    if (c == '"' || c == '`' || c == '\'')
        return look_quoted(s, err);
    size_t end = start + 1;
    while (is_letter(c) && end < t.len && is_letter(t.ptr[end]))
        end++;
    s->next = (struct scan_token){.kind = is_letter(c) ? SCAN_WORD : SCAN_MARK,
                                  .at = span(start, end),
                                  .body = slice_sub(t, start, end - start)};
    s->at = end;
    return SLP_OK;
}

slp_rc stack_scan_begin(struct scan *s, struct slice text, struct arena *arena, struct slp_err *err)
{
    *s = (struct scan){.text = text, .arena = arena};
    return look(s, err);
}

slp_rc stack_scan_take(struct scan *s, struct scan_token *out, struct slp_err *err)
{
    *out = s->next;
    return look(s, err);
}

bool stack_scan_is_word(const struct scan_token *t, const char *word)
{
    if (t->kind != SCAN_WORD || t->body.len != strlen(word))
        return false;
    for (size_t i = 0; i < t->body.len; i++) {
        uint8_t c = t->body.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != word[i])
            return false;
    }
    return true;
}

slp_rc stack_scan_fail(const struct scan *s, struct slp_err *err, const char *expected)
{
    if (s->next.kind == SCAN_END)
        return pred_fail(err, SLP_INVALID, s->text, s->next.at, "the text ends, expected %s",
                         expected);
    struct slice shown =
        slice_sub(s->text, s->next.at.start, s->next.at.len < 60 ? s->next.at.len : 60);
    return pred_fail(err, SLP_INVALID, s->text, s->next.at, "expected %s, not %.*s", expected,
                     SLICE_ARG(shown));
}

slp_rc stack_scan_expect(struct scan *s, char mark, struct slp_err *err)
{
    struct scan_token taken;
    char expected[] = {'"', mark, '"', '\0'};
    if (!stack_scan_is(s, mark))
        return stack_scan_fail(s, err, expected);
    return stack_scan_take(s, &taken, err);
}

slp_rc stack_scan_name(struct scan *s, const char *what, struct scan_token *out,
                       struct slp_err *err)
{
    if (s->next.kind != SCAN_WORD && s->next.kind != SCAN_QUOTED)
        return stack_scan_fail(s, err, what);
    return stack_scan_take(s, out, err);
}

slp_rc stack_scan_end(const struct scan *s, struct slp_err *err)
{
    return s->next.kind == SCAN_END ? SLP_OK : stack_scan_fail(s, err, "the end");
}

bool stack_scan_piece(struct slice text, char separator, size_t *at, struct slice *out)
{
    size_t depth = 0;
    uint8_t quote = 0;
    size_t start = *at;
    size_t end = start;
    if (start > text.len)
        return false;
    for (; end < text.len; end++) {
        uint8_t c = text.ptr[end];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '`' || c == '\'')
            quote = c;
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == (uint8_t)separator && depth == 0)
            break;
    }
    *out = slice_sub(text, start, end - start);
    *at = end + 1;
    return true;
}
