#include "store/folder.h"

#include <inttypes.h>

#include "os/clock.h"
#include "os/folder.h"
#include "store/folder_priv.h"

slp_rc store_folder_tag(struct folder *f, const char *path, struct store_tag *out,
                        struct slp_err *err)
{
    struct buf body;
    struct os_stat info;
    int fd = -1;
    buf_init(&body, f->mem, STORE_GET_MAX_BYTES);
    slp_rc rc = os_file_open(path, OS_OPEN_READ, &fd, err);
    if (rc == SLP_NOT_FOUND) {
        err_clear(err);
        memset(out, 0, sizeof *out);
        return SLP_OK;
    }
    TRY(rc);
    TRY_OUT(os_file_stat_fd(fd, path, &info, err));
    TRY_OUT(buf_resize(&body, (size_t)info.size, err));
    TRY_OUT(os_file_pread(fd, path, 0, body.ptr, body.len, err));
    store_count(&f->base.counts.bytes_in, body.len);
    *out = store_tag_of(buf_slice(&body));
out:
    os_file_close(fd);
    buf_fini(&body);
    return rc;
}

/* Open an object for reading. Folders are not objects. */
static slp_rc open_object(const char *path, int *fd, uint64_t *size, struct slp_err *err)
{
    struct os_stat info;
    slp_rc rc = SLP_OK;
    int got = -1;
    TRY(os_file_open(path, OS_OPEN_READ, &got, err));
    TRY_OUT(os_file_stat_fd(got, path, &info, err));
    if (!info.is_file)
        FAIL_OUT(err, NOT_FOUND, "\"%s\" is no file", path);
    *fd = got;
    *size = info.size;
out:
    if (rc != SLP_OK)
        os_file_close(got);
    return rc;
}

static slp_rc run_get(struct folder *f, struct store_request *r, const char *path)
{
    slp_rc rc = SLP_OK;
    struct buf body;
    uint64_t size = 0;
    size_t len = 0;
    int fd = -1;
    buf_init(&body, r->out->mem, r->out->max);
    TRY(open_object(path, &fd, &size, &r->err));
    TRY_OUT(store_get_span(r, size, &len, &r->err));
    TRY_OUT(buf_reserve(&body, len, &r->err));
    TRY_OUT(os_file_pread(fd, path, r->offset, body.ptr, len, &r->err));
    body.len = len;
    if (store_get_is_whole(r))
        r->tag = store_tag_of(buf_slice(&body));
    store_count(&f->base.counts.bytes_in, len);
    buf_fini(r->out);
    buf_take(r->out, &body);
out:
    os_file_close(fd);
    buf_fini(&body);
    return rc;
}

static slp_rc run_delete(struct folder *f, struct store_request *r, const char *path)
{
    (void)f;
    slp_rc rc = os_file_remove(path, &r->err);
    /* A folder is no object, so there is none by that name. */
    if (rc != SLP_NOT_FOUND && rc != SLP_INVALID)
        return rc;
    err_clear(&r->err);
    return SLP_OK;
}

static slp_rc run(struct folder *f, struct store_request *r)
{
    char path[OS_PATH_MAX];
    TRY(store_folder_check(f, &r->err));
    TRY(os_path_join(path, f->root, r->name, &r->err));
    switch (r->verb) {
    case STORE_GET:
        return run_get(f, r, path);
    case STORE_PUT_IF_ABSENT:
        TRY(store_folder_put_if_absent(f, path, r, &r->err));
        r->tag = store_tag_of(r->body);
        return SLP_OK;
    case STORE_PUT_IF_MATCH:
        TRY(store_folder_put_if_match(f, path, r, &r->err));
        r->tag = store_tag_of(r->body);
        return SLP_OK;
    case STORE_LIST_FROM:
        return store_folder_list(f, r);
    case STORE_DELETE:
        return run_delete(f, r, path);
    case STORE_VERB_COUNT:
        break;
    }
    FAIL(&r->err, INVALID, "verb %d is not one of the store's", (int)r->verb);
}

/* A local file system answers while one asks, so that a batch is done when it is submitted. */
static slp_rc folder_submit(struct store *s, struct store_request *requests, size_t count,
                            struct slp_err *err)
{
    (void)err;
    struct folder *f = (struct folder *)s;
    for (size_t i = 0; i < count; i++) {
        struct store_request *r = &requests[i];
        if (r->rc != SLP_OK)
            continue;
        r->rc = run(f, r);
        r->store_time_us = os_clock_wall_us(os_clock_system());
        (void)err_wrap(&r->err, r->rc, "object \"%.*s\"", SLICE_ARG(r->name));
    }
    return SLP_OK;
}

static slp_rc folder_wait(struct store *s, struct store_request *requests, size_t count,
                          const struct store_wait_options *o, struct slp_err *err)
{
    (void)s;
    (void)requests;
    (void)count;
    (void)o;
    (void)err;
    return SLP_OK;
}

struct object_source {
    struct source base;
    struct folder *folder;
    struct alloc *mem;
    int fd;
    size_t bytes; /* of this struct */
    char name[];
};

static slp_rc object_read(struct source *src, const struct io_range *ranges, size_t count,
                          struct slp_err *err)
{
    struct object_source *o = (struct object_source *)src;
    struct store_counts *counts = &o->folder->base.counts;
    struct os_read_counts done = {0};
    TRY(store_folder_check(o->folder, err));
    slp_rc rc = os_file_read_ranges(o->fd, o->name, ranges, count, &done, err);
    store_count(&counts->rounds, 1);
    store_count(&counts->requests[STORE_GET], done.reads);
    store_count(&counts->bytes_in, done.bytes);
    store_trace_read(&o->folder->base, o->name, ranges, count, rc);
    return err_wrap(err, rc, "object \"%s\"", o->name);
}

static void object_close(struct source *src)
{
    struct object_source *o = (struct object_source *)src;
    os_file_close(o->fd);
    alloc_free(o->mem, o, o->bytes);
}

static slp_rc folder_open(struct store *s, struct slice name, struct alloc *mem,
                          struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = object_read, .close = object_close};
    struct folder *f = (struct folder *)s;
    slp_rc rc = SLP_OK;
    char path[OS_PATH_MAX];
    uint64_t size = 0;
    void *room = NULL;
    int fd = -1;
    TRY_OUT(store_folder_check(f, err));
    TRY_OUT(os_path_join(path, f->root, name, err));
    TRY_OUT(open_object(path, &fd, &size, err));
    size_t bytes = sizeof(struct object_source) + name.len + 1;
    TRY_OUT(alloc_zeroed(mem, bytes, &room, err));
    struct object_source *o = room;
    o->folder = f;
    o->mem = mem;
    o->fd = fd;
    o->bytes = bytes;
    memcpy(o->name, name.ptr, name.len);
    o->base = (struct source){.ops = &ops, .name = o->name, .size = size};
    *out = &o->base;
out:
    if (rc != SLP_OK)
        os_file_close(fd);
    return err_wrap(err, rc, "object \"%.*s\"", SLICE_ARG(name));
}

static slp_rc folder_settle(struct store *s, struct slice name, struct slp_err *err)
{
    struct folder *f = (struct folder *)s;
    char path[OS_PATH_MAX];
    TRY(store_folder_check(f, err));
    TRY(os_path_join(path, f->root, name, err));
    return store_folder_sync_entry(f, path, err);
}

static int64_t folder_clock_us(struct store *s)
{
    (void)s;
    return os_clock_wall_us(os_clock_system());
}

static void folder_sleep_us(struct store *s, int64_t us)
{
    (void)s;
    os_clock_sleep_us(os_clock_system(), us);
}

static void folder_close(struct store *s)
{
    struct folder *f = (struct folder *)s;
    alloc_free(f->mem, f, f->bytes);
}

void store_folder_set_sync(struct store *s, bool is_synced)
{
    ((struct folder *)s)->is_synced = is_synced;
}

/* Is there a folder, or can one be made? */
static slp_rc check_root(const char *path, bool create, struct slp_err *err)
{
    struct os_stat info;
    slp_rc rc = os_file_stat(path, &info, err);
    if (rc == SLP_NOT_FOUND && create) {
        err_clear(err);
        return os_folder_make_all(path, true, err);
    }
    if (rc == SLP_NOT_FOUND)
        FAIL(err, NOT_FOUND, "there is no folder \"%s\"", path);
    TRY(rc);
    if (!info.is_folder)
        FAIL(err, INVALID, "\"%s\" is a file, expected a folder", path);
    return SLP_OK;
}

slp_rc store_folder_open(struct alloc *mem, const char *path, bool create, struct store **out,
                         struct slp_err *err)
{
    static const struct store_ops ops = {
        .submit = folder_submit,
        .wait = folder_wait,
        .open = folder_open,
        .put_open = store_folder_put_open,
        .put_commit = store_folder_put_commit,
        .put_abort = store_folder_put_abort,
        .settle = folder_settle,
        .clock_us = folder_clock_us,
        .sleep_us = folder_sleep_us,
        .close = folder_close,
    };
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    /* Room for the longest name below it, so that no name fails for its folder's sake. */
    if (len == 0 || len + STORE_NAME_MAX + 2 > OS_PATH_MAX)
        FAIL(err, INVALID, "a folder's path of %zu bytes, expected 1 to %u", len,
             OS_PATH_MAX - STORE_NAME_MAX - 2);
    TRY(check_root(path, create, err));
    void *room = NULL;
    size_t bytes = sizeof(struct folder) + len + 1;
    TRY(alloc_zeroed(mem, bytes, &room, err));
    struct folder *f = room;
    f->base.ops = &ops;
    f->base.is_ordered = true;
    f->mem = mem;
    f->is_synced = true;
    f->bytes = bytes;
    memcpy(f->root, path, len);
    *out = &f->base;
    return SLP_OK;
}
