#include <inttypes.h>

#include "base/num.h"
#include "datafile/group_priv.h"
#include "key/order.h"

#define ROWS_MULTIPLE 64

/* Of a column that is a dictionary, so many rows are looked at. */
#define SAMPLED_ROWS 1024

/* What the widest column of a block has before compression, where that is more than one row: who
 * merges holds a block of each input, and a lookup reads one. */
#define WIDEST_BYTES ((uint64_t)1 << 20)

/* Bits of a string of a column that is a dictionary, by some of them. */
static uint64_t sampled_bits(const struct arr_col *c)
{
    uint64_t bytes = 0;
    int64_t sampled = 0;
    for (int64_t row = 0; row < c->rows; row += c->rows / SAMPLED_ROWS + 1, sampled++)
        bytes += arr_col_bytes(c, row).len;
    return 8 * bytes / (uint64_t)num_max_i64(sampled, 1);
}

/* Bits of a row in one column before compression. */
static uint64_t row_bits(const struct arr_col *c)
{
    if (c->type.kind == ARR_BOOL)
        return 1;
    if (arr_type_is_nested(c->type))
        return 8 * (uint64_t)arr_col_memory(c) / (uint64_t)c->rows;
    if (!arr_type_is_variable(c->type))
        return 8 * (uint64_t)arr_type_width(c->type);
    if (c->dictionary)
        return sampled_bits(c) + 32;
    return 8 * (uint64_t)c->data.len / (uint64_t)c->rows + 32;
}

static size_t columns_up_to(const uint64_t *column_bits, size_t count, uint64_t bits)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += column_bits[i] <= bits;
    return found;
}

/* The lower median, by halving: 36 passes over the columns at most. */
static uint64_t median_of(const uint64_t *column_bits, size_t count)
{
    size_t half = (count + 1) / 2;
    uint64_t low = 0;
    uint64_t high = (uint64_t)1 << 36;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (columns_up_to(column_bits, count, middle) >= half)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* So many rows have WIDEST_BYTES in no column more. */
static int64_t widest_rows(const uint64_t *column_bits, size_t count)
{
    uint64_t bits = 1;
    for (size_t i = 0; i < count; i++)
        bits = column_bits[i] > bits ? column_bits[i] : bits;
    int64_t rows = (int64_t)(8 * WIDEST_BYTES / bits);
    return rows < ROWS_MULTIPLE ? num_max_i64(rows, 1) : rows - rows % ROWS_MULTIPLE;
}

static slp_rc choose_block_rows(struct datafile_group *g, const struct arr_batch *b,
                                struct slp_err *err)
{
    size_t count = b->schema->count;
    TRY(buf_resize(&g->column_bits, count * sizeof(uint64_t), err));
    uint64_t *column_bits = (uint64_t *)(void *)g->column_bits.ptr;
    for (size_t i = 0; i < count; i++)
        column_bits[i] = row_bits(&b->cols[i]);
    uint64_t bits = median_of(column_bits, count);
    uint64_t rows = bits ? 8 * (uint64_t)g->block_bytes / bits : DATAFILE_BLOCK_ROWS_MAX;
    rows = rows < DATAFILE_BLOCK_ROWS_MAX ? rows : DATAFILE_BLOCK_ROWS_MAX;
    rows -= rows % ROWS_MULTIPLE;
    g->block_rows =
        num_min_i64(rows ? (int64_t)rows : ROWS_MULTIPLE, widest_rows(column_bits, count));
    return SLP_OK;
}

void datafile_group_options(const struct schema *schema,
                            const struct datafile_write_options *options,
                            struct pq_write_options *out)
{
    pq_write_options_init(out);
    out->codec = options->codec;
    out->level = options->level;
    out->profile = options->profile;
    out->page_bytes = options->page_bytes;
    out->page_v2 = options->page_v2;
    out->bound_bytes = options->bound_bytes;
    out->columns = options->columns;
    out->sorting_columns = schema->key_columns;
    out->sorting_count = schema->key_count;
}

slp_rc datafile_group_new(struct alloc *mem, const struct schema *schema,
                          const struct datafile_write_options *options, struct datafile_group **out,
                          struct slp_err *err)
{
    struct datafile_group *g = NULL;
    TRY(alloc_new(mem, &g, err));
    *g = (struct datafile_group){.mem = mem, .schema = schema, .block_bytes = options->block_bytes};
    datafile_group_options(schema, options, &g->options);
    key_spec_init(&g->spec, schema);
    key_vec_init(&g->ends, mem, SIZE_MAX / 4);
    buf_init(&g->column_bits, mem, SIZE_MAX / 2);
    *out = g;
    return SLP_OK;
}

void datafile_group_free(struct datafile_group *g)
{
    if (!g)
        return;
    pq_group_free(g->pages);
    key_vec_fini(&g->ends);
    buf_fini(&g->column_bits);
    alloc_delete(g->mem, g);
}

int64_t datafile_group_rows(const struct datafile_group *g)
{
    return g->rows;
}

uint64_t datafile_group_bytes(const struct datafile_group *g)
{
    return g->rows ? pq_group_bytes(g->pages) : 0;
}

static slp_rc check_order(const struct key_vec *keys, int64_t first_row, struct slp_err *err)
{
    int64_t fall = key_first_fall(keys, 0);
    if (fall < keys->count)
        FAIL(err, INVALID, "row %" PRId64 " has a key below that of the row before it",
             first_row + fall);
    return SLP_OK;
}

/* The key of one row, which is given or made from the row. */
static slp_rc add_end(struct datafile_group *g, const struct arr_batch *rows,
                      const struct key_vec *keys, int64_t row, struct slp_err *err)
{
    return keys ? key_vec_append(&g->ends, key_at(keys, row), err)
                : key_encode_rows(&g->spec, rows, row, 1, &g->ends, err);
}

slp_rc datafile_group_keys(struct datafile_group *g, const struct arr_batch *rows,
                           const struct key_vec *keys, int64_t first_row, struct slp_err *err)
{
    assert(rows->rows > 0 && (!keys || rows->rows == keys->count));
    g->rows = 0;
    TRY(choose_block_rows(g, rows, err));
    key_vec_clear(&g->ends);
    if (keys)
        TRY(check_order(keys, first_row, err));
    for (int64_t row = 0; row < rows->rows; row += g->block_rows) {
        TRY(add_end(g, rows, keys, row, err));
        TRY(add_end(g, rows, keys, num_min_i64(row + g->block_rows, rows->rows) - 1, err));
    }
    int64_t fall = key_first_fall(&g->ends, 0);
    if (fall < g->ends.count)
        FAIL(err, INVALID, "block %" PRId64 " has keys that fall", fall / 2);
    return SLP_OK;
}

slp_rc datafile_group_pages(struct datafile_group *g, const struct arr_batch *rows,
                            struct slp_err *err)
{
    if (!g->pages)
        TRY(pq_group_new(g->mem, &g->schema->columns, &g->options, &g->pages, err));
    TRY(pq_group_encode(g->pages, rows, g->block_rows, err));
    g->rows = rows->rows;
    return SLP_OK;
}

slp_rc datafile_group_encode(struct datafile_group *g, const struct arr_batch *rows,
                             const struct key_vec *keys, struct slp_err *err)
{
    TRY(datafile_group_keys(g, rows, keys, 0, err));
    return datafile_group_pages(g, rows, err);
}
