"""`sleeper inspect -o json` against pyarrow's metadata, of every Parquet file of others that pyarrow opens, and of ours."""

import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.parquet as pq


def inspect(path):
    return json.loads(t.run("inspect", path, "-o", "json"))


def same(got, want, what):
    assert got == want, "%s: inspect says %r, pyarrow %r" % (what, got, want)


def compare_chunk(ours, theirs, what):
    m = ours["meta_data"]
    same(".".join(m["path_in_schema"]), theirs.path_in_schema, what + " path")
    same(m["type"], theirs.physical_type, what + " type")
    same(m["num_values"], theirs.num_values, what + " values")
    same(m["codec"], theirs.compression if theirs.compression not in ("LZ4", "UNKNOWN") else m["codec"], what + " codec")
    if all(e in PYARROW_ENCODINGS for e in m["encodings"]):
        same(sorted(set(m["encodings"])), sorted(set(theirs.encodings)), what + " encodings")
    same(m["total_compressed_size"], theirs.total_compressed_size, what + " size")
    same(m["total_uncompressed_size"], theirs.total_uncompressed_size, what + " raw size")
    same(m["data_page_offset"], theirs.data_page_offset, what + " offset")
    same(m.get("bloom_filter_offset"), theirs.bloom_filter_offset, what + " bloom filter")
    same("offset_index_offset" in ours, theirs.has_offset_index, what + " offset index")
    same("column_index_offset" in ours, theirs.has_column_index, what + " column index")
    s = theirs.statistics
    if s is not None and "statistics" in m:
        same(m["statistics"].get("null_count"), s.null_count if s.has_null_count else None, what + " nulls")
        is_number = s.logical_type.type in ("NONE", "INT")
        if s.has_min_max and m["type"] in ("INT32", "INT64") and is_number and "min_value" in m["statistics"]:
            same(int(m["statistics"]["min_value"]), s.min, what + " min")
            same(int(m["statistics"]["max_value"]), s.max, what + " max")


PYARROW_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY",
                     "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"}


def data_pages(chunk):
    return [p for p in chunk.get("pages", ()) if p["type"].startswith("DATA_PAGE")]


def check_pages(chunk, what):
    """Pages that are shown fill the chunk, hold its values, and stand where the index says."""
    if "pages" not in chunk or "problem" in chunk:
        return
    m = chunk["meta_data"]
    values = sum(p[k]["num_values"] for p in data_pages(chunk) for k in ("data_page_header", "data_page_header_v2") if k in p)
    if m["num_values"]:
        same(values, m["num_values"], what + " values of pages")
    if "page_locations" in chunk.get("offset_index", ()):
        places = [x["offset"] for x in chunk["offset_index"]["page_locations"]]
        same([p["offset"] for p in data_pages(chunk)], places, what + " places of pages")


def compare(path):
    theirs = pq.ParquetFile(path).metadata
    ours = inspect(path)
    same(ours["kind"], "parquet", path)
    same(ours["num_rows"], theirs.num_rows, path + " rows")
    same(ours.get("created_by", ""), theirs.created_by or "", path + " created_by")
    same(ours["size"], os.path.getsize(path), path + " size")
    same(ours["footer_size"], theirs.serialized_size, path + " footer")
    same(len([e for e in ours["schema"] if "type" in e and not e.get("num_children")]), theirs.num_columns, path + " leaves")
    same(len(ours.get("row_groups", ())), theirs.num_row_groups, path + " row groups")
    for g, group in enumerate(ours.get("row_groups", ())):
        same(group["num_rows"], theirs.row_group(g).num_rows, "%s row group %d rows" % (path, g))
        same(group["total_byte_size"], theirs.row_group(g).total_byte_size, "%s row group %d bytes" % (path, g))
        for c, chunk in enumerate(group.get("columns", ())):
            what = "%s row group %d column %d" % (os.path.basename(path), g, c)
            compare_chunk(chunk, theirs.row_group(g).column(c), what)
            check_pages(chunk, what)
    return ours


def test_all_files_of_others_are_described_as_pyarrow_describes_them(work):
    folder = t.others_data() + "/parquet-testing"
    count = 0
    for path in sorted(glob.glob(folder + "/**/*.parquet", recursive=True)):
        if "bad_data" in path or os.path.getsize(path) > 4 << 20:
            continue
        try:
            pq.ParquetFile(path)
        except (OSError, pa.ArrowException):
            continue
        compare(path)
        count += 1
    print("%d files compared" % count)
    assert count > 100, count


def test_damaged_files_are_described_or_refused(work):
    for path in sorted(glob.glob(t.others_data() + "/parquet-testing/bad_data/*.parquet")):
        assert inspect(path)["kind"] == "parquet"
    path = work + "/a.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    whole = open(path, "rb").read()
    at = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    open(path, "wb").write(whole[:at] + b"\xff" * 8 + whole[at + 8 :])
    chunk = inspect(path)["row_groups"][0]["columns"][0]
    same(chunk["problem_offset"], at, "the damaged page")
    assert "page header" in chunk["problem"], chunk["problem"]
    open(path, "wb").write(whole[: len(whole) // 2])
    t.run("inspect", path, rc=8)


def test_what_we_write_shows_indexes_filters_and_sizes(work):
    path = work + "/a.parquet"
    pq.write_table(pa.table({"s": ["x%d" % (i % 7) for i in range(5000)], "l": [[i] * (i % 3) for i in range(5000)]}), work + "/from.parquet")
    t.run("cat", work + "/from.parquet", "-o", "parquet", "--output", path)
    ours = compare(path)
    first = ours["row_groups"][0]["columns"][0]
    same(first["column_index"]["min_values"][0], "x0", "least value")
    same(first["meta_data"]["statistics"]["max_value"], "x6", "greatest value")
    assert all("crc" in p for p in first["pages"]), first["pages"]


LISTS = pa.list_(pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]))


def nested_rows():
    """Every kind of null and of empty list, on both levels."""
    for i in range(3000):
        inner = [None, [], ["x"], ["y", None], ["z"] * 3][i % 5]
        yield [None, [], [None], [{"a": i, "b": inner}], [{"a": None, "b": inner}, {"a": i, "b": None}]][i // 7 % 5]


def level_counts(path):
    """Of each chunk its histograms, and of each of its pages; None for an empty one, which pyarrow writes."""
    for chunk in inspect(path)["row_groups"][0]["columns"]:
        m = chunk["meta_data"]
        sizes = m.get("size_statistics", {})
        index = chunk.get("column_index", {})
        for kind in ("repetition", "definition"):
            whole = sizes.get(kind + "_level_histogram") or None
            pages = index.get(kind + "_level_histograms") or None
            yield ".".join(m["path_in_schema"]), kind, whole, pages


def test_level_histograms_are_those_that_pyarrow_counts(work):
    """pyarrow's own metadata has no histograms to ask for: those it writes are shown by inspect, and ours compared."""
    theirs, ours = work + "/theirs.parquet", work + "/ours.parquet"
    field = pa.field("n", pa.int64(), nullable=False)
    table = pa.table([pa.array(nested_rows(), LISTS), pa.array([None if i % 3 else "t%d" % i for i in range(3000)]), range(3000)],
                     pa.schema([("l", LISTS), ("s", pa.string()), field]))
    pq.write_table(table, theirs, write_page_index=True)
    t.run("cat", theirs, "-o", "parquet", "--page-rows", "500", "--output", ours)
    assert pq.read_table(ours).equals(table)
    want = {(path, kind): whole for path, kind, whole, _ in level_counts(theirs)}
    found = 0
    for path, kind, whole, pages in level_counts(ours):
        same(whole, want[path, kind], path + " " + kind)
        if whole is None:
            same(pages, None, path + " pages")
            continue
        found += 1
        assert len(pages) == 6 * len(whole), (path, pages)
        same([sum(pages[i :: len(whole)]) for i in range(len(whole))], whole, path + " pages " + kind)
    same(found, 5, "histograms")


t.main(globals())
