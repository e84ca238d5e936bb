"""Ingest against the peers, in one run.

    .venv/bin/python bench/ingest.py [--case rows,csv] [--build build/release] [--scale 0.1] [--rounds 3] [--threads 2]
                                     [--only NAME,...] [--json FILE]

    rows    of bench/gen.py (a key of 10 letters, a long, a value of 10 letters), 12,000,000 at --scale 1, in no order, in
            one Parquet file
    csv     flights (tools/flights.sh), 3,000,000 at --scale 1, in one file of CSV with a header

Each engine makes sorted Parquet with zstd 1 of them and takes its turn round after round; medians are
printed: rows a second, seconds of the processor, peak memory, bytes of what was made. Seconds of the processor say more
while others use the machine.

    ours            sleeper ingest --memory 512MB; durable
    ours 1 thread   the same by one thread
    duckdb          COPY (... ORDER BY), 1 GB; read_csv
    polars          sort().sink_parquet(); scan_csv
"""

import argparse
import glob
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

import pyarrow
import pyarrow.parquet

import compact
import gen

MB = 1024 * 1024

DUCKDB = """
import sys, duckdb
c = duckdb.connect()
c.execute("SET threads = %d" % int(sys.argv[3]))
c.execute("SET memory_limit = '1GB'")
c.execute("COPY (SELECT * FROM %s('%s') ORDER BY %s) TO '%s' "
          "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)" % (sys.argv[4], sys.argv[1], sys.argv[5], sys.argv[2]))
"""

POLARS = """
import sys, polars
read = polars.scan_csv if sys.argv[4] == "read_csv" else polars.scan_parquet
read(sys.argv[1]).sort(sys.argv[5].split(", ")).sink_parquet(sys.argv[2], compression="zstd", compression_level=1)
"""

PEERS = {"duckdb": DUCKDB, "polars": POLARS}

FLIGHTS = os.path.join(compact.REPO, "build", "data", "flights-3m.parquet")


def make_rows(path, rows):
    columns = gen.upstream(random.Random(7), rows, False)
    schema = pyarrow.schema([pyarrow.field(n, c.type, False) for n, c in columns.items()])
    pyarrow.parquet.write_table(pyarrow.table(list(columns.values()), schema=schema), path, compression="zstd",
                                compression_level=1, use_dictionary=False, row_group_size=262144)


def make_csv(path, rows):
    import polars

    if not os.path.exists(FLIGHTS):
        sys.exit("ingest.py: %s is not there; tools/flights.sh fetches it" % FLIGHTS)
    polars.read_parquet(FLIGHTS).head(rows).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S")


# Rows at --scale 1, how they are made, the name of the file, how DuckDB reads it, row key, sort key; times as fast as each
# peer.
CASES = {
    "rows": (12000000, make_rows, "rows.parquet", "read_parquet", "key", "timestamp", {"duckdb": 5, "polars": 2.5}),
    "csv": (3000000, make_csv, "rows.csv", "read_csv", "origin", "date,destination", {"duckdb": 1.5}),
}


class Bench:
    def __init__(self, args, work, case):
        self.args = args
        self.work = work
        most, self.make, name, self.reader, self.row_key, self.sort_key, self.bars = CASES[case]
        self.case = case
        self.rows = max(int(most * args.scale), 1)
        self.path = os.path.join(work, name)
        self.sleeper = os.path.join(compact.REPO, args.build, "sleeper")

    def peer(self, script):
        out = os.path.join(self.work, "peer.parquet")
        order = ", ".join([self.row_key] + self.sort_key.split(","))
        spent = compact.measure([sys.executable, "-c", script, self.path, out, str(self.args.threads), self.reader, order],
                                {"POLARS_MAX_THREADS": str(self.args.threads)})
        size = os.path.getsize(out)
        os.remove(out)
        return spent + (size,)

    def ours(self, threads):
        instance = os.path.join(self.work, "instance")
        shutil.rmtree(instance, ignore_errors=True)
        for command in (["init"], ["table", "create", "t", "--like", self.path, "--row-key", self.row_key, "--sort-key",
                                   self.sort_key]):
            subprocess.run([self.sleeper, "-q", "-I", instance] + command, check=True)
        spent = compact.measure([self.sleeper, "-q", "-I", instance, "--memory", "512MB", "--threads", str(threads),
                                 "ingest", "t", self.path])
        return spent + (sum(map(os.path.getsize, glob.glob(instance + "/t/*/data/*/*.parquet"))),)

    def contenders(self):
        found = {n: lambda s=s: self.peer(s) for n, s in PEERS.items() if compact.is_there(n)}
        found["ours"] = lambda: self.ours(self.args.threads)
        found["ours 1 thread"] = lambda: self.ours(1)
        return {n: f for n, f in found.items() if not self.args.only or n in self.args.only.split(",")}

    def run(self):
        self.make(self.path, self.rows)
        chosen = self.contenders()
        seen = {name: [] for name in chosen}
        for _ in range(self.args.rounds):
            for name, run in chosen.items():
                seen[name].append(run())
        return {name: [statistics.median(v) for v in zip(*runs)] for name, runs in seen.items()}

    def compare(self, medians):
        mine = medians.get("ours")
        if not mine:
            return
        for name, times in self.bars.items():
            if name in medians:
                compact.bar("%s: times as fast as %s" % (self.case, name), medians[name][0] / mine[0], times)
                compact.bar("%s: times as fast as %s, by processor" % (self.case, name), medians[name][1] / mine[1], times)
        compact.bar("%s: peak memory, MB" % self.case, mine[2] / MB, 512, True)
        if self.case == "rows" and "ours 1 thread" in medians:
            compact.bar("rows: from one thread to two", medians["ours 1 thread"][0] / mine[0], 1.85)


def main():
    parser = argparse.ArgumentParser(description="measure ingest")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--case", default=",".join(CASES))
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only")
    parser.add_argument("--json")
    args = parser.parse_args()
    seen = {}
    rows = {}
    benches = []
    for case in args.case.split(","):
        work = tempfile.mkdtemp(prefix="ingest.", dir=os.path.join(compact.REPO, "build"))
        try:
            bench = Bench(args, work, case)
            seen[case] = bench.run()
            rows[case] = bench.rows
            benches.append(bench)
            compact.report(case, seen[case], bench.rows)
        finally:
            shutil.rmtree(work)
    print()
    for bench in benches:
        bench.compare(seen[bench.case])
    compact.save(args.json, rows, args.threads, seen)


main()
