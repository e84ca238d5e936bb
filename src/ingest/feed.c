#include "ingest/feed.h"

#include "ingest/queue.h"

#include "os/expand.h"

#define PATHS_MAX_BYTES ((size_t)1 << 30)

struct ingest_source {
    struct rows_input *input;
    size_t parts;
    size_t next; /* part to hand out */
    size_t open; /* parts handed out and not released, and one while parts are left */
};

static slp_rc add_paths(struct ingest_feed *f, struct buf *list, const char *input,
                        struct slp_err *err)
{
    const char **paths = &input;
    size_t count = 1;
    if (!slice_is(slice_str(input), "-"))
        TRY(os_expand(input, &f->arena, &paths, &count, err));
    return buf_append(list, paths, count * sizeof *paths, err);
}

slp_rc ingest_feed_init(struct ingest_feed *f, struct alloc *mem,
                        const struct ingest_feed_options *options, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf list;
    struct slice kept;
    *f = (struct ingest_feed){.mem = mem, .rows = options->rows, .queue = options->queue};
    arena_init(&f->arena, mem, PATHS_MAX_BYTES);
    os_mutex_init(&f->lock);
    buf_init(&list, mem, PATHS_MAX_BYTES);
    for (size_t i = 0; rc == SLP_OK && i < options->input_count; i++) {
        rc = add_paths(f, &list, options->inputs[i], err);
        if (rc == SLP_NOT_FOUND && options->missing)
            *options->missing = options->inputs[i];
    }
    TRY_OUT(rc);
    TRY_OUT(arena_copy(&f->arena, buf_slice(&list), &kept, err));
    f->path_count = list.len / sizeof *f->paths;
    f->paths = (const char **)(void *)(uintptr_t)kept.ptr;
out:
    buf_fini(&list);
    if (rc != SLP_OK)
        ingest_feed_fini(f);
    return rc;
}

static void drop(struct ingest_feed *f, struct ingest_source *s)
{
    if (--s->open > 0)
        return;
    rows_input_close(s->input);
    alloc_delete(f->mem, s);
}

void ingest_feed_fini(struct ingest_feed *f)
{
    if (!f->mem)
        return;
    if (f->current)
        drop(f, f->current);
    os_mutex_fini(&f->lock);
    arena_fini(&f->arena);
    *f = (struct ingest_feed){0};
}

static slp_rc open_next(struct ingest_feed *f, struct slp_err *err)
{
    struct ingest_source *s = NULL;
    TRY(alloc_new(f->mem, &s, err));
    slp_rc rc = rows_input_open(f->mem, f->paths[f->next_path], &f->rows, &s->input, err);
    if (rc != SLP_OK) {
        f->blamed = f->blamed ? f->blamed : f->paths[f->next_path];
        alloc_delete(f->mem, s);
        return rc;
    }
    f->next_path++;
    s->parts = rows_input_parts(s->input);
    s->open = 1;
    f->current = s;
    return SLP_OK;
}

static slp_rc take_part(struct ingest_feed *f, struct ingest_part *out, struct slp_err *err)
{
    struct ingest_source *s = f->current;
    if (f->next_part == INGEST_PARTS_MAX)
        FAIL(err, LIMIT, "more than %llu parts of files in one ingest; ingest fewer at once",
             (unsigned long long)INGEST_PARTS_MAX);
    struct arr_stream *stream = NULL;
    TRY(rows_input_part(s->input, s->next, f->mem, &stream, err));
    *out = (struct ingest_part){.source = s,
                                .stream = stream,
                                .path = f->paths[f->next_path - 1],
                                .ordinal = f->next_part << INGEST_ROW_BITS};
    s->next++;
    s->open++;
    f->next_part++;
    return SLP_OK;
}

static slp_rc next_part(struct ingest_feed *f, struct ingest_part *out, struct slp_err *err)
{
    for (;;) {
        if (f->current && f->current->next < f->current->parts)
            return take_part(f, out, err);
        if (f->current)
            drop(f, f->current);
        f->current = NULL;
        if (f->next_path == f->path_count)
            return SLP_DONE;
        TRY(open_next(f, err));
    }
}

slp_rc ingest_feed_next(struct ingest_feed *f, struct ingest_part *out, struct slp_err *err)
{
    if (f->queue)
        return ingest_queue_next(f->queue, out, err);
    os_mutex_lock(&f->lock);
    slp_rc rc = next_part(f, out, err);
    os_mutex_unlock(&f->lock);
    return rc;
}

void ingest_feed_blame(struct ingest_feed *f, const char *path)
{
    os_mutex_lock(&f->lock);
    f->blamed = f->blamed ? f->blamed : path;
    os_mutex_unlock(&f->lock);
}

void ingest_feed_release(struct ingest_feed *f, struct ingest_part *part)
{
    arr_stream_close(part->stream);
    if (part->source) {
        os_mutex_lock(&f->lock);
        drop(f, part->source);
        os_mutex_unlock(&f->lock);
    }
    *part = (struct ingest_part){0};
}
