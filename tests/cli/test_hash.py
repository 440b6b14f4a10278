"""phash hash: values, formats, limits, and which output goes where."""

import fcntl
import json
import os
import re
import subprocess
import time

from cli import (PHASH, CliTest, SANITIZED, WAVES_HASH, WAVES_QUALITY, exif, flat_picture, main, picture,
                 png)

HEX = re.compile(rb"[0-9a-f]{64}")
ORIENTATIONS = ["original", "rotate90", "rotate180", "rotate270", "flipx", "flipy", "transpose",
                "antitranspose"]


class Formats(CliTest):
    def test_csv_is_the_reference_value(self):
        self.write("a.png", picture())
        self.check(self.run_phash("hash", "a.png"), 0,
                   WAVES_HASH + b"," + WAVES_QUALITY + b",a.png\n", b"")

    def test_hex(self):
        self.write("a.png", picture())
        self.check(self.run_phash("hash", "--format", "hex", "a.png", "a.png"), 0,
                   WAVES_HASH + b"\n" + WAVES_HASH + b"\n", b"")

    def test_json(self):
        self.write("a.png", picture())
        for option in (["--json"], ["--format=json"], ["--form", "json"]):
            result = self.check(self.run_phash("hash", *option, "a.png", "./a.png"), 0, err=b"")
            lines = [json.loads(line) for line in result.out.splitlines()]
            expected = {"path": "a.png", "hash": WAVES_HASH.decode(), "quality": 100,
                        "featureless": False, "algorithm": "pdq", "profile": "full"}
            self.assertEqual(lines, [expected, {**expected, "path": "./a.png"}])

    def test_dihedral(self):
        self.write("a.png", picture())
        csv = self.check(self.run_phash("hash", "--dihedral", "a.png"), 0, err=b"")
        rows = [line.split(b",") for line in csv.out.splitlines()]
        self.assertEqual([row[1:3] for row in rows], [[WAVES_QUALITY, b"a.png"]] * 8)
        self.assertEqual([row[3].decode() for row in rows], ORIENTATIONS)
        self.assertEqual(rows[0][0], WAVES_HASH)
        self.assertTrue(all(HEX.fullmatch(row[0]) for row in rows))
        self.assertEqual(len({row[0] for row in rows}), 8)
        bare = self.check(self.run_phash("hash", "--dihedral", "--format=hex", "a.png"), 0)
        self.assertEqual(bare.out.split(), [row[0] for row in rows])
        value = json.loads(self.run_phash("hash", "--dihedral", "--json", "a.png").out)
        self.assertEqual(list(value["dihedral"]), ORIENTATIONS)
        self.assertEqual([value["dihedral"][name].encode() for name in ORIENTATIONS],
                         [row[0] for row in rows])

    def test_original_is_the_hash_itself(self):
        # For 64x64 the reference's dihedral entry point differs from its plain one.
        self.write("a.png", picture(6, (64, 64)))
        plain = self.run_phash("hash", "--format=hex", "a.png").out
        self.assertEqual(plain.strip(),
                         b"0b5df72c1b9995b91b1997a86a4cb4b5abd19e656ec144e44ea9b4826c66a19b")
        self.assertEqual(self.run_phash("hash", "--dihedral", "--format=hex", "a.png").out[:65],
                         plain)

    def test_bad_format(self):
        self.check(self.run_phash("hash", "--format", "xml", "a.png"), 2, b"",
                   b"phash: hash: --format: 'xml' is none of csv, json, hex; "
                   b"try 'phash hash --help'\n")


class Values(CliTest):
    def test_profiles(self):
        rows = [[(x * x + y * 7 + x * y) % 256 for x in range(700)] for y in range(40)]
        self.write("wide.png", png(700, 40, 1, rows))
        full = json.loads(self.run_phash("hash", "--json", "wide.png").out)
        nn512 = json.loads(self.run_phash("hash", "--json", "--profile=nn512", "wide.png").out)
        self.assertEqual((full["profile"], nn512["profile"]), ("full", "nn512"))
        self.assertNotEqual(full["hash"], nn512["hash"])
        self.check(self.run_phash("hash", "--profile", "half", "wide.png"), 2, b"")

    def test_fast_is_named(self):
        # A PNG has no fast way: it gets the full hash, and the output says so.
        self.write("a.png", picture())
        self.check(self.run_phash("hash", "--profile=fast", "a.png"), 0,
                   WAVES_HASH + b",100,a.png,full\n", b"")
        value = json.loads(self.run_phash("hash", "--profile=fast", "--json", "a.png").out)
        self.assertEqual(value["profile"], "full")
        rows = self.run_phash("hash", "--profile=fast", "--dihedral", "a.png").out.splitlines()
        self.assertEqual(rows[1].split(b",")[1:], [b"100", b"a.png", b"rotate90", b"full"])
        result = self.check(self.run_phash("hash", "--profile=fast", "--format=hex", "a.png"), 2,
                            b"")
        self.assertIn(b"take csv or json", result.err)

    def test_orientation(self):
        turned = picture(turn=lambda rows: [list(row) for row in zip(*rows[::-1])])
        self.write("turned.png", turned)
        self.write("exif.png", picture(extra=exif(6)))  # 6: to be turned a quarter clockwise
        seen = self.run_phash("hash", "--format=hex", "exif.png").out
        self.assertEqual(seen, self.run_phash("hash", "--format=hex", "turned.png").out)
        stored = self.run_phash("hash", "--format=hex", "--no-orient", "exif.png").out
        self.assertEqual(stored.strip(), WAVES_HASH)
        self.assertNotEqual(stored, seen)

    def test_featureless(self):
        self.write("flat.png", flat_picture())
        note = b"phash: flat.png: note: too featureless to submit, hashed anyway\n"
        quiet = self.check(self.run_phash("hash", "flat.png"), 0, err=b"")
        self.assertRegex(quiet.out, rb"^[0-9a-f]{64},0,flat.png\n$")
        self.check(self.run_phash("hash", "-v", "flat.png"), 0, quiet.out, note)
        self.check(self.run_phash("hash", "-v", "-q", "flat.png"), 0, quiet.out, b"")
        self.assertIs(json.loads(self.run_phash("hash", "--json", "flat.png").out)["featureless"],
                      True)

    def test_cpumask_changes_nothing(self):
        self.write("a.png", picture())
        for mask in ("all", "c", "popcnt,avx2"):
            self.check(self.run_phash("hash", "--cpumask", mask, "--format=hex", "a.png"), 0,
                       WAVES_HASH + b"\n", b"")
        for mask in ("", "sse9", "avx2 "):
            result = self.check(self.run_phash("hash", "--cpumask", mask, "a.png"), 2, b"")
            self.assertIn(b"no instruction set is called", result.err)


class Limits(CliTest):
    def setUp(self):
        super().setUp()
        self.write("a.png", picture())  # 100x75

    def test_each(self):
        for option, fits, too_small in (("--max-pixels", "7500", "7499"),
                                        ("--max-dimension", "100", "99"),
                                        ("--max-input", "1M", "100"),
                                        ("--max-memory", "64m", "1")):
            self.check(self.run_phash("hash", option, fits, "--format=hex", "a.png"), 0,
                       WAVES_HASH + b"\n", b"")
            result = self.check(self.run_phash("hash", option, too_small, "a.png"), 2, b"")
            self.assertRegex(result.err, rb"^phash: a\.png: [^\n]*(too large|limit)[^\n]*\n$")

    def test_suffixes(self):
        for value in ("7K", "8k", "1M", "1g", "18446744073709551615", "16777215G"):
            self.assertEqual(self.run_phash("hash", "--max-pixels", value, "a.png").code,
                             2 if value == "7K" else 0, value)

    def test_strict_numbers(self):
        for value in ("", "K", "-1", "+1", " 1", "1 ", "0", "1KK", "1Kb", "0x10", "1.5M", "1e6",
                      "18446744073709551616", "17179869184G", "99999999999999999999999"):
            result = self.check(self.run_phash("hash", "--max-pixels", value, "a.png"), 2, b"")
            self.assertIn(b"is not a whole number", result.err)
        for value in ("0", "1025", "2K", "all", "-1"):
            self.check(self.run_phash("hash", "-j", value, "a.png"), 2, b"")


class Batches(CliTest):
    def test_order_with_many_workers(self):
        expected = []
        for i in range(120):
            # Large ones first in each group, so that later ones are done before them.
            size = (260, 200) if i % 10 == 0 else (20 + i % 7, 12)
            rows = [[(x * (i + 3) + y * y) % 256 for x in range(size[0])] for y in range(size[1])]
            self.write("%03d.png" % i, png(size[0], size[1], 1, rows))
            expected.append(b"%03d.png" % i)
        expected.insert(50, b"missing.png")
        names = [os.fsdecode(name) for name in expected]
        one = self.run_phash("hash", "-j1", *names)
        self.assertEqual([line.split(b",")[2] for line in one.out.splitlines()],
                         [name for name in expected if name != b"missing.png"])
        for jobs in ("-j2", "-j8", "--jobs=64"):
            self.check(self.run_phash("hash", jobs, *names), 2, one.out, one.err)
        self.assertEqual(one.err,
                         b"phash: missing.png: cannot open: No such file or directory\n")

    def test_errors_and_exit(self):
        good = picture()
        self.write("good.png", good)
        self.write("cut.png", good[:len(good) // 2])
        self.write("empty.png", b"")
        self.write("text.png", b"just some text, whatever its name says\n" * 10)
        self.write("tiny.png", png(4, 100, 1, [[0] * 4] * 100))
        broken = bytearray(good)
        broken[len(good) // 2] ^= 0xFF
        self.write("broken.png", bytes(broken))
        self.write("wrong.jpg", good)
        names = ["cut.png", "empty.png", "text.png", "tiny.png", "broken.png"]
        result = self.check(self.run_phash("hash", "good.png", *names, "wrong.jpg"), 2)
        self.assertEqual([line.split(b",")[2] for line in result.out.splitlines()],
                         [b"good.png", b"wrong.jpg"])
        lines = result.err.decode().splitlines()
        self.assertEqual([line.split(": ")[:2] for line in lines], [["phash", n] for n in names])
        for line, reason in zip(lines, ["truncated", "not an image", "not an image", "too small",
                                        "corrupt"]):
            self.assertIn(reason, line)

    def test_error_text_on_its_own(self):
        # Whatever fails, stdout is empty, so that a pipeline never takes a message for a hash.
        self.check(self.run_phash("hash", "nothing.png"), 2, b"")

    def test_bounded_memory(self):
        if SANITIZED:
            self.skipTest("sanitizers use memory of their own")
        count = 150000
        listed = b"".join(b"no/such/picture-%d.png\n" % i for i in range(count))
        with open(self.path("err"), "wb") as err, \
                subprocess.Popen([PHASH, "hash", "-"], stdin=subprocess.PIPE, stderr=err,
                                 stdout=subprocess.DEVNULL, cwd=self.dir) as child:
            child.stdin.write(listed)
            child.stdin.flush()
            until = time.monotonic() + 60
            lines = 0
            while lines < count and time.monotonic() < until:
                time.sleep(0.05)
                with open(self.path("err"), "rb") as written:
                    lines = sum(1 for _ in written)
            with open("/proc/%d/status" % child.pid) as status:
                peak, = [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
            child.stdin.close()
            self.assertEqual(child.wait(20), 2)
        self.assertEqual(lines, count)
        self.assertLess(peak, 16 * 1024)  # KiB


class Stdout(CliTest):
    def setUp(self):
        super().setUp()
        for i in range(30):
            self.write("%d.png" % i, picture(i + 1, (30, 20)))
        self.names = ["%d.png" % i for i in range(30)]

    def test_full_disk(self):
        for arguments in (["hash", *self.names], ["compare", "0.png", "1.png"], ["--help"],
                          ["--version"], ["hash", "--help"], ["help", "compare"]):
            with open("/dev/full", "wb") as full:
                self.check(self.run_phash(*arguments, stdout=full), 2, err=
                           b"phash: cannot write to standard output: No space left on device\n")

    def test_closed(self):
        result = self.run_phash("hash", *self.names, stdout=None, preexec_fn=lambda: os.close(1))
        self.check(result, 2,
                   err=b"phash: cannot write to standard output: Bad file descriptor\n")

    def test_all_closed(self):
        def close():
            for fd in (0, 1, 2):
                os.close(fd)
        result = self.run_phash("hash", *self.names, stdin=None, stdout=None, stderr=None,
                                preexec_fn=close)
        self.assertEqual(result.code, 2)

    def test_non_blocking(self):
        # A pipe that somebody else made non-blocking, and that is read late.
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(write, False)
        with subprocess.Popen([PHASH, "hash", "--dihedral", *self.names], stdout=write,
                              cwd=self.dir) as child:
            os.close(write)
            time.sleep(0.5)
            with os.fdopen(read, "rb") as f:
                self.assertEqual(len(f.read().splitlines()), 240)
            self.assertEqual(child.wait(20), 0)

    def test_reader_gone(self):
        read, write = os.pipe()
        os.close(read)
        try:
            self.check(self.run_phash("hash", *self.names, stdout=write), 2,
                       err=b"phash: cannot write to standard output: Broken pipe\n")
        finally:
            os.close(write)


if __name__ == "__main__":
    main()
