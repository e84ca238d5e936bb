#include "os/reader.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/signal.h"

/* How soon a reader that waits for a pipe or a terminal sees the signal flag: the signal itself may
 * go to another thread. */
#define LOOK_MS 100

struct os_reader {
    struct alloc *mem;
    int fd;
    bool is_file; /* else reading may wait for somebody */
    size_t bytes; /* of this struct */
    char name[];
};

static slp_rc check_readable(const struct os_stat *info, const char *path, struct slp_err *err)
{
    if (info->is_folder)
        FAIL(err, INVALID, "\"%s\" is a folder, expected a file", path);
    return SLP_OK;
}

slp_rc os_reader_open(struct alloc *mem, const char *path, struct os_reader **out,
                      struct slp_err *err)
{
    bool is_stdin = !path || strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    slp_rc rc = SLP_OK;
    struct os_stat info = {0};
    void *room = NULL;
    int fd = 0;
    if (!is_stdin)
        TRY(os_file_open(path, OS_OPEN_READ, &fd, err));
    TRY_OUT(os_file_stat_fd(fd, name, &info, err));
    TRY_OUT(check_readable(&info, name, err));
    size_t bytes = sizeof(struct os_reader) + strlen(name) + 1;
    TRY_OUT(alloc_zeroed(mem, bytes, &room, err));
    struct os_reader *reader = room;
    reader->mem = mem;
    reader->fd = fd;
    reader->is_file = info.is_file;
    reader->bytes = bytes;
    memcpy(reader->name, name, strlen(name) + 1);
    *out = reader;
out:
    if (rc != SLP_OK && !is_stdin)
        os_file_close(fd);
    return rc;
}

/* Wait until there is something to read, or the end. */
static slp_rc wait_readable(const struct os_reader *reader, struct slp_err *err)
{
    struct pollfd poll_fd = {.fd = reader->fd, .events = POLLIN};
    for (;;) {
        if (*os_signal_flag())
            FAIL(err, CANCELLED, "interrupted while reading \"%s\"", reader->name);
        int ready = poll(&poll_fd, 1, LOOK_MS);
        if (ready > 0)
            return SLP_OK;
        if (ready < 0 && errno != EINTR)
            return os_error(err, errno, "wait for", reader->name);
    }
}

static slp_rc read_stream(struct os_reader *reader, uint8_t *dst, size_t n, size_t *got,
                          struct slp_err *err)
{
    size_t done = 0;
    while (done < n) {
        TRY(wait_readable(reader, err));
        ssize_t part = read(reader->fd, dst + done, n - done);
        if (part < 0 && errno != EINTR)
            return os_error(err, errno, "read", reader->name);
        if (part == 0)
            break;
        done += part > 0 ? (size_t)part : 0;
    }
    *got = done;
    return SLP_OK;
}

slp_rc os_reader_read(struct os_reader *reader, void *dst, size_t n, size_t *got,
                      struct slp_err *err)
{
    if (!reader->is_file)
        return read_stream(reader, dst, n, got, err);
    return os_file_read(reader->fd, reader->name, dst, n, got, err);
}

const char *os_reader_name(const struct os_reader *reader)
{
    return reader->name;
}

bool os_reader_is_file(const struct os_reader *reader)
{
    return reader->is_file;
}

void os_reader_close(struct os_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd > 0)
        os_file_close(reader->fd);
    alloc_free(reader->mem, reader, reader->bytes);
}

struct file_source {
    struct source base;
    struct alloc *mem;
    int fd;
    size_t bytes; /* of this struct */
    char name[];
};

static slp_rc file_source_read(struct source *src, const struct io_range *ranges, size_t count,
                               struct slp_err *err)
{
    struct file_source *f = (struct file_source *)src;
    return os_file_read_ranges(f->fd, f->name, ranges, count, NULL, err);
}

static void file_source_close(struct source *src)
{
    struct file_source *f = (struct file_source *)src;
    os_file_close(f->fd);
    alloc_free(f->mem, f, f->bytes);
}

slp_rc os_source_open(struct alloc *mem, const char *path, struct source **out, struct slp_err *err)
{
    static const struct source_ops ops = {.read = file_source_read, .close = file_source_close};
    slp_rc rc = SLP_OK;
    struct os_stat info = {0};
    void *room = NULL;
    int fd = -1;
    TRY(os_file_open(path, OS_OPEN_READ, &fd, err));
    TRY_OUT(os_file_stat_fd(fd, path, &info, err));
    TRY_OUT(check_readable(&info, path, err));
    if (!info.is_file)
        FAIL_OUT(err, INVALID, "\"%s\" cannot be read at any place, expected a regular file", path);
    size_t bytes = sizeof(struct file_source) + strlen(path) + 1;
    TRY_OUT(alloc_zeroed(mem, bytes, &room, err));
    struct file_source *f = room;
    f->mem = mem;
    f->fd = fd;
    f->bytes = bytes;
    memcpy(f->name, path, strlen(path) + 1);
    f->base = (struct source){.ops = &ops, .name = f->name, .size = info.size};
    *out = &f->base;
out:
    if (rc != SLP_OK)
        os_file_close(fd);
    return rc;
}
