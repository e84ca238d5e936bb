/*
 * What every store promises, tried on each of them: one table of cases, run over memory, over a
 * folder, and over a faulty store that meets no fault.
 */
#include "store/store.h"

#include <inttypes.h>

#include "base/hash.h"
#include "lib/place.h"

struct bench {
    struct t *t;
    struct store *s;
    struct arena arena;
    struct buf out;
};

typedef void (*case_fn)(struct bench *b);

static struct slice text(const char *s)
{
    return slice_str(s);
}

static void run_on(struct t *t, struct store *s, case_fn f)
{
    struct bench b = {.t = t, .s = s};
    arena_init(&b.arena, &t->mem, 16 << 20);
    buf_init(&b.out, &t->mem, 16 << 20);
    f(&b);
    buf_fini(&b.out);
    arena_fini(&b.arena);
}

static void on_each_store(struct t *t, case_fn f)
{
    struct place place;
    struct store *s = NULL;
    struct store *outer = NULL;
    struct store_fault_plan never = {.fault_at = UINT64_MAX};
    assert_ok(t, store_memory_new(&t->mem, &s, &t->err));
    run_on(t, s, f);
    store_close(s);
    place_make(&place);
    assert_ok(t, store_folder_open(&t->mem, place_path(&place, "a"), true, &s, &t->err));
    run_on(t, s, f);
    store_close(s);
    assert_ok(t, store_folder_open(&t->mem, place_path(&place, "b"), true, &s, &t->err));
    assert_ok(t, store_faulty_new(&t->mem, s, &never, &outer, &t->err));
    run_on(t, outer, f);
    assert_int_equal(store_faulty_hits(outer), 0);
    store_close(outer);
    store_close(s);
    place_drop(&place);
}

static void put(struct bench *b, const char *name, const char *body)
{
    assert_ok(b->t, store_put_if_absent(b->s, text(name), text(body), &b->t->err));
}

static void expect(struct bench *b, const char *name, const char *body)
{
    assert_ok(b->t, store_get(b->s, text(name), &b->out, &b->t->err));
    assert_int_equal(b->out.len, strlen(body));
    assert_memory_equal(b->out.ptr, body, strlen(body));
}

static void put_then_get(struct bench *b)
{
    put(b, "t/7/log/00000000000000000001", "frame one");
    expect(b, "t/7/log/00000000000000000001", "frame one");
    put(b, "empty", "");
    expect(b, "empty", "");
}

static void missing_objects(struct bench *b)
{
    struct source *src = NULL;
    put(b, "t/x", "1");
    assert_ok(b->t, buf_assign(&b->out, text("before"), &b->t->err));
    assert_rc(b->t, store_get(b->s, text("nothing"), &b->out, &b->t->err), SLP_NOT_FOUND);
    assert_err_has(b->t, "\"nothing\"");
    assert_rc(b->t, store_get(b->s, text("t"), &b->out, &b->t->err), SLP_NOT_FOUND);
    assert_rc(b->t, store_get(b->s, text("t/x/y"), &b->out, &b->t->err), SLP_NOT_FOUND);
    assert_rc(b->t, store_open(b->s, text("t/y"), &b->t->mem, &src, &b->t->err), SLP_NOT_FOUND);
    assert_null(src);
    assert_true(slice_is(buf_slice(&b->out), "before"));
}

static void taken_names(struct bench *b)
{
    put(b, "a/b", "first");
    assert_rc(b->t, store_put_if_absent(b->s, text("a/b"), text("second"), &b->t->err),
              SLP_CONFLICT);
    assert_err_has(b->t, "\"a/b\"");
    assert_err_has(b->t, "exists already");
    expect(b, "a/b", "first");
}

static void ranges(struct bench *b)
{
    put(b, "r", "0123456789");
    assert_ok(b->t, store_get_range(b->s, text("r"), 3, 4, &b->out, &b->t->err));
    assert_true(slice_is(buf_slice(&b->out), "3456"));
    assert_ok(b->t, store_get_range(b->s, text("r"), 7, UINT64_MAX, &b->out, &b->t->err));
    assert_true(slice_is(buf_slice(&b->out), "789"));
    assert_ok(b->t, store_get_range(b->s, text("r"), 8, 100, &b->out, &b->t->err));
    assert_true(slice_is(buf_slice(&b->out), "89"));
    assert_ok(b->t, store_get_range(b->s, text("r"), 10, 5, &b->out, &b->t->err));
    assert_int_equal(b->out.len, 0);
    assert_rc(b->t, store_get_range(b->s, text("r"), 11, 1, &b->out, &b->t->err), SLP_CORRUPT);
    assert_err_has(b->t, "offset 11");
}

static void replaced_by_tag(struct bench *b)
{
    struct store_tag none = {0};
    struct store_tag one;
    struct store_tag two;
    struct slp_err *err = &b->t->err;
    struct slice name = text("t/7/floor");
    assert_ok(b->t, store_put_if_match(b->s, name, text("one"), none, &one, err));
    assert_rc(b->t, store_put_if_match(b->s, name, text("x"), none, NULL, err), SLP_CONFLICT);
    assert_ok(b->t, store_put_if_match(b->s, name, text("two"), one, &two, err));
    expect(b, "t/7/floor", "two");
    assert_rc(b->t, store_put_if_match(b->s, name, text("x"), one, NULL, err), SLP_CONFLICT);
    assert_err_has(b->t, "not the one expected");
    assert_rc(b->t, store_put_if_match(b->s, text("no"), text("x"), one, NULL, err), SLP_CONFLICT);
    expect(b, "t/7/floor", "two");
    struct store_request r = {.verb = STORE_GET, .name = name, .len = UINT64_MAX, .out = &b->out};
    assert_ok(b->t, store_submit(b->s, &r, 1, err));
    assert_ok(b->t, store_wait(b->s, &r, 1, NULL, err));
    assert_ok(b->t, r.rc);
    assert_memory_equal(r.tag.bytes, two.bytes, sizeof two.bytes);
    assert_memory_equal(two.bytes, hash_xxh128(text("two")).bytes, sizeof two.bytes);
}

static void deleted_objects(struct bench *b)
{
    put(b, "d/one", "1");
    put(b, "d/two", "2");
    assert_ok(b->t, store_delete(b->s, text("d/one"), &b->t->err));
    assert_ok(b->t, store_delete(b->s, text("d/one"), &b->t->err));
    assert_ok(b->t, store_delete(b->s, text("d"), &b->t->err));
    assert_ok(b->t, store_delete(b->s, text("never/was"), &b->t->err));
    assert_rc(b->t, store_get(b->s, text("d/one"), &b->out, &b->t->err), SLP_NOT_FOUND);
    expect(b, "d/two", "2");
    put(b, "d/one", "again");
    expect(b, "d/one", "again");
}

/* List and compare with names separated by blanks. */
static void expect_list(struct bench *b, const char *prefix, const char *after, size_t limit,
                        const char *names)
{
    struct store_item *items = NULL;
    size_t count = 0;
    struct buf got;
    buf_init(&got, &b->t->mem, 1 << 20);
    assert_ok(b->t, store_list(b->s, text(prefix), text(after), limit, &b->arena, &items, &count,
                               &b->t->err));
    for (size_t i = 0; i < count; i++)
        assert_ok(b->t,
                  buf_printf(&got, &b->t->err, "%s%.*s", i ? " " : "", SLICE_ARG(items[i].name)));
    assert_int_equal(got.len, strlen(names));
    assert_memory_equal(got.ptr, names, got.len);
    buf_fini(&got);
}

static void listings(struct bench *b)
{
    static const char *const names[] = {"a/z",   "a-b", "a0",       "a/b/c", "a/b/d",
                                        "a/b-x", "b",   "a/b0/q/r", "zz/1",  "A"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(b, names[i], names[i]);
    expect_list(b, "", "", 0, "A a-b a/b-x a/b/c a/b/d a/b0/q/r a/z a0 b zz/1");
    expect_list(b, "a/", "", 0, "a/b-x a/b/c a/b/d a/b0/q/r a/z");
    expect_list(b, "a/b", "", 0, "a/b-x a/b/c a/b/d a/b0/q/r");
    expect_list(b, "a/b/", "", 0, "a/b/c a/b/d");
    expect_list(b, "a/b/c", "", 0, "a/b/c");
    expect_list(b, "a", "a/b/c", 0, "a/b/d a/b0/q/r a/z a0");
    expect_list(b, "a", "a/b/c", 2, "a/b/d a/b0/q/r");
    expect_list(b, "", "a/b", 1, "a/b-x");
    expect_list(b, "", "a/b/", 1, "a/b/c");
    expect_list(b, "", "zz/1", 0, "");
    expect_list(b, "b", "a", 0, "b");
    expect_list(b, "a/", "b", 0, "");
    expect_list(b, "nothing/", "", 0, "");
    expect_list(b, "b/", "", 0, "");
}

static void listed_items(struct bench *b)
{
    struct store_item *items = NULL;
    size_t count = 0;
    int64_t before = store_now_us(b->s);
    put(b, "five", "12345");
    assert_ok(b->t, store_list(b->s, text(""), text(""), 0, &b->arena, &items, &count, &b->t->err));
    assert_int_equal(count, 1);
    assert_int_equal(items[0].size, 5);
    /* A file system stamps with a clock that ticks more slowly than ours. */
    assert_true(items[0].modified_us > before - 1000000);
    assert_true(items[0].modified_us <= store_now_us(b->s) + 1000000);
}

static void names_checked(struct bench *b)
{
    struct store_item *items = NULL;
    size_t count = 0;
    static const char *const bad[] = {"",   "/",      "/a",   "a/",       "a//b", ".",
                                      "..", "a/../b", "../a", "a/.tmp-1", ".lock"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_rc(b->t, store_put_if_absent(b->s, text(bad[i]), text("x"), &b->t->err),
                  SLP_INVALID);
        assert_rc(b->t, store_get(b->s, text(bad[i]), &b->out, &b->t->err), SLP_INVALID);
        assert_rc(b->t, store_delete(b->s, text(bad[i]), &b->t->err), SLP_INVALID);
    }
    static const char *const bad_prefixes[] = {"..", "../", "a/../b", "/", "a//", ".lo"};
    for (size_t i = 0; i < sizeof bad_prefixes / sizeof *bad_prefixes; i++)
        assert_rc(b->t,
                  store_list(b->s, text(bad_prefixes[i]), text(""), 0, &b->arena, &items, &count,
                             &b->t->err),
                  SLP_INVALID);
    assert_rc(b->t, store_get(b->s, slice_of("a\0b", 3), &b->out, &b->t->err), SLP_INVALID);
    assert_err_has(b->t, "NUL");
}

static void names_of_the_longest_kind(struct bench *b)
{
    char name[STORE_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[255] = '/';
    name[511] = '/'; /* 255 / 255 / then one byte */
    assert_rc(b->t, store_put_if_absent(b->s, slice_of(name, STORE_NAME_MAX + 1), text("x"), NULL),
              SLP_INVALID);
    name[510] = '/';
    name[511] = 'n';
    struct slice longest = slice_of(name, STORE_NAME_MAX);
    assert_ok(b->t, store_put_if_absent(b->s, longest, text("x"), &b->t->err));
    assert_ok(b->t, store_get(b->s, longest, &b->out, &b->t->err));
    struct store_item *items = NULL;
    size_t count = 0;
    assert_ok(b->t, store_list(b->s, text(""), text(""), 0, &b->arena, &items, &count, &b->t->err));
    assert_int_equal(count, 1);
    assert_true(slice_equal(items[0].name, longest));
    name[255] = 'n';
    assert_rc(b->t, store_get(b->s, longest, &b->out, &b->t->err), SLP_INVALID);
    assert_err_has(b->t, "at most 255");
}

static void batches(struct bench *b)
{
    struct store_request r[4];
    memset(r, 0, sizeof r);
    put(b, "have", "this");
    r[0] =
        (struct store_request){.verb = STORE_PUT_IF_ABSENT, .name = text("new"), .body = text("n")};
    r[1] = (struct store_request){.verb = STORE_PUT_IF_ABSENT, .name = text("have")};
    r[2] = (struct store_request){.verb = STORE_GET, .name = text(".."), .out = &b->out};
    r[3] = (struct store_request){
        .verb = STORE_GET, .name = text("have"), .len = UINT64_MAX, .out = &b->out};
    assert_ok(b->t, store_submit(b->s, r, 4, &b->t->err));
    assert_ok(b->t, store_wait(b->s, r, 4, NULL, &b->t->err));
    assert_int_equal(r[0].rc, SLP_OK);
    assert_int_equal(r[1].rc, SLP_CONFLICT);
    assert_int_equal(r[2].rc, SLP_INVALID);
    assert_int_equal(r[3].rc, SLP_OK);
    assert_true(r[0].store_time_us > 0);
    assert_true(slice_is(buf_slice(&b->out), "this"));
    expect(b, "new", "n");
}

static void sources(struct bench *b)
{
    struct source *src = NULL;
    uint8_t got[30];
    struct io_range want[3] = {{1, 2, got}, {5, 0, NULL}, {6, 4, got + 2}};
    put(b, "s/o", "0123456789");
    assert_ok(b->t, store_open(b->s, text("s/o"), &b->t->mem, &src, &b->t->err));
    assert_string_equal(src->name, "s/o");
    assert_int_equal(src->size, 10);
    assert_ok(b->t, store_delete(b->s, text("s/o"), &b->t->err));
    assert_ok(b->t, source_read(src, want, 3, &b->t->err));
    assert_memory_equal(got, "126789", 6);
    want[2].len = 5;
    assert_rc(b->t, source_read(src, want, 3, &b->t->err), SLP_CORRUPT);
    source_close(src);
}

static void streamed(struct bench *b)
{
    struct store_put *p = NULL;
    struct source *src = NULL;
    struct buf body;
    uint8_t chunk[5000];
    buf_init(&body, &b->t->mem, 16 << 20);
    assert_ok(b->t, store_put_open(b->s, text("big/one"), &b->t->mem, &p, &b->t->err));
    while (body.len < 600000) {
        size_t n = (size_t)t_below(b->t, sizeof chunk);
        for (size_t i = 0; i < n; i++)
            chunk[i] = (uint8_t)t_random(b->t);
        assert_ok(b->t, sink_write(p->sink, chunk, n, &b->t->err));
        assert_ok(b->t, buf_append(&body, chunk, n, &b->t->err));
    }
    assert_ok(b->t, sink_write(p->sink, body.ptr, 300000, &b->t->err));
    assert_int_equal(p->sink->offset, body.len + 300000);
    expect_list(b, "", "", 0, "");
    assert_ok(b->t, store_put_commit(p, &b->t->err));
    assert_ok(b->t, store_open(b->s, text("big/one"), &b->t->mem, &src, &b->t->err));
    assert_int_equal(src->size, body.len + 300000);
    assert_ok(b->t, source_read_buf(src, 0, body.len, &b->out, &b->t->err));
    assert_true(slice_equal(buf_slice(&b->out), buf_slice(&body)));
    source_close(src);
    assert_ok(b->t, store_put_open(b->s, text("big/one"), &b->t->mem, &p, &b->t->err));
    assert_rc(b->t, store_put_commit(p, &b->t->err), SLP_CONFLICT);
    assert_ok(b->t, store_put_open(b->s, text("big/two"), &b->t->mem, &p, &b->t->err));
    assert_ok(b->t, sink_write(p->sink, "x", 1, &b->t->err));
    store_put_abort(p);
    store_put_abort(NULL);
    expect_list(b, "", "", 0, "big/one");
    buf_fini(&body);
}

static void counted(struct bench *b)
{
    struct source *src = NULL;
    uint8_t got[8];
    struct io_range want = {0, 4, got};
    struct store_counts before = store_counts_read(b->s);
    put(b, "c/1", "12345678");
    expect(b, "c/1", "12345678");
    expect_list(b, "c/", "", 0, "c/1");
    assert_ok(b->t, store_open(b->s, text("c/1"), &b->t->mem, &src, &b->t->err));
    assert_ok(b->t, source_read(src, &want, 1, &b->t->err));
    source_close(src);
    assert_ok(b->t, store_delete(b->s, text("c/1"), &b->t->err));
    struct store_counts after = store_counts_read(b->s);
    assert_int_equal(after.requests[STORE_PUT_IF_ABSENT] - before.requests[STORE_PUT_IF_ABSENT], 1);
    assert_int_equal(after.requests[STORE_GET] - before.requests[STORE_GET], 2);
    assert_int_equal(after.requests[STORE_LIST_FROM] - before.requests[STORE_LIST_FROM], 1);
    assert_int_equal(after.requests[STORE_DELETE] - before.requests[STORE_DELETE], 1);
    assert_int_equal(after.rounds - before.rounds, 5);
    assert_int_equal(after.bytes_in - before.bytes_in, 12);
    assert_int_equal(after.bytes_out - before.bytes_out, 8);
}

/* Random operations against a plain model: 24 names, each absent or one of a few bodies. */
static void random_operations(struct bench *b)
{
    enum { NAMES = 24 };
    char names[NAMES][16];
    int bodies[NAMES];
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(names[i], sizeof names[i], "%c%c%c%d", "ab"[i / 12], "/-0"[i % 3],
                       "xy"[i / 6 % 2], i % 12);
        bodies[i] = -1;
    }
    for (int round = 0; round < 400; round++) {
        size_t i = (size_t)t_below(b->t, NAMES);
        int next = (int)t_below(b->t, 100);
        char body[8];
        (void)snprintf(body, sizeof body, "%d", next);
        slp_rc rc;
        switch (t_below(b->t, 4)) {
        case 0:
            rc = store_put_if_absent(b->s, text(names[i]), text(body), &b->t->err);
            assert_rc(b->t, rc, bodies[i] < 0 ? SLP_OK : SLP_CONFLICT);
            bodies[i] = bodies[i] < 0 ? next : bodies[i];
            break;
        case 1:
            assert_ok(b->t, store_delete(b->s, text(names[i]), &b->t->err));
            bodies[i] = -1;
            break;
        case 2:
            rc = store_get(b->s, text(names[i]), &b->out, &b->t->err);
            assert_rc(b->t, rc, bodies[i] < 0 ? SLP_NOT_FOUND : SLP_OK);
            (void)snprintf(body, sizeof body, "%d", bodies[i]);
            assert_true(bodies[i] < 0 || slice_is(buf_slice(&b->out), body));
            break;
        default: {
            size_t prefix_len = (size_t)t_below(b->t, 3);
            struct slice prefix = slice_of(names[i], prefix_len);
            struct slice after = text(names[t_below(b->t, NAMES)]);
            size_t limit = (size_t)t_below(b->t, 5);
            struct store_item *items = NULL;
            size_t count = 0;
            size_t expected = 0;
            assert_ok(b->t, store_list(b->s, prefix, after, limit, &b->arena, &items, &count,
                                       &b->t->err));
            for (size_t k = 0; k < NAMES; k++)
                expected += bodies[k] >= 0 && slice_starts_with(text(names[k]), prefix) &&
                            slice_compare(text(names[k]), after) > 0;
            assert_int_equal(count, limit && limit < expected ? limit : expected);
            for (size_t k = 0; k < count; k++)
                assert_true(slice_compare(k ? items[k - 1].name : after, items[k].name) < 0);
        }
        }
    }
}

#define CASE(claim, fn)                                                                            \
    static void claim(void **state)                                                                \
    {                                                                                              \
        on_each_store(*state, fn);                                                                 \
    }

CASE(what_was_put_is_got, put_then_get)
CASE(missing_objects_are_not_found_and_leave_the_output, missing_objects)
CASE(a_taken_name_is_a_conflict, taken_names)
CASE(ranges_are_cut_at_the_end_and_corrupt_beyond_it, ranges)
CASE(put_if_match_replaces_only_what_was_expected, replaced_by_tag)
CASE(deleting_twice_is_no_error, deleted_objects)
CASE(listings_ascend_by_bytes_over_the_whole_tree, listings)
CASE(listed_items_tell_size_and_time, listed_items)
CASE(names_outside_the_rules_are_refused, names_checked)
CASE(the_longest_names_are_taken, names_of_the_longest_kind)
CASE(each_request_of_a_batch_has_its_own_verdict, batches)
CASE(a_source_reads_on_when_its_object_is_deleted, sources)
CASE(a_streamed_object_is_visible_only_after_its_commit, streamed)
CASE(requests_and_bytes_are_counted, counted)
CASE(random_operations_agree_with_a_plain_model, random_operations)

T_MAIN(T_TEST(what_was_put_is_got), T_TEST(missing_objects_are_not_found_and_leave_the_output),
       T_TEST(a_taken_name_is_a_conflict), T_TEST(ranges_are_cut_at_the_end_and_corrupt_beyond_it),
       T_TEST(put_if_match_replaces_only_what_was_expected), T_TEST(deleting_twice_is_no_error),
       T_TEST(listings_ascend_by_bytes_over_the_whole_tree),
       T_TEST(listed_items_tell_size_and_time), T_TEST(names_outside_the_rules_are_refused),
       T_TEST(the_longest_names_are_taken), T_TEST(each_request_of_a_batch_has_its_own_verdict),
       T_TEST(a_source_reads_on_when_its_object_is_deleted),
       T_TEST(a_streamed_object_is_visible_only_after_its_commit),
       T_TEST(requests_and_bytes_are_counted), T_TEST(random_operations_agree_with_a_plain_model))
