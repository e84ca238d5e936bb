#include "os/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

#define ENTRIES_ROOM_BYTES 8192u

/* Tell file from folder where the listing did not. false: it is gone, or nothing to us. */
static bool kind_of(int fd, const struct dirent64 *e, struct os_folder_entry *out)
{
    out->is_file = e->d_type == DT_REG;
    out->is_folder = e->d_type == DT_DIR;
    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
        return true;
    struct stat info;
    if (fstatat(fd, e->d_name, &info, 0) != 0)
        return false;
    out->is_file = S_ISREG(info.st_mode);
    out->is_folder = S_ISDIR(info.st_mode);
    return true;
}

static slp_rc visit_room(int fd, const uint8_t *room, size_t n, os_folder_fn visit, void *arg,
                         struct slp_err *err)
{
    for (size_t at = 0; at < n;) {
        const struct dirent64 *e = (const struct dirent64 *)(const void *)(room + at);
        at += e->d_reclen;
        struct os_folder_entry entry = {.name = e->d_name, .len = strlen(e->d_name)};
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (kind_of(fd, e, &entry))
            TRY(visit(arg, &entry, err));
    }
    return SLP_OK;
}

slp_rc os_folder_each(const char *path, os_folder_fn visit, void *arg, struct slp_err *err)
{
    alignas(8) uint8_t room[ENTRIES_ROOM_BYTES];
    slp_rc rc = SLP_OK;
    int fd = -1;
    TRY(os_file_open(path, OS_OPEN_READ | OS_OPEN_FOLDER, &fd, err));
    for (;;) {
        ssize_t n = getdents64(fd, room, sizeof room);
        /* A folder that is removed while it is read has no more entries. */
        if (n == 0 || (n < 0 && errno == ENOENT))
            break;
        if (n < 0) {
            rc = os_error(err, errno, "list", path);
            goto out;
        }
        TRY_OUT(visit_room(fd, room, (size_t)n, visit, arg, err));
    }
out:
    os_file_close(fd);
    return rc;
}

static slp_rc make_synced(const char *path, bool is_synced, struct slp_err *err)
{
    if (mkdir(path, 0777) != 0) {
        int code = errno;
        struct stat info;
        if (code == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            return SLP_OK;
        return os_error(err, code, "make the folder", path);
    }
    if (!is_synced)
        return SLP_OK;
    char parent[OS_PATH_MAX];
    TRY(os_path_join(parent, path, slice_of(NULL, 0), err));
    os_path_parent(parent);
    return os_folder_sync(parent, err);
}

slp_rc os_folder_make_all(const char *path, bool is_synced, struct slp_err *err)
{
    char part[OS_PATH_MAX];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return SLP_OK;
    TRY(os_path_join(part, path, slice_of(NULL, 0), err));
    for (char *p = part + 1; part[0] && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (stat(part, &info) != 0 || !S_ISDIR(info.st_mode))
            TRY(make_synced(part, is_synced, err));
        *p = '/';
    }
    return make_synced(path, is_synced, err);
}

slp_rc os_folder_sync(const char *path, struct slp_err *err)
{
    int fd = -1;
    TRY(os_file_open(path, OS_OPEN_READ | OS_OPEN_FOLDER, &fd, err));
    slp_rc rc = SLP_OK;
    if (fsync(fd) != 0)
        rc = os_error(err, errno, "sync the folder", path);
    os_file_close(fd);
    return rc;
}

const char *os_folder_temporary(void)
{
    const char *path = getenv("TMPDIR");
    return path && *path ? path : "/tmp";
}
