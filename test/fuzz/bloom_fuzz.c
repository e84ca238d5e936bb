/* rooms: parquet */
#include "parquet/bloom.h"

#include <stdlib.h>

#include "base/num.h"

/*
 * A bloom filter as it stands in a file, with and without the length that a footer may say: it is
 * refused, or can be asked; and what is added to it is there.
 *
 *   offset, u8 | bytes, u16 | the file
 */

#define HEAD_BYTES 3u
#define ROOM_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(struct source *src, uint64_t offset, uint32_t bytes)
{
    struct buf room;
    struct pq_bloom b = {0};
    buf_init(&room, alloc_system(), ROOM_BYTES);
    if (pq_bloom_read(src, offset, bytes, &room, &b, NULL) == SLP_OK) {
        if (b.bytes == 0 || b.bytes % PQ_BLOOM_MIN_BYTES != 0 || b.bytes > room.len)
            abort();
        for (uint64_t h = 1; h < 64; h++) {
            (void)pq_bloom_may_contain(&b, h * 0x9e3779b97f4a7c15u);
            pq_bloom_add(&b, h * 0x9e3779b97f4a7c15u);
            if (!pq_bloom_may_contain(&b, h * 0x9e3779b97f4a7c15u))
                abort();
        }
    }
    buf_fini(&room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct memory_source src;
    if (n < HEAD_BYTES)
        return 0;
    struct slice file = slice_after(slice_of(data, n), HEAD_BYTES);
    source_memory_init(&src, "fuzz", file);
    ask(&src.base, data[0], 0);
    ask(&src.base, data[0], num_load_u16le(data + 1));
    return 0;
}
