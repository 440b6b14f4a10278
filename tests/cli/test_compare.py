"""phash compare: distances of files and hashes, turns, exit codes."""

import json

from cli import CliTest, WAVES_HASH, flat_picture, main, picture

ZERO = "0" * 64
NEAR = "0" * 63 + "7"


def quarter(rows):
    """A quarter clockwise."""
    return [list(row) for row in zip(*rows[::-1])]


class Hashes(CliTest):
    def test_distance(self):
        self.check(self.run_phash("compare", ZERO, NEAR), 0, b"3\n", b"")
        self.check(self.run_phash("compare", ZERO, "F" * 64), 0, b"256\n", b"")
        self.check(self.run_phash("compare", NEAR, NEAR.upper()), 0, b"0\n", b"")

    def test_limit(self):
        for limit, code in (("3", 0), ("2", 1), ("256", 0), ("0", 1)):
            self.check(self.run_phash("compare", "-d", limit, ZERO, NEAR), code, b"3\n", b"")
        self.check(self.run_phash("compare", "--distance=3", ZERO, NEAR), 0, b"3\n", b"")
        for limit in ("257", "-1", "x", "", "1K"):
            self.check(self.run_phash("compare", "-d", limit, ZERO, NEAR), 2, b"")

    def test_json(self):
        result = self.check(self.run_phash("compare", "--json", ZERO, NEAR), 0, err=b"")
        self.assertEqual(json.loads(result.out), {"distance": 3})
        result = self.check(self.run_phash("compare", "--json", "-d2", ZERO, NEAR), 1, err=b"")
        self.assertEqual(json.loads(result.out), {"distance": 3, "within": False})

    def test_not_a_hash(self):
        for text in (ZERO[1:], ZERO + "0", "g" + ZERO[1:], "0x" + ZERO[2:], " " + ZERO[1:]):
            result = self.check(self.run_phash("compare", text, ZERO), 2, b"")
            self.assertIn(b"cannot open", result.err)

    def test_turned_hashes(self):
        self.check(self.run_phash("compare", "--dihedral", ZERO, NEAR), 2, b"",
                   b"phash: compare: --dihedral: a hash alone cannot be turned, one of the two "
                   b"must be a file; try 'phash compare --help'\n")

    def test_operands(self):
        for operands in ([], [ZERO], [ZERO, ZERO, ZERO]):
            self.check(self.run_phash("compare", *operands), 2, b"",
                       b"phash: compare: name two pictures or hashes; "
                       b"try 'phash compare --help'\n")


class Files(CliTest):
    def setUp(self):
        super().setUp()
        self.write("a.png", picture())

    def test_files(self):
        self.write("b.png", picture(13))
        self.check(self.run_phash("compare", "a.png", "a.png"), 0, b"0\n", b"")
        self.check(self.run_phash("compare", "a.png", WAVES_HASH), 0, b"0\n", b"")
        self.check(self.run_phash("compare", WAVES_HASH, "a.png"), 0, b"0\n", b"")
        far = self.check(self.run_phash("compare", "a.png", "b.png"), 0, err=b"")
        self.assertGreater(int(far.out), 31)
        self.check(self.run_phash("compare", "-d31", "a.png", "b.png"), 1, far.out, b"")

    def test_file_named_like_a_hash(self):
        self.write(ZERO, picture())
        self.check(self.run_phash("compare", "./" + ZERO, WAVES_HASH), 0, b"0\n", b"")
        self.assertNotEqual(self.run_phash("compare", ZERO, WAVES_HASH).out, b"0\n")

    def test_turned(self):
        # The turn that is named is done to B, whichever of the two is a file.
        self.write("turned.png", picture(turn=quarter))
        turned = self.run_phash("hash", "--format=hex", "turned.png").out.strip()
        answers = {}
        for a, b in (("a.png", "turned.png"), (WAVES_HASH, "turned.png"), ("a.png", turned),
                     ("turned.png", "a.png"), (turned, "a.png"), ("turned.png", WAVES_HASH)):
            result = self.check(self.run_phash("compare", "--dihedral", a, b), 0, err=b"")
            distance, name = result.out.decode().split()
            self.assertLessEqual(int(distance), 31)
            answers.setdefault(b in ("turned.png", turned), set()).add(name)
        self.assertEqual({len(names) for names in answers.values()}, {1})
        self.assertEqual(set.union(*answers.values()), {"rotate90", "rotate270"})
        self.check(self.run_phash("compare", "--dihedral", "a.png", "a.png"), 0, b"0 original\n")

    def test_every_turn(self):
        turns = {"rotate180": lambda rows: [row[::-1] for row in rows[::-1]],
                 "flipx": lambda rows: rows[::-1],
                 "flipy": lambda rows: [row[::-1] for row in rows],
                 "transpose": lambda rows: [list(row) for row in zip(*rows)]}
        names = set()
        for name, turn in turns.items():
            self.write(name, picture(turn=turn))
            result = self.run_phash("compare", "--dihedral", "a.png", name)
            self.assertLessEqual(int(result.out.split()[0]), 31, name)
            names.add(result.out.split()[1].decode())
        self.assertEqual(names, set(turns))

    def test_json(self):
        self.write("flat.png", flat_picture())
        result = self.check(self.run_phash("compare", "--json", "--dihedral", "-d0", "a.png",
                                           "a.png"), 0, err=b"")
        self.assertEqual(json.loads(result.out), {"distance": 0, "orientation": "original",
                                                  "within": True, "quality_a": 100,
                                                  "quality_b": 100})
        value = json.loads(self.run_phash("compare", "--json", ZERO, "flat.png").out)
        self.assertEqual(value["quality_b"], 0)
        self.assertNotIn("quality_a", value)

    def test_featureless(self):
        self.write("flat.png", flat_picture())
        self.check(self.run_phash("compare", "a.png", "flat.png"), 0, err=b"")
        result = self.check(self.run_phash("compare", "-v", "a.png", "flat.png"), 0)
        self.assertEqual(result.err, b"phash: flat.png: note: too featureless for the distance to "
                                     b"mean much\n")

    def test_errors(self):
        self.check(self.run_phash("compare", "a.png", "gone.png"), 2, b"",
                   b"phash: gone.png: cannot open: No such file or directory\n")
        result = self.check(self.run_phash("compare", "gone.png", "."), 2, b"")
        self.assertEqual(len(result.err.splitlines()), 2)
        self.write("text", b"no picture")
        result = self.check(self.run_phash("compare", "-d256", ZERO, "text"), 2, b"")
        self.assertIn(b"phash: text: not an image", result.err)


if __name__ == "__main__":
    main()
