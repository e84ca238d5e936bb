#include "state/ring.h"

#include "base/num.h"

#define FIRST_ROOM 64u

void state_ring_init(struct state_ring *r, struct alloc *mem, uint32_t max)
{
    assert(max > 0);
    *r = (struct state_ring){.mem = mem, .max = max};
}

void state_ring_fini(struct state_ring *r)
{
    alloc_free(r->mem, r->entries, (size_t)r->room * sizeof *r->entries);
    alloc_free(r->mem, r->heads, (size_t)r->room * sizeof *r->heads);
    r->entries = NULL;
    r->heads = NULL;
    r->room = 0;
    r->count = 0;
}

/* Ids are random or hashes, so any eight of their bytes spread. */
static uint32_t bucket_of(const struct state_ring *r, struct hash128 txid)
{
    return (uint32_t)(num_load_u64le(txid.bytes) % r->room);
}

struct state_ring_entry *state_ring_find(const struct state_ring *r, struct hash128 txid)
{
    if (r->room == 0)
        return NULL;
    uint32_t i = r->heads[bucket_of(r, txid)];
    while (i && !hash_equal(r->entries[i - 1].txid, txid))
        i = r->entries[i - 1].next;
    return i ? &r->entries[i - 1] : NULL;
}

uint64_t state_ring_oldest_frame(const struct state_ring *r)
{
    return r->has_evicted ? r->entries[r->first].at.frame : 0;
}

static void link_entry(struct state_ring *r, uint32_t slot)
{
    uint32_t *head = &r->heads[bucket_of(r, r->entries[slot].txid)];
    r->entries[slot].next = *head;
    *head = slot + 1;
}

static void unlink_entry(struct state_ring *r, uint32_t slot)
{
    uint32_t *at = &r->heads[bucket_of(r, r->entries[slot].txid)];
    while (*at != slot + 1)
        at = &r->entries[*at - 1].next;
    *at = r->entries[slot].next;
}

/* Grow; never once it goes round, for it only does at its maximum. */
static slp_rc grow(struct state_ring *r, struct slp_err *err)
{
    assert(r->first == 0 && r->count == r->room && r->room < r->max);
    uint32_t room = r->room ? (r->room > r->max / 2 ? r->max : r->room * 2) : FIRST_ROOM;
    room = room < r->max ? room : r->max;
    void *entries = NULL;
    void *heads = NULL;
    TRY(alloc_array(r->mem, room, sizeof *r->entries, &entries, err));
    slp_rc rc = alloc_array(r->mem, room, sizeof *r->heads, &heads, err);
    if (rc != SLP_OK) {
        alloc_free(r->mem, entries, (size_t)room * sizeof *r->entries);
        return rc;
    }
    if (r->count)
        memcpy(entries, r->entries, (size_t)r->count * sizeof *r->entries);
    uint32_t count = r->count;
    state_ring_fini(r);
    r->entries = entries;
    r->heads = heads;
    r->room = room;
    r->count = count;
    for (uint32_t i = 0; i < count; i++)
        link_entry(r, i);
    return SLP_OK;
}

slp_rc state_ring_add(struct state_ring *r, struct hash128 txid, struct state_position at,
                      enum state_reason reason, struct slp_err *err)
{
    if (r->count == r->room && r->room < r->max)
        TRY(grow(r, err));
    uint32_t slot = (uint32_t)(((uint64_t)r->first + r->count) % r->room);
    if (r->count == r->max) {
        unlink_entry(r, r->first);
        slot = r->first;
        r->first = (r->first + 1) % r->room;
        r->count--;
        r->has_evicted = true;
    }
    r->entries[slot] = (struct state_ring_entry){.txid = txid, .at = at, .reason = reason};
    r->count++;
    link_entry(r, slot);
    return SLP_OK;
}

struct state_ring_entry *state_ring_last(struct state_ring *r)
{
    assert(r->count > 0);
    return &r->entries[((uint64_t)r->first + r->count - 1) % r->room];
}

slp_rc state_ring_forget(struct state_ring *r, uint64_t number, struct slp_err *err)
{
    struct state_ring kept;
    if (r->count == 0 || r->entries[r->first].at.frame > number)
        return SLP_OK;
    state_ring_init(&kept, r->mem, r->max);
    for (uint32_t i = 0; i < r->count; i++) {
        const struct state_ring_entry *e = &r->entries[((uint64_t)r->first + i) % r->room];
        if (e->at.frame <= number)
            continue;
        slp_rc rc = state_ring_add(&kept, e->txid, e->at, e->reason, err);
        if (rc != SLP_OK) {
            state_ring_fini(&kept);
            return rc;
        }
        state_ring_last(&kept)->is_client = e->is_client;
    }
    state_ring_fini(r);
    *r = kept;
    return SLP_OK;
}
