"""Make upstream's benchmark rows: a key of 10 letters, a timestamp below 1e10, a value of 10 letters.

    .venv/bin/python bench/gen.py FOLDER [--files 11] [--rows 400000] [--fourth] [--shape upstream|text] [--overlap P]

Each file FOLDER/NN.parquet is sorted by key and timestamp: the inputs of a compaction. `--fourth` adds a nullable column
of 10 letters of which a fifth is null. Shape `text` has a key of 20 bytes, a time and a text of about 100 bytes that
looks like a line of a log. With `--overlap P` each file of shape upstream has a range of keys of its own, of which the
last P in a hundred are also those of the next file; without it all files have keys of the whole range. The same seed
makes the same rows.
"""

import argparse
import os
import random

import pyarrow
import pyarrow.compute
import pyarrow.parquet

LETTERS = bytes(97 + i % 26 for i in range(256))
ABC = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["GET", "PUT", "POST", "cache", "miss", "hit", "user", "session", "timeout", "retry", "status=200", "status=404",
         "status=503", "took", "ms", "bytes", "from", "10.0.0.1", "10.0.3.7", "/api/v1/items", "/api/v1/users", "/health"]


def letters(rng, rows, width=10):
    """So many letters a row."""
    offsets = b"".join((width * i).to_bytes(4, "little") for i in range(rows + 1))
    raw = rng.randbytes(width * rows).translate(LETTERS)
    return pyarrow.Array.from_buffers(pyarrow.string(), rows, [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(raw)])


def keys_of_range(rng, rows, number, files, overlap):
    """Keys of one of so many ranges, and of the first of the next."""
    span = 26 ** 4 // (files + 1)
    starts = pyarrow.array(a + b + c + d for a in ABC for b in ABC for c in ABC for d in ABC)
    places = pyarrow.compute.add(longs(rng, rows, span + span * overlap // 100), number * span)
    return pyarrow.compute.binary_join_element_wise(starts.take(places), letters(rng, rows, 6), "")


def longs(rng, rows, below):
    raw = pyarrow.Array.from_buffers(pyarrow.int64(), rows, [None, pyarrow.py_buffer(rng.randbytes(8 * rows))])
    whole = pyarrow.compute.bit_wise_and(raw, 2**63 - 1)
    over = pyarrow.compute.multiply(pyarrow.compute.divide(whole, below), below)
    return pyarrow.compute.subtract(whole, over)


def upstream(rng, rows, has_fourth):
    columns = {"key": letters(rng, rows), "timestamp": longs(rng, rows, 10**10), "value": letters(rng, rows)}
    if has_fourth:
        nulls = pyarrow.compute.less(longs(rng, rows, 5), 1)
        nothing = pyarrow.scalar(None, pyarrow.string())
        columns["extra"] = pyarrow.compute.if_else(nulls, nothing, letters(rng, rows))
    return columns


def text(rng, rows):
    keys = ["user-%08d-%06d" % (rng.randrange(10**8), rng.randrange(10**6)) for _ in range(rows)]
    lines = [" ".join(rng.choices(WORDS, k=13)) + " %d %x" % (rng.randrange(10**9), rng.randrange(10**9))
             for _ in range(rows)]
    times = pyarrow.compute.add(longs(rng, rows, 10**10), 1700000000000)
    return {"key": pyarrow.array(keys), "timestamp": times, "value": pyarrow.array(lines)}


def make(folder, files, rows, has_fourth=False, shape="upstream", overlap=None, seed=7):
    """Returns the paths. Files that are there already are taken as they are."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for number in range(files):
        path = os.path.join(folder, "%04d.parquet" % number)
        paths.append(path)
        if os.path.exists(path):
            continue
        rng = random.Random(1000 * seed + number)
        columns = text(rng, rows) if shape == "text" else upstream(rng, rows, has_fourth)
        if overlap is not None:
            columns["key"] = keys_of_range(rng, rows, number, files, overlap)
        nullable = {"extra"}
        schema = pyarrow.schema([pyarrow.field(n, c.type, n in nullable) for n, c in columns.items()])
        table = pyarrow.table(list(columns.values()), schema=schema)
        table = table.sort_by([("key", "ascending"), ("timestamp", "ascending")])
        pyarrow.parquet.write_table(table, path + ".part", compression="zstd", compression_level=1,
                                    use_dictionary=False, row_group_size=262144)
        os.rename(path + ".part", path)
    return paths


def main():
    parser = argparse.ArgumentParser(description="make benchmark rows")
    parser.add_argument("folder")
    parser.add_argument("--files", type=int, default=11)
    parser.add_argument("--rows", type=int, default=400000)
    parser.add_argument("--fourth", action="store_true")
    parser.add_argument("--shape", choices=["upstream", "text"], default="upstream")
    parser.add_argument("--overlap", type=int)
    args = parser.parse_args()
    make(args.folder, args.files, args.rows, args.fourth, args.shape, args.overlap)


if __name__ == "__main__":
    main()
