/*
 * A team: threads that make row groups, written in order to one output.
 *
 *   piece     0        1        2        3 ...    taken by threads in this order
 *   groups  [a][b]   [c][d]   [e]                 written by the caller's thread: a b c d e ...
 *
 * Who has sorted rows cuts them into pieces, stretches of keys that stand behind each other. Threads
 * make the rows of a piece and encode them; they meet only where a group is handed on. A piece that
 * is ahead waits when it has OUTPUT_TEAM_GROUPS that are not written, so memory is bounded: for
 * each of the makers, one more than threads, rows of a group, what encoding them takes, and these.
 */
#ifndef SLP_OUTPUT_TEAM_H
#define SLP_OUTPUT_TEAM_H

#include "output/output.h"

/* Groups of a piece that wait to be written. A piece should have no more. */
#define OUTPUT_TEAM_GROUPS 2u

/* What a maker takes, in groups' rows: the rows, their encoding, and finished pages of two. */
#define OUTPUT_TEAM_SHARE 3u

#define OUTPUT_TEAM_THREADS_MAX 64u

struct output_maker;

struct output_team_options {
    size_t threads; /* that make pieces, 1 to OUTPUT_TEAM_THREADS_MAX */
    size_t pieces;
    /* Make a piece: its groups, by output_make. Called by several threads at once, with `maker`
     * below threads + 1 for at most one of them at a time. */
    slp_rc (*make)(void *context, size_t piece, size_t maker, struct output_maker *to,
                   struct slp_err *err);
    void *context;
};

/*
 * Make all pieces and write their groups. Rows are of the schema that `out` was told last.
 *
 * Errors   those of `make` and of output_group, the first one met
 * Threads  options->threads beside the caller's; `mem` is safe for them
 */
SLP_NODISCARD slp_rc output_team_run(struct output *out, const struct output_team_options *options,
                                     struct alloc *mem, struct slp_err *err);

/*
 * Encode merged rows as the piece's next group and hand it on; waits while too many are not
 * written. DONE when another one has failed: the piece is given up, and `make` returns OK.
 *
 * Errors   as datafile_group_encode
 */
SLP_NODISCARD slp_rc output_make(struct output_maker *to, const struct arr_batch *rows,
                                 struct slp_err *err);

/* Has another one failed? Who makes a piece asks now and then. */
bool output_team_has_failed(struct output_maker *to);

#endif
