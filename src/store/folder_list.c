#include "base/num.h"
#include "os/folder.h"
#include "store/folder_priv.h"

/*
 * Names ascend by their bytes, and a folder's names all begin with its own and a '/'. So entries of
 * one folder are put in order with that '/' behind folders: "a-b", "a/...", "a0".
 *
 * A folder may hold millions of entries; of each only the lowest PAGE_ENTRIES that are wanted are
 * kept at once, in a heap with the highest on top. When they are used up and more are wanted, the
 * folder is read again from there.
 */
#define PAGE_ENTRIES 1024u
#define FIRST_ROOM   16u

/* More parts than a name can have. */
#define DEPTH_MAX (STORE_NAME_MAX / 2 + 1)

struct entry {
    uint16_t len; /* bytes of `key` */
    bool is_folder;
    char key[STORE_NAME_PART_MAX + 1]; /* name, a '/' behind folders */
};

struct page {
    struct entry *entries;
    size_t count;
    size_t room;
    bool is_cut; /* the folder has more */
};

struct walk {
    struct folder *folder;
    struct slice prefix;
    struct slice after;
    size_t limit;
    struct arena *arena;
    struct store_item *items;
    size_t count;
    size_t base;            /* bytes of `path` up to where names begin */
    char path[OS_PATH_MAX]; /* of the folder being read, with a '/' behind it */
};

struct scan {
    struct walk *walk;
    struct page *page;
    struct slice above; /* keys above this one; empty: all */
    size_t path_len;    /* bytes of walk->path */
};

static struct slice key_of(const struct entry *e)
{
    return slice_of(e->key, e->len);
}

static void sift_down(struct entry *entries, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count &&
            slice_compare(key_of(&entries[child + 1]), key_of(&entries[child])) > 0)
            child++;
        if (slice_compare(key_of(&entries[child]), key_of(&entries[at])) <= 0)
            return;
        struct entry moved = entries[at];
        entries[at] = entries[child];
        entries[child] = moved;
        at = child;
    }
}

static void sift_up(struct entry *entries, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (slice_compare(key_of(&entries[at]), key_of(&entries[parent])) <= 0)
            return;
        struct entry moved = entries[at];
        entries[at] = entries[parent];
        entries[parent] = moved;
        at = parent;
    }
}

/* Turn the heap into ascending order. */
static void sort_page(struct page *page)
{
    for (size_t left = page->count; left > 1; left--) {
        struct entry last = page->entries[left - 1];
        page->entries[left - 1] = page->entries[0];
        page->entries[0] = last;
        sift_down(page->entries, left - 1, 0);
    }
}

static slp_rc grow_page(struct page *page, struct alloc *mem, struct slp_err *err)
{
    size_t room = page->room ? num_min_size(page->room * 4, PAGE_ENTRIES) : FIRST_ROOM;
    void *grown = NULL;
    TRY(alloc_array(mem, room, sizeof *page->entries, &grown, err));
    if (page->count)
        memcpy(grown, page->entries, page->count * sizeof *page->entries);
    alloc_free(mem, page->entries, page->room * sizeof *page->entries);
    page->entries = grown;
    page->room = room;
    return SLP_OK;
}

static slp_rc keep(struct page *page, const struct entry *e, struct alloc *mem, struct slp_err *err)
{
    if (page->count == PAGE_ENTRIES) {
        page->is_cut = true;
        if (slice_compare(key_of(e), key_of(&page->entries[0])) < 0) {
            page->entries[0] = *e;
            sift_down(page->entries, page->count, 0);
        }
        return SLP_OK;
    }
    if (page->count == page->room)
        TRY(grow_page(page, mem, err));
    page->entries[page->count] = *e;
    sift_up(page->entries, page->count++);
    return SLP_OK;
}

/* Can this entry be, or hold, a name that is wanted? `full` is its name from the root. */
static bool is_wanted(const struct walk *w, struct slice full, bool is_folder)
{
    if (is_folder)
        return (slice_starts_with(full, w->prefix) || slice_starts_with(w->prefix, full)) &&
               (slice_compare(full, w->after) > 0 || slice_starts_with(w->after, full));
    return slice_starts_with(full, w->prefix) && slice_compare(full, w->after) > 0;
}

static slp_rc visit_entry(void *arg, const struct os_folder_entry *seen, struct slp_err *err)
{
    struct scan *scan = arg;
    struct walk *w = scan->walk;
    struct entry e = {.is_folder = seen->is_folder};
    if (seen->name[0] == '.' || !(seen->is_file || seen->is_folder))
        return SLP_OK;
    if (seen->len > STORE_NAME_PART_MAX || scan->path_len - w->base + seen->len > STORE_NAME_MAX)
        return SLP_OK; /* not written through a store, and not readable through one */
    memcpy(e.key, seen->name, seen->len);
    e.len = (uint16_t)seen->len;
    if (e.is_folder)
        e.key[e.len++] = '/';
    memcpy(w->path + scan->path_len, e.key, e.len);
    struct slice full = slice_of(w->path + w->base, scan->path_len - w->base + e.len);
    bool is_new = scan->above.len == 0 || slice_compare(key_of(&e), scan->above) > 0;
    if (is_new && is_wanted(w, full, e.is_folder))
        return keep(scan->page, &e, w->folder->mem, err);
    return SLP_OK;
}

static slp_rc add_item(struct walk *w, size_t path_len, const struct entry *e, struct slp_err *err)
{
    struct os_stat info;
    memcpy(w->path + path_len, e->key, e->len);
    w->path[path_len + e->len] = '\0';
    slp_rc rc = os_file_stat(w->path, &info, err);
    if (rc == SLP_NOT_FOUND) {
        err_clear(err);
        return SLP_OK; /* deleted since */
    }
    TRY(rc);
    struct store_item *item = &w->items[w->count];
    struct slice name = slice_of(w->path + w->base, path_len - w->base + e->len);
    TRY(arena_copy(w->arena, name, &item->name, err));
    item->size = info.size;
    item->modified_us = info.modified_us;
    w->count++;
    return SLP_OK;
}

/* Fill `page` with the lowest wanted entries above `above`, ascending. */
static slp_rc read_page(struct walk *w, size_t path_len, struct slice above, struct page *page,
                        struct slp_err *err)
{
    char folder[OS_PATH_MAX];
    struct scan scan = {.walk = w, .page = page, .above = above, .path_len = path_len};
    memcpy(folder, w->path, path_len);
    folder[path_len] = '\0';
    page->count = 0;
    page->is_cut = false;
    slp_rc rc = os_folder_each(folder, visit_entry, &scan, err);
    if (rc == SLP_NOT_FOUND) {
        /* Nothing was ever written below it. */
        err_clear(err);
        rc = SLP_OK;
    }
    sort_page(page);
    return rc;
}

static slp_rc walk_folder(struct walk *w, size_t path_len, unsigned depth, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct page page = {0};
    struct entry last = {0};
    if (depth > DEPTH_MAX)
        return SLP_OK;
    do {
        TRY_OUT(read_page(w, path_len, key_of(&last), &page, err));
        for (size_t i = 0; i < page.count && w->count < w->limit; i++) {
            const struct entry *e = &page.entries[i];
            if (e->is_folder) {
                memcpy(w->path + path_len, e->key, e->len);
                TRY_OUT(walk_folder(w, path_len + e->len, depth + 1, err));
            } else {
                TRY_OUT(add_item(w, path_len, e, err));
            }
        }
        if (page.count)
            last = page.entries[page.count - 1];
    } while (page.is_cut && w->count < w->limit);
out:
    alloc_free(w->folder->mem, page.entries, page.room * sizeof *page.entries);
    return rc;
}

/* The folder that all names of a prefix lie below: "t/7/log/000" begins in "t/7/log/". */
static slp_rc begin_walk(struct walk *w, size_t *path_len, struct slp_err *err)
{
    size_t deep = w->prefix.len;
    while (deep > 0 && w->prefix.ptr[deep - 1] != '/')
        deep--;
    TRY(os_path_join(w->path, w->folder->root, slice_first(w->prefix, deep), err));
    size_t len = strlen(w->path);
    if (w->path[len - 1] != '/')
        w->path[len++] = '/';
    w->base = len - deep;
    *path_len = len;
    return SLP_OK;
}

slp_rc store_folder_list(struct folder *f, struct store_request *r)
{
    struct walk w = {.folder = f,
                     .prefix = r->name,
                     .after = r->after,
                     .limit = store_list_limit(r),
                     .arena = r->arena};
    void *room = NULL;
    size_t path_len = 0;
    TRY(arena_array(r->arena, w.limit, sizeof *w.items, &room, &r->err));
    w.items = room;
    TRY(begin_walk(&w, &path_len, &r->err));
    TRY(walk_folder(&w, path_len, 0, &r->err));
    r->items = w.items;
    r->item_count = w.count;
    return SLP_OK;
}

struct sweep {
    const char *folder;
    int64_t before_us;
    uint64_t removed;
    unsigned depth;
};

static slp_rc sweep_folder(const char *path, unsigned depth, struct sweep *sum,
                           struct slp_err *err);

static slp_rc sweep_entry(void *arg, const struct os_folder_entry *seen, struct slp_err *err)
{
    struct sweep *sweep = arg;
    char path[OS_PATH_MAX];
    struct os_stat info;
    TRY(os_path_join(path, sweep->folder, slice_of(seen->name, seen->len), err));
    if (seen->is_folder && seen->name[0] != '.')
        return sweep_folder(path, sweep->depth + 1, sweep, err);
    if (!seen->is_file ||
        !slice_starts_with(slice_of(seen->name, seen->len), slice_str(FOLDER_TEMP_PREFIX)))
        return SLP_OK;
    slp_rc rc = os_file_stat(path, &info, err);
    if (rc == SLP_OK && info.modified_us >= sweep->before_us)
        return SLP_OK;
    if (rc == SLP_OK)
        rc = os_file_remove(path, err);
    if (rc == SLP_NOT_FOUND) {
        err_clear(err);
        return SLP_OK; /* its writer was faster */
    }
    TRY(rc);
    sweep->removed++;
    return SLP_OK;
}

static slp_rc sweep_folder(const char *path, unsigned depth, struct sweep *sum, struct slp_err *err)
{
    struct sweep here = {.folder = path, .before_us = sum->before_us, .depth = depth};
    if (depth > DEPTH_MAX)
        return SLP_OK;
    slp_rc rc = os_folder_each(path, sweep_entry, &here, err);
    sum->removed += here.removed;
    return rc;
}

slp_rc store_folder_sweep(struct store *s, int64_t before_us, uint64_t *removed,
                          struct slp_err *err)
{
    struct folder *f = (struct folder *)s;
    struct sweep sum = {.before_us = before_us};
    TRY(store_folder_check(f, err));
    TRY(sweep_folder(f->root, 0, &sum, err));
    if (removed)
        *removed = sum.removed;
    return SLP_OK;
}
