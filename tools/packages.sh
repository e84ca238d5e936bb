#!/bin/sh
# Install the Debian packages that are missing, and nothing else.
#
#   tools/packages.sh SET...     build | test | fuzz | cover | judges | demo-full
#
# As root, else with sudo, else it prints the one command to run and fails. When nothing is missing it only asks
# dpkg and ends at once. A name like `npm:command` is satisfied by any command of that name on the path, so that a
# machine with its own node keeps it.
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config python3:command python3-venv ca-certificates
       libzstd-dev liblz4-dev libsnappy1v5 libdeflate-dev libxxhash-dev libjansson-dev libbrotli1"
test="$build binutils libcmocka-dev clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev git strace valgrind mandoc"
fuzz="$build libcmocka-dev clang-14 libclang-rt-14-dev"
cover="$build libcmocka-dev gcovr"
judges="$test default-jdk-headless maven"
demo_full="$build npm:command"

wanted=
[ $# -gt 0 ] || set -- build
for set in "$@"; do
    case $set in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    cover) wanted="$wanted $cover" ;;
    judges) wanted="$wanted $judges" ;;
    demo-full) wanted="$wanted $demo_full" ;;
    *)
        echo "packages.sh: unknown set \"$set\", expected build, test, fuzz, cover, judges or demo-full" >&2
        exit 2
        ;;
    esac
done

installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii *//p' | tr '\n' ' ')"
missing=
for name in $wanted; do
    case $name in
    *:command)
        name=${name%:command}
        command -v "$name" >/dev/null 2>&1 && continue
        ;;
    esac
    case "$installed$missing " in
    *" $name "*) ;;
    *) missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "packages.sh: installing$missing" >&2
install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    root="sudo"
else
    echo "packages.sh: this needs root. Run this one command and try again:" >&2
    echo "    su -c 'apt-get update && $install'" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -q >&2
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive $install >&2
