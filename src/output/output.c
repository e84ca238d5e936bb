#include "output/output.h"

#include "base/num.h"
#include "output/object.h"

#define FILES_MAX 65536u

/* Less than the bodies of a frame, for others may commit with us. */
#define OUTPUT_EMBED_MAX ((size_t)3 << 20)
#define ARENA_MAX_BYTES  ((size_t)1 << 30)

struct output {
    struct alloc *mem;
    struct arena arena;
    struct state_table *table;
    struct datafile_write_options write;
    struct slice suffix;
    slp_rc (*on_group)(void *context, int64_t rows, struct slp_err *err);
    void *on_group_context;
    uint64_t file_bytes;
    size_t group_bytes;
    int64_t group_rows;
    struct output_object *object; /* of the file being written */
    size_t embed_bytes;           /* that are left for embedded files */
    struct buf bodies;            /* of struct slice: theirs, in the arena */
    struct datafile_writer *writer;
    struct slice name;       /* relative to the table */
    struct buf files;        /* of struct state_new_file */
    struct output_form form; /* of the next group */
    uint64_t deletes;        /* of the file being written */
    uint64_t resets;
    int64_t rows;
    uint64_t bytes;
};

static struct store *store_of(const struct output *o)
{
    return state_instance_store(state_table_instance(o->table));
}

static size_t file_count(const struct output *o)
{
    return o->files.len / sizeof(struct state_new_file);
}

/* ---- What the table's properties say ---- */

/* The codec, and the highest level that it has; in the order of the property's choices. */
struct codec_choice {
    enum cx_kind kind;
    int level_max; /* 0: it has no levels */
};

static const struct codec_choice codecs[] = {{CX_ZSTD, 22},   {CX_SNAPPY, 0},  {CX_GZIP, 12},
                                             {CX_LZ4_RAW, 0}, {CX_BROTLI, 11}, {CX_NONE, 0}};

static void set_codec(const struct schema_properties *p, struct datafile_write_options *out)
{
    struct slice ignored;
    struct slice name = slice_str(schema_property_at(SCHEMA_PROPERTY_PARQUET_CODEC)->name);
    const struct codec_choice *c =
        &codecs[schema_property_choice(p, SCHEMA_PROPERTY_PARQUET_CODEC)];
    int level = (int)schema_property_number(p, SCHEMA_PROPERTY_PARQUET_LEVEL);
    out->codec = c->kind;
    out->level = level < c->level_max ? level : c->level_max;
    /* Readers of any age know no ZSTD; who names it gets it. */
    if (out->profile == PQ_PROFILE_COMPAT && !p->find(p->context, name, &ignored)) {
        out->codec = CX_SNAPPY;
        out->level = 0;
    }
}

/* The next of the names that stand apart by commas, blanks around it left out. */
static struct slice next_name(struct slice *rest)
{
    const uint8_t *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
    struct slice name = slice_first(*rest, len);
    *rest = slice_after(*rest, comma ? len + 1 : len);
    while (name.len && name.ptr[0] == ' ')
        name = slice_after(name, 1);
    while (name.len && name.ptr[name.len - 1] == ' ')
        name = slice_first(name, name.len - 1);
    return name;
}

/* A field that is named and is not there (any more) has no filter. */
static slp_rc set_bloom(struct output *o, const struct schema_properties *p, struct slp_err *err)
{
    const struct arr_schema *all = &state_table_schema(o->table)->columns;
    struct slice rest = schema_property_text(p, SCHEMA_PROPERTY_PARQUET_BLOOM);
    struct pq_column_options *columns = NULL;
    void *room = NULL;
    if (rest.len == 0)
        return SLP_OK;
    TRY(arena_array(&o->arena, all->count, sizeof *columns, &room, err));
    columns = room;
    for (size_t i = 0; i < all->count; i++)
        columns[i] = (struct pq_column_options){0};
    while (rest.len) {
        struct slice name = next_name(&rest);
        for (size_t i = 0; i < all->count; i++)
            columns[i].bloom = columns[i].bloom || slice_is(name, all->fields[i].name);
    }
    o->write.columns = columns;
    return SLP_OK;
}

static slp_rc set_write_options(struct output *o, struct slp_err *err)
{
    struct schema_properties p = state_table_properties(o->table);
    struct datafile_write_options *w = &o->write;
    datafile_write_options_init(w);
    w->profile = schema_property_choice(&p, SCHEMA_PROPERTY_PARQUET_PROFILE) ? PQ_PROFILE_COMPAT
                                                                             : PQ_PROFILE_DEFAULT;
    set_codec(&p, w);
    w->page_bytes = (size_t)schema_property_number(&p, SCHEMA_PROPERTY_PARQUET_PAGE_BYTES);
    w->page_v2 = schema_property_choice(&p, SCHEMA_PROPERTY_PARQUET_VERSION) == 1;
    w->bound_bytes = (uint32_t)schema_property_number(&p, SCHEMA_PROPERTY_PARQUET_BOUND_BYTES);
    o->group_rows = schema_property_number(&p, SCHEMA_PROPERTY_PARQUET_GROUP_ROWS);
    return set_bloom(o, &p, err);
}

slp_rc output_new(struct state_table *table, const struct output_options *options,
                  struct alloc *mem, struct output **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct output *o = NULL;
    TRY(alloc_new(mem, &o, err));
    o->mem = mem;
    o->table = table;
    o->on_group = options->on_group;
    o->on_group_context = options->on_group_context;
    o->file_bytes = options->file_bytes ? options->file_bytes : OUTPUT_FILE_BYTES;
    arena_init(&o->arena, mem, ARENA_MAX_BYTES);
    buf_init(&o->files, mem, FILES_MAX * sizeof(struct state_new_file));
    buf_init(&o->bodies, mem, FILES_MAX * sizeof(struct slice));
    o->embed_bytes = num_min_size(options->embed_bytes, OUTPUT_EMBED_MAX);
    TRY_OUT(set_write_options(o, err));
    o->write.threads = num_max_size(options->threads, 1);
    o->group_bytes = OUTPUT_GROUP_BYTES_MAX;
    if (options->memory) {
        /* Every thread holds a group's rows and its pages, and one more group is being filled. */
        size_t share = options->memory / (2 * (o->write.threads + 1));
        o->group_bytes =
            num_max_size(num_min_size(share, OUTPUT_GROUP_BYTES_MAX), OUTPUT_GROUP_BYTES_MIN);
    }
    o->form.schema = state_table_schema(table);
    o->write.told = o->form.schema;
    TRY_OUT(arena_copy(&o->arena, options->suffix, &o->suffix, err));
    TRY_OUT(arena_copy(&o->arena, options->lineage, &o->write.lineage, err));
    *out = o;
    return SLP_OK;
out:
    output_free(o);
    return rc;
}

int64_t output_group_rows(const struct output *o)
{
    return o->group_rows;
}

size_t output_group_bytes(const struct output *o)
{
    return o->group_bytes;
}

static slp_rc begin_file(struct output *o, struct slp_err *err)
{
    struct state_name name;
    struct state_name object;
    TRY(state_data_name(o->table, o->suffix, &name, err));
    TRY(state_table_object(o->table, state_name_slice(&name), &object, err));
    TRY(arena_copy(&o->arena, state_name_slice(&name), &o->name, err));
    TRY(output_object_open(store_of(o), state_name_slice(&object), o->embed_bytes, o->mem,
                           &o->object, err));
    o->deletes = 0;
    o->resets = 0;
    return datafile_writer_new(o->mem, output_object_sink(o->object), o->form.schema,
                               state_table_key_spec(o->table), &o->write, &o->writer, err);
}

static void drop_file(struct output *o)
{
    datafile_writer_free(o->writer);
    o->writer = NULL;
    output_object_abort(o->object);
    o->object = NULL;
}

/* A commit that was not answered may have left the file in the store. No log will name it, so the
 * outcome of the whole is known: it failed. The file is kept in the list for output_discard. */
static slp_rc lose_file(struct slp_err *err)
{
    struct slp_err cause = {.code = SLP_UNKNOWN};
    if (err)
        cause = *err;
    FAIL(err, UNAVAILABLE, "it is not known to be written, and nothing was committed: %s",
         cause.text);
}

/* Bytes that were held, if any, are the next body: the file has no object. */
static slp_rc keep_body(struct output *o, const struct buf *held, struct state_new_file *file,
                        struct slp_err *err)
{
    struct slice body;
    if (held->len == 0)
        return SLP_OK;
    TRY(arena_copy(&o->arena, buf_slice(held), &body, err));
    TRY(buf_append(&o->bodies, &body, sizeof body, err));
    o->embed_bytes -= held->len;
    file->name = (struct slice){0};
    file->body = (uint32_t)(o->bodies.len / sizeof body);
    return SLP_OK;
}

static slp_rc end_object(struct output *o, struct state_new_file *file, struct slp_err *err)
{
    struct buf held;
    struct output_object *object = o->object;
    o->object = NULL;
    buf_init(&held, o->mem, o->embed_bytes);
    slp_rc rc = output_object_commit(object, &held, err);
    if (rc == SLP_OK)
        rc = keep_body(o, &held, file, err);
    buf_fini(&held);
    return rc;
}

static slp_rc end_file(struct output *o, struct slp_err *err)
{
    struct state_new_file file = {.name = o->name,
                                  .schema_version = 1,
                                  .stack = o->form.stack,
                                  .deletes = o->deletes,
                                  .resets = o->resets};
    if (file_count(o) == FILES_MAX)
        FAIL(err, LIMIT, "more than %u data files in one transaction", FILES_MAX);
    file.schema_version = state_schema_version(state_table_view(o->table));
    TRY(datafile_writer_finish(o->writer, &o->arena, &file.info, err));
    TRY(buf_reserve(&o->files, sizeof file, err));
    datafile_writer_free(o->writer);
    o->writer = NULL;
    slp_rc rc = end_object(o, &file, err);
    if (rc != SLP_OK && rc != SLP_UNKNOWN)
        return rc;
    TRY(buf_append(&o->files, &file, sizeof file, err));
    if (rc == SLP_UNKNOWN)
        return lose_file(err);
    o->bytes += file.info.file_bytes;
    return SLP_OK;
}

slp_rc output_cut(struct output *o, struct slp_err *err)
{
    if (!o->writer)
        return SLP_OK;
    slp_rc rc = end_file(o, err);
    if (rc != SLP_OK)
        drop_file(o);
    return rc;
}

/* A file to write the next group to: another one where the last has its size. */
static slp_rc open_file(struct output *o, struct slp_err *err)
{
    if (o->on_group)
        TRY(o->on_group(o->on_group_context, o->rows, err));
    if (o->writer && output_object_sink(o->object)->offset >= o->file_bytes)
        TRY(output_cut(o, err));
    return o->writer ? SLP_OK : begin_file(o, err);
}

/* What a group came to. */
static slp_rc count_rows(struct output *o, int64_t rows, slp_rc rc)
{
    if (rc != SLP_OK) {
        drop_file(o);
        return rc;
    }
    o->rows += rows;
    o->deletes += (uint64_t)o->form.deletes;
    o->resets += (uint64_t)o->form.resets;
    o->form.deletes = 0;
    o->form.resets = 0;
    return SLP_OK;
}

slp_rc output_next(struct output *o, const struct output_form *form, struct slp_err *err)
{
    if (form->schema != o->form.schema)
        TRY(output_cut(o, err));
    o->form = *form;
    return SLP_OK;
}

slp_rc output_take(struct output *o, struct arr_batch *rows, struct key_vec *keys,
                   struct slp_err *err)
{
    int64_t count = rows->rows;
    if (count == 0)
        return SLP_OK;
    slp_rc rc = open_file(o, err);
    if (rc == SLP_OK)
        rc = datafile_writer_take(o->writer, rows, keys, err);
    return count_rows(o, count, rc);
}

const struct datafile_write_options *output_write_options(const struct output *o)
{
    return &o->write;
}

const struct schema *output_schema(const struct output *o)
{
    return o->form.schema;
}

slp_rc output_group(struct output *o, const struct datafile_group *g, struct slp_err *err)
{
    if (datafile_group_rows(g) == 0)
        return SLP_OK;
    slp_rc rc = open_file(o, err);
    if (rc == SLP_OK)
        rc = datafile_writer_group(o->writer, g, err);
    return count_rows(o, datafile_group_rows(g), rc);
}

slp_rc output_finish(struct output *o, struct state_new_file **files, size_t *count,
                     struct slp_err *err)
{
    TRY(output_cut(o, err));
    *files = (struct state_new_file *)(void *)o->files.ptr;
    *count = file_count(o);
    return SLP_OK;
}

const struct slice *output_bodies(const struct output *o, size_t *count)
{
    *count = o->bodies.len / sizeof(struct slice);
    return (const struct slice *)(const void *)o->bodies.ptr;
}

int64_t output_rows(const struct output *o)
{
    return o->rows;
}

uint64_t output_bytes(const struct output *o)
{
    return o->bytes;
}

void output_drop(struct output *o)
{
    drop_file(o);
    o->form = (struct output_form){.schema = state_table_schema(o->table)};
}

void output_discard(struct output *o)
{
    const struct state_new_file *files = (const struct state_new_file *)(void *)o->files.ptr;
    for (size_t i = 0; i < file_count(o); i++) {
        struct state_name object;
        if (files[i].body)
            continue;
        if (state_table_object(o->table, files[i].name, &object, NULL) == SLP_OK)
            (void)!store_delete(store_of(o), state_name_slice(&object), NULL);
    }
    o->files.len = 0;
}

void output_free(struct output *o)
{
    if (!o)
        return;
    drop_file(o);
    buf_fini(&o->files);
    buf_fini(&o->bodies);
    arena_fini(&o->arena);
    alloc_delete(o->mem, o);
}
