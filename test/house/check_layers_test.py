"""tools/check_layers.py sees what it is there to see: each rule is broken once in a small tree of its own."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

LAYERS = """
10 apps/sleeper    -     program
3  src/high        high_ on low
2  src/low         low_  below
2  src/side        side_ beside low
1  src/base        base_ below all
0  include/sleeper slp_  public
"""

GOOD = """/* A room. */
#include "high/high.h"

#include "low/low.h"

int high_one(int a)
{
    if (a) {
        return low_one(a); /* why "//" in text is no comment: it is text */
    }
    return 0;
}
"""


def check(work, **changed):
    """Run the checker over a small good tree with some files replaced; returns (exit code, output)."""
    files = {
        "src/layers.txt": LAYERS,
        "src/base/alloc.c": "void *base_alloc(void);\nvoid *base_alloc(void)\n{\n    return malloc(1);\n}\n",
        "src/low/low.h": "int low_one(int a);\n",
        "src/low/low.c": '#include "low/low.h"\n\nint low_one(int a)\n{\n    return a;\n}\n',
        "src/side/side.h": "int side_one(void);\n",
        "src/high/high.h": "int high_one(int a);\n",
        "src/high/high.c": GOOD,
        "apps/sleeper/main.c": '#include "sleeper/s.h"\n\nint main(void)\n{\n    return 0;\n}\n',
        "include/sleeper/s.h": "int slp_s(void);\n",
    }
    files.update({path.replace("__", "/"): text for path, text in changed.pop("files", {}).items()})
    for path, text in files.items():
        os.makedirs(os.path.join(work, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(work, path), "w", encoding="utf-8") as file:
            file.write(text)
    os.makedirs(os.path.join(work, "tools"), exist_ok=True)
    shutil.copy(os.path.join(t.REPO, "tools", "check_layers.py"), os.path.join(work, "tools"))
    subprocess.run(["git", "init", "-q", work], check=True)
    done = subprocess.run([sys.executable, os.path.join(work, "tools", "check_layers.py")] + changed.pop("args", []),
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def refused(work, files, text):
    rc, out = check(work, files=files)
    assert rc == 1 and text in out, "expected an error with %r, got %d:\n%s" % (text, rc, out)


def warned(work, files, text):
    rc, out = check(work, files=files)
    assert rc == 0 and text in out, "expected a warning with %r, got %d:\n%s" % (text, rc, out)


def test_a_tree_that_keeps_the_rules_passes(work):
    rc, out = check(work)
    assert rc == 0 and "0 errors, 0 warnings" in out, out


def test_an_include_upwards_is_refused(work):
    refused(work, {"src/low/low.c": '#include "high/high.h"\n'}, 'tier 2 includes "high/high.h" of tier 3')


def test_an_include_sideways_is_refused(work):
    refused(work, {"src/low/low.c": '#include "side/side.h"\n'}, "of tier 2")


def test_a_private_header_of_another_room_is_refused(work):
    refused(work, {"src/low/low_priv.h": "int low_two(void);\n", "src/high/high.c": '#include "low/low_priv.h"\n'},
            "is private to src/low")


def test_a_program_that_reaches_into_the_engine_is_refused(work):
    refused(work, {"apps/sleeper/main.c": '#include "low/low.h"\n'}, "a program includes")


def test_a_directory_without_a_tier_is_refused(work):
    refused(work, {"src/new/new.c": "int new_one(void);\n"}, "not in src/layers.txt")


def test_malloc_outside_the_allocator_is_refused(work):
    refused(work, {"src/low/low.c": "void *low_two(void)\n{\n    return malloc(1);\n}\n"}, "low.c:3: allocates by itself")


def test_an_unfinished_note_is_refused(work):
    refused(work, {"src/low/low.c": "// later\n"}, "a // comment")
    refused(work, {"src/low/low.c": "/* TODO: later */\n"}, "something unfinished")


def test_a_file_without_end_is_refused(work):
    refused(work, {"src/low/low.c": "\n" * 1200}, "1200 lines")


def test_a_header_that_needs_another_first_is_refused(work):
    refused(work, {"src/low/low.h": "uint8_t low_one(void);\n"}, "does not compile alone")


def test_long_wide_and_deep_functions_are_listed(work):
    long = "int low_long(void)\n{\n" + "    low_one(1);\n" * 80 + "    return 0;\n}\n"
    wide = "int low_wide(int a, int b, int c, int d, int e, int f, int g)\n{\n    return a;\n}\n"
    deep = "int low_deep(int a)\n{\n" + "if (a) {\n" * 5 + "a++;\n" + "}\n" * 5 + "    return a;\n}\n"
    for text, want in ((long, "low_long: 84 lines"), (wide, "low_wide: 7 parameters"), (deep, "low_deep: 5 nesting")):
        warned(work, {"src/low/low.c": text}, want)


def test_what_was_judged_right_is_not_listed_and_cannot_rot(work):
    wide = "int low_wide(int a, int b, int c, int d, int e, int f, int g)\n{\n    return a;\n}\n"
    judged = "src/low/low.c low_wide parameters a kernel\n"
    rc, out = check(work, files={"src/low/low.c": wide, "tools/judged.txt": judged})
    assert rc == 0 and "0 warnings" in out, out
    refused(work, {"src/low/low.c": "int low_wide(void);\n", "tools/judged.txt": judged}, "no longer needs judgement")


def test_a_symbol_without_the_prefix_of_its_room_is_refused(work):
    source = os.path.join(work, "x.c")
    os.makedirs(os.path.join(work, "build", "src"))
    with open(source, "w", encoding="utf-8") as file:
        file.write("int low_one(int a)\n{\n    return a;\n}\nint stray;\n")
    subprocess.run(["gcc", "-c", source, "-o", source + ".o"], check=True)
    subprocess.run(["ar", "rc", os.path.join(work, "build", "src", "libroom_low.a"), source + ".o"], check=True)
    os.remove(source)
    rc, out = check(work, args=[os.path.join(work, "build")])
    assert rc == 1 and "exports stray; expected prefix low_" in out and "low_one" not in out, out


t.main(globals())
