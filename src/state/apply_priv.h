/*
 * The parts of apply by subject. Each judges all that a transaction or item demands, then does it.
 * docs/format/log.md is its text. Private to src/state.
 */
#ifndef SLP_STATE_APPLY_PRIV_H
#define SLP_STATE_APPLY_PRIV_H

#include "state/view_priv.h"

/* A transaction as it is applied. */
struct state_act {
    struct table_state *s;
    const struct state_txn *txn;
    struct state_position at;
};

/* ---- Files: apply_file.c ---- */

/* An object of this name, made by the author of `txn`: not too old (rule G1), and not made on top
 * of what its author had not seen (rule I2). */
enum state_reason state_judge_object(const struct table_state *s, const struct state_txn *txn,
                                     struct slice name, bool may_be_old);

/* What every new file must be, whoever makes it. */
enum state_reason state_judge_file(const struct state_new_file *f);

/* Enter a file below the leaves or into the list of unfiled ones. Its bounds borrow. */
SLP_NODISCARD slp_rc state_enter_file(struct table_state *s, const struct state_file *f,
                                      bool is_unfiled, struct slp_err *err);

SLP_NODISCARD slp_rc state_apply_add(const struct state_act *act, const struct state_add *add,
                                     enum state_reason *reason, struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_overwrite(const struct state_act *act, enum state_reason *reason,
                                           struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_file_down(struct table_state *s, struct state_id id,
                                           enum state_reason *reason, struct slp_err *err);

/* Forget positions of adds that no unfiled file is below (rule O4). */
void state_trim_adds(struct table_state *s);

/* ---- Jobs: apply_job.c ---- */

SLP_NODISCARD slp_rc state_apply_assign(const struct state_act *act,
                                        const struct state_assign_item *item, struct state_id id,
                                        enum state_reason *reason, struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_replace(const struct state_act *act,
                                         const struct state_replace_item *item,
                                         struct state_id first_output, enum state_reason *reason,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_fail(struct table_state *s, const struct state_fail_item *item,
                                      enum state_reason *reason, struct slp_err *err);
void state_apply_extend(struct table_state *s, const struct state_extend_item *item,
                        enum state_reason *reason);
void state_apply_reassign(const struct state_act *act, const struct state_reassign_item *item,
                          enum state_reason *reason);

/* The index of the open import or batch of an add; SIZE_MAX with the reason. */
size_t state_judge_import(const struct table_state *s, const struct state_add *add,
                          enum state_reason *reason);
void state_close_job(struct table_state *s, size_t at);
void state_free_jobs(struct table_state *s);

/* ---- Submitted files: apply_submit.c ---- */

SLP_NODISCARD slp_rc state_apply_submit(const struct state_act *act, enum state_reason *reason,
                                        struct slp_err *err);
void state_apply_withdraw(struct table_state *s, struct state_id file, enum state_reason *reason);

/* Can a batch hold them? */
enum state_reason state_judge_batch(const struct table_state *s,
                                    const struct state_assign_item *item);

/* `job` holds those of `item`: how many, each once; those that it holds go, or wait again. */
uint32_t state_submitted_hold(struct table_state *s, const struct state_assign_item *item,
                              struct state_id job);
void state_submitted_end(struct table_state *s, struct state_id job);
void state_submitted_free(struct table_state *s, struct state_id job);

/* Those that `item` calls faulty and its job holds have one failure more. */
SLP_NODISCARD slp_rc state_submitted_blame(struct table_state *s,
                                           const struct state_fail_item *item, struct slp_err *err);

/* ---- Leaves: apply_leaf.c ---- */

/* Is an item about these keys for this state to judge? Else it is UNSEEN. */
bool state_sees(const struct table_state *s, struct key_range range);

SLP_NODISCARD slp_rc state_apply_split(struct table_state *s, const struct state_split_item *item,
                                       enum state_reason *reason, struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_merge(struct table_state *s, const struct state_merge_item *item,
                                       enum state_reason *reason, struct slp_err *err);
SLP_NODISCARD slp_rc state_apply_cut(struct table_state *s, const struct state_cut_item *item,
                                     enum state_reason *reason, struct slp_err *err);

/* ---- The global part: apply_global.c ---- */

/* Is it about the global part alone? Then it was applied, or `reason` says why not. */
SLP_NODISCARD slp_rc state_apply_global(const struct state_act *act, bool *is_global,
                                        enum state_reason *reason, struct slp_err *err);
void state_apply_retire(const struct state_act *act, struct state_position purge,
                        enum state_reason *reason);
SLP_NODISCARD slp_rc state_add_purge(struct table_state *s, const struct state_purge *purge,
                                     struct slp_err *err);

/* Properties in order, each of them one (names ascend). */
enum state_reason state_judge_properties(const struct state_property *items, size_t count,
                                         size_t before);

/* A list of properties, ascending by name, and where it grows. */
struct state_property_list {
    struct alloc *mem;
    struct arena *texts;
    struct state_property **items;
    size_t *count;
    size_t *room;
};

/* Set or take away those of a transaction; they were judged. */
SLP_NODISCARD slp_rc state_set_properties(const struct state_property_list *list,
                                          const struct state_property *items, size_t count,
                                          struct slp_err *err);

/* ---- Snapshots and restoring: apply_snapshot.c ---- */

void state_apply_verified(const struct state_act *act, enum state_reason *reason);
enum state_reason state_judge_restore(const struct table_state *s, const struct state_txn *txn);
SLP_NODISCARD slp_rc state_apply_restore(const struct state_act *act, enum state_reason *reason,
                                         struct slp_err *err);

#endif
