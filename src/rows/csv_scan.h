/*
 * Records of CSV and TSV (RFC 4180): where fields begin and end, not what they mean.
 *
 *     2001-01-31,"a ""b""",,""\r\n      four fields: text, quoted with an escape, null, empty
 *
 * Text is scanned eight bytes a step. A record that does not end within the window is scanned again
 * once the window has more. A quote stands at the start of a field or inside of quotes; anywhere
 * else it is refused, since guessing moves all fields behind it.
 */
#ifndef SLP_ROWS_CSV_SCAN_H
#define SLP_ROWS_CSV_SCAN_H

#include "arrow/type.h"
#include "rows/text_in.h"

struct rows_csv_field {
    uint32_t offset; /* of its text, behind the quote, from the start of the record */
    uint32_t len;
    bool is_quoted;
    bool has_escape; /* "" stands for a quote */
};

struct rows_csv_scan {
    struct rows_text_in *in; /* borrowed */
    uint8_t delimiter;
    size_t field_count; /* of the last record; the first ARR_COLUMNS_MAX of them are kept */
    struct buf fields;
    struct buf unescaped;
    size_t record_at;   /* in the window */
    uint64_t line;      /* of the last record, from 1 */
    uint64_t next_line; /* where the next one begins */
};

void rows_csv_scan_init(struct rows_csv_scan *s, struct alloc *mem, struct rows_text_in *in,
                        uint8_t delimiter);
void rows_csv_scan_fini(struct rows_csv_scan *s);

/*
 * Find the next record; its fields are valid until the next call. DONE at the end.
 *
 * Errors   BAD_INPUT  a quote that is out of place or never closed (line and field)
 *          LIMIT      a record longer than ROWS_LINE_MAX_BYTES (line)
 *          NO_MEMORY, and those of reading
 */
SLP_NODISCARD slp_rc rows_csv_record(struct rows_csv_scan *s, struct slp_err *err);

static inline const struct rows_csv_field *rows_csv_field(const struct rows_csv_scan *s, size_t i)
{
    return (const struct rows_csv_field *)(const void *)s->fields.ptr + i;
}

/*
 * Give up the record that rows_csv_record refused: its first line is passed over, and is `*text`,
 * without its end, until the next call. Errors: LIMIT as rows_csv_record, those of reading.
 */
SLP_NODISCARD slp_rc rows_csv_pass(struct rows_csv_scan *s, struct slice *text,
                                   struct slp_err *err);

/* The last record as it stands, without its end; valid until the next call. */
struct slice rows_csv_record_text(const struct rows_csv_scan *s);

/* Is the record a line with nothing in it? */
static inline bool rows_csv_is_blank(const struct rows_csv_scan *s)
{
    return s->field_count == 1 && rows_csv_field(s, 0)->len == 0 &&
           !rows_csv_field(s, 0)->is_quoted;
}

/* The text of a field, "" undone; valid until the next call of this or rows_csv_record. Errors:
 * NO_MEMORY. */
SLP_NODISCARD slp_rc rows_csv_text(struct rows_csv_scan *s, const struct rows_csv_field *f,
                                   struct slice *out, struct slp_err *err);

/*
 * Read the first record as names of columns, for a scan that was just begun. A byte order mark is
 * passed over.
 *
 * out      names in `arena`, types blank
 * Errors   BAD_INPUT  no header; a name that is no UTF-8
 *          LIMIT      more than ARR_COLUMNS_MAX columns
 *          and those of rows_csv_record
 */
SLP_NODISCARD slp_rc rows_csv_header(struct rows_csv_scan *s, struct arena *arena,
                                     struct arr_schema *out, struct slp_err *err);

/* Bytes of the last record, its end included. */
static inline size_t rows_csv_record_bytes(const struct rows_csv_scan *s)
{
    return s->in->at - s->record_at;
}

#endif
