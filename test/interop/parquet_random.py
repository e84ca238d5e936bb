"""Rows of any Arrow table as plain values that tables of several readers can be compared by.

Lists and maps become lists, structs and entries tuples: names do not count, nor does whether a reader knows maps.
Moments become whole numbers in the unit that both sides have; floats become their bits, every NaN the same.
"""
import glob
import os
import struct

import pyarrow as pa
import pyarrow.ipc

NANOS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def lists(values, lengths):
    out, at = [], 0
    for length in lengths:
        out.append(None if length is None else values[at:at + length])
        at += length or 0
    return out


def float_of(value, code):
    return None if value is None else b"nan" if value != value else struct.pack(code, value)


def plain(array):
    """The values of an array as Python has them."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return plain_lists(array)
    if pa.types.is_struct(kind):
        members = [plain(member) for member in array.flatten()]
        rows = list(zip(*members)) if members else [()] * len(array)
        return [row if is_there else None for row, is_there in zip(rows, array.is_valid().to_pylist())]
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind) or pa.types.is_duration(kind):
        return [None if v is None else v * NANOS[kind.unit] for v in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_time32(kind):
        return [None if v is None else v * NANOS[kind.unit] for v in array.cast(pa.int32()).to_pylist()]
    if pa.types.is_date32(kind):
        return array.cast(pa.int32()).to_pylist()
    if pa.types.is_float16(kind):
        return [float_of(v, "<e") for v in array.to_pylist()]
    if pa.types.is_floating(kind):
        return [float_of(v, "<f" if kind == pa.float32() else "<d") for v in array.to_pylist()]
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return array.cast(pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary()).to_pylist()
    if pa.types.is_decimal(kind):
        return [None if v is None else int(v.scaleb(kind.scale, context=WIDE)) for v in array.to_pylist()]
    return array.to_pylist()


def plain_lists(array):
    """Lists by their offsets: a null one may hold items that do not count."""
    offsets = array.offsets.to_pylist()
    valid = array.is_valid().to_pylist()
    if pa.types.is_map(array.type):
        items = list(zip(plain(array.keys[offsets[0]:offsets[-1]] if array.offset == 0 else array.keys),
                         plain(array.items[offsets[0]:offsets[-1]] if array.offset == 0 else array.items)))
    else:
        items = plain(array.values[offsets[0]:offsets[-1]])
    first = offsets[0]
    return [items[a - first:b - first] if is_there else None for a, b, is_there in zip(offsets, offsets[1:], valid)]


import decimal

WIDE = decimal.Context(prec=100)


def column_of(table, i):
    values = []
    for chunk in table.column(i).chunks:
        values += plain(pa.concat_arrays([chunk]))
    return values


def unit_of(kind):
    return NANOS[kind.unit] if pa.types.is_timestamp(kind) or pa.types.is_time(kind) else 1


def children(kind):
    if pa.types.is_map(kind):
        return [kind.key_type, kind.item_type]
    if pa.types.is_struct(kind):
        return [f.type for f in kind]
    return [kind.value_type]


def is_nested(kind):
    return pa.types.is_map(kind) or pa.types.is_struct(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)


def like(value, kind, other, weak=False):
    """`value` of type `kind` as a reader has it that says `other`: moments in its unit, text as its bytes. `weak`: a reader
    without null lists and structs, which are empty there, or made of nulls."""
    if is_nested(kind):
        items = children(kind)
        others = children(other)
        if pa.types.is_map(kind) and not pa.types.is_map(other):
            others = children(others[0])
        if pa.types.is_struct(kind):
            value = tuple([None] * len(items)) if value is None and weak else value
            return None if value is None else tuple(like(v, k, o, weak) for v, k, o in zip(value, items, others))
        if value is None:
            return [] if weak else None
        if pa.types.is_map(kind):
            return [tuple(like(v, k, o, weak) for v, k, o in zip(entry, items, others)) for entry in value]
        return [like(v, items[0], others[0], weak) for v in value]
    if value is None:
        return None
    if pa.types.is_string(kind) and (pa.types.is_binary(other) or pa.types.is_large_binary(other)):
        return value.encode()
    if unit_of(other) > unit_of(kind):
        return value // unit_of(other) * unit_of(other)
    return value


def assert_equal(expected, got, name, weak=False):
    assert expected.num_rows == got.num_rows, "%s: %d rows, wanted %d" % (name, got.num_rows, expected.num_rows)
    assert expected.num_columns == got.num_columns, "%s: columns %s, wanted %s" % (name, got.column_names, expected.column_names)
    for i, field in enumerate(expected.schema):
        other = got.schema.field(i).type
        want = [like(v, field.type, other, weak) for v in column_of(expected, i)]
        have = column_of(got, i)
        for row, (a, b) in enumerate(zip(want, have)):
            assert a == b, "%s: column %s (%s, read as %s), row %d: %r, wanted %r" % (name, field.name, field.type, other, row, b, a)


def pairs(folder, classes):
    """(path of the Parquet file, its rows) of each file of these classes."""
    for name in classes:
        paths = sorted(glob.glob("%s/%s_*.parquet" % (folder, name)))
        assert paths, "no files in %s" % folder
        for path in paths:
            with pa.ipc.open_stream(path[:-len("parquet")] + "arrow") as stream:
                yield path, stream.read_all()
