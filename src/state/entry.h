/*
 * A file as the state keeps it: packed, for a table has millions.
 *
 *   | references | bytes | id |   first key   last key 0   flags   numbers   name   extra |
 *    `------ 24 bytes -------'    `----------------- lengths are varints ----------------'
 *
 * With keys of 16 bytes a file takes about 130 bytes; as the struct state_file that questions are
 * answered with, it would take 400. Keys stand as they are, so intervals borrow from them. A name as
 * state_data_name makes it is kept as its numbers. Offsets are kept by their distance from the end of
 * the file. Whoever adds a field to struct state_file packs and unpacks it here.
 *
 * Pure. Private to src/state.
 */
#ifndef SLP_STATE_ENTRY_H
#define SLP_STATE_ENTRY_H

#include "state/view.h"

struct state_entry {
    uint32_t refs;  /* references to it, or 1 while unfiled */
    uint32_t bytes; /* of `data` */
    uint64_t frame; /* its id */
    uint32_t index;
    uint32_t item;
    uint8_t data[];
};

static inline struct state_id state_entry_id(const struct state_entry *e)
{
    return (struct state_id){.at = {.frame = e->frame, .index = e->index}, .item = e->item};
}

/* Pack a file; it has no references yet. Errors: NO_MEMORY, LIMIT. */
SLP_NODISCARD slp_rc state_entry_new(struct alloc *mem, const struct state_file *f,
                                     struct state_entry **out, struct slp_err *err);

/* Another one of the same file, without references. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc state_entry_copy(struct alloc *mem, const struct state_entry *e,
                                      struct state_entry **out, struct slp_err *err);
void state_entry_free(struct alloc *mem, struct state_entry *e); /* NULL is accepted */

/* From its first key to just above its last. Borrows. */
struct key_range state_entry_range(const struct state_entry *e);

/* The interval of positions of its rows. */
void state_entry_positions(const struct state_entry *e, struct state_position *low,
                           struct state_position *high);

/* What measures of leaves need. */
void state_entry_size(const struct state_entry *e, int64_t *rows, uint64_t *file_bytes);

/* Does it stand in a frame? */
bool state_entry_is_embedded(const struct state_entry *e);

/* The lengths of name, keys and extra: what a snapshot goes by when it cuts shards. */
size_t state_entry_weight(const struct state_entry *e);

/* The order of references: lowest position, highest position, then file. */
int state_entry_order(const struct state_entry *a, const struct state_entry *b);

/* Unpack. Keys and extra borrow from the entry, the name may be in the arena. Errors: NO_MEMORY,
 * LIMIT. */
SLP_NODISCARD slp_rc state_entry_view(const struct state_entry *e, struct arena *arena,
                                      struct state_file *out, struct slp_err *err);

#endif
