#!/bin/sh
# Bring the C sources of nanoarrow (Arrow IPC) and of the flatcc runtime that it stands on into third_party/nanoarrow.
#
# They are not packaged for Debian. The source archive of the Python package carries both; its version and checksum
# are pinned here, and the folder is not committed. Nothing of Python is built. CMake runs this when the folder is
# missing.
set -eu
cd "$(dirname "$0")/.."

version=0.9.0
sha256=1ce15bbed8532839347faa78824c5dbd3769bff60661003e34c6fba5dd881bd3
target=third_party/nanoarrow

[ "$(cat $target/VERSION 2>/dev/null || true)" = "$version" ] && exit 0

tools/venv.sh
mkdir -p third_party
exec 9>third_party/.lock
flock 9
[ "$(cat $target/VERSION 2>/dev/null || true)" = "$version" ] && exit 0
work=$(mktemp -d third_party/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT
archive=$(.venv/bin/python tools/sdist.py nanoarrow $version $sha256 "$work")
tar -xzf "$archive" -C "$work"

from=$work/nanoarrow-$version/subprojects
new=$work/new
mkdir -p $new/src $new/flatcc
cp -r $from/arrow-nanoarrow/src/nanoarrow $new/src/
cp -r $from/flatcc-*/include $from/flatcc-*/src/runtime $from/flatcc-*/LICENSE $from/flatcc-*/NOTICE $new/flatcc/
find $new -name '*.cc' -delete
echo $version >$new/VERSION
rm -rf $target
mv $new $target
echo "nanoarrow.sh: $target is nanoarrow $version" >&2
