#include "ingest/crew.h"

#include "base/num.h"
#include "ingest/spill.h"
#include "ingest/stretch.h"
#include "merge/merge.h"
#include "output/team.h"

/* Groups of smaller rows are merged by one thread: files would be cut too finely. */
#define GROUP_MIN_BYTES ((size_t)8 << 20)

/* A stretch has rows for so many hundredths of its groups: cuts are not exact, and a third group of
 * few rows is to be avoided. */
#define FILL 95

/* A merge is asked for so many rows at a time: how soon a cancelled ingest notices. */
#define STEP_ROWS 65536

static size_t run_count(const struct ingest_rows *rows)
{
    return rows->runs.len / sizeof(struct run *);
}

static struct run *const *runs_of(const struct ingest_rows *rows)
{
    return (struct run *const *)(const void *)rows->runs.ptr;
}

struct ingest_crew ingest_crew_of(const struct ingest_budget *b, const struct ingest_rows *rows,
                                  const struct output *out)
{
    struct ingest_crew crew = {.group_rows = output_group_rows(out)};
    size_t row_bytes = (size_t)(rows->bytes / (uint64_t)num_max_i64(rows->rows, 1)) + 1;
    size_t wanted = output_group_bytes(out);
    if ((size_t)crew.group_rows < wanted / row_bytes)
        wanted = (size_t)crew.group_rows * row_bytes;
    size_t taken = b->memory / 8 + rows->held_bytes;
    size_t room = b->memory > taken ? b->memory - taken : 0;
    size_t windows = 0;
    for (size_t i = 0; i < run_count(rows); i++)
        windows +=
            ingest_is_spilled_run(runs_of(rows)[i]) ? ingest_reader_bytes(b) : INGEST_WINDOW_BYTES;
    for (size_t threads = num_min_size(b->output_threads, OUTPUT_TEAM_THREADS_MAX); threads > 1;
         threads--) {
        size_t share = room / (threads + 1);
        size_t groups = share > windows ? (share - windows) / OUTPUT_TEAM_SHARE : 0;
        if (groups >= num_min_size(wanted, GROUP_MIN_BYTES)) {
            crew.threads = threads;
            crew.group_bytes = num_min_size(wanted, groups);
            crew.group_rows =
                num_min_i64(crew.group_rows, (int64_t)(crew.group_bytes / row_bytes) + 1);
            break;
        }
    }
    return crew;
}

/* What one maker needs, kept from stretch to stretch. */
struct bench {
    struct arr_batch rows;
    struct run **parts; /* of all runs */
};

struct crew {
    const struct ingest_crew_options *o;
    const struct ingest_rows *rows;
    struct alloc *mem;
    struct arena arena;
    struct ingest_stretches stretches;
    struct bench *benches;
    size_t bench_count;
};

/* Open the parts of all runs in a stretch, as a merge. */
static slp_rc open_merge(struct crew *c, struct bench *b, const struct ingest_stretch *stretch,
                         struct merge **out, struct slp_err *err)
{
    struct run *const *runs = runs_of(c->rows);
    size_t count = run_count(c->rows);
    slp_rc rc = SLP_OK;
    size_t opened = 0;
    for (; opened < count && rc == SLP_OK; opened++) {
        b->parts[opened] = NULL;
        rc = ingest_part_open(runs[opened], stretch, c->mem, &b->parts[opened], err);
    }
    if (rc == SLP_OK)
        return merge_new(c->mem, b->rows.schema, b->parts, count, out, err);
    for (size_t i = 0; i < opened; i++)
        run_close(b->parts[i]);
    return rc;
}

/* Gather the rows of one group; none when the stretch is at its end, or all is given up. */
static slp_rc fill_group(const struct crew *c, struct bench *b, struct merge *merge,
                         struct output_maker *to, struct slp_err *err)
{
    const struct ingest_crew *crew = &c->o->crew;
    arr_batch_clear(&b->rows);
    while (b->rows.rows < crew->group_rows && arr_batch_memory(&b->rows) < crew->group_bytes) {
        int64_t step = num_min_i64(crew->group_rows - b->rows.rows, STEP_ROWS);
        if (c->o->cancel && *c->o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        if (output_team_has_failed(to)) {
            arr_batch_clear(&b->rows);
            return SLP_OK;
        }
        slp_rc rc = merge_next(merge, step, crew->group_bytes, &b->rows, NULL, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
    }
    return SLP_OK;
}

static slp_rc make_groups(const struct crew *c, struct bench *b, struct merge *merge,
                          struct output_maker *to, struct slp_err *err)
{
    const struct output_form form = {.schema = state_table_schema(c->o->table)};
    for (;;) {
        struct datafile_group *group = NULL;
        TRY(fill_group(c, b, merge, to, err));
        if (b->rows.rows == 0)
            return SLP_OK;
        slp_rc rc = output_maker_group(to, &form, &group, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        TRY(datafile_group_encode(group, &b->rows, NULL, err));
        TRY(output_maker_hand(to, &form, err));
    }
}

static slp_rc make_stretch(void *context, size_t piece, size_t maker, struct output_maker *to,
                           struct slp_err *err)
{
    struct crew *c = context;
    struct bench *b = &c->benches[maker];
    struct merge *merge = NULL;
    TRY(open_merge(c, b, &c->stretches.items[piece], &merge, err));
    slp_rc rc = make_groups(c, b, merge, to, err);
    merge_free(merge);
    return rc;
}

static slp_rc assemble(struct crew *c, struct slp_err *err)
{
    const struct ingest_crew *crew = &c->o->crew;
    const struct arr_schema *columns = &state_table_schema(c->o->table)->columns;
    struct run *const *runs = runs_of(c->rows);
    int64_t rows = (int64_t)OUTPUT_TEAM_GROUPS * crew->group_rows * FILL / 100 + 1;
    void *room = NULL;
    TRY(ingest_cut(runs, run_count(c->rows), state_table_key_spec(c->o->table), rows, c->mem,
                   &c->arena, &c->stretches, err));
    TRY(arena_array(&c->arena, crew->threads + 1, sizeof *c->benches, &room, err));
    c->benches = room;
    for (; c->bench_count < crew->threads + 1; c->bench_count++) {
        struct bench *b = &c->benches[c->bench_count];
        *b = (struct bench){.parts = NULL};
        TRY(arena_array(&c->arena, run_count(c->rows), sizeof(struct run *), &room, err));
        b->parts = room;
        TRY(arr_batch_init(&b->rows, c->mem, columns, err));
    }
    return SLP_OK;
}

slp_rc ingest_crew_run(const struct ingest_crew_options *options, const struct ingest_rows *rows,
                       struct output *out, struct alloc *mem, struct slp_err *err)
{
    struct crew c = {.o = options, .rows = rows, .mem = mem};
    arena_init(&c.arena, mem, SIZE_MAX / 4);
    slp_rc rc = assemble(&c, err);
    if (rc == SLP_OK) {
        struct output_team_options o = {.threads = options->crew.threads,
                                        .groups = OUTPUT_TEAM_GROUPS,
                                        .pieces = c.stretches.count,
                                        .make = make_stretch,
                                        .context = &c};
        rc = output_team_run(out, &o, mem, err);
    }
    for (size_t i = 0; i < c.bench_count; i++)
        arr_batch_fini(&c.benches[i].rows);
    arena_fini(&c.arena);
    return rc;
}
