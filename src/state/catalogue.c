#include "state/catalogue.h"

#include "state/apply_priv.h"

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
    alloc_free(c->mem, c->dropped, c->dropped_room * sizeof *c->dropped);
    alloc_free(c->mem, c->defaults, c->default_room * sizeof *c->defaults);
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

/* The index of a table; SIZE_MAX. */
static size_t index_of(const struct state_catalogue *c, struct hash128 id)
{
    for (size_t i = 0; i < c->count; i++)
        if (hash_equal(c->entries[i].id, id))
            return i;
    return SIZE_MAX;
}

const struct state_table_entry *state_catalogue_find_id(const struct state_catalogue *c,
                                                        struct hash128 id)
{
    size_t i = index_of(c, id);
    return i == SIZE_MAX ? NULL : &c->entries[i];
}

static bool was_dropped(const struct state_catalogue *c, struct hash128 id)
{
    for (size_t i = 0; i < c->dropped_count; i++)
        if (hash_equal(c->dropped[i].id, id))
            return true;
    return false;
}

static enum state_reason judge_name(const struct state_catalogue *c, struct slice name)
{
    return !is_name(name)                  ? STATE_REASON_BAD_NAME
           : state_catalogue_find(c, name) ? STATE_REASON_NAME_TAKEN
                                           : STATE_REASON_APPLIED;
}

static void insert(struct state_catalogue *c, const struct state_table_entry *entry)
{
    size_t at = lower_bound(c, entry->name);
    memmove(c->entries + at + 1, c->entries + at, (c->count - at) * sizeof *entry);
    c->entries[at] = *entry;
    c->count++;
}

static void take_out(struct state_catalogue *c, size_t at)
{
    c->count--;
    memmove(c->entries + at, c->entries + at + 1, (c->count - at) * sizeof *c->entries);
}

/* An id that was dropped is not made again by a transaction that comes late. */
static slp_rc apply_create_table(struct state_catalogue *c, const struct state_txn *txn,
                                 enum state_reason *reason, struct slp_err *err)
{
    struct state_table_entry entry = {.id = txn->create_table.table, .created_us = txn->time_us};
    *reason = judge_name(c, txn->create_table.name);
    if (*reason == STATE_REASON_APPLIED && was_dropped(c, entry.id))
        *reason = STATE_REASON_DROPPED;
    else if (*reason == STATE_REASON_APPLIED && index_of(c, entry.id) != SIZE_MAX)
        *reason = STATE_REASON_CREATED;
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(state_grow(c->mem, &c->entries, &c->room, c->count + 1, sizeof entry, err));
    TRY(arena_copy(&c->names, txn->create_table.name, &entry.name, err));
    insert(c, &entry);
    return SLP_OK;
}

static slp_rc rename_table(struct state_catalogue *c, size_t at, struct slice name,
                           enum state_reason *reason, struct slp_err *err)
{
    struct state_table_entry entry = c->entries[at];
    *reason = judge_name(c, name);
    if (*reason != STATE_REASON_APPLIED)
        return SLP_OK;
    TRY(arena_copy(&c->names, name, &entry.name, err));
    take_out(c, at);
    insert(c, &entry);
    return SLP_OK;
}

static slp_rc drop_table(struct state_catalogue *c, size_t at, int64_t time_us, struct slp_err *err)
{
    TRY(state_grow(c->mem, &c->dropped, &c->dropped_room, c->dropped_count + 1, sizeof *c->dropped,
                   err));
    c->dropped[c->dropped_count++] =
        (struct state_dropped_table){.id = c->entries[at].id, .dropped_us = time_us};
    take_out(c, at);
    return SLP_OK;
}

static void set_offline(struct state_catalogue *c, size_t at, bool is_offline,
                        enum state_reason *reason)
{
    *reason = c->entries[at].is_offline == is_offline ? STATE_REASON_ALREADY : STATE_REASON_APPLIED;
    c->entries[at].is_offline = is_offline;
}

/* What is about a table that must be there. */
static slp_rc apply_to_table(struct state_catalogue *c, const struct state_txn *txn,
                             enum state_reason *reason, struct slp_err *err)
{
    size_t at = index_of(c, txn->name_table.table);
    if (at == SIZE_MAX) {
        *reason = was_dropped(c, txn->name_table.table) ? STATE_REASON_DROPPED
                                                        : STATE_REASON_UNKNOWN_TABLE;
        return SLP_OK;
    }
    if (txn->kind == STATE_RENAME_TABLE)
        return rename_table(c, at, txn->name_table.name, reason, err);
    if (txn->kind == STATE_DROP_TABLE)
        return drop_table(c, at, txn->time_us, err);
    set_offline(c, at, txn->kind == STATE_OFFLINE, reason);
    return SLP_OK;
}

static slp_rc apply_defaults(struct state_catalogue *c, const struct state_set_properties *p,
                             enum state_reason *reason, struct slp_err *err)
{
    *reason = p->count == 0 ? STATE_REASON_EMPTY
                            : state_judge_properties(p->items, p->count, c->default_count);
    struct state_property_list list = {.mem = c->mem,
                                       .texts = &c->names,
                                       .items = &c->defaults,
                                       .count = &c->default_count,
                                       .room = &c->default_room};
    return *reason == STATE_REASON_APPLIED ? state_set_properties(&list, p->items, p->count, err)
                                           : SLP_OK;
}

static slp_rc apply_payload(struct state_catalogue *c, const struct state_txn *txn,
                            enum state_reason *reason, struct slp_err *err)
{
    if (txn->body.is_missing)
        FAIL(err, CORRUPT, "a transaction of a catalogue has no body");
    if (txn->kind == STATE_CREATE_TABLE)
        return apply_create_table(c, txn, reason, err);
    if (txn->kind == STATE_DEFAULTS)
        return apply_defaults(c, &txn->properties, reason, err);
    return apply_to_table(c, txn, reason, err);
}

slp_rc state_catalogue_apply(struct state_catalogue *c, const struct state_txn *txn,
                             struct state_position at, struct state_outcome *out,
                             struct slp_err *err)
{
    bool judged = false;
    struct state_outcome outcome;
    TRY(state_rule_zero(&c->ring, txn, at, &outcome, &judged, err));
    if (!judged) {
        TRY(apply_payload(c, txn, &outcome.reason, err));
        TRY(state_rule_enter(&c->ring, &c->tokens, false, txn, at, outcome.reason, err));
    }
    *out = outcome;
    return SLP_OK;
}
