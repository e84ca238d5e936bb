/*
 * The meter: counts every byte that an ingest allocates, whoever does it.
 *
 * What is held is known by its use, but what a reader needs depends on the file: a page may have a
 * kilobyte or a hundred megabytes, and each column has one. So intake looks at the meter, and spills
 * earlier where readers take more than was planned for them. Room that a buffer has to grow is
 * counted though nobody touched it.
 *
 * Threads   all calls may come from any thread, if they may to the allocator below
 */
#ifndef SLP_INGEST_METER_H
#define SLP_INGEST_METER_H

#include "base/alloc.h"

struct ingest_meter {
    struct alloc base; /* first: what is handed out */
    struct alloc *mem; /* where memory comes from */
    size_t bytes;      /* allocated and not freed */
};

/* The meter outlives all that is allocated from its `base`. */
void ingest_meter_init(struct ingest_meter *m, struct alloc *mem);

size_t ingest_meter_bytes(const struct ingest_meter *m);

#endif
