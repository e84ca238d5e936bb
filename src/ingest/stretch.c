#include "ingest/stretch.h"

#include "base/num.h"
#include "ingest/sorted.h"
#include "ingest/spill.h"
#include "key/order.h"
#include "merge/merge.h"

/* Samples of a stretch in what is held, so that stretches are even. */
#define SAMPLES_OF_STRETCH 512

struct samples {
    const struct key_spec *spec;
    struct key_vec keys;
    struct buf rows;  /* int64_t: that a sample stands for */
    struct buf order; /* uint32_t */
    int64_t step;     /* rows of a held run from one to the next */
    size_t every;     /* n-th block of a spilled run */
    int64_t ahead; /* rows that samples of blocks stand for too early: half a block of each run */
};

static slp_rc add_held(struct samples *s, const struct run *run, struct slp_err *err)
{
    const struct arr_batch *rows = ingest_sorted_rows(run);
    for (int64_t row = 0; row < rows->rows; row += s->step) {
        int64_t count = num_min_i64(s->step, rows->rows - row);
        TRY(ingest_key_append(s->spec, rows, ingest_sorted_ordinals(run), row + count / 2, &s->keys,
                              err));
        TRY(buf_append(&s->rows, &count, sizeof count, err));
    }
    return SLP_OK;
}

static slp_rc add_spilled(struct samples *s, const struct run *run, struct slp_err *err)
{
    for (size_t i = 0; i < ingest_spilled_blocks(run); i += s->every) {
        int64_t rows = 0;
        struct slice key = ingest_spilled_block(run, i, &rows);
        rows *= (int64_t)s->every;
        s->ahead += i == 0 ? rows / 2 : 0;
        TRY(key_vec_append(&s->keys, key, err));
        TRY(buf_append(&s->rows, &rows, sizeof rows, err));
    }
    return SLP_OK;
}

static slp_rc add_pile(struct samples *s, const struct ingest_pile *p, struct slp_err *err)
{
    int64_t count = p->samples.count;
    int64_t rows = count ? num_max_i64(p->rows / count, 1) : 0;
    TRY(key_vec_append_run(&s->keys, &p->samples, 0, count, err));
    for (int64_t i = 0; i < count; i++)
        TRY(buf_append(&s->rows, &rows, sizeof rows, err));
    return SLP_OK;
}

/* Take samples of everything, and find their order. */
static slp_rc take_samples(struct samples *s, const struct ingest_cuttable *from,
                           struct slp_err *err)
{
    for (size_t i = 0; i < from->run_count; i++)
        TRY(ingest_is_sorted_run(from->runs[i]) ? add_held(s, from->runs[i], err)
                                                : add_spilled(s, from->runs[i], err));
    for (size_t i = 0; i < from->pile_count; i++)
        TRY(add_pile(s, from->piles[i], err));
    TRY(buf_resize(&s->order, (size_t)s->keys.count * sizeof(uint32_t), err));
    return merge_sort(s->keys.bytes.mem, &s->keys, (uint32_t *)(void *)s->order.ptr, err);
}

/* Stretches end where the samples before them stand for `rows` rows. */
static slp_rc choose_cuts(const struct samples *s, int64_t rows, struct arena *arena,
                          struct ingest_stretches *out, struct slp_err *err)
{
    const uint32_t *order = (const uint32_t *)(const void *)s->order.ptr;
    const int64_t *weights = (const int64_t *)(const void *)s->rows.ptr;
    int64_t sum = 0;
    void *room = NULL;
    for (int64_t i = 0; i < s->keys.count; i++)
        sum += weights[i];
    TRY(arena_array(arena, (size_t)(sum / rows) + 2, sizeof *out->items, &room, err));
    out->items = room;
    out->count = 1;
    out->items[0] = (struct ingest_stretch){.has_lo = false};
    sum = -s->ahead;
    for (int64_t i = 0; i < s->keys.count; i++) {
        if (sum >= rows) {
            struct ingest_stretch *last = &out->items[out->count - 1];
            TRY(arena_copy(arena, key_at(&s->keys, order[i]), &last->hi, err));
            last->has_hi = true;
            out->items[out->count++] = (struct ingest_stretch){.lo = last->hi, .has_lo = true};
            sum = 0;
        }
        sum += weights[order[i]];
    }
    return SLP_OK;
}

slp_rc ingest_cut(const struct ingest_cuttable *from, int64_t rows, struct alloc *mem,
                  struct arena *arena, struct ingest_stretches *out, struct slp_err *err)
{
    struct samples s = {.spec = from->spec, .step = num_max_i64(rows / SAMPLES_OF_STRETCH, 1)};
    size_t blocks = 0;
    for (size_t i = 0; i < from->run_count; i++)
        blocks += ingest_is_sorted_run(from->runs[i]) ? 0 : ingest_spilled_blocks(from->runs[i]);
    s.every = blocks / INGEST_SAMPLES_MAX + 1;
    key_vec_init(&s.keys, mem, SIZE_MAX / 4);
    buf_init(&s.rows, mem, SIZE_MAX / 4);
    buf_init(&s.order, mem, SIZE_MAX / 4);
    slp_rc rc = take_samples(&s, from, err);
    if (rc == SLP_OK)
        rc = choose_cuts(&s, rows, arena, out, err);
    key_vec_fini(&s.keys);
    buf_fini(&s.rows);
    buf_fini(&s.order);
    return rc;
}

slp_rc ingest_part_open(const struct run *run, const struct ingest_stretch *stretch,
                        struct alloc *mem, struct run **out, struct slp_err *err)
{
    if (ingest_is_sorted_run(run))
        return ingest_sorted_part(run, stretch, mem, out, err);
    assert(ingest_is_spilled_run(run));
    return ingest_spilled_part(run, stretch, mem, out, err);
}
