#include "base/hash.h"
#include "rows/guess.h"
#include "rows/json_pull.h"
#include "rows/lines.h"
#include "rows/rows_priv.h"

/* Arrays and objects within each other; a map is two levels of its type. */
#define DEPTH_MAX (ARR_DEPTH_MAX / 2 - 1)

/* Columns, members and items, all in all. */
#define GUESSES_MAX 131072u

/* They are found by name and parent. */
#define BUCKETS 4096u

/* Objects of more different members than this are maps, if all members are of one type. */
#define STRUCT_MEMBERS_MAX 200u

/* What values of one place may be: a column, a member of its objects, the items of its lists. */
struct guess {
    const char *name;
    size_t number;
    const struct guess *parent;
    struct guess *chain; /* in the same bucket */
    unsigned may;
    bool has_value;
    size_t count;
    struct guess *members; /* as they were first met; of a list, its items */
    struct guess *last;
    struct guess *next;
};

struct look {
    struct arena arena;
    struct rows_json_pull pull;
    struct rows_lines lines;
    struct guess row;
    struct guess **buckets;
    size_t guesses;
    const char *column; /* that is being read, for messages; NULL: none */
};

static struct guess **bucket_of(const struct look *l, const struct guess *parent, struct slice name)
{
    return &l->buckets[hash_xxh64(name, parent ? parent->number : 0) % BUCKETS];
}

/* One that stands in no list yet; of no parent: NULL. */
static slp_rc new_guess(struct look *l, const struct guess *parent, struct slice name,
                        struct guess **out, struct slp_err *err)
{
    struct guess *g = NULL;
    struct guess **bucket = bucket_of(l, parent, name);
    if (l->guesses == GUESSES_MAX)
        FAIL(err, LIMIT, "more than %u columns and members", GUESSES_MAX);
    if (name.len && memchr(name.ptr, 0, name.len))
        FAIL(err, BAD_INPUT, "the name of a member has a NUL in it");
    TRY(arena_new(&l->arena, &g, err));
    *g = (struct guess){.may = MAY_ALL, .number = ++l->guesses, .parent = parent, .chain = *bucket};
    TRY(arena_text(&l->arena, name, &g->name, err));
    *bucket = g;
    *out = g;
    return SLP_OK;
}

static slp_rc add_guess(struct look *l, struct guess *parent, struct slice name, struct guess **out,
                        struct slp_err *err)
{
    struct guess *g = NULL;
    TRY(new_guess(l, parent, name, &g, err));
    if (parent->last)
        parent->last->next = g;
    else
        parent->members = g;
    parent->last = g;
    parent->count++;
    *out = g;
    return SLP_OK;
}

/* The member of that name, or NULL. `hint` is where it stands if objects are alike; may be NULL. */
static struct guess *find_guess(const struct look *l, const struct guess *parent,
                                struct guess *hint, struct slice name)
{
    if (hint && slice_is(name, hint->name))
        return hint;
    struct guess *g = *bucket_of(l, parent, name);
    while (g && (g->parent != parent || !slice_is(name, g->name)))
        g = g->chain;
    return g;
}

static slp_rc narrow(struct guess *g, unsigned may, struct slp_err *err)
{
    if ((g->may & may) == 0)
        FAIL(err, BAD_INPUT, "values of different kinds, as texts and numbers are");
    g->may &= may;
    g->has_value = true;
    return SLP_OK;
}

static slp_rc look_at_value(struct look *l, struct guess *g, struct rows_json_token t,
                            unsigned depth, struct slp_err *err);

static slp_rc look_at_object(struct look *l, struct guess *g, unsigned depth, struct slp_err *err)
{
    struct guess *hint = g->members;
    for (bool is_first = true;; is_first = false) {
        struct rows_json_token t;
        slp_rc rc = rows_json_member(&l->pull, is_first, &t, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        struct guess *member = find_guess(l, g, hint, t.text);
        if (!member)
            TRY(add_guess(l, g, t.text, &member, err));
        hint = member->next;
        if (depth == 0)
            l->column = member->name;
        TRY(rows_json_next(&l->pull, &t, err));
        rc = look_at_value(l, member, t, depth + 1, err);
        if (rc != SLP_OK)
            return depth == 0 ? rc : err_wrap(err, rc, "%s", member->name);
        if (depth == 0)
            l->column = NULL;
    }
}

static slp_rc look_at_array(struct look *l, struct guess *g, unsigned depth, struct slp_err *err)
{
    struct rows_json_token t;
    struct guess *items = g->members;
    if (!items)
        TRY(add_guess(l, g, slice_str("element"), &items, err));
    TRY(rows_json_next(&l->pull, &t, err));
    while (t.kind != ROWS_JSON_ARRAY_END) {
        TRY(err_wrap(err, look_at_value(l, items, t, depth + 1, err), "items"));
        TRY(rows_json_next(&l->pull, &t, err));
        if (t.kind == ROWS_JSON_ARRAY_END)
            break;
        if (t.kind == ROWS_JSON_COMMA)
            TRY(rows_json_next(&l->pull, &t, err));
        else
            FAIL(err, BAD_INPUT, "%s, expected a comma and a value, or the end of the array",
                 rows_json_name(t.kind));
        if (t.kind == ROWS_JSON_ARRAY_END)
            FAIL(err, BAD_INPUT, "the end of the array, expected a value behind the comma");
    }
    return SLP_OK;
}

static bool is_special_number(struct slice text)
{
    return slice_is(text, "NaN") || slice_is(text, "Infinity") || slice_is(text, "-Infinity");
}

/* What a text in quotes may be. */
static unsigned quoted_candidates(struct slice text, unsigned among)
{
    unsigned may = MAY_UTF8;
    if (is_special_number(text))
        may |= MAY_DOUBLE;
    else if (among & (MAY_DATE | MAY_TIME | MAY_INSTANT))
        may |= rows_guess_time(text);
    return may;
}

static slp_rc look_at_nested(struct look *l, struct guess *g, struct rows_json_token t,
                             unsigned depth, struct slp_err *err)
{
    if (depth > DEPTH_MAX)
        FAIL(err, LIMIT, "arrays and objects more than %u deep", (unsigned)DEPTH_MAX);
    if (t.kind == ROWS_JSON_ARRAY) {
        TRY(narrow(g, MAY_LIST, err));
        return look_at_array(l, g, depth, err);
    }
    TRY(narrow(g, MAY_OBJECT, err));
    return look_at_object(l, g, depth, err);
}

/* Null says nothing. */
static slp_rc look_at_value(struct look *l, struct guess *g, struct rows_json_token t,
                            unsigned depth, struct slp_err *err)
{
    unsigned may = 0;
    switch (t.kind) {
    case ROWS_JSON_TEXT:
        return narrow(g, quoted_candidates(t.text, g->may), err);
    case ROWS_JSON_NUMBER:
        may = rows_guess_number(t.text);
        if (may == 0)
            FAIL(err, UNSUPPORTED, "a whole number beyond int64; give the table a schema");
        return narrow(g, may, err);
    case ROWS_JSON_TRUE:
    case ROWS_JSON_FALSE:
        return narrow(g, MAY_BOOL, err);
    case ROWS_JSON_NULL:
        return SLP_OK;
    case ROWS_JSON_ARRAY:
    case ROWS_JSON_OBJECT:
        return look_at_nested(l, g, t, depth, err);
    default:
        FAIL(err, BAD_INPUT, "%s, expected a value", rows_json_name(t.kind));
    }
}

static slp_rc look_at_line(struct look *l, struct slice line, struct slp_err *err)
{
    struct rows_json_token t;
    rows_json_begin(&l->pull, line);
    TRY(rows_json_need(&l->pull, ROWS_JSON_OBJECT, &t, err));
    TRY(look_at_object(l, &l->row, 0, err));
    return rows_json_need(&l->pull, ROWS_JSON_END, &t, err);
}

static slp_rc look_at_lines(struct look *l, struct slp_err *err)
{
    for (int64_t row = 0; row < ROWS_INFER_ROWS && !rows_text_in_is_full(l->lines.in); row++) {
        struct slice line = {0};
        slp_rc rc = rows_lines_next(&l->lines, &line, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        rc = look_at_line(l, line, err);
        if (rc != SLP_OK)
            return rows_wrap_line(err, rc, l->lines.line, l->column);
    }
    return SLP_OK;
}

/* ---- From what they may be to what they are ---- */

/* Make `to` what holds values of `from` too; false where nothing does. */
static slp_rc join(struct look *l, struct guess *to, const struct guess *from, bool *fits,
                   struct slp_err *err)
{
    to->may &= from->may;
    to->has_value = to->has_value || from->has_value;
    *fits = to->may != 0;
    for (const struct guess *g = from->members; g && *fits; g = g->next) {
        struct guess *member = find_guess(l, to, NULL, slice_str(g->name));
        if (!member)
            TRY(add_guess(l, to, slice_str(g->name), &member, err));
        TRY(join(l, member, g, fits, err));
    }
    return SLP_OK;
}

/* Is it a map, of these values? */
static slp_rc find_map(struct look *l, const struct guess *g, struct guess **value,
                       struct slp_err *err)
{
    bool fits = true;
    *value = NULL;
    if (g->count > 0 && g->count <= STRUCT_MEMBERS_MAX)
        return SLP_OK;
    TRY(new_guess(l, NULL, slice_str("value"), value, err));
    for (const struct guess *m = g->members; m && fits; m = m->next)
        TRY(join(l, *value, m, &fits, err));
    *value = fits ? *value : NULL;
    return SLP_OK;
}

static slp_rc make_field(struct look *l, const struct guess *g, struct arena *arena,
                         struct arr_field *out, struct slp_err *err);

static slp_rc make_members(struct look *l, const struct guess *g, struct arena *arena,
                           struct arr_field *out, struct slp_err *err)
{
    size_t i = 0;
    TRY(arena_array(arena, g->count, sizeof *out->children, (void **)&out->children, err));
    out->child_count = g->count;
    for (const struct guess *m = g->members; m; m = m->next)
        TRY(make_field(l, m, arena, &out->children[i++], err));
    return SLP_OK;
}

static slp_rc make_map(struct look *l, const struct guess *value, struct arena *arena,
                       struct arr_field *out, struct slp_err *err)
{
    struct arr_field *entries = NULL;
    out->type = (struct arr_type){.kind = ARR_MAP};
    TRY(arena_new(arena, &entries, err));
    *entries = (struct arr_field){.name = "entries", .type = {.kind = ARR_STRUCT}};
    TRY(arena_array(arena, 2, sizeof *out, (void **)&entries->children, err));
    entries->child_count = 2;
    entries->children[0] = (struct arr_field){.name = "key", .type = {.kind = ARR_UTF8}};
    out->children = entries;
    out->child_count = 1;
    return make_field(l, value, arena, &entries->children[1], err);
}

static slp_rc make_field(struct look *l, const struct guess *g, struct arena *arena,
                         struct arr_field *out, struct slp_err *err)
{
    struct guess *value = NULL;
    *out = (struct arr_field){.type = rows_guess_type(g->may, g->has_value), .nullable = true};
    TRY(arena_text(arena, slice_str(g->name), &out->name, err));
    if (!g->has_value || (g->may & (MAY_LIST | MAY_OBJECT)) == 0)
        return SLP_OK;
    if (g->may & MAY_OBJECT)
        TRY(find_map(l, g, &value, err));
    if (value)
        return make_map(l, value, arena, out, err);
    out->type = (struct arr_type){.kind = g->may & MAY_LIST ? ARR_LIST : ARR_STRUCT};
    return make_members(l, g, arena, out, err);
}

static slp_rc make_schema(struct look *l, struct arena *arena, struct arr_schema *out,
                          struct slp_err *err)
{
    struct arr_field row = {0};
    if (l->row.count > ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "more than %u columns", ARR_COLUMNS_MAX);
    if (l->row.count == 0)
        FAIL(err, BAD_INPUT, "no columns; expected an object a line");
    TRY(make_members(l, &l->row, arena, &row, err));
    *out = (struct arr_schema){.fields = row.children, .count = row.child_count};
    return SLP_OK;
}

slp_rc rows_ndjson_schema(struct alloc *mem, struct rows_text_in *in, struct arena *arena,
                          struct arr_schema *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct look l = {0};
    arena_init(&l.arena, mem, ROWS_ARENA_MAX_BYTES);
    rows_json_init(&l.pull, mem, 2 * ROWS_LINE_MAX_BYTES);
    rows_lines_init(&l.lines, in);
    TRY_OUT(arena_array(&l.arena, BUCKETS, sizeof *l.buckets, (void **)&l.buckets, err));
    TRY_OUT(rows_text_in_begin(in, err));
    TRY_OUT(look_at_lines(&l, err));
    TRY_OUT(make_schema(&l, arena, out, err));
out:
    rows_json_fini(&l.pull);
    arena_fini(&l.arena);
    return rc;
}
