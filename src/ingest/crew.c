#include "ingest/crew.h"

#include "base/num.h"
#include "ingest/bins.h"
#include "ingest/spill.h"
#include "ingest/stretch.h"
#include "merge/merge.h"
#include "output/team.h"

/* Groups of smaller rows are merged by one thread: files would be cut too finely. */
#define GROUP_MIN_BYTES ((size_t)4 << 20)

/* A stretch has rows for so many hundredths of its groups: cuts are not exact, and a third group of
 * few rows is to be avoided. */
#define FILL 95

/* What sorting a bin takes, with the views of it. */
#define BIN_BYTES ((size_t)4 << 20)

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

/* One more than threads, where there are several (output/team.h). */
static size_t makers_of(size_t threads)
{
    return threads > 1 ? threads + 1 : 1;
}

struct ingest_crew ingest_crew_of(const struct ingest_budget *b, const struct ingest_rows *rows,
                                  const struct output *out)
{
    struct ingest_crew crew = {.group_rows = output_group_rows(out)};
    size_t row_bytes = (size_t)(rows->bytes / (uint64_t)num_max_i64(rows->rows, 1)) + 1;
    size_t wanted = output_group_bytes(out);
    if ((size_t)crew.group_rows < wanted / row_bytes)
        wanted = (size_t)crew.group_rows * row_bytes;
    size_t spare = b->memory / (rows->pile_count > 0 ? INGEST_PILE_SPARE : 8);
    size_t taken = spare + rows->held_bytes;
    size_t room = b->memory > taken ? b->memory - taken : 0;
    size_t windows = 0;
    for (size_t i = 0; i < run_count(rows); i++)
        windows +=
            ingest_is_spilled_run(runs_of(rows)[i]) ? ingest_reader_bytes(b) : INGEST_WINDOW_BYTES;
    if (rows->pile_count > 0)
        windows += BIN_BYTES;
    size_t fewest = rows->pile_count > 0 ? 1 : 2;
    for (size_t threads = num_min_size(b->output_threads, OUTPUT_TEAM_THREADS_MAX);
         threads >= fewest; threads--) {
        size_t share = room / makers_of(threads);
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
    struct arr_batch some; /* of `rows`, where they are too many for a group */
    struct run **parts;    /* of all runs, and one of the bins */
    struct ingest_bin bin;
};

/* Stretches that are made one after the other. */
struct piece {
    size_t first;
    size_t end;
};

struct crew {
    const struct ingest_crew_options *o;
    const struct ingest_rows *rows;
    struct alloc *mem;
    struct arena arena;
    struct ingest_stretches stretches;
    struct piece *pieces;
    size_t piece_count;
    struct bench *benches;
    size_t bench_count;
};

/* Open the parts of all runs and piles in the stretches of a piece, as a merge. */
static slp_rc open_merge(struct crew *c, struct bench *b, const struct piece *piece,
                         struct merge **out, struct slp_err *err)
{
    const struct ingest_rows *rows = c->rows;
    struct run *const *runs = runs_of(rows);
    struct ingest_stretch stretch = c->stretches.items[piece->first];
    const struct ingest_stretch *last = &c->stretches.items[piece->end - 1];
    size_t count = run_count(rows);
    slp_rc rc = SLP_OK;
    size_t opened = 0;
    stretch.hi = last->hi;
    stretch.has_hi = last->has_hi;
    for (; opened < count && rc == SLP_OK; opened++) {
        b->parts[opened] = NULL;
        rc = ingest_part_open(runs[opened], &stretch, c->mem, &b->parts[opened], err);
    }
    if (rc == SLP_OK && rows->pile_count > 0) {
        const struct ingest_bins bins = {.piles = rows->piles,
                                         .pile_count = rows->pile_count,
                                         .first = piece->first,
                                         .end = piece->end};
        b->parts[opened] = NULL;
        rc = ingest_bins_open(&bins, c->mem, &b->parts[opened++], err);
    }
    if (rc == SLP_OK)
        return merge_new(c->mem, b->rows.schema, b->parts, opened, out, err);
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

/* Encode rows as the next group; DONE when all is given up. */
static slp_rc make_group(const struct crew *c, struct arr_batch *rows, struct output_maker *to,
                         struct slp_err *err)
{
    const struct output_form form = {.schema = state_table_schema(c->o->table)};
    struct datafile_group *group = NULL;
    slp_rc rc = output_maker_group(to, &form, &group, err);
    if (rc == SLP_DONE)
        return rc;
    TRY(rc);
    TRY(datafile_group_encode(group, rows, NULL, err));
    return output_maker_hand(to, &form, err);
}

static slp_rc make_merged(struct crew *c, struct bench *b, const struct piece *piece,
                          struct output_maker *to, struct slp_err *err)
{
    struct merge *merge = NULL;
    TRY(open_merge(c, b, piece, &merge, err));
    slp_rc rc = fill_group(c, b, merge, to, err);
    while (rc == SLP_OK && b->rows.rows > 0) {
        rc = make_group(c, &b->rows, to, err);
        if (rc == SLP_OK)
            rc = fill_group(c, b, merge, to, err);
    }
    merge_free(merge);
    return rc;
}

/* Encode what was gathered, as one group, or several where one bin has too many rows. */
static slp_rc make_gathered(const struct crew *c, struct bench *b, struct output_maker *to,
                            struct slp_err *err)
{
    int64_t most = c->o->crew.group_rows;
    slp_rc rc = SLP_OK;
    if (b->rows.rows <= most) {
        rc = b->rows.rows > 0 ? make_group(c, &b->rows, to, err) : SLP_OK;
    } else {
        for (int64_t first = 0; first < b->rows.rows && rc == SLP_OK; first += most) {
            int64_t count = num_min_i64(most, b->rows.rows - first);
            arr_batch_clear(&b->some);
            TRY(arr_batch_append_run(&b->some, &b->rows, first, count, err));
            rc = make_group(c, &b->some, to, err);
        }
    }
    arr_batch_clear(&b->rows);
    return rc;
}

static slp_rc gather_bins(const struct crew *c, struct bench *b, const struct piece *piece,
                          struct output_maker *to, struct slp_err *err)
{
    const struct ingest_crew *crew = &c->o->crew;
    arr_batch_clear(&b->rows);
    for (size_t i = piece->first; i < piece->end; i++) {
        int64_t more = ingest_bin_rows(&b->bin, i);
        if (c->o->cancel && *c->o->cancel)
            FAIL(err, CANCELLED, "cancelled");
        if (b->rows.rows + more > crew->group_rows ||
            arr_batch_memory(&b->rows) >= crew->group_bytes) {
            slp_rc rc = make_gathered(c, b, to, err);
            if (rc != SLP_OK)
                return rc;
        }
        TRY(ingest_bin_sort(&b->bin, i, err));
        TRY(ingest_bin_gather(&b->bin, &b->rows, NULL, err));
    }
    return make_gathered(c, b, to, err);
}

static slp_rc make_piece(void *context, size_t piece, size_t maker, struct output_maker *to,
                         struct slp_err *err)
{
    struct crew *c = context;
    struct bench *b = &c->benches[maker];
    const struct piece *p = &c->pieces[piece];
    slp_rc rc = SLP_OK;
    if (run_count(c->rows) > 0)
        rc = make_merged(c, b, p, to, err);
    else
        rc = gather_bins(c, b, p, to, err);
    return rc == SLP_DONE ? SLP_OK : rc;
}

/* Cut everything; piles are arranged. */
static slp_rc cut_rows(struct crew *c, struct slp_err *err)
{
    const struct ingest_crew *crew = &c->o->crew;
    const struct ingest_rows *rows = c->rows;
    struct ingest_cuttable from = {.spec = state_table_key_spec(c->o->table),
                                   .runs = runs_of(rows),
                                   .run_count = run_count(rows),
                                   .piles = rows->piles,
                                   .pile_count = rows->pile_count};
    struct ingest_sieve sieve = {0};
    struct ingest_arrange_options arrange = {.piles = rows->piles,
                                             .count = rows->pile_count,
                                             .sieve = &sieve,
                                             .threads = crew->threads,
                                             .cancel = c->o->cancel};
    int64_t wanted = (int64_t)OUTPUT_TEAM_GROUPS * crew->group_rows * FILL / 100 + 1;
    if (rows->pile_count > 0) {
        int64_t group = crew->group_rows * FILL / 100 + 1;
        int64_t bin = ingest_bin_target(rows->rows, rows->bytes);
        wanted = group / ((group + bin - 1) / bin) + 1;
        wanted = num_max_i64(wanted, 2 * rows->rows / INGEST_CUTS_MAX + 1);
    }
    TRY(ingest_cut(&from, wanted, c->mem, &c->arena, &c->stretches, err));
    if (rows->pile_count == 0)
        return SLP_OK;
    TRY(ingest_sieve_init(&sieve, c->mem, c->stretches.items, c->stretches.count, err));
    slp_rc rc = ingest_piles_arrange(c->mem, &arrange, err);
    ingest_sieve_fini(&sieve);
    return rc;
}

/* Rows of a stretch: counted, where nothing is merged, else about. */
static int64_t stretch_rows(const struct crew *c, size_t i)
{
    if (run_count(c->rows) == 0)
        return ingest_bin_rows(&c->benches[0].bin, i);
    return c->rows->rows / (int64_t)c->stretches.count + 1;
}

/* As many stretches a piece as OUTPUT_TEAM_GROUPS groups have room for. */
static slp_rc cut_pieces(struct crew *c, struct slp_err *err)
{
    int64_t most = c->o->crew.group_rows;
    int64_t rows = 0;
    size_t groups = 1;
    void *room = NULL;
    TRY(arena_array(&c->arena, c->stretches.count, sizeof *c->pieces, &room, err));
    c->pieces = room;
    for (size_t i = 0; i < c->stretches.count; i++) {
        int64_t more = stretch_rows(c, i);
        if (rows > 0 && rows + more > most) {
            rows = 0;
            groups++;
        }
        rows += more;
        if (c->piece_count == 0 || groups > OUTPUT_TEAM_GROUPS || c->rows->pile_count == 0) {
            c->pieces[c->piece_count++] = (struct piece){.first = i};
            groups = 1;
        }
        c->pieces[c->piece_count - 1].end = i + 1;
    }
    return SLP_OK;
}

static slp_rc init_bench(struct crew *c, struct bench *b, struct slp_err *err)
{
    const struct arr_schema *columns = &state_table_schema(c->o->table)->columns;
    const struct ingest_rows *rows = c->rows;
    void *room = NULL;
    TRY(arena_array(&c->arena, run_count(rows) + 1, sizeof(struct run *), &room, err));
    b->parts = room;
    TRY(arr_batch_init(&b->rows, c->mem, columns, err));
    TRY(arr_batch_init(&b->some, c->mem, columns, err));
    const struct ingest_bins all = {.piles = rows->piles, .pile_count = rows->pile_count};
    if (rows->pile_count > 0)
        TRY(ingest_bin_init(&b->bin, c->mem, &all, err));
    return SLP_OK;
}

static slp_rc assemble(struct crew *c, struct slp_err *err)
{
    size_t makers = makers_of(c->o->crew.threads);
    void *room = NULL;
    TRY(cut_rows(c, err));
    TRY(arena_array(&c->arena, makers, sizeof *c->benches, &room, err));
    c->benches = room;
    c->bench_count = makers;
    for (size_t i = 0; i < makers; i++)
        TRY(init_bench(c, &c->benches[i], err));
    return cut_pieces(c, err);
}

slp_rc ingest_crew_run(const struct ingest_crew_options *options, const struct ingest_rows *rows,
                       struct output *out, struct alloc *mem, struct slp_err *err)
{
    struct crew c = {.o = options, .rows = rows, .mem = mem};
    arena_init(&c.arena, mem, SIZE_MAX / 4);
    slp_rc rc = assemble(&c, err);
    if (rc == SLP_OK) {
        struct output_team_options o = {.threads =
                                            num_min_size(options->crew.threads, c.piece_count),
                                        .groups = OUTPUT_TEAM_GROUPS,
                                        .pieces = c.piece_count,
                                        .make = make_piece,
                                        .context = &c};
        rc = output_team_run(out, &o, mem, err);
    }
    for (size_t i = 0; i < c.bench_count; i++) {
        arr_batch_fini(&c.benches[i].rows);
        arr_batch_fini(&c.benches[i].some);
        ingest_bin_fini(&c.benches[i].bin);
    }
    arena_fini(&c.arena);
    return rc;
}
