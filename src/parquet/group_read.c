#include "parquet/group_read.h"

#include "base/num.h"
#include "parquet/created_by.h"

/* Windows of all columns together aim at half of the memory, a batch, as the file counts its bytes,
 * at the other; a window has its share between these bounds. Larger ones read local files slower:
 * their bytes have left the cache when they are decoded, and all of their memory is touched. */
#define MEMORY_BYTES     ((size_t)128 * 1024 * 1024)
#define WINDOW_MIN_BYTES ((size_t)16 * 1024)
#define WINDOW_MAX_BYTES ((size_t)256 * 1024)

#define INDEX_MAX_BYTES ((size_t)4 * PQ_INDEX_MAX_BYTES)

void pq_group_reader_fini(struct pq_group_reader *g)
{
    size_t count = g->schema.count;
    if (!g->mem)
        return;
    for (size_t i = 0; g->chunks && i < g->leaf_count; i++)
        pq_chunk_reader_fini(&g->chunks[i]);
    for (size_t i = 0; g->nested && i < count; i++)
        pq_nested_fini(&g->nested[i]);
    alloc_free(g->mem, g->schema.fields, count * sizeof *g->schema.fields);
    alloc_free(g->mem, g->columns, count * sizeof *g->columns);
    alloc_free(g->mem, g->first_leaves, count * sizeof *g->first_leaves);
    alloc_free(g->mem, g->leaves, g->leaf_count * sizeof *g->leaves);
    alloc_free(g->mem, g->nested, count * sizeof *g->nested);
    alloc_free(g->mem, g->chunks, g->leaf_count * sizeof *g->chunks);
    alloc_free(g->mem, g->indexes, g->leaf_count * sizeof *g->indexes);
    alloc_free(g->mem, g->ranges, g->leaf_count * sizeof *g->ranges);
    arena_fini(&g->index_arena);
    cx_codec_free(g->codec);
    g->mem = NULL;
}

/* The leaves of the chosen columns, one column after another. */
static slp_rc choose_leaves(struct pq_group_reader *g, struct slp_err *err)
{
    const struct pq_meta *m = g->meta;
    size_t leaf_count = 0;
    for (size_t i = 0; i < g->schema.count; i++)
        leaf_count += m->nodes[g->columns[i]].leaf_count;
    TRY(alloc_array(g->mem, leaf_count, sizeof *g->leaves, (void **)&g->leaves, err));
    g->leaf_count = leaf_count;
    size_t at = 0;
    for (size_t i = 0; i < g->schema.count; i++) {
        const struct pq_node *node = &m->nodes[g->columns[i]];
        g->first_leaves[i] = at;
        for (size_t k = 0; k < node->leaf_count; k++)
            g->leaves[at++] = node->first_leaf + k;
    }
    TRY(alloc_array(g->mem, leaf_count, sizeof *g->ranges, (void **)&g->ranges, err));
    TRY(alloc_array(g->mem, leaf_count, sizeof *g->indexes, (void **)&g->indexes, err));
    return alloc_array(g->mem, leaf_count, sizeof *g->chunks, (void **)&g->chunks, err);
}

static slp_rc choose_columns(struct pq_group_reader *g, const struct pq_read_options *o,
                             struct slp_err *err)
{
    const struct pq_meta *m = g->meta;
    size_t count = o->columns ? o->column_count : m->schema.count;
    TRY(alloc_array(g->mem, count, sizeof *g->schema.fields, (void **)&g->schema.fields, err));
    g->schema.count = count;
    TRY(alloc_array(g->mem, count, sizeof *g->columns, (void **)&g->columns, err));
    TRY(alloc_array(g->mem, count, sizeof *g->first_leaves, (void **)&g->first_leaves, err));
    TRY(alloc_array(g->mem, count, sizeof *g->nested, (void **)&g->nested, err));
    for (size_t i = 0; i < count; i++) {
        g->columns[i] = o->columns ? o->columns[i] : i;
        g->schema.fields[i] = m->schema.fields[g->columns[i]];
    }
    return choose_leaves(g, err);
}

/* What has few different values in a file is worth keeping so: texts and bytes. */
static bool is_kept(const struct arr_field *field)
{
    return arr_type_is_variable(field->type);
}

static void init_chunks(struct pq_group_reader *g, const struct pq_read_options *o)
{
    const struct pq_meta *m = g->meta;
    struct pq_faults faults = pq_faults_of(m->created_by);
    for (size_t i = 0; i < g->leaf_count; i++) {
        struct pq_chunk_reader *c = &g->chunks[i];
        pq_chunk_reader_init(c, g->mem, &m->columns[g->leaves[i]], g->src, g->codec,
                             o->crc != PQ_CRC_NEVER);
        c->scratch.demand_crc = o->crc == PQ_CRC_ALWAYS;
        c->mends_v2 = faults.compresses_v2;
        c->scratch.carries_strings = faults.carries_strings;
    }
    for (size_t i = 0; o->keep_dictionaries && i < g->schema.count; i++) {
        g->schema.fields[i].is_dictionary = is_kept(&g->schema.fields[i]);
        g->chunks[g->first_leaves[i]].keeps_dictionary = g->schema.fields[i].is_dictionary;
    }
}

slp_rc pq_group_reader_init(struct pq_group_reader *g, const struct pq_meta *meta,
                            struct source *src, const struct pq_read_options *options,
                            struct alloc *mem, struct slp_err *err)
{
    *g = (struct pq_group_reader){.mem = mem, .meta = meta, .src = src};
    arena_init(&g->index_arena, mem, INDEX_MAX_BYTES);
    TRY(cx_codec_new(mem, &g->codec, err));
    TRY(choose_columns(g, options, err));
    init_chunks(g, options);
    for (size_t i = 0; i < g->schema.count; i++) {
        const struct pq_node *node = &meta->nodes[g->columns[i]];
        if (node->field->child_count)
            TRY(pq_nested_init(&g->nested[i], mem, node, &meta->columns[node->first_leaf], err));
    }
    size_t half = (options->memory_bytes ? options->memory_bytes : MEMORY_BYTES) / 2;
    size_t share = half / num_max_size(g->leaf_count, 1);
    g->window_bytes = num_max_size(num_min_size(share, WINDOW_MAX_BYTES), WINDOW_MIN_BYTES);
    g->batch_bytes = half;
    return SLP_OK;
}

/* Where the pages of a chunk stand. What is wrong with an index that is not needed is no error. */
static slp_rc read_index(struct pq_group_reader *g, size_t leaf, struct slp_err *err)
{
    const struct pq_group_meta *group = &g->meta->groups[g->group];
    struct pq_chunk chunk = group->chunks[g->leaves[leaf]];
    struct pq_page_index index = {0};
    g->indexes[leaf] = (struct pq_offset_index){0};
    chunk.column_index_bytes = 0;
    slp_rc rc = pq_page_index_read(g->src, &chunk, group->rows, &g->index_arena, &index, err);
    if (rc == SLP_OK)
        g->indexes[leaf] = index.offsets;
    return rc == SLP_NOT_FOUND || rc == SLP_CORRUPT || rc == SLP_LIMIT ? SLP_OK : rc;
}

static slp_rc begin(struct pq_group_reader *g, bool is_whole, struct slp_err *err)
{
    const struct pq_group_meta *group = &g->meta->groups[g->group];
    size_t count = 0;
    arena_fini(&g->index_arena);
    arena_init(&g->index_arena, g->mem, INDEX_MAX_BYTES);
    for (size_t i = 0; i < g->leaf_count; i++) {
        struct pq_chunk_start start = {.chunk = &group->chunks[g->leaves[i]],
                                       .window_bytes = g->window_bytes};
        if (!is_whole) {
            TRY(read_index(g, i, err));
            start.index = &g->indexes[i];
        }
        TRY(pq_chunk_begin(&g->chunks[i], &start, &g->ranges[count], err));
        count += g->ranges[count].len > 0;
    }
    return count ? source_read(g->src, g->ranges, count, err) : SLP_OK;
}

slp_rc pq_group_reader_begin(struct pq_group_reader *g, size_t group, bool is_whole,
                             struct slp_err *err)
{
    g->group = group;
    return err_wrap(err, begin(g, is_whole, err), "row group %zu", group);
}

static slp_rc seek(struct pq_group_reader *g, size_t i, int64_t lo, int64_t to, struct slp_err *err)
{
    size_t leaves = g->meta->nodes[g->columns[i]].leaf_count;
    for (size_t k = 0; k < leaves; k++)
        TRY(pq_chunk_seek(&g->chunks[g->first_leaves[i] + k], lo, to, err));
    return SLP_OK;
}

slp_rc pq_group_reader_rows(struct pq_group_reader *g, size_t i, struct pq_row_range rows,
                            int64_t more_to, struct arr_col *out, struct slp_err *err)
{
    bool is_last = rows.hi == g->meta->groups[g->group].rows;
    slp_rc rc = seek(g, i, rows.lo, more_to, err);
    if (rc == SLP_OK && g->nested[i].node)
        rc = pq_nested_rows(&g->nested[i], &g->chunks[g->first_leaves[i]], rows.hi - rows.lo,
                            is_last, out, err);
    else if (rc == SLP_OK)
        rc = pq_chunk_rows(&g->chunks[g->first_leaves[i]], rows.hi - rows.lo, out, err);
    return err_wrap(err, rc, "column \"%s\", row group %zu", g->schema.fields[i].name, g->group);
}

int64_t pq_group_reader_batch(const struct pq_group_reader *g, int64_t most)
{
    const struct pq_group_meta *group = &g->meta->groups[g->group];
    uint64_t bytes = 1;
    for (size_t i = 0; i < g->leaf_count; i++) {
        uint64_t more = group->chunks[g->leaves[i]].uncompressed_bytes;
        bytes = more < UINT64_MAX - bytes ? bytes + more : UINT64_MAX;
    }
    uint64_t row_bytes = group->rows > 0 ? bytes / (uint64_t)group->rows + 1 : bytes;
    uint64_t rows = g->batch_bytes / row_bytes;
    rows = rows ? rows : 1;
    return rows < (uint64_t)most ? (int64_t)rows : most;
}

void pq_group_reader_count(struct pq_group_reader *g, struct pq_read_counts *counts)
{
    for (size_t i = 0; i < g->leaf_count; i++) {
        counts->pages_read += g->chunks[i].pages_read;
        g->chunks[i].pages_read = 0;
    }
}
