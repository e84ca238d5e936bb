#include "state/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "state/txn_priv.h"
#include "state/view_priv.h"

static const uint8_t magic[8] = {'S', 'L', 'E', 'E', 'P', 'I', 'N', 'B'};

#define VERSION    1u
#define AT_VERSION 8u
#define AT_CRC     12u

#define OBJECT_MAX_BYTES (STATE_INBOX_HEAD_BYTES + STATE_TXN_MAX_BYTES + STATE_FRAME_BODIES_MAX)

/* Names and entries of one listing, and what is decoded to see whether it can be packed. */
#define LISTING_ARENA_MAX ((size_t)16 << 20)

/* ------------------------------------------------------------------ objects */

static uint32_t crc_of(struct slice object)
{
    uint32_t crc = hash_crc32c(0, slice_first(object, AT_CRC));
    return hash_crc32c(crc, slice_after(object, STATE_INBOX_HEAD_BYTES));
}

slp_rc state_inbox_encode(struct slice txn, struct buf *out, struct slp_err *err)
{
    buf_clear(out);
    TRY(buf_resize(out, STATE_INBOX_HEAD_BYTES, err));
    TRY(buf_append_slice(out, txn, err));
    memcpy(out->ptr, magic, sizeof magic);
    num_store_u32le(out->ptr + AT_VERSION, VERSION);
    num_store_u32le(out->ptr + AT_CRC, crc_of(buf_slice(out)));
    return SLP_OK;
}

slp_rc state_inbox_decode(struct slice object, struct slice *txn, struct slp_err *err)
{
    if (object.len <= STATE_INBOX_HEAD_BYTES || memcmp(object.ptr, magic, sizeof magic) != 0)
        FAIL(err, CORRUPT, "no transaction of an inbox: its magic is missing at offset 0");
    uint32_t stored = num_load_u32le(object.ptr + AT_CRC);
    uint32_t found = crc_of(object);
    if (stored != found)
        FAIL(err, CORRUPT, "damaged: CRC32C %08x at offset %u, but its bytes have %08x", stored,
             AT_CRC, found);
    uint32_t version = num_load_u32le(object.ptr + AT_VERSION);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED, "inbox format %u at offset %u, this program reads %u", version,
             AT_VERSION, VERSION);
    *txn = slice_after(object, STATE_INBOX_HEAD_BYTES);
    return SLP_OK;
}

slp_rc state_inbox_leave(struct state_replica *r, const struct state_txn *txn, struct slice body,
                         struct state_name *name, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf object;
    char hex[33];
    buf_init(&object, r->mem, OBJECT_MAX_BYTES);
    hash_format(txn->txid, hex);
    int n = snprintf(name->text, sizeof name->text, "%sinbox/%020" PRIu64 "-%s", r->place,
                     txn->base, hex);
    name->len = (size_t)n;
    TRY_OUT(state_inbox_encode(body, &object, err));
    struct store_request request = {.verb = STORE_PUT_IF_ABSENT,
                                    .name = state_name_slice(name),
                                    .body = buf_slice(&object),
                                    .is_fleeting = true};
    TRY_OUT(store_submit(r->store, &request, 1, err));
    TRY_OUT(store_wait(r->store, &request, 1, NULL, err));
    rc = request.rc == SLP_CONFLICT ? SLP_OK : request.rc;
    if (rc != SLP_OK)
        (void)err_set(err, rc, "%s", request.err.text);
out:
    buf_fini(&object);
    return rc;
}

void state_inbox_drop(struct state_replica *r, const struct state_name *name)
{
    slp_rc rc = store_delete(r->store, state_name_slice(name), NULL);
    (void)rc; /* whoever packs next removes it */
}

/* ------------------------------------------------------------------ listings */

struct entry {
    struct slice name;
    int64_t since_us;
    uint64_t size;
    bool is_left_over; /* in the ring already, or too old to count */
};

struct listing {
    struct arena arena;
    struct entry *entries; /* oldest first */
    size_t count;
};

static int older_first(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->since_us != y->since_us)
        return x->since_us < y->since_us ? -1 : 1;
    return slice_compare(x->name, y->name);
}

/* "inbox/<base>-<txid>": false for what is named otherwise. */
static bool parse_name(struct slice name, uint64_t *base, struct hash128 *txid)
{
    if (name.len < 53)
        return false;
    struct slice tail = slice_last(name, 53);
    uint64_t n = 0;
    for (size_t i = 0; i < 20; i++) {
        uint8_t c = tail.ptr[i];
        if (c < '0' || c > '9' || n > UINT64_MAX / 10 - 1)
            return false;
        n = n * 10 + (uint64_t)(c - '0');
    }
    *base = n;
    return tail.ptr[20] == '-' && hash_parse(slice_last(tail, 32), txid);
}

/* Rule C2. */
static bool is_left_over(const struct state_replica *r, struct slice name)
{
    const struct state_ring *ring =
        r->machine.is_catalogue ? &r->machine.catalogue.ring : &r->machine.table->ring;
    uint64_t base = 0;
    struct hash128 txid;
    if (!parse_name(name, &base, &txid))
        return false;
    return base < state_ring_oldest_frame(ring) || state_ring_find(ring, txid);
}

/* What waits, oldest first. The arena is finished by the caller, on failure too. */
static slp_rc list(struct state_replica *r, struct listing *out, struct slp_err *err)
{
    char prefix[80];
    struct store_item *items = NULL;
    size_t count = 0;
    void *room = NULL;
    (void)snprintf(prefix, sizeof prefix, "%sinbox/", r->place);
    TRY(store_list(r->store, slice_str(prefix), slice_of(NULL, 0), STORE_LIST_MAX, &out->arena,
                   &items, &count, err));
    TRY(arena_array(&out->arena, count + 1, sizeof *out->entries, &room, err));
    out->entries = room;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        out->entries[i] = (struct entry){.name = items[i].name,
                                         .since_us = items[i].modified_us,
                                         .size = items[i].size,
                                         .is_left_over = is_left_over(r, items[i].name)};
    qsort(out->entries, count, sizeof *out->entries, older_first);
    return SLP_OK;
}

slp_rc state_inbox_rank(struct state_replica *r, const struct state_name *name, size_t *rank,
                        size_t *waiting, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct listing l = {0};
    arena_init(&l.arena, r->mem, LISTING_ARENA_MAX);
    TRY_OUT(list(r, &l, err));
    size_t all = 0;
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < l.count; i++) {
        if (slice_equal(l.entries[i].name, state_name_slice(name)))
            before = all;
        all += !l.entries[i].is_left_over;
    }
    *rank = num_min_size(before, all);
    *waiting = all;
out:
    arena_fini(&l.arena);
    return rc;
}

/* ------------------------------------------------------------------ packing */

struct packing {
    struct listing listing;
    struct store_request *requests; /* reads of what is packed; removals of what is left over */
    struct buf *objects;
    size_t read_count;
    struct buf txns;
    struct buf bodies; /* of embedded files */
    uint32_t txn_count;
    bool has_own;
};

static slp_rc packing_begin(struct state_replica *r, struct packing *p, struct slp_err *err)
{
    struct listing *l = &p->listing;
    size_t bytes = 0;
    void *room = NULL;
    TRY(list(r, l, err));
    TRY(arena_array(&l->arena, l->count + 1, sizeof *p->requests, &room, err));
    p->requests = room;
    TRY(arena_array(&l->arena, l->count + 1, sizeof *p->objects, &room, err));
    p->objects = room;
    for (size_t i = 0; i < l->count; i++) {
        const struct entry *e = &l->entries[i];
        if (e->is_left_over)
            continue;
        bytes += (size_t)num_min_u64(e->size, OBJECT_MAX_BYTES);
        if (bytes > OBJECT_MAX_BYTES)
            break;
        struct buf *object = &p->objects[p->read_count];
        buf_init(object, r->mem, OBJECT_MAX_BYTES);
        p->requests[p->read_count++] = (struct store_request){
            .verb = STORE_GET, .name = e->name, .len = UINT64_MAX, .out = object};
    }
    return SLP_OK;
}

static void packing_end(struct packing *p)
{
    for (size_t i = 0; i < p->read_count; i++)
        buf_fini(&p->objects[i]);
    buf_fini(&p->txns);
    buf_fini(&p->bodies);
    arena_fini(&p->listing.arena);
}

/* A transaction and the bodies of its embedded files. */
struct parcel {
    struct slice txn;
    struct slice bodies;
};

/* Do these bodies go with the transaction? One that a file calls for and that is missing, or has another
 * length, would make the frame damage for everyone (rule G3). */
static bool has_its_bodies(const struct state_txn *txn, struct slice bodies)
{
    size_t at = 0;
    uint32_t nth = 0;
    size_t found = 0;
    size_t wanted = 0;
    size_t count = 0;
    const struct state_new_file *files = state_txn_files(txn, &count);
    for (size_t i = 0; i < count; i++)
        wanted += files[i].body > 0;
    for (;;) {
        uint32_t index = 0;
        struct slice body = {0};
        slp_rc rc = state_bodies_next(bodies, 0, &at, &index, &body, NULL);
        if (rc == SLP_DONE)
            return found == wanted;
        if (rc != SLP_OK || index != 0)
            return false;
        nth++;
        if (body.len < STATE_BODY_LEAST_BYTES)
            return false;
        for (size_t i = 0; i < count; i++)
            found += files[i].body == nth && files[i].info.file_bytes == body.len;
    }
}

/* May it stand in this log, as far as this program understands it? Else those who do will pack it. */
static bool open_parcel(struct state_replica *r, struct slice payload, struct parcel *out)
{
    struct state_txn decoded;
    size_t used = 0;
    struct arena arena;
    arena_init(&arena, r->mem, STATE_FRAME_ARENA_MAX);
    bool good = state_txn_decode(payload, 0, &arena, &decoded, &used, NULL) == SLP_OK &&
                state_kind_is_catalogue(decoded.kind) == r->machine.is_catalogue &&
                has_its_bodies(&decoded, slice_after(payload, used));
    arena_fini(&arena);
    *out = (struct parcel){slice_first(payload, used), slice_after(payload, used)};
    return good;
}

static slp_rc pack_one(struct packing *p, struct parcel parcel, struct slp_err *err)
{
    if (p->txn_count == STATE_FRAME_TXNS_MAX ||
        parcel.txn.len > STATE_TXN_MAX_BYTES - p->txns.len ||
        state_bodies_room(parcel.bodies) > STATE_FRAME_BODIES_MAX - p->bodies.len)
        return SLP_OK;
    TRY(buf_append_slice(&p->txns, parcel.txn, err));
    TRY(state_bodies_copy(&p->bodies, p->txn_count, parcel.bodies, err));
    p->txn_count++;
    return SLP_OK;
}

/* Read what waits and copy it, oldest first (rule C3). What is gone meanwhile or damaged is left. */
static slp_rc gather(struct state_replica *r, struct packing *p, struct slice own,
                     struct slp_err *err)
{
    if (p->read_count) {
        TRY(store_submit(r->store, p->requests, p->read_count, err));
        TRY(store_wait(r->store, p->requests, p->read_count, NULL, err));
    }
    for (size_t i = 0; i < p->read_count; i++) {
        struct slice payload;
        struct parcel parcel;
        if (p->requests[i].rc != SLP_OK ||
            state_inbox_decode(buf_slice(&p->objects[i]), &payload, NULL) != SLP_OK ||
            !open_parcel(r, payload, &parcel))
            continue;
        p->has_own = p->has_own || slice_equal(payload, own);
        TRY(pack_one(p, parcel, err));
    }
    struct parcel mine;
    if (own.len == 0 || p->has_own || !open_parcel(r, own, &mine))
        return SLP_OK;
    return pack_one(p, mine, err);
}

/* Create the next frame and replay it. */
static slp_rc create(struct state_replica *r, const struct packing *p, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf frame;
    struct state_name name;
    buf_init(&frame, r->mem, STATE_FRAME_MAX_BYTES);
    state_replica_name(r, r->number + 1, &name);
    const struct state_frame_parts parts = {.number = r->number + 1,
                                            .previous = r->previous,
                                            .transactions = buf_slice(&p->txns),
                                            .txn_count = p->txn_count,
                                            .bodies = buf_slice(&p->bodies),
                                            .waiting = (uint32_t)p->listing.count};
    TRY_OUT(state_frame_encode_parts(&parts, &frame, err));
    TRY_OUT(store_put_if_absent(r->store, state_name_slice(&name), buf_slice(&frame), err));
    TRY_OUT(state_floor_confirm(r->store, r->mem, r->place, r->number + 1, err));
    TRY_OUT(state_replica_take(r, buf_slice(&frame), err));
out:
    buf_fini(&frame);
    return rc;
}

/* Rule C2: anyone may. That it fails does not matter. */
static void drop_left_overs(struct state_replica *r, struct packing *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->listing.count; i++)
        if (p->listing.entries[i].is_left_over)
            p->requests[n++] =
                (struct store_request){.verb = STORE_DELETE, .name = p->listing.entries[i].name};
    if (n && store_submit(r->store, p->requests, n, NULL) == SLP_OK) {
        slp_rc rc = store_wait(r->store, p->requests, n, NULL, NULL);
        (void)rc;
    }
}

slp_rc state_inbox_pack(struct state_replica *r, struct slice own, uint32_t *packed,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct packing p = {0};
    *packed = 0;
    arena_init(&p.listing.arena, r->mem, LISTING_ARENA_MAX);
    buf_init(&p.txns, r->mem, STATE_TXN_MAX_BYTES);
    buf_init(&p.bodies, r->mem, STATE_FRAME_BODIES_MAX);
    TRY_OUT(packing_begin(r, &p, err));
    TRY_OUT(gather(r, &p, own, err));
    if (p.txn_count)
        rc = create(r, &p, err);
    if (rc == SLP_OK)
        *packed = p.txn_count;
    drop_left_overs(r, &p);
out:
    packing_end(&p);
    return rc;
}
