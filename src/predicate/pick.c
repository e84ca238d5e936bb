#include "predicate/pick.h"

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

slp_rc pred_pick(struct pred_picker *p, const struct pred *pred, const struct arr_batch *batch,
                 int64_t most, struct slp_err *err)
{
    size_t rows = (size_t)batch->rows;
    int64_t n = 0;
    TRY(buf_resize(&p->truth, rows, err));
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
