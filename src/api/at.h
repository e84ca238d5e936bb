/*
 * Tables as readers want them: as they are, at least at some sequence, or as they were.
 */
#ifndef SLP_API_AT_H
#define SLP_API_AT_H

#include "api/instance.h"

/* "12"; false for what is no number. */
bool api_parse_sequence(const char *text, uint64_t *out);

/* What a reader asks for. */
struct reading {
    const char *table;
    const char *at;         /* sequence, time or pin; NULL: as it is */
    uint64_t min_sequence;  /* 0: any */
    state_choose_fn choose; /* what is wanted of it, if it has to be opened; NULL: all of it */
    void *context;
};

/*
 * The table for a reader. `*owned` is NULL when it is one of the instance's handles; else it is an
 * earlier state's own, to be given to api_rows_own or closed.
 *
 * Errors   INVALID      `at` is no sequence, pin or time
 *          NOT_FOUND    the table; a state that is not there yet, or not kept any more
 *          UNAVAILABLE  the table does not reach min_sequence within ten seconds
 *          CANCELLED
 */
SLP_NODISCARD slp_rc api_table_for_reading(struct slp_instance *instance,
                                           const struct reading *reading,
                                           struct state_table **table, struct state_table **owned,
                                           struct slp_err *err);

/* Have the rows close the handle when they are closed. NULL: nothing. On failure both are closed and
 * `*rows` is NULL. */
SLP_NODISCARD slp_rc api_rows_own(struct slp_rows **rows, struct state_table *owned,
                                  struct slp_err *err);

#endif
