#include "parquet/chunk.h"

#include "base/num.h"

/* A header is looked for in this many bytes first; few are longer. */
#define HEADER_GUESS_BYTES 256u

/* Old writers left the header of the dictionary out of a chunk's size. A page may end this far
 * behind the chunk, inside the file. */
#define SLACK_BYTES 100u

/* Buffers larger than so many windows are given back as soon as nothing in them is needed. Some
 * writers make pages of a hundred megabytes, of which three copies would be held; of a file with
 * hundreds of columns each of them holds a page. */
#define LARGE_WINDOWS 8u

/* Windows are as small as this where there are so many columns that their least sizes add up: then
 * any is given back as soon as nothing in it is needed. */
#define SMALL_WINDOW_BYTES ((size_t)16 * 1024)

void pq_chunk_reader_init(struct pq_chunk_reader *r, struct alloc *mem,
                          const struct pq_column *column, struct source *src,
                          struct cx_codec *codec, bool verify_crc)
{
    *r = (struct pq_chunk_reader){.column = column, .src = src};
    r->scratch = (struct pq_scratch){.mem = mem, .codec = codec, .verify_crc = verify_crc};
    buf_init(&r->scratch.body, mem, PQ_PAGE_MAX_BYTES);
    buf_init(&r->scratch.levels, mem, PQ_PAGE_MAX_BYTES);
    buf_init(&r->scratch.indices, mem, PQ_PAGE_MAX_BYTES);
    buf_init(&r->window, mem, (size_t)PQ_PAGE_MAX_BYTES * 2);
    arr_col_init(&r->passed, mem, column->type);
    buf_init(&r->passed_levels.definitions, mem, PQ_LEVELS_MAX_BYTES);
    buf_init(&r->passed_levels.repetitions, mem, PQ_LEVELS_MAX_BYTES);
}

static void drop_dictionary(struct pq_chunk_reader *r)
{
    if (r->shared)
        arr_dictionary_unref(r->shared);
    else if (r->dict.loaded)
        arr_col_fini(&r->dict.values);
    r->shared = NULL;
    r->dict = (struct pq_dictionary){0};
}

void pq_chunk_reader_fini(struct pq_chunk_reader *r)
{
    drop_dictionary(r);
    r->scratch.codec = NULL;
    pq_scratch_fini(&r->scratch);
    buf_fini(&r->window);
    arr_col_fini(&r->passed);
    buf_fini(&r->passed_levels.definitions);
    buf_fini(&r->passed_levels.repetitions);
}

slp_rc pq_chunk_begin(struct pq_chunk_reader *r, const struct pq_chunk_start *from,
                      struct io_range *range, struct slp_err *err)
{
    const struct pq_chunk *chunk = from->chunk;
    drop_dictionary(r);
    uint64_t start =
        chunk->dictionary_page_offset ? chunk->dictionary_page_offset : chunk->data_page_offset;
    r->codec = (enum cx_kind)chunk->codec;
    r->window_bytes = from->window_bytes;
    r->window_at = start;
    r->used = 0;
    r->end = start + chunk->compressed_bytes;
    uint64_t slack = r->src->size - r->end;
    r->last_end = r->end + (slack < SLACK_BYTES ? slack : SLACK_BYTES);
    r->rows_left = chunk->value_count;
    r->row = 0;
    r->next_page = 0;
    r->has_jumped = false;
    r->has_forgotten = false;
    r->index = from->index && from->index->count ? from->index : NULL;
    /* Of a chunk that is read in parts only the dictionary is wanted for certain. */
    r->stop = r->index ? r->index->pages[0].offset : r->end;
    if (r->stop < start || r->stop > r->end)
        r->stop = start;
    r->page_offset = start;
    r->page = (struct pq_cursor){0};
    r->ahead.at = 0;
    r->ahead.end = 0;
    r->ahead.last_definition = 0;
    buf_clear(&r->scratch.indices);
    buf_clear(&r->window);
    uint64_t wanted = r->stop - start;
    size_t len = wanted < r->window_bytes ? (size_t)wanted : r->window_bytes;
    TRY(buf_reserve(&r->window, len, err));
    r->window.len = len;
    *range = (struct io_range){.offset = start, .len = len, .dst = r->window.ptr};
    return SLP_OK;
}

static void release(struct buf *b)
{
    struct alloc *mem = b->mem;
    size_t max = b->max;
    buf_fini(b);
    buf_init(b, mem, max);
}

static void release_large(const struct pq_chunk_reader *r, struct buf *b)
{
    if (b->cap / LARGE_WINDOWS > r->window_bytes || r->window_bytes <= SMALL_WINDOW_BYTES)
        release(b);
}

/* Give back the window if a large page ends with it. */
static void release_window(struct pq_chunk_reader *r)
{
    if (r->used < r->window.len)
        return;
    r->window_at += r->used;
    r->used = 0;
    buf_clear(&r->window);
    release_large(r, &r->window);
}

/* Go on at an offset of the file, inside the chunk. */
static void go_to(struct pq_chunk_reader *r, uint64_t offset)
{
    if (offset >= r->window_at && offset - r->window_at <= r->window.len) {
        r->used = (size_t)(offset - r->window_at);
        return;
    }
    buf_clear(&r->window);
    r->window_at = offset;
    r->used = 0;
}

/* Bytes of the chunk from the current page on that are in memory. */
static struct slice at_hand(const struct pq_chunk_reader *r)
{
    return slice_after(buf_slice(&r->window), r->used);
}

/* See that `len` bytes from the current page on are in memory, and read on for a whole window. */
static slp_rc want(struct pq_chunk_reader *r, size_t len, struct slp_err *err)
{
    size_t have = r->window.len - r->used;
    if (have >= len)
        return SLP_OK;
    uint64_t at = r->window_at + r->used;
    if (len > r->end - at)
        r->end = at + len < r->last_end ? at + len : r->last_end;
    uint64_t left = r->end - at;
    if (len > left)
        FAIL(err, CORRUPT, "it ends %zu bytes behind the column chunk", len - (size_t)left);
    uint64_t ahead = r->stop > at ? r->stop - at : 0;
    size_t target = ahead < r->window_bytes ? (size_t)ahead : r->window_bytes;
    target = num_max_size(len, left < target ? (size_t)left : target);
    if (have && r->used)
        memmove(r->window.ptr, r->window.ptr + r->used, have);
    r->window_at += r->used;
    r->used = 0;
    r->window.len = have;
    TRY(buf_reserve(&r->window, target - have, err));
    struct io_range range = {
        .offset = r->window_at + have, .len = target - have, .dst = r->window.ptr + have};
    TRY(source_read(r->src, &range, 1, err));
    r->window.len = target;
    return SLP_OK;
}

/* The header at the current page, however long it is. */
static slp_rc read_header(struct pq_chunk_reader *r, struct pq_page_header *header,
                          size_t *header_bytes, struct slp_err *err)
{
    uint64_t at = r->window_at + r->used;
    uint64_t left = r->end - at;
    uint64_t near = r->stop > at && r->stop < r->end ? r->stop - at : left;
    for (size_t guess = HEADER_GUESS_BYTES;; guess *= 4) {
        bool is_last = guess >= left || guess >= PQ_PAGE_HEADER_MAX_BYTES;
        size_t len = num_min_size(guess, PQ_PAGE_HEADER_MAX_BYTES);
        uint64_t most = guess == HEADER_GUESS_BYTES ? near : left;
        TRY(want(r, most < len ? (size_t)most : len, err));
        slp_rc rc = pq_page_header_parse(at_hand(r), header, header_bytes, err);
        if (rc == SLP_LIMIT && is_last)
            FAIL(err, CORRUPT, "a page header that ends behind the column chunk");
        if (rc != SLP_LIMIT)
            return rc;
    }
}

/* The page is where and what the offset index says; how many rows it has is known of flat columns.
 */
static slp_rc check_index(const struct pq_chunk_reader *r, const struct pq_page_header *header,
                          struct slp_err *err)
{
    const struct pq_offset_index *x = r->index;
    if (r->next_page >= x->count || x->pages[r->next_page].offset != r->page_offset ||
        (!r->column->is_nested && x->pages[r->next_page].rows != header->value_count))
        FAIL(err, CORRUPT, "%d values, which the offset index does not say of page %zu",
             header->value_count, r->next_page);
    return SLP_OK;
}

static bool has_indices(int encoding)
{
    return encoding == PQ_PLAIN_DICTIONARY || encoding == PQ_RLE_DICTIONARY;
}

/* Writers that leave the dictionary do not come back to it, but they may: it is read again then. */
static void forget_large_dictionary(struct pq_chunk_reader *r)
{
    const struct arr_col *v = &r->dict.values;
    if (!r->dict.loaded || (v->data.cap + v->offsets.cap) / LARGE_WINDOWS <= r->window_bytes)
        return;
    drop_dictionary(r);
    r->has_forgotten = true;
}

static slp_rc open_data(struct pq_chunk_reader *r, struct pq_page_header *header, struct slice body,
                        struct slp_err *err)
{
    if (header->value_count > r->rows_left)
        FAIL(err, CORRUPT, "%d values, the column chunk has %lld left", header->value_count,
             (long long)r->rows_left);
    if (r->index)
        TRY(check_index(r, header, err));
    if (header->kind == PQ_PAGE_DATA_V2 && r->mends_v2)
        header->is_compressed = true;
    TRY(pq_cursor_open(&r->page, r->column, r->codec, header, body, &r->dict, &r->scratch, err));
    r->rows_left -= header->value_count;
    r->next_page++;
    r->pages_read++;
    if (r->has_jumped && r->next_page == r->index->count)
        r->rows_left = 0;
    if (!has_indices(header->encoding))
        forget_large_dictionary(r);
    return SLP_OK;
}

/* What is kept as a dictionary outlives the chunk: the values are counted. */
static slp_rc share_dictionary(struct pq_chunk_reader *r, struct slp_err *err)
{
    TRY(arr_dictionary_new(r->scratch.mem, r->column->type, &r->shared, err));
    r->shared->values = r->dict.values;
    return SLP_OK;
}

static slp_rc open_dictionary(struct pq_chunk_reader *r, const struct pq_page_header *header,
                              struct slice body, struct slp_err *err)
{
    if (r->dict.loaded)
        FAIL(err, CORRUPT, "a second dictionary");
    r->dictionary_at = r->window_at + r->used;
    TRY(pq_dictionary_decode(r->column, r->codec, header, body, &r->scratch, &r->dict, err));
    if (r->keeps_dictionary)
        TRY(share_dictionary(r, err));
    release_large(r, &r->scratch.body);
    return SLP_OK;
}

static bool is_data_page(const struct pq_page_header *header)
{
    return header->kind == PQ_PAGE_DATA || header->kind == PQ_PAGE_DATA_V2;
}

/* Open one page, of whatever kind. */
static slp_rc take_page(struct pq_chunk_reader *r, struct pq_page_header *header,
                        size_t header_bytes, struct slp_err *err)
{
    TRY(want(r, header_bytes + header->compressed_bytes, err));
    struct slice body = slice_sub(at_hand(r), header_bytes, header->compressed_bytes);
    if (is_data_page(header))
        TRY(open_data(r, header, body, err));
    else if (header->kind == PQ_PAGE_DICTIONARY)
        TRY(open_dictionary(r, header, body, err));
    r->used += header_bytes + header->compressed_bytes;
    /* Nothing points into the window if all of the page was decompressed. */
    if (header->kind == PQ_PAGE_DICTIONARY || (header->kind == PQ_PAGE_DATA && r->codec != CX_NONE))
        release_window(r);
    return SLP_OK;
}

/* Read the dictionary once more, and come back. */
static slp_rc recall_dictionary(struct pq_chunk_reader *r, struct slp_err *err)
{
    struct pq_page_header header;
    size_t header_bytes = 0;
    uint64_t here = r->window_at + r->used;
    go_to(r, r->dictionary_at);
    TRY(read_header(r, &header, &header_bytes, err));
    TRY(take_page(r, &header, header_bytes, err));
    go_to(r, here);
    r->has_forgotten = false;
    return SLP_OK;
}

/* Open the next page of data; other pages are dealt with on the way. */
static slp_rc next_page(struct pq_chunk_reader *r, struct slp_err *err)
{
    struct pq_page_header header = {.kind = PQ_PAGE_INDEX};
    release_large(r, &r->scratch.body);
    while (!is_data_page(&header)) {
        size_t header_bytes = 0;
        r->page_offset = r->window_at + r->used;
        TRY(read_header(r, &header, &header_bytes, err));
        if (r->has_forgotten && is_data_page(&header) && has_indices(header.encoding)) {
            TRY(recall_dictionary(r, err));
            TRY(read_header(r, &header, &header_bytes, err));
        }
        TRY(take_page(r, &header, header_bytes, err));
    }
    return SLP_OK;
}

/* Rows of a column kept as a dictionary are indices as long as its pages have them. */
static slp_rc choose_form(struct pq_chunk_reader *r, struct arr_col *out, struct slp_err *err)
{
    bool is_kept = has_indices(r->page.encoding) && r->shared;
    if (is_kept && out->rows == 0)
        arr_col_set_dictionary(out, r->shared);
    else if (out->dictionary && !(is_kept && out->dictionary == r->shared))
        return arr_col_decode_dictionary(out, err);
    return SLP_OK;
}

static slp_rc take_flat(struct pq_chunk_reader *r, int64_t rows, struct arr_col *out,
                        struct slp_err *err)
{
    while (rows) {
        if (r->page.rows_left == 0) {
            TRY(next_page(r, err));
            continue;
        }
        if (r->keeps_dictionary)
            TRY(choose_form(r, out, err));
        int64_t take = num_min_i64(rows, r->page.rows_left);
        TRY(pq_cursor_decode(&r->page, take, out, err));
        rows -= take;
        r->row += take;
    }
    return SLP_OK;
}

slp_rc pq_chunk_rows(struct pq_chunk_reader *r, int64_t rows, struct arr_col *out,
                     struct slp_err *err)
{
    slp_rc rc = take_flat(r, rows, out, err);
    return err_wrap(err, rc, "page at offset %llu", (unsigned long long)r->page_offset);
}

/* See that levels are at hand; `*is_end` when the chunk has no more. */
static slp_rc look_ahead(struct pq_chunk_reader *r, bool *is_end, struct slp_err *err)
{
    struct pq_ahead *a = &r->ahead;
    *is_end = false;
    if (a->at < a->end)
        return SLP_OK;
    while (r->page.rows_left == 0) {
        if (r->rows_left == 0) {
            *is_end = true;
            return SLP_OK;
        }
        TRY(next_page(r, err));
    }
    a->at = 0;
    a->end = 0;
    size_t count = (size_t)num_min_i64(PQ_STEP_ROWS, r->page.rows_left);
    TRY(pq_cursor_levels(&r->page, count, a->definitions, a->repetitions, err));
    a->end = count;
    return SLP_OK;
}

/* Hand out the next `count` entries of those at hand. */
static slp_rc take_entries(struct pq_chunk_reader *r, size_t count, struct pq_levels *levels,
                           struct arr_col *out, struct slp_err *err)
{
    struct pq_ahead *a = &r->ahead;
    const uint8_t *definitions = a->definitions + a->at;
    const uint8_t *repetitions = a->repetitions + a->at;
    if (!pq_levels_are_sound(definitions, repetitions, count, a->last_definition,
                             r->column->item_definitions, r->column->repetition_max))
        FAIL(err, CORRUPT, "repetition levels that go on with no list");
    TRY(pq_cursor_slots(&r->page, definitions, count, out, err));
    TRY(buf_append(&levels->definitions, definitions, count, err));
    TRY(buf_append(&levels->repetitions, repetitions, count, err));
    a->last_definition = definitions[count - 1];
    a->at += count;
    return SLP_OK;
}

static slp_rc take_nested(struct pq_chunk_reader *r, int64_t rows, bool is_last,
                          struct pq_levels *levels, struct arr_col *out, struct slp_err *err)
{
    bool is_flat = r->column->repetition_max == 0;
    bool is_end = false;
    bool is_behind = false;
    int64_t left = rows;
    while (!is_end && !is_behind) {
        /* Without lists an entry is a row, and nothing of the next one needs to be known. */
        if (is_flat && left == 0 && !is_last)
            break;
        /* Nor where rows begin with pages, at the end of one. */
        if (r->index && left == 0 && !is_last && r->ahead.at == r->ahead.end &&
            r->page.rows_left == 0)
            break;
        TRY(look_ahead(r, &is_end, err));
        int64_t begun = 0;
        size_t at_hand = r->ahead.end - r->ahead.at;
        size_t count = pq_levels_cut(r->ahead.repetitions + r->ahead.at, at_hand, left, &begun);
        if (count)
            TRY(take_entries(r, count, levels, out, err));
        left -= begun;
        is_behind = count < at_hand;
    }
    if (left || (is_last && is_behind))
        FAIL(err, CORRUPT, "the column chunk has %s rows than its row group",
             left ? "fewer" : "more");
    r->row += rows;
    return SLP_OK;
}

slp_rc pq_chunk_nested(struct pq_chunk_reader *r, int64_t rows, bool is_last,
                       struct pq_levels *levels, struct arr_col *out, struct slp_err *err)
{
    slp_rc rc = take_nested(r, rows, is_last, levels, out, err);
    return err_wrap(err, rc, "page at offset %llu", (unsigned long long)r->page_offset);
}

/* ---- Passing over rows ---- */

/* The page that holds a row: the last one that begins at it or before. */
static size_t page_of(const struct pq_offset_index *x, int64_t row)
{
    size_t low = 0;
    size_t high = x->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x->pages[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The dictionary stands before the first page of data. */
static slp_rc load_dictionary(struct pq_chunk_reader *r, struct slp_err *err)
{
    while (r->window_at + r->used < r->index->pages[0].offset) {
        struct pq_page_header header;
        size_t header_bytes = 0;
        r->page_offset = r->window_at + r->used;
        TRY(read_header(r, &header, &header_bytes, err));
        if (is_data_page(&header))
            FAIL(err, CORRUPT, "a page before the first one of the offset index");
        TRY(take_page(r, &header, header_bytes, err));
    }
    return SLP_OK;
}

static slp_rc jump(struct pq_chunk_reader *r, size_t page, struct slp_err *err)
{
    const struct pq_page_location *to = &r->index->pages[page];
    if (r->next_page == 0)
        TRY(load_dictionary(r, err));
    if (to->offset < r->window_at + r->used || to->bytes > r->last_end ||
        to->offset > r->last_end - to->bytes)
        FAIL(err, CORRUPT, "offset index: page %zu at offset %llu is not in the column chunk", page,
             (unsigned long long)to->offset);
    go_to(r, to->offset);
    /* How many entries lie between is not known of a nested column. */
    if (!r->column->is_nested)
        r->rows_left -= to->first_row - r->row - r->page.rows_left;
    r->page = (struct pq_cursor){0};
    r->ahead.at = 0;
    r->ahead.end = 0;
    r->ahead.last_definition = 0;
    r->row = to->first_row;
    r->next_page = page;
    r->has_jumped = true;
    return SLP_OK;
}

/* Pass over pages of a flat column, as far as headers say that no row of them is wanted. */
static slp_rc pass_pages(struct pq_chunk_reader *r, int64_t row, struct slp_err *err)
{
    while (r->row < row) {
        struct pq_page_header header;
        size_t header_bytes = 0;
        r->page_offset = r->window_at + r->used;
        TRY(read_header(r, &header, &header_bytes, err));
        if (is_data_page(&header) && header.value_count > row - r->row)
            return SLP_OK;
        if (!is_data_page(&header)) {
            TRY(take_page(r, &header, header_bytes, err));
            continue;
        }
        uint64_t next = r->page_offset + header_bytes + header.compressed_bytes;
        if (next > r->end || header.value_count > r->rows_left)
            FAIL(err, CORRUPT, "it ends %llu bytes behind the column chunk",
                 (unsigned long long)(next > r->end ? next - r->end : 0));
        go_to(r, next);
        r->rows_left -= header.value_count;
        r->row += header.value_count;
    }
    return SLP_OK;
}

static slp_rc pass_rows(struct pq_chunk_reader *r, int64_t row, struct slp_err *err)
{
    bool goes_on = r->scratch.carries_strings; /* a page needs the one before it */
    while (r->row < row) {
        int64_t take = num_min_i64(row - r->row, PQ_STEP_ROWS);
        arr_col_clear(&r->passed);
        if (r->column->is_nested) {
            buf_clear(&r->passed_levels.definitions);
            buf_clear(&r->passed_levels.repetitions);
            TRY(take_nested(r, take, false, &r->passed_levels, &r->passed, err));
            continue;
        }
        if (r->page.rows_left == 0 && !r->index && !goes_on) {
            TRY(pass_pages(r, row, err));
            if (r->row == row)
                break;
        }
        if (r->page.rows_left == 0)
            TRY(next_page(r, err));
        take = num_min_i64(row - r->row, r->page.rows_left);
        TRY(pq_cursor_skip(&r->page, take, &r->passed, err));
        r->row += take;
    }
    return SLP_OK;
}

static slp_rc seek(struct pq_chunk_reader *r, int64_t row, int64_t end, struct slp_err *err)
{
    if (r->index) {
        size_t page = page_of(r->index, row);
        const struct pq_page_location *last = &r->index->pages[page_of(r->index, end - 1)];
        r->stop = last->offset + last->bytes;
        bool is_behind = page > r->next_page ||
                         (page == r->next_page && r->row < r->index->pages[page].first_row);
        if (is_behind && !r->scratch.carries_strings)
            TRY(jump(r, page, err));
    }
    return pass_rows(r, row, err);
}

slp_rc pq_chunk_seek(struct pq_chunk_reader *r, int64_t row, int64_t end, struct slp_err *err)
{
    assert(row >= r->row && end > row);
    slp_rc rc = seek(r, row, end, err);
    return err_wrap(err, rc, "page at offset %llu", (unsigned long long)r->page_offset);
}
