/* rooms: datafile */
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "datafile/index.h"

/*
 * Input: offset of slice 0 (u32 little-endian), bytes of the top (u32), then slices and top as they
 * stand in a file. CRCs are made right first, so that the fuzzer gets behind them.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void seal(uint8_t *bytes, size_t len)
{
    if (len >= 4)
        num_store_u32le(bytes + len - 4, hash_crc32c(0, slice_of(bytes, len - 4)));
}

/* What was read can be written, and reads the same again. */
static void check_slice(const struct index_slice *s, const struct index_top *top, size_t number,
                        struct arena *a)
{
    struct index_slice again;
    struct buf out;
    buf_init(&out, alloc_system(), 1 << 26);
    if (datafile_slice_encode(s, top->column_count, &out, NULL) != SLP_OK ||
        datafile_slice_decode(buf_slice(&out), top, number, a, &again, NULL) != SLP_OK)
        abort();
    size_t cells = s->block_count * top->column_count;
    if (again.part_count != s->part_count ||
        memcmp(again.offsets, s->offsets, cells * sizeof *s->offsets) != 0 ||
        memcmp(again.bytes, s->bytes, cells * sizeof *s->bytes) != 0)
        abort();
    buf_fini(&out);
}

static void decode(uint8_t *bytes, size_t len, uint64_t first_offset, size_t top_bytes,
                   struct arena *a)
{
    struct index_top top;
    uint64_t offset = first_offset + len - top_bytes;
    seal(bytes + len - top_bytes, top_bytes);
    if (datafile_top_decode(slice_of(bytes + len - top_bytes, top_bytes), offset, first_offset, a,
                            &top, NULL) != SLP_OK)
        return;
    for (size_t i = 0; i < top.slice_count; i++) {
        struct index_slice s;
        const struct index_slice_place *p = &top.slices[i];
        uint8_t *at = bytes + (p->offset - first_offset);
        seal(at, p->bytes);
        if (datafile_slice_decode(slice_of(at, p->bytes), &top, i, a, &s, NULL) == SLP_OK)
            check_slice(&s, &top, i, a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 8)
        return 0;
    size_t len = n - 8;
    size_t top_bytes = num_min_size(num_load_u32le(data + 4), len);
    uint8_t *bytes = malloc(len + 1);
    struct arena a;
    if (!bytes)
        return 0;
    memcpy(bytes, data + 8, len);
    arena_init(&a, alloc_system(), 64 << 20);
    decode(bytes, len, num_load_u32le(data), top_bytes, &a);
    arena_fini(&a);
    free(bytes);
    return 0;
}
