"""A file system that fails in the middle of a command: all of it happened or nothing, it is said clearly, and the next try works.

Each call that a command makes of the file system, below the instance, is made to fail (test/lib/failfs.c): once or for good, with EIO,
ENOSPC, half of a write, done and not answered; or the process is killed in front of it. Afterwards, on a sound file system,
`check` finds nothing, the answer is that before or that behind the command, and the same command, under the same token,
comes to the latter. FAULTS is how many failures each command gets: 1 in the ordinary suite, 0, for `make failing`, every one. SEED chooses.
"""

import hashlib
import itertools
import os
import random
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import failfs
import t

FAULTS = int(os.environ.get("FAULTS", "1"))
SEED = int(os.environ.get("SEED", "1"))
SCHEMA = '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"}],"rowKey":["k"]}'

# What a change may meet: how it fails, and whether all calls behind it fail too.
CHANGE_FAULTS = [("EIO", False), ("EIO", True), ("ENOSPC", False), ("ENOSPC", True), ("EROFS", True), ("LOST", False),
                 ("SHORT", False), ("KILL", False)]
READ_FAULTS = [("EIO", False), ("EIO", True), ("SHORT", False)]

# Exit codes of an error that the store can cause: failure, temporary or unknown, access denied, limit.
FAILED = {1, 6, 7, 9}


def write_rows(work, name, count, letter):
    path = os.path.join(work, name)
    with open(path, "w") as f:
        f.write("k,n\n")
        f.writelines("%s%05d,%d\n" % (letter, i * 7919 % 100000, i) for i in range(count))
    return path


def in_instance(work, *args, rc=0):
    return t.run(*args, instance=os.path.join(work, "i"), rc=rc)


def start(work, ingests):
    """A table that makes a snapshot every 16 frames, with small files in the log and two of their own."""
    with open(os.path.join(work, "schema.json"), "w") as f:
        f.write(SCHEMA)
    write_rows(work, "small.csv", 3, "m")
    write_rows(work, "large.csv", 9000, "a")
    in_instance(work, "init")
    in_instance(work, "table", "create", "t", "--schema", os.path.join(work, "schema.json"))
    in_instance(work, "table", "set", "t", "statestore.snapshot.frames=16", "ingest.embed.max.size=64KiB", "--yes")
    for name in ingests:
        in_instance(work, "ingest", "t", os.path.join(work, name + ".csv"))


def answer(work):
    rows = in_instance(work, "scan", "t", "--no-header")
    tables = in_instance(work, "table", "list", "--columns", "name", "--no-header")
    bounds = in_instance(work, "partition", "split-points", "t")
    return rows.count(b"\n"), hashlib.sha256(rows).hexdigest()[:8], tables, bounds


def again(work):
    """The instance as it was when it was saved."""
    shutil.rmtree(os.path.join(work, "i"))
    shutil.copytree(os.path.join(work, "saved"), os.path.join(work, "i"))


def what(done):
    return "exit code %d: %s" % (done.returncode, done.stderr.decode(errors="replace")[-2000:])


def expect_told(done, how, failed, case):
    """Who was not killed ends with a code for it and names the object; who says it worked, did it."""
    if how == "KILL" and failed == 0 and done.returncode == -9:
        return
    assert done.returncode in FAILED | {0}, "%s: %s" % (case, what(done))
    if done.returncode:
        assert b'"' in done.stderr and b"sleeper: " in done.stderr, "%s: no object is named: %s" % (case, what(done))


def expect_sound(work, allowed, case):
    got = answer(work)
    assert got in allowed, "%s: %s, allowed are %s" % (case, got, allowed)
    in_instance(work, "check", "t")
    return got


def choose(kind, count, faults):
    """Which calls fail, and how: all of them, or a sample."""
    every = list(itertools.product(range(1, count + 1), faults))
    return every if FAULTS == 0 else random.Random("%s %d" % (kind, SEED)).sample(every, min(FAULTS, len(every)))


def break_command(work, args, retry_rc=(0,)):
    """Let every change of this command fail in turn."""
    shutil.copytree(os.path.join(work, "i"), os.path.join(work, "saved"))
    before = answer(work)
    count, _, done = failfs.run(work, args)
    assert done.returncode == 0, what(done)
    after = expect_sound(work, [answer(work)], "nothing failed")
    for at, (how, ever) in choose(" ".join(args[:2]), count, CHANGE_FAULTS):
        case = "call %d of %d of '%s': %s%s" % (at, count, " ".join(args), how, " for good" if ever else "")
        again(work)
        _, failed, done = failfs.run(work, args, at=at, how=how, ever=ever)
        expect_told(done, how, failed, case)
        got = expect_sound(work, [before, after], case)
        if done.returncode == 0:
            assert got == after, "%s: it said that it was done" % case
        code = failfs.run(work, args)[2].returncode
        assert code in retry_rc or (got == after and code in (0,) + retry_rc), "%s: the next try: %d" % (case, code)
        assert answer(work) == after, "%s: the next try came to %s" % (case, answer(work))


def test_an_ingest_into_the_log_fails_whole(work):
    start(work, ["large"])
    break_command(work, ["ingest", "t", work + "/small.csv", "--token", "a"])


def test_an_ingest_of_files_fails_whole(work):
    start(work, ["small"])
    break_command(work, ["ingest", "t", work + "/large.csv", "--token", "a"])


def test_an_ingest_that_makes_a_snapshot_fails_whole(work):
    start(work, ["large"] + ["small"] * 12)
    assert not os.path.exists(os.path.join(work, "i", "t", os.listdir(os.path.join(work, "i", "t"))[0], "snap"))
    break_command(work, ["ingest", "t", work + "/small.csv", "--token", "a"])
    assert os.path.exists(os.path.join(work, "i", "t", os.listdir(os.path.join(work, "i", "t"))[0], "snap"))


def test_a_compaction_fails_whole(work):
    start(work, ["large", "small", "large"])
    break_command(work, ["compact", "t", "--all"])


def test_a_split_fails_whole(work):
    start(work, ["large", "small"])
    with open(os.path.join(work, "points"), "w") as f:
        f.write("a05\nb\nm\n")
    break_command(work, ["partition", "split", "t", "--points", work + "/points"])


def test_a_collection_fails_at_any_place(work):
    start(work, ["large", "small", "large"])
    in_instance(work, "compact", "t", "--all")
    break_command(work, ["gc", "t", "--min-age", "0s"])


def test_a_table_is_created_whole(work):
    start(work, ["small"])
    break_command(work, ["table", "create", "other", "--schema", work + "/schema.json"], retry_rc=(0, 5))


def test_a_read_that_fails_is_an_error_or_a_whole_answer(work):
    start(work, ["large"] + ["small"] * 15)
    args = ["scan", "t", "--no-header"]
    count, _, done = failfs.run(work, args, calls=failfs.READS)
    assert done.returncode == 0 and count > 4, what(done)
    whole = done.stdout
    for at, (how, ever) in choose("scan", count, READ_FAULTS):
        case = "read %d of %d: %s%s" % (at, count, how, " for good" if ever else "")
        _, failed, done = failfs.run(work, args, calls=failfs.READS, at=at, how=how, ever=ever)
        expect_told(done, how, failed, case)
        assert done.returncode or done.stdout == whole, "%s: another answer" % case


def damage(work):
    """Turn the bits of one byte of the frame that added the second file; the head would hide it."""
    place = os.path.join(work, "i", "t", os.listdir(os.path.join(work, "i", "t"))[0])
    path = os.path.join(place, "log", "%020d" % 4)
    os.chmod(path, 0o644)
    with open(path, "r+b") as f:
        f.seek(70)
        byte = f.read(1)[0]
        f.seek(70)
        f.write(bytes([byte ^ 255]))
    os.remove(os.path.join(place, "head"))


def test_a_repair_that_fails_or_dies_is_repeated_and_loses_nothing_more(work):
    start(work, ["large", "small", "large"])
    damage(work)
    shutil.copytree(os.path.join(work, "i"), os.path.join(work, "saved"))
    args = ["repair", "t"]
    count, _, done = failfs.run(work, args)
    assert done.returncode == 0, what(done)
    after = answer(work)
    for at, (how, ever) in choose("repair", count, CHANGE_FAULTS):
        case = "call %d of %d of repair: %s%s" % (at, count, how, " for good" if ever else "")
        again(work)
        _, failed, done = failfs.run(work, args, at=at, how=how, ever=ever)
        expect_told(done, how, failed, case)
        in_instance(work, *args)
        expect_sound(work, [after], case)


def mount_small(folder):
    """A file system of 2 MiB at this folder; skips the test where it may not be mounted."""
    os.mkdir(folder)
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    except FileNotFoundError:
        raise t.Skip("there is no mount")
    if done.returncode:
        raise t.Skip("may not mount a file system: " + done.stderr.decode(errors="replace").strip())


def test_a_small_file_system_that_is_full_keeps_what_it_has(work):
    mount_small(os.path.join(work, "i"))
    try:
        start(work, ["small"])
        count = 1
        while True:
            args = ["ingest", "t", work + "/large.csv", "--token", str(count)]
            done = subprocess.run([t.SLEEPER, "-I", work + "/i", *args], capture_output=True)
            if done.returncode:
                break
            count += 1
            assert count < 100, "it is never full"
        assert done.returncode == 9 and b"no space left" in done.stderr and b'"' in done.stderr, what(done)
        rows = 3 + 9000 * (count - 1)
        assert answer(work)[0] == rows, "%d rows instead of %d" % (answer(work)[0], rows)
        in_instance(work, "check", "t")
        subprocess.run(["mount", "-o", "remount,size=8m", work + "/i"], check=True)
        in_instance(work, *args)
        assert answer(work)[0] == rows + 9000
        in_instance(work, "check", "t")
    finally:
        subprocess.run(["umount", os.path.join(work, "i")], check=True)


t.main(globals())
