/*
 * A plug-in: of each key one row, with the sum of a field and the number of rows.
 *
 *     cc -shared -fPIC -I../../include key_sums.c -o key_sums.so
 *     sleeper scan flights --iterator 'plugin(./key_sums.so, distance)'
 *
 * The configuration is the name of an int64 field. It works per key, so each call of run gets whole
 * keys and where they begin. What it yields are two int64 columns; `origin` says which row each came
 * from, so that the row keeps its key.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sleeper/plugin.h"

#define COLUMNS 2

struct key_sums {
    int64_t column; /* of the rows that come in */
    char field[256];
    const char *needs[2];
    int64_t *origin;
};

/* ---- what it yields: a schema ---- */

static void schema_release(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release)
            s->children[i]->release(s->children[i]);
        free(s->children[i]);
    }
    free(s->children);
    s->release = NULL;
}

static void child_schema_release(struct ArrowSchema *s)
{
    s->release = NULL;
}

static int make_schema(struct ArrowSchema *out)
{
    static const char *const names[COLUMNS] = {"sum", "rows"};
    *out = (struct ArrowSchema){.format = "+s", .name = "", .release = schema_release};
    out->children = calloc(COLUMNS, sizeof *out->children);
    for (int i = 0; out->children && i < COLUMNS; i++) {
        struct ArrowSchema *child = calloc(1, sizeof *child);
        if (!child)
            break;
        child->format = "l";
        child->name = names[i];
        child->flags = ARROW_FLAG_NULLABLE;
        child->release = child_schema_release;
        out->children[out->n_children++] = child;
    }
    if (out->n_children == COLUMNS)
        return 0;
    schema_release(out);
    return ENOMEM;
}

/* ---- what it yields: rows ---- */

static void array_release(struct ArrowArray *a)
{
    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release)
            a->children[i]->release(a->children[i]);
        free(a->children[i]);
    }
    free(a->children);
    free(a->buffers);
    a->release = NULL;
}

static void column_release(struct ArrowArray *a)
{
    free(a->private_data);
    free(a->buffers);
    a->release = NULL;
}

/* A column of `rows` numbers; `*values` is where they go. NULL: no memory. */
static struct ArrowArray *make_column(int64_t rows, int64_t **values)
{
    struct ArrowArray *c = calloc(1, sizeof *c);
    const void **buffers = calloc(2, sizeof *buffers);
    *values = calloc((size_t)rows + 1, sizeof **values);
    if (!c || !buffers || !*values) {
        free(c);
        free(buffers);
        free(*values);
        return NULL;
    }
    buffers[1] = *values; /* buffers[0], the validity, stays NULL: no nulls */
    *c = (struct ArrowArray){.length = rows,
                             .n_buffers = 2,
                             .buffers = buffers,
                             .release = column_release,
                             .private_data = *values};
    return c;
}

static int make_rows(int64_t rows, struct ArrowArray *out, int64_t *values[COLUMNS])
{
    *out = (struct ArrowArray){.length = rows, .n_buffers = 1, .release = array_release};
    out->buffers = calloc(1, sizeof *out->buffers);
    out->children = calloc(COLUMNS, sizeof *out->children);
    for (int i = 0; out->buffers && out->children && i < COLUMNS; i++) {
        out->children[i] = make_column(rows, &values[i]);
        if (!out->children[i])
            break;
        out->n_children++;
    }
    if (out->n_children == COLUMNS)
        return 0;
    array_release(out);
    return ENOMEM;
}

/* ---- the three functions ---- */

static int open_sums(const char *config, size_t config_bytes, const struct ArrowSchema *input,
                     struct sleeper_plugin_instance *out)
{
    struct key_sums *k = calloc(1, sizeof *k);
    if (!k)
        return ENOMEM;
    if (config_bytes > 0 && config_bytes < sizeof k->field)
        memcpy(k->field, config, config_bytes);
    k->column = -1;
    for (int64_t i = 0; i < input->n_children; i++)
        if (strcmp(input->children[i]->name, k->field) == 0 &&
            strcmp(input->children[i]->format, "l") == 0)
            k->column = i;
    if (k->column < 0) {
        (void)snprintf(out->error, sizeof out->error, "there is no int64 field \"%s\"", k->field);
        free(k);
        return EINVAL;
    }
    if (make_schema(&out->output) != 0) {
        free(k);
        return ENOMEM;
    }
    k->needs[0] = k->field;
    out->needs = k->needs;
    out->per = SLEEPER_PER_KEY;
    out->state = k;
    return 0;
}

static int is_present(const struct ArrowArray *c, int64_t row)
{
    const unsigned char *validity = c->buffers[0];
    int64_t at = c->offset + row;
    return !validity || (validity[at / 8] >> (at % 8)) & 1;
}

static int run_sums(struct sleeper_plugin_instance *instance, const struct sleeper_plugin_input *in,
                    struct sleeper_plugin_output *out)
{
    struct key_sums *k = instance->state;
    const struct ArrowArray *c = in->rows->children[k->column];
    const int64_t *numbers = c->buffers[1];
    int64_t *values[COLUMNS];
    int64_t *origin = realloc(k->origin, ((size_t)in->group_count + 1) * sizeof *origin);
    if (!origin)
        return ENOMEM;
    k->origin = origin;
    if (make_rows(in->group_count, &out->rows, values) != 0)
        return ENOMEM;
    for (int64_t g = 0; g < in->group_count; g++) {
        uint64_t sum = 0;
        for (int64_t r = in->groups[g]; r < in->groups[g + 1]; r++)
            sum += is_present(c, r) ? (uint64_t)numbers[c->offset + r] : 0;
        values[0][g] = (int64_t)sum;
        values[1][g] = in->groups[g + 1] - in->groups[g];
        origin[g] = in->groups[g];
    }
    out->origin = origin;
    return 0;
}

static void close_sums(struct sleeper_plugin_instance *instance)
{
    struct key_sums *k = instance->state;
    free(k->origin);
    free(k);
}

SLP_PLUGIN_EXPORT const struct sleeper_plugin *sleeper_plugin(void);

const struct sleeper_plugin *sleeper_plugin(void)
{
    static const struct sleeper_plugin plugin = {.version = SLEEPER_PLUGIN_VERSION,
                                                 .bytes = sizeof plugin,
                                                 .name = "key sums",
                                                 .open = open_sums,
                                                 .run = run_sums,
                                                 .close = close_sums};
    return &plugin;
}
