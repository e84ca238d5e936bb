#include "parquet/geo.h"

#include <stdio.h>

enum { LOGICAL_GEOMETRY = 17, LOGICAL_GEOGRAPHY = 18 };

/* EdgeInterpolationAlgorithm, from 0 on. */
static const char *const algorithms[] = {"spherical", "vincenty", "thomas", "andoyer", "karney"};

#define ALGORITHMS ((int32_t)(sizeof algorithms / sizeof *algorithms))

slp_rc pq_geo_format(bool is_geography, struct slice crs, int64_t algorithm, struct arena *a,
                     const char **out, struct slp_err *err)
{
    bool has_edges = is_geography && algorithm > 0 && algorithm < ALGORITHMS;
    const char *name = is_geography ? "geography" : "geometry";
    const char *edges = has_edges ? algorithms[algorithm] : "";
    size_t bytes = strlen(name) + crs.len + strlen(edges) + sizeof "(, )";
    char *text = NULL;
    if (crs.len == 0 && !has_edges) {
        *out = name;
        return SLP_OK;
    }
    TRY(arena_array(a, bytes, 1, (void **)&text, err));
    (void)snprintf(text, bytes, "%s(%.*s%s%s)", name, SLICE_ARG(crs), has_edges ? ", " : "", edges);
    *out = text;
    return SLP_OK;
}

/* What stands behind `name`: nothing, or something in parentheses. */
static bool is_named(struct slice text, const char *name)
{
    size_t len = strlen(name);
    return slice_is(text, name) ||
           (slice_starts_with(text, slice_str(name)) && text.len > len + 1 &&
            text.ptr[len] == '(' && text.ptr[text.len - 1] == ')');
}

bool pq_geo_is(const char *extension)
{
    return extension && (is_named(slice_str(extension), "geometry") ||
                         is_named(slice_str(extension), "geography"));
}

/* Take ", karney" off the end of `crs`; spherical if it has none. */
static int32_t take_algorithm(struct slice *crs)
{
    for (int32_t i = 0; i < ALGORITHMS; i++) {
        size_t len = strlen(algorithms[i]) + 2;
        if (crs->len >= len && memcmp(crs->ptr + crs->len - len, ", ", 2) == 0 &&
            slice_is(slice_last(*crs, len - 2), algorithms[i])) {
            *crs = slice_first(*crs, crs->len - len);
            return i;
        }
    }
    return 0;
}

void pq_geo_put(struct cx_put *w, const char *extension)
{
    struct slice text = slice_str(extension);
    bool is_geography = slice_starts_with(text, slice_str("geography"));
    size_t name = strlen(is_geography ? "geography" : "geometry");
    struct slice crs = {0};
    if (text.len > name)
        crs = slice_sub(text, name + 1, text.len - name - 2);
    int32_t algorithm = is_geography ? take_algorithm(&crs) : 0;
    cx_put_struct(w, is_geography ? LOGICAL_GEOGRAPHY : LOGICAL_GEOMETRY);
    if (crs.len)
        cx_put_binary(w, 1, crs);
    if (algorithm)
        cx_put_i32(w, 2, algorithm);
    cx_put_end(w);
}
