#include "state/open.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

/* Ranges that are moved at once. */
#define RANGES_AT_ONCE 64

/* Some bytes of another source. */
struct window {
    struct source base;
    struct alloc *mem;
    struct source *whole; /* owned */
    uint64_t offset;
};

static slp_rc window_read(struct source *src, const struct io_range *ranges, size_t count,
                          struct slp_err *err)
{
    struct window *w = (struct window *)(void *)src;
    struct io_range moved[RANGES_AT_ONCE];
    for (size_t first = 0; first < count; first += RANGES_AT_ONCE) {
        size_t n = num_min_size(count - first, RANGES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            moved[i] = ranges[first + i];
            moved[i].offset += w->offset;
        }
        TRY(source_read(w->whole, moved, n, err));
    }
    return SLP_OK;
}

static void window_close(struct source *src)
{
    struct window *w = (struct window *)(void *)src;
    source_close(w->whole);
    alloc_delete(w->mem, w);
}

/* Takes `whole`, on failure too. */
static slp_rc window_new(struct source *whole, uint64_t offset, uint64_t bytes, struct alloc *mem,
                         struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = window_read, .close = window_close};
    slp_rc rc = SLP_OK;
    struct window *w = NULL;
    if (offset > whole->size || bytes > whole->size - offset)
        rc = err_set(err, SLP_CORRUPT,
                     "\"%s\": an embedded file of %" PRIu64 " bytes at offset %" PRIu64
                     " lies outside its %" PRIu64 " bytes",
                     whole->name, bytes, offset, whole->size);
    if (rc == SLP_OK)
        rc = alloc_new(mem, &w, err);
    if (rc != SLP_OK) {
        source_close(whole);
        return rc;
    }
    *w = (struct window){.base = {.ops = &ops, .name = whole->name, .size = bytes},
                         .mem = mem,
                         .whole = whole,
                         .offset = offset};
    *out = &w->base;
    return SLP_OK;
}

/* The digits that *left ends with, which is cut to what stands before them. */
static bool take_number(struct slice *left, uint64_t *out)
{
    size_t n = 0;
    while (n < left->len && left->ptr[left->len - n - 1] >= '0' &&
           left->ptr[left->len - n - 1] <= '9')
        n++;
    uint64_t value = 0;
    for (size_t i = left->len - n; i < left->len; i++) {
        uint64_t digit = (uint64_t)left->ptr[i] - '0';
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    left->len -= n;
    *out = value;
    return n > 0;
}

static bool take_end(struct slice *left, const char *end)
{
    size_t n = strlen(end);
    if (left->len < n || memcmp(left->ptr + left->len - n, end, n) != 0)
        return false;
    left->len -= n;
    return true;
}

bool state_embedded_at(struct slice object, uint64_t *frame, uint64_t *offset)
{
    return take_end(&object, ".parquet") && take_number(&object, offset) &&
           take_end(&object, "-log-") && take_number(&object, frame) && take_end(&object, "/") &&
           *frame > 0 && *offset > 0;
}

static slp_rc open_in_frame(const struct state_table *t, uint64_t frame, uint64_t offset,
                            uint64_t bytes, struct alloc *mem, struct source **out,
                            struct slp_err *err)
{
    char log[32];
    struct state_name name;
    struct source *whole = NULL;
    (void)snprintf(log, sizeof log, "log/%020" PRIu64, frame);
    TRY(state_table_object(t, slice_str(log), &name, err));
    TRY(store_open(state_instance_store(state_table_instance(t)), state_name_slice(&name), mem,
                   &whole, err));
    return window_new(whole, offset, bytes, mem, out, err);
}

slp_rc state_open_source(const struct state_table *t, struct slice object, uint64_t bytes,
                         struct alloc *mem, struct source **out, struct slp_err *err)
{
    struct store *store = state_instance_store(state_table_instance(t));
    uint64_t frame = 0;
    uint64_t offset = 0;
    if (!state_embedded_at(object, &frame, &offset))
        return store_open(store, object, mem, out, err);
    bool is_moved = frame < state_table_lowest(t);
    if (is_moved) {
        slp_rc rc = store_open(store, object, mem, out, err);
        if (rc != SLP_NOT_FOUND)
            return rc;
        err_clear(err);
    }
    slp_rc rc = open_in_frame(t, frame, offset, bytes, mem, out, err);
    if (rc != SLP_NOT_FOUND || is_moved)
        return rc;
    err_clear(err);
    return store_open(store, object, mem, out, err);
}

slp_rc state_open_file_as(const struct state_table *t, const struct state_open_as *as,
                          struct alloc *mem, struct datafile **out, struct slp_err *err)
{
    struct source *src = NULL;
    slp_rc rc = state_open_source(t, as->object, as->info->file_bytes, mem, &src, err);
    if (rc == SLP_NOT_FOUND)
        FAIL(err, CORRUPT, "data file \"%.*s\": the log names it and it is not there; run check",
             SLICE_ARG(as->object));
    TRY(rc);
    return datafile_open(mem, src, as->info, as->schema, state_table_key_spec(t), out, err);
}

slp_rc state_open_file(const struct state_table *t, struct slice object,
                       const struct datafile_info *info, struct alloc *mem, struct datafile **out,
                       struct slp_err *err)
{
    struct state_open_as as = {.object = object, .info = info, .schema = state_table_schema(t)};
    return state_open_file_as(t, &as, mem, out, err);
}

slp_rc state_file_place(const struct state_table *t, const struct state_file *file, struct buf *out,
                        struct slp_err *err)
{
    struct state_name object;
    if (file->log_offset && file->id.at.frame >= state_table_lowest(t))
        return buf_printf(out, err, "log:%" PRIu64 ":%" PRIu64 ":%" PRIu64, file->id.at.frame,
                          file->log_offset, file->info.file_bytes);
    TRY(state_table_object(t, file->name, &object, err));
    return buf_append_slice(out, state_name_slice(&object), err);
}
