# Repair: whatever object of a table is damaged, it is told what is lost, the rest can be read again, and nothing of what
# there was is destroyed.
. "$(dirname "$0")/lib.sh"

# Three ingests of two rows each: frames 2, 3 and 4.
setup() {
    run_ok init
    printf '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"}],"rowKey":["k"]}' >schema.json
    run_ok table create f --schema schema.json
    ingest 1
    ingest 2
    ingest 3
}

# Files large enough to stand apart from the log.
ingest() {
    seq -f "%06.0f" 1 3000 | sed "s/.*/$1-&,&/;1i k,n" >rows.csv
    run_ok ingest f rows.csv
}

rows() {
    run_ok count f
    [ "$(cat "$work/out")" = "$1" ] || fail "expected $1 rows"
}

place() {
    find instance/t -mindepth 1 -maxdepth 1 -type d | head -1
}

frame() {
    printf '%s/log/%020d' "$(place)" "$1"
}

# flip FILE OFFSET: turn the bits of one byte.
flip() {
    local byte
    chmod u+w "$1"
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf '%03o' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# repaired LOST: a dry run changes nothing, then the table is sound and takes rows.
repaired() {
    unchanged instance run repair f --dry-run
    expect_rc 0
    expect_out "$1"
    cp -r instance before
    run_ok repair f
    expect_out "$1"
    expect_out "${2:-}"
    run_ok check f
    ls -d "$(place)"/broken-*/ >/dev/null || fail "the old log was not kept"
    local old
    (cd before && find t -type f -not -name floor -not -name head) | while read -r old; do
        cmp "before/$old" "instance/$old" || fail "$old was changed"
    done
    rm -r before
}

test_a_sound_table_is_left_alone() {
    setup
    unchanged instance run repair f
    expect_rc 0
    expect_err "nothing is damaged"
}

test_a_frame_in_the_middle_costs_what_stood_in_it() {
    setup
    rm -f "$(place)/head"
    flip "$(frame 3)" 70
    run check f
    expect_rc 8
    repaired "log/00000000000000000003" undecided
    rows 6000
    ingest 4
    rows 9000
    run_ok compact f --all
    rows 9000
    run_ok gc f --min-age 0s
    rows 9000
    run_ok check f
}

test_the_last_frame_costs_what_stood_in_it() {
    setup
    rm -f "$(place)/head"
    truncate -s 60 "$(frame 4)"
    repaired "log/00000000000000000004"
    rows 6000
}

test_a_missing_frame_is_told() {
    setup
    rm -f "$(place)/head"
    rm "$(frame 2)"
    repaired "log/00000000000000000002"
    rows 6000
}

# What lineage proves: an input of a job was committed; an output whose inputs are live is not missed.
test_lineage_tells_what_was_committed() {
    setup
    run_ok compact f --all
    rm -f "$(place)/head"
    flip "$(frame 3)" 70
    flip "$(frame 6)" 70
    repaired "log/00000000000000000003" committed
    rows 6000
    run_ok ingest f "$(find instance -name '00000000000000000002-*.parquet' | head -1)"
    rows 9000
}

test_an_output_whose_inputs_are_live_is_spare() {
    setup
    run_ok compact f --all
    rm -f "$(place)/head"
    flip "$(frame 6)" 70
    repaired "log/00000000000000000006" spare
    rows 9000
}

test_a_damaged_floor_and_head_cost_nothing() {
    setup
    printf 'junk' >"$(place)/floor"
    printf 'junk' >"$(place)/head"
    run check f
    expect_rc 8
    repaired "floor"
    rows 9000
}

test_a_damaged_head_is_told_by_check_and_costs_nothing() {
    setup
    printf 'junk' >"$(place)/head"
    rows 9000
    run check f
    expect_rc 8
    expect_out "head"
    expect_out "warning"
}

test_a_missing_data_file_is_named_and_the_rest_can_be_read() {
    setup
    rm -f "$(place)/head"
    flip "$(frame 3)" 70
    local file
    file=$(find instance -name '00000000000000000001-*.parquet')
    rm "$file"
    run_ok repair f
    expect_out "$(basename "$file")"
    run check f
    expect_rc 8
    expect_out "$(basename "$file")"
}

test_without_a_beginning_there_is_a_clear_answer() {
    setup
    rm -f "$(place)/head"
    flip "$(frame 1)" 70
    unchanged instance run repair f
    expect_rc 8
    expect_err "copy"
}

test_a_damaged_catalogue_is_a_row_of_check_and_tables_are_repaired_by_id() {
    setup
    rm -f instance/head
    flip instance/log/00000000000000000001 70
    run check
    expect_rc 8
    expect_out "catalogue"
    run repair f
    expect_rc 8
    run_ok repair "$(basename "$(place)")"
    expect_err "nothing is damaged"
}

test_a_damaged_instance_file_is_named() {
    setup
    printf '{' >instance/sleeper.json
    run check
    expect_rc 8
    expect_err "sleeper.json"
}

run_tests
