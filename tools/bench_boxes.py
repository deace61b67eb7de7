#!/usr/bin/env python3
"""Step 1 on an archive of ImageNet's own size, beside `gzip -dc` of the same bytes, in one run on the same cores.

The limit: every byte has to be unpacked twice (the outer archive, then each inner one), and gzip does just that, on two
cores. What a reader adds to it is parsing the XML and writing the table; a faster inflate than gzip's makes room for it.
With --python, the published way (tarfile, xmltodict, pandas.concat) on some of the archives.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
RATIO_GOAL, RECORDS_GOAL, MEMORY_GOAL, PYTHON_GOAL = 0.8, 150_000, 700, 100
FILES = 1_073_739


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("--root", type=Path, default=REPO / "data" / "out" / "bench_boxes", help="where things are kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", help="a Python with pandas and xmltodict, for the published way")
    arguments = parser.parse_args()
    print(__doc__.split("\n\n")[1], "\n")
    rows = [measure(arguments, share) for share in [0.01, 0.1, 1.0]]
    print(f"\n{'archive':>8}{'files':>11}{'gzip s':>9}{'Parquet s':>11}{'all s':>8}{'ratio':>7}{'files/s':>10}{'peak MB':>9}")
    for share, files, gzip, parquet, whole, memory in rows:
        print(
            f"{share:8.0%}{files:11,}{gzip:9.2f}{parquet:11.2f}{whole:8.2f}{parquet / gzip:7.2f}"
            f"{files / parquet:10,.0f}{memory:9.0f}"
        )
    _, files, gzip, parquet, _, memory = rows[-1]
    print(f"\ntime to the Parquet file over gzip: {parquet / gzip:.2f} (goal: at most {RATIO_GOAL})")
    print(f"files a second: {files / parquet:,.0f} (goal: at least {RECORDS_GOAL:,})")
    print(f"peak memory: {memory:.0f} MB (goal: at most {MEMORY_GOAL})")
    good = parquet / gzip <= RATIO_GOAL and files / parquet >= RECORDS_GOAL and memory <= MEMORY_GOAL
    if arguments.python:
        good &= published_way(arguments)
    shutil.rmtree(arguments.root)
    sys.exit(0 if good else 1)


def measure(arguments, share):
    """The best of some rounds, gzip and lgf in turn."""
    folder = arguments.root / f"{share}"
    archive, inner = folder / "Annotation.tar.gz", folder / "inner"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    run([arguments.lgf, "sample", "--annotations", "imagenet", "--share", str(share), "--out", archive])
    print(f"{share:.0%}: drawn in {time.perf_counter() - began:.1f} s, {archive.stat().st_size / 1e6:.1f} MB", flush=True)
    inner.mkdir(exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(inner, filter="data")
    gzips, parquets, wholes, memory = [], [], [], 0
    for _ in range(arguments.rounds):
        gzips.append(unpack(archive, inner))
        parquet, whole, peak = boxes(arguments.lgf, archive, folder / "root")
        parquets.append(parquet)
        wholes.append(whole)
        memory = max(memory, peak)
    shutil.rmtree(inner)
    return share, round(FILES * share), min(gzips), min(parquets), min(wholes), memory


def unpack(archive, inner):
    """gzip alone: the outer archive, then every inner one, two at a time."""
    began = time.perf_counter()
    with open(os.devnull, "wb") as nothing:
        subprocess.run(["gzip", "-dc", archive], stdout=nothing, check=True)
        command = f"find '{inner}' -name '*.gz' -print0 | xargs -0 -P 2 -n 64 gzip -dc"
        subprocess.run(["sh", "-c", command], stdout=nothing, check=True)
    return time.perf_counter() - began


def boxes(lgf, archive, root):
    """Seconds to the Parquet file, to the end, and the peak of memory in MB."""
    shutil.rmtree(root, ignore_errors=True)
    parquet = root / "imagenet_boundingboxes.parquet"
    seen = []

    def watch():
        while not seen:
            if parquet.exists():
                seen.append(time.perf_counter())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    began = time.perf_counter()
    command = [lgf, "boxes", "--archive", archive, "--root", root]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench_boxes: lgf boxes failed on {archive}")
    watcher.join()
    return seen[0] - began, ended - began, usage.ru_maxrss / 1024


def published_way(arguments):
    """20 of the archives, by both."""
    folder = arguments.root / "twenty"
    folder.mkdir(exist_ok=True)
    archive = folder / "Annotation.tar.gz"
    run([arguments.lgf, "sample", "--annotations", "imagenet", "--share", str(20 / 3627), "--out", archive])
    script = REPO / "tests" / "reference" / "published_boxes.py"
    # Both without the time that the program takes to start: 20 archives are over before libtorch is loaded.
    python = min(seconds([arguments.python, script, archive, folder / "published.csv"]) for _ in range(2))
    ours = min(seconds([arguments.lgf, "bench", "--root", folder / "root", "boxes", archive]) for _ in range(5))
    print(f"\n20 archives: the published way {python:.2f} s, lgf {ours:.3f} s: {python / ours:.0f} times faster")
    return python / ours >= PYTHON_GOAL


def seconds(command):
    """What a command says that it took: the first word it prints."""
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(outcome.stdout.split()[0])


def run(command):
    outcome = subprocess.run(command, stdout=subprocess.DEVNULL)
    if outcome.returncode != 0:
        sys.exit(f"bench_boxes: failed: {' '.join(map(str, command))}")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
