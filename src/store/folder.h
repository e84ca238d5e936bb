/*
 * What a folder store offers beyond store.h. How it lies on the disk, which names are its own and
 * in which order things become durable: docs/format/folder.md.
 *
 * A write is done when it would survive a power cut: contents are synced, the name is linked
 * without replacing, and every folder that gained an entry is synced. Whoever is killed before the
 * link leaves nothing that is listed.
 *
 * When a sync fails nobody knows what the device holds, and asking again may answer OK about bytes
 * that are gone. So the write is UNKNOWN, and so is every later call on the handle: end the
 * process, look from a new one. The same where a link or rename fails with an error of the device or
 * of a server: it may have been done. A file system that is full or read-only has done nothing.
 *
 * Cost      put: 2 syncs (contents, folder); the first into a folder through a handle also one for
 *           each folder above it, up to the root. A lost put_if_absent: one look, no sync, unless
 *           it lost while it wrote. Fleeting puts: no sync. Reading needs no permission to write, and lists or syncs
 *           nothing.
 * Threads   any number on one handle; set_sync before it is shared
 */
#ifndef SLP_STORE_FOLDER_H
#define SLP_STORE_FOLDER_H

#include "store/store.h"

/*
 * With `is_synced` false nothing is synced any more: everything else stays as it is, but a power
 * cut may take or tear what was written. For benchmarks against programs that do not sync, and for
 * data that can be made again. A new handle syncs.
 */
void store_folder_set_sync(struct store *s, bool is_synced);

/*
 * Remove what killed writers left: temporary files whose last change is before `before_us` (on the
 * store's clock). Choose it older than any write can last.
 *
 * removed  how many; may be NULL
 */
SLP_NODISCARD slp_rc store_folder_sweep(struct store *s, int64_t before_us, uint64_t *removed,
                                        struct slp_err *err);

#endif
