/*
 * The references of a leaf for tests: unpacked into memory that is kept until the program ends.
 */
#ifndef SLP_TEST_REFS_H
#define SLP_TEST_REFS_H

#include "lib/t.h"
#include "state/view.h"

static inline const struct state_reference *t_refs(const struct state_leaf *leaf)
{
    static struct arena arena;
    const struct state_reference *refs = NULL;
    if (!arena.mem)
        arena_init(&arena, alloc_system(), SIZE_MAX);
    assert_int_equal(state_leaf_references(leaf, &arena, &refs, NULL), SLP_OK);
    return refs;
}

#endif
