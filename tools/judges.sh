#!/bin/sh
# Install the heavy judges (make interop): chdb and Spark into build/judges/python, parquet-java into
# build/judges/parquet-java. Some 1.5 GB, once; a stamp with the list's checksum makes the second run cost nothing.
#
# One that cannot be installed is said and left out: its tests are skipped by name. So this never fails.
set -u
cd "$(dirname "$0")/.."
mkdir -p build/judges

# install NAME LIST COMMAND...: run the command, which fills build/judges/NAME.new, unless that was done for this list.
install() {
    name=$1
    list=$2
    shift 2
    want=$(sha256sum <"$list")
    target=build/judges/$name
    [ "$(cat "$target.stamp" 2>/dev/null)" = "$want" ] && [ -d "$target" ] && return
    echo "judges.sh: installing what $list names" >&2
    rm -rf "$target" "$target.new" "$target.stamp"
    if "$@" >"build/judges/$name.log" 2>&1; then
        mv "$target.new" "$target"
        echo "$want" >"$target.stamp"
    else
        rm -rf "$target.new"
        echo "judges.sh: $name could not be installed, its tests are skipped; see build/judges/$name.log" >&2
    fi
}

tools/venv.sh test
if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
    tools/packages.sh judges
fi
# Spark is an archive of sources, though it is only unpacked.
install python tools/requirements-judges.txt \
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --target build/judges/python.new \
    -r tools/requirements-judges.txt
install parquet-java tools/judges.xml \
    mvn -q -B -f tools/judges.xml dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$PWD/build/judges/parquet-java.new"
exit 0
