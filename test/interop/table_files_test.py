"""The data files of a table, read by pyarrow, DuckDB and Polars: exactly the rows that were put in, types included."""

import datetime
import decimal
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 5000
EPOCH = datetime.datetime(1970, 1, 1)


def optional(generator, make, count=ROWS):
    """Values with nulls among them, and some runs of one value, as real columns have."""
    values = []
    while len(values) < count:
        value = None if generator.random() < 0.1 else make()
        values += [value] * (generator.randrange(1, 40) if generator.random() < 0.05 else 1)
    return values[:count]


def whole(generator, bits, signed):
    low, high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2 ** bits - 1)
    return lambda: generator.choice([low, high, 0, 1, generator.randint(low, high), generator.randint(low, high)])


def text(generator):
    letters = "abc xyz,\"'\\\n\t\0é漢😀"
    return lambda: "".join(generator.choice(letters) for _ in range(generator.choice([0, 1, 5, 40])))


def real(generator):
    return lambda: generator.choice([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, generator.gauss(0, 1e6)])


def single(generator):
    make = real(generator)
    return lambda: pa.scalar(make(), pa.float32()).as_py()


def all_types(seed):
    """A table with a column of every flat type, sorted by nothing."""
    g = random.Random(seed)
    days = lambda: datetime.date(1, 1, 1) + datetime.timedelta(days=g.randrange(3652000))
    micros = lambda: EPOCH + datetime.timedelta(microseconds=g.randrange(-10 ** 16, 10 ** 16))
    columns = {
        "i8": (pa.int8(), whole(g, 8, True)), "i16": (pa.int16(), whole(g, 16, True)),
        "i32": (pa.int32(), whole(g, 32, True)), "i64": (pa.int64(), whole(g, 64, True)),
        "u8": (pa.uint8(), whole(g, 8, False)), "u16": (pa.uint16(), whole(g, 16, False)),
        "u32": (pa.uint32(), whole(g, 32, False)), "u64": (pa.uint64(), whole(g, 64, False)),
        "f": (pa.float32(), single(g)), "d": (pa.float64(), real(g)), "b": (pa.bool_(), lambda: g.random() < 0.5),
        "day": (pa.date32(), days), "us": (pa.timestamp("us"), micros), "utc": (pa.timestamp("us", "UTC"), micros),
        "ms": (pa.timestamp("ms"), lambda: micros().replace(microsecond=g.randrange(1000) * 1000)),
        "s": (pa.string(), text(g)), "bin": (pa.binary(), lambda: g.randbytes(g.choice([0, 1, 7, 100]))),
        "fix": (pa.binary(5), lambda: g.randbytes(5)),
        "dec9": (pa.decimal128(9, 2), lambda: decimal.Decimal(g.randrange(-10 ** 9 + 1, 10 ** 9)).scaleb(-2)),
        "dec18": (pa.decimal128(18, 0), lambda: decimal.Decimal(g.randrange(-10 ** 18 + 1, 10 ** 18))),
        "dec38": (pa.decimal128(38, 10), lambda: wide(g)),
        "none": (pa.int32(), lambda: None), "one": (pa.string(), lambda: "always the same"),
    }
    arrays = {name: pa.array(optional(g, make), type) for name, (type, make) in columns.items()}
    arrays["ns"] = pa.array(optional(g, lambda: g.randrange(-10 ** 18, 10 ** 18)), pa.int64()).cast(pa.timestamp("ns"))
    keys = [g.choice(["a", "b", "m", "mm", "zz", "", "%s%02d" % (g.choice("bnxy"), g.randrange(10))])
            for _ in range(ROWS)]
    numbers = list(range(ROWS))
    g.shuffle(numbers)
    arrays["k"] = pa.array(keys, pa.string())
    arrays["n"] = pa.array(numbers, pa.int64())
    return pa.table(arrays)


def wide(g):
    with decimal.localcontext() as context:
        context.prec = 40
        return decimal.Decimal(g.randrange(-10 ** 38 + 1, 10 ** 38)).scaleb(-10)


def comparable(value):
    """Values as they compare: NaN equals NaN, -0.0 differs from 0.0."""
    if isinstance(value, float):
        return repr(value)
    return value


def rows_of(table, names):
    columns = []
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        columns.append([comparable(v) for v in column.to_pylist()])
    return sorted(zip(*columns), key=lambda row: (row[names.index("k")], row[names.index("n")]))


def make_table(work, source, points):
    with open(work + "/points.txt", "w") as f:
        f.write("".join(p + "\n" for p in points))
    t.run("init", instance=work + "/i")
    t.run("table", "create", "t", "--like", source, "--row-key", "k", "--sort-key", "n",
          "--split-points", work + "/points.txt", instance=work + "/i")


def data_files(work):
    names = t.run("file", "list", "t", "-o", "tsv", "--no-header", instance=work + "/i").decode().splitlines()
    listed = {line.split("\t")[0] for line in names}
    found = []
    for root, _, files in os.walk(work + "/i"):
        found += [os.path.join(root, f) for f in files if any((root + "/" + f).endswith("/" + n) for n in listed)]
    assert len(found) == len(listed)
    return found


def same_column(name, want, got):
    """Types equal but for what a file cannot say: large or view strings, and who is nullable."""
    loose = lambda type: (pa.string() if pa.types.is_large_string(type) or pa.types.is_string_view(type) else
                          pa.binary() if pa.types.is_large_binary(type) or pa.types.is_binary_view(type) else type)
    assert loose(got) == loose(want), "%s: %s instead of %s" % (name, got, want)


def judge(work, source):
    names = source.schema.names
    want = rows_of(source, names)
    files = data_files(work)
    # pyarrow: file by file, types as well, and sorted as the file says.
    tables = [pq.read_table(f) for f in files]
    for table in tables:
        assert set(table.schema.names) == set(names)
        for field in source.schema:
            same_column(field.name, field.type, table.schema.field(field.name).type)
        pairs = list(zip(table["k"].to_pylist(), table["n"].to_pylist()))
        keys = [(k.encode(), n) for k, n in pairs]
        assert keys == sorted(keys), "rows are not in key order"
    assert rows_of(pa.concat_tables(tables), names) == want, "pyarrow reads other rows"
    # DuckDB and Polars through Arrow, which keeps every value.
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        got = connection.read_parquet(files).to_arrow_table()
    for name in names:
        if name not in ("fix",):  # DuckDB has one type for bytes
            compare_duckdb(name, source.schema.field(name).type, got.schema.field(name).type)
    assert rows_of(cast_like(got, source), names) == want, "DuckDB reads other rows"
    got = polars.read_parquet(files).to_arrow()
    assert rows_of(cast_like(got, source), names) == want, "Polars reads other rows"


def compare_duckdb(name, want, got):
    if pa.types.is_timestamp(want):
        assert pa.types.is_timestamp(got) and (got.tz is None) == (want.tz is None), "%s: %s" % (name, got)
    else:
        same_column(name, want, got)


def cast_like(table, source):
    return pa.table({f.name: table[f.name].cast(f.type) for f in source.schema})


def stages(work, points):
    source = all_types(len(points))
    pq.write_table(source, work + "/in.parquet")
    make_table(work, work + "/in.parquet", points)
    t.run("ingest", "t", work + "/in.parquet", instance=work + "/i")
    judge(work, source)
    more = all_types(len(points) + 100)
    pq.write_table(more, work + "/more.parquet")
    t.run("ingest", "t", work + "/more.parquet", instance=work + "/i")
    both = pa.concat_tables([source, more])
    for command in (["compact", "t", "--all"], ["gc", "t", "--min-age", "0s"]):
        t.run(*command, instance=work + "/i")
    read_all(work, both)
    return both


def read_all(work, both):
    """Two rows may share a key now; all columns order them."""
    names = both.schema.names
    order = lambda table: sorted((tuple(map(repr, row)) for row in rows_of(table, names)))
    tables = pa.concat_tables([pq.read_table(f) for f in data_files(work)])
    assert order(tables) == order(both), "pyarrow reads other rows after the compaction"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        got = connection.read_parquet(data_files(work)).to_arrow_table()
    assert order(cast_like(got, both)) == order(both), "DuckDB reads other rows after the compaction"
    got = polars.read_parquet(data_files(work)).to_arrow()
    assert order(cast_like(got, both)) == order(both), "Polars reads other rows after the compaction"


def test_every_reader_gives_the_rows_that_were_put_in(work):
    stages(work, [])
    assert len(data_files(work)) == 1


def test_the_same_in_several_partitions(work):
    stages(work, ["b", "m", "mm"])
    assert len(data_files(work)) == 4


def test_the_same_in_a_wide_file(work):
    points = ["%s%02d" % (letter, i) for letter in "bnxy" for i in range(10)]
    source = all_types(7)
    pq.write_table(source, work + "/in.parquet")
    make_table(work, work + "/in.parquet", sorted(points + ["a0", "m0", "zy"]))
    t.run("ingest", "t", work + "/in.parquet", instance=work + "/i")
    assert len(data_files(work)) == 1
    judge(work, source)


def test_scan_as_parquet_and_arrow_gives_the_same_rows_and_types(work):
    source = all_types(9)
    pq.write_table(source, work + "/in.parquet")
    make_table(work, work + "/in.parquet", ["m"])
    t.run("ingest", "t", work + "/in.parquet", instance=work + "/i")
    t.run("scan", "t", "-o", "parquet", "--output", work + "/out.parquet", instance=work + "/i")
    arrow = pa.ipc.open_stream(t.run("scan", "t", "-o", "arrow", instance=work + "/i")).read_all()
    for table in (pq.read_table(work + "/out.parquet"), arrow):
        for field in source.schema:
            same_column(field.name, field.type, table.schema.field(field.name).type)
        assert rows_of(table, source.schema.names) == rows_of(source, source.schema.names)


def test_real_flights_come_back_from_every_reader(work):
    first = os.path.join(t.DATA, "flights-slice.parquet")
    t.run("init", instance=work + "/i")
    t.run("table", "create", "t", "--like", first, "--row-key", "origin", "--sort-key", "date,destination",
          instance=work + "/i")
    t.run("ingest", "t", first, instance=work + "/i")
    with duckdb.connect() as connection:
        files = data_files(work)
        for a, b in ((files, first), (first, files)):
            left = connection.execute("SELECT count(*) FROM (SELECT * FROM read_parquet(?) EXCEPT ALL "
                                      "SELECT * FROM read_parquet(?))", [a, b]).fetchone()[0]
            assert left == 0, "%d rows differ" % left


t.main(globals())
