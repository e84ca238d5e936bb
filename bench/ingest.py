"""Ingest against the peers, in one run.

    .venv/bin/python bench/ingest.py [--build build/release] [--scale 0.1] [--rounds 3] [--threads 2] [--only NAME,...]

Rows of bench/gen.py (a key of 10 letters, a long, a value of 10 letters), 12,000,000 at --scale 1, in no order, in one
Parquet file. Each engine makes sorted Parquet with zstd 1 of them and takes its turn round after round; medians are
printed: rows a second, seconds of the processor, peak memory. Seconds of the processor say more while others use the
machine.

    ours            sleeper ingest --memory 512MB; durable
    ours 1 thread   the same by one thread
    duckdb          COPY (... ORDER BY), 1 GB
    polars          sort().sink_parquet()
"""

import argparse
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
c.execute("COPY (SELECT * FROM read_parquet('%s') ORDER BY key, timestamp) TO '%s' "
          "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)" % (sys.argv[1], sys.argv[2]))
"""

POLARS = """
import sys, polars
polars.scan_parquet(sys.argv[1]).sort("key", "timestamp").sink_parquet(
    sys.argv[2], compression="zstd", compression_level=1)
"""

PEERS = {"duckdb": (DUCKDB, 5), "polars": (POLARS, 2.5)}


def make_input(path, rows):
    columns = gen.upstream(random.Random(7), rows, False)
    schema = pyarrow.schema([pyarrow.field(n, c.type, False) for n, c in columns.items()])
    pyarrow.parquet.write_table(pyarrow.table(list(columns.values()), schema=schema), path, compression="zstd",
                                compression_level=1, use_dictionary=False, row_group_size=262144)


def peer(script, path, work, threads):
    out = os.path.join(work, "peer.parquet")
    spent = compact.measure([sys.executable, "-c", script, path, out, str(threads)],
                            {"POLARS_MAX_THREADS": str(threads)})
    os.remove(out)
    return spent


def ours(sleeper, path, work, threads):
    instance = os.path.join(work, "instance")
    shutil.rmtree(instance, ignore_errors=True)
    for command in (["init"], ["table", "create", "t", "--like", path, "--row-key", "key", "--sort-key", "timestamp"]):
        subprocess.run([sleeper, "-q", "-I", instance] + command, check=True)
    return compact.measure([sleeper, "-q", "-I", instance, "--memory", "512MB", "--threads", str(threads), "ingest",
                            "t", path])


def contenders(args, path, work):
    sleeper = os.path.join(compact.REPO, args.build, "sleeper")
    found = {n: lambda s=s: peer(s, path, work, args.threads) for n, (s, _) in PEERS.items() if compact.is_there(n)}
    found["ours"] = lambda: ours(sleeper, path, work, args.threads)
    found["ours 1 thread"] = lambda: ours(sleeper, path, work, 1)
    return {n: f for n, f in found.items() if not args.only or n in args.only.split(",")}


def main():
    parser = argparse.ArgumentParser(description="measure ingest")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only")
    args = parser.parse_args()
    rows = max(int(12000000 * args.scale), 1)
    work = tempfile.mkdtemp(prefix="ingest.")
    try:
        path = os.path.join(work, "rows.parquet")
        make_input(path, rows)
        chosen = contenders(args, path, work)
        seen = {name: [] for name in chosen}
        for _ in range(args.rounds):
            for name, run in chosen.items():
                seen[name].append(run())
    finally:
        shutil.rmtree(work)
    medians = {name: [statistics.median(v) for v in zip(*runs)] for name, runs in seen.items()}
    print("%d rows\n%-14s %8s %10s %9s %9s" % (rows, "", "s", "M rows/s", "cpu s", "peak MB"))
    for name, (wall, cpu, peak) in medians.items():
        print("%-14s %8.2f %10.2f %9.2f %9.0f" % (name, wall, rows / wall / 1e6, cpu, peak / MB))
    mine = medians.get("ours")
    for name, (_, times) in PEERS.items():
        if mine and name in medians:
            compact.bar("times as fast as %s" % name, medians[name][0] / mine[0], times)
            compact.bar("times as fast as %s, by processor" % name, medians[name][1] / mine[1], times)
    if mine:
        compact.bar("peak memory, MB", mine[2] / MB, 512, True)
    if mine and "ours 1 thread" in medians:
        compact.bar("from one thread to two", medians["ours 1 thread"][0] / mine[0], 1.85)


main()
