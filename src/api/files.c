/*
 * Rows of files, without an instance: what `sleeper cat` prints.
 */
#include "api/instance.h"
#include "os/expand.h"
#include "predicate/predicate.h"
#include "rows/rows.h"

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* A stream over the parts of files, one after the other. */
struct files {
    struct arr_stream base;
    struct alloc *mem;
    struct arena arena;
    struct arr_schema all; /* columns of the first file */
    struct arr_schema read;
    enum rows_format format;
    const char **paths;
    size_t path_count;
    size_t next_path;
    size_t next_part;
    struct rows_input *input;
    struct arr_stream *part;
    const struct pred *pred; /* over `read`; NULL: all rows */
    enum pq_crc crc;
    bool keeps_dictionaries;
    struct rows_counts counted;
    struct slp_read_counts *counts;
};

static void close_input(struct files *f)
{
    arr_stream_close(f->part);
    f->part = NULL;
    rows_input_close(f->input);
    f->input = NULL;
}

static void tell_counts(const struct files *f)
{
    const struct rows_counts *c = &f->counted;
    if (!f->counts)
        return;
    f->counts->groups += c->groups;
    f->counts->groups_pruned += c->groups_pruned;
    f->counts->pages += c->pages;
    f->counts->pages_read += c->pages_read;
    f->counts->rows += c->rows;
    f->counts->bytes += c->bytes;
}

/* What an input is told before its rows are asked for. */
static void prepare_input(struct files *f)
{
    rows_input_crc(f->input, f->crc);
    if (f->keeps_dictionaries)
        rows_input_keep_dictionaries(f->input);
    if (f->pred)
        rows_input_filter(f->input, f->pred, &f->counted);
}

static void files_close(struct arr_stream *stream)
{
    struct files *f = (struct files *)(void *)stream;
    close_input(f);
    tell_counts(f);
    arena_fini(&f->arena);
    alloc_delete(f->mem, f);
}

/* Open the next file, its columns matched by name to those of the first. */
static slp_rc open_next(struct files *f, struct slp_err *err)
{
    struct rows_input_options o = {.format = f->format, .want = &f->read};
    f->next_part = 0;
    TRY(rows_input_open(f->mem, f->paths[f->next_path++], &o, &f->input, err));
    prepare_input(f);
    return SLP_OK;
}

static slp_rc open_part(struct files *f, bool *is_done, struct slp_err *err)
{
    *is_done = false;
    arr_stream_close(f->part);
    f->part = NULL;
    while (!f->input || f->next_part == rows_input_parts(f->input)) {
        close_input(f);
        *is_done = f->next_path == f->path_count;
        if (*is_done)
            return SLP_OK;
        TRY(open_next(f, err));
    }
    return rows_input_part(f->input, f->next_part++, f->mem, &f->part, err);
}

static slp_rc files_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct files *f = (struct files *)(void *)stream;
    for (;;) {
        bool is_done = false;
        slp_rc rc = f->part ? arr_stream_next(f->part, out, err) : SLP_DONE;
        if (rc != SLP_DONE)
            return rc;
        /* A batch has the schema of its input, which goes now; the next one makes it anew. */
        arr_batch_fini(out);
        *out = (struct arr_batch){0};
        TRY(open_part(f, &is_done, err));
        if (is_done)
            return SLP_DONE;
    }
}

static slp_rc expand_paths(struct files *f, const char *const *inputs, struct slp_err *err)
{
    size_t room = 0;
    for (size_t i = 0; inputs && inputs[i]; i++) {
        const char **paths = NULL;
        size_t count = 1;
        bool is_stdin = strcmp(inputs[i], "-") == 0;
        if (!is_stdin)
            TRY(os_expand(inputs[i], &f->arena, &paths, &count, err));
        const char **all = NULL;
        TRY(arena_array(&f->arena, room + count, sizeof *all, (void **)&all, err));
        for (size_t j = 0; j < room; j++)
            all[j] = f->paths[j];
        for (size_t j = 0; j < count; j++)
            all[room + j] = is_stdin ? inputs[i] : paths[j];
        f->paths = all;
        room += count;
    }
    f->path_count = room;
    if (room == 0)
        FAIL(err, INVALID, "no files are named");
    return SLP_OK;
}

/* Mark the columns that are asked for. */
static slp_rc mark_columns(const struct files *f, const char *const *columns, bool *used,
                           struct slp_err *err)
{
    for (size_t i = 0; columns && columns[i]; i++) {
        size_t at = 0;
        TRY(arr_schema_require(&f->all, slice_str(columns[i]), &at, err));
        used[at] = true;
    }
    return SLP_OK;
}

/* Read the columns that are asked for and those of the predicate, in the file's order. */
static slp_rc choose_columns(struct files *f, const struct slp_files_options *o,
                             struct slp_err *err)
{
    bool *used = NULL;
    const struct pred *pred = NULL;
    f->read = f->all;
    if (!o->columns)
        return SLP_OK;
    TRY(arena_array(&f->arena, f->all.count, sizeof *used, (void **)&used, err));
    TRY(mark_columns(f, o->columns, used, err));
    if (o->where) {
        TRY(pred_compile(slice_str(o->where), &f->all, NULL, 0, &f->arena, &pred, err));
        pred_columns(pred, used);
    }
    f->read.count = 0;
    TRY(arena_array(&f->arena, f->all.count, sizeof *f->read.fields, (void **)&f->read.fields,
                    err));
    for (size_t i = 0; i < f->all.count; i++)
        if (used[i])
            f->read.fields[f->read.count++] = f->all.fields[i];
    return SLP_OK;
}

/* The first file says what columns there are. It stays open: standard input goes by once. */
static slp_rc open_first(struct files *f, bool is_whole, struct slp_err *err)
{
    struct rows_input_options o = {.format = f->format, .infer = true};
    TRY(rows_input_open(f->mem, f->paths[f->next_path++], &o, &f->input, err));
    if (f->keeps_dictionaries)
        rows_input_keep_dictionaries(f->input);
    TRY(arr_schema_copy(&f->arena, rows_input_schema(f->input), &f->all, err));
    /* What may not be null in one file may be in the next. */
    for (size_t i = 0; f->path_count > 1 && i < f->all.count; i++)
        f->all.fields[i].nullable = true;
    /* What the file says of itself holds for it alone, and for all its columns. */
    if (f->path_count > 1 || !is_whole)
        f->all.pair_count = 0;
    return SLP_OK;
}

static slp_rc parse_crc(const char *text, enum pq_crc *out, struct slp_err *err)
{
    static const char *const names[] = {"present", "always", "never"};
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum pq_crc)i;
            return SLP_OK;
        }
    }
    if (text)
        FAIL(err, INVALID, "\"%s\" says not when checksums count: present, always or never", text);
    return SLP_OK;
}

static slp_rc open_files(struct files *f, const struct slp_files_options *o, struct slp_err *err)
{
    if (o->format)
        TRY(rows_format_parse(slice_str(o->format), &f->format, err));
    TRY(parse_crc(o->crc, &f->crc, err));
    f->counts = o->counts;
    f->keeps_dictionaries = o->keep_dictionaries;
    TRY(expand_paths(f, o->inputs, err));
    TRY(open_first(f, !o->columns, err));
    TRY(choose_columns(f, o, err));
    /* A file alone comes as it is, columns of one name too. */
    bool is_matched = o->columns || f->path_count > 1;
    if (is_matched)
        TRY(rows_input_want(f->input, &f->read, err));
    if (o->where)
        TRY(pred_compile(slice_str(o->where), &f->read, NULL, 0, &f->arena, &f->pred, err));
    prepare_input(f);
    return SLP_OK;
}

slp_rc slp_files_rows(const struct slp_files_options *options, struct slp_rows **out,
                      struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = files_next, .close = files_close};
    struct alloc *mem = alloc_system();
    struct files *f = NULL;
    struct slp_rows *rows = NULL;
    TRY(alloc_new(mem, &f, err));
    f->mem = mem;
    f->base = (struct arr_stream){.ops = &ops, .schema = &f->read};
    arena_init(&f->arena, mem, ARENA_MAX_BYTES);
    slp_rc rc = open_files(f, options, err);
    if (rc != SLP_OK) {
        files_close(&f->base);
        return rc;
    }
    TRY(api_rows_wrap(mem, &f->base, &rows, err));
    if (options->where)
        rc = slp_rows_where(&rows, options->where, err);
    if (rc == SLP_OK && (options->columns || options->limit))
        rc = slp_rows_select(&rows, options->columns, options->limit, err);
    if (rc != SLP_OK) {
        slp_rows_close(rows);
        return rc;
    }
    *out = rows;
    return SLP_OK;
}
