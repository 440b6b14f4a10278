"""phash index and phash match: lists, images, labels, removal, exit codes, the search vectors."""

import json
import os
import unittest

from cli import CliTest, WAVES_HASH, flat_picture, main, picture

HASHES = [("%064x" % (0x1234567890abcdef * 7919 ** i % (1 << 256))).encode() for i in range(12)]
SEARCH = os.environ.get("PHASH_SEARCH", "")


def near(hash_, bits):
    """The hash with its lowest bits changed."""
    return b"%064x" % (int(hash_, 16) ^ ((1 << bits) - 1))


class IndexTest(CliTest):
    def build(self, lines, *options):
        self.write("list", b"\n".join(lines) + b"\n")
        return self.run_phash("index", "build", "-q", *options, "x", "list")

    def match(self, *arguments):
        return self.run_phash("match", "-q", "-i", "x", *arguments)


class Building(IndexTest):
    def test_ids_count_up(self):
        self.check(self.build(HASHES), 0, b"", b"")
        self.check(self.match(HASHES[2]), 0, HASHES[2] + b",3,0\n", b"")
        self.check(self.run_phash("index", "add", "x", "list"), 0, b"", b"")
        self.check(self.match(HASHES[2]), 0, b"".join(HASHES[2] + b",%d,0\n" % i for i in (3, 15)),
                   b"")

    def test_first_id(self):
        self.check(self.build(HASHES, "--first-id", "0"), 0)
        self.check(self.match(HASHES[0]), 0, HASHES[0] + b",0,0\n")

    def test_columns(self):
        self.check(self.build([HASHES[0] + b",77,a label, with a comma", HASHES[1] + b",78"],
                              "--id-column", "2", "--label-column", "3"), 0, b"", b"")
        self.check(self.match("list"), 0,
                   b'"a label, with a comma",77,0,"a label, with a comma"\nlist:2,78,0,\n', b"")
        result = self.check(self.match("--json", "list"), 0, err=b"")
        self.assertEqual([json.loads(line) for line in result.out.splitlines()],
                         [{"query": "a label, with a comma", "line": 1, "id": 77, "distance": 0,
                           "label": "a label, with a comma"},
                          {"query": "list:2", "line": 2, "id": 78, "distance": 0}])
        listed = self.check(self.run_phash("index", "list", "x"), 0, err=b"").out
        self.assertEqual(sorted(listed.splitlines()),
                         sorted([HASHES[0] + b",77,a label, with a comma", HASHES[1] + b",78,"]))

    def test_no_paths(self):
        self.write("p.csv", HASHES[0] + b",90,secret name.jpg\n")
        self.check(self.run_phash("index", "build", "x", "p.csv"), 0)
        with open(os.path.join(self.dir, "x"), "rb") as f:
            self.assertNotIn(b"secret", f.read())
        self.write("a.png", picture())
        result = self.check(self.run_phash("index", "build", "--force", "--label-column", "3", "x",
                                           "a.png"), 2, b"")
        self.assertEqual(result.err, b"phash: a.png: an image has no columns\n")

    def test_forms(self):
        forms = [HASHES[0], HASHES[0] + b",anything", HASHES[0] + b",90,a.jpg",
                 b"hash=" + HASHES[0] + b",norm=5,delta=3,quality=90,filename=a.jpg",
                 b'{"hash":"' + HASHES[0] + b'","quality":90,"path":"a.jpg"}']
        for form in forms:
            self.write("list", form + b"\n")
            self.check(self.run_phash("index", "build", "--force", "x", "list"), 0, b"", b"")
            self.check(self.match(HASHES[0]), 0, HASHES[0] + b",1,0\n", b"")
            self.assertEqual(self.check(self.match("list"), 0, err=b"").out.split(b",")[0],
                             b"list:1" if form in forms[:2] else b"a.jpg")

    def test_bad_lines(self):
        lines = [b"zz", HASHES[0], HASHES[1][1:], HASHES[2]]
        result = self.check(self.build(lines), 2, b"")
        self.assertEqual([line[:20] for line in result.err.splitlines()],
                         [b"phash: list: line 1:", b"phash: list: line 3:"])
        self.check(self.match(*HASHES[:3]), 0, HASHES[0] + b",1,0\n" + HASHES[2] + b",2,0\n")
        self.check(self.build(lines, "--strict", "--force"), 2, b"")
        self.check(self.match(HASHES[2]), 0, HASHES[2] + b",2,0\n")
        result = self.check(self.match("list"), 2)
        self.assertEqual(result.out, b"list:2,1,0\nlist:4,2,0\n")

    def test_not_a_list(self):
        self.write("gif", b"GIF89a\0\0\0" * 30)
        result = self.check(self.run_phash("index", "build", "x", "gif"), 2, b"")
        self.assertEqual(result.err, b"phash: gif: neither an image that is read here nor a list of "
                                     b"hashes\n")
        self.check(self.run_phash("index", "build", "--force", "--skip-other", "x", "gif"), 0)

    def test_nothing_good(self):
        self.check(self.run_phash("index", "build", "x", "missing"), 2, b"")
        self.assertEqual(os.listdir(self.dir), [])
        self.check(self.build(HASHES), 0)
        self.write("bad", b"zz\n")
        self.check(self.run_phash("index", "build", "--force", "x", "bad"), 2, b"")
        self.check(self.match(HASHES[1]), 0, HASHES[1] + b",2,0\n", b"")

    def test_not_replaced(self):
        self.check(self.build(HASHES), 0)
        result = self.check(self.build(HASHES[:1]), 2, b"")
        self.assertIn(b"x: there is an index of that name already", result.err)
        self.check(self.build(HASHES[:1], "--force"), 0)
        self.check(self.match(HASHES[1]), 1, b"", b"")

    def test_images_and_stdin(self):
        self.write("a.png", picture())
        self.write("b.png", picture(seed=99))
        self.write("broken.png", picture()[:100])
        result = self.check(self.run_phash("index", "build", "x", "a.png", "broken.png", "b.png",
                                           "-", stdin=HASHES[0] + b"\n"), 2, b"")
        self.assertIn(b"broken.png", result.err)
        self.check(self.match(WAVES_HASH, HASHES[0]), 0,
                   WAVES_HASH + b",1,0\n" + HASHES[0] + b",3,0\n")
        self.check(self.match("b.png", HASHES[0], "a.png"), 0,
                   b"b.png,2,0\n" + HASHES[0] + b",3,0\na.png,1,0\n", b"")

    def test_folder(self):
        os.mkdir(os.path.join(self.dir, "f"))
        self.write("f/a.png", picture())
        self.write("f/b.txt", HASHES[0] + b"\n")
        self.check(self.run_phash("index", "build", "-r", "x", "f"), 0, b"")
        self.check(self.match("-r", "f"), 0, b"f/a.png,1,0\nf/b.txt:1,2,0\n", b"")
        self.check(self.match("f"), 2, b"")


class Changing(IndexTest):
    def test_remove(self):
        self.check(self.build(HASHES), 0)
        self.check(self.run_phash("index", "remove", "-q", "x", "3", "4", "99"), 0, b"", b"")
        self.check(self.match(*HASHES[1:5]), 0, HASHES[1] + b",2,0\n" + HASHES[4] + b",5,0\n")
        self.check(self.run_phash("index", "remove", "x", "3"), 1, b"")
        self.check(self.run_phash("index", "remove", "x", "three"), 2, b"",
                   b"phash: three: not an id: ids are whole numbers\n")
        self.check(self.run_phash("index", "remove", "--json", "x", "1"), 0,
                   b'{"removed":1,"count":9}\n', b"")
        self.write("gone", HASHES[5] + b"\n" + near(HASHES[6], 1) + b"\n")
        self.check(self.run_phash("index", "remove", "--list", "--erase", "--json", "x", "gone"), 0,
                   b'{"removed":1,"count":8}\n', b"")
        self.check(self.run_phash("index", "verify", "-q", "x"), 0, b"", b"")

    def test_erase(self):
        self.check(self.build(HASHES), 0)
        self.write("one", near(HASHES[0], 3) + b"\n")
        self.check(self.run_phash("index", "add", "x", "one"), 0)
        needle = bytes.fromhex(near(HASHES[0], 3).decode())

        def held():
            for name in os.listdir(self.dir):
                with open(os.path.join(self.dir, name), "rb") as f:
                    if name.startswith("x") and needle in f.read():
                        return True
            return False

        self.assertTrue(held())
        self.check(self.run_phash("index", "remove", "x", "13"), 0)
        self.assertTrue(held())
        self.check(self.run_phash("index", "remove", "--erase", "x", "13"), 1)
        self.assertFalse(held())

    def test_compact_and_info(self):
        self.check(self.build(HASHES[:5]), 0)
        self.check(self.run_phash("index", "add", "x", "list"), 0)
        info = lambda: json.loads(self.check(self.run_phash("index", "info", "--json", "x"), 0,
                                             err=b"").out)
        before = info()
        self.assertEqual((before["count"], before["pending"], before["bits"], before["algorithm"]),
                         (10, 5, 256, "pdq"))
        self.check(self.run_phash("index", "compact", "x"), 0, b"", b"")
        after = info()
        self.assertEqual((after["count"], after["pending"]), (10, 0))
        self.assertLess(after["journal_bytes"], before["journal_bytes"])
        self.assertIn(b"hashes                    10\n",
                      self.check(self.run_phash("index", "info", "x"), 0).out)

    def test_damage(self):
        self.check(self.build(HASHES), 0)
        path = os.path.join(self.dir, "x")
        with open(path, "r+b") as f:
            f.seek(-5, 2)
            byte = f.read(1)
            f.seek(-5, 2)
            f.write(bytes([byte[0] ^ 1]))
        result = self.check(self.run_phash("index", "verify", "x"), 2, b"")
        self.assertIn(b"phash: x: section", result.err)
        os.truncate(path, 100)
        for arguments in (("index", "verify", "x"), ("index", "info", "x"),
                          ("index", "add", "x", "list"), ("match", "-i", "x", HASHES[0])):
            result = self.check(self.run_phash(*arguments), 2, b"")
            self.assertEqual(result.err.count(b"\n"), 1)
            self.assertTrue(result.err.startswith(b"phash: x: "))


class Matching(IndexTest):
    def test_distance(self):
        self.check(self.build([HASHES[0], near(HASHES[0], 10), near(HASHES[0], 31),
                               near(HASHES[0], 32)]), 0)
        line = lambda i, d: HASHES[0] + b",%d,%d\n" % (i, d)
        self.check(self.match(HASHES[0]), 0, line(1, 0) + line(2, 10) + line(3, 31), b"")
        self.check(self.match("-d", "32", HASHES[0]), 0,
                   line(1, 0) + line(2, 10) + line(3, 31) + line(4, 32), b"")
        self.check(self.match("-d", "9", HASHES[0]), 0, line(1, 0), b"")
        self.check(self.match("-k", "2", HASHES[0]), 0, line(1, 0) + line(2, 10), b"")
        self.check(self.match("--load", "-k", "1", HASHES[0]), 0, line(1, 0), b"")
        self.check(self.match("f" * 64), 1, b"", b"")
        for options in (("-d", "257"), ("-k", "0"), ("-k", "x")):
            self.check(self.match(*options, HASHES[0]), 2, b"")

    def test_usage(self):
        for arguments in ((), ("-i", "x"), (HASHES[0],)):
            result = self.check(self.run_phash("match", *arguments), 2, b"")
            self.assertEqual(result.err.count(b"\n"), 1)
        for arguments in ((), ("info",), ("frob", "x"), ("add", "x"), ("info", "x", "y"),
                          ("build", "--profile", "fast", "x", "y")):
            self.check(self.run_phash("index", *arguments), 2, b"")
        result = self.check(self.run_phash("match", "-i", "none", HASHES[0]), 2, b"")
        self.assertEqual(result.err, b"phash: none: cannot open the index: No such file or "
                                     b"directory\n")

    def test_dihedral(self):
        quarter = lambda rows: [list(row) for row in zip(*rows[::-1])]
        self.write("a.png", picture(seed=5, size=(128, 128)))
        self.write("turned.png", picture(seed=5, size=(128, 128), turn=quarter))
        self.check(self.run_phash("index", "build", "x", "a.png"), 0)
        self.check(self.match("turned.png"), 1, b"", b"")
        result = self.check(self.match("--dihedral", "turned.png", "a.png"), 0, err=b"")
        first, second = result.out.splitlines()
        self.assertTrue(first.startswith(b"turned.png,1,"), first)
        # What compare says of the same two.
        turn = self.check(self.run_phash("compare", "--dihedral", "a.png", "turned.png"), 0).out
        turn = turn.split()[1]
        self.assertIn(turn, (b"rotate90", b"rotate270"))
        self.assertTrue(first.endswith(b"," + turn), first)
        self.assertEqual(second, b"a.png,1,0,original")
        result = self.check(self.match("--dihedral", "--json", "turned.png"), 0, err=b"")
        self.assertEqual(json.loads(result.out)["orientation"], turn.decode())
        result = self.check(self.match("--dihedral", HASHES[0]), 1, b"")
        self.assertIn(b"a hash cannot be turned", result.err)

    @unittest.skipUnless(os.path.isdir(SEARCH), "no search vectors here")
    def test_vectors(self):
        haystack, needles = (os.path.join(SEARCH, name) for name in ("haystack.txt", "needles.txt"))
        self.check(self.run_phash("index", "build", "--first-id", "0", "x", haystack), 0)
        for radius in ("31", "63"):
            with open(os.path.join(SEARCH, "expected-r%s.tsv" % radius)) as f:
                expected = sorted(tuple(map(int, line.split())) for line in list(f)[1:])
            result = self.check(self.match("-d", radius, needles), 0, err=b"")
            found = []
            for line in result.out.decode().splitlines():
                query, id_, distance = line.rsplit(",", 2)
                found.append((int(query.rsplit(":", 1)[1]) - 1, int(id_), int(distance)))
            self.assertEqual(sorted(found), expected)


if __name__ == "__main__":
    main()
