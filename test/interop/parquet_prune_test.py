"""Statistics, page indexes and bloom filters of other writers never hide a row: `cat --where` on their files gives what it
gives on the same rows as an Arrow stream, which has nothing to prune by.

PREDICATES says how many are asked of each table; HEAVY=1 adds chdb and parquet-java, where they are installed.
"""
import datetime
import os
import random
import sys
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import t

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import parquet_random as random_rows
except ImportError:
    pa = None

PREDICATES = int(os.environ.get("PREDICATES", "6"))
ROWS = 1500
DAY = datetime.date(2001, 1, 1)
MOMENT = datetime.datetime(2001, 1, 1)


def table(r):
    """Columns that are sorted, nearly sorted or not at all, with nulls here and there, and extremes."""
    def column(make, kind, nulls):
        shape = r.choice(("sorted", "near", "any"))
        place = {"sorted": lambda i: i, "near": lambda i: i + r.randrange(40), "any": lambda i: r.randrange(ROWS)}[shape]
        return pa.array([None if r.random() < nulls else make(place(i)) for i in range(ROWS)], kind)

    nulls = lambda: r.choice((0, 0, 0.1, 0.9))
    text = lambda i: "%s%05d" % (r.choice(("", "k", "\u00e9\U0001f600" * 12, "x" * 70, "\uffff" * 30)), i)
    real = lambda i: r.choice((0.0, -0.0, float("nan"), float("inf"), -float("inf"))) if r.random() < 0.1 else i / 8 - 90
    return pa.table({
        "i": column(lambda i: i - 700, pa.int32(), nulls()),
        "l": column(lambda i: (i - 700) * 10**15, pa.int64(), nulls()),
        "u": column(lambda i: i * (2**64 // 1600), pa.uint64(), nulls()),
        "b": column(lambda i: i % 256, pa.uint8(), nulls()),
        "d": column(real, pa.float64(), nulls()),
        "f": column(real, pa.float32(), nulls()),
        "t": column(text, pa.string(), nulls()),
        "day": column(lambda i: DAY + datetime.timedelta(days=i - 700), pa.date32(), nulls()),
        "m": column(lambda i: MOMENT + datetime.timedelta(minutes=i - 700), pa.timestamp("us"), nulls()),
        "n": column(lambda i: Decimal((i - 700) * 12345).scaleb(-2), pa.decimal128(20, 2), nulls()),
        "y": column(lambda i: i < 700, pa.bool_(), nulls()),
    })


def literal(value):
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return "'%s'" % value
    if isinstance(value, (datetime.date, datetime.datetime)):
        return "'%s'" % value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else "'%s'" % value
    return str(value)


def condition(r, rows, values):
    name = r.choice([n for n in rows.column_names if values[n]])
    pick = lambda: literal(r.choice(values[name]))
    if name == "y":
        return r.choice(("y = true", "y is false", "y is null", "not y"))
    kind = r.randrange(7)
    if kind == 0:
        low, high = sorted((r.choice(values[name]), r.choice(values[name])), key=lambda v: (v != v, v))
        return "%s between %s and %s" % (name, literal(low), literal(high))
    if kind == 1:
        return "%s in (%s)" % (name, ", ".join(pick() for _ in range(r.randrange(1, 4))))
    if kind == 2:
        return "%s is %snull" % (name, r.choice(("", "not ")))
    if kind == 3 and name == "t":
        return "t like '%s%%'" % r.choice(values["t"])[:r.randrange(1, 9)]
    return "%s %s %s" % (name, r.choice(("=", "=", "<", "<=", ">", ">=", "<>")), pick())


def predicate(r, rows, values):
    parts = [condition(r, rows, values) for _ in range(r.choice((1, 1, 2, 3)))]
    text = parts[0]
    for part in parts[1:]:
        text = "(%s) %s %s(%s)" % (text, r.choice(("and", "and", "or")), r.choice(("", "", "not ")), part)
    return text


def asked(path, where):
    with pa.ipc.open_stream(t.run("cat", path, "--where", where, "-o", "arrow")) as stream:
        return stream.read_all()


def pyarrow_files(rows, work):
    for i, options in enumerate((
            {"write_page_index": True, "data_page_size": 400, "write_batch_size": 50, "row_group_size": 600},
            {"write_page_index": True, "data_page_size": 300, "write_batch_size": 20, "data_page_version": "2.0", "use_dictionary": False},
            {"row_group_size": 100, "compression": "zstd"})):
        path = os.path.join(work, "pyarrow_%d.parquet" % i)
        pq.write_table(rows, path, **options)
        yield path


def duckdb_files(rows, work):
    try:
        import duckdb
    except ImportError:
        return
    path = os.path.join(work, "duckdb.parquet")
    with duckdb.connect() as con:
        con.register("t", rows)
        con.execute("copy (select * from t) to '%s' (format parquet, row_group_size 512, parquet_version v2)" % path)
    yield path


def our_files(rows, work):
    source, path = os.path.join(work, "source.parquet"), os.path.join(work, "ours.parquet")
    pq.write_table(rows, source)
    t.run("cat", source, "-o", "parquet", "--output", path)
    yield path


def heavy_files(rows, work, r):
    if os.environ.get("HEAVY") != "1":
        return
    import heavy
    import parquet_random_heavy_test as judges
    source = os.path.join(work, "source.parquet")
    for number, (version, dictionary) in enumerate((("v1", "true"), ("v2", "false"))):
        path = os.path.join(work, "java_%d.parquet" % number)
        judges.java([("copy", source, path, version, "SNAPPY", 600, dictionary)])
        yield path
    path = os.path.join(work, "chdb_%d.parquet" % r.randrange(10**9))
    heavy.judge_module("chdb").query(
        "insert into function file('%s', Parquet) select * from file('%s', Parquet) settings output_format_parquet_row_group_size = 400,"
        " output_format_parquet_data_page_size = 500, output_format_parquet_write_bloom_filter = 1" % (path, source))
    yield path


def test_pruning_by_what_others_wrote_loses_no_row(work):
    if pa is None:
        raise t.Skip("pyarrow is not installed")
    r = random.Random(int(os.environ.get("SEED", "1")))
    answers = 0
    for round in range(2):
        rows = table(r)
        stream_path = os.path.join(work, "rows.arrow")
        with pa.OSFile(stream_path, "wb") as out, pa.ipc.new_stream(out, rows.schema) as writer:
            writer.write_table(rows)
        paths = list(our_files(rows, work)) + list(pyarrow_files(rows, work)) + list(duckdb_files(rows, work)) + list(heavy_files(rows, work, r))
        values = {name: [v for v in rows.column(name).to_pylist() if v is not None] for name in rows.column_names}
        for _ in range(PREDICATES):
            where = predicate(r, rows, values)
            want = asked(stream_path, where)
            answers += want.num_rows > 0
            for path in paths:
                random_rows.assert_equal(want, asked(path, where), "%s where %s" % (os.path.basename(path), where))
    assert answers > PREDICATES // 2, "too few of the conditions are true of any row"


if __name__ == "__main__":
    t.main(globals())
