#!/usr/bin/env python3
"""Drills: kills, full disks, a machine that refuses, two at once; after each the same call again gives the same bytes.

    tests/drill/drill.py --lgf target/debug/lgf --share 0.1
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

import kills
import machine
import study
import together
from bench import Bench, Failure, Tally

RANDOM_KILLS = 1000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", required=True, help="the program")
    parser.add_argument("--share", type=float, default=1.0, help="share of the drills, above 0 and at most 1 (default 1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="points,random,machine,together", help="kinds of drills, with commas between")
    parser.add_argument("--step", default="", help="points and machine: only steps whose name holds this")
    return parser.parse_args()


def shim(folder):
    """The library between the program and the C library, built."""
    built = folder / "fault.so"
    source = Path(__file__).with_name("fault.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(source), "-o", str(built), "-ldl"], check=True)
    return str(built)


def in_processes(works):
    """What some works give, each done in a process of its own."""
    queue = multiprocessing.Queue()

    def do(place, work):
        try:
            queue.put((place, work(), None))
        except Failure as failure:
            queue.put((place, None, failure.words))
        except Exception:
            queue.put((place, None, traceback.format_exc()))

    processes = [multiprocessing.Process(target=do, args=of, daemon=True) for of in enumerate(works)]
    for process in processes:
        process.start()
    found = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    for _, _, failed in found:
        if failed:
            raise SystemExit(f"a process of the drills failed: {failed}")
    return [given for _, given, _ in sorted(found, key=lambda of: of[0])]


def prepared(options, folder, library):
    """Every step before and after, undisturbed: all of them, those of the sequence among them, and all in one call."""
    benches = [Bench(options.lgf, library, folder / f"prepare{number}") for number in range(2)]
    wheels = folder / "wheels"
    wheels.mkdir()
    sampled = study.sampled(benches[0])
    begun = study.cut(sampled[0].after, folder / "given")
    fetched = study.fetched(benches[0], wheels)
    sequence, whole = in_processes(
        [lambda: study.sequence(benches[0], begun), lambda: study.whole(benches[1], begun)]
    )
    halves = [sequence[:3], sequence[3:]]
    more = in_processes([partial(study.variants, bench, half) for bench, half in zip(benches, halves)])
    return [*sampled, *fetched, *sequence, *more[0], *more[1]], sequence, whole


def drills_of(options, steps, sequence, whole, kills_so_far, start):
    """All drills of these options."""
    kinds, steps = options.only.split(","), [step for step in steps if options.step in step.name]
    found = []
    if "random" in kinds:
        count = max(1, round(RANDOM_KILLS * options.share))
        found += kills.at_random(whole, start, count, options.seed, kills_so_far)
    if "points" in kinds:
        found += kills.at_points(steps, options.share, options.seed)
    if "machine" in kinds:
        found += machine.drills(steps, options.share, options.seed)
    if "together" in kinds:
        found += together.drills(steps, sequence, whole, options.share, options.seed)
    return found


def work(bench, drills, taken, kills_so_far, most):
    """What one of the processes does: the next drill that no other has taken, until there is none."""
    tally = Tally()
    while True:
        with taken.get_lock():
            place, taken.value = taken.value, taken.value + 1
        if place >= len(drills):
            used = [resource.getrusage(of) for of in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
            tally.busy = sum(of.ru_utime + of.ru_stime for of in used)
            return tally
        if drills[place].row != kills.RANDOM or kills_so_far.value < most:
            tally.do(drills[place], bench)


def report(tally, seconds):
    """The table, the failures, and one line."""
    print(f"\n{'drill':34} {'points':>7} {'tried':>6} {'exit 1':>7} {'seconds':>8}")
    for name, row in sorted(tally.rows.items()):
        print(f"{name:34} {row.points:7} {row.tried:6} {row.refused:7} {row.seconds:8.1f}")
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(f"in {seconds:.0f} s; the drills took {tally.busy:.0f} s of processor time")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {len(tally.failures)} failed{skipped}")


def main():
    options, began = arguments(), time.monotonic()
    options.lgf = os.path.realpath(options.lgf)
    # What was begun goes with it, in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=memory))
    try:
        library = shim(folder)
        steps, sequence, whole = prepared(options, folder, library)
        print(f"prepared in {time.monotonic() - began:.0f} s", flush=True)
        benches = [Bench(options.lgf, library, folder / f"job{job}", job) for job in range(options.jobs)]
        start = benches[0].call(["doctor"]).seconds
        taken, fallen = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
        drills = drills_of(options, steps, sequence, whole, fallen, start)
        most, tally = max(1, round(RANDOM_KILLS * options.share)), Tally()
        for other in in_processes([partial(work, bench, drills, taken, fallen, most) for bench in benches]):
            tally.add(other)
        print(f"{fallen.value} kills at random moments")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(tally, time.monotonic() - began)
    sys.exit(1 if tally.failures else 0)


if __name__ == "__main__":
    main()
