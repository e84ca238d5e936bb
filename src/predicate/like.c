#include "predicate/like.h"

/* Bytes of the character at `at`: its first byte and the continuation bytes behind it. */
static size_t character_bytes(struct slice text, size_t at)
{
    size_t n = 1;
    while (n < 4 && at + n < text.len && (text.ptr[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

static void add_unit(struct pred_like *like, enum pred_like_unit unit, uint8_t byte)
{
    bool repeats =
        unit == PRED_LIKE_MANY && like->count > 0 && like->units[like->count - 1] == PRED_LIKE_MANY;
    if (repeats)
        return;
    like->bytes[like->count] = byte;
    like->units[like->count++] = (uint8_t)unit;
}

static slp_rc compile_units(struct pred_like *like, struct slp_err *err)
{
    struct slice p = like->pattern;
    for (size_t i = 0; i < p.len; i++) {
        struct slice rest = slice_after(p, i);
        if (like->escape.len > 0 && slice_starts_with(rest, like->escape)) {
            i += like->escape.len;
            if (i >= p.len)
                FAIL(err, INVALID, "the pattern ends in its escape character");
            size_t n = character_bytes(p, i);
            for (size_t k = 0; k < n; k++)
                add_unit(like, PRED_LIKE_BYTE, p.ptr[i + k]);
            i += n - 1;
        } else if (p.ptr[i] == '%') {
            add_unit(like, PRED_LIKE_MANY, 0);
        } else if (p.ptr[i] == '_') {
            add_unit(like, PRED_LIKE_ONE, 0);
        } else {
            add_unit(like, PRED_LIKE_BYTE, p.ptr[i]);
        }
    }
    return SLP_OK;
}

slp_rc pred_like_compile(struct slice pattern, struct slice escape, struct arena *arena,
                         const struct pred_like **out, struct slp_err *err)
{
    struct pred_like *like;
    void *room = NULL;
    TRY(arena_new(arena, &like, err));
    TRY(arena_array(arena, pattern.len, 2, &room, err));
    like->pattern = pattern;
    like->escape = escape;
    like->bytes = room;
    like->units = like->bytes + pattern.len;
    TRY(compile_units(like, err));
    while (like->head < like->count && like->units[like->head] == PRED_LIKE_BYTE)
        like->head++;
    like->is_text = like->head == like->count;
    like->is_head = like->head + 1 == like->count && like->units[like->head] == PRED_LIKE_MANY;
    *out = like;
    return SLP_OK;
}

/*
 * Greedy with one point of return: where a unit does not match, the last % takes one character
 * more. An earlier % never needs to: what it would gain, the last one can take.
 */
static bool match_units(const struct pred_like *like, size_t unit, struct slice text)
{
    size_t at = 0;
    size_t many = SIZE_MAX; /* the unit behind the last % */
    size_t many_at = 0;     /* where in the text it began to match */
    while (at < text.len) {
        uint8_t kind = unit < like->count ? like->units[unit] : UINT8_MAX;
        if (kind == PRED_LIKE_MANY) {
            many = ++unit;
            many_at = at;
        } else if (kind == PRED_LIKE_ONE) {
            at += character_bytes(text, at);
            unit++;
        } else if (kind == PRED_LIKE_BYTE && like->bytes[unit] == text.ptr[at]) {
            at++;
            unit++;
        } else if (many != SIZE_MAX) {
            many_at += character_bytes(text, many_at);
            at = many_at;
            unit = many;
        } else {
            return false;
        }
    }
    while (unit < like->count && like->units[unit] == PRED_LIKE_MANY)
        unit++;
    return unit == like->count;
}

bool pred_like_match(const struct pred_like *like, struct slice text)
{
    struct slice head = pred_like_head(like);
    if (!slice_starts_with(text, head))
        return false;
    return like->is_head || match_units(like, like->head, slice_after(text, head.len));
}
