/* rooms: parquet */
#define ENCODING PQ_DELTA_LENGTH_BYTE_ARRAY

#include "fuzz/encoding.h"
