#include <inttypes.h>

#include "base/num.h"
#include "datafile/file_priv.h"
#include "parquet/leaf.h"
#include "parquet/shape.h"

/* A key index up to this size is read whole when the file is opened: one round less for a
 * lookup. */
#define SMALL_INDEX_BYTES (32u * 1024)

/* What the key index of one file may take in memory. */
#define ARENA_MAX_BYTES ((size_t)1 << 30)

static slp_rc check_info(const struct datafile *f, const struct datafile_info *info,
                         struct slp_err *err)
{
    if (f->src->size != info->file_bytes)
        FAIL(err, CORRUPT, "it has %" PRIu64 " bytes, its log entry says %" PRIu64, f->src->size,
             info->file_bytes);
    if (info->index_offset < INDEX_FIRST_PAGE || info->index_offset > info->top_offset ||
        !num_range_fits(info->top_offset, info->top_bytes, info->file_bytes) ||
        info->top_bytes > INDEX_TOP_MAX_BYTES)
        FAIL(err, CORRUPT,
             "its log entry puts the key index at offset %" PRIu64 " and its top of %" PRIu32
             " bytes at offset %" PRIu64 ", the file has %" PRIu64 " bytes",
             info->index_offset, info->top_bytes, info->top_offset, info->file_bytes);
    return SLP_OK;
}

static slp_rc check_top(const struct datafile *f, const struct datafile_info *info,
                        struct slp_err *err)
{
    const struct index_top *top = &f->top;
    if (top->rows != info->rows)
        FAIL(err, CORRUPT, "its key index says %" PRId64 " rows, its log entry %" PRId64, top->rows,
             info->rows);
    if (!slice_equal(top->slices[0].key.bytes, info->first_key) ||
        !slice_equal(top->last_key, info->last_key))
        FAIL(err, CORRUPT, "its key index has other first and last keys than its log entry");
    return SLP_OK;
}

/* How the pages of a column decode: Parquet's form of its type. */
static slp_rc page_column(const struct index_column *c, const char *name, struct pq_column *out,
                          struct slp_err *err)
{
    struct pq_leaf leaf;
    struct arr_field field = {.name = name, .type = c->type, .nullable = c->nullable};
    TRY(pq_leaf_of(&field, &leaf, err));
    *out = (struct pq_column){.physical = leaf.physical,
                              .type_length = (int32_t)leaf.width,
                              .optional = c->nullable,
                              .type = c->type};
    /* Parquet has no seconds: pages hold milliseconds, and what is read is divided. */
    if (c->type.kind == ARR_TIMESTAMP && c->type.unit == ARR_SECOND)
        out->type.unit = ARR_MILLI;
    return SLP_OK;
}

/* The column of the file with this field id; most often they stand in the same places. */
static size_t find_column(const struct index_top *top, size_t guess, int32_t id)
{
    if (guess < top->column_count && top->columns[guess].field_id == id)
        return guess;
    for (size_t i = 0; i < top->column_count; i++) {
        if (top->columns[i].field_id == id)
            return i;
    }
    return DATAFILE_NO_COLUMN;
}

static bool is_key_column(const struct key_spec *spec, size_t column)
{
    for (size_t i = 0; i < spec->field_count; i++) {
        if (spec->columns[i] == column)
            return true;
    }
    return false;
}

static slp_rc fail_type(const struct arr_field *field, const char *there, struct slp_err *err)
{
    char here[80];
    arr_field_type_format(field, here, sizeof here);
    FAIL(err, UNSUPPORTED, "column \"%s\" is %s in it and %s in the table", field->name, there,
         here);
}

/* The leaves of a nested column stand side by side, and are just those of its type. */
static slp_rc match_nested(struct datafile *f, size_t column, size_t at, struct slp_err *err)
{
    const struct arr_field *field = &f->schema->columns.fields[column];
    struct pq_node *node = NULL;
    struct pq_column *leaves = NULL;
    TRY(arena_new(&f->arena, &node, err));
    TRY(pq_shape_of(field, &f->arena, node, &leaves, err));
    for (size_t i = 0; i < node->leaf_count; i++) {
        const struct index_column *c =
            at + i < f->top.column_count ? &f->top.columns[at + i] : NULL;
        if (!c || c->field_id != field->id || !c->is_nested ||
            !arr_type_equal(c->type, leaves[i].type) ||
            c->definition_max != leaves[i].definition_max ||
            c->repetition_max != leaves[i].repetition_max)
            return fail_type(field, "of another nested type", err);
        f->pages[at + i] = leaves[i];
    }
    f->nodes[column] = node;
    f->has_nested = true;
    return SLP_OK;
}

static slp_rc match_column(struct datafile *f, size_t column, size_t *next, struct slp_err *err)
{
    const struct arr_field *field = &f->schema->columns.fields[column];
    size_t at = find_column(&f->top, *next, field->id);
    f->file_columns[column] = at;
    if (at == DATAFILE_NO_COLUMN) {
        if (!field->nullable || is_key_column(f->spec, column))
            FAIL(err, CORRUPT, "it has no column \"%s\" (field id %" PRId32 ")", field->name,
                 field->id);
        return SLP_OK;
    }
    const struct index_column *c = &f->top.columns[at];
    if (field->child_count) {
        TRY(match_nested(f, column, at, err));
        *next = at + f->nodes[column]->leaf_count;
        return SLP_OK;
    }
    if (c->is_nested || !arr_type_equal(c->type, field->type)) {
        char there[64];
        arr_type_format(c->type, there, sizeof there);
        return fail_type(field, c->is_nested ? "nested" : there, err);
    }
    *next = at + 1;
    return page_column(c, field->name, &f->pages[at], err);
}

static slp_rc match_columns(struct datafile *f, struct slp_err *err)
{
    void *p = NULL;
    size_t count = f->schema->columns.count;
    TRY(arena_array(&f->arena, f->top.column_count, sizeof *f->pages, &p, err));
    f->pages = p;
    TRY(arena_array(&f->arena, count, sizeof *f->file_columns, &p, err));
    f->file_columns = p;
    TRY(arena_array(&f->arena, count, sizeof(struct pq_node *), &p, err));
    f->nodes = p;
    size_t next = 0;
    for (size_t i = 0; i < count; i++)
        TRY(match_column(f, i, &next, err));
    return SLP_OK;
}

static slp_rc read_index(struct datafile *f, uint64_t offset, size_t len, struct buf *out,
                         struct slp_err *err)
{
    TRY(source_read_buf(f->src, offset, len, out, err));
    f->index_bytes += len;
    return SLP_OK;
}

/* Decode slices [first, end), whose bytes begin with that of `first`. */
static slp_rc decode_slices(struct datafile *f, struct slice bytes, size_t first, size_t end,
                            struct slp_err *err)
{
    uint64_t base = f->top.slices[first].offset;
    for (size_t i = first; i < end; i++) {
        const struct index_slice_place *p = &f->top.slices[i];
        struct index_slice *s = NULL;
        if (f->slices[i])
            continue;
        TRY(arena_new(&f->arena, &s, err));
        TRY(datafile_slice_decode(slice_sub(bytes, (size_t)(p->offset - base), p->bytes), &f->top,
                                  i, &f->arena, s, err));
        f->slices[i] = s;
    }
    return SLP_OK;
}

static slp_rc open_index(struct datafile *f, const struct datafile_info *info, struct buf *bytes,
                         struct slp_err *err)
{
    uint64_t index_bytes = info->top_offset + info->top_bytes - info->index_offset;
    bool is_small = index_bytes <= SMALL_INDEX_BYTES;
    uint64_t start = is_small ? info->index_offset : info->top_offset;
    void *slices = NULL;
    TRY(read_index(f, start, (size_t)(info->top_offset + info->top_bytes - start), bytes, err));
    struct slice top = slice_last(buf_slice(bytes), info->top_bytes);
    TRY(datafile_top_decode(top, info->top_offset, info->index_offset, &f->arena, &f->top, err));
    TRY(check_top(f, info, err));
    TRY(match_columns(f, err));
    TRY(arena_array(&f->arena, f->top.slice_count, sizeof *f->slices, &slices, err));
    f->slices = slices;
    if (is_small)
        TRY(decode_slices(f, buf_slice(bytes), 0, f->top.slice_count, err));
    return SLP_OK;
}

slp_rc datafile_open(struct alloc *mem, struct source *src, const struct datafile_info *info,
                     const struct schema *schema, const struct key_spec *spec,
                     struct datafile **out, struct slp_err *err)
{
    struct datafile *f = NULL;
    slp_rc rc = alloc_new(mem, &f, err);
    if (rc != SLP_OK) {
        source_close(src);
        return rc;
    }
    *f = (struct datafile){.mem = mem, .src = src, .schema = schema, .spec = spec, .info = *info};
    f->info.first_key = f->info.last_key = slice_of(NULL, 0);
    arena_init(&f->arena, mem, ARENA_MAX_BYTES);
    struct buf bytes;
    buf_init(&bytes, mem, num_max_size(INDEX_TOP_MAX_BYTES, SMALL_INDEX_BYTES));
    TRY_OUT(check_info(f, info, err));
    TRY_OUT(open_index(f, info, &bytes, err));
    *out = f;
out:
    buf_fini(&bytes);
    rc = err_wrap(err, rc, "data file \"%s\"", src->name);
    if (rc != SLP_OK)
        datafile_close(f);
    return rc;
}

void datafile_close(struct datafile *f)
{
    if (!f)
        return;
    datafile_space_free(f, f->idle);
    source_close(f->src);
    arena_fini(&f->arena);
    alloc_delete(f->mem, f);
}

static slp_rc read_slices(struct datafile *f, size_t first, size_t ahead_bytes, struct slp_err *err)
{
    size_t end = first + 1;
    size_t bytes = f->top.slices[first].bytes;
    while (end < f->top.slice_count && !f->slices[end] &&
           bytes + f->top.slices[end].bytes <= ahead_bytes)
        bytes += f->top.slices[end++].bytes;
    struct buf in;
    buf_init(&in, f->mem, SIZE_MAX / 2);
    slp_rc rc = read_index(f, f->top.slices[first].offset, bytes, &in, err);
    if (rc == SLP_OK)
        rc = decode_slices(f, buf_slice(&in), first, end, err);
    buf_fini(&in);
    return rc;
}

slp_rc datafile_load_slice(struct datafile *f, int64_t block, size_t ahead_bytes,
                           const struct index_slice **out, struct slp_err *err)
{
    assert(block >= 0 && block < f->top.block_count);
    size_t number = (size_t)(block / DATAFILE_SLICE_BLOCKS);
    if (!f->slices[number])
        TRY(read_slices(f, number, ahead_bytes, err));
    *out = f->slices[number];
    return SLP_OK;
}

int64_t datafile_block_count(const struct datafile *f)
{
    return f->top.block_count;
}

int64_t datafile_row_count(const struct datafile *f)
{
    return f->info.rows;
}

uint64_t datafile_page_bytes(const struct datafile *f)
{
    return f->info.index_offset;
}

slp_rc datafile_block(struct datafile *f, int64_t block, struct slice *key, int64_t *first_row,
                      struct slp_err *err)
{
    const struct index_slice *s = NULL;
    slp_rc rc = datafile_load_slice(f, block, 0, &s, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "data file \"%s\"", f->src->name);
    *key = s->keys[block - s->first_block].bytes;
    *first_row = s->first_rows[block - s->first_block];
    return SLP_OK;
}

void datafile_counts(const struct datafile *f, uint64_t *index_bytes, uint64_t *all_bytes,
                     uint64_t *reads)
{
    *index_bytes = f->index_bytes;
    *all_bytes = f->src->read_bytes;
    *reads = f->src->reads;
}

/* Slices whose first key is below `key`. */
static size_t slices_below(const struct index_top *top, struct slice key)
{
    size_t low = 0;
    size_t high = top->slice_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(top->slices[middle].key.bytes, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * The first block whose first key is not below `key`, in the whole file; block_count if there is
 * none. Reads the slice before the first one that begins so high: only there can the answer be,
 * unless it is that slice's first block, which the top knows.
 */
static slp_rc lower_bound(struct datafile *f, struct slice key, int64_t *out, struct slp_err *err)
{
    size_t below = slices_below(&f->top, key);
    if (below == 0) {
        *out = 0;
        return SLP_OK;
    }
    const struct index_slice *s = NULL;
    TRY(datafile_load_slice(f, (int64_t)(below - 1) * DATAFILE_SLICE_BLOCKS, 0, &s, err));
    size_t low = 0;
    size_t high = s->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(s->keys[middle].bytes, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *out = s->first_block + (int64_t)low;
    return SLP_OK;
}

/* Does this block begin with `key`, and the one before it not end with it? What lower_bound found
 * is in a loaded slice, or is the first block of one, which the top knows. */
static bool begins_with(const struct datafile *f, int64_t block, struct slice key)
{
    if (block == f->top.block_count)
        return false;
    size_t number = (size_t)(block / DATAFILE_SLICE_BLOCKS);
    int64_t inside = block % DATAFILE_SLICE_BLOCKS;
    const struct index_key *k =
        inside ? &f->slices[number]->keys[inside] : &f->top.slices[number].key;
    return !k->continues && slice_equal(k->bytes, key);
}

static slp_rc find(struct datafile *f, struct key_range range, int64_t *first, int64_t *end,
                   struct slp_err *err)
{
    int64_t from = 0;
    int64_t to = f->top.block_count;
    if (key_range_is_empty(range) || slice_compare(range.lo, f->top.last_key) > 0) {
        *first = *end = to;
        return SLP_OK;
    }
    TRY(lower_bound(f, range.lo, &from, err));
    if (from > 0 && !begins_with(f, from, range.lo))
        from--;
    if (range.has_hi)
        TRY(lower_bound(f, range.hi, &to, err));
    *first = num_min_i64(from, to);
    *end = to;
    return SLP_OK;
}

slp_rc datafile_find(struct datafile *f, struct key_range range, int64_t *first, int64_t *end,
                     struct slp_err *err)
{
    return err_wrap(err, find(f, range, first, end, err), "data file \"%s\"", f->src->name);
}
