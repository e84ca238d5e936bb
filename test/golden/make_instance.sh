#!/bin/bash
# A golden instance of format 1: make_instance.sh SLEEPER FOLDER. What is in test/golden/instance was made once by the
# program of its day and is never made again; a later format gets a folder beside it. test/cli/golden_test.sh reads it.
set -eu
sleeper=$(realpath "$1")
mkdir -p "$2"
export SLEEPER_INSTANCE=$2/instance
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
    "$sleeper" "$@" --quiet --yes >/dev/null
}

# rows FIRST LAST: k, n, and a text that is the same for ten rows.
rows() {
    echo 'k,n,v' >"$work/rows.csv"
    seq "$1" "$2" | awk '{ printf "%05d,%d,v%d\n", $1 * 7919 % 100000, $1, $1 / 10 }' >>"$work/rows.csv"
}

printf '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"},{"name":"v","type":"string","nullable":true}],"rowKey":["k"],"sortKey":["n"]}' >"$work/schema.json"
run init
# main: bodies in frames and moved below the floor, files of their own, splits, compactions, dead files, pins, a floor, two
# snapshots and a head.
run table create main --schema "$work/schema.json"
run table set main statestore.snapshot.frames=16 ingest.embed.max.size=64KiB
for n in 1 2 3 4 5 6; do
    rows $((n * 100)) $((n * 100 + 20))
    run ingest main "$work/rows.csv" --token "first-$n"
done
run partition split main --at 30000 --at 60000
rows 10000 13000
run table set main ingest.embed.max.size=0
run ingest main "$work/rows.csv"
run compact main --all
run pin main monday
run table set main ingest.embed.max.size=64KiB
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26; do
    rows $((n * 100 + 50)) $((n * 100 + 55))
    run ingest main "$work/rows.csv" --token "second-$n"
done
run purge main --where "k < '00100'"
# sums: an engine that reduces, and a range delete; nothing was trimmed.
run table create sums --schema "$work/schema.json" --engine 'last'
rows 1 200
run ingest sums "$work/rows.csv"
run delete sums --from 10000 --to 20000
rows 100 300
run ingest sums "$work/rows.csv"
# renamed, dropped, offline, paused.
run table create old --schema "$work/schema.json"
run table rename old new
run table create gone --schema "$work/schema.json"
run table drop gone
run table offline new
run table pause new
run compact main --make-only --all
python3 "$(dirname "$0")/make_instance.py" "$sleeper" "$SLEEPER_INSTANCE"
