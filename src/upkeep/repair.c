#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "parquet/meta.h"
#include "state/salvage.h"
#include "upkeep/sweep.h"

#define WORK_MAX_BYTES ((size_t)4 << 30)
#define TEXT_BYTES     512

/* A name in data/ that the salvaged state knows. */
struct known {
    struct slice name;
    uint64_t bytes; /* of a live file that is an object of its own; 0: it need not be there */
    bool is_live;
    bool is_seen;
};

/* A data file that no readable frame names, and what its footer says of its maker. */
struct stranger {
    struct slice name;    /* relative to the table */
    struct slice lineage; /* as it stands there, or why it cannot be read */
    struct slice table;   /* whose it is, in hexadecimal; empty: not told */
    struct slice *parents;
    size_t parent_count; /* of an output of a job: its inputs */
};

struct repairing {
    const struct upkeep_repair_options *options;
    struct state_instance *instance;
    struct alloc *mem;
    struct hash128 table;
    struct arena arena;
    struct sweep sweep;
    char place[64]; /* "t/<id>/" */
    struct known *known;
    size_t count;
    struct stranger *strangers;
    size_t stranger_count;
    size_t stranger_room;
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
        r->known[r->count++] =
            (struct known){.name = live[i]->name,
                           .bytes = live[i]->log_offset ? 0 : live[i]->info.file_bytes,
                           .is_live = true};
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

/* A name of the store as the table has it. */
static struct slice below_table(const struct repairing *r, struct slice name)
{
    struct slice place = slice_str(r->place);
    return slice_starts_with(name, place) ? slice_after(name, place.len) : name;
}

/* What the lineage says; one that is no JSON of ours says nothing. */
static slp_rc parse_lineage(struct repairing *r, struct stranger *s, struct slp_err *err)
{
    struct json root;
    const struct json *table = NULL;
    const struct json *parents = NULL;
    void *room = NULL;
    struct slp_err found = {.code = SLP_OK};
    slp_rc rc = json_parse(s->lineage, &r->arena, &root, &found);
    if (rc == SLP_NO_MEMORY || rc == SLP_LIMIT)
        FAIL(err, NO_MEMORY, "%s", found.text);
    if (rc != SLP_OK || root.kind != JSON_IS_OBJECT ||
        json_may(&root, "table", JSON_IS_TEXT, &table, &found) != SLP_OK ||
        json_may(&root, "parents", JSON_IS_ARRAY, &parents, &found) != SLP_OK)
        return SLP_OK;
    if (table)
        s->table = table->text;
    if (!parents)
        return SLP_OK;
    TRY(arena_array(&r->arena, parents->count, sizeof *s->parents, &room, err));
    s->parents = room;
    for (size_t i = 0; i < parents->count; i++)
        if (parents->items[i].kind == JSON_IS_TEXT)
            s->parents[s->parent_count++] = below_table(r, parents->items[i].text);
    return SLP_OK;
}

static slp_rc add_stranger(struct repairing *r, const struct stranger *s, struct slp_err *err)
{
    if (r->stranger_count == r->stranger_room) {
        size_t more = r->stranger_room ? r->stranger_room * 2 : 64;
        void *room = NULL;
        TRY(arena_array(&r->arena, more, sizeof *s, &room, err));
        if (r->stranger_count)
            memcpy(room, r->strangers, r->stranger_count * sizeof *s);
        r->strangers = room;
        r->stranger_room = more;
    }
    r->strangers[r->stranger_count++] = *s;
    return SLP_OK;
}

static slp_rc note_stranger(struct repairing *r, const struct store_item *item, struct slice name,
                            struct slp_err *err)
{
    struct stranger s = {.parent_count = 0};
    struct slp_err found = {.code = SLP_OK};
    TRY(arena_copy(&r->arena, name, &s.name, err));
    slp_rc rc = read_lineage(r, item->name, &r->arena, &s.lineage, &found);
    if (rc != SLP_OK && rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED && rc != SLP_NOT_FOUND) {
        if (err)
            *err = found;
        return rc;
    }
    if (rc == SLP_OK && s.lineage.len)
        TRY(parse_lineage(r, &s, err));
    else if (rc == SLP_OK)
        s.lineage = slice_str("its footer does not say who made it");
    else
        TRY(arena_copy(&r->arena, slice_str(found.text), &s.lineage, err));
    return add_stranger(r, &s, err);
}

static const struct known *find_known(const struct repairing *r, struct slice name)
{
    struct known wanted = {.name = name};
    return r->count ? bsearch(&wanted, r->known, r->count, sizeof wanted, compare_known) : NULL;
}

/* An output all of whose inputs are live: whether it was committed or not, no row is missing with it. */
static bool is_spare(const struct repairing *r, const struct stranger *s)
{
    for (size_t i = 0; i < s->parent_count; i++) {
        const struct known *parent = find_known(r, s->parents[i]);
        if (!parent || !parent->is_live)
            return false;
    }
    return s->parent_count > 0;
}

/* The file whose job took this one as an input, which only what was committed can be; NULL. */
static const struct stranger *find_child(const struct repairing *r, const struct stranger *s)
{
    for (size_t i = 0; i < r->stranger_count; i++)
        for (size_t k = 0; k < r->strangers[i].parent_count; k++)
            if (slice_equal(r->strangers[i].parents[k], s->name))
                return &r->strangers[i];
    return NULL;
}

/*
 * What lineage proves. A job's inputs were in the state that its maker had replayed to, so a file that is a parent of
 * another was committed. Nothing proves that one was not.
 */
static slp_rc judge_stranger(struct repairing *r, const struct stranger *s, struct slp_err *err)
{
    char hex[33];
    char text[TEXT_BYTES];
    hash_format(r->table, hex);
    const struct stranger *child = find_child(r, s);
    if (s->table.len && !slice_is(s->table, hex)) {
        (void)snprintf(text, sizeof text, "it was made for table %.*s", SLICE_ARG(s->table));
        return tell(r, s->name, "foreign", slice_str(text), err);
    }
    if (is_spare(r, s))
        return tell(r, s->name, "spare",
                    slice_str("what it was made of is all in the table: no row of it is missing"),
                    err);
    if (child) {
        r->result->committed++;
        (void)snprintf(text, sizeof text,
                       "it was committed, for \"%.*s\" was made of it; ingest it again if none of "
                       "those made of it is",
                       SLICE_ARG(child->name));
        return tell(r, s->name, "committed", slice_str(text), err);
    }
    r->result->undecided++;
    return tell(r, s->name, "undecided", s->lineage, err);
}

static slp_rc look_for(void *context, const struct store_item *item, struct slp_err *err)
{
    struct repairing *r = context;
    char text[TEXT_BYTES];
    struct known wanted = {.name = slice_after(item->name, strlen(r->place))};
    struct known *known =
        r->count ? bsearch(&wanted, r->known, r->count, sizeof wanted, compare_known) : NULL;
    if (!known)
        return note_stranger(r, item, wanted.name, err);
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
    for (size_t i = 0; i < r->stranger_count; i++)
        TRY(judge_stranger(r, &r->strangers[i], err));
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
    struct repairing r = {
        .options = options, .instance = instance, .mem = mem, .table = table, .result = &result};
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
