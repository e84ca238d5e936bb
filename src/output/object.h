/*
 * The object that a data file is written to: kept in memory while it is small, else in the store.
 *
 *   bytes -> held, up to a limit | -> beyond it all of them into an object, durable at commit
 *
 * A file that ended while it was held is embedded in the frame of its transaction (rule G4): one
 * durable write instead of two. Private to src/output.
 */
#ifndef SLP_OUTPUT_OBJECT_H
#define SLP_OUTPUT_OBJECT_H

#include "store/store.h"

struct output_object;

/*
 * Begin an object by this name, which is copied. At most `held_max` bytes are held; 0: none.
 * Errors: those of store_put_open.
 */
SLP_NODISCARD slp_rc output_object_open(struct store *store, struct slice name, size_t held_max,
                                        struct alloc *mem, struct output_object **out,
                                        struct slp_err *err);

struct sink *output_object_sink(struct output_object *o); /* write the file here */

/*
 * End it; releases `o`, on failure too. Bytes that are still held are moved to `held`, which is blank;
 * else it stays so and the object is durable.
 * Errors   those of store_put_commit
 */
SLP_NODISCARD slp_rc output_object_commit(struct output_object *o, struct buf *held,
                                          struct slp_err *err);
void output_object_abort(struct output_object *o); /* NULL is accepted */

#endif
