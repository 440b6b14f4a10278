"""What a person at a terminal sees: progress, notes, meanings, and no trace of hostile names."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from cli import PHASH, PHASH_HOOKED, CliTest, WAVES_HASH, flat_picture, main, picture

WIPE = b"\r\x1b[K"


class Terminal(CliTest):
    def on_terminal(self, *arguments, stdout=True, stderr=True, columns=80, program=PHASH,
                    term="xterm", kill_after=None):
        """Exit code and all that the terminal got."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(theirs)
        attributes[1] &= ~termios.OPOST  # no \n to \r\n
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        child = subprocess.Popen([program, *arguments], cwd=self.dir, stdin=subprocess.DEVNULL,
                                 stdout=theirs if stdout else subprocess.DEVNULL,
                                 stderr=theirs if stderr else subprocess.DEVNULL,
                                 env={**os.environ, "TERM": term})
        os.close(theirs)
        seen, until = b"", time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    got = os.read(ours, 65536)
                except OSError:  # the other side was closed
                    break
                if not got:
                    break
                seen += got
            if kill_after and kill_after in seen:
                child.send_signal(signal.SIGTERM)
                kill_after = None
        os.close(ours)
        return child.wait(20), seen

    @staticmethod
    def left(seen):
        """What is on the screen after the progress line was wiped each time."""
        lines = []
        for line in seen.split(b"\n"):
            lines.append(line.rpartition(WIPE)[2])
        return b"\n".join(lines)

    def test_progress(self):
        self.write("slow", b"phash test: slow\n")
        self.write("a.png", picture())
        names = ["slow", "a.png", "gone.png", "slow", "a.png"]
        code, seen = self.on_terminal("hash", "-j1", *names, stdout=False, program=PHASH_HOOKED)
        self.assertEqual(code, 2)
        self.assertRegex(seen, rb"\r\x1b\[K\d of 5 images, [0-9.]+ a second, \d+ s left")
        self.assertRegex(seen, rb", 1 with errors")
        # Wiped in the end; the messages are whole lines.
        note = b": note: too featureless to submit, hashed anyway\n"
        self.assertEqual(self.left(seen),
                         b"phash: slow" + note +
                         b"phash: gone.png: cannot open: No such file or directory\n"
                         b"phash: slow" + note +
                         b"phash: note: 4 hashed, 1 could not be, 0 passed by\n")

    def test_no_progress(self):
        self.write("slow", b"phash test: slow\n")
        for options, term in ((["--no-progress"], "xterm"), (["-q"], "xterm"), ([], "dumb")):
            code, seen = self.on_terminal("hash", *options, "slow", "slow", term=term,
                                          stdout=False, program=PHASH_HOOKED)
            self.assertEqual(code, 0)
            self.assertNotIn(b"\x1b", seen)
            self.assertNotIn(b"images", seen)

    def test_narrow(self):
        self.write("slow", b"phash test: slow\n")
        _, seen = self.on_terminal("hash", "-j1", *["slow"] * 4, stdout=False, columns=20,
                                   program=PHASH_HOOKED)
        drawn = [part for part in seen.split(WIPE) if part.startswith((b"1 of", b"2 of", b"3 of"))]
        self.assertTrue(drawn)
        for line in drawn:
            self.assertLess(len(line.split(b"phash")[0]), 20)

    def test_wiped_when_ended(self):
        self.write("slow", b"phash test: slow\n")
        self.write("hang", b"phash test: hang\n")
        code, seen = self.on_terminal("hash", "slow", "slow", "hang", stdout=False,
                                      program=PHASH_HOOKED, kill_after=b" of 3 images")
        self.assertEqual(code, -signal.SIGTERM)
        self.assertTrue(self.left(seen).endswith((b"", b"\n")))
        self.assertEqual(self.left(seen).replace(
            b"phash: slow: note: too featureless to submit, hashed anyway\n", b""), b"")

    def test_rows_on_a_terminal(self):
        self.write("\x1b[31m\n.png", picture())
        self.write("a\u00e9.png", picture())
        code, seen = self.on_terminal("hash", "--no-progress", "\x1b[31m\n.png", "a\u00e9.png")
        self.assertEqual((code, seen), (0, WAVES_HASH + b",100,\\x1b[31m\\n.png\n" +
                                        WAVES_HASH + b",100,a\xc3\xa9.png\n"))
        code, seen = self.on_terminal("hash", "--no-progress", "--json", "\x1b[31m\n.png",
                                      "a\u00e9.png")
        self.assertNotIn(b"\x1b", seen)
        self.assertTrue(seen.isascii())

    def test_notes(self):
        self.write("flat.png", flat_picture())
        code, seen = self.on_terminal("hash", "--no-progress", "flat.png", stdout=False)
        self.assertEqual(seen, b"phash: flat.png: note: too featureless to submit, hashed anyway\n")
        os.mkdir(self.path("empty"))
        code, seen = self.on_terminal("hash", "--no-progress", "-r", "empty")
        self.assertEqual((code, seen), (0, b"phash: note: no files were found\n"))

    def test_meaning(self):
        code, seen = self.on_terminal("compare", "0" * 64, "0" * 63 + "1")
        self.assertEqual(seen.split(b"\n")[0], b"1")
        self.assertIn(b"The same picture", seen)
        code, seen = self.on_terminal("compare", "0" * 64, "f" * 64)
        self.assertIn(b"Not a match", seen)
        code, seen = self.on_terminal("compare", "-q", "0" * 64, "f" * 64)
        self.assertEqual(seen, b"256\n")
        code, seen = self.on_terminal("compare", "--json", "0" * 64, "f" * 64)
        self.assertEqual(seen, b'{"distance":256}\n')


if __name__ == "__main__":
    main()
