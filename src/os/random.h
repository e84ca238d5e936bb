/*
 * Random bytes from the kernel: for ids that must never meet. Not for tests, which have a seed.
 */
#ifndef SLP_OS_RANDOM_H
#define SLP_OS_RANDOM_H

#include "base/err.h"

/* Fill `n` bytes. Errors: IO when the kernel has none, which Linux never says once it is up. */
SLP_NODISCARD slp_rc os_random(void *dst, size_t n, struct slp_err *err);

#endif
