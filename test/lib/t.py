"""What every test in Python stands on: run the program, and report like cmocka.

    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
    import t

    def test_every_reader_gives_the_rows_that_were_put_in(work):
        t.run("init", instance=work + "/i")
        ...

    t.main(globals())

Each function whose name begins with test_ runs with a fresh folder `work`; its name is a claim. ONLY=name runs one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import traceback

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DATA = os.path.join(REPO, "test", "data")
SLEEPER = os.environ.get("SLEEPER", os.path.join(REPO, "build", "dev", "sleeper"))


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def run(*args, instance=None, stdin=None, rc=0):
    """Run the program; returns stdout as bytes. Another exit code than `rc` fails the test with both outputs."""
    env = dict(os.environ, TZ="UTC", NO_COLOR="1")
    if instance:
        env["SLEEPER_INSTANCE"] = instance
    done = subprocess.run([SLEEPER, *args], input=stdin or b"", capture_output=True, env=env)
    if done.returncode != rc:
        raise AssertionError(
            "sleeper %s: exit code %d, expected %d\nstdout: %s\nstderr: %s"
            % (" ".join(args), done.returncode, rc, done.stdout[-2000:].decode(errors="replace"),
               done.stderr[-4000:].decode(errors="replace"))
        )
    return done.stdout


def others_data():
    """The folder of others' test data; skips the test when it is not there."""
    folder = os.environ.get("SLEEPER_TEST_DATA") or os.path.join(REPO, "..", "shared", "data")
    if not os.path.isdir(folder):
        raise Skip("no test data of others at SLEEPER_TEST_DATA or ../shared/data")
    return folder


def main(names):
    failed = 0
    only = os.environ.get("ONLY")
    for name, function in list(names.items()):
        if not name.startswith("test_") or (only and only != name):
            continue
        claim = name[len("test_"):]
        print("[ RUN      ] " + claim, flush=True)
        work = tempfile.mkdtemp(prefix="sleeper-test.")
        try:
            function(work)
            print("[       OK ] " + claim, flush=True)
        except Skip as reason:
            print("    skipped: %s\n[  SKIPPED ] %s" % (reason, claim), flush=True)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print("    again: ONLY=%s SLEEPER=%s .venv/bin/python %s" % (name, SLEEPER, sys.argv[0]))
            print("[  FAILED  ] " + claim, flush=True)
            failed = 1
        finally:
            shutil.rmtree(work, ignore_errors=True)
    sys.exit(failed)
