#include "api/engine.h"

#include "stack/upstream.h"
#include "state/global.h"

#define TABLE_PREFIX "sleeper.table."

struct wish {
    struct arena *arena;
    struct stack_upstream upstream;
    struct slice filters;
    struct slice iterators;
    struct slice engine;
};

static struct slice short_name(const char *name)
{
    struct slice s = slice_str(name);
    struct slice prefix = slice_str(TABLE_PREFIX);
    return slice_starts_with(s, prefix) ? slice_after(s, prefix.len) : s;
}

/* Where the value of a property of this name goes; NULL: it is not about processing. */
static struct slice *place_of(struct wish *w, struct slice name)
{
    const struct {
        const char *name;
        struct slice *at;
    } places[] = {{"aggregations", &w->upstream.aggregations},
                  {"iterator.class.name", &w->upstream.iterator_class},
                  {"iterator.config", &w->upstream.iterator_config},
                  {"filters", &w->filters},
                  {"iterators", &w->iterators}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (slice_equal(name, slice_str(places[i].name)))
            return places[i].at;
    return NULL;
}

/* "a; b", in the arena; either may be empty. */
static slp_rc join(struct wish *w, struct slice a, struct slice b, struct slice *out,
                   struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    buf_init(&text, w->arena->mem, STACK_TEXT_MAX_BYTES);
    TRY_OUT(buf_append_slice(&text, a, err));
    if (a.len && b.len)
        TRY_OUT(buf_append_slice(&text, slice_str("; "), err));
    TRY_OUT(buf_append_slice(&text, b, err));
    rc = arena_copy(w->arena, buf_slice(&text), out, err);
out:
    buf_fini(&text);
    return rc;
}

static slp_rc own_engine(struct wish *w, const struct slp_table_options *o, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    if (o->order_by && !o->engine)
        FAIL(err, INVALID, "an order goes with an engine: last or first");
    if (!o->engine)
        return SLP_OK;
    buf_init(&text, w->arena->mem, STACK_TEXT_MAX_BYTES);
    TRY_OUT(buf_append_slice(&text, slice_str(o->engine), err));
    if (o->order_by) {
        TRY_OUT(buf_append_slice(&text, slice_str("(order-by: \""), err));
        for (const char *c = o->order_by; *c; c++) {
            TRY_OUT(buf_append_u8(&text, (uint8_t)*c, err));
            if (*c == '"')
                TRY_OUT(buf_append_u8(&text, '"', err));
        }
        TRY_OUT(buf_append_slice(&text, slice_str("\")"), err));
    }
    rc = arena_copy(w->arena, buf_slice(&text), &w->engine, err);
out:
    buf_fini(&text);
    return rc;
}

static slp_rc translate(struct wish *w, struct slp_err *err)
{
    struct stack_translated t = {0};
    TRY(stack_upstream(&w->upstream, w->arena, &t, err));
    if (t.engine.len && w->engine.len)
        FAIL(err, INVALID, "give an engine or upstream's aggregations, not both");
    w->engine = t.engine.len ? t.engine : w->engine;
    TRY(join(w, w->filters, t.filter, &w->filters, err));
    TRY(join(w, w->filters, t.second_filter, &w->filters, err));
    return join(w, w->iterators, t.iterator, &w->iterators, err);
}

static slp_rc add_setting(struct wish *w, struct api_engine *e, const char *name,
                          struct slice value, struct slp_err *err)
{
    struct slp_setting *s = &e->settings[e->setting_count];
    if (value.len == 0)
        return SLP_OK;
    s->name = name;
    TRY(arena_text(w->arena, value, &s->value, err));
    e->setting_count++;
    return SLP_OK;
}

slp_rc api_engine_of(const struct slp_table_options *options, const struct schema *schema,
                     struct arena *arena, struct api_engine *out, struct slp_err *err)
{
    struct wish w = {.arena = arena};
    struct api_engine e = {.setting_count = 0};
    TRY(arena_array(arena, options->setting_count + 2, sizeof *e.settings, (void **)&e.settings,
                    err));
    for (size_t i = 0; i < options->setting_count; i++) {
        const struct slp_setting *s = &options->settings[i];
        struct slice *at = place_of(&w, short_name(s->name));
        if (at && at->len)
            FAIL(err, INVALID, "property \"%s\" is given twice", s->name);
        if (at && s->value)
            *at = slice_str(s->value);
        else
            e.settings[e.setting_count++] = *s;
    }
    TRY(own_engine(&w, options, err));
    TRY(translate(&w, err));
    TRY(process_check(schema, w.engine, w.filters, w.iterators, arena, &e.engine, err));
    TRY(add_setting(&w, &e, "filters", w.filters, err));
    TRY(add_setting(&w, &e, "iterators", w.iterators, err));
    *out = e;
    return SLP_OK;
}

slp_rc api_engine_check(const struct state_table *table, const char *filters, const char *iterators,
                        struct slp_err *err)
{
    struct arena arena;
    struct process_engine ignored;
    arena_init(&arena, alloc_system(), (size_t)16 << 20);
    slp_rc rc =
        process_check(state_table_schema(table), state_engine_text(state_table_view(table)),
                      filters ? slice_str(filters) : slice_of(NULL, 0),
                      iterators ? slice_str(iterators) : slice_of(NULL, 0), &arena, &ignored, err);
    arena_fini(&arena);
    return rc;
}
