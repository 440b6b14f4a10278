#!/bin/sh
# Usage: check_symbols.sh LIBRARY
# Fails when the library exports a name without the prefix phash_, or exports nothing.
set -u
names=$(nm -D --defined-only "$1" | awk '{print $NF}' | sed 's/@.*//') || exit 1
[ -n "$names" ] || { echo "no exported names in $1" >&2; exit 1; }
bad=$(printf '%s\n' "$names" | grep -v '^phash_' | grep -vxE '_init|_fini|__asan.*|__ubsan.*|__odr_asan.*|__start_.*|__stop_.*|__gcov.*|__llvm.*')
[ -z "$bad" ] || { printf 'exported without prefix:\n%s\n' "$bad" >&2; exit 1; }
