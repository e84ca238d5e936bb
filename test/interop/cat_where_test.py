"""`sleeper cat --where` on Parquet files prunes by statistics, bloom filters and page indexes: what it prints is what a
scan of the same rows as Arrow, where nothing can be pruned, prints. Files of pyarrow and of others."""

import base64
import datetime
import decimal
import glob
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.parquet as pq

FLAT = (pa.types.is_integer, pa.types.is_floating, pa.types.is_string, pa.types.is_boolean, pa.types.is_date32,
        pa.types.is_timestamp, pa.types.is_decimal128)


def literal(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, decimal.Decimal)):
        return str(value)
    if isinstance(value, float):
        return "'%r'" % value
    if isinstance(value, datetime.datetime):
        return "'%s'" % value.isoformat().replace("+00:00", "Z")
    return "'%s'" % str(value).replace("'", "''")


def leaf(rng, column, values):
    name = '"%s"' % column.replace('"', '""')
    kind = rng.randrange(9)
    if kind == 0 or not values:
        return name + rng.choice([" is null", " is not null"])
    if kind == 1:
        return "%s in (%s)" % (name, ", ".join(literal(rng.choice(values)) for _ in range(3)))
    if kind == 2:
        low, high = sorted((rng.choice(values), rng.choice(values)), key=repr)
        return "%s between %s and %s" % (name, literal(low), literal(high))
    return "%s %s %s" % (name, rng.choice(["=", "=", "<", "<=", ">", ">=", "<>"]), literal(rng.choice(values)))


def predicates(rng, table, count):
    columns = {}
    for name, column in zip(table.column_names, table.columns):
        if any(of(column.type) for of in FLAT) and column.type != pa.float16() and table.num_rows:
            try:
                rows = sorted(rng.randrange(table.num_rows) for _ in range(12))
                values = [column[i].as_py() for i in rows]
            except Exception:
                continue
            columns[name] = [v for v in values if v is not None]
    for _ in range(count if columns else 0):
        parts = [leaf(rng, *rng.choice(sorted(columns.items()))) for _ in range(rng.randrange(1, 4))]
        yield (" and " if rng.randrange(3) else " or ").join(parts)


def counts_of(path, where):
    done = subprocess.run([t.SLEEPER, "cat", "-v", path, "--where", where, "-o", "ndjson"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    groups = re.search(r"row groups: (\d+) considered, (\d+) pruned", done.stderr.decode())
    left = re.search(r"rows left to the predicate: (\d+)", done.stderr.decode())
    return done.stdout, int(groups[1]), int(groups[2]), int(left[1])


def judge(rng, path, table, work, count):
    """How many predicates, and how many rows they left of how many."""
    asked = left = of = 0
    scan = work + "/scan.arrow"
    t.run("cat", path, "-o", "arrow", "--output", scan)
    for where in predicates(rng, table, count):
        got, _, _, rows = counts_of(path, where)
        want = t.run("cat", scan, "--where", where, "-o", "ndjson")
        assert got == want, (path, where, len(got), len(want))
        asked += 1
        left += rows
        of += table.num_rows
    os.unlink(scan)
    return asked, left, of


def random_table(rng, rows):
    def some(value):
        return [None if rng.randrange(9) == 0 else value(i) for i in range(rows)]

    return pa.table({
        "id": pa.array(some(lambda i: i * 3), pa.int64()),
        "small": pa.array(some(lambda i: rng.randrange(-100, 100)), pa.int8()),
        "unsigned": pa.array(some(lambda i: rng.randrange(1 << 32)), pa.uint32()),
        "word": pa.array(some(lambda i: "word %d" % rng.randrange(40)), pa.string()),
        "long": pa.array(some(lambda i: "x" * 90 + str(i // 50)), pa.string()),
        "x": pa.array(some(lambda i: rng.choice([float("nan"), 0.0, -0.0, i / 7, 1e300])), pa.float64()),
        "f": pa.array(some(lambda i: rng.choice([float("nan"), float("inf"), i / 8])), pa.float32()),
        "price": pa.array(some(lambda i: decimal.Decimal(i) / 100), pa.decimal128(12, 2)),
        "day": pa.array(some(lambda i: 10000 + i // 9), pa.date32()),
        "at": pa.array(some(lambda i: 1700000000000 + i * 1000), pa.timestamp("ms", "UTC")),
        "yes": pa.array(some(lambda i: i > rows // 2), pa.bool_()),
        "list": pa.array(some(lambda i: [i, None] * rng.randrange(3)), pa.list_(pa.int32())),
        "none": pa.array([None] * rows, pa.int32()),
    })


def test_files_of_pyarrow_lose_no_row(work):
    rng = random.Random(7)
    table = random_table(rng, 3000)
    path = work + "/a.parquet"
    blooms = {"id": {"ndv": 3000}, "word": {"ndv": 50}, "x": {"ndv": 3000}, "unsigned": {"ndv": 3000}, "small": {"ndv": 300}}
    for bloom, index, version in ((blooms, True, "1.0"), (blooms, False, "2.0"), (None, True, "2.0")):
        pq.write_table(table, path, row_group_size=1000, write_page_index=index, data_page_size=600, max_rows_per_page=150,
                       data_page_version=version, bloom_filter_options=bloom, use_dictionary=["word"])
        asked, left, of = judge(rng, path, table, work, 25)
        assert asked == 25 and left < of * 0.8, (asked, left, of)


def test_a_bloom_filter_of_pyarrow_rules_out_what_bounds_allow(work):
    path = work + "/a.parquet"
    pq.write_table(pa.table({"k": [i * 2 for i in range(5000)], "s": ["k%05d" % (i * 2) for i in range(5000)]}), path,
                   bloom_filter_options={"k": {"ndv": 5000}, "s": {"ndv": 5000}})
    for where in ("k = 2001", "s = 'k02001'", "k in (1, 3, 5)"):
        got, considered, pruned, left = counts_of(path, where)
        assert (got, considered, pruned, left) == (b"", 1, 1, 0), (where, got, pruned, left)
    assert counts_of(path, "k = 2002")[3] == 5000


def test_files_of_others_lose_no_row(work):
    rng = random.Random(8)
    files = 0
    paths = sorted(glob.glob(t.others_data() + "/parquet-testing/data/*.parquet"))
    always = [path for path in paths if "checksum" in path or "bloom" in path or "index" in path]
    for path in sorted(set(always + rng.sample(paths, min(30, len(paths))))):
        try:
            table = pq.ParquetFile(path).read()
        except Exception:
            continue
        done = subprocess.run([t.SLEEPER, "cat", path, "-o", "arrow"], capture_output=True)
        if done.returncode or len(set(table.column_names)) != len(table.column_names) or table.num_rows > 20000:
            continue
        files += judge(rng, path, table, work, 2)[0] > 0
    assert files > 8, files


t.main(globals())
