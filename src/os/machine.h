/*
 * What the machine gives this process: memory, cores, and what was used so far.
 */
#ifndef SLP_OS_MACHINE_H
#define SLP_OS_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of memory this process may count on: the smaller of MemAvailable and the limits of its
 * control groups (version 2 at each level above it, or version 1). 1 GiB when nothing can be read.
 *
 * root   "" for the machine; a folder that stands for "/" in tests
 */
uint64_t os_machine_memory(const char *root);

/* Cores this process may run on, at least 1. */
size_t os_machine_cores(void);

/* The most memory this process has had resident so far, in bytes. */
uint64_t os_machine_peak_memory(void);

#endif
