#include "rows/text_in.h"

#include "base/num.h"
#include "rows/rows.h"

#define CHUNK_BYTES ((size_t)256 * 1024)

/* Types are inferred from rows of at most about this many bytes. */
#define KEPT_MAX_BYTES ROWS_LINE_MAX_BYTES

slp_rc rows_text_in_open(struct rows_text_in *in, struct alloc *mem, const char *path,
                         struct slp_err *err)
{
    struct os_reader *reader = NULL;
    TRY(os_reader_open(mem, path, &reader, err));
    rows_text_in_memory(in, mem, os_reader_name(reader), slice_of(NULL, 0), CHUNK_BYTES);
    in->reader = reader;
    return SLP_OK;
}

void rows_text_in_memory(struct rows_text_in *in, struct alloc *mem, const char *name,
                         struct slice text, size_t chunk_bytes)
{
    *in = (struct rows_text_in){.name = name, .memory = text, .chunk_bytes = chunk_bytes};
    buf_init(&in->window, mem, KEPT_MAX_BYTES + 2 * ROWS_LINE_MAX_BYTES + chunk_bytes);
}

void rows_text_in_close(struct rows_text_in *in)
{
    os_reader_close(in->reader);
    buf_fini(&in->window);
    *in = (struct rows_text_in){0};
}

static slp_rc read_some(struct rows_text_in *in, uint8_t *dst, size_t n, size_t *got,
                        struct slp_err *err)
{
    if (in->reader)
        return os_reader_read(in->reader, dst, n, got, err);
    *got = num_min_size(n, in->memory.len);
    if (*got)
        memcpy(dst, in->memory.ptr, *got);
    in->memory = slice_after(in->memory, *got);
    return SLP_OK;
}

slp_rc rows_text_in_more(struct rows_text_in *in, struct slp_err *err)
{
    struct slice rest = rows_text_in_rest(in);
    size_t got = 0;
    if (rest.len > ROWS_LINE_MAX_BYTES)
        FAIL(err, LIMIT, "longer than %zu MiB, the most a record may have",
             ROWS_LINE_MAX_BYTES >> 20);
    if (!in->is_kept) {
        if (in->at && rest.len)
            memmove(in->window.ptr, rest.ptr, rest.len);
        in->at = 0;
        in->window.len = rest.len;
    }
    size_t want = num_max_size(in->chunk_bytes, rest.len);
    TRY(buf_reserve(&in->window, want, err));
    TRY(read_some(in, in->window.ptr + in->window.len, want, &got, err));
    in->window.len += got;
    in->is_end = got == 0;
    return SLP_OK;
}

slp_rc rows_text_in_begin(struct rows_text_in *in, struct slp_err *err)
{
    static const struct slice mark = {.ptr = (const uint8_t *)"\xef\xbb\xbf", .len = 3};
    while (!in->is_end && rows_text_in_rest(in).len < mark.len)
        TRY(rows_text_in_more(in, err));
    if (slice_starts_with(rows_text_in_rest(in), mark))
        in->at += mark.len;
    return SLP_OK;
}

void rows_text_in_rewind(struct rows_text_in *in)
{
    assert(in->is_kept);
    in->at = 0;
    in->is_kept = false;
}

bool rows_text_in_is_full(const struct rows_text_in *in)
{
    return in->is_kept && in->at >= KEPT_MAX_BYTES;
}

slp_rc rows_text_in_take(struct rows_text_in *in, void *dst, size_t n, size_t *got,
                         struct slp_err *err)
{
    struct slice rest = rows_text_in_rest(in);
    size_t first = num_min_size(rest.len, n);
    size_t more = 0;
    if (first)
        memcpy(dst, rest.ptr, first);
    in->at += first;
    if (first < n)
        TRY(read_some(in, (uint8_t *)dst + first, n - first, &more, err));
    *got = first + more;
    return SLP_OK;
}
