/*
 * Shared objects that are loaded while the program runs: plug-ins of users.
 */
#ifndef SLP_OS_LIBRARY_H
#define SLP_OS_LIBRARY_H

#include <stdbool.h>

#include "base/err.h"

struct os_library {
    void *handle;
};

/*
 * Load `path`. One without a slash is looked for where the system's libraries are.
 *
 * Errors  NOT_FOUND  there is no such file
 *         INVALID    it cannot be loaded (what the loader says)
 */
SLP_NODISCARD slp_rc os_library_open(const char *path, struct os_library *out, struct slp_err *err);

/* The function of that name, copied into `*function`, a pointer to a function pointer. false when
 * there is none. */
bool os_library_function(struct os_library library, const char *name, void *function);

/* Unload; a zeroed one is accepted. */
void os_library_close(struct os_library *library);

#endif
