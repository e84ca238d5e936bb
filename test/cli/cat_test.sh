# Rows of files without an instance, and lists narrowed as rows are.
. "$(dirname "$0")/lib.sh"

test_rows_of_a_file_need_no_instance() {
    unset SLEEPER_INSTANCE
    run_ok cat "$DATA/flights-next.parquet" --limit 2 --columns origin,delay
    expect_out_lines 3
    expect_true test "$(head -1 "$work/out")" = origin,delay
    run_ok cat "$DATA/flights-next.parquet" --where "delay > 100000" --no-header
    expect_out_is ""
}

test_a_condition_may_be_about_columns_that_are_not_printed() {
    run_ok cat "$DATA/flights-next.parquet" --where "origin = 'ATL'" --columns destination --no-header
    local count
    count=$(wc -l <"$work/out")
    run_ok cat "$DATA/flights-next.parquet" --where "origin = 'ATL'" --no-header
    expect_true test "$(wc -l <"$work/out")" = "$count"
    expect_true test "$count" -gt 10
}

test_a_condition_spares_row_groups_and_says_so() {
    run_ok cat "$DATA/flights-next.parquet" --where "delay > 100000" -v
    expect_err "row groups: 1 considered, 1 pruned"
    expect_err "rows left to the predicate: 0; bytes read: 0"
}

test_when_checksums_count_is_an_option() {
    printf 'a\n1\n' >one.csv
    run_ok cat one.csv -o parquet --output one.parquet
    run_ok cat one.parquet --crc always --no-header
    expect_out_is 1
    run_ok cat one.parquet --crc never --no-header
    expect_out_is 1
    run cat one.parquet --crc sometimes
    expect_rc 2
    expect_err "present, always or never"
}

test_several_files_follow_each_other_and_rewriting_keeps_every_row() {
    run_ok cat "$DATA/flights-next.parquet" --no-header
    local count
    count=$(wc -l <"$work/out")
    run_ok cat "$DATA/flights-next.parquet" "$DATA/flights-next.parquet" -o parquet --output both.parquet
    run_ok cat both.parquet --no-header
    expect_true test "$(wc -l <"$work/out")" = $((2 * count))
}

test_text_files_are_matched_by_name_to_the_first() {
    printf 'a,b\n1,x\n' >one.csv
    printf '{"b":"y","a":2}\n' >two.ndjson
    run_ok cat one.csv two.ndjson
    expect_out_is "$(printf 'a,b\n1,x\n2,y')"
}

test_what_is_wrong_is_named() {
    printf 'delay,origin\n1,x\n' >one.csv
    run cat nowhere.parquet
    expect_rc 4
    expect_err nowhere.parquet
    run cat one.csv --columns dealy
    expect_rc 4
    expect_err 'did you mean "delay"?'
    run cat one.csv --where "dealy > 1"
    expect_rc 2
    expect_err '^'
    run cat one.csv --columns delay,delay
    expect_rc 2
    expect_err twice
}

test_lists_take_columns_and_limits() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date,destination
    run_ok ingest f "$DATA/flights-next.parquet"
    run_ok log f --columns sequence,kind --limit 1
    expect_out_is "$(printf 'sequence,kind\n1,create')"
    run_ok table describe f --where "role = 'row key'" --columns name --no-header
    expect_out_is origin
    run_ok get f ATL --where "delay > 60" --columns delay --limit 1 --no-header
    expect_out_lines 1
    run_ok get f ATL --limit 0 --no-header
    expect_out_is ""
}

run_tests
