/* rooms: schema */
#include "schema/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was read is written and read again: the same schema and the same text. */
static void check_text(const struct schema *s, struct arena *a, struct buf *first,
                       struct buf *second)
{
    struct schema again = {0};
    bool is_same = schema_format(s, first, NULL) == SLP_OK &&
                   schema_parse(buf_slice(first), a, &again, NULL) == SLP_OK &&
                   schema_equal(s, &again) && schema_format(&again, second, NULL) == SLP_OK &&
                   slice_equal(buf_slice(first), buf_slice(second));
    if (!is_same)
        abort();
}

/* Bytes have one form: what can be read is what would be written. */
static void check_bytes(const struct schema *s, struct slice bytes, struct buf *out)
{
    if (schema_encode(s, out, NULL) != SLP_OK || !slice_equal(buf_slice(out), bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct buf first;
    struct buf second;
    struct buf third;
    struct schema s = {0};
    arena_init(&a, alloc_system(), 64 << 20);
    buf_init(&first, alloc_system(), 16 << 20);
    buf_init(&second, alloc_system(), 16 << 20);
    buf_init(&third, alloc_system(), 16 << 20);
    if (schema_parse(slice_of(data, n), &a, &s, NULL) == SLP_OK)
        check_text(&s, &a, &first, &second);
    if (schema_decode(slice_of(data, n), &a, &s, NULL) == SLP_OK)
        check_bytes(&s, slice_of(data, n), &third);
    buf_fini(&third);
    buf_fini(&second);
    buf_fini(&first);
    arena_fini(&a);
    return 0;
}
