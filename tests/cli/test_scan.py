"""phash scan: the cache of files that were looked at, and what a killed run leaves."""

import base64
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import time
import zlib

from cli import PHASH_HOOKED, WAVES_SEED, WAVES_SIZE, CliTest, chunk, main, picture, waves

COPIES = os.path.join(os.environ["PHASH_FIXTURES"], "images", "copies")


class ScanTest(CliTest):
    def ok(self, *arguments, stdin=b""):
        return self.check(self.run_phash(*arguments, stdin=stdin), 0).out

    def bank_of(self, *paths):
        """A bank with one case that holds these pictures: number and PIN."""
        case = json.loads(self.ok("case", "new", "-o", "case.json", "--json", *paths))
        self.ok("bank", "init", "b.db")
        self.ok("bank", "import", "b.db", "case.json")
        return case["caseNumber"], case["pin"].encode() + b"\n"

    def copies(self, folder, repeat=1):
        """Copies of the original and an unrelated picture, `repeat` files of each, none like another
        byte by byte."""
        os.makedirs(self.path(folder), exist_ok=True)
        for name in os.listdir(COPIES):
            with open(os.path.join(COPIES, name), "rb") as f:
                data = f.read()
            for i in range(repeat):
                self.write("%s/%02d-%s" % (folder, i, name), data + b"%d" % i)

    def settle(self):
        """Until files that were just written are old enough for their times to tell of changes."""
        newest = max(os.stat(os.path.join(top, name)).st_ctime
                     for top, _, names in os.walk(self.dir) for name in names)
        time.sleep(max(0, int(newest) + 3.05 - time.time()))

    def scan(self, *arguments, code=0, program=None):
        """The matches, and how many images the cache knew."""
        more = {"program": program} if program else {}
        result = self.check(self.run_phash("scan", "-v", *arguments, **more), code)
        known = re.search(rb"note: (\d+) images were looked at before", result.err)
        return result.out, int(known.group(1)) if known else 0

    def rows(self, name):
        """A report without its times."""
        with open(self.path(name)) as f:
            return re.sub(r"<p>Begun .*?</p>", "", f.read())


class Cache(ScanTest):
    def test_second_scan(self):
        self.copies("found")
        images = len(os.listdir(COPIES))
        self.write("found/notes.txt", b"no picture")
        number, pin = self.bank_of(os.path.join(COPIES, "original.jpg"))
        plain, _ = self.scan("-b", "b.db", "--report", "plain.html", "found")
        self.settle()
        cached = ("-b", "b.db", "--cache", "cache", "--report", "cached.html", "found")
        for expected in (0, images, images):
            self.assertEqual(self.scan(*cached), (plain, expected))
            self.assertEqual(self.rows("cached.html"), self.rows("plain.html"))
        self.assertEqual(os.stat(self.path("cache")).st_mode & 0o777, 0o600)

        # Touched and moved: known by content. Changed in place: not.
        os.utime(self.path("found/00-grey.jpg"), (1, 1))
        os.rename(self.path("found/00-unrelated.jpg"), self.path("found/moved.jpg"))
        with open(self.path("found/00-half-size.jpg"), "ab") as f:
            f.write(b"more")
        self.assertEqual(self.scan(*cached)[1], images - 1)
        # The same bytes again elsewhere.
        shutil.copy(self.path("found/00-grey.jpg"), self.path("found/again.jpg"))
        out, known = self.scan(*cached)
        self.assertEqual(known, images)
        self.assertIn(b"found/again.jpg", out)

    def test_other_options_other_verdicts(self):
        self.copies("found")
        images = len(os.listdir(COPIES))
        self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.settle()
        cached = ("-b", "b.db", "--cache", "cache", "found")
        self.scan(*cached)
        for options in (("-d", "0"), ("--dihedral",), ("--profile", "nn512"), ("--no-orient",)):
            plain, _ = self.scan("-b", "b.db", *options, "found")
            self.assertEqual(self.scan(*cached, *options), (plain, 0), options)
            self.assertEqual(self.scan(*cached, *options), (plain, images), options)
        self.assertEqual(self.scan(*cached)[1], images)

    def test_bank_that_changed(self):
        self.copies("found")
        self.write("found/other.png", picture(seed=77))
        images = len(os.listdir(COPIES)) + 1
        number, pin = self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.settle()
        cached = ("-b", "b.db", "--cache", "cache", "found")
        first, _ = self.scan(*cached)
        self.assertNotIn(b"other.png", first)
        # A signal that is new: everything is compared again.
        other = json.loads(self.ok("case", "new", "-o", "2", "--json", "found/other.png"))
        self.ok("bank", "import", "b.db", "2")
        second, known = self.scan(*cached)
        self.assertEqual(known, 0)
        self.assertIn(b"other.png", second)
        # A signal that is gone: verdicts hold, without it.
        self.ok("bank", "withdraw", "b.db", "--case", number, stdin=pin)
        third, known = self.scan(*cached)
        self.assertEqual(known, images)
        self.assertEqual({json.loads(line)["label"] for line in third.splitlines()},
                         {other["caseNumber"]})
        self.assertIn(b"other.png", third)
        # Another bank has other ids.
        self.ok("bank", "init", "c.db")
        self.assertEqual(self.scan("-b", "c.db", "--cache", "cache", "found", code=1), (b"", 0))

    def test_index(self):
        self.copies("found")
        images = len(os.listdir(COPIES))
        self.ok("index", "build", "i", os.path.join(COPIES, "original.jpg"))
        self.settle()
        cached = ("-i", "i", "--cache", "cache", "found")
        first, _ = self.scan(*cached)
        self.assertEqual(self.scan(*cached), (first, images))
        self.ok("index", "add", "i", os.path.join(COPIES, "unrelated.jpg"))
        second, known = self.scan(*cached)
        self.assertEqual(known, 0)
        self.assertIn(b"unrelated.jpg", second)

    def test_holds_no_trace(self):
        """No hash, no path, no case number: neither in the file nor beside it."""
        self.copies("zz-folder")
        number, _ = self.bank_of(os.path.join(COPIES, "original.jpg"))
        hashes = [line.split(b",")[0] for line in self.ok("hash", "-r", "zz-folder").splitlines()]
        self.settle()
        home = self.path("home")
        os.mkdir(home)
        before = set(os.listdir(self.dir))
        environment = dict(os.environ, HOME=os.fsdecode(home), TMPDIR=os.fsdecode(home))
        self.check(self.run_phash("scan", "-b", "b.db", "zz-folder", env=environment), 0)
        self.check(self.run_phash("scan", "-b", "b.db", "--cache", "cache", "zz-folder",
                                  env=environment), 0)
        self.assertEqual(os.listdir(home), [])
        made = {n for n in set(os.listdir(self.dir)) - before if not n.startswith("b.db")}
        self.assertEqual(made, {"cache"})
        with open(self.path("cache"), "rb") as f:
            data = f.read()
        for h in hashes:
            self.assertNotIn(bytes.fromhex(h.decode()), data)
            self.assertNotIn(h, data.lower())
        for word in (number.encode(), b"zz-folder", b".jpg", os.fsencode(self.dir)):
            self.assertNotIn(word, data)

    def test_bad_cache_files(self):
        self.copies("found")
        self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.write("text", b"these are my notes, and no cache\n" * 100)
        self.write("shared", b"")
        os.chmod(self.path("shared"), 0o666)
        os.symlink("elsewhere", self.path("link"))
        os.mkdir(self.path("folder"))
        for name in ("text", "shared", "link", "folder", "b.db", "none/cache"):
            result = self.run_phash("scan", "-b", "b.db", "--cache", name, "found")
            self.check(result, 2, b"")
            self.assertRegex(result.err, rb"\Aphash: %s: the cache: [^\n]+\n\Z" % name.encode())
        with open(self.path("text"), "rb") as f:
            self.assertEqual(len(f.read()), 3300)
        self.assertFalse(os.path.exists(self.path("elsewhere")))

    def test_damaged_verdicts_do_not_count(self):
        self.copies("found")
        self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.settle()
        cached = ("-b", "b.db", "--cache", "cache", "found")
        first, _ = self.scan(*cached)
        for blob in (b"x", b"\xff" * 16):
            db = sqlite3.connect(self.path("cache"))
            db.execute("UPDATE content SET matches = ?", (blob,))
            db.commit()
            db.close()
            self.assertEqual(self.scan(*cached), (first, 0))

    def test_unreadable_is_tried_again(self):
        self.copies("found")
        with open(os.path.join(COPIES, "grey.jpg"), "rb") as f:
            self.write("found/cut.jpg", f.read()[:2000])
        self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.settle()
        cached = ("-b", "b.db", "--cache", "cache", "--report", "r.html", "found")
        for _ in range(2):
            self.assertIn(b"cut.jpg", self.check(self.run_phash("scan", *cached), 2).err)
            self.assertIn("1 that could not be read", self.rows("r.html"))


class Thumbnails(ScanTest):
    IMAGE = r'<img alt="" width=(\d+) height=(\d+) src="data:image/png;base64,([A-Za-z0-9+/=]+)">'

    def setUp(self):
        super().setUp()
        self.copies("found")
        self.write("found/waves.png", picture())
        self.write("found/tiny.png", picture(size=(7, 200)))
        self.write("found/notes.txt", b"no picture")
        self.bank_of(os.path.join(COPIES, "original.jpg"), "found/waves.png")

    def pictures(self, report):
        """Width, height and samples of each picture, in the order of the page."""
        found = []
        for width, height, data in re.findall(self.IMAGE, report):
            data = base64.b64decode(data)
            self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
            columns, rows = struct.unpack(">II", data[16:24])
            self.assertEqual((int(width), int(height)), (5 * columns, 5 * rows))
            at, body = 8, b""
            while at < len(data):
                length, name = struct.unpack(">I4s", data[at:at + 8])
                content = data[at + 8:at + 8 + length]
                self.assertEqual(data[at:at + 12 + length], chunk(name, content))
                body += content if name == b"IDAT" else b""
                at += 12 + length
            raw = zlib.decompress(body)
            self.assertEqual(len(raw), rows * (1 + 3 * columns))
            lines = [raw[i * (1 + 3 * columns):(i + 1) * (1 + 3 * columns)] for i in range(rows)]
            self.assertEqual({line[0] for line in lines}, {0})
            found.append((columns, rows, b"".join(line[1:] for line in lines)))
        return found

    def assert_self_contained(self, report):
        for word in ("http://", "https://", "//", "url(", "<script", "<link", "<iframe", "@import"):
            self.assertNotIn(word, re.sub(r"base64,[A-Za-z0-9+/=]+", "", report))

    def test_none_without_the_option(self):
        self.scan("-b", "b.db", "--report", "r.html", "found")
        report = self.rows("r.html")
        for word in ("<img", "data:", "image/", "base64", "Blurred"):
            self.assertNotIn(word, report)
        self.assert_self_contained(report)
        self.check(self.run_phash("scan", "-b", "b.db", "--thumbnails", "found"), 2, b"")

    def test_one_for_each_file_that_matches(self):
        out, _ = self.scan("-b", "b.db", "--report", "r.html", "--thumbnails", "found")
        paths = [json.loads(line)["path"] for line in out.splitlines()]
        report = self.rows("r.html")
        self.assert_self_contained(report)
        self.assertIn("default-src 'none'; style-src 'unsafe-inline'; img-src data:", report)
        pictures = self.pictures(report)
        self.assertEqual(report.count("<img"), len(pictures))
        self.assertEqual(len(pictures), len(set(paths)))
        # Next to the path that it is of.
        for path, row in zip(paths, report.split("<tr>")[2:]):
            self.assertRegex(row, r"\A<td>%s<td class=path>%s<td>" % (self.IMAGE, re.escape(path)))
        # No more than twelve dots either way, whatever the picture: the mean of its part of it.
        self.assertTrue(all(max(p[:2]) == 12 for p in pictures))
        rows = waves(WAVES_SEED, *WAVES_SIZE, 3)
        expected = b""
        for cell_y in range(9):
            for cell_x in range(12):
                part = [rows[y][x] for y in range(75) if y * 9 // 75 == cell_y
                        for x in range(100) if x * 12 // 100 == cell_x]
                expected += bytes(sum(p[c] for p in part) // len(part) for c in range(3))
        self.assertEqual(pictures[paths.index("found/waves.png")], (12, 9, expected))

    def test_files_that_the_cache_knows(self):
        self.settle()
        options = ("-b", "b.db", "--cache", "cache", "--report", "r.html", "--thumbnails", "found")
        self.scan(*options)
        first = self.rows("r.html")
        self.assertGreater(self.scan(*options)[1], 0)
        self.assertEqual(self.rows("r.html"), first)
        self.assertGreater(len(self.pictures(first)), 3)
        with open(self.path("cache"), "rb") as f:
            self.assertNotIn(b"PNG", f.read())

    def test_shapes(self):
        self.ok("index", "build", "i", "found/tiny.png", stdin=b"")
        self.scan("-i", "i", "-d", "0", "--report", "r.html", "--thumbnails", "found/tiny.png")
        self.assertEqual([p[:2] for p in self.pictures(self.rows("r.html"))], [(1, 12)])


class Live(ScanTest):
    """A bank that changes while it is searched."""

    def begin(self, *arguments, slow=14):
        """A scan of `found` that is held up for four seconds before it gets to the copies."""
        for i in range(slow):
            self.write("found/00-slow-%02d" % i, b"phash test: slow %d" % i)
        child = subprocess.Popen([PHASH_HOOKED, "scan", "-j", "1", "-b", "b.db", *arguments, "found"],
                                 cwd=self.dir, stdout=subprocess.PIPE)
        time.sleep(0.7)
        return child

    def end(self, child):
        out, _ = child.communicate(timeout=120)
        return child.returncode, [json.loads(line) for line in out.splitlines()]

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("found"))
        shutil.copy(os.path.join(COPIES, "grey.jpg"), self.path("found/grey.jpg"))
        self.write("found/waves.png", picture())
        self.number, self.pin = self.bank_of(os.path.join(COPIES, "original.jpg"))

    def test_withdrawn_meanwhile(self):
        self.assertEqual(self.end(self.begin(slow=1))[0], 0)
        child = self.begin()
        self.ok("bank", "withdraw", "b.db", "--case", self.number, stdin=self.pin)
        self.assertEqual(self.end(child), (1, []))
        hash_of = self.ok("hash", "--format", "hex", os.path.join(COPIES, "original.jpg")).strip()
        for name in os.listdir(self.dir):
            if name.startswith("b.db"):
                with open(self.path(name), "rb") as f:
                    data = f.read()
                self.assertNotIn(bytes.fromhex(hash_of.decode()), data, name)

    def test_added_meanwhile(self):
        child = self.begin("--cache", "cache")
        self.ok("bank", "import", "b.db", "--source", "list", "-",
                stdin=self.ok("hash", "--format", "hex", "found/waves.png"))
        code, found = self.end(child)
        self.assertEqual(code, 0)
        self.assertEqual([(m["path"], m["label"]) for m in found],
                         [("found/grey.jpg", self.number), ("found/waves.png", "")])

    def test_many_search_at_once(self):
        """Nobody waits for a lock: a scan that runs keeps no other program from the index."""
        start = time.monotonic()
        self.ok("match", "-b", "b.db", "found/grey.jpg")
        alone = time.monotonic() - start
        children = [self.begin(slow=6) for _ in range(2)]
        start = time.monotonic()
        out = self.ok("match", "-b", "b.db", "found/grey.jpg")
        # The wait for a lock is five seconds; two others are at work.
        self.assertLess(time.monotonic() - start, 3 + 3 * alone)
        self.assertIn(self.number.encode(), out)
        for child in children:
            self.assertEqual(self.end(child)[0], 0)

    def test_read_only_folder(self):
        """Where the index cannot be kept it is made in memory, and follows just the same."""
        os.mkdir(self.path("b.db.phidx"))
        child = self.begin()
        self.run_phash("bank", "withdraw", "b.db", "--case", self.number, stdin=self.pin)
        self.assertEqual(self.end(child), (1, []))


class Killed(ScanTest):
    def test_killed_and_begun_again(self):
        """Whenever it was killed, the run after it tells all that an undisturbed one tells."""
        self.copies("found", repeat=30)
        for i in range(12):  # each takes a worker 0.3 s, so that there is something to interrupt
            self.write("found/%02d-slow" % (i * 3), b"phash test: slow %d" % i)
        self.bank_of(os.path.join(COPIES, "original.jpg"))
        self.settle()
        whole, _ = self.scan("-b", "b.db", "--report", "whole.html", "found", program=PHASH_HOOKED)
        self.assertGreater(len(whole.splitlines()), 100)
        seed = int(os.environ.get("PHASH_TEST_SEED", random.randrange(1 << 31)))
        print("seed", seed)
        draw = random.Random(seed)
        remembered = 0
        for _ in range(int(os.environ.get("PHASH_TEST_KILLS", 3))):
            if os.path.exists(self.path("cache")):
                os.remove(self.path("cache"))
            for name in ("cache-wal", "cache-shm"):
                if os.path.exists(self.path(name)):
                    os.remove(self.path(name))
            arguments = ("scan", "-j", "2", "-b", "b.db", "--cache", "cache", "--report",
                         "killed.html", "found")
            for _ in range(2):
                child = subprocess.Popen([PHASH_HOOKED, *arguments], cwd=self.dir,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(draw.uniform(0.05, 2.2))
                child.send_signal(signal.SIGKILL)
                child.wait()
            if os.path.exists(self.path("killed.html")):
                os.remove(self.path("killed.html"))
            out, known = self.scan(*arguments[1:], program=PHASH_HOOKED)
            self.assertEqual(out, whole)
            self.assertEqual(self.rows("killed.html"), self.rows("whole.html"))
            remembered += known
            db = sqlite3.connect(self.path("cache"))
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            db.close()
        self.assertGreater(remembered, 0)


if __name__ == "__main__":
    main()
