/* rooms: parquet */
#define ENCODING PQ_PLAIN

#include "fuzz/encoding.h"
