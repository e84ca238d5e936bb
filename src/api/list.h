/*
 * Lists: a few rows made in memory, handed out as a stream of one batch.
 */
#ifndef SLP_API_LIST_H
#define SLP_API_LIST_H

#include "arrow/batch.h"
#include "sleeper/sleeper.h"

struct list_column {
    const char *name;
    enum arr_kind kind; /* BOOL, INT64, UTF8 or TIMESTAMP (microseconds, UTC) */
};

/* One value of a row: text for UTF8, number for the others. */
struct list_value {
    bool is_null;
    int64_t number;
    struct slice text;
};

static inline struct list_value list_text(struct slice text)
{
    return (struct list_value){.text = text};
}

static inline struct list_value list_number(int64_t number)
{
    return (struct list_value){.number = number};
}

static inline struct list_value list_null(void)
{
    return (struct list_value){.is_null = true};
}

struct list;

/* `columns` outlives the list. */
SLP_NODISCARD slp_rc api_list_new(struct alloc *mem, const struct list_column *columns,
                                  size_t count, struct list **out, struct slp_err *err);
void api_list_free(struct list *l);

/* Append a row: as many values as there are columns; texts are copied. */
SLP_NODISCARD slp_rc api_list_add(struct list *l, const struct list_value *values,
                                  struct slp_err *err);

/* The list as rows; takes it, on failure too. */
SLP_NODISCARD slp_rc api_list_rows(struct list *l, struct slp_rows **out, struct slp_err *err);

#endif
