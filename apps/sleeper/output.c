#include <string.h>

#include "app.h"
#include "base/err.h"
#include "os/signal.h"
#include "os/terminal.h"
#include "os/writer.h"

struct output {
    struct os_output *file;
    bool is_stdout;
    slp_rc rc; /* of the first write that failed */
    struct slp_err err;
};

slp_rc output_open(struct app *app, struct output **out, struct slp_err *err)
{
    struct output *o = NULL;
    const char *path = args_value(app->args, OPTION_OUTPUT);
    TRY(arena_new(&app->arena, &o, err));
    o->is_stdout = !path || strcmp(path, "-") == 0;
    TRY(os_output_open(alloc_system(), path, &o->file, err));
    *out = o;
    return SLP_OK;
}

int output_write(void *output, const void *bytes, size_t n)
{
    struct output *o = output;
    if (o->rc != SLP_OK)
        return 1;
    o->rc = sink_write(os_output_sink(o->file), bytes, n, &o->err);
    return o->rc != SLP_OK;
}

bool output_is_terminal(const struct output *o)
{
    return o->is_stdout && os_terminal_is(1);
}

size_t output_width(const struct output *o)
{
    return output_is_terminal(o) ? os_terminal_width() : 0;
}

slp_rc output_close(struct output *o, slp_rc rc, struct slp_err *err)
{
    if (o->rc == SLP_OK && (rc == SLP_OK || o->is_stdout))
        o->rc = os_output_commit(o->file, &o->err);
    else
        os_output_abort(o->file);
    o->file = NULL;
    if (o->rc == SLP_CANCELLED && !*os_signal_flag())
        return SLP_OK; /* the reader of a pipe has seen enough */
    if (o->rc != SLP_OK) {
        if (err)
            *err = o->err;
        return o->rc;
    }
    return rc;
}
