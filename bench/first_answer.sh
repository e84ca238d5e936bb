#!/usr/bin/env bash
# The first answer of a fresh process on a table of 100,000 leaves and a million references: rounds,
# bytes of metadata, time. bench.state makes the table; one row of our own goes where no other file is.
#
#     bench/first_answer.sh BUILD FOLDER [FILES] [LEAVES]
#
# FOLDER is made, and must not be there. Wanted: at most 4 rounds before the data file's, 8 MB, 100 ms.
set -euo pipefail
build=$1
folder=$2
leaves=${4:-100000}
key=$(((leaves / 8 << 20) + 900000))
"$build/bench/bench.state" "$folder" "${3:-1000000}" "$leaves"
printf 'key\n%d\n' "$key" | "$build/sleeper" -I "$folder" ingest t - --format csv
for what in "get t $key" "count t --from $key --to $((key + 1))" "scan t --where key=$key"; do
    for _ in 1 2 3; do
        start=$(date +%s%N)
        # shellcheck disable=SC2086
        "$build/sleeper" -I "$folder" -v $what 2>"$folder.counts" >/dev/null
        printf '%-40s %4d ms  %s\n' "$what" $((($(date +%s%N) - start) / 1000000)) \
            "$(tr '\n' ' ' <"$folder.counts")"
    done
done
rm -f "$folder.counts"
