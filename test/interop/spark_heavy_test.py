"""Spark in local mode: its vectorised reader, which skips by column index, and its own writer."""
import glob
import os
import shutil
import sys

import pyarrow as pa

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import heavy
import t
from heavy import FLAT

session = None


def spark():
    """One session for all tests of this file: starting it takes longer than the tests."""
    global session
    if not shutil.which("java"):
        raise t.Skip("java is not installed")
    heavy.judge_module("pyspark")
    from pyspark.sql import SparkSession

    if session is None:
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = SparkSession.builder.master("local[2]").appName("judge")
        for name, value in {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.memory": "2g",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.legacy.parquet.nanosAsLong": "true",
            "spark.hadoop.parquet.page.verify-checksum.enabled": "true",
            "spark.log.level": "OFF",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    return session


def rows(frame, made):
    """The rows, each column in the type it was put in with; a cast that would lose anything fails."""
    columns = frame.select(*made.source.column_names).toArrow()
    casted = []
    for field in made.source.schema:
        column = columns.column(field.name)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = column.cast(pa.int64()).cast(field.type)
        elif pa.types.is_floating(field.type):
            assert column.type == field.type
        casted.append(column.cast(field.type))
    return heavy.rows_of(pa.table(casted, names=made.source.column_names), made.key)


def assert_reads(made):
    for vectorised in ("true", "false"):
        spark().conf.set("spark.sql.parquet.enableVectorizedReader", vectorised)
        heavy.assert_rows_equal(rows(spark().read.parquet(*made.files), made), made.rows(), made.source.column_names)


def test_spark_reads_every_flat_type_with_its_type(work):
    spark()
    made = heavy.flat(work)
    found = dict(spark().read.parquet(*made.files).dtypes)
    assert found == {name: kinds[3] for name, kinds in FLAT.items()}, found
    assert_reads(made)


def test_spark_reads_leaves_after_compaction(work):
    spark()
    assert_reads(heavy.compacted(work))


def test_spark_reads_flights(work):
    spark()
    assert_reads(heavy.flights(work))


def test_spark_loses_no_row_by_pruning(work):
    spark()
    made = heavy.compacted(work)
    place = {name: i for i, name in enumerate(made.source.column_names)}
    conditions = {
        "word = 'a'": lambda r: r[place["word"]] == "a",
        "id between -1000000000000 and 300000000000000": lambda r: -10**12 <= r[place["id"]] <= 3 * 10**14,
        "i8 = -128": lambda r: r[place["i8"]] == -128,
        "dec9 < -1000000": lambda r: r[place["dec9"]] is not None and r[place["dec9"]] < -1000000,
        "us_utc < '1980-01-01 00:00:00'": lambda r: r[place["us_utc"]] is not None and r[place["us_utc"]] < 315532800 * 10**6,
        "text = ''": lambda r: r[place["text"]] == "",
        "none is not null": lambda r: False,
        "bin is null": lambda r: r[place["bin"]] is None,
    }
    for condition, holds in conditions.items():
        got = rows(spark().read.parquet(*made.files).where(condition), made)
        heavy.assert_rows_equal(got, [r for r in made.rows() if holds(r)], made.source.column_names)


def test_what_spark_writes_is_ingested_with_equal_rows(work):
    spark()
    made = heavy.compacted(work)
    # Spark has no unsigned numbers: each goes into the next wider type, and nanoseconds come as a number.
    types = {"u8": pa.int16(), "u16": pa.int32(), "u32": pa.int64(), "u64": pa.decimal128(20, 0), "ns": pa.int64(),
             "ns_utc": pa.int64(), "ms": pa.timestamp("us"), "ms_utc": pa.timestamp("us", "UTC")}
    # INT96, its default for instants, says nothing of UTC and counts nanoseconds.
    int96 = dict(types, ms_utc=pa.timestamp("ns"), us_utc=pa.timestamp("ns"))
    for codec, version, instants in (("snappy", "PARQUET_1_0", "INT96"), ("zstd", "PARQUET_1_0", "TIMESTAMP_MICROS"),
                                     ("gzip", "PARQUET_2_0", "TIMESTAMP_MICROS"), ("lz4_raw", "PARQUET_2_0", "INT96")):
        spark().conf.set("spark.sql.parquet.outputTimestampType", instants)
        folder = os.path.join(work, codec + ".d")
        frame = spark().read.parquet(*made.files).repartition(2)
        frame.write.option("compression", codec).option("parquet.writer.version", version).parquet(folder)
        files = sorted(glob.glob(os.path.join(folder, "*.parquet")))
        heavy.assert_taken_in(work, files, made, codec, types=int96 if instants == "INT96" else types)


def test_spark_finds_the_checksum_of_a_damaged_page_wrong(work):
    spark()
    made = heavy.flights(work)
    try:
        rows(spark().read.parquet(heavy.damaged(made, work)), made)
    except Exception as e:
        assert "CRC" in str(e) or "checksum" in str(e), str(e)[:3000]
        return
    raise AssertionError("a damaged page was read")


t.main(globals())
