#!/bin/sh
# Fetch the full flights file, 3,000,000 rows in 13 MB, into build/data/flights-3m.parquet, once.
#
# It is a file of the npm package vega-datasets at a pinned version; its checksum is pinned here. Tests and the plain
# demo use the committed slice of it (test/data); benches and `make demo FULL=1` use this one. Prints the path.
set -eu
cd "$(dirname "$0")/.."

package=vega-datasets@3.2.1
file=flights-3m.parquet
sha256=dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0
target=build/data/$file

verified() {
    [ -f "$1" ] && [ "$(sha256sum <"$1")" = "$sha256  -" ]
}

if ! verified $target; then
    tools/packages.sh demo-full
    mkdir -p build/data
    work=$(mktemp -d build/data/fetch.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    echo "flights.sh: fetching $file from $package" >&2
    (cd "$work" && npm pack --silent --ignore-scripts $package >/dev/null)
    tar -xzf "$work"/*.tgz -C "$work" package/data/$file
    if ! verified "$work/package/data/$file"; then
        echo "flights.sh: $file of $package has not the pinned checksum $sha256: do not use it" >&2
        exit 1
    fi
    mv "$work/package/data/$file" $target
fi
echo $target
