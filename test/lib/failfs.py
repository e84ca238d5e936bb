"""Commands on a file system that fails: test/lib/failfs.c loaded in front of the program.

    counted, failed, done = failfs.run(work, ["ingest", "t", "rows.csv"], calls="write,sync", at=3, how="ENOSPC")

`work` is a folder with an instance at i. `at` 0 counts only. `done` is a subprocess.CompletedProcess.
"""

import os
import struct
import subprocess

import t

LIBRARY = os.path.join(os.environ.get("SLEEPER_BUILD", os.path.dirname(t.SLEEPER)), "test", "failfs.so")
CHANGES = "create,write,sync,link,rename,unlink,mkdir"
READS = "open,read,list"


def environment(work, calls, at, how, ever):
    seen = os.path.join(work, "seen")
    with open(seen, "wb") as f:
        f.write(bytes(16))
    if not os.path.exists(LIBRARY):
        raise t.Skip("no " + LIBRARY)
    return dict(os.environ, TZ="UTC", NO_COLOR="1", SLEEPER_INSTANCE=os.path.join(work, "i"), LD_PRELOAD=LIBRARY,
                ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
                FAILFS_FOLDER=os.path.join(work, "i"), FAILFS_CALLS=calls, FAILFS_AT=str(at), FAILFS_HOW=how,
                FAILFS_EVER="1" if ever else "0", FAILFS_SEEN=seen)


def run(work, args, calls=CHANGES, at=0, how="EIO", ever=False):
    """Run the program with these arguments; returns how many calls there were, how many failed, and the process."""
    done = subprocess.run([t.SLEEPER, *args], env=environment(work, calls, at, how, ever), stdin=subprocess.DEVNULL,
                          capture_output=True)
    with open(os.path.join(work, "seen"), "rb") as f:
        counted, failed = struct.unpack("=QQ", f.read())
    return counted, failed, done
