"""`sleeper cat` against pyarrow: Arrow streams and files that pyarrow wrote, and Parquet files of others, nested too."""

import base64
import datetime
import decimal
import glob
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq


def nested_table():
    return pa.table({
        "i": pa.array([1, None, 3], pa.int32()),
        "s": pa.array(["a", None, "é\"\n"]),
        "large": pa.array(["x", "y", None], pa.large_string()),
        "dictionary": pa.array(["u", "v", None]).dictionary_encode(),
        "list": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
        "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": ["x", None]}, None, {"a": None, "b": []}],
                           pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))])),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "numbers": pa.array([[(1, "x")], None, []], pa.map_(pa.int32(), pa.string())),
        "half": pa.array([1.5, None, -2.0], pa.float16()),
        "time": pa.array([1, None, 86399999999], pa.time64("us")),
        "bytes": pa.array([b"\0\xff", b"", None]),
        "wide": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-4.00")], pa.decimal256(50, 2)),
        "day": pa.array([0, None, 20000], pa.date32()),
        "day64": pa.array([0, None, 86400000], pa.date64()),
        "none": pa.nulls(3),
    })


def close(got, want):
    """Is the JSON of a value what pyarrow gives for it?"""
    if isinstance(want, float) and not math.isfinite(want):
        return got == ("NaN" if math.isnan(want) else "Infinity" if want > 0 else "-Infinity")
    if isinstance(want, float):
        return not isinstance(got, (str, bool)) and float(got) == want
    if isinstance(want, bytes):
        return got == base64.b64encode(want).decode()
    if isinstance(want, decimal.Decimal):
        return not isinstance(got, str) and decimal.Decimal(got) == want
    if isinstance(want, datetime.datetime):
        return datetime.datetime.fromisoformat(got.rstrip("Z")[:26]) == want.replace(tzinfo=None)
    if isinstance(want, (datetime.date, datetime.time)):
        return type(want).fromisoformat(got) == want
    if isinstance(want, dict):
        return list(got) == list(want) and all(close(got[k], want[k]) for k in want)
    if isinstance(want, list) and isinstance(got, dict):  # a map by texts
        return list(got.items()) == [] == want or all(close(got[k], v) for k, v in want)
    if isinstance(want, list) and want and isinstance(want[0], tuple):
        return [(g["key"], g["value"]) for g in got] == want
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(close, got, want))
    return got == want and isinstance(got, bool) == isinstance(want, bool)


def expect_rows(lines, table, what):
    rows = [json.loads(line, parse_float=decimal.Decimal) for line in lines.decode().splitlines()]
    assert len(rows) == table.num_rows, (what, len(rows), table.num_rows)
    for name in table.column_names:
        column = table[name]
        # Nanoseconds are more than datetime says: microseconds are compared.
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        narrow = column.type in (pa.float16(), pa.float32())
        for i, want in enumerate(column.to_pylist()):
            if narrow and isinstance(rows[i][name], (int, decimal.Decimal)):
                rows[i][name] = pa.scalar(float(rows[i][name]), pa.float32()).cast(column.type).as_py()
            assert close(rows[i][name], want), (what, name, i, rows[i][name], want)


def write_all(table, work):
    """The table as Arrow in every form that is read."""
    plain = table.drop_columns(["dictionary"])
    with pa.ipc.new_stream(work + "/stream.arrows", table.schema) as out:
        out.write_table(table, max_chunksize=2)
    with pa.ipc.new_file(work + "/file.arrow", table.schema) as out:
        out.write_table(table)
        out.write_table(table.slice(0, 0))
    for codec in ("lz4", "zstd"):
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_file("%s/%s.arrow" % (work, codec), plain.schema, options=options) as out:
            out.write_table(plain)
    return {"stream.arrows": table, "file.arrow": table, "lz4.arrow": plain, "zstd.arrow": plain}


def test_arrow_that_pyarrow_wrote_is_read(work):
    for name, table in write_all(nested_table(), work).items():
        path = work + "/" + name
        expect_rows(t.run("cat", path, "-o", "ndjson"), table, name)
        with open(path, "rb") as f:
            data = f.read()
        expect_rows(t.run("cat", "-", "-o", "ndjson", stdin=data), table, name)
        again = pa.ipc.open_stream(t.run("cat", path, "-o", "arrow")).read_all()
        again.validate(full=True)
        assert again.to_pylist() == table.to_pylist(), name
        assert again.schema.field("map").type == table.schema.field("map").type


def test_long_columns_of_text_and_dictionaries_come_back(work):
    table = pa.table({"n": range(200000), "s": ["text %d" % (i % 1000) for i in range(200000)]})
    table = table.append_column("d", table["s"].dictionary_encode())
    for codec in (None, "lz4", "zstd"):
        chosen = table if codec is None else table.drop_columns(["d"])
        with pa.ipc.new_file(work + "/a.arrow", chosen.schema,
                             options=pa.ipc.IpcWriteOptions(compression=codec)) as out:
            out.write_table(chosen, max_chunksize=70000)
        got = pa.ipc.open_stream(t.run("cat", work + "/a.arrow", "-o", "arrow")).read_all()
        assert got.to_pylist() == chosen.to_pylist(), codec


def test_what_is_not_read_is_refused_by_name(work):
    table = nested_table().select(["i", "dictionary"])
    with pa.ipc.new_file(work + "/a.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(table)
    t.run("cat", work + "/a.arrow", rc=1)
    views = pa.table({"v": pa.array(["a"], pa.string_view())})
    with pa.ipc.new_file(work + "/b.arrow", views.schema) as out:
        out.write_table(views)
    t.run("cat", work + "/b.arrow", rc=1)


def test_nested_parquet_is_printed_in_every_format(work):
    table = nested_table().drop_columns(["large", "fixed", "none"])
    pq.write_table(table, work + "/a.parquet", store_schema=False)
    expect_rows(t.run("cat", work + "/a.parquet", "-o", "ndjson"), pq.read_table(work + "/a.parquet"), "a.parquet")
    with open(work + "/a.parquet", "rb") as f:
        expect_rows(t.run("cat", "-", "-o", "ndjson", stdin=f.read()), pq.read_table(work + "/a.parquet"), "stdin")
    first = t.run("cat", work + "/a.parquet", "-o", "csv", "--columns", "i,list,struct,map", "--limit", "1")
    assert first == b'i,list,struct,map\n1,"[1,2]","{""a"":1,""b"":[""x"",null]}","{""k"":1}"\n', first


# What pyarrow does not read, and what it gives in another form than we do: docs/format/parquet-support.md.
SKIPPED = ("corrupt", "large_string_map", "int96_from_spark", "encrypt", "fixed_length_byte_array", "unknown")


def test_parquet_files_of_others_have_the_values_that_pyarrow_gives(work):
    judged = 0
    wrong = []
    for path in sorted(glob.glob(t.others_data() + "/parquet-testing/data/*.parquet")):
        if any(word in path for word in SKIPPED):
            continue
        try:
            table = pq.ParquetFile(path).read()
            table.slice(0, 1).to_pylist()
        except Exception:
            continue
        if len(set(table.column_names)) != len(table.column_names) or table.num_rows > 20000:
            continue
        try:
            expect_rows(t.run("cat", path, "-o", "ndjson"), table, path)
        except AssertionError as e:
            wrong.append(str(e)[:600])
        judged += 1
    assert not wrong, "\n".join(wrong)
    assert judged > 40, judged


def test_old_timestamps_have_the_finest_unit_that_holds_them(work):
    """Where pyarrow's nanoseconds and microseconds wrap around."""
    path = t.others_data() + "/parquet-testing/data/int96_from_spark.parquet"
    want = pq.ParquetFile(path, coerce_int96_timestamp_unit="ms").read()["a"].cast(pa.int64())
    got = pa.ipc.open_stream(t.run("cat", path, "-o", "arrow")).read_all()["a"]
    assert got.type == pa.timestamp("ms") and got.cast(pa.int64()).to_pylist() == want.to_pylist(), got
    table = pa.table({"t": pa.array([1, None], pa.timestamp("ns"))})
    pq.write_table(table, work + "/near.parquet", use_deprecated_int96_timestamps=True)
    near = pa.ipc.open_stream(t.run("cat", work + "/near.parquet", "-o", "arrow")).read_all()
    assert near.schema.field("t").type == pa.timestamp("ns"), near.schema


def test_times_of_day_keep_whether_they_are_of_utc(work):
    table = pa.table({"ms": pa.array([1], pa.time32("ms")), "us": pa.array([1], pa.time64("us"))})
    pq.write_table(table, work + "/a.parquet", write_time_adjusted_to_utc=True)
    with open(work + "/b.parquet", "wb") as f:
        f.write(t.run("cat", work + "/a.parquet", "-o", "parquet"))
    kept = [str(pq.ParquetFile("%s/%s.parquet" % (work, name)).schema.column(1).logical_type) for name in "ab"]
    assert kept[0] == kept[1] and "isAdjustedToUTC=true" in kept[1], kept


t.main(globals())
