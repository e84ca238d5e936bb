"""All bars of writing in one table, printed and written into docs/benchmarks.md: make bench [SCALE=1].

    .venv/bin/python bench/table.py [--scale 0.02] [--rounds 3] [--build build/release] [--doc FILE] [--no-doc]

Runs bench/compact.py, bench/ingest.py and bench/aggregate.py, one after another, at one scale; the bars are for --scale 1
and a machine that nobody else uses. What they found goes between the two marks of the document, with the machine and the
versions of everything that took part; what stands around the marks stays. A bar that is missed is said to be, and is no
failure: numbers at a small scale, or of a busy machine, are to see that all runs.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
BEGIN = "<!-- bench/table.py writes from here -->"
END = "<!-- to here -->"
MB = 1024 * 1024
PEERS = ["duckdb", "polars", "chdb", "pyarrow"]


def machine():
    model = "an unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = " ".join(line.split(":", 1)[1].split())
                break
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1)) // MB
    return "%s, %d cores, %d GiB, Linux %s" % (model, len(os.sched_getaffinity(0)), memory,
                                               platform.release().split("-")[0])


def versions(sleeper):
    found = [subprocess.run([sleeper, "version"], capture_output=True, text=True).stdout.split("\n")[0].strip()]
    for name in PEERS:
        try:
            found.append("%s %s" % (name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append("no %s" % name)
    return ", ".join(v for v in found if v)


def run(args, work, script, *more):
    path = os.path.join(work, script + ".json")
    command = [sys.executable, os.path.join(REPO, "bench", script), "--build", args.build, "--rounds", str(args.rounds),
               "--json", path, *more]
    if subprocess.run(command).returncode:
        sys.exit("table.py: failed: " + " ".join(command))
    with open(path) as f:
        return json.load(f)


def bars_table(found):
    lines = ["| bar | asked | measured | |", "| --- | --- | --- | --- |"]
    for one in found:
        for b in one["bars"]:
            lines.append("| %s | %s %g | %.2f | %s |" % (b["what"], "at most" if b["is_most"] else "at least", b["limit"],
                                                         b["value"], "reached" if b["reached"] else "missed"))
    return lines


def runs_table(found):
    lines = ["| case | engine | rows | s | M rows/s | processor s | peak MB | bytes a row |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for one in found:
        for case, medians in one["seen"].items():
            rows = one["rows"][case]
            for name, (wall, cpu, peak, size) in medians.items():
                made = "%.1f" % (size / rows) if size else ""
                lines.append("| %s | %s | %d | %.2f | %.2f | %.2f | %.0f | %s |" %
                             (case, name, rows, wall, rows / wall / 1e6, cpu, peak / MB, made))
    return lines


def section(args, found):
    busy = os.getloadavg()[0]
    head = ["Scale %g, %d round%s, two threads. %s; load %.1f at the end." %
            (args.scale, args.rounds, "" if args.rounds == 1 else "s", machine(), busy),
            "%s." % versions(os.path.join(args.build, "sleeper"))]
    if args.scale < 0.2:
        head.append("At this scale most of the peers' time is the start of their interpreters: that all runs is what it shows.")
    return "\n".join(head + [""] + bars_table(found) + [""] + runs_table(found))


def write(path, text):
    with open(path) as f:
        document = f.read()
    if document.count(BEGIN) != 1 or document.count(END) != 1 or document.index(END) < document.index(BEGIN):
        sys.exit("table.py: %s lacks the marks %s and %s, in this order" % (path, BEGIN, END))
    before = document[:document.index(BEGIN) + len(BEGIN)]
    with open(path + ".part", "w") as f:
        f.write(before + "\n\n" + text + "\n\n" + document[document.index(END):])
    os.rename(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description="measure the bars of writing")
    parser.add_argument("--build", default=os.path.join(REPO, "build", "release"))
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--doc", default=os.path.join(REPO, "docs", "benchmarks.md"))
    parser.add_argument("--no-doc", action="store_true")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    scale = str(args.scale)
    with tempfile.TemporaryDirectory() as work:
        found = [run(args, work, "compact.py", "--scale", scale), run(args, work, "ingest.py", "--scale", scale),
                 run(args, work, "aggregate.py", "--keys", str(max(int(1000000 * args.scale), 1)))]
    text = section(args, found)
    print("\n" + text)
    if not args.no_doc:
        write(args.doc, text)


main()
