"""Lists, pages, case files and sealed boxes that strangers made up, through every command that reads
such: a clear error, nothing taken in by half, and bounds on time and memory.

PHASH_TEST_BLANKS sets how many bytes of nothing are sent (default 128 MiB)."""

import json
import os
import random
import subprocess
import threading
import time

from cli import PHASH, SANITIZED, CliTest, main, picture

BLANKS = int(os.environ.get("PHASH_TEST_BLANKS", 1 << 27))
MEMORY = 96 << 20  # bytes that a command may hold, whatever it is sent
PAGE = b'{"hashRecords":[%s]}'
HASH = b"0f" * 32


def record(inner):
    return PAGE % (b'{"signalType":"ImagePDQ","hashValue":"%s",%s}' % (HASH, inner))


# What each one is, and its bytes: no command can make anything of them.
BROKEN = {
    "nested lists": b"[" * 1000000,
    "nested objects": b'{"a":' * 1000000,
    "nested in a page": b'{"hashRecords":' + b"[" * 1000000,
    "not UTF-8": b"\xff\xfe\x80" * 100,
    "not UTF-8 in a case": b'{"format":"phash-case","version":1,"caseNumber":"\xff"}',
    "NULs": b"\0" * 100000,
    "NUL in a case": b'{"format":"phash-case","version":1,"caseNumber":"\\u0000"}',
    "no end": b'{"hashRecords":[{"hashValue":"a"}',
    "blanks": b" " * 200000,
    "case without anything": b'{"format":"phash-case"}',
    "case of another version": b'{"format":"phash-case","version":99999999999999999999999}',
    "case twice over": b'{"format":"phash-case","format":"phash-case","version":1,"version":1}',
    "sealed nothing": b'{"format":"phash-sealed","version":1,"sealed":""}',
    "a page of nothing we know": b'{"format":"phash-public-key","version":1,"key":"abc"}',
    "an image": b"\x89PNG\r\n\x1a\n" + b"x" * 1000,
}

# One record that is bad, which the page survives.
BAD_RECORDS = {
    "nested": PAGE % (b'{"hashValue":' + b"[" * 100000 + b"]" * 100000 + b"}"),
    "number too large": record(b'"lastModtimestamp":' + b"9" * 400),
    "real number too large": record(b'"lastModtimestamp":1e999999'),
    "key twice": record(b'"hashStatus":"Active","hashStatus":"Withdrawn"'),
    "not UTF-8": record(b'"hashStatus":"\xff"'),
    "NUL": record(b'"hashStatus":"a\\u0000b"'),
    "hash of another length": PAGE % b'{"signalType":"ImagePDQ","hashValue":"abc"}',
    "no object": PAGE % b"17",
}


class HostileTest(CliTest):
    def setUp(self):
        super().setUp()
        self.ok("bank", "init", "b.db")
        self.ok("keygen", "-o", "k")
        self.before = self.bank()

    def ok(self, *arguments, stdin=b""):
        return self.check(self.run_phash(*arguments, stdin=stdin), 0).out

    def bank(self):
        """All that a bank has to say."""
        return (json.loads(self.ok("bank", "info", "--json", "b.db")),
                self.ok("bank", "export", "-q", "b.db"), self.ok("bank", "list", "b.db"))

    def assert_clear(self, err, what):
        """One line for people, or a few; nothing of the input in it."""
        self.assertRegex(err, rb"\A(phash: [\x20-\x7e]+\n){1,25}\Z", what)
        self.assertLess(len(err), 4000, what)
        for word in (b"\xff", b"\\x", b"[[[", HASH[:16]):
            self.assertNotIn(word, err, what)

    def readers(self, path):
        """Every command that reads a file of a stranger's."""
        return [("bank", "import", "b.db", path), ("bank", "import", "--key", "k.key", "b.db", path),
                ("case", "show", path), ("case", "show", "--key", "k.key", path),
                ("case", "open", "--key", "k.key", "-o", "out", path),
                ("case", "seal", "--to", "k.pub", "-o", "out", path),
                ("keygen", "--fingerprint", path),
                ("case", "seal", "--to", path, "-o", "out", "k.pub"),
                ("bank", "import", "--key", path, "b.db", "k.pub")]


class Broken(HostileTest):
    def test_each_with_every_reader(self):
        for what, data in BROKEN.items():
            self.write("evil", data)
            for command in self.readers("evil"):
                self.check(self.run_phash(*command), 2, b"")
                self.assert_clear(self.run_phash(*command).err, (what, command))
                self.assertFalse(os.path.exists(self.path("out")), (what, command))
        self.assertEqual(self.bank(), self.before)

    def test_bad_records_cost_a_line_each(self):
        for what, data in BAD_RECORDS.items():
            self.write("evil", data)
            done = self.check(self.run_phash("bank", "import", "-q", "b.db", "evil"), 2, b"")
            self.assertRegex(done.err, rb"\Aphash: evil: record 1: [\x20-\x7e]+\n\Z", what)
            # Among good ones it costs itself alone.
            good = b'{"signalType":"ImagePDQ","hashValue":"%064x"}'
            bad = data[len(b'{"hashRecords":['):-len(b"]}")]
            self.write("evil", PAGE % b",".join([good % 1, bad, good % 2]))
            self.run_phash("bank", "init", "c.db")
            done = self.check(self.run_phash("bank", "import", "c.db", "evil"), 2)
            self.assertIn(b"2 good, 2 new", done.err, what)
            self.assertIn(b" 1 bad\n", done.err, what)
            os.remove(self.path("c.db"))
        self.assertEqual(self.bank()[0]["signals"], 0)

    def test_page_that_breaks_off_is_not_taken_in(self):
        """Whole or absent, however many good records came before."""
        good = b",".join(b'{"signalType":"ImagePDQ","hashValue":"%064x"}' % i for i in range(5000))
        for end in (b"", b",", b',{"hashValue":"', b"]", b"]]}", b"}"):
            self.write("evil", b'{"hashRecords":[' + good + end)
            self.check(self.run_phash("bank", "import", "b.db", "evil"), 2, b"")
        self.assertEqual(self.bank(), self.before)

    def test_many_bad_lines_are_few_messages(self):
        lines = HASH + b"\n" + b"no hash\n" * 100000
        done = self.check(self.run_phash("bank", "import", "b.db", "-", stdin=lines), 2, b"")
        self.assertLess(len(done.err), 3000)
        self.assertIn(b"1 good, 1 new", done.err)
        self.assertIn(b"100000 bad", done.err)


class Sealed(HostileTest):
    def sealed(self):
        self.write("a.png", picture())
        self.ok("case", "new", "-o", "sealed", "--seal-to", "k.pub", "a.png")
        with open(self.path("sealed"), "rb") as f:
            return f.read()

    def test_tampered_boxes(self):
        data = self.sealed()
        seed = int(os.environ.get("PHASH_TEST_SEED", random.randrange(1 << 31)))
        print("seed", seed)
        draw = random.Random(seed)
        start = data.index(b'"box"') if b'"box"' in data else len(data) // 2
        for i in range(60):
            at = draw.randrange(start, len(data) - 4)
            if data[at:at + 1] in b" \n":
                continue
            other = bytes([data[at] ^ (1 << draw.randrange(7) or 1)])
            self.write("evil", data[:at] + other + data[at + 1:])
            for command in (("case", "open", "--key", "k.key", "-o", "out", "evil"),
                            ("bank", "import", "--key", "k.key", "b.db", "evil")):
                done = self.check(self.run_phash(*command), 2, b"")
                self.assertRegex(done.err, rb"\Aphash: [^\n]+\n\Z", (i, at, other))
            self.assertFalse(os.path.exists(self.path("out")))
        for length in range(0, len(data), 97):
            self.write("evil", data[:length])
            self.check(self.run_phash("case", "open", "--key", "k.key", "-o", "out", "evil"), 2, b"")
            self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(self.bank(), self.before)

    def test_wrong_keys(self):
        self.sealed()
        self.ok("keygen", "-o", "other")
        self.write("short.key", b"phash")
        for key in ("other.key", "k.pub", "short.key", "none.key", "sealed"):
            for command in (("case", "open", "--key", key, "-o", "out", "sealed"),
                            ("case", "show", "--key", key, "sealed"),
                            ("bank", "import", "--key", key, "b.db", "sealed")):
                self.assert_clear(self.check(self.run_phash(*command), 2, b"").err, command)
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(self.bank(), self.before)


class Endless(HostileTest):
    """More than fits: sent through a pipe, so that nobody has to hold it."""

    def send(self, command, head, filler, tail, bound=True):
        """What the command said, with its exit status; checks what it took."""
        child = subprocess.Popen([PHASH, *command], cwd=self.dir, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        block = filler * ((1 << 20) // len(filler))

        def write():
            try:
                child.stdin.write(head)
                for _ in range(BLANKS // len(block)):
                    child.stdin.write(block)
                child.stdin.write(tail)
                child.stdin.close()
            except BrokenPipeError:
                pass

        heard = []
        threads = [threading.Thread(target=write),
                   threading.Thread(target=lambda: heard.append(child.stdout.read())),
                   threading.Thread(target=lambda: heard.append(child.stderr.read()))]
        for thread in threads:
            thread.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        for thread in threads:
            thread.join()
        for stream in (child.stdin, child.stdout, child.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        if not SANITIZED:
            self.assertLess(usage.ru_maxrss * 1024, MEMORY, command)
        self.assertLess(usage.ru_utime + usage.ru_stime, 10 + BLANKS / (1 << 24), command)
        return child.returncode, b"".join(heard)

    def test_nothing_else_in_it(self):
        for command in self.readers("-")[:6] + [("match", "-b", "b.db", "-")]:
            code, said = self.send(command, b"", b" ", b"")
            self.assertEqual(code, 2, command)
            self.assert_clear(said, command)
            self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(self.bank(), self.before)

    def test_inside_a_case_file(self):
        head = b'{"format":"phash-case","version":1,'
        for command in (("bank", "import", "b.db", "-"), ("case", "show", "-")):
            for filler in (b" ", b"\t"):
                code, said = self.send(command, head, filler, b"}")
                self.assertEqual(code, 2, command)
                self.assert_clear(said, command)
        code, said = self.send(("bank", "import", "--key", "k.key", "b.db", "-"),
                               b'{"format":"phash-sealed","version":1,', b" ", b"}")
        self.assertEqual(code, 2)
        self.assert_clear(said, "sealed")
        self.assertEqual(self.bank(), self.before)

    def test_inside_a_page(self):
        """Blanks between records are allowed however many; a record has a longest length."""
        good = b'{"signalType":"ImagePDQ","hashValue":"%s"}' % HASH
        for number, (head, filler, tail, bad) in enumerate((
                (b"", b"\n", PAGE % good, 0),
                (b'{"hashRecords":[', b" ", good + b"]}", 0),
                (b'{"hashRecords":[{"hashValue":"', b" ", b'"},' + good + b"]}", 1),
                (b'{"hashRecords":[{', b"\t", b"}," + good + b"]}", 1),
                (b'{"other":"', b" ", b'","hashRecords":[' + good + b"]}", 0),
                (b'{"', b"k", b'":0,"hashRecords":[' + good + b"]}", 0))):
            name = "%d.db" % number
            self.ok("bank", "init", name)
            code, said = self.send(("bank", "import", name, "-"), head, filler, tail)
            self.assertEqual(code, 2 if bad else 0, said)
            self.assertIn(b"1 good, 1 new", said, head)
            self.assertIn(b" %d bad\n" % bad, said, head)
            self.assert_clear(said, head)

    def test_inside_a_list(self):
        for number, (filler, bad) in enumerate(((b" ", 1), (b"\n", 0), (b"a", 1))):
            name = "%d.db" % number
            self.ok("bank", "init", name)
            code, said = self.send(("bank", "import", name, "-"), HASH + b"\n", filler,
                                   b"\n" + HASH[::-1] + b"\n")
            self.assertEqual(code, 2 if bad else 0, said)
            self.assertIn(b"2 good, 2 new", said)
            self.assertIn(b" %d bad\n" % bad, said)

    def test_as_a_pin(self):
        number = "0000-0000-0000-0000-0"
        for command in (("bank", "status", "b.db", "--case", number),
                        ("bank", "withdraw", "b.db", "--case", number)):
            start = time.monotonic()
            code, said = self.send(command, b"", b"1", b"\n")
            self.assertEqual(code, 2)
            self.assertEqual(said, b"phash: too long for a PIN\n")
            self.assertLess(time.monotonic() - start, 30)


if __name__ == "__main__":
    main()
