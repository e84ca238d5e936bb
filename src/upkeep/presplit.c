/*
 * Splitting at given keys, and into many leaves at once.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/open.h"
#include "upkeep/split_priv.h"
#include "upkeep/upkeep.h"

#define WORK_MAX_BYTES ((size_t)2 << 30)

/* Cuts of one transaction, so that it fits a frame. */
#define CUTS_MAX 16384u

/* How often a leaf that others change is tried. */
#define TRIES_MAX 16

/* Samples for each part where rows are read. */
#define SAMPLES_A_PART 16

/* ------------------------------------------------------------------ at given keys */

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static slp_rc check_keys(const struct slice *keys, size_t count, struct slp_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].len == 0 || keys[i].len > KEY_MAX_BYTES)
            FAIL(err, INVALID, "a split point is empty, or longer than %u bytes", KEY_MAX_BYTES);
    return SLP_OK;
}

/* Keys from `keys[0]` on that lie in its leaf, as many as one transaction takes. */
static size_t keys_of_leaf(const struct state_leaf *leaf, const struct slice *keys, size_t count)
{
    size_t most = num_max_size(CUTS_MAX / num_max_size(leaf->ref_count, 1), 1);
    size_t n = 0;
    most = num_min_size(most, STATE_SPLIT_KEYS_MAX);
    while (n < count && n < most && key_range_holds(leaf->range, keys[n]))
        n++;
    return n;
}

static slp_rc commit_item(struct state_table *table, const struct state_split_item *item,
                          bool *was_split, struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_SPLIT, .split = {.items = item, .count = 1}};
    TRY(state_table_commit(table, &txn, NULL, &result, err));
    slp_rc rc = state_result_check(&result, err);
    *was_split = rc == SLP_OK;
    if (rc != SLP_CONFLICT)
        return rc;
    err_clear(err); /* the leaf is another one now: look again */
    return SLP_OK;
}

/* Split the leaf at some of the keys; `*taken` of them are done with, none if others were faster. */
static slp_rc split_one(struct state_table *table, const struct slice *keys, size_t count,
                        struct alloc *mem, size_t *taken, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    const struct table_state *s = state_table_view(table);
    const struct state_leaf *leaf = state_leaf_at(s, state_leaf_holding(s, keys[0]));
    struct state_split_item item = {.keys = keys, .key_count = keys_of_leaf(leaf, keys, count)};
    const struct state_reference *refs = NULL;
    bool was_split = false;
    if (state_leaf_count(s) + item.key_count > state_rules_default().leaf_max)
        FAIL(err, LIMIT, "a table has at most %" PRIu32 " partitions",
             state_rules_default().leaf_max);
    arena_init(&arena, mem, WORK_MAX_BYTES);
    TRY_OUT(key_range_copy(&arena, leaf->range, &item.leaf, err));
    TRY_OUT(state_leaf_references(leaf, &arena, &refs, err));
    TRY_OUT(upkeep_find_cuts(table, refs, leaf->ref_count, &arena, &item, err));
    TRY_OUT(commit_item(table, &item, &was_split, err));
    *taken = was_split ? item.key_count : 0;
out:
    arena_fini(&arena);
    return rc;
}

/* Does a bound stand at this key? */
static bool is_bound(const struct table_state *s, struct slice key)
{
    return slice_equal(state_leaf_at(s, state_leaf_holding(s, key))->range.lo, key);
}

/* Sorted, each once, without those at which a bound stands. */
static size_t drop_idle_keys(const struct table_state *s, struct slice *keys, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(keys, count, sizeof *keys, compare_slices);
    for (size_t i = 0; i < count; i++)
        if ((kept == 0 || !slice_equal(keys[kept - 1], keys[i])) && !is_bound(s, keys[i]))
            keys[kept++] = keys[i];
    return kept;
}

slp_rc upkeep_split_at(struct state_table *table, struct slice *keys, size_t count, bool dry_run,
                       struct alloc *mem, uint64_t *made, struct slp_err *err)
{
    uint64_t sum = 0;
    int tries = 0;
    TRY(check_keys(keys, count, err));
    TRY(state_table_refresh(table, err));
    count = drop_idle_keys(state_table_view(table), keys, count);
    for (size_t i = 0; i < count && !dry_run;) {
        size_t taken = 0;
        if (is_bound(state_table_view(table), keys[i])) {
            i++; /* somebody else made it meanwhile */
            continue;
        }
        TRY(split_one(table, keys + i, count - i, mem, &taken, err));
        tries = taken ? 0 : tries + 1;
        if (tries == TRIES_MAX)
            FAIL(err, CONFLICT, "others split and merge the partition all the time");
        i += taken;
        sum += taken;
    }
    *made = dry_run ? count : sum;
    return SLP_OK;
}

/* ------------------------------------------------------------------ evenly */

/* About `rows` rows from this row key on. */
struct sample {
    struct slice key;
    int64_t rows;
};

struct sampling {
    struct state_table *table;
    struct alloc *mem;
    struct arena arena;
    struct buf samples; /* of struct sample */
    int64_t stride;     /* rows from one sample to the next; 0: blocks */
};

static slp_rc add_sample(struct sampling *s, struct slice key, int64_t rows, struct slp_err *err)
{
    const struct key_spec *spec = state_table_key_spec(s->table);
    struct sample sample = {.rows = rows};
    size_t bytes = 0;
    TRY(key_prefix_bytes(spec, key, spec->row_key_count, &bytes, err));
    TRY(arena_copy(&s->arena, slice_first(key, bytes), &sample.key, err));
    return buf_append(&s->samples, &sample, sizeof sample, err);
}

static slp_rc sample_blocks(struct sampling *s, struct datafile *file, int64_t first, int64_t end,
                            struct slp_err *err)
{
    for (int64_t block = first; block < end; block++) {
        struct slice key;
        struct slice ignored;
        int64_t row = 0;
        int64_t next = row;
        TRY(datafile_block(file, block, &key, &row, err));
        next = row + DATAFILE_BLOCK_ROWS_MAX;
        if (block + 1 < datafile_block_count(file))
            TRY(datafile_block(file, block + 1, &ignored, &next, err));
        TRY(datafile_block(file, block, &key, &row, err));
        TRY(add_sample(s, key, next - row, err));
    }
    return SLP_OK;
}

static slp_rc sample_rows(struct sampling *s, struct datafile *file, struct key_range range,
                          struct slp_err *err)
{
    struct run *run = NULL;
    const struct key_spec *spec = state_table_key_spec(s->table);
    struct datafile_read_options o = {
        .range = range, .columns = &spec->columns[0], .column_count = 1};
    slp_rc rc = datafile_read(file, &o, &run, NULL, err);
    int64_t skip = 0;
    while (rc == SLP_OK) {
        struct run_block block = {0};
        rc = run_next(run, &block, err);
        int64_t i = skip;
        for (; rc == SLP_OK && i < block.keys->count; i += s->stride)
            rc = add_sample(s, key_at(block.keys, i), s->stride, err);
        if (rc == SLP_OK)
            skip = i - block.keys->count;
    }
    run_close(run);
    return rc == SLP_DONE ? SLP_OK : rc;
}

static slp_rc sample_reference(struct sampling *s, const struct state_reference *ref,
                               struct slp_err *err)
{
    struct datafile *file = NULL;
    int64_t first = 0;
    int64_t end = 0;
    TRY(upkeep_open_file(s->table, ref, s->mem, &file, err));
    slp_rc rc = SLP_OK;
    if (s->stride) {
        rc = sample_rows(s, file, ref->range, err);
    } else {
        rc = datafile_find(file, ref->range, &first, &end, err);
        if (rc == SLP_OK)
            rc = sample_blocks(s, file, first, end, err);
    }
    datafile_close(file);
    return rc;
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;
    return slice_compare(x->key, y->key);
}

static size_t sample_count(const struct sampling *s)
{
    return s->samples.len / sizeof(struct sample);
}

static slp_rc take_samples(struct sampling *s, uint64_t leaves, struct slp_err *err)
{
    const struct table_state *view = state_table_view(s->table);
    const struct state_reference **refs = NULL;
    size_t count = 0;
    int64_t rows = 0;
    TRY(state_references_meeting(view, (struct key_range){0}, &s->arena, &refs, &count, err));
    for (size_t i = 0; i < count; i++)
        rows += num_max_i64(state_reference_rows(refs[i], refs[i]->range), 0);
    /* Blocks have up to so many rows: with fewer of them their beginnings are too far apart. */
    if (rows / DATAFILE_BLOCK_ROWS_MAX < (int64_t)leaves * UPKEEP_BLOCKS_A_PART)
        s->stride = num_max_i64(rows / ((int64_t)leaves * SAMPLES_A_PART), 1);
    for (size_t i = 0; i < count; i++)
        TRY(sample_reference(s, refs[i], err));
    if (sample_count(s) == 0)
        FAIL(err, INVALID, "there are no rows to go by; give split points");
    qsort(s->samples.ptr, sample_count(s), sizeof(struct sample), compare_samples);
    return SLP_OK;
}

struct chosen {
    struct slice *keys;
    size_t count;
};

/* The keys that part the samples of one leaf into `parts`. */
static void choose_keys(const struct sample *samples, size_t count, uint64_t parts, struct slice lo,
                        struct chosen *out)
{
    int64_t total = 0;
    int64_t seen = 0;
    uint64_t part = 1;
    struct slice last = lo;
    for (size_t i = 0; i < count; i++)
        total += samples[i].rows;
    /* What stands before the first row would part nothing. */
    if (count && slice_compare(samples[0].key, last) > 0)
        last = samples[0].key;
    for (size_t i = 0; i < count && part < parts; i++) {
        bool is_due = (double)seen >= (double)total * (double)part / (double)parts;
        if (is_due && slice_compare(samples[i].key, last) > 0) {
            last = samples[i].key;
            out->keys[out->count++] = last;
            part++;
        }
        seen += samples[i].rows;
    }
}

/* Shares of the parts that are still to be had go to the leaves by their rows. */
static void choose_all(const struct sampling *s, uint64_t leaves, struct chosen *out)
{
    const struct table_state *view = state_table_view(s->table);
    const struct sample *samples = (const struct sample *)(const void *)s->samples.ptr;
    uint64_t more = leaves - state_leaf_count(view);
    double total = 0;
    double seen = 0;
    uint64_t given = 0;
    size_t at = 0;
    for (size_t i = 0; i < sample_count(s); i++)
        total += (double)samples[i].rows;
    for (size_t i = 0; i < state_leaf_count(view); i++) {
        struct key_range range = state_leaf_at(view, i)->range;
        size_t first = at;
        for (; at < sample_count(s) && key_range_holds(range, samples[at].key); at++)
            seen += (double)samples[at].rows;
        uint64_t due = at == sample_count(s) ? more : (uint64_t)((double)more * seen / total);
        choose_keys(samples + first, at - first, due - given + 1, range.lo, out);
        given = due;
    }
}

slp_rc upkeep_split_evenly(struct state_table *table, uint64_t leaves, bool dry_run,
                           struct alloc *mem, uint64_t *made, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct sampling s = {.table = table, .mem = mem};
    struct chosen chosen = {.count = 0};
    if (leaves < 1 || leaves > state_rules_default().leaf_max)
        FAIL(err, INVALID, "a table has 1 to %" PRIu32 " partitions",
             state_rules_default().leaf_max);
    arena_init(&s.arena, mem, WORK_MAX_BYTES);
    buf_init(&s.samples, mem, WORK_MAX_BYTES);
    TRY_OUT(state_table_refresh(table, err));
    *made = 0;
    if (leaves <= state_leaf_count(state_table_view(table)))
        goto out;
    TRY_OUT(take_samples(&s, leaves, err));
    TRY_OUT(arena_array(&s.arena, (size_t)leaves, sizeof *chosen.keys, (void **)&chosen.keys, err));
    choose_all(&s, leaves, &chosen);
    rc = upkeep_split_at(table, chosen.keys, chosen.count, dry_run, mem, made, err);
out:
    buf_fini(&s.samples);
    arena_fini(&s.arena);
    return rc;
}
