#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cut a text that filled its buffer back to a whole UTF-8 character. */
static void cut_at_character(char *text, size_t capacity)
{
    size_t len = strlen(text);
    if (len + 1 < capacity)
        return;
    while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && ((unsigned char)text[len - 1] & 0x80) != 0)
        len--;
    text[len] = '\0';
}

slp_rc err_set(struct slp_err *err, slp_rc code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    cut_at_character(err->text, sizeof err->text);
    err->code = code;
    return code;
}

slp_rc err_wrap(struct slp_err *err, slp_rc rc, const char *format, ...)
{
    if (!err || rc == SLP_OK || rc == SLP_DONE)
        return rc;
    char old[SLP_ERR_TEXT_BYTES];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    int head = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t at = head < 0 ? 0 : (size_t)head;
    if (at < sizeof err->text)
        (void)snprintf(err->text + at, sizeof err->text - at, "%s%s", at ? ": " : "", old);
    cut_at_character(err->text, sizeof err->text);
    err->code = rc;
    return rc;
}

slp_rc err_append(struct slp_err *err, slp_rc rc, const char *format, ...)
{
    if (!err || rc == SLP_OK || rc == SLP_DONE)
        return rc;
    size_t at = strlen(err->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text + at, sizeof err->text - at, format, args);
    va_end(args);
    cut_at_character(err->text, sizeof err->text);
    return rc;
}

void err_clear(struct slp_err *err)
{
    if (!err)
        return;
    err->code = SLP_OK;
    err->text[0] = '\0';
}

const char *err_name(slp_rc code)
{
    switch (code) {
#define SLP_STATUS(name, value, exit_code, action)                                                 \
    case SLP_##name:                                                                               \
        return #name;
#include "sleeper/status.def"
#undef SLP_STATUS
    }
    return "UNKNOWN_CODE";
}

_Noreturn void err_invariant_broken(const char *claim, const char *file, int line)
{
    fprintf(stderr, "sleeper: invariant broken at %s:%d: %s\n", file, line, claim);
    abort();
}
