# Damage: whatever byte of an instance is wrong or gone, it is named with its object, and never answered from.
. "$(dirname "$0")/lib.sh"

setup_flights() {
    run_ok init
    run_ok table create f --like "$DATA/flights-next.parquet" --row-key origin --sort-key date,destination
    run_ok ingest f "$DATA/flights-next.parquet"
}

log_frame() {
    find instance/t -path '*/log/*' -type f | sort | sed -n "${1}p"
}

data_file() {
    find instance -path '*/data/*' -type f | sort | head -1
}

# flip FILE OFFSET: turn the bits of one byte.
flip() {
    local byte
    chmod u+w "$1"
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf '%03o' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# The table cannot be used, and says which object is wrong.
expect_corrupt() {
    local object=$1
    shift
    unchanged instance run "$@"
    expect_rc 8
    expect_err "$object"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "expected one line on stderr"
}

expect_check_finds() {
    unchanged instance run check f
    expect_rc 8
    expect_out "$1"
    expect_err "found"
}

test_a_flipped_bit_in_a_frame_is_named() {
    setup_flights
    local frame size at
    frame=$(log_frame 2)
    size=$(stat -c %s "$frame")
    cp "$frame" whole
    for at in 0 9 20 $((size / 2)) $((size - 1)); do
        flip "$frame" "$at"
        expect_corrupt "${frame#instance/}" count f
        expect_corrupt "${frame#instance/}" ingest f "$DATA/flights-next.parquet"
        cp whole "$frame"
    done
    run_ok count f
}

test_a_truncated_or_empty_frame_is_named() {
    setup_flights
    local frame
    frame=$(log_frame 2)
    cp "$frame" whole
    head -c 30 whole >"$frame"
    expect_corrupt "${frame#instance/}" count f
    : >"$frame"
    expect_corrupt "${frame#instance/}" count f
    cat whole whole >"$frame"
    expect_corrupt "${frame#instance/}" count f
}

test_a_missing_frame_in_the_middle_is_named() {
    setup_flights
    run_ok ingest f "$DATA/flights-next.parquet"
    local frame
    frame=$(log_frame 2)
    rm "$frame"
    expect_corrupt log log f
    expect_check_finds "${frame#instance/}"
    # What the head still holds is proven by the frames behind it; without it there is no answer.
    rm instance/t/*/head
    expect_corrupt log count f
}

test_a_frame_of_another_place_breaks_the_chain() {
    setup_flights
    run_ok ingest f "$DATA/flights-next.parquet"
    cp "$(log_frame 2)" swapped
    cp swapped "$(log_frame 3)"
    expect_corrupt log count f
}

test_check_names_a_damaged_log_and_goes_on() {
    setup_flights
    run_ok table create g --like "$DATA/flights-next.parquet" --row-key origin
    flip "$(log_frame 2)" 40
    run check
    expect_rc 8
    expect_true test -s "$work/out"
    expect_err "1 problem found"
}

test_any_flipped_byte_of_a_data_file_is_found_by_check() {
    setup_flights
    local file size at step
    file=$(data_file)
    size=$(stat -c %s "$file")
    step=$((size / 12))
    cp "$file" whole
    for at in 1 $(seq 100 $step $((size - 1))) $((size - 6)) $((size - 1)); do
        flip "$file" "$at"
        expect_check_finds "$(basename "$file")"
        cp whole "$file"
    done
    run_ok check f
}

test_a_scan_of_a_damaged_page_ends_with_the_files_name() {
    setup_flights
    local file
    file=$(data_file)
    flip "$file" 5000
    run scan f
    expect_rc 8
    expect_err "$(basename "$file")"
}

test_a_truncated_data_file_is_named() {
    setup_flights
    local file
    file=$(data_file)
    truncate -s -100 "$file"
    expect_corrupt "$(basename "$file")" get f ATL
    expect_check_finds "$(basename "$file")"
}

test_a_missing_data_file_is_named() {
    setup_flights
    run_ok ingest f "$DATA/flights-next.parquet"
    local file
    file=$(data_file)
    rm "$file"
    expect_corrupt "$(basename "$file")" get f ATL
    expect_check_finds "$(basename "$file")"
    run compact f --all
    expect_rc 8
    expect_err "$(basename "$file")"
}

test_a_data_file_of_another_name_is_refused() {
    setup_flights
    run_ok ingest f "$DATA/flights-slice.parquet"
    local first second
    first=$(find instance -path '*/data/*' -type f -size +200k)
    second=$(find instance -path '*/data/*' -type f -size -200k)
    cp "$first" "$second"
    expect_check_finds "$(basename "$second")"
}

test_a_compaction_over_damage_commits_nothing() {
    setup_flights
    run_ok ingest f "$DATA/flights-next.parquet"
    local file
    file=$(data_file)
    cp "$file" whole
    flip "$file" 5000
    run compact f --all
    expect_rc 8
    expect_err "$(basename "$file")"
    cp whole "$file"
    run_ok count f
    expect_out_is 67582
    run_ok check f
    run_ok job list f --no-header
    expect_out_is ""
    run_ok compact f --all
    run_ok count f
    expect_out_is 67582
}

test_inspect_shows_the_good_and_names_what_is_damaged() {
    setup_flights
    run_ok inspect instance/sleeper.json
    expect_out layout
    run_ok inspect "$(log_frame 2)"
    expect_true test -s "$work/out"
    run_ok inspect "$(data_file)"
    expect_out origin
    run_ok inspect "$DATA/flights-next.parquet"
    expect_out "num_rows 33791"
    flip "$(log_frame 2)" 40
    run inspect "$(log_frame 2)"
    expect_rc 8
    expect_err "$(basename "$(log_frame 2)")"
    run inspect nowhere
    expect_rc 4
    run inspect /etc/passwd
    expect_true test "$rc" -ne 0
    expect_err /etc/passwd
}

run_tests
