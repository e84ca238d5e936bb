/*
 * What the stores share: counting, checks and results of requests.
 */
#ifndef SLP_STORE_STORE_PRIV_H
#define SLP_STORE_STORE_PRIV_H

#include "base/hash.h"
#include "store/store.h"

/* Add to one of a store's counts; from any thread. */
static inline void store_count(uint64_t *counter, uint64_t n)
{
    (void)__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline struct store_tag store_tag_of(struct slice body)
{
    struct store_tag tag;
    struct hash128 hash = hash_xxh128(body);
    memcpy(tag.bytes, hash.bytes, sizeof tag.bytes);
    return tag;
}

static inline bool store_tag_equal(struct store_tag a, struct store_tag b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

/* All zero: the object must be absent. */
static inline bool store_tag_is_absent(struct store_tag tag)
{
    static const struct store_tag absent;
    return store_tag_equal(tag, absent);
}

static inline bool store_is_write(enum store_verb verb)
{
    return verb == STORE_PUT_IF_ABSENT || verb == STORE_PUT_IF_MATCH || verb == STORE_DELETE;
}

/* Most items a LIST_FROM is answered with. */
static inline size_t store_list_limit(const struct store_request *r)
{
    return r->limit && r->limit < STORE_LIST_MAX ? r->limit : STORE_LIST_MAX;
}

/* The bytes of [0, size) that a GET asks for. Errors: CORRUPT when it begins beyond the end, LIMIT
 * above STORE_GET_MAX_BYTES. */
SLP_NODISCARD slp_rc store_get_span(const struct store_request *r, uint64_t size, size_t *len,
                                    struct slp_err *err);

/* Is a GET asking for the object whole, so that its tag is told? */
static inline bool store_get_is_whole(const struct store_request *r)
{
    return r->offset == 0 && r->len == UINT64_MAX;
}

/* Tell the trace, if there is one, about a read of `count` ranges of an open object. */
void store_trace_read(struct store *s, const char *name, const struct io_range *ranges,
                      size_t count, slp_rc rc);

#endif
