/* rooms: parquet */
#include "parquet/meta.h"

#include <stdlib.h>

/*
 * The input is a file: its footer is found and parsed. It is also taken as metadata alone, so that
 * edits need not keep the tail right.
 */

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define FILE_BYTES  100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Leaves below a field, whose nodes stand beside it. */
static size_t count_leaves(const struct arr_field *field, const struct pq_node *node)
{
    size_t leaves = field->child_count == 0;
    if (node->field != field)
        abort();
    for (size_t i = 0; i < field->child_count; i++)
        leaves += count_leaves(&field->children[i], &node->children[i]);
    if (leaves != node->leaf_count)
        abort();
    return leaves;
}

/* What was parsed keeps its promises. */
static void check(const struct pq_meta *m, uint64_t file_bytes)
{
    int64_t rows = 0;
    size_t leaves = 0;
    for (size_t i = 0; i < m->schema.count; i++)
        leaves += count_leaves(&m->schema.fields[i], &m->nodes[i]);
    if (leaves != m->column_count)
        abort();
    for (size_t g = 0; g < m->group_count; g++) {
        rows += m->groups[g].rows;
        for (size_t i = 0; i < m->column_count; i++) {
            const struct pq_chunk *c = &m->groups[g].chunks[i];
            uint64_t start =
                c->dictionary_page_offset ? c->dictionary_page_offset : c->data_page_offset;
            bool has_lists = m->columns[i].repetition_max > 0;
            if ((has_lists ? c->value_count < m->groups[g].rows
                           : c->value_count != m->groups[g].rows) ||
                start + c->compressed_bytes > file_bytes || c->null_count > c->value_count ||
                c->offset_index_offset + c->offset_index_bytes > file_bytes)
                abort();
        }
    }
    if (rows != m->rows)
        abort();
}

static void parse(struct slice bytes, uint64_t file_bytes)
{
    struct arena a;
    struct pq_meta m;
    arena_init(&a, alloc_system(), ARENA_BYTES);
    if (pq_meta_parse(bytes, file_bytes, &a, &m, NULL) == SLP_OK)
        check(&m, file_bytes);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct memory_source src;
    struct buf footer;
    source_memory_init(&src, "fuzz", slice_of(data, n));
    buf_init(&footer, alloc_system(), PQ_FOOTER_MAX_BYTES);
    if (pq_footer_read(&src.base, &footer, NULL) == SLP_OK)
        parse(buf_slice(&footer), n);
    else
        parse(slice_of(data, n), FILE_BYTES);
    buf_fini(&footer);
    return 0;
}
