#!/usr/bin/env python3
"""Usage: check_covered.py ROOT

Every public function is called by a suite in which allocations fail."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
public = set()
for header in (root / "include/phash").glob("*.h"):
    public |= set(re.findall(r"PHASH_API\s[^;]*?\b(phash_\w+)\s*\(", header.read_text()))
suites = [p for p in (root / "tests").rglob("*.c") if "alloc_fault.h" in p.read_text()]
called = set()
for suite in suites:
    called |= set(re.findall(r"\b(phash_\w+)\s*\(", suite.read_text()))
left_out = sorted(public - called)
print(f"{len(public)} public functions, {len(suites)} suites with failing allocations")
if len(public) < 100 or len(suites) < 4:
    sys.exit("headers or suites were not found")
if left_out:
    sys.exit("no allocation fails in a call of: " + ", ".join(left_out))
