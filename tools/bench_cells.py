#!/usr/bin/env python3
"""Times notebook cells as a person meets them: kernel start, setup cell, first values, figures, tables.

Each round starts a fresh kernel on a warm slot. The cells draw and compute nearly nothing, so that what is measured is
the notebook: compiling, loading and showing.
"""

import argparse
import statistics
import sys

from kernel import SETUP, Kernel

FIGURE = '[Bar::new(name.clone(), levels[0])].plot()'
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
DISPLAY_GOAL, FIGURE_GOAL = 1.5, 20.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="fresh kernels to measure (default: 3)")
    rounds = parser.parse_args().rounds
    times = {name: [] for name, *_ in CELLS}
    starts, to_figure = [], []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", flush=True)
        with Kernel() as kernel:
            so_far = kernel.start_seconds
            starts.append(so_far)
            for name, kind, code in CELLS:
                times[name].append(kernel.run(code).check().seconds)
                so_far += times[name][-1]
                if kind == "figure":
                    to_figure.append(so_far)
    shown = [statistics.median(times[name]) for name, kind, _ in CELLS if kind == "display"]
    median, figure = statistics.median(shown), statistics.median(to_figure)
    print(f"\n{'':<26}{'median':>8}{'fastest':>9}{'slowest':>9}   seconds")
    for name, values in [("kernel start", starts), *times.items()]:
        print(f"{name:<26}{statistics.median(values):8.2f}{min(values):9.2f}{max(values):9.2f}")
    print(f"\nkernel start to first figure: {figure:.1f} s (goal: at most {FIGURE_GOAL:.0f} s)")
    print(f"median of display cells:      {median:.2f} s (goal: at most {DISPLAY_GOAL} s)")
    sys.exit(0 if figure <= FIGURE_GOAL and median <= DISPLAY_GOAL else 1)


if __name__ == "__main__":
    main()
