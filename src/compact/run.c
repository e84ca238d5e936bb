#include "compact/run.h"

#include <assert.h>
#include <inttypes.h>

#include "base/num.h"
#include "compact/inputs.h"
#include "compact/reader.h"
#include "os/thread.h"

/*
 * One thread takes one stretch after the other and writes each group as it is made. Several take
 * stretches in order, and the caller's thread writes their groups, in order:
 *
 *   stretch     0        1        2        3 ...       copied or merged, see stretch.h
 *   slot        0        1        2        0           threads + 1 of them
 *   groups    [a][b]   [c][d]   [e]                    written: a b c d e ...
 *
 * A slot has everything that merging needs of its own: open files, rows being gathered, groups. So
 * threads meet only where a group is handed on. A slot that is ahead waits when it holds
 * SLOT_GROUPS; the oldest never waits long, since its groups are what is written next. One slot
 * more than threads keeps all of them busy while the oldest stretch ends.
 *
 * The lock guards what is marked below; the rest of a slot belongs to the thread that merges its
 * stretch, and to the caller's before that begins and after it is done.
 */

#define SLOT_GROUPS    4u
#define STRETCH_GROUPS 2

#define PREFETCH_MIN_BYTES ((size_t)64 << 10)
#define PREFETCH_MAX_BYTES ((size_t)512 << 10)

#define GROUP_MIN_BYTES ((size_t)512 << 10)

/* A block has some 32 KiB a column, and half as much again for offsets and keys. */
#define BLOCK_COLUMN_BYTES ((size_t)48 << 10)

/* What decompresses the pages of one input. */
#define DECODER_BYTES ((size_t)128 << 10)

/* Pages are read and written in so many times fewer bytes than rows with their keys take in memory,
 * as a guess. */
#define RAW_PER_ENCODED 4u

/* Files open at once, far enough below the usual limit of 1,024 handles. */
#define OPEN_FILES_MAX 768u
#define THREADS_MAX    64u

/* A footer, which is read to copy blocks, may have this part of the memory in the file; unpacked it
 * takes some times as much. */
#define FOOTER_SHARE 64u

/* A merge is asked for so many rows at a time: how soon a cancelled job notices. */
#define STEP_ROWS 16384

struct slot {
    struct team *team;
    struct compact_inputs inputs;
    const struct compact_stretch *stretch;
    struct arr_batch rows; /* of the group being made; memory is kept */
    struct datafile_group *groups[SLOT_GROUPS];
    struct output_form forms[SLOT_GROUPS]; /* of these groups */
    size_t made;                           /* groups of this stretch; under the lock */
    size_t written;                        /* of these; under the lock */
    bool is_done;                          /* under the lock */
};

struct team {
    struct state_table *table;
    const struct compact_job *job;
    const struct compact_options *options;
    struct output *out;
    struct alloc *mem;
    struct arena arena;
    struct compact_stretches stretches;
    size_t threads;
    size_t prefetch_bytes;
    size_t group_bytes;
    struct os_pool *pool; /* NULL: one thread */
    struct os_mutex lock;
    struct os_cond changed;
    slp_rc failed; /* the first error; under the lock */
    struct slp_err err;
    struct slot *slots;
    size_t slot_count;
};

/* ---- Making a stretch ---- */

/* Keep the first error; everybody stops then. */
static slp_rc fail_team(struct team *t, slp_rc rc, const struct slp_err *err)
{
    os_mutex_lock(&t->lock);
    if (t->failed == SLP_OK) {
        t->failed = rc;
        t->err = *err;
    }
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
    return rc;
}

/* Wait until the slot may hold another group. */
static slp_rc await_room(struct slot *s)
{
    struct team *t = s->team;
    os_mutex_lock(&t->lock);
    while (t->failed == SLP_OK && s->made - s->written == SLOT_GROUPS)
        os_cond_wait(&t->changed, &t->lock);
    slp_rc rc = t->failed;
    os_mutex_unlock(&t->lock);
    return rc;
}

static slp_rc write_group(struct slot *s, size_t n, struct slp_err *err)
{
    TRY(output_next(s->team->out, &s->forms[n], err));
    return output_group(s->team->out, s->groups[n], err);
}

/* Group `n` is made: write it, or leave it to the thread that writes. */
static slp_rc hand_on(struct slot *s, size_t n, struct slp_err *err)
{
    struct team *t = s->team;
    if (!t->pool)
        return write_group(s, n, err);
    os_mutex_lock(&t->lock);
    s->made++;
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
    return SLP_OK;
}

/* Where rows of a stretch come from: a merge, or what the table's stack makes of one. */
struct rows_of {
    struct merge *merge;
    struct compact_reader reader;
};

/* More rows; none when the stretch is at its end, or the group must be. */
static slp_rc more_rows(struct slot *s, struct rows_of *from, int64_t most, struct slp_err *err)
{
    int64_t step = num_min_i64(most - s->rows.rows, STEP_ROWS);
    if (!from->merge)
        return compact_reader_next(&from->reader, step, &s->rows, err);
    slp_rc rc = merge_next(from->merge, step, s->team->group_bytes, &s->rows, NULL, err);
    return rc == SLP_DONE ? SLP_OK : rc;
}

/* Gather the rows of one group; none when the stretch is at its end. */
static slp_rc fill_group(struct slot *s, struct rows_of *from, struct slp_err *err)
{
    const struct team *t = s->team;
    const int64_t most = output_group_rows(t->out);
    arr_batch_clear(&s->rows);
    while (s->rows.rows < most && arr_batch_memory(&s->rows) < t->group_bytes) {
        int64_t before = s->rows.rows;
        if (t->options->cancel && *t->options->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(more_rows(s, from, most, err));
        if (s->rows.rows == before)
            return SLP_OK;
    }
    return SLP_OK;
}

/* Group `n` of the slot, for rows of a form. */
static slp_rc ready_group(struct slot *s, size_t n, unsigned form, struct slp_err *err)
{
    const struct team *t = s->team;
    const struct schema *schema = NULL;
    TRY(process_schema(t->table, t->job->process, form, &schema, err));
    if (s->groups[n] && s->forms[n].schema != schema) {
        datafile_group_free(s->groups[n]);
        s->groups[n] = NULL;
    }
    s->forms[n] = (struct output_form){.schema = schema, .stack = form};
    if (s->groups[n])
        return SLP_OK;
    return datafile_group_new(t->mem, schema, output_write_options(t->out), &s->groups[n], err);
}

static void count_kinds(struct slot *s, size_t n)
{
    int64_t kinds[STACK_KIND_COUNT];
    if (s->forms[n].stack == 0)
        return;
    stack_count_kinds(&s->rows, s->forms[n].stack, kinds);
    s->forms[n].deletes = kinds[STACK_DELETE];
    s->forms[n].resets = kinds[STACK_RESET];
}

static slp_rc make_groups(struct slot *s, struct rows_of *from, struct slp_err *err)
{
    const struct team *t = s->team;
    for (size_t n = 0;; n++) {
        size_t at = t->pool ? n % SLOT_GROUPS : 0;
        TRY(fill_group(s, from, err));
        if (s->rows.rows == 0)
            return SLP_OK;
        if (t->pool && await_room(s) != SLP_OK)
            return SLP_OK; /* the error is told already */
        TRY(ready_group(s, at, from->reader.form, err));
        TRY(datafile_group_encode(s->groups[at], &s->rows, NULL, err));
        count_kinds(s, at);
        TRY(hand_on(s, at, err));
    }
}

/* A group of the stretch's blocks as they are: the slot holds no other. */
static slp_rc copy_stretch(struct slot *s, bool *done, struct slp_err *err)
{
    TRY(ready_group(s, 0, 0, err));
    TRY(compact_inputs_copy(&s->inputs, s->stretch, s->groups[0], done, err));
    return *done ? hand_on(s, 0, err) : SLP_OK;
}

static slp_rc merge_stretch(struct slot *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_of from = {.merge = NULL};
    if (s->team->job->process)
        TRY(compact_reader_open(&s->inputs, s->stretch->range, &from.reader, err));
    else
        TRY(compact_inputs_merge(&s->inputs, s->stretch->range, &from.merge, err));
    if (from.merge || from.reader.run)
        rc = make_groups(s, &from, err);
    merge_free(from.merge);
    compact_reader_close(&from.reader);
    return rc;
}

static slp_rc make_stretch(struct slot *s, struct slp_err *err)
{
    bool is_copied = false;
    if (s->team->options->cancel && *s->team->options->cancel)
        FAIL(err, CANCELLED, "cancelled");
    if (s->stretch->input != COMPACT_MERGED)
        TRY(copy_stretch(s, &is_copied, err));
    return is_copied ? SLP_OK : merge_stretch(s, err);
}

static void run_slot(void *arg)
{
    struct slot *s = arg;
    struct team *t = s->team;
    struct slp_err err = {.code = SLP_OK};
    slp_rc rc = make_stretch(s, &err);
    if (rc != SLP_OK)
        (void)fail_team(t, rc, &err);
    os_mutex_lock(&t->lock);
    s->is_done = true;
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
}

/* ---- Writing, in order ---- */

/* Wait for the slot's next group; none: the stretch is done, or somebody failed. */
static bool next_group(struct slot *s, size_t *n)
{
    struct team *t = s->team;
    os_mutex_lock(&t->lock);
    while (t->failed == SLP_OK && s->made == s->written && !s->is_done)
        os_cond_wait(&t->changed, &t->lock);
    bool found = t->failed == SLP_OK && s->made > s->written;
    *n = s->written % SLOT_GROUPS;
    os_mutex_unlock(&t->lock);
    return found;
}

static void count_written(struct slot *s)
{
    struct team *t = s->team;
    os_mutex_lock(&t->lock);
    s->written++;
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
}

/* Write a stretch while it is made. Errors are told to the team. */
static slp_rc write_stretch(struct slot *s)
{
    struct team *t = s->team;
    size_t n = 0;
    while (next_group(s, &n)) {
        struct slp_err err = {.code = SLP_OK};
        slp_rc rc = write_group(s, n, &err);
        if (rc != SLP_OK)
            return fail_team(t, rc, &err);
        count_written(s);
    }
    os_mutex_lock(&t->lock);
    slp_rc rc = t->failed;
    os_mutex_unlock(&t->lock);
    return rc;
}

static void submit(struct team *t, size_t number)
{
    struct slot *s = &t->slots[number % t->slot_count];
    s->stretch = &t->stretches.items[number];
    s->made = 0;
    s->written = 0;
    s->is_done = false;
    os_pool_submit(t->pool, run_slot, s);
}

/* All stretches, one after the other. */
static slp_rc run_alone(struct team *t, struct slp_err *err)
{
    for (size_t n = 0; n < t->stretches.count; n++) {
        t->slots[0].stretch = &t->stretches.items[n];
        TRY(make_stretch(&t->slots[0], err));
    }
    return SLP_OK;
}

/* All stretches, as many at once as there are slots. */
static slp_rc run_stretches(struct team *t)
{
    size_t stretches = t->stretches.count;
    size_t next = 0;
    assert(t->slot_count > 0);
    slp_rc rc = SLP_OK;
    for (size_t n = 0; n < stretches && rc == SLP_OK; n++) {
        while (next < stretches && next < n + t->slot_count)
            submit(t, next++);
        rc = write_stretch(&t->slots[n % t->slot_count]);
    }
    os_pool_wait(t->pool);
    return rc;
}

/* ---- The team ---- */

/*
 * Memory: a quarter of the budget for windows of the inputs, half of it for groups: a slot holds
 * the rows of one, what encoding that takes, and SLOT_GROUPS whose pages take half of their rows at
 * most. What one block of every input takes decoded comes on top, and the least sizes, where the
 * budget is less than these.
 */
static void share_memory(struct team *t)
{
    size_t slots = t->threads > 1 ? t->threads + 1 : 1;
    size_t groups = t->threads > 1 ? 2 + SLOT_GROUPS / 2 : 2;
    size_t window = t->options->memory / 4 / (slots * t->job->input_count);
    size_t group = t->options->memory / 2 / (slots * groups);
    t->prefetch_bytes = num_max_size(num_min_size(window, PREFETCH_MAX_BYTES), PREFETCH_MIN_BYTES);
    t->group_bytes = num_max_size(num_min_size(group, OUTPUT_GROUP_BYTES_MAX), GROUP_MIN_BYTES);
}

static slp_rc add_slot(struct team *t, struct slp_err *err)
{
    struct slot *s = &t->slots[t->slot_count];
    const struct arr_schema *columns = &state_table_schema(t->table)->columns;
    TRY(compact_inputs_open(t->table, t->job, t->prefetch_bytes, t->mem, &s->inputs, err));
    s->team = t;
    t->slot_count++;
    return arr_batch_init(&s->rows, t->mem, columns, err);
}

/* So many rows that a stretch fills STRETCH_GROUPS groups. */
static int64_t stretch_rows(const struct team *t)
{
    uint64_t bytes = 1;
    int64_t rows = 1;
    if (t->options->stretch_rows)
        return t->options->stretch_rows;
    for (size_t i = 0; i < t->job->input_count; i++) {
        bytes += t->job->inputs[i].info.index_offset;
        rows += t->job->inputs[i].info.rows;
    }
    uint64_t row_bytes = RAW_PER_ENCODED * (bytes / (uint64_t)rows + 1);
    int64_t group_rows = (int64_t)(t->group_bytes / row_bytes) + 1;
    return STRETCH_GROUPS * num_min_i64(group_rows, output_group_rows(t->out));
}

static bool ask_process(void *context, size_t input, struct key_range range)
{
    (void)range;
    return compact_is_untouched(context, input);
}

static slp_rc plan(struct team *t, struct slp_err *err)
{
    void *ranges = NULL;
    int64_t least = t->options->copy_bytes ? t->options->copy_bytes : COMPACT_COPY_BYTES;
    TRY(arena_array(&t->arena, t->job->input_count, sizeof(struct key_range), &ranges, err));
    for (size_t i = 0; i < t->job->input_count; i++)
        ((struct key_range *)ranges)[i] = key_range_clip(t->job->inputs[i].range, t->job->range);
    struct compact_plan_input in = {.files = t->slots[0].inputs.files,
                                    .ranges = ranges,
                                    .count = t->job->input_count,
                                    .range = t->job->range,
                                    .rows = t->threads > 1 ? stretch_rows(t) : 0,
                                    .codec = output_write_options(t->out)->codec,
                                    .least_copy_bytes = least > 0 ? (uint64_t)least : 0,
                                    .most_copy_bytes = least > 0 ? t->group_bytes / 2 : 0,
                                    .most_footer_bytes = t->options->memory / FOOTER_SHARE,
                                    .may_copy = t->job->may_copy,
                                    .context = t->job->may_copy_context};
    struct compact_job job = *t->job;
    if (!in.may_copy && job.process) {
        in.may_copy = ask_process;
        in.context = &job;
    }
    return compact_plan(&in, t->mem, &t->arena, &t->stretches, err);
}

size_t compact_fan_in(const struct arr_schema *columns, size_t memory)
{
    size_t input_bytes = PREFETCH_MIN_BYTES + DECODER_BYTES + columns->count * BLOCK_COLUMN_BYTES;
    return num_max_size(num_min_size(OPEN_FILES_MAX, memory / 2 / input_bytes), 2);
}

/* Every slot has all inputs open: no more slots than that many are merged at once. */
static size_t most_threads(const struct team *t)
{
    size_t files = t->job->input_count;
    const struct arr_schema *columns = &state_table_schema(t->table)->columns;
    size_t slots = compact_fan_in(columns, t->options->memory) / files;
    size_t threads = num_min_size(t->options->threads, THREADS_MAX);
    return slots > 2 ? num_min_size(threads, slots - 1) : 1;
}

static slp_rc assemble(struct team *t, struct slp_err *err)
{
    t->threads = most_threads(t);
    share_memory(t);
    TRY(arena_array(&t->arena, t->threads + 1, sizeof *t->slots, (void **)&t->slots, err));
    TRY(add_slot(t, err));
    TRY(plan(t, err));
    if (t->threads <= 1 || t->stretches.count <= 1)
        return SLP_OK;
    size_t threads = num_min_size(t->threads, t->stretches.count);
    while (t->slot_count < num_min_size(threads + 1, t->stretches.count))
        TRY(add_slot(t, err));
    return os_pool_new(t->mem, threads, &t->pool, err);
}

static void dismiss(struct team *t)
{
    os_pool_free(t->pool);
    for (size_t i = 0; i < t->slot_count; i++) {
        struct slot *s = &t->slots[i];
        compact_inputs_close(&s->inputs);
        arr_batch_fini(&s->rows);
        for (size_t g = 0; g < SLOT_GROUPS; g++)
            datafile_group_free(s->groups[g]);
    }
    os_cond_fini(&t->changed);
    os_mutex_fini(&t->lock);
    arena_fini(&t->arena);
}

/* Rows were conserved: each input gave what the state says of it, and all of it was written. */
static slp_rc check_rows(const struct team *t, struct slp_err *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->job->input_count; i++) {
        const struct compact_input *input = &t->job->inputs[i];
        int64_t rows = 0;
        for (size_t s = 0; s < t->slot_count; s++)
            rows += t->slots[s].inputs.rows[i];
        if (input->expected_rows >= 0 && rows != input->expected_rows)
            FAIL(err, CORRUPT,
                 "data file \"%.*s\": %" PRId64 " rows in its interval, the log says %" PRId64
                 "; run check",
                 SLICE_ARG(input->object), rows, input->expected_rows);
        sum += rows;
    }
    if (t->job->process ? sum < output_rows(t->out) : sum != output_rows(t->out))
        FAIL(err, CORRUPT, "%" PRId64 " rows were read and %" PRId64 " written", sum,
             output_rows(t->out));
    return SLP_OK;
}

slp_rc compact_merge_once(struct state_table *table, const struct compact_job *job,
                          const struct compact_options *options, struct output *out,
                          struct alloc *mem, struct slp_err *err)
{
    struct team t = {.table = table, .job = job, .options = options, .out = out, .mem = mem};
    arena_init(&t.arena, mem, SIZE_MAX / 2);
    os_mutex_init(&t.lock);
    os_cond_init(&t.changed);
    slp_rc rc = assemble(&t, err);
    if (rc == SLP_OK && t.pool) {
        rc = run_stretches(&t);
        if (rc != SLP_OK && err)
            *err = t.err;
    } else if (rc == SLP_OK) {
        rc = run_alone(&t, err);
    }
    if (rc == SLP_OK)
        rc = check_rows(&t, err);
    dismiss(&t);
    return rc;
}
