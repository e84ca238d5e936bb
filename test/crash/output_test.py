"""A file that `--output` names is whole or as it was: killed in the middle, and where it may not grow."""

import os
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

import pyarrow as pa
import pyarrow.parquet as pq

FROM = os.path.join(t.DATA, "flights-slice.parquet")
PATIENCE_SECONDS = 60


def launch(*args, limit=None, stdin=subprocess.DEVNULL):
    def limit_files():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen([t.SLEEPER, *args], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            preexec_fn=limit_files)


def expect_only(folder, before):
    """The folder has these files, with these bytes, and nothing else."""
    after = {name: open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)}
    assert after.keys() == before.keys(), sorted(after)
    for name in before:
        assert after[name] == before[name], name + " changed"


def both(work):
    """A folder without the file, and one in which it stands already."""
    for name, files in (("absent", {}), ("present", {"f.parquet": b"what stood there"})):
        folder = os.path.join(work, name)
        os.mkdir(folder)
        for file in files:
            open(os.path.join(folder, file), "wb").write(files[file])
        yield folder, os.path.join(folder, "f.parquet"), files


def written(process, folder):
    """How many bytes the process has put into files of the folder, named or not."""
    handles = "/proc/%d/fd" % process.pid
    most = 0
    for handle in os.listdir(handles):
        path = os.path.join(handles, handle)
        try:
            if os.readlink(path).startswith(folder + "/"):
                most = max(most, os.stat(path).st_size)
        except FileNotFoundError:
            pass
    return most


def feed(process):
    """Rows enough for several row groups, and no end of them."""
    batch = pa.record_batch([pa.array(os.urandom(16) for _ in range(20000))], ["x"])
    stream = pa.ipc.new_stream(process.stdin, batch.schema)
    for _ in range(10):
        stream.write_batch(batch)
    process.stdin.flush()
    return stream


def need_unnamed_files(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))
    except OSError:
        raise t.Skip("the file system has no unnamed files")


def test_a_program_killed_while_it_writes_leaves_nothing(work):
    need_unnamed_files(work)
    for folder, path, before in both(work):
        process = launch("cat", "-", "--input-format", "arrow", "-o", "parquet", "--row-group-rows", "20000", "--output", path,
                         stdin=subprocess.PIPE)
        feed(process)
        until = time.monotonic() + PATIENCE_SECONDS
        while written(process, folder) < 1 << 20:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until, "nothing was written"
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stderr.close()
        expect_only(folder, before)


def test_a_file_that_may_not_grow_is_an_error_and_leaves_nothing(work):
    for folder, path, before in both(work):
        for limit in (0, 4, 100000, 1000000):
            process = launch("cat", FROM, "-o", "parquet", "--output", path, limit=limit)
            _, message = process.communicate()
            assert process.returncode == 9, (limit, process.returncode, message)
            assert b"f.parquet" in message and b"too large" in message, message
            expect_only(folder, before)


def test_what_is_written_to_the_end_takes_the_place_of_what_stood_there(work):
    for folder, path, _ in both(work):
        t.run("cat", FROM, "-o", "parquet", "--output", path)
        assert os.listdir(folder) == ["f.parquet"], os.listdir(folder)
        assert pq.read_table(path).num_rows == pq.read_table(FROM).num_rows


t.main(globals())
