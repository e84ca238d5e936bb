/* rooms: parquet */
#define ENCODING PQ_DELTA_BYTE_ARRAY

#include "fuzz/encoding.h"
