#include "state/frame.h"

#include <inttypes.h>

#include "base/num.h"
#include "state/shape.h"
#include "state/state.h"
#include "state/txn_priv.h"

static const uint8_t magic[8] = {'S', 'L', 'E', 'E', 'P', 'L', 'O', 'G'};

#define AT_VERSION  8u
#define AT_CRC      12u
#define AT_NUMBER   16u
#define AT_PREVIOUS 24u
#define AT_COUNT    40u
#define AT_FIELDS   44u
#define AT_TXNS     48u
#define AT_BODIES   52u

/* Of everything but the CRC itself. */
static uint32_t frame_crc(struct slice bytes)
{
    uint32_t crc = hash_crc32c(0, slice_first(bytes, AT_CRC));
    return hash_crc32c(crc, slice_after(bytes, AT_NUMBER));
}

/* What the packer saw stands in an even field: replay does not depend on it. */
static const struct state_wire_field frame_fields[] = {
    ONE(2, U32, "waiting", struct state_frame, waiting),
};
static const struct state_shape frame_fields_shape =
    SHAPE("the frame", struct state_frame, frame_fields);

slp_rc state_frame_encode_parts(const struct state_frame_parts *parts, struct buf *out,
                                struct slp_err *err)
{
    struct state_frame fields = {.waiting = parts->waiting};
    assert(parts->txn_count > 0 && parts->txn_count <= STATE_FRAME_TXNS_MAX);
    assert(parts->number > 0 && parts->transactions.len <= STATE_TXN_MAX_BYTES);
    if (parts->bodies.len > STATE_FRAME_BODIES_MAX)
        FAIL(err, LIMIT, "%zu bytes of embedded files, a frame holds %zu", parts->bodies.len,
             STATE_FRAME_BODIES_MAX);
    buf_clear(out);
    TRY(buf_resize(out, STATE_FRAME_HEAD_BYTES, err));
    TRY(state_wire_write(&frame_fields_shape, &fields, out, err));
    size_t field_bytes = out->len - STATE_FRAME_HEAD_BYTES;
    TRY(buf_append_slice(out, parts->transactions, err));
    TRY(buf_append_slice(out, parts->bodies, err));
    memset(out->ptr, 0, STATE_FRAME_HEAD_BYTES);
    memcpy(out->ptr, magic, sizeof magic);
    num_store_u32le(out->ptr + AT_VERSION, STATE_FRAME_VERSION);
    num_store_u64le(out->ptr + AT_NUMBER, parts->number);
    memcpy(out->ptr + AT_PREVIOUS, parts->previous.bytes, sizeof parts->previous.bytes);
    num_store_u32le(out->ptr + AT_COUNT, parts->txn_count);
    num_store_u32le(out->ptr + AT_FIELDS, (uint32_t)field_bytes);
    num_store_u32le(out->ptr + AT_TXNS, (uint32_t)parts->transactions.len);
    num_store_u32le(out->ptr + AT_BODIES, (uint32_t)parts->bodies.len);
    num_store_u32le(out->ptr + AT_CRC, frame_crc(buf_slice(out)));
    return SLP_OK;
}

slp_rc state_frame_encode(uint64_t number, struct hash128 previous, struct slice transactions,
                          uint32_t txn_count, struct buf *out, struct slp_err *err)
{
    struct state_frame_parts parts = {.number = number,
                                      .previous = previous,
                                      .transactions = transactions,
                                      .txn_count = txn_count};
    return state_frame_encode_parts(&parts, out, err);
}

/* ------------------------------------------------------------------ bodies */

slp_rc state_bodies_append(struct buf *bodies, uint32_t txn, struct slice body, struct slp_err *err)
{
    TRY(buf_append_varint(bodies, txn, err));
    TRY(buf_append_varint(bodies, body.len, err));
    return buf_append_slice(bodies, body, err);
}

slp_rc state_bodies_copy(struct buf *bodies, uint32_t txn, struct slice section,
                         struct slp_err *err)
{
    size_t at = 0;
    for (;;) {
        uint32_t zero = 0;
        struct slice body = {0};
        slp_rc rc = state_bodies_next(section, 0, &at, &zero, &body, err);
        if (rc == SLP_DONE)
            return SLP_OK;
        TRY(rc);
        TRY(state_bodies_append(bodies, txn, body, err));
    }
}

slp_rc state_bodies_next(struct slice bodies, uint64_t place, size_t *at, uint32_t *txn,
                         struct slice *body, struct slp_err *err)
{
    uint64_t index = 0;
    uint64_t len = 0;
    size_t from = *at;
    if (from == bodies.len)
        return SLP_DONE;
    TRY(state_wire_varint(bodies, place, at, &index, err));
    TRY(state_wire_varint(bodies, place, at, &len, err));
    if (index >= STATE_FRAME_TXNS_MAX || len > bodies.len - *at)
        FAIL(err, CORRUPT,
             "a body of %" PRIu64 " bytes at offset %" PRIu64
             " is longer than what it stands in, or of no transaction",
             len, place + from);
    *txn = (uint32_t)index;
    *body = slice_sub(bodies, *at, (size_t)len);
    *at += (size_t)len;
    return SLP_OK;
}

/* The files of a transaction, to be told where their bytes are. */
static struct state_new_file *files_of(struct state_txn *txn, size_t *count)
{
    struct state_new_file *files = NULL;
    const struct state_new_file *list = state_txn_files(txn, count);
    memcpy(&files, &list, sizeof files);
    return files;
}

/* Tell the files of a transaction that call for its `nth` body where that is. */
static slp_rc place_body(struct state_txn *txn, uint32_t nth, uint64_t offset, size_t bytes,
                         struct slp_err *err)
{
    size_t count = 0;
    struct state_new_file *files = files_of(txn, &count);
    for (size_t i = 0; i < count; i++) {
        if (files[i].body != nth)
            continue;
        if (files[i].info.file_bytes != bytes)
            FAIL(err, CORRUPT, "file %zu has %" PRIu64 " bytes, its body at offset %" PRIu64 " %zu",
                 i, files[i].info.file_bytes, offset, bytes);
        files[i].body_offset = offset;
    }
    return SLP_OK;
}

/* Rule G3: an embedded file whose bytes are not there is damage, for everyone. */
static slp_rc check_bodies(struct state_frame *frame, struct slp_err *err)
{
    for (uint32_t i = 0; i < frame->txn_count; i++) {
        size_t count = 0;
        const struct state_new_file *files = state_txn_files(&frame->txns[i], &count);
        for (size_t k = 0; k < count; k++)
            if (files[k].body && !files[k].body_offset)
                FAIL(err, CORRUPT, "transaction %u: body %u of file %zu is missing", i,
                     files[k].body, k);
    }
    return SLP_OK;
}

static slp_rc place_bodies(struct state_frame *frame, uint64_t place, struct slp_err *err)
{
    size_t at = 0;
    uint32_t nth = 0;
    uint32_t last = 0;
    for (;;) {
        uint32_t txn = 0;
        struct slice body = {0};
        slp_rc rc = state_bodies_next(frame->bodies, place, &at, &txn, &body, err);
        if (rc == SLP_DONE)
            return check_bodies(frame, err);
        TRY(rc);
        if (txn < last || txn >= frame->txn_count)
            FAIL(err, CORRUPT, "bodies out of order at offset %" PRIu64, place + at);
        nth = txn == last ? nth + 1 : 1;
        last = txn;
        TRY(place_body(&frame->txns[txn], nth, place + at - body.len, body.len, err));
    }
}

static slp_rc read_head(struct slice bytes, struct state_frame *out, struct slp_err *err)
{
    if (bytes.len < STATE_FRAME_HEAD_BYTES)
        FAIL(err, CORRUPT, "%zu bytes at offset 0, a frame has at least %u", bytes.len,
             STATE_FRAME_HEAD_BYTES);
    if (memcmp(bytes.ptr, magic, sizeof magic) != 0)
        FAIL(err, CORRUPT, "no frame: its magic is missing at offset 0");
    uint32_t stored = num_load_u32le(bytes.ptr + AT_CRC);
    uint32_t found = frame_crc(bytes);
    if (stored != found)
        FAIL(err, CORRUPT, "damaged frame: CRC32C %08x at offset %u, but its bytes have %08x",
             stored, AT_CRC, found);
    uint32_t version = num_load_u32le(bytes.ptr + AT_VERSION);
    if (version != STATE_FRAME_VERSION)
        FAIL(err, UNSUPPORTED,
             "frame of format %u at offset %u, this program reads %u; use a newer one", version,
             AT_VERSION, STATE_FRAME_VERSION);
    uint64_t fields = num_load_u32le(bytes.ptr + AT_FIELDS);
    uint64_t txns = num_load_u32le(bytes.ptr + AT_TXNS);
    uint64_t bodies = num_load_u32le(bytes.ptr + AT_BODIES);
    if (fields > STATE_FRAME_FIELDS_MAX || txns > STATE_TXN_MAX_BYTES ||
        bodies > STATE_FRAME_BODIES_MAX ||
        STATE_FRAME_HEAD_BYTES + fields + txns + bodies != bytes.len)
        FAIL(err, CORRUPT,
             "frame with lengths %" PRIu64 ", %" PRIu64 " and %" PRIu64
             " at offset %u in an object of %zu bytes",
             fields, txns, bodies, AT_FIELDS, bytes.len);
    out->number = num_load_u64le(bytes.ptr + AT_NUMBER);
    memcpy(out->previous.bytes, bytes.ptr + AT_PREVIOUS, sizeof out->previous.bytes);
    out->txn_count = num_load_u32le(bytes.ptr + AT_COUNT);
    out->fields = slice_sub(bytes, STATE_FRAME_HEAD_BYTES, (size_t)fields);
    out->transactions = slice_sub(bytes, STATE_FRAME_HEAD_BYTES + (size_t)fields, (size_t)txns);
    out->bodies = slice_last(bytes, (size_t)bodies);
    if (out->number == 0 || out->txn_count == 0 || out->txn_count > STATE_FRAME_TXNS_MAX)
        FAIL(err, CORRUPT, "frame %" PRIu64 " with %u transactions at offset %u, expected 1 to %u",
             out->number, out->txn_count, AT_COUNT, STATE_FRAME_TXNS_MAX);
    return SLP_OK;
}

bool state_frame_peek(struct slice bytes, uint64_t *number, struct slice *transactions)
{
    if (bytes.len < STATE_FRAME_HEAD_BYTES)
        return false;
    size_t fields = num_load_u32le(bytes.ptr + AT_FIELDS);
    size_t txns = num_load_u32le(bytes.ptr + AT_TXNS);
    size_t room = bytes.len - STATE_FRAME_HEAD_BYTES;
    if (fields > room || txns > room - fields)
        return false;
    *number = num_load_u64le(bytes.ptr + AT_NUMBER);
    *transactions = slice_sub(bytes, STATE_FRAME_HEAD_BYTES + fields, txns);
    return true;
}

slp_rc state_frame_decode(struct slice bytes, struct arena *arena, struct state_frame *out,
                          struct slp_err *err)
{
    struct state_frame frame = {0};
    TRY(read_head(bytes, &frame, err));
    TRY(state_wire_read(&frame_fields_shape, frame.fields, STATE_FRAME_HEAD_BYTES, arena, &frame,
                        err));
    void *room = NULL;
    TRY(arena_array(arena, frame.txn_count, sizeof *frame.txns, &room, err));
    frame.txns = room;
    TRY(arena_array(arena, frame.txn_count, sizeof *frame.encoded, &room, err));
    frame.encoded = room;
    size_t at = 0;
    uint64_t place = STATE_FRAME_HEAD_BYTES + frame.fields.len;
    for (uint32_t i = 0; i < frame.txn_count; i++) {
        size_t used = 0;
        TRY(err_wrap(err,
                     state_txn_decode(slice_after(frame.transactions, at), place + at, arena,
                                      &frame.txns[i], &used, err),
                     "transaction %u", i));
        frame.encoded[i] = slice_sub(frame.transactions, at, used);
        at += used;
    }
    if (at != frame.transactions.len)
        FAIL(err, CORRUPT, "bytes behind the last transaction at offset %" PRIu64, place + at);
    TRY(place_bodies(&frame, place + at, err));
    *out = frame;
    return SLP_OK;
}

slp_rc state_frame_print(struct slice bytes, struct alloc *mem, struct buf *out,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_frame frame;
    struct arena arena;
    size_t old_len = out->len;
    arena_init(&arena, mem, STATE_FRAME_ARENA_MAX);
    TRY_OUT(state_frame_decode(bytes, &arena, &frame, err));
    char previous[33];
    char hash[33];
    hash_format(frame.previous, previous);
    hash_format(hash_xxh128(bytes), hash);
    TRY_OUT(buf_printf(out, err,
                       "frame %" PRIu64 "\nhash %s\nprevious %s\ntransactions %u in %zu bytes, "
                       "bodies %zu bytes, waiting %u\n",
                       frame.number, hash, previous, frame.txn_count, frame.transactions.len,
                       frame.bodies.len, frame.waiting));
    for (uint32_t i = 0; i < frame.txn_count; i++) {
        TRY_OUT(buf_printf(out, err, "  %" PRIu64 ".%u ", frame.number, i));
        TRY_OUT(state_txn_print(&frame.txns[i], out, err));
    }
out:
    arena_fini(&arena);
    if (rc != SLP_OK)
        out->len = old_len;
    return rc;
}

bool state_frame_is(struct slice bytes)
{
    return bytes.len >= sizeof magic && memcmp(bytes.ptr, magic, sizeof magic) == 0;
}
