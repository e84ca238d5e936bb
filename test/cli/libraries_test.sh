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
    grep -vE '^(libasan|libubsan|libtsan|libstdc\+\+|libgcc_s|libm\.|libpthread|ld-linux)' libraries >"$work/out"
    expect_golden libraries.get
}

# 40 integers in a file of pyarrow, compressed with snappy.
snappy_file() {
    base64 -d <<'END'
UEFSMRUAFcwCFc4CLBVQFQAVBhUGHAAAAKYBJAIAAABQAQAAAAABBQEO8JMDAAAABAAAAAUAAAAGAAAABwAAAAgAAAAJAAAACgAAAAsAAAAMAA
AADQAAAA4AAAAPAAAAEAAAABEAAAASAAAAEwAAABQAAAAVAAAAFgAAABcAAAAYAAAAGQAAABoAAAAbAAAAHAAAAB0AAAAeAAAAHwAAACAAAAAh
AAAAIgAAACMAAAAkAAAAJQAAACYAAAAnAAAAFQQZLDUAGAZzY2hlbWEVAgAVAiUCGAFrABZQGRwZHCYAHBUCGSUGABkYAWsVAhZQFvYCFvgCJg
hJHBUAFQAVAgA8KQYZJgBQAAAAFvYCFlAmCBb4AgAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAfgAAAFBBUjE=
END
}

test_a_codec_that_is_not_installed_is_named_with_its_package() {
    snappy_file >k.parquet
    run_ok init
    run_ok table create t --like k.parquet --row-key k
    mkdir empty
    : >empty/libsnappy.so.1
    LD_LIBRARY_PATH=$work/empty run ingest t k.parquet
    expect_rc 1
    expect_one_message
    expect_err "compression snappy needs the library libsnappy.so.1: install the package libsnappy1v5"
    run_ok ingest t k.parquet
    run_ok count t
    expect_out 40
}

run_tests
