"""What the kernel enforces: workers that try to break out are stopped, and traces show no way out."""
import os
import re
import shutil
import subprocess
import unittest

from cli import CliTest, PHASH, PHASH_HOOKED, main, picture

SANITIZED = os.environ.get("PHASH_SANITIZED", "none") != "none"
SIGSYS = 31


class Doctor(CliTest):
    def test_all_in_force(self):
        result = self.run_phash("doctor")
        self.assertIn(result.code, (0, 1))
        rows = [r for r in result.out.decode().splitlines() if r.startswith(("yes", "NO"))]
        self.assertGreaterEqual(len(rows), 9)
        self.assertEqual(result.code, int(any(r.startswith("NO") for r in rows)))

    def test_takes_no_arguments(self):
        self.assertEqual(self.run_phash("doctor", "x").code, 2)


@unittest.skipIf(subprocess.run([PHASH, "doctor"], capture_output=True).returncode,
                 "this kernel does not enforce everything")
class Breakouts(CliTest):
    """One file in a batch makes its decoder misbehave: one error line, the rest is hashed."""

    def batch(self, word, reason):
        for i in range(99):
            self.write("p%02d.png" % i, picture(i, (24, 24)))
        self.write("p50x", b"phash test: " + word)
        names = sorted(n for n in os.listdir(self.dir) if n.startswith("p"))
        result = self.run_phash("hash", "-j2", "--max-time=2", *names, program=PHASH_HOOKED)
        self.assertEqual(result.code, 2)
        lines = result.out.decode().splitlines()
        self.assertEqual([l.split(",")[2] for l in lines], [n for n in names if n != "p50x"])
        errors = result.err.decode().splitlines()
        self.assertEqual(len(errors), 1, errors)
        self.assertRegex(errors[0], r"^phash: p50x: " + reason)

    def test_connect(self):
        self.batch(b"connect", r".*died \(signal 31\)")

    def test_open(self):
        self.batch(b"open", r".*died \(signal 31\)")

    def test_fork(self):
        self.batch(b"fork", r".*died \(signal 31\)")

    def test_crash(self):
        self.batch(b"crash", r".*died \(signal 11\)")

    def test_endless_loop(self):
        self.batch(b"spin", r".*gave up after 2 seconds")

    @unittest.skipIf(SANITIZED, "the sanitizer needs its address space")
    def test_ten_gigabytes(self):
        self.batch(b"memory", r".*out of memory")


class Without(CliTest):
    def test_the_plant_gets_through_when_there_is_no_sandbox(self):
        """The tests above would also pass if the planted calls did nothing."""
        self.write("open", b"phash test: open")
        result = self.run_phash("hash", "open", program=PHASH_HOOKED,
                                env={"PHASH_TEST_NO_SANDBOX": "1"})
        self.assertIn(b"the decoder opened a file", result.err)
        self.write("connect", b"phash test: connect")
        result = self.run_phash("hash", "connect", program=PHASH_HOOKED,
                                env={"PHASH_TEST_NO_SANDBOX": "1"})
        self.assertIn(b"the decoder made a socket", result.err)

    def test_required(self):
        self.write("a.png", picture(1, (24, 24)))
        result = self.run_phash("hash", "--require-sandbox", "a.png", program=PHASH_HOOKED,
                                env={"PHASH_TEST_NO_SANDBOX": "1"})
        self.assertEqual((result.code, result.out), (2, b""))
        self.assertRegex(result.err, rb"cannot enforce: .*Landlock")
        result = self.run_phash("hash", "a.png", program=PHASH_HOOKED,
                                env={"PHASH_TEST_NO_SANDBOX": "1"})
        self.assertEqual(result.code, 0)
        self.assertRegex(result.err, rb"^phash: note: this system cannot enforce: ")


@unittest.skipIf(SANITIZED, "sanitizers make calls of their own")
@unittest.skipUnless(shutil.which("strace"), "no strace here")
class Traces(CliTest):
    def test_no_way_out(self):
        self.write("a.png", picture(1, (40, 30)))
        self.write("b.png", picture(2, (40, 30)))
        for command in (["hash", "-j2", "a.png", "b.png"], ["compare", "a.png", "b.png"]):
            subprocess.run(["strace", "-f", "-ff", "-o", os.path.join(self.dir, "trace"), PHASH,
                            *command], cwd=self.dir, check=True, capture_output=True)
            workers = 0
            for name in sorted(n for n in os.listdir(self.dir) if n.startswith("trace.")):
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    lines = f.read().splitlines()
                os.unlink(os.path.join(self.dir, name))
                calls = [re.match(r"\w+", l).group() for l in lines if re.match(r"\w+\(", l)]
                self.assertFalse({"socket", "connect", "sendto", "bind"} & set(calls), name)
                filters = [i for i, l in enumerate(lines) if "SECCOMP_SET_MODE_FILTER, 0" in l
                           and l.rstrip().endswith("= 0")]
                if not any("landlock_restrict_self" in l for l in lines):
                    continue
                workers += 1
                after = lines[filters[-1] + 1:]
                used = {re.match(r"\w+", l).group() for l in after if re.match(r"\w+\(", l)}
                self.assertFalse({"open", "openat", "openat2", "creat", "clone", "clone3", "fork",
                                  "execve", "unlink", "rename"} & used, used)
            self.assertGreaterEqual(workers, 1)


if __name__ == "__main__":
    main()
