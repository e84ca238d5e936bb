/*
 * LIKE: % is any run of characters, _ is one character, all else is itself; with ESCAPE 'c', c
 * takes the meaning of what follows it. Characters are those of UTF-8, and there is no escape
 * character unless one is given.
 */
#ifndef SLP_PREDICATE_LIKE_H
#define SLP_PREDICATE_LIKE_H

#include "base/arena.h"

enum pred_like_unit { PRED_LIKE_BYTE, PRED_LIKE_ONE, PRED_LIKE_MANY };

struct pred_like {
    struct slice pattern; /* as written */
    struct slice escape;  /* one character, or empty */
    uint8_t *bytes;       /* unit by unit; the byte of BYTE */
    uint8_t *units;       /* enum pred_like_unit */
    size_t count;
    size_t head;  /* units before the first that is no BYTE: the prefix every match has */
    bool is_text; /* no % and no _: an equality */
    bool is_head; /* the head, then % and nothing else */
};

/* Compile. `escape` is empty or one character. Errors: INVALID if the pattern ends in its escape,
 * NO_MEMORY. */
SLP_NODISCARD slp_rc pred_like_compile(struct slice pattern, struct slice escape,
                                       struct arena *arena, const struct pred_like **out,
                                       struct slp_err *err);

/* Does the whole text match? Cost: at worst the product of both lengths, no recursion. */
bool pred_like_match(const struct pred_like *like, struct slice text);

/* The bytes every match begins with. */
static inline struct slice pred_like_head(const struct pred_like *like)
{
    return slice_of(like->bytes, like->head);
}

#endif
