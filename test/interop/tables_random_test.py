"""Random tables made through the command line: what scan says, what pyarrow reads from the raw files, and a plain model agree.

Schemas have columns of every type, lists, structs and maps among them. Inputs are Parquet, Arrow, NDJSON and CSV files, some
of narrower types and with members of structs in another order; ingests stand between splits, merges of partitions and
compactions of every strategy. The raw files are those that partition show names, each clipped to its interval in Python.

TABLES=100 runs so many tables instead of the few of the ordinary suite, SEED=n begins with another.
"""

import datetime
import decimal
import json
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.parquet as pq

TABLES = int(os.environ.get("TABLES", "2"))
SEED = int(os.environ.get("SEED", "1"))
STRATEGIES = ["size-ratio", "basic", "leveled", "time-window"]

# ---- Types and values ----

FLAT = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(),
        pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.timestamp("ms"), pa.timestamp("us", "UTC"),
        pa.time32("ms"), pa.time64("us"), pa.string(), pa.binary(), pa.binary(3), pa.decimal128(9, 2), pa.decimal128(38, 4)]

NARROW = {pa.int64(): pa.int32(), pa.int32(): pa.int16(), pa.uint32(): pa.uint8(), pa.float64(): pa.float32(),
          pa.timestamp("us"): pa.timestamp("ms"), pa.decimal128(38, 4): pa.decimal128(20, 4), pa.uint64(): pa.uint16()}


def random_type(g, depth):
    if depth == 0 or g.random() < 0.5:
        return g.choice(FLAT)
    kind = g.randrange(3)
    if kind == 0:
        return pa.list_(random_type(g, depth - 1))
    if kind == 1:
        return pa.struct([("m%d" % i, random_type(g, depth - 1)) for i in range(g.randrange(1, 4))])
    return pa.map_(g.choice([pa.string(), pa.int64(), pa.date32()]), random_type(g, depth - 1))


def narrowed(g, type, is_text):
    """A type whose values become those of `type` without loss. The shortest text of a float is that of another double."""
    if pa.types.is_map(type):
        return pa.map_(type.key_type, narrowed(g, type.item_type, is_text))
    if pa.types.is_list(type):
        return pa.list_(narrowed(g, type.value_type, is_text))
    if pa.types.is_struct(type):
        members = [(f.name, narrowed(g, f.type, is_text)) for f in type if g.random() < 0.8] or [(type[0].name, type[0].type)]
        g.shuffle(members)
        return pa.struct(members)
    if is_text and pa.types.is_floating(type):
        return type
    return NARROW.get(type, type) if g.random() < 0.5 else type


def random_flat(g, type):
    if pa.types.is_integer(type):
        low, high = (-2 ** (type.bit_width - 1), 2 ** (type.bit_width - 1) - 1)
        if pa.types.is_unsigned_integer(type):
            low, high = 0, 2 ** type.bit_width - 1
        return g.choice([low, high, g.randint(low, high), g.randint(0, 9)])
    if pa.types.is_float16(type):
        return g.choice([0.0, 1.5, -2.25, g.randrange(-1000, 1000) / 8])
    if pa.types.is_float32(type):
        return g.choice([0.0, -0.0, 1.5, struct.unpack("f", struct.pack("f", g.gauss(0, 1e6)))[0]])
    if pa.types.is_floating(type):
        return g.choice([0.0, -0.0, 1.5, float("inf"), g.gauss(0, 1e6)])
    if pa.types.is_boolean(type):
        return g.random() < 0.5
    if pa.types.is_date(type):
        return datetime.date(1, 1, 1) + datetime.timedelta(days=g.randrange(3652000))
    if pa.types.is_timestamp(type):
        step = datetime.timedelta(milliseconds=g.randrange(-10 ** 13, 10 ** 13))
        zone = datetime.timezone.utc if type.tz else None
        return datetime.datetime(1970, 1, 1, tzinfo=zone) + step
    if pa.types.is_time(type):
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=g.randrange(86400000))).time()
    if pa.types.is_string(type):
        return "".join(g.choice("ab ,\"'\\\n{}[]é😀") for _ in range(g.choice([0, 1, 3, 30])))
    if pa.types.is_decimal(type):
        whole = g.randrange(-10 ** type.precision + 1, 10 ** type.precision)
        with decimal.localcontext() as context:
            context.prec = 50
            return decimal.Decimal(whole).scaleb(-type.scale)
    return g.randbytes(type.byte_width if pa.types.is_fixed_size_binary(type) else g.choice([0, 1, 5, 40]))


def random_value(g, type):
    if g.random() < 0.15:
        return None
    if pa.types.is_map(type):
        keys = {random_flat(g, type.key_type) for _ in range(g.choice([0, 1, 3]))}
        return [(key, random_value(g, type.item_type)) for key in keys]
    if pa.types.is_list(type):
        return [random_value(g, type.value_type) for _ in range(g.choice([0, 1, 2, 5]))]
    if pa.types.is_struct(type):
        return {f.name: random_value(g, f.type) for f in type}
    return random_flat(g, type)


def plain(value, type):
    """The value as it compares: members in the order of the table's type, the missing ones null."""
    if value is None:
        return "null"
    if pa.types.is_map(type):
        return "{" + ", ".join("%r: %s" % (k, plain(v, type.item_type)) for k, v in value) + "}"
    if pa.types.is_list(type):
        return "[" + ", ".join(plain(v, type.value_type) for v in value) + "]"
    if pa.types.is_struct(type):
        return "(" + ", ".join(plain(value.get(f.name), f.type) for f in type) + ")"
    return repr(float(value)) if pa.types.is_floating(type) else repr(value)


def plain_rows(table, schema):
    columns = [[plain(v, f.type) for v in table[f.name].to_pylist()] for f in schema]
    return list(zip(*columns)) if len(table) else []


# ---- A table ----


class World:
    def __init__(self, work, seed):
        self.g = random.Random(seed)
        self.work = "%s/%d" % (work, seed)
        self.instance = self.work + "/i"
        self.rows = []
        self.step = 0
        os.makedirs(self.work)
        keys = [("k", self.g.choice([pa.string(), pa.int64()]))] + ([("k2", pa.int64())] if self.g.random() < 0.4 else [])
        self.keys = [name for name, _ in keys]
        sort = [("s", self.g.choice([pa.date32(), pa.int32(), pa.string()]))] if self.g.random() < 0.5 else []
        values = [("v%d" % i, random_type(self.g, 3)) for i in range(self.g.randrange(1, 6))]
        self.schema = pa.schema([pa.field(name, type, nullable=False) for name, type in keys + sort] +
                                [pa.field(name, type) for name, type in values])
        self.key_count = len(keys + sort)
        pq.write_table(self.schema.empty_table(), self.work + "/like.parquet")
        self.run("init")
        self.run("table", "create", "t", "--like", self.work + "/like.parquet", "--row-key", ",".join(self.keys),
                 *(["--sort-key", "s"] if sort else []), "--set", "parquet.rowgroup.rows.max=1024",
                 "--set", "compaction.files.batch.size=%d" % self.g.randrange(2, 5),
                 "--set", "parquet.writer.version=" + self.g.choice(["v1", "v2"]))

    def run(self, *args):
        return t.run(*args, instance=self.instance)

    def key_value(self, type):
        return self.g.choice("abcdefgh") * self.g.randrange(1, 3) if pa.types.is_string(type) else self.g.randrange(-20, 20)

    def random_table(self, schema, rows):
        arrays = []
        for i, field in enumerate(schema):
            make = lambda: random_value(self.g, field.type)
            if i < self.key_count:
                make = (lambda: random_flat(self.g, field.type)) if field.name == "s" else (lambda: self.key_value(field.type))
            arrays.append(pa.array([make() for _ in range(rows)], field.type))
        return pa.table(arrays, schema=schema)

    def ingest(self):
        self.step += 1
        rows = self.g.choice([0, 1, 20, 200, 3000 if self.g.random() < 0.2 else 50])
        path = "%s/in%d" % (self.work, self.step)
        schema = self.schema
        form = self.g.choice(["parquet", "arrow", "ndjson", "csv"])
        is_text = form in ("ndjson", "csv")
        if self.g.random() < 0.4:
            schema = pa.schema([f if f.name in self.keys + ["s"] else f.with_type(narrowed(self.g, f.type, is_text))
                                for f in schema])
        table = self.random_table(schema, rows)
        pq.write_table(table, path + ".parquet", row_group_size=self.g.choice([7, 1000]))
        if form == "arrow":
            with pa.ipc.new_stream(path + ".arrow", schema) as stream:
                stream.write_table(table, max_chunksize=self.g.choice([5, 1000]))
        elif form != "parquet":
            self.run("cat", path + ".parquet", "-o", form, "--output", path + "." + form)
        strategy = self.g.choice(["auto", "one_file_per_leaf", "one_reference_per_leaf"])
        self.run("ingest", "t", path + "." + form, "--file-strategy", strategy, "--threads", str(self.g.randrange(1, 4)))
        self.rows += plain_rows(table, self.schema)

    def split(self):
        key = []
        for name in self.keys:
            key.append(str(self.key_value(self.schema.field(name).type)))
        if len(self.partitions()) < 6 and all(p["from"] != ",".join(key) for p in self.partitions()):
            self.run("partition", "split", "t", "--at=" + ",".join(key))

    def compact(self):
        if self.g.random() < 0.2:
            self.run("compact", "t", "--all", "--memory", self.g.choice(["64MB", "1GB"]), "--threads", "2")
        else:
            self.run("compact", "t", "--strategy", self.g.choice(STRATEGIES), "--threads", str(self.g.randrange(1, 3)))

    def lines(self, *args):
        return [json.loads(line) for line in self.run(*args, "-o", "ndjson").decode().splitlines()]

    def partitions(self):
        return self.lines("partition", "list", "t")

    def key_of(self, text):
        """A row key as it compares. Texts here are plain letters, which need no quotes."""
        values = text.split(",")
        return tuple(v.encode() if pa.types.is_string(self.schema.field(n).type) else int(v) for n, v in zip(self.keys, values))

    def raw_rows(self):
        paths = {}
        for folder, _, names in os.walk(self.instance):
            paths.update({name: os.path.join(folder, name) for name in names})
        got = []
        for partition in self.partitions():
            for reference in self.lines("partition", "show", "t", str(partition["partition"])):
                table = pq.read_table(paths[os.path.basename(reference["file"])])
                assert self.schema.names == [n for n in table.schema.names if n in self.schema.names], "other columns"
                for field in self.schema:
                    assert table.schema.field(field.name).type == field.type, "%s has another type" % field
                got += self.clip(table, [partition, reference])
        return got

    def clip(self, table, intervals):
        keys = list(zip(*[[v.encode() if isinstance(v, str) else v for v in table[n].to_pylist()] for n in self.keys]))
        assert keys == sorted(keys), "a data file is out of order"
        inside = [all((i["from"] is None or self.key_of(i["from"]) <= key) and (i["to"] is None or key < self.key_of(i["to"]))
                      for i in intervals) for key in keys]
        return plain_rows(table.filter(pa.array(inside, pa.bool_())), self.schema)

    def check(self):
        want = sorted(self.rows)
        scan = pa.ipc.open_stream(self.run("scan", "t", "-o", "arrow")).read_all()
        assert sorted(plain_rows(scan, self.schema)) == want, "scan gives other rows"
        assert sorted(self.raw_rows()) == want, "pyarrow reads other rows from the raw files"
        self.run("check", "t")

    def check_texts(self):
        """What scan prints is read back to the same rows."""
        for form in ("parquet", "ndjson", "csv"):
            path = "%s/out.%s" % (self.work, form)
            self.run("scan", "t", "-o", form, "--output", path)
            self.run("table", "create", form, "--like", self.work + "/like.parquet", "--row-key", ",".join(self.schema.names[:self.key_count]))
            self.run("ingest", form, path)
            back = pa.ipc.open_stream(self.run("scan", form, "-o", "arrow")).read_all()
            assert sorted(plain_rows(back, self.schema)) == sorted(self.rows), "%s loses something" % form


def test_scan_and_pyarrow_over_the_raw_files_agree_with_a_model(work):
    for seed in range(SEED, SEED + TABLES):
        world = World(work, seed)
        try:
            for _ in range(world.g.randrange(6, 14)):
                world.g.choice([world.ingest, world.ingest, world.split, world.compact])()
            world.check()
            world.check_texts()
        except BaseException as e:
            e.add_note("again: SEED=%d TABLES=1; %s" % (seed, world.schema.to_string(show_field_metadata=False)))
            raise


def test_nested_columns_are_sorted_and_merged_with_little_memory(work):
    g = random.Random(SEED)
    rows, count = 100000, 20000
    instance = work + "/i"
    type = pa.struct([("t", pa.map_(pa.string(), pa.list_(pa.int64()))), ("x", pa.binary())])
    some = [random_value(g, type) for _ in range(1000)]
    column = pa.array(some, type).take(pa.array([g.randrange(1000) for _ in range(rows)]))
    keys = list(range(rows))
    g.shuffle(keys)
    texts = pa.array(["%08d" % (key * 7919 % 10 ** 8) * 10 for key in keys])
    table = pa.table([pa.array(keys, pa.int64()), column, texts], schema=pa.schema([
        pa.field("k", pa.int64(), nullable=False), pa.field("v", type), pa.field("w", pa.string())]))
    pq.write_table(table, work + "/in.parquet", row_group_size=count)
    t.run("init", instance=instance)
    t.run("table", "create", "t", "--like", work + "/in.parquet", "--row-key", "k", instance=instance)
    want = table.sort_by("k").combine_chunks()
    for half in (table.slice(0, rows // 2), table.slice(rows // 2)):
        pq.write_table(half, work + "/half.parquet", row_group_size=count)
        t.run("ingest", "t", work + "/half.parquet", "--memory", "16MiB", "--threads", "2", instance=instance)
    for _ in range(2):
        got = pa.ipc.open_stream(t.run("scan", "t", "-o", "arrow", instance=instance)).read_all().combine_chunks()
        for name in want.schema.names:
            assert got[name].cast(want[name].type).equals(want[name]), "column %s differs" % name
        t.run("compact", "t", "--all", "--memory", "16MiB", "--threads", "2", instance=instance)
    t.run("check", "t", instance=instance)


t.main(globals())
