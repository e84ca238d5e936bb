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

# A table with frames, a head, two snapshots and so a floor, and a transaction out of the log in its inbox.
make_long_table() {
    run_ok init
    printf '{"fields":[{"name":"k","type":"string"}],"rowKey":["k"]}' >schema.json
    run_ok table create t --schema schema.json
    run_ok table set t statestore.snapshot.frames=16 ingest.embed.max.size=64KiB --yes
    printf 'k\na\n' >rows.csv
    for _ in $(seq 33); do run_ok ingest t rows.csv; done
}

test_every_object_of_a_log_has_both_forms() {
    make_long_table
    local kinds="" object
    for object in instance/t/*/head instance/t/*/floor instance/t/*/snap/* instance/t/*/log/*35; do
        run_ok inspect "$object"
        expect_true test -s "$work/out"
        run_ok inspect "$object" -o json
        python3 -c 'import json, sys; print(json.load(sys.stdin)["kind"])' <"$work/out" >>kinds
    done
    kinds=$(sort -u kinds | tr '\n' ' ')
    expect_true test "$kinds" = "floor frame head list root shard "
    run_ok inspect "$(ls instance/t/*/log/*35)" -o json
    python3 - "$work/out" <<'END'
import json, sys
frame = json.load(open(sys.argv[1]))
add = frame["transactions"][0]
assert frame["number"] == 35 and add["position"] == "35.0" and add["kind"] == "add", frame
assert add["payload"]["file"][0]["rows"] == 1 and frame["embedded"][0]["bytes"] > 0, frame
END
}

test_a_damaged_object_of_a_log_is_named_with_its_place() {
    make_long_table
    local object size
    for object in instance/t/*/head instance/t/*/floor instance/t/*/snap/* instance/t/*/log/*35; do
        size=$(stat -c %s "$object")
        head -c $((size - 1)) "$object" >cut
        run inspect cut -o json
        case $(head -c 8 "$object") in
        SLEEPFLR | SLEEPLOG | SLEEPHED) expect_rc 8 ;;
        *) [ "$rc" = 8 ] || [ "$rc" = 0 ] || fail "exit code $rc" ;; # their checksum is their name
        esac
        head -c 10 "$object" >cut
        run inspect cut
        expect_rc 8
        expect_err '"cut"'
    done
}

test_other_formats_are_refused_by_name() {
    run inspect "$DATA/flights-next.parquet" -o csv
    expect_rc 2
    expect_err "expected text or json"
    expect_no_out
}

run_tests
