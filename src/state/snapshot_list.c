#include "state/snapshot_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/wire.h"

static const uint8_t magic[8] = {'S', 'L', 'E', 'E', 'P', 'L', 'S', 'T'};

#define VERSION    1u
#define HEAD_BYTES 20u

/* An object ends behind an entry whose hash has so many zero bits, and never holds more than a few
 * times as many. */
#define RING_CUT_MASK 8191u
#define DEAD_CUT_MASK 2047u
#define CUT_MOST      4u

/* Larger numbers do not fit what they are read into. */
#define NAME_MAX_BYTES 512u

/* ------------------------------------------------------------------ cuts */

static const struct state_ring_entry *ring_at(const struct state_ring *ring, size_t i)
{
    return &ring->entries[((uint64_t)ring->first + i) % ring->room];
}

size_t state_ring_cut(const struct state_ring *ring, size_t i)
{
    size_t most = num_min_size(ring->count, i + (size_t)CUT_MOST * (RING_CUT_MASK + 1));
    while (i < most)
        if ((num_load_u64le(ring_at(ring, i++)->txid.bytes + 8) & RING_CUT_MASK) == 0)
            break;
    return i;
}

size_t state_dead_cut(const struct table_state *s, size_t i)
{
    size_t most = num_min_size(s->dead_count, i + (size_t)CUT_MOST * (DEAD_CUT_MASK + 1));
    while (i < most) {
        struct hash128 h = hash_xxh128(s->dead[i++].name);
        if ((num_load_u64le(h.bytes + 8) & DEAD_CUT_MASK) == 0)
            break;
    }
    return i;
}

/* ------------------------------------------------------------------ writing */

static slp_rc begin(struct buf *out, enum state_list_kind kind, size_t count, struct slp_err *err)
{
    if (count > UINT32_MAX)
        FAIL(err, LIMIT, "%zu entries in one object of a snapshot", count);
    buf_clear(out);
    TRY(buf_append(out, magic, sizeof magic, err));
    TRY(buf_append_u32le(out, VERSION, err));
    TRY(buf_append_u32le(out, (uint32_t)kind, err));
    return buf_append_u32le(out, (uint32_t)count, err);
}

slp_rc state_ring_encode(const struct state_ring *ring, size_t first, size_t end, struct buf *out,
                         struct slp_err *err)
{
    uint64_t frame = 0;
    TRY(begin(out, STATE_LIST_RING, end - first, err));
    TRY(buf_reserve(out, (end - first) * 20, err));
    for (size_t i = first; i < end; i++) {
        const struct state_ring_entry *e = ring_at(ring, i);
        TRY(buf_append(out, e->txid.bytes, sizeof e->txid.bytes, err));
        TRY(buf_append_varint(out, e->at.frame - frame, err));
        TRY(buf_append_varint(out, e->at.index, err));
        TRY(buf_append_varint(out, (uint64_t)e->reason, err));
        frame = e->at.frame;
    }
    return SLP_OK;
}

slp_rc state_dead_encode(const struct table_state *s, size_t first, size_t end, struct buf *out,
                         struct slp_err *err)
{
    uint64_t frame = 0;
    TRY(begin(out, STATE_LIST_DEAD, end - first, err));
    for (size_t i = first; i < end; i++) {
        const struct state_dead_file *d = &s->dead[i];
        TRY(buf_append_varint(out, d->name.len, err));
        TRY(buf_append_slice(out, d->name, err));
        TRY(buf_append_varint(out, d->file_bytes, err));
        TRY(buf_append_varint(out, d->since.frame - frame, err));
        TRY(buf_append_varint(out, d->since.index, err));
        TRY(buf_append_varint(out, (uint64_t)d->since_us, err));
        frame = d->since.frame;
    }
    return SLP_OK;
}

slp_rc state_tokens_encode(const struct state_token *tokens, size_t count, struct buf *out,
                           struct slp_err *err)
{
    TRY(begin(out, STATE_LIST_TOKENS, count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(buf_append(out, tokens[i].txid.bytes, sizeof tokens[i].txid.bytes, err));
        TRY(buf_append_varint(out, tokens[i].at.frame, err));
        TRY(buf_append_varint(out, tokens[i].at.index, err));
        TRY(buf_append_varint(out, (uint64_t)tokens[i].reason << 1 | tokens[i].is_client, err));
    }
    return SLP_OK;
}

/* ------------------------------------------------------------------ reading */

struct reader {
    struct slice bytes;
    size_t at;
    uint32_t count;
};

static slp_rc open_list(struct slice bytes, enum state_list_kind kind, struct reader *out,
                        struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, sizeof magic) != 0)
        FAIL(err, CORRUPT, "a list of a snapshot: its magic is missing at offset 0");
    uint32_t version = num_load_u32le(bytes.ptr + 8);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED,
             "list of format %u at offset 8, this program reads %u; use a newer one", version,
             VERSION);
    uint32_t found = num_load_u32le(bytes.ptr + 12);
    if (found != (uint32_t)kind)
        FAIL(err, CORRUPT, "list of kind %u at offset 12, expected %u", found, (unsigned)kind);
    *out =
        (struct reader){.bytes = bytes, .at = HEAD_BYTES, .count = num_load_u32le(bytes.ptr + 16)};
    return SLP_OK;
}

static slp_rc take(struct reader *r, uint64_t most, uint64_t *out, struct slp_err *err)
{
    size_t from = r->at;
    TRY(state_wire_varint(r->bytes, 0, &r->at, out, err));
    if (*out > most)
        FAIL(err, CORRUPT, "%" PRIu64 " at offset %zu, at most %" PRIu64, *out, from, most);
    return SLP_OK;
}

static slp_rc take_bytes(struct reader *r, size_t n, struct slice *out, struct slp_err *err)
{
    if (n > r->bytes.len - r->at)
        FAIL(err, CORRUPT, "a list of a snapshot ends inside %zu bytes at offset %zu", n, r->at);
    *out = slice_sub(r->bytes, r->at, n);
    r->at += n;
    return SLP_OK;
}

/* The position behind `*frame`, which moves there. */
static slp_rc take_position(struct reader *r, uint64_t *frame, struct state_position *out,
                            struct slp_err *err)
{
    uint64_t n = 0;
    TRY(take(r, UINT64_MAX - *frame, &n, err));
    *frame += n;
    TRY(take(r, UINT32_MAX, &n, err));
    *out = (struct state_position){.frame = *frame, .index = (uint32_t)n};
    return SLP_OK;
}

static slp_rc take_txid(struct reader *r, struct hash128 *out, struct slp_err *err)
{
    struct slice bytes = {0};
    TRY(take_bytes(r, sizeof out->bytes, &bytes, err));
    memcpy(out->bytes, bytes.ptr, sizeof out->bytes);
    return SLP_OK;
}

static slp_rc close_list(const struct reader *r, struct slp_err *err)
{
    if (r->at != r->bytes.len)
        FAIL(err, CORRUPT, "bytes behind the last entry at offset %zu", r->at);
    return SLP_OK;
}

slp_rc state_ring_load(struct state_ring *ring, struct slice bytes, struct slp_err *err)
{
    struct reader r = {0};
    uint64_t frame = 0;
    TRY(open_list(bytes, STATE_LIST_RING, &r, err));
    for (uint32_t i = 0; i < r.count; i++) {
        struct hash128 txid;
        struct state_position at;
        uint64_t reason = 0;
        TRY(take_txid(&r, &txid, err));
        TRY(take_position(&r, &frame, &at, err));
        TRY(take(&r, UINT16_MAX, &reason, err));
        if (ring->count == ring->max || state_ring_find(ring, txid))
            FAIL(err, CORRUPT, "txid %u of a ring is one too many or stands twice", i);
        TRY(state_ring_add(ring, txid, at, (enum state_reason)reason, err));
    }
    return close_list(&r, err);
}

slp_rc state_dead_load(struct table_state *s, struct slice bytes, struct slp_err *err)
{
    struct reader r = {0};
    uint64_t frame = 0;
    TRY(open_list(bytes, STATE_LIST_DEAD, &r, err));
    for (uint32_t i = 0; i < r.count; i++) {
        struct state_dead_file dead = {.file_bytes = 0};
        struct slice name = {0};
        uint64_t n = 0;
        TRY(take(&r, NAME_MAX_BYTES, &n, err));
        TRY(take_bytes(&r, (size_t)n, &name, err));
        TRY(take(&r, UINT64_MAX, &dead.file_bytes, err));
        TRY(take_position(&r, &frame, &dead.since, err));
        TRY(take(&r, INT64_MAX, &n, err));
        dead.since_us = (int64_t)n;
        TRY(state_grow(s->mem, &s->dead, &s->dead_room, s->dead_count + 1, sizeof dead, err));
        TRY(arena_copy(&s->keys, name, &dead.name, err));
        s->dead[s->dead_count++] = dead;
    }
    return close_list(&r, err);
}

slp_rc state_tokens_load(struct slice bytes, struct arena *arena, struct state_token **out,
                         size_t *count, struct slp_err *err)
{
    struct reader r = {0};
    void *room = NULL;
    TRY(open_list(bytes, STATE_LIST_TOKENS, &r, err));
    if (r.count > bytes.len / sizeof(struct hash128))
        FAIL(err, CORRUPT, "%u txids at offset 16 in an object of %zu bytes", r.count, bytes.len);
    TRY(arena_array(arena, r.count, sizeof **out, &room, err));
    struct state_token *tokens = room;
    for (uint32_t i = 0; i < r.count; i++) {
        uint64_t frame = 0;
        uint64_t reason = 0;
        TRY(take_txid(&r, &tokens[i].txid, err));
        TRY(take_position(&r, &frame, &tokens[i].at, err));
        TRY(take(&r, UINT16_MAX, &reason, err));
        tokens[i].reason = (enum state_reason)(reason >> 1);
        tokens[i].is_client = reason & 1;
        if (i && memcmp(tokens[i - 1].txid.bytes, tokens[i].txid.bytes, 16) >= 0)
            FAIL(err, CORRUPT, "txid %u of a run does not ascend", i);
    }
    TRY(close_list(&r, err));
    *out = tokens;
    *count = r.count;
    return SLP_OK;
}

static void show_position(struct show *s, const char *name, struct state_position at)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu32, at.frame, at.index);
    show_text(s, name, slice_str(text));
}

/* An entry of a ring or of a run of tokens. */
static slp_rc show_txid(struct reader *r, enum state_list_kind kind, uint64_t *frame,
                        struct show *s, struct slp_err *err)
{
    struct hash128 txid;
    struct state_position at;
    uint64_t reason = 0;
    char digits[33];
    TRY(take_txid(r, &txid, err));
    TRY(take_position(r, frame, &at, err));
    TRY(take(r, UINT16_MAX, &reason, err));
    hash_format(txid, digits);
    show_text(s, "txid", slice_str(digits));
    show_position(s, "at", at);
    uint64_t number = kind == STATE_LIST_TOKENS ? reason >> 1 : reason;
    show_text(s, "reason", slice_str(state_reason_text((enum state_reason)number)));
    if (kind == STATE_LIST_TOKENS) {
        show_bool(s, "is_client", reason & 1);
        *frame = 0;
    }
    return SLP_OK;
}

static slp_rc show_dead(struct reader *r, uint64_t *frame, struct show *s, struct slp_err *err)
{
    struct state_position since;
    struct slice name = {0};
    uint64_t n = 0;
    uint64_t bytes = 0;
    TRY(take(r, NAME_MAX_BYTES, &n, err));
    TRY(take_bytes(r, (size_t)n, &name, err));
    TRY(take(r, UINT64_MAX, &bytes, err));
    TRY(take_position(r, frame, &since, err));
    TRY(take(r, INT64_MAX, &n, err));
    show_text(s, "name", name);
    show_uint(s, "bytes", bytes);
    show_position(s, "since", since);
    show_uint(s, "since_us", n);
    return SLP_OK;
}

slp_rc state_list_show(struct slice bytes, struct show *s, struct slp_err *err)
{
    static const char *const names[] = {"ring", "dead", "tokens"};
    struct reader r = {0};
    uint64_t frame = 0;
    uint32_t kind = bytes.len < HEAD_BYTES ? 0 : num_load_u32le(bytes.ptr + 12);
    if (kind < STATE_LIST_RING || kind > STATE_LIST_TOKENS)
        FAIL(err, CORRUPT, "list of kind %u at offset 12, expected 1 to 3", kind);
    TRY(open_list(bytes, (enum state_list_kind)kind, &r, err));
    show_text(s, "list", slice_str(names[kind - STATE_LIST_RING]));
    show_open(s, "entry", SHOW_LIST, true);
    for (uint32_t i = 0; i < r.count; i++) {
        show_open(s, NULL, SHOW_OBJECT, true);
        if (kind == STATE_LIST_DEAD)
            TRY(show_dead(&r, &frame, s, err));
        else
            TRY(show_txid(&r, (enum state_list_kind)kind, &frame, s, err));
        show_close(s);
    }
    show_close(s);
    return close_list(&r, err);
}

/* ------------------------------------------------------------------ tokens */

static int by_txid(const void *a, const void *b)
{
    const struct state_token *x = a;
    const struct state_token *y = b;
    int order = memcmp(x->txid.bytes, y->txid.bytes, sizeof x->txid.bytes);
    return order ? order : state_position_compare(x->at, y->at);
}

size_t state_tokens_sort(struct state_token *tokens, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(tokens, count, sizeof *tokens, by_txid);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !hash_equal(tokens[kept - 1].txid, tokens[i].txid))
            tokens[kept++] = tokens[i];
    return kept;
}

const struct state_token *state_tokens_find(const struct state_token *tokens, size_t count,
                                            struct hash128 txid)
{
    size_t lo = 0;
    size_t hi = count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (memcmp(tokens[middle].txid.bytes, txid.bytes, sizeof txid.bytes) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < count && hash_equal(tokens[lo].txid, txid) ? &tokens[lo] : NULL;
}
