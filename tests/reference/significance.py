"""Golden file for stats: Wilcoxon's test and Pearson's correlation as SciPy gives them, on samples with ties and zeros."""

import json
import pathlib

import numpy
import scipy
from scipy import stats

rng = numpy.random.default_rng(7)
cases = []
for n in (3, 5, 12, 30, 50, 51, 120, 1000):
    for kind in ("plain", "ties", "zeros", "heavy", "shifted"):
        a, b = rng.normal(size=n), rng.normal(size=n)
        if kind == "ties":
            a, b = numpy.round(a * 2) / 2, numpy.round(b * 2) / 2 + 0.25
        if kind == "zeros":
            b[::3] = a[::3]
        if kind == "heavy":
            a = rng.standard_cauchy(size=n)
        if kind == "shifted":
            b = a + 0.8 + 0.3 * b
        case = {"kind": kind, "a": a.tolist(), "b": b.tolist()}
        for alternative in ("greater", "less", "two-sided"):
            test = stats.wilcoxon(a, b, alternative=alternative)
            case[alternative] = [float(test.statistic), float(test.pvalue)]
        test = stats.pearsonr(a, b)
        case["pearson"] = [float(test.statistic), float(test.pvalue)]
        cases.append(case)
golden = {"versions": {"scipy": scipy.__version__, "numpy": numpy.__version__}, "cases": cases}
pathlib.Path("tests/golden/statistics.json").write_text(json.dumps(golden) + "\n")
