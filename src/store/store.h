/*
 * The object store: named immutable objects and five verbs, over memory, a folder, and what comes
 * later.
 *
 *   GET            an object, whole or one range
 *   PUT_IF_ABSENT  create; CONFLICT when the name is taken
 *   PUT_IF_MATCH   replace when the object's tag is the one given (used by `floor` alone);
 *                  CONFLICT otherwise
 *   LIST_FROM      names under a prefix, ascending, after a name; a listing finds candidates,
 *                  it never proves absence
 *   DELETE         remove; a name that is not there is no error
 *
 * A call has two halves. `store_submit` starts a batch of requests; `store_wait` waits until all of
 * a batch are done, the deadline passes or the cancel token is set. The blocking forms below are
 * one-line helpers on these. All waiting of the engine happens in store_wait and in os clock
 * sleeps, both behind vtables, so a simulator may drive them.
 *
 * Names are relative to the store's root: '/'-separated, no empty, "." or ".." parts, at most
 * STORE_NAME_MAX bytes, parts of at most STORE_NAME_PART_MAX that do not begin with '.' (those are
 * the store's own), no NUL. A name is never also the beginning of another one up to a '/'.
 *
 * Writes of large objects: `store_put_open` gives a sink; nothing is visible until
 * `store_put_commit`, which makes the object durable and then visible, without replacing. Dropping
 * it leaves nothing that is listed.
 */
#ifndef SLP_STORE_STORE_H
#define SLP_STORE_STORE_H

#include "base/arena.h"
#include "base/io.h"

#define STORE_NAME_MAX      512u
#define STORE_NAME_PART_MAX 255u

/* Objects read whole into memory are at most this long; longer ones are read by ranges through
 * store_open. */
#define STORE_GET_MAX_BYTES ((uint64_t)1 << 30)

enum store_verb {
    STORE_GET,
    STORE_PUT_IF_ABSENT,
    STORE_PUT_IF_MATCH,
    STORE_LIST_FROM,
    STORE_DELETE,
    STORE_VERB_COUNT
};

struct store_tag {
    uint8_t bytes[16]; /* of the content; what PUT_IF_MATCH compares */
};

struct store_item {
    struct slice name;   /* relative to the root; in the request's arena */
    uint64_t size;       /* bytes */
    int64_t modified_us; /* the store's clock, since 1970 */
};

struct store_request {
    enum store_verb verb;
    struct slice name; /* object; prefix for LIST_FROM */
    /* GET */
    uint64_t offset; /* bytes */
    uint64_t len;    /* bytes; UINT64_MAX: to the end; fewer come when the object ends before */
    struct buf *out; /* replaced by the bytes */
    /* PUT_* */
    struct slice body;
    bool is_fleeting; /* PUT_*: a power cut may take or tear it; a folder syncs nothing */
    struct store_tag
        match; /* PUT_IF_MATCH: the tag expected now; all zero: the object must be absent */
    /* LIST_FROM */
    struct slice after;  /* names above this one; empty: all */
    size_t limit;        /* most items; 0: STORE_LIST_MAX */
    struct arena *arena; /* items and names go here */
    /* results */
    struct store_item *items;
    size_t item_count;
    struct store_tag tag;  /* GET of a whole object, PUT_*: of the content */
    int64_t store_time_us; /* the store's clock when it answered */
    slp_rc rc;             /* of this request, after store_wait */
    struct slp_err err;
};

#define STORE_LIST_MAX 1000u

/* When to give up waiting. A zeroed one waits for ever. */
struct store_wait_options {
    int64_t deadline_us;        /* on the store's monotonic clock (store_now_us); 0: none */
    const volatile int *cancel; /* set non-zero by somebody else to give up; may be NULL */
};

/* A read of an open object counts as the GETs it took, a commit of a streamed one as a
 * PUT_IF_ABSENT. */
struct store_counts {
    uint64_t requests[STORE_VERB_COUNT];
    uint64_t bytes_in;  /* read */
    uint64_t bytes_out; /* written */
    uint64_t rounds;    /* calls of store_submit, of source_read and of store_put_commit */
    uint64_t syncs;     /* folder: fsync calls */
};

struct store;
struct store_put;

/* What an implementation gives. A request whose `rc` is not OK when `submit` gets it was refused
 * already and is left alone. */
struct store_ops {
    slp_rc (*submit)(struct store *s, struct store_request *requests, size_t count,
                     struct slp_err *err);
    slp_rc (*wait)(struct store *s, struct store_request *requests, size_t count,
                   const struct store_wait_options *o, struct slp_err *err);
    slp_rc (*open)(struct store *s, struct slice name, struct alloc *mem, struct source **out,
                   struct slp_err *err);
    slp_rc (*put_open)(struct store *s, struct slice name, struct alloc *mem,
                       struct store_put **out, struct slp_err *err);
    slp_rc (*put_commit)(struct store_put *put,
                         struct slp_err *err); /* releases `put`, on failure too */
    void (*put_abort)(struct store_put *put);
    slp_rc (*settle)(struct store *s, struct slice name, struct slp_err *err); /* NULL: at once */
    int64_t (*clock_us)(
        struct store *s); /* the store's wall clock since 1970; monotonic enough for deadlines */
    void (*sleep_us)(struct store *s, int64_t us);
    void (*close)(struct store *s);
};

/* Told a line of text about each request when it is answered, from the thread that waited. */
typedef void (*store_trace_fn)(void *context, const char *line);

struct store {
    const struct store_ops *ops;
    bool is_ordered;      /* the requests of a batch happen one after the other, in their order */
    store_trace_fn trace; /* may be NULL */
    void *trace_context;
    struct store_counts counts; /* updated atomically; read with store_counts_read */
};

struct store_put {
    struct store *store;
    struct sink *sink; /* write the object here */
};

/* Start requests; `count` may be 1 to 1,000. What is wrong with one request is told in its `rc`,
 * after store_wait. Requests and what they point to stay in place until then. */
SLP_NODISCARD slp_rc store_submit(struct store *s, struct store_request *requests, size_t count,
                                  struct slp_err *err);

/* Wait for all of a batch. OK says that each has its own `rc`. Errors: UNAVAILABLE past the
 * deadline, CANCELLED; then writes that were under way have unknown outcomes. */
SLP_NODISCARD slp_rc store_wait(struct store *s, struct store_request *requests, size_t count,
                                const struct store_wait_options *options, struct slp_err *err);

/*
 * Blocking helpers, one request each.
 * Errors   NOT_FOUND    get: no such object (and an offset beyond its end is CORRUPT)
 *          CONFLICT     put_if_absent: the name is taken; put_if_match: another tag
 *          UNKNOWN      a write that may have happened: look before repeating
 *          UNAVAILABLE, DENIED, IO, LIMIT (device full: "no space"), NO_MEMORY
 */
SLP_NODISCARD slp_rc store_get(struct store *s, struct slice name, struct buf *out,
                               struct slp_err *err);
SLP_NODISCARD slp_rc store_get_range(struct store *s, struct slice name, uint64_t offset,
                                     uint64_t len, struct buf *out, struct slp_err *err);
SLP_NODISCARD slp_rc store_put_if_absent(struct store *s, struct slice name, struct slice body,
                                         struct slp_err *err);
SLP_NODISCARD slp_rc store_put_if_match(struct store *s, struct slice name, struct slice body,
                                        struct store_tag match, struct store_tag *tag,
                                        struct slp_err *err);
SLP_NODISCARD slp_rc store_list(struct store *s, struct slice prefix, struct slice after,
                                size_t limit, struct arena *arena, struct store_item **items,
                                size_t *count, struct slp_err *err);
SLP_NODISCARD slp_rc store_delete(struct store *s, struct slice name, struct slp_err *err);

/*
 * Have the creation of an object that was seen be durable, and of all that its author saw before in the
 * same folder: the put of somebody else makes it visible first and durable then.
 * Errors   UNKNOWN  a sync failed; the store's
 * Cost     a folder: one sync; other stores: nothing, what is visible there is durable
 */
SLP_NODISCARD slp_rc store_settle(struct store *s, struct slice name, struct slp_err *err);

/* Random access to one object as it was when opened, be it deleted since; the name is copied.
 * source_read issues all its ranges as one batch. Sources are closed before their store.
 * NOT_FOUND. */
SLP_NODISCARD slp_rc store_open(struct store *s, struct slice name, struct alloc *mem,
                                struct source **out, struct slp_err *err);

SLP_NODISCARD slp_rc store_put_open(struct store *s, struct slice name, struct alloc *mem,
                                    struct store_put **out, struct slp_err *err);
SLP_NODISCARD slp_rc store_put_commit(struct store_put *put, struct slp_err *err);
void store_put_abort(struct store_put *put); /* NULL is accepted */

/* From now on tell `trace` about requests: "get log/00000000000000000001: OK, 214 bytes". NULL:
 * stop. */
void store_set_trace(struct store *s, store_trace_fn trace, void *context);

int64_t store_now_us(struct store *s);
void store_sleep_us(struct store *s, int64_t us);
struct store_counts store_counts_read(struct store *s);
void store_close(struct store *s); /* NULL is accepted */

/* Is this a name the store takes? Errors: INVALID. */
SLP_NODISCARD slp_rc store_name_check(struct slice name, struct slp_err *err);

/* The stores. A folder is made when it is not there and `create` is set (NOT_FOUND otherwise). Its
 * file system is probed for links that do not replace before the first write, and refused
 * (UNSUPPORTED) without them. */
SLP_NODISCARD slp_rc store_memory_new(struct alloc *mem, struct store **out, struct slp_err *err);
SLP_NODISCARD slp_rc store_folder_open(struct alloc *mem, const char *path, bool create,
                                       struct store **out, struct slp_err *err);

/* Open by URI: a plain path or file:///dir; other schemes are UNSUPPORTED by name. */
SLP_NODISCARD slp_rc store_open_uri(struct alloc *mem, const char *uri, bool create,
                                    struct store **out, struct slp_err *err);

/*
 * A store on another one that fails on purpose, for tests and drills. `fault_at` counts requests
 * from 0; opening an object, each read of an open one and the commit of a streamed one are requests
 * too. Closing it leaves the one below open.
 *
 *   BEFORE        nothing is done; the request is UNAVAILABLE
 *   AFTER         a write is done, and store_wait is UNAVAILABLE for the whole batch, as at a
 *                 deadline (blocking helpers and commits: UNKNOWN)
 *   LOST_ANSWER   a write is done, and its request is UNKNOWN
 *
 * Of reads nothing is done in all three, and they are UNAVAILABLE.
 */
enum store_fault { STORE_FAULT_BEFORE, STORE_FAULT_AFTER, STORE_FAULT_LOST_ANSWER };

struct store_fault_plan {
    uint64_t fault_at; /* the request that fails; UINT64_MAX: none */
    bool for_good;     /* and every one after it */
    enum store_fault kind;
};

SLP_NODISCARD slp_rc store_faulty_new(struct alloc *mem, struct store *below,
                                      const struct store_fault_plan *plan, struct store **out,
                                      struct slp_err *err);

/* Faults delivered so far: a loop over `fault_at` ends with the round that met none. */
uint64_t store_faulty_hits(struct store *s);

#endif
