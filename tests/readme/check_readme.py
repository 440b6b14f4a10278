#!/usr/bin/env python3
"""Usage: check_readme.py README SOURCE_ROOT TOOL_DIR CC LIBRARY_DIR INCLUDE_DIR…

What the README shows is what happens:
- every ```c block is a whole program; it is compiled against the library under the name in its first
  comment (`/* name.c: … */`);
- every ```console block is run, command by command (lines that start with "$ "), in a folder that
  holds those programs and fixtures/, and must print what follows, standard error included. In a
  line, "…" stands for anything.
A block whose fence says `no-run` is shown only. Nothing to check is a failure.
"""
import os
import re
import subprocess
import sys
import tempfile

readme, root, tools, cc, library, *includes = sys.argv[1:]
text = open(readme, encoding="utf-8").read()
blocks = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", text, re.M | re.S)
failures, programs, commands = [], 0, 0


def compile_program(source, folder):
    name = re.match(r"/\* (\w+)\.c\b", source)
    if not name:
        return "a C example does not begin with /* name.c … */"
    path = os.path.join(folder, name.group(1))
    with open(path + ".c", "w", encoding="utf-8") as f:
        f.write(source)
    run = subprocess.run([*cc.split(), "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread",
                          *("-I" + i for i in includes), path + ".c", "-o", path, "-L" + library,
                          "-lphash", "-Wl,-rpath," + library],
                         capture_output=True, text=True, check=False)
    return run.stderr if run.returncode else None


def same(wanted, got):
    wanted, got = wanted.rstrip("\n").split("\n"), got.rstrip("\n").split("\n")
    return len(wanted) == len(got) and all(
        re.fullmatch(".*".join(map(re.escape, w.split("…"))), g) for w, g in zip(wanted, got))


with tempfile.TemporaryDirectory() as folder:
    os.symlink(os.path.join(root, "fixtures"), os.path.join(folder, "fixtures"))
    env = dict(os.environ, PATH=tools + ":" + os.environ["PATH"], LC_ALL="C.UTF-8")
    for kind, info, body in blocks:
        if "no-run" in info:
            continue
        if kind == "c":
            programs += 1
            problem = compile_program(body, folder)
            if problem:
                failures.append(problem)
        elif kind == "console":
            for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body, re.M):
                commands += 1
                run = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, check=False, timeout=120)
                if not same(wanted, run.stdout):
                    failures.append(f"$ {command}\n--- README:\n{wanted}--- is:\n{run.stdout}")

for failure in failures:
    print(failure)
print(f"{programs} programs, {commands} commands, {len(failures)} failures")
sys.exit(bool(failures) or not programs or not commands)
