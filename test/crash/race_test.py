"""Many processes write one table at once: no row is lost or doubled, nobody gives up, everything is sound afterwards.

FILES is how many small files each of eight processes ingests, one commit each: 12 in the ordinary suite, 50 for the bar
of four hundred commits.
"""

import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

WRITERS = 8
FILES = int(os.environ.get("FILES", "12"))
ROWS = 20
BASE_ROWS = 30000
SCHEMA = ('{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"},{"name":"v","type":"string"}],'
          '"rowKey":["k"],"sortKey":["n"]}')


def start(work, points=()):
    with open(work + "/schema.json", "w") as f:
        f.write(SCHEMA)
    with open(work + "/points.txt", "w") as f:
        f.write("".join(p + "\n" for p in points))
    t.run("init", instance=work + "/i")
    t.run("table", "create", "t", "--schema", work + "/schema.json", "--split-points", work + "/points.txt",
          instance=work + "/i")


def write_files(work):
    """Every row once; each file has keys all over the key space."""
    rows = []
    for writer in range(WRITERS):
        for number in range(FILES):
            part = ["%02x,%d,%d.%d" % ((writer * 37 + number * 11 + i * 13) % 256, number * ROWS + i, writer, number)
                    for i in range(ROWS)]
            rows += part
            with open("%s/%d.%d.csv" % (work, writer, number), "w") as f:
                f.write("k,n,v\n" + "\n".join(part) + "\n")
    return sorted(rows)


class Process(threading.Thread):
    """Runs commands one after the other until `commands` ends; keeps those that failed."""

    def __init__(self, work, commands):
        super().__init__()
        self.env = dict(os.environ, SLEEPER_INSTANCE=work + "/i")
        self.commands = commands
        self.failures = []
        self.runs = 0
        self.start()

    def run(self):
        for args in self.commands:
            done = subprocess.run([t.SLEEPER, *args], env=self.env, stdin=subprocess.DEVNULL, capture_output=True)
            self.runs += 1
            if done.returncode != 0:
                self.failures.append("%s: exit code %d, %s" % (" ".join(args), done.returncode,
                                                               done.stderr.decode(errors="replace")))


def writers(work):
    return [Process(work, [["ingest", "t", "%s/%d.%d.csv" % (work, w, n)] for n in range(FILES)])
            for w in range(WRITERS)]


def judge(work, rows, processes):
    failures = [failure for p in processes for failure in p.failures]
    assert not failures, "%d commands failed, the first: %s" % (len(failures), failures[0])
    got = sorted(t.run("scan", "t", "--no-header", instance=work + "/i").decode().splitlines())
    assert got == rows, "%d rows instead of %d" % (len(got), len(rows))
    assert int(t.run("count", "t", instance=work + "/i")) == len(rows)
    t.run("check", "t", instance=work + "/i")
    kinds = t.run("log", "t", "--where", "kind = 'add' AND verdict = 'applied'", "--no-header", instance=work + "/i")
    assert len(kinds.splitlines()) == WRITERS * FILES + (len(rows) > BASE_ROWS)


def test_writers_at_once_lose_and_double_nothing(work):
    start(work)
    rows = write_files(work)
    processes = writers(work)
    for p in processes:
        p.join()
    judge(work, rows, processes)
    t.run("compact", "t", "--all", instance=work + "/i")
    t.run("gc", "t", "--min-age", "0s", instance=work + "/i")
    judge(work, rows, [])


def test_writers_compactors_and_splitters_at_once_lose_and_double_nothing(work):
    start(work, ["40", "80", "c0"])
    rows = write_files(work)
    # Leaves split at blocks, so there are some.
    base = ["%02x,%d,base" % (i * 7 % 256, i) for i in range(BASE_ROWS)]
    t.run("ingest", "t", "-", stdin=("k,n,v\n" + "\n".join(base)).encode(), instance=work + "/i")
    rows = sorted(rows + base)
    over = threading.Event()

    def until_over(args):
        while not over.is_set():
            yield args

    def thresholds():
        """Lower and lower, so that leaves go on splitting."""
        rows_per_leaf = 9000
        while not over.is_set():
            yield ["split", "t", "--threshold", str(rows_per_leaf)]
            rows_per_leaf = max(1000, rows_per_leaf * 4 // 5)

    upkeep = [Process(work, until_over(["compact", "t", "--all"])), Process(work, until_over(["compact", "t"])),
              Process(work, thresholds()), Process(work, until_over(["count", "t", "--where", "n >= 0"]))]
    processes = writers(work)
    for p in processes:
        p.join()
    over.set()
    for p in upkeep:
        p.join()
    judge(work, rows, processes + upkeep)
    leaves = len(t.run("partition", "list", "t", "--no-header", instance=work + "/i").splitlines())
    print("    %d compactions, %d splits, %d counts; %d partitions"
          % (upkeep[0].runs + upkeep[1].runs, upkeep[2].runs, upkeep[3].runs, leaves))
    assert leaves > 4, "nothing was split"
    t.run("compact", "t", "--all", instance=work + "/i")
    t.run("gc", "t", "--min-age", "0s", instance=work + "/i")
    judge(work, rows, [])


t.main(globals())
