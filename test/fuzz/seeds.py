"""Seeds of the fuzz targets that take pieces of Parquet files, Arrow streams and compressed blocks.

    .venv/bin/python test/fuzz/seeds.py                    writes them below test/fuzz/corpus
    .venv/bin/python test/fuzz/seeds.py --files FOLDER     writes larger whole files, for make mutations

pyarrow writes small files; pages, headers, indexes and footers are cut out of them. What others do not write any more
(packed levels, LZ4 as Hadoop frames it, bloom filters here) is put together by hand. Seeds are named after what they
are; inputs that a fuzzer found have other names and are left alone.
"""
import gzip
import io
import os
import random
import struct
import sys
import zlib
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")

# Which column of the table in pages.h has the type.
COLUMN = {"i32": 0, "i8": 1, "i64": 2, "text": 3, "bool": 4, "double": 5, "int96": 6, "fixed3": 7, "dec5": 8, "float": 11,
          "half": 13, "dec256": 15}


def put(target, name, data):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


class Thrift:
    """The compact protocol, as far as finding the end and the numbers of a struct needs it."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def number(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            self.at += 1
            return self.data[self.at - 1]
        if kind in (4, 5, 6):
            return self.number()
        if kind == 8:
            size = self.varint()
            self.at += size
            return self.data[self.at - size:self.at]
        if kind in (9, 10):
            head = self.data[self.at]
            self.at += 1
            count = head >> 4 if head >> 4 < 15 else self.varint()
            return [self.value(head & 15) for _ in range(count)]
        assert kind == 12, kind
        return self.struct()

    def struct(self):
        fields, last = {}, 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return fields
            last = last + (head >> 4) if head >> 4 else self.number()
            fields[last] = self.value(head & 15)


def table(rows, nulls, seed):
    r = random.Random(seed)

    def column(make, kind):
        return pa.array([None if nulls and r.randrange(4) == 0 else make(i) for i in range(rows)], kind)

    return pa.table({
        "i32": column(lambda i: r.choice([i * 3, r.randrange(-2**31, 2**31)]), pa.int32()),
        "i8": column(lambda i: r.randrange(-128, 128), pa.int8()),
        "i64": column(lambda i: i * 1000 + r.randrange(9), pa.int64()),
        "text": column(lambda i: "key%04d%s" % (i, "x" * r.randrange(9)), pa.string()),
        "bool": column(lambda i: i % 7 < 3, pa.bool_()),
        "double": column(lambda i: i / 3, pa.float64()),
        "fixed3": column(lambda i: r.randbytes(3), pa.binary(3)),
        "dec5": column(lambda i: Decimal(r.randrange(-10**9, 10**9)), pa.decimal128(10, 0)),
        "float": column(lambda i: i / 7, pa.float32()),
        "half": column(lambda i: i / 8, pa.float16()),
        "dec256": column(lambda i: Decimal(r.randrange(-10**40, 10**40)), pa.decimal256(70, 0)),
    })


def written(rows, **options):
    out = io.BytesIO()
    pq.write_table(rows, out, **options)
    return out.getvalue()


def footer_of(data):
    size = struct.unpack("<I", data[-8:-4])[0]
    return data[-8 - size:-8]


def pages_of(data, column):
    """(header fields, header and body, body) of each page of a chunk of the first row group."""
    meta = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(column)
    at = meta.dictionary_page_offset or meta.data_page_offset
    end = at + meta.total_compressed_size
    while at < end:
        thrift = Thrift(data, at)
        header = thrift.struct()
        body = data[thrift.at:thrift.at + header[3]]
        yield header, data[at:thrift.at + header[3]], body
        at = thrift.at + header[3]


def encoding_seed(target, name, column, rows, nulls, page, dictionary=b"", level_bytes=0, v2=False, portion=30):
    head = struct.pack("<BBBBHH", COLUMN[column], nulls | v2 << 1, portion, level_bytes, rows, len(dictionary))
    put(target, name, head + dictionary + page)


ENCODINGS = {
    "plain": ("PLAIN", ["i32", "i8", "i64", "text", "bool", "double", "fixed3", "dec5", "float", "half", "dec256"]),
    "delta": ("DELTA_BINARY_PACKED", ["i32", "i64"]),
    "delta_lengths": ("DELTA_LENGTH_BYTE_ARRAY", ["text"]),
    "delta_strings": ("DELTA_BYTE_ARRAY", ["text", "fixed3", "dec5"]),
    "split": ("BYTE_STREAM_SPLIT", ["i32", "i64", "double", "float", "half", "fixed3", "dec5"]),
    "rle": ("RLE", ["bool"]),
}


def not_null(rows):
    return rows.cast(pa.schema([pa.field(f.name, f.type, nullable=False) for f in rows.schema]))


def encodings():
    for target, (encoding, columns) in ENCODINGS.items():
        for name in columns:
            for nulls, version, rows in ((0, "1.0", 9), (1, "1.0", 140), (1, "2.0", 70)):
                picked = table(rows, nulls, rows).select([name])
                picked = picked if nulls else not_null(picked)
                data = written(picked, use_dictionary=False, column_encoding={name: encoding}, compression="none",
                               data_page_version=version)
                header, _, body = next(pages_of(data, 0))
                v2 = version == "2.0"
                encoding_seed(target, "%s_%d_v%s" % (name, rows, version[0]), name, rows, nulls, body,
                              level_bytes=header[8][5] if v2 else 0, v2=v2)
    for name in ("i32", "text", "double", "fixed3"):
        for nulls, distinct in ((0, 1), (1, 9), (1, 60)):
            picked = table(distinct, 0, 3).select([name]).take([(i * i) % distinct for i in range(120)])
            if nulls:
                picked = pa.table({name: [None if i % 5 == 0 else v for i, v in enumerate(picked.column(0).to_pylist())]},
                                  schema=picked.schema)
            else:
                picked = not_null(picked)
            first, second = list(pages_of(written(picked, compression="none"), 0))
            encoding_seed("dictionary", "%s_%d" % (name, distinct), name, 120, nulls, second[2], first[2])


def nested(rows):
    r = random.Random(rows)
    kind = pa.list_(pa.list_(pa.struct([("a", pa.int32())])))
    value = lambda: None if r.randrange(5) == 0 else [[{"a": r.randrange(9)} for _ in range(r.randrange(4))]
                                                       for _ in range(r.randrange(3))]
    return pa.table({"n": pa.array([value() for _ in range(rows)], kind)})


def packed(levels, width):
    bits = "".join(format(v, "0%db" % width) for v in levels)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def levels():
    for rows in (3, 60):
        for version in ("1.0", "2.0"):
            header, _, body = next(pages_of(written(nested(rows), compression="none", data_page_version=version,
                                                    use_dictionary=False), 0))
            meta = header[8] if version == "2.0" else header[5]
            v2 = version == "2.0"
            sizes = (meta[6], meta[5]) if v2 else (0, 0)
            put("levels", "nested_%d_v%s" % (rows, version[0]),
                struct.pack("<BBBBHBB", 6, 2, v2 << 2, 30, meta[1], *sizes) + body)
    r = random.Random(1)
    for name, d_max, r_max in (("narrow", 1, 0), ("wide", 7, 3), ("full", 200, 7)):
        count = 90
        body = packed([r.randrange(r_max + 1) for _ in range(count)], r_max.bit_length()) if r_max else b""
        body += packed([r.randrange(d_max + 1) for _ in range(count)], d_max.bit_length())
        put("levels", "packed_" + name, struct.pack("<BBBBHBB", d_max, r_max, 3, 20, count, 0, 0) + body)


def codecs():
    text = b"".join(b"%d bottles, " % i for i in range(40))
    for name, kind in (("snappy", 1), ("gzip", 2), ("brotli", 4), ("zstd", 6), ("lz4_raw", 7), ("lz4", 8)):
        put("codecs", "frame_lz4" if kind == 8 else name,
            struct.pack("<BH", kind, len(text)) + pa.compress(text, codec=name, asbytes=True))
    put("codecs", "none", struct.pack("<BH", 0, 20) + text[:20])
    put("codecs", "gzip_members", struct.pack("<BH", 2, 40) + gzip.compress(text[:20], mtime=0) + gzip.compress(text[20:40], mtime=0))
    put("codecs", "gzip_names", struct.pack("<BH", 2, len(text)) + b"\x1f\x8b\x08\x08\0\0\0\0\0\3name\0" +
        zlib.compress(text)[2:-4] + struct.pack("<II", zlib.crc32(text), len(text)))
    block = pa.compress(text, codec="lz4_raw", asbytes=True)
    put("codecs", "hadoop_lz4", struct.pack("<BH", 5, len(text)) + struct.pack(">II", len(text), len(block)) + block)
    two = [pa.compress(part, codec="lz4_raw", asbytes=True) for part in (text[:50], text[50:])]
    put("codecs", "hadoop_lz4_two", struct.pack("<BH", 5, len(text)) + struct.pack(">II", 50, len(two[0])) + two[0] +
        struct.pack(">II", len(text) - 50, len(two[1])) + two[1])
    put("codecs", "lz4_unframed", struct.pack("<BH", 5, len(text)) + block)


def chunks():
    """Chunks for page_header, indexes, footers and headers for thrift."""
    rows = table(300, 1, 4)
    kinds = {"none": 0, "snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6, "lz4": 7}
    for at, (codec, number) in enumerate(kinds.items()):
        name = ["i32", "text", "double", "i64", "fixed3", "bool"][at]
        data = written(rows.select([name]), compression=codec, data_page_size=200, write_batch_size=40,
                       data_page_version=["1.0", "2.0"][at % 2], write_page_index=True, write_page_checksum=True)
        chunk = b"".join(page for _, page, _ in pages_of(data, 0))
        put("page_header", "%s_%s" % (codec, name), bytes([COLUMN[name], 3, number]) + chunk[:3000])
        put("thrift", "header_" + codec, next(pages_of(data, 0))[1][:60])
        footer = Thrift(footer_of(data)).struct()
        group = footer[4][0][1][0]
        column_index = data[group[6]:group[6] + group[7]]
        offset_index = data[group[4]:group[4] + group[5]]
        put("index", name, struct.pack("<BHH", COLUMN[name], 300, len(column_index)) + column_index + offset_index)
        put("thrift", "column_index_" + name, column_index[:400])
        put("thrift", "offset_index_" + name, offset_index[:200])
    put("thrift", "footer", footer_of(written(table(5, 1, 1).select(["i32", "text"]), store_schema=False)))


def blooms():
    # numBytes, BLOCK, XXHASH, UNCOMPRESSED, as parquet.thrift has the header.
    for blocks in (1, 4):
        size = Thrift(b"")
        zigzag = 32 * blocks * 2
        varint = bytes([zigzag]) if zigzag < 128 else bytes([zigzag & 127 | 128, zigzag >> 7])
        header = b"\x15" + varint + b"\x1c\x1c\x00\x00" * 3 + b"\x00"
        data = header + random.Random(blocks).randbytes(32 * blocks)
        put("bloom", "blocks_%d" % blocks, struct.pack("<BH", 0, len(data)) + data)
        put("bloom", "behind_%d" % blocks, struct.pack("<BH", 4, len(data)) + b"PAR1" + data)


def arrow():
    base = table(6, 1, 1).select(["i32", "text", "bool", "dec5"])
    deep = nested(5)
    words = pa.table({"w": pa.array(["a", "b", None, "a"]).dictionary_encode(), "t": pa.array([1, 2, 3, 4], pa.timestamp("us", "UTC"))})
    for name, rows, codec, is_file in (("flat", base, None, False), ("flat_file", base, None, True), ("nested", deep, None, False),
                                       ("words", words, None, False), ("zstd", base, "zstd", False), ("lz4", base, "lz4", False)):
        out = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression=codec)
        make = pa.ipc.new_file if is_file else pa.ipc.new_stream
        with make(out, rows.schema, options=options) as writer:
            writer.write_table(rows, max_chunksize=3)
        put("arrow", name, out.getvalue())


def whole_files():
    small = table(40, 1, 6)
    for at, codec in enumerate(("none", "snappy", "gzip", "brotli", "zstd", "lz4")):
        names = [["i32", "text"], ["double", "bool"], ["fixed3", "i8"], ["dec5", "float"], ["half", "i64"], ["dec256", "text"]][at]
        put("parquet", "pyarrow_" + codec,
            written(small.select(names), compression=codec, data_page_version=["1.0", "2.0"][at % 2], write_page_index=True,
                    data_page_size=60, write_batch_size=20, row_group_size=25, store_schema=False))
    maps = pa.table({"m": pa.array([[(1, ["a"])], None, [], [(2, []), (3, None)]], pa.map_(pa.int32(), pa.list_(pa.string()))),
                     "s": pa.array([{"x": 1, "y": [1]}, None, {"x": None, "y": None}, {"x": 2, "y": []}],
                                   pa.struct([("x", pa.int32()), ("y", pa.list_(pa.int16()))]))})
    put("parquet", "pyarrow_nested", written(maps, compression="none", store_schema=False))
    put("footer", "pyarrow", footer_of(written(small, store_schema=True)))
    put("footer", "pyarrow_nested", footer_of(written(maps, store_schema=False)))


def ranges():
    """Rows of the whole files, by page index where they have one."""
    for at, name in enumerate(sorted(os.listdir(os.path.join(CORPUS, "parquet")))):
        with open(os.path.join(CORPUS, "parquet", name), "rb") as f:
            data = f.read()
        if name.startswith("pyarrow_"):
            put("ranges", name[len("pyarrow_"):], bytes([3, 9, 2, 20, (0, 1, 3, 128, 131)[at % 5]]) + data)


def files(folder):
    """pyarrow's files with checksums, by codec, version of pages, nulls and encoding; DuckDB's and Polars' where they are."""
    os.makedirs(folder, exist_ok=True)
    path = lambda name: os.path.join(folder, name + ".parquet")
    for at, codec in enumerate(("none", "snappy", "gzip", "brotli", "zstd", "lz4")):
        for version in ("1.0", "2.0"):
            pq.write_table(table(400, at % 2, at), path("%s_v%s" % (codec, version[0])), compression=codec, data_page_size=400,
                           data_page_version=version, write_batch_size=50, row_group_size=250, write_page_index=True,
                           write_page_checksum=at != 1)
    for target, (encoding, columns) in ENCODINGS.items():
        pq.write_table(table(300, 1, 2).select(columns), path(target), use_dictionary=False, write_page_checksum=True,
                       column_encoding={name: encoding for name in columns}, data_page_size=500, write_batch_size=60)
    for version in ("1.0", "2.0"):
        pq.write_table(nested(300), path("nested_v" + version[0]), data_page_version=version, write_page_checksum=True,
                       data_page_size=300, write_batch_size=20)
    rows = table(400, 1, 3).drop_columns(["half", "dec256"])
    try:
        import duckdb
        with duckdb.connect() as con:
            con.register("t", rows)
            con.execute("copy t to '%s' (format parquet)" % path("duckdb"))
            con.execute("copy t to '%s' (format parquet, parquet_version v2)" % path("duckdb_v2"))
    except ImportError:
        print("skipped duckdb")
    try:
        import polars
        polars.from_arrow(rows.drop_columns(["fixed3"])).write_parquet(path("polars"), row_group_size=150)
    except ImportError:
        print("skipped polars")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--files"]:
        files(sys.argv[2])
        sys.exit()
    encodings()
    levels()
    codecs()
    chunks()
    blooms()
    arrow()
    whole_files()
    ranges()
