#include "base/num.h"
#include "key/order.h"
#include "merge/merge.h"

/*
 * Radix from the left (MSD, in place, 256 buckets) over entries that hold a window of 16 key bytes.
 *
 *   key     | common prefix | window 0: 16 bytes | window 1: 16 bytes | ...
 *   entry   hi, lo: the window as two big-endian words; tail: key bytes from the window's start on,
 *           at most 17, so that "a" sorts before "a\0", whose window looks the same; row
 *
 * A bucket whose windows and tails are all equal moves on to the next window if its keys go on
 * (tail 17); else its keys are equal and its rows become the window, which is what makes the sort
 * stable.
 * Small buckets are sorted by insertion with whole comparisons.
 *
 * What remains to be done waits on a stack in memory, not in recursion: keys of 64 KiB that differ
 * at the end only would be thousands of levels deep. Waiting buckets do not overlap and have more
 * than SMALL entries each, so the stack is short.
 */

#define WINDOW_BYTES 16u
#define SMALL        24u
#define DIGITS       256u

/* Digits 0 to 15 are the bytes of the window, then the tail. */
#define TAIL_DIGIT   WINDOW_BYTES
#define TAIL_GOES_ON (WINDOW_BYTES + 1)

struct entry {
    uint64_t hi;
    uint64_t lo;
    uint32_t row;
    uint32_t tail;
};

struct bucket {
    uint32_t first; /* entry */
    uint32_t count;
    uint32_t depth; /* key bytes before the window */
    uint32_t digit; /* the one to try first: those before it are equal in the whole bucket */
};

struct sorter {
    const struct key_vec *keys;
    struct entry *entries;
    struct buf stack; /* of struct bucket */
};

/* The first 16 bytes of `s` as two big-endian words, zeros behind its end. The bytes of a key
 * vector may be read BUF_PADDING bytes beyond its last one. */
static void load_window(struct slice s, uint64_t *hi, uint64_t *lo)
{
    *hi = 0;
    *lo = 0;
    if (s.len == 0)
        return;
    *hi = num_load_u64be(s.ptr);
    if (s.len < 8) {
        *hi &= ~(uint64_t)0 << (64 - 8 * s.len);
        return;
    }
    *lo = s.len == 8 ? 0 : num_load_u64be(s.ptr + 8);
    if (s.len > 8 && s.len < WINDOW_BYTES)
        *lo &= ~(uint64_t)0 << (64 - 8 * (s.len - 8));
}

static struct slice key_rest(const struct key_vec *keys, uint32_t row, uint32_t depth)
{
    return slice_after(key_at(keys, row), depth);
}

static void load_entry(const struct key_vec *keys, uint32_t depth, struct entry *e)
{
    struct slice rest = key_rest(keys, e->row, depth);
    load_window(rest, &e->hi, &e->lo);
    e->tail = rest.len < TAIL_GOES_ON ? (uint32_t)rest.len : TAIL_GOES_ON;
}

/* Where a digit stands in an entry: eight bytes from `at` on, shifted. The tail is in the upper
 * half of the word that begins with the row. */
struct place {
    size_t at;
    unsigned shift;
};

static struct place place_of(uint32_t digit)
{
    if (digit < 8)
        return (struct place){.at = offsetof(struct entry, hi), .shift = 56 - 8 * digit};
    if (digit < WINDOW_BYTES)
        return (struct place){.at = offsetof(struct entry, lo), .shift = 120 - 8 * digit};
    return (struct place){.at = offsetof(struct entry, row), .shift = 32};
}

static inline unsigned digit_at(const struct entry *e, struct place p)
{
    return (unsigned)(num_load_u64le((const uint8_t *)e + p.at) >> p.shift) & 0xff;
}

static bool is_less(const struct sorter *s, const struct entry *a, const struct entry *b,
                    uint32_t depth)
{
    if (a->hi != b->hi)
        return a->hi < b->hi;
    if (a->lo != b->lo)
        return a->lo < b->lo;
    if (a->tail != b->tail)
        return a->tail < b->tail;
    if (a->tail == TAIL_GOES_ON) {
        uint32_t next = depth + WINDOW_BYTES;
        int order = slice_compare(key_rest(s->keys, a->row, next), key_rest(s->keys, b->row, next));
        if (order)
            return order < 0;
    }
    return a->row < b->row;
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

/* The first digit in which the entries differ; beyond TAIL_DIGIT if they are alike. */
static uint32_t first_difference(const struct entry *e, uint32_t count)
{
    uint64_t hi = 0;
    uint64_t lo = 0;
    uint32_t tail = 0;
    for (uint32_t i = 1; i < count; i++) {
        hi |= e[i].hi ^ e[0].hi;
        lo |= e[i].lo ^ e[0].lo;
        tail |= e[i].tail ^ e[0].tail;
    }
    if (hi)
        return (uint32_t)__builtin_clzll(hi) / 8;
    if (lo)
        return 8 + (uint32_t)__builtin_clzll(lo) / 8;
    return tail ? TAIL_DIGIT : TAIL_DIGIT + 1;
}

/* Put every entry into its digit's bucket, in place: each swap brings at least one home. */
static void permute(struct entry *e, struct place p, const uint32_t *counts, uint32_t *starts)
{
    uint32_t next[DIGITS];
    uint32_t ends[DIGITS];
    uint32_t at = 0;
    for (unsigned d = 0; d < DIGITS; d++) {
        starts[d] = at;
        next[d] = at;
        at += counts[d];
        ends[d] = at;
    }
    for (unsigned d = 0; d < DIGITS; d++) {
        while (next[d] < ends[d]) {
            struct entry moving = e[next[d]];
            unsigned home = digit_at(&moving, p);
            while (home != d) {
                struct entry displaced = e[next[home]];
                e[next[home]++] = moving;
                moving = displaced;
                home = digit_at(&moving, p);
            }
            e[next[d]++] = moving;
        }
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

/* All windows and tails of the bucket are alike. */
static slp_rc next_window(struct sorter *s, struct bucket b, struct slp_err *err)
{
    struct entry *e = s->entries + b.first;
    if (e[0].tail < TAIL_GOES_ON) {
        for (uint32_t i = 0; i < b.count; i++) {
            e[i].hi = 0;
            e[i].lo = e[i].row;
            e[i].tail = 0;
        }
        b.digit = WINDOW_BYTES - sizeof(uint32_t);
        return push(s, b, err);
    }
    b.depth += WINDOW_BYTES;
    b.digit = 0;
    for (uint32_t i = 0; i < b.count; i++)
        load_entry(s->keys, b.depth, &e[i]);
    return push(s, b, err);
}

static void count_digits(const struct entry *e, uint32_t count, struct place p, uint32_t *counts)
{
    memset(counts, 0, DIGITS * sizeof *counts);
    for (uint32_t i = 0; i < count; i++)
        counts[digit_at(&e[i], p)]++;
}

static slp_rc split(struct sorter *s, struct bucket b, struct slp_err *err)
{
    struct entry *e = s->entries + b.first;
    uint32_t counts[DIGITS];
    uint32_t starts[DIGITS];
    uint32_t digit = b.digit;
    count_digits(e, b.count, place_of(digit), counts);
    if (counts[digit_at(&e[0], place_of(digit))] == b.count) {
        digit = first_difference(e, b.count);
        if (digit > TAIL_DIGIT)
            return next_window(s, b, err);
        count_digits(e, b.count, place_of(digit), counts);
    }
    permute(e, place_of(digit), counts, starts);
    for (unsigned d = 0; d < DIGITS; d++) {
        if (counts[d] > 1)
            TRY(push(s,
                     (struct bucket){.first = b.first + starts[d],
                                     .count = counts[d],
                                     .depth = b.depth,
                                     .digit = digit < TAIL_DIGIT ? digit + 1 : TAIL_DIGIT},
                     err));
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
    buf_init(&s.stack, mem, SIZE_MAX / 2);
    void *entries = NULL;
    TRY(alloc_array(mem, count, sizeof(struct entry), &entries, err));
    s.entries = entries;
    uint32_t depth = common_prefix(keys);
    for (uint32_t i = 0; i < count; i++) {
        s.entries[i].row = i;
        load_entry(keys, depth, &s.entries[i]);
    }
    TRY_OUT(sort_all(&s, (struct bucket){.count = count, .depth = depth}, err));
    for (uint32_t i = 0; i < count; i++)
        order[i] = s.entries[i].row;
out:
    buf_fini(&s.stack);
    alloc_free(mem, s.entries, count * sizeof(struct entry));
    return err_wrap(err, rc, "sorting %u rows", count);
}
