"""The Parquet codec against pyarrow, DuckDB and Polars, one thread each, in one run: make bench-codec.

    .venv/bin/python bench/codec.py [--rows N] [--rounds N] [--program PATH] [--only a,b,...] [--what read,write,floor,open]
                                    [--keep FOLDER] [--choices]

Ratios are what we hold; absolute times are noise. Every program takes its turn in every round, in a process of its own
that measures its CPU time, and medians are compared; the clock's time stands behind it, and is more where the machine
has other work. The page cache is warm. `--keep` names a folder in which the files of the shapes stay for the next run.

pyarrow writes with the encoding that we chose for each column, the same codec and level, page index and checksums;
DuckDB and Polars choose for themselves. We and pyarrow write into memory, the other two into a file, because they
cannot otherwise. Shapes:

    a   the benchmark rows of upstream: sorted key of 10 letters, long below 1e10, value of 10 letters
    a4  the same with a fourth column, nullable
    b   key of 20 bytes, timestamp, log line of about 100 bytes, sorted by key
    c   flights (tools/flights.sh)
    d   30 numeric columns with nulls
    e   nested: an order and its items, a list of structs of text, price and a nullable number
    f   strings of few values

`--choices` prints instead what each encoding makes of each shape: bytes and ns a row.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
FLIGHTS = os.path.join(REPO, "build", "data", "flights-3m.parquet")


# ---- the rows


WORD = " || ".join(["chr(97 + floor(random() * 26)::int)"] * 10)
LINE = """['GET', 'POST', 'PUT', 'DELETE'][1 + (random() * 3.999)::int % 4] || ' /api/v2/' ||
    ['orders', 'users', 'carts', 'items', 'search', 'login'][1 + (random() * 5.999)::int % 6] ||
    format('/{:d} HTTP/1.1 status={:d} duration_ms={:d} trace={:x} region=eu-west-{:d} host=web-{:d}',
    (random() * 1e7)::bigint, [200, 201, 304, 404, 500][1 + (random() * 4.999)::int % 5], (random() * 3000)::bigint,
    (random() * 1e12)::bigint, (random() * 3)::int, (random() * 50)::int)"""
NUMBERS = ["(random() * 1000 * {i})::int", "range * 25 + (random() * 50)::bigint", "round(100 + 20 * (random() + random() - 1), 2)",
           "random()::float", "(-20 * ln(1 - random()))::bigint", "(random() * 1e12)::bigint"]


def letters(nullable):
    extra = ", case when random() < 0.8 then %s end as extra" % WORD if nullable else ""
    return "select %s as key, (random() * 1e10)::bigint as number, %s as value%s from range({rows}) order by key" % (WORD, WORD, extra)


def log_lines():
    return """select format('user-{{:08d}}-{{:06d}}', (random() * 1e8)::bigint, (random() * 1e6)::bigint) as key,
        make_timestamp_ms(1700000000000 + (random() * 31536000000)::bigint) as time, %s as line
        from range({rows}) order by key""" % LINE.replace("{", "{{").replace("}", "}}")


def numbers():
    columns = []
    for i in range(30):
        value = NUMBERS[i % 6].replace("{i}", str(i + 1))
        columns.append("%s as c%d" % ("case when random() < 0.9 then %s end" % value if i % 2 else value, i))
    return "select %s from range({rows})" % ", ".join(columns)


def few():
    columns = []
    for i, count in enumerate((3, 12, 80, 300, 1000, 2500)):
        pick = "least(%d, (-%d * ln(1 - random()))::int)" % (count - 1, count / 4) if i % 2 else "(random() * %d)::int" % (count - 1)
        columns.append("'%s-' || %s as s%d" % ("category of things"[: 4 + 3 * i], pick, i))
    return "select %s from range({rows})" % ", ".join(columns)


def nested():
    return """select range as id, list_transform(range((random() * 6)::bigint), lambda i: {{
        'sku': format('{{:x}}-{{:d}}', hash(range * 7 + i) % 100000, i % 3),
        'price': round((hash(range * 11 + i) % 100000)::double / 100, 2),
        'quantity': case when hash(range * 13 + i) % 5 > 0 then (hash(range * 17 + i) % 40)::int end}}) as items
        from range({rows})"""


QUERIES = {"a": letters(False), "a4": letters(True), "b": log_lines(), "d": numbers(), "e": nested(), "f": few(),
           "c": "select date, delay, distance, origin, destination from read_parquet('%s') limit {rows}" % FLIGHTS}


def make(shape, path, rows):
    import duckdb
    import pyarrow
    import pyarrow.parquet

    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.execute("select setseed(0.5)").fetchall()
    table = connection.sql(QUERIES[shape].format(rows=rows)).to_arrow_table()
    table = table.cast(pyarrow.schema([f.with_nullable(table[f.name].null_count > 0) for f in table.schema]))
    pyarrow.parquet.write_table(table, path, compression="zstd", compression_level=1)


def make_wide(path, columns, groups):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"column_%d" % i: pyarrow.array(range(groups * 10)) for i in range(columns)})
    pyarrow.parquet.write_table(table, path, compression="zstd", row_group_size=10, write_page_index=True)


# ---- the peers, each in a process of its own: argv says what, the answer is CPU seconds, the clock's, [bytes]

PEER = r"""
import os, sys, time
what, peer, path, more = sys.argv[1:5]
if peer == "pyarrow":
    import pyarrow as pa, pyarrow, pyarrow.parquet as pq
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
elif peer == "duckdb":
    import duckdb, pyarrow
    c = duckdb.connect()
    c.execute("set threads = 1")
    c.execute("set enable_progress_bar = false")
else:
    import polars as pl
def read(columns):
    if peer == "pyarrow":
        return pq.ParquetFile(path).read(columns=columns, use_threads=False)
    if peer == "duckdb":
        return c.execute("select %s from read_parquet('%s')" % (", ".join('"%s"' % n for n in columns) if columns else "*", path)).to_arrow_table()
    return pl.read_parquet(path, columns=columns, use_statistics=False)
def now():
    return time.process_time(), time.perf_counter()
def since(start):
    return "%.6f %.6f" % (time.process_time() - start[0], time.perf_counter() - start[1])
def leaves(table):
    out = []
    def walk(path, t):
        if pyarrow.types.is_list(t): walk(path + ".list.element", t.value_type)
        elif pyarrow.types.is_struct(t): [walk(path + "." + f.name, f.type) for f in t]
        else: out.append(path)
    [walk(f.name, f.type) for f in table.schema]
    return out
def encodings(name):
    out = {}
    names = {"5": "DELTA_BINARY_PACKED", "6": "DELTA_LENGTH_BYTE_ARRAY", "7": "DELTA_BYTE_ARRAY"}
    for pair in name.split(","):
        column, e = pair.rsplit("=", 1)
        if e in names: out[column] = names[e]
    return out
if what == "read":
    start = now()
    read(more.split(",") if more else None)
    print(since(start))
elif what == "open":
    times = []
    for _ in range(200 if "8" == more else 20):
        start = time.process_time()
        pq.ParquetFile(path)
        times.append(time.process_time() - start)
    print(min(times))
else:
    table = read(None)
    if peer == "pyarrow": table = table.combine_chunks()
    if peer == "duckdb": c.execute("create temp table t as select * from read_parquet('%s')" % path)
    out = path + "." + peer
    start = now()
    if peer == "pyarrow":
        delta = encodings(more)
        plain = [n for n in leaves(table) if (n + "=8") not in more.split(",")]
        same = [n for n in leaves(table) if n not in plain]
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", compression_level=1, use_dictionary=same or False,
                       column_encoding={n: delta.get(n, "PLAIN") for n in plain} or None, write_page_index=True,
                       write_page_checksum=True)
        size = sink.getvalue().size
    elif peer == "duckdb":
        c.execute("copy t to '%s' (format parquet, compression zstd, compression_level 1, parquet_version v2)" % out)
        size = os.path.getsize(out)
    else:
        table.write_parquet(out, compression="zstd", compression_level=1)
        size = os.path.getsize(out)
    print(since(start), size)
    if os.path.exists(out): os.remove(out)
"""

PEERS = ["pyarrow", "duckdb", "polars"]


def run(args):
    env = dict(os.environ, POLARS_MAX_THREADS="1", OMP_NUM_THREADS="1")
    done = subprocess.run(args, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit("codec.py: %s\n%s" % (" ".join(args), done.stderr))
    return done.stdout.split()


def ours(program, *args):
    return run([program, *args])


def peer(what, who, path, more=""):
    return run([sys.executable, "-c", PEER, what, who, path, more])


def medians(rounds, turns):
    """{name: command} -> {name: median CPU seconds}, {name: the clock's}, {name: bytes}; they take turns."""
    told = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            told[name].append(turn())
    cpu, wall = ({name: statistics.median(float(t[i]) for t in told[name]) for name in turns} for i in (0, 1))
    return cpu, wall, {name: int(t[-1][2]) for name, t in told.items() if len(t[-1]) > 2}


def row(shape, what, times, bar):
    m, wall, _ = times
    best = min(m[p] for p in m if p != "ours" and p in PEERS)
    against = m["pyarrow"] / m["ours"]
    cells = "  ".join("%s %.1f (%.1f) ms" % (p, m[p] * 1000, wall[p] * 1000) for p in m)
    reached = against >= bar and (what != "read" or best >= m["ours"])
    print("%-3s %-9s %s | %.2fx pyarrow (bar %.1f), %.2fx the best  %s" %
          (shape, what, cells, against, bar, best / m["ours"], "reached" if reached else "MISSED"), flush=True)


def explain(program, path):
    """Encodings of our file by column: key=7,number=5"""
    done = subprocess.run([program, "explain", path], capture_output=True, text=True, check=True).stdout
    pairs = [(line.split(":")[0], line.split("encoding ")[1].split(",")[0]) for line in done.splitlines()]
    return ",".join("%s=%s" % pair for pair in pairs), done


def read_bars(args, shape, path, mine, key):
    program = args.program
    for file in (path, mine):
        turns = {"ours": lambda: ours(program, "read", file)}
        turns.update({p: lambda p=p: peer("read", p, file) for p in PEERS})
        row(shape + ("'" if file == mine else ""), "read", medians(args.rounds, turns), 2.0 if shape == "b" else 1.5)
    turns = {"ours": lambda: ours(program, "read", mine, "0"), "pyarrow": lambda: peer("read", "pyarrow", mine, key)}
    row(shape + "'", "read key", medians(args.rounds, turns), 2.0)


def write_bars(args, shape, path, mine, encodings):
    turns = {"ours": lambda: ours(args.program, "write", path, mine)}
    turns.update({p: lambda p=p: peer("write", p, path, encodings) for p in PEERS})
    times = medians(args.rounds, turns)
    row(shape, "write", times, 1.8)
    sizes = times[2]
    ratio = sizes["ours"] / sizes["pyarrow"]
    print("%-3s size      %s | %.3f of pyarrow's  %s" % (shape, "  ".join("%s %.2f B" % (p, sizes[p] / args.rows) for p in sizes),
                                                       ratio, "reached" if ratio <= 1 else "MISSED"), flush=True)


def floor_bars(args, shape, path, mine, encodings):
    program = args.program
    turns = {"floor": lambda: ours(program, "floor", mine), "read": lambda: ours(program, "read", mine),
             "write": lambda: ours(program, "write", path, mine)}
    cpu, up, _ = medians(args.rounds, turns)
    down, up = cpu["floor"], up["floor"]
    print("%-3s floor     decompress %.1f ms, reading %.2fx of it (bar 1.8); compress %.1f ms, writing %.2fx (bar 1.5) | %s" %
          (shape, down * 1000, cpu["read"] / down if down else 0, up * 1000, cpu["write"] / up if up else 0, encodings), flush=True)


def shape_bars(args, work, shape):
    path, mine = "%s/%s-%d.parquet" % (work, shape, args.rows), "%s/%s-ours.parquet" % (work, shape)
    if not os.path.exists(path):
        make(shape, path, args.rows)
    what = args.what.split(",")
    ours(args.program, "write", path, mine)
    encodings, _ = explain(args.program, mine)
    if "read" in what:
        read_bars(args, shape, path, mine, encodings.split("=")[0])
    if "write" in what:
        write_bars(args, shape, path, mine, encodings)
    if "floor" in what:
        floor_bars(args, shape, path, mine, encodings)


def open_bars(args, work):
    for columns, groups in ((8, 10), (1000, 1)):
        path = "%s/wide-%d.parquet" % (work, columns)
        make_wide(path, columns, groups)
        mine = float(ours(args.program, "open", path, "200")[0])
        theirs = float(peer("open", "pyarrow", path, str(columns))[0])
        print("open %d columns, %d groups: ours %.1f us, pyarrow %.1f us | %.1fx (bar 5)%s" %
              (columns, groups, mine * 1e6, theirs * 1e6, theirs / mine, ", bar 50 us" if columns == 8 else ""))


CHOICES = [["BEST"], ["compat"], ["BEST", "v2"], ["PLAIN"], ["PLAIN", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY"],
           ["PLAIN", "DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"], ["PLAIN", "BYTE_STREAM_SPLIT"], ["RLE_DICTIONARY"]]


def choices(args, work, shape):
    path, mine = "%s/%s.parquet" % (work, shape), "%s/%s-ours.parquet" % (work, shape)
    make(shape, path, args.rows)
    for choice in CHOICES:
        times = [ours(args.program, "write", path, mine, *choice) for _ in range(args.rounds)]
        write = statistics.median(float(t[0]) for t in times) / args.rows * 1e9
        read = statistics.median(float(ours(args.program, "read", mine)[0]) for _ in range(args.rounds)) / args.rows * 1e9
        _, text = explain(args.program, mine)
        print("%-3s %-58s %7.2f B/row  write %6.1f ns/row  read %6.1f ns/row" %
              (shape, "+".join(choice), os.path.getsize(mine) / args.rows, write, read), flush=True)
        if choice == ["BEST"] or args.columns:
            print("".join("        %s\n" % line for line in text.splitlines()), end="")


def main():
    parser = argparse.ArgumentParser(description="measure the Parquet codec")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=os.path.join(REPO, "build", "release", "bench", "bench.codec"))
    parser.add_argument("--only", default="a,a4,b,c,d,e,f")
    parser.add_argument("--what", default="read,write,floor,open")
    parser.add_argument("--keep")
    parser.add_argument("--choices", action="store_true")
    parser.add_argument("--columns", action="store_true")
    args = parser.parse_args()
    work = args.keep or tempfile.mkdtemp(prefix="codec.", dir=os.path.join(REPO, "build"))
    os.makedirs(work, exist_ok=True)
    try:
        for shape in args.only.split(","):
            (choices if args.choices else shape_bars)(args, work, shape)
        if not args.choices and "open" in args.what.split(","):
            open_bars(args, work)
    finally:
        if not args.keep:
            shutil.rmtree(work)


main()
