/*
 * Salvage: the state of a table whose log is damaged, as far as what is left tells it, and a new
 * beginning of that log behind everything that there was.
 *
 *   snapshot S | f f X f f ? f |            what can be read, X and ? cannot
 *              `----- applied, those that can be -----'
 *   ... copied to broken-<time>/ ...        snapshot T | verified | ...     T is far above all
 *
 * It begins with the newest snapshot all of whose objects can be read (without one: that can be
 * loaded), of those that the floor or a frame calls verified, or with frame 1, and applies every frame
 * behind that which can be read by itself. What stood in a frame that is gone is lost; what depended
 * on it is a no-op by its own preconditions, so nothing comes out twice: at worst inputs of a
 * compaction are live in place of its outputs. Frames between the floor and that snapshot, and the
 * other snapshots that must be kept, are looked at, too: who opens the table may need them. What a
 * repair that did not end left counts only where frame 1 is gone, for others may have gone on.
 *
 * Writing changes no object that there was but floor and head, and copies these and the whole log
 * first: the floor goes above every number that a sleeping writer can know (rule F1), so that nothing
 * of the old log counts any more, and its frames are collected when they are old enough.
 */
#ifndef SLP_STATE_SALVAGE_H
#define SLP_STATE_SALVAGE_H

#include "state/state.h"

/* Told each thing that was found: an object relative to the table, and what is the matter. */
typedef slp_rc (*state_salvage_fn)(void *context, struct slice object, const char *verdict,
                                   struct slice text, struct slp_err *err);

struct state_salvage;

/*
 * Look at a table, by id: replays what can be. Nothing is written.
 *
 * Errors  CORRUPT      neither a snapshot nor frame 1 can be read
 *         NOT_FOUND    no log of this id; the table was dropped
 *         UNSUPPORTED  what a newer program wrote
 */
SLP_NODISCARD slp_rc state_salvage_open(struct state_instance *i, struct hash128 table,
                                        state_salvage_fn told, void *context,
                                        struct state_salvage **out, struct slp_err *err);

const struct table_state *state_salvage_view(const struct state_salvage *s);

/* Was anything damaged? What is sound needs no repair. */
bool state_salvage_is_damaged(const struct state_salvage *s);

/*
 * Begin the log anew with the state that was salvaged. `broken`, of STATE_ROOT_NAME_BYTES, is where the
 * old one was copied to, relative to the table. Nobody else writes to the table meanwhile. Killed before
 * the floor is raised it has changed nothing; behind that, the table can be opened.
 */
SLP_NODISCARD slp_rc state_salvage_write(struct state_salvage *s, char *broken,
                                         struct slp_err *err);

void state_salvage_close(struct state_salvage *s); /* NULL is accepted */

#endif
