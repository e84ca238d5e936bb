#include "api/at.h"

#include <inttypes.h>

#include "arrow/text.h"
#include "state/global.h"

/* How long a reader waits for a sequence, and how often it looks. */
#define WAIT_US ((int64_t)10 * 1000 * 1000)
#define LOOK_US ((int64_t)20 * 1000)

bool api_parse_sequence(const char *text, uint64_t *out)
{
    int64_t number = 0;
    if (strspn(text, "0123456789") != strlen(text) || !arr_text_i64(slice_str(text), &number))
        return false;
    *out = (uint64_t)number;
    return true;
}

/* Wait until the table has come to the sequence: a receipt may be ahead of a store's listing. */
static slp_rc wait_for(struct slp_instance *instance, struct state_table *t, uint64_t number,
                       struct slp_err *err)
{
    int64_t end_us = store_now_us(instance->store) + WAIT_US;
    while (state_number(state_table_view(t)) < number) {
        if (instance->cancel && *instance->cancel)
            FAIL(err, CANCELLED, "cancelled while waiting for sequence %" PRIu64, number);
        if (store_now_us(instance->store) >= end_us)
            return state_table_refresh_to(t, number, err);
        store_sleep_us(instance->store, LOOK_US);
        TRY(state_table_refresh(t, err));
    }
    return SLP_OK;
}

/* A sequence, the name of a pin, or a time. */
static slp_rc find_number(struct state_table *t, const char *at, uint64_t *out, struct slp_err *err)
{
    int64_t time_us = 0;
    const struct state_pin *pin = state_pin_find(state_table_view(t), slice_str(at));
    if (api_parse_sequence(at, out))
        return SLP_OK;
    if (pin) {
        *out = pin->number;
        return SLP_OK;
    }
    if (!arr_text_timestamp(slice_str(at), ARR_MICRO, true, &time_us) &&
        !arr_text_timestamp(slice_str(at), ARR_MICRO, false, &time_us))
        FAIL(err, INVALID,
             "\"%s\" is neither a sequence, nor a pin of the table, nor a time such as "
             "2026-11-22T14:00:00Z",
             at);
    return state_table_find_time(t, time_us, out, err);
}

/* Files that only states before H have may be collected (rule G2), so these are not read, but for those that pins hold. */
static slp_rc expect_kept(const struct state_table *t, uint64_t number, struct slp_err *err)
{
    const struct table_state *s = state_table_view(t);
    uint64_t horizon = state_horizon(s);
    if (number >= horizon)
        return SLP_OK;
    for (size_t i = 0; i < state_pin_count(s); i++)
        if (state_pin_at(s, i)->number == number)
            return SLP_OK;
    FAIL(err, NOT_FOUND,
         "table \"%.*s\": sequence %" PRIu64
         " is not kept any more: files of states before %" PRIu64
         " may have been collected; read a later one or a pin ('sleeper pin list')",
         SLICE_ARG(state_table_name(t)), number, horizon);
}

slp_rc api_table_for_reading(struct slp_instance *instance, const struct reading *reading,
                             struct state_table **table, struct state_table **owned,
                             struct slp_err *err)
{
    struct state_open_options o = {.choose = reading->choose, .context = reading->context};
    *owned = NULL;
    TRY(api_instance_table_part(instance, reading->table, &o, table, err));
    if (reading->min_sequence)
        TRY(wait_for(instance, *table, reading->min_sequence, err));
    if (!reading->at)
        return SLP_OK;
    TRY(find_number(*table, reading->at, &o.at, err));
    if (o.at == 0)
        FAIL(err, NOT_FOUND, "table \"%s\": there is no sequence 0; the first one is 1",
             reading->table);
    if (o.at > state_number(state_table_view(*table)))
        FAIL(err, NOT_FOUND,
             "table \"%s\": there is no sequence %" PRIu64 " yet; the newest one is %" PRIu64,
             reading->table, o.at, state_number(state_table_view(*table)));
    TRY(expect_kept(*table, o.at, err));
    TRY(state_table_open_with(instance->state, slice_str(reading->table), &o, owned, err));
    *table = *owned;
    return SLP_OK;
}

/* ---- Rows that hold a table ---- */

struct holder {
    struct arr_stream base;
    struct alloc *mem;
    struct arr_stream *below;
    struct state_table *table;
};

static slp_rc holder_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct holder *h = (struct holder *)(void *)stream;
    return arr_stream_next(h->below, out, err);
}

static void holder_close(struct arr_stream *stream)
{
    struct holder *h = (struct holder *)(void *)stream;
    arr_stream_close(h->below);
    state_table_close(h->table);
    alloc_delete(h->mem, h);
}

slp_rc api_rows_own(struct slp_rows **rows, struct state_table *owned, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = holder_next, .close = holder_close};
    struct holder *h = NULL;
    if (!owned)
        return SLP_OK;
    slp_rc rc = alloc_new((*rows)->mem, &h, err);
    if (rc != SLP_OK) {
        slp_rows_close(*rows);
        *rows = NULL;
        state_table_close(owned);
        return rc;
    }
    h->mem = (*rows)->mem;
    h->below = (*rows)->stream;
    h->table = owned;
    h->base = (struct arr_stream){.ops = &ops, .schema = h->below->schema};
    (*rows)->stream = &h->base;
    return SLP_OK;
}
