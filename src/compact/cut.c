#include "compact/cut.h"

#include "base/num.h"
#include "merge/merge.h"

/* Keys at which rows begin, and how many there are up to the next one of the same file. */
struct samples {
    struct key_vec keys;
    struct buf rows; /* int64_t each */
};

static slp_rc count_blocks(const struct compact_cut_input *in, int64_t *blocks, struct slp_err *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < in->count; i++) {
        int64_t first = 0;
        int64_t end = 0;
        TRY(datafile_find(in->files[i], in->ranges[i], &first, &end, err));
        sum += end - first;
    }
    *blocks = sum;
    return SLP_OK;
}

/* Take every `step`-th block of a file; `*is_full` when there is no more room for keys. */
static slp_rc sample_file(struct datafile *file, struct key_range range, int64_t step,
                          struct samples *s, bool *is_full, struct slp_err *err)
{
    int64_t first = 0;
    int64_t end = 0;
    struct slice key = {0};
    TRY(datafile_find(file, range, &first, &end, err));
    for (int64_t block = first; block < end; block += step) {
        int64_t row = 0;
        int64_t next_row = 0;
        struct slice next_key = {0};
        int64_t next = num_min_i64(block + step, end - 1);
        TRY(datafile_block(file, next, &next_key, &next_row, err));
        TRY(datafile_block(file, block, &key, &row, err));
        *is_full = s->keys.bytes.len + key.len > COMPACT_SAMPLES_BYTES;
        if (*is_full)
            return SLP_OK;
        int64_t rows = num_max_i64(next_row - row, 1);
        TRY(key_vec_append(&s->keys, key, err));
        TRY(buf_append(&s->rows, &rows, sizeof rows, err));
    }
    return SLP_OK;
}

static slp_rc sample_all(const struct compact_cut_input *in, struct samples *s, struct slp_err *err)
{
    int64_t blocks = 0;
    bool is_full = true;
    TRY(count_blocks(in, &blocks, err));
    /* Keys that take more than their share halve their number; 64 times at most. */
    for (int64_t step = blocks / COMPACT_SAMPLES_MAX + 1; is_full; step *= 2) {
        is_full = false;
        key_vec_clear(&s->keys);
        buf_clear(&s->rows);
        if (step > blocks)
            break;
        for (size_t i = 0; i < in->count && !is_full; i++)
            TRY(sample_file(in->files[i], in->ranges[i], step, s, &is_full, err));
    }
    return SLP_OK;
}

/* Walk the samples in key order; where enough rows have passed, cut. */
static slp_rc cut(const struct samples *s, const uint32_t *order, int64_t rows, struct arena *arena,
                  struct compact_cuts *out, struct slp_err *err)
{
    const int64_t *weights = (const int64_t *)(const void *)s->rows.ptr;
    struct slice last = {0};
    int64_t passed = 0;
    if (s->keys.count)
        last = key_at(&s->keys, order[0]);
    for (int64_t i = 0; i < s->keys.count; i++) {
        struct slice key = key_at(&s->keys, order[i]);
        if (passed >= rows && slice_compare(key, last) > 0) {
            TRY(arena_copy(arena, key, &out->keys[out->count++], err));
            last = key;
            passed = 0;
        }
        passed += weights[order[i]];
    }
    return SLP_OK;
}

slp_rc compact_cut(const struct compact_cut_input *in, struct alloc *mem, struct arena *arena,
                   struct compact_cuts *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct samples s = {0};
    struct compact_cuts cuts = {0};
    uint32_t *order = NULL;
    key_vec_init(&s.keys, mem, SIZE_MAX / 4);
    buf_init(&s.rows, mem, SIZE_MAX / 4);
    TRY_OUT(sample_all(in, &s, err));
    TRY_OUT(alloc_array(mem, (size_t)s.keys.count + 1, sizeof *order, (void **)&order, err));
    TRY_OUT(merge_sort(mem, &s.keys, order, err));
    TRY_OUT(
        arena_array(arena, (size_t)s.keys.count + 1, sizeof *cuts.keys, (void **)&cuts.keys, err));
    TRY_OUT(cut(&s, order, in->rows, arena, &cuts, err));
    *out = cuts;
out:
    alloc_free(mem, order, ((size_t)s.keys.count + 1) * sizeof *order);
    key_vec_fini(&s.keys);
    buf_fini(&s.rows);
    return rc;
}
