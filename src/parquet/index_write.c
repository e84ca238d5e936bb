#include "parquet/index_write.h"

#include "parquet/histogram.h"

slp_rc pq_column_index_write(const struct pq_group *g, size_t column, struct buf *out,
                             struct slp_err *err)
{
    const struct pq_chunk_facts *c = pq_group_chunk(g, column);
    enum pq_order order = pq_group_leaf(g, column)->order;
    const struct slice none = {0};
    struct cx_put w;
    assert(c->has_column_index);
    cx_put_init(&w, out, err);
    cx_put_list(&w, 1, CX_WIRE_TRUE, c->page_count); /* null_pages */
    for (size_t i = 0; i < c->page_count; i++)
        cx_put_element_bool(&w, pq_group_page_facts(g, c, i)->is_null_page);
    cx_put_list(&w, 2, CX_WIRE_BINARY, c->page_count); /* min_values */
    for (size_t i = 0; i < c->page_count; i++) {
        const struct pq_page_facts *p = pq_group_page_facts(g, c, i);
        cx_put_element_binary(&w, p->is_null_page ? none : pq_group_min(g, &p->bounds));
    }
    cx_put_list(&w, 3, CX_WIRE_BINARY, c->page_count); /* max_values */
    for (size_t i = 0; i < c->page_count; i++) {
        const struct pq_page_facts *p = pq_group_page_facts(g, c, i);
        cx_put_element_binary(&w, p->is_null_page ? none : pq_group_max(g, &p->bounds));
    }
    cx_put_i32(&w, 4, (int32_t)c->boundary_order);
    cx_put_list(&w, 5, CX_WIRE_I64, c->page_count); /* null_counts */
    for (size_t i = 0; i < c->page_count; i++)
        cx_put_element_i64(&w, pq_group_page_facts(g, c, i)->null_count);
    /* repetition_level_histograms, definition_level_histograms */
    pq_histogram_put(&w, 6, pq_group_leaf_field(g, column), pq_group_histograms(g, c),
                     c->page_count);
    if (pq_order_is_float(order)) {
        cx_put_list(&w, 8, CX_WIRE_I64, c->page_count); /* nan_counts */
        for (size_t i = 0; i < c->page_count; i++)
            cx_put_element_i64(&w, pq_group_page_facts(g, c, i)->bounds.nan_count);
    }
    return cx_put_finish(&w);
}

slp_rc pq_offset_index_write(const struct pq_group *g, size_t column, uint64_t group_offset,
                             struct buf *out, struct slp_err *err)
{
    const struct pq_chunk_facts *c = pq_group_chunk(g, column);
    struct cx_put w;
    cx_put_init(&w, out, err);
    cx_put_list(&w, 1, CX_WIRE_STRUCT, c->page_count); /* page_locations */
    for (size_t i = 0; i < c->page_count; i++) {
        const struct pq_page_place *p = pq_group_page(g, c, i);
        cx_put_element_struct(&w);
        cx_put_i64(&w, 1, (int64_t)(group_offset + p->offset));
        cx_put_i32(&w, 2, (int32_t)p->bytes);
        cx_put_i64(&w, 3, p->first_row);
        cx_put_end(&w);
    }
    if (pq_group_leaf(g, column)->physical == PQ_BYTE_ARRAY) {
        cx_put_list(&w, 2, CX_WIRE_I64, c->page_count); /* unencoded_byte_array_data_bytes */
        for (size_t i = 0; i < c->page_count; i++)
            cx_put_element_i64(&w, (int64_t)pq_group_page_facts(g, c, i)->unencoded_bytes);
    }
    return cx_put_finish(&w);
}
