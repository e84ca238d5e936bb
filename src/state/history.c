#include "state/replica.h"
#include "state/supply.h"

struct state_history {
    struct alloc *mem;
    struct state_replica replica;
    size_t got; /* frames fetched, and the one at hand */
    size_t at;
    struct state_frame frame;
    bool is_open;
    uint32_t index; /* the next transaction of the open frame */
    struct buf summary;
};

#define SUMMARY_MAX_BYTES ((size_t)8 << 20)

slp_rc state_history_open(struct state_instance *i, const struct state_table *t,
                          struct state_history **out, struct slp_err *err)
{
    struct alloc *mem = state_instance_mem(i);
    struct state_history *h = NULL;
    struct hash128 id = {{0}};
    if (t)
        id = state_table_id(t);
    TRY(alloc_new(mem, &h, err));
    h->mem = mem;
    buf_init(&h->summary, mem, SUMMARY_MAX_BYTES);
    slp_rc rc = state_replica_init(&h->replica, i, t ? &id : NULL, err);
    if (rc != SLP_OK) {
        state_history_close(h);
        return rc;
    }
    *out = h;
    return SLP_OK;
}

void state_history_close(struct state_history *h)
{
    if (!h)
        return;
    if (h->replica.mem)
        state_replica_fini(&h->replica);
    buf_fini(&h->summary);
    alloc_delete(h->mem, h);
}

/* Have a frame at hand. DONE at the tip. */
static slp_rc open_next(struct state_history *h, struct slp_err *err)
{
    if (h->replica.is_broken)
        FAIL(err, INVALID, "this history ended with an error; open it again");
    if (h->at == h->got) {
        size_t got = 0;
        TRY(state_replica_fetch(&h->replica, STATE_READ_AHEAD, &got, err));
        h->at = 0;
        h->got = got;
        if (got == 0)
            return SLP_DONE;
    }
    TRY(state_replica_open_frame(&h->replica, buf_slice(&h->replica.frames[h->at]), &h->frame,
                                 err));
    TRY(state_supply_frame(&h->replica, &h->frame, err));
    h->index = 0;
    h->is_open = true;
    return SLP_OK;
}

slp_rc state_history_next(struct state_history *h, struct state_history_entry *out,
                          struct slp_err *err)
{
    if (h->is_open && h->index == h->frame.txn_count) {
        h->is_open = false;
        TRY(state_replica_close_frame(&h->replica, &h->frame, buf_slice(&h->replica.frames[h->at]),
                                      err));
        h->at++;
    }
    slp_rc rc = h->is_open ? SLP_OK : open_next(h, err);
    if (rc != SLP_OK)
        return rc;
    struct state_history_entry entry = {
        .at = {.frame = h->frame.number, .index = h->index},
        .txn = &h->frame.txns[h->index],
    };
    buf_clear(&h->summary);
    TRY(state_txn_summary(entry.txn, &h->summary, err));
    rc = state_replica_apply(&h->replica, &h->frame, h->index, &entry.outcome, err);
    if (rc != SLP_OK) {
        h->is_open = false; /* and the replica is broken: the next call says so */
        return rc;
    }
    entry.summary = buf_slice(&h->summary);
    h->index++;
    *out = entry;
    return SLP_OK;
}
