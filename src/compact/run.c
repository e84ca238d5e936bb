#include "compact/run.h"

#include <assert.h>
#include <inttypes.h>

#include "base/num.h"
#include "compact/inputs.h"
#include "compact/reader.h"
#include "output/team.h"

/*
 * Stretches, copied or merged (stretch.h), are the pieces of a team (output/team.h), which writes
 * their groups in order:
 *
 *   stretch     0        1        2        3 ...
 *   slot        0        1        2        0           one a maker of the team
 *   groups    [a][b]   [c][d]   [e]                    written: a b c d e ...
 *
 * A slot has what merging needs of its own: open files, and rows being gathered.
 */

#define SLOT_GROUPS    OUTPUT_TEAM_GROUPS_MAX
#define STRETCH_GROUPS 2

#define PREFETCH_MIN_BYTES ((size_t)64 << 10)
#define PREFETCH_MAX_BYTES ((size_t)512 << 10)

#define GROUP_MIN_BYTES ((size_t)512 << 10)

/* A block has some 32 KiB a column, and half as much again for offsets and keys. */
#define BLOCK_COLUMN_BYTES ((size_t)48 << 10)

/* Of a large block there are its pages, one of them decompressed, and all of it decoded: so many
 * times its pages, as a guess. */
#define BLOCK_PARTS 5u

/* What decompresses the pages of one input. */
#define DECODER_BYTES ((size_t)128 << 10)

/* Pages are read and written in so many times fewer bytes than rows with their keys take in memory,
 * as a guess. */
#define RAW_PER_ENCODED 4u

/* Files open at once, far enough below the usual limit of 1,024 handles. */
#define OPEN_FILES_MAX 768u

/* A footer, which is read to copy blocks, may have this part of the memory in the file; unpacked it
 * takes some times as much. */
#define FOOTER_SHARE 64u

/* A merge is asked for so many rows at a time: how soon a cancelled job notices. */
#define STEP_ROWS 16384

struct slot {
    struct compact_inputs inputs;
    const struct compact_stretch *stretch;
    struct output_maker *to;
    struct arr_batch rows; /* of the group being made; memory is kept */
};

struct work {
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
    struct slot *slots;
    size_t slot_count;
};

/* ---- Making a stretch ---- */

/* Where rows of a stretch come from: a merge, or what the table's stack makes of one. */
struct rows_of {
    struct merge *merge;
    struct compact_reader reader;
};

/* More rows; none when the stretch is at its end, or the group must be. */
static slp_rc more_rows(const struct work *w, struct slot *s, struct rows_of *from, int64_t most,
                        struct slp_err *err)
{
    int64_t step = num_min_i64(most - s->rows.rows, STEP_ROWS);
    if (!from->merge)
        return compact_reader_next(&from->reader, step, &s->rows, err);
    slp_rc rc = merge_next(from->merge, step, w->group_bytes, &s->rows, NULL, err);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static size_t bytes_of(const struct slot *s, const struct rows_of *from)
{
    return from->merge ? merge_bytes(from->merge, &s->rows) : arr_batch_memory(&s->rows);
}

/* Gather the rows of one group; none when the stretch is at its end. */
static slp_rc fill_group(const struct work *w, struct slot *s, struct rows_of *from,
                         struct slp_err *err)
{
    const int64_t most = output_group_rows(w->out);
    arr_batch_clear(&s->rows);
    while (s->rows.rows < most && bytes_of(s, from) < w->group_bytes) {
        int64_t before = s->rows.rows;
        if (w->options->cancel && *w->options->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(more_rows(w, s, from, most, err));
        if (s->rows.rows == before)
            return SLP_OK;
    }
    return SLP_OK;
}

/* What rows are that come in the form of `stack`. */
static slp_rc describe(const struct work *w, unsigned stack, struct output_form *out,
                       struct slp_err *err)
{
    *out = (struct output_form){.stack = stack};
    return process_schema(w->table, w->job->process, stack, &out->schema, err);
}

static void count_kinds(const struct slot *s, struct output_form *form)
{
    int64_t kinds[STACK_KIND_COUNT];
    if (form->stack == 0)
        return;
    stack_count_kinds(&s->rows, form->stack, kinds);
    form->deletes = kinds[STACK_DELETE];
    form->resets = kinds[STACK_RESET];
}

/* A row that is larger than a group is not kept beside what comes next. */
static slp_rc forget_rows(const struct work *w, struct slot *s, struct slp_err *err)
{
    const struct arr_schema *columns = s->rows.schema;
    if (arr_batch_memory(&s->rows) / 2 <= w->group_bytes)
        return SLP_OK;
    arr_batch_fini(&s->rows);
    return arr_batch_init(&s->rows, w->mem, columns, err);
}

static slp_rc make_groups(const struct work *w, struct slot *s, struct rows_of *from,
                          struct slp_err *err)
{
    for (;;) {
        struct output_form form = {0};
        struct datafile_group *group = NULL;
        TRY(fill_group(w, s, from, err));
        if (s->rows.rows == 0)
            return SLP_OK;
        TRY(describe(w, from->reader.form, &form, err));
        slp_rc rc = output_maker_group(s->to, &form, &group, err);
        if (rc == SLP_DONE)
            return SLP_OK; /* the error is told already */
        TRY(rc);
        TRY(datafile_group_encode(group, &s->rows, NULL, err));
        count_kinds(s, &form);
        TRY(output_maker_hand(s->to, &form, err));
        TRY(forget_rows(w, s, err));
    }
}

/* A group of the stretch's blocks as they are; `*done` too when all is given up. */
static slp_rc copy_stretch(const struct work *w, struct slot *s, bool *done, struct slp_err *err)
{
    struct output_form form = {0};
    struct datafile_group *group = NULL;
    TRY(describe(w, 0, &form, err));
    slp_rc rc = output_maker_group(s->to, &form, &group, err);
    *done = rc == SLP_DONE;
    if (rc != SLP_OK)
        return *done ? SLP_OK : rc;
    TRY(compact_inputs_copy(&s->inputs, s->stretch, group, done, err));
    return *done ? output_maker_hand(s->to, &form, err) : SLP_OK;
}

static slp_rc merge_stretch(const struct work *w, struct slot *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_of from = {.merge = NULL};
    if (w->job->process)
        TRY(compact_reader_open(&s->inputs, s->stretch->range, &from.reader, err));
    else
        TRY(compact_inputs_merge(&s->inputs, s->stretch->range, &from.merge, err));
    if (from.merge || from.reader.run)
        rc = make_groups(w, s, &from, err);
    merge_free(from.merge);
    compact_reader_close(&from.reader);
    return rc;
}

static slp_rc make_stretch(void *context, size_t piece, size_t maker, struct output_maker *to,
                           struct slp_err *err)
{
    const struct work *w = context;
    struct slot *s = &w->slots[maker];
    bool is_copied = false;
    s->stretch = &w->stretches.items[piece];
    s->to = to;
    if (w->options->cancel && *w->options->cancel)
        FAIL(err, CANCELLED, "cancelled");
    if (s->stretch->input != COMPACT_MERGED)
        TRY(copy_stretch(w, s, &is_copied, err));
    return is_copied ? SLP_OK : merge_stretch(w, s, err);
}

/* ---- The whole ---- */

/*
 * Memory: a quarter of the budget for windows of the inputs, half of it for groups: a slot holds
 * the rows of one, what encoding that takes, and SLOT_GROUPS whose pages take half of their rows at
 * most. What one block of every input takes decoded comes on top, and the least sizes, where the
 * budget is less than these.
 */
static void share_memory(struct work *w)
{
    size_t slots = w->threads > 1 ? w->threads + 1 : 1;
    size_t groups = w->threads > 1 ? 2 + SLOT_GROUPS / 2 : 2;
    size_t window = w->options->memory / 4 / (slots * w->job->input_count);
    size_t group = w->options->memory / 2 / (slots * groups);
    w->prefetch_bytes = num_max_size(num_min_size(window, PREFETCH_MAX_BYTES), PREFETCH_MIN_BYTES);
    w->group_bytes = num_max_size(num_min_size(group, OUTPUT_GROUP_BYTES_MAX), GROUP_MIN_BYTES);
}

static slp_rc add_slot(struct work *w, struct slp_err *err)
{
    struct slot *s = &w->slots[w->slot_count];
    const struct arr_schema *columns = &state_table_schema(w->table)->columns;
    TRY(compact_inputs_open(w->table, w->job, w->prefetch_bytes, w->mem, &s->inputs, err));
    w->slot_count++;
    return arr_batch_init(&s->rows, w->mem, columns, err);
}

/* So many rows that a stretch fills STRETCH_GROUPS groups. */
static int64_t stretch_rows(const struct work *w)
{
    uint64_t bytes = 1;
    int64_t rows = 1;
    if (w->options->stretch_rows)
        return w->options->stretch_rows;
    for (size_t i = 0; i < w->job->input_count; i++) {
        bytes += w->job->inputs[i].info.index_offset;
        rows += w->job->inputs[i].info.rows;
    }
    uint64_t row_bytes = RAW_PER_ENCODED * (bytes / (uint64_t)rows + 1);
    int64_t group_rows = (int64_t)(w->group_bytes / row_bytes) + 1;
    return STRETCH_GROUPS * num_min_i64(group_rows, output_group_rows(w->out));
}

static bool ask_process(void *context, size_t input, struct key_range range)
{
    (void)range;
    return compact_is_untouched(context, input);
}

static slp_rc plan(struct work *w, struct slp_err *err)
{
    void *ranges = NULL;
    int64_t least = w->options->copy_bytes ? w->options->copy_bytes : COMPACT_COPY_BYTES;
    TRY(arena_array(&w->arena, w->job->input_count, sizeof(struct key_range), &ranges, err));
    for (size_t i = 0; i < w->job->input_count; i++)
        ((struct key_range *)ranges)[i] = key_range_clip(w->job->inputs[i].range, w->job->range);
    struct compact_plan_input in = {.files = w->slots[0].inputs.files,
                                    .ranges = ranges,
                                    .count = w->job->input_count,
                                    .range = w->job->range,
                                    .rows = w->threads > 1 ? stretch_rows(w) : 0,
                                    .codec = output_write_options(w->out)->codec,
                                    .least_copy_bytes = least > 0 ? (uint64_t)least : 0,
                                    .most_copy_bytes = least > 0 ? w->group_bytes / 2 : 0,
                                    .most_footer_bytes = w->options->memory / FOOTER_SHARE,
                                    .may_copy = w->job->may_copy,
                                    .context = w->job->may_copy_context};
    struct compact_job job = *w->job;
    if (!in.may_copy && job.process) {
        in.may_copy = ask_process;
        in.context = &job;
    }
    return compact_plan(&in, w->mem, &w->arena, &w->stretches, err);
}

/* What an input takes while it is merged, whose blocks have pages of `block_bytes`. */
static size_t input_bytes(const struct arr_schema *columns, uint64_t block_bytes)
{
    size_t decoded = columns->count * BLOCK_COLUMN_BYTES;
    uint64_t more = num_min_u64(block_bytes, SIZE_MAX / 4 / BLOCK_PARTS) * BLOCK_PARTS;
    return PREFETCH_MIN_BYTES + DECODER_BYTES + num_max_size(decoded, (size_t)more);
}

size_t compact_fan_in(const struct arr_schema *columns, uint64_t block_bytes, size_t memory)
{
    size_t inputs = memory / 2 / input_bytes(columns, block_bytes);
    return num_max_size(num_min_size(OPEN_FILES_MAX, inputs), 2);
}

/* What a slot takes beside its windows and groups: a block of each input, and of rows that are blocks
 * by themselves the largest. */
static size_t slot_bytes(const struct work *w)
{
    const struct arr_schema *columns = &state_table_schema(w->table)->columns;
    uint64_t bytes = 0;
    uint64_t row_bytes = 0;
    for (size_t i = 0; i < w->job->input_count; i++) {
        const struct datafile *f = w->slots[0].inputs.files[i];
        uint64_t block_bytes = compact_inputs_block_bytes(f, w->job);
        bytes += input_bytes(columns, block_bytes);
        uint64_t more = datafile_page_bytes(f) / (uint64_t)datafile_row_count(f);
        row_bytes = block_bytes == 0 && more > row_bytes ? more : row_bytes;
    }
    return (size_t)num_min_u64(bytes + BLOCK_PARTS * row_bytes, SIZE_MAX);
}

/* Every slot has all inputs open: as many as handles and half of the memory have room for. */
static size_t most_threads(const struct work *w)
{
    size_t slots =
        num_min_size(OPEN_FILES_MAX / w->job->input_count, w->options->memory / 2 / slot_bytes(w));
    size_t threads = num_min_size(w->options->threads, OUTPUT_TEAM_THREADS_MAX);
    return slots > 2 ? num_min_size(threads, slots - 1) : 1;
}

/* Slots for the stretches, one more than threads where there are several. */
static slp_rc assemble(struct work *w, struct slp_err *err)
{
    size_t most = num_min_size(w->options->threads, OUTPUT_TEAM_THREADS_MAX) + 1;
    TRY(arena_array(&w->arena, most, sizeof *w->slots, (void **)&w->slots, err));
    TRY(add_slot(w, err));
    w->threads = most_threads(w);
    share_memory(w);
    w->slots[0].inputs.prefetch_bytes = w->prefetch_bytes;
    TRY(plan(w, err));
    w->threads = num_min_size(w->threads, num_max_size(w->stretches.count, 1));
    if (w->threads == 1)
        return SLP_OK;
    while (w->slot_count < num_min_size(w->threads + 1, w->stretches.count))
        TRY(add_slot(w, err));
    return SLP_OK;
}

static void dismiss(struct work *w)
{
    for (size_t i = 0; i < w->slot_count; i++) {
        compact_inputs_close(&w->slots[i].inputs);
        arr_batch_fini(&w->slots[i].rows);
    }
    arena_fini(&w->arena);
}

/* Rows were conserved: each input gave what the state says of it, and all of it was written. */
static slp_rc check_rows(const struct work *w, struct slp_err *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->job->input_count; i++) {
        const struct compact_input *input = &w->job->inputs[i];
        int64_t rows = 0;
        for (size_t s = 0; s < w->slot_count; s++)
            rows += w->slots[s].inputs.rows[i];
        if (input->expected_rows >= 0 && rows != input->expected_rows)
            FAIL(err, CORRUPT,
                 "data file \"%.*s\": %" PRId64 " rows in its interval, the log says %" PRId64
                 "; run check",
                 SLICE_ARG(input->object), rows, input->expected_rows);
        sum += rows;
    }
    if (w->job->process ? sum < output_rows(w->out) : sum != output_rows(w->out))
        FAIL(err, CORRUPT, "%" PRId64 " rows were read and %" PRId64 " written", sum,
             output_rows(w->out));
    return SLP_OK;
}

slp_rc compact_merge_once(struct state_table *table, const struct compact_job *job,
                          const struct compact_options *options, struct output *out,
                          struct alloc *mem, struct slp_err *err)
{
    struct work w = {.table = table, .job = job, .options = options, .out = out, .mem = mem};
    arena_init(&w.arena, mem, SIZE_MAX / 2);
    slp_rc rc = assemble(&w, err);
    if (rc == SLP_OK) {
        struct output_team_options o = {.threads = w.threads,
                                        .groups = w.threads > 1 ? SLOT_GROUPS : 1,
                                        .pieces = w.stretches.count,
                                        .make = make_stretch,
                                        .context = &w};
        rc = output_team_run(out, &o, mem, err);
    }
    if (rc == SLP_OK)
        rc = check_rows(&w, err);
    dismiss(&w);
    return rc;
}
