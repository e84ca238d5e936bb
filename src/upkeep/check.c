#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "datafile/datafile.h"
#include "state/open.h"
#include "upkeep/check_priv.h"

#define TEXT_BYTES 512

const char *upkeep_severity_text(enum upkeep_severity severity)
{
    static const char *const texts[] = {"error", "warning", "info"};
    return texts[severity];
}

slp_rc upkeep_check_tell(struct checking *c, enum upkeep_severity severity, struct slice object,
                         const char *text, struct slp_err *err)
{
    struct upkeep_finding f = {.severity = severity, .object = object, .text = slice_str(text)};
    return c->found(c->context, &f, err);
}

/* ---- State ---- */

/* From the log alone: a head may hold frames that the log has lost. */
static slp_rc print_again(struct checking *c, struct buf *out, struct slp_err *err)
{
    struct state_table *again = NULL;
    struct slp_err found = {.code = SLP_OK};
    struct state_open_options o = {.is_without_head = true};
    slp_rc rc = state_table_open_id_with(state_table_instance(c->table), state_table_id(c->table),
                                         &o, &again, &found);
    if (rc == SLP_CORRUPT && c->is_log_damaged)
        return SLP_OK;
    if (rc == SLP_CORRUPT)
        return upkeep_check_tell(c, UPKEEP_ERROR, slice_str("log"), found.text, err);
    if (rc != SLP_OK && err)
        *err = found;
    TRY(rc);
    rc = state_print(state_table_view(again), out, err);
    if (rc == SLP_OK &&
        state_number(state_table_view(again)) != state_number(state_table_view(c->table)))
        buf_clear(out); /* somebody committed meanwhile: there is nothing to compare */
    state_table_close(again);
    return rc;
}

/* A state that was carried along and one replayed from nothing must be the same. */
static slp_rc check_replay(struct checking *c, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf first;
    struct buf second;
    buf_init(&first, c->mem, CHECK_PRINT_MAX_BYTES);
    buf_init(&second, c->mem, CHECK_PRINT_MAX_BYTES);
    TRY_OUT(state_print(state_table_view(c->table), &first, err));
    TRY_OUT(print_again(c, &second, err));
    if (second.len && !slice_equal(buf_slice(&first), buf_slice(&second)))
        rc = upkeep_check_tell(c, UPKEEP_ERROR, slice_str("log"),
                               "replaying the log again gives another state", err);
out:
    buf_fini(&first);
    buf_fini(&second);
    return rc;
}

/* Leaves must cover every key, one behind the other. */
static slp_rc check_leaves(struct checking *c, struct slp_err *err)
{
    const struct table_state *s = state_table_view(c->table);
    size_t count = state_leaf_count(s);
    for (size_t i = 0; i < count; i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        bool begins = i == 0 ? leaf->range.lo.len == 0
                             : slice_equal(leaf->range.lo, state_leaf_at(s, i - 1)->range.hi);
        bool ends = leaf->range.has_hi == (i + 1 < count);
        char text[TEXT_BYTES];
        if (begins && ends && !key_range_is_empty(leaf->range))
            continue;
        (void)snprintf(text, sizeof text, "partition %zu does not join its neighbours", i);
        TRY(upkeep_check_tell(c, UPKEEP_ERROR, slice_str("log"), text, err));
    }
    return SLP_OK;
}

/* ---- References ---- */

/*
 * Where a file counts, summed over its references, which are met in key order. One that is whole
 * has them side by side from its first key to its last; else a compaction of one partition has
 * replaced a part of it.
 */
struct tally {
    const struct state_file *file;
    int64_t rows;
    bool is_exact;
    bool is_joined;  /* so far, each begins where the one before ended */
    struct slice hi; /* where the last one ended */
    bool has_hi;
    uint32_t refs;
};

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a;
    const struct tally *y = b;
    return state_id_compare(x->file->id, y->file->id);
}

static slp_rc check_reference(struct checking *c, const struct state_leaf *leaf,
                              const struct state_reference *ref, struct tally *tally,
                              struct slp_err *err)
{
    struct key_range inside = key_range_clip(ref->range, leaf->range);
    bool is_cut = ref->row_lo >= 0 && ref->row_hi >= 0;
    bool joins = tally->refs ? tally->has_hi && slice_equal(tally->hi, ref->range.lo)
                             : slice_compare(ref->range.lo, ref->file->info.first_key) <= 0;
    tally->is_joined = tally->is_joined && joins;
    tally->hi = ref->range.hi;
    tally->has_hi = ref->range.has_hi;
    tally->refs++;
    tally->is_exact = tally->is_exact && is_cut;
    tally->rows += is_cut ? ref->row_hi - ref->row_lo : 0;
    if (!slice_equal(inside.lo, ref->range.lo) || !slice_equal(inside.hi, ref->range.hi))
        return upkeep_check_tell(c, UPKEEP_ERROR, ref->file->name,
                                 "a reference reaches beyond its partition", err);
    if (is_cut && (ref->row_lo > ref->row_hi || ref->row_hi > ref->file->info.rows))
        return upkeep_check_tell(c, UPKEEP_ERROR, ref->file->name,
                                 "a reference names rows that the file does not have", err);
    return SLP_OK;
}

static slp_rc check_leaf_references(struct checking *c, const struct state_leaf *leaf,
                                    struct tally *tallies, size_t count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    const struct state_reference *refs = NULL;
    arena_init(&arena, c->mem, CHECK_WORK_MAX_BYTES);
    TRY_OUT(state_leaf_references(leaf, &arena, &refs, err));
    for (size_t j = 0; j < leaf->ref_count; j++) {
        struct tally wanted = {.file = refs[j].file};
        struct tally *tally = bsearch(&wanted, tallies, count, sizeof *tallies, compare_tallies);
        SLP_INVARIANT(tally != NULL);
        TRY_OUT(check_reference(c, leaf, &refs[j], tally, err));
    }
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc check_references(struct checking *c, struct tally *tallies, size_t count,
                               struct slp_err *err)
{
    const struct table_state *s = state_table_view(c->table);
    for (size_t i = 0; i < state_leaf_count(s); i++)
        TRY(check_leaf_references(c, state_leaf_at(s, i), tallies, count, err));
    return SLP_OK;
}

/* ---- Files ---- */

static slp_rc verify_file(struct checking *c, const struct state_file *f, struct slp_err *err)
{
    struct source *src = NULL;
    struct datafile *file = NULL;
    struct state_name object;
    TRY(state_table_object(c->table, f->name, &object, err));
    slp_rc rc = state_open_source(c->table, state_name_slice(&object), f->info.file_bytes, c->mem,
                                  &src, err);
    if (rc == SLP_NOT_FOUND)
        FAIL(err, CORRUPT, "it is not there");
    TRY(rc);
    TRY(datafile_open(c->mem, src, &f->info, state_table_schema(c->table),
                      state_table_key_spec(c->table), &file, err));
    rc = datafile_verify(file, err);
    datafile_close(file);
    return rc;
}

static bool is_whole(const struct tally *t)
{
    return t->is_joined && (!t->has_hi || slice_compare(t->file->info.last_key, t->hi) < 0);
}

static slp_rc check_file(struct checking *c, const struct tally *tally, struct slp_err *err)
{
    struct slp_err found = {.code = SLP_OK};
    slp_rc rc = verify_file(c, tally->file, &found);
    if (rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED)
        return upkeep_check_tell(c, UPKEEP_ERROR, tally->file->name, found.text, err);
    if (rc != SLP_OK) {
        if (err)
            *err = found;
        return err_wrap(err, rc, "data file \"%.*s\"", SLICE_ARG(tally->file->name));
    }
    int64_t rows = tally->file->info.rows;
    bool is_wrong = tally->is_exact && (is_whole(tally) ? tally->rows != rows : tally->rows > rows);
    if (tally->refs && is_wrong) {
        char text[TEXT_BYTES];
        (void)snprintf(text, sizeof text,
                       "%" PRId64 " of its %" PRId64 " rows count in a partition", tally->rows,
                       rows);
        return upkeep_check_tell(c, UPKEEP_ERROR, tally->file->name, text, err);
    }
    return SLP_OK;
}

static slp_rc check_files(struct checking *c, struct slp_err *err)
{
    const struct state_file **files = NULL;
    struct tally *tallies = NULL;
    size_t count = 0;
    TRY(state_files(state_table_view(c->table), &c->arena, &files, &count, err));
    TRY(arena_array(&c->arena, count, sizeof *tallies, (void **)&tallies, err));
    for (size_t i = 0; i < count; i++)
        tallies[i] = (struct tally){.file = files[i], .is_exact = true, .is_joined = true};
    TRY(check_references(c, tallies, count, err));
    for (size_t i = 0; i < count; i++) {
        if (c->cancel && *c->cancel)
            FAIL(err, CANCELLED, "cancelled");
        TRY(check_file(c, &tallies[i], err));
    }
    return SLP_OK;
}

slp_rc upkeep_check(struct state_table *table, const volatile int *cancel, upkeep_finding_fn found,
                    void *context, struct alloc *mem, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct checking c = {
        .table = table, .cancel = cancel, .found = found, .context = context, .mem = mem};
    arena_init(&c.arena, mem, CHECK_WORK_MAX_BYTES);
    TRY_OUT(upkeep_check_log(&c, err));
    TRY_OUT(check_replay(&c, err));
    TRY_OUT(upkeep_check_snapshots(&c, err));
    TRY_OUT(check_leaves(&c, err));
    TRY_OUT(check_files(&c, err));
    TRY_OUT(upkeep_check_strangers(&c, err));
out:
    arena_fini(&c.arena);
    return rc;
}
