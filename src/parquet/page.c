#include "parquet/page.h"

#include "codec/thrift_read.h"
#include "parquet/cursor.h"

/* The numbers of a PageHeader before they are checked. */
struct raw_header {
    bool has_kind;
    bool has_body; /* the struct that belongs to a kind of page */
    int64_t kind;
    int64_t uncompressed;
    int64_t compressed;
    bool has_crc;
    int64_t crc;
    int64_t values;
    int64_t encoding;
    int64_t definition_encoding;
    int64_t repetition_encoding;
    int64_t definition_bytes;
    int64_t repetition_bytes;
    bool is_compressed;
};

/* DataPageHeader {1 values, 2 encoding, 3 and 4 encodings of definition and repetition levels};
 * DictionaryPageHeader begins alike. */
static void parse_v1(struct cx_thrift *t, enum cx_thrift_type type, struct raw_header *r)
{
    int32_t id = 0;
    r->has_body = cx_thrift_struct(t, type);
    while (r->has_body && cx_thrift_field(t, &id, &type)) {
        if (id == 1)
            r->values = cx_thrift_int(t, type);
        else if (id == 2)
            r->encoding = cx_thrift_int(t, type);
        else if (id == 3 && r->kind == PQ_PAGE_DATA)
            r->definition_encoding = cx_thrift_int(t, type);
        else if (id == 4 && r->kind == PQ_PAGE_DATA)
            r->repetition_encoding = cx_thrift_int(t, type);
        else
            cx_thrift_skip(t, type);
    }
}

static void parse_v2(struct cx_thrift *t, enum cx_thrift_type type, struct raw_header *r)
{
    int32_t id = 0;
    r->has_body = cx_thrift_struct(t, type);
    while (r->has_body && cx_thrift_field(t, &id, &type)) {
        if (id == 1)
            r->values = cx_thrift_int(t, type);
        else if (id == 4)
            r->encoding = cx_thrift_int(t, type);
        else if (id == 5)
            r->definition_bytes = cx_thrift_int(t, type);
        else if (id == 6)
            r->repetition_bytes = cx_thrift_int(t, type);
        else if (id == 7)
            r->is_compressed = cx_thrift_bool(t, type);
        else
            cx_thrift_skip(t, type);
    }
}

static void parse_header(struct cx_thrift *t, struct raw_header *r)
{
    int32_t id = 0;
    enum cx_thrift_type type;
    while (cx_thrift_field(t, &id, &type)) {
        if (id == 1) {
            r->kind = cx_thrift_int(t, type);
            r->has_kind = true;
        } else if (id == 2) {
            r->uncompressed = cx_thrift_int(t, type);
        } else if (id == 3) {
            r->compressed = cx_thrift_int(t, type);
        } else if (id == 4) {
            r->crc = cx_thrift_int(t, type);
            r->has_crc = true;
        } else if ((id == 5 && r->kind == PQ_PAGE_DATA) ||
                   (id == 7 && r->kind == PQ_PAGE_DICTIONARY)) {
            parse_v1(t, type, r);
        } else if (id == 8 && r->kind == PQ_PAGE_DATA_V2) {
            parse_v2(t, type, r);
        } else {
            cx_thrift_skip(t, type);
        }
    }
}

static bool is_u31(int64_t v)
{
    return v >= 0 && v <= INT32_MAX;
}

static bool is_possible(const struct raw_header *r)
{
    bool has_values =
        r->kind == PQ_PAGE_DATA || r->kind == PQ_PAGE_DICTIONARY || r->kind == PQ_PAGE_DATA_V2;
    return r->has_kind && is_u31(r->kind) && is_u31(r->uncompressed) && is_u31(r->compressed) &&
           is_u31(r->values) && is_u31(r->encoding) && is_u31(r->definition_encoding) &&
           is_u31(r->repetition_encoding) && is_u31(r->definition_bytes) &&
           is_u31(r->repetition_bytes) && (r->has_body || !has_values);
}

slp_rc pq_page_header_parse(struct slice in, struct pq_page_header *out, size_t *header_bytes,
                            struct slp_err *err)
{
    struct cx_thrift t;
    bool is_cut = in.len > PQ_PAGE_HEADER_MAX_BYTES;
    cx_thrift_init(&t, is_cut ? slice_first(in, PQ_PAGE_HEADER_MAX_BYTES) : in);
    struct raw_header r = {.is_compressed = true};
    parse_header(&t, &r);
    if (t.is_short && in.len < PQ_PAGE_HEADER_MAX_BYTES)
        FAIL(err, LIMIT, "a page header is longer than the %zu bytes at hand", in.len);
    if (t.wrong)
        FAIL(err, CORRUPT, "page header at byte %zu: %s", cx_thrift_offset(&t), t.wrong);
    if (!is_possible(&r))
        FAIL(err, CORRUPT,
             "page header: kind %lld, %lld bytes (%lld stored), %lld values are not possible",
             (long long)r.kind, (long long)r.uncompressed, (long long)r.compressed,
             (long long)r.values);
    *header_bytes = cx_thrift_offset(&t);
    *out = (struct pq_page_header){
        .kind = (enum pq_page_kind)r.kind,
        .compressed_bytes = (uint32_t)r.compressed,
        .uncompressed_bytes = (uint32_t)r.uncompressed,
        .has_crc = r.has_crc,
        .crc = (uint32_t)(uint64_t)r.crc,
        .value_count = (int32_t)r.values,
        .encoding = (int)r.encoding,
        .definition_encoding = (int)r.definition_encoding,
        .repetition_encoding = (int)r.repetition_encoding,
        .definition_bytes = (uint32_t)r.definition_bytes,
        .repetition_bytes = (uint32_t)r.repetition_bytes,
        .is_compressed = r.is_compressed,
    };
    return SLP_OK;
}

slp_rc pq_scratch_init(struct pq_scratch *s, struct alloc *mem, bool verify_crc,
                       struct slp_err *err)
{
    struct pq_scratch fresh = {.mem = mem, .verify_crc = verify_crc};
    TRY(cx_codec_new(mem, &fresh.codec, err));
    buf_init(&fresh.body, mem, PQ_PAGE_MAX_BYTES);
    buf_init(&fresh.levels, mem, PQ_PAGE_MAX_BYTES);
    buf_init(&fresh.indices, mem, PQ_PAGE_MAX_BYTES);
    *s = fresh;
    return SLP_OK;
}

void pq_scratch_fini(struct pq_scratch *s)
{
    cx_codec_free(s->codec);
    s->codec = NULL;
    buf_fini(&s->body);
    buf_fini(&s->levels);
    buf_fini(&s->indices);
}

slp_rc pq_dictionary_decode(const struct pq_column *column, enum cx_kind codec,
                            const struct pq_page_header *header, struct slice body,
                            struct pq_scratch *scratch, struct pq_dictionary *dict,
                            struct slp_err *err)
{
    if (header->kind != PQ_PAGE_DICTIONARY)
        FAIL(err, CORRUPT, "a page of kind %d, expected a dictionary", (int)header->kind);
    if (header->encoding != PQ_PLAIN && header->encoding != PQ_PLAIN_DICTIONARY)
        FAIL(err, UNSUPPORTED, "a dictionary of encoding %d is not supported", header->encoding);
    struct pq_page_header plain = *header;
    plain.encoding = PQ_PLAIN;
    struct pq_cursor c;
    TRY(pq_cursor_open(&c, column, codec, &plain, body, NULL, scratch, err));
    slp_rc rc = SLP_OK;
    struct arr_col values;
    arr_col_init(&values, scratch->mem, column->type);
    TRY_OUT(pq_cursor_decode(&c, c.rows_left, &values, err));
    /* Gathers load whole words: there must be something to load where all strings are empty. */
    TRY_OUT(buf_reserve(&values.data, 1, err));
    *dict = (struct pq_dictionary){.values = values, .loaded = true};
    return SLP_OK;
out:
    arr_col_fini(&values);
    return err_wrap(err, rc, "dictionary");
}

slp_rc pq_page_decode(const struct pq_column *column, enum cx_kind codec,
                      const struct pq_page_header *header, struct slice body,
                      const struct pq_dictionary *dict, struct pq_scratch *scratch,
                      struct arr_col *out, struct slp_err *err)
{
    if (header->kind != PQ_PAGE_DATA && header->kind != PQ_PAGE_DATA_V2)
        FAIL(err, CORRUPT, "a page of kind %d, expected data", (int)header->kind);
    assert(!column->is_nested);
    struct pq_cursor c;
    TRY(pq_cursor_open(&c, column, codec, header, body, dict, scratch, err));
    return pq_cursor_decode(&c, c.rows_left, out, err);
}
