/* rooms: parquet */
#define ENCODING PQ_BYTE_STREAM_SPLIT

#include "fuzz/encoding.h"
