/*
 * A file system that fails, for whole programs: LD_PRELOAD=failfs.so. It stands between a program and the C library,
 * counts its calls below one folder, and makes one of them, or all from that one on, fail. So each call of a command
 * can be made to fail in turn, and the program be killed in front of each.
 *
 *     FAILFS_FOLDER   the folder whose files count, absolute; everything else passes as it is
 *     FAILFS_CALLS    which calls count, a list of: open create read write sync link rename unlink mkdir list
 *     FAILFS_AT       which of these fails, from 1; 0: none, they are counted only
 *     FAILFS_EVER     1: all behind it fail too
 *     FAILFS_HOW      EIO, ENOSPC, EROFS: nothing is done, and the call answers that
 *                     LOST    it is done, and the call answers EIO
 *                     SHORT   of a write or read: half of it is done; the next one answers ENOSPC or EIO
 *                     KILL    the process is killed in front of it
 *     FAILFS_SEEN     a file of 16 bytes: two numbers in the machine's order, of calls counted and calls that failed
 *
 * One process, any number of threads.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT   __attribute__((visibility("default")))
#define FDS_MOST 65536

enum call { OPEN, CREATE, READ, WRITE, SYNC, LINK, RENAME, UNLINK, MKDIR, LIST, CALLS };

enum how { NOTHING_DONE, LOST, SHORT, KILL };

/* What a call is to do. */
enum fate { PASS, FAIL, HALF, PASS_AND_FAIL };

static const char *const call_names[CALLS] = {"open", "create", "read",   "write", "sync",
                                              "link", "rename", "unlink", "mkdir", "list"};

static const char *folder;
static bool is_counted[CALLS];
static uint64_t fails_at;
static bool is_for_ever;
static enum how how;
static int code = EIO;
static uint64_t *seen; /* shared with whoever reads FAILFS_SEEN; [0] counted, [1] failed */
static uint64_t unseen[2];
static bool is_below[FDS_MOST]; /* file descriptors of files below the folder */

/* Text that stands in the environment for good. */
static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* What the C library does: REAL(close)(fd). A pointer to an object becomes one to a function by its bytes. */
#define REAL(name)                                                                                 \
    __extension__({                                                                                \
        static __typeof__(&name) found_;                                                           \
        if (!found_) {                                                                             \
            void *address_ = real(#name);                                                          \
            memcpy(&found_, &address_, sizeof address_);                                           \
        }                                                                                          \
        found_;                                                                                    \
    })

static void read_how(const char *text)
{
    if (strcmp(text, "LOST") == 0)
        how = LOST;
    else if (strcmp(text, "SHORT") == 0)
        how = SHORT;
    else if (strcmp(text, "KILL") == 0)
        how = KILL;
    else if (strcmp(text, "ENOSPC") == 0)
        code = ENOSPC;
    else if (strcmp(text, "EROFS") == 0)
        code = EROFS;
}

__attribute__((constructor)) static void begin(void)
{
    const char *calls = setting("FAILFS_CALLS");
    const char *path = setting("FAILFS_SEEN");
    seen = unseen;
    if (path[0]) {
        int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
        void *room = mmap(NULL, sizeof unseen, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || room == MAP_FAILED)
            abort();
        seen = room;
        (void)REAL(close)(fd);
    }
    for (int i = 0; i < CALLS; i++)
        is_counted[i] = strstr(calls, call_names[i]) != NULL;
    fails_at = strtoull(setting("FAILFS_AT"), NULL, 10);
    is_for_ever = setting("FAILFS_EVER")[0] == '1';
    read_how(setting("FAILFS_HOW"));
    folder = setting("FAILFS_FOLDER");
}

/* Is this path the folder, or below it? */
static bool counts(const char *path)
{
    size_t len = folder ? strlen(folder) : 0;
    return len && strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool counts_fd(int fd)
{
    return fd >= 0 && fd < FDS_MOST && is_below[fd];
}

static void mark(int fd, bool below)
{
    if (fd >= 0 && fd < FDS_MOST)
        is_below[fd] = below;
}

/* Count a call below the folder, and decide about it. */
static enum fate decide(enum call call)
{
    if (!is_counted[call])
        return PASS;
    uint64_t at = __atomic_add_fetch(&seen[0], 1, __ATOMIC_SEQ_CST);
    if (fails_at == 0 || at < fails_at || (at > fails_at && !is_for_ever && how != SHORT))
        return PASS;
    if (how == SHORT && at > fails_at + 1 && !is_for_ever)
        return PASS;
    if (how == KILL)
        (void)kill(getpid(), SIGKILL);
    __atomic_add_fetch(&seen[1], 1, __ATOMIC_SEQ_CST);
    if (how == SHORT && at == fails_at && (call == READ || call == WRITE))
        return HALF;
    return how == LOST ? PASS_AND_FAIL : FAIL;
}

static int fail(enum call call)
{
    errno = how == SHORT && call == WRITE ? ENOSPC : code;
    return -1;
}

/* A call that has no halves. */
#define WHOLE(call_, counts_, done_)                                                               \
    do {                                                                                           \
        enum fate fate_ = (counts_) ? decide(call_) : PASS;                                        \
        if (fate_ == FAIL || fate_ == HALF)                                                        \
            return fail(call_);                                                                    \
        __typeof__(done_) result_ = (done_);                                                       \
        return fate_ == PASS_AND_FAIL ? fail(call_) : result_;                                     \
    } while (0)

static int open_any(const char *path, int flags, mode_t mode)
{
    bool below = counts(path);
    bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    enum fate fate = below ? decide(creates ? CREATE : OPEN) : PASS;
    if (fate == FAIL || fate == HALF)
        return fail(OPEN);
    int fd = REAL(open)(path, flags, mode);
    if (fd >= 0)
        mark(fd, below);
    if (fd >= 0 && fate == PASS_AND_FAIL) {
        (void)REAL(close)(fd);
        return fail(OPEN);
    }
    return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list rest;
    va_start(rest, flags);
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
        mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_any(path, flags, mode);
}

EXPORT int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags)
{
    return open_any(path, flags, 0);
}

EXPORT int close(int fd)
{
    mark(fd, false);
    return REAL(close)(fd);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
    enum fate fate = counts_fd(fd) ? decide(WRITE) : PASS;
    if (fate == FAIL)
        return fail(WRITE);
    ssize_t done = REAL(write)(fd, bytes, fate == HALF ? n / 2 : n);
    return fate == PASS_AND_FAIL ? fail(WRITE) : done;
}

EXPORT ssize_t read(int fd, void *bytes, size_t n)
{
    enum fate fate = counts_fd(fd) ? decide(READ) : PASS;
    if (fate == FAIL || fate == PASS_AND_FAIL)
        return fail(READ);
    return REAL(read)(fd, bytes, fate == HALF ? (n + 1) / 2 : n);
}

EXPORT ssize_t preadv(int fd, const struct iovec *vectors, int count, off_t offset)
{
    enum fate fate = counts_fd(fd) ? decide(READ) : PASS;
    if (fate == FAIL || fate == PASS_AND_FAIL)
        return fail(READ);
    if (fate == HALF && count > 0) {
        struct iovec part = {vectors[0].iov_base, (vectors[0].iov_len + 1) / 2};
        return REAL(preadv)(fd, &part, 1, offset);
    }
    return REAL(preadv)(fd, vectors, count, offset);
}

EXPORT int fsync(int fd)
{
    WHOLE(SYNC, counts_fd(fd), REAL(fsync)(fd));
}

EXPORT int fdatasync(int fd)
{
    WHOLE(SYNC, counts_fd(fd), REAL(fdatasync)(fd));
}

EXPORT int link(const char *from, const char *to)
{
    WHOLE(LINK, counts(to), REAL(link)(from, to));
}

EXPORT int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    WHOLE(LINK, counts(to), REAL(linkat)(from_at, from, to_at, to, flags));
}

EXPORT int rename(const char *from, const char *to)
{
    WHOLE(RENAME, counts(to), REAL(rename)(from, to));
}

EXPORT int unlink(const char *path)
{
    WHOLE(UNLINK, counts(path), REAL(unlink)(path));
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    WHOLE(MKDIR, counts(path), REAL(mkdir)(path, mode));
}

EXPORT ssize_t getdents64(int fd, void *room, size_t n)
{
    WHOLE(LIST, counts_fd(fd), REAL(getdents64)(fd, room, n));
}
