#include "parquet/created_by.h"

#define PARTS 3

/* The numbers of "1.8.0-SNAPSHOT"; what is missing is 0. */
static void parse_version(struct slice text, unsigned parts[PARTS])
{
    size_t at = 0;
    for (size_t i = 0; i < text.len && at < PARTS; i++) {
        uint8_t c = text.ptr[i];
        if (c == '.')
            at++;
        else if (c >= '0' && c <= '9' && parts[at] < 100000)
            parts[at] = parts[at] * 10 + (unsigned)(c - '0');
        else
            return;
    }
}

/* Is it `writer` of a version before this one? */
static bool is_before(struct slice created_by, const char *writer, const unsigned version[PARTS])
{
    unsigned parts[PARTS] = {0};
    struct slice name = slice_str(writer);
    if (!slice_starts_with(created_by, name))
        return false;
    parse_version(slice_after(created_by, name.len), parts);
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i] != version[i])
            return parts[i] < version[i];
    }
    return false;
}

struct pq_faults pq_faults_of(struct slice created_by)
{
    static const unsigned mr_1_8[PARTS] = {1, 8, 0};
    return (struct pq_faults){
        /* All versions before the writer took Arrow's own name, "parquet-cpp-arrow". */
        .compresses_v2 = slice_starts_with(created_by, slice_str("parquet-cpp version")),
        .carries_strings = is_before(created_by, "parquet-mr version ", mr_1_8),
    };
}
