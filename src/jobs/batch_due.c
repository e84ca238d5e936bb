/* What is due: pure. */
#include <inttypes.h>

#include "base/num.h"
#include "jobs/batch.h"

struct jobs_batch_rules jobs_batch_rules_for(const struct state_table *table)
{
    struct schema_properties p = state_table_properties(table);
    return (struct jobs_batch_rules){
        .least_files = (uint64_t)schema_property_number(&p, SCHEMA_PROPERTY_BATCH_LEAST_FILES),
        .most_files = (uint64_t)schema_property_number(&p, SCHEMA_PROPERTY_BATCH_MOST_FILES),
        .least_bytes = (uint64_t)schema_property_number(&p, SCHEMA_PROPERTY_BATCH_LEAST_BYTES),
        .most_bytes = (uint64_t)schema_property_number(&p, SCHEMA_PROPERTY_BATCH_MOST_BYTES),
        .age_us = schema_property_number(&p, SCHEMA_PROPERTY_BATCH_AGE) * 1000000};
}

struct planner {
    const struct jobs_batch_rules *rules;
    const struct jobs_batch_look *look;
    struct arena *arena;
    struct jobs_batch_plan plan;
    const struct state_submitted **fresh; /* never failed since they were submitted */
    size_t fresh_count;
    uint64_t fresh_bytes;
    int64_t oldest_us;
};

static uint64_t add_bytes(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static slp_rc text_of(struct planner *p, struct buf *text, const char **out, struct slp_err *err)
{
    TRY(arena_text(p->arena, buf_slice(text), out, err));
    buf_clear(text);
    return SLP_OK;
}

/* ------------------------------------------------------------------ files that never failed */

static bool is_enough(const struct planner *p)
{
    return p->fresh_count >= p->rules->least_files && p->fresh_bytes >= p->rules->least_bytes;
}

static bool is_aged(const struct planner *p)
{
    return p->look->now_us - p->oldest_us >= p->rules->age_us;
}

/* The first batch that has room; one that is larger than a batch may be gets a new one. */
static size_t find_room(struct planner *p, const struct state_submitted *f)
{
    for (size_t i = 0; i < p->plan.count; i++) {
        const struct jobs_batch *b = &p->plan.batches[i];
        if (b->count < p->rules->most_files &&
            add_bytes(b->bytes, f->bytes) <= p->rules->most_bytes &&
            state_reading_equal(&b->reading, &f->reading))
            return i;
    }
    p->plan.batches[p->plan.count].reading = f->reading;
    return p->plan.count++;
}

/* In order of age. First which batch each goes to, then the lists, which share one array. */
static slp_rc cut(struct planner *p, const char *why, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(p->arena, p->fresh_count, sizeof(size_t), &room, err));
    size_t *batch_of = room;
    TRY(arena_array(p->arena, p->fresh_count, sizeof(struct state_submitted *), &room, err));
    const struct state_submitted **files = room;
    for (size_t i = 0; i < p->fresh_count; i++) {
        const struct state_submitted *f = p->fresh[i];
        batch_of[i] = find_room(p, f);
        struct jobs_batch *b = &p->plan.batches[batch_of[i]];
        b->since_us = b->count++ ? num_min_i64(b->since_us, f->time_us) : f->time_us;
        b->bytes = add_bytes(b->bytes, f->bytes);
    }
    for (size_t i = 0; i < p->plan.count; i++) {
        struct jobs_batch *b = &p->plan.batches[i];
        b->action = JOBS_BATCH_RUN;
        b->why = why;
        b->files = files;
        files += b->count;
        b->count = 0;
    }
    for (size_t i = 0; i < p->fresh_count; i++) {
        struct jobs_batch *b = &p->plan.batches[batch_of[i]];
        b->files[b->count++] = p->fresh[i];
    }
    return SLP_OK;
}

static slp_rc tell_due(struct planner *p, struct buf *text, struct slp_err *err)
{
    int64_t age_s = (p->look->now_us - p->oldest_us) / 1000000;
    const char *why = NULL;
    if (is_enough(p))
        TRY(buf_printf(text, err, "%zu files and %" PRIu64 " bytes wait", p->fresh_count,
                       p->fresh_bytes));
    else if (is_aged(p))
        TRY(buf_printf(text, err, "one has waited for %" PRId64 " s", age_s));
    else
        TRY(buf_printf(text, err, "all is asked for"));
    TRY(text_of(p, text, &why, err));
    return cut(p, why, err);
}

static slp_rc tell_early(struct planner *p, struct buf *text, struct slp_err *err)
{
    const struct jobs_batch_rules *r = p->rules;
    struct jobs_batch *b = &p->plan.batches[p->plan.count++];
    *b = (struct jobs_batch){.action = JOBS_BATCH_WAIT,
                             .files = p->fresh,
                             .count = p->fresh_count,
                             .bytes = p->fresh_bytes,
                             .since_us = p->oldest_us,
                             .due_us = p->oldest_us + r->age_us};
    TRY(buf_printf(text, err,
                   "%zu of %" PRIu64 " files, %" PRIu64 " of %" PRIu64 " bytes, %" PRId64
                   " of %" PRId64 " s",
                   p->fresh_count, r->least_files, p->fresh_bytes, r->least_bytes,
                   num_max_i64(p->look->now_us - p->oldest_us, 0) / 1000000, r->age_us / 1000000));
    return text_of(p, text, &b->why, err);
}

/* ------------------------------------------------------------------ files that failed */

static slp_rc tell_failed(struct planner *p, const struct state_submitted *f, struct buf *text,
                          struct slp_err *err)
{
    void *room = NULL;
    int64_t due_us = f->failed_us + (int64_t)JOBS_BATCH_RETRY_S * 1000000;
    bool is_asked = p->look->all && f->failed_us < p->look->since_us;
    struct jobs_batch *b = &p->plan.batches[p->plan.count++];
    TRY(arena_array(p->arena, 1, sizeof *b->files, &room, err));
    *b = (struct jobs_batch){.action = f->failures >= JOBS_BATCH_FAILURES_MAX  ? JOBS_BATCH_GIVEN_UP
                                       : is_asked || p->look->now_us >= due_us ? JOBS_BATCH_RUN
                                                                               : JOBS_BATCH_WAIT,
                             .files = room,
                             .count = 1,
                             .bytes = f->bytes,
                             .since_us = f->time_us,
                             .due_us = due_us};
    b->files[0] = f;
    TRY(buf_printf(text, err, "failed %" PRIu32 " time%s: %.*s", f->failures,
                   f->failures == 1 ? "" : "s", SLICE_ARG(f->why)));
    return text_of(p, text, &b->why, err);
}

/* ------------------------------------------------------------------ both */

static slp_rc gather(struct planner *p, const struct table_state *s, struct slp_err *err)
{
    size_t count = state_submitted_count(s);
    void *room = NULL;
    TRY(arena_array(p->arena, count + 1, sizeof *p->plan.batches, &room, err));
    p->plan.batches = room;
    TRY(arena_array(p->arena, count + 1, sizeof(struct state_submitted *), &room, err));
    p->fresh = room;
    p->oldest_us = INT64_MAX;
    for (size_t i = 0; i <= count; i++)
        p->plan.batches[i] = (struct jobs_batch){.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (f->failures > 0 || !state_id_is_none(f->job))
            continue;
        p->fresh[p->fresh_count++] = f;
        p->fresh_bytes = add_bytes(p->fresh_bytes, f->bytes);
        p->oldest_us = num_min_i64(p->oldest_us, f->time_us);
    }
    return SLP_OK;
}

/* In order of what becomes of them; each in the order of the files. */
static slp_rc sort_plan(struct planner *p, struct slp_err *err)
{
    void *room = NULL;
    size_t n = 0;
    TRY(arena_array(p->arena, p->plan.count + 1, sizeof *p->plan.batches, &room, err));
    struct jobs_batch *sorted = room;
    for (int action = JOBS_BATCH_RUN; action <= JOBS_BATCH_GIVEN_UP; action++) {
        for (size_t i = 0; i < p->plan.count; i++)
            if (p->plan.batches[i].action == (enum jobs_batch_action)action)
                sorted[n++] = p->plan.batches[i];
        if (action == JOBS_BATCH_RUN)
            p->plan.run_count = n;
    }
    p->plan.batches = sorted;
    return SLP_OK;
}

slp_rc jobs_batch_due(const struct table_state *s, const struct jobs_batch_rules *rules,
                      const struct jobs_batch_look *look, struct arena *arena,
                      struct jobs_batch_plan *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    struct planner p = {.rules = rules, .look = look, .arena = arena};
    buf_init(&text, arena->mem, 1024);
    TRY_OUT(gather(&p, s, err));
    if (p.fresh_count > 0)
        TRY_OUT(look->all || is_aged(&p) || is_enough(&p) ? tell_due(&p, &text, err)
                                                          : tell_early(&p, &text, err));
    for (size_t i = 0; i < state_submitted_count(s); i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (f->failures > 0 && state_id_is_none(f->job))
            TRY_OUT(tell_failed(&p, f, &text, err));
    }
    TRY_OUT(sort_plan(&p, err));
    *out = p.plan;
out:
    buf_fini(&text);
    return rc;
}

int64_t jobs_batch_next_us(const struct state_table *table)
{
    const struct table_state *s = state_table_view(table);
    struct jobs_batch_rules rules = jobs_batch_rules_for(table);
    int64_t at_us = INT64_MAX;
    for (size_t i = 0; i < state_submitted_count(s); i++) {
        const struct state_submitted *f = state_submitted_at(s, i);
        if (state_id_is_none(f->job) && f->failures < JOBS_BATCH_FAILURES_MAX)
            at_us = num_min_i64(at_us, f->failures
                                           ? f->failed_us + (int64_t)JOBS_BATCH_RETRY_S * 1000000
                                           : f->time_us + rules.age_us);
    }
    for (size_t i = 0; i < state_job_count(s); i++)
        if (state_job_at(s, i)->kind == STATE_JOB_BATCH)
            at_us = num_min_i64(at_us, state_job_at(s, i)->deadline_us);
    return at_us;
}
