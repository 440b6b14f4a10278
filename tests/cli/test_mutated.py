"""phash hash over mutated images: each is hashed or has one line that says why not, and no worker dies.

5,000 of them; PHASH_TEST_MUTATIONS sets another number, PHASH_TEST_SEED another start."""

import os
import resource
import struct
import subprocess
import tempfile
import zlib

from cli import PHASH, CliTest, Random, SANITIZED, main

COUNT = int(os.environ.get("PHASH_TEST_MUTATIONS", "5000"))
SEED = int(os.environ.get("PHASH_TEST_SEED", "1"))
BATCH = 500
LIMIT = 256 << 20  # bytes that an image may need; what programs take for themselves comes on top
PEAK = (400 << 20) if not SANITIZED else (2 << 30)


def seeds():
    fixtures = os.environ["PHASH_FIXTURES"]
    out = []
    for part in ("images", "damaged"):
        for folder, _, names in sorted(os.walk(os.path.join(fixtures, part))):
            for name in sorted(names):
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                if data:
                    out.append(data)
    return out


def flip_bits(r, data, _):
    for _ in range(1 + r.next() % 16):
        data[r.next() % len(data)] ^= 1 << r.next() % 8


def set_bytes(r, data, _):
    for _ in range(1 + r.next() % 8):
        data[r.next() % len(data)] = (0, 0xff, 0x80, r.next() & 255)[r.next() % 4]


def flip_early(r, data, _):
    data[r.next() % min(len(data), 600)] ^= 1 << r.next() % 8


def truncate(r, data, _):
    del data[r.next() % len(data):]


def splice(r, data, other):
    data[r.next() % len(data):] = other[r.next() % len(other):]


def repeat(r, data, _):
    at = r.next() % len(data)
    data[at:at] = data[at:at + 1 + r.next() % 3000]


def cut_out(r, data, _):
    at = r.next() % len(data)
    del data[at:at + 1 + r.next() % 300]


def markers(data):
    """Where JPEG's segments begin, up to the first scan and at what looks like one in it."""
    return [i for i in range(len(data) - 3) if data[i] == 0xff and 0xc0 <= data[i + 1] <= 0xfe]


def jpeg_marker(r, data, other):
    places = markers(data)
    if not places:
        return flip_bits(r, data, other)
    at = places[r.next() % len(places)]
    what = r.next() % 5
    if what == 0:
        data[at + 1] = 0xc0 + r.next() % 0x3f
    elif what == 1:
        data[at + 2:at + 4] = struct.pack(">H", r.next() % 65536)
    elif what == 2:
        del data[at:at + 2 + int.from_bytes(data[at + 2:at + 4], "big")]
    elif what == 3:
        segment = data[at:at + 2 + int.from_bytes(data[at + 2:at + 4], "big")]
        data[at:at] = segment * (1 + r.next() % 3)
    else:
        from_other = markers(other)
        if from_other:
            begin = from_other[r.next() % len(from_other)]
            data[at:at] = other[begin:begin + 2 + int.from_bytes(other[begin + 2:begin + 4], "big")]


def chunks(data):
    at, out = 8, []
    while at + 12 <= len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        if at + 12 + length > len(data):
            break
        out.append((at, length))
        at += 12 + length
    return out


def png_chunk(r, data, other):
    """Chunks with sums that fit, so that what is in them is looked at."""
    places = chunks(data) if data[:4] == b"\x89PNG" else []
    if not places:
        return jpeg_marker(r, data, other)
    at, length = places[r.next() % len(places)]
    body = bytearray(data[at + 4:at + 8 + length])
    what = r.next() % 5
    if what == 0 and length:
        body[4 + r.next() % length] = r.next() & 255
    elif what == 1:
        body[:4] = (b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"eXIf", b"IEND", b"iCCP")[r.next() % 7]
    elif what == 2:
        body = body[:4] + body[4 + r.next() % (length + 1):]
    elif what == 3:
        body += bytes(r.next() & 255 for _ in range(r.next() % 40))
    else:
        body = bytearray()  # the chunk is left out
    whole = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) if body else b""
    data[at:at + 12 + length] = whole


CHANGES = [flip_bits, set_bytes, flip_early, truncate, splice, repeat, cut_out, jpeg_marker, jpeg_marker,
           png_chunk, png_chunk]


class Mutated(CliTest):
    def batch(self, folder, first, count, sources):
        names = set()
        for i in range(first, first + count):
            r = Random(SEED * 1000003 + i)
            data = bytearray(sources[i % len(sources)])
            for _ in range(1 + r.next() % 3):
                if data:
                    CHANGES[r.next() % len(CHANGES)](r, data, sources[r.next() % len(sources)])
            name = "m%d" % i
            names.add(name.encode())
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        arguments = ["--max-memory=%d" % LIMIT, "-r", "."]
        done = subprocess.run([PHASH, "hash", *arguments], cwd=folder, capture_output=True, timeout=900)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        hashed = [line.rsplit(b",", 1)[1].removeprefix(b"./") for line in done.stdout.splitlines()]
        refused = []
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith(b"phash: ") and line.count(b": ") >= 2, line)
            self.assertNotIn(b"died", line)
            refused.append(line.split(b": ")[1].removeprefix(b"./"))
        self.assertEqual(sorted(hashed + refused), sorted(names))
        self.assertEqual(done.returncode, 2 if refused else 0)
        for name in names:
            os.unlink(os.path.join(folder, name.decode()))
        return len(hashed)

    def test_each_is_hashed_or_refused(self):
        sources = seeds()
        self.assertGreater(len(sources), 150)
        hashed = 0
        place = "/dev/shm" if os.path.isdir("/dev/shm") else None
        with tempfile.TemporaryDirectory(prefix="phash-mutated-", dir=place) as folder:
            for first in range(0, COUNT, BATCH):
                hashed += self.batch(folder, first, min(BATCH, COUNT - first), sources)
        print("%d mutated images, %d of them have a hash" % (COUNT, hashed))
        self.assertGreater(hashed, COUNT // 20)
        self.assertLess(hashed, COUNT)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
        self.assertLess(peak, PEAK)
        print("peak memory of a process: %d MB" % (peak >> 20))


if __name__ == "__main__":
    main()
