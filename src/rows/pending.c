#include "rows/rows_priv.h"

/* Formats whose files land next: each answers that it is known and not offered. */

static slp_rc refuse(const char *what, struct slp_err *err)
{
    FAIL(err, UNSUPPORTED, "%s is not offered by this version", what);
}

slp_rc rows_csv_open(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                     const struct arr_schema *want, struct rows_text_reader **out,
                     struct slp_err *err)
{
    (void)mem, (void)in, (void)delimiter, (void)want, (void)out;
    return refuse("reading CSV", err);
}

slp_rc rows_ndjson_open(struct alloc *mem, struct rows_text_in *in, const struct arr_schema *want,
                        struct rows_text_reader **out, struct slp_err *err)
{
    (void)mem, (void)in, (void)want, (void)out;
    return refuse("reading NDJSON", err);
}

slp_rc rows_csv_schema(struct alloc *mem, struct rows_text_in *in, uint8_t delimiter,
                       struct arena *arena, struct arr_schema *out, struct slp_err *err)
{
    (void)mem, (void)in, (void)delimiter, (void)arena, (void)out;
    return refuse("reading CSV", err);
}

slp_rc rows_ndjson_schema(struct alloc *mem, struct rows_text_in *in, struct arena *arena,
                          struct arr_schema *out, struct slp_err *err)
{
    (void)mem, (void)in, (void)arena, (void)out;
    return refuse("reading NDJSON", err);
}

slp_rc rows_table_writer(const struct rows_output *from, struct rows_output **out,
                         struct slp_err *err)
{
    (void)from, (void)out;
    return refuse("writing tables", err);
}

slp_rc rows_parquet_writer(const struct rows_output *from, struct rows_output **out,
                           struct slp_err *err)
{
    (void)from, (void)out;
    return refuse("writing Parquet", err);
}

slp_rc rows_arrow_writer(const struct rows_output *from, struct rows_output **out,
                         struct slp_err *err)
{
    (void)from, (void)out;
    return refuse("writing Arrow", err);
}
