#include "os/writer.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "os/error.h"
#include "os/file.h"
#include "os/random.h"

/* A descriptor with a buffer before it. */
struct buffered {
    struct sink sink;
    int fd;
    size_t used; /* bytes in `room` */
    uint8_t *room;
};

static slp_rc flush(struct buffered *b, struct slp_err *err)
{
    TRY(os_file_write(b->fd, b->sink.name, b->room, b->used, err));
    b->used = 0;
    return SLP_OK;
}

static slp_rc buffered_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct buffered *b = (struct buffered *)sink;
    if (n > OS_WRITER_BUFFER_BYTES - b->used)
        TRY(flush(b, err));
    if (n >= OS_WRITER_BUFFER_BYTES)
        return os_file_write(b->fd, b->sink.name, bytes, n, err);
    memcpy(b->room + b->used, bytes, n);
    b->used += n;
    return SLP_OK;
}

static slp_rc buffered_init(struct buffered *b, struct alloc *mem, int fd, const char *name,
                            struct slp_err *err)
{
    static const struct sink_ops ops = {.write = buffered_write};
    void *room = NULL;
    TRY(alloc_room(mem, OS_WRITER_BUFFER_BYTES, &room, err));
    *b = (struct buffered){.sink = {.ops = &ops, .name = name}, .fd = fd, .room = room};
    return SLP_OK;
}

/* "PREFIX" and 16 random hexadecimal digits. */
static slp_rc random_name(char *out, size_t room, const char *prefix, struct slp_err *err)
{
    uint8_t bytes[8];
    TRY(os_random(bytes, sizeof bytes, err));
    int n = snprintf(out, room, "%s%02x%02x%02x%02x%02x%02x%02x%02x", prefix, bytes[0], bytes[1],
                     bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
    if (n < 0 || (size_t)n >= room)
        FAIL(err, INVALID, "the name \"%s\" is too long", prefix);
    return SLP_OK;
}

struct os_temp {
    struct buffered out;
    struct alloc *mem;
};

static slp_rc open_nameless(const char *folder, int *fd, struct slp_err *err)
{
    slp_rc rc = os_file_open_unnamed(folder, fd, err);
    if (rc != SLP_UNSUPPORTED)
        return rc;
    char name[64];
    char path[OS_PATH_MAX];
    TRY(random_name(name, sizeof name, ".sleeper-tmp-", err));
    TRY(os_path_join(path, folder, slice_str(name), err));
    TRY(os_file_open(path, OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_NEW, fd, err));
    rc = os_file_remove(path, err);
    if (rc != SLP_OK) {
        os_file_close(*fd);
        *fd = -1;
    }
    return rc;
}

slp_rc os_temp_open(struct alloc *mem, const char *folder, struct os_temp **out,
                    struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct os_temp *temp = NULL;
    int fd = -1;
    TRY_OUT(open_nameless(folder, &fd, err));
    TRY_OUT(alloc_new(mem, &temp, err));
    temp->mem = mem;
    TRY_OUT(buffered_init(&temp->out, mem, fd, "temporary file", err));
    *out = temp;
out:
    if (rc != SLP_OK) {
        os_file_close(fd);
        alloc_free(mem, temp, sizeof *temp);
    }
    return err_wrap(err, rc, "temporary file");
}

struct sink *os_temp_sink(struct os_temp *temp)
{
    return &temp->out.sink;
}

slp_rc os_temp_flush(struct os_temp *temp, struct slp_err *err)
{
    return flush(&temp->out, err);
}

slp_rc os_temp_read(struct os_temp *temp, uint64_t offset, void *dst, size_t n, struct slp_err *err)
{
    if (temp->out.used)
        TRY(flush(&temp->out, err));
    return os_file_pread(temp->out.fd, temp->out.sink.name, offset, dst, n, err);
}

struct temp_source {
    struct source base;
    struct alloc *mem;
    int fd; /* the temporary file's own */
};

static slp_rc temp_source_read(struct source *src, const struct io_range *ranges, size_t count,
                               struct slp_err *err)
{
    struct temp_source *s = (struct temp_source *)src;
    return os_file_read_ranges(s->fd, s->base.name, ranges, count, NULL, err);
}

static void temp_source_close(struct source *src)
{
    struct temp_source *s = (struct temp_source *)src;
    alloc_delete(s->mem, s);
}

slp_rc os_temp_source(struct os_temp *temp, const char *name, struct alloc *mem,
                      struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = temp_source_read, .close = temp_source_close};
    struct temp_source *s = NULL;
    if (temp->out.used)
        TRY(flush(&temp->out, err));
    TRY(alloc_new(mem, &s, err));
    *s = (struct temp_source){
        .base = {.ops = &ops, .name = name, .size = temp->out.sink.offset},
        .mem = mem,
        .fd = temp->out.fd,
    };
    *out = &s->base;
    return SLP_OK;
}

void os_temp_close(struct os_temp *temp)
{
    if (!temp)
        return;
    os_file_close(temp->out.fd);
    alloc_free(temp->mem, temp->out.room, OS_WRITER_BUFFER_BYTES);
    alloc_delete(temp->mem, temp);
}

struct os_output {
    struct buffered out;
    struct alloc *mem;
    bool is_stdout;
    bool is_replacing; /* `aside` takes the place of `path` at commit */
    bool is_unnamed;   /* the bytes have no name until then, and a killed program leaves none */
    char path[OS_PATH_MAX];  /* as given */
    char aside[OS_PATH_MAX]; /* a name beside it */
};

/* The file behind `aside`: unnamed where the system can name it afterwards, which takes /proc. */
static slp_rc open_aside(struct os_output *o, int *fd, struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    struct os_stat info;
    slp_rc rc = SLP_UNSUPPORTED;
    memcpy(folder, o->aside, sizeof folder);
    os_path_parent(folder);
    if (os_file_stat("/proc/self/fd", &info, NULL) == SLP_OK)
        rc = os_file_open_unnamed(folder, fd, err);
    o->is_unnamed = rc == SLP_OK;
    if (rc == SLP_UNSUPPORTED)
        rc = os_file_open(o->aside, OS_OPEN_WRITE | OS_OPEN_NEW, fd, err);
    o->is_replacing = rc == SLP_OK;
    return rc;
}

/* Choose and open where bytes go: beside a regular or new file, else straight into what it is. */
static slp_rc open_output(struct os_output *o, int *fd, struct slp_err *err)
{
    struct os_stat info;
    if (os_file_stat(o->path, &info, NULL) == SLP_OK && !info.is_file) {
        if (info.is_folder)
            FAIL(err, INVALID, "\"%s\" is a folder, expected a file", o->path);
        return os_file_open(o->path, OS_OPEN_WRITE, fd, err);
    }
    const char *slash = strrchr(o->path, '/');
    char prefix[300];
    char name[300];
    int n = snprintf(prefix, sizeof prefix, ".%s.tmp-", slash ? slash + 1 : o->path);
    if (n < 0 || (size_t)n >= sizeof prefix)
        FAIL(err, INVALID, "\"%s\": the name is too long", o->path);
    TRY(random_name(name, sizeof name, prefix, err));
    TRY(os_path_join(o->aside, o->path, slice_of(NULL, 0), err));
    os_path_parent(o->aside);
    TRY(os_path_join(o->aside, o->aside, slice_str(name), err));
    return open_aside(o, fd, err);
}

static void release_output(struct os_output *o)
{
    if (!o->is_stdout)
        os_file_close(o->out.fd);
    alloc_free(o->mem, o->out.room, OS_WRITER_BUFFER_BYTES);
    alloc_delete(o->mem, o);
}

slp_rc os_output_open(struct alloc *mem, const char *path, struct os_output **out,
                      struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct os_output *o = NULL;
    int fd = STDOUT_FILENO;
    TRY(alloc_new(mem, &o, err));
    o->mem = mem;
    o->is_stdout = !path || strcmp(path, "-") == 0;
    o->out.fd = -1;
    TRY_OUT(os_path_join(o->path, o->is_stdout ? "standard output" : path, slice_of(NULL, 0), err));
    if (!o->is_stdout)
        TRY_OUT(open_output(o, &fd, err));
    o->out.fd = fd;
    TRY_OUT(buffered_init(&o->out, mem, fd, o->path, err));
    *out = o;
out:
    if (rc != SLP_OK)
        os_output_abort(o);
    return rc;
}

struct sink *os_output_sink(struct os_output *output)
{
    return &output->out.sink;
}

slp_rc os_output_flush(struct os_output *output, struct slp_err *err)
{
    return flush(&output->out, err);
}

/* Give what was written its name. A link replaces nothing: where the name is taken, another one is
 * given first and then that of the file. */
static slp_rc name_output(struct os_output *o, struct slp_err *err)
{
    if (o->is_unnamed) {
        slp_rc rc = os_file_name_unnamed(o->out.fd, o->path, err);
        if (rc != SLP_EXISTS)
            return rc;
        TRY(os_file_name_unnamed(o->out.fd, o->aside, err));
        o->is_unnamed = false;
    }
    return os_file_rename(o->aside, o->path, err);
}

slp_rc os_output_commit(struct os_output *output, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    TRY_OUT(flush(&output->out, err));
    if (output->is_replacing) {
        /* Else a crash soon after could leave the name with nothing behind it. */
        TRY_OUT(os_file_sync(output->out.fd, output->path, err));
        TRY_OUT(name_output(output, err));
        output->is_replacing = false;
    }
out:
    os_output_abort(output);
    return rc;
}

void os_output_abort(struct os_output *output)
{
    if (!output)
        return;
    if (output->is_replacing && !output->is_unnamed)
        os_file_drop(output->aside);
    release_output(output);
}
