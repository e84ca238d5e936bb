"""Run ctest and close with one line that counts test cases: N passed, N failed, N skipped.

    python3 tools/run_tests.py BUILD-DIR [ctest option]...

ctest counts programs; a program here holds many tests, and one that needs data which is not there skips only those.
So this reads the programs' own lines (cmocka's form, which test/cli/lib.sh, test/lib/t.py and test/fuzz/driver.c share)
out of ctest's JUnit file. A program that fails without saying where, or dies, counts as one failed test. Skipped tests
are named. Fails when anything failed, or when nothing ran at all.
"""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree

CASE = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (\w\S*)")


def cases(text):
    """The (verdict, name) pairs a program printed. After cmocka's `N test(s) run.` it lists failures a second time."""
    found = []
    is_summary = False
    for line in text.splitlines():
        if "test(s) run." in line:
            is_summary = True
        elif line.startswith("[==========]"):
            is_summary = False
        match = CASE.search(line)
        if match and not is_summary and "test(s)" not in line:
            found.append(match.groups())
    return found


def environment():
    """Tests in C ask other readers through $SLEEPER_PYTHON: the project's own environment, unless another is named."""
    python = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".venv", "bin", "python")
    if os.path.exists(python):
        return {"SLEEPER_PYTHON": os.path.normpath(python), **os.environ}
    return None


def main():
    build = sys.argv[1]
    report = os.path.abspath(os.path.join(build, "tests.xml"))
    if os.path.exists(report):
        os.remove(report)
    command = ["ctest", "--test-dir", build, "--output-on-failure", "--output-junit", report, "--no-tests=ignore",
               "--test-output-size-passed", "4000000", "--test-output-size-failed", "4000000"] + sys.argv[2:]
    rc = subprocess.run(command, env=environment()).returncode

    passed, failed, skipped = 0, [], []
    programs = xml.etree.ElementTree.parse(report).getroot().iter("testcase") if os.path.exists(report) else []
    slowest = []
    for program in programs:
        name, status = program.get("name"), program.get("status")
        slowest.append((float(program.get("time") or 0), name))
        found = cases(program.findtext("system-out") or "")
        bad = [case for verdict, case in found if verdict == "FAILED"]
        failed += [name + ": " + case for case in bad]
        skipped += [name + ": " + case for verdict, case in found if verdict == "SKIPPED"]
        passed += sum(1 for verdict, case in found if verdict == "OK")
        if status == "run":
            passed += not found
        elif not bad:
            failed.append(name + ": the program failed outside its tests")

    print("\nslowest: " + ", ".join("%s %.1f s" % (name, time) for time, name in sorted(slowest, reverse=True)[:8]))
    for name in skipped:
        print("skipped  " + name)
    for name in failed:
        print("failed   " + name)
    if rc and not failed:
        failed.append("ctest")
    print("%d passed, %d failed, %d skipped" % (passed, len(failed), len(skipped)), flush=True)
    sys.exit(1 if failed or passed == 0 else 0)


main()
