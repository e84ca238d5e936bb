"""The bars that this version promises, measured against peers in one run: make bench.

    .venv/bin/python bench/bars.py [--rounds N] [--only get|ingest|memory]

Ratios and counts are what we hold; absolute times are noise. So ours and the peer take turns, round after round, and
medians are compared. The data is the full flights file (tools/flights.sh). Fails when a bar is not reached.

    get      one full key, a fresh process, page cache warm, three uncompacted files of a million rows:
             at most 8 ms more than `true`
    ingest   3,000,000 rows: at least 1.5 times as fast as DuckDB (2 threads) reads the same file and writes it sorted
             as Parquet with zstd
    memory   the same ingest with --memory 128MB: at most 128 + 64 MB at its peak
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
SLEEPER = os.path.join(REPO, "build", "release", "sleeper")
KEY = "ATL,2001-01-01T11:56,DCA"
MB = 1024 * 1024

missed = []


def bar(name, claim, reached):
    print("%-8s %s: %s" % (name, claim, "reached" if reached else "MISSED"), flush=True)
    if not reached:
        missed.append(name)


def spent(args, instance=None):
    """Run to the end; returns seconds. A failing command ends the bench."""
    env = dict(os.environ)
    if instance:
        env["SLEEPER_INSTANCE"] = instance
    with open(os.devnull, "r+b") as null:
        actions = [(os.POSIX_SPAWN_DUP2, null.fileno(), fd) for fd in (0, 1)]
        start = time.perf_counter()
        pid = os.posix_spawn(args[0], args, env, file_actions=actions)
        _, status = os.waitpid(pid, 0)
        seconds = time.perf_counter() - start
    if status:
        sys.exit("bars.py: failed: " + " ".join(args))
    return seconds


def new_table(folder, like):
    shutil.rmtree(folder, ignore_errors=True)
    spent([SLEEPER, "-q", "init"], folder)
    spent([SLEEPER, "-q", "table", "create", "flights", "--like", like, "--row-key", "origin",
           "--sort-key", "date,destination"], folder)


def thirds(full, work):
    import polars

    rows = polars.read_parquet(full)
    for i in range(3):
        path = "%s/part-%d.parquet" % (work, i)
        rows[i::3].write_parquet(path, compression="zstd")
        yield path


def get(full, work, rounds):
    instance = work + "/get"
    new_table(instance, full)
    for part in thirds(full, work):
        spent([SLEEPER, "-q", "ingest", "flights", part], instance)
    command = [SLEEPER, "get", "flights", KEY]
    nothing, ours = [], []
    for _ in range(20 * rounds):
        nothing.append(spent(["/bin/true"]))
        ours.append(spent(command, instance))
    more = (statistics.median(ours) - statistics.median(nothing)) * 1000
    print(subprocess.run(command + ["-v"], env=dict(os.environ, SLEEPER_INSTANCE=instance),
                         capture_output=True, text=True).stderr.rstrip())
    bar("get", "%.1f ms more than true, at most 8" % more, more <= 8)


DUCKDB = """
import sys, time, duckdb
c = duckdb.connect()
c.execute("SET threads = 2")
start = time.perf_counter()
c.execute("COPY (SELECT * FROM read_parquet('%s') ORDER BY origin, date, destination) TO '%s' "
          "(FORMAT parquet, COMPRESSION zstd)" % (sys.argv[1], sys.argv[2]))
print(time.perf_counter() - start)
"""


def ingest(full, work, rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        # DuckDB's own clock: its interpreter and its import are not held against it.
        done = subprocess.run([sys.executable, "-c", DUCKDB, full, work + "/duckdb.parquet"], capture_output=True,
                              text=True, check=True)
        theirs.append(float(done.stdout))
        new_table(work + "/ingest", full)
        ours.append(spent([SLEEPER, "-q", "--threads", "2", "ingest", "flights", full], work + "/ingest"))
    a, b = statistics.median(ours), statistics.median(theirs)
    bar("ingest", "%.2f s, DuckDB %.2f s: %.2f times as fast, at least 1.5" % (a, b, b / a), b / a >= 1.5)


PEAK = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss * 1024 if status == 0 else -1)
"""


def peak_bytes(args, instance):
    """The most memory a command had. Started from a small process: the kernel counts what stood before exec, too."""
    env = dict(os.environ, SLEEPER_INSTANCE=instance)
    done = subprocess.run([sys.executable, "-S", "-c", PEAK] + args, env=env, capture_output=True, text=True,
                          check=True)
    peak = int(done.stdout.split()[-1])
    if peak < 0:
        sys.exit("bars.py: failed: " + " ".join(args))
    return peak


def memory(full, work, _):
    new_table(work + "/memory", full)
    peak = peak_bytes([SLEEPER, "-q", "--memory", "128MB", "ingest", "flights", full], work + "/memory")
    bar("memory", "%d MB at the peak, at most 192" % (peak // MB), peak <= 192 * MB)


def main():
    parser = argparse.ArgumentParser(description="measure the bars")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["get", "ingest", "memory"])
    args = parser.parse_args()
    full = os.path.join(REPO, "build", "data", "flights-3m.parquet")
    work = tempfile.mkdtemp(prefix="bars.", dir=os.path.join(REPO, "build"))
    try:
        for part in (get, ingest, memory):
            if args.only in (None, part.__name__):
                part(full, work, args.rounds)
    finally:
        shutil.rmtree(work)
    sys.exit("bars missed: " + ", ".join(missed) if missed else 0)


main()
