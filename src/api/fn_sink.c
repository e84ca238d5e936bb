#include "api/fn_sink.h"

static slp_rc fn_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct fn_sink *s = (struct fn_sink *)(void *)sink;
    if (s->write(s->context, bytes, n))
        FAIL(err, IO, "the output could not be written");
    return SLP_OK;
}

void api_fn_sink_init(struct fn_sink *s, slp_write_fn write, void *context)
{
    static const struct sink_ops ops = {.write = fn_write};
    *s = (struct fn_sink){
        .base = {.ops = &ops, .name = "output"}, .write = write, .context = context};
}
