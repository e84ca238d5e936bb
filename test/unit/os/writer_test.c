#include "os/writer.h"

#include <sys/stat.h>

#include "lib/place.h"
#include "os/file.h"
#include "os/reader.h"

static void a_temporary_file_keeps_what_is_written_and_has_no_name(void **state)
{
    struct t *t = *state;
    struct place p;
    struct os_temp *temp = NULL;
    static uint8_t body[400000];
    static uint8_t got[400000];
    place_make(&p);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)t_random(t);
    assert_ok(t, os_temp_open(&t->mem, p.path, &temp, &t->err));
    struct sink *sink = os_temp_sink(temp);
    for (size_t at = 0; at < sizeof body;) {
        size_t n = (size_t)t_below(t, t_below(t, 20) ? 3000 : 200000);
        n = n < sizeof body - at ? n : sizeof body - at;
        assert_ok(t, sink_write(sink, body + at, n, &t->err));
        at += n;
        assert_ok(t, os_temp_read(temp, at / 2, got, at - at / 2, &t->err));
        assert_memory_equal(got, body + at / 2, at - at / 2);
    }
    assert_int_equal(sink->offset, sizeof body);
    assert_ok(t, os_temp_flush(temp, &t->err));
    assert_rc(t, os_temp_read(temp, sizeof body, got, 1, &t->err), SLP_CORRUPT);
    assert_int_equal(rmdir(p.path), 0);
    os_temp_close(temp);
    os_temp_close(NULL);
    assert_rc(t, os_temp_open(&t->mem, p.path, &temp, &t->err), SLP_NOT_FOUND);
    assert_err_has(t, "temporary file");
}

static void a_temporary_file_is_read_through_several_sources(void **state)
{
    struct t *t = *state;
    struct place p;
    struct os_temp *temp = NULL;
    struct source *sources[2] = {NULL, NULL};
    struct buf got;
    place_make(&p);
    buf_init(&got, &t->mem, 64);
    assert_ok(t, os_temp_open(&t->mem, p.path, &temp, &t->err));
    assert_ok(t, sink_write(os_temp_sink(temp), "0123456789", 10, &t->err));
    for (size_t i = 0; i < 2; i++)
        assert_ok(t, os_temp_source(temp, "what came", &t->mem, &sources[i], &t->err));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sources[i]->size, 10);
        assert_ok(t, source_read_buf(sources[i], 3 + i, 4, &got, &t->err));
        assert_memory_equal(got.ptr, &"0123456789"[3 + i], 4);
        assert_rc(t, source_read_buf(sources[i], 8, 3, &got, &t->err), SLP_CORRUPT);
        assert_err_has(t, "what came");
        source_close(sources[i]);
    }
    T_FAULT_LOOP(t) {
        struct source *src = NULL;
        slp_rc rc = os_temp_source(temp, "what came", &t->mem, &src, &t->err);
        assert_true(t->fault_hit ? rc == SLP_NO_MEMORY && !src : rc == SLP_OK);
        source_close(src);
    }
    buf_fini(&got);
    os_temp_close(temp);
    place_drop(&p);
}

static void expect_file(struct t *t, const char *path, const char *text)
{
    struct os_reader *reader = NULL;
    char got[64];
    size_t n = 0;
    assert_ok(t, os_reader_open(&t->mem, path, &reader, &t->err));
    assert_ok(t, os_reader_read(reader, got, sizeof got, &n, &t->err));
    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, n);
    os_reader_close(reader);
}

static void an_output_appears_whole_or_not_at_all(void **state)
{
    struct t *t = *state;
    struct place p;
    struct os_output *o = NULL;
    char path[300];
    place_make(&p);
    place_write(&p, "out", "old");
    (void)snprintf(path, sizeof path, "%s/out", p.path);
    assert_ok(t, os_output_open(&t->mem, path, &o, &t->err));
    assert_ok(t, sink_write(os_output_sink(o), "new and longer", 14, &t->err));
    assert_ok(t, os_output_flush(o, &t->err));
    expect_file(t, path, "old");
    os_output_abort(o);
    os_output_abort(NULL);
    expect_file(t, path, "old");
    assert_ok(t, os_output_open(&t->mem, path, &o, &t->err));
    assert_ok(t, sink_write(os_output_sink(o), "new and longer", 14, &t->err));
    assert_ok(t, os_output_commit(o, &t->err));
    expect_file(t, path, "new and longer");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(p.path), 0); /* nothing else is left */
    assert_rc(t, os_output_open(&t->mem, path, &o, &t->err), SLP_NOT_FOUND);
    assert_rc(t, os_output_open(&t->mem, "/tmp", &o, &t->err), SLP_INVALID);
}

static void devices_are_written_as_they_are(void **state)
{
    struct t *t = *state;
    struct os_output *o = NULL;
    assert_ok(t, os_output_open(&t->mem, "/dev/null", &o, &t->err));
    assert_ok(t, sink_write(os_output_sink(o), "x", 1, &t->err));
    assert_ok(t, os_output_commit(o, &t->err));
    struct stat info;
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_ok(t, os_output_open(&t->mem, "/dev/full", &o, &t->err));
    assert_ok(t, sink_write(os_output_sink(o), "x", 1, &t->err));
    assert_rc(t, os_output_commit(o, &t->err), SLP_LIMIT);
    assert_err_has(t, "no space left on device");
}

static void readers_say_what_they_cannot_read(void **state)
{
    struct t *t = *state;
    struct place p;
    struct os_reader *reader = NULL;
    struct source *src = NULL;
    uint8_t got[4];
    struct io_range range = {1, 3, got};
    place_make(&p);
    place_write(&p, "f", "abcdef");
    assert_rc(t, os_reader_open(&t->mem, p.path, &reader, &t->err), SLP_INVALID);
    assert_err_has(t, "is a folder");
    assert_rc(t, os_source_open(&t->mem, p.path, &src, &t->err), SLP_INVALID);
    assert_rc(t, os_source_open(&t->mem, "/dev/null", &src, &t->err), SLP_INVALID);
    assert_rc(t, os_source_open(&t->mem, place_path(&p, "no"), &src, &t->err), SLP_NOT_FOUND);
    assert_ok(t, os_reader_open(&t->mem, place_path(&p, "f"), &reader, &t->err));
    assert_string_equal(os_reader_name(reader), place_path(&p, "f"));
    os_reader_close(reader);
    assert_ok(t, os_reader_open(&t->mem, "-", &reader, &t->err));
    assert_string_equal(os_reader_name(reader), "standard input");
    os_reader_close(reader);
    os_reader_close(NULL);
    assert_ok(t, os_source_open(&t->mem, place_path(&p, "f"), &src, &t->err));
    assert_int_equal(src->size, 6);
    assert_ok(t, source_read(src, &range, 1, &t->err));
    assert_memory_equal(got, "bcd", 3);
    source_close(src);
    place_drop(&p);
}

static void every_fault_is_survived(void **state)
{
    struct t *t = *state;
    struct place p;
    place_make(&p);
    place_write(&p, "f", "abc");
    T_FAULT_LOOP(t) {
        struct os_temp *temp = NULL;
        struct os_output *o = NULL;
        struct os_reader *reader = NULL;
        struct source *src = NULL;
        slp_rc rc = os_temp_open(&t->mem, p.path, &temp, &t->err);
        if (rc == SLP_OK)
            rc = os_output_open(&t->mem, place_path(&p, "out"), &o, &t->err);
        if (rc == SLP_OK)
            rc = os_reader_open(&t->mem, place_path(&p, "f"), &reader, &t->err);
        if (rc == SLP_OK)
            rc = os_source_open(&t->mem, place_path(&p, "f"), &src, &t->err);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_OK);
        source_close(src);
        os_reader_close(reader);
        os_output_abort(o);
        os_temp_close(temp);
    }
    assert_int_equal(unlink(place_path(&p, "f")), 0);
    assert_int_equal(rmdir(p.path), 0); /* no output in the making was left */
}

T_MAIN(T_TEST(a_temporary_file_keeps_what_is_written_and_has_no_name),
       T_TEST(a_temporary_file_is_read_through_several_sources),
       T_TEST(an_output_appears_whole_or_not_at_all), T_TEST(devices_are_written_as_they_are),
       T_TEST(readers_say_what_they_cannot_read), T_TEST(every_fault_is_survived))
