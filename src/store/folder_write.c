#include <stdio.h>

#include "os/folder.h"
#include "os/random.h"
#include "store/folder_priv.h"

static slp_rc temp_path(const char *folder, char out[OS_PATH_MAX], struct slp_err *err)
{
    uint8_t random[16];
    char name[sizeof FOLDER_TEMP_PREFIX + 32];
    struct hash128 id;
    char digits[33];
    TRY(os_random(random, sizeof random, err));
    memcpy(id.bytes, random, sizeof id.bytes);
    hash_format(id, digits);
    (void)snprintf(name, sizeof name, "%s%s", FOLDER_TEMP_PREFIX, digits);
    return os_path_join(out, folder, slice_str(name), err);
}

/* After a sync that failed, or a name that may have been given, the handle is of no more use: see folder.h. */
static slp_rc poison(struct folder *f, struct slp_err *err)
{
    __atomic_store_n(&f->poisoned, 1, __ATOMIC_SEQ_CST);
    slp_rc unknown = SLP_UNKNOWN;
    (void)err_wrap(err, unknown, "outcome of a write is unknown");
    return err_append(err, unknown, "; end this process and look before repeating");
}

slp_rc store_folder_check(struct folder *f, struct slp_err *err)
{
    if (__atomic_load_n(&f->poisoned, __ATOMIC_SEQ_CST))
        FAIL(err, UNKNOWN,
             "the folder \"%s\" failed to sync or link earlier, what it holds is unknown; end this "
             "process and look before repeating",
             f->root);
    return SLP_OK;
}

static slp_rc open_unnamed(const char *folder, struct folder_temp *out, struct slp_err *err)
{
    TRY(os_file_open_unnamed(folder, &out->fd, err));
    out->name[0] = '\0';
    return SLP_OK;
}

static slp_rc open_named(const char *folder, struct folder_temp *out, struct slp_err *err)
{
    TRY(temp_path(folder, out->name, err));
    return os_file_open(out->name, OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_NEW, &out->fd, err);
}

/* Link one temporary file twice to a name: the second link has to be refused. */
static slp_rc try_links(struct folder *f, bool is_named, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct folder_temp temp = {.fd = -1};
    struct folder_temp other = {.fd = -1};
    char path[OS_PATH_MAX];
    TRY(temp_path(f->root, path, err));
    TRY_OUT(is_named ? open_named(f->root, &temp, err) : open_unnamed(f->root, &temp, err));
    TRY_OUT(is_named ? open_named(f->root, &other, err) : open_unnamed(f->root, &other, err));
    TRY_OUT(store_folder_temp_link(&temp, path, err));
    rc = store_folder_temp_link(&other, path, err);
    os_file_drop(path);
    if (rc == SLP_OK)
        FAIL_OUT(err, UNSUPPORTED, "the file system of \"%s\" replaces files when it links",
                 f->root);
    rc = rc == SLP_EXISTS ? SLP_OK : rc;
out:
    store_folder_temp_close(&other);
    store_folder_temp_close(&temp);
    return rc;
}

slp_rc store_folder_probe(struct folder *f, struct slp_err *err)
{
    if (__atomic_load_n(&f->links, __ATOMIC_RELAXED) != FOLDER_LINKS_UNPROBED)
        return SLP_OK;
    int found = FOLDER_LINKS_UNNAMED;
    slp_rc rc = try_links(f, false, err);
    if (rc == SLP_UNSUPPORTED) {
        found = FOLDER_LINKS_NAMED;
        rc = try_links(f, true, err);
    }
    if (rc == SLP_UNSUPPORTED)
        return err_append(err, rc,
                          "; a folder store needs links that never replace, choose a folder on a "
                          "local file system");
    TRY(rc);
    __atomic_store_n(&f->links, found, __ATOMIC_RELAXED);
    return SLP_OK;
}

/* The folders above an object. Their entries are synced when the object's is, see
 * store_folder_sync_entry. */
static slp_rc make_folder(const char *folder, struct slp_err *err)
{
    slp_rc rc = os_folder_make_all(folder, false, err);
    if (rc == SLP_EXISTS || rc == SLP_NOT_FOUND)
        FAIL(err, INVALID, "a part of \"%s\" is an object, nothing can lie below it", folder);
    return rc;
}

slp_rc store_folder_temp_open(struct folder *f, const char *path, bool is_named,
                              struct folder_temp *out, struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    is_named = is_named || __atomic_load_n(&f->links, __ATOMIC_RELAXED) == FOLDER_LINKS_NAMED;
    TRY(os_path_join(folder, path, slice_of(NULL, 0), err));
    os_path_parent(folder);
    slp_rc rc = is_named ? open_named(folder, out, err) : open_unnamed(folder, out, err);
    if (rc != SLP_NOT_FOUND)
        return rc;
    TRY(make_folder(folder, err));
    return is_named ? open_named(folder, out, err) : open_unnamed(folder, out, err);
}

slp_rc store_folder_temp_sync(struct folder *f, struct folder_temp *temp, struct slp_err *err)
{
    if (!f->is_synced)
        return SLP_OK;
    store_count(&f->base.counts.syncs, 1);
    slp_rc rc = os_file_sync(temp->fd, temp->name[0] ? temp->name : "a new object", err);
    return rc == SLP_OK ? rc : poison(f, err);
}

slp_rc store_folder_temp_link(struct folder_temp *temp, const char *path, struct slp_err *err)
{
    bool is_named = temp->name[0] != '\0';
    slp_rc rc =
        is_named ? os_file_link(temp->name, path, err) : os_file_name_unnamed(temp->fd, path, err);
    if (rc != SLP_EXISTS)
        return rc;
    /* A network file system may repeat a link whose answer it lost, and meet its own work. */
    struct os_stat info;
    if (os_file_stat_fd(temp->fd, path, &info, NULL) != SLP_OK)
        return rc;
    return info.links == (is_named ? 2 : 1) ? SLP_OK : rc;
}

/* May what failed with this have been done? A file system that is full, read-only or has the name says so before it
 * does anything; one whose device or server does not answer says nothing. */
static bool may_have_happened(slp_rc rc)
{
    return rc == SLP_IO || rc == SLP_UNAVAILABLE;
}

slp_rc store_folder_temp_publish(struct folder *f, struct folder_temp *temp, const char *path,
                                 struct slp_err *err)
{
    slp_rc rc = store_folder_temp_link(temp, path, err);
    if (rc == SLP_EXISTS)
        FAIL(err, CONFLICT, "it exists already");
    return may_have_happened(rc) ? poison(f, err) : rc;
}

void store_folder_temp_close(struct folder_temp *temp)
{
    os_file_close(temp->fd);
    temp->fd = -1;
    if (temp->name[0])
        os_file_drop(temp->name);
    temp->name[0] = '\0';
}

static bool is_known(struct folder *f, uint64_t hash)
{
    return __atomic_load_n(&f->known[hash % FOLDER_KNOWN_SLOTS], __ATOMIC_RELAXED) == hash;
}

static slp_rc sync_one(struct folder *f, const char *path, struct slp_err *err)
{
    store_count(&f->base.counts.syncs, 1);
    return os_folder_sync(path, err);
}

static uint64_t folder_hash(const char *path, size_t len, size_t root_len)
{
    /* Relative to the root: a store costs the same wherever it stands. */
    return hash_xxh64(slice_of(path + root_len, len - root_len), 0);
}

/*
 * The folder of `path` gained its entry. Whether the folders above were there or were made just
 * now, by us or by somebody who has not synced them yet, cannot be told; so the first write through
 * a handle syncs them all, once.
 */
static slp_rc sync_chain(struct folder *f, const char *path, struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    size_t root_len = strlen(f->root);
    TRY(os_path_join(folder, path, slice_of(NULL, 0), err));
    os_path_parent(folder);
    size_t leaf_len = strlen(folder);
    TRY(sync_one(f, folder, err));
    while (strlen(folder) > root_len &&
           !is_known(f, folder_hash(folder, strlen(folder), root_len))) {
        os_path_parent(folder);
        TRY(sync_one(f, folder, err));
    }
    /* Known means durable up to the root, so nothing is noted before all of it is. */
    for (size_t len = leaf_len; len > root_len; len--) {
        if (len < leaf_len && path[len] != '/')
            continue;
        uint64_t hash = folder_hash(path, len, root_len);
        __atomic_store_n(&f->known[hash % FOLDER_KNOWN_SLOTS], hash, __ATOMIC_RELAXED);
    }
    return SLP_OK;
}

slp_rc store_folder_sync_entry(struct folder *f, const char *path, struct slp_err *err)
{
    if (!f->is_synced)
        return SLP_OK;
    slp_rc rc = sync_chain(f, path, err);
    return rc == SLP_OK ? rc : poison(f, err);
}

slp_rc store_folder_put_if_absent(struct folder *f, const char *path, const struct store_request *r,
                                  struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct slice body = r->body;
    struct folder_temp temp = {.fd = -1};
    TRY(store_folder_probe(f, err));
    if (os_file_exists(path))
        FAIL(err, CONFLICT, "it exists already");
    TRY_OUT(store_folder_temp_open(f, path, false, &temp, err));
    TRY_OUT(os_file_write(temp.fd, path, body.ptr, body.len, err));
    if (!r->is_fleeting)
        TRY_OUT(store_folder_temp_sync(f, &temp, err));
    TRY_OUT(store_folder_temp_publish(f, &temp, path, err));
    store_count(&f->base.counts.bytes_out, body.len);
    store_folder_temp_close(&temp);
    if (!r->is_fleeting)
        TRY_OUT(store_folder_sync_entry(f, path, err));
out:
    store_folder_temp_close(&temp);
    return rc;
}

/* The lock of the folder that `path` lies in, which is made if need be. */
static slp_rc open_lock(const char *path, int *fd, struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    char lock[OS_PATH_MAX];
    TRY(os_path_join(folder, path, slice_of(NULL, 0), err));
    os_path_parent(folder);
    TRY(make_folder(folder, err));
    TRY(os_path_join(lock, folder, slice_str(FOLDER_LOCK_NAME), err));
    TRY(os_file_open(lock, OS_OPEN_READ | OS_OPEN_WRITE | OS_OPEN_CREATE, fd, err));
    slp_rc rc = os_file_lock(*fd, lock, FOLDER_LOCK_TIMEOUT_MS, err);
    if (rc != SLP_OK) {
        os_file_close(*fd);
        *fd = -1;
    }
    return rc;
}

slp_rc store_folder_put_if_match(struct folder *f, const char *path, const struct store_request *r,
                                 struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct slice body = r->body;
    struct store_tag match = r->match;
    struct folder_temp temp = {.fd = -1};
    struct store_tag now;
    int lock = -1;
    if (store_tag_is_absent(match))
        return store_folder_put_if_absent(f, path, r, err);
    TRY(store_folder_probe(f, err));
    TRY_OUT(open_lock(path, &lock, err));
    TRY_OUT(store_folder_tag(f, path, &now, err));
    if (!store_tag_equal(now, match))
        FAIL_OUT(err, CONFLICT, "it is not the one expected, somebody changed it");
    TRY_OUT(store_folder_temp_open(f, path, true, &temp, err));
    TRY_OUT(os_file_write(temp.fd, path, body.ptr, body.len, err));
    if (!r->is_fleeting)
        TRY_OUT(store_folder_temp_sync(f, &temp, err));
    rc = os_file_rename(temp.name, path, err);
    if (may_have_happened(rc))
        rc = poison(f, err);
    TRY_OUT(rc);
    temp.name[0] = '\0';
    store_count(&f->base.counts.bytes_out, body.len);
    if (!r->is_fleeting)
        TRY_OUT(store_folder_sync_entry(f, path, err));
out:
    store_folder_temp_close(&temp);
    os_file_close(lock);
    return rc;
}
