#include <inttypes.h>

#include "arrow/text.h"
#include "base/num.h"
#include "datafile/datafile.h"
#include "parquet/bloom.h"
#include "parquet/index_read.h"
#include "parquet/page.h"
#include "upkeep/inspect_priv.h"
#include "upkeep/thrift_show.h"

#define ARENA_MAX_BYTES ((size_t)4 << 30)

/* A page header is tried with this many bytes first. */
#define HEADER_READ_BYTES ((size_t)4096)

#define VALUE_MAX_BYTES ((size_t)64 << 20)

struct view {
    struct source *src;
    struct alloc *mem;
    struct show *s;
    struct arena arena;
    struct pq_meta meta;
    bool is_known;    /* the metadata was understood: chunks have pages to show */
    size_t group;     /* that is shown */
    size_t chunk;     /* and of its columns */
    bool is_in_chunk; /* bounds that are met belong to it */
    struct pq_scratch scratch;
    struct buf bytes; /* what is being looked at */
    struct buf value; /* its text */
    slp_rc rc;        /* out of memory, or a read that failed: ends it all */
    struct slp_err *err;
};

/* What keeps a part from being shown; errors that are not its own end everything. */
static void show_problem(struct view *v, slp_rc rc, const struct slp_err *problem)
{
    if (rc == SLP_CORRUPT || rc == SLP_UNSUPPORTED || rc == SLP_LIMIT)
        show_text(v->s, "problem", slice_str(problem->text));
    else if (v->rc == SLP_OK)
        v->rc = err_set(v->err, rc, "%s", problem->text);
}

/* ---- Values ---- */

static bool is_shown_as_bytes(const struct pq_column *c)
{
    return c->type.kind == ARR_BINARY || c->type.kind == ARR_FIXED_BINARY ||
           c->type.kind == ARR_UTF8 || c->type.kind == ARR_NULL;
}

/* A bound is one value in PLAIN form: it is decoded as a dictionary of one would be. */
static slp_rc decode_value(struct view *v, const struct pq_column *c, struct slice value,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct pq_dictionary one = {0};
    struct pq_page_header h = {.kind = PQ_PAGE_DICTIONARY, .value_count = 1, .encoding = PQ_PLAIN};
    buf_clear(&v->bytes);
    if (c->physical == PQ_BYTE_ARRAY)
        TRY(buf_append_u32le(&v->bytes, (uint32_t)value.len, err));
    TRY(buf_append_slice(&v->bytes, value, err));
    h.compressed_bytes = (uint32_t)v->bytes.len;
    h.uncompressed_bytes = h.compressed_bytes;
    TRY_OUT(pq_dictionary_decode(c, CX_NONE, &h, buf_slice(&v->bytes), &v->scratch, &one, err));
    buf_clear(&v->value);
    TRY_OUT(arr_text_format(&one.values, 0, &v->value, err));
out:
    arr_col_fini(&one.values);
    return rc;
}

static void show_bound(void *context, struct show *s, const char *name, struct slice value)
{
    struct view *v = context;
    struct slp_err ignored = {0};
    const struct pq_column *c = v->is_known && v->is_in_chunk ? &v->meta.columns[v->chunk] : NULL;
    if (c && c->physical == PQ_BOOLEAN && value.len == 1)
        show_bool(s, name, value.ptr[0] & 1);
    else if (c && is_shown_as_bytes(c))
        show_text(s, name, value);
    else if (c && value.len && value.len <= VALUE_MAX_BYTES &&
             decode_value(v, c, value, &ignored) == SLP_OK)
        show_text(s, name, buf_slice(&v->value));
    else
        show_hex(s, name, value);
}

static struct upkeep_thrift_hooks hooks_of(struct view *v)
{
    return (struct upkeep_thrift_hooks){.context = v, .value = show_bound};
}

/* ---- Pages ---- */

/* Read and parse the header at `offset`, before `end`. */
static slp_rc read_header(struct view *v, uint64_t offset, uint64_t end, struct pq_page_header *h,
                          size_t *header_bytes, struct slp_err *err)
{
    slp_rc rc = SLP_LIMIT;
    for (size_t n = HEADER_READ_BYTES; rc == SLP_LIMIT && n <= PQ_PAGE_HEADER_MAX_BYTES; n *= 16) {
        size_t len = end - offset < n ? (size_t)(end - offset) : n;
        TRY(source_read_buf(v->src, offset, len, &v->bytes, err));
        rc = pq_page_header_parse(buf_slice(&v->bytes), h, header_bytes, err);
        if (rc == SLP_LIMIT && len == end - offset)
            FAIL(err, CORRUPT, "a page header goes on behind its chunk");
    }
    return rc;
}

/* The header is kept: to show it, values of bounds use the same room. */
static slp_rc show_page(struct view *v, uint64_t offset, uint64_t end, uint64_t *next,
                        struct slp_err *err)
{
    struct pq_page_header h;
    struct slice header;
    size_t n = 0;
    size_t used = 0;
    struct upkeep_thrift_hooks hooks = hooks_of(v);
    TRY(read_header(v, offset, end, &h, &n, err));
    TRY(arena_copy(&v->arena, slice_of(v->bytes.ptr, n), &header, err));
    if (h.compressed_bytes > end - offset - n)
        FAIL(err, CORRUPT, "a page of %" PRIu32 " bytes, %" PRIu64 " are left of its chunk",
             h.compressed_bytes, end - offset - n);
    show_open(v->s, NULL, SHOW_OBJECT, true);
    show_uint(v->s, "offset", offset);
    show_uint(v->s, "header_size", n);
    slp_rc rc = upkeep_thrift_show(v->s, UPKEEP_PAGE_HEADER, header, &hooks, &used, err);
    show_close(v->s);
    *next = offset + n + h.compressed_bytes;
    return rc;
}

static void show_pages(struct view *v, const struct pq_chunk *c)
{
    struct slp_err problem = {0};
    slp_rc rc = SLP_OK;
    uint64_t at = c->dictionary_page_offset ? c->dictionary_page_offset : c->data_page_offset;
    uint64_t end = at + c->compressed_bytes;
    uint64_t offset = at;
    show_open(v->s, "pages", SHOW_LIST, true);
    while (rc == SLP_OK && at < end && v->s->rc == SLP_OK) {
        offset = at;
        rc = show_page(v, at, end, &at, &problem);
    }
    show_close(v->s);
    if (rc == SLP_OK)
        return;
    show_uint(v->s, "problem_offset", offset);
    show_problem(v, rc, &problem);
}

/* ---- Indexes and filters ---- */

static slp_rc show_stored(struct view *v, enum upkeep_thrift what, uint64_t offset, uint32_t bytes,
                          struct slp_err *err)
{
    struct slice copy;
    size_t used = 0;
    struct upkeep_thrift_hooks hooks = hooks_of(v);
    if (bytes > PQ_INDEX_MAX_BYTES)
        FAIL(err, LIMIT, "%" PRIu32 " bytes at offset %" PRIu64 " are too many to show", bytes,
             offset);
    TRY(source_read_buf(v->src, offset, bytes, &v->bytes, err));
    TRY(arena_copy(&v->arena, buf_slice(&v->bytes), &copy, err));
    return upkeep_thrift_show(v->s, what, copy, &hooks, &used, err);
}

static void show_index(struct view *v, const char *name, enum upkeep_thrift what, uint64_t offset,
                       uint32_t bytes)
{
    struct slp_err problem = {0};
    if (offset == 0)
        return;
    show_open(v->s, name, SHOW_OBJECT, true);
    slp_rc rc = show_stored(v, what, offset, bytes, &problem);
    if (rc != SLP_OK)
        show_problem(v, rc, &problem);
    show_close(v->s);
}

static void show_bloom(struct view *v, const struct pq_chunk *c)
{
    struct slp_err problem = {0};
    struct pq_bloom bloom = {0};
    if (c->bloom_offset == 0)
        return;
    show_open(v->s, "bloom_filter", SHOW_OBJECT, true);
    slp_rc rc = pq_bloom_read(v->src, c->bloom_offset, c->bloom_bytes, &v->bytes, &bloom, &problem);
    if (rc == SLP_OK) {
        show_uint(v->s, "offset", c->bloom_offset);
        show_uint(v->s, "blocks", bloom.bytes / PQ_BLOOM_MIN_BYTES);
        show_uint(v->s, "bytes", bloom.bytes);
        show_real(v->s, "false_positive_rate", pq_bloom_rate(&bloom, false));
    } else {
        show_problem(v, rc, &problem);
    }
    show_close(v->s);
}

static void chunk_begins(void *context, size_t group, size_t chunk)
{
    struct view *v = context;
    v->group = group;
    v->chunk = chunk;
    v->is_in_chunk = !v->is_known || chunk < v->meta.column_count;
}

static void chunk_ends(void *context, struct show *s, struct slice thrift)
{
    struct view *v = context;
    (void)thrift;
    if (v->is_known && v->is_in_chunk && v->rc == SLP_OK && s->rc == SLP_OK) {
        const struct pq_chunk *c = &v->meta.groups[v->group].chunks[v->chunk];
        show_index(v, "column_index", UPKEEP_COLUMN_INDEX, c->column_index_offset,
                   c->column_index_bytes);
        show_index(v, "offset_index", UPKEEP_OFFSET_INDEX, c->offset_index_offset,
                   c->offset_index_bytes);
        show_bloom(v, c);
        show_pages(v, c);
    }
    v->is_in_chunk = false;
}

/* ---- The file ---- */

static slp_rc show_footer(struct view *v, struct slice footer, struct slp_err *err)
{
    size_t used = 0;
    struct slp_err problem = {0};
    struct upkeep_thrift_hooks hooks = hooks_of(v);
    hooks.chunk_begins = chunk_begins;
    hooks.chunk_ends = chunk_ends;
    slp_rc rc = pq_meta_parse(footer, v->src->size, &v->arena, &v->meta, &problem);
    v->is_known = rc == SLP_OK;
    if (!v->is_known)
        show_problem(v, rc, &problem);
    TRY(v->rc);
    TRY(upkeep_thrift_show(v->s, UPKEEP_FILE_META_DATA, footer, &hooks, &used, err));
    return v->rc;
}

static void show_key_index(struct view *v)
{
    struct slp_err problem = {0};
    slp_rc rc = datafile_index_show(v->src, &v->meta, v->mem, v->s, &problem);
    if (rc != SLP_OK)
        show_problem(v, rc, &problem);
}

slp_rc upkeep_show_parquet(struct source *src, struct alloc *mem, struct show *s,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct view v = {.src = src, .mem = mem, .s = s, .err = err};
    struct buf footer;
    buf_init(&footer, mem, PQ_FOOTER_MAX_BYTES);
    buf_init(&v.bytes, mem, PQ_BLOOM_MAX_BYTES + PQ_INDEX_MAX_BYTES);
    buf_init(&v.value, mem, VALUE_MAX_BYTES * 4);
    arena_init(&v.arena, mem, ARENA_MAX_BYTES);
    TRY_OUT(pq_scratch_init(&v.scratch, mem, false, err));
    TRY_OUT(pq_footer_read(src, &footer, err));
    show_text(s, "kind", slice_str("parquet"));
    show_uint(s, "size", src->size);
    show_uint(s, "footer_size", footer.len);
    TRY_OUT(show_footer(&v, buf_slice(&footer), err));
    if (v.is_known)
        show_key_index(&v);
    rc = v.rc;
out:
    pq_scratch_fini(&v.scratch);
    arena_fini(&v.arena);
    buf_fini(&v.value);
    buf_fini(&v.bytes);
    buf_fini(&footer);
    return rc;
}
