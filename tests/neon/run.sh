#!/bin/sh
# Usage: run.sh SOURCE_DIR
# Builds the Hamming kernels, the index and PDQ for AArch64, runs their suites under qemu-user, and skips
# (77) where compiler or emulator are missing.
set -u
source=$1
cc=aarch64-linux-gnu-gcc
command -v "$cc" >/dev/null && command -v qemu-aarch64 >/dev/null || { echo "no $cc or qemu-aarch64"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$source" || exit 1
for suite in kernels segment; do
    data=
    [ $suite = segment ] && data=tests/index/data.c
    "$cc" -O2 -std=c17 -Wall -Wextra -Werror -ffp-contract=off -static -DPHASH_BUILDING \
        -Iinclude -Ilibphash -Itests/neon -Itests \
        "tests/index/test_$suite.c" $data \
        libphash/core/cpu.c libphash/core/memory.c libphash/core/status.c \
        libphash/hamming/kernels.c libphash/hamming/hamming_c.c libphash/hamming/hamming_neon.c \
        libphash/index/build*.c libphash/index/flat.c libphash/index/matches.c \
        libphash/index/multi*.c libphash/index/nearest.c libphash/index/order.c \
        libphash/index/pages.c libphash/index/parallel.c libphash/index/plan.c \
        libphash/index/search.c libphash/index/segment.c \
        -o "$dir/$suite" -pthread -lm || exit 1
done
"$cc" -O2 -std=c17 -Wall -Wextra -Werror -ffp-contract=off -static -DPHASH_BUILDING \
    -Iinclude -Ilibphash -Itests/neon -Itests tests/kernels/test_pdq_kernels.c \
    libphash/core/cpu.c libphash/core/memory.c libphash/pdq/dct64.c libphash/pdq/dihedral.c \
    libphash/pdq/grey.c libphash/pdq/helix.c libphash/pdq/helix_neon.c libphash/pdq/jarosz.c libphash/pdq/kernels.c libphash/pdq/luma.c \
    libphash/pdq/median.c libphash/pdq/quality.c libphash/pdq/stream.c libphash/pdq/wave.c \
    libphash/pdq/wave_neon.c \
    -o "$dir/pdq" -pthread -lm || exit 1
CK_RUN="filters_agree_on_random_images hashes_agree rgb_agrees" PHASH_TEST_CASES=40 \
    qemu-aarch64 -L /usr/aarch64-linux-gnu "$dir/pdq" || exit 1
qemu-aarch64 -L /usr/aarch64-linux-gnu "$dir/kernels" || exit 1
CK_RUN="removed nearest arguments sorting" qemu-aarch64 -L /usr/aarch64-linux-gnu "$dir/segment"
