#include "base/json.h"

#include <dlfcn.h>
#include <jansson.h>

#include "base/num.h"
#include "base/text.h"

#define LIBRARY "libjansson.so.4"

/* The functions of jansson in use; the header serves for types alone. */
struct jansson {
    void *library;
    json_t *(*loadb)(const char *text, size_t bytes, size_t flags, json_error_t *error);
    void (*delete)(json_t *value);
    json_int_t (*integer)(const json_t *value);
    double (*real)(const json_t *value);
    const char *(*text)(const json_t *value);
    size_t (*text_bytes)(const json_t *value);
    size_t (*array_size)(const json_t *value);
    json_t *(*array_get)(const json_t *value, size_t at);
    size_t (*object_size)(const json_t *value);
    void *(*iter)(json_t *object);
    void *(*iter_next)(json_t *object, void *iter);
    const char *(*iter_key)(void *iter);
    json_t *(*iter_value)(void *iter);
};

/* ISO C has no conversion from object to function pointers; POSIX promises that copying the bytes
 * is one. */
static bool symbol(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static bool open_symbols(struct jansson *j)
{
    void *l = j->library;
    return symbol(l, "json_loadb", &j->loadb) && symbol(l, "json_delete", &j->delete) &&
           symbol(l, "json_integer_value", &j->integer) && symbol(l, "json_real_value", &j->real) &&
           symbol(l, "json_string_value", &j->text) &&
           symbol(l, "json_string_length", &j->text_bytes) &&
           symbol(l, "json_array_size", &j->array_size) &&
           symbol(l, "json_array_get", &j->array_get) &&
           symbol(l, "json_object_size", &j->object_size) &&
           symbol(l, "json_object_iter", &j->iter) &&
           symbol(l, "json_object_iter_next", &j->iter_next) &&
           symbol(l, "json_object_iter_key", &j->iter_key) &&
           symbol(l, "json_object_iter_value", &j->iter_value);
}

static slp_rc jansson_open(struct jansson *j, struct slp_err *err)
{
    /* Never unloaded: the second text of a lookup finds it in place. */
    j->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (j->library && open_symbols(j))
        return SLP_OK;
    if (j->library)
        dlclose(j->library);
    FAIL(err, UNSUPPORTED, "JSON needs the library %s: install the package libjansson4", LIBRARY);
}

struct copy {
    const struct jansson *jansson;
    struct arena *arena;
    struct slp_err *err;
};

static slp_rc copy_value(const struct copy *c, json_t *from, unsigned depth, struct json *to);

static slp_rc copy_array(const struct copy *c, json_t *from, unsigned depth, struct json *to)
{
    to->count = c->jansson->array_size(from);
    void *room = NULL;
    TRY(arena_array(c->arena, to->count, sizeof *to->items, &room, c->err));
    to->items = room;
    for (size_t i = 0; i < to->count; i++)
        TRY(copy_value(c, c->jansson->array_get(from, i), depth + 1, &to->items[i]));
    return SLP_OK;
}

static slp_rc copy_object(const struct copy *c, json_t *from, unsigned depth, struct json *to)
{
    const struct jansson *j = c->jansson;
    to->count = j->object_size(from);
    void *room = NULL;
    TRY(arena_array(c->arena, to->count, sizeof *to->items, &room, c->err));
    to->items = room;
    TRY(arena_array(c->arena, to->count, sizeof *to->names, &room, c->err));
    to->names = room;
    void *iter = j->iter(from);
    for (size_t i = 0; i < to->count && iter; i++, iter = j->iter_next(from, iter)) {
        TRY(arena_copy(c->arena, slice_str(j->iter_key(iter)), &to->names[i], c->err));
        TRY(copy_value(c, j->iter_value(iter), depth + 1, &to->items[i]));
    }
    return SLP_OK;
}

/* Into the arena, so that a document needs no release of its own. Recursion ends at
 * JSON_DEPTH_MAX. */
static slp_rc copy_value(const struct copy *c, json_t *from, unsigned depth, struct json *to)
{
    if (depth > JSON_DEPTH_MAX)
        FAIL(c->err, LIMIT, "more than %u levels of nesting", JSON_DEPTH_MAX);
    const struct jansson *j = c->jansson;
    *to = (struct json){.kind = JSON_IS_NULL};
    switch (json_typeof(from)) {
    case JSON_OBJECT:
        to->kind = JSON_IS_OBJECT;
        return copy_object(c, from, depth, to);
    case JSON_ARRAY:
        to->kind = JSON_IS_ARRAY;
        return copy_array(c, from, depth, to);
    case JSON_STRING:
        to->kind = JSON_IS_TEXT;
        return arena_copy(c->arena, slice_of(j->text(from), j->text_bytes(from)), &to->text,
                          c->err);
    case JSON_INTEGER:
        to->kind = JSON_IS_INTEGER;
        to->integer = j->integer(from);
        to->real = (double)to->integer;
        return SLP_OK;
    case JSON_REAL:
        to->kind = JSON_IS_REAL;
        to->real = j->real(from);
        return SLP_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        to->kind = JSON_IS_BOOL;
        to->is_true = json_typeof(from) == JSON_TRUE;
        return SLP_OK;
    case JSON_NULL:
    default:
        return SLP_OK;
    }
}

slp_rc json_parse(struct slice text, struct arena *a, struct json *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct jansson j = {0};
    struct copy c = {.jansson = &j, .arena = a, .err = err};
    struct json value = {0};
    json_error_t error = {.line = -1};
    TRY(jansson_open(&j, err));
    /* jansson takes no NULL, not even for no bytes. */
    const char *bytes = text.len ? (const char *)text.ptr : "";
    json_t *root = j.loadb(bytes, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        FAIL_OUT(err, NO_MEMORY, "out of memory for JSON of %zu bytes", text.len);
    if (!root)
        FAIL_OUT(err, INVALID, "no valid JSON: line %d column %d: %s", error.line, error.column,
                 error.text);
    TRY_OUT(copy_value(&c, root, 0, &value));
    *out = value;
out:
    if (root)
        j.delete(root);
    dlclose(j.library);
    return rc;
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {"null",   "true or false", "an integer", "a number",
                                        "a text", "an array",      "an object"};
    return names[kind];
}

const struct json *json_member(const struct json *object, const char *name)
{
    assert(object->kind == JSON_IS_OBJECT);
    for (size_t i = 0; i < object->count; i++) {
        if (slice_is(object->names[i], name))
            return &object->items[i];
    }
    return NULL;
}

slp_rc json_expect(const struct json *value, enum json_kind kind, const char *what,
                   struct slp_err *err)
{
    if (value->kind == kind || (kind == JSON_IS_REAL && value->kind == JSON_IS_INTEGER))
        return SLP_OK;
    FAIL(err, INVALID, "%s is %s, expected %s", what, json_kind_name(value->kind),
         json_kind_name(kind));
}

slp_rc json_may(const struct json *object, const char *name, enum json_kind kind,
                const struct json **out, struct slp_err *err)
{
    const struct json *value = json_member(object, name);
    if (value) {
        char what[80];
        (void)snprintf(what, sizeof what, "member \"%s\"", name);
        TRY(json_expect(value, kind, what, err));
    }
    *out = value;
    return SLP_OK;
}

slp_rc json_need(const struct json *object, const char *name, enum json_kind kind,
                 const struct json **out, struct slp_err *err)
{
    const struct json *value = NULL;
    TRY(json_may(object, name, kind, &value, err));
    if (!value)
        FAIL(err, INVALID, "member \"%s\" is missing, expected %s", name, json_kind_name(kind));
    *out = value;
    return SLP_OK;
}

static slp_rc fail_unknown(struct slice got, const char *const *names, size_t count,
                           struct slp_err *err)
{
    struct slice shown = slice_first(got, num_min_size(got.len, 80));
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t distance = text_distance(got, slice_str(names[i]));
        if (distance < best_distance && text_is_near(got, slice_str(names[i]), distance)) {
            best = names[i];
            best_distance = distance;
        }
    }
    if (best)
        FAIL(err, INVALID, "unknown member \"%.*s\"; did you mean \"%s\"?", SLICE_ARG(shown), best);
    FAIL(err, INVALID, "unknown member \"%.*s\"", SLICE_ARG(shown));
}

slp_rc json_only(const struct json *object, const char *const *names, size_t count,
                 struct slp_err *err)
{
    assert(object->kind == JSON_IS_OBJECT);
    for (size_t i = 0; i < object->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = slice_is(object->names[i], names[k]);
        if (!is_known)
            return fail_unknown(object->names[i], names, count, err);
    }
    return SLP_OK;
}

/* The letter of a two-character escape, or 0. */
static char short_escape(uint8_t c)
{
    switch (c) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static slp_rc write_escape(struct buf *out, uint8_t c, struct slp_err *err)
{
    char letter = short_escape(c);
    if (letter)
        return buf_append(out, (char[]){'\\', letter}, 2, err);
    return buf_printf(out, err, "\\u%04x", c);
}

static slp_rc write_escaped(struct buf *out, struct slice text, struct slp_err *err)
{
    TRY(buf_append_u8(out, '"', err));
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        TRY(buf_append(out, text.ptr + done, i - done, err));
        TRY(write_escape(out, c, err));
        done = i + 1;
    }
    TRY(buf_append_slice(out, slice_after(text, done), err));
    return buf_append_u8(out, '"', err);
}

slp_rc json_write_text(struct buf *out, struct slice text, struct slp_err *err)
{
    size_t before = out->len;
    slp_rc rc = write_escaped(out, text, err);
    if (rc != SLP_OK)
        out->len = before;
    return rc;
}
