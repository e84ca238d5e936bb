"""What no command makes at will, put into the golden instance that make_instance.sh has begun: a transaction that waits in
an inbox, and one whose payload is out of line. make_instance.py SLEEPER INSTANCE"""

import glob
import json
import os
import shutil
import struct
import subprocess
import sys

SLEEPER, INSTANCE = sys.argv[1:]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def take(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return n, at


def sealed(data):
    """With the checksum of all bytes but its own at offset 12."""
    return data[:12] + struct.pack("<I", crc32c(data[:12] + data[16:])) + data[16:]


def inspect(path):
    return json.loads(subprocess.check_output([SLEEPER, "inspect", path, "-o", "json"]))


def hash_of(data):
    path = os.path.join(INSTANCE, ".hashed")
    with open(path, "wb") as f:
        f.write(data)
    digits = inspect(path)["hash"]
    os.remove(path)
    return digits


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def table(name):
    rows = json.loads(subprocess.check_output([SLEEPER, "-I", INSTANCE, "table", "list", "-o", "json"]))
    return os.path.join(INSTANCE, "t", next(row["id"] for row in rows if row["name"] == name))


def parts(frame):
    """The one transaction of a frame as (kind and versions, time, flags, payload), and its bodies."""
    fields, txns, bodies = struct.unpack("<III", frame[44:56])
    at = 56 + fields
    _, at = take(frame, at)
    begin = at
    for _ in range(3):
        _, at = take(frame, at)
    versions = frame[begin:at]
    _, at = take(frame, at + 16)
    time, at = take(frame, at)
    return versions, time, frame[at], frame[at + 1:56 + fields + txns], frame[56 + fields + txns:]


def transaction(versions, txid, base, time, flags, payload):
    body = versions + txid + varint(base) + varint(time) + bytes([flags]) + payload
    return varint(len(body)) + body


def last_frame(place):
    return sorted(glob.glob(place + "/log/*"))[-1]


def leave_in_inbox(place):
    adds = [path for path in sorted(glob.glob(place + "/log/*")) if inspect(path)["embedded"]]
    with open(adds[-1], "rb") as f:
        versions, time, flags, payload, bodies = parts(f.read())
    txid = bytes(range(16))
    base = int(os.path.basename(last_frame(place)))
    data = b"SLEEPINB" + struct.pack("<II", 1, 0) + transaction(versions, txid, base, time, flags, payload) + bodies
    write("%s/inbox/%020d-%s" % (place, base, txid.hex()), sealed(data))


def commit_out_of_line(place):
    """The last add of the table once more: another file of the same bytes, named by a body."""
    path = last_frame(place)
    number = int(os.path.basename(path))
    with open(path, "rb") as f:
        frame = f.read()
    versions, time, flags, payload, _ = parts(frame)
    old = inspect(path)["transactions"][0]["payload"]["file"][0]["name"]
    new = "data/7e/%020d-%s.parquet" % (number, "7e" * 16)
    assert len(old) == len(new), old
    os.makedirs(os.path.dirname(os.path.join(place, new)), exist_ok=True)
    shutil.copy(os.path.join(place, old), os.path.join(place, new))
    body = b"SLEEPBDY" + struct.pack("<I", 1) + payload.replace(old.encode(), new.encode())
    name = "body/%020d-%s" % (number, hash_of(body))
    write(os.path.join(place, name), body)
    size = varint(len(body))
    named = (bytes([1, len(name)]) + name.encode() + bytes([3, len(size)]) + size + bytes([5, len(new)]) + new.encode())
    txn = transaction(versions, bytes(range(16, 32)), number, time, flags | 2, named)
    data = (b"SLEEPLOG" + struct.pack("<IIQ", 1, 0, number + 1) + bytes.fromhex(inspect(path)["hash"])
            + struct.pack("<IIII", 1, 0, len(txn), 0) + txn)
    write("%s/log/%020d" % (place, number + 1), sealed(data))


leave_in_inbox(table("main"))
commit_out_of_line(table("sums"))
