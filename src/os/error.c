#include "os/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

slp_rc os_error_code(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return SLP_NOT_FOUND;
    case EEXIST:
        return SLP_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SLP_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SLP_LIMIT;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ETIMEDOUT:
        return SLP_UNAVAILABLE;
    case ENOMEM:
        return SLP_NO_MEMORY;
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
        return SLP_INVALID;
    case EPIPE:
        return SLP_CANCELLED;
    case EOPNOTSUPP:
        return SLP_UNSUPPORTED;
    default:
        return SLP_IO;
    }
}

slp_rc os_error(struct slp_err *err, int code, const char *action, const char *path)
{
    const char *text = strerrordesc_np(code);
    char lower[128];
    (void)snprintf(lower, sizeof lower, "%s", text ? text : "unknown error");
    /* "No space left" loses its capital; "RPC ..." and the like keep theirs. */
    if (lower[0] >= 'A' && lower[0] <= 'Z' && lower[1] >= 'a' && lower[1] <= 'z')
        lower[0] = (char)(lower[0] - 'A' + 'a');
    return err_set(err, os_error_code(code), "cannot %s \"%s\": %s", action, path, lower);
}
