/*
 * What type a text may stand for, for columns whose types are inferred (infer.c, infer_json.c): a set
 * of candidates, which shrinks with each value. The first one that is left is taken.
 */
#ifndef SLP_ROWS_GUESS_H
#define SLP_ROWS_GUESS_H

#include "arrow/type.h"
#include "base/slice.h"

enum rows_candidate {
    MAY_BOOL = 1,
    MAY_INT64 = 2,
    MAY_DOUBLE = 4,
    MAY_DATE = 8,
    MAY_TIME = 16,
    MAY_INSTANT = 32,
    MAY_UTF8 = 64,
    MAY_LIST = 128,   /* of JSON alone */
    MAY_OBJECT = 256, /* the same: a struct or a map */
    MAY_ALL = 511
};

/* What numbers this text may be, so that it would be printed with the same digits: no + in front,
 * no 0 in front of digits. 0: none. */
unsigned rows_guess_number(struct slice text);

/* What a text in quotes may be besides text: a date or a time. */
unsigned rows_guess_time(struct slice text);

/* What a text without quotes may be; what is not among `among` need not be looked for. */
unsigned rows_guess_text(struct slice text, unsigned among);

/* The type of a column, which is flat: text where nothing else is left, or there was no value. */
struct arr_type rows_guess_type(unsigned may, bool has_value);

#endif
