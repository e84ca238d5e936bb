/*
 * Format strings of the C Data Interface, which export writes and import reads.
 */
#ifndef SLP_ARROW_CDATA_PRIV_H
#define SLP_ARROW_CDATA_PRIV_H

#include "arrow/cdata.h"

/* The longest format of a type, with its terminator: "d:76,76,256", "tsu:UTC", "w:65535". */
#define ARR_FORMAT_BYTES 16u

/* How others lay a type out, where it is not as we do. */
enum arr_layout {
    ARR_AS_OURS,
    ARR_LARGE,      /* offsets of 64 bits */
    ARR_VIEW,       /* strings as views of 16 bytes into several buffers */
    ARR_FIXED_LIST, /* without offsets: `fixed_items` a list */
    ARR_DATE64,     /* milliseconds, of whole days */
    ARR_MONTHS,     /* an interval of int32 months */
    ARR_DAY_TIME,   /* an interval of int32 days and int32 milliseconds */
};

/* A format of others and what becomes of it here. */
struct arr_format {
    struct arr_type type;
    enum arr_layout layout;
    int32_t fixed_items;
};

/* The format of a type, at most ARR_FORMAT_BYTES with its terminator. */
void arr_format_write(struct arr_type type, char *out);

/* Errors: UNSUPPORTED with the format. */
SLP_NODISCARD slp_rc arr_format_parse(const char *format, struct arr_format *out,
                                      struct slp_err *err);

/* The metadata that says that a field has our extension, or NULL. It is constant. */
const char *arr_extension_metadata(const char *extension);

/* Our name of the extension that metadata of a schema tells, or NULL. */
const char *arr_extension_of(const char *metadata);

/* Is a field exported as a dictionary array? Those of flat types that say so. */
static inline bool arr_field_as_dictionary(const struct arr_field *f)
{
    return f->is_dictionary && f->type.kind != ARR_NULL && !arr_type_is_nested(f->type);
}

/* Read one field of a schema of others. `depth` counts from 1. Errors: UNSUPPORTED, LIMIT. */
SLP_NODISCARD slp_rc arr_import_field(const struct ArrowSchema *in, struct arena *a, unsigned depth,
                                      struct arr_field *out, struct slp_err *err);

#endif
