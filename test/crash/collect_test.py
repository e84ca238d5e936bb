"""Collectors beside writers, compactors and readers, as processes: what was acknowledged stays, what was refused leaves
nothing, and a last collection leaves just the live files.

The ages are a second, far too short for a machine that is busy, on purpose: whoever is slower is refused, by name, and
has lost nothing but its work.
"""

import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

WRITERS = 3
FILES = int(os.environ.get("FILES", "6"))
ROWS = 1500  # so that files stand apart from the log
SCHEMA = '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"}],"rowKey":["k"]}'


def command(work, *args):
    env = dict(os.environ, SLEEPER_INSTANCE=work + "/i")
    done = subprocess.run([t.SLEEPER, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")


def data_objects(work):
    return sorted(name for folder, _, names in os.walk(work + "/i/t") if "/data/" in folder + "/"
                  for name in names if name.endswith(".parquet"))


class Loop(threading.Thread):
    """One command again and again until `over`; keeps what failed for another reason than being late."""

    def __init__(self, work, over, args, excuses):
        super().__init__()
        self.work, self.over, self.args, self.excuses = work, over, args, excuses
        self.failures = []
        self.runs = 0
        self.start()

    def run(self):
        while not self.over.is_set():
            rc, _, err = command(self.work, *self.args)
            self.runs += 1
            if rc != 0 and not any(excuse in err for excuse in self.excuses):
                self.failures.append("%s: %d, %s" % (" ".join(self.args), rc, err))


class Writer(threading.Thread):
    def __init__(self, work, number):
        super().__init__()
        self.work, self.number = work, number
        self.committed = []
        self.failures = []
        self.start()

    def run(self):
        for i in range(FILES):
            path = "%s/%d.%d.csv" % (self.work, self.number, i)
            rows = ["%03d-%d-%d,%d" % (r * 7919 % 1000, self.number, i, r) for r in range(ROWS)]
            with open(path, "w") as f:
                f.write("k,n\n" + "\n".join(rows) + "\n")
            rc, _, err = command(self.work, "ingest", "t", path)
            if rc == 0:
                self.committed += rows
            elif "collection mark" not in err:
                self.failures.append(err)


def test_collecting_beside_everybody_loses_nothing(work):
    with open(work + "/schema.json", "w") as f:
        f.write(SCHEMA)
    t.run("init", instance=work + "/i")
    t.run("table", "create", "t", "--schema", work + "/schema.json", instance=work + "/i")
    over = threading.Event()
    late = ["collection mark", "is not there"]
    gc = [Loop(work, over, ["gc", "--min-age", "1s"], []) for _ in range(2)]
    others = [Loop(work, over, ["compact", "t", "--all"], late), Loop(work, over, ["count", "t", "--where", "n >= 0"], late)]
    writers = [Writer(work, i) for i in range(WRITERS)]
    for w in writers:
        w.join()
    over.set()
    for loop in gc + others:
        loop.join()
    failures = [f for p in gc + others + writers for f in p.failures]
    assert not failures, "%d failed, the first: %s" % (len(failures), failures[0])
    assert all(loop.runs > 1 for loop in gc)
    rows = sorted(row for w in writers for row in w.committed)
    assert rows, "every ingest was refused"
    got = sorted(t.run("scan", "t", "--no-header", instance=work + "/i").decode().splitlines())
    assert got == rows, "%d rows instead of %d" % (len(got), len(rows))
    t.run("check", "t", instance=work + "/i")
    t.run("compact", "t", "--all", instance=work + "/i")
    t.run("gc", "--min-age", "0s", instance=work + "/i")
    assert t.run("gc", "--min-age", "0s", "--dry-run", "--no-header", instance=work + "/i").decode() == ""
    live = t.run("file", "list", "t", "-o", "csv", "--no-header", instance=work + "/i").decode().splitlines()
    assert len(data_objects(work)) == len(live), "%d objects for %d live files" % (len(data_objects(work)), len(live))
    got = sorted(t.run("scan", "t", "--no-header", instance=work + "/i").decode().splitlines())
    assert got == rows
    t.run("check", "t", instance=work + "/i")


t.main(globals())
