# inspect: stored things as text and as JSON.
. "$(dirname "$0")/lib.sh"

test_a_parquet_file_is_shown_whole_as_text_and_json() {
    run_ok inspect "$DATA/flights-next.parquet"
    expect_no_err
    expect_out "num_rows 33791"
    expect_out "path_in_schema [date]"
    expect_out "  type DATA_PAGE"
    head -n 12 "$work/out" >top && mv top "$work/out"
    expect_golden inspect.text
    run_ok inspect "$DATA/flights-next.parquet" -o json
    expect_no_err
    expect_out '"num_rows":33791'
    expect_out '"pages":['
    head -n 12 "$work/out" >top && mv top "$work/out"
    expect_golden inspect.json
    run_ok inspect "$DATA/flights-next.parquet" -o json --output whole.json
    expect_true test -s whole.json
}

test_a_data_file_shows_its_key_index() {
    run_ok init
    run_ok table create flights --like "$DATA/flights-slice.parquet" --row-key origin --sort-key date
    run_ok ingest flights "$DATA/flights-slice.parquet"
    local file
    file=$(find instance -name '*.parquet')
    run_ok inspect "$file"
    expect_out "key_index  offset"
    expect_out "0  block 0  first_row 0  key 0x"
    run_ok inspect "$file" -o json
    expect_out '"key_index":{'
}

test_a_frame_has_both_forms_and_json_stays_as_it_is() {
    run_ok init
    local frame
    frame=$(find instance -path '*log*' -type f | sort | head -1)
    run_ok inspect instance/sleeper.json
    cp "$work/out" text
    run_ok inspect instance/sleeper.json -o json
    expect_true cmp text "$work/out"
    if [ -n "$frame" ]; then
        run_ok inspect "$frame"
        expect_out "frame 1"
        run_ok inspect "$frame" -o json
        expect_out '"kind":"frame"'
    fi
}

test_other_formats_are_refused_by_name() {
    run inspect "$DATA/flights-next.parquet" -o csv
    expect_rc 2
    expect_err "expected text or json"
    expect_no_out
}

run_tests
