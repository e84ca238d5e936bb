#include "os/random.h"

#include <errno.h>
#include <sys/random.h>

#include "os/error.h"

slp_rc os_random(void *dst, size_t n, struct slp_err *err)
{
    uint8_t *at = dst;
    while (n > 0) {
        ssize_t part = getrandom(at, n, 0);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return os_error(err, errno, "read", "random bytes");
        at += part;
        n -= (size_t)part;
    }
    return SLP_OK;
}
