/*
 * Reading a file: from its start to its end (`struct os_reader`, standard input too), or anywhere
 * (`struct source` of base/io.h over a local file).
 */
#ifndef SLP_OS_READER_H
#define SLP_OS_READER_H

#include "base/io.h"

struct os_reader;

/* Open for reading in order. NULL and "-" are standard input. Errors: NOT_FOUND, DENIED, INVALID
 * for a folder. */
SLP_NODISCARD slp_rc os_reader_open(struct alloc *mem, const char *path, struct os_reader **out,
                                    struct slp_err *err);

/* Read up to `n` bytes; fewer only at the end, then none. Errors: CANCELLED when the signal flag is
 * set while a pipe or a terminal has nothing to give. */
SLP_NODISCARD slp_rc os_reader_read(struct os_reader *reader, void *dst, size_t n, size_t *got,
                                    struct slp_err *err);

/* The path as it was given, "standard input" for that. */
const char *os_reader_name(const struct os_reader *reader);

/* Is it a regular file, which could be read anywhere? Else it is a pipe or a device. */
bool os_reader_is_file(const struct os_reader *reader);

void os_reader_close(struct os_reader *reader); /* NULL is accepted */

/*
 * Random access to a local file, whose size is what it was when opened.
 *
 * Errors   NOT_FOUND, DENIED; INVALID for a folder or a pipe
 * Cost     ranges of one source_read that lie close are joined, see os/file.h
 */
SLP_NODISCARD slp_rc os_source_open(struct alloc *mem, const char *path, struct source **out,
                                    struct slp_err *err);

#endif
