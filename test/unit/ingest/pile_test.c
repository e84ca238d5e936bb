/*
 * Piles: rows in no order, arranged by stretches of keys and sorted bin by bin, come out as one sort
 * of all of them has them, whatever their keys look like, in memory and spilled.
 */
#include "ingest/pile.h"

#include <stdio.h>
#include <string.h>

#include "ingest/bins.h"
#include "ingest/spill.h"
#include "ingest/stretch.h"
#include "lib/place.h"
#include "lib/t.h"

/* Key k: string; the ordinal v; what follows from it: a nullable string w and a truth b. */
static struct arr_field fields[] = {
    {.name = "k", .type = {.kind = ARR_UTF8}},
    {.name = "v", .type = {.kind = ARR_INT64}},
    {.name = "w", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "b", .type = {.kind = ARR_BOOL}},
};
static const struct arr_schema schema = {.fields = fields, .count = 4};
static const struct key_spec spec = {
    .field_count = 1, .row_key_count = 1, .columns = {0}, .types = {{.kind = ARR_UTF8}}};

enum shape { EVEN, FEW, PREFIXED, ZEROS, EQUAL, ASCENDING, SHAPES };

static struct slice make_key(struct t *t, enum shape shape, int64_t ordinal, char *key, size_t room)
{
    size_t len = 10;
    switch (shape) {
    case EVEN:
        for (size_t i = 0; i < len; i++)
            key[i] = (char)('a' + t_below(t, 26));
        break;
    case FEW:
        len = (size_t)snprintf(key, room, "%.*s", (int)t_below(t, 4), "abcd");
        break;
    case PREFIXED: /* but for some */
        len = (size_t)snprintf(key, room, "%s%05d",
                               t_below(t, 20) ? "https://a-host.example.com/items/" : "ftp://",
                               (int)t_below(t, 100000));
        break;
    case ZEROS:
        for (size_t i = 0; i < len; i++)
            key[i] = (char)(t_below(t, 3) ? 'a' + t_below(t, 3) : 0);
        break;
    case EQUAL:
        memset(key, 'x', len);
        break;
    default:
        len = (size_t)snprintf(key, room, "%012lld", (long long)ordinal);
        break;
    }
    return slice_of(key, len);
}

static slp_rc make_batch(struct t *t, enum shape shape, int64_t ordinal, int64_t count,
                         struct arr_batch *out)
{
    TRY(arr_batch_init(out, &t->mem, &schema, &t->err));
    for (int64_t v = ordinal; v < ordinal + count; v++) {
        char text[64];
        TRY(arr_col_append(&out->cols[0], make_key(t, shape, v, text, sizeof text), &t->err));
        TRY(arr_col_append_i64(&out->cols[1], v, &t->err));
        (void)snprintf(text, sizeof text, "%lld", (long long)v);
        TRY(v % 7 ? arr_col_append(&out->cols[2], slice_str(text), &t->err)
                  : arr_col_append_null(&out->cols[2], &t->err));
        TRY(arr_col_append_bool(&out->cols[3], v % 3 == 0, &t->err));
        out->rows++;
    }
    return SLP_OK;
}

/* Parts of the input go to piles in turns: some are large, some small. */
static slp_rc fill(struct t *t, enum shape shape, int64_t parts, int64_t large,
                   struct ingest_pile **piles, size_t count)
{
    int64_t ordinal = 0;
    for (int64_t i = 0; i < parts; i++) {
        int64_t rows = i % 3 == 0 ? large : 1 + (int64_t)t_below(t, 50);
        struct arr_batch batch = {0};
        slp_rc rc = make_batch(t, shape, ordinal, rows, &batch);
        if (rc == SLP_OK)
            rc = ingest_pile_add(piles[(size_t)i % count], &batch, (uint64_t)ordinal, &t->err);
        arr_batch_fini(&batch);
        TRY(rc);
        ordinal += rows;
    }
    for (size_t i = 0; i < count; i++)
        TRY(ingest_pile_end(piles[i], &t->err));
    return SLP_OK;
}

static uint64_t ordinal_of(struct t *t, const struct run_block *block, int64_t row)
{
    struct key_vec key;
    key_vec_init(&key, alloc_system(), 1 << 20); /* which has no faults */
    if (block->columns)
        assert_ok(t, key_columns_encode(block->columns, row, 1, &key, &t->err));
    struct slice s = block->columns ? key_at(&key, 0) : key_at(block->keys, row);
    uint64_t ordinal = num_load_u64be(s.ptr + s.len - INGEST_ORDINAL_BYTES);
    key_vec_fini(&key);
    return ordinal;
}

/* Looks at what follows from a row's ordinal. */
static void expect_row(const struct arr_batch *b, int64_t row)
{
    char text[32];
    int64_t v = arr_col_i64(&b->cols[1], row);
    (void)snprintf(text, sizeof text, "%lld", (long long)v);
    assert_int_equal(arr_col_is_null(&b->cols[2], row), v % 7 == 0);
    if (v % 7)
        assert_int_equal(slice_compare(arr_col_bytes(&b->cols[2], row), slice_str(text)), 0);
    assert_int_equal(arr_col_i64(&b->cols[3], row), v % 3 == 0);
}

/* All rows of a run, which is closed: by key, then by ordinal, none missing. */
static slp_rc read_all(struct t *t, struct run *run, int64_t rows)
{
    struct run_block block;
    char last[64] = "";
    struct slice key = slice_of(last, 0);
    int64_t number = -1;
    int64_t seen = 0;
    int64_t sum = 0;
    slp_rc rc = run_next(run, &block, &t->err);
    for (; rc == SLP_OK; rc = run_next(run, &block, &t->err)) {
        for (int64_t i = 0; i < block.batch->rows; i++, seen++) {
            struct slice next = arr_col_bytes(&block.batch->cols[0], i);
            int64_t v = arr_col_i64(&block.batch->cols[1], i);
            int order = slice_compare(key, next);
            assert_true(order < 0 || (order == 0 && number < v));
            if (seen % 97 == 0)
                assert_int_equal(ordinal_of(t, &block, i), v);
            expect_row(block.batch, i);
            memcpy(last, next.ptr, next.len);
            key.len = next.len;
            number = v;
            sum += v;
        }
    }
    run_close(run);
    if (rc == SLP_DONE) {
        assert_int_equal(seen, rows);
        assert_int_equal(sum, rows * (rows - 1) / 2);
    }
    return rc == SLP_DONE ? SLP_OK : rc;
}

static int64_t rows_of(struct ingest_pile *const *piles, size_t count)
{
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += piles[i]->rows;
    return rows;
}

/* Cut into stretches of `want` rows, arrange by `threads`, and read all bins. */
static slp_rc sort_and_read(struct t *t, struct ingest_pile *const *piles, size_t count,
                            int64_t want, size_t threads)
{
    struct arena arena;
    struct ingest_stretches cut = {0};
    struct ingest_sieve sieve = {0};
    struct run *run = NULL;
    struct ingest_cuttable from = {.spec = &spec, .piles = piles, .pile_count = count};
    struct ingest_arrange_options o = {
        .piles = piles, .count = count, .sieve = &sieve, .threads = threads};
    arena_init(&arena, &t->mem, SIZE_MAX / 4);
    slp_rc rc = ingest_cut(&from, want, &t->mem, &arena, &cut, &t->err);
    if (rc == SLP_OK)
        rc = ingest_sieve_init(&sieve, &t->mem, cut.items, cut.count, &t->err);
    if (rc == SLP_OK)
        rc = ingest_piles_arrange(piles[0]->mem, &o, &t->err);
    const struct ingest_bins bins = {.piles = piles, .pile_count = count, .end = cut.count};
    if (rc == SLP_OK)
        rc = ingest_bins_open(&bins, &t->mem, &run, &t->err);
    if (rc == SLP_OK)
        rc = read_all(t, run, rows_of(piles, count));
    ingest_sieve_fini(&sieve);
    arena_fini(&arena);
    return rc;
}

static void rows_come_out_sorted_whatever_their_keys(void **state)
{
    struct t *t = *state;
    for (int shape = 0; shape < SHAPES; shape++) {
        struct ingest_pile a;
        struct ingest_pile b;
        struct ingest_pile *piles[] = {&a, &b};
        /* What several threads allocate from is not the test's. */
        for (size_t i = 0; i < 2; i++)
            assert_ok(t, ingest_pile_init(piles[i], alloc_system(), &schema, &spec, &t->err));
        assert_ok(t, fill(t, (enum shape)shape, 9, 17000, piles, 2));
        assert_true(ingest_pile_blocks(&a) > 1);
        assert_ok(t, sort_and_read(t, piles, 2, shape % 2 ? 1000 : 4000, 1 + (size_t)shape % 2));
        ingest_pile_fini(&a);
        ingest_pile_fini(&b);
    }
}

static void texts_of_one_length_have_no_offsets(void **state)
{
    struct t *t = *state;
    struct ingest_pile p;
    struct ingest_pile *piles[] = {&p};
    assert_ok(t, ingest_pile_init(&p, &t->mem, &schema, &spec, &t->err));
    assert_ok(t, fill(t, EVEN, 1, 20000, piles, 1));
    const struct ingest_block *block = ingest_pile_block(&p, 0);
    assert_int_equal(block->widths[0], 10);
    assert_int_equal(block->widths[1], 0);
    assert_int_equal(block->rows.cols[0].offsets.len, 0);
    assert_true(block->rows.cols[2].offsets.len > 0);
    assert_int_equal(block->rows.cols[0].data.cap, 10 * (size_t)block->rows.rows);
    /* Others of another length beside them. */
    assert_ok(t, fill(t, ASCENDING, 1, 20000, piles, 1));
    ingest_pile_clear(&p);
    assert_int_equal(p.bytes, 0);
    ingest_pile_fini(&p);
}

static void columns_of_several_lengths_are_sorted_together(void **state)
{
    struct t *t = *state;
    struct ingest_pile p;
    struct ingest_pile *piles[] = {&p};
    struct arr_batch batch = {0};
    assert_ok(t, ingest_pile_init(&p, &t->mem, &schema, &spec, &t->err));
    assert_ok(t, make_batch(t, EVEN, 0, 17000, &batch));
    assert_ok(t, ingest_pile_add(&p, &batch, 0, &t->err));
    arr_batch_fini(&batch);
    assert_ok(t, make_batch(t, ASCENDING, 17000, 17000, &batch));
    assert_ok(t, ingest_pile_add(&p, &batch, 17000, &t->err));
    arr_batch_fini(&batch);
    assert_ok(t, sort_and_read(t, piles, 1, 3000, 1));
    ingest_pile_fini(&p);
}

static void a_pile_is_spilled_as_one_run(void **state)
{
    struct t *t = *state;
    struct place place;
    place_make(&place);
    const struct ingest_spill_options o = {
        .folder = place.path, .schema = &schema, .spec = &spec, .block_bytes = 4096};
    for (int shape = 0; shape < SHAPES; shape++) {
        struct ingest_pile p;
        struct ingest_pile *piles[] = {&p};
        struct run *run = NULL;
        assert_ok(t, ingest_pile_init(&p, &t->mem, &schema, &spec, &t->err));
        assert_ok(t, fill(t, (enum shape)shape, 4, 17000, piles, 1));
        int64_t rows = p.rows;
        assert_ok(t, ingest_spill_pile(&t->mem, &o, &p, &run, &t->err));
        assert_int_equal(p.rows, 0);
        assert_true(ingest_is_spilled_run(run));
        assert_ok(t, read_all(t, run, rows));
        ingest_pile_fini(&p);
    }
    place_drop(&place);
}

static void keys_that_cannot_be_are_refused(void **state)
{
    struct t *t = *state;
    struct ingest_pile p;
    struct arr_batch batch = {0};
    char *key = calloc(1, KEY_MAX_BYTES + 1);
    assert_non_null(key);
    memset(key, 'x', KEY_MAX_BYTES + 1);
    assert_ok(t, ingest_pile_init(&p, &t->mem, &schema, &spec, &t->err));
    assert_ok(t, make_batch(t, EVEN, 0, 1, &batch));
    assert_ok(t, arr_col_append(&batch.cols[0], slice_of(key, KEY_MAX_BYTES + 1), &t->err));
    assert_ok(t, arr_col_append_i64(&batch.cols[1], 1, &t->err));
    assert_ok(t, arr_col_append_null(&batch.cols[2], &t->err));
    assert_ok(t, arr_col_append_bool(&batch.cols[3], false, &t->err));
    batch.rows++;
    assert_rc(t, ingest_pile_add(&p, &batch, 0, &t->err), SLP_LIMIT);
    arr_batch_fini(&batch);
    assert_ok(t, arr_batch_init(&batch, &t->mem, &schema, &t->err));
    assert_ok(t, arr_col_append_null(&batch.cols[0], &t->err));
    assert_ok(t, arr_col_append_i64(&batch.cols[1], 1, &t->err));
    assert_ok(t, arr_col_append_null(&batch.cols[2], &t->err));
    assert_ok(t, arr_col_append_bool(&batch.cols[3], false, &t->err));
    batch.rows++;
    assert_rc(t, ingest_pile_add(&p, &batch, 0, &t->err), SLP_BAD_INPUT);
    arr_batch_fini(&batch);
    ingest_pile_fini(&p);
    free(key);
}

static slp_rc fill_and_read(struct t *t, enum shape shape, const char *folder)
{
    struct ingest_pile p = {0};
    struct ingest_pile *piles[] = {&p};
    struct run *run = NULL;
    const struct ingest_spill_options o = {
        .folder = folder, .schema = &schema, .spec = &spec, .block_bytes = 1000};
    slp_rc rc = ingest_pile_init(&p, &t->mem, &schema, &spec, &t->err);
    if (rc == SLP_OK)
        rc = fill(t, shape, 2, 300, piles, 1);
    int64_t rows = p.rows;
    if (rc == SLP_OK)
        rc = folder ? ingest_spill_pile(&t->mem, &o, &p, &run, &t->err)
                    : sort_and_read(t, piles, 1, 200, 1);
    if (rc == SLP_OK && folder)
        rc = read_all(t, run, rows);
    ingest_pile_fini(&p);
    return rc;
}

static void piles_survive_every_fault(void **state)
{
    struct t *t = *state;
    struct place place;
    place_make(&place);
    for (int shape = 0; shape < ASCENDING; shape += 3) {
        T_FAULT_LOOP(t) {
            slp_rc rc = fill_and_read(t, (enum shape)shape, NULL);
            assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        }
        T_FAULT_LOOP(t) {
            slp_rc rc = fill_and_read(t, (enum shape)shape, place.path);
            assert_true(t->fault_hit ? rc == SLP_NO_MEMORY : rc == SLP_OK);
        }
    }
    place_drop(&place);
}

T_MAIN(T_TEST(rows_come_out_sorted_whatever_their_keys),
       T_TEST(texts_of_one_length_have_no_offsets),
       T_TEST(columns_of_several_lengths_are_sorted_together), T_TEST(a_pile_is_spilled_as_one_run),
       T_TEST(keys_that_cannot_be_are_refused), T_TEST(piles_survive_every_fault))
