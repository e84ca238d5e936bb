"""Makes an input of every flat type, and asks one reader whether data files hold just its rows, in key order.

ingest_judge.py make INPUT
ingest_judge.py pyarrow|duckdb|polars INPUT DATA_FILE...    data files in key order

Key: name, moment; rows with equal keys keep the order of the input, which column "row" tells. Exit status 77: not
installed.
"""
import datetime
import random
import sys
from decimal import Decimal

ROWS = 5000
KEY = ["name", "moment", "row"]


def make(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pick = random.Random(1)
    epoch = datetime.datetime(1970, 1, 1)

    def column(kind, value, nullable=True):
        return pa.array([None if nullable and pick.random() < 0.2 else value() for _ in range(ROWS)], kind)

    def integer(bits, signed):
        low = -(1 << (bits - 1)) if signed else 0
        return lambda: pick.choice([low, low + (1 << bits) - 1, pick.randrange(low, low + (1 << bits))])

    def when():
        return epoch + datetime.timedelta(microseconds=pick.randrange(-10**15, 4 * 10**15))

    columns = {
        "name": column(pa.string(), lambda: pick.choice(["", "a", "ab", "a\0b", "\u00fc", "\U0001f600"]), False),
        "row": pa.array(range(ROWS), pa.int64()),
        "moment": column(pa.timestamp("us"), lambda: epoch + datetime.timedelta(hours=pick.randrange(-50, 50)), False),
    }
    for bits in (8, 16, 32, 64):
        columns[f"int{bits}"] = column(getattr(pa, f"int{bits}")(), integer(bits, True))
        columns[f"uint{bits}"] = column(getattr(pa, f"uint{bits}")(), integer(bits, False))
    columns["float"] = column(pa.float32(), lambda: pick.choice([0.0, -0.0, 1.5, float("inf"), pick.random()]))
    columns["double"] = column(pa.float64(), lambda: pick.choice([0.0, -0.0, -1e300, pick.random()]))
    columns["bool"] = column(pa.bool_(), lambda: pick.random() < 0.5)
    columns["date"] = column(pa.date32(), lambda: when().date())
    columns["milli"] = column(pa.timestamp("ms"), lambda: when().replace(microsecond=0))
    columns["instant"] = column(pa.timestamp("us", "UTC"), when)
    columns["binary"] = column(pa.binary(), lambda: pick.randbytes(pick.randrange(20)))
    columns["price"] = column(pa.decimal128(12, 2), lambda: Decimal(pick.randrange(-10**9, 10**9)).scaleb(-2))
    columns["constant"] = pa.array(["same"] * ROWS, pa.string())
    columns["nothing"] = pa.array([None] * ROWS, pa.float64())
    pq.write_table(pa.table(columns), path, row_group_size=700)


def judge_pyarrow(source, files):
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = pq.read_table(source)
    wanted = wanted.sort_by([(name, "ascending") for name in KEY])
    got = pa.concat_tables([pq.ParquetFile(path, page_checksum_verification=True).read() for path in files])
    got.validate(full=True)
    assert [(f.name, f.type) for f in got.schema] == [(f.name, f.type) for f in wanted.schema], got.schema
    for name in wanted.column_names:
        assert got.column(name).equals(wanted.column(name)), name


def judge_duckdb(source, files):
    import duckdb

    connection = duckdb.connect()
    order = ", ".join(KEY)
    types = [connection.execute(f"describe select * from read_parquet({[p]})").fetchall() for p in [source] + files]
    for other in types[1:]:
        assert [row[:2] for row in other] == [row[:2] for row in types[0]], other
    rows = "select * replace (epoch_us(instant) as instant) from '%s'"
    wanted = connection.execute(f"{rows % source} order by {order}").fetchall()
    got = [row for path in files for row in connection.execute(rows % path).fetchall()]
    assert got == wanted
    # Statistics and page indexes lead nowhere wrong.
    for where in ("name = 'ab'", "int16 > 30000", "price < 0 and name >= 'b'", "nothing is null"):
        answers = [
            connection.execute(f"select count(*), sum(row) from read_parquet({paths}) where {where}").fetchall()
            for paths in (files, [source])
        ]
        assert answers[0] == answers[1], where


def judge_polars(source, files):
    import polars

    wanted = polars.read_parquet(source).sort(KEY)
    got = polars.concat([polars.read_parquet(path) for path in files])
    assert got.schema == wanted.schema, got.schema
    assert got.equals(wanted)


def main():
    try:
        if sys.argv[1] == "make":
            make(sys.argv[2])
        else:
            globals()["judge_" + sys.argv[1]](sys.argv[2], sys.argv[3:])
    except ImportError as e:
        print(e)
        return 77
    return 0


sys.exit(main())
