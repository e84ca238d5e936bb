/*
 * GEOMETRY and GEOGRAPHY as texts that a field's extension holds, and back:
 *
 *   "geometry"   "geometry(EPSG:25832)"   "geography"   "geography(OGC:CRS84, karney)"
 *
 * The coordinate reference system is any text; edges that are not named are spherical. Values are
 * WKB and have no order.
 */
#ifndef SLP_PARQUET_GEO_H
#define SLP_PARQUET_GEO_H

#include "base/arena.h"
#include "codec/thrift_write.h"

/* The text, static or in the arena. `crs` may be empty; `algorithm` as parquet.thrift numbers it.
 * Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc pq_geo_format(bool is_geography, struct slice crs, int64_t algorithm,
                                   struct arena *a, const char **out, struct slp_err *err);

/* Is it one of these texts? NULL is none. */
bool pq_geo_is(const char *extension);

/* Put the member of the LogicalType union that the text, one of these, says. */
void pq_geo_put(struct cx_put *w, const char *extension);

#endif
