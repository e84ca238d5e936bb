# The golden instance of format 1 (test/golden/make_instance.sh): every later program reads it, finds what it was made of, and goes on
# with it. It has frames with embedded files, a floor, heads, snapshots with rings, dead files and tokens, pins, open jobs, a
# range delete, a purge, a transaction in an inbox and one out of line.
. "$(dirname "$0")/lib.sh"

take_golden() {
    cp -r "$REPO/test/golden/instance" instance
    chmod -R u+w instance
}

digest() {
    "$SLEEPER" "$@" | sha256sum | cut -c1-16
}

# rows_are TABLE ROWS DIGEST: of the CSV that scan prints.
rows_are() {
    run_ok count "$1"
    expect_out_is "$2"
    expect_true test "$(digest scan "$1" --no-header)" = "$3"
}

test_the_golden_instance_has_its_rows() {
    take_golden
    rows_are main 3281 89fa1a3216742a91
    rows_are sums 290 b5d7b89161bf0ae9
    rows_are new 0 e3b0c44298fc1c14
    run_ok count main --at monday
    expect_out_is 3127
    run_ok get main 00142,10418
    expect_out_lines 2
    run count gone
    expect_rc 4
}

test_the_golden_instance_has_its_history() {
    take_golden
    for list in "log main --columns sequence,index,kind,verdict,summary,txid" "log sums --columns sequence,kind,verdict,summary" \
        "partition list main --columns from,to,files,rows,bytes" "pin list --columns table,pin,sequence" \
        "job list main --columns id,kind,attempt,from,to,inputs" "file list main --columns name,rows,bytes,from_sequence,to_sequence" \
        "table list --columns name,id,offline" "table properties main --where source='table' --columns name,value"; do
        echo "== $list"
        # shellcheck disable=SC2086
        "$SLEEPER" $list -o csv
    done >all
    cp all "$work/out"
    expect_golden golden_instance
}

test_the_golden_instance_is_sound() {
    take_golden
    unchanged instance run check
    expect_rc 0
    run_ok repair main
    expect_err "nothing is damaged"
    local object
    find instance -type f ! -name '.lock' ! -name '*.parquet' | while read -r object; do
        run_ok inspect "$object" -o json
    done
}

test_life_goes_on_in_the_golden_instance() {
    take_golden
    printf 'k,n,v\nzzz,1,x\n' >rows.csv
    run_ok ingest main rows.csv --token new
    run_ok ingest main rows.csv --token second-26
    run_ok count main
    expect_out_is 3282
    run_ok worker --commit --once
    run_ok count main
    expect_out_is 3288
    run_ok compact main --all
    run_ok ingest sums rows.csv
    run_ok compact sums --all
    run_ok count main
    expect_out_is 3288
    run_ok count sums
    expect_out_is 291
    run_ok unpin main monday
    run_ok gc --min-age 0s
    run_ok count main
    expect_out_is 3288
    run_ok check
}

run_tests
