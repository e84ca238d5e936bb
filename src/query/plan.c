#include "query/plan.h"

#include <stdlib.h>

#include "base/num.h"

#define PLAN_MAX_BYTES ((size_t)4 << 30)

/* A file that a part is made of. */
struct met {
    const struct state_file *file; /* in the plan's arena; its bytes may be the state's */
    struct plan_part *part;
};

struct planner {
    struct plan *plan;
    struct state_table *table;
    const struct table_state *view;
    const struct schema *schema;
    const struct arr_schema *seen;  /* what predicate and columns speak of */
    const struct key_range *ranges; /* ascending, disjoint */
    size_t range_count;
    struct slice where; /* a copy: predicates may borrow from their text */
    struct met *met;
    size_t met_count;
    size_t met_room;
};

/* ---- Columns ---- */

/* Add column `at` behind the others unless it is there. */
static void add_column(struct plan *plan, bool *present, size_t at)
{
    if (present[at])
        return;
    present[at] = true;
    plan->columns[plan->column_count++] = at;
}

static slp_rc choose_given(struct planner *p, const struct query_options *o, bool *present,
                           struct slp_err *err)
{
    struct plan *plan = p->plan;
    if (!o->columns) {
        for (size_t i = 0; i < p->seen->count; i++)
            add_column(plan, present, i);
        return SLP_OK;
    }
    if (o->column_count == 0)
        FAIL(err, INVALID, "no columns are asked for");
    for (size_t i = 0; i < o->column_count; i++) {
        size_t at = 0;
        TRY(arr_schema_require(p->seen, o->columns[i], &at, err));
        if (present[at])
            FAIL(err, INVALID, "column \"%.*s\" is asked for twice", SLICE_ARG(o->columns[i]));
        add_column(plan, present, at);
    }
    return SLP_OK;
}

static slp_rc subset(struct planner *p, const struct arr_schema *from, const size_t *columns,
                     size_t count, struct arr_schema *out, struct slp_err *err)
{
    struct plan *plan = p->plan;
    TRY(arena_array(&plan->arena, count, sizeof *out->fields, (void **)&out->fields, err));
    for (size_t i = 0; i < count; i++) {
        struct arr_field *field = &out->fields[i];
        *field = from->fields[columns[i]];
        struct slice name = slice_str(field->name);
        TRY(arena_text(&plan->arena, name, &field->name, err));
    }
    out->count = count;
    return SLP_OK;
}

/* Columns to give, then those that only the predicate reads; the predicate is bound to what is
 * read. */
static slp_rc choose_read(struct planner *p, const struct query_options *o, bool *present,
                          const struct pred *where, struct slp_err *err)
{
    struct plan *plan = p->plan;
    bool *used = NULL;
    TRY(arena_array(&plan->arena, p->seen->count, sizeof *used, (void **)&used, err));
    if (where)
        pred_columns(where, used);
    for (size_t i = 0; i < p->seen->count; i++)
        if (used[i])
            add_column(plan, present, i);
    if (plan->column_count == 0) /* a batch needs a column to have rows */
        add_column(plan, present, p->schema->key_columns[0]);
    TRY(subset(p, p->seen, plan->columns, plan->column_count, &plan->read_schema, err));
    for (size_t i = 0; i < plan->given_count; i++)
        plan->given[i] = i;
    if (!where)
        return SLP_OK;
    return pred_compile(p->where, &plan->read_schema, o->params, o->param_count, &plan->arena,
                        &plan->pred, err);
}

/* What files of a form are read for, where columns of the table are wanted and keys are read anyhow. */
static slp_rc choose_of_form(struct planner *p, const bool *wanted, unsigned form,
                             struct slp_err *err)
{
    struct plan *plan = p->plan;
    struct plan_columns *to = &plan->stored[form];
    const struct schema *stored = NULL;
    bool *need = NULL;
    TRY(process_schema(p->table, plan->process, form, &stored, err));
    size_t all = stored->columns.count;
    TRY(arena_array(&plan->arena, all, sizeof *need, (void **)&need, err));
    TRY(arena_array(&plan->arena, all, sizeof *to->columns, (void **)&to->columns, err));
    memcpy(need, wanted, p->schema->columns.count * sizeof *need);
    for (size_t i = 0; i < p->schema->key_count; i++)
        need[p->schema->key_columns[i]] = true;
    if (plan->process)
        process_needs(plan->process, form, need);
    for (size_t i = 0; i < all; i++)
        if (need[i])
            to->columns[to->count++] = i;
    if (to->count == all)
        *to = (struct plan_columns){0};
    return SLP_OK;
}

/* Columns that processing needs so that those that are wanted of what it yields are right. */
static slp_rc choose_stored(struct planner *p, const bool *wanted, struct slp_err *err)
{
    struct plan *plan = p->plan;
    bool *used = NULL;
    bool is_met[STACK_FORMS] = {false};
    size_t count = p->schema->columns.count;
    TRY(arena_array(&plan->arena, count, sizeof *used, (void **)&used, err));
    if (plan->iters)
        TRY(stack_iters_needs(plan->iters, wanted, &plan->arena, used, err));
    else
        memcpy(used, wanted, count * sizeof *used);
    for (size_t i = 0; i < plan->file_count; i++) {
        unsigned form = plan->files[i].form;
        if (!is_met[form])
            TRY(choose_of_form(p, used, form, err));
        is_met[form] = true;
    }
    return SLP_OK;
}

static slp_rc choose_columns(struct planner *p, const struct query_options *o, bool count_only,
                             const struct pred *where, struct slp_err *err)
{
    struct plan *plan = p->plan;
    size_t all = p->seen->count;
    bool *present = NULL;
    TRY(arena_array(&plan->arena, all, sizeof *present, (void **)&present, err));
    TRY(arena_array(&plan->arena, all, sizeof *plan->columns, (void **)&plan->columns, err));
    TRY(arena_array(&plan->arena, all, sizeof *plan->given, (void **)&plan->given, err));
    if (!count_only)
        TRY(choose_given(p, o, present, err));
    plan->given_count = plan->column_count;
    TRY(subset(p, p->seen, plan->columns, plan->given_count, &plan->given_schema, err));
    if (!plan->is_processed)
        return choose_read(p, o, present, where, err);
    memcpy(plan->given, plan->columns, plan->given_count * sizeof *plan->given);
    plan->columns = NULL;
    plan->column_count = 0;
    plan->read_schema = *p->seen;
    plan->pred = where;
    if (where)
        pred_columns(where, present);
    return choose_stored(p, present, err);
}

/* ---- Processing ---- */

/* Do rows change on their way? A purge that all files have gone through is none. */
static bool is_processed(const struct plan *plan)
{
    if (plan->iters)
        return true;
    if (!plan->process)
        return false;
    struct stack_options o = {.mode = STACK_QUERY, .form = plan->form};
    if (!stack_is_identity(process_stack(plan->process), &o))
        return true;
    for (size_t i = 0; i < plan->file_count; i++)
        if (plan->files[i].purge_count > 0)
            return true;
    return false;
}

static slp_rc choose_processing(struct planner *p, const struct query_options *o,
                                struct slp_err *err)
{
    struct plan *plan = p->plan;
    TRY(process_open(p->table, plan->mem, &plan->process, err));
    return process_iters(p->table, o->iterators, o->iterator_count, plan->mem, &plan->iters, err);
}

/* ---- Key ranges ---- */

/* The intersections of two ascending lists of disjoint intervals. */
static slp_rc intersect(struct planner *p, const struct key_range *a, size_t a_count,
                        const struct key_range *b, size_t b_count, struct slp_err *err)
{
    struct key_range *out = NULL;
    size_t n = 0;
    TRY(arena_array(&p->plan->arena, a_count + b_count, sizeof *out, (void **)&out, err));
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        struct key_range both = key_range_clip(a[i], b[j]);
        if (!key_range_is_empty(both))
            out[n++] = both;
        bool a_ends_first = a[i].has_hi && (!b[j].has_hi || slice_compare(a[i].hi, b[j].hi) <= 0);
        if (a_ends_first)
            i++;
        else
            j++;
    }
    p->ranges = out;
    p->range_count = n;
    return SLP_OK;
}

/* Leave out keys of which the predicate is never TRUE; `spec` says where its columns have keys. */
static slp_rc narrow(struct planner *p, const struct pred *where, const struct key_spec *spec,
                     struct slp_err *err)
{
    struct key_range *by_pred = NULL;
    size_t count = 0;
    TRY(pred_key_ranges(where, spec, &p->plan->arena, &by_pred, &count, err));
    return intersect(p, p->ranges, p->range_count, by_pred, count, err);
}

/* By the ranges that are asked for, by what filters among the iterators say of key fields that reach
 * them as they are, and by what the predicate says of those that reach the end. */
static slp_rc choose_ranges(struct planner *p, const struct query_options *o,
                            const struct pred *where, struct slp_err *err)
{
    static const struct key_range everything = {.has_hi = false};
    const struct stack_iters *iters = p->plan->iters;
    struct key_spec spec = *state_table_key_spec(p->table);
    p->ranges = o->ranges ? o->ranges : &everything;
    p->range_count = o->ranges ? o->range_count : 1;
    for (size_t i = 0; iters && i <= stack_iters_count(iters); i++) {
        stack_iters_keys(iters, i, state_table_key_spec(p->table), &spec);
        if (i < stack_iters_count(iters) && stack_iters_where(iters, i))
            TRY(narrow(p, stack_iters_where(iters, i), &spec, err));
    }
    return where ? narrow(p, where, &spec, err) : SLP_OK;
}

/* ---- Pieces ---- */

static slp_rc meet(struct planner *p, const struct state_file *file, struct plan_part *part,
                   struct slp_err *err)
{
    if (p->met_count == p->met_room) {
        size_t room = p->met_room ? p->met_room * 2 : 64;
        void *more = NULL;
        TRY(arena_array(&p->plan->arena, room, sizeof *p->met, &more, err));
        if (p->met_count)
            memcpy(more, p->met, p->met_count * sizeof *p->met);
        p->met = more;
        p->met_room = room;
    }
    p->met[p->met_count++] = (struct met){.file = file, .part = part};
    return SLP_OK;
}

static int compare_met(const void *a, const void *b)
{
    const struct met *x = a;
    const struct met *y = b;
    return state_id_compare(x->file->id, y->file->id);
}

static slp_rc copy_file(struct planner *p, const struct state_file *live, struct plan_file *f,
                        struct slp_err *err)
{
    struct plan *plan = p->plan;
    struct state_name object;
    const struct state_position tip = {.frame = UINT64_MAX, .index = UINT32_MAX};
    f->id = live->id;
    f->info = live->info;
    TRY(state_table_object(p->table, live->name, &object, err));
    TRY(arena_copy(&plan->arena, state_name_slice(&object), &f->object, err));
    TRY(arena_copy(&plan->arena, live->info.first_key, &f->info.first_key, err));
    TRY(arena_copy(&plan->arena, live->info.last_key, &f->info.last_key, err));
    f->form = process_form(live->stack);
    plan->form |= f->form;
    if (!plan->process)
        return SLP_OK;
    return process_purges(plan->process, live->purged_through, tip, &plan->arena, &f->purges,
                          &f->purge_count, err);
}

/* The files that parts were made of, ascending by id, each once. */
static slp_rc copy_files(struct planner *p, struct slp_err *err)
{
    struct plan *plan = p->plan;
    TRY(arena_array(&plan->arena, p->met_count, sizeof *plan->files, (void **)&plan->files, err));
    if (p->met_count)
        qsort(p->met, p->met_count, sizeof *p->met, compare_met);
    for (size_t i = 0; i < p->met_count; i++) {
        if (i == 0 || compare_met(&p->met[i - 1], &p->met[i]) != 0)
            TRY(copy_file(p, p->met[i].file, &plan->files[plan->file_count++], err));
        p->met[i].part->file = plan->file_count - 1;
    }
    return SLP_OK;
}

static slp_rc make_piece(struct planner *p, struct key_range range, struct plan_piece *out,
                         struct slp_err *err)
{
    struct plan *plan = p->plan;
    const struct state_reference **refs = NULL;
    size_t count = 0;
    TRY(state_references_meeting(p->view, range, &plan->arena, &refs, &count, err));
    TRY(arena_array(&plan->arena, count, sizeof *out->parts, (void **)&out->parts, err));
    for (size_t i = 0; i < count; i++) {
        struct key_range clipped = key_range_clip(refs[i]->range, range);
        struct plan_part *part = &out->parts[out->part_count];
        if (key_range_is_empty(clipped))
            continue;
        part->known_rows = state_reference_rows(refs[i], range);
        TRY(key_range_copy(&plan->arena, clipped, &part->range, err));
        TRY(meet(p, refs[i]->file, part, err));
        out->part_count++;
    }
    plan->considered += out->part_count;
    return SLP_OK;
}

/* One piece for each leaf that an interval meets: leaves and intervals ascend, so pieces do. */
static slp_rc make_pieces(struct planner *p, struct slp_err *err)
{
    struct plan *plan = p->plan;
    size_t room = 0;
    for (size_t r = 0; r < p->range_count; r++) {
        size_t first = 0;
        size_t end = 0;
        state_leaves_meeting(p->view, p->ranges[r], &first, &end);
        room += end - first;
    }
    TRY(arena_array(&plan->arena, room, sizeof *plan->pieces, (void **)&plan->pieces, err));
    for (size_t r = 0; r < p->range_count; r++) {
        size_t first = 0;
        size_t end = 0;
        state_leaves_meeting(p->view, p->ranges[r], &first, &end);
        for (size_t leaf = first; leaf < end; leaf++) {
            struct key_range range =
                key_range_clip(p->ranges[r], state_leaf_at(p->view, leaf)->range);
            SLP_INVARIANT(plan->piece_count < room);
            struct plan_piece *piece = &plan->pieces[plan->piece_count];
            TRY(make_piece(p, range, piece, err));
            plan->piece_count += piece->part_count > 0;
        }
    }
    return SLP_OK;
}

static slp_rc make(struct planner *p, const struct query_options *o, bool count_only,
                   struct slp_err *err)
{
    struct plan *plan = p->plan;
    const struct pred *where = NULL;
    TRY(choose_processing(p, o, err));
    p->seen = plan->iters ? stack_iters_schema(plan->iters) : &p->schema->columns;
    TRY(arena_copy(&plan->arena, o->where, &p->where, err));
    if (o->where.len)
        TRY(pred_compile(p->where, p->seen, o->params, o->param_count, &plan->arena, &where, err));
    TRY(choose_ranges(p, o, where, err));
    TRY(make_pieces(p, err));
    TRY(copy_files(p, err));
    plan->is_processed = is_processed(plan);
    return choose_columns(p, o, count_only, where, err);
}

slp_rc query_hull(struct state_table *table, const struct query_options *o, struct arena *arena,
                  struct key_range *out, struct slp_err *err)
{
    struct plan plan = {.mem = arena->mem};
    struct planner p = {.plan = &plan, .table = table, .schema = state_table_schema(table)};
    const struct pred *where = NULL;
    slp_rc rc = SLP_OK;
    struct key_range hull = {.has_hi = true};
    p.view = state_table_view(table);
    arena_init(&plan.arena, arena->mem, PLAN_MAX_BYTES);
    if (state_is_created(p.view)) /* else it is only being opened */
        TRY_OUT(choose_processing(&p, o, err));
    p.seen = plan.iters ? stack_iters_schema(plan.iters) : &p.schema->columns;
    if (o->where.len)
        TRY_OUT(
            pred_compile(o->where, p.seen, o->params, o->param_count, &plan.arena, &where, err));
    TRY_OUT(choose_ranges(&p, o, where, err));
    if (p.range_count) {
        hull.lo = p.ranges[0].lo;
        hull.hi = p.ranges[p.range_count - 1].hi;
        hull.has_hi = p.ranges[p.range_count - 1].has_hi;
    }
    rc = key_range_copy(arena, hull, out, err);
out:
    query_plan_fini(&plan);
    return rc;
}

slp_rc query_plan_make(struct state_table *table, const struct query_options *options,
                       bool count_only, struct alloc *mem, struct plan *out, struct slp_err *err)
{
    *out = (struct plan){.mem = mem};
    arena_init(&out->arena, mem, PLAN_MAX_BYTES);
    struct planner p = {.plan = out,
                        .table = table,
                        .view = state_table_view(table),
                        .schema = state_table_schema(table)};
    slp_rc rc = make(&p, options, count_only, err);
    if (rc != SLP_OK)
        query_plan_fini(out);
    return rc;
}

void query_plan_fini(struct plan *p)
{
    stack_iters_free(p->iters);
    process_close(p->process);
    arena_fini(&p->arena);
}
