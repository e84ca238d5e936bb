"""Reads Arrow IPC streams with pyarrow and holds them against the text beside them: rows_arrow_judge.py FOLDER

NAME.ndjson beside NAME.arrows has the same rows; NAME.types has a line for each column: name, tab, type as Arrow
writes it, tab, 1 if it may be null. Exit status 77: pyarrow is not installed.
"""
import base64
import datetime
import glob
import json
import math
import sys
from decimal import Decimal

try:
    import pyarrow
    import pyarrow.ipc
except ImportError:
    sys.exit(77)


def as_text(value, kind):
    """A value of pyarrow as the JSON beside it has it."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def time_text(nanos, utc):
    """A timestamp in nanoseconds as text, as many digits as it needs: none, 3, 6 or 9."""
    seconds, rest = divmod(nanos, 10**9)
    # The calendar repeats every 400 years, and datetime ends with year 9999.
    cycles, seconds = divmod(seconds, 146097 * 86400)
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    year = time.year + 400 * cycles
    text = ("%04d" if 0 <= year <= 9999 else "%+05d") % year + time.isoformat()[4:]
    for digits in (0, 3, 6, 9):
        if rest % 10 ** (9 - digits) == 0:
            break
    fraction = "." + str(rest // 10 ** (9 - digits)).zfill(digits) if digits else ""
    return text + fraction + ("Z" if utc else "")


def column_values(column):
    kind = column.type
    if pyarrow.types.is_timestamp(kind):
        factor = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[kind.unit]
        numbers = column.cast(pyarrow.int64()).to_pylist()
        return [None if n is None else time_text(n * factor, kind.tz is not None) for n in numbers]
    return [as_text(v, kind) for v in column.to_pylist()]


def is_same(a, b, kind):
    if pyarrow.types.is_float32(kind) and isinstance(a, float) and isinstance(b, (int, float, Decimal)):
        return pyarrow.scalar(float(b), pyarrow.float32()).as_py() == a
    if isinstance(a, float) and isinstance(b, (int, Decimal)):
        return a == float(b)
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def judge(path):
    with pyarrow.ipc.open_stream(path) as reader:
        table = reader.read_all()
    table.validate(full=True)
    with open(path[: -len(".arrows")] + ".types") as f:
        types = [line.rstrip("\n").split("\t") for line in f]
    got = [[f.name, str(f.type), "1" if f.nullable else "0"] for f in table.schema]
    assert got == types, f"{path}: {got} is not {types}"
    with open(path[: -len(".arrows")] + ".ndjson", encoding="utf-8") as f:
        rows = [json.loads(line, parse_float=Decimal) for line in f]
    assert table.num_rows == len(rows), f"{path}: {table.num_rows} rows, expected {len(rows)}"
    for i, name in enumerate(table.column_names):
        column = table.column(i)
        for row, value in enumerate(column_values(column)):
            expected = rows[row][name]
            assert is_same(value, expected, column.type), f"{path}: {name}, row {row}: {value!r}, expected {expected!r}"


files = sorted(glob.glob(sys.argv[1] + "/*.arrows"))
assert files
for path in files:
    judge(path)
