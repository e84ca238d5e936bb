#include <inttypes.h>

#include "arrow/bits.h"
#include "arrow/dictionary.h"
#include "base/num.h"
#include "codec/bit_pack.h"
#include "codec/rle_encode.h"
#include "parquet/bloom.h"
#include "parquet/dict_write.h"
#include "parquet/group_priv.h"
#include "parquet/histogram.h"
#include "parquet/leaves.h"
#include "parquet/page_write.h"
#include "parquet/shred.h"

#define PAGE_BYTES_DEFAULT ((size_t)1 << 20)
#define GROUP_MAX_BYTES    ((size_t)1 << 40)

#define HEADER_MAX_BYTES ((size_t)1 << 10)
#define NAMES_MAX_BYTES  ((size_t)1 << 30)

/* Times eight bytes that are 0 or 1: the highest byte has their bits, the first one lowest. */
#define LEVEL_BITS 0x0102040810204080u

/* Whether pages shrink is looked at when this many bytes went in, and again at the end. */
#define SHRINK_PROBE_BYTES (1u << 20)

struct pq_group {
    struct alloc *mem;
    const struct arr_schema *schema;
    const struct pq_write_options *options;
    struct arena names; /* leaves and their paths */
    struct pq_leaves leaves;
    struct pq_chunk_facts *chunks; /* of each leaf */
    int64_t rows;
    struct sink *to;       /* takes chunks as they are finished; NULL: they stay in `bytes` */
    uint64_t written;      /* bytes of the group that `to` has */
    struct buf bytes;      /* the group as it will stand in the file, behind those */
    struct buf pages;      /* struct pq_page_place, of all chunks */
    struct buf page_facts; /* struct pq_page_facts, as many */
    struct buf bounds;     /* what struct pq_bounds_ref points to */
    struct buf histograms; /* int64_t, of the levels of each page */
    struct buf blooms;     /* filters of all chunks */
    struct arr_col plain;  /* of a column that came as a dictionary */
    struct pq_values_scratch values;
    struct pq_shred *shred; /* made when a column is nested */
    struct buf row_entries; /* size_t a row of a nested chunk: its first entry; and one more */
    struct pq_dict dict;    /* of one chunk */
    struct buf body;        /* a page before compression */
    struct buf header;
    struct buf scratch;    /* of encoders */
    struct buf sample;     /* of values, encoded */
    struct buf compressed; /* the same, compressed */
    struct cx_codec *codec;
};

/* Is there a dictionary in group.dict for the chunk? */
enum dict_answer { DICT_NOT_ASKED, DICT_PAYS, DICT_DOES_NOT_PAY };

/* One chunk while it is encoded. */
struct chunk {
    struct pq_group *g;
    struct pq_chunk_facts *facts;
    const struct pq_column_options *options;
    const struct pq_leaf_field *leaf;
    const struct arr_col *col;      /* of the leaf */
    const struct pq_levels *levels; /* of a nested column; NULL: a row is one entry */
    int64_t rows;
    bool is_optional;
    bool has_nulls;
    enum pq_encoding encoding;
    unsigned index_width; /* 0: no dictionary */
    struct pq_page_sink sink;
    int64_t block_rows;
    struct pq_values values; /* of strings that came as a dictionary and stay one: its entries */
    size_t value_count;      /* that rows have */
    enum dict_answer dict_answer;
    bool has_entries;        /* in place of values */
    struct pq_bounds bounds; /* of all pages so far */
    struct pq_bounds last;   /* of the last page with values */
    bool has_last;
    bool is_ascending;
    bool is_descending;
};

/* The rows of one page, and its values, which are fewer when rows are null. */
struct page {
    int64_t row;
    int64_t rows;
    int64_t entry; /* flat columns: the row */
    int64_t entries;
    size_t value;
    size_t values;
};

void pq_group_free(struct pq_group *g)
{
    if (!g)
        return;
    buf_fini(&g->bytes);
    buf_fini(&g->pages);
    buf_fini(&g->page_facts);
    buf_fini(&g->bounds);
    buf_fini(&g->histograms);
    buf_fini(&g->blooms);
    arr_col_fini(&g->plain);
    pq_values_scratch_fini(&g->values);
    pq_shred_free(g->shred);
    buf_fini(&g->row_entries);
    pq_dict_fini(&g->dict);
    buf_fini(&g->body);
    buf_fini(&g->header);
    buf_fini(&g->scratch);
    buf_fini(&g->sample);
    buf_fini(&g->compressed);
    cx_codec_free(g->codec);
    alloc_free(g->mem, g->chunks, g->leaves.count * sizeof *g->chunks);
    arena_fini(&g->names);
    alloc_delete(g->mem, g);
}

static enum pq_encoding encoding_wanted(enum pq_write_encoding wanted)
{
    static const enum pq_encoding encodings[PQ_WRITE_ENCODING_COUNT] = {
        [PQ_WRITE_PLAIN] = PQ_PLAIN,
        [PQ_WRITE_DICTIONARY] = PQ_RLE_DICTIONARY,
        [PQ_WRITE_DELTA_BINARY_PACKED] = PQ_DELTA_BINARY_PACKED,
        [PQ_WRITE_DELTA_LENGTH_BYTE_ARRAY] = PQ_DELTA_LENGTH_BYTE_ARRAY,
        [PQ_WRITE_DELTA_BYTE_ARRAY] = PQ_DELTA_BYTE_ARRAY,
        [PQ_WRITE_BYTE_STREAM_SPLIT] = PQ_BYTE_STREAM_SPLIT,
        [PQ_WRITE_RLE] = PQ_RLE};
    return encodings[wanted];
}

static const struct pq_column_options *options_of(const struct pq_group *g, size_t column)
{
    static const struct pq_column_options nothing_said;
    return g->options->columns ? &g->options->columns[column] : &nothing_said;
}

static slp_rc check_encoding(const struct pq_group *g, const struct pq_leaf_field *leaf,
                             struct slp_err *err)
{
    enum pq_write_encoding wanted = options_of(g, leaf->column)->encoding;
    char type[64];
    if (wanted == PQ_WRITE_BEST ||
        pq_encoding_is_legal(leaf->leaf.physical, encoding_wanted(wanted)))
        return SLP_OK;
    arr_type_format(leaf->field->type, type, sizeof type);
    FAIL(err, INVALID, "column \"%s\": parquet has no encoding %s for %s", leaf->path[0],
         pq_write_encoding_name(wanted), type);
}

slp_rc pq_group_new(struct alloc *mem, const struct arr_schema *schema,
                    const struct pq_write_options *options, struct pq_group **out,
                    struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_group *g = NULL;
    TRY(alloc_new(mem, &g, err));
    g->mem = mem;
    g->schema = schema;
    g->options = options;
    buf_init(&g->bytes, mem, GROUP_MAX_BYTES);
    buf_init(&g->pages, mem, GROUP_MAX_BYTES);
    buf_init(&g->page_facts, mem, GROUP_MAX_BYTES);
    buf_init(&g->bounds, mem, GROUP_MAX_BYTES);
    buf_init(&g->histograms, mem, GROUP_MAX_BYTES);
    buf_init(&g->blooms, mem, GROUP_MAX_BYTES);
    pq_values_scratch_init(&g->values, mem);
    arena_init(&g->names, mem, NAMES_MAX_BYTES);
    buf_init(&g->row_entries, mem, GROUP_MAX_BYTES);
    pq_dict_init(&g->dict, mem);
    buf_init(&g->body, mem, GROUP_MAX_BYTES);
    buf_init(&g->header, mem, HEADER_MAX_BYTES);
    buf_init(&g->scratch, mem, GROUP_MAX_BYTES);
    buf_init(&g->sample, mem, GROUP_MAX_BYTES);
    buf_init(&g->compressed, mem, GROUP_MAX_BYTES);
    TRY_OUT(pq_leaves_of(schema, &g->names, &g->leaves, err));
    TRY_OUT(alloc_array(mem, g->leaves.count, sizeof *g->chunks, (void **)&g->chunks, err));
    TRY_OUT(cx_codec_new(mem, &g->codec, err));
    for (size_t i = 0; i < g->leaves.count; i++)
        TRY_OUT(check_encoding(g, &g->leaves.items[i], err));
    *out = g;
out:
    if (rc != SLP_OK)
        pq_group_free(g);
    return rc;
}

static void forget_rows(struct pq_group *g)
{
    g->rows = 0;
    g->written = 0;
    buf_clear(&g->bytes);
    buf_clear(&g->pages);
    buf_clear(&g->page_facts);
    buf_clear(&g->bounds);
    buf_clear(&g->histograms);
    buf_clear(&g->blooms);
    memset(g->chunks, 0, g->leaves.count * sizeof *g->chunks);
}

void pq_group_open(struct pq_group *g, struct pq_group_inside *out)
{
    forget_rows(g);
    *out = (struct pq_group_inside){.mem = g->mem,
                                    .leaves = &g->leaves,
                                    .options = g->options,
                                    .chunks = g->chunks,
                                    .bytes = &g->bytes,
                                    .pages = &g->pages,
                                    .page_facts = &g->page_facts,
                                    .bounds = &g->bounds,
                                    .histograms = &g->histograms,
                                    .rows = &g->rows};
}

slp_rc pq_keep_bounds(struct buf *bytes, const struct pq_bounds *b, struct pq_bounds_ref *ref,
                      struct slp_err *err)
{
    *ref = (struct pq_bounds_ref){.state = b->state, .at = bytes->len, .nan_count = b->nan_count};
    if (b->state != PQ_BOUNDS_KNOWN)
        return SLP_OK;
    ref->min_exact = b->min_exact;
    ref->max_exact = b->max_exact;
    ref->min_len = b->min_len;
    ref->max_len = b->max_len;
    TRY(buf_append_slice(bytes, pq_bounds_min(b), err));
    return buf_append_slice(bytes, pq_bounds_max(b), err);
}

/* Levels of 0 and 1: a bit each, eight at a time. */
static slp_rc put_level_bits(const struct chunk *c, const uint8_t *levels, size_t count,
                             struct slp_err *err)
{
    struct buf *bits = &c->g->scratch;
    buf_clear(bits);
    TRY(buf_reserve(bits, count / 8 + 1, err));
    for (size_t i = 0; i + 8 <= count; i += 8)
        bits->ptr[i / 8] = (uint8_t)(num_load_u64le(levels + i) * LEVEL_BITS >> 56);
    unsigned last = 0;
    for (size_t i = count / 8 * 8; i < count; i++)
        last |= (unsigned)levels[i] << i % 8;
    bits->ptr[count / 8] = (uint8_t)last;
    return cx_rle_encode_bits(bits->ptr, 0, count, &c->g->body, err);
}

/* Levels of one kind of a nested column. */
static slp_rc put_nested_levels(const struct chunk *c, const uint8_t *levels, size_t count,
                                unsigned width, struct slp_err *err)
{
    struct buf *wide = &c->g->scratch;
    if (width == 1)
        return put_level_bits(c, levels, count, err);
    buf_clear(wide);
    TRY(buf_reserve(wide, count * sizeof(uint32_t), err));
    uint32_t *values = (uint32_t *)(void *)wide->ptr;
    for (size_t i = 0; i < count; i++)
        values[i] = levels[i];
    return cx_rle_encode(values, count, width, &c->g->body, err);
}

/* Levels of one kind; before them their length, if pages of this version have it. */
static slp_rc put_levels(const struct chunk *c, const struct page *p, bool is_repetition,
                         bool has_length, struct slp_err *err)
{
    struct buf *body = &c->g->body;
    size_t start = body->len;
    uint8_t max = is_repetition ? c->leaf->repetition_max : c->leaf->definition_max;
    if (max == 0)
        return SLP_OK;
    if (has_length)
        TRY(buf_append_u32le(body, 0, err));
    if (c->levels)
        TRY(put_nested_levels(
            c, (is_repetition ? c->levels->repetitions.ptr : c->levels->definitions.ptr) + p->entry,
            (size_t)p->entries, cx_bit_width(max), err));
    else if (p->values == (size_t)p->rows || p->values == 0)
        TRY(cx_rle_encode_run(p->values ? 1 : 0, (size_t)p->rows, 1, body, err));
    else
        TRY(cx_rle_encode_bits(c->col->validity.ptr, (size_t)p->row, (size_t)p->rows, body, err));
    if (has_length)
        num_store_u32le(body->ptr + start, (uint32_t)(body->len - start - 4));
    return SLP_OK;
}

static slp_rc put_indices(const struct chunk *c, const struct page *p, struct slp_err *err)
{
    TRY(buf_append_u8(&c->g->body, (uint8_t)c->index_width, err));
    return cx_rle_encode(pq_dict_indices(&c->g->dict) + p->value, p->values, c->index_width,
                         &c->g->body, err);
}

/* The body of a data page; where it would be a copy of the column, the column itself. */
static slp_rc make_body(const struct chunk *c, const struct page *p, struct pq_page_body *out,
                        struct slp_err *err)
{
    struct pq_group *g = c->g;
    const struct pq_values *v = &c->values;
    bool is_v2 = g->options->page_v2;
    *out = (struct pq_page_body){.kind = is_v2 ? PQ_PAGE_DATA_V2 : PQ_PAGE_DATA,
                                 .encoding = c->encoding,
                                 .rows = p->rows,
                                 .entries = p->entries,
                                 .null_count = p->entries - (int64_t)p->values};
    if (!c->is_optional && c->encoding == PQ_PLAIN && v->width > 0) {
        out->bytes = slice_of(v->data + p->value * v->width, p->values * v->width);
        return SLP_OK;
    }
    buf_clear(&g->body);
    TRY(put_levels(c, p, true, !is_v2, err));
    out->repetition_bytes = is_v2 ? g->body.len : 0;
    TRY(put_levels(c, p, false, !is_v2, err));
    out->definition_bytes = is_v2 ? g->body.len - out->repetition_bytes : 0;
    if (c->index_width)
        TRY(put_indices(c, p, err));
    else
        TRY(pq_encode(v, c->encoding, (struct pq_span){p->value, p->values}, &g->scratch, &g->body,
                      err));
    out->bytes = buf_slice(&g->body);
    return SLP_OK;
}

/* Take a page's bounds into those of its chunk. */
static void add_bounds(struct chunk *c, const struct pq_bounds *b, bool is_null_page)
{
    enum pq_order order = c->values.order;
    pq_bounds_add(order, &c->bounds, b);
    if (is_null_page)
        return;
    if (b->state != PQ_BOUNDS_KNOWN) {
        c->facts->has_column_index = false;
        return;
    }
    if (c->has_last) {
        int min = pq_bound_compare(order, pq_bounds_min(&c->last), pq_bounds_min(b));
        int max = pq_bound_compare(order, pq_bounds_max(&c->last), pq_bounds_max(b));
        c->is_ascending = c->is_ascending && min <= 0 && max <= 0;
        c->is_descending = c->is_descending && min >= 0 && max >= 0;
    }
    c->last = *b;
    c->has_last = true;
}

/* The bounds of a page, unless the column shall have none. */
static void bounds_of(const struct chunk *c, const struct page *p, struct pq_bounds *out)
{
    const uint32_t asked = c->g->options->bound_bytes;
    const uint32_t cut = asked ? asked : PQ_BOUND_CUT_BYTES;
    if (c->options->no_statistics) {
        out->state = p->values ? PQ_BOUNDS_UNKNOWN : PQ_BOUNDS_EMPTY;
        out->nan_count = 0;
        return;
    }
    if (c->index_width)
        pq_dict_bounds(&c->g->dict, &c->values, (struct pq_span){p->value, p->values}, cut, out);
    else
        pq_bounds_of_cut(&c->values, p->value, p->values, cut, out);
}

/* The histograms of a page's levels. */
static slp_rc count_levels(const struct chunk *c, const struct page *p, struct slp_err *err)
{
    struct buf *out = &c->g->histograms;
    if (!c->levels)
        return pq_histogram_of_rows(c->leaf, p->entries - (int64_t)p->values, (int64_t)p->values,
                                    out, err);
    return pq_histogram_of_levels(c->leaf, c->levels->repetitions.ptr + p->entry,
                                  c->levels->definitions.ptr + p->entry, (size_t)p->entries, out,
                                  err);
}

/* Of a page's strings alone. */
static size_t string_bytes(const struct chunk *c, const struct page *p)
{
    if (c->has_entries)
        return pq_dict_bytes(&c->g->dict, &c->values, (struct pq_span){p->value, p->values});
    return pq_values_plain_bytes(&c->values, p->value, p->values) - 4 * p->values;
}

static slp_rc encode_page(struct chunk *c, const struct page *p, struct slp_err *err)
{
    struct pq_group *g = c->g;
    struct pq_bounds bounds;
    struct pq_page_body body;
    uint64_t start = pq_group_bytes(g);
    TRY(make_body(c, p, &body, err));
    TRY(pq_page_put(&c->sink, &body, err));
    bounds_of(c, p, &bounds);
    struct pq_page_facts facts = {.null_count = p->entries - (int64_t)p->values,
                                  .is_null_page = p->values == 0};
    if (c->values.physical == PQ_BYTE_ARRAY)
        facts.unencoded_bytes = string_bytes(c, p);
    TRY(pq_keep_bounds(&g->bounds, &bounds, &facts.bounds, err));
    add_bounds(c, &bounds, facts.is_null_page);
    struct pq_page_place place = {.offset = start,
                                  .bytes = (uint32_t)(pq_group_bytes(g) - start),
                                  .first_row = p->row,
                                  .rows = p->rows};
    TRY(buf_append(&g->pages, &place, sizeof place, err));
    TRY(buf_append(&g->page_facts, &facts, sizeof facts, err));
    TRY(count_levels(c, p, err));
    c->facts->page_count++;
    c->facts->value_count += p->entries;
    c->facts->null_count += facts.null_count;
    c->facts->unencoded_bytes += facts.unencoded_bytes;
    return SLP_OK;
}

/* The first entry of a row. */
static int64_t entry_of(const struct chunk *c, int64_t row)
{
    const size_t *entries = (const size_t *)(const void *)c->g->row_entries.ptr;
    return c->levels ? (int64_t)entries[row] : row;
}

/* How many values rows [row, row + rows) have. */
static size_t count_values(const struct chunk *c, int64_t row, int64_t rows)
{
    if (c->value_count == 0)
        return 0;
    int64_t entry = entry_of(c, row);
    if (c->levels)
        return pq_levels_count(c->levels->definitions.ptr + entry,
                               (size_t)(entry_of(c, row + rows) - entry), c->leaf->definition_max);
    return c->has_nulls ? (size_t)arr_bits_count(c->col->validity.ptr, row, rows) : (size_t)rows;
}

/* The rows from `row` on that have `values` values, or the most that have no more, at least one. */
static int64_t rows_of_values(const struct chunk *c, int64_t row, size_t values)
{
    if (c->levels) {
        int64_t rows = 0;
        size_t found = 0;
        for (; found <= values && row + rows < c->rows; rows++)
            found += count_values(c, row + rows, 1);
        return found > values && rows > 1 ? rows - 1 : rows;
    }
    if (!c->has_nulls)
        return (int64_t)values;
    int64_t end = row;
    while (values > 0)
        values -= arr_bit(c->col->validity.ptr, end++);
    return end - row;
}

/* The page that begins at `row` and `value`: to the end of its block, or as far as it may grow. */
static struct page next_page(const struct chunk *c, int64_t row, size_t value, int64_t block_end)
{
    size_t page_bytes = c->g->options->page_bytes ? c->g->options->page_bytes : PAGE_BYTES_DEFAULT;
    struct page p = {.row = row, .rows = block_end - row, .value = value};
    if (c->g->options->page_rows > 0)
        p.rows = num_min_i64(p.rows, c->g->options->page_rows);
    size_t most = count_values(c, row, p.rows);
    size_t fit = 0;
    if (c->index_width)
        fit = num_min_size(most, num_max_size(page_bytes / 4 * 32 / c->index_width, 1));
    else
        fit = pq_values_fit(&c->values, value, most, page_bytes);
    if (fit < most)
        p.rows = rows_of_values(c, row, fit);
    p.values = c->levels ? count_values(c, row, p.rows) : fit;
    p.entry = entry_of(c, row);
    p.entries = entry_of(c, row + p.rows) - p.entry;
    return p;
}

/* Is what a codec made of bytes worth the time that reading it takes? */
static bool shrinks(uint64_t raw_bytes, uint64_t bytes)
{
    return bytes <= raw_bytes - raw_bytes / 64;
}

static slp_rc put_dictionary(struct chunk *c, struct slp_err *err)
{
    const struct cx_dictionary *d = c->g->dict.values;
    const struct pq_page_body body = {.kind = PQ_PAGE_DICTIONARY,
                                      .encoding = PQ_PLAIN,
                                      .entries = cx_dictionary_count(d),
                                      .bytes = cx_dictionary_values(d)};
    TRY(pq_page_put(&c->sink, &body, err));
    c->facts->dictionary_bytes = (uint32_t)c->sink.bytes;
    return SLP_OK;
}

static int64_t block_end_of(const struct chunk *c, int64_t row)
{
    int64_t start = row - row % c->block_rows;
    return c->rows - start > c->block_rows ? start + c->block_rows : c->rows;
}

/*
 * The codec made nothing of the first page: is it so with one from the middle and one from behind
 * that? Then all others are not compressed in vain, to be encoded once more.
 */
static slp_rc try_other_pages(struct chunk *c, bool *are_hopeless, struct slp_err *err)
{
    const struct pq_page_sink *s = &c->sink;
    uint64_t raw_bytes = 0;
    uint64_t bytes = 0;
    for (int64_t quarter = 2; quarter < 4; quarter++) {
        int64_t row = c->rows / 4 * quarter;
        row -= row % c->block_rows;
        const struct page p = next_page(c, row, count_values(c, 0, row), block_end_of(c, row));
        struct pq_page_body body;
        struct buf *out = &c->g->compressed;
        buf_clear(out);
        TRY(make_body(c, &p, &body, err));
        TRY(pq_page_compress(s, body.encoding, body.bytes, out, err));
        raw_bytes += body.bytes.len;
        bytes += out->len;
    }
    *are_hopeless = !shrinks(raw_bytes, bytes);
    return SLP_OK;
}

/* Give the codec up? After the first page, where others are like it; and at the end, and after so
 * many bytes that the end is far. */
static slp_rc look_at_size(struct chunk *c, bool is_first, bool is_last, bool *gave_up,
                           struct slp_err *err)
{
    const struct pq_page_sink *s = &c->sink;
    bool is_probe = is_first || is_last || s->uncompressed_bytes >= SHRINK_PROBE_BYTES;
    if (s->kind == CX_NONE || !is_probe || shrinks(s->uncompressed_bytes, s->bytes))
        return SLP_OK;
    if (is_first && !is_last)
        return try_other_pages(c, gave_up, err);
    *gave_up = true;
    return SLP_OK;
}

/* All pages of the chunk with the codec its sink names. `*gave_up` when they do not shrink. */
static slp_rc encode_pages(struct chunk *c, bool *gave_up, struct slp_err *err)
{
    const struct pq_page_sink *s = &c->sink;
    *gave_up = false;
    if (c->index_width)
        TRY(put_dictionary(c, err));
    int64_t row = 0;
    size_t value = 0;
    while (row < c->rows) {
        struct page p = next_page(c, row, value, block_end_of(c, row));
        TRY(encode_page(c, &p, err));
        row += p.rows;
        value += p.values;
        TRY(look_at_size(c, row == p.rows, row == c->rows, gave_up, err));
        if (*gave_up)
            return SLP_OK;
    }
    assert(value == c->value_count);
    c->facts->bytes = s->bytes;
    c->facts->uncompressed_bytes = s->uncompressed_bytes;
    return SLP_OK;
}

static enum cx_kind codec_of(const struct chunk *c)
{
    return c->options->has_codec ? c->options->codec : c->g->options->codec;
}

static int level_of(const struct chunk *c)
{
    return c->options->has_codec ? c->options->level : c->g->options->level;
}

/* Start the chunk at the group's end; what an earlier attempt left behind that is dropped. */
static void begin_chunk(struct chunk *c, enum cx_kind codec, const struct pq_chunk_facts *start,
                        size_t bounds_start)
{
    struct pq_group *g = c->g;
    *c->facts = *start;
    c->facts->codec = (int)codec;
    c->facts->encoding = c->encoding;
    c->facts->has_dictionary = c->index_width != 0;
    c->facts->has_nan_count = !c->options->no_statistics;
    c->facts->has_column_index = c->values.order != PQ_ORDER_NONE && !c->options->no_statistics;
    c->sink = (struct pq_page_sink){.out = &g->bytes,
                                    .header = &g->header,
                                    .codec = g->codec,
                                    .kind = codec,
                                    .level = level_of(c),
                                    .content = pq_content_of(c->values.physical)};
    c->bounds = (struct pq_bounds){0};
    c->has_last = false;
    c->is_ascending = true;
    c->is_descending = true;
    g->bytes.len = (size_t)(start->offset - g->written);
    g->pages.len = start->first_page * sizeof(struct pq_page_place);
    g->page_facts.len = start->first_page * sizeof(struct pq_page_facts);
    g->bounds.len = bounds_start;
    g->histograms.len = start->first_count * sizeof(int64_t);
}

/* Polars 2.1 fails on a member that is never null of a struct that may be, in several pages of any
 * encoding but PLAIN and dictionaries: such leaves have no other, unless one is asked for. */
static bool may_delta(const struct chunk *c)
{
    const struct pq_leaf_field *leaf = c->leaf;
    bool is_trap = !leaf->field->nullable && leaf->definition_max > 0 && leaf->repetition_max == 0;
    return c->g->options->profile != PQ_PROFILE_COMPAT && !is_trap;
}

static struct pq_chooser chooser_of(const struct chunk *c)
{
    struct pq_group *g = c->g;
    return (struct pq_chooser){.codec = g->codec,
                               .kind = codec_of(c),
                               .level = level_of(c),
                               .may_delta = may_delta(c),
                               .scratch = &g->scratch,
                               .encoded = &g->sample,
                               .compressed = &g->compressed};
}

/* May the chunk have one at all? */
static bool may_have_dictionary(const struct chunk *c)
{
    const struct pq_write_options *o = c->g->options;
    if (c->options->encoding == PQ_WRITE_DICTIONARY)
        return true;
    return c->options->encoding == PQ_WRITE_BEST && !o->no_dictionary && !c->options->no_dictionary;
}

static bool wants_dictionary(const struct chunk *c)
{
    return c->options->encoding == PQ_WRITE_DICTIONARY;
}

/* Build the dictionary, unless it is known whether one pays. */
static slp_rc choose_dictionary(struct chunk *c, struct slp_err *err)
{
    struct pq_dict *d = &c->g->dict;
    const struct pq_chooser chooser = chooser_of(c);
    if (c->dict_answer != DICT_NOT_ASKED || !may_have_dictionary(c) ||
        !pq_dict_is_possible(&c->values))
        return SLP_OK;
    TRY(pq_dict_build(d, &chooser, &c->values, wants_dictionary(c), err));
    c->dict_answer = d->index_width ? DICT_PAYS : DICT_DOES_NOT_PAY;
    return SLP_OK;
}

/* The encoding that was asked for, or the best: a dictionary, or what samples say. */
static slp_rc choose_encoding(struct chunk *c, struct slp_err *err)
{
    enum pq_write_encoding wanted = c->options->encoding;
    const struct pq_chooser chooser = chooser_of(c);
    c->index_width = 0;
    if (wanted != PQ_WRITE_BEST && wanted != PQ_WRITE_DICTIONARY) {
        c->encoding = encoding_wanted(wanted);
        return SLP_OK;
    }
    TRY(choose_dictionary(c, err));
    if (c->dict_answer != DICT_PAYS)
        return pq_choose_encoding(&chooser, &c->values, &c->encoding, err);
    c->index_width = c->g->dict.index_width;
    c->encoding = PQ_RLE_DICTIONARY;
    return SLP_OK;
}

static slp_rc check_nulls(const struct arr_field *field, const struct arr_col *col,
                          struct slp_err *err)
{
    if (field->nullable || (col->null_count == 0 && col->type.kind != ARR_NULL))
        return SLP_OK;
    for (int64_t row = 0; row < col->rows; row++)
        if (arr_col_is_null(col, row))
            FAIL(err, BAD_INPUT, "row %" PRId64 " is null, and the column is not nullable", row);
    return SLP_OK;
}

/* The chunk's filter, if one is wanted. Of two booleans there is nothing to ask. */
static slp_rc make_bloom(struct chunk *c, struct slp_err *err)
{
    struct pq_group *g = c->g;
    double fpp = c->options->bloom_fpp > 0 ? c->options->bloom_fpp : PQ_BLOOM_FPP_DEFAULT;
    if (!c->options->bloom || c->values.physical == PQ_BOOLEAN)
        return SLP_OK;
    c->facts->bloom_at = g->blooms.len;
    TRY(pq_bloom_of(&c->values, c->value_count, fpp, &g->scratch, &g->blooms, err));
    c->facts->bloom_bytes = (uint32_t)(g->blooms.len - c->facts->bloom_at);
    return SLP_OK;
}

/* A copy of the column with its values in place of indices. */
static slp_rc decode_column(struct chunk *c, struct slp_err *err)
{
    struct pq_group *g = c->g;
    arr_col_fini(&g->plain);
    arr_col_init(&g->plain, g->mem, c->col->type);
    TRY(arr_col_append_run(&g->plain, c->col, 0, c->col->rows, err));
    c->col = &g->plain;
    return SLP_OK;
}

static slp_rc take_values(struct chunk *c, const struct pq_leaf *leaf, struct slp_err *err)
{
    TRY(pq_values_of(c->col, leaf, &c->g->values, &c->values, err));
    c->value_count = c->values.count;
    return SLP_OK;
}

/* Does the dictionary that the rows were numbered by pay? */
static slp_rc judge_dictionary(struct chunk *c, struct slp_err *err)
{
    struct pq_dict *d = &c->g->dict;
    const struct pq_chooser chooser = chooser_of(c);
    TRY(pq_dict_judge(d, &chooser, &c->values, c->value_count, wants_dictionary(c), err));
    c->dict_answer = d->index_width ? DICT_PAYS : DICT_DOES_NOT_PAY;
    return SLP_OK;
}

/* Of rows that come as a dictionary: one for the chunk, from their indices, if it is to be had. */
static slp_rc number_rows(struct chunk *c, const struct pq_leaf *leaf, bool *is_numbered,
                          struct slp_err *err)
{
    struct pq_group *g = c->g;
    const struct arr_col *col = c->col;
    struct pq_values entries;
    *is_numbered = false;
    if (!may_have_dictionary(c) || col->rows == col->null_count)
        return SLP_OK;
    TRY(pq_values_of(&col->dictionary->values, leaf, &g->values, &entries, err));
    if (!pq_dict_is_possible(&entries))
        return SLP_OK;
    TRY(pq_dict_number(&g->dict, col, &entries, is_numbered, err));
    c->dict_answer = *is_numbered ? DICT_NOT_ASKED : DICT_DOES_NOT_PAY;
    if (!*is_numbered)
        return SLP_OK;
    c->value_count = (size_t)(col->rows - col->null_count);
    TRY(pq_dict_values(&g->dict, &entries, c->value_count, &c->values, err));
    return judge_dictionary(c, err);
}

/* The values of rows that come as a dictionary; of strings that stay one, its entries. */
static slp_rc take_dictionary(struct chunk *c, const struct pq_leaf *leaf, struct slp_err *err)
{
    bool is_numbered = false;
    TRY(number_rows(c, leaf, &is_numbered, err));
    c->has_entries = c->dict_answer == DICT_PAYS && leaf->physical == PQ_BYTE_ARRAY;
    if (c->has_entries || (is_numbered && leaf->physical != PQ_BYTE_ARRAY))
        return SLP_OK;
    TRY(decode_column(c, err));
    return take_values(c, leaf, err);
}

/* Hand what is finished to the sink. */
static slp_rc write_chunk(struct pq_group *g, struct slp_err *err)
{
    TRY(sink_write(g->to, g->bytes.ptr, g->bytes.len, err));
    g->written += g->bytes.len;
    buf_clear(&g->bytes);
    return SLP_OK;
}

static slp_rc encode_chunk(struct chunk *c, const struct pq_leaf *leaf, struct slp_err *err)
{
    struct pq_group *g = c->g;
    TRY(c->col->dictionary ? take_dictionary(c, leaf, err) : take_values(c, leaf, err));
    TRY(choose_encoding(c, err));
    const struct pq_chunk_facts start = {.offset = pq_group_bytes(g),
                                         .first_page = g->pages.len / sizeof(struct pq_page_place),
                                         .first_count = g->histograms.len / sizeof(int64_t)};
    size_t bounds_start = g->bounds.len;
    bool gave_up = false;
    begin_chunk(c, codec_of(c), &start, bounds_start);
    TRY(encode_pages(c, &gave_up, err));
    if (gave_up) {
        begin_chunk(c, CX_NONE, &start, bounds_start);
        TRY(encode_pages(c, &gave_up, err));
    }
    c->facts->boundary_order = c->is_ascending    ? PQ_BOUNDARY_ASCENDING
                               : c->is_descending ? PQ_BOUNDARY_DESCENDING
                                                  : PQ_BOUNDARY_UNORDERED;
    TRY(make_bloom(c, err));
    TRY(pq_keep_bounds(&g->bounds, &c->bounds, &c->facts->bounds, err));
    return g->to ? write_chunk(g, err) : SLP_OK;
}

/* What takes one leaf after the other. */
struct leaf_job {
    struct pq_group *g;
    size_t leaf; /* the next one */
    int64_t rows;
    int64_t block_rows;
};

/* The entries at which rows of a nested chunk begin, and the end of the last. */
static slp_rc find_rows(struct chunk *c, struct slp_err *err)
{
    struct buf *b = &c->g->row_entries;
    const struct buf *repetitions = &c->levels->repetitions;
    buf_clear(b);
    TRY(buf_resize(b, ((size_t)c->rows + 1) * sizeof(size_t), err));
    size_t *entries = (size_t *)(void *)b->ptr;
    /* Where a row begins is not to be foreseen, so each entry is noted and most are overwritten. */
    for (size_t i = 0; i < repetitions->len; i++) {
        *entries = i;
        entries += repetitions->ptr[i] == 0;
    }
    *entries = repetitions->len;
    return SLP_OK;
}

static slp_rc encode_leaf(void *arg, const struct arr_col *col, const struct pq_levels *levels,
                          struct slp_err *err)
{
    struct leaf_job *job = (struct leaf_job *)arg;
    const struct pq_leaf_field *leaf = &job->g->leaves.items[job->leaf];
    struct chunk c = {.g = job->g,
                      .facts = &job->g->chunks[job->leaf],
                      .options = options_of(job->g, leaf->column),
                      .leaf = leaf,
                      .col = col,
                      .levels = levels,
                      .rows = job->rows,
                      .is_optional = leaf->definition_max > 0,
                      .has_nulls = col->null_count > 0,
                      .block_rows = job->block_rows};
    job->leaf++;
    if (levels)
        TRY(find_rows(&c, err));
    return encode_chunk(&c, &leaf->leaf, err);
}

static slp_rc encode_nested(struct leaf_job *job, const struct arr_field *field,
                            const struct arr_col *col, struct slp_err *err)
{
    if (!job->g->shred)
        TRY(pq_shred_new(job->g->mem, &job->g->shred, err));
    return pq_shred_column(job->g->shred, field, col, encode_leaf, job, err);
}

slp_rc pq_group_encode(struct pq_group *g, const struct arr_batch *batch, int64_t block_rows,
                       struct slp_err *err)
{
    return pq_group_encode_to(g, batch, block_rows, NULL, err);
}

slp_rc pq_group_encode_to(struct pq_group *g, const struct arr_batch *batch, int64_t block_rows,
                          struct sink *to, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct arr_field *field = NULL;
    struct leaf_job job = {.g = g, .rows = batch->rows, .block_rows = block_rows};
    assert(batch->schema->count == g->schema->count && block_rows > 0);
    forget_rows(g);
    g->to = to;
    for (size_t i = 0; i < g->schema->count; i++) {
        const struct arr_col *col = &batch->cols[i];
        field = &g->schema->fields[i];
        assert(col->rows == batch->rows && arr_type_equal(col->type, field->type));
        if (arr_type_is_nested(field->type)) {
            TRY_OUT(encode_nested(&job, field, col, err));
        } else {
            TRY_OUT(check_nulls(field, col, err));
            TRY_OUT(encode_leaf(&job, col, NULL, err));
        }
    }
    g->rows = batch->rows;
out:
    if (rc != SLP_OK)
        forget_rows(g);
    return err_wrap(err, rc, "column \"%s\"", field ? field->name : "");
}

int64_t pq_group_rows(const struct pq_group *g)
{
    return g->rows;
}

uint64_t pq_group_bytes(const struct pq_group *g)
{
    return g->written + g->bytes.len;
}

struct slice pq_group_all_bytes(const struct pq_group *g)
{
    return buf_slice(&g->bytes);
}

struct slice pq_group_bloom(const struct pq_group *g, const struct pq_chunk_facts *c)
{
    return slice_sub(buf_slice(&g->blooms), c->bloom_at, c->bloom_bytes);
}

const struct pq_chunk_facts *pq_group_chunk(const struct pq_group *g, size_t column)
{
    assert(column < g->leaves.count);
    return &g->chunks[column];
}

const struct pq_leaf *pq_group_leaf(const struct pq_group *g, size_t column)
{
    assert(column < g->leaves.count);
    return &g->leaves.items[column].leaf;
}

const struct pq_leaf_field *pq_group_leaf_field(const struct pq_group *g, size_t column)
{
    assert(column < g->leaves.count);
    return &g->leaves.items[column];
}

const struct pq_page_place *pq_group_page(const struct pq_group *g, const struct pq_chunk_facts *c,
                                          size_t i)
{
    assert(i < c->page_count);
    return (const struct pq_page_place *)(const void *)g->pages.ptr + c->first_page + i;
}

const struct pq_page_facts *pq_group_page_facts(const struct pq_group *g,
                                                const struct pq_chunk_facts *c, size_t i)
{
    assert(i < c->page_count);
    return (const struct pq_page_facts *)(const void *)g->page_facts.ptr + c->first_page + i;
}

const int64_t *pq_group_histograms(const struct pq_group *g, const struct pq_chunk_facts *c)
{
    /* None at all where no leaf has levels. */
    if (g->histograms.len == 0)
        return NULL;
    return (const int64_t *)(const void *)g->histograms.ptr + c->first_count;
}

struct slice pq_group_min(const struct pq_group *g, const struct pq_bounds_ref *b)
{
    assert(b->state == PQ_BOUNDS_KNOWN);
    return slice_sub(buf_slice(&g->bounds), b->at, b->min_len);
}

struct slice pq_group_max(const struct pq_group *g, const struct pq_bounds_ref *b)
{
    assert(b->state == PQ_BOUNDS_KNOWN);
    return slice_sub(buf_slice(&g->bounds), b->at + b->min_len, b->max_len);
}

void pq_group_place(const struct pq_group *g, size_t column, struct pq_chunk_place *out)
{
    const struct pq_chunk_facts *c = pq_group_chunk(g, column);
    *out = (struct pq_chunk_place){.dictionary_offset = c->offset,
                                   .dictionary_bytes = c->dictionary_bytes,
                                   .codec = c->codec,
                                   .pages = c->page_count ? pq_group_page(g, c, 0) : NULL,
                                   .page_count = c->page_count};
}
