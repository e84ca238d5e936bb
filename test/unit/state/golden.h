/*
 * Text that must be what a file of test/golden says; UPDATE_GOLDEN=1 writes it anew, and you read the
 * difference. Tests run in the repository's root.
 */
#ifndef SLP_TEST_STATE_GOLDEN_H
#define SLP_TEST_STATE_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#include "lib/t.h"

static inline void golden_expect(struct t *t, const char *path, struct slice got)
{
    const char *mode = getenv("UPDATE_GOLDEN") ? "wb" : "rb";
    FILE *f = fopen(path, mode);
    if (!f)
        fail_msg("no %s; run with UPDATE_GOLDEN=1 in the repository's root", path);
    if (mode[0] == 'w') {
        assert_int_equal(fwrite(got.ptr, 1, got.len, f), got.len);
        assert_int_equal(fclose(f), 0);
        return;
    }
    struct buf want;
    buf_init(&want, &t->mem, (size_t)16 << 20);
    assert_ok(t, buf_resize(&want, got.len + 1, &t->err));
    size_t n = fread(want.ptr, 1, got.len + 1, f);
    assert_int_equal(fclose(f), 0);
    if (n != got.len || memcmp(want.ptr, got.ptr, n) != 0)
        fail_msg("%s: not what comes out; this does:\n%.*s", path, SLICE_ARG(got));
    buf_fini(&want);
}

#endif
