"""--algorithm dct: the hashes of Python's imagehash, and what does not go together."""

import json
import os
import unittest

from cli import CliTest, exif, main, picture

HAVE_DCT = os.environ["PHASH_HAVE_DCT"] == "1"

# waves-12-100x75x3 by imagehash: 8 and 4, 16 and 4, 12 and 3.
DCT = b"bc85a37e1e638a45"
DCT_16 = b"bc8385dda3bc7e431ee363768a2b45ddc8881d4dcad8c3303e23637633262eaa"
DCT_12 = b"bc885da3b7e41ee6378a245dc881d4cadc33"


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


class Options(CliTest):
    def test_what_does_not_go_together(self):
        hint = b"; try 'phash hash --help'\n"
        cases = [
            (["--algorithm=md5"], b"--algorithm: 'md5' is none of pdq, dct"),
            (["--hash-size=8"], b"--hash-size and --highfreq belong to --algorithm dct"),
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
