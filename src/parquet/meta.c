#include "parquet/meta.h"

#include "base/num.h"
#include "parquet/meta_priv.h"

#define MAGIC_BYTES 4u

/* Groups, lists and maps beside the leaves. */
#define ELEMENTS_MAX (4 * ARR_COLUMNS_MAX)

/* What parsing passes along. */
struct parse {
    struct cx_thrift t;
    uint64_t file_bytes;
    struct arena *a;
    struct pq_meta *meta;
    struct pq_elements elements;
    bool has_schema;
    size_t order_count; /* columns whose order the file gives */
    struct slp_err *err;
};

static slp_rc fail_wrong(const struct parse *p)
{
    FAIL(p->err, CORRUPT, "metadata at byte %zu: %s", cx_thrift_offset(&p->t), p->t.wrong);
}

static slp_rc check(const struct parse *p)
{
    return p->t.wrong ? fail_wrong(p) : SLP_OK;
}

/* The elements of the schema, then the tree they make. */
static slp_rc parse_schema(struct parse *p, enum cx_thrift_type type)
{
    size_t count = cx_thrift_list(&p->t, type, CX_THRIFT_STRUCT);
    TRY(check(p));
    if (p->has_schema || count == 0)
        FAIL(p->err, CORRUPT, "metadata at byte %zu: %s", cx_thrift_offset(&p->t),
             count ? "a second schema" : "an empty schema");
    if (count > ELEMENTS_MAX)
        FAIL(p->err, LIMIT, "a schema of %zu elements, at most %u are read", count, ELEMENTS_MAX);
    TRY(arena_array(p->a, count, sizeof *p->elements.items, (void **)&p->elements.items, p->err));
    p->elements.count = count;
    for (size_t i = 0; i < count; i++) {
        pq_element_parse(&p->t, &p->elements.items[i]);
        TRY(check(p));
    }
    TRY(pq_tree_build(&p->elements, p->a, p->meta, p->err));
    p->has_schema = true;
    return SLP_OK;
}

/* Fields of Statistics, with both generations of bounds. */
struct statistics {
    struct slice old_max;
    struct slice old_min;
    int64_t null_count;
    struct slice max;
    struct slice min;
};

static inline __attribute__((always_inline)) void parse_statistics(struct cx_thrift *t,
                                                                   enum cx_thrift_type type,
                                                                   struct statistics *s)
{
    int32_t id = 0;
    *s = (struct statistics){.null_count = -1};
    if (!cx_thrift_struct(t, type))
        return;
    while (cx_thrift_field(t, &id, &type)) {
        switch (id) {
        case 1:
            s->old_max = cx_thrift_binary(t, type);
            break;
        case 2:
            s->old_min = cx_thrift_binary(t, type);
            break;
        case 3:
            s->null_count = cx_thrift_int(t, type);
            break;
        case 5:
            s->max = cx_thrift_binary(t, type);
            break;
        case 6:
            s->min = cx_thrift_binary(t, type);
            break;
        default:
            cx_thrift_skip(t, type);
        }
    }
}

/* The old bounds were compared as signed numbers, so that only those types can trust them. */
static bool has_signed_order(const struct pq_column *c)
{
    enum arr_kind k = c->type.kind;
    return (c->physical == PQ_INT32 || c->physical == PQ_INT64) &&
           !(k >= ARR_UINT8 && k <= ARR_UINT64);
}

/* Where a chunk's indexes and its filter are said to be. */
struct places {
    int64_t offset_index_offset;
    int64_t offset_index_bytes;
    int64_t column_index_offset;
    int64_t column_index_bytes;
    int64_t bloom_offset;
    int64_t bloom_bytes;
};

struct chunk_fields {
    bool has_meta;
    bool is_elsewhere;
    bool is_encrypted;
    bool path_is_other;
    int64_t physical;
    int64_t codec;
    int64_t values;
    int64_t compressed;
    int64_t uncompressed;
    int64_t data_offset;
    int64_t dictionary_offset;
};

/* ColumnMetaData and the rest of ColumnChunk, before it is checked. In parts, since a compiler
 * clears small structs with a few stores, and larger ones with what takes as long as a chunk. */
struct raw_chunk {
    struct chunk_fields f;
    struct statistics statistics;
    struct places places;
};

/* Does the path name the leaf's element? */
static inline __attribute__((always_inline)) void parse_path(struct cx_thrift *t,
                                                             enum cx_thrift_type type,
                                                             const struct pq_elements *e,
                                                             size_t element, struct raw_chunk *r)
{
    struct slice names[PQ_ELEMENT_DEPTH_MAX];
    size_t count = cx_thrift_list(t, type, CX_THRIFT_BINARY);
    r->f.path_is_other = true;
    if (count > PQ_ELEMENT_DEPTH_MAX) {
        cx_thrift_fail(t, "a path is deeper than columns can be");
        return;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = cx_thrift_binary(t, CX_THRIFT_BINARY);
    if (t->wrong)
        return;
    size_t left = count;
    while (left && element && slice_equal(names[left - 1], e->items[element].name)) {
        left--;
        element = e->parents[element];
    }
    r->f.path_is_other = left || element;
}

static inline __attribute__((always_inline)) void parse_chunk_meta(struct cx_thrift *t,
                                                                   enum cx_thrift_type type,
                                                                   const struct pq_elements *e,
                                                                   size_t element,
                                                                   struct raw_chunk *r)
{
    int32_t id = 0;
    if (!cx_thrift_struct(t, type))
        return;
    r->f.has_meta = true;
    r->f.physical = -1;
    r->f.path_is_other = true;
    while (cx_thrift_field(t, &id, &type)) {
        switch (id) {
        case 1:
            r->f.physical = cx_thrift_int(t, type);
            break;
        case 3:
            parse_path(t, type, e, element, r);
            break;
        case 4:
            r->f.codec = cx_thrift_int(t, type);
            break;
        case 5:
            r->f.values = cx_thrift_int(t, type);
            break;
        case 6:
            r->f.uncompressed = cx_thrift_int(t, type);
            break;
        case 7:
            r->f.compressed = cx_thrift_int(t, type);
            break;
        case 9:
            r->f.data_offset = cx_thrift_int(t, type);
            break;
        case 11:
            r->f.dictionary_offset = cx_thrift_int(t, type);
            break;
        case 12:
            parse_statistics(t, type, &r->statistics);
            break;
        case 14:
            r->places.bloom_offset = cx_thrift_int(t, type);
            break;
        case 15:
            r->places.bloom_bytes = cx_thrift_int(t, type);
            break;
        default:
            cx_thrift_skip(t, type);
        }
    }
}

/* Works on a copy of the cursor: most of a footer is chunks. */
static void parse_raw_chunk(struct cx_thrift *at, const struct pq_elements *e, size_t element,
                            struct raw_chunk *r)
{
    int32_t id = 0;
    enum cx_thrift_type type;
    struct cx_thrift copy = *at;
    struct cx_thrift *t = &copy;
    r->f = (struct chunk_fields){0};
    r->statistics = (struct statistics){.null_count = -1};
    r->places = (struct places){0};
    while (cx_thrift_field(t, &id, &type)) {
        switch (id) {
        case 1:
            r->f.is_elsewhere = cx_thrift_binary(t, type).len != 0;
            break;
        case 3:
            parse_chunk_meta(t, type, e, element, r);
            break;
        case 4:
            r->places.offset_index_offset = cx_thrift_int(t, type);
            break;
        case 5:
            r->places.offset_index_bytes = cx_thrift_int(t, type);
            break;
        case 6:
            r->places.column_index_offset = cx_thrift_int(t, type);
            break;
        case 7:
            r->places.column_index_bytes = cx_thrift_int(t, type);
            break;
        case 8:
        case 9:
            r->f.is_encrypted = true;
            cx_thrift_skip(t, type);
            break;
        default:
            cx_thrift_skip(t, type);
        }
    }
    *at = copy;
}

static bool inside_file(const struct parse *p, int64_t offset, int64_t len)
{
    return offset >= (int64_t)MAGIC_BYTES && len >= 0 &&
           num_range_fits((uint64_t)offset, (uint64_t)len, p->file_bytes);
}

/* An index outside the file is as good as none: reading goes on without. */
static void place_index(const struct parse *p, int64_t offset, int64_t len, uint64_t *out_offset,
                        uint32_t *out_len)
{
    if (len <= 0 || len > INT32_MAX || !inside_file(p, offset, len))
        return;
    *out_offset = (uint64_t)offset;
    *out_len = (uint32_t)len;
}

static slp_rc check_chunk(const struct parse *p, const struct raw_chunk *r, size_t column)
{
    const struct pq_column *c = &p->meta->columns[column];
    if (r->f.is_encrypted)
        FAIL(p->err, UNSUPPORTED,
             "encrypted: columns with Parquet's encryption are not supported, decrypt the file "
             "first");
    if (r->f.is_elsewhere)
        FAIL(p->err, UNSUPPORTED, "columns in another file are not supported");
    if (!r->f.has_meta)
        FAIL(p->err, CORRUPT, "a chunk without metadata");
    if (r->f.path_is_other || r->f.physical != (int64_t)c->physical)
        FAIL(p->err, CORRUPT, "a chunk of another column or of physical type %lld, expected %d",
             (long long)r->f.physical, (int)c->physical);
    if (r->f.uncompressed < 0 || r->f.codec < 0 || r->f.codec > INT32_MAX)
        FAIL(p->err, CORRUPT, "size %lld or codec %lld is not possible",
             (long long)r->f.uncompressed, (long long)r->f.codec);
    return SLP_OK;
}

/* A dictionary offset of 0, or one not before the data, means none: the chunk begins with data. */
static slp_rc add_chunk(const struct parse *p, const struct raw_chunk *r, size_t column,
                        struct pq_chunk *out)
{
    const struct statistics *s = &r->statistics;
    bool has_dictionary =
        r->f.dictionary_offset >= (int64_t)MAGIC_BYTES && r->f.dictionary_offset < r->f.data_offset;
    int64_t start = has_dictionary ? r->f.dictionary_offset : r->f.data_offset;
    /* No bytes are read of a chunk without values: writers put down what they like for it. */
    bool is_read = r->f.values > 0;
    if (is_read && (!inside_file(p, start, r->f.compressed) ||
                    (uint64_t)r->f.data_offset > (uint64_t)start + (uint64_t)r->f.compressed))
        FAIL(p->err, CORRUPT, "a chunk of %lld bytes at offset %lld, in a file of %llu bytes",
             (long long)r->f.compressed, (long long)start, (unsigned long long)p->file_bytes);
    *out = (struct pq_chunk){
        .codec = (int)r->f.codec,
        .value_count = r->f.values,
        .data_page_offset = is_read ? (uint64_t)r->f.data_offset : 0,
        .dictionary_page_offset = is_read && has_dictionary ? (uint64_t)start : 0,
        .compressed_bytes = is_read ? (uint64_t)r->f.compressed : 0,
        .uncompressed_bytes = (uint64_t)r->f.uncompressed,
        .min_value = s->min,
        .max_value = s->max,
        .null_count = s->null_count >= 0 && s->null_count <= r->f.values ? s->null_count : -1,
    };
    if (!s->min.ptr && !s->max.ptr && has_signed_order(&p->meta->columns[column])) {
        out->min_value = s->old_min;
        out->max_value = s->old_max;
    }
    place_index(p, r->places.column_index_offset, r->places.column_index_bytes,
                &out->column_index_offset, &out->column_index_bytes);
    place_index(p, r->places.offset_index_offset, r->places.offset_index_bytes,
                &out->offset_index_offset, &out->offset_index_bytes);
    if (r->places.bloom_offset > 0 && r->places.bloom_bytes >= 0 &&
        r->places.bloom_bytes <= UINT32_MAX &&
        inside_file(p, r->places.bloom_offset, r->places.bloom_bytes)) {
        out->bloom_offset = (uint64_t)r->places.bloom_offset;
        out->bloom_bytes = (uint32_t)r->places.bloom_bytes;
    }
    return SLP_OK;
}

/* The chunks of a group; its number of rows stands behind them. */
static slp_rc parse_chunks(struct parse *p, enum cx_thrift_type type, struct pq_group_meta *g)
{
    struct pq_meta *m = p->meta;
    struct raw_chunk raw;
    size_t count = cx_thrift_list(&p->t, type, CX_THRIFT_STRUCT);
    TRY(check(p));
    if (g->chunks || count != m->column_count)
        FAIL(p->err, CORRUPT, "metadata at byte %zu: %zu columns in a row group, expected %zu",
             cx_thrift_offset(&p->t), count, m->column_count);
    TRY(arena_array(p->a, count, sizeof *g->chunks, (void **)&g->chunks, p->err));
    for (size_t i = 0; i < count; i++) {
        parse_raw_chunk(&p->t, &p->elements, p->elements.leaves[i], &raw);
        TRY(check(p));
        slp_rc rc = check_chunk(p, &raw, i);
        if (rc == SLP_OK)
            rc = add_chunk(p, &raw, i, &g->chunks[i]);
        if (rc != SLP_OK)
            return err_wrap(p->err, rc, "column \"%s\"", m->columns[i].path);
    }
    return SLP_OK;
}

/* A row has a value, or a level in its place; rows of lists have one or more. */
static slp_rc check_values(const struct parse *p, const struct pq_group_meta *g)
{
    for (size_t i = 0; i < p->meta->column_count; i++) {
        const struct pq_column *c = &p->meta->columns[i];
        int64_t values = g->chunks[i].value_count;
        if (c->repetition_max ? values < g->rows || (g->rows == 0 && values) : values != g->rows)
            FAIL(p->err, CORRUPT, "column \"%s\": %lld values in a row group of %lld rows", c->path,
                 (long long)values, (long long)g->rows);
    }
    return SLP_OK;
}

static slp_rc parse_group(struct parse *p, struct pq_group_meta *g)
{
    int32_t id = 0;
    enum cx_thrift_type type;
    g->rows = -1;
    while (cx_thrift_field(&p->t, &id, &type)) {
        if (id == 1)
            TRY(parse_chunks(p, type, g));
        else if (id == 3)
            g->rows = cx_thrift_int(&p->t, type);
        else
            cx_thrift_skip(&p->t, type);
    }
    TRY(check(p));
    if (!g->chunks || g->rows < 0)
        FAIL(p->err, CORRUPT, "metadata at byte %zu: a row group without columns or rows",
             cx_thrift_offset(&p->t));
    return check_values(p, g);
}

static slp_rc parse_groups(struct parse *p, enum cx_thrift_type type)
{
    struct pq_meta *m = p->meta;
    if (!p->has_schema || m->groups)
        FAIL(p->err, CORRUPT, "metadata at byte %zu: row groups before the schema or twice",
             cx_thrift_offset(&p->t));
    size_t count = cx_thrift_list(&p->t, type, CX_THRIFT_STRUCT);
    TRY(check(p));
    TRY(arena_array(p->a, count, sizeof *m->groups, (void **)&m->groups, p->err));
    for (size_t i = 0; i < count; i++) {
        slp_rc rc = parse_group(p, &m->groups[i]);
        if (rc != SLP_OK)
            return err_wrap(p->err, rc, "row group %zu", i);
    }
    m->group_count = count;
    return SLP_OK;
}

static slp_rc parse_key_values(struct parse *p, enum cx_thrift_type type)
{
    struct pq_meta *m = p->meta;
    size_t count = cx_thrift_list(&p->t, type, CX_THRIFT_STRUCT);
    TRY(arena_array(p->a, count, sizeof *m->key_values, (void **)&m->key_values, p->err));
    for (size_t i = 0; i < count && !p->t.wrong; i++) {
        int32_t id = 0;
        while (cx_thrift_field(&p->t, &id, &type)) {
            if (id == 1)
                m->key_values[i].key = cx_thrift_binary(&p->t, type);
            else if (id == 2)
                m->key_values[i].value = cx_thrift_binary(&p->t, type);
            else
                cx_thrift_skip(&p->t, type);
        }
    }
    m->key_value_count = count;
    return SLP_OK;
}

/* Bounds of a column hold only in an order that is known: member 1, the order of its type. */
static void parse_orders(struct parse *p, enum cx_thrift_type type)
{
    size_t count = cx_thrift_list(&p->t, type, CX_THRIFT_STRUCT);
    for (size_t i = 0; i < count && !p->t.wrong; i++) {
        int32_t id = 0;
        bool is_of_type = false;
        while (cx_thrift_field(&p->t, &id, &type)) {
            is_of_type = id == 1;
            cx_thrift_skip(&p->t, type);
        }
        if (is_of_type && p->order_count == i)
            p->order_count++;
    }
}

/* Without an order for the column, only signed numbers are trusted. */
static void drop_unordered_bounds(struct parse *p)
{
    struct pq_meta *m = p->meta;
    for (size_t g = 0; g < m->group_count; g++) {
        for (size_t i = p->order_count; i < m->column_count; i++) {
            if (has_signed_order(&m->columns[i]))
                continue;
            m->groups[g].chunks[i].min_value = slice_of(NULL, 0);
            m->groups[g].chunks[i].max_value = slice_of(NULL, 0);
        }
    }
}

static slp_rc parse_fields(struct parse *p)
{
    int32_t id = 0;
    enum cx_thrift_type type;
    while (cx_thrift_field(&p->t, &id, &type)) {
        switch (id) {
        case 2:
            TRY(parse_schema(p, type));
            break;
        case 3:
            p->meta->rows = cx_thrift_int(&p->t, type);
            break;
        case 4:
            TRY(parse_groups(p, type));
            break;
        case 5:
            TRY(parse_key_values(p, type));
            break;
        case 6:
            p->meta->created_by = cx_thrift_binary(&p->t, type);
            break;
        case 7:
            parse_orders(p, type);
            break;
        default:
            cx_thrift_skip(&p->t, type);
        }
    }
    return check(p);
}

/* Row groups and file agree; a writer that left the file's number out has put down 0. */
static slp_rc check_rows(const struct parse *p)
{
    struct pq_meta *m = p->meta;
    int64_t rows = 0;
    for (size_t i = 0; i < m->group_count; i++) {
        if (!num_add_i64(rows, m->groups[i].rows, &rows))
            FAIL(p->err, CORRUPT, "the rows of its row groups exceed 63 bits");
    }
    if (m->rows == 0)
        m->rows = rows;
    if (rows != m->rows)
        FAIL(p->err, CORRUPT, "%lld rows in the row groups, %lld in the file", (long long)rows,
             (long long)m->rows);
    return SLP_OK;
}

slp_rc pq_meta_parse(struct slice thrift, uint64_t file_bytes, struct arena *a, struct pq_meta *out,
                     struct slp_err *err)
{
    return pq_meta_parse_as(thrift, file_bytes, ARR_NANO, a, out, err);
}

slp_rc pq_meta_parse_as(struct slice thrift, uint64_t file_bytes, enum arr_unit int96_unit,
                        struct arena *a, struct pq_meta *out, struct slp_err *err)
{
    struct pq_meta meta = {0};
    struct parse p = {.elements.int96_unit = int96_unit,
                      .file_bytes = file_bytes,
                      .a = a,
                      .meta = &meta,
                      .err = err};
    cx_thrift_init(&p.t, thrift);
    TRY(parse_fields(&p));
    if (!p.has_schema)
        FAIL(err, CORRUPT, "metadata of %zu bytes without a schema", thrift.len);
    TRY(check_rows(&p));
    drop_unordered_bounds(&p);
    *out = meta;
    return SLP_OK;
}
