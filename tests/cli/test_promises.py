"""What holds for every subcommand: no network, no file but the named ones, none left anywhere, and a
full disk or a closed pipe on standard output is not silence."""

import json
import os
import re
import shutil
import subprocess
import unittest

from cli import CliTest, PHASH, PHASH_HOOKED, SANITIZED, main, picture

HAVE_BANK = os.environ.get("PHASH_HAVE_BANK") == "1"
# A pair of sockets without a name hands the open files to the workers.
NETWORK = {"socket", "connect", "sendto", "bind", "listen", "accept", "accept4"}
IN_A_WORKER = {"open", "openat", "openat2", "creat", "clone", "clone3", "fork", "vfork", "execve", "execveat",
               "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "link", "symlink", "ptrace",
               "io_uring_setup"}
CHANGES = {"creat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "link",
           "linkat", "symlink", "symlinkat", "truncate", "mknod", "mknodat"}
# Calls that put bytes into a descriptor, the first argument.
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "splice", "tee", "vmsplice",
          "copy_file_range", "ftruncate", "fallocate", "sendmsg", "sendmmsg"}
HASH = "f" * 60 + "0123"


class Step:
    """A command: the files it may make or change (by the beginning of their names), what it is given,
    how it ends, and whether it says something on standard output."""

    def __init__(self, *arguments, makes=(), stdin=b"", code=0, speaks=True, decodes=False):
        self.arguments, self.makes, self.stdin, self.code = arguments, makes, stdin, code
        self.speaks, self.decodes = speaks, decodes


class EverySubcommand(CliTest):
    def setUp(self):
        super().setUp()
        for folder in ("home", "work", "work/pics"):
            os.mkdir(self.path(folder))
        for i, name in enumerate(("a.png", "b.png", "pics/c.png", "pics/d.png")):
            self.write("work/" + name, picture(i // 2, (60, 45)))
        self.write("work/list.txt", HASH.encode() + b"\n")
        home = self.at("home")
        self.environment = dict(os.environ, HOME=home, TMPDIR=home, SQLITE_TMPDIR=home, XDG_CACHE_HOME=home,
                                XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_STATE_HOME=home,
                                XDG_RUNTIME_DIR=home)

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def run_step(self, step, *before, stdout=subprocess.PIPE):
        return subprocess.run([*before, PHASH, *step.arguments], cwd=self.at("work"),
                              env=self.environment, input=step.stdin, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=120)

    def steps(self):
        """Each subcommand in turn; what one makes, the next ones use."""
        yield Step("hash", "-j2", "a.png", "b.png", decodes=True)
        yield Step("hash", "-r", "--json", "pics", decodes=True)
        yield Step("compare", "a.png", "pics/c.png", decodes=True)
        yield Step("index", "build", "known.phidx", "pics/c.png", "list.txt", makes=("known.phidx",),
                   speaks=False, decodes=True)
        yield Step("index", "add", "known.phidx", "b.png", makes=("known.phidx",), speaks=False, decodes=True)
        yield Step("index", "remove", "known.phidx", "1", makes=("known.phidx",), speaks=False)
        yield Step("index", "compact", "known.phidx", makes=("known.phidx",), speaks=False)
        for part in ("info", "verify", "list"):
            yield Step("index", part, "known.phidx", speaks=part != "verify")
        yield Step("match", "-i", "known.phidx", "a.png", "-", stdin=HASH.encode() + b"\n", decodes=True)
        yield Step("doctor", code=None, decodes=True)
        yield Step("help", "hash")
        yield Step("--help")
        yield Step("--version")
        if not HAVE_BANK:
            return
        yield Step("guide")
        yield Step("keygen", "-o", "line", makes=("line.",))
        yield Step("case", "new", "-o", "case.json", "--json", "pics/c.png", makes=("case.json",), decodes=True)
        case = json.loads(self.done.stdout)
        pin = case["pin"].encode() + b"\n"
        yield Step("case", "show", "case.json")
        yield Step("case", "seal", "--to", "line.pub", "-o", "sealed", "case.json", makes=("sealed",), speaks=False)
        yield Step("case", "open", "--key", "line.key", "-o", "opened", "sealed", makes=("opened",), speaks=False)
        yield Step("bank", "init", "bank.db", makes=("bank.db",), speaks=False)
        yield Step("bank", "import", "bank.db", "--key", "line.key", "sealed", makes=("bank.db",), speaks=False)
        yield Step("bank", "import", "bank.db", "list.txt", makes=("bank.db",), speaks=False)
        yield Step("bank", "export", "bank.db", makes=("bank.db",))
        yield Step("bank", "export", "bank.db", "-o", "pages.json", makes=("bank.db", "pages.json"), speaks=False)
        yield Step("bank", "list", "bank.db", makes=("bank.db",))
        yield Step("bank", "info", "bank.db", makes=("bank.db",))
        yield Step("bank", "status", "bank.db", "--case", case["caseNumber"], stdin=pin, makes=("bank.db",))
        yield Step("bank", "feedback", "bank.db", "--value", "Blocked", HASH, makes=("bank.db",), speaks=False)
        yield Step("match", "-b", "bank.db", "pics/d.png", makes=("bank.db",), decodes=True)
        yield Step("scan", "-b", "bank.db", "--report", "report.html", "--thumbnails", "--cache", "seen", "pics",
                   makes=("bank.db", "report.html", "seen"), decodes=True)
        yield Step("bank", "withdraw", "bank.db", "--case", case["caseNumber"], stdin=pin, makes=("bank.db",),
                   speaks=False)
        yield Step("bank", "purge", "bank.db", makes=("bank.db",), speaks=False)

    def everything(self):
        return {os.path.relpath(os.path.join(top, name), self.dir)
                for top, folders, names in os.walk(self.dir) for name in names + folders}

    def run_all(self, check):
        for step in self.steps():
            with self.subTest(command=" ".join(step.arguments)):
                before = self.everything()
                self.done = check(step)
                if step.code is not None:
                    self.assertEqual(self.done.returncode, step.code, self.done.stderr)
                for name in self.everything() - before:
                    self.assertTrue(any(name.startswith("work/" + n) for n in step.makes), name)

    def test_named_files_only(self):
        self.run_all(self.run_step)

    def cannot_speak(self, stdout, reason):
        """Runs every step with a standard output that takes nothing, and then as it should be."""
        def check(step):
            if step.speaks:
                done = self.run_step(step, stdout=stdout)
                self.assertEqual(done.returncode, 2, step.arguments)
                self.assertRegex(done.stderr, rb"phash: .*" + reason, step.arguments)
                if step.makes and step.arguments[0] in ("case", "keygen"):  # what is there is not replaced
                    for name in os.listdir(self.at("work")):
                        if any(name.startswith(n) for n in step.makes):
                            os.unlink(self.at("work", name))
            return self.run_step(step)

        self.run_all(check)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.cannot_speak(full, rb"[Nn]o space left")

    def test_closed_pipe(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as pipe:
            self.cannot_speak(pipe, rb"Broken pipe")

    def traces(self, *command, **more):
        """What strace saw: the program's answer, and a list of lines for each process and thread."""
        folder = self.at("traces")
        os.mkdir(folder)
        done = subprocess.run(["strace", "-f", "-ff", "-y", "-o", os.path.join(folder, "t"), *command],
                              cwd=self.at("work"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120, **more)
        out = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), errors="replace") as f:
                out.append(f.read().splitlines())
        shutil.rmtree(folder)
        return done, out

    @unittest.skipIf(SANITIZED, "sanitizers make calls of their own")
    @unittest.skipUnless(shutil.which("strace"), "no strace here")
    def test_traces(self):
        def check(step):
            done, traces = self.traces(PHASH, *step.arguments, env=self.environment, input=step.stdin)
            if step.arguments[0] == "doctor":  # whose children try what must be refused
                traces = [self.without_refused(lines) for lines in traces]
            workers = sum(self.check_trace(lines, step) for lines in traces)
            self.assertEqual(workers > 0, step.decodes, step.arguments)
            return done

        self.run_all(check)

    @unittest.skipIf(SANITIZED, "sanitizers make calls of their own")
    @unittest.skipUnless(shutil.which("strace"), "no strace here")
    def test_traces_tell(self):
        """What is forbidden is seen in a trace: with no sandbox, and where a worker is killed for it."""
        self.write("work/connect", b"phash test: connect")
        self.write("work/open", b"phash test: open")
        for word, killed in (("connect", "socket"), ("open", "open")):
            step = Step("hash", word, decodes=True)
            for sandbox in (True, False):
                environment = self.environment | ({} if sandbox else {"PHASH_TEST_NO_SANDBOX": "1"})
                done, traces = self.traces(PHASH_HOOKED, *step.arguments, env=environment)
                self.assertEqual(done.returncode, 2)
                workers, faults = 0, []
                for lines in traces:
                    try:
                        workers += self.check_trace(lines, step)
                    except AssertionError as fault:
                        faults.append(str(fault))
                if sandbox:
                    self.assertIn(b"died (signal 31)", done.stderr)
                    self.assertRegex("".join(faults), killed)
                else:
                    self.assertNotIn(b"died", done.stderr)
                    self.assertEqual(workers, 0)  # no trace is a worker's, which test_traces refuses
                    self.assertEqual(bool(faults), word == "connect")

    @staticmethod
    def without_refused(lines):
        """A trace without the calls that the kernel did not let through."""
        if any("killed by SIGSYS" in line for line in lines):
            lines = lines[:next(i for i, line in enumerate(lines) if "--- SIGSYS" in line
                                or "killed by SIGSYS" in line) - 1]
        return [line for line in lines if " = -1 " not in line]

    def names(self, path, step):
        """Whether a path is one of the files that the step may make or change."""
        return any(os.path.basename(path).startswith(n) for n in step.makes)

    def check_write(self, name, line, step):
        """Only standard output and error, the named output, and what leads to the program's own
        processes take bytes."""
        m = re.match(r"\w+\((\d+)<([^>]*)>", line) or re.match(r"\w+\((\d+)()", line)
        if not m or " = -1 " in line:  # vmsplice, tee and the like are nowhere allowed
            return
        number, target = int(m.group(1)), m.group(2)
        own = re.match(r"(pipe|socket|UNIX|anon_inode|unix)", target) or number in (1, 2)
        self.assertTrue(own or self.names(target.removesuffix("(deleted)"), step), line)

    def check_trace(self, lines, step):
        """1 for a worker."""
        calls = [(m.group(), line) for line in lines if (m := re.match(r"\w+", line)) and "(" in line]
        self.assertFalse(NETWORK & {name for name, _ in calls}, step.arguments)
        for name, line in calls:
            if name in ("sendmsg", "sendmmsg"):
                self.assertIn("msg_name=NULL", line)
            if name == "socketpair":
                self.assertIn("AF_UNIX", line)
            if name in WRITES:
                self.check_write(name, line, step)
            opens = name in ("open", "openat", "openat2") and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line)
            if (opens or name in CHANGES) and not line.rstrip().endswith(")") and " = -1 " not in line:
                for path in re.findall(r'"([^"]*)"', line):
                    self.assertTrue(self.names(path, step) or path in ("/dev/null", "/dev/tty"), line)
        if not any("landlock_restrict_self" in line for line in lines):
            return 0
        last = max(i for i, line in enumerate(lines)
                   if "SECCOMP_SET_MODE_FILTER, 0" in line and line.rstrip().endswith("= 0"))
        after = {re.match(r"\w+", line).group() for line in lines[last + 1:] if re.match(r"\w+\(", line)}
        self.assertFalse(IN_A_WORKER & after, after)
        return 1


if __name__ == "__main__":
    main()
