#include "query/files.h"

#include "state/open.h"

slp_rc query_files_init(struct files *f, const struct state_table *table, const struct plan *plan,
                        struct alloc *mem, struct slp_err *err)
{
    *f = (struct files){.mem = mem, .table = table, .plan = plan};
    return alloc_array(mem, plan->file_count, sizeof *f->open, (void **)&f->open, err);
}

static void add_counts(struct query_counts *to, const struct datafile *file)
{
    uint64_t index_bytes = 0;
    uint64_t all_bytes = 0;
    uint64_t reads = 0;
    datafile_counts(file, &index_bytes, &all_bytes, &reads);
    to->index_bytes += index_bytes;
    to->data_bytes += all_bytes - index_bytes;
}

static void close_file(struct files *f, size_t file)
{
    if (!f->open[file])
        return;
    add_counts(&f->counts, f->open[file]);
    datafile_close(f->open[file]);
    f->open[file] = NULL;
    f->open_count--;
}

void query_files_fini(struct files *f)
{
    if (!f->open)
        return;
    for (size_t i = 0; i < f->plan->file_count; i++)
        close_file(f, i);
    alloc_free(f->mem, f->open, f->plan->file_count * sizeof *f->open);
    f->open = NULL;
}

void query_files_trim(struct files *f)
{
    for (size_t i = 0; i < f->plan->file_count && f->open_count >= QUERY_OPEN_FILES; i++)
        close_file(f, i);
}

static slp_rc open_file(struct files *f, size_t file, struct slp_err *err)
{
    const struct plan_file *p = &f->plan->files[file];
    struct state_open_as as = {.object = p->object, .info = &p->info};
    TRY(process_schema(f->table, f->plan->process, p->form, &as.schema, err));
    TRY(state_open_file_as(f->table, &as, f->mem, &f->open[file], err));
    f->open_count++;
    f->counts.files_read++;
    return SLP_OK;
}

slp_rc query_files_get(struct files *f, size_t file, struct datafile **out, struct slp_err *err)
{
    if (!f->open[file])
        TRY(open_file(f, file, err));
    *out = f->open[file];
    return SLP_OK;
}

uint64_t query_files_data_bytes(const struct files *f)
{
    struct query_counts sum = f->counts;
    for (size_t i = 0; i < f->plan->file_count; i++)
        if (f->open[i])
            add_counts(&sum, f->open[i]);
    return sum.data_bytes;
}
