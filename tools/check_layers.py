"""Hold the tree against the house rules that a program can check (src/layers.txt, CONTRIBUTING.md).

    python3 tools/check_layers.py [BUILD-DIR]

Errors, which fail the run:
  include    a file includes lower tiers and its own directory; programs only include/sleeper, src/base and src/os
  symbol     what a room exports (non-static symbols of librooms in BUILD-DIR) begins with the room's prefix
  memory     malloc and its family are called in src/base/alloc.c alone
  comment    `//` comments, TODO and FIXME
  length     a file of more than 1,100 lines
  header     every header under src/ and include/ compiles alone

Warnings, listed: a function over 70 lines, 6 parameters or a nesting of 4. These are for judgement: tools/judged.txt
holds what was judged right, with the reason; everything else on the list is to be split or judged. A line of
judged.txt that no longer says anything true is an error, so that the list cannot rot.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys

MAX_FILE_LINES = 1100
MAX_LINES, MAX_PARAMETERS, MAX_NESTING = 70, 6, 4
PROGRAM_MAY = ("sleeper", "base", "os")
ALLOCATORS = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|"
                        r"posix_memalign|aligned_alloc)\s*\(")

errors = []
warnings = []


def error(place, text):
    errors.append("%s: %s" % (place, text))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """The text without comments and the insides of literals, line for line."""
    def keep(match):
        token = match.group(0)
        if token.startswith("/"):
            return blank(match)
        return token[0] + " " * (len(token) - 2) + token[-1]
    return TOKEN.sub(keep, text)


def load_layers():
    rooms = {}
    for line in read("src/layers.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            tier, path, prefixes = line.split()[:3]
            rooms[path] = (float(tier), [] if prefixes == "-" else prefixes.split(","))
    return rooms


def room_of(path, rooms):
    for room in rooms:
        if path.startswith(room + "/"):
            return room
    return None


def check_includes(path, text, rooms):
    room = room_of(path, rooms)
    if room is None:
        error(path, "its directory is not in src/layers.txt")
        return
    tier = rooms[room][0]
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not match:
            continue
        name = match.group(1)
        place = "%s:%d" % (path, number)
        top = name.split("/")[0] if "/" in name else None
        if room.startswith("apps/"):
            if top not in PROGRAM_MAY and top is not None:
                error(place, 'a program includes "%s"; it may use include/sleeper, src/base and src/os' % name)
            continue
        if top is None:
            error(place, 'include "%s" by its room, as in "base/buf.h"' % name)
            continue
        target = "include/sleeper" if top == "sleeper" else "src/" + top
        if target not in rooms:
            if not glob.glob("build/*/generated/" + name):
                error(place, 'includes "%s", which is in no room of src/layers.txt' % name)
        elif target != room and rooms[target][0] >= tier:
            error(place, 'tier %g includes "%s" of tier %g' % (tier, name, rooms[target][0]))
        elif name.endswith("_priv.h") and target != room:
            error(place, '"%s" is private to %s' % (name, target))


def check_text(path, text, code):
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        error(path, "%d lines; a file has one idea and at most about 1,000" % len(lines))
    for match in TOKEN.finditer(text):
        token = match.group(0)
        place = "%s:%d" % (path, text.count("\n", 0, match.start()) + 1)
        if token.startswith("//"):
            error(place, "a // comment: it marks something unfinished")
        if token.startswith("/") and re.search(r"\b(TODO|FIXME|XXX)\b", token):
            error(place, "something unfinished: " + token.split("\n")[0][:60])
    if path.startswith(("src/", "apps/")) and path != "src/base/alloc.c":
        for number, line in enumerate(code.splitlines(), 1):
            if ALLOCATORS.search(line):
                error("%s:%d" % (path, number), "allocates by itself: take a struct alloc or an arena")


FUNCTION = re.compile(r"^(?!typedef|struct\s+\w+\s*\{|enum|union|#)[A-Za-z_][\w\s*]*?\b(\w+)\s*\(", re.M)


def closing(code, at, pair):
    depth = 0
    for i in range(at, len(code)):
        if code[i] == pair[0]:
            depth += 1
        elif code[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
    return -1


def parameters(inside):
    inside = inside.strip()
    if inside in ("", "void"):
        return 0
    count, depth = 1, 0
    for c in inside:
        depth += (c in "([") - (c in ")]")
        count += c == "," and depth == 0
    return count


def nesting(body):
    """How deep control flow nests: blocks of if, for, while, do and switch; `else if` is no deeper than its `if`."""
    depth, deepest, stack, statement = 0, 0, [], ""
    for c in body[1:-1]:
        if c == "{":
            is_control = re.search(r"\b(if|for|while|switch|else|do|T_FAULT_LOOP)\b", statement) is not None
            stack.append(is_control)
            depth += is_control
            deepest = max(deepest, depth)
            statement = ""
        elif c == "}":
            depth -= stack.pop() if stack else 0
            statement = ""
        elif c == ";" and statement.count("(") <= statement.count(")"):
            heads = len(re.findall(r"\b(?:if|for|while|switch)\b", statement))
            deepest = max(deepest, depth + heads)
            statement = ""
        else:
            statement += c
    return deepest


def check_functions(path, code):
    if not path.endswith(".c"):
        return
    code = re.sub(r"^[ \t]*#[^\n]*(?:\\\n[^\n]*)*", blank, code, flags=re.M)
    at = 0
    while True:
        match = FUNCTION.search(code, at)
        if not match:
            return
        opening = match.end() - 1
        close = closing(code, opening, "()")
        rest = re.match(r"(\s|__attribute__\s*\(\(.*?\)\)+|\w+)*\{", code[close + 1:]) if close > 0 else None
        if close < 0 or not rest:
            at = match.end()
            continue
        start = close + 1 + rest.end() - 1
        end = closing(code, start, "{}")
        if end < 0:
            return
        name = match.group(1)
        length = code.count("\n", match.start(), end) + 1
        count = parameters(code[opening + 1:close])
        deep = nesting(code[start:end + 1])
        for kind, value, limit in (("lines", length, MAX_LINES), ("parameters", count, MAX_PARAMETERS),
                                   ("nesting", deep, MAX_NESTING)):
            if value > limit:
                place = "%s:%d" % (path, code.count("\n", 0, match.start()) + 1)
                warnings.append((path, name, kind, place, value))
        at = end + 1


def check_symbols(build, rooms):
    for archive in sorted(glob.glob(os.path.join(build, "src", "libroom_*.a"))):
        room = os.path.basename(archive)[len("libroom_"):-2]
        allowed = rooms.get("src/" + room, (0, []))[1]
        done = subprocess.run(["nm", "-A", "--defined-only", "--extern-only", archive], capture_output=True, text=True)
        for line in done.stdout.splitlines():
            place, _, symbol = line.rpartition(" ")
            kind = place.split()[-1]
            if kind in "BDRTVWC" and not symbol.startswith(tuple(allowed) + ("__", "_GLOBAL_")):
                member = place.split(":")[1]
                error("src/%s/%s" % (room, member.replace(".o", "")),
                      "exports %s; expected prefix %s" % (symbol, " or ".join(allowed)))


def check_header(args):
    path, extra = args
    done = subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Isrc", "-Iinclude",
                           *extra, "-xc", path], capture_output=True, text=True)
    return path, [line for line in done.stderr.splitlines()
                  if "error:" in line or ("warning:" in line and "#pragma once" not in line)][:1]


def check_headers(headers, build):
    extra = ["-I" + os.path.join(build, "generated")] if build else []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, problem in pool.map(check_header, [(path, extra) for path in headers]):
            if problem:
                error(path, "does not compile alone: " + problem[0])


def report_warnings():
    judged = {}
    if os.path.exists("tools/judged.txt"):
        for number, line in enumerate(read("tools/judged.txt").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                path, name, kind, reason = (line.split(None, 3) + ["", "", "", ""])[:4]
                judged[(path, name, kind)] = (number, reason)
    left = 0
    for path, name, kind, place, value in warnings:
        if judged.pop((path, name, kind), None) is None:
            left += 1
            print("warning: %s: %s: %d %s" % (place, name, value, kind))
    for (path, name, kind), (number, _) in judged.items():
        error("tools/judged.txt:%d" % number, "%s of %s in %s no longer needs judgement" % (kind, name, path))
    return left


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    build = sys.argv[1] if len(sys.argv) > 1 else None
    rooms = load_layers()
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h", "*.def"],
                            capture_output=True, text=True, check=True).stdout.split()
    files = [path for path in listed if os.path.exists(path)]
    for path in files:
        text = read(path)
        code = code_only(text)
        check_text(path, text, code)
        if path.startswith(("src/", "apps/", "include/")):
            check_includes(path, text, rooms)
            check_functions(path, code)
    check_headers([path for path in files if path.endswith(".h") and path.startswith(("src/", "include/"))], build)
    if build:
        check_symbols(build, rooms)
    left = report_warnings()
    for line in errors:
        print("error: " + line)
    print("check_layers: %d files, %d errors, %d warnings" % (len(files), len(errors), left))
    sys.exit(1 if errors else 0)


main()
