#!/usr/bin/env bash
# Partitions split and merged by the user's word; jobs, files and partitions shown one by one.
. "$(dirname "$0")/lib.sh"

# setup N: a table t of N rows with keys 00000.., in one partition.
setup() {
    run_ok init
    (
        echo k,v
        seq -f "%05g" 0 "$(($1 - 1))" | awk '{ print $1 "," NR }'
    ) >rows.csv
    run_ok table create t --like rows.csv --row-key k
    run_ok ingest t rows.csv
}

bounds() {
    run_ok partition list t --columns to --no-header
}

expect_same_rows() {
    run_ok scan t
    expect_true cmp rows.csv "$work/out"
}

test_a_partition_is_split_at_just_the_keys_that_are_given() {
    setup 1000
    run_ok partition split t --at 00500 --at 00250 --dry-run
    expect_err '2 partitions would be added'
    run_ok partition split t --at 00500 --at 00250 --at 00500
    expect_err '2 partitions added'
    run_ok partition list t --columns from,to,rows,rows_exact
    expect_out_is 'from,to,rows,rows_exact
,00250,250,true
00250,00500,250,true
00500,,500,true'
    run_ok partition split t --at 00250
    expect_err '0 partitions added'
    expect_same_rows
    run_ok check t
}

test_split_points_go_out_and_in_again() {
    setup 100
    printf '00010\n00020\n00090\n' >points.txt
    run_ok partition split t --points points.txt
    run_ok partition split-points t
    expect_true cmp points.txt out
    run_ok partition split-points t --base64
    cp out base64.txt
    run_ok table create u --like rows.csv --row-key k
    run_ok partition split u --points base64.txt --base64
    run_ok partition split-points u
    expect_true cmp points.txt out
}

test_a_table_is_split_into_many_partitions_at_once() {
    setup 20000
    run_ok partition split t --leaves 64
    expect_err '63 partitions added'
    run_ok partition list t --where "rows > 600 or rows < 100 or not rows_exact" --no-header
    expect_out_lines 0
    expect_same_rows
    run_ok log t --where "kind = 'split'" --no-header
    expect_out_lines 1
    run_ok partition split t --leaves 64
    expect_err '0 partitions added'
    run_ok compact t --all
    expect_same_rows
    run_ok check t
}

test_what_cannot_be_split_is_refused() {
    setup 10
    run partition split t
    expect_rc 2
    run partition split t --at 1 --leaves 3
    expect_rc 2
    run partition split t --leaves 0
    expect_rc 2
    run_ok table create empty --like rows.csv --row-key k
    run partition split empty --leaves 4
    expect_rc 2
    expect_err 'no rows to go by'
    run_ok partition split empty --at m
    run partition split none --at m
    expect_rc 4
}

test_small_neighbours_are_merged() {
    setup 1000
    run_ok partition split t --leaves 10
    run_ok partition merge t
    expect_err '0 partitions merged'
    run_ok partition merge t --below 350 --dry-run
    expect_err '6 partitions would be merged'
    run_ok partition merge t --below 350
    expect_err '6 partitions merged'
    run_ok partition list t --where "rows > 350" --no-header
    expect_out_lines 0
    expect_same_rows
    run_ok table set t partition.merging.threshold=1000
    run_ok partition merge t
    bounds
    expect_out_lines 1
    expect_same_rows
    run_ok compact t --all
    expect_same_rows
    run_ok check t
}

test_merged_and_split_again_the_rows_are_the_same() {
    setup 3000
    for round in 1 2 3; do
        run_ok partition split t --leaves "$((round * 7))"
        run_ok ingest t rows.csv
        run_ok partition merge t --below "$((round * 1500))"
        run_ok count t
        expect_out_is "$((3000 * (round + 1)))"
    done
    run_ok compact t --all
    run_ok count t
    expect_out_is 12000
    run_ok check t
}

test_a_partition_a_file_and_what_is_none_are_shown() {
    setup 100
    run_ok partition split t --at 00050
    run_ok partition show t 1 --columns from,to,rows,file_rows,unfiled
    expect_out_is 'from,to,rows,file_rows,unfiled
00050,,50,100,false'
    run partition show t 2
    expect_rc 4
    run partition show t x
    expect_rc 2
    run_ok file list t --columns name --no-header
    name=$(cat out)
    run_ok file show t "${name##*/}" --where "field in ('name', 'rows', 'partition')"
    expect_out_is "field,value
name,$name
rows,100
partition,0
partition,1"
    run file show t none.parquet
    expect_rc 4
    run job show t 3.0.0
    expect_rc 4
    run job show t x
    expect_rc 2
    run job cancel t 3.0.0
    expect_rc 4
    run_ok job list t --kind compact --no-header
    expect_out_lines 0
    run job list t --kind other
    expect_rc 2
}

run_tests
