# Partitions: split points in and out, files a leaf or wide, splits and compactions over them.
. "$(dirname "$0")/lib.sh"

# setup TYPE POINTS...: a table over one key, partitioned.
setup() {
    printf '{"fields":[{"name":"k","type":"%s"},{"name":"v","type":"int64"}],"rowKey":["k"]}' "$1" >schema.json
    shift
    printf '%s\n' "$@" >points.txt
    run_ok init
    run_ok table create t --schema schema.json --split-points points.txt
}

test_split_points_come_back_as_they_were_given() {
    setup string DFW LAX '"say ""hi"""' é
    run_ok partition split-points t
    diff <(LC_ALL=C sort points.txt) <(LC_ALL=C sort "$work/out") || fail "other split points"
    run_ok partition list t --no-header
    expect_out_lines 5
    cp points.txt given
    run_ok partition split-points t --output points.txt
    run_ok table create u --schema schema.json --split-points points.txt
    run_ok partition split-points u
    expect_true cmp points.txt "$work/out"
}

test_split_points_in_base64_come_back_too() {
    run_ok init
    printf '{"fields":[{"name":"k","type":"string"}],"rowKey":["k"]}' >schema.json
    printf 'DFW\nLAX\n' >plain.txt
    while read -r point; do printf '%s' "$point" | base64; done <plain.txt >base64.txt
    run_ok table create t --schema schema.json --split-points base64.txt --base64
    run_ok partition split-points t
    expect_true cmp plain.txt "$work/out"
    run_ok partition split-points t --base64
    expect_true cmp base64.txt "$work/out"
    printf 'D*W\n' >bad.txt
    run table create u --schema schema.json --split-points bad.txt --base64
    expect_rc 2
    expect_err 'line 1'
}

test_split_points_of_every_kind_of_key() {
    run_ok init
    local type points
    while IFS='|' read -r type points; do
        printf '{"fields":[{"name":"k","type":"%s"}],"rowKey":["k"]}' "$type" >schema.json
        tr ' ' '\n' <<<"$points" >points.txt
        run_ok table create "t${type//[^a-z0-9]/_}" --schema schema.json --split-points points.txt
        run_ok partition split-points "t${type//[^a-z0-9]/_}"
        expect_true cmp points.txt "$work/out"
    done <<'TYPES'
int8|-128 0 127
int64|-9223372036854775808 -1 0 9223372036854775807
uint64|1 18446744073709551615
double|-Infinity -1.5 0 1e300
bool|true
date|1969-12-31 2001-01-31
timestamp[us]|1969-12-31T23:59:59.999999 2001-01-31T06:00:00
timestamp[ms, UTC]|2001-01-31T06:00:00.500Z
decimal(10, 2)|-12.30 0.00 0.01
binary|AA== /w==
TYPES
}

test_points_may_be_prefixes_of_a_row_key_of_several_fields() {
    run_ok init
    printf '{"fields":[{"name":"a","type":"string"},{"name":"b","type":"int32"},{"name":"c","type":"int32"}],
             "rowKey":["a","b"],"sortKey":["c"]}' >schema.json
    printf 'm\nm,5\nx\n' >points.txt
    run_ok table create t --schema schema.json --split-points points.txt
    run_ok partition split-points t
    expect_true cmp points.txt "$work/out"
    printf 'a,b,c\nl,9,0\nm,-1,0\nm,4,9\nm,5,0\nw,0,0\nx,0,0\n' >in.csv
    run_ok ingest t in.csv
    run_ok scan t
    expect_true cmp in.csv "$work/out"
    run_ok get t m,5 --no-header
    expect_out_is m,5,0
    run_ok scan t --from m --to m,5 --no-header
    expect_out_is 'm,-1,0
m,4,9'
    run_ok compact t --all
    run_ok partition list t --no-header -o csv
    expect_out_lines 4
    run_ok scan t
    expect_true cmp in.csv "$work/out"
    printf 'm,5,7\n' >beyond.txt
    run table create u --schema schema.json --split-points beyond.txt
    expect_rc 2
    expect_err 'line 1'
    expect_err 'beyond the row key'
}

numbers() {
    echo k,v
    seq -f "%06g" 0 "$1" | awk '{ print $1 "," NR }'
}

test_few_rows_over_many_partitions_become_one_wide_file() {
    # shellcheck disable=SC2046
    setup string $(seq -f "%03g" 1 40)
    numbers 40999 >in.csv
    run_ok ingest t in.csv
    run_ok file list t --where unfiled --no-header
    expect_out_lines 1
    run_ok count t
    expect_out_is 41000
    run_ok count t --from 010 --to 020
    expect_out_is 10000
    run_ok get t 012345 --no-header
    expect_out_is 012345,12346
    run_ok ingest t in.csv
    run_ok compact t --all
    run_ok file list t --where unfiled --no-header
    expect_out_is ""
    run_ok count t
    expect_out_is 82000
    run_ok scan t --from 012345 --to 012347 --no-header
    expect_out_is '012345,12346
012345,12346
012346,12347
012346,12347'
    run_ok check t
    run_ok gc t --min-age 0s
    run_ok check t
    run_ok scan t --no-header
    expect_out_lines 82000
}

test_splits_move_no_rows_and_change_no_answer() {
    setup string
    numbers 9999 >in.csv
    run_ok ingest t in.csv
    run_ok scan t
    cp "$work/out" before
    run_ok split t --threshold 3000 --dry-run
    expect_err "would be split"
    run_ok partition list t --no-header
    expect_out_lines 1
    run_ok split t --threshold 3000
    run_ok partition list t --no-header
    [ "$(wc -l <"$work/out")" -ge 2 ] || fail "nothing was split"
    run_ok scan t
    expect_true cmp before "$work/out"
    run_ok count t
    expect_out_is 10000
    run_ok check t
    run_ok ingest t in.csv
    run_ok compact t --all
    run_ok count t
    expect_out_is 20000
    run_ok check t
    run_ok scan t --columns k --no-header
    uniq -c "$work/out" | awk '$1 != 2 { exit 1 }' || fail "a row is not there twice"
    run_ok gc t --min-age 0s
    run_ok check t
}

test_a_file_that_counts_in_some_partitions_only_is_sound() {
    setup string
    numbers 9999 >in.csv
    run_ok ingest t in.csv
    run_ok split t --threshold 3000
    printf 'k,v\n000001,0\n' >one.csv
    run_ok ingest t one.csv
    run_ok compact t --all
    run_ok file list t --no-header
    expect_out_lines 2
    run_ok count t
    expect_out_is 10001
    run_ok check t
}

test_partition_list_covers_every_key() {
    setup int64 -5 0 5
    printf 'k,v\n-9223372036854775808,1\n-5,1\n-1,1\n0,1\n5,1\n9223372036854775807,1\n' >in.csv
    run_ok ingest t in.csv
    run_ok partition list t --no-header --columns partition,from,to,files,depth,rows,rows_exact,bytes
    mask 's/,[0-9]+$//'
    expect_out_is '0,,-5,1,1,1,true
1,-5,0,1,1,2,true
2,0,5,1,1,1,true
3,5,,1,1,2,true'
}

run_tests
