#include "datafile/file_priv.h"

slp_rc datafile_space_take(struct datafile *f, struct datafile_space **out, struct slp_err *err)
{
    if (f->idle) {
        *out = f->idle;
        f->idle = NULL;
        return SLP_OK;
    }
    struct datafile_space *s = NULL;
    TRY(alloc_new(f->mem, &s, err));
    key_vec_init(&s->keys, f->mem, SIZE_MAX / 4);
    key_vec_init(&s->probe, f->mem, SIZE_MAX / 4);
    arr_col_init(&s->millis, f->mem, (struct arr_type){.kind = ARR_TIMESTAMP, .unit = ARR_MILLI});
    buf_init(&s->last_key, f->mem, KEY_MAX_BYTES);
    buf_init(&s->window, f->mem, SIZE_MAX / 2);
    slp_rc rc = arr_batch_init(&s->wide, f->mem, &f->schema->columns, err);
    if (rc == SLP_OK)
        rc = arr_batch_init(&s->clipped, f->mem, &f->schema->columns, err);
    if (rc == SLP_OK)
        rc = pq_scratch_init(&s->scratch, f->mem, true, err);
    s->has_scratch = rc == SLP_OK;
    if (rc == SLP_OK && f->has_nested)
        rc = alloc_array(f->mem, f->schema->columns.count, sizeof *s->nested, (void **)&s->nested,
                         err);
    if (rc != SLP_OK) {
        datafile_space_free(f, s);
        return rc;
    }
    *out = s;
    return SLP_OK;
}

void datafile_space_free(struct datafile *f, struct datafile_space *s)
{
    if (!s)
        return;
    if (s->has_scratch)
        pq_scratch_fini(&s->scratch);
    for (size_t i = 0; s->nested && i < f->schema->columns.count; i++) {
        if (s->nested[i].node)
            pq_nested_fini(&s->nested[i]);
    }
    alloc_free(f->mem, s->nested, s->nested ? f->schema->columns.count * sizeof *s->nested : 0);
    arr_batch_fini(&s->wide);
    arr_batch_fini(&s->clipped);
    arr_col_fini(&s->millis);
    key_vec_fini(&s->keys);
    key_vec_fini(&s->probe);
    buf_fini(&s->last_key);
    buf_fini(&s->window);
    alloc_delete(f->mem, s);
}

void datafile_space_give(struct datafile *f, struct datafile_space *s, bool is_small)
{
    if (!s || !is_small || f->idle) {
        datafile_space_free(f, s);
        return;
    }
    f->idle = s;
}
