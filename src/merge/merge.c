#include "merge/merge.h"

#include "base/num.h"
#include "key/order.h"
#include "merge/kept.h"

/*
 * A loser tree over one word an input:
 *
 *   | 54 bits of the input's next key, behind the common prefix of all current blocks | input |
 *     high                                                                             10 bits
 *
 * Most comparisons are one comparison of words, without a branch that data decides. Words whose
 * key bytes are equal are compared by whole keys, and by input if those are equal: that makes the
 * merge stable. An input at its end has all ones, and is_done tells it from a key of all ones.
 *
 * tree[0] is the winner; tree[1..leaves-1] hold the losers of their subtrees; input i stands at
 * leaf leaves + i, and the parent of node n is n / 2. Leaves are a power of two, so that every way
 * up has the same length and the loop over it ends as foreseen.
 *
 * Where many inputs have the same keys, words tie at nearly every row. So it is noticed whether words
 * have all that keys differ in (has_all): then equal words are equal keys, of which the lower input
 * comes first, as it does in words.
 *
 * Keys that come out may never fall: of each input that is checked when its block comes, and of the
 * merge word by word as winners follow each other.
 *
 * Most rows are planned by a loop that compares words alone, whose only way from one winner to the
 * next is a load and two instructions a level (plan_quickly). It sees words that tie when they come
 * out one after the other, takes the first of them back, and leaves such rows, and whatever else is
 * rare, to steps that look at keys (step).
 *
 * A plan ends when an input's block is used up, since its next key is not known before its next
 * block is loaded, which in turn ends the life of the block the plan points into.
 */

#define INPUT_BITS   10
#define PLAN_SPANS   4096u
#define PLAN_ROWS    65536
#define GALLOP_AFTER 8
/* The prefix is looked for again when so many words an input tied: a longer one may tell them
 * apart. */
#define REFRESH_TIES 16
/* Words are made for so many rows of an input at once: one by one each would wait for its key. */
#define AHEAD_ROWS 64
/* So many steps look at keys before words alone are tried again; twice as many each time that that
 * was in vain. */
#define CAREFUL_STEPS 16
/* Of the keys of so many rows, at most so much is asked for ahead. */
#define LINE_BYTES  64u
#define AHEAD_LINES 16u

/* Values of dictionaries that stay such may take this part of what a batch may hold, above that. */
#define KEPT_SHARE 4u

/* Longest key: see MERGE_KEY_EXTRA_BYTES. */
#define KEY_BYTES_MAX (KEY_MAX_BYTES + MERGE_KEY_EXTRA_BYTES)

/* Bytes of a key that a message shows. */
#define SHOWN_KEY_BYTES 64u

struct input {
    struct run *run;     /* NULL: closed, at its end */
    struct key_vec made; /* keys of a block that came without, where they are wanted */
    struct buf last;     /* last key of the block before */
    bool has_last;
    bool is_done;
};

/* Where an input is in its block: what planning a row touches. */
struct head {
    int64_t at;        /* next row, whose word the tree has */
    int64_t ahead_end; /* rows before it, from `at` on, have their words in merge.ahead */
    uint64_t next;     /* the word of row at + 1 if that is before ahead_end */
};

struct merge {
    struct alloc *mem;
    const struct arr_schema *schema;
    size_t count;
    size_t leaves;            /* of the tree: a power of two */
    struct input *inputs;     /* `leaves` of them; those behind `count` are done */
    struct head *heads;       /* `leaves` of them */
    uint64_t *ahead;          /* AHEAD_ROWS of each: the word of a row at its number, modulo that */
    struct run_block *blocks; /* by input; batch NULL: none */
    uint64_t *tree;
    uint64_t *winners; /* scratch of 2 * count for building the tree */
    struct buf prefix; /* all keys of the current blocks begin with it */
    struct merge_span *spans;
    struct merge_part *parts;     /* of the plan, by input */
    struct merge_source *sources; /* of a column of the plan, by input */
    struct merge_kept *kept;      /* by column */
    struct merge_kept_of kept_of;
    int64_t ties;     /* since the prefix was looked for */
    size_t key_bytes; /* of each key whose word was made since then, if has_all */
    bool has_all;     /* words that are equal are those of equal keys */
    size_t row_bytes; /* the widest rows a block had on average so far */
    bool is_started;
    bool is_used_up;  /* the winner's block */
    bool has_partial; /* a block */
    bool
        has_columns; /* all blocks do, in place of keys; what came otherwise, or is to be handed out
                         with keys, ends that for good */
};

#define INPUT_MASK (((uint64_t)1 << INPUT_BITS) - 1)

static size_t input_of(uint64_t word)
{
    return (size_t)(word & INPUT_MASK);
}

/* Of its block. */
static int64_t rows_of(const struct merge *m, size_t input)
{
    return m->blocks[input].batch->rows;
}

/* The order of a row of one input's block and a row of another's. */
static int compare(const struct merge *m, size_t input, int64_t row, size_t other,
                   int64_t other_row)
{
    const struct run_block *a = &m->blocks[input];
    const struct run_block *b = &m->blocks[other];
    if (m->has_columns)
        return key_columns_compare(a->columns, row, b->columns, other_row);
    return slice_compare(key_at(a->keys, row), key_at(b->keys, other_row));
}

/* The eight bytes from `at` on, zeros behind the end. Keys of a vector may be read beyond it. */
static uint64_t load_part(struct slice key, size_t at)
{
    if (key.len <= at)
        return 0;
    uint64_t part = num_load_u64be(key.ptr + at);
    size_t left = key.len - at;
    return left < 8 ? part & ~(uint64_t)0 << (64 - 8 * left) : part;
}

/* Eight bytes of keys behind the prefix. */
static void load_parts(const struct merge *m, size_t input, int64_t first, int64_t count,
                       uint64_t *out)
{
    const struct run_block *block = &m->blocks[input];
    const size_t at = m->prefix.len;
    if (m->has_columns) {
        key_columns_parts(block->columns, first, count, at, out);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        out[i] = load_part(key_at(block->keys, first + i), at);
}

/* Ask for the keys whose words are made next: many inputs are more than the nearer caches hold. */
static void fetch_keys(const struct key_vec *keys, int64_t first)
{
    int64_t end = num_min_i64(first + AHEAD_ROWS, keys->count);
    const uint8_t *at = key_at(keys, first - 1).ptr;
    const uint8_t *stop = key_at(keys, end - 1).ptr;
    for (size_t lines = 0; at <= stop && lines < AHEAD_LINES; at += LINE_BYTES, lines++)
        __builtin_prefetch(at);
}

static uint64_t *ahead_of(const struct merge *m, size_t input)
{
    return m->ahead + input * AHEAD_ROWS;
}

/* Row `at` of an input, which has its word, is its next one. */
static void move_to(struct merge *m, size_t input, int64_t at)
{
    m->heads[input].at = at;
    m->heads[input].next = ahead_of(m, input)[(at + 1) % AHEAD_ROWS];
}

static size_t bytes_of_key(const struct merge *m, const struct run_block *b, int64_t row)
{
    return m->has_columns ? key_columns_bytes(b->columns, row) : key_at(b->keys, row).len;
}

/* Do the parts, of keys from row `first` on, and zeros make up all that is behind the prefix, and are
 * the keys of one length? Else two may differ where words do not. */
static bool are_all(const struct merge *m, size_t input, int64_t first, const uint64_t *parts,
                    int64_t count)
{
    const struct run_block *b = &m->blocks[input];
    const size_t behind = m->prefix.len + sizeof *parts;
    uint64_t lost = 0;
    size_t differs = 0;
    bool has_numbers = m->has_columns && key_columns_have_numbers(b->columns);
    if (!m->has_all || has_numbers || m->key_bytes > behind + sizeof *parts)
        return false;
    for (int64_t i = 0; i < count; i++) {
        lost |= parts[i] & INPUT_MASK;
        differs |= bytes_of_key(m, b, first + i) ^ m->key_bytes;
    }
    for (int64_t i = 0; m->key_bytes > behind && i < count; i++)
        lost |= m->has_columns ? key_columns_part(b->columns, first + i, behind)
                               : load_part(key_at(b->keys, first + i), behind);
    return lost == 0 && differs == 0;
}

/* Make the words of the input's next rows. */
static void look_ahead(struct merge *m, size_t input)
{
    struct head *h = &m->heads[input];
    uint64_t *ahead = ahead_of(m, input);
    uint64_t parts[AHEAD_ROWS];
    int64_t end = num_min_i64(h->at + AHEAD_ROWS, rows_of(m, input));
    if (!m->has_columns)
        fetch_keys(m->blocks[input].keys, end);
    load_parts(m, input, h->at, end - h->at, parts);
    m->has_all = are_all(m, input, h->at, parts, end - h->at);
    for (int64_t row = h->at; row < end; row++)
        ahead[row % AHEAD_ROWS] = (parts[row - h->at] & ~INPUT_MASK) | input;
    h->ahead_end = end;
    move_to(m, input, h->at);
}

static inline uint64_t word_of(struct merge *m, size_t input)
{
    const struct head *h = &m->heads[input];
    if (m->inputs[input].is_done)
        return ~INPUT_MASK | input;
    if (h->at >= h->ahead_end)
        look_ahead(m, input);
    return ahead_of(m, input)[h->at % AHEAD_ROWS];
}

static bool is_less_by_key(const struct merge *m, size_t a, size_t b)
{
    if (m->inputs[a].is_done || m->inputs[b].is_done)
        return m->inputs[a].is_done == m->inputs[b].is_done ? a < b : m->inputs[b].is_done;
    int order = compare(m, a, m->heads[a].at, b, m->heads[b].at);
    return order ? order < 0 : a < b;
}

/* Must keys decide? */
static inline bool is_tie(const struct merge *m, uint64_t a, uint64_t b)
{
    return (a ^ b) >> INPUT_BITS == 0 && !(m->has_all && a < ~INPUT_MASK);
}

static inline bool is_less(const struct merge *m, uint64_t a, uint64_t b)
{
    if (__builtin_expect(is_tie(m, a, b), 0))
        return is_less_by_key(m, input_of(a), input_of(b));
    return a < b;
}

/* From `node` upwards, where words tie: whole keys decide. */
static void replay_by_key(struct merge *m, size_t node, uint64_t word)
{
    for (; node > 0; node /= 2) {
        uint64_t other = m->tree[node];
        bool loses = is_less(m, other, word);
        m->tree[node] = loses ? word : other;
        word = loses ? other : word;
    }
    m->tree[0] = word;
}

/* Bring the input, whose next key changed and which was the winner, to its place. */
static void replay(struct merge *m, size_t input)
{
    uint64_t *tree = m->tree;
    uint64_t word = word_of(m, input);
    for (size_t node = (m->leaves + input) / 2; node > 0; node /= 2) {
        uint64_t other = tree[node];
        if (is_tie(m, other, word)) {
            m->ties++;
            replay_by_key(m, node, word);
            return;
        }
        tree[node] = other < word ? word : other;
        word = other < word ? other : word;
    }
    tree[0] = word;
}

static void build(struct merge *m)
{
    for (size_t i = 0; i < m->leaves; i++)
        m->winners[m->leaves + i] = word_of(m, i);
    for (size_t node = m->leaves - 1; node > 0; node--) {
        uint64_t a = m->winners[2 * node];
        uint64_t b = m->winners[2 * node + 1];
        bool a_wins = is_less(m, a, b);
        m->winners[node] = a_wins ? a : b;
        m->tree[node] = a_wins ? b : a;
    }
    m->tree[0] = m->winners[1];
}

/* What two keys share, of inputs that have any. */
static slp_rc take_prefix(struct merge *m, size_t lo, size_t hi, struct slp_err *err)
{
    const struct run_block *a = &m->blocks[lo];
    const struct run_block *b = &m->blocks[hi];
    const int64_t row = m->heads[lo].at;
    const int64_t last = rows_of(m, hi) - 1;
    m->key_bytes = bytes_of_key(m, a, row);
    if (!m->has_columns) {
        struct slice key = key_at(a->keys, row);
        return buf_assign(&m->prefix, slice_first(key, slice_common(key, key_at(b->keys, last))),
                          err);
    }
    size_t bytes = key_columns_common(a->columns, row, b->columns, last);
    TRY(buf_resize(&m->prefix, bytes, err));
    for (size_t at = 0; at < bytes; at += 8) {
        uint8_t part[8];
        num_store_u64be(part, key_columns_part(a->columns, row, at));
        memcpy(m->prefix.ptr + at, part, num_min_size(bytes - at, sizeof part));
    }
    return SLP_OK;
}

/* What the least next key and the greatest last key share, all keys between them share. */
static slp_rc refresh_prefix(struct merge *m, struct slp_err *err)
{
    size_t lo = m->count;
    size_t hi = m->count;
    buf_clear(&m->prefix);
    for (size_t i = 0; i < m->count; i++) {
        if (m->inputs[i].is_done)
            continue;
        bool is_first = lo == m->count;
        if (is_first || compare(m, i, m->heads[i].at, lo, m->heads[lo].at) < 0)
            lo = i;
        if (is_first || compare(m, i, rows_of(m, i) - 1, hi, rows_of(m, hi) - 1) > 0)
            hi = i;
    }
    if (lo < m->count)
        TRY(take_prefix(m, lo, hi, err));
    m->ties = 0;
    m->has_all = true;
    for (size_t i = 0; i < m->count; i++)
        m->heads[i].ahead_end = 0;
    build(m);
    return SLP_OK;
}

static void format_key(struct slice key, char out[2 * SHOWN_KEY_BYTES + 4])
{
    static const char digits[] = "0123456789abcdef";
    size_t shown = num_min_size(key.len, SHOWN_KEY_BYTES);
    for (size_t i = 0; i < shown; i++) {
        out[2 * i] = digits[key.ptr[i] >> 4];
        out[2 * i + 1] = digits[key.ptr[i] & 15];
    }
    memcpy(out + 2 * shown, shown < key.len ? "..." : "", shown < key.len ? 4 : 1);
}

static slp_rc fail_order(size_t input, struct slice before, struct slice after, struct slp_err *err)
{
    char a[2 * SHOWN_KEY_BYTES + 4];
    char b[2 * SHOWN_KEY_BYTES + 4];
    format_key(before, a);
    format_key(after, b);
    FAIL(err, CORRUPT, "input %zu of the merge is not sorted: key %s comes after key %s", input, b,
         a);
}

/* The key of a row, for as long as nothing else is put in `made` of the input. */
static slp_rc make_key(struct input *in, const struct run_block *block, int64_t row,
                       struct slice *key, struct slp_err *err)
{
    const struct key_columns *c = block->columns;
    if (!c) {
        *key = key_at(block->keys, row);
        return SLP_OK;
    }
    key_vec_clear(&in->made);
    TRY(key_columns_encode(c, row, 1, &in->made, err));
    *key = key_at(&in->made, 0);
    return SLP_OK;
}

/* Make the keys of a block that came without. */
static slp_rc make_keys(struct input *in, struct run_block *block, struct slp_err *err)
{
    const struct key_columns *c = block->columns;
    if (!c)
        return SLP_OK;
    key_vec_clear(&in->made);
    TRY(key_columns_encode(c, 0, c->count, &in->made, err));
    block->keys = &in->made;
    block->columns = NULL;
    return SLP_OK;
}

/* From now on by keys. */
static slp_rc leave_columns(struct merge *m, struct slp_err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->blocks[i].batch)
            TRY(make_keys(&m->inputs[i], &m->blocks[i], err));
    }
    m->has_columns = false;
    m->ties = REFRESH_TIES * (int64_t)m->count; /* words have what stands behind keys now */
    return SLP_OK;
}

static slp_rc check_order(struct input *in, size_t input, const struct run_block *block,
                          struct slp_err *err)
{
    const struct key_vec *keys = block->keys;
    struct slice first = {0};
    TRY(make_key(in, block, 0, &first, err));
    if (in->has_last && slice_compare(first, buf_slice(&in->last)) < 0)
        return fail_order(input, buf_slice(&in->last), first, err);
    if (block->is_ascending)
        return SLP_OK;
    int64_t fall = key_first_fall(keys, 0);
    if (fall < keys->count)
        return fail_order(input, key_at(keys, fall - 1), key_at(keys, fall), err);
    return SLP_OK;
}

static slp_rc keep_last(struct input *in, const struct run_block *block, struct slp_err *err)
{
    struct slice key = {0};
    TRY(make_key(in, block, block->batch->rows - 1, &key, err));
    TRY(buf_assign(&in->last, key, err));
    in->has_last = true;
    return SLP_OK;
}

/* A block of which the run says nothing about order has keys. */
static bool is_sound(const struct run_block *b)
{
    if (b->batch->rows == 0)
        return false;
    return b->columns ? b->columns->count == b->batch->rows && b->is_ascending
                      : b->keys->count == b->batch->rows;
}

/* What a row of the block takes, decoded. */
static slp_rc measure_rows(struct merge *m, size_t input, const struct arr_batch *batch,
                           struct slp_err *err)
{
    size_t bytes = 0;
    for (size_t c = 0; c < m->schema->count; c++) {
        const struct arr_col *col = &batch->cols[c];
        size_t more_bytes = 0;
        TRY(merge_kept_block(&m->kept[c], &m->kept_of, input, col, &more_bytes, err));
        bytes += arr_col_memory(col) + more_bytes;
        if (col->dictionary)
            bytes -= arr_col_memory(&col->dictionary->values);
    }
    m->row_bytes = num_max_size(m->row_bytes, bytes / (size_t)batch->rows + 1);
    return SLP_OK;
}

/* Replace the used-up block of an input. */
static slp_rc load_block(struct merge *m, size_t input, struct slp_err *err)
{
    struct input *in = &m->inputs[input];
    struct run_block *block = &m->blocks[input];
    if (block->batch) {
        TRY(keep_last(in, block, err));
        *block = (struct run_block){0};
    }
    struct run_block next = {0};
    slp_rc rc = run_next(in->run, &next, err);
    if (rc == SLP_DONE) {
        run_close(in->run);
        in->run = NULL;
        in->is_done = true;
        return SLP_OK;
    }
    if (rc != SLP_OK)
        return rc;
    assert(is_sound(&next));
    TRY(check_order(in, input, &next, err));
    *block = next;
    if (m->has_columns && !next.columns)
        TRY(leave_columns(m, err));
    if (!m->has_columns)
        TRY(make_keys(in, block, err));
    m->heads[input] = (struct head){0};
    m->has_partial = m->has_partial || next.is_partial;
    return next.is_partial ? SLP_OK : measure_rows(m, input, next.batch, err);
}

static bool row_has_prefix(const struct merge *m, size_t input, int64_t row)
{
    const struct run_block *b = &m->blocks[input];
    struct slice prefix = buf_slice(&m->prefix);
    if (!m->has_columns)
        return slice_starts_with(key_at(b->keys, row), prefix);
    for (size_t at = 0; at < prefix.len; at += 8) {
        uint8_t part[8];
        num_store_u64be(part, key_columns_part(b->columns, row, at));
        if (memcmp(part, prefix.ptr + at, num_min_size(prefix.len - at, sizeof part)) != 0)
            return false;
    }
    return true;
}

static bool has_prefix(const struct merge *m, size_t input)
{
    return row_has_prefix(m, input, 0) && row_has_prefix(m, input, rows_of(m, input) - 1);
}

/* See that every input has a next key or is done, and that the tree knows it. */
static slp_rc fill(struct merge *m, struct slp_err *err)
{
    if (!m->is_started) {
        for (size_t i = 0; i < m->count; i++) {
            if (!m->blocks[i].batch && !m->inputs[i].is_done)
                TRY(load_block(m, i, err));
        }
        TRY(refresh_prefix(m, err));
        m->is_started = true;
        return SLP_OK;
    }
    if (!m->is_used_up)
        return SLP_OK;
    size_t input = input_of(m->tree[0]);
    TRY(load_block(m, input, err));
    m->is_used_up = false;
    if (m->ties >= REFRESH_TIES * (int64_t)m->count ||
        (!m->inputs[input].is_done && !has_prefix(m, input)))
        return refresh_prefix(m, err);
    replay(m, input);
    return SLP_OK;
}

/* The best of the inputs that the winner has beaten. */
static uint64_t runner_up(const struct merge *m, size_t input)
{
    size_t node = (m->leaves + input) / 2;
    uint64_t best = m->tree[node];
    for (node /= 2; node > 0; node /= 2)
        best = is_less(m, m->tree[node], best) ? m->tree[node] : best;
    return best;
}

/* The row behind the last one in the winner's block that comes before all other inputs: steps that
 * double, then halving. The winner's next row is one that does. */
static int64_t run_end(const struct merge *m, size_t input)
{
    const int64_t rows = rows_of(m, input);
    if (m->count == 1)
        return rows;
    size_t other = input_of(runner_up(m, input));
    if (m->inputs[other].is_done)
        return rows;
    const int64_t limit = m->heads[other].at;
    int greatest = input < other ? 0 : -1; /* of equal keys the lower input comes first */
    int64_t inside = m->heads[input].at;
    int64_t outside = rows;
    for (int64_t step = 1; inside + step < outside; step *= 2) {
        if (compare(m, input, inside + step, other, limit) > greatest) {
            outside = inside + step;
            break;
        }
        inside += step;
    }
    while (outside - inside > 1) {
        int64_t middle = inside + (outside - inside) / 2;
        if (compare(m, input, middle, other, limit) > greatest)
            outside = middle;
        else
            inside = middle;
    }
    return outside;
}

/* The plan gets rows of an input; a span goes on if they stand behind its last. */
static void add_rows(struct merge *m, struct merge_plan *plan, size_t input, int64_t rows)
{
    struct merge_span *last = plan->span_count ? &m->spans[plan->span_count - 1] : NULL;
    if (last && last->input == input)
        last->rows += (uint32_t)rows;
    else
        m->spans[plan->span_count++] = (struct merge_span){
            .input = (uint32_t)input, .rows = (uint32_t)rows, .first = m->heads[input].at};
    plan->rows += rows;
}

/* Rows of the winner that come next: one, or a long run of them if it won often lately. */
static int64_t rows_of_winner(const struct merge *m, const struct merge_plan *plan, size_t input,
                              int64_t max_rows)
{
    const struct merge_span *last = plan->span_count ? &m->spans[plan->span_count - 1] : NULL;
    if (!last || last->input != input || last->rows < GALLOP_AFTER)
        return 1;
    return num_min_i64(run_end(m, input) - m->heads[input].at, max_rows - plan->rows);
}

/* Plan rows of the winner, by keys where words tie. */
static void step(struct merge *m, struct merge_plan *plan, int64_t max_rows)
{
    uint64_t before = m->tree[0];
    size_t input = input_of(before);
    struct head *h = &m->heads[input];
    int64_t rows = rows_of_winner(m, plan, input, max_rows);
    add_rows(m, plan, input, rows);
    h->at += rows;
    m->is_used_up = h->at == rows_of(m, input);
    if (m->is_used_up)
        return;
    if (h->at < h->ahead_end)
        move_to(m, input, h->at);
    replay(m, input);
    SLP_INVARIANT(before >> INPUT_BITS <= m->tree[0] >> INPUT_BITS);
}

/* The last row of the plan is its input's next one again. */
static void take_back(struct merge *m, struct merge_plan *plan)
{
    struct merge_span *last = &m->spans[plan->span_count - 1];
    move_to(m, last->input, m->heads[last->input].at - 1);
    last->rows--;
    plan->span_count -= last->rows == 0;
    plan->rows--;
}

/* Does a row of its block come behind the input's next one? Then that has its word. */
static inline bool has_next(struct merge *m, const struct head *h, size_t input)
{
    if (__builtin_expect(h->at + 1 < h->ahead_end, 1))
        return true;
    if (m->inputs[input].is_done || h->at + 1 >= rows_of(m, input))
        return false;
    look_ahead(m, input);
    return true;
}

/*
 * Plan rows one by one, by words alone, until one ties with another, an input is at the end of its
 * block, or a span gets long. Who wins is as good as random, so nothing in the loop is a branch that
 * data decides: a span that goes on is written again, words are swapped by conditional moves.
 *
 * Words that tie may stand in any order in the tree, so it is built anew at the end. Whether the
 * winner was right is known when the next one is: if their words tie, it is taken back. Nor may that
 * be a word of an input at its end, which a key may tie with.
 */
static void plan_quickly(struct merge *m, struct merge_plan *plan, int64_t max_rows)
{
    uint64_t *const tree = m->tree;
    struct head *const heads = m->heads;
    const uint64_t *const ahead = m->ahead;
    const size_t leaves = m->leaves;
    const struct merge_span *last = plan->span_count ? &m->spans[plan->span_count - 1] : NULL;
    struct merge_span *span = m->spans + plan->span_count;
    uint64_t word = tree[0];
    uint64_t same_input = last ? last->input : UINT64_MAX;
    uint32_t rows = last ? last->rows : 0;
    int64_t most = num_min_i64((int64_t)(PLAN_SPANS - plan->span_count), max_rows - plan->rows);
    int64_t left = most;
    bool is_tied = false;
    while (left > 0 && rows < GALLOP_AFTER && !is_tied &&
           has_next(m, &heads[input_of(word)], input_of(word))) {
        const size_t input = input_of(word);
        struct head *h = &heads[input];
        const int64_t at = h->at + 1;
        uint64_t next = h->next;
        left--;
        h->at = at;
        h->next = ahead[input * AHEAD_ROWS + (size_t)(at + 1) % AHEAD_ROWS];
        rows = input == same_input ? rows + 1 : 1;
        span += input != same_input;
        same_input = input;
        span[-1] = (struct merge_span){(uint32_t)input, rows, at - rows};
        for (size_t node = (leaves + input) / 2; node > 0; node /= 2) {
            const uint64_t other = tree[node];
            tree[node] = other < next ? next : other;
            next = other < next ? other : next;
        }
        SLP_INVARIANT(next >> INPUT_BITS >= word >> INPUT_BITS);
        is_tied = is_tie(m, next, word) || next >= ~INPUT_MASK;
        word = next;
    }
    plan->rows += most - left;
    plan->span_count = (size_t)(span - m->spans);
    if (is_tied)
        take_back(m, plan);
    if (left < most)
        build(m);
    m->ties += is_tied;
}

static bool may_grow(const struct merge *m, const struct merge_plan *plan, int64_t max_rows)
{
    return plan->rows < max_rows && plan->span_count < PLAN_SPANS && !m->is_used_up &&
           !m->inputs[input_of(m->tree[0])].is_done;
}

static void make_plan(struct merge *m, int64_t max_rows, struct merge_plan *plan)
{
    *plan = (struct merge_plan){.blocks = m->blocks,
                                .parts = m->parts,
                                .sources = m->sources,
                                .input_count = m->count,
                                .spans = m->spans};
    for (size_t i = 0; i < m->count; i++)
        m->parts[i].first = m->heads[i].at;
    for (int steps = CAREFUL_STEPS; may_grow(m, plan, max_rows);) {
        int64_t before = plan->rows;
        plan_quickly(m, plan, max_rows);
        steps = plan->rows - before < steps ? 2 * steps : CAREFUL_STEPS;
        for (int i = 0; i < steps && may_grow(m, plan, max_rows); i++)
            step(m, plan, max_rows);
    }
    for (size_t i = 0; i < m->count; i++)
        m->parts[i].end = m->heads[i].at;
}

/* See that the planned rows have all their columns; `*any` if one did not. */
static slp_rc complete(struct merge *m, const struct merge_plan *plan, bool *any,
                       struct slp_err *err)
{
    bool is_left = false;
    *any = false;
    for (size_t i = 0; m->has_partial && i < m->count; i++) {
        bool is_planned = plan->parts[i].first < plan->parts[i].end;
        if (!m->blocks[i].batch || !m->blocks[i].is_partial)
            continue;
        is_left = is_left || !is_planned;
        if (!is_planned)
            continue;
        TRY(run_complete(m->inputs[i].run, err));
        m->blocks[i].is_partial = false;
        TRY(measure_rows(m, i, m->blocks[i].batch, err));
        *any = true;
    }
    m->has_partial = is_left;
    return SLP_OK;
}

static slp_rc gather(struct merge *m, const struct merge_plan *plan, struct arr_batch *out,
                     struct key_vec *keys, struct slp_err *err)
{
    for (size_t c = 0; c < m->schema->count; c++) {
        struct arr_col *col = &out->cols[c];
        merge_gather_sources(plan, c);
        slp_rc rc = merge_kept_choose(&m->kept[c], &m->kept_of, plan, col, err);
        if (rc == SLP_OK)
            rc = merge_gather_rows(plan, col, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "column \"%s\"", m->schema->fields[c].name);
    }
    if (keys)
        TRY(merge_gather_keys(plan, keys, err));
    out->rows += plan->rows;
    return SLP_OK;
}

size_t merge_bytes(const struct merge *m, const struct arr_batch *out)
{
    size_t bytes = arr_batch_memory(out);
    for (size_t c = 0; c < m->schema->count; c++) {
        const struct merge_kept *k = &m->kept[c];
        if (k->all && out->cols[c].dictionary == k->all)
            bytes += k->more_bytes - arr_col_memory(&k->all->values);
    }
    return bytes;
}

slp_rc merge_next(struct merge *m, int64_t max_rows, size_t max_bytes, struct arr_batch *out,
                  struct key_vec *keys, struct slp_err *err)
{
    assert(max_rows > 0 && out->schema->count == m->schema->count);
    int64_t begin = out->rows;
    m->kept_of.most_bytes = max_bytes / KEPT_SHARE;
    if (keys && m->has_columns) {
        TRY(leave_columns(m, err));
        if (m->is_started)
            TRY(refresh_prefix(m, err));
    }
    while (out->rows - begin < max_rows) {
        size_t bytes = merge_bytes(m, out);
        if (bytes >= max_bytes && out->rows > begin)
            break;
        TRY(fill(m, err));
        if (m->inputs[input_of(m->tree[0])].is_done)
            break;
        size_t room = bytes < max_bytes ? (max_bytes - bytes) / m->row_bytes : 0;
        int64_t limit = num_min_i64(max_rows - (out->rows - begin), PLAN_ROWS);
        if (room < (size_t)limit)
            limit = room ? (int64_t)room : 1;
        struct merge_plan plan;
        bool is_large = false;
        make_plan(m, limit, &plan);
        TRY(complete(m, &plan, &is_large, err));
        TRY(gather(m, &plan, out, keys, err));
        /* A block that was partial is large: it makes way before anything else is done. */
        if (is_large)
            TRY(fill(m, err));
    }
    return out->rows > begin ? SLP_OK : SLP_DONE;
}

static slp_rc allocate(struct merge *m, struct slp_err *err)
{
    void *p = NULL;
    TRY(alloc_array(m->mem, m->leaves, sizeof *m->inputs, &p, err));
    m->inputs = p;
    for (size_t i = m->count; i < m->leaves; i++)
        m->inputs[i].is_done = true;
    TRY(alloc_array(m->mem, m->leaves, sizeof *m->heads, &p, err));
    m->heads = p;
    TRY(alloc_array(m->mem, m->leaves, AHEAD_ROWS * sizeof *m->ahead, &p, err));
    m->ahead = p;
    TRY(alloc_array(m->mem, m->count, sizeof *m->blocks, &p, err));
    m->blocks = p;
    TRY(alloc_array(m->mem, m->leaves, sizeof *m->tree, &p, err));
    m->tree = p;
    TRY(alloc_array(m->mem, 2 * m->leaves, sizeof *m->winners, &p, err));
    m->winners = p;
    TRY(alloc_array(m->mem, m->count, sizeof *m->parts, &p, err));
    m->parts = p;
    TRY(alloc_array(m->mem, m->count, sizeof *m->sources, &p, err));
    m->sources = p;
    TRY(alloc_array(m->mem, PLAN_SPANS, sizeof *m->spans, &p, err));
    m->spans = p;
    TRY(alloc_array(m->mem, m->schema->count, sizeof *m->kept, &p, err));
    m->kept = p;
    return SLP_OK;
}

static void close_all(struct run **inputs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_close(inputs[i]);
}

slp_rc merge_new(struct alloc *mem, const struct arr_schema *schema, struct run **inputs,
                 size_t count, struct merge **out, struct slp_err *err)
{
    struct merge *m = NULL;
    slp_rc rc = SLP_OK;
    if (count == 0 || count > MERGE_INPUTS_MAX)
        FAIL_OUT(err, LIMIT, "a merge takes 1 to %u inputs, not %zu", MERGE_INPUTS_MAX, count);
    TRY_OUT(alloc_new(mem, &m, err));
    *m = (struct merge){.mem = mem,
                        .schema = schema,
                        .count = count,
                        .leaves = 1,
                        .row_bytes = 1,
                        .kept_of = {.mem = mem, .input_count = count},
                        .has_columns = true};
    while (m->leaves < count)
        m->leaves *= 2;
    buf_init(&m->prefix, mem, KEY_BYTES_MAX);
    TRY_OUT(allocate(m, err));
    for (size_t i = 0; i < count; i++) {
        m->inputs[i].run = inputs[i];
        buf_init(&m->inputs[i].last, mem, KEY_BYTES_MAX);
        key_vec_init(&m->inputs[i].made, mem, SIZE_MAX / 4);
    }
    *out = m;
    return SLP_OK;
out:
    close_all(inputs, count);
    merge_free(m);
    return rc;
}

void merge_free(struct merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; m->inputs && i < m->count; i++) {
        run_close(m->inputs[i].run);
        buf_fini(&m->inputs[i].last);
        key_vec_fini(&m->inputs[i].made);
    }
    for (size_t c = 0; m->kept && c < m->schema->count; c++)
        merge_kept_fini(&m->kept[c], &m->kept_of);
    alloc_free(m->mem, m->kept, m->schema->count * sizeof *m->kept);
    buf_fini(&m->prefix);
    alloc_free(m->mem, m->inputs, m->leaves * sizeof *m->inputs);
    alloc_free(m->mem, m->heads, m->leaves * sizeof *m->heads);
    alloc_free(m->mem, m->ahead, m->leaves * AHEAD_ROWS * sizeof *m->ahead);
    alloc_free(m->mem, m->blocks, m->count * sizeof *m->blocks);
    alloc_free(m->mem, m->tree, m->leaves * sizeof *m->tree);
    alloc_free(m->mem, m->winners, 2 * m->leaves * sizeof *m->winners);
    alloc_free(m->mem, m->parts, m->count * sizeof *m->parts);
    alloc_free(m->mem, m->sources, m->count * sizeof *m->sources);
    alloc_free(m->mem, m->spans, PLAN_SPANS * sizeof *m->spans);
    alloc_delete(m->mem, m);
}
