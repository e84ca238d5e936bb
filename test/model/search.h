/*
 * Breadth-first search over the states of a small model, all of them. A state is a struct without
 * padding that the model fills; `step` calls search_offer for each state that may come next, `check`
 * says what is wrong with one, or NULL.
 */
#ifndef SLP_TEST_SEARCH_H
#define SLP_TEST_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct search {
    size_t bytes; /* of a state */
    void (*step)(struct search *s, const void *state);
    const char *(*check)(const void *state);
    uint8_t *states; /* in the order in which they were found */
    size_t count;
    size_t room;
    uint32_t *table; /* index + 1 by hash */
    size_t table_room;
    const char *complaint;
};

/* Look at every state that can be reached from `start`, until one is wrong. `most` bounds it: more is a
 * failure too. Returns the complaint; NULL: all are right. */
const char *search_run(struct search *s, const void *start, size_t most);

/* The same from beginning to end; `*count` is how many states were looked at. */
const char *search_all(struct search *s, const void *start, size_t most, size_t *count);
void search_offer(struct search *s, const void *state);
void search_end(struct search *s);

#endif
