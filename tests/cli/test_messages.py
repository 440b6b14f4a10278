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

    def options_of_page(self, name):
        """Options that a page names: after Fl, long ones with one more hyphen, short ones bundled."""
        found = set()
        for text in re.findall(r"\bFl +(\S+(?: , \S+)*)", self.page(name)):
            for word in text.split(" , "):
                found.update([word[1:]] if word.startswith("-") else word)
        return found

    def options_of_help(self, name):
        """Options in the help of a command and of its own subcommands, which its usage lists."""
        text = self.run_phash(name, "--help").out.decode()
        usage = re.findall(r"^(?:Usage:| +) *phash %s ([a-z]+)\b" % name, text, re.M)
        for sub in sorted(set(usage)):
            text += self.check(self.run_phash(name, sub, "--help"), 0, err=b"").out.decode()
        return set(re.findall(r"(?<![\w-])(?:-(?=\w\b)|--)(\w[\w-]*)", text))

    def test_options_are_those_of_help(self):
        common = self.options_of_page("phash.1")
        self.assertIn("cpumask", common)
        listed = self.check(self.run_phash("--help"), 0, err=b"").out.decode()
        # A build without a bank has fewer commands than there are pages.
        commands = [name for name in re.findall(r"^  ([a-z]+)  ", listed, re.M) if name != "help"]
        self.assertTrue(set(commands).issuperset(COMMANDS))
        for name in commands:
            with self.subTest(name):
                page, text = self.options_of_page("phash-%s.1" % name), self.options_of_help(name)
                self.assertEqual(text - page - common, set(), "missing in the man page")
                self.assertEqual(page - text - common, set(), "in the man page only")

    @unittest.skipUnless(shutil.which("mandoc"), "no mandoc here")
    def test_lint(self):
        for name in os.listdir(MAN):
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", os.path.join(MAN, name)],
                                  capture_output=True)
            self.assertEqual((done.returncode, done.stdout), (0, b""), name)


if __name__ == "__main__":
    main()
