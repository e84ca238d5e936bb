#include "predicate/resolve.h"

#include <stdio.h>

#include "base/num.h"

/* Columns that a message lists. */
#define COLUMNS_MAX 10u

static bool equal_without_case(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        uint8_t x = a.ptr[i];
        uint8_t y = b.ptr[i];
        bool is_letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';
        if (x != y && !(is_letter && (x ^ y) == 0x20))
            return false;
    }
    return true;
}

/* Names of columns for a message: all, or those equal to `name` without case. */
static void list_columns(const struct arr_schema *schema, const struct slice *name, char *out,
                         size_t out_bytes)
{
    size_t at = 0;
    size_t listed = 0;
    *out = '\0';
    for (size_t i = 0; i < schema->count && at + 1 < out_bytes; i++) {
        const char *field = schema->fields[i].name;
        if (name && !equal_without_case(*name, slice_str(field)))
            continue;
        const char *more = listed == COLUMNS_MAX ? ", ..." : "";
        int n = snprintf(out + at, out_bytes - at, "%s%.40s", listed ? ", " : "",
                         *more ? "..." : field);
        at += n > 0 ? (size_t)n : 0;
        if (*more)
            return;
        listed++;
    }
}

static struct slice shown_of(struct slice name)
{
    return slice_first(name, num_min_size(name.len, 64));
}

static slp_rc fail_unknown_column(const struct pred_names *n, const struct pred_syntax *s,
                                  struct slp_err *err)
{
    char columns[512];
    struct slice shown = shown_of(s->name);
    const char *nearest = arr_schema_nearest(n->schema, s->name);
    list_columns(n->schema, NULL, columns, sizeof columns);
    if (nearest)
        return pred_fail(err, SLP_INVALID, n->text, s->at,
                         "unknown column \"%.*s\"; did you mean \"%s\"?", SLICE_ARG(shown),
                         nearest);
    if (s->is_quoted)
        return pred_fail(
            err, SLP_INVALID, n->text, s->at,
            "unknown column \"%.*s\"; double quotes make a column name, use '%.*s' for "
            "text; columns: %s",
            SLICE_ARG(shown), SLICE_ARG(shown), columns);
    return pred_fail(err, SLP_INVALID, n->text, s->at, "unknown column \"%.*s\"; columns: %s",
                     SLICE_ARG(shown), columns);
}

/* The field of just this name, else the only one that is equal without case. `count` fields have it:
 * 0 or 1, or several of which none is meant. */
static size_t find_field(const struct arr_schema *among, struct slice name, size_t *count)
{
    int64_t exact = arr_schema_find(among, name);
    size_t found = 0;
    *count = 1;
    if (exact >= 0)
        return (size_t)exact;
    *count = 0;
    for (size_t i = 0; i < among->count; i++) {
        if (!equal_without_case(name, slice_str(among->fields[i].name)))
            continue;
        found = i;
        ++*count;
    }
    return found;
}

static slp_rc fail_ambiguous(const struct pred_names *n, const struct pred_syntax *s,
                             const struct arr_schema *among, struct slice name, struct slp_err *err)
{
    char fields[512];
    list_columns(among, &name, fields, sizeof fields);
    return pred_fail(err, SLP_INVALID, n->text, s->at,
                     "column \"%.*s\" could be any of %s; write the one you mean in double quotes",
                     SLICE_ARG(shown_of(name)), fields);
}

/* ---- Members ---- */

static slp_rc fail_no_struct(const struct pred_names *n, const struct pred_syntax *s,
                             const struct arr_field *field, struct slice name, struct slp_err *err)
{
    char type[80];
    arr_field_type_format(field, type, sizeof type);
    return pred_fail(err, SLP_INVALID, n->text, s->at,
                     "\"%.64s\" has no member \"%.*s\": it is no struct, it is %s", field->name,
                     SLICE_ARG(shown_of(name)), type);
}

static slp_rc fail_unknown_member(const struct pred_names *n, const struct pred_syntax *s,
                                  const struct arr_field *field, struct slice name,
                                  struct slp_err *err)
{
    char members[512];
    const struct arr_schema among = {.fields = field->children, .count = field->child_count};
    const char *nearest = arr_schema_nearest(&among, name);
    list_columns(&among, NULL, members, sizeof members);
    if (nearest)
        return pred_fail(err, SLP_INVALID, n->text, s->at,
                         "\"%.64s\" has no member \"%.*s\"; did you mean \"%s\"?", field->name,
                         SLICE_ARG(shown_of(name)), nearest);
    return pred_fail(err, SLP_INVALID, n->text, s->at,
                     "\"%.64s\" has no member \"%.*s\"; members: %s", field->name,
                     SLICE_ARG(shown_of(name)), members);
}

/* Go down from a column by the parts behind it. */
static slp_rc walk(const struct pred_names *n, const struct pred_syntax *s,
                   const struct pred_part *part, struct pred_member *m, size_t *path,
                   struct slp_err *err)
{
    m->field = &n->schema->fields[m->column];
    for (; part; part = part->next) {
        size_t found = 0;
        const struct arr_schema among = {.fields = m->field->children,
                                         .count = m->field->child_count};
        if (m->field->type.kind != ARR_STRUCT)
            return fail_no_struct(n, s, m->field, part->name, err);
        size_t at = find_field(&among, part->name, &found);
        if (found == 0)
            return fail_unknown_member(n, s, m->field, part->name, err);
        if (found > 1)
            return fail_ambiguous(n, s, &among, part->name, err);
        path[m->depth++] = at;
        m->field = &m->field->children[at];
    }
    return SLP_OK;
}

/* The number of a member; one that is new is kept. */
static slp_rc number_of(struct pred_names *n, const struct pred_member *m, size_t *out,
                        struct slp_err *err)
{
    struct slice path = {0};
    for (size_t i = 0; i < n->count; i++) {
        *out = n->schema->count + i;
        if (n->members[i].field == m->field)
            return SLP_OK;
    }
    if (n->count == PRED_MEMBERS_MAX)
        FAIL(err, LIMIT, "a condition over more than %u members of structs", PRED_MEMBERS_MAX);
    if (n->count == n->room) {
        struct pred_member *more = NULL;
        size_t room = n->room ? 2 * n->room : 4;
        TRY(arena_array(n->arena, room, sizeof *more, (void **)&more, err));
        if (n->count)
            memcpy(more, n->members, n->count * sizeof *more);
        n->members = more;
        n->room = room;
    }
    TRY(arena_copy(n->arena, slice_of(m->path, m->depth * sizeof *m->path), &path, err));
    n->members[n->count] = *m;
    n->members[n->count].path = (const size_t *)(const void *)path.ptr;
    *out = n->schema->count + n->count++;
    return SLP_OK;
}

/* The longest beginning of the name, short of all, that names a column. NULL: none does. */
static const struct pred_part *find_top(const struct pred_names *n, const struct pred_syntax *s,
                                        size_t *column)
{
    const struct pred_part *rest = NULL;
    for (const struct pred_part *part = s->parts; part && part->next; part = part->next) {
        size_t found = 0;
        size_t at = find_field(n->schema, slice_first(s->name, part->end), &found);
        if (found != 1)
            continue;
        *column = at;
        rest = part->next;
    }
    return rest;
}

slp_rc pred_resolve(struct pred_names *n, const struct pred_syntax *s, size_t *out,
                    struct slp_err *err)
{
    size_t found = 0;
    size_t path[PRED_PARTS_MAX];
    struct pred_member m = {.path = path};
    size_t column = find_field(n->schema, s->name, &found);
    if (found > 1)
        return fail_ambiguous(n, s, n->schema, s->name, err);
    if (found == 1) {
        *out = column;
        return SLP_OK;
    }
    const struct pred_part *rest = find_top(n, s, &m.column);
    if (!rest)
        return fail_unknown_column(n, s, err);
    TRY(walk(n, s, rest, &m, path, err));
    return number_of(n, &m, out, err);
}

const struct arr_field *pred_names_field(const struct pred_names *n, size_t column)
{
    return column < n->schema->count ? &n->schema->fields[column]
                                     : n->members[column - n->schema->count].field;
}
