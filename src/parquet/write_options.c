#include "parquet/writer.h"

#include <strings.h>

void pq_write_options_init(struct pq_write_options *o)
{
    *o = (struct pq_write_options){.codec = CX_ZSTD, .level = 1};
}

void pq_write_options_compat(struct pq_write_options *o)
{
    *o = (struct pq_write_options){.codec = CX_SNAPPY, .profile = PQ_PROFILE_COMPAT};
}

const char *pq_write_encoding_name(enum pq_write_encoding e)
{
    static const char *const names[PQ_WRITE_ENCODING_COUNT] = {
        [PQ_WRITE_BEST] = "BEST",
        [PQ_WRITE_PLAIN] = "PLAIN",
        [PQ_WRITE_DICTIONARY] = "RLE_DICTIONARY",
        [PQ_WRITE_DELTA_BINARY_PACKED] = "DELTA_BINARY_PACKED",
        [PQ_WRITE_DELTA_LENGTH_BYTE_ARRAY] = "DELTA_LENGTH_BYTE_ARRAY",
        [PQ_WRITE_DELTA_BYTE_ARRAY] = "DELTA_BYTE_ARRAY",
        [PQ_WRITE_BYTE_STREAM_SPLIT] = "BYTE_STREAM_SPLIT",
        [PQ_WRITE_RLE] = "RLE"};
    assert(e < PQ_WRITE_ENCODING_COUNT);
    return names[e];
}

bool pq_write_encoding_parse(struct slice name, enum pq_write_encoding *out)
{
    for (unsigned e = 0; e < PQ_WRITE_ENCODING_COUNT; e++) {
        const char *known = pq_write_encoding_name((enum pq_write_encoding)e);
        if (strlen(known) == name.len &&
            strncasecmp(known, (const char *)name.ptr, name.len) == 0) {
            *out = (enum pq_write_encoding)e;
            return true;
        }
    }
    return false;
}
