#include "query/plan.h"

#include <stdlib.h>

#include "base/num.h"

#define PLAN_MAX_BYTES ((size_t)4 << 30)

struct planner {
    struct plan *plan;
    struct state_table *table;
    const struct table_state *view;
    const struct schema *schema;
    const struct arr_schema *seen;  /* what predicate and columns speak of */
    const struct key_range *ranges; /* ascending, disjoint */
    size_t range_count;
    struct slice where; /* a copy: predicates may borrow from their text */
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
    return SLP_OK;
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

static slp_rc choose_ranges(struct planner *p, const struct query_options *o,
                            const struct pred *over_table, struct slp_err *err)
{
    static const struct key_range everything = {.has_hi = false};
    p->ranges = o->ranges ? o->ranges : &everything;
    p->range_count = o->ranges ? o->range_count : 1;
    if (!over_table)
        return SLP_OK;
    struct key_range *by_pred = NULL;
    size_t count = 0;
    TRY(pred_key_ranges(over_table, state_table_key_spec(p->table), &p->plan->arena, &by_pred,
                        &count, err));
    return intersect(p, p->ranges, p->range_count, by_pred, count, err);
}

/* ---- Pieces ---- */

static int compare_files(const void *a, const void *b)
{
    const struct plan_file *x = a;
    const struct plan_file *y = b;
    return state_id_compare(x->id, y->id);
}

/* All live files, ascending by id; plans look theirs up here. Only those that parts name are ever
 * opened. */
static slp_rc copy_files(struct planner *p, struct slp_err *err)
{
    struct plan *plan = p->plan;
    const struct state_file **live = NULL;
    const struct state_position tip = {.frame = UINT64_MAX, .index = UINT32_MAX};
    TRY(state_files(p->view, &plan->arena, &live, &plan->file_count, err));
    TRY(arena_array(&plan->arena, plan->file_count, sizeof *plan->files, (void **)&plan->files,
                    err));
    for (size_t i = 0; i < plan->file_count; i++) {
        struct state_name object;
        struct plan_file *f = &plan->files[i];
        f->id = live[i]->id;
        f->info = live[i]->info;
        TRY(state_table_object(p->table, live[i]->name, &object, err));
        TRY(arena_copy(&plan->arena, state_name_slice(&object), &f->object, err));
        TRY(arena_copy(&plan->arena, live[i]->info.first_key, &f->info.first_key, err));
        TRY(arena_copy(&plan->arena, live[i]->info.last_key, &f->info.last_key, err));
        f->form = process_form(live[i]->stack);
        plan->form |= f->form;
        if (plan->process)
            TRY(process_purges(plan->process, live[i]->purged_through, tip, &plan->arena,
                               &f->purges, &f->purge_count, err));
    }
    return SLP_OK;
}

static slp_rc make_part(struct planner *p, const struct state_reference *ref,
                        struct key_range range, struct plan_part *out, struct slp_err *err)
{
    struct plan *plan = p->plan;
    struct plan_file wanted = {.id = ref->file->id};
    const struct plan_file *file =
        bsearch(&wanted, plan->files, plan->file_count, sizeof *plan->files, compare_files);
    SLP_INVARIANT(file != NULL);
    out->file = (size_t)(file - plan->files);
    out->known_rows = state_reference_rows(ref, range);
    return key_range_copy(&plan->arena, key_range_clip(ref->range, range), &out->range, err);
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
        if (key_range_is_empty(clipped))
            continue;
        TRY(make_part(p, refs[i], range, &out->parts[out->part_count], err));
        out->part_count++;
    }
    plan->considered += out->part_count;
    return SLP_OK;
}

/* One piece for each leaf that an interval meets: leaves and intervals ascend, so pieces do. */
static slp_rc make_pieces(struct planner *p, struct slp_err *err)
{
    struct plan *plan = p->plan;
    size_t room = state_leaf_count(p->view) + p->range_count;
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
    TRY(copy_files(p, err));
    plan->is_processed = is_processed(plan);
    p->seen = plan->iters ? stack_iters_schema(plan->iters) : &p->schema->columns;
    TRY(arena_copy(&plan->arena, o->where, &p->where, err));
    if (o->where.len)
        TRY(pred_compile(p->where, p->seen, o->params, o->param_count, &plan->arena, &where, err));
    TRY(choose_columns(p, o, count_only, where, err));
    /* Iterators may put anything into the columns that a predicate names. */
    TRY(choose_ranges(p, o, plan->iters ? NULL : where, err));
    return make_pieces(p, err);
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
