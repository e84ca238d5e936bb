#include <inttypes.h>

#include "codec/compress.h"
#include "datafile/datafile.h"
#include "os/reader.h"
#include "parquet/meta.h"
#include "upkeep/upkeep.h"

#define TEXT_MAX_BYTES  ((size_t)1 << 30)
#define FILE_MAX_BYTES  ((size_t)64 << 20)
#define MAGIC_BYTES     4u
#define TYPE_NAME_BYTES 1024

struct inspection {
    struct alloc *mem;
    struct arena arena;
    struct source *src;
    const char *path;
    struct buf text; /* what will be printed */
};

/* ---- Parquet ---- */

static slp_rc print_columns(struct inspection *i, const struct pq_meta *m, struct slp_err *err)
{
    TRY(buf_printf(&i->text, err, "columns\n"));
    for (size_t c = 0; c < m->schema.count; c++) {
        char type[TYPE_NAME_BYTES];
        const struct arr_field *f = &m->schema.fields[c];
        arr_field_type_format(f, type, sizeof type);
        TRY(buf_printf(&i->text, err, "  %zu  %s  %s%s  field_id %d\n", c, f->name, type,
                       f->nullable ? "" : " not null", f->id));
    }
    return SLP_OK;
}

static slp_rc print_group(struct inspection *i, const struct pq_meta *m, size_t g,
                          struct slp_err *err)
{
    const struct pq_group_meta *group = &m->groups[g];
    TRY(buf_printf(&i->text, err, "row group %zu  %" PRId64 " rows\n", g, group->rows));
    for (size_t c = 0; c < m->column_count; c++) {
        const struct pq_chunk *chunk = &group->chunks[c];
        TRY(buf_printf(&i->text, err,
                       "  %s  %s  %" PRIu64 " bytes of %" PRIu64 "  pages at %" PRIu64,
                       m->columns[c].path, cx_kind_name(chunk->codec), chunk->compressed_bytes,
                       chunk->uncompressed_bytes, chunk->data_page_offset));
        if (chunk->dictionary_page_offset)
            TRY(buf_printf(&i->text, err, "  dictionary at %" PRIu64,
                           chunk->dictionary_page_offset));
        if (chunk->null_count >= 0)
            TRY(buf_printf(&i->text, err, "  %" PRId64 " nulls", chunk->null_count));
        TRY(buf_append_u8(&i->text, '\n', err));
    }
    return SLP_OK;
}

static slp_rc print_key_values(struct inspection *i, const struct pq_meta *m, struct slp_err *err)
{
    for (size_t k = 0; k < m->key_value_count; k++)
        TRY(buf_printf(&i->text, err, "%.*s  %.*s\n", SLICE_ARG(m->key_values[k].key),
                       SLICE_ARG(m->key_values[k].value)));
    return SLP_OK;
}

static slp_rc print_parquet(struct inspection *i, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_meta m = {0};
    struct buf footer;
    buf_init(&footer, i->mem, PQ_FOOTER_MAX_BYTES);
    TRY_OUT(pq_footer_read(i->src, &footer, err));
    TRY_OUT(pq_meta_parse(buf_slice(&footer), i->src->size, &i->arena, &m, err));
    TRY_OUT(buf_printf(&i->text, err,
                       "parquet  %" PRIu64 " bytes  %" PRId64
                       " rows  %zu row groups\ncreated by  %.*s\n",
                       i->src->size, m.rows, m.group_count, SLICE_ARG(m.created_by)));
    TRY_OUT(print_columns(i, &m, err));
    for (size_t g = 0; g < m.group_count; g++)
        TRY_OUT(print_group(i, &m, g, err));
    TRY_OUT(print_key_values(i, &m, err));
    rc = datafile_index_print(i->src, &m, i->mem, &i->text, err);
out:
    buf_fini(&footer);
    return rc;
}

/* ---- What it is ---- */

static slp_rc read_whole(struct inspection *i, struct buf *out, struct slp_err *err)
{
    if (i->src->size > FILE_MAX_BYTES)
        FAIL(err, UNSUPPORTED, "%" PRIu64 " bytes that are no Parquet file", i->src->size);
    return source_read_buf(i->src, 0, (size_t)i->src->size, out, err);
}

static slp_rc print_other(struct inspection *i, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf bytes;
    buf_init(&bytes, i->mem, FILE_MAX_BYTES);
    TRY_OUT(read_whole(i, &bytes, err));
    if (bytes.len && bytes.ptr[0] == '{') {
        rc = buf_append_slice(&i->text, buf_slice(&bytes), err);
        if (rc == SLP_OK && bytes.ptr[bytes.len - 1] != '\n')
            rc = buf_append_u8(&i->text, '\n', err);
    } else if (state_frame_is(buf_slice(&bytes))) {
        rc = state_frame_print(buf_slice(&bytes), i->mem, &i->text, err);
    } else {
        rc = err_set(err, SLP_UNSUPPORTED,
                     "neither a Parquet file, nor a frame of a log, nor sleeper.json");
    }
out:
    buf_fini(&bytes);
    return rc;
}

static slp_rc print_any(struct inspection *i, struct slp_err *err)
{
    uint8_t magic[MAGIC_BYTES] = {0};
    struct io_range range = {.len = sizeof magic, .dst = magic};
    TRY(os_source_open(i->mem, i->path, &i->src, err));
    if (i->src->size >= sizeof magic)
        TRY(source_read(i->src, &range, 1, err));
    slp_rc rc =
        memcmp(magic, "PAR1", sizeof magic) == 0 ? print_parquet(i, err) : print_other(i, err);
    return err_wrap(err, rc, "\"%s\"", i->path);
}

slp_rc upkeep_inspect(const char *path, struct alloc *mem, struct sink *out, struct slp_err *err)
{
    struct inspection i = {.mem = mem, .path = path};
    arena_init(&i.arena, mem, TEXT_MAX_BYTES);
    buf_init(&i.text, mem, TEXT_MAX_BYTES);
    slp_rc rc = print_any(&i, err);
    if (rc == SLP_OK)
        rc = sink_write(out, i.text.ptr, i.text.len, err);
    source_close(i.src);
    buf_fini(&i.text);
    arena_fini(&i.arena);
    return rc;
}
