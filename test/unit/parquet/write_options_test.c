#include "lib/t.h"
#include "parquet/writer.h"

static void names_of_encodings_are_parsed_in_any_case(void **state)
{
    (void)state;
    enum pq_write_encoding e = PQ_WRITE_BEST;
    assert_true(pq_write_encoding_parse(slice_str("delta_byte_array"), &e));
    assert_int_equal(e, PQ_WRITE_DELTA_BYTE_ARRAY);
    for (unsigned i = 0; i < PQ_WRITE_ENCODING_COUNT; i++) {
        const char *name = pq_write_encoding_name((enum pq_write_encoding)i);
        assert_true(pq_write_encoding_parse(slice_str(name), &e));
        assert_int_equal(e, i);
    }
    assert_false(pq_write_encoding_parse(slice_str("DELTA"), &e));
    assert_false(pq_write_encoding_parse(slice_str(""), &e));
    assert_int_equal(e, PQ_WRITE_ENCODING_COUNT - 1);
}

static void compat_is_what_every_reader_has(void **state)
{
    (void)state;
    struct pq_write_options o;
    pq_write_options_compat(&o);
    assert_int_equal(o.codec, CX_SNAPPY);
    assert_int_equal(o.profile, PQ_PROFILE_COMPAT);
    assert_false(o.page_v2);
}

T_MAIN(T_TEST(names_of_encodings_are_parsed_in_any_case), T_TEST(compat_is_what_every_reader_has))
