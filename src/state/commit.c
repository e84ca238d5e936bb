/*
 * Commits: create frame n+1; on loss read the winner and try again (rule C1). Base and txid stay the
 * same in every attempt (rules I1, I2), so attempts whose answer was lost are harmless whenever they
 * land (rule I3), and are found by their txid in the frames (rule I4).
 */
#include <inttypes.h>

#include "base/num.h"
#include "state/replica.h"
#include "state/view_priv.h"

/* The longest pause after a lost race, doubled up to this from the first one. */
#define FIRST_PAUSE_US 1000
#define LAST_PAUSE_US  32000

struct attempt {
    struct state_replica *r;
    struct state_txn *txn;
    struct buf body;  /* the transaction */
    struct buf frame; /* it in a frame */
    int64_t deadline_us;
    const volatile int *cancel;
    uint32_t losses;
    bool may_land; /* an attempt was not answered: it may be in the log, now or later */
};

static struct state_ring *ring_of(struct state_replica *r, bool tokens)
{
    if (r->machine.is_catalogue)
        return tokens ? &r->machine.catalogue.tokens : &r->machine.catalogue.ring;
    return tokens ? &r->machine.table->tokens : &r->machine.table->ring;
}

/* Is a transaction of this id in the log already, as far as it was replayed? */
static bool find_first(struct state_replica *r, struct hash128 txid, struct state_outcome *out)
{
    const struct state_ring_entry *first = state_ring_find(ring_of(r, false), txid);
    if (!first)
        first = state_ring_find(ring_of(r, true), txid);
    if (first)
        *out =
            (struct state_outcome){.at = first->at, .reason = first->reason, .is_duplicate = true};
    return first != NULL;
}

static slp_rc token_txid(struct state_replica *r, struct slice token, struct hash128 *out,
                         struct slp_err *err)
{
    static const uint8_t head[6] = {'t', 'o', 'k', 'e', 'n', 0};
    struct hash128 table = {{0}};
    if (!r->machine.is_catalogue)
        table = r->machine.table->table;
    slp_rc rc = SLP_OK;
    struct buf b;
    buf_init(&b, r->mem, sizeof head + sizeof table.bytes + STATE_TXN_MAX_BYTES);
    TRY_OUT(buf_append(&b, head, sizeof head, err));
    TRY_OUT(buf_append(&b, table.bytes, sizeof table.bytes, err));
    TRY_OUT(buf_append_slice(&b, token, err));
    *out = hash_xxh128(buf_slice(&b));
out:
    buf_fini(&b);
    return rc;
}

static slp_rc encode_body(struct attempt *a, struct slp_err *err)
{
    a->txn->base = a->r->number;
    buf_clear(&a->body);
    slp_rc rc = state_txn_encode(a->txn, &a->body, err);
    a->r->watched = buf_slice(&a->body);
    if (rc == SLP_LIMIT)
        (void)err_append(err, rc, "; commit fewer things at once");
    return rc;
}

/* OK to go on. */
static slp_rc check_patience(const struct attempt *a, struct slp_err *err)
{
    if (a->cancel && *a->cancel)
        FAIL(err, CANCELLED, "cancelled after %u lost races", a->losses);
    if (store_now_us(a->r->store) >= a->deadline_us)
        FAIL(err, UNAVAILABLE, "not committed in time, %u races lost", a->losses);
    return SLP_OK;
}

static void pause_a_little(struct attempt *a, uint32_t times)
{
    int64_t most = times < 6 ? (int64_t)FIRST_PAUSE_US << times : LAST_PAUSE_US;
    struct hash128 random = state_random_id(a->r->instance);
    store_sleep_us(a->r->store, (int64_t)(num_load_u64le(random.bytes) %
                                          (uint64_t)num_min_i64(most, LAST_PAUSE_US)));
}

/* Replay to the tip, waiting while the store is not there. */
static slp_rc catch_up(struct attempt *a, struct slp_err *err)
{
    for (uint32_t times = 0;; times++) {
        slp_rc rc = state_replica_refresh(a->r, err);
        if (rc != SLP_UNAVAILABLE)
            return rc;
        err_clear(err);
        TRY(check_patience(a, err));
        pause_a_little(a, times);
    }
}

/*
 * One attempt to create the next frame. `*is_done` when what was committed is replayed and found.
 * What the store says of a write: CONFLICT somebody was first; UNKNOWN it may have happened, or
 * may yet; UNAVAILABLE it has not; anything else ends the commit.
 */
static slp_rc try_once(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    struct state_name name;
    state_replica_name(r, r->number + 1, &name);
    TRY(state_frame_encode(r->number + 1, r->previous, buf_slice(&a->body), 1, &a->frame, err));
    slp_rc rc = store_put_if_absent(r->store, state_name_slice(&name), buf_slice(&a->frame), err);
    if (rc == SLP_OK) {
        a->may_land = true; /* it has, whatever replay says */
        return state_replica_take(r, buf_slice(&a->frame), err);
    }
    if (rc != SLP_CONFLICT && rc != SLP_UNKNOWN && rc != SLP_UNAVAILABLE)
        return err_wrap(err, rc, "frame \"%s\"", name.text);
    a->may_land = a->may_land || rc == SLP_UNKNOWN;
    err_clear(err);
    a->losses++;
    return catch_up(a, err);
}

static slp_rc try_until_found(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    for (;;) {
        TRY(check_patience(a, err));
        TRY(try_once(a, err));
        if (r->is_found)
            return SLP_OK;
        if (r->is_expired) {
            /* This replica saw every frame since the old base: it is in none (rule I4). Copies that
             * are still under way have the old base and are expired too. */
            r->is_expired = false;
            TRY(encode_body(a, err));
        }
        pause_a_little(a, a->losses);
    }
}

static slp_rc commit_watched(struct attempt *a, struct slp_err *err)
{
    struct state_replica *r = a->r;
    r->is_watching = true;
    r->watched_txid = a->txn->txid;
    r->is_found = false;
    r->is_expired = false;
    slp_rc rc = encode_body(a, err);
    if (rc == SLP_OK)
        rc = try_until_found(a, err);
    r->is_watching = false;
    if (rc != SLP_OK && a->may_land && !r->is_found) {
        struct slp_err cause = {.code = rc};
        if (err)
            cause = *err;
        rc = err_set(err, SLP_UNKNOWN,
                     "an attempt was not answered, so it may be in the log; look before repeating "
                     "it: %s",
                     cause.text);
    }
    return r->is_found ? SLP_OK : rc;
}

slp_rc state_replica_commit(struct state_replica *r, struct state_txn *txn,
                            const struct state_commit_options *options, struct state_result *out,
                            struct slp_err *err)
{
    static const struct state_commit_options plain;
    slp_rc rc = SLP_OK;
    const struct state_commit_options *o = options ? options : &plain;
    struct attempt a = {.r = r, .txn = txn, .cancel = o->cancel};
    struct state_outcome outcome;
    int64_t now_us = store_now_us(r->store);
    int64_t wait_us = o->max_wait_us > 0 ? o->max_wait_us : STATE_COMMIT_WAIT_US;
    a.deadline_us = now_us > INT64_MAX - wait_us ? INT64_MAX : now_us + wait_us;
    buf_init(&a.body, r->mem, STATE_TXN_MAX_BYTES * 2);
    buf_init(&a.frame, r->mem, STATE_FRAME_MAX_BYTES);
    txn->rule_version = STATE_RULE_VERSION;
    txn->features = 0;
    txn->time_us = num_max_i64(now_us, 0);
    txn->has_token = o->token.len > 0;
    txn->txid = state_random_id(r->instance);
    if (r->is_broken)
        TRY_OUT(catch_up(&a, err));
    if (txn->has_token)
        TRY_OUT(token_txid(r, o->token, &txn->txid, err));
    if (txn->has_token && find_first(r, txn->txid, &outcome)) {
        *out = (struct state_result){.outcome = outcome};
        goto out;
    }
    TRY_OUT(commit_watched(&a, err));
    *out = (struct state_result){.outcome = r->outcome, .losses = a.losses};
out:
    buf_fini(&a.body);
    buf_fini(&a.frame);
    return err_wrap(err, rc, "commit of \"%s\"", state_kind_text(txn->kind));
}

slp_rc state_result_check(const struct state_result *r, struct slp_err *err)
{
    enum state_reason reason = r->outcome.reason;
    for (size_t i = 0; i < r->outcome.item_count && reason == STATE_REASON_APPLIED; i++)
        reason = r->outcome.items[i];
    if (reason != STATE_REASON_APPLIED)
        FAIL(err, CONFLICT,
             "transaction %" PRIu64 ".%u changed nothing or not all it should (%s): %s",
             r->outcome.at.frame, r->outcome.at.index, state_reason_name(reason),
             state_reason_text(reason));
    return SLP_OK;
}

struct state_id state_result_id(const struct state_result *r, uint32_t item)
{
    return (struct state_id){.at = r->outcome.at, .item = item};
}
