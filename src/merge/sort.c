#include "base/num.h"
#include "key/order.h"
#include "merge/blocks.h"
#include "merge/merge.h"

/*
 * Buckets by interpolation over entries that hold a window of 8 key bytes.
 *
 *   key     | common prefix | window 0: 8 bytes | window 1: 8 bytes | ...
 *   entry   word: the window as a big-endian number, zeros behind the key's end; block and row
 *
 * The entries of a bucket are spread over as many narrower ones as they may need, each an equal part
 * of the way from the bucket's least word to its greatest: a pass that counts, and one that moves
 * them to where they belong, in order. High bits in which the bytes of all words agree are left out
 * before, since letters take a tenth of what bytes can be and most buckets would stay empty. Where all words are equal the next window decides; keys that
 * end there come first, the shorter the earlier, since zeros only stood in for what they lack.
 * Small buckets are sorted by insertion with whole comparisons. Nothing that is equal changes its
 * order, and rows are given in theirs, which makes the sort stable.
 *
 * What remains to be done waits on a stack in memory, not in recursion: keys of 64 KiB that differ
 * at the end only would be thousands of levels deep. Waiting buckets do not overlap and have more
 * than SMALL entries each, so the stack is short.
 */

#define WINDOW_BYTES 8u
#define SMALL        20u
#define BITS_MAX     16u
#define BUCKETS_MAX  ((size_t)1 << BITS_MAX)

/* How a key goes on in a window: with so many bytes, or beyond it. */
#define TAIL_GOES_ON (WINDOW_BYTES + 1)
#define TAILS        (TAIL_GOES_ON + 1)

/* The depth at which keys with columns are at their end, and numbers tell them apart. */
#define AT_NUMBERS UINT32_MAX

/* Keys that have columns begin with the marker of a value: what differs stands behind it. */
#define COLUMNS_DEPTH 1u

/* Words that are asked for at once. */
#define WORDS 256

struct entry {
    uint64_t word;
    uint32_t block;
    uint32_t row;
};

struct bucket {
    uint32_t first; /* entry */
    uint32_t count;
    uint32_t depth; /* key bytes before the window */
};

struct sorter {
    const struct run_block *blocks; /* with columns, or with keys, all of them */
    bool has_columns;
    struct entry *entries;
    struct entry *spare; /* as many: where entries go meanwhile */
    uint32_t *ends;      /* BUCKETS_MAX and one */
    struct buf stack;    /* of struct bucket */
};

/* The first eight bytes of `s`, zeros behind its end. The bytes of a key vector may be read
 * BUF_PADDING bytes beyond its last one. */
static uint64_t load_window(struct slice s)
{
    if (s.len == 0)
        return 0;
    uint64_t word = num_load_u64be(s.ptr);
    return s.len < WINDOW_BYTES ? word & ~(uint64_t)0 << (64 - 8 * s.len) : word;
}

static struct slice key_rest(const struct sorter *s, const struct entry *e, uint32_t depth)
{
    return slice_after(key_at(s->blocks[e->block].keys, e->row), depth);
}

static bool is_equal_less(const struct sorter *s, const struct entry *a, const struct entry *b,
                          uint32_t depth)
{
    if (depth == AT_NUMBERS)
        return false;
    if (s->has_columns)
        return key_columns_compare(s->blocks[a->block].columns, a->row, s->blocks[b->block].columns,
                                   b->row) < 0;
    return slice_compare(key_rest(s, a, depth), key_rest(s, b, depth)) < 0;
}

static bool is_less(const struct sorter *s, const struct entry *a, const struct entry *b,
                    uint32_t depth)
{
    if (__builtin_expect(a->word != b->word, 1))
        return a->word < b->word;
    return is_equal_less(s, a, b, depth);
}

static void sort_small(const struct sorter *s, struct bucket b)
{
    struct entry *e = s->entries + b.first;
    for (uint32_t i = 1; i < b.count; i++) {
        struct entry moving = e[i];
        uint32_t at = i;
        if (moving.word > e[i - 1].word)
            continue;
        for (; at > 0 && is_less(s, &moving, &e[at - 1], b.depth); at--)
            e[at] = e[at - 1];
        e[at] = moving;
    }
}

/* Sort a small bucket now, leave a larger one for later. */
static slp_rc push(struct sorter *s, struct bucket b, struct slp_err *err)
{
    if (b.count <= SMALL) {
        sort_small(s, b);
        return SLP_OK;
    }
    return buf_append(&s->stack, &b, sizeof b, err);
}

/* Counts become where each begins; `ends[n]` is set to the sum. */
static void sum_counts(uint32_t *ends, size_t n)
{
    uint32_t at = 0;
    for (size_t i = 0; i <= n; i++) {
        uint32_t count = i < n ? ends[i] : 0;
        ends[i] = at;
        at += count;
    }
}

static uint32_t tail_of(const struct sorter *s, const struct entry *e, uint32_t depth)
{
    size_t len = key_rest(s, e, depth).len;
    return len < TAIL_GOES_ON ? (uint32_t)len : TAIL_GOES_ON;
}

static uint64_t number_of(const struct key_columns *k, uint32_t row)
{
    const struct key_numbers *n = &k->numbers;
    if (n->wide)
        return n->wide[row];
    return n->narrow ? n->base + n->narrow[row] : 0;
}

/* The same for keys that have columns, of which none begins another one: where one ends all do. */
static slp_rc next_columns(struct sorter *s, struct bucket b, struct slp_err *err)
{
    struct entry *e = s->entries + b.first;
    const struct key_columns *k = s->blocks[e->block].columns;
    if (b.depth == AT_NUMBERS)
        return SLP_OK;
    bool ends = b.depth + WINDOW_BYTES >= key_columns_common(k, e->row, k, e->row);
    b.depth = ends ? AT_NUMBERS : b.depth + WINDOW_BYTES;
    for (uint32_t i = 0; i < b.count; i++) {
        k = s->blocks[e[i].block].columns;
        e[i].word = ends ? number_of(k, e[i].row) : key_columns_part(k, e[i].row, b.depth);
    }
    return push(s, b, err);
}

/* All words of the bucket are alike: keys that end come first, the others go on. */
static slp_rc next_window(struct sorter *s, struct bucket b, struct slp_err *err)
{
    struct entry *e = s->entries + b.first;
    if (s->has_columns)
        return next_columns(s, b, err);
    uint32_t ends[TAILS + 1] = {0};
    for (uint32_t i = 0; i < b.count; i++)
        ends[tail_of(s, &e[i], b.depth)]++;
    uint32_t rest = ends[TAIL_GOES_ON];
    if (rest < b.count) {
        sum_counts(ends, TAILS);
        for (uint32_t i = 0; i < b.count; i++)
            s->spare[ends[tail_of(s, &e[i], b.depth)]++] = e[i];
        memcpy(e, s->spare, b.count * sizeof *e);
    }
    b.first += b.count - rest;
    b.count = rest;
    b.depth += WINDOW_BYTES;
    e = s->entries + b.first;
    for (uint32_t i = 0; i < rest; i++)
        e[i].word = load_window(key_rest(s, &e[i], b.depth));
    return rest > 1 ? push(s, b, err) : SLP_OK;
}

/* Words without bits in which they are all alike: of each byte the lowest `bits`, close together. */
static uint64_t fold(uint64_t word, unsigned bits)
{
    const uint64_t ones = 0x0101010101010101;
    if (bits == 8)
        return word;
    word &= ones * ((1u << bits) - 1);
    word = (word & 0x00FF00FF00FF00FF) | (word & 0xFF00FF00FF00FF00) >> (8 - bits);
    word = (word & 0x0000FFFF0000FFFF) | (word & 0xFFFF0000FFFF0000) >> (16 - 2 * bits);
    return (word & 0x00000000FFFFFFFF) | (word & 0xFFFFFFFF00000000) >> (32 - 4 * bits);
}

/* How words become numbers of buckets. */
struct scale {
    unsigned bits; /* of each byte */
    uint64_t least;
    unsigned shift;
};

static size_t bucket_of(const struct scale *c, uint64_t word)
{
    return (size_t)((fold(word, c->bits) - c->least) >> c->shift);
}

/* Spread a bucket's entries over narrower ones. */
static void spread(const struct sorter *s, struct bucket b, struct scale c, size_t buckets)
{
    struct entry *e = s->entries + b.first;
    uint32_t *ends = s->ends;
    memset(ends, 0, buckets * sizeof *ends);
    for (uint32_t i = 0; i < b.count; i++)
        ends[bucket_of(&c, e[i].word)]++;
    sum_counts(ends, buckets);
    for (uint32_t i = 0; i < b.count; i++)
        s->spare[ends[bucket_of(&c, e[i].word)]++] = e[i];
    memcpy(e, s->spare, b.count * sizeof *e);
}

/* So many bits of bucket numbers: one or two entries a bucket. */
static unsigned choose_bits(uint32_t count)
{
    unsigned bits = 31 - (unsigned)__builtin_clz(count);
    return bits < BITS_MAX ? bits : BITS_MAX;
}

/* Bits of each byte below those in which all words agree; `differs` has those in which some do not. */
static unsigned varying_bits(uint64_t differs)
{
    differs |= differs >> 32;
    differs |= differs >> 16;
    differs |= differs >> 8;
    return 32 - (unsigned)__builtin_clz((unsigned)(differs & 0xFF) | 1);
}

static slp_rc split(struct sorter *s, struct bucket b, struct slp_err *err)
{
    const struct entry *e = s->entries + b.first;
    uint64_t least = e[0].word;
    uint64_t most = e[0].word;
    uint64_t differs = 0;
    for (uint32_t i = 1; i < b.count; i++) {
        least = e[i].word < least ? e[i].word : least;
        most = e[i].word > most ? e[i].word : most;
        differs |= e[i].word ^ e[0].word;
    }
    if (least == most)
        return next_window(s, b, err);
    struct scale c = {.bits = varying_bits(differs)};
    c.least = fold(least, c.bits);
    uint64_t range = fold(most, c.bits) - c.least;
    unsigned width = 64 - (unsigned)__builtin_clzll(range);
    unsigned bits = choose_bits(b.count);
    c.shift = width > bits ? width - bits : 0;
    size_t buckets = (size_t)(range >> c.shift) + 1;
    uint32_t from = 0;
    spread(s, b, c, buckets);
    for (size_t i = 0; i < buckets; i++) {
        struct bucket part = {
            .first = b.first + from, .count = s->ends[i] - from, .depth = b.depth};
        from = s->ends[i];
        if (part.count > 1)
            TRY(push(s, part, err));
    }
    return SLP_OK;
}

static slp_rc sort_all(struct sorter *s, struct bucket all, struct slp_err *err)
{
    TRY(push(s, all, err));
    while (s->stack.len > 0) {
        struct bucket b;
        s->stack.len -= sizeof b;
        memcpy(&b, s->stack.ptr + s->stack.len, sizeof b);
        TRY(split(s, b, err));
    }
    return SLP_OK;
}

/* Bytes that all keys begin with. Most often they are few: the first eight are compared at once. */
static uint32_t common_prefix(const struct key_vec *keys)
{
    struct slice prefix = key_at(keys, 0);
    uint64_t first = prefix.len ? num_load_u64be(prefix.ptr) : 0;
    for (int64_t i = 1; i < keys->count && prefix.len > 0; i++) {
        struct slice key = key_at(keys, i);
        prefix.len = num_min_size(prefix.len, key.len);
        if (prefix.len == 0)
            break;
        uint64_t differs = num_load_u64be(key.ptr) ^ first;
        size_t n = differs ? (size_t)__builtin_clzll(differs) / 8 : 8;
        while (n >= 8 && n < prefix.len && key.ptr[n] == prefix.ptr[n])
            n++;
        prefix.len = num_min_size(prefix.len, n);
    }
    return (uint32_t)prefix.len;
}

static void load_keys(const struct sorter *s, uint32_t count, uint32_t depth)
{
    for (uint32_t i = 0; i < count; i++) {
        struct entry e = {.row = i};
        e.word = load_window(key_rest(s, &e, depth));
        s->entries[i] = e;
    }
}

/* `entries`, `spare` and `ends` for so many rows, in room of sort_bytes. */
static size_t sort_bytes(uint32_t count)
{
    return 2 * (size_t)count * sizeof(struct entry) + (BUCKETS_MAX + 1) * sizeof(uint32_t);
}

static void divide_room(struct sorter *s, void *room, uint32_t count)
{
    s->entries = room;
    s->spare = s->entries + count;
    s->ends = (uint32_t *)(void *)(s->spare + count);
}

static slp_rc too_many(int64_t rows, struct slp_err *err)
{
    FAIL(err, LIMIT, "%lld rows are more than one sort takes: at most %u", (long long)rows,
         UINT32_MAX);
}

slp_rc merge_sort(struct alloc *mem, const struct key_vec *keys, uint32_t *order,
                  struct slp_err *err)
{
    if (keys->count > UINT32_MAX)
        return too_many(keys->count, err);
    uint32_t count = (uint32_t)keys->count;
    if (key_first_fall(keys, 0) == keys->count) {
        for (uint32_t i = 0; i < count; i++)
            order[i] = i;
        return SLP_OK;
    }
    slp_rc rc = SLP_OK;
    const struct run_block block = {.keys = keys};
    struct sorter s = {.blocks = &block};
    void *room = NULL;
    buf_init(&s.stack, mem, SIZE_MAX / 2);
    TRY(alloc_room(mem, sort_bytes(count), &room, err));
    divide_room(&s, room, count);
    struct bucket all = {.count = count, .depth = common_prefix(keys)};
    load_keys(&s, count, all.depth);
    TRY_OUT(sort_all(&s, all, err));
    for (uint32_t i = 0; i < count; i++)
        order[i] = s.entries[i].row;
out:
    buf_fini(&s.stack);
    alloc_free(mem, room, sort_bytes(count));
    return err_wrap(err, rc, "sorting %u rows", count);
}

/* ---- Blocks ---- */

void merge_order_init(struct merge_order *o, struct alloc *mem)
{
    *o = (struct merge_order){.spans = NULL};
    buf_init(&o->room, mem, SIZE_MAX / 2);
}

void merge_order_fini(struct merge_order *o)
{
    buf_fini(&o->room);
}

static int64_t rows_of(const struct run_block *b)
{
    return b->columns ? b->columns->count : b->keys->count;
}

static struct entry *load_columns(const struct run_block *block, uint32_t number, struct entry *e)
{
    uint64_t words[WORDS];
    int64_t rows = rows_of(block);
    for (int64_t first = 0; first < rows; first += WORDS) {
        int64_t count = num_min_i64(WORDS, rows - first);
        key_columns_parts(block->columns, first, count, COLUMNS_DEPTH, words);
        for (int64_t i = 0; i < count; i++)
            *e++ = (struct entry){.word = words[i], .block = number, .row = (uint32_t)(first + i)};
    }
    return e;
}

static void load_blocks(const struct sorter *s, size_t count)
{
    struct entry *e = s->entries;
    for (size_t b = 0; b < count; b++) {
        if (s->has_columns) {
            e = load_columns(&s->blocks[b], (uint32_t)b, e);
            continue;
        }
        for (int64_t i = 0; i < s->blocks[b].keys->count; i++, e++) {
            *e = (struct entry){.block = (uint32_t)b, .row = (uint32_t)i};
            e->word = load_window(key_rest(s, e, 0));
        }
    }
}

static bool is_ascending(const struct entry *e, uint32_t count)
{
    uint32_t i = 1;
    while (i < count && e[i - 1].word < e[i].word)
        i++;
    return i >= count;
}

/* Spans of entries, in the room of those that are spare. */
static void make_spans(const struct sorter *s, uint32_t count, struct merge_order *o)
{
    struct merge_span *spans = (struct merge_span *)(void *)s->spare;
    const struct entry *e = s->entries;
    size_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool goes_on = i > 0 && e[i].block == e[i - 1].block && e[i].row == e[i - 1].row + 1;
        if (goes_on)
            spans[n - 1].rows++;
        else
            spans[n++] = (struct merge_span){.input = e[i].block, .rows = 1, .first = e[i].row};
    }
    o->spans = spans;
    o->span_count = n;
    o->rows = count;
}

slp_rc merge_sort_blocks(struct merge_order *o, const struct run_block *blocks, size_t count,
                         struct slp_err *err)
{
    _Static_assert(sizeof(struct merge_span) == sizeof(struct entry), "spans are put into entries");
    _Static_assert(2 * sizeof(struct entry) == MERGE_SORT_ROW_BYTES, "what the header says");
    struct sorter s = {.blocks = blocks};
    int64_t rows = 0;
    for (size_t b = 0; b < count; b++)
        rows += rows_of(&blocks[b]);
    *o = (struct merge_order){.room = o->room};
    if (rows == 0)
        return SLP_OK;
    if (rows > UINT32_MAX)
        return too_many(rows, err);
    s.has_columns = blocks[0].columns != NULL;
    struct bucket all = {.count = (uint32_t)rows, .depth = s.has_columns ? COLUMNS_DEPTH : 0};
    buf_clear(&o->room);
    TRY(buf_reserve(&o->room, sort_bytes(all.count), err));
    divide_room(&s, o->room.ptr, all.count);
    buf_init(&s.stack, o->room.mem, SIZE_MAX / 2);
    load_blocks(&s, count);
    slp_rc rc = is_ascending(s.entries, all.count) ? SLP_OK : sort_all(&s, all, err);
    if (rc == SLP_OK)
        make_spans(&s, all.count, o);
    buf_fini(&s.stack);
    return err_wrap(err, rc, "sorting %u rows", all.count);
}
