#include "api/instance.h"

#include "base/num.h"
#include "os/machine.h"
#include "store/folder.h"

#define MEMORY_DEFAULT_MAX ((uint64_t)4 << 30)
#define MEMORY_MIN         ((uint64_t)16 << 20)

const char *slp_version(void)
{
    return SLP_VERSION;
}

const char *slp_rc_name(slp_rc rc)
{
    return err_name(rc);
}

int slp_rc_exit_code(slp_rc rc)
{
    static const uint8_t codes[] = {
#define SLP_STATUS(name, value, exit_code, action) [value] = (exit_code),
#include "sleeper/status.def"
#undef SLP_STATUS
    };
    return (size_t)rc < sizeof codes ? codes[rc] : 1; /* unknown codes are failures */
}

slp_rc slp_instance_create(const char *uri, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store *store = NULL;
    TRY_OUT(store_open_uri(alloc_system(), uri, true, &store, err));
    rc = state_instance_create(store, NULL, err);
out:
    store_close(store);
    return err_wrap(err, rc, "instance \"%s\"", uri);
}

uint64_t api_instance_memory(struct slp_instance *instance)
{
    if (instance->memory == 0) {
        uint64_t half = os_machine_memory("") / 2;
        instance->memory = half < MEMORY_DEFAULT_MAX ? half : MEMORY_DEFAULT_MAX;
    }
    uint64_t memory = instance->memory > MEMORY_MIN ? instance->memory : MEMORY_MIN;
    /* An eighth is for small blocks, libraries and the program itself. */
    alloc_limit_large((size_t)(memory - memory / 8));
    return memory;
}

size_t api_instance_threads(struct slp_instance *instance)
{
    if (instance->threads == 0)
        instance->threads = os_machine_cores();
    return instance->threads;
}

slp_rc slp_instance_open(const char *uri, const struct slp_instance_options *options,
                         struct slp_instance **out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct slp_instance *instance = NULL;
    struct alloc *mem = alloc_system();
    TRY(alloc_new(mem, &instance, err));
    instance->mem = mem;
    os_mutex_init(&instance->lock);
    if (options) {
        instance->threads = options->threads;
        instance->memory = options->memory;
        instance->cancel = options->cancel;
    }
    rc = store_open_uri(mem, uri, false, &instance->store, err);
    if (rc == SLP_NOT_FOUND)
        rc = err_append(err, rc, "; make an instance with 'sleeper init'");
    TRY_OUT(rc);
    if (options && options->trace)
        store_set_trace(instance->store, options->trace, options->trace_context);
    if (options && options->no_sync)
        store_folder_set_sync(instance->store, false);
    TRY_OUT(state_instance_open(mem, instance->store, NULL, &instance->state, err));
    *out = instance;
    return SLP_OK;
out:
    slp_instance_close(instance);
    return err_wrap(err, rc, "instance \"%s\"", uri);
}

void slp_instance_close(struct slp_instance *instance)
{
    if (!instance)
        return;
    for (size_t i = 0; i < instance->table_count; i++)
        state_table_close(instance->tables[i]);
    for (size_t i = 0; i < instance->idle_count; i++)
        state_table_close(instance->idle[i]);
    os_mutex_fini(&instance->lock);
    state_instance_close(instance->state);
    store_close(instance->store);
    alloc_delete(instance->mem, instance);
}

void slp_instance_counts(const struct slp_instance *instance, struct slp_counts *out)
{
    struct store_counts c = store_counts_read(instance->store);
    *out = (struct slp_counts){
        .gets = c.requests[STORE_GET],
        .puts = c.requests[STORE_PUT_IF_ABSENT] + c.requests[STORE_PUT_IF_MATCH],
        .lists = c.requests[STORE_LIST_FROM],
        .deletes = c.requests[STORE_DELETE],
        .rounds = c.rounds,
        .bytes_read = c.bytes_in,
        .bytes_written = c.bytes_out,
        .index_bytes = instance->counts.index_bytes,
        .data_bytes = instance->counts.data_bytes,
        .log_bytes = c.bytes_in - num_min_u64(c.bytes_in, instance->counts.index_bytes +
                                                              instance->counts.data_bytes),
        .files_considered = instance->counts.files_considered,
        .files_read = instance->counts.files_read,
    };
}

static size_t find_handle(const struct slp_instance *instance, const char *name)
{
    size_t i = 0;
    while (i < instance->table_count &&
           (instance->is_retired[i] || !slice_is(state_table_name(instance->tables[i]), name)))
        i++;
    return i;
}

/* An idle handle of the table, which is idle no more; NULL: there is none. */
static struct state_table *take_idle(struct slp_instance *instance, const char *name)
{
    struct state_table *found = NULL;
    os_mutex_lock(&instance->lock);
    for (size_t i = instance->idle_count; i > 0 && !found; i--) {
        if (!slice_is(state_table_name(instance->idle[i - 1]), name))
            continue;
        found = instance->idle[i - 1];
        instance->idle[i - 1] = instance->idle[--instance->idle_count];
    }
    os_mutex_unlock(&instance->lock);
    return found;
}

void api_instance_forget(struct slp_instance *instance, const char *name)
{
    struct state_table *table = NULL;
    size_t i = find_handle(instance, name);
    if (i < instance->table_count)
        instance->is_retired[i] = true;
    while ((table = take_idle(instance, name)) != NULL)
        state_table_close(table);
}

slp_rc api_instance_borrow(struct slp_instance *instance, const char *name,
                           struct state_table **out, struct slp_err *err)
{
    struct state_table *table = take_idle(instance, name);
    slp_rc rc = table ? state_table_refresh(table, err) : SLP_NOT_FOUND;
    if (rc == SLP_OK) {
        *out = table;
        return SLP_OK;
    }
    state_table_close(table);
    if (rc != SLP_NOT_FOUND)
        return rc;
    /* Dropped by somebody else; there may be another one of this name. */
    err_clear(err);
    return state_table_open(instance->state, slice_str(name), out, err);
}

void api_instance_return(struct slp_instance *instance, struct state_table *table, bool is_good)
{
    bool is_kept = false;
    if (!table)
        return;
    os_mutex_lock(&instance->lock);
    if (is_good && instance->idle_count < INSTANCE_IDLE_MAX) {
        instance->idle[instance->idle_count++] = table;
        is_kept = true;
    }
    os_mutex_unlock(&instance->lock);
    if (!is_kept)
        state_table_close(table);
}

slp_rc api_instance_table_part(struct slp_instance *instance, const char *name,
                               const struct state_open_options *options, struct state_table **out,
                               struct slp_err *err)
{
    if (!name)
        FAIL(err, INVALID, "no table is named");
    size_t i = find_handle(instance, name);
    if (i < instance->table_count) {
        slp_rc rc = state_table_refresh(instance->tables[i], err);
        if (rc == SLP_OK)
            *out = instance->tables[i];
        if (rc != SLP_NOT_FOUND)
            return rc;
        /* Dropped by somebody else; there may be another one of this name. */
        err_clear(err);
        instance->is_retired[i] = true;
    }
    if (instance->table_count == INSTANCE_TABLES_MAX)
        FAIL(err, LIMIT, "more than %u tables in use; open another instance", INSTANCE_TABLES_MAX);
    TRY(state_table_open_with(instance->state, slice_str(name), options, out, err));
    instance->tables[instance->table_count++] = *out;
    return SLP_OK;
}

slp_rc api_instance_table(struct slp_instance *instance, const char *name, struct state_table **out,
                          struct slp_err *err)
{
    static const struct key_range all = {.has_hi = false};
    struct state_table *t = NULL;
    TRY(api_instance_table_part(instance, name, NULL, &t, err));
    TRY(state_table_cover(t, all, err));
    *out = t;
    return SLP_OK;
}
