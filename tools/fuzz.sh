#!/bin/sh
# libFuzzer on one target: tools/fuzz.sh NAME SECONDS [JOBS]. New inputs grow in build/fuzz/corpus/NAME, beside the
# committed corpus, which is read and never written; a crash is left there as crash-*.
set -eu
cd "$(dirname "$0")/.."
name=$1
seconds=$2
if [ -z "$name" ] || [ ! -f "test/fuzz/${name}_fuzz.c" ]; then
    echo "fuzz.sh: name a target with T=: $(ls test/fuzz | sed -n 's/_fuzz\.c$//p' | tr '\n' ' ')" >&2
    exit 2
fi
mkdir -p build/fuzz
cmake --preset fuzz >build/fuzz/configure.log 2>&1 || { cat build/fuzz/configure.log >&2; exit 1; }
cmake --build build/fuzz -j "${3:-2}" --target "fuzz.$name"
grown=build/fuzz/corpus/$name
mkdir -p "$grown"
dictionary=
[ ! -f "test/fuzz/$name.dict" ] || dictionary=-dict=test/fuzz/$name.dict
# shellcheck disable=SC2086
exec "build/fuzz/test/fuzz.$name" $dictionary -max_total_time="$seconds" -print_final_stats=1 -rss_limit_mb=2048 \
    -artifact_prefix="$grown/" "$grown" "test/fuzz/corpus/$name"
