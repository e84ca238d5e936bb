"""An aggregate in compaction against DuckDB's GROUP BY to Parquet, in one run.

    .venv/bin/python bench/aggregate.py [--build build/release] [--keys 1000000] [--copies 10] [--rounds 3] [--threads 2]
                                        [--json FILE]

Each of `copies` sorted files has a row for every key; ours were ingested into a table that sums them, each as a file,
and `sleeper compact --all` makes one row of each key's. Both take turns; medians of seconds, of seconds of the
processor, of peak memory and of bytes made are printed, and how many times as fast ours is. The sums of both are compared.
"""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import compact

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))

MAKE = """
import sys, duckdb
folder, keys, copies = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for i in range(copies):
    duckdb.sql("COPY (SELECT printf('%%012d', range * 7) AS key, (range * 31 + %d) %% 1000 AS n FROM range(%d)) "
               "TO '%s/%02d.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)" % (i, keys, folder, i))
"""

GROUP = """
import sys, duckdb
c = duckdb.connect()
c.execute("SET threads = %d" % int(sys.argv[3]))
c.execute("COPY (SELECT key, sum(n)::BIGINT AS n FROM read_parquet('%s/*.parquet') GROUP BY key) TO '%s' "
          "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)" % (sys.argv[1], sys.argv[2]))
"""

SCHEMA = '{"rowKeyFields":[{"name":"key","type":"StringType"}],"valueFields":[{"name":"n","type":"LongType"}]}'


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default=os.path.join(REPO, "build/release"))
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--copies", type=int, default=10)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--json")
    a = p.parse_args()
    sleeper = os.path.join(a.build, "sleeper")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as work:
        data = os.path.join(work, "data")
        os.mkdir(data)
        subprocess.run([sys.executable, "-c", MAKE, data, str(a.keys), str(a.copies)], check=True)
        with open(os.path.join(work, "s.json"), "w") as f:
            f.write(SCHEMA)
        base = os.path.join(work, "base")

        def run(at, *words):
            return [sleeper, "-q", "-I", at, "--threads", str(a.threads), *words]

        subprocess.run(run(base, "init"), check=True)
        subprocess.run(run(base, "table", "create", "t", "--schema", os.path.join(work, "s.json"), "--engine",
                           "aggregate(sum: n)"), check=True)
        for name in sorted(os.listdir(data)):
            subprocess.run(run(base, "ingest", "t", os.path.join(data, name)), check=True)
        for _ in range(a.rounds):
            copy = os.path.join(work, "copy")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(base, copy)
            there = set(glob.glob(copy + "/t/*/data/*/*.parquet"))
            spent = compact.measure(run(copy, "compact", "t", "--all"))
            made = set(glob.glob(copy + "/t/*/data/*/*.parquet")) - there
            ours.append(spent + (sum(map(os.path.getsize, made)),))
            out = os.path.join(work, "out.parquet")
            spent = compact.measure([sys.executable, "-c", GROUP, data, out, str(a.threads)])
            theirs.append(spent + (os.path.getsize(out),))
        answer = os.path.join(work, "ours.parquet")
        subprocess.run(run(copy, "scan", "t", "-o", "parquet", "--output", answer), check=True)
        import duckdb
        query = "SELECT count(*), sum(n), bit_xor(hash(key, n::BIGINT)) FROM '%s'"
        if duckdb.sql(query % answer).fetchall() != duckdb.sql(query % out).fetchall():
            sys.exit("the sums differ")
    rows = a.keys * a.copies
    seen = {n: [statistics.median(v) for v in zip(*runs)] for n, runs in (("duckdb", theirs), ("ours", ours))}
    compact.report("aggregate", seen, rows)
    compact.bar("aggregate: times as fast as duckdb", seen["duckdb"][0] / seen["ours"][0], 3)
    compact.bar("aggregate: times as fast as duckdb, by processor", seen["duckdb"][1] / seen["ours"][1], 3)
    compact.save(a.json, {"aggregate": rows}, a.threads, {"aggregate": seen})


if __name__ == "__main__":
    main()
