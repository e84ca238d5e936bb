/*
 * Where bytes come from and go to: `struct source` is random access to an immutable object of known
 * size, `struct sink` takes bytes in order. Parquet and data files are written over these two; the
 * object store, files and memory provide them. The owner of an implementation embeds the struct as
 * its first member.
 *
 * A read names several ranges at once. An implementation issues them together (one round of
 * requests on an object store, coalesced where the gap is worth it) and fills every destination
 * whole, or fails.
 */
#ifndef SLP_BASE_IO_H
#define SLP_BASE_IO_H

#include "base/buf.h"

struct io_range {
    uint64_t offset; /* bytes from the start of the object */
    size_t len;      /* bytes */
    uint8_t *dst;    /* room for `len` bytes */
};

struct source;

struct source_ops {
    /* Fill every range whole. Ranges lie inside `size`: source_read has checked. */
    slp_rc (*read)(struct source *src, const struct io_range *ranges, size_t count,
                   struct slp_err *err);
    void (*close)(struct source *src);
};

struct source {
    const struct source_ops *ops;
    const char *name;    /* for messages; outlives the source */
    uint64_t size;       /* bytes */
    uint64_t rounds;     /* calls of source_read so far */
    uint64_t reads;      /* ranges so far */
    uint64_t read_bytes; /* bytes so far */
};

/*
 * Read `count` ranges in one round.
 *
 * Errors   CORRUPT  a range lies outside the object
 *          and whatever the implementation returns
 * Threads  one call per source at a time
 */
SLP_NODISCARD slp_rc source_read(struct source *src, const struct io_range *ranges, size_t count,
                                 struct slp_err *err);

/* Read one range into `out`, which is replaced. Errors also LIMIT and NO_MEMORY from `out`. */
SLP_NODISCARD slp_rc source_read_buf(struct source *src, uint64_t offset, size_t len,
                                     struct buf *out, struct slp_err *err);

/* Close and release; NULL is accepted. */
void source_close(struct source *src);

/* A source over bytes that somebody else keeps. Closing it does nothing. */
struct memory_source {
    struct source base;
    struct slice bytes;
};

void source_memory_init(struct memory_source *m, const char *name, struct slice bytes);

struct sink;

struct sink_ops {
    slp_rc (*write)(struct sink *sink, const void *bytes, size_t n, struct slp_err *err);
};

struct sink {
    const struct sink_ops *ops;
    const char *name;
    uint64_t offset; /* bytes written so far: where the next one goes */
};

/* Append bytes. Errors: whatever the implementation returns; the sink is unusable afterwards. */
SLP_NODISCARD slp_rc sink_write(struct sink *sink, const void *bytes, size_t n,
                                struct slp_err *err);

/* A sink that appends to a buffer somebody else owns. */
struct buf_sink {
    struct sink base;
    struct buf *out;
};

void sink_buf_init(struct buf_sink *s, const char *name, struct buf *out);

#endif
