# cat -o parquet: how the file is written, as the user says.
. "$(dirname "$0")/lib.sh"

rewrite() {
    run_ok cat "$DATA/flights-next.parquet" -o parquet --output out.parquet "$@"
    run_ok cat "$DATA/flights-next.parquet"
    cp "$work/out" before
    run_ok cat out.parquet
    cmp before "$work/out" || fail "the rows are others"
    run_ok inspect out.parquet
}

test_codec_encoding_pages_and_groups_are_as_said() {
    rewrite --codec zstd:3 --encoding date=DELTA_BINARY_PACKED --encoding origin=delta_byte_array --bloom origin,delay \
        --row-group-rows 10000 --page-rows 1000 --page-version 2
    expect_out "3  total_byte_size"
    expect_out "encoding DELTA_BYTE_ARRAY"
    expect_out "bloom_filter  offset"
    expect_out "DATA_PAGE_V2"
    expect_out "num_rows 1000  encoding DELTA_BINARY_PACKED"
    rewrite --codec gzip:6
    expect_out "codec GZIP"
    rewrite --codec none --encoding distance=PLAIN --page-size 64KiB
    expect_out "codec UNCOMPRESSED"
    rewrite --profile compat
    expect_out "codec SNAPPY"
    rewrite --profile compat --codec lz4_raw
    expect_out "codec LZ4_RAW"
    rewrite --codec brotli:4
    expect_out "codec BROTLI"
}

test_what_cannot_be_is_refused_before_a_file_is_there() {
    refuse() {
        local text=$1
        shift
        run cat "$DATA/flights-next.parquet" --output out.parquet "$@"
        expect_rc "${rc_expected:-2}"
        expect_err "$text"
        expect_true test ! -e out.parquet
    }
    refuse "expected none, snappy, gzip" -o parquet --codec lzo
    refuse "levels 1 to 19" -o parquet --codec zstd:99
    refuse "snappy has no level" -o parquet --codec snappy:1
    refuse "encoding \"RLX\"" -o parquet --encoding date=RLX
    refuse "expected NAME=VALUE" -o parquet --encoding PLAIN
    refuse "origin" -o parquet --encoding origin=DELTA_BINARY_PACKED
    rc_expected=4 refuse "did you mean" -o parquet --bloom orgin
    refuse "expected 1 or 2" -o parquet --page-version 3
    refuse "profile \"old\"" -o parquet --profile old
    refuse "need the format parquet" -o csv --codec zstd
    refuse "expected 1024 to" -o parquet --page-size 7
}

run_tests
