#!/bin/sh
# Usage: check_needed.sh LIBRARY
# Fails when a lean libphash needs more than libc, libm and xxHash.
set -u
needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') || exit 1
[ -n "$needed" ] || exit 1
bad=$(printf '%s\n' "$needed" | grep -vE '^(libc|libm|libxxhash|ld-linux[^.]*)\.so')
[ -z "$bad" ] || { printf 'needs more than libc, libm and xxHash:\n%s\n' "$bad" >&2; exit 1; }
