#include "base/num.h"
#include "store/folder_priv.h"

/* Small writes are gathered; larger ones go straight to the kernel. */
#define BUFFER_BYTES ((size_t)128 * 1024)

/* After each so many bytes the device is asked to begin, so that the sync at the end is short. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

struct folder_put {
    struct store_put base;
    struct sink sink;
    struct folder *folder;
    struct alloc *mem;
    struct folder_temp temp;
    uint8_t *room;
    size_t used;      /* bytes in `room` */
    uint64_t written; /* bytes given to the kernel */
    uint64_t begun;   /* of these, bytes whose write-back was asked for */
    char name[STORE_NAME_MAX + 1];
    char path[OS_PATH_MAX];
};

static slp_rc write_through(struct folder_put *p, const void *bytes, size_t n, struct slp_err *err)
{
    TRY(os_file_write(p->temp.fd, p->name, bytes, n, err));
    p->written += n;
    store_count(&p->folder->base.counts.bytes_out, n);
    if (p->written - p->begun >= WRITE_BACK_BYTES) {
        os_file_write_back(p->temp.fd, p->begun, p->written - p->begun);
        p->begun = p->written;
    }
    return SLP_OK;
}

static slp_rc flush(struct folder_put *p, struct slp_err *err)
{
    size_t n = p->used;
    p->used = 0;
    return write_through(p, p->room, n, err);
}

static slp_rc put_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct folder_put *p =
        (struct folder_put *)(void *)((uint8_t *)sink - offsetof(struct folder_put, sink));
    if (n > BUFFER_BYTES - p->used)
        TRY(flush(p, err));
    if (n >= BUFFER_BYTES)
        return write_through(p, bytes, n, err);
    memcpy(p->room + p->used, bytes, n);
    p->used += n;
    return SLP_OK;
}

slp_rc store_folder_put_open(struct store *s, struct slice name, struct alloc *mem,
                             struct store_put **out, struct slp_err *err)
{
    static const struct sink_ops ops = {.write = put_write};
    struct folder *f = (struct folder *)s;
    slp_rc rc = SLP_OK;
    struct folder_put *p = NULL;
    void *room = NULL;
    TRY_OUT(store_folder_check(f, err));
    TRY_OUT(store_folder_probe(f, err));
    TRY_OUT(alloc_new(mem, &p, err));
    p->temp.fd = -1;
    p->folder = f;
    p->mem = mem;
    p->base = (struct store_put){.store = s, .sink = &p->sink};
    p->sink = (struct sink){.ops = &ops, .name = p->name};
    memcpy(p->name, name.ptr, name.len);
    TRY_OUT(alloc_room(mem, BUFFER_BYTES, &room, err));
    p->room = room;
    TRY_OUT(os_path_join(p->path, f->root, name, err));
    TRY_OUT(store_folder_temp_open(f, p->path, false, &p->temp, err));
    *out = &p->base;
out:
    if (rc != SLP_OK && p)
        store_folder_put_abort(&p->base);
    return err_wrap(err, rc, "object \"%.*s\"", SLICE_ARG(name));
}

static slp_rc publish(struct folder_put *p, struct slp_err *err)
{
    TRY(store_folder_check(p->folder, err));
    TRY(flush(p, err));
    TRY(store_folder_temp_sync(p->folder, &p->temp, err));
    TRY(store_folder_temp_publish(p->folder, &p->temp, p->path, err));
    store_folder_temp_close(&p->temp);
    return store_folder_sync_entry(p->folder, p->path, err);
}

slp_rc store_folder_put_commit(struct store_put *put, struct slp_err *err)
{
    struct folder_put *p = (struct folder_put *)put;
    slp_rc rc = publish(p, err);
    (void)err_wrap(err, rc, "object \"%s\"", p->name);
    store_folder_put_abort(put);
    return rc;
}

void store_folder_put_abort(struct store_put *put)
{
    struct folder_put *p = (struct folder_put *)put;
    store_folder_temp_close(&p->temp);
    alloc_free(p->mem, p->room, BUFFER_BYTES);
    alloc_delete(p->mem, p);
}
