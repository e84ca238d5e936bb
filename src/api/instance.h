/*
 * What is behind the public handles.
 */
#ifndef SLP_API_INSTANCE_H
#define SLP_API_INSTANCE_H

#include "arrow/batch.h"
#include "os/thread.h"
#include "query/query.h"
#include "rows/rows.h"
#include "sleeper/sleeper.h"
#include "state/state.h"

/* Table handles that an instance keeps open, so that a program asking again replays only what is
 * new. */
#define INSTANCE_TABLES_MAX 64u
#define INSTANCE_IDLE_MAX   32u

struct slp_instance {
    struct alloc *mem;
    struct store *store;
    struct state_instance *state;
    size_t threads;  /* as asked for; 0 until api_instance_threads looks */
    uint64_t memory; /* bytes, as asked for; 0 until api_instance_memory looks */
    const volatile int *cancel;
    struct query_counts counts;
    struct state_table *tables[INSTANCE_TABLES_MAX];
    bool is_retired[INSTANCE_TABLES_MAX]; /* rows may still read from it; nobody else is given it */
    size_t table_count;
    struct os_mutex lock;                        /* guards all below */
    struct state_table *idle[INSTANCE_IDLE_MAX]; /* of writers that have ended */
    size_t idle_count;
};

struct slp_rows {
    struct alloc *mem;
    struct arr_stream *stream;
};

/* The table's handle, replayed to the tip; kept until the instance is closed. Errors: INVALID
 * (NULL), NOT_FOUND, LIMIT beyond INSTANCE_TABLES_MAX tables, and those of state_table_refresh. */
SLP_NODISCARD slp_rc api_instance_table(struct slp_instance *instance, const char *name,
                                        struct state_table **out, struct slp_err *err);

/* The same, but when it has to be opened, as the options say, which may leave out leaves: see
 * state_table_cover. */
SLP_NODISCARD slp_rc api_instance_table_part(struct slp_instance *instance, const char *name,
                                             const struct state_open_options *options,
                                             struct state_table **out, struct slp_err *err);

/* Have the next one who asks for the table open it anew: it was dropped, or has another name or
 * schema. */
void api_instance_forget(struct slp_instance *instance, const char *name);

/*
 * A handle of the table for one user, whatever others do: replayed to the tip when it was lent. It is
 * given back, not closed; `is_good` says that its table is still what it was, so that the next may
 * have it and replays only what is new.
 *
 * Threads   any
 */
SLP_NODISCARD slp_rc api_instance_borrow(struct slp_instance *instance, const char *name,
                                         struct state_table **out, struct slp_err *err);
void api_instance_return(struct slp_instance *instance, struct state_table *table, bool is_good);

/* What the work may use: as asked for when the instance was opened, else what the machine has. The
 * machine is asked by the first that needs it: reading its limits would cost a lookup more than
 * finding the row's files. */
uint64_t api_instance_memory(struct slp_instance *instance);
size_t api_instance_threads(struct slp_instance *instance);

/* The format of inputs by its name. Errors: INVALID. */
SLP_NODISCARD slp_rc api_input_format(const char *name, enum rows_format *out, struct slp_err *err);

/* How many texts stand before the NULL that ends a list; NULL is an empty list. */
static inline size_t api_count_texts(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Wrap a stream, which is taken, on failure too. */
SLP_NODISCARD slp_rc api_rows_wrap(struct alloc *mem, struct arr_stream *stream,
                                   struct slp_rows **out, struct slp_err *err);

#endif
