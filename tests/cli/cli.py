"""What the tests of the command line share: running the program, and making small images."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PHASH = os.environ["PHASH"]
PHASH_HOOKED = os.environ["PHASH_HOOKED"]
SANITIZED = os.environ.get("PHASH_SANITIZED", "none") != "none"

# waves-12-100x75x3: hash and quality by Meta's reference.
WAVES_SIZE = (100, 75)
WAVES_SEED = 12
WAVES_HASH = b"1dc1a2be33662763e23606638da9d95c8889d5d1ba283767e33c613b1ee2ddd0"
WAVES_QUALITY = b"100"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, channels, rows, extra=b""):
    """A PNG of 8-bit grey (1) or RGB (3) from rows of bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    raw = b"".join(b"\0" + bytes(row) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b""))


def exif(orientation):
    """An eXIf chunk that says how the picture is turned."""
    entry = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    return chunk(b"eXIf", b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0))


MASK = (1 << 64) - 1


def finish(z):
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def mix(z):
    return finish((z + 0x9E3779B97F4A7C15) & MASK)


class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return finish(self.state)


def waves(seed, width, height, channels):
    """A formula image: pictures of smooth waves, rectangles and a little noise. Rows of pixels."""
    random = Random(seed)
    terms = [[(random.next() % 17 - 8, random.next() % 17 - 8, 16 + random.next() % 240,
               random.next() % 1024, 8 + random.next() % 48) for _ in range(6)]
             for _ in range(channels)]
    rectangles = []
    for _ in range(5):
        x0, y0 = random.next() % width, random.next() % height
        x1, y1 = x0 + 1 + random.next() % (width // 3 + 1), y0 + 1 + random.next() % (height // 3 + 1)
        rectangles.append((x0, y0, x1, y1, [random.next() & 255 for _ in range(3)]))

    def sample(x, y, c):
        value = 128 + (mix(seed ^ y << 40 ^ x << 16 ^ c) & 15) - 8
        for ax, ay, period, phase, amp in terms[c]:
            m = (ax * x + ay * y + phase) % (2 * period)
            value += (m if m < period else 2 * period - m) * amp // period - amp // 2
        for x0, y0, x1, y1, values in rectangles:
            if x0 <= x < x1 and y0 <= y < y1:
                value = values[c]
        return min(255, max(0, value))

    return [[[sample(x, y, c) for c in range(channels)] for x in range(width)]
            for y in range(height)]


def picture(seed=WAVES_SEED, size=WAVES_SIZE, turn=None, extra=b""):
    """A PNG of a formula image in colour, its pixels moved by `turn` (rows to rows) first."""
    rows = waves(seed, size[0], size[1], 3)
    if turn:
        rows = turn(rows)
    flat = [[s for pixel in row for s in pixel] for row in rows]
    return png(len(rows[0]), len(rows), 3, flat, extra)


def flat_picture(size=(40, 30)):
    return png(size[0], size[1], 1, [[77] * size[0]] * size[1])


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "exit %r\n--- out\n%r\n--- err\n%r" % (self.code, self.out, self.err)


class CliTest(unittest.TestCase):
    """Each test has a folder of its own, and the program runs in it."""

    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="phash-cli-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, name):
        return os.path.join(os.fsencode(self.dir), os.fsencode(name))

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def run_phash(self, *arguments, program=PHASH, stdin=b"", **more):
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("cwd", self.dir)
        done = subprocess.run([program, *arguments], input=stdin, timeout=120, **more)
        return Result(done.returncode, done.stdout, done.stderr)

    def check(self, result, code, out=None, err=None):
        """The exit code, all of stdout, all of stderr."""
        self.assertEqual(result.code, code, result)
        if out is not None:
            self.assertEqual(result.out, out, result)
        if err is not None:
            self.assertEqual(result.err, err, result)
        return result


def main():
    program = unittest.main(argv=[sys.argv[0], "-v"] + sys.argv[1:], exit=False)
    if program.result.testsRun == 0:
        sys.exit("no test ran")
    sys.exit(not program.result.wasSuccessful())
