#include "state/frame.h"

#include <inttypes.h>

#include "base/num.h"
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

slp_rc state_frame_encode(uint64_t number, struct hash128 previous, struct slice transactions,
                          uint32_t txn_count, struct buf *out, struct slp_err *err)
{
    assert(txn_count > 0 && txn_count <= STATE_FRAME_TXNS_MAX);
    assert(number > 0 && transactions.len <= STATE_TXN_MAX_BYTES);
    buf_clear(out);
    TRY(buf_resize(out, STATE_FRAME_HEAD_BYTES, err));
    TRY(buf_append_slice(out, transactions, err));
    memcpy(out->ptr, magic, sizeof magic);
    num_store_u32le(out->ptr + AT_VERSION, STATE_FRAME_VERSION);
    num_store_u64le(out->ptr + AT_NUMBER, number);
    memcpy(out->ptr + AT_PREVIOUS, previous.bytes, sizeof previous.bytes);
    num_store_u32le(out->ptr + AT_COUNT, txn_count);
    num_store_u32le(out->ptr + AT_FIELDS, 0);
    num_store_u32le(out->ptr + AT_TXNS, (uint32_t)transactions.len);
    num_store_u32le(out->ptr + AT_BODIES, 0);
    num_store_u32le(out->ptr + AT_CRC, frame_crc(buf_slice(out)));
    return SLP_OK;
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

/* No frame field is known yet: an empty shape knows which may be skipped. */
static const struct state_shape frame_fields_shape = {.name = "the frame"};

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
                       "bodies %zu bytes\n",
                       frame.number, hash, previous, frame.txn_count, frame.transactions.len,
                       frame.bodies.len));
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
