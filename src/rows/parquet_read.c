#include <inttypes.h>

#include "base/num.h"
#include "os/reader.h"
#include "os/writer.h"
#include "parquet/reader.h"
#include "predicate/pick.h"
#include "rows/arrow_schema.h"
#include "rows/parquet_prune.h"
#include "rows/rows_priv.h"

/* A string of a dictionary stands once in the file and in every row of a batch: what we take it to
 * have at least. */
#define STRING_BYTES 16u

/* Windows take about half so many batches. */
#define READ_AHEAD 4

struct rows_parquet {
    struct alloc *mem;
    const char *path;      /* the caller's */
    struct os_temp *spool; /* the caller's; NULL: the file of that path */
    const struct arr_schema *want;
    struct pq_file *file;
    struct arena arena;
    struct arr_schema have; /* its columns, with what ARROW:schema says of them */
    size_t *places;         /* of wanted columns in the file, SIZE_MAX: missing */
    size_t *columns;        /* places that are there, in order */
    size_t column_count;
    struct rows_limits limits;
    const struct pred *pred; /* NULL: all rows */
    struct rows_counts *counts;
    enum pq_crc crc;
    bool keeps_dictionaries;
    const struct rows_rejects *rejects; /* may be NULL */
    const struct rows_check *check;     /* the same */
};

/* A source of one's own over the file. */
static slp_rc open_source(const struct rows_parquet *p, struct alloc *mem, struct source **out,
                          struct slp_err *err)
{
    if (p->spool)
        return os_temp_source(p->spool, p->path, mem, out, err);
    return os_source_open(mem, p->path, out, err);
}

/* The keys that say something of our own data file, such as where its key index stands. */
static bool is_ours(struct slice key)
{
    return slice_starts_with(key, slice_str("sleeper."));
}

/* Columns of the file, and its keys. */
static slp_rc note_columns(struct rows_parquet *p, struct slp_err *err)
{
    const struct pq_meta *m = pq_file_meta(p->file);
    struct arr_pair *pairs = NULL;
    TRY(arr_schema_copy(&p->arena, &m->schema, &p->have, err));
    TRY(arena_array(&p->arena, m->key_value_count, sizeof *pairs, (void **)&pairs, err));
    for (size_t i = 0; i < m->key_value_count; i++) {
        const struct pq_key_value *from = &m->key_values[i];
        if (is_ours(from->key))
            continue;
        pairs[p->have.pair_count++] = (struct arr_pair){from->key, from->value};
        if (slice_is(from->key, ROWS_ARROW_SCHEMA_KEY))
            TRY(rows_arrow_schema_apply(from->value, p->mem, &p->have, err));
    }
    p->have.pairs = pairs;
    return SLP_OK;
}

static bool has_int96(const struct pq_meta *m, const struct pq_node *node)
{
    for (size_t i = 0; i < node->leaf_count; i++) {
        if (m->columns[node->first_leaf + i].physical == PQ_INT96)
            return true;
    }
    return false;
}

/* Read columns and see whether one of them is beyond what is supported. What else is wrong with
 * them is found when they are read for their rows. */
static slp_rc try_columns(const struct rows_parquet *p, struct source *src, const size_t *columns,
                          size_t count, bool *is_beyond, struct slp_err *err)
{
    const struct pq_read_options o = {
        .columns = columns, .column_count = count, .crc = PQ_CRC_NEVER};
    struct arr_stream *s = NULL;
    struct arr_batch batch = {0};
    struct slp_err problem = {.code = SLP_OK};
    TRY(pq_read(p->file, src, &o, p->mem, &s, err));
    slp_rc rc = SLP_OK;
    while ((rc = arr_stream_next(s, &batch, &problem)) == SLP_OK)
        continue;
    arr_batch_fini(&batch);
    arr_stream_close(s);
    *is_beyond = rc == SLP_UNSUPPORTED;
    return rc == SLP_NO_MEMORY ? err_set(err, rc, "%s", problem.text) : SLP_OK;
}

/* INT96 is read as nanoseconds, or as the finest unit that holds all values of the file.
 * Only reading tells, so these columns are read twice: they are rare by now. */
static slp_rc settle_int96(struct rows_parquet *p, struct source *src, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    const struct pq_meta *m = pq_file_meta(p->file);
    size_t room = m->schema.count;
    size_t count = 0;
    size_t *columns = NULL;
    bool is_beyond = false;
    TRY(alloc_array(p->mem, room, sizeof *columns, (void **)&columns, err));
    for (size_t i = 0; i < room; i++) {
        if (has_int96(m, &m->nodes[i]))
            columns[count++] = i;
    }
    for (int unit = ARR_MICRO; count && unit >= ARR_MILLI; unit--) {
        struct pq_file *other = NULL;
        TRY_OUT(try_columns(p, src, columns, count, &is_beyond, err));
        if (!is_beyond)
            break;
        TRY_OUT(pq_file_open_as(src, (enum arr_unit)unit, p->mem, &other, err));
        pq_file_free(p->file);
        p->file = other;
    }
out:
    alloc_free(p->mem, columns, room * sizeof *columns);
    return rc;
}

slp_rc rows_parquet_open(struct alloc *mem, const char *path, struct os_temp *spool,
                         struct rows_limits limits, struct rows_parquet **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct rows_parquet *p = NULL;
    struct source *src = NULL;
    TRY(alloc_new(mem, &p, err));
    *p = (struct rows_parquet){.mem = mem, .path = path, .spool = spool, .limits = limits};
    arena_init(&p->arena, mem, ROWS_ARENA_MAX_BYTES);
    TRY_OUT(open_source(p, mem, &src, err));
    TRY_OUT(pq_file_open(src, mem, &p->file, err));
    TRY_OUT(settle_int96(p, src, err));
    TRY_OUT(note_columns(p, err));
    TRY_OUT(rows_parquet_want(p, NULL, err));
    *out = p;
out:
    source_close(src);
    if (rc != SLP_OK)
        rows_parquet_close(p);
    return rc;
}

static void forget_columns(struct rows_parquet *p)
{
    size_t count = p->want ? p->want->count : 0;
    alloc_free(p->mem, p->places, count * sizeof *p->places);
    alloc_free(p->mem, p->columns, count * sizeof *p->columns);
    p->places = NULL;
    p->columns = NULL;
    p->column_count = 0;
    p->want = NULL;
}

slp_rc rows_parquet_want(struct rows_parquet *p, const struct arr_schema *want, struct slp_err *err)
{
    const struct arr_schema *have = &p->have;
    forget_columns(p);
    p->want = want ? want : have;
    size_t count = p->want->count;
    TRY(alloc_array(p->mem, count, sizeof *p->places, (void **)&p->places, err));
    TRY(alloc_array(p->mem, count, sizeof *p->columns, (void **)&p->columns, err));
    for (size_t i = 0; i < count; i++)
        p->places[i] = i;
    if (want)
        TRY(err_wrap(err, rows_match(have, want, true, p->places, err), "file \"%s\"", p->path));
    /* A column that several want is read once for each. */
    for (size_t i = 0; i < count; i++) {
        if (p->places[i] != SIZE_MAX)
            p->columns[p->column_count++] = p->places[i];
    }
    return SLP_OK;
}

void rows_parquet_filter(struct rows_parquet *p, const struct pred *pred,
                         struct rows_counts *counts)
{
    p->pred = pred;
    p->counts = counts;
}

void rows_parquet_crc(struct rows_parquet *p, enum pq_crc crc)
{
    p->crc = crc;
}

void rows_parquet_keep_dictionaries(struct rows_parquet *p)
{
    p->keeps_dictionaries = true;
    for (size_t i = 0; i < p->have.count; i++)
        p->have.fields[i].is_dictionary = arr_type_is_variable(p->have.fields[i].type);
}

void rows_parquet_rejects(struct rows_parquet *p, const struct rows_rejects *rejects,
                          const struct rows_check *check)
{
    p->rejects = rejects;
    p->check = check;
}

void rows_parquet_close(struct rows_parquet *p)
{
    if (!p)
        return;
    forget_columns(p);
    arena_fini(&p->arena);
    pq_file_free(p->file);
    alloc_delete(p->mem, p);
}

const struct arr_schema *rows_parquet_schema(const struct rows_parquet *p)
{
    return p->want;
}

size_t rows_parquet_parts(const struct rows_parquet *p)
{
    return pq_file_meta(p->file)->group_count;
}

int64_t rows_parquet_rows(const struct rows_parquet *p)
{
    return pq_file_meta(p->file)->rows;
}

/* One row group: batches as the file has them, then as they are wanted. */
struct part {
    struct arr_stream base;
    const struct rows_parquet *p;
    struct alloc *mem;
    struct source *src;
    struct arr_stream *below;
    struct arr_batch staged;
    int64_t first_row; /* of the next batch, in the file; filtered: of those that are left */
    slp_rc failed;
    /* With a predicate. */
    struct arena arena;
    struct pred_picker picker;
    struct arr_batch view; /* of the wanted columns; borrows those of the predicate */
    struct pq_filter filter;
    struct pq_read_counts read;
};

/* Bytes a row of one column takes, about. */
static uint64_t row_bytes_of(const struct pq_meta *m, const struct pq_group_meta *g, size_t column)
{
    const struct pq_node *node = &m->nodes[column];
    struct arr_type type = m->schema.fields[column].type;
    uint64_t share = 0;
    for (size_t i = 0; i < node->leaf_count; i++) {
        uint64_t bytes = g->chunks[node->first_leaf + i].uncompressed_bytes;
        share += bytes / (uint64_t)num_max_i64(g->rows, 1);
    }
    if (arr_type_is_variable(type) || arr_type_is_nested(type))
        return (share > STRING_BYTES ? share : STRING_BYTES) + sizeof(int32_t);
    return arr_type_width(type);
}

/* Rows a batch may have so that it stays near the limit. */
static int64_t rows_of_batch(const struct rows_parquet *p, size_t part)
{
    const struct pq_meta *m = pq_file_meta(p->file);
    const struct pq_group_meta *g = &m->groups[part];
    uint64_t row_bytes = 1;
    for (size_t i = 0; i < p->column_count; i++) {
        uint64_t bytes = row_bytes_of(m, g, p->columns[i]);
        row_bytes = bytes < UINT64_MAX - row_bytes ? row_bytes + bytes : UINT64_MAX;
    }
    uint64_t rows = p->limits.bytes / row_bytes;
    return num_max_i64(
        rows < INT64_MAX ? num_min_i64((int64_t)rows, p->limits.rows) : p->limits.rows, 1);
}

/* A duration is stored as the integer it is. */
static slp_rc take_column(struct arr_col *staged, const struct arr_field *have,
                          const struct arr_field *want, int64_t first_row, struct arr_col *out,
                          struct slp_err *err)
{
    struct arr_col column = *staged;
    int64_t row = 0;
    bool is_duration = have->type.kind == ARR_DURATION && staged->type.kind == ARR_INT64;
    bool is_refused = staged->null_count && !want->nullable;
    if (!is_duration || is_refused)
        return rows_take_column(staged, want, first_row, out, err);
    column.type = have->type;
    slp_rc rc = rows_widen(&column, out, &row, err);
    return rc == SLP_BAD_INPUT ? err_wrap(err, rc, "row %" PRId64, first_row + row + 1) : rc;
}

static slp_rc take_columns(void *context, struct arr_batch *staged, int64_t first_row,
                           struct arr_batch *out, const char **column, struct slp_err *err)
{
    const struct part *s = context;
    const struct rows_parquet *p = s->p;
    size_t next = 0;
    for (size_t i = 0; i < p->want->count; i++) {
        const struct arr_field *field = &p->want->fields[i];
        slp_rc rc = SLP_OK;
        if (p->places[i] == SIZE_MAX)
            rc = arr_col_append_nulls(&out->cols[i], staged->rows, err);
        else
            rc = take_column(&staged->cols[next++], &p->have.fields[p->places[i]], field, first_row,
                             &out->cols[i], err);
        if (rc != SLP_OK) {
            *column = field->name;
            return rc;
        }
    }
    out->rows = staged->rows;
    return SLP_OK;
}

static slp_rc take_batch(struct part *s, struct arr_batch *out, struct slp_err *err)
{
    const struct rows_sift sift = {.mem = s->mem,
                                   .file = s->p->path,
                                   .rejects = s->p->rejects,
                                   .check = s->p->check,
                                   .take = take_columns,
                                   .context = s};
    int64_t count = s->staged.rows;
    slp_rc rc = rows_sift(&sift, &s->staged, s->first_row, out, err);
    s->first_row += count;
    return err_wrap(err, rc, "file \"%s\"", s->p->path);
}

/* What was read since the last call. */
static void note_counts(struct part *s)
{
    if (!s->p->counts)
        return;
    s->p->counts->pages_read += s->read.pages_read;
    s->p->counts->bytes += s->src->read_bytes;
    s->read.pages_read = 0;
    s->src->read_bytes = 0;
}

static slp_rc part_next(struct arr_stream *stream, struct arr_batch *out, struct slp_err *err)
{
    struct part *s = (struct part *)stream;
    if (s->failed != SLP_OK)
        return err_set(err, s->failed, "file \"%s\": reading failed before", s->p->path);
    slp_rc rc = arr_stream_next(s->below, &s->staged, err);
    note_counts(s);
    if (rc == SLP_DONE)
        return rc;
    s->failed = rc;
    if (rc != SLP_OK)
        return rc;
    if (out->schema)
        arr_batch_clear(out);
    else
        s->failed = arr_batch_init(out, s->mem, s->base.schema, err);
    if (s->failed == SLP_OK)
        s->failed = take_batch(s, out, err);
    if (s->failed != SLP_OK && out->schema)
        arr_batch_clear(out);
    return s->failed;
}

static void part_close(struct arr_stream *stream)
{
    struct part *s = (struct part *)stream;
    arr_batch_fini(&s->staged);
    arr_stream_close(s->below);
    pred_picker_fini(&s->picker);
    arena_fini(&s->arena);
    source_close(s->src);
    alloc_delete(s->mem, s);
}

/* ---- With a predicate ---- */

/* Memory for ranges of rows and page indexes of one group. */
#define PART_ARENA_BYTES ((size_t)1 << 30)

static slp_rc choose(void *context, const struct arr_batch *batch, const uint32_t **picked,
                     int64_t *count, struct slp_err *err)
{
    struct part *s = context;
    size_t next = 0;
    for (size_t i = 0; i < s->p->want->count; i++) {
        if (s->p->places[i] != SIZE_MAX)
            s->view.cols[i] = batch->cols[next++];
    }
    s->view.rows = batch->rows;
    TRY(pred_pick(&s->picker, s->p->pred, &s->view, INT64_MAX, err));
    *picked = s->picker.rows;
    *count = s->picker.count;
    return SLP_OK;
}

/* Find the columns of the predicate among those that are read. None if one of them is missing in
 * the file or has to widen: the predicate is over what it becomes. */
static slp_rc find_filter(struct part *s, struct slp_err *err)
{
    const struct rows_parquet *p = s->p;
    const struct arr_schema *have = &pq_file_meta(p->file)->schema;
    bool *used = NULL;
    size_t *columns = NULL;
    size_t count = 0;
    size_t next = 0;
    TRY(arena_array(&s->arena, p->want->count, sizeof *used, (void **)&used, err));
    TRY(arena_array(&s->arena, p->want->count, sizeof *columns, (void **)&columns, err));
    TRY(arena_array(&s->arena, p->want->count, sizeof *s->view.cols, (void **)&s->view.cols, err));
    s->view.schema = p->want;
    pred_columns(p->pred, used);
    for (size_t i = 0; i < p->want->count; i++) {
        bool is_there = p->places[i] != SIZE_MAX;
        if (used[i] &&
            (!is_there || !arr_field_same_type(&have->fields[p->places[i]], &p->want->fields[i])))
            return SLP_OK;
        if (used[i])
            columns[count++] = next;
        next += is_there;
    }
    s->filter = (struct pq_filter){
        .columns = columns, .column_count = count, .choose = choose, .context = s};
    return SLP_OK;
}

static slp_rc open_filtered(struct part *s, size_t part, struct pq_read_options *o,
                            struct slp_err *err)
{
    static const struct pq_row_range none = {0};
    const struct rows_parquet *p = s->p;
    const struct rows_prune prune = {.mem = s->mem,
                                     .file = p->file,
                                     .pred = p->pred,
                                     .want = p->want,
                                     .places = p->places,
                                     .counts = p->counts};
    struct pq_row_range *ranges = NULL;
    TRY(rows_parquet_prune(&prune, s->src, part, &s->arena, &ranges, &o->range_count, err));
    o->ranges = ranges ? ranges : &none;
    TRY(find_filter(s, err));
    if (s->filter.column_count)
        return pq_read_select(p->file, s->src, o, &s->filter, s->mem, &s->below, err);
    return pq_read(p->file, s->src, o, s->mem, &s->below, err);
}

slp_rc rows_parquet_part(const struct rows_parquet *p, size_t part, struct alloc *mem,
                         struct arr_stream **out, struct slp_err *err)
{
    static const struct arr_stream_ops ops = {.next = part_next, .close = part_close};
    slp_rc rc = SLP_OK;
    struct part *s = NULL;
    TRY(alloc_new(mem, &s, err));
    *s = (struct part){.base = {.ops = &ops, .schema = p->want}, .p = p, .mem = mem};
    for (size_t i = 0; i < part; i++)
        s->first_row += pq_file_meta(p->file)->groups[i].rows;
    arena_init(&s->arena, mem, PART_ARENA_BYTES);
    pred_picker_init(&s->picker, mem);
    TRY_OUT(open_source(p, mem, &s->src, err));
    struct pq_read_options o = {.columns = p->columns,
                                .column_count = p->column_count,
                                .first_group = part,
                                .group_count = 1,
                                .batch_rows = rows_of_batch(p, part),
                                .crc = p->crc,
                                .keep_dictionaries = p->keeps_dictionaries,
                                .memory_bytes = READ_AHEAD * p->limits.bytes,
                                .counts = &s->read};
    if (p->pred)
        TRY_OUT(open_filtered(s, part, &o, err));
    else
        TRY_OUT(pq_read(p->file, s->src, &o, mem, &s->below, err));
    *out = &s->base;
out:
    if (rc != SLP_OK)
        part_close(&s->base);
    return rc;
}
