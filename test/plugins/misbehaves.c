/* A plug-in that does what its configuration names, none of it right. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sleeper/plugin.h"

static void release_array(struct ArrowArray *a)
{
    for (int64_t i = 0; i < a->n_children; i++) {
        free(a->children[i]->private_data);
        free(a->children[i]->buffers);
        free(a->children[i]);
    }
    free(a->children);
    free(a->buffers);
    a->release = NULL;
}

static void keep_child(struct ArrowArray *a)
{
    a->release = NULL;
}

/* One int64 column; `lengths` of struct and column may differ. */
static void make_rows(struct ArrowArray *out, int64_t rows, int64_t column_rows)
{
    struct ArrowArray *c = calloc(1, sizeof *c);
    *out = (struct ArrowArray){.length = rows, .n_buffers = 1, .release = release_array};
    out->buffers = calloc(1, sizeof *out->buffers);
    out->children = calloc(1, sizeof *out->children);
    out->children[0] = c;
    out->n_children = 1;
    c->length = column_rows;
    c->n_buffers = 2;
    c->private_data = calloc((size_t)rows + (size_t)column_rows + 1, 8);
    c->buffers = calloc(2, sizeof *c->buffers);
    c->buffers[1] = c->private_data;
    c->release = keep_child;
}

static int is(struct sleeper_plugin_instance *i, const char *what)
{
    return strcmp(i->state, what) == 0;
}

static void release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static int open_bad(const char *config, size_t bytes, const struct ArrowSchema *input,
                    struct sleeper_plugin_instance *out)
{
    static const char *const unknown[] = {"nowhere", NULL};
    static struct ArrowSchema child = {.format = "l", .name = "x", .release = release_schema};
    static struct ArrowSchema *children[] = {&child};
    (void)input;
    out->state = calloc(1, bytes + 1);
    memcpy(out->state, config, bytes);
    child.release = release_schema;
    out->output = (struct ArrowSchema){.format = "+s",
                                       .name = "",
                                       .n_children = 1,
                                       .children = children,
                                       .release = release_schema};
    if (is(out, "schema"))
        child.format = "?";
    else
        child.format = "l";
    if (is(out, "needs"))
        out->needs = unknown;
    if (is(out, "per"))
        out->per = 7;
    if (!is(out, "open"))
        return 0;
    free(out->state);
    memset(out->error, 'x', sizeof out->error); /* not terminated */
    return EINVAL;
}

static int run_bad(struct sleeper_plugin_instance *i, const struct sleeper_plugin_input *in,
                   struct sleeper_plugin_output *out)
{
    static const int64_t beyond[] = {0, 99};
    static const int64_t falls[] = {1, 0};
    int64_t rows = in->rows->length;
    if (is(i, "run")) {
        strcpy(i->error, "no luck today");
        return EIO;
    }
    if (is(i, "nothing"))
        return 0;
    if (is(i, "rows"))
        rows = rows + 1;
    if (is(i, "beyond") || is(i, "falls"))
        rows = 2;
    make_rows(&out->rows, rows, is(i, "lengths") ? rows - 1 : rows);
    if (is(i, "beyond"))
        out->origin = beyond;
    if (is(i, "falls"))
        out->origin = falls;
    return 0;
}

static void close_bad(struct sleeper_plugin_instance *i)
{
    free(i->state);
}

SLP_PLUGIN_EXPORT const struct sleeper_plugin *sleeper_plugin(void);

const struct sleeper_plugin *sleeper_plugin(void)
{
    static const struct sleeper_plugin plugin = {.version = SLEEPER_PLUGIN_VERSION,
                                                 .bytes = sizeof plugin,
                                                 .name = "misbehaves",
                                                 .open = open_bad,
                                                 .run = run_bad,
                                                 .close = close_bad};
    return &plugin;
}
