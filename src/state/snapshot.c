#include "base/num.h"
#include "state/bug.h"
#include "state/snapshot_priv.h"

#define VERSION    1u
#define HEAD_BYTES 12u

static const struct state_wire_field file_fields[] = {
    ONE(1, ID, "id", struct snap_file, id),
    {.id = 3,
     .type = STATE_WIRE_SHAPE,
     .name = "entry",
     .offset = offsetof(struct snap_file, entry),
     .of = &state_file_shape},
    ONE(5, ID, "low", struct snap_file, low),
    ONE(7, ID, "high", struct snap_file, high),
    ONE(9, I64, "time_us", struct snap_file, time_us),
    ONE(11, U64, "log_offset", struct snap_file, entry.body_offset),
};
const struct state_shape state_snap_file_shape = SHAPE("a file", struct snap_file, file_fields);

static const struct state_wire_field job_fields[] = {
    ONE(1, ID, "id", struct snap_job, id),
    ONE(3, U32, "attempt", struct snap_job, attempt),
    ONE(5, I64, "deadline_us", struct snap_job, deadline_us),
    ONE(7, RANGE_LO, "lo", struct snap_job, range),
    ONE(9, RANGE_HI, "hi", struct snap_job, range),
    ONE(11, ID, "low", struct snap_job, low),
    ONE(13, ID, "high", struct snap_job, high),
    ONE(15, U32, "inputs", struct snap_job, inputs),
    ONE(17, U32, "kind", struct snap_job, kind),
    ONE(19, U32, "extension", struct snap_job, extension),
    ONE(21, POSITION, "assigned", struct snap_job, assigned),
    ONE(23, BOOL, "drops_deletes", struct snap_job, drops_deletes),
};
const struct state_shape state_snap_job_shape = SHAPE("a job", struct snap_job, job_fields);

slp_rc state_snap_write(const uint8_t magic[8], const struct state_shape *shape, const void *value,
                        struct buf *out, struct slp_err *err)
{
    buf_clear(out);
    TRY(buf_append(out, magic, 8, err));
    TRY(buf_append_u32le(out, VERSION, err));
    return state_wire_write(shape, value, out, err);
}

slp_rc state_snap_read(const uint8_t magic[8], const struct state_shape *shape, struct slice bytes,
                       struct arena *arena, void *value, struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, 8) != 0)
        FAIL(err, CORRUPT, "%s of a snapshot: its magic is missing at offset 0", shape->name);
    uint32_t version = num_load_u32le(bytes.ptr + 8);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED,
             "snapshot of format %u at offset 8, this program reads %u; use a newer one", version,
             VERSION);
    return state_wire_read(shape, slice_after(bytes, HEAD_BYTES), HEAD_BYTES, arena, value, err);
}

slp_rc state_snap_show(const uint8_t magic[8], const struct state_shape *shape, struct slice bytes,
                       struct arena *arena, struct show *s, struct slp_err *err)
{
    void *value = NULL;
    TRY(arena_array(arena, 1, shape->bytes, &value, err));
    memset(value, 0, shape->bytes);
    TRY(state_snap_read(magic, shape, bytes, arena, value, err));
    state_wire_show(shape, value, s);
    return SLP_OK;
}

struct snap_file state_snap_file(const struct state_file *f)
{
    return (struct snap_file){.id = f->id,
                              .entry = {.name = f->name,
                                        .info = f->info,
                                        .schema_version = f->schema_version,
                                        .deletes = f->deletes,
                                        .resets = f->resets,
                                        .stack = f->stack,
                                        .purged_through = f->purged_through,
                                        .body_offset = f->log_offset,
                                        .extra = f->extra},
                              .low = state_snap_position(f->low),
                              .high = state_snap_position(f->high),
                              .time_us = f->time_us};
}

slp_rc state_snap_load_file(struct table_state *s, const struct snap_file *from,
                            struct state_entry **out, struct slp_err *err)
{
    if (from->entry.info.rows <= 0 ||
        slice_compare(from->entry.info.first_key, from->entry.info.last_key) > 0)
        FAIL(err, CORRUPT, "a file without rows, or whose first key is above its last");
    struct state_file f = state_file_of(s, &from->entry, from->id);
    f.low = from->low.at;
    f.high = from->high.at;
    f.time_us = from->time_us;
    f.purged_through = from->entry.purged_through;
    return state_entry_new(s->mem, &f, out, err);
}

/* ------------------------------------------------------------------ jobs */

static struct snap_job job_view(const struct state_job *j)
{
    return (struct snap_job){.id = j->id,
                             .attempt = j->attempt,
                             .deadline_us = j->deadline_us,
                             .range = j->range,
                             .low = state_snap_position(j->low),
                             .high = state_snap_position(j->high),
                             .inputs = j->inputs,
                             .kind = j->kind,
                             .extension = j->extension,
                             .assigned = j->assigned,
                             .drops_deletes = j->drops_deletes};
}

/* Does a shard of these keys, or without them the root, have the job's record (rule P4)? */
static bool is_kept_in(const struct state_job *job, const struct key_range *range)
{
    if (STATE_BUG(IMPORT_LOCAL) && job->kind == STATE_JOB_IMPORT)
        return range && range->lo.len == 0;
    return range ? state_job_is_local(job) && key_range_meets(job->range, *range)
                 : !state_job_is_local(job);
}

slp_rc state_snap_jobs(const struct table_state *s, const struct key_range *range,
                       struct arena *arena, const struct snap_job **out, size_t *count,
                       struct slp_err *err)
{
    size_t n = 0;
    void *room = NULL;
    for (size_t i = 0; i < s->job_count; i++)
        n += is_kept_in(s->jobs[i], range);
    TRY(arena_array(arena, n, sizeof(struct snap_job), &room, err));
    struct snap_job *jobs = room;
    n = 0;
    for (size_t i = 0; i < s->job_count; i++) {
        const struct state_job *job = s->jobs[i];
        if (is_kept_in(job, range))
            jobs[n++] = job_view(job);
    }
    *out = jobs;
    *count = n;
    return SLP_OK;
}

/* Where a job of this id stands among the open ones, or belongs. */
static size_t job_place(const struct table_state *s, struct state_id id)
{
    size_t lo = 0;
    size_t hi = s->job_count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (state_id_compare(s->jobs[middle]->id, id) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static bool is_same_job(const struct state_job *job, const struct snap_job *from)
{
    return job->attempt == from->attempt && job->deadline_us == from->deadline_us &&
           job->inputs == from->inputs && slice_equal(job->range.lo, from->range.lo) &&
           job->range.has_hi == from->range.has_hi && slice_equal(job->range.hi, from->range.hi);
}

static slp_rc load_job(struct table_state *s, const struct snap_job *from, struct slp_err *err)
{
    size_t at = job_place(s, from->id);
    if (at < s->job_count && state_id_equal(s->jobs[at]->id, from->id)) {
        if (!is_same_job(s->jobs[at], from))
            FAIL(err, CORRUPT, "two shards of a snapshot say different things of one job");
        return SLP_OK;
    }
    struct state_job *job = NULL;
    TRY(state_grow(s->mem, &s->jobs, &s->job_room, s->job_count + 1, sizeof job, err));
    TRY(alloc_new(s->mem, &job, err));
    memmove(s->jobs + at + 1, s->jobs + at, (s->job_count - at) * sizeof job);
    s->jobs[at] = job;
    s->job_count++;
    job->id = from->id;
    job->attempt = from->attempt;
    job->deadline_us = from->deadline_us;
    job->low = from->low.at;
    job->high = from->high.at;
    job->inputs = from->inputs;
    job->kind = from->kind;
    job->extension = from->extension;
    job->assigned = from->assigned;
    job->drops_deletes = from->drops_deletes;
    return key_range_copy(&s->keys, from->range, &job->range, err);
}

slp_rc state_snap_load_jobs(struct table_state *s, const struct snap_job *jobs, size_t count,
                            struct slp_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (i && state_id_compare(jobs[i - 1].id, jobs[i].id) >= 0)
            FAIL(err, CORRUPT, "job %zu of a snapshot stands out of order", i);
        TRY(load_job(s, &jobs[i], err));
    }
    return SLP_OK;
}
