#include "store/store.h"

#include "base/text.h"
#include "os/file.h"

/* The bytes of a scheme before "://", 0 if there is none: a letter, then letters, digits, +-. */
static size_t scheme_len(const char *uri)
{
    size_t n = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    bool begins_with_letter = (uri[0] | 0x20) >= 'a' && (uri[0] | 0x20) <= 'z';
    return begins_with_letter && strncmp(uri + n, "://", 3) == 0 ? n : 0;
}

/* Undo %XX, as a path in a URI is written. */
static slp_rc decode_path(const char *uri, const char *from, char path[OS_PATH_MAX],
                          struct slp_err *err)
{
    size_t len = 0;
    for (const char *p = from; *p; p++) {
        char c = *p;
        if (c == '%') {
            int high = text_hex_digit((uint8_t)p[1]);
            int low = high < 0 ? -1 : text_hex_digit((uint8_t)p[2]);
            if (low < 0 || (high == 0 && low == 0))
                FAIL(err, INVALID,
                     "\"%s\": '%%' at offset %zu, expected two hexadecimal digits "
                     "after it",
                     uri, (size_t)(p - uri));
            c = (char)(high * 16 + low);
            p += 2;
        }
        if (len + 1 >= OS_PATH_MAX)
            FAIL(err, INVALID, "\"%.64s...\": the path is longer than %u bytes", uri,
                 OS_PATH_MAX - 1);
        path[len++] = c;
    }
    path[len] = '\0';
    return SLP_OK;
}

slp_rc store_open_uri(struct alloc *mem, const char *uri, bool create, struct store **out,
                      struct slp_err *err)
{
    char path[OS_PATH_MAX];
    size_t n = scheme_len(uri);
    if (!*uri)
        FAIL(err, INVALID, "an empty text names no store, expected a path or file:///dir");
    if (n == 0)
        return store_folder_open(mem, uri, create, out, err);
    if (n != 4 || strncmp(uri, "file", 4) != 0)
        FAIL(
            err, UNSUPPORTED,
            "\"%s\": stores of the scheme \"%.*s\" are not offered, expected a path or file:///dir",
            uri, (int)n, uri);
    const char *from = uri + n + 3;
    if (strncmp(from, "localhost/", 10) == 0)
        from += 9;
    if (*from != '/')
        FAIL(err, INVALID, "\"%s\": a path from the root is expected, as in file:///dir", uri);
    TRY(decode_path(uri, from, path, err));
    return store_folder_open(mem, path, create, out, err);
}
