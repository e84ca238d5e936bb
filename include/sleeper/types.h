/*
 * Types that every part of Sleeper shares: status codes and the error record.
 *
 * What can fail returns `slp_rc` and takes a `struct slp_err *` last, which may be NULL. A code
 * says what the caller can do about it; the text says what happened, with the object and the place.
 * Outputs are untouched on failure.
 */
#ifndef SLEEPER_TYPES_H
#define SLEEPER_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SLP_NODISCARD __attribute__((warn_unused_result))
#define SLP_PUBLIC    __attribute__((visibility("default")))
#else
#define SLP_NODISCARD
#define SLP_PUBLIC
#endif

typedef enum slp_rc {
#define SLP_STATUS(name, value, exit_code, action) SLP_##name = (value),
#include "sleeper/status.def"
#undef SLP_STATUS
} slp_rc;

/* Longest error text in bytes, its terminator included; longer texts are cut at a character. */
#define SLP_ERR_TEXT_BYTES 2048

/* An error: a code and a text. The caller owns it; a zeroed one is valid and means OK. */
struct slp_err {
    slp_rc code;
    char text[SLP_ERR_TEXT_BYTES]; /* UTF-8, terminated, lower case, without full stop */
};

#ifdef __cplusplus
}
#endif

#endif
