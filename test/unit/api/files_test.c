#include "sleeper/sleeper.h"

#include <stdio.h>

#include "lib/place.h"
#include "lib/t.h"

static const char *const csv = "n,word,value\n"
                               "1,red,north\n"
                               "2,green,south\n"
                               "3,red,\n"
                               "4,,west\n"
                               "5,red,north\n"
                               "6,green,south\n"
                               "7,red,east\n";

static int write_file(void *context, const void *bytes, size_t n)
{
    return fwrite(bytes, 1, n, context) == n ? 0 : -1;
}

static int write_buf(void *context, const void *bytes, size_t n)
{
    return buf_append(context, bytes, n, NULL) == SLP_OK ? 0 : -1;
}

/* Columns of text: `word` in pages of indices, `value` in pages of values. */
static const char *make_parquet(struct t *t, struct place *p)
{
    const struct slp_param encodings[] = {{"word", "RLE_DICTIONARY"}, {"value", "PLAIN"}};
    const struct slp_parquet_options parquet = {.encodings = encodings, .encoding_count = 2};
    const struct slp_output_options out = {.format = "parquet", .parquet = &parquet};
    char path[512];
    struct slp_rows *rows = NULL;
    place_write(p, "a.csv", csv);
    (void)snprintf(path, sizeof path, "%s", place_path(p, "a.csv"));
    const char *const inputs[] = {path, NULL};
    const struct slp_files_options o = {.inputs = inputs};
    assert_ok(t, slp_files_rows(&o, &rows, &t->err));
    FILE *file = fopen(place_path(p, "a.parquet"), "wb");
    assert_non_null(file);
    assert_ok(t, slp_rows_write(rows, &out, write_file, file, NULL, &t->err));
    assert_int_equal(fclose(file), 0);
    slp_rows_close(rows);
    return place_path(p, "a.parquet");
}

static slp_rc open_kept(struct t *t, const char *path, const char *where, struct slp_rows **out)
{
    const char *const inputs[] = {path, NULL};
    const struct slp_files_options o = {
        .inputs = inputs, .where = where, .keep_dictionaries = true};
    return slp_files_rows(&o, out, &t->err);
}

/* The text of a row of an exported dictionary array. */
static struct slice text_of(const struct ArrowArray *a, int64_t row)
{
    const int32_t *indices = a->buffers[1];
    const int32_t *offsets = a->dictionary->buffers[1];
    const char *bytes = a->dictionary->buffers[2];
    int32_t at = indices[row];
    assert_true(at >= 0 && at < a->dictionary->length);
    return slice_of(bytes + offsets[at], (size_t)(offsets[at + 1] - offsets[at]));
}

static void pages_of_indices_and_of_values_are_both_handed_out_as_dictionaries(void **state)
{
    struct t *t = *state;
    struct place place;
    struct slp_rows *rows = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray batch = {0};
    place_make(&place);
    assert_ok(t, open_kept(t, make_parquet(t, &place), NULL, &rows));
    assert_ok(t, slp_rows_stream(rows, &stream, &t->err));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_null(schema.children[0]->dictionary);
    for (int i = 1; i < 3; i++) {
        assert_string_equal(schema.children[i]->format, "i");
        assert_string_equal(schema.children[i]->dictionary->format, "u");
    }
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 7);
    assert_int_equal(batch.children[1]->dictionary->length, 2);
    assert_int_equal(batch.children[2]->dictionary->length, 7); /* a page of values: one each */
    assert_true(slice_is(text_of(batch.children[1], 1), "green"));
    assert_true(slice_is(text_of(batch.children[1], 6), "red"));
    assert_true(slice_is(text_of(batch.children[2], 6), "east"));
    assert_int_equal(batch.children[1]->null_count, 1);
    batch.release(&batch);
    schema.release(&schema);
    stream.release(&stream);
    place_drop(&place);
}

static void rows_that_a_predicate_leaves_share_the_dictionary(void **state)
{
    struct t *t = *state;
    struct place place;
    struct slp_rows *rows = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    place_make(&place);
    const char *where = "word = 'red' AND n > 0";
    assert_ok(t, open_kept(t, make_parquet(t, &place), where, &rows));
    assert_ok(t, slp_rows_stream(rows, &stream, &t->err));
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 4);
    assert_int_equal(batch.children[1]->dictionary->length, 2);
    assert_true(slice_is(text_of(batch.children[1], 3), "red"));
    assert_true(slice_is(text_of(batch.children[2], 2), "north"));
    batch.release(&batch);
    stream.release(&stream);
    place_drop(&place);
}

static void what_is_kept_is_written_as_values_and_not_to_arrow(void **state)
{
    struct t *t = *state;
    static const char *const formats[] = {"csv", "parquet", "arrow"};
    struct place place;
    struct buf out;
    place_make(&place);
    buf_init(&out, &t->mem, 1 << 20);
    const char *path = make_parquet(t, &place);
    for (size_t i = 0; i < 3; i++) {
        const struct slp_output_options o = {.format = formats[i]};
        struct slp_rows *rows = NULL;
        buf_clear(&out);
        assert_ok(t, open_kept(t, path, NULL, &rows));
        slp_rc rc = slp_rows_write(rows, &o, write_buf, &out, NULL, &t->err);
        if (i == 2) {
            assert_int_equal(rc, SLP_UNSUPPORTED);
            assert_err_has(t, "column \"word\" is kept as a dictionary");
        } else {
            assert_ok(t, rc);
        }
        if (i == 0)
            assert_true(slice_is(buf_slice(&out), csv));
        slp_rows_close(rows);
    }
    buf_fini(&out);
    place_drop(&place);
}

T_MAIN(T_TEST(pages_of_indices_and_of_values_are_both_handed_out_as_dictionaries),
       T_TEST(rows_that_a_predicate_leaves_share_the_dictionary),
       T_TEST(what_is_kept_is_written_as_values_and_not_to_arrow))
