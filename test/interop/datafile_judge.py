"""Asks one reader for the rows of a data file: datafile_judge.py JUDGE FILE ROWS

The rows are those datafile_test.c writes; what they are is computed here again. Exit status 77: not installed.
"""
import json
import sys
from decimal import Decimal


def wanted(rows):
    for i in range(rows):
        text = None if i % 5 == 0 else f"row {i // 3}"
        yield i % 7, (i // 7 * 60 - 100000) * 1000, text, i / 8, Decimal(i * i - 1000000).scaleb(-2)


def judge_pyarrow(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, page_checksum_verification=True)
    pairs = file.metadata.metadata
    index = json.loads(pairs[b"sleeper.key_index"])
    data = open(path, "rb").read()
    assert data[index["offset"] :][:4] == b"SLKT" and index["version"] == 1, index
    assert json.loads(pairs[b"sleeper.lineage"]) == {"table": "t"}
    assert json.loads(pairs[b"sleeper.schema"])["rowKey"] == ["date"]
    group = file.metadata.row_group(0)
    assert [c.column_index for c in group.sorting_columns] == [1, 0]
    table = file.read()
    table.validate(full=True)
    assert table.schema.field("date").type == pa.timestamp("ms")
    columns = [table.column(name) for name in ("n", "date", "text", "x", "price")]
    columns[1] = columns[1].cast(pa.int64())
    return zip(*(c.to_pylist() for c in columns))


def judge_duckdb(path):
    import duckdb

    connection = duckdb.connect()
    query = f"select n, epoch_ms(date), text, x, price from read_parquet('{path}')"
    found = connection.execute(f"select count(*) from read_parquet('{path}') where n = 3 and x > 100").fetchone()[0]
    assert found == sum(1 for row in wanted(int(sys.argv[3])) if row[0] == 3 and row[3] > 100), found
    return connection.execute(query).fetchall()


def judge_polars(path):
    import polars

    frame = polars.read_parquet(path).with_columns(polars.col("date").to_physical())
    return frame.select("n", "date", "text", "x", "price").rows()


def main():
    try:
        got = list(globals()["judge_" + sys.argv[1]](sys.argv[2]))
    except ImportError as e:
        print(e)
        return 77
    rows = list(wanted(int(sys.argv[3])))
    assert len(got) == len(rows), f"{len(got)} rows, wanted {len(rows)}"
    for row, (a, b) in enumerate(zip(got, rows)):
        assert tuple(a) == b, f"row {row}: {a}, wanted {b}"
    return 0


sys.exit(main())
