"""The worker processes: what each can cost, and that none stays behind."""

import ctypes
import os
import resource
import signal
import subprocess
import time
import unittest

from cli import PHASH_HOOKED, SANITIZED, CliTest, main, picture


def descendants(pid):
    """Living or dead children of a process, and theirs."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    parents[int(entry)] = int(f.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                pass
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        children = [child for child, p in parents.items() if p == parent]
        found += children
        todo += children
    return found


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Misbehaviour(CliTest):
    """Files that say "phash test: WORD" make a worker of phash-hooked do it."""

    def bad(self, word):
        self.write(word, b"phash test: " + word.encode() + b"\n")

    def batch(self, words, *options):
        """The bad ones among 40 good ones."""
        self.write("good.png", picture(3, (40, 30)))
        names = ["good.png"] * 40
        for i, word in enumerate(words):
            self.bad(word)
            names.insert(3 + i * 5, word)
        result = self.run_phash("hash", *options, *names, program=PHASH_HOOKED)
        self.check(result, 2)
        self.assertEqual([line.rsplit(b",")[2] for line in result.out.splitlines()],
                         [b"good.png"] * 40)
        return result.err.decode().splitlines()

    def test_each_costs_one_line(self):
        expected = {"crash": "the decoder died (signal 11)",
                    "exit": "the decoder died (exit status 7)",
                    "short": "the decoder gave an answer that makes no sense",
                    "other": "the decoder gave an answer that makes no sense",
                    "spin": "gave up after 1 seconds of processor time (--max-time)",
                    "hang": "gave up after 5 seconds without an answer"}
        lines = ["phash: %s: %s" % pair for pair in expected.items()]
        for jobs in ("1", "3"):
            got = self.batch(expected, "-j", jobs, "--max-time=1")
            # On a machine that is very busy the other clock may be the first to run out.
            got = [line.replace("spin: " + expected["hang"], "spin: " + expected["spin"])
                   for line in got]
            self.assertEqual(got, lines)

    def test_many_deaths(self):
        self.bad("crash")
        result = self.run_phash("hash", "-j4", *["crash"] * 300, program=PHASH_HOOKED)
        self.check(result, 2, b"", b"phash: crash: the decoder died (signal 11)\n" * 300)

    def test_others_are_untouched(self):
        # A worker that gave nonsense goes on with the next file until it is killed; whoever gets
        # that file then must not share its place in it.
        self.bad("other")
        self.write("good.png", picture(3, (40, 30)))
        names = ["other", "good.png", "good.png", "good.png"] * 100
        result = self.check(self.run_phash("hash", "-j2", *names, program=PHASH_HOOKED), 2)
        self.assertEqual(len(result.out.splitlines()), 300)
        self.assertEqual(len(set(result.out.splitlines())), 1)
        self.assertEqual(len(result.err.splitlines()), 100)

    def test_forged_message(self):
        line, = self.batch(["forge"])
        self.assertTrue(line.startswith("phash: forge: one?phash: two?[31mAAA"))
        self.assertTrue(line.isprintable())

    @unittest.skipIf(SANITIZED, "sanitizers may report on stderr")
    def test_decoders_are_silent(self):
        line, = self.batch(["print"])
        self.assertIn("not an image", line)

    def test_slow_one_keeps_its_place(self):
        self.bad("slow")
        self.write("good.png", picture(3, (40, 30)))
        names = ["slow"] + ["good.png"] * 700
        result = self.check(self.run_phash("hash", "-j2", *names, program=PHASH_HOOKED), 0)
        rows = result.out.splitlines()
        self.assertEqual(rows[0], b"0" * 64 + b",0,slow")
        self.assertEqual(len(rows), 701)


def default_signals():
    """What nohup, or whatever runs the tests, ignores would stay ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def open_files(pid):
    links = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            links.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except FileNotFoundError:
            pass  # closed since
    return links


def sockets(links):
    return sum(link.startswith("socket:") for link in links)


class Ends(CliTest):
    def start(self, *names, jobs="3"):
        for word in names:
            self.write(word, b"phash test: " + word.encode())
        child = subprocess.Popen([PHASH_HOOKED, "hash", "-j", jobs, *names, *names, *names],
                                 cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 preexec_fn=default_signals)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        until = time.monotonic() + 20
        while len(descendants(child.pid)) < 1 + int(jobs) and time.monotonic() < until:
            time.sleep(0.02)
        family = descendants(child.pid)
        self.assertEqual(len(family), 1 + int(jobs))
        return child, family

    def gone(self, family):
        until = time.monotonic() + 10
        while any(map(alive, family)) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual([pid for pid in family if alive(pid)], [])

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            child, family = self.start("hang")
            child.send_signal(number)
            out, err = child.communicate(timeout=20)
            self.assertEqual((child.returncode, out, err), (-number, b"", b""))
            # Not even a zombie: all were waited for.
            self.assertEqual([pid for pid in family if os.path.exists("/proc/%d" % pid)], [])

    def test_all_are_waited_for(self):
        # What a finished run leaves behind would come to this process, and does not.
        prctl = ctypes.CDLL(None).prctl
        prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        self.addCleanup(prctl, 36, 0, 0, 0, 0)
        self.write("a.png", picture(3, (40, 30)))
        for _ in range(30):
            self.check(self.run_phash("hash", "-j8", *["a.png"] * 40), 0)
            with self.assertRaises(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)

    def test_killed(self):
        child, family = self.start("hang")
        child.kill()
        child.wait(20)
        self.gone(family)

    def test_workers_see_no_path(self):
        child, family = self.start("hang")
        for pid in family:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                self.assertNotIn(b"hang", f.read())
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
        child.terminate()
        child.communicate(timeout=20)

    def test_workers_hold_no_other_files(self):
        child, family = self.start("hang")
        nursery, workers = family[0], family[1:]
        for pid in workers:
            # One that has just begun has yet to close what it was born with.
            deadline = time.monotonic() + 20
            links = open_files(pid)
            while sockets(links) != 1 and time.monotonic() < deadline:
                time.sleep(0.01)
                links = open_files(pid)
            files = [link for link in links if link.startswith("/") and link != "/dev/null"]
            self.assertTrue(all(link.endswith("/hang") for link in files), links)
            self.assertLessEqual(len(files), 1, links)
            self.assertEqual(sockets(links), 1, links)
        child.terminate()
        child.communicate(timeout=20)


class Scarcity(CliTest):
    def test_few_descriptors(self):
        for i in range(60):
            self.write("%02d.png" % i, picture(i, (20, 20)))
        names = ["%02d.png" % i for i in range(60)]
        wanted = self.run_phash("hash", *names)
        few = self.run_phash("hash", "-j4", *names, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (64, 64)))
        self.check(few, 0, wanted.out, b"")

    def test_no_processes(self):
        if os.geteuid() == 0:
            self.skipTest("root has no limit of processes")
        self.write("a.png", picture())
        result = self.run_phash("hash", "a.png", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NPROC, (1, 1)))
        self.check(result, 2, b"")
        self.assertIn(b"cannot start worker processes", result.err)


if __name__ == "__main__":
    main()
