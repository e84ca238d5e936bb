#include "parquet/created_by.h"

#include "lib/t.h"

static void faults_follow_writer_and_version(void **state)
{
    (void)state;
    static const struct {
        const char *created_by;
        bool compresses_v2;
        bool carries_strings;
    } cases[] = {
        {"parquet-cpp version 1.5.1-SNAPSHOT", true, false},
        {"parquet-cpp-arrow version 2.0.0", false, false},
        {"parquet-mr version 1.7.9", false, true},
        {"parquet-mr version 1.8", false, false},
        {"parquet-mr version 1.8.0-SNAPSHOT (build 4aba4da)", false, false},
        {"parquet-mr version 1.6.0rc4", false, true},
        {"parquet-mr version 1.12.3 (build abc)", false, false},
        {"parquet-mr version 0.9.99999999999999999999", false, true},
        {"parquet-mr version ", false, true},
        {"parquet-rs version 0.3.0", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pq_faults f = pq_faults_of(slice_str(cases[i].created_by));
        assert_int_equal(f.compresses_v2, cases[i].compresses_v2);
        assert_int_equal(f.carries_strings, cases[i].carries_strings);
    }
}

T_MAIN(T_TEST(faults_follow_writer_and_version))
