#!/usr/bin/env python3
"""Step 6 beside the study's own loop in pandas, on the predictions of one data root, in one run.

The limit. The loop looks up each of some 36,000 patched pictures' originals in a table of 40,000 rows, twice: two times 1.4
thousand million comparisons. One pass over the rows with a hash of (network, photograph) needs 40,000 steps, a millisecond or
two; what remains of a whole analysis is drawing 31 figures three times each (SVG, PNG, PDF).
"""

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/reference"))

GOAL, MOST = 50.0, 20.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lgf", default="lgf", help="the command")
    parser.add_argument("root", help="a data root on which `lgf --protocol published all` has run")
    arguments = parser.parse_args()
    print(__doc__.split("\n\n", 1)[1])
    import analysis
    import pandas

    found = subprocess.run([arguments.lgf, "--root", arguments.root, "bench", "analysis"], check=True, text=True, capture_output=True)
    print(found.stdout.strip())
    ours, sums = re.search(r"([\d.]+) seconds for (\d+) sums", found.stdout).groups()
    whole = float(re.search(r"([\d.]+) seconds for every table", found.stdout)[1])
    table = pandas.read_csv(Path(arguments.root, "predictions.csv"))
    began = time.perf_counter()
    index = analysis.interaction(table)
    theirs = time.perf_counter() - began
    ratio = theirs / float(ours)
    print(f"pandas {pandas.__version__}: {theirs:.1f} s for {len(index)} sums of {len(table)} predictions")
    print(f"{ratio:,.0f} times faster (goal: {GOAL:.0f}); the whole analysis {whole:.1f} s (at most {MOST:.0f})")
    sys.exit(0 if ratio >= GOAL and whole <= MOST else 1)


if __name__ == "__main__":
    main()
