/*
 * Scanning the texts of engines, filters and iterators: names, numbers, quoted texts and marks. What
 * fails is shown with a caret, as the predicate language does it.
 *
 *   WORD    count  order-by  größe      letters, digits, _ - . and all beyond ASCII
 *   QUOTED  "a ""b"""  `a`              a name; body as meant
 *   STRING  'it''s'                     a text; body as meant
 *   MARK    ( ) , : ; = * and any other character
 */
#ifndef SLP_STACK_SCAN_H
#define SLP_STACK_SCAN_H

#include "base/arena.h"
#include "predicate/mark.h"

enum scan_kind { SCAN_END, SCAN_WORD, SCAN_QUOTED, SCAN_STRING, SCAN_MARK };

struct scan_token {
    enum scan_kind kind;
    struct pred_span at;
    struct slice body;
};

struct scan {
    struct slice text;
    size_t at;
    struct arena *arena;    /* of bodies that had doubled quotes */
    struct scan_token next; /* not taken yet */
};

/* Begin, and look at the first token. Errors: INVALID with a caret: a quote without its end. */
SLP_NODISCARD slp_rc stack_scan_begin(struct scan *s, struct slice text, struct arena *arena,
                                      struct slp_err *err);

/* Take the next token. */
SLP_NODISCARD slp_rc stack_scan_take(struct scan *s, struct scan_token *out, struct slp_err *err);

static inline bool stack_scan_is(const struct scan *s, char mark)
{
    return s->next.kind == SCAN_MARK && s->next.body.len == 1 && s->next.body.ptr[0] == mark;
}

/* Is it this word, in any case? `word` is in lower case. */
bool stack_scan_is_word(const struct scan_token *t, const char *word);

/* Take this mark. Errors: INVALID with a caret, naming what is there. */
SLP_NODISCARD slp_rc stack_scan_expect(struct scan *s, char mark, struct slp_err *err);

/* Take a name, WORD or QUOTED. `what` says of what, for messages. */
SLP_NODISCARD slp_rc stack_scan_name(struct scan *s, const char *what, struct scan_token *out,
                                     struct slp_err *err);

/* Nothing is left. */
SLP_NODISCARD slp_rc stack_scan_end(const struct scan *s, struct slp_err *err);

/* Fail at the next token. */
slp_rc stack_scan_fail(const struct scan *s, struct slp_err *err, const char *expected);

/* Split at `separator` where it stands outside of brackets and quotes: the piece from `*at` on, and
 * `*at` behind it. false at the end of the text. */
bool stack_scan_piece(struct slice text, char separator, size_t *at, struct slice *out);

#endif
