#!/usr/bin/env python3
"""Intervals of error consistency of 50 observers on 1,280 pictures beside numpy, in one run, both on both cores.

The limit. For 1,225 pairs and 10,000 draws numpy counts how often both are right by products of numbers: 1,225 x 1,280 x 10,000
multiplications and as many additions, 31 thousand million operations, 0.2 to 0.4 s at 80 to 150 thousand million a second on two
cores. Counted as bits, 64 pictures a step, how often a picture is drawn is three bit planes for all but a few pictures: 3 x 20
words for a pair and draw, 0.7 thousand million steps of and and count, 0.05 to 0.2 s. What both need besides is 12 million
kappas and their percentiles, 0.1 to 0.2 s in numpy.

    python tools/bench_consistency.py [COMMAND ...]    COMMAND: what runs lgf (default: lgf)
"""

import itertools
import os
import re
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

CORES = os.cpu_count()
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # a thread a block of draws instead

import numpy

OBSERVERS, PICTURES, DRAWS, BLOCK, ROUNDS = 50, 1280, 10_000, 250, 3
PAIRS = numpy.array(list(itertools.combinations(range(OBSERVERS), 2))).T
ENDS = [2.5, 97.5]


def made(rng):
    """Who is right on which picture, float32: easy and hard pictures, good and bad observers."""
    easy, good = rng.normal(size=PICTURES), rng.normal(0, 0.7, size=(OBSERVERS, 1))
    return (easy + good + rng.normal(size=(OBSERVERS, PICTURES)) > 0).astype(numpy.float32)


def kappas(both, right):
    """A row a pair, a column a draw, from how many pictures both are right on and how many each is right on."""
    both, right = both / PICTURES, right / PICTURES
    first, second = right[PAIRS[0]], right[PAIRS[1]]
    wrong = 1 - first - second
    expected = wrong + 2 * first * second
    return (wrong + 2 * both - expected) / (1 - expected)


def by_drawing(correct):
    """Each draw's pictures, and observers times observers."""

    def drawn(rng):
        both = numpy.empty((PAIRS.shape[1], BLOCK), numpy.float32)
        right = numpy.empty((OBSERVERS, BLOCK), numpy.float32)
        for draw, pictures in enumerate(rng.integers(0, PICTURES, (BLOCK, PICTURES))):
            own = correct[:, pictures]
            counts = own @ own.T
            both[:, draw], right[:, draw] = counts[PAIRS[0], PAIRS[1]], counts.diagonal()
        return kappas(both, right)

    return drawn


def by_weights(correct):
    """Pairs that are both right on each picture, times how often each draw has it."""
    pairs = correct[PAIRS[0]] * correct[PAIRS[1]]
    rows = PICTURES * numpy.arange(BLOCK)[:, None]

    def drawn(rng):
        pictures = rng.integers(0, PICTURES, (BLOCK, PICTURES)) + rows
        weights = numpy.bincount(pictures.ravel(), minlength=BLOCK * PICTURES).reshape(BLOCK, PICTURES)
        weights = weights.astype(numpy.float32).T
        return kappas(pairs @ weights, correct @ weights)

    return drawn


def intervals(way, correct):
    """The two ends for each pair, and the seconds that they took."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        drawn, seeds = way(correct), numpy.random.SeedSequence(1).spawn(DRAWS // BLOCK)
        draws = list(pool.map(lambda seed: drawn(numpy.random.default_rng(seed)), seeds))
        parts = numpy.array_split(numpy.arange(PAIRS.shape[1]), 8 * CORES)
        ends_of = lambda part: numpy.percentile(numpy.concatenate([one[part] for one in draws], axis=1), ENDS, axis=1)
        ends = numpy.concatenate(list(pool.map(ends_of, parts)), axis=1)
    return ends, time.perf_counter() - began


def spread(name, seconds):
    print(f"{name}: least {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s")
    return statistics.median(seconds)


def main():
    command = sys.argv[1:] or ["lgf"]
    print(__doc__.split("\n\n")[1])
    correct = made(numpy.random.default_rng(50))
    print(f"{OBSERVERS} observers, {PAIRS.shape[1]:,} pairs, {PICTURES:,} pictures, {DRAWS:,} draws; {CORES} cores")
    ways, took = {"drawing pictures": by_drawing, "weights": by_weights}, {}
    ends = {}
    for name, way in ways.items():
        ends[name], took[name] = intervals(way, correct)
        print(f"numpy {numpy.__version__} by {name}: {took[name]:.2f} s")
    assert numpy.abs(ends["weights"] - ends["drawing pictures"]).max() < 1e-4
    fastest = min(took, key=took.get)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        try:
            run = subprocess.run([*command, "bench", "consistency"], capture_output=True, text=True)
        except FileNotFoundError:
            return print(f"no command {command[0]}: numpy alone")
        found = re.search(r"\d+(\.\d+)?", run.stdout)
        if run.returncode or not found:
            return print(f"no `{' '.join(command)} bench consistency`: numpy alone")
        ours.append(float(found[0]))
        theirs.append(intervals(ways[fastest], correct)[1])
    ratio = spread(f"numpy by {fastest}", theirs) / spread("lgf", ours)
    print(f"{ratio:.1f} times faster (medians)")


if __name__ == "__main__":
    main()
