#include "parquet/histogram.h"

#include "parquet/levels.h"

/* Levels of one kind. */
static size_t width_of(uint8_t max)
{
    return max == 0 ? 0 : (size_t)max + 1;
}

size_t pq_histogram_width(const struct pq_leaf_field *leaf)
{
    return width_of(leaf->repetition_max) + width_of(leaf->definition_max);
}

/* Most pages have few levels: to count those from each level on is quicker than a table. */
static void count_levels(const uint8_t *levels, size_t entries, uint8_t max, int64_t *counts)
{
    size_t left = entries;
    for (unsigned level = 0; level < max; level++) {
        size_t above = left ? pq_levels_count(levels, entries, (uint8_t)(level + 1)) : 0;
        counts[level] = (int64_t)(left - above);
        left = above;
    }
    counts[max] = (int64_t)left;
}

/* Room for the counts of a page behind those there are. */
static slp_rc add_page(const struct pq_leaf_field *leaf, struct buf *out, int64_t **counts,
                       struct slp_err *err)
{
    size_t start = out->len;
    TRY(buf_resize(out, start + pq_histogram_width(leaf) * sizeof **counts, err));
    *counts = (int64_t *)(void *)(out->ptr + start);
    return SLP_OK;
}

slp_rc pq_histogram_of_levels(const struct pq_leaf_field *leaf, const uint8_t *repetitions,
                              const uint8_t *definitions, size_t entries, struct buf *out,
                              struct slp_err *err)
{
    int64_t *counts = NULL;
    if (pq_histogram_width(leaf) == 0)
        return SLP_OK;
    TRY(add_page(leaf, out, &counts, err));
    if (leaf->repetition_max)
        count_levels(repetitions, entries, leaf->repetition_max, counts);
    if (leaf->definition_max)
        count_levels(definitions, entries, leaf->definition_max,
                     counts + width_of(leaf->repetition_max));
    return SLP_OK;
}

slp_rc pq_histogram_of_rows(const struct pq_leaf_field *leaf, int64_t nulls, int64_t values,
                            struct buf *out, struct slp_err *err)
{
    int64_t *counts = NULL;
    assert(leaf->repetition_max == 0 && leaf->definition_max <= 1);
    if (leaf->definition_max == 0)
        return SLP_OK;
    TRY(add_page(leaf, out, &counts, err));
    counts[0] = nulls;
    counts[1] = values;
    return SLP_OK;
}

void pq_histogram_sum(const struct pq_leaf_field *leaf, const int64_t *counts, size_t pages,
                      int64_t *sum)
{
    size_t width = pq_histogram_width(leaf);
    for (size_t page = 0; page < pages; page++)
        for (size_t i = 0; i < width; i++)
            sum[i] += counts[page * width + i];
}

/* Of each page the first `width` counts. */
static void put_kind(struct cx_put *w, int16_t id, size_t width, size_t stride,
                     const int64_t *counts, size_t pages)
{
    if (width == 0)
        return;
    cx_put_list(w, id, CX_WIRE_I64, pages * width);
    for (size_t page = 0; page < pages; page++)
        for (size_t i = 0; i < width; i++)
            cx_put_element_i64(w, counts[page * stride + i]);
}

void pq_histogram_put(struct cx_put *w, int16_t id, const struct pq_leaf_field *leaf,
                      const int64_t *counts, size_t pages)
{
    size_t repetitions = width_of(leaf->repetition_max);
    size_t stride = pq_histogram_width(leaf);
    if (stride == 0)
        return;
    put_kind(w, id, repetitions, stride, counts, pages);
    put_kind(w, (int16_t)(id + 1), stride - repetitions, stride, counts + repetitions, pages);
}
