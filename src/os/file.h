/*
 * Files: thin calls of the kernel that finish what they start (whole writes, whole reads, no
 * EINTR), with errors as os/error.h says. A file is an `int` descriptor; the path beside it is for
 * messages alone. Every descriptor is closed when another program is started.
 *
 * Unnamed files (O_TMPFILE) have no entry in any folder until they are linked, so that a killed
 * process leaves nothing behind. Not every file system has them: callers fall back to a name.
 *
 * Threads   all calls are safe from any thread; positions of one descriptor are shared
 */
#ifndef SLP_OS_FILE_H
#define SLP_OS_FILE_H

#include "base/io.h"

/* Longest path, its terminator included. */
#define OS_PATH_MAX 4096u

/* Ranges of one file that lie this close together are read by one call. */
#define OS_READ_GAP_BYTES 4096u

enum os_open {
    OS_OPEN_READ = 1,
    OS_OPEN_WRITE = 2,
    OS_OPEN_CREATE = 4,  /* make it when it is not there */
    OS_OPEN_NEW = 8,     /* make it; EXISTS when it is there */
    OS_OPEN_EMPTY = 16,  /* drop what is in it */
    OS_OPEN_FOLDER = 32, /* only if it is a folder */
};

struct os_stat {
    uint64_t size;       /* bytes */
    uint64_t links;      /* names it has */
    int64_t modified_us; /* since 1970 */
    bool is_file;        /* a regular one */
    bool is_folder;
};

/* Join `folder` and `name` with a '/' into `out` (a `name` of no bytes gives `folder` itself).
 * Errors: INVALID when longer than OS_PATH_MAX or a NUL is inside. */
SLP_NODISCARD slp_rc os_path_join(char out[OS_PATH_MAX], const char *folder, struct slice name,
                                  struct slp_err *err);

/* Cut the last part off: "a/b" becomes "a", "/a" becomes "/", "a" becomes ".". */
void os_path_parent(char path[OS_PATH_MAX]);

/* The path from the root of a path that may begin in the current folder; links stay as they are.
 * Errors: INVALID as os_path_join; those of finding that folder. */
SLP_NODISCARD slp_rc os_path_absolute(char out[OS_PATH_MAX], const char *path, struct slp_err *err);

/* Open; `how` is made of enum os_open. */
SLP_NODISCARD slp_rc os_file_open(const char *path, unsigned how, int *fd, struct slp_err *err);

/* An unnamed file in `folder`, for reading and writing. Errors: UNSUPPORTED when the file system
 * has none. */
SLP_NODISCARD slp_rc os_file_open_unnamed(const char *folder, int *fd, struct slp_err *err);

/* Give an unnamed file a name, never replacing. Errors: EXISTS; UNSUPPORTED without links or
 * without /proc. */
SLP_NODISCARD slp_rc os_file_name_unnamed(int fd, const char *path, struct slp_err *err);

/* Close; nothing below zero. What must be on the device is synced before. */
void os_file_close(int fd);

/* Read up to `n` bytes from the position; fewer, or none, only at the end. */
SLP_NODISCARD slp_rc os_file_read(int fd, const char *path, void *dst, size_t n, size_t *got,
                                  struct slp_err *err);

/* Read exactly `n` bytes at `offset`. Errors: CORRUPT when the file ends before. */
SLP_NODISCARD slp_rc os_file_pread(int fd, const char *path, uint64_t offset, void *dst, size_t n,
                                   struct slp_err *err);

struct os_read_counts {
    uint64_t reads; /* calls, after ranges were joined */
    uint64_t bytes; /* read, gaps between joined ranges included */
};

/*
 * Read all ranges whole. Neighbours in the list that ascend with a gap of at most
 * OS_READ_GAP_BYTES become one call; nothing is copied twice.
 *
 * counts   what was done is added; may be NULL
 * Errors   CORRUPT when the file ends before a range does
 */
SLP_NODISCARD slp_rc os_file_read_ranges(int fd, const char *path, const struct io_range *ranges,
                                         size_t count, struct os_read_counts *counts,
                                         struct slp_err *err);

/* Write all of it at the position. Errors: LIMIT when the device is full. */
SLP_NODISCARD slp_rc os_file_write(int fd, const char *path, const void *bytes, size_t n,
                                   struct slp_err *err);

/* Wait until contents and size are on the device (fdatasync). After a failure nobody knows what is
 * there: a second try may answer OK about data that is gone. */
SLP_NODISCARD slp_rc os_file_sync(int fd, const char *path, struct slp_err *err);

/* Ask that writing these bytes to the device begins now; waits for nothing, promises nothing. */
void os_file_write_back(int fd, uint64_t offset, uint64_t len);

/* Lock the whole file against other openers, waiting at most `timeout_ms`. The lock ends with the
 * descriptor. Errors: UNAVAILABLE when somebody else keeps it. */
SLP_NODISCARD slp_rc os_file_lock(int fd, const char *path, int64_t timeout_ms,
                                  struct slp_err *err);

SLP_NODISCARD slp_rc os_file_stat(const char *path, struct os_stat *out, struct slp_err *err);
SLP_NODISCARD slp_rc os_file_stat_fd(int fd, const char *path, struct os_stat *out,
                                     struct slp_err *err);

/* Is there anything by that name? No when it cannot be told. */
bool os_file_exists(const char *path);

/* A second name for a file, never replacing. Errors: EXISTS; UNSUPPORTED without links. */
SLP_NODISCARD slp_rc os_file_link(const char *from, const char *to, struct slp_err *err);

/* Rename, replacing what has the name. */
SLP_NODISCARD slp_rc os_file_rename(const char *from, const char *to, struct slp_err *err);

/* Remove a name. Errors: NOT_FOUND. */
SLP_NODISCARD slp_rc os_file_remove(const char *path, struct slp_err *err);

/* Remove a name if that can be done: for clearing up. */
void os_file_drop(const char *path);

#endif
