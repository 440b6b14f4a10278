#!/usr/bin/env bash
# Usage: check_limit.sh REPLAY_HANG
# The limit on one input's processor time ends a loop, and not an input that only waits for longer.
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
printf loop >"$folder/loop"
printf wait >"$folder/wait"
ulimit -c 0
export PHASH_FUZZ_SECONDS=1
"$1" "$folder/wait" || { echo "waiting was taken for a hang"; exit 1; }
said=$("$1" "$folder/loop" 2>&1) && { echo "a loop came to an end"; exit 1; }
case $said in
*"too much processor time"*) ;;
*) echo "a loop ended with: $said"; exit 1 ;;
esac
