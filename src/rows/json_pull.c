#include "rows/json_pull.h"

void rows_json_init(struct rows_json_pull *p, struct alloc *mem, size_t max_bytes)
{
    *p = (struct rows_json_pull){0};
    buf_init(&p->unescaped, mem, max_bytes);
}

void rows_json_fini(struct rows_json_pull *p)
{
    buf_fini(&p->unescaped);
}

void rows_json_begin(struct rows_json_pull *p, struct slice text)
{
    p->text = text;
    p->at = 0;
}

const char *rows_json_name(enum rows_json_kind kind)
{
    static const char *const names[] = {
        "the end of the line",
        "an object",
        "\"}\"",
        "an array",
        "\"]\"",
        "\":\"",
        "\",\"",
        "a text",
        "a number",
        "true",
        "false",
        "null",
    };
    return names[kind];
}

static slp_rc refuse(size_t at, const char *what, struct slp_err *err)
{
    FAIL(err, BAD_INPUT, "byte %zu: %s", at + 1, what);
}

/* ---- Texts ---- */

static bool read_hex4(const uint8_t *p, const uint8_t *end, uint32_t *out)
{
    uint32_t value = 0;
    if (end - p < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        uint8_t c = p[i];
        uint32_t digit = 0;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

static size_t put_utf8(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* The character behind "\u"; two escapes make one beyond U+FFFF. False for half of a pair. */
static bool read_unicode(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    const uint8_t *p = *at;
    uint32_t low = 0;
    if (!read_hex4(p, end, out))
        return false;
    p += 4;
    if (*out >= 0xd800 && *out < 0xe000) {
        if (*out >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
            !read_hex4(p + 2, end, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *at = p;
    return true;
}

/* The character of a short escape, 0 if there is none of that letter. */
static uint8_t short_escape(uint8_t letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* Undo the escapes of `raw`, which begins at byte `from`. */
static slp_rc unescape(struct rows_json_pull *p, struct slice raw, size_t from, struct slice *out,
                       struct slp_err *err)
{
    buf_clear(&p->unescaped);
    TRY(buf_reserve(&p->unescaped, raw.len + 4, err));
    uint8_t *to = p->unescaped.ptr;
    const uint8_t *at = raw.ptr;
    const uint8_t *end = raw.ptr + raw.len;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        size_t place = from + (size_t)(at - raw.ptr);
        uint8_t letter = at[1];
        uint32_t c = short_escape(letter);
        at += 2;
        if (letter == 'u' && !read_unicode(&at, end, &c))
            return refuse(place, "no character; expected \\u and four digits, pairs whole", err);
        if (letter != 'u' && c == 0)
            return refuse(place, "an escape that JSON does not have", err);
        to += put_utf8(c, to);
    }
    p->unescaped.len = (size_t)(to - p->unescaped.ptr);
    *out = buf_slice(&p->unescaped);
    return SLP_OK;
}

static bool has_control(const uint8_t *p, size_t n)
{
    uint8_t found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (uint8_t)(p[i] < 0x20);
    return found;
}

/* A text whose opening quote stands at p->at. */
static slp_rc scan_text(struct rows_json_pull *p, struct rows_json_token *out, struct slp_err *err)
{
    size_t from = p->at + 1;
    const uint8_t *begin = p->text.ptr + from;
    const uint8_t *end = p->text.ptr + p->text.len;
    const uint8_t *q = begin;
    bool has_escape = false;
    for (;;) {
        const uint8_t *quote = q < end ? memchr(q, '"', (size_t)(end - q)) : NULL;
        if (!quote)
            return refuse(p->at, "a text that is never closed", err);
        const uint8_t *slash = memchr(q, '\\', (size_t)(quote - q));
        if (!slash) {
            q = quote;
            break;
        }
        has_escape = true;
        q = slash + 2; /* at most the quote and one more: `end` is compared again */
    }
    struct slice raw = slice_of(begin, (size_t)(q - begin));
    if (has_control(raw.ptr, raw.len))
        return refuse(p->at, "a text with a control character; expected it escaped", err);
    p->at = from + raw.len + 1;
    out->kind = ROWS_JSON_TEXT;
    out->text = raw;
    return has_escape ? unescape(p, raw, from, &out->text, err) : SLP_OK;
}

/* ---- Numbers and words ---- */

static size_t digits(struct slice s, size_t at)
{
    while (at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9')
        at++;
    return at;
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?; its end, or 0. */
static size_t number_end(struct slice s, size_t at)
{
    size_t from = at + (s.ptr[at] == '-');
    size_t end = digits(s, from);
    if (end == from || (s.ptr[from] == '0' && end > from + 1))
        return 0;
    if (end < s.len && s.ptr[end] == '.') {
        from = end + 1;
        end = digits(s, from);
        if (end == from)
            return 0;
    }
    if (end < s.len && (s.ptr[end] | 0x20) == 'e') {
        from = end + 1;
        from += from < s.len && (s.ptr[from] == '+' || s.ptr[from] == '-');
        end = digits(s, from);
        if (end == from)
            return 0;
    }
    return end;
}

static slp_rc scan_number(struct rows_json_pull *p, struct rows_json_token *out,
                          struct slp_err *err)
{
    size_t end = number_end(p->text, p->at);
    if (end == 0)
        return refuse(p->at, "no number as JSON writes them", err);
    out->kind = ROWS_JSON_NUMBER;
    out->text = slice_sub(p->text, p->at, end - p->at);
    p->at = end;
    return SLP_OK;
}

static slp_rc scan_word(struct rows_json_pull *p, struct rows_json_token *out, struct slp_err *err)
{
    static const struct {
        const char *word;
        enum rows_json_kind kind;
    } words[] = {{"true", ROWS_JSON_TRUE}, {"false", ROWS_JSON_FALSE}, {"null", ROWS_JSON_NULL}};
    struct slice rest = slice_after(p->text, p->at);
    for (size_t i = 0; i < 3; i++) {
        if (!slice_starts_with(rest, slice_str(words[i].word)))
            continue;
        p->at += strlen(words[i].word);
        out->kind = words[i].kind;
        return SLP_OK;
    }
    return refuse(p->at, "no JSON; expected a value, a quote, a comma or a bracket", err);
}

slp_rc rows_json_next(struct rows_json_pull *p, struct rows_json_token *out, struct slp_err *err)
{
    static const char signs[] = "{}[]:,";
    struct slice s = p->text;
    while (p->at < s.len && (s.ptr[p->at] == ' ' || s.ptr[p->at] == '\t' || s.ptr[p->at] == '\r' ||
                             s.ptr[p->at] == '\n'))
        p->at++;
    *out = (struct rows_json_token){.kind = ROWS_JSON_END};
    if (p->at == s.len)
        return SLP_OK;
    uint8_t c = s.ptr[p->at];
    if (c == '"')
        return scan_text(p, out, err);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(p, out, err);
    const char *sign = c ? strchr(signs, c) : NULL;
    if (!sign)
        return scan_word(p, out, err);
    p->at++;
    out->kind = (enum rows_json_kind)(ROWS_JSON_OBJECT + (sign - signs));
    return SLP_OK;
}

slp_rc rows_json_need(struct rows_json_pull *p, enum rows_json_kind kind,
                      struct rows_json_token *out, struct slp_err *err)
{
    TRY(rows_json_next(p, out, err));
    if (out->kind != kind)
        FAIL(err, BAD_INPUT, "byte %zu: %s, expected %s", p->at, rows_json_name(out->kind),
             rows_json_name(kind));
    return SLP_OK;
}

slp_rc rows_json_member(struct rows_json_pull *p, bool is_first, struct rows_json_token *name,
                        struct slp_err *err)
{
    struct rows_json_token colon;
    TRY(rows_json_next(p, name, err));
    if (name->kind == ROWS_JSON_OBJECT_END)
        return SLP_DONE;
    if (!is_first) {
        if (name->kind != ROWS_JSON_COMMA)
            FAIL(err, BAD_INPUT, "byte %zu: %s, expected a comma or \"}\"", p->at,
                 rows_json_name(name->kind));
        TRY(rows_json_next(p, name, err));
    }
    if (name->kind != ROWS_JSON_TEXT)
        FAIL(err, BAD_INPUT, "byte %zu: %s, expected the name of a member", p->at,
             rows_json_name(name->kind));
    return rows_json_need(p, ROWS_JSON_COLON, &colon, err);
}

/* ---- Passing over ---- */

/* Objects and arrays that are open: one bit each, set for an object. */
struct nest {
    uint64_t is_object;
    unsigned depth;
};

static bool in_object(const struct nest *n)
{
    return n->is_object & 1;
}

/* The value that comes next within the innermost object or array; `*out` is its first token, or
 * what closes it. */
static slp_rc next_inner(struct rows_json_pull *p, const struct nest *n, bool is_first,
                         struct rows_json_token *out, struct slp_err *err)
{
    if (in_object(n)) {
        slp_rc rc = rows_json_member(p, is_first, out, err);
        return rc == SLP_OK ? rows_json_next(p, out, err) : rc;
    }
    TRY(rows_json_next(p, out, err));
    if (out->kind == ROWS_JSON_ARRAY_END)
        return SLP_DONE;
    if (is_first)
        return SLP_OK;
    if (out->kind != ROWS_JSON_COMMA)
        FAIL(err, BAD_INPUT, "byte %zu: %s, expected a comma or \"]\"", p->at,
             rows_json_name(out->kind));
    return rows_json_next(p, out, err);
}

slp_rc rows_json_skip(struct rows_json_pull *p, struct rows_json_token first, struct slp_err *err)
{
    struct nest nest = {0};
    struct rows_json_token t = first;
    do {
        bool is_open = t.kind == ROWS_JSON_OBJECT || t.kind == ROWS_JSON_ARRAY;
        if (!is_open && t.kind < ROWS_JSON_TEXT)
            FAIL(err, BAD_INPUT, "byte %zu: %s, expected a value", p->at, rows_json_name(t.kind));
        if (is_open) {
            if (nest.depth == ROWS_JSON_DEPTH_MAX)
                FAIL(err, LIMIT, "byte %zu: nested deeper than %u", p->at, ROWS_JSON_DEPTH_MAX);
            nest.is_object = nest.is_object << 1 | (t.kind == ROWS_JSON_OBJECT);
            nest.depth++;
        }
        bool is_first = is_open;
        slp_rc rc = SLP_DONE;
        while (nest.depth && (rc = next_inner(p, &nest, is_first, &t, err)) == SLP_DONE) {
            nest.is_object >>= 1;
            nest.depth--;
            is_first = false;
        }
        if (rc != SLP_OK && rc != SLP_DONE)
            return rc;
    } while (nest.depth);
    return SLP_OK;
}
