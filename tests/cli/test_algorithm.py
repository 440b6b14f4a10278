"""--algorithm dct: the hashes of Python's imagehash, and what does not go together."""

import json
import os
import unittest

from cli import CliTest, exif, main, mix, picture

HAVE_DCT = os.environ["PHASH_HAVE_DCT"] == "1"

# waves-12-100x75x3 by imagehash: 8 and 4, 16 and 4, 12 and 3.
DCT = b"bc85a37e1e638a45"
DCT_16 = b"bc8385dda3bc7e431ee363768a2b45ddc8881d4dcad8c3303e23637633262eaa"
DCT_12 = b"bc885da3b7e41ee6378a245dc881d4cadc33"


def negative(rows):
    return [[[255 - s for s in pixel] for pixel in row] for row in rows]


@unittest.skipUnless(HAVE_DCT, "built without dct")
class Dct(CliTest):
    def test_values_are_imagehashs(self):
        self.write("a.png", picture())
        self.check(self.run_phash("hash", "--algorithm", "dct", "a.png"), 0,
                   DCT + b",,a.png,dct-8x4\n", b"")
        self.check(self.run_phash("hash", "--algorithm", "dct", "--hash-size", "12", "--highfreq",
                                  "3", "--format=hex", "a.png"), 0, DCT_12 + b"\n", b"")
        result = self.check(self.run_phash("hash", "--algorithm=dct", "--hash-size=16", "--json",
                                           "a.png"), 0, err=b"")
        self.assertEqual(json.loads(result.out), {"path": "a.png", "hash": DCT_16.decode(),
                                                  "algorithm": "dct-16x4"})

    def test_pdq_is_the_default(self):
        self.write("a.png", picture())
        self.assertEqual(self.run_phash("hash", "--algorithm", "pdq", "a.png").out,
                         self.run_phash("hash", "a.png").out)

    def test_orientation(self):
        turned = picture(turn=lambda rows: rows[::-1], extra=exif(4))  # 4: upside down, mirrored
        self.write("a.png", picture())
        self.write("turned.png", turned)
        both = self.check(self.run_phash("hash", "--algorithm=dct", "--format=hex", "a.png",
                                         "turned.png"), 0).out.split()
        self.assertEqual(both, [DCT, DCT])
        stored = self.run_phash("hash", "--algorithm=dct", "--format=hex", "--no-orient",
                                "turned.png").out.strip()
        self.assertNotEqual(stored, DCT)

    def test_dihedral(self):
        self.write("a.png", picture())
        csv = self.check(self.run_phash("hash", "--algorithm=dct", "--dihedral", "a.png"), 0)
        rows = [line.split(b",") for line in csv.out.splitlines()]
        self.assertEqual(rows[0], [DCT, b"", b"a.png", b"original", b"dct-8x4"])
        self.assertEqual(len({row[0] for row in rows}), 8)
        value = json.loads(self.run_phash("hash", "--algorithm=dct", "--dihedral", "--json",
                                          "a.png").out)
        self.assertEqual([v.encode() for v in value["dihedral"].values()],
                         [row[0] for row in rows])

    def test_compare(self):
        self.write("a.png", picture())
        self.write("b.png", picture(turn=lambda rows: rows[::-1]))
        for a, b, out in (("a.png", "a.png", b"0\n"), (DCT, "a.png", b"0\n"), (DCT, DCT, b"0\n"),
                          ("0" * 16, "f" * 16, b"64\n")):
            self.check(self.run_phash("compare", "--algorithm=dct", a, b), 0, out, b"")
        self.check(self.run_phash("compare", "--algorithm=dct", "-d", "63", "0" * 16, "f" * 16), 1)
        turned = self.check(self.run_phash("compare", "--algorithm=dct", "--dihedral", "a.png",
                                           "b.png"), 0, err=b"")
        self.assertEqual(turned.out.split()[1], b"flipx")
        value = json.loads(self.run_phash("compare", "--algorithm=dct", "--json", DCT,
                                          "a.png").out)
        self.assertEqual(value, {"distance": 0, "algorithm": "dct-8x4"})

    def test_kinds_do_not_mix(self):
        hint = b"; try 'phash compare --help'\n"
        for options, a, b, said in (
                ([], "0" * 64, "0" * 16, b"a hash of 64 bits is no pdq hash, which has 256 bits"),
                (["--algorithm=dct"], "0" * 64, "0" * 16,
                 b"a hash of 256 bits (as pdq has) is no dct-8x4 hash, which has 64 bits"),
                (["--algorithm=dct", "--hash-size=12"], "0" * 36, "0" * 16,
                 b"a hash of 64 bits is no dct-12x4 hash, which has 144 bits"),
                (["--algorithm=dct", "-d65"], "0" * 16, "0" * 16,
                 b"-d: 65 is more than the 64 bits of a hash")):
            self.check(self.run_phash("compare", *options, a, b), 2, b"",
                       b"phash: compare: " + said + hint)

    def test_damaged_file_has_no_hash(self):
        self.write("a.png", picture()[:-40])
        result = self.check(self.run_phash("hash", "--algorithm=dct", "a.png"), 2, b"")
        self.assertIn(b"phash: a.png: ", result.err)


@unittest.skipUnless(HAVE_DCT, "built without dct")
class Variants(CliTest):
    """The negative, and the orientations of both."""

    def test_hash(self):
        self.write("a.png", picture())
        self.write("n.png", picture(turn=negative))
        rows = self.check(self.run_phash("hash", "--algorithm=dct", "--inverted", "a.png"), 0)
        a, n = [line.split(b",") for line in rows.out.splitlines()]
        self.assertEqual(a, [DCT, b"", b"a.png", b"original", b"dct-8x4"])
        self.assertEqual(n[1:], [b"", b"a.png", b"inverted", b"dct-8x4"])
        true = self.run_phash("hash", "--algorithm=dct", "--format=hex", "n.png").out.strip()
        # The grey of a colour's negative may be off by one.
        self.assertLessEqual(bin(int(true, 16) ^ int(n[0], 16)).count("1"), 2)
        rows = self.check(self.run_phash("hash", "--algorithm=dct", "--inverted", "--dihedral",
                                         "a.png"), 0).out.splitlines()
        self.assertEqual(len({row.split(b",")[0] for row in rows}), 16)
        self.assertEqual([row.split(b",")[3] for row in rows][7:10],
                         [b"antitranspose", b"inverted", b"inverted-rotate90"])
        value = json.loads(self.run_phash("hash", "--algorithm=dct", "--inverted", "--json",
                                          "a.png").out)
        self.assertEqual(value["inverted"], {"original": n[0].decode()})
        value = json.loads(self.run_phash("hash", "--algorithm=dct", "--inverted", "--dihedral",
                                          "--json", "a.png").out)
        self.assertEqual([v.encode() for v in value["inverted"].values()],
                         [row.split(b",")[0] for row in rows[8:]])

    def test_compare(self):
        self.write("a.png", picture())
        self.write("n.png", picture(turn=lambda rows: negative(rows[::-1])))
        self.check(self.run_phash("compare", "--algorithm=dct", "--inverted", "a.png", "a.png"), 0,
                   b"0 original\n", b"")
        for a, b in (("a.png", "n.png"), (DCT, "n.png")):
            found = self.check(self.run_phash("compare", "--algorithm=dct", "--inverted",
                                              "--dihedral", "-d", "4", a, b), 0, err=b"")
            self.assertEqual(found.out.split()[1], b"inverted-flipx")
        self.check(self.run_phash("compare", "--algorithm=dct", "--inverted", DCT, DCT), 2, b"",
                   b"phash: compare: --inverted: a hash alone has no negative, one of the two must "
                   b"be a file; try 'phash compare --help'\n")


@unittest.skipUnless(HAVE_DCT, "built without dct")
class Index(CliTest):
    def build(self, *arguments):
        return self.run_phash("index", "build", "-q", *arguments)

    def match(self, *arguments):
        return self.run_phash("match", "-q", "-i", "x", *arguments)

    def test_lists(self):
        for i, size in ((8, "8"), (16, "16")):
            hashes = [b"".join(b"%016x" % mix(9 * k + w) for w in range(i * i // 64))
                      for k in range(5)]
            name = b"dct-%sx4" % size.encode()
            self.write("l.csv", b"".join(h + b",,%d.png,%s\n" % (k, name)
                                         for k, h in enumerate(hashes)))
            self.write("l.hex", b"\n".join(hashes))
            self.check(self.build("--force", "--algorithm=dct", "--hash-size", size, "x", "l.csv"),
                       0, b"", b"")
            info = json.loads(self.run_phash("index", "info", "--json", "x").out)
            self.assertEqual([info[k] for k in ("algorithm", "bits", "radius", "count")],
                             ["dct-%sx4" % size, i * i, 10 if i == 8 else 40, 5])
            listed = self.check(self.run_phash("index", "list", "x"), 0).out
            self.assertEqual(sorted(listed.splitlines()),
                             sorted(h + b",%d" % (k + 1) for k, h in enumerate(hashes)))
            self.check(self.match("l.hex"), 0,
                       b"".join(b"l.hex:%d,%d,0\n" % (k, k) for k in range(1, 6)), b"")
            # The default distance is found, one more is not.
            for distance, code in ((info["radius"], 0), (info["radius"] + 1, 1)):
                near = b"%0*x" % (i * i // 4, int(hashes[0], 16) ^ ((1 << distance) - 1))
                self.check(self.match(near), code, near + b",1,%d\n" % distance if not code else b"",
                           b"")
            self.check(self.match("-d", str(info["radius"] + 1), near), 0)
            self.check(self.run_phash("index", "add", "-q", "x", "l.hex"), 0, b"", b"")
            self.check(self.run_phash("index", "remove", "-q", "--list", "x", "l.csv"), 0, b"", b"")
            self.check(self.match("l.csv"), 1, b"", b"")

    def test_labels(self):
        self.write("l", DCT + b",,a path.png,dct-8x4\n")
        self.check(self.build("--algorithm=dct", "--label-column=3", "x", "l"), 0, b"", b"")
        self.check(self.match(DCT), 0, DCT + b",1,0,a path.png\n", b"")

    def test_images(self):
        self.write("a.png", picture())
        self.write("turned.png", picture(turn=lambda rows: rows[::-1]))
        self.write("negative.png", picture(turn=lambda rows: negative(rows[::-1])))
        self.check(self.build("--algorithm=dct", "x", "a.png"), 0, b"", b"")
        for algorithm in ([], ["--algorithm=dct"], ["--algorithm=dct", "--highfreq=4"]):
            self.check(self.match(*algorithm, "a.png"), 0, b"a.png,1,0\n", b"")
        self.check(self.match("turned.png"), 1, b"", b"")
        found = self.check(self.match("--dihedral", "turned.png"), 0, err=b"").out.strip()
        self.assertRegex(found, b"^turned.png,1,[0-4],flipx$")
        self.check(self.match("--dihedral", "negative.png"), 1, b"", b"")
        found = self.check(self.match("--dihedral", "--inverted", "negative.png"), 0, err=b"").out
        self.assertRegex(found.strip(), b"^negative.png,1,[0-4],inverted-flipx$")
        self.write("negative.png", picture(turn=negative))
        found = self.check(self.match("--inverted", "--json", "negative.png", "a.png"), 0, err=b"")
        self.assertEqual([json.loads(line)["orientation"] for line in found.out.splitlines()],
                         ["inverted", "original"])

    def test_kinds_do_not_mix(self):
        self.write("a.png", picture())
        pdq = self.run_phash("hash", "a.png").out
        for name, out in (("pdq.csv", pdq), ("pdq.hex", pdq[:64] + b"\n"),
                          ("8.csv", DCT + b",,a,dct-8x4\n"), ("8.hex", DCT + b"\n"),
                          ("85.csv", DCT + b",,a,dct-8x5\n"),
                          ("8.json", b'{"hash":"%s","algorithm":"dct-8x4"}\n' % DCT),
                          ("16.csv", DCT_16 + b",,a,dct-16x4\n")):
            self.write(name, out)
        self.check(self.build("pdq", "pdq.csv"), 0)
        self.check(self.build("--algorithm=dct", "dct8", "8.csv"), 0)
        self.check(self.build("--algorithm=dct", "--hash-size=16", "dct16", "16.csv"), 0)
        long_, short = (b"a hash of 256 bits (as pdq has), not of dct-8x4, which has 64",
                        b"a hash of 64 bits, not of %s, which has 256")
        cases = [
            ("pdq", "8.csv", b"a hash of dct-8x4, not of pdq"), ("pdq", "8.hex", short % b"pdq"),
            ("pdq", "8.json", b"a hash of dct-8x4, not of pdq"),
            ("pdq", "16.csv", b"a hash of dct-16x4, not of pdq"), ("dct8", "pdq.csv", long_),
            ("dct8", "pdq.hex", long_), ("dct8", "16.csv", b"a hash of dct-16x4, not of dct-8x4"),
            ("dct8", "85.csv", b"a hash of dct-8x5, not of dct-8x4"),
            ("dct16", "pdq.csv", b"a hash of pdq, not of dct-16x4"),
            ("dct16", "8.hex", short % b"dct-16x4")]
        if os.environ["PHASH_HAVE_BANK"] != "1":
            cases = [case for case in cases if not case[1].endswith("json")]
        before = {name: self.run_phash("index", "list", name).out for name in ("pdq", "dct8", "dct16")}
        for index, list_, said in cases:
            error = b"phash: %s: line 1: %s\n" % (list_.encode(), said)
            self.check(self.run_phash("match", "-i", index, list_), 2, b"", error)
            self.check(self.run_phash("index", "add", index, "a.png", list_), 2, b"", error)
            self.check(self.run_phash("index", "remove", "--list", index, "a.png", list_), 2, b"",
                       error)
            self.assertEqual(self.run_phash("index", "list", index).out, before[index])
        self.check(self.run_phash("index", "build", "new", "8.csv"), 2, b"",
                   b"phash: 8.csv: line 1: a hash of dct-8x4, not of pdq\n")
        self.assertFalse(os.path.exists(self.path("new")))
        # Hashes as arguments, and indexes against what was asked for.
        self.check(self.run_phash("match", "-i", "dct8", pdq[:64]), 2, b"",
                   b"phash: %s: %s\n" % (pdq[:64], long_))
        self.check(self.run_phash("match", "-i", "pdq", DCT), 2, b"",
                   b"phash: %s: %s\n" % (DCT, short % b"pdq"))
        for index, options, said in (
                ("pdq", ["--algorithm=dct"], b"pdq, not of dct-8x4"),
                ("dct8", ["--algorithm=pdq"], b"dct-8x4, not of pdq"),
                ("dct8", ["--algorithm=dct", "--highfreq=5"], b"dct-8x4, not of dct-8x5")):
            error = b"phash: %s: the index holds hashes of %s\n" % (index.encode(), said)
            self.check(self.run_phash("match", *options, "-i", index, "a.png"), 2, b"", error)
            self.check(self.run_phash("index", "add", *options, index, "a.png"), 2, b"", error)

    def test_what_an_index_takes(self):
        self.write("a.png", picture())
        self.check(self.build("--algorithm=dct", "x", "a.png"), 0)
        index, match = (b"; try 'phash %s --help'\n" % c for c in (b"index", b"match"))
        for arguments, said in (
                (["index", "build", "--algorithm=dct", "--hash-size=12", "y", "a.png"],
                 b"index: an index takes hashes of 64 and of 256 bits, and dct-12x4 has 144" + index),
                (["index", "build", "--algorithm=dct", "--radius=65", "y", "a.png"],
                 b"index: --radius: 65 is more than the 64 bits of a hash" + index),
                (["match", "-i", "x", "-d", "65", "a.png"],
                 b"match: -d: 65 is more than the 64 bits of a hash" + match),
                (["match", "-i", "x", "--profile=fast", "a.png"],
                 b"match: --profile belongs to --algorithm pdq" + match)):
            self.check(self.run_phash(*arguments), 2, b"", b"phash: " + said)
        self.assertFalse(os.path.exists(self.path("y")))


class Fast(CliTest):
    def test_approximations_are_not_kept(self):
        self.write("l.csv", b"%064x,90,a.png,full\n%064x,90,b.png,fast\n" % (5, 9))
        error = (b"phash: l.csv: line 2: a hash of profile fast, an approximation, not of profile "
                 b"full\n")
        for options in ([], ["--label-column=3"]):
            self.check(self.run_phash("index", "build", "-q", "--force", *options, "x", "l.csv"), 2,
                       b"", error)
            listed = self.run_phash("index", "list", "x").out
            self.assertEqual(listed.split(b",")[0], b"%064x" % 5)
        self.check(self.run_phash("match", "-q", "-d0", "-i", "x", "%064x" % 9), 1, b"", b"")


class Options(CliTest):
    def test_what_does_not_go_together(self):
        hint = b"; try 'phash hash --help'\n"
        cases = [
            (["--algorithm=md5"], b"--algorithm: 'md5' is none of pdq, dct"),
            (["--hash-size=8"], b"--hash-size and --highfreq belong to --algorithm dct"),
            (["--inverted"], b"--inverted belongs to --algorithm dct"),
            (["--algorithm=pdq", "--highfreq=4"],
             b"--hash-size and --highfreq belong to --algorithm dct"),
        ]
        if HAVE_DCT:
            cases.append((["--algorithm=dct", "--profile=fast"],
                          b"--profile belongs to --algorithm pdq"))
        else:
            cases.append((["--algorithm=dct"],
                          b"--algorithm: this program was built without dct"))
        for arguments, said in cases:
            self.check(self.run_phash("hash", *arguments, "a.png"), 2, b"",
                       b"phash: hash: " + said + hint)
        for option in ("--hash-size=1", "--hash-size=65", "--hash-size=8x", "--highfreq=0",
                       "--highfreq=17"):
            result = self.check(self.run_phash("hash", "--algorithm=pdq", option, "a.png"), 2, b"")
            self.assertIn(option.split("=")[0].encode(), result.err)


if __name__ == "__main__":
    main()
