/*
 * Inputs as people name them: a file, a folder, or a pattern.
 *
 *   rows.csv            that file
 *   exports             every file in the folder and below, by name
 *   exports/2024-*.csv  files that match; of folders that match, every file
 *
 * In a folder, names that begin with '.' or '_' are passed over (markers like _SUCCESS). Patterns
 * know *, ? and [...] within one part of the path; a '.' in front must be written. What exists by
 * exactly the given name is that, whatever characters are in it.
 */
#ifndef SLP_OS_EXPAND_H
#define SLP_OS_EXPAND_H

#include "base/arena.h"

#define OS_EXPAND_MAX_FILES 1000000u
#define OS_EXPAND_MAX_DEPTH 32u

/*
 * The files that `input` names, sorted by the bytes of their paths.
 *
 * paths    terminated, in `arena`
 * Errors   NOT_FOUND  no such file, nothing matches, or a folder without files
 *          LIMIT      more files or deeper folders than the limits above
 */
SLP_NODISCARD slp_rc os_expand(const char *input, struct arena *arena, const char ***paths,
                               size_t *count, struct slp_err *err);

#endif
