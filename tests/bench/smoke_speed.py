"""The speed benches over little: every engine must give the answers of the others, and the JSON must
hold what is needed to repeat a figure. smoke_speed.py PHASH-BENCH. No time is judged here."""

import json
import pathlib
import subprocess
import sys
import tempfile

program = sys.argv[1]
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAIL", what)


def run(*arguments):
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True)


def check_environment(result):
    for key in ("machine", "cpu", "compiler", "flags", "commit", "libraries", "command"):
        check(result["environment"].get(key), f"the {result['kind']} result names its {key}")


with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "search.json"
    for bits, radius in ((256, 31), (64, 10)):
        table = run("search", "--bits", bits, "--sizes", "1000,10000", "--data", "0,1,2", "--batches", "1,64",
                    "--threads", "1,3", "--nearest", "1,10", "--rounds", 2, "--ms", 1, "--json", out).stdout
        result = json.loads(out.read_text())
        check_environment(result)
        rows = result["results"]
        names = {row["engine"] for row in rows}
        check({"scalar", "flat-c", "phash-c"} <= names, f"engines of {bits} bits: {names}")
        check(len(rows) == 2 * 3 * 2 * 2 * len(names), "a row for each setting and engine")
        check(all(row["bits"] == bits and row["radius"] == radius for row in rows), "of that length")
        check(all(row["us_median"] > 0 for row in rows), "every engine takes its time")
        check(all(row["matches_per_query"] > 0 for row in rows if row["data"] == "pdq-like"),
              "something is found")
        near = result["nearest"]
        check(len(near) == 2 * 3 * 2, "a row for each of the nearest")
        check(all(row["times_radius"] > 0 for row in near), "which take their time")
        check("all engines agree" in table and "3 threads" in table, "the table says so")

    out = pathlib.Path(folder) / "hash.json"
    table = run("hash", "--rounds", 1, "--megapixels", 2, "--output", out).stdout
    result = json.loads(out.read_text())
    check_environment(result)
    for case in result["cases"]:
        engines = {e["name"]: e for e in case["engines"]}
        check({"reference", "libphash-c"} <= engines.keys(), "reference and plain C are there")
        check(engines["reference"]["times_reference"] == 1, "the reference is its own measure")
    check("512x512 RGB, eight hashes" in table, "the table names its cases")
    for case in result["dct"]:  # none without FFTW
        check({"c"} <= {e["mask"] for e in case["engines"]}, "plain C hashes with DCT, too")
        check(all(e["reduction_us"] > 0 and e["transform_us"] > 0 for e in case["engines"]), "in two steps")
        check(f"{case['hash_size'] ** 2} bits" in table, "the table names them")
    for case in result["photos"]:  # none without libjpeg
        engines = {e["name"]: e for e in case["engines"]}
        decoder = "libjpeg-turbo-rgb"
        check({decoder, "libphash-full", "libphash-fast"} <= engines.keys(), "decoders and hashes")
        check(engines[decoder]["ratio_to"][decoder] == 1, "a decoder is its own measure")
        check(engines["libphash-full"]["ratio_to"][decoder] > 0, "and that of others")
        check(engines["libphash-fast"]["bits_from_full"] <= 31, "fast is near full")
        check(f"1728x1152 {case['file']}" in table, "the table names its photos")

    broken = subprocess.run([program, "hash", "--part", "photos", "--photos", folder], capture_output=True)
    check(broken.returncode == 2 or not result["photos"], "an empty folder makes no photos")
    broken = subprocess.run([program, "hash", "--part", "folder"], capture_output=True)
    check(broken.returncode == 2 and b"--photos" in broken.stderr, "the part folder wants one")
    broken = subprocess.run([program, "hash", "--part", "folder", "--photos", folder], capture_output=True)
    check(broken.returncode == 2, "an empty folder has no share")
    broken = subprocess.run([program, "hash", "--megapixels", "2,9"], capture_output=True)
    check(broken.returncode == 2 and b"2,9" in broken.stderr, "another size is an error")

    out = pathlib.Path(folder) / "live.json"
    for where in ((), ("--file", pathlib.Path(folder) / "live.phash"), ("--data", 2, "--radius", 40)):
        table = run("live", "--size", 20000, "--rate", 20000, "--seconds", 1, "--turns", 1, "--output", out, *where)
        result = json.loads(out.read_text())
        check_environment(result)
        check([row["batch"] for row in result["results"]] == [1, 256], "single queries and batches")
        for row in result["results"]:
            check(all(row[key] > 0 for key in ("us_alone", "us_beside", "cpu_us_alone", "cpu_us_beside")),
                  "alone and beside the writer searches take their time")
            check(abs(row["loss"] - (1 - row["us_alone"] / row["us_beside"])) < 1e-4, "the loss is theirs")
        check((result["open_ms"] > 0) == ("--file" in where), "a file takes time to open")
        check(result["changes_per_second"] > 0, "the writer writes")
        check("changes/s" in table.stdout, "the table says how much")
    broken = subprocess.run([program, "live", "--sync"], capture_output=True)
    check(broken.returncode == 2 and b"--file" in broken.stderr, "only files are synced")

    broken = subprocess.run([program, "search", "--bits", "100"], capture_output=True)
    check(broken.returncode == 2 and b"64 or 256" in broken.stderr, "another length is an error")

print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
