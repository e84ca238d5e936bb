"""What the heavy judges share: tables made by the program, and their rows in a form that any reader's can be compared with.

A judge is a reader that brings a virtual machine or a server. tools/judges.sh installs them below build/judges; a test
whose judge is not there is skipped by name. Rows are equal when their values are, bit by bit for floats; types are
compared by the names that the judge gives them (FLAT has what it should say).
"""
import datetime
import json
import os
import random
import struct
import sys
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import t

JUDGES = os.path.join(t.REPO, "build", "judges")
ROWS = 6000
KEY = ["word", "id"]
EPOCH = datetime.datetime(1970, 1, 1)

# name: type, then what parquet-java, chdb and Spark call what we write for it.
FLAT = {
    "word": (pa.string(), "required binary word (STRING)", "String", "string"),
    "id": (pa.int64(), "required int64 id", "Int64", "bigint"),
    "flag": (pa.bool_(), "optional boolean flag", "Nullable(Bool)", "boolean"),
    "i8": (pa.int8(), "optional int32 i8 (INTEGER(8,true))", "Nullable(Int8)", "tinyint"),
    "i16": (pa.int16(), "optional int32 i16 (INTEGER(16,true))", "Nullable(Int16)", "smallint"),
    "i32": (pa.int32(), "optional int32 i32", "Nullable(Int32)", "int"),
    "i64": (pa.int64(), "optional int64 i64", "Nullable(Int64)", "bigint"),
    "u8": (pa.uint8(), "optional int32 u8 (INTEGER(8,false))", "Nullable(UInt8)", "smallint"),
    "u16": (pa.uint16(), "optional int32 u16 (INTEGER(16,false))", "Nullable(UInt16)", "int"),
    "u32": (pa.uint32(), "optional int32 u32 (INTEGER(32,false))", "Nullable(UInt32)", "bigint"),
    "u64": (pa.uint64(), "optional int64 u64 (INTEGER(64,false))", "Nullable(UInt64)", "decimal(20,0)"),
    "f": (pa.float32(), "optional float f", "Nullable(Float32)", "float"),
    "d": (pa.float64(), "optional double d", "Nullable(Float64)", "double"),
    "day": (pa.date32(), "optional int32 day (DATE)", "Nullable(Date32)", "date"),
    "ms": (pa.timestamp("ms"), "optional int64 ms (TIMESTAMP(MILLIS,false))", "Nullable(DateTime64(3, 'UTC'))", "timestamp_ntz"),
    "us": (pa.timestamp("us"), "optional int64 us (TIMESTAMP(MICROS,false))", "Nullable(DateTime64(6, 'UTC'))", "timestamp_ntz"),
    "ns": (pa.timestamp("ns"), "optional int64 ns (TIMESTAMP(NANOS,false))", "Nullable(DateTime64(9, 'UTC'))", "bigint"),
    "ms_utc": (pa.timestamp("ms", "UTC"), "optional int64 ms_utc (TIMESTAMP(MILLIS,true))", "Nullable(DateTime64(3, 'UTC'))", "timestamp"),
    "us_utc": (pa.timestamp("us", "UTC"), "optional int64 us_utc (TIMESTAMP(MICROS,true))", "Nullable(DateTime64(6, 'UTC'))", "timestamp"),
    "ns_utc": (pa.timestamp("ns", "UTC"), "optional int64 ns_utc (TIMESTAMP(NANOS,true))", "Nullable(DateTime64(9, 'UTC'))", "bigint"),
    "text": (pa.string(), "optional binary text (STRING)", "Nullable(String)", "string"),
    "bin": (pa.binary(), "optional binary bin", "Nullable(String)", "binary"),
    "dec9": (pa.decimal128(9, 2), "DECIMAL(9,2)", "Nullable(Decimal(9, 2))", "decimal(9,2)"),
    "dec18": (pa.decimal128(18, 4), "DECIMAL(18,4)", "Nullable(Decimal(18, 4))", "decimal(18,4)"),
    "dec38": (pa.decimal128(38, 10), "DECIMAL(38,10)", "Nullable(Decimal(38, 10))", "decimal(38,10)"),
    "none": (pa.int32(), "optional int32 none", "Nullable(Int32)", "int"),
}


def judge_path(*parts):
    """A path below build/judges; skips the test when it is not there."""
    path = os.path.join(JUDGES, *parts)
    if not os.path.exists(path):
        raise t.Skip("%s is not installed: tools/judges.sh says why" % parts[0])
    return path


def judge_module(name):
    """Import a Python judge; skips the test when it is not there."""
    path = judge_path("python")
    if path not in sys.path:
        sys.path.append(path)
    try:
        return __import__(name)
    except ImportError as e:
        raise t.Skip("%s is not installed: %s" % (name, e))


def value_maker(pick, kind):
    """A function that draws one value of the type, extremes often."""
    if pa.types.is_boolean(kind):
        return lambda: pick.random() < 0.5
    if pa.types.is_integer(kind):
        low = -(1 << (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
        return lambda: pick.choice([low, low + (1 << kind.bit_width) - 1, pick.randrange(low, low + (1 << kind.bit_width)), 7])
    if pa.types.is_floating(kind):
        return lambda: pick.choice([0.0, -0.0, 1.5, float("inf"), -float("inf"), pick.random(), -pick.random() * 1e30])
    if pa.types.is_date(kind):
        return lambda: (EPOCH + datetime.timedelta(days=pick.randrange(-20000, 40000))).date()
    if pa.types.is_timestamp(kind):
        unit = {"ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        return lambda: pick.randrange(-10**9 * unit, 4 * 10**9 * unit)
    if pa.types.is_decimal(kind):
        most = 10**kind.precision
        return lambda: Decimal((0, (0,), 0)) if pick.random() < 0.1 else decimal_of(pick.randrange(1 - most, most), kind.scale)
    if pa.types.is_binary(kind):
        return lambda: pick.randbytes(pick.randrange(20))
    words = ["", "a", "\u00fc\u20ac\U0001f600", "quote\" back\\slash", "line\nbreak", "x" * 300]
    return lambda: pick.choice(words + [str(pick.random())])


def decimal_of(unscaled, scale):
    sign = 1 if unscaled < 0 else 0
    return Decimal((sign, tuple(int(c) for c in str(abs(unscaled))), -scale))


def flat_table(rows=ROWS, seed=1):
    """Every flat type with nulls, extremes and empty values; `id` makes every key unique."""
    pick = random.Random(seed)
    columns = {}
    for name, (kind, *_) in FLAT.items():
        make = value_maker(pick, kind)
        if name == "word":
            values = [pick.choice(["", "Z", "a", "aa", "m", "\u00e9", "zz"]) for _ in range(rows)]
        elif name == "id":
            values = pick.sample(range(-10**15, 10**15), rows)
        elif name == "none":
            values = [None] * rows
        else:
            values = [None if pick.random() < 0.2 else make() for _ in range(rows)]
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


def plain(value, kind):
    if value is None:
        return None
    if pa.types.is_float32(kind):
        return struct.pack("<f", value)
    if pa.types.is_floating(kind):
        return struct.pack("<d", value)
    return value


def rows_of(table, key=KEY):
    """The rows as tuples of plain values, in key order: integers for times and dates, bytes for floats."""
    columns = []
    for name in table.column_names:
        column, kind = table.column(name), table.column(name).type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.int64())
        elif pa.types.is_date32(kind):
            column = column.cast(pa.int32())
        columns.append([plain(v, kind) for v in column.to_pylist()])
    places = [table.column_names.index(name) for name in key]
    return sorted(zip(*columns), key=lambda row: [row[i].encode() if isinstance(row[i], str) else row[i] for i in places])


def assert_rows_equal(got, wanted, names):
    assert len(got) == len(wanted), "%d rows, wanted %d" % (len(got), len(wanted))
    for at, (a, b) in enumerate(zip(got, wanted)):
        if a != b:
            wrong = [(n, x, y) for n, x, y in zip(names, a, b) if x != y]
            raise AssertionError("row %d: (column, got, wanted) %s" % (at, wrong[:4]))


class Made:
    """A table in a fresh instance, its data files and the rows they must hold."""

    def __init__(self, work, source, key, split_points=None, compact=False, name="made"):
        self.instance = os.path.join(work, name)
        self.key = key
        self.source = source
        half = source.num_rows // 2
        paths = [os.path.join(work, "%s_%d.parquet" % (name, i)) for i in range(2)]
        pq.write_table(source.slice(0, half), paths[0])
        pq.write_table(source.slice(half), paths[1])
        self.run("init")
        options = ["--like", paths[0], "--row-key", key[0], "--sort-key", ",".join(key[1:])]
        if split_points:
            listing = os.path.join(work, name + ".points")
            with open(listing, "w") as f:
                f.write("".join(p + "\n" for p in split_points))
            options += ["--split-points", listing]
        self.run("table", "create", "t", *options)
        for path in paths:
            self.run("ingest", "t", path)
        if compact:
            self.run("compact", "t", "--all")
        self.run("check")
        listed = json.loads(self.run("file", "list", "t", "-o", "json"))
        folder = os.path.join(self.instance, "t")
        self.files = [os.path.join(folder, os.listdir(folder)[0], f["name"]) for f in listed]

    def run(self, *args):
        return t.run(*args, instance=self.instance)

    def rows(self):
        return rows_of(self.source, self.key)


def flat(work):
    """Every flat type in three leaves, two files in each."""
    made = Made(work, flat_table(), KEY, split_points=["a", "m"])
    assert len(made.files) > 1, made.files
    return made


def compacted(work):
    """The same after compaction: one file in each leaf."""
    made = Made(work, flat_table(), KEY, split_points=["a", "m"], compact=True)
    assert len(made.files) == 3, made.files
    return made


def flights(work):
    """Real data: flights with several rows a key."""
    table = pq.read_table(os.path.join(t.DATA, "flights-next.parquet"))
    table = table.cast(pa.schema([(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type) for f in table.schema]))
    table = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    return Made(work, table, ["origin", "date", "destination", "row"], compact=True)


def damaged(made, work):
    """A copy of a data file with one bit of a page turned over: who checks checksums refuses it."""
    data = bytearray(open(made.files[0], "rb").read())
    column = pq.ParquetFile(made.files[0]).metadata.row_group(0).column(1)
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 4
    path = os.path.join(work, "damaged.parquet")
    with open(path, "wb") as f:
        f.write(data)
    return path


def taken_in(work, files, key, name):
    """What a table holds into which these files of another writer were ingested, as an Arrow table."""
    instance, out = os.path.join(work, name), os.path.join(work, name + ".out.parquet")
    t.run("init", instance=instance)
    t.run("table", "create", "t", "--like", files[0], "--row-key", key[0], "--sort-key", ",".join(key[1:]), instance=instance)
    t.run("ingest", "t", *files, instance=instance)
    t.run("check", instance=instance)
    t.run("scan", "t", "-o", "parquet", "--output", out, instance=instance)
    return pq.read_table(out)


def assert_taken_in(work, files, made, name, types=None):
    """Equal rows, and the types of the source but for those named in `types`, where the writer changed them."""
    got = taken_in(work, files, made.key, name)
    for field in made.source.schema:
        want = (types or {}).get(field.name, field.type)
        have = got.schema.field(field.name).type
        assert have == want, "%s: %s, wanted %s" % (field.name, have, want)
    columns = []
    for field in made.source.schema:
        column = got.column(field.name)
        if column.type != field.type:
            column = pc.cast(column, field.type)
        columns.append(column)
    got = pa.table(columns, names=made.source.column_names)
    assert_rows_equal(rows_of(got, made.key), made.rows(), made.source.column_names)
