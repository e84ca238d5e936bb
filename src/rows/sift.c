#include <inttypes.h>

#include "rows/rows_priv.h"

/* The JSON of one row. */
#define TEXT_MAX_BYTES ((size_t)1 << 30)

/* A batch is halved so often at most, and each time one half waits. */
#define SPANS_MAX 72

/* Rows of a batch that are to be taken. */
struct span {
    int64_t first;
    int64_t count;
};

/* A batch of one row as a line of NDJSON, without its end. */
static slp_rc print_row(struct alloc *mem, const struct arr_batch *row, struct buf *text,
                        struct slp_err *err)
{
    struct buf_sink sink;
    struct rows_output *out = NULL;
    struct rows_output_options o = {.format = ROWS_NDJSON};
    sink_buf_init(&sink, "row", text);
    TRY(rows_output_new(mem, &sink.base, row->schema, &o, &out, err));
    slp_rc rc = rows_output_batch(out, row, err);
    if (rc == SLP_OK)
        rc = rows_output_finish(out, err);
    rows_output_free(out);
    while (text->len > 0 && text->ptr[text->len - 1] == '\n')
        text->len--;
    return rc;
}

static slp_rc reject_row(const struct rows_sift *s, const struct arr_batch *staged,
                         struct rows_reject *bad, int64_t at, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_batch row = {0};
    struct buf text;
    buf_init(&text, s->mem, TEXT_MAX_BYTES);
    TRY_OUT(arr_batch_init(&row, s->mem, staged->schema, err));
    TRY_OUT(arr_batch_append_run(&row, staged, at, 1, err));
    TRY_OUT(print_row(s->mem, &row, &text, err));
    bad->text = buf_slice(&text);
    rc = s->rejects->take(s->rejects->context, bad, err);
out:
    arr_batch_fini(&row);
    buf_fini(&text);
    return rc;
}

/* Take rows, and ask of each what the caller asks. */
static slp_rc take_and_check(const struct rows_sift *s, struct arr_batch *staged, int64_t first_row,
                             struct arr_batch *out, const char **column, struct slp_err *err)
{
    const struct rows_check *check = s->check;
    TRY(s->take(s->context, staged, first_row, out, column, err));
    for (int64_t row = 0; check && row < out->rows; row++) {
        slp_rc rc = check->row(check->context, out, row, column, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "row %" PRId64, first_row + row + 1);
    }
    return SLP_OK;
}

/* Take a copy of a span, whole or not at all. */
static slp_rc take_span(const struct rows_sift *s, const struct arr_batch *staged, struct span span,
                        int64_t first_row, struct arr_batch *out, struct rows_reject *bad,
                        struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arr_batch copy = {0};
    struct arr_batch piece = {0};
    TRY_OUT(arr_batch_init(&copy, s->mem, staged->schema, err));
    TRY_OUT(arr_batch_append_run(&copy, staged, span.first, span.count, err));
    TRY_OUT(arr_batch_init(&piece, s->mem, out->schema, err));
    TRY_OUT(take_and_check(s, &copy, first_row + span.first, &piece, &bad->column, err));
    if (out->rows > 0) {
        rc = arr_batch_append_run(out, &piece, 0, piece.rows, err);
    } else {
        struct arr_batch blank = *out;
        *out = piece;
        piece = blank;
    }
out:
    arr_batch_fini(&copy);
    arr_batch_fini(&piece);
    return rc;
}

static slp_rc sift_spans(const struct rows_sift *s, const struct arr_batch *staged,
                         int64_t first_row, struct arr_batch *out, struct slp_err *err)
{
    struct span spans[SPANS_MAX];
    size_t count = 0;
    spans[count++] = (struct span){.count = staged->rows};
    while (count > 0) {
        struct span span = spans[--count];
        struct slp_err found = {0};
        struct rows_reject bad = {.file = s->file, .row = first_row + span.first + 1};
        slp_rc rc = take_span(s, staged, span, first_row, out, &bad, &found);
        if (rc == SLP_BAD_INPUT && span.count > 1) {
            int64_t half = span.count / 2;
            assert(count + 2 <= SPANS_MAX);
            spans[count++] = (struct span){span.first + half, span.count - half};
            spans[count++] = (struct span){span.first, half};
            continue;
        }
        bad.reason = found.text;
        if (rc == SLP_BAD_INPUT) {
            TRY(reject_row(s, staged, &bad, span.first, err));
            continue;
        }
        if (rc != SLP_OK && err)
            *err = found;
        TRY(rc);
    }
    return SLP_OK;
}

slp_rc rows_sift(const struct rows_sift *s, struct arr_batch *staged, int64_t first_row,
                 struct arr_batch *out, struct slp_err *err)
{
    const char *column = NULL;
    if (s->rejects)
        return sift_spans(s, staged, first_row, out, err);
    slp_rc rc = take_and_check(s, staged, first_row, out, &column, err);
    return column ? err_wrap(err, rc, "column \"%s\"", column) : rc;
}
