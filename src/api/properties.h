/*
 * Settings as users write them, checked.
 */
#ifndef SLP_API_PROPERTIES_H
#define SLP_API_PROPERTIES_H

#include "sleeper/sleeper.h"
#include "state/state.h"

/*
 * Settings as a transaction has them: short names, ascending; values in the form that is stored. In
 * the arena, but for the names.
 *
 * Errors   NOT_FOUND  a property, with the nearest name
 *          INVALID    a value; a property twice; a default's name where a table is meant
 */
SLP_NODISCARD slp_rc api_check_settings(const struct slp_setting *settings, size_t count,
                                        bool is_instance, struct arena *arena,
                                        struct state_property **out, struct slp_err *err);

#endif
