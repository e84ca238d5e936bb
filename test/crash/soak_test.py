"""Sixteen writers on one folder, killed and stopped at random: whatever they committed is there, once.

COMMITS is how many commits there must be in the end: 48 in the ordinary suite, 10,000 in `make soak`. Each writer is a
process that ingests one small file a commit, under a token, so that what was killed can be repeated. SEED chooses whom
it hits. Afterwards `check` finds nothing and every row is there just once. The same again on a file system that is
full for a while (a limit on the size of files stands for it where there is no small one).
"""

import os
import random
import resource
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import t

WRITERS = 16
COMPACT_EVERY = 100
COMMITS = int(os.environ.get("COMMITS", "48"))
SEED = int(os.environ.get("SEED", "1"))
SCHEMA = '{"fields":[{"name":"k","type":"string"},{"name":"n","type":"int64"}],"rowKey":["k"],"sortKey":["n"]}'


def start(work):
    with open(work + "/schema.json", "w") as f:
        f.write(SCHEMA)
    t.run("init", instance=work + "/i")
    t.run("table", "create", "t", "--schema", work + "/schema.json", instance=work + "/i")


def write_file(work, number):
    path = "%s/%d.csv" % (work, number)
    with open(path, "w") as f:
        f.write("k,n\n%04x,%d\n%04x,%d\n" % (number * 7919 % 65536, number, number * 104729 % 65536, number))
    return path


def rows_of(number):
    return ["%04x,%d" % (number * 7919 % 65536, number), "%04x,%d" % (number * 104729 % 65536, number)]


def ingest(work, number, limit=None):
    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    env = dict(os.environ, SLEEPER_INSTANCE=work + "/i")
    return subprocess.Popen([t.SLEEPER, "ingest", "t", write_file(work, number), "--token", "commit-%d" % number],
                            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            preexec_fn=limit_files if limit else None)


def judge(work, count):
    want = sorted(row for number in range(count) for row in rows_of(number))
    got = sorted(t.run("scan", "t", "--no-header", instance=work + "/i").decode().splitlines())
    assert got == want, "%d rows instead of %d" % (len(got), len(want))
    t.run("check", "t", instance=work + "/i")


def hit(chance, running, stopped, due):
    """Kill or stop somebody, if a hit is due; wake who was stopped."""
    if running and due:
        process = chance.choice(list(running))
        if chance.random() < 0.5:
            process.send_signal(signal.SIGKILL)
        elif process not in stopped:
            process.send_signal(signal.SIGSTOP)
            stopped[process] = time.monotonic() + chance.random() * 0.5
    for process in [p for p, until in stopped.items() if time.monotonic() > until]:
        process.send_signal(signal.SIGCONT)
        del stopped[process]


def test_killed_and_stopped_writers_lose_and_double_nothing(work):
    chance = random.Random(SEED)
    start(work)
    todo, running, stopped, kills, hits = list(range(COMMITS)), {}, {}, 0, 0
    done, due_compaction = 0, COMPACT_EVERY
    while todo or running:
        while todo and len(running) < WRITERS:
            number = todo.pop(0)
            running[ingest(work, number)] = number
            hits += chance.random() < 0.25  # for each writer, so that a slow machine does not kill more
        hit(chance, running, stopped, hits > 0)
        hits = max(0, hits - 1)
        time.sleep(0.004)
        if done >= due_compaction:  # else writers are held back, as they should be
            due_compaction = done + COMPACT_EVERY
            t.run("compact", "t", instance=work + "/i")
        for process in [p for p in running if p.poll() is not None]:
            number = running.pop(process)
            stopped.pop(process, None)
            message = process.stderr.read().decode(errors="replace")
            process.stderr.close()
            if process.returncode == -signal.SIGKILL:
                kills += 1
                todo.append(number)  # nobody knows: again, under the same id
            else:
                assert process.returncode == 0, message
                done += 1
    judge(work, COMMITS)
    assert kills > COMMITS // 100, "%d kills" % kills


def test_a_full_file_system_refuses_commits_and_harms_nothing(work):
    start(work)
    for number in range(12):
        process = ingest(work, number, limit=(None, 64, 700, 1200)[number % 4])
        message = process.communicate()[1].decode(errors="replace")
        if number % 4 == 1:
            assert process.returncode != 0 and message, "64 bytes were enough"
        if process.returncode != 0:
            process = ingest(work, number)
            message = process.communicate()[1].decode(errors="replace")
            assert process.returncode == 0, message
    judge(work, 12)


t.main(globals())
