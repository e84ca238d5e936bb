"""Random columns, nested ones too, that pyarrow, DuckDB and Polars write are read by us, with pages and pruning of theirs.

The rows come from the program of parquet_random_test.c; FILES says how many of each class (parquet_random_heavy_test.py has
the judges that need more).
"""
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import t

FILES = os.environ.get("FILES", "10")

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import parquet_random as random_rows
except ImportError:
    pa = None


def judge(name):
    if pa is None:
        raise t.Skip("pyarrow is not installed")
    try:
        return __import__(name)
    except ImportError:
        raise t.Skip("%s is not installed" % name)


def sources(work, classes):
    program = os.path.join(os.environ.get("SLEEPER_BUILD", os.path.join(t.REPO, "build", "dev")), "test", "interop.parquet_random_test")
    env = dict(os.environ, PARQUET_FOLDER=work, PARQUET_FILES=FILES)
    subprocess.run([program], check=True, capture_output=True, env=env, cwd=t.REPO)
    return [rows for _, rows in random_rows.pairs(work, classes)]


def optional(kind):
    """The same type without promises: pyarrow refuses a null below one, though its parent is null too."""
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, optional(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", optional(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, optional(f.type)) for f in kind])
    return kind


def read_by_us(path):
    with pa.ipc.open_stream(t.run("cat", path, "-o", "arrow")) as stream:
        return stream.read_all()


def assert_read(rows, path, name):
    random_rows.assert_equal(rows, read_by_us(path), "%s: %s" % (name, os.path.basename(path)))


def test_random_columns_that_pyarrow_writes_are_read_by_us(work):
    judge("pyarrow")
    r = random.Random(int(os.environ.get("SEED", "1")))
    files = sources(work, ["wide", "common"])
    count = 0
    for i, rows in enumerate(files):
        rows = rows.cast(pa.schema([pa.field(f.name, optional(f.type)) for f in rows.schema]))
        path = os.path.join(work, "pyarrow_%d.parquet" % i)
        pq.write_table(rows, path, compression=r.choice(["none", "snappy", "gzip", "brotli", "zstd", "lz4"]),
                       data_page_version=r.choice(["1.0", "2.0"]), use_dictionary=r.random() < 0.6, write_page_index=r.random() < 0.5,
                       data_page_size=r.choice([1, 100, 1 << 20]), write_batch_size=r.choice([1, 7, 1024]),
                       row_group_size=r.choice([1, 49, 50, 51, 1000]), dictionary_pagesize_limit=r.choice([1, 100, 1 << 20]),
                       write_page_checksum=r.random() < 0.5, store_schema=r.random() < 0.8, use_compliant_nested_type=r.random() < 0.8)
        try:
            theirs = pq.ParquetFile(path).read(use_threads=False)
        except pa.ArrowInvalid:  # pages of one value that it splits amid a row are beyond itself
            continue
        assert_read(theirs, path, "pyarrow")
        count += 1
    assert count * 10 > 9 * len(files), "only %d of %d files could be compared" % (count, len(files))


def test_random_columns_that_duckdb_writes_are_read_by_us(work):
    duckdb = judge("duckdb")
    con = duckdb.connect()
    con.execute("set threads = 1; set timezone = 'UTC'")
    for i, rows in enumerate(sources(work, ["common"])):
        path = os.path.join(work, "duckdb_%d.parquet" % i)
        con.register("t", rows)
        options = ("", ", parquet_version v2", ", codec zstd, row_group_size 2048", ", codec gzip", ", codec lz4_raw", ", codec brotli")[i % 6]
        con.execute("copy (select * from t) to '%s' (format parquet%s)" % (path, options))
        con.unregister("t")
        assert_read(con.sql("select * from read_parquet('%s')" % path).to_arrow_table(), path, "duckdb")


def test_random_columns_that_polars_writes_are_read_by_us(work):
    polars = judge("polars")
    for i, rows in enumerate(sources(work, ["common"])):
        path = os.path.join(work, "polars_%d.parquet" % i)
        codec = ("uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4")[i % 6]
        if any("map<" in str(f.type) for f in rows.schema):  # it has none
            continue
        frame = polars.from_arrow(rows)
        frame.write_parquet(path, compression=codec, row_group_size=(50, 1000)[i % 2], data_page_size=(60, 1 << 20)[i // 2 % 2])
        assert_read(frame.to_arrow(compat_level=polars.CompatLevel.oldest()), path, "polars")


if __name__ == "__main__":
    t.main(globals())
