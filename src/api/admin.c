/*
 * Tables as a whole: names, pins, pausing and restoring.
 */
#include <inttypes.h>

#include "api/at.h"
#include "api/listing.h"
#include "state/global.h"
#include "store/store.h"

#define SECOND_US ((int64_t)1000000)

/* How often a pin is tried while others make snapshots. */
#define PIN_TRIES 8

/* ---- Names ---- */

slp_rc slp_table_rename(struct slp_instance *instance, const char *table, const char *to,
                        struct slp_err *err)
{
    TRY(state_table_rename(instance->state, slice_str(table), slice_str(to), err));
    api_instance_forget(instance, table);
    return SLP_OK;
}

slp_rc slp_table_drop(struct slp_instance *instance, const char *table, struct slp_err *err)
{
    TRY(state_table_drop(instance->state, slice_str(table), err));
    api_instance_forget(instance, table);
    return SLP_OK;
}

slp_rc slp_table_set_offline(struct slp_instance *instance, const char *table, bool is_offline,
                             bool *was_changed, struct slp_err *err)
{
    bool is_other = false;
    TRY(state_table_set_offline(instance->state, slice_str(table), is_offline, &is_other, err));
    if (was_changed)
        *was_changed = is_other;
    return SLP_OK;
}

/* ---- Pins ---- */

static bool is_pin_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/* Digits alone would be taken for a sequence. */
static slp_rc check_pin_name(const char *name, struct slp_err *err)
{
    size_t len = strlen(name);
    bool is_good = len > 0 && len <= STATE_NAME_MAX && strspn(name, "0123456789") < len;
    for (size_t i = 0; i < len; i++)
        is_good = is_good && is_pin_letter(name[i]);
    if (!is_good)
        FAIL(err, INVALID,
             "\"%s\" is not a pin name: 1 to %u letters, digits, _ . -, and not digits alone", name,
             STATE_NAME_MAX);
    return SLP_OK;
}

/* A verified snapshot of the table at `least` or above. Others may be faster. */
static slp_rc have_snapshot(struct state_table *t, struct state_verified *out, struct slp_err *err)
{
    TRY(state_table_refresh(t, err));
    uint64_t least = state_number(state_table_view(t));
    for (int i = 0; i < PIN_TRIES; i++) {
        struct state_kept kept = {0};
        TRY(state_table_snapshot(t, &kept, err));
        size_t count = state_verified_count(state_table_view(t));
        if (count == 0)
            continue;
        *out = *state_verified_at(state_table_view(t), count - 1);
        if (out->number >= least)
            return SLP_OK;
    }
    FAIL(err, CONFLICT, "others make snapshots all the time; try again");
}

slp_rc slp_pin(struct slp_instance *instance, const struct slp_pin_options *options,
               uint64_t *sequence, struct slp_err *err)
{
    struct state_table *t = NULL;
    struct state_verified at = {0};
    struct state_result result = {0};
    TRY(check_pin_name(options->name, err));
    TRY(api_instance_table(instance, options->table, &t, err));
    if (state_pin_find(state_table_view(t), slice_str(options->name)))
        FAIL(err, EXISTS, "table \"%s\" has a pin \"%s\" already", options->table, options->name);
    TRY(have_snapshot(t, &at, err));
    struct state_txn txn = {
        .kind = STATE_PIN,
        .pin = {.name = slice_str(options->name), .root = slice_str(at.root), .number = at.number}};
    if (options->expires_s > 0)
        txn.pin.expires_us = store_now_us(instance->store) + options->expires_s * SECOND_US;
    TRY(state_table_commit(t, &txn, NULL, &result, err));
    if (result.outcome.reason == STATE_REASON_NAME_TAKEN)
        FAIL(err, EXISTS, "table \"%s\" has a pin \"%s\" already", options->table, options->name);
    TRY(state_result_check(&result, err));
    if (sequence)
        *sequence = at.number;
    return SLP_OK;
}

static slp_rc no_such_pin(const char *table, const char *pin, struct slp_err *err)
{
    FAIL(err, NOT_FOUND, "table \"%s\" has no pin \"%s\"; 'sleeper pin list' shows those there are",
         table, pin);
}

slp_rc slp_unpin(struct slp_instance *instance, const char *table, const char *pin,
                 struct slp_err *err)
{
    struct state_table *t = NULL;
    struct state_result result = {0};
    struct state_txn txn = {.kind = STATE_UNPIN, .unpin = {.name = slice_str(pin)}};
    TRY(api_instance_table(instance, table, &t, err));
    if (!state_pin_find(state_table_view(t), txn.unpin.name))
        return no_such_pin(table, pin, err);
    TRY(state_table_commit(t, &txn, NULL, &result, err));
    if (result.outcome.reason == STATE_REASON_NO_PIN)
        return no_such_pin(table, pin, err);
    return state_result_check(&result, err);
}

static slp_rc add_pins(struct listing *l, struct slice table, struct slp_err *err)
{
    int64_t now_us = store_now_us(l->instance->store);
    for (size_t i = 0; i < state_pin_count(l->view); i++) {
        const struct state_pin *pin = state_pin_at(l->view, i);
        struct list_value row[] = {list_text(table), list_text(pin->name),
                                   list_number((int64_t)pin->number),
                                   pin->expires_us ? list_number(pin->expires_us) : list_null(),
                                   list_number(pin->expires_us && pin->expires_us <= now_us)};
        TRY(api_list_add(l->list, row, err));
    }
    return SLP_OK;
}

static slp_rc fill_pins(struct listing *l, struct slp_err *err)
{
    return add_pins(l, state_table_name(l->table), err);
}

static slp_rc fill_pins_of_all(struct listing *l, struct slp_err *err)
{
    return api_each_listed(l, add_pins, err);
}

slp_rc slp_pin_list(struct slp_instance *instance, const char *table, struct slp_rows **out,
                    struct slp_err *err)
{
    static const struct list_column columns[] = {{"table", ARR_UTF8},
                                                 {"pin", ARR_UTF8},
                                                 {"sequence", ARR_INT64},
                                                 {"expires", ARR_TIMESTAMP},
                                                 {"expired", ARR_BOOL}};
    static const struct list_kind one = {columns, 5, fill_pins};
    static const struct list_kind all = {columns, 5, fill_pins_of_all};
    struct listing l = {.instance = instance};
    return table ? api_make_list(instance, table, &one, NULL, out, err)
                 : api_fill_list(&l, &all, out, err);
}

/* ---- Pausing and restoring ---- */

static slp_rc pause_or_resume(struct state_table *t, bool is_paused, bool *was_changed,
                              struct slp_err *err)
{
    struct state_result result = {0};
    struct state_txn txn = {.kind = is_paused ? STATE_PAUSE : STATE_RESUME};
    *was_changed = false;
    if (state_is_paused(state_table_view(t)) == is_paused)
        return SLP_OK;
    TRY(state_table_commit(t, &txn, NULL, &result, err));
    enum state_reason reason = result.outcome.reason;
    if (reason == STATE_REASON_ALREADY || reason == STATE_REASON_NOT_PAUSED)
        return SLP_OK; /* somebody else was faster */
    *was_changed = true;
    return state_result_check(&result, err);
}

slp_rc slp_table_set_paused(struct slp_instance *instance, const char *table, bool is_paused,
                            bool *was_changed, struct slp_err *err)
{
    struct state_table *t = NULL;
    bool is_other = false;
    TRY(api_instance_table(instance, table, &t, err));
    TRY(pause_or_resume(t, is_paused, &is_other, err));
    if (was_changed)
        *was_changed = is_other;
    return SLP_OK;
}

/* Where a restore may go to: a pin, or a verified snapshot. */
struct target {
    char root[STATE_ROOT_NAME_BYTES];
    uint64_t number;
};

static bool is_pinned(const struct table_state *s, uint64_t number)
{
    for (size_t i = 0; i < state_pin_count(s) && i < PIN_TRIES; i++)
        if (state_pin_at(s, i)->number == number)
            return true;
    return false;
}

static slp_rc no_such_snapshot(const struct table_state *s, const char *to, struct slp_err *err)
{
    (void)err_set(err, SLP_NOT_FOUND, "no snapshot stands at just sequence %s; there are:", to);
    for (size_t i = 0; i < state_verified_count(s); i++)
        if (!is_pinned(s, state_verified_at(s, i)->number))
            (void)err_append(err, SLP_NOT_FOUND, " %" PRIu64, state_verified_at(s, i)->number);
    for (size_t i = 0; i < state_pin_count(s) && i < PIN_TRIES; i++)
        (void)err_append(err, SLP_NOT_FOUND, " %" PRIu64 " (pin %.*s)", state_pin_at(s, i)->number,
                         SLICE_ARG(state_pin_at(s, i)->name));
    return err_append(err, SLP_NOT_FOUND, "; pin the states that are to be kept");
}

static slp_rc find_target(const struct table_state *s, const char *table, const char *to,
                          struct target *out, struct slp_err *err)
{
    uint64_t number = 0;
    bool is_number = api_parse_sequence(to, &number);
    for (size_t i = 0; i < state_pin_count(s); i++) {
        const struct state_pin *pin = state_pin_at(s, i);
        if ((is_number ? pin->number == number : slice_is(pin->name, to)) &&
            pin->root.len < sizeof out->root) {
            memcpy(out->root, pin->root.ptr, pin->root.len);
            out->number = pin->number;
            return SLP_OK;
        }
    }
    for (size_t i = 0; i < state_verified_count(s) && is_number; i++) {
        const struct state_verified *v = state_verified_at(s, i);
        if (v->number == number) {
            memcpy(out->root, v->root, sizeof out->root);
            out->number = number;
            return SLP_OK;
        }
    }
    return is_number ? no_such_snapshot(s, to, err) : no_such_pin(table, to, err);
}

slp_rc slp_table_restore(struct slp_instance *instance, const char *table, const char *to,
                         uint64_t *sequence, struct slp_err *err)
{
    struct state_table *t = NULL;
    struct target target = {.number = 0};
    struct state_result result = {0};
    bool was_paused = false;
    bool was_resumed = false;
    TRY(api_instance_table(instance, table, &t, err));
    TRY(find_target(state_table_view(t), table, to, &target, err));
    TRY(pause_or_resume(t, true, &was_paused, err));
    struct state_txn txn = {.kind = STATE_RESTORE,
                            .restore = {.root = slice_str(target.root), .number = target.number}};
    slp_rc rc = state_table_commit(t, &txn, NULL, &result, err);
    if (rc == SLP_OK)
        rc = state_result_check(&result, err);
    uint64_t at = result.outcome.at.frame;
    if (was_paused) { /* also when it failed: what the caller paused stays paused */
        slp_rc resumed = pause_or_resume(t, false, &was_resumed, rc == SLP_OK ? err : NULL);
        rc = rc == SLP_OK ? resumed : rc;
    }
    TRY(rc);
    api_instance_forget(instance, table); /* its schema may be another one */
    if (sequence)
        *sequence = at;
    return SLP_OK;
}
