/* rooms: rows */
#define ROWS_FUZZ_FORMAT ROWS_NDJSON

#include "fuzz/rows_text.h"

static slp_rc rows_fuzz_open(struct rows_text_in *in, const struct arr_schema *want,
                             struct rows_text_reader **out, struct slp_err *err)
{
    return rows_ndjson_open(alloc_system(), in, want, out, err);
}

static slp_rc rows_fuzz_schema(struct rows_text_in *in, struct arena *arena, struct arr_schema *out)
{
    return rows_ndjson_schema(alloc_system(), in, arena, out, NULL);
}
