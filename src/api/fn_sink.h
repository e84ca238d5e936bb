/*
 * A sink over the caller's write function.
 */
#ifndef SLP_API_FN_SINK_H
#define SLP_API_FN_SINK_H

#include "base/io.h"
#include "sleeper/sleeper.h"

struct fn_sink {
    struct sink base;
    slp_write_fn write;
    void *context;
};

void api_fn_sink_init(struct fn_sink *s, slp_write_fn write, void *context);

#endif
