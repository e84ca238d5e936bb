"""Compaction against the peers and against the floor, in one run.

    .venv/bin/python bench/compact.py [--build build/release] [--files 11] [--rows 400000] [--rounds 3] [--threads 2]
                                      [--fourth] [--shape upstream|text] [--only NAME,...] [--data FOLDER]

Sorted files of bench/gen.py are the inputs of everybody: the peers read them as they are, ours were ingested, each as a
file of a table. Each engine makes one sorted file with zstd 1 and takes its turn round after round; medians are printed:
rows a second, seconds of the processor, peak memory, and how many times as fast as each peer ours is. Absolute numbers
are noise, and so are ratios while others use the machine: seconds of the processor say more then.

    ours            sleeper compact --all
    ours no sync    the same without the final syncs, as the peers write (bench.compact)
    ours 1 thread   likewise, by one thread: what is compared with the floor, which has one
    floor           bench.floor over the table's files
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import gen

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
MB = 1024 * 1024

DUCKDB = """
import sys, duckdb
c = duckdb.connect()
c.execute("SET threads = %d" % int(sys.argv[3]))
c.execute("COPY (SELECT * FROM read_parquet('%s/*.parquet') ORDER BY key, timestamp) TO '%s' "
          "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)" % (sys.argv[1], sys.argv[2]))
"""

SORT = """
import sys, polars
polars.scan_parquet(sys.argv[1] + "/*.parquet").sort("key", "timestamp").sink_parquet(
    sys.argv[2], compression="zstd", compression_level=1)
"""

# By the key alone, since merge_sorted takes one column: rows of equal keys may stand in any order.
MERGE = """
import glob, sys, polars
frames = [polars.scan_parquet(f) for f in sorted(glob.glob(sys.argv[1] + "/*.parquet"))]
while len(frames) > 1:
    pairs = [a.merge_sorted(b, key="key") for a, b in zip(frames[::2], frames[1::2])]
    frames = pairs + frames[len(frames) // 2 * 2:]
frames[0].sink_parquet(sys.argv[2], compression="zstd", compression_level=1)
"""

# Runs a command and prints its wall seconds, seconds of the processor and peak memory: from a small
# process, since the kernel counts what stood before exec, too.
MEASURE = """
import os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print("%f %f %d %d" % (time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, status))
"""


def measure(args, env=None):
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE] + args, env=dict(os.environ, **(env or {})),
                          capture_output=True, text=True, check=True)
    wall, cpu, peak, status = done.stdout.split("\n")[-2].split()
    if int(status):
        sys.exit("compact.py: failed: " + " ".join(args) + "\n" + done.stderr)
    return float(wall), float(cpu), int(peak) * 1024


class Bench:
    def __init__(self, args, work):
        self.args = args
        self.work = work
        self.sleeper = os.path.join(REPO, args.build, "sleeper")
        self.inputs = args.data or os.path.join(work, "inputs")
        self.table = os.path.join(work, "table")

    def make_table(self):
        paths = gen.make(self.inputs, self.args.files, self.args.rows, self.args.fourth, self.args.shape)
        run = lambda *a: subprocess.run([self.sleeper, "-q", "-I", self.table] + list(a), check=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("init")
        run("table", "create", "t", "--like", paths[0], "--row-key", "key", "--sort-key", "timestamp")
        for path in paths:
            run("ingest", "t", path)

    def copy(self):
        folder = os.path.join(self.work, "copy")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.table, folder, copy_function=os.link)
        return folder

    def files(self, folder):
        return sorted(glob.glob(folder + "/t/*/data/*/*.parquet"))

    def peer(self, script):
        out = os.path.join(self.work, "peer.parquet")
        threads = str(self.args.threads)
        spent = measure([sys.executable, "-c", script, self.inputs, out, threads], {"POLARS_MAX_THREADS": threads})
        size = os.path.getsize(out)
        os.remove(out)
        return spent + (size,)

    def ours(self, command):
        folder = self.copy()
        spent = measure([a.replace("TABLE", folder) for a in command])
        made = [f for f in self.files(folder) if os.stat(f).st_nlink == 1]
        size = sum(os.path.getsize(f) for f in made)
        shutil.rmtree(folder)
        return spent + (size,)

    def floor(self):
        out = os.path.join(self.work, "floor.parquet")
        command = [os.path.join(REPO, self.args.build, "bench", "bench.floor"), out]
        return measure(command + self.files(self.table)) + (0,)

    def contenders(self):
        raw = os.path.join(REPO, self.args.build, "bench", "bench.compact")
        threads = str(self.args.threads)
        return {
            "duckdb": lambda: self.peer(DUCKDB),
            "polars sort": lambda: self.peer(SORT),
            "polars merge": lambda: self.peer(MERGE),
            "ours": lambda: self.ours([self.sleeper, "-q", "-I", "TABLE", "--threads", threads, "compact", "t", "--all"]),
            "ours no sync": lambda: self.ours([raw, "TABLE", "t", threads]),
            "ours 1 thread": lambda: self.ours([raw, "TABLE", "t", "1"]),
            "floor": self.floor,
        }

    def run(self):
        self.make_table()
        chosen = self.contenders()
        if self.args.only:
            chosen = {n: f for n, f in chosen.items() if n in self.args.only.split(",")}
        seen = {name: [] for name in chosen}
        for _ in range(self.args.rounds):
            for name, work in chosen.items():
                seen[name].append(work())
        return {name: [statistics.median(v) for v in zip(*runs)] for name, runs in seen.items()}


def report(medians, rows):
    print("%-14s %8s %10s %9s %9s %8s" % ("", "s", "M rows/s", "cpu s", "peak MB", "B/row"))
    for name, (wall, cpu, peak, size) in medians.items():
        print("%-14s %8.2f %10.2f %9.2f %9.0f %8.1f" % (name, wall, rows / wall / 1e6, cpu, peak / MB, size / rows))
    if "ours no sync" in medians:
        for peer in [n for n in medians if not n.startswith("ours") and n != "floor"]:
            a, b = medians["ours no sync"], medians[peer]
            print("ours no sync is %.1f times as fast as %s; of its processor time we take 1/%.1f" %
                  (b[0] / a[0], peer, b[1] / a[1]))
    if "floor" in medians and "ours 1 thread" in medians:
        print("ours is at %.2f times the floor, by seconds of the processor" %
              (medians["ours 1 thread"][1] / medians["floor"][1]))


def main():
    parser = argparse.ArgumentParser(description="measure compaction")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--files", type=int, default=11)
    parser.add_argument("--rows", type=int, default=400000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fourth", action="store_true")
    parser.add_argument("--shape", choices=["upstream", "text"], default="upstream")
    parser.add_argument("--only")
    parser.add_argument("--data")
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="compact.", dir=os.path.join(REPO, "build"))
    try:
        report(Bench(args, work).run(), args.files * args.rows)
    finally:
        shutil.rmtree(work)


main()
