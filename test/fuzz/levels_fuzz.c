/* rooms: parquet */
#include "codec/bit_pack.h"
#include "fuzz/pages.h"

/*
 * Levels of nested columns, RLE and the old packed form, against a decoder that reads bit by bit.
 *
 *   greatest definition level | greatest repetition level | 1: old packed definitions; 2: the same of
 *   repetitions; 4: v2 | portion | entries, u16 | v2: repetition bytes, definition bytes | body
 */

#define HEAD_BYTES  8u
#define ENTRIES_MAX 65536u

/* Old packed levels: most significant bit first. */
static bool packed_model(struct slice in, unsigned width, uint8_t *out, size_t count)
{
    if (count * width > in.len * 8)
        return false;
    for (size_t i = 0, bit = 0; i < count; i++) {
        out[i] = 0;
        for (unsigned k = 0; k < width; k++, bit++)
            out[i] = (uint8_t)(out[i] << 1 | (in.ptr[bit / 8] >> (7 - bit % 8) & 1));
    }
    return true;
}

/* Levels of a v1 page in the old form on both sides are what the model says. */
static void check_packed(const struct pq_column *column, struct slice body,
                         const uint8_t *definitions, const uint8_t *repetitions, size_t count)
{
    static uint8_t want[ENTRIES_MAX];
    unsigned r_width = cx_bit_width(column->repetition_max);
    unsigned d_width = cx_bit_width(column->definition_max);
    if (!packed_model(body, r_width, want, count) || memcmp(want, repetitions, count) != 0)
        abort();
    body = slice_after(body, (count * r_width + 7) / 8);
    if (!packed_model(body, d_width, want, count) || memcmp(want, definitions, count) != 0)
        abort();
}

static size_t take_levels(struct pq_cursor *c, size_t portion, uint8_t *definitions,
                          uint8_t *repetitions)
{
    size_t done = 0;
    while (c->rows_left) {
        size_t n = num_min_size(portion, (size_t)c->rows_left);
        if (pq_cursor_levels(c, n, definitions + done, repetitions + done, NULL) != SLP_OK)
            return done;
        for (size_t i = done; i < done + n; i++)
            if (definitions[i] > c->column->definition_max ||
                repetitions[i] > c->column->repetition_max)
                abort();
        done += n;
    }
    return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t definitions[2][ENTRIES_MAX];
    static uint8_t repetitions[2][ENTRIES_MAX];
    static const uint8_t items[] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (n < HEAD_BYTES)
        return 0;
    struct slice body = slice_after(slice_of(data, n), HEAD_BYTES);
    struct pq_column column = pages_column(0);
    column.is_nested = true;
    column.definition_max = data[0];
    column.repetition_max = (uint8_t)num_min_size(data[1] & 7, column.definition_max);
    column.item_definitions = items;
    struct pq_page_header h = {
        .kind = data[2] & 4 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA,
        .compressed_bytes = (uint32_t)body.len,
        .uncompressed_bytes = (uint32_t)body.len,
        .value_count = num_load_u16le(data + 4),
        .encoding = PQ_PLAIN,
        .definition_encoding = data[2] & 1 ? PQ_BIT_PACKED : PQ_RLE,
        .repetition_encoding = data[2] & 2 ? PQ_BIT_PACKED : PQ_RLE,
        .repetition_bytes = data[6],
        .definition_bytes = data[7],
        .is_compressed = true,
    };
    struct pq_scratch scratch;
    if (pq_scratch_init(&scratch, alloc_system(), true, NULL) != SLP_OK)
        return 0;
    size_t done[2] = {0};
    size_t portions[2] = {1u + data[3], PQ_STEP_ROWS};
    for (int i = 0; i < 2; i++) {
        struct pq_cursor c;
        if (pq_cursor_open(&c, &column, CX_NONE, &h, body, NULL, &scratch, NULL) == SLP_OK)
            done[i] = take_levels(&c, portions[i], definitions[i], repetitions[i]);
    }
    size_t whole = num_min_size(done[0], done[1]);
    if (memcmp(definitions[0], definitions[1], whole) != 0 ||
        memcmp(repetitions[0], repetitions[1], whole) != 0)
        abort();
    if ((data[2] & 7) == 3 && whole && whole == (size_t)h.value_count)
        check_packed(&column, body, definitions[0], repetitions[0], whole);
    pq_scratch_fini(&scratch);
    return 0;
}
