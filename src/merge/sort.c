#include "base/num.h"
#include "key/order.h"
#include "merge/merge.h"

/*
 * Buckets by interpolation over entries that hold a window of 8 key bytes.
 *
 *   key     | common prefix | window 0: 8 bytes | window 1: 8 bytes | ...
 *   entry   word: the window as a big-endian number, zeros behind the key's end; row
 *
 * The entries of a bucket are spread over as many narrower ones as they may need, each an equal part
 * of the way from the bucket's least word to its greatest: a pass that counts, and one that moves
 * them to where they belong, in order. Where all words are equal the next window decides; keys that
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
#define BITS_MAX     12u
#define BUCKETS_MAX  ((size_t)1 << BITS_MAX)

/* How a key goes on in a window: with so many bytes, or beyond it. */
#define TAIL_GOES_ON (WINDOW_BYTES + 1)
#define TAILS        (TAIL_GOES_ON + 1)

struct entry {
    uint64_t word;
    uint32_t row;
};

struct bucket {
    uint32_t first; /* entry */
    uint32_t count;
    uint32_t depth; /* key bytes before the window */
};

struct sorter {
    const struct key_vec *keys;
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

static struct slice key_rest(const struct key_vec *keys, uint32_t row, uint32_t depth)
{
    return slice_after(key_at(keys, row), depth);
}

static bool is_less(const struct sorter *s, const struct entry *a, const struct entry *b,
                    uint32_t depth)
{
    if (__builtin_expect(a->word != b->word, 1))
        return a->word < b->word;
    return slice_compare(key_rest(s->keys, a->row, depth), key_rest(s->keys, b->row, depth)) < 0;
}

static void sort_small(const struct sorter *s, struct bucket b)
{
    struct entry *e = s->entries + b.first;
    for (uint32_t i = 1; i < b.count; i++) {
        struct entry moving = e[i];
        uint32_t at = i;
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
    size_t len = key_rest(s->keys, e->row, depth).len;
    return len < TAIL_GOES_ON ? (uint32_t)len : TAIL_GOES_ON;
}

/* All words of the bucket are alike: keys that end come first, the others go on. */
static slp_rc next_window(struct sorter *s, struct bucket b, struct slp_err *err)
{
    struct entry *e = s->entries + b.first;
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
        e[i].word = load_window(key_rest(s->keys, e[i].row, b.depth));
    return rest > 1 ? push(s, b, err) : SLP_OK;
}

/* Spread a bucket's entries over buckets of 2^shift words from `least` on. */
static void spread(const struct sorter *s, struct bucket b, uint64_t least, unsigned shift,
                   size_t buckets)
{
    struct entry *e = s->entries + b.first;
    uint32_t *ends = s->ends;
    memset(ends, 0, buckets * sizeof *ends);
    for (uint32_t i = 0; i < b.count; i++)
        ends[(e[i].word - least) >> shift]++;
    sum_counts(ends, buckets);
    for (uint32_t i = 0; i < b.count; i++)
        s->spare[ends[(e[i].word - least) >> shift]++] = e[i];
    memcpy(e, s->spare, b.count * sizeof *e);
}

/* So many bits of bucket numbers: a few entries a bucket. */
static unsigned choose_bits(uint32_t count)
{
    unsigned bits = 31 - (unsigned)__builtin_clz(count);
    return bits < BITS_MAX ? bits : BITS_MAX;
}

static slp_rc split(struct sorter *s, struct bucket b, struct slp_err *err)
{
    const struct entry *e = s->entries + b.first;
    uint64_t least = e[0].word;
    uint64_t most = e[0].word;
    for (uint32_t i = 1; i < b.count; i++) {
        least = e[i].word < least ? e[i].word : least;
        most = e[i].word > most ? e[i].word : most;
    }
    if (least == most)
        return next_window(s, b, err);
    unsigned width = 64 - (unsigned)__builtin_clzll(most - least);
    unsigned bits = choose_bits(b.count);
    unsigned shift = width > bits ? width - bits : 0;
    size_t buckets = (size_t)((most - least) >> shift) + 1;
    uint32_t from = 0;
    spread(s, b, least, shift, buckets);
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

static void load_entries(const struct sorter *s, struct bucket all)
{
    for (uint32_t i = 0; i < all.count; i++)
        s->entries[i] =
            (struct entry){.word = load_window(key_rest(s->keys, i, all.depth)), .row = i};
}

slp_rc merge_sort(struct alloc *mem, const struct key_vec *keys, uint32_t *order,
                  struct slp_err *err)
{
    if (keys->count > UINT32_MAX)
        FAIL(err, LIMIT, "%lld rows are more than one sort takes: at most %u",
             (long long)keys->count, UINT32_MAX);
    uint32_t count = (uint32_t)keys->count;
    if (key_first_fall(keys, 0) == keys->count) {
        for (uint32_t i = 0; i < count; i++)
            order[i] = i;
        return SLP_OK;
    }
    slp_rc rc = SLP_OK;
    struct sorter s = {.keys = keys};
    const size_t bytes = 2 * (size_t)count * sizeof(struct entry);
    const size_t ends_bytes = (BUCKETS_MAX + 1) * sizeof *s.ends;
    void *room = NULL;
    buf_init(&s.stack, mem, SIZE_MAX / 2);
    TRY(alloc_room(mem, bytes + ends_bytes, &room, err));
    s.entries = room;
    s.spare = s.entries + count;
    s.ends = (uint32_t *)(void *)(s.spare + count);
    struct bucket all = {.count = count, .depth = common_prefix(keys)};
    load_entries(&s, all);
    TRY_OUT(sort_all(&s, all, err));
    for (uint32_t i = 0; i < count; i++)
        order[i] = s.entries[i].row;
out:
    buf_fini(&s.stack);
    alloc_free(mem, room, bytes + ends_bytes);
    return err_wrap(err, rc, "sorting %u rows", count);
}
