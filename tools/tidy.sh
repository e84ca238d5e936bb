#!/bin/bash
# Layout, house rules and clang-tidy over everything: tools/tidy.sh [BASE-COMMIT]
#
# With a base commit clang-tidy looks only at the C files that changed since, and at all of them when a header did.
# It reads the compile commands of the preset clang; generated headers, if any, have to be built there first.
set -u
cd "$(dirname "$0")/.."
jobs=$(nproc)
failed=0

echo "layout (clang-format)"
git ls-files '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror || failed=1

echo "house rules (tools/check_layers.py)"
python3 tools/check_layers.py build/dev || failed=1

echo "clang-tidy"
cmake --preset clang >/dev/null || exit 1
changed=$(git ls-files 'src/*.c' 'apps/*.c')
if [ $# -gt 0 ] && since=$(git diff --name-only --diff-filter=d "$1" -- src apps include 2>/dev/null) &&
    ! grep -qE '\.(h|def)$' <<<"$since"; then
    changed=$(grep '\.c$' <<<"$since")
fi
if [ -n "$changed" ]; then
    # shellcheck disable=SC2086
    printf '%s\n' $changed | xargs -P "$jobs" -n 4 clang-tidy-14 -p build/clang --quiet \
        2> >(grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter' >&2) || failed=1
fi
exit $failed
