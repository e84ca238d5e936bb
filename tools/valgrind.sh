#!/bin/sh
# Memory that is read before it is written: what ASan does not see. The tests of the Parquet codec run under valgrind,
# built without sanitizers, the fuzz corpora are replayed, and the files of the parquet-testing project are printed and
# written again. Any complaint, a leak among them, fails. tools/valgrind.sh [JOBS]
set -eu
cd "$(dirname "$0")/.."
jobs=${1:-2}
data=${SLEEPER_TEST_DATA:-../shared/data}/parquet-testing
build=build/valgrind
log=$build/log
cmake --preset valgrind >/dev/null
mkdir -p "$log"
names=
for kind in unit/parquet unit/codec unit/arrow prop; do
    for file in test/"$kind"/*_test.c; do
        name=$(basename "$file" .c)
        case $kind/$name in prop/*) case $name in parquet_* | arrow_*) ;; *) continue ;; esac ;; esac
        names="$names $(echo "$kind" | tr / .).$name"
    done
done
fuzzers=
for target in arrow bloom codecs delta delta_lengths delta_strings dictionary footer index levels page page_header parquet plain \
    rle split thrift; do
    fuzzers="$fuzzers fuzz.$target"
done
# shellcheck disable=SC2086
cmake --build $build -j "$jobs" --target sleeper $names $fuzzers >"$log/build" || { cat "$log/build"; exit 1; }

failed=0
count=0
# judge NAME COMMAND...: the command may fail by itself (damaged files), but not by valgrind's 99.
judge() {
    name=$1
    shift
    status=0
    timeout 900 valgrind --quiet --error-exitcode=99 --leak-check=full --num-callers=25 --log-file="$log/$name" "$@" \
        >"$log/$name.out" 2>&1 || status=$?
    count=$((count + 1))
    if [ "$status" -eq 99 ] || [ "$status" -ge 124 ]; then
        echo "valgrind: $name"
        head -40 "$log/$name"
        failed=$((failed + 1))
    fi
}

export MUTATIONS=${MUTATIONS:-200}
for name in $names; do
    judge "$name" "$build/test/$name"
done
for name in $fuzzers; do
    target=${name#fuzz.}
    judge "$name" "$build/test/$name" --mutations 60 "test/fuzz/corpus/$target"
done
if [ -d "$data" ]; then
    for file in "$data"/data/*.parquet* "$data"/data/geospatial/*.parquet "$data"/bad_data/*.parquet; do
        [ "$(stat -c %s "$file")" -lt 400000 ] || continue
        judge "cat.$(basename "$file")" "$build/sleeper" cat "$file" -o ndjson
        judge "rewrite.$(basename "$file")" "$build/sleeper" cat "$file" -o parquet --output "$log/rewritten.parquet"
        rm -f "$log/rewritten.parquet"
    done
fi
echo "valgrind: $count programs, $failed with complaints"
[ $failed -eq 0 ]
