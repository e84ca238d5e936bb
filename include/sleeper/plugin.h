/*
 * Plug-ins: iterators of yours, run by queries over the rows of a table. A plug-in is a shared
 * object that exports one function, sleeper_plugin; rows come and go as Arrow arrays through the
 * Arrow C Data Interface, so it may be written in any language and needs no library of ours.
 *
 *     SLP_PLUGIN_EXPORT const struct sleeper_plugin *sleeper_plugin(void);
 *
 *     open(config, schema) -> what it needs and yields
 *       run(batch) -> batch      as often as there are batches; one thread at a time
 *     close
 *
 * examples/plugins/ has one of each sort, docs/guide/plugins.md the manual. Use one by
 * `--iterator 'plugin(./libmine.so, anything)'`.
 *
 * Rows come in key order. A plug-in says whether it works on rows or on keys:
 *
 *   SLEEPER_PER_ROW   batches are cut anywhere
 *   SLEEPER_PER_KEY   a batch holds whole keys: all rows of a key are in one batch, and `groups`
 *                     says where each begins
 *
 * Calls on one instance never overlap, but a program may have several instances at once, in
 * several threads. What a plug-in returns is checked; a plug-in that crashes takes the program
 * with it: it runs inside.
 */
#ifndef SLEEPER_PLUGIN_H
#define SLEEPER_PLUGIN_H

#include <stddef.h>

#include "sleeper/arrow.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A plug-in of another version is refused. */
#define SLEEPER_PLUGIN_VERSION 1

enum { SLEEPER_PER_ROW = 0, SLEEPER_PER_KEY = 1 };

/* Text of an error, terminated; where open and run put it. */
#define SLEEPER_PLUGIN_ERROR_BYTES 512

struct sleeper_plugin_instance {
    void *state;      /* the plug-in's own */
    int32_t per;      /* SLEEPER_PER_ROW, the default, or SLEEPER_PER_KEY */
    int32_t reserved; /* 0 */
    /* Names of the fields it reads, ended by NULL; NULL: all. They live as long as the instance. The
     * columns it is given are those of `input` of open in any case; others are left unread by the
     * table, and are then null or zero, unless a column of that name is asked for behind the plug-in. */
    const char *const *needs;
    /* What run yields: a struct of columns. The host releases it. Not set (release NULL): the
     * schema that came in. */
    struct ArrowSchema output;
    char error[SLEEPER_PLUGIN_ERROR_BYTES];
};

/* Rows handed to run. */
struct sleeper_plugin_input {
    struct ArrowArray *rows; /* a struct array; the host's: read it, do not release it */
    const int64_t *groups;   /* PER_KEY: row at which each key begins, and behind the last one the
                                    number of rows; else NULL */
    int64_t group_count;
};

/* Rows that run yields. */
struct sleeper_plugin_output {
    struct ArrowArray rows; /* a struct array; moved to the host, which releases it */
    /* The input row each output row came from, ascending, which gives it its key and place. NULL:
     * there are as many rows as came in, one of each. The plug-in's, valid until the next call. */
    const int64_t *origin;
};

struct sleeper_plugin {
    uint32_t version; /* SLEEPER_PLUGIN_VERSION */
    uint32_t bytes;   /* sizeof(struct sleeper_plugin) */
    const char *name; /* for messages */
    /* Make an instance from the configuration and the schema of the rows to come, which is the
     * host's. 0, or an errno value with `error` filled. */
    int (*open)(const char *config, size_t config_bytes, const struct ArrowSchema *input,
                struct sleeper_plugin_instance *out);
    /* 0, or an errno value with instance->error filled; `out` is then ignored. */
    int (*run)(struct sleeper_plugin_instance *instance, const struct sleeper_plugin_input *in,
               struct sleeper_plugin_output *out);
    void (*close)(struct sleeper_plugin_instance *instance);
};

#if defined(__GNUC__)
#define SLP_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SLP_PLUGIN_EXPORT
#endif

/* What a plug-in exports under the name SLEEPER_PLUGIN_ENTRY. */
#define SLEEPER_PLUGIN_ENTRY "sleeper_plugin"
typedef const struct sleeper_plugin *(*sleeper_plugin_fn)(void);

#ifdef __cplusplus
}
#endif

#endif
