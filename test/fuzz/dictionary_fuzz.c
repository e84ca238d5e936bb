/* rooms: parquet */
#define ENCODING PQ_RLE_DICTIONARY

#include "fuzz/encoding.h"
