#!/bin/bash
# Run an example program in a fresh folder; it gets that folder and the folder of the repository's data.
set -eu
name=$(basename "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if "$1" "$work/instance" "$PWD/test/data"; then
    echo "[       OK ] $name"
else
    echo "[  FAILED  ] $name"
    exit 1
fi
