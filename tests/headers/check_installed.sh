#!/bin/sh
# Usage: check_installed.sh BUILD yes|no
# FFTW is GPL: a build without the DCT hashes installs nothing of them, header and library; one with
# them installs both.
set -u
[ "$#" -eq 2 ] || exit 2
command -v meson >/dev/null || { echo "skipped: no meson to ask"; exit 77; }
installed=$(meson introspect --installed "$1") || exit 1
has() { printf '%s\n' "$installed" | grep -q "$1"; }
has '/phash/pdq\.h"' || { echo "the list of installed files is without pdq.h" >&2; exit 1; }
for name in '/phash/dct\.h"' 'libphash-dct\.so' 'libphash-dct\.pc"'; do
    if [ "$2" = yes ]; then
        has "$name" || { echo "$name is not installed" >&2; exit 1; }
    else
        ! has "$name" || { echo "$name is installed by a build without the DCT hashes" >&2; exit 1; }
    fi
done
