/* rooms: parquet */
/*
 * Damaged files are refused with a place, or read right; they never crash, take long or take much
 * memory.
 *
 * Good files (ours, pyarrow's, those of the parquet-testing project where they lie about) get bits
 * turned over, lengths edited, ends cut off, pages and chunks put where others were. Each is then
 * read whole:
 *
 *   an error     CORRUPT with an offset, UNSUPPORTED, or LIMIT
 *   or rows      columns that are sound, and
 *     bytes of indexes, filters and gaps     all values as they were
 *     bodies under a checksum                all values as they were
 *     other bodies, and headers              all values of the other columns as they were
 *     the footer, if it still says the same  all values as they were
 *     lengths, offsets and types otherwise   what the file then says: no judgement
 *
 * Memory: MEMORY_BASE and MEMORY_FACTOR times the file, at most; processor time: a second for each
 * megabyte begun. MUTATIONS=20000 is the long run (make mutations), which also reads each file of
 * MUTATION_FILES.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/random_rows.h"
#include "parquet/writer.h"
#include "prop/parquet_places.h"

#define MUTATIONS_DEFAULT 1200
#define FILES_MAX         400u
#define FILE_BYTES_MAX    (160u << 10)
#define BYTES_MAX         ((size_t)64 << 20)
#define OURS              12
#define BATCH_ROWS        700
#define ROWS_MAX          100000
#define MEMORY_BASE       ((size_t)8 << 20)
#define MEMORY_FACTOR     64u
#define SECONDS_A_MB      1.0
#define PLACE_BYTES_MIN   12u /* a shorter file has no footer to be wrong */

/* One good file and what is in it. */
struct good {
    char name[96];
    struct buf bytes;
    struct pq_file *file;
    struct arr_batch rows;
    struct places places;
};

struct set {
    struct good *files;
    size_t count;
    size_t results[EDIT_KINDS][3]; /* refused, same, other values */
    size_t peak_bytes;
    double peak_seconds;
};

/* What to say when a mutation ends the program. */
static char again[160];

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void tell_where(void)
{
    (void)fputs(again, stderr);
}

/* Fail, and say how to run this mutation again. */
#define WRONG(...)                                                                                 \
    do {                                                                                           \
        print_error("%s", again);                                                                  \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

/* ---- Reading ---- */

/* Read all rows into `out`, at most ROWS_MAX. On failure `out` is blank. */
static slp_rc read_rows(struct t *t, struct slice bytes, bool skip_crc, struct pq_file **f,
                        struct arr_batch *out)
{
    struct memory_source src;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    struct pq_read_options o = {.batch_rows = BATCH_ROWS,
                                .crc = skip_crc ? PQ_CRC_NEVER : PQ_CRC_PRESENT};
    source_memory_init(&src, "test", bytes);
    memset(&t->err, 0, sizeof t->err);
    slp_rc rc = pq_file_open(&src.base, &t->mem, f, &t->err);
    if (rc != SLP_OK)
        return rc;
    rc = pq_read(*f, &src.base, &o, &t->mem, &s, &t->err);
    if (rc == SLP_OK)
        rc = arr_batch_init(out, &t->mem, &pq_file_meta(*f)->schema, &t->err);
    while (rc == SLP_OK && out->rows < ROWS_MAX &&
           (rc = arr_stream_next(s, &b, &t->err)) == SLP_OK) {
        assert_true(b.rows <= BATCH_ROWS);
        for (size_t i = 0; i < s->schema->count && rc == SLP_OK; i++) {
            assert_int_equal(b.cols[i].rows, b.rows);
            t_assert_col_sound(&b.cols[i]);
            rc = arr_col_append_run(&out->cols[i], &b.cols[i], 0, b.rows, &t->err);
        }
        out->rows += b.rows;
    }
    arr_batch_fini(&b);
    arr_stream_close(s);
    if (rc == SLP_OK || rc == SLP_DONE)
        return SLP_OK;
    arr_batch_fini(out);
    *out = (struct arr_batch){0};
    pq_file_free(*f);
    *f = NULL;
    return rc;
}

/* Some rows of a damaged file, found through its page index: whatever they are, they are sound. */
static void read_ranges(struct t *t, struct slice bytes, const struct pq_file *f)
{
    struct memory_source src;
    struct arr_stream *s = NULL;
    struct arr_batch b = {0};
    int64_t rows = pq_file_meta(f)->rows;
    const struct pq_row_range ranges[] = {{rows / 4, rows / 3},
                                          {rows / 2, rows / 2 + (rows + 3) / 4}};
    const struct pq_read_options o = {.batch_rows = BATCH_ROWS,
                                      .ranges = ranges,
                                      .range_count = 2,
                                      .keep_dictionaries = rows % 2};
    source_memory_init(&src, "test", bytes);
    if (ranges[0].lo >= ranges[0].hi || ranges[0].hi >= ranges[1].lo || rows > ROWS_MAX)
        return;
    slp_rc rc = pq_read(f, &src.base, &o, &t->mem, &s, &t->err);
    while (rc == SLP_OK && (rc = arr_stream_next(s, &b, &t->err)) == SLP_OK)
        for (size_t i = 0; i < s->schema->count; i++)
            t_assert_col_sound(&b.cols[i]);
    assert_true(rc != SLP_INVALID);
    arr_batch_fini(&b);
    arr_stream_close(s);
}

static bool is_column_equal(const struct arr_col *a, const struct arr_col *b)
{
    if (a->rows != b->rows)
        return false;
    for (int64_t row = 0; row < a->rows; row++)
        if (!t_value_equal(a, row, b, row))
            return false;
    return true;
}

/* ---- The oracle ---- */

static bool is_field_equal(const struct arr_field *a, const struct arr_field *b)
{
    bool is_equal = arr_type_equal(a->type, b->type) && a->nullable == b->nullable &&
                    a->child_count == b->child_count;
    for (size_t i = 0; is_equal && i < a->child_count; i++)
        is_equal = is_field_equal(&a->children[i], &b->children[i]);
    return is_equal;
}

/* Does the footer still say what reading needs, as it was? */
static bool is_meaning_equal(const struct pq_meta *a, const struct pq_meta *b)
{
    if (a->rows != b->rows || a->group_count != b->group_count ||
        a->column_count != b->column_count || a->schema.count != b->schema.count)
        return false;
    if (!slice_equal(a->created_by, b->created_by))
        return false;
    for (size_t i = 0; i < a->schema.count; i++)
        if (!is_field_equal(&a->schema.fields[i], &b->schema.fields[i]))
            return false;
    for (size_t i = 0; i < a->column_count; i++) {
        const struct pq_column *x = &a->columns[i];
        const struct pq_column *y = &b->columns[i];
        if (x->physical != y->physical || x->type_length != y->type_length ||
            x->optional != y->optional || !arr_type_equal(x->type, y->type) ||
            x->definition_max != y->definition_max || x->repetition_max != y->repetition_max)
            return false;
    }
    for (size_t g = 0; g < a->group_count; g++)
        for (size_t i = 0; i < a->column_count; i++) {
            const struct pq_chunk *x = &a->groups[g].chunks[i];
            const struct pq_chunk *y = &b->groups[g].chunks[i];
            if (a->groups[g].rows != b->groups[g].rows || x->codec != y->codec ||
                x->value_count != y->value_count || x->data_page_offset != y->data_page_offset ||
                x->dictionary_page_offset != y->dictionary_page_offset ||
                x->compressed_bytes != y->compressed_bytes)
                return false;
        }
    return true;
}

/* Must the values of top-level column `c` be as they were? */
static bool must_be_equal(const struct good *g, const struct pq_meta *now, const struct touched *x,
                          bool skip_crc, size_t c)
{
    const struct pq_meta *m = pq_file_meta(g->file);
    bool is_covered = !skip_crc && !x->without_crc && !x->uses[PLACES_HEADER];
    if (x->is_resized || (x->uses[PLACES_FOOTER] && !is_meaning_equal(m, now)))
        return false;
    for (size_t i = 0; i < m->nodes[c].leaf_count && !is_covered; i++)
        if (x->leaves[m->nodes[c].first_leaf + i])
            return false;
    return true;
}

static void check_error(const struct t *t, slp_rc rc, const struct touched *x, size_t bytes)
{
    bool only_other = !x->is_resized && !x->uses[PLACES_BODY] && !x->uses[PLACES_HEADER] &&
                      !x->uses[PLACES_FOOTER] && !x->uses[PLACES_MAGIC];
    if (rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED && rc != SLP_LIMIT)
        WRONG("%s: %s", err_name(rc), t->err.text);
    if (only_other)
        WRONG("bytes that rows do not need made it unreadable: %s", t->err.text);
    if (t->err.text[0] == '\0')
        WRONG("an error without a text");
    if (rc == SLP_CORRUPT && bytes >= PLACE_BYTES_MIN && !strstr(t->err.text, "offset"))
        WRONG("an error without a place: %s", t->err.text);
}

static void check_bounds(struct set *s, const struct t *t, size_t file_bytes, size_t before,
                         double seconds)
{
    size_t used = t->peak_bytes - before;
    s->peak_bytes = num_max_size(s->peak_bytes, used);
    s->peak_seconds = seconds > s->peak_seconds ? seconds : s->peak_seconds;
    if (used > MEMORY_BASE + MEMORY_FACTOR * file_bytes)
        WRONG("%zu bytes of memory for a file of %zu", used, file_bytes);
    if (seconds > SECONDS_A_MB * (1.0 + (double)file_bytes / 1e6))
        WRONG("%.2f s of processor time for a file of %zu bytes", seconds, file_bytes);
}

/* Returns 0 refused, 1 the same rows, 2 other rows. */
static size_t judge(struct t *t, struct set *s, const struct good *g, struct slice bytes,
                    bool skip_crc)
{
    struct pq_file *f = NULL;
    struct arr_batch rows = {0};
    size_t leaf_count = pq_file_meta(g->file)->column_count;
    struct touched x = {.leaves = calloc(leaf_count + 1, sizeof *x.leaves)};
    size_t result = 0;
    assert_non_null(x.leaves);
    places_touched(&g->places, bytes, &x);
    size_t before = t->live_bytes;
    t->peak_bytes = before;
    clock_t start = clock();
    slp_rc rc = read_rows(t, bytes, skip_crc, &f, &rows);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    check_bounds(s, t, bytes.len, before, seconds);
    if (rc != SLP_OK)
        check_error(t, rc, &x, bytes.len);
    else
        read_ranges(t, bytes, f);
    bool is_comparable = rc == SLP_OK && rows.schema->count == g->rows.schema->count;
    if (rc == SLP_OK)
        result = is_comparable ? 1 : 2;
    for (size_t c = 0; is_comparable && c < rows.schema->count; c++) {
        bool is_equal = is_column_equal(&rows.cols[c], &g->rows.cols[c]);
        result = is_equal ? result : 2;
        if (!is_equal && must_be_equal(g, pq_file_meta(f), &x, skip_crc, c))
            WRONG("column %s has other values", g->rows.schema->fields[c].name);
    }
    arr_batch_fini(&rows);
    pq_file_free(f);
    free(x.leaves);
    return result;
}

/* ---- Files ---- */

/* Take a file that is read without error; others are passed over. The bytes become the set's. */
static void add_good(struct t *t, struct set *s, const char *name, struct buf bytes)
{
    struct good *g = &s->files[s->count];
    memset(g, 0, sizeof *g);
    g->bytes = bytes;
    if (s->count == FILES_MAX || bytes.len < 12 ||
        read_rows(t, buf_slice(&bytes), false, &g->file, &g->rows) != SLP_OK) {
        buf_fini(&g->bytes);
        return;
    }
    (void)snprintf(g->name, sizeof g->name, "%s", name);
    places_init(&g->places, buf_slice(&g->bytes), pq_file_meta(g->file));
    s->count++;
}

static bool load(struct t *t, const char *path, size_t most, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    static uint8_t chunk[65536];
    buf_init(out, &t->mem, BYTES_MAX);
    if (!f)
        return false;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0 && out->len <= most;)
        assert_ok(t, buf_append(out, chunk, n, &t->err));
    (void)fclose(f);
    if (out->len <= most)
        return true;
    buf_fini(out);
    return false;
}

static void add_folder(struct t *t, struct set *s, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[2048];
        struct buf bytes;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && load(t, path, FILE_BYTES_MAX, &bytes))
            add_good(t, s, entries[i]->d_name, bytes);
        free(entries[i]);
    }
    free(entries);
}

/* Random columns in a file of ours: nested or flat, any codec and page version, with filters. */
static void add_ours(struct t *t, struct set *s, unsigned i)
{
    static const enum cx_kind codecs[] = {CX_NONE,    CX_ZSTD, CX_SNAPPY,
                                          CX_LZ4_RAW, CX_GZIP, CX_NONE};
    struct t_shape shape = {.depth = 1 + i % 4,
                            .children = 3,
                            .null_percent = 20 * (i % 3),
                            .list_items = 4,
                            .few_values = i % 2,
                            .only_parquet = true};
    struct pq_write_options o;
    struct arena a;
    struct arr_schema schema;
    struct arr_batch batch;
    struct buf bytes;
    struct buf_sink sink;
    struct pq_writer *w = NULL;
    struct pq_group *group = NULL;
    uint64_t offset = 0;
    char name[32];
    pq_write_options_init(&o);
    o.codec = codecs[i % (sizeof codecs / sizeof *codecs)];
    o.page_v2 = i % 2;
    o.page_bytes = 100 + t_below(t, 400);
    o.profile = i % 3 == 2 ? PQ_PROFILE_COMPAT : PQ_PROFILE_DEFAULT;
    arena_init(&a, &t->mem, 1 << 24);
    buf_init(&bytes, &t->mem, BYTES_MAX);
    t_random_schema(t, &a, &shape, 3, &schema);
    sink_buf_init(&sink, "test", &bytes);
    assert_ok(t, pq_writer_new(&t->mem, &sink.base, &schema, &o, &w, &t->err));
    assert_ok(t, pq_group_new(&t->mem, &schema, &o, &group, &t->err));
    for (int g = 0; g < 2; g++) {
        t_random_batch(t, &schema, &shape, 40 + (int64_t)t_below(t, 100), &batch);
        assert_ok(t, pq_group_encode(group, &batch, 30, &t->err));
        assert_ok(t, pq_writer_group(w, group, &offset, &t->err));
        arr_batch_fini(&batch);
    }
    assert_ok(t, pq_writer_finish(w, NULL, NULL, &t->err));
    pq_group_free(group);
    pq_writer_free(w);
    arena_fini(&a);
    (void)snprintf(name, sizeof name, "ours %u", i);
    add_good(t, s, name, bytes);
}

static void set_init(struct t *t, struct set *s)
{
    char path[2048];
    memset(s, 0, sizeof *s);
    s->files = calloc(FILES_MAX + 1, sizeof *s->files);
    assert_non_null(s->files);
    for (unsigned i = 0; i < OURS; i++)
        add_ours(t, s, i);
    assert_int_equal(s->count, OURS);
    add_folder(t, s, "test/fuzz/corpus/parquet");
    assert_true(s->count > OURS + 6);
    const char *data = getenv("SLEEPER_TEST_DATA") ? getenv("SLEEPER_TEST_DATA") : "../shared/data";
    static const char *const folders[] = {"data", "data/geospatial", "shredded_variant"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(path, sizeof path, "%s/parquet-testing/%s", data, folders[i]);
        add_folder(t, s, path);
    }
    add_folder(t, s, "test/data");
    if (getenv("MUTATION_FILES"))
        add_folder(t, s, getenv("MUTATION_FILES"));
}

static void set_fini(struct set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        places_fini(&s->files[i].places);
        arr_batch_fini(&s->files[i].rows);
        pq_file_free(s->files[i].file);
        buf_fini(&s->files[i].bytes);
    }
    free(s->files);
}

/* ---- Tests ---- */

static void note_mutation(const struct t *t, size_t i)
{
    (void)snprintf(again, sizeof again, "again: SEED=%llu MUTATIONS=%zu MUTATION=%zu\n",
                   (unsigned long long)t->seed, i + 1, i);
}

static void mutate(struct t *t, struct set *s, size_t i)
{
    const struct good *g = &s->files[i % s->count];
    const struct good *other = &s->files[t_below(t, s->count)];
    struct buf b;
    t->random = t->seed + i * 0x9e3779b97f4a7c15u;
    buf_init(&b, &t->mem, BYTES_MAX);
    assert_ok(t, buf_append(&b, g->bytes.ptr, g->bytes.len, &t->err));
    enum edit_kind kind = edit_file(t, &g->places, &other->places, &b);
    const char *only = getenv("MUTATION");
    if (!only || strtoull(only, NULL, 0) == i) {
        if (only || getenv("MUTATION_TRACE"))
            print_message("mutation %zu of %s: %s\n", i, g->name, edit_name(kind));
        /* Copied to a block of its size, so that ASan sees a read beyond its end. */
        uint8_t *exact = malloc(b.len + !b.len);
        assert_non_null(exact);
        if (b.len)
            memcpy(exact, b.ptr, b.len);
        s->results[kind][judge(t, s, g, slice_of(exact, b.len), i / s->count % 2)]++;
        free(exact);
    }
    buf_fini(&b);
}

static void damaged_files_are_refused_or_read_right(void **state)
{
    struct t *t = *state;
    struct set s;
    const char *wanted = getenv("MUTATIONS");
    size_t count = wanted ? strtoul(wanted, NULL, 0) : MUTATIONS_DEFAULT;
    set_init(t, &s);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(tell_where);
    for (size_t i = 0; i < count; i++) {
        note_mutation(t, i);
        mutate(t, &s, i);
    }
    print_message("%zu mutations of %zu files; most memory %zu KiB, most time %.3f s\n", count,
                  s.count, s.peak_bytes >> 10, s.peak_seconds);
    for (int k = 0; k < EDIT_KINDS; k++)
        print_message("%-8s refused %zu, same %zu, other values %zu\n",
                      edit_name((enum edit_kind)k), s.results[k][0], s.results[k][1],
                      s.results[k][2]);
    set_fini(&s);
}

/* Files that other readers were found to fail on: within the bounds, whatever they come to. */
static void bad_files_stay_within_bounds(void **state)
{
    struct t *t = *state;
    struct set s = {0};
    struct dirent **entries = NULL;
    char folder[1024];
    (void)snprintf(folder, sizeof folder, "%s/parquet-testing/bad_data", t_data_dir());
    int count = scandir(folder, &entries, NULL, alphasort);
    assert_true(count > 5);
    for (int i = 0; i < count; i++) {
        char path[2048];
        struct buf bytes;
        struct pq_file *f = NULL;
        struct arr_batch rows = {0};
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && load(t, path, BYTES_MAX / 2, &bytes)) {
            size_t before = t->live_bytes;
            t->peak_bytes = before;
            clock_t start = clock();
            slp_rc rc = read_rows(t, buf_slice(&bytes), false, &f, &rows);
            check_bounds(&s, t, bytes.len, before, (double)(clock() - start) / CLOCKS_PER_SEC);
            print_message("%s: %s %s\n", entries[i]->d_name, err_name(rc),
                          rc == SLP_OK ? "" : t->err.text);
            arr_batch_fini(&rows);
            pq_file_free(f);
            buf_fini(&bytes);
        }
        free(entries[i]);
    }
    free(entries);
}

T_MAIN(T_TEST(damaged_files_are_refused_or_read_right), T_TEST(bad_files_stay_within_bounds))
