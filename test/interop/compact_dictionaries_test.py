"""What a compaction makes of columns that are dictionaries in all inputs, or in some, pyarrow and DuckDB read: the
rows of the inputs, with right bounds and counts of nulls, and still as dictionaries where values are few."""

import glob
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t  # noqa: E402

ROWS = 6000
FILES = 4
COLUMNS = ["key", "few", "nulls", "number", "mixed", "empty"]


def make(pa, rng, number):
    """`mixed` has few values in most files and as many as rows in the last one; `empty` has one value, or none."""
    keys = sorted(rng.randrange(10**9) * FILES + number for _ in range(ROWS))
    last = number == FILES - 1
    return pa.table({
        "key": pa.array(keys, pa.int64()),
        "few": pa.array(["the value with the number %d" % rng.randrange(12 + number) for _ in keys]),
        "nulls": pa.array([None if rng.randrange(4) == 0 else "v%d" % (rng.randrange(30) * number) for _ in keys]),
        "number": pa.array([rng.randrange(20) / 4 if rng.randrange(9) else None for _ in keys], pa.float64()),
        "mixed": pa.array(["%x" % rng.getrandbits(90) if last else "word %d" % rng.randrange(9) for _ in keys]),
        "empty": pa.array([None if number % 2 else "" for _ in keys], pa.string()),
    })


def by_key(table):
    return sorted(zip(*(table[name].to_pylist() for name in COLUMNS)), key=lambda row: repr(row))


def compacted(work, inputs):
    """The one file that is made of them."""
    at = os.path.join(work, "instance")
    t.run("init", instance=at)
    t.run("table", "create", "t", "--like", inputs[0], "--row-key", "key", instance=at)
    for path in inputs:
        t.run("ingest", "t", path, instance=at)
    before = set(glob.glob(at + "/t/*/data/*/*.parquet"))
    t.run("compact", "t", "--all", instance=at)
    t.run("check", instance=at)
    made = set(glob.glob(at + "/t/*/data/*/*.parquet")) - before
    assert len(made) == 1, made
    return made.pop()


def test_compacted_dictionaries_are_read_by_others(work):
    try:
        import duckdb
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise t.Skip("pyarrow or duckdb is not installed") from missing
    rng = random.Random(7)
    inputs = [os.path.join(work, "%d.parquet" % i) for i in range(FILES)]
    for i, path in enumerate(inputs):
        pq.write_table(make(pa, rng, i), path)
    want = by_key(pa.concat_tables(pq.read_table(path) for path in inputs))
    made = compacted(work, inputs)
    assert by_key(pq.read_table(made)) == want
    assert sorted(duckdb.sql("SELECT %s FROM '%s'" % (", ".join(COLUMNS), made)).fetchall(), key=repr) == want
    group = pq.ParquetFile(made).metadata.row_group(0)
    chunks = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name in ("few", "nulls", "number"):
        assert "RLE_DICTIONARY" in chunks[name].encodings, (name, chunks[name].encodings)
    for at, name in enumerate(COLUMNS):
        values = [row[at] for row in want if row[at] is not None]
        bounds = chunks[name].statistics
        assert bounds.null_count == len(want) - len(values), name
        assert (bounds.min, bounds.max) == (min(values), max(values)), (name, bounds)


t.main(globals())
