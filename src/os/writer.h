/*
 * Writing files: temporary ones for work that does not fit memory, and output files that appear
 * whole or not at all. Both take bytes through a `struct sink`.
 */
#ifndef SLP_OS_WRITER_H
#define SLP_OS_WRITER_H

#include "base/io.h"

/* Small writes are gathered into buffers of this size. */
#define OS_WRITER_BUFFER_BYTES ((size_t)128 * 1024)

struct os_temp;
struct os_output;

/*
 * A temporary file in `folder` that has no name (or loses it at once), so that it is gone when the
 * process is, however that ends.
 *
 * Errors   NOT_FOUND, DENIED, LIMIT when the device is full (from the sink)
 * Threads  one writer; after os_temp_flush any number of readers
 */
SLP_NODISCARD slp_rc os_temp_open(struct alloc *mem, const char *folder, struct os_temp **out,
                                  struct slp_err *err);

/* Where to write; belongs to the file. */
struct sink *os_temp_sink(struct os_temp *temp);

/* Give the kernel what is still buffered. */
SLP_NODISCARD slp_rc os_temp_flush(struct os_temp *temp, struct slp_err *err);

/* Read exactly `n` bytes at `offset`, flushing first if something is buffered. Errors: CORRUPT
 * beyond the end. */
SLP_NODISCARD slp_rc os_temp_read(struct os_temp *temp, uint64_t offset, void *dst, size_t n,
                                  struct slp_err *err);

/*
 * What was written so far as an object of its own, to be read anywhere; flushes. The file outlives
 * the source.
 *
 * name     for messages; outlives the source
 * Errors   LIMIT when the device is full, NO_MEMORY
 * Threads  several sources of one file may be read at the same time; opened after a flush, by any
 *          thread
 */
SLP_NODISCARD slp_rc os_temp_source(struct os_temp *temp, const char *name, struct alloc *mem,
                                    struct source **out, struct slp_err *err);

void os_temp_close(struct os_temp *temp); /* NULL is accepted */

/*
 * An output. NULL and "-" are standard output. A regular file is written without a name, or where
 * the file system has no such files under one beside its own (`.NAME.tmp-...`), and takes its place
 * at commit. Of a program that is killed nothing is left, or that name at most. What is no regular
 * file (a pipe, a device) is written as it is.
 */
SLP_NODISCARD slp_rc os_output_open(struct alloc *mem, const char *path, struct os_output **out,
                                    struct slp_err *err);

struct sink *os_output_sink(struct os_output *output);

/* Give the reader what is buffered now; a regular file stays invisible. */
SLP_NODISCARD slp_rc os_output_flush(struct os_output *output, struct slp_err *err);

/* Finish and show it, replacing what had the name. Releases `output`, on failure too. */
SLP_NODISCARD slp_rc os_output_commit(struct os_output *output, struct slp_err *err);

/* Drop it; what stood under the name stays. NULL is accepted. */
void os_output_abort(struct os_output *output);

#endif
