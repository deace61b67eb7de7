#!/usr/bin/env python3
"""Denoising, grey and Canny as published, beside OpenCV on the same pictures, in one run, both on both cores.

The limit. For each pixel and each of 441 offsets OpenCV's result needs a weight, looked up by the distance of two windows,
for lightness and once more for colour: 165 million for a photograph of 500 x 375. The distance from p to q is that from q
to p, so half of them do: 83 million look-ups, each two loads and a part of a store, about one cycle where everything else
is free; 0.014 s on two cores at 3 GHz. Around each stand the sums that lead to it and the two pixels that it is added to:
with 8 numbers a register about 10 instructions for 8 pixels on the way there and 6 on the way back, another one to two
cycles: 0.03 to 0.04 s a photograph. With AVX-512 the weights, half of that, are made of 16 numbers a register, each column
loaded once: 0.02 s.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

GOAL, AIM = 6.5, 8.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of photographs")
    arguments = parser.parse_args()
    endings = {".jpeg", ".jpg", ".png"}
    files = sorted(path for folder in arguments.folders for path in folder.rglob("*") if path.suffix.lower() in endings)
    pictures = [cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) for path in files]
    files, pictures = zip(*[pair for pair in zip(files, pictures) if pair[1] is not None])
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
    print(__doc__.split("\n\n", 1)[1])
    print(f"{len(files)} pictures, {pixels / len(files) / 1000:.0f} thousand pixels each on average")
    theirs, ours = [], []
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        edges = sum(int((published(picture) > 0).sum()) for picture in pictures)
        theirs.append(time.perf_counter() - began)
        outcome = subprocess.run([arguments.lgf, "bench", "edges", *files], capture_output=True, text=True, check=True)
        words = outcome.stdout.split()
        ours.append(float(words[0]))
        if edges != int(words[5]):
            sys.exit(f"bench_edges: OpenCV finds {edges} edge pixels, lgf {words[5]}")
    theirs, ours = min(theirs), min(ours)
    each = 1 / len(files)
    print(f"OpenCV {cv2.__version__} ({cv2.getNumThreads()} threads): {theirs:.2f} s, {theirs * each:.4f} s a picture")
    print(f"lgf: {ours:.2f} s, {ours * each:.4f} s a picture; {pixels / ours / 1e6:.1f} million pixels a second")
    print(f"{theirs / ours:.1f} times faster (goal: at least {GOAL:.1f}, aim: {AIM:.0f}); the same {edges:,} edge pixels")
    sys.exit(0 if theirs / ours >= GOAL else 1)


def published(bgr):
    gray = cv2.cvtColor(cv2.fastNlMeansDenoisingColored(bgr, None, 30, 10, 7, 21), cv2.COLOR_BGR2GRAY)
    median = np.median(gray)
    return cv2.Canny(gray, int(max(0, (1.0 - 0.9) * median)), int(min(255, (1.0 + 0.9) * median)))


if __name__ == "__main__":
    main()
