/*
 * Split points as text: one a line, each a row key, or a prefix of one, as CSV; or base64.
 */
#ifndef SLP_API_POINTS_H
#define SLP_API_POINTS_H

#include "key/key.h"

struct points_options {
    const struct schema *schema;
    const struct key_spec *spec;
    const char *text;
    bool is_base64; /* of a first key field that is text or binary */
};

/*
 * Parse them; keys and the list are in the arena. Empty lines are passed over.
 *
 * Errors   INVALID  with the line: what is no key, or goes beyond the row key
 */
SLP_NODISCARD slp_rc api_points_parse(const struct points_options *options, struct arena *arena,
                                      struct slice **out, size_t *count, struct slp_err *err);

#endif
