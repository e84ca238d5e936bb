/*
 * The text of every value: what CSV, NDJSON, tables, keys on the command line and predicates print
 * and parse. One place, so that what is printed is read back to the same value.
 *
 *   BOOL        true false
 *   integers    -12
 *   floats      shortest form that reads back the same: 1 0.1 1e300 NaN Infinity -Infinity
 *   DATE32      2001-01-31; years beyond 0..9999 with sign, as ISO 8601 extends them
 *   TIMESTAMP   2001-01-31T06:00:00, a fraction of as many digits as the value needs (none, 3, 6
 *               or 9) and Z if utc
 *   DECIMAL128  -12.30, with `scale` digits behind the point
 *   UTF8        as it is
 *   BINARY      base64 (RFC 4648, padded); FIXED_BINARY as well
 *   FLOAT16     shortest form that reads back the same half
 *   TIME32, 64  06:00:00, a fraction as for TIMESTAMP
 *   DURATION    PT3.5S: seconds, as ISO 8601 has them
 *   INTERVAL    P1M2DT3.5S: months, days, seconds, each with its sign, none that is 0; PT0S
 *   DECIMAL256  as DECIMAL128
 *   LIST        JSON: [1,2,null]
 *   STRUCT      JSON: {"a":1,"b":"x"}
 *   MAP         JSON: {"k":1} by texts; by other keys [{"key":1,"value":2}]
 *
 * Within JSON numbers and booleans stand bare, all else in quotes, NaN and infinities too.
 *
 * Parsing accepts more than printing writes: true and false in any case, + before numbers, 1e5 for
 * a float, inf, -inf and nan in any case; a blank instead of T, a date alone for a timestamp, hours
 * and minutes alone, an offset (+02:00) for utc ones; weeks, days, hours and minutes for durations,
 * years too for intervals. Nested values are not parsed. Nothing that loses digits: no 1.5 for an
 * integer, no float out of range, no fraction finer than the unit. UTF8 must be UTF-8.
 */
#ifndef SLP_ARROW_TEXT_H
#define SLP_ARROW_TEXT_H

#include "arrow/batch.h"

/* Append the text of one non-null value. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_text_format(const struct arr_col *c, int64_t row, struct buf *out,
                                     struct slp_err *err);

/* Append one value, null too, as JSON. Errors: LIMIT, NO_MEMORY. */
SLP_NODISCARD slp_rc arr_text_json(const struct arr_col *c, int64_t row, struct buf *out,
                                   struct slp_err *err);

/*
 * Parse `text` as `c`'s type and append the value. Nothing is appended on failure.
 *
 * Errors   INVALID    names the text (cut to 40 bytes), the type and what was expected
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc arr_text_parse(struct arr_col *c, struct slice text, struct slp_err *err);

/* Pure helpers other parsers share. false when the text is not of that form or out of range. */
bool arr_text_i64(struct slice text, int64_t *out);
bool arr_text_u64(struct slice text, uint64_t *out);
bool arr_text_f64(struct slice text, double *out);
bool arr_text_date(struct slice text, int32_t *days);
/* With an offset or Z only if `utc`; digits beyond `unit` must be zero. */
bool arr_text_timestamp(struct slice text, enum arr_unit unit, bool utc, int64_t *out);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian) and back. */
int64_t arr_days_from_civil(int64_t year, unsigned month, unsigned day);
void arr_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
