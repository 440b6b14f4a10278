"""phash hash over all of fixtures/: the golden values, and one good reason for each damaged file."""

import csv
import json
import os

from cli import CliTest, main

FIXTURES = os.environ["PHASH_FIXTURES"]
TURNS = ["rotate90", "rotate180", "rotate270", "flipx", "flipy", "transpose", "antitranspose"]
# How the reasons of damaged.tsv begin; "unsupported" may be told as either.
REASONS = {"corrupt": ("corrupt",), "truncated": ("truncated",), "open": ("cannot open",),
           "not-image": ("not an image",), "too-small": ("too small",),
           "too-large-dimension": ("too large",), "too-large-pixels": ("too large",),
           "too-large-memory": ("too large",),
           "unsupported": ("not an image", "not supported", "corrupt")}


def table(name):
    with open(os.path.join(FIXTURES, name), newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


class Fixtures(CliTest):
    def run_in_fixtures(self, *arguments):
        return self.run_phash(*arguments, stdin=self.listed, cwd=FIXTURES)

    def setUp(self):
        super().setUp()
        self.listed = b""

    def test_golden(self):
        rows = table("golden.tsv")
        self.assertGreater(len(rows), 100)
        for raster, profile in {(row["raster"], row["profile"]) for row in rows}:
            part = [row for row in rows if (row["raster"], row["profile"]) == (raster, profile)]
            self.listed = b"".join(os.fsencode(row["file"]) + b"\0" for row in part)
            options = ["--no-orient"] if raster == "stored" else []
            result = self.run_in_fixtures("hash", "--json", "--dihedral", "--profile", profile,
                                          "-0", "-", *options)
            self.check(result, 0, err=b"")
            lines = result.out.splitlines()
            self.assertEqual(len(lines), len(part))
            for row, line in zip(part, lines):
                value = json.loads(line)
                self.assertEqual((value["path"], value["hash"], value["quality"],
                                  value["profile"]),
                                 (row["file"], row["pdq"], int(row["quality"]), profile))
                self.assertEqual(value["dihedral"],
                                 {"original": row["pdq"],
                                  **{turn: row["dih_" + turn] for turn in TURNS}}, row["file"])

    def test_damaged(self):
        rows = table("damaged.tsv")
        self.assertGreater(len(rows), 50)
        self.listed = b"".join(os.fsencode(row["file"]) + b"\0" for row in rows)
        result = self.check(self.run_in_fixtures("hash", "--json", "-0", "-"), 2)
        hashed = {json.loads(line)["path"] for line in result.out.splitlines()}
        told = {}
        for line in result.err.decode().splitlines():
            self.assertTrue(line.isprintable())
            program, path, reason = line.split(": ", 2)
            self.assertEqual(program, "phash")
            self.assertNotIn(path, told)
            told[path] = reason
        self.assertEqual(hashed | set(told), {row["file"] for row in rows})
        self.assertFalse(hashed & set(told))
        for row in rows:
            expected = row["expected"].split("|")
            if row["file"] in hashed:
                self.assertTrue({"any", "ok"} & set(expected), row)
            elif "any" not in expected:
                starts = tuple(start for word in expected for start in REASONS.get(word, ()))
                self.assertTrue(told[row["file"]].startswith(starts), (row, told[row["file"]]))
            self.assertNotIn("died", told.get(row["file"], ""))

    def test_same_with_any_number_of_workers(self):
        one = self.run_in_fixtures("hash", "-r", "-j1", ".")
        self.assertEqual(one.code, 2)
        for jobs in ("-j3", "-j16"):
            self.check(self.run_in_fixtures("hash", "-r", jobs, "."), 2, one.out, one.err)


if __name__ == "__main__":
    main()
