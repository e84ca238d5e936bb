#include "arrow/batch_priv.h"
#include "arrow/bits.h"
#include "arrow/cdata_priv.h"
#include "arrow/dictionary.h"
#include "base/num.h"
#include "base/text.h"

/* Rows of strings that are checked and copied at once. */
#define CHUNK_ROWS 1024

/* Descriptions of all columns of one batch. */
#define SOURCES_MAX_BYTES ((size_t)256 << 20)

/* Of one array, so that numbers of rows, items and bytes can be added and multiplied. */
#define ROWS_MAX ((int64_t)1 << 40)

#define MILLIS_A_DAY 86400000

static const char *name_of(const struct ArrowSchema *s)
{
    return s->name ? s->name : "";
}

/* ---- Schemas ---- */

static slp_rc check_children(const struct ArrowSchema *in, enum arr_kind kind, struct slp_err *err)
{
    bool is_struct = kind == ARR_STRUCT;
    int64_t most = is_struct ? (int64_t)ARR_COLUMNS_MAX : kind >= ARR_FLAT_KIND_COUNT;
    if (in->n_children < (is_struct ? 0 : most) || in->n_children > most)
        FAIL(err, UNSUPPORTED, "Arrow format \"%.40s\" with %lld children, expected %s%lld",
             in->format, (long long)in->n_children, is_struct ? "at most " : "", (long long)most);
    const struct ArrowSchema *entries = kind == ARR_MAP ? in->children[0] : NULL;
    if (entries && (strcmp(entries->format, "+s") != 0 || entries->n_children != 2))
        FAIL(err, UNSUPPORTED,
             "Arrow format \"%.40s\" with %lld children in a map, expected a struct (+s) of key "
             "and value",
             entries->format, (long long)entries->n_children);
    return SLP_OK;
}

static slp_rc import_tree(const struct ArrowSchema *in, struct arena *a, unsigned depth,
                          struct arr_field *out, struct slp_err *err)
{
    struct arr_format format = {0};
    struct arr_field f = {.nullable = in->flags & ARROW_FLAG_NULLABLE};
    const struct ArrowSchema *values = in->dictionary ? in->dictionary : in;
    void *room = NULL;
    if (depth > ARR_DEPTH_MAX)
        FAIL(err, LIMIT, "nested deeper than %u", ARR_DEPTH_MAX);
    TRY(arr_format_parse(values->format, &format, err));
    TRY(check_children(values, format.type.kind, err));
    TRY(arena_text(a, slice_str(name_of(in)), &f.name, err));
    f.type = format.type;
    f.extension = arr_extension_of(in->metadata);
    f.child_count = (size_t)values->n_children;
    if (f.child_count) {
        TRY(arena_array(a, f.child_count, sizeof *f.children, &room, err));
        f.children = room;
    }
    for (size_t i = 0; i < f.child_count; i++)
        TRY(arr_import_field(values->children[i], a, depth + 1, &f.children[i], err));
    *out = f;
    return SLP_OK;
}

slp_rc arr_import_field(const struct ArrowSchema *in, struct arena *a, unsigned depth,
                        struct arr_field *out, struct slp_err *err)
{
    slp_rc rc = import_tree(in, a, depth, out, err);
    /* Texts of errors are short: of a deep path its column says enough. */
    return depth <= 4 ? err_wrap(err, rc, "field \"%.80s\"", name_of(in)) : rc;
}

slp_rc arr_import_schema(const struct ArrowSchema *in, struct arena *a, struct arr_schema *out,
                         struct slp_err *err)
{
    if (strcmp(in->format, "+s") != 0)
        FAIL(err, UNSUPPORTED, "Arrow format \"%.40s\", expected a struct of columns (+s)",
             in->format);
    if (in->n_children < 0 || in->n_children > (int64_t)ARR_COLUMNS_MAX)
        FAIL(err, LIMIT, "%lld columns; expected at most %u", (long long)in->n_children,
             ARR_COLUMNS_MAX);
    size_t count = (size_t)in->n_children;
    void *room = NULL;
    TRY(arena_array(a, count, sizeof(struct arr_field), &room, err));
    struct arr_field *fields = room;
    for (size_t i = 0; i < count; i++)
        TRY(arr_import_field(in->children[i], a, 1, &fields[i], err));
    *out = (struct arr_schema){.fields = fields, .count = count};
    return SLP_OK;
}

/* ---- Rows ---- */

/* One array of others, of a column or within one. Rows are counted from its own start, which lies
 * `first` rows behind that of its buffers. */
struct source {
    struct arr_format format;
    const struct ArrowArray *array;
    int64_t first;
    int64_t rows;
    const uint8_t *validity; /* NULL: none is null */
    const uint8_t *data;
    const uint8_t *offsets;
    struct source *children;
    size_t count;
    struct arr_format index;  /* of a dictionary array: what `data` holds */
    struct arr_col values;    /* and what it means, with one null behind the last */
    struct source *of_values; /* NULL: no dictionary */
};

static bool is_present(const struct source *s, int64_t row)
{
    return !s->validity || arr_bit(s->validity, s->first + row);
}

static int64_t offset_at(const struct source *s, int64_t row)
{
    if (s->format.layout == ARR_FIXED_LIST)
        return (s->first + row) * s->format.fixed_items;
    if (s->format.layout == ARR_LARGE)
        return ((const int64_t *)(const void *)s->offsets)[s->first + row];
    return ((const int32_t *)(const void *)s->offsets)[s->first + row];
}

/* The width of what lies in `data`, in bytes; 0: bits, or bytes behind offsets. */
static size_t data_width(const struct source *s)
{
    static const size_t widths[] = {
        [ARR_VIEW] = 16, [ARR_DATE64] = 8, [ARR_MONTHS] = 4, [ARR_DAY_TIME] = 8};
    enum arr_layout layout = s->format.layout;
    if (s->of_values)
        return arr_type_width(s->index.type);
    if (layout < sizeof widths / sizeof *widths && widths[layout])
        return widths[layout];
    return arr_type_width(s->format.type);
}

static bool has_offsets(const struct source *s)
{
    bool is_list = arr_type_is_list(s->format.type) || arr_type_is_variable(s->format.type);
    return is_list && !s->of_values && s->format.layout != ARR_VIEW &&
           s->format.layout != ARR_FIXED_LIST;
}

static bool has_data(const struct source *s)
{
    return s->of_values || (s->format.type.kind != ARR_NULL && !arr_type_is_nested(s->format.type));
}

static slp_rc check_buffers(struct source *s, struct slp_err *err)
{
    const struct ArrowArray *a = s->array;
    bool is_null = s->format.type.kind == ARR_NULL && !s->of_values;
    bool is_view = s->format.layout == ARR_VIEW && !s->of_values;
    int64_t buffers = is_null ? 0 : 1 + has_offsets(s) + has_data(s) + is_view;
    int64_t children = s->of_values ? 0 : (int64_t)s->count;
    bool is_shape = is_view ? a->n_buffers >= buffers : a->n_buffers == buffers;
    if (!is_shape || a->n_children != children || !a->dictionary != !s->of_values)
        FAIL(err, INVALID, "%lld buffers, %lld children and %s dictionary; expected %lld, %lld, %s",
             (long long)a->n_buffers, (long long)a->n_children, a->dictionary ? "a" : "no",
             (long long)buffers, (long long)children, s->of_values ? "a" : "no");
    if (a->offset < 0 || a->length < 0 || a->offset > ROWS_MAX || a->length > ROWS_MAX)
        FAIL(err, INVALID, "%lld rows from %lld on", (long long)a->length, (long long)a->offset);
    s->first = a->offset;
    s->rows = a->length;
    if (is_null)
        return SLP_OK;
    s->validity = a->null_count == 0 ? NULL : a->buffers[0];
    s->offsets = has_offsets(s) ? a->buffers[1] : NULL;
    s->data = has_data(s) ? a->buffers[1 + has_offsets(s)] : NULL;
    bool needs_data = has_data(s) && !has_offsets(s);
    if (s->rows > 0 && ((has_offsets(s) && !s->offsets) || (needs_data && !s->data)))
        FAIL(err, INVALID, "a buffer is missing");
    return SLP_OK;
}

static slp_rc source_init(struct source *s, const struct ArrowArray *a,
                          const struct ArrowSchema *schema, struct arena *arena,
                          struct slp_err *err);

static slp_rc children_init(struct source *s, const struct ArrowSchema *schema, struct arena *arena,
                            struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(arena, s->count, sizeof *s->children, &room, err));
    s->children = room;
    for (size_t i = 0; i < s->count; i++)
        TRY(source_init(&s->children[i], s->array->children[i], schema->children[i], arena, err));
    return SLP_OK;
}

/* `schema` was read as a field already. */
static slp_rc source_init(struct source *s, const struct ArrowArray *a,
                          const struct ArrowSchema *schema, struct arena *arena,
                          struct slp_err *err)
{
    void *room = NULL;
    s->array = a;
    if (schema->dictionary) {
        TRY(arr_format_parse(schema->format, &s->index, err));
        if (s->index.type.kind < ARR_INT8 || s->index.type.kind > ARR_UINT64)
            FAIL(err, INVALID, "a dictionary with indices of format \"%.40s\", expected integers",
                 schema->format);
        TRY(arena_array(arena, 1, sizeof *s->of_values, &room, err));
        s->of_values = room;
        TRY(arr_format_parse(schema->dictionary->format, &s->format, err));
    } else {
        TRY(arr_format_parse(schema->format, &s->format, err));
        s->count = (size_t)schema->n_children;
    }
    TRY(check_buffers(s, err));
    if (s->of_values)
        return source_init(s->of_values, a->dictionary, schema->dictionary, arena, err);
    return s->count ? children_init(s, schema, arena, err) : SLP_OK;
}

static void source_fini(struct source *s)
{
    for (size_t i = 0; s->children && i < s->count; i++)
        source_fini(&s->children[i]);
    if (s->of_values)
        source_fini(s->of_values);
    arr_col_fini(&s->values);
}

static slp_rc import_rows(struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                          struct slp_err *err);

/* Slots of nulls may hold anything where they come from; ours hold zero. */
static void zero_nulls(struct arr_col *c, int64_t from)
{
    size_t width = arr_type_width(c->type);
    for (int64_t row = from; row < c->rows; row++) {
        if (arr_bit(c->validity.ptr, row))
            continue;
        if (width)
            memset(c->data.ptr + (size_t)row * width, 0, width);
        else
            c->data.ptr[row >> 3] = (uint8_t)(c->data.ptr[row >> 3] & ~(1u << (row & 7)));
    }
}

/* Bytes of others as a column of ours, to be copied from. */
static struct buf borrow(const uint8_t *bytes)
{
    union {
        const uint8_t *given;
        uint8_t *taken; /* never written to */
    } pointer = {.given = bytes};
    return (struct buf){.ptr = pointer.taken, .len = bytes != NULL};
}

/* Fixed width laid out as ours: one copy. */
static slp_rc import_fixed(const struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                           struct slp_err *err)
{
    int64_t before = out->rows;
    struct arr_col theirs = {.type = out->type, .rows = s->first + s->rows};
    theirs.validity = borrow(s->validity);
    theirs.data = borrow(s->data);
    TRY(arr_col_append_run(out, &theirs, s->first + first, rows, err));
    if (s->validity && out->validity.len)
        zero_nulls(out, before);
    return SLP_OK;
}

/* One chunk of strings: offsets from the start of the first, and what is present. */
struct chunk {
    int32_t offsets[CHUNK_ROWS + 1];
    uint8_t validity[CHUNK_ROWS / 8];
    const uint8_t *bytes;
    bool is_clean; /* nulls have no bytes */
};

static slp_rc fill_chunk(const struct source *s, int64_t first, int64_t rows, struct chunk *c,
                         struct slp_err *err)
{
    int64_t base = offset_at(s, first);
    int64_t before = base;
    c->is_clean = true;
    for (int64_t i = 0; i <= rows; i++) {
        int64_t at = offset_at(s, first + i);
        if (at < before || base < 0)
            FAIL(err, INVALID, "offsets %lld and %lld in row %lld", (long long)before,
                 (long long)at, (long long)(first + (i ? i - 1 : 0)));
        if (at - base > (int64_t)ARR_BYTES_MAX)
            FAIL(err, LIMIT, "%lld bytes of strings up to row %lld; use smaller batches",
                 (long long)(at - base), (long long)(first + i));
        c->offsets[i] = (int32_t)(at - base);
        if (i && at > before && !is_present(s, first + i - 1))
            c->is_clean = false;
        before = at;
    }
    if (before > base && !s->data)
        FAIL(err, INVALID, "a buffer is missing");
    c->bytes = before > base ? s->data + base : NULL;
    memset(c->validity, 0, sizeof c->validity);
    if (s->validity)
        arr_bits_copy(c->validity, 0, s->validity, s->first + first, rows);
    return SLP_OK;
}

static slp_rc append_text(struct arr_col *out, struct slice value, int64_t row, struct slp_err *err)
{
    if (out->type.kind == ARR_UTF8 && !text_is_utf8(value))
        FAIL(err, INVALID, "text of row %lld is not UTF-8", (long long)row);
    return arr_col_append(out, value, err);
}

/* Is each string of the chunk UTF-8? All bytes are, and none begins within a character. */
static bool chunk_is_text(const struct chunk *c, int64_t rows)
{
    size_t bytes = (size_t)c->offsets[rows];
    if (!text_is_utf8(slice_of(c->bytes, bytes)))
        return false;
    for (int64_t i = 0; i < rows; i++) {
        size_t at = (size_t)c->offsets[i];
        if (at < bytes && (c->bytes[at] & 0xc0) == 0x80)
            return false;
    }
    return true;
}

static slp_rc import_chunk(const struct source *s, int64_t first, int64_t rows, struct chunk *c,
                           struct arr_col *out, struct slp_err *err)
{
    TRY(fill_chunk(s, first, rows, c, err));
    if (c->is_clean && (out->type.kind != ARR_UTF8 || chunk_is_text(c, rows))) {
        struct arr_col theirs = {.type = out->type, .rows = rows};
        if (s->validity)
            theirs.validity = borrow(c->validity);
        theirs.data = borrow(c->bytes);
        theirs.offsets = borrow((const uint8_t *)c->offsets);
        return arr_col_append_run(out, &theirs, 0, rows, err);
    }
    for (int64_t i = 0; i < rows; i++) {
        size_t len = (size_t)(c->offsets[i + 1] - c->offsets[i]);
        if (!is_present(s, first + i))
            TRY(arr_col_append_null(out, err));
        else
            TRY(append_text(out, slice_of(len ? c->bytes + c->offsets[i] : NULL, len), first + i,
                            err));
    }
    return SLP_OK;
}

static slp_rc import_strings(const struct source *s, int64_t first, int64_t rows,
                             struct arr_col *out, struct slp_err *err)
{
    struct chunk c;
    for (int64_t at = 0; at < rows; at += CHUNK_ROWS) {
        int64_t n = num_min_i64(rows - at, CHUNK_ROWS);
        TRY(import_chunk(s, first + at, n, &c, out, err));
    }
    return SLP_OK;
}

/* A view: a length, then the bytes if they are 12 at most, else a prefix of 4, the number of a
 * buffer and an offset in it. The last buffer holds the sizes of those between. */
static slp_rc view_at(const struct source *s, int64_t row, struct slice *out, struct slp_err *err)
{
    const uint8_t *view = s->data + (size_t)(s->first + row) * 16;
    const struct ArrowArray *a = s->array;
    int64_t buffers = a->n_buffers - 3;
    const int64_t *sizes = a->buffers[a->n_buffers - 1];
    uint32_t len = num_load_u32le(view);
    if (len <= 12) {
        *out = slice_of(view + 4, len);
        return SLP_OK;
    }
    uint32_t buffer = num_load_u32le(view + 8);
    uint32_t offset = num_load_u32le(view + 12);
    if ((int64_t)buffer >= buffers || !sizes || sizes[buffer] < 0 || !a->buffers[2 + buffer] ||
        !num_range_fits(offset, len, (uint64_t)sizes[buffer]))
        FAIL(err, INVALID, "a view of %u bytes at %u of buffer %u of %lld in row %lld", len, offset,
             buffer, (long long)buffers, (long long)row);
    *out = slice_of((const uint8_t *)a->buffers[2 + buffer] + offset, len);
    return SLP_OK;
}

/* A value whose layout is not ours. */
static slp_rc import_odd(const struct source *s, int64_t row, struct arr_col *out,
                         struct slp_err *err)
{
    const uint8_t *at = s->data + (size_t)(s->first + row) * data_width(s);
    struct arr_interval interval = {0};
    struct slice text = {0};
    int64_t millis = 0;
    switch (s->format.layout) {
    case ARR_VIEW:
        TRY(view_at(s, row, &text, err));
        return append_text(out, text, row, err);
    case ARR_DATE64:
        millis = (int64_t)num_load_u64le(at);
        if (millis % MILLIS_A_DAY || millis / MILLIS_A_DAY < INT32_MIN ||
            millis / MILLIS_A_DAY > INT32_MAX)
            FAIL(err, INVALID, "date of row %lld is %lld milliseconds, expected whole days",
                 (long long)row, (long long)millis);
        return arr_col_append_i64(out, millis / MILLIS_A_DAY, err);
    case ARR_MONTHS:
        interval.months = (int32_t)num_load_u32le(at);
        break;
    default:
        assert(s->format.layout == ARR_DAY_TIME);
        interval.days = (int32_t)num_load_u32le(at);
        interval.nanoseconds = (int64_t)(int32_t)num_load_u32le(at + 4) * 1000000;
    }
    return arr_col_append(out, slice_of(&interval, sizeof interval), err);
}

static slp_rc import_odds(const struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                          struct slp_err *err)
{
    for (int64_t i = 0; i < rows; i++) {
        if (is_present(s, first + i))
            TRY(import_odd(s, first + i, out, err));
        else
            TRY(arr_col_append_null(out, err));
    }
    return SLP_OK;
}

/* How many of the rows from `first` on are as present as that one. */
static int64_t equal_run(const struct source *s, int64_t first, int64_t rows)
{
    int64_t n = 1;
    while (n < rows && is_present(s, first + n) == is_present(s, first))
        n++;
    return s->validity ? n : rows;
}

/* Members of a null struct may hold anything where they come from; ours are null. */
static slp_rc import_structs(struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                             struct slp_err *err)
{
    for (int64_t at = 0; at < rows;) {
        int64_t n = equal_run(s, first + at, rows - at);
        bool is_null = !is_present(s, first + at);
        for (size_t i = 0; i < s->count; i++) {
            struct arr_col *member = &out->children[i];
            if (is_null)
                TRY(arr_col_append_nulls(member, n, err));
            else
                TRY(import_rows(&s->children[i], s->first + first + at, n, member, err));
        }
        at += n;
    }
    return arr_col_append_structs(out, rows, s->validity, s->first + first, err);
}

/* Items of a run of lists that are all present, or empty, lie one behind another. */
static slp_rc import_items(struct source *s, int64_t first, int64_t rows, int32_t *lengths,
                           struct arr_col *items, struct slp_err *err)
{
    int64_t from = offset_at(s, first);
    int64_t to = from;
    for (int64_t i = 0; i < rows; i++) {
        int64_t start = offset_at(s, first + i);
        int64_t end = offset_at(s, first + i + 1);
        if (start < 0 || end < start || end - start > ARR_ITEMS_MAX)
            FAIL(err, INVALID, "offsets %lld and %lld in row %lld", (long long)start,
                 (long long)end, (long long)(first + i));
        bool is_null = !is_present(s, first + i);
        lengths[i] = is_null ? 0 : (int32_t)(end - start);
        if (is_null && end > start) {
            TRY(import_rows(&s->children[0], from, to - from, items, err));
            from = end;
        }
        to = end;
    }
    return import_rows(&s->children[0], from, to - from, items, err);
}

static slp_rc import_lists(struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                           struct slp_err *err)
{
    int32_t lengths[ARR_PICK_ROWS];
    for (int64_t at = 0; at < rows; at += ARR_PICK_ROWS) {
        int64_t n = num_min_i64(rows - at, ARR_PICK_ROWS);
        TRY(import_items(s, first + at, n, lengths, &out->children[0], err));
        TRY(arr_col_append_lists(out, lengths, n, s->validity, s->first + first + at, err));
    }
    return SLP_OK;
}

/* The values of a dictionary, once; a null behind them stands for rows that are null. */
static slp_rc load_values(struct source *s, const struct arr_col *like, struct slp_err *err)
{
    if (s->values.data.mem)
        return SLP_OK;
    if (arr_type_is_nested(like->type))
        FAIL(err, UNSUPPORTED, "a dictionary of nested values");
    arr_col_init(&s->values, like->data.mem, like->type);
    slp_rc rc = import_rows(s->of_values, 0, s->of_values->rows, &s->values, err);
    if (rc == SLP_OK)
        rc = arr_col_append_null(&s->values, err);
    return err_wrap(err, rc, "dictionary");
}

static int64_t index_at(const struct source *s, int64_t row)
{
    struct arr_col theirs = {.type = s->index.type, .rows = s->first + s->rows};
    theirs.data = borrow(s->data);
    return arr_col_i64(&theirs, s->first + row);
}

static slp_rc import_indices(struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                             struct slp_err *err)
{
    uint32_t picks[ARR_PICK_ROWS];
    TRY(load_values(s, out, err));
    int64_t values = s->values.rows - 1;
    for (int64_t at = 0; at < rows;) {
        int64_t n = 0;
        for (; n < ARR_PICK_ROWS && at < rows; n++, at++) {
            int64_t index = is_present(s, first + at) ? index_at(s, first + at) : values;
            if (index < 0 || index > values || (index == values && is_present(s, first + at)))
                FAIL(err, INVALID, "index %lld in row %lld of a dictionary of %lld values",
                     (long long)index, (long long)(first + at), (long long)values);
            picks[n] = (uint32_t)index;
        }
        TRY(arr_col_append_picked(out, &s->values, picks, n, err));
    }
    return SLP_OK;
}

static slp_rc check_rows(const struct source *s, int64_t first, int64_t rows, struct slp_err *err)
{
    if (first < 0 || rows < 0 || first > s->rows || rows > s->rows - first)
        FAIL(err, INVALID, "rows %lld to %lld of a column of %lld rows", (long long)first,
             (long long)first + (long long)rows, (long long)s->rows);
    return SLP_OK;
}

/* Append rows [first, first + rows) of an array; on failure children may hold more than rows. */
static slp_rc import_rows(struct source *s, int64_t first, int64_t rows, struct arr_col *out,
                          struct slp_err *err)
{
    if (rows == 0)
        return SLP_OK;
    TRY(check_rows(s, first, rows, err));
    enum arr_kind kind = s->format.type.kind;
    if (s->of_values)
        return import_indices(s, first, rows, out, err);
    if (kind == ARR_NULL)
        return arr_col_append_nulls(out, rows, err);
    if (kind == ARR_STRUCT)
        return import_structs(s, first, rows, out, err);
    if (arr_type_is_list(s->format.type))
        return import_lists(s, first, rows, out, err);
    if (s->format.layout >= ARR_VIEW)
        return import_odds(s, first, rows, out, err);
    if (has_offsets(s))
        return import_strings(s, first, rows, out, err);
    return import_fixed(s, first, rows, out, err);
}

static slp_rc check_shape(const struct ArrowArray *in, const struct ArrowSchema *format,
                          const struct arr_batch *out, struct slp_err *err)
{
    size_t count = out->schema->count;
    if (strcmp(format->format, "+s") != 0 || format->n_children != (int64_t)count ||
        in->n_children != (int64_t)count)
        FAIL(err, INVALID,
             "format \"%.40s\" of %lld columns and %lld arrays; expected a struct of %zu",
             format->format, (long long)format->n_children, (long long)in->n_children, count);
    if (in->length < 0 || in->offset < 0 || in->length > ROWS_MAX || in->offset > ROWS_MAX)
        FAIL(err, INVALID, "a batch of %lld rows from %lld on", (long long)in->length,
             (long long)in->offset);
    bool has_bitmap = in->null_count != 0 && in->n_buffers > 0 && in->buffers && in->buffers[0];
    if (has_bitmap && arr_bits_count(in->buffers[0], in->offset, in->length) != in->length)
        FAIL(err, INVALID, "a batch with null rows; expected nulls in columns only");
    return SLP_OK;
}

static slp_rc check_type(const struct ArrowSchema *format, const struct arr_field *want,
                         struct arena *a, struct slp_err *err)
{
    struct arr_field got = {0};
    TRY(import_tree(format, a, 1, &got, err));
    if (arr_field_same_type(&got, want))
        return SLP_OK;
    char theirs[120];
    char ours[120];
    arr_field_type_format(&got, theirs, sizeof theirs);
    arr_field_type_format(want, ours, sizeof ours);
    FAIL(err, INVALID, "type %s, expected %s", theirs, ours);
}

static slp_rc import_one(const struct ArrowArray *in, const struct ArrowSchema *format, size_t i,
                         struct arr_batch *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena a;
    struct source s = {0};
    arena_init(&a, out->mem, SOURCES_MAX_BYTES);
    TRY_OUT(check_type(format->children[i], &out->schema->fields[i], &a, err));
    TRY_OUT(source_init(&s, in->children[i], format->children[i], &a, err));
    TRY_OUT(check_rows(&s, in->offset, in->length, err));
    /* Messages count rows from the start of the batch. */
    s.first += in->offset;
    s.rows = in->length;
    TRY_OUT(import_rows(&s, 0, in->length, &out->cols[i], err));
out:
    source_fini(&s);
    arena_fini(&a);
    return err_wrap(err, rc, "column \"%.80s\"", out->schema->fields[i].name);
}

slp_rc arr_import_batch(const struct ArrowArray *in, const struct ArrowSchema *format,
                        struct arr_batch *out, struct slp_err *err)
{
    slp_rc rc = check_shape(in, format, out, err);
    for (size_t i = 0; i < out->schema->count && rc == SLP_OK; i++)
        rc = import_one(in, format, i, out, err);
    if (rc == SLP_OK)
        out->rows += in->length;
    else
        arr_batch_truncate(out, out->rows);
    return err_wrap(err, rc, "Arrow batch");
}
