"""ClickHouse, in process: strict about checksums, and it prunes by column index, offset index and dictionaries."""
import json
import os
import sys

import pyarrow as pa

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import heavy
import t
from heavy import FLAT

QUIET = " settings output_format_json_quote_64bit_integers = 0, input_format_parquet_verify_checksums = 1"


def lines(query):
    chdb = heavy.judge_module("chdb")
    return [json.loads(line) for line in str(chdb.query(query + QUIET, "JSONCompactEachRow")).splitlines()]


def source(path):
    return "file('%s', Parquet)" % path


def text_of(name, kind):
    """SQL that gives a column losslessly as JSON."""
    if pa.types.is_timestamp(kind):
        return "toUnixTimestamp64%s(%s)" % ({"ms": "Milli", "us": "Micro", "ns": "Nano"}[kind.unit], name)
    if pa.types.is_date(kind):
        return "toInt32(%s)" % name
    if pa.types.is_decimal(kind):
        return "toString(%s)" % name
    if pa.types.is_floating(kind) or pa.types.is_binary(kind) or pa.types.is_string(kind):
        return "hex(%s)" % name
    return name


def value_of(value, kind):
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return bytes.fromhex(value)
    if pa.types.is_binary(kind):
        return bytes.fromhex(value)
    if pa.types.is_string(kind):
        return bytes.fromhex(value).decode()
    if pa.types.is_decimal(kind):
        return heavy.Decimal(value)
    return value


def rows(paths, made, where="true"):
    schema = made.source.schema
    picked = ", ".join(text_of(f.name, f.type) for f in schema)
    got = [row for path in paths for row in lines("select %s from %s where %s" % (picked, source(path), where))]
    got = [tuple(value_of(v, f.type) for v, f in zip(row, schema)) for row in got]
    places = [schema.get_field_index(name) for name in made.key]
    return sorted(got, key=lambda row: [row[i].encode() if isinstance(row[i], str) else row[i] for i in places])


def assert_reads(made):
    heavy.assert_rows_equal(rows(made.files, made), made.rows(), made.source.column_names)


def test_chdb_reads_every_flat_type_with_its_type(work):
    heavy.judge_module("chdb")
    made = heavy.flat(work)
    for path in made.files:
        found = {row[0]: row[1] for row in lines("describe table " + source(path))}
        assert found == {name: kinds[2] for name, kinds in FLAT.items()}, found
    assert_reads(made)


def test_chdb_reads_leaves_after_compaction(work):
    heavy.judge_module("chdb")
    assert_reads(heavy.compacted(work))


def test_chdb_reads_flights(work):
    heavy.judge_module("chdb")
    assert_reads(heavy.flights(work))


def test_pruning_by_statistics_and_indexes_loses_no_row(work):
    heavy.judge_module("chdb")
    made = heavy.compacted(work)
    whole = made.rows()
    place = {name: i for i, name in enumerate(made.source.column_names)}
    conditions = {
        "word = 'a'": lambda r: r[place["word"]] == "a",
        "id between -1000000000000 and 300000000000000": lambda r: -10**12 <= r[place["id"]] <= 3 * 10**14,
        "u64 > 18000000000000000000": lambda r: (r[place["u64"]] or 0) > 18 * 10**18,
        "i8 = -128": lambda r: r[place["i8"]] == -128,
        "dec9 < -1000000": lambda r: r[place["dec9"]] is not None and r[place["dec9"]] < -1000000,
        "us < toDateTime64('1980-01-01', 6, 'UTC')": lambda r: r[place["us"]] is not None and r[place["us"]] < 315532800 * 10**6,
        "text = ''": lambda r: r[place["text"]] == "",
        "none is not null": lambda r: False,
        "bin is null": lambda r: r[place["bin"]] is None,
    }
    for condition, holds in conditions.items():
        got = rows(made.files, made, condition)
        heavy.assert_rows_equal(got, [r for r in whole if holds(r)], made.source.column_names)


def test_chdb_finds_the_checksum_of_a_damaged_page_wrong(work):
    heavy.judge_module("chdb")
    made = heavy.flights(work)
    try:
        rows([heavy.damaged(made, work)], made)
    except Exception as e:
        assert "checksum" in str(e).lower() or "crc" in str(e).lower(), e
        return
    raise AssertionError("a damaged page was read")


def write(made, out, settings):
    union = " union all ".join("select * from " + source(path) for path in made.files)
    heavy.judge_module("chdb").query("insert into function file('%s', Parquet) select * from (%s) settings %s" % (out, union, settings))


def test_what_chdb_writes_is_ingested_with_equal_rows(work):
    heavy.judge_module("chdb")
    made = heavy.compacted(work)
    # ClickHouse has one kind of timestamp, an instant, and strings that are bytes.
    types = {n: pa.timestamp(n, "UTC") for n in ("ms", "us", "ns")}
    types.update({n: pa.binary() for n in ("word", "text")})
    for codec in ("zstd", "snappy", "lz4", "gzip", "brotli", "none"):
        out = os.path.join(work, codec + ".parquet")
        write(made, out, "output_format_parquet_row_group_size = 1500, output_format_parquet_string_as_string = 0, "
              "output_format_parquet_compression_method = '%s'" % codec)
        heavy.assert_taken_in(work, [out], made, codec, types=types)


def test_text_that_chdb_writes_is_ingested_with_equal_rows(work):
    heavy.judge_module("chdb")
    made = heavy.flights(work)
    out = os.path.join(work, "flights.parquet")
    write(made, out, "output_format_parquet_string_as_string = 1")
    heavy.assert_taken_in(work, [out], made, "text", types={"date": pa.timestamp("us", "UTC")})


t.main(globals())
