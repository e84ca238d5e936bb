#include "api/points.h"

#include "arrow/text.h"

/* The next line of `text` without its end; false when none is left. */
static bool next_line(struct slice *text, struct slice *line)
{
    if (text->len == 0)
        return false;
    const uint8_t *end = memchr(text->ptr, '\n', text->len);
    size_t len = end ? (size_t)(end - text->ptr) : text->len;
    *line = slice_first(*text, len);
    *text = slice_after(*text, end ? len + 1 : len);
    if (line->len && line->ptr[line->len - 1] == '\r')
        *line = slice_first(*line, line->len - 1);
    return true;
}

/* A base64 line as the value of the first key field, which must be text or binary. */
static slp_rc encode_base64(const struct points_options *o, struct slice line, struct buf *out,
                            struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_type type = o->spec->types[0];
    struct arr_col bytes;
    struct arr_col value;
    arr_col_init(&bytes, alloc_system(), (struct arr_type){.kind = ARR_BINARY});
    arr_col_init(&value, alloc_system(), type);
    if (!arr_type_is_variable(type))
        FAIL_OUT(err, INVALID, "base64 is for text and binary row keys");
    TRY_OUT(arr_text_parse(&bytes, line, err));
    TRY_OUT(arr_col_append(&value, arr_col_bytes(&bytes, 0), err));
    TRY_OUT(key_encode_prefix(o->spec, &value, 1, out, err));
out:
    arr_col_fini(&bytes);
    arr_col_fini(&value);
    return rc;
}

/* Split points are row keys or prefixes of them: a bound inside a row key would part its rows. */
static slp_rc check_point(const struct points_options *o, struct slice point, struct slp_err *err)
{
    size_t row_bytes = 0;
    if (key_prefix_bytes(o->spec, point, o->schema->row_key_count, &row_bytes, NULL) == SLP_OK &&
        row_bytes < point.len)
        FAIL(err, INVALID, "it goes beyond the row key");
    return SLP_OK;
}

static slp_rc encode_point(const struct points_options *o, struct slice line, struct arena *arena,
                           struct slice *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf key;
    buf_init(&key, alloc_system(), KEY_MAX_BYTES);
    if (o->is_base64)
        TRY_OUT(encode_base64(o, line, &key, err));
    else
        TRY_OUT(key_parse(o->spec, o->schema, line, 1, &key, err));
    TRY_OUT(check_point(o, buf_slice(&key), err));
    TRY_OUT(arena_copy(arena, buf_slice(&key), out, err));
out:
    buf_fini(&key);
    return rc;
}

slp_rc api_points_parse(const struct points_options *options, struct arena *arena,
                        struct slice **out, size_t *count, struct slp_err *err)
{
    struct slice text = slice_str(options->text);
    struct slice line;
    struct slice *points = NULL;
    size_t room = 1;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        room += text.ptr[i] == '\n';
    TRY(arena_array(arena, room, sizeof *points, (void **)&points, err));
    for (size_t number = 1; next_line(&text, &line); number++) {
        if (line.len == 0)
            continue;
        slp_rc rc = encode_point(options, line, arena, &points[n], err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "split points: line %zu", number);
        n++;
    }
    *out = points;
    *count = n;
    return SLP_OK;
}
