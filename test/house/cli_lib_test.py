"""test/cli/lib.sh can fail: an expectation that does not hold, or a command that fails, ends the test."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t


def verdict(work, body, sleeper="/bin/echo"):
    """Run one function of this body on a stand-in for the program; returns (exit code, output)."""
    script = os.path.join(work, "x_test.sh")
    with open(script, "w", encoding="utf-8") as file:
        file.write(". %s/test/cli/lib.sh\ntest_it() {\n%s\n}\nrun_tests\n" % (t.REPO, body))
    done = subprocess.run(["bash", script], capture_output=True, text=True, env=dict(os.environ, SLEEPER=sleeper))
    return done.returncode, done.stdout + done.stderr


def fails(work, body, text, sleeper="/bin/echo"):
    rc, out = verdict(work, body + "\necho reached", sleeper)
    assert rc == 1 and "[  FAILED  ] it" in out and text in out and "reached" not in out, out


def test_expectations_that_hold_pass(work):
    body = 'run a b\nexpect_rc 0\nexpect_out "a b"\nexpect_out_is "a b"\nexpect_no_out c\nexpect_no_err\nexpect_out_lines 1'
    rc, out = verdict(work, body)
    assert rc == 0 and "[       OK ] it" in out, out


def test_expectations_that_do_not_hold_fail(work):
    for body, text in (
        ("expect_rc 1", "expected exit code 1"),
        ("expect_out b", "expected on stdout: b"),
        ("expect_out_is b", "exactly: b"),
        ("expect_no_out a", "not expected on stdout: a"),
        ("expect_err a", "expected on stderr: a"),
        ("expect_out_lines 2", "expected 2 lines"),
        ("expect_one_message", "expected nothing on stdout"),
        ("expect_true test -f nothing", "expected: test -f nothing"),
    ):
        fails(work, "run a\n" + body, text)


def test_what_was_to_work_and_did_not_fails(work):
    fails(work, "run_ok a", "expected exit code 0", "/bin/false")


def test_a_command_that_fails_ends_the_test(work):
    fails(work, "false", "")


def test_a_folder_that_changes_is_seen(work):
    fails(work, "mkdir d; echo 1 >d/a; unchanged d sh -c 'echo 2 >d/a'", "expected nothing to change below d")
    fails(work, "mkdir d; unchanged d sh -c 'echo 2 >d/a'", "expected nothing to change below d")


def test_a_skipped_test_is_neither_passed_nor_failed(work):
    rc, out = verdict(work, 'skip "no data"\necho reached')
    assert rc == 0 and "[  SKIPPED ] it" in out and "[       OK ]" not in out and "reached" not in out, out


t.main(globals())
