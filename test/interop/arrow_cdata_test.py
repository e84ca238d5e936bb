"""pyarrow takes our arrays through the C Data Interface without a copy and finds them sound, and we take its own.

The library under test is compiled here, from src/arrow and test/interop/arrow_cdata.c, without the sanitizers of the
build: they would have to be loaded into Python first.
"""

import atexit
import ctypes
import datetime
import decimal
import functools
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t  # noqa: E402

SEEDS = range(1, 41)
ROWS = 60
COLUMNS = 6


def pyarrow():
    try:
        import pyarrow
    except ImportError as missing:
        raise t.Skip("pyarrow is not installed") from missing
    return pyarrow


@functools.lru_cache(maxsize=1)
def library():
    folder = tempfile.mkdtemp(prefix="sleeper-test.")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, "cdata.so")
    sources = ["test/interop/arrow_cdata.c", "test/lib/random_rows.c", "test/lib/t.c"]
    sources += sorted(glob.glob("src/arrow/*.c", root_dir=t.REPO))
    sources += [f"src/base/{name}.c" for name in ("alloc", "arena", "buf", "err", "io", "json", "text")]
    generated = os.path.join(os.environ.get("SLEEPER_BUILD", os.path.join(t.REPO, "build", "dev")), "generated")
    flags = ["-std=c17", "-D_GNU_SOURCE", "-O0", "-g", "-fPIC", "-shared", "-fno-strict-aliasing"]
    flags += ["-Isrc", "-Iinclude", "-Itest", "-I" + generated]
    subprocess.run([os.environ.get("CC", "cc"), *flags, *sources, "-o", path, "-lcmocka", "-ldl"], cwd=t.REPO, check=True)
    lib = ctypes.CDLL(path)
    p, u64 = ctypes.c_void_p, ctypes.c_uint64
    for name, result, arguments in [
        ("bench_open", p, [u64, ctypes.c_uint, ctypes.c_size_t, ctypes.c_int64]),
        ("bench_export", ctypes.c_int, [p, p, p]),
        ("bench_type", ctypes.c_char_p, [p, ctypes.c_size_t]),
        ("bench_text", ctypes.c_char_p, [p, ctypes.c_size_t, ctypes.c_int64]),
        ("bench_compare", ctypes.c_char_p, [p, p, p]),
        ("bench_close", None, [p]),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class Bench:
    """One random batch on the other side."""

    def __init__(self, lib, seed, depth, rows=ROWS):
        self.lib, self.seed = lib, seed
        self.handle = lib.bench_open(seed, depth, COLUMNS, rows)

    def batch(self):
        schema, array = ctypes.create_string_buffer(72), ctypes.create_string_buffer(80)
        rc = self.lib.bench_export(self.handle, ctypes.addressof(schema), ctypes.addressof(array))
        assert rc == 0, f"seed {self.seed}: export: {rc}"
        return pyarrow().RecordBatch._import_from_c(ctypes.addressof(array), ctypes.addressof(schema))

    def compare(self, batch, what):
        schema, array = ctypes.create_string_buffer(72), ctypes.create_string_buffer(80)
        batch._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
        says = self.lib.bench_compare(self.handle, ctypes.addressof(schema), ctypes.addressof(array))
        assert says is None, f"seed {self.seed}: {what}: {says.decode()}"

    def types(self):
        return [self.lib.bench_type(self.handle, i).decode() for i in range(COLUMNS)]

    def text(self, column, row):
        text = self.lib.bench_text(self.handle, column, row)
        return None if text is None else text.decode()

    def close(self):
        self.lib.bench_close(self.handle)


def benches(rows=ROWS):
    pyarrow()
    lib = library()
    for seed in SEEDS:
        bench = Bench(lib, seed, 1 + seed % 5, rows)
        yield bench
        bench.close()


def test_pyarrow_finds_every_array_sound_and_gives_it_back(_work):
    for bench in benches():
        batch = bench.batch()
        batch.validate(full=True)
        assert batch.num_rows == ROWS
        bench.compare(batch, "as it came")


def test_batches_without_rows_are_sound(_work):
    for bench in benches(rows=0):
        batch = bench.batch()
        batch.validate(full=True)
        bench.compare(batch, "no rows")


def remade(pa, array):
    """The same values from Python objects, in buffers that pyarrow filled; None where Python has no such values."""
    try:
        values = array.to_pylist()
        made = pa.array(values, type=array.type)
    except (ValueError, TypeError, OverflowError, ImportError, NotImplementedError, pa.ArrowException):
        return None
    return made


def test_values_that_pyarrow_understands_are_those_we_meant(_work):
    pa = pyarrow()
    kinds = set()
    for bench in benches():
        batch = bench.batch()
        columns = [remade(pa, column) for column in batch.columns]
        kinds.update(str(c.type).split("<")[0].split("[")[0].split("(")[0] for c in columns if c is not None)
        columns = [b if a is None else a for a, b in zip(columns, batch.columns)]
        bench.compare(pa.RecordBatch.from_arrays(columns, schema=batch.schema), "made again")
    missing = {"list", "struct", "map", "decimal128", "decimal256", "string", "dictionary"} - kinds
    assert not missing, f"never made again: {missing}"


def shifted(pa, batch):
    """A slice, whose buffers begin before its first row."""
    doubled = pa.Table.from_batches([batch, batch]).combine_chunks().to_batches()[0]
    return doubled.slice(batch.num_rows)


def test_slices_of_pyarrow_are_read(_work):
    pa = pyarrow()
    for bench in benches():
        batch = bench.batch()
        if not any(pa.types.is_dictionary(field.type) for field in batch.schema):
            bench.compare(shifted(pa, batch), "a slice")


def other_layout(pa, array):
    kind = array.type
    if pa.types.is_string(kind):
        return [array.cast(pa.large_string()), array.cast(pa.string_view()), array.dictionary_encode()]
    if pa.types.is_binary(kind):
        return [array.cast(pa.large_binary()), array.cast(pa.binary_view()), array.dictionary_encode()]
    if pa.types.is_date32(kind):
        return [array.cast(pa.date64())]
    if pa.types.is_list(kind):
        offsets = array.offsets.cast(pa.int64())
        large = pa.large_list(kind.value_field)
        return [pa.LargeListArray.from_arrays(offsets, array.values, type=large, mask=array.is_null())]
    if pa.types.is_int64(kind) or pa.types.is_decimal128(kind):
        return [array.dictionary_encode()]
    return [array]


def test_other_layouts_of_the_same_values_are_read(_work):
    pa = pyarrow()
    for bench in benches():
        batch = bench.batch()
        choices = [other_layout(pa, column) for column in batch.columns]
        for turn in range(3):
            columns = [choice[turn % len(choice)] for choice in choices]
            names = batch.schema.names
            bench.compare(pa.RecordBatch.from_arrays(columns, names=names), f"layout {turn}")


def agrees(text, value):
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, int):
        return int(text) == value
    if isinstance(value, decimal.Decimal):
        return decimal.Decimal(text) == value and len(text.partition(".")[2]) == max(-value.as_tuple().exponent, 0)
    if isinstance(value, datetime.datetime):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) == value
    if isinstance(value, datetime.time):
        return datetime.time.fromisoformat(text) == value
    if isinstance(value, datetime.date):
        return datetime.date.fromisoformat(text) == value
    if isinstance(value, float):
        return repr(float(text)) == repr(value)
    return text == value if isinstance(value, str) else True


def test_texts_say_what_pyarrow_says(_work):
    pa = pyarrow()
    kinds = set()
    for bench in benches():
        batch = bench.batch()
        for i, column in enumerate(batch.columns):
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            if pa.types.is_nested(kind) or pa.types.is_float16(kind) or pa.types.is_float32(kind):
                continue  # Python has doubles only, whose shortest text is another
            try:
                values = column.to_pylist()
            except (ValueError, OverflowError, ImportError):
                continue
            for row, value in enumerate(values):
                text = bench.text(i, row)
                kinds.add(type(value).__name__)
                same = text is None if value is None else agrees(text, value)
                assert same, f"seed {bench.seed}: {column.type}: {text!r}, pyarrow says {value!r}"
    missing = {"int", "Decimal", "str", "date", "time", "datetime", "float", "bool"} - kinds
    assert not missing, f"never compared: {missing}"


t.main(globals())
