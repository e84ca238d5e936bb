#include "predicate/pick.h"

#include "arrow/dictionary.h"

void pred_picker_init(struct pred_picker *p, struct alloc *mem)
{
    *p = (struct pred_picker){.mem = mem};
    buf_init(&p->truth, mem, SIZE_MAX / 2);
    buf_init(&p->room, mem, SIZE_MAX / 2);
}

void pred_picker_fini(struct pred_picker *p)
{
    buf_fini(&p->truth);
    buf_fini(&p->room);
}

static bool has_dictionary(const struct arr_batch *batch)
{
    for (size_t i = 0; i < batch->schema->count; i++) {
        if (batch->cols[i].dictionary)
            return true;
    }
    return false;
}

/* A plain copy of a column that is kept as a dictionary. */
static slp_rc copy_plain(struct alloc *mem, const struct arr_col *from, struct arr_col *out,
                         struct slp_err *err)
{
    struct arr_col plain;
    arr_col_init(&plain, mem, from->type);
    slp_rc rc = arr_col_append_run(&plain, from, 0, from->rows, err);
    if (rc == SLP_OK)
        rc = arr_col_decode_dictionary(&plain, err);
    if (rc != SLP_OK) {
        arr_col_fini(&plain);
        return rc;
    }
    *out = plain;
    return SLP_OK;
}

/* Evaluate over plain copies of the dictionaries that the predicate reads. */
static slp_rc eval_decoded(struct pred_picker *p, const struct pred *pred,
                           const struct arr_batch *batch, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    size_t count = batch->schema->count;
    size_t seen = 0;
    bool *used = NULL;
    struct arr_batch plain = *batch;
    plain.cols = NULL;
    TRY_OUT(alloc_array(p->mem, count, sizeof *used, (void **)&used, err));
    TRY_OUT(alloc_array(p->mem, count, sizeof *plain.cols, (void **)&plain.cols, err));
    pred_columns(pred, used);
    for (; seen < count; seen++) {
        plain.cols[seen] = batch->cols[seen];
        if (used[seen] && batch->cols[seen].dictionary)
            TRY_OUT(copy_plain(p->mem, &batch->cols[seen], &plain.cols[seen], err));
    }
    rc = pred_eval(pred, &plain, p->mem, p->truth.ptr, err);
out:
    for (size_t i = 0; i < seen; i++) {
        if (used[i] && batch->cols[i].dictionary)
            arr_col_fini(&plain.cols[i]);
    }
    alloc_free(p->mem, plain.cols, count * sizeof *plain.cols);
    alloc_free(p->mem, used, count * sizeof *used);
    return rc;
}

slp_rc pred_pick(struct pred_picker *p, const struct pred *pred, const struct arr_batch *batch,
                 int64_t most, struct slp_err *err)
{
    size_t rows = (size_t)batch->rows;
    int64_t n = 0;
    TRY(buf_resize(&p->truth, rows, err));
    if (has_dictionary(batch))
        TRY(eval_decoded(p, pred, batch, err));
    else
        TRY(pred_eval(pred, batch, p->mem, p->truth.ptr, err));
    /* One place more: what stands behind the last row that is picked is written and not counted. */
    TRY(buf_resize(&p->room, (rows + 1) * sizeof(uint32_t), err));
    uint32_t *picked = (uint32_t *)(void *)p->room.ptr;
    for (size_t i = 0; i < rows && n < most; i++) {
        picked[n] = (uint32_t)i;
        n += p->truth.ptr[i] == PRED_TRUE;
    }
    p->rows = picked;
    p->count = n;
    return SLP_OK;
}
