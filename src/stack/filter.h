/*
 * Table filters: which rows a table keeps, and where each may stand (PROTOCOL.md V1, V2).
 *
 *   ageOff(FIELD, AGE)   kept while FIELD is later than the time less AGE; a null is not kept.
 *                        AGE: milliseconds, or a number with a unit: 90 s, 15 min, 12 h, 7 d, 2 w
 *                        FIELD: timestamp, date32, or an integer: milliseconds since 1970
 *   any predicate        kept where it is TRUE
 *
 *   a filter over      before the merge   ingest, compaction                        queries
 *   key fields alone   always             always                                    always
 *   other fields       never              bag: row by row; last by position: a      the merged row
 *                                         failing row becomes a delete; else never
 *
 * A filter whose truth changes with time stands in ingest and compaction only if time can turn TRUE
 * into something else and never back (STACK_EXPIRES): what is dropped must stay refused. ageOff is
 * such a one.
 */
#ifndef SLP_STACK_FILTER_H
#define SLP_STACK_FILTER_H

#include "predicate/predicate.h"
#include "stack/stack.h"

enum stack_time {
    STACK_TIMELESS,
    STACK_EXPIRES, /* once not TRUE, never TRUE again */
    STACK_VARIES
};

enum stack_place {
    STACK_NOWHERE,
    STACK_BEFORE,    /* the merge, or right behind it: the same rows */
    STACK_ROW,       /* the merged row, which goes */
    STACK_TO_DELETE, /* the merged row, which becomes a delete */
};

/* Where a filter stands. `by_position`: the engine has no order-by. */
enum stack_place stack_filter_place(enum stack_engine engine, bool by_position, bool is_key_only,
                                    enum stack_time time, enum stack_mode mode);

struct stack_filter {
    const struct pred *where; /* NULL: ageOff */
    size_t column;            /* ageOff */
    int64_t age_ms;           /* ageOff */
    bool is_key_only;
    enum stack_time time;
};

struct stack_filters {
    struct stack_filter at[STACK_FILTERS_MAX];
    size_t count;
};

/* Parse one text, a predicate or ageOff calls joined by commas, and append. Errors: INVALID with a
 * caret; LIMIT beyond STACK_FILTERS_MAX. */
SLP_NODISCARD slp_rc stack_filter_parse(struct slice text, const struct schema *schema,
                                        struct arena *arena, struct stack_filters *out,
                                        struct slp_err *err);

/* Rows that pass: keep[i] stays what it is, 1, only where the filter is TRUE, else becomes 0.
 * `truth` is scratch. Errors: NO_MEMORY. */
SLP_NODISCARD slp_rc stack_filter_eval(const struct stack_filter *f, const struct arr_batch *batch,
                                       int64_t now_ms, struct buf *truth, uint8_t *keep,
                                       struct slp_err *err);

#endif
