#include "arrow/text_priv.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void arr_base64_write(struct slice raw, char *out)
{
    const uint8_t *p = raw.ptr;
    size_t left = raw.len;
    for (; left >= 3; left -= 3, p += 3) {
        uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *out++ = letters[group >> 18];
        *out++ = letters[group >> 12 & 63];
        *out++ = letters[group >> 6 & 63];
        *out++ = letters[group & 63];
    }
    if (left == 0)
        return;
    uint32_t group = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
    *out++ = letters[group >> 18];
    *out++ = letters[group >> 12 & 63];
    *out++ = left == 2 ? letters[group >> 6 & 63] : '=';
    *out = '=';
}

/* The six bits of a letter, or 64. */
static uint32_t bits_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool arr_base64_read(struct slice text, uint8_t *out, size_t *bytes)
{
    size_t n = 0;
    size_t padding = 0;
    if (text.len % 4)
        return false;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t filled = i + 4 == text.len ? 4 - padding : 4;
        uint32_t group = 0;
        for (size_t k = 0; k < 4; k++) {
            uint32_t bits = k < filled ? bits_of(text.ptr[i + k]) : 0;
            if (bits > 63)
                return false;
            group = group << 6 | bits;
        }
        /* Bits that no byte takes are zero, so that equal bytes have one text. */
        if (group & ((1u << 8 * (4 - filled)) - 1))
            return false;
        for (size_t k = 0; k + 1 < filled; k++)
            out[n++] = (uint8_t)(group >> (16 - 8 * k));
    }
    *bytes = n;
    return true;
}
