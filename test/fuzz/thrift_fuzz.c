/* rooms: codec */
#include "codec/thrift_read.h"

#include <stdlib.h>

/*
 * A struct of Thrift's compact protocol, walked field by field and, from the same place, skipped:
 * both end at the same byte, or both find it wrong. Cut short, it is never taken for whole.
 */

#define DEPTH_MAX 8u
#define ITEMS_MAX 100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct walk {
    struct cx_thrift t;
    size_t items;
};

static void walk_struct(struct walk *w, unsigned depth);

static void walk_list(struct walk *w, enum cx_thrift_type type, unsigned depth)
{
    struct cx_thrift before = w->t;
    size_t count = cx_thrift_list(&w->t, type, CX_THRIFT_STRUCT);
    if (count > (size_t)(w->t.end - w->t.start))
        abort();
    for (size_t i = 0; i < count && !w->t.wrong && w->items < ITEMS_MAX; i++)
        walk_struct(w, depth + 1);
    if (count == 0) {
        w->t = before;
        cx_thrift_skip(&w->t, type);
    }
}

static void walk_value(struct walk *w, enum cx_thrift_type type, unsigned depth)
{
    struct slice text = {0};
    switch (type) {
    case CX_THRIFT_TRUE:
    case CX_THRIFT_FALSE:
        (void)cx_thrift_bool(&w->t, type);
        break;
    case CX_THRIFT_I8:
    case CX_THRIFT_I16:
    case CX_THRIFT_I32:
    case CX_THRIFT_I64:
        (void)cx_thrift_int(&w->t, type);
        break;
    case CX_THRIFT_BINARY:
        text = cx_thrift_binary(&w->t, type);
        if (text.len && (text.ptr < w->t.start || text.ptr + text.len > w->t.end))
            abort();
        break;
    case CX_THRIFT_LIST:
    case CX_THRIFT_SET:
        walk_list(w, type, depth);
        break;
    case CX_THRIFT_STRUCT:
        if (cx_thrift_struct(&w->t, type))
            walk_struct(w, depth + 1);
        break;
    default:
        cx_thrift_skip(&w->t, type);
        break;
    }
}

static void walk_struct(struct walk *w, unsigned depth)
{
    int32_t id = 0;
    enum cx_thrift_type type = CX_THRIFT_STOP;
    while (cx_thrift_field(&w->t, &id, &type)) {
        w->items++;
        if (depth == DEPTH_MAX)
            cx_thrift_skip(&w->t, type);
        else
            walk_value(w, type, depth);
        if (w->t.at > w->t.end || w->t.at < w->t.start)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct walk w = {0};
    struct cx_thrift skipped;
    cx_thrift_init(&w.t, slice_of(data, n));
    walk_struct(&w, 0);
    cx_thrift_init(&skipped, slice_of(data, n));
    cx_thrift_skip(&skipped, CX_THRIFT_STRUCT);
    if (w.items >= ITEMS_MAX)
        return 0;
    if (!w.t.wrong && !skipped.wrong && cx_thrift_offset(&w.t) != cx_thrift_offset(&skipped))
        abort();
    if (!w.t.wrong && cx_thrift_offset(&w.t) > 0) {
        struct walk cut = {0};
        cx_thrift_init(&cut.t, slice_of(data, cx_thrift_offset(&w.t) - 1));
        walk_struct(&cut, 0);
        if (!cut.t.wrong)
            abort();
    }
    return 0;
}
