"""phash hash: which files it takes: folders, lists, odd names, things that are no files."""

import csv
import io
import json
import os
import socket
import subprocess

from cli import PHASH, CliTest, WAVES_HASH, main, picture

ODD = [b"new\nline.png", b"car\rriage.png", b'quo"te.png', b"com,ma.png", b" space .png",
       b"inval\xff\xfeid.png", b"\x1b[31mred\x1b]0;title\x07.png", b"back\\slash.png",
       "r\u00e9sum\u00e9 \u6f22\u5b57.png".encode(), "\u202egnp.exe".encode(), b"-dash.png",
       b"\xed\xa0\x80surrogate.png", b"phash: x.png: forged.png"]


class Paths(CliTest):
    def rows(self, result):
        """The csv, read back as bytes."""
        text = io.StringIO(result.out.decode("latin-1"), newline="")
        return [[field.encode("latin-1") for field in row] for row in csv.reader(text)]

    def test_odd_names(self):
        image = picture()
        for name in ODD:
            self.write(name, image)
        result = self.check(self.run_phash("hash", "--", *ODD), 0, err=b"")
        self.assertEqual(self.rows(result), [[WAVES_HASH, b"100", name] for name in ODD])
        result = self.check(self.run_phash("hash", "--json", "--", *ODD), 0, err=b"")
        for line, name in zip(result.out.splitlines(), ODD):
            value = json.loads(line)
            try:
                self.assertEqual(value["path"], name.decode())
                self.assertNotIn("path_hex", value)
            except UnicodeDecodeError:
                self.assertIn("\ufffd", value["path"])
                self.assertEqual(bytes.fromhex(value["path_hex"]), name)
        self.assertEqual(len(result.out.splitlines()), len(ODD))

    def test_csv_quotes_only_where_needed(self):
        self.write("a b;c'd.png", picture())
        self.check(self.run_phash("hash", "a b;c'd.png"), 0, WAVES_HASH + b",100,a b;c'd.png\n")
        self.write('q"q.png', picture())
        self.check(self.run_phash("hash", 'q"q.png'), 0, WAVES_HASH + b',100,"q""q.png"\n')

    def test_odd_names_in_errors(self):
        result = self.check(self.run_phash("hash", "--", *ODD), 2, b"")
        lines = result.err.split(b"\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(len(lines), len(ODD))
        for line in lines:
            self.assertTrue(line.startswith(b"phash: "), line)
            self.assertTrue(line.endswith(b": cannot open: No such file or directory"), line)
            text = line.decode()  # always UTF-8
            self.assertTrue(all(c.isprintable() for c in text), line)
        for shown in (rb"new\nline.png", rb"inval\xff\xfeid.png", rb"\x1b[31mred\x1b]0;title\x07",
                      rb"back\\slash.png", rb"\u202egnp.exe", "\u6f22\u5b57".encode(),
                      rb"\xed\xa0\x80surrogate"):
            self.assertIn(shown, result.err)

    def test_leading_dash(self):
        self.write("-r", picture())
        self.check(self.run_phash("hash", "./-r"), 0, WAVES_HASH + b",100,./-r\n")
        self.check(self.run_phash("hash", "--", "-r"), 0, WAVES_HASH + b",100,-r\n")
        result = self.check(self.run_phash("hash", "-x.png"), 2, b"")
        self.assertIn(b"./", result.err)

    def test_not_files(self):
        os.mkdir(self.path("folder"))
        os.mkfifo(self.path("pipe"))
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("socket"))
        os.symlink("loop", self.path("loop"))
        os.symlink("gone", self.path("dangling"))
        self.write("file", picture())
        names = ["folder", "pipe", "socket", "/dev/null", "loop", "dangling", "file/x", "x" * 300]
        result = self.check(self.run_phash("hash", *names, "file"), 2, WAVES_HASH + b",100,file\n")
        reasons = ["a folder; -r hashes what is in it", "a pipe, not a file",
                   "a socket, not a file", "a device, not a file",
                   "Too many levels of symbolic links", "No such file or directory",
                   "Not a directory", "File name too long"]
        self.assertEqual(result.err.decode().splitlines(),
                         ["phash: %s: cannot open: %s" % pair for pair in zip(names, reasons)])

    def test_permission(self):
        self.write("secret.png", picture())
        os.chmod(self.path("secret.png"), 0)
        if os.geteuid() == 0:
            if not os.path.exists("/usr/bin/setpriv"):
                self.skipTest("root reads everything")
            os.chmod(self.dir, 0o755)
            result = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", PHASH, "hash",
                                     "secret.png"], cwd=self.dir, capture_output=True)
            if result.returncode not in (0, 2) or b"setpriv" in result.stderr or \
                    b"phash" not in result.stderr:
                self.skipTest("cannot run as another user here")
            self.assertEqual(result.stderr,
                             b"phash: secret.png: cannot open: Permission denied\n")
        else:
            self.check(self.run_phash("hash", "secret.png"), 2, b"",
                       b"phash: secret.png: cannot open: Permission denied\n")

    def test_access_time_is_left(self):
        self.write("a.png", picture())
        os.utime(self.path("a.png"), (1, 2))  # older than the change: relatime would renew it
        self.check(self.run_phash("hash", "a.png"), 0)
        self.assertEqual(os.stat(self.path("a.png")).st_atime, 1)


class Folders(CliTest):
    def setUp(self):
        super().setUp()
        image = picture()
        for name in ("b/2.png", "b/1.png", "b/10.png", "a/z/deep.png", "a.png", "c/.hidden.png"):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.write(name, image)
        os.mkdir(self.path("empty"))

    def names(self, result):
        return [line.split(b",", 2)[2].decode() for line in result.out.splitlines()]

    def test_sorted(self):
        result = self.check(self.run_phash("hash", "-r", "."), 0, err=b"")
        self.assertEqual(self.names(result), ["./a/z/deep.png", "./a.png", "./b/1.png",
                                              "./b/10.png", "./b/2.png", "./c/.hidden.png"])
        result = self.check(self.run_phash("hash", "-r", "b/", "a.png", "a"), 0, err=b"")
        self.assertEqual(self.names(result),
                         ["b/1.png", "b/10.png", "b/2.png", "a.png", "a/z/deep.png"])

    def test_empty(self):
        self.check(self.run_phash("hash", "-r", "empty"), 0, b"", b"")
        self.check(self.run_phash("hash", "-rv", "empty"), 0, b"",
                   b"phash: note: no files were found\n")

    def test_output_in_the_folder(self):
        with open(self.path("b/hashes.csv"), "wb") as out, open(self.path("b/err"), "wb") as err:
            result = self.run_phash("hash", "-r", "b", stdout=out, stderr=err)
        self.assertEqual(result.code, 0)
        with open(self.path("b/hashes.csv"), "rb") as out:
            self.assertEqual(len(out.read().splitlines()), 3)

    def test_links(self):
        os.symlink("..", self.path("b/up"))
        os.symlink("../a", self.path("b/folder"))
        os.symlink("../a.png", self.path("b/3.png"))
        os.symlink("gone", self.path("b/dangling.png"))
        os.symlink("b", self.path("link"))
        result = self.check(self.run_phash("hash", "-r", "b"), 2)
        self.assertEqual(self.names(result), ["b/1.png", "b/10.png", "b/2.png", "b/3.png"])
        self.assertEqual(result.err,
                         b"phash: b/dangling.png: cannot open: No such file or directory\n")
        # A link that the user names is followed.
        self.assertEqual(len(self.names(self.run_phash("hash", "-r", "link"))), 4)

    def test_others_in_a_folder(self):
        self.write("b/notes.txt", b"no picture\n")
        self.write("b/damaged.png", picture()[:200])
        os.mkfifo(self.path("b/pipe"))
        result = self.check(self.run_phash("hash", "-r", "b"), 2)
        self.assertEqual(len(self.names(result)), 3)
        lines = result.err.decode().splitlines()
        self.assertEqual([line.split(": ")[1] for line in lines], ["b/damaged.png", "b/notes.txt"])
        self.assertIn("not an image that this build reads", lines[1])
        # Passed by on request, but never what is damaged.
        result = self.check(self.run_phash("hash", "-r", "--skip-other", "b"), 2)
        self.assertEqual(len(result.err.splitlines()), 1)
        os.unlink(self.path("b/damaged.png"))
        self.check(self.run_phash("hash", "-r", "--skip-other", "b"), 0, err=b"")
        result = self.check(self.run_phash("hash", "-rv", "--skip-other", "b"), 0)
        self.assertIn(b"3 hashed, 0 could not be, 1 passed by", result.err)

    def test_deep(self):
        levels, here = 600, os.open(self.dir, os.O_RDONLY)
        for _ in range(levels):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        with open(os.open("x.png", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as f:
            f.write(picture())
        os.close(here)
        result = self.check(self.run_phash("hash", "-r", "d"), 0, err=b"")
        self.assertEqual(self.names(result), ["d/" * levels + "x.png"])


class Lists(CliTest):
    def setUp(self):
        super().setUp()
        self.write("a.png", picture())
        self.write("b\nb.png", picture())
        self.row = WAVES_HASH + b",100,a.png\n"

    def test_lines(self):
        for text in (b"a.png\n", b"a.png", b"\n\na.png\n\n"):
            self.check(self.run_phash("hash", "-", stdin=text), 0, self.row, b"")
        self.check(self.run_phash("hash", "-", stdin=b"a.png\na.png\n"), 0, self.row * 2, b"")
        self.check(self.run_phash("hash", "a.png", "-", "a.png", stdin=b"a.png\n"), 0, self.row * 3)

    def test_nul(self):
        for option in ("-0", "--null"):
            result = self.check(self.run_phash("hash", option, "-", stdin=b"b\nb.png\0a.png"), 0)
            self.assertEqual(result.out, WAVES_HASH + b',100,"b\nb.png"\n' + self.row)

    def test_empty(self):
        self.check(self.run_phash("hash", "-", stdin=b""), 0, b"", b"")
        self.check(self.run_phash("hash", "-0", "-", stdin=b"\0\0"), 0, b"", b"")

    def test_nul_in_lines(self):
        result = self.check(self.run_phash("hash", "-", stdin=b"a.png\0a.png\na.png\n"), 2, self.row)
        self.assertIn(b"needs -0", result.err)

    def test_endless_entry(self):
        result = self.check(self.run_phash("hash", "-", stdin=b"x" * 300000 + b"\na.png\n"), 2,
                            self.row)
        self.assertEqual(len(result.err.splitlines()), 1)
        self.assertIn(b"longer than any path", result.err)
        result = self.check(self.run_phash("hash", "-", stdin=b"x" * 65534 + b"\na.png\n"), 2,
                            self.row)
        self.assertEqual(len(result.err.splitlines()), 1)
        self.check(self.run_phash("hash", "-", stdin=b"x" * 65535), 2, b"")

    def test_folders_in_a_list(self):
        os.mkdir(self.path("f"))
        self.write("f/a.png", picture())
        result = self.check(self.run_phash("hash", "-", stdin=b"f\na.png\n"), 2, self.row)
        self.assertIn(b"f: cannot open: a folder; -r hashes what is in it", result.err)
        self.check(self.run_phash("hash", "-r", "-", stdin=b"f\na.png\n"), 0,
                   WAVES_HASH + b",100,f/a.png\n" + self.row)

    def test_answers_while_the_list_is_open(self):
        with subprocess.Popen([PHASH, "hash", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              cwd=self.dir) as child:
            for _ in range(3):
                child.stdin.write(b"a.png\n")
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), self.row)
            child.stdin.close()
            self.assertEqual(child.wait(20), 0)


if __name__ == "__main__":
    main()
