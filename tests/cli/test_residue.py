"""After a picture was hashed, nothing of it is left in memory: neither in the program nor in its worker.

The picture's rows and its file are full of bytes that are nowhere else. While the program waits for the
next name on standard input, all memory of its processes is read and searched for them."""

import glob
import os
import re
import struct
import subprocess
import unittest
import zlib

from cli import CliTest, PHASH, Random, SANITIZED, chunk, main

WIDTH, HEIGHT = 300, 200


def noise(seed, count):
    r = Random(seed)
    return b"".join(struct.pack("<Q", r.next()) for _ in range(count // 8 + 1))[:count]


def painted(level):
    """A PNG that no compression hides, and rows of its pixels."""
    rows = [noise(1000 + y, WIDTH * 3) for y in range(HEIGHT)]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), level)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""), rows


def luma(row):
    """The row as floats, as PDQ begins."""
    f = lambda v: struct.unpack("<f", struct.pack("<f", v))[0]
    out = []
    for i in range(0, len(row), 3):
        r, g, b = row[i], row[i + 1], row[i + 2]
        out.append(f(f(f(f(0.299) * r) + f(f(0.587) * g)) + f(f(0.114) * b)))
    return struct.pack("<%df" % len(out), *out)


def segment(marker, body):
    return struct.pack(">BBH", 0xff, marker, len(body) + 2) + body


class Bits:
    def __init__(self):
        self.value, self.count, self.out = 0, 0, bytearray()

    def put(self, value, count):
        self.value, self.count = self.value << count | value, self.count + count
        while self.count >= 8:
            self.count -= 8
            byte = self.value >> self.count & 255
            self.out += bytes([byte]) if byte != 255 else b"\xff\0"
        self.value &= (1 << self.count) - 1


def painted_jpeg(progressive=False, blocks=(40, 30)):
    """A JPEG with 4:2:0 subsampling, every 8x8 block of one grey of its own; and what a decoder makes of
    it: pieces of a row of luma, and of RGB."""
    wide, high = blocks
    levels = [[v % 255 - 127 for v in noise(2000 + y, wide)] for y in range(high)]
    bits, last = Bits(), [0, 0, 0]

    def dc(component, value):
        change, last[component] = value - last[component], value
        size = abs(change).bit_length()
        bits.put(size, 4)  # every size has a code of 4 bits
        if size:
            bits.put(change if change > 0 else change + (1 << size) - 1, size)
        if not progressive:
            bits.put(0, 1)  # nothing but the mean

    for y in range(0, high, 2):
        for x in range(0, wide, 2):
            for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
                dc(0, levels[y + dy][x + dx])
            dc(1, 0)
            dc(2, 0)
    bits.put(0x7f, 7)
    frame = struct.pack(">BHHB", 8, 8 * high, 8 * wide, 3) + b"\1\x22\0\2\x11\0\3\x11\0"
    tables = (segment(0xdb, b"\0" + b"\x08" * 64)
              + segment(0xc4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
              + segment(0xc4, b"\x10" + bytes([1] + [0] * 15) + b"\0"))
    scan = b"\3\1\0\2\0\3\0\0" + (b"\0" if progressive else b"\x3f") + b"\0"
    data = (b"\xff\xd8" + tables + segment(0xc2 if progressive else 0xc0, frame) + segment(0xda, scan)
            + bytes(bits.out) + b"\xff\xd9")
    marks = []
    for y in (0, 1, high // 2, high - 2, high - 1):
        for x in (0, wide // 2, wide - 5):
            greys = [v + 128 for v in levels[y][x:x + 5]]
            marks.append(("luma of blocks in row %d" % y, b"".join(bytes([v]) * 8 for v in greys)))
            marks.append(("pixels of blocks in row %d" % y, b"".join(bytes([v]) * 24 for v in greys)))
            marks.append(("floats of blocks in row %d" % y,
                          b"".join(struct.pack("<f", v) * 8 for v in greys)))
    for at in (len(data) // 2, len(data) - 60):
        marks.append(("the file at %d" % at, data[at:at + 32]))
    return data, marks


def memory(pid):
    """Every byte that a process can read."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)", line)
            if not m or m.group(3) in ("[vvar]", "[vsyscall]"):
                continue
            first, last = int(m.group(1), 16), int(m.group(2), 16)
            for at in range(first, last, 1 << 24):
                try:
                    mem.seek(at)
                    yield m.group(3), mem.read(min(1 << 24, last - at))
                except OSError:
                    pass  # pages behind the end of a mapped file


def descendants(pid):
    out = set()
    for path in glob.glob("/proc/%d/task/*/children" % pid):
        with open(path) as f:
            for child in map(int, f.read().split()):
                out |= {child} | descendants(child)
    return out


@unittest.skipIf(SANITIZED, "sanitizers keep freed memory")
@unittest.skipIf(os.geteuid(), "only root may look into the processes")
class Residue(CliTest):
    def found(self, pid, marks):
        left = []
        for name, data in memory(pid):
            for what, mark in marks:
                if mark in data:
                    left.append("%s in %s" % (what, name or "memory"))
        return left

    def marks(self, data, rows):
        out = []
        for y in (0, 1, HEIGHT // 2, HEIGHT - 2, HEIGHT - 1):
            for x in (0, WIDTH // 2, WIDTH - 12):
                out.append(("pixels of row %d" % y, rows[y][3 * x:3 * x + 30]))
            wide = luma(rows[y])
            out.append(("luma of row %d" % y, wide[400:432]))
            out.append(("luma of row %d" % y, wide[-32:]))
        for at in (100, len(data) // 2, len(data) - 100):
            out.append(("the file at %d" % at, data[at:at + 32]))
        return out

    def look(self, data, marks, *options, keep=None):
        """What is left, of a program that keeps what `keep` says."""
        self.write("painted", data)
        # The tests' runner may have memory overwritten; the program must do so by itself.
        environment = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}
        if keep:
            environment.update(LD_PRELOAD=os.environ["PHASH_KEEP_COPIES"], PHASH_KEEP=keep)
        program = subprocess.Popen([PHASH, "hash", "-j1", *options, "-"], cwd=self.dir, env=environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(program.stdout.close)
        program.stdin.write(b"painted\n")
        program.stdin.flush()
        line = program.stdout.readline()
        self.assertIn(b"painted", line)
        workers = descendants(program.pid)
        self.assertGreaterEqual(len(workers), 2)  # the one that forks, and the one that decoded
        left = [(pid, self.found(pid, marks)) for pid in workers | {program.pid}]
        program.stdin.close()
        self.assertEqual(program.wait(60), 0)
        return [what for _, what in left if what]

    def test_png(self):
        data, rows = painted(1)
        for options in ((), ("--profile=nn512",), ("--dihedral",)):
            self.assertEqual(self.look(data, self.marks(data, rows), *options), [])

    @unittest.skipUnless(os.environ.get("PHASH_HAVE_JPEG") == "1", "this build reads no JPEG")
    def test_jpeg(self):
        for progressive in (False, True):
            data, marks = painted_jpeg(progressive)
            for options in ((), ("--profile=fast",), ("--cpumask=c",)):
                self.assertEqual(self.look(data, marks, *options), [], options)

    def test_what_is_kept_is_found(self):
        """A decoder that keeps rows, or the file, or wipes nothing, is found out; one that is preloaded
        like those and keeps nothing is not."""
        data, rows = painted(1)
        marks = self.marks(data, rows)
        self.assertEqual(self.look(data, marks, keep="nothing"), [])
        for keep, what in (("pixels", "pixels of row %d" % (HEIGHT // 2)), ("file", "the file at 100"), ("all", "")):
            left = self.look(data, marks, keep=keep)
            self.assertEqual(len(left), 1, keep)  # of the processes the one that decoded
            self.assertTrue(any(line.startswith(what) for line in left[0]), (keep, left))
        if os.environ.get("PHASH_HAVE_JPEG") == "1":
            for progressive in (False, True):
                self.assertEqual(len(self.look(*painted_jpeg(progressive), keep="all")), 1, progressive)

    def test_what_is_there_is_found(self):
        """This process holds the pictures: were they not found here, the search would be worth nothing."""
        data, rows = painted(1)
        self.assertTrue(self.found(os.getpid(), self.marks(data, rows)))
        data, marks = painted_jpeg()
        self.assertTrue(self.found(os.getpid(), marks))


if __name__ == "__main__":
    main()
