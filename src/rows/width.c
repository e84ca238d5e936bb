#include "rows/width.h"

#include <stdio.h>

#define ELLIPSIS "\xe2\x80\xa6"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Combining marks and format characters, the common blocks of them. */
static const struct range without_width[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf}, {0x05c1, 0x05c2},
    {0x05c4, 0x05c5},   {0x0610, 0x061a}, {0x064b, 0x065f}, {0x0670, 0x0670}, {0x06d6, 0x06dc},
    {0x06df, 0x06e4},   {0x06e7, 0x06e8}, {0x06ea, 0x06ed}, {0x0711, 0x0711}, {0x0730, 0x074a},
    {0x07a6, 0x07b0},   {0x0900, 0x0902}, {0x093a, 0x093a}, {0x093c, 0x093c}, {0x0941, 0x0948},
    {0x094d, 0x094d},   {0x0951, 0x0957}, {0x0981, 0x0981}, {0x09bc, 0x09bc}, {0x09c1, 0x09c4},
    {0x09cd, 0x09cd},   {0x0a3c, 0x0a3c}, {0x0a41, 0x0a51}, {0x0b3c, 0x0b3c}, {0x0bc0, 0x0bc0},
    {0x0bcd, 0x0bcd},   {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x0eb1, 0x0eb1},
    {0x0eb4, 0x0ebc},   {0x0ec8, 0x0ece}, {0x1160, 0x11ff}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x206f}, {0x20d0, 0x20ff}, {0x302a, 0x302d},
    {0x3099, 0x309a},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0x1f3fb, 0x1f3ff},
    {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
    {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},
    {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004},
    {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a}, {0x1f200, 0x1f320},
    {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca},
    {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e},
    {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e},
    {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4},
    {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2},
    {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7f0},
    {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff},
    {0x20000, 0x2fffd}, {0x30000, 0x3fffd},
};

static bool is_among(const struct range *ranges, size_t count, uint32_t c)
{
    size_t low = 0;
    while (count) {
        size_t half = count / 2;
        if (c > ranges[low + half].last) {
            low += half + 1;
            count -= half + 1;
        } else if (c >= ranges[low + half].first) {
            return true;
        } else {
            count = half;
        }
    }
    return false;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

size_t rows_char_width(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (is_among(without_width, COUNT(without_width), c))
        return 0;
    return is_among(wide, COUNT(wide), c) ? 2 : 1;
}

/* Bytes of the character at `at` and its number; 0 bytes for what is no UTF-8. */
static size_t next_char(struct slice text, size_t at, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = text.ptr[at];
    size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead > 0xf4 || n == 0 || n > text.len - at)
        return 0;
    uint32_t c = n == 1 ? lead : lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text.ptr[at + i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (text.ptr[at + i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *out = c;
    return n;
}

/* One step of text as it is shown: bytes of it taken, its form, its columns. */
struct glyph {
    size_t taken;
    char form[12];
    size_t bytes;
    size_t width;
};

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void escape(struct glyph *g, uint32_t c)
{
    int n = 0;
    if (c == '\n')
        n = snprintf(g->form, sizeof g->form, "\\n");
    else if (c == '\r')
        n = snprintf(g->form, sizeof g->form, "\\r");
    else if (c == '\t')
        n = snprintf(g->form, sizeof g->form, "\\t");
    else
        n = snprintf(g->form, sizeof g->form, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
    g->bytes = (size_t)n;
    g->width = (size_t)n;
}

static struct glyph next_glyph(struct slice text, size_t at)
{
    struct glyph g = {0};
    uint32_t c = 0;
    g.taken = next_char(text, at, &c);
    if (g.taken == 0) {
        g.taken = 1;
        g.bytes = (size_t)snprintf(g.form, sizeof g.form, "\\x%02x", text.ptr[at]);
        g.width = g.bytes;
    } else if (is_control(c)) {
        escape(&g, c);
    } else {
        memcpy(g.form, text.ptr + at, g.taken);
        g.bytes = g.taken;
        g.width = rows_char_width(c);
    }
    return g;
}

slp_rc rows_show(struct buf *out, struct slice text, size_t max, size_t *width, struct slp_err *err)
{
    size_t start = out->len;
    size_t used = 0;     /* columns */
    size_t fits = start; /* up to here there is room for the ellipsis */
    size_t fits_used = 0;
    for (size_t at = 0; at < text.len;) {
        struct glyph g = next_glyph(text, at);
        if (used + g.width > max) {
            out->len = fits;
            used = fits_used;
            if (max > 0) {
                TRY(buf_append(out, ELLIPSIS, sizeof ELLIPSIS - 1, err));
                used++;
            }
            break;
        }
        TRY(buf_append(out, g.form, g.bytes, err));
        at += g.taken;
        used += g.width;
        if (used < max) {
            fits = out->len;
            fits_used = used;
        }
    }
    *width = used;
    return SLP_OK;
}
