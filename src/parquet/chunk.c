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
#define LARGE_WINDOWS 4u

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
}

static void drop_dictionary(struct pq_chunk_reader *r)
{
    if (r->dict.loaded)
        arr_col_fini(&r->dict.values);
    r->dict.loaded = false;
}

void pq_chunk_reader_fini(struct pq_chunk_reader *r)
{
    drop_dictionary(r);
    r->scratch.codec = NULL;
    pq_scratch_fini(&r->scratch);
    buf_fini(&r->window);
}

slp_rc pq_chunk_begin(struct pq_chunk_reader *r, const struct pq_chunk *chunk, size_t window_bytes,
                      struct io_range *range, struct slp_err *err)
{
    drop_dictionary(r);
    uint64_t start =
        chunk->dictionary_page_offset ? chunk->dictionary_page_offset : chunk->data_page_offset;
    r->codec = (enum cx_kind)chunk->codec;
    r->window_bytes = window_bytes;
    r->window_at = start;
    r->used = 0;
    r->end = start + chunk->compressed_bytes;
    uint64_t slack = r->src->size - r->end;
    r->last_end = r->end + (slack < SLACK_BYTES ? slack : SLACK_BYTES);
    r->rows_left = chunk->value_count;
    r->page_offset = start;
    r->page = (struct pq_cursor){0};
    r->ahead.at = 0;
    r->ahead.end = 0;
    r->ahead.last_definition = 0;
    buf_clear(&r->scratch.indices);
    buf_clear(&r->window);
    size_t len =
        chunk->compressed_bytes < window_bytes ? (size_t)chunk->compressed_bytes : window_bytes;
    TRY(buf_reserve(&r->window, len, err));
    r->window.len = len;
    *range = (struct io_range){.offset = start, .len = len, .dst = r->window.ptr};
    return SLP_OK;
}

static void release_large(const struct pq_chunk_reader *r, struct buf *b)
{
    struct alloc *mem = b->mem;
    size_t max = b->max;
    if (b->cap / LARGE_WINDOWS <= r->window_bytes)
        return;
    buf_fini(b);
    buf_init(b, mem, max);
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
    size_t target = num_max_size(len, r->window_bytes);
    target = left < target ? (size_t)left : target;
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
    uint64_t left = r->end - (r->window_at + r->used);
    for (size_t guess = HEADER_GUESS_BYTES;; guess *= 4) {
        bool is_last = guess >= left || guess >= PQ_PAGE_HEADER_MAX_BYTES;
        size_t len = num_min_size(guess, PQ_PAGE_HEADER_MAX_BYTES);
        TRY(want(r, left < len ? (size_t)left : len, err));
        slp_rc rc = pq_page_header_parse(at_hand(r), header, header_bytes, err);
        if (rc == SLP_LIMIT && is_last)
            FAIL(err, CORRUPT, "a page header that ends behind the column chunk");
        if (rc != SLP_LIMIT)
            return rc;
    }
}

static slp_rc open_data(struct pq_chunk_reader *r, struct pq_page_header *header, struct slice body,
                        struct slp_err *err)
{
    if (header->value_count > r->rows_left)
        FAIL(err, CORRUPT, "%d values, the column chunk has %lld left", header->value_count,
             (long long)r->rows_left);
    if (header->kind == PQ_PAGE_DATA_V2 && r->mends_v2)
        header->is_compressed = true;
    TRY(pq_cursor_open(&r->page, r->column, r->codec, header, body, &r->dict, &r->scratch, err));
    r->rows_left -= header->value_count;
    return SLP_OK;
}

/* Open the next page of data; other pages are dealt with on the way. */
static slp_rc next_page(struct pq_chunk_reader *r, struct slp_err *err)
{
    bool is_data = false;
    release_large(r, &r->scratch.body);
    while (!is_data) {
        struct pq_page_header header;
        size_t header_bytes = 0;
        r->page_offset = r->window_at + r->used;
        TRY(read_header(r, &header, &header_bytes, err));
        TRY(want(r, header_bytes + header.compressed_bytes, err));
        struct slice body = slice_sub(at_hand(r), header_bytes, header.compressed_bytes);
        is_data = header.kind == PQ_PAGE_DATA || header.kind == PQ_PAGE_DATA_V2;
        if (is_data) {
            TRY(open_data(r, &header, body, err));
        } else if (header.kind == PQ_PAGE_DICTIONARY) {
            if (r->dict.loaded)
                FAIL(err, CORRUPT, "a second dictionary");
            TRY(pq_dictionary_decode(r->column, r->codec, &header, body, &r->scratch, &r->dict,
                                     err));
            release_large(r, &r->scratch.body);
        }
        r->used += header_bytes + header.compressed_bytes;
        /* Nothing points into the window if all of the page was decompressed. */
        if (header.kind == PQ_PAGE_DICTIONARY ||
            (header.kind == PQ_PAGE_DATA && r->codec != CX_NONE))
            release_window(r);
    }
    return SLP_OK;
}

slp_rc pq_chunk_rows(struct pq_chunk_reader *r, int64_t rows, struct arr_col *out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    while (rows) {
        if (r->page.rows_left == 0) {
            TRY_OUT(next_page(r, err));
            continue;
        }
        int64_t take = num_min_i64(rows, r->page.rows_left);
        TRY_OUT(pq_cursor_decode(&r->page, take, out, err));
        rows -= take;
    }
out:
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
            return SLP_OK;
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
    return SLP_OK;
}

slp_rc pq_chunk_nested(struct pq_chunk_reader *r, int64_t rows, bool is_last,
                       struct pq_levels *levels, struct arr_col *out, struct slp_err *err)
{
    slp_rc rc = take_nested(r, rows, is_last, levels, out, err);
    return err_wrap(err, rc, "page at offset %llu", (unsigned long long)r->page_offset);
}
