/*
 * A folder of a test's own: made below $TMPDIR or /tmp, removed with all that is in it.
 *
 *     struct place p;
 *     place_make(&p);
 *     ... place_path(&p, "sub/name") ...
 *     place_drop(&p);
 */
#ifndef SLP_TEST_PLACE_H
#define SLP_TEST_PLACE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/t.h"

struct place {
    char path[200];
    char joined[1024]; /* what place_path gave last */
};

static inline void place_make(struct place *p)
{
    const char *above = getenv("TMPDIR");
    (void)snprintf(p->path, sizeof p->path, "%s/sleeper-test-XXXXXX",
                   above && *above ? above : "/tmp");
    assert_non_null(mkdtemp(p->path));
}

/* A path in it; good until the next call. */
static inline const char *place_path(struct place *p, const char *name)
{
    (void)snprintf(p->joined, sizeof p->joined, "%s/%s", p->path, name);
    return p->joined;
}

/* Write a file whole. */
static inline void place_write(struct place *p, const char *name, const char *text)
{
    FILE *file = fopen(place_path(p, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline void place_make_folder(struct place *p, const char *name)
{
    assert_int_equal(mkdir(place_path(p, name), 0777), 0);
}

static inline int place_remove_one(const char *path, const struct stat *info, int kind,
                                   struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void place_drop(struct place *p)
{
    (void)nftw(p->path, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
