/*
 * The parts of the folder store: folder.c (verbs), folder_write.c (whole and durable files),
 * folder_put.c (streamed writes), folder_list.c (listings and sweeping).
 */
#ifndef SLP_STORE_FOLDER_PRIV_H
#define SLP_STORE_FOLDER_PRIV_H

#include "os/file.h"
#include "store/folder.h"
#include "store/store_priv.h"

/* Temporary files when the file system has no unnamed ones, and the files of PUT_IF_MATCH. */
#define FOLDER_TEMP_PREFIX ".tmp-"

/* In each folder that holds an object written by PUT_IF_MATCH: what its writers lock. */
#define FOLDER_LOCK_NAME ".lock"

/* How long PUT_IF_MATCH waits for a stopped process that holds the lock. */
#define FOLDER_LOCK_TIMEOUT_MS 10000

#define FOLDER_KNOWN_SLOTS 512u

enum folder_links {
    FOLDER_LINKS_UNPROBED,
    FOLDER_LINKS_UNNAMED, /* unnamed files can be linked */
    FOLDER_LINKS_NAMED    /* temporary names are needed */
};

struct folder {
    struct store base;
    struct alloc *mem;
    bool is_synced;
    int poisoned; /* a sync failed, or a link was not answered: atomic */
    int links;    /* enum folder_links: atomic; probed before the first write */
    /* Hashes of folders whose entry, and those above it, are durable; a slot is hash modulo the
     * count. Atomic. One that is pushed out costs a few syncs. Folders are never removed. */
    uint64_t known[FOLDER_KNOWN_SLOTS];
    size_t bytes; /* of this struct */
    char root[];  /* as it was given */
};

/* UNKNOWN once a sync has failed, or a link or rename with an error of the device. */
SLP_NODISCARD slp_rc store_folder_check(struct folder *f, struct slp_err *err);

/* Before the first write: are there links that do not replace? Errors: UNSUPPORTED, DENIED. */
SLP_NODISCARD slp_rc store_folder_probe(struct folder *f, struct slp_err *err);

/* A file that is not visible yet. `name` is empty for one without a name. */
struct folder_temp {
    int fd;
    char name[OS_PATH_MAX];
};

/* Open one where `path` (of an object) shall be linked or renamed to, and make the folders above
 * it. `is_named` asks for one that can be renamed. */
SLP_NODISCARD slp_rc store_folder_temp_open(struct folder *f, const char *path, bool is_named,
                                            struct folder_temp *out, struct slp_err *err);

/* Sync its contents; poisons on failure. */
SLP_NODISCARD slp_rc store_folder_temp_sync(struct folder *f, struct folder_temp *temp,
                                            struct slp_err *err);

/* Link it to `path`. Errors: EXISTS. */
SLP_NODISCARD slp_rc store_folder_temp_link(struct folder_temp *temp, const char *path,
                                            struct slp_err *err);

/* Link it to `path` where an object shall be. Errors: CONFLICT when there is one; UNKNOWN, and poisons, when the device
 * did not say whether it was done. */
SLP_NODISCARD slp_rc store_folder_temp_publish(struct folder *f, struct folder_temp *temp,
                                               const char *path, struct slp_err *err);

/* Close it and remove its temporary name. */
void store_folder_temp_close(struct folder_temp *temp);

/* Make the entry of `path` durable, and those of the folders above it; poisons on failure. */
SLP_NODISCARD slp_rc store_folder_sync_entry(struct folder *f, const char *path,
                                             struct slp_err *err);

SLP_NODISCARD slp_rc store_folder_put_if_absent(struct folder *f, const char *path,
                                                const struct store_request *r, struct slp_err *err);
SLP_NODISCARD slp_rc store_folder_put_if_match(struct folder *f, const char *path,
                                               const struct store_request *r, struct slp_err *err);

/* The tag of the object at `path`; absent if there is none. */
SLP_NODISCARD slp_rc store_folder_tag(struct folder *f, const char *path, struct store_tag *out,
                                      struct slp_err *err);

SLP_NODISCARD slp_rc store_folder_list(struct folder *f, struct store_request *r);

/* The operations of streamed writes. */
SLP_NODISCARD slp_rc store_folder_put_open(struct store *s, struct slice name, struct alloc *mem,
                                           struct store_put **out, struct slp_err *err);
SLP_NODISCARD slp_rc store_folder_put_commit(struct store_put *put, struct slp_err *err);
void store_folder_put_abort(struct store_put *put);

#endif
