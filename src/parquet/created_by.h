/*
 * Faults of writers, known by the name and version they leave in a file: "parquet-mr version 1.8.1
 * (build 4aba4da)". What is not recognised has none.
 */
#ifndef SLP_PARQUET_CREATED_BY_H
#define SLP_PARQUET_CREATED_BY_H

#include "base/slice.h"

struct pq_faults {
    bool compresses_v2;   /* v2 pages are compressed though they say they are not (ARROW-17100) */
    bool carries_strings; /* DELTA_BYTE_ARRAY: a page begins with what the one before ended with
                             (PARQUET-246) */
};

struct pq_faults pq_faults_of(struct slice created_by);

#endif
