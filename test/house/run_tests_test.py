"""The closing line of a test run counts cases, names what was skipped, and hides no failure."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

CMOCKA = """[==========] Running 3 test(s).
[ RUN      ] one
[       OK ] one
[ RUN      ] two
%s
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] two
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] two
"""


def run(work, **programs):
    """Run small programs, given as (output, exit code), under ctest; returns (exit code, lines)."""
    with open(os.path.join(work, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
        for name, (text, code) in programs.items():
            with open(os.path.join(work, name + ".sh"), "w", encoding="utf-8") as script:
                script.write("cat <<'END'\n%s\nEND\nexit %d\n" % (text, code))
            file.write('add_test(%s "/bin/sh" "%s/%s.sh")\n' % (name, work, name))
    done = subprocess.run([sys.executable, os.path.join(t.REPO, "tools", "run_tests.py"), work], capture_output=True,
                          text=True)
    return done.returncode, done.stdout.strip().splitlines()


def test_cases_are_counted_and_not_programs(work):
    rc, lines = run(work, a=("[       OK ] x\n[       OK ] y", 0), b=("[       OK ] z", 0), c=("no lines", 0))
    assert (rc, lines[-1]) == (0, "4 passed, 0 failed, 0 skipped"), lines


def test_a_skipped_case_is_named_once(work):
    rc, lines = run(work, a=(CMOCKA % "[  SKIPPED ] two", 0))
    assert (rc, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped"), lines
    assert lines.count("skipped  a: two") == 1, lines


def test_a_failed_case_is_named_and_fails_the_run(work):
    rc, lines = run(work, a=(CMOCKA % "[  FAILED  ] two", 1))
    assert (rc, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped"), lines
    assert "failed   a: two" in lines, lines


def test_a_program_that_dies_is_a_failure(work):
    rc, lines = run(work, a=("[       OK ] one\n[ RUN      ] two", 139))
    assert (rc, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped"), lines


def test_a_case_that_failed_counts_even_if_its_program_says_all_is_well(work):
    rc, lines = run(work, a=("[  FAILED  ] one\n[       OK ] two", 0))
    assert (rc, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped"), lines


def test_a_run_of_nothing_fails(work):
    rc, lines = run(work)
    assert (rc, lines[-1]) == (1, "0 passed, 0 failed, 0 skipped"), lines


t.main(globals())
