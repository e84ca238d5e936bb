#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/num.h"
#include "datafile/group_priv.h"
#include "datafile/index_build.h"
#include "os/thread.h"
#include "parquet/leaves.h"

/*
 * Groups are encoded by the pool and written by the caller's thread, in order:
 *
 *   take -> jobs[(first + in_flight) % slots] -> pool encodes -> the oldest is awaited and written
 *
 * A job belongs to the pool from its submission until is_done, which `lock` guards; everything else
 * of the writer belongs to the caller's thread.
 */

#define INDEX_MAX_BYTES (1u << 30)

struct job {
    struct datafile_writer *writer;
    struct arr_batch rows;
    struct datafile_group *group; /* kept for the next job of this slot */
    slp_rc rc;                    /* what encoding came to */
    struct slp_err err;
    bool is_done;
};

struct crc_sink {
    struct sink base;
    struct sink *to;
    uint32_t crc;
};

struct datafile_writer {
    struct alloc *mem;
    const struct schema *schema;
    struct datafile_write_options options;
    struct pq_write_options pq_options;
    struct crc_sink sink;
    struct pq_writer *pq;
    struct index_builder index;
    struct os_pool *pool; /* NULL: one thread */
    struct os_mutex lock; /* guards is_done of the jobs */
    struct os_cond done;
    struct job *jobs;
    size_t slots;
    size_t first; /* the oldest job */
    size_t in_flight;
    int64_t rows;
    slp_rc failed; /* the first error: every later call returns it */
    struct slp_err first_err;
    struct buf last_key;
    struct buf first_key;
};

void datafile_write_options_init(struct datafile_write_options *o)
{
    *o = (struct datafile_write_options){
        .codec = CX_ZSTD, .level = 1, .block_bytes = 32 * 1024, .threads = 1};
}

static slp_rc crc_write(struct sink *sink, const void *bytes, size_t n, struct slp_err *err)
{
    struct crc_sink *s = (struct crc_sink *)(void *)sink;
    s->crc = hash_crc32c(s->crc, slice_of(bytes, n));
    return sink_write(s->to, bytes, n, err);
}

static slp_rc put_text(struct datafile_writer *w, const char *key, struct slice value,
                       struct slp_err *err)
{
    return pq_writer_key_value(w->pq, slice_str(key), value, err);
}

static slp_rc put_schema(struct datafile_writer *w, struct slp_err *err)
{
    struct buf text;
    buf_init(&text, w->mem, SCHEMA_JSON_MAX_BYTES);
    slp_rc rc = schema_format(w->options.told ? w->options.told : w->schema, &text, err);
    if (rc == SLP_OK)
        rc = put_text(w, "sleeper.schema", buf_slice(&text), err);
    buf_fini(&text);
    return rc;
}

static slp_rc start(struct datafile_writer *w, struct slp_err *err)
{
    void *jobs = NULL;
    TRY(alloc_array(w->mem, w->slots, sizeof(struct job), &jobs, err));
    w->jobs = jobs;
    if (w->options.threads > 1)
        TRY(os_pool_new(w->mem, w->options.threads, &w->pool, err));
    TRY(pq_writer_new(w->mem, &w->sink.base, &w->schema->columns, &w->pq_options, &w->pq, err));
    TRY(put_schema(w, err));
    if (w->options.lineage.len)
        TRY(put_text(w, "sleeper.lineage", w->options.lineage, err));
    return SLP_OK;
}

/* Columns of the file: the leaves of all fields. */
static size_t count_columns(const struct arr_schema *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += arr_field_leaf_count(&s->fields[i]);
    return count;
}

slp_rc datafile_writer_new(struct alloc *mem, struct sink *sink, const struct schema *schema,
                           const struct key_spec *spec,
                           const struct datafile_write_options *options,
                           struct datafile_writer **out, struct slp_err *err)
{
    static const struct sink_ops crc_ops = {.write = crc_write};
    assert(spec->field_count == schema->key_count);
    (void)spec;
    struct datafile_writer *w = NULL;
    TRY(alloc_new(mem, &w, err));
    *w = (struct datafile_writer){.mem = mem, .schema = schema, .options = *options};
    w->slots = options->threads > 1 ? num_min_size(options->threads, OS_POOL_MAX_THREADS) : 1;
    w->options.threads = w->slots;
    w->sink = (struct crc_sink){.base = {.ops = &crc_ops, .name = sink->name}, .to = sink};
    os_mutex_init(&w->lock);
    os_cond_init(&w->done);
    datafile_index_init(&w->index, mem, count_columns(&schema->columns));
    buf_init(&w->first_key, mem, KEY_MAX_BYTES);
    buf_init(&w->last_key, mem, KEY_MAX_BYTES);
    datafile_group_options(schema, options, &w->pq_options);
    slp_rc rc = start(w, err);
    if (rc != SLP_OK) {
        datafile_writer_free(w);
        return err_wrap(err, rc, "data file \"%s\"", sink->name);
    }
    *out = w;
    return SLP_OK;
}

static void job_fini(struct job *job)
{
    datafile_group_free(job->group);
    arr_batch_fini(&job->rows);
}

void datafile_writer_free(struct datafile_writer *w)
{
    if (!w)
        return;
    os_pool_free(w->pool);
    for (size_t i = 0; w->jobs && i < w->slots; i++)
        job_fini(&w->jobs[i]);
    alloc_free(w->mem, w->jobs, w->slots * sizeof *w->jobs);
    pq_writer_free(w->pq);
    datafile_index_fini(&w->index);
    buf_fini(&w->first_key);
    buf_fini(&w->last_key);
    os_cond_fini(&w->done);
    os_mutex_fini(&w->lock);
    alloc_delete(w->mem, w);
}

static void encode(void *arg)
{
    struct job *job = arg;
    struct datafile_writer *w = job->writer;
    slp_rc rc = datafile_group_pages(job->group, &job->rows, &job->err);
    arr_batch_fini(&job->rows);
    os_mutex_lock(&w->lock);
    job->rc = rc;
    job->is_done = true;
    os_cond_broadcast(&w->done);
    os_mutex_unlock(&w->lock);
}

/* Put an encoded group behind the last one; the index knows its keys. */
static slp_rc place(struct datafile_writer *w, const struct datafile_group *g, struct slp_err *err)
{
    uint64_t offset = 0;
    TRY(pq_writer_group(w->pq, g->pages, &offset, err));
    return datafile_index_group(&w->index, g->pages, g->block_rows, offset, err);
}

/* Write the oldest group when it is encoded. */
static slp_rc retire(struct datafile_writer *w, struct slp_err *err)
{
    struct job *job = &w->jobs[w->first];
    os_mutex_lock(&w->lock);
    while (!job->is_done)
        os_cond_wait(&w->done, &w->lock);
    os_mutex_unlock(&w->lock);
    w->first = (w->first + 1) % w->slots;
    w->in_flight--;
    if (job->rc != SLP_OK) {
        if (err)
            *err = job->err;
        return job->rc;
    }
    return place(w, job->group, err);
}

/* Note the keys of the next group. */
static slp_rc note_keys(struct datafile_writer *w, const struct datafile_group *g, int64_t rows,
                        struct slp_err *err)
{
    struct slice first_key = datafile_group_first_key(g);
    if (w->rows && slice_compare(first_key, buf_slice(&w->last_key)) < 0)
        FAIL(err, INVALID, "row %" PRId64 " has a key below that of the row before it", w->rows);
    if (w->rows == 0)
        TRY(buf_assign(&w->first_key, first_key, err));
    TRY(buf_assign(&w->last_key, datafile_group_last_key(g), err));
    TRY(datafile_index_rows(&w->index, &g->ends, rows, g->block_rows, err));
    w->rows += rows;
    return SLP_OK;
}

static slp_rc submit(struct datafile_writer *w, struct arr_batch *rows, const struct key_vec *keys,
                     struct slp_err *err)
{
    if (rows->rows == 0)
        return SLP_OK;
    if (w->in_flight == w->slots)
        TRY(retire(w, err));
    struct job *job = &w->jobs[(w->first + w->in_flight) % w->slots];
    if (!job->group)
        TRY(datafile_group_new(w->mem, w->schema, &w->options, &job->group, err));
    TRY(datafile_group_keys(job->group, rows, keys, w->rows, err));
    TRY(note_keys(w, job->group, rows->rows, err));
    *job = (struct job){.writer = w, .rows = *rows, .group = job->group};
    *rows = (struct arr_batch){0};
    w->in_flight++;
    if (!w->pool) {
        encode(job);
        return retire(w, err);
    }
    os_pool_submit(w->pool, encode, job);
    return SLP_OK;
}

/* Keep the first error: what follows would only be its echo. */
static slp_rc keep(struct datafile_writer *w, slp_rc rc, struct slp_err *err)
{
    if (rc == SLP_OK)
        return rc;
    rc = err_wrap(err, rc, "data file \"%s\"", w->sink.base.name);
    w->failed = rc;
    if (err)
        w->first_err = *err;
    else
        (void)err_set(&w->first_err, rc, "data file \"%s\": writing it failed before",
                      w->sink.base.name);
    return rc;
}

static slp_rc fail_again(const struct datafile_writer *w, struct slp_err *err)
{
    if (err)
        *err = w->first_err;
    return w->failed;
}

slp_rc datafile_writer_take(struct datafile_writer *w, struct arr_batch *rows, struct key_vec *keys,
                            struct slp_err *err)
{
    assert(!keys || rows->rows == keys->count);
    slp_rc rc = w->failed ? fail_again(w, err) : keep(w, submit(w, rows, keys, err), err);
    arr_batch_fini(rows);
    if (keys)
        key_vec_fini(keys);
    return rc;
}

static slp_rc put_group(struct datafile_writer *w, const struct datafile_group *g,
                        struct slp_err *err)
{
    if (g->rows == 0)
        return SLP_OK;
    while (w->in_flight)
        TRY(retire(w, err));
    TRY(note_keys(w, g, g->rows, err));
    return place(w, g, err);
}

slp_rc datafile_writer_group(struct datafile_writer *w, const struct datafile_group *g,
                             struct slp_err *err)
{
    assert(g->schema == w->schema);
    return w->failed ? fail_again(w, err) : keep(w, put_group(w, g, err), err);
}

/* What the index says of the columns: a leaf is one. */
static slp_rc make_columns(const struct datafile_writer *w, struct arena *a,
                           const struct index_column **out, struct slp_err *err)
{
    const struct arr_schema *s = &w->schema->columns;
    struct pq_leaves leaves = {0};
    struct index_column *columns = NULL;
    TRY(pq_leaves_of(s, a, &leaves, err));
    assert(leaves.count == w->index.column_count);
    TRY(arena_array(a, leaves.count, sizeof *columns, (void **)&columns, err));
    for (size_t i = 0; i < leaves.count; i++) {
        const struct pq_leaf_field *leaf = &leaves.items[i];
        columns[i] = (struct index_column){
            .field_id = s->fields[leaf->column].id,
            .type = leaf->field->type,
            .nullable = leaf->field->nullable,
            .is_nested = leaf->is_nested,
            .definition_max = leaf->is_nested ? leaf->definition_max : 0,
            .repetition_max = leaf->repetition_max,
        };
    }
    *out = columns;
    return SLP_OK;
}

static slp_rc write_index(struct datafile_writer *w, const struct index_column *columns,
                          struct buf *bytes, struct datafile_info *info, struct slp_err *err)
{
    size_t top_at = 0;
    char text[96];
    TRY(datafile_index_finish(&w->index, columns, bytes, &top_at, err));
    TRY(pq_writer_raw(w->pq, buf_slice(bytes), &info->index_offset, err));
    info->top_offset = info->index_offset + top_at;
    info->top_bytes = (uint32_t)(bytes->len - top_at);
    (void)snprintf(text, sizeof text,
                   "{\"version\":%u,\"offset\":%" PRIu64 ",\"bytes\":%" PRIu32 "}", INDEX_VERSION,
                   info->top_offset, info->top_bytes);
    return put_text(w, "sleeper.key_index", slice_str(text), err);
}

static slp_rc finish(struct datafile_writer *w, struct arena *arena, struct buf *bytes,
                     struct datafile_info *out, struct slp_err *err)
{
    const struct index_column *columns = NULL;
    struct datafile_info info = {.rows = w->rows};
    if (w->rows == 0)
        FAIL(err, INVALID, "no row was written");
    while (w->in_flight)
        TRY(retire(w, err));
    TRY(make_columns(w, arena, &columns, err));
    TRY(write_index(w, columns, bytes, &info, err));
    TRY(pq_writer_finish(w->pq, &info.footer_offset, &info.footer_bytes, err));
    TRY(arena_copy(arena, buf_slice(&w->first_key), &info.first_key, err));
    TRY(arena_copy(arena, buf_slice(&w->last_key), &info.last_key, err));
    info.file_bytes = w->sink.base.offset;
    info.crc32c = w->sink.crc;
    *out = info;
    return SLP_OK;
}

slp_rc datafile_writer_finish(struct datafile_writer *w, struct arena *arena,
                              struct datafile_info *out, struct slp_err *err)
{
    if (w->failed)
        return fail_again(w, err);
    struct buf bytes;
    buf_init(&bytes, w->mem, INDEX_MAX_BYTES);
    slp_rc rc = finish(w, arena, &bytes, out, err);
    buf_fini(&bytes);
    return keep(w, rc, err);
}
