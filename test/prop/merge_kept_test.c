/* rooms: merge parquet */
#include <stdlib.h>

#include "arrow/dictionary.h"
#include "key/run.h"
#include "lib/t.h"
#include "merge/kept.h"
#include "merge/merge.h"

/*
 * Merges of inputs whose columns are dictionaries here and plain there, against the same merge of
 * plain rows. A key is a number, then an ordinal, so that each row is another one.
 */

#define INPUTS_MAX 6u

static struct arr_field fields[] = {
    {.name = "key", .type = {.kind = ARR_INT64}},
    {.name = "id", .type = {.kind = ARR_INT64}},
    {.name = "text", .type = {.kind = ARR_UTF8}, .nullable = true},
    {.name = "number", .type = {.kind = ARR_DOUBLE}, .nullable = true},
};
static const struct arr_schema schema = {.fields = fields, .count = 4};
static const struct key_spec spec = {
    .field_count = 2,
    .row_key_count = 1,
    .columns = {0, 1},
    .types = {{.kind = ARR_INT64}, {.kind = ARR_INT64}},
};

/* What an input looks like. */
struct shape {
    uint64_t distinct;
    size_t text_bytes;   /* of each value, before its number */
    uint64_t plain_of_8; /* so many stretches of eight have no dictionary */
    bool has_nulls;
};

/* Blocks, each forgotten when the next is asked for. */
struct blocks {
    struct run base;
    struct alloc *mem;
    struct arr_batch *items;
    struct key_vec *keys;
    size_t count;
    size_t next;
};

static void forget(struct blocks *b, size_t i)
{
    arr_batch_fini(&b->items[i]);
    key_vec_fini(&b->keys[i]);
}

static slp_rc blocks_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct blocks *b = (struct blocks *)(void *)run;
    (void)err;
    if (b->next > 0)
        forget(b, b->next - 1);
    if (b->next == b->count) {
        b->next = b->count = 0;
        return SLP_DONE;
    }
    *out = (struct run_block){.batch = &b->items[b->next], .keys = &b->keys[b->next]};
    b->next++;
    return SLP_OK;
}

static void blocks_close(struct run *run)
{
    struct blocks *b = (struct blocks *)(void *)run;
    for (size_t i = b->next ? b->next - 1 : 0; i < b->count; i++)
        forget(b, i);
    free(b->items);
    free(b->keys);
    *b = (struct blocks){0};
}

/* Values of a stretch of blocks, some of which no row may name. */
static struct arr_dictionary *make_dictionary(struct t *t, const struct shape *s, size_t column)
{
    struct arr_dictionary *d = NULL;
    struct buf text;
    buf_init(&text, &t->mem, 1 << 20);
    assert_ok(t, arr_dictionary_new(&t->mem, fields[column].type, &d, &t->err));
    uint64_t count = 1 + t_below(t, s->distinct);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = t_below(t, s->distinct);
        if (column == 3) {
            assert_ok(t, arr_col_append_f64(&d->values, (double)value / 4, &t->err));
            continue;
        }
        buf_clear(&text);
        assert_ok(t, buf_resize(&text, s->text_bytes, &t->err));
        assert_ok(t, buf_printf(&text, &t->err, "%u", (unsigned)value));
        assert_ok(t, arr_col_append(&d->values, buf_slice(&text), &t->err));
    }
    buf_fini(&text);
    return d;
}

static void fill_column(struct t *t, const struct shape *s, struct arr_dictionary *d, int64_t rows,
                        struct arr_col *out)
{
    arr_col_set_dictionary(out, d);
    for (int64_t i = 0; i < rows; i++) {
        uint32_t index = (uint32_t)t_below(t, (uint64_t)d->values.rows);
        if (s->has_nulls && t_below(t, 6) == 0)
            assert_ok(t, arr_col_append_null(out, &t->err));
        else
            assert_ok(t, arr_col_append_indices(out, &index, 1, &t->err));
    }
}

/* One block behind the key `*key`. */
static void fill_block(struct t *t, const struct shape *s, struct arr_dictionary **dictionaries,
                       int64_t *key, struct arr_batch *out)
{
    static int64_t id;
    int64_t rows = 1 + (int64_t)t_below(t, 60);
    for (int64_t i = 0; i < rows; i++) {
        *key += (int64_t)t_below(t, 3);
        assert_ok(t, arr_col_append_i64(&out->cols[0], *key, &t->err));
        assert_ok(t, arr_col_append_i64(&out->cols[1], id++, &t->err));
    }
    for (size_t c = 2; c < 4; c++)
        fill_column(t, s, dictionaries[c - 2], rows, &out->cols[c]);
    out->rows = rows;
}

/* Two runs of the same rows: some of its dictionaries stay, and all rows are plain. */
static void make_input(struct t *t, const struct shape *s, struct blocks *kept,
                       struct blocks *plain)
{
    static const struct run_ops ops = {.next = blocks_next, .close = blocks_close};
    size_t count = 1 + t_below(t, 20);
    struct arr_dictionary *dictionaries[2] = {NULL, NULL};
    bool stay[2] = {false, false};
    int64_t key = 0;
    *kept = (struct blocks){.base = {.ops = &ops}, .mem = &t->mem, .count = count};
    kept->items = calloc(count, sizeof *kept->items);
    kept->keys = calloc(count, sizeof *kept->keys);
    *plain = *kept;
    plain->items = calloc(count, sizeof *plain->items);
    plain->keys = calloc(count, sizeof *plain->keys);
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 2 && i % 4 == 0; c++) {
            arr_dictionary_unref(dictionaries[c]);
            dictionaries[c] = make_dictionary(t, s, c + 2);
            stay[c] = t_below(t, 8) >= s->plain_of_8;
        }
        for (size_t way = 0; way < 2; way++)
            assert_ok(t, arr_batch_init(way ? &plain->items[i] : &kept->items[i], &t->mem, &schema,
                                        &t->err));
        fill_block(t, s, dictionaries, &key, &kept->items[i]);
        assert_ok(t, arr_batch_append_run(&plain->items[i], &kept->items[i], 0, kept->items[i].rows,
                                          &t->err));
        for (size_t c = 0; c < 2; c++)
            if (!stay[c])
                assert_ok(t, arr_col_decode_dictionary(&kept->items[i].cols[c + 2], &t->err));
        for (size_t way = 0; way < 2; way++) {
            struct blocks *b = way ? plain : kept;
            key_vec_init(&b->keys[i], &t->mem, 1 << 26);
            assert_ok(
                t, key_encode_rows(&spec, &b->items[i], 0, b->items[i].rows, &b->keys[i], &t->err));
        }
    }
    for (size_t c = 0; c < 2; c++)
        arr_dictionary_unref(dictionaries[c]);
}

static void assert_same_rows(struct t *t, const struct arr_batch *got, const struct arr_batch *want)
{
    assert_int_equal(got->rows, want->rows);
    for (size_t c = 0; c < schema.count; c++) {
        const struct arr_col *col = &got->cols[c];
        assert_int_equal(col->rows, want->cols[c].rows);
        assert_int_equal(col->null_count, want->cols[c].null_count);
        for (int64_t i = 0; i < got->rows; i++) {
            assert_int_equal(arr_col_is_null(col, i), arr_col_is_null(&want->cols[c], i));
            if (!arr_col_is_null(col, i))
                assert_true(slice_equal(arr_col_bytes(col, i), arr_col_bytes(&want->cols[c], i)));
        }
    }
    (void)t;
}

static struct merge *open_merge(struct t *t, struct blocks *inputs, size_t count)
{
    struct run *runs[INPUTS_MAX];
    struct merge *m = NULL;
    for (size_t i = 0; i < count; i++)
        runs[i] = &inputs[i].base;
    assert_ok(t, merge_new(&t->mem, &schema, runs, count, &m, &t->err));
    return m;
}

struct seen {
    int64_t kept; /* batches whose texts were a dictionary, and others */
    int64_t plain;
};

/* Merge all, batch by batch, as row groups are filled; `most` is what a batch may take. */
static void merge_both(struct t *t, const struct shape *s, size_t count, size_t most,
                       struct seen *seen)
{
    struct blocks kept[INPUTS_MAX];
    struct blocks plain[INPUTS_MAX];
    struct arr_batch got;
    struct arr_batch want;
    slp_rc rc = SLP_OK;
    for (size_t i = 0; i < count; i++)
        make_input(t, s, &kept[i], &plain[i]);
    struct merge *a = open_merge(t, kept, count);
    struct merge *b = open_merge(t, plain, count);
    assert_ok(t, arr_batch_init(&got, &t->mem, &schema, &t->err));
    assert_ok(t, arr_batch_init(&want, &t->mem, &schema, &t->err));
    while (rc == SLP_OK) {
        int64_t rows = 1 + (int64_t)t_below(t, 900);
        arr_batch_clear(&got);
        arr_batch_clear(&want);
        while (rc == SLP_OK && got.rows < rows && merge_bytes(a, &got) < most)
            rc = merge_next(a, rows - got.rows, most, &got, NULL, &t->err);
        while (want.rows < got.rows)
            assert_ok(t, merge_next(b, got.rows - want.rows, SIZE_MAX, &want, NULL, &t->err));
        assert_same_rows(t, &got, &want);
        seen->kept += got.rows > 0 && got.cols[2].dictionary;
        seen->plain += got.rows > 0 && !got.cols[2].dictionary;
        /* What it is said to take is about what its rows take. */
        size_t plain_bytes = arr_batch_memory(&want);
        size_t said = merge_bytes(a, &got);
        assert_true(said <= 2 * plain_bytes + 65536 && plain_bytes <= 2 * said + 65536);
    }
    assert_rc(t, rc, SLP_DONE);
    arr_batch_clear(&want);
    assert_rc(t, merge_next(b, 1, SIZE_MAX, &want, NULL, &t->err), SLP_DONE);
    merge_free(a);
    merge_free(b);
    arr_batch_fini(&got);
    arr_batch_fini(&want);
}

static void dictionaries_that_stay_are_the_rows_of_plain_ones(void **state)
{
    struct t *t = *state;
    static const struct shape shapes[] = {
        {10, 0, 0, false}, {300, 3, 0, true}, {20, 5, 2, true}, {5, 0, 8, true}, {40, 20, 5, false},
    };
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct seen seen = {0};
        for (int round = 0; round < 12; round++)
            merge_both(t, &shapes[k], 1 + t_below(t, INPUTS_MAX), SIZE_MAX, &seen);
        assert_true(shapes[k].plain_of_8 == 0 ? seen.plain == 0 : seen.plain > 0);
        assert_true(shapes[k].plain_of_8 == 8 ? seen.kept == 0 : seen.kept > 0);
    }
}

static void values_without_room_are_decoded(void **state)
{
    struct t *t = *state;
    static const struct shape large = {60, 4000, 1, true};
    struct seen seen = {0};
    for (int round = 0; round < 6; round++)
        merge_both(t, &large, 4, SIZE_MAX, &seen);
    assert_true(seen.plain > 0 && seen.kept > 0);
    /* A batch of a megabyte has room for a quarter of that. */
    seen = (struct seen){0};
    for (int round = 0; round < 6; round++)
        merge_both(t, &large, 4, 1 << 20, &seen);
    assert_true(seen.plain > 0);
}

static void merging_dictionaries_survives_every_fault(void **state)
{
    struct t *t = *state;
    static const struct shape shape = {30, 3000, 3, true};
    struct blocks kept[3];
    struct blocks plain[3];
    T_FAULT_LOOP(t) {
        struct merge *m = NULL;
        struct arr_batch got = {0};
        struct run *runs[3] = {&kept[0].base, &kept[1].base, &kept[2].base};
        t->fault_armed = false;
        for (size_t i = 0; i < 3; i++) {
            make_input(t, &shape, &kept[i], &plain[i]);
            run_close(&plain[i].base);
        }
        assert_ok(t, arr_batch_init(&got, &t->mem, &schema, &t->err));
        t->fault_armed = true;
        slp_rc rc = merge_new(&t->mem, &schema, runs, 3, &m, &t->err);
        while (rc == SLP_OK)
            rc = merge_next(m, 500, SIZE_MAX, &got, NULL, &t->err);
        assert_rc(t, rc, t->fault_hit ? SLP_NO_MEMORY : SLP_DONE);
        merge_free(m);
        arr_batch_fini(&got);
    }
}

T_MAIN(T_TEST(dictionaries_that_stay_are_the_rows_of_plain_ones),
       T_TEST(values_without_room_are_decoded), T_TEST(merging_dictionaries_survives_every_fault))
