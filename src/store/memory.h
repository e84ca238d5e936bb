/*
 * The store in memory: for tests, drills and simulators. It keeps every promise of store.h but that
 * of surviving the process. Usable from several threads if its allocator is.
 */
#ifndef SLP_STORE_MEMORY_H
#define SLP_STORE_MEMORY_H

#include "os/clock.h"
#include "store/store.h"

/* Let `clock` tell the store's time and do its sleeping from now on; it outlives the store. Before
 * the store is shared. */
void store_memory_set_clock(struct store *s, struct os_clock *clock);

#endif
