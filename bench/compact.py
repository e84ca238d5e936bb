"""Compaction against the peers and against the floor, in one run.

    .venv/bin/python bench/compact.py [--build build/release] [--case NAME,...] [--scale 0.1] [--rounds 3] [--threads 2]
                                      [--only NAME,...] [--data FOLDER] [--json FILE]

The build folder has `sleeper`, `bench.compact` and `bench.floor`: `ninja -C build/release sleeper bench.compact bench.floor`.
Inputs and tables are made once where --data names a folder, and stay there.

Sorted files of bench/gen.py are the inputs of everybody: the peers read them as they are, ours were ingested, each as a
file of a table. Each engine makes one sorted file with zstd 1 and takes its turn round after round; medians are printed:
rows a second, seconds of the processor, peak memory, and how many times as fast as each peer ours is. Absolute numbers
are noise, and so are ratios while others use the machine: seconds of the processor say more then.

    ours            sleeper compact --all
    ours no sync    the same without the final syncs, as the peers write (bench.compact)
    ours 1 thread   likewise, by one thread: what is compared with the floor, which has one
    floor           bench.floor over the table's files

Cases, at --scale 1; the last lines hold what was measured against the bars:

    three      11 files of 4,000,000 rows: a key of 10 letters, a long, a value of 10 letters
    four       the same with a nullable fourth column
    text       10 files of 1,000,000 rows: a key of 20 bytes, a time, a text of 100 bytes
    forty      as many rows as `three` in 40 files
    overlap    as `three`, each file with a range of keys that overlaps the next one's by 10 %
    disjoint   the same without the overlap

Peers that are not there (chdb) are left out, and said to be.
"""

import argparse
import glob
import importlib.util
import json
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

CHDB = """
import sys, chdb
chdb.query("SELECT * FROM file('%s/*.parquet', Parquet) ORDER BY key, timestamp INTO OUTFILE '%s' FORMAT Parquet "
           "SETTINGS max_threads = %d, output_format_parquet_compression_method = 'zstd', "
           "output_format_compression_level = 1" % (sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

PEERS = {"duckdb": DUCKDB, "polars sort": SORT, "polars merge": MERGE, "chdb": CHDB}

# Files, rows of each, options of gen.make; and whether the peers take part.
CASES = {
    "three": (11, 4000000, {}, True),
    "four": (11, 4000000, {"has_fourth": True}, True),
    "text": (10, 1000000, {"shape": "text"}, True),
    "forty": (40, 1100000, {}, False),
    "overlap": (11, 4000000, {"overlap": 10}, False),
    "disjoint": (11, 4000000, {"overlap": 0}, False),
}

# Times as fast as the best peer; times the floor.
BARS = {"three": (5, 1.4), "four": (5, 1.4), "text": (3.5, 1.3)}

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
    def __init__(self, args, work, case):
        self.args = args
        self.work = work
        self.case = case
        files, rows, self.options, self.has_peers = CASES[case]
        self.file_count = files
        self.file_rows = max(int(rows * args.scale), 1)
        self.rows = files * self.file_rows
        self.sleeper = os.path.join(REPO, args.build, "sleeper")
        self.inputs = os.path.join(args.data or work, "%s-%d" % (case, self.file_rows))
        self.table = self.inputs + ".table"

    def make_table(self):
        if os.path.exists(self.table):
            return
        paths = gen.make(self.inputs, self.file_count, self.file_rows, **self.options)
        part = self.table + ".part"
        shutil.rmtree(part, ignore_errors=True)
        run = lambda *a: subprocess.run([self.sleeper, "-q", "-I", part] + list(a), check=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("init")
        run("table", "create", "t", "--like", paths[0], "--row-key", "key", "--sort-key", "timestamp")
        for path in paths:
            run("ingest", "t", path)
        os.rename(part, self.table)

    def copy(self):
        folder = os.path.join(os.path.dirname(self.table), "copy.%d" % os.getpid())
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
        peers = {n: lambda script=s: self.peer(script) for n, s in PEERS.items() if self.has_peers and is_there(n)}
        return peers | {
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


def check_build(folder):
    """The programs are not part of what is built by default."""
    programs = {"sleeper": "sleeper", "bench.compact": "bench/bench.compact", "bench.floor": "bench/bench.floor"}
    missing = [n for n, path in programs.items() if not os.path.exists(os.path.join(REPO, folder, path))]
    if missing:
        sys.exit("compact.py: %s lacks %s; build with: ninja -C %s %s" %
                 (folder, ", ".join(missing), folder, " ".join(missing)))


def is_there(peer):
    return importlib.util.find_spec(peer.split()[0]) is not None


def report(case, medians, rows):
    print("\n%s: %d rows" % (case, rows))
    print("%-14s %8s %10s %9s %9s %8s" % ("", "s", "M rows/s", "cpu s", "peak MB", "B/row"))
    for name, (wall, cpu, peak, size) in medians.items():
        print("%-14s %8.2f %10.2f %9.2f %9.0f %8.1f" % (name, wall, rows / wall / 1e6, cpu, peak / MB, size / rows))
    sys.stdout.flush()


# What bar() was told, for --json.
held = []


def bar(what, value, limit, is_most=False):
    reached = value <= limit if is_most else value >= limit
    held.append({"what": what, "value": value, "limit": limit, "is_most": is_most, "reached": reached})
    print("%-58s %7.2f  %s %-6g %s" % (what, value, "at most" if is_most else "at least", limit,
                                       "reached" if reached else "MISSED"))


def compare(seen, rows):
    """What the cases come to, by wall time; against the floor by seconds of the processor."""
    print()
    for case, medians in seen.items():
        ours = medians.get("ours no sync")
        peers = {n: m for n, m in medians.items() if n in PEERS}
        times, floor = BARS.get(case, (None, None))
        if ours and peers and times:
            best = min(peers, key=lambda n: peers[n][0])
            bar("%s: times as fast as the best peer, %s" % (case, best), peers[best][0] / ours[0], times)
            if "duckdb" in peers and case != "text":
                bar("%s: times as fast as duckdb" % case, peers["duckdb"][0] / ours[0], 10)
        if floor and "floor" in medians and "ours 1 thread" in medians:
            bar("%s: times the floor, by processor" % case, medians["ours 1 thread"][1] / medians["floor"][1], floor,
                True)
        if ours and case != "disjoint":
            bar("%s: peak memory, MB" % case, ours[2] / MB, 256, True)
    one = seen.get("three", {}).get("ours 1 thread")
    two = seen.get("three", {}).get("ours no sync")
    if one and two:
        bar("three: from one thread to two", one[0] / two[0], 1.85)
    for case, limit in (("forty", 1.15), ("overlap", 0.3), ("disjoint", 0.3)):
        if two and "ours no sync" in seen.get(case, {}):
            bar("%s: time of a row, of that in three" % case,
                seen[case]["ours no sync"][0] / rows[case] / (two[0] / rows["three"]), limit, True)


FIELDS = ["wall_s", "cpu_s", "peak_bytes", "bytes"]


def save(path, rows, threads, seen):
    """For bench/table.py: medians by case and engine, rows by case, and the bars."""
    if path:
        with open(path, "w") as f:
            json.dump({"rows": rows, "threads": threads, "fields": FIELDS, "seen": seen, "bars": held}, f, indent=1)


def main():
    parser = argparse.ArgumentParser(description="measure compaction")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--case", default=",".join(CASES))
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only")
    parser.add_argument("--data")
    parser.add_argument("--json")
    args = parser.parse_args()
    check_build(args.build)
    seen = {}
    rows = {}
    for peer in [n for n in PEERS if not is_there(n)]:
        print("%s is not there: left out" % peer)
    for case in args.case.split(","):
        work = tempfile.mkdtemp(prefix="compact.", dir=os.path.join(REPO, "build"))
        try:
            bench = Bench(args, work, case)
            seen[case] = bench.run()
            rows[case] = bench.rows
            report(case, seen[case], bench.rows)
        finally:
            shutil.rmtree(work)
    compare(seen, rows)
    save(args.json, rows, args.threads, seen)


if __name__ == "__main__":
    main()
