#include "stack/iterate_priv.h"

#define DEPTH_MAX 32

struct eval {
    struct slice text;
    size_t at;
    const struct slice *labels;
    size_t count;
    bool is_bad;
};

static int peek(struct eval *e)
{
    while (e->at < e->text.len && e->text.ptr[e->at] == ' ')
        e->at++;
    return e->at < e->text.len ? e->text.ptr[e->at] : -1;
}

static bool is_part_of_label(int c)
{
    return c >= 0 && c != '&' && c != '|' && c != '(' && c != ')' && c != ' ' && c != '"';
}

/* A label, bare or in double quotes. */
static bool has_label(struct eval *e)
{
    bool quoted = peek(e) == '"';
    size_t start = e->at + quoted;
    size_t end = start;
    while (end < e->text.len &&
           (quoted ? e->text.ptr[end] != '"' : is_part_of_label(e->text.ptr[end])))
        end++;
    e->is_bad |= end == start || (quoted && end == e->text.len);
    struct slice label = slice_sub(e->text, start, end - start);
    e->at = end + (quoted && end < e->text.len);
    for (size_t i = 0; i < e->count; i++)
        if (slice_equal(label, e->labels[i]))
            return true;
    return false;
}

static bool any_of(struct eval *e, unsigned depth);

static bool one(struct eval *e, unsigned depth)
{
    if (peek(e) != '(')
        return has_label(e);
    if (depth == DEPTH_MAX) {
        e->is_bad = true;
        return false;
    }
    e->at++;
    bool truth = any_of(e, depth + 1);
    e->is_bad |= peek(e) != ')';
    e->at += !e->is_bad;
    return truth;
}

static bool all_of(struct eval *e, unsigned depth)
{
    bool truth = one(e, depth);
    while (!e->is_bad && peek(e) == '&') {
        e->at++;
        truth &= one(e, depth);
    }
    return truth;
}

/* & binds more tightly than |. */
static bool any_of(struct eval *e, unsigned depth)
{
    bool truth = all_of(e, depth);
    while (!e->is_bad && peek(e) == '|') {
        e->at++;
        truth |= all_of(e, depth);
    }
    return truth;
}

bool stack_iter_is_visible(struct slice visibility, const struct slice *labels, size_t count)
{
    struct eval e = {.text = visibility, .labels = labels, .count = count};
    if (peek(&e) < 0)
        return true;
    bool truth = any_of(&e, 0);
    return truth && !e.is_bad && peek(&e) < 0;
}
