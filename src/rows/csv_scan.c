#include "rows/csv_scan.h"

#include "base/num.h"
#include "base/text.h"
#include "rows/rows.h"

#define FIELDS_BYTES (ARR_COLUMNS_MAX * sizeof(struct rows_csv_field))

/* How a field ended, or why it did not. */
enum end { END_FIELD, END_RECORD, END_MORE, END_STRAY_QUOTE, END_BEHIND_QUOTE, END_UNCLOSED };

/* A scan within one window. */
struct cursor {
    const uint8_t *start; /* of the record */
    const uint8_t *at;
    const uint8_t *end;
    bool is_last; /* nothing follows `end` */
    uint8_t delimiter;
    uint64_t lines; /* line feeds within quotes */
};

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The high bit of bytes that are zero; right up to the lowest one. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - ONES) & ~word & HIGHS;
}

/* The first delimiter, quote or line feed, or `end`. Up to 7 bytes behind `end` are looked at,
 * which BUF_PADDING allows. */
static const uint8_t *find_special(const uint8_t *p, const uint8_t *end, uint8_t delimiter)
{
    uint64_t delimiters = ONES * delimiter;
    for (; p < end; p += sizeof(uint64_t)) {
        uint64_t word = num_load_u64le(p);
        uint64_t hit = zero_bytes(word ^ delimiters) | zero_bytes(word ^ (ONES * '"')) |
                       zero_bytes(word ^ (ONES * '\n'));
        if (hit) {
            p += __builtin_ctzll(hit) >> 3;
            return p < end ? p : end;
        }
    }
    return end;
}

static enum end scan_plain(struct cursor *c, struct rows_csv_field *f)
{
    const uint8_t *begin = c->at;
    const uint8_t *p = find_special(begin, c->end, c->delimiter);
    if (p == c->end && !c->is_last)
        return END_MORE;
    *f = (struct rows_csv_field){.offset = (uint32_t)(begin - c->start),
                                 .len = (uint32_t)(p - begin)};
    if (p == c->end) {
        c->at = p;
        return END_RECORD;
    }
    if (*p == '"')
        return END_STRAY_QUOTE;
    c->at = p + 1;
    if (*p == c->delimiter)
        return END_FIELD;
    if (f->len && p[-1] == '\r')
        f->len--;
    return END_RECORD;
}

static uint64_t count_lines(const uint8_t *p, const uint8_t *end)
{
    uint64_t lines = 0;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        lines++;
        p++;
    }
    return lines;
}

/* What stands behind a closing quote. */
static enum end scan_behind(struct cursor *c, const uint8_t *p)
{
    size_t left = (size_t)(c->end - p);
    c->at = p + (left > 0);
    if (left == 0)
        return c->is_last ? END_RECORD : END_MORE;
    if (*p == c->delimiter)
        return END_FIELD;
    if (*p == '\n')
        return END_RECORD;
    if (*p != '\r')
        return END_BEHIND_QUOTE;
    if (left == 1)
        return c->is_last ? END_RECORD : END_MORE;
    c->at = p + 2;
    return p[1] == '\n' ? END_RECORD : END_BEHIND_QUOTE;
}

static enum end scan_quoted(struct cursor *c, struct rows_csv_field *f)
{
    const uint8_t *begin = c->at + 1;
    const uint8_t *p = begin;
    bool has_escape = false;
    for (;;) {
        p = p < c->end ? memchr(p, '"', (size_t)(c->end - p)) : NULL;
        if (!p)
            return c->is_last ? END_UNCLOSED : END_MORE;
        if (p + 1 == c->end && !c->is_last)
            return END_MORE;
        if (p + 1 == c->end || p[1] != '"')
            break;
        has_escape = true;
        p += 2;
    }
    *f = (struct rows_csv_field){.offset = (uint32_t)(begin - c->start),
                                 .len = (uint32_t)(p - begin),
                                 .is_quoted = true,
                                 .has_escape = has_escape};
    c->lines += count_lines(begin, p);
    return scan_behind(c, p + 1);
}

static slp_rc refuse(const struct rows_csv_scan *s, enum end end, size_t field, struct slp_err *err)
{
    static const char *const reasons[] = {
        [END_STRAY_QUOTE] = "a quote within a field that does not begin with one; expected the "
                            "field in quotes and its quotes doubled",
        [END_BEHIND_QUOTE] = "text behind a closing quote; expected the delimiter or the line's "
                             "end, or quotes within the field doubled",
        [END_UNCLOSED] = "a quote that is never closed",
    };
    FAIL(err, BAD_INPUT, "line %llu, field %zu: %s", (unsigned long long)s->line, field + 1,
         reasons[end]);
}

/* Scan the record at `c->start` into `s->fields`. */
static enum end scan_fields(struct rows_csv_scan *s, struct cursor *c)
{
    struct rows_csv_field *fields = (struct rows_csv_field *)(void *)s->fields.ptr;
    struct rows_csv_field beyond;
    enum end end = END_FIELD;
    s->field_count = 0;
    while (end == END_FIELD) {
        struct rows_csv_field *f =
            s->field_count < ARR_COLUMNS_MAX ? &fields[s->field_count] : &beyond;
        bool is_quoted = c->at < c->end && *c->at == '"';
        end = is_quoted ? scan_quoted(c, f) : scan_plain(c, f);
        s->field_count += end <= END_RECORD;
    }
    return end;
}

/* Scan the record that `rest` begins with, and consume it if it ends there. */
static enum end scan_record(struct rows_csv_scan *s, struct slice rest)
{
    struct cursor c = {.start = rest.ptr,
                       .at = rest.ptr,
                       .end = rest.ptr + rest.len,
                       .is_last = s->in->is_end,
                       .delimiter = s->delimiter};
    enum end end = scan_fields(s, &c);
    if (end == END_RECORD) {
        s->record_at = s->in->at;
        s->in->at += (size_t)(c.at - c.start);
        s->next_line = s->line + c.lines + 1;
    }
    return end;
}

void rows_csv_scan_init(struct rows_csv_scan *s, struct alloc *mem, struct rows_text_in *in,
                        uint8_t delimiter)
{
    *s = (struct rows_csv_scan){.in = in, .delimiter = delimiter, .next_line = 1};
    buf_init(&s->fields, mem, FIELDS_BYTES);
    buf_init(&s->unescaped, mem, 2 * ROWS_LINE_MAX_BYTES);
}

void rows_csv_scan_fini(struct rows_csv_scan *s)
{
    buf_fini(&s->fields);
    buf_fini(&s->unescaped);
}

slp_rc rows_csv_record(struct rows_csv_scan *s, struct slp_err *err)
{
    struct rows_text_in *in = s->in;
    if (s->fields.len == 0)
        TRY(buf_resize(&s->fields, FIELDS_BYTES, err));
    s->line = s->next_line;
    for (;;) {
        struct slice rest = rows_text_in_rest(in);
        enum end end = END_MORE;
        if (rest.len)
            end = scan_record(s, rest);
        else if (in->is_end)
            return SLP_DONE;
        if (end == END_RECORD)
            return SLP_OK;
        if (end != END_MORE)
            return refuse(s, end, s->field_count, err);
        slp_rc rc = rows_text_in_more(in, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "line %llu", (unsigned long long)s->line);
    }
}

static struct slice without_end(struct slice line)
{
    if (line.len && line.ptr[line.len - 1] == '\n')
        line.len--;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

slp_rc rows_csv_pass(struct rows_csv_scan *s, struct slice *text, struct slp_err *err)
{
    struct rows_text_in *in = s->in;
    for (;;) {
        struct slice rest = rows_text_in_rest(in);
        const uint8_t *end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        if (end || in->is_end) {
            rest.len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
            s->record_at = in->at;
            in->at += rest.len;
            s->next_line = s->line + 1;
            *text = without_end(rest);
            return SLP_OK;
        }
        slp_rc rc = rows_text_in_more(in, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "line %llu", (unsigned long long)s->line);
    }
}

struct slice rows_csv_record_text(const struct rows_csv_scan *s)
{
    return without_end(slice_of(s->in->window.ptr + s->record_at, rows_csv_record_bytes(s)));
}

slp_rc rows_csv_text(struct rows_csv_scan *s, const struct rows_csv_field *f, struct slice *out,
                     struct slp_err *err)
{
    struct slice raw = slice_of(s->in->window.ptr + s->record_at + f->offset, f->len);
    *out = raw;
    if (!f->has_escape)
        return SLP_OK;
    buf_clear(&s->unescaped);
    TRY(buf_reserve(&s->unescaped, raw.len, err));
    while (raw.len) {
        const uint8_t *quote = memchr(raw.ptr, '"', raw.len);
        size_t n = quote ? (size_t)(quote - raw.ptr) + 1 : raw.len;
        TRY(buf_append(&s->unescaped, raw.ptr, n, err));
        raw = slice_after(raw, num_min_size(quote ? n + 1 : n, raw.len));
    }
    *out = buf_slice(&s->unescaped);
    return SLP_OK;
}

static slp_rc copy_names(struct rows_csv_scan *s, struct arena *arena, struct arr_schema *out,
                         struct slp_err *err)
{
    out->count = s->field_count;
    TRY(arena_array(arena, out->count, sizeof *out->fields, (void **)&out->fields, err));
    for (size_t i = 0; i < out->count; i++) {
        struct slice name = {0};
        TRY(rows_csv_text(s, rows_csv_field(s, i), &name, err));
        if (!text_is_utf8(name))
            FAIL(err, BAD_INPUT, "line 1: the name of column %zu is no UTF-8", i + 1);
        TRY(arena_text(arena, name, &out->fields[i].name, err));
    }
    return SLP_OK;
}

slp_rc rows_csv_header(struct rows_csv_scan *s, struct arena *arena, struct arr_schema *out,
                       struct slp_err *err)
{
    struct arr_schema header = {0};
    TRY(rows_text_in_begin(s->in, err));
    slp_rc rc = rows_csv_record(s, err);
    if (rc == SLP_DONE || (rc == SLP_OK && rows_csv_is_blank(s)))
        FAIL(err, BAD_INPUT, "line 1: empty; expected the names of the columns");
    TRY(rc);
    if (s->field_count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "line 1: %zu columns, the most are %u", s->field_count, ARR_COLUMNS_MAX);
    TRY(copy_names(s, arena, &header, err));
    *out = header;
    return SLP_OK;
}
