/*
 * Merging sorted runs, and sorting rows, by encoded keys.
 *
 * A merge has inputs, each a run (key/run.h): rows with their keys, ascending, or with the columns of
 * their keys: then keys are not encoded unless they are wanted of the merge. What blocks lack of their
 * columns is asked for when their rows come out: so of values of a hundred megabytes there is one in
 * memory, not one an input. It yields rows in
 * key order, which is checked, of the inputs and of what comes out; of equal keys the row of the lower-numbered input comes first, and inside one input
 * the order stays. It works by plan: a loser tree over key prefixes decides runs (input, first row,
 * rows), then each column gathers by plan. Columns that come as dictionaries stay such where they
 * can (merge/kept.h).
 */
#ifndef SLP_MERGE_MERGE_H
#define SLP_MERGE_MERGE_H

#include "arrow/batch.h"
#include "key/key.h"
#include "key/run.h"

#define MERGE_INPUTS_MAX 1024u

/* Who merges may put so many bytes behind each key, to tell equal ones apart. */
#define MERGE_KEY_EXTRA_BYTES 16u

struct merge;

/* Takes the inputs, which it closes, on failure too. `schema` is that of every block and outlives
 * the merge. */
SLP_NODISCARD slp_rc merge_new(struct alloc *mem, const struct arr_schema *schema,
                               struct run **inputs, size_t count, struct merge **out,
                               struct slp_err *err);
void merge_free(struct merge *m);

/*
 * Append up to `max_rows` rows to `out` and their keys to `keys` (NULL: keys are not wanted); stops
 * early, with at least one row, once `out` holds `max_bytes`. DONE when no row is left. A merge
 * that failed is over: it is freed, and `out` and `keys`, which may hold some rows more, are
 * dropped.
 *
 * Errors   CORRUPT  an input whose keys fall: its order is broken (input number, both keys in hex)
 *          LIMIT    more bytes of strings than one batch takes
 *          and whatever inputs return
 * Cost     log2 of the inputs comparisons of 16 bytes a row; a long run of one input costs a search
 */
SLP_NODISCARD slp_rc merge_next(struct merge *m, int64_t max_rows, size_t max_bytes,
                                struct arr_batch *out, struct key_vec *keys, struct slp_err *err);

/* What `out`, which merge_next has filled, takes in memory with its dictionaries decoded: what
 * `max_bytes` is compared with. */
size_t merge_bytes(const struct merge *m, const struct arr_batch *out);

/*
 * Sort keys: fill `order` with 0..count-1 so that keys ascend; equal keys keep their order. Sorted
 * input is noticed in one pass and costs no sort.
 *
 * order    room for keys->count numbers; untouched on failure
 * Errors   LIMIT beyond 2^32 - 1 rows, NO_MEMORY
 * Cost     32 bytes a row of scratch; buckets by 8 bytes at a time behind the common prefix
 */
SLP_NODISCARD slp_rc merge_sort(struct alloc *mem, const struct key_vec *keys, uint32_t *order,
                                struct slp_err *err);

#endif
