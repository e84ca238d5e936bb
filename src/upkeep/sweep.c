#include "upkeep/sweep.h"

#include "base/num.h"

#define WORK_MAX_BYTES ((size_t)4 << 30)
#define PAGE_OBJECTS   1000u

void upkeep_sweep_init(struct sweep *w, struct store *store,
                       const struct upkeep_gc_options *options, struct alloc *mem,
                       struct upkeep_gc_result *result)
{
    *w = (struct sweep){.store = store,
                        .mem = mem,
                        .options = options,
                        .most = SIZE_MAX,
                        .batch = PAGE_OBJECTS,
                        .now_us = store_now_us(store),
                        .result = result};
    arena_init(&w->arena, mem, WORK_MAX_BYTES);
}

void upkeep_sweep_fini(struct sweep *w)
{
    alloc_free(w->mem, w->items, w->room * sizeof *w->items);
    arena_fini(&w->arena);
}

static slp_rc check_cancel(const struct sweep *w, struct slp_err *err)
{
    if (w->options->cancel && *w->options->cancel)
        FAIL(err, CANCELLED, "cancelled");
    return SLP_OK;
}

/* ------------------------------------------------------------------ listing */

static slp_rc one_page(struct sweep *w, struct slice prefix, struct state_name *after, sweep_fn fn,
                       void *context, size_t *count, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena page;
    struct store_item *items = NULL;
    arena_init(&page, w->mem, WORK_MAX_BYTES);
    TRY_OUT(store_list(w->store, prefix, state_name_slice(after), PAGE_OBJECTS, &page, &items,
                       count, err));
    for (size_t i = 0; i < *count; i++)
        TRY_OUT(fn(context, &items[i], err));
    if (*count > 0) {
        after->len = num_min_size(items[*count - 1].name.len, STORE_NAME_MAX);
        memcpy(after->text, items[*count - 1].name.ptr, after->len);
    }
out:
    arena_fini(&page);
    return rc;
}

slp_rc upkeep_sweep_each(struct sweep *w, struct slice prefix, sweep_fn fn, void *context,
                         struct slp_err *err)
{
    struct state_name after = {.len = 0};
    for (size_t count = PAGE_OBJECTS; count == PAGE_OBJECTS;) {
        TRY(check_cancel(w, err));
        TRY(one_page(w, prefix, &after, fn, context, &count, err));
    }
    return SLP_OK;
}

static slp_rc grow(struct sweep *w, struct slp_err *err)
{
    void *room = NULL;
    size_t more = w->room ? w->room * 2 : 64;
    TRY(alloc_array(w->mem, more, sizeof *w->items, &room, err));
    if (w->count)
        memcpy(room, w->items, w->count * sizeof *w->items);
    alloc_free(w->mem, w->items, w->room * sizeof *w->items);
    w->items = room;
    w->room = more;
    return SLP_OK;
}

slp_rc upkeep_sweep_add(struct sweep *w, const struct store_item *item, const char *why,
                        struct slp_err *err)
{
    if (w->count >= w->most) {
        w->is_capped = true;
        return SLP_OK;
    }
    if (w->count == w->room)
        TRY(grow(w, err));
    struct sweep_item *to = &w->items[w->count];
    TRY(arena_copy(&w->arena, item->name, &to->object, err));
    to->bytes = item->size;
    to->modified_us = item->modified_us;
    to->why = why;
    w->count++;
    return SLP_OK;
}

/* ------------------------------------------------------------------ deleting */

static slp_rc tell(struct sweep *w, const struct sweep_item *item, struct slp_err *err)
{
    int64_t age_us = w->now_us > item->modified_us ? w->now_us - item->modified_us : 0;
    struct upkeep_garbage g = {.object = item->object,
                               .bytes = item->bytes,
                               .why = slice_str(item->why),
                               .age_s = age_us / SWEEP_SECOND_US};
    w->result->objects++;
    w->result->bytes += item->bytes;
    return w->options->told ? w->options->told(w->options->context, &g, err) : SLP_OK;
}

static slp_rc delete_batch(struct sweep *w, struct sweep_item *const *batch, size_t count,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store_request *requests = NULL;
    void *room = NULL;
    TRY(alloc_array(w->mem, count, sizeof *requests, &room, err));
    requests = room;
    for (size_t i = 0; i < count; i++)
        requests[i] = (struct store_request){.verb = STORE_DELETE, .name = batch[i]->object};
    TRY_OUT(store_submit(w->store, requests, count, err));
    TRY_OUT(store_wait(w->store, requests, count, NULL, err));
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK) {
            rc = err_set(err, requests[i].rc, "%s", requests[i].err.text);
            goto out;
        }
        TRY_OUT(tell(w, batch[i], err));
    }
out:
    alloc_free(w->mem, requests, count * sizeof *requests);
    return rc;
}

slp_rc upkeep_sweep_run(struct sweep *w, struct slp_err *err)
{
    struct sweep_item *batch[PAGE_OBJECTS];
    size_t most = num_min_size(w->batch ? w->batch : 1, PAGE_OBJECTS);
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].why && w->options->dry_run)
            TRY(tell(w, &w->items[i], err));
        else if (w->items[i].why)
            batch[n++] = &w->items[i];
        if (n > 0 && (n == most || i + 1 == w->count)) {
            TRY(check_cancel(w, err));
            TRY(delete_batch(w, batch, n, err));
            n = 0;
        }
    }
    return SLP_OK;
}
