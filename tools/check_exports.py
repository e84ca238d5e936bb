"""The shared library exports just the functions that the public headers declare, and each of those compiles alone.

    python3 tools/check_exports.py libsleeper.so include/sleeper
"""

import glob
import os
import re
import subprocess
import sys


def declared(folder):
    names = set()
    for path in glob.glob(os.path.join(folder, "*.h")):
        with open(path, encoding="utf-8") as header:
            text = re.sub(r"/\*.*?\*/", " ", header.read(), flags=re.S)
        text = re.sub(r"^\s*#.*?(?<!\\)$", " ", text, flags=re.M | re.S)
        text = re.sub(r"\{[^{}]*\}", "{}", re.sub(r"\{[^{}]*\}", "{}", text))
        names |= {m.group(1) for m in re.finditer(r"\b(slp_\w+)\s*\(", text) if not m.group(1).endswith("_fn")}
    return names


def exported(library):
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in lines.splitlines() if line.strip()}


def report(claim, problems):
    for problem in problems:
        print("    " + problem)
    print("[%s] %s" % ("  FAILED  " if problems else "       OK ", claim))
    return bool(problems)


def main():
    library, folder = sys.argv[1:]
    want, have = declared(folder), exported(library)
    # Instrumentation of a sanitizer or of coverage is not ours.
    have = {name for name in have if not re.match(r"_*(asan|ubsan|tsan|lsan|gcov|sanitizer)_", name)}
    bad = report("the_library_exports_what_its_headers_declare",
                 ["declared and not exported: " + name for name in sorted(want - have)]
                 + ["exported and not declared: " + name for name in sorted(have - want)])
    broken = []
    for path in sorted(glob.glob(os.path.join(folder, "*.h"))):
        for compiler, language in (("gcc", ["-xc", "-std=c17"]), ("gcc", ["-xc", "-std=c99"])):
            done = subprocess.run([compiler, *language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                   "-I" + os.path.dirname(os.path.abspath(folder)), path],
                                  capture_output=True, text=True)
            if done.returncode:
                broken.append(path + ": " + (done.stderr.splitlines() or ["does not compile"])[0])
    bad |= report("each_public_header_compiles_alone", broken)
    sys.exit(bad)


main()
