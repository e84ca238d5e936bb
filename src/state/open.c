#include "state/open.h"

slp_rc state_open_file_as(const struct state_table *t, const struct state_open_as *as,
                          struct alloc *mem, struct datafile **out, struct slp_err *err)
{
    struct source *src = NULL;
    struct store *store = state_instance_store(state_table_instance(t));
    slp_rc rc = store_open(store, as->object, mem, &src, err);
    if (rc == SLP_NOT_FOUND)
        FAIL(err, CORRUPT, "data file \"%.*s\": the log names it and it is not there; run check",
             SLICE_ARG(as->object));
    TRY(rc);
    return datafile_open(mem, src, as->info, as->schema, state_table_key_spec(t), out, err);
}

slp_rc state_open_file(const struct state_table *t, struct slice object,
                       const struct datafile_info *info, struct alloc *mem, struct datafile **out,
                       struct slp_err *err)
{
    struct state_open_as as = {.object = object, .info = info, .schema = state_table_schema(t)};
    return state_open_file_as(t, &as, mem, out, err);
}
