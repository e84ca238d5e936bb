#!/bin/sh
# Make .venv, the Python environment of tools and tests, once.
#
#   tools/venv.sh            an environment with pip alone, enough to fetch nanoarrow's sources
#   tools/venv.sh test       and the packages of tools/requirements-test.txt
#
# A stamp with the list's checksum makes the second run cost nothing.
set -eu
cd "$(dirname "$0")/.."

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    rm -rf .venv
    python3 -m venv .venv 2>/dev/null || { rm -rf .venv; /usr/bin/python3 -m venv .venv; }
fi
[ "${1-}" = test ] || exit 0

want=$(sha256sum <tools/requirements-test.txt)
if [ "$(cat .venv/requirements.stamp 2>/dev/null || true)" != "$want" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
        -r tools/requirements-test.txt >&2
    echo "$want" >.venv/requirements.stamp
fi
