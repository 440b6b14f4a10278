"""The steps of Python's imagehash.phash (grey, Lanczos reduction, DCT, median), timed and printed for
phash-bench, which runs it as a peer: imagehash_steps.py PIXELS WIDTH HEIGHT HASH_SIZE HIGHFREQ_FACTOR.

Needs Pillow, NumPy and SciPy. For each line with a number N on standard input it hashes the picture N
times and answers with the processor time of one hash, in seconds, and the hash."""

import sys
import time

import numpy
import scipy.fftpack
from PIL import Image

path, width, height, hash_size, factor = sys.argv[1], *map(int, sys.argv[2:6])
with open(path, "rb") as pixels:
    picture = Image.frombytes("RGB", (width, height), pixels.read())
lanczos = getattr(Image, "Resampling", Image).LANCZOS


def bits():
    side = hash_size * factor
    small = numpy.asarray(picture.convert("L").resize((side, side), lanczos))
    spectrum = scipy.fftpack.dct(scipy.fftpack.dct(small, axis=0), axis=1)
    low = spectrum[:hash_size, :hash_size]
    return low > numpy.median(low)


def text(array):
    digits = (array.size + 3) // 4
    return f"{int(''.join('1' if b else '0' for b in array.flatten()), 2):0{digits}x}"


print("ready", flush=True)
for line in sys.stdin:
    count = int(line)
    start = time.thread_time()
    for _ in range(count):
        found = bits()
    print(f"{(time.thread_time() - start) / count:.9f} {text(found)}", flush=True)
