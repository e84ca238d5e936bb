#include <inttypes.h>

#include "arrow/dictionary.h"
#include "base/num.h"
#include "datafile/file_priv.h"
#include "key/order.h"

/*
 * Reading a range of a file, window by window:
 *
 *   window   blocks of one part (slice and row group), up to prefetch_bytes, at least one block;
 *            one round reads a range of pages a column, and dictionaries that are not there yet
 *   block    key columns are decoded first; a block that may lie across an end of the range is
 *            halved until its rows inside are known, a key encoded at each step, so that a lookup
 *            does not encode a whole block's keys. A block with no row inside ends here, else the
 *            other columns follow and the keys of the rows inside
 *            Of a block that is one large row the others may wait until somebody wants them; then
 *            the window is this one block, of its key columns only
 *   batch    blocks joined up to batch_rows; rows before the range are skipped when it is handed out
 *
 * `wide` has a place for every column of the table, of which only those that are needed are filled:
 * the encoder of keys wants that shape. What is handed out borrows its columns.
 */

/* Blocks are no longer joined once a batch has this much. */
#define JOIN_MAX_BYTES (64u * 1024 * 1024)

/* How much of the key index scans read ahead. */
#define AHEAD_BYTES (1024u * 1024)

/* A leaf of the file: a flat column has one, a nested one several, one the file lacks none. */
struct leaf_read {
    size_t at; /* of the file */
    struct pq_dictionary dict;
    bool keeps_dictionary;         /* rows stay indices where pages have them so */
    struct arr_dictionary *shared; /* where they do: holds the values of `dict` */
    int64_t dict_group;            /* the row group it is of */
    struct slice dict_bytes;       /* of the window, while not decoded */
    const uint8_t *pages;          /* of the window, from its first block on */
};

struct column_read {
    size_t column; /* of the table */
    size_t first_leaf;
    size_t leaf_count;
};

struct reader {
    struct run base;
    struct datafile *f;
    struct datafile_space *s;
    struct arena arena; /* the range, the schema handed out */
    struct key_range range;
    size_t prefetch_bytes;
    bool keeps_space;
    int64_t batch_rows;
    bool may_leave_keys;
    bool keeps_dictionaries;
    bool may_be_partial;
    bool is_partial;  /* the window has only the key columns of its one block */
    bool has_columns; /* in place of the keys of the rows in hand */
    int64_t rows;     /* in hand, of those in the range */
    int64_t block;    /* the next one */
    int64_t end_block;
    struct column_read *columns; /* key columns first */
    size_t column_count;
    struct leaf_read *leaves;
    size_t leaf_count;
    size_t key_count;
    size_t key_leaf_count;
    const size_t *chosen;
    size_t chosen_count;
    struct arr_schema schema; /* of what is handed out */
    struct arr_batch out;
    bool has_last; /* s->last_key is set */
    bool is_done;
    struct io_range *ranges; /* two a leaf */
    const struct index_slice *slice;
    const struct index_part *part;
    int64_t window_first; /* block */
    int64_t window_end;
};

static void forget_dictionary(struct leaf_read *c)
{
    if (c->shared)
        arr_dictionary_unref(c->shared);
    else if (c->dict.loaded)
        arr_col_fini(&c->dict.values);
    c->shared = NULL;
    c->dict = (struct pq_dictionary){0};
    c->dict_bytes = slice_of(NULL, 0);
}

static const struct index_chunk *chunk_of(const struct reader *r, const struct leaf_read *c)
{
    size_t part = (size_t)(r->part - r->slice->parts);
    return &r->slice->chunks[part * r->f->top.column_count + c->at];
}

static int64_t group_of(const struct reader *r)
{
    return r->slice->first_group + (r->part - r->slice->parts);
}

static size_t cell_of(const struct reader *r, const struct leaf_read *c, int64_t block)
{
    return (size_t)(block - r->slice->first_block) * r->f->top.column_count + c->at;
}

/* Bytes of a block's pages in all columns that are read. */
static uint64_t block_bytes(const struct reader *r, int64_t block)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < r->leaf_count; i++)
        bytes += r->slice->bytes[cell_of(r, &r->leaves[i], block)];
    return bytes;
}

static slp_rc find_part(struct reader *r, int64_t block, struct slp_err *err)
{
    size_t ahead = r->prefetch_bytes ? AHEAD_BYTES : 0;
    TRY(datafile_load_slice(r->f, block, ahead, &r->slice, err));
    r->part = r->slice->parts;
    size_t inside = (size_t)(block - r->slice->first_block);
    while (inside >= r->part->first_block + r->part->block_count)
        r->part++;
    return SLP_OK;
}

/* The blocks of one window: of one part, so that each column's pages are one range. */
static slp_rc size_window(struct reader *r, struct slp_err *err)
{
    TRY(find_part(r, r->block, err));
    int64_t part_end =
        r->slice->first_block + (int64_t)(r->part->first_block + r->part->block_count);
    int64_t most = num_min_i64(part_end, r->end_block);
    uint64_t bytes = block_bytes(r, r->block);
    r->window_first = r->block;
    r->window_end = r->block + 1;
    while (r->window_end < most) {
        uint64_t more = block_bytes(r, r->window_end);
        if (bytes + more > r->prefetch_bytes)
            break;
        bytes += more;
        r->window_end++;
    }
    return SLP_OK;
}

static bool wants_dictionary(const struct reader *r, const struct leaf_read *c)
{
    return chunk_of(r, c)->dictionary_bytes && !(c->dict.loaded && c->dict_group == group_of(r));
}

/* List what the window reads of leaves [first_leaf, end_leaf), into room that was made for it;
 * pointers into it are kept. */
static size_t list_ranges(struct reader *r, size_t first_leaf, size_t end_leaf)
{
    size_t count = 0;
    uint8_t *dst = r->s->window.ptr;
    for (size_t i = first_leaf; i < end_leaf; i++) {
        struct leaf_read *c = &r->leaves[i];
        if (c->dict_group != group_of(r))
            forget_dictionary(c);
        if (wants_dictionary(r, c)) {
            const struct index_chunk *chunk = chunk_of(r, c);
            c->dict_bytes = slice_of(dst, chunk->dictionary_bytes);
            r->ranges[count++] = (struct io_range){
                .offset = chunk->dictionary_offset, .len = chunk->dictionary_bytes, .dst = dst};
            dst += chunk->dictionary_bytes;
        }
        c->dict_group = group_of(r);
        size_t first = cell_of(r, c, r->window_first);
        size_t last = cell_of(r, c, r->window_end - 1);
        uint64_t bytes = r->slice->offsets[last] + r->slice->bytes[last] - r->slice->offsets[first];
        c->pages = dst;
        r->ranges[count++] =
            (struct io_range){.offset = r->slice->offsets[first], .len = (size_t)bytes, .dst = dst};
        dst += bytes;
    }
    return count;
}

/* Read the window's pages of some leaves. */
static slp_rc fetch_leaves(struct reader *r, size_t first_leaf, size_t end_leaf,
                           struct slp_err *err)
{
    uint64_t bytes = 0;
    for (size_t i = first_leaf; i < end_leaf; i++) {
        const struct leaf_read *c = &r->leaves[i];
        size_t first = cell_of(r, c, r->window_first);
        size_t last = cell_of(r, c, r->window_end - 1);
        bytes += r->slice->offsets[last] + r->slice->bytes[last] - r->slice->offsets[first];
        if (wants_dictionary(r, c))
            bytes += chunk_of(r, c)->dictionary_bytes;
    }
    if (bytes > r->f->info.index_offset)
        FAIL(err, CORRUPT, "block %" PRId64 ": %" PRIu64 " bytes of pages in a file of %" PRIu64,
             r->block, bytes, r->f->info.file_bytes);
    r->s->window.len = 0;
    TRY(buf_reserve(&r->s->window, (size_t)bytes, err));
    r->s->window.len = (size_t)bytes;
    return source_read(r->f->src, r->ranges, list_ranges(r, first_leaf, end_leaf), err);
}

/* Of the next block. */
static int64_t rows_of(const struct reader *r)
{
    size_t inside = (size_t)(r->block - r->slice->first_block);
    return r->slice->first_rows[inside + 1] - r->slice->first_rows[inside];
}

static slp_rc fetch_window(struct reader *r, struct slp_err *err)
{
    TRY(size_window(r, err));
    r->is_partial = r->may_be_partial && rows_of(r) == 1 &&
                    block_bytes(r, r->block) > DATAFILE_PART_BYTES &&
                    r->key_leaf_count < r->leaf_count;
    if (r->is_partial)
        r->window_end = r->window_first + 1;
    return fetch_leaves(r, 0, r->is_partial ? r->key_leaf_count : r->leaf_count, err);
}

/* A page header and the body behind it, from the start of `in`. */
static slp_rc split_page(struct slice in, struct pq_page_header *header, struct slice *body,
                         struct slp_err *err)
{
    size_t header_bytes = 0;
    slp_rc rc = pq_page_header_parse(in, header, &header_bytes, err);
    if (rc == SLP_LIMIT)
        FAIL(err, CORRUPT, "a page header is cut off after %zu bytes", in.len);
    if (rc != SLP_OK)
        return rc;
    if (header->compressed_bytes > in.len - header_bytes)
        FAIL(err, CORRUPT, "a page of %" PRIu32 " bytes, the key index has room for %zu",
             header->compressed_bytes, in.len - header_bytes);
    *body = slice_sub(in, header_bytes, header->compressed_bytes);
    return SLP_OK;
}

static slp_rc load_dictionary(struct reader *r, struct leaf_read *c, struct slp_err *err)
{
    struct pq_page_header header = {0};
    struct slice body = {0};
    if (c->dict_bytes.len == 0 || c->dict.loaded)
        return SLP_OK;
    TRY(split_page(c->dict_bytes, &header, &body, err));
    enum cx_kind codec = (enum cx_kind)chunk_of(r, c)->codec;
    TRY(pq_dictionary_decode(&r->f->pages[c->at], codec, &header, body, &r->s->scratch, &c->dict,
                             err));
    c->dict_bytes = slice_of(NULL, 0);
    if (!c->keeps_dictionary)
        return SLP_OK;
    TRY(arr_dictionary_new(r->f->mem, c->dict.values.type, &c->shared, err));
    c->shared->values = c->dict.values;
    return SLP_OK;
}

/* Rows are indices as long as pages have them. */
static slp_rc choose_form(struct leaf_read *c, const struct pq_page_header *header,
                          struct arr_col *out, struct slp_err *err)
{
    bool is_kept = header->encoding == PQ_RLE_DICTIONARY || header->encoding == PQ_PLAIN_DICTIONARY;
    if (is_kept && out->rows == 0)
        arr_col_set_dictionary(out, c->shared);
    return is_kept ? SLP_OK : arr_col_decode_dictionary(out, err);
}

static slp_rc decode_pages(struct reader *r, struct leaf_read *c, struct slice in, int64_t rows,
                           struct arr_col *out, struct slp_err *err)
{
    enum cx_kind codec = (enum cx_kind)chunk_of(r, c)->codec;
    int64_t want = out->rows + rows;
    TRY(load_dictionary(r, c, err));
    while (in.len > 0) {
        struct pq_page_header header = {0};
        struct slice body = {0};
        TRY(split_page(in, &header, &body, err));
        if (header.value_count > want - out->rows)
            FAIL(err, CORRUPT, "a page of %" PRId32 " rows where %" PRId64 " are left",
                 header.value_count, want - out->rows);
        if (c->shared)
            TRY(choose_form(c, &header, out, err));
        TRY(pq_page_decode(&r->f->pages[c->at], codec, &header, body,
                           c->dict.loaded ? &c->dict : NULL, &r->s->scratch, out, err));
        in = slice_after(in, (size_t)(body.ptr + body.len - in.ptr));
    }
    if (out->rows != want)
        FAIL(err, CORRUPT, "its pages have %" PRId64 " rows, the key index says %" PRId64,
             rows - (want - out->rows), rows);
    return SLP_OK;
}

/* Milliseconds of the file to seconds of the table. */
static slp_rc append_seconds(const struct arr_col *millis, struct arr_col *out, struct slp_err *err)
{
    for (int64_t i = 0; i < millis->rows; i++) {
        if (arr_col_is_null(millis, i)) {
            TRY(arr_col_append_null(out, err));
            continue;
        }
        int64_t value = arr_col_i64(millis, i);
        if (value % 1000)
            FAIL(err, CORRUPT, "row %" PRId64 " holds %" PRId64 " ms, expected whole seconds", i,
                 value);
        TRY(arr_col_append_i64(out, value / 1000, err));
    }
    return SLP_OK;
}

/* The pages of a leaf in the block. */
static struct slice pages_of(const struct reader *r, const struct leaf_read *c)
{
    size_t cell = cell_of(r, c, r->block);
    uint64_t window_offset = r->slice->offsets[cell_of(r, c, r->window_first)];
    return slice_of(c->pages + (r->slice->offsets[cell] - window_offset), r->slice->bytes[cell]);
}

static slp_rc decode_seconds(struct reader *r, struct leaf_read *c, int64_t rows,
                             struct arr_col *out, struct slp_err *err)
{
    struct arr_col *millis = &r->s->millis;
    arr_col_clear(millis);
    millis->type = r->f->pages[c->at].type;
    TRY(decode_pages(r, c, pages_of(r, c), rows, millis, err));
    return append_seconds(millis, out, err);
}

static slp_rc decode_flat(struct reader *r, struct leaf_read *c, int64_t rows, struct arr_col *out,
                          struct slp_err *err)
{
    if (out->type.kind == ARR_TIMESTAMP && out->type.unit == ARR_SECOND)
        return decode_seconds(r, c, rows, out, err);
    return decode_pages(r, c, pages_of(r, c), rows, out, err);
}

/* The pages of leaf `number` of a nested column. */
static slp_rc decode_leaf(struct reader *r, const struct column_read *c, size_t number,
                          struct arr_col *out, struct slp_err *err)
{
    struct leaf_read *leaf = &r->leaves[c->first_leaf + number];
    const struct pq_column *pages = &r->f->pages[leaf->at];
    enum cx_kind codec = (enum cx_kind)chunk_of(r, leaf)->codec;
    struct slice in = pages_of(r, leaf);
    TRY(load_dictionary(r, leaf, err));
    while (in.len > 0) {
        struct pq_page_header header = {0};
        struct slice body = {0};
        struct pq_cursor page = {0};
        TRY(split_page(in, &header, &body, err));
        if (header.kind != PQ_PAGE_DATA && header.kind != PQ_PAGE_DATA_V2)
            FAIL(err, CORRUPT, "a page of kind %d, expected data", (int)header.kind);
        TRY(pq_cursor_open(&page, pages, codec, &header, body,
                           leaf->dict.loaded ? &leaf->dict : NULL, &r->s->scratch, err));
        TRY(pq_nested_page(&r->s->nested[c->column], number, &page, out, err));
        in = slice_after(in, (size_t)(body.ptr + body.len - in.ptr));
    }
    return SLP_OK;
}

static slp_rc decode_nested(struct reader *r, const struct column_read *c, int64_t rows,
                            struct arr_col *out, struct slp_err *err)
{
    struct pq_nested *n = &r->s->nested[c->column];
    const struct pq_node *node = r->f->nodes[c->column];
    int64_t want = out->rows + rows;
    if (!n->node)
        TRY(pq_nested_init(n, r->f->mem, node, &r->f->pages[r->f->file_columns[c->column]], err));
    pq_nested_begin(n);
    for (size_t i = 0; i < c->leaf_count; i++)
        TRY(decode_leaf(r, c, i, out, err));
    TRY(pq_nested_end(n, out, err));
    if (out->rows != want)
        FAIL(err, CORRUPT, "its pages have %" PRId64 " rows, the key index says %" PRId64,
             out->rows - (want - rows), rows);
    return SLP_OK;
}

static slp_rc decode_column(struct reader *r, const struct column_read *c, struct slp_err *err)
{
    struct arr_col *out = &r->s->wide.cols[c->column];
    int64_t rows = rows_of(r);
    if (c->leaf_count == 0)
        return arr_col_append_nulls(out, rows, err);
    struct leaf_read *first = &r->leaves[c->first_leaf];
    slp_rc rc = r->f->nodes[c->column] ? decode_nested(r, c, rows, out, err)
                                       : decode_flat(r, first, rows, out, err);
    return err_wrap(err, rc, "column \"%s\", block %" PRId64 " at offset %" PRIu64,
                    r->f->schema->columns.fields[c->column].name, r->block,
                    r->slice->offsets[cell_of(r, first, r->block)]);
}

static slp_rc encode_keys(struct reader *r, int64_t first, int64_t rows, struct key_vec *out,
                          struct slp_err *err)
{
    slp_rc rc = key_encode_rows(r->f->spec, &r->s->wide, first, rows, out, err);
    if (rc == SLP_BAD_INPUT)
        FAIL(err, CORRUPT, "block %" PRId64 " has a null in a key field", r->block);
    return rc;
}

/* The key of one row of `wide`, until the next call. */
static slp_rc probe_key(struct reader *r, int64_t row, struct slice *key, struct slp_err *err)
{
    key_vec_clear(&r->s->probe);
    TRY(encode_keys(r, row, 1, &r->s->probe, err));
    *key = key_at(&r->s->probe, 0);
    return SLP_OK;
}

/* The first of rows [first, end) of `wide` whose key is not below `bound`; `end` if none. */
static slp_rc halve(struct reader *r, int64_t first, int64_t end, struct slice bound, int64_t *out,
                    struct slp_err *err)
{
    while (first < end) {
        struct slice key = {0};
        int64_t middle = first + (end - first) / 2;
        TRY(probe_key(r, middle, &key, err));
        if (slice_compare(key, bound) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    *out = first;
    return SLP_OK;
}

static struct slice indexed_key(const struct reader *r)
{
    return r->slice->keys[r->block - r->slice->first_block].bytes;
}

/* A key that none of the block's is above: the next block's first, or the file's last. */
static struct slice greatest_key(const struct reader *r)
{
    size_t inside = (size_t)(r->block - r->slice->first_block);
    const struct index_top *top = &r->f->top;
    if (inside + 1 < r->slice->block_count)
        return r->slice->keys[inside + 1].bytes;
    if (r->block + 1 < top->block_count)
        return top->slices[(r->block + 1) / DATAFILE_SLICE_BLOCKS].key.bytes;
    return top->last_key;
}

static slp_rc fail_first_key(const struct reader *r, struct slp_err *err)
{
    FAIL(err, CORRUPT, "block %" PRId64 " does not begin with the key of the key index", r->block);
}

/* Which rows of the block, of which `*from` is the first and `*to` behind the last, are in the
 * range. Only the first block of a batch may begin before it. */
static slp_rc clip_block(struct reader *r, int64_t *from, int64_t *to, struct slp_err *err)
{
    struct slice first_key = {0};
    bool cuts_lo = *from == 0 && slice_compare(indexed_key(r), r->range.lo) < 0;
    bool cuts_hi = r->range.has_hi && slice_compare(greatest_key(r), r->range.hi) >= 0;
    if (cuts_lo) {
        TRY(probe_key(r, *from, &first_key, err));
        if (!slice_equal(first_key, indexed_key(r)))
            return fail_first_key(r, err);
        TRY(halve(r, *from, *to, r->range.lo, from, err));
    }
    return cuts_hi ? halve(r, *from, *to, r->range.hi, to, err) : SLP_OK;
}

static slp_rc fail_fall(const struct reader *r, int64_t row, struct slp_err *err)
{
    FAIL(err, CORRUPT, "row %" PRId64 " of block %" PRId64 " has a key below the row before it",
         row, r->block);
}

static bool is_below_last(const struct reader *r, struct slice key)
{
    return r->has_last && slice_compare(key, buf_slice(&r->s->last_key)) < 0;
}

/* The keys of rows [from, to), the last ones that came: ascending, and beginning as indexed. */
static slp_rc take_keys(struct reader *r, bool is_whole, int64_t from, int64_t to,
                        struct slp_err *err)
{
    struct key_vec *keys = &r->s->keys;
    int64_t before = keys->count;
    TRY(encode_keys(r, from, to - from, keys, err));
    if (is_whole && !slice_equal(key_at(keys, before), indexed_key(r)))
        return fail_first_key(r, err);
    bool falls = before == 0 && is_below_last(r, key_at(keys, 0));
    int64_t fall = falls ? 0 : key_first_fall(keys, before ? before - 1 : 0);
    if (fall < keys->count)
        return fail_fall(r, fall - before, err);
    return buf_assign(&r->s->last_key, key_at(keys, keys->count - 1), err);
}

/* The same for keys that stay in their columns. */
static slp_rc look_at_keys(struct reader *r, bool is_whole, int64_t from, int64_t to,
                           struct slp_err *err)
{
    struct slice key = {0};
    TRY(probe_key(r, from, &key, err));
    if (is_whole && !slice_equal(key, indexed_key(r)))
        return fail_first_key(r, err);
    int64_t fall = is_below_last(r, key) ? 0 : key_columns_first_fall(&r->s->columns);
    if (fall < to - from)
        return fail_fall(r, fall, err);
    TRY(probe_key(r, to - 1, &key, err));
    return buf_assign(&r->s->last_key, key, err);
}

static slp_rc take_rows(struct reader *r, bool is_whole, int64_t from, int64_t to,
                        struct slp_err *err)
{
    r->has_columns = r->may_leave_keys &&
                     key_columns_init(r->f->spec, &r->s->wide, from, to - from, &r->s->columns);
    if (r->has_columns)
        TRY(look_at_keys(r, is_whole, from, to, err));
    else
        TRY(take_keys(r, is_whole, from, to, err));
    r->has_last = true;
    r->rows += to - from;
    return SLP_OK;
}

static slp_rc decode_columns(struct reader *r, size_t first, size_t end, struct slp_err *err)
{
    for (size_t i = first; i < end; i++)
        TRY(decode_column(r, &r->columns[i], err));
    return SLP_OK;
}

/* Decode the next block behind the rows that the batch has. `*skip` becomes the number of rows
 * before the range that are left in at the front. */
static slp_rc decode_block(struct reader *r, int64_t *skip, struct slp_err *err)
{
    struct arr_batch *wide = &r->s->wide;
    int64_t first = wide->rows;
    TRY(decode_columns(r, 0, r->key_count, err));
    wide->rows = wide->cols[r->columns[0].column].rows;
    int64_t from = first;
    int64_t to = wide->rows;
    TRY(clip_block(r, &from, &to, err));
    if (from < to) {
        if (!r->is_partial)
            TRY(decode_columns(r, r->key_count, r->column_count, err));
        TRY(take_rows(r, from == first, from, to, err));
        *skip = first == 0 ? from : *skip;
    }
    arr_batch_truncate(wide, from < to ? to : first);
    r->block++;
    return SLP_OK;
}

/* Rows of the next block; the most it may have if its slice is not there yet. */
static int64_t next_rows(const struct reader *r)
{
    const struct index_slice *s = r->f->slices[r->block / DATAFILE_SLICE_BLOCKS];
    if (!s)
        return DATAFILE_BLOCK_ROWS_MAX;
    int64_t inside = r->block - s->first_block;
    return s->first_rows[inside + 1] - s->first_rows[inside];
}

/* May the next block join the rows that the batch has? */
static bool may_join(const struct reader *r)
{
    if (r->block == r->end_block)
        return false;
    if (r->rows == 0)
        return true;
    return r->rows + next_rows(r) <= r->batch_rows &&
           arr_batch_memory(&r->s->wide) < JOIN_MAX_BYTES;
}

/* Take out the rows before the range: the rest is copied, once a run at most. */
static slp_rc clip(struct reader *r, int64_t skip, struct slp_err *err)
{
    for (size_t i = 0; i < r->column_count; i++) {
        size_t c = r->columns[i].column;
        struct arr_col *whole = &r->s->wide.cols[c];
        arr_col_clear(&r->s->clipped.cols[c]);
        arr_col_share_dictionary(&r->s->clipped.cols[c], whole);
        TRY(arr_col_append_run(&r->s->clipped.cols[c], whole, skip, r->rows, err));
    }
    return SLP_OK;
}

/* Hand out the chosen columns: their structs are copied, their bytes stay where they are. */
static void hand_out(struct reader *r, bool is_clipped, struct run_block *out)
{
    const struct arr_batch *from = is_clipped ? &r->s->clipped : &r->s->wide;
    for (size_t i = 0; i < r->chosen_count; i++)
        r->out.cols[i] = from->cols[r->chosen[i]];
    r->out.rows = r->rows;
    *out = (struct run_block){.batch = &r->out,
                              .keys = r->has_columns ? NULL : &r->s->keys,
                              .columns = r->has_columns ? &r->s->columns : NULL,
                              .is_ascending = true,
                              .is_partial = r->is_partial};
}

static void release_large(struct buf *b)
{
    struct buf blank = {.mem = b->mem, .max = b->max};
    if (b->cap <= DATAFILE_LARGE_BYTES)
        return;
    buf_fini(b);
    *b = blank;
}

/* Give back what pages took, once no page is left in the window. */
static void release_pages(struct reader *r)
{
    if (r->block < r->window_end)
        return;
    release_large(&r->s->window);
    release_large(&r->s->scratch.body);
}

/* And what the rows of the batch before did, where one of them took that much. */
static void release_rows(struct reader *r)
{
    for (size_t i = r->key_count; i < r->column_count; i++) {
        struct arr_col *c = &r->s->wide.cols[r->columns[i].column];
        if (c->rows > 0 && c->data.cap / (size_t)c->rows > DATAFILE_LARGE_BYTES)
            release_large(&c->data);
    }
}

/* Fill a batch with at least one row in the range, or none if there is none left. */
static slp_rc fill(struct reader *r, int64_t *skip, struct slp_err *err)
{
    release_rows(r);
    arr_batch_clear(&r->s->wide);
    key_vec_clear(&r->s->keys);
    r->rows = 0;
    *skip = 0;
    while (may_join(r)) {
        if (r->block < r->window_first || r->block >= r->window_end)
            TRY(fetch_window(r, err));
        TRY(decode_block(r, skip, err));
    }
    release_pages(r);
    return SLP_OK;
}

static slp_rc reader_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct reader *r = (struct reader *)(void *)run;
    if (r->is_done)
        return SLP_DONE;
    int64_t skip = 0;
    slp_rc rc = fill(r, &skip, err);
    if (rc == SLP_OK && r->rows == 0) {
        r->is_done = true;
        return SLP_DONE;
    }
    if (rc == SLP_OK && skip)
        rc = clip(r, skip, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "data file \"%s\"", r->f->src->name);
    hand_out(r, skip > 0, out);
    return SLP_OK;
}

/* The columns that the block in hand lacks. */
static slp_rc complete_block(struct reader *r, struct slp_err *err)
{
    r->block--;
    TRY(fetch_leaves(r, r->key_leaf_count, r->leaf_count, err));
    TRY(decode_columns(r, r->key_count, r->column_count, err));
    r->block++;
    r->is_partial = false;
    release_pages(r);
    return SLP_OK;
}

static slp_rc reader_complete(struct run *run, struct slp_err *err)
{
    struct reader *r = (struct reader *)(void *)run;
    struct run_block block;
    assert(r->is_partial && r->rows == 1);
    slp_rc rc = complete_block(r, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "data file \"%s\"", r->f->src->name);
    hand_out(r, false, &block);
    return SLP_OK;
}

static void reader_close(struct run *run)
{
    struct reader *r = (struct reader *)(void *)run;
    for (size_t i = 0; r->leaves && i < r->leaf_count; i++)
        forget_dictionary(&r->leaves[i]);
    datafile_space_give(r->f, r->s, r->prefetch_bytes == 0 || r->keeps_space);
    struct alloc *mem = r->f->mem;
    arena_fini(&r->arena);
    alloc_delete(mem, r);
}

static size_t count_leaves(const struct datafile *f, size_t column)
{
    if (f->file_columns[column] == DATAFILE_NO_COLUMN)
        return 0;
    return f->nodes[column] ? f->nodes[column]->leaf_count : 1;
}

/* Columns of keys are compared by their values, and what is converted is not what pages have. */
static bool may_keep_dictionary(const struct datafile *f, size_t column)
{
    struct arr_type type = f->schema->columns.fields[column].type;
    return !f->nodes[column] && !(type.kind == ARR_TIMESTAMP && type.unit == ARR_SECOND);
}

static void add_column(struct reader *r, size_t column, bool keeps)
{
    size_t count = count_leaves(r->f, column);
    r->columns[r->column_count++] =
        (struct column_read){.column = column, .first_leaf = r->leaf_count, .leaf_count = count};
    for (size_t i = 0; i < count; i++)
        r->leaves[r->leaf_count++] =
            (struct leaf_read){.at = r->f->file_columns[column] + i,
                               .dict_group = -1,
                               .keeps_dictionary = keeps && may_keep_dictionary(r->f, column)};
}

/* Room for the leaves of the columns that may be read, each once. */
static slp_rc make_leaves(struct reader *r, const struct datafile_read_options *o,
                          struct slp_err *err)
{
    size_t count = r->f->spec->field_count;
    size_t chosen = o->columns ? o->column_count : r->f->schema->columns.count;
    for (size_t i = 0; i < chosen; i++)
        count += count_leaves(r->f, o->columns ? o->columns[i] : i);
    TRY(arena_array(&r->arena, count, sizeof *r->leaves, (void **)&r->leaves, err));
    return arena_array(&r->arena, 2 * count, sizeof *r->ranges, (void **)&r->ranges, err);
}

/* Which columns are read: those of the key, then those that were chosen. */
static slp_rc choose(struct reader *r, const struct datafile_read_options *o, struct slp_err *err)
{
    const struct arr_schema *all = &r->f->schema->columns;
    size_t count = o->columns ? o->column_count : all->count;
    void *p = NULL;
    TRY(arena_array(&r->arena, count + r->f->spec->field_count, sizeof *r->columns, &p, err));
    r->columns = p;
    TRY(make_leaves(r, o, err));
    TRY(arena_array(&r->arena, count, sizeof(size_t), &p, err));
    size_t *chosen = p;
    TRY(arena_array(&r->arena, count, sizeof(struct arr_field), &p, err));
    r->schema = (struct arr_schema){.fields = p, .count = count};
    TRY(arena_array(&r->arena, all->count, sizeof(bool), &p, err));
    bool *is_read = p;
    for (size_t i = 0; i < r->f->spec->field_count; i++) {
        add_column(r, r->f->spec->columns[i], false);
        is_read[r->f->spec->columns[i]] = true;
    }
    r->key_count = r->column_count;
    r->key_leaf_count = r->leaf_count;
    for (size_t i = 0; i < count; i++) {
        chosen[i] = o->columns ? o->columns[i] : i;
        assert(chosen[i] < all->count);
        r->schema.fields[i] = all->fields[chosen[i]];
        if (!is_read[chosen[i]])
            add_column(r, chosen[i], r->keeps_dictionaries);
        is_read[chosen[i]] = true;
    }
    r->chosen = chosen;
    r->chosen_count = count;
    TRY(arena_array(&r->arena, count, sizeof(struct arr_col), &p, err));
    r->out = (struct arr_batch){.schema = &r->schema, .cols = p, .mem = r->f->mem};
    return SLP_OK;
}

static slp_rc prepare(struct reader *r, const struct datafile_read_options *o, struct slp_err *err)
{
    TRY(arena_copy(&r->arena, o->range.lo, &r->range.lo, err));
    TRY(arena_copy(&r->arena, o->range.hi, &r->range.hi, err));
    r->range.has_hi = o->range.has_hi;
    r->prefetch_bytes = o->prefetch_bytes;
    r->keeps_space = o->keeps_space;
    r->may_leave_keys = o->may_leave_keys && o->batch_rows == 0;
    r->keeps_dictionaries = o->keeps_dictionaries && o->batch_rows == 0;
    r->may_be_partial = o->may_be_partial && o->batch_rows == 0;
    r->batch_rows = o->batch_rows < INT64_MAX / 2 ? (int64_t)o->batch_rows : INT64_MAX / 2;
    TRY(choose(r, o, err));
    TRY(datafile_space_take(r->f, &r->s, err));
    return datafile_find(r->f, r->range, &r->block, &r->end_block, err);
}

slp_rc datafile_read(struct datafile *f, const struct datafile_read_options *options,
                     struct run **out, const struct arr_schema **out_schema, struct slp_err *err)
{
    static const struct run_ops ops = {
        .next = reader_next, .complete = reader_complete, .close = reader_close};
    struct reader *r = NULL;
    TRY(alloc_new(f->mem, &r, err));
    *r = (struct reader){.base = {.ops = &ops}, .f = f, .window_first = -1, .window_end = -1};
    arena_init(&r->arena, f->mem, SIZE_MAX / 2);
    slp_rc rc = prepare(r, options, err);
    if (rc != SLP_OK) {
        reader_close(&r->base);
        return rc;
    }
    *out = &r->base;
    if (out_schema)
        *out_schema = &r->schema;
    return SLP_OK;
}
