#include "parquet/spans.h"

#include "base/num.h"

static slp_rc check_ranges(const struct pq_meta *m, const struct pq_read_options *o,
                           struct slp_err *err)
{
    int64_t end = 0;
    for (size_t i = 0; o->ranges && i < o->range_count; i++) {
        struct pq_row_range r = o->ranges[i];
        if (r.lo < end || r.hi < r.lo || r.hi > m->rows)
            FAIL(err, INVALID, "rows %lld to %lld: ranges ascend, and the file has %lld rows",
                 (long long)r.lo, (long long)r.hi, (long long)m->rows);
        end = r.hi;
    }
    return SLP_OK;
}

slp_rc pq_check_options(const struct pq_meta *m, const struct pq_read_options *o,
                        struct slp_err *err)
{
    if (o->first_group > m->group_count || o->group_count > m->group_count - o->first_group)
        FAIL(err, INVALID, "row groups %zu and %zu more, the file has %zu", o->first_group,
             o->group_count, m->group_count);
    for (size_t i = 0; o->columns && i < o->column_count; i++) {
        if (o->columns[i] >= m->schema.count)
            FAIL(err, INVALID, "column %zu, the file has %zu", o->columns[i], m->schema.count);
    }
    if (o->batch_rows < 0)
        FAIL(err, INVALID, "batches of %lld rows", (long long)o->batch_rows);
    return check_ranges(m, o, err);
}

/* Go on with the next range if one ends. */
static void settle(struct pq_spans *s)
{
    if (s->at < s->count && s->row >= s->ranges[s->at].hi)
        s->at++;
    if (s->at < s->count)
        s->row = num_max_i64(s->row, s->ranges[s->at].lo);
}

slp_rc pq_spans_init(struct pq_spans *s, const struct pq_meta *meta,
                     const struct pq_read_options *o, struct alloc *mem, struct slp_err *err)
{
    struct pq_spans fresh = {.mem = mem, .meta = meta, .group_first = -1};
    struct pq_row_range all = {0};
    size_t end_group = o->group_count ? o->first_group + o->group_count : meta->group_count;
    for (size_t i = 0; i < end_group; i++) {
        if (i < o->first_group)
            all.lo += meta->groups[i].rows;
        all.hi += meta->groups[i].rows;
    }
    fresh.room = o->ranges ? o->range_count : 1;
    TRY(alloc_array(mem, fresh.room, sizeof *fresh.ranges, (void **)&fresh.ranges, err));
    for (size_t i = 0; i < fresh.room; i++) {
        struct pq_row_range r = o->ranges ? o->ranges[i] : all;
        r.lo = num_max_i64(r.lo, all.lo);
        r.hi = num_min_i64(r.hi, all.hi);
        if (r.lo < r.hi)
            fresh.ranges[fresh.count++] = r;
    }
    settle(&fresh);
    *s = fresh;
    return SLP_OK;
}

void pq_spans_fini(struct pq_spans *s)
{
    if (s->mem)
        alloc_free(s->mem, s->ranges, s->room * sizeof *s->ranges);
    *s = (struct pq_spans){0};
}

bool pq_spans_has_more(const struct pq_spans *s)
{
    return s->at < s->count;
}

bool pq_spans_begin_group(struct pq_spans *s)
{
    assert(pq_spans_has_more(s));
    if (s->group_first >= 0 && s->row < s->group_end)
        return false;
    if (s->group_first < 0) {
        s->group_first = 0;
        s->group_end = s->meta->groups[0].rows;
    }
    while (s->row >= s->group_end) {
        s->group++;
        s->group_first = s->group_end;
        s->group_end += s->meta->groups[s->group].rows;
    }
    return true;
}

bool pq_spans_is_whole(const struct pq_spans *s)
{
    return s->row == s->group_first && s->ranges[s->at].hi >= s->group_end;
}

bool pq_spans_next(struct pq_spans *s, int64_t most, struct pq_row_range *out)
{
    if (!pq_spans_has_more(s) || s->row >= s->group_end)
        return false;
    int64_t end = num_min_i64(s->ranges[s->at].hi, s->group_end);
    end = num_min_i64(end, s->row + most);
    *out = (struct pq_row_range){s->row - s->group_first, end - s->group_first};
    s->row = end;
    settle(s);
    return true;
}

int64_t pq_spans_more_to(const struct pq_spans *s, int64_t row)
{
    if (!pq_spans_has_more(s) || s->row != s->group_first + row || s->row >= s->group_end)
        return row;
    return num_min_i64(s->ranges[s->at].hi, s->group_end) - s->group_first;
}
