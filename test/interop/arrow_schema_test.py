"""ARROW:schema: what Parquet cannot say of Arrow's types comes back through us, and from us through pyarrow."""

import base64
import datetime
import decimal
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.parquet as pq


def rich():
    table = pa.table({
        "second": pa.array([1, None, -3], pa.timestamp("s")),
        "zone": pa.array([1, None, 3], pa.timestamp("us", "Europe/Berlin")),
        "utc": pa.array([1, None, 3], pa.timestamp("ms", "UTC")),
        "duration": pa.array([1, None, 3], pa.duration("s")),
        "ms": pa.array([1, None, 3], pa.duration("ms")),
        "clock": pa.array([1, None, 3], pa.time32("s")),
        "large": pa.array(["a", None, "c"], pa.large_string()),
        "bytes": pa.array([b"a", None, b"c"], pa.large_binary()),
        "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
        "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int16(), 2)),
        "list": pa.array([[1], None, []], pa.large_list(pa.field("thing", pa.int8()))),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "half": pa.array([1.5, None, 2.5], pa.float16()),
        "wide": pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("-2.5")], pa.decimal256(60, 1)),
        "none": pa.nulls(3),
    })
    fields = [f.with_metadata({"unit": "m"}) if f.name == "half" else f for f in table.schema]
    return table.cast(pa.schema(fields, metadata={"pandas": "{}", "who": "me"}))


def test_a_file_that_is_rewritten_has_the_schema_it_had(work):
    table = rich()
    pq.write_table(table, work + "/in.parquet")
    t.run("cat", work + "/in.parquet", "-o", "parquet", "--output", work + "/out.parquet")
    back = pq.read_table(work + "/out.parquet")
    own = pq.read_table(work + "/in.parquet")  # pyarrow itself gives milliseconds for seconds
    assert back.schema.equals(own.schema, check_metadata=True), back.schema
    assert back.equals(own), back
    assert own.schema.field("zone").type == table.schema.field("zone").type
    once = pq.read_metadata(work + "/out.parquet").metadata
    assert once[b"who"] == b"me" and once[b"pandas"] == b"{}", once


def test_columns_that_are_chosen_keep_the_types_that_we_have(work):
    pq.write_table(rich(), work + "/in.parquet")
    t.run("cat", work + "/in.parquet", "--columns", "second,duration,ms,clock,utc,half", "-o", "parquet", "--output",
          work + "/out.parquet")
    back = pq.read_table(work + "/out.parquet")
    assert back.equals(pq.read_table(work + "/in.parquet", columns=back.column_names)), back
    kept = pq.ParquetFile(work + "/out.parquet").metadata.metadata[b"ARROW:schema"]
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(kept)))
    assert [str(f.type) for f in schema] == ["timestamp[s]", "duration[s]", "duration[ms]", "time32[s]",
                                             "timestamp[ms, tz=UTC]", "halffloat"], schema


def test_seconds_and_durations_are_printed_as_such(work):
    pq.write_table(rich().select(["second", "duration", "clock"]), work + "/in.parquet")
    rows = [json.loads(line) for line in t.run("cat", work + "/in.parquet", "-o", "ndjson").splitlines()]
    assert rows[0] == {"second": "1970-01-01T00:00:01", "duration": "PT1S", "clock": "00:00:01"}, rows
    assert rows[1] == {"second": None, "duration": None, "clock": None}, rows
    out = t.run("cat", work + "/in.parquet", "--where", "second = '1970-01-01T00:00:01'", "-o", "ndjson")
    assert len(out.splitlines()) == 1, out


def test_an_arrow_stream_becomes_a_file_of_the_same_schema(work):
    table = rich().select(["second", "utc", "duration", "clock", "map", "half", "none"])
    with pa.OSFile(work + "/in.arrow", "wb") as f, pa.ipc.new_stream(f, table.schema) as w:
        w.write_table(table)
    t.run("cat", work + "/in.arrow", "-o", "parquet", "--output", work + "/out.parquet")
    pq.write_table(table, work + "/own.parquet")
    back, own = pq.read_table(work + "/out.parquet"), pq.read_table(work + "/own.parquet")
    assert back.schema.equals(own.schema), back.schema
    assert back.equals(own)
    # And through us it is what it was.
    t.run("cat", work + "/out.parquet", "-o", "arrow", "--output", work + "/back.arrow")
    with pa.OSFile(work + "/back.arrow", "rb") as f:
        assert pa.ipc.open_stream(f).read_all().equals(table)


def with_schema(path, out, text):
    """The same file with another ARROW:schema."""
    table = pq.read_table(path)
    writer = pq.ParquetWriter(out, table.schema, store_schema=False)
    writer.write_table(table)
    writer.add_key_value_metadata({"ARROW:schema": text})
    writer.close()


def test_advice_that_lies_or_is_damaged_is_left_aside(work):
    table = pa.table({"a": pa.array([1, 2], pa.int32()), "t": pa.array([1, 1500], pa.timestamp("ms"))})
    pq.write_table(table, work + "/plain.parquet")
    want = t.run("cat", work + "/plain.parquet", "-o", "ndjson")
    good = base64.b64encode(pa.schema([("a", pa.duration("s")), ("t", pa.int64())]).serialize().to_pybytes()).decode()
    other = base64.b64encode(pa.schema([("b", pa.duration("s"))]).serialize().to_pybytes()).decode()
    for text in ("", "x", "AAAA", "////", good, other, good[: len(good) // 2 // 4 * 4], good[:64] + "A" * 64 + good[128:]):
        with_schema(work + "/plain.parquet", work + "/lie.parquet", text)
        assert t.run("cat", work + "/lie.parquet", "-o", "ndjson") == want, text
    # Seconds that are none are an error.
    text = base64.b64encode(pa.schema([("a", pa.int32()), ("t", pa.timestamp("s"))]).serialize().to_pybytes()).decode()
    with_schema(work + "/plain.parquet", work + "/lie.parquet", text)
    t.run("cat", work + "/lie.parquet", "-o", "ndjson", rc=1)


t.main(globals())
