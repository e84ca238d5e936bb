/*
 * Base64 as RFC 4648 has it, with padding.
 */
#ifndef SLP_ARROW_BASE64_H
#define SLP_ARROW_BASE64_H

#include "base/slice.h"

static inline size_t arr_base64_bytes(size_t raw_bytes)
{
    return (raw_bytes + 2) / 3 * 4;
}

/* `out` has room for arr_base64_bytes(n) of n raw bytes. */
void arr_base64_write(struct slice raw, char *out);

/* Decode into room for text.len / 4 * 3 bytes. false if it is not base64 in its only form. */
bool arr_base64_read(struct slice text, uint8_t *out, size_t *bytes);

#endif
