#include "base/text.h"

#include "base/num.h"

int text_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

slp_rc text_append_quoted(struct buf *out, struct slice text, struct slp_err *err)
{
    TRY(buf_append_u8(out, '"', err));
    while (text.len) {
        const uint8_t *quote = memchr(text.ptr, '"', text.len);
        size_t n = quote ? (size_t)(quote - text.ptr) + 1 : text.len;
        TRY(buf_append(out, text.ptr, n, err));
        if (quote)
            TRY(buf_append_u8(out, '"', err));
        text = slice_after(text, n);
    }
    return buf_append_u8(out, '"', err);
}

/* Bytes of the character that begins with these, or 0 if none does. */
static size_t character_bytes(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || left < n)
        return 0;
    /* The second byte rules out overlong forms, surrogates and what is beyond U+10FFFF. */
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

bool text_is_utf8(struct slice text)
{
    size_t i = 0;
    while (i < text.len) {
        if (text.len - i >= 8 && !(num_load_u64le(text.ptr + i) & 0x8080808080808080u)) {
            i += 8;
            continue;
        }
        size_t n = character_bytes(text.ptr + i, text.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool text_is_ascii(struct slice text)
{
    uint64_t seen = 0;
    size_t i = 0;
    for (; text.len - i >= 8; i += 8)
        seen |= num_load_u64le(text.ptr + i);
    for (; i < text.len; i++)
        seen |= text.ptr[i];
    return !(seen & 0x8080808080808080u);
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

size_t text_distance(struct slice a, struct slice b)
{
    if (a.len > TEXT_NEAR_MAX_BYTES || b.len > TEXT_NEAR_MAX_BYTES)
        return SIZE_MAX;
    /* Rows i - 2, i - 1 and i of the table of distances between prefixes, used in turn. */
    size_t rows[3][TEXT_NEAR_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t x = fold(a.ptr[i - 1]);
            uint8_t y = fold(b.ptr[j - 1]);
            size_t least = num_min_size(before[j], now[j - 1]) + 1;
            least = num_min_size(least, before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b.ptr[j - 2]) && y == fold(a.ptr[i - 2]))
                least = num_min_size(least, earlier[j - 2] + 1);
            now[j] = least;
        }
    }
    return rows[a.len % 3][b.len];
}

bool text_is_near(struct slice a, struct slice b, size_t distance)
{
    return distance <= num_max_size(1, num_max_size(a.len, b.len) / 3);
}
