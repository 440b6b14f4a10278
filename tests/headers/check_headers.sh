#!/bin/sh
# Usage: check_headers.sh INCLUDE BUILT_INCLUDE HEADER…
# Compiles each public header alone, as C11 and as C++, with warnings as errors. Every header that is
# there must be named, so that a new one is not forgotten.
set -u
src=$1 built=$2
shift 2
cc=${CC:-cc}
status=0 done=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
for header in "$@"; do
    for lang in c:c11 c++:c++11; do
        printf '#include <phash/%s>\nint main(void) { return 0; }\n' "$header" >"$tmp/t.src"
        if ! $cc -x "${lang%%:*}" -std="${lang#*:}" -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            -I"$src" -I"$built" "$tmp/t.src"; then
            echo "phash/$header does not compile alone as ${lang#*:}" >&2
            status=1
        fi
        done=$((done + 1))
    done
done
for path in "$src"/phash/*.h; do
    name=${path##*/}
    case " $* " in
    *" $name "*) ;;
    *)
        # Headers of parts that this build leaves out are not installed and not checked.
        case $name in decode.h | bank.h | dct.h) ;; *) echo "phash/$name is not checked" >&2; status=1 ;; esac
        ;;
    esac
done
[ "$done" -gt 0 ] || status=1
exit $status
