/*
 * What a new table is to do with its rows, as users say it: options of ours and properties of
 * upstream's (stack/upstream.h), which become an engine, filters and iterators.
 */
#ifndef SLP_API_ENGINE_H
#define SLP_API_ENGINE_H

#include "process/process.h"
#include "sleeper/sleeper.h"

struct api_engine {
    struct process_engine engine;
    struct slp_setting *settings; /* upstream's are left out, what they come to is in */
    size_t setting_count;
};

/* All in `arena`. Errors: INVALID with a caret, UNSUPPORTED for a class of users. */
SLP_NODISCARD slp_rc api_engine_of(const struct slp_table_options *options,
                                   const struct schema *schema, struct arena *arena,
                                   struct api_engine *out, struct slp_err *err);

/* Do these filters and iterators fit a table that is there? NULL: not given. */
SLP_NODISCARD slp_rc api_engine_check(const struct state_table *table, const char *filters,
                                      const char *iterators, struct slp_err *err);

#endif
