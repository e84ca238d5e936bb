"""Make test/data/flights-slice.parquet and flights-next.parquet from the full flights file.

    tools/flights.sh && .venv/bin/python tools/make_slice.py build/data/flights-3m.parquet test/data

The slice is the first fifteen days, rows in their original order; `next` the two days after them, so that a demo has
something new to load. Both are written by Polars with its defaults but for the size of a row group, as the original
was: zstd, dictionaries, strings as large_string. The files are committed; this program says how they came about, and
checks what demo and tests rely on.
"""

import datetime
import sys

import polars
import pyarrow.parquet


def write(rows, path):
    rows.write_parquet(path, compression="zstd", statistics=True, row_group_size=100_000)
    kinds = {field.name: str(field.type) for field in pyarrow.parquet.read_schema(path)}
    assert kinds == {
        "date": "timestamp[us]",
        "delay": "int64",
        "distance": "int64",
        "origin": "large_string",
        "destination": "large_string",
    }, kinds


def main():
    source, folder = sys.argv[1:]
    flights = polars.read_parquet(source)
    first, cut, end = (datetime.datetime(2001, 1, day) for day in (1, 16, 18))
    day = polars.col("date")
    head = flights.filter((day >= first) & (day < cut))
    key = ["origin", "date", "destination"]
    doubled = head.group_by(key).len().filter(polars.col("len") > 1).sort(key)
    assert doubled.height > 0, "no full key has several rows"
    write(head, folder + "/flights-slice.parquet")
    write(flights.filter((day >= cut) & (day < end)), folder + "/flights-next.parquet")
    print(head.height, "rows;", head["origin"].n_unique(), "origins; keys with several rows:", doubled.height)
    print(doubled.sort("len", descending=True).head(5))


main()
