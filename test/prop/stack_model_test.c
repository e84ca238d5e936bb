/* rooms: stack */
/*
 * Random histories of one small table against a plain model that keeps every row in memory: rows
 * put, deleted and reset in random runs, purges and range deletes, compactions of whatever rules
 * O3 and O6 allow, with every engine and every sort of filter. After each step a query must
 * answer what the model answers.
 *
 * STACK_LEAVES=100000 runs so many histories instead of the few of the ordinary suite (`make laws`).
 */
#include "stack/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/text.h"
#include "lib/run.h"
#include "stack/input.h"

#define KEYS     8
#define FILES    24
#define PURGES   16
#define EVENTS   400
#define LIVE_MAX 200
#define LEAVES   150
#define STEPS    30

struct row {
    int32_t k;
    bool has_v, has_a, has_b;
    int64_t v, ts;
    int32_t a;
    char b;
};

enum event_kind { EVENT_ROW, EVENT_RANGE, EVENT_WHERE };

struct event {
    enum event_kind what;
    enum stack_kind kind;
    struct row row;
    int lo, hi;  /* RANGE */
    int64_t v;   /* WHERE: v = this; on bag */
    int modulus; /* WHERE: k = this; elsewhere */
};

struct file {
    struct arr_batch batch;
    struct key_vec keys;
    unsigned form;
    uint64_t low, high, mark;
};

struct purge {
    uint64_t at;
    struct stack_purge said;
};

enum engine { BAG, AGG, BITS, ORDERED, LAST, FIRST, LAST_BY, FIRST_BY, PARTIAL, ENGINES };
static const char *const engine_texts[] = {
    "bag",
    "aggregate(sum: v; max: ts; count: a; min: b)",
    "aggregate(bit_or(v), min(ts), sum(a), max(b))",
    "aggregate(last: v; first: ts; any: a; last_value: b)",
    "last",
    "first",
    "last(order-by: ts)",
    "first(order-by: ts)",
    "partial",
};
enum filter { NO_FILTER, BY_KEY, BY_KEY_AGE, BY_VALUE, BY_AGE, FILTERS };
static const char *const filter_texts[] = {NULL, "k <> 3", "ageOff(k, 14)", "v >= 3 OR v IS NULL",
                                           "ageOff(ts, 6 ms)"};

struct table {
    struct t *t;
    struct arena arena;
    struct schema schema;
    struct key_spec spec;
    struct stack *stack;
    enum engine engine;
    enum filter filter;
    struct file files[FILES];
    size_t file_count;
    struct purge purges[PURGES];
    size_t purge_count;
    struct event events[EVENTS];
    size_t event_count;
    uint64_t position;
    int64_t now;
    bool with_deletes;
    bool has_deleted;
};

/* ---- the table ---- */

static void table_init(struct table *x, struct t *t)
{
    static const char json[] =
        "{\"fields\":[{\"id\":1,\"name\":\"k\",\"type\":\"int32\",\"nullable\":false},"
        "{\"id\":2,\"name\":\"v\",\"type\":\"int64\",\"nullable\":true},"
        "{\"id\":3,\"name\":\"ts\",\"type\":\"int64\",\"nullable\":false},"
        "{\"id\":4,\"name\":\"a\",\"type\":\"int32\",\"nullable\":true},"
        "{\"id\":5,\"name\":\"b\",\"type\":\"string\",\"nullable\":true}],"
        "\"rowKey\":[\"k\"],\"sortKey\":[]}";
    memset(x, 0, sizeof *x);
    x->t = t;
    arena_init(&x->arena, &t->mem, 1 << 24);
    assert_ok(t, schema_parse(slice_str(json), &x->arena, &x->schema, &t->err));
    key_spec_init(&x->spec, &x->schema);
    x->engine = (enum engine)t_below(t, ENGINES);
    x->filter = (enum filter)t_below(t, FILTERS);
    x->with_deletes = t_below(t, 2) != 0;
    struct slice filter = slice_str(x->filter ? filter_texts[x->filter] : "");
    struct stack_texts texts = {.engine = slice_str(engine_texts[x->engine]),
                                .filters = &filter,
                                .filter_count = x->filter != NO_FILTER};
    assert_ok(t, stack_new(&t->mem, &x->schema, &texts, &x->stack, &t->err));
}

static void file_fini(struct file *f)
{
    arr_batch_fini(&f->batch);
    key_vec_fini(&f->keys);
}

static void table_fini(struct table *x)
{
    for (size_t i = 0; i < x->file_count; i++)
        file_fini(&x->files[i]);
    stack_free(x->stack);
    arena_fini(&x->arena);
}

/* Read a stack to its end into a file; the form grows on the way, so blocks are widened. */
static bool collect(struct table *x, struct run *run, struct file *out)
{
    struct t *t = x->t;
    const unsigned all = STACK_KINDS | STACK_CARRIES;
    const struct schema *wide = stack_schema(x->stack, all);
    struct run *widened = NULL;
    struct run_block block = {0};
    slp_rc rc = SLP_OK;
    assert_ok(t, arr_batch_init(&out->batch, &t->mem, &wide->columns, &t->err));
    key_vec_init(&out->keys, &t->mem, SIZE_MAX / 4);
    out->form = all;
    while ((rc = run_next(run, &block, &t->err)) == SLP_OK) {
        struct t_run once;
        unsigned form = 0;
        assert_ok(t, stack_form_of(x->stack, block.batch->schema, &form, &t->err));
        t_run_init(&once, &t->mem, block.batch, block.keys, 0, block.batch->rows, INT64_MAX);
        struct stack_input in = {.form = form, .to_form = all};
        assert_ok(t, stack_input(x->stack, &t->mem, &in, &once.base, &widened, &t->err));
        assert_ok(t, run_next(widened, &block, &t->err));
        assert_ok(t, arr_batch_append_run(&out->batch, block.batch, 0, block.batch->rows, &t->err));
        assert_ok(t, key_vec_append_run(&out->keys, block.keys, 0, block.keys->count, &t->err));
        run_close(widened);
    }
    assert_int_equal(rc, SLP_DONE);
    run_close(run);
    if (out->batch.rows > 0)
        return true;
    file_fini(out);
    return false;
}

static void append_row(struct t *t, struct arr_batch *b, const struct row *r, enum stack_kind kind)
{
    bool blank = kind == STACK_DELETE;
    assert_ok(t, arr_col_append_i64(&b->cols[0], r->k, &t->err));
    assert_ok(t, blank || !r->has_v ? arr_col_append_null(&b->cols[1], &t->err)
                                    : arr_col_append_i64(&b->cols[1], r->v, &t->err));
    assert_ok(t, arr_col_append_i64(&b->cols[2], blank ? 0 : r->ts, &t->err));
    assert_ok(t, blank || !r->has_a ? arr_col_append_null(&b->cols[3], &t->err)
                                    : arr_col_append_i64(&b->cols[3], r->a, &t->err));
    assert_ok(t, blank || !r->has_b ? arr_col_append_null(&b->cols[4], &t->err)
                                    : arr_col_append(&b->cols[4], slice_of(&r->b, 1), &t->err));
    assert_ok(t, arr_col_append_i64(&b->cols[5], kind, &t->err));
    b->rows++;
}

static struct row random_row(struct table *x, int32_t k)
{
    struct t *t = x->t;
    return (struct row){.k = k,
                        .has_v = t_below(t, 5) != 0,
                        .has_a = t_below(t, 3) != 0,
                        .has_b = t_below(t, 3) != 0,
                        .v = (int64_t)t_below(t, 5) + 1,
                        .ts = x->now > 8 ? x->now - (int64_t)t_below(t, 8) : 0,
                        .a = (int32_t)t_below(t, 9),
                        .b = (char)('p' + t_below(t, 5))};
}

/* Rows of one ingest: sorted by key, of equal keys the first given first. */
static void add(struct table *x)
{
    struct t *t = x->t;
    struct arr_batch b = {0};
    struct key_vec keys;
    if (x->file_count == FILES || x->event_count + 16 > EVENTS)
        return;
    x->position++;
    assert_ok(t,
              arr_batch_init(&b, &t->mem, &stack_schema(x->stack, STACK_KINDS)->columns, &t->err));
    key_vec_init(&keys, &t->mem, SIZE_MAX / 4);
    for (int32_t k = 0; k < KEYS; k++) {
        for (uint64_t n = t_below(t, 3) ? 0 : t_below(t, 3); n > 0; n--) {
            struct row r = random_row(x, k);
            enum stack_kind kind = STACK_PUT;
            if (x->with_deletes && t_below(t, 3) == 0)
                kind = t_below(t, 3) ? STACK_DELETE : STACK_RESET;
            x->has_deleted |= kind != STACK_PUT;
            append_row(t, &b, &r, kind);
            x->events[x->event_count++] = (struct event){.what = EVENT_ROW, .kind = kind, .row = r};
            if (x->event_count + 2 > EVENTS)
                break;
        }
    }
    assert_ok(t, key_encode_rows(&x->spec, &b, 0, b.rows, &keys, &t->err));
    struct t_run rows;
    t_run_init(&rows, &t->mem, &b, &keys, 0, b.rows, (int64_t)t_below(t, 3) + 1);
    struct stack_options o = {.mode = STACK_INGEST,
                              .form = STACK_KINDS,
                              .now_ms = x->now,
                              .block_rows = (int64_t)t_below(t, 4)};
    struct run *run = NULL;
    struct file *f = &x->files[x->file_count];
    assert_ok(t, stack_open(x->stack, &t->mem, &o, &rows.base, &run, &t->err));
    *f = (struct file){.low = x->position, .high = x->position, .mark = x->position};
    x->file_count += collect(x, run, f);
    arr_batch_fini(&b);
    key_vec_fini(&keys);
}

static struct slice encode_key(struct table *x, int32_t k)
{
    struct t *t = x->t;
    struct arr_col c;
    struct buf b;
    struct slice kept;
    arr_col_init(&c, &t->mem, (struct arr_type){.kind = ARR_INT32});
    buf_init(&b, &t->mem, 1024);
    assert_ok(t, arr_col_append_i64(&c, k, &t->err));
    assert_ok(t, key_encode_prefix(&x->spec, &c, 1, &b, &t->err));
    assert_ok(t, arena_copy(&x->arena, buf_slice(&b), &kept, &t->err));
    arr_col_fini(&c);
    buf_fini(&b);
    return kept;
}

static void purge(struct table *x)
{
    struct t *t = x->t;
    if (x->purge_count == PURGES || x->event_count == EVENTS)
        return;
    x->position++;
    struct event e = {.what = t_below(t, 2) ? EVENT_RANGE : EVENT_WHERE};
    struct purge p = {.at = x->position, .said = {.at = {.frame = x->position}}};
    if (e.what == EVENT_RANGE) {
        e.lo = (int)t_below(t, KEYS);
        e.hi = e.lo + (int)t_below(t, (uint64_t)(KEYS - e.lo)) + 1;
        p.said.range = (struct key_range){
            .lo = encode_key(x, e.lo), .hi = encode_key(x, e.hi), .has_hi = true};
    } else {
        char where[40];
        e.v = (int64_t)t_below(t, 5) + 1;
        e.modulus = (int)t_below(t, KEYS);
        if (x->engine == BAG)
            (void)snprintf(where, sizeof where, "v = %d", (int)e.v);
        else
            (void)snprintf(where, sizeof where, "k = %d", e.modulus);
        assert_ok(t, pred_compile(slice_str(where), &x->schema.columns, NULL, 0, &x->arena,
                                  &p.said.where, &t->err));
        assert_ok(t, stack_purge_check(x->stack, p.said.where, &t->err));
    }
    x->events[x->event_count++] = e;
    x->purges[x->purge_count++] = p;
}

/* Blocks cut again, so that keys begin and end anywhere in them. */
struct cutter {
    struct run run;
    struct t *t;
    struct run *in;
    struct run_block block;
    int64_t at;
    struct t_run piece;
};

static slp_rc cutter_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct cutter *c = (struct cutter *)(void *)run;
    if (!c->block.batch || c->at == c->block.batch->rows) {
        slp_rc rc = run_next(c->in, &c->block, err);
        if (rc != SLP_OK)
            return rc;
        c->at = 0;
    }
    int64_t n = (int64_t)t_below(c->t, 4) + 1;
    int64_t end = c->at + n < c->block.batch->rows ? c->at + n : c->block.batch->rows;
    run_close(&c->piece.base);
    t_run_init(&c->piece, &c->t->mem, c->block.batch, c->block.keys, c->at, end, n);
    c->at = end;
    return run_next(&c->piece.base, out, err);
}

static void cutter_close(struct run *run)
{
    struct cutter *c = (struct cutter *)(void *)run;
    run_close(&c->piece.base);
    run_close(c->in);
    free(c);
}

static struct run *cut_again(struct table *x, struct run *in)
{
    static const struct run_ops ops = {.next = cutter_next, .close = cutter_close};
    struct cutter *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->run.ops = &ops;
    c->t = x->t;
    c->in = in;
    t_run_init(&c->piece, &x->t->mem, NULL, NULL, 0, 0, 1);
    return &c->run;
}

/* The runs of some files, purged up to a position, merged and stacked. */
static void merge_files(struct table *x, const struct file *const *files, size_t count, uint64_t at,
                        const struct stack_options *o, struct run **out, struct t_run *runs,
                        struct stack_purge said[FILES][PURGES])
{
    struct t *t = x->t;
    struct run *inputs[FILES];
    const unsigned all = STACK_KINDS | STACK_CARRIES;
    for (size_t i = 0; i < count; i++) {
        const struct file *f = files[i];
        for (size_t p = 0; p < x->purge_count; p++)
            said[i][p] = x->purges[p].said;
        struct stack_position mark = {.frame = f->mark};
        size_t n = stack_purges_between(said[i], x->purge_count, mark,
                                        (struct stack_position){.frame = at});
        t_run_init(&runs[i], &t->mem, &f->batch, &f->keys, 0, f->batch.rows,
                   (int64_t)t_below(t, 4) + 1);
        struct stack_input in = {
            .form = f->form, .to_form = all, .purges = said[i], .purge_count = n};
        assert_ok(t, stack_input(x->stack, &t->mem, &in, &runs[i].base, &inputs[i], &t->err));
    }
    struct run *merged = NULL;
    assert_ok(t, stack_merge(&t->mem, &stack_schema(x->stack, all)->columns, inputs, count, &merged,
                             &t->err));
    merged = cut_again(x, merged);
    assert_ok(t, stack_open(x->stack, &t->mem, o, merged, out, &t->err));
}

static int by_position(const void *a, const void *b)
{
    const struct file *x = a;
    const struct file *y = b;
    return x->low != y->low ? (x->low > y->low) - (x->low < y->low)
                            : (x->high > y->high) - (x->high < y->high);
}

/* Choose inputs as rule O3 allows; say whether they are the oldest (O6). */
static size_t choose_files(struct table *x, const struct file **out, bool *is_oldest)
{
    struct t *t = x->t;
    size_t n = 0;
    qsort(x->files, x->file_count, sizeof x->files[0], by_position);
    size_t first = (size_t)t_below(t, x->file_count);
    size_t end = first + 1 + (size_t)t_below(t, 3);
    bool any = !stack_is_order_sensitive(x->stack, x->has_deleted);
    for (size_t i = 0; i < x->file_count; i++)
        if (any ? t_below(t, 2) != 0 : i >= first && i < end)
            out[n++] = &x->files[i];
    if (n == 0)
        return 0;
    uint64_t high = 0;
    for (size_t i = 0; i < n; i++)
        high = out[i]->high > high ? out[i]->high : high;
    *is_oldest = true;
    size_t seen = 0;
    for (size_t i = 0; i < x->file_count; i++) {
        bool chosen = seen < n && out[seen] == &x->files[i];
        seen += chosen;
        if (!chosen && x->files[i].low <= high)
            *is_oldest = false;
    }
    return n;
}

static void compact(struct table *x)
{
    const struct file *files[FILES];
    struct t_run runs[FILES];
    struct stack_purge said[FILES][PURGES];
    struct stack_options o = {.mode = STACK_COMPACT,
                              .form = STACK_KINDS | STACK_CARRIES,
                              .now_ms = x->now,
                              .block_rows = (int64_t)t_below(x->t, 4)};
    if (x->file_count == 0)
        return;
    size_t n = choose_files(x, files, &o.is_oldest);
    if (n == 0)
        return;
    x->position++;
    struct file made = {.low = UINT64_MAX};
    uint64_t mark = 0;
    for (size_t i = 0; i < n; i++) {
        made.low = files[i]->low < made.low ? files[i]->low : made.low;
        made.high = files[i]->high > made.high ? files[i]->high : made.high;
        mark = files[i]->mark > mark ? files[i]->mark : mark;
    }
    /* As if assigned at any time since the inputs were there. */
    made.mark = mark + t_below(x->t, x->position - mark + 1);
    struct run *run = NULL;
    merge_files(x, files, n, made.mark, &o, &run, runs, said);
    bool has_rows = collect(x, run, &made);
    size_t left = 0;
    size_t taken = 0;
    for (size_t i = 0; i < x->file_count; i++) {
        if (taken < n && files[taken] == &x->files[i]) {
            file_fini(&x->files[i]);
            taken++;
        } else {
            x->files[left++] = x->files[i];
        }
    }
    if (has_rows)
        x->files[left++] = made;
    x->file_count = left;
}

/* ---- the model ---- */

struct live {
    struct row rows[LIVE_MAX];
    size_t count;
};

static bool passes(const struct table *x, const struct row *r)
{
    switch (x->filter) {
    case BY_KEY:
        return r->k != 3;
    case BY_KEY_AGE:
        return r->k > x->now - 14;
    case BY_VALUE:
        return !r->has_v || r->v >= 3;
    case BY_AGE:
        return r->ts > x->now - 6;
    default:
        return true;
    }
}

static bool purged(const struct table *x, const struct event *e, const struct row *r)
{
    if (e->what == EVENT_RANGE)
        return r->k >= e->lo && r->k < e->hi;
    if (x->engine == BAG)
        return r->has_v && r->v == e->v;
    return r->k == e->modulus;
}

static void live_rows(const struct table *x, int32_t k, struct live *out)
{
    out->count = 0;
    for (size_t i = 0; i < x->event_count; i++) {
        const struct event *e = &x->events[i];
        if (e->what == EVENT_ROW) {
            if (e->row.k != k)
                continue;
            if (e->kind != STACK_PUT)
                out->count = 0;
            if (e->kind != STACK_DELETE)
                out->rows[out->count++] = e->row;
            continue;
        }
        size_t n = 0;
        for (size_t r = 0; r < out->count; r++)
            if (!purged(x, e, &out->rows[r]))
                out->rows[n++] = out->rows[r];
        out->count = n;
    }
}

static void set_v(struct row *to, const struct row *from)
{
    to->has_v = from->has_v;
    to->v = from->v;
}

static void set_a(struct row *to, const struct row *from)
{
    to->has_a = from->has_a;
    to->a = from->a;
}

static void set_b(struct row *to, const struct row *from)
{
    to->has_b = from->has_b;
    to->b = from->b;
}

static void aggregate(const struct live *l, struct row *out)
{
    *out = l->rows[0];
    out->has_a = true;
    out->a = (int32_t)l->count;
    for (size_t i = 1; i < l->count; i++) {
        const struct row *r = &l->rows[i];
        out->v = (out->has_v ? out->v : 0) + (r->has_v ? r->v : 0);
        out->has_v |= r->has_v;
        out->ts = r->ts > out->ts ? r->ts : out->ts;
        if (r->has_b && (!out->has_b || r->b < out->b))
            set_b(out, r);
    }
}

static void aggregate_bits(const struct live *l, struct row *out)
{
    *out = l->rows[0];
    for (size_t i = 1; i < l->count; i++) {
        const struct row *r = &l->rows[i];
        out->v = (out->has_v ? out->v : 0) | (r->has_v ? r->v : 0);
        out->has_v |= r->has_v;
        out->ts = r->ts < out->ts ? r->ts : out->ts;
        out->a = (out->has_a ? out->a : 0) + (r->has_a ? r->a : 0);
        out->has_a |= r->has_a;
        if (r->has_b && (!out->has_b || r->b > out->b))
            set_b(out, r);
    }
}

static void choose_fields(const struct live *l, enum engine engine, struct row *out)
{
    *out = l->rows[0];
    for (size_t i = 1; i < l->count; i++) {
        const struct row *r = &l->rows[i];
        if (engine == ORDERED || r->has_v)
            set_v(out, r);
        if (engine == PARTIAL)
            out->ts = r->ts;
        if (engine == PARTIAL ? r->has_a : !out->has_a && r->has_a)
            set_a(out, r);
        if (r->has_b)
            set_b(out, r);
    }
}

static void choose_row(const struct live *l, enum engine engine, struct row *out)
{
    *out = l->rows[0];
    for (size_t i = 1; i < l->count; i++) {
        const struct row *r = &l->rows[i];
        if (engine == LAST || (engine == LAST_BY && r->ts >= out->ts) ||
            (engine == FIRST_BY && r->ts < out->ts))
            *out = *r;
    }
}

/* One row of what is left of a key. */
static void reduce(const struct live *l, enum engine engine, struct row *out)
{
    switch (engine) {
    case AGG:
        aggregate(l, out);
        return;
    case BITS:
        aggregate_bits(l, out);
        return;
    case ORDERED:
    case PARTIAL:
        choose_fields(l, engine, out);
        return;
    default:
        choose_row(l, engine, out);
    }
}

/* A row as text, so that rows compare and sort as bytes. */
#define TEXT 96
static void text_of(const struct row *r, char out[TEXT])
{
    char v[24] = "-";
    char a[16] = "-";
    if (r->has_v)
        (void)snprintf(v, sizeof v, "%lld", (long long)r->v);
    if (r->has_a)
        (void)snprintf(a, sizeof a, "%d", r->a);
    (void)snprintf(out, TEXT, "%d v=%s ts=%lld a=%s b=%c", r->k, v, (long long)r->ts, a,
                   r->has_b ? r->b : '-');
}

struct answer {
    char (*rows)[TEXT];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void answer_add(struct answer *a, const struct row *r)
{
    a->rows = realloc(a->rows, (a->count + 1) * sizeof *a->rows);
    assert_non_null(a->rows);
    text_of(r, a->rows[a->count++]);
}

static void sort_answer(struct answer *a)
{
    if (a->count > 0)
        qsort(a->rows, a->count, sizeof *a->rows, by_text);
}

static struct answer expected(const struct table *x)
{
    struct answer a = {0};
    struct live *l = malloc(sizeof *l);
    assert_non_null(l);
    for (int32_t k = 0; k < KEYS; k++) {
        live_rows(x, k, l);
        struct row one;
        size_t count = l->count;
        if (count > 0 && x->engine != BAG) {
            reduce(l, x->engine, &one);
            l->rows[0] = one;
            count = 1;
        }
        for (size_t i = 0; i < count; i++)
            if (passes(x, &l->rows[i]))
                answer_add(&a, &l->rows[i]);
    }
    free(l);
    sort_answer(&a);
    return a;
}

/* ---- the answer of the table ---- */

static void read_block(const struct arr_batch *b, struct answer *a)
{
    for (int64_t i = 0; i < b->rows; i++) {
        struct row r = {.k = (int32_t)arr_col_i64(&b->cols[0], i),
                        .has_v = !arr_col_is_null(&b->cols[1], i),
                        .v = arr_col_i64(&b->cols[1], i),
                        .ts = arr_col_i64(&b->cols[2], i),
                        .has_a = !arr_col_is_null(&b->cols[3], i),
                        .a = (int32_t)arr_col_i64(&b->cols[3], i),
                        .has_b = !arr_col_is_null(&b->cols[4], i)};
        if (r.has_b)
            r.b = (char)arr_col_bytes(&b->cols[4], i).ptr[0];
        answer_add(a, &r);
    }
}

static struct answer query(struct table *x)
{
    struct t *t = x->t;
    struct answer a = {0};
    const struct file *files[FILES];
    struct t_run runs[FILES];
    struct stack_purge said[FILES][PURGES];
    struct run *run = NULL;
    struct run_block block = {0};
    slp_rc rc = SLP_OK;
    if (x->file_count == 0)
        return a;
    qsort(x->files, x->file_count, sizeof x->files[0], by_position);
    for (size_t i = 0; i < x->file_count; i++)
        files[i] = &x->files[i];
    struct stack_options o = {.mode = STACK_QUERY,
                              .form = STACK_KINDS | STACK_CARRIES,
                              .now_ms = x->now,
                              .block_rows = (int64_t)t_below(t, 4)};
    merge_files(x, files, x->file_count, x->position, &o, &run, runs, said);
    while ((rc = run_next(run, &block, &t->err)) == SLP_OK) {
        assert_int_equal(block.batch->rows, block.keys->count);
        assert_ptr_equal(block.batch->schema, &stack_schema(x->stack, 0)->columns);
        read_block(block.batch, &a);
    }
    assert_int_equal(rc, SLP_DONE);
    run_close(run);
    sort_answer(&a);
    return a;
}

static void compare(struct table *x, const char *step)
{
    struct answer want = expected(x);
    struct answer got = query(x);
    bool same = want.count == got.count;
    for (size_t i = 0; same && i < want.count; i++)
        same = strcmp(want.rows[i], got.rows[i]) == 0;
    if (!same) {
        for (size_t i = 0; i < want.count; i++)
            print_error("want %s\n", want.rows[i]);
        for (size_t i = 0; i < got.count; i++)
            print_error("got  %s\n", got.rows[i]);
        fail_msg("engine %s, filter %s, after %s at %llu, now %lld (SEED=%llu)",
                 engine_texts[x->engine], x->filter ? filter_texts[x->filter] : "none", step,
                 (unsigned long long)x->position, (long long)x->now,
                 (unsigned long long)x->t->seed);
    }
    free(want.rows);
    free(got.rows);
}

static void one_history(struct t *t)
{
    struct table x;
    table_init(&x, t);
    for (int i = 0; i < STEPS; i++) {
        const char *step = "clock";
        uint64_t what = t_below(t, 12);
        if (what < 5) {
            step = "add";
            add(&x);
        } else if (what < 9) {
            step = "compact";
            compact(&x);
        } else if (what < 10) {
            step = "purge";
            purge(&x);
        } else {
            x.now += (int64_t)t_below(t, 4);
        }
        compare(&x, step);
    }
    table_fini(&x);
}

static void answers_never_depend_on_compaction(void **state)
{
    struct t *t = *state;
    const char *wanted = getenv("STACK_LEAVES");
    long leaves = wanted ? strtol(wanted, NULL, 10) : LEAVES;
    for (long i = 0; i < leaves; i++)
        one_history(t);
}

T_MAIN(T_TEST(answers_never_depend_on_compaction))
