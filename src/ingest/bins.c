#include "ingest/bins.h"

#include <stdlib.h>

#include "base/num.h"
#include "os/thread.h"

#define WINDOW_BYTES 8u

/* Parts of the way from the least cut to the greatest. */
#define TABLE_BITS 14u

/* Texts up to this long are copied by one wide load and store. */
#define WIDE 16u

/* Words that are asked for at once. */
#define WORDS 256

/* A thread that has fewer blocks costs more than it gives. */
#define THREAD_BLOCKS 2u

/* ---- The sieve ---- */

/* A cut without its ordinal. */
static struct slice bare_cut(const struct ingest_sieve *s, size_t i)
{
    struct slice lo = s->stretches[i + 1].lo;
    return slice_first(lo, lo.len - INGEST_ORDINAL_BYTES);
}

/* Eight bytes of a key from `at` on, zeros behind its end. */
static uint64_t part_of(struct slice key, size_t at)
{
    uint8_t part[WINDOW_BYTES] = {0};
    if (at < key.len)
        memcpy(part, key.ptr + at, num_min_size(key.len - at, sizeof part));
    return num_load_u64be(part);
}

static slp_rc fill_table(struct ingest_sieve *s, struct slp_err *err)
{
    const uint64_t *words = (const uint64_t *)(const void *)s->words.ptr;
    uint64_t range = words[s->cuts - 1] - words[0];
    unsigned width = range ? 64 - (unsigned)__builtin_clzll(range) : 0;
    s->shift = width > TABLE_BITS ? width - TABLE_BITS : 0;
    size_t count = (size_t)(range >> s->shift) + 2;
    TRY(buf_resize(&s->table, count * sizeof(uint16_t), err));
    uint16_t *table = (uint16_t *)(void *)s->table.ptr;
    size_t cut = 0;
    for (size_t i = 0; i < count; i++) {
        while (cut < s->cuts && (words[cut] - words[0]) >> s->shift < i)
            cut++;
        table[i] = (uint16_t)cut;
    }
    return SLP_OK;
}

slp_rc ingest_sieve_init(struct ingest_sieve *s, struct alloc *mem,
                         const struct ingest_stretch *stretches, size_t count, struct slp_err *err)
{
    assert(count > 0 && count <= INGEST_CUTS_MAX + 1);
    *s = (struct ingest_sieve){.stretches = stretches, .cuts = count - 1};
    buf_init(&s->words, mem, SIZE_MAX / 4);
    buf_init(&s->table, mem, SIZE_MAX / 4);
    if (s->cuts == 0)
        return SLP_OK;
    s->depth = slice_common(bare_cut(s, 0), bare_cut(s, s->cuts - 1));
    s->depth = num_max_size(s->depth, 1);
    slp_rc rc = SLP_OK;
    for (size_t i = 0; i < s->cuts && rc == SLP_OK; i++) {
        uint64_t word = part_of(bare_cut(s, i), s->depth);
        rc = buf_append(&s->words, &word, sizeof word, err);
    }
    if (rc == SLP_OK)
        rc = fill_table(s, err);
    if (rc != SLP_OK)
        ingest_sieve_fini(s);
    return rc;
}

void ingest_sieve_fini(struct ingest_sieve *s)
{
    buf_fini(&s->words);
    buf_fini(&s->table);
}

/* The first of the cuts [low, high) that is above `key`, which has its ordinal; `high`: none is. */
static size_t find_cut(const struct ingest_sieve *s, struct slice key, size_t low, size_t high)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(s->stretches[middle + 1].lo, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cuts below a word, and of which on they are above it; between these are those with the same. */
static void find_word(const struct ingest_sieve *s, uint64_t word, size_t *low, size_t *high)
{
    const uint64_t *words = (const uint64_t *)(const void *)s->words.ptr;
    const uint16_t *table = (const uint16_t *)(const void *)s->table.ptr;
    size_t at = 0;
    if (word > words[s->cuts - 1])
        at = s->cuts;
    else if (word > words[0])
        at = table[(word - words[0]) >> s->shift];
    while (at < s->cuts && words[at] < word)
        at++;
    *low = at;
    while (at < s->cuts && words[at] == word)
        at++;
    *high = at;
}

/* ---- Arranging ---- */

slp_rc ingest_bench_init(struct ingest_bench *b, struct alloc *mem, const struct ingest_pile *p,
                         struct slp_err *err)
{
    void *room = NULL;
    *b = (struct ingest_bench){.mem = mem};
    buf_init(&b->bins, mem, SIZE_MAX / 4);
    buf_init(&b->order, mem, SIZE_MAX / 4);
    buf_init(&b->starts, mem, SIZE_MAX / 4);
    key_vec_init(&b->key, mem, SIZE_MAX / 4);
    ingest_view_init(&b->view, mem, p->schema, p->spec);
    TRY(alloc_array(mem, p->schema->count, sizeof *b->even, &room, err));
    b->even = room;
    for (size_t c = 0; c < p->schema->count; c++)
        buf_init(&b->even[c].offsets, mem, SIZE_MAX / 4);
    return arr_batch_init(&b->picked, mem, p->schema, err);
}

static void free_even(struct alloc *mem, struct ingest_even *even, size_t columns)
{
    for (size_t c = 0; even && c < columns; c++)
        buf_fini(&even[c].offsets);
    if (even)
        alloc_free(mem, even, columns * sizeof *even);
}

void ingest_bench_fini(struct ingest_bench *b)
{
    if (!b->mem)
        return;
    free_even(b->mem, b->even, b->view.window.schema->count);
    ingest_view_fini(&b->view);
    arr_batch_fini(&b->picked);
    buf_fini(&b->bins);
    buf_fini(&b->order);
    buf_fini(&b->starts);
    key_vec_fini(&b->key);
}

static slp_rc prepare_even(struct ingest_even *even, const struct ingest_block *block, int64_t rows,
                           struct slp_err *err)
{
    for (size_t c = 0; c < block->rows.schema->count; c++)
        if (block->widths[c])
            TRY(ingest_even_prepare(&even[c], block->widths[c], rows, err));
    return SLP_OK;
}

/* The key of a row that is looked at, with its ordinal, until the next call. */
static slp_rc key_of(struct ingest_bench *b, int64_t row, struct slice *out, struct slp_err *err)
{
    const struct run_block *block = &b->view.block;
    if (block->keys) {
        *out = key_at(block->keys, row);
        return SLP_OK;
    }
    key_vec_clear(&b->key);
    TRY(key_columns_encode(block->columns, row, 1, &b->key, err));
    *out = key_at(&b->key, 0);
    return SLP_OK;
}

/* Parts of the keys of some rows, their ordinals left out. */
static void parts_of(const struct run_block *block, int64_t first, int64_t count, size_t at,
                     uint64_t *out)
{
    if (block->columns) {
        key_columns_parts(block->columns, first, count, at, out);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        struct slice key = key_at(block->keys, first + i);
        out[i] = part_of(slice_first(key, key.len - INGEST_ORDINAL_BYTES), at);
    }
}

/* Which rows do not begin as all cuts do: where they belong their words do not tell. */
static void find_strangers(const struct ingest_sieve *s, const struct run_block *block,
                           int64_t first, int64_t count, uint8_t *strange)
{
    uint64_t words[WORDS];
    struct slice prefix = slice_first(s->stretches[1].lo, s->depth);
    memset(strange, 0, (size_t)count);
    for (size_t at = 1; at < s->depth; at += WINDOW_BYTES) {
        size_t len = num_min_size(s->depth - at, WINDOW_BYTES);
        uint64_t mask = ~(uint64_t)0 << 8 * (WINDOW_BYTES - len);
        uint64_t want = part_of(prefix, at);
        parts_of(block, first, count, at, words);
        for (int64_t i = 0; i < count; i++)
            strange[i] |= (words[i] & mask) != want;
    }
}

/* The bins of some rows. */
static slp_rc find_bins(struct ingest_bench *b, const struct ingest_sieve *s, int64_t first,
                        int64_t count, uint16_t *bins, struct slp_err *err)
{
    uint64_t words[WORDS];
    uint8_t strange[WORDS];
    find_strangers(s, &b->view.block, first, count, strange);
    parts_of(&b->view.block, first, count, s->depth, words);
    for (int64_t i = 0; i < count; i++) {
        size_t low = 0;
        size_t high = s->cuts;
        if (!strange[i])
            find_word(s, words[i], &low, &high);
        if (low < high) {
            struct slice key;
            TRY(key_of(b, first + i, &key, err));
            low = find_cut(s, key, low, high);
        }
        bins[i] = (uint16_t)low;
    }
    return SLP_OK;
}

/* Have `order` list the rows bin by bin, and `ends` where bins end; false when rows are in that order
 * already. */
static bool order_rows(struct ingest_bench *b, int64_t rows, size_t bins, uint32_t *ends)
{
    const uint16_t *bin = (const uint16_t *)(const void *)b->bins.ptr;
    uint32_t *order = (uint32_t *)(void *)b->order.ptr;
    uint32_t *starts = (uint32_t *)(void *)b->starts.ptr;
    bool falls = false;
    memset(ends, 0, bins * sizeof *ends);
    for (int64_t i = 0; i < rows; i++) {
        ends[bin[i]]++;
        falls |= i > 0 && bin[i] < bin[i - 1];
    }
    uint32_t at = 0;
    for (size_t i = 0; i < bins; i++) {
        starts[i] = at;
        at += ends[i];
        ends[i] = at;
    }
    for (int64_t i = 0; i < rows && falls; i++)
        order[starts[bin[i]]++] = (uint32_t)i;
    return falls;
}

/* Texts of one length. They may be read, and written where more follows, some bytes beyond their
 * end. */
static slp_rc pick_even(struct arr_col *to, const struct arr_col *from, size_t width,
                        const uint32_t *order, struct slp_err *err)
{
    size_t bytes = (size_t)from->rows * width;
    TRY(buf_reserve(&to->data, bytes + WIDE, err));
    uint8_t *dst = to->data.ptr;
    for (int64_t i = 0; i < from->rows; i++, dst += width) {
        const uint8_t *src = from->data.ptr + order[i] * width;
        if (width <= WIDE)
            memcpy(dst, src, WIDE);
        else
            memcpy(dst, src, width);
    }
    to->data.len = bytes;
    to->rows = from->rows;
    return SLP_OK;
}

static slp_rc pick_column(struct arr_col *to, const struct arr_col *from, size_t width,
                          const uint32_t *order, struct slp_err *err)
{
    if (width)
        return pick_even(to, from, width, order, err);
    return arr_col_append_picked(to, from, order, from->rows, err);
}

static void copy_bytes(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len)
        memcpy(to, from, len);
}

/* Put a column that was picked in place of what it was picked from: flat ones have as many bytes as
 * before, and take their place; others are exchanged. */
static void put_back(struct arr_col *to, struct arr_col *from)
{
    if (arr_type_is_nested(to->type)) {
        struct arr_col before = *to;
        *to = *from;
        *from = before;
        return;
    }
    assert(to->data.len == from->data.len && to->validity.len == from->validity.len);
    copy_bytes(to->data.ptr, from->data.ptr, to->data.len);
    copy_bytes(to->offsets.ptr, from->offsets.ptr, to->offsets.len);
    copy_bytes(to->validity.ptr, from->validity.ptr, to->validity.len);
}

/* Bring rows into the order that was found. */
static slp_rc move_rows(struct ingest_bench *b, struct ingest_block *block, struct slp_err *err)
{
    const uint32_t *order = (const uint32_t *)(const void *)b->order.ptr;
    int64_t rows = block->rows.rows;
    size_t columns = block->rows.schema->count;
    arr_batch_clear(&b->picked);
    TRY(buf_reserve(&block->places, (size_t)rows * sizeof(uint16_t), err));
    for (size_t c = 0; c < columns; c++)
        TRY(pick_column(&b->picked.cols[c], &block->rows.cols[c], block->widths[c], order, err));
    for (size_t c = 0; c < columns; c++)
        put_back(&block->rows.cols[c], &b->picked.cols[c]);
    uint16_t *places = (uint16_t *)(void *)block->places.ptr;
    for (int64_t i = 0; i < rows; i++)
        places[i] = (uint16_t)order[i];
    block->places.len = (size_t)rows * sizeof *places;
    return SLP_OK;
}

slp_rc ingest_block_arrange(struct ingest_bench *b, struct ingest_block *block,
                            const struct ingest_sieve *s, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    int64_t rows = block->rows.rows;
    size_t bins = s->cuts + 1;
    struct ingest_look look = {.block = block, .even = b->even, .end = rows, .has_numbers = true};
    assert(block->ends.len == 0 && rows > 0 && rows <= INGEST_BLOCK_ROWS);
    TRY(buf_resize(&block->ends, bins * sizeof(uint32_t), err));
    uint32_t *ends = (uint32_t *)(void *)block->ends.ptr;
    ends[0] = (uint32_t)rows;
    if (bins == 1)
        return SLP_OK;
    TRY_OUT(prepare_even(b->even, block, rows, err));
    TRY_OUT(ingest_view_open(&b->view, &look, err));
    TRY_OUT(buf_resize(&b->bins, (size_t)rows * sizeof(uint16_t), err));
    TRY_OUT(buf_resize(&b->order, (size_t)rows * sizeof(uint32_t), err));
    TRY_OUT(buf_resize(&b->starts, bins * sizeof(uint32_t), err));
    uint16_t *bin = (uint16_t *)(void *)b->bins.ptr;
    for (int64_t first = 0; first < rows; first += WORDS)
        TRY_OUT(find_bins(b, s, first, num_min_i64(WORDS, rows - first), bin + first, err));
    if (order_rows(b, rows, bins, ends))
        rc = move_rows(b, block, err);
out:
    if (rc != SLP_OK)
        buf_clear(&block->ends);
    return rc;
}

/* ---- All blocks ---- */

struct arranging {
    struct alloc *mem;
    struct ingest_pile *const *piles;
    const struct ingest_sieve *sieve;
    const volatile int *cancel;
    size_t next;          /* block of all piles; atomic */
    struct os_mutex lock; /* guards the first error */
    slp_rc failed;
    struct slp_err err;
    size_t count; /* of piles */
};

/* The next block that nobody took; NULL when all are. */
static struct ingest_block *next_block(struct arranging *a)
{
    size_t at = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
    for (size_t p = 0; p < a->count; p++) {
        size_t blocks = ingest_pile_blocks(a->piles[p]);
        if (at < blocks)
            return ingest_pile_block(a->piles[p], at);
        at -= blocks;
    }
    return NULL;
}

static slp_rc cancelled(struct slp_err *err)
{
    FAIL(err, CANCELLED, "cancelled");
}

static slp_rc arrange_blocks(struct arranging *a, struct slp_err *err)
{
    struct ingest_bench bench;
    slp_rc rc = ingest_bench_init(&bench, a->mem, a->piles[0], err);
    while (rc == SLP_OK) {
        struct ingest_block *block = next_block(a);
        if (!block)
            break;
        rc = ingest_block_arrange(&bench, block, a->sieve, err);
        if (rc == SLP_OK && a->cancel && *a->cancel)
            rc = cancelled(err);
    }
    ingest_bench_fini(&bench);
    return rc;
}

static void arrange_some(void *arg)
{
    struct arranging *a = arg;
    struct slp_err err = {.code = SLP_OK};
    slp_rc rc = arrange_blocks(a, &err);
    os_mutex_lock(&a->lock);
    if (a->failed == SLP_OK && rc != SLP_OK) {
        a->failed = rc;
        a->err = err;
    }
    os_mutex_unlock(&a->lock);
}

slp_rc ingest_piles_arrange(struct alloc *mem, const struct ingest_arrange_options *options,
                            struct slp_err *err)
{
    struct arranging a = {.mem = mem,
                          .piles = options->piles,
                          .count = options->count,
                          .sieve = options->sieve,
                          .cancel = options->cancel};
    struct os_pool *pool = NULL;
    size_t blocks = 0;
    for (size_t p = 0; p < options->count; p++)
        blocks += ingest_pile_blocks(options->piles[p]);
    size_t threads = num_min_size(options->threads, blocks / THREAD_BLOCKS);
    if (threads < 2)
        return arrange_blocks(&a, err);
    os_mutex_init(&a.lock);
    slp_rc rc = os_pool_new(mem, threads, &pool, err);
    for (size_t i = 0; i < threads && rc == SLP_OK; i++)
        os_pool_submit(pool, arrange_some, &a);
    os_pool_free(pool);
    os_mutex_fini(&a.lock);
    if (rc == SLP_OK && a.failed != SLP_OK && err)
        *err = a.err;
    return rc != SLP_OK ? rc : a.failed;
}

/* ---- A bin ---- */

static slp_rc make_room(struct ingest_bin *b, struct slp_err *err)
{
    const struct ingest_pile *p = b->piles[0];
    void *room = NULL;
    TRY(alloc_array(b->mem, p->schema->count, sizeof *b->even, &room, err));
    b->even = room;
    for (size_t c = 0; c < p->schema->count; c++)
        buf_init(&b->even[c].offsets, b->mem, SIZE_MAX / 4);
    TRY(alloc_array(b->mem, b->room, sizeof *b->blocks, &room, err));
    b->blocks = room;
    TRY(alloc_array(b->mem, b->room, sizeof *b->parts, &room, err));
    b->parts = room;
    TRY(alloc_array(b->mem, b->room, sizeof *b->sources, &room, err));
    b->sources = room;
    TRY(alloc_array(b->mem, b->room, sizeof *b->views, &room, err));
    b->views = room;
    for (size_t i = 0; i < b->room; i++)
        ingest_view_init(&b->views[i], b->mem, p->schema, p->spec);
    return SLP_OK;
}

/* Blocks whose rows came from several places have numbers, which others do not need. */
static bool is_of_one_origin(const struct ingest_block *b)
{
    return b->origins.len == sizeof(struct ingest_origin);
}

static int by_origin(const void *a, const void *b)
{
    const struct ingest_block *x = *(struct ingest_block *const *)a;
    const struct ingest_block *y = *(struct ingest_block *const *)b;
    uint64_t at = ((const struct ingest_origin *)(const void *)x->origins.ptr)->ordinal;
    uint64_t other = ((const struct ingest_origin *)(const void *)y->origins.ptr)->ordinal;
    return at < other ? -1 : at > other;
}

static slp_rc list_blocks(struct ingest_bin *b, struct slp_err *err)
{
    void *room = NULL;
    size_t count = 0;
    TRY(alloc_array(b->mem, b->room, sizeof(struct ingest_block *), &room, err));
    b->all = room;
    for (size_t p = 0; p < b->pile_count; p++)
        for (size_t i = 0; i < ingest_pile_blocks(b->piles[p]); i++) {
            struct ingest_block *block = ingest_pile_block(b->piles[p], i);
            b->has_numbers |= !is_of_one_origin(block);
            b->all[count++] = block;
        }
    qsort((void *)b->all, count, sizeof(struct ingest_block *), by_origin);
    return SLP_OK;
}

slp_rc ingest_bin_init(struct ingest_bin *b, struct alloc *mem, const struct ingest_bins *bins,
                       struct slp_err *err)
{
    assert(bins->pile_count > 0);
    *b = (struct ingest_bin){.mem = mem,
                             .piles = bins->piles,
                             .pile_count = bins->pile_count,
                             .has_numbers = bins->has_ordinals};
    merge_order_init(&b->order, mem);
    for (size_t i = 0; i < b->pile_count; i++)
        b->room += ingest_pile_blocks(b->piles[i]);
    slp_rc rc = list_blocks(b, err);
    if (rc == SLP_OK)
        rc = make_room(b, err);
    if (rc != SLP_OK)
        ingest_bin_fini(b);
    return rc;
}

static void release(struct alloc *mem, void *room, size_t bytes)
{
    if (room)
        alloc_free(mem, room, bytes);
}

void ingest_bin_fini(struct ingest_bin *b)
{
    if (!b->mem)
        return;
    for (size_t i = 0; b->views && i < b->room; i++)
        ingest_view_fini(&b->views[i]);
    release(b->mem, b->views, b->room * sizeof *b->views);
    release(b->mem, (void *)b->all, b->room * sizeof *b->all);
    release(b->mem, b->sources, b->room * sizeof *b->sources);
    release(b->mem, b->parts, b->room * sizeof *b->parts);
    release(b->mem, b->blocks, b->room * sizeof *b->blocks);
    free_even(b->mem, b->even, b->piles[0]->schema->count);
    merge_order_fini(&b->order);
    *b = (struct ingest_bin){.mem = NULL};
}

int64_t ingest_bin_rows(const struct ingest_bin *b, size_t bin)
{
    int64_t rows = 0;
    for (size_t i = 0; i < b->room; i++)
        rows += ingest_bin_end(b->all[i], bin) - ingest_bin_first(b->all[i], bin);
    return rows;
}

/* Look at the rows of a block; where one has no columns of keys, all are encoded. */
static slp_rc look_at(struct ingest_bin *b, const struct ingest_block *block, size_t bin,
                      bool *encoded, struct slp_err *err)
{
    struct ingest_look look = {.block = block,
                               .even = b->even,
                               .first = ingest_bin_first(block, bin),
                               .end = ingest_bin_end(block, bin),
                               .has_numbers = b->has_numbers,
                               .encoded = *encoded};
    if (look.first == look.end)
        return SLP_OK;
    struct ingest_view *v = &b->views[b->count];
    TRY(ingest_view_open(v, &look, err));
    *encoded = v->block.keys != NULL;
    b->blocks[b->count] = v->block;
    b->parts[b->count] = (struct merge_part){.end = look.end - look.first};
    b->count++;
    return SLP_OK;
}

static slp_rc look_at_all(struct ingest_bin *b, size_t bin, bool *encoded, struct slp_err *err)
{
    b->count = 0;
    for (size_t i = 0; i < b->room; i++)
        TRY(look_at(b, b->all[i], bin, encoded, err));
    return SLP_OK;
}

/* Offsets for the longest slice, before views borrow them: of each column for the length that its
 * first texts have. */
static slp_rc prepare_bin(struct ingest_bin *b, size_t bin, struct slp_err *err)
{
    for (size_t i = 0; i < b->room; i++) {
        const struct ingest_block *block = b->all[i];
        int64_t rows = ingest_bin_end(block, bin) - ingest_bin_first(block, bin);
        for (size_t c = 0; rows > 0 && c < block->rows.schema->count; c++) {
            struct ingest_even *even = &b->even[c];
            if (block->widths[c] && (even->width == 0 || even->width == block->widths[c]))
                TRY(ingest_even_prepare(even, block->widths[c], rows, err));
        }
    }
    return SLP_OK;
}

slp_rc ingest_bin_sort(struct ingest_bin *b, size_t bin, struct slp_err *err)
{
    bool encoded = false;
    TRY(prepare_bin(b, bin, err));
    TRY(look_at_all(b, bin, &encoded, err));
    if (encoded && b->count > 0 && b->blocks[0].columns)
        TRY(look_at_all(b, bin, &encoded, err));
    return merge_sort_blocks(&b->order, b->blocks, b->count, err);
}

/* The ordinals of the rows, in their order. */
static slp_rc gather_ordinals(const struct ingest_bin *b, struct ingest_ordinals *out,
                              struct slp_err *err)
{
    struct buf all;
    buf_init(&all, b->mem, SIZE_MAX / 4);
    slp_rc rc = buf_reserve(&all, (size_t)b->order.rows * sizeof(uint64_t), err);
    uint64_t *ordinals = (uint64_t *)(void *)all.ptr;
    for (size_t s = 0; rc == SLP_OK && s < b->order.span_count; s++) {
        const struct merge_span *span = &b->order.spans[s];
        for (int64_t i = 0; i < span->rows; i++)
            *ordinals++ = ingest_ordinal_at(&b->views[span->input].ordinals, span->first + i);
    }
    if (rc == SLP_OK)
        rc = ingest_ordinals_pick(out, (const uint64_t *)(const void *)all.ptr, NULL, b->order.rows,
                                  err);
    buf_fini(&all);
    return rc;
}

slp_rc ingest_bin_gather(struct ingest_bin *b, struct arr_batch *out,
                         struct ingest_ordinals *ordinals, struct slp_err *err)
{
    struct merge_plan plan = {.blocks = b->blocks,
                              .parts = b->parts,
                              .sources = b->sources,
                              .input_count = b->count,
                              .spans = b->order.spans,
                              .span_count = b->order.span_count,
                              .rows = b->order.rows};
    for (size_t c = 0; c < out->schema->count && plan.rows > 0; c++)
        TRY(merge_gather_col(&plan, c, &out->cols[c], err));
    out->rows += plan.rows;
    return ordinals ? gather_ordinals(b, ordinals, err) : SLP_OK;
}

/* ---- Bins as a run ---- */

struct bins_run {
    struct run base;
    struct alloc *mem;
    struct ingest_bin bin;
    size_t next;
    size_t end;
    struct arr_batch rows; /* of a bin */
    struct ingest_ordinals ordinals;
    struct ingest_window window;
    int64_t at;
};

static slp_rc bins_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct bins_run *r = (struct bins_run *)(void *)run;
    while (r->at == r->rows.rows) {
        if (r->next == r->end)
            return SLP_DONE;
        arr_batch_clear(&r->rows);
        r->at = 0;
        TRY(ingest_bin_sort(&r->bin, r->next++, err));
        TRY(ingest_bin_gather(&r->bin, &r->rows, &r->ordinals, err));
    }
    return ingest_window_next(&r->window, &r->rows, &r->ordinals, &r->at, r->rows.rows, out, err);
}

static void bins_close(struct run *run)
{
    struct bins_run *r = (struct bins_run *)(void *)run;
    ingest_bin_fini(&r->bin);
    ingest_window_fini(&r->window);
    arr_batch_fini(&r->rows);
    buf_fini(&r->ordinals.numbers);
    alloc_delete(r->mem, r);
}

slp_rc ingest_bins_open(const struct ingest_bins *bins, struct alloc *mem, struct run **out,
                        struct slp_err *err)
{
    static const struct run_ops ops = {.next = bins_next, .close = bins_close};
    const struct ingest_pile *p = bins->piles[0];
    struct bins_run *r = NULL;
    TRY(alloc_new(mem, &r, err));
    r->base.ops = &ops;
    r->mem = mem;
    r->next = bins->first;
    r->end = bins->end;
    buf_init(&r->ordinals.numbers, mem, SIZE_MAX / 4);
    ingest_window_init(&r->window, mem, p->schema, p->spec);
    struct ingest_bins all = *bins;
    all.has_ordinals = true;
    slp_rc rc = ingest_bin_init(&r->bin, mem, &all, err);
    if (rc == SLP_OK)
        rc = arr_batch_init(&r->rows, mem, p->schema, err);
    if (rc != SLP_OK)
        bins_close(&r->base);
    else
        *out = &r->base;
    return rc;
}
