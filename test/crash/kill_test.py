"""Kill the program at random moments: afterwards the table has all of a commit or nothing, and the leftovers can go.

KILLS is how often it is killed, a third each in ingest, in ingest that spills and in compaction: 30 in the ordinary
suite, 300 for the bar of the project. SEED repeats a run.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

KILLS = int(os.environ.get("KILLS", "30")) // 3
SEED = int(os.environ.get("SEED", "1"))
FIRST = os.path.join(t.DATA, "flights-next.parquet")
SECOND = os.path.join(t.DATA, "flights-slice.parquet")


def make(folder):
    """Four partitions, two commits: something to merge in each."""
    points = folder + ".points"
    with open(points, "w") as f:
        f.write("DFW\nLAX\nORD\n")
    t.run("init", instance=folder)
    t.run("table", "create", "f", "--like", FIRST, "--row-key", "origin", "--sort-key", "date,destination",
          "--split-points", points, instance=folder)
    t.run("ingest", "f", FIRST, instance=folder)
    t.run("ingest", "f", FIRST, instance=folder)


def answer(folder):
    """All rows, as their number and a hash. Rows of one key come by commit, file and row, so bytes can be compared."""
    rows = t.run("scan", "f", "--no-header", instance=folder)
    return rows.count(b"\n"), hashlib.sha256(rows).hexdigest()


def data_files(folder):
    found = set()
    for root, _, names in os.walk(folder):
        if "/data" in root:
            found |= {os.path.join(root, name) for name in names}
    return found


def live_files(folder):
    names = t.run("file", "list", "f", "-o", "tsv", "--no-header", instance=folder).decode().splitlines()
    return {line.split("\t")[0] for line in names}


def launch(folder, args):
    return subprocess.Popen([t.SLEEPER, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env=dict(os.environ, SLEEPER_INSTANCE=folder))


def run_killed(folder, args, delay_s):
    """Start, wait, kill; returns the exit code, -9 when it was killed."""
    process = launch(folder, args)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    return process.wait()


def judge(folder, allowed, what):
    """The answer is one of `allowed`; everything is sound; what is left behind goes, and changes no answer."""
    got = answer(folder)
    assert got in allowed, "%s: %s rows, allowed are %s" % (what, got, allowed)
    t.run("check", "f", instance=folder)
    t.run("gc", "f", "--min-age", "0s", instance=folder)
    files = data_files(folder)
    live = live_files(folder)
    strangers = [f for f in files if not any(f.endswith("/" + name) for name in live)]
    assert not strangers, "%s: gc left %s" % (what, strangers)
    assert len(files) == len(live), "%s: %d files, the log names %d" % (what, len(files), len(live))
    left = [os.path.join(r, n) for r, _, names in os.walk(folder) for n in names if n.startswith(".tmp")]
    assert not left, "%s: gc left %s" % (what, left)
    assert answer(folder) == got, "%s: gc changed the answer" % what
    return got


def duration(work, args):
    """How long the command takes when nobody kills it, and what comes of it."""
    folder = os.path.join(work, "whole")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(work, "start"), folder)
    process = launch(folder, args)
    begin = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - begin, answer(folder)


def kill_often(work, args, name):
    start = os.path.join(work, "start")
    make(start)
    before = answer(start)
    whole_s, after = duration(work, args)
    generator = random.Random("%s %d" % (name, SEED))
    killed = done = tries = 0
    while killed < KILLS and tries < 8 * KILLS:
        folder = os.path.join(work, "killed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder)
        # Half of the kills fall into the last part, where outputs get their names and the commit happens.
        part = generator.random() if tries % 2 else 0.75 + 0.3 * generator.random()
        code = run_killed(folder, args, whole_s * part)
        what = "%s, try %d of seed %d after %.0f ms of %.0f" % (name, tries, SEED, whole_s * part * 1e3, whole_s * 1e3)
        got = judge(folder, {before, after}, what)
        assert code == -signal.SIGKILL or (code == 0 and got == after), "%s: exit code %d" % (what, code)
        killed += code == -signal.SIGKILL
        done += code == -signal.SIGKILL and got == after
        tries += 1
        if code == 0 and part < 0.95:
            whole_s *= 0.9  # it was measured while the machine had other things to do
        # Life goes on: the same command works now.
        if tries % 4 == 0:
            t.run(*args, instance=folder)
            t.run("check", "f", instance=folder)
    there = ", %d times the commit was there" % done if before != after else ""
    print("    %s: killed %d times in %d tries%s" % (name, killed, tries, there))
    assert killed == KILLS, "too few kills were in time"


def test_killed_ingests_are_all_or_nothing(work):
    kill_often(work, ["ingest", "f", SECOND], "ingest")


def test_killed_ingests_that_spill_are_all_or_nothing(work):
    kill_often(work, ["ingest", "f", SECOND, "--memory", "16MiB"], "spilling ingest")


def test_killed_compactions_change_no_answer(work):
    kill_often(work, ["compact", "f", "--all"], "compaction")


def test_a_repeat_with_the_token_after_a_kill_gives_the_rows_once(work):
    start = os.path.join(work, "start")
    make(start)
    args = ["ingest", "f", SECOND, "--token", "monday"]
    whole_s, after = duration(work, args)
    generator = random.Random("token %d" % SEED)
    for k in range(max(KILLS // 3, 2)):
        folder = os.path.join(work, "killed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder)
        run_killed(folder, args, whole_s * (0.7 + 0.4 * generator.random()))
        t.run(*args, instance=folder)
        got = judge(folder, {after}, "token, kill %d of seed %d" % (k, SEED))
        assert got == after


t.main(globals())
