/*
 * A team: threads that make row groups, written in order to one output.
 *
 *   piece     0        1        2        3 ...    taken by threads in this order
 *   maker     0        1        2        0        one more than threads
 *   groups  [a][b]   [c][d]   [e]                 written by the caller's thread: a b c d e ...
 *
 * Who has sorted rows cuts them into pieces, stretches of keys that stand behind each other. Threads
 * make the groups of a piece; they meet only where a group is handed on. A maker that is ahead waits
 * when it has `groups` that are not written; the oldest never waits long, since its groups are what
 * is written next. One maker more than threads keeps all of them busy while the oldest piece ends.
 * So memory is bounded: each maker has what making one group takes, and the pages of `groups`.
 */
#ifndef SLP_OUTPUT_TEAM_H
#define SLP_OUTPUT_TEAM_H

#include "output/output.h"

/* Groups of a piece that wait to be written, where the caller has no other number. */
#define OUTPUT_TEAM_GROUPS     2u
#define OUTPUT_TEAM_GROUPS_MAX 4u

/* What a maker takes with OUTPUT_TEAM_GROUPS, in groups' rows: the rows, their encoding, and
 * finished pages of two. */
#define OUTPUT_TEAM_SHARE 3u

#define OUTPUT_TEAM_THREADS_MAX 64u

struct output_maker;

struct output_team_options {
    size_t threads; /* that make pieces, at most OUTPUT_TEAM_THREADS_MAX; 1: the caller's alone, and
                       each group is written as it is made */
    size_t groups;  /* of a maker that wait, 1 to OUTPUT_TEAM_GROUPS_MAX; with one thread none do */
    size_t pieces;
    /* Make a piece: its groups, one after the other. Called by several threads at once, with
     * `maker` at most `threads`, or 0 with one thread, for one of them at a time. */
    slp_rc (*make)(void *context, size_t piece, size_t maker, struct output_maker *to,
                   struct slp_err *err);
    void *context;
};

/*
 * Make all pieces and write their groups.
 *
 * Errors   those of `make`, of output_next and output_group, the first one met
 * Threads  options->threads beside the caller's, if several; `mem` is safe for them
 */
SLP_NODISCARD slp_rc output_team_run(struct output *out, const struct output_team_options *options,
                                     struct alloc *mem, struct slp_err *err);

/*
 * The piece's next group, for rows of `form`, to be filled and handed on; asked for again without
 * that, it is the same one. Waits while too many are not written. DONE when another one has failed:
 * the piece is given up, and `make` returns OK.
 *
 * Errors   NO_MEMORY
 */
SLP_NODISCARD slp_rc output_maker_group(struct output_maker *to, const struct output_form *form,
                                        struct datafile_group **group, struct slp_err *err);

/* Hand on the group that was asked for last; `form` as then, now with its deletes and resets.
 * Errors: with one thread those of writing it. */
SLP_NODISCARD slp_rc output_maker_hand(struct output_maker *to, const struct output_form *form,
                                       struct slp_err *err);

/* Has another one failed? Who makes a piece asks now and then. */
bool output_team_has_failed(struct output_maker *to);

#endif
