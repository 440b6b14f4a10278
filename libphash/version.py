#!/usr/bin/env python3
"""Prints MAJOR.MINOR.PATCH as the macros in phash/version.h have it."""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
print(".".join(re.search(rf"PHASH_VERSION_{part}\s+(\d+)", text).group(1)
               for part in ("MAJOR", "MINOR", "PATCH")))
