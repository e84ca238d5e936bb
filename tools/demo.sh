#!/bin/bash
# The whole way on real flights: tools/demo.sh [full]. `make demo` builds the program first.
#
# Each command is printed before its output, so that it can be repeated by hand; the instance stays in demo/ for that.
# DEMO_BIN and DEMO_DIR name other places for the program and the instance: the test of the demo does.
set -eu
cd "$(dirname "$0")/.."

first=test/data/flights-slice.parquet
second=test/data/flights-next.parquet
[ "${1:-}" != full ] || first=$(tools/flights.sh)

bin=${DEMO_BIN:-$PWD/build/release}
dir=${DEMO_DIR:-$PWD/demo}
rm -rf "$dir/instance"
mkdir -p "$dir"
export PATH=$bin:$PATH SLEEPER_INSTANCE=$dir/instance
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

say() {
    printf '\n%s\n' "# $*"
}

show() {
    printf '%s$ %s%s\n' "$bold" "$1" "$plain"
    eval "$1"
}

answers() {
    show 'sleeper get flights "ATL,2001-01-01T11:56,DCA" -o table'
    show 'sleeper scan flights --from "ABI,2001-01-02" --to "ABI,2001-01-03" -o table'
    show 'sleeper scan flights --from JFK --to LAX --columns origin,destination --limit 5 -o table'
    show 'sleeper count flights'
    show 'sleeper count flights --where "origin = '"'ATL'"' AND delay > 60"'
}

say "To repeat any of it by hand:"
echo "export PATH=$bin:\$PATH SLEEPER_INSTANCE=$dir/instance"

say "An instance is a folder. A table takes its columns from a file; rows are found by origin, then date and destination."
show 'sleeper init'
show "printf 'DFW\\nLAX\\nORD\\n' >$dir/points.txt"
show "sleeper table create flights --like $first --row-key origin --sort-key date,destination --split-points $dir/points.txt"

say "Load real flights, and ask: by full key, by airport and day, by range with two columns, how many."
show "sleeper ingest flights $first"
answers

say "Two more days arrive. Then a compaction: fewer files, the same answers."
show "sleeper ingest flights $second"
show 'sleeper file list flights -o table'
answers
show 'sleeper compact flights --all'
show 'sleeper file list flights -o table'
answers

say "What there is, how it came about, and whether all of it is sound."
show 'sleeper partition list flights -o table'
show 'sleeper log flights -o table'
show 'sleeper status flights --columns sequence,partitions,files,rows,bytes,depth,dead_files -o table'
show 'sleeper check flights -o table'

say "The table is yours: the instance stays in $dir/instance"
