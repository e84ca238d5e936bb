"""Asks one reader for the rows of the files that parquet_random_test.c wrote: parquet_random_judge.py JUDGE FOLDER."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import pyarrow.parquet as pq
    judge = __import__(sys.argv[1])
except ImportError:
    sys.exit(77)

import parquet_random as random_rows


def read_duckdb(path):
    con = judge.connect()
    con.execute("set threads = 1; set timezone = 'UTC'")
    return con.sql("select * from read_parquet('%s')" % path).to_arrow_table()


READ = {
    "pyarrow": lambda path: pq.ParquetFile(path, page_checksum_verification=True).read(use_threads=False),
    "duckdb": read_duckdb,
    "polars": lambda path: judge.read_parquet(path).to_arrow(compat_level=judge.CompatLevel.oldest()),
}


def main():
    name, folder = sys.argv[1:3]
    count = 0
    for path, rows in random_rows.pairs(folder, ("wide", "common", "plain") if name == "pyarrow" else ("common", "plain")):
        random_rows.assert_equal(rows, READ[name](path), "%s: %s" % (name, os.path.basename(path)))
        count += 1
    print("%s: %d files" % (name, count))


main()
