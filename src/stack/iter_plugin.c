#include <errno.h>

#include "arrow/cdata.h"
#include "base/num.h"
#include "stack/iterate_priv.h"

/* ---- loading and asking ---- */

/* The plug-in's own text, whatever it left there. */
static slp_rc plugin_failed(const struct iter *it, struct sleeper_plugin_instance *i, int code,
                            const char *what, struct slp_err *err)
{
    i->error[sizeof i->error - 1] = '\0';
    const char *said = i->error[0] ? i->error : strerror(code);
    if (code == ENOMEM)
        FAIL(err, NO_MEMORY, "plug-in \"%s\": %s: %s", it->path, what, said);
    FAIL(err, BAD_INPUT, "plug-in \"%s\": %s: %s", it->path, what, said);
}

static slp_rc check_plugin(const struct iter *it, const struct sleeper_plugin *p,
                           struct slp_err *err)
{
    if (!p)
        FAIL(err, INVALID, "plug-in \"%s\": %s() returned nothing", it->path, SLEEPER_PLUGIN_ENTRY);
    if (p->version != SLEEPER_PLUGIN_VERSION)
        FAIL(err, UNSUPPORTED,
             "plug-in \"%s\" has version %u of the interface, this program %d: build it against "
             "this program's sleeper/plugin.h",
             it->path, p->version, SLEEPER_PLUGIN_VERSION);
    if (p->bytes < sizeof *p)
        FAIL(err, INVALID, "plug-in \"%s\": its struct sleeper_plugin has %u bytes, expected %zu",
             it->path, p->bytes, sizeof *p);
    if (!p->open || !p->run)
        FAIL(err, INVALID, "plug-in \"%s\": open or run is missing", it->path);
    return SLP_OK;
}

static void end_instance(const struct iter *it, struct sleeper_plugin_instance *i)
{
    if (i->output.release)
        i->output.release(&i->output);
    if (it->plugin->close)
        it->plugin->close(i);
}

/* A fresh instance; `*i` is zeroed on failure. */
static slp_rc begin_instance(const struct iter *it, struct sleeper_plugin_instance *i,
                             struct slp_err *err)
{
    struct ArrowSchema schema = {0};
    *i = (struct sleeper_plugin_instance){0};
    TRY(arr_export_schema(it->in, it->mem, &schema, err));
    int code = it->plugin->open((const char *)it->config.ptr, it->config.len, &schema, i);
    if (schema.release)
        schema.release(&schema);
    if (code == 0)
        return SLP_OK;
    slp_rc rc = plugin_failed(it, i, code, "open", err);
    if (i->output.release)
        i->output.release(&i->output);
    *i = (struct sleeper_plugin_instance){0};
    return rc;
}

static slp_rc mark_needs(struct iter *it, const char *const *needs, struct slp_err *err)
{
    for (size_t i = 0; !needs && i < it->in->count; i++)
        it->uses[i] = true;
    for (size_t n = 0; needs && needs[n]; n++) {
        int64_t at = arr_schema_find(it->in, slice_str(needs[n]));
        if (at < 0)
            FAIL(err, INVALID, "plug-in \"%s\" needs field \"%s\", which the rows do not have",
                 it->path, needs[n]);
        it->uses[at] = true;
    }
    return SLP_OK;
}

/* A column that it yields under the name of one that came in may be that one. */
static slp_rc find_sources(struct iter *it, struct slp_err *err)
{
    void *room = NULL;
    TRY(arena_array(it->arena, it->out->count, sizeof *it->from, &room, err));
    it->from = room;
    for (size_t i = 0; i < it->out->count; i++) {
        int64_t at = arr_schema_find(it->in, slice_str(it->out->fields[i].name));
        it->from[i] = at < 0 ? SIZE_MAX : (size_t)at;
    }
    return SLP_OK;
}

/* Ask a first instance what it needs and yields. */
static slp_rc ask(struct iter *it, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct sleeper_plugin_instance i;
    struct arr_schema *schema = NULL;
    TRY(begin_instance(it, &i, err));
    if (i.per != SLEEPER_PER_ROW && i.per != SLEEPER_PER_KEY)
        FAIL_OUT(err, INVALID, "plug-in \"%s\": it works per %d, which is nothing known", it->path,
                 i.per);
    it->holds_keys = i.per == SLEEPER_PER_KEY;
    TRY_OUT(mark_needs(it, i.needs, err));
    if (i.output.release) {
        TRY_OUT(arena_new(it->arena, &schema, err));
        rc = arr_import_schema(&i.output, it->arena, schema, err);
        if (rc != SLP_OK) {
            err_wrap(err, rc, "plug-in \"%s\": the schema it yields", it->path);
            goto out;
        }
        it->out = schema;
        TRY_OUT(find_sources(it, err));
    }
out:
    end_instance(it, &i);
    return rc;
}

static slp_rc load(struct iter *it, struct slp_err *err)
{
    sleeper_plugin_fn entry = NULL;
    slp_rc rc = os_library_open(it->path, &it->library, err);
    if (rc != SLP_OK)
        return err_wrap(err, rc, "plug-in");
    if (!os_library_function(it->library, SLEEPER_PLUGIN_ENTRY, &entry))
        FAIL(err, INVALID, "plug-in \"%s\": it exports no function %s", it->path,
             SLEEPER_PLUGIN_ENTRY);
    it->plugin = entry();
    return check_plugin(it, it->plugin, err);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = slice_after(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s = slice_first(s, s.len - 1);
    return s;
}

/* A path or configuration, in quotes or as it stands. */
static slp_rc plain_text(struct iter *it, struct slice given, struct slice *out,
                         struct slp_err *err)
{
    struct scan s;
    given = trim(given);
    *out = given;
    if (given.len == 0 || (given.ptr[0] != '"' && given.ptr[0] != '\''))
        return SLP_OK;
    TRY(stack_scan_begin(&s, given, it->arena, err));
    *out = s.next.body;
    struct scan_token whole;
    TRY(stack_scan_take(&s, &whole, err));
    return stack_scan_end(&s, err);
}

static slp_rc plugin_bind(struct iter *it, struct scan *s, struct slp_err *err)
{
    struct slice path;
    size_t at = 0;
    if (!stack_scan_is(s, '('))
        return stack_scan_fail(s, err, "\"(\"");
    size_t start = s->next.at.start + 1u;
    struct slice inside = trim(slice_after(s->text, start));
    if (inside.len == 0 || inside.ptr[inside.len - 1] != ')')
        return pred_fail(err, SLP_INVALID, s->text, s->next.at, "a bracket without its end");
    inside = slice_first(inside, inside.len - 1);
    (void)stack_scan_piece(inside, ',', &at, &path);
    TRY(plain_text(it, at <= inside.len ? slice_after(inside, at) : slice_of("", 0), &it->config,
                   err));
    TRY(plain_text(it, path, &path, err));
    TRY(arena_text(it->arena, path, &it->path, err));
    if (path.len == 0)
        return pred_fail(err, SLP_INVALID, s->text, s->next.at, "expected the path of a plug-in");
    TRY(load(it, err));
    return ask(it, err);
}

/* ---- running ---- */

struct plugged {
    struct run run;
    const struct iter *it;
    struct alloc *mem;
    struct run *in;
    bool has_instance;
    struct sleeper_plugin_instance instance;
    struct ArrowSchema schema; /* of what it yields */
    struct arr_batch rows;     /* copied for the plug-in */
    struct arr_batch batch;    /* what it made */
    struct key_vec keys;
    struct buf groups;
};

static slp_rc find_groups(struct plugged *p, const struct key_vec *keys, int64_t *count,
                          struct slp_err *err)
{
    TRY(buf_resize(&p->groups, ((size_t)keys->count + 1) * sizeof(int64_t), err));
    int64_t *groups = (int64_t *)(void *)p->groups.ptr;
    int64_t n = 0;
    for (int64_t first = 0; first < keys->count; first = stack_iter_end_of_key(keys, first))
        groups[n++] = first;
    groups[n] = keys->count;
    *count = n;
    return SLP_OK;
}

/* Keys of the rows it made: those of the rows they came from. */
static slp_rc take_keys(struct plugged *p, const struct key_vec *keys, const int64_t *origin,
                        struct slp_err *err)
{
    int64_t rows = p->batch.rows;
    if (!origin && rows != keys->count)
        FAIL(err, BAD_INPUT,
             "plug-in \"%s\" made %lld rows of %lld and does not say which came from which",
             p->it->path, (long long)rows, (long long)keys->count);
    key_vec_clear(&p->keys);
    for (int64_t r = 0; r < rows; r++) {
        int64_t from = origin ? origin[r] : r;
        if (from < 0 || from >= keys->count || (origin && r > 0 && from < origin[r - 1]))
            FAIL(err, BAD_INPUT,
                 "plug-in \"%s\": row %lld came from row %lld of %lld, which is none or out of "
                 "order",
                 p->it->path, (long long)r, (long long)from, (long long)keys->count);
        TRY(key_vec_append(&p->keys, key_at(keys, from), err));
    }
    return SLP_OK;
}

static slp_rc take_output(struct plugged *p, struct sleeper_plugin_output *o,
                          const struct key_vec *keys, struct slp_err *err)
{
    if (!o->rows.release)
        FAIL(err, BAD_INPUT, "plug-in \"%s\": run yielded no rows and no error", p->it->path);
    arr_batch_clear(&p->batch);
    slp_rc rc = arr_import_batch(&o->rows, &p->schema, &p->batch, err);
    if (rc == SLP_INVALID && err)
        rc = err->code = SLP_BAD_INPUT;
    if (rc == SLP_OK)
        return take_keys(p, keys, o->origin, err);
    return err_wrap(err, rc, "plug-in \"%s\": the rows it yields", p->it->path);
}

static slp_rc run_plugin(struct plugged *p, const struct run_block *block, struct slp_err *err)
{
    struct ArrowArray rows = {0};
    struct sleeper_plugin_output o = {0};
    int64_t groups = 0;
    if (p->it->holds_keys)
        TRY(find_groups(p, block->keys, &groups, err));
    arr_batch_clear(&p->rows);
    TRY(arr_batch_append_run(&p->rows, block->batch, 0, block->batch->rows, err));
    TRY(arr_export_batch(&p->rows, &rows, err));
    struct sleeper_plugin_input in = {
        .rows = &rows,
        .groups = p->it->holds_keys ? (const int64_t *)(const void *)p->groups.ptr : NULL,
        .group_count = groups};
    p->instance.error[0] = '\0';
    int code = p->it->plugin->run(&p->instance, &in, &o);
    slp_rc rc = code ? plugin_failed(p->it, &p->instance, code, "run", err)
                     : take_output(p, &o, block->keys, err);
    if (o.rows.release)
        o.rows.release(&o.rows);
    if (rows.release)
        rows.release(&rows);
    return rc;
}

static slp_rc plugged_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct plugged *p = (struct plugged *)(void *)run;
    do {
        struct run_block block = {0};
        slp_rc rc = run_next(p->in, &block, err);
        if (rc != SLP_OK)
            return rc;
        TRY(run_plugin(p, &block, err));
    } while (p->batch.rows == 0);
    *out = (struct run_block){.batch = &p->batch, .keys = &p->keys};
    return SLP_OK;
}

static void plugged_close(struct run *run)
{
    struct plugged *p = (struct plugged *)(void *)run;
    run_close(p->in);
    if (p->has_instance)
        end_instance(p->it, &p->instance);
    if (p->schema.release)
        p->schema.release(&p->schema);
    arr_batch_fini(&p->rows);
    arr_batch_fini(&p->batch);
    key_vec_fini(&p->keys);
    buf_fini(&p->groups);
    alloc_delete(p->mem, p);
}

static slp_rc plugin_open(const struct iter *it, struct alloc *mem, struct run *input,
                          struct run **out, struct slp_err *err)
{
    static const struct run_ops ops = {.next = plugged_next, .close = plugged_close};
    struct plugged *p = NULL;
    slp_rc rc = alloc_new(mem, &p, err);
    if (rc != SLP_OK) {
        run_close(input);
        return rc;
    }
    p->run.ops = &ops;
    p->it = it;
    p->mem = mem;
    p->in = input;
    key_vec_init(&p->keys, mem, SIZE_MAX / 4);
    buf_init(&p->groups, mem, SIZE_MAX / 2);
    TRY_OUT(begin_instance(it, &p->instance, err));
    p->has_instance = true;
    TRY_OUT(arr_export_schema(it->out, mem, &p->schema, err));
    TRY_OUT(arr_batch_init(&p->rows, mem, it->in, err));
    TRY_OUT(arr_batch_init(&p->batch, mem, it->out, err));
    *out = &p->run;
    p = NULL;
out:
    if (p)
        plugged_close(&p->run);
    return rc;
}

const struct iter_class stack_iter_plugin = {
    .name = "plugin", .is_foreign = true, .bind = plugin_bind, .open = plugin_open};
