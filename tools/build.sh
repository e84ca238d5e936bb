#!/bin/sh
# Configure a preset and build all of it: tools/build.sh PRESET [JOBS [CMAKE-OPTION...]]. The configuration is quiet
# when it goes well.
set -eu
cd "$(dirname "$0")/.."
preset=$1
jobs=${2:-2}
[ $# -lt 2 ] || shift
shift
mkdir -p "build/$preset"
if ! cmake --preset "$preset" "$@" >"build/$preset/configure.log" 2>&1; then
    cat "build/$preset/configure.log" >&2
    exit 1
fi
cmake --build "build/$preset" -j "$jobs"
