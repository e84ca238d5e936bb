#include "parquet/carry.h"

#include <inttypes.h>

#include "base/hash.h"
#include "base/num.h"
#include "parquet/group_priv.h"
#include "parquet/histogram.h"
#include "parquet/index_read.h"
#include "parquet/page.h"

/* A dictionary up to this size comes along with however few pages. */
#define SMALL_DICTIONARY_BYTES ((uint64_t)16 << 10)

#define ARENA_MAX_BYTES ((size_t)1 << 30)

/* What is carried of one column, planned before pages are read. */
struct column {
    const struct pq_chunk *chunk;
    struct pq_page_index index;
    size_t first_page;
    size_t end_page;
    uint64_t offset; /* of the first page in the file */
    uint64_t bytes;  /* of all pages */
    uint64_t dictionary_bytes;
    size_t at; /* of the chunk in the group's bytes */
};

struct carry {
    const struct pq_carry *what;
    struct pq_group_inside in;
    struct arena arena;
    struct column *columns;
};

static const struct pq_column_options *options_of(const struct carry *c, size_t leaf)
{
    static const struct pq_column_options nothing_said;
    const struct pq_column_options *all = c->in.options->columns;
    return all ? &all[c->in.leaves->items[leaf].column] : &nothing_said;
}

/* Might the group have encoded a chunk like this, as far as the footer tells? */
static bool fits(const struct carry *c, size_t leaf)
{
    const struct pq_leaf_field *to = &c->in.leaves->items[leaf];
    const struct pq_column *from = &c->what->meta->columns[leaf];
    const struct pq_chunk *chunk = &c->what->meta->groups[c->what->group].chunks[leaf];
    const struct pq_column_options *o = options_of(c, leaf);
    enum cx_kind wanted = o->has_codec ? o->codec : c->in.options->codec;
    if (to->is_nested || from->is_nested || o->bloom || chunk->bloom_offset || o->no_statistics ||
        o->encoding != PQ_WRITE_BEST)
        return false;
    if (from->physical != to->leaf.physical || from->optional != (to->definition_max > 0) ||
        (from->physical == PQ_FIXED_LEN_BYTE_ARRAY &&
         (size_t)from->type_length != to->leaf.width) ||
        pq_order_of(from) != to->leaf.order)
        return false;
    return (chunk->codec == (int)wanted || chunk->codec == CX_NONE) &&
           chunk->offset_index_offset != 0 && chunk->offset_index_bytes != 0;
}

/* Do pages begin at the first row and behind the last, one behind the other? */
static bool find_pages(const struct carry *c, struct column *column)
{
    const struct pq_offset_index *x = &column->index.offsets;
    int64_t end = c->what->first + c->what->count;
    size_t p = 0;
    while (p < x->count && x->pages[p].first_row < c->what->first)
        p++;
    column->first_page = p;
    if (p == x->count || x->pages[p].first_row != c->what->first)
        return false;
    column->offset = x->pages[p].offset;
    for (; p < x->count && x->pages[p].first_row < end; p++) {
        if (x->pages[p].offset != column->offset + column->bytes)
            return false;
        column->bytes += x->pages[p].bytes;
    }
    column->end_page = p;
    return x->pages[p - 1].first_row + x->pages[p - 1].rows == end;
}

/* Are the facts there that the group would have gathered? */
static bool has_facts(const struct carry *c, size_t leaf, const struct column *column)
{
    const struct pq_leaf_field *to = &c->in.leaves->items[leaf];
    bool is_string = to->leaf.physical == PQ_BYTE_ARRAY;
    if (is_string && !column->index.offsets.unencoded_bytes)
        return false;
    if (column->index.bounds.count == 0)
        return to->definition_max == 0 && !pq_order_is_float(to->leaf.order);
    for (size_t p = column->first_page; p < column->end_page; p++) {
        const struct pq_page_bounds *b = &column->index.bounds.pages[p];
        size_t width = to->leaf.physical == PQ_BOOLEAN ? 1 : to->leaf.width;
        if (b->null_count < 0 || b->null_count > column->index.offsets.pages[p].rows ||
            (pq_order_is_float(to->leaf.order) && b->nan_count < 0))
            return false;
        if (b->is_null_page)
            continue;
        if (b->min.len > PQ_BOUND_MAX_BYTES || b->max.len > PQ_BOUND_MAX_BYTES ||
            (!is_string && (b->min.len != width || b->max.len != width)))
            return false;
    }
    return true;
}

static slp_rc plan_column(struct carry *c, size_t leaf, bool *can, struct slp_err *err)
{
    struct column *column = &c->columns[leaf];
    const struct pq_group_meta *group = &c->what->meta->groups[c->what->group];
    *can = false;
    if (!fits(c, leaf))
        return SLP_OK;
    column->chunk = &group->chunks[leaf];
    TRY(pq_page_index_read(c->what->src, column->chunk, group->rows, &c->arena, &column->index,
                           err));
    if (!find_pages(c, column) || !has_facts(c, leaf, column))
        return SLP_OK;
    if (column->chunk->dictionary_page_offset) {
        uint64_t end = column->index.offsets.pages[0].offset;
        if (column->chunk->dictionary_page_offset >= end)
            return SLP_OK;
        column->dictionary_bytes = end - column->chunk->dictionary_page_offset;
        if (column->dictionary_bytes > SMALL_DICTIONARY_BYTES &&
            column->dictionary_bytes > column->bytes)
            return SLP_OK;
    }
    *can = true;
    return SLP_OK;
}

/* Bring all pages to their places in the group, in one round. */
static slp_rc read_pages(struct carry *c, struct slp_err *err)
{
    void *p = NULL;
    uint64_t bytes = 0;
    size_t count = 0;
    size_t leaves = c->in.leaves->count;
    TRY(arena_array(&c->arena, 2 * leaves, sizeof(struct io_range), &p, err));
    struct io_range *ranges = p;
    for (size_t i = 0; i < leaves; i++) {
        c->columns[i].at = (size_t)bytes;
        bytes += c->columns[i].dictionary_bytes + c->columns[i].bytes;
    }
    if (bytes > c->what->src->size)
        FAIL(err, CORRUPT, "%" PRIu64 " bytes of pages in a file of %" PRIu64, bytes,
             c->what->src->size);
    TRY(buf_reserve(c->in.bytes, (size_t)bytes, err));
    c->in.bytes->len = (size_t)bytes;
    for (size_t i = 0; i < leaves; i++) {
        const struct column *column = &c->columns[i];
        uint8_t *dst = c->in.bytes->ptr + column->at;
        if (column->dictionary_bytes)
            ranges[count++] = (struct io_range){column->chunk->dictionary_page_offset,
                                                (size_t)column->dictionary_bytes, dst};
        ranges[count++] = (struct io_range){column->offset, (size_t)column->bytes,
                                            dst + column->dictionary_bytes};
    }
    return source_read(c->what->src, ranges, count, err);
}

/* Parse the header of a page that fills `page` and hold its body against its CRC. `*can` is false
 * where there is none. */
static slp_rc check_page(struct slice page, uint64_t offset, struct pq_page_header *header,
                         bool *can, struct slp_err *err)
{
    size_t header_bytes = 0;
    slp_rc rc = pq_page_header_parse(page, header, &header_bytes, err);
    if (rc == SLP_LIMIT)
        FAIL(err, CORRUPT, "the page header at offset %" PRIu64 " is cut off", offset);
    TRY(rc);
    struct slice body = slice_after(page, header_bytes);
    if (body.len != header->compressed_bytes)
        FAIL(err, CORRUPT, "the page at offset %" PRIu64 " has %zu bytes, its header says %" PRIu32,
             offset, body.len, header->compressed_bytes);
    *can = header->has_crc;
    if (header->has_crc && hash_crc32(0, body) != header->crc)
        FAIL(err, CORRUPT, "the page's checksum at offset %" PRIu64 " is %08x, expected %08x",
             offset, hash_crc32(0, body), header->crc);
    header->uncompressed_bytes += (uint32_t)header_bytes;
    return SLP_OK;
}

/* Is this an encoding that the profile of the group has? */
static bool may_encode(const struct carry *c, const struct column *column,
                       const struct pq_page_header *header)
{
    bool is_indices =
        header->encoding == PQ_RLE_DICTIONARY || header->encoding == PQ_PLAIN_DICTIONARY;
    if (is_indices)
        return header->encoding == PQ_RLE_DICTIONARY && column->dictionary_bytes > 0;
    return header->encoding == PQ_PLAIN || c->in.options->profile == PQ_PROFILE_DEFAULT;
}

/* The bounds of a page as its index has them. */
static void take_bounds(const struct pq_page_bounds *from, bool is_string, struct pq_bounds *out)
{
    out->nan_count = num_max_i64(from->nan_count, 0);
    out->state = from->is_null_page ? PQ_BOUNDS_EMPTY : PQ_BOUNDS_KNOWN;
    out->min_exact = !is_string;
    out->max_exact = !is_string;
    out->min_len = 0;
    out->max_len = 0;
    if (from->is_null_page)
        return;
    out->min_len = (uint32_t)from->min.len;
    out->max_len = (uint32_t)from->max.len;
    memcpy(out->min, from->min.ptr, from->min.len);
    memcpy(out->max, from->max.ptr, from->max.len);
}

/* A chunk while its pages are noted. */
struct noting {
    struct carry *c;
    struct column *column;
    const struct pq_leaf_field *field;
    const struct pq_leaf *leaf;
    struct pq_chunk_facts *facts;
    struct pq_bounds bounds;
    struct pq_bounds last;
    bool has_last;
    bool is_ascending;
    bool is_descending;
};

static void add_bounds(struct noting *n, const struct pq_bounds *b)
{
    pq_bounds_add(n->leaf->order, &n->bounds, b);
    if (b->state != PQ_BOUNDS_KNOWN)
        return;
    if (n->has_last) {
        int min = pq_bound_compare(n->leaf->order, pq_bounds_min(&n->last), pq_bounds_min(b));
        int max = pq_bound_compare(n->leaf->order, pq_bounds_max(&n->last), pq_bounds_max(b));
        n->is_ascending = n->is_ascending && min <= 0 && max <= 0;
        n->is_descending = n->is_descending && min >= 0 && max >= 0;
    }
    n->last = *b;
    n->has_last = true;
}

static slp_rc note_facts(struct noting *n, size_t page, struct slp_err *err)
{
    const struct pq_page_index *x = &n->column->index;
    struct pq_page_facts facts = {0};
    struct pq_bounds bounds = {.state = PQ_BOUNDS_UNKNOWN};
    if (x->bounds.count) {
        const struct pq_page_bounds *b = &x->bounds.pages[page];
        take_bounds(b, n->leaf->physical == PQ_BYTE_ARRAY, &bounds);
        facts.null_count = b->null_count;
        facts.is_null_page = b->is_null_page;
    }
    if (n->leaf->physical == PQ_BYTE_ARRAY)
        facts.unencoded_bytes = (uint64_t)x->offsets.unencoded_bytes[page];
    TRY(pq_keep_bounds(n->c->in.bounds, &bounds, &facts.bounds, err));
    add_bounds(n, &bounds);
    TRY(pq_histogram_of_rows(n->field, facts.null_count,
                             x->offsets.pages[page].rows - facts.null_count, n->c->in.histograms,
                             err));
    n->facts->page_count++;
    n->facts->null_count += facts.null_count;
    n->facts->unencoded_bytes += facts.unencoded_bytes;
    return buf_append(n->c->in.page_facts, &facts, sizeof facts, err);
}

static slp_rc note_page(struct noting *n, size_t page, size_t at, bool *can, struct slp_err *err)
{
    struct carry *c = n->c;
    const struct pq_page_location *from = &n->column->index.offsets.pages[page];
    struct pq_page_header header = {0};
    TRY(check_page(slice_of(c->in.bytes->ptr + at, from->bytes), from->offset, &header, can, err));
    bool is_v2 = header.kind == PQ_PAGE_DATA_V2;
    bool is_first = n->facts->page_count == 0;
    if (!is_v2 && header.kind != PQ_PAGE_DATA)
        FAIL(err, CORRUPT, "the page at offset %" PRIu64 " is not one of data", from->offset);
    if (header.value_count != from->rows)
        FAIL(err, CORRUPT,
             "the page at offset %" PRIu64 " has %" PRId32 " rows, its index says %" PRId64,
             from->offset, header.value_count, from->rows);
    if (!*can || is_v2 != c->in.options->page_v2 || !may_encode(c, n->column, &header) ||
        (!is_first && header.encoding != (int)n->facts->encoding)) {
        *can = false;
        return SLP_OK;
    }
    struct pq_page_place place = {.offset = at,
                                  .bytes = from->bytes,
                                  .first_row = from->first_row - c->what->first,
                                  .rows = from->rows};
    TRY(buf_append(c->in.pages, &place, sizeof place, err));
    n->facts->encoding = (enum pq_encoding)header.encoding;
    n->facts->value_count += header.value_count;
    n->facts->uncompressed_bytes += header.uncompressed_bytes;
    return note_facts(n, page, err);
}

static slp_rc note_dictionary(struct noting *n, bool *can, struct slp_err *err)
{
    struct pq_page_header header = {0};
    const struct column *column = n->column;
    if (column->dictionary_bytes == 0)
        return SLP_OK;
    TRY(check_page(slice_of(n->c->in.bytes->ptr + column->at, (size_t)column->dictionary_bytes),
                   column->chunk->dictionary_page_offset, &header, can, err));
    if (header.kind != PQ_PAGE_DICTIONARY)
        FAIL(err, CORRUPT, "the page at offset %" PRIu64 " is not a dictionary",
             column->chunk->dictionary_page_offset);
    n->facts->has_dictionary = true;
    n->facts->dictionary_bytes = (uint32_t)column->dictionary_bytes;
    n->facts->uncompressed_bytes = header.uncompressed_bytes;
    return SLP_OK;
}

static slp_rc note_chunk(struct carry *c, size_t leaf, bool *can, struct slp_err *err)
{
    struct column *column = &c->columns[leaf];
    struct noting n = {.c = c,
                       .column = column,
                       .field = &c->in.leaves->items[leaf],
                       .leaf = &c->in.leaves->items[leaf].leaf,
                       .facts = &c->in.chunks[leaf],
                       .is_ascending = true,
                       .is_descending = true};
    *n.facts = (struct pq_chunk_facts){
        .codec = column->chunk->codec,
        .offset = column->at,
        .bytes = column->dictionary_bytes + column->bytes,
        .first_page = c->in.pages->len / sizeof(struct pq_page_place),
        .first_count = c->in.histograms->len / sizeof(int64_t),
        .has_nan_count = true,
        .has_column_index = column->index.bounds.count > 0 && n.leaf->order != PQ_ORDER_NONE};
    TRY(note_dictionary(&n, can, err));
    size_t at = column->at + (size_t)column->dictionary_bytes;
    for (size_t p = column->first_page; p < column->end_page && *can; p++) {
        TRY(note_page(&n, p, at, can, err));
        at += column->index.offsets.pages[p].bytes;
    }
    n.facts->boundary_order = n.is_ascending    ? PQ_BOUNDARY_ASCENDING
                              : n.is_descending ? PQ_BOUNDARY_DESCENDING
                                                : PQ_BOUNDARY_UNORDERED;
    return pq_keep_bounds(c->in.bounds, &n.bounds, &n.facts->bounds, err);
}

static slp_rc carry_all(struct carry *c, bool *can, size_t *leaf, struct slp_err *err)
{
    const struct pq_meta *meta = c->what->meta;
    void *columns = NULL;
    *can = meta->column_count == c->in.leaves->count;
    if (!*can)
        return SLP_OK;
    TRY(arena_array(&c->arena, c->in.leaves->count, sizeof *c->columns, &columns, err));
    c->columns = columns;
    for (*leaf = 0; *leaf < c->in.leaves->count && *can; ++*leaf)
        TRY(plan_column(c, *leaf, can, err));
    *leaf = 0;
    if (!*can)
        return SLP_OK;
    TRY(read_pages(c, err));
    for (; *leaf < c->in.leaves->count && *can; ++*leaf)
        TRY(note_chunk(c, *leaf, can, err));
    return SLP_OK;
}

slp_rc pq_group_carry(struct pq_group *g, const struct pq_carry *what, bool *done,
                      struct slp_err *err)
{
    struct carry c = {.what = what};
    bool can = false;
    size_t leaf = 0;
    assert(what->group < what->meta->group_count && what->first >= 0 && what->count > 0);
    pq_group_open(g, &c.in);
    arena_init(&c.arena, c.in.mem, ARENA_MAX_BYTES);
    slp_rc rc = carry_all(&c, &can, &leaf, err);
    if (rc == SLP_OK && can)
        *c.in.rows = what->count;
    else
        pq_group_open(g, &c.in);
    arena_fini(&c.arena);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "column \"%s\", row group %zu",
                        c.in.leaves->items[leaf].field->name, what->group);
    *done = can;
    return SLP_OK;
}
