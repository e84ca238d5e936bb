#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "parquet/meta.h"
#include "state/salvage.h"
#include "upkeep/sweep.h"

#define WORK_MAX_BYTES ((size_t)4 << 30)
#define TEXT_BYTES     512

/* A name in data/ that the salvaged state knows. */
struct known {
    struct slice name;
    uint64_t bytes; /* of a live file that is an object of its own; 0: it need not be there */
    bool is_seen;
};

struct repairing {
    const struct upkeep_repair_options *options;
    struct state_instance *instance;
    struct alloc *mem;
    struct arena arena;
    struct sweep sweep;
    char place[64]; /* "t/<id>/" */
    struct known *known;
    size_t count;
    struct upkeep_repair_result *result;
};

static slp_rc tell(struct repairing *r, struct slice object, const char *verdict, struct slice text,
                   struct slp_err *err)
{
    struct upkeep_repair_row row = {.object = object, .verdict = slice_str(verdict), .text = text};
    return r->options->told ? r->options->told(r->options->context, &row, err) : SLP_OK;
}

static slp_rc note_salvage(void *context, struct slice object, const char *verdict,
                           struct slice text, struct slp_err *err)
{
    struct repairing *r = context;
    r->result->lost += strcmp(verdict, "lost") == 0;
    return tell(r, object, verdict, text, err);
}

/* ------------------------------------------------------------------ data files */

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;
    return slice_compare(x->name, y->name);
}

static slp_rc know(struct repairing *r, const struct table_state *view, struct slp_err *err)
{
    const struct state_file **live = NULL;
    size_t live_count = 0;
    size_t dead_count = state_dead_count(view);
    void *room = NULL;
    TRY(state_files(view, &r->arena, &live, &live_count, err));
    TRY(arena_array(&r->arena, live_count + dead_count, sizeof *r->known, &room, err));
    r->known = room;
    for (size_t i = 0; i < live_count; i++)
        r->known[r->count++] = (struct known){
            .name = live[i]->name, .bytes = live[i]->log_offset ? 0 : live[i]->info.file_bytes};
    for (size_t i = 0; i < dead_count; i++)
        r->known[r->count++] = (struct known){.name = state_dead_at(view, i)->name};
    if (r->count)
        qsort(r->known, r->count, sizeof *r->known, compare_known);
    return SLP_OK;
}

/* What the footer of a file says of its maker; `*out` stays empty where it says nothing. */
static slp_rc read_lineage(struct repairing *r, struct slice object, struct arena *arena,
                           struct slice *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct source *src = NULL;
    struct buf footer;
    struct pq_meta meta;
    buf_init(&footer, r->mem, PQ_FOOTER_MAX_BYTES);
    TRY_OUT(store_open(r->sweep.store, object, r->mem, &src, err));
    TRY_OUT(pq_footer_read(src, &footer, err));
    TRY_OUT(pq_meta_parse(buf_slice(&footer), src->size, arena, &meta, err));
    for (size_t i = 0; i < meta.key_value_count; i++)
        if (slice_equal(meta.key_values[i].key, slice_str("sleeper.lineage")))
            TRY_OUT(arena_copy(arena, meta.key_values[i].value, out, err));
out:
    if (src)
        source_close(src);
    buf_fini(&footer);
    return rc;
}

/* Nothing proves that it was committed, nor that it was not. */
static slp_rc tell_undecided(struct repairing *r, const struct store_item *item, struct slice name,
                             struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    struct slice lineage = {0};
    struct slp_err found = {.code = SLP_OK};
    arena_init(&arena, r->mem, WORK_MAX_BYTES);
    r->result->undecided++;
    rc = read_lineage(r, item->name, &arena, &lineage, &found);
    if (rc != SLP_OK && rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED && rc != SLP_NOT_FOUND) {
        if (err)
            *err = found;
        goto out;
    }
    if (rc != SLP_OK)
        lineage = slice_str(found.text);
    else if (!lineage.len)
        lineage = slice_str("its footer does not say who made it");
    rc = tell(r, name, "undecided", lineage, err);
out:
    arena_fini(&arena);
    return rc;
}

static slp_rc look_for(void *context, const struct store_item *item, struct slp_err *err)
{
    struct repairing *r = context;
    char text[TEXT_BYTES];
    struct known wanted = {.name = slice_after(item->name, strlen(r->place))};
    struct known *known =
        r->count ? bsearch(&wanted, r->known, r->count, sizeof wanted, compare_known) : NULL;
    if (!known)
        return tell_undecided(r, item, wanted.name, err);
    known->is_seen = true;
    if (known->bytes == 0 || known->bytes == item->size)
        return SLP_OK;
    r->result->lost++;
    (void)snprintf(text, sizeof text,
                   "it has %" PRIu64 " bytes, its entry in the log says %" PRIu64, item->size,
                   known->bytes);
    return tell(r, wanted.name, "damaged", slice_str(text), err);
}

static slp_rc compare_data(struct repairing *r, const struct table_state *view, struct slp_err *err)
{
    struct state_name folder;
    TRY(know(r, view, err));
    folder.len = (size_t)snprintf(folder.text, sizeof folder.text, "%sdata/", r->place);
    TRY(upkeep_sweep_each(&r->sweep, state_name_slice(&folder), look_for, r, err));
    for (size_t i = 0; i < r->count; i++) {
        if (r->known[i].bytes == 0 || r->known[i].is_seen)
            continue;
        r->result->lost++;
        TRY(tell(r, r->known[i].name, "damaged",
                 slice_str("it is not there: reading its partition fails by its name"), err));
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ all of it */

slp_rc upkeep_repair(struct state_instance *instance, struct hash128 table,
                     const struct upkeep_repair_options *options, struct alloc *mem,
                     struct upkeep_repair_result *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char hex[33];
    struct state_salvage *salvage = NULL;
    struct upkeep_repair_result result = {.lost = 0};
    struct upkeep_gc_options listing = {.cancel = options->cancel};
    struct upkeep_gc_result unused = {0};
    struct repairing r = {.options = options, .instance = instance, .mem = mem, .result = &result};
    arena_init(&r.arena, mem, WORK_MAX_BYTES);
    upkeep_sweep_init(&r.sweep, state_instance_store(instance), &listing, mem, &unused);
    hash_format(table, hex);
    (void)snprintf(r.place, sizeof r.place, "t/%s/", hex);
    TRY_OUT(state_salvage_open(instance, table, note_salvage, &r, &salvage, err));
    result.is_damaged = state_salvage_is_damaged(salvage);
    result.number = state_number(state_salvage_view(salvage));
    if (result.is_damaged)
        TRY_OUT(compare_data(&r, state_salvage_view(salvage), err));
    if (result.is_damaged && !options->dry_run) {
        TRY_OUT(state_salvage_write(salvage, result.broken, err));
        result.number = state_number(state_salvage_view(salvage));
    }
    *out = result;
out:
    state_salvage_close(salvage);
    upkeep_sweep_fini(&r.sweep);
    arena_fini(&r.arena);
    return err_wrap(err, rc, "repair");
}
