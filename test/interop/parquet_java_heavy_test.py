"""parquet-java through its command line: the reader and writer that Spark, Trino and Hive grew from."""
import json
import os
import re
import shutil
import subprocess
import sys

import pyarrow as pa

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import heavy
import t
from heavy import FLAT


def parquet(command, *args, rc=0):
    """Run a command of parquet-cli with page checksums verified; returns stdout and stderr."""
    jars = os.path.join(heavy.judge_path("parquet-java"), "*")
    if not shutil.which("java"):
        raise t.Skip("java is not installed")
    done = subprocess.run(["java", "-Xmx1g", "-cp", jars, "org.apache.parquet.cli.Main",
                           "-Dparquet.page.verify-checksum.enabled=true", command, *args], capture_output=True)
    out, err = done.stdout.decode(), done.stderr.decode()
    assert (done.returncode == 0) == (rc == 0), "parquet %s %s: %d\n%s%s" % (command, args, done.returncode, out[-2000:], err[-3000:])
    return out, err


def value_of(value, kind):
    """What Avro's text shows, as a plain value: bytes are text of ISO 8859-1 or, where their number is fixed, a list of
    signed numbers; unsigned numbers are signed ones."""
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return heavy.plain(float(value), kind)
    if pa.types.is_unsigned_integer(kind):
        return value % (1 << kind.bit_width) if kind.bit_width >= 32 else value
    if pa.types.is_binary(kind):
        return value.encode("latin-1")
    if pa.types.is_decimal(kind):
        if isinstance(value, list):
            value = int.from_bytes(bytes(byte & 255 for byte in value), "big", signed=True)
        return heavy.decimal_of(value, kind.scale)
    return value


def rows(paths, made):
    schema = made.source.schema
    got = []
    for path in paths:
        for line in parquet("cat", path)[0].splitlines():
            record = json.loads(line)
            got.append(tuple(value_of(record[f.name], f.type) for f in schema))
    places = [schema.get_field_index(name) for name in made.key]
    return sorted(got, key=lambda row: [row[i].encode() if isinstance(row[i], str) else row[i] for i in places])


def assert_reads(made):
    heavy.assert_rows_equal(rows(made.files, made), made.rows(), made.source.column_names)


def test_parquet_java_reads_every_flat_type_with_its_type(work):
    heavy.judge_path("parquet-java")
    made = heavy.flat(work)
    for path in made.files:
        meta = parquet("meta", path)[0]
        for name, kinds in FLAT.items():
            line = re.search(r"^  ((?:required|optional) .* %s\b.*) = (\d+);$" % name, meta, re.M)
            assert line and kinds[1] in line.group(1), "%s: %s" % (name, line and line.group(1))
    assert_reads(made)


def test_parquet_java_reads_leaves_after_compaction(work):
    heavy.judge_path("parquet-java")
    assert_reads(heavy.compacted(work))


def test_parquet_java_reads_flights(work):
    heavy.judge_path("parquet-java")
    assert_reads(heavy.flights(work))


def test_indexes_and_statistics_are_whole_for_parquet_java(work):
    heavy.judge_path("parquet-java")
    made = heavy.compacted(work)
    for path in made.files:
        out, _ = parquet("check-stats", path)
        assert "has no corrupt stats" in out, out
        out, _ = parquet("column-index", path)
        for name in FLAT:
            assert "column index for column %s:" % name in out, name
            assert "offset index for column %s:" % name in out, name
        assert "NONE" not in re.sub(r"none", "", out).split(), out[:2000]
        out, _ = parquet("pages", path)
        for name in FLAT:
            assert "Column: %s\n" % name in out, name


def test_parquet_java_finds_the_checksum_of_a_damaged_page_wrong(work):
    heavy.judge_path("parquet-java")
    made = heavy.flights(work)
    out, err = parquet("cat", heavy.damaged(made, work), rc=1)
    assert "CRC" in out + err, out[-2000:] + err[-3000:]


def test_what_parquet_java_writes_is_ingested_with_equal_rows(work):
    heavy.judge_path("parquet-java")
    made = heavy.compacted(work)
    for codec in ("SNAPPY", "GZIP", "ZSTD", "UNCOMPRESSED"):
        files = [os.path.join(work, "%s_%d.parquet" % (codec, i)) for i in range(len(made.files))]
        for path, out in zip(made.files, files):
            parquet("rewrite", "-i", path, "-o", out, "-c", codec)
        heavy.assert_taken_in(work, files, made, codec)


def test_what_parquet_java_encodes_anew_is_ingested_with_equal_rows(work):
    heavy.judge_path("parquet-java")
    made = heavy.flights(work)
    small = ["--page-size", "2000", "--dictionary-size", "1000", "--row-group-size", "200000", "--compression-codec", "SNAPPY"]
    for name, options in (("usual", []), ("small", small)):
        files = [os.path.join(work, "%s_%d.parquet" % (name, i)) for i in range(len(made.files))]
        for path, out in zip(made.files, files):
            parquet("convert", path, "-o", out, *options)
        heavy.assert_taken_in(work, files, made, name)


if __name__ == "__main__":
    t.main(globals())
