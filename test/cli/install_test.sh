# What `make install` leaves can be used: the program, and the library through pkg-config.
. "$(dirname "$0")/lib.sh"

: "${SLEEPER_BUILD:=$REPO/build/dev}"

install_into() {
    last="cmake --install $SLEEPER_BUILD --prefix $1"
    cmake --install "$SLEEPER_BUILD" --prefix "$1" >"$work/out" 2>"$work/err" || fail "the installation failed"
}

cached() {
    sed -n "s/^$1:[A-Z]*=//p" "$SLEEPER_BUILD/CMakeCache.txt"
}

test_program_library_headers_and_manual_are_installed() {
    install_into "$work/usr"
    expect_true test -x usr/bin/sleeper
    expect_true test -f usr/include/sleeper/sleeper.h
    expect_true test -f usr/include/sleeper/status.def
    expect_true test -s usr/share/man/man1/sleeper.1
    expect_true test -n "$(find usr -name libsleeper.so.0)"
    expect_true test -n "$(find usr -name sleeper.pc)"
    SLEEPER=$work/usr/bin/sleeper
    run_ok version
}

test_a_program_is_built_by_pkg_config_and_runs() {
    install_into "$work/usr"
    mv usr moved
    cat >program.c <<'C'
#include <sleeper/sleeper.h>
#include <stdio.h>

int main(void)
{
    return puts(slp_version()) < 0;
}
C
    PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name sleeper.pc)")
    export PKG_CONFIG_PATH
    local sanitize flags
    sanitize=$(cached SLEEPER_SANITIZE)
    flags=$(pkg-config --cflags --libs sleeper)
    last="cc program.c $flags"
    # shellcheck disable=SC2086
    "$(cached CMAKE_C_COMPILER)" ${sanitize:+-fsanitize=$sanitize} program.c -o program $flags 2>"$work/err" ||
        fail "the program does not compile"
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir sleeper) ./program >"$work/out"
    expect_out_is "$(pkg-config --modversion sleeper)"
}

test_the_manual_page_is_well_formed() {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    last="mandoc -Tlint -Wwarning sleeper.1"
    mandoc -Tlint -Wwarning "$SLEEPER_BUILD/sleeper.1" >"$work/out" 2>"$work/err" || fail "the manual page has warnings"
}

run_tests
