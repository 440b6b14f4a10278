#!/bin/sh
# Usage: check_needed.sh LIBPHASH LIBPHASH_DCT
# FFTW is GPL: the small library links it, and libphash must not.
set -u
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
for library in $(needed "$1"); do
    case $library in *fftw*) echo "libphash needs $library" >&2; exit 1 ;; esac
done
case $(needed "$2") in *fftw*) ;; *) echo "libphash-dct does not link FFTW" >&2; exit 1 ;; esac
