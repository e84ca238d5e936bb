/*
 * What tests of ingest share: input files, ingest into a t_table, and all rows of a table as text.
 */
#ifndef SLP_TEST_INGEST_SUPPORT_H
#define SLP_TEST_INGEST_SUPPORT_H

#include "ingest/ingest.h"
#include "lib/place.h"
#include "lib/refs.h"
#include "lib/table.h"
#include "state/open.h"

/* Ingest one input with one thread and little memory. */
static inline slp_rc ingest_one(struct t *t, struct t_table *tt, const char *path,
                                struct ingest_result *out)
{
    const char *inputs[] = {path};
    struct ingest_options o = {
        .inputs = inputs, .input_count = 1, .memory = 16 << 20, .threads = 1};
    return ingest_run(tt->table, &o, &t->mem, out, &t->err);
}

static inline void print_block(struct t *t, const struct run_block *block, struct buf *text)
{
    for (int64_t r = 0; r < block->batch->rows; r++) {
        for (size_t c = 0; c < block->batch->schema->count; c++) {
            const struct arr_col *col = &block->batch->cols[c];
            if (c)
                assert_ok(t, buf_append_u8(text, ',', &t->err));
            if (!arr_col_is_null(col, r))
                assert_ok(t, arr_text_format(col, r, text, &t->err));
        }
        assert_ok(t, buf_append_u8(text, '\n', &t->err));
    }
}

/* The rows of one reference, as text. */
static inline void print_reference(struct t *t, struct t_table *tt,
                                   const struct state_reference *ref, struct buf *text)
{
    struct state_name object;
    struct source *src = NULL;
    struct datafile *file = NULL;
    struct run *run = NULL;
    struct run_block block = {0};
    struct datafile_read_options o = {.range = ref->range, .batch_rows = 1000};
    assert_ok(t, state_table_object(tt->table, ref->file->name, &object, &t->err));
    assert_ok(t, state_open_source(tt->table, state_name_slice(&object), ref->file->info.file_bytes,
                                   &t->mem, &src, &t->err));
    assert_ok(t, datafile_open(&t->mem, src, &ref->file->info, state_table_schema(tt->table),
                               state_table_key_spec(tt->table), &file, &t->err));
    assert_ok(t, datafile_verify(file, &t->err));
    assert_ok(t, datafile_read(file, &o, &run, NULL, &t->err));
    while (run_next(run, &block, &t->err) == SLP_OK)
        print_block(t, &block, text);
    run_close(run);
    datafile_close(file);
}

/* All references, leaf by leaf, then unfiled ones: for a table with one commit all rows in order.
 * Each file is verified. */
static inline void print_table(struct t *t, struct t_table *tt, struct buf *text)
{
    const struct table_state *view = state_table_view(tt->table);
    buf_clear(text);
    for (size_t i = 0; i < state_leaf_count(view); i++) {
        const struct state_leaf *leaf = state_leaf_at(view, i);
        for (size_t r = 0; r < leaf->ref_count; r++)
            print_reference(t, tt, &t_refs(leaf)[r], text);
    }
    for (size_t i = 0; i < state_unfiled_count(view); i++)
        print_reference(t, tt, state_unfiled_at(view, i), text);
    assert_ok(t, buf_append_u8(text, 0, &t->err));
}

static inline void expect_table(struct t *t, struct t_table *tt, const char *expected)
{
    struct buf text;
    buf_init(&text, &t->mem, 1 << 28);
    print_table(t, tt, &text);
    assert_string_equal((const char *)text.ptr, expected);
    buf_fini(&text);
}

/* Objects below a prefix of the store; at most STORE_LIST_MAX. */
static inline size_t count_objects(struct t *t, struct t_table *tt, const char *part)
{
    struct arena arena;
    struct store_item *items = NULL;
    size_t count = 0;
    size_t found = 0;
    arena_init(&arena, &t->mem, 1 << 24);
    assert_ok(t, store_list(tt->store, slice_str("t/"), slice_str(""), 0, &arena, &items, &count,
                            &t->err));
    for (size_t i = 0; i < count; i++) {
        char name[STORE_NAME_MAX + 1];
        (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(items[i].name));
        found += strstr(name, part) != NULL;
    }
    arena_fini(&arena);
    return found;
}

#endif
