#include "os/expand.h"

#include <fnmatch.h>

#include "os/file.h"
#include "os/folder.h"

struct found {
    struct found *next;
    const char *path;
};

struct expansion {
    struct arena *arena;
    struct found *newest;
    size_t count;
};

static slp_rc add_file(struct expansion *x, const char *path, struct slp_err *err)
{
    if (x->count >= OS_EXPAND_MAX_FILES)
        FAIL(err, LIMIT, "more than %u files; give fewer at once", OS_EXPAND_MAX_FILES);
    struct found *f = NULL;
    TRY(arena_new(x->arena, &f, err));
    TRY(arena_text(x->arena, slice_str(path), &f->path, err));
    f->next = x->newest;
    x->newest = f;
    x->count++;
    return SLP_OK;
}

struct visit {
    struct expansion *x;
    const char *folder;
    const char *pattern; /* of one part; NULL: every file below */
    const char *rest;    /* of the pattern behind that part; NULL or empty: none */
    unsigned depth;
};

static slp_rc add_folder(struct expansion *x, const char *folder, unsigned depth,
                         struct slp_err *err);
static slp_rc match_below(struct expansion *x, const char *folder, const char *pattern,
                          unsigned depth, struct slp_err *err);

static slp_rc visit_in_folder(void *arg, const struct os_folder_entry *entry, struct slp_err *err)
{
    struct visit *v = arg;
    char path[OS_PATH_MAX];
    if (entry->name[0] == '.' || entry->name[0] == '_')
        return SLP_OK;
    TRY(os_path_join(path, v->folder, slice_of(entry->name, entry->len), err));
    if (entry->is_folder)
        return add_folder(v->x, path, v->depth + 1, err);
    return entry->is_file ? add_file(v->x, path, err) : SLP_OK;
}

static slp_rc add_folder(struct expansion *x, const char *folder, unsigned depth,
                         struct slp_err *err)
{
    if (depth > OS_EXPAND_MAX_DEPTH)
        FAIL(err, LIMIT, "\"%s\": folders are nested more than %u deep", folder,
             OS_EXPAND_MAX_DEPTH);
    struct visit v = {.x = x, .folder = folder, .depth = depth};
    return os_folder_each(folder, visit_in_folder, &v, err);
}

static slp_rc visit_match(void *arg, const struct os_folder_entry *entry, struct slp_err *err)
{
    struct visit *v = arg;
    char path[OS_PATH_MAX];
    if (fnmatch(v->pattern, entry->name, FNM_PERIOD) != 0)
        return SLP_OK;
    struct slice name = slice_of(entry->name, entry->len);
    TRY(strcmp(v->folder, ".") == 0 ? os_path_join(path, entry->name, slice_of(NULL, 0), err)
                                    : os_path_join(path, v->folder, name, err));
    if (*v->rest)
        return entry->is_folder ? match_below(v->x, path, v->rest, v->depth + 1, err) : SLP_OK;
    if (entry->is_folder)
        return add_folder(v->x, path, v->depth + 1, err);
    return entry->is_file ? add_file(v->x, path, err) : SLP_OK;
}

/* Match `pattern`, which has no '/' in front, against what lies in `folder`. */
static slp_rc match_below(struct expansion *x, const char *folder, const char *pattern,
                          unsigned depth, struct slp_err *err)
{
    if (depth > OS_EXPAND_MAX_DEPTH)
        FAIL(err, LIMIT, "\"%s\": the pattern has more than %u parts", folder, OS_EXPAND_MAX_DEPTH);
    char part[256];
    size_t len = strcspn(pattern, "/");
    if (len >= sizeof part)
        FAIL(err, INVALID, "a part of the pattern is longer than %zu bytes", sizeof part - 1);
    memcpy(part, pattern, len);
    part[len] = '\0';
    const char *rest = pattern + len + strspn(pattern + len, "/");
    struct visit v = {.x = x, .folder = folder, .pattern = part, .rest = rest, .depth = depth};
    if (!strpbrk(part, "*?[")) {
        /* A plain part is walked through, not looked for: its folder may be closed to listing. */
        char path[OS_PATH_MAX];
        struct os_stat info;
        TRY(os_path_join(path, folder, slice_of(part, len), err));
        if (os_file_stat(path, &info, NULL) != SLP_OK)
            return SLP_OK;
        struct os_folder_entry entry = {
            .name = part, .len = len, .is_file = info.is_file, .is_folder = info.is_folder};
        return visit_match(&v, &entry, err);
    }
    return os_folder_each(folder, visit_match, &v, err);
}

/* Restore the heap below `at`: the largest path on top. */
static void sift(const char **paths, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && strcmp(paths[child + 1], paths[child]) > 0)
            child++;
        if (strcmp(paths[child], paths[at]) <= 0)
            return;
        const char *moved = paths[at];
        paths[at] = paths[child];
        paths[child] = moved;
        at = child;
    }
}

static void sort_paths(const char **paths, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(paths, count, i);
    for (size_t left = count; left > 1; left--) {
        const char *last = paths[left - 1];
        paths[left - 1] = paths[0];
        paths[0] = last;
        sift(paths, left - 1, 0);
    }
}

static slp_rc collect(struct expansion *x, const char *input, struct slp_err *err)
{
    struct os_stat info;
    slp_rc rc = os_file_stat(input, &info, err);
    if (rc == SLP_OK)
        return info.is_folder ? add_folder(x, input, 0, err) : add_file(x, input, err);
    if (rc != SLP_NOT_FOUND || !strpbrk(input, "*?["))
        return rc;
    bool is_absolute = input[0] == '/';
    TRY(match_below(x, is_absolute ? "/" : ".", input + strspn(input, "/"), 0, err));
    if (x->count == 0)
        FAIL(err, NOT_FOUND, "no file matches \"%s\"", input);
    return SLP_OK;
}

slp_rc os_expand(const char *input, struct arena *arena, const char ***paths, size_t *count,
                 struct slp_err *err)
{
    struct expansion x = {.arena = arena};
    void *room = NULL;
    TRY(collect(&x, input, err));
    if (x.count == 0)
        FAIL(err, NOT_FOUND, "the folder \"%s\" has no files to read", input);
    TRY(arena_array(arena, x.count, sizeof **paths, &room, err));
    const char **all = room;
    size_t at = 0;
    for (const struct found *f = x.newest; f; f = f->next)
        all[at++] = f->path;
    sort_paths(all, at);
    *paths = all;
    *count = at;
    return SLP_OK;
}
