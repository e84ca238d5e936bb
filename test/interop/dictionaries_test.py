"""Texts that were asked for as dictionaries arrive in pyarrow as dictionary arrays, through libsleeper and the C Data
Interface, with the values that pyarrow reads. The library stands beside the program; one with the sanitizers of gcc is
loaded into a Python that was started with theirs, one with those of clang cannot be."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t  # noqa: E402

LIBRARY = os.path.join(os.path.dirname(t.SLEEPER), "libsleeper.so")
ROWS = 50000

# What runs in a Python of its own: LIBRARY OUT WHERE INPUTS COLUMNS, the last two as JSON.
CHILD = r"""
import ctypes, json, sys
import pyarrow as pa

class Options(ctypes.Structure):
    _fields_ = [("inputs", ctypes.POINTER(ctypes.c_char_p)), ("format", ctypes.c_char_p), ("where", ctypes.c_char_p),
                ("columns", ctypes.POINTER(ctypes.c_char_p)), ("limit", ctypes.c_int64), ("crc", ctypes.c_char_p),
                ("counts", ctypes.c_void_p), ("keep_dictionaries", ctypes.c_bool)]

def texts(values):
    return (ctypes.c_char_p * (len(values) + 1))(*[v.encode() for v in values], None)

library, out, where, inputs, columns = sys.argv[1], sys.argv[2], sys.argv[3], *map(json.loads, sys.argv[4:6])
lib = ctypes.CDLL(library)
lib.slp_files_rows.argtypes = [ctypes.c_void_p] * 3
lib.slp_rows_stream.argtypes = [ctypes.c_void_p] * 3
o = Options(inputs=texts(inputs), where=where.encode() or None, keep_dictionaries=True)
if columns:
    o.columns = texts(columns)
rows, stream = ctypes.c_void_p(), ctypes.create_string_buffer(40)
assert lib.slp_files_rows(ctypes.byref(o), ctypes.byref(rows), None) == 0
assert lib.slp_rows_stream(rows, stream, None) == 0
reader = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
batches = list(reader)
for batch in batches:
    batch.validate(full=True)
widest = {f.name: max([len(b.column(i).dictionary) for b in batches] or [0])
          for i, f in enumerate(reader.schema) if pa.types.is_dictionary(f.type)}
with pa.OSFile(out, "wb") as sink, pa.ipc.new_stream(sink, reader.schema) as writer:
    for batch in batches:
        writer.write_batch(batch)
print(json.dumps(widest))
"""


def pyarrow():
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as missing:
        raise t.Skip("pyarrow is not installed") from missing
    return pyarrow


def environment():
    """For a Python that loads the library: the sanitizers it wants come first."""
    if not os.path.exists(LIBRARY):
        raise t.Skip("no libsleeper.so beside the program")
    wants = subprocess.run(["ldd", LIBRARY], capture_output=True, check=True).stdout.decode()
    first = re.findall(r"=> (\S*lib(?:a|ub)san\S*)", wants)
    symbols = subprocess.run(["nm", "-D", "-u", LIBRARY], capture_output=True).stdout
    if not first and (b"__asan" in symbols or b"__msan" in symbols or b"__ubsan" in symbols):
        raise t.Skip("the library needs sanitizers that Python cannot load")
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    if first:
        env["LD_PRELOAD"] = " ".join(first)
    return env


def read_kept(work, inputs, where="", columns=()):
    """Rows as pyarrow got them from the library, and the most values that a dictionary of each column had."""
    pa, out = pyarrow(), os.path.join(work, "out.arrow")
    command = [sys.executable, "-c", CHILD, LIBRARY, out, where, json.dumps(inputs), json.dumps(list(columns))]
    done = subprocess.run(command, env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    with pa.OSFile(out, "rb") as source:
        return pa.ipc.open_stream(source).read_all(), json.loads(done.stdout)


def sample():
    pa = pyarrow()
    word = ["a word of seven: %d" % (i % 7) if i % 11 else None for i in range(ROWS)]
    return pa.table({
        "id": pa.array(range(ROWS), pa.int64()),
        "word": pa.array(word),
        "bytes": pa.array([b"\xff%d" % (i % 5) for i in range(ROWS)]),
        "many": pa.array(["%d" % (i // 2) for i in range(ROWS)]),
        "list": pa.array([["x", None][: i % 3] for i in range(ROWS)], pa.list_(pa.string())),
    })


def write(work, name, table, **options):
    path = os.path.join(work, name)
    pyarrow().parquet.write_table(table, path, row_group_size=20000, **options)
    return path


KEPT = ["word", "bytes", "many"]


def value_type(kind):
    return kind.value_type if pyarrow().types.is_dictionary(kind) else kind


def plain(table):
    """Values alone: dictionaries differ from batch to batch, and need not be those of pyarrow."""
    return {f.name: column.cast(value_type(f.type)).to_pylist() for f, column in zip(table.schema, table.columns)}


def expect_same(got, want):
    pa = pyarrow()
    for name in KEPT:
        if name not in want.column_names:
            continue
        mine, theirs = got.schema.field(name).type, want.schema.field(name).type
        assert pa.types.is_dictionary(mine) and mine.value_type == value_type(theirs), f"{name}: {mine}, {theirs}"
        assert mine.index_type == pa.int32(), mine
    assert plain(got) == plain(want)


def test_dictionaries_of_a_file_are_those_of_the_arrays(work):
    pq = pyarrow().parquet
    path = write(work, "a.parquet", sample(), use_dictionary=["word", "bytes", "many", "list.list.element"])
    got, widest = read_kept(work, [path])
    expect_same(got, pq.read_table(path, read_dictionary=KEPT))
    assert widest["word"] == 7 and widest["bytes"] == 5, widest
    assert str(got.schema.field("list").type).startswith("list<"), got.schema


def test_pages_of_values_arrive_as_dictionaries_too(work):
    pq = pyarrow().parquet
    limits = {"dictionary_pagesize_limit": 20000, "data_page_size": 4000, "write_batch_size": 500}
    for name, options in [("mixed", limits), ("plain", {"use_dictionary": False})]:
        path = write(work, name + ".parquet", sample(), **options)
        got, _ = read_kept(work, [path])
        expect_same(got, pq.read_table(path, read_dictionary=KEPT))


def test_predicates_and_columns_are_of_the_values(work):
    pa = pyarrow()
    table = sample()
    path = write(work, "a.parquet", table, write_page_index=True)
    for where, keeps in [
        ("word = 'a word of seven: 2'", pa.compute.equal(table["word"], "a word of seven: 2")),
        ("word is null and id < 30000", pa.compute.and_(table["word"].is_null(), pa.compute.less(table["id"], 30000))),
        ("id >= 49990", pa.compute.greater_equal(table["id"], 49990)),
    ]:
        got, widest = read_kept(work, [path], where, ["bytes", "word"])
        expect_same(got, table.filter(keeps).select(["bytes", "word"]))
        assert widest["bytes"] == 5, widest


def test_files_one_after_the_other_have_the_columns_of_the_first(work):
    pa = pyarrow()
    table = sample().slice(0, 3000)
    first = write(work, "a.parquet", table)
    second = write(work, "b.parquet", table.drop_columns(["many"]), use_dictionary=False)
    got, _ = read_kept(work, [first, second])
    expect_same(got, pa.concat_tables([table, table.drop_columns(["many"])], promote_options="default"))


def test_texts_become_bytes_where_the_first_file_has_bytes(work):
    pa = pyarrow()
    first, second = pa.table({"bytes": [b"\xff", b"\xff", None]}), pa.table({"bytes": ["a", "b", "a"]})
    files = [write(work, "a.parquet", first), write(work, "b.parquet", second)]
    got, _ = read_kept(work, files)
    expect_same(got, pa.table({"bytes": [b"\xff", b"\xff", None, b"a", b"b", b"a"]}))


def test_text_of_a_dictionary_that_is_no_utf8_is_refused_by_row(work):
    pa = pyarrow()
    values = pa.array([b"good", None, b"good", b"\xff"])
    text = pa.Array.from_buffers(pa.string(), len(values), values.buffers())
    path = write(work, "a.parquet", pa.table({"word": text}))
    try:
        read_kept(work, [path])
    except AssertionError as refused:
        assert "row 4 is no UTF-8 text" in str(refused), refused
    else:
        raise AssertionError("read without complaint")


t.main(globals())
