"""Asks one reader for the values of each file in a folder: parquet_write_judge.py JUDGE FOLDER

NAME.txt beside NAME.parquet has a line for each column: name, type, nullable, field id, values as the hexadecimal
of their little-endian bytes, - for null. Exit status 77: the judge is not installed.

The judge "index" needs no library: it takes the footer, page headers and page indexes apart with the small Thrift
reader below and holds them against the values.
"""
import glob
import math
import re
import struct
import sys
import zlib
from decimal import Decimal, localcontext


class Column:
    def __init__(self, line):
        self.name, self.type, nullable, field_id, values = line.rstrip("\n").split("\t")
        self.nullable = nullable == "1"
        self.field_id = int(field_id)
        self.values = [None if v == "-" else self.decode(bytes.fromhex(v)) for v in values.split(",")[:-1]]

    def decode(self, b):
        if self.type == "bool":
            return b == b"\x01"
        if self.type in ("utf8", "string"):
            return b.decode()
        if self.type == "float":
            return struct.unpack("<f", b)[0]
        if self.type == "double":
            return struct.unpack("<d", b)[0]
        if "binary" in self.type:
            return b
        if self.type == "float16":
            return struct.unpack("<e", b)[0]
        if self.type == "interval":
            months, days, nanos = struct.unpack("<iiq", b)
            return struct.pack("<III", months, days, nanos // 1000000)
        n = int.from_bytes(b, "little", signed=not self.type.startswith("uint"))
        if self.type.startswith("decimal"):
            with localcontext() as c:
                c.prec = 90
                return Decimal(n).scaleb(-int(re.findall(r"\d+", self.type)[-1]))
        return n


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return type(a) is type(b) and a == b


def check(path, column, got):
    assert len(got) == len(column.values), f"{path}: {column.name}: {len(got)} rows, wanted {len(column.values)}"
    for row, (a, b) in enumerate(zip(got, column.values)):
        assert same(a, b), f"{path}: {column.name} ({column.type}) row {row}: {a!r}, wanted {b!r}"


# ---- pyarrow


def arrow_type(pa, column):
    numbers = [int(n) for n in re.findall(r"\d+", column.type)]
    if column.type.startswith("time32"):
        return pa.time32(column.type[7:9])
    if column.type.startswith("time64"):
        return pa.time64(column.type[7:9])
    if column.type.startswith("decimal256"):
        return pa.decimal256(*numbers[1:])
    if column.type == "interval":
        return pa.binary(12)
    if column.type == "float16":
        return pa.float16()
    if column.type.startswith("timestamp"):
        return pa.timestamp(column.type[10:12], "UTC" if "UTC" in column.type else None)
    if column.type.startswith("decimal"):
        return pa.decimal128(*numbers)
    if column.type.startswith("fixed_binary"):
        return pa.binary(numbers[0])
    names = {"bool": pa.bool_(), "float": pa.float32(), "double": pa.float64(), "date32": pa.date32(), "date": pa.date32(),
             "utf8": pa.string(), "string": pa.string(), "binary": pa.binary(), "null": pa.null()}
    return names.get(column.type) or getattr(pa, column.type)()


def plain(pa, array):
    """Numbers for times, so that nothing depends on how Python prints them."""
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    elif pa.types.is_time(array.type):
        array = array.cast(pa.int32() if array.type.bit_width == 32 else pa.int64())
    elif pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    return array.to_pylist()


def key(value, column):
    return value.encode() if isinstance(value, str) else value


def check_statistics(path, column, stats, values):
    present = [key(v, column) for v in values if v is not None]
    present = [v for v in present if not (isinstance(v, float) and math.isnan(v))]
    assert stats.null_count == values.count(None), f"{path}: {column.name}: null count"
    if column.type in ("interval", "float16") or column.type.startswith(("time32", "time64")):
        return
    if not present or not stats.has_min_max:
        assert not stats.has_min_max and (not present or column.type == "null"), f"{path}: {column.name}: bounds"
        return
    if column.type.startswith(("timestamp", "date")):
        low, high = stats.min_raw, stats.max_raw
    else:
        low, high = key(stats.min, column), key(stats.max, column)
    if column.type in ("utf8", "string", "binary"):
        low, high = (b if isinstance(b, bytes) else b.encode() for b in (stats.min_raw, stats.max_raw))
        assert low <= min(present) and high >= max(present), f"{path}: {column.name}: bounds do not hold"
        assert len(low) <= 64 and len(high) <= 65, f"{path}: {column.name}: long bounds"
        if len(low) < 60:
            assert low == min(present)
        if len(max(present)) <= 64:
            assert high == max(present)
        if column.type != "binary":
            low.decode(), high.decode()
    else:
        assert low == min(present) and high == max(present), f"{path}: {column.name}: {low!r} {high!r}"


def judge_pyarrow(files):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path, columns in files:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        table = file.read(use_threads=False)
        table.validate(full=True)
        for column in columns:
            assert table.schema.field(column.name).type == arrow_type(pa, column), f"{path}: {column.name}: {table.schema.field(column.name).type}"
            assert table.schema.field(column.name).nullable == column.nullable
            ids = (file.schema_arrow.field(column.name).metadata or {}).get(b"PARQUET:field_id", b"0")
            assert int(ids) == column.field_id, f"{path}: {column.name}: field id {ids}"
            check(path, column, plain(pa, table.column(column.name)))
        meta = file.metadata
        assert meta.created_by.startswith("sleeper version "), meta.created_by
        assert meta.metadata[b"sleeper.test"] == b"a value"
        start = 0
        for g in range(meta.num_row_groups):
            group = meta.row_group(g)
            assert [(s.column_index, s.descending, s.nulls_first) for s in group.sorting_columns] == ([] if "rare-" in path else [(3, False, False), (16, False, False)])
            for c, column in enumerate(columns):
                chunk = group.column(c)
                assert chunk.has_offset_index
                assert chunk.num_values == group.num_rows
                check_statistics(path, column, chunk.statistics, column.values[start : start + group.num_rows])
            start += group.num_rows


# ---- DuckDB


def check_blooms(connection, path, columns):
    """Filters hide no value that is there, and most that are not."""
    hidden = asked = 0
    for column in columns:
        if column.type not in ("int32", "int64", "string", "utf8", "uint64", "double"):
            continue
        there = [v for v in column.values if v is not None and v == v and v != 0]
        for value in there[:8]:
            rows = connection.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)", [path, column.name, value]).fetchall()
            assert not all(r[0] for r in rows), f"{path}: {column.name}: {value!r} is hidden"
        for value in ([f"not there {i}" for i in range(8)] if isinstance(there[0] if there else 0, str) else range(91, 99)):
            rows = connection.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)", [path, column.name, value]).fetchall()
            if there and value not in column.values:
                asked += len(rows)
                hidden += sum(r[0] for r in rows)
    assert asked >= 40 or all(v is None for v in columns[3].values), f"{path}: {asked} asked"
    assert hidden >= asked * 0.9, f"{path}: filters hide {hidden} of {asked} values that are not there"


def judge_duckdb(files):
    import duckdb

    connection = duckdb.connect()
    for path, columns in files:
        parts = []
        for column in columns:
            name = f'"{column.name}"'
            if column.type.startswith("timestamp"):
                name = {"ms": f"epoch_ms({name})", "us": f"epoch_us({name})", "ns": f"epoch_ns({name})"}[column.type[10:12]]
            elif column.type.startswith("date"):
                name = f"({name} - DATE '1970-01-01')::bigint"
            parts.append(name)
        rows = connection.execute(f"select {', '.join(parts)} from read_parquet('{path}')").fetchall()
        for i, column in enumerate(columns):
            check(path, column, [row[i] for row in rows])
        if "pattern-" not in path:
            continue
        check_blooms(connection, path, columns)
        for column in columns[::3]:
            # A value that is there is found: statistics do not hide it.
            value = next((v for v in column.values if v is not None and v == v), None)
            if value is not None and not column.type.startswith(("timestamp", "date")):
                found = connection.execute(f"""select count(*) from read_parquet('{path}') where "{column.name}" = ?""", [value]).fetchone()[0]
                assert found > 0, f"{path}: {column.name} = {value!r} is not found"


# ---- Polars


def judge_polars(files):
    import polars

    for path, columns in files:
        frame = polars.read_parquet(path)
        for column in columns:
            series = frame[column.name]
            if column.type.startswith(("timestamp", "date")):
                series = series.to_physical()
            check(path, column, series.to_list())
            value = next((v for v in column.values if isinstance(v, (int, str)) and not isinstance(v, bool)), None)
            if value is not None and not column.type.startswith(("timestamp", "date")):
                found = polars.scan_parquet(path).filter(polars.col(column.name) == polars.lit(value, dtype=series.dtype)).collect()
                assert found.height == column.values.count(value), f"{path}: {column.name} = {value!r}: {found.height}"


# ---- Page indexes, without a library


class Thrift:
    """The compact protocol into dictionaries by field id."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return value

    def zigzag(self):
        n = self.varint()
        return n >> 1 ^ -(n & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 8:
            n = self.varint()
            self.at += n
            return bytes(self.data[self.at - n : self.at])
        if kind == 9:
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.varint()
            if head & 15 in (1, 2):
                return [self.byte() == 1 for _ in range(count)]
            return [self.value(head & 15) for _ in range(count)]
        assert kind == 12, f"wire type {kind} at {self.at}"
        return self.struct()

    def struct(self):
        fields, last = {}, 0
        while head := self.byte():
            last = last + (head >> 4) if head >> 4 else self.zigzag()
            fields[last] = self.value(head & 15)
        return fields


def ordered(column, physical, width, bound):
    """A bound as a number or bytes that order as the column does."""
    if column.type == "float16":
        return struct.unpack("<e", bound)[0]
    if column.type in ("float", "double"):
        return struct.unpack("<f" if width == 4 else "<d", bound)[0]
    if column.type.startswith("decimal"):
        n = int.from_bytes(bound, "big" if physical == 7 else "little", signed=True)
        return Decimal(n).scaleb(-int(re.findall(r"\d+", column.type)[-1]))
    if physical in (6, 7):
        return bound
    return int.from_bytes(bound, "little", signed=not column.type.startswith("uint") and column.type != "bool")


def check_page(data, path, column, location, codec):
    header = Thrift(data, location[1])
    fields = header.struct()
    body = data[header.at : header.at + fields[3]]
    assert header.at - location[1] + fields[3] == location[2], f"{path}: {column.name}: page size"
    assert zlib.crc32(body) == fields[4] & 0xFFFFFFFF, f"{path}: {column.name}: crc"
    assert codec or fields[2] == fields[3]
    if fields[1] == 3:
        assert fields[8][1] == fields[8][3] and fields[8][6] == 0 and fields[8][5] <= fields[3]
        return fields[8][1]
    assert fields[1] == 0
    return fields[5][1]


def check_chunk(data, path, column, element, chunk, values):
    meta = chunk[3]
    index = Thrift(data, chunk[4]).struct()
    locations = index[1]
    assert [l[3] for l in locations] == sorted({l[3] for l in locations}) and locations[0][3] == 0
    ends = [l[3] for l in locations[1:]] + [len(values)]
    assert locations[0][1] == meta[9] and locations[-1][1] + locations[-1][2] == meta.get(11, meta[9]) + meta[7]
    for start, end, location in zip([l[3] for l in locations], ends, locations):
        assert check_page(data, path, column, location, meta[4]) == end - start, f"{path}: {column.name}: page rows"
    has_nan_only = False
    for start, end in zip([l[3] for l in locations], ends):
        page = [v for v in values[start:end] if v is not None]
        has_nan_only = has_nan_only or (page != [] and all(isinstance(v, float) and math.isnan(v) for v in page))
    if 6 not in chunk:
        assert has_nan_only or column.type in ("null", "binary", "interval"), f"{path}: {column.name}: no column index"
        return
    bounds = Thrift(data, chunk[6])
    columns = bounds.struct()
    assert bounds.at - chunk[6] == chunk[7]
    assert len(columns[1]) == len(columns[2]) == len(columns[3]) == len(columns[5]) == len(locations)
    width = {1: 4, 4: 4}.get(meta[1], 8)
    mins, maxs = [], []
    with localcontext() as context:
        context.prec = 90
        for i, (start, end) in enumerate(zip([l[3] for l in locations], ends)):
            page = [key(v, column) for v in values[start:end] if v is not None]
            assert columns[5][i] == end - start - len(page), f"{path}: {column.name}: null count of page {i}"
            assert columns[1][i] == (page == []), f"{path}: {column.name}: null page {i}"
            if not page:
                continue
            low, high = (ordered(column, meta[1], width, columns[k][i]) for k in (2, 3))
            there = [v for v in page if v == v]
            assert low <= min(there) and high >= max(there), f"{path}: {column.name}: bounds of page {i}"
            if not isinstance(low, bytes):
                assert low == min(there) and high == max(there), f"{path}: {column.name}: bounds of page {i} are wide"
            if isinstance(low, float):
                assert columns[8][i] == len(page) - len(there), f"{path}: {column.name}: nan count of page {i}"
                assert low != 0 or math.copysign(1, low) == -1
                assert high != 0 or math.copysign(1, high) == 1
            mins.append(low)
            maxs.append(high)
    up = mins == sorted(mins) and maxs == sorted(maxs)
    down = mins == sorted(mins, reverse=True) and maxs == sorted(maxs, reverse=True)
    assert columns[4] == (1 if up else 2 if down else 0), f"{path}: {column.name}: boundary order {columns[4]}"


def judge_index(files):
    for path, columns in files:
        data = open(path, "rb").read()
        assert data[:4] == data[-4:] == b"PAR1"
        length = int.from_bytes(data[-8:-4], "little")
        footer = Thrift(data, len(data) - 8 - length)
        meta = footer.struct()
        assert footer.at == len(data) - 8
        assert len(meta[7]) == len(columns) and all(order == {1: {}} for order in meta[7])
        start = 0
        for group in meta[4]:
            end = start + group[3]
            for column, element, chunk in zip(columns, meta[2][1:], group[1]):
                check_chunk(data, path, column, element, chunk, column.values[start:end])
            assert group[6] == sum(c[3][7] for c in group[1]) and group[2] == sum(c[3][6] for c in group[1])
            start = end
        assert start == meta[3]


def main():
    judge, folder = sys.argv[1:]
    if judge != "index":
        try:
            __import__(judge)
        except ImportError:
            return 77
    names = sorted(glob.glob(folder + "/*.parquet"))
    if judge not in ("pyarrow", "index"):
        names = [name for name in names if "rare-" not in name]
    files = [(name, [Column(line) for line in open(name[:-8] + ".txt")]) for name in names]
    assert len(files) > 20
    globals()["judge_" + judge](files)
    return 0


sys.exit(main())
