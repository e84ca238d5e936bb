"""Random columns, nested ones too, between us and the judges that bring a server or a virtual machine.

Ours are written by the program of parquet_random_test.c, with the rows they hold as Arrow beside them; FILES says how many
of each class. Theirs are made of the same rows, and read by `sleeper cat`.
"""
import json
import os
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import heavy
import parquet_random as random_rows
import t

import pyarrow as pa

FILES = os.environ.get("FILES", "40")

# ClickHouse has null lists and structs as empty ones.
CHDB = (" settings input_format_parquet_verify_checksums = 1, output_format_arrow_string_as_string = 0,"
        " output_format_arrow_low_cardinality_as_dictionary = 0")


def ours(work):
    """(path, rows) of files that we wrote, of the class that every judge has types for."""
    build = os.environ.get("SLEEPER_BUILD", os.path.join(t.REPO, "build", "dev"))
    program = os.path.join(build, "test", "interop.parquet_random_test")
    env = dict(os.environ, PARQUET_FOLDER=work, PARQUET_FILES=FILES)
    subprocess.run([program], check=True, capture_output=True, env=env, cwd=t.REPO)
    return list(random_rows.pairs(work, ["plain"]))


def chdb_table(query):
    data = heavy.judge_module("chdb").query(query + CHDB, "ArrowStream").bytes()
    with pa.ipc.open_stream(data) as stream:
        return stream.read_all()


def read_by_us(path):
    with pa.ipc.open_stream(t.run("cat", path, "-o", "arrow")) as stream:
        return stream.read_all()


def test_chdb_reads_random_columns(work):
    heavy.judge_module("chdb")
    for path, rows in ours(work):
        if rows.num_rows:
            got = chdb_table("select * from file('%s', Parquet)" % path)
            random_rows.assert_equal(rows, got, "chdb: " + os.path.basename(path), weak=True)


def test_random_columns_that_chdb_writes_are_read_by_us(work):
    chdb = heavy.judge_module("chdb")
    codecs = ("zstd", "snappy", "lz4", "gzip", "brotli", "none")
    for i, (path, rows) in enumerate(ours(work)):
        if not rows.num_rows:
            continue
        out = os.path.join(work, "chdb_%d.parquet" % i)
        # Its strings are bytes; as text they would have to be UTF-8.
        chdb.query("insert into function file('%s', Parquet) select * from file('%s', Parquet) settings"
                   " output_format_parquet_string_as_string = 0,"
                   " output_format_parquet_compression_method = '%s', output_format_parquet_row_group_size = %d,"
                   " output_format_parquet_data_page_size = %d" % (out, path, codecs[i % 6], (50, 10000)[i % 2], (100, 100000)[i // 2 % 2]))
        random_rows.assert_equal(rows, read_by_us(out), "chdb: " + os.path.basename(out), weak=True)


def java(commands):
    """Run commands of ParquetJava.java; returns its output."""
    jars = os.path.join(heavy.judge_path("parquet-java"), "*")
    if not shutil.which("javac"):
        raise t.Skip("no Java compiler is installed")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ParquetJava.java")
    line = []
    for command in commands:
        line += (["--"] if line else []) + [str(word) for word in command]
    done = subprocess.run(["java", "-Xmx1g", "-cp", jars, source, *line], capture_output=True)
    assert done.returncode == 0, "%s\n%s" % (line, done.stderr.decode()[-3000:])
    return done.stdout.decode()


def java_field(values, kind):
    """The value of a field as random_rows has it, from the array of its values."""
    if not values:
        return None
    value = values[0]
    if pa.types.is_map(kind):
        return [(java_field(key, kind.key_type), java_field(item, kind.item_type)) for key, item in value[0]]
    if pa.types.is_list(kind):
        return [java_field(item[0], kind.value_type) for item in value[0]]
    if pa.types.is_struct(kind):
        return tuple(java_field(member, f.type) for member, f in zip(value, kind))
    if pa.types.is_floating(kind):
        code, bits = ("<f", "<i") if kind == pa.float32() else ("<d", "<q")
        return random_rows.float_of(struct.unpack(code, struct.pack(bits, value))[0], code)
    if pa.types.is_unsigned_integer(kind):
        return value % (1 << kind.bit_width)
    if pa.types.is_decimal(kind):
        return int.from_bytes(bytes.fromhex(value), "big", signed=True) if isinstance(value, str) else value
    if pa.types.is_string(kind):
        return bytes.fromhex(value).decode()
    return bytes.fromhex(value) if pa.types.is_binary(kind) else value


def test_parquet_java_reads_random_columns(work):
    heavy.judge_path("parquet-java")
    files = ours(work)
    parts = java([("read", path) for path, _ in files]).split("file ")[1:]
    assert len(parts) == len(files)
    for (path, rows), part in zip(files, parts):
        records = [json.loads(line) for line in part.splitlines()[1:]]
        assert len(records) == rows.num_rows, "%s: %d rows, wanted %d" % (path, len(records), rows.num_rows)
        for i, field in enumerate(rows.schema):
            want = random_rows.column_of(rows, i)
            for row, (a, record) in enumerate(zip(want, records)):
                b = java_field(record[i], field.type)
                assert a == b, "%s: column %s (%s), row %d: %r, wanted %r" % (path, field.name, field.type, row, b, a)


def test_random_columns_that_parquet_java_writes_are_read_by_us(work):
    heavy.judge_path("parquet-java")
    files = ours(work)
    codecs = ("UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "LZ4_RAW")
    outs = [os.path.join(work, "java_%d.parquet" % i) for i in range(len(files))]
    java([("copy", path, out, ("v1", "v2")[i % 2], codecs[i % 5], (100, 1000, 1000000)[i % 3], ("true", "false")[i // 2 % 2])
          for i, ((path, _), out) in enumerate(zip(files, outs))])
    for (_, rows), out in zip(files, outs):
        random_rows.assert_equal(rows, read_by_us(out), "parquet-java: " + os.path.basename(out))


if __name__ == "__main__":
    t.main(globals())
