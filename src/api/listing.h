/*
 * What lists of a table are made with: a table's state, an arena, and a list that grows row by row.
 */
#ifndef SLP_API_LISTING_H
#define SLP_API_LISTING_H

#include "api/instance.h"
#include "api/list.h"

/* What making a list of one table needs. */
struct listing {
    struct slp_instance *instance;
    struct state_table *table;
    const struct table_state *view;
    struct arena arena;
    struct list *list;
    const void *context; /* what the caller of api_make_list_of wants passed on */
};

/* A kind of list: its columns, and what makes its rows. */
struct list_kind {
    const struct list_column *columns;
    size_t count;
    slp_rc (*fill)(struct listing *l, struct slp_err *err);
};

/* Make a list from what `l` says of table and view; the arena is made and released here. */
SLP_NODISCARD slp_rc api_fill_list(struct listing *l, const struct list_kind *kind,
                                   struct slp_rows **out, struct slp_err *err);

/* Make a list of a table as it is now. */
SLP_NODISCARD slp_rc api_make_list(struct slp_instance *instance, const char *table,
                                   const struct list_kind *kind, const void *context,
                                   struct slp_rows **out, struct slp_err *err);

/* Go over all tables of the instance: `add` for each, with l->table and l->view set to it. */
SLP_NODISCARD slp_rc api_each_listed(struct listing *l,
                                     slp_rc (*add)(struct listing *l, struct slice name,
                                                   struct slp_err *err),
                                     struct slp_err *err);

/* A key as text in the arena; one that is cut inside a field is shown as hexadecimal digits. */
SLP_NODISCARD slp_rc api_key_text(struct listing *l, struct slice key, struct slice *out,
                                  struct slp_err *err);

/* Both bounds of an interval; an open end is null. */
SLP_NODISCARD slp_rc api_range_text(struct listing *l, struct key_range range,
                                    struct list_value *lo, struct list_value *hi,
                                    struct slp_err *err);

/* Add a row of two columns, for things that are shown field by field. */
SLP_NODISCARD slp_rc api_add_field(struct listing *l, const char *field, struct list_value value,
                                   struct slp_err *err);
SLP_NODISCARD slp_rc api_add_number(struct listing *l, const char *field, int64_t value,
                                    struct slp_err *err);

/* "compact", "fold" or "ingest". */
const char *api_job_kind(uint32_t kind);

/* Microseconds since 1970 in the text of a timestamp. */
SLP_NODISCARD slp_rc api_add_time(struct listing *l, const char *field, int64_t time_us,
                                  struct slp_err *err);

#endif
