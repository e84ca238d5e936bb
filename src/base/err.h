/*
 * Errors: who fills them, who prepends, how a function is left.
 *
 *     slp_rc f(..., struct slp_err *err)
 *     {
 *         slp_rc rc = SLP_OK;
 *         TRY(check(..., err));                    nothing to release yet
 *         struct buf b;
 *         buf_init(&b, mem, MAX);
 *         TRY_OUT(load(&b, err));                  from here on through `out`
 *         if (b.len < 8)
 *             FAIL_OUT(err, CORRUPT, "%zu bytes at offset 0, expected at least 8", b.len);
 *     out:
 *         buf_fini(&b);
 *         return err_wrap(err, rc, "object \"%s\"", name);
 *     }
 *
 * The failing line fills `err` by FAIL or FAIL_OUT; callers prepend what they were doing with
 * err_wrap and pass the code on. The first error wins: cleanup never overwrites it.
 */
#ifndef SLP_BASE_ERR_H
#define SLP_BASE_ERR_H

#include "sleeper/types.h"

#if defined(__GNUC__)
#define SLP_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define SLP_PRINTF(format_at, args_at)
#endif

/* Fill `err` (may be NULL) and return `code`. Errors never allocate. */
slp_rc err_set(struct slp_err *err, slp_rc code, const char *format, ...) SLP_PRINTF(3, 4);

/* Prepend "what: " to the text when `rc` is an error; OK and DONE are left alone. Returns `rc`. */
slp_rc err_wrap(struct slp_err *err, slp_rc rc, const char *format, ...) SLP_PRINTF(3, 4);

/* Append to the text of an error, as hints do. Returns `rc`. */
slp_rc err_append(struct slp_err *err, slp_rc rc, const char *format, ...) SLP_PRINTF(3, 4);

/* Forget an error that was dealt with. */
void err_clear(struct slp_err *err);

/* The name of a code as it stands in status.def, "CORRUPT" for SLP_CORRUPT; "UNKNOWN_CODE" beyond
 * it. */
const char *err_name(slp_rc code);

/* Return an error from a function that has nothing to release. */
#define FAIL(err, code, ...) return err_set((err), SLP_##code, __VA_ARGS__)

/* Set `rc` to an error and leave through the label `out`. */
#define FAIL_OUT(err, code, ...)                                                                   \
    do {                                                                                           \
        rc = err_set((err), SLP_##code, __VA_ARGS__);                                              \
        goto out;                                                                                  \
    } while (0)

#define TRY(call)                                                                                  \
    do {                                                                                           \
        slp_rc try_rc_ = (call);                                                                   \
        if (try_rc_ != SLP_OK)                                                                     \
            return try_rc_;                                                                        \
    } while (0)

#define TRY_OUT(call)                                                                              \
    do {                                                                                           \
        rc = (call);                                                                               \
        if (rc != SLP_OK)                                                                          \
            goto out;                                                                              \
    } while (0)

/* Ends the process with a message, in release too: for states where going on could lose data. */
_Noreturn void err_invariant_broken(const char *claim, const char *file, int line);

#define SLP_INVARIANT(claim) ((claim) ? (void)0 : err_invariant_broken(#claim, __FILE__, __LINE__))

#endif
