#!/usr/bin/env python3
"""Times notebook cells as a person meets them: kernel start, setup cell, first values, figures, tables.

A fixed list of cells that compute nearly nothing, so that what is measured is the notebook: compiling, loading and
showing. Each round runs it twice in fresh kernels, in the short way and in the plain one (evcxr as it comes). Then every
cell of the notebooks, in the short way, beside the time in which the cell itself ran.
"""

import argparse
import os
import statistics
import sys

import nbformat
from kernel import NOTEBOOKS, SETUP, Kernel
from run_notebooks import order

FIGURE = "[Bar::new(name.clone(), levels[0])].plot()"
# What is timed, its kind and the cell. A figure comes as soon as there is a value to draw.
CELLS = [
    ("setup cell", "setup", SETUP),
    ("first typed value", "value", 'let levels = vec![0.9, 0.7, 0.4];\nlet name = String::from("resnet50");'),
    ("first figure", "figure", FIGURE),
    ("figure again", "display", FIGURE),
    ("data frame", "value", 'let frame = lgf::polars::df!("level" => &levels, "accuracy" => &levels)?;'),
    ("table of the frame", "display", "frame.clone()"),
    ("a number", "display", "levels.len()"),
    ("a sentence", "display", 'format!("{name}: {} levels", levels.len())'),
    ("figure, third time", "display", FIGURE),
    ("value from a value", "value", "let best: f64 = levels[0];"),
    ("table again", "display", "frame.head(Some(2))"),
]
# Seconds on an idle machine of two cores, and shares of the plain way's.
FIGURE_GOAL, DISPLAY_GOAL, NOTEBOOK_GOAL = 6.0, 0.35, 0.8
FIGURE_SHARE, DISPLAY_SHARE = 0.4, 0.35


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both ways (default: 3)")
    parser.add_argument("--no-notebooks", action="store_true", help="only the fixed list")
    arguments = parser.parse_args()
    ways = {"short": [], "plain": []}
    for number in range(1, arguments.rounds + 1):
        for way, rounds in ways.items():
            print(f"round {number} of {arguments.rounds}, {way} way", flush=True)
            rounds.append(fixed_list(way))
    report(ways)
    met = goals(ways)
    if not arguments.no_notebooks:
        met &= notebooks()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} jobs on {os.cpu_count()} cores (this one among them)")
    sys.exit(0 if met else 1)


def kernel_of(way):
    return Kernel(dict(os.environ, LGF_KERNEL="plain") if way == "plain" else None)


def fixed_list(way):
    """Seconds of each cell in a fresh kernel, and of its start."""
    with kernel_of(way) as kernel:
        times = {"kernel start": kernel.start_seconds}
        for name, _, code in CELLS:
            times[name] = kernel.run(code).check().seconds
    return times


def to_figure(times):
    """From the kernel's start to the first figure."""
    first = next(place for place, (_, kind, _) in enumerate(CELLS) if kind == "figure")
    return times["kernel start"] + sum(times[name] for name, *_ in CELLS[: first + 1])


def displays(rounds):
    return statistics.median(times[name] for times in rounds for name, kind, _ in CELLS if kind == "display")


def report(ways):
    print(f"\n{'seconds':<22}{'short':>9}{'fastest':>9}{'slowest':>9}{'plain':>9}{'share':>8}")
    for name in ["kernel start", *(name for name, *_ in CELLS)]:
        short, plain = ([times[name] for times in ways[way]] for way in ("short", "plain"))
        median, other = statistics.median(short), statistics.median(plain)
        print(f"{name:<22}{median:9.2f}{min(short):9.2f}{max(short):9.2f}{other:9.2f}{median / other:8.2f}")


def goals(ways):
    figure = {way: statistics.median(to_figure(times) for times in rounds) for way, rounds in ways.items()}
    display = {way: displays(rounds) for way, rounds in ways.items()}
    print()
    met = goal("kernel start to first figure", figure["short"], FIGURE_GOAL)
    met &= goal("  as a share of the plain way", figure["short"] / figure["plain"], FIGURE_SHARE, "times")
    met &= goal("median of display cells", display["short"], DISPLAY_GOAL)
    met &= goal("  as a share of the plain way", display["short"] / display["plain"], DISPLAY_SHARE, "times")
    return met


def goal(what, value, most, unit="s"):
    print(f"{what:<32}{value:6.2f} {unit} (goal: at most {most} {unit}{'' if value <= most else '; NOT MET'})", flush=True)
    return value <= most


def notebooks():
    """Every cell of the notebooks, beside its own computing."""
    print(f"\n{'notebook':<36}{'cells':>6}{'shown':>7}{'median':>8}{'slowest':>9}  beside their own computing, and that")
    slowest, all_beside = 0.0, []
    for path in sorted(NOTEBOOKS.glob("*.ipynb"), key=order):
        beside, ran, count = [], 0.0, 0
        with Kernel() as kernel:
            for cell in nbformat.read(path, as_version=4).cells:
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                done = kernel.run(cell.source, timeout=1800).check()
                count, ran = count + 1, ran + (done.ran or 0.0)
                if done.bundles and done.ran is not None:
                    beside.append((done.seconds - done.ran, first_line(cell.source)))
        if not beside:
            continue
        worst = max(beside)
        median = statistics.median(seconds for seconds, _ in beside)
        all_beside += [seconds for seconds, _ in beside]
        slowest = max(slowest, worst[0])
        print(f"{path.stem:<36}{count:6}{len(beside):7}{median:8.2f}{worst[0]:9.2f}  {ran:.1f} s; slowest: {worst[1]}", flush=True)
    print(f"\nmedian of all {len(all_beside)} display cells: {statistics.median(all_beside):.2f} s")
    return goal("slowest display cell", slowest, NOTEBOOK_GOAL)


def first_line(source):
    return source.strip().splitlines()[0][:60]


if __name__ == "__main__":
    main()
