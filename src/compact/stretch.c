#include "compact/stretch.h"

#include "base/num.h"
#include "compact/cut.h"

#define STRETCHES_MAX_BYTES ((size_t)256 << 20)

/*
 * All blocks of all inputs are met in the order of their first keys. A run is open while block
 * after block comes from one input and no other input reaches into them:
 *
 *   met so far   all of it ends at e, exclusive, or before
 *   next, of Z   begins at s: no other input reaches into it when e <= s. Of Z's own blocks that
 *                is always so. An open run of another input loses its last block if that ends
 *                behind s
 */
struct cursor {
    int64_t at;  /* block */
    int64_t end; /* behind the last one that may have keys in the range */
    struct datafile_block_info block;
    struct slice from; /* the block's keys in the range are in [from, to) */
    struct slice to;
    struct slice file_to; /* above all keys of the file */
    bool is_whole;        /* the range has all rows of the block */
    bool may_copy;        /* from this file */
};

/* Blocks of one input that are its own. */
struct own {
    size_t input;
    int64_t first;
    int64_t end; /* first == end: no run is open */
    struct slice last_to;
};

struct sweep {
    const struct compact_plan_input *in;
    struct arena *arena;
    struct cursor *cursors;
    size_t *heap; /* inputs by `from` of their cursors, then by number */
    size_t heap_count;
    struct slice reach; /* of all that was met; .ptr NULL: nothing was */
    struct own run;
    struct buf copies; /* struct compact_stretch */
};

/* ---- Cursors ---- */

static slp_rc look_at(struct sweep *s, size_t input, struct slp_err *err)
{
    struct cursor *c = &s->cursors[input];
    struct datafile *f = s->in->files[input];
    struct key_range range = s->in->ranges[input];
    struct datafile_block_info next = {0};
    TRY(datafile_block_info(f, c->at, s->in->codec, &c->block, err));
    c->from = c->block.key;
    c->to = c->file_to;
    c->is_whole = true;
    if (c->at + 1 < datafile_block_count(f)) {
        TRY(datafile_block_info(f, c->at + 1, s->in->codec, &next, err));
        c->to = next.key;
    }
    if (slice_compare(c->from, range.lo) < 0) {
        c->from = range.lo;
        c->is_whole = false;
    }
    if (range.has_hi && slice_compare(c->to, range.hi) > 0) {
        c->to = range.hi;
        c->is_whole = false;
    }
    return SLP_OK;
}

/* The least key above the last one. */
static slp_rc key_behind(struct arena *arena, struct slice last, struct slice *out,
                         struct slp_err *err)
{
    uint8_t *room = NULL;
    TRY(arena_array(arena, last.len + 1, 1, (void **)&room, err));
    memcpy(room, last.ptr, last.len);
    *out = slice_of(room, last.len + 1);
    return SLP_OK;
}

static bool comes_before(const struct sweep *s, size_t a, size_t b)
{
    int order = slice_compare(s->cursors[a].from, s->cursors[b].from);
    return order ? order < 0 : a < b;
}

static void sift_down(struct sweep *s, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < s->heap_count; child++)
            least = comes_before(s, s->heap[child], s->heap[least]) ? child : least;
        if (least == at)
            return;
        size_t moved = s->heap[at];
        s->heap[at] = s->heap[least];
        s->heap[least] = moved;
        at = least;
    }
}

static slp_rc begin(struct sweep *s, uint64_t footer_bytes, size_t input, struct slp_err *err)
{
    struct cursor *c = &s->cursors[input];
    struct datafile *f = s->in->files[input];
    TRY(datafile_find(f, s->in->ranges[input], &c->at, &c->end, err));
    if (c->at == c->end)
        return SLP_OK;
    c->may_copy = datafile_may_copy(f) && footer_bytes <= s->in->most_footer_bytes;
    TRY(key_behind(s->arena, datafile_last_key(f), &c->file_to, err));
    TRY(look_at(s, input, err));
    s->heap[s->heap_count++] = input;
    return SLP_OK;
}

/* The input whose block was met goes on to its next one. */
static slp_rc advance(struct sweep *s, struct slp_err *err)
{
    size_t input = s->heap[0];
    struct cursor *c = &s->cursors[input];
    c->at++;
    if (c->at < c->end)
        TRY(look_at(s, input, err));
    else
        s->heap[0] = s->heap[--s->heap_count];
    sift_down(s, 0);
    return SLP_OK;
}

/* ---- Runs ---- */

/* Add blocks [first, end) of a row group as a stretch; they begin and end between keys. */
static slp_rc add_copy(struct sweep *s, size_t input, struct datafile_blocks blocks, uint64_t bytes,
                       struct slp_err *err)
{
    struct datafile *f = s->in->files[input];
    struct datafile_block_info b = {0};
    struct compact_stretch stretch = {.input = input, .blocks = blocks};
    if (blocks.first == blocks.end || bytes < s->in->least_copy_bytes)
        return SLP_OK;
    TRY(datafile_block_info(f, blocks.first, s->in->codec, &b, err));
    stretch.range =
        (struct key_range){.lo = b.key, .hi = s->cursors[input].file_to, .has_hi = true};
    if (blocks.end < datafile_block_count(f)) {
        TRY(datafile_block_info(f, blocks.end, s->in->codec, &b, err));
        stretch.range.hi = b.key;
    }
    if (s->in->may_copy && !s->in->may_copy(s->in->context, input, stretch.range))
        return SLP_OK;
    return buf_append(&s->copies, &stretch, sizeof stretch, err);
}

/* Does a key begin with this block? Behind the last one, too. */
static slp_rc begins_key(struct sweep *s, size_t input, int64_t block, bool *out,
                         struct slp_err *err)
{
    struct datafile *f = s->in->files[input];
    struct datafile_block_info b = {0};
    if (block < datafile_block_count(f))
        TRY(datafile_block_info(f, block, s->in->codec, &b, err));
    *out = !b.continues;
    return SLP_OK;
}

/* A piece of the run from `first` on: inside one row group, a block or not too large, and from one
 * beginning of a key to another. `blocks->end` is `first` when there is none. */
static slp_rc find_piece(struct sweep *s, const struct own *run, int64_t first,
                         struct datafile_blocks *blocks, uint64_t *bytes, struct slp_err *err)
{
    struct datafile *f = s->in->files[run->input];
    struct datafile_block_info b = {0};
    uint64_t sum = 0;
    int64_t group = -1;
    *blocks = (struct datafile_blocks){first, first};
    for (int64_t i = first; i < run->end; i++) {
        bool is_end = false;
        TRY(datafile_block_info(f, i, s->in->codec, &b, err));
        /* A block that is too large by itself is larger still when it is merged. */
        if (group >= 0 && (b.group != group || sum + b.bytes > s->in->most_copy_bytes))
            return SLP_OK;
        group = b.group;
        sum += b.bytes;
        TRY(begins_key(s, run->input, i + 1, &is_end, err));
        if (is_end) {
            blocks->end = i + 1;
            *bytes = sum;
        }
    }
    return SLP_OK;
}

/* The open run is over: take its pieces. */
static slp_rc close_run(struct sweep *s, struct slp_err *err)
{
    struct own run = s->run;
    s->run.first = s->run.end = 0;
    for (int64_t at = run.first; at < run.end;) {
        struct datafile_blocks blocks;
        uint64_t bytes = 0;
        bool is_begin = false;
        TRY(begins_key(s, run.input, at, &is_begin, err));
        blocks = (struct datafile_blocks){at, at};
        if (is_begin)
            TRY(find_piece(s, &run, at, &blocks, &bytes, err));
        TRY(add_copy(s, run.input, blocks, bytes, err));
        at = num_max_i64(blocks.end, at + 1);
    }
    return SLP_OK;
}

/* Meet the next block of all. */
static slp_rc meet(struct sweep *s, struct slp_err *err)
{
    size_t input = s->heap[0];
    const struct cursor *c = &s->cursors[input];
    bool is_free = !s->reach.ptr || slice_compare(s->reach, c->from) <= 0;
    bool can = is_free && c->is_whole && c->may_copy && c->block.has_codec;
    bool is_open = s->run.first < s->run.end;
    if (is_open && s->run.input != input && slice_compare(s->run.last_to, c->from) > 0)
        s->run.end--;
    if (is_open && (s->run.input != input || !can))
        TRY(close_run(s, err));
    if (can) {
        if (s->run.first == s->run.end)
            s->run = (struct own){.input = input, .first = c->at};
        s->run.end = c->at + 1;
        s->run.last_to = c->to;
    }
    if (!s->reach.ptr || slice_compare(c->to, s->reach) > 0)
        s->reach = c->to;
    return advance(s, err);
}

static slp_rc find_copies(struct sweep *s, struct slp_err *err)
{
    for (size_t i = 0; i < s->in->count; i++) {
        if (!key_range_is_empty(s->in->ranges[i]))
            TRY(begin(s, datafile_footer_bytes(s->in->files[i]), i, err));
    }
    for (size_t i = s->heap_count; i-- > 0;)
        sift_down(s, i);
    while (s->heap_count > 0)
        TRY(meet(s, err));
    return close_run(s, err);
}

/* ---- What lies between ---- */

struct pieces {
    const struct compact_plan_input *in;
    struct alloc *mem;
    struct arena *arena;
    struct key_range *ranges; /* room for one an input */
    struct buf all;           /* struct compact_stretch */
};

static slp_rc add_merged(struct pieces *p, struct key_range range, struct slp_err *err)
{
    struct compact_cuts cuts = {0};
    if (key_range_is_empty(range))
        return SLP_OK;
    if (p->in->rows) {
        for (size_t i = 0; i < p->in->count; i++)
            p->ranges[i] = key_range_clip(p->in->ranges[i], range);
        struct compact_cut_input in = {
            .files = p->in->files, .ranges = p->ranges, .count = p->in->count, .rows = p->in->rows};
        TRY(compact_cut(&in, p->mem, p->arena, &cuts, err));
    }
    for (size_t i = 0; i <= cuts.count; i++) {
        struct compact_stretch stretch = {.range = range, .input = COMPACT_MERGED};
        if (i > 0)
            stretch.range.lo = cuts.keys[i - 1];
        if (i < cuts.count) {
            stretch.range.hi = cuts.keys[i];
            stretch.range.has_hi = true;
        }
        TRY(buf_append(&p->all, &stretch, sizeof stretch, err));
    }
    return SLP_OK;
}

static slp_rc fill_between(struct pieces *p, const struct buf *copies, struct slp_err *err)
{
    const struct compact_stretch *copy = (const struct compact_stretch *)(void *)copies->ptr;
    struct key_range left = p->in->range;
    for (size_t i = 0; i < copies->len / sizeof *copy; i++) {
        struct key_range gap = {.lo = left.lo, .hi = copy[i].range.lo, .has_hi = true};
        TRY(add_merged(p, gap, err));
        TRY(buf_append(&p->all, &copy[i], sizeof copy[i], err));
        left.lo = copy[i].range.hi;
    }
    return add_merged(p, left, err);
}

static slp_rc sweep(const struct compact_plan_input *in, struct alloc *mem, struct arena *arena,
                    struct buf *copies, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct sweep s = {.in = in, .arena = arena};
    buf_init(&s.copies, mem, STRETCHES_MAX_BYTES);
    TRY_OUT(alloc_array(mem, in->count, sizeof *s.cursors, (void **)&s.cursors, err));
    TRY_OUT(alloc_array(mem, in->count, sizeof *s.heap, (void **)&s.heap, err));
    if (in->most_copy_bytes)
        TRY_OUT(find_copies(&s, err));
    *copies = s.copies;
    buf_init(&s.copies, mem, 0);
out:
    buf_fini(&s.copies);
    alloc_free(mem, s.cursors, in->count * sizeof *s.cursors);
    alloc_free(mem, s.heap, in->count * sizeof *s.heap);
    return rc;
}

slp_rc compact_plan(const struct compact_plan_input *in, struct alloc *mem, struct arena *arena,
                    struct compact_stretches *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pieces p = {.in = in, .mem = mem, .arena = arena};
    struct buf copies;
    struct slice all = {0};
    buf_init(&copies, mem, STRETCHES_MAX_BYTES);
    buf_init(&p.all, mem, STRETCHES_MAX_BYTES);
    TRY_OUT(sweep(in, mem, arena, &copies, err));
    TRY_OUT(alloc_array(mem, in->count, sizeof *p.ranges, (void **)&p.ranges, err));
    TRY_OUT(fill_between(&p, &copies, err));
    size_t count = p.all.len / sizeof *out->items;
    void *items = NULL;
    TRY_OUT(arena_array(arena, count + 1, sizeof *out->items, &items, err));
    all = buf_slice(&p.all);
    if (all.len)
        memcpy(items, all.ptr, all.len);
    *out = (struct compact_stretches){.items = items, .count = count};
out:
    alloc_free(mem, p.ranges, in->count * sizeof *p.ranges);
    buf_fini(&copies);
    buf_fini(&p.all);
    return rc;
}
