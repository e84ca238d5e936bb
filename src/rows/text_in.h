/*
 * A window over text that is read from its start to its end: files, standard input, memory.
 *
 *     window   | consumed | from `at`: not yet consumed |
 *
 * The window grows while a record does not end within it, up to ROWS_LINE_MAX_BYTES; what was
 * consumed is dropped before more is read, so memory stays near one chunk. At least BUF_PADDING
 * bytes behind it may be read.
 *
 * Who looks ahead, for types, keeps what it consumes (`is_kept`) and goes back to the start then:
 * so standard input, which goes by once, is looked at too.
 */
#ifndef SLP_ROWS_TEXT_IN_H
#define SLP_ROWS_TEXT_IN_H

#include "base/buf.h"
#include "os/reader.h"

struct rows_text_in {
    const char *name;         /* for messages */
    struct os_reader *reader; /* owned; NULL: the bytes of `memory` */
    struct slice memory;      /* what is left of it */
    size_t chunk_bytes;       /* read at once, at least; grows with the record */
    struct buf window;
    size_t at;
    bool is_end;  /* nothing follows the window */
    bool is_kept; /* what is consumed stays, until rows_text_in_rewind */
};

/* Errors: as os_reader_open. */
SLP_NODISCARD slp_rc rows_text_in_open(struct rows_text_in *in, struct alloc *mem, const char *path,
                                       struct slp_err *err);

/* Text that somebody else keeps, read `chunk_bytes` at a time. */
void rows_text_in_memory(struct rows_text_in *in, struct alloc *mem, const char *name,
                         struct slice text, size_t chunk_bytes);
void rows_text_in_close(struct rows_text_in *in); /* a zeroed one is accepted */

/*
 * Drop what was consumed and read more; `is_end` when there was none.
 *
 * Errors   LIMIT  ROWS_LINE_MAX_BYTES stand in the window and are not consumed
 *          NO_MEMORY, and those of os_reader_read
 */
SLP_NODISCARD slp_rc rows_text_in_more(struct rows_text_in *in, struct slp_err *err);

/* Go back to where keeping began: the start. */
void rows_text_in_rewind(struct rows_text_in *in);

/* Is so much kept that who looks ahead should look no further? */
bool rows_text_in_is_full(const struct rows_text_in *in);

/* Take up to `n` bytes, as they are, past the window too; fewer only at the end. Errors: those of
 * os_reader_read. */
SLP_NODISCARD slp_rc rows_text_in_take(struct rows_text_in *in, void *dst, size_t n, size_t *got,
                                       struct slp_err *err);

/* What is in the window and not consumed. */
static inline struct slice rows_text_in_rest(const struct rows_text_in *in)
{
    return slice_after(buf_slice(&in->window), in->at);
}

/* Pass over a byte order mark at the start. Errors as rows_text_in_more. */
SLP_NODISCARD slp_rc rows_text_in_begin(struct rows_text_in *in, struct slp_err *err);

#endif
