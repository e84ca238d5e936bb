/*
 * What frames and printing need of transactions: the envelope without the payload, and the shapes.
 * Private to src/state.
 */
#ifndef SLP_STATE_TXN_PRIV_H
#define SLP_STATE_TXN_PRIV_H

#include "state/txn.h"
#include "state/wire.h"

/* A file as an add, a replace and a snapshot hold it: struct state_new_file. */
extern const struct state_shape state_file_shape;

/* struct state_property, struct state_body. */
extern const struct state_shape state_property_shape;
extern const struct state_shape state_body_shape;

/* The shape of a kind's payload, and where the payload stands; NULL for an unknown kind. */
const struct state_shape *state_kind_shape(uint64_t kind);

/* The payload of a transaction: what its shape describes. */
void *state_txn_payload(struct state_txn *txn);
const void *state_txn_payload_view(const struct state_txn *txn);

/* May this kind stand in the catalogue's log, or else in a table's? */
bool state_kind_is_catalogue(enum state_kind kind);

/* Append a transaction as lines: envelope, then every field. */
SLP_NODISCARD slp_rc state_txn_print(const struct state_txn *txn, struct buf *out,
                                     struct slp_err *err);

#endif
