#include "parquet/shred.h"

/* A field may need two steps: one for its nulls, one for its items. */
#define STEPS (2 * ARR_DEPTH_MAX + 2)

struct pq_shred {
    struct alloc *mem;
    struct pq_levels steps[STEPS];
    pq_shred_fn take;
    void *arg;
};

slp_rc pq_shred_new(struct alloc *mem, struct pq_shred **out, struct slp_err *err)
{
    struct pq_shred *s = NULL;
    TRY(alloc_new(mem, &s, err));
    s->mem = mem;
    for (size_t i = 0; i < STEPS; i++) {
        buf_init(&s->steps[i].definitions, mem, PQ_LEVELS_MAX_BYTES);
        buf_init(&s->steps[i].repetitions, mem, PQ_LEVELS_MAX_BYTES);
    }
    *out = s;
    return SLP_OK;
}

void pq_shred_free(struct pq_shred *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < STEPS; i++) {
        buf_fini(&s->steps[i].definitions);
        buf_fini(&s->steps[i].repetitions);
    }
    alloc_delete(s->mem, s);
}

/* Entries on the way down, those of step `step`. One with a definition level of `slot` or more has
 * a slot in the columns here, one with `level` is present. */
struct entries {
    size_t step;
    uint8_t slot;
    uint8_t level;
    uint8_t repetition;
};

static slp_rc make_room(struct pq_levels *l, size_t count, struct slp_err *err)
{
    buf_clear(&l->definitions);
    buf_clear(&l->repetitions);
    TRY(buf_reserve(&l->definitions, count, err));
    TRY(buf_reserve(&l->repetitions, count, err));
    l->definitions.len = count;
    l->repetitions.len = count;
    return SLP_OK;
}

/* Present entries whose slot is not null go one level down. */
static void add_present(const uint8_t *from, size_t count, struct entries at,
                        const struct arr_col *col, uint8_t *to)
{
    int64_t slot = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t d = from[i];
        bool is_present = d == at.level && !arr_col_is_null(col, slot);
        to[i] = (uint8_t)(d + is_present);
        slot += d >= at.slot;
    }
    assert(slot == col->rows);
}

static bool has_wrong_null(const uint8_t *from, size_t count, struct entries at,
                           const struct arr_col *col)
{
    int64_t slot = 0;
    for (size_t i = 0; i < count; i++) {
        if (from[i] == at.level && arr_col_is_null(col, slot))
            return true;
        slot += from[i] >= at.slot;
    }
    return false;
}

/* The step for nulls of a field, if it may have any. */
static slp_rc step_nulls(struct pq_shred *s, const struct arr_field *field, bool is_optional,
                         const struct arr_col *col, struct entries *at, struct slp_err *err)
{
    const struct pq_levels *from = &s->steps[at->step];
    size_t count = from->definitions.len;
    bool has_nulls = col->null_count > 0 || col->type.kind == ARR_NULL;
    if (!is_optional) {
        if (has_nulls && has_wrong_null(from->definitions.ptr, count, *at, col))
            FAIL(err, BAD_INPUT, "\"%s\" is null in a row, and may not be", field->name);
        return SLP_OK;
    }
    struct pq_levels *to = &s->steps[at->step + 1];
    TRY(make_room(to, count, err));
    add_present(from->definitions.ptr, count, *at, col, to->definitions.ptr);
    if (count)
        memcpy(to->repetitions.ptr, from->repetitions.ptr, count);
    at->step++;
    at->level++;
    return SLP_OK;
}

static void add_items(const struct pq_levels *from, struct entries at, const int32_t *offsets,
                      struct pq_levels *to)
{
    const uint8_t *definitions = from->definitions.ptr;
    uint8_t *d = to->definitions.ptr;
    uint8_t *r = to->repetitions.ptr;
    size_t slot = 0;
    for (size_t i = 0; i < from->definitions.len; i++) {
        size_t items = 0;
        if (definitions[i] >= at.slot) {
            items = (size_t)(offsets[slot + 1] - offsets[slot]);
            slot++;
        }
        assert(items == 0 || definitions[i] == at.level);
        *r++ = from->repetitions.ptr[i];
        *d++ = (uint8_t)(definitions[i] + (items > 0));
        for (size_t k = 1; k < items; k++) {
            *r++ = (uint8_t)(at.repetition + 1);
            *d++ = (uint8_t)(at.level + 1);
        }
    }
}

/* The step for items of a list or map. */
static slp_rc step_items(struct pq_shred *s, const struct arr_col *col, struct entries *at,
                         struct slp_err *err)
{
    const struct pq_levels *from = &s->steps[at->step];
    struct pq_levels *to = &s->steps[at->step + 1];
    const int32_t *offsets = col->rows ? arr_col_offsets(col) : NULL;
    size_t count = from->definitions.len;
    for (int64_t i = 0; i < col->rows; i++) {
        int32_t items = offsets[i + 1] - offsets[i];
        count += items > 1 ? (size_t)items - 1 : 0;
    }
    TRY(make_room(to, count, err));
    add_items(from, *at, offsets, to);
    at->step++;
    at->level++;
    at->slot = at->level;
    at->repetition++;
    return SLP_OK;
}

static slp_rc shred_field(struct pq_shred *s, const struct arr_field *parent,
                          const struct arr_field *field, const struct arr_col *col,
                          struct entries at, struct slp_err *err)
{
    TRY(step_nulls(s, field, pq_is_optional(parent, field), col, &at, err));
    if (!arr_type_is_nested(field->type))
        return s->take(s->arg, col, &s->steps[at.step], err);
    if (arr_type_is_list(field->type))
        TRY(step_items(s, col, &at, err));
    bool is_map = field->type.kind == ARR_MAP;
    const struct arr_field *group = is_map ? field->children : field;
    const struct arr_col *cols = is_map ? col->children->children : col->children;
    for (size_t i = 0; i < group->child_count; i++)
        TRY(shred_field(s, field, &group->children[i], &cols[i], at, err));
    return SLP_OK;
}

slp_rc pq_shred_column(struct pq_shred *s, const struct arr_field *field, const struct arr_col *col,
                       pq_shred_fn take, void *arg, struct slp_err *err)
{
    size_t rows = (size_t)col->rows;
    s->take = take;
    s->arg = arg;
    TRY(make_room(&s->steps[0], rows, err));
    if (rows) {
        memset(s->steps[0].definitions.ptr, 0, rows);
        memset(s->steps[0].repetitions.ptr, 0, rows);
    }
    return shred_field(s, NULL, field, col, (struct entries){0}, err);
}
