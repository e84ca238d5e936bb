#include "ingest/intake.h"

#include "base/num.h"
#include "ingest/ingest.h"
#include "ingest/sorted.h"
#include "ingest/spill.h"
#include "merge/merge.h"

/* A worker spills at this many runs, however small they are. */
#define HELD_RUNS_MAX  (MERGE_INPUTS_MAX / 2)
#define RUNS_MAX_BYTES ((size_t)1 << 30)

struct intake;

struct worker {
    struct intake *in;
    struct arr_batch batch;
    struct ingest_chunk chunk;
    struct ingest_pile pile; /* in place of both, where rows are piled up */
    struct buf held;         /* of struct run * */
    struct buf leaves;       /* one byte a leaf: has rows */
    size_t held_bytes;       /* of held runs, keys too */
    int64_t rows;            /* read */
    uint64_t bytes;          /* of rows read */
    uint64_t part;           /* ordinal of the part being read */
    struct slp_err problem;  /* scratch */
};

struct intake {
    struct alloc *mem;
    const struct ingest_intake_options *o;
    const struct arr_schema *columns; /* of runs */
    const struct key_spec *spec;
    const struct table_state *view;
    struct ingest_spill_options spill;
    struct worker *workers;
    bool piles;           /* rows are piled up */
    size_t piled_bytes;   /* by all workers; atomic */
    struct os_mutex lock; /* guards all below */
    struct os_cond changed;
    size_t reading;              /* workers that may still take parts or hand over chunks */
    size_t idle;                 /* workers that wait for a chunk */
    struct ingest_chunk *handed; /* as many as workers */
    size_t handed_count;
    struct buf spilled; /* of struct run * */
    size_t spill_count;
    slp_rc failed;
    struct slp_err err;
    uint64_t failed_part;
};

static size_t run_count(const struct buf *runs)
{
    return runs->len / sizeof(struct run *);
}

static struct run **runs_of(const struct buf *runs)
{
    return (struct run **)(void *)runs->ptr;
}

static void close_runs(struct buf *runs)
{
    for (size_t i = 0; i < run_count(runs); i++)
        run_close(runs_of(runs)[i]);
    buf_clear(runs);
}

/* Append a run, which is closed when that fails. */
static slp_rc push_run(struct buf *runs, struct run *run, struct slp_err *err)
{
    slp_rc rc = buf_append(runs, &run, sizeof(struct run *), err);
    if (rc != SLP_OK)
        run_close(run);
    return rc;
}

/* ---- Leaves ---- */

/* The first row of a sorted chunk at or behind `from` whose key is not below `key`. */
static int64_t rows_below(const struct ingest_chunk *c, int64_t from, struct slice key)
{
    int64_t low = from;
    int64_t high = c->keys.count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (slice_compare(ingest_chunk_key(c, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void note_leaves(struct worker *w, const struct ingest_chunk *c)
{
    if (w->leaves.len == 0)
        return;
    for (int64_t row = 0; row < c->keys.count;) {
        size_t i = state_leaf_holding(w->in->view, ingest_chunk_key(c, row));
        const struct state_leaf *leaf = state_leaf_at(w->in->view, i);
        w->leaves.ptr[i] = 1;
        if (!leaf->range.has_hi)
            return;
        row = rows_below(c, row, leaf->range.hi);
    }
}

static size_t count_leaves(const struct intake *in)
{
    size_t count = 0;
    for (size_t i = 0; i < in->workers[0].leaves.len; i++) {
        uint8_t seen = 0;
        for (size_t w = 0; w < in->o->budget->workers; w++)
            seen |= in->workers[w].leaves.ptr[i];
        count += seen;
    }
    return count;
}

/* ---- Spilling ---- */

/* Take the list of spilled runs if it is so long that it must become one; else none are taken. */
static slp_rc add_spilled(struct intake *in, struct run *run, struct buf *full, struct slp_err *err)
{
    os_mutex_lock(&in->lock);
    slp_rc rc = push_run(&in->spilled, run, err);
    if (rc == SLP_OK) {
        in->spill_count++;
        if (run_count(&in->spilled) >= in->o->budget->fan_in)
            buf_take(full, &in->spilled);
    }
    os_mutex_unlock(&in->lock);
    return rc;
}

/* Merge runs into a spilled one; the list is blank afterwards. */
static slp_rc spill_list(struct intake *in, struct buf *runs, struct run **out, struct slp_err *err)
{
    slp_rc rc = ingest_spill(in->mem, &in->spill, runs_of(runs), run_count(runs), out, err);
    buf_fini(runs);
    return rc;
}

/* Enter a spilled run; those that are too many become one. */
static slp_rc keep_spilled(struct intake *in, struct run *run, struct slp_err *err)
{
    struct buf full;
    buf_init(&full, in->mem, RUNS_MAX_BYTES);
    TRY(add_spilled(in, run, &full, err));
    while (full.len > 0) {
        TRY(spill_list(in, &full, &run, err));
        TRY(add_spilled(in, run, &full, err));
    }
    return SLP_OK;
}

/* All that a worker holds becomes one spilled run. */
static slp_rc spill_held(struct worker *w, struct slp_err *err)
{
    struct run *run = NULL;
    struct buf runs;
    if (w->held.len == 0)
        return SLP_OK;
    buf_init(&runs, w->in->mem, RUNS_MAX_BYTES);
    buf_take(&runs, &w->held);
    w->held_bytes = 0;
    TRY(spill_list(w->in, &runs, &run, err));
    return keep_spilled(w->in, run, err);
}

/* The oldest run that a worker holds is spilled as it is. */
static slp_rc spill_oldest(struct worker *w, struct slp_err *err)
{
    struct run *oldest = runs_of(&w->held)[0];
    struct run *run = NULL;
    w->held.len -= sizeof(struct run *);
    memmove(w->held.ptr, w->held.ptr + sizeof(struct run *), w->held.len);
    w->held_bytes -= ingest_sorted_bytes(oldest);
    TRY(ingest_spill_sorted(w->in->mem, &w->in->spill, oldest, &run, err));
    return keep_spilled(w->in, run, err);
}

/* Are spilled runs so few that the last merge bears as many again? */
static bool are_few(struct intake *in)
{
    os_mutex_lock(&in->lock);
    bool few = run_count(&in->spilled) < in->o->budget->fan_in / 2;
    os_mutex_unlock(&in->lock);
    return few;
}

/* ---- Piles ---- */

/* Is all that is piled up too much, and this worker's a good part of it? */
static bool is_pile_full(const struct worker *w)
{
    const struct intake *in = w->in;
    const struct ingest_budget *b = in->o->budget;
    size_t all = __atomic_load_n(&in->piled_bytes, __ATOMIC_RELAXED);
    if (w->pile.bytes < all / (2 * b->workers))
        return false;
    if (all >= b->pile_bytes)
        return true;
    return in->o->meter && all >= b->pile_bytes / 4 &&
           ingest_meter_bytes(in->o->meter) >= b->metered_bytes;
}

static slp_rc spill_pile(struct worker *w, struct slp_err *err)
{
    struct run *run = NULL;
    size_t bytes = w->pile.bytes;
    slp_rc rc = ingest_spill_pile(w->in->mem, &w->in->spill, &w->pile, &run, err);
    (void)__atomic_sub_fetch(&w->in->piled_bytes, bytes, __ATOMIC_RELAXED);
    TRY(rc);
    return keep_spilled(w->in, run, err);
}

static slp_rc pile_up(struct worker *w, uint64_t ordinal, struct slp_err *err)
{
    size_t before = w->pile.bytes;
    TRY(ingest_pile_add(&w->pile, &w->batch, ordinal, err));
    if (w->in->o->dry_run) {
        ingest_pile_clear(&w->pile);
        return SLP_OK;
    }
    (void)__atomic_add_fetch(&w->in->piled_bytes, w->pile.bytes - before, __ATOMIC_RELAXED);
    return is_pile_full(w) ? spill_pile(w, err) : SLP_OK;
}

/* ---- Sorting ---- */

/* Must this worker spill what it holds? When its share is full, or all memory: readers that need
 * more than was planned for them leave less to hold. Some is held anyway, so that runs stay few. */
static bool is_full(const struct worker *w)
{
    const struct ingest_budget *b = w->in->o->budget;
    const struct ingest_meter *meter = w->in->o->meter;
    if (w->held_bytes >= b->held_bytes || run_count(&w->held) == HELD_RUNS_MAX)
        return true;
    return meter && w->held_bytes >= b->held_bytes / 4 &&
           ingest_meter_bytes(meter) >= b->metered_bytes;
}

/* While spilled runs are few each is spilled by itself, and no row is merged twice. When they are
 * many what is held is merged first, so that they do not become too many. */
static slp_rc make_room(struct worker *w, struct slp_err *err)
{
    while (w->held.len > 0 && is_full(w)) {
        if (are_few(w->in))
            TRY(spill_oldest(w, err));
        else
            TRY(spill_held(w, err));
    }
    return SLP_OK;
}

static slp_rc sort_and_hold(struct worker *w, struct ingest_chunk *chunk, struct slp_err *err)
{
    struct run *run = NULL;
    if (chunk->rows.rows == 0)
        return SLP_OK;
    if (w->in->o->dry_run) {
        ingest_chunk_clear(chunk);
        return SLP_OK;
    }
    TRY(ingest_chunk_sort(chunk, err));
    note_leaves(w, chunk);
    TRY(ingest_chunk_take(chunk, w->in->spec, w->in->mem, &run, err));
    size_t bytes = ingest_sorted_bytes(run);
    TRY(push_run(&w->held, run, err));
    w->held_bytes += bytes;
    return make_room(w, err);
}

/* Give the chunk to a worker that has nothing to read; false if there is none. */
static bool hand_over(struct worker *w)
{
    struct intake *in = w->in;
    os_mutex_lock(&in->lock);
    bool is_wanted = in->handed_count < in->idle;
    if (is_wanted) {
        in->handed[in->handed_count++] = w->chunk;
        os_cond_broadcast(&in->changed);
    }
    os_mutex_unlock(&in->lock);
    return is_wanted;
}

static slp_rc end_chunk(struct worker *w, struct slp_err *err)
{
    struct intake *in = w->in;
    if (w->chunk.rows.rows == 0 || !hand_over(w))
        return sort_and_hold(w, &w->chunk, err);
    w->chunk = (struct ingest_chunk){0};
    return ingest_chunk_init(&w->chunk, in->mem, in->columns, err);
}

/* ---- Reading ---- */

static void record(struct worker *w, slp_rc rc)
{
    struct intake *in = w->in;
    os_mutex_lock(&in->lock);
    if (in->failed == SLP_OK || w->part < in->failed_part) {
        in->failed = rc;
        in->err = w->problem;
        in->failed_part = w->part;
    }
    os_cond_broadcast(&in->changed);
    os_mutex_unlock(&in->lock);
}

static bool has_failed(struct intake *in)
{
    os_mutex_lock(&in->lock);
    bool failed = in->failed != SLP_OK;
    os_mutex_unlock(&in->lock);
    return failed;
}

/* The more is held, the larger chunks are: so runs stay few. */
static size_t chunk_limit(const struct worker *w)
{
    const struct ingest_budget *b = w->in->o->budget;
    return num_max_size(b->chunk_bytes, num_min_size(w->held_bytes / 8, b->chunk_max));
}

static slp_rc take_batch(struct worker *w, uint64_t ordinal, struct slp_err *err)
{
    if (w->in->o->kinds)
        TRY(ingest_kinds_apply(w->in->o->kinds, &w->batch, err));
    size_t bytes = arr_batch_memory(&w->batch);
    w->rows += w->batch.rows;
    w->bytes += bytes;
    if (w->in->piles)
        return pile_up(w, ordinal, err);
    /* A large batch is sorted as it is, not copied behind a small one. */
    if (w->chunk.rows.rows > 0 && bytes >= w->in->o->budget->batch_bytes / 2)
        TRY(end_chunk(w, err));
    TRY(ingest_chunk_add(&w->chunk, w->in->spec, &w->batch, ordinal, err));
    if (w->in->o->kinds)
        arr_batch_fini(&w->batch); /* its columns are no longer those of the stream */
    if (ingest_chunk_bytes(&w->chunk) >= chunk_limit(w))
        return end_chunk(w, err);
    return SLP_OK;
}

static slp_rc read_part(struct worker *w, struct ingest_part *part, struct slp_err *err)
{
    const volatile int *cancel = w->in->o->cancel;
    int64_t rows = 0;
    for (;;) {
        if (cancel && *cancel)
            FAIL(err, CANCELLED, "cancelled");
        if (has_failed(w->in))
            return SLP_OK;
        slp_rc rc = arr_stream_next(part->stream, &w->batch, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        int64_t more = w->batch.rows;
        if (more > INGEST_ROWS_MAX - rows)
            FAIL(err, LIMIT, "input \"%s\": more than %lld rows in one part", part->path,
                 (long long)INGEST_ROWS_MAX);
        if (more > 0) {
            rc = take_batch(w, part->ordinal + (uint64_t)rows, err);
            if (rc != SLP_OK)
                return err_wrap(err, rc, "input \"%s\", rows from %lld on", part->path,
                                (long long)rows);
        }
        rows += more;
    }
}

static slp_rc read_all(struct worker *w, struct slp_err *err)
{
    struct ingest_feed *feed = w->in->o->feed;
    while (!has_failed(w->in)) {
        struct ingest_part part;
        slp_rc rc = ingest_feed_next(feed, &part, err);
        if (rc == SLP_DONE)
            break;
        TRY(rc);
        w->part = part.ordinal;
        rc = read_part(w, &part, err);
        if (rc != SLP_OK)
            ingest_feed_blame(feed, part.path);
        /* What a stream gave last may borrow its schema. */
        arr_batch_fini(&w->batch);
        ingest_feed_release(feed, &part);
        TRY(rc);
    }
    if (w->in->piles)
        return ingest_pile_end(&w->pile, err);
    return sort_and_hold(w, &w->chunk, err);
}

/* Wait for a chunk that somebody hands over; false when none will come. */
static bool await_chunk(struct intake *in, struct ingest_chunk *out)
{
    os_mutex_lock(&in->lock);
    in->idle++;
    while (in->handed_count == 0 && in->reading > 0 && in->failed == SLP_OK)
        os_cond_wait(&in->changed, &in->lock);
    in->idle--;
    bool found = in->handed_count > 0 && in->failed == SLP_OK;
    if (found)
        *out = in->handed[--in->handed_count];
    os_mutex_unlock(&in->lock);
    return found;
}

static void end_reading(struct intake *in)
{
    os_mutex_lock(&in->lock);
    in->reading--;
    os_cond_broadcast(&in->changed);
    os_mutex_unlock(&in->lock);
}

static slp_rc sort_for_others(struct worker *w, struct slp_err *err)
{
    struct ingest_chunk chunk;
    while (await_chunk(w->in, &chunk)) {
        slp_rc rc = sort_and_hold(w, &chunk, err);
        ingest_chunk_fini(&chunk);
        TRY(rc);
    }
    return SLP_OK;
}

static void work(void *arg)
{
    struct worker *w = arg;
    slp_rc rc = read_all(w, &w->problem);
    end_reading(w->in);
    if (rc == SLP_OK && !w->in->piles) {
        ingest_chunk_fini(&w->chunk);
        rc = sort_for_others(w, &w->problem);
    }
    if (rc != SLP_OK)
        record(w, rc);
}

/* ---- All of it ---- */

static slp_rc init_worker(struct intake *in, struct worker *w, struct slp_err *err)
{
    w->in = in;
    buf_init(&w->held, in->mem, RUNS_MAX_BYTES);
    buf_init(&w->leaves, in->mem, SIZE_MAX / 4);
    size_t leaves = state_leaf_count(in->view);
    if (leaves > 1)
        TRY(buf_resize(&w->leaves, leaves, err));
    if (in->piles)
        return ingest_pile_init(&w->pile, in->mem, in->columns, in->spec, err);
    return ingest_chunk_init(&w->chunk, in->mem, in->columns, err);
}

static slp_rc start(struct intake *in, struct slp_err *err)
{
    void *p = NULL;
    size_t count = in->o->budget->workers;
    TRY(alloc_array(in->mem, count, sizeof *in->workers, &p, err));
    in->workers = p;
    TRY(alloc_array(in->mem, count, sizeof *in->handed, &p, err));
    in->handed = p;
    in->reading = count;
    for (size_t i = 0; i < count; i++)
        TRY(init_worker(in, &in->workers[i], err));
    return SLP_OK;
}

static slp_rc run_workers(struct intake *in, struct slp_err *err)
{
    size_t count = in->o->budget->workers;
    if (count == 1) {
        work(&in->workers[0]);
    } else {
        struct os_pool *pool = NULL;
        TRY(os_pool_new(in->mem, count, &pool, err));
        for (size_t i = 0; i < count; i++)
            os_pool_submit(pool, work, &in->workers[i]);
        os_pool_free(pool);
    }
    if (in->failed != SLP_OK && err)
        *err = in->err;
    return in->failed;
}

/* Memory that the last merge takes for its inputs must fit beside what is held. */
static bool must_spill(const struct intake *in)
{
    const struct ingest_budget *b = in->o->budget;
    size_t held = 0;
    size_t runs = run_count(&in->spilled);
    size_t bytes = runs * ingest_spilled_bytes(b);
    for (size_t i = 0; i < b->workers; i++) {
        held += in->workers[i].held_bytes;
        runs += run_count(&in->workers[i].held);
    }
    return runs > MERGE_INPUTS_MAX || held + bytes > b->workers * (b->held_bytes + b->chunk_max);
}

/* Piles and what merges spilled runs must fit; else all is spilled. */
static slp_rc collect_piles(struct intake *in, struct ingest_rows *out, struct slp_err *err)
{
    const struct ingest_budget *b = in->o->budget;
    size_t runs = run_count(&in->spilled);
    size_t readers = runs * ingest_spilled_bytes(b);
    bool spill = runs > 0 && in->piled_bytes + readers > b->pile_bytes;
    void *room = NULL;
    TRY(alloc_array(in->mem, b->workers, sizeof(struct ingest_pile *), &room, err));
    out->piles = room;
    out->pile_room = b->workers;
    for (size_t i = 0; i < b->workers; i++) {
        struct worker *w = &in->workers[i];
        out->rows += w->rows;
        out->bytes += w->bytes;
        if (spill && w->pile.rows > 0)
            TRY(spill_pile(w, err));
        if (w->pile.rows == 0)
            continue;
        struct ingest_pile *pile = NULL;
        TRY(alloc_new(in->mem, &pile, err));
        *pile = w->pile;
        w->pile = (struct ingest_pile){.rows = 0};
        out->held_bytes += pile->bytes;
        out->piles[out->pile_count++] = pile;
    }
    return SLP_OK;
}

static slp_rc collect_held(struct intake *in, struct ingest_rows *out, struct slp_err *err)
{
    bool spill = must_spill(in);
    for (size_t i = 0; i < in->o->budget->workers; i++) {
        struct worker *w = &in->workers[i];
        if (spill)
            TRY(spill_held(w, err));
        TRY(buf_append_slice(&out->runs, buf_slice(&w->held), err));
        out->held_bytes += w->held_bytes;
        buf_clear(&w->held);
        out->rows += w->rows;
        out->bytes += w->bytes;
    }
    return SLP_OK;
}

static slp_rc collect(struct intake *in, struct ingest_rows *out, struct slp_err *err)
{
    TRY(in->piles ? collect_piles(in, out, err) : collect_held(in, out, err));
    TRY(buf_append_slice(&out->runs, buf_slice(&in->spilled), err));
    buf_clear(&in->spilled);
    out->leaves = count_leaves(in);
    out->spilled_runs = in->spill_count;
    return SLP_OK;
}

static void finish(struct intake *in)
{
    for (size_t i = 0; in->workers && i < in->o->budget->workers; i++) {
        struct worker *w = &in->workers[i];
        close_runs(&w->held);
        buf_fini(&w->held);
        buf_fini(&w->leaves);
        ingest_chunk_fini(&w->chunk);
        ingest_pile_fini(&w->pile);
        arr_batch_fini(&w->batch);
    }
    for (size_t i = 0; i < in->handed_count; i++)
        ingest_chunk_fini(&in->handed[i]);
    close_runs(&in->spilled);
    buf_fini(&in->spilled);
    alloc_free(in->mem, in->handed, in->o->budget->workers * sizeof *in->handed);
    alloc_free(in->mem, in->workers, in->o->budget->workers * sizeof *in->workers);
    os_cond_fini(&in->changed);
    os_mutex_fini(&in->lock);
}

slp_rc ingest_intake(struct alloc *mem, const struct ingest_intake_options *options,
                     struct ingest_rows *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ingest_rows rows = {.mem = mem};
    struct intake in = {.mem = mem,
                        .o = options,
                        .columns = options->kinds ? options->kinds->rows
                                                  : &state_table_schema(options->table)->columns,
                        .spec = state_table_key_spec(options->table),
                        .view = state_table_view(options->table)};
    in.spill = (struct ingest_spill_options){.folder = options->temp_folder,
                                             .schema = in.columns,
                                             .spec = in.spec,
                                             .block_bytes = options->budget->block_bytes,
                                             .cancel = options->cancel};
    in.piles = options->may_pile && !options->kinds && state_leaf_count(in.view) == 1;
    os_mutex_init(&in.lock);
    os_cond_init(&in.changed);
    buf_init(&in.spilled, mem, RUNS_MAX_BYTES);
    buf_init(&rows.runs, mem, RUNS_MAX_BYTES);
    TRY_OUT(start(&in, err));
    TRY_OUT(run_workers(&in, err));
    TRY_OUT(collect(&in, &rows, err));
    *out = rows;
    rows = (struct ingest_rows){0};
out:
    ingest_rows_fini(&rows);
    finish(&in);
    return rc;
}

void ingest_rows_fini(struct ingest_rows *r)
{
    close_runs(&r->runs);
    buf_fini(&r->runs);
    for (size_t i = 0; i < r->pile_count; i++) {
        ingest_pile_fini(r->piles[i]);
        alloc_delete(r->mem, r->piles[i]);
    }
    if (r->piles)
        alloc_free(r->mem, (void *)r->piles, r->pile_room * sizeof *r->piles);
    *r = (struct ingest_rows){0};
}
