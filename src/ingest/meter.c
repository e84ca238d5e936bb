#include "ingest/meter.h"

static void *meter_resize(struct alloc *self, void *ptr, size_t old_bytes, size_t new_bytes)
{
    struct ingest_meter *m = (struct ingest_meter *)(void *)self;
    void *out = m->mem->resize(m->mem, ptr, old_bytes, new_bytes);
    if (new_bytes > 0 && !out)
        return NULL;
    /* Less of it wraps around, and comes out right. */
    (void)__atomic_add_fetch(&m->bytes, new_bytes - (ptr ? old_bytes : 0), __ATOMIC_RELAXED);
    return out;
}

void ingest_meter_init(struct ingest_meter *m, struct alloc *mem)
{
    *m = (struct ingest_meter){.base = {.resize = meter_resize}, .mem = mem};
}

size_t ingest_meter_bytes(const struct ingest_meter *m)
{
    return __atomic_load_n(&m->bytes, __ATOMIC_RELAXED);
}
