# What every transcript test stands on. A test file sources this, defines functions whose names begin with test_
# and are claims, and ends with run_tests:
#
#     . "$(dirname "$0")/lib.sh"
#
#     test_a_missing_table_is_named() {
#         run init
#         run get nowhere ATL
#         expect_rc 4
#         expect_out_is ""
#         expect_err 'table "nowhere"'
#     }
#
#     run_tests
#
# Each function runs in a fresh folder of its own, in a subshell under `set -e`, with SLEEPER_INSTANCE naming the
# folder `instance` in it; the binary is $SLEEPER. The first expectation that does not hold ends the function and shows
# the command, its code, stdout and stderr. Files:
#
#     $REPO       the repository          $DATA     test/data in it
#     $work/out   stdout of the last run  $work/err its stderr     $rc  its exit code
#
# ONLY=name runs one function. UPDATE_GOLDEN=1 rewrites what expect_golden compares with; then read the difference.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DATA=$REPO/test/data
export LC_ALL=C TZ=UTC NO_COLOR=1
: "${SLEEPER:=$REPO/build/dev/sleeper}"
rc=0
last=

# python ARGS... <<'PYTHON': a script that judges or makes files; the test is skipped where there is no pyarrow.
python() {
    [ -x "$REPO/.venv/bin/python" ] || skip "no Python environment with pyarrow"
    "$REPO/.venv/bin/python" - "$@" >"$work/verdict" 2>&1 || fail "$(cat "$work/verdict")"
}

# run ARGS...: the program with these arguments, stdin empty. run_in FILE ARGS...: stdin from FILE.
run() {
    run_in /dev/null "$@"
}

run_in() {
    local input=$1
    shift
    last="sleeper $*"
    rc=0
    "$SLEEPER" "$@" <"$input" >"$work/out" 2>"$work/err" || rc=$?
}

# run_ok ARGS...: it must work.
run_ok() {
    run "$@"
    expect_rc 0
}

fail() {
    {
        echo "    $*"
        echo "    at line ${BASH_LINENO[1]} of ${BASH_SOURCE[2]}"
        echo "    command: $last"
        echo "    exit code: $rc"
        sed 's/^/    stdout: /' "$work/out" | head -40
        sed 's/^/    stderr: /' "$work/err" | head -40
    } >&2
    exit 1
}

expect_rc() {
    [ "$rc" = "$1" ] || fail "expected exit code $1"
}

# expect_out TEXT, expect_err TEXT: it contains the text (no pattern). expect_no_err: stderr is empty.
expect_out() {
    grep -qF -- "$1" "$work/out" || fail "expected on stdout: $1"
}

expect_err() {
    grep -qF -- "$1" "$work/err" || fail "expected on stderr: $1"
}

expect_no_out() {
    if grep -qF -- "$1" "$work/out"; then fail "not expected on stdout: $1"; fi
}

expect_no_err() {
    [ ! -s "$work/err" ] || fail "expected nothing on stderr"
}

# expect_out_is TEXT, expect_err_is TEXT: it is the text, but for a last newline.
expect_out_is() {
    [ "$(cat "$work/out")" = "$1" ] || fail "expected on stdout exactly: $1"
}

expect_err_is() {
    [ "$(cat "$work/err")" = "$1" ] || fail "expected on stderr exactly: $1"
}

# expect_out_lines N: stdout has N lines.
expect_out_lines() {
    local lines
    lines=$(wc -l <"$work/out")
    [ "$lines" -eq "$1" ] || fail "expected $1 lines on stdout, got $lines"
}

# One message: a single line on stderr, and nothing on stdout.
expect_one_message() {
    [ ! -s "$work/out" ] || fail "expected nothing on stdout"
    [ "$(wc -l <"$work/err")" -eq 1 ] || fail "expected one line on stderr"
}

expect_true() {
    "$@" || fail "expected: $*"
}

# expect_golden NAME: stdout equals test/golden/cli/NAME. A test pipes what varies (ids, times) away first with `mask`.
expect_golden() {
    local golden=$REPO/test/golden/cli/$1
    if [ "${UPDATE_GOLDEN:-0}" = 1 ]; then
        mkdir -p "$(dirname "$golden")"
        cp "$work/out" "$golden"
    fi
    diff -u "$golden" "$work/out" >"$work/diff" || {
        cat "$work/diff" >&2
        fail "stdout differs from test/golden/cli/$1"
    }
}

# mask SED-SCRIPT: rewrite the captured stdout, to take out what differs from run to run.
mask() {
    sed -E -i "$1" "$work/out"
}

# unchanged DIR COMMAND...: the command leaves the folder as it was, names and bytes.
unchanged() {
    local dir=$1 before
    shift
    before=$(fingerprint "$dir")
    "$@"
    [ "$(fingerprint "$dir")" = "$before" ] || fail "expected nothing to change below $dir"
}

fingerprint() {
    [ -e "$1" ] || return 0
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

# loaded_libraries ARGS...: the shared objects that the process maps, opened later ones included, one a line.
loaded_libraries() {
    LD_DEBUG=files "$SLEEPER" "$@" 2>&1 >/dev/null </dev/null |
        sed -n 's/.*calling init: \(.*\)/\1/p' | xargs -r -n 1 basename | sort -u
}

# skip REASON: this function cannot run here.
skip() {
    echo "    skipped: $*" >&2
    exit 77
}

run_tests() {
    local name failed=0 code
    for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); do
        [ "${ONLY:-$name}" = "$name" ] || continue
        echo "[ RUN      ] ${name#test_}"
        work=$(mktemp -d "${TMPDIR:-/tmp}/sleeper-cli.XXXXXX")
        : >"$work/out"
        : >"$work/err"
        # Not `(...) || code=$?`: on the left of || bash ignores set -e, and a failed command in a test would pass.
        (
            set -e
            cd "$work"
            export SLEEPER_INSTANCE=$work/instance
            "$name"
        )
        code=$?
        chmod -R u+rwX "$work" 2>/dev/null
        rm -rf "$work"
        case $code in
        0) echo "[       OK ] ${name#test_}" ;;
        77) echo "[  SKIPPED ] ${name#test_}" ;;
        *)
            echo "[  FAILED  ] ${name#test_}"
            echo "    again: ONLY=$name SLEEPER=$SLEEPER bash $0" >&2
            failed=1
            ;;
        esac
    done
    exit $failed
}
