#!/bin/sh
# libFuzzer: tools/fuzz.sh NAME|all CPU_MINUTES [JOBS]. `all` goes through every target, one after another, and does not
# stop at a finding. What is counted is processor time, so that a busy machine does not make the search shorter.
#
# New inputs grow in build/fuzz/corpus/NAME, beside the committed corpus, which is read and never written; a crash is
# left there as crash-*, its report in build/fuzz/log/NAME. build/fuzz/summary gets a line for each target.
set -eu
cd "$(dirname "$0")/.."
wanted=$1
minutes=$2
jobs=${3:-2}
targets=$(ls test/fuzz | sed -n 's/_fuzz\.c$//p')
if [ "$wanted" != all ] && [ ! -f "test/fuzz/${wanted}_fuzz.c" ]; then
    echo "fuzz.sh: name a target with T=, or leave it out for all: $(echo $targets)" >&2
    exit 2
fi
[ "$wanted" = all ] || targets=$wanted

# Processor seconds of the programs that this shell has waited for; the subshell of $( ) has waited for none.
spent() {
    awk -v ticks="$(getconf CLK_TCK)" '{ print int(($16 + $17) / ticks) }' /proc/$$/stat
}

# fuzz_one NAME: slices of a minute by the clock, until the processor time is spent. Merging what each found is left to
# the next slice, which reads it.
fuzz_one() {
    name=$1
    grown=build/fuzz/corpus/$name
    log=build/fuzz/log/$name
    mkdir -p "$grown" build/fuzz/log
    : >"$log"
    dictionary=
    [ ! -f "test/fuzz/$name.dict" ] || dictionary=-dict=test/fuzz/$name.dict
    found=no
    start=$(spent)
    used=0
    while [ "$used" -lt $((minutes * 60)) ] && [ $found = no ]; do
        # shellcheck disable=SC2086
        "build/fuzz/test/fuzz.$name" $dictionary -max_total_time=60 -print_final_stats=1 -rss_limit_mb=2048 \
            -timeout=20 -use_value_profile=1 -artifact_prefix="$grown/" "$grown" "test/fuzz/corpus/$name" \
            >>"$log" 2>&1 || found=yes
        used=$(($(spent) - start))
    done
    runs=$(awk '/stat::number_of_executed_units/ { n += $2 } END { print n + 0 }' "$log")
    inputs=$(ls "$grown" | wc -l)
    echo "$name: $used processor seconds, $runs runs, $inputs inputs, finding: $found" | tee -a build/fuzz/summary
    [ $found = no ] || { tail -40 "$log"; return 1; }
}

mkdir -p build/fuzz
cmake --preset fuzz >build/fuzz/configure.log 2>&1 || { cat build/fuzz/configure.log >&2; exit 1; }
failed=0
for name in $targets; do
    cmake --build build/fuzz -j "$jobs" --target "fuzz.$name" >build/fuzz/build.log || { cat build/fuzz/build.log; exit 1; }
    fuzz_one "$name" || failed=1
done
exit $failed
