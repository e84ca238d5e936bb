#include <inttypes.h>

#include "os/reader.h"
#include "upkeep/inspect_priv.h"
#include "upkeep/upkeep.h"

#define TEXT_MAX_BYTES ((size_t)1 << 30)
#define FILE_MAX_BYTES ((size_t)256 << 20)
#define MAGIC_BYTES    4u

struct inspection {
    struct alloc *mem;
    struct source *src;
    const char *path;
    enum show_form form;
    struct buf out; /* what will be printed */
};

static slp_rc show_parquet(struct inspection *i, struct slp_err *err)
{
    struct show s;
    show_init(&s, i->form, &i->out, err);
    show_open(&s, NULL, SHOW_OBJECT, true);
    TRY(upkeep_show_parquet(i->src, i->mem, &s, err));
    show_close(&s);
    return show_finish(&s);
}

static slp_rc read_whole(struct inspection *i, struct buf *out, struct slp_err *err)
{
    if (i->src->size > FILE_MAX_BYTES)
        FAIL(err, UNSUPPORTED, "%" PRIu64 " bytes that are no Parquet file", i->src->size);
    return source_read_buf(i->src, 0, (size_t)i->src->size, out, err);
}

/* A JSON document is shown as it is. */
static slp_rc show_document(struct inspection *i, struct slice bytes, struct slp_err *err)
{
    TRY(buf_append_slice(&i->out, bytes, err));
    return bytes.ptr[bytes.len - 1] == '\n' ? SLP_OK : buf_append_u8(&i->out, '\n', err);
}

/* What a frame holds has a text of its own. */
static slp_rc show_object(struct inspection *i, struct slice bytes, struct slp_err *err)
{
    struct show s;
    if (i->form == SHOW_AS_TEXT && state_frame_is(bytes))
        return state_frame_print(bytes, i->mem, &i->out, err);
    show_init(&s, i->form, &i->out, err);
    show_open(&s, NULL, SHOW_OBJECT, true);
    TRY(state_object_show(bytes, i->mem, &s, err));
    show_close(&s);
    return show_finish(&s);
}

static slp_rc show_other(struct inspection *i, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    buf_init(&bytes, i->mem, FILE_MAX_BYTES);
    TRY_OUT(read_whole(i, &bytes, err));
    if (bytes.len && bytes.ptr[0] == '{')
        rc = show_document(i, buf_slice(&bytes), err);
    else if (state_object_is(buf_slice(&bytes)))
        rc = show_object(i, buf_slice(&bytes), err);
    else
        rc = err_set(err, SLP_UNSUPPORTED,
                     "neither a Parquet file, nor an object of a log, nor sleeper.json");
out:
    buf_fini(&bytes);
    return rc;
}

static slp_rc show_any(struct inspection *i, struct slp_err *err)
{
    uint8_t magic[MAGIC_BYTES] = {0};
    struct io_range range = {.len = sizeof magic, .dst = magic};
    TRY(os_source_open(i->mem, i->path, &i->src, err));
    if (i->src->size >= sizeof magic)
        TRY(source_read(i->src, &range, 1, err));
    bool is_parquet =
        memcmp(magic, "PAR1", sizeof magic) == 0 || memcmp(magic, "PARE", sizeof magic) == 0;
    slp_rc rc = is_parquet ? show_parquet(i, err) : show_other(i, err);
    return err_wrap(err, rc, "\"%s\"", i->path);
}

slp_rc upkeep_inspect(const char *path, enum show_form form, struct alloc *mem, struct sink *out,
                      struct slp_err *err)
{
    struct inspection i = {.mem = mem, .path = path, .form = form};
    buf_init(&i.out, mem, TEXT_MAX_BYTES);
    slp_rc rc = show_any(&i, err);
    if (rc == SLP_OK)
        rc = sink_write(out, i.out.ptr, i.out.len, err);
    source_close(i.src);
    buf_fini(&i.out);
    return rc;
}
