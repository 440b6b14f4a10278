"""Files that fail: every read, write, sync, rename, truncation and mapping of the files of an index, a
bank, a case or a report fails once, in turn, with what disks and signals bring.

strace puts the failures in front of the kernel, for the calls of the program itself on files in the
test's folder; what cuts reads and writes short is preloaded (short_counts.c). After each: a command that said it succeeded did; one that failed says which file and why;
whatever it did not finish can be done again, and nothing that was there before is lost."""

import errno
import json
import os
import re
import shutil
import subprocess
import unittest

from cli import CliTest, PHASH, SANITIZED, main, picture

SHORT_COUNTS = os.environ["PHASH_SHORT_COUNTS"]
HAVE_BANK = os.environ.get("PHASH_HAVE_BANK") == "1"
READING = ("read", "pread64", "mmap")
CHANGING = ("write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "ftruncate")
# What a call cannot fail with is left out: fsync and rename are not interrupted on local disks.
ERRORS = {name: ("EIO", "ENOSPC") for name in CHANGING}
ERRORS |= {"read": ("EIO", "EINTR"), "pread64": ("EIO", "EINTR"), "mmap": ("ENOMEM",)}
ERRORS["write"] = ERRORS["pwrite64"] = ("ENOSPC", "EINTR")
TEXTS = {"EIO": b"Input/output error", "ENOSPC": b"No space left on device", "ENOMEM": b"Cannot allocate memory"}
FIRST, SECOND = ("%064x" % 0x1234, "%064x" % 0x98765)


@unittest.skipIf(SANITIZED, "sanitizers make calls of their own")
@unittest.skipUnless(shutil.which("strace"), "no strace here")
class Faults(CliTest):
    def setUp(self):
        super().setUp()
        self.counted = 0
        self.at("first", FIRST)
        self.at("second", SECOND)

    def at(self, name, text):
        self.write(name, text.encode() + b"\n")

    def phash(self, *arguments, stdin=b"", code=0):
        result = self.run_phash(*arguments, stdin=stdin)
        self.assertEqual(result.code, code, result)
        return result.out

    def strace(self, options, arguments, stdin):
        """The program under strace, and the lines that strace wrote. -P names every file that is meant;
        one whose name holds the number of a process has to be looked for among all calls."""
        paths = [x for name in self.files for x in ("-P", os.path.join(os.path.realpath(self.dir), name))]
        done = subprocess.run(["strace", "-y", "-o", os.path.join(self.dir, "trace"),
                               *(() if self.beside else paths), *options, PHASH, *arguments],
                              cwd=self.dir, input=stdin, capture_output=True, timeout=60)
        with open(os.path.join(self.dir, "trace"), errors="replace") as f:
            trace = f.read().splitlines()
        os.unlink(os.path.join(self.dir, "trace"))
        return done, [line for line in trace if re.match(r"\w+\(", line)]

    def ours(self, line):
        return not self.beside or any(re.search(r'[/"]%s\.part\.\d+[">]' % name, line) for name in self.files)

    def regular(self):
        return [name for name in os.listdir(self.dir) if not os.path.isdir(os.path.join(self.dir, name))]

    def save(self):
        """The folder as it is, to be had again before each failure."""
        self.saved = {}
        for name in self.regular():
            with open(os.path.join(self.dir, name), "rb") as f:
                self.saved[name] = f.read(), os.fstat(f.fileno()).st_mode

    def restore(self):
        for name in self.regular():
            os.unlink(os.path.join(self.dir, name))
        for name, (data, mode) in self.saved.items():
            self.write(name, data)
            os.chmod(os.path.join(self.dir, name), mode)

    def each_fails(self, files, arguments, before, after, stdin=b"", beside=False,
                   forgiven=(), writes=True):
        """`before` and `after` look at what is there and raise when it is not as before, or not as the
        command should make it. `beside`: it is written under another name and then renamed.
        `forgiven`: changing calls whose failure need not be told, because nothing was promised that
        depends on them (an index or a bank that is left open is whole)."""
        self.files, self.beside, self.forgiven = files, beside, forgiven
        self.done = None
        calls = CHANGING if beside else READING + CHANGING
        self.save()
        done, trace = self.strace(["-e", "trace=" + ",".join(calls)], arguments, stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        after()
        met = {}
        for line in trace:
            met.setdefault(line.split("(")[0], []).append(self.ours(line))
        self.assertTrue(any(map(any, met.values())), trace)
        for name, lines in met.items():
            for error in ERRORS[name]:
                for n in (n for n, ours in enumerate(lines, 1) if ours):
                    with self.subTest(command=" ".join(arguments), call=name, error=error, n=n):
                        self.restore()
                        self.one_fails(name, error, n, arguments, before, after, stdin)
        if writes:
            self.each_is_short(arguments, before, after, stdin)

    def one_fails(self, name, error, n, arguments, before, after, stdin):
        done, trace = self.strace(["-e", "trace=" + name, "-e", "inject=%s:error=%s:when=%d" % (name, error, n)],
                                  arguments, stdin)
        hit = [line for line in trace if "(INJECTED)" in line]
        self.assertEqual(len(hit), 1, trace)
        self.assertTrue(self.ours(hit[0]), hit)
        self.judge(name, error, done, before, after)

    def judge(self, name, error, done, before, after):
        """After a failure of the call `name`, and with `error` None after one that is no failure."""
        self.counted += 1
        self.done = done
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)
        if done.returncode == 0:
            self.assertTrue(error in (None, "EINTR") or name in READING or name in self.forgiven, name)
            return after()
        self.assertNotIn(error, (None, "EINTR"), done.stderr)  # that is tried again
        message = done.stderr.splitlines()[0]
        self.assertTrue(any(name.encode() in message for name in self.files), message)
        self.assertTrue(message.startswith(b"phash: "), message)
        # Done or not: it is whole, and can be done (again).
        try:
            before()
        except AssertionError:
            after()
        left = [x for x in self.regular() if x not in self.saved and x not in self.files
                and not x.endswith((".lock", "-wal", "-shm"))]
        self.assertEqual(left, [])

    def cut(self, what, arguments, stdin):
        """The program with short counts, and the calls that were cut."""
        log = os.path.join(self.dir, "cut")
        self.restore()
        done = subprocess.run([PHASH, *arguments], cwd=self.dir, input=stdin, capture_output=True, timeout=60,
                              env=dict(os.environ, LD_PRELOAD=SHORT_COUNTS, PHASH_SHORT=what, PHASH_SHORT_LOG=log))
        with open(log) as f:
            lines = f.read().splitlines()
        os.unlink(log)
        return done, lines

    def each_is_short(self, arguments, before, after, stdin):
        """Every read and write of every process gives half of what it was asked for; then each write to a
        file in turn, and the rest of it has no room on the disk."""
        with self.subTest(command=" ".join(arguments), short="all"):
            done, lines = self.cut("all", arguments, stdin)
            self.assertGreater(len(lines), 2)
            self.judge("read", None, done, before, after)
        for n in range(1, 1000):
            done, lines = self.cut("%d,%d" % (n, errno.ENOSPC), arguments, stdin)
            if not lines:
                break
            with self.subTest(command=" ".join(arguments), short=n, call=lines):
                self.assertEqual(len(lines), 1)
                self.assertIn(os.fsencode(os.path.realpath(self.dir)).decode(), lines[0])
                name = "pwrite64" if lines[0].startswith("write at ") else "write"
                self.judge(name, "ENOSPC", done, before, after)
        self.assertGreater(n, 1)

    def listed(self):
        return sorted(line.split(",")[0] for line in self.phash("index", "list", "i").decode().split())

    def holds(self, *hashes):
        def look():
            self.assertEqual(self.listed(), sorted(hashes))
            self.phash("index", "compact", "i")  # ends a journal that was not closed, too
            self.phash("index", "verify", "i")
            self.assertEqual(self.listed(), sorted(hashes))
        return look

    def absent(self, name):
        return lambda: self.assertFalse(os.path.exists(self.path(name)))

    def tearDown(self):
        print("%d failures met" % self.counted)
        self.assertGreater(self.counted, 2)

    INDEX = ("i", "i.journal", "i.new", "i.journal.new", "i.lock")

    def test_index_build(self):
        self.each_fails(self.INDEX, ["index", "build", "i", "first"], self.absent("i"), self.holds(FIRST))

    def test_index_add(self):
        self.phash("index", "build", "i", "first")
        self.each_fails(self.INDEX, ["index", "add", "i", "second"], self.holds(FIRST),
                        self.holds(FIRST, SECOND), forgiven=("pwrite64",))

    def test_index_compact(self):
        self.phash("index", "build", "i", "first")
        self.phash("index", "add", "i", "second")
        self.each_fails(self.INDEX, ["index", "compact", "i"], self.holds(FIRST, SECOND),
                        self.holds(FIRST, SECOND), forgiven=("pwrite64",))

    def test_match(self):
        self.phash("index", "build", "i", "first")
        self.each_fails(self.INDEX, ["match", "-i", "i", "first"], self.holds(FIRST), self.holds(FIRST),
                        writes=False)

    # SQLite puts what is committed to its place when the bank is closed, or else the next time.
    LATER = ("pwrite64", "fdatasync", "ftruncate")
    BANK = ("b", "b-wal", "b-shm", "b-journal")

    def signals(self, count):
        def look():
            self.assertEqual(json.loads(self.phash("bank", "info", "b", "--json"))["images"], count)
            with open(self.path("b"), "rb") as f:
                self.assertEqual(f.read()[18:20], b"\2\2")  # it has a write-ahead log
        return look

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_bank_init(self):
        self.each_fails(self.BANK, ["bank", "init", "b"], self.absent("b"), self.signals(0),
                        forgiven=self.LATER)

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_bank_import(self):
        self.phash("bank", "init", "b")
        self.phash("bank", "import", "b", "first")
        self.each_fails(self.BANK, ["bank", "import", "b", "second"], self.signals(1), self.signals(2),
                        forgiven=self.LATER)

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_bank_withdraw(self):
        self.write("a.png", picture(1, (40, 30)))
        case = json.loads(self.phash("case", "new", "-o", "case", "--json", "a.png"))
        pin = case["pin"].encode() + b"\n"
        self.phash("bank", "init", "b")
        self.phash("bank", "import", "b", "case")
        self.phash("bank", "import", "b", "first")
        held = json.loads(self.phash("bank", "info", "b", "--json"))["images"]
        self.each_fails(self.BANK, ["bank", "withdraw", "b", "--case", case["caseNumber"]], self.signals(held),
                        self.signals(1), pin, forgiven=self.LATER)

    # Files that are written once.

    def whole(self, name, *words):
        def look():
            with open(self.path(name), "rb") as f:
                data = f.read()
            for word in words:
                self.assertIn(word, data)
        return look

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_case_new(self):
        self.write("a.png", picture(1, (40, 30)))
        self.each_fails(["case"], ["case", "new", "-o", "case", "a.png"], self.absent("case"),
                        lambda: self.phash("case", "show", "case"))

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_seal(self):
        self.write("a.png", picture(1, (40, 30)))
        self.phash("keygen", "-o", "k")
        self.phash("case", "new", "-o", "case", "a.png")

        def opens():
            self.phash("case", "open", "--key", "k.key", "-o", "again", "sealed")
            os.unlink(self.path("again"))
        self.each_fails(["sealed", "case", "k.pub"], ["case", "seal", "--to", "k.pub", "-o", "sealed", "case"],
                        self.absent("sealed"), opens)

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_export(self):
        self.phash("bank", "init", "b")
        self.phash("bank", "import", "b", "first")
        self.write("page", b"an older page")
        self.each_fails(["page"], ["bank", "export", "b", "-o", "page"], self.whole("page", b"an older page"),
                        self.whole("page", FIRST.encode(), b"}"), beside=True)

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_feedback(self):
        self.phash("bank", "init", "b")
        self.phash("bank", "import", "b", "first")
        self.phash("bank", "feedback", "b", "--source", "s", "--value", "Blocked", FIRST)
        self.write("page", b"an older page")
        self.each_fails(["page"], ["bank", "feedback", "b", "--source", "s", "--submit", "-o", "page"],
                        self.whole("page", b"an older page"),
                        self.whole("page", FIRST.encode(), b"Blocked", b"}"), beside=True)

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_keygen(self):
        self.each_fails(["k.pub", "k.key"], ["keygen", "-o", "k"], self.absent("k.key"),
                        self.whole("k.key", b"phash-secret-key", b"}"))

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_cache(self):
        """A cache is never needed: whatever happens to it, the matches are the same, then and later."""
        os.mkdir(self.path("pictures"))
        for seed in (1, 2):
            self.write("pictures/%d.png" % seed, picture(seed, (40, 30)))
        self.phash("index", "build", "i", "pictures/1.png")
        scan = ["scan", "-i", "i", "--cache", "cache", "pictures"]
        expected = self.phash("scan", "-i", "i", "pictures")
        self.assertIn(b"1.png", expected)
        for made in (False, True):
            if made:
                self.phash(*scan)

            def good():
                for out in (self.done.stdout if self.done else expected, self.phash(*scan), self.phash(*scan)):
                    self.assertEqual(out, expected)

            def not_there_or_good():
                if not made and os.path.exists(self.path("cache")):
                    self.assertEqual(self.phash(*scan), expected)
            self.each_fails(["cache", "cache-wal", "cache-shm", "cache-journal"], scan, not_there_or_good, good,
                            forgiven=CHANGING)
            self.restore()

    @unittest.skipUnless(HAVE_BANK, "this build has no bank")
    def test_report(self):
        os.mkdir(self.path("pictures"))
        self.write("pictures/a.png", picture(1, (40, 30)))
        self.phash("index", "build", "i", "pictures/a.png")
        self.write("report.html", b"an older report")
        self.each_fails(["report.html"], ["scan", "-i", "i", "--report", "report.html", "pictures"],
                        self.whole("report.html", b"an older report"),
                        self.whole("report.html", b"a.png", b"</html>"), beside=True)


if __name__ == "__main__":
    main()
