#!/bin/sh
# Usage: run.sh BUILD SECONDS [FUZZER…]
# Fuzzes with the libFuzzer programs of BUILD (made with clang and -Dfuzz=true), two at a time, each for
# so many seconds, starting from the project's own corpus and fixtures. Prints, for each, how often it ran
# and what it reached, and what it found; the input of a finding stays in BUILD/findings. Fails when
# something was found, and when a fuzzer did not run at all.
set -u
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
[ $# -ge 2 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
root=$(cd "$here/../.." && pwd) || exit 2
findings=$build/findings
mkdir -p "$findings" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
[ $# -gt 0 ] || set -- $(find "$build/tests/fuzz" -maxdepth 1 -type f -name 'fuzz_*' | sed 's/.*fuzz_//' | sort)
[ $# -gt 0 ] || { echo "no fuzzers in $build" >&2; exit 1; }

fuzz() {
    seeds=
    for folder in "$here/corpus/$1"; do [ ! -d "$folder" ] || seeds=$folder; done
    [ "$1" != image ] || seeds="$seeds $root/fixtures/images $root/fixtures/damaged"
    dictionary=
    [ ! -f "$here/dict/$1.dict" ] || dictionary=-dict=$here/dict/$1.dict
    # Over pixels, weighing inputs by how rare what they reach is costs more than half of the time.
    schedule=
    [ "$1" != pdq ] || schedule=-entropic=0
    mkdir "$work/$1"
    "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=900 -rss_limit_mb=2048 -print_final_stats=1 \
        $dictionary $schedule -artifact_prefix="$findings/$1-" "$work/$1" $seeds >"$work/$1.log" 2>&1
    echo $? >"$work/$1.status"
}

failed=0
report() {
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$1.log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/$1.log" | tail -1)
    if [ "$(cat "$work/$1.status")" -ne 0 ] || [ "${runs:-0}" -eq 0 ]; then
        failed=1
        echo "FAIL  $1"
        tail -n 40 "$work/$1.log"
    else
        echo "ok    $1: $runs runs, $edges edges reached"
    fi
}

while [ $# -gt 0 ]; do
    fuzz "$1" &
    if [ $# -gt 1 ]; then
        fuzz "$2" &
        wait
        report "$1"
        report "$2"
        shift 2
    else
        wait
        report "$1"
        shift
    fi
done
exit $failed
