#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/signal.h"

/* The kernel moves at most about 2 GiB a call; we stay below it on our side. */
#define CALL_MAX_BYTES ((size_t)1 << 30)

#define RANGES_A_CALL 64u

slp_rc os_path_join(char out[OS_PATH_MAX], const char *folder, struct slice name,
                    struct slp_err *err)
{
    size_t len = strlen(folder);
    if (name.len && memchr(name.ptr, '\0', name.len))
        FAIL(err, INVALID, "a NUL byte stands in a path below \"%s\"", folder);
    if (len >= OS_PATH_MAX || name.len >= OS_PATH_MAX || len + name.len + 2 > OS_PATH_MAX)
        FAIL(err, INVALID, "a path of %zu bytes below \"%s\" is longer than %u", len + name.len + 1,
             folder, OS_PATH_MAX - 1);
    memmove(out, folder, len);
    if (name.len) {
        if (len == 0 || out[len - 1] != '/')
            out[len++] = '/';
        memcpy(out + len, name.ptr, name.len);
        len += name.len;
    }
    out[len] = '\0';
    return SLP_OK;
}

slp_rc os_path_absolute(char out[OS_PATH_MAX], const char *path, struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    if (path[0] == '/')
        return os_path_join(out, path, slice_of(NULL, 0), err);
    if (!getcwd(folder, sizeof folder))
        return os_error(err, errno, "find the current folder for", path);
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    return os_path_join(out, folder, slice_str(path), err);
}

void os_path_parent(char path[OS_PATH_MAX])
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    if (len == 0)
        path[len++] = '.';
    path[len] = '\0';
}

slp_rc os_file_open(const char *path, unsigned how, int *fd, struct slp_err *err)
{
    int flags = O_CLOEXEC;
    if (how & OS_OPEN_WRITE)
        flags |= how & OS_OPEN_READ ? O_RDWR : O_WRONLY;
    if (how & (OS_OPEN_CREATE | OS_OPEN_NEW))
        flags |= O_CREAT;
    if (how & OS_OPEN_NEW)
        flags |= O_EXCL;
    if (how & OS_OPEN_EMPTY)
        flags |= O_TRUNC;
    if (how & OS_OPEN_FOLDER)
        flags |= O_DIRECTORY;
    int got;
    do
        got = open(path, flags, 0666);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return os_error(err, errno, how & OS_OPEN_NEW ? "create" : "open", path);
    *fd = got;
    return SLP_OK;
}

slp_rc os_file_open_unnamed(const char *folder, int *fd, struct slp_err *err)
{
    int got;
    do
        got = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        /* Kernels and file systems that do not know the flag see a folder opened for writing. */
        int code = errno == EISDIR || errno == EINVAL ? EOPNOTSUPP : errno;
        return os_error(err, code, "create a file in", folder);
    }
    *fd = got;
    return SLP_OK;
}

slp_rc os_file_name_unnamed(int fd, const char *path, struct slp_err *err)
{
    char self[40];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
        return SLP_OK;
    int code = errno;
    /* Without /proc the source is what was not found. */
    if (code == ENOENT && access(self, F_OK) != 0)
        code = EOPNOTSUPP;
    if (code == EPERM || code == EMLINK || code == EXDEV)
        code = EOPNOTSUPP;
    return os_error(err, code, "link", path);
}

void os_file_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

slp_rc os_file_read(int fd, const char *path, void *dst, size_t n, size_t *got, struct slp_err *err)
{
    size_t done = 0;
    while (done < n) {
        ssize_t part = read(fd, (uint8_t *)dst + done, num_min_size(n - done, CALL_MAX_BYTES));
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return os_error(err, errno, "read", path);
        if (part == 0)
            break;
        done += (size_t)part;
    }
    *got = done;
    return SLP_OK;
}

slp_rc os_file_pread(int fd, const char *path, uint64_t offset, void *dst, size_t n,
                     struct slp_err *err)
{
    struct io_range range = {.offset = offset, .len = n, .dst = dst};
    return os_file_read_ranges(fd, path, &range, 1, NULL, err);
}

/* Step over `n` bytes that were read: the first vectors are used up, one may be in part. */
static size_t advance(struct iovec *vectors, size_t count, size_t at, size_t n)
{
    while (at < count && n >= vectors[at].iov_len)
        n -= vectors[at++].iov_len;
    if (at < count) {
        vectors[at].iov_base = (uint8_t *)vectors[at].iov_base + n;
        vectors[at].iov_len -= n;
    }
    return at;
}

static slp_rc read_vectors(int fd, const char *path, uint64_t offset, struct iovec *vectors,
                           size_t count, struct slp_err *err)
{
    size_t at = 0;
    while (at < count) {
        if (offset > INT64_MAX)
            FAIL(err, CORRUPT, "\"%s\": no file has an offset %" PRIu64, path, offset);
        ssize_t part = preadv(fd, vectors + at, (int)(count - at), (off_t)offset);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return os_error(err, errno, "read", path);
        if (part == 0)
            FAIL(err, CORRUPT, "\"%s\": ends at offset %" PRIu64 ", expected more bytes", path,
                 offset);
        offset += (size_t)part;
        at = advance(vectors, count, at, (size_t)part);
    }
    return SLP_OK;
}

/* Take ranges into one call as long as they ascend and lie close. Returns how many were taken. */
static size_t gather(const struct io_range *ranges, size_t count, uint8_t *gap_room,
                     struct iovec *vectors, size_t *vector_count, uint64_t *bytes)
{
    uint64_t end = ranges[0].offset;
    size_t used = 0;
    size_t n = 0;
    for (; n < count && used + 2 <= RANGES_A_CALL; n++) {
        const struct io_range *r = &ranges[n];
        if (r->len == 0)
            continue;
        if (used && (r->offset < end || r->offset - end > OS_READ_GAP_BYTES ||
                     *bytes + r->len > CALL_MAX_BYTES))
            break;
        if (!used)
            end = r->offset;
        if (r->offset > end) {
            vectors[used++] = (struct iovec){gap_room, (size_t)(r->offset - end)};
            *bytes += r->offset - end;
        }
        vectors[used++] = (struct iovec){r->dst, r->len};
        *bytes += r->len;
        end = r->offset + r->len;
    }
    *vector_count = used;
    return n;
}

slp_rc os_file_read_ranges(int fd, const char *path, const struct io_range *ranges, size_t count,
                           struct os_read_counts *counts, struct slp_err *err)
{
    uint8_t gap_room[OS_READ_GAP_BYTES];
    struct iovec vectors[RANGES_A_CALL];
    for (size_t i = 0; i < count;) {
        while (i < count && ranges[i].len == 0)
            i++;
        if (i == count)
            break;
        size_t vector_count = 0;
        uint64_t bytes = 0;
        uint64_t offset = ranges[i].offset;
        i += gather(ranges + i, count - i, gap_room, vectors, &vector_count, &bytes);
        TRY(read_vectors(fd, path, offset, vectors, vector_count, err));
        if (counts) {
            counts->reads++;
            counts->bytes += bytes;
        }
    }
    return SLP_OK;
}

slp_rc os_file_write(int fd, const char *path, const void *bytes, size_t n, struct slp_err *err)
{
    const uint8_t *from = bytes;
    while (n > 0) {
        ssize_t part = write(fd, from, num_min_size(n, CALL_MAX_BYTES));
        /* A pipe takes what fits and waits for its reader. */
        bool is_short = part < 0 ? errno == EINTR : (size_t)part < n;
        if (is_short && *os_signal_flag())
            FAIL(err, CANCELLED, "interrupted while writing \"%s\"", path);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            return os_error(err, part < 0 ? errno : EIO, "write", path);
        from += part;
        n -= (size_t)part;
    }
    return SLP_OK;
}

slp_rc os_file_sync(int fd, const char *path, struct slp_err *err)
{
    if (fdatasync(fd) != 0)
        return os_error(err, errno, "sync", path);
    return SLP_OK;
}

void os_file_write_back(int fd, uint64_t offset, uint64_t len)
{
    (void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

slp_rc os_file_lock(int fd, const char *path, int64_t timeout_ms, struct slp_err *err)
{
    struct os_clock *clock = os_clock_system();
    int64_t give_up_us = os_clock_mono_us(clock) + timeout_ms * 1000;
    int64_t pause_us = 100;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return os_error(err, errno, "lock", path);
        if (os_clock_mono_us(clock) >= give_up_us)
            FAIL(err, UNAVAILABLE,
                 "cannot lock \"%s\": another process kept it for %" PRId64 " ms; is it stopped?",
                 path, timeout_ms);
        os_clock_sleep_us(clock, pause_us);
        pause_us = num_min_i64(pause_us * 2, 20000);
    }
    return SLP_OK;
}

static void fill_stat(struct os_stat *out, const struct stat *from)
{
    *out = (struct os_stat){
        .size = from->st_size > 0 ? (uint64_t)from->st_size : 0,
        .links = (uint64_t)from->st_nlink,
        .modified_us = (int64_t)from->st_mtim.tv_sec * 1000000 + from->st_mtim.tv_nsec / 1000,
        .is_file = S_ISREG(from->st_mode),
        .is_folder = S_ISDIR(from->st_mode),
    };
}

slp_rc os_file_stat(const char *path, struct os_stat *out, struct slp_err *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return os_error(err, errno, "look at", path);
    fill_stat(out, &info);
    return SLP_OK;
}

slp_rc os_file_stat_fd(int fd, const char *path, struct os_stat *out, struct slp_err *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return os_error(err, errno, "look at", path);
    fill_stat(out, &info);
    return SLP_OK;
}

bool os_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

slp_rc os_file_link(const char *from, const char *to, struct slp_err *err)
{
    if (link(from, to) == 0)
        return SLP_OK;
    int code = errno == EPERM || errno == EMLINK || errno == EXDEV ? EOPNOTSUPP : errno;
    return os_error(err, code, "link", to);
}

slp_rc os_file_rename(const char *from, const char *to, struct slp_err *err)
{
    if (rename(from, to) != 0)
        return os_error(err, errno, "rename a file to", to);
    return SLP_OK;
}

slp_rc os_file_remove(const char *path, struct slp_err *err)
{
    if (unlink(path) != 0)
        return os_error(err, errno, "remove", path);
    return SLP_OK;
}

void os_file_drop(const char *path)
{
    (void)unlink(path);
}
