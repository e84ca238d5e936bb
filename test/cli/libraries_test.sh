# What a look-up loads: a start costs a millisecond only while nobody links what a folder does not need.
. "$(dirname "$0")/lib.sh"

test_get_loads_no_network_library_and_no_more_than_the_list() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date
    run_ok ingest f "$DATA/flights-next.parquet"
    last="LD_DEBUG=files sleeper get f ATL"
    loaded_libraries get f ATL >libraries
    expect_true test -s libraries
    if grep -E 'curl|ssl|crypto|nghttp|brotli|expat|pcre' libraries; then fail "get loads what a folder does not need"; fi
    # The sanitizers and what they need are no part of the program.
    grep -vE '^(libasan|libubsan|libtsan|libstdc\+\+|libgcc_s|libpthread|ld-linux)' libraries >"$work/out"
    expect_golden libraries.get
}

run_tests
