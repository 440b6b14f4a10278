"""Help, version, and what is said to a command that cannot be understood."""

import os
import re
import shutil
import subprocess
import unittest

from cli import CliTest, main

MAN = os.environ["PHASH_MAN"]

COMMANDS = ["hash", "compare", "index", "match"]
if os.environ.get("PHASH_HAVE_BANK") == "1":
    COMMANDS.append("scan")


class Messages(CliTest):
    def test_help(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            result = self.check(self.run_phash(*arguments), 0, err=b"")
            for name in COMMANDS:
                self.assertIn(b"\n  %s " % name.encode(), result.out)

    def test_help_of_each(self):
        for name in COMMANDS:
            result = self.check(self.run_phash(name, "--help"), 0, err=b"")
            self.assertTrue(result.out.startswith(b"Usage: phash %s " % name.encode()))
            self.assertIn(b"Exit status", result.out)
            self.assertIn(b"--cpumask", result.out)
            self.assertTrue(all(len(line) <= 96 for line in result.out.splitlines()))
            self.check(self.run_phash("help", name), 0, result.out, b"")
            self.check(self.run_phash(name, "--hel"), 0, result.out, b"")
            self.check(self.run_phash(name, "-h"), 0, result.out, b"")

    def test_version(self):
        for option in ("--version", "-V"):
            lines = self.check(self.run_phash(option), 0, err=b"").out.decode().splitlines()
            self.assertRegex(lines[0], r"^phash \d+\.\d+\.\d+$")
            self.assertRegex(lines[1], r"^libphash \d+\.\d+\.\d+$")
            self.assertRegex(lines[2], r"^decoders: .*lib(jpeg-turbo|png) \d")
            self.assertTrue(any(line.startswith("instruction sets: ") for line in lines))

    def test_refusals(self):
        hint = b"; try 'phash --help'\n"
        for arguments, line in (
                ([], b"phash: say what to do, such as: phash hash PICTURE" + hint),
                (["frob"], b"phash: 'frob' is no subcommand" + hint),
                (["help", "frob"], b"phash: 'frob' is no subcommand" + hint),
                ([b"fr\x1b[1m\n"], rb"phash: 'fr\x1b[1m\n' is no subcommand" + hint),
                (["--frob"], b"phash: '--frob' is no option here" + hint)):
            self.check(self.run_phash(*arguments), 2, b"", line)
        self.write("photo.jpg", b"")
        self.check(self.run_phash("photo.jpg"), 2, b"", b"phash: 'photo.jpg' is no subcommand; "
                   b"to hash a picture: phash hash PICTURE" + hint)
        hint = b"; try 'phash hash --help'\n"
        no_option = b" is no option (a file of that name is written ./-NAME)"
        for arguments, line in (
                ([], b"name images to hash, folders with -r, or - for a list"),
                (["--frob"], b"--frob" + no_option),
                (["--frob=3"], b"--frob=3" + no_option),
                (["-rZ"], b"-Z" + no_option),
                (["--max", "3"], b"--max is short for more than one option"),
                (["--dihedral=1"], b"--dihedral=1 takes no value"),
                (["--dihe=1"], b"--dihe=1 takes no value"),
                (["--jobs"], b"--jobs needs a value"),
                (["-j"], b"-j needs a value"),
                ([b"--\x1b[1m"], rb"--\x1b[1m" + no_option)):
            self.check(self.run_phash("hash", *arguments), 2, b"", b"phash: hash: " + line + hint)


class ManPages(CliTest):
    def page(self, name):
        with open(os.path.join(MAN, name)) as f:
            return f.read()

    def test_every_option_is_there(self):
        common = self.page("phash.1")
        for name in COMMANDS:
            page = self.page("phash-%s.1" % name)
            text = self.run_phash(name, "--help").out.decode()
            options = re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M)
            options += re.findall(r"^ +-(\w), ", text, re.M)
            self.assertGreater(len(options), 8)
            for option in options:
                long = "-" + option if len(option) > 1 else option
                self.assertRegex(page + common, r"(?:Fl|,) %s\b" % re.escape(long), option)

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc here")
    def test_lint(self):
        for name in os.listdir(MAN):
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", os.path.join(MAN, name)],
                                  capture_output=True)
            self.assertEqual((done.returncode, done.stdout), (0, b""), name)


if __name__ == "__main__":
    main()
