/*
 * Folders: making, syncing and reading them.
 */
#ifndef SLP_OS_FOLDER_H
#define SLP_OS_FOLDER_H

#include "os/file.h"

struct os_folder_entry {
    const char *name; /* terminated; until the visitor returns */
    size_t len;       /* bytes of `name`, at most 255 */
    bool is_file;     /* a regular one; symbolic links are followed */
    bool is_folder;
};

/* Called once an entry, in no order; whatever is not OK ends the visit and is passed on. */
typedef slp_rc (*os_folder_fn)(void *arg, const struct os_folder_entry *entry, struct slp_err *err);

/*
 * Visit all entries but "." and "..". Entries made or removed meanwhile may be seen or not; one
 * that is gone before its kind is known is left out.
 * Errors   NOT_FOUND, DENIED, and whatever `visit` returns
 */
SLP_NODISCARD slp_rc os_folder_each(const char *path, os_folder_fn visit, void *arg,
                                    struct slp_err *err);

/* Make a folder and what is missing above it; nothing is wrong if it is there. Each folder that
 * gained an entry is synced when `is_synced`. Errors: EXISTS if a file has a name on the way. */
SLP_NODISCARD slp_rc os_folder_make_all(const char *path, bool is_synced, struct slp_err *err);

/* Wait until the entries of a folder are on the device (fsync). What os_file_sync says about
 * failures holds. */
SLP_NODISCARD slp_rc os_folder_sync(const char *path, struct slp_err *err);

/* Where temporary files go when nothing else is said: $TMPDIR, else /tmp. */
const char *os_folder_temporary(void);

#endif
