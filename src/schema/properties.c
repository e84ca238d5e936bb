#include "schema/properties.h"

#include <inttypes.h>
#include <string.h>

#include "base/amount.h"
#include "base/text.h"

#define TABLE_PREFIX   "sleeper.table."
#define DEFAULT_PREFIX "sleeper.default.table."

static const struct schema_property table[] = {
#define PROPERTY(id, name_, kind_, fallback_, least_, most_, choices_, help_)                      \
    [SCHEMA_PROPERTY_##id] = {.name = (name_),                                                     \
                              .kind = SCHEMA_PROPERTY_##kind_,                                     \
                              .fallback = (fallback_),                                             \
                              .least = (least_),                                                   \
                              .most = (most_),                                                     \
                              .choices = (choices_),                                               \
                              .help = (help_)},
#include "schema/properties.def"
#undef PROPERTY
};

const struct schema_property *schema_property_at(enum schema_property_id id)
{
    return &table[id];
}

const char *schema_property_kind_name(enum schema_property_kind kind)
{
    static const char *const names[] = {
        [SCHEMA_PROPERTY_INTEGER] = "integer",   [SCHEMA_PROPERTY_BYTES] = "bytes",
        [SCHEMA_PROPERTY_DURATION] = "duration", [SCHEMA_PROPERTY_CHOICE] = "choice",
        [SCHEMA_PROPERTY_TEXT] = "text",
    };
    return names[kind];
}

static bool find_exactly(struct slice name, enum schema_property_id *out)
{
    for (size_t i = 0; i < SCHEMA_PROPERTY_COUNT; i++) {
        if (slice_is(name, table[i].name)) {
            *out = (enum schema_property_id)i;
            return true;
        }
    }
    return false;
}

/* The nearest name, or NULL. Names share long prefixes, so one is near only by few edits. */
static const char *nearest(struct slice name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < SCHEMA_PROPERTY_COUNT; i++) {
        size_t distance = text_distance(name, slice_str(table[i].name));
        if (distance < least) {
            least = distance;
            best = table[i].name;
        }
    }
    return best && text_is_near(name, slice_str(best), least) ? best : NULL;
}

slp_rc schema_property_find(struct slice name, enum schema_property_id *out, bool *is_default,
                            struct slp_err *err)
{
    bool has_default_prefix = slice_starts_with(name, slice_str(DEFAULT_PREFIX));
    struct slice shortened = name;
    if (has_default_prefix)
        shortened = slice_after(name, strlen(DEFAULT_PREFIX));
    else if (slice_starts_with(name, slice_str(TABLE_PREFIX)))
        shortened = slice_after(name, strlen(TABLE_PREFIX));
    if (!find_exactly(shortened, out)) {
        const char *near = nearest(shortened);
        FAIL(err, NOT_FOUND, "no property \"%.*s\"%s%s%s",
             (int)(shortened.len < 200 ? shortened.len : 200), (const char *)shortened.ptr,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (is_default)
        *is_default = has_default_prefix;
    return SLP_OK;
}

/* The next of a list of words; false at its end. */
static bool next_word(struct slice *rest, char separator, struct slice *word)
{
    if (!rest->ptr)
        return false;
    const uint8_t *end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!end) {
        *word = *rest;
        *rest = slice_of(NULL, 0);
        return true;
    }
    size_t len = (size_t)(end - rest->ptr);
    *word = slice_first(*rest, len);
    *rest = slice_after(*rest, len + 1);
    return true;
}

static bool is_same_word(struct slice a, struct slice b)
{
    return a.len == b.len && text_distance(a, b) == 0;
}

/* Upstream names strategies by their class, package and all: the last part counts. */
static struct slice last_part(struct slice value)
{
    size_t from = value.len;
    while (from > 0 && value.ptr[from - 1] != '.')
        from--;
    return slice_after(value, from);
}

/* Which choice `value` is: its index and its spelling. */
static bool find_choice(const struct schema_property *p, struct slice value, size_t *index,
                        struct slice *spelling)
{
    struct slice rest = slice_str(p->choices);
    struct slice choice;
    for (size_t i = 0; next_word(&rest, '|', &choice); i++) {
        struct slice forms = choice;
        struct slice form;
        struct slice first = slice_of(NULL, 0);
        while (next_word(&forms, '=', &form)) {
            if (!first.ptr)
                first = form;
            if (is_same_word(form, value) || is_same_word(form, last_part(value))) {
                *index = i;
                *spelling = first;
                return true;
            }
        }
    }
    return false;
}

static bool parse_number(const struct schema_property *p, struct slice value, int64_t *out)
{
    bool is_number = false;
    int64_t number = 0;
    if (p->kind == SCHEMA_PROPERTY_BYTES)
        is_number = text_parse_bytes(value, &number);
    else if (p->kind == SCHEMA_PROPERTY_DURATION)
        is_number = text_parse_seconds(value, &number);
    else
        is_number = text_parse_whole(value, &number);
    if (!is_number || number < p->least || number > p->most)
        return false;
    *out = number;
    return true;
}

static slp_rc refuse_number(const struct schema_property *p, struct slice value,
                            struct slp_err *err)
{
    static const char *const wanted[] = {
        [SCHEMA_PROPERTY_INTEGER] = "a whole number",
        [SCHEMA_PROPERTY_BYTES] = "a size such as 4096, 128MB or 2GiB,",
        [SCHEMA_PROPERTY_DURATION] = "a duration such as 90s, 30m, 12h or 7d, in seconds",
    };
    FAIL(err, INVALID, "property \"%s\": \"%.*s\" is not %s from %" PRId64 " to %" PRId64, p->name,
         (int)(value.len < 100 ? value.len : 100), (const char *)value.ptr, wanted[p->kind],
         p->least, p->most);
}

static slp_rc refuse_choice(const struct schema_property *p, struct slice value,
                            struct slp_err *err)
{
    (void)err_set(err, SLP_INVALID, "property \"%s\": \"%.*s\" is none of", p->name,
                  (int)(value.len < 100 ? value.len : 100), (const char *)value.ptr);
    struct slice rest = slice_str(p->choices);
    struct slice choice;
    for (const char *comma = ""; next_word(&rest, '|', &choice); comma = ",") {
        struct slice spelling = choice;
        (void)next_word(&choice, '=', &spelling);
        (void)err_append(err, SLP_INVALID, "%s %.*s", comma, (int)spelling.len,
                         (const char *)spelling.ptr);
    }
    return SLP_INVALID;
}

slp_rc schema_property_check(enum schema_property_id id, struct slice value, struct buf *out,
                             struct slp_err *err)
{
    const struct schema_property *p = &table[id];
    if (value.len > SCHEMA_PROPERTY_MAX_BYTES)
        FAIL(err, LIMIT, "property \"%s\": a value of %zu bytes is longer than %u", p->name,
             value.len, SCHEMA_PROPERTY_MAX_BYTES);
    if (!text_is_utf8(value) || (value.len && memchr(value.ptr, 0, value.len)))
        FAIL(err, INVALID, "property \"%s\": the value is no UTF-8 text", p->name);
    if (p->kind == SCHEMA_PROPERTY_TEXT)
        return buf_assign(out, value, err);
    if (p->kind == SCHEMA_PROPERTY_CHOICE) {
        size_t index = 0;
        struct slice spelling;
        if (!find_choice(p, value, &index, &spelling))
            return refuse_choice(p, value, err);
        return buf_assign(out, spelling, err);
    }
    int64_t number = 0;
    if (!parse_number(p, value, &number))
        return refuse_number(p, value, err);
    buf_clear(out);
    return buf_printf(out, err, "%" PRId64, number);
}

static bool is_value_of(const struct schema_property *p, struct slice value)
{
    int64_t number = 0;
    size_t index = 0;
    struct slice spelling;
    if (p->kind == SCHEMA_PROPERTY_TEXT)
        return true;
    if (p->kind == SCHEMA_PROPERTY_CHOICE)
        return find_choice(p, value, &index, &spelling);
    return parse_number(p, value, &number);
}

struct slice schema_property_text(const struct schema_properties *p, enum schema_property_id id)
{
    struct slice value;
    if (p && p->find(p->context, slice_str(table[id].name), &value) &&
        is_value_of(&table[id], value))
        return value;
    return slice_str(table[id].fallback);
}

int64_t schema_property_number(const struct schema_properties *p, enum schema_property_id id)
{
    int64_t number = 0;
    bool is_number = parse_number(&table[id], schema_property_text(p, id), &number);
    SLP_INVARIANT(is_number);
    return number;
}

size_t schema_property_choice(const struct schema_properties *p, enum schema_property_id id)
{
    size_t index = 0;
    struct slice spelling;
    bool is_choice = find_choice(&table[id], schema_property_text(p, id), &index, &spelling);
    SLP_INVARIANT(is_choice);
    return index;
}
