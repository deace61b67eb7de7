"""Golden file for stats::power: statsmodels' power of a paired two-sided t test."""

import json
import pathlib

import scipy
import statsmodels
from statsmodels.stats.power import TTestPower

cases = [
    {"n": n, "effect": effect, "alpha": alpha, "power": float(TTestPower().power(effect, n, alpha))}
    for n in (2, 3, 10, 30, 34, 100, 1000)
    for effect in (0.1, 0.5, 1.2, -0.4)
    for alpha in (0.05, 0.01)
]
cases = [case for case in cases if case["power"] == case["power"]]  # SciPy gives up where power is all but 1
versions = {"statsmodels": statsmodels.__version__, "scipy": scipy.__version__}
pathlib.Path("tests/golden/power.json").write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
