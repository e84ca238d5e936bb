/*
 * Errors of the kernel as ours: which code an errno becomes, and the text it gets.
 *
 *   ENOENT, ENOTDIR                     NOT_FOUND
 *   EEXIST                              EXISTS
 *   EACCES, EPERM, EROFS                DENIED
 *   ENOSPC, EDQUOT, EFBIG               LIMIT         "... no space left on device"
 *   EMFILE, ENFILE, EAGAIN, ETIMEDOUT   UNAVAILABLE
 *   ENOMEM                              NO_MEMORY
 *   ENAMETOOLONG, EISDIR, ELOOP         INVALID
 *   EOPNOTSUPP                          UNSUPPORTED
 *   EPIPE                               CANCELLED     the reader went away
 *   anything else                       IO
 */
#ifndef SLP_OS_ERROR_H
#define SLP_OS_ERROR_H

#include "base/err.h"

/* The code for an errno. */
slp_rc os_error_code(int code);

/* Fill `err` with `cannot ACTION "PATH": the errno's text in lower case` and return its code. */
slp_rc os_error(struct slp_err *err, int code, const char *action, const char *path);

#endif
