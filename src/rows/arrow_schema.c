#include "rows/arrow_schema.h"

#include <errno.h>

#include <nanoarrow/nanoarrow.h>
#include <nanoarrow/nanoarrow_ipc.h>

#include "arrow/base64.h"
#include "arrow/cdata.h"
#include "rows/arrow_check.h"
#include "rows/rows_priv.h"

/* Longer ones are left aside. */
#define TEXT_MAX_BYTES ((size_t)64 << 20)

#define PREFIX_BYTES 8u

static slp_rc check(ArrowErrorCode code, const struct ArrowError *error, struct slp_err *err)
{
    if (code == ENOMEM)
        FAIL(err, NO_MEMORY, "arrow: out of memory");
    if (code != NANOARROW_OK)
        FAIL(err, UNSUPPORTED, "arrow: %s", error->message[0] ? error->message : strerror(code));
    return SLP_OK;
}

/* ---- Making ---- */

static slp_rc encode(struct ArrowSchema *schema, struct ArrowBuffer *message, struct slp_err *err)
{
    struct ArrowError error = {0};
    struct ArrowIpcEncoder encoder;
    TRY(check(ArrowIpcEncoderInit(&encoder), &error, err));
    slp_rc rc = check(ArrowIpcEncoderEncodeSchema(&encoder, schema, &error), &error, err);
    if (rc == SLP_OK)
        rc = check(ArrowIpcEncoderFinalizeBuffer(&encoder, 1, message), &error, err);
    ArrowIpcEncoderReset(&encoder);
    return rc;
}

slp_rc rows_arrow_schema_make(const struct arr_schema *schema, struct alloc *mem, struct buf *out,
                              struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct ArrowSchema format = {0};
    struct ArrowBuffer message;
    ArrowBufferInit(&message);
    TRY_OUT(arr_export_schema(schema, mem, &format, err));
    rows_arrow_set_map_keys(&format);
    TRY_OUT(encode(&format, &message, err));
    size_t n = arr_base64_bytes((size_t)message.size_bytes);
    buf_clear(out);
    TRY_OUT(buf_reserve(out, n, err));
    arr_base64_write(slice_of(message.data, (size_t)message.size_bytes), (char *)out->ptr);
    out->len = n;
out:
    ArrowBufferReset(&message);
    if (format.release)
        ArrowSchemaRelease(&format);
    return rc;
}

/* ---- Reading ---- */

/* The schema in a message; UNSUPPORTED whatever keeps it from being read. */
static slp_rc decode(struct ArrowIpcDecoder *decoder, struct slice message,
                     struct ArrowIpcDictionaryEncodings *encodings, struct ArrowSchema *out,
                     struct slp_err *err)
{
    struct ArrowError error = {0};
    struct ArrowBufferView view = {.data.data = message.ptr, .size_bytes = (int64_t)message.len};
    if (message.len < PREFIX_BYTES)
        FAIL(err, UNSUPPORTED, "arrow: a message of %zu bytes", message.len);
    TRY(check(ArrowIpcDecoderVerifyHeader(decoder, view, &error), &error, err));
    TRY(rows_arrow_check_message(slice_after(message, PREFIX_BYTES), err));
    TRY(check(ArrowIpcDecoderDecodeHeader(decoder, view, &error), &error, err));
    if (decoder->message_type != NANOARROW_IPC_MESSAGE_TYPE_SCHEMA)
        FAIL(err, UNSUPPORTED, "arrow: the message is no schema");
    return check(ArrowIpcDecoderDecodeSchemaWithDictionaries(decoder, out, encodings, &error),
                 &error, err);
}

/* Does the format string say that milliseconds of the file are seconds? */
static bool is_of_seconds(struct arr_type type, const char *format)
{
    if (type.unit != ARR_MILLI)
        return false;
    return type.kind == ARR_TIMESTAMP ? strncmp(format, "tss:", 4) == 0
                                      : type.kind == ARR_TIME32 && strcmp(format, "tts") == 0;
}

/* What a column of `type` in the file is by Arrow's format string; itself, if that is no advice. */
static struct arr_type advised_type(struct arr_type type, const char *format)
{
    static const char units[] = "smun";
    bool is_duration = strncmp(format, "tD", 2) == 0 && format[2] && strchr(units, format[2]);
    struct arr_type out = type;
    if (type.kind == ARR_INT64 && is_duration)
        out = (struct arr_type){.kind = ARR_DURATION,
                                .unit = (enum arr_unit)(strchr(units, format[2]) - units)};
    else if (is_of_seconds(type, format))
        out.unit = ARR_SECOND;
    return out;
}

static void apply(const struct ArrowSchema *format, struct arr_schema *schema)
{
    if (format->n_children != (int64_t)schema->count)
        return;
    for (size_t i = 0; i < schema->count; i++) {
        const struct ArrowSchema *child = format->children[i];
        struct arr_field *field = &schema->fields[i];
        if (child->name && strcmp(child->name, field->name) == 0)
            field->type = advised_type(field->type, child->format);
    }
}

slp_rc rows_arrow_schema_apply(struct slice text, struct alloc *mem, struct arr_schema *schema,
                               struct slp_err *err)
{
    struct buf message;
    size_t bytes = 0;
    struct slp_err ignored = {0};
    struct ArrowSchema format = {0};
    struct ArrowIpcDecoder decoder = {0};
    struct ArrowIpcDictionaryEncodings encodings;
    if (text.len > TEXT_MAX_BYTES)
        return SLP_OK;
    ArrowIpcDictionaryEncodingsInit(&encodings);
    buf_init(&message, mem, TEXT_MAX_BYTES);
    slp_rc rc = buf_resize(&message, text.len / 4 * 3, &ignored);
    if (rc == SLP_OK && !arr_base64_read(text, message.ptr, &bytes))
        rc = SLP_UNSUPPORTED;
    if (rc == SLP_OK)
        rc = check(ArrowIpcDecoderInit(&decoder), &(struct ArrowError){0}, &ignored);
    if (rc == SLP_OK)
        rc = decode(&decoder, slice_of(message.ptr, bytes), &encodings, &format, &ignored);
    if (rc == SLP_OK)
        apply(&format, schema);
    if (format.release)
        ArrowSchemaRelease(&format);
    ArrowIpcDictionaryEncodingsReset(&encodings);
    if (decoder.private_data)
        ArrowIpcDecoderReset(&decoder);
    buf_fini(&message);
    if (rc == SLP_NO_MEMORY)
        FAIL(err, NO_MEMORY, "out of memory for the Arrow schema of a Parquet file");
    return SLP_OK;
}
