/* rooms: stack */
/*
 * The texts of engines, filters, iterators and visibilities: the first byte says which. What is taken
 * as an engine is written so that it is taken again; what is taken as iterators runs over some rows.
 */
#include "stack/stack.h"

#include <stdlib.h>

#include "arrow/text.h"
#include "stack/iterate_priv.h"

#define ROWS    3
#define COLUMNS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct arr_field fields[COLUMNS] = {
    {.name = "k", .type = {.kind = ARR_UTF8}, .id = 1},
    {.name = "n", .type = {.kind = ARR_INT64}, .id = 2, .nullable = true},
    {.name = "d", .type = {.kind = ARR_DOUBLE}, .id = 3, .nullable = true},
    {.name = "ts", .type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO}, .id = 4, .nullable = true},
};
static const struct schema schema = {.columns = {.fields = fields, .count = COLUMNS},
                                     .row_key_count = 1,
                                     .key_count = 1,
                                     .key_columns = {0},
                                     .next_field_id = 5};
static const char *const values[ROWS][COLUMNS] = {
    {"a", "1", "0.5", "2001-01-31"},
    {"a", NULL, "-1e300", NULL},
    {"b", "-9223372036854775808", NULL, "1970-01-01"},
};

struct once {
    struct run run;
    struct arr_batch batch;
    struct key_vec keys;
    bool is_done;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static slp_rc once_next(struct run *run, struct run_block *out, struct slp_err *err)
{
    struct once *o = (struct once *)(void *)run;
    (void)err;
    if (o->is_done)
        return SLP_DONE;
    o->is_done = true;
    *out = (struct run_block){.batch = &o->batch, .keys = &o->keys};
    return SLP_OK;
}

static void once_close(struct run *run)
{
    struct once *o = (struct once *)(void *)run;
    arr_batch_fini(&o->batch);
    key_vec_fini(&o->keys);
}

static void make_rows(struct once *o)
{
    static const struct run_ops ops = {.next = once_next, .close = once_close};
    struct key_spec spec;
    *o = (struct once){.run = {.ops = &ops}};
    require(arr_batch_init(&o->batch, alloc_system(), &schema.columns, NULL) == SLP_OK);
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
        struct arr_col *c = &o->batch.cols[i % COLUMNS];
        const char *text = values[i / COLUMNS][i % COLUMNS];
        slp_rc rc = text ? arr_text_parse(c, slice_str(text), NULL) : arr_col_append_null(c, NULL);
        require(rc == SLP_OK);
    }
    o->batch.rows = ROWS;
    key_vec_init(&o->keys, alloc_system(), 1 << 20);
    key_spec_init(&spec, &schema);
    require(key_encode_rows(&spec, &o->batch, 0, ROWS, &o->keys, NULL) == SLP_OK);
}

static void drain(struct run *run)
{
    struct run_block block = {0};
    struct slp_err err;
    while (run_next(run, &block, &err) == SLP_OK)
        require(block.batch->rows == block.keys->count && block.batch->rows > 0);
    run_close(run);
}

static void try_stack(struct slice engine, struct slice filter)
{
    struct stack_texts texts = {
        .engine = engine, .filters = &filter, .filter_count = filter.len > 0};
    struct stack_options o = {.mode = STACK_QUERY, .now_ms = 1000};
    struct stack *s = NULL;
    struct slp_err err;
    struct once rows;
    struct run *run = NULL;
    struct buf text;
    if (stack_new(alloc_system(), &schema, &texts, &s, &err) != SLP_OK)
        return;
    make_rows(&rows);
    require(stack_open(s, alloc_system(), &o, &rows.run, &run, NULL) == SLP_OK);
    drain(run);
    buf_init(&text, alloc_system(), 1 << 24);
    require(stack_format(s, &text, NULL) == SLP_OK);
    stack_free(s);
    s = NULL;
    texts.engine = buf_slice(&text);
    require(stack_new(alloc_system(), &schema, &texts, &s, NULL) == SLP_OK);
    stack_free(s);
    buf_fini(&text);
}

/* Plug-ins are left out: a path is whatever the machine has there. */
static bool names_plugin(struct slice text)
{
    for (size_t i = 0; i + 2 < text.len; i++)
        if ((text.ptr[i] | 0x20) == 'p' && (text.ptr[i + 1] | 0x20) == 'l' &&
            (text.ptr[i + 2] | 0x20) == 'u')
            return true;
    return false;
}

/* Whatever is wanted, columns of the table are found. */
static void try_needs(const struct stack_iters *it, bool *used)
{
    struct arena arena;
    bool *wanted = NULL;
    size_t count = stack_iters_schema(it)->count;
    arena_init(&arena, alloc_system(), (size_t)1 << 24);
    require(arena_array(&arena, count, sizeof *wanted, (void **)&wanted, NULL) == SLP_OK);
    for (size_t i = 0; i < count; i++)
        wanted[i] = i % 2;
    require(stack_iters_needs(it, wanted, &arena, used, NULL) == SLP_OK);
    arena_fini(&arena);
}

static void try_iterators(struct slice text)
{
    struct stack_iters *it = NULL;
    struct slp_err err;
    struct once rows;
    struct run *run = NULL;
    bool used[COLUMNS] = {false};
    if (names_plugin(text) ||
        stack_iters_new(alloc_system(), &schema, &text, 1, &it, &err) != SLP_OK)
        return;
    try_needs(it, used);
    make_rows(&rows);
    require(stack_iters_open(it, alloc_system(), &rows.run, &run, NULL) == SLP_OK);
    drain(run);
    stack_iters_free(it);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct slice labels[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
    struct slice text = slice_of(data, n);
    if (n == 0)
        return 0;
    text = slice_after(text, 1);
    switch (data[0]) {
    case 'e':
        try_stack(text, slice_of(NULL, 0));
        break;
    case 'f':
        try_stack(slice_str("bag"), text);
        break;
    case 'v':
        (void)stack_iter_is_visible(text, labels, 2);
        break;
    default:
        try_iterators(text);
    }
    return 0;
}
