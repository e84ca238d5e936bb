#include <string.h>

#include "lib/t.h"
#include "store/store.h"

struct told {
    size_t lines;
    char last[1024];
};

static void note(void *context, const char *line)
{
    struct told *told = context;
    told->lines++;
    (void)strncpy(told->last, line, sizeof told->last - 1);
}

static void every_request_is_told_with_its_outcome(void **state)
{
    struct t *t = *state;
    struct store *s = NULL;
    struct source *src = NULL;
    struct told told = {0};
    struct buf out;
    buf_init(&out, &t->mem, 1 << 16);
    assert_ok(t, store_memory_new(&t->mem, &s, &t->err));
    store_set_trace(s, note, &told);
    assert_ok(t, store_put_if_absent(s, slice_str("a/b"), slice_str("four"), &t->err));
    assert_string_equal(told.last, "put a/b: OK, 4 bytes");
    assert_rc(t, store_put_if_absent(s, slice_str("a/b"), slice_str("x"), &t->err), SLP_CONFLICT);
    assert_string_equal(told.last, "put a/b: CONFLICT, 1 bytes");
    assert_ok(t, store_get(s, slice_str("a/b"), &out, &t->err));
    assert_string_equal(told.last, "get a/b: OK, 4 bytes");
    assert_rc(t, store_get(s, slice_str("none"), &out, &t->err), SLP_NOT_FOUND);
    assert_string_equal(told.last, "get none: NOT_FOUND, 0 bytes");
    assert_ok(t, store_open(s, slice_str("a/b"), &t->mem, &src, &t->err));
    assert_ok(t, source_read_buf(src, 1, 2, &out, &t->err));
    assert_string_equal(told.last, "read a/b: OK, 1 ranges, 2 bytes");
    assert_int_equal(told.lines, 5);
    store_set_trace(s, NULL, NULL);
    assert_ok(t, store_delete(s, slice_str("a/b"), &t->err));
    assert_int_equal(told.lines, 5);
    source_close(src);
    store_close(s);
    buf_fini(&out);
}

T_MAIN(T_TEST(every_request_is_told_with_its_outcome))
