#include "predicate/mark.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"

/* Bytes of the line that are shown, and how many of them stand before the place at most. */
#define WINDOW_BYTES 100u
#define LEAD_BYTES   60u

#define MESSAGE_BYTES 1400u

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The character that begins at `at`, and its length; a broken one is one byte long. */
static uint32_t character_at(struct slice text, size_t at, size_t *len)
{
    uint8_t lead = text.ptr[at];
    size_t n = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? lead : lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (at + i >= text.len || !is_continuation(text.ptr[at + i])) {
            *len = 1;
            return 0xfffd;
        }
        c = (c << 6) | (text.ptr[at + i] & 0x3fu);
    }
    *len = n;
    return c;
}

/* The ranges of East Asian wide characters and emoji, coarse: enough to set a caret. */
static size_t cells_of(uint32_t c)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3}, {0xf900, 0xfaff},
        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
        {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };
    if (c >= 0x300 && c <= 0x36f)
        return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    }
    return 1;
}

static size_t cells_between(struct slice text, size_t from, size_t to)
{
    size_t cells = 0;
    size_t n = 1;
    for (size_t i = from; i < to; i += n)
        cells += cells_of(character_at(text, i, &n));
    return cells;
}

/* The part of the line around `start` that is shown. */
struct window {
    size_t begin;
    size_t end;
    bool is_cut_before;
    bool is_cut_after;
};

static struct window window_around(struct slice text, size_t start)
{
    struct window w = {.begin = start, .end = start};
    while (w.begin > 0 && text.ptr[w.begin - 1] != '\n')
        w.begin--;
    while (w.end < text.len && text.ptr[w.end] != '\n')
        w.end++;
    if (w.end > w.begin && text.ptr[w.end - 1] == '\r' && w.end - 1 >= start)
        w.end--;
    if (start - w.begin > LEAD_BYTES && w.end - w.begin > WINDOW_BYTES) {
        w.begin = start - LEAD_BYTES;
        while (w.begin < start && is_continuation(text.ptr[w.begin]))
            w.begin++;
        w.is_cut_before = true;
    }
    if (w.end - w.begin > WINDOW_BYTES) {
        w.end = w.begin + WINDOW_BYTES;
        while (w.end > start && is_continuation(text.ptr[w.end]))
            w.end--;
        w.is_cut_after = true;
    }
    return w;
}

/* The shown part, control characters as blanks, so that a hostile text cannot steer a terminal. */
static void copy_line(struct slice text, struct window w, char out[WINDOW_BYTES + 1])
{
    size_t n = num_min_size(w.end - w.begin, WINDOW_BYTES);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.ptr[w.begin + i];
        out[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    out[n] = '\0';
}

slp_rc pred_fail(struct slp_err *err, slp_rc code, struct slice text, struct pred_span at,
                 const char *format, ...)
{
    if (!err)
        return code;
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);

    size_t start = num_min_size(at.start, text.len);
    struct window w = window_around(text, start);
    char line[WINDOW_BYTES + 1];
    copy_line(text, w, line);
    size_t stop = num_min_size(start + at.len, w.end);
    size_t blanks = cells_between(text, w.begin, start) + (w.is_cut_before ? 3 : 0);
    size_t run = stop > start ? num_min_size(cells_between(text, start, stop), WINDOW_BYTES) : 1;
    char marks[WINDOW_BYTES + 1];
    memset(marks, '~', sizeof marks);
    marks[0] = '^';
    marks[num_max_size(run, 1)] = '\0';
    return err_set(err, code, "%s\n  %s%s%s\n  %*s%s", message, w.is_cut_before ? "..." : "", line,
                   w.is_cut_after ? "..." : "", (int)blanks, "", marks);
}
