#include "state/floor.h"
#include "state/bug.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/num.h"

static const uint8_t magic[8] = {'S', 'L', 'E', 'E', 'P', 'F', 'L', 'R'};

#define VERSION    1u
#define AT_VERSION 8u
#define AT_CRC     12u
#define AT_NUMBER  16u
#define HEAD_BYTES 24u

static uint32_t crc_of(struct slice bytes)
{
    uint32_t crc = hash_crc32c(0, slice_first(bytes, AT_CRC));
    return hash_crc32c(crc, slice_after(bytes, AT_NUMBER));
}

slp_rc state_floor_encode(const struct state_floor *floor, struct buf *out, struct slp_err *err)
{
    buf_clear(out);
    TRY(buf_resize(out, HEAD_BYTES, err));
    TRY(buf_append_slice(out, slice_str(floor->root), err));
    memcpy(out->ptr, magic, sizeof magic);
    num_store_u32le(out->ptr + AT_VERSION, VERSION);
    num_store_u64le(out->ptr + AT_NUMBER, floor->number);
    num_store_u32le(out->ptr + AT_CRC, crc_of(buf_slice(out)));
    return SLP_OK;
}

slp_rc state_floor_decode(struct slice bytes, struct state_floor *out, struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, sizeof magic) != 0)
        FAIL(err, CORRUPT, "no floor of a log: its magic is missing at offset 0");
    uint32_t stored = num_load_u32le(bytes.ptr + AT_CRC);
    uint32_t found = crc_of(bytes);
    if (stored != found)
        FAIL(err, CORRUPT, "damaged: CRC32C %08x at offset %u, but its bytes have %08x", stored,
             AT_CRC, found);
    uint32_t version = num_load_u32le(bytes.ptr + AT_VERSION);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED,
             "floor of format %u at offset %u, this program reads %u; use a newer one", version,
             AT_VERSION, VERSION);
    struct slice root = slice_after(bytes, HEAD_BYTES);
    uint64_t number = num_load_u64le(bytes.ptr + AT_NUMBER);
    bool has_root = root.len > 0 || number == STATE_FLOOR_DROPPED;
    if (number == 0 || root.len >= STATE_ROOT_NAME_BYTES || !has_root)
        FAIL(err, CORRUPT, "a floor of 0, or without a snapshot, at offset %u", AT_NUMBER);
    out->number = number;
    memset(out->root, 0, sizeof out->root);
    if (root.len)
        memcpy(out->root, root.ptr, root.len);
    return SLP_OK;
}

slp_rc state_floor_answer(const struct store_request *r, struct state_floor *out,
                          struct slp_err *err)
{
    if (r->rc == SLP_NOT_FOUND) {
        *out = (struct state_floor){.number = 1};
        return SLP_OK;
    }
    if (r->rc != SLP_OK)
        return err_set(err, r->rc, "%s", r->err.text);
    TRY(err_wrap(err, state_floor_decode(buf_slice(r->out), out, err), "object \"%.*s\"",
                 SLICE_ARG(r->name)));
    out->tag = r->tag;
    return SLP_OK;
}

slp_rc state_floor_read(struct store *store, struct alloc *mem, const char *place,
                        struct state_floor *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char name[96];
    struct buf bytes;
    buf_init(&bytes, mem, STATE_FLOOR_MAX_BYTES);
    (void)snprintf(name, sizeof name, "%sfloor", place);
    struct store_request r = {
        .verb = STORE_GET, .name = slice_str(name), .len = UINT64_MAX, .out = &bytes};
    TRY_OUT(store_submit(store, &r, 1, err));
    TRY_OUT(store_wait(store, &r, 1, NULL, err));
    TRY_OUT(state_floor_answer(&r, out, err));
out:
    buf_fini(&bytes);
    return rc;
}

slp_rc state_floor_confirm(struct store *store, struct alloc *mem, const char *place,
                           uint64_t number, struct slp_err *err)
{
    struct state_floor floor = {0};
    if (place[0] == '\0')
        return SLP_OK;
    if (state_floor_read(store, mem, place, &floor, err) != SLP_OK || floor.number > number)
        FAIL(err, UNKNOWN, "frame %" PRIu64 " was created, but may lie below the floor", number);
    return SLP_OK;
}

slp_rc state_floor_raise(struct store *store, struct alloc *mem, const char *place,
                         const struct state_floor *to, struct state_floor *floor,
                         struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    char name[96];
    struct buf bytes;
    struct state_floor raised = *to;
    if (to->number <= floor->number && !STATE_BUG(LOWER_FLOOR))
        return SLP_OK;
    buf_init(&bytes, mem, STATE_FLOOR_MAX_BYTES);
    (void)snprintf(name, sizeof name, "%sfloor", place);
    TRY_OUT(state_floor_encode(&raised, &bytes, err));
    TRY_OUT(store_put_if_match(store, slice_str(name), buf_slice(&bytes), floor->tag, &raised.tag,
                               err));
    *floor = raised;
out:
    buf_fini(&bytes);
    return rc;
}

/* How often a floor that somebody else raises is read again. */
#define RAISES_MAX 8

slp_rc state_floor_close(struct store *store, struct alloc *mem, const char *place,
                         struct slp_err *err)
{
    struct state_floor to = {.number = STATE_FLOOR_DROPPED};
    for (int n = 0; n < RAISES_MAX; n++) {
        struct state_floor floor = {0};
        TRY(state_floor_read(store, mem, place, &floor, err));
        slp_rc rc = state_floor_raise(store, mem, place, &to, &floor, err);
        if (rc != SLP_CONFLICT && rc != SLP_UNKNOWN)
            return rc;
        err_clear(err);
    }
    FAIL(err, UNAVAILABLE, "the floor is raised by others all the time");
}
