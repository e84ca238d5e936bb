#include "base/amount.h"

#include "base/num.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* The digits that `text` begins with; `*rest` is what follows. */
static bool leading_number(struct slice text, int64_t *out, struct slice *rest)
{
    size_t n = 0;
    int64_t value = 0;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9') {
        if (!num_mul_i64(value, 10, &value) || !num_add_i64(value, text.ptr[n] - '0', &value))
            return false;
        n++;
    }
    *out = value;
    *rest = slice_after(text, n);
    return n > 0;
}

static bool parse_with_unit(struct slice text, const struct unit *units, int64_t *out)
{
    int64_t value = 0;
    struct slice rest;
    if (!leading_number(text, &value, &rest))
        return false;
    for (const struct unit *u = units; u->name; u++) {
        if (slice_is(rest, u->name)) {
            if (!num_mul_i64(value, u->factor, &value))
                return false;
            *out = value;
            return true;
        }
    }
    return false;
}

bool text_parse_whole(struct slice text, int64_t *out)
{
    static const struct unit units[] = {{"", 1}, {NULL, 0}};
    return parse_with_unit(text, units, out);
}

bool text_parse_bytes(struct slice text, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"k", 1000},
        {"K", 1000},
        {"kB", 1000},
        {"KB", 1000},
        {"M", 1000000},
        {"MB", 1000000},
        {"G", 1000000000},
        {"GB", 1000000000},
        {"T", 1000000000000},
        {"TB", 1000000000000},
        {"KiB", 1024},
        {"MiB", 1024 * 1024},
        {"GiB", 1024 * 1024 * 1024},
        {"TiB", (int64_t)1024 * 1024 * 1024 * 1024},
        {NULL, 0},
    };
    return parse_with_unit(text, units, out);
}

bool text_parse_seconds(struct slice text, int64_t *out)
{
    static const struct unit units[] = {
        {"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0},
    };
    int64_t value = 0;
    if (!parse_with_unit(text, units, &value) || value > INT64_MAX / 1000000)
        return false;
    *out = value;
    return true;
}
