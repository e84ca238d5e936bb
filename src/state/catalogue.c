#include "state/catalogue.h"

#include "state/view_priv.h"

/* Names of all tables of an instance together. */
#define NAMES_MAX_BYTES ((size_t)256 << 20)

void state_catalogue_init(struct state_catalogue *c, struct alloc *mem,
                          const struct state_rules *rules)
{
    *c = (struct state_catalogue){.mem = mem};
    arena_init(&c->names, mem, NAMES_MAX_BYTES);
    state_ring_init(&c->ring, mem, rules->ring_max);
    state_ring_init(&c->tokens, mem, UINT32_MAX);
}

void state_catalogue_fini(struct state_catalogue *c)
{
    if (!c->mem)
        return;
    alloc_free(c->mem, c->entries, c->room * sizeof *c->entries);
    state_ring_fini(&c->ring);
    state_ring_fini(&c->tokens);
    arena_fini(&c->names);
    *c = (struct state_catalogue){0};
}

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_name(struct slice name)
{
    if (name.len == 0 || name.len > STATE_TABLE_NAME_MAX || !is_letter(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            return false;
    }
    return true;
}

slp_rc state_table_name_check(struct slice name, struct slp_err *err)
{
    if (!is_name(name))
        FAIL(err, INVALID,
             "\"%.*s\" is not a table name: a letter or _, then letters, digits, _ . -, at most %u",
             SLICE_ARG(name), STATE_TABLE_NAME_MAX);
    return SLP_OK;
}

/* The index of the first entry not below `name`. */
static size_t lower_bound(const struct state_catalogue *c, struct slice name)
{
    size_t lo = 0;
    size_t hi = c->count;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (slice_compare(c->entries[middle].name, name) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

const struct state_table_entry *state_catalogue_find(const struct state_catalogue *c,
                                                     struct slice name)
{
    size_t i = lower_bound(c, name);
    return i < c->count && slice_equal(c->entries[i].name, name) ? &c->entries[i] : NULL;
}

static slp_rc apply_create_table(struct state_catalogue *c, const struct state_txn *txn,
                                 enum state_reason *reason, struct slp_err *err)
{
    struct slice name = txn->create_table.name;
    if (!is_name(name)) {
        *reason = STATE_REASON_BAD_NAME;
        return SLP_OK;
    }
    if (state_catalogue_find(c, name)) {
        *reason = STATE_REASON_NAME_TAKEN;
        return SLP_OK;
    }
    struct state_table_entry entry = {.id = txn->create_table.table, .created_us = txn->time_us};
    TRY(state_grow(c->mem, &c->entries, &c->room, c->count + 1, sizeof entry, err));
    TRY(arena_copy(&c->names, name, &entry.name, err));
    size_t at = lower_bound(c, name);
    memmove(c->entries + at + 1, c->entries + at, (c->count - at) * sizeof entry);
    c->entries[at] = entry;
    c->count++;
    return SLP_OK;
}

slp_rc state_catalogue_apply(struct state_catalogue *c, const struct state_txn *txn,
                             struct state_position at, struct state_outcome *out,
                             struct slp_err *err)
{
    bool judged = false;
    struct state_outcome outcome;
    TRY(state_rule_zero(&c->ring, txn, at, &outcome, &judged, err));
    if (!judged) {
        TRY(apply_create_table(c, txn, &outcome.reason, err));
        TRY(state_rule_enter(&c->ring, &c->tokens, txn, at, outcome.reason, err));
    }
    *out = outcome;
    return SLP_OK;
}
